# SPDX-License-Identifier: GPL-2.0
# The matrix: what Landlock says on real servers that move and replace files.
# ./run matrix and suite matrix.

MATRIX_RST=Documentation/filesystems/9p-landlock-matrix.rst
CELLS=$LOG/matrix.tsv

# Runs all servers; leaves plans, cells and ends in $CELLS.
matrix_cells() {
	build_um
	build_qemu
	qemu_initramfs "$BUILD/tree" "$BUILD/qemu/guest"
	matrix_clean=1
	"$ROOT/harness/matrix/qemu.sh" 9>&- >"$LOG/matrix-qemu.out" || matrix_clean=0
	new_job matrix-um
	guest matrix-um "$BUILD/um/vmlinux" 900 \
		"kunit.enable=0 NO_LEAK_SCAN=1 ${ONLY:+ONLY=$ONLY}" \
		"$ROOT/harness/um/matrix.sh" "$BUILD/qemu/guest/matrix" \
		>/dev/null || matrix_clean=0
	cat "$LOG/matrix-qemu.out" "$LOG/matrix-um/output" | tr -d '\r' |
		grep -aE '^(plan|done|cell|skip|fail)	' >"$CELLS"
}

# Result lines: each cell, each scenario that did not end, each server skipped.
matrix_results() {
	awk -F'\t' -v OFS='\t' '
	$1 == "skip" || $1 == "fail" { print $1, "matrix", $2, $3 }
	$1 == "plan" { plan[$2 " " $3] = 1 }
	$1 == "done" { delete plan[$2 " " $3] }
	$1 == "cell" {
		name = $2 " " $3 ": " $4
		if ($5 == "-")
			print "skip", "matrix", name, $10
		else if ($9 == "kept" || $9 == "limit")
			print "pass", "matrix", name, ""
		else
			print "fail", "matrix", name, $9 " (" $5 " " $6 ")"
	}
	END {
		for (p in plan)
			print "fail", "matrix", p, "did not end"
	}' "$CELLS"
}

version_of() {
	dpkg-query -W -f '${Version}' "$1" 2>/dev/null |
		sed -E 's/^[0-9]+://; s/[-+].*//'
}

