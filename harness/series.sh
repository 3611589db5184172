# SPDX-License-Identifier: GPL-2.0
# The patch queue and the git tree made of it.
#
# patches/7.3/series names the steps in order.  A step is a mail: message,
# "Overlay: path" trailers, hunks to files that upstream owns.  A new file
# stands in the repository at its kernel path and is added, as it is there, by
# the step whose trailer names it.  In build/tree each step is one commit.

QUEUE=patches/7.3
WHO=landlock-9p
REF=refs/landlock-9p/taken

# git without the configuration of the user, so that all results are the same.
g() {
	GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=$WHO \
	GIT_AUTHOR_EMAIL=$WHO@localhost GIT_COMMITTER_NAME=$WHO \
	GIT_COMMITTER_EMAIL=$WHO@localhost \
		git -c safe.directory='*' -c core.hooksPath=/dev/null "$@"
}

series_entries() {
	[ ! -f "$1/$QUEUE/series" ] || grep -vE '^[[:space:]]*(#|$)' "$1/$QUEUE/series"
}

# Paths named by the Overlay trailers of a patch.
overlay_of() { sed -n '/^---$/q; s/^Overlay: *//p' "$1"; }

# Everything a series consists of, as "hash  path" lines.
series_sums() {
	(
		cd "$1" || exit
		series_entries . | while read -r p; do
			say "$QUEUE/$p"
			overlay_of "$QUEUE/$p"
		done | sort -u | xargs -r -d '\n' sha256sum
		[ ! -f $QUEUE/series ] || sha256sum $QUEUE/series
	)
}

# Source files at kernel paths that no step names.
unlisted_files() {
	(
		cd "$1" || exit
		comm -13 <(series_entries . | while read -r p; do
			overlay_of "$QUEUE/$p"
		done | sort) <(find arch block fs include kernel lib mm net security samples \
			tools Documentation -type f 2>/dev/null | sort)
	)
}

make_base() {
	rm -rf "$BUILD/tree.partial"
	cp -a --reflink=auto "$BUILD/linux" "$BUILD/tree.partial" &&
		cd "$BUILD/tree.partial" && g init -q -b series . &&
		g config core.compression 0 && g config gc.auto 0 &&
		g config core.autocrlf false && g config user.name "$WHO" &&
		g config user.email "$WHO@localhost" &&
		g config rebase.autoSquash true && g add -A -f . &&
		GIT_AUTHOR_DATE='1767225600 +0000' GIT_COMMITTER_DATE='1767225600 +0000' \
		g commit -q -m "Linux $(tree_version .)" && g tag base &&
		g update-ref $REF HEAD
}

# Makes sure that build/tree exists, on the stock source of now.
tree_base() {
	if [ -f "$BUILD/tree.origin" ] && [ -e "$BUILD/tree/.git" ] &&
		cmp -s "$BUILD/linux.origin" "$BUILD/tree.origin"; then
		return
	fi
	[ ! -e "$BUILD/tree/.git" ] || tree_must_be_taken
	need_space 8
	step "Making the git tree"
	quietly "git tree of the stock source" "$LOG/tree.log" '' '' make_base
	rm -rf "$BUILD/tree" "$BUILD/tree.origin"
	mv "$BUILD/tree.partial" "$BUILD/tree"
	cp "$BUILD/linux.origin" "$BUILD/tree.origin"
}

# Refuses when build/tree holds work that is not in the series.
tree_must_be_taken() {
	local dirty

	dirty=$(g -C "$BUILD/tree" status --porcelain | head -n 1)
	[ -z "$dirty" ] ||
		die "build/tree has uncommitted changes ($dirty): commit them there" \
			"and ./run refresh"
	[ "$(g -C "$BUILD/tree" rev-parse HEAD)" = \
		"$(g -C "$BUILD/tree" rev-parse -q --verify $REF)" ] ||
		die "build/tree has commits that the series has not: ./run refresh" \
			"(or drop them: git -C build/tree reset --hard $REF)"
}

