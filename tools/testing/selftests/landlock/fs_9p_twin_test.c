// SPDX-License-Identifier: GPL-2.0-only
/*
 * Landlock tests - Files of a 9p server that look like others
 *
 * The number of a file may be recycled, or be the one of a file of another
 * filesystem of the server.  Where the server gives any means to tell, a rule
 * never matches such a twin; where it does not answer, neither.
 */

#define _GNU_SOURCE
#include "fs_9p_move.h"

/* clang-format off */
FIXTURE(p9_twin) {
	/* clang-format on */
	struct p9_env env;
};

FIXTURE_VARIANT(p9_twin)
{
	const struct p9_behaviour *behaviour;
	const char *opts;
	/* Files have a generation. */
	bool generation;
	/* The server tells its filesystems apart. */
	bool fsid;
	/* Open directories are not kept, and nothing tells. */
	bool no_dir_pins;
};

#define VARIANT(name, ...)                            \
	FIXTURE_VARIANT_ADD(p9_twin, name)            \
	{                                             \
		.opts = OPTS_NEVER_FRESH, __VA_ARGS__ \
	}

/* clang-format off */
VARIANT(qemu, .behaviour = P9S_PATH_QEMU, .generation = true, .fsid = true);
VARIANT(qemu_qid, .behaviour = P9S_PATH_QEMU, .generation = true, .fsid = true,
	.opts = OPTS_NEVER_FRESH ",inodeident=qid");
VARIANT(qemu_tmpfs, .behaviour = &server_qemu_tmpfs, .fsid = true);
VARIANT(qemu_tmpfs_qid, .behaviour = &server_qemu_tmpfs, .fsid = true,
	.opts = OPTS_NEVER_FRESH ",inodeident=qid");
VARIANT(diod, .behaviour = P9S_PATH_DIOD, .fsid = true);
VARIANT(handle, .behaviour = P9S_HANDLE, .generation = true, .fsid = true);
VARIANT(handle_no_gen, .behaviour = &server_handle_no_gen, .fsid = true);
VARIANT(ganesha, .behaviour = P9S_LIAR_GANESHA, .no_dir_pins = true);
/* clang-format on */

FIXTURE_SETUP(p9_twin)
{
	if (!p9_start(_metadata, &self->env, variant->behaviour))
		SKIP(return, "9p is not supported (setup)");
	ASSERT_EQ(0, p9s_build(self->env.srv, layout));
	p9_mount(_metadata, &self->env, variant->opts);
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, file_ruled_sub);
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, file_other_sub);
}

FIXTURE_TEARDOWN_PARENT(p9_twin)
{
	p9_finish(&self->env);
}

/*
 * Deletes @path, and gives its number to the next file (for a server that did
 * not keep it).
 */
static void recycle(struct __test_metadata *const _metadata,
		    struct p9_server *const srv, const char *const path)
{
	const uint64_t number = p9s_qid_path(srv, path);
	int err;

	ASSERT_NE(0, number);
	ASSERT_EQ(0, p9s_remove(srv, path));
	err = p9s_recycle(srv, number);
	ASSERT_TRUE(!err || err == -EBUSY);
}

TEST_F(p9_twin, S08_recycle_file)
{
	struct p9_server *const srv = self->env.srv;
	const int ruleset_fd = p9_allow_read(_metadata, file_ruled_sub);

	P9_EXPECT(0, ruleset_fd, P9_READ, file_ruled_sub);
	recycle(_metadata, srv, "ruled/sub/h");
	/* The first one gets the number, if any. */
	ASSERT_EQ(0, p9s_create(srv, "ruled/sub/h", "another"));
	ASSERT_EQ(0, p9s_create(srv, "ruled/sub/i", "another"));
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, file_ruled_sub);
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, P9 "/ruled/sub/i");
	EXPECT_EQ(0, close(ruleset_fd));
}

TEST_F(p9_twin, S08_recycle_dir)
{
	struct p9_server *const srv = self->env.srv;
	const int ruleset_fd = p9_allow(_metadata, dir_ruled_sub, ACCESS_RO);

	if (variant->no_dir_pins)
		SKIP(return, "the server gives no means to tell");

	P9_EXPECT(0, ruleset_fd, P9_READ, file_ruled_sub);
	recycle(_metadata, srv, "ruled/sub");
	ASSERT_EQ(0, p9s_mkdir(srv, "ruled/sub"));
	ASSERT_EQ(0, p9s_create(srv, "ruled/sub/h", "another"));
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, file_ruled_sub);
	P9_EXPECT(EACCES, ruleset_fd, P9_LIST, dir_ruled_sub);
	EXPECT_EQ(0, close(ruleset_fd));
}

