// SPDX-License-Identifier: GPL-2.0-only
/*
 * Landlock tests - What is held on 9p while its number or its name is reused
 */

#define _GNU_SOURCE
#include "fs_9p_move.h"

/* Reparenting is allowed everywhere, and there is more to gain in "dst". */
static const struct p9s_entry tree[] = {
	{ "src", S_IFDIR },	 { "src/f", 0, "f" },
	{ "src/s", S_IFDIR },	 { "src/s/f", 0, "s f" },
	{ "dst", S_IFDIR },	 { "plain", S_IFDIR },
	{ "plain/f", 0, "p f" }, {},
};

#define ACCESS_LESS                                                   \
	(ACCESS_ALL &                                                 \
	 ~(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_DIR | \
	   LANDLOCK_ACCESS_FS_MAKE_CHAR))

/* clang-format off */
FIXTURE(p9_held) {
	/* clang-format on */
	struct p9_env env;
};

FIXTURE_VARIANT(p9_held)
{
	const struct p9_behaviour *behaviour;
	const char *opts;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_held, qemu) {
	/* clang-format on */
	.behaviour = P9S_PATH_QEMU,
	.opts = OPTS_NEVER_FRESH,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_held, qemu_fresh) {
	/* clang-format on */
	.behaviour = P9S_PATH_QEMU,
	.opts = "cache=none,freshness=2000",
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_held, diod) {
	/* clang-format on */
	.behaviour = P9S_PATH_DIOD,
	.opts = OPTS_NEVER_FRESH,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_held, diod_fresh) {
	/* clang-format on */
	.behaviour = P9S_PATH_DIOD,
	.opts = "cache=none,freshness=2000",
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_held, handle) {
	/* clang-format on */
	.behaviour = P9S_HANDLE,
	.opts = OPTS_NEVER_FRESH,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_held, ganesha) {
	/* clang-format on */
	.behaviour = P9S_LIAR_GANESHA,
	.opts = OPTS_NEVER_FRESH,
};

/* What was asked once is not asked again. */
static bool is_fresh(const char *const opts)
{
	return strstr(opts, "freshness=2000");
}

FIXTURE_SETUP(p9_held)
{
	if (!p9_start(_metadata, &self->env, variant->behaviour))
		SKIP(return, "9p is not supported (setup)");
	ASSERT_EQ(0, p9s_build(self->env.srv, tree));
	p9_mount(_metadata, &self->env, variant->opts);
}

FIXTURE_TEARDOWN_PARENT(p9_held)
{
	p9_finish(&self->env);
}

/* The rule of a held file must not be taken for what took its name. */
TEST_F(p9_held, S07_replace_held_child)
{
	const struct p9_rule rules[] = {
		{ P9, ACCESS_LESS },
		{ P9 "/src/f", ACCESS_FILE },
		{ P9 "/dst", LANDLOCK_ACCESS_FS_EXECUTE },
		{},
	};
	struct p9_server *const srv = self->env.srv;
	const int ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, rules);
	const int fd = p9_hold(_metadata, HOLD_PATH, P9 "/src/f");
	int err;

	if (strstr(variant->opts, "2000"))
		SKIP(return, "the name was just confirmed");

	EXPECT_EQ(EXDEV, p9_op2(_metadata, ruleset_fd, P9_RENAME, P9 "/plain/f",
				P9 "/dst/f"));
	ASSERT_EQ(0, p9s_move(srv, "src/f", "@/gone"));
	ASSERT_EQ(0, p9s_create(srv, "src/f", "evil"));
	err = p9_op2(_metadata, ruleset_fd, P9_LINK, P9 "/src/f", P9 "/dst/l");
	EXPECT_NE(0, err);
	EXPECT_FALSE(p9s_content_is(srv, "dst/l", "evil"));
	err = p9_op2(_metadata, ruleset_fd, P9_RENAME, P9 "/src/f",
		     P9 "/dst/f");
	EXPECT_NE(0, err);
	EXPECT_FALSE(p9s_content_is(srv, "dst/f", "evil"));
	close(fd);
	close(ruleset_fd);
}

