# SPDX-License-Identifier: GPL-2.0
# ./run demo: from nothing to a story on the terminal.

run_demo() {
	build_um
	build_tests
	new_job demo
	step "Booting Linux with the patches (User-Mode Linux)"
	if guest demo "$BUILD/um/vmlinux" 120 \
		"quiet kunit.enable=0 NO_LEAK_SCAN=1" \
		"$ROOT/harness/um/demo.sh" "$BUILD/selftests"; then
		say "Every line holds.  ./run shell to try it, ./run test for all checks."
	else
		die "the demo failed, see build/log/demo"
	fi
}
