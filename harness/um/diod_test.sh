#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Landlock on a 9p mount of diod, a real server: diod_test.sh DIRECTORY-OF-TESTS
#
# Tree on the server:        p9/d/f    in the granted directory
#                            p9/d/sub/g
#                            p9/e/f    its sibling
#                            p9/a/f    to be moved

export PATH=$1:$PATH
. "$(dirname "$0")/p9.sh"
M=/mnt/p9

fresh_tree() {
	rm -rf ${EXPORT:?}/*
	mkdir -p $EXPORT/d/sub $EXPORT/e $EXPORT/a $EXPORT/b
	echo inside >$EXPORT/d/f
	echo deeper >$EXPORT/d/sub/g
	echo secret >$EXPORT/e/f
	printf '#!/bin/sh\necho ran\n' >$EXPORT/a/f
	chmod +x $EXPORT/a/f
}

reads() { [ "$(sandboxed "$1" cat "$2")" = "$3" ]; }
denied() { cat "$2" >/dev/null && ! sandboxed "$1" cat "$2"; }

granted_dir() { reads $M/d $M/d/f inside && reads $M/d $M/d/sub/g deeper; }
granted_file() { reads $M/d/f $M/d/f inside; }
granted_root() { reads $M $M/e/f secret; }
sibling_denied() { denied $M/d $M/e/f; }
sibling_of_file_denied() { denied $M/d/f $M/d/sub/g; }
listing_denied() { ls $M/e >/dev/null && ! sandboxed $M/d ls $M/e; }

# The rule is older than the inode: the caches go while the sandbox runs.
after_drop() {
	drop_and_read $M/d $M/d/f && drop_and_read $M/d $M/d/sub/g &&
		drop_and_read $M/d/f $M/d/f && ! drop_and_read $M/d $M/e/f
}
drop_and_read() {
	rm -f /tmp/ready /tmp/go
	mkfifo /tmp/ready /tmp/go
	LL_FS_RO=$SYSTEM:$1 LL_FS_RW=/dev/null:/tmp sandboxer sh -c \
		'echo >/tmp/ready; read x </tmp/go; cat "$0"' "$2" \
		>/tmp/read.out 2>&1 &
	read -r _ </tmp/ready
	drop_caches
	echo >/tmp/go
	wait $! && [ -s /tmp/read.out ]
}

rewritten_on_server() {
	local rc

	live_sandbox $M/d || return
	echo other >$EXPORT/d/f
	touch $EXPORT/d
	drop_caches
	reads $M/d $M/d/f other
	rc=$?
	stop_sandbox
	echo inside >$EXPORT/d/f
	return $rc
}

# Everything may be done below M, but only what is in b may be executed.
with_rename_rules() {
	restrict rx:/usr rx:/bin rx:/lib rx:/lib64 rx:/etc \
		rwcdm:/mnt x:$M/b -- "$@" 2>/dev/null
}
gain_by_rename() {
	fresh_tree
	! with_rename_rules rename.ul /a/ /b/ $M/a/f && [ -e $EXPORT/a/f ] &&
		[ ! -e $EXPORT/b/f ]
}
gain_by_link() {
	fresh_tree
	! with_rename_rules ln $M/a/f $M/b/g && [ ! -e $EXPORT/b/g ]
}
rename_without_gain() {
	fresh_tree
	with_rename_rules rename.ul /a/f /e/g $M/a/f && [ -e $EXPORT/e/g ] &&
		with_rename_rules rename.ul /e/g /a/f $M/e/g
}
create_in_granted() {
	LL_FS_RO=$SYSTEM LL_FS_RW=/dev/null:$M/d sandboxer sh -c \
		"echo new >$M/d/new && mv $M/d/new $M/d/newer && rm $M/d/newer" \
		2>/dev/null
}
create_beside_denied() {
	! LL_FS_RO=$SYSTEM LL_FS_RW=/dev/null:$M/d sandboxer sh -c \
		"echo new >$M/e/new" 2>/dev/null && [ ! -e $EXPORT/e/new ]
}

umount_live() {
	live_sandbox $M/d && umount $M && ! mountpoint -q $M
}
remount() {
	p9_mount $M && reads $M/d $M/d/f inside && denied $M/d $M/e/f &&
		stop_sandbox
}

cache_mode() {
	umount $M && p9_mount $M "cache=$1" && granted_dir && granted_file &&
		sibling_denied && after_drop
}
cache_mmap() { cache_mode mmap; }
cache_readahead() { cache_mode readahead; }
cache_loose() { cache_mode loose; }
cache_none_qid() { cache_mode none,inodeident=qid; }

# Marks a file until unmark; the events come by descriptor 6.
mark() {
	rm -f /tmp/marked /tmp/events
	mkfifo /tmp/marked /tmp/events
	exec 6<>/tmp/events
	inotifywait -m -e modify --format %e "$1" >/tmp/events 2>/tmp/marked &
	mark_pid=$!
	exec 5</tmp/marked
	until read -r line <&5 && [ "$line" = "Watches established." ]; do
		kill -0 $mark_pid || return
	done
}
unmark() {
	kill $mark_pid
	wait $mark_pid 2>/dev/null
	exec 5<&- 6<&-
}

# event FILE COMMAND...: a mark on the file sees what is written by the command
# after all that is cached is gone.
event() {
	local rc what

	mark "$1" || return
	shift
	drop_caches
	"$@" && read -r -t 20 what <&6 && [ "$what" = MODIFY ]
	rc=$?
	unmark
	return $rc
}
append() { echo more >>$M/e/f; }
append_moved() { mv $M/e $M/g && drop_caches && echo more >>$M/g/f && mv $M/g $M/e; }
marks_survive() {
	umount $M && p9_mount $M && event $M/e/f append &&
		event $M/e/f append_moved
}

# The inode is the same one; what it has is not.
content_of_marked() {
	local rc

	umount $M && p9_mount $M "cache=$1" && mark $M/d/f || return
	grep -q . $M/d/f && drop_caches &&
		seq 10000 >$EXPORT/d/f && cmp $EXPORT/d/f $M/d/f &&
		echo less >$EXPORT/d/f && cmp $EXPORT/d/f $M/d/f &&
		seq 5000 >$EXPORT/d/f && cmp $EXPORT/d/f $M/d/f
	rc=$?
	unmark
	return $rc
}
content_none() { content_of_marked none; }
content_readahead() { content_of_marked readahead; }
content_mmap() { content_of_marked mmap; }
mounted() { mountpoint -q $M; }

# The example of Documentation/userspace-api/landlock.rst: writes below a path.
example() {
	fresh_tree
	umount $M && p9_mount $M &&
		doc_example $M/d sh -c "echo new >$M/d/new && cat $M/e/f" &&
		[ "$(cat $EXPORT/d/new)" = new ] &&
		! doc_example $M/d sh -c "echo new >$M/e/new" &&
		[ ! -e $EXPORT/e/new ]
}

# What cannot be pinned is refused if it must be.
sandboxer_pinned() {
	local said

	mkfifo $EXPORT/d/fifo
	LL_PINNED=1 reads $M/d $M/d/f inside &&
		LL_PINNED=1 reads $M/d/f $M/d/f inside || return
	said=$(LL_PINNED=1 LL_FS_RO=$SYSTEM:$M/d/fifo LL_FS_RW=/dev/null \
		sandboxer true 2>&1) && return 1
	rm $EXPORT/d/fifo
	case $said in
	*"Failed to update the ruleset with \"$M/d/fifo\""*) ;;
	*) echo "$said"; return 1 ;;
	esac
}

check_says() {
	landlock-9p-check "$1" >/tmp/check.out
	echo "exit $?" >>/tmp/check.out
	cat /tmp/check.out
	[ "$(tail -n 2 /tmp/check.out)" = "verdict: $2
exit 0" ] && [ -z "$(find $EXPORT -name '*landlock*')" ]
}
# diod 1.0.24 answers for a pinned file by its path: once the bound is over, what
# was renamed is lost.
check_holds() {
	umount $M && p9_mount $M freshness=3600000 &&
		check_says $M/d holds && grep -q '^cache *none' /tmp/check.out &&
		umount $M && p9_mount $M cache=loose && check_says $M/d holds &&
		umount $M && p9_mount $M && check_says /tmp holds
}

# Where nothing can be read, nothing is seen to hold: in a sandbox of its own.
check_is_unsure() {
	local x s=

	for x in ${SYSTEM//:/ } ${PATH%%:*} /proc; do
		s="$s rx:$x"
	done
	# shellcheck disable=SC2086 # Words.
	restrict $s w:/dev/null rw:/tmp lxwcdm:$M -- \
		landlock-9p-check $M/d >/tmp/check.out
	echo "exit $?" >>/tmp/check.out
	cat /tmp/check.out
	[ "$(tail -n 2 /tmp/check.out)" = "verdict: unsupported
exit 3" ] &&
		[ -z "$(find $EXPORT -name '*landlock*')" ]
}

TESTS="mounted granted_dir granted_file granted_root sibling_denied
	sibling_of_file_denied listing_denied after_drop rewritten_on_server
	gain_by_rename gain_by_link rename_without_gain create_in_granted
	create_beside_denied umount_live remount cache_mmap cache_readahead
	cache_loose cache_none_qid marks_survive content_none
	content_readahead content_mmap example sandboxer_pinned
	check_holds check_is_unsure"

p9_start || exit
fresh_tree
p9_mount $M || exit
n=0
echo "KTAP version 1"
# shellcheck disable=SC2086
echo "1..$(set -- $TESTS; echo $#)"
for t in $TESTS; do
	n=$((n + 1))
	if $t >/tmp/test.out 2>&1; then
		echo "ok $n $t"
	else
		sed 's/^/# /' /tmp/test.out
		echo "not ok $n $t"
	fi
done
umount $M
p9_stop
exit 0
