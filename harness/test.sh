# SPDX-License-Identifier: GPL-2.0
# The suites of ./run test.  Each records its results, none stops the run.

SUITES="kunit 9p diod modules upstream stress qemu matrix series style"
QUICK="kunit 9p diod"

# Builds that one of the suites needs, in the order of need.
ahead=

ahead_for() {
	case " $* " in *' modules '*) ahead+=" um_modules" ;; esac
	case " $* " in *' upstream '* | *' stress '*) ahead+=" um_stock" ;; esac
	case " $* " in *' qemu '* | *' matrix '*) ahead+=" qemu" ;; esac
}

# What a suite needs to be built.
um_ready() {
	[ -z "${um_done-}" ] || return 0
	build_um
	build_tests
	um_done=1
	# shellcheck disable=SC2086 # Words.
	build_ahead $ahead
}

suite_kunit() {
	um_ready
	new_job kunit
	if guest kunit "$BUILD/um/vmlinux" 120 "kunit.enable=1 kunit.autorun=1" true; then
		record pass kunit "boot without a splat"
	else
		record fail kunit "boot without a splat" "see build/log/kunit"
	fi
	record_all < <(kunit_ktap "$LOG/kunit/console.log")
}

# in_guest JOB KERNEL DIRECTORY TEST...: runs selftests in a guest.
in_guest() {
	local name=$1 kernel=$2 dir=$3

	shift 3
	new_job "$name"
	find "$dir" -maxdepth 1 -type f -perm -100 -exec cp -t "$job/work" {} +
	guest "$name" "$kernel" 2400 kunit.enable=0 \
		"$ROOT/harness/um/run_tests.sh" "$@"
}

