// SPDX-License-Identifier: GPL-2.0-only
/*
 * Landlock tests - Files that a 9p server moves, while the client holds them
 *
 * What is held keeps its place for the client.  It must be judged by where the
 * server has it, and no other file may be reached through it.
 */

#define _GNU_SOURCE
#include "fs_9p_move.h"

/* clang-format off */
FIXTURE(p9_move) {
	/* clang-format on */
	struct p9_env env;
};

FIXTURE_VARIANT(p9_move)
{
	const struct p9_behaviour *behaviour;
	const char *opts;
	/* What is held follows a move. */
	bool handle;
	/* Nothing tells that a pinned file was moved rather than lost. */
	bool loses_moved;
};

#define VARIANT(name, ...)                            \
	FIXTURE_VARIANT_ADD(p9_move, name)            \
	{                                             \
		.opts = OPTS_NEVER_FRESH, __VA_ARGS__ \
	}

/* clang-format off */
VARIANT(qemu, .behaviour = P9S_PATH_QEMU);
VARIANT(qemu_tmpfs, .behaviour = &server_qemu_tmpfs);
VARIANT(qemu_qid, .behaviour = P9S_PATH_QEMU,
	.opts = OPTS_NEVER_FRESH ",inodeident=qid");
VARIANT(diod, .behaviour = P9S_PATH_DIOD, .loses_moved = true);
VARIANT(handle, .behaviour = P9S_HANDLE, .handle = true);
VARIANT(handle_no_gen, .behaviour = &server_handle_no_gen, .handle = true);
VARIANT(ganesha, .behaviour = P9S_LIAR_GANESHA, .handle = true);
/* clang-format on */

FIXTURE_SETUP(p9_move)
{
	if (!p9_start(_metadata, &self->env, variant->behaviour))
		SKIP(return, "9p is not supported (setup)");
	ASSERT_EQ(0, p9s_build(self->env.srv, layout));
	p9_mount(_metadata, &self->env, variant->opts);
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, file_ruled_sub);
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, file_other_sub);
}

FIXTURE_TEARDOWN_PARENT(p9_move)
{
	p9_finish(&self->env);
}

/* A socket to connect to */
static int listen_at(struct __test_metadata *const _metadata,
		     const char *const path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ASSERT_LE(0, fd);
	strncpy(addr.sun_path, path, sizeof(addr.sun_path) - 1);
	ASSERT_EQ(0, bind(fd, (struct sockaddr *)&addr, sizeof(addr)));
	ASSERT_EQ(0, listen(fd, 16));
	return fd;
}

/* Allowed through what is held, as long as nothing moves. */
TEST_F(p9_move, S01_held)
{
	const int listen_fd = listen_at(_metadata, P9 "/ruled/sub/s");
	const int ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_ALL);

	P9_EACH_HOLD(hold)
	{
		const int fd = p9_hold(_metadata, hold, dir_ruled_sub);

		P9_EXPECT(0, ruleset_fd, P9_READ, p9_held(hold, fd, "h"));
		P9_EXPECT(0, ruleset_fd, P9_LIST, p9_held(hold, fd, ""));
		P9_EXPECT(0, ruleset_fd, P9_CREATE, p9_held(hold, fd, "new"));
		P9_EXPECT(0, ruleset_fd, P9_TRUNC, p9_held(hold, fd, "new"));
		P9_EXPECT(0, ruleset_fd, P9_UNLINK, p9_held(hold, fd, "new"));
		P9_EXPECT(0, ruleset_fd, P9_MKDIR, p9_held(hold, fd, "new"));
		P9_EXPECT(0, ruleset_fd, P9_RMDIR, p9_held(hold, fd, "new"));
		EXPECT_EQ(0, p9_op2(_metadata, ruleset_fd, P9_RENAME,
				    p9_held(hold, fd, "g"), p9_abs("ruled/g")));
		EXPECT_EQ(0, p9_op2(_metadata, ruleset_fd, P9_RENAME,
				    p9_abs("ruled/g"), p9_held(hold, fd, "g")));
		P9_EXPECT(0, ruleset_fd, P9_CONNECT, p9_held(hold, fd, "s"));
		p9_let_go(_metadata, hold, fd);
	}
	ASSERT_EQ(0, close(listen_fd));
	EXPECT_EQ(0, close(ruleset_fd));
}

