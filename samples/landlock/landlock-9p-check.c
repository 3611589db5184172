// SPDX-License-Identifier: BSD-3-Clause
/*
 * Tells if Landlock rules hold on a directory, e.g. of a 9p mount.
 *
 * Needs no privileges, and none of the headers of the running kernel: makes a
 * temporary directory below the given one, and there runs short-lived children
 * that sandbox themselves.  Nothing else is touched, and the temporary directory
 * is removed, also after SIGHUP, SIGINT or SIGTERM.  Such a signal that comes
 * twice ends what waits for a server that does not answer.
 *
 * In what follows the parent plays the part of a user without sandbox who moves
 * files around.  It never keeps one open: without a cache, the kernel then
 * forgets the file, so that the next access looks it up anew.
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * What is used of the Landlock interface, whatever linux/landlock.h this is
 * built with.
 */

#ifndef __NR_landlock_create_ruleset
#define __NR_landlock_create_ruleset 444
#endif

#ifndef __NR_landlock_add_rule
#define __NR_landlock_add_rule 445
#endif

#ifndef __NR_landlock_restrict_self
#define __NR_landlock_restrict_self 446
#endif

#ifndef PR_SET_NO_NEW_PRIVS
#define PR_SET_NO_NEW_PRIVS 38
#endif

struct ruleset_attr {
	uint64_t handled_access_fs;
};

struct path_beneath_attr {
	uint64_t allowed_access;
	int32_t parent_fd;
} __attribute__((packed));

#define RULE_PATH_BENEATH 1

#define CREATE_RULESET_VERSION (1U << 0)
#define CREATE_RULESET_ERRATA (1U << 1)

/* Since ABI 12 */
#define ADD_RULE_PINNED (1U << 1)
#define ABI_PINNED 12

/* Rules on 9p filesystems */
#define ERRATUM_9P 5

#define ACCESS_READ_FILE (1ULL << 2)
#define ACCESS_READ_DIR (1ULL << 3)
#define ACCESS_REMOVE_FILE (1ULL << 5)
#define ACCESS_MAKE_REG (1ULL << 8)
/* Since ABI 2 */
#define ACCESS_REFER (1ULL << 13)
#define ABI_REFER 2

#define ACCESS_READ (ACCESS_READ_FILE | ACCESS_READ_DIR)
#define ACCESS_MOVE (ACCESS_REMOVE_FILE | ACCESS_MAKE_REG | ACCESS_REFER)

enum exit_status {
	EXIT_HOLDS = 0,
	EXIT_PARTLY = 1,
	EXIT_BROKEN = 2,
	EXIT_UNSUPPORTED = 3,
	EXIT_BAD_USAGE = 64,
	/* As shells do, plus the number of the signal */
	EXIT_SIGNAL = 128,
};

static const char help[] =
	"usage: landlock-9p-check DIR\n"
	"\n"
	"Checks if Landlock rules on files below DIR hold, in particular if DIR is on\n"
	"a 9p mount.  Needs no privileges but to create files in DIR.  All is done in\n"
	"a temporary directory of its own below DIR, which is removed at the end.\n"
	"\n"
	"Checks:\n"
	"* pinned: the filesystem agrees to keep the files of rules identified\n"
	"* relookup: what a rule allows is still allowed once the kernel forgot it\n"
	"* sibling: what no rule allows is denied\n"
	"* rename: rules follow renamed files and directories, and nothing gets into\n"
	"  a directory where a rule would give it more rights\n"
	"* hard link: a second name of an allowed file is allowed\n"
	"* recycled: a new file with the inode number of a deleted one is denied\n"
	"\n"
	"The last line is the verdict, which is also the exit status:\n"
	"*  0  holds: rules hold\n"
	"*  1  partly: some rules do not match what they should, or only as long as\n"
	"      a cache remembers\n"
	"*  2  broken: rules are lost with each use, or allow what they must not\n"
	"*  3  unsupported: there is no Landlock, or no file can be created in DIR and\n"
	"      then read\n"
	"* 64  bad usage\n";

enum result {
	/* As it should be */
	OK,
	/* Denied although there is a rule */
	LOST,
	/* Allowed although there is no rule */
	GAINED,
	/* Cannot be told here */
	SKIPPED,
};

