# SPDX-License-Identifier: GPL-2.0
# Builds: User-Mode Linux kernels, the selftests, the sample.

kmake() {
	make -j"$JOBS" CC="ccache gcc" HOSTCC="ccache gcc" "$@"
}

# um_configure SOURCE OUT FRAGMENT [MAKE-ARGUMENT...]: OUT/.config from the
# fragment alone, unless it is that already.  A name that does not survive is
# an error.
um_configure() {
	local src=$1 out=$2 all=$2/harness.config fragment=$3 name lost

	shift 3
	mkdir -p "$out"
	cp "$fragment" "$all.new"
	say "# source: $src $(cat "$BUILD/linux.origin")" >>"$all.new"
	if cmp -s "$all.new" "$all" && [ -f "$out/.config" ]; then
		rm "$all.new"
		return
	fi
	rm -f "$all"
	quietly "configuration" "$LOG/${out##*/}-config.log" '' '' \
		make -C "$src" ARCH=um O="$out" CC="ccache gcc" "$@" \
		KCONFIG_ALLCONFIG="$all.new" allnoconfig
	lost=
	for name in $(sed -n 's/^\(CONFIG_[A-Z0-9_]*\)=[^n].*/\1/p' "$all.new"); do
		grep -q "^$name=" "$out/.config" || lost="$lost $name"
	done
	[ -z "$lost" ] || die "options that the configuration lost:$lost"
	mv "$all.new" "$all"
}

# um_build SOURCE OUT LABEL [FRAGMENT]
um_build() {
	local src=$1 out=$2 label=$3 fragment=${4:-$ROOT/harness/um/config}

	need_space 3
	um_configure "$src" "$out" "$fragment"
	quietly "$label" "$LOG/${out##*/}-build.log" '^  (CC|LD|AS|AR) ' 1500 \
		kmake -C "$src" ARCH=um O="$out"
	[ -x "$out/vmlinux" ] || die "$out/vmlinux was not made"
}

# Builds of later suites, made while tests run: a guest uses one CPU only.
ahead_pid=