/* The server lost the pin of a directory, whose number is then recycled. */
TEST_F(p9_twin, S09_pin_lost)
{
	struct p9_server *const srv = self->env.srv;
	const int ruleset_fd = p9_allow(_metadata, dir_ruled_sub, ACCESS_RO);

	if (variant->no_dir_pins)
		SKIP(return, "the server gives no means to tell");

	P9_EXPECT(0, ruleset_fd, P9_READ, file_ruled_sub);
	ASSERT_LT(0, p9s_forget_pins(srv));
	recycle(_metadata, srv, "ruled/sub");
	ASSERT_EQ(0, p9s_mkdir(srv, "other/new"));
	ASSERT_EQ(0, p9s_create(srv, "other/new/h", "another"));
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, P9 "/other/new/h");
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, P9 "/other/new/h");
	P9_EXPECT(EACCES, ruleset_fd, P9_LIST, P9 "/other/new");

	/*
	 * For good: the server now opens by path what is not the ruled one.  An
	 * access noticed that the pin was lost.
	 */
	ASSERT_EQ(0, p9s_move(srv, "other/new", "ruled/sub"));
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, file_ruled_sub);
	P9_EXPECT(EACCES, ruleset_fd, P9_LIST, dir_ruled_sub);
	EXPECT_EQ(0, close(ruleset_fd));
}

/* A new rule is for what is there now. */
TEST_F(p9_twin, S09_rule_after_loss)
{
	struct p9_server *const srv = self->env.srv;
	const int lost_fd = p9_allow(_metadata, dir_ruled_sub, ACCESS_RO);
	int ruleset_fd;

	if (variant->no_dir_pins)
		SKIP(return, "the server gives no means to tell");

	ASSERT_LT(0, p9s_forget_pins(srv));
	recycle(_metadata, srv, "ruled/sub");
	ASSERT_EQ(0, p9s_mkdir(srv, "other/new"));
	ASSERT_EQ(0, p9s_create(srv, "other/new/h", "another"));
	P9_EXPECT(EACCES, lost_fd, P9_READ, P9 "/other/new/h");
	ruleset_fd = p9_allow(_metadata, P9 "/other/new", ACCESS_RO);
	P9_EXPECT(0, ruleset_fd, P9_READ, P9 "/other/new/h");
	P9_EXPECT(EACCES, lost_fd, P9_READ, P9 "/other/new/h");
	EXPECT_EQ(0, close(lost_fd));
	EXPECT_EQ(0, close(ruleset_fd));
}

/* Same, while nobody knows yet that the pin is lost. */
TEST_F(p9_twin, S09_rule_before_loss_is_known)
{
	struct p9_server *const srv = self->env.srv;
	const int lost_fd = p9_allow(_metadata, dir_ruled_sub, ACCESS_RO);
	int ruleset_fd;

	if (variant->no_dir_pins)
		SKIP(return, "the server gives no means to tell");

	ASSERT_LT(0, p9s_forget_pins(srv));
	recycle(_metadata, srv, "ruled/sub");
	ASSERT_EQ(0, p9s_mkdir(srv, "other/new"));
	ASSERT_EQ(0, p9s_create(srv, "other/new/h", "another"));
	ruleset_fd = p9_allow(_metadata, P9 "/other/new", ACCESS_RO);
	P9_EXPECT(0, ruleset_fd, P9_READ, P9 "/other/new/h");
	P9_EXPECT(EACCES, lost_fd, P9_READ, P9 "/other/new/h");
	EXPECT_EQ(0, close(lost_fd));
	EXPECT_EQ(0, close(ruleset_fd));
}

/* What was looked up before its number was recycled gets no rule of another one. */
TEST_F(p9_twin, S09_rule_on_stale)
{
	const int ruleset_fd = p9_ruleset(_metadata, ACCESS_RO, NULL);
	struct p9_server *const srv = self->env.srv;
	int other_fd, fd, err;

	fd = p9_hold(_metadata, HOLD_PATH, file_ruled_sub);
	recycle(_metadata, srv, "ruled/sub/h");
	ASSERT_EQ(0, p9s_create(srv, "other/new", "another"));
	other_fd = p9_allow_read(_metadata, P9 "/other/new");
	err = p9_add_rule_fd(ruleset_fd, fd, LANDLOCK_ACCESS_FS_READ_FILE);
	/* Some still have the former file. */
	EXPECT_EQ(variant->behaviour->walked_pins, !err);
	close(fd);
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, P9 "/other/new");
	P9_EXPECT(0, other_fd, P9_READ, P9 "/other/new");
	EXPECT_EQ(0, close(other_fd));
	EXPECT_EQ(0, close(ruleset_fd));
}

