// SPDX-License-Identifier: GPL-2.0-only
/*
 * v9fs tests - Races of lookups that find an inode
 *
 * A reply may be older than what this client did to the file since it asked;
 * pages may be on their way to the server; files come and go.
 */

#include <linux/landlock.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "inodeident.h"

#define F P9 "/f"
#define G P9 "/g"

FIXTURE(race)
{
	struct env env;
};

FIXTURE_VARIANT(race)
{
	const char *opts;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(race, path) {
	/* clang-format on */
	.opts = "cache=none",
};

/* clang-format off */
FIXTURE_VARIANT_ADD(race, path_mmap) {
	/* clang-format on */
	.opts = "cache=mmap,ignoreqv",
};

/* clang-format off */
FIXTURE_VARIANT_ADD(race, qid) {
	/* clang-format on */
	.opts = "inodeident=qid",
};

/* clang-format off */
FIXTURE_VARIANT_ADD(race, qid_mmap) {
	/* clang-format on */
	.opts = "inodeident=qid,cache=mmap,ignoreqv",
};

FIXTURE_SETUP(race)
{
	if (!env_start(_metadata, &self->env, P9S_PATH_DIOD))
		SKIP(return, "needs root and 9p");

	ASSERT_EQ(0, p9s_create(self->env.srv, "f", "small"));
	ASSERT_EQ(0, p9s_link(self->env.srv, "f", "g"));
	ASSERT_EQ(0, p9s_mount(self->env.srv, P9, variant->opts));
}

FIXTURE_TEARDOWN(race)
{
	env_finish(_metadata, &self->env);
}

/* A lookup of G, the reply to which waits for p9s_release(). */
static pid_t start_lookup(struct __test_metadata *const _metadata,
			  struct p9_server *const srv)
{
	const struct p9s_rule rule = {
		.type = P9_TGETATTR,
		.action = P9S_HOLD_REPLY,
	};
	pid_t child;

	ASSERT_LT(0, p9s_arm(srv, &rule));
	child = fork();
	ASSERT_LE(0, child);
	if (child == 0) {
		alarm(20);
		_exit(open(G, O_PATH | O_CLOEXEC) < 0);
	}
	ASSERT_LT(0, p9s_wait_held(srv));
	return child;
}

static void end_lookup(struct __test_metadata *const _metadata,
		       struct p9_server *const srv, const pid_t child)
{
	int status;

	ASSERT_LE(0, p9s_release(srv));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

TEST_F(race, truncated)
{
	const int fd = open(F, O_RDWR | O_CLOEXEC);
	pid_t child;

	ASSERT_LE(0, fd);
	child = start_lookup(_metadata, self->env.srv);
	ASSERT_EQ(0, ftruncate(fd, 2));
	end_lookup(_metadata, self->env.srv, child);
	EXPECT_EQ(2, lseek(fd, 0, SEEK_END));
	ASSERT_EQ(0, close(fd));
}

TEST_F(race, written)
{
	const int fd = open(F, O_RDONLY | O_CLOEXEC);
	char buf[16] = {};
	pid_t child;
	int fd2;

	ASSERT_LE(0, fd);
	child = start_lookup(_metadata, self->env.srv);
	fd2 = open(F, O_WRONLY | O_APPEND | O_CLOEXEC);
	ASSERT_LE(0, fd2);
	ASSERT_EQ(5, write(fd2, " tail", 5));
	ASSERT_EQ(0, fsync(fd2));
	ASSERT_EQ(0, close(fd2));
	end_lookup(_metadata, self->env.srv, child);
	EXPECT_EQ(10, lseek(fd, 0, SEEK_END));
	EXPECT_EQ(10, pread(fd, buf, sizeof(buf), 0));
	EXPECT_STREQ("small tail", buf);
	ASSERT_EQ(0, close(fd));
}

TEST_F(race, chmod)
{
	const int fd = open(F, O_RDONLY | O_CLOEXEC);
	pid_t child;

	ASSERT_LE(0, fd);
	child = start_lookup(_metadata, self->env.srv);
	ASSERT_EQ(0, fchmod(fd, 0600));
	end_lookup(_metadata, self->env.srv, child);
	ASSERT_EQ(0, seteuid(1234));
	/* What the inode has: asks the server for nothing. */
	EXPECT_EQ(-1, faccessat(fd, "", R_OK, AT_EMPTY_PATH | AT_EACCESS));
	EXPECT_EQ(EACCES, errno);
	ASSERT_EQ(0, seteuid(0));
	ASSERT_EQ(0, close(fd));
}

static pid_t start_open(struct __test_metadata *const _metadata,
			const char *const path)
{
	const pid_t child = fork();

	ASSERT_LE(0, child);
	if (child == 0) {
		alarm(20);
		_exit(touch(path));
	}
	return child;
}

/*
 * Pages are on their way to a server that does not answer: what is cached is
 * not dropped before, and nothing waits after it got killed.
 */
TEST_F(race, writeback)
{
	const bool qid = strstr(variant->opts, "qid");
	char buf[16] = {};
	int status, fd;
	pid_t child, opener;

	if (!strstr(variant->opts, "mmap"))
		SKIP(return, "no dirty pages");

	fd = open(F, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(5, write(fd, "LOCAL", 5));
	ASSERT_LT(0, p9s_hold_next(self->env.srv, P9_TWRITE));
	child = fork();
	ASSERT_LE(0, child);
	if (child == 0) {
		alarm(20);
		_exit(fsync(fd) != 0);
	}
	ASSERT_LT(0, p9s_wait_held(self->env.srv));

	ASSERT_EQ(0, p9s_reset(self->env.srv));
	opener = start_open(_metadata, G);
	if (qid) {
		/* The server said all that it has to say. */
		ASSERT_EQ(1, p9s_wait_count(self->env.srv, P9_TGETATTR, 1));
		ASSERT_EQ(0, kill(opener, SIGKILL));
	}
	ASSERT_EQ(opener, waitpid(opener, &status, 0));
	EXPECT_EQ(qid, WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	EXPECT_EQ(!qid, p9s_count(self->env.srv, P9_TLOPEN));
	EXPECT_EQ(1, p9s_held(self->env.srv));

	ASSERT_LE(0, p9s_release(self->env.srv));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
	EXPECT_EQ(0, touch(G));
	EXPECT_EQ(5, pread(fd, buf, sizeof(buf), 0));
	EXPECT_STREQ("LOCAL", buf);
	EXPECT_TRUE(p9s_content_is(self->env.srv, "f", "LOCAL"));
	ASSERT_EQ(0, close(fd));
}

/* A write in between does not make a lookup miss what the server changed. */
TEST_F(race, chmod_on_server)
{
	const int fd = open(F, O_RDWR | O_CLOEXEC);
	pid_t child;

	if (!strstr(variant->opts, "qid"))
		SKIP(goto out, "no lookup of an inode that is in use");

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, p9s_chmod(self->env.srv, "f", 0600));
	child = start_lookup(_metadata, self->env.srv);
	ASSERT_EQ(5, pwrite(fd, "LOCAL", 5, 0));
	ASSERT_EQ(0, fdatasync(fd));
	end_lookup(_metadata, self->env.srv, child);
	ASSERT_EQ(0, seteuid(1234));
	EXPECT_EQ(-1, faccessat(fd, "", R_OK, AT_EMPTY_PATH | AT_EACCESS));
	EXPECT_EQ(EACCES, errno);
	ASSERT_EQ(0, seteuid(0));
out:
	ASSERT_EQ(0, close(fd));
}

/* Files that come and go */

#define NUM_ROUNDS 200

struct actor {
	int (*act)(const struct actor *actor);
	int inotify_fd;
	pthread_t thread;
	int err;
};

static int act_create(const struct actor *const actor)
{
	const int fd = open(P9 "/x", O_CREAT | O_RDWR | O_CLOEXEC, 0644);

	if (fd < 0)
		return errno;
	if (write(fd, "x", 1) != 1)
		return errno;
	return close(fd) ? errno : 0;
}

static int act_unlink(const struct actor *const actor)
{
	return unlink(P9 "/x") ? errno : 0;
}

static int act_rename(const struct actor *const actor)
{
	return rename(P9 "/x", P9 "/y") && rename(P9 "/y", P9 "/x") ? errno : 0;
}

static int act_open(const struct actor *const actor)
{
	char buf[4];
	const int fd = open(P9 "/x", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno;
	if (read(fd, buf, sizeof(buf)) > 0 && buf[0] != 'x')
		return EBADMSG;
	return close(fd) ? errno : 0;
}

/* The mark keeps the inode, then is the last one to let it go. */
static int act_mark(const struct actor *const actor)
{
	const int wd = inotify_add_watch(actor->inotify_fd, P9 "/x", IN_OPEN);

	if (wd < 0)
		return errno;
	/* The unlink may have removed the mark. */
	if (inotify_rm_watch(actor->inotify_fd, wd) && errno != EINVAL)
		return errno;
	return 0;
}

static void *act(void *const arg)
{
	struct actor *const actor = arg;
	int i, err;

	for (i = 0; i < NUM_ROUNDS; i++) {
		err = actor->act(actor);
		if (err && err != ENOENT) {
			actor->err = err;
			break;
		}
	}
	return NULL;
}

TEST_F(race, come_and_go)
{
	struct actor actors[] = {
		{ act_create }, { act_unlink }, { act_rename }, { act_open },
		{ act_open },	{ act_mark },	{ act_mark },
	};
	size_t i;

	for (i = 0; i < sizeof(actors) / sizeof(actors[0]); i++) {
		actors[i].inotify_fd = self->env.inotify_fd;
		ASSERT_EQ(0, pthread_create(&actors[i].thread, NULL, act,
					    &actors[i]));
	}
	for (i = 0; i < sizeof(actors) / sizeof(actors[0]); i++) {
		ASSERT_EQ(0, pthread_join(actors[i].thread, NULL));
		EXPECT_EQ(0, actors[i].err)
		{
			TH_LOG("Actor %zu: %s", i, strerror(actors[i].err));
		}
	}
}

/* Landlock */

/*
 * A file that cannot be pinned is ruled by its inode: a later file with the same
 * number at the same path must not get it.
 */
TEST_F(race, rule_not_pinned)
{
	const struct landlock_ruleset_attr attr = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_READ_FILE,
	};
	struct landlock_path_beneath_attr rule = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE,
	};
	const int ruleset_fd =
		syscall(__NR_landlock_create_ruleset, &attr, sizeof(attr), 0);
	uint64_t qid_path;

	if (ruleset_fd < 0)
		SKIP(return, "no Landlock");

	ASSERT_EQ(0, p9s_mknod(self->env.srv, "p", S_IFIFO, 0));
	qid_path = p9s_qid_path(self->env.srv, "p");
	rule.parent_fd = open(P9 "/p", O_PATH | O_CLOEXEC);
	ASSERT_LE(0, rule.parent_fd);
	ASSERT_EQ(0, syscall(__NR_landlock_add_rule, ruleset_fd,
			     LANDLOCK_RULE_PATH_BENEATH, &rule, 0));
	EXPECT_EQ(0, try_sandboxed(ruleset_fd, P9 "/p"));
	ASSERT_EQ(0, close(rule.parent_fd));
	drop_caches(_metadata);

	ASSERT_EQ(0, p9s_remove(self->env.srv, "p"));
	ASSERT_EQ(0, p9s_recycle(self->env.srv, qid_path));
	ASSERT_EQ(0, p9s_mknod(self->env.srv, "p", S_IFIFO, 0));
	ASSERT_EQ(qid_path, p9s_qid_path(self->env.srv, "p"));
	EXPECT_EQ(EACCES, try_sandboxed(ruleset_fd, P9 "/p"));
	ASSERT_EQ(0, close(ruleset_fd));
}

TEST_HARNESS_MAIN
