# Documents of a quarter of a gigabyte: right, or a clear error, and a cancel is
# heard.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use CvwizTest;

my $node = start_server('main', conf => "cvwiz.worker = off\njit = off\nmax_parallel_workers_per_gather = 0\ncvwiz.max_snapshot_size = 2000000000\ncvwiz.warning_snapshot_size = 2000000000\n");

# 3,000,000 strings that don't compress to nothing.
$node->safe_psql('postgres', q{
	CREATE TABLE large (snapshot jsonb);
	ALTER TABLE large ALTER snapshot SET STORAGE external;
	INSERT INTO large SELECT ('[' || string_agg('"' || md5(i::text) || md5((i * 3)::text) || '"', ',') || ']')::jsonb FROM generate_series(1, 3000000) i;
	-- numbers that print as 250 MB
	CREATE TABLE digits AS SELECT ('[' || string_agg('1e131000', ',') || ']')::jsonb AS snapshot FROM generate_series(1, 1900);
});

# ---- right ----

my $length = 3000000 * 68;
is($node->safe_psql('postgres', 'SELECT cvwiz.snapshot_size(snapshot), octet_length(snapshot::text) FROM large'), "$length|$length", 'the size is right');
is($node->safe_psql('postgres', q{SELECT v ->> 'size_bytes', v ->> 'warnings' FROM large, cvwiz.validate_snapshot(snapshot) v}),
	qq{$length|["Array '\$' has 3000000 items (max recommended: 100)"]}, 'so is the validation');
is($node->safe_psql('postgres', 'SELECT t -> -1 = snapshot -> -1, t -> 0 = snapshot -> -100, jsonb_array_length(t) FROM large, cvwiz.truncate_snapshot(snapshot) t'),
	't|t|100', '... and what is left of it');
is($node->safe_psql('postgres', 'SELECT jsonb_array_length(cvwiz.truncate_snapshot(snapshot, 2999999)) FROM large'), '2999999', '... and nearly all of it');
is($node->safe_psql('postgres', q{SELECT jsonb_array_length(cvwiz.truncate_snapshot(snapshot, 1000, 'id')) FROM large}), '1000', '... by a key');
is($node->safe_psql('postgres', q{
		SET cvwiz.compression_level = 1;
		CREATE TABLE compressed AS SELECT snapshot::cvwiz.zjsonb FROM large;
		SELECT cvwiz.snapshot_size(c.snapshot), md5(c.snapshot::text) = md5(l.snapshot::text), c.snapshot = l.snapshot, cvwiz.compression_ratio(c.snapshot) > 1.5 FROM compressed c, large l}),
	"$length|t|t|t", 'a cvwiz.zjsonb has it');
is($node->safe_psql('postgres', 'SET cvwiz.compression_level = 1; SELECT cvwiz.gunzip(cvwiz.gzip(snapshot)) = snapshot FROM large'), 't', '... and a gzip');
is($node->safe_psql('postgres', 'SELECT cvwiz.snapshot_size(snapshot), cvwiz.snapshot_size(cvwiz.truncate_snapshot(snapshot)) FROM digits'), 1900 * 131003 . '|' . 100 * 131003,
	'few bytes that print as many are counted as what they print');

# ---- or a clear error ----

sub error_of
{
	my ($statement) = @_;
	my ($result, $stdout, $stderr) = $node->psql('postgres', "\\set VERBOSITY sqlstate\n$statement");

	return $result == 0 ? 'no error' : $stderr =~ /ERROR:\s+(\w{5})/ ? $1 : "$result: $stderr";
}

my $too_long = q{(SELECT ('[' || string_agg('1e131000', ',') || ']')::jsonb FROM generate_series(1, 9000))};
is($node->safe_psql('postgres', "SELECT cvwiz.snapshot_size($too_long)"), 9000 * 131003, 'a text of more than 1 GB is counted');
like(error_of("SELECT $too_long\::cvwiz.zjsonb IS NULL"), qr/^54000$/, '... not compressed');
like(error_of("SELECT cvwiz.gzip($too_long) IS NULL"), qr/^54000$/, '... nor by gzip');
$node->safe_psql('postgres', q{CREATE TABLE limited (snapshot jsonb); SELECT cvwiz.add_snapshot_limits('limited', 'snapshot', 'reject', 500000, 100000)});
is(error_of("INSERT INTO limited SELECT $too_long"), '53400', '... nor stored within limits');
is(error_of('INSERT INTO limited SELECT snapshot FROM large'), '53400', '... nor is a large one');

