// SPDX-License-Identifier: GPL-2.0-only
/*
 * Landlock tests - Lifetime of pins on 9p
 *
 * The pin of a rule (fs_9p_pin_test.c) is shared by all rules of all users on
 * that file, goes with the last of them or with the mount, and never keeps
 * anybody waiting.  Old rules never match anything of a new mount.
 */

#define _GNU_SOURCE
#include "fs_9p_pin.h"

/* clang-format off */
FIXTURE(p9_life) {
	/* clang-format on */
	struct p9_env env;
};

FIXTURE_VARIANT(p9_life)
{
	const char *opts;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_life, none) {
	/* clang-format on */
	.opts = "cache=none",
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_life, loose) {
	/* clang-format on */
	.opts = "cache=loose",
};

FIXTURE_SETUP(p9_life)
{
	if (!p9_start(_metadata, &self->env, P9S_HANDLE))
		SKIP(return, "9p is not supported");

	setup(_metadata, &self->env, variant->opts);
}

FIXTURE_TEARDOWN_PARENT(p9_life)
{
	p9_finish(&self->env);
}

TEST_F(p9_life, S15_umount_ruleset)
{
	const struct p9_rule rules[] = {
		{ dir_ruled, ACCESS_RO },
		{ P9, LANDLOCK_ACCESS_FS_READ_DIR },
		{ file_other, LANDLOCK_ACCESS_FS_READ_FILE },
		{},
	};
	struct p9_server *const srv = self->env.srv;
	const int ruleset_fd = p9_ruleset(_metadata, ACCESS_RO, rules);

	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
	expect_no_fids(_metadata, srv);

	p9_mount(_metadata, &self->env, variant->opts);
	expect_nothing_ruled(_metadata, ruleset_fd);
	/* The ruleset can be used for the new mount. */
	EXPECT_EQ(0, p9_add_rule(ruleset_fd, dir_ruled, ACCESS_RO));
	p9_drop_caches(_metadata);
	expect_ruled(_metadata, ruleset_fd);
	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
	expect_no_fids(_metadata, srv);
	EXPECT_EQ(0, close(ruleset_fd));
}

TEST_F(p9_life, S15_umount_domain)
{
	struct p9_server *const srv = self->env.srv;
	struct p9_sandboxed child;
	int ruleset_fd;

	ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_RO);
	p9_sandbox(_metadata, &child, ruleset_fd);
	EXPECT_EQ(0, close(ruleset_fd));
	EXPECT_EQ(0, p9_sandboxed_op(_metadata, &child, P9_READ, file_ruled));
	EXPECT_EQ(EACCES,
		  p9_sandboxed_op(_metadata, &child, P9_READ, file_other));
	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
	expect_no_fids(_metadata, srv);

	p9_mount(_metadata, &self->env, variant->opts);
	EXPECT_EQ(EACCES,
		  p9_sandboxed_op(_metadata, &child, P9_READ, file_ruled));
	EXPECT_EQ(EACCES,
		  p9_sandboxed_op(_metadata, &child, P9_READ, file_other));
	p9_sandbox_end(_metadata, &child);
	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
	expect_no_fids(_metadata, srv);
}

TEST_F(p9_life, S15_umount_lazy)
{
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd, fd;

	fd = open(dir_ruled, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_RO);
	EXPECT_EQ(EBUSY, p9_umount(_metadata, P9, 0));
	p9_drop_caches(_metadata);
	expect_ruled(_metadata, ruleset_fd);
	EXPECT_EQ(0, p9_umount(_metadata, P9, MNT_DETACH));
	EXPECT_EQ(0, close(fd));
	expect_no_fids(_metadata, srv);
	p9_mount(_metadata, &self->env, variant->opts);
	expect_nothing_ruled(_metadata, ruleset_fd);
	EXPECT_EQ(0, close(ruleset_fd));
}

