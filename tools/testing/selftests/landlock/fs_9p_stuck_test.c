// SPDX-License-Identifier: GPL-2.0-only
/*
 * Landlock tests - Tasks, mounts and threads next to a hung 9p server
 *
 * Waits for single requests are tested by fs_9p_hang_test.c.  This is about
 * what surrounds them: exit, mount and unmount, other mounts, other threads.
 */

#define _GNU_SOURCE
#include <pthread.h>
#include <sys/mman.h>

#include "fs_9p_cgroup.h"
#include "fs_9p_hang.h"

/* clang-format off */
FIXTURE(p9_stuck) {
	/* clang-format on */
	struct p9_env env;
};

FIXTURE_SETUP(p9_stuck)
{
	if (!p9_start(_metadata, &self->env, P9S_HANDLE))
		SKIP(return, "9p is not supported");

	setup(_metadata, &self->env, "cache=mmap");
}

FIXTURE_TEARDOWN_PARENT(p9_stuck)
{
	p9_finish(&self->env);
}

static int hold(struct p9_server *const srv, const uint8_t type)
{
	const struct p9s_rule rule = {
		.type = type,
		.action = P9S_HOLD,
		.flush = P9S_FLUSH_WAIT,
	};

	return p9s_arm(srv, &rule);
}

/* A child that opened something says so, and waits. */
static void say_and_wait(const int to_parent)
{
	if (write(to_parent, "", 1) == 1)
		pause();
	_exit(1);
}

/* What a killed task does on its way out ends too: Tclunk */
TEST_F(p9_stuck, S17_exit_killed)
{
	struct p9_server *const srv = self->env.srv;
	int fds[2];
	pid_t pid;
	char buf;

	ASSERT_EQ(0, pipe2(fds, O_CLOEXEC));
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		if (open(file_ruled, O_RDONLY) < 0 ||
		    open(dir_ruled, O_RDONLY) < 0)
			_exit(errno);
		say_and_wait(fds[1]);
	}
	ASSERT_EQ(1, read(fds[0], &buf, 1));
	ASSERT_EQ(0, p9s_freeze(srv, true));
	expect_killed(_metadata, srv, pid);
	ASSERT_EQ(0, p9s_freeze(srv, false));
	expect_clean(_metadata, srv);
}

/* The same without a kill. */
TEST_F(p9_stuck, S17_exit)
{
	struct p9_server *const srv = self->env.srv;
	int to_child[2], fds[2], status;
	pid_t pid;
	char buf;

	ASSERT_EQ(0, pipe2(fds, O_CLOEXEC));
	ASSERT_EQ(0, pipe2(to_child, O_CLOEXEC));
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		if (open(file_ruled, O_RDONLY) < 0 ||
		    open(dir_ruled, O_RDONLY) < 0)
			_exit(errno);
		if (write(fds[1], "", 1) != 1 ||
		    read(to_child[0], &buf, 1) != 1)
			_exit(1);
		_exit(0);
	}
	ASSERT_EQ(1, read(fds[0], &buf, 1));
	ASSERT_EQ(0, p9s_freeze(srv, true));
	ASSERT_EQ(1, write(to_child[1], "", 1));
	EXPECT_TRUE(is_gone(_metadata, srv, pid, &status));
	EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	ASSERT_EQ(0, p9s_freeze(srv, false));
	expect_clean(_metadata, srv);
}

/* Dirty pages are written by an exiting task, as long as the server answers. */
static void exit_dirty(struct __test_metadata *const _metadata,
		       struct p9_server *const srv, const bool frozen)
{
	int fds[2];
	pid_t pid;
	char buf;

	ASSERT_EQ(0, pipe2(fds, O_CLOEXEC));
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		const int fd = open(file_ruled, O_RDWR);
		char *const map = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				       MAP_SHARED, fd, 0);

		if (map == MAP_FAILED)
			_exit(errno);
		map[0] = 'X';
		say_and_wait(fds[1]);
	}
	ASSERT_EQ(1, read(fds[0], &buf, 1));
	ASSERT_EQ(0, p9s_freeze(srv, frozen));
	expect_killed(_metadata, srv, pid);
	ASSERT_EQ(0, p9s_freeze(srv, false));
}

