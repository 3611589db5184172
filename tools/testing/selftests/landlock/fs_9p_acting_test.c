// SPDX-License-Identifier: GPL-2.0-only
/*
 * Landlock tests - What is changed on 9p while this client renames files
 *
 * For many servers, what a request changes has a path.  It is held on the server
 * while another task wants to put another file there.
 */

#define _GNU_SOURCE
#include <sys/mount.h>

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
FIXTURE_VARIANT_ADD(p9_acting, diod_110) {
	/* clang-format on */
	.behaviour = &server_diod_110,
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

/*
 * Expects that a child sleeps instead of sending a request of @type.  It may first
 * be seen to sleep while it waits for a reply.
 */
static void expect_blocked(struct __test_metadata *const _metadata,
			   struct p9_server *const srv, const pid_t pid,
			   const uint8_t type)
{
	EXPECT_TRUE(p9_is_blocked(pid));
	usleep(100000);
	EXPECT_TRUE(p9_is_blocked(pid));
	EXPECT_EQ(0, p9s_count(srv, type));
}

/*
 * Directories above are no obstacle for a change, but only before or after.  This
 * is also true for what a killed task asked for.
 */
static void replaced_test(struct __test_metadata *const _metadata,
			  FIXTURE_DATA(p9_acting) *const self,
			  const FIXTURE_VARIANT(p9_acting) *const variant,
			  const bool is_killed, const uint8_t type,
			  const enum p9_op_kind kind, const char *const path,
			  const char *const path2)
{
	struct p9_server *const srv = self->env.srv;
	pid_t pid, replace;
	int err, walks;

	ASSERT_LT(0,
		  p9s_arm(srv, &(struct p9s_rule){ .type = type,
						   .action = P9S_HOLD,
						   .flush = P9S_FLUSH_WAIT }));
	pid = p9_fork_op(_metadata, 0, P9_NO_RULESET, kind, path, path2);
	ASSERT_LT(0, p9s_wait_held(srv));
	if (is_killed) {
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(P9_CHILD_DIED, p9_wait_child(pid));
	}
	ASSERT_EQ(0, p9s_reset(srv));
	replace = fork_replace(_metadata);
	/* Lookups (of what nobody holds), and two copies of fids. */
	walks = is_killed ? 5 : 3;
	ASSERT_LE(walks, p9s_wait_count(srv, P9_TWALK, walks));
	expect_blocked(_metadata, srv, replace,
		       variant->behaviour->no_renameat ? P9_TRENAME :
							 P9_TRENAMEAT);
	EXPECT_EQ(1, p9s_release(srv));
	err = is_killed ? 0 : p9_wait_child(pid);
	/* It is made, but fids of this server do not follow the directory. */
	EXPECT_TRUE(!err || (err == ENOENT && variant->behaviour->path &&
			     !variant->behaviour->rename_moves_fids));
	EXPECT_EQ(0, p9_wait_child(replace));
	/* What had the name of "judged" is at "moved" now. */
	EXPECT_TRUE(p9s_exists(srv, "d/moved/s"));
}

TEST_F(p9_acting, S12_create)
{
	replaced_test(_metadata, self, variant, false, P9_TLCREATE, P9_CREATE,
		      P9 "/d/judged/s/new", NULL);
	EXPECT_TRUE(p9s_exists(self->env.srv, "d/moved/s/new"));
	EXPECT_FALSE(p9s_exists(self->env.srv, "d/judged/s/new"));
}

TEST_F(p9_acting, S12_mkdir)
{
	replaced_test(_metadata, self, variant, false, P9_TMKDIR, P9_MKDIR,
		      P9 "/d/judged/s/new", NULL);
	EXPECT_TRUE(p9s_exists(self->env.srv, "d/moved/s/new"));
	EXPECT_FALSE(p9s_exists(self->env.srv, "d/judged/s/new"));
}

TEST_F(p9_acting, S12_mknod)
{
	replaced_test(_metadata, self, variant, false, P9_TMKNOD, P9_MKFIFO,
		      P9 "/d/judged/s/new", NULL);
	EXPECT_TRUE(p9s_exists(self->env.srv, "d/moved/s/new"));
	EXPECT_FALSE(p9s_exists(self->env.srv, "d/judged/s/new"));
}

TEST_F(p9_acting, S12_symlink)
{
	replaced_test(_metadata, self, variant, false, P9_TSYMLINK, P9_SYMLINK,
		      P9 "/d/judged/s/new", NULL);
	EXPECT_TRUE(p9s_exists(self->env.srv, "d/moved/s/new"));
	EXPECT_FALSE(p9s_exists(self->env.srv, "d/judged/s/new"));
}

TEST_F(p9_acting, S12_link)
{
	replaced_test(_metadata, self, variant, false, P9_TLINK, P9_LINK,
		      P9 "/d/judged/s/f", P9 "/d/judged/s/new");
	EXPECT_TRUE(p9s_content_is(self->env.srv, "d/moved/s/new", "judged"));
	EXPECT_FALSE(p9s_exists(self->env.srv, "d/judged/s/new"));
}

TEST_F(p9_acting, S12_unlink)
{
	replaced_test(_metadata, self, variant, false,
		      variant->behaviour->no_unlinkat ? P9_TREMOVE :
							P9_TUNLINKAT,
		      P9_UNLINK, P9 "/d/judged/s/f", NULL);
	EXPECT_FALSE(p9s_exists(self->env.srv, "d/moved/s/f"));
	EXPECT_TRUE(p9s_content_is(self->env.srv, "d/judged/s/f", "other"));
}

TEST_F(p9_acting, S12_truncate)
{
	replaced_test(_metadata, self, variant, false, P9_TSETATTR, P9_TRUNC,
		      P9 "/d/judged/s/f", NULL);
	EXPECT_TRUE(p9s_content_is(self->env.srv, "d/moved/s/f", "j"));
	EXPECT_TRUE(p9s_content_is(self->env.srv, "d/judged/s/f", "other"));
}

TEST_F(p9_acting, S12_mkdir_killed)
{
	replaced_test(_metadata, self, variant, true, P9_TMKDIR, P9_MKDIR,
		      P9 "/d/judged/s/new", NULL);
	EXPECT_TRUE(p9s_exists(self->env.srv, "d/moved/s/new"));
	EXPECT_FALSE(p9s_exists(self->env.srv, "d/judged/s/new"));
}

TEST_F(p9_acting, S12_unlink_killed)
{
	replaced_test(_metadata, self, variant, true,
		      variant->behaviour->no_unlinkat ? P9_TREMOVE :
							P9_TUNLINKAT,
		      P9_UNLINK, P9 "/d/judged/s/f", NULL);
	EXPECT_FALSE(p9s_exists(self->env.srv, "d/moved/s/f"));
	EXPECT_TRUE(p9s_content_is(self->env.srv, "d/judged/s/f", "other"));
}

TEST_F(p9_acting, S12_truncate_killed)
{
	replaced_test(_metadata, self, variant, true, P9_TSETATTR, P9_TRUNC,
		      P9 "/d/judged/s/f", NULL);
	EXPECT_TRUE(p9s_content_is(self->env.srv, "d/moved/s/f", "j"));
	EXPECT_TRUE(p9s_content_is(self->env.srv, "d/judged/s/f", "other"));
}

TEST_F(p9_acting, S12_rename_killed)
{
	replaced_test(_metadata, self, variant, true,
		      variant->behaviour->no_renameat ? P9_TRENAME :
							P9_TRENAMEAT,
		      P9_RENAME, P9 "/d/judged/s/f", P9 "/d/judged/s/new");
	EXPECT_TRUE(p9s_content_is(self->env.srv, "d/moved/s/new", "judged"));
	EXPECT_TRUE(p9s_content_is(self->env.srv, "d/judged/s/f", "other"));
}

/* What a killed task makes is not for the next directory of this name. */
TEST_F(p9_acting, S12_create_killed)
{
	const uint8_t type = variant->behaviour->no_unlinkat ? P9_TREMOVE :
							       P9_TUNLINKAT;
	struct p9_server *const srv = self->env.srv;
	pid_t pid;

	ASSERT_EQ(0, p9s_mkdir(srv, "d/e"));
	ASSERT_LT(0,
		  p9s_arm(srv, &(struct p9s_rule){ .type = P9_TLCREATE,
						   .action = P9S_HOLD,
						   .flush = P9S_FLUSH_WAIT }));
	pid = p9_fork_op(_metadata, 0, P9_NO_RULESET, P9_CREATE, P9 "/d/e/new",
			 NULL);
	ASSERT_LT(0, p9s_wait_held(srv));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(P9_CHILD_DIED, p9_wait_child(pid));
	ASSERT_EQ(0, p9s_reset(srv));
	pid = p9_fork_op(_metadata, 0, P9_NO_RULESET, P9_RMDIR, P9 "/d/e",
			 NULL);
	/* Lookups */
	ASSERT_LE(2, p9s_wait_count(srv, P9_TWALK, 2));
	expect_blocked(_metadata, srv, pid, type);
	EXPECT_EQ(1, p9s_release(srv));
	EXPECT_EQ(ENOTEMPTY, p9_wait_child(pid));
	EXPECT_TRUE(p9s_exists(srv, "d/e/new"));
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
		name = p9_fork_op(_metadata, 0, P9_NO_RULESET, names[i].kind,
				  names[i].path, names[i].path2);
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

/* A killed task wanted to truncate what has no name: nobody makes it meanwhile. */
TEST_F(p9_acting, S30_truncate_nameless_killed)
{
	const int fd = open(P9 "/d/judged/f", O_RDWR | O_CLOEXEC);
	struct p9_server *const srv = self->env.srv;
	pid_t pid;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, unlink(P9 "/d/judged/f"));
	ASSERT_LT(0,
		  p9s_arm(srv, &(struct p9s_rule){ .type = P9_TSETATTR,
						   .action = P9S_HOLD,
						   .flush = P9S_FLUSH_WAIT }));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(ftruncate(fd, 0) ? errno : 0);
	ASSERT_LT(0, p9s_wait_held(srv));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(P9_CHILD_DIED, p9_wait_child(pid));
	ASSERT_EQ(0, p9s_reset(srv));
	pid = p9_fork_op(_metadata, 0, P9_NO_RULESET, P9_LINK,
			 P9 "/d/other/s/f", P9 "/d/judged/f");
	ASSERT_LE(4, p9s_wait_count(srv, P9_TWALK, 4));
	expect_blocked(_metadata, srv, pid, P9_TLINK);
	EXPECT_EQ(1, p9s_release(srv));
	EXPECT_EQ(0, p9_wait_child(pid));
	EXPECT_TRUE(p9s_content_is(srv, "d/other/s/f", "other"));
	EXPECT_EQ(0, close(fd));
}

/* What a killed task renames does not replace what is made meanwhile. */
TEST_F(p9_acting, S31_appears_killed)
{
	struct p9_server *const srv = self->env.srv;
	pid_t pid;

	ASSERT_LT(0,
		  p9s_arm(srv, &(struct p9s_rule){
				       .type = variant->behaviour->no_renameat ?
						       P9_TRENAME :
						       P9_TRENAMEAT,
				       .action = P9S_HOLD,
				       .flush = P9S_FLUSH_WAIT }));
	pid = p9_fork_op(_metadata, 0, P9_NO_RULESET, P9_RENAME,
			 P9 "/d/judged/s/f", P9 "/new");
	ASSERT_LT(0, p9s_wait_held(srv));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(P9_CHILD_DIED, p9_wait_child(pid));
	ASSERT_EQ(0, p9s_reset(srv));
	pid = p9_fork_op(_metadata, 0, P9_NO_RULESET, P9_CREATE, P9 "/new",
			 NULL);
	ASSERT_LE(1, p9s_wait_count(srv, P9_TWALK, 1));
	expect_blocked(_metadata, srv, pid, P9_TLCREATE);
	EXPECT_EQ(1, p9s_release(srv));
	EXPECT_EQ(EEXIST, p9_wait_child(pid));
	EXPECT_TRUE(p9s_content_is(srv, "new", "judged"));
}

/* The file gets another name while it is opened. */
TEST_F(p9_acting, S30_truncate_renamed_in_open)
{
	struct p9_server *const srv = self->env.srv;
	int to_parent[2], to_child[2];
	char buf;
	pid_t pid;

	ASSERT_EQ(0, p9s_create(srv, "d/judged/victim", "victim"));
	ASSERT_EQ(0, pipe2(to_parent, O_CLOEXEC));
	ASSERT_EQ(0, pipe2(to_child, O_CLOEXEC));
	ASSERT_LT(0,
		  p9s_arm(srv, &(struct p9s_rule){ .type = P9_TLOPEN,
						   .action = P9S_HOLD_REPLY }));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		int fd;

		alarm(20);
		fd = open(P9 "/d/judged/f", O_RDWR | O_CLOEXEC);
		if (fd < 0 || write(to_parent[1], "", 1) != 1 ||
		    read(to_child[0], &buf, 1) != 1)
			_exit(P9_CHILD_SANDBOX);
		_exit(ftruncate(fd, 0) ? errno : 0);
	}
	ASSERT_LT(0, p9s_wait_held(srv));
	EXPECT_EQ(0, rename(P9 "/d/judged/f", P9 "/d/judged/g"));
	EXPECT_EQ(1, p9s_release(srv));
	ASSERT_EQ(1, read(to_parent[0], &buf, 1));
	EXPECT_EQ(0, rename(P9 "/d/judged/victim", P9 "/d/judged/f"));
	EXPECT_EQ(0, access(P9 "/d/judged/g", F_OK));
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, P9 "/d/judged/g");
	ASSERT_EQ(1, write(to_child[1], "", 1));
	EXPECT_EQ(0, p9_wait_child(pid));
	EXPECT_TRUE(p9s_content_is(srv, "d/judged/f", "victim"));
	EXPECT_TRUE(p9s_content_is(srv, "d/judged/g", ""));
	close(to_parent[0]);
	close(to_parent[1]);
	close(to_child[0]);
	close(to_child[1]);
}