static const char *const result_names[] = {
	[OK] = "ok",
	[LOST] = "LOST",
	[GAINED] = "GAINED",
	[SKIPPED] = "-",
};

static struct {
	/* The temporary directory, empty if there is none */
	char tmp[PATH_MAX + 32];
	dev_t tmp_dev;
	ino_t tmp_ino;
	int abi;
	bool is_9p, cached, fixed;
	/* Number of results of each kind */
	unsigned int results[SKIPPED + 1];
	/* Results of the check with a rule on a directory, and on a file */
	enum result relookup_dir, relookup_file;
	/* The filesystem refused to pin */
	bool unpinned;
} state;

static const int signals[] = { SIGHUP, SIGINT, SIGTERM };

static volatile sig_atomic_t stop;

static void on_signal(const int sig)
{
	stop = sig;
}

static int remove_entry(const char *const path, const struct stat *const st,
			const int type, struct FTW *const ftw)
{
	(void)st;
	(void)ftw;
	/* Goes on with the rest whatever happens. */
	if (type == FTW_DP || type == FTW_D || type == FTW_DNR)
		rmdir(path);
	else
		unlink(path);
	return 0;
}

static void clean_up(void)
{
	struct stat st;

	if (!state.tmp[0])
		return;

	/* Nothing else, whatever others put there. */
	if (!lstat(state.tmp, &st) && st.st_dev == state.tmp_dev &&
	    st.st_ino == state.tmp_ino)
		nftw(state.tmp, remove_entry, 8,
		     FTW_DEPTH | FTW_MOUNT | FTW_PHYS);
	if (!lstat(state.tmp, &st))
		fprintf(stderr, "landlock-9p-check: cannot remove %s\n",
			state.tmp);
	state.tmp[0] = '\0';
}

__attribute__((noreturn)) static void leave(const int status)
{
	const int sig = stop;

	fflush(stdout);
	clean_up();
	if (!sig)
		exit(status);

	fprintf(stderr, "landlock-9p-check: interrupted\n");
	exit(EXIT_SIGNAL + sig);
}

/* For what is no matter of Landlock, e.g. the disk is full. */
__attribute__((noreturn, format(printf, 1, 2))) static void
fail(const char *const format, ...)
{
	const int err = errno;
	va_list args;

	if (!stop) {
		fflush(stdout);
		fputs("landlock-9p-check: ", stderr);
		va_start(args, format);
		vfprintf(stderr, format, args);
		va_end(args);
		fprintf(stderr, ": %s\n", strerror(err));
		puts("verdict: unsupported");
	}
	leave(EXIT_UNSUPPORTED);
}

/* Path of @name in the temporary directory; lives until four other calls. */
static const char *in_tmp(const char *const name)
{
	static char bufs[4][PATH_MAX + NAME_MAX];
	static unsigned int next;
	char *const buf = bufs[next++ % 4];

	snprintf(buf, sizeof(bufs[0]), "%s/%s", state.tmp, name);
	return buf;
}

static void make_dir(const char *const name)
{
	if (stop || mkdir(in_tmp(name), 0700))
		fail("cannot create the directory %s", in_tmp(name));
}

/* Returns the inode number. */
static ino_t make_file(const char *const name)
{
	const char *const path = in_tmp(name);
	struct stat st;
	int fd = -1;

	if (!stop)
		fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, "x", 1) != 1 || close(fd) || stat(path, &st))
		fail("cannot create the file %s", path);
	return st.st_ino;
}

static void move(const char *const from, const char *const to)
{
	if (stop || rename(in_tmp(from), in_tmp(to)))
		fail("cannot rename %s", in_tmp(from));
}

static int new_ruleset(const uint64_t handled)
{
	const struct ruleset_attr attr = { .handled_access_fs = handled };
	const int fd =
		syscall(__NR_landlock_create_ruleset, &attr, sizeof(attr), 0);

	if (fd < 0)
		fail("cannot create a ruleset");
	return fd;
}

