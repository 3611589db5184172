// SPDX-License-Identifier: GPL-2.0-only
/*
 * Landlock tests - Identity of files on 9p
 *
 * A rule on a file of a 9p mount is a rule on that file, whatever the client's
 * caches forget and wherever the server moves it.  Without support of the
 * filesystem, a rule is tied to an inode in memory, which uncached modes drop
 * at once: nearly all accesses below that must be allowed are then denied.
 */

#define _GNU_SOURCE
#include "fs_9p.h"

static const char bin_true[] = "./true";

/*
 * Layout (on the server):
 *
 * /
 * ├── ruled
 * │   ├── f
 * │   ├── g
 * │   └── sub
 * │       └── h
 * └── other
 *     ├── f
 *     └── sub
 *         └── h
 */
static const struct p9s_entry layout[] = {
	{ "ruled", S_IFDIR },
	{ "ruled/f", 0, "ruled f" },
	{ "ruled/g", 0, "ruled g" },
	{ "ruled/sub", S_IFDIR },
	{ "ruled/sub/h", 0, "ruled h" },
	{ "other", S_IFDIR },
	{ "other/f", 0, "other f" },
	{ "other/sub", S_IFDIR },
	{ "other/sub/h", 0, "other h" },
	{},
};

static const char dir_ruled[] = P9 "/ruled";
static const char file_ruled[] = P9 "/ruled/f";
static const char file_sibling[] = P9 "/ruled/g";
static const char dir_ruled_sub[] = P9 "/ruled/sub";
static const char file_ruled_sub[] = P9 "/ruled/sub/h";
static const char dir_other[] = P9 "/other";
static const char file_other[] = P9 "/other/f";
static const char dir_other_sub[] = P9 "/other/sub";
static const char file_other_sub[] = P9 "/other/sub/h";

/* Older protocols, honest servers: there is no generation. */
static const struct p9_behaviour server_dotu = {
	.name = "9p2000.u",
	.version = P9S_DOTU,
};

static const struct p9_behaviour server_legacy = {
	.name = "9p2000",
	.version = P9S_LEGACY,
};

/* clang-format off */
FIXTURE(p9) {
	/* clang-format on */
	struct p9_env env;
};

FIXTURE_VARIANT(p9)
{
	/* What the server does */
	const struct p9_behaviour *behaviour;
	/* Mount options */
	const char *opts;
	/* The client keeps dentries. */
	bool cached;
	/* The protocol knows links and special files. */
	bool dotl;
	/*
	 * The server, which gives no generations, answers for an open file by
	 * its path: nothing tells that a moved one is still there.
	 */
	bool loses_moved;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9, handle_none) {
	/* clang-format on */
	.behaviour = P9S_HANDLE,
	.opts = "cache=none",
	.dotl = true,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9, handle_readahead) {
	/* clang-format on */
	.behaviour = P9S_HANDLE,
	.opts = "cache=readahead",
	.dotl = true,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9, handle_mmap) {
	/* clang-format on */
	.behaviour = P9S_HANDLE,
	.opts = "cache=mmap",
	.dotl = true,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9, handle_loose) {
	/* clang-format on */
	.behaviour = P9S_HANDLE,
	.opts = "cache=loose",
	.cached = true,
	.dotl = true,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9, qemu_none) {
	/* clang-format on */
	.behaviour = P9S_PATH_QEMU,
	.opts = "cache=none",
	.dotl = true,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9, qemu_qid) {
	/* clang-format on */
	.behaviour = P9S_PATH_QEMU,
	.opts = "inodeident=qid",
	.dotl = true,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9, qemu_mmap) {
	/* clang-format on */
	.behaviour = P9S_PATH_QEMU,
	.opts = "cache=mmap",
	.dotl = true,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9, qemu_loose) {
	/* clang-format on */
	.behaviour = P9S_PATH_QEMU,
	.opts = "cache=loose",
	.cached = true,
	.dotl = true,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9, diod_none) {
	/* clang-format on */
	.behaviour = P9S_PATH_DIOD,
	.opts = "cache=none,freshness=0",
	.dotl = true,
	.loses_moved = true,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9, ganesha_none) {
	/* clang-format on */
	.behaviour = P9S_LIAR_GANESHA,
	.opts = "cache=none",
	.dotl = true,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9, S23_dotu_none) {
	/* clang-format on */
	.behaviour = &server_dotu,
	.opts = "cache=none",
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9, S23_dotu_loose) {
	/* clang-format on */
	.behaviour = &server_dotu,
	.opts = "cache=loose",
	.cached = true,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9, S23_legacy_none) {
	/* clang-format on */
	.behaviour = &server_legacy,
	.opts = "cache=none,dfltuid=0,dfltgid=0",
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9, S23_legacy_loose) {
	/* clang-format on */
	.behaviour = &server_legacy,
	.opts = "cache=loose,dfltuid=0,dfltgid=0",
	.cached = true,
};