/* A directory took the name of a held file. */
TEST_F(p9_held, S07_replace_held_type)
{
	const struct p9_rule rules[] = {
		{ P9, ACCESS_LESS },
		{ P9 "/dst", LANDLOCK_ACCESS_FS_READ_DIR },
		{},
	};
	struct p9_server *const srv = self->env.srv;
	const int ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, rules);
	const int fd = p9_hold(_metadata, HOLD_PATH, P9 "/src/f");
	int err;

	if (strstr(variant->opts, "2000"))
		SKIP(return, "the name was just confirmed");

	EXPECT_EQ(EXDEV, p9_op2(_metadata, ruleset_fd, P9_RENAME, P9 "/src/s",
				P9 "/dst/s"));
	ASSERT_EQ(0, p9s_move(srv, "src/f", "@/gone"));
	ASSERT_EQ(0, p9s_move(srv, "src/s", "src/f"));
	err = p9_op2(_metadata, ruleset_fd, P9_RENAME, P9 "/src/f",
		     P9 "/dst/f");
	EXPECT_NE(0, err);
	EXPECT_FALSE(p9s_exists(srv, "dst/f/f"));
	close(fd);
	close(ruleset_fd);
}

/* The server moved a held file to where it has fewer rights. */
TEST_F(p9_held, S05_link_moved_file)
{
	const struct p9_rule rules[] = {
		{ P9, ACCESS_LESS },
		{ P9 "/src", LANDLOCK_ACCESS_FS_EXECUTE },
		{ P9 "/dst", LANDLOCK_ACCESS_FS_EXECUTE },
		{},
	};
	struct p9_server *const srv = self->env.srv;
	const int ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, rules);
	const int fd = p9_hold(_metadata, HOLD_PATH, P9 "/src/f");
	int err;

	ASSERT_EQ(0, p9s_move(srv, "src/f", "plain/f2"));
	EXPECT_EQ(EXDEV, p9_op2(_metadata, ruleset_fd, P9_LINK, P9 "/plain/f2",
				P9 "/dst/f2"));
	err = p9_op2(_metadata, ruleset_fd, P9_LINK, P9 "/src/f", P9 "/dst/f");
	EXPECT_NE(0, err);
	EXPECT_FALSE(p9s_exists(srv, "dst/f"));
	close(fd);
	close(ruleset_fd);
}

static void recycle(struct __test_metadata *const _metadata,
		    struct p9_server *const srv)
{
	const uint64_t number = p9s_qid_path(srv, "src/s");
	struct p9s_stat old, new;

	ASSERT_EQ(0, p9s_stat(srv, "src/s", &old));
	p9s_forget_pins(srv);
	ASSERT_EQ(0, p9s_remove(srv, "src/s"));
	ASSERT_EQ(0, p9s_recycle(srv, number));
	ASSERT_EQ(0, p9s_mkdir(srv, "src/s"));
	ASSERT_EQ(0, p9s_create(srv, "src/s/f", "evil"));
	ASSERT_EQ(number, p9s_qid_path(srv, "src/s"));
	ASSERT_EQ(0, p9s_stat(srv, "src/s", &new));
	ASSERT_NE(old.generation, new.generation);
}

/* Only the generation tells that the source is not the ruled one. */
TEST_F(p9_held, S30_recycled_source)
{
	const struct p9_rule rules[] = {
		{ P9, ACCESS_LESS },
		{ P9 "/src/s", LANDLOCK_ACCESS_FS_EXECUTE },
		{ P9 "/dst", LANDLOCK_ACCESS_FS_EXECUTE },
		{},
	};
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd, fd, err;

	if (variant->behaviour->generation != P9S_GEN_VALID ||
	    !variant->behaviour->path)
		SKIP(return, "there is no generation, or handles");

	ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, rules);
	fd = p9_hold(_metadata, HOLD_PATH, P9 "/src/s");
	recycle(_metadata, srv);
	if (strstr(variant->opts, "2000"))
		usleep(2200000);
	err = p9_op2(_metadata, ruleset_fd, P9_RENAME,
		     p9_held(HOLD_PATH, fd, "f"), p9_abs("dst/f"));
	EXPECT_NE(0, err);
	EXPECT_FALSE(p9s_content_is(srv, "dst/f", "evil"));
	close(fd);
	close(ruleset_fd);
}