/* Returns 0 or errno. */
static int add_rule(const int ruleset_fd, const char *const path,
		    const uint64_t access, const unsigned int flags)
{
	struct path_beneath_attr attr = { .allowed_access = access };
	int err = 0;

	/* The kernel forgets the file once this is closed. */
	attr.parent_fd = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	if (attr.parent_fd < 0)
		fail("cannot open %s", path);
	if (syscall(__NR_landlock_add_rule, ruleset_fd, RULE_PATH_BENEATH,
		    &attr, flags))
		err = errno;
	close(attr.parent_fd);
	return err;
}

/* Adds the best rule that there is. */
static void allow(const int ruleset_fd, const char *const name,
		  const uint64_t access)
{
	const char *const path = in_tmp(name);
	int err;

	if (state.abi >= ABI_PINNED) {
		err = add_rule(ruleset_fd, path, access, ADD_RULE_PINNED);
		if (!err)
			return;
		state.unpinned = true;
	}
	err = add_rule(ruleset_fd, path, access, 0);
	if (err) {
		errno = err;
		fail("cannot add a rule for %s", path);
	}
}

/* A ruleset with one rule, to read a file or below a directory */
static int ruleset_for(const char *const name, const uint64_t access)
{
	const int ruleset_fd = new_ruleset(ACCESS_READ);

	allow(ruleset_fd, name, access);
	return ruleset_fd;
}

/*
 * Reads @name, or renames it to @name2 if there is one, in a sandbox if
 * @ruleset_fd is not -1.  Returns 0 or errno.
 */
static int attempt(const int ruleset_fd, const char *const name,
		   const char *const name2)
{
	const char *const path = in_tmp(name);
	int status, fd;
	pid_t pid;
	size_t i;
	char c;

	/* The output must not be written twice. */
	fflush(NULL);
	pid = stop ? -1 : fork();
	if (pid == 0) {
		/* Nothing here takes long: ends what waits for a server. */
		alarm(60);
		for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
			if (signal(signals[i], SIG_DFL) == SIG_IGN)
				signal(signals[i], SIG_IGN);
		}
		if (ruleset_fd >= 0 &&
		    (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		     syscall(__NR_landlock_restrict_self, ruleset_fd, 0)))
			_exit(255);
		if (name2)
			_exit(rename(path, in_tmp(name2)) ? errno : 0);

		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			_exit(errno);
		/* A directory cannot be read like this, which is fine. */
		_exit(read(fd, &c, 1) < 0 && errno != EISDIR ? errno : 0);
	}
	if (pid < 0)
		fail("cannot create a process");
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			fail("cannot wait for a process");
		if (stop)
			kill(pid, SIGKILL);
	}
	if (stop)
		leave(EXIT_UNSUPPORTED);
	if (!WIFEXITED(status)) {
		errno = ETIMEDOUT;
		fail("cannot read %s", path);
	}
	if (WEXITSTATUS(status) == 255) {
		errno = EPERM;
		fail("cannot enforce a ruleset");
	}
	return WEXITSTATUS(status);
}

