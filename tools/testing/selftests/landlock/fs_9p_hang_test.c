// SPDX-License-Identifier: GPL-2.0-only
/*
 * Landlock tests - Requests that a 9p server does not answer
 *
 * A killed task leaves its wait at once, whatever it waits for, and nobody
 * outside of the mount waits.  What the server did for it in the meantime is
 * undone when the reply comes: a server that goes on is left with no fid.
 *
 * The server holds requests (which are then done late) or replies (of requests
 * that are done), and answers a Tflush late too, so that a task which waits for
 * that does not end.
 */

#define _GNU_SOURCE
#include "fs_9p_hang.h"

/* clang-format off */
FIXTURE(p9_hang) {
	/* clang-format on */
	struct p9_env env;
};

/* What holds, when, and how the server goes on */
FIXTURE_VARIANT(p9_hang)
{
	const uint8_t type;
	const enum hang_op op;
	const enum p9s_action action;
	const enum p9s_flush flush;
	const char *const opts;
};

#define HANG_VARIANT(name, type_, op_, action_, flush_, ...)                  \
	/* clang-format off */                          \
	FIXTURE_VARIANT_ADD(p9_hang, name) {                     \
		/* clang-format on */                                         \
		.type = type_, .op = op_, .action = action_, .flush = flush_, \
		__VA_ARGS__                                                   \
	}

/* The request is done late, then the Tflush is answered. */
HANG_VARIANT(pin_walk, P9_TWALK, HANG_PIN, P9S_HOLD, P9S_FLUSH_WAIT);
HANG_VARIANT(pin_lopen, P9_TLOPEN, HANG_PIN, P9S_HOLD, P9S_FLUSH_WAIT);
HANG_VARIANT(open_walk, P9_TWALK, HANG_OPEN, P9S_HOLD, P9S_FLUSH_WAIT);
HANG_VARIANT(open_getattr, P9_TGETATTR, HANG_OPEN, P9S_HOLD, P9S_FLUSH_WAIT);
HANG_VARIANT(open_lopen, P9_TLOPEN, HANG_OPEN, P9S_HOLD, P9S_FLUSH_WAIT);
HANG_VARIANT(open_clunk, P9_TCLUNK, HANG_OPEN, P9S_HOLD, P9S_FLUSH_WAIT);
HANG_VARIANT(read, P9_TREAD, HANG_READ, P9S_HOLD, P9S_FLUSH_WAIT);
HANG_VARIANT(write, P9_TWRITE, HANG_WRITE, P9S_HOLD, P9S_FLUSH_WAIT);
HANG_VARIANT(list, P9_TREADDIR, HANG_LIST, P9S_HOLD, P9S_FLUSH_WAIT);
HANG_VARIANT(create, P9_TLCREATE, HANG_CREATE, P9S_HOLD, P9S_FLUSH_WAIT);
HANG_VARIANT(mkdir, P9_TMKDIR, HANG_MKDIR, P9S_HOLD, P9S_FLUSH_WAIT);
HANG_VARIANT(unlink, P9_TUNLINKAT, HANG_UNLINK, P9S_HOLD, P9S_FLUSH_WAIT);
HANG_VARIANT(rename, P9_TRENAMEAT, HANG_RENAME, P9S_HOLD, P9S_FLUSH_WAIT);
HANG_VARIANT(statfs, P9_TSTATFS, HANG_STATFS, P9S_HOLD, P9S_FLUSH_WAIT);
HANG_VARIANT(xattr, P9_TXATTRWALK, HANG_XATTR, P9S_HOLD, P9S_FLUSH_WAIT);
HANG_VARIANT(fsync, P9_TFSYNC, HANG_FSYNC, P9S_HOLD, P9S_FLUSH_WAIT);

/* It was done, the reply comes late. */
HANG_VARIANT(pin_walk_reply, P9_TWALK, HANG_PIN, P9S_HOLD_REPLY,
	     P9S_FLUSH_WAIT);
HANG_VARIANT(pin_lopen_reply, P9_TLOPEN, HANG_PIN, P9S_HOLD_REPLY,
	     P9S_FLUSH_WAIT);
HANG_VARIANT(open_walk_reply, P9_TWALK, HANG_OPEN, P9S_HOLD_REPLY,
	     P9S_FLUSH_WAIT);
HANG_VARIANT(open_lopen_reply, P9_TLOPEN, HANG_OPEN, P9S_HOLD_REPLY,
	     P9S_FLUSH_WAIT);
