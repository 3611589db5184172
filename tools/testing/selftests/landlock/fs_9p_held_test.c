// SPDX-License-Identifier: GPL-2.0-only
/*
 * Landlock tests - What is held on 9p while its number or its name is reused
 */

#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "fs_9p_move.h"

#define ACCESS_LESS                                                   \
	(ACCESS_ALL &                                                 \
	 ~(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_DIR | \
	   LANDLOCK_ACCESS_FS_MAKE_CHAR))

/* clang-format off */
FIXTURE(p9_held) {
	/* clang-format on */
	struct p9_env env;
};

FIXTURE_VARIANT(p9_held)
{
	const struct p9_behaviour *behaviour;
	const char *opts;
};

#define VARIANT(name, behaviour_, opts_)                \
	FIXTURE_VARIANT_ADD(p9_held, name)              \
	{                                               \
		.behaviour = behaviour_, .opts = opts_, \
	}

/* clang-format off */
VARIANT(qemu, P9S_PATH_QEMU, OPTS_NEVER_FRESH);
VARIANT(qemu_fresh, P9S_PATH_QEMU, OPTS_LONG_FRESH);
VARIANT(diod, P9S_PATH_DIOD, OPTS_NEVER_FRESH);
VARIANT(diod_fresh, P9S_PATH_DIOD, OPTS_LONG_FRESH);
VARIANT(handle, P9S_HANDLE, OPTS_NEVER_FRESH);
VARIANT(handle_fresh, P9S_HANDLE, OPTS_LONG_FRESH);
VARIANT(ganesha, P9S_LIAR_GANESHA, OPTS_NEVER_FRESH);
/* clang-format on */

FIXTURE_SETUP(p9_held)
{
	if (!p9_start(_metadata, &self->env, variant->behaviour))
		SKIP(return, "9p is not supported (setup)");
	ASSERT_EQ(0, p9s_build(self->env.srv, src_dst));
	p9_mount(_metadata, &self->env, variant->opts);
}

FIXTURE_TEARDOWN_PARENT(p9_held)
{
	p9_finish(&self->env);
}

/* The rule of a held file must not be taken for what took its name. */
TEST_F(p9_held, S07_replace_held_child)
{
	const struct p9_rule rules[] = {
		{ P9, ACCESS_LESS },
		{ P9 "/src/f", ACCESS_FILE },
		{ P9 "/dst", LANDLOCK_ACCESS_FS_EXECUTE },
		{},
	};
	struct p9_server *const srv = self->env.srv;
	const int ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, rules);
	const int fd = p9_hold(_metadata, HOLD_PATH, P9 "/src/f");
	int err;

	if (is_fresh(variant->opts))
		SKIP(return, "the name was just confirmed");

	EXPECT_EQ(EXDEV, p9_op2(_metadata, ruleset_fd, P9_RENAME, P9 "/plain/f",
				P9 "/dst/f"));
	ASSERT_EQ(0, p9s_move(srv, "src/f", "@/gone"));
	ASSERT_EQ(0, p9s_create(srv, "src/f", "evil"));
	err = p9_op2(_metadata, ruleset_fd, P9_LINK, P9 "/src/f", P9 "/dst/l");
	EXPECT_NE(0, err);
	EXPECT_FALSE(p9s_content_is(srv, "dst/l", "evil"));
	err = p9_op2(_metadata, ruleset_fd, P9_RENAME, P9 "/src/f",
		     P9 "/dst/f");
	EXPECT_NE(0, err);
	EXPECT_FALSE(p9s_content_is(srv, "dst/f", "evil"));
	close(fd);
	close(ruleset_fd);
}

/* A directory took the name of a held file. */
TEST_F(p9_held, S07_replace_held_type)
{
	const struct p9_rule rules[] = {
		{ P9, ACCESS_LESS },
		{ P9 "/dst", LANDLOCK_ACCESS_FS_READ_DIR },
		{},
	};
	struct p9_server *const srv = self->env.srv;
	const int ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, rules);
	const int fd = p9_hold(_metadata, HOLD_PATH, P9 "/src/f");
	int err;

	if (is_fresh(variant->opts))
		SKIP(return, "the name was just confirmed");

	EXPECT_EQ(EXDEV, p9_op2(_metadata, ruleset_fd, P9_RENAME, P9 "/src/s",
				P9 "/dst/s"));
	ASSERT_EQ(0, p9s_move(srv, "src/f", "@/gone"));
	ASSERT_EQ(0, p9s_move(srv, "src/s", "src/f"));
	err = p9_op2(_metadata, ruleset_fd, P9_RENAME, P9 "/src/f",
		     P9 "/dst/f");
	EXPECT_NE(0, err);
	EXPECT_FALSE(p9s_exists(srv, "dst/f/f"));
	close(fd);
	close(ruleset_fd);
}

