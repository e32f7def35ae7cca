# The counters in shared memory: what the trigger counts, whose it is, since when,
# and what becomes of it.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use CvwizTest;

my $node = start_server('main', now => '2026-05-10 12:00', conf => q{
	cvwiz.naptime = 3600
	cvwiz.snapshot_notice = off
	max_connections = 30
});

# Columns of cvwiz.stat_snapshot, of one table's column snapshot.
sub counted
{
	my ($table, $columns, $database) = @_;

	return $node->safe_psql($database || 'postgres',
		"SELECT $columns FROM cvwiz.stat_snapshot WHERE relation = '$table'::regclass AND snapshot_column = 'snapshot'");
}

my $outcomes = 'checked, within, truncated, metadata_only, rejected';

# A table with limits of 2,000 and 1,000 bytes.
sub limited_table
{
	my ($table, $database) = @_;

	$node->safe_psql($database || 'postgres', qq{
		CREATE TABLE $table (id int, snapshot jsonb);
		SELECT cvwiz.add_snapshot_limits('$table', 'snapshot', max_size => 2000, warning_size => 1000)});
	return;
}

# SQL for a document of so many bytes that nothing can be cut from.
sub text_of
{
	my ($size) = @_;

	return "to_jsonb(repeat('x', $size - 2))";
}

# SQL for one that loses items of its array, and for one that keeps its metadata only.
my $long = '(SELECT jsonb_agg(n) FROM generate_series(1, 1000) n)';
my $wide = q{(SELECT jsonb_agg(jsonb_build_object('id', n, 'text', repeat('y', 100))) FROM generate_series(1, 50) n)};

# ---- outcomes ----

limited_table('docs');
is(counted('docs', "$outcomes, bytes_sum, bytes_max, histogram, recent_bytes_max, recent_oversized"),
	'0|0|0|0|0|0|0|{0,0,0,0,0,0,0,0,0,0,0,0,0,0,0}|0|0', 'a column begins with zeros, before any document');

$node->safe_psql('postgres', "INSERT INTO docs VALUES (1, '{}'), (2, NULL), (3, " . text_of(1000) . ')');
is(counted('docs', "$outcomes, bytes_sum, bytes_max"), '2|2|0|0|0|1002|1000', 'within the limits; a NULL is none');
$node->safe_psql('postgres', 'INSERT INTO docs VALUES (4, ' . text_of(1500) . ')');
is(counted('docs', $outcomes), '3|3|0|0|0', '... above the warning size too, where nothing is lost');
$node->safe_psql('postgres', "INSERT INTO docs VALUES (5, $long)");
my $long_size = $node->safe_psql('postgres', "SELECT cvwiz.snapshot_size($long)");
is(counted('docs', $outcomes), '4|3|1|0|0', 'truncated');
is(counted('docs', 'bytes_sum, bytes_max'), (2502 + $long_size) . "|$long_size", '... with the size that it came with');
$node->safe_psql('postgres', "INSERT INTO docs VALUES (6, $wide)");
is(counted('docs', $outcomes), '5|3|1|1|0', 'metadata only');
my ($result, $stdout, $stderr) = $node->psql('postgres', 'INSERT INTO docs VALUES (7, ' . text_of(2001) . ')');
like($stderr, qr/has 2,001 bytes: the maximum is 2,000 bytes/, 'too large for anything');
is(counted('docs', $outcomes), '6|3|1|1|1', '... is counted as rejected, its rollback notwithstanding');
is(counted('docs', 'recent_oversized'), 3, 'oversized are the last three kinds');

