// SPDX-License-Identifier: GPL-2.0-only
/*
 * Landlock tests - Renames, links, layers and mounts on 9p
 *
 * What Landlock decides on 9p is what it decides on tmpfs: each test does the
 * same on both.  Without support of the filesystem, uncached modes lose rules,
 * hence a rename or a link into a directory whose rule gives more rights is not
 * seen as such and goes through.
 */

#define _GNU_SOURCE
#include "fs_9p.h"

/* clang-format off */

#define ACCESS_MOVE ( \
	LANDLOCK_ACCESS_FS_REFER | \
	LANDLOCK_ACCESS_FS_MAKE_REG | \
	LANDLOCK_ACCESS_FS_MAKE_DIR | \
	LANDLOCK_ACCESS_FS_REMOVE_FILE | \
	LANDLOCK_ACCESS_FS_REMOVE_DIR)

#define ACCESS_HANDLED ( \
	ACCESS_MOVE | \
	LANDLOCK_ACCESS_FS_READ_FILE | \
	LANDLOCK_ACCESS_FS_EXECUTE)

#define MAKE_REG LANDLOCK_ACCESS_FS_MAKE_REG
#define MAKE_DIR LANDLOCK_ACCESS_FS_MAKE_DIR
#define REMOVE_FILE LANDLOCK_ACCESS_FS_REMOVE_FILE
#define REMOVE_DIR LANDLOCK_ACCESS_FS_REMOVE_DIR
#define REFER LANDLOCK_ACCESS_FS_REFER
#define EXECUTE LANDLOCK_ACCESS_FS_EXECUTE
#define READ_FILE LANDLOCK_ACCESS_FS_READ_FILE

/* clang-format on */

#define MAX_RULES 4

/*
 * Layout, on both filesystems:
 *
 * src
 * ├── dir
 * │   └── f
 * ├── f
 * └── g
 * dst
 * ├── dir
 * │   └── f
 * └── f
 */
static void create_layout(struct __test_metadata *const _metadata,
			  const char *const root)
{
	static const char *const dirs[] = { "src", "src/dir", "dst",
					    "dst/dir" };
	static const char *const files[] = { "src/f", "src/g", "src/dir/f",
					     "dst/f", "dst/dir/f" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dirs); i++)
		ASSERT_EQ(0, mkdir(p9_path(root, dirs[i]), 0755));
	for (i = 0; i < ARRAY_SIZE(files); i++)
		ASSERT_EQ(0, p9_do(P9_CREATE, p9_path(root, files[i]), NULL));
}

/* clang-format off */
FIXTURE(p9_refer) {
	/* clang-format on */
	struct p9_env env;
};

FIXTURE_VARIANT(p9_refer)
{
	/* Handled rights: ACCESS_HANDLED if 0 */
	__u64 handled;
	/* Rules, with paths below the root of the filesystem */
	struct p9_rule rules[MAX_RULES];
	enum p9_op_kind kind;
	const char *old_path, *new_path;
	/* What tmpfs does */
	int expected;
};

#define REFER_VARIANT(test_name, ...)            \
	FIXTURE_VARIANT_ADD(p9_refer, test_name) \
	{                                        \
		__VA_ARGS__                      \
	}

/* One directory */
REFER_VARIANT(same_dir, .rules = { { "src", ACCESS_MOVE } }, .kind = P9_RENAME,
	      .old_path = "src/f", .new_path = "src/new");
REFER_VARIANT(same_dir_no_refer, .rules = { { "src", MAKE_REG | REMOVE_FILE } },
	      .kind = P9_RENAME, .old_path = "src/f", .new_path = "src/new");
REFER_VARIANT(same_dir_no_remove, .rules = { { "src", REFER | MAKE_REG } },
	      .kind = P9_RENAME, .old_path = "src/f", .new_path = "src/new",
	      .expected = EACCES);
REFER_VARIANT(same_dir_no_make, .rules = { { "src", REFER | REMOVE_FILE } },
	      .kind = P9_RENAME, .old_path = "src/f", .new_path = "src/new",
	      .expected = EACCES);
REFER_VARIANT(same_dir_no_rule, .kind = P9_RENAME, .old_path = "src/f",
	      .new_path = "src/new", .expected = EACCES);