FIXTURE_SETUP(p9)
{
	if (!p9_start(_metadata, &self->env, variant->behaviour))
		SKIP(return, "9p is not supported");

	ASSERT_EQ(0, p9s_build(self->env.srv, layout));
	if (strstr(variant->opts, "inodeident=") &&
	    !p9_can_mount(_metadata, &self->env, variant->opts))
		SKIP(return, "inodeident= is not supported");
	p9_mount(_metadata, &self->env, variant->opts);
}

FIXTURE_TEARDOWN_PARENT(p9)
{
	p9_finish(&self->env);
}

/* Nothing is left of the caches: the next access asks for each name. */
static void forget(struct __test_metadata *const _metadata,
		   struct p9_server *const srv, const char *const path)
{
	p9_drop_caches(_metadata);
	ASSERT_EQ(0, p9s_reset(srv));
	ASSERT_EQ(0, p9_op(_metadata, P9_NO_RULESET, P9_READ, path));
	ASSERT_LT(0, p9s_count(srv, P9_TWALK))
	{
		TH_LOG("The client did not forget \"%s\"", path);
	}
	p9_drop_caches(_metadata);
}

/* All that is below the ruled directory can be read, and nothing else. */
static void expect_dir_ruled(struct __test_metadata *const _metadata,
			     const int ruleset_fd)
{
	P9_EXPECT(0, ruleset_fd, P9_LIST, dir_ruled);
	P9_EXPECT(0, ruleset_fd, P9_READ, file_ruled);
	P9_EXPECT(0, ruleset_fd, P9_READ, file_sibling);
	P9_EXPECT(0, ruleset_fd, P9_LIST, dir_ruled_sub);
	P9_EXPECT(0, ruleset_fd, P9_READ, file_ruled_sub);
	P9_EXPECT(EACCES, ruleset_fd, P9_LIST, P9);
	P9_EXPECT(EACCES, ruleset_fd, P9_LIST, dir_other);
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, file_other);
	P9_EXPECT(EACCES, ruleset_fd, P9_LIST, dir_other_sub);
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, file_other_sub);
}

/* The ruled file can be read, and nothing else. */
static void expect_file_ruled(struct __test_metadata *const _metadata,
			      const int ruleset_fd)
{
	P9_EXPECT(0, ruleset_fd, P9_READ, file_ruled);
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, file_sibling);
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, file_ruled_sub);
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, file_other);
	P9_EXPECT(EACCES, ruleset_fd, P9_LIST, dir_ruled);
}

/* Control, without Landlock */
static void expect_unrestricted(struct __test_metadata *const _metadata)
{
	P9_EXPECT(0, P9_NO_RULESET, P9_LIST, P9);
	P9_EXPECT(0, P9_NO_RULESET, P9_LIST, dir_ruled);
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, file_ruled);
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, file_sibling);
	P9_EXPECT(0, P9_NO_RULESET, P9_LIST, dir_ruled_sub);
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, file_ruled_sub);
	P9_EXPECT(0, P9_NO_RULESET, P9_LIST, dir_other);
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, file_other);
	P9_EXPECT(0, P9_NO_RULESET, P9_LIST, dir_other_sub);
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, file_other_sub);
}

