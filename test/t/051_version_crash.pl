# The version store when sessions, the worker and the server are killed at any
# moment: what was committed reads byte for byte, and the next housekeeping
# finishes the work.
#
# CVWIZ_KILLS is the number of kills, CVWIZ_SEED repeats what an earlier test did.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use CvwizTest;

my $kills = $ENV{CVWIZ_KILLS} || 8;
my $seed = srand($ENV{CVWIZ_SEED} || time() * 1000 % 2**31);

note("CVWIZ_SEED=$seed CVWIZ_KILLS=$kills");

my $tempdir = PostgreSQL::Test::Utils::tempdir;
my $node = start_server('main', now => '2026-05-10 12:00', conf => "cvwiz.alert_interval = '1d'\n");
create_documents($node, 'postgres');
create_store_table($node, 'postgres', 'docs');
write_versions($node, 'postgres', 'docs', chains => 10, versions => 30);

# Each transaction inserts and deletes as much, and notes which documents of its
# chain there should be: a number and a sum.
$node->safe_psql('postgres', q{
	CREATE TABLE notes (chain int PRIMARY KEY, rows bigint, sum bigint);
	INSERT INTO notes SELECT chain, count(*), sum(n) FROM docs GROUP BY chain});
append_to_file("$tempdir/write.sql", q{
\set c random(1, 10)
\set n random(100, 1000000)
BEGIN;
UPDATE notes SET rows = rows + 1, sum = sum + :n WHERE chain = :c;
INSERT INTO docs (chain, n, plain, snapshot) SELECT :c, :n, d, d FROM (SELECT resume(:c, :n)) r (d);
WITH gone AS (DELETE FROM docs WHERE id = (SELECT min(id) FROM docs WHERE chain = :c AND random() < 0.9) RETURNING n)
UPDATE notes SET rows = rows - (SELECT count(*) FROM gone), sum = sum - (SELECT COALESCE(sum(n), 0) FROM gone) WHERE chain = :c;
COMMIT;
});
append_to_file("$tempdir/repack.sql", "CALL cvwiz.repack_versions();\n");

sub pids
{
	my ($condition) = @_;

	return split(/\n/, $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND $condition"));
}

# The server comes back by itself, but from an immediate stop.
sub kill_something
{
	my ($kind) = @_;

	if ($kind eq 'server')
	{
		$node->stop('immediate');
		$node->start;
		return;
	}
	my @pids = pids($kind eq 'writer' ? "query ~ 'docs' AND backend_type = 'client backend'" :
		$kind eq 'repack' ? "query ~ 'CALL' AND backend_type = 'client backend'" : "backend_type = 'cvwiz worker'");
	return 0 if !@pids;
	my $offset = -s $node->logfile;
	kill('KILL', $pids[ int(rand(@pids)) ]) == 1 or return 0;
	$node->wait_for_log(qr/was terminated by signal 9/, $offset);
	$node->poll_query_until('postgres', 'SELECT true') or die 'no recovery';
	return 1;
}

# The worker is due each time the clock moves on by a day.
my $day = 11;

sub begin_work
{
	my @clients;

	local $ENV{PGAPPNAME} = 'pgbench';
	for my $script ('write', 'write', 'write', 'repack')
	{
		my $said = '';

		push @clients, IPC::Run::start([ 'pgbench', '-n', '-c', $script eq 'write' ? 2 : 1, '-T', 60, '-f', "$tempdir/$script.sql", $node->connstr('postgres') ],
			'>', \$said, '2>', \$said);
	}
	$node->poll_query_until('postgres', q{SELECT count(*) >= 4 FROM pg_stat_activity WHERE application_name = 'pgbench'}) or die 'nobody writes';
	return @clients;
}

# What is committed is there, and reads.
sub problems
{
	my @problems;
	my ($rows, $unequal, $without) = split(/\|/, state_of_store($node, 'postgres', 'docs'));

	push @problems, "$unequal documents are not as they were written" if $unequal;
	push @problems, "$without documents are not in the store" if $without;
	push @problems, 'corrupted: ' . verified($node, 'postgres') if verified($node, 'postgres') ne '';
	push @problems, 'other rows than were committed' if $node->safe_psql('postgres',
		'SELECT count(*) FROM notes t, LATERAL (SELECT count(*), COALESCE(sum(n), 0) FROM docs d WHERE d.chain = t.chain) d (rows, sum) WHERE t.rows <> d.rows OR t.sum <> d.sum');
	return @problems;
}

my @kinds = ('writer', 'repack', 'server', 'worker');
my (%hit, %dead);
for my $number (1 .. $kills)
{
	my $kind = $kinds[ $number % @kinds ];
	my @clients = begin_work();
	my $hit = 1;

	if ($kind eq 'worker')
	{
		set_clock($node, sprintf('2026-05-%02d 03:00', $day++));
		$node->poll_query_until('postgres', q{SELECT EXISTS (SELECT FROM cvwiz.version_repack WHERE origin = 'worker' AND finished_at IS NULL)
			OR (SELECT max(started_at) FROM cvwiz.version_repack WHERE origin = 'worker') = cvwiz.clock()});
	}
	else
	{
		sleep(0.05 + rand(0.6));
	}
	$hit = kill_something($kind);
	$hit{$kind}++ if $hit || $kind eq 'server';
	for my $client (@clients)
	{
		$client->signal('TERM');
		$client->finish;
	}
	$node->poll_query_until('postgres', q{SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'pgbench')});

	my @problems = problems();
	my $interrupted = $node->safe_psql('postgres', q{SELECT count(*) FROM cvwiz.dead_version});
	$node->safe_psql('postgres', 'CALL cvwiz.repack_versions()');
	push @problems, map { "after housekeeping: $_" } problems();
	push @problems, 'housekeeping did not finish the work: ' . $_ for grep { $_ ne '0|0' } $node->safe_psql('postgres', q{
		SELECT (SELECT count(*) FROM cvwiz.snapshot_version) - (SELECT count(*) FROM docs), (SELECT count(*) FROM cvwiz.dead_version)});
	push @problems, 'versions were orphaned' if $node->safe_psql('postgres', 'SELECT orphaned_versions FROM cvwiz.version_repack ORDER BY run_id DESC LIMIT 1');
	is(join("\n", @problems), '', "$kind is killed, $interrupted dead versions are left");
}
cmp_ok($hit{$_} || 0, '>=', 1, "$_: was killed at work") for 'writer', 'repack', 'server';
is($node->safe_psql('postgres', 'SELECT count(*) FROM cvwiz.snapshot_version WHERE base_id >= version_id'), 0, 'each version comes after its base');
is($node->safe_psql('postgres', 'SELECT count(*) FROM (SELECT version_id FROM cvwiz.snapshot_version GROUP BY 1 HAVING count(*) > 1) x'), 0, '... and is there once');
write_versions($node, 'postgres', 'docs', chains => 10, versions => 2, from => 2000000);
like(state_of_store($node, 'postgres', 'docs'), qr/^\d+\|0\|0$/, 'the store works on');
is(log_count($node, qr/terminated by signal (?!9)|TRAP:|PANIC:|deadlock/), 0, 'nothing has crashed by itself');

$node->stop;

done_testing();
