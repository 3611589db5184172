/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cases of guest_9p: QEMU's server hangs, because the host lets it wait
 */

#ifndef GUEST_HANG_H
#define GUEST_HANG_H

#include "guest_9p.h"

#define GONE_MS 30000

/* Logs where a task sleeps. */
static void where(const pid_t pid)
{
	char path[40], line[100];
	FILE *inf;

	snprintf(path, sizeof(path), "/proc/%d/stack", pid);
	inf = fopen(path, "r");
	if (!inf)
		return;
	while (fgets(line, sizeof(line), inf))
		fprintf(stderr, "stuck: %s", line);
	fclose(inf);
}

static bool is_gone(const pid_t pid, int *const status)
{
	struct pollfd pfd = {
		.fd = syscall(__NR_pidfd_open, pid, 0),
		.events = POLLIN,
	};
	const bool gone = pfd.fd >= 0 && poll(&pfd, 1, GONE_MS) == 1;

	close(pfd.fd);
	if (!gone) {
		where(pid);
		/* Let it end. */
		host("release", "", "");
	}
	waitpid(pid, status, 0);
	return gone;
}

static pid_t start_open(const char *const path)
{
	const pid_t pid = fork();

	if (pid < 0)
		broken("fork");
	if (!pid)
		_exit(open(path, O_RDONLY) < 0 ? errno : 0);
	return pid;
}

/* Runs a case in which whoever opens d/f waits until the host says "release". */
static const char *with_hold(const char *(*const run)(void))
{
	const char *error;

	if (!host("hold", "d/f", "")) {
		skipped = true;
		FAIL("the host has no fanotify permission events");
	}
	error = run();
	host("release", "", "");
	return error;
}

static const char *kill_one(const char *const what, const pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	if (!is_gone(pid, &status))
		FAIL("%s: the killed task is stuck", what);
	if (!WIFSIGNALED(status))
		FAIL("%s: the task ended by itself", what);
	return NULL;
}

/* A killed task leaves its wait, and the mount works on. */
static const char *do_kill(void)
{
	const int ruleset = new_ruleset();
	pid_t pid;

	pid = start_open(p9("d/f"));
	host("held", "1", "");
	TRY(kill_one("open", pid));
	TRY(reads(NULL, "while it hangs", p9("e/f"), "secret"));

	pid = fork();
	if (pid < 0)
		broken("fork");
	if (!pid)
		_exit(add_rule(ruleset, p9("d/f"), RO & ~FS(READ_DIR)));
	host("held", "2", "");
	TRY(kill_one("landlock_add_rule", pid));
	TRY(reads(NULL, "while it hangs", p9("d/sub/g"), "deep"));
	host("release", "", "");
	TRY(reads(NULL, "afterwards", p9("d/f"), "granted"));
	return NULL;
}

/* Mounts once the former mount is gone, i.e. when the last reply came. */
static const char *mount_again(void)
{
	int err;

	for (int i = 0; i < 6000; i++) {
		err = do_mount();
		if (err != EBUSY)
			break;
		usleep(10000);
	}
	if (err)
		FAIL("mount when the server goes on: %s", name_of(err));
	return NULL;
}

/* So does an unmount, which leaves the rest to the device. */
static const char *do_kill_umount(void)
{
	int status, err;
	pid_t pid;

	pid = start_open(p9("d/f"));
	host("held", "1", "");
	TRY(kill_one("open", pid));
	pid = fork();
	if (pid < 0)
		broken("fork");
	if (!pid) {
		/* Busy while we look at it, see below. */
		do {
			err = do_umount();
		} while (err == EBUSY);
		_exit(err);
	}
	/* Once it has left the tree, it only waits for the server. */
	for (int i = 0; !access(p9("e/f"), F_OK); i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			FAIL("umount ended with status %#x", status);
		if (i == 3000) {
			where(pid);
			FAIL("umount does not start");
		}
		usleep(10000);
	}
	TRY(kill_one("umount", pid));
	mounted = false;
	err = do_mount();
	if (err != EBUSY)
		FAIL("mount while the server hangs: %s", name_of(err));
	host("release", "", "");
	TRY(mount_again());
	TRY(reads(NULL, "mounted again", p9("d/f"), "granted"));
	return NULL;
}

/* A forced unmount ends all waits. */
static const char *do_umount_force(void)
{
	int status, err;
	pid_t pid;

	pid = start_open(p9("d/f"));
	host("held", "1", "");
	err = umount2(MNT, MNT_FORCE) ? errno : 0;
	if (err && err != EBUSY)
		FAIL("forced umount: %s", name_of(err));
	if (!is_gone(pid, &status))
		FAIL("the task is stuck");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != EIO)
		FAIL("the task ended with status %#x", status);
	if (!err)
		mounted = false;
	err = mounted ? do_umount() : 0;
	if (err)
		FAIL("umount: %s", name_of(err));
	host("release", "", "");
	TRY(mount_again());
	TRY(reads(NULL, "mounted again", p9("d/f"), "granted"));
	return NULL;
}

static const char *s17_kill(void)
{
	return with_hold(do_kill);
}

static const char *s17_kill_umount(void)
{
	return with_hold(do_kill_umount);
}

static const char *s15_umount_force(void)
{
	return with_hold(do_umount_force);
}

#endif /* GUEST_HANG_H */
