/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What all scenarios of the matrix need: a process in a sandbox and one that is
 * free, what they hold, what they try, and how it is judged.
 */

#ifndef MATRIX_GUEST_H
#define MATRIX_GUEST_H

#include "../guest.h"

#define TRACING "/sys/kernel/tracing/"

enum op {
	READ,
	LIST,
	WRITE,
	CREATE,
	UNLINK,
	RENAME,
	LINK,
	HOLD,
	RESTRICT,
	SETUID
};

/* The ways to a file: by its name, or from what was held before. */
enum way { BY_NAME, BY_CWD, BY_OPATH, BY_ODIR, BY_PROC, BY_FILE };

static const char *const way_names[] = {
	[BY_NAME] = "by name",	     [BY_CWD] = "working directory",
	[BY_OPATH] = "O_PATH",	     [BY_ODIR] = "O_DIRECTORY",
	[BY_PROC] = "/proc/self/fd", [BY_FILE] = "/proc/self/fd of the file",
};

struct place {
	enum way way;
	char path[200];
};

struct request {
	enum op op;
	int number;
	struct place place[2];
};

struct reply {
	int error;
	int messages;
	char content[32];
};

struct actor {
	pid_t pid;
	int fd;
};

/* Two processes that do and hold the same; only the first is restricted. */
static struct actor box, control;
/* What an actor holds. */
static int opath = -1, odir = -1, ofile = -1;

/* The server of now, and what is said of it. */
static char server[32], flags[100];
static const char *scenario;

static bool has_flag(const char *const flag)
{
	return strstr(flags, flag);
}

static void tracing(const char *const name, const char *const text)
{
	char path[200];
	int fd;

	snprintf(path, sizeof(path), TRACING "%s", name);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return;
	if (*text && write(fd, text, strlen(text)) < 0)
		broken(path);
	close(fd);
}

/* Not Tclunk (120): nobody waits for it, so it may come late. */
static void count_requests(void)
{
	tracing("events/9p/9p_client_req/filter", "type != 120");
	tracing("events/9p/9p_client_req/enable", "1");
}

/* The number of requests to servers since the trace was emptied; -1: not known. */
static int requests(void)
{
	FILE *const trace = fopen(TRACING "trace", "re");
	char line[300];
	int n = 0;

	if (!trace)
		return -1;
	while (fgets(line, sizeof(line), trace))
		if (*line != '#' && strstr(line, "9p_client_req:"))
			n++;
	fclose(trace);
	return n;
}

/* The actors */

static int at(const struct place *const place, char *const path,
	      const size_t size)
{
	snprintf(path, size, "%s", place->path);
	switch (place->way) {
	case BY_NAME:
		snprintf(path, size, "%s", in(MNT, place->path));
		return AT_FDCWD;
	case BY_CWD:
		return AT_FDCWD;
	case BY_OPATH:
		return opath;
	case BY_ODIR:
		return odir;
	case BY_PROC:
		snprintf(path, size, "/proc/self/fd/%d/%s", opath, place->path);
		return AT_FDCWD;
	case BY_FILE:
		snprintf(path, size, "/proc/self/fd/%d", ofile);
		return AT_FDCWD;
	}
	return -1;
}

static int do_hold(const char *const dir, const char *const file)
{
	if (chdir(dir))
		return errno;
	opath = open(dir, O_PATH | O_CLOEXEC);
	odir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ofile = open(file, O_PATH | O_CLOEXEC);
	return opath < 0 || odir < 0 || ofile < 0 ? errno : 0;
}

/* The content is the first of the names. */
static int do_list(const int dirfd, const char *const path,
		   struct reply *const reply)
{
	const int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *entry;
	DIR *dir;

	if (fd < 0)
		return errno;
	dir = fdopendir(fd);
	errno = 0;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' &&
		    (!*reply->content ||
		     strcmp(entry->d_name, reply->content) < 0))
			snprintf(reply->content, sizeof(reply->content),
				 "%.31s", entry->d_name);
	if (errno) {
		const int err = errno;

		closedir(dir);
		return err;
	}
	closedir(dir);
	return 0;
}

