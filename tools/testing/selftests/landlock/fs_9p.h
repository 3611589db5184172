/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Landlock tests - 9p helpers
 *
 * A test has its own mount namespace, an in-test server (p9_server.h), a 9p
 * mount, and a tmpfs that serves as oracle.  Accesses are made by children,
 * which enforce a ruleset first (or none, as control), with p9_op().
 */

#ifndef _LANDLOCK_FS_9P_H
#define _LANDLOCK_FS_9P_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "common.h"
#include "p9_server.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE (1 << 0)
#endif

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE (1 << 1)
#endif

/* The 9p mount point, and a directory on the tmpfs at TMP_DIR */
#define P9 TMP_DIR "/9p"
#define LOCAL TMP_DIR "/local"

/* clang-format off */

#define ACCESS_RO ( \
	LANDLOCK_ACCESS_FS_READ_FILE | \
	LANDLOCK_ACCESS_FS_READ_DIR)

#define ACCESS_FILE ( \
	LANDLOCK_ACCESS_FS_EXECUTE | \
	LANDLOCK_ACCESS_FS_WRITE_FILE | \
	LANDLOCK_ACCESS_FS_READ_FILE | \
	LANDLOCK_ACCESS_FS_TRUNCATE | \
	LANDLOCK_ACCESS_FS_IOCTL_DEV | \
	LANDLOCK_ACCESS_FS_RESOLVE_UNIX)

#define ACCESS_ALL ( \
	ACCESS_FILE | \
	LANDLOCK_ACCESS_FS_READ_DIR | \
	LANDLOCK_ACCESS_FS_REMOVE_DIR | \
	LANDLOCK_ACCESS_FS_REMOVE_FILE | \
	LANDLOCK_ACCESS_FS_MAKE_CHAR | \
	LANDLOCK_ACCESS_FS_MAKE_DIR | \
	LANDLOCK_ACCESS_FS_MAKE_REG | \
	LANDLOCK_ACCESS_FS_MAKE_SOCK | \
	LANDLOCK_ACCESS_FS_MAKE_FIFO | \
	LANDLOCK_ACCESS_FS_MAKE_BLOCK | \
	LANDLOCK_ACCESS_FS_MAKE_SYM | \
	LANDLOCK_ACCESS_FS_REFER)

/* clang-format on */

/* A rule; lists of rules end with a NULL path. */
struct p9_rule {
	const char *path;
	__u64 access;
};

enum p9_op_kind {
	/* Opens, and reads if there is something to read. */
	P9_READ,
	P9_LIST,
	P9_WRITE,
	P9_TRUNC,
	P9_CREATE,
	P9_MKDIR,
	P9_UNLINK,
	P9_RMDIR,
	P9_SYMLINK,
	P9_MKFIFO,
	P9_LINK,
	P9_RENAME,
	P9_EXCHANGE,
	P9_NOREPLACE,
	P9_EXEC,
	/* Opens a device, then FIONREAD: ENOTTY if that is allowed. */
	P9_IOCTL,
	P9_CONNECT,
	/* Opens read-write, without waiting. */
	P9_OPEN_RDWR,
};

static const char *const p9_op_names[] = {
	[P9_READ] = "read",	    [P9_LIST] = "list",
	[P9_WRITE] = "write",	    [P9_TRUNC] = "truncate",
	[P9_CREATE] = "create",	    [P9_MKDIR] = "mkdir",
	[P9_UNLINK] = "unlink",	    [P9_RMDIR] = "rmdir",
	[P9_SYMLINK] = "symlink",   [P9_MKFIFO] = "mkfifo",
	[P9_LINK] = "link",	    [P9_RENAME] = "rename",
	[P9_EXCHANGE] = "exchange", [P9_NOREPLACE] = "rename (noreplace)",
	[P9_EXEC] = "execute",	    [P9_IOCTL] = "ioctl",
	[P9_CONNECT] = "connect",   [P9_OPEN_RDWR] = "open (read-write)",
};

/* Exit codes of a child that are no errno */
#define P9_CHILD_SANDBOX 250
#define P9_CHILD_USER 251
#define P9_CHILD_DIED 252

#define P9_NO_RULESET (-1)

struct p9_env {
	/* Valid in the test's process and its children only */
	struct p9_server *srv;
	pid_t pid;
};

/* Path of @rel below @root; lives until eight other calls. */
static __maybe_unused const char *p9_path(const char *const root,
					  const char *const rel)
{
	static char bufs[8][256];
	static unsigned int next;
	char *const buf = bufs[next++ % 8];

	snprintf(buf, sizeof(bufs[0]), "%s%s%s", root, *rel ? "/" : "", rel);
	return buf;
}

