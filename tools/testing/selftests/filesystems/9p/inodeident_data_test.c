// SPDX-License-Identifier: GPL-2.0-only
/*
 * v9fs tests - Content of inodes that are reused
 *
 * An inode that a mark keeps may have pages and sizes from before the server
 * changed the file.  What the next open shows must be as if the inode was new:
 * no zeros where the file grew, no page past the end where it shrank, nothing
 * of the old version; and what a writer has not flushed yet must stay.
 */

#include <sys/mman.h>
#include <sys/wait.h>

#include "inodeident.h"

/* Content that spans several pages, without any zero */
#define LARGE_SIZE 20000
#define PAGE 4096

FIXTURE(data)
{
	struct env env;
	char large[LARGE_SIZE + 1];
	char buf[LARGE_SIZE * 2];
};

FIXTURE_VARIANT(data)
{
	const struct p9_behaviour *behaviour;
	const char *opts;
	bool qid;
};

static const struct p9_behaviour server_dotu = {
	.name = "9p2000.u",
	.version = P9S_DOTU,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(data, none) {
	/* clang-format on */
	.behaviour = P9S_HANDLE,
	.opts = "cache=none",
};

/* clang-format off */
FIXTURE_VARIANT_ADD(data, readahead) {
	/* clang-format on */
	.behaviour = P9S_HANDLE,
	.opts = "cache=readahead",
};

/* clang-format off */
FIXTURE_VARIANT_ADD(data, mmap) {
	/* clang-format on */
	.behaviour = P9S_HANDLE,
	.opts = "cache=mmap",
};

/* A server whose versions say nothing, but a client that caches */
/* clang-format off */
FIXTURE_VARIANT_ADD(data, mmap_ignoreqv) {
	/* clang-format on */
	.behaviour = P9S_PATH_DIOD,
	.opts = "cache=mmap,ignoreqv",
};

/* clang-format off */
FIXTURE_VARIANT_ADD(data, readahead_dotu) {
	/* clang-format on */
	.behaviour = &server_dotu,
	.opts = "cache=readahead,inodeident=qid",
	.qid = true,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(data, none_qid) {
	/* clang-format on */
	.behaviour = P9S_HANDLE,
	.opts = "inodeident=qid",
	.qid = true,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(data, mmap_qid) {
	/* clang-format on */
	.behaviour = P9S_HANDLE,
	.opts = "cache=mmap,inodeident=qid",
	.qid = true,
};

FIXTURE_SETUP(data)
{
	size_t i;

	if (!env_start(_metadata, &self->env, variant->behaviour))
		SKIP(return, "needs root and 9p");

	for (i = 0; i < LARGE_SIZE; i++)
		self->large[i] = 'a' + i / 7 % 26;
	ASSERT_EQ(0, p9s_create(self->env.srv, "f", "small"));
	ASSERT_EQ(0, p9s_link(self->env.srv, "f", "g"));
	ASSERT_EQ(0, p9s_mount(self->env.srv, P9, variant->opts));
}

FIXTURE_TEARDOWN(data)
{
	env_finish(_metadata, &self->env);
}

/* A control message of the server is too short for it. */
static void rewrite_large(struct __test_metadata *const _metadata,
			  FIXTURE_DATA(data) *const self)
{
	size_t pos;

	ASSERT_EQ(0, p9s_rewrite(self->env.srv, "f", ""));
	for (pos = 0; pos < LARGE_SIZE; pos += LARGE_SIZE / 10)
		ASSERT_EQ(LARGE_SIZE / 10,
			  p9s_write(self->env.srv, "f", self->large + pos,
				    LARGE_SIZE / 10, pos));
}

static void check_server(struct __test_metadata *const _metadata,
			 FIXTURE_DATA(data) *const self)
{
	size_t pos;

	for (pos = 0; pos < LARGE_SIZE; pos += LARGE_SIZE / 10) {
		ASSERT_EQ(LARGE_SIZE / 10,
			  p9s_read(self->env.srv, "f", self->buf + pos,
				   LARGE_SIZE / 10, pos));
	}
	EXPECT_EQ(0, memcmp(self->large, self->buf, LARGE_SIZE));
}

/* Checks the content by read(2), stat(2) and mmap(2). */
static void check_content(struct __test_metadata *const _metadata,
			  FIXTURE_DATA(data) *const self,
			  const char *const path, const char *const expected)
{
	const size_t len = strlen(expected);
	const size_t map_len = (len + PAGE - 1) / PAGE * PAGE;
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	size_t i;
	char *map;

	ASSERT_LE(0, fd);
	map = mmap(NULL, map_len, PROT_READ, MAP_PRIVATE, fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(0, memcmp(expected, map, len));
	for (i = len; i < map_len; i++)
		ASSERT_EQ(0, map[i]);
	ASSERT_EQ(0, munmap(map, map_len));

	ASSERT_EQ(0, fstat(fd, &st));
	EXPECT_EQ(len, st.st_size);
	EXPECT_EQ(len, pread(fd, self->buf, sizeof(self->buf), 0));
	EXPECT_EQ(0, memcmp(expected, self->buf, len));
	ASSERT_EQ(0, close(fd));
}

/* As fixture wants: the path under which the inode is used again */
#define F P9 "/f"
#define G P9 "/g"

TEST_F(data, grown)
{
	const int wd = mark(_metadata, &self->env, F);

	check_content(_metadata, self, F, "small");
	rewrite_large(_metadata, self);
	check_content(_metadata, self, F, self->large);
	EXPECT_TRUE(is_marked(_metadata, &self->env, F, wd));
}

TEST_F(data, appended)
{
	const int wd = mark(_metadata, &self->env, F);

	check_content(_metadata, self, F, "small");
	ASSERT_EQ(5, p9s_write(self->env.srv, "f", " tail", 5, 5));
	check_content(_metadata, self, F, "small tail");
	EXPECT_TRUE(is_marked(_metadata, &self->env, F, wd));
}

TEST_F(data, shrunk)
{
	const int wd = mark(_metadata, &self->env, F);
	int fd, status;
	pid_t child;
	char *map;

	rewrite_large(_metadata, self);
	check_content(_metadata, self, F, self->large);
	ASSERT_EQ(0, p9s_rewrite(self->env.srv, "f", "short"));
	check_content(_metadata, self, F, "short");
	EXPECT_TRUE(is_marked(_metadata, &self->env, F, wd));

	/* No page past the end */
	fd = open(F, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	map = mmap(NULL, LARGE_SIZE, PROT_READ, MAP_PRIVATE, fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	child = fork();
	ASSERT_LE(0, child);
	if (child == 0)
		_exit(((volatile char *)map)[PAGE]);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGBUS, WTERMSIG(status));
	ASSERT_EQ(0, munmap(map, LARGE_SIZE));
	ASSERT_EQ(0, close(fd));
}

TEST_F(data, shrunk_then_grown)
{
	mark(_metadata, &self->env, F);
	rewrite_large(_metadata, self);
	check_content(_metadata, self, F, self->large);
	ASSERT_EQ(0, truncate(F, 3));
	check_content(_metadata, self, F,
		      (char[]){ self->large[0], self->large[1], self->large[2],
				'\0' });
	rewrite_large(_metadata, self);
	check_content(_metadata, self, F, self->large);
}

TEST_F(data, same_size)
{
	const int wd = mark(_metadata, &self->env, F);

	check_content(_metadata, self, F, "small");
	ASSERT_EQ(0, p9s_rewrite(self->env.srv, "f", "SMALL"));
	check_content(_metadata, self, F, "SMALL");
	EXPECT_TRUE(is_marked(_metadata, &self->env, F, wd));
}

/* What this client appends goes after what the server appended. */
TEST_F(data, append_after_append)
{
	int fd;

	mark(_metadata, &self->env, F);
	check_content(_metadata, self, F, "small");
	ASSERT_EQ(5, p9s_write(self->env.srv, "f", " tail", 5, 5));
	fd = open(F, O_WRONLY | O_APPEND | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(4, write(fd, " end", 4));
	ASSERT_EQ(0, close(fd));
	EXPECT_TRUE(p9s_content_is(self->env.srv, "f", "small tail end"));
	check_content(_metadata, self, F, "small tail end");
}

/* A lookup by another name while the tail is only in the page cache */
TEST_F(data, unflushed_tail)
{
	const int fd = open(F, O_RDWR | O_CLOEXEC);
	char buf[32] = {};
	int fd2;

	ASSERT_LE(0, fd);
	ASSERT_EQ(5, pwrite(fd, " tail", 5, 5));
	fd2 = open(G, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd2);
	EXPECT_EQ(10, lseek(fd, 0, SEEK_END));
	EXPECT_EQ(10, pread(fd, buf, sizeof(buf), 0));
	EXPECT_STREQ("small tail", buf);
	if (variant->qid) {
		memset(buf, 0, sizeof(buf));
		EXPECT_EQ(10, pread(fd2, buf, sizeof(buf), 0));
		EXPECT_STREQ("small tail", buf);
	}
	ASSERT_EQ(0, close(fd2));
	EXPECT_EQ(4, pwrite(fd, " end", 4, 10));
	ASSERT_EQ(0, close(fd));
	EXPECT_TRUE(p9s_content_is(self->env.srv, "f", "small tail end"));
	check_content(_metadata, self, F, "small tail end");
	check_content(_metadata, self, G, "small tail end");
}

static void grow_unflushed(struct __test_metadata *const _metadata,
			   FIXTURE_DATA(data) *const self, const bool read)
{
	const int fd = open(F, O_RDWR | O_CLOEXEC);

	ASSERT_LE(0, fd);
	if (read)
		ASSERT_EQ(5, pread(fd, self->buf, sizeof(self->buf), 0));
	ASSERT_EQ(5, pwrite(fd, "LOCAL", 5, 0));
	ASSERT_EQ(5, p9s_write(self->env.srv, "f", " tail", 5, 5));
	ASSERT_EQ(0, touch(G));
	/* What is dirty stays, without a tail of zeros. */
	EXPECT_LE(5, pread(fd, self->buf, sizeof(self->buf), 0));
	EXPECT_EQ(0, memcmp("LOCAL", self->buf, 5));
	ASSERT_EQ(0, close(fd));
	EXPECT_TRUE(p9s_content_is(self->env.srv, "f", "LOCAL tail"));
	check_content(_metadata, self, F, "LOCAL tail");
	check_content(_metadata, self, G, "LOCAL tail");
}

/* The same with a file that the server made longer, elsewhere */
TEST_F(data, unflushed_and_grown)
{
	grow_unflushed(_metadata, self, false);
}

/* With the whole page in the cache, not only what was written */
TEST_F(data, unflushed_read_and_grown)
{
	grow_unflushed(_metadata, self, true);
}

/* Asking for the attributes of an open file is enough. */
TEST_F(data, fstat_grown)
{
	const int fd = open(F, O_RDONLY | O_CLOEXEC);
	struct stat st;

	ASSERT_LE(0, fd);
	ASSERT_EQ(5, pread(fd, self->buf, sizeof(self->buf), 0));
	rewrite_large(_metadata, self);
	ASSERT_EQ(0, fstat(fd, &st));
	EXPECT_EQ(LARGE_SIZE, st.st_size);
	EXPECT_EQ(LARGE_SIZE, pread(fd, self->buf, sizeof(self->buf), 0));
	EXPECT_EQ(0, memcmp(self->large, self->buf, LARGE_SIZE));
	ASSERT_EQ(0, close(fd));
}

TEST_F(data, fstat_shrunk)
{
	const int fd = open(F, O_RDONLY | O_CLOEXEC);
	struct stat st;

	ASSERT_LE(0, fd);
	rewrite_large(_metadata, self);
	ASSERT_EQ(0, fstat(fd, &st));
	ASSERT_EQ(LARGE_SIZE, pread(fd, self->buf, sizeof(self->buf), 0));
	ASSERT_EQ(0, p9s_rewrite(self->env.srv, "f", "short"));
	ASSERT_EQ(0, fstat(fd, &st));
	EXPECT_EQ(5, st.st_size);
	EXPECT_EQ(5, pread(fd, self->buf, sizeof(self->buf), 0));
	EXPECT_EQ(0, memcmp("short", self->buf, 5));

	/* No page of before comes back. */
	memset(self->large, '#', LARGE_SIZE);
	rewrite_large(_metadata, self);
	ASSERT_EQ(0, fstat(fd, &st));
	EXPECT_EQ(LARGE_SIZE, pread(fd, self->buf, sizeof(self->buf), 0));
	EXPECT_EQ(0, memcmp(self->large, self->buf, LARGE_SIZE));
	ASSERT_EQ(0, close(fd));
}

/* A writer whose data is all on the server sees that it was cut there. */
TEST_F(data, fstat_cut_writer)
{
	const int fd = open(F, O_WRONLY | O_APPEND | O_CLOEXEC);
	struct stat st;

	ASSERT_LE(0, fd);
	ASSERT_EQ(5, write(fd, " tail", 5));
	ASSERT_EQ(0, fsync(fd));
	ASSERT_EQ(0, p9s_rewrite(self->env.srv, "f", ""));
	ASSERT_EQ(0, fstat(fd, &st));
	EXPECT_EQ(0, st.st_size);
	ASSERT_EQ(4, write(fd, "next", 4));
	ASSERT_EQ(0, close(fd));
	EXPECT_TRUE(p9s_content_is(self->env.srv, "f", "next"));
}

/* Who has the file open sees what a lookup by another name learns. */
TEST_F(data, open_reader_grown)
{
	const int fd = open(F, O_RDONLY | O_CLOEXEC);

	ASSERT_LE(0, fd);
	ASSERT_EQ(5, pread(fd, self->buf, sizeof(self->buf), 0));
	rewrite_large(_metadata, self);
	check_content(_metadata, self, G, self->large);
	if (variant->qid) {
		EXPECT_EQ(LARGE_SIZE,
			  pread(fd, self->buf, sizeof(self->buf), 0));
		EXPECT_EQ(0, memcmp(self->large, self->buf, LARGE_SIZE));
	}
	ASSERT_EQ(0, close(fd));
}

/* A shared mapping keeps its changes. */
TEST_F(data, shared_mapping)
{
	int fd, wd;
	char *map;

	if (!strstr(variant->opts, "mmap"))
		SKIP(return, "no shared mappings");

	rewrite_large(_metadata, self);
	wd = mark(_metadata, &self->env, F);
	fd = open(F, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	map = mmap(NULL, LARGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	memcpy(map + PAGE, "LOCAL", 5);
	memcpy(self->large + PAGE, "LOCAL", 5);
	ASSERT_EQ(0, touch(G));
	EXPECT_EQ(0, memcmp(map, self->large, LARGE_SIZE));
	ASSERT_EQ(0, munmap(map, LARGE_SIZE));
	ASSERT_EQ(0, close(fd));
	check_server(_metadata, self);
	check_content(_metadata, self, F, self->large);
	EXPECT_TRUE(is_marked(_metadata, &self->env, F, wd));
}

TEST_HARNESS_MAIN
