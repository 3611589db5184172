#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The matrix on QEMU's own 9p server (virtio-9p, -virtfs local), with TCG: one
# guest, several exports.  Needs a kernel and an initramfs in build/qemu, and
# root.  Prints plans and cells; logs in build/log/matrix-qemu.
#
# KERNEL=/path/bzImage boots that kernel.

ROOT=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd) || exit

# The mounts are in a namespace of this script, so that they cannot stay.
if [ "$(id -u)" -eq 0 ] && [ -z "${MATRIX_NS-}" ] && unshare -m true; then
	MATRIX_NS=1 exec unshare -m --propagation private "$0" "$@"
fi

for part in lib guest server_side matrix/serve; do
	# shellcheck source=/dev/null
	. "$ROOT/harness/$part.sh"
done

qpid=
mounts=()
shares=()

stop_guest() {
	[ -z "$qpid" ] || kill "$qpid" 2>/dev/null
	wait $qpid 2>/dev/null
	qpid=
}

unmount_exports() {
	local i

	for ((i = ${#mounts[@]} - 1; i >= 0; i--)); do
		umount "${mounts[i]}" 2>/dev/null || umount -l "${mounts[i]}"
	done
}

trap 'stop_guest; unmount_exports; on_exit' EXIT

# mounted PLACE ARGUMENT...: mounts something there until the end.
mounted() {
	local place=$1

	shift
	mkdir -p "$place" && mount "$@" "$place" && mounts+=("$place")
}

new_ext4() {
	truncate -s 64M "$top/$1.img" && mkfs.ext4 -q -F "$top/$1.img" &&
		mounted "$top/$1" -o loop "$top/$1.img"
}

new_tmpfs() { mounted "$1" -t tmpfs -o size=64m tmpfs; }

make_ext4() { new_ext4 ext4; }
make_tmpfs() { new_tmpfs "$top/tmpfs"; }
# Inode numbers are those of an ext4, without generations.
make_overlay() {
	new_ext4 layers && mkdir "$top/layers"/{lower,upper,work} &&
		mounted "$top/overlay" -t overlay -o \
			"lowerdir=$top/layers/lower,upperdir=$top/layers/upper,workdir=$top/layers/work" \
			overlay
}
make_twins_of() {
	new_tmpfs "$top/$1" && new_tmpfs "$top/$1/m1" && new_tmpfs "$top/$1/m2"
}
make_remap() { make_twins_of remap; }
make_warn() { make_twins_of warn; }

# share NAME MULTIDEVS FLAGS...: an export of the guest, if it can be made.
share() {
	local name=$1 multidevs=$2

	shift 2
	if ! "make_$name" >>"$job/exports.log" 2>&1; then
		say "skip	qemu-$name	$(tail -n 1 "$job/exports.log")"
		return
	fi
	shares+=(-virtfs "local,path=$top/$name,mount_tag=$name,security_model=none,multidevs=$multidevs")
	servers+=("qemu-$name $top/$name $name trans=virtio,version=9p2000.L,access=user $*")
}

# Without the rights to read everything, QEMU cannot open a directory of mode
# 0111.  It closes descriptors of the export near the limit.
start_qemu() {
	local arguments="console=ttyS0,115200 panic_on_warn=1 panic=-1 reboot=t"

	arguments+=" oops=panic nokaslr GUEST=matrix${ONLY:+ ONLY=$ONLY}"
	mkfifo "$job/line.in" "$job/line.out" || die "cannot write to $job"
	exec 7<>"$job/line.in" 8<>"$job/line.out"
	(
		ulimit -S -n 1024
		exec setpriv --pdeathsig KILL --inh-caps=-dac_override,-dac_read_search \
			--bounding-set=-dac_override,-dac_read_search \
			qemu-system-x86_64 -M pc \
			-accel tcg,thread=multi -cpu max -smp 2 -m 512 \
			-nodefaults -display none -no-reboot \
			-kernel "$kernel" -initrd "$BUILD/qemu/guest/initramfs.gz" \
			-append "$arguments" \
			-serial "file:$job/console.log" -serial "pipe:$job/line" \
			"${shares[@]}" 7<&- 8<&- 9>&-
	) </dev/null >"$job/qemu.log" 2>&1 &
	qpid=$!
}

kernel=${KERNEL:-$BUILD/qemu/arch/x86/boot/bzImage}
new_job matrix-qemu
for tool in qemu-system-x86_64 setpriv mkfs.ext4; do
	command -v $tool >/dev/null || {
		say "skip	qemu	$tool not found"
		exit 0
	}
done
if [ "$(id -u)" -ne 0 ]; then
	say "skip	qemu	needs root for mounts"
	exit 0
fi
make_tmpdir
top=$tmpdir
chmod 755 "$top"
share ext4 remap generations reclaims
share tmpfs remap reclaims
share overlay remap reclaims
share remap remap twins
share warn warn twins
start_qemu
matrix_serve "$qpid"
status=$?
# The guest resets, QEMU ends.
[ $status -ne 0 ] || timeout 30 tail --pid="$qpid" -f /dev/null
stop_guest
rm -f "$job/line.in" "$job/line.out"
tr -d '\r' <"$job/console.log" | grep -a '^matrix' | sed 's/^/# /'
splat_scan "$job/console.log" >"$job/splats" || status=1
exit $status
