// SPDX-License-Identifier: GPL-2.0-only
/*
 * v9fs tests - Users of inodes that are reused, and the option inodeident=
 *
 * Marks of inotify and fanotify, locks and Landlock rules are on an inode.  In
 * uncached modes without reuse they are lost as soon as the last dentry of the
 * file is: nothing is reported anymore.
 */

#include <endian.h>
#include <linux/landlock.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <pthread.h>
#include <sys/fanotify.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "inodeident.h"

static const struct p9s_entry layout[] = {
	{ "d", S_IFDIR }, { "d/f", 0, "d f" }, { "d/g", 0, "d g" },
	{ "e", S_IFDIR }, { "e/f", 0, "e f" }, {},
};

FIXTURE(users)
{
	struct env env;
};

FIXTURE_VARIANT(users)
{
	const char *opts;
	/* Whether a mark stays without any dentry */
	bool stays;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(users, path) {
	/* clang-format on */
	.opts = "cache=none",
};

/* clang-format off */
FIXTURE_VARIANT_ADD(users, path_posixacl) {
	/* clang-format on */
	.opts = "posixacl,inodeident=path",
};

/* clang-format off */
FIXTURE_VARIANT_ADD(users, qid_posixacl) {
	/* clang-format on */
	.opts = "posixacl,inodeident=qid",
};

/* clang-format off */
FIXTURE_VARIANT_ADD(users, path_mmap) {
	/* clang-format on */
	.opts = "cache=mmap",
};

/* clang-format off */
FIXTURE_VARIANT_ADD(users, qid) {
	/* clang-format on */
	.opts = "inodeident=qid",
};

FIXTURE_SETUP(users)
{
	if (!env_start(_metadata, &self->env, P9S_PATH_QEMU))
		SKIP(return, "needs root and 9p");

	ASSERT_EQ(0, p9s_build(self->env.srv, layout));
	ASSERT_EQ(0, p9s_mount(self->env.srv, P9, variant->opts));
}

FIXTURE_TEARDOWN(users)
{
	env_finish(_metadata, &self->env);
}

static void write_file(struct __test_metadata *const _metadata,
		       const char *const path)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);

	ASSERT_LE(0, fd);
	ASSERT_EQ(1, write(fd, "w", 1));
	ASSERT_EQ(0, close(fd));
}

TEST_F(users, inotify_file)
{
	const int wd = mark(_metadata, &self->env, P9 "/d/f");

	events(&self->env, wd);
	write_file(_metadata, P9 "/d/f");
	EXPECT_EQ(IN_OPEN | IN_MODIFY | IN_CLOSE_WRITE, events(&self->env, wd));
	drop_caches(_metadata);
	ASSERT_EQ(0, chmod(P9 "/d/f", 0600));
	EXPECT_EQ(IN_ATTRIB, events(&self->env, wd));
	write_file(_metadata, P9 "/d/g");
	EXPECT_EQ(0, events(&self->env, wd));
}

/* A directory's mark sees what happens to the names in it. */
TEST_F(users, inotify_dir)
{
	const int wd = mark(_metadata, &self->env, P9 "/d");

	events(&self->env, wd);
	write_file(_metadata, P9 "/d/f");
	EXPECT_EQ(IN_OPEN | IN_MODIFY | IN_CLOSE_WRITE, events(&self->env, wd));
	drop_caches(_metadata);
	ASSERT_EQ(0, mkdir(P9 "/d/new", 0755));
	EXPECT_EQ(IN_CREATE | IN_ISDIR, events(&self->env, wd));
	drop_caches(_metadata);
	ASSERT_EQ(0, rename(P9 "/d/g", P9 "/e/g"));
	EXPECT_EQ(IN_MOVED_FROM, events(&self->env, wd));
	drop_caches(_metadata);
	ASSERT_EQ(0, unlink(P9 "/d/f"));
	EXPECT_EQ(IN_DELETE, events(&self->env, wd));
	write_file(_metadata, P9 "/e/f");
	EXPECT_EQ(0, events(&self->env, wd));
}

