// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the in-test 9p server: faults, breakpoints, control, versions
 *
 * These are the same on all kinds of servers.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "p9_server.h"
#include "p9_server_raw.h"

FIXTURE(fault)
{
	struct p9_server *srv;
	struct client c;
};

FIXTURE_SETUP(fault)
{
	self->srv = p9s_start(P9S_HANDLE);
	ASSERT_NE(NULL, self->srv);
	ASSERT_EQ(0, p9s_build(self->srv, entries));
	ASSERT_EQ(0, attach(self->srv, &self->c, "9P2000.L", 0));
}

FIXTURE_TEARDOWN(fault)
{
	close(self->c.fd);
	p9s_stop(self->srv);
}

TEST_F(fault, error_on_nth_name)
{
	const struct p9s_rule rule = {
		.type = P9_TWALK,
		.name = "f",
		.nth = 2,
		.action = P9S_ERROR,
		.error = EIO,
	};
	const int id = p9s_arm(self->srv, &rule);

	ASSERT_LT(0, id);
	EXPECT_EQ(0, walk1(&self->c, ROOT, 2, "a"));
	EXPECT_EQ(0, walk1(&self->c, 2, 3, "f"));
	EXPECT_EQ(0, walk1(&self->c, ROOT, 4, "b"));
	EXPECT_EQ(0, p9s_rule_hits(self->srv, id));
	EXPECT_EQ(-EIO, walk1(&self->c, 2, 5, "f"));
	EXPECT_EQ(1, p9s_rule_hits(self->srv, id));
	EXPECT_EQ(0, walk1(&self->c, 2, 5, "f"));
}

TEST_F(fault, error_on_open_fid)
{
	const struct p9s_rule rule = {
		.type = P9_TGETATTR,
		.fid_state = P9S_FID_OPEN,
		.times = P9S_ALWAYS,
		.action = P9S_ERROR,
		.error = EREMOTEIO,
	};

	ASSERT_LT(0, p9s_arm(self->srv, &rule));
	ASSERT_EQ(0, clone_fid(&self->c, ROOT, 2));
	EXPECT_EQ(0, getattr(&self->c, 2));
	ASSERT_EQ(0, lopen(&self->c, 2, 0));
	EXPECT_EQ(-EREMOTEIO, getattr(&self->c, 2));
	EXPECT_EQ(-EREMOTEIO, getattr(&self->c, 2));
	EXPECT_EQ(0, getattr(&self->c, ROOT));
	ASSERT_EQ(0, p9s_disarm(self->srv));
	EXPECT_EQ(0, getattr(&self->c, 2));
}

/* A breakpoint between lookup and open: the open sees the changed tree. */
TEST_F(fault, hold)
{
	struct client *const c = &self->c;
	int tag;

	ASSERT_LT(0, p9s_hold_next(self->srv, P9_TWALK));
	tag = send_msg(c, P9_TWALK, "ddws", ROOT, 2, 1, "a");
	ASSERT_EQ(1, p9s_wait_held(self->srv));
	EXPECT_EQ(true, is_quiet(c));
	/* Others go on. */
	EXPECT_EQ(0, getattr(c, ROOT));
	ASSERT_EQ(0, p9s_replace(self->srv, "a", NULL));
	EXPECT_EQ(1, p9s_release(self->srv));
	EXPECT_EQ(P9_TWALK + 1, recv_msg(c));
	EXPECT_EQ(tag, get(c, 5, 2));
	EXPECT_EQ(p9s_qid_path(self->srv, "a"), walk_qid_path(c, 0));
	EXPECT_EQ(0, p9s_held(self->srv));
}

TEST_F(fault, hold_reply)
{
	const struct p9s_rule rule = {
		.type = P9_TWALK,
		.action = P9S_HOLD_REPLY,
	};
	struct client *const c = &self->c;
	uint64_t old;

	old = p9s_qid_path(self->srv, "a");
	ASSERT_LT(0, p9s_arm(self->srv, &rule));
	send_msg(c, P9_TWALK, "ddws", ROOT, 2, 1, "a");
	ASSERT_EQ(1, p9s_wait_held(self->srv));
	EXPECT_EQ(2, p9s_wait_fids(self->srv, 2));
	ASSERT_EQ(0, p9s_replace(self->srv, "a", NULL));
	EXPECT_EQ(1, p9s_release(self->srv));
	EXPECT_EQ(P9_TWALK + 1, recv_msg(c));
	EXPECT_EQ(old, walk_qid_path(c, 0));
}

