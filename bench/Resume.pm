# Resume-shaped documents. A larger document has more items, and longer texts in
# them; with long arrays it has more items only.
#
# The prose is real: the sentences of a file, and the English sentences in the
# comments of PostgreSQL's server headers. Every document shuffles both, and takes
# no sentence again before it has had all of them, about 170 kB: much farther back
# than deflate looks.
package Resume;

use strict;
use warnings;

use Exporter 'import';
use JSON::PP;
use Scalar::Util 'refaddr';

our @EXPORT = qw(read_prose document next_version restored encode copy_text);

my $json = JSON::PP->new->canonical->allow_nonref;

# ---- the prose ----

sub read_file
{
	my ($name) = @_;
	open(my $file, '<', $name) or die "$name: $!\n";
	local $/;
	return scalar <$file>;
}

sub headers_in
{
	my ($dir) = @_;
	my @found;
	opendir(my $handle, $dir) or die "$dir: $!\n";
	for my $name (sort readdir $handle)
	{
		next if $name =~ /^\./;
		my $path = "$dir/$name";
		push @found, -d $path ? headers_in($path) : $name =~ /\.h$/ ? $path : ();
	}
	return @found;
}

# Whole sentences without code in them: words, commas and the like.
sub sentences_of_comments
{
	my ($dir) = @_;
	my (%seen, @sentences);
	for my $header (headers_in($dir))
	{
		my $text = read_file($header);
		while ($text =~ m{/\*(.*?)\*/}sg)
		{
			my $comment = $1;
			$comment =~ s/^\s*\*+ ?//mg;
			for my $paragraph (split /\n\s*\n/, $comment)
			{
				$paragraph =~ s/\s+/ /g;
				while ($paragraph =~ /(?:^|(?<=[.!?:] ))\s*([A-Z][a-z][a-z ,;'-]+[a-z]\.)(?= |$)/g)
				{
					my $sentence = $1;
					next if length $sentence < 50 || length $sentence > 300;
					push @sentences, $sentence unless $seen{$sentence}++;
				}
			}
		}
	}
	return @sentences;
}

my (@ours, @theirs);

# Before anything else.
sub read_prose
{
	my ($prose_file, $include_dir) = @_;
	@ours = split /\n/, read_file($prose_file);
	@theirs = sentences_of_comments($include_dir);
}

# ---- the rest ----

my @first_names = qw(Amara Aleksander Beatriz Chidi Dagny Eduardo Farida Grzegorz Hanneke Ilse Jorge Kwame
	Leocadia Mirek Nadja Oisin Priya Quentin Rosalind Sanjay Tove Ulrike Vikram Wilhelmina Xiomara Yusuf Zsofia);
my @last_names = qw(Abernathy Bjornstad Castellanos Dvorak Eriksen Fitzgerald Gonzalez Hashimoto Ivanova Jansen
	Kowalczyk Lindqvist Mbeki Nakamura Okonkwo Papadopoulos Quigley Rasmussen Silva Takahashi Umarov Varga Wozniak Zimmermann);
my @company_words = qw(Northern Harbour Beacon Granite Cobalt Meadow Summit Juniper Orchard Lantern Falcon Delta Polar
	Copper Willow Anchor Cedar Sterling Atlas Prairie Velvet Quartz Tidal Ember Saffron Marble Raven Hazel);
my @company_kinds = qw(Logistics Systems Press Foods Railways Insurance Laboratories Energy Textiles Media Hospitals
	Brewery Software Analytics Shipping Studio Consulting Bank Robotics Retail Telecom Optics Archive Airways);
my @places = ('Aarhus, Denmark', 'Bogota, Colombia', 'Cork, Ireland', 'Dresden, Germany', 'Edinburgh, United Kingdom',
	'Fukuoka, Japan', 'Ghent, Belgium', 'Halifax, Canada', 'Izmir, Turkey', 'Jaipur, India', 'Krakow, Poland',
	'Lagos, Nigeria', 'Montevideo, Uruguay', 'Nantes, France', 'Oulu, Finland', 'Portland, OR', 'Quito, Ecuador',
	'Riga, Latvia', 'Seville, Spain', 'Tampere, Finland', 'Utrecht, Netherlands', 'Valparaiso, Chile', 'Wellington, New Zealand');
my @levels = ('Junior', 'Senior', 'Lead', 'Principal', 'Assistant', 'Deputy', 'Chief', 'Interim');
my @jobs = ('Backend Engineer', 'Site Reliability Engineer', 'Database Administrator', 'Nurse', 'Accountant', 'Editor',
	'Project Manager', 'Civil Engineer', 'Research Assistant', 'Data Analyst', 'UX Designer', 'Teacher', 'Pharmacist',
	'Operations Manager', 'Electrician', 'Legal Counsel', 'Translator', 'Recruiter', 'Network Engineer', 'Architect');
my @skills = ('PostgreSQL', 'Python', 'TypeScript', 'Go', 'Rust', 'Kubernetes', 'Terraform', 'React', 'Django', 'Kafka',
	'Elixir', 'C++', 'Java', 'Spark', 'Ansible', 'GraphQL', 'Redis', 'Swift', 'Figma', 'Excel', 'AutoCAD', 'SAP', 'MATLAB',
	'Photoshop', 'bookkeeping', 'negotiation', 'public speaking', 'technical writing', 'welding', 'phlebotomy', 'Scala',
	'Haskell', 'OpenGL', 'LaTeX', 'Prometheus', 'Nginx', 'Vue.js', 'dbt', 'Airflow', 'Snowflake');
my @levels_of_skill = ('beginner', 'intermediate', 'advanced', 'expert');
my @schools = ('Aalto University', 'University of Porto', 'Delft University of Technology', 'Universidad de Chile',
	'Trinity College Dublin', 'Jagiellonian University', 'Kyoto University', 'University of Ibadan', 'McGill University',
	'Technical University of Munich', 'Georgia Institute of Technology', 'Universite de Nantes');
my @degrees = ('BSc', 'MSc', 'BA', 'MA', 'PhD', 'Diploma', 'Apprenticeship');
my @fields = ('Computer Science', 'Civil Engineering', 'Nursing', 'Economics', 'Linguistics', 'Physics', 'Law',
	'Graphic Design', 'Biochemistry', 'History of Art', 'Mathematics', 'Education');

sub pick { return $_[int rand @_] }
sub chance { return rand() < $_[0] }

sub shuffled
{
	my @items = @_;
	for (my $i = @items - 1; $i > 0; $i--)
	{
		my $j = int rand($i + 1);
		@items[$i, $j] = @items[$j, $i];
	}
	return @items;
}

# ---- a document ----

my ($now, $counter, $fingerprint, $profile_id);		# of the document's ids
my $wordiness;			# 1 for the shortest texts
my (@our_rest, @their_rest);

sub base36
{
	my ($value, $length) = @_;
	my $digits = '';
	for (1 .. $length)
	{
		$digits = ('0' .. '9', 'a' .. 'z')[$value % 36] . $digits;
		$value = int($value / 36);
	}
	return $digits;
}

# Prisma's cuid(): milliseconds, a counter, the machine, eight random digits
sub id
{
	$now += int rand 90_000;
	return 'c' . base36($now, 8) . base36($counter++, 4) . $fingerprint . join('', map { base36(rand 36, 1) } 1 .. 8);
}

sub date { return sprintf('%04d-%02d-01', 2004 + rand 22, 1 + rand 12) }

sub timestamp
{
	return sprintf('%04d-%02d-%02dT%02d:%02d:%02d.%03dZ', 2023 + rand 4, 1 + rand 12, 1 + rand 28,
		rand 24, rand 60, rand 60, rand 1000);
}

sub flag { return chance($_[0]) ? JSON::PP::true : JSON::PP::false }
sub company { return pick(@company_words) . ' ' . pick(@company_kinds) }

# One of ours and one of theirs in turn, as long as there are any of ours.
sub sentence
{
	@their_rest = shuffled(@theirs) unless @their_rest;
	return pop @our_rest if @our_rest && chance(0.5);
	return pop @their_rest;
}

sub sentences { return join ' ', map { sentence() } 1 .. $_[0] }

sub some { my ($least, $range) = @_; return $least + int rand($range * $wordiness) }

sub experience
{
	my ($order) = @_;
	my $current = chance(0.15);
	return {
		id => id(), profileId => $profile_id, order => $order, company => company(), position => pick(@levels) . ' ' . pick(@jobs),
		location => pick(@places), startDate => date(), endDate => $current ? undef : date(),
		current => $current ? JSON::PP::true : JSON::PP::false,
		description => sentences(some(1, 1)),
		highlights => [ map { sentence() } 1 .. some(2, 2) ],
		technologies => [ (shuffled(@skills))[0 .. 1 + int rand 4] ],
	};
}

sub project
{
	my ($order) = @_;
	my $name = pick(@company_words) . ' ' . pick(qw(Planner Atlas Monitor Notebook Exchange Toolkit Library Tracker));
	return {
		id => id(), profileId => $profile_id, order => $order, name => $name, url => 'https://github.com/' . lc(pick(@last_names)) . '/' . lc($name =~ s/ /-/r),
		description => sentences(some(1, 1)), startDate => date(), endDate => chance(0.3) ? undef : date(),
		technologies => [ (shuffled(@skills))[0 .. int rand 4] ], featured => flag(0.3),
	};
}

sub education
{
	my ($order) = @_;
	return {
		id => id(), profileId => $profile_id, order => $order, institution => pick(@schools), degree => pick(@degrees), field => pick(@fields),
		startDate => date(), endDate => date(), gpa => chance(0.4) ? 0 + sprintf('%.2f', 2 + rand 2) : undef,
		description => chance(0.5) ? sentence() : '',
	};
}

sub skill
{
	my ($order) = @_;
	return { id => id(), profileId => $profile_id, order => $order, name => pick(@skills), level => pick(@levels_of_skill), years => 1 + int rand 15 };
}

my @lists = qw(experiences projects education skills);
my %makers = (experiences => \&experience, projects => \&project, education => \&education, skills => \&skill);
# what is added, in turn, until the document is large enough
my @turns = qw(experiences skills projects experiences skills experiences education skills experiences projects);

# by their address: an item is never changed, but another one put in its place
my %encoded;

sub encode_item
{
	my ($item) = @_;
	return $encoded{refaddr $item} //= $json->encode($item);
}

sub encode
{
	my ($document) = @_;
	my @members;
	for my $key (sort keys %$document)
	{
		my $value = $document->{$key};
		push @members, "\"$key\":" .
			(ref $value eq 'ARRAY' ? '[' . join(',', map { encode_item($_) } @$value) . ']' : $json->encode($value));
	}
	return '{' . join(',', @members) . '}';
}

# As COPY reads it.
sub copy_text { return $_[0] =~ s/\\/\\\\/gr }

# The same for the same seed.
sub document
{
	my ($seed, $bytes, $long_arrays) = @_;
	srand($seed);
	%encoded = ();
	my ($first, $last) = (pick(@first_names), pick(@last_names));
	@our_rest = shuffled(@ours);
	@their_rest = ();
	$now = 1.72e12 + rand 6e10;
	$counter = int rand 1000;
	$fingerprint = base36(rand 36 ** 4, 4);
	$wordiness = $long_arrays ? 1 : ($bytes / 5000) ** 0.6;
	$profile_id = id();
	my $document = {
		version => 1 + int rand 40, createdAt => timestamp(), updatedAt => timestamp(),
		profile => {
			id => $profile_id, userId => id(), firstName => $first, lastName => $last, headline => pick(@levels) . ' ' . pick(@jobs),
			email => lc("$first.$last") . '@example.com', phone => sprintf('+%d %d %06d', 30 + rand 60, 100 + rand 900, rand 1e6),
			location => pick(@places), website => undef, summary => sentences(3),
		},
		settings => { template => pick(qw(modern classic compact)), fontSize => pick(10, 10.5, 11), showPhoto => flag(0.5),
			accentColor => sprintf('#%06x', rand 0x1000000), sections => [qw(experiences projects education skills)] },
		experiences => [], projects => [], education => [], skills => [],
	};
	my $size = length encode($document);
	for (my $i = 0; $size < $bytes; $i++)
	{
		my $list = $turns[$i % @turns];
		my $item = $makers{$list}->(scalar @{ $document->{$list} });
		push @{ $document->{$list} }, $item;
		$size += 1 + length encode_item($item);
	}
	return $document;
}

# ---- its next versions ----

sub reworded
{
	my ($text) = @_;
	my @sentences = split /(?<=\.) /, $text;
	$sentences[@sentences ? rand @sentences : 0] = sentence();
	return join ' ', @sentences;
}

my %edits = (
	experiences => sub {
		my ($item) = @_;
		my @highlights = @{ $item->{highlights} };
		return (description => reworded($item->{description})) if chance(0.4);
		return (endDate => date(), current => JSON::PP::false) if chance(0.2);
		return (technologies => [ (shuffled(@skills))[0 .. 1 + int rand 4] ]) if chance(0.2);
		splice @highlights, rand @highlights, chance(0.7), sentence();
		return (highlights => \@highlights);
	},
	projects => sub {
		my ($item) = @_;
		return chance(0.7) ? (description => reworded($item->{description})) : (featured => flag(0.5), endDate => date());
	},
	education => sub { return chance(0.5) ? (description => sentence()) : (endDate => date(), field => pick(@fields)) },
	skills => sub { return (level => pick(@levels_of_skill), years => 1 + int rand 15) },
);

sub edit_profile
{
	my ($profile) = @_;
	return { %$profile, chance(0.5) ? (summary => reworded($profile->{summary})) : (headline => pick(@levels) . ' ' . pick(@jobs)) };
}

# One to three items are edited: updated rows, which come last in their array then.
# Some are added or removed.
sub next_version
{
	my ($document) = @_;
	my %next = (%$document, version => $document->{version} + 1, updatedAt => timestamp());
	$now += rand 8.64e7;
	$next{$_} = [ @{ $document->{$_} } ] for @lists;
	for (1 .. 1 + int rand 3)
	{
		my $list = pick(grep { @{ $next{$_} } } @lists);
		my ($item) = splice @{ $next{$list} }, rand @{ $next{$list} }, 1;
		push @{ $next{$list} }, { %$item, $edits{$list}->($item) };
	}
	if (chance(0.3))
	{
		my $list = pick(@lists);
		push @{ $next{$list} }, $makers{$list}->(scalar @{ $next{$list} });
	}
	if (chance(0.25))
	{
		my $list = pick(grep { @{ $next{$_} } } @lists);
		splice @{ $next{$list} }, rand @{ $next{$list} }, 1;
	}
	$next{profile} = edit_profile($document->{profile}) if chance(0.2);
	return \%next;
}

# An earlier version is restored after another: its rows are inserted anew, so
# every id is another one.
sub restored
{
	my ($earlier, $document) = @_;
	my %next = (%$earlier, version => $document->{version} + 1, updatedAt => timestamp());
	$now += rand 8.64e7;
	$profile_id = id();
	$next{profile} = { %{ $earlier->{profile} }, id => $profile_id };
	for my $list (@lists)
	{
		$next{$list} = [ map { { %$_, id => id(), profileId => $profile_id } } @{ $earlier->{$list} } ];
	}
	return \%next;
}

1;
