# shellcheck shell=bash
# What the benches share. Sourced after test/lib.sh.

# The machine, in one line.
machine()
{
	local model memory
	model=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)
	memory=$(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo)
	echo "$(nproc) × ${model:-$(uname -m)}, $((memory / 1024 / 1024)) GB, Linux $(uname -r)"
}

# replace_section FILE NAME: puts stdin between the markers of NAME in a Markdown
# file, at its end where there are none yet.
replace_section()
{
	local file=$1 begin="<!-- begin $2 -->" end="<!-- end $2 -->"
	local section=$file.section new=$file.new
	cat >"$section"
	grep -qxF "$begin" "$file" || printf '\n%s\n%s\n' "$begin" "$end" >>"$file"
	awk -v begin="$begin" -v end="$end" -v section="$section" '
		$0 == begin { print; while ((getline line < section) > 0) print line; inside = 1 }
		$0 == end { inside = 0 }
		!inside && $0 != begin { print }' "$file" >"$new"
	cat "$new" >"$file"
	rm "$section" "$new"
}