# an UPDATE counts the column that it changes
$node->safe_psql('postgres', 'UPDATE docs SET id = id + 100');
is(counted('docs', 'checked'), 6, 'an UPDATE that leaves the document alone counts nothing');
$node->safe_psql('postgres', q{UPDATE docs SET snapshot = '{"a": 1}' WHERE id = 101});
is(counted('docs', 'checked, within'), '7|4', 'one that changes it does');
$node->safe_psql('postgres', q{BEGIN; INSERT INTO docs VALUES (8, '[]'); SAVEPOINT s; INSERT INTO docs VALUES (8, '[]'); ROLLBACK TO s; ROLLBACK});
is(counted('docs', 'checked, within'), '9|6', 'what is rolled back is counted');
$node->safe_psql('postgres', "COPY docs FROM PROGRAM 'printf \"20\\t[]\\n21\\t[]\\n\"'");
is(counted('docs', 'checked, within'), '11|8', 'COPY counts each row');

# reject: all or nothing
$node->safe_psql('postgres', q{
	CREATE TABLE strict (id int, snapshot json, other jsonb);
	SELECT cvwiz.add_snapshot_limits('strict', 'snapshot', on_oversize => 'reject', max_size => 100);
	SELECT cvwiz.add_snapshot_limits('strict', 'other')});
$node->safe_psql('postgres', qq{INSERT INTO strict VALUES (1, '{ }', '[1, 2]'), (2, ('"' || repeat('x', 98) || '"')::json, NULL)});
is(counted('strict', "$outcomes, bytes_sum"), '2|2|0|0|0|103', 'json has the bytes that it was written with');
$node->psql('postgres', q{INSERT INTO strict VALUES (3, ('"' || repeat('x', 99) || '"')::json, '[]')});
is(counted('strict', "$outcomes, bytes_max"), '3|2|0|0|1|101', 'on_oversize = reject');
is($node->safe_psql('postgres',
		"SELECT checked, within FROM cvwiz.stat_snapshot WHERE relation = 'strict'::regclass AND snapshot_column = 'other'"),
	'2|2', 'each column is counted by itself, that of a row which another one fails too');
# white space only is too much: nothing is lost
$node->safe_psql('postgres', q{
	CREATE TABLE spaces (id int, snapshot json);
	SELECT cvwiz.add_snapshot_limits('spaces', 'snapshot', max_size => 100);
	INSERT INTO spaces VALUES (1, (repeat(' ', 200) || '{}')::json)});
is(counted('spaces', "$outcomes, bytes_max"), '1|1|0|0|0|202', 'without its white space, a document has lost nothing');

# ---- the histogram ----

limited_table('sizes');
$node->safe_psql('postgres', q{
	SELECT cvwiz.remove_snapshot_limits('sizes', 'snapshot'), cvwiz.add_snapshot_limits('sizes', 'snapshot', max_size => 100000000)});