/* Nothing may be done through @fd, and nothing gets out of it. */
static void expect_all_refused(struct __test_metadata *const _metadata,
			       struct p9_server *const srv,
			       const int ruleset_fd, const enum p9_hold hold,
			       const int fd)
{
	int err;

	P9_EXPECT_REFUSED(ruleset_fd, P9_READ, p9_held(hold, fd, "h"));
	P9_EXPECT_REFUSED(ruleset_fd, P9_WRITE, p9_held(hold, fd, "h"));
	P9_EXPECT_REFUSED(ruleset_fd, P9_TRUNC, p9_held(hold, fd, "h"));
	P9_EXPECT_REFUSED(ruleset_fd, P9_LIST, p9_held(hold, fd, ""));
	P9_EXPECT_REFUSED(ruleset_fd, P9_CREATE, p9_held(hold, fd, "new"));
	P9_EXPECT_REFUSED(ruleset_fd, P9_MKDIR, p9_held(hold, fd, "new"));
	P9_EXPECT_REFUSED(ruleset_fd, P9_SYMLINK, p9_held(hold, fd, "new"));
	P9_EXPECT_REFUSED(ruleset_fd, P9_MKFIFO, p9_held(hold, fd, "new"));
	P9_EXPECT_REFUSED(ruleset_fd, P9_UNLINK, p9_held(hold, fd, "g"));
	P9_EXPECT_REFUSED(ruleset_fd, P9_RMDIR, p9_held(hold, fd, "d"));
	P9_EXPECT_REFUSED(ruleset_fd, P9_EXEC, p9_held(hold, fd, "h"));
	P9_EXPECT_REFUSED(ruleset_fd, P9_CONNECT, p9_held(hold, fd, "s"));

	err = p9_op2(_metadata, ruleset_fd, P9_RENAME, p9_held(hold, fd, "g"),
		     p9_abs("ruled/out"));
	EXPECT_TRUE(p9_is_refused(err))
	{
		TH_LOG("rename out of it returned %d", err);
	}
	err = p9_op2(_metadata, ruleset_fd, P9_LINK, p9_held(hold, fd, "g"),
		     p9_abs("ruled/out"));
	EXPECT_TRUE(p9_is_refused(err))
	{
		TH_LOG("link out of it returned %d", err);
	}
	err = p9_op2(_metadata, ruleset_fd, P9_RENAME, p9_abs("ruled/f"),
		     p9_held(hold, fd, "in"));
	EXPECT_TRUE(p9_is_refused(err))
	{
		TH_LOG("rename into it returned %d", err);
	}
	err = p9_op2(_metadata, ruleset_fd, P9_LINK, p9_abs("ruled/f"),
		     p9_held(hold, fd, "in"));
	EXPECT_TRUE(p9_is_refused(err))
	{
		TH_LOG("link into it returned %d", err);
	}
	EXPECT_FALSE(p9s_exists(srv, "ruled/out"));
	EXPECT_TRUE(p9s_exists(srv, "ruled/f"));
}

TEST_F(p9_move, S05_move_out_held_dir)
{
	struct p9_server *const srv = self->env.srv;
	const int listen_fd = listen_at(_metadata, P9 "/ruled/sub/s");
	const int ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_ALL);

	P9_EACH_HOLD(hold)
	{
		const int fd = p9_hold(_metadata, hold, dir_ruled_sub);

		P9_EXPECT(0, ruleset_fd, P9_READ, p9_held(hold, fd, "h"));
		ASSERT_EQ(0, p9s_move(srv, "ruled/sub", "other/moved"));
		expect_all_refused(_metadata, srv, ruleset_fd, hold, fd);
		EXPECT_TRUE(p9s_content_is(srv, "other/moved/h", "ruled h"));
		EXPECT_TRUE(p9s_exists(srv, "other/moved/g"));
		EXPECT_TRUE(p9s_exists(srv, "other/moved/d"));
		EXPECT_FALSE(p9s_exists(srv, "other/moved/new"));
		EXPECT_FALSE(p9s_exists(srv, "other/moved/in"));

		/* Out of the export */
		ASSERT_EQ(0, p9s_move(srv, "other/moved", "@/moved"));
		expect_all_refused(_metadata, srv, ruleset_fd, hold, fd);

		/* And back */
		ASSERT_EQ(0, p9s_move(srv, "@/moved", "ruled/sub"));
		P9_EXPECT(0, ruleset_fd, P9_READ, p9_held(hold, fd, "h"));
		p9_let_go(_metadata, hold, fd);
	}
	ASSERT_EQ(0, close(listen_fd));
	EXPECT_EQ(0, close(ruleset_fd));
}