/* Two filesystems of the server, below one export */
static void two_filesystems(struct __test_metadata *const _metadata,
			    struct p9_server *const srv)
{
	static const struct p9s_entry two[] = {
		{ "m1", S_IFDIR },
		{ "m1/dir", S_IFDIR },
		{ "m1/dir/f", 0, "m1" },
		{ "m2", S_IFDIR },
		{ "m2/dir", S_IFDIR },
		{ "m2/dir/f", 0, "m2" },
		{},
	};

	ASSERT_EQ(0, p9s_build(srv, two));
	ASSERT_EQ(0, p9s_set_dev(srv, "m1", 1));
	ASSERT_EQ(0, p9s_set_dev(srv, "m2", 2));
	ASSERT_EQ(0, p9s_collide(srv, "m2/dir", "m1/dir"));
	ASSERT_EQ(0, p9s_collide(srv, "m2/dir/f", "m1/dir/f"));
}

TEST_F(p9_twin, S10_collide)
{
	int ruleset_fd;

	if (!variant->generation && !variant->fsid)
		SKIP(return, "the server gives no means to tell");

	two_filesystems(_metadata, self->env.srv);
	ruleset_fd = p9_allow(_metadata, P9 "/m1/dir", ACCESS_RO);
	P9_EXPECT(0, ruleset_fd, P9_READ, P9 "/m1/dir/f");
	P9_EXPECT(EACCES, ruleset_fd, P9_LIST, P9 "/m2/dir");
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, P9 "/m2/dir/f");
	P9_EXPECT(0, ruleset_fd, P9_READ, P9 "/m1/dir/f");
	EXPECT_EQ(0, close(ruleset_fd));

	ruleset_fd = p9_allow_read(_metadata, P9 "/m2/dir/f");
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, P9 "/m1/dir/f");
	P9_EXPECT(0, ruleset_fd, P9_READ, P9 "/m2/dir/f");
	EXPECT_EQ(0, close(ruleset_fd));
}

/* Below other directories than the former ones, there is a twin. */
TEST_F(p9_twin, S10_twin_in_place)
{
	const int ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_RO);
	struct p9_server *const srv = self->env.srv;
	const uint64_t number = p9s_qid_path(srv, "ruled/sub/h");
	int fd;

	if (!variant->generation)
		SKIP(return, "the server gives no generation");

	fd = p9_hold(_metadata, HOLD_PATH, file_ruled_sub);
	P9_EXPECT(0, ruleset_fd, P9_READ, p9_held(HOLD_PATH, fd, ""));
	ASSERT_EQ(0, p9s_move(srv, "ruled/sub", "other/moved"));
	ASSERT_EQ(0, p9s_mkdir(srv, "ruled/sub"));
	ASSERT_EQ(0, p9s_create(srv, "ruled/sub/h", "another"));
	ASSERT_EQ(0, p9s_set_qid_path(srv, "ruled/sub/h", number));
	EXPECT_NE(0, p9_op(_metadata, ruleset_fd, P9_READ,
			   p9_held(HOLD_PATH, fd, "")));
	close(fd);
	EXPECT_EQ(0, close(ruleset_fd));
}

/* Recycled between lookup and pin. */
TEST_F(p9_twin, S31_recycled_before_pin)
{
	struct p9_server *const srv = self->env.srv;
	const struct landlock_ruleset_attr attr = {
		.handled_access_fs = ACCESS_RO,
	};
	struct landlock_path_beneath_attr rule = {
		.allowed_access = ACCESS_RO,
	};
	int ruleset_fd;

	if (!variant->generation)
		SKIP(return, "there is no generation");

	rule.parent_fd = p9_hold(_metadata, HOLD_PATH, dir_ruled_sub);
	ruleset_fd = landlock_create_ruleset(&attr, sizeof(attr), 0);
	ASSERT_LE(0, ruleset_fd);
	recycle(_metadata, srv, "ruled/sub");
	ASSERT_EQ(0, p9s_mkdir(srv, "ruled/sub"));
	if (variant->behaviour->path) {
		EXPECT_EQ(-1, landlock_add_rule(
				      ruleset_fd, LANDLOCK_RULE_PATH_BENEATH,
				      &rule, LANDLOCK_ADD_RULE_PINNED));
		EXPECT_EQ(ESTALE, errno);
	} else {
		EXPECT_EQ(0, landlock_add_rule(
				     ruleset_fd, LANDLOCK_RULE_PATH_BENEATH,
				     &rule, LANDLOCK_ADD_RULE_PINNED));
	}
	EXPECT_EQ(0, close(rule.parent_fd));
	EXPECT_EQ(0, close(ruleset_fd));
}

