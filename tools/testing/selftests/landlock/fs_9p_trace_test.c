// SPDX-License-Identifier: GPL-2.0-only
/*
 * Landlock tests - What the trace events and the log tell about rules on 9p
 */

#define _GNU_SOURCE
#include <sys/resource.h>

#include "fs_9p_pin.h"
#include "trace.h"

#define EVENT(name) TRACEFS_LANDLOCK_DIR "/landlock_" name "/enable"

/* What all events on pins have in common; @id and @generation may be regexes. */
#define PINNED(id, generation, type)       \
	"dev=[0-9]\\+:[0-9]\\+ id=" id " " \
	"generation=" generation " type=" type

#define REGEX_ADD_RULE(pinned, path)                                      \
	"landlock_add_rule_path_beneath: ruleset=[0-9a-f]\\+\\.[0-9]\\+ " \
	"access_rights=[a-z_|]* dev=[0-9]\\+:[0-9]\\+ ino=[0-9]\\+ "      \
	"pinned=" pinned " path=[^ ]*/" path "$"

static const char *const events[] = {
	EVENT("add_rule_path_beneath"),
	EVENT("pin"),
	EVENT("unpin"),
	EVENT("contradict"),
	EVENT("pin_limit"),
};

static int count(const char *const pattern)
{
	char *const buf = tracefs_read_buf();
	int num;

	if (!buf)
		return -1;
	num = tracefs_count_matches(buf, pattern);
	free(buf);
	return num;
}

#define EXPECT_EVENTS(num, pattern)                                          \
	EXPECT_EQ((num), count(pattern))                                     \
	{                                                                    \
		char *const all = tracefs_read_buf();                        \
		TH_LOG("Looking for %s in:\n%s", (pattern), all ? all : ""); \
		free(all);                                                   \
	}

/* Like EXPECT_EVENTS(), with the number on the server and its generation. */
#define EXPECT_PINNED(num, prefix, name, type, suffix)                \
	do {                                                          \
		char pattern[256];                                    \
		struct p9s_stat st;                                   \
		ASSERT_EQ(0, p9s_stat(self->env.srv, (name), &st));   \
		snprintf(pattern, sizeof(pattern),                    \
			 prefix PINNED("%llu", "%llu", type) suffix,  \
			 (unsigned long long)st.qid.path,             \
			 (unsigned long long)(variant->generation ?   \
						      st.generation : \
						      0));            \
		EXPECT_EVENTS((num), pattern);                        \
	} while (0)

/* clang-format off */
FIXTURE(p9_trace) {
	/* clang-format on */
	struct p9_env env;
	bool has_events;
};

FIXTURE_VARIANT(p9_trace)
{
	const struct p9_behaviour *behaviour;
	bool generation;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_trace, generation) {
	/* clang-format on */
	.behaviour = P9S_HANDLE,
	.generation = true,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_trace, no_generation) {
	/* clang-format on */
	.behaviour = P9S_PATH_DIOD,
};

FIXTURE_SETUP(p9_trace)
{
	size_t i;
	int err;

	if (!p9_start(_metadata, &self->env, variant->behaviour))
		SKIP(return, "9p is not supported");

	setup(_metadata, &self->env, "cache=none");
	set_cap(_metadata, CAP_SYS_ADMIN);
	err = tracefs_fixture_setup();
	/* A worker may free a domain. */
	if (!err)
		ASSERT_EQ(0, tracefs_clear_pid_filter());
	for (i = 0; !err && i < ARRAY_SIZE(events); i++)
		ASSERT_EQ(0, tracefs_enable_event(events[i], true));
	if (!err)
		ASSERT_EQ(0, tracefs_clear());
	clear_cap(_metadata, CAP_SYS_ADMIN);
	if (err)
		SKIP(return, "tracefs is not available");
	self->has_events = true;
}

FIXTURE_TEARDOWN(p9_trace)
{
	size_t i;

	if (self->has_events) {
		set_cap(_metadata, CAP_SYS_ADMIN);
		for (i = 0; i < ARRAY_SIZE(events); i++)
			tracefs_enable_event(events[i], false);
		tracefs_fixture_teardown();
		clear_cap(_metadata, CAP_SYS_ADMIN);
	}
	p9_finish(&self->env);
}

