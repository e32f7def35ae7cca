# A conversion beside clients who read and write, and killed at every statement;
# as other roles; dumped.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use CvwizTest;

my $tempdir = PostgreSQL::Test::Utils::tempdir;
my $node = start_server('main', now => '2026-05-10 12:00',
	conf => "cvwiz.worker = off\ndeadlock_timeout = 1s\nmax_worker_processes = 12\n");

# ---- a table as Prisma makes it, while clients insert and read ----

$node->safe_psql('postgres', q{
	CREATE ROLE app LOGIN;
	GRANT CREATE ON SCHEMA public TO app;
	GRANT EXECUTE ON ALL ROUTINES IN SCHEMA cvwiz TO app;
	SET ROLE app;
	CREATE TABLE "User" ("id" TEXT NOT NULL, CONSTRAINT "User_pkey" PRIMARY KEY ("id"));
	INSERT INTO "User" SELECT 'u' || n FROM generate_series(0, 99) n;
	CREATE TABLE "AuditLog" (
		"id" TEXT NOT NULL,
		"userId" TEXT,
		"action" TEXT NOT NULL,
		"newValues" JSONB,
		"createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
		CONSTRAINT "AuditLog_pkey" PRIMARY KEY ("id"));
	CREATE INDEX "AuditLog_userId_idx" ON "AuditLog"("userId");
	CREATE INDEX "AuditLog_action_idx" ON "AuditLog"("action");
	CREATE INDEX "AuditLog_createdAt_idx" ON "AuditLog"("createdAt");
	ALTER TABLE "AuditLog" ADD CONSTRAINT "AuditLog_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User"("id") ON DELETE SET NULL ON UPDATE CASCADE;
	INSERT INTO "AuditLog" SELECT 'c' || md5(n::text), 'u' || n % 100, 'action' || n % 10, '{}', timestamp '2026-05-10 12:00' - n * interval '1 minute'
	FROM generate_series(1, 200000) n;
	CREATE SEQUENCE inserted;
	ANALYZE "AuditLog";
});

append_to_file("$tempdir/insert", q{
\set user random(0, 99)
\set minute random(0, 200000)
INSERT INTO "AuditLog" ("id", "userId", "action", "createdAt") VALUES ('new' || nextval('inserted'), 'u' || :user, 'inserted', timestamp '2026-05-10 12:00' - :minute * interval '1 minute') RETURNING "id", "newValues";
});
append_to_file("$tempdir/read", q{
\set user random(0, 99)
\set n random(1, 200000)
SELECT "id", "createdAt" FROM "AuditLog" WHERE "userId" = 'u' || :user ORDER BY "createdAt" DESC LIMIT 10;
SELECT count(*) FROM "AuditLog" WHERE "id" = 'c' || md5((:n)::text);
});
# in one transaction what two steps would see
append_to_file("$tempdir/both", q{
\set minute random(0, 200000)
BEGIN;
INSERT INTO "AuditLog" ("id", "userId", "action", "createdAt") VALUES ('new' || nextval('inserted'), 'u1', 'inserted', timestamp '2026-05-10 12:00' - :minute * interval '1 minute');
SELECT count(*) FROM "AuditLog" WHERE "id" = 'new' || currval('inserted');
COMMIT;
});

# start_clients(NAME, PROTOCOL, CLIENTS): pgbench as long as it is not ended
sub start_clients
{
	my ($script, $protocol, $clients) = @_;
	my %run = (out => '', err => '', stop => "$tempdir/stop");

	$run{handle} = IPC::Run::start(
		[ 'pgbench', '-h', $node->host, '-p', $node->port, '-U', 'app', '-n', '-M', $protocol, '-c', $clients,
			'-T', 600, '-f', "$tempdir/$script", '--max-tries=1', 'postgres' ],
		'>', \$run{out}, '2>', \$run{err});
	return \%run;
}

# Committed transactions are counted in the table itself; pgbench, which a failed
# statement ends, has to be still there with all of its clients.
sub clients_at_work
{
	return $node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'");
}

