// SPDX-License-Identifier: GPL-2.0-only
/*
 * Landlock tests - Pins on 9p: cost, refusals and errors
 *
 * A rule on a file or directory of a 9p mount makes the client hold an open fid
 * on it, the pin, so that the server keeps its identity.  That costs two
 * messages, is not done for what must not be opened, and an error leaves the
 * ruleset as it was.  Without support of the filesystem nothing is pinned.
 */

#define _GNU_SOURCE
#include "fs_9p_pin.h"

/* clang-format off */
FIXTURE(p9_pin) {
	/* clang-format on */
	struct p9_env env;
};

FIXTURE_VARIANT(p9_pin)
{
	const char *opts;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_pin, none) {
	/* clang-format on */
	.opts = "cache=none",
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_pin, loose) {
	/* clang-format on */
	.opts = "cache=loose",
};

FIXTURE_SETUP(p9_pin)
{
	if (!p9_start(_metadata, &self->env, P9S_HANDLE))
		SKIP(return, "9p is not supported");

	setup(_metadata, &self->env, variant->opts);
}

FIXTURE_TEARDOWN_PARENT(p9_pin)
{
	p9_finish(&self->env);
}

/* Message budgets */

TEST_F(p9_pin, budget_add_and_drop)
{
	struct p9_server *const srv = self->env.srv;
	int dir_fd, file_fd, ruleset_fd, second_fd;

	dir_fd = open(dir_ruled, O_PATH | O_CLOEXEC);
	ASSERT_LE(0, dir_fd);
	file_fd = open(file_other, O_PATH | O_CLOEXEC);
	ASSERT_LE(0, file_fd);
	ruleset_fd = p9_ruleset(_metadata, ACCESS_RO, NULL);
	second_fd = p9_ruleset(_metadata, ACCESS_RO, NULL);

	/* A clone of the fid, which is opened. */
	ASSERT_EQ(0, p9s_reset(srv));
	ASSERT_EQ(0, p9_add_rule_fd(ruleset_fd, dir_fd, ACCESS_RO));
	ASSERT_EQ(2, p9s_total(srv));
	EXPECT_EQ(1, p9s_count(srv, P9_TWALK));
	EXPECT_EQ(1, p9s_count(srv, P9_TLOPEN));
	ASSERT_EQ(0, p9_add_rule_fd(ruleset_fd, file_fd,
				    LANDLOCK_ACCESS_FS_READ_FILE));
	EXPECT_EQ(4, p9s_total(srv));
	EXPECT_EQ(2, p9s_count(srv, P9_TWALK));
	EXPECT_EQ(2, p9s_count(srv, P9_TLOPEN));

	/* Rules on what is pinned */
	ASSERT_EQ(0, p9s_reset(srv));
	ASSERT_EQ(0, p9_add_rule_fd(ruleset_fd, dir_fd, ACCESS_RO));
	ASSERT_EQ(0, p9_add_rule_fd(second_fd, dir_fd, ACCESS_RO));
	EXPECT_EQ(0, p9s_total(srv));

	/* The last rule on the file, and none of those on the directory */
	EXPECT_EQ(0, close(ruleset_fd));
	EXPECT_EQ(1, p9s_wait_count(srv, P9_TCLUNK, 1));
	EXPECT_EQ(1, p9s_wait_open_fids(srv, 1));
	EXPECT_EQ(1, p9s_total(srv));
	EXPECT_EQ(0, close(second_fd));
	EXPECT_EQ(0, p9s_wait_open_fids(srv, 0));
	EXPECT_EQ(2, p9s_total(srv));
	EXPECT_EQ(2, p9s_count(srv, P9_TCLUNK));
	EXPECT_EQ(0, close(dir_fd));
	EXPECT_EQ(0, close(file_fd));
}

static int count_op(struct __test_metadata *const _metadata,
		    struct p9_server *const srv, const int ruleset_fd,
		    const enum p9_op_kind kind, const char *const path)
{
	p9_drop_caches(_metadata);
	ASSERT_EQ(0, p9s_reset(srv));
	P9_EXPECT(0, ruleset_fd, kind, path);
	p9_drop_caches(_metadata);
	/* A worker of netfs may have the last reference to the opened fid. */
	EXPECT_EQ(2, p9s_wait_open_fids(srv, 2));
	return p9s_total(srv);
}