static inline bool p9_supported(void)
{
	char line[64];
	bool found = false;
	FILE *const inf = fopen("/proc/filesystems", "r");

	if (!inf)
		return true;

	while (!found && fgets(line, sizeof(line), inf))
		found = strcmp(line, "nodev\t9p\n") == 0;
	fclose(inf);
	return found;
}

/*
 * Prepares the mount namespace and starts a server.  Returns false if the test
 * must be skipped.
 */
static bool p9_start(struct __test_metadata *const _metadata,
		     struct p9_env *const env,
		     const struct p9_behaviour *const behaviour)
{
	if (!p9_supported())
		return false;

	disable_caps(_metadata);
	umask(0022);
	ASSERT_TRUE(!mkdir(TMP_DIR, 0755) || errno == EEXIST)
	{
		TH_LOG("Failed to create %s: %s", TMP_DIR, strerror(errno));
	}

	/*
	 * The server must not be the last one in the test's namespace: it would
	 * have to answer to its own unmount.
	 */
	env->srv = p9s_start(behaviour);
	ASSERT_NE(NULL, env->srv)
	{
		TH_LOG("Failed to start the server: %s", strerror(errno));
	}
	env->pid = p9s_pid(env->srv);

	set_cap(_metadata, CAP_SYS_ADMIN);
	ASSERT_EQ(0, unshare(CLONE_NEWNS));
	ASSERT_EQ(0, mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL));
	ASSERT_EQ(0, mount("tmpfs", TMP_DIR, "tmpfs", 0, "size=16m,mode=755"));
	clear_cap(_metadata, CAP_SYS_ADMIN);
	ASSERT_EQ(0, mkdir(P9, 0755));
	ASSERT_EQ(0, mkdir(LOCAL, 0755));

	return true;
}

static void p9_mount(struct __test_metadata *const _metadata,
		     struct p9_env *const env, const char *const opts)
{
	int err;

	set_cap(_metadata, CAP_SYS_ADMIN);
	err = p9s_mount(env->srv, P9, opts);
	clear_cap(_metadata, CAP_SYS_ADMIN);
	ASSERT_EQ(0, err)
	{
		TH_LOG("Failed to mount with \"%s\": %s", opts ?: "",
		       strerror(-err));
	}
}

static __maybe_unused bool p9_can_mount(struct __test_metadata *const _metadata,
					struct p9_env *const env,
					const char *const opts)
{
	int err;

	set_cap(_metadata, CAP_SYS_ADMIN);
	err = p9s_mount(env->srv, P9, opts);
	if (!err)
		err = umount(P9);
	clear_cap(_metadata, CAP_SYS_ADMIN);
	return !err;
}

/* Returns 0 or errno. */
static __maybe_unused int p9_umount(struct __test_metadata *const _metadata,
				    const char *const dir, const int flags)
{
	int err;

	set_cap(_metadata, CAP_SYS_ADMIN);
	err = umount2(dir, flags) ? errno : 0;
	clear_cap(_metadata, CAP_SYS_ADMIN);
	return err;
}

/* To be called by FIXTURE_TEARDOWN_PARENT(). */
static void p9_finish(const struct p9_env *const env)
{
	/*
	 * The server ends with the test, but not if the test is stuck in a
	 * request.
	 */
	if (env->pid > 1)
		kill(env->pid, SIGKILL);

	/* The mounts were in the test's namespace. */
	rmdir(TMP_DIR);
}

/* Forgets all dentries and inodes which nobody holds. */
static __maybe_unused void
p9_drop_caches(struct __test_metadata *const _metadata)
{
	const int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);

	ASSERT_LE(0, fd);
	ASSERT_EQ(1, write(fd, "3", 1));
	ASSERT_EQ(0, close(fd));
}

/* Returns 0 or errno. */
static int p9_add_rule_fd(const int ruleset_fd, const int fd,
			  const __u64 access)
{
	const struct landlock_path_beneath_attr attr = {
		.allowed_access = access,
		.parent_fd = fd,
	};

	return landlock_add_rule(ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &attr,
				 0) ?
		       errno :
		       0;
}

static __maybe_unused int
p9_add_rule(const int ruleset_fd, const char *const path, const __u64 access)
{
	const int fd = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	int err;

	if (fd < 0)
		return errno;

	err = p9_add_rule_fd(ruleset_fd, fd, access);
	close(fd);
	return err;
}