# Names of the tests that upstream has, and of those that only the series has.
upstream_tests() {
	local f

	for f in "$BUILD/linux/tools/testing/selftests/landlock"/*_test.c; do
		basename "$f" .c
	done | sort
}
new_tests() {
	find "$BUILD/selftests" -maxdepth 1 -name '*_test' -printf '%f\n' | sort |
		comm -23 - <(upstream_tests)
}

tap_results() {
	local suite=$1 name=$2 t

	shift 2
	for t; do
		if [ -f "$LOG/$name/$t.tap" ]; then
			ktap "$suite" "$t:" "$LOG/$name/$t.tap" "$(cat "$LOG/$name/$t.rc")"
		else
			printf 'fail\t%s\t%s\tdid not run\n' "$suite" "$t"
		fi
	done
}

suite_9p() {
	local tests

	um_ready
	mapfile -t tests < <(new_tests)
	if [[ " ${tests[*]} " != *" fs_9p_test "* ]]; then
		record fail 9p fs_9p_test "not in the series"
		return
	fi
	if in_guest 9p "$BUILD/um/vmlinux" "$BUILD/selftests" "${tests[@]}"; then
		record pass 9p "no splat, no leak"
	else
		record fail 9p "no splat, no leak" "see build/log/9p"
	fi
	record_all < <(tap_results 9p 9p "${tests[@]}")
}

# Landlock's own tests must give the same on the stock and the patched kernel.
suite_upstream() {
	local tests

	um_ready
	build_um_stock
	build_tests_stock
	mapfile -t tests < <(upstream_tests)
	in_guest upstream-stock "$BUILD/um-stock/vmlinux" \
		"$BUILD/selftests-stock" "${tests[@]}" ||
		say "# the stock kernel is not clean, see build/log/upstream-stock"
	if in_guest upstream "$BUILD/um/vmlinux" "$BUILD/selftests" "${tests[@]}"
	then
		record pass upstream "no splat, no leak"
	else
		record fail upstream "no splat, no leak" "see build/log/upstream"
	fi
	tap_results upstream upstream-stock "${tests[@]}" >"$LOG/upstream-stock.tsv"
	tap_results upstream upstream "${tests[@]}" >"$LOG/upstream.tsv"
	record_all < <(compare_runs "$LOG/upstream-stock.tsv" "$LOG/upstream.tsv")
}

# compare_runs STOCK PATCHED: a test passes if both gave the same; one that is
# new, or that the stock kernel skipped (some do when they lose a race), stands
# for itself.
compare_runs() {
	awk -F'\t' -v OFS='\t' '
	NR == FNR { stock[$3] = $1; next }
	{ seen[$3] = 1 }
	!($3 in stock) || stock[$3] == "skip" { print; next }
	stock[$3] == $1 {
		print "pass", $2, $3, ""
		if ($1 == "fail")
			print "    fails on both kernels: " $3 " " $4 >"/dev/stderr"
		next
	}
	{ print "fail", $2, $3, stock[$3] " on stock, now " $1 " " $4 }
	END {
		for (t in stock)
			if (!(t in seen))
				print "fail", "upstream", t, stock[t] " on stock, now gone"
	}' "$1" "$2"
}

suite_diod() {
	um_ready
	new_job diod
	guest diod "$BUILD/um/vmlinux" 300 kunit.enable=0 \
		"$ROOT/harness/um/diod_test.sh" "$BUILD/selftests" >/dev/null ||
		record fail diod "guest is clean" "see build/log/diod"
	record_all < <(ktap diod "" "$LOG/diod/output")
}

suite_modules() {
	um_ready
	build_um_modules
	new_job modules
	find "$BUILD/selftests" -maxdepth 1 -type f -perm -100 \
		-exec cp -t "$job/work" {} +
	guest modules "$BUILD/um-modules/vmlinux" 600 kunit.enable=0 \
		"$ROOT/harness/um/modules_test.sh" "$BUILD/um-modules" >/dev/null ||
		record fail modules "guest is clean" "see build/log/modules"
	record_all < <(ktap modules "" "$LOG/modules/output")
}

# General health of 9p: what fails must fail on the stock kernel too.
suite_stress() {
	local name failing

	um_ready
	new_job stress
	guest stress "$BUILD/um/vmlinux" 900 kunit.enable=0 \
		"$ROOT/harness/um/stress.sh" >/dev/null ||
		record fail stress "guest is clean" "see build/log/stress"
	ktap stress "" "$LOG/stress/output" >"$LOG/stress.tsv"
	mapfile -t failing < <(awk -F'\t' '$1 == "fail" { print $3 }' "$LOG/stress.tsv")
	: >"$LOG/stress-stock.tsv"
	if [ ${#failing[@]} -gt 0 ]; then
		build_um_stock
		new_job stress-stock
		guest stress-stock "$BUILD/um-stock/vmlinux" 900 kunit.enable=0 \
			"$ROOT/harness/um/stress.sh" "${failing[@]}" >/dev/null ||
			say "# the stock kernel is not clean, see build/log/stress-stock"
		ktap stress "" "$LOG/stress-stock/output" >"$LOG/stress-stock.tsv"
	fi
	awk -F'\t' '$1 != "fail"' "$LOG/stress.tsv" >"$LOG/stress-passed.tsv"
	record_all <"$LOG/stress-passed.tsv"
	for name in "${failing[@]}"; do
		if grep -q "^fail	stress	$name	" "$LOG/stress-stock.tsv"; then
			say "    fails on both kernels: $name"
			record pass stress "$name"
		else
			record fail stress "$name" "see build/log/stress/stress.log"
		fi
	done
}

suite_qemu() {
	if [ ! -x "$ROOT/harness/qemu/test.sh" ]; then
		record fail qemu "suite" "harness/qemu/test.sh is missing"
		return
	fi
	build_qemu
	# Both filesystems and both security models; test.sh has all four pairs.
	"$ROOT/harness/qemu/test.sh" ext4.none tmpfs.mapped-xattr >"$LOG/qemu.tap"
	record_all < <(ktap qemu "" "$LOG/qemu.tap" $?)
	cost_rename
	cost_open
}

suite_matrix() {
	matrix_cells
	if [ "$matrix_clean" -eq 1 ]; then
		record pass matrix "guests are clean"
	else
		record fail matrix "guests are clean" "see build/log/matrix-qemu, matrix-um"
	fi
	record_all < <(matrix_results)
	make_tmpdir
	matrix_rst >"$tmpdir/matrix.rst"
	cmp -s "$tmpdir/matrix.rst" "$ROOT/$MATRIX_RST" ||
		say "    $MATRIX_RST is not of this run; ./run matrix writes it"
}

# run test --stock: the tests of 9p files must be able to fail.
test_stock() {
	local tests results=$LOG/stock.tsv failed

	setup_base
	source_get
	tree_make
	build_um_stock
	build_tests
	# What only tests new mount options, or tasks that get stuck, is left out.
	tests=(fs_9p_test fs_9p_refer_test)
	in_guest stock "$BUILD/um-stock/vmlinux" "$BUILD/selftests" "${tests[@]}" ||
		say "# the stock kernel is not clean, see build/log/stock"
	[ -f "$LOG/stock/fs_9p_test.tap" ] ||
		die "fs_9p_test did not run on the stock kernel, see build/log/stock"
	tap_results stock stock "${tests[@]}" >"$results"
	awk -F'\t' '$1 == "fail" { print "    fails: " $3 }' "$results"
	failed=$(grep -c '^fail' "$results")
	say "on the stock kernel $failed of $(grep -c . "$results") fail," \
		"$(grep -c '^skip' "$results") are skipped"
	[ "$failed" -gt 0 ] || die "some must fail on the stock kernel"
}

run_test() {
	local suite selected=

	while [ $# -gt 0 ]; do
		case $1 in
		--stock) selected=--stock ;;
		--quick) selected=$QUICK ;;
		*)
			case " $SUITES " in
			*" $1 "*) selected="$selected $1" ;;
			*) die "unknown suite $1, there are: $SUITES" ;;
			esac
			;;
		esac
		shift
	done
	lock_build
	if [ "$selected" = --stock ]; then
		test_stock
		return
	fi
	: >"$RESULTS"
	testing=1
	setup_test
	source_get
	tree_make
	step "Suite tree"
	make_tmpdir
	check tree "refresh changes nothing" roundtrip
	# shellcheck disable=SC2086 # Words.
	ahead_for ${selected:-$SUITES}
	for suite in ${selected:-$SUITES}; do
		step "Suite $suite"
		"suite_$suite"
	done
	testing=
	summary
}
