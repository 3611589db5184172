// SPDX-License-Identifier: GPL-2.0-only
/*
 * Landlock tests - Rules on 9p that must be pinned
 *
 * With LANDLOCK_ADD_RULE_PINNED, what cannot be pinned is an error instead of a
 * rule on an inode that may be forgotten, and the ruleset is left as it was.
 */

#define _GNU_SOURCE
#include "fs_9p_pin.h"

/* Returns 0 or errno. */
static int add(const int ruleset_fd, const int fd, const __u64 access,
	       const __u32 flags)
{
	const struct landlock_path_beneath_attr attr = {
		.allowed_access = access,
		.parent_fd = fd,
	};

	return landlock_add_rule(ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &attr,
				 flags) ?
		       errno :
		       0;
}

/* A ruleset that may have quiet rules */
static int quiet_ruleset(struct __test_metadata *const _metadata,
			 const __u64 access)
{
	const struct landlock_ruleset_attr attr = {
		.handled_access_fs = access,
		.quiet_access_fs = access,
	};
	const int ruleset_fd = landlock_create_ruleset(&attr, sizeof(attr), 0);

	ASSERT_LE(0, ruleset_fd);
	return ruleset_fd;
}

/* clang-format off */
FIXTURE(p9_pinned) {
	/* clang-format on */
	struct p9_env env;
};

FIXTURE_VARIANT(p9_pinned)
{
	const char *opts;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_pinned, none) {
	/* clang-format on */
	.opts = "cache=none",
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_pinned, loose) {
	/* clang-format on */
	.opts = "cache=loose",
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_pinned, legacy) {
	/* clang-format on */
	.opts = "cache=none,version=9p2000",
};

FIXTURE_SETUP(p9_pinned)
{
	if (!p9_start(_metadata, &self->env, P9S_HANDLE))
		SKIP(return, "9p is not supported");

	setup(_metadata, &self->env, variant->opts);
}

FIXTURE_TEARDOWN_PARENT(p9_pinned)
{
	p9_finish(&self->env);
}

/* What can be pinned: as without the flag. */
TEST_F(p9_pinned, S01_relookup)
{
	struct p9_server *const srv = self->env.srv;
	const int ruleset_fd = quiet_ruleset(_metadata, ACCESS_RO);
	int fd;

	fd = open(dir_ruled, O_PATH | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, p9s_reset(srv));
	EXPECT_EQ(0, add(ruleset_fd, fd, ACCESS_RO, LANDLOCK_ADD_RULE_PINNED));
	EXPECT_EQ(2, p9s_total(srv));
	settle(_metadata, srv, 1);
	/* What is pinned already, and both flags */
	EXPECT_EQ(0, add(ruleset_fd, fd, ACCESS_RO, LANDLOCK_ADD_RULE_PINNED));
	EXPECT_EQ(0, add(ruleset_fd, fd, 0,
			 LANDLOCK_ADD_RULE_PINNED | LANDLOCK_ADD_RULE_QUIET));
	EXPECT_EQ(2, p9s_total(srv));
	EXPECT_EQ(0, close(fd));

	p9_drop_caches(_metadata);
	expect_ruled(_metadata, ruleset_fd);
	EXPECT_EQ(0, close(ruleset_fd));
	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
	expect_no_fids(_metadata, srv);
}

/* The client knows that the user may not read the file. */
TEST_F(p9_pinned, S19_no_read_mode)
{
	const __u64 access = LANDLOCK_ACCESS_FS_WRITE_FILE;
	const int ruleset_fd = quiet_ruleset(_metadata, access);
	struct p9_server *const srv = self->env.srv;
	int fd;

	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
	ASSERT_EQ(0, p9s_chmod(srv, "ruled/f", 0222));
	ASSERT_EQ(0, p9s_chmod(srv, "ruled/g", 0222));
	p9_mount(_metadata, &self->env, variant->opts);
	P9_EXPECT(EACCES, P9_NO_RULESET, P9_READ, file_ruled);
	P9_EXPECT(0, P9_NO_RULESET, P9_WRITE, file_ruled);
	fd = open(file_ruled, O_PATH | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, p9s_reset(srv));

	/* Neither a rule... */
	EXPECT_EQ(EOPNOTSUPP,
		  add(ruleset_fd, fd, access, LANDLOCK_ADD_RULE_PINNED));
	EXPECT_EQ(EOPNOTSUPP,
		  add(ruleset_fd, fd, 0,
		      LANDLOCK_ADD_RULE_PINNED | LANDLOCK_ADD_RULE_QUIET));
	EXPECT_EQ(0, p9s_count(srv, P9_TLOPEN) + p9s_count(srv, P9_TOPEN));
	P9_EXPECT(EACCES, ruleset_fd, P9_WRITE, file_ruled);

	/* ...nor, once there is one on the inode, more rights. */
	EXPECT_EQ(0, add(ruleset_fd, fd, LANDLOCK_ACCESS_FS_WRITE_FILE,
			 LANDLOCK_ADD_RULE_QUIET));
	EXPECT_EQ(EOPNOTSUPP,
		  add(ruleset_fd, fd, access, LANDLOCK_ADD_RULE_PINNED));
	P9_EXPECT(0, ruleset_fd, P9_WRITE, file_ruled);
	P9_EXPECT(EACCES, ruleset_fd, P9_WRITE, file_sibling);
	EXPECT_EQ(0, close(fd));
	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
	expect_no_fids(_metadata, srv);
	EXPECT_EQ(0, close(ruleset_fd));
}