REFER_VARIANT(same_dir_replace, .rules = { { "src", ACCESS_MOVE } },
	      .kind = P9_RENAME, .old_path = "src/f", .new_path = "src/g");
REFER_VARIANT(same_dir_link, .rules = { { "src", MAKE_REG } }, .kind = P9_LINK,
	      .old_path = "src/f", .new_path = "src/new");
REFER_VARIANT(same_dir_link_no_make, .rules = { { "src", REFER } },
	      .kind = P9_LINK, .old_path = "src/f", .new_path = "src/new",
	      .expected = EACCES);

/* Two directories */
REFER_VARIANT(both_refer,
	      .rules = { { "src", ACCESS_MOVE }, { "dst", ACCESS_MOVE } },
	      .kind = P9_RENAME, .old_path = "src/f", .new_path = "dst/new");
REFER_VARIANT(both_refer_replace,
	      .rules = { { "src", ACCESS_MOVE }, { "dst", ACCESS_MOVE } },
	      .kind = P9_RENAME, .old_path = "src/f", .new_path = "dst/f");
REFER_VARIANT(dst_no_refer,
	      .rules = { { "src", ACCESS_MOVE },
			 { "dst", ACCESS_MOVE & ~REFER } },
	      .kind = P9_RENAME, .old_path = "src/f", .new_path = "dst/new",
	      .expected = EXDEV);
REFER_VARIANT(src_no_refer,
	      .rules = { { "src", ACCESS_MOVE & ~REFER },
			 { "dst", ACCESS_MOVE } },
	      .kind = P9_RENAME, .old_path = "src/f", .new_path = "dst/new",
	      .expected = EXDEV);
REFER_VARIANT(src_no_rule, .rules = { { "dst", ACCESS_MOVE } },
	      .kind = P9_RENAME, .old_path = "src/f", .new_path = "dst/new",
	      .expected = EACCES);
REFER_VARIANT(dst_no_rule, .rules = { { "src", ACCESS_MOVE } },
	      .kind = P9_RENAME, .old_path = "src/f", .new_path = "dst/new",
	      .expected = EACCES);
REFER_VARIANT(src_no_remove,
	      .rules = { { "src", ACCESS_MOVE & ~REMOVE_FILE },
			 { "dst", ACCESS_MOVE } },
	      .kind = P9_RENAME, .old_path = "src/f", .new_path = "dst/new",
	      .expected = EACCES);
REFER_VARIANT(dst_no_make,
	      .rules = { { "src", ACCESS_MOVE },
			 { "dst", ACCESS_MOVE & ~MAKE_REG } },
	      .kind = P9_RENAME, .old_path = "src/f", .new_path = "dst/new",
	      .expected = EACCES);
REFER_VARIANT(parent_refer, .rules = { { "", ACCESS_MOVE } }, .kind = P9_RENAME,
	      .old_path = "src/f", .new_path = "dst/new");
REFER_VARIANT(up, .rules = { { "src", ACCESS_MOVE } }, .kind = P9_RENAME,
	      .old_path = "src/dir/f", .new_path = "src/new");
REFER_VARIANT(down, .rules = { { "src", ACCESS_MOVE } }, .kind = P9_RENAME,
	      .old_path = "src/f", .new_path = "src/dir/new");

/* Rights that would be gained */
REFER_VARIANT(gain,
	      .rules = { { "src", ACCESS_MOVE },
			 { "dst", ACCESS_MOVE | EXECUTE } },
	      .kind = P9_RENAME, .old_path = "src/f", .new_path = "dst/new",
	      .expected = EXDEV);
REFER_VARIANT(lose,
	      .rules = { { "src", ACCESS_MOVE | EXECUTE },
			 { "dst", ACCESS_MOVE } },
	      .kind = P9_RENAME, .old_path = "src/f", .new_path = "dst/new");
/*
 * The rule of the root is never lost.  That of dst was not seen, and nothing
 * else forbids this.
 */
REFER_VARIANT(gain_below_root,
	      .rules = { { "", ACCESS_MOVE }, { "dst", EXECUTE } },
	      .kind = P9_RENAME, .old_path = "src/f", .new_path = "dst/new",
	      .expected = EXDEV);
