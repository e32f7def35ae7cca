# report() in a browser: nothing overflows, at no width, light or dark; hostile
# names stay text; it prints.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use CvwizTest;

my ($chromium) = grep { -x $_ } map { "$_/chromium" } split(/:/, $ENV{PATH});
$chromium //= '/usr/bin/chromium';
plan skip_all => 'there is no chromium here' unless -x $chromium;

my $now = '2026-08-31 12:00';
my $node = start_server('main', now => $now, conf => "cvwiz.worker = off\n");
my $dir = PostgreSQL::Test::Utils::tempdir();

# ---- chromium ----

# Runs it to its end, in a process group of its own: its output. Its profile and
# whatever else it writes go to the temporary directory.
sub chromium
{
	my (@arguments) = @_;
	my $output = "$dir/output";
	my $pid = fork() // die "fork: $!";

	if ($pid == 0)
	{
		setpgrp(0, 0);
		@ENV{qw(HOME XDG_CONFIG_HOME XDG_CACHE_HOME TMPDIR)} = ($dir) x 4;
		open(STDIN, '<', '/dev/null') and open(STDOUT, '>', $output) and open(STDERR, '>', "$output.err")
		  or die "open: $!";
		# there is no user namespace for its sandbox in a container
		exec($chromium, '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
			'--hide-scrollbars', '--disable-breakpad', "--user-data-dir=$dir/profile", @arguments)
		  or die "exec: $!";
	}
	my $late = 0;
	local $SIG{ALRM} = sub { $late = 1; kill('KILL', -$pid); };
	alarm($PostgreSQL::Test::Utils::timeout_default);
	waitpid($pid, 0);
	alarm(0);
	my $status = $?;
	# what it has left behind
	kill('KILL', -$pid);
	die "chromium took too long: " . slurp_file("$output.err") if $late;
	die "chromium failed ($status): " . slurp_file("$output.err") if $status != 0;
	return slurp_file($output);
}

sub write_file
{
	my ($name, $content) = @_;

	open(my $file, '>', "$dir/$name") or die "$name: $!";
	print $file $content;
	close($file) or die "$name: $!";
	return "file://$dir/$name";
}

# What a copy of the page says of itself to the page around it.
my $measure = <<'SCRIPT';
<script>
const found = [];
const say = (what, element) => {
	if (found.length < 20)
		found.push(what + ': <' + element.tagName + ' class=' + (element.getAttribute('class') || '') + '> ' + element.textContent.slice(0, 80));
};
const luminance = color => {
	const [r, g, b] = color.match(/[\d.]+/g).map(Number).slice(0, 3).map(c => c / 255)
		.map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
	return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ground = element => {
	for (; element; element = element.parentElement) {
		const color = getComputedStyle(element).backgroundColor;
		if (!/, 0\)$/.test(color)) return color;
	}
	return 'rgb(255, 255, 255)';
};
const contrast = (a, b) => {
	const [x, y] = [luminance(a), luminance(b)];
	return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
};
const root = document.documentElement;
let texts = 0, least = 21;
for (const element of document.body.querySelectorAll('*')) {
	if (element.tagName === 'SCRIPT') continue;
	const box = element.getBoundingClientRect();
	if (box.right > root.clientWidth + 0.5 || box.left < -0.5) say('beyond the page', element);
	if (!(element instanceof SVGElement) && element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0)
		say('overflows', element);
	if (element.tagName === 'text') {
		let svg = element;
		while (svg.parentElement instanceof SVGElement) svg = svg.parentElement;
		const outer = svg.getBoundingClientRect();
		if (box.left < outer.left - 0.5 || box.right > outer.right + 0.5 || box.top < outer.top - 0.5 || box.bottom > outer.bottom + 0.5)
			say('out of its picture', element);
		// no two labels of an axis on each other
		for (let other = element.nextElementSibling; other && element.getAttribute('class') === 'axis'; other = other.nextElementSibling) {
			const b = other.getBoundingClientRect();
			if (other.tagName === 'text' && other.getAttribute('class') === 'axis' && box.left < b.right && b.left < box.right && box.top + 2 < b.bottom && b.top + 2 < box.bottom)
				say('on another label', element);
		}
	}
	const own = [...element.childNodes].some(n => n.nodeType === 3 && n.data.trim());
	if (own && box.width > 0 && !['title', 'desc'].includes(element.tagName)) {
		const style = getComputedStyle(element);
		const ratio = contrast(element.tagName === 'text' ? style.fill : style.color, ground(element));
		texts++;
		least = Math.min(least, ratio);
		if (ratio < 4.5) say('contrast ' + ratio.toFixed(1), element);
	}
}
const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
const report = {
	width: root.clientWidth, scroll: root.scrollWidth, found, texts, contrast: least,
	dark: matchMedia('(prefers-color-scheme: dark)').matches, ground: getComputedStyle(document.body).backgroundColor,
	alerts: window.alerts, scripts: document.scripts.length,
	handlers: [...document.querySelectorAll('*')].filter(e => [...e.attributes].some(a => /^on/i.test(a.name))).length,
	twice: ids.length - new Set(ids).size,
	untitled: [...document.querySelectorAll('svg[role=img]')].filter(s => !s.querySelector(':scope > title') || !s.querySelector(':scope > desc')
		|| s.getAttribute('aria-labelledby').split(' ').some(id => !document.getElementById(id))).length,
	pictures: document.querySelectorAll('svg[role=img]').length,
	tables: [...document.querySelectorAll('th.name, h3 .name')].map(e => e.textContent),
};
parent.postMessage(report, '*');
</script>
SCRIPT

