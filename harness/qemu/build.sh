# SPDX-License-Identifier: GPL-2.0
# Builds what QEMU boots: an x86 kernel, and an initramfs of busybox, the
# sample and guest_9p.  Needs harness/lib.sh and harness/build.sh.

# qemu_configure SOURCE OUT FRAGMENT: OUT/.config, unless it is that already.
qemu_configure() {
	local src=$1 out=$2 fragment=$3 all=$2/harness.config name lost=

	mkdir -p "$out"
	{
		cat "$fragment"
		say "# source: $src $(tree_version "$src")"
	} >"$all.new"
	if cmp -s "$all.new" "$all" && [ -f "$out/.config" ]; then
		rm "$all.new"
		return
	fi
	rm -f "$all"
	quietly "configuration" "$LOG/${out##*/}-config.log" '' '' \
		make -C "$src" ARCH=x86 O="$out" CC="ccache gcc" \
		KCONFIG_ALLCONFIG="$all.new" allnoconfig
	for name in $(sed -n 's/^\(CONFIG_[A-Z0-9_]*\)=[^n].*/\1/p' "$all.new"); do
		grep -q "^$name=" "$out/.config" || lost="$lost $name"
	done
	[ -z "$lost" ] || die "options that the configuration lost:$lost"
	mv "$all.new" "$all"
}

# qemu_build SOURCE OUT LABEL [FRAGMENT]: OUT/arch/x86/boot/bzImage
qemu_build() {
	local src=$1 out=$2

	need_space 3
	qemu_configure "$src" "$out" "${4:-$ROOT/harness/qemu/config}"
	quietly "$3" "$LOG/${out##*/}-build.log" '^  (CC|LD|AS|AR) ' 1800 \
		kmake -C "$src" ARCH=x86 O="$out" bzImage
	[ -f "$out/arch/x86/boot/bzImage" ] || die "$out: no bzImage was made"
}

# make_matrix_guest OUT: OUT/matrix, with the headers that are there.
make_matrix_guest() {
	ccache gcc -static -O2 -Wall -Wextra \
		-isystem "$1/headers/usr/include" \
		-o "$1/matrix" "$ROOT/harness/matrix/guest.c"
}

make_programs() {
	local src=$1 out=$2

	kmake -C "$src" ARCH=x86 O="$out/headers" headers_install &&
		ccache gcc -static -O2 -Wall -Wextra -pthread \
			-isystem "$out/headers/usr/include" \
			-o "$out/guest_9p" "$ROOT/harness/qemu/guest_9p.c" &&
		ccache gcc -static -O2 -Wall -Wextra -o "$out/hold_open" \
			"$ROOT/harness/qemu/hold_open.c" &&
		make_matrix_guest "$out" &&
		ccache gcc -static -O2 -Wall \
			-isystem "$out/headers/usr/include" \
			-o "$out/sandboxer" "$src/samples/landlock/sandboxer.c" &&
		make_benches "$src/tools/testing/selftests" "$out"
}

# With the in-test server.
make_benches() {
	local tests=$1/landlock out=$2 bench

	for bench in filesystems/9p/rename_bench landlock/fs_9p_open_bench; do
		[ -f "$1/$bench.c" ] || continue
		# shellcheck disable=SC2046 # Words.
		ccache gcc -static -O2 -Wall -D_GNU_SOURCE= -pthread -I"$tests" \
			-isystem "$out/headers/usr/include" \
			-o "$out/${bench##*/}" "$1/$bench.c" \
			$(find "$tests" -name 'p9_server*.c' ! -name '*_test.c') ||
			return
	done
}

make_initramfs() {
	local out=$1 root=$1/root

	rm -rf "$root"
	mkdir -p "$root/bin" "$root/dev" "$root/proc" "$root/sys" "$root/tmp" \
		"$root/mnt" &&
		cp /bin/busybox "$out/guest_9p" "$out/matrix" "$out/sandboxer" \
			"$root/bin/" &&
		find "$out" -maxdepth 1 -name '*_bench' \
			-exec cp -t "$root/bin/" {} + &&
		cp "$ROOT/harness/qemu/init.sh" "$root/init" &&
		chmod 755 "$root/init" &&
		ln -s busybox "$root/bin/sh" &&
		(cd "$root" && find . | cpio -o -H newc -R 0:0 --quiet) |
		gzip -1 >"$out/initramfs.gz.new" &&
		mv "$out/initramfs.gz.new" "$out/initramfs.gz"
}

# qemu_initramfs SOURCE OUT: OUT/initramfs.gz; the programs are static.
qemu_initramfs() {
	local src=$1 out=$2

	[ -x /bin/busybox ] || die "/bin/busybox not found: package busybox-static"
	command -v cpio >/dev/null || die "cpio not found"
	mkdir -p "$out"
	quietly "programs of the guest" "$LOG/${out##*/}-programs.log" '' '' \
		make_programs "$src" "$out"
	quietly "initramfs" "$LOG/${out##*/}-initramfs.log" '' '' \
		make_initramfs "$out"
}
