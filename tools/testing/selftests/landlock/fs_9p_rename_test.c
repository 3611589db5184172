// SPDX-License-Identifier: GPL-2.0-only
/*
 * Landlock tests - What is held on 9p while this client renames files
 *
 * The fids of what is held, or below it, may be left behind.
 */

#define _GNU_SOURCE
#include "fs_9p_move.h"

/* clang-format off */
FIXTURE(p9_rename) {
	/* clang-format on */
	struct p9_env env;
};

FIXTURE_VARIANT(p9_rename)
{
	const struct p9_behaviour *behaviour;
	const char *opts;
};

#define VARIANT(name, behaviour_, opts_)                \
	FIXTURE_VARIANT_ADD(p9_rename, name)            \
	{                                               \
		.behaviour = behaviour_, .opts = opts_, \
	}

/* clang-format off */
VARIANT(qemu, P9S_PATH_QEMU, OPTS_NEVER_FRESH);
VARIANT(qemu_fresh, P9S_PATH_QEMU, OPTS_LONG_FRESH);
VARIANT(diod, P9S_PATH_DIOD, OPTS_NEVER_FRESH);
VARIANT(diod_fresh, P9S_PATH_DIOD, OPTS_LONG_FRESH);
VARIANT(handle, P9S_HANDLE, OPTS_NEVER_FRESH);
VARIANT(handle_fresh, P9S_HANDLE, OPTS_LONG_FRESH);
VARIANT(ganesha, P9S_LIAR_GANESHA, OPTS_NEVER_FRESH);
/* clang-format on */

FIXTURE_SETUP(p9_rename)
{
	if (!p9_start(_metadata, &self->env, variant->behaviour))
		SKIP(return, "9p is not supported (setup)");
	ASSERT_EQ(0, p9s_build(self->env.srv, src_dst));
	p9_mount(_metadata, &self->env, variant->opts);
}

FIXTURE_TEARDOWN_PARENT(p9_rename)
{
	p9_finish(&self->env);
}

/* This client knows that the fids below may lead elsewhere. */
TEST_F(p9_rename, S07_replaced_by_client)
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
TEST_F(p9_rename, S30_renamed_over_file)
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
TEST_F(p9_rename, S01_during_rename)
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
	pid = p9_fork_op(_metadata, 0, P9_NO_RULESET, P9_RENAME, P9 "/src/s",
			 P9 "/src/s2");
	ASSERT_LE(0, p9s_wait_held(srv));
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, p9_held(HOLD_PATH, fd, ""));

	/* Asked by the old name, hence again once the rename is known. */
	ASSERT_EQ(0, p9s_reset(srv));
	reader = p9_fork_op(_metadata, 0, ruleset_fd, P9_READ,
			    p9_held(HOLD_PATH, fd, ""), NULL);
	ASSERT_LE(1, p9s_wait_count(srv, P9_TWALK, 1));
	ASSERT_LT(0, p9s_release(srv));
	EXPECT_EQ(0, p9_wait_child(pid));
	EXPECT_EQ(0, p9_wait_child(reader));
	P9_EXPECT(0, ruleset_fd, P9_READ, p9_held(HOLD_PATH, fd, ""));
	close(fd);
	close(ruleset_fd);
}

/* The fid of what is removed or renamed was left behind by this client. */
TEST_F(p9_rename, S07_left_behind)
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