FIXTURE(flush)
{
	struct p9_server *srv;
	struct client c;
};

FIXTURE_VARIANT(flush)
{
	enum p9s_action action;
	enum p9s_flush flush;
	/* Types of what comes before and after p9s_release(), or 0. */
	int before[2], after[2];
};

#define RWALK (P9_TWALK + 1)
#define RFLUSH (P9_TFLUSH + 1)

/* clang-format off */
FIXTURE_VARIANT_ADD(flush, hold_cancel) {
	/* clang-format on */
	.action = P9S_HOLD,
	.flush = P9S_FLUSH_CANCEL,
	.before = { RFLUSH },
};

/* clang-format off */
FIXTURE_VARIANT_ADD(flush, hold_wait) {
	/* clang-format on */
	.action = P9S_HOLD,
	.flush = P9S_FLUSH_WAIT,
	.after = { RWALK, RFLUSH },
};

/* clang-format off */
FIXTURE_VARIANT_ADD(flush, hold_late) {
	/* clang-format on */
	.action = P9S_HOLD,
	.flush = P9S_FLUSH_LATE,
	.before = { RWALK, RFLUSH },
};

/* clang-format off */
FIXTURE_VARIANT_ADD(flush, hold_reply_late) {
	/* clang-format on */
	.action = P9S_HOLD_REPLY,
	.flush = P9S_FLUSH_LATE,
	.before = { RWALK, RFLUSH },
};

/* clang-format off */
FIXTURE_VARIANT_ADD(flush, drop_cancel) {
	/* clang-format on */
	.action = P9S_DROP,
	.flush = P9S_FLUSH_CANCEL,
	.before = { RFLUSH },
};

/* clang-format off */
FIXTURE_VARIANT_ADD(flush, drop_wait) {
	/* clang-format on */
	.action = P9S_DROP,
	.flush = P9S_FLUSH_WAIT,
	.after = { RFLUSH },
};

FIXTURE_SETUP(flush)
{
	self->srv = p9s_start(P9S_HANDLE);
	ASSERT_NE(NULL, self->srv);
	ASSERT_EQ(0, p9s_build(self->srv, entries));
	ASSERT_EQ(0, attach(self->srv, &self->c, "9P2000.L", 0));
}

FIXTURE_TEARDOWN(flush)
{
	close(self->c.fd);
	p9s_stop(self->srv);
}

TEST_F(flush, flush)
{
	const struct p9s_rule rule = {
		.type = P9_TWALK,
		.action = variant->action,
		.flush = variant->flush,
	};
	struct client *const c = &self->c;
	int tag, i;

	ASSERT_LT(0, p9s_arm(self->srv, &rule));
	tag = send_msg(c, P9_TWALK, "ddws", ROOT, 2, 1, "a");
	ASSERT_EQ(1, p9s_wait_count(self->srv, P9_TWALK, 1));
	send_msg(c, P9_TFLUSH, "w", tag);
	ASSERT_EQ(1, p9s_wait_count(self->srv, P9_TFLUSH, 1));
	for (i = 0; i < 2 && variant->before[i]; i++)
		EXPECT_EQ(variant->before[i], recv_msg(c));
	EXPECT_EQ(true, is_quiet(c));
	p9s_release(self->srv);
	for (i = 0; i < 2 && variant->after[i]; i++)
		EXPECT_EQ(variant->after[i], recv_msg(c));
	EXPECT_EQ(true, is_quiet(c));
	EXPECT_EQ(0, p9s_violations(self->srv, ~0));
}