/* An inode rule with less rights stays as it is. */
TEST_F(p9_pinned, S19_ruleset_unchanged)
{
	const __u64 access = LANDLOCK_ACCESS_FS_WRITE_FILE |
			     LANDLOCK_ACCESS_FS_TRUNCATE;
	const int ruleset_fd = quiet_ruleset(_metadata, access);
	struct p9_server *const srv = self->env.srv;
	int fd;

	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
	ASSERT_EQ(0, p9s_chmod(srv, "ruled/f", 0222));
	p9_mount(_metadata, &self->env, variant->opts);
	fd = open(file_ruled, O_PATH | O_CLOEXEC);
	ASSERT_LE(0, fd);
	P9_EXPECT(0, P9_NO_RULESET, P9_TRUNC, file_ruled);
	EXPECT_EQ(0, add(ruleset_fd, fd, LANDLOCK_ACCESS_FS_WRITE_FILE, 0));
	EXPECT_EQ(EOPNOTSUPP,
		  add(ruleset_fd, fd, access, LANDLOCK_ADD_RULE_PINNED));
	P9_EXPECT(0, ruleset_fd, P9_WRITE, file_ruled);
	P9_EXPECT(EACCES, ruleset_fd, P9_TRUNC, file_ruled);
	EXPECT_EQ(0, add(ruleset_fd, fd, access, 0));
	P9_EXPECT(0, ruleset_fd, P9_TRUNC, file_ruled);
	EXPECT_EQ(0, close(fd));
	EXPECT_EQ(0, close(ruleset_fd));
}

/* Special files are never opened. */
TEST_F(p9_pinned, S20_special)
{
	static const mode_t modes[] = { S_IFIFO, S_IFSOCK, S_IFCHR, S_IFLNK };
	const __u64 access = LANDLOCK_ACCESS_FS_READ_FILE;
	const int ruleset_fd = quiet_ruleset(_metadata, access);
	struct p9_server *const srv = self->env.srv;
	size_t i;

	/* The old protocol has no such files. */
	if (strstr(variant->opts, "9p2000"))
		SKIP(return, "no special files");

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		int fd;

		if (modes[i] == S_IFLNK) {
			ASSERT_EQ(0, p9s_symlink(srv, "ruled/x", "f"));
		} else {
			ASSERT_EQ(0, p9s_mknod(srv, "ruled/x", modes[i] | 0666,
					       makedev(1, 5)));
		}
		fd = open(P9 "/ruled/x", O_PATH | O_NOFOLLOW | O_CLOEXEC);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, p9s_reset(srv));
		EXPECT_EQ(EOPNOTSUPP, add(ruleset_fd, fd, access,
					  LANDLOCK_ADD_RULE_PINNED));
		EXPECT_EQ(0, p9s_total(srv));
		EXPECT_EQ(0, add(ruleset_fd, fd, access, 0));
		EXPECT_EQ(0, p9s_total(srv));
		EXPECT_EQ(0, close(fd));
		ASSERT_EQ(0, p9s_remove(srv, "ruled/x"));
		p9_drop_caches(_metadata);
	}
	EXPECT_EQ(0, p9s_violations(srv, P9S_V_SPECIAL | P9S_V_PROTOCOL));
	EXPECT_EQ(0, close(ruleset_fd));
}

