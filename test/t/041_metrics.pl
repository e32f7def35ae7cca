# cvwiz.metrics with everything there, the worker's counters among it: each metric
# has a series, openmetrics() is text by the standard and says the same, and both
# can be read by pg_monitor and on a standby.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use CvwizTest;

# A table that needs all of escaping: back\slash, "quotes" {brace}, a line feed, an emoji
my $hostile = 'U&"back\005Cslash, \0022quotes\0022 {brace}\000Aline \+01F600"';

my $node = start_server('node', init => [ allows_streaming => 1 ], now => '2026-05-10 02:00');
$node->safe_psql('postgres', 'CREATE ROLE monitor LOGIN IN ROLE pg_monitor');
create_partitioned_table($node, 'postgres', 'logs', from => '2026-01-01', months => 6, rows => 3000,
	policy => '2026-05-10 02:00');
create_table($node, 'postgres', 'events', from => '2026-01-01', rows => 3000, policy => '2026-05-10 02:00');
$node->safe_psql('postgres', qq{
	SET client_min_messages = error;
	CREATE TABLE $hostile (at timestamptz NOT NULL) PARTITION BY RANGE (at);
	SELECT cvwiz.add_retention_policy(oid) FROM pg_class WHERE relname LIKE 'back%' AND relkind = 'p';
	CREATE TABLE docs (id int, doc jsonb);
	SELECT cvwiz.add_snapshot_limits('docs', 'doc', max_size => 20000, warning_size => 2000, max_array_length => 5);
	INSERT INTO docs SELECT n, jsonb_build_object('n', (SELECT jsonb_agg(repeat('x', 100)) FROM generate_series(1, n) i))
	FROM generate_series(1, 40) n;
	CREATE TABLE kept (id int, doc jsonb);
	SELECT cvwiz.add_version_store('kept', 'doc', '{id}');
	INSERT INTO kept SELECT n % 3, jsonb_build_object('n', n) FROM generate_series(1, 40) n;
	DELETE FROM kept WHERE id = 0;
});

# the clean-ups of that day, and a sample that is days old for the growth
set_clock($node, '2026-05-10 10:00');
wait_for_run($node, 'postgres', 'logs', 1);
wait_for_run($node, 'postgres', 'events', 1);
$node->safe_psql('postgres', q{
	INSERT INTO cvwiz.size_sample (relation, sampled_at, total_bytes, rows_estimate, rows_purged)
	SELECT relation, timestamptz '2026-05-10 12:00 UTC' - days * interval '1 day', 8192, 0, 0
	FROM cvwiz.retention_policy, unnest('{6,20}'::int[]) days});
set_clock($node, '2026-05-10 12:00');
$node->safe_psql('postgres', 'SELECT cvwiz.sample_sizes()');
$node->safe_psql('postgres', 'CALL cvwiz.repack_versions()');

# ---- every figure, once ----

is($node->safe_psql('postgres', 'SELECT name FROM cvwiz.metric_definitions EXCEPT SELECT name FROM cvwiz.metrics'),
	'', 'each metric has a series');
is($node->safe_psql('postgres', 'SELECT name, labels FROM cvwiz.metrics GROUP BY 1, 2 HAVING count(*) > 1'),
	'', '... and each series is there once');

# ---- the text ----

# series => value, as a string that has no spaces of its own
sub series
{
	my ($name, $labels) = @_;

	return join "\0", $name, map { "$_=$labels->{$_}" } sort keys %$labels;
}

