// SPDX-License-Identifier: GPL-2.0-only
/*
 * v9fs tests - When a lookup gets an inode that already exists
 *
 * In uncached modes, a lookup of the same file by the same path
 * (inodeident=path), or of a file with the same qid (inodeident=qid), gets the
 * inode that something (here a mark of inotify) still uses.  Before this option
 * each lookup made a new inode: all reuses below fail then.
 */

#include "inodeident.h"

/*
 * Layout (on the server):
 *
 * /
 * ├── d
 * │   ├── f
 * │   └── sub
 * │       └── h
 * ├── e
 * │   └── f
 * └── f
 */
static const struct p9s_entry layout[] = {
	{ "d", S_IFDIR },     { "d/f", 0, "d f" },
	{ "d/sub", S_IFDIR }, { "d/sub/h", 0, "d sub h" },
	{ "e", S_IFDIR },     { "e/f", 0, "e f" },
	{ "f", 0, "f" },      {},
};

static const struct p9_behaviour server_dotu = {
	.name = "9p2000.u",
	.version = P9S_DOTU,
};

static const struct p9_behaviour server_legacy = {
	.name = "9p2000",
	.version = P9S_LEGACY,
};

FIXTURE(reuse)
{
	struct env env;
	/* Whether the server tells the generation of files */
	bool gen;
};