/* A ruleset for READ_FILE and READ_DIR, with a rule for a file only. */
static int allow_file(struct __test_metadata *const _metadata,
		      const char *const path)
{
	const struct p9_rule rules[] = {
		{ path, LANDLOCK_ACCESS_FS_READ_FILE },
		{},
	};

	return p9_ruleset(_metadata, ACCESS_RO, rules);
}

/* Nothing special was opened, and the client kept to the protocol. */
static void expect_well_behaved(struct __test_metadata *const _metadata,
				struct p9_server *const srv)
{
	EXPECT_EQ(0, p9s_violations(srv, P9S_V_SPECIAL | P9S_V_PROTOCOL));
}

TEST_F(p9, S01_relookup_dir)
{
	int ruleset_fd;

	expect_unrestricted(_metadata);
	ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_RO);
	expect_dir_ruled(_metadata, ruleset_fd);
	forget(_metadata, self->env.srv, file_ruled);
	expect_dir_ruled(_metadata, ruleset_fd);
	forget(_metadata, self->env.srv, file_ruled);
	expect_dir_ruled(_metadata, ruleset_fd);
	expect_well_behaved(_metadata, self->env.srv);
	EXPECT_EQ(0, close(ruleset_fd));
}

TEST_F(p9, S01_relookup_file)
{
	int ruleset_fd;

	expect_unrestricted(_metadata);
	ruleset_fd = allow_file(_metadata, file_ruled);
	expect_file_ruled(_metadata, ruleset_fd);
	forget(_metadata, self->env.srv, file_ruled);
	expect_file_ruled(_metadata, ruleset_fd);
	expect_well_behaved(_metadata, self->env.srv);
	EXPECT_EQ(0, close(ruleset_fd));
}

/* One process, which is sandboxed before the caches go. */
TEST_F(p9, S01_relookup_live_domain)
{
	struct p9_sandboxed child;
	int ruleset_fd;

	expect_unrestricted(_metadata);
	ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_RO);
	p9_sandbox(_metadata, &child, ruleset_fd);
	EXPECT_EQ(0, close(ruleset_fd));
	EXPECT_EQ(0, p9_sandboxed_op(_metadata, &child, P9_READ, file_ruled));
	EXPECT_EQ(EACCES,
		  p9_sandboxed_op(_metadata, &child, P9_READ, file_other));
	forget(_metadata, self->env.srv, file_ruled);
	EXPECT_EQ(0, p9_sandboxed_op(_metadata, &child, P9_READ, file_ruled));
	EXPECT_EQ(0,
		  p9_sandboxed_op(_metadata, &child, P9_READ, file_ruled_sub));
	EXPECT_EQ(EACCES,
		  p9_sandboxed_op(_metadata, &child, P9_READ, file_other));
	p9_sandbox_end(_metadata, &child);
}

TEST_F(p9, S02_rewrite_dir)
{
	struct p9_server *const srv = self->env.srv;
	struct p9s_stat before, after;
	int ruleset_fd;

	expect_unrestricted(_metadata);
	ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_RO);
	ASSERT_EQ(0, p9s_stat(srv, "ruled", &before));
	ASSERT_EQ(0, p9s_touch(srv, "ruled"));
	ASSERT_EQ(0, p9s_create(srv, "ruled/new", "new"));
	ASSERT_EQ(0, p9s_rewrite(srv, "ruled/f", "other content"));
	ASSERT_EQ(0, p9s_stat(srv, "ruled", &after));
	/* Same object, maybe with a new version. */
	ASSERT_EQ(before.qid.path, after.qid.path);
	if (variant->behaviour->qid_version == P9S_QIDV_MTIME)
		ASSERT_NE(before.qid.version, after.qid.version);

	forget(_metadata, srv, file_ruled);
	expect_dir_ruled(_metadata, ruleset_fd);
	P9_EXPECT(0, ruleset_fd, P9_READ, P9 "/ruled/new");
	EXPECT_EQ(0, close(ruleset_fd));
}

TEST_F(p9, S02_rewrite_file)
{
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd;

	expect_unrestricted(_metadata);
	ruleset_fd = allow_file(_metadata, file_ruled);
	ASSERT_EQ(0, p9s_rewrite(srv, "ruled/f", "other content"));
	ASSERT_EQ(0, p9s_touch(srv, "ruled"));
	forget(_metadata, srv, file_ruled);
	expect_file_ruled(_metadata, ruleset_fd);
	EXPECT_EQ(0, close(ruleset_fd));
}