/* A sandboxed access sends what the same access sends without a sandbox. */
TEST_F(p9_pin, budget_access)
{
	struct p9_server *const srv = self->env.srv;
	const struct p9_rule rules[] = {
		{ dir_ruled, ACCESS_RO | LANDLOCK_ACCESS_FS_WRITE_FILE },
		{ dir_other, ACCESS_RO },
		{},
	};
	int ruleset_fd, unrestricted;

	ruleset_fd = p9_ruleset(
		_metadata, ACCESS_RO | LANDLOCK_ACCESS_FS_WRITE_FILE, rules);
	unrestricted =
		count_op(_metadata, srv, P9_NO_RULESET, P9_READ, file_ruled);
	EXPECT_LT(0, unrestricted);
	EXPECT_EQ(unrestricted,
		  count_op(_metadata, srv, ruleset_fd, P9_READ, file_ruled));

	unrestricted =
		count_op(_metadata, srv, P9_NO_RULESET, P9_LIST, dir_ruled);
	EXPECT_EQ(unrestricted,
		  count_op(_metadata, srv, ruleset_fd, P9_LIST, dir_ruled));
	EXPECT_EQ(0, close(ruleset_fd));
}

/* Rules on what cannot be opened: today's behaviour */

/* The client knows that it may not. */
TEST_F(p9_pin, S19_no_read_mode)
{
	const __u64 access = LANDLOCK_ACCESS_FS_WRITE_FILE;
	struct p9_server *const srv = self->env.srv;
	int fd, ruleset_fd;

	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
	ASSERT_EQ(0, p9s_chmod(srv, "ruled/f", 0200));
	ASSERT_EQ(0, p9s_chmod(srv, "ruled/g", 0200));
	p9_mount(_metadata, &self->env, variant->opts);
	P9_EXPECT(EACCES, P9_NO_RULESET, P9_READ, file_ruled);
	P9_EXPECT(0, P9_NO_RULESET, P9_WRITE, file_ruled);
	P9_EXPECT(0, P9_NO_RULESET, P9_WRITE, file_sibling);
	fd = open(file_ruled, O_PATH | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ruleset_fd = p9_ruleset(_metadata, access, NULL);
	ASSERT_EQ(0, p9s_reset(srv));
	EXPECT_EQ(0, p9_add_rule_fd(ruleset_fd, fd, access));
	EXPECT_EQ(0, p9s_count(srv, P9_TLOPEN));
	settle(_metadata, srv, 0);
	/* The inode is there. */
	P9_EXPECT(0, ruleset_fd, P9_WRITE, file_ruled);
	P9_EXPECT(EACCES, ruleset_fd, P9_WRITE, file_sibling);
	P9_EXPECT(EACCES, P9_NO_RULESET, P9_READ, file_ruled);
	EXPECT_EQ(0, close(fd));
	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
	expect_no_fids(_metadata, srv);
	EXPECT_EQ(0, close(ruleset_fd));
}

/* The server says that it may not, not now, or does not like the flags. */
TEST_F(p9_pin, S19_no_read_server)
{
	struct p9_server *const srv = self->env.srv;
	static const int errors[] = { EACCES, EPERM,  EAGAIN,	 EINVAL,
				      EEXIST, ENOSYS, EOPNOTSUPP };
	int fd, ruleset_fd;
	unsigned int before;
	size_t i;

	fd = open(dir_ruled, O_PATH | O_CLOEXEC);
	ASSERT_LE(0, fd);
	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		before = num_fids(_metadata, srv, 0);
		ruleset_fd = p9_ruleset(_metadata, ACCESS_RO, NULL);
		ASSERT_EQ(0, p9s_disarm(srv));
		ASSERT_EQ(0, p9s_reset(srv));
		ASSERT_LT(0, p9s_fail_next(srv, P9_TLOPEN, errors[i]));
		EXPECT_EQ(0, p9_add_rule_fd(ruleset_fd, fd, ACCESS_RO));
		EXPECT_EQ(1, p9s_count(srv, P9_TLOPEN));
		ASSERT_EQ(0, p9s_disarm(srv));
		EXPECT_EQ(before, p9s_wait_fids(srv, before));
		/* The inode is there. */
		expect_ruled(_metadata, ruleset_fd);
		EXPECT_EQ(0, close(ruleset_fd));
	}
	EXPECT_EQ(0, close(fd));
	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
	expect_no_fids(_metadata, srv);
}