FIXTURE_VARIANT(reuse)
{
	const struct p9_behaviour *behaviour;
	const char *opts;
	/* Whether reuse needs the same path */
	bool path;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(reuse, path_default) {
	/* clang-format on */
	.behaviour = P9S_PATH_QEMU,
	.opts = "",
	.path = true,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(reuse, path_without_generation) {
	/* clang-format on */
	.behaviour = P9S_PATH_DIOD,
	.opts = "inodeident=path",
	.path = true,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(reuse, path_mmap_handle) {
	/* clang-format on */
	.behaviour = P9S_HANDLE,
	.opts = "inodeident=path,cache=mmap",
	.path = true,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(reuse, path_readahead_ganesha) {
	/* clang-format on */
	.behaviour = P9S_LIAR_GANESHA,
	.opts = "cache=readahead",
	.path = true,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(reuse, path_dotu) {
	/* clang-format on */
	.behaviour = &server_dotu,
	.opts = "cache=5",
	.path = true,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(reuse, path_legacy) {
	/* clang-format on */
	.behaviour = &server_legacy,
	.opts = "inodeident=path",
	.path = true,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(reuse, qid) {
	/* clang-format on */
	.behaviour = P9S_PATH_QEMU,
	.opts = "inodeident=qid",
};

/* clang-format off */
FIXTURE_VARIANT_ADD(reuse, qid_without_generation) {
	/* clang-format on */
	.behaviour = P9S_PATH_DIOD,
	.opts = "inodeident=qid,cache=mmap",
};

/* clang-format off */
FIXTURE_VARIANT_ADD(reuse, qid_dotu) {
	/* clang-format on */
	.behaviour = &server_dotu,
	.opts = "inodeident=qid",
};

/* clang-format off */
FIXTURE_VARIANT_ADD(reuse, qid_legacy) {
	/* clang-format on */
	.behaviour = &server_legacy,
	.opts = "cache=readahead,inodeident=qid",
};

FIXTURE_SETUP(reuse)
{
	if (!env_start(_metadata, &self->env, variant->behaviour))
		SKIP(return, "needs root and 9p");

	self->gen = variant->behaviour->generation == P9S_GEN_VALID;
	ASSERT_EQ(0, p9s_build(self->env.srv, layout));
	ASSERT_EQ(0, p9s_mount(self->env.srv, P9, variant->opts));
}

FIXTURE_TEARDOWN(reuse)
{
	env_finish(_metadata, &self->env);
}

TEST_F(reuse, same_path_same_qid)
{
	const int file = mark(_metadata, &self->env, P9 "/d/sub/h");
	const int dir = mark(_metadata, &self->env, P9 "/d");

	EXPECT_TRUE(is_marked(_metadata, &self->env, P9 "/d/sub/h", file));
	EXPECT_TRUE(is_marked(_metadata, &self->env, P9 "/d", dir));
	EXPECT_FALSE(is_marked(_metadata, &self->env, P9 "/d/f", file));
	EXPECT_FALSE(is_marked(_metadata, &self->env, P9 "/e", dir));
}

/* The version of the qid is not the file. */
TEST_F(reuse, new_version)
{
	const int file = mark(_metadata, &self->env, P9 "/d/f");
	const int dir = mark(_metadata, &self->env, P9 "/d");

	ASSERT_EQ(0, p9s_rewrite(self->env.srv, "d/f", "longer content"));
	ASSERT_EQ(0, p9s_create(self->env.srv, "d/new", "new"));
	EXPECT_TRUE(is_marked(_metadata, &self->env, P9 "/d/f", file));
	EXPECT_TRUE(is_marked(_metadata, &self->env, P9 "/d", dir));
}

/* Attributes come with the lookup. */
TEST_F(reuse, new_attributes)
{
	const int file = mark(_metadata, &self->env, P9 "/d/f");

	ASSERT_EQ(0, p9s_chmod(self->env.srv, "d/f", 0400));
	EXPECT_TRUE(is_marked(_metadata, &self->env, P9 "/d/f", file));

	ASSERT_EQ(0, p9s_chmod(self->env.srv, "d/f", 0644));
	if (variant->behaviour->version == P9S_DOTL)
		ASSERT_EQ(0, p9s_chown(self->env.srv, "d/f", 1234, 1234));
	ASSERT_EQ(0, seteuid(1234));
	/* Whatever the open gets from the server. */
	touch(P9 "/d/f");
	EXPECT_EQ(0, access(P9 "/d/f", R_OK));
	ASSERT_EQ(0, seteuid(0));
}

TEST_F(reuse, same_path_new_qid)
{
	const int file = mark(_metadata, &self->env, P9 "/d/f");
	const int dir = mark(_metadata, &self->env, P9 "/e");

	ASSERT_EQ(0, p9s_replace(self->env.srv, "d/f", "other"));
	ASSERT_EQ(0, p9s_replace(self->env.srv, "e", NULL));
	EXPECT_FALSE(is_marked(_metadata, &self->env, P9 "/d/f", file));
	EXPECT_FALSE(is_marked(_metadata, &self->env, P9 "/e", dir));
}

TEST_F(reuse, server_move)
{
	const int file = mark(_metadata, &self->env, P9 "/d/f");
	const int dir = mark(_metadata, &self->env, P9 "/d/sub");

	ASSERT_EQ(0, p9s_move(self->env.srv, "d/f", "e/g"));
	ASSERT_EQ(0, p9s_move(self->env.srv, "d/sub", "e/sub"));
	EXPECT_EQ(!variant->path,
		  is_marked(_metadata, &self->env, P9 "/e/g", file));
	EXPECT_EQ(!variant->path,
		  is_marked(_metadata, &self->env, P9 "/e/sub", dir));
	EXPECT_EQ(ENOENT, touch(P9 "/d/f"));
}

TEST_F(reuse, server_hardlink)
{
	const int file = mark(_metadata, &self->env, P9 "/d/f");

	ASSERT_EQ(0, p9s_link(self->env.srv, "d/f", "e/g"));
	EXPECT_EQ(!variant->path,
		  is_marked(_metadata, &self->env, P9 "/e/g", file));
	EXPECT_TRUE(is_marked(_metadata, &self->env, P9 "/d/f", file));
}

/* The number of a deleted file goes to another file, at another path. */
TEST_F(reuse, recycled_other_path)
{
	const uint64_t qid_path = p9s_qid_path(self->env.srv, "d/f");
	const int file = mark(_metadata, &self->env, P9 "/d/f");

	ASSERT_EQ(0, p9s_remove(self->env.srv, "d/f"));
	ASSERT_EQ(0, p9s_recycle(self->env.srv, qid_path));
	ASSERT_EQ(0, p9s_create(self->env.srv, "e/g", "other"));
	ASSERT_EQ(qid_path, p9s_qid_path(self->env.srv, "e/g"));
	EXPECT_EQ(!variant->path && !self->gen,
		  is_marked(_metadata, &self->env, P9 "/e/g", file));
}

/* The same at the same path: only a generation tells. */
TEST_F(reuse, recycled_same_path)
{
	const uint64_t qid_path = p9s_qid_path(self->env.srv, "d/f");
	const int file = mark(_metadata, &self->env, P9 "/d/f");

	ASSERT_EQ(0, p9s_remove(self->env.srv, "d/f"));
	ASSERT_EQ(0, p9s_recycle(self->env.srv, qid_path));
	ASSERT_EQ(0, p9s_create(self->env.srv, "d/f", "other"));
	ASSERT_EQ(qid_path, p9s_qid_path(self->env.srv, "d/f"));
	EXPECT_EQ(!self->gen,
		  is_marked(_metadata, &self->env, P9 "/d/f", file));
}

/* The same, once the client saw another file there. */
TEST_F(reuse, recycled_same_path_other)
{
	const uint64_t qid_path = p9s_qid_path(self->env.srv, "d/f");
	const uint64_t dir_path = p9s_qid_path(self->env.srv, "d/sub");
	const int file = mark(_metadata, &self->env, P9 "/d/f");
	const int dir = mark(_metadata, &self->env, P9 "/d/sub");
	const int below = mark(_metadata, &self->env, P9 "/d/sub/h");

	ASSERT_EQ(0, p9s_replace(self->env.srv, "d/f", "second"));
	EXPECT_FALSE(is_marked(_metadata, &self->env, P9 "/d/f", file));
	drop_caches(_metadata);
	ASSERT_EQ(0, p9s_remove(self->env.srv, "d/f"));
	ASSERT_EQ(0, p9s_recycle(self->env.srv, qid_path));
	ASSERT_EQ(0, p9s_create(self->env.srv, "d/f", "third"));
	EXPECT_EQ(!variant->path && !self->gen,
		  is_marked(_metadata, &self->env, P9 "/d/f", file));

	/* What is below another directory is elsewhere. */
	ASSERT_EQ(0, p9s_move(self->env.srv, "d/sub", "e/sub2"));
	ASSERT_EQ(0, p9s_mkdir(self->env.srv, "d/sub"));
	EXPECT_FALSE(is_marked(_metadata, &self->env, P9 "/d/sub", dir));
	drop_caches(_metadata);
	ASSERT_EQ(0, p9s_link(self->env.srv, "e/sub2/h", "d/sub/h"));
	EXPECT_EQ(!variant->path,
		  is_marked(_metadata, &self->env, P9 "/d/sub/h", below));
	ASSERT_NE(dir_path, p9s_qid_path(self->env.srv, "d/sub"));
}

/* The same, once the client saw that the name is gone. */
TEST_F(reuse, recycled_same_path_seen)
{
	const uint64_t qid_path = p9s_qid_path(self->env.srv, "d/f");
	const int file = mark(_metadata, &self->env, P9 "/d/f");

	ASSERT_EQ(0, p9s_remove(self->env.srv, "d/f"));
	ASSERT_EQ(ENOENT, touch(P9 "/d/f"));
	ASSERT_EQ(0, p9s_recycle(self->env.srv, qid_path));
	ASSERT_EQ(0, p9s_create(self->env.srv, "d/f", "other"));
	EXPECT_EQ(!variant->path && !self->gen,
		  is_marked(_metadata, &self->env, P9 "/d/f", file));
}

/* The same, created by this client. */
TEST_F(reuse, recycled_by_create)
{
	const uint64_t file_qid = p9s_qid_path(self->env.srv, "d/f");
	const uint64_t dir_qid = p9s_qid_path(self->env.srv, "d/sub");
	const int file = mark(_metadata, &self->env, P9 "/d/f");
	const int dir = mark(_metadata, &self->env, P9 "/d/sub");
	int fd, other;

	ASSERT_EQ(0, p9s_remove(self->env.srv, "d/f"));
	ASSERT_EQ(0, p9s_recycle(self->env.srv, file_qid));
	fd = open(P9 "/d/f", O_CREAT | O_RDWR | O_CLOEXEC, 0644);
	ASSERT_LE(0, fd);
	ASSERT_EQ(file_qid, p9s_qid_path(self->env.srv, "d/f"));
	other = mark(_metadata, &self->env, P9 "/d/f");
	EXPECT_NE(file, other);
	ASSERT_EQ(0, close(fd));
	EXPECT_TRUE(is_marked(_metadata, &self->env, P9 "/d/f", other));

	ASSERT_EQ(0, p9s_remove(self->env.srv, "d/sub"));
	ASSERT_EQ(0, p9s_recycle(self->env.srv, dir_qid));
	ASSERT_EQ(0, mkdir(P9 "/d/sub", 0755));
	ASSERT_EQ(dir_qid, p9s_qid_path(self->env.srv, "d/sub"));
	EXPECT_FALSE(is_marked(_metadata, &self->env, P9 "/d/sub", dir));
}

TEST_F(reuse, generation_contradicts)
{
	const int file = mark(_metadata, &self->env, P9 "/d/f");

	if (!self->gen)
		SKIP(return, "no generation");

	ASSERT_EQ(0, p9s_set_generation(self->env.srv, "d/f", 0x12345678));
	EXPECT_FALSE(is_marked(_metadata, &self->env, P9 "/d/f", file));
}

/* Whoever can hide the generation must not lend its identity. */
TEST_F(reuse, generation_lost)
{
	struct p9_behaviour behaviour = *variant->behaviour;
	const int file = mark(_metadata, &self->env, P9 "/d/f");
	int other;

	if (!self->gen)
		SKIP(return, "no generation");

	behaviour.generation = P9S_GEN_NONE;
	ASSERT_EQ(0, p9s_set_behaviour(self->env.srv, &behaviour));
	other = mark(_metadata, &self->env, P9 "/d/f");
	EXPECT_NE(file, other);

	ASSERT_EQ(0, p9s_set_behaviour(self->env.srv, variant->behaviour));
	EXPECT_TRUE(is_marked(_metadata, &self->env, P9 "/d/f", file));
	EXPECT_FALSE(is_marked(_metadata, &self->env, P9 "/d/f", other));
}

TEST_F(reuse, type_changed)
{
	const uint64_t qid_path = p9s_qid_path(self->env.srv, "d/f");
	const int file = mark(_metadata, &self->env, P9 "/d/f");

	ASSERT_EQ(0, p9s_remove(self->env.srv, "d/f"));
	ASSERT_EQ(0, p9s_recycle(self->env.srv, qid_path));
	ASSERT_EQ(0, p9s_mkdir(self->env.srv, "d/f"));
	ASSERT_EQ(qid_path, p9s_qid_path(self->env.srv, "d/f"));
	EXPECT_FALSE(is_marked(_metadata, &self->env, P9 "/d/f", file));
}

TEST_F(reuse, device_changed)
{
	uint64_t qid_path;
	int file;

	if (variant->behaviour->version == P9S_LEGACY)
		SKIP(return, "no device files");

	ASSERT_EQ(0, p9s_mknod(self->env.srv, "c", S_IFCHR | 0644, 0x103));
	qid_path = p9s_qid_path(self->env.srv, "c");
	file = mark(_metadata, &self->env, P9 "/c");
	EXPECT_TRUE(is_marked(_metadata, &self->env, P9 "/c", file));

	ASSERT_EQ(0, p9s_remove(self->env.srv, "c"));
	ASSERT_EQ(0, p9s_recycle(self->env.srv, qid_path));
	ASSERT_EQ(0, p9s_mknod(self->env.srv, "c", S_IFCHR | 0644, 0x105));
	EXPECT_FALSE(is_marked(_metadata, &self->env, P9 "/c", file));
}

TEST_F(reuse, client_rename_file)
{
	static const char name[] = P9
		"/e/"
		"a-name-that-is-too-long-for-the-storage-of-short-names-"
		"in-paths-which-has-72-bytes";
	const int file = mark(_metadata, &self->env, P9 "/d/f");

	ASSERT_EQ(0, rename(P9 "/d/f", P9 "/d/g"));
	drop_caches(_metadata);
	EXPECT_TRUE(is_marked(_metadata, &self->env, P9 "/d/g", file));
	if (variant->behaviour->version != P9S_DOTL)
		return;

	ASSERT_EQ(0, rename(P9 "/d/g", name));
	drop_caches(_metadata);
	EXPECT_TRUE(is_marked(_metadata, &self->env, name, file));

	/* Another file at the old name */
	ASSERT_EQ(0, p9s_create(self->env.srv, "d/f", "other"));
	EXPECT_FALSE(is_marked(_metadata, &self->env, P9 "/d/f", file));

	ASSERT_EQ(0, rename(name, P9 "/f"));
	drop_caches(_metadata);
	EXPECT_TRUE(is_marked(_metadata, &self->env, P9 "/f", file));
}

/* With marked (but forgotten), open, and watched children. */
TEST_F(reuse, client_rename_dir)
{
	const int dir = mark(_metadata, &self->env, P9 "/d");
	const int sub = mark(_metadata, &self->env, P9 "/d/sub");
	const int file = mark(_metadata, &self->env, P9 "/d/sub/h");
	const int open_file = mark(_metadata, &self->env, P9 "/d/f");
	const int fd = open(P9 "/d/f", O_RDONLY | O_CLOEXEC);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, rename(P9 "/d", P9 "/dd"));
	drop_caches(_metadata);
	EXPECT_TRUE(is_marked(_metadata, &self->env, P9 "/dd", dir));
	EXPECT_TRUE(is_marked(_metadata, &self->env, P9 "/dd/sub", sub));
	EXPECT_TRUE(is_marked(_metadata, &self->env, P9 "/dd/sub/h", file));
	EXPECT_TRUE(is_marked(_metadata, &self->env, P9 "/dd/f", open_file));
	ASSERT_EQ(0, close(fd));
	drop_caches(_metadata);
	EXPECT_TRUE(is_marked(_metadata, &self->env, P9 "/dd/f", open_file));

	/* The old paths are others. */
	ASSERT_EQ(0, p9s_mkdir(self->env.srv, "d"));
	ASSERT_EQ(0, p9s_link(self->env.srv, "dd/f", "d/f"));
	EXPECT_FALSE(is_marked(_metadata, &self->env, P9 "/d", dir));
	EXPECT_EQ(!variant->path,
		  is_marked(_metadata, &self->env, P9 "/d/f", open_file));

	if (variant->behaviour->version != P9S_DOTL)
		return;

	ASSERT_EQ(0, rename(P9 "/dd/sub", P9 "/e/sub"));
	drop_caches(_metadata);
	EXPECT_TRUE(is_marked(_metadata, &self->env, P9 "/e/sub", sub));
	EXPECT_TRUE(is_marked(_metadata, &self->env, P9 "/e/sub/h", file));
}

TEST_F(reuse, client_rename_over)
{
	const int src = mark(_metadata, &self->env, P9 "/d/f");
	const int dst = mark(_metadata, &self->env, P9 "/e/f");

	if (variant->behaviour->version != P9S_DOTL)
		SKIP(return, "cannot rename to another directory");

	ASSERT_EQ(0, rename(P9 "/d/f", P9 "/e/f"));
	drop_caches(_metadata);
	EXPECT_TRUE(is_marked(_metadata, &self->env, P9 "/e/f", src));
	EXPECT_FALSE(is_marked(_metadata, &self->env, P9 "/e/f", dst));
	EXPECT_EQ(ENOENT, touch(P9 "/d/f"));
}

TEST_F(reuse, client_unlink_create)
{
	const int file = mark(_metadata, &self->env, P9 "/d/f");
	const int dir = mark(_metadata, &self->env, P9 "/d/sub");
	int fd;

	ASSERT_EQ(0, unlink(P9 "/d/f"));
	fd = open(P9 "/d/f", O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0644);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, close(fd));
	EXPECT_FALSE(is_marked(_metadata, &self->env, P9 "/d/f", file));

	ASSERT_EQ(0, unlink(P9 "/d/sub/h"));
	ASSERT_EQ(0, rmdir(P9 "/d/sub"));
	ASSERT_EQ(0, mkdir(P9 "/d/sub", 0755));
	EXPECT_FALSE(is_marked(_metadata, &self->env, P9 "/d/sub", dir));
}

/* The number of a file that this client removed goes to another one. */
TEST_F(reuse, client_unlink_recycled)
{
	const uint64_t qid_path = p9s_qid_path(self->env.srv, "d/f");
	const int file = mark(_metadata, &self->env, P9 "/d/f");

	ASSERT_EQ(0, unlink(P9 "/d/f"));
	ASSERT_EQ(0, p9s_recycle(self->env.srv, qid_path));
	ASSERT_EQ(0, p9s_create(self->env.srv, "d/f", "other"));
	EXPECT_FALSE(is_marked(_metadata, &self->env, P9 "/d/f", file));
}

/* An inode that is made by a create is found by the next lookup. */
TEST_F(reuse, client_create)
{
	int fd, file, dir;

	fd = open(P9 "/d/new", O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0644);
	ASSERT_LE(0, fd);
	file = mark(_metadata, &self->env, P9 "/d/new");
	ASSERT_EQ(0, close(fd));
	drop_caches(_metadata);
	EXPECT_TRUE(is_marked(_metadata, &self->env, P9 "/d/new", file));

	ASSERT_EQ(0, mkdir(P9 "/d/dir", 0755));
	dir = mark(_metadata, &self->env, P9 "/d/dir");
	EXPECT_TRUE(is_marked(_metadata, &self->env, P9 "/d/dir", dir));

	if (variant->behaviour->version != P9S_DOTL)
		return;

	ASSERT_EQ(0, symlink("f", P9 "/d/link"));
	file = mark(_metadata, &self->env, P9 "/d/link");
	EXPECT_TRUE(is_marked(_metadata, &self->env, P9 "/d/link", file));
	ASSERT_EQ(0, mkfifo(P9 "/d/fifo", 0644));
	file = mark(_metadata, &self->env, P9 "/d/fifo");
	/* Its number alone must not lead to who has it open. */
	EXPECT_EQ(variant->path,
		  is_marked(_metadata, &self->env, P9 "/d/fifo", file));
}

TEST_F(reuse, client_hardlink)
{
	const int file = mark(_metadata, &self->env, P9 "/d/f");

	if (variant->behaviour->version != P9S_DOTL)
		SKIP(return, "no hard links");

	ASSERT_EQ(0, link(P9 "/d/f", P9 "/e/g"));
	drop_caches(_metadata);
	EXPECT_EQ(!variant->path,
		  is_marked(_metadata, &self->env, P9 "/e/g", file));
	EXPECT_TRUE(is_marked(_metadata, &self->env, P9 "/d/f", file));

	ASSERT_EQ(0, rename(P9 "/e/g", P9 "/g"));
	ASSERT_EQ(0, unlink(P9 "/d/f"));
	drop_caches(_metadata);
	EXPECT_EQ(!variant->path,
		  is_marked(_metadata, &self->env, P9 "/g", file));
}

/*
 * A directory has one dentry.  If it is held, it does not move to the new name:
 * the fids of what is below it may name other files by now.
 */
TEST_F(reuse, directory_alias)
{
	const int dir = mark(_metadata, &self->env, P9 "/d/sub");
	const int file = mark(_metadata, &self->env, P9 "/d/sub/h");
	const int fd = open(P9 "/d/sub", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const int fd2 = open(P9 "/d/sub/h", O_PATH | O_CLOEXEC);
	char link[64], target[256] = {}, buf[16] = {};
	int fd3;

	ASSERT_LE(0, fd);
	ASSERT_LE(0, fd2);
	ASSERT_EQ(0, p9s_move(self->env.srv, "d/sub", "e/sub2"));
	ASSERT_EQ(0, p9s_mkdir(self->env.srv, "d/sub"));
	ASSERT_EQ(0, p9s_create(self->env.srv, "d/sub/h", "another"));
	EXPECT_FALSE(is_marked(_metadata, &self->env, P9 "/e/sub2", dir));
	EXPECT_EQ(!variant->path,
		  is_marked(_metadata, &self->env, P9 "/e/sub2/h", file));

	fd3 = open(P9 "/e/sub2/h", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd3);
	EXPECT_EQ(7, read(fd3, buf, sizeof(buf)));
	EXPECT_STREQ("d sub h", buf);
	ASSERT_EQ(0, close(fd3));

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ASSERT_LT(0, readlink(link, target, sizeof(target) - 1));
	EXPECT_NE(NULL, strstr(target, "/d/sub"));
	ASSERT_EQ(0, close(fd2));
	ASSERT_EQ(0, close(fd));
	drop_caches(_metadata);
	EXPECT_EQ(!variant->path,
		  is_marked(_metadata, &self->env, P9 "/e/sub2", dir));
}

/*
 * Who has an open fid by another name does not get it for this name, which may
 * be the only one that still leads to the file.
 */
TEST_F(reuse, open_by_other_name)
{
	const uid_t user = 1234;
	char link[64];
	struct stat st;
	int fd, fd2;

	if (variant->behaviour->version != P9S_DOTL)
		SKIP(return, "no users");

	ASSERT_EQ(0, p9s_link(self->env.srv, "d/f", "e/g"));
	ASSERT_EQ(0, p9s_chown(self->env.srv, "d/f", user, user));
	/* The dentry only gets a fid of root. */
	fd = open(P9 "/e/g", O_PATH | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, seteuid(user));
	fd2 = open(P9 "/d/f", O_RDONLY | O_CLOEXEC);
	EXPECT_LE(0, fd2);
	EXPECT_EQ(0, p9s_replace(self->env.srv, "d/f", "another"));
	EXPECT_EQ(0, p9s_chown(self->env.srv, "d/f", user, user));
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	EXPECT_EQ(0, chmod(link, 0600));
	ASSERT_EQ(0, seteuid(0));
	ASSERT_EQ(0, close(fd2));
	ASSERT_EQ(0, close(fd));
	drop_caches(_metadata);
	ASSERT_EQ(0, stat(P9 "/e/g", &st));
	EXPECT_EQ(0600, st.st_mode & 0777);
	ASSERT_EQ(0, stat(P9 "/d/f", &st));
	EXPECT_EQ(0644, st.st_mode & 0777);
}

/*
 * Two filesystems in one export, which have the same numbers (2024): one must
 * not show the content of the other.
 */
TEST_F(reuse, collision)
{
	char buf[16] = {};
	int fd, dir;

	ASSERT_EQ(0, p9s_collide(self->env.srv, "e", "d"));
	ASSERT_EQ(0, p9s_collide(self->env.srv, "e/f", "d/f"));
	if (!variant->path && !self->gen)
		SKIP(return, "needs unique qids");

	dir = open(P9 "/d", O_PATH | O_DIRECTORY | O_CLOEXEC);
	ASSERT_LE(0, dir);
	mark(_metadata, &self->env, P9 "/d/f");
	fd = open(P9 "/e/f", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(3, read(fd, buf, sizeof(buf)));
	EXPECT_STREQ("e f", buf);
	ASSERT_EQ(0, close(fd));
	EXPECT_EQ(ENOENT, touch(P9 "/e/sub/h"));
	ASSERT_EQ(0, close(dir));
}

/* Each mount has its own inodes; the other one is as a move on the server. */
TEST_F(reuse, two_mounts)
{
	const int file = mark(_metadata, &self->env, P9 "/d/f");

	ASSERT_EQ(0, p9s_mount(self->env.srv, P9_2, variant->opts));
	EXPECT_FALSE(is_marked(_metadata, &self->env, P9_2 "/d/f", file));
	ASSERT_EQ(0, rename(P9_2 "/d/f", P9_2 "/d/g"));
	EXPECT_EQ(!variant->path,
		  is_marked(_metadata, &self->env, P9 "/d/g", file));
	ASSERT_EQ(0, rename(P9_2 "/d/g", P9_2 "/d/f"));
	EXPECT_TRUE(is_marked(_metadata, &self->env, P9 "/d/f", file));
	EXPECT_EQ(0, umount(P9_2));
}

/* The root is always there. */
TEST_F(reuse, root)
{
	const int root = mark(_metadata, &self->env, P9);

	EXPECT_TRUE(is_marked(_metadata, &self->env, P9, root));
	EXPECT_TRUE(is_marked(_metadata, &self->env, P9 "/d/..", root));
}

TEST_HARNESS_MAIN