TEST_F(p9_stuck, S17_exit_dirty)
{
	struct p9_server *const srv = self->env.srv;

	exit_dirty(_metadata, srv, true);
	expect_clean(_metadata, srv);
}

TEST_F(p9_stuck, S17_exit_dirty_control)
{
	struct p9_server *const srv = self->env.srv;

	exit_dirty(_metadata, srv, false);
	EXPECT_TRUE(p9s_content_is(srv, "ruled/f", "Xuled f"));
	expect_clean(_metadata, srv);
}

/* A namespace that ends while its server hangs. */
TEST_F(p9_stuck, S15_namespace_exit)
{
	struct p9_server *const srv = self->env.srv;
	unsigned int before;
	struct p9s_fids fids;
	pid_t pid;

	before = num_fids(_metadata, srv, 0);
	ASSERT_EQ(0, p9s_reset(srv));
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		set_cap(_metadata, CAP_SYS_ADMIN);
		if (unshare(CLONE_NEWNS) || p9s_mount(srv, LOCAL, NULL) ||
		    hold(srv, P9_TWALK) < 0)
			_exit(1);
		_exit(p9_do(P9_READ, LOCAL "/ruled/f", NULL));
	}
	ASSERT_LT(0, p9s_wait_held(srv));
	expect_killed(_metadata, srv, pid);
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, file_ruled);
	EXPECT_EQ(1, p9s_release(srv));
	EXPECT_EQ(before, p9s_wait_fids(srv, before));
	ASSERT_EQ(0, p9s_fids(srv, &fids));
	EXPECT_EQ(0, fids.leaked);
	expect_clean(_metadata, srv);
}

/* A hung mount does not keep another one from working. */
TEST_F(p9_stuck, S17_second_mount)
{
	struct p9_server *const srv = self->env.srv;
	struct p9_server *other;
	int ruleset_fd, err;
	struct hang hang;
	pid_t pid;

	other = p9s_start(P9S_HANDLE);
	ASSERT_NE(NULL, other);
	ASSERT_EQ(0, p9s_build(other, layout));
	set_cap(_metadata, CAP_SYS_ADMIN);
	err = p9s_mount(other, LOCAL, NULL);
	clear_cap(_metadata, CAP_SYS_ADMIN);
	ASSERT_EQ(0, err);

	hang_prepare(_metadata, &hang, HANG_PIN);
	ASSERT_EQ(1, hold(srv, P9_TLOPEN));
	pid = hang_fork(_metadata, &hang);
	ASSERT_LT(0, p9s_wait_held(srv));
	ASSERT_EQ(0, p9s_freeze(srv, true));

	/* While the task hangs, and with the same ruleset. */
	EXPECT_EQ(0, p9_add_rule(hang.ruleset_fd, LOCAL "/ruled", ACCESS_RO));
	P9_EXPECT(0, hang.ruleset_fd, P9_READ, LOCAL "/ruled/f");
	P9_EXPECT(EACCES, hang.ruleset_fd, P9_READ, LOCAL "/other/f");
	expect_killed(_metadata, srv, pid);
	ruleset_fd = p9_allow(_metadata, LOCAL "/ruled", ACCESS_RO);
	P9_EXPECT(0, ruleset_fd, P9_READ, LOCAL "/ruled/f");
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, LOCAL "/other/f");
	EXPECT_EQ(0, close(ruleset_fd));
	EXPECT_EQ(0, close(hang.ruleset_fd));
	hang.ruleset_fd = -1;
	EXPECT_EQ(0, p9_umount(_metadata, LOCAL, 0));
	expect_no_fids(_metadata, other);
	p9s_stop(other);

	ASSERT_EQ(0, p9s_freeze(srv, false));
	EXPECT_EQ(1, p9s_release(srv));
	hang_finish(_metadata, &hang);
	expect_clean(_metadata, srv);
}