# measure(PAGE, [WIDTH ...], ARGUMENTS): a hash for each width
sub measure
{
	my ($page, $widths, @arguments) = @_;

	$page =~ s{<head>}{<head><script>window.alerts = 0; window.alert = () => window.alerts++;</script>} or die 'no head';
	$page =~ s{</body>}{$measure</body>} or die 'no body';
	write_file('measured.html', $page);
	my $frames = join('', map { "<iframe src=\"measured.html\" style=\"width: ${_}px; height: 900px; border: 0\"></iframe>" } @$widths);
	my $around = write_file('around.html', <<"HTML");
<!DOCTYPE html><html><head><meta name="color-scheme" content="light dark"></head><body><pre id="result"></pre><script>
const results = [];
onmessage = event => { results.push(event.data); document.getElementById('result').textContent =
	'BEGIN' + btoa(unescape(encodeURIComponent(JSON.stringify(results)))) + 'END'; };
</script>$frames</body></html>
HTML
	my $dom = chromium('--virtual-time-budget=10000', '--window-size=1400,1000', '--dump-dom', @arguments, $around);
	my ($encoded) = $dom =~ /BEGIN([A-Za-z0-9+\/=]+)END/ or die "nothing was measured: $dom";
	require MIME::Base64;
	my $results = decode_json(MIME::Base64::decode_base64($encoded));
	is(scalar @$results, scalar @$widths, 'every width is measured');
	return sort { $a->{width} <=> $b->{width} } @$results;
}

sub report
{
	my ($since) = @_;

	return $node->safe_psql('postgres', "SELECT cvwiz.report('$since')") . "\n";
}

sub holds
{
	my ($name, $since) = @_;
	my @widths = (320, 360, 768, 1200);
	my $page = report($since);

	cmp_ok(length $page, '<', 200_000, "$name: under 200 kB");
	for my $scheme (1, 0)
	{
		for my $result (measure($page, \@widths, "--blink-settings=preferredColorScheme=$scheme"))
		{
			my $where = "$name, $result->{width} pixels, " . ($scheme ? 'light' : 'dark');

			cmp_ok($result->{scroll}, '<=', $result->{width}, "$where: the page does not scroll sideways");
			is_deeply($result->{found}, [], "$where: nothing overflows, and all can be read");
			is($result->{dark} ? 0 : 1, $scheme, '... in that scheme');
			is("$result->{alerts} $result->{scripts} $result->{handlers}", '0 2 0', '... and no script but the test\'s');
			is("$result->{twice} $result->{untitled}", '0 0', '... each picture has a title and a description');
		}
	}
	return $page;
}

# ---- an empty database ----

holds('empty', '30 days');

# ---- tables of all kinds, with a history ----

my @names = (
	'audit_logs', '<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', "it's \"quoted\"", "\x{1F600}" x 15,
	"two\nlines\tand a tab", "\x{202E}gol.exe", "\x{0627}\x{0644}\x{0633}\x{062C}\x{0644}", '&lt;&amp;', 'x' x 63, 'W' x 63, ']]>--><!--');
utf8::encode($_) for @names;

