/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What all cases of guest_9p need: the channel to the host, the mount, sandboxes,
 * and checks that tell why they failed.
 */

#ifndef GUEST_9P_H
#define GUEST_9P_H

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
#define MANY 500

enum op { READ, WRITE, LIST, RENAME, LINK, EXCHANGE, STOP };

struct request {
	enum op op;
	char path[2][200];
};

struct reply {
	int error;
	char content[32];
};

struct sandbox {
	pid_t pid;
	int fd;
};

static FILE *to_host, *from_host;
static const char *cache;
static char case_dir[64];
static long fds_before;
static struct sandbox sandboxes[8];
static size_t sandbox_count;
static int rulesets[16];
static size_t ruleset_count;
static bool mounted;
static char why[400];
static bool skipped;

/* Ends a case with a reason; only for functions that return const char *. */
#define FAIL(...)                                        \
	do {                                             \
		snprintf(why, sizeof(why), __VA_ARGS__); \
		return why;                              \
	} while (0)

#define TRY(call)                            \
	do {                                 \
		const char *const e_ = call; \
		if (e_)                      \
			return e_;           \
	} while (0)

__attribute__((noreturn)) static void broken(const char *const what)
{
	fprintf(stderr, "guest_9p: %s: %s\n", what, strerror(errno));
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

static const char *p9(const char *const name)
{
	return in(MNT, name);
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
		fprintf(stderr, "guest_9p: host: %s %s %s: %s", verb, a, b,
			line);
		exit(2);
	}
	sscanf(line, "ok %ld", &n);
	return n;
}

static long host_fds(const long at_most)
{
	char number[24];

	snprintf(number, sizeof(number), "%ld", at_most);
	return host("fds", number, "");
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

static int do_mount(void)
{
	char options[100];

	snprintf(options, sizeof(options),
		 "trans=virtio,version=9p2000.L,cache=%s", cache);
	if (mount("p9", MNT, "9p", 0, options))
		return errno;
	mounted = true;
	return 0;
}

static int do_umount(void)
{
	if (umount(MNT))
		return errno;
	mounted = false;
	return 0;
}

/* Sandboxes */

static struct reply act(const struct request *const request)
{
	const char *const a = request->path[0], *const b = request->path[1];
	struct reply reply = {};
	int fd, ret;

	switch (request->op) {
	case READ:
		fd = open(a, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			break;
		ret = read(fd, reply.content, sizeof(reply.content) - 1);
		if (ret < 0)
			reply.error = errno;
		close(fd);
		return reply;
	case WRITE:
		fd = open(a, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			break;
		close(fd);
		return reply;
	case LIST:
		fd = open(a, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			break;
		close(fd);
		return reply;
	case RENAME:
		if (rename(a, b))
			break;
		return reply;
	case LINK:
		if (link(a, b))
			break;
		return reply;
	case EXCHANGE:
		if (renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE))
			break;
		return reply;
	case STOP:
		exit(0);
	}
	reply.error = errno;
	return reply;
}

static struct request request(const enum op op, const char *const a,
			      const char *const b)
{
	struct request r = { .op = op };

	snprintf(r.path[0], sizeof(r.path[0]), "%s", a);
	snprintf(r.path[1], sizeof(r.path[1]), "%s", b);
	return r;
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

static void close_rulesets(void)
{
	while (ruleset_count)
		close(rulesets[--ruleset_count]);
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

/* A process in a sandbox of so many layers that does what it is asked. */
static struct sandbox *new_sandbox(const int ruleset, int layers)
{
	struct sandbox *const box = &sandboxes[sandbox_count++];
	struct request r;
	struct reply reply;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		broken("socketpair");
	box->pid = fork();
	if (box->pid < 0)
		broken("fork");
	if (box->pid == 0) {
		close(pair[0]);
		while (layers--)
			if (restrict_self(ruleset))
				broken("landlock_restrict_self");
		close_rulesets();
		while (recv(pair[1], &r, sizeof(r), 0) == sizeof(r)) {
			reply = act(&r);
			send(pair[1], &reply, sizeof(reply), 0);
		}
		exit(0);
	}
	close(pair[1]);
	box->fd = pair[0];
	return box;
}

static void end_sandboxes(void)
{
	while (sandbox_count) {
		struct sandbox *const box = &sandboxes[--sandbox_count];

		close(box->fd);
		waitpid(box->pid, NULL, 0);
	}
}

/* The errno of an operation in the sandbox, or here if there is none. */
static struct reply ask(struct sandbox *const box, const enum op op,
			const char *const a, const char *const b)
{
	const struct request r = request(op, a, b);
	struct reply reply = { .error = EPIPE };

	if (!box)
		return act(&r);
	if (send(box->fd, &r, sizeof(r), MSG_NOSIGNAL) == sizeof(r))
		recv(box->fd, &reply, sizeof(reply), 0);
	return reply;
}

static const char *name_of(const int error)
{
	return error ? strerrorname_np(error) : "success";
}

static const char *expect(struct sandbox *const box, const char *const when,
			  const enum op op, const char *const a,
			  const char *const b, const int error)
{
	static const char *const ops[] = { "read",   "write", "list",
					   "rename", "link",  "exchange" };
	const int got = ask(box, op, a, b).error;

	if (got != error)
		FAIL("%s: %s%s %s %s: %s instead of %s", when,
		     box ? "" : "(no sandbox) ", ops[op], a, b, name_of(got),
		     name_of(error));
	return NULL;
}

/* Content is not checked where NULL: then the file must be denied. */
static const char *reads(struct sandbox *const box, const char *const when,
			 const char *const path, const char *const content)
{
	const struct reply reply = ask(box, READ, path, "");

	if (reply.error != (content ? 0 : EACCES))
		FAIL("%s: %sread %s: %s instead of %s", when,
		     box ? "" : "(no sandbox) ", path, name_of(reply.error),
		     content ? "success" : "EACCES");
	if (content && *content && strcmp(reply.content, content))
		FAIL("%s: read %s: \"%s\" instead of \"%s\"", when, path,
		     reply.content, content);
	return NULL;
}

static const char *ruled(const int ruleset, const char *const path,
			 const __u64 access)
{
	const int err = add_rule(ruleset, path, access);

	if (err)
		FAIL("landlock_add_rule %s: %s", path, name_of(err));
	return NULL;
}

/* A sandbox with one rule. */
static const char *sandboxed(const char *const path, const __u64 access,
			     struct sandbox **const box)
{
	const int ruleset = new_ruleset();

	TRY(ruled(ruleset, path, access));
	*box = new_sandbox(ruleset, 1);
	return NULL;
}

/* What a cache says of a file that the host rewrote is its own affair. */
static const char *fresh(const char *const content)
{
	return strcmp(cache, "loose") ? content : "";
}

/*
 * Cases.  The host made d/f "granted", d/sub/g "deep", e/f "secret", e/sub.
 */

#endif /* GUEST_9P_H */