/* Same for all that goes by the fid of what is held, without a sandbox. */
TEST_F(p9_rename, S07_left_behind_used)
{
	struct p9_server *const srv = self->env.srv;
	int fd, fd2;

	ASSERT_EQ(0, p9s_mkdir(srv, "src/s/c"));
	ASSERT_EQ(0, p9s_create(srv, "src/s/c/g", "c g"));
	fd = p9_hold(_metadata, HOLD_PATH, P9 "/src/s/c");
	fd2 = p9_hold(_metadata, HOLD_PATH, P9 "/src/s/c/g");
	EXPECT_EQ(0, p9_op2(_metadata, P9_NO_RULESET, P9_RENAME, P9 "/src/s",
			    P9 "/src/s2"));
	ASSERT_EQ(0, p9s_mkdir(srv, "src/s"));
	ASSERT_EQ(0, p9s_mkdir(srv, "src/s/c"));
	ASSERT_EQ(0, p9s_create(srv, "src/s/c/f", "other f"));
	ASSERT_EQ(0, p9s_create(srv, "src/s/c/g", "other g"));

	P9_EXPECT(0, P9_NO_RULESET, P9_TRUNC, p9_held(HOLD_PATH, fd2, ""));
	EXPECT_TRUE(p9s_content_is(srv, "src/s/c/g", "other g"));
	EXPECT_TRUE(p9s_content_is(srv, "src/s2/c/g", "c"));
	P9_EXPECT(0, P9_NO_RULESET, P9_MKDIR, p9_held(HOLD_PATH, fd, "new"));
	EXPECT_FALSE(p9s_exists(srv, "src/s/c/new"));
	EXPECT_TRUE(p9s_exists(srv, "src/s2/c/new"));
	P9_EXPECT(ENOENT, P9_NO_RULESET, P9_UNLINK,
		  p9_held(HOLD_PATH, fd, "f"));
	EXPECT_TRUE(p9s_exists(srv, "src/s/c/f"));
	close(fd);
	close(fd2);
}

/* A directory above is renamed while the fids for a rename are made. */
TEST_F(p9_rename, S07_left_behind_meanwhile)
{
	struct p9_server *const srv = self->env.srv;
	pid_t pid;
	int fd;

	ASSERT_EQ(0, p9s_mkdir(srv, "src/s/c"));
	ASSERT_EQ(0, p9s_create(srv, "src/s/c/g", "c g"));
	fd = p9_hold(_metadata, HOLD_PATH, P9 "/src/s/c");
	/* A copy of the fid of the directory */
	ASSERT_LT(0, p9s_arm(srv, &(struct p9s_rule){ .type = P9_TWALK,
						      .name = "c",
						      .action = P9S_HOLD }));
	pid = p9_fork_op(_metadata, 0, P9_NO_RULESET, P9_RENAME,
			 p9_held(HOLD_PATH, fd, "g"),
			 p9_held(HOLD_PATH, fd, "h"));
	ASSERT_LE(0, p9s_wait_held(srv));
	EXPECT_EQ(0, p9_op2(_metadata, P9_NO_RULESET, P9_RENAME, P9 "/src/s",
			    P9 "/src/s2"));
	ASSERT_EQ(0, p9s_mkdir(srv, "src/s"));
	ASSERT_EQ(0, p9s_mkdir(srv, "src/s/c"));
	ASSERT_EQ(0, p9s_create(srv, "src/s/c/g", "other g"));
	ASSERT_EQ(1, p9s_release(srv));
	EXPECT_EQ(0, p9_wait_child(pid));
	EXPECT_TRUE(p9s_content_is(srv, "src/s/c/g", "other g"));
	EXPECT_TRUE(p9s_content_is(srv, "src/s2/c/h", "c g"));
	close(fd);
}

/* What is left behind is still what the rules are for. */
TEST_F(p9_rename, S12_left_behind_judged)
{
	const struct p9_rule rules[] = { { P9 "/src", ACCESS_ALL }, {} };
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd, fd;

	ASSERT_EQ(0, p9s_mkdir(srv, "src/s/c"));
	ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, rules);
	fd = p9_hold(_metadata, HOLD_PATH, P9 "/src/s/c");
	EXPECT_EQ(0, p9_op2(_metadata, ruleset_fd, P9_RENAME, P9 "/src/s",
			    P9 "/src/s2"));
	P9_EXPECT(0, ruleset_fd, P9_LIST, p9_held(HOLD_PATH, fd, ""));
	P9_EXPECT(0, ruleset_fd, P9_MKDIR, p9_held(HOLD_PATH, fd, "new"));
	EXPECT_TRUE(p9s_exists(srv, "src/s2/c/new"));
	close(fd);
	close(ruleset_fd);
}

