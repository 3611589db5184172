#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Landlock on QEMU's own 9p server (virtio-9p, -virtfs local), with TCG.
#
# usage: test.sh [--stock] [FILESYSTEM.MODEL...]
#
# Boots the patched kernel once for each filesystem of the export (ext4, tmpfs)
# and security model (none, mapped-xattr).  guest_9p, in the guest, is the test;
# this script does what it asks for on the host's side of the export, over a
# serial line, in step.  KTAP on stdout, progress on stderr, logs in
# build/log/qemu.  Exit status 0 if nothing failed; with --stock, an unpatched
# kernel, 0 if something did, as it should.
#
# KERNEL=/path/bzImage boots that kernel; QEMU_TREE=/tree and QEMU_OUT=/dir build
# another tree elsewhere; CACHES=none,mmap,loose the modes; QEMU_EXTRA=... adds
# arguments; ONLY=TEXT runs cases whose names have this text.

ROOT=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd) || exit

# Root's mounts are in a namespace of this script, so that they cannot stay.
if [ "$(id -u)" -eq 0 ] && [ -z "${QEMU_TEST_NS-}" ] && unshare -m true; then
	QEMU_TEST_NS=1 exec unshare -m --propagation private "$0" "$@"
fi

for part in lib source build guest server_side qemu/build; do
	# shellcheck source=/dev/null
	. "$ROOT/harness/$part.sh"
done

# Limits of a guest, in seconds of a machine that may be busy.
CASE_SECONDS=120
GUEST_SECONDS=900
MODELS="none mapped-xattr"
FILESYSTEMS="ext4 tmpfs"

qpid=
flip_pid=
hold_pid=
held=0
mounts=()
count=0
failed=0
skipped=0

stop_guest() {
	release
	[ -z "$flip_pid" ] || kill "$flip_pid" 2>/dev/null
	[ -z "$qpid" ] || kill "$qpid" 2>/dev/null
	wait $flip_pid $qpid 2>/dev/null
	flip_pid=
	qpid=
}

unmount_exports() {
	local m

	for m in "${mounts[@]}"; do
		umount "$m" 2>/dev/null || umount -l "$m"
	done
	mounts=()
}

trap 'stop_guest; unmount_exports; on_exit' EXIT

# result VERDICT NAME [WHY]; VERDICT is ok, not or skip.
result() {
	local why=${3:+ # $3}

	count=$((count + 1))
	case $1 in
	ok) say "ok $count $2" ;;
	skip)
		skipped=$((skipped + 1))
		say "ok $count $2 # SKIP ${3-}"
		;;
	*)
		failed=$((failed + 1))
		say "not ok $count $2$why"
		;;
	esac
}

# The host's side

# Descriptors of QEMU in the export, also of files that are deleted.
export_fds() { find "/proc/$qpid/fd" -lname "$export*" 2>/dev/null | wc -l; }

# Waits until there are at most $1, if not 0; prints how many there are.
wait_fds() {
	local n i

	for i in {1..200}; do
		n=$(export_fds)
		if [ "$1" -eq 0 ] || [ "$n" -le "$1" ]; then
			break
		fi
		sleep 0.05
	done
	say "$n"
}

flip() {
	local i

	for ((i = 0; i < $2; i++)); do
		mv "$1" "$1.away" && mv "$1.away" "$1" || return
	done
}

# hold FILE: QEMU waits when it opens this file; false if that is not possible.
hold() {
	local word=

	release
	mkfifo "$job/held" || return
	"$programs/hold_open" "$1" >"$job/held" 2>>"$job/host.log" 9>&- &
	hold_pid=$!
	held=0
	exec 6<"$job/held"
	read -r -t "$CASE_SECONDS" word <&6
	[ "$word" = ready ]
}

# wait_held N: until QEMU waits for the Nth time.
wait_held() {
	local word

	while [ "$held" -lt "$1" ]; do
		read -r -t "$CASE_SECONDS" word <&6 || return
		held=$((held + 1))
	done
}