# The text before the tables.
matrix_head() {
	cat <<-END
	.. SPDX-License-Identifier: GPL-2.0

	======================================
	Landlock on 9p servers that move files
	======================================

	What a Landlock rule on a 9p mount does when the server moves, replaces or
	deletes files under it, on real servers.  This is generated from a run; Linux
	$(tree_version "$BUILD/tree") was the guest.

	Servers
	=======

	qemu-ext4, qemu-tmpfs, qemu-overlay
	  QEMU $(version_of qemu-system-x86), virtio-9p (\`\`-virtfs local\`\`), security model none.  A fid
	  is a path: the server answers ENOENT where the path is gone, and with what is
	  there now where it leads elsewhere.  ext4 uses inode numbers again and has
	  generations; tmpfs has neither; the overlayfs has the inode numbers of an ext4,
	  and QEMU gives no generations there.  QEMU runs with 1024 descriptors and without
	  the capability to read everything.

	qemu-remap, qemu-warn
	  The same, two tmpfs with equal inode numbers below one export, \`\`multidevs=remap\`\`
	  (the default) and \`\`multidevs=warn\`\` (equal qids).

	diod
	  diod $(version_of diod) over TCP, ext4.  A fid is a path; no generations.

	ganesha, ganesha-twins
	  nfs-ganesha $(version_of nfs-ganesha) over TCP, FSAL VFS, ext4.  A fid is a handle, that is the
	  file itself wherever it goes; no generations.  ganesha-twins has two ext4 with
	  equal inode numbers below one export.

	Reading the tables
	==================

	Each access is tried in a sandbox, and by a process that is free but holds the
	same.  In a cell stand the verdict, the error, the number of messages that the
	sandbox's access waited for, and in brackets that of the free process.  Mounts are
	uncached and no link counts as fresh.  *denied* is what Landlock said; *fails* is an
	error of the server or of v9fs, which mostly the free process gets as well.  A cell
	in bold breaks what is promised; *limit* is explained below the tables.

	Scenarios
	=========

	END
	awk -F'\t' '$1 == "plan" && !seen[$3]++ { print $3 "\t" $4 }' "$CELLS" |
		sort | awk -F'\t' '{
			print $1
			print "  " toupper(substr($2, 1, 1)) substr($2, 2) "."
			print ""
		}'
}

# matrix_table TITLE PATTERN: the servers that match.
matrix_table() {
	awk -F'\t' -v title="$1" -v pattern="$2" '
	function text(verdict, err, messages, free, promise, note,	t) {
		if (verdict == "-")
			return "not staged: " note
		t = verdict (err == "" ? "" : " " err)
		if (promise != "kept" && promise != "limit")
			t = "**" t "**"
		t = t ", " messages " (" free ")"
		if (promise == "limit")
			return t ", limit"
		return t (note == "" ? "" : ", " note)
	}
	$1 != "cell" || $2 !~ pattern { next }
	!($2 in column) { column[$2] = ++columns; name[columns] = $2 }
	{
		key = $3 "\t" $4
		if (!(key in row)) {
			row[key] = ++rows
			scenario[rows] = $3
			step[rows] = $4
		}
		cell[row[key], column[$2]] = text($5, $6, $7, $8, $9, $10)
		if ($9 == "limit")
			limits[$2 ", " $3 ": " $10 "."] = 1
	}
	# The same by another way joins the row above.
	function joins(r,	c, a, b) {
		if (r == 1 || scenario[r] != scenario[r - 1])
			return 0
		a = step[r - 1]; b = step[r]
		sub(/, [^,]*$/, "", a); sub(/, [^,]*$/, "", b)
		if (a != b)
			return 0
		for (c = 1; c <= columns; c++)
			if (cell[r, c] != cell[r - 1, c])
				return 0
		return 1
	}
	END {
		if (!columns)
			exit
		print title
		gsub(/./, "=", title)
		print title
		print "\n.. list-table::\n   :header-rows: 1\n"
		print "   * - scenario\n     - access"
		for (c = 1; c <= columns; c++)
			print "     - " name[c]
		for (r = 1; r <= rows; r = next_) {
			what = step[r]
			for (next_ = r + 1; next_ <= rows && joins(next_); next_++) {
				way = step[next_]
				sub(/.*, /, "", way)
				what = what "; " way
			}
			print "   * - " scenario[r]
			print "     - " what
			for (c = 1; c <= columns; c++)
				print "     -" (cell[r, c] == "" ? "" : " " cell[r, c])
		}
		print ""
		for (l in limits)
			print "Limit of " l "\n" | "sort"
		close("sort")
	}' "$CELLS"
}

matrix_rst() {
	matrix_head
	matrix_table "One filesystem" '^(qemu-(ext4|tmpfs|overlay)|diod|ganesha)$'
	matrix_table "Two filesystems" '^(qemu-(remap|warn)|ganesha-twins)$'
}

# A row for each access, a column for each server.
matrix_print() {
	awk -F'\t' '
	$1 != "cell" { next }
	!($2 in column) { column[$2] = ++columns; head = head sprintf(" %-18s", $2) }
	{
		key = sprintf("%-17s %-50.50s", $3, $4)
		if (!(key in row)) { row[key] = ++rows; name[rows] = key }
		t = $5 == "-" ? "-" : $5 " " $6 (($6 == "") ? "" : " ") $7
		cell[row[key], column[$2]] = t ($9 == "kept" ? "" : " !")
	}
	END {
		printf "%-68s%s\n", "", head
		for (r = 1; r <= rows; r++) {
			line = name[r]
			for (c = 1; c <= columns; c++)
				line = line sprintf(" %-18s", cell[r, c])
			sub(/ +$/, "", line)
			print line
		}
	}' "$CELLS"
}

# run matrix: prints the table and writes it to the documentation.
run_matrix() {
	local broken

	step "Real servers"
	matrix_cells
	matrix_print
	matrix_results | awk -F'\t' '$1 != "pass" {
		print "    " $1 " " $3 ($4 == "" ? "" : ": " $4) }'
	broken=$(matrix_results | grep -c '^fail')
	mkdir -p "$ROOT/${MATRIX_RST%/*}"
	matrix_rst >"$ROOT/$MATRIX_RST"
	say "$MATRIX_RST: $(grep -c '^cell' "$CELLS") cells"
	[ "$matrix_clean" -eq 1 ] || die "a guest is not clean, see build/log/matrix-*"
	[ "$broken" -eq 0 ] || die "$broken do not meet the promise"
}