/* Many requests are left behind, then the server goes on with all of them. */
TEST_F(p9_stuck, S17_many)
{
	const struct p9s_rule rule = {
		.type = P9_TLOPEN,
		.times = P9S_ALWAYS,
		.action = P9S_HOLD,
		.flush = P9S_FLUSH_WAIT,
	};
	struct p9_server *const srv = self->env.srv;
	struct hang hang;
	pid_t pids[20];
	size_t i;

	hang_prepare(_metadata, &hang, HANG_PIN);
	ASSERT_EQ(0, p9s_reset(srv));
	ASSERT_EQ(1, p9s_arm(srv, &rule));
	for (i = 0; i < ARRAY_SIZE(pids); i++)
		pids[i] = hang_fork(_metadata, &hang);
	ASSERT_LE(0, p9s_wait_count(srv, P9_TLOPEN, ARRAY_SIZE(pids)));
	for (i = 0; i < ARRAY_SIZE(pids); i++)
		expect_killed(_metadata, srv, pids[i]);
	EXPECT_LE(0, p9s_wait_count(srv, P9_TFLUSH, ARRAY_SIZE(pids)));
	ASSERT_EQ(0, p9s_disarm(srv));
	EXPECT_EQ(ARRAY_SIZE(pids), p9s_release(srv));
	EXPECT_EQ(0, p9s_wait_open_fids(srv, 0));
	hang_finish(_metadata, &hang);
	expect_clean(_metadata, srv);
}

/* What killed tasks leave stays their cgroup's, until the server answers. */
TEST_F(p9_stuck, S17_memory)
{
	const struct p9s_rule rule = {
		.type = P9_TREADDIR,
		.times = P9S_ALWAYS,
		.action = P9S_HOLD,
		.flush = P9S_FLUSH_WAIT,
	};
	/* The default msize, less what a cgroup may not have counted yet. */
	const size_t least = 100 * 1024;
	struct p9_server *const srv = self->env.srv;
	pid_t pids[20];
	char buf[512];
	size_t i;

	if (!cgroup_make(_metadata))
		SKIP(return, "no memory controller of cgroup v2");

	ASSERT_EQ(1, p9s_arm(srv, &rule));
	for (i = 0; i < ARRAY_SIZE(pids); i++) {
		pids[i] = fork();
		ASSERT_LE(0, pids[i]);
		if (pids[i] == 0) {
			int fd;

			if (!cgroup_enter())
				_exit(errno);
			fd = open(dir_ruled, O_RDONLY | O_DIRECTORY);
			_exit(syscall(__NR_getdents64, fd, buf, sizeof(buf)));
		}
	}
	ASSERT_LE(0, p9s_wait_count(srv, P9_TREADDIR, ARRAY_SIZE(pids)));
	for (i = 0; i < ARRAY_SIZE(pids); i++)
		expect_killed(_metadata, srv, pids[i]);
	EXPECT_LE(ARRAY_SIZE(pids) * least, cgroup_bytes());

	ASSERT_EQ(0, p9s_disarm(srv));
	EXPECT_EQ(ARRAY_SIZE(pids), p9s_release(srv));
	expect_clean(_metadata, srv);
	EXPECT_GT(ARRAY_SIZE(pids) * least / 2, cgroup_bytes());

	cgroup_remove(_metadata);
}

/* The end of a mount can be killed as well. */
TEST_F(p9_stuck, S17_kill_umount)
{
	struct p9_server *const srv = self->env.srv;
	pid_t pid;

	ASSERT_EQ(1, hold(srv, P9_TCLUNK));
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0)
		_exit(p9_umount(_metadata, P9, 0));
	ASSERT_LT(0, p9s_wait_held(srv));
	expect_killed(_metadata, srv, pid);
	EXPECT_EQ(0, p9s_wait_closed(srv));
	EXPECT_EQ(0, p9s_wait_fids(srv, 0));
	ASSERT_EQ(0, p9s_reset(srv));
	p9_mount(_metadata, &self->env, NULL);
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, file_ruled);
	expect_clean(_metadata, srv);
}

