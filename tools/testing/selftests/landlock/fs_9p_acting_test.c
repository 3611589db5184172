// SPDX-License-Identifier: GPL-2.0-only
/*
 * Landlock tests - What is changed on 9p while this client renames files
 *
 * For many servers, what a request changes has a path.  It is held on the server
 * while another task wants to put another file there.
 */

#define _GNU_SOURCE
#include "fs_9p_move.h"

/* clang-format off */
FIXTURE(p9_acting) {
	/* clang-format on */
	struct p9_env env;
};

FIXTURE_VARIANT(p9_acting)
{
	const struct p9_behaviour *behaviour;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_acting, qemu) {
	/* clang-format on */
	.behaviour = P9S_PATH_QEMU,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_acting, diod) {
	/* clang-format on */
	.behaviour = P9S_PATH_DIOD,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_acting, handle) {
	/* clang-format on */
	.behaviour = P9S_HANDLE,
};

static const struct p9s_entry twins[] = {
	{ "d", S_IFDIR },	   { "d/judged", S_IFDIR },
	{ "d/judged/s", S_IFDIR }, { "d/judged/s/f", 0, "judged" },
	{ "d/judged/f", 0, "f" },  { "d/other", S_IFDIR },
	{ "d/other/s", S_IFDIR },  { "d/other/s/f", 0, "other" },
	{ "d/other/f", 0, "f" },   {},
};

FIXTURE_SETUP(p9_acting)
{
	if (!p9_start(_metadata, &self->env, variant->behaviour))
		SKIP(return, "9p is not supported (setup)");
	ASSERT_EQ(0, p9s_build(self->env.srv, twins));
	p9_mount(_metadata, &self->env, OPTS_LONG_FRESH);
}

FIXTURE_TEARDOWN_PARENT(p9_acting)
{
	p9_finish(&self->env);
}

static pid_t fork_op(struct __test_metadata *const _metadata,
		     const enum p9_op_kind kind, const char *const path,
		     const char *const path2)
{
	const pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		alarm(20);
		_exit(p9_do(kind, path, path2));
	}
	return pid;
}

/* "other" takes the place of "judged". */
static pid_t fork_replace(struct __test_metadata *const _metadata)
{
	const pid_t pid = fork();
	int err;

	ASSERT_LE(0, pid);
	if (!pid) {
		alarm(20);
		err = p9_do(P9_RENAME, P9 "/d/judged", P9 "/d/moved");
		if (!err)
			err = p9_do(P9_RENAME, P9 "/d/other", P9 "/d/judged");
		_exit(err);
	}
	return pid;
}

/* Directories above are no obstacle for a change, but only before or after. */
static void replaced_test(struct __test_metadata *const _metadata,
			  FIXTURE_DATA(p9_acting) *const self,
			  const FIXTURE_VARIANT(p9_acting) *const variant,
			  const uint8_t type, const enum p9_op_kind kind,
			  const char *const path, const char *const path2)
{
	struct p9_server *const srv = self->env.srv;
	pid_t pid, replace;
	int err;

	ASSERT_LT(0, p9s_arm(srv, &(struct p9s_rule){ .type = type,
						      .action = P9S_HOLD }));
	pid = fork_op(_metadata, kind, path, path2);
	ASSERT_LT(0, p9s_wait_held(srv));
	ASSERT_EQ(0, p9s_reset(srv));
	replace = fork_replace(_metadata);
	/* Lookups, and two copies of fids. */
	ASSERT_LE(3, p9s_wait_count(srv, P9_TWALK, 3));
	EXPECT_TRUE(p9_is_blocked(replace));
	EXPECT_EQ(1, p9s_release(srv));
	err = p9_wait_child(pid);
	/* It is made, but fids of this server do not follow the directory. */
	EXPECT_TRUE(!err || (err == ENOENT && variant->behaviour->path &&
			     !variant->behaviour->rename_moves_fids));
	EXPECT_EQ(0, p9_wait_child(replace));
	/* What had the name of "judged" is at "moved" now. */
	EXPECT_TRUE(p9s_exists(srv, "d/moved/s"));
}

