# The archives of the fault test's runs: the directory of a round, and what is
# wrong with the files in it.
package FaultArchive;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Utils;
use FaultRows;
use Faults;

our @EXPORT = qw(
  make_archive_directory remove_archive_directory archive_options archive_state
  leave_both_names problems_with_archives
);

my $base;

sub directory
{
	my ($round) = @_;

	$base ||= PostgreSQL::Test::Utils::tempdir();
	return "$base/$round->{table}";
}

sub make_archive_directory
{
	my ($round) = @_;

	mkdir(directory($round)) or die "mkdir: $!" if $round->{archives};
	return;
}

# With all that is in it, of a round that was given up too.
sub remove_archive_directory
{
	my ($round) = @_;

	return if !$round->{archives};
	unlink(directory($round) . "/$_") for files($round);
	rmdir(directory($round)) or die "rmdir: $!";
	return;
}

# What its policy has more.
sub archive_options
{
	my ($round) = @_;

	return $round->{archives} ? ", granularity => 'partition', archive_to => '" . directory($round) . "'" : '';
}

# Names, those of temporary files too.
sub files
{
	my ($round) = @_;

	opendir(my $handle, directory($round)) or die "opendir: $!";
	my @names = sort grep { !/^\.\.?$/ } readdir($handle);
	closedir($handle);
	return @names;
}

# Where the archive step was when it was killed; undef where it was not at work.
sub archive_state
{
	my ($round) = @_;

	return undef if !$round->{archives};
	my @files = files($round);
	my $listed = ask("SELECT count(*) FROM cvwiz.archives WHERE relation = '$round->{table}'::regclass");

	return 'archive: file not listed' if grep({ /\.gz$/ } @files) > $listed;
	return 'archive: file without its name' if grep { /\.tmp$/ } @files;
	return undef;
}

# A file gets its name by a second link; the first is taken away right after.
# Between the two there is no place to hold a run: this is how the directory is
# left by a kill there.
sub leave_both_names
{
	my ($round) = @_;
	my $directory = directory($round);
	my $suffix = ask("SELECT system_identifier || '.' || d.oid FROM pg_control_system(), pg_database d WHERE datname = current_database()");

	link("$directory/$_", "$directory/.$_.$suffix.tmp") or die "link: $!" for grep { /\.gz$/ } files($round);
	return;
}

# ---- what is wrong ----

# One file: whole, the one that is listed, and with the month's rows.
sub problems_with_file
{
	my ($round, $path, $from, $to) = @_;
	my $table = $round->{table};
	my $listed = ask("SELECT string_agg(concat_ws(' ', rows, bytes, sha256), ', ') FROM cvwiz.archives WHERE path = '$path'"
		  . " AND relation = '$table'::regclass AND range_start = '$from' AND range_end = '$to'");

	return "gzip -t does not take $path" if system('gzip', '-t', $path) != 0;
	my ($sha256) = split(/ /, `gunzip -c '$path' | sha256sum`);
	my @problems = differs("how $path is listed", $listed, join(' ', $expired_in_partitions / 2, -s $path, $sha256));

	my $rows = "SELECT * FROM archived_of_$table";
	my $expected = "SELECT * FROM kept_of_$table WHERE at >= '$from' AND at < '$to'";
	$round->{node}->safe_psql('postgres', qq{
		CREATE TABLE archived_of_$table (LIKE kept_of_$table);
		COPY archived_of_$table FROM PROGRAM 'gunzip -c $path' (FORMAT csv, HEADER MATCH)});
	push @problems, differs("rows in $path", ask("SELECT count(*) FROM archived_of_$table"), $expired_in_partitions / 2);
	push @problems, differs("rows that $path lacks", ask("SELECT count(*) FROM ($expected EXCEPT ALL $rows) d"), 0);
	push @problems, differs("rows that $path has besides", ask("SELECT count(*) FROM ($rows EXCEPT ALL $expected) d"), 0);
	$round->{node}->safe_psql('postgres', "DROP TABLE archived_of_$table");
	return @problems;
}

sub problems_with_archives
{
	my ($round) = @_;
	my $table = $round->{table};
	my %months = ("${table}_2025_12.csv.gz" => [ '2025-12-01Z', '2026-01-01Z' ], "${table}_2026_01.csv.gz" => [ '2026-01-01Z', '2026-02-01Z' ]);

	return () if !$round->{archives};
	my @problems = differs('files', join(' ', files($round)), join(' ', sort keys %months));
	push @problems, differs('archives that are listed',
		ask("SELECT count(*) FROM cvwiz.archives WHERE relation = '$table'::regclass"), scalar keys %months);
	return @problems if @problems;
	return map { problems_with_file($round, directory($round) . "/$_", @{ $months{$_} }) } sort keys %months;
}

1;