TEST_F(p9_move, S05_move_out_held_file)
{
	struct p9_server *const srv = self->env.srv;
	const int ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_ALL);
	enum p9_hold hold;

	for (hold = HOLD_PATH; hold <= HOLD_OPEN; hold++) {
		const int fd = p9_hold(_metadata, hold, file_ruled_sub);

		P9_EXPECT(0, ruleset_fd, P9_READ, p9_held(hold, fd, ""));
		ASSERT_EQ(0, p9s_move(srv, "ruled/sub/h", "other/moved"));
		P9_EXPECT_REFUSED(ruleset_fd, P9_READ, p9_held(hold, fd, ""));
		P9_EXPECT_REFUSED(ruleset_fd, P9_WRITE, p9_held(hold, fd, ""));
		P9_EXPECT_REFUSED(ruleset_fd, P9_TRUNC, p9_held(hold, fd, ""));
		P9_EXPECT_REFUSED(ruleset_fd, P9_EXEC, p9_held(hold, fd, ""));
		EXPECT_TRUE(p9s_content_is(srv, "other/moved", "ruled h"));

		/* Another file takes its place. */
		ASSERT_EQ(0, p9s_create(srv, "ruled/sub/h", "another"));
		P9_EXPECT_REFUSED(ruleset_fd, P9_READ, p9_held(hold, fd, ""));
		P9_EXPECT_REFUSED(ruleset_fd, P9_TRUNC, p9_held(hold, fd, ""));
		EXPECT_TRUE(p9s_content_is(srv, "ruled/sub/h", "another"));
		ASSERT_EQ(0, close(fd));
		P9_EXPECT(0, ruleset_fd, P9_READ, file_ruled_sub);
		ASSERT_EQ(0, p9s_move(srv, "other/moved", "ruled/sub/h"));
	}
	EXPECT_EQ(0, close(ruleset_fd));
}

/* What is moved in is only seen at the next lookup by name. */
TEST_F(p9_move, S06_move_in_held)
{
	struct p9_server *const srv = self->env.srv;
	const int ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_ALL);

	P9_EACH_HOLD(hold)
	{
		const int fd = p9_hold(_metadata, hold, dir_other_sub);
		int err;

		P9_EXPECT(EACCES, ruleset_fd, P9_READ, p9_held(hold, fd, "h"));
		ASSERT_EQ(0, p9s_move(srv, "other/sub", "ruled/moved"));
		P9_EXPECT_REFUSED(ruleset_fd, P9_READ, p9_held(hold, fd, "h"));
		P9_EXPECT_REFUSED(ruleset_fd, P9_CREATE,
				  p9_held(hold, fd, "new"));
		err = p9_op2(_metadata, ruleset_fd, P9_RENAME,
			     p9_held(hold, fd, "h"), p9_abs("ruled/out"));
		EXPECT_TRUE(p9_is_refused(err));
		err = p9_op2(_metadata, ruleset_fd, P9_RENAME,
			     p9_abs("ruled/f"), p9_held(hold, fd, "in"));
		EXPECT_TRUE(p9_is_refused(err));
		P9_EXPECT(0, ruleset_fd, P9_READ, p9_abs("ruled/moved/h"));
		ASSERT_EQ(0, p9s_move(srv, "ruled/moved", "other/sub"));
		p9_let_go(_metadata, hold, fd);
	}
	EXPECT_EQ(0, close(ruleset_fd));
}

