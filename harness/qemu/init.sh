#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# First process of a QEMU guest: everything is in the initramfs.

/bin/busybox --install -s /bin
export PATH=/bin
mount -t devtmpfs devtmpfs /dev
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tracefs tracefs /sys/kernel/tracing
mount -t tmpfs tmpfs /tmp
exec </dev/console >/dev/console 2>&1
ulimit -n 4096
if [ -n "$BENCH" ]; then
	$BENCH >/dev/ttyS1
	echo "exit $?" >/dev/ttyS1
else
	${GUEST:-guest_9p} </dev/ttyS1 >/dev/ttyS1
	echo "${GUEST:-guest_9p}: exit $?"
fi
# Seen by the script on the host as the end of QEMU (-no-reboot).
reboot -f
