# The fault test's scenario of a retention run: how it is made, started and
# finished, where it can be held, and what must be true in the end.
package FaultRun;

use strict;
use warnings;

use Exporter 'import';
use Time::HiRes qw(sleep time);
use FaultArchive;
use FaultRows;
use Faults;

our @EXPORT = qw(%run);

my $premake = 2;
my $partition_list = q{SELECT coalesce(string_agg((range_start AT TIME ZONE 'UTC')::date || ' ' || (range_end AT TIME ZONE 'UTC')::date, ', ' ORDER BY range_start), '')
	FROM cvwiz.partition_ranges('%s')};

sub make_run
{
	my ($round) = @_;
	my $table = $round->{table};
	my $reference = $round->{refers} ? ' REFERENCES users' : '';

	$round->{node}->safe_psql('postgres', qq{
		SET TimeZone = 'UTC';
		SET ROLE app;
		CREATE TABLE $table (id bigint NOT NULL, at timestamptz NOT NULL, note text, user_id bigint$reference, PRIMARY KEY (id, at))
		PARTITION BY RANGE (at);
		CREATE INDEX ON $table (at);
		DO \$\$BEGIN
			FOR n IN 0..5 LOOP
				PERFORM cvwiz.create_partition('$table', (date '2025-12-01' + n * interval '1 month')::date);
			END LOOP;
		END\$\$;
	} . insert_rows($table));
	make_archive_directory($round);
	return;
}

# With a policy of two days ago the worker has a run to make up for; by CALL it
# is made as soon as there is a policy. Returns the session and the process.
sub start_run
{
	my ($round) = @_;
	my $table = $round->{table};
	my $by_worker = $round->{by} eq 'worker' && !$round->{started}++;
	my $policy = $by_worker ? '2026-05-08 12:00' : $now;
	my $options = "premake_months => $premake, drop_after => '$round->{drop_after}'" . archive_options($round);

	# a second one, after a kill, has its policy
	$round->{node}->safe_psql('postgres', qq{
		SET client_min_messages = warning;
		SET cvwiz.now = '$policy';
		SELECT cvwiz.add_retention_policy('$table', $options)
		WHERE NOT EXISTS (SELECT FROM cvwiz.retention_policy WHERE relation = '$table'::regclass)});
	if (!$by_worker)
	{
		my $session = start_session('caller', 'app', "CALL cvwiz.run_retention('$table');\n");
		return ($session, $session->{pid});
	}
	my $pid = '';
	my $deadline = time() + 60;
	while ($pid eq '' && time() < $deadline)
	{
		$pid = ask("SELECT pid FROM pg_stat_activity WHERE backend_type = 'cvwiz worker' AND query LIKE '%of public.$table'");
	}
	die "the worker does not come" if $pid eq '';
	return (undef, $pid);
}

# Where the run was when it was killed, as it is found afterwards.
sub state_of_run
{
	my ($round) = @_;
	my $table = $round->{table};
	my $archive = archive_state($round);

	return $archive if defined $archive;
	return ask(qq{
		SELECT CASE
			WHEN EXISTS (SELECT FROM cvwiz.retention_run WHERE relation_name = 'public.$table' AND success) THEN 'after the end'
			WHEN EXISTS (SELECT FROM pg_inherits WHERE inhdetachpending) THEN 'detach pending'
			WHEN EXISTS (SELECT FROM cvwiz.detached_partition WHERE emptied) THEN 'emptied'
			WHEN EXISTS (SELECT FROM cvwiz.archive a JOIN cvwiz.detached_partition d ON d.parent = a.relation AND d.range_start = a.range_start)
				AND '$round->{drop_after}' = '0' THEN 'archived'
			WHEN EXISTS (SELECT FROM cvwiz.detached_partition WHERE detached_at IS NULL) THEN 'about to detach'
			WHEN EXISTS (SELECT FROM cvwiz.detached_partition) AND '$round->{drop_after}' = '0' THEN 'detached'
			WHEN r.deleted_count > $expired_in_partitions THEN 'purging'
			WHEN r.partitions_detached > 0 THEN 'between partitions'
			WHEN r.partitions_created > 0 THEN 'creating'
			WHEN r.cutoff_date IS NOT NULL THEN 'planned'
			WHEN r.run_id IS NOT NULL THEN 'begun'
			ELSE 'not begun' END
		FROM (VALUES (1)) one LEFT JOIN LATERAL (
			SELECT * FROM cvwiz.retention_run WHERE relation_name = 'public.$table' ORDER BY run_id DESC LIMIT 1) r ON true});
}

