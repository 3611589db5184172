// SPDX-License-Identifier: GPL-2.0-only
/*
 * Landlock tests - Limits of rules on 9p
 *
 * Each user is charged once for each file that its rules pin, as long as there
 * is such a rule, in a ruleset or in a domain.
 *
 * The charged user is the one of the real user ID.  Tests change that one only,
 * hence the server and the files are always used by the same user.
 */

#define _GNU_SOURCE
#include <sys/resource.h>
#include <sys/vfs.h>

#include "fs_9p_pin.h"

#define LIMIT 4
#define NUM_FILES (3 * LIMIT)

#define USER1 1001
#define USER2 1002

static void be_user(struct __test_metadata *const _metadata, const uid_t uid)
{
	set_cap(_metadata, CAP_SETUID);
	ASSERT_EQ(0, setresuid(uid, -1, -1));
	clear_cap(_metadata, CAP_SETUID);
}

/* Returns 0 or errno. */
static int add_fd(const int ruleset_fd, const int fd, const __u32 flags,
		  const rlim_t limit)
{
	const struct landlock_path_beneath_attr attr = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE,
		.parent_fd = fd,
	};
	struct rlimit old, new;
	int err;

	if (getrlimit(RLIMIT_NOFILE, &old))
		return errno;
	new = old;
	new.rlim_cur = limit;
	if (setrlimit(RLIMIT_NOFILE, &new))
		return errno;
	err = landlock_add_rule(ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &attr,
				flags) ?
		      errno :
		      0;
	if (setrlimit(RLIMIT_NOFILE, &old))
		return errno;
	return err;
}

static int add_path(const int ruleset_fd, const char *const path,
		    const __u32 flags)
{
	const int fd = open(path, O_PATH | O_CLOEXEC);
	int err;

	if (fd < 0)
		return errno;
	err = add_fd(ruleset_fd, fd, flags, LIMIT);
	close(fd);
	return err;
}

static int add(const int ruleset_fd, const unsigned int i)
{
	return add_path(ruleset_fd, file_of_many(i), 0);
}

static int empty_ruleset(struct __test_metadata *const _metadata)
{
	return p9_ruleset(_metadata, LANDLOCK_ACCESS_FS_READ_FILE, NULL);
}

/* A ruleset with @num rules, from file @first on. */
static int ruleset_of(struct __test_metadata *const _metadata,
		      const unsigned int first, const unsigned int num)
{
	const int ruleset_fd = empty_ruleset(_metadata);
	unsigned int i;

	for (i = first; i < first + num; i++) {
		const int err = add(ruleset_fd, i);

		ASSERT_EQ(0, err)
		{
			TH_LOG("Failed to add file %u: %s", i, strerror(err));
		}
	}
	return ruleset_fd;
}

/* Whatever it already is charged for, @uid may pin @num others, not more. */
static void expect_left(struct __test_metadata *const _metadata,
			const uid_t uid, const unsigned int first,
			const unsigned int num)
{
	int ruleset_fd;

	be_user(_metadata, uid);
	ruleset_fd = ruleset_of(_metadata, first, num);
	EXPECT_EQ(EMFILE, add(ruleset_fd, first + num));
	EXPECT_EQ(0, close(ruleset_fd));
}

/* clang-format off */
FIXTURE(p9_limit) {
	/* clang-format on */
	struct p9_env env;
};

FIXTURE_SETUP(p9_limit)
{
	if (!p9_start(_metadata, &self->env, P9S_HANDLE))
		SKIP(return, "9p is not supported");

	make_many(_metadata, self->env.srv, NUM_FILES);
	setup(_metadata, &self->env, "cache=none");
}

FIXTURE_TEARDOWN_PARENT(p9_limit)
{
	p9_finish(&self->env);
}