__attribute__((format(printf, 3, 4))) static void
report(const char *const check, const enum result result,
       const char *const format, ...)
{
	va_list args;

	state.results[result]++;
	printf("  %-30s %-7s ", check, result_names[result]);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

/*
 * @name must be allowed.  It is also read without sandbox first, so that only
 * Landlock is judged.
 */
static enum result expect_allowed(const char *const check, const int ruleset_fd,
				  const char *const name)
{
	int err = attempt(-1, name, NULL);

	if (err) {
		report(check, SKIPPED, "cannot be read at all: %s",
		       strerror(err));
		return SKIPPED;
	}
	err = attempt(ruleset_fd, name, NULL);
	if (err) {
		report(check, LOST, "%s: %s", name, strerror(err));
		return LOST;
	}
	report(check, OK, "allowed");
	return OK;
}

/* The other way around. */
static enum result expect_denied(const char *const check, const int ruleset_fd,
				 const char *const name)
{
	const int err = attempt(ruleset_fd, name, NULL);

	if (err == EACCES) {
		report(check, OK, "denied");
		return OK;
	}
	if (err) {
		report(check, SKIPPED, "%s: %s", name, strerror(err));
		return SKIPPED;
	}
	report(check, GAINED, "%s: allowed by no rule", name);
	return GAINED;
}

static void check_pinned(void)
{
	const int ruleset_fd = new_ruleset(ACCESS_READ);
	int err;

	if (!state.is_9p) {
		report("pinned", SKIPPED, "only asked for on 9p");
	} else if (state.abi < ABI_PINNED) {
		report("pinned", SKIPPED, "no: needs ABI %d", ABI_PINNED);
		state.unpinned = true;
	} else {
		err = add_rule(ruleset_fd, in_tmp("dir"), ACCESS_READ,
			       ADD_RULE_PINNED);
		if (!err)
			err = add_rule(ruleset_fd, in_tmp("file"),
				       ACCESS_READ_FILE, ADD_RULE_PINNED);
		if (err)
			report("pinned", LOST, "no: %s", strerror(err));
		else
			report("pinned", OK, "yes");
	}
	close(ruleset_fd);
}

static void check_relookup(void)
{
	int ruleset_fd = ruleset_for("dir", ACCESS_READ);

	state.relookup_dir = expect_allowed("relookup, rule on directory",
					    ruleset_fd, "dir/f");
	expect_denied("sibling of directory", ruleset_fd, "file");
	close(ruleset_fd);

	ruleset_fd = ruleset_for("dir/f", ACCESS_READ_FILE);
	state.relookup_file =
		expect_allowed("relookup, rule on file", ruleset_fd, "dir/f");
	expect_denied("sibling of file", ruleset_fd, "dir/g");
	close(ruleset_fd);
}

static void check_rename(void)
{
	int ruleset_fd = ruleset_for("dir", ACCESS_READ);

	move("dir/f", "dir/f2");
	expect_allowed("rename in allowed directory", ruleset_fd, "dir/f2");
	move("dir/f2", "other/f2");
	expect_denied("rename out of it", ruleset_fd, "other/f2");
	move("other/f2", "dir/f");

	close(ruleset_fd);

	/*
	 * The directory is empty when it is renamed: there are servers which
	 * then do not find what a client already knows below it.
	 */
	make_dir("old");
	ruleset_fd = ruleset_for("old", ACCESS_READ);
	move("old", "new");
	make_file("new/f");
	expect_allowed("rename of allowed directory", ruleset_fd, "new/f");
	make_dir("old");
	make_file("old/f");
	expect_denied("new directory in its place", ruleset_fd, "old/f");
	close(ruleset_fd);

	ruleset_fd = ruleset_for("file", ACCESS_READ_FILE);
	move("file", "other/file");
	expect_allowed("rename of allowed file", ruleset_fd, "other/file");
	make_file("file");
	expect_denied("new file in its place", ruleset_fd, "file");
	close(ruleset_fd);
}

/*
 * A sandbox may move files wherever it likes, but not read them: it must not
 * move one to where a rule lets it read them.
 */
static void check_refer(void)
{
	const char *const check = "rename to get more rights";
	int top_fd, ruleset_fd, err;

	if (state.abi < ABI_REFER) {
		report(check, SKIPPED, "needs ABI %d", ABI_REFER);
		return;
	}

	/* The kernel must know the first rule, whatever it does to others. */
	top_fd = open(state.tmp, O_PATH | O_CLOEXEC);
	if (top_fd < 0)
		fail("cannot open %s", state.tmp);
	ruleset_fd = new_ruleset(ACCESS_MOVE | ACCESS_READ);
	allow(ruleset_fd, ".", ACCESS_MOVE);
	allow(ruleset_fd, "dir", ACCESS_READ);
	make_file("other/moved");
	err = attempt(ruleset_fd, "other/moved", "dir/moved");
	close(ruleset_fd);
	close(top_fd);
	if (!err)
		report(check, GAINED, "dir/moved: allowed by no rule");
	else if (err == EXDEV || err == EACCES)
		report(check, OK, "denied");
	else
		report(check, SKIPPED, "%s", strerror(err));
}

static void check_hard_link(void)
{
	const char *const check = "hard link of allowed file";
	const int ruleset_fd = ruleset_for("dir/f", ACCESS_READ_FILE);

	if (link(in_tmp("dir/f"), in_tmp("other/link")))
		report(check, SKIPPED, "no hard links: %s", strerror(errno));
	else
		expect_allowed(check, ruleset_fd, "other/link");
	close(ruleset_fd);
}

#define MAX_TRIES 100

/*
 * Deletes an allowed file, and creates files in its place until one gets its
 * inode number.
 */
static void check_recycled(const bool dir)
{
	const char *const check = dir ? "recycled number, directory" :
					"recycled number, file";
	struct stat st;
	int ruleset_fd, i;
	ino_t old;

	if (dir)
		make_dir("other/r");
	else
		make_file("other/r");
	if (stat(in_tmp("other/r"), &st))
		fail("cannot see %s", in_tmp("other/r"));
	old = st.st_ino;
	ruleset_fd =
		ruleset_for("other/r", dir ? ACCESS_READ : ACCESS_READ_FILE);

	for (i = 0; i < MAX_TRIES; i++) {
		if (remove(in_tmp("other/r")))
			fail("cannot remove %s", in_tmp("other/r"));
		if (dir)
			make_dir("other/r");
		else
			make_file("other/r");
		if (stat(in_tmp("other/r"), &st))
			fail("cannot see %s", in_tmp("other/r"));
		if (st.st_ino == old)
			break;
	}
	if (i < MAX_TRIES)
		expect_denied(check, ruleset_fd, "other/r");
	else
		report(check, OK, "not given anew in %d tries", MAX_TRIES);
	close(ruleset_fd);
	if (remove(in_tmp("other/r")))
		fail("cannot remove %s", in_tmp("other/r"));
}

static int judge(void)
{
	if (state.results[GAINED] ||
	    (state.relookup_dir == LOST && state.relookup_file == LOST)) {
		puts("verdict: broken");
		return EXIT_BROKEN;
	}
	/* Nothing was seen to be allowed. */
	if (state.relookup_dir == SKIPPED || state.relookup_file == SKIPPED) {
		puts("verdict: unsupported");
		return EXIT_UNSUPPORTED;
	}

	/*
	 * Nobody can make the kernel drop its cache without privileges, but it
	 * does that when it needs memory, and when a file changes.
	 */
	if (state.is_9p && state.cached && state.unpinned && !state.fixed &&
	    !state.results[LOST])
		puts("Rules are only seen to hold as long as the cache remembers the files.");
	if (state.results[LOST] ||
	    (state.is_9p && state.unpinned && !state.fixed)) {
		puts("verdict: partly");
		return EXIT_PARTLY;
	}
	puts("verdict: holds");
	return EXIT_HOLDS;
}

/*
 * Tells the mode of a 9p mount that has @options, which is a name on old
 * kernels and a mask on others.
 */
static const char *cache_mode(const char *const options, bool *const cached)
{
	static const struct {
		unsigned long mask;
		const char *name;
		bool cached;
	} modes[] = {
		{ 0x00, "none", false },   { 0x01, "readahead", false },
		{ 0x05, "mmap", false },   { 0x0f, "loose", true },
		{ 0x8f, "fscache", true },
	};
	/* Metadata and loose, which keep inodes */
	const unsigned long keeps_inodes = 0x02 | 0x08;
	const char *option = strstr(options, ",cache=");
	static char value[32];
	unsigned long mask;
	char *end;
	size_t i;

	*cached = false;
	if (!option)
		return modes[0].name;

	option += strlen(",cache=");
	snprintf(value, sizeof(value), "%.*s", (int)strcspn(option, ","),
		 option);
	mask = strtoul(value, &end, 0);
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (*end ? !strcmp(value, modes[i].name) :
			   mask == modes[i].mask) {
			*cached = modes[i].cached;
			return modes[i].name;
		}
	}
	*cached = *end || (mask & keeps_inodes);
	return value;
}

