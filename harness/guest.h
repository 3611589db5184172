/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the programs that run in a guest share: the channel to the script on the
 * server's side, caches, rulesets.
 *
 * The script owns the exported directory.  A line from here to there:
 *
 *   do VERB CASE ARGUMENT...
 *                       asks it to act; it answers "ok [NUMBER]" or "no"
 */

#ifndef GUEST_H
#define GUEST_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define MNT "/mnt/p9"
#define FS(name) LANDLOCK_ACCESS_FS_##name
#define RO (FS(READ_FILE) | FS(READ_DIR))
#define HANDLED                                                          \
	(RO | FS(EXECUTE) | FS(WRITE_FILE) | FS(REMOVE_DIR) |            \
	 FS(REMOVE_FILE) | FS(MAKE_DIR) | FS(MAKE_REG) | FS(MAKE_FIFO) | \
	 FS(REFER) | FS(TRUNCATE))

static FILE *to_host, *from_host;
/* The directory of this case in the export. */
static char case_dir[64];
static int rulesets[16];
static size_t ruleset_count;

__attribute__((noreturn)) static void broken(const char *const what)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what,
		strerror(errno));
	exit(2);
}

/* The path of a file of this case in the guest. */
static const char *in(const char *const top, const char *const name)
{
	static char paths[8][200];
	static unsigned int next;
	char *const path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s/%s", top, case_dir, name);
	return path;
}

static void tell(const char *const format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(to_host, format, args);
	va_end(args);
	fputc('\n', to_host);
	if (fflush(to_host))
		broken("host");
}

/* Asks the host; paths are relative to the directory of the case. */
static long host(const char *const verb, const char *const a,
		 const char *const b)
{
	char line[100];
	long n = 0;

	tell("do %s %s %s %s", verb, case_dir, a, b);
	if (!fgets(line, sizeof(line), from_host))
		broken("no answer from the host");
	if (strncmp(line, "ok", 2)) {
		fprintf(stderr, "host: %s %s %s: %s", verb, a, b, line);
		exit(2);
	}
	sscanf(line, "ok %ld", &n);
	return n;
}

/* Some entries take more than one pass. */
static void drop_caches(void)
{
	for (int i = 0; i < 3; i++) {
		const int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

		if (fd < 0 || write(fd, "3", 1) != 1)
			broken("drop_caches");
		close(fd);
	}
}

static const char *name_of(const int error)
{
	return error ? strerrorname_np(error) : "success";
}

static int new_ruleset(void)
{
	const struct landlock_ruleset_attr attr = { .handled_access_fs =
							    HANDLED };
	const int fd =
		syscall(__NR_landlock_create_ruleset, &attr, sizeof(attr), 0);

	if (fd < 0)
		broken("landlock_create_ruleset");
	rulesets[ruleset_count++] = fd;
	return fd;
}

/* Returns an errno. */
static int add_rule(const int ruleset, const char *const path,
		    const __u64 access)
{
	struct landlock_path_beneath_attr attr = { .allowed_access = access };
	int err = 0;

	attr.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (attr.parent_fd < 0)
		return errno;
	if (syscall(__NR_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH,
		    &attr, 0))
		err = errno;
	close(attr.parent_fd);
	return err;
}

static int restrict_self(const int ruleset)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    syscall(__NR_landlock_restrict_self, ruleset, 0))
		return errno;
	return 0;
}

/* One round trip with the host per line, through our own input and output. */
static void open_host(void)
{
	struct termios t;

	/* A serial line: without echo. */
	if (!tcgetattr(STDIN_FILENO, &t)) {
		cfmakeraw(&t);
		cfsetspeed(&t, B115200);
		if (tcsetattr(STDIN_FILENO, TCSANOW, &t))
			broken("serial line");
	}
	to_host = fdopen(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3), "w");
	from_host = fdopen(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3), "r");
	if (!to_host || !from_host)
		broken("host");
}

#endif /* GUEST_H */