/* The server replaces a file while what this client wrote is written back. */
TEST_F(p9_acting, S31_truncate_written)
{
	struct p9_server *const srv = self->env.srv;
	pid_t pid;
	int fd;

	ASSERT_EQ(0, p9_umount(_metadata, P9, 0));
	p9_mount(_metadata, &self->env, "cache=mmap,ignoreqv,freshness=0");
	fd = open(P9 "/d/judged/f", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(1, write(fd, "F", 1));
	ASSERT_LT(0, p9s_hold_next(srv, P9_TWRITE));
	pid = p9_fork_op(_metadata, 0, P9_NO_RULESET, P9_TRUNC,
			 P9 "/d/judged/f", NULL);
	ASSERT_LT(0, p9s_wait_held(srv));
	ASSERT_EQ(0, p9s_move(srv, "d/judged/f", "d/moved"));
	ASSERT_EQ(0, p9s_create(srv, "d/judged/f", "another"));
	EXPECT_EQ(1, p9s_release(srv));
	EXPECT_EQ(variant->behaviour->path ? ESTALE : 0, p9_wait_child(pid));
	EXPECT_TRUE(p9s_content_is(srv, "d/judged/f", "another"));
	EXPECT_EQ(0, close(fd));
}

/* The server does not tell what has the name under which a file was opened. */
TEST_F(p9_acting, S30_truncate_untold)
{
	const int errors[] = { EACCES, ENOTDIR, ENOMEM, EIO };
	struct p9_server *const srv = self->env.srv;

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		const struct p9s_rule rule = {
			.type = P9_TWALK,
			.fid_state = P9S_FID_OPEN,
			.action = P9S_ERROR,
			.times = P9S_ALWAYS,
			.error = errors[i],
		};
		int fd;

		ASSERT_EQ(0, p9s_create(srv, "d/judged/a", "a"));
		ASSERT_EQ(0, p9s_create(srv, "d/judged/b", "another"));
		fd = open(P9 "/d/judged/a", O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, unlink(P9 "/d/judged/a"));
		ASSERT_EQ(0, rename(P9 "/d/judged/b", P9 "/d/judged/a"));
		ASSERT_LT(0, p9s_arm(srv, &rule));
		if (errors[i] != ENOTDIR)
			EXPECT_EQ(-1, ftruncate(fd, 0));
		ASSERT_EQ(0, p9s_disarm(srv));
		EXPECT_TRUE(p9s_content_is(srv, "d/judged/a", "another"))
		{
			TH_LOG("%s", strerror(errors[i]));
		}
		EXPECT_EQ(0, close(fd));
		ASSERT_EQ(0, p9s_remove(srv, "d/judged/a"));
	}
}