/* Special files */

/* clang-format off */
FIXTURE(p9_special) {
	/* clang-format on */
	struct p9_env env;
};

FIXTURE_VARIANT(p9_special)
{
	mode_t mode;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_special, fifo) {
	/* clang-format on */
	.mode = S_IFIFO,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_special, socket) {
	/* clang-format on */
	.mode = S_IFSOCK,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_special, char_device) {
	/* clang-format on */
	.mode = S_IFCHR,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_special, block_device) {
	/* clang-format on */
	.mode = S_IFBLK,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_special, symlink) {
	/* clang-format on */
	.mode = S_IFLNK,
};

FIXTURE_SETUP(p9_special)
{
	struct p9_server *srv;

	if (!p9_start(_metadata, &self->env, P9S_HANDLE))
		SKIP(return, "9p is not supported");

	srv = self->env.srv;
	setup(_metadata, &self->env, "cache=none");
	if (variant->mode == S_IFLNK) {
		ASSERT_EQ(0, p9s_symlink(srv, "ruled/x", "f"));
		ASSERT_EQ(0, p9s_symlink(srv, "ruled/y", "g"));
	} else {
		const dev_t dev = makedev(1, 5);

		ASSERT_EQ(0,
			  p9s_mknod(srv, "ruled/x", variant->mode | 0666, dev));
		ASSERT_EQ(0,
			  p9s_mknod(srv, "ruled/y", variant->mode | 0666, dev));
	}
}

FIXTURE_TEARDOWN_PARENT(p9_special)
{
	p9_finish(&self->env);
}