/* The server moved a held file to where it has fewer rights. */
TEST_F(p9_held, S05_link_moved_file)
{
	const struct p9_rule rules[] = {
		{ P9, ACCESS_LESS },
		{ P9 "/src", LANDLOCK_ACCESS_FS_EXECUTE },
		{ P9 "/dst", LANDLOCK_ACCESS_FS_EXECUTE },
		{},
	};
	struct p9_server *const srv = self->env.srv;
	const int ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, rules);
	const int fd = p9_hold(_metadata, HOLD_PATH, P9 "/src/f");
	int err;

	if (is_fresh(variant->opts) && !variant->behaviour->path)
		SKIP(return, "within the bound");

	ASSERT_EQ(0, p9s_move(srv, "src/f", "plain/f2"));
	EXPECT_EQ(EXDEV, p9_op2(_metadata, ruleset_fd, P9_LINK, P9 "/plain/f2",
				P9 "/dst/f2"));
	err = p9_op2(_metadata, ruleset_fd, P9_LINK, P9 "/src/f", P9 "/dst/f");
	EXPECT_NE(0, err);
	EXPECT_FALSE(p9s_exists(srv, "dst/f"));
	close(fd);
	close(ruleset_fd);
}

/* Same, for a link that takes no right in one directory. */
TEST_F(p9_held, S05_link_not_handled)
{
	const struct p9_rule rules[] = {
		{ P9 "/src", LANDLOCK_ACCESS_FS_READ_FILE },
		{},
	};
	struct p9_server *const srv = self->env.srv;
	const int ruleset_fd =
		p9_ruleset(_metadata, LANDLOCK_ACCESS_FS_READ_FILE, rules);
	const int fd = p9_hold(_metadata, HOLD_PATH, P9 "/src/f");

	if (is_fresh(variant->opts))
		SKIP(return, "within the bound");

	ASSERT_EQ(0, p9s_move(srv, "src/f", "plain/f2"));
	EXPECT_NE(0, p9_op2(_metadata, ruleset_fd, P9_LINK, P9 "/src/f",
			    P9 "/src/l"));
	EXPECT_FALSE(p9s_exists(srv, "src/l"));
	ASSERT_EQ(0, p9s_move(srv, "plain/f2", "src/f"));
	EXPECT_EQ(0, p9_op2(_metadata, ruleset_fd, P9_LINK, P9 "/src/f",
			    P9 "/src/l"));
	close(fd);
	close(ruleset_fd);
}

/* A directory took the name of a held file, the rights of which are not handled. */
TEST_F(p9_held, S31_type_not_handled)
{
	const __u64 access = LANDLOCK_ACCESS_FS_REMOVE_DIR |
			     LANDLOCK_ACCESS_FS_MAKE_DIR;
	struct p9_server *const srv = self->env.srv;
	const int ruleset_fd = p9_ruleset(_metadata, access, NULL);
	const int fd = p9_hold(_metadata, HOLD_PATH, P9 "/src/f");

	if (is_fresh(variant->opts))
		SKIP(return, "within the bound");

	ASSERT_EQ(0, p9s_remove(srv, "src/f"));
	ASSERT_EQ(0, p9s_mkdir(srv, "src/f"));
	EXPECT_NE(0, p9_op2(_metadata, ruleset_fd, P9_RENAME, P9 "/src/f",
			    P9 "/src/d"));
	EXPECT_TRUE(p9s_exists(srv, "src/f"));
	close(fd);
	close(ruleset_fd);
}