/* Another inode of the file does not lock the name under which it was opened. */
TEST_F(p9_acting, S30_truncate_other_inode)
{
	struct p9_server *const srv = self->env.srv;
	const int fd = open(P9 "/d/judged/f", O_RDWR | O_CLOEXEC);
	pid_t pid, name;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, p9s_create(srv, "d/judged/g", "another"));
	ASSERT_EQ(0, rename(P9 "/d/judged/f", P9 "/d/judged/k"));
	ASSERT_EQ(0, link(P9 "/d/judged/k", P9 "/d/judged/f"));
	p9_drop_caches(_metadata);
	ASSERT_LT(0, p9s_hold_next(srv, P9_TSETATTR));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		alarm(20);
		_exit(ftruncate(fd, 0) ? errno : 0);
	}
	ASSERT_LT(0, p9s_wait_held(srv));
	ASSERT_EQ(0, p9s_reset(srv));
	name = fork();
	ASSERT_LE(0, name);
	if (!name) {
		alarm(20);
		_exit(unlink(P9 "/d/judged/f") ||
		      link(P9 "/d/judged/g", P9 "/d/judged/f"));
	}
	ASSERT_LE(1, p9s_wait_count(srv, P9_TWALK, 1));
	EXPECT_TRUE(p9_is_blocked(name));
	EXPECT_EQ(1, p9s_release(srv));
	EXPECT_EQ(0, p9_wait_child(pid));
	EXPECT_EQ(0, p9_wait_child(name));
	EXPECT_TRUE(p9s_content_is(srv, "d/judged/g", "another"));
	EXPECT_TRUE(p9s_content_is(srv, "d/judged/k", ""));
	EXPECT_EQ(0, close(fd));
}

