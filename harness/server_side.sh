# SPDX-License-Identifier: GPL-2.0
# What a guest asks for (harness/guest.h), done on the server's side of $export.

# recycle PATH INO: makes PATH anew, with that inode number if one of 100 gets
# it; prints which one got it, 0 if none did.  Programs are slow to start in a
# guest, so there are few.
recycle() {
	local path=$1 ino=$2 all=() p i

	for i in {1..100}; do
		all+=("$path.$i")
	done
	if [ -d "$path" ]; then
		rm -r "$path"
		mkdir "${all[@]}"
		for p in "${all[@]}"; do printf recycled >"$p/f"; done
	else
		rm "$path"
		for p in "${all[@]}"; do printf recycled >"$p"; done
	fi
	i=$(stat -c %i "${all[@]}" | grep -nxF "$ino" | cut -d: -f1)
	mv -T "$path.${i:-100}" "$path"
	rm -rf "$path".[0-9]*
	say "${i:-0}"
}

# Two directories on two filesystems, each with a file: equal inode numbers and
# times, if those are new filesystems.
make_twins() {
	[ -d "$1/m1/dir" ] || {
		mkdir "$1/m1/dir" && printf one >"$1/m1/dir/one" &&
			mkdir "$1/m2/dir" && printf two >"$1/m2/dir/two" &&
			touch -d @1767225600 "$1"/m[12]/dir/* &&
			touch -d @1767225600 "$1"/m[12]/dir
	} && [ "$(stat -c '%i %Y' "$1/m1/dir" "$1/m1/dir/one")" = \
		"$(stat -c '%i %Y' "$1/m2/dir" "$1/m2/dir/two")" ]
}

# do_verb VERB CASE A B: prints a number or nothing; true if it was done.
do_verb() {
	local dir=$export/$2 a=$3 b=$4 i

	case $2$a$b in
	*..* | /* | *[[:space:]]*) return 1 ;;
	esac
	case $1 in
	fresh)
		rm -rf "$dir" && mkdir -p "$dir/d/sub" "$dir/e/sub" &&
			printf granted >"$dir/d/f" &&
			printf deep >"$dir/d/sub/g" &&
			printf secret >"$dir/e/f"
		;;
	gone) rm -rf "$dir" ;;
	mv) mv -T "$dir/$a" "$dir/$b" ;;
	ln) ln "$dir/$a" "$dir/$b" ;;
	rm) rm -r "${dir:?}/$a" ;;
	mkdir) mkdir "$dir/$a" ;;
	fifo) mkfifo "$dir/$a" ;;
	touch) touch "$dir/$a" ;;
	write) printf %s "$b" >"$dir/$a" ;;
	files)
		mkdir "$dir/$a" &&
			for ((i = 1; i <= b; i++)); do : >"$dir/$a/$i"; done
		;;
	chmod) chmod "$b" "$dir/$a" ;;
	twins) make_twins "$dir" ;;
	ino) stat -c %i "$dir/$a" ;;
	recycle) recycle "$dir/$a" "$b" ;;
	fds) wait_fds "$a" ;;
	*) return 1 ;;
	esac
}