/* Over the limit, the ruleset and the server are as before. */
TEST_F(p9_limit, S18_unchanged)
{
	struct p9_server *const srv = self->env.srv;
	unsigned int before;
	int ruleset_fd, fd;

	be_user(_metadata, USER1);
	ruleset_fd = ruleset_of(_metadata, 0, LIMIT);
	fd = open(file_of_many(LIMIT), O_PATH | O_CLOEXEC);
	ASSERT_LE(0, fd);
	P9_EXPECT(0, ruleset_fd, P9_READ, file_of_many(0));
	P9_EXPECT(0, ruleset_fd, P9_READ, file_of_many(LIMIT - 1));
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, file_of_many(LIMIT));
	p9_drop_caches(_metadata);
	before = num_fids(_metadata, srv, LIMIT);

	EXPECT_EQ(EMFILE, add_fd(ruleset_fd, fd, 0, LIMIT));
	EXPECT_EQ(EMFILE,
		  add_fd(ruleset_fd, fd, LANDLOCK_ADD_RULE_PINNED, LIMIT));
	EXPECT_EQ(EMFILE, add_fd(ruleset_fd, fd, 0, 0));
	EXPECT_EQ(before, p9s_wait_fids(srv, before));
	settle(_metadata, srv, LIMIT);
	P9_EXPECT(0, ruleset_fd, P9_READ, file_of_many(0));
	P9_EXPECT(0, ruleset_fd, P9_READ, file_of_many(LIMIT - 1));
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, file_of_many(LIMIT));

	/* A larger limit is enough. */
	EXPECT_EQ(0,
		  add_fd(ruleset_fd, fd, LANDLOCK_ADD_RULE_PINNED, LIMIT + 1));
	P9_EXPECT(0, ruleset_fd, P9_READ, file_of_many(LIMIT));
	EXPECT_EQ(0, close(fd));
	EXPECT_EQ(0, close(ruleset_fd));
	settle(_metadata, srv, 0);
	expect_left(_metadata, USER1, 0, LIMIT);
	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
	expect_no_fids(_metadata, srv);
}

/* A user is charged once for a file. */
TEST_F(p9_limit, S18_once)
{
	int ruleset1_fd, ruleset2_fd;

	be_user(_metadata, USER1);
	ruleset1_fd = ruleset_of(_metadata, 0, LIMIT);
	EXPECT_EQ(0, add(ruleset1_fd, 0));
	EXPECT_EQ(0, add_path(ruleset1_fd, file_of_many(0),
			      LANDLOCK_ADD_RULE_PINNED));
	ruleset2_fd = ruleset_of(_metadata, 0, LIMIT);
	EXPECT_EQ(EMFILE, add(ruleset2_fd, LIMIT));
	settle(_metadata, self->env.srv, LIMIT);

	/* Not given back before the last one */
	EXPECT_EQ(0, close(ruleset1_fd));
	EXPECT_EQ(EMFILE, add(ruleset2_fd, LIMIT));
	EXPECT_EQ(0, close(ruleset2_fd));
	settle(_metadata, self->env.srv, 0);
	expect_left(_metadata, USER1, 0, LIMIT);
	settle(_metadata, self->env.srv, 0);
	expect_left(_metadata, USER1, LIMIT, LIMIT);
}

/* Users share pins, and whoever came first may leave first. */
static void share(struct __test_metadata *const _metadata,
		  struct p9_server *const srv, const bool first_leaves)
{
	const uid_t leaves = first_leaves ? USER1 : USER2;
	const uid_t stays = first_leaves ? USER2 : USER1;
	int user1_fd, user2_fd;

	be_user(_metadata, USER1);
	user1_fd = ruleset_of(_metadata, 0, LIMIT);
	be_user(_metadata, USER2);
	user2_fd = ruleset_of(_metadata, 0, LIMIT);
	settle(_metadata, srv, LIMIT);
	expect_left(_metadata, USER1, LIMIT, 0);
	expect_left(_metadata, USER2, LIMIT, 0);

	EXPECT_EQ(0, close(first_leaves ? user1_fd : user2_fd));
	settle(_metadata, srv, LIMIT);
	expect_left(_metadata, leaves, LIMIT, LIMIT);
	expect_left(_metadata, stays, LIMIT, 0);

	/* The one that left is charged again for what is already pinned. */
	be_user(_metadata, leaves);
	user1_fd = first_leaves ? ruleset_of(_metadata, 0, 1) : user1_fd;
	user2_fd = first_leaves ? user2_fd : ruleset_of(_metadata, 0, 1);
	expect_left(_metadata, leaves, LIMIT, LIMIT - 1);
	EXPECT_EQ(0, close(user1_fd));
	EXPECT_EQ(0, close(user2_fd));
	settle(_metadata, srv, 0);
	expect_left(_metadata, USER1, 0, LIMIT);
	expect_left(_metadata, USER2, 0, LIMIT);
}