/* What a lookup gets from a directory that is replaced meanwhile. */
TEST_F(p9_acting, S07_replaced_in_lookup)
{
	struct p9_server *const srv = self->env.srv;
	const int ruleset_fd = p9_allow_read(_metadata, P9 "/d/judged");
	pid_t pid;
	int err;

	ASSERT_LT(0, p9s_arm(srv, &(struct p9s_rule){ .type = P9_TWALK,
						      .name = "f",
						      .action = P9S_HOLD }));
	pid = p9_fork_op(_metadata, 0, ruleset_fd, P9_READ, P9 "/d/judged/f",
			 NULL);
	ASSERT_LT(0, p9s_wait_held(srv));
	EXPECT_EQ(0, p9_wait_child(fork_replace(_metadata)));
	EXPECT_EQ(1, p9s_release(srv));
	/* It is the file of "judged" if the fid of this follows. */
	err = p9_wait_child(pid);
	EXPECT_EQ(variant->behaviour->path &&
			  !variant->behaviour->rename_moves_fids,
		  err != 0)
	{
		TH_LOG("%s", strerror(err));
	}
	EXPECT_EQ(0, close(ruleset_fd));
}

/* A name that a killed task made may still come. */
TEST_F(p9_acting, S30_truncate_nameless_late)
{
	struct p9_server *const srv = self->env.srv;
	const int fd = open(P9 "/d/judged/f", O_RDWR | O_CLOEXEC);
	pid_t pid;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, unlink(P9 "/d/judged/f"));
	ASSERT_LT(0,
		  p9s_arm(srv, &(struct p9s_rule){ .type = P9_TLINK,
						   .action = P9S_HOLD,
						   .flush = P9S_FLUSH_WAIT }));
	pid = p9_fork_op(_metadata, 0, P9_NO_RULESET, P9_LINK,
			 P9 "/d/other/s/f", P9 "/d/judged/f");
	ASSERT_LT(0, p9s_wait_held(srv));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(P9_CHILD_DIED, p9_wait_child(pid));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		alarm(20);
		_exit(ftruncate(fd, 0) ? errno : 0);
	}
	expect_blocked(_metadata, srv, pid, P9_TSETATTR);
	EXPECT_EQ(1, p9s_release(srv));
	/* The server would go by the name. */
	EXPECT_EQ(variant->behaviour->path ? ESTALE : 0, p9_wait_child(pid));
	EXPECT_TRUE(p9s_content_is(srv, "d/other/s/f", "other"));
	EXPECT_EQ(0, close(fd));
}