/* Without waiting for the caches: uncached modes must not need them. */
TEST_F(p9, S02_rewrite_no_drop)
{
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd;

	if (variant->cached)
		SKIP(return, "cached modes do not look at the server");

	expect_unrestricted(_metadata);
	ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_RO);
	ASSERT_EQ(0, p9s_touch(srv, "ruled"));
	ASSERT_EQ(0, p9s_rewrite(srv, "ruled/f", "other content"));
	expect_dir_ruled(_metadata, ruleset_fd);
	EXPECT_EQ(0, close(ruleset_fd));
}

TEST_F(p9, S03_move_ruled_dir)
{
	struct p9_server *const srv = self->env.srv;
	const int moved = variant->loses_moved ? EACCES : 0;
	int ruleset_fd;

	expect_unrestricted(_metadata);
	ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_RO);
	ASSERT_EQ(0, p9s_move(srv, "ruled", "other/moved"));
	ASSERT_EQ(0, p9s_mkdir(srv, "ruled"));
	ASSERT_EQ(0, p9s_create(srv, "ruled/f", "another"));
	forget(_metadata, srv, file_ruled);

	/* The ruled one is there now. */
	P9_EXPECT(moved, ruleset_fd, P9_LIST, P9 "/other/moved");
	P9_EXPECT(moved, ruleset_fd, P9_READ, P9 "/other/moved/f");
	P9_EXPECT(moved, ruleset_fd, P9_READ, P9 "/other/moved/sub/h");
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, file_other);
	/* Another one is at its old place. */
	P9_EXPECT(EACCES, ruleset_fd, P9_LIST, dir_ruled);
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, file_ruled);
	EXPECT_EQ(0, close(ruleset_fd));
}

TEST_F(p9, S03_move_ruled_file)
{
	struct p9_server *const srv = self->env.srv;
	const int moved = variant->loses_moved ? EACCES : 0;
	int ruleset_fd;

	expect_unrestricted(_metadata);
	ruleset_fd = allow_file(_metadata, file_ruled);
	ASSERT_EQ(0, p9s_move(srv, "ruled/f", "other/moved"));
	ASSERT_EQ(0, p9s_create(srv, "ruled/f", "another"));
	forget(_metadata, srv, file_ruled);
	P9_EXPECT(moved, ruleset_fd, P9_READ, P9 "/other/moved");
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, file_other);
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, file_ruled);
	EXPECT_EQ(0, close(ruleset_fd));
}

/* The ruled directory and another one change places. */
TEST_F(p9, S03_exchange_ruled)
{
	struct p9_server *const srv = self->env.srv;
	const int moved = variant->loses_moved ? EACCES : 0;
	int ruleset_fd;

	expect_unrestricted(_metadata);
	ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_RO);
	ASSERT_EQ(0, p9s_exchange(srv, "ruled", "other"));
	forget(_metadata, srv, file_ruled);
	P9_EXPECT(moved, ruleset_fd, P9_READ, file_other);
	P9_EXPECT(moved, ruleset_fd, P9_READ, file_other_sub);
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, file_ruled);
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, file_ruled_sub);
	EXPECT_EQ(0, close(ruleset_fd));
}

TEST_F(p9, S04_move_out)
{
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd;

	expect_unrestricted(_metadata);
	ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_RO);
	ASSERT_EQ(0, p9s_move(srv, "ruled/f", "other/moved"));
	ASSERT_EQ(0, p9s_move(srv, "ruled/sub", "other/moved_sub"));
	forget(_metadata, srv, file_sibling);
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, P9 "/other/moved");
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, P9 "/other/moved_sub/h");
	P9_EXPECT(0, ruleset_fd, P9_READ, file_sibling);
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, P9 "/other/moved");
	P9_EXPECT(EACCES, ruleset_fd, P9_LIST, P9 "/other/moved_sub");
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, P9 "/other/moved_sub/h");
	EXPECT_EQ(0, close(ruleset_fd));
}

