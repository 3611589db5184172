/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Landlock tests - What the tests of files that the server moves share
 */

#ifndef _LANDLOCK_FS_9P_MOVE_H
#define _LANDLOCK_FS_9P_MOVE_H

#include <stdlib.h>

#include "fs_9p.h"

/*
 * Layout (on the server):
 *
 * /
 * ├── ruled
 * │   ├── f
 * │   └── sub
 * │       ├── d
 * │       ├── g
 * │       └── h
 * └── other
 *     ├── f
 *     └── sub
 *         └── h
 */
static const struct p9s_entry layout[] = {
	{ "ruled", S_IFDIR },
	{ "ruled/f", 0, "ruled f" },
	{ "ruled/sub", S_IFDIR },
	{ "ruled/sub/d", S_IFDIR },
	{ "ruled/sub/g", 0, "ruled g" },
	{ "ruled/sub/h", 0, "ruled h" },
	{ "other", S_IFDIR },
	{ "other/f", 0, "other f" },
	{ "other/sub", S_IFDIR },
	{ "other/sub/h", 0, "other h" },
	{},
};

static const char __maybe_unused dir_ruled[] = P9 "/ruled";
static const char __maybe_unused file_ruled[] = P9 "/ruled/f";
static const char __maybe_unused dir_ruled_sub[] = P9 "/ruled/sub";
static const char __maybe_unused file_ruled_sub[] = P9 "/ruled/sub/h";
static const char __maybe_unused dir_other[] = P9 "/other";
static const char __maybe_unused file_other[] = P9 "/other/f";
static const char __maybe_unused dir_other_sub[] = P9 "/other/sub";
static const char __maybe_unused file_other_sub[] = P9 "/other/sub/h";

/* For what is renamed by clients */
static const struct p9s_entry __maybe_unused src_dst[] = {
	{ "src", S_IFDIR },	 { "src/f", 0, "f" },
	{ "src/s", S_IFDIR },	 { "src/s/f", 0, "s f" },
	{ "dst", S_IFDIR },	 { "plain", S_IFDIR },
	{ "plain/f", 0, "p f" }, {},
};

/* QEMU on a filesystem without generations, which gives a fsid (tmpfs). */
static const struct p9_behaviour __maybe_unused server_qemu_tmpfs = {
	.name = "qemu_tmpfs",
	.path = true,
	.gen_by_path = true,
	.rename_moves_fids = true,
};

/* diod 1.1.0 */
static const struct p9_behaviour __maybe_unused server_diod_110 = {
	.name = "diod_110",
	.path = true,
	.short_walk_makes_fid = true,
	.dotdot_escapes = true,
	.generation = P9S_GEN_CLAIMED_ZERO,
	.qid_version = P9S_QIDV_ZERO,
};

/* A handle server without generations. */
static const struct p9_behaviour __maybe_unused server_handle_no_gen = {
	.name = "handle_no_gen",
	.walked_pins = true,
};

/* Nothing is taken for granted. */
#define OPTS_NEVER_FRESH "cache=none,freshness=0"
/* Longer than any test. */
#define OPTS_ALWAYS_FRESH "cache=none,freshness=3600000"
/* What was asked once is not asked again, but by an operation that is stuck. */
#define OPTS_LONG_FRESH "cache=none,freshness=2000"

static inline bool is_fresh(const char *const opts)
{
	return !strcmp(opts, OPTS_LONG_FRESH);
}

/*
 * Absolute path of @rel on the 9p mount, for when the working directory is what
 * is held; lives until eight other calls.
 */
static __maybe_unused const char *p9_abs(const char *const rel)
{
	static char root[128];

	if (!*root) {
		char *const real = realpath(P9, NULL);

		if (!real || strlen(real) >= sizeof(root))
			return NULL;
		strcpy(root, real);
		free(real);
	}
	return p9_path(root, rel);
}

/* How something is held */
enum p9_hold {
	HOLD_PATH, /* O_PATH */
	HOLD_OPEN, /* O_RDONLY */
	HOLD_CWD,
};

#define P9_EACH_HOLD(hold) \
	for (enum p9_hold hold = HOLD_PATH; hold <= HOLD_CWD; hold++)

/* Holds @path; the children inherit that.  Returns a descriptor. */
static __maybe_unused int p9_hold(struct __test_metadata *const _metadata,
				  const enum p9_hold hold,
				  const char *const path)
{
	const int fd =
		open(path, (hold == HOLD_OPEN ? O_RDONLY : O_PATH) | O_CLOEXEC);

	ASSERT_LE(0, fd);
	ASSERT_NE(NULL, p9_abs(""));
	if (hold == HOLD_CWD)
		ASSERT_EQ(0, fchdir(fd));
	return fd;
}

static __maybe_unused void p9_let_go(struct __test_metadata *const _metadata,
				     const enum p9_hold hold, const int fd)
{
	if (hold == HOLD_CWD)
		ASSERT_EQ(0, chdir(p9_abs("../..")));
	ASSERT_EQ(0, close(fd));
}

/* Path of @rel below what is held; lives until eight other calls. */
static __maybe_unused const char *p9_held(const enum p9_hold hold, const int fd,
					  const char *const rel)
{
	char root[32];

	if (hold == HOLD_CWD)
		return *rel ? rel : ".";
	snprintf(root, sizeof(root), "/proc/self/fd/%d", fd);
	return p9_path(root, rel);
}

/*
 * Refused by Landlock, or by the server because the fid of what it moved leads
 * nowhere.
 */
static inline bool p9_is_refused(const int err)
{
	return err == EACCES || err == ENOENT || err == ESTALE;
}

#define P9_EXPECT_REFUSED(ruleset_fd, kind, path)                           \
	({                                                                  \
		const int _err =                                            \
			p9_op(_metadata, (ruleset_fd), (kind), (path));     \
		EXPECT_TRUE(p9_is_refused(_err))                            \
		{                                                           \
			TH_LOG("%s of %s returned %d", p9_op_names[(kind)], \
			       (path), _err);                               \
		}                                                           \
	})

/* A ruleset that allows to read @path. */
static __maybe_unused int p9_allow_read(struct __test_metadata *const _metadata,
					const char *const path)
{
	return p9_allow(_metadata, path, LANDLOCK_ACCESS_FS_READ_FILE);
}

static __maybe_unused int p9_op2(struct __test_metadata *const _metadata,
				 const int ruleset_fd,
				 const enum p9_op_kind kind,
				 const char *const path,
				 const char *const path2)
{
	return p9_op_as(_metadata, 0, ruleset_fd, kind, path, path2);
}

#endif /* _LANDLOCK_FS_9P_MOVE_H */