TEST_F(p9_limit, S18_first_leaves)
{
	share(_metadata, self->env.srv, true);
}

TEST_F(p9_limit, S18_last_leaves)
{
	share(_metadata, self->env.srv, false);
}

/* In one ruleset, each user is charged for the rules that it added. */
TEST_F(p9_limit, S18_shared_ruleset)
{
	int ruleset_fd;

	be_user(_metadata, USER1);
	ruleset_fd = ruleset_of(_metadata, 0, 2);
	be_user(_metadata, USER2);
	EXPECT_EQ(0, add(ruleset_fd, 1));
	EXPECT_EQ(0, add(ruleset_fd, 2));
	EXPECT_EQ(0, add(ruleset_fd, 3));
	settle(_metadata, self->env.srv, 4);
	expect_left(_metadata, USER1, LIMIT, LIMIT - 2);
	expect_left(_metadata, USER2, LIMIT, LIMIT - 3);
	EXPECT_EQ(0, close(ruleset_fd));
	settle(_metadata, self->env.srv, 0);
	expect_left(_metadata, USER1, 0, LIMIT);
	expect_left(_metadata, USER2, 0, LIMIT);
}

/* Domains keep charges until the last one is gone. */
TEST_F(p9_limit, S18_domains)
{
	struct p9_sandboxed child1, child2;
	int ruleset_fd;

	be_user(_metadata, USER1);
	ruleset_fd = ruleset_of(_metadata, 0, LIMIT);
	/* Not what makes the domain but what adds the rules is charged. */
	be_user(_metadata, USER2);
	p9_sandbox(_metadata, &child1, ruleset_fd);
	p9_sandbox(_metadata, &child2, ruleset_fd);
	EXPECT_EQ(0, close(ruleset_fd));
	expect_left(_metadata, USER1, LIMIT, 0);
	expect_left(_metadata, USER2, LIMIT, LIMIT);
	EXPECT_EQ(0, p9_sandboxed_op(_metadata, &child1, P9_READ,
				     file_of_many(0)));
	EXPECT_EQ(EACCES, p9_sandboxed_op(_metadata, &child1, P9_READ,
					  file_of_many(LIMIT)));
	p9_sandbox_end(_metadata, &child1);
	settle(_metadata, self->env.srv, LIMIT);
	expect_left(_metadata, USER1, LIMIT, 0);
	p9_sandbox_end(_metadata, &child2);
	settle(_metadata, self->env.srv, 0);
	expect_left(_metadata, USER1, LIMIT, LIMIT);
}

/* A nested domain has the charges of all its layers. */
TEST_F(p9_limit, S18_nested_domain)
{
	int ruleset1_fd, ruleset2_fd, ready[2], end[2];
	pid_t child;
	char buf;

	be_user(_metadata, USER1);
	ruleset1_fd = ruleset_of(_metadata, 0, 3);
	be_user(_metadata, USER2);
	ruleset2_fd = ruleset_of(_metadata, 2, 2);
	ASSERT_EQ(0, pipe2(ready, O_CLOEXEC));
	ASSERT_EQ(0, pipe2(end, O_CLOEXEC));
	child = fork();
	ASSERT_LE(0, child);
	if (child == 0) {
		close(end[1]);
		if (!p9_restrict(ruleset1_fd) || !p9_restrict(ruleset2_fd) ||
		    close(ruleset1_fd) || close(ruleset2_fd) ||
		    write(ready[1], "", 1) != 1)
			_exit(P9_CHILD_SANDBOX);
		_exit(read(end[0], &buf, 1) ? 1 : 0);
	}
	EXPECT_EQ(0, close(end[0]));
	EXPECT_EQ(0, close(ready[1]));
	ASSERT_EQ(1, read(ready[0], &buf, 1));
	EXPECT_EQ(0, close(ready[0]));
	EXPECT_EQ(0, close(ruleset1_fd));
	EXPECT_EQ(0, close(ruleset2_fd));
	settle(_metadata, self->env.srv, 4);
	expect_left(_metadata, USER1, LIMIT, LIMIT - 3);
	expect_left(_metadata, USER2, LIMIT, LIMIT - 2);
	EXPECT_EQ(0, close(end[1]));
	EXPECT_EQ(0, p9_wait_child(child));
	settle(_metadata, self->env.srv, 0);
	expect_left(_metadata, USER1, LIMIT, LIMIT);
	expect_left(_metadata, USER2, LIMIT, LIMIT);
}

