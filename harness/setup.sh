# SPDX-License-Identifier: GPL-2.0
# Installs what is missing, and only that.

PACKAGES_BASE="gcc make libc6-dev bc bison flex ccache rsync xz-utils perl
	python3 libcap-dev libseccomp-dev pkg-config diod busybox-static
	util-linux"
PACKAGES_TEST="libelf-dev libssl-dev e2fsprogs kmod cpio sparse clang-19 lld-19
	llvm-19 clang-format codespell shellcheck stress-ng fio
	inotify-tools nfs-ganesha nfs-ganesha-vfs"
PACKAGES_QEMU="qemu-system-x86"

missing_packages() {
	local p

	for p in "$@"; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = \
			installed ] || printf ' %s' "$p"
	done
}

# The URI of the Debian mirror that this machine's apt already uses.
debian_mirror() {
	# shellcheck disable=SC2016 # apt expands these, not the shell.
	apt-get indextargets 'Created-By: Packages' \
		--format '$(REPO_URI) $(ORIGIN) $(COMPONENT) $(RELEASE)' |
		awk '$2 == "Debian" && $3 == "main" && $4 !~ /security/ {
			print $1; exit }'
}

# apt with our lists besides those of the machine, all state below build/apt.
private_apt() {
	apt-get -o Dir::Etc::SourceList=/dev/null \
		-o Dir::Etc::SourceParts="$BUILD/apt/parts" \
		-o Dir::State::Lists="$BUILD/apt/lists" \
		-o Dir::Cache="$BUILD/apt/cache" \
		-o APT::Sandbox::User=root "$@"
}

# private_lists NAME SUITE...: the machine's own sources plus these suites.
private_lists() {
	local mirror suite key=/usr/share/keyrings/debian-archive-keyring.gpg

	command -v apt-get >/dev/null ||
		die "apt-get not found: set LINUX= to a tree of Linux 7.3"
	mirror=$(debian_mirror)
	[ -n "$mirror" ] ||
		die "apt knows no Debian mirror: set LINUX= to a tree of Linux 7.3"
	[ -f "$key" ] || die "missing $key (package debian-archive-keyring)"
	rm -rf "$BUILD/apt/parts"
	mkdir -p "$BUILD/apt/parts" "$BUILD/apt/lists/partial" \
		"$BUILD/apt/cache/archives/partial"
	if [ "$1" = with-machine ]; then
		cp /etc/apt/sources.list "$BUILD/apt/parts/machine.list" 2>/dev/null
		cp /etc/apt/sources.list.d/* "$BUILD/apt/parts/" 2>/dev/null
	fi
	shift
	for suite in "$@"; do
		say "deb [signed-by=$key] $mirror $suite main"
	done >"$BUILD/apt/parts/landlock-9p.list"
	quietly "package lists of $*" "$LOG/apt-update.log" '' '' \
		private_apt --error-on=any update
}

need_apt_root() {
	command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
		die "no apt on this machine; install by hand:$1"
	[ "$(id -u)" -eq 0 ] ||
		die "not root; run once as root, or: apt-get install$1"
}

update_machine_lists() {
	quietly "package lists" "$LOG/apt-update.log" '' '' \
		apt-get --error-on=any update
}

# Installs those of the given packages that are missing.
install_packages() {
	local list

	list=$(missing_packages "$@")
	[ -n "$list" ] || return 0
	need_apt_root "$list"
	step "Installing:$list"
	# shellcheck disable=SC2086 # A list of words.
	if ! apt-get install -s --no-install-recommends $list >/dev/null 2>&1; then
		update_machine_lists
	fi
	# shellcheck disable=SC2086
	DEBIAN_FRONTEND=noninteractive quietly "packages" "$LOG/apt-install.log" \
		'^Setting up' "$(wc -w <<<"$list") or more" \
		apt-get install -y --no-install-recommends $list
}

# QEMU 10 or later: from backports where the release has an older one.
install_qemu() {
	local list

	# shellcheck disable=SC2086
	list=$(missing_packages $PACKAGES_QEMU)
	[ -n "$list" ] || return 0
	if ! grep -qs '^VERSION_CODENAME=bookworm' /etc/os-release; then
		# shellcheck disable=SC2086
		install_packages $PACKAGES_QEMU
		return
	fi
	need_apt_root "$list"
	step "Installing:$list (bookworm-backports)"
	private_lists with-machine bookworm-backports
	# shellcheck disable=SC2086
	DEBIAN_FRONTEND=noninteractive quietly "packages" "$LOG/apt-install.log" \
		'^Setting up' '' private_apt install -y \
		--no-install-recommends -t bookworm-backports $list
}

setup_base() {
	# shellcheck disable=SC2086
	install_packages $PACKAGES_BASE
}

setup_test() {
	# shellcheck disable=SC2086
	install_packages $PACKAGES_BASE $PACKAGES_TEST
	install_qemu
}
