// SPDX-License-Identifier: GPL-2.0-only
/*
 * Landlock tests - Files on 9p that have no name anymore
 */

#define _GNU_SOURCE
#include "fs_9p_pin.h"

/* clang-format off */
FIXTURE(p9_unlinked) {
	/* clang-format on */
	struct p9_env env;
};

FIXTURE_VARIANT(p9_unlinked)
{
	const char *rule;
	/* What Landlock says to the opened file */
	bool allowed;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_unlinked, rule_on_file) {
	/* clang-format on */
	.rule = P9 "/ruled/f",
	.allowed = true,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_unlinked, rule_elsewhere) {
	/* clang-format on */
	.rule = P9 "/other",
	.allowed = false,
};

FIXTURE_SETUP(p9_unlinked)
{
	if (!p9_start(_metadata, &self->env, P9S_HANDLE))
		SKIP(return, "9p is not supported");

	setup(_metadata, &self->env, "cache=none");
}

FIXTURE_TEARDOWN_PARENT(p9_unlinked)
{
	p9_finish(&self->env);
}

/* Reopens a file that has no name anymore: returns 0 or errno. */
static int reopen_unlinked(struct __test_metadata *const _metadata,
			   struct p9_server *const srv, const int ruleset_fd,
			   const bool on_server)
{
	int fds[2], to_child[2], err;
	pid_t pid;
	char buf;

	ASSERT_EQ(0, pipe2(fds, O_CLOEXEC));
	ASSERT_EQ(0, pipe2(to_child, O_CLOEXEC));
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		const int fd = open(file_ruled, O_RDONLY | O_CLOEXEC);
		char path[64];

		/* Opened before, as an inherited descriptor. */
		if (fd < 0 ||
		    (ruleset_fd != P9_NO_RULESET && !p9_restrict(ruleset_fd)))
			_exit(P9_CHILD_SANDBOX);
		if (write(fds[1], "", 1) != 1 ||
		    read(to_child[0], &buf, 1) != 1)
			_exit(P9_CHILD_SANDBOX);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		_exit(p9_do(P9_READ, path, NULL));
	}
	ASSERT_EQ(1, read(fds[0], &buf, 1));
	err = on_server ? p9s_remove(srv, "ruled/f") : unlink(file_ruled);
	ASSERT_EQ(0, err);
	ASSERT_EQ(1, write(to_child[1], "", 1));
	err = p9_wait_child(pid);
	ASSERT_EQ(0, close(fds[0]));
	ASSERT_EQ(0, close(fds[1]));
	ASSERT_EQ(0, close(to_child[0]));
	ASSERT_EQ(0, close(to_child[1]));
	return err;
}

/*
 * Whether a file without a name can be opened again is the matter of the file
 * system.  Landlock only looks at the rule on the file itself.
 */
static void unlinked_test(struct __test_metadata *const _metadata,
			  FIXTURE_DATA(p9_unlinked) *const self,
			  const FIXTURE_VARIANT(p9_unlinked) *const variant,
			  const bool on_server)
{
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd, control, err;

	control = reopen_unlinked(_metadata, srv, P9_NO_RULESET, on_server);
	EXPECT_EQ(0, control)
	{
		TH_LOG("%s", strerror(control));
	}
	ASSERT_EQ(0, p9s_create(srv, "ruled/f", "ruled f"));
	p9_drop_caches(_metadata);
	ruleset_fd =
		p9_allow(_metadata, variant->rule, ACCESS_FILE & ACCESS_RO);
	err = reopen_unlinked(_metadata, srv, ruleset_fd, on_server);
	EXPECT_EQ(variant->allowed ? control : EACCES, err)
	{
		TH_LOG("%s", strerror(err));
	}
	EXPECT_EQ(0, close(ruleset_fd));
	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
	expect_no_fids(_metadata, srv);
}

TEST_F(p9_unlinked, S34_unlink)
{
	unlinked_test(_metadata, self, variant, false);
}

TEST_F(p9_unlinked, S34_unlink_on_server)
{
	unlinked_test(_metadata, self, variant, true);
}

TEST_HARNESS_MAIN