REFER_VARIANT(gain_below_root_deep,
	      .rules = { { "", ACCESS_MOVE }, { "dst", EXECUTE } },
	      .kind = P9_RENAME, .old_path = "src/dir/f",
	      .new_path = "dst/dir/new", .expected = EXDEV);
REFER_VARIANT(gain_below_root_nested,
	      .rules = { { "", ACCESS_MOVE }, { "src/dir", EXECUTE } },
	      .kind = P9_RENAME, .old_path = "src/f", .new_path = "src/dir/new",
	      .expected = EXDEV);
REFER_VARIANT(gain_below_root_link,
	      .rules = { { "", ACCESS_MOVE }, { "dst", EXECUTE } },
	      .kind = P9_LINK, .old_path = "src/f", .new_path = "dst/new",
	      .expected = EXDEV);
REFER_VARIANT(gain_below_root_dir,
	      .rules = { { "", ACCESS_MOVE }, { "dst", EXECUTE } },
	      .kind = P9_RENAME, .old_path = "src/dir", .new_path = "dst/new",
	      .expected = EXDEV);
REFER_VARIANT(gain_below_root_dir_right,
	      .rules = { { "", ACCESS_MOVE & ~MAKE_REG }, { "dst", MAKE_REG } },
	      .kind = P9_RENAME, .old_path = "src/dir", .new_path = "dst/new",
	      .expected = EXDEV);
REFER_VARIANT(lose_below_root,
	      .rules = { { "", ACCESS_MOVE }, { "src", EXECUTE } },
	      .kind = P9_RENAME, .old_path = "src/f", .new_path = "dst/new");
REFER_VARIANT(equal_below_root,
	      .rules = { { "", ACCESS_MOVE },
			 { "src", EXECUTE },
			 { "dst", EXECUTE } },
	      .kind = P9_RENAME, .old_path = "src/f", .new_path = "dst/new");
REFER_VARIANT(gain_exchange,
	      .rules = { { "", ACCESS_MOVE }, { "dst", EXECUTE } },
	      .kind = P9_EXCHANGE, .old_path = "src/f", .new_path = "dst/f",
	      .expected = EXDEV);
REFER_VARIANT(gain_exchange_back,
	      .rules = { { "", ACCESS_MOVE }, { "src", EXECUTE } },
	      .kind = P9_EXCHANGE, .old_path = "src/f", .new_path = "dst/f",
	      .expected = EXDEV);
REFER_VARIANT(gain_noreplace,
	      .rules = { { "", ACCESS_MOVE }, { "dst", EXECUTE } },
	      .kind = P9_NOREPLACE, .old_path = "src/f", .new_path = "dst/new",
	      .expected = EXDEV);

/* A rule on the moved file itself */
REFER_VARIANT(file_has_right,
	      .rules = { { "", ACCESS_MOVE },
			 { "src/f", EXECUTE },
			 { "dst", EXECUTE } },
	      .kind = P9_RENAME, .old_path = "src/f", .new_path = "dst/new");
REFER_VARIANT(other_file_has_right,
	      .rules = { { "", ACCESS_MOVE },
			 { "src/g", EXECUTE },
			 { "dst", EXECUTE } },
	      .kind = P9_RENAME, .old_path = "src/f", .new_path = "dst/new",
	      .expected = EXDEV);
REFER_VARIANT(link_file_has_right,
	      .rules = { { "", ACCESS_MOVE },
			 { "src/f", EXECUTE },
			 { "dst", EXECUTE } },
	      .kind = P9_LINK, .old_path = "src/f", .new_path = "dst/new");
REFER_VARIANT(over_ruled_file,
	      .rules = { { "", ACCESS_MOVE }, { "dst/f", EXECUTE } },
	      .kind = P9_RENAME, .old_path = "src/f", .new_path = "dst/f");

/* Links */
REFER_VARIANT(link, .rules = { { "src", ACCESS_MOVE }, { "dst", ACCESS_MOVE } },
	      .kind = P9_LINK, .old_path = "src/f", .new_path = "dst/new");
REFER_VARIANT(link_gain,
	      .rules = { { "src", ACCESS_MOVE },
			 { "dst", ACCESS_MOVE | READ_FILE } },
	      .kind = P9_LINK, .old_path = "src/f", .new_path = "dst/new",
	      .expected = EXDEV);