/* A domain has no charge for the rules that are added later. */
TEST_F(p9_limit, S18_domain_snapshot)
{
	struct p9_sandboxed child;
	int ruleset_fd;

	be_user(_metadata, USER1);
	ruleset_fd = ruleset_of(_metadata, 0, 1);
	p9_sandbox(_metadata, &child, ruleset_fd);
	EXPECT_EQ(0, add(ruleset_fd, 1));
	EXPECT_EQ(0, add(ruleset_fd, 2));
	expect_left(_metadata, USER1, LIMIT, LIMIT - 3);
	EXPECT_EQ(0, close(ruleset_fd));
	settle(_metadata, self->env.srv, 1);
	expect_left(_metadata, USER1, LIMIT, LIMIT - 1);
	p9_sandbox_end(_metadata, &child);
	settle(_metadata, self->env.srv, 0);
	expect_left(_metadata, USER1, LIMIT, LIMIT);
}

/* Unmounting gives all back, once. */
TEST_F(p9_limit, S18_umount)
{
	struct p9_server *const srv = self->env.srv;
	int old1_fd, old2_fd, new_fd;
	struct p9_sandboxed child;

	be_user(_metadata, USER1);
	old1_fd = ruleset_of(_metadata, 0, LIMIT);
	p9_sandbox(_metadata, &child, old1_fd);
	be_user(_metadata, USER2);
	old2_fd = ruleset_of(_metadata, 0, 2);
	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
	expect_no_fids(_metadata, srv);

	p9_mount(_metadata, &self->env, "cache=none");
	expect_left(_metadata, USER2, 0, LIMIT);
	be_user(_metadata, USER1);
	new_fd = ruleset_of(_metadata, 0, LIMIT);
	EXPECT_EQ(EMFILE, add(new_fd, LIMIT));
	EXPECT_EQ(0, close(old1_fd));
	EXPECT_EQ(0, close(old2_fd));
	p9_sandbox_end(_metadata, &child);
	settle(_metadata, srv, LIMIT);
	EXPECT_EQ(EMFILE, add(new_fd, LIMIT));
	EXPECT_EQ(0, close(new_fd));
	settle(_metadata, srv, 0);
	expect_left(_metadata, USER1, 0, LIMIT);
	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
	expect_no_fids(_metadata, srv);
}

/*
 * A pin that nobody is charged for anymore is a file that the server still has
 * open: who makes more waits until it answers.  Some Tclunk are sent at once,
 * others wait for them (see net/9p/clunk.c).
 */
TEST_F(p9_limit, S18_not_clunked)
{
	const struct p9s_rule rule = {
		.type = P9_TCLUNK,
		.times = P9S_ALWAYS,
		.action = P9S_HOLD,
	};
	const int sent = 16, queued = 64;
	struct p9_server *const srv = self->env.srv;
	const int path_fd = open(dir_ruled, O_PATH | O_CLOEXEC);
	struct statfs stfs;
	pid_t pid;
	int i;

	ASSERT_LE(0, path_fd);
	ASSERT_EQ(0, p9s_reset(srv));
	ASSERT_EQ(1, p9s_arm(srv, &rule));
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		for (i = 0; i < 4 * (sent + queued); i++) {
			const int fd = p9_ruleset(_metadata, ACCESS_RO, NULL);
			const int err = p9_add_rule_fd(fd, path_fd, ACCESS_RO);

			if (err)
				_exit(err);
			close(fd);
		}
		_exit(0);
	}
	ASSERT_LE(0, p9s_wait_count(srv, P9_TLOPEN, sent + queued));
	/* The server would answer to the child before it answers to these. */
	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, statfs(P9, &stfs));
	EXPECT_GE(sent + queued + 1, p9s_count(srv, P9_TLOPEN));
	EXPECT_EQ(sent, p9s_held(srv));

	ASSERT_EQ(0, p9s_disarm(srv));
	EXPECT_EQ(sent, p9s_release(srv));
	EXPECT_EQ(0, p9_wait_child(pid));
	EXPECT_EQ(0, close(path_fd));
	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
	expect_no_fids(_metadata, srv);
}

