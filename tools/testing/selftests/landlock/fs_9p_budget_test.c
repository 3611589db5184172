// SPDX-License-Identifier: GPL-2.0-only
/*
 * Landlock tests - What it costs, in messages, to know where files are on 9p
 *
 * Differences between the messages of an access with and without a sandbox.
 */

#define _GNU_SOURCE
#include "fs_9p_move.h"

struct extra {
	int total;
	int getattr;
	int walk;
	int clunk;
	int statfs;
};

static void count(struct __test_metadata *const _metadata,
		  struct p9_server *const srv, const int ruleset_fd,
		  const enum p9_op_kind kind, const char *const path,
		  const unsigned int open_fids, const unsigned int clunks,
		  struct extra *const counts)
{
	p9_drop_caches(_metadata);
	ASSERT_EQ(open_fids, p9s_wait_open_fids(srv, open_fids));
	ASSERT_EQ(0, p9s_reset(srv));
	P9_EXPECT(0, ruleset_fd, kind, path);
	p9_drop_caches(_metadata);
	/* A worker of netfs may have the last reference to the opened fid. */
	ASSERT_EQ(open_fids, p9s_wait_open_fids(srv, open_fids));
	/* Some have no waiter. */
	EXPECT_LE(0, p9s_wait_count(srv, P9_TCLUNK, clunks));
	*counts = (struct extra){
		.total = p9s_total(srv),
		.getattr = p9s_count(srv, P9_TGETATTR),
		.walk = p9s_count(srv, P9_TWALK),
		.clunk = p9s_count(srv, P9_TCLUNK),
		.statfs = p9s_count(srv, P9_TSTATFS),
	};
}

/* How many more Tclunk an access is expected to add. */
static unsigned int awaited_clunks;

/* What @ruleset_fd adds to an access. */
static struct extra extra(struct __test_metadata *const _metadata,
			  struct p9_server *const srv, const int ruleset_fd,
			  const enum p9_op_kind kind, const char *const path,
			  const unsigned int open_fids)
{
	struct extra without, with;

	count(_metadata, srv, P9_NO_RULESET, kind, path, open_fids, 0,
	      &without);
	count(_metadata, srv, ruleset_fd, kind, path, open_fids,
	      without.clunk + awaited_clunks, &with);
	return (struct extra){
		.total = with.total - without.total,
		.getattr = with.getattr - without.getattr,
		.walk = with.walk - without.walk,
		.clunk = with.clunk - without.clunk,
		.statfs = with.statfs - without.statfs,
	};
}

#define EXPECT_EXTRA(_extra, _getattr, _walk, _clunk) \
	EXPECT_EXTRA_STATFS(_extra, _getattr, _walk, _clunk, 0)

#define EXPECT_EXTRA_STATFS(_extra, _getattr, _walk, _clunk, _statfs)          \
	({                                                                     \
		const struct extra _e = (awaited_clunks = (_clunk), (_extra)); \
		EXPECT_EQ((_getattr), _e.getattr);                             \
		EXPECT_EQ((_walk), _e.walk);                                   \
		EXPECT_EQ((_clunk), _e.clunk);                                 \
		EXPECT_EQ((_getattr) + (_walk) + (_clunk) + (_statfs),         \
			  _e.total);                                           \
	})

/* clang-format off */
FIXTURE(p9_budget) {
	/* clang-format on */
	struct p9_env env;
};

FIXTURE_VARIANT(p9_budget)
{
	const struct p9_behaviour *behaviour;
	bool generation;
	/* Each link of Rwalk has its qid. */
	bool all_qids;
	/* The server tells its filesystems apart, and has no generations. */
	bool fsid;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_budget, qemu) {
	/* clang-format on */
	.behaviour = P9S_PATH_QEMU,
	.generation = true,
	.all_qids = true,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_budget, handle) {
	/* clang-format on */
	.behaviour = P9S_HANDLE,
	.generation = true,
	.all_qids = true,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_budget, qemu_tmpfs) {
	/* clang-format on */
	.behaviour = &server_qemu_tmpfs,
	.all_qids = true,
	.fsid = true,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_budget, ganesha) {
	/* clang-format on */
	.behaviour = P9S_LIAR_GANESHA,
};

FIXTURE_SETUP(p9_budget)
{
	if (!p9_start(_metadata, &self->env, variant->behaviour))
		SKIP(return, "9p is not supported (setup)");
	ASSERT_EQ(0, p9s_build(self->env.srv, layout));
}

FIXTURE_TEARDOWN_PARENT(p9_budget)
{
	p9_finish(&self->env);
}

