#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# First process of a User-Mode Linux guest.  The root is the host's, read-only;
# only $JOB is written to.  Runs $JOB/command and leaves its exit status, and
# that of the leak scan, in $JOB/status.

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root TERM=${TERM:-linux} LC_ALL=C.UTF-8

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t debugfs debugfs /sys/kernel/debug
mount -t tracefs tracefs /sys/kernel/tracing
mount -t securityfs securityfs /sys/kernel/security
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
ln -sf /proc/self/fd /dev/fd

# Writable places; the repository may be below one of them.
top=${JOB%/build/log/*}
for dir in /tmp /run /mnt; do
	mount -t tmpfs tmpfs $dir
done
if [ ! -d "$top" ]; then
	mkdir -p "$top"
	mount -t hostfs -o "$top" none "$top"
fi
mount -t hostfs -o "$JOB" none "$JOB"
busybox ip link set lo up
# Not the name of the host.
busybox hostname guest

# kmemleak reports only what is older than five seconds.
leaks() {
	local leak=/sys/kernel/debug/kmemleak

	[ -w $leak ] || return 0
	sleep 6
	echo scan >$leak
	sleep 1
	echo scan >$leak
	cat $leak >"$JOB/kmemleak"
	[ -s "$JOB/kmemleak" ] || return 0
	cat "$JOB/kmemleak"
	return 1
}

cd "$JOB/work" || busybox poweroff -f
if [ -n "$SHELL_GUEST" ]; then
	eval "setsid -c $(cat "$JOB/command")" <>/dev/tty0 >&0 2>&1
	status=$?
else
	stty -F /dev/tty1 -opost
	eval "setsid -w $(cat "$JOB/command")" </dev/null >/dev/tty1 2>&1
	status=$?
	[ -n "$NO_LEAK_SCAN" ] || leaks || status=1
fi
cd / || exit
dmesg >"$JOB/dmesg"
echo "$status" >"$JOB/status"
sync
busybox poweroff -f