/* In one directory, a rule that is lost could not widen anything. */
TEST_F(p9_held, S12_unpinned_rule)
{
	const struct p9_rule rules[] = {
		{ P9, LANDLOCK_ACCESS_FS_REMOVE_FILE |
			      LANDLOCK_ACCESS_FS_MAKE_REG },
		{ P9 "/src/s", LANDLOCK_ACCESS_FS_EXECUTE },
		{},
	};
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd;

	ASSERT_EQ(0, p9s_chmod(srv, "src/s", 0333));
	ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, rules);
	p9_drop_caches(_metadata);
	EXPECT_EQ(0, p9_op2(_metadata, ruleset_fd, P9_RENAME, P9 "/src/s/f",
			    P9 "/src/s/g"));
	close(ruleset_fd);
}

/* A rule that grants nothing cannot be missed. */
TEST_F(p9_held, S29_quiet_rule)
{
	const struct landlock_ruleset_attr attr = {
		.handled_access_fs = ACCESS_ALL,
		.quiet_access_fs = ACCESS_ALL,
	};
	const int ruleset_fd = landlock_create_ruleset(&attr, sizeof(attr), 0);
	struct landlock_path_beneath_attr quiet = {
		.parent_fd = open(P9 "/src/s", O_PATH | O_CLOEXEC),
	};
	struct p9_server *const srv = self->env.srv;

	ASSERT_LE(0, ruleset_fd);
	ASSERT_LE(0, quiet.parent_fd);
	ASSERT_EQ(0, p9_add_rule(ruleset_fd, P9, ACCESS_ALL));
	ASSERT_EQ(0, landlock_add_rule(ruleset_fd, LANDLOCK_RULE_PATH_BENEATH,
				       &quiet, LANDLOCK_ADD_RULE_QUIET));
	ASSERT_EQ(0, close(quiet.parent_fd));
	ASSERT_EQ(0, p9s_move(srv, "src/s", "dst/s"));
	p9_drop_caches(_metadata);
	EXPECT_EQ(0, p9_op2(_metadata, ruleset_fd, P9_RENAME, P9 "/plain/f",
			    P9 "/dst/s/g"));
	close(ruleset_fd);
}

/* What took the name has other attributes, for which nobody may open the file. */
TEST_F(p9_held, S27_attributes)
{
	struct p9_server *const srv = self->env.srv;
	struct stat st;
	int fd, ret;

	ASSERT_EQ(0, p9s_chmod(srv, "src/f", 0600));
	fd = p9_hold(_metadata, HOLD_PATH, P9 "/src/f");
	ASSERT_EQ(0, p9s_move(srv, "src/f", "plain/f2"));
	ASSERT_EQ(0, p9s_create(srv, "src/f", "evil"));
	ASSERT_EQ(0, p9s_chmod(srv, "src/f", 0666));
	ret = fstat(fd, &st);
	if (variant->behaviour->path) {
		EXPECT_EQ(-1, ret);
		EXPECT_EQ(ESTALE, errno);
	} else {
		EXPECT_EQ(0, ret);
		EXPECT_EQ(0600, st.st_mode & 0777);
	}
	ASSERT_EQ(0, p9s_remove(srv, "src/f"));
	ASSERT_EQ(0, p9s_move(srv, "plain/f2", "src/f"));
	EXPECT_EQ(EACCES, p9_op_as(_metadata, 1000, P9_NO_RULESET, P9_READ,
				   p9_held(HOLD_PATH, fd, ""), NULL));
	close(fd);
}

/* What this client renamed another file over has no name. */
TEST_F(p9_held, S34_attributes)
{
	const int fd = open(P9 "/src/f", O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (variant->behaviour->open_getattr_by_path)
		SKIP(return, "the server answers for the other file");

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, rename(P9 "/plain/f", P9 "/src/f"));
	EXPECT_EQ(0, fstat(fd, &st));
	EXPECT_EQ(0, st.st_nlink);
	close(fd);
}

/* Some servers do not tell symlinks by their qid. */
TEST_F(p9_held, S20_symlink_qid)
{
	struct p9_behaviour behaviour = *variant->behaviour;
	const struct p9_rule rules[] = { { P9, ACCESS_ALL }, {} };
	struct p9_server *const srv = self->env.srv;
	struct stat st;
	int ruleset_fd;

	behaviour.no_symlink_qid = true;
	ASSERT_EQ(0, p9s_set_behaviour(srv, &behaviour));
	ASSERT_EQ(0, p9s_symlink(srv, "src/l", "f"));
	ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, rules);
	EXPECT_EQ(0, lstat(P9 "/src/l", &st));
	EXPECT_TRUE(S_ISLNK(st.st_mode));
	EXPECT_EQ(0, p9_op2(_metadata, ruleset_fd, P9_RENAME, P9 "/src/l",
			    P9 "/src/m"));
	P9_EXPECT(0, ruleset_fd, P9_READ, P9 "/src/m");
	close(ruleset_fd);
}

