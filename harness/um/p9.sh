# SPDX-License-Identifier: GPL-2.0
# Helpers for scripts in the guest: a diod on the loopback, and its mounts.

EXPORT=/run/export
P9_PORT=5640
P9_OPTIONS=trans=tcp,port=$P9_PORT,version=9p2000.L,uname=root,access=user

p9_start() {
	mkdir -p $EXPORT /mnt/p9
	diod -f -n -l 127.0.0.1:$P9_PORT -e $EXPORT -c /dev/null \
		-L /tmp/diod.log </dev/null >/tmp/diod.out 2>&1 &
	diod_pid=$!
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		if (: <>/dev/tcp/127.0.0.1/$P9_PORT) 2>/dev/null; then
			return 0
		fi
		sleep 0.5
	done
	echo "diod does not start: $(cat /tmp/diod.log /tmp/diod.out)" >&2
	return 1
}

p9_stop() { kill "$diod_pid" 2>/dev/null; }

# p9_mount PLACE [OPTIONS]
p9_mount() {
	mkdir -p "$1"
	mount -t 9p -o "$P9_OPTIONS,aname=$EXPORT${2:+,$2}" 127.0.0.1 "$1"
}

p9_umount() { umount "$1"; }

drop_caches() { echo 3 >/proc/sys/vm/drop_caches; }

SYSTEM=/usr:/bin:/lib:/lib64:/etc

# sandboxed PATHS COMMAND...: only the system and PATHS can be read.
sandboxed() {
	local paths=$1

	shift
	LL_FS_RO=$SYSTEM:$paths LL_FS_RW=/dev/null sandboxer "$@" 2>/dev/null
}

# A sandbox that lives until stop_sandbox, with a rule on $1.
live_sandbox() {
	rm -f /tmp/live
	mkfifo /tmp/live
	LL_FS_RO=$SYSTEM:$1 LL_FS_RW=/dev/null sandboxer \
		sh -c 'echo; exec sleep 1000' >/tmp/live 2>/dev/null &
	sandbox_pid=$!
	read -r _ </tmp/live
}

stop_sandbox() {
	kill "$sandbox_pid"
	wait "$sandbox_pid" 2>/dev/null
	return 0
}
