// SPDX-License-Identifier: GPL-2.0-only
/*
 * v9fs tests - Many files that are created, walked and dropped
 *
 * What v9fs remembers of a file, here or on the server, goes away with what
 * uses it.  kmemleak has to say of this run that nothing is left.
 */

#include <dirent.h>
#include <time.h>

#include "inodeident.h"

#define NUM_DIRS 100
#define NUM_FILES 1000
/* The client creates those of one directory in so many, the server others. */
#define CREATE_EVERY 5
/* Some files of each directory are marked: their inodes stay. */
#define NUM_MARKS 10

FIXTURE(many)
{
	struct env env;
};

FIXTURE_VARIANT(many)
{
	const char *opts;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(many, path) {
	/* clang-format on */
	.opts = "cache=none,inodeident=path",
};

FIXTURE_SETUP(many)
{
	if (!env_start(_metadata, &self->env, P9S_PATH_QEMU))
		SKIP(return, "needs root and 9p");

	ASSERT_EQ(0, p9s_mkdir(self->env.srv, "d"));
	ASSERT_EQ(0, p9s_mount(self->env.srv, P9, variant->opts));
}

FIXTURE_TEARDOWN(many)
{
	env_finish(_metadata, &self->env);
}

/* Inodes of v9fs that are not free; 0 if the kernel does not tell. */
static long num_inodes(void)
{
	long num = 0;
	char line[256];
	FILE *inf;

	/* Some of the free ones are in the quarantine of KASAN. */
	inf = fopen("/sys/kernel/slab/v9fs_inode_cache/shrink", "w");
	if (inf) {
		fputs("1", inf);
		fclose(inf);
	}
	inf = fopen("/proc/slabinfo", "r");
	if (!inf)
		return 0;
	while (fgets(line, sizeof(line), inf)) {
		if (sscanf(line, "v9fs_inode_cache %ld", &num) == 1)
			break;
	}
	fclose(inf);
	return num;
}

/*
 * Nothing is left but @marks inodes, and as many fids on the server as there
 * were.  Inodes are freed after a grace period of RCU.
 */
static void check_dropped(struct __test_metadata *const _metadata,
			  struct env *const env, const long inodes,
			  const int fids, const long marks)
{
	/* Other tests may have left some behind in caches of the allocator. */
	const long most = inodes + marks + 100;
	const struct timespec delay = { .tv_nsec = 10000000 };
	int i;

	drop_caches(_metadata);
	EXPECT_EQ(fids, p9s_wait_fids(env->srv, fids));
	for (i = 0; i < 1000 && num_inodes() > most; i++)
		nanosleep(&delay, NULL);
	EXPECT_GE(most, num_inodes());
}

static int open_dir(struct __test_metadata *const _metadata,
		    const char *const top, const int dir)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/%d", top, dir);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	return fd;
}

static void create_by_client(struct __test_metadata *const _metadata,
			     const int dir)
{
	char name[64];
	int i, dirfd;

	snprintf(name, sizeof(name), P9 "/d/%d", dir);
	ASSERT_EQ(0, mkdir(name, 0755));
	dirfd = open_dir(_metadata, P9 "/d", dir);
	for (i = 0; i < NUM_FILES; i++) {
		snprintf(name, sizeof(name), "%d", i);
		ASSERT_EQ(0, mknodat(dirfd, name, S_IFREG | 0644, 0));
	}
	ASSERT_EQ(0, close(dirfd));
}

static void create_on_server(struct __test_metadata *const _metadata,
			     struct p9_server *const srv, const int dir)
{
	char name[64];
	int i;

	snprintf(name, sizeof(name), "d/%d", dir);
	ASSERT_EQ(0, p9s_mkdir(srv, name));
	for (i = 0; i < NUM_FILES; i++) {
		snprintf(name, sizeof(name), "d/%d/%d", dir, i);
		ASSERT_EQ(0, p9s_create(srv, name, NULL));
	}
}

static int mark_file(const struct env *const env, const char *const top,
		     const int dir, const int file)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%d/%d", top, dir, file);
	return inotify_add_watch(env->inotify_fd, path, IN_ATTRIB);
}

TEST_F_TIMEOUT(many, files, 900)
{
	static int wds[NUM_DIRS][NUM_MARKS];
	int i, j, dirfd, num;
	struct p9s_fids fids;
	const struct dirent *entry;
	struct stat st;
	long inodes;
	DIR *dir;

	/* The root gets a fid. */
	ASSERT_EQ(0, touch(P9 "/d"));
	drop_caches(_metadata);
	inodes = num_inodes();
	ASSERT_EQ(0, p9s_fids(self->env.srv, &fids));

	for (i = 0; i < NUM_DIRS; i++) {
		if (i % CREATE_EVERY == 0)
			create_by_client(_metadata, i);
		else
			create_on_server(_metadata, self->env.srv, i);
		for (j = 0; j < NUM_MARKS; j++) {
			wds[i][j] = mark_file(&self->env, P9 "/d", i, j);
			ASSERT_LE(0, wds[i][j]);
		}
	}
	check_dropped(_metadata, &self->env, inodes, fids.all,
		      NUM_DIRS * NUM_MARKS);

	/* All that is remembered moves. */
	ASSERT_EQ(0, rename(P9 "/d", P9 "/dd"));
	for (i = 0; i < NUM_DIRS; i++) {
		num = 0;
		dirfd = open_dir(_metadata, P9 "/dd", i);
		dir = fdopendir(dirfd);
		ASSERT_NE(NULL, dir);
		while ((entry = readdir(dir))) {
			if (entry->d_type != DT_REG)
				continue;
			ASSERT_EQ(0, fstatat(dirfd, entry->d_name, &st,
					     AT_SYMLINK_NOFOLLOW));
			num++;
		}
		EXPECT_EQ(NUM_FILES, num);
		for (j = 0; j < NUM_MARKS; j++)
			EXPECT_EQ(wds[i][j],
				  mark_file(&self->env, P9 "/dd", i, j));
		ASSERT_EQ(0, closedir(dir));
	}
	check_dropped(_metadata, &self->env, inodes, fids.all,
		      NUM_DIRS * NUM_MARKS);

	for (i = 0; i < NUM_DIRS; i++) {
		for (j = 0; j < NUM_MARKS; j++)
			EXPECT_EQ(0, inotify_rm_watch(self->env.inotify_fd,
						      wds[i][j]));
	}
	check_dropped(_metadata, &self->env, inodes, fids.all, 0);
}

TEST_HARNESS_MAIN
