# The server starts with the library preloaded, and the extension is created.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'cvwiz'");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION cvwiz');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_extension WHERE extname = 'cvwiz'"),
	'1', 'the extension is there');
$node->stop;

done_testing();