/* That the old path leads to the file now does not mean that it always does. */
TEST_F(p9_rename, S07_left_behind_asked)
{
	const struct p9_rule rules[] = {
		{ P9 "/src", LANDLOCK_ACCESS_FS_TRUNCATE }, {}
	};
	struct p9_server *const srv = self->env.srv;
	struct stat st;
	int ruleset_fd, fd;

	ASSERT_EQ(0, p9s_create(srv, "src/s/g", "ruled"));
	ruleset_fd = p9_ruleset(_metadata, LANDLOCK_ACCESS_FS_TRUNCATE, rules);
	fd = p9_hold(_metadata, HOLD_PATH, P9 "/src/s/g");
	EXPECT_EQ(0, p9_op2(_metadata, P9_NO_RULESET, P9_RENAME, P9 "/src/s",
			    P9 "/src/s2"));
	ASSERT_EQ(0, p9s_mkdir(srv, "src/s"));
	ASSERT_EQ(0, p9s_link(srv, "src/s2/g", "src/s/g"));
	EXPECT_EQ(0, fstat(fd, &st));
	p9_op(_metadata, ruleset_fd, P9_READ, p9_held(HOLD_PATH, fd, ""));
	ASSERT_EQ(0, p9s_remove(srv, "src/s/g"));
	ASSERT_EQ(0, p9s_create(srv, "src/s/g", "another"));
	P9_EXPECT(0, ruleset_fd, P9_TRUNC, p9_held(HOLD_PATH, fd, ""));
	EXPECT_TRUE(p9s_content_is(srv, "src/s/g", "another"));
	EXPECT_TRUE(p9s_content_is(srv, "src/s2/g", "r"));
	close(fd);
	close(ruleset_fd);
}

/* The fid of the ruled directory was left behind, and the server moves it there. */
TEST_F(p9_rename, S07_left_behind_ancestor)
{
	const struct p9_rule rules[] = {
		{ P9 "/src/s/c", LANDLOCK_ACCESS_FS_TRUNCATE }, {}
	};
	struct p9_behaviour behaviour = *variant->behaviour;
	struct p9_server *const srv = self->env.srv;
	struct stat st;
	int ruleset_fd, fd;

	if (is_fresh(variant->opts))
		SKIP(return, "the names were just confirmed");

	/* As diod 1.1.0: the pin is not lost. */
	behaviour.open_getattr_by_path = false;
	ASSERT_EQ(0, p9s_set_behaviour(srv, &behaviour));
	ASSERT_EQ(0, p9s_mkdir(srv, "src/s/c"));
	ASSERT_EQ(0, p9s_create(srv, "src/s/c/f", "ruled"));
	ruleset_fd = p9_ruleset(_metadata, LANDLOCK_ACCESS_FS_TRUNCATE, rules);
	fd = p9_hold(_metadata, HOLD_PATH, P9 "/src/s/c/f");
	EXPECT_EQ(0, p9_op2(_metadata, P9_NO_RULESET, P9_RENAME, P9 "/src/s",
			    P9 "/src/b"));
	EXPECT_EQ(0, fstat(fd, &st));
	ASSERT_EQ(0, p9s_move(srv, "src/b", "src/s"));
	ASSERT_EQ(0, p9s_mkdir(srv, "src/b"));
	ASSERT_EQ(0, p9s_mkdir(srv, "src/b/c"));
	ASSERT_EQ(0, p9s_create(srv, "src/b/c/f", "another"));
	p9_op(_metadata, ruleset_fd, P9_TRUNC, p9_held(HOLD_PATH, fd, ""));
	EXPECT_TRUE(p9s_content_is(srv, "src/b/c/f", "another"));
	close(fd);
	close(ruleset_fd);
}