# ---- cancelled ----

# Each either ends by itself soon, or is stopped soon.
sub is_stopped
{
	my ($what, $timeout, $may_end, $statement) = @_;
	my $error;
	my $seconds = seconds_taken(sub { $error = error_of("SET statement_timeout = '${timeout}ms';\n$statement") });

	like($error, $may_end ? qr/^(57014|no error)$/ : qr/^57014$/, "$what: stopped");
	cmp_ok($seconds, '<', $timeout / 1000 + 5, "$what: ... soon");
	return;
}

is_stopped('snapshot_size', 300, 1, 'SELECT cvwiz.snapshot_size(snapshot) FROM large');
is_stopped('validate_snapshot', 500, 1, 'SELECT cvwiz.validate_snapshot(snapshot) FROM large');
is_stopped('truncate_snapshot', 600, 1, 'SELECT jsonb_array_length(cvwiz.truncate_snapshot(snapshot, 2999999)) FROM large');
is_stopped('truncate_snapshot by a key', 600, 1, q{SELECT jsonb_array_length(cvwiz.truncate_snapshot(snapshot, 2999999, 'id')) FROM large});
is_stopped('zjsonb, deflating', 2000, 0, 'SET cvwiz.compression_level = 9; SELECT (snapshot::cvwiz.zjsonb) IS NULL FROM large');
is_stopped('zjsonb, inflating', 700, 1, 'SELECT length(snapshot::text) FROM compressed');
is_stopped('gzip', 2000, 0, 'SET cvwiz.compression_level = 9; SELECT length(cvwiz.gzip(snapshot)) FROM large');
is_stopped('audit', 500, 1, q{SELECT total FROM cvwiz.audit_existing_snapshots('large', 'snapshot')});
is_stopped('the trigger', 500, 1, q{CREATE TEMP TABLE t (snapshot jsonb); SELECT cvwiz.add_snapshot_limits('t', 'snapshot', max_size => 10000, warning_size => 5000); INSERT INTO t SELECT snapshot FROM large});

# pg_cancel_backend()
my ($stdin, $stdout, $stderr) = ('', '', '');
my $timer = IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default);
my $session = IPC::Run::start([ 'psql', '-X', '-q', '-A', '-t', '-d', $node->connstr('postgres'), '-f', '-' ], '<', \$stdin, '>', \$stdout, '2>', \$stderr, $timer);
$stdin .= "SET application_name = 'deflating'; SET cvwiz.compression_level = 9;\nSELECT (snapshot::cvwiz.zjsonb) IS NULL FROM large;\n\\echo ended\n";
$session->pump_nb;
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'deflating' AND query ~ 'zjsonb' AND state = 'active' AND now() - query_start > '2 s'});
my $seconds = seconds_taken(sub {
	$node->safe_psql('postgres', q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'deflating'});
	$session->pump until $stdout =~ /ended/ || $timer->is_expired;
});
like($stderr, qr/canceling statement due to user request/, 'pg_cancel_backend() stops the work');
cmp_ok($seconds, '<', 5, '... soon');
$session->finish;

# ---- and nothing is left behind ----

# Whatever stops it, zlib's memory goes.
my $memory = q{SELECT sum(total_bytes) FROM pg_backend_memory_contexts};
is($node->safe_psql('postgres', qq{
		SET cvwiz.snapshot_notice = off;
		CREATE TEMP TABLE before AS SELECT ($memory) AS bytes;
		DO \$\$
		BEGIN
			FOR i IN 1 .. 300 LOOP
				BEGIN
					PERFORM cvwiz.gunzip(substr(cvwiz.gzip(to_jsonb(repeat('x', 1000))), 1, 20));
				EXCEPTION WHEN OTHERS THEN NULL;
				END;
				PERFORM (to_jsonb(repeat('x', 1000))::cvwiz.zjsonb)::text;
			END LOOP;
		END \$\$;
		SELECT ($memory) - bytes < 3000000 FROM before}), 't', 'nothing is left of zlib');

$node->stop;

done_testing();
