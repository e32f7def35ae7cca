# Parallel plans over cvwiz.zjsonb, and changes to a table while others write to
# it: a document is limited, or the writer has a clear error.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use CvwizTest;

my $tempdir = PostgreSQL::Test::Utils::tempdir;
my $node = start_server('main', conf => "cvwiz.worker = off\njit = off\n");

# ---- parallel plans ----

$node->safe_psql('postgres', q{
	CREATE TABLE docs (id int, d cvwiz.zjsonb, j jsonb);
	INSERT INTO docs SELECT n, x.d, x.d FROM generate_series(1, 4000) n, LATERAL (SELECT jsonb_build_object('n', n % 100, 't', repeat('text ' || n, n % 200), 'a', jsonb_build_array(n, n % 7))) AS x(d);
	ANALYZE docs;
});
my $parallel = q{SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 4; SET max_parallel_workers = 8; SET enable_mergejoin = off;};
my $serial = q{SET max_parallel_workers_per_gather = 0;};
for my $query (
	'SELECT count(*), sum(cvwiz.snapshot_size(d)), sum(length(d::text)), bool_and(d = j) FROM docs',
	q{SELECT count(*) FROM docs WHERE d @> '{"n": 7}' AND d ->> 't' LIKE '%text%'},
	q{SELECT (d ->> 'n')::int AS n, count(*), max(cvwiz.snapshot_size(d)) FROM docs GROUP BY 1 ORDER BY 1},
	'SELECT count(*) FROM docs a JOIN docs b ON a.d OPERATOR(cvwiz.=) b.d',
	q{SELECT sum(length(cvwiz.truncate_snapshot(d, 1)::text)), sum((cvwiz.validate_snapshot(d) ->> 'size_bytes')::int), sum(length(cvwiz.gunzip(cvwiz.gzip(d))::text)) FROM docs},
	'SELECT md5(string_agg(d::text, NULL)) FROM (SELECT d FROM docs ORDER BY d, id LIMIT 500) x')
{
	like($node->safe_psql('postgres', "$parallel EXPLAIN (COSTS OFF) $query"), qr/Gather/, "in parallel: $query");
	is($node->safe_psql('postgres', "$parallel $query"), $node->safe_psql('postgres', "$serial $query"), '... with the same result');
}
$node->safe_psql('postgres', q{
	SET max_parallel_maintenance_workers = 4; SET min_parallel_table_scan_size = 0;
	ALTER TABLE docs SET (parallel_workers = 4);
	CREATE INDEX ON docs (d); CREATE INDEX ON docs ((d ->> 'n'))});
is($node->safe_psql('postgres', q{SET enable_seqscan = off; SELECT count(*) FROM docs WHERE d ->> 'n' = '7'}), '40', 'an index is made in parallel');

# ---- changes while others write ----

# What a writer may meet: no column of that name, for the trigger.
$node->safe_psql('postgres', q{
	CREATE FUNCTION numbers(n int) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$ SELECT jsonb_agg(i) FROM generate_series(1, n) i $$;
	CREATE TABLE written (id serial, snapshot jsonb);
	CREATE TABLE outcomes (outcome text);
	SELECT cvwiz.add_snapshot_limits('written', 'snapshot', max_size => 100, warning_size => 20, max_array_length => 2);
	CREATE PROCEDURE write_one() LANGUAGE plpgsql AS $$
	BEGIN
		SET LOCAL cvwiz.snapshot_notice = off;
		-- a plan that names no column outlives the renaming
		INSERT INTO written VALUES (DEFAULT, numbers(30));
		INSERT INTO outcomes VALUES ('written');
	EXCEPTION WHEN undefined_column OR deadlock_detected THEN
		INSERT INTO outcomes VALUES (sqlstate);
	END $$;
	CREATE PROCEDURE update_one() LANGUAGE plpgsql AS $$
	BEGIN
		SET LOCAL cvwiz.snapshot_notice = off;
		EXECUTE format('UPDATE written SET %I = numbers(40) WHERE id = (SELECT max(id) FROM written)',
			(SELECT attname FROM pg_attribute WHERE attrelid = 'written'::regclass AND attnum = 2));
	EXCEPTION WHEN undefined_column OR deadlock_detected THEN NULL;
	END $$;
});