HANG_VARIANT(open_clunk_reply, P9_TCLUNK, HANG_OPEN, P9S_HOLD_REPLY,
	     P9S_FLUSH_WAIT);

/* Tflush makes the server reply. */
HANG_VARIANT(pin_walk_late, P9_TWALK, HANG_PIN, P9S_HOLD_REPLY, P9S_FLUSH_LATE);
HANG_VARIANT(pin_lopen_late, P9_TLOPEN, HANG_PIN, P9S_HOLD_REPLY,
	     P9S_FLUSH_LATE);
HANG_VARIANT(read_late, P9_TREAD, HANG_READ, P9S_HOLD_REPLY, P9S_FLUSH_LATE);

/* Tflush cancels the request: there is no reply, and nothing was done. */
HANG_VARIANT(pin_walk_cancel, P9_TWALK, HANG_PIN, P9S_HOLD, P9S_FLUSH_CANCEL);
HANG_VARIANT(pin_lopen_cancel, P9_TLOPEN, HANG_PIN, P9S_HOLD, P9S_FLUSH_CANCEL);
HANG_VARIANT(read_cancel, P9_TREAD, HANG_READ, P9S_HOLD, P9S_FLUSH_CANCEL);
HANG_VARIANT(mkdir_cancel, P9_TMKDIR, HANG_MKDIR, P9S_HOLD, P9S_FLUSH_CANCEL);

/* With the other transports. */
HANG_VARIANT(pin_lopen_unix, P9_TLOPEN, HANG_PIN, P9S_HOLD, P9S_FLUSH_WAIT,
	     .opts = "trans=unix");
HANG_VARIANT(read_unix, P9_TREAD, HANG_READ, P9S_HOLD_REPLY, P9S_FLUSH_LATE,
	     .opts = "trans=unix");
HANG_VARIANT(pin_lopen_tcp, P9_TLOPEN, HANG_PIN, P9S_HOLD, P9S_FLUSH_WAIT,
	     .opts = "trans=tcp");
HANG_VARIANT(read_tcp, P9_TREAD, HANG_READ, P9S_HOLD_REPLY, P9S_FLUSH_LATE,
	     .opts = "trans=tcp");

FIXTURE_SETUP(p9_hang)
{
	if (!p9_start(_metadata, &self->env, P9S_HANDLE))
		SKIP(return, "9p is not supported");

	setup(_metadata, &self->env, variant->opts ?: "cache=none");
}

FIXTURE_TEARDOWN_PARENT(p9_hang)
{
	p9_finish(&self->env);
}

static void arm(struct __test_metadata *const _metadata,
		FIXTURE_DATA(p9_hang) *const self,
		const FIXTURE_VARIANT(p9_hang) *const variant)
{
	const struct p9s_rule rule = {
		.type = variant->type,
		.action = variant->action,
		.flush = variant->flush,
	};

	ASSERT_EQ(0, p9s_reset(self->env.srv));
	ASSERT_EQ(1, p9s_arm(self->env.srv, &rule));
}

/* One kill ends the wait, the rest of the mount works on. */
TEST_F(p9_hang, S17_kill)
{
	struct p9_server *const srv = self->env.srv;
	struct hang hang;
	pid_t pid;

	hang_prepare(_metadata, &hang, variant->op);
	arm(_metadata, self, variant);
	pid = hang_fork(_metadata, &hang);
	ASSERT_LT(0, p9s_wait_held(srv));
	expect_killed(_metadata, srv, pid);
	if (variant->flush == P9S_FLUSH_WAIT)
		EXPECT_EQ(1, p9s_held(srv));
	if (variant->type != P9_TCLUNK)
		EXPECT_LT(0, p9s_wait_count(srv, P9_TFLUSH, 1));

	/* Locks of a file may still be held by a worker (e.g. to write). */
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, file_other);
	P9_EXPECT(0, P9_NO_RULESET, P9_LIST, dir_other);

	p9s_release(srv);
	hang_finish(_metadata, &hang);
	expect_clean(_metadata, srv);
	if (variant->type != P9_TCLUNK)
		return;
	/* A clunk is not cancelled. */
	EXPECT_EQ(0, p9s_count(srv, P9_TFLUSH));
}