/* The mount of @fd, or -1 */
static int get_mount_id(const int fd)
{
	char path[64], line[256];
	int mnt_id = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	while (file && mnt_id < 0 && fgets(line, sizeof(line), file))
		sscanf(line, "mnt_id: %d", &mnt_id);
	if (file)
		fclose(file);
	return mnt_id;
}

/* Prints what is mounted. */
static void show_mount(const char *const dir, const int fd)
{
	const int mnt_id = get_mount_id(fd);
	char *line = NULL, *super;
	size_t size = 0;
	FILE *file;

	printf("directory  %s\n", dir);
	file = fopen("/proc/self/mountinfo", "re");
	while (file && getline(&line, &size, file) > 0) {
		char point[PATH_MAX], flags[256], type[64], source[256];
		char options[1024];
		int id;

		super = strstr(line, " - ");
		if (!super ||
		    sscanf(line, "%d %*s %*s %*s %4095s %255s", &id, point,
			   flags) != 3 ||
		    id != mnt_id ||
		    sscanf(super, " - %63s %255s %1023s", type, source,
			   options) != 3)
			continue;

		printf("mount      %s on %s\n", source, point);
		printf("type       %s\n", type);
		printf("options    %s; %s\n", flags, options);
		state.is_9p = !strcmp(type, "9p");
		if (state.is_9p)
			printf("cache      %s\n",
			       cache_mode(options, &state.cached));
		break;
	}
	if (!file || mnt_id < 0)
		puts("mount      unknown: is /proc mounted?");
	if (file)
		fclose(file);
	free(line);
}