TEST_F(p9, S11_hardlink_by_server)
{
	struct p9_server *const srv = self->env.srv;
	const int moved = variant->loses_moved ? EACCES : 0;
	int ruleset_fd;

	expect_unrestricted(_metadata);
	ruleset_fd = allow_file(_metadata, file_ruled);
	ASSERT_EQ(0, p9s_link(srv, "ruled/f", "other/second"));
	ASSERT_EQ(0, p9s_link(srv, "ruled/g", "other/second_sibling"));
	forget(_metadata, srv, file_ruled);
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, P9 "/other/second_sibling");
	P9_EXPECT(0, ruleset_fd, P9_READ, P9 "/other/second");
	P9_EXPECT(0, ruleset_fd, P9_READ, file_ruled);
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, P9 "/other/second_sibling");

	/* The first name goes. */
	ASSERT_EQ(0, p9s_remove(srv, "ruled/f"));
	ASSERT_EQ(0, p9s_create(srv, "ruled/f", "another"));
	forget(_metadata, srv, file_ruled);
	P9_EXPECT(moved, ruleset_fd, P9_READ, P9 "/other/second");
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, file_ruled);
	EXPECT_EQ(0, close(ruleset_fd));
}

TEST_F(p9, S11_hardlink_by_guest)
{
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd;

	if (!variant->dotl)
		SKIP(return, "needs 9P2000.L");

	expect_unrestricted(_metadata);
	ruleset_fd = allow_file(_metadata, file_ruled);
	ASSERT_EQ(0, link(file_ruled, P9 "/other/second"));
	ASSERT_EQ(0, link(file_sibling, P9 "/other/second_sibling"));
	forget(_metadata, srv, file_ruled);
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, P9 "/other/second_sibling");
	P9_EXPECT(0, ruleset_fd, P9_READ, P9 "/other/second");
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, P9 "/other/second_sibling");
	EXPECT_EQ(0, close(ruleset_fd));
}

/*
 * Another object with the qid.path of the ruled one never matches its rule,
 * where the type or the generation tells.
 */
TEST_F(p9, S23_twin_generation)
{
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd;

	if (variant->behaviour->generation != P9S_GEN_VALID)
		SKIP(return, "the server has no generations");

	ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_RO);
	ASSERT_EQ(0, p9_add_rule(ruleset_fd, file_other,
				 LANDLOCK_ACCESS_FS_READ_FILE));
	ASSERT_EQ(0, p9s_mkdir(srv, "twin"));
	ASSERT_EQ(0, p9s_create(srv, "twin/f", "twin f"));
	ASSERT_EQ(0, p9s_create(srv, "twin_f", "twin of a file"));
	ASSERT_EQ(0, p9s_collide(srv, "twin", "ruled"));
	ASSERT_EQ(0, p9s_collide(srv, "twin_f", "other/f"));
	ASSERT_EQ(p9s_qid_path(srv, "ruled"), p9s_qid_path(srv, "twin"));
	forget(_metadata, srv, file_ruled);
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, P9 "/twin/f");
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, P9 "/twin_f");
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, P9 "/twin/f");
	P9_EXPECT(EACCES, ruleset_fd, P9_LIST, P9 "/twin");
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, P9 "/twin_f");
	P9_EXPECT(0, ruleset_fd, P9_READ, file_ruled);
	P9_EXPECT(0, ruleset_fd, P9_READ, file_other);

	/* The ruled ones go; their twins stay. */
	ASSERT_EQ(0, p9s_remove(srv, "ruled"));
	ASSERT_EQ(0, p9s_remove(srv, "other/f"));
	ASSERT_EQ(0, p9s_move(srv, "twin", "ruled"));
	ASSERT_EQ(0, p9s_move(srv, "twin_f", "other/f"));
	forget(_metadata, srv, file_ruled);
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, file_ruled);
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, file_other);
	EXPECT_EQ(0, close(ruleset_fd));
}