REFER_VARIANT(link_no_refer,
	      .rules = { { "src", ACCESS_MOVE & ~REFER },
			 { "dst", ACCESS_MOVE } },
	      .kind = P9_LINK, .old_path = "src/f", .new_path = "dst/new",
	      .expected = EXDEV);
REFER_VARIANT(link_no_make,
	      .rules = { { "src", ACCESS_MOVE },
			 { "dst", ACCESS_MOVE & ~MAKE_REG } },
	      .kind = P9_LINK, .old_path = "src/f", .new_path = "dst/new",
	      .expected = EACCES);

/* Directories */
REFER_VARIANT(dir, .rules = { { "src", ACCESS_MOVE }, { "dst", ACCESS_MOVE } },
	      .kind = P9_RENAME, .old_path = "src/dir", .new_path = "dst/new");
REFER_VARIANT(dir_gain,
	      .rules = { { "src", ACCESS_MOVE },
			 { "dst", ACCESS_MOVE | EXECUTE } },
	      .kind = P9_RENAME, .old_path = "src/dir", .new_path = "dst/new",
	      .expected = EXDEV);
REFER_VARIANT(dir_no_make,
	      .rules = { { "src", ACCESS_MOVE },
			 { "dst", ACCESS_MOVE & ~MAKE_DIR } },
	      .kind = P9_RENAME, .old_path = "src/dir", .new_path = "dst/new",
	      .expected = EACCES);
REFER_VARIANT(dir_no_remove,
	      .rules = { { "src", ACCESS_MOVE & ~REMOVE_DIR },
			 { "dst", ACCESS_MOVE } },
	      .kind = P9_RENAME, .old_path = "src/dir", .new_path = "dst/new",
	      .expected = EACCES);

/* What 9p cannot do: EINVAL, but only if it is allowed. */
REFER_VARIANT(exchange,
	      .rules = { { "src", ACCESS_MOVE }, { "dst", ACCESS_MOVE } },
	      .kind = P9_EXCHANGE, .old_path = "src/f", .new_path = "dst/f");
REFER_VARIANT(exchange_same_dir, .rules = { { "src", ACCESS_MOVE } },
	      .kind = P9_EXCHANGE, .old_path = "src/f", .new_path = "src/g");
REFER_VARIANT(exchange_no_make,
	      .rules = { { "src", ACCESS_MOVE & ~MAKE_REG },
			 { "dst", ACCESS_MOVE } },
	      .kind = P9_EXCHANGE, .old_path = "src/f", .new_path = "dst/f",
	      .expected = EACCES);
REFER_VARIANT(exchange_no_rule, .kind = P9_EXCHANGE, .old_path = "src/f",
	      .new_path = "dst/f", .expected = EACCES);
REFER_VARIANT(noreplace,
	      .rules = { { "src", ACCESS_MOVE }, { "dst", ACCESS_MOVE } },
	      .kind = P9_NOREPLACE, .old_path = "src/f", .new_path = "dst/new");
REFER_VARIANT(noreplace_no_make,
	      .rules = { { "src", ACCESS_MOVE },
			 { "dst", ACCESS_MOVE & ~MAKE_REG } },
	      .kind = P9_NOREPLACE, .old_path = "src/f", .new_path = "dst/new",
	      .expected = EACCES);

/* REFER is not handled: denied, whatever the rules are. */
REFER_VARIANT(not_handled, .handled = READ_FILE,
	      .rules = { { "src", READ_FILE }, { "dst", READ_FILE } },
	      .kind = P9_RENAME, .old_path = "src/f", .new_path = "dst/new",
	      .expected = EXDEV);
REFER_VARIANT(not_handled_same_dir, .handled = READ_FILE,
	      .rules = { { "src", READ_FILE } }, .kind = P9_RENAME,
	      .old_path = "src/f", .new_path = "src/new");

FIXTURE_SETUP(p9_refer)
{
	if (!p9_start(_metadata, &self->env, P9S_HANDLE))
		SKIP(return, "9p is not supported");

	p9_mount(_metadata, &self->env, "cache=none");
	create_layout(_metadata, P9);
	create_layout(_metadata, LOCAL);
}

