/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What all cases of guest_9p need: the mount, sandboxes, and checks that tell why
 * they failed.
 */

#ifndef GUEST_9P_H
#define GUEST_9P_H

#include "../guest.h"

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

static const char *cache;
static long fds_before;
static struct sandbox sandboxes[8];
static size_t sandbox_count;
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

static const char *p9(const char *const name)
{
	return in(MNT, name);
}

static long host_fds(const long at_most)
{
	char number[24];

	snprintf(number, sizeof(number), "%ld", at_most);
	return host("fds", number, "");
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

static void close_rulesets(void)
{
	while (ruleset_count)
		close(rulesets[--ruleset_count]);
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
