EXTENSION = cvwiz
MODULE_big = cvwiz

PG_CONFIG ?= pg_config

# These bring up everything that they need by themselves, pg_config included,
# so they must work where there is no PostgreSQL yet.
TASKS = test test-clients test-faults test-fuzz test-monitoring demo demo-stop
.PHONY: all $(TASKS)

# plain "make" builds
all:

test:
	@test/run
test-clients:
	@test/clients/run
test-faults:
	@test/faults/run
test-fuzz:
	@test/fuzz/run
test-monitoring:
	@test/monitoring/run
demo:
	@demo/run
demo-stop:
	@demo/stop

ifneq ($(filter-out $(TASKS),$(or $(MAKECMDGOALS),all)),)

OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c src/*/*.c)))
SRC_HEADERS = $(wildcard src/*.h src/*/*.h)
PG_CPPFLAGS = -I$(srcdir)/src -DCVWIZ_VERSION='"$(EXTVERSION)"'
SHLIB_LINK = -lz -lzstd

# The order matters: later files use what earlier ones create.
SQL = sql/schema.sql sql/retention.sql sql/archive.sql sql/detached.sql sql/convert.sql sql/scheduler.sql sql/snapshot.sql sql/jsonpatch.sql sql/version.sql sql/version_sample.sql sql/sample.sql sql/stats.sql sql/alerts.sql sql/metrics.sql sql/report.sql sql/monitor.sql
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" cvwiz.control)
DATA = $(wildcard sql/cvwiz--*--*.sql)
DATA_built = cvwiz--$(EXTVERSION).sql

# None of these needs cvwiz in shared_preload_libraries: what does is in
# test/t, which "make test" runs.
REGRESS = $(patsubst test/sql/%.sql,%,$(sort $(wildcard test/sql/*.sql)))
REGRESS_OPTS = --inputdir=test --outputdir=output_regress
ISOLATION = $(patsubst test/isolation/specs/%.spec,%,$(sort $(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation --outputdir=output_iso

# Those of older versions as well.
EXTRA_CLEAN = output_regress output_iso $(wildcard cvwiz--*.sql)

PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifeq ($(wildcard $(PGXS)),)
$(error $(PG_CONFIG) finds no PostgreSQL server headers: install postgresql-server-dev-NN (Debian, Ubuntu) or postgresqlNN-devel (Fedora, RHEL), or say PG_CONFIG=/path/to/pg_config)
endif
include $(PGXS)

# PGXS tracks no header dependencies where the server was built without
# --enable-depend, as Debian's is.
$(OBJS) $(OBJS:.o=.bc): $(SRC_HEADERS) cvwiz.control
$(OBJS): | library-headers

.PHONY: library-headers
library-headers:
	@echo '#include <zlib.h>' | $(CC) $(CPPFLAGS) -E - >/dev/null 2>&1 || \
	{ echo "cvwiz needs zlib's headers: install zlib1g-dev (Debian, Ubuntu) or zlib-devel (Fedora, RHEL)" >&2; exit 1; }
	@echo '#include <zstd.h>' | $(CC) $(CPPFLAGS) -E - >/dev/null 2>&1 || \
	{ echo "cvwiz needs zstd's headers: install libzstd-dev (Debian, Ubuntu) or libzstd-devel (Fedora, RHEL)" >&2; exit 1; }

cvwiz--$(EXTVERSION).sql: $(SQL) cvwiz.control Makefile
	@{ printf '%s\n' '\echo Use "CREATE EXTENSION cvwiz" to load this file. \quit' && cat $(SQL); } >$@.tmp
	@mv $@.tmp $@

endif