FIXTURE_TEARDOWN_PARENT(p9_refer)
{
	p9_finish(&self->env);
}

static int refer_op(struct __test_metadata *const _metadata,
		    const FIXTURE_VARIANT(p9_refer) *const variant,
		    const char *const root)
{
	const __u64 handled = variant->handled ?: ACCESS_HANDLED;
	struct p9_rule rules[MAX_RULES + 1] = {};
	int ruleset_fd, err;
	size_t i;

	for (i = 0; i < MAX_RULES && variant->rules[i].path; i++) {
		rules[i].path = p9_path(root, variant->rules[i].path);
		rules[i].access = variant->rules[i].access;
	}
	ruleset_fd = p9_ruleset(_metadata, handled, rules);
	p9_drop_caches(_metadata);
	err = p9_op_as(_metadata, 0, ruleset_fd, variant->kind,
		       p9_path(root, variant->old_path),
		       p9_path(root, variant->new_path));
	EXPECT_EQ(0, close(ruleset_fd));
	return err;
}

TEST_F(p9_refer, S12_verdict)
{
	const bool flags = variant->kind == P9_EXCHANGE ||
			   variant->kind == P9_NOREPLACE;
	int expected = variant->expected;

	EXPECT_EQ(expected, refer_op(_metadata, variant, LOCAL))
	{
		TH_LOG("The oracle is wrong");
	}
	if (!expected && flags)
		expected = EINVAL;
	EXPECT_EQ(expected, refer_op(_metadata, variant, P9));

	/* Nothing was done on the server if it was not allowed. */
	EXPECT_EQ(expected || variant->kind == P9_LINK,
		  p9s_exists(self->env.srv, variant->old_path));
	if (strcmp(variant->new_path, "dst/f") &&
	    strcmp(variant->new_path, "src/g"))
		EXPECT_EQ(!expected,
			  p9s_exists(self->env.srv, variant->new_path));
}

/* Control: without Landlock, 9p can do it (but for the flags). */
TEST_F(p9_refer, S12_control)
{
	const bool flags = variant->kind == P9_EXCHANGE ||
			   variant->kind == P9_NOREPLACE;

	EXPECT_EQ(0, p9_op_as(_metadata, 0, P9_NO_RULESET, variant->kind,
			      p9_path(LOCAL, variant->old_path),
			      p9_path(LOCAL, variant->new_path)));
	EXPECT_EQ(flags ? EINVAL : 0,
		  p9_op_as(_metadata, 0, P9_NO_RULESET, variant->kind,
			   p9_path(P9, variant->old_path),
			   p9_path(P9, variant->new_path)));
}

/* clang-format off */
FIXTURE(p9_tree) {
	/* clang-format on */
	struct p9_env env;
};

FIXTURE_VARIANT(p9_tree)
{
	const char *opts;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_tree, none) {
	/* clang-format on */
	.opts = "cache=none",
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_tree, loose) {
	/* clang-format on */
	.opts = "cache=loose",
};

FIXTURE_SETUP(p9_tree)
{
	if (!p9_start(_metadata, &self->env, P9S_HANDLE))
		SKIP(return, "9p is not supported");

	p9_mount(_metadata, &self->env, variant->opts);
	create_layout(_metadata, P9);
	create_layout(_metadata, LOCAL);
}

FIXTURE_TEARDOWN_PARENT(p9_tree)
{
	p9_finish(&self->env);
}

/* The directory was made by the server again, the guest renames over it. */
TEST_F(p9_tree, S12_rename_over_ruled_dir)
{
	int ruleset_fd;

	ASSERT_EQ(0, mkdir(P9 "/dst/empty", 0755));
	ruleset_fd = p9_allow(_metadata, P9 "/dst/empty", ACCESS_RO);
	P9_EXPECT(0, P9_NO_RULESET, P9_LIST, P9 "/dst/empty");
	ASSERT_EQ(0, rename(P9 "/src/dir", P9 "/dst/empty"));
	p9_drop_caches(_metadata);
	P9_EXPECT(EACCES, ruleset_fd, P9_LIST, P9 "/dst/empty");
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, P9 "/dst/empty/f");
	EXPECT_EQ(0, close(ruleset_fd));
}