my @clients = (start_clients('insert', 'prepared', 2), start_clients('read', 'prepared', 2), start_clients('both', 'extended', 1), start_clients('read', 'simple', 1));
$node->poll_query_until('postgres', 'SELECT last_value > 100 FROM inserted') or die 'no client inserts';
my @seen = (clients_at_work());
for my $call (q{partition_by_month('"AuditLog"', 'createdAt', 90)}, q{undo_partition_by_month('"AuditLog"')}, q{partition_by_month('"AuditLog"', 'createdAt', keep_unique => true)},
	q{undo_partition_by_month('"AuditLog"')}, q{partition_by_month('"AuditLog"', 'createdAt')})
{
	is($node->psql('postgres', "SET ROLE app; CALL cvwiz.$call"), 0, "beside clients: CALL cvwiz.$call");
	my $before = $node->safe_psql('postgres', 'SELECT last_value FROM inserted');
	$node->poll_query_until('postgres', "SELECT last_value > $before + 20 FROM inserted") or die 'no client inserts any more';
	push @seen, clients_at_work();
}
is(join(' ', @seen), '6 6 6 6 6 6', 'all clients go on: no statement has failed');
for my $run (@clients)
{
	IPC::Run::signal($run->{handle}, 'TERM');
	IPC::Run::finish($run->{handle});
	is($run->{err}, '', '... nor has one of them complained');
}
# A sequence's value is used up also by a statement that the end of pgbench cancels.
my ($rows, $gaps) = split /\|/, $node->safe_psql('postgres', q{
	SELECT count(*) FILTER (WHERE "action" <> 'inserted'), (SELECT last_value FROM inserted) - count(*) FILTER (WHERE "action" = 'inserted') FROM "AuditLog"});
is($rows, 200000, 'no row that was there is lost');
cmp_ok($gaps, '<=', 3, 'nor one that was inserted');
is($node->safe_psql('postgres', q{SELECT count(*) - count(DISTINCT "id") FROM "AuditLog"}), 0, 'none is there twice');
is($node->safe_psql('postgres', q{SELECT relkind FROM pg_class WHERE oid = '"AuditLog"'::regclass}), 'p', 'the table is partitioned');
is($node->safe_psql('postgres', q{SET ROLE app; DELETE FROM "User" WHERE "id" = 'u7'; SELECT count(*) FROM "AuditLog" WHERE "userId" = 'u7'}), 0, 'the foreign key does its work');

# ---- who waits for whom ----

$node->safe_psql('postgres', q{
	SET ROLE app;
	CREATE TABLE held (id int PRIMARY KEY, at timestamptz NOT NULL, "userId" text REFERENCES "User");
	INSERT INTO held VALUES (1, '2026-05-01', 'u1');
});
my $writer = $node->background_psql('postgres', on_error_stop => 0);
my $caller = $node->background_psql('postgres', on_error_stop => 0);
my $caller_pid = $caller->query_safe('SELECT pg_backend_pid()');
$writer->query_safe(q{BEGIN; INSERT INTO held VALUES (2, '2026-05-02', 'u1')});
begin_statement($caller, q{CALL cvwiz.partition_by_month('held', 'at')});
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_locks WHERE pid = $caller_pid AND mode = 'AccessExclusiveLock' AND NOT granted")
  or die 'it does not wait';
my ($longest, $longest_user) = (0, 0);
for my $n (10 .. 109)
{
	my $seconds = seconds_taken(sub { $node->safe_psql('postgres', "INSERT INTO held VALUES ($n, '2026-05-02', 'u2')") });
	$longest = $seconds if $seconds > $longest;
}
cmp_ok($longest, '<', 3, 'while it waits for a transaction that has written, others do not wait for long');
$writer->query_safe('COMMIT');
# the swap has its turn now; a transaction on the referenced table holds it up likewise
$caller->query('SELECT 1');
is($node->safe_psql('postgres', 'SELECT count(*) FROM held'), 102, 'once that ends it goes on, and nothing is lost');

$node->safe_psql('postgres', q{SET ROLE app; CALL cvwiz.undo_partition_by_month('held')});
$writer->query_safe(q{BEGIN; SELECT count(*) FROM "User"});
begin_statement($caller, q{CALL cvwiz.partition_by_month('held', 'at')});
$node->poll_query_until('postgres', qq{SELECT count(*) = 1 FROM pg_locks WHERE pid = $caller_pid AND mode = 'AccessExclusiveLock' AND NOT granted AND relation = '"User"'::regclass})
  or die 'it does not wait';
