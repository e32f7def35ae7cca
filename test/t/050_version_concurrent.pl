# The version store with many sessions: nobody waits for a base, there is no
# deadlock, no version is lost, and readers read all the time.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use CvwizTest;

my $tempdir = PostgreSQL::Test::Utils::tempdir;
my $node = start_server('main', conf => "cvwiz.worker = off\nlog_lock_waits = on\ndeadlock_timeout = 200ms\nmax_connections = 50\n");
create_documents($node, 'postgres');

# ---- who waits for whom ----

create_store_table($node, 'postgres', 'docs');
write_versions($node, 'postgres', 'docs', chains => 1, versions => 3);

sub insert
{
	my ($n) = @_;

	return "INSERT INTO docs (chain, n, plain, snapshot) VALUES (1, $n, resume(1, $n), resume(1, $n))";
}
my $newest = '(SELECT max(version_id) FROM cvwiz.snapshot_version)';
my $session = $node->background_psql('postgres');
my $timeout = "SET lock_timeout = '1s'";

# The row that another one is made of is locked, and only as a key.
$node->safe_psql('postgres', 'CREATE EXTENSION pgrowlocks');
$session->query_safe('BEGIN; ' . insert(4));
is($node->safe_psql('postgres', q{SELECT v.version_id, l.modes FROM pgrowlocks('cvwiz.snapshot_version') l JOIN cvwiz.snapshot_version v ON v.ctid = l.locked_row}),
	'3|{"For Key Share"}', 'a writer locks the base FOR KEY SHARE, and nothing else');
$node->safe_psql('postgres', "$timeout; UPDATE cvwiz.snapshot_version SET created_at = created_at WHERE version_id = 3");
pass('... so that it can be stored anew');
my ($result, $stdout, $stderr) = $node->psql('postgres', "$timeout; DELETE FROM cvwiz.snapshot_version WHERE version_id = 3");
like($stderr, qr/lock timeout/, '... but not be freed');
$node->safe_psql('postgres', "$timeout; " . insert(5));
pass('another writer of the chain waits for nothing');
$node->safe_psql('postgres', "$timeout; DELETE FROM docs WHERE n < 4");
pass('nor does who deletes its rows');
$node->safe_psql('postgres', "$timeout; CALL cvwiz.repack_versions()");
is($node->safe_psql('postgres', "SELECT count(*) FROM cvwiz.snapshot_version WHERE version_id = 3"), 1, 'nor housekeeping, which leaves the base');
$session->query_safe('COMMIT');
is(state_of_store($node, 'postgres', 'docs'), '2|0|0', 'both documents read');

# Who deletes keeps nobody from writing.
$session->query_safe('BEGIN; DELETE FROM docs');
$node->safe_psql('postgres', "$timeout; " . insert(6) . '; ' . insert(7));
pass('a writer does not wait for one who deletes the chain');
$node->safe_psql('postgres', "$timeout; CALL cvwiz.repack_versions()");
pass('... nor does housekeeping');
$session->query_safe('COMMIT');
is(state_of_store($node, 'postgres', 'docs'), '2|0|0', '... and has its documents');

# Nor who frees, where all of the chain is locked.
$session->query_safe('BEGIN; DELETE FROM docs; SELECT FROM cvwiz.snapshot_version FOR UPDATE');
$node->safe_psql('postgres', "$timeout; " . insert(8));
is($node->safe_psql('postgres', "SELECT base_id IS NULL FROM cvwiz.snapshot_version WHERE version_id = $newest"), 't',
	'where every base is being freed, a document is stored whole');
$node->safe_psql('postgres', "$timeout; CALL cvwiz.repack_versions()");
$session->query_safe('ROLLBACK');

