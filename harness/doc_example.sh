#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds the example of "Network and shared filesystems" in
# Documentation/userspace-api/landlock.rst, as it stands there.
#
#   doc_example.sh TREE HEADERS OUTPUT [PATH COMMAND...]
#
# TREE is a kernel tree, HEADERS has its user space headers (linux/landlock.h).
# OUTPUT is the static program, OUTPUT.c what was extracted.  With a PATH, runs
# it: COMMAND may only write beneath PATH.

set -euo pipefail

if [ $# -lt 3 ]; then
	sed -n 's/^#   //p' "$0" >&2
	exit 2
fi
doc=$1/Documentation/userspace-api/landlock.rst
headers=$2
output=$3
shift 3

# All C blocks from the title of the section to the next title of its level or
# of the one above.  A title is only known once its underline is read.
awk -v section="Network and shared filesystems" '
function print_line(line) {
	if (in_code && line ~ /^[^ ]/)
		in_code = 0
	if (in_code) {
		sub(/^    /, "", line)
		print line
	}
	if (line == ".. code-block:: c") {
		in_code = 1
		blocks++
	}
}
/^(---+|===+)$/ && previous ~ /^[^ ]/ {
	in_section = (previous == section)
	sections += in_section
	in_code = 0
	previous = ""
	next
}
{
	if (in_section)
		print_line(previous)
	previous = $0
}
END {
	if (sections != 1 || !blocks) {
		printf "%d sections, %d blocks of C\n", sections, blocks \
			> "/dev/stderr"
		exit 1
	}
}
' "$doc" > "$output.c"

"${CC:-gcc}" -static -O2 -Wall -Wextra -Werror -I "$headers" \
	-o "$output" "$output.c"

if [ $# -gt 0 ]; then
	"$output" "$@"
fi