for my $n (1 .. 50)
{
	my $seconds = seconds_taken(sub { $node->safe_psql('postgres', qq{SELECT count(*) FROM "User", held}) });
	$longest_user = $seconds if $seconds > $longest_user;
}
cmp_ok($longest_user, '<', 3, 'while it waits for a reader of the table that it refers to, others do not wait for long');
is($node->safe_psql('postgres', "SELECT relkind FROM pg_class WHERE oid = 'held'::regclass"), 'r', '... and the table is as it was');
# a cancel is obeyed
$node->safe_psql('postgres', "SELECT pg_cancel_backend($caller_pid)");
$caller->query('SELECT 1');
$writer->query_safe('ROLLBACK');
is($node->safe_psql('postgres', "SELECT conname FROM pg_constraint WHERE conname = 'cvwiz_convert_range'"), 'cvwiz_convert_range', 'cancelled, it has left something');
$node->safe_psql('postgres', q{SET ROLE app; CALL cvwiz.undo_partition_by_month('held')});
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_class WHERE relname ~ '^cvwiz_|legacy' AND relname !~ 'AuditLog'") . $node->safe_psql('postgres', "SELECT count(*) FROM pg_constraint WHERE conname = 'cvwiz_convert_range'"),
	'00', '... which the undo removes');

# nobody runs its policy meanwhile
$writer->query_safe(q{BEGIN; INSERT INTO held VALUES (3, '2026-05-02', 'u1')});
begin_statement($caller, q{CALL cvwiz.partition_by_month('held', 'at')});
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_locks WHERE pid = $caller_pid AND mode = 'AccessExclusiveLock' AND NOT granted") or die 'it does not wait';
my (undef, undef, $error) = $node->psql('postgres', q{CALL cvwiz.partition_by_month('held', 'at')});
like($error, qr/a retention run or a conversion is at work on table "held"/, 'one conversion at a time');
$writer->query_safe('COMMIT');
$caller->query('SELECT 1');
is($node->safe_psql('postgres', 'SELECT count(*) FROM held'), 103, '... which then succeeds');
$writer->quit;
$caller->quit;

# ---- killed at each statement ----

# Holds whoever comes to the n-th command of DDL. Its own count is kept by a
# sequence, which forgets nothing when a transaction ends. A step waits for locks
# for a moment only: not for this one.
$node->safe_psql('postgres', q{
	CREATE SEQUENCE commands;
	CREATE TABLE hold (at bigint);
	INSERT INTO hold VALUES (0);
	GRANT SELECT ON hold TO app;
	GRANT USAGE ON SEQUENCE commands TO app;
	CREATE FUNCTION hold_command() RETURNS event_trigger LANGUAGE plpgsql SET lock_timeout = 0 AS $$BEGIN
		IF (SELECT at FROM public.hold) > 0 AND nextval('public.commands') = (SELECT at FROM public.hold) THEN
			PERFORM pg_advisory_lock_shared(1);
		END IF;
	END$$;
	CREATE EVENT TRIGGER hold_start ON ddl_command_start EXECUTE FUNCTION hold_command();
	CREATE EVENT TRIGGER hold_end ON ddl_command_end EXECUTE FUNCTION hold_command();
});

my $definition = q{SELECT string_agg(line, E'\n' ORDER BY line) FROM (
	SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = '%1$s'::regclass
	UNION ALL SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = '%1$s'::regclass
	UNION ALL SELECT concat_ws(' ', attname, attnotnull) FROM pg_attribute WHERE attrelid = '%1$s'::regclass AND attnum > 0
	UNION ALL SELECT concat_ws(' ', tgname, tgenabled) FROM pg_trigger WHERE tgrelid = '%1$s'::regclass AND NOT tgisinternal
	UNION ALL SELECT concat_ws(' ', relkind, relispartition, ARRAY(SELECT unnest(relacl)::text COLLATE "C" ORDER BY 1)) FROM pg_class WHERE oid = '%1$s'::regclass
	UNION ALL SELECT concat_ws(' ', relname, pg_get_expr(relpartbound, oid)) FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = '%1$s'::regclass
	UNION ALL SELECT 'unfinished ' || relname FROM pg_class WHERE relname ~ '^cvwiz_\d+_(key|unique)$'
	UNION ALL SELECT 'left ' || relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^one' AND relname <> 'one' AND NOT relispartition
	UNION ALL SELECT concat_ws(' ', 'policy', relation, retention_days) FROM cvwiz.retention_policy WHERE relation = '%1$s'::regclass) d(line)};