sub quote_ident { my ($name) = @_; $name =~ s/"/""/g; return "\"$name\""; }
sub quote_literal { my ($text) = @_; $text =~ s/'/''/g; return "'$text'"; }

for my $i (0 .. $#names)
{
	my $table = quote_ident($names[$i]);
	my $literal = quote_literal($table);

	$node->safe_psql('postgres', qq{
		SET client_min_messages = error;
		CREATE TABLE $table (id int, t timestamptz NOT NULL, document jsonb) PARTITION BY RANGE (t);
		CREATE INDEX ON $table (t);
		SELECT cvwiz.create_partition($literal, month::date)
		FROM generate_series(date '2025-11-01', '2026-11-01', '1 month') month;
		INSERT INTO $table SELECT n, timestamptz '2026-04-01' + n * interval '1 hour', '{}' FROM generate_series(0, 3600) n;
		ANALYZE $table;
		SELECT cvwiz.add_retention_policy($literal, retention_days => 30 + 30 * ($i % 8));
		INSERT INTO cvwiz.size_sample (relation, sampled_at, total_bytes, rows_estimate, oldest_record)
		SELECT $literal\::regclass, t, (10::numeric ^ $i) * (2 + sin(extract(epoch FROM t) / 1e6)), 100, t - interval '85 days'
		FROM generate_series(timestamptz '2025-08-01', '2026-08-31 11:00', '5 hours') t
		WHERE extract(day FROM t) NOT BETWEEN 10 AND 14;
		INSERT INTO cvwiz.retention_run (relation, relation_name, origin, pid, started_at, finished_at, success, hold, residue, deleted_count, error)
		SELECT $literal\::regclass, 'x', 'worker', 1, t, t, n % 7 > 1, n % 7 = 1, CASE WHEN n % 7 > 1 THEN 0 ELSE 9 END, n, CASE WHEN n % 7 < 2 THEN $literal || repeat('x', 300) END
		FROM generate_series(0, 390) n, LATERAL (SELECT timestamptz '2026-08-31 03:00' - n * interval '1 day' AS t) at WHERE n % 11 > 0;
		INSERT INTO cvwiz.alert_history (at, alert, event, severity, metric, labels, value, comparison, threshold)
		SELECT '2026-08-20 03:00'::timestamptz + n * interval '100 minutes', $literal, CASE n WHEN 0 THEN 'fired' ELSE 'cleared' END, 'critical', 'cvwiz_audit_bytes',
			jsonb_build_object('schema', 'public', 'table', $literal), 1e10, '>', 1e9
		FROM generate_series(0, 1) n;
	});
}
# documents of all sizes, and a column with such a name
$node->safe_psql('postgres', qq{
	SET client_min_messages = error;
	SET cvwiz.snapshot_notice = off;
	CREATE TABLE "<b>documents" (id int, "<i>snap'shot" jsonb);
	SELECT cvwiz.add_snapshot_limits('"<b>documents"', '<i>snap''shot', on_oversize => 'truncate', max_size => 512000, warning_size => 256000);
	INSERT INTO "<b>documents" SELECT n, jsonb_build_object('a', (SELECT jsonb_agg(i) FROM generate_series(1, n * n) i)) FROM generate_series(1, 350) n;
	CREATE TABLE "<u>versions" (id int, "<i>'kept" jsonb);
	SELECT cvwiz.add_version_store('"<u>versions"', '<i>''kept', '{id}');
	INSERT INTO "<u>versions" SELECT n % 5, jsonb_build_object('a', repeat('x', 500), 'n', n) FROM generate_series(1, 200) n;
	DELETE FROM "<u>versions" WHERE id = 1;
	CREATE TABLE estimated (id int, doc jsonb);
	SELECT cvwiz.add_version_store('estimated', 'doc', '{id}');
	SELECT cvwiz.sample_sizes();
	INSERT INTO cvwiz.version_sample (relation, snapshot_column, sampled_at, store_bytes, counted, versions, keyframes, raw_bytes, stored_bytes, depth, dead_versions, dead_bytes)
	SELECT 'estimated'::regclass, 'doc', t, 1e9, false, 1e12 + n, 1e11, 1e15, 1e14 * (1 + n % 3), 15, 1e9, 1e12
	FROM generate_series(timestamptz '2026-08-01', '2026-08-31 11:59:59', '1 hour') WITH ORDINALITY g(t, n);
	UPDATE cvwiz.version_sample SET sampled_at = sampled_at - interval '1 hour' WHERE relation = 'estimated'::regclass AND sampled_at = '2026-08-31 12:00';
	INSERT INTO cvwiz.version_corruption SELECT '"<u>versions"'::regclass, n, 'x', now() FROM generate_series(1, 12) n;
});
$node->safe_psql('postgres', 'CALL cvwiz.repack_versions()');

my $page = holds('30 days', '30 days');
holds('a year', '400 days');
holds('a day', '1 day');

like($page, qr/Sizes of incoming documents/, 'documents are counted');
like($page, qr/limit 512 kB/, '... and the limits marked');
like($page, qr/12 versions corrupted/, 'versions are there');
like($page, qr/Compression of|Space of the versions in/, '... with their space');

# The names are there as they are, but for what cannot be seen.
my ($result) = measure($page, [1200]);
my %shown = map { my $name = $_; utf8::encode($name); ($name => 1) } @{ $result->{tables} };
my @missing;
for my $name (@names)
{
	my $expected = quote_ident($name);
	$expected =~ s/\n/\\n/g;
	$expected =~ s/\t/\\t/g;
	$expected =~ s/\xE2\x80\xAE/\\u202e/g;
	push @missing, $name unless grep { $_ eq $expected || "\"$_\"" eq $expected || $_ eq "public.$expected" || $_ eq "public.$name" } keys %shown;
}
is_deeply(\@missing, [], 'hostile names are text') or diag(join("\n", 'shown are:', sort keys %shown));

# ---- words that must not frighten for nothing ----

# Between two daily runs records come of age; a partition may begin with the first of all records.
$node->safe_psql('postgres', q{
	SET client_min_messages = error;
	SELECT cvwiz.remove_retention_policy(relation) FROM cvwiz.retention_policies;
	CREATE TABLE since_ever (t timestamptz NOT NULL) PARTITION BY RANGE (t);
	CREATE TABLE since_ever_1 PARTITION OF since_ever FOR VALUES FROM (MINVALUE) TO ('2026-10-01');
	CREATE TABLE since_ever_2 PARTITION OF since_ever FOR VALUES FROM ('2026-10-01') TO ('2026-11-01');
	SELECT cvwiz.add_retention_policy('since_ever');
});
like(report('30 days'), qr/2 partitions\. 1 is made ahead \(pale\)\./, 'a partition that has the present month is not made ahead');
$node->safe_psql('postgres', q{SET client_min_messages = error; SELECT cvwiz.remove_retention_policy('since_ever')});
for my $case ([ 0.5, 'ok">no run yet' ], [ 1.5, 'warning">36 h overdue' ], [ 3, 'critical">3 days overdue' ])
{
	my ($days, $badge) = @$case;

	$node->safe_psql('postgres', qq{
		SET client_min_messages = error;
		SET cvwiz.now = '2026-01-01';
		CREATE TABLE late_$days (t timestamptz NOT NULL);
		SELECT cvwiz.add_retention_policy('late_$days', 't', retention_days => 90);
		RESET cvwiz.now;
		INSERT INTO cvwiz.size_sample (relation, sampled_at, total_bytes, rows_estimate, oldest_record, expires_from)
		SELECT 'late_$days'::regclass, cvwiz.clock(), 8192, 1, oldest, oldest FROM (SELECT cvwiz.clock() - interval '90 days' - interval '1 day' * $days) o (oldest);
	} =~ s/late_(\d)\.5/late_$1_5/gr);
	my ($found) = report('30 days') =~ /<h3>.*late_.*class="badge (.*?)</;
	is($found, $badge, "a record $days days overdue: $badge");
	$node->safe_psql('postgres', q{SELECT cvwiz.remove_retention_policy(relation) FROM cvwiz.retention_policies});
}

# ---- pictures and paper ----

my $file = write_file('report.html', $page);
chromium('--window-size=1200,2000', "--screenshot=$dir/report.png", $file);
like(slurp_file("$dir/report.png"), qr/^\x89PNG\r\n/, 'a screenshot is taken');
cmp_ok(-s "$dir/report.png", '>', 50_000, '... of a page with something on it');
chromium('--no-pdf-header-footer', "--print-to-pdf=$dir/report.pdf", $file);
my $pdf = slurp_file("$dir/report.pdf");
like($pdf, qr/^%PDF-/, 'it prints');
cmp_ok(scalar(() = $pdf =~ m{/Type\s*/Page\b}g), '>', 3, '... on some pages');

is(log_count($node, qr/(PANIC:|TRAP:|terminated by signal)/), 0, 'nothing crashed');
$node->stop;

done_testing();