/* The old fid is as good as ever where the server refuses to make another one. */
TEST_F(p9_rename, S01_left_behind_refused)
{
	const struct p9s_rule rule = {
		.type = P9_TWALK,
		.name = "g",
		.action = P9S_ERROR,
		.error = EIO,
	};
	struct p9_server *const srv = self->env.srv;
	int number, fd;
	struct stat st;

	if (variant->behaviour->path && !variant->behaviour->rename_moves_fids)
		SKIP(return, "the old fid may lead elsewhere");

	ASSERT_EQ(0, p9s_create(srv, "src/s/g", "ruled"));
	fd = p9_hold(_metadata, HOLD_PATH, P9 "/src/s/g");
	EXPECT_EQ(0, p9_op2(_metadata, P9_NO_RULESET, P9_RENAME, P9 "/src/s",
			    P9 "/src/s2"));
	number = p9s_arm(srv, &rule);
	ASSERT_LT(0, number);
	EXPECT_EQ(0, fstat(fd, &st));
	EXPECT_EQ(1, p9s_rule_hits(srv, number));
	close(fd);
}

/* What the server renames for this client is what has the name by then. */
TEST_F(p9_rename, S04_another_renamed)
{
	const struct p9_rule rules[] = { { P9 "/dst", ACCESS_ALL }, {} };
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd, fd;

	ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, rules);
	fd = p9_hold(_metadata, HOLD_PATH, P9 "/src/f");
	ASSERT_EQ(0, p9s_move(srv, "src/f", "plain/moved"));
	ASSERT_EQ(0, p9s_create(srv, "src/f", "another"));
	EXPECT_EQ(0, p9_op2(_metadata, P9_NO_RULESET, P9_RENAME, P9 "/src/f",
			    P9 "/dst/f"));
	EXPECT_TRUE(p9s_content_is(srv, "dst/f", "another"));
	EXPECT_NE(0, p9_op(_metadata, ruleset_fd, P9_READ,
			   p9_held(HOLD_PATH, fd, "")));
	EXPECT_NE(0, p9_op2(_metadata, ruleset_fd, P9_RENAME, P9 "/dst/f",
			    P9 "/dst/g"));
	EXPECT_NE(0, p9_op(_metadata, ruleset_fd, P9_TRUNC,
			   p9_held(HOLD_PATH, fd, "")));
	EXPECT_TRUE(p9s_content_is(srv, "plain/moved", "f"));
	close(fd);
	close(ruleset_fd);
}

/* That the fid of a file leads to it is an answer from before it was moved. */
TEST_F(p9_rename, S04_moved_while_asked)
{
	const struct p9_rule rules[] = { { P9 "/src", ACCESS_ALL }, {} };
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd, fd, status;
	pid_t pid;

	if (is_fresh(variant->opts))
		SKIP(return, "the answer still holds");

	ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, rules);
	fd = p9_hold(_metadata, HOLD_PATH, P9 "/src/f");
	/* All fids must be made anew. */
	EXPECT_EQ(0, p9_op2(_metadata, P9_NO_RULESET, P9_RENAME, P9 "/plain",
			    P9 "/plain2"));
	/* One of them is for the fid, the other one for the names. */
	ASSERT_LT(0, p9s_arm(srv, &(struct p9s_rule){ .type = P9_TWALK,
						      .name = "f",
						      .nth = 2,
						      .action = P9S_HOLD }));
	pid = p9_fork_op(_metadata, 0, ruleset_fd, P9_TRUNC,
			 p9_held(HOLD_PATH, fd, ""), NULL);
	ASSERT_LE(0, p9s_wait_held(srv));
	ASSERT_EQ(0, p9s_move(srv, "src/f", "plain2/moved"));
	ASSERT_EQ(1, p9s_release(srv));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) != 0);
	EXPECT_TRUE(p9s_content_is(srv, "plain2/moved", "f"));
	close(fd);
	close(ruleset_fd);
}