/* A walk does not tell the generation. */
TEST_F(p9_held, S30_recycled_twice)
{
	const struct p9_rule rules[] = {
		{ P9, LANDLOCK_ACCESS_FS_READ_DIR },
		{ P9 "/src/s", ACCESS_RO },
		{},
	};
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd, fd, i;

	if (variant->behaviour->generation != P9S_GEN_VALID ||
	    !variant->behaviour->path)
		SKIP(return, "there is no generation, or handles");

	ruleset_fd = p9_ruleset(_metadata, ACCESS_RO, rules);
	fd = p9_hold(_metadata, HOLD_PATH, P9 "/src/s");
	P9_EXPECT(0, ruleset_fd, P9_READ, p9_held(HOLD_PATH, fd, "f"));
	recycle(_metadata, srv);
	if (strstr(variant->opts, "2000"))
		usleep(2200000);
	for (i = 0; i < 3; i++) {
		P9_EXPECT_REFUSED(ruleset_fd, P9_READ,
				  p9_held(HOLD_PATH, fd, "f"));
		/* By the rule above */
		P9_EXPECT(0, ruleset_fd, P9_LIST, p9_held(HOLD_PATH, fd, ""));
	}
	close(fd);
	close(ruleset_fd);
}

/* More names than a message has. */
TEST_F(p9_held, S29_deep)
{
	const struct p9_rule rules[] = { { P9, ACCESS_ALL }, {} };
	const struct p9_rule less[] = {
		{ P9, ACCESS_LESS },
		{ P9 "/dst", LANDLOCK_ACCESS_FS_EXECUTE },
		{},
	};
	struct p9_server *const srv = self->env.srv;
	char rel[64] = "src";
	int ruleset_fd, i;
	char old[64], new[64];

	for (i = 0; i < 20; i++) {
		strcat(rel, "/d");
		ASSERT_EQ(0, p9s_mkdir(srv, rel));
		if (i != 13 && i != 14 && i != 15 && i < 18)
			continue;
		snprintf(old, sizeof(old), "%s/f", rel);
		ASSERT_EQ(0, p9s_create(srv, old, "deep"));
		snprintf(new, sizeof(new), "plain/f%d", i);
		ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, less);
		EXPECT_EQ(0, p9_op2(_metadata, ruleset_fd, P9_RENAME,
				    p9_path(P9, old), p9_path(P9, new)))
		{
			TH_LOG("depth %d", i + 2);
		}
		close(ruleset_fd);
	}
	ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, rules);
	close(ruleset_fd);
}

/* The directory is replaced between the two questions. */
TEST_F(p9_held, S07_replaced_between_questions)
{
	struct p9_server *const srv = self->env.srv;
	const struct p9_rule rules[] = {
		{ P9 "/src", LANDLOCK_ACCESS_FS_READ_FILE },
		{},
	};
	int ruleset_fd, fd, rule;
	pid_t pid;

	if (!variant->behaviour->path)
		SKIP(return, "fids are not paths");
	if (is_fresh(variant->opts))
		SKIP(return, "within the bound");

	ruleset_fd = p9_ruleset(_metadata, LANDLOCK_ACCESS_FS_READ_FILE, rules);
	fd = p9_hold(_metadata, HOLD_PATH, P9 "/src/f");
	/* Never in src from here on */
	ASSERT_EQ(0, p9s_mkdir(srv, "other"));
	ASSERT_EQ(0, p9s_move(srv, "src/f", "other/f"));
	P9_EXPECT_REFUSED(ruleset_fd, P9_READ, p9_held(HOLD_PATH, fd, ""));
	rule = p9s_arm(srv, &(struct p9s_rule){ .type = P9_TWALK,
						.name = "f",
						.action = P9S_HOLD });
	ASSERT_LT(0, rule);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		alarm(20);
		if (!p9_restrict(ruleset_fd))
			_exit(P9_CHILD_SANDBOX);
		_exit(p9_do(P9_READ, p9_held(HOLD_PATH, fd, ""), NULL));
	}
	ASSERT_LE(0, p9s_wait_held(srv));
	ASSERT_EQ(0, p9s_exchange(srv, "src", "other"));
	ASSERT_LT(0, p9s_release(srv));
	EXPECT_TRUE(p9_is_refused(p9_wait_child(pid)));
	close(fd);
	close(ruleset_fd);
}

/* A fsid is only one more means to tell. */
TEST_F(p9_held, S01_statfs_refused)
{
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd;

	if (variant->behaviour->generation == P9S_GEN_VALID)
		SKIP(return, "there is a generation");

	ASSERT_LT(0, p9s_arm(srv, &(struct p9s_rule){ .type = P9_TSTATFS,
						      .action = P9S_ERROR,
						      .times = P9S_ALWAYS,
						      .error = EPERM }));
	ruleset_fd = p9_allow_read(_metadata, P9 "/src/f");
	p9_drop_caches(_metadata);
	P9_EXPECT(0, ruleset_fd, P9_READ, P9 "/src/f");
	close(ruleset_fd);
}

