// SPDX-License-Identifier: GPL-2.0-only
/*
 * Landlock tests - Moving files while a 9p server does not say where they are
 *
 * A rule that is not seen makes its directory look more restricted than it is.
 * To rename or to link is refused unless all directories above the source and
 * the destination are known.
 */

#define _GNU_SOURCE
#include "fs_9p_move.h"

/* Reparenting is allowed everywhere, and there is more to gain in "dst". */
static const struct p9_rule rules[] = {
	{ P9, ACCESS_ALL & ~LANDLOCK_ACCESS_FS_EXECUTE },
	{ P9 "/dst", LANDLOCK_ACCESS_FS_EXECUTE },
	{},
};

static const struct p9s_entry tree[] = {
	{ "src", S_IFDIR },
	{ "src/f", 0, "f" },
	{ "src/d", S_IFDIR },
	{ "dst", S_IFDIR },
	{ "dst/g", 0, "g" },
	{ "plain", S_IFDIR },
	{},
};

static const char src_f[] = P9 "/src/f";
static const char plain_f[] = P9 "/plain/f";
static const char dst_f[] = P9 "/dst/f";

/* clang-format off */
FIXTURE(p9_unknown) {
	/* clang-format on */
	struct p9_env env;
};

FIXTURE_VARIANT(p9_unknown)
{
	const struct p9_behaviour *behaviour;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_unknown, qemu) {
	/* clang-format on */
	.behaviour = P9S_PATH_QEMU,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_unknown, handle) {
	/* clang-format on */
	.behaviour = P9S_HANDLE,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_unknown, ganesha) {
	/* clang-format on */
	.behaviour = P9S_LIAR_GANESHA,
};

FIXTURE_SETUP(p9_unknown)
{
	if (!p9_start(_metadata, &self->env, variant->behaviour))
		SKIP(return, "9p is not supported (setup)");
	ASSERT_EQ(0, p9s_build(self->env.srv, tree));
	p9_mount(_metadata, &self->env, OPTS_NEVER_FRESH);
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, src_f);
}

FIXTURE_TEARDOWN_PARENT(p9_unknown)
{
	p9_finish(&self->env);
}

/* Without faults */
TEST_F(p9_unknown, S29_control)
{
	struct p9_server *const srv = self->env.srv;
	const int ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, rules);

	EXPECT_EQ(0, p9_op2(_metadata, ruleset_fd, P9_LINK, src_f, plain_f));
	P9_EXPECT(0, ruleset_fd, P9_UNLINK, plain_f);
	EXPECT_EQ(0, p9_op2(_metadata, ruleset_fd, P9_RENAME, src_f, plain_f));
	EXPECT_EQ(0, p9_op2(_metadata, ruleset_fd, P9_RENAME, plain_f, src_f));
	EXPECT_EQ(EXDEV, p9_op2(_metadata, ruleset_fd, P9_LINK, src_f, dst_f));
	EXPECT_EQ(EXDEV,
		  p9_op2(_metadata, ruleset_fd, P9_RENAME, src_f, dst_f));
	EXPECT_EQ(EXDEV, p9_op2(_metadata, ruleset_fd, P9_EXCHANGE, src_f,
				P9 "/dst/g"));
	/* Allowed by Landlock, but 9p cannot do it. */
	EXPECT_EQ(0, p9_op2(_metadata, ruleset_fd, P9_LINK, src_f, plain_f));
	EXPECT_EQ(EINVAL,
		  p9_op2(_metadata, ruleset_fd, P9_EXCHANGE, src_f, plain_f));
	EXPECT_TRUE(p9s_exists(srv, "src/f"));
	EXPECT_FALSE(p9s_exists(srv, "dst/f"));
	EXPECT_EQ(0, close(ruleset_fd));
}