/* From now on, nothing is fresh. */
static void never_fresh(struct __test_metadata *const _metadata,
			struct p9_env *const env)
{
	ASSERT_EQ(0, p9_umount(_metadata, P9, 0));
	p9_mount(_metadata, env, OPTS_NEVER_FRESH);
}

/* Rules above a mount are for the directory that was mounted. */
TEST_F(p9_acting, S14_bind_replaced)
{
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd;

	never_fresh(_metadata, &self->env);
	ASSERT_EQ(0, mkdir(LOCAL "/bind", 0755));
	set_cap(_metadata, CAP_SYS_ADMIN);
	ASSERT_EQ(0,
		  mount(P9 "/d/judged/s", LOCAL "/bind", NULL, MS_BIND, NULL));
	clear_cap(_metadata, CAP_SYS_ADMIN);
	ruleset_fd = p9_allow(_metadata, LOCAL,
			      LANDLOCK_ACCESS_FS_READ_FILE |
				      LANDLOCK_ACCESS_FS_MAKE_DIR);
	P9_EXPECT(0, ruleset_fd, P9_READ, LOCAL "/bind/f");
	ASSERT_EQ(0, p9s_move(srv, "d/judged/s", "d/moved"));
	ASSERT_EQ(0, p9s_move(srv, "d/other/s", "d/judged/s"));
	if (variant->behaviour->path) {
		P9_EXPECT_REFUSED(ruleset_fd, P9_READ, LOCAL "/bind/f");
		P9_EXPECT_REFUSED(ruleset_fd, P9_MKDIR, LOCAL "/bind/new");
	} else {
		P9_EXPECT(0, ruleset_fd, P9_READ, LOCAL "/bind/f");
		P9_EXPECT(0, ruleset_fd, P9_MKDIR, LOCAL "/bind/new");
	}
	EXPECT_FALSE(p9s_exists(srv, "d/judged/s/new"));
	EXPECT_EQ(0, close(ruleset_fd));
	ASSERT_EQ(0, p9_umount(_metadata, LOCAL "/bind", 0));
	ASSERT_EQ(0, rmdir(LOCAL "/bind"));
}

