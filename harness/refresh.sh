# SPDX-License-Identifier: GPL-2.0
# From the commits of a git tree back to the patch queue, and to mails.

# Writes commit $2 of tree $1, step number $3, to directory $4 as mail + files.
# Uses and fills the array owner[path] = step of each new file.
export_step() {
	local tree=$1 c=$2 out=$4 status f name subject
	local edits=() new=() trailers=()

	subject=$(g -C "$tree" log -1 --format=%s "$c")
	while IFS=$'\t' read -r status f; do
		if g -C "$tree" cat-file -e "base:$f" 2>/dev/null; then
			edits+=("$f")
		elif [ "$status" = A ]; then
			g -C "$tree" cat-file -e "HEAD:$f" 2>/dev/null ||
				die "\"$subject\" adds $f, which a later commit removes: squash"
			[ -z "${owner[$f]-}" ] || die "$f is added twice"
			owner[$f]=$3
			new+=("$f")
			trailers+=(--trailer "Overlay: $f")
			mkdir -p "$out/$(dirname "$f")"
			g -C "$tree" cat-file -p "HEAD:$f" >"$out/$f"
			[ "$(g -C "$tree" ls-tree --format='%(objectmode)' HEAD -- "$f")" \
				!= 100755 ] || chmod +x "$out/$f"
		fi
	done < <(g -C "$tree" -c core.quotePath=false diff-tree -r \
		--no-commit-id --no-renames --name-status "$c")
	[ ${#edits[@]} -gt 0 ] || [ ${#new[@]} -gt 0 ] ||
		die "\"$subject\" only edits files that an earlier step adds:" \
			"squash it into that step"
	name=$(printf '%04d-%s' "$3" "$(g -C "$tree" log -1 --format=%f "$c" |
		tr '[:upper:]' '[:lower:]' | cut -c1-60 | sed 's/[-.]*$//')").patch
	say "$name" >>"$out/$QUEUE/series"
	{
		say "From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001"
		say "From: $WHO <$WHO@localhost>"
		say "Subject: [PATCH] $subject"
		say
		g -C "$tree" log -1 --format=%b "$c" | g interpret-trailers \
			--no-divider --if-exists add "${trailers[@]}" | g stripspace
		say ---
		if [ ${#edits[@]} -gt 0 ]; then
			g -C "$tree" diff --no-renames --no-ext-diff --no-color -U3 \
				--diff-algorithm=myers --src-prefix=a/ --dst-prefix=b/ \
				--stat=75 -p "$c~" "$c" -- "${edits[@]}" |
				sed '/^index [0-9a-f]*\.\./d'
		fi
	} >"$out/$QUEUE/$name"
}

# export_series TREE OUT: the whole queue of the tree's commits, in OUT.
export_series() {
	local tree=$1 out=$2 c n=0
	local -A owner=()

	g -C "$tree" rev-parse -q --verify 'base^{commit}' >/dev/null ||
		die "$tree has no tag base (the commit of the stock source)"
	[ -z "$(g -C "$tree" status --porcelain -uno | head -n 1)" ] ||
		die "$tree has uncommitted changes; git commit --fixup=COMMIT them" \
			"and git rebase -i --autosquash base"
	[ -z "$(g -C "$tree" rev-list --merges base..HEAD)" ] ||
		die "$tree has merge commits: rebase them away"
	rm -rf "$out"
	mkdir -p "$out/$QUEUE"
	: >"$out/$QUEUE/series"
	for c in $(g -C "$tree" rev-list --reverse base..HEAD); do
		n=$((n + 1))
		export_step "$tree" "$c" "$n" "$out"
	done
	[ ! -f "$ROOT/$QUEUE/cover" ] || cp "$ROOT/$QUEUE/cover" "$out/$QUEUE/"
}

# True if file $1 of the repository is as the last tree or refresh left it.
as_recorded() {
	(cd "$ROOT" && sha256sum "$1") | grep -qxFf - "$BUILD/series.sums" 2>/dev/null
}

# run refresh: takes the commits of build/tree (or TREE=) into the repository.
refresh() {
	local tree=${TREE:-$BUILD/tree} out f old

	[ -e "$tree/.git" ] || die "$tree is no git tree; ./run tree makes build/tree"
	make_tmpdir
	out=$tmpdir/out
	export_series "$tree" "$out"
	# Work done in the repository itself since then must not be lost.
	while read -r f; do
		[ ! -f "$ROOT/$f" ] || cmp -s "$ROOT/$f" "$out/$f" ||
			[ "$f" = $QUEUE/series ] || as_recorded "$f" ||
			die "$f was changed in the repository, not in $tree:" \
				"take it over there first (./run tree, or by hand)"
	done < <(cd "$out" && find . -type f -printf '%P\n')
	old=$(series_sums "$ROOT" 2>/dev/null | cut -c67-)
	for f in $old; do
		if [ ! -f "$out/$f" ]; then
			as_recorded "$f" || die "$f is no longer in the series of $tree," \
				"but was changed in the repository: remove it by hand"
			rm -f "$ROOT/$f"
			say "    removed $f"
		fi
	done
	rsync -rpcl --out-format='    %n' "$out/" "$ROOT/" | grep -v '/$'
	series_sums "$ROOT" >"$BUILD/series.sums"
	if [ "$(readlink -f "$tree")" = "$(readlink -f "$BUILD/tree")" ]; then
		cp "$BUILD/series.sums" "$tree/.git/series.sums"
		g -C "$tree" update-ref $REF HEAD
	fi
	say "    $(series_entries "$ROOT" | wc -l) steps in $QUEUE"
}

# Nothing may differ after tree and refresh; says what does.
roundtrip() {
	local f

	make_tmpdir
	export_series "$BUILD/tree" "$tmpdir/out"
	for f in $(series_sums "$ROOT" | cut -c67-) \
		$(cd "$tmpdir/out" && find . -type f -printf '%P\n'); do
		cmp "$ROOT/$f" "$tmpdir/out/$f" || return 1
	done
	! unlisted_files "$ROOT" | sed 's/$/ belongs to no step/' | grep .
}

write_cover() {
	local tree=$1 out=$2 count=$3

	[ -f "$ROOT/$QUEUE/cover" ] || return 0
	{
		say "From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001"
		say "From: $WHO <$WHO@localhost>"
		say "Subject: [PATCH 00/$count] $(head -n 1 "$ROOT/$QUEUE/cover")"
		tail -n +2 "$ROOT/$QUEUE/cover"
		say
		g -C "$tree" shortlog base..HEAD
		g -C "$tree" diff --stat=75 base HEAD
	} >"$out/0000-cover-letter.patch"
}

# run series: mails for git am in build/series, checked to give the same tree.
series_export() {
	local tree=$BUILD/tree out=$BUILD/series count p
	local -x GIT_INDEX_FILE

	[ -n "$(series_entries "$ROOT")" ] || die "the series is empty"
	rm -rf "$out.partial"
	count=$(printf '%02d' "$(g -C "$tree" rev-list --count base..HEAD)")
	g -C "$tree" format-patch -q --zero-commit --no-signature --no-renames \
		--stat=75 -o "$out.partial" base..HEAD || die "cannot write $out"
	write_cover "$tree" "$out.partial" "$count"
	make_tmpdir
	GIT_INDEX_FILE=$tmpdir/index
	g -C "$tree" read-tree base
	for p in "$out.partial"/[0-9]*.patch; do
		[ "${p##*/}" != 0000-cover-letter.patch ] || continue
		g -C "$tree" apply --cached --whitespace=nowarn "$p" ||
			die "$p does not apply"
	done
	[ "$(g -C "$tree" write-tree)" = "$(g -C "$tree" rev-parse 'HEAD^{tree}')" ] ||
		die "the mails do not give the tree"
	unset GIT_INDEX_FILE
	rm -rf "$out"
	mv "$out.partial" "$out"
	say "    $(find "$out" -name '*.patch' | wc -l) mails in build/series"
}
