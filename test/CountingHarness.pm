# A harness for prove and pg_prove that writes to the file that CVWIZ_COUNTS names
# a line for each test file: "passed failed skipped file", in assertions.
package CountingHarness;

use strict;
use warnings;
use parent 'TAP::Harness';

sub summary
{
	my ($self, $aggregate, @rest) = @_;

	open(my $out, '>', $ENV{CVWIZ_COUNTS}) or die "$ENV{CVWIZ_COUNTS}: $!";
	for my $file ($aggregate->descriptions)
	{
		my ($parser) = $aggregate->parsers($file);

		# A skipped assertion is among the passed ones.
		my $skipped = scalar $parser->skipped;
		my $passed = $parser->passed - $skipped;
		my $failed = $parser->failed;

		# Assertions that never came, and a file that died after its last one.
		my $planned = $parser->tests_planned || 0;
		$failed += $planned - $parser->tests_run if $planned > $parser->tests_run;
		$failed ||= 1 if $parser->has_problems;
		$skipped ||= 1 if $parser->skip_all;
		print $out "$passed $failed $skipped $file\n";
	}
	close($out) or die "$ENV{CVWIZ_COUNTS}: $!";
	return $self->SUPER::summary($aggregate, @rest);
}

1;