#define ACCESS_FILES                                                    \
	(LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | \
	 LANDLOCK_ACCESS_FS_REFER)

/* What is renamed is a directory by now. */
TEST_F(p9_acting, S31_file_is_dir)
{
	const struct p9_rule rules[] = { { TMP_DIR, ACCESS_FILES }, {} };
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd, fd;

	never_fresh(_metadata, &self->env);
	ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, rules);
	fd = p9_hold(_metadata, HOLD_PATH, P9 "/d/judged/f");
	ASSERT_EQ(0, p9s_remove(srv, "d/judged/f"));
	ASSERT_EQ(0, p9s_move(srv, "d/other", "d/judged/f"));
	EXPECT_NE(0, p9_op2(_metadata, ruleset_fd, P9_RENAME, P9 "/d/judged/f",
			    P9 "/d/judged/g"));
	EXPECT_NE(0, p9_op2(_metadata, ruleset_fd, P9_RENAME, P9 "/d/judged/f",
			    P9 "/d/g"));
	EXPECT_TRUE(p9s_exists(srv, "d/judged/f/s"));
	EXPECT_EQ(0, close(fd));
	EXPECT_EQ(0, close(ruleset_fd));
}

/* Nothing is asked for rights that the sandbox does not handle. */
TEST_F(p9_acting, S12_not_handled)
{
	struct p9_server *const srv = self->env.srv;
	const struct p9s_rule rule = {
		.type = P9_TWALK,
		.fid_state = P9S_FID_WALKED,
		.name = "f",
		.action = P9S_ERROR,
		.times = P9S_ALWAYS,
		.error = EIO,
	};
	int ruleset_fd, fd;

	if (variant->behaviour->no_renameat)
		SKIP(return, "it walks to what it renames");

	never_fresh(_metadata, &self->env);
	ruleset_fd = p9_allow(_metadata, TMP_DIR, ACCESS_RO);
	fd = p9_hold(_metadata, HOLD_PATH, P9 "/d/judged/f");
	ASSERT_LT(0, p9s_arm(srv, &rule));
	EXPECT_EQ(0, p9_op2(_metadata, ruleset_fd, P9_RENAME, P9 "/d/judged/f",
			    P9 "/d/judged/g"));
	EXPECT_TRUE(p9s_exists(srv, "d/judged/g"));
	EXPECT_EQ(0, close(fd));
	EXPECT_EQ(0, close(ruleset_fd));
}

