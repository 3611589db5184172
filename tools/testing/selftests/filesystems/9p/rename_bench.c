// SPDX-License-Identifier: GPL-2.0-only
/*
 * v9fs tests - Cost of the rename of a directory with many remembered inodes
 *
 * usage: rename_bench FILES...
 *
 * For each number of files below the directory, prints this number and the
 * nanoseconds of a rename.  To be run where the clock counts instructions (QEMU
 * with -icount shift=0,sleep=off): a path must not cost anything for what is
 * below it.
 */

#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "p9_server.h"

#define NUM_RENAMES 100
#define PER_DIR 100
#define MNT "/tmp/rename_bench"

static void write_file(const char *const path, const char *const text)
{
	FILE *const outf = fopen(path, "w");

	if (!outf || fputs(text, outf) < 0 || fclose(outf))
		err(1, "%s", path);
}

static unsigned long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void rename_both(void)
{
	if (rename(MNT "/d", MNT "/e") || rename(MNT "/e", MNT "/d"))
		err(1, "rename");
}

static void bench(const int files)
{
	struct p9_server *const srv = p9s_start(P9S_HANDLE);
	const int inotify_fd = inotify_init1(IN_CLOEXEC);
	unsigned long long start;
	char path[64];
	int i, ret;

	if (!srv || inotify_fd < 0)
		errx(1, "cannot start a server");
	ret = p9s_mkdir(srv, "d");
	for (i = 0; i < files && !ret; i++) {
		if (i % PER_DIR == 0) {
			snprintf(path, sizeof(path), "d/%d", i / PER_DIR);
			ret = p9s_mkdir(srv, path);
		}
		snprintf(path, sizeof(path), "d/%d/%d", i / PER_DIR, i);
		if (!ret)
			ret = p9s_create(srv, path, "");
	}
	if (!ret)
		ret = p9s_mount(srv, MNT, "");
	if (ret)
		errx(1, "cannot mount: %d", ret);
	for (i = 0; i < files; i++) {
		/* Holds the directories, which are then not asked for. */
		snprintf(path, sizeof(path), MNT "/d/%d", i / PER_DIR);
		if (i % PER_DIR == 0 && chdir(path))
			err(1, "%s", path);
		snprintf(path, sizeof(path), "%d", i);
		if (inotify_add_watch(inotify_fd, path, IN_ATTRIB) < 0)
			err(1, "%s", path);
	}
	if (chdir("/"))
		err(1, "/");
	write_file("/proc/sys/vm/drop_caches", "3");

	for (i = 0; i < NUM_RENAMES / 10; i++)
		rename_both();
	start = now();
	for (i = 0; i < NUM_RENAMES; i++)
		rename_both();
	printf("%d %llu\n", files, (now() - start) / (2 * NUM_RENAMES));

	if (close(inotify_fd) || umount(MNT))
		err(1, "umount");
	p9s_stop(srv);
}

int main(const int argc, char *const argv[])
{
	int i;

	if (argc < 2)
		errx(1, "usage: %s FILES...", argv[0]);
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL))
		err(1, "unshare");
	if (mkdir(MNT, 0755) && errno != EEXIST)
		err(1, MNT);
	write_file("/proc/sys/fs/inotify/max_user_watches", "200000");
	for (i = 1; i < argc; i++)
		bench(atoi(argv[i]));
	return 0;
}