TEST_F(p9_special, S20_never_opened)
{
	const bool can_open = variant->mode == S_IFIFO ||
			      variant->mode == S_IFCHR;
	const __u64 access = LANDLOCK_ACCESS_FS_READ_FILE |
			     LANDLOCK_ACCESS_FS_WRITE_FILE;
	struct p9_server *const srv = self->env.srv;
	int fd, ruleset_fd;

	if (can_open) {
		P9_EXPECT(0, P9_NO_RULESET, P9_OPEN_RDWR, P9 "/ruled/x");
		P9_EXPECT(0, P9_NO_RULESET, P9_OPEN_RDWR, P9 "/ruled/y");
	}
	fd = open(P9 "/ruled/x", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ruleset_fd = p9_ruleset(_metadata, access, NULL);
	settle(_metadata, srv, 0);
	ASSERT_EQ(0, p9s_reset(srv));
	EXPECT_EQ(0, p9_add_rule_fd(ruleset_fd, fd, access));
	EXPECT_EQ(0, p9s_total(srv));
	settle(_metadata, srv, 0);
	if (can_open) {
		/* The inode is there. */
		P9_EXPECT(0, ruleset_fd, P9_OPEN_RDWR, P9 "/ruled/x");
		P9_EXPECT(EACCES, ruleset_fd, P9_OPEN_RDWR, P9 "/ruled/y");
	}
	if (variant->mode == S_IFLNK) {
		/* It is no rule on the target. */
		P9_EXPECT(0, P9_NO_RULESET, P9_READ, P9 "/ruled/x");
		P9_EXPECT(EACCES, ruleset_fd, P9_READ, P9 "/ruled/x");
	}
	EXPECT_EQ(0, p9s_violations(srv, P9S_V_SPECIAL | P9S_V_PROTOCOL));
	EXPECT_EQ(0, close(fd));
	EXPECT_EQ(0, close(ruleset_fd));
}

/* Through a rule on the directory, they are as other files. */
TEST_F(p9_special, S20_through_dir)
{
	const __u64 access = LANDLOCK_ACCESS_FS_READ_FILE |
			     LANDLOCK_ACCESS_FS_WRITE_FILE;
	int ruleset_fd;

	if (variant->mode != S_IFIFO && variant->mode != S_IFCHR)
		SKIP(return, "nothing to open");

	ASSERT_EQ(0, rename(P9 "/ruled/y", P9 "/other/y"));
	P9_EXPECT(0, P9_NO_RULESET, P9_OPEN_RDWR, P9 "/ruled/x");
	P9_EXPECT(0, P9_NO_RULESET, P9_OPEN_RDWR, P9 "/other/y");
	ruleset_fd = p9_allow(_metadata, dir_ruled, access);
	p9_drop_caches(_metadata);
	P9_EXPECT(0, ruleset_fd, P9_OPEN_RDWR, P9 "/ruled/x");
	P9_EXPECT(EACCES, ruleset_fd, P9_OPEN_RDWR, P9 "/other/y");
	EXPECT_EQ(0, close(ruleset_fd));
}

/* Swapped between the lookup and the Tlopen, on a server with path fids */

/* clang-format off */
FIXTURE(p9_swap) {
	/* clang-format on */
	struct p9_env env;
};

FIXTURE_VARIANT(p9_swap)
{
	/* The message that is held meanwhile */
	uint8_t message;
	/* What is ruled, and what replaces it; 0 for nothing */
	mode_t old_mode, new_mode;
	/*
	 * Not only ESTALE is right: the server refuses to open the new object
	 * as what the old one was.
	 */
	bool refused;
};

#define SWAP_VARIANTS(test_name, ...)                                  \
	FIXTURE_VARIANT_ADD(p9_swap, walk_##test_name){ P9_TWALK,      \
							__VA_ARGS__ }; \
	FIXTURE_VARIANT_ADD(p9_swap, open_##test_name)                 \
	{                                                              \
		P9_TLOPEN, __VA_ARGS__                                 \
	}

SWAP_VARIANTS(file_file, S_IFREG, S_IFREG);
SWAP_VARIANTS(file_dir, S_IFREG, S_IFDIR);
SWAP_VARIANTS(file_nothing, S_IFREG, 0);
SWAP_VARIANTS(file_fifo, S_IFREG, S_IFIFO, true);
SWAP_VARIANTS(file_socket, S_IFREG, S_IFSOCK, true);
SWAP_VARIANTS(file_device, S_IFREG, S_IFCHR, true);
SWAP_VARIANTS(file_symlink, S_IFREG, S_IFLNK, true);
SWAP_VARIANTS(dir_dir, S_IFDIR, S_IFDIR);
SWAP_VARIANTS(dir_file, S_IFDIR, S_IFREG, true);
SWAP_VARIANTS(dir_fifo, S_IFDIR, S_IFIFO, true);
SWAP_VARIANTS(dir_symlink, S_IFDIR, S_IFLNK, true);
SWAP_VARIANTS(dir_nothing, S_IFDIR, 0);

FIXTURE_SETUP(p9_swap)
{
	if (!p9_start(_metadata, &self->env, P9S_PATH_QEMU))
		SKIP(return, "9p is not supported");

	setup(_metadata, &self->env, "cache=none");
}

FIXTURE_TEARDOWN_PARENT(p9_swap)
{
	p9_finish(&self->env);
}

static int put(struct p9_server *const srv, const char *const path,
	       const mode_t mode)
{
	switch (mode) {
	case 0:
		return 0;
	case S_IFREG:
		return p9s_create(srv, path, "x");
	case S_IFDIR:
		return p9s_mkdir(srv, path);
	case S_IFLNK:
		return p9s_symlink(srv, path, "other/f");
	default:
		return p9s_mknod(srv, path, mode | 0666, makedev(1, 5));
	}
}

/* Waits until the server holds a message of the child, or the child ends. */
static bool wait_held(struct p9_server *const srv, const pid_t pid)
{
	siginfo_t info;

	while (p9s_held(srv) == 0) {
		info.si_pid = 0;
		if (waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) ||
		    info.si_pid == pid)
			return false;
		usleep(1000);
	}
	return true;
}

TEST_F(p9_swap, S20_between_lookup_and_open)
{
	struct p9_server *const srv = self->env.srv;
	int fd, ruleset_fd, err;
	unsigned int before;
	pid_t pid;

	ASSERT_EQ(0, put(srv, "x", variant->old_mode));
	fd = open(P9 "/x", O_PATH | O_CLOEXEC);
	ASSERT_LE(0, fd);
	before = num_fids(_metadata, srv, 0);
	ruleset_fd = p9_ruleset(_metadata, ACCESS_RO, NULL);
	ASSERT_LT(0, p9s_hold_next(srv, variant->message));
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		alarm(20);
		_exit(p9_add_rule_fd(ruleset_fd, fd,
				     LANDLOCK_ACCESS_FS_READ_FILE));
	}
	ASSERT_TRUE(wait_held(srv, pid))
	{
		TH_LOG("Nothing was asked");
	}
	EXPECT_EQ(0, p9s_remove(srv, "x"));
	EXPECT_EQ(0, put(srv, "x", variant->new_mode));
	p9s_release(srv);
	err = p9_wait_child(pid);
	EXPECT_TRUE(err == ESTALE || (variant->refused && err == EIO))
	{
		TH_LOG("Adding the rule returned %d", err);
	}

	/* Neither with O_NONBLOCK missing nor through a symlink */
	EXPECT_EQ(0, p9s_violations(srv, P9S_V_FIFO_BLOCKING | P9S_V_PROTOCOL));
	EXPECT_EQ(before, p9s_wait_fids(srv, before));
	EXPECT_EQ(0, close(fd));
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, file_ruled);
	if (variant->new_mode == S_IFREG)
		P9_EXPECT(EACCES, ruleset_fd, P9_READ, P9 "/x");
	EXPECT_EQ(0, close(ruleset_fd));
	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
	EXPECT_EQ(0, p9s_wait_fids(srv, 0));
}