# A reader whose snapshot is older than what is freed.
for my $level ('READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE')
{
	$node->safe_psql('postgres', 'TRUNCATE docs; CALL cvwiz.repack_versions()');
	write_versions($node, 'postgres', 'docs', chains => 2, versions => 20);
	my $reader = $node->background_psql('postgres');

	$reader->query_safe("BEGIN ISOLATION LEVEL $level; DECLARE c CURSOR FOR SELECT cvwiz.version_text(snapshot)::text = plain::text FROM docs; FETCH 3 FROM c");
	$node->safe_psql('postgres', q{DELETE FROM docs WHERE n < 20; CALL cvwiz.repack_versions(); VACUUM cvwiz.snapshot_version});
	is($node->safe_psql('postgres', 'SELECT count(*) FROM cvwiz.snapshot_version'), 2, "$level: versions are freed while somebody reads");
	is(join('', split(/\n/, $reader->query_safe('FETCH ALL FROM c'))), 't' x 37, '... who reads them all');
	is($reader->query_safe('SELECT count(*), bool_and(cvwiz.version_text(snapshot)::text = plain::text) FROM docs'),
		$level eq 'READ COMMITTED' ? '2|t' : '40|t', '... and in the next statement what it sees');
	$reader->query_safe('COMMIT');
	$reader->quit;
}

# ---- what the functions lock ----

$node->safe_psql('postgres', 'CREATE TABLE plain (k int, snapshot jsonb); INSERT INTO plain VALUES (1, $${"a": 1}$$)');
my $pid = $session->query_safe('SELECT pg_backend_pid()');
$session->query_safe(q{BEGIN; SELECT cvwiz.add_version_store('plain', 'snapshot', '{k}')});
is(locks_of($node, $pid, 'plain'), 'ShareRowExclusiveLock', 'add_version_store() takes SHARE ROW EXCLUSIVE');
is($node->safe_psql('postgres', "$timeout; SELECT snapshot FROM plain"), '{"a": 1}', '... which lets others read');
$session->query_safe(q{COMMIT; BEGIN; SELECT cvwiz.remove_version_store('plain', 'snapshot')});
like(locks_of($node, $pid, 'plain'), qr/^AccessExclusiveLock( |$)/, 'remove_version_store() takes ACCESS EXCLUSIVE');
$session->query_safe('COMMIT; BEGIN; ' . insert(100));
is($node->safe_psql('postgres', qq{
		SELECT string_agg(DISTINCT mode, ' ' ORDER BY mode) FROM pg_locks WHERE pid = $pid AND relation = 'cvwiz.snapshot_version'::regclass}),
	'RowExclusiveLock RowShareLock', 'a writer locks the store as any INSERT does');
$session->query_safe('COMMIT; BEGIN; DELETE FROM docs WHERE n = 100');
is($node->safe_psql('postgres', qq{
		SELECT count(*) FROM pg_locks WHERE pid = $pid AND locktype IN ('tuple', 'advisory') OR NOT granted}), '0', '... and who deletes takes no other lock');
$session->query_safe('COMMIT');
$session->quit;
is(log_count($node, qr/still waiting for ShareLock on transaction/), 1, 'one statement has waited for another transaction: that which tried to free a base');

# ---- everything at the same time ----

$node->safe_psql('postgres', 'DROP TABLE docs; CALL cvwiz.repack_versions()');
create_store_table($node, 'postgres', 'docs');

