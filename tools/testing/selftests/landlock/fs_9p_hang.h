/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Landlock tests - What the tests of 9p servers that do not answer share
 */

#ifndef _LANDLOCK_FS_9P_HANG_H
#define _LANDLOCK_FS_9P_HANG_H

#include <poll.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include "fs_9p_pin.h"

/* For a task that should be gone already; far below the harness' timeout. */
#define GONE_MS 10000

static inline int sys_pidfd_open(const pid_t pid)
{
	return syscall(__NR_pidfd_open, pid, 0);
}

/*
 * Waits for the end of a child: returns false if it does not end.  A server
 * that goes on then ends the test.
 */
static __maybe_unused bool is_gone(struct __test_metadata *const _metadata,
				   struct p9_server *const srv, const pid_t pid,
				   int *const status)
{
	struct pollfd pfd = {
		.fd = sys_pidfd_open(pid),
		.events = POLLIN,
	};
	bool gone;

	ASSERT_LE(0, pfd.fd);
	gone = poll(&pfd, 1, GONE_MS) == 1;
	ASSERT_EQ(0, close(pfd.fd));
	if (!gone) {
		TH_LOG("The task is stuck");
		p9s_freeze(srv, false);
		p9s_disarm(srv);
		p9s_release(srv);
	}
	ASSERT_EQ(pid, waitpid(pid, status, 0));
	return gone;
}

static __maybe_unused void
expect_killed(struct __test_metadata *const _metadata,
	      struct p9_server *const srv, const pid_t pid)
{
	int status;

	ASSERT_EQ(0, kill(pid, SIGKILL));
	EXPECT_TRUE(is_gone(_metadata, srv, pid, &status));
	EXPECT_TRUE(WIFSIGNALED(status));
}

/* No fid, no request, no misuse of tags or fids. */
static __maybe_unused void expect_clean(struct __test_metadata *const _metadata,
					struct p9_server *const srv)
{
	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
	EXPECT_EQ(0, p9s_held(srv));
	expect_no_fids(_metadata, srv);
}

/* What a child does until it is stuck. */
enum hang_op {
	HANG_PIN,
	HANG_OPEN,
	HANG_READ,
	HANG_WRITE,
	HANG_LIST,
	HANG_CREATE,
	HANG_MKDIR,
	HANG_UNLINK,
	HANG_RENAME,
	HANG_STATFS,
	HANG_XATTR,
	HANG_FSYNC,
};

struct hang {
	enum hang_op op;
	/* Opened before the server stops to answer. */
	int ruleset_fd, path_fd, fd;
};

static __maybe_unused void hang_prepare(struct __test_metadata *const _metadata,
					struct hang *const hang,
					const enum hang_op op)
{
	hang->op = op;
	hang->ruleset_fd = -1;
	hang->path_fd = -1;
	hang->fd = -1;
	if (op == HANG_PIN) {
		hang->ruleset_fd = p9_ruleset(_metadata, ACCESS_RO, NULL);
		hang->path_fd = open(dir_ruled, O_PATH | O_CLOEXEC);
		ASSERT_LE(0, hang->path_fd);
	} else if (op == HANG_READ || op == HANG_WRITE || op == HANG_FSYNC) {
		hang->fd = open(file_ruled, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, hang->fd);
	} else if (op == HANG_LIST) {
		hang->fd = open(dir_ruled, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		ASSERT_LE(0, hang->fd);
	}
}

static __maybe_unused void hang_finish(struct __test_metadata *const _metadata,
				       const struct hang *const hang)
{
	if (hang->ruleset_fd >= 0)
		EXPECT_EQ(0, close(hang->ruleset_fd));
	if (hang->path_fd >= 0)
		EXPECT_EQ(0, close(hang->path_fd));
	if (hang->fd >= 0)
		EXPECT_EQ(0, close(hang->fd));
}

/* Returns 0 or errno. */
static __maybe_unused int hang_do(const struct hang *const hang)
{
	struct statfs stfs;
	char buf[64];
	int ret = -1;

	switch (hang->op) {
	case HANG_PIN:
		return p9_add_rule_fd(hang->ruleset_fd, hang->path_fd,
				      ACCESS_RO);
	case HANG_OPEN:
		return p9_do(P9_READ, file_ruled, NULL);
	case HANG_READ:
		ret = read(hang->fd, buf, sizeof(buf));
		break;
	case HANG_WRITE:
		ret = write(hang->fd, "w", 1);
		break;
	case HANG_LIST:
		ret = syscall(__NR_getdents64, hang->fd, buf, sizeof(buf));
		break;
	case HANG_CREATE:
		return p9_do(P9_CREATE, P9 "/ruled/new", NULL);
	case HANG_MKDIR:
		return p9_do(P9_MKDIR, P9 "/ruled/new", NULL);
	case HANG_UNLINK:
		return p9_do(P9_UNLINK, file_sibling, NULL);
	case HANG_RENAME:
		return p9_do(P9_RENAME, file_sibling, P9 "/ruled/renamed");
	case HANG_STATFS:
		ret = statfs(P9, &stfs);
		break;
	case HANG_XATTR:
		ret = getxattr(file_ruled, "user.x", buf, sizeof(buf));
		break;
	case HANG_FSYNC:
		ret = fsync(hang->fd);
		break;
	}
	return ret < 0 ? errno : 0;
}

static __maybe_unused pid_t hang_fork(struct __test_metadata *const _metadata,
				      const struct hang *const hang)
{
	const pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (pid == 0)
		_exit(hang_do(hang));
	return pid;
}

#endif /* _LANDLOCK_FS_9P_HANG_H */