/* Another directory takes the place of a ruled one. */
TEST_F(p9_move, S07_replace_held_ruled)
{
	struct p9_server *const srv = self->env.srv;

	P9_EACH_HOLD(hold)
	{
		const int ruleset_fd =
			p9_allow(_metadata, dir_ruled_sub, ACCESS_ALL);
		const int fd = p9_hold(_metadata, hold, dir_ruled_sub);

		P9_EXPECT(0, ruleset_fd, P9_READ, p9_held(hold, fd, "h"));
		ASSERT_EQ(0, p9s_move(srv, "ruled/sub", "@/gone"));
		ASSERT_EQ(0, p9s_mkdir(srv, "ruled/sub"));
		ASSERT_EQ(0, p9s_create(srv, "ruled/sub/h", "another"));
		if (variant->handle) {
			/* This still is the ruled directory. */
			P9_EXPECT(0, ruleset_fd, P9_READ,
				  p9_held(hold, fd, "h"));
			P9_EXPECT(0, ruleset_fd, P9_CREATE,
				  p9_held(hold, fd, "new"));
			EXPECT_TRUE(p9s_exists(srv, "@/gone/new"));
			ASSERT_EQ(0, p9s_remove(srv, "@/gone/new"));
		} else {
			P9_EXPECT_REFUSED(ruleset_fd, P9_READ,
					  p9_held(hold, fd, "h"));
			P9_EXPECT_REFUSED(ruleset_fd, P9_TRUNC,
					  p9_held(hold, fd, "h"));
			P9_EXPECT_REFUSED(ruleset_fd, P9_CREATE,
					  p9_held(hold, fd, "new"));
			P9_EXPECT_REFUSED(ruleset_fd, P9_LIST,
					  p9_held(hold, fd, ""));
		}
		EXPECT_TRUE(p9s_content_is(srv, "ruled/sub/h", "another"));
		EXPECT_FALSE(p9s_exists(srv, "ruled/sub/new"));
		ASSERT_EQ(0, p9s_move(srv, "@/gone", "ruled/sub"));
		p9_let_go(_metadata, hold, fd);
		EXPECT_EQ(0, close(ruleset_fd));
	}
}

/* What is reached through it is below the rule above, or it is not. */
TEST_F(p9_move, S07_replace_held_below)
{
	struct p9_server *const srv = self->env.srv;
	const int ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_RO);

	P9_EACH_HOLD(hold)
	{
		const int fd = p9_hold(_metadata, hold, dir_ruled_sub);

		ASSERT_EQ(0, p9s_move(srv, "ruled/sub", "other/moved"));
		ASSERT_EQ(0, p9s_mkdir(srv, "ruled/sub"));
		ASSERT_EQ(0, p9s_create(srv, "ruled/sub/h", "another"));
		P9_EXPECT(variant->handle ? EACCES : 0, ruleset_fd, P9_READ,
			  p9_held(hold, fd, "h"));
		ASSERT_EQ(0, p9s_move(srv, "other/moved", "ruled/sub"));
		p9_let_go(_metadata, hold, fd);
	}
	EXPECT_EQ(0, close(ruleset_fd));
}

/* The same file, by the names of another mount */
TEST_F(p9_move, S13_second_mount)
{
	struct p9_server *const srv = self->env.srv;
	const int ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_RO);
	const char *const second = TMP_DIR "/second";
	const int fd = p9_hold(_metadata, HOLD_PATH, dir_ruled_sub);

	ASSERT_EQ(0, mkdir(second, 0755));
	set_cap(_metadata, CAP_SYS_ADMIN);
	ASSERT_EQ(0, p9s_mount(srv, second, variant->opts));
	clear_cap(_metadata, CAP_SYS_ADMIN);

	/* Rules do not cross mounts of the same export. */
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, TMP_DIR "/second/ruled/f");

	/* As if the server did it */
	EXPECT_EQ(0, p9_op2(_metadata, P9_NO_RULESET, P9_RENAME,
			    TMP_DIR "/second/ruled/sub",
			    TMP_DIR "/second/other/moved"));
	P9_EXPECT_REFUSED(ruleset_fd, P9_READ, p9_held(HOLD_PATH, fd, "h"));
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, P9 "/other/moved/h");
	ASSERT_EQ(0, close(fd));
	EXPECT_EQ(0, close(ruleset_fd));
	EXPECT_EQ(0, p9_umount(_metadata, second, 0));
}