/* Only the inode is connected to. */
TEST_F(p9_held, S08_recycled_socket)
{
	const struct sockaddr_un addr = {
		.sun_family = AF_UNIX,
		.sun_path = P9 "/plain/s",
	};
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct p9_server *const srv = self->env.srv;
	uint64_t number;

	if (variant->behaviour->generation == P9S_GEN_VALID)
		SKIP(return, "there is a generation");

	ASSERT_EQ(0, p9_umount(_metadata, P9, 0));
	p9_mount(_metadata, &self->env, "cache=none,inodeident=qid");
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, bind(fd, (const struct sockaddr *)&addr, sizeof(addr)));
	ASSERT_EQ(0, listen(fd, 1));
	P9_EXPECT(0, P9_NO_RULESET, P9_CONNECT, addr.sun_path);
	number = p9s_qid_path(srv, "plain/s");
	ASSERT_EQ(0, p9s_remove(srv, "plain/s"));
	ASSERT_EQ(0, p9s_recycle(srv, number));
	ASSERT_EQ(0, p9s_mknod(srv, "src/k", S_IFSOCK | 0666, 0));
	ASSERT_EQ(number, p9s_qid_path(srv, "src/k"));
	P9_EXPECT(ECONNREFUSED, P9_NO_RULESET, P9_CONNECT, P9 "/src/k");
	close(fd);
}

/* The file is moved while the server is asked for the directory. */
TEST_F(p9_held, S05_moved_while_asked)
{
	struct p9_server *const srv = self->env.srv;
	const int ruleset_fd = p9_allow_read(_metadata, P9 "/src");
	const int fd = p9_hold(_metadata, HOLD_PATH, P9 "/src");
	pid_t pid;

	if (!is_fresh(variant->opts))
		SKIP(return, "nothing is taken to be fresh");

	/* The directory is not fresh anymore, the file will be. */
	usleep(2200000);
	ASSERT_LT(0, p9s_arm(srv, &(struct p9s_rule){ .type = P9_TGETATTR,
						      .name = "src",
						      .action = P9S_HOLD }));
	pid = p9_fork_op(_metadata, 0, ruleset_fd, P9_READ,
			 p9_held(HOLD_PATH, fd, "f"), NULL);
	ASSERT_LT(0, p9s_wait_held(srv));
	ASSERT_EQ(0, p9s_move(srv, "src/f", "plain/f2"));
	usleep(2200000);
	EXPECT_EQ(1, p9s_release(srv));
	EXPECT_TRUE(p9_is_refused(p9_wait_child(pid)));
	close(fd);
	close(ruleset_fd);
}

/* What executes is mapped, hence held without a descriptor. */
TEST_F(p9_held, S05_move_out_mapped)
{
	const struct p9_rule rules[] = {
		{ P9 "/src", LANDLOCK_ACCESS_FS_READ_FILE },
		{},
	};
	struct p9_server *const srv = self->env.srv;
	const size_t size = sysconf(_SC_PAGESIZE);
	int ruleset_fd, fd;
	char path[64];
	char *map;

	if (is_fresh(variant->opts))
		SKIP(return, "within the bound");

	ruleset_fd = p9_ruleset(_metadata, LANDLOCK_ACCESS_FS_READ_FILE, rules);
	fd = open(P9 "/src/f", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	map = mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, close(fd));
	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx",
		 (unsigned long)map, (unsigned long)map + size);

	/* To open what is mapped. */
	set_cap(_metadata, CAP_SYS_ADMIN);
	P9_EXPECT(0, ruleset_fd, P9_READ, path);
	ASSERT_EQ(0, p9s_move(srv, "src/f", "plain/moved"));
	P9_EXPECT_REFUSED(ruleset_fd, P9_READ, path);
	ASSERT_EQ(0, p9s_create(srv, "src/f", "evil"));
	P9_EXPECT_REFUSED(ruleset_fd, P9_READ, path);
	ASSERT_EQ(0, p9s_remove(srv, "src/f"));
	ASSERT_EQ(0, p9s_move(srv, "plain/moved", "src/f"));
	P9_EXPECT(0, ruleset_fd, P9_READ, path);
	clear_cap(_metadata, CAP_SYS_ADMIN);
	EXPECT_EQ(0, munmap(map, size));
	close(ruleset_fd);
}