static void setup(struct __test_metadata *const _metadata,
		  struct p9_env *const env, const char *const opts)
{
	p9_mount(_metadata, env, opts);
	/* The user is attached from now on. */
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, file_ruled_sub);
	P9_EXPECT(0, P9_NO_RULESET, P9_READ, file_other_sub);
}

/* Links that a lookup just confirmed need no message. */
TEST_F(p9_budget, fresh)
{
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd;

	setup(_metadata, &self->env, OPTS_ALWAYS_FRESH);
	ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_RO);
	EXPECT_EXTRA(extra(_metadata, srv, ruleset_fd, P9_READ, file_ruled_sub,
			   1),
		     0, 0, 0);
	EXPECT_EXTRA(extra(_metadata, srv, ruleset_fd, P9_LIST, dir_ruled_sub,
			   1),
		     0, 0, 0);
	EXPECT_EQ(0, close(ruleset_fd));
}

/* Also when all users rule the root. */
TEST_F(p9_budget, fresh_root)
{
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd;

	setup(_metadata, &self->env, OPTS_ALWAYS_FRESH);
	ruleset_fd = p9_allow(_metadata, P9, ACCESS_RO);
	EXPECT_EXTRA(extra(_metadata, srv, ruleset_fd, P9_READ, file_ruled_sub,
			   1),
		     0, 0, 0);
	EXPECT_EQ(0, close(ruleset_fd));
}

/*
 * Through a held directory: is the ruled one still itself (and held, without
 * generations), does it lead there, and is it still itself?  The last question
 * is only for answers which are older than the bound by then.  Without generations,
 * if the names above the ruled one are not fresh, another filesystem may be there:
 * its fsid, and is this the one of the ruled one?
 */
TEST_F(p9_budget, held_never_fresh)
{
	const int pin = !variant->generation, fsid = variant->fsid;
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd, fd;

	setup(_metadata, &self->env, OPTS_NEVER_FRESH);
	ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_RO);
	fd = p9_hold(_metadata, HOLD_PATH, dir_ruled_sub);
	EXPECT_EXTRA_STATFS(extra(_metadata, srv, ruleset_fd, P9_READ,
				  p9_held(HOLD_PATH, fd, "h"), 1),
			    2 + pin + fsid, 1, 1, fsid);
	ASSERT_EQ(0, close(fd));

	/* A rule on the file itself: is it still itself? */
	EXPECT_EQ(0, close(ruleset_fd));
	ruleset_fd = p9_allow_read(_metadata, file_ruled_sub);
	fd = p9_hold(_metadata, HOLD_PATH, file_ruled_sub);
	EXPECT_EXTRA_STATFS(extra(_metadata, srv, ruleset_fd, P9_READ,
				  p9_held(HOLD_PATH, fd, ""), 1),
			    1 + pin + fsid, 0, 0, fsid);
	ASSERT_EQ(0, close(fd));
	EXPECT_EQ(0, close(ruleset_fd));
}

/* What was asked once is not asked again for the bound. */
TEST_F(p9_budget, held_then_fresh)
{
	struct p9_server *const srv = self->env.srv;
	struct extra asked, fresh;
	int ruleset_fd, fd;

	setup(_metadata, &self->env, OPTS_ALWAYS_FRESH);
	ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_ALL);
	fd = p9_hold(_metadata, HOLD_PATH, dir_ruled_sub);
	/* After that, nothing is known of what is held. */
	EXPECT_EQ(0, p9_op2(_metadata, ruleset_fd, P9_RENAME, dir_ruled_sub,
			    P9 "/ruled/renamed"));
	count(_metadata, srv, ruleset_fd, P9_LIST, p9_held(HOLD_PATH, fd, ""),
	      1, 0, &asked);
	count(_metadata, srv, ruleset_fd, P9_LIST, p9_held(HOLD_PATH, fd, ""),
	      1, 0, &fresh);
	EXPECT_LT(fresh.total, asked.total);
	/*
	 * Two fids are replaced, one of them is asked for its generation, and is
	 * the file that of the fsid?
	 */
	EXPECT_GE(fresh.total - fresh.clunk + 3 + variant->fsid,
		  asked.total - asked.clunk);
	EXPECT_EXTRA(extra(_metadata, srv, ruleset_fd, P9_LIST,
			   p9_held(HOLD_PATH, fd, ""), 1),
		     0, 0, 0);
	ASSERT_EQ(0, close(fd));
	EXPECT_EQ(0, close(ruleset_fd));
}

