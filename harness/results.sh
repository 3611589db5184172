# SPDX-License-Identifier: GPL-2.0
# The results of a test run: one line "verdict suite name reason" for each
# test, separated by tabs, in $RESULTS.

RESULTS=$LOG/results.tsv

# record VERDICT SUITE NAME [REASON]; VERDICT is pass, fail or skip.
record() {
	printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "${4-}" >>"$RESULTS"
	[ "$1" = pass ] || printf '    %s %s: %s%s\n' "$1" "$2" "$3" "${4:+ ($4)}"
}

record_all() {
	local verdict suite name reason

	while IFS=$'\t' read -r verdict suite name reason; do
		record "$verdict" "$suite" "$name" "$reason"
	done
}

# check SUITE NAME COMMAND...: records whether the command succeeds; its output
# goes to $LOG/SUITE-NAME.log.
check() {
	local suite=$1 name=$2 log=$LOG/$1-${2//[^A-Za-z0-9._-]/-}.log

	shift 2
	if ("$@") </dev/null >"$log" 2>&1; then
		record pass "$suite" "$name"
	else
		record fail "$suite" "$name" "see ${log#"$ROOT"/}"
		grep -aE 'error|warning|Error' "$log" | head -n 5 | sed 's/^/      /'
	fi
}

# ktap SUITE PREFIX FILE [EXIT]: result lines of a flat KTAP file.  A file that
# ends before its plan does, or that has no result for a failed exit, fails.  The
# reason of a failure is the first expectation that was not met.
ktap() {
	tr -d '\r' <"$3" | awk -v OFS='\t' -v suite="$1" -v prefix="$2" \
		-v rc="${4-0}" '
	/^1\.\.[0-9]+/ {
		plan = substr($1, 4) + 0
		if (plan == 0)
			print "skip", suite, prefix, substr($0, index($0, "#") + 7)
	}
	/^# .*:(Expected |Test terminated|Test timed out)/ {
		if (why == "")
			why = substr($0, 3)
	}
	/^(not )?ok / {
		seen++
		verdict = /^ok/ ? "pass" : "fail"
		name = $0
		sub(/^(not )?ok [0-9]+ ?(- )?/, "", name)
		reason = ""
		if (i = index(name, "# ")) {
			reason = substr(name, i + 2)
			name = substr(name, 1, i - 1)
		}
		sub(/ +$/, "", name)
		if (reason ~ /^SKIP/) {
			if (verdict == "pass")
				verdict = "skip"
			sub(/^SKIP */, "", reason)
		}
		if (verdict == "fail") {
			failed++
			if (reason == "")
				reason = why
		}
		why = ""
		print verdict, suite, prefix (name == "" ? seen : name), reason
	}
	END {
		if (plan == "")
			print "fail", suite, prefix, "no plan, exit " rc
		else if (seen + 0 < plan)
			print "fail", suite, prefix, "ended after " seen + 0 " of " plan
		else if (rc != 0 && rc != 4 && !failed)
			print "fail", suite, prefix, "exit " rc
	}'
}

# kunit_ktap FILE: result lines of the unit tests in a console log.
kunit_ktap() {
	tr -d '\r' <"$1" | awk -v OFS='\t' '
	/^ *# Subtest: / && /^    #/ { suite = $3 }
	/^    (not )?ok [0-9]+ / {
		seen++
		verdict = /^    ok/ ? "pass" : "fail"
		reason = ""
		if (i = index($0, "# SKIP")) {
			verdict = "skip"
			reason = substr($0, i + 7)
		}
		sub(/^ *(not )?ok [0-9]+ /, "")
		print verdict, "kunit", suite "." $1, reason
	}
	/^not ok / { bad++; print "fail", "kunit", $4, "suite" }
	END { if (!seen) print "fail", "kunit", "suites", "none ran" }'
}

count_of() { grep -c "^$1	" "$RESULTS"; }

# Prints the last line of a run; true if nothing failed and something ran.
summary() {
	local failed

	failed=$(count_of fail)
	say "$(count_of pass) passed, $failed failed, $(count_of skip) skipped"
	[ "$failed" -eq 0 ] && [ -s "$RESULTS" ]
}

# Called at exit while a run is not complete.
end_early() {
	testing=
	record fail harness "run" "ended early"
	summary
}