sub definition { return $node->safe_psql('postgres', sprintf($definition, 'one')) }

# no count meanwhile
sub setup_one
{
	$node->safe_psql('postgres', q{
		DROP TABLE IF EXISTS one;
		SET ROLE app;
		CREATE TABLE one (id int PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY, at timestamptz, "userId" text REFERENCES "User");
		CREATE INDEX one_at ON one (at);
		CREATE TRIGGER t BEFORE UPDATE ON one FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
		GRANT SELECT ON one TO PUBLIC;
		INSERT INTO one (id, at, "userId") SELECT n, timestamptz '2026-05-10 12:00' - n * interval '1 hour', 'u1' FROM generate_series(1, 500) n;
	});
	return;
}

my $convert = "SET ROLE app; CALL cvwiz.partition_by_month('one', 'at', 60)";
my $undo = "SET ROLE app; CALL cvwiz.undo_partition_by_month('one')";
setup_one();
my %wanted = (plain => definition());
$node->safe_psql('postgres', $convert);
$wanted{converted} = definition();
$node->safe_psql('postgres', $undo);
is(definition() =~ s/\npolicy .*//r, $wanted{plain}, 'there and back without an interruption');

# killed_at(N, HARD, STATEMENT): false where the statement has no N-th command
sub killed_at
{
	my ($n, $hard, $statement) = @_;
	my $holder = $node->background_psql('postgres', on_error_stop => 0);
	my $victim;

	$node->safe_psql('postgres', "ALTER SEQUENCE commands RESTART; UPDATE hold SET at = 0");
	$holder->query_safe('SELECT pg_advisory_lock(1)');
	$node->safe_psql('postgres', "ALTER SEQUENCE commands RESTART");
	$node->safe_psql('postgres', "UPDATE hold SET at = $n");
	my ($out, $err) = ('', '');
	my $session = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', 'SET ROLE app', '-c', $statement =~ s/^.*; //r ], '>', \$out, '2>', \$err);
	while (!$victim)
	{
		$victim = $node->safe_psql('postgres', "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = 1 AND NOT granted LIMIT 1");
		last if !$victim && !IPC::Run::pumpable($session);
		IPC::Run::pump_nb($session);
	}
	if ($victim && $hard)
	{
		crash_process($node, $victim);
	}
	elsif ($victim)
	{
		$node->safe_psql('postgres', "SELECT pg_terminate_backend($victim)");
	}
	IPC::Run::finish($session);
	if ($victim && $hard) { eval { $holder->quit } }
	else { $holder->quit }
	$node->safe_psql('postgres', 'UPDATE hold SET at = 0');
	die "not held at $n: $out $err"
	  if !$victim && (IPC::Run::result($session, 0) != 0 || $node->safe_psql('postgres', "SELECT last_value >= $n FROM commands") eq 't');
	$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'cvwiz statement'") or die 'a worker is left';
	return $victim;
}

# Each way to go on, one after another.
sub go_on
{
	my ($n, $what) = @_;
	my ($goal, $statement) = $n % 2 ? ('converted', $convert) : ('plain', $undo);
	my ($status, undef, $stderr) = $node->psql('postgres', $statement);
	my $is = definition();

	$is =~ s/\npolicy .*// if $goal eq 'plain';
	return if $status == 0 && $is eq $wanted{$goal} &&
	  $node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT id), sum(n), max(n) FROM one') eq '500|500|125250|500';
	return "$what, killed at command $n, then to be $goal: status $status $stderr\n$is";
}