TEST_F(fault, corrupt)
{
	struct client *const c = &self->c;
	struct p9s_rule rule = {
		.type = P9_TWALK,
		.qid = { .type = 0x80, .path = 0x1234 },
	};
	const uint32_t whole = 7 + 2 + 2 * 13;

#define SEND(action_)                                            \
	({                                                       \
		rule.action = (action_);                         \
		ASSERT_EQ(0, p9s_disarm(self->srv));             \
		ASSERT_LT(0, p9s_arm(self->srv, &rule));         \
		clunk(c, 2);                                     \
		rpc(c, P9_TWALK, "ddwss", ROOT, 2, 2, "a", "f"); \
	})
	EXPECT_EQ(-EPROTO, SEND(P9S_BAD_TYPE));
	EXPECT_EQ(-EBADMSG, SEND(P9S_BAD_TAG));
	EXPECT_EQ(0, SEND(P9S_TRUNCATE));
	EXPECT_EQ(7 + 14, c->len);
	EXPECT_EQ(0, SEND(P9S_BAD_COUNT));
	EXPECT_EQ(3, get(c, 7, 2));
	EXPECT_EQ(whole, c->len);
	EXPECT_EQ(0, SEND(P9S_BAD_QID));
	EXPECT_EQ(0x1234, walk_qid_path(c, 1));
	EXPECT_EQ(p9s_qid_path(self->srv, "a"), walk_qid_path(c, 0));
	EXPECT_EQ(0, SEND(P9S_EXTRA_QIDS));
	EXPECT_EQ(3, get(c, 7, 2));
	EXPECT_EQ(whole + 13, c->len);
	EXPECT_EQ(0, SEND(P9S_MISSING_QIDS));
	EXPECT_EQ(1, get(c, 7, 2));
	EXPECT_EQ(whole - 13, c->len);
	EXPECT_EQ(0, SEND(P9S_GARBAGE));
	EXPECT_EQ(0xffff, get(c, 7, 2));
	EXPECT_EQ(0, SEND(P9S_EXTRA_BYTES));
	EXPECT_EQ(whole + 5, c->len);
	EXPECT_EQ(0, SEND(P9S_EMPTY));
	EXPECT_EQ(7, c->len);
	EXPECT_EQ(-EMSGSIZE, SEND(P9S_OVERSIZE));
	close(c->fd);
	ASSERT_EQ(0, attach(self->srv, c, "9P2000.L", 0));
	EXPECT_EQ(-ECONNRESET, SEND(P9S_DISCONNECT));
	EXPECT_EQ(0, p9s_wait_closed(self->srv));
#undef SEND
}

TEST_F(fault, freeze)
{
	struct client *const c = &self->c;

	ASSERT_EQ(0, p9s_freeze(self->srv, true));
	send_msg(c, P9_TGETATTR, "dq", ROOT, 0x7ffULL);
	EXPECT_EQ(1, p9s_wait_fids(self->srv, 1));
	EXPECT_EQ(true, is_quiet(c));
	EXPECT_EQ(0, p9s_count(self->srv, P9_TGETATTR));
	ASSERT_EQ(0, p9s_freeze(self->srv, false));
	EXPECT_EQ(P9_TGETATTR + 1, recv_msg(c));
}

/* QEMU: a pin that was not used for long becomes what is at its path. */
TEST_F(fault, reclaim)
{
	struct p9_behaviour b = p9s_path_qemu;
	struct client *const c = &self->c;
	uint64_t a;

	close(c->fd);
	ASSERT_EQ(0, p9s_wait_closed(self->srv));
	b.reclaim_after = 2;
	ASSERT_EQ(0, p9s_set_behaviour(self->srv, &b));
	ASSERT_EQ(0, attach(self->srv, c, "9P2000.L", 0));

	a = p9s_qid_path(self->srv, "a");
	ASSERT_EQ(0, walk1(c, ROOT, 2, "a"));
	ASSERT_EQ(0, lopen(c, 2, 0));
	ASSERT_EQ(0, walk2(c, ROOT, 3, "a", "f"));
	ASSERT_EQ(0, lopen(c, 3, O_EXCL_9P));
	ASSERT_EQ(0, p9s_replace(self->srv, "a", NULL));
	ASSERT_EQ(0, getattr(c, 2));
	EXPECT_EQ(a, attr_qid_path(c));

	/* The third descriptor closes the first. */
	ASSERT_EQ(0, walk1(c, ROOT, 4, "b"));
	ASSERT_EQ(0, lopen(c, 4, 0));
	ASSERT_EQ(0, p9s_recycle(self->srv, a));
	ASSERT_EQ(0, getattr(c, 2));
	EXPECT_NE(a, attr_qid_path(c));
	EXPECT_EQ(p9s_qid_path(self->srv, "a"), attr_qid_path(c));
	EXPECT_EQ(true, reads(c, 3, "one"));
}