/* The server moves the source while it is asked for the destination. */
TEST_F(p9_rename, S04_source_moved_meanwhile)
{
	const struct p9_rule rules[] = { { P9 "/src", ACCESS_ALL },
					 { P9 "/dst", ACCESS_ALL },
					 {} };
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd, fd, status;
	pid_t pid;

	if (is_fresh(variant->opts))
		SKIP(return, "the answer still holds");

	ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, rules);
	fd = p9_hold(_metadata, HOLD_PATH, P9 "/src/s");
	/* The lookup is the first one. */
	ASSERT_LT(0, p9s_arm(srv, &(struct p9s_rule){ .type = P9_TWALK,
						      .name = "dst",
						      .nth = 2,
						      .action = P9S_HOLD }));
	pid = p9_fork_op(_metadata, 0, ruleset_fd, P9_RENAME,
			 p9_held(HOLD_PATH, fd, "f"), P9 "/dst/f");
	ASSERT_LT(0, p9s_wait_held(srv));
	ASSERT_EQ(0, p9s_move(srv, "src/s", "plain/s"));
	ASSERT_EQ(1, p9s_release(srv));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status) && p9_is_refused(WEXITSTATUS(status)));
	EXPECT_TRUE(p9s_content_is(srv, "plain/s/f", "s f"));
	EXPECT_FALSE(p9s_exists(srv, "dst/f"));
	close(fd);
	close(ruleset_fd);
}

/* What is truncated is not what has the name under which a file was opened. */
TEST_F(p9_rename, S30_truncate_open)
{
	struct p9_server *const srv = self->env.srv;
	int fd;

	fd = open(P9 "/src/f", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, ftruncate(fd, 0));
	EXPECT_TRUE(p9s_content_is(srv, "src/f", ""));
	EXPECT_EQ(1, write(fd, "1", 1));

	/* It has another name now. */
	EXPECT_EQ(0, p9_op2(_metadata, P9_NO_RULESET, P9_RENAME, P9 "/src/f",
			    P9 "/src/g"));
	ASSERT_EQ(0, p9s_create(srv, "src/f", "another"));
	EXPECT_EQ(0, ftruncate(fd, 0));
	EXPECT_TRUE(p9s_content_is(srv, "src/g", ""));
	EXPECT_TRUE(p9s_content_is(srv, "src/f", "another"));

	/* And now none. */
	EXPECT_EQ(0, p9_op2(_metadata, P9_NO_RULESET, P9_RENAME, P9 "/src/f",
			    P9 "/src/g"));
	ftruncate(fd, 0);
	EXPECT_TRUE(p9s_content_is(srv, "src/g", "another"));
	close(fd);

	/* A file without a name is truncated where the server has it. */
	fd = open(P9 "/src/g", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, unlink(P9 "/src/g"));
	EXPECT_EQ(variant->behaviour->open_getattr_by_path ? -1 : 0,
		  ftruncate(fd, 1));
	close(fd);
}

/* After a rename, the fids of all users are replaced, but once. */
TEST_F(p9_rename, S13_left_behind_users)
{
	struct p9_server *const srv = self->env.srv;
	const uid_t users[] = { 0, 1000, 0, 1000 };
	int asked[ARRAY_SIZE(users)], fd;

	ASSERT_EQ(0, p9s_mkdir(srv, "src/s/c"));
	fd = p9_hold(_metadata, HOLD_PATH, P9 "/src/s");
	for (size_t i = 0; i < 2; i++)
		EXPECT_EQ(0,
			  p9_op_as(_metadata, users[i], P9_NO_RULESET, P9_LIST,
				   p9_held(HOLD_PATH, fd, "c"), NULL));
	EXPECT_EQ(0, p9_op2(_metadata, P9_NO_RULESET, P9_RENAME, P9 "/plain",
			    P9 "/plain2"));
	for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
		ASSERT_EQ(0, p9s_reset(srv));
		EXPECT_EQ(0,
			  p9_op_as(_metadata, users[i], P9_NO_RULESET, P9_LIST,
				   p9_held(HOLD_PATH, fd, "c"), NULL));
		asked[i] = p9s_count(srv, P9_TWALK);
	}
	EXPECT_EQ(asked[2] + 1, asked[0]);
	EXPECT_EQ(asked[3] + 1, asked[1]);
	close(fd);
}

/* A rename by a child which is killed when the server has the request. */
static void killed_rename(struct __test_metadata *const _metadata,
			  struct p9_server *const srv,
			  const struct p9_behaviour *const behaviour,
			  const enum p9s_action action,
			  const enum p9s_flush flush, const char *const path,
			  const char *const path2)
{
	const struct p9s_rule rule = {
		.type = behaviour->no_renameat ? P9_TRENAME : P9_TRENAMEAT,
		.action = action,
		.flush = flush,
	};
	pid_t pid;

	ASSERT_LT(0, p9s_arm(srv, &rule));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(p9_do(P9_RENAME, path, path2));
	ASSERT_LE(0, p9s_wait_held(srv));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
}