/* The filesystem of a pin is not the one of what has its name for a moment. */
TEST_F(p9_twin, S31_other_filesystem)
{
	struct p9_server *const srv = self->env.srv;
	const int ruleset_fd = p9_ruleset(_metadata, ACCESS_RO, NULL);
	pid_t pid;
	int fd;

	if (!variant->behaviour->path || variant->generation || !variant->fsid)
		SKIP(return, "the filesystem is not asked for by a path");

	ASSERT_EQ(0, p9s_set_dev(srv, "other", 2));
	fd = p9_hold(_metadata, HOLD_PATH, dir_ruled);
	ASSERT_LT(0, p9s_hold_next(srv, P9_TSTATFS));
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0)
		_exit(p9_add_rule_fd(ruleset_fd, fd, ACCESS_RO));
	ASSERT_EQ(1, p9s_wait_held(srv));
	ASSERT_EQ(0, p9s_exchange(srv, "ruled", "other"));
	ASSERT_EQ(1, p9s_release(srv));
	EXPECT_EQ(ESTALE, p9_wait_child(pid));
	ASSERT_EQ(0, p9s_exchange(srv, "ruled", "other"));
	EXPECT_EQ(0, p9_add_rule_fd(ruleset_fd, fd, ACCESS_RO));
	P9_EXPECT(0, ruleset_fd, P9_READ, file_ruled);
	ASSERT_EQ(0, close(fd));
	EXPECT_EQ(0, close(ruleset_fd));
}

/* The mount of the other one got there as the server moved what is above. */
TEST_F(p9_twin, S10_moved_mount)
{
	static const struct p9s_entry entries[] = {
		{ "x", S_IFDIR },
		{ "x/m", S_IFDIR },
		{ "x/m/f", 0, "ruled" },
		{ "p", S_IFDIR },
		{ "p/m", S_IFDIR },
		{ "p/m/f", 0, "another" },
		{},
	};
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd, fd;

	if (!variant->generation && !variant->fsid)
		SKIP(return, "the server gives no means to tell");

	ASSERT_EQ(0, p9s_build(srv, entries));
	ASSERT_EQ(0, p9s_set_dev(srv, "p/m", 2));
	ASSERT_EQ(0, p9s_collide(srv, "p/m/f", "x/m/f"));
	ruleset_fd = p9_allow_read(_metadata, P9 "/x/m/f");
	fd = p9_hold(_metadata, HOLD_PATH, P9 "/x/m");
	P9_EXPECT(0, ruleset_fd, P9_READ, p9_held(HOLD_PATH, fd, "f"));
	ASSERT_EQ(0, p9s_move(srv, "x", "z"));
	ASSERT_EQ(0, p9s_move(srv, "p", "x"));
	/* Where a fid is the directory, it still has the ruled one. */
	EXPECT_EQ(variant->behaviour->path,
		  p9_is_refused(p9_op(_metadata, ruleset_fd, P9_READ,
				      p9_held(HOLD_PATH, fd, "f"))));
	close(fd);
	EXPECT_EQ(0, close(ruleset_fd));
}

/* Each rule is for its own file, also when both are pinned. */
TEST_F(p9_twin, S10_both_ruled)
{
	const struct p9_rule rules[] = {
		{ P9 "/m1/dir", ACCESS_RO },
		{ P9 "/m2/dir", ACCESS_RO | LANDLOCK_ACCESS_FS_WRITE_FILE },
		{},
	};
	int ruleset_fd;

	if (!variant->generation && !variant->fsid)
		SKIP(return, "the server gives no means to tell");

	two_filesystems(_metadata, self->env.srv);
	ruleset_fd = p9_ruleset(
		_metadata, ACCESS_RO | LANDLOCK_ACCESS_FS_WRITE_FILE, rules);
	P9_EXPECT(0, ruleset_fd, P9_READ, P9 "/m1/dir/f");
	P9_EXPECT(EACCES, ruleset_fd, P9_WRITE, P9 "/m1/dir/f");
	P9_EXPECT(0, ruleset_fd, P9_READ, P9 "/m2/dir/f");
	P9_EXPECT(0, ruleset_fd, P9_WRITE, P9 "/m2/dir/f");
	EXPECT_EQ(0, close(ruleset_fd));
}