/* Also its beginning. */
TEST_F(p9_stuck, S17_kill_mount)
{
	static const uint8_t types[] = { P9_TVERSION, P9_TATTACH, P9_TGETATTR };
	struct p9_server *const srv = self->env.srv;
	unsigned int before;
	pid_t pid;
	size_t i;

	before = num_fids(_metadata, srv, 0);
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		ASSERT_LT(0, hold(srv, types[i]));
		pid = fork();
		ASSERT_LE(0, pid);
		if (pid == 0) {
			p9_mount(_metadata, &self->env, NULL);
			_exit(0);
		}
		ASSERT_LT(0, p9s_wait_held(srv));
		expect_killed(_metadata, srv, pid);
		EXPECT_EQ(before, p9s_wait_fids(srv, before));
		p9s_release(srv);
		EXPECT_EQ(before, p9s_wait_fids(srv, before));
	}
	/* A mount that does not come about ends with its connection. */
	ASSERT_EQ(0, p9s_reset(srv));
	expect_clean(_metadata, srv);
}

/* Threads: one is inside of a hung pin. */

struct pin_thread {
	const struct hang *hang;
	int err;
};

static void *pin_thread(void *const arg)
{
	struct pin_thread *const data = arg;

	data->err = hang_do(data->hang);
	return NULL;
}

/* Not /proc/PID/stat, which waits for TSYNC. */
static char task_state(const pid_t pid)
{
	char path[64], line[128];
	char state = '\0';
	FILE *inf;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	inf = fopen(path, "r");
	while (inf && fgets(line, sizeof(line), inf)) {
		if (sscanf(line, "State: %c", &state) == 1)
			break;
	}
	if (inf)
		fclose(inf);
	return state;
}

/* A process whose first thread waits for the second one, which hangs. */
static pid_t fork_tsync(struct __test_metadata *const _metadata,
			struct p9_server *const srv,
			const struct hang *const hang)
{
	int fds[2], to_child[2];
	pid_t pid;
	char buf;

	ASSERT_EQ(0, pipe2(fds, O_CLOEXEC));
	ASSERT_EQ(0, pipe2(to_child, O_CLOEXEC));
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		struct pin_thread data = { .hang = hang, .err = -1 };
		const int ruleset_fd = p9_ruleset(_metadata, ACCESS_RO, NULL);
		pthread_t thread;

		if (pthread_create(&thread, NULL, pin_thread, &data) ||
		    read(to_child[0], &buf, 1) != 1 ||
		    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		    write(fds[1], "", 1) != 1)
			_exit(1);
		if (landlock_restrict_self(ruleset_fd,
					   LANDLOCK_RESTRICT_SELF_TSYNC))
			_exit(2);
		if (pthread_join(thread, NULL))
			_exit(3);
		/* The rule was added, and this ruleset has none. */
		if (data.err || p9_do(P9_READ, file_ruled, NULL) != EACCES)
			_exit(4);
		_exit(0);
	}
	ASSERT_LT(0, p9s_wait_held(srv));
	ASSERT_EQ(1, write(to_child[1], "", 1));
	ASSERT_EQ(1, read(fds[0], &buf, 1));
	/* It does nothing else that sleeps until the other thread is done. */
	while (task_state(pid) == 'R')
		sched_yield();
	ASSERT_EQ(0, close(fds[0]));
	ASSERT_EQ(0, close(fds[1]));
	ASSERT_EQ(0, close(to_child[0]));
	ASSERT_EQ(0, close(to_child[1]));
	return pid;
}

TEST_F(p9_stuck, S17_tsync_kill)
{
	struct p9_server *const srv = self->env.srv;
	struct hang hang;
	pid_t pid;

	hang_prepare(_metadata, &hang, HANG_PIN);
	ASSERT_EQ(1, hold(srv, P9_TLOPEN));
	pid = fork_tsync(_metadata, srv, &hang);
	expect_killed(_metadata, srv, pid);
	EXPECT_EQ(1, p9s_release(srv));
	hang_finish(_metadata, &hang);
	expect_clean(_metadata, srv);
}