release() {
	[ -n "$hold_pid" ] || return 0
	kill "$hold_pid" 2>/dev/null
	wait "$hold_pid" 2>/dev/null
	hold_pid=
	exec 6<&-
	rm -f "$job/held"
}

# host_do VERB CASE A B: does it and answers.
host_do() {
	local answer=

	case $1 in
	hold)
		hold "$export/$2/$3"
		answer=$((! $?))
		;;
	held)
		wait_held "$3" || {
			say no >&7
			return
		}
		;;
	release) release ;;
	flip)
		if [ -z "$flip_pid" ] || ! kill -0 "$flip_pid" 2>/dev/null; then
			flip "$export/$2/$3" "$4" 9>&- &
			flip_pid=$!
		fi
		;;
	flipped)
		[ -z "$flip_pid" ] || wait "$flip_pid"
		flip_pid=
		;;
	*)
		answer=$(do_verb "$@" 2>>"$job/host.log") || {
			say no >&7
			return
		}
		;;
	esac
	say "ok $answer" >&7
}

# Exports

make_ext4() {
	if [ "$(id -u)" -ne 0 ]; then
		reason="needs root for a loop mount"
	elif ! command -v mkfs.ext4 >/dev/null; then
		reason="mkfs.ext4 not found"
	elif ! [ -e /dev/loop-control ]; then
		reason="no loop devices"
	elif ! truncate -s 64M "$image" 2>"$job/mkfs.log" ||
		! mkfs.ext4 -q -F "$image" 2>>"$job/mkfs.log" ||
		! mount -o loop "$image" "$export" 2>>"$job/mkfs.log"; then
		reason="no ext4 loop mount: $(tail -n 1 "$job/mkfs.log")"
	else
		mounts+=("$export")
		return 0
	fi
	return 1
}

make_tmpfs() {
	if [ "$(id -u)" -eq 0 ]; then
		mount -t tmpfs -o size=64m tmpfs "$export" && mounts+=("$export") &&
			return
		reason="no tmpfs mount"
	elif [ "$(stat -f -c %T /dev/shm 2>/dev/null)" = tmpfs ]; then
		export=$(mktemp -d /dev/shm/landlock-9p.XXXXXX) &&
			cleanup_dirs+=("$export") && return
		reason="cannot write to /dev/shm"
	else
		reason="needs root to mount a tmpfs"
	fi
	return 1
}

# The guest

start_qemu() {
	local fs=$1 model=$2 arguments

	arguments="console=ttyS0,115200 panic_on_warn=1 panic=-1 reboot=t"
	arguments+=" oops=panic nokaslr CACHES=${CACHES:-none,mmap,loose}"
	[ "$fs" != ext4 ] || arguments+=" RECYCLES=1"
	[ -z "${ONLY-}" ] || arguments+=" ONLY=$ONLY"
	mkfifo "$job/line.in" "$job/line.out" || die "cannot write to $job"
	exec 7<>"$job/line.in" 8<>"$job/line.out"
	(
		# QEMU closes descriptors of the export near this limit.
		ulimit -S -n 1024
		# shellcheck disable=SC2086 # QEMU_EXTRA is a list of words.
		exec setpriv --pdeathsig KILL qemu-system-x86_64 -M pc \
			-accel tcg,thread=multi -cpu max -smp 2 -m 512 \
			-nodefaults -display none -no-reboot \
			-kernel "$kernel" -initrd "$programs/initramfs.gz" \
			-append "$arguments" \
			-serial "file:$job/console.log" -serial "pipe:$job/line" \
			-virtfs "local,path=$export,mount_tag=p9,security_model=$model,multidevs=remap" \
			${QEMU_EXTRA-} \
			7<&- 8<&- 9>&-
	) </dev/null >"$job/qemu.log" 2>&1 &
	qpid=$!
}

