# shellcheck shell=bash
# What test/run, test/install-deps and demo/run share: which PostgreSQL, whose
# server, and a private server's start and stop. Sourced, with set -eu.

# Called by "make test", we would hand its flags to every make of our own.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL MAKEFILES

# The caller's PGHOST, PGOPTIONS, PGTZ … are meant for other servers. (PG_CONFIG
# and PG_TEST_… have an underscore, libpq's variables have none.)
for variable in $(compgen -e | grep -E '^PG[A-Z]+$' || true); do
	unset "$variable"
done
unset variable

die()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "needs root for: $* (there is no sudo here)"
	fi
}

# PostgreSQL refuses to run as root; the tests should not either.
server_user()
{
	if [ "$(id -u)" = 0 ]; then echo postgres; else id -un; fi
}

as_server()
{
	if [ "$(id -u)" = 0 ]; then
		# TMPDIR and HOME may be root's own.
		env -u TMPDIR HOME=/nonexistent setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"
	else
		"$@"
	fi
}

has_server_headers()
{
	local pgxs include
	pgxs=$("$1" --pgxs 2>/dev/null) && include=$("$1" --includedir-server 2>/dev/null) &&
		[ -f "$pgxs" ] && [ -f "$include/postgres.h" ]
}

# The pg_config to use: what the caller says, the one in PATH, or the newest of
# Debian's. The one in PATH may be libpq-dev's, which has no server headers.
# Fails where there is none.
find_pg_config()
{
	local found candidate
	if [ -n "${PG_CONFIG:-}" ]; then
		command -v "$PG_CONFIG" || echo "$PG_CONFIG"
		return
	fi
	if found=$(command -v pg_config) && has_server_headers "$found"; then
		echo "$found"
		return
	fi
	found=
	for candidate in $(printf '%s\n' /usr/lib/postgresql/*/bin/pg_config | sort -V); do
		if has_server_headers "$candidate"; then found=$candidate; fi
	done
	[ -n "$found" ] && echo "$found"
}

# use_pg_config PATH: what the rest of this file works with
use_pg_config()
{
	PG_CONFIG=$1
	bindir=$("$PG_CONFIG" --bindir)
	PATH=$bindir:$PATH
	export PG_CONFIG PATH
}

# prepare_server DIR PORT: makes DIR/data, owned by the server's user, reachable
# only through the socket in DIR. Further settings come from stdin.
prepare_server()
{
	as_server "$bindir/initdb" -D "$1/data" -U postgres -A trust -E UTF8 --locale=C -N >"$1/initdb.log" 2>&1 </dev/null ||
		{ cat "$1/initdb.log" >&2; die "initdb failed"; }
	{
		printf '%s\n' "listen_addresses = ''" "unix_socket_directories = '$1'" "port = $2" \
			"fsync = off" "log_line_prefix = '%m [%p] %b %q%a %d '"
		cat
	} | as_server tee -a "$1/data/postgresql.conf" >/dev/null
}

start_server()
{
	as_server "$bindir/pg_ctl" -s -w -t 60 -D "$1/data" -l "$1/server.log" start </dev/null >/dev/null ||
		{ tail -n 30 "$1/server.log" >&2; die "the private server did not start"; }
}

# Stops the server of a data directory, if it runs.
stop_server()
{
	[ -f "$1/postmaster.pid" ] || return 0
	as_server "$bindir/pg_ctl" -s -w -D "$1" -m "${2:-fast}" stop </dev/null >/dev/null 2>&1 || true
}

# build_and_install SOURCE DIR [make arguments]: builds a clean copy in DIR, so
# that neither stale objects are used nor root's are left in the caller's tree.
build_and_install()
{
	local source=$1 dir=$2
	local -a args=(PG_CONFIG="$PG_CONFIG")
	shift 2
	[ -z "${CC:-}" ] || args+=(CC="$CC")
	mkdir -p "$dir"
	(cd "$source" && cp -R -P Makefile cvwiz.control sql src test expected monitoring doc "$dir")
	find "$dir/src" \( -name '*.o' -o -name '*.bc' \) -delete
	args+=("$@")
	make -s -C "$dir" -j"$(nproc)" "${args[@]}" || return 1
	if [ -w "$("$PG_CONFIG" --pkglibdir)" ] && [ -w "$("$PG_CONFIG" --sharedir)/extension" ]; then
		make -s -C "$dir" "${args[@]}" install
	else
		as_root make -s -C "$dir" "${args[@]}" install
	fi
}