/* What is held by the path of one is the other one for a while. */
TEST_F(p9_twin, S10_exchanged)
{
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd, fd;

	if (!variant->generation && !variant->fsid)
		SKIP(return, "the server gives no means to tell");

	two_filesystems(_metadata, srv);
	fd = p9_hold(_metadata, HOLD_PATH, P9 "/m2/dir");
	ruleset_fd = p9_allow(_metadata, P9 "/m1/dir", ACCESS_RO);
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, P9 "/m2/dir/f");
	ASSERT_EQ(0, p9s_exchange(srv, "m1/dir", "m2/dir"));
	/* With a generation, it is not what is held. */
	P9_EXPECT(variant->behaviour->path && !variant->generation ? 0 : EACCES,
		  ruleset_fd, P9_READ, P9 "/m2/dir/f");
	ASSERT_EQ(0, p9s_exchange(srv, "m1/dir", "m2/dir"));
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, P9 "/m2/dir/f");
	P9_EXPECT(0, ruleset_fd, P9_READ, P9 "/m1/dir/f");
	EXPECT_EQ(0, close(ruleset_fd));
	EXPECT_EQ(0, close(fd));
}

/* What made v9fs give up on qids in 2024: cd m1/dir; ls m2/dir */
TEST_F(p9_twin, S10_landmark)
{
	char buf[8] = {};
	int cwd_fd, fd;

	if (strstr(variant->opts, "inodeident=qid"))
		SKIP(return, "the server promises unique qids");

	two_filesystems(_metadata, self->env.srv);
	cwd_fd = p9_hold(_metadata, HOLD_CWD, P9 "/m1/dir");
	fd = open(p9_abs("m2/dir/f"), O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(2, read(fd, buf, sizeof(buf)));
	EXPECT_STREQ("m2", buf);
	EXPECT_EQ(0, close(fd));
	fd = open("f", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(2, read(fd, buf, sizeof(buf)));
	EXPECT_STREQ("m1", buf);
	EXPECT_EQ(0, close(fd));
	p9_let_go(_metadata, HOLD_CWD, cwd_fd);
}

/* The generation of a ruled directory disappears, and comes back. */
TEST_F(p9_twin, S28_generation_lost)
{
	struct p9_server *const srv = self->env.srv;
	struct p9_behaviour behaviour = *variant->behaviour;
	int ruleset_fd;

	if (!variant->generation)
		SKIP(return, "there is no generation");

	behaviour.gen_needs_read = true;
	ASSERT_EQ(0, p9s_set_behaviour(srv, &behaviour));
	ruleset_fd = p9_allow(_metadata, dir_ruled_sub, ACCESS_RO);
	P9_EXPECT(0, ruleset_fd, P9_READ, file_ruled_sub);
	ASSERT_EQ(0, p9s_chmod(srv, "ruled/sub", 0111));
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, file_ruled_sub);
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, file_ruled_sub);
	ASSERT_EQ(0, p9s_chmod(srv, "ruled/sub", 0755));
	P9_EXPECT(0, ruleset_fd, P9_READ, file_ruled_sub);
	EXPECT_EQ(0, close(ruleset_fd));
}

/*
 * What the rule is for cannot be read, hence neither pinned nor told by its
 * generation; what takes its place can.
 */
TEST_F(p9_twin, S28_generation_appears)
{
	struct p9_server *const srv = self->env.srv;
	struct p9_behaviour behaviour = *variant->behaviour;
	int ruleset_fd, fd;

	if (!variant->generation)
		SKIP(return, "there is no generation");

	behaviour.gen_needs_read = true;
	ASSERT_EQ(0, p9s_set_behaviour(srv, &behaviour));
	ASSERT_EQ(0, p9s_chmod(srv, "ruled/sub", 0311));
	p9_drop_caches(_metadata);
	fd = p9_hold(_metadata, HOLD_PATH, dir_ruled_sub);
	ruleset_fd =
		p9_allow(_metadata, dir_ruled_sub, LANDLOCK_ACCESS_FS_MAKE_DIR);
	P9_EXPECT(0, ruleset_fd, P9_MKDIR, p9_held(HOLD_PATH, fd, "n"));
	recycle(_metadata, srv, "ruled/sub");
	ASSERT_EQ(0, p9s_mkdir(srv, "ruled/sub"));
	P9_EXPECT_REFUSED(ruleset_fd, P9_MKDIR, p9_held(HOLD_PATH, fd, "n"));
	EXPECT_FALSE(p9s_exists(srv, "ruled/sub/n"));
	EXPECT_EQ(0, close(ruleset_fd));
	EXPECT_EQ(0, close(fd));
}