/* Killed again: there is nothing left to kill, and nothing to clean up twice. */
TEST_F(p9_hang, S17_kill_twice)
{
	struct p9_server *const srv = self->env.srv;
	struct hang hang;
	int status;
	pid_t pid;

	hang_prepare(_metadata, &hang, variant->op);
	arm(_metadata, self, variant);
	pid = hang_fork(_metadata, &hang);
	ASSERT_LT(0, p9s_wait_held(srv));
	ASSERT_EQ(0, kill(pid, SIGTERM));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	EXPECT_TRUE(is_gone(_metadata, srv, pid, &status));
	EXPECT_TRUE(WIFSIGNALED(status));
	p9s_release(srv);
	hang_finish(_metadata, &hang);
	expect_clean(_metadata, srv);
}

/* The server does not even read what comes with the kill. */
TEST_F(p9_hang, S17_kill_frozen)
{
	struct p9_server *const srv = self->env.srv;
	struct hang hang;
	pid_t pid;

	hang_prepare(_metadata, &hang, variant->op);
	arm(_metadata, self, variant);
	pid = hang_fork(_metadata, &hang);
	ASSERT_LT(0, p9s_wait_held(srv));
	ASSERT_EQ(0, p9s_freeze(srv, true));
	expect_killed(_metadata, srv, pid);

	/* No task outside of that mount waits. */
	P9_EXPECT(0, P9_NO_RULESET, P9_LIST, LOCAL);

	ASSERT_EQ(0, p9s_freeze(srv, false));
	p9s_release(srv);
	hang_finish(_metadata, &hang);
	expect_clean(_metadata, srv);
}

TEST_F(p9_hang, S17_disconnect)
{
	struct p9_server *const srv = self->env.srv;
	struct hang hang;
	int status;
	pid_t pid;

	hang_prepare(_metadata, &hang, variant->op);
	arm(_metadata, self, variant);
	pid = hang_fork(_metadata, &hang);
	ASSERT_LT(0, p9s_wait_held(srv));
	ASSERT_EQ(1, p9s_disconnect(srv));
	EXPECT_TRUE(is_gone(_metadata, srv, pid, &status));
	EXPECT_TRUE(WIFEXITED(status));
	hang_finish(_metadata, &hang);
	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
}

/* The kill comes first, then the end of the transport. */
TEST_F(p9_hang, S17_kill_disconnect)
{
	struct p9_server *const srv = self->env.srv;
	struct hang hang;
	pid_t pid;

	hang_prepare(_metadata, &hang, variant->op);
	arm(_metadata, self, variant);
	pid = hang_fork(_metadata, &hang);
	ASSERT_LT(0, p9s_wait_held(srv));
	expect_killed(_metadata, srv, pid);
	ASSERT_EQ(1, p9s_disconnect(srv));
	hang_finish(_metadata, &hang);
	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
}

/* A forced unmount ends every wait, even if it fails. */
TEST_F(p9_hang, S15_umount_force)
{
	struct p9_server *const srv = self->env.srv;
	struct hang hang;
	int status, err;
	pid_t pid;

	hang_prepare(_metadata, &hang, variant->op);
	arm(_metadata, self, variant);
	pid = hang_fork(_metadata, &hang);
	ASSERT_LT(0, p9s_wait_held(srv));
	err = p9_umount(_metadata, P9, MNT_FORCE);
	EXPECT_TRUE(err == 0 || err == EBUSY);
	EXPECT_TRUE(is_gone(_metadata, srv, pid, &status));
	EXPECT_TRUE(WIFEXITED(status));
	hang_finish(_metadata, &hang);
	if (err)
		EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
	EXPECT_EQ(0, p9s_wait_closed(srv));
	EXPECT_EQ(0, p9s_wait_fids(srv, 0));
}

/* A lazy unmount waits for nothing, and the end of the mount neither. */
TEST_F(p9_hang, S15_umount_lazy)
{
	struct p9_server *const srv = self->env.srv;
	struct hang hang;
	pid_t pid;

	hang_prepare(_metadata, &hang, variant->op);
	arm(_metadata, self, variant);
	pid = hang_fork(_metadata, &hang);
	ASSERT_LT(0, p9s_wait_held(srv));
	EXPECT_EQ(0, p9_umount(_metadata, P9, MNT_DETACH));
	expect_killed(_metadata, srv, pid);
	p9s_release(srv);
	hang_finish(_metadata, &hang);
	EXPECT_EQ(0, p9s_wait_fids(srv, 0));
	EXPECT_EQ(0, p9s_wait_closed(srv));
	EXPECT_EQ(0, p9s_violations(srv, P9S_V_PROTOCOL));
}

TEST_HARNESS_MAIN