/* A server is short of descriptors for a while. */
TEST_F(p9_held, S01_short_of_descriptors)
{
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd, rule;

	if (variant->behaviour->generation == P9S_GEN_VALID)
		SKIP(return, "there is a generation");
	if (is_fresh(variant->opts))
		SKIP(return, "within the bound");

	ruleset_fd = p9_allow_read(_metadata, P9 "/src/f");
	P9_EXPECT(0, ruleset_fd, P9_READ, P9 "/src/f");
	rule = p9s_arm(srv, &(struct p9s_rule){ .type = P9_TGETATTR,
						.fid_state = P9S_FID_OPEN,
						.action = P9S_ERROR,
						.error = EIO });
	ASSERT_LT(0, rule);
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, P9 "/src/f");
	EXPECT_EQ(1, p9s_rule_hits(srv, rule));
	ASSERT_LE(0, p9s_disarm(srv));
	P9_EXPECT(0, ruleset_fd, P9_READ, P9 "/src/f");
	close(ruleset_fd);
}

/* This client knows that the fids below may lead elsewhere. */
TEST_F(p9_held, S07_replaced_by_client)
{
	struct p9_server *const srv = self->env.srv;
	const struct p9_rule rules[] = { { P9 "/src/s/c", ACCESS_ALL }, {} };
	int ruleset_fd, fd;

	ASSERT_EQ(0, p9s_mkdir(srv, "src/s/c"));
	ASSERT_EQ(0, p9s_mkdir(srv, "plain/s"));
	ASSERT_EQ(0, p9s_mkdir(srv, "plain/s/c"));
	ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, rules);
	fd = p9_hold(_metadata, HOLD_PATH, P9 "/src/s/c");
	EXPECT_EQ(0, p9_op2(_metadata, P9_NO_RULESET, P9_RENAME, P9 "/src/s",
			    P9 "/src/s2"));
	EXPECT_EQ(0, p9_op2(_metadata, P9_NO_RULESET, P9_RENAME, P9 "/plain/s",
			    P9 "/src/s"));
	p9_op2(_metadata, ruleset_fd, P9_MKDIR, p9_held(HOLD_PATH, fd, "new"),
	       NULL);
	EXPECT_FALSE(p9s_exists(srv, "src/s/c/new"));
	close(fd);
	close(ruleset_fd);
}

/* The name of what is held now leads to another file. */
TEST_F(p9_held, S30_renamed_over_file)
{
	struct p9_server *const srv = self->env.srv;
	const struct p9_rule rules[] = {
		{ P9 "/src/a", LANDLOCK_ACCESS_FS_TRUNCATE }, {}
	};
	int ruleset_fd, fd;

	ASSERT_EQ(0, p9s_create(srv, "src/a", "ruled"));
	ASSERT_EQ(0, p9s_create(srv, "src/b", "another"));
	ruleset_fd = p9_ruleset(_metadata, LANDLOCK_ACCESS_FS_TRUNCATE, rules);
	fd = p9_hold(_metadata, HOLD_PATH, P9 "/src/a");
	EXPECT_EQ(0, p9_op2(_metadata, P9_NO_RULESET, P9_RENAME, P9 "/src/b",
			    P9 "/src/a"));
	p9_op(_metadata, ruleset_fd, P9_TRUNC, p9_held(HOLD_PATH, fd, ""));
	EXPECT_TRUE(p9s_content_is(srv, "src/a", "another"));
	close(fd);
	close(ruleset_fd);
}