/* The killed task does not know that its rename took effect. */
TEST_F(p9_rename, S30_killed)
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
	killed_rename(_metadata, srv, variant->behaviour, P9S_HOLD_REPLY,
		      P9S_FLUSH_LATE, P9 "/src/b", P9 "/src/a");
	ASSERT_FALSE(p9s_exists(srv, "src/b"));
	p9_op(_metadata, ruleset_fd, P9_TRUNC, p9_held(HOLD_PATH, fd, ""));
	EXPECT_TRUE(p9s_content_is(srv, "src/a", "another"));
	close(fd);
	close(ruleset_fd);
}

/* The server does it long after the task was killed. */
TEST_F(p9_rename, S30_killed_late)
{
	struct p9_server *const srv = self->env.srv;
	int fd;

	ASSERT_EQ(0, p9s_mkdir(srv, "src/s/c"));
	killed_rename(_metadata, srv, variant->behaviour, P9S_HOLD,
		      P9S_FLUSH_WAIT, P9 "/src/s", P9 "/src/s2");
	fd = p9_hold(_metadata, HOLD_PATH, P9 "/src/s/c");
	ASSERT_EQ(1, p9s_release(srv));
	ASSERT_TRUE(p9s_exists(srv, "src/s2/c"));
	ASSERT_EQ(0, p9s_mkdir(srv, "src/s"));
	ASSERT_EQ(0, p9s_mkdir(srv, "src/s/c"));
	p9_op(_metadata, P9_NO_RULESET, P9_MKDIR,
	      p9_held(HOLD_PATH, fd, "new"));
	EXPECT_FALSE(p9s_exists(srv, "src/s/c/new"));
	close(fd);
}

/* The server did nothing: what is held is still there. */
TEST_F(p9_rename, S01_killed_in_vain)
{
	struct p9_server *const srv = self->env.srv;
	const int ruleset_fd = p9_allow_read(_metadata, P9 "/src/f");
	const int fd = p9_hold(_metadata, HOLD_PATH, P9 "/src/f");

	killed_rename(_metadata, srv, variant->behaviour, P9S_HOLD,
		      P9S_FLUSH_CANCEL, P9 "/src/f", P9 "/src/g");
	P9_EXPECT(0, ruleset_fd, P9_READ, p9_held(HOLD_PATH, fd, ""));
	P9_EXPECT(0, ruleset_fd, P9_READ, P9 "/src/f");
	close(fd);
	close(ruleset_fd);
}

/* An open fid is not for what has another name, or none. */
TEST_F(p9_rename, S30_open_renamed_over)
{
	struct p9_server *const srv = self->env.srv;
	int rw_fd, fd;

	ASSERT_EQ(0, p9s_create(srv, "src/a", "old"));
	ASSERT_EQ(0, p9s_create(srv, "src/b", "another"));
	rw_fd = open(P9 "/src/a", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, rw_fd);
	fd = p9_hold(_metadata, HOLD_PATH, P9 "/src/a");
	EXPECT_EQ(0, p9_op2(_metadata, P9_NO_RULESET, P9_RENAME, P9 "/src/b",
			    P9 "/src/a"));
	EXPECT_EQ(-1, linkat(AT_FDCWD, p9_held(HOLD_PATH, fd, ""), AT_FDCWD,
			     P9 "/dst/l", AT_SYMLINK_FOLLOW));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_FALSE(p9s_exists(srv, "dst/l"));
	P9_EXPECT(ENOENT, P9_NO_RULESET, P9_TRUNC, p9_held(HOLD_PATH, fd, ""));
	EXPECT_TRUE(p9s_content_is(srv, "src/a", "another"));
	close(fd);
	close(rw_fd);
}

TEST_HARNESS_MAIN