# build_ahead NAME...: begins build_NAME, in this order, behind everything else.
build_ahead() {
	local name

	[ -z "$ahead_pid" ] && [ $# -gt 0 ] || return 0
	make_tmpdir
	# A process group of its own, which stop_ahead can end.
	set -m
	(
		renice -n 19 -p "$BASHPID"
		for name; do
			"build_$name"
			: >"$tmpdir/ahead-$name"
		done
	) </dev/null >"$LOG/ahead.log" 2>&1 &
	ahead_pid=$!
	set +m
}

stop_ahead() {
	[ -z "$ahead_pid" ] || kill -- "-$ahead_pid" 2>/dev/null
	ahead_pid=
}

wait_ahead() {
	while [ ! -e "$tmpdir/ahead-$1" ] && kill -0 "$ahead_pid" 2>/dev/null; do
		sleep 1
	done
}

# built_ahead NAME: waits for it.  If it failed, then so will build_NAME.
built_ahead() {
	[ -z "$ahead_pid" ] || [ -e "$tmpdir/ahead-$1" ] ||
		quietly "rest of a build begun before ($1)" "$LOG/ahead-$1.log" \
			'' '' wait_ahead "$1"
}

build_um() {
	um_build "$BUILD/tree" "$BUILD/um" "patched kernel (User-Mode Linux)"
}

# 9p as modules.
build_um_modules() {
	built_ahead um_modules
	make_tmpdir
	{
		sed -E 's/^(CONFIG_(NET_9P|NET_9P_FD|9P_FS|NETFS_SUPPORT))=y/\1=m/' \
			"$ROOT/harness/um/config"
		say CONFIG_MODULES=y
		say CONFIG_MODULE_UNLOAD=y
	} >"$tmpdir/config"
	um_build "$BUILD/tree" "$BUILD/um-modules" "patched kernel, 9p as modules" \
		"$tmpdir/config"
}

# Without the checks, which are for the series and take half of the build.
build_um_stock() {
	built_ahead um_stock
	make_tmpdir
	sed -E '/^CONFIG_(KASAN|PROVE|DEBUG_(ATOMIC|KMEMLEAK|LIST|SPINLOCK|OBJECTS|VFS))/d' \
		"$ROOT/harness/um/config" >"$tmpdir/config-stock"
	um_build "$BUILD/linux" "$BUILD/um-stock" "stock kernel (User-Mode Linux)" \
		"$tmpdir/config-stock"
}

build_qemu() {
	built_ahead qemu
	qemu_build "$BUILD/tree" "$BUILD/qemu" "patched kernel (x86)"
}

# The in-test server as a command, for the demo.
make_demo_server() {
	local tests=$1/tools/testing/selftests/landlock out=$2

	[ -f "$tests/p9_server.c" ] || return 0
	# shellcheck disable=SC2046 # Words.
	ccache gcc -Wall -O2 -isystem "$out/headers/usr/include" -I"$tests" \
		-I"$1/tools/testing/selftests" -o "$out/p9_demo_server" \
		"$ROOT/harness/um/p9_demo_server.c" \
		$(find "$tests" -name 'p9_server*.c' ! -name '*_test.c') -lcap -lpthread
}

make_check() {
	local src=$1/samples/landlock/landlock-9p-check.c

	[ ! -f "$src" ] || ccache gcc -Wall -O2 -static \
		-isystem "$2/headers/usr/include" -o "$2/landlock-9p-check" "$src"
}

# The example of the documentation, as it stands there.
make_example() {
	! grep -q '^Network and shared filesystems$' \
		"$1/Documentation/userspace-api/landlock.rst" ||
		"$ROOT/harness/doc_example.sh" "$1" "$2/headers/usr/include" \
			"$2/doc_example"
}

# What a tree does not have is left out: a stock one has no tests of 9p.
make_selftests() {
	local src=$1 out=$2 d

	kmake -C "$src" ARCH=x86 O="$out/headers" headers_install || return
	for d in landlock filesystems/9p; do
		[ ! -f "$src/tools/testing/selftests/$d/Makefile" ] ||
			kmake -C "$src/tools/testing/selftests/$d" OUTPUT="$out" \
				KHDR_INCLUDES="-isystem $out/headers/usr/include" all ||
			return
	done
	ccache gcc -Wall -O2 -isystem "$out/headers/usr/include" \
		-o "$out/sandboxer" "$src/samples/landlock/sandboxer.c" &&
		make_check "$src" "$out" && make_example "$src" "$out" &&
		gcc -Wall -Wextra -O2 -isystem "$out/headers/usr/include" \
			-o "$out/restrict" "$ROOT/harness/um/restrict.c" &&
		make_demo_server "$src" "$out"
}

# build_selftests SOURCE OUT LABEL: tests and samples, anew if sources changed.
build_selftests() {
	local src=$1 out=$2 sums

	sums=$(cd "$src" && find tools/testing/selftests/landlock samples/landlock \
		tools/testing/selftests/filesystems tools/testing/selftests/*.h \
		include/uapi Documentation/userspace-api/landlock.rst \
		"$ROOT"/harness/um/*.c "$ROOT/harness/doc_example.sh" -type f -exec sha256sum {} + |
		sort | sha256sum)
	[ "$sums" != "$(cat "$out/sums" 2>/dev/null)" ] || return 0
	mkdir -p "$out"
	rm -f "$out/sums"
	quietly "$3" "$LOG/${out##*/}-build.log" '' '' make_selftests "$src" "$out"
	say "$sums" >"$out/sums"
}

build_tests() {
	build_selftests "$BUILD/tree" "$BUILD/selftests" "selftests"
}

build_tests_stock() {
	build_selftests "$BUILD/linux" "$BUILD/selftests-stock" "stock selftests"
}