TEST_F(p9_acting, S12_create)
{
	replaced_test(_metadata, self, variant, P9_TLCREATE, P9_CREATE,
		      P9 "/d/judged/s/new", NULL);
	EXPECT_TRUE(p9s_exists(self->env.srv, "d/moved/s/new"));
	EXPECT_FALSE(p9s_exists(self->env.srv, "d/judged/s/new"));
}

TEST_F(p9_acting, S12_mkdir)
{
	replaced_test(_metadata, self, variant, P9_TMKDIR, P9_MKDIR,
		      P9 "/d/judged/s/new", NULL);
	EXPECT_TRUE(p9s_exists(self->env.srv, "d/moved/s/new"));
	EXPECT_FALSE(p9s_exists(self->env.srv, "d/judged/s/new"));
}

TEST_F(p9_acting, S12_mknod)
{
	replaced_test(_metadata, self, variant, P9_TMKNOD, P9_MKFIFO,
		      P9 "/d/judged/s/new", NULL);
	EXPECT_TRUE(p9s_exists(self->env.srv, "d/moved/s/new"));
	EXPECT_FALSE(p9s_exists(self->env.srv, "d/judged/s/new"));
}

TEST_F(p9_acting, S12_symlink)
{
	replaced_test(_metadata, self, variant, P9_TSYMLINK, P9_SYMLINK,
		      P9 "/d/judged/s/new", NULL);
	EXPECT_TRUE(p9s_exists(self->env.srv, "d/moved/s/new"));
	EXPECT_FALSE(p9s_exists(self->env.srv, "d/judged/s/new"));
}

TEST_F(p9_acting, S12_link)
{
	replaced_test(_metadata, self, variant, P9_TLINK, P9_LINK,
		      P9 "/d/judged/s/f", P9 "/d/judged/s/new");
	EXPECT_TRUE(p9s_content_is(self->env.srv, "d/moved/s/new", "judged"));
	EXPECT_FALSE(p9s_exists(self->env.srv, "d/judged/s/new"));
}

TEST_F(p9_acting, S12_unlink)
{
	replaced_test(_metadata, self, variant,
		      variant->behaviour->no_unlinkat ? P9_TREMOVE :
							P9_TUNLINKAT,
		      P9_UNLINK, P9 "/d/judged/s/f", NULL);
	EXPECT_FALSE(p9s_exists(self->env.srv, "d/moved/s/f"));
	EXPECT_TRUE(p9s_content_is(self->env.srv, "d/judged/s/f", "other"));
}

TEST_F(p9_acting, S12_truncate)
{
	replaced_test(_metadata, self, variant, P9_TSETATTR, P9_TRUNC,
		      P9 "/d/judged/s/f", NULL);
	EXPECT_TRUE(p9s_content_is(self->env.srv, "d/moved/s/f", "j"));
	EXPECT_TRUE(p9s_content_is(self->env.srv, "d/judged/s/f", "other"));
}

TEST_F(p9_acting, S30_truncate_open)
{
	struct p9_server *const srv = self->env.srv;
	const int fd = open(P9 "/d/judged/s/f", O_RDWR | O_CLOEXEC);
	pid_t pid, replace;

	ASSERT_LE(0, fd);
	ASSERT_EQ(1, p9s_hold_next(srv, P9_TSETATTR));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		alarm(20);
		_exit(ftruncate(fd, 1) ? errno : 0);
	}
	ASSERT_LT(0, p9s_wait_held(srv));
	ASSERT_EQ(0, p9s_reset(srv));
	replace = fork_replace(_metadata);
	ASSERT_LE(3, p9s_wait_count(srv, P9_TWALK, 3));
	EXPECT_TRUE(p9_is_blocked(replace));
	EXPECT_EQ(1, p9s_release(srv));
	EXPECT_EQ(0, p9_wait_child(pid));
	EXPECT_EQ(0, p9_wait_child(replace));
	EXPECT_TRUE(p9s_content_is(srv, "d/moved/s/f", "j"));
	EXPECT_TRUE(p9s_content_is(srv, "d/judged/s/f", "other"));
	EXPECT_EQ(0, close(fd));
}

