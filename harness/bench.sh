# SPDX-License-Identifier: GPL-2.0
# ./run bench: the budgets of instructions and memory, on kernels without checks,
# with the series and without.  Needs harness/qemu/build.sh and cost.sh.

bench_config() {
	sed -E '/^CONFIG_(PROVE|DEBUG|SLUB_DEBUG)/d' "$ROOT/harness/qemu/config"
}

build_bench() {
	make_tmpdir
	bench_config >"$tmpdir/bench-config"
	qemu_build "$BUILD/tree" "$BUILD/qemu-bench" \
		"patched kernel (x86, no checks)" "$tmpdir/bench-config"
	qemu_build "$BUILD/linux" "$BUILD/qemu-bench-stock" \
		"stock kernel (x86, no checks)" "$tmpdir/bench-config"
	qemu_initramfs "$BUILD/tree" "$BUILD/qemu-bench/guest"
}

# judge NAME CONDITION AWK-RULES...: of the guest's output.
judge() {
	local name=$1 condition=$2

	shift 2
	if awk "$* END { exit !($condition) }" "$job/numbers"; then
		record pass bench "$name"
	else
		record fail bench "$name" "not $condition"
	fi
}

# guest_numbers JOB KERNEL ARGUMENTS FORMAT: prints them as FORMAT.
guest_numbers() {
	local ok=0

	bench_guest "$1" "$2" "$BUILD/qemu-bench/guest" "fs_9p_open_bench $3" || ok=1
	tr -d '\r' <"$job/output" | grep -E '^[0-9]' >"$job/numbers"
	[ "$ok" -eq 0 ] || record fail bench "$1" "see build/log/$1"
	awk "{ printf \"    $4\\n\", \$1, \$2, \$3 }" "$job/numbers"
	return "$ok"
}

run_bench() {
	local patched=$BUILD/qemu-bench stock=$BUILD/qemu-bench-stock

	: >"$RESULTS"
	# 65,536 files take long to make.
	COST_SECONDS=1800
	build_bench
	step "Instructions of open() on tmpfs, by depth: in a sandbox, without"
	say "  stock"
	guest_numbers bench-stock "$stock" "-t 1 10 20 29" \
		"depth %2d: %6d %6d" || return
	cp "$job/numbers" "$LOG/bench-stock.numbers"
	say "  patched"
	guest_numbers bench-tmpfs "$patched" "-t 1 10 20 29" \
		"depth %2d: %6d %6d" || return
	cat "$LOG/bench-stock.numbers" - <"$job/numbers" >"$job/both"
	mv "$job/both" "$job/numbers"
	judge "tmpfs, patched against stock: 1.01" "good == 8" \
		'seen[$1]++ { good += ($2 <= with[$1] * 1.01) + ($3 <= without[$1] * 1.01) }
		{ with[$1] = $2; without[$1] = $3 }'

	step "Instructions that a sandbox adds to open(), depth 10: tmpfs, 9p"
	guest_numbers bench-open "$patched" "16 4096 65536" \
		"%5d rules: %6d %6d" || return
	judge "9p against tmpfs: 1.5" "p9 > 0 && p9 <= tmpfs * 1.5" \
		'$1 == 16 { tmpfs = $2; p9 = $3 }'
	judge "65536 rules against 16: 1.5" "many > 0 && many <= few * 1.5" \
		'$1 == 16 { few = $3 } $1 == 65536 { many = $3 }'

	step "Bytes of kernel memory for a rule: tmpfs, 9p"
	guest_numbers bench-memory "$patched" "-m 4096" "%5d rules: %4d %4d" ||
		return
	# A fid has 96 bytes.
	judge "memory: 256 bytes and a fid" "p9 > 0 && p9 <= tmpfs + 256 + 96" \
		'{ tmpfs = $2; p9 = $3 }'
}