#define USER 1001

/* A descriptor is passed to another user, who has no fid for it. */
TEST_F(p9_move, S27_uid_handoff)
{
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd, fd;

	/* The user is known to the server. */
	EXPECT_EQ(0, p9_op_as(_metadata, USER, P9_NO_RULESET, P9_READ,
			      file_other, NULL));
	ASSERT_EQ(0, p9s_chmod(srv, "ruled/f", 0666));
	ruleset_fd = p9_allow_read(_metadata, file_ruled);
	fd = p9_hold(_metadata, HOLD_PATH, file_ruled);
	EXPECT_EQ(0, p9_op_as(_metadata, USER, ruleset_fd, P9_READ,
			      p9_held(HOLD_PATH, fd, ""), NULL));
	ASSERT_EQ(0, close(fd));

	fd = p9_hold(_metadata, HOLD_PATH, file_ruled);
	ASSERT_EQ(0, p9s_move(srv, "ruled/f", "@/gone"));
	ASSERT_EQ(0, p9s_create(srv, "ruled/f", "another"));
	EXPECT_EQ(ESTALE, p9_op_as(_metadata, USER, P9_NO_RULESET, P9_READ,
				   p9_held(HOLD_PATH, fd, ""), NULL));
	EXPECT_NE(0, p9_op_as(_metadata, USER, ruleset_fd, P9_READ,
			      p9_held(HOLD_PATH, fd, ""), NULL));
	EXPECT_NE(0, p9_op_as(_metadata, USER, ruleset_fd, P9_READ, file_ruled,
			      NULL));
	/* Without an open, which would tell */
	ASSERT_EQ(0, p9s_chmod(srv, "ruled/f", 0666));
	EXPECT_NE(0, p9_op_as(_metadata, USER, P9_NO_RULESET, P9_TRUNC,
			      p9_held(HOLD_PATH, fd, ""), NULL));
	EXPECT_TRUE(p9s_content_is(srv, "ruled/f", "another"));
	ASSERT_EQ(0, close(fd));
	EXPECT_EQ(0, close(ruleset_fd));
}

/* Starts an operation in a sandboxed child. */
static pid_t start_op(struct __test_metadata *const _metadata,
		      const int ruleset_fd, const enum p9_op_kind kind,
		      const char *const path)
{
	const pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (pid == 0) {
		alarm(20);
		if (!p9_restrict(ruleset_fd))
			_exit(P9_CHILD_SANDBOX);
		_exit(p9_do(kind, path, NULL));
	}
	return pid;
}

/* Replaced between the check and the open. */
TEST_F(p9_move, S31_swap_before_open)
{
	struct p9_server *const srv = self->env.srv;
	const int ruleset_fd = p9_allow_read(_metadata, file_ruled);
	pid_t pid;

	ASSERT_LT(0, p9s_hold_next(srv, P9_TLOPEN));
	pid = start_op(_metadata, ruleset_fd, P9_READ, file_ruled);
	ASSERT_LT(0, p9s_wait_held(srv));
	ASSERT_EQ(0, p9s_move(srv, "ruled/f", "@/gone"));
	ASSERT_EQ(0, p9s_create(srv, "ruled/f", "another"));
	ASSERT_LT(0, p9s_release(srv));
	/* The first ESTALE makes the kernel try again by name. */
	EXPECT_EQ(variant->handle ? 0 : EACCES, p9_wait_child(pid));
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, file_ruled);
	EXPECT_EQ(0, close(ruleset_fd));
}

