# SPDX-License-Identifier: GPL-2.0
# Helpers that every part of the harness uses: messages, progress, locking.

: "${ROOT:?}"
export LC_ALL=C.UTF-8
BUILD=$ROOT/build
LOG=$BUILD/log
JOBS=$(nproc)
export CCACHE_DIR=$BUILD/ccache CCACHE_MAXSIZE=4G CCACHE_BASEDIR=$BUILD
export KBUILD_BUILD_USER=landlock-9p KBUILD_BUILD_HOST=localhost
# A version that does not depend on the git history of the tree.
export LOCALVERSION=

mkdir -p "$LOG"

say() { printf '%s\n' "$*"; }
step() { printf '==> %s\n' "$*"; }
warn() { printf 'note: %s\n' "$*" >&2; }
die() {
	printf 'error: %s\n' "$*" >&2
	exit 1
}

# Pid of the background helper (progress line or guest) that must end with us.
helper_pid=

stop_helper() {
	[ -n "$helper_pid" ] || return 0
	kill "$helper_pid" 2>/dev/null
	wait "$helper_pid" 2>/dev/null
	helper_pid=
	[ ! -t 1 ] || printf '\r\033[K'
}

cleanup_dirs=()
on_exit() {
	local d

	stop_helper
	[ -z "${ahead_pid-}" ] || stop_ahead
	[ -z "${testing-}" ] || end_early
	for d in "${cleanup_dirs[@]}"; do
		rm -rf "$d"
	done
}
on_signal() {
	printf '\nerror: interrupted; the next run goes on from here\n' >&2
	exit 130
}
trap on_exit EXIT
trap on_signal INT TERM HUP

# Sets $tmpdir to a private directory under build/ that goes away at exit.
tmpdir=
make_tmpdir() {
	[ -z "$tmpdir" ] || return 0
	tmpdir=$(mktemp -d "$BUILD/tmp.XXXXXX") || die "cannot write to $BUILD"
	cleanup_dirs+=("$tmpdir")
}

# Takes the lock of the build directory for the life of this process.
lock_build() {
	exec 9>"$BUILD/.lock"
	flock -n 9 || die "another ./run is at work in $BUILD"
}

# Dies when less than $1 GiB are free below build/.
need_space() {
	local free

	free=$(df -Pk "$BUILD" | awk 'NR == 2 { print int($4 / 1048576) }')
	[ "$free" -ge "$1" ] ||
		die "no space: $1 GiB needed in $BUILD, $free GiB free"
}

# Shows, until killed: label, seconds, and how many lines of log $2 match $3.
show_progress() {
	local label=$1 log=$2 pattern=$3 total=$4 start=$SECONDS n

	while sleep 1; do
		n=
		if [ -n "$pattern" ]; then
			n=" $(grep -cE "$pattern" "$log" 2>/dev/null)"
			[ -z "$total" ] || n="$n of about $total"
		fi
		if [ -t 1 ]; then
			printf '\r\033[K    %s:%s (%d s)' "$label" "$n" \
				$((SECONDS - start))
		elif [ $(((SECONDS - start) % 60)) -eq 59 ]; then
			printf '    %s:%s (%d s)\n' "$label" "$n" \
				$((SECONDS - start))
		fi
	done
}

# quietly LABEL LOG PATTERN TOTAL COMMAND...: runs the command with its output
# in LOG and a progress line; on failure shows the end of LOG and dies.
quietly() {
	local label=$1 log=$2 pattern=$3 total=$4 start=$SECONDS rc=0

	shift 4
	mkdir -p "$(dirname "$log")"
	: >"$log"
	show_progress "$label" "$log" "$pattern" "$total" 9>&- &
	helper_pid=$!
	("$@") </dev/null >"$log" 2>&1 || rc=$?
	stop_helper
	if [ "$rc" -ne 0 ]; then
		grep -aE -m 5 ': (fatal )?error:|^E: |No space left' "$log" >&2 ||
			tail -n 15 "$log" >&2
		[ "$rc" -lt 128 ] || die "$label: interrupted"
		if grep -qa 'No space left on device' "$log"; then
			die "no space left in $BUILD"
		fi
		die "$label failed, see ${log#"$ROOT"/}"
	fi
	if [ $((SECONDS - start)) -ge 3 ]; then
		say "    $label: done ($((SECONDS - start)) s)"
	fi
}
