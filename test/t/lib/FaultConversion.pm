# The fault test's scenario of cvwiz.partition_by_month() and its undo: how it is
# made, started and finished, where it can be held, and what must be true in the
# end.
package FaultConversion;

use strict;
use warnings;

use Exporter 'import';
use FaultRows;
use Faults;

our @EXPORT = qw(%conversion);

my $definition = q{SELECT string_agg(line, E'\n' ORDER BY line) FROM (
	SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = '%1$s'::regclass
	UNION ALL SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = '%1$s'::regclass
	UNION ALL SELECT concat_ws(' ', 'column', attname, attnotnull) FROM pg_attribute WHERE attrelid = '%1$s'::regclass AND attnum > 0
	UNION ALL SELECT concat_ws(' ', 'trigger', tgname, tgenabled) FROM pg_trigger WHERE tgrelid = '%1$s'::regclass AND NOT tgisinternal
	UNION ALL SELECT concat_ws(' ', 'kind', relkind, relispartition) FROM pg_class WHERE oid = '%1$s'::regclass) d(line)};

sub convert_call
{
	my ($round) = @_;

	return "CALL cvwiz.partition_by_month('$round->{table}', 'at', retention_days => 90, keep_unique => $round->{keep_unique});\n";
}

sub make_conversion
{
	my ($round) = @_;
	my $table = $round->{table};

	$round->{node}->safe_psql('postgres', qq{
		SET TimeZone = 'UTC';
		SET ROLE app;
		CREATE TABLE $table (id bigint PRIMARY KEY, at timestamptz NOT NULL, note text, user_id bigint REFERENCES users);
		CREATE INDEX ON $table (at);
		CREATE INDEX ON $table (user_id);
	} . insert_rows($table));
	$round->{definition} = ask(sprintf($definition, $table));
	$round->{goal} = $round->{back} ? 'undone' : 'converted';
	$round->{node}->safe_psql('postgres', "SET client_min_messages = warning; SET ROLE app;\n" . convert_call($round))
	  if $round->{back};
	return;
}

sub start_conversion
{
	my ($round) = @_;
	my $session = start_session('caller', 'app', $round->{back} ?
		"CALL cvwiz.undo_partition_by_month('$round->{table}');\n" : convert_call($round));

	return ($session, $session->{pid});
}

sub state_of_conversion
{
	my ($round) = @_;
	my $table = $round->{table};
	my $direction = $round->{back} ? 'undo' : 'conversion';

	return "$direction: " . ask(qq{
		SELECT CASE
			WHEN c.relkind = 'p' AND EXISTS (SELECT FROM cvwiz.retention_policy WHERE relation = c.oid) THEN 'partitioned, policy'
			WHEN c.relkind = 'p' THEN 'partitioned, ' || (SELECT count(*) FROM pg_inherits WHERE inhparent = c.oid) || ' partitions'
			WHEN EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND NOT indisvalid) THEN 'index begun'
			WHEN EXISTS (SELECT FROM pg_class WHERE relname ~ ('cvwiz_' || c.oid || '_')) THEN 'index built'
			WHEN EXISTS (SELECT FROM pg_constraint WHERE conrelid = c.oid AND contype = 'c' AND convalidated) THEN 'check validated'
			WHEN EXISTS (SELECT FROM pg_constraint WHERE conrelid = c.oid AND contype = 'c') THEN 'check added'
			ELSE 'plain' END
		FROM pg_class c WHERE c.oid = '$table'::regclass});
}

# Either on, or back.
sub finish_conversion
{
	my ($round) = @_;
	my $table = $round->{table};
	my $is_plain = ask("SELECT relkind = 'r' FROM pg_class WHERE oid = '$table'::regclass") eq 't';

	$round->{goal} = $round->{afterwards} ? 'undone' : 'converted';
	my ($status, undef, $stderr) = $round->{node}->psql('postgres', "SET ROLE app;\n"
		  . ($round->{goal} eq 'undone' ? "CALL cvwiz.undo_partition_by_month('$table')" : convert_call($round)));

	# it may have come to its end before it was killed, or not have begun
	return () if $status == 0 || $round->{goal} eq 'undone' && $is_plain && $stderr =~ /not converted|was not|is no/i;
	return "the next call ($round->{goal}) fails: $stderr";
}