# serve NAME: does what the guest asks until it ends; prints results.
serve() {
	local name=$1 line='' part first second rest rc last=$SECONDS
	local start=$SECONDS c planned=()
	local -A done_=()
	local args

	end=
	while :; do
		IFS= read -r -t 1 -u 8 part
		rc=$?
		line+=$part
		if [ $rc -ne 0 ]; then
			if ! kill -0 "$qpid" 2>/dev/null; then
				end=${end:-the guest died}
				break
			elif [ $((SECONDS - last)) -gt $CASE_SECONDS ]; then
				end="no word from the guest for $CASE_SECONDS s"
				break
			elif [ $((SECONDS - start)) -gt $GUEST_SECONDS ]; then
				end="guest stopped after $GUEST_SECONDS s"
				break
			fi
			continue
		fi
		last=$SECONDS
		read -r first second rest <<<"$line"
		line=
		case $first in
		plan) planned+=("$second") ;;
		do)
			read -r -a args <<<"$rest"
			host_do "$second" "${args[0]-}" "${args[1]-}" "${args[2]-}"
			;;
		ok | not | skip)
			done_[$second]=1
			result "$first" "$name.$second" "${rest#\# }"
			;;
		end)
			end=ended
			# The guest resets, QEMU ends.
			timeout 30 tail --pid="$qpid" -f /dev/null
			break
			;;
		esac
	done
	for c in "${planned[@]}"; do
		[ -n "${done_[$c]-}" ] || result not "$name.$c" "$end"
	done
	[ ${#planned[@]} -gt 0 ] || result not "$name.boot" "$end"
}

# run_guest FILESYSTEM MODEL
run_guest() {
	local name=qemu.$1.$2 start=$SECONDS reason=

	job=$LOG/qemu/$stock$1.$2
	rm -rf "$job"
	mkdir -p "$job" || die "cannot write to $job"
	make_tmpdir
	image=$tmpdir/$1.$2.img
	export=$tmpdir/$1.$2
	mkdir "$export" || die "cannot write to $tmpdir"
	if ! "make_$1"; then
		result skip "$name" "$reason"
		return
	fi
	start_qemu "$1" "$2"
	serve "$name"
	stop_guest
	exec 7<&- 8<&-
	rm -f "$job/line.in" "$job/line.out"
	if [ "$end" = ended ] && splat_scan "$job/console.log" >"$job/splats"; then
		result ok "$name.no_splat"
	else
		result not "$name.no_splat" "$(head -n 1 "$job/splats" |
			tr -d '\r#' | grep . || say "$end"), see ${job#"$ROOT"/}"
	fi
	unmount_exports
	rm -f "$image"
	say "# $name: $((SECONDS - start)) s"
}

stock=
selected=
for argument; do
	case $argument in
	--stock) stock=stock- ;;
	ext4.* | tmpfs.*) selected+=" $argument" ;;
	*) die "unknown argument $argument, see the top of $0" ;;
	esac
done

say "KTAP version 1"
for tool in qemu-system-x86_64 setpriv; do
	command -v $tool >/dev/null || {
		say "1..0 # SKIP $tool not found"
		exit 4
	}
done
tree=${QEMU_TREE:-$BUILD/${stock:+linux}}
[ -n "${QEMU_TREE-}${stock}" ] || tree=$BUILD/tree
out=${QEMU_OUT:-$BUILD/qemu${stock:+-stock}}
programs=$out/guest
[ -f "$tree/Makefile" ] || die "no kernel source in $tree: ./run tree makes it"
kernel=${KERNEL-}
if [ -z "$kernel" ]; then
	qemu_build "$tree" "$out" "${stock:-patched }kernel (x86)" >&2
	kernel=$out/arch/x86/boot/bzImage
fi
[ -r "$kernel" ] || die "KERNEL=$kernel is not readable"
qemu_initramfs "$tree" "$programs" >&2

for fs in $FILESYSTEMS; do
	for model in $MODELS; do
		case ${selected:- $fs.$model} in
		*" $fs.$model"*) ;;
		*) continue ;;
		esac
		run_guest "$fs" "$model"
	done
done
say "1..$count"
say "# $((count - failed - skipped)) passed, $failed failed, $skipped skipped"
if [ -n "$stock" ]; then
	[ "$failed" -gt 0 ] || die "the stock kernel must fail"
	exit 0
fi
[ "$failed" -eq 0 ]
