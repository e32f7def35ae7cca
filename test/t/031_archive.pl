# Archives: every type there and back, byte for byte as COPY writes it; what
# happens on a full or read-only disk, after kill -9 and a cancel; in a dump.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use CvwizTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes;

my $node = start_server('archive', now => '2026-08-31 12:00', init => [ extra => [ '-E', 'UTF8', '--locale=C' ] ],
	conf => "cvwiz.worker = off\nsynchronize_seqscans = on\nshared_buffers = 16MB\nlc_monetary = 'C'\n");
my $dir = PostgreSQL::Test::Utils::tempdir();
mkdir "$dir/$_" or die $! for qw(archive big);

sub file_is
{
	my ($got, $expected, $what) = @_;

	is(system('cmp', $got, $expected), 0, $what);
	return;
}

sub leftovers
{
	my ($in) = @_;

	return join ' ', glob("$in/.*.tmp");
}

# ---- every type ----

# Names and values with everything that CSV, COPY and SQL find special.
$node->safe_psql('postgres', <<'SQL');
	CREATE TYPE mood AS ENUM ('sad', 'o,k', 'ha"ppy', '');
	CREATE TYPE pair AS (a int, b text);
	CREATE DOMAIN short AS text CHECK (VALUE <> 'bad') DEFAULT 'short';
	CREATE DOMAIN shorts AS short[];
	CREATE TABLE everything (
		at timestamptz NOT NULL,
		gone int,
		id bigint GENERATED ALWAYS AS IDENTITY,
		"si,smallint" smallint, "q""q" int, "new
line" numeric, "naïve 🗒️" real, f8 double precision,
		t text, vc varchar(10), c char(5), "char" "char", n name, ba bytea,
		d date, ti time(3), tz timetz, ts timestamp, ttz timestamptz, iv interval, b boolean, u uuid,
		j json, jb jsonb, jp jsonpath, x xml, i inet, ci cidr, m macaddr, m8 macaddr8, bi bit(3), vb bit varying,
		pt point, li line, ls lseg, bx box, pa path, po polygon, cr circle, tv tsvector, tq tsquery,
		ia int[], ta text[], ja jsonb[], ma mood[], r int4range, tr tstzrange, mr datemultirange,
		mo money, o oid, rc regclass, lsn pg_lsn, sn pg_snapshot, md mood, p pair, pp pair[], s short, ss shorts,
		g text GENERATED ALWAYS AS (coalesce(t, 'none') || '!') STORED,
		g2 numeric GENERATED ALWAYS AS ("q""q"::numeric * 2) STORED
	) PARTITION BY RANGE (at);
	ALTER TABLE everything DROP COLUMN gone;
	SELECT cvwiz.create_partition('everything', '2026-03-01');
	INSERT INTO everything (at, "si,smallint", "q""q", "new
line", "naïve 🗒️", f8, t, vc, c, "char", n, ba, d, ti, tz, ts, ttz, iv, b, u, j, jb, jp, x, i, ci, m, m8, bi, vb,
		pt, li, ls, bx, pa, po, cr, tv, tq, ia, ta, ja, ma, r, tr, mr, mo, o, rc, lsn, sn, md, p, pp, s, ss) VALUES
	('2026-03-01 00:00:00 UTC', -32768, 2147483647, 'NaN', 'NaN', 'NaN', '', '', '', '', '', '',
		'infinity', '24:00:00', '24:00:00-15:59', 'infinity', '-infinity', '0', true, '00000000-0000-0000-0000-000000000000',
		'""', '""', '$', '', '::', '::/0', '00:00:00:00:00:00', '00:00:00:00:00:00:00:00', B'000', B'',
		'(0,0)', '{1,-1,0}', '[(0,0),(1,1)]', '(1,1),(0,0)', '[(0,0)]', '((0,0))', '<(0,0),0>', '', '',
		'{}', '{}', '{}', '{}', 'empty', 'empty', '{}', '0', 0, 0, '0/0', '1:1:', '', ROW(NULL, NULL), '{}', '', '{}'),
	('2026-03-01 01:00:00.123456 UTC', 32767, -2147483648, '-Infinity', '-Infinity', 'Infinity', E'a\nb\r\nc\rd', 'a,b', 'a b', ',', 'a"b', '\x000aff2c22',
		'4713-11-24 BC', '00:00:00.001', '23:59:59.999999+15:59', '4713-11-24 00:00:00 BC', '294276-12-31 23:59:59.999999 UTC', '-178000000 years 3 mons -4 days 05:06:07.000001', false, 'ffffffff-ffff-ffff-ffff-ffffffffffff',
		E'{"a" : "x,\\"y\\"",\n "a": null}', '{"b": [1.50, "\u00e9", null, {"": "\\\\."}]}', '$.a[*] ? (@ > 1)', '<a b="c,d">e
f</a>', '10.1.2.3/8', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', B'101', B'1011',
		'(1e-300,NaN)', '{0.1,0.2,0.3}', '[(1,2),(3,4)]', '(3,4),(1,2)', '((1,2),(3,4))', '((1,2),(3,4),(5,0))', '<(1,2),3>',
		$$'a,b' '"':1A,2B$$, $$'a"b' & !'c' <-> d:*A$$,
		'{{1,NULL},{3,4}}', E'{"a,b","c\\"d",NULL,"NULL","","e\\\\f","g\nh"}', E'{"{\\"a\\": 1}"}', '{"o,k","ha\"ppy",""}', '[1,10)', '["2026-01-01 00:00:00+00",infinity)', '{[2026-01-01,2026-02-01),[2026-03-01,)}',
		'-12345.67', 4294967295, 'pg_class', 'FFFFFFFF/FFFFFFFF', '10:20:10,14,15', 'ha"ppy', ROW(1, E'x,"y"\n'), ARRAY[ROW(1,'a"b')::pair, NULL], '\.', ARRAY['a','b,c']::shorts),
	('2026-03-31 23:59:59.999999 UTC', 0, 0, '-0.000', '-0', '5e-324', E'\\.', E'\\N', 'NULL', '"', '\', '\x', '5874897-12-31', '12:34:56.789', '12:34:56+05:30', '2026-03-29 02:30:00', '1900-01-01 00:00:00 BC', '1 year 2 mons 3 days', NULL, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
		'null', 'null', 'strict $', '<!-- c -->', 'ffff::1', 'ffff::/16', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
		'[2:3]={1,2}', '{NULL}', '{NULL,"null"}', '{NULL}', '(,)', '(,)', '{(,)}', '92233720368547758.07', NULL, NULL, NULL, NULL, 'o,k', ROW(NULL, ''), '{}', NULL, '{NULL}');
	INSERT INTO everything (at, f8, "naïve 🗒️", "new
line", t) VALUES
		('2026-03-02 UTC', 1.7976931348623157e308, 1.17549435e-38, 1e-1000, 'NULL'),
		('2026-03-02 UTC', 0.1::float8 + 0.2::float8, 0.1, 123456789012345678901234567890.123456789, E'\n\\.\n'),
		('2026-03-02 UTC', NULL, NULL, 1e1000, '🗒️ naïve 漢字'), ('2026-03-02 UTC', NULL, NULL, NULL, ' '), ('2026-03-02 UTC', NULL, NULL, NULL, E'\t'),
		('2026-03-02 UTC', NULL, NULL, NULL, repeat('"', 70000)), ('2026-03-02 UTC', NULL, NULL, NULL, repeat(E'é,\n', 300000));
	-- anything in any order
	SELECT setseed(0.5);
	INSERT INTO everything (at, t, ba, ta, vc)
	SELECT '2026-03-15 UTC', CASE WHEN random() < 0.1 THEN NULL ELSE v.t END, convert_to(v.t, 'UTF8'), ARRAY[v.t, NULL, ''], left(v.t, 10)
	FROM generate_series(1, 5000) n, LATERAL (
		SELECT coalesce(string_agg((ARRAY[',', '"', E'\n', E'\r', E'\\', '.', E'\\.', '''', 'a', ' ', 'é', '🗒️', '{', '}', 'N'])[1 + floor(random() * 15)], ''), '') AS t
		FROM generate_series(1, floor(random() * 12)::int + 0 * n)) v;
	DELETE FROM everything WHERE id % 7 = 5 AND id > 20;
	CREATE TABLE before AS SELECT id, e::text AS row FROM everything e;
SQL
$node->safe_psql('postgres', "SELECT cvwiz.add_retention_policy('everything', granularity => 'partition', archive_to => '$dir/archive')");
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM everything_2026_03'), '>', 4000, 'there are rows');

# What COPY makes of it, with the settings of a dump.
my $pinned = q{SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres'; SET TimeZone = 'UTC'; SET extra_float_digits = 1; SET bytea_output = 'hex';
	SET client_encoding = 'UTF8'; SET search_path = pg_catalog;};
my $copy = sub {
	my ($table, $file) = @_;
	$node->safe_psql('postgres', "$pinned COPY public.$table TO '$dir/$file' (FORMAT csv, HEADER)");
};
$copy->('everything_2026_03', 'copied.csv');

# The session's own settings are others.
my $odd = q{SET DateStyle = 'SQL, DMY'; SET IntervalStyle = 'iso_8601'; SET TimeZone = 'Asia/Kathmandu'; SET extra_float_digits = -15;
	SET bytea_output = 'escape'; SET client_encoding = 'LATIN1'; SET xmloption = 'document'; SET array_nulls = off; SET quote_all_identifiers = on;
	SET statement_timeout = 0; SET search_path = pg_temp;};
$node->safe_psql('postgres', "$odd CALL cvwiz.run_retention('public.everything')");
is($node->safe_psql('postgres', 'SELECT success, partitions_dropped, residue FROM cvwiz.retention_runs'), 't|1|0', 'a table of all types is archived and dropped');
my $file = "$dir/archive/everything_2026_03.csv.gz";
command_ok([ 'gzip', '-t', $file ], 'gzip -t takes the file');
is(system("gunzip -c $file > $dir/gunzipped.csv"), 0, 'gunzip takes it');
file_is("$dir/gunzipped.csv", "$dir/copied.csv", 'its text is what COPY writes, byte for byte');
open my $handle, '<:raw', $file or die $!;
read $handle, my $header, 10;
close $handle;
is(unpack('H*', substr($header, 0, 8)), '1f8b080000000000', 'no time and no name in its header');
is((stat $file)[2] & 0777, 0600, 'nobody else may read it');
is( $node->safe_psql('postgres', "SELECT rows, bytes, raw_bytes, sha256 FROM cvwiz.archives WHERE relation = 'everything'::regclass"),
	join('|', $node->safe_psql('postgres', 'SELECT count(*) FROM before'), -s $file, -s "$dir/copied.csv",
		(split / /, `sha256sum $dir/copied.csv`)[0]),
	'the manifest has the number of rows, sizes and SHA-256');

$node->safe_psql('postgres', "$odd SELECT cvwiz.restore_archive('public.everything', '2026-03-01 00:00:00+00')");
$copy->('everything_2026_03', 'restored.csv');
file_is("$dir/restored.csv", "$dir/copied.csv", 'every value survives the way back');
my $differences = q{
	SELECT count(*) FROM (SELECT id, row FROM before) b FULL JOIN (SELECT id, e::text AS row FROM everything_2026_03 e) r USING (id, row)
	WHERE b.id IS NULL OR r.id IS NULL};
is($node->safe_psql('postgres', $differences), 0, 'generated columns are computed again');
$node->safe_psql('postgres', q{ALTER TABLE everything ATTACH PARTITION everything_2026_03 FOR VALUES FROM ('2026-03-01 UTC') TO ('2026-04-01 UTC')});
is($node->safe_psql('postgres', 'SELECT count(*) FROM everything'), $node->safe_psql('postgres', 'SELECT count(*) FROM before'),
	'the restored table can be a partition again');
$node->safe_psql('postgres', 'ALTER TABLE everything DETACH PARTITION everything_2026_03');

# COPY takes it as it is.
$node->safe_psql('postgres', qq{TRUNCATE everything_2026_03;
	COPY everything_2026_03 FROM PROGRAM 'gunzip -c $file' (FORMAT csv, HEADER MATCH)});
is($node->safe_psql('postgres', $differences), 0, 'COPY FROM PROGRAM gunzip takes it');

# One column only, but for a generated one; and no rows at all.
$node->safe_psql('postgres', qq{
	CREATE TABLE single (at date NOT NULL, y int GENERATED ALWAYS AS (extract(year FROM at)) STORED) PARTITION BY RANGE (at);
	SELECT cvwiz.create_partition('single', '2026-03-01'), cvwiz.create_partition('single', '2026-04-01');
	INSERT INTO single VALUES ('2026-03-01'), ('2026-03-31');
	SELECT cvwiz.add_retention_policy('single', granularity => 'partition', archive_to => '$dir/archive')});
$copy->('single_2026_03', 'single.csv');
$copy->('single_2026_04', 'empty.csv');
$node->safe_psql('postgres', q{CALL cvwiz.run_retention('single')});
is(system("gunzip -c $dir/archive/single_2026_03.csv.gz | cmp - $dir/single.csv && gunzip -c $dir/archive/single_2026_04.csv.gz | cmp - $dir/empty.csv"),
	0, 'a single column and no rows: as COPY has it');
is($node->safe_psql('postgres', q{SELECT cvwiz.restore_archive('single', '2026-04-01 UTC')}), 'single_2026_04', 'no rows come back as well');

# ---- whose code runs when it is restored ----

$node->safe_psql('postgres', qq{
	CREATE ROLE mallory;
	GRANT CREATE ON SCHEMA public TO mallory;
	CREATE FUNCTION nobody_special(text) RETURNS boolean LANGUAGE plpgsql AS
		'BEGIN RETURN (SELECT rolname = ''mallory'' AND NOT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user); END';
	CREATE DOMAIN watched AS text CHECK (nobody_special(VALUE));
	SET ROLE mallory;
	CREATE TABLE hers (at timestamptz NOT NULL, w watched, c text CHECK (public.nobody_special(c)), d boolean DEFAULT public.nobody_special('')) PARTITION BY RANGE (at);
	RESET ROLE;
	ALTER DEFAULT PRIVILEGES FOR ROLE mallory GRANT SELECT ON TABLES TO PUBLIC;
	SELECT cvwiz.create_partition('hers', '2026-03-01');
	SET ROLE mallory;
	INSERT INTO hers VALUES ('2026-03-01 UTC', 'w', 'c');
	RESET ROLE;
	SELECT cvwiz.add_retention_policy('hers', granularity => 'partition', archive_to => '$dir/archive');
	CALL cvwiz.run_retention('hers')});
is($node->safe_psql('postgres', q{ALTER TABLE hers ADD COLUMN e boolean DEFAULT public.nobody_special('');
		SELECT cvwiz.restore_archive('hers', '2026-03-01 UTC')}),
	'hers_2026_03', "a superuser's restore runs checks, domains and defaults as the owner");
is($node->safe_psql('postgres', 'SELECT d, e FROM hers_2026_03'), 't|t', '... and gets their values');
is($node->safe_psql('postgres', q{SELECT relowner::regrole, has_table_privilege('public', oid, 'SELECT') FROM pg_class WHERE relname = 'hers_2026_03'}),
	'mallory|f', '... and nobody has more rights on it than on the table');

# ---- a directory that is read-only ----

$node->safe_psql('postgres', qq{
	CREATE TABLE big (at timestamptz NOT NULL, filler text) PARTITION BY RANGE (at);
	SELECT cvwiz.create_partition('big', '2026-03-01');
	SELECT setseed(0.1);
	INSERT INTO big SELECT '2026-03-15 UTC', md5(n::text) || md5((-n)::text) || md5(random()::text) FROM generate_series(1, 450000) n;
	SELECT cvwiz.add_retention_policy('big', granularity => 'partition', archive_to => '$dir/big')});
$node->safe_psql('postgres', 'VACUUM (FREEZE) big');
$node->safe_psql('postgres', 'CHECKPOINT');
my $rows = 450000;

sub is_kept
{
	my ($what) = @_;

	is($node->safe_psql('postgres', 'SELECT count(*) FROM big_2026_03'), $rows, "$what: the rows are kept");
	is($node->safe_psql('postgres', q{SELECT count(*) FROM cvwiz.archives WHERE relation = 'big'::regclass}), 0, "$what: ... and not listed");
	is(-e "$dir/big/big_2026_03.csv.gz", undef, "$what: ... and there is no archive");
	return;
}

chmod 0555, "$dir/big" or die $!;
$node->psql('postgres', "CALL cvwiz.run_retention('big')");
like(run_of($node, 'postgres', 'big', 'error'), qr{^archive big_2026_03: could not create file .*: Permission denied}, 'a read-only directory is an error');
is_kept('read-only');
chmod 0755, "$dir/big" or die $!;

# ---- while it is written ----

# Begins a run and returns its process once the file grows.
sub start_writing
{
	my ($before_call, $bytes) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $session->query('SELECT pg_backend_pid()');

	$before_call->($pid) if $before_call;
	$session->query_until(qr/begin/, "\\echo begin\nSET cvwiz.compression_level = 9;\nCALL cvwiz.run_retention('big');\n\\echo end\n");
	for (1 .. 1800)
	{
		my ($file) = glob("$dir/big/.*.tmp");
		return ($session, $pid) if $file && -s $file && -s $file > $bytes;
		Time::HiRes::usleep(100_000);
	}
	die 'nothing is written';
}

sub wait_for_end
{
	my ($pid) = @_;

	$node->poll_query_until('postgres', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid AND state = 'active')")
	  or die "process $pid does not end";
	return;
}

my ($session, $pid) = start_writing(undef, 100_000);
is($node->safe_psql('postgres', qq{
	SELECT string_agg(mode, ',' ORDER BY mode) FROM pg_locks WHERE pid = $pid AND relation = 'big_2026_03'::regclass}), 'ShareLock',
	'the detached table is closed to writers while it is written');
is($node->safe_psql('postgres', qq{SELECT count(*) FROM pg_locks WHERE pid = $pid AND relation = 'big'::regclass}), 0,
	'... and the table itself is not locked at all');
unlike(leftovers("$dir/big"), qr/ /, 'one temporary file, hidden');
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
wait_for_end($pid);
is(leftovers("$dir/big"), '', 'a cancel in the middle removes it');
like(run_of($node, 'postgres', 'big', 'error'), qr/^stopped: canceling statement due to user request/, '... and is recorded');
is_kept('cancelled');
eval { $session->quit };

($session, $pid) = start_writing(undef, 100_000);
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid, 60000)");
$node->poll_query_until('postgres', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)") or die;
is(leftovers("$dir/big"), '', 'so does the end of the session');
is_kept('terminated');
eval { $session->quit };

my ($code, $out, $err) = $node->psql('postgres', "SET cvwiz.compression_level = 9; SET statement_timeout = '1s'; CALL cvwiz.run_retention('big')");
like($err, qr/canceling statement due to statement timeout/, 'a statement_timeout ends it');
is(leftovers("$dir/big"), '', '... and removes the file');
is_kept('timed out');

# A full disk: no file of the process may become larger than that, nor is any
# other that it writes to.
SKIP:
{
	skip 'there is no prlimit', 6 if system('prlimit --version >/dev/null 2>&1') != 0;
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $session->query('SELECT pg_backend_pid()');

	is(system('prlimit', '--pid', $pid, '--fsize=17000000'), 0, 'there is room for 17 MB');
	$session->query("CALL cvwiz.run_retention('big')");
	like(run_of($node, 'postgres', 'big', 'error'), qr/^archive big_2026_03: could not write to file .*: File too large/, 'no room is an error');
	like(run_of($node, 'postgres', 'big', 'error_detail'), qr/^SQLSTATE 53100; Make room there/, '... with what to do');
	is(leftovers("$dir/big"), '', '... and leaves nothing');
	is_kept('no room');
	eval { $session->quit };
}

# ---- kill -9 ----

($session, $pid) = start_writing(undef, 100_000);
crash_process($node, $pid);
eval { $session->quit };
isnt(leftovers("$dir/big"), '', 'killed, a process leaves its file');
is_kept('killed');

# Killed after the file has its name, before the commit: in the function's
# transaction that is any time.
$session = $node->background_psql('postgres');
$pid = $session->query('SELECT pg_backend_pid()');
is($session->query("BEGIN; SELECT success FROM cvwiz.cleanup_old_logs('big')"), 't', 'archived and dropped, not committed');
is(leftovers("$dir/big"), '', 'the next run has removed what was left');
ok(-e "$dir/big/big_2026_03.csv.gz", '... and the archive is there');
crash_process($node, $pid);
eval { $session->quit };
is($node->safe_psql('postgres', 'SELECT count(*) FROM big_2026_03'), $rows, 'killed then, the rows are there again');
my $modified = (stat "$dir/big/big_2026_03.csv.gz")[9];
$node->safe_psql('postgres', "CALL cvwiz.run_retention('big')");
is(run_of($node, 'postgres', 'big', 'success, partitions_dropped, deleted_count, residue'), "t|1|$rows|0", 'the next run takes the file for its own');
is((stat "$dir/big/big_2026_03.csv.gz")[9], $modified, '... and has not written it again');
is($node->safe_psql('postgres', q{SELECT rows FROM cvwiz.archives WHERE relation = 'big'::regclass}), $rows, '... and it is listed');
is(system("gzip -t $dir/big/big_2026_03.csv.gz"), 0, '... and whole');

# ---- a rollback ----

$node->safe_psql('postgres', qq{
	CREATE TABLE rolled (at timestamptz NOT NULL, note text) PARTITION BY RANGE (at);
	SELECT cvwiz.create_partition('rolled', '2026-03-01');
	INSERT INTO rolled VALUES ('2026-03-05Z', 'one'), ('2026-03-06Z', 'two');
	SELECT cvwiz.add_retention_policy('rolled', granularity => 'partition', archive_to => '$dir/archive')});
my $in_transaction = q{SELECT success, partitions_dropped FROM cvwiz.cleanup_old_logs('rolled')};
is($node->safe_psql('postgres', "BEGIN; $in_transaction; ROLLBACK"), 't|1', 'archived and dropped in a transaction that is rolled back');
ok(!-e "$dir/archive/rolled_2026_03.csv.gz", '... the file goes as well');
is($node->safe_psql('postgres', "BEGIN; SAVEPOINT s; $in_transaction; RELEASE s; SAVEPOINT t; ROLLBACK TO t; ROLLBACK"), 't|1', '... from a savepoint');
ok(!-e "$dir/archive/rolled_2026_03.csv.gz", '... likewise');
is($node->safe_psql('postgres', "DELETE FROM rolled WHERE note = 'two'; BEGIN; SAVEPOINT s; $in_transaction; RELEASE s; COMMIT"), 't|1', 'the next attempt, of other rows, has its place');
is($node->safe_psql('postgres', q{SELECT rows FROM cvwiz.archives WHERE relation = 'rolled'::regclass}), 1, '... is listed');
ok(-e "$dir/archive/rolled_2026_03.csv.gz", '... and stays');

# ---- a dump ----

$node->safe_psql('postgres', q{
	DROP TABLE single, single_2026_04 CASCADE;
	-- a row whose number stands for nothing any more
	ALTER EVENT TRIGGER cvwiz_forget_dropped DISABLE;
	DROP TABLE hers, hers_2026_03;
	ALTER EVENT TRIGGER cvwiz_forget_dropped ENABLE ALWAYS});
my $listed = q{SELECT relation, relation_name, range_start AT TIME ZONE 'UTC', path, rows, bytes, raw_bytes, sha256, written_at AT TIME ZONE 'UTC'
	FROM cvwiz.archive WHERE relation_name <> 'public.hers' ORDER BY path};
my $expected = $node->safe_psql('postgres', $listed);
like($expected, qr/^everything\|.*^\|public\.single\|/ms, 'rows of tables that are there, and that are gone');
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->command_ok([ 'pg_dump', '-f', "$dir/dump.sql", '-d', $node->connstr('postgres') ], 'pg_dump');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/dump.sql", '-d', $node->connstr('other') ], 'restored');
is($node->safe_psql('other', $listed), $expected, 'the archives are listed there too');
is($node->safe_psql('other', q{SELECT count(*) FROM cvwiz.archive WHERE relation_name = 'public.hers'}), 0, 'a number that stands for nothing stays behind');
is($node->safe_psql('other', q{SELECT archive_to, granularity FROM cvwiz.retention_policies WHERE relation = 'big'::regclass}), "$dir/big|partition", 'so are the settings');
is($node->safe_psql('other', q{SELECT cvwiz.restore_archive('big', '2026-03-01 UTC')}), 'big_2026_03', 'and the files can be restored there');
is($node->safe_psql('other', 'SELECT count(*) FROM big_2026_03'), $rows, '... with all rows');

is(log_count($node, qr/(PANIC:|TRAP:)/), 0, 'nothing crashed that was not killed');
$node->stop;
done_testing();