/* One pin for all rules on a file, until the last one */
TEST_F(p9_trace, pin)
{
	int ruleset1_fd, ruleset2_fd;

	ruleset1_fd = p9_allow(_metadata, dir_ruled, ACCESS_RO);
	EXPECT_PINNED(1, "landlock_pin: ", "ruled", "directory", "$");
	EXPECT_EVENTS(1, REGEX_ADD_RULE("1", "ruled"));
	ruleset2_fd = p9_allow(_metadata, dir_ruled, ACCESS_RO);
	EXPECT_EVENTS(1, "landlock_pin: ");
	EXPECT_EVENTS(2, REGEX_ADD_RULE("1", "ruled"));
	EXPECT_EQ(0, p9_add_rule(ruleset2_fd, file_ruled,
				 LANDLOCK_ACCESS_FS_READ_FILE));
	EXPECT_PINNED(1, "landlock_pin: ", "ruled/f", "file", "$");

	EXPECT_EQ(0, close(ruleset1_fd));
	EXPECT_EVENTS(0, "landlock_unpin: ");
	EXPECT_EQ(0, close(ruleset2_fd));
	EXPECT_PINNED(1, "landlock_unpin: ", "ruled", "directory",
		      " reason=last_rule lost=0$");
	EXPECT_PINNED(1, "landlock_unpin: ", "ruled/f", "file",
		      " reason=last_rule lost=0$");
	EXPECT_EVENTS(2, "landlock_pin: ");
	EXPECT_EVENTS(2, "landlock_unpin: ");
	EXPECT_EVENTS(0, "landlock_contradict: ");
}

/* Rules that are tied to an inode */
TEST_F(p9_trace, not_pinned)
{
	int ruleset_fd;

	ASSERT_EQ(0, p9s_mknod(self->env.srv, "fifo", S_IFIFO | 0666, 0));
	ruleset_fd = p9_allow(_metadata, LOCAL, LANDLOCK_ACCESS_FS_READ_FILE);
	EXPECT_EVENTS(1, REGEX_ADD_RULE("0", "local"));
	EXPECT_EQ(0, p9_add_rule(ruleset_fd, P9 "/fifo",
				 LANDLOCK_ACCESS_FS_READ_FILE));
	EXPECT_EVENTS(1, REGEX_ADD_RULE("0", "fifo"));
	EXPECT_EQ(0, close(ruleset_fd));
	EXPECT_EVENTS(0, "landlock_\\(pin\\|unpin\\): ");
}

TEST_F(p9_trace, unmount)
{
	const int ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_RO);

	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
	EXPECT_PINNED(1, "landlock_unpin: ", "ruled", "directory",
		      " reason=unmount lost=0$");
	EXPECT_EQ(0, close(ruleset_fd));
	EXPECT_EVENTS(1, "landlock_unpin: ");
}

static void remount(struct __test_metadata *const _metadata,
		    struct p9_env *const env)
{
	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
	/* Nothing is believed for a while. */
	p9_mount(_metadata, env, "cache=none,freshness=0");
}

/* The server moved a file out of the ruled directory. */
TEST_F(p9_trace, contradict_beneath)
{
	int ruleset_fd, fd;
	char path[64];

	remount(_metadata, &self->env);
	ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_RO);
	fd = open(file_ruled, O_PATH | O_CLOEXEC);
	ASSERT_LE(0, fd);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	P9_EXPECT(0, ruleset_fd, P9_READ, path);
	EXPECT_EVENTS(0, "landlock_contradict: ");

	ASSERT_EQ(0, p9s_move(self->env.srv, "ruled/f", "other/moved"));
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, path);
	EXPECT_PINNED(1,
		      "landlock_contradict: domain=[0-9a-f]\\+ "
		      "check=beneath answer=no ",
		      "ruled", "directory", "$");
	EXPECT_EVENTS(1, "landlock_contradict: ");
	EXPECT_EQ(0, close(fd));
	EXPECT_EQ(0, close(ruleset_fd));
}

/* Another file has the number of the ruled one. */
TEST_F(p9_trace, contradict_same)
{
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd;

	ASSERT_EQ(0, p9s_collide(srv, "other/f", "ruled/f"));
	ASSERT_EQ(0, p9s_set_dev(srv, "other", 1));
	remount(_metadata, &self->env);
	ruleset_fd =
		p9_allow(_metadata, file_ruled, LANDLOCK_ACCESS_FS_READ_FILE);
	P9_EXPECT(0, ruleset_fd, P9_READ, file_ruled);
	EXPECT_EVENTS(0, "landlock_contradict: ");
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, file_other);
	EXPECT_PINNED(1,
		      "landlock_contradict: domain=[0-9a-f]\\+ "
		      "check=same answer=no ",
		      "ruled/f", "file", "$");
	EXPECT_EVENTS(1, "landlock_contradict: ");
	EXPECT_EQ(0, close(ruleset_fd));
}

