# The rows of the fault test: those that a table has before, those that an
# application adds meanwhile, and what is wrong with them afterwards.
package FaultRows;

use strict;
use warnings;

use Exporter 'import';
use Faults;

our @EXPORT = qw(
  $now $cutoff $cutoff_partition $expired $expired_in_partitions
  insert_rows start_application stop_application problems_with_rows
  differs loose_tables
);

# The cutoff is at noon of February 9th: December and January go as a whole.
our $now = '2026-05-10 12:00';
our $cutoff = '2026-02-09 12:00Z';
our $cutoff_partition = '2026-02-01Z';
our $expired_in_partitions = 60 + 60;
our $expired = $expired_in_partitions + 100;
my @unexpired_days = qw(2026-02-20 2026-03-05 2026-04-07 2026-05-09);

# From, to, how many rows, evenly. In the middle is one that is not in the table
# itself but in its TOAST table.
my @rows = (
	[ '2025-12-01', '2026-01-01', 60 ], [ '2026-01-01', '2026-02-01', 60 ],
	[ '2026-02-01', '2026-02-08', 100 ], [ '2026-02-11', '2026-03-01', 80 ],
	[ '2026-03-01', '2026-05-10', 60 ]);

my $long_note = "(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 400) i)";

sub insert_rows
{
	my ($table) = @_;
	my $id = 0;
	my $sql = '';

	for my $rows (@rows)
	{
		my ($from, $to, $count) = @$rows;
		$sql .= "INSERT INTO $table (id, at, note, user_id)"
		  . " SELECT $id + n, timestamptz '$from UTC' + n * (timestamptz '$to UTC' - timestamptz '$from UTC') / $count, CASE n WHEN 30 THEN $long_note ELSE 'row ' || n END, 1"
		  . " FROM generate_series(0, $count - 1) n;\n";
		$id += $count;
	}
	return $sql . "CREATE TABLE kept_of_$table AS SELECT * FROM $table;\n";
}

# ---- the application ----

my $next_id = 1_000_001;

# Inserts rows that have not expired, one a statement and each with its own
# commit, into a table with columns id, at, note, user_id.
sub start_application
{
	my ($table) = @_;
	my $script = '';
	my @ids;

	for my $n (0 .. 1499)
	{
		my $id = $next_id++;
		my $day = $unexpired_days[ $n % @unexpired_days ];

		push @ids, $id;
		$script .= "INSERT INTO $table (id, at, note, user_id) VALUES ($id, '$day 12:00Z', 'app', 1) RETURNING id;\n"
		  . "SELECT FROM pg_sleep(0.004);\n";
	}
	my $session = start_session('application', 'app', $script);
	$session->{ids} = \@ids;
	return $session;
}

# Its rows: those whose commit psql was told of, and those it has sent at all.
# What the server refused, for other reasons than its own end, is a problem.
sub stop_application
{
	my ($session) = @_;

	cut_session($session);
	my ($out, $err) = session_output($session);
	my %sent = map { $_ => 1 } @{ $session->{ids} };
	my %committed = map { $_ => 1 } grep { $sent{$_} } $out =~ /^(\d+)$/mg;
	my @problems = $err =~ /(ERROR: .*)/g;

	return (\%committed, \%sent, \@problems);
}

# ---- what is wrong ----

# The rows that were there before, and those of the application: each exactly
# once where it should be, and no others.
sub problems_with_rows
{
	my ($round, $kept) = @_;
	my ($table, $committed, $sent) = @$round{qw(table committed sent)};
	my @problems;
	my %found = map { $_ => 1 } split(/\n/, ask("SELECT id FROM $table WHERE id > 1000000"));
	my @lost = grep { !$found{$_} } sort keys %$committed;
	my @strange = grep { !$sent->{$_} } sort keys %found;

	push @problems, @lost . " committed rows of the application are lost, $lost[0] for one" if @lost;
	push @problems, "rows that nobody has sent: @strange" if @strange;

	my $lost = ask("SELECT count(*) FROM (SELECT * FROM kept_of_$table WHERE $kept EXCEPT ALL SELECT * FROM $table) d");
	my $left = ask("SELECT count(*) FROM (SELECT * FROM $table WHERE id <= 1000000 EXCEPT ALL SELECT * FROM kept_of_$table WHERE $kept) d");
	my $twice = ask("SELECT count(*) - count(DISTINCT id) FROM $table");
	push @problems, "$lost rows are lost" if $lost;
	push @problems, "$left rows are left" if $left;
	push @problems, "$twice rows are there twice" if $twice;
	return @problems;
}

sub differs
{
	my ($what, $got, $expected) = @_;

	return $got eq $expected ? () : "$what: \"$got\" instead of \"$expected\"";
}

# Tables of this name and its months that hang about.
sub loose_tables
{
	my ($table) = @_;

	return ask("SELECT coalesce(string_agg(relname, ' ' ORDER BY relname), '') FROM pg_class"
		  . " WHERE relname ~ '^${table}_' AND relkind IN ('r', 'p') AND NOT relispartition");
}

1;