static const struct p9s_rule faults[] = {
	{ .action = P9S_ERROR, .error = EIO },
	{ .action = P9S_ERROR, .error = ENOENT },
	{ .action = P9S_ERROR, .error = EACCES },
	{ .action = P9S_ERROR, .error = ENOMEM },
	/* ERESTARTSYS, which is the client's own */
	{ .action = P9S_ERROR, .error = 512 },
	{ .action = P9S_BAD_TYPE },
	{ .action = P9S_TRUNCATE },
	{ .action = P9S_BAD_COUNT },
	{ .action = P9S_BAD_QID, .qid = { .type = P9_QTDIR, .path = 12345 } },
	{ .action = P9S_MISSING_QIDS },
	{ .action = P9S_EMPTY },
};

/* Operations whose verdict would be 0 */
static void expect_refused(struct __test_metadata *const _metadata,
			   struct p9_server *const srv, const int ruleset_fd,
			   const struct p9s_rule *const fault,
			   const enum p9_op_kind kind)
{
	int rule, err;

	rule = p9s_arm(srv, fault);
	ASSERT_LT(0, rule);
	err = p9_op2(_metadata, ruleset_fd, kind, src_f, plain_f);
	EXPECT_EQ(EACCES, err)
	{
		TH_LOG("%s with fault %d on message %d of \"%s\" returned %d",
		       p9_op_names[kind], fault->action, fault->nth,
		       fault->name, err);
	}
	EXPECT_EQ(1, p9s_rule_hits(srv, rule));
	EXPECT_LE(0, p9s_disarm(srv));
	EXPECT_TRUE(p9s_exists(srv, "src/f"));
	EXPECT_FALSE(p9s_exists(srv, "plain/f"));
}

static void each_fault(struct __test_metadata *const _metadata,
		       struct p9_server *const srv, const char *const name,
		       const unsigned int nth)
{
	const int ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, rules);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		struct p9s_rule fault = faults[i];

		/* The walks before are those of lookups. */
		fault.type = P9_TWALK;
		fault.name = name;
		fault.nth = nth;
		expect_refused(_metadata, srv, ruleset_fd, &fault, P9_RENAME);
		expect_refused(_metadata, srv, ruleset_fd, &fault, P9_LINK);
	}
	EXPECT_EQ(0, close(ruleset_fd));
}

TEST_F(p9_unknown, S29_destination)
{
	each_fault(_metadata, self->env.srv, "plain", 2);
}

TEST_F(p9_unknown, S29_source)
{
	/* The file is asked for too, after lookups in both directories. */
	each_fault(_metadata, self->env.srv, "f", 3);
}

/* Too long for the client's buffer: it leaves this server. */
TEST_F(p9_unknown, S25_extra_qids)
{
	struct p9_server *const srv = self->env.srv;
	const int ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, rules);
	const int rule = p9s_arm(srv, &(struct p9s_rule){
					      .type = P9_TWALK,
					      .name = "plain",
					      .nth = 2,
					      .action = P9S_EXTRA_QIDS,
				      });
	int err;

	ASSERT_LT(0, rule);
	err = p9_op2(_metadata, ruleset_fd, P9_RENAME, src_f, plain_f);
	EXPECT_TRUE(err == EACCES || err == EIO);
	EXPECT_EQ(1, p9s_rule_hits(srv, rule));
	EXPECT_TRUE(p9s_exists(srv, "src/f"));
	EXPECT_EQ(0, close(ruleset_fd));
}

static pid_t start_rename(struct __test_metadata *const _metadata,
			  const int ruleset_fd)
{
	const pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (pid == 0) {
		alarm(20);
		if (!p9_restrict(ruleset_fd))
			_exit(P9_CHILD_SANDBOX);
		_exit(p9_do(P9_RENAME, src_f, plain_f));
	}
	return pid;
}