/* What is not pinned is not charged, not even at the limit. */
TEST_F(p9_limit, S18_not_pinned)
{
	struct p9_server *const srv = self->env.srv;
	unsigned int i;
	int ruleset_fd;

	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
	ASSERT_EQ(0, p9s_chmod(srv, "ruled/f", 0222));
	ASSERT_EQ(0, p9s_mknod(srv, "fifo", S_IFIFO | 0666, 0));
	p9_mount(_metadata, &self->env, "cache=none");
	be_user(_metadata, USER1);
	ruleset_fd = empty_ruleset(_metadata);
	for (i = 0; i <= LIMIT; i++) {
		const char *const path = p9_path(LOCAL, i % 2 ? "a" : "b");

		ASSERT_TRUE(!mkdir(path, 0755) || errno == EEXIST);
		EXPECT_EQ(0, add_path(ruleset_fd, path, 0));
		EXPECT_EQ(0,
			  add_path(ruleset_fd, path, LANDLOCK_ADD_RULE_PINNED));
	}
	EXPECT_EQ(0, add_path(ruleset_fd, file_ruled, 0));
	EXPECT_EQ(0, add_path(ruleset_fd, P9 "/fifo", 0));
	settle(_metadata, srv, 0);
	expect_left(_metadata, USER1, 0, LIMIT);

	for (i = 0; i < LIMIT; i++)
		EXPECT_EQ(0, add(ruleset_fd, i));
	EXPECT_EQ(EMFILE, add(ruleset_fd, LIMIT));
	ASSERT_EQ(0, mkdir(LOCAL "/c", 0755));
	EXPECT_EQ(0,
		  add_path(ruleset_fd, LOCAL "/c", LANDLOCK_ADD_RULE_PINNED));
	EXPECT_EQ(0, add_path(ruleset_fd, file_ruled, 0));
	EXPECT_EQ(EOPNOTSUPP,
		  add_path(ruleset_fd, file_ruled, LANDLOCK_ADD_RULE_PINNED));
	EXPECT_EQ(0, close(ruleset_fd));
}

/* Without any capability, and with the limit of a real session */
TEST_F(p9_limit, S18_unprivileged)
{
	const struct rlimit limit = { .rlim_cur = NUM_FILES - 2,
				      .rlim_max = NUM_FILES - 2 };
	int ruleset_fd, i;
	pid_t child;

	ruleset_fd = empty_ruleset(_metadata);
	child = fork();
	ASSERT_LE(0, child);
	if (child == 0) {
		int fds[NUM_FILES];

		for (i = 0; i < NUM_FILES; i++)
			fds[i] = open(file_of_many(i), O_PATH | O_CLOEXEC);
		set_cap(_metadata, CAP_SETUID);
		if (setresuid(USER1, USER1, USER1) ||
		    setrlimit(RLIMIT_NOFILE, &limit))
			_exit(P9_CHILD_USER);
		for (i = 0; i < NUM_FILES; i++) {
			const struct landlock_path_beneath_attr attr = {
				.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE,
				.parent_fd = fds[i],
			};

			if (landlock_add_rule(ruleset_fd,
					      LANDLOCK_RULE_PATH_BENEATH, &attr,
					      0))
				break;
		}
		if (i == NUM_FILES || errno != EMFILE)
			_exit(P9_CHILD_SANDBOX);
		_exit(i);
	}
	/* Exactly as many */
	EXPECT_EQ(NUM_FILES - 2, p9_wait_child(child));
	settle(_metadata, self->env.srv, NUM_FILES - 2);

	/* The ruleset, hence its charges, outlive who added the rules. */
	be_user(_metadata, USER1);
	EXPECT_EQ(EMFILE, add(ruleset_fd, NUM_FILES - 1));
	be_user(_metadata, USER2);
	EXPECT_EQ(0, add(ruleset_fd, NUM_FILES - 1));
	EXPECT_EQ(0, close(ruleset_fd));
	settle(_metadata, self->env.srv, 0);
	expect_left(_metadata, USER1, 0, LIMIT);
}

