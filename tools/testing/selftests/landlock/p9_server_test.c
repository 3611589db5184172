// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the in-test 9p server: behaviours
 *
 * The other 9p tests are worth what their server is worth.  These tests speak
 * raw 9p to it: no mount, no privilege, no 9p in the kernel.
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

FIXTURE(server)
{
	struct p9_server *srv;
	struct client c;
};

FIXTURE_VARIANT(server)
{
	const struct p9_behaviour *behaviour;
	/* After the server moved a/f to b/g */
	int walked_getattr_after_move, open_getattr_after_move;
	/* After another a/f was made: do these see the new one? */
	bool walked_sees_new, open_getattr_sees_new, open_read_sees_new;
	/* A held open directory keeps its qid.path. */
	bool open_dir_pins;
	/* Rwalk of a/missing: error, or short; does it leave a fid? */
	int short_walk;
	bool short_walk_fid;
	/* First qid of Rwalk a/f is the one of a. */
	bool walk_tells_all;
	bool valid_generation;
	uint64_t generation_bit;
	uint64_t fsid;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(server, path_qemu) {
	/* clang-format on */
	.behaviour = P9S_PATH_QEMU,	.walked_getattr_after_move = -ENOENT,
	.walked_sees_new = true,	.open_dir_pins = true,
	.walk_tells_all = true,		.valid_generation = true,
	.generation_bit = P9_STATS_GEN, .fsid = 0x9000000000,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(server, path_diod) {
	/* clang-format on */
	.behaviour = P9S_PATH_DIOD,
	.walked_getattr_after_move = -ENOENT,
	.open_getattr_after_move = -ENOENT,
	.walked_sees_new = true,
	.open_getattr_sees_new = true,
	.open_dir_pins = true,
	.short_walk_fid = true,
	.walk_tells_all = true,
	.generation_bit = P9_STATS_GEN,
	.fsid = 0x9000000000,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(server, handle) {
	/* clang-format on */
	.behaviour = P9S_HANDLE,	.open_dir_pins = true,
	.walk_tells_all = true,		.valid_generation = true,
	.generation_bit = P9_STATS_GEN, .fsid = 0x9000000000,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(server, liar_ganesha) {
	/* clang-format on */
	.behaviour = P9S_LIAR_GANESHA,
	.short_walk = -ENOENT,
};

FIXTURE_SETUP(server)
{
	self->srv = p9s_start(variant->behaviour);
	ASSERT_NE(NULL, self->srv);
	ASSERT_EQ(0, p9s_build(self->srv, entries));
	ASSERT_EQ(0, attach(self->srv, &self->c, "9P2000.L", 0));
}

FIXTURE_TEARDOWN(server)
{
	close(self->c.fd);
	EXPECT_EQ(0, p9s_wait_closed(self->srv));
	EXPECT_EQ(0, p9s_wait_fids(self->srv, 0));
	p9s_stop(self->srv);
}

TEST_F(server, server_side_move)
{
	struct client *const c = &self->c;
	uint64_t qid;

	qid = p9s_qid_path(self->srv, "a/f");
	ASSERT_EQ(0, walk2(c, ROOT, 2, "a", "f"));
	ASSERT_EQ(0, walk2(c, ROOT, 3, "a", "f"));
	ASSERT_EQ(0, lopen(c, 3, 0));
	ASSERT_EQ(0, getattr(c, 2));
	EXPECT_EQ(qid, attr_qid_path(c));

	ASSERT_EQ(0, p9s_move(self->srv, "a/f", "b/g"));
	EXPECT_EQ(qid, p9s_qid_path(self->srv, "b/g"));
	EXPECT_EQ(variant->walked_getattr_after_move, getattr(c, 2));
	EXPECT_EQ(variant->open_getattr_after_move, getattr(c, 3));
	EXPECT_EQ(true, reads(c, 3, "one"));

	ASSERT_EQ(0, p9s_create(self->srv, "a/f", "two"));
	EXPECT_EQ(0, getattr(c, 2));
	EXPECT_EQ(!variant->walked_sees_new, attr_qid_path(c) == qid);
	EXPECT_EQ(0, getattr(c, 3));
	EXPECT_EQ(!variant->open_getattr_sees_new, attr_qid_path(c) == qid);
	EXPECT_EQ(true,
		  reads(c, 3, variant->open_read_sees_new ? "two" : "one"));

	/* A clone of the open fid is as good as the walked one. */
	EXPECT_EQ(0, clone_fid(c, 3, 4));
	EXPECT_EQ(0, getattr(c, 4));
	EXPECT_EQ(!variant->walked_sees_new, attr_qid_path(c) == qid);
}

TEST_F(server, walked_directory_moved_out)
{
	struct client *const c = &self->c;
	const int expected = variant->behaviour->path ? -ENOENT : 0;

	ASSERT_EQ(0, walk1(c, ROOT, 2, "a"));
	ASSERT_EQ(0, p9s_move(self->srv, "a", "@/a"));
	EXPECT_EQ(false, p9s_exists(self->srv, "a"));
	EXPECT_EQ(expected, getattr(c, 2));
	EXPECT_EQ(expected, walk1(c, 2, 3, "f"));
	ASSERT_EQ(0, p9s_move(self->srv, "@/a", "b/a"));
	EXPECT_EQ(true, p9s_content_is(self->srv, "b/a/f", "one"));
}

TEST_F(server, dotdot)
{
	struct client *const c = &self->c;
	const struct p9_behaviour *const b = variant->behaviour;
	const uint64_t a = p9s_qid_path(self->srv, "a");
	const uint64_t bqid = p9s_qid_path(self->srv, "b");

	/* Root */
	EXPECT_EQ(0, walk1(c, ROOT, 2, ".."));
	EXPECT_EQ(b->dotdot_escapes,
		  walk_qid_path(c, 0) != p9s_qid_path(self->srv, "/"));

	ASSERT_EQ(0, p9s_mkdir(self->srv, "a/d"));
	ASSERT_EQ(0, walk2(c, ROOT, 3, "a", "d"));
	ASSERT_EQ(0, p9s_move(self->srv, "a/d", "b/d"));
	if (b->path) {
		EXPECT_EQ(-ENOENT, walk1(c, 3, 4, ".."));
	} else {
		EXPECT_EQ(0, walk1(c, 3, 4, ".."));
		EXPECT_EQ(b->stale_dotdot ? a : bqid, walk_qid_path(c, 0));
	}
}

TEST_F(server, short_walk)
{
	struct client *const c = &self->c;

	EXPECT_EQ(-ENOENT, walk1(c, ROOT, 2, "missing"));
	EXPECT_EQ(variant->short_walk,
		  rpc(c, P9_TWALK, "ddwss", ROOT, 2, 2, "a", "missing"));
	if (!variant->short_walk) {
		EXPECT_EQ(1, get(c, 7, 2));
	}
	EXPECT_EQ(variant->short_walk_fid ? 0 : -EBADF, clunk(c, 2));
	EXPECT_EQ(!variant->short_walk_fid,
		  p9s_violations(self->srv, P9S_V_PROTOCOL));
	EXPECT_EQ(0, p9s_violations(self->srv, P9S_V_SPECIAL));

	/* With newfid == fid */
	ASSERT_EQ(0, clone_fid(c, ROOT, 3));
	EXPECT_EQ(variant->short_walk,
		  rpc(c, P9_TWALK, "ddwss", 3, 3, 2, "a", "missing"));
	EXPECT_EQ(0, getattr(c, 3));
	EXPECT_EQ(p9s_qid_path(self->srv, variant->short_walk_fid ? "a" : "/"),
		  attr_qid_path(c));
}

TEST_F(server, walk_qids)
{
	struct client *const c = &self->c;

	ASSERT_EQ(0, walk2(c, ROOT, 2, "a", "f"));
	EXPECT_EQ(variant->walk_tells_all,
		  walk_qid_path(c, 0) == p9s_qid_path(self->srv, "a"));
	EXPECT_EQ(walk_qid_path(c, 1), p9s_qid_path(self->srv, "a/f"));
	EXPECT_EQ(-EBADF, walk1(c, ROOT, 2, "a"));
	EXPECT_EQ(1, p9s_violations(self->srv, P9S_V_FID_IN_USE));
}

TEST_F(server, generation)
{
	struct client *const c = &self->c;
	uint64_t gen, gen_f, gen_new;
	struct p9s_stat st;

	ASSERT_EQ(0, p9s_stat(self->srv, "a/f", &st));
	ASSERT_EQ(0, walk2(c, ROOT, 2, "a", "f"));
	ASSERT_EQ(0, getattr(c, 2));
	EXPECT_EQ(!!variant->generation_bit, attr_generation(c, &gen_f));
	EXPECT_EQ(variant->valid_generation ? st.generation : 0, gen_f);

	/* Not asked for */
	EXPECT_EQ(0, rpc(c, P9_TGETATTR, "dq", 2, P9_STATS_BASIC));
	EXPECT_EQ(false, attr_generation(c, &gen));
	EXPECT_EQ(0, gen);

	/* Not for special files */
	ASSERT_EQ(0, walk1(c, ROOT, 3, "pipe"));
	ASSERT_EQ(0, getattr(c, 3));
	attr_generation(c, &gen);
	EXPECT_EQ(0, gen);

	/* The owner takes it away. */
	ASSERT_EQ(0, p9s_chmod(self->srv, "a/f", 0111));
	ASSERT_EQ(0, getattr(c, 2));
	EXPECT_EQ(variant->generation_bit &&
			  !variant->behaviour->gen_needs_read,
		  attr_generation(c, &gen));
	ASSERT_EQ(0, p9s_chmod(self->srv, "a/f", 0644));

	/* Of an open fid, after a replace */
	ASSERT_EQ(0, lopen(c, 2, 0));
	ASSERT_EQ(0, p9s_replace(self->srv, "a/f", "two"));
	ASSERT_EQ(0, p9s_stat(self->srv, "a/f", &st));
	EXPECT_NE(gen_f, st.generation);
	ASSERT_EQ(0, getattr(c, 2));
	attr_generation(c, &gen_new);
	if (variant->valid_generation) {
		EXPECT_EQ(variant->behaviour->gen_by_path ? st.generation :
							    gen_f,
			  gen_new);
	}
}

TEST_F(server, recycle_waits_for_pins)
{
	struct client *const c = &self->c;
	uint64_t a, f, new_gen;
	struct p9s_stat st;

	a = p9s_qid_path(self->srv, "a");
	ASSERT_EQ(0, p9s_stat(self->srv, "a/f", &st));
	f = st.qid.path;
	new_gen = st.generation;

	EXPECT_EQ(-EBUSY, p9s_recycle(self->srv, f));
	ASSERT_EQ(0, walk2(c, ROOT, 2, "a", "f"));
	ASSERT_EQ(0, lopen(c, 2, O_EXCL_9P));
	ASSERT_EQ(0, walk1(c, ROOT, 3, "a"));
	ASSERT_EQ(0, lopen(c, 3, 0));
	ASSERT_EQ(0, p9s_remove(self->srv, "a"));

	EXPECT_EQ(-EBUSY, p9s_recycle(self->srv, f));
	EXPECT_EQ(variant->open_dir_pins ? -EBUSY : 0,
		  p9s_recycle(self->srv, a));

	/* An O_EXCL file stays, a directory does not. */
	EXPECT_EQ(variant->open_dir_pins, p9s_forget_pins(self->srv));
	EXPECT_EQ(-EBUSY, p9s_recycle(self->srv, f));
	EXPECT_EQ(0, p9s_recycle(self->srv, a));
	ASSERT_EQ(0, p9s_mkdir(self->srv, "new"));
	EXPECT_EQ(a, p9s_qid_path(self->srv, "new"));
	EXPECT_EQ(variant->behaviour->path ? -ENOENT : -ESTALE, getattr(c, 3));

	ASSERT_EQ(0, clunk(c, 2));
	ASSERT_EQ(0, p9s_recycle(self->srv, f));
	ASSERT_EQ(0, p9s_create(self->srv, "again", "x"));
	ASSERT_EQ(0, p9s_stat(self->srv, "again", &st));
	EXPECT_EQ(f, st.qid.path);
	EXPECT_NE(new_gen, st.generation);
}

TEST_F(server, recycle_at_once)
{
	struct p9_behaviour b = *variant->behaviour;
	uint64_t f;

	b.recycle = true;
	ASSERT_EQ(0, p9s_set_behaviour(self->srv, &b));
	f = p9s_qid_path(self->srv, "a/f");
	ASSERT_EQ(0, p9s_replace(self->srv, "a/f", "two"));
	EXPECT_EQ(f, p9s_qid_path(self->srv, "a/f"));

	ASSERT_EQ(0, walk2(&self->c, ROOT, 2, "a", "f"));
	ASSERT_EQ(0, lopen(&self->c, 2, 0));
	ASSERT_EQ(0, p9s_replace(self->srv, "a/f", "three"));
	EXPECT_NE(f, p9s_qid_path(self->srv, "a/f"));
	EXPECT_EQ(true, reads(&self->c, 2, "two"));
}

TEST_F(server, special_files)
{
	struct client *const c = &self->c;

	ASSERT_EQ(0, p9s_symlink(self->srv, "link", "a/f"));
	ASSERT_EQ(0, walk1(c, ROOT, 2, "pipe"));
	EXPECT_EQ(-ENXIO, lopen(c, 2, O_NONBLOCK_9P));
	EXPECT_EQ(0, p9s_violations(self->srv, P9S_V_FIFO_BLOCKING));
	EXPECT_EQ(-EIO, lopen(c, 2, 0));
	EXPECT_EQ(1, p9s_violations(self->srv, P9S_V_FIFO_BLOCKING));
	ASSERT_EQ(0, walk1(c, ROOT, 3, "link"));
	EXPECT_EQ(-ELOOP, lopen(c, 3, 0));
	EXPECT_EQ(1, p9s_violations(self->srv, P9S_V_SYMLINK));
	EXPECT_EQ(3, p9s_violations(self->srv, P9S_V_SPECIAL));
	EXPECT_EQ(0, rpc(c, P9_TREADLINK, "d", 3));
	EXPECT_EQ(0, memcmp(c->msg + 9, "a/f", 3));
	ASSERT_EQ(0, p9s_reset(self->srv));
	EXPECT_EQ(0, p9s_violations(self->srv, ~0));
}

TEST_F(server, statfs)
{
	struct client *const c = &self->c;
	const uint64_t step = !!variant->fsid;

	ASSERT_EQ(0, p9s_set_dev(self->srv, "b", 7));
	ASSERT_EQ(0, p9s_create(self->srv, "b/f", "x"));
	ASSERT_EQ(0, p9s_collide(self->srv, "b/f", "a/f"));
	ASSERT_EQ(0, walk2(c, ROOT, 2, "a", "f"));
	ASSERT_EQ(0, walk2(c, ROOT, 3, "b", "f"));
	EXPECT_EQ(p9s_qid_path(self->srv, "a/f"), walk_qid_path(c, 1));
	ASSERT_EQ(0, rpc(c, P9_TSTATFS, "d", 2));
	EXPECT_EQ(variant->fsid, get(c, 7 + 4 + 4 + 5 * 8, 8));
	ASSERT_EQ(0, rpc(c, P9_TSTATFS, "d", 3));
	EXPECT_EQ(variant->fsid + 7 * step, get(c, 7 + 4 + 4 + 5 * 8, 8));
}

TEST_F(server, fids_and_counts)
{
	struct client *const c = &self->c;
	struct p9s_fids fids;

	ASSERT_EQ(0, p9s_reset(self->srv));
	ASSERT_EQ(0, walk1(c, ROOT, 2, "a"));
	ASSERT_EQ(0, lopen(c, 2, 0));
	ASSERT_EQ(0, walk2(c, ROOT, 3, "a", "f"));
	ASSERT_EQ(0, lopen(c, 3, 0));
	ASSERT_EQ(0, p9s_fids(self->srv, &fids));
	EXPECT_EQ(3, fids.all);
	EXPECT_EQ(1, fids.walked);
	EXPECT_EQ(1, fids.open_dirs);
	EXPECT_EQ(1, fids.open_files);
	EXPECT_EQ(1 + variant->open_dir_pins, fids.pinning);
	EXPECT_EQ(1, fids.connections);
	EXPECT_EQ(2, p9s_count(self->srv, P9_TWALK));
	EXPECT_EQ(2, p9s_count(self->srv, P9_TLOPEN));
	EXPECT_EQ(4, p9s_total(self->srv));
	EXPECT_EQ(4, p9s_wait_count(self->srv, 0, 4));

	ASSERT_EQ(0, clunk(c, 3));
	EXPECT_EQ(2, p9s_wait_fids(self->srv, 2));
	EXPECT_EQ(2, p9s_wait_fids_timeout(self->srv, 1, 10));
	shutdown(c->fd, SHUT_RDWR);
	EXPECT_EQ(0, p9s_wait_closed(self->srv));
	ASSERT_EQ(0, p9s_fids(self->srv, &fids));
	EXPECT_EQ(0, fids.all);
	EXPECT_EQ(2, fids.leaked);
	EXPECT_EQ(3, fids.peak);

	/* A new connection finds the same tree. */
	close(c->fd);
	ASSERT_EQ(0, attach(self->srv, c, "9P2000.L", 0));
	EXPECT_EQ(0, walk2(c, ROOT, 2, "a", "f"));
}

TEST_F(server, client_changes)
{
	struct client *const c = &self->c;
	const bool old = variant->behaviour->no_renameat;

	ASSERT_EQ(0, rpc(c, P9_TMKDIR, "dsdd", ROOT, "d", 0700, 5));
	ASSERT_EQ(0, walk1(c, ROOT, 2, "d"));
	ASSERT_EQ(0, clone_fid(c, 2, 3));
	ASSERT_EQ(0, rpc(c, P9_TLCREATE, "dsddd", 3, "n", 02, 0640, 5));
	ASSERT_EQ(0, rpc(c, P9_TWRITE, "dqdbbb", 3, 0ULL, 3, 'a', 'b', 'c'));
	EXPECT_EQ(true, p9s_content_is(self->srv, "d/n", "abc"));
	ASSERT_EQ(0, walk1(c, 2, 4, "n"));
	ASSERT_EQ(0, rpc(c, P9_TLINK, "dds", ROOT, 4, "hard"));
	EXPECT_EQ(p9s_qid_path(self->srv, "d/n"),
		  p9s_qid_path(self->srv, "hard"));
	EXPECT_EQ(old ? -EOPNOTSUPP : 0,
		  rpc(c, P9_TRENAMEAT, "dsds", 2, "n", ROOT, "m"));
	if (old)
		ASSERT_EQ(0, rpc(c, P9_TRENAME, "dds", 4, ROOT, "m"));
	EXPECT_EQ(true, p9s_content_is(self->srv, "m", "abc"));
	EXPECT_EQ(false, p9s_exists(self->srv, "d/n"));
	/* The fid follows: that of a Trename, all on others but diod. */
	EXPECT_EQ(0, getattr(c, 4));

	if (old) {
		ASSERT_EQ(0, rpc(c, P9_TREMOVE, "d", 2));
	} else {
		EXPECT_EQ(-EISDIR, rpc(c, P9_TUNLINKAT, "dsd", ROOT, "d", 0));
		ASSERT_EQ(0, rpc(c, P9_TUNLINKAT, "dsd", ROOT, "d", 0x200));
	}
	EXPECT_EQ(false, p9s_exists(self->srv, "d"));
	ASSERT_EQ(0, rpc(c, P9_TREMOVE, "d", 4));
	EXPECT_EQ(false, p9s_exists(self->srv, "m"));
	EXPECT_EQ(true, reads(c, 3, "abc"));
	EXPECT_EQ(-EOPNOTSUPP, rpc(c, P9_TXATTRWALK, "dds", ROOT, 9, ""));
	EXPECT_EQ(-EOPNOTSUPP, rpc(c, 98, ""));
	EXPECT_EQ(0, p9s_violations(self->srv, ~0));
}

TEST_F(server, xattr)
{
	struct client *const c = &self->c;
	const char name[] = "user.x";

	if (variant->behaviour->version != P9S_DOTL)
		SKIP(return, "9P2000.L only");

	ASSERT_EQ(0, clone_fid(c, ROOT, 2));
	ASSERT_EQ(0, p9s_set_xattr(self->srv, "", name, "value", 5));
	EXPECT_EQ(0, rpc(c, P9_TXATTRWALK, "dds", 2, 3, name));
	EXPECT_EQ(5, get(c, 7, 8));
	EXPECT_EQ(true, reads(c, 3, "value"));
	EXPECT_EQ(0, clunk(c, 3));
	EXPECT_EQ(-ENODATA, rpc(c, P9_TXATTRWALK, "dds", 2, 3, "user.y"));
	EXPECT_EQ(-EOPNOTSUPP, rpc(c, P9_TXATTRWALK, "dds", 2, 3, ""));

	ASSERT_EQ(0, p9s_set_xattr(self->srv, "", name, "", 0));
	EXPECT_EQ(0, rpc(c, P9_TXATTRWALK, "dds", 2, 3, name));
	EXPECT_EQ(0, get(c, 7, 8));
	EXPECT_EQ(true, reads(c, 3, ""));
	EXPECT_EQ(0, clunk(c, 3));
	ASSERT_EQ(0, p9s_set_xattr(self->srv, "", name, NULL, 0));
	EXPECT_EQ(-ENODATA, rpc(c, P9_TXATTRWALK, "dds", 2, 3, name));
	EXPECT_EQ(0, p9s_violations(self->srv, ~0));
	EXPECT_EQ(-EBADF, rpc(c, P9_TXATTRWALK, "dds", 2, ROOT, name));
	EXPECT_EQ(1, p9s_violations(self->srv, P9S_V_FID_IN_USE));
}

TEST_F(server, readdir)
{
	struct client *const c = &self->c;
	size_t pos = 11, num = 0;
	uint64_t last = 0;

	ASSERT_EQ(0, clone_fid(c, ROOT, 2));
	EXPECT_EQ(-EBADF, rpc(c, P9_TREADDIR, "dqd", 2, 0ULL, 4096));
	ASSERT_EQ(0, lopen(c, 2, 0));
	ASSERT_EQ(0, rpc(c, P9_TREADDIR, "dqd", 2, 0ULL, 4096));
	for (; pos < c->len; num++) {
		EXPECT_LT(last, get(c, pos + 13, 8));
		last = get(c, pos + 13, 8);
		pos += 13 + 8 + 1;
		pos += 2 + get(c, pos, 2);
	}
	/* ., .., a, b, pipe */
	EXPECT_EQ(5, num);
	EXPECT_EQ(pos, c->len);
	ASSERT_EQ(0, rpc(c, P9_TREADDIR, "dqd", 2, last, 4096));
	EXPECT_EQ(0, get(c, 7, 4));
}

/* The server ends with the last of its users. */
TEST(lifetime)
{
	struct p9_server *srv;
	int status, pipe_fds[2];
	pid_t pid, server_pid;

	ASSERT_EQ(0, pipe(pipe_fds));
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		srv = p9s_start(P9S_HANDLE);
		if (!srv)
			_exit(1);
		server_pid = p9s_pid(srv);
		_exit(write(pipe_fds[1], &server_pid, sizeof(server_pid)) !=
		      sizeof(server_pid));
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	ASSERT_EQ((ssize_t)sizeof(server_pid),
		  read(pipe_fds[0], &server_pid, sizeof(server_pid)));
	/* It does not keep the pipe open. */
	close(pipe_fds[1]);
	EXPECT_EQ(0, read(pipe_fds[0], &status, 1));
	close(pipe_fds[0]);

	srv = p9s_start(P9S_HANDLE);
	ASSERT_NE(NULL, srv);
	ASSERT_EQ(0, kill(p9s_pid(srv), SIGKILL));
	EXPECT_EQ(-EPIPE, p9s_mkdir(srv, "x"));
	p9s_stop(srv);
	p9s_stop(NULL);
}

TEST_HARNESS_MAIN
