# SPDX-License-Identifier: GPL-2.0
# Suites series (every step builds) and style.

# The .c files under the kernel's own directories that the series touches or
# adds up to commit $1, as object names.
# User-Mode Linux has neither Xen nor USB gadgets.
touched_objects() {
	g -C "$BUILD/tree" diff --name-only --diff-filter=d base "$1" -- \
		'fs/*.c' 'net/*.c' 'security/*.c' 'mm/*.c' 'kernel/*.c' 'lib/*.c' \
		':!net/9p/trans_xen.c' ':!net/9p/trans_usbg.c' |
		sed 's/\.c$/.o/'
}

kernel_dirs() { say fs/9p/ net/9p/ security/landlock/; }

build_step() {
	local dir=$BUILD/steps out=$BUILD/um-steps

	g -C "$dir" checkout -q --detach "$1" || return
	# shellcheck disable=SC2046 # Words.
	kmake -C "$dir" ARCH=um O="$out" $(kernel_dirs) \
		$(touched_objects "$1" | grep -vE '^(fs/9p|net/9p|security/landlock)/')
}

suite_series() {
	local c commits

	mapfile -t commits < <(g -C "$BUILD/tree" rev-list --reverse base..HEAD)
	if [ ${#commits[@]} -eq 0 ]; then
		record skip series "steps" "the series is empty"
		return
	fi
	need_space 6
	rm -rf "$BUILD/steps"
	g -C "$BUILD/tree" worktree prune
	quietly "worktree" "$LOG/steps.log" '' '' g -C "$BUILD/tree" worktree add -f -f \
		--detach "$BUILD/steps" base
	um_configure "$BUILD/steps" "$BUILD/um-steps" "$ROOT/harness/um/config"
	for c in "${commits[@]}"; do
		check series "builds: $(g -C "$BUILD/tree" log -1 --format=%f "$c")" \
			build_step "$c"
	done
	check series "mails apply" series_export
}

# Files that are new in the kernel and written in C.
new_sources() {
	series_sums "$ROOT" | cut -c67- | grep '\.[ch]$' |
		while read -r f; do say "$BUILD/tree/$f"; done
}

format_check() {
	new_sources | grep -q . || return 0
	(cd "$BUILD/tree" && new_sources | xargs clang-format --dry-run -Werror)
}

kernel_doc_check() {
	local doc=$BUILD/tree/scripts/kernel-doc

	new_sources | grep -v /tools/ | grep -q . || return 0
	new_sources | grep -v /tools/ | xargs "$doc" -none -Wall -Werror
}

# Checkpatch without errors, but for what does not apply to a queue:
# FILE_PATH_CHANGES asks for MAINTAINERS entries of new files, which the
# directories have; MISSING_SIGN_OFF and NO_AUTHOR_SIGN_OFF: the person who
# sends the series signs it; COMMIT_LOG_LONG_LINE, NOT_UNIFIED_DIFF:
# transcripts in messages; COMPLEX_MACRO and SPACING in selftests: macros that
# are a table of FIXTURE_VARIANT_ADD(), and in trace events, which upstream writes
# in the same way.  Warnings are in the log.
patch_check() {
	local ignore=FILE_PATH_CHANGES,MISSING_SIGN_OFF,NO_AUTHOR_SIGN_OFF

	ignore+=,COMMIT_LOG_LONG_LINE,NOT_UNIFIED_DIFF
	case $1 in
	*-selftests-*) ignore+=,COMPLEX_MACRO,SPACING ;;
	esac
	! grep -q '^+++ b/include/trace/events/' "$1" || ignore+=,COMPLEX_MACRO,SPACING
	# It leaves a cache where it runs.
	cd "$tmpdir" || return
	perl "$BUILD/tree/scripts/checkpatch.pl" --root="$BUILD/tree" --strict \
		--show-types --terse --codespell --codespellfile \
		/usr/lib/python3/dist-packages/codespell_lib/data/dictionary.txt \
		--no-summary --ignore "$ignore" "$1" >"checkpatch-${1##*/}"
	# 1 is for remarks of any kind.
	[ $? -le 1 ] || return
	cat "checkpatch-${1##*/}"
	! grep -q ': ERROR:' "checkpatch-${1##*/}"
}

# The .o files to check closely: all that the series touches or adds.
strict_build() {
	local out=$1

	shift
	# shellcheck disable=SC2046 # Words.
	make -j"$JOBS" -C "$BUILD/tree" ARCH=um O="$out" W=1 KCFLAGS=-Werror \
		"$@" $(touched_objects HEAD)
}

# The kernel wants at least version 17.
CLANG=(LLVM=-19 CC="ccache clang-19")

strict_gcc() { strict_build "$BUILD/um-strict" CC="ccache gcc"; }

strict_clang() { strict_build "$BUILD/um-clang" "${CLANG[@]}"; }

# What sparse says of the stock code (all file: message, one a line):
# "bad constant expression" are module macros that sparse 0.6.4 cannot read;
# client.c takes the lock of current->sighand, which is __rcu; rb_link_node_rcu()
# assigns links that are not __rcu.
SPARSE_STOCK='fs/9p/v9fs.c: error: bad constant expression
fs/9p/vfs_super.c: error: bad constant expression
net/9p/mod.c: error: bad constant expression
net/9p/trans_fd.c: error: bad constant expression
net/9p/trans_rdma.c: error: bad constant expression
net/9p/trans_virtio.c: error: bad constant expression
net/9p/client.c: error: incorrect type in argument 1 (different address spaces)
include/linux/rbtree.h: error: incompatible types in comparison expression (different address spaces):
include/linux/rbtree.h: error: incorrect type in assignment (different address spaces)'

# Sparse sees every object, whether it is up to date or not (C=2).
sparse_check() {
	local log=$tmpdir/sparse

	strict_build "$BUILD/um-strict" CC="ccache gcc" C=2 CF=-Wsparse-error -k \
		CHECK="$ROOT/harness/um/sparse.sh" >"$log" 2>&1
	cat "$log"
	grep -q '^  CHECK ' "$log" || return
	! grep -E ':[0-9]+: (error|warning):' "$log" |
		sed -E "s|^.*/build/tree/||; s/:[0-9]+:[0-9]+:/:/" |
		grep -vxF "$SPARSE_STOCK"
}

shell_check() {
	command -v shellcheck >/dev/null || return 0
	cd "$ROOT" && shellcheck -S warning -e SC1090,SC1091,SC2034,SC2154 \
		-s bash run .ci/run harness/*.sh harness/*/*.sh
}

suite_style() {
	local p pids=()

	make_tmpdir
	[ -z "$(series_entries "$ROOT")" ] || series_export >"$LOG/series.log"
	for p in "$BUILD"/series/0*.patch; do
		[ -f "$p" ] && [ "${p##*/}" != 0000-cover-letter.patch ] || continue
		# As many at a time as there are CPUs.
		check style "checkpatch $(basename "$p" .patch)" patch_check "$p" &
		pids+=($!)
		[ $((${#pids[@]} % JOBS)) -ne 0 ] || wait "${pids[@]}"
	done
	wait "${pids[@]}"
	check style "clang-format of new files" format_check
	check style "kernel-doc of new files" kernel_doc_check
	if [ -z "$(touched_objects HEAD)" ]; then
		record skip style "warnings and sparse" "the series is empty"
	else
		um_configure "$BUILD/tree" "$BUILD/um-strict" "$ROOT/harness/um/config"
		check style "gcc W=1" strict_gcc
		check style "sparse" sparse_check
		um_configure "$BUILD/tree" "$BUILD/um-clang" "$ROOT/harness/um/config" \
			"${CLANG[@]}"
		check style "clang W=1" strict_clang
	fi
	check style "shellcheck" shell_check
}