/* One of the directories goes away while the other is asked for. */
TEST_F(p9_unknown, S29_moved_meanwhile)
{
	static const char *const names[] = { "src", "plain" };
	static const char *const asked[] = { "f", "plain" };
	static const unsigned int nth[] = { 3, 2 };
	struct p9_server *const srv = self->env.srv;
	const int ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, rules);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		pid_t pid;

		ASSERT_LT(0, p9s_arm(srv, &(struct p9s_rule){
						  .type = P9_TWALK,
						  .name = asked[i],
						  .nth = nth[i],
						  .action = P9S_HOLD,
					  }));
		pid = start_rename(_metadata, ruleset_fd);
		ASSERT_LE(0, p9s_wait_held(srv));
		ASSERT_EQ(0, p9s_move(srv, names[i], "dst/moved"));
		ASSERT_LT(0, p9s_release(srv));
		EXPECT_EQ(EACCES, p9_wait_child(pid));
		EXPECT_LE(0, p9s_disarm(srv));
		ASSERT_EQ(0, p9s_move(srv, "dst/moved", names[i]));
		EXPECT_TRUE(p9s_exists(srv, "src/f"));
	}
	EXPECT_EQ(0, close(ruleset_fd));
}

/* Killed while the server thinks: the rename did not happen. */
TEST_F(p9_unknown, S29_killed)
{
	struct p9_server *const srv = self->env.srv;
	const int ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, rules);
	pid_t pid;

	ASSERT_LT(0, p9s_arm(srv, &(struct p9s_rule){
					  .type = P9_TWALK,
					  .name = "plain",
					  .nth = 2,
					  .action = P9S_HOLD,
				  }));
	pid = start_rename(_metadata, ruleset_fd);
	ASSERT_LE(0, p9s_wait_held(srv));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(P9_CHILD_DIED, p9_wait_child(pid));
	p9s_release(srv);
	EXPECT_LE(0, p9s_disarm(srv));
	EXPECT_TRUE(p9s_exists(srv, "src/f"));
	/* The directories are not locked anymore. */
	EXPECT_EQ(0, p9_op2(_metadata, ruleset_fd, P9_RENAME, src_f, plain_f));
	EXPECT_EQ(0, close(ruleset_fd));
}

/*
 * The destination is held, and what it is below has got another rule: a
 * directory with more rights took the place of one above it.
 */
TEST_F(p9_unknown, S29_replaced_between)
{
	const struct p9_rule more[] = {
		{ P9, ACCESS_ALL & ~LANDLOCK_ACCESS_FS_EXECUTE },
		{ P9 "/more", LANDLOCK_ACCESS_FS_EXECUTE },
		{},
	};
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd, fd;

	ASSERT_EQ(0, p9s_mkdir(srv, "plain/sub"));
	ASSERT_EQ(0, p9s_mkdir(srv, "more"));
	ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, more);
	fd = p9_hold(_metadata, HOLD_PATH, P9 "/plain/sub");
	EXPECT_EQ(0, p9_op2(_metadata, ruleset_fd, P9_RENAME, src_f,
			    p9_held(HOLD_PATH, fd, "f")));
	EXPECT_EQ(0, p9_op2(_metadata, ruleset_fd, P9_RENAME,
			    p9_held(HOLD_PATH, fd, "f"), src_f));

	/* The path of what is held stays, but leads through "more". */
	ASSERT_EQ(0, p9s_move(srv, "plain/sub", "more/sub"));
	ASSERT_EQ(0, p9s_exchange(srv, "plain", "more"));
	EXPECT_EQ(EACCES, p9_op2(_metadata, ruleset_fd, P9_RENAME, src_f,
				 p9_held(HOLD_PATH, fd, "f")));
	EXPECT_EQ(EACCES, p9_op2(_metadata, ruleset_fd, P9_LINK, src_f,
				 p9_held(HOLD_PATH, fd, "f")));
	EXPECT_TRUE(p9s_exists(srv, "src/f"));
	EXPECT_FALSE(p9s_exists(srv, "plain/sub/f"));
	ASSERT_EQ(0, close(fd));
	EXPECT_EQ(0, close(ruleset_fd));
}

TEST_HARNESS_MAIN
