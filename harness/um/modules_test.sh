#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# 9p as modules under a built-in Landlock, in the directory of the selftests:
# modules_test.sh BUILD-DIRECTORY

MODULES="fs/netfs/netfs net/9p/9pnet net/9p/9pnet_fd fs/9p/9p"
build=$1

load() {
	local m

	for m in $MODULES; do
		busybox insmod "$build/$m.ko" || return
	done
}

unload() {
	local m

	for m in 9p 9pnet_fd 9pnet netfs; do
		busybox rmmod $m || return
	done
}

n=0
failed=0
# result NAME COMMAND...
result() {
	local name=$1 verdict=ok

	shift
	n=$((n + 1))
	if ! "$@" >"$name.log" 2>&1; then
		verdict="not ok"
		failed=1
	fi
	echo "$verdict $n $name"
}

echo TAP version 13
echo 1..7
result load load
result fs_9p_life_test ./fs_9p_life_test
# Requests without a reply, killed, with a forced or a lazy unmount.
result fs_9p_hang_test ./fs_9p_hang_test
result fs_9p_stuck_test ./fs_9p_stuck_test
# Rules that were tied to files of the module are gone with their domains, and so
# is what hung.
result unload unload
result load_again load
result unload_unused unload
exit $failed