/* What is below a directory is there while this client renames it. */
TEST_F(p9_held, S01_during_rename)
{
	struct p9_server *const srv = self->env.srv;
	const struct p9_rule rules[] = { { P9, ACCESS_ALL }, {} };
	int ruleset_fd, fd;
	pid_t pid, reader;

	if (variant->behaviour->no_renameat)
		SKIP(return, "another request");
	if (is_fresh(variant->opts))
		SKIP(return, "nothing is asked");
	ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, rules);
	fd = p9_hold(_metadata, HOLD_PATH, P9 "/src/s/f");
	ASSERT_LT(0,
		  p9s_arm(srv, &(struct p9s_rule){ .type = P9_TRENAMEAT,
						   .action = P9S_HOLD_REPLY }));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		alarm(20);
		_exit(p9_do(P9_RENAME, P9 "/src/s", P9 "/src/s2"));
	}
	ASSERT_LE(0, p9s_wait_held(srv));
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, p9_held(HOLD_PATH, fd, ""));

	/* Asked by the old name, hence again once the rename is known. */
	ASSERT_EQ(0, p9s_reset(srv));
	reader = fork();
	ASSERT_LE(0, reader);
	if (!reader) {
		alarm(20);
		if (!p9_restrict(ruleset_fd))
			_exit(P9_CHILD_SANDBOX);
		_exit(p9_do(P9_READ, p9_held(HOLD_PATH, fd, ""), NULL));
	}
	ASSERT_LE(1, p9s_wait_count(srv, P9_TWALK, 1));
	ASSERT_LT(0, p9s_release(srv));
	EXPECT_EQ(0, p9_wait_child(pid));
	EXPECT_EQ(0, p9_wait_child(reader));
	P9_EXPECT(0, ruleset_fd, P9_READ, p9_held(HOLD_PATH, fd, ""));
	close(fd);
	close(ruleset_fd);
}

/* A working directory that this client deleted */
TEST_F(p9_held, S34_deleted_cwd)
{
	struct p9_server *const srv = self->env.srv;
	const struct p9_rule rules[] = { { P9, ACCESS_ALL }, {} };
	int ruleset_fd, fd;

	ASSERT_EQ(0, p9s_mkdir(srv, "src/e"));
	ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, rules);
	P9_EACH_HOLD(hold)
	{
		fd = p9_hold(_metadata, hold, P9 "/src/e");
		P9_EXPECT(0, ruleset_fd, P9_RMDIR, p9_abs("src/e"));
		P9_EXPECT_REFUSED(ruleset_fd, P9_CREATE,
				  p9_held(hold, fd, "n"));
		P9_EXPECT_REFUSED(ruleset_fd, P9_LIST, p9_held(hold, fd, ""));
		ASSERT_EQ(0, p9s_mkdir(srv, "src/e"));
		P9_EXPECT_REFUSED(ruleset_fd, P9_CREATE,
				  p9_held(hold, fd, "n"));
		P9_EXPECT_REFUSED(ruleset_fd, P9_LIST, p9_held(hold, fd, ""));
		EXPECT_FALSE(p9s_exists(srv, "src/e/n"));
		p9_let_go(_metadata, hold, fd);
	}
	close(ruleset_fd);
}

/* The fid of what is removed or renamed was left behind by this client. */
TEST_F(p9_held, S07_left_behind)
{
	struct p9_server *const srv = self->env.srv;
	const struct p9_rule rules[] = { { P9 "/src/s2", ACCESS_ALL }, {} };
	int ruleset_fd, fd, fd2;

	ASSERT_EQ(0, p9s_create(srv, "src/s/g", "s g"));
	ASSERT_EQ(0, p9s_mkdir(srv, "plain/s"));
	ASSERT_EQ(0, p9s_create(srv, "plain/s/f", "other f"));
	ASSERT_EQ(0, p9s_create(srv, "plain/s/g", "other g"));
	fd = p9_hold(_metadata, HOLD_PATH, P9 "/src/s/f");
	fd2 = p9_hold(_metadata, HOLD_PATH, P9 "/src/s/g");
	EXPECT_EQ(0, p9_op2(_metadata, P9_NO_RULESET, P9_RENAME, P9 "/src/s",
			    P9 "/src/s2"));
	EXPECT_EQ(0, p9_op2(_metadata, P9_NO_RULESET, P9_RENAME, P9 "/plain/s",
			    P9 "/src/s"));
	ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, rules);
	P9_EXPECT(EACCES, ruleset_fd, P9_UNLINK, P9 "/src/s/f");
	p9_op2(_metadata, ruleset_fd, P9_UNLINK, P9 "/src/s2/f", NULL);
	EXPECT_TRUE(p9s_content_is(srv, "src/s/f", "other f"));
	p9_op2(_metadata, ruleset_fd, P9_RENAME, P9 "/src/s2/g",
	       P9 "/src/s2/h");
	EXPECT_TRUE(p9s_content_is(srv, "src/s/g", "other g"));
	close(fd);
	close(fd2);
	close(ruleset_fd);
}

TEST_HARNESS_MAIN