/* The guest moves what is ruled. */
TEST_F(p9_tree, S12_rename_ruled)
{
	int ruleset_fd;

	ruleset_fd = p9_allow(_metadata, P9 "/src/dir", ACCESS_RO);
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, P9 "/src/dir/f");
	ASSERT_EQ(0, rename(P9 "/src/dir", P9 "/dst/moved"));
	ASSERT_EQ(0, rename(P9 "/dst/dir", P9 "/src/dir"));
	p9_drop_caches(_metadata);
	P9_EXPECT(0, ruleset_fd, P9_READ, P9 "/dst/moved/f");
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, P9 "/src/dir/f");
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, P9 "/dst/f");
	EXPECT_EQ(0, close(ruleset_fd));
}

/* Mounts: each helper does the same on 9p and on tmpfs. */

static void bind_subdir(struct __test_metadata *const _metadata,
			const char *const root)
{
	static const char bind[] = TMP_DIR "/bind";
	int ruleset_fd;

	ASSERT_EQ(0, mkdir(bind, 0755));
	set_cap(_metadata, CAP_SYS_ADMIN);
	ASSERT_EQ(0, mount(p9_path(root, "src"), bind, NULL, MS_BIND, NULL));
	clear_cap(_metadata, CAP_SYS_ADMIN);

	/* The rule is seen through the bind mount... */
	ruleset_fd = p9_allow(_metadata, p9_path(root, "src"), ACCESS_RO);
	p9_drop_caches(_metadata);
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, TMP_DIR "/bind/dir/f");
	P9_EXPECT(0, ruleset_fd, P9_READ, TMP_DIR "/bind/f");
	P9_EXPECT(0, ruleset_fd, P9_READ, TMP_DIR "/bind/dir/f");
	P9_EXPECT(0, ruleset_fd, P9_READ, p9_path(root, "src/f"));
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, p9_path(root, "dst/f"));
	EXPECT_EQ(0, close(ruleset_fd));

	/* ... and the other way round. */
	ruleset_fd = p9_allow(_metadata, TMP_DIR "/bind/dir", ACCESS_RO);
	p9_drop_caches(_metadata);
	P9_EXPECT(0, ruleset_fd, P9_READ, p9_path(root, "src/dir/f"));
	P9_EXPECT(0, ruleset_fd, P9_READ, TMP_DIR "/bind/dir/f");
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, p9_path(root, "src/f"));
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, TMP_DIR "/bind/f");
	EXPECT_EQ(0, close(ruleset_fd));

	/* A rule above the source is not above the bind mount. */
	ruleset_fd = p9_allow(_metadata, root, ACCESS_RO);
	P9_EXPECT(0, ruleset_fd, P9_READ, p9_path(root, "src/f"));
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, TMP_DIR "/bind/f");
	EXPECT_EQ(0, close(ruleset_fd));

	EXPECT_EQ(0, p9_umount(_metadata, bind, 0));
	EXPECT_EQ(0, rmdir(bind));
}

TEST_F(p9_tree, S14_bind_subdir)
{
	bind_subdir(_metadata, LOCAL);
	bind_subdir(_metadata, P9);
}

static void mount_on_top(struct __test_metadata *const _metadata,
			 const char *const root)
{
	const char *dir = p9_path(root, "src/dir");
	const struct p9_rule rules[] = {
		{ dir, ACCESS_RO },
		{},
	};
	int covered_fd, above_fd;

	covered_fd = p9_ruleset(_metadata, ACCESS_RO, rules);
	above_fd = p9_allow(_metadata, p9_path(root, "src"), ACCESS_RO);
	set_cap(_metadata, CAP_SYS_ADMIN);
	ASSERT_EQ(0, mount("tmpfs", dir, "tmpfs", 0, "size=1m,mode=755"));
	clear_cap(_metadata, CAP_SYS_ADMIN);
	ASSERT_EQ(0, p9_do(P9_CREATE, p9_path(root, "src/dir/f"), NULL));
	p9_drop_caches(_metadata);

	/* What is covered does not count, what is above does. */
	P9_EXPECT(EACCES, covered_fd, P9_READ, p9_path(root, "src/dir/f"));
	P9_EXPECT(EACCES, covered_fd, P9_READ, p9_path(root, "src/f"));
	P9_EXPECT(0, above_fd, P9_READ, p9_path(root, "src/dir/f"));
	P9_EXPECT(0, above_fd, P9_LIST, p9_path(root, "src/dir"));
	P9_EXPECT(EACCES, above_fd, P9_READ, p9_path(root, "dst/f"));

	dir = p9_path(root, "src/dir");
	EXPECT_EQ(0, p9_umount(_metadata, dir, 0));
	p9_drop_caches(_metadata);
	P9_EXPECT(0, covered_fd, P9_READ, p9_path(root, "src/dir/f"));
	EXPECT_EQ(0, close(covered_fd));
	EXPECT_EQ(0, close(above_fd));
}

