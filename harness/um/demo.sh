#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The story of ./run demo, told in the guest: demo.sh DIRECTORY-OF-TESTS

export PATH=$1:$PATH
. "$(dirname "$0")/p9.sh"
cd / || exit
failed=0

# tell TITLE COMMAND EXPECTED: runs the command; EXPECTED is ok or denied.
tell() {
	local output rc mark=✔

	output=$(bash -c "$2" 2>&1)
	rc=$?
	case $3 in
	ok) [ $rc -eq 0 ] || mark=✘ ;;
	denied) [ $rc -ne 0 ] && grep -qE 'denied|cross-device' <<<"$output" || mark=✘ ;;
	esac
	[ $mark = ✔ ] || failed=1
	printf ' %s %s\n     $ %s\n' $mark "$1" "${2//$SYSTEM/\$SYSTEM}"
	grep -v 'Executing the sandboxed' <<<"$output" | grep . | sed 's/^/     /'
}

sandbox() { echo "LL_FS_RO=$SYSTEM:$1 LL_FS_RW=/dev/null sandboxer $2"; }

granted_path() {
	tell "A granted path works" "$(sandbox /mnt/p9/d 'cat /mnt/p9/d/f')" ok
}

sibling() {
	tell "What is beside it is denied" \
		"$(sandbox /mnt/p9/d 'cat /mnt/p9/e/f')" denied
}

# The sandbox says when it is there (8) and waits for the event (7).
rm -f /tmp/event /tmp/ready
mkfifo /tmp/event /tmp/ready
exec 7<>/tmp/event 8<>/tmp/ready
pausing() { echo "sh -c 'echo >&8; read event <&7; $1'"; }

# in_the_meantime COMMAND...: runs it once the next pausing sandbox is there.
in_the_meantime() {
	(
		read -r _ <&8
		"$@"
		echo >&7
	) &
}

dropped_caches() {
	in_the_meantime drop_caches
	tell "The guest drops its caches in the meantime: still works" \
		"$(sandbox /mnt/p9/d "$(pausing 'cat /mnt/p9/d/f')")" ok
}

# diod cannot answer for a file that was moved: the test server can.  It takes
# commands from a pipe and carries them out behind the back of the guest.
server_does() {
	local answer

	echo "$*" >&5
	read -r answer <&6
	[ "$answer" = ok ] && return
	echo "     test server: $*: $answer"
	return 1
}

moved_on_server() {
	command -v p9_demo_server >/dev/null || return 0
	mkdir -p /mnt/held
	mkfifo /tmp/commands /tmp/answers
	p9_demo_server /mnt/held </tmp/commands >/tmp/answers &
	exec 5>/tmp/commands 6</tmp/answers
	if ! read -r _ <&6; then
		failed=1
		return
	fi
	server_does mkdir old
	server_does create old/f hello
	in_the_meantime server_does move old new
	tell "The server moves the granted directory in the meantime: still works" \
		"$(sandbox /mnt/held/old "$(pausing 'cat /mnt/held/new/f')")" ok
	tell "Unmounting, and the server is left without an open file" \
		"umount /mnt/held" ok
	server_does fids 0 || failed=1
	exec 5>&- 6<&-
}

forbidden_rename() {
	tell "A rename that would gain rights (execute, in b) is refused" \
		"restrict rx:/usr rx:/bin rx:/lib rx:/lib64 rx:/etc rwcdm:/mnt x:/mnt/p9/b -- rename.ul /a/ /b/ /mnt/p9/a/f" \
		denied
}

live_umount() {
	live_sandbox /mnt/p9/d
	tell "Unmounting works while a sandbox lives" "umount /mnt/p9" ok
	stop_sandbox
}

p9_start || exit
mkdir -p $EXPORT/d $EXPORT/e $EXPORT/a $EXPORT/b
echo hello >$EXPORT/d/f
echo secret >$EXPORT/e/f
echo text >$EXPORT/a/f
echo
echo "Linux $(uname -r), 9p mount of a diod server on /mnt/p9"
echo "     \$ mount -t 9p -o $P9_OPTIONS,aname=$EXPORT 127.0.0.1 /mnt/p9"
p9_mount /mnt/p9 || exit
echo "     SYSTEM=$SYSTEM"
echo
granted_path
sibling
dropped_caches
moved_on_server
forbidden_rename
live_umount
p9_stop
echo
exit $failed