/*
 * Same, for the destination of a rename: its rule, which grants more than the
 * source's, must not be missed.
 */
TEST_F(p9_twin, S28_generation_lost_refer)
{
	const struct p9_rule rules[] = {
		{ dir_ruled, ACCESS_ALL & ~LANDLOCK_ACCESS_FS_EXECUTE },
		{ P9 "/ruled/dst", ACCESS_ALL },
		{},
	};
	struct p9_server *const srv = self->env.srv;
	struct p9_behaviour behaviour = *variant->behaviour;
	int ruleset_fd;

	if (!variant->generation)
		SKIP(return, "there is no generation");

	behaviour.gen_needs_read = true;
	ASSERT_EQ(0, p9s_set_behaviour(srv, &behaviour));
	ASSERT_EQ(0, p9s_mkdir(srv, "ruled/dst"));
	ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, rules);
	EXPECT_EQ(EXDEV, p9_op2(_metadata, ruleset_fd, P9_RENAME, file_ruled,
				P9 "/ruled/dst/f"));
	ASSERT_EQ(0, p9s_chmod(srv, "ruled/dst", 0333));
	EXPECT_EQ(EACCES, p9_op2(_metadata, ruleset_fd, P9_RENAME, file_ruled,
				 P9 "/ruled/dst/f"));
	EXPECT_EQ(EACCES, p9_op2(_metadata, ruleset_fd, P9_LINK, file_ruled,
				 P9 "/ruled/dst/f"));
	EXPECT_TRUE(p9s_exists(srv, "ruled/f"));
	EXPECT_FALSE(p9s_exists(srv, "ruled/dst/f"));
	EXPECT_EQ(0, close(ruleset_fd));
}

/*
 * Same, if it also has a rule from when there was a generation: the one without
 * may still be for it.
 */
TEST_F(p9_twin, S28_ruled_twice_refer)
{
	const __u64 access = ACCESS_ALL & ~LANDLOCK_ACCESS_FS_EXECUTE;
	const struct p9_rule rules[] = { { dir_ruled, access }, {} };
	struct p9_server *const srv = self->env.srv;
	struct p9_behaviour behaviour = *variant->behaviour;
	int ruleset_fd;

	if (!variant->generation)
		SKIP(return, "there is no generation");

	ASSERT_EQ(0, p9s_mkdir(srv, "ruled/dst"));
	ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, rules);
	ASSERT_EQ(0, p9_add_rule(ruleset_fd, P9 "/ruled/dst", access));
	EXPECT_EQ(0, p9_op2(_metadata, ruleset_fd, P9_RENAME, file_ruled,
			    P9 "/ruled/dst/f"));
	EXPECT_EQ(0, p9_op2(_metadata, ruleset_fd, P9_RENAME, P9 "/ruled/dst/f",
			    file_ruled));
	behaviour.generation = P9S_GEN_NONE;
	ASSERT_EQ(0, p9s_set_behaviour(srv, &behaviour));
	p9_drop_caches(_metadata);
	ASSERT_EQ(0, p9_add_rule(ruleset_fd, P9 "/ruled/dst", ACCESS_ALL));
	ASSERT_EQ(0, p9s_set_behaviour(srv, variant->behaviour));
	p9_drop_caches(_metadata);
	EXPECT_EQ(EACCES, p9_op2(_metadata, ruleset_fd, P9_RENAME, file_ruled,
				 P9 "/ruled/dst/f"));
	EXPECT_TRUE(p9s_exists(srv, "ruled/f"));
	EXPECT_EQ(0, close(ruleset_fd));
}

