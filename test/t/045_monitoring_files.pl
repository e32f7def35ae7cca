# The files of monitoring/ are what the generator makes of a new installation, and
# nothing in them, nor in doc/monitoring.md, is of a metric or an alert that is not.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use CvwizTest;

my $top = "$FindBin::RealBin/../..";
plan skip_all => 'monitoring/ is not there' unless -d "$top/monitoring";
my $node = start_server('node', conf => 'cvwiz.worker = off');

# ---- nothing has drifted ----

my $directory = PostgreSQL::Test::Utils::tempdir();

sub generate
{
	my ($user, $database) = @_;

	local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => $database || 'postgres', PGUSER => $user);
	return run_log([ 'sh', "$top/monitoring/generate", $directory ]);
}

$node->safe_psql('postgres', 'CREATE ROLE monitor LOGIN IN ROLE pg_monitor');
ok(generate('monitor'), 'monitoring/generate works for a member of pg_monitor');
for my $file (qw(queries.yaml sql_exporter.collector.yml cvwiz.rules.yml))
{
	is(slurp_file("$top/monitoring/$file"), slurp_file("$directory/$file"), "monitoring/$file is what it makes");
}

# where there is nothing to make them from, those that are there stay
my $before = join('', map { slurp_file("$directory/$_") } sort(grep { !/^\.+$/ } slurp_dir($directory)));
ok(!generate('monitor', 'template1'), 'without the extension it fails');
is(join('', map { slurp_file("$directory/$_") } sort(grep { !/^\.+$/ } slurp_dir($directory))), $before, '... and leaves the files alone');

# a rule of somebody's own comes along, one that is off does not
$node->safe_psql('postgres', q{
	SELECT cvwiz.set_alert('mine', 'cvwiz_audit_growth_rows_per_day', '<', -2.5, labels => '{"window": "7d", "table": "a\"b"}',
		hysteresis => 0.1, for_interval => '1 hour', action => 'Say "no".');
	SELECT cvwiz.set_alert('residue', enabled => false);});
generate('monitor');
my $rules = slurp_file("$directory/cvwiz.rules.yml");
my ($mine) = $rules =~ /(      - alert: CvwizMine\n(?:        .*\n)+)/;
like($mine, qr/^ +cvwiz_audit_growth_rows_per_day\{table="a\\"b",window="7d"\} < -2\.5\n +or \(.* < -2\.25\n +and .*ALERTS\{alertname="CvwizMine"/m,
	'a rule with labels and hysteresis');
like($mine, qr/for: 3600s\n +labels:\n +severity: warning\n/, '... with its time and severity');
like($mine, qr/action: "Say \\"no\\"\."/, '... with its text');
unlike($rules, qr/CvwizResidue/, 'a rule that is off is none of Prometheus');

# ... nor does one whose bound no double holds, as one of a dump may be, break the rest
$node->safe_psql('postgres', q{INSERT INTO cvwiz.alert_rule (name, metric, comparison, threshold, hysteresis) VALUES
	('huge', 'cvwiz_worker_up', '<', 1.7e308, 1), ('tiny', 'cvwiz_worker_up', '<', -1e-300, 1e-100)});
ok(generate('monitor'), 'monitoring/generate works with rules out of range');
$rules = slurp_file("$directory/cvwiz.rules.yml");
like($rules, qr/CvwizHuge\n +expr: \|-\n +cvwiz_worker_up < 1\.7e\+308\n +labels:/, '... which have their threshold only');
like($rules, qr/CvwizTiny\n +expr: \|-\n +cvwiz_worker_up < -1e-300\n +labels:/, '... be it large or small');
$node->safe_psql('postgres', "SELECT cvwiz.remove_alert(name) FROM unnest('{huge,tiny,mine}'::text[]) name; SELECT cvwiz.set_alert('residue', enabled => true)");

# ---- names ----

my %metric = map { $_ => 1 } split /\n/, $node->safe_psql('postgres', 'SELECT name FROM cvwiz.metric_definitions');
my %used;
for my $file (qw(monitoring/grafana-dashboard.json monitoring/cvwiz.rules.yml monitoring/cvwiz.rules.test.yml))
{
	my %names = map { $_ => 1 } slurp_file("$top/$file") =~ /\b(cvwiz_[a-z0-9_]+)/g;
	is_deeply([ grep { !$metric{$_} } sort keys %names ], [], "$file has metrics that there are");
	@used{ keys %names } = ();
}
my $dashboard = JSON::PP->new->decode(slurp_file("$top/monitoring/grafana-dashboard.json"));
is($dashboard->{title}, 'cvwiz', 'the dashboard is JSON');
my @rows = map { $_->{title} } grep { $_->{type} eq 'row' } @{ $dashboard->{panels} };
is_deeply(\@rows, [ 'Audit tables', 'Clean-up', 'Snapshots', 'Versions', 'Worker and alerts' ], '... with its rows');
my $shown = JSON::PP->new->encode($dashboard);
# of a timestamp of a counter's reset nobody wants to know
is_deeply([ grep { $shown !~ /\b$_\b/ } sort keys %metric ], [qw(cvwiz_version_stats_reset_timestamp_seconds cvwiz_worker_stats_reset_timestamp_seconds)],
	'the dashboard leaves no metric out that one would look for');

# ---- the manual ----

my $manual = slurp_file("$top/doc/monitoring.md");
my %documented;
for my $row ($manual =~ /^\| ((?:`cvwiz_[a-z0-9_]+`(?:, )?)+) \|/mg)
{
	$documented{$_} = 1 for $row =~ /`(\w+)`/g;
}
is_deeply([ sort keys %documented ], [ sort keys %metric ], 'doc/monitoring.md has every metric, and no other');
my @alerts = split /\n/, $node->safe_psql('postgres', 'SELECT name FROM cvwiz.alert_rules WHERE built_in ORDER BY name COLLATE "C"');
cmp_ok(scalar @alerts, '>=', 9, 'there are built-in alerts');
# name, severity, when it fires, when it clears, what to do
my %row = map { $_->[1] => $_ } map { [ split / *\| */ ] } $manual =~ /^\| `[a-z_]+` \| (?:warning|critical) \|.*/mg;
is_deeply([ sort keys %row ], [ map { "`$_`" } @alerts ], '... each of which it has, and no other');
is_deeply([ grep { @{ $row{$_} } != 6 || grep { $_ eq '' } @{ $row{$_} }[ 2 .. 5 ] } sort keys %row ], [],
	'... with when it fires, when it clears and what to do');
is_deeply([ map { "$_->[1] $_->[2]" } @row{ sort keys %row } ],
	[ split /\n/, $node->safe_psql('postgres', q{SELECT format('`%s` %s', name, severity) FROM cvwiz.built_in_alert_rules ORDER BY name COLLATE "C"}) ],
	'... and its severity');
my $tested = slurp_file("$top/monitoring/cvwiz.rules.test.yml");
is_deeply([ grep { my $name = 'Cvwiz' . join('', map { ucfirst } split /_/, $_); $tested !~ /^  - name: $name$/m } @alerts ], [],
	'... and for each of which promtool has a test');

done_testing();