TEST_F(users, fanotify)
{
	const int fd =
		fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK | FAN_CLOEXEC,
			      O_RDONLY | O_CLOEXEC);
	struct fanotify_event_metadata event;

	ASSERT_LE(0, fd)
	{
		TH_LOG("Failed to init fanotify: %s", strerror(errno));
	}
	ASSERT_EQ(0, fanotify_mark(fd, FAN_MARK_ADD, FAN_CLOSE_WRITE, AT_FDCWD,
				   P9 "/d/f"));
	drop_caches(_metadata);
	write_file(_metadata, P9 "/d/g");
	EXPECT_EQ(-1, read(fd, &event, sizeof(event)));
	EXPECT_EQ(EAGAIN, errno);
	write_file(_metadata, P9 "/d/f");
	EXPECT_EQ(sizeof(event), read(fd, &event, sizeof(event)));
	EXPECT_EQ(FAN_CLOSE_WRITE, event.mask);
	ASSERT_EQ(0, close(event.fd));

	/* The mark follows its file. */
	ASSERT_EQ(0, rename(P9 "/d/f", P9 "/e/h"));
	drop_caches(_metadata);
	write_file(_metadata, P9 "/e/h");
	EXPECT_EQ(sizeof(event), read(fd, &event, sizeof(event)));
	EXPECT_EQ(FAN_CLOSE_WRITE, event.mask);
	ASSERT_EQ(0, close(event.fd));
	ASSERT_EQ(0, close(fd));
}

/* What the workload below sends, as counted before there was any reuse */
static const struct {
	uint8_t type;
	unsigned int count;
	unsigned int count_acl;
} budget[] = {
	{ P9_TATTACH, 0, 0 },	 { P9_TCLUNK, 49, 49 },
	{ P9_TGETATTR, 39, 39 }, { P9_TLCREATE, 1, 1 },
	{ P9_TLOPEN, 6, 6 },	 { P9_TREAD, 6, 6 },
	{ P9_TREADDIR, 0, 0 },	 { P9_TWALK, 58, 58 },
	{ P9_TWRITE, 1, 1 },	 { P9_TXATTRWALK, 1, 73 },
};

static void workload(struct __test_metadata *const _metadata)
{
	struct stat st;
	char buf[16];
	int fd, i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, stat(P9 "/d/f", &st));
		ASSERT_EQ(0, touch(P9 "/d"));
		fd = open(P9 "/d/f", O_RDONLY | O_CLOEXEC);
		ASSERT_LE(0, fd);
		ASSERT_EQ(3, read(fd, buf, sizeof(buf)));
		ASSERT_EQ(0, close(fd));
		ASSERT_EQ(-1, stat(P9 "/d/none", &st));
	}
	fd = open(P9 "/d/new", O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0644);
	ASSERT_LE(0, fd);
	ASSERT_EQ(1, write(fd, "x", 1));
	ASSERT_EQ(0, close(fd));
	ASSERT_EQ(0, rename(P9 "/d/new", P9 "/e/new"));
	ASSERT_EQ(0, link(P9 "/e/new", P9 "/d/new"));
	ASSERT_EQ(0, unlink(P9 "/d/new"));
	ASSERT_EQ(0, unlink(P9 "/e/new"));
	ASSERT_EQ(0, rename(P9 "/d", P9 "/dd"));
	ASSERT_EQ(0, rename(P9 "/dd", P9 "/d"));
	ASSERT_EQ(0, mkdir(P9 "/e/dir", 0755));
	ASSERT_EQ(0, rmdir(P9 "/e/dir"));
}