/* Prints what the kernel has, and returns false if that is nothing. */
static bool show_landlock(void)
{
	int errata;

	state.abi = syscall(__NR_landlock_create_ruleset, NULL, 0,
			    CREATE_RULESET_VERSION);
	if (state.abi <= 0) {
		printf("Landlock   %s\n", errno == EOPNOTSUPP ?
						  "disabled at boot time" :
						  "not in this kernel");
		return false;
	}
	errata = syscall(__NR_landlock_create_ruleset, NULL, 0,
			 CREATE_RULESET_ERRATA);
	state.fixed = errata >= 0 && (errata & (1 << (ERRATUM_9P - 1)));
	printf("Landlock   ABI %d, erratum %d (rules on 9p) %s\n", state.abi,
	       ERRATUM_9P, state.fixed ? "fixed" : "not fixed");
	return true;
}

int main(const int argc, char *const argv[])
{
	const struct sigaction action = {
		.sa_handler = on_signal,
		.sa_flags = SA_RESETHAND,
	};
	struct sigaction old_action;
	char dir[PATH_MAX];
	struct stat st;
	size_t i;
	int fd;

	if (argc == 2 &&
	    (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		fputs(help, stdout);
		return EXIT_SUCCESS;
	}
	if (argc != 2 || argv[1][0] == '-') {
		fputs("usage: landlock-9p-check DIR (or --help)\n", stderr);
		return EXIT_BAD_USAGE;
	}
	fd = realpath(argv[1], dir) ?
		     open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC) :
		     -1;
	if (fd < 0) {
		fprintf(stderr, "landlock-9p-check: cannot open %s: %s\n",
			argv[1], strerror(errno));
		return EXIT_BAD_USAGE;
	}

	/* The current directory may be what must be forgotten. */
	if (chdir("/"))
		fail("cannot leave the current directory");
	show_mount(dir, fd);
	close(fd);
	if (!show_landlock()) {
		puts("verdict: unsupported");
		return EXIT_UNSUPPORTED;
	}

	/* Without SA_RESTART, and writing to a closed pipe does not matter. */
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		/* Not what nohup(1) or a shell's "&" ignores. */
		if (!sigaction(signals[i], NULL, &old_action) &&
		    old_action.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
	}
	signal(SIGPIPE, SIG_IGN);

	snprintf(state.tmp, sizeof(state.tmp), "%s/.landlock-9p-check.XXXXXX",
		 dir);
	if (!mkdtemp(state.tmp)) {
		state.tmp[0] = '\0';
		fail("cannot create a directory in %s", dir);
	}
	if (lstat(state.tmp, &st))
		fail("cannot see %s", state.tmp);
	state.tmp_dev = st.st_dev;
	state.tmp_ino = st.st_ino;
	make_dir("dir");
	make_dir("other");
	make_file("dir/f");
	make_file("dir/g");
	make_file("file");

	check_pinned();
	check_relookup();
	check_rename();
	check_refer();
	check_hard_link();
	check_recycled(false);
	check_recycled(true);
	leave(judge());
}
