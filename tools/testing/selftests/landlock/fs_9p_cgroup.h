/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Landlock tests - Memory of rules on 9p, and of what they need
 */

#ifndef _LANDLOCK_FS_9P_CGROUP_H
#define _LANDLOCK_FS_9P_CGROUP_H

#include "fs_9p_pin.h"

/* The cgroup of the test, below the mount point */
#define CGROUPS TMP_DIR "/cgroup"
#define CGROUP CGROUPS "/test"

static inline size_t cgroup_bytes(void)
{
	size_t bytes = 0;
	FILE *const inf = fopen(CGROUP "/memory.current", "r");

	if (inf) {
		if (fscanf(inf, "%zu", &bytes) != 1)
			bytes = 0;
		fclose(inf);
	}
	return bytes;
}

static inline bool cgroup_write(const char *const path, const char *const text)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);
	const ssize_t len = strlen(text);
	bool done;

	if (fd < 0)
		return false;
	done = write(fd, text, len) == len;
	return !close(fd) && done;
}

/* A child enters the cgroup. */
static inline bool cgroup_enter(void)
{
	return cgroup_write(CGROUP "/cgroup.procs", "0");
}

/* Returns false if there is no memory controller of cgroup v2. */
static inline bool cgroup_make(struct __test_metadata *const _metadata)
{
	bool enabled;

	set_cap(_metadata, CAP_SYS_ADMIN);
	set_cap(_metadata, CAP_DAC_OVERRIDE);
	ASSERT_EQ(0, mkdir(CGROUPS, 0700));
	enabled = !mount("none", CGROUPS, "cgroup2", 0, NULL) &&
		  cgroup_write(CGROUPS "/cgroup.subtree_control", "+memory");
	if (enabled)
		ASSERT_EQ(0, mkdir(CGROUP, 0700));
	return enabled;
}

static inline void cgroup_remove(struct __test_metadata *const _metadata)
{
	set_cap(_metadata, CAP_SYS_ADMIN);
	set_cap(_metadata, CAP_DAC_OVERRIDE);
	EXPECT_EQ(0, rmdir(CGROUP));
	EXPECT_EQ(0, umount(CGROUPS));
	clear_cap(_metadata, CAP_DAC_OVERRIDE);
	clear_cap(_metadata, CAP_SYS_ADMIN);
}

#endif /* _LANDLOCK_FS_9P_CGROUP_H */