TEST_F(p9_tree, S14_mount_on_top)
{
	mount_on_top(_metadata, LOCAL);
	mount_on_top(_metadata, P9);
}

/* Another 9p mount inside of the first one, with the same qid.paths. */
TEST_F(p9_tree, S14_9p_inside_9p)
{
	struct p9_server *const srv = self->env.srv;
	static const char inside[] = P9 "/dst/dir";
	int ruleset_fd, err;

	set_cap(_metadata, CAP_SYS_ADMIN);
	err = p9s_mount(srv, inside, variant->opts);
	clear_cap(_metadata, CAP_SYS_ADMIN);
	ASSERT_EQ(0, err);

	/* Rules do not cross mounts. */
	ruleset_fd = p9_allow(_metadata, P9 "/src", ACCESS_RO);
	p9_drop_caches(_metadata);
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, P9 "/dst/dir/src/f");
	P9_EXPECT(0, ruleset_fd, P9_READ, P9 "/src/f");
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, P9 "/dst/dir/src/f");
	EXPECT_EQ(0, close(ruleset_fd));

	/* A rule of the outer one is above all of the inner one. */
	ruleset_fd = p9_allow(_metadata, P9 "/dst", ACCESS_RO);
	p9_drop_caches(_metadata);
	P9_EXPECT(0, ruleset_fd, P9_READ, P9 "/dst/dir/src/f");
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, P9 "/src/f");
	EXPECT_EQ(0, close(ruleset_fd));

	/* A rule of the inner one. */
	ruleset_fd = p9_allow(_metadata, P9 "/dst/dir/src", ACCESS_RO);
	p9_drop_caches(_metadata);
	P9_EXPECT(0, ruleset_fd, P9_READ, P9 "/dst/dir/src/f");
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, P9 "/src/f");
	EXPECT_EQ(0, p9_umount(_metadata, inside, 0));
	EXPECT_EQ(0, close(ruleset_fd));
}

TEST_F(p9_tree, S14_mount_root_ruled)
{
	int ruleset_fd;

	P9_EXPECT(0, P9_NO_RULESET, P9_READ, LOCAL "/src/f");
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, P9 "/src/f");
	ruleset_fd = p9_allow(_metadata, P9, ACCESS_RO);
	p9_drop_caches(_metadata);
	P9_EXPECT(0, ruleset_fd, P9_LIST, P9);
	P9_EXPECT(0, ruleset_fd, P9_READ, P9 "/src/f");
	P9_EXPECT(0, ruleset_fd, P9_READ, P9 "/dst/dir/f");
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, LOCAL "/src/f");
	EXPECT_EQ(0, close(ruleset_fd));
}