for my $case ([ 'conversion', $convert, 0 ], [ 'undo', $undo, 1 ])
{
	my ($what, $statement, $converted) = @$case;
	my @problems;
	my $kills = 0;

	for (my $n = 1;; $n++)
	{
		setup_one();
		$node->safe_psql('postgres', $convert) if $converted;
		last unless killed_at($n, $n % 5 == 0, $statement);
		$kills++;
		my $rows = $node->safe_psql('postgres', q{INSERT INTO one VALUES (501, DEFAULT, '2026-05-09', 'u2'); DELETE FROM one WHERE id = 501; SELECT count(*) FROM one});
		push @problems, "$what, killed at command $n: $rows rows" if $rows ne 500;
		$node->safe_psql('postgres', q{SELECT setval(pg_get_serial_sequence('one', 'n'), 500)});
		push @problems, go_on($n, $what);
	}
	cmp_ok($kills, '>', 20, "$what: killed at $kills places");
	is(join("\n", @problems), '', '... the table can be used, and the next call goes on or back');
}
$node->safe_psql('postgres', 'DROP EVENT TRIGGER hold_start; DROP EVENT TRIGGER hold_end; DROP TABLE one');

# ---- roles ----

$node->safe_psql('postgres', q{
	CREATE ROLE keeper NOLOGIN;
	GRANT CREATE ON SCHEMA public TO keeper;
	CREATE ROLE member LOGIN IN ROLE keeper;
	GRANT EXECUTE ON ALL ROUTINES IN SCHEMA cvwiz TO member;
	CREATE TABLE kept (id int PRIMARY KEY, at timestamptz NOT NULL);
	ALTER TABLE kept OWNER TO keeper;
});
my $call = q{SET SESSION AUTHORIZATION member; CALL cvwiz.partition_by_month('kept', 'at')};
if ($node->pg_version < 17)
{
	my ($status, undef, $stderr) = $node->psql('postgres', $call);
	is($status, 3, 'no worker can be connected as an owner without LOGIN');
	my ($statement) = $stderr =~ /role "keeper" has no LOGIN, so that no worker can run, and you would have to, as that role: (CREATE UNIQUE INDEX CONCURRENTLY \S+ ON public.kept USING btree \(id, at\))\./;
	ok($statement, '... the error says what to do') or diag($stderr);
	$node->safe_psql('postgres', 'SET ROLE keeper', on_error_stop => 1);
	$node->command_ok([ 'psql', '-X', '-d', $node->connstr('postgres'), '-c', 'SET ROLE keeper', '-c', $statement ], '... which works');
}
is($node->psql('postgres', $call), 0, 'a member of the owning role converts');
is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT pg_get_userbyid(relowner), ' ') FROM pg_class WHERE relname ~ '^kept'}), 'keeper', 'all that is new is the owner\'s');

# what a table's owner has written runs with the owner's rights, whoever calls
$node->safe_psql('postgres', q{
	SET ROLE app;
	CREATE TABLE ran_as (who text);
	GRANT INSERT ON ran_as TO PUBLIC;
	CREATE FUNCTION who(t timestamptz) RETURNS timestamptz IMMUTABLE LANGUAGE plpgsql AS $$BEGIN
		IF current_user <> 'app' THEN RAISE EXCEPTION 'run as %', current_user; END IF; RETURN t; END$$;
	CREATE TABLE trap (id int PRIMARY KEY, at timestamptz NOT NULL CHECK (who(at) IS NOT NULL));
	CREATE INDEX ON trap (who(at));
	INSERT INTO trap VALUES (1, '2026-05-01');
});
is($node->psql('postgres', q{CALL cvwiz.partition_by_month('trap', 'at'); CALL cvwiz.undo_partition_by_month('trap')}), 0, 'the owner\'s code runs as the owner');
$node->safe_psql('postgres', 'DROP TABLE trap');

# ---- a dump ----

$node->safe_psql('postgres', 'CREATE DATABASE restored');
my $dump = "$tempdir/dump.sql";
$node->command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), '-f', $dump ], 'pg_dump');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('restored'), '-f', $dump ], '... and its restore');
is($node->safe_psql('restored', 'SELECT relation, legacy, key_extended, time_not_null FROM cvwiz.conversion ORDER BY relation::text'),
	$node->safe_psql('postgres', 'SELECT relation, legacy, key_extended, time_not_null FROM cvwiz.conversion ORDER BY relation::text'), 'conversions are dumped');
is($node->psql('restored', q{CALL cvwiz.undo_partition_by_month('"AuditLog"')}), 0, '... and can be undone');
is($node->safe_psql('restored', q{SELECT count(*) FROM "AuditLog"}), $node->safe_psql('postgres', q{SELECT count(*) FROM "AuditLog"}), '... with all their rows');

$node->stop;
done_testing();
