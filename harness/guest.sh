# SPDX-License-Identifier: GPL-2.0
# Boots User-Mode Linux on the root of the host (read-only) and runs a script.

# Kernel messages that fail a run, wherever they appear in a console log.
SPLATS='WARNING:|BUG:|BUG |KASAN|INFO: possible|INFO: task .* blocked'
SPLATS+='|possible recursive locking|suspicious RCU|sleeping function called'
SPLATS+='|kmemleak: [0-9]+ new suspected|Oops|Kernel panic|unreferenced object'
SPLATS+='|Found fid [0-9]+ not clunked|Tag [0-9]+ still in use|UBSAN:|refcount_t:'

# Lines that look like a splat and are none, each with its reason.
NO_SPLATS='^$'

# splat_scan FILE: prints the splats of a console log; true if there is none.
splat_scan() {
	! grep -aE "$SPLATS" "$1" | grep -avE "$NO_SPLATS" | grep -am 10 .
}

guest_checks() {
	case $ROOT in
	*[[:space:]]*) die "the path of the repository has a space: $ROOT" ;;
	esac
}

# uml KERNEL JOB ARGUMENT...: the command line that all guests share.
uml() {
	local kernel=$1 job=$2

	shift 2
	# The memory of the guest is a file there, and its control socket.
	TMPDIR=$job/run exec "$kernel" mem=1536M uml_dir="$job/run/" umid=guest \
		root=/dev/root rootfstype=hostfs rootflags=/ ro \
		init="$ROOT/harness/um/init.sh" JOB="$job" con=null ssl=null \
		panic=-1 "$@" 9>&-
}

new_job() {
	guest_checks
	job=$LOG/$1
	rm -rf "$job"
	mkdir -p "$job/run" "$job/work" || die "cannot write to $job"
}

# guest NAME KERNEL SECONDS ARGS SCRIPT...: runs the script in a guest, in
# $LOG/NAME/work; its output goes to our output and to $LOG/NAME/output.  True
# if the script succeeded and nothing is wrong in the console log.
guest() {
	local name=$1 kernel=$2 limit=$3 args=$4 job=$LOG/$1 rc tee_pid

	shift 4
	printf '%q ' "$@" >"$job/command"
	exec 3> >(exec tee "$job/output" 9>&-)
	tee_pid=$!
	# In the background, so that a signal ends it at once.
	(
		# shellcheck disable=SC2086,SC2016 # Words; the inner shell expands.
		exec timeout -k 10 "$limit" bash -c "$(declare -f uml); ROOT=$ROOT"'
			uml "$@"' uml "$kernel" "$job" con0=null,fd:1 con1=null,fd:3 \
			panic_on_warn=1 $args
	) </dev/null >"$job/console.log" 2>&1 &
	helper_pid=$!
	exec 3>&-
	wait "$helper_pid"
	rc=$?
	helper_pid=
	wait "$tee_pid"
	rm -rf "$job/run"
	if [ "$rc" -eq 124 ] || [ "$rc" -eq 137 ]; then
		say "# $name: no end after $limit s, stopped"
		return 1
	fi
	splat_scan "$job/console.log" >"$job/splats" || {
		sed 's/^/# kernel: /' "$job/splats"
		return 1
	}
	[ "$(cat "$job/status" 2>/dev/null)" = 0 ]
}

# run shell: a terminal in the patched guest.
run_shell() {
	local job

	[ -t 0 ] || die "shell needs a terminal"
	build_um
	build_tests
	new_job shell
	printf '%q ' "$ROOT/harness/um/shell.sh" "$BUILD/selftests" >"$job/command"
	step "Booting; leave with exit or Ctrl-D"
	# The locks and signals are the guest's now.
	exec 9>&-
	trap '' INT
	(uml "$BUILD/um/vmlinux" "$job" con0=fd:0,fd:1 quiet kunit.enable=0 SHELL_GUEST=1)
	stty sane
	trap on_signal INT
	splat_scan "$job/dmesg" 2>/dev/null || die "see ${job#"$ROOT"/}/dmesg"
}