sub check_conversion
{
	my ($round) = @_;
	my $table = $round->{table};
	my @problems = problems_with_rows($round, 'true');

	push @problems, differs('tables left', loose_tables($table), '');
	push @problems, differs('invalid indexes', ask('SELECT count(*) FROM pg_index WHERE NOT indisvalid'), 0);
	push @problems, differs('names left', ask(
			"SELECT string_agg(name, ' ') FROM (SELECT relname FROM pg_class UNION ALL SELECT conname FROM pg_constraint) n(name) WHERE name ~ '^cvwiz_(convert|\\d)'"), '');
	if ($round->{goal} eq 'undone')
	{
		push @problems, differs('definition', ask(sprintf($definition, $table)), $round->{definition});
		push @problems, differs('rows of conversion', ask('SELECT count(*) FROM cvwiz.conversion'), 0);
		return @problems;
	}
	push @problems, differs('kind', ask("SELECT relkind FROM pg_class WHERE oid = '$table'::regclass"), 'p');
	push @problems, differs('rows of conversion', ask('SELECT count(*) FROM cvwiz.conversion'), 1);
	push @problems, differs('rows that have moved', ask(
			"SELECT count(*) FROM kept_of_$table k WHERE NOT EXISTS (SELECT FROM ONLY ${table}_legacy l WHERE l.id = k.id)"), 0);
	push @problems, differs('months without a partition', ask(
			"SELECT count(*) FROM generate_series(timestamptz '2026-05-10Z', '2026-08-10Z', '1 month') m"
			  . " WHERE NOT EXISTS (SELECT FROM cvwiz.partition_ranges('$table') WHERE m >= range_start AND m < range_end)"), 0);
	push @problems, differs('primary key', ask(
			"SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = '$table'::regclass AND contype = 'p'"), 'PRIMARY KEY (id, at)');
	push @problems, differs('valid foreign keys, indexes', ask(
			"SELECT (SELECT count(*) FROM pg_constraint WHERE conrelid = '$table'::regclass AND contype = 'f' AND convalidated),"
			  . " (SELECT count(*) FROM pg_index WHERE indrelid = '$table'::regclass AND indisvalid)"), '1|3');
	push @problems, differs('policy', ask("SELECT retention_days FROM cvwiz.retention_policy WHERE relation = '$table'::regclass"), 90);
	return @problems;
}

my $check_is = "EXISTS (SELECT FROM pg_constraint WHERE conname = 'cvwiz_convert_range' AND %s)";
my $index_is_built = "EXISTS (SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relname ~ '^cvwiz_\\d+_key' AND i.indisvalid)";
my $is_partitioned = "(SELECT relkind FROM pg_class WHERE relname = '%t') = 'p'";
my $is_attached = "coalesce((SELECT relispartition FROM pg_class WHERE relname = '%t_legacy'), false)";

our %conversion = (
	name => 'conversion',
	make => \&make_conversion, start => \&start_conversion, state => \&state_of_conversion,
	finish => \&finish_conversion, check => \&check_conversion,
	holds => {
		'before the check' => { at => 'ddl_command_start ALTER TABLE' },
		'check added, not committed' => { at => 'ddl_command_end ALTER TABLE', if => sprintf($check_is, 'NOT convalidated') },
		'before the validation' => { at => 'ddl_command_start ALTER TABLE', if => sprintf($check_is, 'NOT convalidated') },
		'check validated, not committed' => { at => 'ddl_command_end ALTER TABLE', if => sprintf($check_is, 'convalidated') },
		'before the index' => { at => 'ddl_command_start CREATE INDEX', statement => 1 },
		'index waits for older transactions' => {
			lock => 'SELECT count(*) FROM users', statement => 1,
			until => "EXISTS (SELECT FROM pg_index WHERE NOT indisvalid AND indisready) AND EXISTS (SELECT FROM pg_locks WHERE locktype = 'virtualxid' AND NOT granted)"
		},
		'before the swap' => { at => 'ddl_command_start ALTER TABLE', if => $index_is_built },
		'in the middle of the swap' => { at => 'ddl_command_end CREATE TABLE', if => $is_partitioned },
		'swapped, not committed' => { at => 'ddl_command_end ALTER TABLE', if => $is_attached },
		'before a partition' => { at => 'ddl_command_start CREATE TABLE', if => $is_partitioned },
		'partition created, not attached' => { at => 'ddl_command_end CREATE TABLE', if => $is_attached },
		'policy made, not committed' => { at => 'policy' },
	},
	back_holds => {
		'undo: before the index' => { at => 'ddl_command_start CREATE INDEX', statement => 1, unless => 'keep_unique' },
		'undo: before the swap' => { at => 'ddl_command_start ALTER TABLE', if => $is_attached },
		'undo: in the middle of the swap' => { at => 'ddl_command_end DROP TABLE' },
	});

1;