# Shows the hunks of patch $2 that do not apply to index of $1 (in $tmpdir).
show_rejects() {
	local dir=$tmpdir/rejects f

	mkdir -p "$dir"
	g -C "$1" apply --numstat -z "$tmpdir/patch" 2>/dev/null | tr '\0' '\n' |
		cut -f3 | while read -r f; do
		mkdir -p "$dir/$(dirname "$f")"
		GIT_INDEX_FILE=$tmpdir/index g -C "$1" cat-file -p ":$f" \
			>"$dir/$f" 2>/dev/null || rm -f "$dir/$f"
	done
	(cd "$dir" && GIT_CEILING_DIRECTORIES=$tmpdir GIT_DIR=/dev/null \
		g apply --reject "$tmpdir/patch") >"$tmpdir/apply.log" 2>&1
	grep '^error' "$tmpdir/apply.log" >&2
	find "$dir" -name '*.rej' -exec cat {} + >&2
}

# Adds the new files of patch $3 (repository $2) to the index of tree $1.
add_overlay() {
	local tree=$1 repo=$2 f mode blob

	for f in $(overlay_of "$repo/$QUEUE/$3"); do
		[ -f "$repo/$f" ] || die "$3: Overlay: $f is not in the repository"
		[ -z "$(g -C "$tree" ls-files -s -- "$f")" ] ||
			die "$3: Overlay: $f exists already at that step"
		mode=100644
		[ ! -x "$repo/$f" ] || mode=100755
		blob=$(g -C "$tree" hash-object -w --no-filters "$repo/$f") &&
			g -C "$tree" update-index --add --cacheinfo "$mode,$blob,$f" ||
			die "$3: cannot add $f"
	done
}

# series_commits TREE REPO: makes the commits without touching the work tree;
# sets $tip.
series_commits() {
	local tree=$1 repo=$2 p n=0 date
	local -x GIT_INDEX_FILE=$tmpdir/index

	tip=$(g -C "$tree" rev-parse 'base^{commit}') || die "no base in $tree"
	g -C "$tree" read-tree "$tip" || die "cannot read the base of $tree"
	for p in $(series_entries "$repo"); do
		n=$((n + 1))
		[ -f "$repo/$QUEUE/$p" ] || die "series names $p, which does not exist"
		g -C "$tree" mailinfo -b "$tmpdir/body" "$tmpdir/patch" \
			<"$repo/$QUEUE/$p" >"$tmpdir/info" || die "$p is not a mail"
		{
			sed -n 's/^Subject: //p' "$tmpdir/info"
			say
			grep -v '^Overlay: ' "$tmpdir/body"
		} | g stripspace >"$tmpdir/message"
		if grep -q '^diff --git ' "$tmpdir/patch" &&
			! g -C "$tree" apply --cached --whitespace=nowarn \
				"$tmpdir/patch" 2>/dev/null; then
			show_rejects "$tree"
			die "$p does not apply (step $n of the series); nothing changed"
		fi
		add_overlay "$tree" "$repo" "$p"
		date="$((1767225600 + n * 60)) +0000"
		tip=$(GIT_AUTHOR_DATE=$date GIT_COMMITTER_DATE=$date g -C "$tree" \
			commit-tree -p "$tip" -F "$tmpdir/message" \
			"$(g -C "$tree" write-tree)") || die "$p: cannot commit"
	done
}

# run tree: build/tree is base + one commit for each step.
tree_make() {
	local tree=$BUILD/tree sums lost

	tree_base
	lost=$(unlisted_files "$ROOT" | wc -l)
	[ "$lost" -eq 0 ] || warn "$lost new files belong to no step of the series" \
		"(first: $(unlisted_files "$ROOT" | head -n 1))"
	sums=$(series_sums "$ROOT") || die "the series names a file that is missing"
	if [ "$sums" = "$(cat "$tree/.git/series.sums" 2>/dev/null)" ]; then
		return
	fi
	tree_must_be_taken
	make_tmpdir
	series_commits "$tree" "$ROOT"
	# Touches only the files that differ, so that little is built anew.
	g -C "$tree" read-tree -m -u HEAD "$tip" ||
		die "cannot check out the series in build/tree"
	g -C "$tree" update-ref HEAD "$tip" && g -C "$tree" update-ref $REF "$tip" ||
		die "cannot write to build/tree"
	say "$sums" >"$tree/.git/series.sums"
	say "$sums" >"$BUILD/series.sums"
	say "    build/tree: $(series_entries "$ROOT" | wc -l) steps on Linux" \
		"$(tree_version "$tree")"
}