# bench(SECONDS, SCRIPT => WEIGHT ...): pgbench fails at the first error
my $files = 0;

sub bench
{
	my ($what, $seconds, @scripts) = @_;
	my @arguments;

	while (my ($script, $weight) = splice(@scripts, 0, 2))
	{
		my $file = "$tempdir/" . ++$files . '.sql';
		append_to_file($file, $script);
		push @arguments, '-f', "$file\@$weight";
	}
	my ($stdout, $stderr) = ('', '');
	my $ok = IPC::Run::run([ 'pgbench', '-n', '-c', '6', '-j', '2', '-T', $seconds, @arguments, $node->connstr('postgres') ], '>', \$stdout, '2>', \$stderr);
	ok($ok && $stderr !~ /ERROR|aborted/, $what) or diag($stderr);
	return;
}

bench('the column is renamed and renamed back while rows are written', 5,
	"CALL write_one();\n" => 20, "CALL update_one();\n" => 10,
	q{DO $$ BEGIN
		IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'written'::regclass AND attname = 'snapshot') THEN
			ALTER TABLE written RENAME snapshot TO document;
		ELSE
			ALTER TABLE written RENAME document TO snapshot;
		END IF;
	EXCEPTION WHEN undefined_column OR duplicate_column OR deadlock_detected THEN NULL;
	END $$;} => 1);
is($node->safe_psql('postgres', q{SELECT count(*) FROM (SELECT to_jsonb(w) AS w FROM written w) x WHERE jsonb_array_length(coalesce(w -> 'snapshot', w -> 'document')) > 2}), '0',
	'no document has come by');
is($node->safe_psql('postgres', q{SELECT count(*) > 10 FROM outcomes WHERE outcome = 'written'}), 't', '... many were written');
is($node->safe_psql('postgres', q{SELECT count(*) FROM outcomes WHERE outcome NOT IN ('written', '42703')}), '0', '... or refused, as the column was not there');

$node->safe_psql('postgres', q{
	DROP TABLE written;
	CREATE TABLE written (id serial, snapshot jsonb, other jsonb);
});
bench('limits are added, changed and removed while rows are written', 5,
	"CALL write_one();\n" => 20, "CALL update_one();\n" => 10,
	q{DO $$ BEGIN PERFORM cvwiz.add_snapshot_limits('written', 'snapshot', max_size => 100, warning_size => 20, max_array_length => 2);
	EXCEPTION WHEN duplicate_object OR deadlock_detected THEN NULL; END $$;} => 1,
	q{DO $$ BEGIN PERFORM cvwiz.remove_snapshot_limits('written', 'snapshot');
	EXCEPTION WHEN undefined_object OR deadlock_detected THEN NULL; END $$;} => 1,
	q{DO $$ BEGIN ALTER TABLE written DROP other, ADD other jsonb DEFAULT '[1, 2, 3]';
	EXCEPTION WHEN deadlock_detected OR undefined_column OR duplicate_column THEN NULL; END $$;} => 1,
	q{DO $$ BEGIN ALTER TABLE written ALTER snapshot TYPE cvwiz.zjsonb; DELETE FROM written; ALTER TABLE written ALTER snapshot TYPE jsonb;
	EXCEPTION WHEN deadlock_detected OR object_in_use THEN NULL; END $$;} => 1,
	"SELECT count(*) FROM cvwiz.snapshot_limits;\n" => 5);
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM cvwiz.snapshot_limits'), '<=', 1, 'there is one trigger, or none');
is(log_count($node, qr/terminated by signal|TRAP:|PANIC:/), 0, 'nothing crashed');
is(log_count($node, qr/cache lookup failed|XX000|could not find/), 0, '... and nobody looked for what was gone');

$node->stop;

done_testing();