# Everything that the standard demands of such a text, the order included. Returns
# its series; dies with the line that it stumbles over.
sub parse_openmetrics
{
	my ($text) = @_;
	my %suffixes = (gauge => qr/^$/, counter => qr/^_total$/, histogram => qr/^_(?:bucket|sum|count)$/);
	my (%series, %done, %family, %bucket);

	$text =~ s/# EOF\n?\z// or die 'the end is missing';
	for my $line (split /\n/, $text)
	{
		if ($line =~ /^# (TYPE|UNIT|HELP) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/)
		{
			my ($keyword, $name, $rest) = ($1, $2, $3);
			if (!%family || $family{name} ne $name)
			{
				die "a family of which nothing has come: $line" if %family && !$family{series};
				die "a family in two pieces: $line" if $done{$name}++;
				%family = (name => $name);
				%bucket = ();
			}
			die "metadata after a series: $line" if $family{series};
			die "twice: $line" if exists $family{$keyword};
			die "not a type: $line" if $keyword eq 'TYPE' && !$suffixes{$rest};
			die "a unit that does not end the name: $line" if $keyword eq 'UNIT' && $name !~ /_\Q$rest\E$/;
			die "not escaped: $line" if $keyword eq 'HELP' && $rest !~ /^(?:[^\\"]|\\[\\"n])*$/;
			$family{$keyword} = $rest;
			next;
		}
		$line =~ /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/ or die "not a series: $line";
		my ($name, $list, $value) = ($1, $2 // '', $3);
		die "of another family: $line" if index($name, $family{name}) != 0;
		my $suffix = substr $name, length $family{name};
		die "not a name of a $family{TYPE}: $line" if $suffix !~ $suffixes{ $family{TYPE} };
		die "not a number: $line" if $value !~ /^(?:-?[0-9]+(?:\.[0-9]+)?(?:e[-+]?[0-9]+)?|[-+]Inf|NaN)$/;
		my %labels;
		while ($list =~ /\G([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^\\"]|\\[\\"n])*)"(?:,(?=.)|$)/gc)
		{
			my ($label, $content) = ($1, $2);
			die "label twice: $line" if exists $labels{$label};
			$content =~ s/\\(.)/$1 eq 'n' ? "\n" : $1/ge;
			$labels{$label} = $content;
		}
		die "not labels: $line" if (pos($list) // 0) != length $list;
		die "counters do not fall below 0: $line" if $family{TYPE} ne 'gauge' && $value !~ /^[0-9]/;
		if ($family{TYPE} eq 'histogram')
		{
			my $le = delete $labels{le};
			my $point = series($family{name}, \%labels);
			my $order = keys %bucket;
			$bucket{$point} = { order => $order } if !$bucket{$point};
			my $state = $bucket{$point};
			die "histograms in turns: $line" if $state->{order} != keys(%bucket) - 1;
			if ($suffix eq '_bucket')
			{
				my $bound = $le eq '+Inf' ? 9**9**9 : $le + 0;
				die "not a float: $line" if $le !~ /^(?:[0-9]+\.[0-9]+|[0-9.]+e\+[0-9]{2}|\+Inf)$/;
				die "bounds out of order: $line" if defined $state->{bound} && $bound <= $state->{bound};
				die "buckets are cumulative: $line" if $value < ($state->{value} // 0);
				@$state{qw(bound value)} = ($bound, $value);
				# as cvwiz.metrics writes it
				$labels{le} = $le =~ s/\.0$//r;
			}
			die "no last bucket: $line" if $suffix ne '_bucket' && $state->{bound} != 9**9**9;
			die "count and last bucket: $line" if $suffix eq '_count' && $value != $state->{value};
		}
		die "twice: $line" if exists $series{ series($name, \%labels) };
		$series{ series($name, \%labels) } = $value;
		$family{series}++;
	}
	return \%series;
}

sub metrics
{
	my ($server) = @_;
	my $rows = $server->safe_psql('postgres', q{SELECT coalesce(json_agg(json_build_object('name', name, 'labels', labels,
		'value', replace(value::text, 'Infinity', '+Inf'))), '[]') FROM cvwiz.metrics});

	return { map { series($_->{name}, $_->{labels}) => $_->{value} } @{ JSON::PP->new->decode($rows) } };
}

# These may move between two readings.
sub steady
{
	my ($series) = @_;

	return { map { $_ => $series->{$_} } grep { !/^cvwiz_(?:worker|alert)_/ } keys %$series };
}

my $text = $node->safe_psql('postgres', 'SELECT cvwiz.openmetrics()', extra_params => [ '-U', 'monitor' ]);
my $parsed = parse_openmetrics($text);
my $metrics = metrics($node);
is_deeply([ sort keys %$parsed ], [ sort keys %$metrics ], 'openmetrics() has the series of cvwiz.metrics, and is read by the standard');
is_deeply(steady($parsed), steady($metrics), '... with their values');
like($text, qr/^cvwiz_audit_retention_days\{database="postgres",schema="public",table="back\\\\slash, \\"quotes\\" \{brace\}\\nline \x{F0}\x{9F}\x{98}\x{80}"\} 90$/m,
	'a name is escaped');

# the parser itself finds what is wrong
my %broken = (
	'a family in two pieces' => sub { $_[0] =~ s/(# TYPE cvwiz_info gauge\n(?:.*cvwiz_info.*\n)+)((?:.*\n)+)# EOF/$1$2$1# EOF/r },
	'not a number' => sub { $_[0] =~ s/^(cvwiz_info.*) 1$/$1 Infinity/mr },
	'no last bucket' => sub { $_[0] =~ s/^.*le="\+Inf".*\n//mgr },
	'not labels' => sub { $_[0] =~ s/\\"quotes/"quotes/r },
	'not a name of a counter' => sub { $_[0] =~ s/^cvwiz_worker_rounds_total/cvwiz_worker_rounds/mr },
	'the end is missing' => sub { $_[0] =~ s/# EOF//r });
for my $what (sort keys %broken)
{
	my $wrong = $broken{$what}->($text);
	isnt($wrong, $text, "a text with a fault: $what");
	ok(!eval { parse_openmetrics($wrong) } && index($@, $what) == 0, '... is refused') or diag($@);
}

# ---- the counters count ----

my $value = sub {
	my ($name, $labels) = @_;
	return $node->safe_psql('postgres',
		"SELECT value FROM cvwiz.metrics WHERE name = '$name' AND labels \@> '" . ($labels // '{}') . q('));
};
is($value->('cvwiz_worker_up'), 1, 'the launcher runs');
cmp_ok($value->('cvwiz_worker_rounds_total'), '>=', 1, 'rounds are counted');
cmp_ok($value->('cvwiz_worker_runs_total'), '>=', 2, '... and runs');
is($value->('cvwiz_snapshot_bytes_count'), 40, '... and documents');
is($value->('cvwiz_snapshot_oversized_total', '{"action": "truncated"}'),
	$node->safe_psql('postgres', q{SELECT count(*) FROM generate_series(1, 40) n
		WHERE octet_length(jsonb_build_object('n', (SELECT jsonb_agg(repeat('x', 100)) FROM generate_series(1, n) i))::text) > 2000}),
	'... and those that were cut');
is($value->('cvwiz_version_writes_total'), 40, '... and versions');
is($value->('cvwiz_audit_cleanup_runs_total', '{"table": "logs", "status": "success"}'), 1, 'a success');
is($value->('cvwiz_audit_purged_rows_total', '{"table": "events"}'),
	$node->safe_psql('postgres', "SELECT 3000 - count(*) FROM events"), 'rows purged');

# ---- a standby ----

$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
my $there = metrics($standby);
ok(!(grep { /^cvwiz_worker_(?:up|starved)/ } keys %$there), 'on a standby no launcher is missed');
is($there->{ series('cvwiz_audit_retention_days', { database => 'postgres', schema => 'public', table => 'logs' }) },
	90, '... and the tables can be watched');
is_deeply(steady(parse_openmetrics($standby->safe_psql('postgres', 'SELECT cvwiz.openmetrics()'))),
	steady($there), '... by openmetrics() as well');
$standby->stop;

# ---- without a preload ----

$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
$node->restart;
my $bare = parse_openmetrics($node->safe_psql('postgres', 'SELECT cvwiz.openmetrics()'));
is($bare->{ series('cvwiz_worker_up', { database => 'postgres' }) }, 0, 'without a preload there is no launcher');
ok(!(grep { /^cvwiz_(?:snapshot_bytes|worker_rounds|version_writes)/ } keys %$bare), '... and nothing that it would count');
is($bare->{ series('cvwiz_audit_partitions', { database => 'postgres', schema => 'public', table => 'logs' }) },
	$metrics->{ series('cvwiz_audit_partitions', { database => 'postgres', schema => 'public', table => 'logs' }) },
	'... but what the tables have');

done_testing();
