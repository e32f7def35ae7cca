# The version store on a streaming standby: documents are read there, also while
# the primary frees versions and vacuums; after a promotion they are written.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use CvwizTest;

my $tempdir = PostgreSQL::Test::Utils::tempdir;
my $primary = start_server('primary', init => [ allows_streaming => 1 ], conf => "cvwiz.worker = off\n");
create_documents($primary, 'postgres');
create_store_table($primary, 'postgres', 'docs');
write_versions($primary, 'postgres', 'docs', chains => 5, versions => 25);

$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "max_standby_streaming_delay = 100ms\n");
$standby->start;
$primary->safe_psql('postgres', 'DELETE FROM docs WHERE n % 4 = 0');
write_versions($primary, 'postgres', 'docs', chains => 5, versions => 5, from => 26);
$primary->wait_for_catchup($standby);

# ---- reading ----

is(state_of_store($standby, 'postgres', 'docs'), '120|0|0', 'documents are read on the standby, byte for byte');
is($standby->safe_psql('postgres', 'SELECT count(*) FROM docs WHERE cvwiz.version(snapshot) = plain'), 120, '... by version() too');
my $stats = 'SELECT * FROM cvwiz.version_stats()';
like($standby->safe_psql('postgres', $stats), qr/^docs\|snapshot\|5\|120\|/, 'version_stats() counts there');
is($standby->safe_psql('postgres', $stats), $primary->safe_psql('postgres', $stats), '... as on the primary');
is(verified($standby, 'postgres'), '', 'verify_versions() finds nothing there');
is($standby->safe_psql('postgres', 'SELECT relation, snapshot_column, chain_columns, keep, enabled FROM cvwiz.version_stores'),
	'docs|snapshot|{chain}|metadata|t', 'version_stores is there');

# What is corrupted is found there, and nothing is written.
$primary->safe_psql('postgres', q{
	CREATE TABLE saved AS SELECT * FROM cvwiz.snapshot_version ORDER BY version_id LIMIT 1;
	UPDATE cvwiz.snapshot_version SET checksum = checksum + 1 WHERE version_id = (SELECT version_id FROM saved)});
$primary->wait_for_catchup($standby);
is($standby->safe_psql('postgres', q{SELECT relation, version_id = (SELECT version_id FROM saved), problem FROM cvwiz.verify_versions()}),
	'docs|t|Its content is not what was stored.', 'verify_versions() finds what is corrupted there');
$primary->safe_psql('postgres', 'UPDATE cvwiz.snapshot_version v SET checksum = s.checksum FROM saved s WHERE v.version_id = s.version_id');

for my $write ('CALL cvwiz.repack_versions()', q{INSERT INTO docs (chain, n, plain, snapshot) VALUES (1, 1, '1', '1')},
	q{SELECT cvwiz.add_version_store('saved', 'content', '{chain_key}')}, q{SELECT cvwiz.remove_version_store('docs', 'snapshot')})
{
	my ($result, $stdout, $stderr) = $standby->psql('postgres', "\\set VERBOSITY verbose\n$write");

	like($stderr, qr/ERROR:  (25006|55000): /, "$write fails there with a clear error");
}

# ---- reading while the primary frees and vacuums ----

# Who reads in one snapshot when the versions in it are vacuumed away is told so.
my $reader = $standby->background_psql('postgres', on_error_stop => 0);
begin_statement($reader, q{
	BEGIN ISOLATION LEVEL REPEATABLE READ;
	DO $$
	BEGIN
		LOOP
			IF EXISTS (SELECT FROM docs WHERE cvwiz.version_text(snapshot)::text IS DISTINCT FROM plain::text) THEN RAISE EXCEPTION 'another document'; END IF;
		END LOOP;
	END $$});
$standby->poll_query_until('postgres', q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query ~ 'LOOP' AND backend_xmin IS NOT NULL AND pid <> pg_backend_pid())})
	or die 'nobody reads';
$primary->safe_psql('postgres', 'DELETE FROM docs WHERE n % 4 = 1; CALL cvwiz.repack_versions()');
$primary->safe_psql('postgres', 'VACUUM docs, cvwiz.snapshot_version, cvwiz.dead_version');
like(last_error($reader), qr/conflict with recovery/, 'a reader of versions that are vacuumed away gets an error, never another document');
eval { $reader->quit };
$primary->wait_for_catchup($standby);