/* The type tells without any generation. */
TEST_F(p9, S23_twin_type)
{
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd;

	ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_RO);
	ASSERT_EQ(0, p9s_create(srv, "other/twin", "twin"));
	ASSERT_EQ(0, p9s_collide(srv, "other/twin", "ruled"));
	forget(_metadata, srv, file_ruled);
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, P9 "/other/twin");
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, P9 "/other/twin");
	P9_EXPECT(0, ruleset_fd, P9_READ, file_ruled);
	EXPECT_EQ(0, close(ruleset_fd));
}

/* All 64 bits of qid.path count. */
TEST_F(p9, S01_relookup_large_qid_path)
{
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd;

	ASSERT_EQ(0, p9s_set_qid_path(srv, "ruled", 0x8000000100000042ULL));
	ASSERT_EQ(0, p9s_set_qid_path(srv, "other", 0x8000000200000042ULL));
	ASSERT_EQ(0, p9s_set_generation(srv, "ruled", 7));
	ASSERT_EQ(0, p9s_set_generation(srv, "other", 7));
	forget(_metadata, srv, file_ruled);
	expect_unrestricted(_metadata);
	ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_RO);
	forget(_metadata, srv, file_ruled);
	expect_dir_ruled(_metadata, ruleset_fd);
	EXPECT_EQ(0, close(ruleset_fd));
}

/* The ruled file is deleted, its qid.path is free for others only after. */
TEST_F(p9, S01_recreated_not_matched)
{
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd;

	ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_RO);
	ASSERT_EQ(0, p9s_remove(srv, "ruled"));
	ASSERT_EQ(0, p9s_mkdir(srv, "ruled"));
	ASSERT_EQ(0, p9s_create(srv, "ruled/f", "another"));
	forget(_metadata, srv, file_ruled);
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, file_ruled);
	P9_EXPECT(EACCES, ruleset_fd, P9_LIST, dir_ruled);
	EXPECT_EQ(0, close(ruleset_fd));
}

/*
 * All access rights, through a rule on a directory
 */

/* clang-format off */
FIXTURE(p9_access) {
	/* clang-format on */
	struct p9_env env;
};

FIXTURE_VARIANT(p9_access)
{
	enum p9_op_kind kind;
	/* Needed right */
	__u64 access;
	/* Names in the directories, the second one may be NULL */
	const char *name, *name2;
	/* What is expected if it is allowed */
	int allowed;
};

#define ACCESS_VARIANT(test_name, ...)            \
	FIXTURE_VARIANT_ADD(p9_access, test_name) \
	{                                         \
		__VA_ARGS__                       \
	}

ACCESS_VARIANT(read, P9_READ, LANDLOCK_ACCESS_FS_READ_FILE, "f");
ACCESS_VARIANT(list, P9_LIST, LANDLOCK_ACCESS_FS_READ_DIR, "sub");
ACCESS_VARIANT(write, P9_WRITE, LANDLOCK_ACCESS_FS_WRITE_FILE, "f");
ACCESS_VARIANT(truncate, P9_TRUNC, LANDLOCK_ACCESS_FS_TRUNCATE, "f");
ACCESS_VARIANT(create, P9_CREATE, LANDLOCK_ACCESS_FS_MAKE_REG, "new");
ACCESS_VARIANT(mkdir, P9_MKDIR, LANDLOCK_ACCESS_FS_MAKE_DIR, "new");
ACCESS_VARIANT(unlink, P9_UNLINK, LANDLOCK_ACCESS_FS_REMOVE_FILE, "f");
ACCESS_VARIANT(rmdir, P9_RMDIR, LANDLOCK_ACCESS_FS_REMOVE_DIR, "empty");
ACCESS_VARIANT(symlink, P9_SYMLINK, LANDLOCK_ACCESS_FS_MAKE_SYM, "new");
ACCESS_VARIANT(mkfifo, P9_MKFIFO, LANDLOCK_ACCESS_FS_MAKE_FIFO, "new");
ACCESS_VARIANT(link, P9_LINK, LANDLOCK_ACCESS_FS_MAKE_REG, "f", "new");
ACCESS_VARIANT(rename, P9_RENAME,
	       LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE,
	       "f", "new");