/* There was nothing to be replaced by a rename when this was judged. */
TEST_F(p9_acting, S31_appears)
{
	const struct p9_rule rules[] = {
		{ P9 "/d/judged", ACCESS_FILES },
		{ P9 "/d/other",
		  LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REFER },
		{},
	};
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd;
	pid_t pid;

	never_fresh(_metadata, &self->env);
	ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, rules);
	EXPECT_EQ(0, p9_op2(_metadata, ruleset_fd, P9_RENAME, P9 "/d/judged/f",
			    P9 "/d/other/g"));
	/* The lookup, then a question for the destination. */
	ASSERT_LT(0, p9s_arm(srv, &(struct p9s_rule){ .type = P9_TWALK,
						      .name = "other",
						      .nth = 2,
						      .action = P9S_HOLD }));
	pid = p9_fork_op(_metadata, 0, ruleset_fd, P9_RENAME,
			 P9 "/d/judged/s/f", P9 "/d/other/n");
	ASSERT_LT(0, p9s_wait_held(srv));
	ASSERT_EQ(0, p9s_create(srv, "d/other/n", "another"));
	EXPECT_EQ(1, p9s_release(srv));
	EXPECT_EQ(EACCES, p9_wait_child(pid));
	EXPECT_TRUE(p9s_content_is(srv, "d/other/n", "another"));
	EXPECT_EQ(0, close(ruleset_fd));
}

/* Nor is a file made where a symlink leads to, which was not there either. */
TEST_F(p9_acting, S31_symlink_appears)
{
	struct p9_server *const srv = self->env.srv;
	pid_t pid;

	ASSERT_LT(0, p9s_hold_next(srv, P9_TLCREATE));
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0)
		_exit(open(P9 "/d/judged/new", O_WRONLY | O_CREAT, 0600) < 0);
	ASSERT_LT(0, p9s_wait_held(srv));
	ASSERT_EQ(0, p9s_symlink(srv, "d/judged/new", "/d/other/new"));
	EXPECT_EQ(1, p9s_release(srv));
	EXPECT_NE(0, p9_wait_child(pid));
	EXPECT_EQ(0, p9s_violations(srv, P9S_V_FOLLOWS));
}

TEST_HARNESS_MAIN
