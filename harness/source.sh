# SPDX-License-Identifier: GPL-2.0
# The stock kernel source, in build/linux.

KVERSION=7.3

tree_version() {
	awk -F' *= *' '/^(VERSION|PATCHLEVEL|SUBLEVEL) =/ {
		v = v sep $2; sep = "." } /^EXTRAVERSION/ { exit }
		END { print v }' "$1/Makefile" 2>/dev/null
}

# One line that changes when the source that is asked for changes.
source_origin() {
	if [ -z "${LINUX-}" ]; then
		say "package linux-source-$KVERSION"
	elif [ -e "$LINUX/.git" ]; then
		say "$LINUX $(git -C "$LINUX" rev-parse HEAD)" \
			"$(git -C "$LINUX" diff HEAD | sha256sum | cut -c1-16)"
	else
		say "$LINUX $(stat -c %Y "$LINUX/Makefile")"
	fi
}

check_linux() {
	local version

	[ -f "$LINUX/Makefile" ] || die "LINUX=$LINUX is not a kernel tree"
	version=$(tree_version "$LINUX")
	case $version in
	"$KVERSION".*) ;;
	*) die "LINUX=$LINUX is Linux ${version:-?}, $KVERSION is needed" ;;
	esac
	[ -e "$LINUX/.git" ] || [ ! -e "$LINUX/.config" ] ||
		die "LINUX=$LINUX has been built in place: run make mrproper there"
}

copy_linux() {
	if [ -e "$LINUX/.git" ]; then
		git -C "$LINUX" ls-files -z |
			rsync -a --from0 --files-from=- "$LINUX/" "$BUILD/linux.partial/"
	else
		cp -a --reflink=auto "$LINUX/." "$BUILD/linux.partial/"
	fi
}

fetch_deb() {
	cd "$BUILD/apt" && private_apt download "linux-source-$KVERSION"
}

find_deb() {
	find "$BUILD/apt" -maxdepth 1 -name "linux-source-${KVERSION}_*.deb" |
		sort -V | tail -n 1
}

unpack_deb() {
	set -o pipefail
	dpkg-deb --fsys-tarfile "$1" |
		tar -xO "./usr/src/linux-source-$KVERSION.tar.xz" |
		tar -xJv --strip-components=1 -C "$BUILD/linux.partial"
}

# Makes build/linux what the package (or LINUX=) says; cached.
source_get() {
	local origin deb

	[ -z "${LINUX-}" ] || check_linux
	origin=$(source_origin)
	if [ -f "$BUILD/linux.origin" ] && [ -f "$BUILD/linux/Makefile" ] &&
		[ "$(cat "$BUILD/linux.origin")" = "$origin" ]; then
		return
	fi
	need_space 12
	rm -rf "$BUILD/linux.partial" "$BUILD/linux.origin"
	mkdir -p "$BUILD/linux.partial" "$BUILD/apt"
	if [ -n "${LINUX-}" ]; then
		step "Copying the kernel source from $LINUX"
		quietly "copy" "$LOG/source.log" '' '' copy_linux
	else
		step "Fetching the kernel source (package linux-source-$KVERSION)"
		deb=$(find_deb)
		if [ -z "$deb" ] || ! dpkg-deb --info "$deb" >/dev/null 2>&1; then
			rm -f "$deb"
			private_lists only trixie-backports
			quietly "download (160 MB)" "$LOG/download.log" '' '' fetch_deb
			deb=$(find_deb)
		fi
		quietly "unpacking" "$LOG/source.log" '^' 100000 unpack_deb "$deb"
		# The package tells git to ignore everything; new files must be seen.
		sed -i '/^# Debian packaging: ignore everything/,$d' \
			"$BUILD/linux.partial/.gitignore"
	fi
	[ "$(tree_version "$BUILD/linux.partial" | cut -d. -f1-2)" = $KVERSION ] ||
		die "the source that was fetched is not Linux $KVERSION"
	rm -rf "$BUILD/linux"
	mv "$BUILD/linux.partial" "$BUILD/linux"
	say "$origin" >"$BUILD/linux.origin"
	say "    Linux $(tree_version "$BUILD/linux")"
}