my @bounds = split /,/, $node->safe_psql('postgres', "SELECT array_to_string(cvwiz.snapshot_size_bounds(), ',')");
my @expected = map { 0 } 0 .. @bounds;
for my $i (0 .. $#bounds - 1)
{
	# at the bound, and one above it
	$node->safe_psql('postgres', 'INSERT INTO sizes VALUES (1, ' . text_of($bounds[$i]) . '), (1, ' . text_of($bounds[$i] + 1) . ')');
	$expected[$i]++;
	$expected[ $i + 1 ]++;
	is(counted('sizes', "array_to_string(histogram, ',')"), join(',', @expected), "$bounds[$i] bytes, and one more");
}
$node->safe_psql('postgres', 'INSERT INTO sizes VALUES (1, ' . text_of($bounds[-1] + 1) . ')');
$expected[-1]++;
is(counted('sizes', "array_to_string(histogram, ',')"), join(',', @expected), 'above the last bound');
is(counted('sizes', 'bytes_max, recent_bytes_max'), '50000001|50000001', '... and the largest');
is(counted('sizes', 'checked = (SELECT sum(h) FROM unnest(histogram) h)'), 't', 'the histogram has them all');

# ---- partitions ----

$node->safe_psql('postgres', q{
	CREATE TABLE root (id int, half int, snapshot jsonb) PARTITION BY LIST (id);
	CREATE TABLE root_1 PARTITION OF root FOR VALUES IN (1) PARTITION BY LIST (half);
	-- columns in another order
	CREATE TABLE root_1_1 (snapshot jsonb, half int, id int);
	SELECT cvwiz.add_snapshot_limits('root', 'snapshot', max_size => 2000, warning_size => 1000);
	ALTER TABLE root_1 ATTACH PARTITION root_1_1 FOR VALUES IN (1);
	CREATE TABLE root_2 PARTITION OF root FOR VALUES IN (2);
	INSERT INTO root SELECT 2 - n % 2, 1, '{}' FROM generate_series(1, 10) n;
	INSERT INTO root_1_1 VALUES ('{}', 1, 1);
	INSERT INTO root_2 VALUES (2, 1, '{}')});
is(counted('root', $outcomes), '12|12|0|0|0', 'a partitioned table is counted as one, wherever its rows come in');
is($node->safe_psql('postgres', q{SELECT string_agg(relation::text, ' ') FROM cvwiz.stat_snapshot WHERE relation::text LIKE 'root%'}),
	'root', '... in one row');
$node->safe_psql('postgres', q{
	ALTER TABLE root DETACH PARTITION root_2;
	SELECT cvwiz.add_snapshot_limits('root_2', 'snapshot');
	INSERT INTO root_2 VALUES (2, 1, '{}');
	INSERT INTO root VALUES (1, 1, '{}')});
is(counted('root', 'checked') . ' ' . counted('root_2', 'checked'), '13 1', 'a detached partition is a table of its own');

# ---- several sessions at once ----

limited_table('busy');
limited_table('busy2');
my $script = $node->basedir . '/insert.pgbench';
append_to_file($script, "\\set size random(2, 3000)\n"
	  . "INSERT INTO busy VALUES (1, to_jsonb(repeat('x', least(:size, 900)))), (2, '{}');\n"
	  . "INSERT INTO busy2 VALUES (1, CASE WHEN :size > 1500 THEN $long ELSE '[1]' END);\n");
$node->command_ok([ 'pgbench', '-n', '-c', 8, '-j', 2, '-t', 200, '-f', $script, '-h', $node->host, '-p', $node->port, 'postgres' ],
	'8 sessions insert at once');
is(counted('busy', $outcomes), '3200|3200|0|0|0', 'they are counted exactly');
is(counted('busy', '(bytes_sum, bytes_max) = (SELECT sum(cvwiz.snapshot_size(snapshot)), max(cvwiz.snapshot_size(snapshot)) FROM busy)'),
	't', '... with the sum and the maximum of their sizes');
is(counted('busy', 'array_to_string(histogram, $$,$$)'), '3200,0,0,0,0,0,0,0,0,0,0,0,0,0,0', '... and their histogram');
is(counted('busy2', '(checked, truncated, recent_oversized) = (SELECT count(*), count(*) FILTER (WHERE jsonb_array_length(snapshot) > 1), count(*) FILTER (WHERE jsonb_array_length(snapshot) > 1) FROM busy2)'),
	't', '... and so are the truncated ones, of the last hour too');
cmp_ok(counted('busy2', 'truncated'), '>', 0, '... of which there are some');

# ---- the last hour ----

limited_table('recent');
$node->safe_psql('postgres', 'INSERT INTO recent VALUES (1, ' . text_of(900) . "), (2, $long)");
is(counted('recent', 'recent_bytes_max, recent_oversized'), "$long_size|1", 'the last hour');
my $insert_at = sub {
	my ($now, $what) = @_;
	$node->safe_psql('postgres', "SET cvwiz.now = '$now'; INSERT INTO recent VALUES (3, $what)");
};
my $at = sub {
	my ($now) = @_;
	return $node->safe_psql('postgres', qq{
		SET cvwiz.now = '$now';
		SELECT recent_bytes_max, recent_oversized FROM cvwiz.stat_snapshot WHERE relation = 'recent'::regclass});
};
$insert_at->('2026-05-10 12:30', text_of(1200));
is($at->('2026-05-10 12:59:59'), "$long_size|1", 'an hour on, it is still there');
is($at->('2026-05-10 13:04:59'), "$long_size|1", '... at the end of its five minutes too');
is($at->('2026-05-10 13:05'), '1200|0', '... and then gone, what came later is not');
is($at->('2026-05-10 13:35'), '0|0', '... until that is as old');
is(counted('recent', 'bytes_max, truncated'), "$long_size|1", 'the other counters do not forget');
$insert_at->('2026-05-10 13:05', $long);
$insert_at->('2026-05-10 13:07', $long);
is($at->('2026-05-10 13:10'), "$long_size|2", 'the cells are used again');
# a statement that began before somebody else's
$insert_at->('2026-05-10 12:03', $long);
is($at->('2026-05-10 13:10'), "$long_size|2", '... and not for what is older');
# the clock was wrong, and is set right
$insert_at->('2031-01-01 00:00', $wide);
is($at->('2026-05-10 13:10') =~ /\|[012]$/, 1, 'a time to come is no time of the last hour');
$insert_at->("2026-05-10 14:0$_", $long) for 0 .. 4;
$insert_at->(sprintf('2026-05-10 14:%02d', 5 * $_), $long) for 1 .. 11;
is($at->('2026-05-10 14:59'), "$long_size|16", '... and is overwritten by the present');

# without cvwiz.now: the statement's start, and the time of day
$node->safe_psql('postgres', q{
	SET cvwiz.now = '';
	CREATE TABLE now (id int, snapshot jsonb);
	SELECT cvwiz.add_snapshot_limits('now', 'snapshot', max_size => 1000000)});
is($node->safe_psql('postgres', "SET cvwiz.now = ''; INSERT INTO now VALUES (1, '{}');
	SELECT recent_bytes_max FROM cvwiz.stat_snapshot WHERE relation = 'now'::regclass"), 2, 'the real time, of a small document');
is($node->safe_psql('postgres', "SET cvwiz.now = ''; INSERT INTO now VALUES (1, " . text_of(500000) . ");
	SELECT recent_bytes_max, recent_oversized FROM cvwiz.stat_snapshot WHERE relation = 'now'::regclass"), '500000|0', '... and of a large one');

is($node->safe_psql('postgres', "SET cvwiz.now = ''; INSERT INTO now SELECT n, '[]' FROM generate_series(1, 1000) n;
	SELECT checked, recent_bytes_max FROM cvwiz.stat_snapshot WHERE relation = 'now'::regclass"), '1002|500000', '... and of many');

# ---- databases, reset ----

# the clock was not set yet
is(counted('docs', "abs(extract(epoch FROM stats_reset - pg_postmaster_start_time())) < 60"), 't', 'counted since the server\'s start');
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', 'CREATE EXTENSION cvwiz');
limited_table('docs', 'other');
$node->safe_psql('other', "INSERT INTO docs VALUES (1, '{}')");
is($node->safe_psql('other', "SELECT string_agg(relation::text, ' ') FROM cvwiz.stat_snapshot"), 'docs',
	'no table of another database is there');
# a copy of a database has the same tables, by number
$node->safe_psql('postgres', 'CREATE DATABASE copied TEMPLATE other');
is(counted('docs', 'checked', 'copied'), 0, '... nor in a copy of that, with the same numbers');
$node->safe_psql('copied', "INSERT INTO docs VALUES (1, '{}'), (2, '{}')");
is(counted('docs', 'checked', 'copied') . ' ' . counted('docs', 'checked', 'other'), '2 1', '... which counts by itself');
$node->safe_psql('postgres', 'DROP DATABASE copied');
my $docs = $node->safe_psql('postgres', "SELECT 'docs'::regclass::oid");
is($node->safe_psql('other', "SELECT checked FROM cvwiz.snapshot_counters($docs, 2::smallint)"), '', '... nor are its counters');
# nor for somebody who may not see the table
$node->safe_psql('postgres', 'CREATE ROLE somebody; CREATE ROLE watcher IN ROLE pg_monitor');
is($node->safe_psql('postgres', "SET ROLE somebody; SELECT checked, histogram, stats_reset FROM cvwiz.snapshot_counters($docs, 2::smallint)"),
	'||', '... nor are they for a role that has nothing to do with the table');
is($node->safe_psql('postgres', 'SET ROLE somebody; SELECT count(*) FROM cvwiz.stat_snapshot'), 0, '... or its row');
is($node->safe_psql('postgres', "SET ROLE watcher; SELECT checked FROM cvwiz.stat_snapshot WHERE relation = 'docs'::regclass"),
	counted('docs', 'checked'), 'for pg_monitor they are');
my $before = $node->safe_psql('other', 'SELECT stats_reset FROM cvwiz.worker_counters()');
$node->safe_psql('postgres', "SET cvwiz.now = '2026-05-11 09:00'; SELECT cvwiz.stat_reset('snapshot')");
is(counted('docs', "$outcomes, bytes_sum, bytes_max, histogram, recent_bytes_max, recent_oversized, stats_reset = '2026-05-11 09:00Z'"),
	'0|0|0|0|0|0|0|{0,0,0,0,0,0,0,0,0,0,0,0,0,0,0}|0|0|t', 'stat_reset() zeroes a database\'s columns, and they say since when');
is(counted('docs', 'checked', 'other'), 1, '... of that database only');
is($node->safe_psql('other', 'SELECT stats_reset FROM cvwiz.worker_counters()'), $before, '... and not the worker');
$node->safe_psql('postgres', "INSERT INTO docs VALUES (1, '{}')");
is(counted('docs', 'checked, within'), '1|1', 'counting goes on');
$node->safe_psql('other', "SET cvwiz.now = '2026-05-12 09:00'; SELECT cvwiz.stat_reset('worker')");
is(counted('docs', 'checked') . counted('docs', 'checked', 'other'), '11', 'stat_reset(\'worker\') leaves the columns alone');
is($node->safe_psql('postgres', "SELECT rounds, runs, stats_reset = '2026-05-12 09:00Z' FROM cvwiz.worker_counters()"), '0|0|t', '... and zeroes the worker\'s');
# a session that has counted before
my $session = $node->background_psql('postgres');
$session->query_safe("INSERT INTO docs VALUES (1, '{}')");
$node->safe_psql('postgres', 'SELECT cvwiz.stat_reset()');
$session->query_safe("INSERT INTO docs VALUES (1, '{}')");
is(counted('docs', 'checked'), 1, 'a session that has counted before goes on in the same place');

# ---- tables that go and change ----

$node->safe_psql('postgres', q{
	DROP TABLE recent;
	CREATE TABLE recent (id int, snapshot jsonb);
	SELECT cvwiz.add_snapshot_limits('recent', 'snapshot')});
is(counted('recent', 'checked'), 0, 'a table that is made anew begins anew');
$session->query_safe(q{
	ALTER TABLE docs RENAME TO papers;
	INSERT INTO papers VALUES (1, '{}')});
is(counted('papers', 'checked'), 2, 'a renamed one does not');
$session->query_safe(q{
	SELECT cvwiz.remove_snapshot_limits('papers', 'snapshot');
	SELECT cvwiz.add_snapshot_limits('papers', 'snapshot')});
is(counted('papers', 'checked'), 2, '... nor one with other limits');

# ---- no place left ----

# The places of the whole server are taken by one database, save those in use.
$node->safe_psql('postgres', 'CREATE DATABASE many');
$node->safe_psql('many', 'CREATE EXTENSION cvwiz');
$node->safe_psql('many', q{
	DO $$BEGIN
		FOR n IN 1 .. 11 LOOP
			EXECUTE format('CREATE TABLE many_%s (%s)', n, (SELECT string_agg(format('c%s jsonb', c), ', ') FROM generate_series(1, 100) c));
			PERFORM cvwiz.add_snapshot_limits(format('many_%s', n), format('c%s', c)) FROM generate_series(1, 100) c;
			EXECUTE format('INSERT INTO many_%s VALUES (%s)', n, (SELECT string_agg('''[]''', ', ') FROM generate_series(1, 100) c));
		END LOOP;
	END$$});
my $uncounted = $node->safe_psql('many', 'SELECT uncounted FROM cvwiz.worker_counters()');
is($node->safe_psql('many', 'SELECT sum(checked) + (SELECT uncounted FROM cvwiz.worker_counters()) FROM cvwiz.stat_snapshot'), 1100,
	'what finds no place is counted as uncounted');
cmp_ok($uncounted, '>', 76, '... which is not nothing');
is($node->safe_psql('many', 'SELECT count(*) FROM cvwiz.stat_snapshot WHERE checked IS NULL AND histogram IS NULL AND stats_reset IS NULL'),
	$uncounted, '... and such a column has no counters');
my $waiting = $node->background_psql('many');
$waiting->query_safe(q{
	CREATE TABLE waiting (id int, snapshot jsonb);
	SELECT cvwiz.add_snapshot_limits('waiting', 'snapshot');
	INSERT INTO waiting VALUES (1, '[]')});
is(counted('waiting', 'checked', 'many'), '', 'a new one has none either');
is(counted('papers', 'checked'), 2, 'those that have a place keep it');
$session->query_safe("INSERT INTO papers VALUES (1, '{}')");
is(counted('papers', 'checked'), 3, '... and are counted');

# a dropped table's places are free once somebody looks
$node->safe_psql('many', 'DROP TABLE many_1; SELECT cvwiz.remove_snapshot_limits(\'many_2\', \'c1\'); ALTER TABLE many_2 DROP COLUMN c1');
$node->safe_psql('many', q{SET cvwiz.now = '2026-05-20'; INSERT INTO waiting VALUES (1, '[]')});
is(counted('waiting', "checked, stats_reset = '2026-05-20Z'", 'many'), '1|t', 'a table that was dropped gives its places away');
$waiting->query_safe("INSERT INTO waiting VALUES (1, '[]')");
is(counted('waiting', 'checked', 'many'), 2, '... and a session that had found none sees it');
$uncounted = $node->safe_psql('many', 'SELECT uncounted FROM cvwiz.worker_counters()');
$node->safe_psql('many', q{
	DO $$BEGIN
		FOR n IN 2 .. 11 LOOP
			EXECUTE format('INSERT INTO many_%s (c50) VALUES (''[]'')', n);
		END LOOP;
	END$$});
is($node->safe_psql('many', 'SELECT uncounted FROM cvwiz.worker_counters()'), $uncounted, '... and what was uncounted is counted');
is($node->safe_psql('many', 'SELECT bool_and(checked >= 1) FROM cvwiz.stat_snapshot WHERE snapshot_column = $$c50$$'), 't', '... each');

# a table of a transaction at work looks dropped to others
$waiting->query_safe(q{
	BEGIN;
	CREATE TABLE unseen (id int, snapshot jsonb);
	SELECT cvwiz.add_snapshot_limits('unseen', 'snapshot');
	INSERT INTO unseen VALUES (1, '[]')});
$node->safe_psql('many', "SELECT cvwiz.stat_reset('snapshot')");
$waiting->query_safe(q{INSERT INTO unseen VALUES (1, '[]'); COMMIT});
is(counted('unseen', 'checked', 'many'), 1, 'whose place was taken gets another one');
$waiting->quit;

# a database goes with all its places
limited_table('late');
# the places that this database itself could free
$node->safe_psql('postgres', "SELECT cvwiz.stat_reset('snapshot')");
$node->safe_psql('many', q{
	DO $$BEGIN
		EXECUTE format('CREATE TABLE filling (%s)', (SELECT string_agg(format('c%s jsonb', c), ', ') FROM generate_series(1, 200) c));
		PERFORM cvwiz.add_snapshot_limits('filling', format('c%s', c)) FROM generate_series(1, 200) c;
		EXECUTE format('INSERT INTO filling VALUES (%s)', (SELECT string_agg('''[]''', ', ') FROM generate_series(1, 200) c));
	END$$});
$node->safe_psql('postgres', "INSERT INTO late VALUES (1, '[]')");
is(counted('late', 'checked'), '', 'no place in another database');
$node->safe_psql('postgres', 'DROP DATABASE many');
$node->safe_psql('postgres', "INSERT INTO late VALUES (1, '[]')");
is(counted('late', 'checked'), 1, 'a dropped database gives its places away');

# ---- the worker ----

$node->safe_psql('postgres', "SELECT cvwiz.stat_reset('worker')");
set_setting($node, 'cvwiz.naptime' => 1);
worker_looked($node, 'postgres');
is($node->safe_psql('postgres', 'SELECT rounds > 0, failed_rounds, runs FROM cvwiz.worker_counters()'), 't|0|1', 'rounds and runs of the worker');
$node->poll_query_until('postgres', 'SELECT rounds >= 4 FROM cvwiz.worker_counters()') or die 'no rounds';
is($node->safe_psql('postgres', 'SELECT failed_rounds, runs FROM cvwiz.worker_counters()'), '0|1', 'a round has no run where nothing is due');
# a run that fails is recorded, and no failed round
create_table($node, 'postgres', 'bad', from => '2001-01-01', rows => 1);
$node->safe_psql('postgres', q{
	CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'not today'; END$$;
	CREATE TRIGGER refuse BEFORE DELETE ON bad FOR EACH ROW EXECUTE FUNCTION refuse()});
add_policy($node, 'postgres', 'bad', 'at', '2001-01-02');
wait_for_run($node, 'postgres', 'bad', 1);
$node->poll_query_until('postgres', 'SELECT runs = 2 FROM cvwiz.worker_counters()') or die 'not counted';
is($node->safe_psql('postgres', 'SELECT failed_rounds FROM cvwiz.worker_counters()'), 0, 'a failed run is a run');
# what is due cannot be found out
$node->safe_psql('postgres', 'ALTER TABLE cvwiz.retention_policy RENAME TO hidden; ALTER VIEW cvwiz.retention_policies RENAME TO hidden_too');
ok($node->poll_query_until('postgres', 'SELECT failed_rounds > 0 FROM cvwiz.worker_counters()'), 'a round that fails');
$node->safe_psql('postgres', 'ALTER TABLE cvwiz.hidden RENAME TO retention_policy; ALTER VIEW cvwiz.hidden_too RENAME TO retention_policies');

# ---- crash and restart ----

eval { $session->quit };
$node->safe_psql('postgres', "INSERT INTO papers VALUES (1, '{}')");
cmp_ok(counted('papers', 'checked'), '>', 0, 'counted before the crash');
set_clock($node, '2026-06-01 12:00');
$session = $node->background_psql('postgres', on_error_stop => 0);
my $pid = $session->query_safe('SELECT pg_backend_pid()');
crash_process($node, $pid);
eval { $session->quit };
is(counted('papers', "$outcomes, bytes_max, recent_bytes_max, stats_reset = '2026-06-01 12:00Z'"), '0|0|0|0|0|0|0|t',
	'a crash zeroes the counters, and stats_reset tells');
is($node->safe_psql('postgres', "SELECT runs, stats_reset = '2026-06-01 12:00Z' FROM cvwiz.worker_counters()") =~ /^\d+\|t$/, 1, '... the worker\'s too');
$node->safe_psql('postgres', "INSERT INTO papers VALUES (1, '{}')");
is(counted('papers', 'checked'), 1, '... and they count again');
$node->restart;
is(counted('papers', 'checked'), 0, 'so does a restart');

is(log_count($node, qr/(PANIC:|TRAP:|terminated by signal (?!9)\d+)/), 0, 'nothing else has crashed');
$node->stop;

done_testing();