/* The name of a file that was removed goes to another one. */
TEST_F(p9_acting, S30_truncate_nameless)
{
	struct p9_server *const srv = self->env.srv;
	const struct {
		enum p9_op_kind kind;
		const char *path, *path2;
		unsigned int walks;
	} names[] = {
		{ P9_RENAME, P9 "/d/other/f", P9 "/d/judged/f", 5 },
		{ P9_LINK, P9 "/d/other/s/f", P9 "/d/judged/f", 4 },
		{ P9_SYMLINK, P9 "/d/judged/f", NULL, 1 },
	};
	struct p9s_stat st;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		int fd, err;
		pid_t pid, name;

		ASSERT_EQ(0, p9s_remove(srv, "d/judged/f"));
		ASSERT_EQ(0, p9s_create(srv, "d/judged/f", "f"));
		fd = open(P9 "/d/judged/f", O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, unlink(P9 "/d/judged/f"));
		ASSERT_EQ(1 + (int)i, p9s_hold_next(srv, P9_TSETATTR));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			alarm(20);
			_exit(ftruncate(fd, 0) ? errno : 0);
		}
		ASSERT_LT(0, p9s_wait_held(srv));
		ASSERT_EQ(0, p9s_reset(srv));
		name = fork_op(_metadata, names[i].kind, names[i].path,
			       names[i].path2);
		ASSERT_LE((int)names[i].walks,
			  p9s_wait_count(srv, P9_TWALK, names[i].walks));
		/* The file itself is found where a fid is the file. */
		if (variant->behaviour->path)
			EXPECT_TRUE(p9_is_blocked(name));
		EXPECT_EQ(1, p9s_release(srv));
		err = p9_wait_child(pid);
		EXPECT_EQ(variant->behaviour->open_getattr_by_path ? ENOENT : 0,
			  err)
		{
			TH_LOG("%s: %s", p9_op_names[names[i].kind],
			       strerror(err));
		}
		EXPECT_EQ(0, p9_wait_child(name));
		EXPECT_EQ(0, p9s_stat(srv, "d/judged/f", &st));
		EXPECT_LT(0, st.size);
		EXPECT_TRUE(p9s_content_is(srv, "d/judged/s/f", "judged"));
		EXPECT_TRUE(p9s_content_is(srv, "d/other/s/f", "other"));
		EXPECT_EQ(0, close(fd));
	}
}

/* A name that a killed task made may still come. */
TEST_F(p9_acting, S30_truncate_nameless_late)
{
	struct p9_server *const srv = self->env.srv;
	const int fd = open(P9 "/d/judged/f", O_RDWR | O_CLOEXEC);
	int expected = 0;
	pid_t pid;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, unlink(P9 "/d/judged/f"));
	ASSERT_LT(0,
		  p9s_arm(srv, &(struct p9s_rule){ .type = P9_TLINK,
						   .action = P9S_HOLD,
						   .flush = P9S_FLUSH_WAIT }));
	pid = fork_op(_metadata, P9_LINK, P9 "/d/other/s/f", P9 "/d/judged/f");
	ASSERT_LT(0, p9s_wait_held(srv));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(P9_CHILD_DIED, p9_wait_child(pid));
	/* The server would go by the name. */
	if (variant->behaviour->path)
		expected = ESTALE;
	EXPECT_EQ(expected, ftruncate(fd, 0) ? errno : 0);
	EXPECT_EQ(1, p9s_release(srv));
	EXPECT_EQ(0, close(fd));
}

TEST_HARNESS_MAIN