/* The adder is killed while the server thinks. */
TEST_F(p9_swap, S17_kill_during_pin)
{
	struct p9_server *const srv = self->env.srv;
	unsigned int before;
	int fd, ruleset_fd, status;
	pid_t pid;

	fd = open(dir_ruled, O_PATH | O_CLOEXEC);
	ASSERT_LE(0, fd);
	before = num_fids(_metadata, srv, 0);
	ruleset_fd = p9_ruleset(_metadata, ACCESS_RO, NULL);
	ASSERT_EQ(0, p9_add_rule(ruleset_fd, file_other,
				 LANDLOCK_ACCESS_FS_READ_FILE));
	ASSERT_LT(0, p9s_hold_next(srv, variant->message));
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		alarm(20);
		_exit(p9_add_rule_fd(ruleset_fd, fd, ACCESS_RO));
	}
	ASSERT_TRUE(wait_held(srv, pid))
	{
		TH_LOG("Nothing was asked");
	}
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	p9s_release(srv);
	EXPECT_EQ(before + 1, p9s_wait_fids(srv, before + 1));

	/* The ruleset is as before, and can be used. */
	P9_EXPECT(0, ruleset_fd, P9_READ, file_other);
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, file_ruled);
	EXPECT_EQ(0, p9_add_rule_fd(ruleset_fd, fd, ACCESS_RO));
	EXPECT_EQ(0, close(fd));
	P9_EXPECT(0, ruleset_fd, P9_READ, file_ruled);
	EXPECT_EQ(0, close(ruleset_fd));
	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
	EXPECT_EQ(0, p9s_wait_fids(srv, 0));
}

/* Errors */

/* clang-format off */
FIXTURE(p9_fault) {
	/* clang-format on */
	struct p9_env env;
};

#define MAX_ERRNOS 4

FIXTURE_VARIANT(p9_fault)
{
	uint8_t message;
	enum p9s_action action;
	/* For P9S_ERROR */
	int error;
	/* What add_rule may return, ended by 0 */
	int expected[MAX_ERRNOS];
	/* For P9S_BAD_QID: what is wrong */
	uint8_t qid_type;
	uint64_t qid_path;
	bool dead;
};

