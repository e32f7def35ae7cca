# shellcheck shell=bash
# Where the demo's server lives. Sourced after test/lib.sh.

# fixed, so that the next run and "make demo-stop" find it
# shellcheck disable=SC2034
place=/tmp/cvwiz-demo-$(id -u) port=54329

# Anybody can make a directory of that name in /tmp: use it, and remove it,
# only if it is ours.
check_place()
{
	if [ -L "$place" ] || [ "$(stat -c %U "$place")" != "$(server_user)" ]; then
		die "$place exists and is not a directory of $(server_user)'s: remove it first"
	fi
}