TEST_F(p9_life, S15_umount_force_busy)
{
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd, second_fd, fd;

	fd = open(P9, O_PATH | O_DIRECTORY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_RO);
	second_fd = p9_allow(_metadata, dir_other, ACCESS_RO);
	EXPECT_EQ(EBUSY, p9_umount(_metadata, P9, MNT_FORCE));
	/* From now on the session only knows Tclunk: nothing is allowed. */
	EXPECT_NE(0, p9_op(_metadata, ruleset_fd, P9_READ, file_other));
	/* Neither a rule that goes now nor one that stays is in the way. */
	EXPECT_EQ(0, close(second_fd));
	EXPECT_EQ(0, close(fd));
	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
	/* Also without pins, not all of the fids are clunked then. */
	EXPECT_EQ(0, p9s_wait_fids(srv, 0));
	EXPECT_EQ(0, p9s_wait_closed(srv));
	p9_mount(_metadata, &self->env, variant->opts);
	expect_nothing_ruled(_metadata, ruleset_fd);
	EXPECT_EQ(0, close(ruleset_fd));
}

TEST_F(p9_life, S15_namespace_exit)
{
	struct p9_server *const srv = self->env.srv;
	const int ruleset_fd = p9_ruleset(_metadata, ACCESS_RO, NULL);
	unsigned int before;
	pid_t pid;

	before = num_fids(_metadata, srv, 0);
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		int err;

		set_cap(_metadata, CAP_SYS_ADMIN);
		if (unshare(CLONE_NEWNS))
			_exit(errno);
		err = p9s_mount(srv, LOCAL, variant->opts);
		if (!err)
			err = -p9_add_rule(ruleset_fd, LOCAL "/ruled",
					   ACCESS_RO);
		if (!err)
			err = -p9_op(_metadata, ruleset_fd, P9_READ,
				     LOCAL "/ruled/f");
		_exit(-err);
	}
	EXPECT_EQ(0, p9_wait_child(pid));
	EXPECT_EQ(before, p9s_wait_fids(srv, before));
	EXPECT_EQ(0, close(ruleset_fd));
}

/* The pins of many rules are given back. */
TEST_F(p9_life, S15_umount_many)
{
	struct p9_server *const srv = self->env.srv;
	const int ruleset_fd = p9_ruleset(_metadata, ACCESS_RO, NULL);
	char name[32];
	int i;

	ASSERT_EQ(0, p9s_mkdir(srv, "many"));
	for (i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "many/%d", i);
		ASSERT_EQ(0, p9s_create(srv, name, name));
		ASSERT_EQ(0, p9_add_rule(ruleset_fd, p9_path(P9, name),
					 LANDLOCK_ACCESS_FS_READ_FILE));
	}
	settle(_metadata, srv, 200);
	p9_drop_caches(_metadata);
	P9_EXPECT(0, ruleset_fd, P9_READ, P9 "/many/0");
	P9_EXPECT(0, ruleset_fd, P9_READ, P9 "/many/100");
	P9_EXPECT(0, ruleset_fd, P9_READ, P9 "/many/199");
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, file_ruled);
	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
	expect_no_fids(_metadata, srv);
	EXPECT_EQ(0, close(ruleset_fd));
}

/* Nobody waits for a server that went. */
TEST_F(p9_life, S15_umount_disconnected)
{
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd;

	ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_RO);
	ASSERT_EQ(1, p9s_disconnect(srv));
	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
	p9_mount(_metadata, &self->env, variant->opts);
	expect_nothing_ruled(_metadata, ruleset_fd);
	EXPECT_EQ(0, close(ruleset_fd));
}

TEST_F(p9_life, S16_close_ruleset)
{
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd;

	ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_RO);
	ASSERT_EQ(0, p9_add_rule(ruleset_fd, file_other,
				 LANDLOCK_ACCESS_FS_READ_FILE));
	settle(_metadata, srv, 2);
	EXPECT_EQ(0, close(ruleset_fd));
	EXPECT_EQ(0, p9s_wait_open_fids(srv, 0));
}

