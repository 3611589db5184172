# SPDX-License-Identifier: GPL-2.0
# The server's side of the matrix: does what harness/matrix/guest.c asks for, in
# step with it.  Needs harness/server_side.sh.

# Limits in seconds, of a machine that may be busy.
MATRIX_STEP=120
MATRIX_ALL=900

# A line for each server: NAME EXPORT SOURCE OPTIONS FLAGS...
servers=()

# answer_next: hands out the next server; sets $export.
answer_next() {
	local name source options flags

	if [ ${#servers[@]} -eq 0 ]; then
		say end >&7
		return
	fi
	read -r name export source options flags <<<"${servers[0]}"
	servers=("${servers[@]:1}")
	say "$name $source $options $flags" >&7
}

answer_do() {
	local verb case_ a b answer

	read -r verb case_ a b <<<"$1"
	if answer=$(do_verb "$verb" "$case_" "$a" "$b" 2>&1); then
		say "ok $answer" >&7
	else
		say "# $1: $answer"
		say no >&7
	fi
}

# matrix_serve PID: until the guest ends, or process PID; the lines of the guest
# are written to descriptor 7 and read from 8.  Prints plans and cells.
matrix_serve() {
	local line='' part rc last=$SECONDS start=$SECONDS

	while :; do
		IFS= read -r -t 1 -u 8 part
		rc=$?
		line+=$part
		if [ $rc -ne 0 ]; then
			if ! kill -0 "$1" 2>/dev/null; then
				say "# the guest died"
				return 1
			elif [ $((SECONDS - last)) -gt $MATRIX_STEP ] ||
				[ $((SECONDS - start)) -gt $MATRIX_ALL ]; then
				say "# the guest hangs"
				return 1
			fi
			continue
		fi
		last=$SECONDS
		case $line in
		next) answer_next ;;
		"do "*) answer_do "${line#do }" ;;
		end) return ;;
		plan* | "done"* | cell*) say "$line" ;;
		*) say "# $line" ;;
		esac
		line=
	done
}
