# A statement that is stopped in the middle of a large document, by a cancel, a
# timeout or a full disk: an error, nothing half stored, and the session works on.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use CvwizTest;

my $node = start_server('main', conf => "cvwiz.worker = off\njit = off\ncvwiz.max_original_size = 64MB\n");
create_documents($node, 'postgres');
create_store_table($node, 'postgres', 'docs');

# Of 16 MB, which take seconds at level 19.
$node->safe_psql('postgres', q{
	CREATE TABLE large AS SELECT 1 AS i, jsonb_build_object('text', noise(16000000)) AS d;
	INSERT INTO large SELECT 2, d || '{"more": true}' FROM large;
	INSERT INTO large SELECT 3, jsonb_build_object('text', noise(16000032));
	ALTER TABLE docs ALTER plain SET STORAGE EXTERNAL;
});
my $store = 'SET cvwiz.version_compression_level = 19; INSERT INTO docs (chain, n, plain, snapshot) SELECT 1, i, d, d FROM large WHERE i =';

sub is_empty
{
	my ($what) = @_;

	is($node->safe_psql('postgres', 'SELECT (SELECT count(*) FROM docs), (SELECT count(*) FROM cvwiz.snapshot_version), (SELECT count(*) FROM cvwiz.dead_version)'),
		'0|0|0', "$what: nothing is stored");
	return;
}

# Stops what a session does once it has begun to compress, by a signal.
sub cancel
{
	my ($session, $pid) = @_;

	$node->poll_query_until('postgres', "SELECT state = 'active' AND query ~ 'large|version' FROM pg_stat_activity WHERE pid = $pid") or die 'it does not begin';
	sleep(0.5);
	$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
	return last_error($session);
}

# ---- a cancel, a timeout ----

my $session = $node->background_psql('postgres', on_error_stop => 0);
my $pid = $session->query_safe('SELECT pg_backend_pid()');

begin_statement($session, "$store 1");
like(cancel($session, $pid), qr/canceling statement due to user request/, 'a cancel stops who stores a document');
is_empty('a cancel');
begin_statement($session, "SET statement_timeout = '300ms'; $store 1");
like(last_error($session), qr/canceling statement due to statement timeout/, 'so does a timeout');
is_empty('a timeout');
$session->query_safe("RESET statement_timeout; SET cvwiz.version_compression_level = 1; INSERT INTO docs (chain, n, plain, snapshot) SELECT 1, i, d, d FROM large WHERE i = 1");
is(state_of_store($node, 'postgres', 'docs'), '1|0|0', 'then the session stores it');

# the difference from it, or the whole if that is not much larger
my $begin = time();
begin_statement($session, "$store 3");
like(cancel($session, $pid), qr/canceling statement due to user request/, 'a cancel stops who stores a difference');
cmp_ok(time() - $begin, '<', 15, '... without much ado');
is(state_of_store($node, 'postgres', 'docs'), '1|0|0', '... the other document is there');
$session->query_safe("SET cvwiz.version_compression_level = 1; INSERT INTO docs (chain, n, plain, snapshot) SELECT 1, i, d, d FROM large WHERE i = 2");
is($session->query_safe('SELECT base_id IS NOT NULL, octet_length(content) < 100000 FROM cvwiz.snapshot_version ORDER BY version_id DESC LIMIT 1'), 't|t', 'then it is stored, as a difference');

# reading: over and over, until somebody stops it
begin_statement($session, 'SELECT sum(length(cvwiz.version_text(snapshot)::text)) FROM docs, generate_series(1, 10000)');
like(cancel($session, $pid), qr/canceling statement due to user request/, 'a cancel stops who reads');
begin_statement($session, "SET statement_timeout = '200ms'; SELECT sum(length(cvwiz.version(snapshot)::text)) FROM docs, generate_series(1, 10000)");
like(last_error($session), qr/canceling statement due to statement timeout/, 'so does a timeout');
is($session->query_safe('RESET statement_timeout; SELECT count(*) FROM docs WHERE cvwiz.version_text(snapshot)::text = plain::text'), '2', 'then the session reads them');

# housekeeping, at level 19, which stores the second one whole
$node->safe_psql('postgres', q{DELETE FROM docs WHERE n = 1});
begin_statement($session, 'SET cvwiz.version_compression_level = 19; CALL cvwiz.repack_versions()');
$node->poll_query_until('postgres', "SELECT state = 'active' AND query ~ 'repack' FROM pg_stat_activity WHERE pid = $pid") or die 'it does not begin';
sleep(0.5);
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
like(last_error($session), qr/canceling statement due to user request/, 'a cancel stops housekeeping');
is(state_of_store($node, 'postgres', 'docs'), '1|0|0', '... the document is there');
$session->query_safe('SET cvwiz.version_compression_level = 1; CALL cvwiz.repack_versions()');
is(state_of_store($node, 'postgres', 'docs'), '1|0|0', 'then it is done');
is($node->safe_psql('postgres', 'SELECT count(*), bool_and(base_id IS NULL) FROM cvwiz.snapshot_version'), '1|t', '... and the other one freed');
$session->quit;

# ---- a full disk ----

# A file of the server's may not become larger than the largest one is, nearly.
$node->safe_psql('postgres', 'TRUNCATE docs; CALL cvwiz.repack_versions(); VACUUM FULL cvwiz.snapshot_version');
SKIP:
{
	skip 'there is no prlimit', 5 if system('prlimit --version >/dev/null 2>&1') != 0;
	my $writer = $node->background_psql('postgres', on_error_stop => 0);
	my $writer_pid = $writer->query_safe('SELECT pg_backend_pid()');

	$writer->query_safe('SELECT count(*) FROM large');
	is(system('prlimit', '--pid', $writer_pid, '--fsize=17000000:'), 0, 'there is room for 17 MB');
	begin_statement($writer, 'SET cvwiz.version_compression_level = 1; INSERT INTO docs (chain, n, plain, snapshot) SELECT 1, g, resume(1, 1), d || jsonb_build_object($$n$$, g, $$t$$, noise(15000000 + g * 320)) FROM large, generate_series(1, 3) g WHERE i = 1');
	like(last_error($writer), qr/ERROR:  could not (extend|write)/, 'a disk that is full is an error');
	is_empty('a full disk');
	is(system('prlimit', '--pid', $writer_pid, '--fsize=unlimited:'), 0, 'there is room again');
	is($writer->query_safe('SET cvwiz.version_compression_level = 1; INSERT INTO docs (chain, n, plain, snapshot) SELECT 1, i, d, d FROM large; SELECT count(*) FROM docs'), '3', 'the same session stores documents again');
	$writer->quit;
	is(state_of_store($node, 'postgres', 'docs'), '3|0|0', '... which are right');
	is(verified($node, 'postgres'), '', '... and nothing else is there');
}

is(log_count($node, qr/terminated by signal|TRAP:|PANIC:/), 0, 'nothing crashed');
$node->stop;

done_testing();