static void recycle(struct __test_metadata *const _metadata,
		    struct p9_server *const srv)
{
	const uint64_t number = p9s_qid_path(srv, "src/s");
	struct p9s_stat old, new;

	ASSERT_EQ(0, p9s_stat(srv, "src/s", &old));
	p9s_forget_pins(srv);
	ASSERT_EQ(0, p9s_remove(srv, "src/s"));
	ASSERT_EQ(0, p9s_recycle(srv, number));
	ASSERT_EQ(0, p9s_mkdir(srv, "src/s"));
	ASSERT_EQ(0, p9s_create(srv, "src/s/f", "evil"));
	ASSERT_EQ(number, p9s_qid_path(srv, "src/s"));
	ASSERT_EQ(0, p9s_stat(srv, "src/s", &new));
	ASSERT_NE(old.generation, new.generation);
}

/* Only the generation tells that the source is not the ruled one. */
TEST_F(p9_held, S30_recycled_source)
{
	const struct p9_rule rules[] = {
		{ P9, ACCESS_LESS },
		{ P9 "/src/s", LANDLOCK_ACCESS_FS_EXECUTE },
		{ P9 "/dst", LANDLOCK_ACCESS_FS_EXECUTE },
		{},
	};
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd, fd, err;

	if (variant->behaviour->generation != P9S_GEN_VALID ||
	    !variant->behaviour->path)
		SKIP(return, "there is no generation, or handles");

	ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, rules);
	fd = p9_hold(_metadata, HOLD_PATH, P9 "/src/s");
	recycle(_metadata, srv);
	if (is_fresh(variant->opts))
		usleep(2200000);
	err = p9_op2(_metadata, ruleset_fd, P9_RENAME,
		     p9_held(HOLD_PATH, fd, "f"), p9_abs("dst/f"));
	EXPECT_NE(0, err);
	EXPECT_FALSE(p9s_content_is(srv, "dst/f", "evil"));
	close(fd);
	close(ruleset_fd);
}

/* A walk does not tell the generation. */
TEST_F(p9_held, S30_recycled_twice)
{
	const struct p9_rule rules[] = {
		{ P9, LANDLOCK_ACCESS_FS_READ_DIR },
		{ P9 "/src/s", ACCESS_RO },
		{},
	};
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd, fd, i;

	if (variant->behaviour->generation != P9S_GEN_VALID ||
	    !variant->behaviour->path)
		SKIP(return, "there is no generation, or handles");

	ruleset_fd = p9_ruleset(_metadata, ACCESS_RO, rules);
	fd = p9_hold(_metadata, HOLD_PATH, P9 "/src/s");
	P9_EXPECT(0, ruleset_fd, P9_READ, p9_held(HOLD_PATH, fd, "f"));
	recycle(_metadata, srv);
	if (is_fresh(variant->opts))
		usleep(2200000);
	for (i = 0; i < 3; i++) {
		P9_EXPECT_REFUSED(ruleset_fd, P9_READ,
				  p9_held(HOLD_PATH, fd, "f"));
		/* By the rule above */
		P9_EXPECT(0, ruleset_fd, P9_LIST, p9_held(HOLD_PATH, fd, ""));
	}
	close(fd);
	close(ruleset_fd);
}

/* More names than a message has. */
TEST_F(p9_held, S29_deep)
{
	const struct p9_rule rules[] = { { P9, ACCESS_ALL }, {} };
	const struct p9_rule less[] = {
		{ P9, ACCESS_LESS },
		{ P9 "/dst", LANDLOCK_ACCESS_FS_EXECUTE },
		{},
	};
	struct p9_server *const srv = self->env.srv;
	char rel[64] = "src";
	int ruleset_fd, i;
	char old[64], new[64];

	for (i = 0; i < 20; i++) {
		strcat(rel, "/d");
		ASSERT_EQ(0, p9s_mkdir(srv, rel));
		if (i != 13 && i != 14 && i != 15 && i < 18)
			continue;
		snprintf(old, sizeof(old), "%s/f", rel);
		ASSERT_EQ(0, p9s_create(srv, old, "deep"));
		snprintf(new, sizeof(new), "plain/f%d", i);
		ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, less);
		EXPECT_EQ(0, p9_op2(_metadata, ruleset_fd, P9_RENAME,
				    p9_path(P9, old), p9_path(P9, new)))
		{
			TH_LOG("depth %d", i + 2);
		}
		close(ruleset_fd);
	}
	ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, rules);
	close(ruleset_fd);
}