/* Reuse sends nothing, with marked inodes or without. */
TEST_F(users, message_counts)
{
	const bool acl = strstr(variant->opts, "posixacl");
	uint32_t before[256], after[256];
	int i;

	if (strstr(variant->opts, "mmap"))
		SKIP(return, "counted without cache");

	/* Attaches. */
	ASSERT_EQ(0, touch(P9 "/d/f"));

	ASSERT_EQ(0, p9s_reset(self->env.srv));
	workload(_metadata);
	ASSERT_EQ(0, p9s_counts(self->env.srv, before));

	mark(_metadata, &self->env, P9 "/d");
	mark(_metadata, &self->env, P9 "/d/f");
	mark(_metadata, &self->env, P9 "/e");
	ASSERT_EQ(0, p9s_reset(self->env.srv));
	workload(_metadata);
	ASSERT_EQ(0, p9s_counts(self->env.srv, after));

	for (i = 0; i < 256; i++) {
		EXPECT_EQ(before[i], after[i])
		{
			TH_LOG("Messages of type %d", i);
		}
	}
	for (i = 0; i < ARRAY_SIZE(budget); i++) {
		EXPECT_EQ(acl ? budget[i].count_acl : budget[i].count,
			  after[budget[i].type])
		{
			TH_LOG("Messages of type %d", budget[i].type);
		}
	}
}

/* An ACL that cannot be read is not replaced by the one that was known. */
TEST_F(users, acl_error)
{
	const struct p9s_rule rule = {
		.type = P9_TXATTRWALK,
		.action = P9S_ERROR,
		.error = EACCES,
	};

	if (!strstr(variant->opts, "posixacl"))
		SKIP(return, "no ACL");

	mark(_metadata, &self->env, P9 "/d/f");
	ASSERT_LT(0, p9s_arm(self->env.srv, &rule));
	EXPECT_EQ(EIO, touch(P9 "/d/f"));
	ASSERT_EQ(0, p9s_disarm(self->env.srv));
	EXPECT_EQ(0, touch(P9 "/d/f"));
}

#define USER 1234
#define ACL_ACCESS "system.posix_acl_access"

/* On the server: lets ACL_USER do @perm, and others nothing. */
static void set_acl(struct __test_metadata *const _metadata,
		    struct p9_server *const srv, const char *const path,
		    const uint16_t perm)
{
	const struct posix_acl_xattr_entry entries[] = {
		{ htole16(ACL_USER_OBJ), htole16(6), htole32(-1) },
		{ htole16(ACL_USER), htole16(perm), htole32(USER) },
		{ htole16(ACL_GROUP_OBJ), htole16(0), htole32(-1) },
		{ htole16(ACL_MASK), htole16(7), htole32(-1) },
		{ htole16(ACL_OTHER), htole16(0), htole32(-1) },
	};
	const struct posix_acl_xattr_header header = {
		.a_version = htole32(POSIX_ACL_XATTR_VERSION),
	};
	uint8_t value[sizeof(header) + sizeof(entries)];

	memcpy(value, &header, sizeof(header));
	memcpy(value + sizeof(header), entries, sizeof(entries));
	ASSERT_EQ(0,
		  p9s_set_xattr(srv, path, ACL_ACCESS, value, sizeof(value)));
}

/* Returns 0 or errno. */
static int access_as_user(struct __test_metadata *const _metadata,
			  const char *const path, const int mode)
{
	int err;

	ASSERT_EQ(0, seteuid(USER));
	err = faccessat(AT_FDCWD, path, mode, AT_EACCESS) ? errno : 0;
	ASSERT_EQ(0, seteuid(0));
	return err;
}

/*
 * The ACL of an inode that is found again is the one that the server has now.
 * The mode, by which the group (which is USER's) may do everything, stays the
 * same until the end.
 */