TEST_F(fault, hostile_client)
{
	struct client *const c = &self->c;
	uint8_t junk[64];
	int type;

	/* Each type, without and with a too short payload */
	for (type = 0; type < 256; type++) {
		if (type == P9_TFLUSH)
			continue;
		EXPECT_GT(0, rpc(c, type, ""));
		EXPECT_GT(0, rpc(c, type, "d", 77));
		/* Tclunk or Tremove of the root fid */
		rpc(c, type, "dw", ROOT, 0xffff);
		EXPECT_LE(7, c->len);
	}
	EXPECT_LT(0, p9s_violations(self->srv, P9S_V_MALFORMED));
	EXPECT_GT(0, rpc(c, P9_TWALK, "ddwss", ROOT, 2, 17, "a", "b"));

	memset(junk, 0xff, sizeof(junk));
	ASSERT_EQ((ssize_t)sizeof(junk), send(c->fd, junk, sizeof(junk), 0));
	EXPECT_EQ(0, p9s_wait_closed(self->srv));
}

TEST_F(fault, permissions)
{
	struct p9_behaviour b = p9s_handle;
	struct client c;

	b.enforce_perm = true;
	ASSERT_EQ(0, p9s_set_behaviour(self->srv, &b));
	ASSERT_EQ(0, p9s_chmod(self->srv, "a/f", 0600));
	ASSERT_EQ(0, attach(self->srv, &c, "9P2000.L", 1000));
	ASSERT_EQ(0, walk2(&c, ROOT, 2, "a", "f"));
	EXPECT_EQ(-EACCES, lopen(&c, 2, 0));
	ASSERT_EQ(0, p9s_chown(self->srv, "a/f", 1000, -1));
	EXPECT_EQ(0, lopen(&c, 2, 02));
	close(c.fd);
}

/* Any number of processes may drive the server. */
TEST_F(fault, control_from_children)
{
	int i, status;
	pid_t pids[4];

	for (i = 0; i < 4; i++) {
		pids[i] = fork();
		ASSERT_LE(0, pids[i]);
		if (pids[i] == 0) {
			char path[] = "p0";
			int n, err = 0;

			path[1] += i;
			for (n = 0; n < 50 && !err; n++)
				err = p9s_create(self->srv, path, path) ||
				      !p9s_content_is(self->srv, path, path) ||
				      p9s_remove(self->srv, path);
			_exit(!!err);
		}
	}
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(pids[i], waitpid(pids[i], &status, 0));
		EXPECT_EQ(0, status);
	}

	/* One that is killed in a wait does not confuse the next. */
	pids[0] = fork();
	ASSERT_LE(0, pids[0]);
	if (pids[0] == 0) {
		p9s_wait_fids(self->srv, 99);
		_exit(1);
	}
	EXPECT_EQ(0, p9s_touch(self->srv, "a"));
	kill(pids[0], SIGKILL);
	ASSERT_EQ(pids[0], waitpid(pids[0], &status, 0));
	EXPECT_EQ(1, p9s_wait_fids(self->srv, 1));
}

TEST_F(fault, large_file)
{
	static char buf[100000], back[100000];
	size_t i;

	for (i = 0; i < sizeof(buf); i++)
		buf[i] = i % 251;
	ASSERT_EQ(0, p9s_create(self->srv, "big", NULL));
	ASSERT_EQ((ssize_t)sizeof(buf),
		  p9s_write(self->srv, "big", buf, sizeof(buf), 0));
	ASSERT_EQ((ssize_t)sizeof(back),
		  p9s_read(self->srv, "big", back, sizeof(back), 0));
	EXPECT_EQ(0, memcmp(buf, back, sizeof(buf)));
	ASSERT_EQ(0, p9s_import(self->srv, "exe", "/proc/self/exe"));

	ASSERT_EQ(0, walk1(&self->c, ROOT, 2, "big"));
	ASSERT_EQ(0, lopen(&self->c, 2, 0));
	ASSERT_EQ(0, rpc(&self->c, P9_TREAD, "dqd", 2, 1ULL, 99999));
	EXPECT_EQ(99999, get(&self->c, 7, 4));
	EXPECT_EQ(0, memcmp(buf + 1, self->c.msg + 11, 99999));
}

/* Versions */