# Others get their documents, or try again, until each has read them some times.
append_to_file("$tempdir/read.sql", q{
DO $$
DECLARE
	found int := 0;
	r record;
BEGIN
	FOR r IN SELECT cvwiz.version_text(snapshot)::text = plain::text AS same FROM docs LOOP
		IF r.same IS NOT TRUE THEN RAISE EXCEPTION 'another document'; END IF;
		found := found + 1;
	END LOOP;
	IF found = 0 THEN RAISE EXCEPTION 'no document'; END IF;
END $$;
});
append_to_file("$tempdir/write.sql", q{
\set c random(1, 5)
\set n random(100, 1000000)
INSERT INTO docs (chain, n, plain, snapshot) SELECT :c, :n, d, d FROM (SELECT resume(:c, :n)) r (d);
DELETE FROM docs WHERE id = (SELECT min(id) FROM docs WHERE chain = :c);
});
append_to_file("$tempdir/free.sql", q{
CALL cvwiz.repack_versions();
VACUUM docs, cvwiz.snapshot_version, cvwiz.dead_version;
\sleep 500 ms
});
my $freed = 'SELECT count(*) FROM cvwiz.version_repack WHERE freed_versions > 0';
my $freed_before = $primary->safe_psql('postgres', $freed);
my $offset = -s $standby->logfile;
my ($out, $err) = ('', '');
my @writers = (IPC::Run::start([ 'pgbench', '-n', '-c', 2, '-R', 30, '-T', $PostgreSQL::Test::Utils::timeout_default, '-f', "$tempdir/write.sql", $primary->connstr('postgres') ], '>', \$out, '2>', \$err),
	IPC::Run::start([ 'pgbench', '-n', '-c', 1, '-T', $PostgreSQL::Test::Utils::timeout_default, '-f', "$tempdir/free.sql", $primary->connstr('postgres') ], '>', \$out, '2>', \$err));
my ($rounds, $unread) = (0, '');
do
{
	my ($read, $said) = run_command([ 'pgbench', '-n', '-c', 4, '-t', 20, '--max-tries', 1000, '-f', "$tempdir/read.sql", $standby->connstr('postgres') ]);
	$unread .= "$read\n$said" if $read !~ m{actually processed: 80/80};
	$rounds++;
} while $unread eq '' && $rounds < 1000 && $primary->safe_psql('postgres', $freed) < $freed_before + 5;
is($unread, '', "while the primary frees and vacuums, readers on the standby get their documents ($rounds rounds)");
for my $writer (@writers)
{
	$writer->signal('TERM');
	$writer->finish;
	is(($writer->full_results)[0] & 127, 15, '... and it has written, freed and vacuumed until it was told to end');
}
cmp_ok($primary->safe_psql('postgres', $freed), '>', $freed_before, '... not in vain');
unlike($err, qr/ERROR|aborted/, '... without an error');
my @errors = grep { !/conflict with recovery/ } substr(slurp_file($standby->logfile), $offset) =~ /((?:ERROR|FATAL): .*)/g;
is("@errors", '', '... nor was there one on the standby, but a conflict with recovery');
$primary->wait_for_catchup($standby);
is(state_of_store($standby, 'postgres', 'docs'), state_of_store($primary, 'postgres', 'docs'), '... and afterwards what the primary has');

# ---- promotion ----

$primary->stop;
$standby->promote;
my ($rows) = split(/\|/, state_of_store($standby, 'postgres', 'docs'));
write_versions($standby, 'postgres', 'docs', chains => 5, versions => 3, from => 2000000);
is(state_of_store($standby, 'postgres', 'docs'), $rows + 15 . '|0|0', 'after the promotion documents are written');
$standby->safe_psql('postgres', 'DELETE FROM docs WHERE n < 2000000; CALL cvwiz.repack_versions()');
is($standby->safe_psql('postgres', 'SELECT count(*) FROM cvwiz.snapshot_version'), 15, '... and freed');
is(state_of_store($standby, 'postgres', 'docs'), '15|0|0', '... and those that stay are read');
is(verified($standby, 'postgres'), '', '... and all is well');

is(log_count($_, qr/(PANIC:|TRAP:|terminated by signal)/), 0, 'nothing crashed') for $primary, $standby;
$standby->stop;

done_testing();