/* The directory is replaced between the two questions. */
TEST_F(p9_held, S07_replaced_between_questions)
{
	struct p9_server *const srv = self->env.srv;
	const struct p9_rule rules[] = {
		{ P9 "/src", LANDLOCK_ACCESS_FS_READ_FILE },
		{},
	};
	int ruleset_fd, fd, rule;
	pid_t pid;

	if (!variant->behaviour->path)
		SKIP(return, "fids are not paths");
	if (is_fresh(variant->opts))
		SKIP(return, "within the bound");

	ruleset_fd = p9_ruleset(_metadata, LANDLOCK_ACCESS_FS_READ_FILE, rules);
	fd = p9_hold(_metadata, HOLD_PATH, P9 "/src/f");
	/* Never in src from here on */
	ASSERT_EQ(0, p9s_mkdir(srv, "other"));
	ASSERT_EQ(0, p9s_move(srv, "src/f", "other/f"));
	P9_EXPECT_REFUSED(ruleset_fd, P9_READ, p9_held(HOLD_PATH, fd, ""));
	rule = p9s_arm(srv, &(struct p9s_rule){ .type = P9_TWALK,
						.name = "f",
						.action = P9S_HOLD });
	ASSERT_LT(0, rule);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		alarm(20);
		if (!p9_restrict(ruleset_fd))
			_exit(P9_CHILD_SANDBOX);
		_exit(p9_do(P9_READ, p9_held(HOLD_PATH, fd, ""), NULL));
	}
	ASSERT_LE(0, p9s_wait_held(srv));
	ASSERT_EQ(0, p9s_exchange(srv, "src", "other"));
	ASSERT_LT(0, p9s_release(srv));
	EXPECT_TRUE(p9_is_refused(p9_wait_child(pid)));
	close(fd);
	close(ruleset_fd);
}

/* A fsid is only one more means to tell. */
TEST_F(p9_held, S01_statfs_refused)
{
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd;

	if (variant->behaviour->generation == P9S_GEN_VALID)
		SKIP(return, "there is a generation");

	ASSERT_LT(0, p9s_arm(srv, &(struct p9s_rule){ .type = P9_TSTATFS,
						      .action = P9S_ERROR,
						      .times = P9S_ALWAYS,
						      .error = EPERM }));
	ruleset_fd = p9_allow_read(_metadata, P9 "/src/f");
	p9_drop_caches(_metadata);
	P9_EXPECT(0, ruleset_fd, P9_READ, P9 "/src/f");
	close(ruleset_fd);
}

/* No collision could be seen later. */
TEST_F(p9_held, S10_statfs_failed)
{
	struct p9_server *const srv = self->env.srv;
	const int ruleset_fd = p9_ruleset(_metadata, ACCESS_RO, NULL);

	if (variant->behaviour->generation == P9S_GEN_VALID)
		SKIP(return, "there is a generation");

	ASSERT_EQ(1, p9s_fail_next(srv, P9_TSTATFS, EIO));
	EXPECT_EQ(EIO, p9_add_rule(ruleset_fd, P9 "/src/f",
				   LANDLOCK_ACCESS_FS_READ_FILE));
	EXPECT_EQ(0, p9s_wait_open_fids(srv, 0));
	close(ruleset_fd);
}

/* The server has another root when a second user comes. */
TEST_F(p9_held, S13_other_root)
{
	struct p9_server *const srv = self->env.srv;

	P9_EXPECT(0, P9_NO_RULESET, P9_READ, P9 "/src/f");
	ASSERT_EQ(1, p9s_arm(srv, &(struct p9s_rule){
					  .type = P9_TATTACH,
					  .times = P9S_ALWAYS,
					  .action = P9S_BAD_QID,
					  .qid.type = P9_QTDIR,
					  .qid.path = 12345,
				  }));
	EXPECT_EQ(ESTALE, p9_op_as(_metadata, 1000, P9_NO_RULESET, P9_READ,
				   P9 "/src/f", NULL));
	ASSERT_EQ(0, p9s_disarm(srv));
	EXPECT_EQ(0, p9_op_as(_metadata, 1000, P9_NO_RULESET, P9_READ,
			      P9 "/src/f", NULL));
}