# One chain that all write, and many; rows are inserted, updated, deleted, read.
my $write = q{
\set c random(1, 20)
\set n random(1, 1000000)
BEGIN;
INSERT INTO docs (chain, n, plain, snapshot) SELECT %s, :n, d, d FROM (SELECT resume(%s, :n)) r (d);
INSERT INTO docs (chain, n, plain, snapshot) SELECT %s, :n + 1, d, d FROM (SELECT resume(%s, :n + 1)) r (d);
COMMIT;
};
my %scripts = (
	same => $write =~ s/%s/1/gr,
	many => $write =~ s/%s/:c/gr,
	rolled_back => ($write =~ s/%s/:c/gr) =~ s/COMMIT/ROLLBACK/r,
	update => q{
\set c random(1, 20)
\set n random(1, 1000000)
UPDATE docs SET plain = d, snapshot = d, n = :n FROM (SELECT resume(:c, :n)) r (d)
WHERE id = (SELECT max(id) FROM docs WHERE chain = :c);
},
	oldest => q{
\set c random(1, 20)
DELETE FROM docs WHERE id IN (SELECT id FROM docs WHERE chain = :c ORDER BY id OFFSET 30 FOR UPDATE SKIP LOCKED);
DELETE FROM docs WHERE id = (SELECT min(id) FROM docs WHERE chain = :c);
},
	upsert => q{
\set c random(1, 20)
\set n random(1, 1000000)
INSERT INTO docs (id, chain, n, plain, snapshot) SELECT id, chain, n, plain, plain FROM (SELECT id, :c AS chain, :n AS n, resume(:c, :n) AS plain FROM docs ORDER BY id LIMIT 1) x
ON CONFLICT (id) DO UPDATE SET chain = excluded.chain, n = excluded.n, plain = excluded.plain, snapshot = excluded.plain;
INSERT INTO docs (id, chain, n, plain, snapshot) SELECT id, :c, :n, resume(:c, :n), resume(:c, :n) FROM docs ORDER BY id LIMIT 1 ON CONFLICT DO NOTHING;
},
	read => q{
SELECT 1 / (count(*) FILTER (WHERE cvwiz.version_text(snapshot)::text IS DISTINCT FROM plain::text) = 0)::int FROM docs;
},
	read_twice => q{
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT 1 / (count(*) FILTER (WHERE cvwiz.version_text(snapshot)::text IS DISTINCT FROM plain::text) = 0)::int FROM docs;
SELECT 1 / (count(*) FILTER (WHERE cvwiz.version_text(snapshot)::text IS DISTINCT FROM plain::text) = 0)::int FROM docs;
COMMIT;
},
	repack => "CALL cvwiz.repack_versions();\n",
	vacuum => "VACUUM cvwiz.snapshot_version, cvwiz.dead_version;\n\\sleep 100 ms\n");
append_to_file("$tempdir/$_.sql", $scripts{$_}) for keys %scripts;

# bench(CLIENTS, SCRIPT@WEIGHT ...)
sub bench
{
	my ($clients, @names) = @_;
	my %bench = (what => "@names", out => '', err => '');

	$bench{run} = IPC::Run::start([ 'pgbench', '-n', '-c', $clients, '-T', 6, (map { ('-f', "$tempdir/" . s/(@|$)/.sql$1/r) } @names), $node->connstr('postgres') ],
		'>', \$bench{out}, '2>', \$bench{err});
	return \%bench;
}
my $offset = -s $node->logfile;
my @benches = (bench(4, qw(same many)), bench(4, qw(many@3 rolled_back@1 update@3 oldest@3 upsert@2)), bench(2, qw(read read_twice)),
	bench(2, 'repack'), bench(1, 'vacuum'));
for my $bench (@benches)
{
	ok($bench->{run}->finish && $bench->{err} !~ /ERROR|aborted/, "$bench->{what}: without an error") or diag($bench->{err});
	my ($transactions) = $bench->{out} =~ /actually processed: (\d+)/;
	cmp_ok($transactions, '>', 5, "... in $transactions transactions");
}
my $log = substr(slurp_file($node->logfile), $offset);
is(join(' ', $log =~ /((?:ERROR|FATAL|PANIC|TRAP|deadlock).*)/g), '', 'no error, and no deadlock');
my ($rows) = split(/\|/, state_of_store($node, 'postgres', 'docs'));
is(state_of_store($node, 'postgres', 'docs'), "$rows|0|0", "each of $rows documents is what was written");
is(verified($node, 'postgres'), '', '... verify_versions() finds nothing');
$node->safe_psql('postgres', 'CALL cvwiz.repack_versions(); CALL cvwiz.repack_versions()');
is(state_of_store($node, 'postgres', 'docs'), "$rows|0|0", '... nor is anything lost by the next housekeeping');
is($node->safe_psql('postgres', 'SELECT count(*), (SELECT count(*) FROM cvwiz.dead_version) FROM cvwiz.snapshot_version'), "$rows|0",
	'... which leaves a version for each row, and nothing dead');
is($node->safe_psql('postgres', 'SELECT sum(orphaned_versions), sum(failed), bool_and(success) FROM cvwiz.version_repack'), '0|0|t',
	'... nothing was ever orphaned, nothing has failed');
is($node->safe_psql('postgres', 'SELECT count(*) FROM (SELECT DISTINCT cvwiz.stub_version(snapshot) FROM docs) s'), $rows, '... no two rows share one');

is(log_count($node, qr/terminated by signal|TRAP:|PANIC:/), 0, 'nothing crashed');
$node->stop;

done_testing();