/* Local files need nothing. */
TEST_F(p9_pinned, local)
{
	const __u64 access = LANDLOCK_ACCESS_FS_WRITE_FILE;
	const int ruleset_fd = quiet_ruleset(_metadata, access);
	const char *const file = LOCAL "/f";
	int fd;

	fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0200);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, close(fd));
	ASSERT_EQ(0, mkfifo(LOCAL "/fifo", 0600));
	P9_EXPECT(EACCES, P9_NO_RULESET, P9_READ, file);

	fd = open(file, O_PATH | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, add(ruleset_fd, fd, access, LANDLOCK_ADD_RULE_PINNED));
	EXPECT_EQ(0, close(fd));
	fd = open(LOCAL "/fifo", O_PATH | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, add(ruleset_fd, fd, access,
			 LANDLOCK_ADD_RULE_PINNED | LANDLOCK_ADD_RULE_QUIET));
	EXPECT_EQ(0, close(fd));
	p9_drop_caches(_metadata);
	P9_EXPECT(0, ruleset_fd, P9_WRITE, file);
	P9_EXPECT(EACCES, ruleset_fd, P9_WRITE, file_ruled);
	EXPECT_EQ(0, close(ruleset_fd));
}

/* Errors of the server: which become EOPNOTSUPP, and which do not */

/* clang-format off */
FIXTURE(p9_pinned_error) {
	/* clang-format on */
	struct p9_env env;
};

FIXTURE_VARIANT(p9_pinned_error)
{
	/* What Tlopen gets */
	int server;
	int expected;
};

#define ERROR_VARIANT(server_error, expected_error)                    \
	FIXTURE_VARIANT_ADD(p9_pinned_error, server_error)             \
	{                                                              \
		.server = (server_error), .expected = (expected_error) \
	}

ERROR_VARIANT(EACCES, EOPNOTSUPP);
ERROR_VARIANT(EPERM, EOPNOTSUPP);
ERROR_VARIANT(EAGAIN, EOPNOTSUPP);
ERROR_VARIANT(EINVAL, EOPNOTSUPP);
ERROR_VARIANT(EEXIST, EOPNOTSUPP);
ERROR_VARIANT(ENOSYS, EOPNOTSUPP);
ERROR_VARIANT(EOPNOTSUPP, EOPNOTSUPP);
ERROR_VARIANT(EIO, EIO);
ERROR_VARIANT(EMFILE, ENFILE);
ERROR_VARIANT(ENFILE, ENFILE);
ERROR_VARIANT(ENOENT, ESTALE);
ERROR_VARIANT(ESTALE, ESTALE);

FIXTURE_SETUP(p9_pinned_error)
{
	if (!p9_start(_metadata, &self->env, P9S_HANDLE))
		SKIP(return, "9p is not supported");

	setup(_metadata, &self->env, "cache=none");
}

FIXTURE_TEARDOWN_PARENT(p9_pinned_error)
{
	p9_finish(&self->env);
}

TEST_F(p9_pinned_error, S19_no_read_server)
{
	struct p9_server *const srv = self->env.srv;
	const struct p9_rule rules[] = {
		{ file_other, LANDLOCK_ACCESS_FS_READ_FILE },
		{},
	};
	const int ruleset_fd = p9_ruleset(_metadata, ACCESS_RO, rules);
	unsigned int before;
	int fd;

	fd = open(dir_ruled, O_PATH | O_CLOEXEC);
	ASSERT_LE(0, fd);
	before = num_fids(_metadata, srv, 1);
	ASSERT_LT(0, p9s_fail_next(srv, P9_TLOPEN, variant->server));
	EXPECT_EQ(variant->expected,
		  add(ruleset_fd, fd, ACCESS_RO, LANDLOCK_ADD_RULE_PINNED));
	ASSERT_EQ(0, p9s_disarm(srv));
	EXPECT_EQ(before, p9s_wait_fids(srv, before));

	/* The ruleset is as before... */
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, file_ruled);
	P9_EXPECT(EACCES, ruleset_fd, P9_LIST, dir_ruled);
	P9_EXPECT(0, ruleset_fd, P9_READ, file_other);

	/* ...and can still get this rule. */
	EXPECT_EQ(0, add(ruleset_fd, fd, ACCESS_RO, LANDLOCK_ADD_RULE_PINNED));
	EXPECT_EQ(0, close(fd));
	p9_drop_caches(_metadata);
	P9_EXPECT(0, ruleset_fd, P9_READ, file_ruled);
	P9_EXPECT(0, ruleset_fd, P9_LIST, dir_ruled);
	EXPECT_EQ(0, close(ruleset_fd));
	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
	expect_no_fids(_metadata, srv);
}

TEST_HARNESS_MAIN