TEST_F(users, acl_changed)
{
	struct p9_server *const srv = self->env.srv;
	int file, dir;

	if (!strstr(variant->opts, "posixacl"))
		SKIP(return, "no ACL");

	ASSERT_EQ(0, p9s_chmod(srv, "d/f", 0670));
	ASSERT_EQ(0, p9s_chmod(srv, "e", 0770));
	set_acl(_metadata, srv, "d/f", R_OK);
	set_acl(_metadata, srv, "e", X_OK);
	file = mark(_metadata, &self->env, P9 "/d/f");
	dir = mark(_metadata, &self->env, P9 "/e");
	EXPECT_EQ(0, access_as_user(_metadata, P9 "/d/f", R_OK));
	EXPECT_EQ(EACCES, access_as_user(_metadata, P9 "/d/f", W_OK));
	EXPECT_EQ(0, access_as_user(_metadata, P9 "/e/f", F_OK));

	set_acl(_metadata, srv, "d/f", 0);
	set_acl(_metadata, srv, "e", 0);
	EXPECT_EQ(EACCES, access_as_user(_metadata, P9 "/d/f", R_OK));
	EXPECT_EQ(EACCES, access_as_user(_metadata, P9 "/e/f", F_OK));

	set_acl(_metadata, srv, "d/f", R_OK | W_OK);
	set_acl(_metadata, srv, "e", R_OK | X_OK);
	EXPECT_EQ(0, access_as_user(_metadata, P9 "/d/f", R_OK | W_OK));
	EXPECT_EQ(0, access_as_user(_metadata, P9 "/e/f", F_OK));

	/* No ACL anymore: the mode allows, then denies. */
	set_acl(_metadata, srv, "d/f", 0);
	set_acl(_metadata, srv, "e", 0);
	EXPECT_EQ(EACCES, access_as_user(_metadata, P9 "/d/f", R_OK));
	EXPECT_EQ(EACCES, access_as_user(_metadata, P9 "/e/f", F_OK));
	ASSERT_EQ(0, p9s_set_xattr(srv, "d/f", ACL_ACCESS, NULL, 0));
	ASSERT_EQ(0, p9s_set_xattr(srv, "e", ACL_ACCESS, NULL, 0));
	EXPECT_EQ(0, access_as_user(_metadata, P9 "/d/f", R_OK));
	EXPECT_EQ(0, access_as_user(_metadata, P9 "/e/f", F_OK));
	ASSERT_EQ(0, p9s_chmod(srv, "d/f", 0600));
	ASSERT_EQ(0, p9s_chmod(srv, "e", 0700));
	EXPECT_EQ(EACCES, access_as_user(_metadata, P9 "/d/f", R_OK));
	EXPECT_EQ(EACCES, access_as_user(_metadata, P9 "/e/f", F_OK));

	/* It was the same inode all the time. */
	EXPECT_TRUE(is_marked(_metadata, &self->env, P9 "/d/f", file));
	EXPECT_TRUE(is_marked(_metadata, &self->env, P9 "/e", dir));
}

/* An ACL is fetched as often with marked inodes as without. */
TEST_F(users, acl_message_counts)
{
	struct p9_server *const srv = self->env.srv;
	uint32_t before[256], after[256];
	int i;

	if (!strstr(variant->opts, "posixacl"))
		SKIP(return, "no ACL");

	set_acl(_metadata, srv, "d", R_OK | X_OK);
	set_acl(_metadata, srv, "d/f", R_OK);
	/* Attaches. */
	ASSERT_EQ(0, touch(P9 "/d/f"));
	ASSERT_EQ(0, p9s_reset(srv));
	workload(_metadata);
	ASSERT_EQ(0, p9s_counts(srv, before));
	/* Lookups of d and d/f: twice for the ACL, once for the default. */
	EXPECT_LT(before[P9_TREAD], before[P9_TXATTRWALK]);
	EXPECT_LT(budget[5].count_acl, before[P9_TREAD]);

	mark(_metadata, &self->env, P9 "/d");
	mark(_metadata, &self->env, P9 "/d/f");
	mark(_metadata, &self->env, P9 "/e");
	ASSERT_EQ(0, p9s_reset(srv));
	workload(_metadata);
	ASSERT_EQ(0, p9s_counts(srv, after));
	for (i = 0; i < 256; i++) {
		EXPECT_EQ(before[i], after[i])
		{
			TH_LOG("Messages of type %d", i);
		}
	}
}

