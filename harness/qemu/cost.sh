# SPDX-License-Identifier: GPL-2.0
# Costs in instructions: QEMU's clock counts them, one nanosecond each.
# Needs harness/qemu/build.sh and a kernel in $BUILD/qemu.

COST_SECONDS=600

# bench_guest JOB KERNEL-OUT GUEST-OUT COMMAND: runs COMMAND in a guest with one
# CPU; its output is in $job/output.
bench_guest() {
	new_job "$1"
	timeout -k 10 "$COST_SECONDS" setpriv --pdeathsig KILL \
		qemu-system-x86_64 -M pc -accel tcg -cpu max -smp 1 -m 2048 \
		-icount shift=0,sleep=off -nodefaults -display none -no-reboot \
		-kernel "$2/arch/x86/boot/bzImage" \
		-initrd "$3/initramfs.gz" \
		-append "console=ttyS0,115200 panic_on_warn=1 panic=-1 oops=panic reboot=t nokaslr BENCH=\"$4\"" \
		-serial "file:$job/console.log" -serial "file:$job/output" \
		</dev/null >"$job/qemu.log" 2>&1 9>&- &
	helper_pid=$!
	wait "$helper_pid"
	helper_pid=
	tr -d '\r' <"$job/output" | grep -qx 'exit 0' &&
		splat_scan "$job/console.log" >"$job/splats"
}

bench() {
	bench_guest "$1" "$BUILD/qemu" "$BUILD/qemu/guest" "$2"
}

# The rename of a directory costs the same with 10 as with 10,000 remembered
# inodes below: within 5 %.
cost_rename() {
	if ! bench cost-rename "rename_bench 10 10000"; then
		record fail qemu "cost of a rename" "see build/log/cost-rename"
		return
	fi
	tr -d '\r' <"$job/output" |
		awk '$1 ~ /^[0-9]/ { print "    " $2 " instructions, " $1 " files below" }'
	if tr -d '\r' <"$job/output" | awk '
		$1 == 10 { few = $2 }
		$1 == 10000 { many = $2 }
		END { exit !(few > 0 && many <= few * 1.05 && many >= few * 0.95) }'
	then
		record pass qemu "cost of a rename"
	else
		record fail qemu "cost of a rename" "not within 5 %"
	fi
}

# What a sandbox adds to open(), ten directories below the rule: on 9p at most half
# as much again as on tmpfs, and with many rules as with few.
cost_open() {
	if ! bench cost-open "fs_9p_open_bench 16 4096"; then
		record fail qemu "cost of open()" "see build/log/cost-open"
		return
	fi
	tr -d '\r' <"$job/output" |
		awk '$1 ~ /^[0-9]/ {
			print "    " $3 " instructions on 9p, " $2 " on tmpfs, " $1 " rules"
		}'
	if tr -d '\r' <"$job/output" | awk '
		$1 == 16 { tmpfs = $2; few = $3 }
		$1 == 4096 { many = $3 }
		END { exit !(few > 0 && many > 0 && few <= tmpfs * 1.5 &&
			many <= few * 1.5) }'
	then
		record pass qemu "cost of open()"
	else
		record fail qemu "cost of open()" "more than 1.5 times"
	fi
}