TEST_F(fault, versions)
{
	static const char *const names[] = { "9P2000.L", "9P2000.u", "9P2000" };
	struct p9_behaviour b = p9s_handle;
	struct client *const c = &self->c;
	int asked, best;

	for (best = 0; best < 3; best++) {
		b.version = best;
		ASSERT_EQ(0, p9s_set_behaviour(self->srv, &b));
		for (asked = 0; asked < 3; asked++) {
			const char *const name =
				names[asked > best ? asked : best];

			ASSERT_EQ(0, rpc(c, P9_TVERSION, "ds", 8192,
					 names[asked]));
			EXPECT_EQ(8192, get(c, 7, 4));
			ASSERT_EQ(strlen(name), get(c, 11, 2));
			EXPECT_EQ(0, memcmp(name, c->msg + 13, strlen(name)));
		}
	}
	EXPECT_EQ(0, p9s_wait_fids(self->srv, 0));
}

TEST_F(fault, dotu)
{
	struct client *const c = &self->c;
	struct client u;
	size_t pos;

	(void)c;
	ASSERT_EQ(0, attach(self->srv, &u, "9P2000.u", 0));
	ASSERT_EQ(0, walk1(&u, ROOT, 2, "a"));
	EXPECT_EQ(-EOPNOTSUPP, getattr(&u, 2));
	ASSERT_EQ(0, rpc(&u, P9_TSTAT, "d", 2));
	EXPECT_EQ(p9s_qid_path(self->srv, "a"), get(&u, 7 + 10 + 5, 8));
	EXPECT_EQ(0x80000000 | 0755, get(&u, 7 + 10 + 13, 4));

	/* A file, a link to it, a symlink */
	ASSERT_EQ(0, clone_fid(&u, 2, 3));
	ASSERT_EQ(0, rpc(&u, P9_TCREATE, "dsdbs", 3, "n", 0600, 1, ""));
	ASSERT_EQ(0, rpc(&u, P9_TWRITE, "dqdb", 3, 0ULL, 1, 'x'));
	EXPECT_EQ(true, p9s_content_is(self->srv, "a/n", "x"));
	ASSERT_EQ(0, clone_fid(&u, 2, 4));
	ASSERT_EQ(0, rpc(&u, P9_TCREATE, "dsdbs", 4, "h", 0x01000000, 0, "3"));
	EXPECT_EQ(p9s_qid_path(self->srv, "a/n"),
		  p9s_qid_path(self->srv, "a/h"));
	ASSERT_EQ(0, clone_fid(&u, 2, 5));
	ASSERT_EQ(0, rpc(&u, P9_TCREATE, "dsdbs", 5, "s", 0x02000000 | 0777, 0,
			 "target"));
	EXPECT_EQ(true, p9s_content_is(self->srv, "a/s", "target"));

	/* Rename */
	ASSERT_EQ(0, walk1(&u, 2, 6, "n"));
	ASSERT_EQ(0, rpc(&u, P9_TWSTAT, "dwwwdbdqdddqsssssddd", 6, 0, 0, ~0, ~0,
			 ~0, ~0, ~0ULL, ~0, ~0, ~0, ~0ULL, "m", "", "", "", "",
			 ~0, ~0, ~0));
	EXPECT_EQ(true, p9s_content_is(self->srv, "a/m", "x"));

	/* f, h, s, m */
	ASSERT_EQ(0, rpc(&u, P9_TOPEN, "db", 2, 0));
	ASSERT_EQ(0, rpc(&u, P9_TREAD, "dqd", 2, 0ULL, 4096));
	for (pos = 11; pos < u.len; pos += 2 + get(&u, pos, 2))
		;
	EXPECT_EQ(pos, u.len);
	ASSERT_EQ(0, rpc(&u, P9_TREAD, "dqd", 2, (uint64_t)pos - 11, 4096));
	EXPECT_EQ(0, get(&u, 7, 4));
	ASSERT_EQ(0, rpc(&u, P9_TREAD, "dqd", 2, ~0ULL, 4096));
	EXPECT_EQ(0, get(&u, 7, 4));

	ASSERT_EQ(0, walk1(&u, ROOT, 7, "pipe"));
	EXPECT_EQ(-EIO, rpc(&u, P9_TOPEN, "db", 7, 0));
	EXPECT_EQ(1, p9s_violations(self->srv, P9S_V_FIFO_BLOCKING));
	close(u.fd);
}

TEST_HARNESS_MAIN