#define NUM_THREADS 4
#define NUM_LOOKUPS 300

static void *lookups(void *const arg)
{
	static const char *const names[] = { P9 "/d/f", P9 "/d/g", P9 "/e/f",
					     P9 "/d", P9 "/dd/f" };
	long err = 0;
	int i;

	for (i = 0; i < NUM_LOOKUPS && !err; i++) {
		err = touch(names[(i + (long)arg) % 5]);
		if (err == ENOENT)
			err = 0;
	}
	return (void *)err;
}

/* With a directory that is renamed all the time */
TEST_F(users, parallel)
{
	const int file = mark(_metadata, &self->env, P9 "/d/f");
	const int dir = mark(_metadata, &self->env, P9 "/d");
	pthread_t threads[NUM_THREADS];
	void *err;
	long i;

	ASSERT_EQ(0, p9s_link(self->env.srv, "e/f", "d/l"));
	for (i = 0; i < NUM_THREADS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, lookups,
					    (void *)i));
	for (i = 0; i < NUM_LOOKUPS / 10; i++) {
		ASSERT_EQ(0, rename(P9 "/d", P9 "/dd"));
		ASSERT_EQ(0, touch(P9 "/dd/l"));
		ASSERT_EQ(0, rename(P9 "/dd", P9 "/d"));
	}
	for (i = 0; i < NUM_THREADS; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], &err));
		EXPECT_EQ(NULL, err)
		{
			TH_LOG("Unexpected error: %s", strerror((long)err));
		}
	}
	drop_caches(_metadata);
	EXPECT_TRUE(is_marked(_metadata, &self->env, P9 "/d", dir));
	EXPECT_TRUE(is_marked(_metadata, &self->env, P9 "/d/f", file));
}

#define NUM_FILES 200

/* Memory of all paths goes away (see kmemleak). */
TEST_F(users, many)
{
	static int wds[NUM_FILES];
	char path[64];
	int i;

	for (i = 0; i < NUM_FILES; i++) {
		snprintf(path, sizeof(path), P9 "/d/%d", i);
		ASSERT_EQ(0, mknod(path, S_IFREG | 0644, 0));
		wds[i] = inotify_add_watch(self->env.inotify_fd, path,
					   IN_ATTRIB);
		ASSERT_LE(0, wds[i]);
	}
	drop_caches(_metadata);
	ASSERT_EQ(0, rename(P9 "/d", P9 "/dd"));
	for (i = 0; i < NUM_FILES; i++) {
		snprintf(path, sizeof(path), P9 "/dd/%d", i);
		ASSERT_EQ(wds[i], inotify_add_watch(self->env.inotify_fd, path,
						    IN_ATTRIB));
		if (i % 2)
			ASSERT_EQ(0, inotify_rm_watch(self->env.inotify_fd,
						      wds[i]));
		if (i % 3)
			ASSERT_EQ(0, unlink(path));
	}
}