/* The server does not know what it holds anymore. */
TEST_F(p9_trace, lost)
{
	int ruleset_fd;

	if (variant->generation)
		SKIP(return, "the file is known by its generation");

	remount(_metadata, &self->env);
	ruleset_fd =
		p9_allow(_metadata, file_ruled, LANDLOCK_ACCESS_FS_READ_FILE);
	ASSERT_EQ(0, p9s_move(self->env.srv, "ruled/f", "other/moved"));
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, P9 "/other/moved");
	EXPECT_PINNED(1,
		      "landlock_contradict: domain=[0-9a-f]\\+ "
		      "check=same answer=lost ",
		      "other/moved", "file", "$");
	EXPECT_EQ(0, close(ruleset_fd));
	/* The domain of the child may be freed later. */
	settle(_metadata, self->env.srv, 0);
	EXPECT_PINNED(1, "landlock_unpin: ", "other/moved", "file",
		      " reason=last_rule lost=1$");
}

TEST_F(p9_trace, limit)
{
	struct rlimit limit;
	int ruleset_fd, fd;

	set_cap(_metadata, CAP_SETUID);
	ASSERT_EQ(0, setresuid(1001, -1, -1));
	clear_cap(_metadata, CAP_SETUID);
	ruleset_fd = p9_allow(_metadata, dir_ruled, ACCESS_RO);
	EXPECT_EVENTS(0, "landlock_pin_limit: ");
	fd = open(dir_other, O_PATH | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = 1;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(EMFILE, p9_add_rule_fd(ruleset_fd, fd, ACCESS_RO));
	limit.rlim_cur = limit.rlim_max;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(0, close(fd));
	EXPECT_EVENTS(1, "landlock_pin_limit: uid=1001 limit=1$");
	EXPECT_EVENTS(1, REGEX_ADD_RULE("1", "ruled"));
	EXPECT_EVENTS(0, REGEX_ADD_RULE("1", "other"));
	/* The pin that was not needed after all */
	EXPECT_PINNED(1, "landlock_unpin: ", "other", "directory",
		      " reason=last_rule lost=0$");
	EXPECT_EQ(0, close(ruleset_fd));
}

/* Number of lines in the log, from where it is read, with @text. */
static int num_lines(const int kmsg_fd, const char *const text)
{
	char line[8192];
	ssize_t len;
	int num = 0;

	while ((len = read(kmsg_fd, line, sizeof(line) - 1)) > 0 ||
	       errno == EPIPE) {
		if (len <= 0)
			continue;
		line[len] = '\0';
		if (strstr(line, text))
			num++;
	}
	return num;
}

/* A server that breaks the protocol is named, but does not fill the log. */
TEST_F(p9_trace, S25_log)
{
	static const char text[] = "server of p9_server breaks the protocol";
	static const struct {
		uint8_t type;
		enum p9s_action action;
	} faults[] = {
		{ P9_TGETATTR, P9S_BAD_TYPE },
		{ P9_TGETATTR, P9S_TRUNCATE },
		{ P9_TWALK, P9S_EXTRA_QIDS },
		{ P9_TWALK, P9S_OVERSIZE },
	};
	struct p9_server *const srv = self->env.srv;
	struct stat st;
	size_t i;
	int fd;

	fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		SKIP(return, "the log may not be read");

	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		const struct p9s_rule rule = {
			.type = faults[i].type,
			.times = P9S_ALWAYS,
			.action = faults[i].action,
		};
		int num, hits, r;

		/* Each mount has its own limit. */
		remount(_metadata, &self->env);
		ASSERT_LE(0, lseek(fd, 0, SEEK_END));
		EXPECT_EQ(0, stat(file_ruled, &st));
		EXPECT_EQ(0, num_lines(fd, "9p"));
		r = p9s_arm(srv, &rule);
		ASSERT_LT(0, r);
		for (num = 0; num < 100; num++)
			EXPECT_NE(0, stat(file_other, &st));
		hits = p9s_rule_hits(srv, r);
		ASSERT_EQ(0, p9s_disarm(srv));
		num = num_lines(fd, text);
		EXPECT_LE(1, num);
		if (faults[i].type == P9_TWALK) {
			/* A reply that is too large ends the connection. */
			EXPECT_EQ(1, hits);
			continue;
		}
		EXPECT_LE(100, hits);
		EXPECT_GT(hits / 4, num);
	}
	EXPECT_EQ(0, close(fd));
}

TEST_HARNESS_MAIN