/* 16 names a message */
TEST_F(p9_budget, depth)
{
	static const size_t depths[] = { 1, 16, 17, 100 };
	const int pin = !variant->generation, fsid = variant->fsid;
	struct p9_server *const srv = self->env.srv;
	char path[256] = "ruled";
	char leaf[300];
	size_t i, depth = 0;
	int ruleset_fd, fd;

	setup(_metadata, &self->env, OPTS_NEVER_FRESH);
	ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_RO);
	for (i = 0; i < ARRAY_SIZE(depths); i++) {
		while (depth < depths[i]) {
			strcat(path, "/d");
			ASSERT_EQ(0, p9s_mkdir(srv, path));
			depth++;
		}
		snprintf(leaf, sizeof(leaf), P9 "/%s", path);
		fd = p9_hold(_metadata, HOLD_PATH, leaf);
		EXPECT_EXTRA_STATFS(extra(_metadata, srv, ruleset_fd, P9_LIST,
					  p9_held(HOLD_PATH, fd, ""), 1),
				    2 + pin + fsid, (int)(depth + 15) / 16, 1,
				    fsid);
		ASSERT_EQ(0, close(fd));
	}
	EXPECT_EQ(0, close(ruleset_fd));

	/* The middle of the longest one is moved away, and back. */
	ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_RO);
	fd = p9_hold(_metadata, HOLD_PATH, leaf);
	ASSERT_EQ(0, p9s_move(srv, "ruled/d/d/d/d", "other/d"));
	P9_EXPECT_REFUSED(ruleset_fd, P9_LIST, p9_held(HOLD_PATH, fd, ""));
	ASSERT_EQ(0, p9s_move(srv, "other/d", "ruled/d/d/d/d"));
	P9_EXPECT(0, ruleset_fd, P9_LIST, p9_held(HOLD_PATH, fd, ""));
	ASSERT_EQ(0, close(fd));
	EXPECT_EQ(0, close(ruleset_fd));
}

/* A chain that takes too long to ask for is not taken for granted. */
TEST_F(p9_budget, too_deep)
{
	struct p9_server *const srv = self->env.srv;
	char path[1024] = "ruled";
	char leaf[1100];
	int ruleset_fd, fd, depth;

	setup(_metadata, &self->env, OPTS_NEVER_FRESH);
	ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_RO);
	for (depth = 0; depth < 256; depth++) {
		strcat(path, "/d");
		ASSERT_EQ(0, p9s_mkdir(srv, path));
	}
	snprintf(leaf, sizeof(leaf), P9 "/%s", path);
	fd = p9_hold(_metadata, HOLD_PATH, leaf);
	P9_EXPECT(0, ruleset_fd, P9_LIST, p9_held(HOLD_PATH, fd, ""));
	ASSERT_EQ(0, p9s_mkdir(srv, strcat(path, "/d")));
	P9_EXPECT(EACCES, ruleset_fd, P9_LIST, p9_held(HOLD_PATH, fd, "d"));
	ASSERT_EQ(0, close(fd));
	EXPECT_EQ(0, close(ruleset_fd));
}

/* Nothing is asked if it makes no difference. */
TEST_F(p9_budget, not_needed)
{
	const struct p9_rule twice[] = {
		{ P9, ACCESS_RO },
		{ dir_ruled, ACCESS_RO },
		{ dir_ruled_sub, ACCESS_RO },
		{},
	};
	const struct p9_rule other_right[] = {
		{ dir_ruled, ACCESS_RO },
		{ dir_ruled_sub, LANDLOCK_ACCESS_FS_READ_DIR },
		{},
	};
	const int pin = !variant->generation, fsid = variant->fsid;
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd, fd;

	setup(_metadata, &self->env, OPTS_NEVER_FRESH);
	fd = p9_hold(_metadata, HOLD_PATH, dir_ruled_sub);

	/* No rule on this mount */
	ruleset_fd = p9_allow(_metadata, "/", ACCESS_RO);
	EXPECT_EXTRA(extra(_metadata, srv, ruleset_fd, P9_READ,
			   p9_held(HOLD_PATH, fd, "h"), 0),
		     0, 0, 0);
	EXPECT_EQ(0, close(ruleset_fd));

	/* The first rule is enough. */
	ruleset_fd = p9_ruleset(_metadata, ACCESS_RO, twice);
	EXPECT_EXTRA_STATFS(extra(_metadata, srv, ruleset_fd, P9_READ,
				  p9_held(HOLD_PATH, fd, "h"), 3),
			    2 + pin + fsid, 1, 1, fsid);
	EXPECT_EQ(0, close(ruleset_fd));

	/* The first rule grants nothing of what is requested. */
	ruleset_fd = p9_ruleset(_metadata, ACCESS_RO, other_right);
	EXPECT_EXTRA_STATFS(extra(_metadata, srv, ruleset_fd, P9_READ,
				  p9_held(HOLD_PATH, fd, "h"), 2),
			    2 + pin + fsid, 1, 1, fsid);
	EXPECT_EQ(0, close(ruleset_fd));
	ASSERT_EQ(0, close(fd));
}