TEST_F(p9_stuck, S17_tsync_late)
{
	struct p9_server *const srv = self->env.srv;
	struct hang hang;
	int status;
	pid_t pid;

	hang_prepare(_metadata, &hang, HANG_PIN);
	ASSERT_EQ(1, hold(srv, P9_TLOPEN));
	pid = fork_tsync(_metadata, srv, &hang);
	EXPECT_EQ(1, p9s_release(srv));
	EXPECT_TRUE(is_gone(_metadata, srv, pid, &status));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
	hang_finish(_metadata, &hang);
	expect_clean(_metadata, srv);
}

/* One thread ends the process, the other one is inside of a hung pin. */
TEST_F(p9_stuck, S17_exit_group)
{
	struct p9_server *const srv = self->env.srv;
	struct hang hang;
	int fds[2], status;
	pid_t pid;
	char buf;

	ASSERT_EQ(0, pipe2(fds, O_CLOEXEC));
	hang_prepare(_metadata, &hang, HANG_PIN);
	ASSERT_EQ(1, hold(srv, P9_TLOPEN));
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		struct pin_thread data = { .hang = &hang };
		pthread_t thread;

		if (pthread_create(&thread, NULL, pin_thread, &data) ||
		    read(fds[0], &buf, 1) != 1)
			_exit(1);
		_exit(0);
	}
	ASSERT_LT(0, p9s_wait_held(srv));
	ASSERT_EQ(0, p9s_freeze(srv, true));
	ASSERT_EQ(1, write(fds[1], "", 1));
	EXPECT_TRUE(is_gone(_metadata, srv, pid, &status));
	EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	ASSERT_EQ(0, p9s_freeze(srv, false));
	EXPECT_EQ(1, p9s_release(srv));
	hang_finish(_metadata, &hang);
	expect_clean(_metadata, srv);
}

static pid_t fork_op(struct __test_metadata *const _metadata, const uid_t uid,
		     const enum p9_op_kind kind, const char *const path,
		     const char *const path2)
{
	const pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (pid == 0) {
		if (uid) {
			set_cap(_metadata, CAP_SETUID);
			/* Not the real one, which a kill goes by. */
			if (setresuid(-1, uid, -1))
				_exit(P9_CHILD_USER);
		}
		_exit(p9_do(kind, path, path2));
	}
	return pid;
}