#define FAULT_VARIANT(test_name, ...)            \
	FIXTURE_VARIANT_ADD(p9_fault, test_name) \
	{                                        \
		__VA_ARGS__                      \
	}

#define ERROR_VARIANT(name, ...) \
	FAULT_VARIANT(open_##name, P9_TLOPEN, P9S_ERROR, name, { __VA_ARGS__ })
#define WALK_ERROR_VARIANT(name, ...) \
	FAULT_VARIANT(walk_##name, P9_TWALK, P9S_ERROR, name, { __VA_ARGS__ })

ERROR_VARIANT(EIO, EIO);
ERROR_VARIANT(EMFILE, ENFILE);
ERROR_VARIANT(ENFILE, ENFILE);
ERROR_VARIANT(ENOENT, ESTALE);
ERROR_VARIANT(ESTALE, ESTALE);
ERROR_VARIANT(ENOMEM, ENOMEM, EIO);
ERROR_VARIANT(EINTR, EIO);
ERROR_VARIANT(ENXIO, EIO, ESTALE);
ERROR_VARIANT(ELOOP, EIO, ESTALE);
ERROR_VARIANT(ENOTDIR, EIO, ESTALE);
ERROR_VARIANT(EPROTO, EIO);
ERROR_VARIANT(EBADFD, EIO);
WALK_ERROR_VARIANT(EIO, EIO);
WALK_ERROR_VARIANT(EMFILE, ENFILE);
WALK_ERROR_VARIANT(ENOENT, ESTALE);
WALK_ERROR_VARIANT(ESTALE, ESTALE);
WALK_ERROR_VARIANT(ENOMEM, ENOMEM, EIO);
WALK_ERROR_VARIANT(EINTR, EIO);
WALK_ERROR_VARIANT(EPROTO, EIO);

/* Not in any errno.h: ERESTARTSYS, EPROBE_DEFER, and worse */
FAULT_VARIANT(open_error_512, P9_TLOPEN, P9S_ERROR, 512, { EIO });
FAULT_VARIANT(open_error_517, P9_TLOPEN, P9S_ERROR, 517, { EIO });
FAULT_VARIANT(open_error_4096, P9_TLOPEN, P9S_ERROR, 4096, { EIO });
FAULT_VARIANT(open_error_large, P9_TLOPEN, P9S_ERROR, 0x7fffffff, { EIO });
FAULT_VARIANT(walk_error_512, P9_TWALK, P9S_ERROR, 512, { EIO });

FAULT_VARIANT(open_bad_qid_path, P9_TLOPEN, P9S_BAD_QID, 0, { ESTALE },
	      P9_QTDIR, 0x4242);
FAULT_VARIANT(open_bad_qid_high, P9_TLOPEN, P9S_BAD_QID, 0, { ESTALE },
	      P9_QTDIR, 1ULL << 63);
FAULT_VARIANT(open_bad_qid_type, P9_TLOPEN, P9S_BAD_QID, 0, { ESTALE },
	      P9_QTFILE, 0);
FAULT_VARIANT(open_bad_qid_symlink, P9_TLOPEN, P9S_BAD_QID, 0, { ESTALE },
	      P9_QTSYMLINK, 0);
FAULT_VARIANT(open_bad_type, P9_TLOPEN, P9S_BAD_TYPE, 0, { EIO });
FAULT_VARIANT(open_truncated, P9_TLOPEN, P9S_TRUNCATE, 0, { EIO });
FAULT_VARIANT(open_garbage, P9_TLOPEN, P9S_GARBAGE, 0, { ESTALE, EIO });
FAULT_VARIANT(open_empty, P9_TLOPEN, P9S_EMPTY, 0, { EIO });
FAULT_VARIANT(open_disconnect, P9_TLOPEN, P9S_DISCONNECT, 0, { EIO },
	      .dead = true);
FAULT_VARIANT(walk_bad_type, P9_TWALK, P9S_BAD_TYPE, 0, { EIO });
FAULT_VARIANT(walk_truncated, P9_TWALK, P9S_TRUNCATE, 0, { EIO });
FAULT_VARIANT(walk_garbage, P9_TWALK, P9S_GARBAGE, 0, { EIO });
FAULT_VARIANT(walk_empty, P9_TWALK, P9S_EMPTY, 0, { EIO });
/* The reply does not fit into the client's buffer: the session ends. */
FAULT_VARIANT(walk_extra_qids, P9_TWALK, P9S_EXTRA_QIDS, 0, { EIO },
	      .dead = true);
FAULT_VARIANT(walk_bad_count, P9_TWALK, P9S_BAD_COUNT, 0, { EIO });
FAULT_VARIANT(walk_disconnect, P9_TWALK, P9S_DISCONNECT, 0, { EIO },
	      .dead = true);

FIXTURE_SETUP(p9_fault)
{
	if (!p9_start(_metadata, &self->env, P9S_HANDLE))
		SKIP(return, "9p is not supported");

	setup(_metadata, &self->env, "cache=none");
}

FIXTURE_TEARDOWN_PARENT(p9_fault)
{
	p9_finish(&self->env);
}

TEST_F(p9_fault, ruleset_unchanged)
{
	struct p9_server *const srv = self->env.srv;
	struct p9s_rule rule = {
		.type = variant->message,
		.action = variant->action,
		.error = variant->error,
		.qid.type = variant->qid_type,
		.qid.path = variant->qid_path,
	};
	int i, fd, ruleset_fd, err, armed;
	unsigned int before;
	bool found = false;

	ruleset_fd = p9_ruleset(_metadata, ACCESS_RO, NULL);
	EXPECT_EQ(0, p9_add_rule(ruleset_fd, file_other,
				 LANDLOCK_ACCESS_FS_READ_FILE));
	EXPECT_EQ(0,
		  p9_add_rule(ruleset_fd, LOCAL, LANDLOCK_ACCESS_FS_READ_DIR));
	fd = open(dir_ruled, O_PATH | O_CLOEXEC);
	ASSERT_LE(0, fd);
	before = num_fids(_metadata, srv, 1);
	if (!rule.qid.path)
		rule.qid.path = p9s_qid_path(srv, "ruled");
	armed = p9s_arm(srv, &rule);
	ASSERT_LT(0, armed);
	err = p9_add_rule_fd(ruleset_fd, fd, ACCESS_RO);
	for (i = 0; i < MAX_ERRNOS && variant->expected[i]; i++)
		found |= err == variant->expected[i];
	EXPECT_TRUE(found)
	{
		TH_LOG("Adding the rule returned %d (%s)", err, strerror(err));
	}
	EXPECT_EQ(1, p9s_rule_hits(srv, armed));
	ASSERT_EQ(0, p9s_disarm(srv));

	/* The ruleset is as before. */
	P9_EXPECT(0, ruleset_fd, P9_LIST, LOCAL);
	if (variant->dead) {
		EXPECT_NE(0, p9_op(_metadata, ruleset_fd, P9_READ, file_other));
		EXPECT_EQ(0, close(fd));
		EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
		EXPECT_EQ(0, close(ruleset_fd));
		return;
	}
	/* Nothing is left on the server. */
	EXPECT_EQ(before, p9s_wait_fids_timeout(srv, before, 2000));
	P9_EXPECT(0, ruleset_fd, P9_READ, file_other);
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, file_ruled);
	P9_EXPECT(EACCES, ruleset_fd, P9_LIST, dir_ruled);

	/* It works afterwards. */
	EXPECT_EQ(0, p9_add_rule_fd(ruleset_fd, fd, ACCESS_RO));
	EXPECT_EQ(0, close(fd));
	p9_drop_caches(_metadata);
	P9_EXPECT(0, ruleset_fd, P9_READ, file_ruled);
	P9_EXPECT(0, ruleset_fd, P9_READ, file_other);
	P9_EXPECT(EACCES, ruleset_fd, P9_LIST, dir_other);
	EXPECT_EQ(0, close(ruleset_fd));
	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
	EXPECT_EQ(0, p9s_wait_fids(srv, 0));
}

TEST_HARNESS_MAIN