/* Without Tunlinkat, the server removes what it has under this name. */
TEST_F(p9_held, S05_unlink_moved_file)
{
	struct p9_behaviour behaviour = *variant->behaviour;
	struct p9_server *const srv = self->env.srv;
	const struct p9_rule rules[] = {
		{ P9 "/src", LANDLOCK_ACCESS_FS_REMOVE_FILE }, {}
	};
	const int ruleset_fd =
		p9_ruleset(_metadata, LANDLOCK_ACCESS_FS_REMOVE_FILE, rules);
	const int fd = p9_hold(_metadata, HOLD_PATH, P9 "/src/f");

	behaviour.no_unlinkat = true;
	ASSERT_EQ(0, p9s_set_behaviour(srv, &behaviour));
	ASSERT_EQ(0, p9s_move(srv, "src/f", "plain/moved"));
	P9_EXPECT(ENOENT, ruleset_fd, P9_UNLINK, P9 "/src/f");
	EXPECT_TRUE(p9s_exists(srv, "plain/moved"));
	/* Only a file. */
	ASSERT_EQ(0, p9s_mkdir(srv, "src/f"));
	P9_EXPECT(ESTALE, ruleset_fd, P9_UNLINK, P9 "/src/f");
	EXPECT_TRUE(p9s_exists(srv, "src/f"));
	close(fd);
	close(ruleset_fd);
}

/* A server is short of descriptors for a while. */
TEST_F(p9_held, S01_short_of_descriptors)
{
	struct p9_server *const srv = self->env.srv;
	int ruleset_fd, rule;

	if (variant->behaviour->generation == P9S_GEN_VALID)
		SKIP(return, "there is a generation");
	if (is_fresh(variant->opts))
		SKIP(return, "within the bound");

	ruleset_fd = p9_allow_read(_metadata, P9 "/src/f");
	P9_EXPECT(0, ruleset_fd, P9_READ, P9 "/src/f");
	rule = p9s_arm(srv, &(struct p9s_rule){ .type = P9_TGETATTR,
						.fid_state = P9S_FID_OPEN,
						.action = P9S_ERROR,
						.error = EIO });
	ASSERT_LT(0, rule);
	P9_EXPECT(EACCES, ruleset_fd, P9_READ, P9 "/src/f");
	EXPECT_EQ(1, p9s_rule_hits(srv, rule));
	ASSERT_LE(0, p9s_disarm(srv));
	P9_EXPECT(0, ruleset_fd, P9_READ, P9 "/src/f");
	close(ruleset_fd);
}

/* A working directory that this client deleted */
TEST_F(p9_held, S34_deleted_cwd)
{
	struct p9_server *const srv = self->env.srv;
	const struct p9_rule rules[] = { { P9, ACCESS_ALL }, {} };
	int ruleset_fd, fd;

	ASSERT_EQ(0, p9s_mkdir(srv, "src/e"));
	ruleset_fd = p9_ruleset(_metadata, ACCESS_ALL, rules);
	P9_EACH_HOLD(hold)
	{
		fd = p9_hold(_metadata, hold, P9 "/src/e");
		P9_EXPECT(0, ruleset_fd, P9_RMDIR, p9_abs("src/e"));
		P9_EXPECT_REFUSED(ruleset_fd, P9_CREATE,
				  p9_held(hold, fd, "n"));
		P9_EXPECT_REFUSED(ruleset_fd, P9_LIST, p9_held(hold, fd, ""));
		ASSERT_EQ(0, p9s_mkdir(srv, "src/e"));
		P9_EXPECT_REFUSED(ruleset_fd, P9_CREATE,
				  p9_held(hold, fd, "n"));
		P9_EXPECT_REFUSED(ruleset_fd, P9_LIST, p9_held(hold, fd, ""));
		EXPECT_FALSE(p9s_exists(srv, "src/e/n"));
		p9_let_go(_metadata, hold, fd);
	}
	close(ruleset_fd);
}

TEST_HARNESS_MAIN
