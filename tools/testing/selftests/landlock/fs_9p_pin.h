/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Landlock tests - What the tests of pins on 9p share
 */

#ifndef _LANDLOCK_FS_9P_PIN_H
#define _LANDLOCK_FS_9P_PIN_H

#include "fs_9p.h"

/*
 * Layout (on the server):
 *
 * /
 * ├── ruled
 * │   ├── f
 * │   └── g
 * └── other
 *     └── f
 */
static const struct p9s_entry layout[] = {
	{ "ruled", S_IFDIR },	     { "ruled/f", 0, "ruled f" },
	{ "ruled/g", 0, "ruled g" }, { "other", S_IFDIR },
	{ "other/f", 0, "other f" }, {},
};

static const char __maybe_unused dir_ruled[] = P9 "/ruled";
static const char __maybe_unused file_ruled[] = P9 "/ruled/f";
static const char __maybe_unused file_sibling[] = P9 "/ruled/g";
static const char __maybe_unused dir_other[] = P9 "/other";
static const char __maybe_unused file_other[] = P9 "/other/f";

/*
 * A worker of netfs may have the last reference to a fid that was open, and
 * clunk it later: waits for that.
 */
static __maybe_unused void settle(struct __test_metadata *const _metadata,
				  struct p9_server *const srv,
				  const unsigned int open)
{
	ASSERT_EQ(open, p9s_wait_open_fids(srv, open));
}

static __maybe_unused void setup(struct __test_metadata *const _metadata,
				 struct p9_env *const env,
				 const char *const opts)
{
	ASSERT_EQ(0, p9s_build(env->srv, layout));
	p9_mount(_metadata, env, opts);
	/* Controls; the user is attached from now on. */
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, file_ruled);
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, file_sibling);
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, file_other);
	p9_drop_caches(_metadata);
	settle(_metadata, env->srv, 0);
}

/* A directory with @num files. */
static __maybe_unused void make_many(struct __test_metadata *const _metadata,
				     struct p9_server *const srv,
				     const unsigned int num)
{
	char name[32];

	ASSERT_EQ(0, p9s_mkdir(srv, "many"));
	for (unsigned int i = 0; i < num; i++) {
		snprintf(name, sizeof(name), "many/%u", i);
		ASSERT_EQ(0, p9s_create(srv, name, "content"));
	}
}

/* One of them; lives until eight other calls. */
static __maybe_unused const char *file_of_many(const unsigned int i)
{
	char name[32];

	snprintf(name, sizeof(name), "many/%u", i);
	return p9_path(P9, name);
}

static __maybe_unused unsigned int
num_fids(struct __test_metadata *const _metadata, struct p9_server *const srv,
	 const unsigned int open)
{
	struct p9s_fids fids;

	settle(_metadata, srv, open);
	ASSERT_EQ(0, p9s_fids(srv, &fids));
	return fids.all;
}

/* The client said goodbye to each fid. */
static __maybe_unused void
expect_no_fids(struct __test_metadata *const _metadata,
	       struct p9_server *const srv)
{
	struct p9s_fids fids;

	EXPECT_EQ(0, p9s_wait_fids(srv, 0));
	EXPECT_EQ(0, p9s_wait_closed(srv));
	ASSERT_EQ(0, p9s_fids(srv, &fids));
	EXPECT_EQ(0, fids.leaked);
	EXPECT_EQ(0, p9s_violations(srv, P9S_V_SPECIAL | P9S_V_PROTOCOL));
}

static __maybe_unused void expect_ruled(struct __test_metadata *const _metadata,
					const int ruleset_fd)
{
	P9_EXPECT(0, ruleset_fd, P9_READ, file_ruled);
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, file_other);
}

static __maybe_unused void
expect_nothing_ruled(struct __test_metadata *const _metadata,
		     const int ruleset_fd)
{
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, file_ruled);
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, file_ruled);
	P9_EXPECT(EACCES, ruleset_fd, P9_LIST, dir_ruled);
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, file_other);
	P9_EXPECT(EACCES, ruleset_fd, P9_LIST, P9);
}

#endif /* _LANDLOCK_FS_9P_PIN_H */