TEST_F(p9_life, S16_last_task)
{
	struct p9_server *const srv = self->env.srv;
	struct p9_sandboxed child;
	int ruleset_fd;

	ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_RO);
	p9_sandbox(_metadata, &child, ruleset_fd);
	EXPECT_EQ(0, close(ruleset_fd));
	settle(_metadata, srv, 1);
	p9_drop_caches(_metadata);
	EXPECT_EQ(0, p9_sandboxed_op(_metadata, &child, P9_READ, file_ruled));
	EXPECT_EQ(EACCES,
		  p9_sandboxed_op(_metadata, &child, P9_READ, file_other));
	p9_sandbox_end(_metadata, &child);
	EXPECT_EQ(0, p9s_wait_open_fids(srv, 0));
}

TEST_F(p9_life, S16_shared_pin)
{
	struct p9_server *const srv = self->env.srv;
	int first_fd, second_fd, third_fd;
	struct p9_sandboxed child;
	struct p9s_stat st;

	first_fd = p9_allow(_metadata, dir_ruled, ACCESS_RO);
	p9_drop_caches(_metadata);
	second_fd = p9_allow(_metadata, dir_ruled, ACCESS_RO);
	p9_sandbox(_metadata, &child, second_fd);
	settle(_metadata, srv, 1);

	/* The ruleset that made the pin goes first. */
	EXPECT_EQ(0, close(first_fd));
	p9_drop_caches(_metadata);
	/* A message that comes after what could have been sent. */
	third_fd = p9_allow(_metadata, dir_other, ACCESS_RO);
	settle(_metadata, srv, 2);
	expect_ruled(_metadata, second_fd);
	EXPECT_EQ(0, close(third_fd));
	EXPECT_EQ(1, p9s_wait_open_fids(srv, 1));

	EXPECT_EQ(0, close(second_fd));
	p9_drop_caches(_metadata);
	EXPECT_EQ(0, p9_sandboxed_op(_metadata, &child, P9_READ, file_ruled));
	/* A worker of netfs may have the last reference to the file's fid. */
	EXPECT_EQ(1, p9s_wait_open_fids(srv, 1));
	ASSERT_EQ(0, p9s_stat(srv, "ruled", &st));
	EXPECT_EQ(1, st.opens);
	p9_sandbox_end(_metadata, &child);
	EXPECT_EQ(0, p9s_wait_open_fids(srv, 0));
}

/* A pin that went can come back. */
TEST_F(p9_life, S16_again)
{
	struct p9_server *const srv = self->env.srv;
	int i, ruleset_fd;

	for (i = 0; i < 5; i++) {
		ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_RO);
		p9_drop_caches(_metadata);
		expect_ruled(_metadata, ruleset_fd);
		EXPECT_EQ(0, close(ruleset_fd));
		/* Not always: also while the Tclunk is on its way. */
		if (i % 2)
			EXPECT_EQ(0, p9s_wait_open_fids(srv, 0));
	}
	EXPECT_EQ(0, p9s_wait_open_fids(srv, 0));
	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
	expect_no_fids(_metadata, srv);
}

/* Nobody waits for the reply to Tclunk. */
TEST_F(p9_life, S16_frozen_server)
{
	struct p9_server *const srv = self->env.srv;
	struct p9_sandboxed child;
	int ruleset_fd, domain_fd;

	ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_RO);
	domain_fd =
		p9_allow(_metadata, file_other, LANDLOCK_ACCESS_FS_READ_FILE);
	p9_sandbox(_metadata, &child, domain_fd);
	EXPECT_EQ(0, close(domain_fd));
	settle(_metadata, srv, 2);
	p9_drop_caches(_metadata);
	ASSERT_EQ(0, p9s_freeze(srv, true));
	EXPECT_EQ(0, close(ruleset_fd));
	p9_sandbox_end(_metadata, &child);
	ASSERT_EQ(0, p9s_freeze(srv, false));
	EXPECT_EQ(0, p9s_wait_open_fids(srv, 0));
}

/* Access modes: two users */

#define UID_USER 1000

/* clang-format off */
FIXTURE(p9_users) {
	/* clang-format on */
	struct p9_env env;
};

