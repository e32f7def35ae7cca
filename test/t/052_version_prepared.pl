# Two-phase commit: what a prepared transaction has stored, deleted or vetoed is
# there, or gone, once it is committed or rolled back, whatever housekeeping and
# restarts come in between.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use CvwizTest;

my $node = start_server('main', conf => "cvwiz.worker = off\nmax_prepared_transactions = 10\nlog_lock_waits = on\n");

create_documents($node, 'postgres');
create_store_table($node, 'postgres', 'docs');
$node->safe_psql('postgres', 'CREATE UNIQUE INDEX ON docs (chain, n)');

sub repack
{
	$node->safe_psql('postgres', "SET lock_timeout = '1s'; CALL cvwiz.repack_versions()");
	return $node->safe_psql('postgres', q{
		SELECT freed_versions, orphaned_versions, failed FROM cvwiz.version_repack ORDER BY run_id DESC LIMIT 1});
}

# All versions, and those that are dead.
sub versions
{
	return $node->safe_psql('postgres', q{
		SELECT count(*), count(*) FILTER (WHERE EXISTS (SELECT FROM cvwiz.dead_version d WHERE d.version_id = v.version_id))
		FROM cvwiz.snapshot_version v});
}

# Each ends in its own way, before and after a restart.
for my $restarts (0, 1)
{
	for my $end ('COMMIT', 'ROLLBACK')
	{
		my $what = ($restarts ? 'restarted, ' : '') . "$end PREPARED";

		$node->safe_psql('postgres', 'TRUNCATE docs; CALL cvwiz.repack_versions()');
		is(versions(), '0|0', "$what: an empty store");
		write_versions($node, 'postgres', 'docs', chains => 4, versions => 3);

		# an insert, whose base dies meanwhile
		$node->safe_psql('postgres', q{
			BEGIN;
			INSERT INTO docs (chain, n, plain, snapshot) VALUES (1, 4, resume(1, 4), resume(1, 4));
			PREPARE TRANSACTION 'insert'});
		# a delete
		$node->safe_psql('postgres', q{BEGIN; DELETE FROM docs WHERE chain = 2; PREPARE TRANSACTION 'delete'});
		# an update in place
		$node->safe_psql('postgres', q{
			BEGIN;
			UPDATE docs SET plain = resume(3, 40), snapshot = resume(3, 40) WHERE chain = 3 AND n = 3;
			PREPARE TRANSACTION 'update'});
		# rows that never come to be
		$node->safe_psql('postgres', q{
			BEGIN;
			INSERT INTO docs (chain, n, plain, snapshot) VALUES (4, 3, resume(4, 5), resume(4, 5)) ON CONFLICT DO NOTHING;
			SAVEPOINT s;
			INSERT INTO docs (chain, n, plain, snapshot) VALUES (4, 2, resume(4, 6), resume(4, 6)) ON CONFLICT DO NOTHING;
			ROLLBACK TO s;
			INSERT INTO docs (chain, n, plain, snapshot) VALUES (4, 1, resume(4, 7), resume(4, 7)) ON CONFLICT DO NOTHING;
			PREPARE TRANSACTION 'veto'});
		is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_prepared_xacts'), 4, '... four transactions are prepared');

		# The base of the prepared insert must stay, though it is dead.
		is($node->safe_psql('postgres', q{
				SELECT b.version_id = cvwiz.stub_version(snapshot) FROM docs, LATERAL (
					SELECT max(version_id) AS version_id FROM cvwiz.snapshot_version v
					WHERE v.chain_key = (SELECT chain_key FROM cvwiz.snapshot_version WHERE version_id = cvwiz.stub_version(snapshot))) b
				WHERE chain = 1 AND n = 3}), 't', '... one on the newest version of its chain');
		$node->restart if $restarts;
		$node->safe_psql('postgres', 'DELETE FROM docs WHERE chain = 1');
		is(repack(), '0|0|0', '... housekeeping waits for none of them');
		is($node->safe_psql('postgres', q{
				SELECT count(*) FROM cvwiz.snapshot_version v JOIN cvwiz.dead_version d USING (version_id)}), 3,
			'... and leaves what a prepared document hangs on');
		is(state_of_store($node, 'postgres', 'docs'), '9|0|0', '... the others read on');
		$node->restart if $restarts;
		is(repack(), '0|0|0', '... again');

		$node->safe_psql('postgres', "$end PREPARED '$_'") for qw(insert delete update veto);
		is(state_of_store($node, 'postgres', 'docs'), $end eq 'COMMIT' ? '7|0|0' : '9|0|0', '... then all documents read');
		is(verified($node, 'postgres'), '', '... nothing is corrupted');
		is(versions(), $end eq 'COMMIT' ? '13|6' : '12|3', '... what no row has is dead');
		is(repack(), $end eq 'COMMIT' ? '6|0|0' : '3|0|0', '... it alone');
		is(versions(), $end eq 'COMMIT' ? '7|0' : '9|0', '... and goes');
		is(state_of_store($node, 'postgres', 'docs'), $end eq 'COMMIT' ? '7|0|0' : '9|0|0', '... the documents stay');
	}
}

is(log_count($node, qr/still waiting for|terminated by signal|TRAP:|PANIC:|deadlock/), 0, 'nobody waited, nothing crashed');
$node->stop;

done_testing();