/* Who needs the lock of a hung rename can be killed. */
TEST_F(p9_stuck, S17_rename)
{
	struct p9_server *const srv = self->env.srv;
	pid_t pid, other, rename;
	char held[32];
	int fd;

	/* Another user needs a fid of its own, by name. */
	fd = open(file_ruled, O_PATH | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(1, hold(srv, P9_TRENAMEAT));
	ASSERT_EQ(0, p9s_reset(srv));
	pid = fork_op(_metadata, 0, P9_RENAME, file_sibling,
		      P9 "/ruled/renamed");
	ASSERT_LT(0, p9s_wait_held(srv));
	snprintf(held, sizeof(held), "/proc/self/fd/%d", fd);
	other = fork_op(_metadata, 1000, P9_READ, held, NULL);
	rename = fork_op(_metadata, 0, P9_RENAME, file_other,
			 P9 "/other/renamed");
	/* Names (but "ruled" is held), and two copies of fids for each. */
	ASSERT_LE(9, p9s_wait_count(srv, P9_TWALK, 9));
	EXPECT_TRUE(p9_is_blocked(other));
	EXPECT_TRUE(p9_is_blocked(rename));
	EXPECT_EQ(1, p9s_held(srv));
	expect_killed(_metadata, srv, other);
	expect_killed(_metadata, srv, rename);
	expect_killed(_metadata, srv, pid);
	EXPECT_EQ(1, p9s_release(srv));
	EXPECT_EQ(0, close(fd));
	expect_clean(_metadata, srv);
}

/* Who waits for a change that hangs, or behind who waits, can be killed. */
TEST_F(p9_stuck, S17_change)
{
	struct p9_server *const srv = self->env.srv;
	pid_t pid, rename, create;

	ASSERT_EQ(1, hold(srv, P9_TMKDIR));
	pid = fork_op(_metadata, 0, P9_MKDIR, P9 "/ruled/new", NULL);
	ASSERT_LT(0, p9s_wait_held(srv));
	ASSERT_EQ(0, p9s_reset(srv));
	rename = fork_op(_metadata, 0, P9_RENAME, file_other,
			 P9 "/other/renamed");
	/* Three names, and two copies of fids. */
	ASSERT_LE(5, p9s_wait_count(srv, P9_TWALK, 5));
	EXPECT_TRUE(p9_is_blocked(rename));
	create = fork_op(_metadata, 0, P9_CREATE, P9 "/new", NULL);
	EXPECT_TRUE(p9_is_blocked(create));
	EXPECT_EQ(1, p9s_held(srv));
	expect_killed(_metadata, srv, create);
	expect_killed(_metadata, srv, rename);
	expect_killed(_metadata, srv, pid);
	EXPECT_EQ(1, p9s_release(srv));
	EXPECT_FALSE(p9s_exists(srv, "new"));
	EXPECT_TRUE(p9s_exists(srv, "other/f"));
	expect_clean(_metadata, srv);
}

/* Nobody waits for ever for what a killed task asked for. */
TEST_F(p9_stuck, S17_left)
{
	struct p9_server *const srv = self->env.srv;
	pid_t pid;
	int err;

	ASSERT_EQ(1, hold(srv, P9_TMKDIR));
	pid = fork_op(_metadata, 0, P9_MKDIR, P9 "/ruled/new", NULL);
	ASSERT_LT(0, p9s_wait_held(srv));
	expect_killed(_metadata, srv, pid);
	EXPECT_EQ(EBUSY, p9_do(P9_RENAME, file_other, P9 "/other/renamed"));
	EXPECT_EQ(EBUSY, p9_do(P9_UNLINK, file_other, NULL));
	EXPECT_TRUE(p9s_exists(srv, "other/f"));
	EXPECT_EQ(0, p9_do(P9_CREATE, P9 "/other/new", NULL));
	EXPECT_EQ(1, p9s_release(srv));
	do {
		err = p9_do(P9_RENAME, file_other, P9 "/other/renamed");
	} while (err == EBUSY);
	EXPECT_EQ(0, err);
	EXPECT_TRUE(p9s_exists(srv, "ruled/new"));
	EXPECT_EQ(0, p9_do(P9_UNLINK, P9 "/other/renamed", NULL));
	expect_clean(_metadata, srv);
}

/*
 * In 9P2000.u, a hard link is made by the number of a fid.  It is not the one of
 * another file when the server gets there, even if the task is gone by then.
 */
TEST_F(p9_stuck, S27_link_killed)
{
	struct p9_behaviour behaviour = *P9S_HANDLE;
	struct p9_server *const srv = self->env.srv;
	int fds[8];
	pid_t pid;

	behaviour.version = P9S_DOTU;
	ASSERT_EQ(0, p9_umount(_metadata, P9, 0));
	ASSERT_EQ(0, p9s_set_behaviour(srv, &behaviour));
	p9_mount(_metadata, &self->env, "cache=none");
	ASSERT_EQ(1, hold(srv, P9_TCREATE));
	pid = fork_op(_metadata, 0, P9_LINK, file_other, P9 "/other/linked");
	ASSERT_LT(0, p9s_wait_held(srv));
	expect_killed(_metadata, srv, pid);
	/* These take the numbers that are free. */
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = open(file_ruled, O_RDONLY | O_CLOEXEC);
		ASSERT_LE(0, fds[i]);
	}
	EXPECT_EQ(1, p9s_release(srv));
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		EXPECT_EQ(0, close(fds[i]));
	EXPECT_EQ(p9s_qid_path(srv, "other/f"),
		  p9s_qid_path(srv, "other/linked"));
	expect_clean(_metadata, srv);
}

TEST_HARNESS_MAIN