# One more run.
sub finish_run
{
	my ($round, @settings) = @_;

	for my $attempt (1 .. 50)
	{
		my ($status, undef, $stderr) = $round->{node}->psql('postgres',
			(@settings ? join('', map { "SET $_;\n" } @settings) : "SET ROLE app;\n") . "CALL cvwiz.run_retention('$round->{table}')");
		next if $stderr =~ /another retention run is at work/;
		return $status == 0 ? () : "the next run fails: $stderr";
	}
	continue
	{
		sleep(0.1);
	}
	return 'another run is at work for ever';
}

sub check_run
{
	my ($round) = @_;
	my $table = $round->{table};
	my $runs = "FROM cvwiz.retention_run WHERE relation_name = 'public.$table'";
	my ($first_kept, $gone) = $round->{archives} ? ($cutoff_partition, $expired_in_partitions) : ($cutoff, $expired);
	my @problems = problems_with_rows($round, "at >= '$first_kept'");

	if ($round->{drop_after} ne '0')
	{
		push @problems, differs('tables that await their drop', loose_tables($table), "${table}_2025_12 ${table}_2026_01");
		push @problems, differs('detached_partitions', ask(
				"SELECT string_agg(relation || ' ' || coalesce(rows, 60), ' ' ORDER BY range_start) FROM cvwiz.detached_partitions WHERE parent = '$table'::regclass"),
			"${table}_2025_12 60 ${table}_2026_01 60");
		push @problems, problems_with_archives($round);
		push @problems, finish_run($round, "cvwiz.now = '2026-05-10 14:00'");
	}
	push @problems, problems_with_archives($round);
	push @problems, differs('tables left', loose_tables($table), '');
	push @problems, differs('rows of detached_partition', ask('SELECT count(*) FROM cvwiz.detached_partition'), 0);
	push @problems, differs('pending detaches', ask('SELECT count(*) FROM pg_inherits WHERE inhdetachpending'), 0);
	push @problems, differs('partitions', ask(sprintf($partition_list, $table)),
		join(', ', map { sprintf('2026-%02d-01 2026-%02d-01', $_, $_ + 1) } 2 .. 5 + $premake));
	push @problems, differs('constraints left', ask(
			"SELECT count(*) FROM pg_constraint WHERE conrelid IN (SELECT relid FROM pg_partition_tree('$table')) AND contype = 'c'"), 0);
	push @problems, differs('deleted_count, created, dropped of all runs',
		ask("SELECT sum(deleted_count), sum(partitions_created), sum(partitions_dropped) $runs"), "$gone|$premake|2");
	push @problems, differs('detached by all runs is at most 2', ask("SELECT sum(partitions_detached) <= 2 $runs"), 't');
	push @problems, differs('the last run: success, residue', ask("SELECT success, residue $runs ORDER BY run_id DESC LIMIT 1"), 't|0');
	push @problems, differs("success of the run of process $_", ask("SELECT count(*) $runs AND pid = $_ AND success"), 0)
	  for @{ $round->{interrupted} || [] };
	push @problems, differs('runs without an end', ask("SELECT count(*) $runs AND (finished_at IS NULL OR success IS NULL)"), 0);
	push @problems, differs('failed runs without a reason', ask("SELECT count(*) $runs AND NOT success AND error IS NULL"), 0);
	return @problems;
}

my $partition = '%t_2025_12';
my $is_detached = "NOT (SELECT relispartition FROM pg_class WHERE relname = '$partition')";
my $waits = "EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = '%s'::regclass)";
my $pending = 'EXISTS (SELECT FROM pg_inherits WHERE inhdetachpending)';
my $statement_is_there = "EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'cvwiz statement')";

