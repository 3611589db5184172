#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Exercises 9p mounts of diod with stress-ng and fio, by numbers of operations,
# and writes KTAP: stress.sh [TEST...] runs only these.  What fails on a stock
# kernel too (e.g. what the server does not have) is for the caller to compare.

. "$(dirname "$0")/p9.sh"
only=" $* "
M=/mnt/p9
LOG=../stress.log

# Stressor and number of operations, which are slow with KASAN.
STRESSORS="access 20  chmod 20  chown 100  dir 60  dirdeep 4  dirmany 20
	flock 20  fstat 20  getdent 10  hdd 10  inotify 2  lockf 20  open 20
	readahead 4  rename 100  seek 20  touch 60  utime 40"

stress() {
	local size=

	case $1 in
	hdd | readahead) size="--$1-bytes 1m" ;;
	seek) size="--seek-size 1m" ;;
	esac
	# shellcheck disable=SC2086 # Words.
	timeout -k 5 60 stress-ng --temp-path $M --verify --seed 9 \
		--"$1" 2 --"$1"-ops "$2" $size
}

# verify ENGINE PATTERN: writes with checksums, reads back, and once more after
# what is cached is gone.
verify() {
	local job="--name=job --directory=$M --filename=fio.data --size=2m
		--bs=4k --ioengine=$1 --rw=$2 --verify=crc32c --verify_fatal=1
		--randseed=9 --fallocate=none --output-format=terse"

	# shellcheck disable=SC2086 # Words.
	fio $job --do_verify=1 && drop_caches && fio $job --verify_only
}

# run NAME COMMAND...
run() {
	local name=$1 rc

	case $only in
	*" $name "* | "  ") ;;
	*) return ;;
	esac
	shift
	n=$((n + 1))
	echo "# $name" >>$LOG
	if "$@" >>$LOG 2>&1; then
		echo "ok $n $name"
	else
		rc=$?
		echo "not ok $n $name # exit $rc"
	fi
}

p9_start || exit
n=0
for cache in none mmap; do
	rm -rf ${EXPORT:?}/*
	chmod 1777 $EXPORT
	p9_mount $M cache=$cache || exit
	# shellcheck disable=SC2086 # Words.
	set -- $STRESSORS
	while [ $# -gt 0 ]; do
		run "$cache.$1" stress "$1" "$2"
		shift 2
	done
	for engine in sync mmap; do
		for pattern in write randwrite; do
			run "$cache.fio-$engine-$pattern" verify $engine $pattern
		done
	done
	umount $M || exit
done
p9_stop
echo "1..$n"