static int do_read(const int dirfd, const char *const path,
		   struct reply *const reply)
{
	const int fd = openat(dirfd, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return errno;
	if (read(fd, reply->content, sizeof(reply->content) - 1) < 0)
		err = errno;
	close(fd);
	return err;
}

static int do_write(const int dirfd, const char *const path, const int flags)
{
	const int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC | flags, 0644);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/* Such a process may not look at /proc/self/fd without being dumpable. */
static int do_setuid(const uid_t uid)
{
	return setresuid(uid, uid, uid) || prctl(PR_SET_DUMPABLE, 1) ? errno :
								       0;
}

/* The ruleset is younger than this process. */
static int do_restrict(const int number)
{
	const int pidfd = syscall(SYS_pidfd_open, getppid(), 0);
	const int ruleset = syscall(SYS_pidfd_getfd, pidfd, number, 0);

	return pidfd < 0 || ruleset < 0 ? errno : restrict_self(ruleset);
}

static struct reply act(const struct request *const r)
{
	struct reply reply = {};
	char path[2][250];
	int dir[2];

	for (int i = 0; i < 2; i++)
		dir[i] = at(&r->place[i], path[i], sizeof(path[i]));
	switch (r->op) {
	case READ:
		reply.error = do_read(dir[0], path[0], &reply);
		break;
	case LIST:
		reply.error = do_list(dir[0], path[0], &reply);
		break;
	case WRITE:
		reply.error = do_write(dir[0], path[0], 0);
		break;
	case CREATE:
		reply.error = do_write(dir[0], path[0], O_CREAT | O_EXCL);
		break;
	case UNLINK:
		if (unlinkat(dir[0], path[0], 0))
			reply.error = errno;
		break;
	case RENAME:
		if (renameat(dir[0], path[0], dir[1], path[1]))
			reply.error = errno;
		break;
	case LINK:
		if (linkat(dir[0], path[0], dir[1], path[1], 0))
			reply.error = errno;
		break;
	case HOLD:
		reply.error = do_hold(path[0], path[1]);
		break;
	case RESTRICT:
		reply.error = do_restrict(r->number);
		break;
	case SETUID:
		reply.error = do_setuid(r->number);
		break;
	}
	return reply;
}

static struct actor new_actor(void)
{
	struct actor actor;
	struct request r;
	struct reply reply;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		broken("socketpair");
	actor.pid = fork();
	if (actor.pid < 0)
		broken("fork");
	if (actor.pid == 0) {
		close(pair[0]);
		while (recv(pair[1], &r, sizeof(r), 0) == sizeof(r)) {
			reply = act(&r);
			send(pair[1], &reply, sizeof(reply), 0);
		}
		_exit(0);
	}
	close(pair[1]);
	actor.fd = pair[0];
	return actor;
}

/* The one that is free has a copy of the other's socket: it goes first. */
static void end_actors(void)
{
	if (!box.pid)
		return;
	close(box.fd);
	close(control.fd);
	waitpid(control.pid, NULL, 0);
	waitpid(box.pid, NULL, 0);
	box = control = (struct actor){};
}

static struct reply ask(const struct actor *const actor,
			const struct request *const r)
{
	struct reply reply = { .error = EPIPE };

	tracing("trace", "");
	if (send(actor->fd, r, sizeof(*r), MSG_NOSIGNAL) == sizeof(*r))
		recv(actor->fd, &reply, sizeof(reply), 0);
	reply.messages = requests();
	return reply;
}

static struct request request(const enum op op, const enum way way,
			      const char *const path, const enum way way2,
			      const char *const path2)
{
	struct request r = { .op = op };

	r.place[0].way = way;
	snprintf(r.place[0].path, sizeof(r.place[0].path), "%s", path);
	r.place[1].way = way2;
	snprintf(r.place[1].path, sizeof(r.place[1].path), "%s", path2);
	return r;
}

/* A step that must work before anything can be judged. */
static void must(const struct actor *const actor, const struct request *const r,
		 const char *const what)
{
	errno = ask(actor, r).error;
	if (errno)
		broken(what);
}

/* Staging */

static int ruled(const int ruleset, const char *const path, const __u64 access)
{
	errno = add_rule(ruleset, in(MNT, path), access);
	if (errno)
		broken(path);
	return ruleset;
}

static int rule(const char *const path, const __u64 access)
{
	return ruled(new_ruleset(), path, access);
}

static void start(void)
{
	end_actors();
	box = new_actor();
	control = new_actor();
}

/* What is held is opened before anything is restricted. */
static void hold(const char *const dir, const char *const file)
{
	const struct request r = request(HOLD, BY_NAME, dir, BY_NAME, file);

	must(&box, &r, "hold");
	must(&control, &r, "hold");
}

static void sandbox(const int ruleset)
{
	const struct request r = { .op = RESTRICT, .number = ruleset };

	must(&box, &r, "landlock_restrict_self");
}

static void become(const uid_t uid)
{
	const struct request r = { .op = SETUID, .number = uid };

	must(&box, &r, "setuid");
}

/* Judging */

/* What a server is known not to give, whatever the kernel does. */
static const struct {
	/* A part of the step, or of its note. */
	const char *server, *scenario, *step, *reason;
} limits[] = {
	{ "diod", "S03_move_ruled", "new place",
	  "diod 1.0.24 does not answer for an open file that was moved" },
	{ "ganesha-twins", "", "",
	  "ganesha gives the same qids, and neither generations nor fsids" },
	{ "qemu-overlay", "S09_pin_lost", "number used again",
	  "QEMU closes the open directory unseen and opens what is at its path; "
	  "without generations nothing tells them apart" },
};

static char note[100];
/* The right answer may also be an error, ESTALE. */
static bool may_fail;

static const char *limit(const char *const step)
{
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (strcmp(server, limits[i].server) == 0 &&
		    strstr(scenario, limits[i].scenario) &&
		    (strstr(step, limits[i].step) ||
		     strstr(note, limits[i].step)))
			return limits[i].reason;
	return NULL;
}

/*
 * One cell: server, scenario, step, verdict, errno, messages, messages without
 * sandbox, what the promise says of it, and a note.
 */
static void cell(const char *const step, const struct reply *const b,
		 const struct reply *const c, const char *const promise)
{
	const bool landlock = b->error == EACCES || b->error == EXDEV;
	const char *const reason = strcmp(promise, "kept") ? limit(step) : NULL;
	const char *verdict = "allowed";

	/* Without the sandbox it fails too: that is the server's doing. */
	if (b->error)
		verdict = landlock && b->error != c->error ? "denied" : "fails";
	tell("cell\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%s\t%s", server, scenario, step,
	     verdict, b->error ? name_of(b->error) : "", b->messages,
	     c->messages, reason ? "limit" : promise, reason ? reason : note);
	*note = '\0';
}

static void not_staged(const char *const step, const char *const why)
{
	tell("cell\t%s\t%s\t%s\t-\t\t\t\tkept\t%s", server, scenario, step,
	     why);
}

static const char *step_name(const char *const step, const enum way way)
{
	static char name[150];

	snprintf(name, sizeof(name), "%s, %s", step, way_names[way]);
	return name;
}

/*
 * Reads a file or a directory.  Contents tell which it is: the rules grant the
 * one with the content @granted (NULL: none) on the server as it is now.  What
 * the server does not even give to a process that is free proves nothing, but
 * another content must not be seen.
 */
static void reads(const char *const step, const enum op op, const enum way way,
		  const char *const path, const char *const granted)
{
	const struct request r = request(op, way, path, BY_NAME, "");
	const struct reply b = ask(&box, &r), c = ask(&control, &r);
	const char *promise = "kept";

	if (!b.error) {
		if (!granted || strcmp(b.content, granted))
			promise = "GRANTED";
	} else if (granted && !may_fail && !c.error &&
		   strcmp(c.content, granted) == 0) {
		promise = "DENIED";
	}
	if (strcmp(promise, "kept"))
		fprintf(stderr,
			"%s %s %s: \"%s\" in the sandbox, \"%s\" (%s)\n",
			server, scenario, step, b.content, c.content,
			name_of(c.error));
	cell(step_name(step, way), &b, &c, promise);
}

/* Denied with any error. */
#define DENIED_ANYHOW -1

/*
 * Changes a directory or a file; @error is what the rules say on the server as it is now.
 * The process that is free does the same with names that end in ".c".
 */
static void changes(const char *const step, const enum op op,
		    const enum way way, const char *const path,
		    const enum way way2, const char *const path2,
		    const int error)
{
	const struct request rb = request(op, way, path, way2, path2);
	const struct reply b = ask(&box, &rb);
	const char *promise = "kept";
	struct request rc = rb;
	struct reply c;

	strcat(rc.place[0].path, ".c");
	strcat(rc.place[1].path, ".c");
	c = ask(&control, &rc);
	if (!b.error && error)
		promise = "GRANTED";
	else if (b.error && !error && !c.error)
		promise = "DENIED";
	else if (error > 0 && b.error != error && !c.error)
		promise = "WRONG ERRNO";
	cell(step_name(step, way2 == BY_NAME ? way : way2), &b, &c, promise);
}

#endif /* MATRIX_GUEST_H */