/* @rules may be NULL. */
static __maybe_unused int p9_ruleset(struct __test_metadata *const _metadata,
				     const __u64 handled,
				     const struct p9_rule *const rules)
{
	const struct landlock_ruleset_attr attr = {
		.handled_access_fs = handled,
	};
	const int ruleset_fd = landlock_create_ruleset(&attr, sizeof(attr), 0);
	const struct p9_rule *rule;

	ASSERT_LE(0, ruleset_fd)
	{
		TH_LOG("Failed to create a ruleset: %s", strerror(errno));
	}
	for (rule = rules; rule && rule->path; rule++) {
		const int err =
			p9_add_rule(ruleset_fd, rule->path, rule->access);

		ASSERT_EQ(0, err)
		{
			TH_LOG("Failed to add a rule for \"%s\": %s",
			       rule->path, strerror(err));
		}
	}
	return ruleset_fd;
}

/* A ruleset with one rule. */
static __maybe_unused int p9_allow(struct __test_metadata *const _metadata,
				   const char *const path, const __u64 access)
{
	const struct p9_rule rules[] = { { path, access }, {} };

	return p9_ruleset(_metadata, access, rules);
}

static inline int p9_do_open(const enum p9_op_kind kind, const char *const path)
{
	static const int flags[] = {
		[P9_READ] = O_RDONLY,
		[P9_LIST] = O_RDONLY | O_DIRECTORY,
		[P9_WRITE] = O_WRONLY,
		[P9_CREATE] = O_CREAT | O_EXCL | O_WRONLY,
		[P9_IOCTL] = O_RDONLY,
		[P9_OPEN_RDWR] = O_RDWR | O_NONBLOCK,
	};
	const int fd = open(path, flags[kind] | O_CLOEXEC, 0644);
	int ret = 0, num;
	char buf[512];

	if (fd < 0)
		return errno;

	switch (kind) {
	case P9_READ:
		ret = read(fd, buf, sizeof(buf));
		break;
	case P9_LIST:
		ret = syscall(__NR_getdents64, fd, buf, sizeof(buf));
		break;
	case P9_WRITE:
		ret = write(fd, "w", 1);
		break;
	case P9_IOCTL:
		ret = ioctl(fd, FIONREAD, &num);
		break;
	default:
		break;
	}
	if (ret < 0) {
		ret = errno;
		close(fd);
		return ret;
	}
	return close(fd) ? errno : 0;
}

static inline int p9_do_connect(const char *const path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return errno;

	err = snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (err >= (int)sizeof(addr.sun_path)) {
		close(fd);
		return ENAMETOOLONG;
	}
	err = connect(fd, (struct sockaddr *)&addr, sizeof(addr)) ? errno : 0;
	close(fd);
	return err;
}

/* Returns 0 or errno. */
static int p9_do(const enum p9_op_kind kind, const char *const path,
		 const char *path2)
{
	char *const argv[] = { "prog", NULL };
	int ret = -1;

	if (!path2)
		path2 = "";

	switch (kind) {
	case P9_READ:
	case P9_LIST:
	case P9_WRITE:
	case P9_CREATE:
	case P9_IOCTL:
	case P9_OPEN_RDWR:
		return p9_do_open(kind, path);
	case P9_CONNECT:
		return p9_do_connect(path);
	case P9_TRUNC:
		ret = truncate(path, 1);
		break;
	case P9_MKDIR:
		ret = mkdir(path, 0755);
		break;
	case P9_UNLINK:
		ret = unlink(path);
		break;
	case P9_RMDIR:
		ret = rmdir(path);
		break;
	case P9_SYMLINK:
		ret = symlink("target", path);
		break;
	case P9_MKFIFO:
		ret = mkfifo(path, 0644);
		break;
	case P9_LINK:
		ret = link(path, path2);
		break;
	case P9_RENAME:
		ret = rename(path, path2);
		break;
	case P9_EXCHANGE:
		ret = renameat2(AT_FDCWD, path, AT_FDCWD, path2,
				RENAME_EXCHANGE);
		break;
	case P9_NOREPLACE:
		ret = renameat2(AT_FDCWD, path, AT_FDCWD, path2,
				RENAME_NOREPLACE);
		break;
	case P9_EXEC:
		/* If that works, the exit code is the program's. */
		ret = execve(path, argv, argv + 1);
		break;
	}
	return ret < 0 ? errno : 0;
}

static inline bool p9_restrict(const int ruleset_fd)
{
	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !landlock_restrict_self(ruleset_fd, 0);
}

/* Waits for a child: returns its exit code. */
static int p9_wait_child(const pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return P9_CHILD_DIED;

	return WEXITSTATUS(status);
}

/* Waits until a child sleeps in the kernel, where only a kill wakes it up. */
static __maybe_unused bool p9_is_blocked(const pid_t pid)
{
	char path[32], state = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	while (state != 'D') {
		FILE *const inf = fopen(path, "r");

		if (!inf)
			return false;
		if (fscanf(inf, "%*d (%*[^)]) %c", &state) != 1 || state == 'Z')
			state = 0;
		fclose(inf);
		if (!state)
			return false;
		sched_yield();
	}
	return true;
}

