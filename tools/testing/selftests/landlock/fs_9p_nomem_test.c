// SPDX-License-Identifier: GPL-2.0-only
/*
 * Landlock tests - Rules on 9p when there is no memory
 *
 * The memory of rules, of pins and of requests is the one of a cgroup.  At its
 * limit there is an error: the OOM killer finds nobody to kill.
 */

#define _GNU_SOURCE
#include "fs_9p_cgroup.h"

#define NUM_FILES 900
#define HEADROOM (128 * 1024)

/* clang-format off */
FIXTURE(p9_nomem) {
	/* clang-format on */
	struct p9_env env;
};

FIXTURE_SETUP(p9_nomem)
{
	/* Before it loses its capabilities */
	if (!cgroup_write("/proc/self/oom_score_adj", "-1000"))
		SKIP(return, "no right to be spared by the OOM killer");
	if (!p9_start(_metadata, &self->env, P9S_HANDLE))
		SKIP(return, "9p is not supported");

	make_many(_metadata, self->env.srv, NUM_FILES);
	setup(_metadata, &self->env, "cache=none");
}

FIXTURE_TEARDOWN_PARENT(p9_nomem)
{
	p9_finish(&self->env);
}

TEST_F(p9_nomem, S18_no_memory)
{
	const int ruleset_fd =
		p9_ruleset(_metadata, LANDLOCK_ACCESS_FS_READ_FILE, NULL);
	struct p9_server *const srv = self->env.srv;
	struct {
		unsigned int added;
		int err;
	} result = {};
	int to_child[2], to_parent[2], i;
	int fds[NUM_FILES];
	char text[32];
	pid_t pid;

	if (!cgroup_make(_metadata))
		SKIP(return, "no memory controller of cgroup v2");

	/* What is opened before the limit is set needs no memory then. */
	for (i = 0; i < NUM_FILES; i++) {
		fds[i] = open(file_of_many(i), O_PATH | O_CLOEXEC);
		ASSERT_LE(0, fds[i]);
	}
	ASSERT_EQ(0, pipe2(to_child, O_CLOEXEC));
	ASSERT_EQ(0, pipe2(to_parent, O_CLOEXEC));
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		if (!cgroup_enter() || write(to_parent[1], "", 1) != 1 ||
		    read(to_child[0], text, 1) != 1)
			_exit(1);
		for (i = 0; i < NUM_FILES && !result.err; i++)
			result.err =
				p9_add_rule_fd(ruleset_fd, fds[i],
					       LANDLOCK_ACCESS_FS_READ_FILE);
		result.added = i - !!result.err;
		_exit(write(to_parent[1], &result, sizeof(result)) !=
		      sizeof(result));
	}
	ASSERT_EQ(1, read(to_parent[0], text, 1));
	snprintf(text, sizeof(text), "%zu", cgroup_bytes() + HEADROOM);
	ASSERT_TRUE(cgroup_write(CGROUP "/memory.max", text));
	ASSERT_EQ(1, write(to_child[1], "", 1));
	ASSERT_EQ(sizeof(result), read(to_parent[0], &result, sizeof(result)));
	EXPECT_EQ(0, p9_wait_child(pid));
	for (i = 0; i < NUM_FILES; i++)
		EXPECT_EQ(0, close(fds[i]));

	EXPECT_EQ(ENOMEM, result.err);
	ASSERT_LT(0, result.added);
	ASSERT_GT(NUM_FILES, result.added);
	/* The last one left nothing. */
	settle(_metadata, srv, result.added);
	P9_EXPECT(0, ruleset_fd, P9_READ, file_of_many(result.added - 1));
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, file_of_many(result.added));
	EXPECT_EQ(0, close(ruleset_fd));
	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
	expect_no_fids(_metadata, srv);
	cgroup_remove(_metadata);
}

TEST_HARNESS_MAIN
