/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * v9fs tests - Helpers for the reuse of inodes (inodeident=)
 *
 * A test has its own mount namespace, an in-test server (p9_server.h), and a
 * 9p mount at P9.
 *
 * An inode of an uncached 9p mount lives as long as something uses it.  Here
 * this is a mark of inotify, for which the kernel returns the same watch
 * descriptor as long as it gets the same inode.
 */

#ifndef _SELFTESTS_9P_INODEIDENT_H
#define _SELFTESTS_9P_INODEIDENT_H

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../kselftest_harness.h"
#include "p9_server.h"

#define TMP "tmp"
#define P9 "m"
#define P9_2 "m2"

struct env {
	/* Valid in the test's process and its threads only */
	struct p9_server *srv;
	int inotify_fd;
};

static inline bool p9_supported(void)
{
	char line[64];
	bool found = false;
	FILE *const inf = fopen("/proc/filesystems", "r");

	if (!inf)
		return true;

	while (!found && fgets(line, sizeof(line), inf))
		found = strcmp(line, "nodev\t9p\n") == 0;
	fclose(inf);
	return found;
}

/* Goes to a tmpfs of the test's own.  Returns false to skip. */
static bool __maybe_unused env_start(struct __test_metadata *const _metadata,
				     struct env *const env,
				     const struct p9_behaviour *const behaviour)
{
	if (!p9_supported() || geteuid() != 0)
		return false;

	/*
	 * The server must not be the last one in the test's namespace: it would
	 * have to answer to its own unmount.
	 */
	env->srv = p9s_start(behaviour);
	ASSERT_NE(NULL, env->srv);

	ASSERT_TRUE(!mkdir(TMP, 0755) || errno == EEXIST);
	ASSERT_EQ(0, unshare(CLONE_NEWNS));
	ASSERT_EQ(0, mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL));
	ASSERT_EQ(0, mount("tmpfs", TMP, "tmpfs", 0, "size=16m,mode=755"));
	ASSERT_EQ(0, chdir(TMP));
	ASSERT_EQ(0, mkdir(P9, 0755));
	ASSERT_EQ(0, mkdir(P9_2, 0755));

	env->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	ASSERT_LE(0, env->inotify_fd);
	return true;
}

/*
 * Marks do not hold the mount, which leaves no fid on the server.  (The latter
 * ends with the test, whatever happens to it.)
 */
static void __maybe_unused env_finish(struct __test_metadata *const _metadata,
				      struct env *const env)
{
	if (!env->srv)
		return;

	EXPECT_EQ(0, umount(P9))
	{
		TH_LOG("Failed to unmount: %s", strerror(errno));
	}
	EXPECT_EQ(0, p9s_wait_fids(env->srv, 0));
	EXPECT_EQ(0, p9s_violations(env->srv, P9S_V_PROTOCOL));
	p9s_stop(env->srv);

	EXPECT_EQ(0, chdir(".."));
	EXPECT_EQ(0, umount2(TMP, MNT_DETACH));
	rmdir(TMP);
}

/* Forgets all dentries and inodes which nobody holds. */
static void __maybe_unused drop_caches(struct __test_metadata *const _metadata)
{
	const int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);

	ASSERT_LE(0, fd);
	ASSERT_EQ(1, write(fd, "3", 1));
	ASSERT_EQ(0, close(fd));
}

/* Marks the inode of @path, which then stays until the end of the test. */
static int __maybe_unused mark(struct __test_metadata *const _metadata,
			       const struct env *const env,
			       const char *const path)
{
	const int wd = inotify_add_watch(env->inotify_fd, path,
					 IN_ALL_EVENTS | IN_DONT_FOLLOW);

	ASSERT_LE(0, wd)
	{
		TH_LOG("Failed to watch %s: %s", path, strerror(errno));
	}
	drop_caches(_metadata);
	return wd;
}

/* Is the inode of @path the one that was marked? */
static bool __maybe_unused is_marked(struct __test_metadata *const _metadata,
				     const struct env *const env,
				     const char *const path, const int wd)
{
	const int other = inotify_add_watch(env->inotify_fd, path,
					    IN_ALL_EVENTS | IN_DONT_FOLLOW);

	ASSERT_LE(0, other)
	{
		TH_LOG("Failed to watch %s: %s", path, strerror(errno));
	}
	if (other == wd)
		return true;

	ASSERT_EQ(0, inotify_rm_watch(env->inotify_fd, other));
	return false;
}

/* Reads all events that are there: returns the masks of those of @wd. */
static uint32_t __maybe_unused events(const struct env *const env, const int wd)
{
	char buf[4096]
		__attribute__((aligned(__alignof__(struct inotify_event))));
	const struct inotify_event *event;
	uint32_t masks = 0;
	const char *pos;
	ssize_t len;

	while ((len = read(env->inotify_fd, buf, sizeof(buf))) > 0) {
		for (pos = buf; pos < buf + len;
		     pos += sizeof(*event) + event->len) {
			event = (const struct inotify_event *)pos;
			if (event->wd == wd)
				masks |= event->mask;
		}
	}
	return masks;
}

/* Returns 0 or errno.  Does not wait for a writer (FIFO). */
static int __maybe_unused touch(const char *const path)
{
	const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return errno;
	return close(fd) ? errno : 0;
}

/* Returns 0 or errno of the open by a child with this ruleset. */
static int __maybe_unused try_sandboxed(const int ruleset_fd,
					const char *const path)
{
	int status;
	const pid_t child = fork();

	if (child == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		    syscall(__NR_landlock_restrict_self, ruleset_fd, 0))
			_exit(250);
		_exit(touch(path));
	}
	if (child < 0 || waitpid(child, &status, 0) != child ||
	    !WIFEXITED(status))
		return 251;
	return WEXITSTATUS(status);
}

/* Is @word in the options of the mount at @dir? */
static bool __maybe_unused has_option(const char *const dir,
				      const char *const word)
{
	char line[1024], want[128];
	bool found = false;
	FILE *const inf = fopen("/proc/self/mounts", "r");

	if (!inf)
		return false;

	snprintf(want, sizeof(want), "/%s 9p ", dir);
	while (!found && fgets(line, sizeof(line), inf))
		found = strstr(line, want) && strstr(line, word);
	fclose(inf);
	return found;
}

#endif /* _SELFTESTS_9P_INODEIDENT_H */