/* In cached modes the dcache is right. */
TEST_F(p9_budget, cached)
{
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd, fd;

	setup(_metadata, &self->env, "cache=loose");
	ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_RO);
	fd = p9_hold(_metadata, HOLD_PATH, dir_ruled_sub);
	EXPECT_EXTRA(extra(_metadata, srv, ruleset_fd, P9_LIST,
			   p9_held(HOLD_PATH, fd, ""), 1),
		     0, 0, 0);
	ASSERT_EQ(0, close(fd));
	EXPECT_EQ(0, close(ruleset_fd));
}

/*
 * A rule: Twalk and Tlopen, and Tstatfs without generation.  The generation is only
 * asked for if it is not fresh, see S31_recycled_before_pin.
 */
TEST_F(p9_budget, add_rule)
{
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd, fd;

	setup(_metadata, &self->env, OPTS_ALWAYS_FRESH);
	ruleset_fd = p9_ruleset(_metadata, ACCESS_RO, NULL);
	fd = open(dir_ruled, O_PATH | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, p9s_reset(srv));
	EXPECT_EQ(0, p9_add_rule_fd(ruleset_fd, fd, ACCESS_RO));
	EXPECT_EQ(variant->generation ? 2 : 3, p9s_total(srv));
	EXPECT_EQ(1, p9s_count(srv, P9_TWALK));
	EXPECT_EQ(1, p9s_count(srv, P9_TLOPEN));
	EXPECT_EQ(!variant->generation, p9s_count(srv, P9_TSTATFS));
	ASSERT_EQ(0, p9s_reset(srv));
	EXPECT_EQ(0, close(ruleset_fd));
	EXPECT_EQ(1, p9s_wait_count(srv, P9_TCLUNK, 1));
	EXPECT_EQ(1, p9s_total(srv));
	ASSERT_EQ(0, close(fd));
}

/* The mount option */

FIXTURE(p9_freshness)
{
	struct p9_env env;
};

FIXTURE_SETUP(p9_freshness)
{
	if (!p9_start(_metadata, &self->env, P9S_PATH_QEMU))
		SKIP(return, "9p is not supported (setup)");
	ASSERT_EQ(0, p9s_build(self->env.srv, layout));
}

FIXTURE_TEARDOWN_PARENT(p9_freshness)
{
	p9_finish(&self->env);
}

static bool is_shown(const char *const option)
{
	bool found = false;
	char line[1024];
	FILE *const inf = fopen("/proc/self/mounts", "r");

	while (inf && fgets(line, sizeof(line), inf))
		found |= strstr(line, " 9p ") && strstr(line, option);
	if (inf)
		fclose(inf);
	return found;
}

TEST_F(p9_freshness, shown)
{
	p9_mount(_metadata, &self->env, "cache=none,freshness=0");
	EXPECT_TRUE(is_shown(",freshness=0"));
	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
	p9_mount(_metadata, &self->env, "cache=mmap,freshness=250");
	EXPECT_TRUE(is_shown(",freshness=250"));
	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));

	/* The default is not. */
	p9_mount(_metadata, &self->env, "cache=none,freshness=100");
	EXPECT_FALSE(is_shown("freshness"));
	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
	p9_mount(_metadata, &self->env, "cache=loose");
	EXPECT_FALSE(is_shown("freshness"));
	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
}

TEST_F(p9_freshness, refused)
{
	static const char *const bad[] = {
		"freshness",
		"freshness=",
		"freshness=x",
		"freshness=-1",
		"freshness=1s",
		"freshness=2147483648",
		"freshness=4294967296",
		"freshness=0,cache=loose",
		"freshness=100,cache=fscache",
		"cache=0x2,freshness=100",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_FALSE(p9_can_mount(_metadata, &self->env, bad[i]))
		{
			TH_LOG("Mounted with \"%s\"", bad[i]);
		}
	}
	EXPECT_TRUE(p9_can_mount(_metadata, &self->env,
				 "cache=mmap,freshness=2147483647"));
}

TEST_HARNESS_MAIN