/* A lock is on the inode: the same by all names. */
TEST_F(users, lock)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd, fd2, status;
	pid_t child;

	ASSERT_EQ(0, p9s_link(self->env.srv, "d/f", "e/l"));
	fd = open(P9 "/d/f", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	if (fcntl(fd, F_SETLK, &lock))
		SKIP(goto out, "no locks on this server");

	child = fork();
	ASSERT_LE(0, child);
	if (child == 0) {
		fd2 = open(P9 "/e/l", O_RDWR | O_CLOEXEC);
		if (fd2 < 0 || fcntl(fd2, F_GETLK, &lock))
			_exit(2);
		_exit(lock.l_type == F_WRLCK);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	if (strstr(variant->opts, "qid"))
		EXPECT_EQ(1, WEXITSTATUS(status));
out:
	close(fd);
}

TEST_F(users, landlock)
{
	const struct landlock_ruleset_attr attr = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_READ_FILE,
	};
	struct landlock_path_beneath_attr rule = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE,
	};
	const int ruleset_fd =
		syscall(__NR_landlock_create_ruleset, &attr, sizeof(attr), 0);

	if (ruleset_fd < 0)
		SKIP(return, "no Landlock");

	rule.parent_fd = open(P9 "/d", O_PATH | O_CLOEXEC);
	ASSERT_LE(0, rule.parent_fd);
	ASSERT_EQ(0, syscall(__NR_landlock_add_rule, ruleset_fd,
			     LANDLOCK_RULE_PATH_BENEATH, &rule, 0));
	ASSERT_EQ(0, close(rule.parent_fd));
	drop_caches(_metadata);
	EXPECT_EQ(0, try_sandboxed(ruleset_fd, P9 "/d/f"));
	EXPECT_EQ(EACCES, try_sandboxed(ruleset_fd, P9 "/e/f"));

	ASSERT_EQ(0, rename(P9 "/d", P9 "/dd"));
	ASSERT_EQ(0, rename(P9 "/e", P9 "/d"));
	drop_caches(_metadata);
	EXPECT_EQ(0, try_sandboxed(ruleset_fd, P9 "/dd/f"));
	EXPECT_EQ(EACCES, try_sandboxed(ruleset_fd, P9 "/d/f"));
	ASSERT_EQ(0, close(ruleset_fd));
}

/* The option */

static const char qid_word[] = ",inodeident=qid";
static const char any_word[] = "inodeident";

static const struct option {
	const char *opts;
	int err;
	const char *shown;
} options[] = {
	{ "", 0, NULL },
	{ "inodeident=path", 0, NULL },
	{ "inodeident=qid", 0, qid_word },
	{ "inodeident=qid,inodeident=path", 0, NULL },
	{ "inodeident=path,inodeident=qid", 0, qid_word },
	{ "inodeident=none", -EINVAL },
	{ "inodeident=", -EINVAL },
	{ "inodeident", -EINVAL },
	{ "cache=readahead,inodeident=path", 0, NULL },
	{ "inodeident=qid,cache=mmap", 0, qid_word },
	{ "inodeident=path,cache=5", 0, NULL },
	{ "cache=0x4,inodeident=qid", 0, qid_word },
	{ "cache=loose", 0, NULL },
	{ "cache=loose,inodeident=qid", 0, NULL },
	{ "cache=loose,inodeident=path", -EINVAL },
	{ "inodeident=path,cache=loose", -EINVAL },
	{ "inodeident=path,cache=loose,cache=none", 0, NULL },
	{ "cache=0x2,inodeident=path", -EINVAL },
	{ "cache=fscache,inodeident=path", -EINVAL },
	{ "version=9p2000.u,inodeident=qid", 0, qid_word },
	{ "version=9p2000,inodeident=path", 0, NULL },
};

TEST_F(users, options)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(options); i++) {
		const int err = p9s_mount(self->env.srv, P9_2, options[i].opts);

		EXPECT_EQ(options[i].err, err)
		{
			TH_LOG("With \"%s\"", options[i].opts);
		}
		if (err)
			continue;

		EXPECT_EQ(0, touch(P9_2 "/d/f"));
		EXPECT_EQ(!!options[i].shown, has_option(P9_2, any_word))
		{
			TH_LOG("With \"%s\"", options[i].opts);
		}
		if (options[i].shown)
			EXPECT_TRUE(has_option(P9_2, options[i].shown));
		ASSERT_EQ(0, umount(P9_2));
	}
}

TEST_HARNESS_MAIN