/* Same, if the server does not tell anymore which of its filesystems it is. */
TEST_F(p9_twin, S10_statfs_refused_refer)
{
	const struct p9_rule rules[] = {
		{ dir_ruled, ACCESS_ALL & ~LANDLOCK_ACCESS_FS_EXECUTE },
		{ P9 "/ruled/dst", ACCESS_ALL },
		{},
	};
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd;

	if (variant->generation || !variant->fsid)
		SKIP(return, "the filesystem is not asked for");

	ASSERT_EQ(0, p9s_mkdir(srv, "ruled/dst"));
	ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, rules);
	/* It is asked for where it was reached by another path. */
	ASSERT_EQ(0, p9s_move(srv, "ruled/dst", "ruled/dst2"));
	ASSERT_LT(0, p9s_arm(srv, &(struct p9s_rule){ .type = P9_TSTATFS,
						      .action = P9S_ERROR,
						      .times = P9S_ALWAYS,
						      .error = EACCES }));
	EXPECT_EQ(EACCES, p9_op2(_metadata, ruleset_fd, P9_RENAME, file_ruled,
				 P9 "/ruled/dst2/f"));
	EXPECT_FALSE(p9s_exists(srv, "ruled/dst2/f"));
	EXPECT_EQ(0, close(ruleset_fd));
}

/*
 * What had the path of a directory for a moment, on another filesystem, is no
 * reason to miss its rule.
 */
TEST_F(p9_twin, S29_other_filesystem)
{
	const __u64 less = ACCESS_ALL & ~(LANDLOCK_ACCESS_FS_EXECUTE |
					  LANDLOCK_ACCESS_FS_READ_DIR);
	const struct p9_rule rules[] = {
		{ dir_ruled, less },
		{ P9 "/ruled/dst", ACCESS_ALL },
		{},
	};
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd, fd;
	char held[32];

	if (!variant->behaviour->path || variant->generation || !variant->fsid)
		SKIP(return, "the filesystem is not asked for by a path");

	ASSERT_EQ(0, p9s_mkdir(srv, "ruled/dst"));
	ASSERT_EQ(0, p9s_mkdir(srv, "other/dst"));
	ASSERT_EQ(0, p9s_set_dev(srv, "other/dst", 2));
	/* It is asked for whatever the path. */
	ASSERT_EQ(0, p9_umount(_metadata, P9, 0));
	p9_mount(_metadata, &self->env, OPTS_ALWAYS_FRESH ",inodeident=qid");
	fd = open(P9 "/ruled/dst", O_PATH | O_CLOEXEC);
	ASSERT_LE(0, fd);
	snprintf(held, sizeof(held), "/proc/self/fd/%d", fd);
	ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, rules);

	ASSERT_EQ(0, p9s_exchange(srv, "ruled/dst", "other/dst"));
	P9_EXPECT(EACCES, ruleset_fd, P9_LIST, held);
	ASSERT_EQ(0, p9s_exchange(srv, "ruled/dst", "other/dst"));
	EXPECT_EQ(EXDEV, p9_op2(_metadata, ruleset_fd, P9_RENAME, file_ruled,
				P9 "/ruled/dst/f"));
	EXPECT_TRUE(p9s_exists(srv, "ruled/f"));
	P9_EXPECT(0, ruleset_fd, P9_LIST, held);
	EXPECT_EQ(0, close(ruleset_fd));
	EXPECT_EQ(0, close(fd));
}

#define USER 1001

/* The fid of another user says nothing of the generation of a new one. */
TEST_F(p9_twin, S27_recycled_for_user)
{
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd, fd;

	if (!variant->generation)
		SKIP(return, "the server gives no generation");

	p9_umount(_metadata, P9, 0);
	p9_mount(_metadata, &self->env, OPTS_ALWAYS_FRESH);
	/* The user is known to the server. */
	EXPECT_EQ(0, p9_op_as(_metadata, USER, P9_NO_RULESET, P9_READ,
			      file_other, NULL));
	ruleset_fd = p9_allow(_metadata, dir_ruled_sub, ACCESS_RO);
	fd = p9_hold(_metadata, HOLD_PATH, dir_ruled_sub);
	P9_EXPECT(0, ruleset_fd, P9_LIST, p9_held(HOLD_PATH, fd, ""));
	p9s_forget_pins(srv);
	recycle(_metadata, srv, "ruled/sub");
	ASSERT_EQ(0, p9s_mkdir(srv, "ruled/sub"));
	/* May be judged as the server was when it was asked. */
	p9_op_as(_metadata, USER, ruleset_fd, P9_LIST,
		 p9_held(HOLD_PATH, fd, ""), NULL);
	EXPECT_NE(0, p9_op_as(_metadata, USER, ruleset_fd, P9_LIST,
			      p9_held(HOLD_PATH, fd, ""), NULL));
	close(fd);
	EXPECT_EQ(0, close(ruleset_fd));
}

/*
 * The rule of a directory that may not be read is tied to its inode, which is
 * lost: the directory must not look more restricted than it is.
 */