# A lock on the index that leads to a partition's rows in its TOAST table: whoever
# reads the rows one by one waits at a long one, and nobody else does.
my $toast_index = "(SELECT indexrelid FROM pg_index JOIN pg_class c ON indrelid = c.reltoastrelid WHERE c.relname = '$partition')";
my %reading = (
	lock => "DO \$\$BEGIN EXECUTE (SELECT format('REINDEX INDEX %s', ${toast_index}::regclass)); END\$\$",
	until => "EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = $toast_index)",
	archives => 1);

my $in_detach = [ 'detach waits for readers of the table', 'detach pending' ];
my $in_archive = [ 'archived, not committed', 'archive: file not listed' ];

our %run = (
	name => 'run',
	make => \&make_run, start => \&start_run, state => \&state_of_run,
	finish => \&finish_run, check => \&check_run,
	holds => {
		'plan' => { at => 'record plan' },
		'before the first partition' => { at => 'ddl_command_start CREATE TABLE' },
		'partition created, not attached' => { at => 'ddl_command_end CREATE TABLE' },
		'partition attached, not committed' => { at => 'record created' },
		'between two created partitions' => { at => 'ddl_command_start CREATE TABLE', if => "to_regclass('public.%t_2026_06') IS NOT NULL" },
		'detach about to begin' => {
			lock => "LOCK TABLE $partition IN SHARE UPDATE EXCLUSIVE MODE", until => sprintf($waits, $partition), statement => 1
		},
		'detach waits for readers of the table' => {
			lock => 'LOCK TABLE %t IN ACCESS SHARE MODE', until => "$pending AND $statement_is_there", statement => 1
		},
		'detach waits for readers of the partition' => {
			lock => "LOCK TABLE $partition IN ACCESS SHARE MODE", until => "$pending AND " . sprintf($waits, $partition), statement => 1
		},
		'detached, not committed' => { at => 'ddl_command_end ALTER TABLE', if => $is_detached, statement => 1 },
		'detached, not recorded' => { at => 'record detached' },
		'emptied, not committed' => { at => 'record emptied', refers => 1 },
		'drop waits' => {
			lock => 'LOCK TABLE users IN ACCESS SHARE MODE', refers => 1,
			until => 'EXISTS (SELECT FROM cvwiz.detached_partition WHERE emptied)'
		},
		'before the drop' => { at => 'ddl_command_start DROP TABLE', drops => 1 },
		'dropped, not committed' => { at => 'record dropped', drops => 1 },
		'between two partitions' => {
			at => 'ddl_command_start DROP TABLE', if => "to_regclass('public.$partition') IS NULL", drops => 1
		},
		'archive about to begin' => {
			lock => 'LOCK TABLE cvwiz.archive IN ACCESS EXCLUSIVE MODE', until => sprintf($waits, 'cvwiz.archive'), archives => 1
		},
		'in the middle of the file' => {%reading},
		'file has its name, not listed' => {
			lock => 'LOCK TABLE cvwiz.archive IN EXCLUSIVE MODE', until => sprintf($waits, 'cvwiz.archive'), archives => 1
		},
		'archived, not committed' => { at => 'archive', archives => 1 },
		'archived, the file has two names' => { at => 'archive', archives => 1, both_names => 1 },
		'second partition archived, not committed' => {
			at => 'archive', if => "EXISTS (SELECT FROM cvwiz.archive WHERE relation = 'public.%t'::regclass)", archives => 1
		},
		'archived, before the drop' => { at => 'ddl_command_start DROP TABLE', drops => 1, archives => 1 },
		'batch purged, not committed' => { at => 'record purged', drops => 1, purges => 1 },
		'between two batches' => {
			setting => [ 'cvwiz.purge_pause', '60s' ], purges => 1,
			until => "EXISTS (SELECT FROM cvwiz.retention_run WHERE finished_at IS NULL AND deleted_count % 60 = 20)"
		},
		'end' => { at => 'record end' },
	},

	# What a second run is killed at, after the first was at another place.
	more_holds => {
		'before the finalize' => { at => 'ddl_command_start ALTER TABLE', statement => 1, after => $in_detach },
		'finalized, not committed' => { at => 'ddl_command_end ALTER TABLE', if => $is_detached, statement => 1, after => $in_detach },
		'file found, being compared' => { %reading, after => $in_archive },
		'file taken over, not committed' => { at => 'archive', archives => 1, after => $in_archive },
	});

1;