ACCESS_VARIANT(reparent, P9_RENAME,
	       LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_MAKE_REG |
		       LANDLOCK_ACCESS_FS_REMOVE_FILE,
	       "f", "empty/new");
ACCESS_VARIANT(reparent_link, P9_LINK,
	       LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_MAKE_REG, "f",
	       "empty/new");
ACCESS_VARIANT(execute, P9_EXEC, LANDLOCK_ACCESS_FS_EXECUTE, "true");
ACCESS_VARIANT(ioctl_dev, P9_IOCTL, LANDLOCK_ACCESS_FS_IOCTL_DEV, "zero", NULL,
	       ENOTTY);
ACCESS_VARIANT(resolve_unix, P9_CONNECT, LANDLOCK_ACCESS_FS_RESOLVE_UNIX,
	       "sock");

static void listen_at(struct __test_metadata *const _metadata,
		      const char *const path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ASSERT_LE(0, fd);
	strncpy(addr.sun_path, path, sizeof(addr.sun_path) - 1);
	ASSERT_EQ(0, bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
	{
		TH_LOG("Failed to bind to \"%s\": %s", path, strerror(errno));
	}
	/* Stays open until the test ends. */
	ASSERT_EQ(0, listen(fd, 10));
}

FIXTURE_SETUP(p9_access)
{
	static const char *const dirs[] = { "control", "ruled", "other" };
	struct p9_server *srv;
	size_t i;

	if (!p9_start(_metadata, &self->env, P9S_HANDLE))
		SKIP(return, "9p is not supported");

	srv = self->env.srv;
	p9_mount(_metadata, &self->env, "cache=none");
	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		const char *const d = dirs[i];

		ASSERT_EQ(0, p9s_mkdir(srv, d));
		ASSERT_EQ(0, p9s_create(srv, p9_path(d, "f"), "f"));
		ASSERT_EQ(0, p9s_mkdir(srv, p9_path(d, "sub")));
		ASSERT_EQ(0, p9s_mkdir(srv, p9_path(d, "empty")));
		ASSERT_EQ(0, p9s_import(srv, p9_path(d, "true"), bin_true));
		ASSERT_EQ(0, p9s_mknod(srv, p9_path(d, "zero"), S_IFCHR | 0666,
				       makedev(1, 5)));
		if (variant->kind == P9_CONNECT) {
			char dir[64];

			snprintf(dir, sizeof(dir), "%s/%s", P9, d);
			listen_at(_metadata, p9_path(dir, "sock"));
		}
	}
}

FIXTURE_TEARDOWN_PARENT(p9_access)
{
	p9_finish(&self->env);
}

static int access_op(struct __test_metadata *const _metadata,
		     const FIXTURE_VARIANT(p9_access) *const variant,
		     const int ruleset_fd, const char *const dir)
{
	const char *const path = p9_path(dir, variant->name);
	const char *const path2 =
		variant->name2 ? p9_path(dir, variant->name2) : NULL;

	return p9_op_as(_metadata, 0, ruleset_fd, variant->kind, path, path2);
}

TEST_F(p9_access, S01_right_through_dir)
{
	/*
	 * Linking and renaming with REFER must not be the implicit denial of
	 * rulesets without it.
	 */
	const __u64 handled = variant->access |
			      (variant->name2 ? LANDLOCK_ACCESS_FS_REFER : 0);
	const struct p9_rule rules[] = {
		{ P9 "/ruled", variant->access },
		{},
	};
	int ruleset_fd;

	EXPECT_EQ(variant->allowed,
		  access_op(_metadata, variant, P9_NO_RULESET, P9 "/control"));
	ruleset_fd = p9_ruleset(_metadata, handled, rules);
	p9_drop_caches(_metadata);
	EXPECT_EQ(EACCES,
		  access_op(_metadata, variant, ruleset_fd, P9 "/other"));
	EXPECT_EQ(variant->allowed,
		  access_op(_metadata, variant, ruleset_fd, P9 "/ruled"));
	EXPECT_EQ(0, p9s_violations(self->env.srv,
				    P9S_V_SPECIAL | P9S_V_PROTOCOL));
	EXPECT_EQ(0, close(ruleset_fd));
}

TEST_HARNESS_MAIN