/*
 * Enforces @ruleset_fd (if not P9_NO_RULESET) in a child, which becomes user
 * @uid (if not 0) and does @kind.  It ends with 0, errno, or P9_CHILD_*.
 */
static pid_t p9_fork_op(struct __test_metadata *const _metadata,
			const uid_t uid, const int ruleset_fd,
			const enum p9_op_kind kind, const char *const path,
			const char *const path2)
{
	const pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (pid == 0) {
		/* Nothing here takes long: ends what is stuck. */
		alarm(20);
		if (uid) {
			set_cap(_metadata, CAP_SETUID);
			if (setresuid(uid, uid, uid))
				_exit(P9_CHILD_USER);
		}
		if (ruleset_fd != P9_NO_RULESET && !p9_restrict(ruleset_fd))
			_exit(P9_CHILD_SANDBOX);
		_exit(p9_do(kind, path, path2));
	}
	return pid;
}

/* Same, waits for this child: returns its exit code. */
static int p9_op_as(struct __test_metadata *const _metadata, const uid_t uid,
		    const int ruleset_fd, const enum p9_op_kind kind,
		    const char *const path, const char *const path2)
{
	return p9_wait_child(
		p9_fork_op(_metadata, uid, ruleset_fd, kind, path, path2));
}

static __maybe_unused int p9_op(struct __test_metadata *const _metadata,
				const int ruleset_fd,
				const enum p9_op_kind kind,
				const char *const path)
{
	return p9_op_as(_metadata, 0, ruleset_fd, kind, path, NULL);
}

#define P9_EXPECT(err, ruleset_fd, kind, path)                           \
	EXPECT_EQ((err), p9_op(_metadata, (ruleset_fd), (kind), (path))) \
	{                                                                \
		TH_LOG("%s of %s", p9_op_names[(kind)], (path));         \
	}

#define P9_SANDBOX_END 127

/* A child in a sandbox that lives until it is told to end. */
struct p9_sandboxed {
	pid_t pid;
	/* Requests, and replies */
	int in_fd, out_fd;
};

static __maybe_unused void p9_sandbox(struct __test_metadata *const _metadata,
				      struct p9_sandboxed *const child,
				      const int ruleset_fd)
{
	int to_child[2], to_parent[2];
	char buf;

	ASSERT_EQ(0, pipe2(to_child, O_CLOEXEC));
	ASSERT_EQ(0, pipe2(to_parent, O_CLOEXEC));
	child->pid = fork();
	ASSERT_LE(0, child->pid);
	if (child->pid == 0) {
		close(to_child[1]);
		if (!p9_restrict(ruleset_fd) || close(ruleset_fd) ||
		    write(to_parent[1], "", 1) != 1)
			_exit(P9_CHILD_SANDBOX);

		/*
		 * Each byte is an operation on the path that follows it, with
		 * its terminating zero.
		 */
		while (read(to_child[0], &buf, 1) == 1) {
			char path[128] = {};
			size_t i = 0;
			char err;

			if (buf == P9_SANDBOX_END)
				_exit(0);

			do {
				if (read(to_child[0], path + i, 1) != 1)
					_exit(0);
			} while (path[i++] && i < sizeof(path) - 1);
			err = p9_do(buf, path, NULL);
			if (write(to_parent[1], &err, 1) != 1)
				_exit(0);
		}
		_exit(0);
	}
	ASSERT_EQ(0, close(to_child[0]));
	ASSERT_EQ(0, close(to_parent[1]));
	ASSERT_EQ(1, read(to_parent[0], &buf, 1));
	child->in_fd = to_child[1];
	child->out_fd = to_parent[0];
}

/* An operation of the sandboxed child: returns 0 or errno. */
static __maybe_unused int
p9_sandboxed_op(struct __test_metadata *const _metadata,
		const struct p9_sandboxed *const child,
		const enum p9_op_kind kind, const char *const path)
{
	const char op = kind;
	char err;

	ASSERT_EQ(1, write(child->in_fd, &op, 1));
	ASSERT_EQ(strlen(path) + 1,
		  write(child->in_fd, path, strlen(path) + 1));
	ASSERT_EQ(1, read(child->out_fd, &err, 1));
	return (unsigned char)err;
}

static __maybe_unused void
p9_sandbox_end(struct __test_metadata *const _metadata,
	       const struct p9_sandboxed *const child)
{
	const char end = P9_SANDBOX_END;

	EXPECT_EQ(1, write(child->in_fd, &end, 1));
	EXPECT_EQ(0, close(child->in_fd));
	EXPECT_EQ(0, close(child->out_fd));
	EXPECT_EQ(0, p9_wait_child(child->pid));
}

#endif /* _LANDLOCK_FS_9P_H */