/* Created, and replaced before the client knows what it created. */
TEST_F(p9_move, S31_swap_after_create)
{
	struct p9_server *const srv = self->env.srv;
	const int ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_ALL);
	pid_t pid;

	ASSERT_LT(0, p9s_arm(srv, &(struct p9s_rule){
					  .type = P9_TLCREATE,
					  .action = P9S_HOLD_REPLY,
				  }));
	pid = start_op(_metadata, ruleset_fd, P9_CREATE, P9 "/ruled/new");
	ASSERT_LT(0, p9s_wait_held(srv));
	ASSERT_EQ(0, p9s_move(srv, "ruled/new", "other/new"));
	ASSERT_EQ(0, p9s_create(srv, "ruled/new", "another"));
	ASSERT_LT(0, p9s_release(srv));
	/* The first ESTALE makes the kernel try again by name. */
	EXPECT_EQ(EEXIST, p9_wait_child(pid));
	EXPECT_TRUE(p9s_content_is(srv, "other/new", ""));
	EXPECT_TRUE(p9s_content_is(srv, "ruled/new", "another"));
	EXPECT_EQ(0, close(ruleset_fd));
}

/* What the server moves in the lower layer of an overlayfs */
TEST_F(p9_move, S33_overlay_move)
{
	struct p9_server *const srv = self->env.srv;
	const char *const merged = TMP_DIR "/merged";
	int ruleset_fd, err;

	ASSERT_EQ(0, mkdir(merged, 0755));
	ASSERT_EQ(0, mkdir(TMP_DIR "/upper", 0755));
	ASSERT_EQ(0, mkdir(TMP_DIR "/work", 0755));
	set_cap(_metadata, CAP_SYS_ADMIN);
	err = mount("overlay", merged, "overlay", 0,
		    "lowerdir=" P9 ",upperdir=" TMP_DIR
		    "/upper,workdir=" TMP_DIR "/work") ?
		      errno :
		      0;
	clear_cap(_metadata, CAP_SYS_ADMIN);
	if (err)
		SKIP(return, "overlayfs cannot be mounted: %s", strerror(err));

	ruleset_fd = p9_allow(_metadata, TMP_DIR "/merged/ruled", ACCESS_RO);
	P9_EXPECT(0, ruleset_fd, P9_READ, TMP_DIR "/merged/ruled/f");
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, TMP_DIR "/merged/other/f");
	ASSERT_EQ(0, p9s_move(srv, "ruled/f", "other/moved"));
	EXPECT_EQ(p9_op(_metadata, P9_NO_RULESET, P9_READ,
			TMP_DIR "/merged/ruled/f"),
		  p9_op(_metadata, ruleset_fd, P9_READ,
			TMP_DIR "/merged/ruled/f"));
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, TMP_DIR "/merged/other/moved");
	EXPECT_EQ(0, close(ruleset_fd));
	EXPECT_EQ(0, p9_umount(_metadata, merged, 0));
}

/* A file that has no name anymore: only a rule on itself counts. */
TEST_F(p9_move, S34_unlinked_open)
{
	struct p9_server *const srv = self->env.srv;
	const int of_dir = p9_allow(_metadata, dir_ruled, ACCESS_RO);
	const int of_file = p9_allow_read(_metadata, file_ruled);
	const int fd = p9_hold(_metadata, HOLD_OPEN, file_ruled);
	int err;

	ASSERT_EQ(0, unlink(file_ruled));
	EXPECT_FALSE(p9s_exists(srv, "ruled/f"));
	err = p9_op(_metadata, P9_NO_RULESET, P9_READ,
		    p9_held(HOLD_OPEN, fd, ""));
	P9_EXPECT_REFUSED(of_dir, P9_READ, p9_held(HOLD_OPEN, fd, ""));
	EXPECT_EQ(!err, !p9_op(_metadata, of_file, P9_READ,
			       p9_held(HOLD_OPEN, fd, "")));

	/* Its name is another file's. */
	ASSERT_EQ(0, p9s_create(srv, "ruled/f", "another"));
	P9_EXPECT(EACCES, of_file, P9_READ, file_ruled);
	P9_EXPECT_REFUSED(of_dir, P9_READ, p9_held(HOLD_OPEN, fd, ""));
	ASSERT_EQ(0, close(fd));
	EXPECT_EQ(0, close(of_dir));
	EXPECT_EQ(0, close(of_file));
}

TEST_HARNESS_MAIN