/* overlayfs is judged by its own tree. */
TEST_F(p9_tree, S14_overlay_lower)
{
	static const char merged[] = TMP_DIR "/merged";
	int ruleset_fd, err;

	ASSERT_EQ(0, mkdir(merged, 0755));
	ASSERT_EQ(0, mkdir(TMP_DIR "/upper", 0755));
	ASSERT_EQ(0, mkdir(TMP_DIR "/work", 0755));
	set_cap(_metadata, CAP_SYS_ADMIN);
	/* The directory that overlayfs makes below the work directory. */
	set_cap(_metadata, CAP_DAC_OVERRIDE);
	err = mount("overlay", merged, "overlay", 0,
		    "lowerdir=" P9 ",upperdir=" TMP_DIR
		    "/upper,workdir=" TMP_DIR "/work") ?
		      errno :
		      0;
	clear_cap(_metadata, CAP_DAC_OVERRIDE);
	clear_cap(_metadata, CAP_SYS_ADMIN);
	if (err)
		SKIP(return, "overlayfs does not mount here: %s",
			   strerror(err));

	P9_EXPECT(0, P9_NO_RULESET, P9_READ, TMP_DIR "/merged/src/f");
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, TMP_DIR "/merged/dst/f");

	/* The rule on the layer is none on the merged tree. */
	ruleset_fd = p9_allow(_metadata, P9 "/src", ACCESS_RO);
	p9_drop_caches(_metadata);
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, TMP_DIR "/merged/src/f");
	P9_EXPECT(0, ruleset_fd, P9_READ, P9 "/src/f");
	EXPECT_EQ(0, close(ruleset_fd));

	ruleset_fd = p9_allow(_metadata, TMP_DIR "/merged/src", ACCESS_RO);
	P9_EXPECT(0, ruleset_fd, P9_READ, TMP_DIR "/merged/src/f");
	P9_EXPECT(0, ruleset_fd, P9_READ, TMP_DIR "/merged/src/dir/f");
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, TMP_DIR "/merged/dst/f");
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, P9 "/src/f");
	EXPECT_EQ(0, close(ruleset_fd));
	EXPECT_EQ(0, p9_umount(_metadata, merged, 0));
}

/* Layers */

/* Adds up to @max layers with rules on @paths, in turn, to a child. */
static int layers_op(struct __test_metadata *const _metadata,
		     const char *const *const paths, const size_t num_paths,
		     const int num_layers, const char *const path)
{
	int i, fds[LANDLOCK_MAX_NUM_LAYERS + 1], ret;
	pid_t pid;

	/* Each layer allows something here and something there. */
	for (i = 0; i < num_layers; i++) {
		const struct p9_rule rules[] = {
			{ p9_path(P9, paths[i % num_paths]), READ_FILE },
			{ p9_path(LOCAL, paths[(i + 1) % num_paths]),
			  READ_FILE },
			{},
		};

		fds[i] = p9_ruleset(_metadata, READ_FILE, rules);
	}
	p9_drop_caches(_metadata);

	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		alarm(20);
		for (i = 0; i < num_layers; i++) {
			if (!p9_restrict(fds[i]))
				_exit(errno == E2BIG ? E2BIG :
						       P9_CHILD_SANDBOX);
		}
		_exit(p9_do(P9_READ, path, NULL));
	}
	ret = p9_wait_child(pid);
	for (i = 0; i < num_layers; i++)
		EXPECT_EQ(0, close(fds[i]));
	return ret;
}

TEST_F(p9_tree, S21_layers)
{
	static const char *const paths[] = { "src", "src/dir", "src/dir/f",
					     "" };
	const size_t n = ARRAY_SIZE(paths);
	static const int nums[] = { 1, 2, 5, LANDLOCK_MAX_NUM_LAYERS };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(nums); i++) {
		/* Allowed by all layers. */
		EXPECT_EQ(0, layers_op(_metadata, paths, n, nums[i],
				       LOCAL "/src/dir/f"));
		EXPECT_EQ(0, layers_op(_metadata, paths, n, nums[i],
				       P9 "/src/dir/f"))
		{
			TH_LOG("%d layers", nums[i]);
		}
		/* Allowed by none, or by some only. */
		EXPECT_EQ(EACCES, layers_op(_metadata, paths, n - 1, nums[i],
					    LOCAL "/dst/f"));
		EXPECT_EQ(EACCES, layers_op(_metadata, paths, n - 1, nums[i],
					    P9 "/dst/f"));
		EXPECT_EQ(nums[i] == 1 ? 0 : EACCES,
			  layers_op(_metadata, paths, n, nums[i], P9 "/src/f"));
	}
	EXPECT_EQ(E2BIG,
		  layers_op(_metadata, paths, n, LANDLOCK_MAX_NUM_LAYERS + 1,
			    P9 "/src/dir/f"));
	EXPECT_LE(0, p9s_wait_open_fids(self->env.srv, 0));
}

TEST_HARNESS_MAIN