TEST_F(p9_twin, S29_unpinned_destination)
{
	const __u64 less = ACCESS_ALL & ~LANDLOCK_ACCESS_FS_EXECUTE;
	const struct p9_rule rules[] = {
		{ dir_ruled, less },
		{ P9 "/ruled/dst", ACCESS_ALL },
		{},
	};
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd, err;

	ASSERT_EQ(0, p9s_mkdir(srv, "ruled/dst"));
	ASSERT_EQ(0, p9s_chmod(srv, "ruled/dst", 0333));
	ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, rules);
	/* By another path, hence by another inode */
	ASSERT_EQ(0, p9s_move(srv, "ruled/dst", "ruled/dst2"));
	p9_drop_caches(_metadata);
	err = p9_op2(_metadata, ruleset_fd, P9_RENAME, file_ruled,
		     P9 "/ruled/dst2/f");
	EXPECT_TRUE(err == EACCES || err == EXDEV)
	{
		TH_LOG("rename returned %d", err);
	}
	err = p9_op2(_metadata, ruleset_fd, P9_LINK, file_ruled,
		     P9 "/ruled/dst2/f");
	EXPECT_TRUE(err == EACCES || err == EXDEV)
	{
		TH_LOG("link returned %d", err);
	}
	EXPECT_TRUE(p9s_exists(srv, "ruled/f"));
	EXPECT_FALSE(p9s_exists(srv, "ruled/dst2/f"));
	EXPECT_EQ(0, close(ruleset_fd));
}

/*
 * The guest renames an empty directory over a ruled one, of which the server
 * dropped the pin, and the new one gets its number.
 */
TEST_F(p9_twin, S30_rename_over)
{
	struct p9_server *const srv = self->env.srv;
	uint64_t number;
	int ruleset_fd, err;

	if (variant->no_dir_pins)
		SKIP(return, "the server gives no means to tell");

	ASSERT_EQ(0, p9s_mkdir(srv, "ruled/empty"));
	ruleset_fd = p9_allow(_metadata, P9 "/ruled/empty", ACCESS_RO);
	number = p9s_qid_path(srv, "ruled/empty");
	P9_EXPECT(0, ruleset_fd, P9_LIST, P9 "/ruled/empty");
	ASSERT_LT(0, p9s_forget_pins(srv));

	ASSERT_EQ(0, p9s_mkdir(srv, "other/new"));
	EXPECT_EQ(0, p9_op2(_metadata, P9_NO_RULESET, P9_RENAME,
			    P9 "/other/new", P9 "/ruled/empty"));
	P9_EXPECT(EACCES, ruleset_fd, P9_LIST, P9 "/ruled/empty");
	err = p9s_recycle(srv, number);
	ASSERT_TRUE(!err || err == -EBUSY);
	ASSERT_EQ(0, p9s_mkdir(srv, "other/new"));
	P9_EXPECT(EACCES, ruleset_fd, P9_LIST, P9 "/other/new");
	P9_EXPECT(EACCES, ruleset_fd, P9_LIST, P9 "/ruled/empty");
	EXPECT_EQ(0, close(ruleset_fd));
}

/* Two rules with one number and different generations */
TEST_F(p9_twin, S32_twins)
{
	struct p9_server *const srv = self->env.srv;
	const struct p9_rule rules[] = {
		{ P9 "/m1/dir", ACCESS_RO },
		{ P9 "/m2/dir", LANDLOCK_ACCESS_FS_READ_DIR },
		{},
	};
	int ruleset_fd, other_fd;

	if (!variant->generation)
		SKIP(return, "there is no generation");

	two_filesystems(_metadata, srv);
	ruleset_fd = p9_ruleset(_metadata, ACCESS_RO, rules);
	other_fd = p9_allow(_metadata, P9 "/m2/dir", ACCESS_RO);
	P9_EXPECT(0, ruleset_fd, P9_READ, P9 "/m1/dir/f");
	P9_EXPECT(0, ruleset_fd, P9_LIST, P9 "/m1/dir");
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, P9 "/m2/dir/f");
	P9_EXPECT(0, ruleset_fd, P9_LIST, P9 "/m2/dir");
	P9_EXPECT(EACCES, other_fd, P9_READ, P9 "/m1/dir/f");
	P9_EXPECT(0, other_fd, P9_READ, P9 "/m2/dir/f");
	EXPECT_EQ(0, close(ruleset_fd));
	P9_EXPECT(0, other_fd, P9_READ, P9 "/m2/dir/f");
	EXPECT_EQ(0, close(other_fd));
}

TEST_HARNESS_MAIN