FIXTURE_VARIANT(p9_users)
{
	const char *opts;
	/* What the users get without Landlock */
	int root, user;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_users, access_user) {
	/* clang-format on */
	.opts = "access=user",
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_users, access_any) {
	/* clang-format on */
	.opts = "access=any",
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_users, access_client) {
	/* clang-format on */
	.opts = "access=client",
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_users, access_client_posixacl) {
	/* clang-format on */
	.opts = "access=client,posixacl",
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_users, access_root_only) {
	/* clang-format on */
	.opts = "access=0",
	.user = EPERM,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_users, access_user_only) {
	/* clang-format on */
	.opts = "access=1000",
	.root = EPERM,
};

FIXTURE_SETUP(p9_users)
{
	if (!p9_start(_metadata, &self->env, P9S_HANDLE))
		SKIP(return, "9p is not supported");

	ASSERT_EQ(0, p9s_build(self->env.srv, layout));
	p9_mount(_metadata, &self->env, variant->opts);
}

FIXTURE_TEARDOWN_PARENT(p9_users)
{
	p9_finish(&self->env);
}

/* Returns the error of the child which adds the rule. */
static int add_rule_as(struct __test_metadata *const _metadata, const uid_t uid,
		       const int ruleset_fd, const char *const path)
{
	const pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (pid == 0) {
		alarm(20);
		if (uid) {
			set_cap(_metadata, CAP_SETUID);
			if (setresuid(uid, uid, uid))
				_exit(P9_CHILD_USER);
		}
		_exit(p9_add_rule(ruleset_fd, path, ACCESS_RO));
	}
	return p9_wait_child(pid);
}

static void expect_as(struct __test_metadata *const _metadata, const uid_t uid,
		      const int control, const int ruleset_fd)
{
	EXPECT_EQ(control, p9_op_as(_metadata, uid, P9_NO_RULESET, P9_READ,
				    file_ruled, NULL));
	EXPECT_EQ(control, p9_op_as(_metadata, uid, P9_NO_RULESET, P9_READ,
				    file_other, NULL));
	EXPECT_EQ(control, p9_op_as(_metadata, uid, ruleset_fd, P9_READ,
				    file_ruled, NULL))
	{
		TH_LOG("user %u", uid);
	}
	EXPECT_EQ(control ?: EACCES, p9_op_as(_metadata, uid, ruleset_fd,
					      P9_READ, file_other, NULL));
}

static void users_test(struct __test_metadata *const _metadata,
		       FIXTURE_DATA(p9_users) *const self,
		       const FIXTURE_VARIANT(p9_users) *const variant,
		       const uid_t uid)
{
	const int control = uid ? variant->user : variant->root;
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd;

	ruleset_fd = p9_ruleset(_metadata, ACCESS_RO, NULL);
	EXPECT_EQ(control, add_rule_as(_metadata, uid, ruleset_fd, dir_ruled));
	if (control) {
		EXPECT_EQ(0, close(ruleset_fd));
		return;
	}
	settle(_metadata, srv, 1);
	p9_drop_caches(_metadata);
	expect_as(_metadata, 0, variant->root, ruleset_fd);
	expect_as(_metadata, UID_USER, variant->user, ruleset_fd);

	/* The same rule of the other one uses the same pin. */
	if (!variant->root && !variant->user) {
		EXPECT_EQ(0, add_rule_as(_metadata, UID_USER - uid, ruleset_fd,
					 dir_ruled));
		EXPECT_EQ(1, p9s_wait_open_fids(srv, 1));
	}
	EXPECT_EQ(0, close(ruleset_fd));
	EXPECT_EQ(0, p9s_wait_open_fids(srv, 0));
	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
	expect_no_fids(_metadata, srv);
}

TEST_F(p9_users, S22_rule_of_root)
{
	users_test(_metadata, self, variant, 0);
}

TEST_F(p9_users, S22_rule_of_user)
{
	users_test(_metadata, self, variant, UID_USER);
}

TEST_HARNESS_MAIN