/* Same as for the number of descriptors in flight */
/* clang-format off */
FIXTURE(p9_limit_cap) {
	/* clang-format on */
	struct p9_env env;
	/* A child that has the capability, and the socket to it. */
	pid_t child;
	int socket_fd;
};

FIXTURE_VARIANT(p9_limit_cap)
{
	cap_value_t cap;
	bool exempt;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_limit_cap, sys_resource) {
	/* clang-format on */
	.cap = CAP_SYS_RESOURCE,
	.exempt = true,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_limit_cap, sys_admin) {
	/* clang-format on */
	.cap = CAP_SYS_ADMIN,
	.exempt = true,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_limit_cap, dac_override) {
	/* clang-format on */
	.cap = CAP_DAC_OVERRIDE,
};

/* Adds rules for the descriptors that it receives, with one capability. */
static void run_capable(const int socket_fd, const cap_value_t cap)
{
	const struct landlock_ruleset_attr attr = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_READ_FILE,
	};
	int err, fd, ruleset_fd;
	cap_t caps;

	caps = cap_init();
	if (!caps || cap_set_flag(caps, CAP_PERMITTED, 1, &cap, CAP_SET) ||
	    cap_set_flag(caps, CAP_EFFECTIVE, 1, &cap, CAP_SET) ||
	    cap_set_proc(caps))
		_exit(P9_CHILD_USER);
	ruleset_fd = landlock_create_ruleset(&attr, sizeof(attr), 0);
	while ((fd = recv_fd(socket_fd)) >= 0) {
		err = add_fd(ruleset_fd, fd, 0, LIMIT);
		close(fd);
		if (write(socket_fd, &err, sizeof(err)) != sizeof(err))
			break;
	}
	_exit(0);
}

FIXTURE_SETUP(p9_limit_cap)
{
	pid_t child;
	int fds[2];

	/* Before the other capabilities are dropped. */
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	child = fork();
	ASSERT_LE(0, child);
	if (child == 0) {
		close(fds[1]);
		run_capable(fds[0], variant->cap);
	}
	EXPECT_EQ(0, close(fds[0]));
	/* @self is shared with the child. */
	self->child = child;
	self->socket_fd = fds[1];

	if (!p9_start(_metadata, &self->env, P9S_HANDLE))
		SKIP(return, "9p is not supported");

	make_many(_metadata, self->env.srv, NUM_FILES);
	setup(_metadata, &self->env, "cache=none");
}

FIXTURE_TEARDOWN_PARENT(p9_limit_cap)
{
	p9_finish(&self->env);
}

TEST_F(p9_limit_cap, S18_capability)
{
	const unsigned int num = LIMIT + 2;
	unsigned int i;
	int err, ruleset_fd;

	for (i = 0; i < num; i++) {
		const int expected = i < LIMIT || variant->exempt ? 0 : EMFILE;
		const int fd = open(file_of_many(i), O_PATH | O_CLOEXEC);

		ASSERT_LE(0, fd);
		ASSERT_EQ(0, send_fd(self->socket_fd, fd));
		ASSERT_EQ(sizeof(err),
			  read(self->socket_fd, &err, sizeof(err)));
		EXPECT_EQ(expected, err);
		EXPECT_EQ(0, close(fd));
	}

	/* What is exempt is counted: the child has the same user. */
	ruleset_fd = empty_ruleset(_metadata);
	EXPECT_EQ(EMFILE, add(ruleset_fd, num));
	EXPECT_EQ(0, add(ruleset_fd, 0));
	EXPECT_EQ(0, close(ruleset_fd));
	EXPECT_EQ(0, close(self->socket_fd));
	EXPECT_EQ(0, kill(self->child, SIGKILL));
	EXPECT_EQ(P9_CHILD_DIED, p9_wait_child(self->child));
	settle(_metadata, self->env.srv, 0);
	expect_left(_metadata, 0, 0, LIMIT);
}

TEST_HARNESS_MAIN
