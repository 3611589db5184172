// SPDX-License-Identifier: GPL-2.0-only
/*
 * Landlock tests - Sandbox of a container runtime on a 9p root filesystem
 *
 * S26: an unprivileged user makes a user and a mount namespace, changes the root
 * to a 9p mount, drops all capabilities, and enforces Landlock and a seccomp
 * filter that denies by default.  Then a real program runs in it, or a task is
 * stopped by seccomp at a system call, while the server changes the tree.
 *
 * Without rules that hold on 9p not even the program can be executed.
 */

#define _GNU_SOURCE
#include <link.h>
#include <poll.h>
#include <seccomp.h>
#include <stdlib.h>

#include "fs_9p.h"

#define USER 1000

/* Exit codes of a child that are no errno, cf. P9_CHILD_* */
#define CHILD_NAMESPACE 240
#define CHILD_ROOT 241
#define CHILD_RULESET 242
#define CHILD_SECCOMP 243

/*
 * Layout (on the server), with the rules:
 *
 * /
 * ├── bin [read, execute]
 * │   ├── busybox
 * │   └── cat, cp, ... -> busybox
 * ├── secret
 * │   ├── busybox
 * │   ├── f
 * │   ├── ruled [read]
 * │   └── sub
 * └── work [all]
 *     ├── f
 *     └── sub
 */
static const struct p9s_entry layout[] = {
	{ "bin", S_IFDIR },
	{ "secret", S_IFDIR },
	{ "secret/f", 0, "secret" },
	{ "secret/ruled", 0, "ruled" },
	{ "secret/sub", S_IFDIR },
	{ "work", S_IFDIR },
	{ "work/f", 0, "inside" },
	{ "work/sub", S_IFDIR },
	{},
};

static const char *const owned[] = { "secret",	    "secret/f", "secret/sub",
				     "work",	    "work/f",	"work/sub",
				     "secret/ruled" };

static const char *const applets[] = { "cat", "cp",	"grep", "ls", "mkdir",
				       "mv",  "mkfifo", "rm",	"sh", "touch" };

static const struct p9_rule rules[] = {
	{ "/bin", ACCESS_RO | LANDLOCK_ACCESS_FS_EXECUTE },
	{ "/secret/ruled", LANDLOCK_ACCESS_FS_READ_FILE },
	{ "/work", ACCESS_ALL },
	{},
};

/* What a shell and its tools need; unknown ones are those of other archs. */
static const char *const syscalls[] = {
	"access",
	"alarm",
	"arch_prctl",
	"brk",
	"chdir",
	"chmod",
	"clone",
	"clone3",
	"close",
	"copy_file_range",
	"dup",
	"dup2",
	"dup3",
	"execve",
	"exit",
	"exit_group",
	"faccessat",
	"faccessat2",
	"fchmod",
	"fchmodat",
	"fchown",
	"fcntl",
	"fork",
	"fstat",
	"fstatfs",
	"futex",
	"getcwd",
	"getdents64",
	"getegid",
	"geteuid",
	"getgid",
	"getpgrp",
	"getpid",
	"getppid",
	"getrandom",
	"getuid",
	"ioctl",
	"lseek",
	"lstat",
	"madvise",
	"mkdir",
	"mkdirat",
	"mmap",
	"mprotect",
	"munmap",
	"newfstatat",
	"open",
	"openat",
	"pipe",
	"pipe2",
	"poll",
	"prlimit64",
	"read",
	"readlink",
	"readlinkat",
	"rename",
	"renameat",
	"renameat2",
	"rmdir",
	"rseq",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"sendfile",
	"sendmsg",
	"set_robust_list",
	"set_tid_address",
	"stat",
	"statx",
	"umask",
	"uname",
	"unlink",
	"unlinkat",
	"utimensat",
	"vfork",
	"wait4",
	"write",
	"writev",
};

struct sandbox {
	/* Without Landlock, as a control */
	bool no_landlock;
	/* If not NULL, the system call at which the task stops */
	const char *stop_at;
	/* To send the notification descriptor */
	int usock;
};

/* All that a rootless container runtime does; returns an exit code on error. */
static int enter_namespaces(struct __test_metadata *const _metadata)
{
	char map[64];
	int fd;

	set_cap(_metadata, CAP_SETUID);
	if (setresuid(USER, USER, USER))
		return CHILD_NAMESPACE;

	/* For /proc/self/uid_map */
	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) ||
	    unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return CHILD_NAMESPACE;

	snprintf(map, sizeof(map), "0 %d 1", USER);
	fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, map, strlen(map)) != (ssize_t)strlen(map) ||
	    close(fd))
		return CHILD_NAMESPACE;

	/* A mount point of our own, which is not locked */
	if (mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) ||
	    mount(P9, P9, NULL, MS_BIND | MS_REC, NULL) || chdir(P9) ||
	    syscall(__NR_pivot_root, ".", ".") || umount2(".", MNT_DETACH) ||
	    chdir("/"))
		return CHILD_ROOT;

	return 0;
}

static int enforce_landlock(void)
{
	const struct landlock_ruleset_attr attr = {
		.handled_access_fs = ACCESS_ALL,
	};
	const int ruleset_fd = landlock_create_ruleset(&attr, sizeof(attr), 0);
	const struct p9_rule *rule;

	for (rule = rules; rule->path; rule++) {
		if (p9_add_rule(ruleset_fd, rule->path, rule->access))
			return CHILD_RULESET;
	}
	if (!p9_restrict(ruleset_fd) || close(ruleset_fd))
		return CHILD_RULESET;
	return 0;
}

static int enforce_seccomp(const struct sandbox *const sandbox)
{
	const scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	size_t i;

	if (!ctx)
		return CHILD_SECCOMP;

	for (i = 0; i < ARRAY_SIZE(syscalls); i++) {
		const int nr = seccomp_syscall_resolve_name(syscalls[i]);
		uint32_t action = SCMP_ACT_ALLOW;

		if (nr == __NR_SCMP_ERROR)
			continue;
		if (sandbox->stop_at && !strcmp(sandbox->stop_at, syscalls[i]))
			action = SCMP_ACT_NOTIFY;
		if (seccomp_rule_add(ctx, action, nr, 0))
			return CHILD_SECCOMP;
	}
	if (seccomp_load(ctx))
		return CHILD_SECCOMP;
	if (sandbox->stop_at &&
	    send_fd(sandbox->usock, seccomp_notify_fd(ctx)) < 0)
		return CHILD_SECCOMP;
	return 0;
}

static int enter_sandbox(struct __test_metadata *const _metadata,
			 const struct sandbox *const sandbox)
{
	int err = enter_namespaces(_metadata);

	if (!err && !sandbox->no_landlock)
		err = enforce_landlock();
	if (err)
		return err;

	/* The capabilities of the user namespace */
	drop_caps(_metadata);
	return enforce_seccomp(sandbox);
}

/* A busybox that needs no other file, or NULL */
static const char *find_busybox(void)
{
	static const char *const paths[] = { "/bin/busybox",
					     "/usr/bin/busybox" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		const int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
		bool found = true;
		ElfW(Ehdr) ehdr;
		ElfW(Phdr) phdr;
		int j;

		if (fd < 0)
			continue;
		if (read(fd, &ehdr, sizeof(ehdr)) != sizeof(ehdr) ||
		    memcmp(ehdr.e_ident, ELFMAG, SELFMAG))
			found = false;
		for (j = 0; found && j < ehdr.e_phnum; j++) {
			if (pread(fd, &phdr, sizeof(phdr),
				  ehdr.e_phoff + j * sizeof(phdr)) !=
				    sizeof(phdr) ||
			    phdr.p_type == PT_INTERP)
				found = false;
		}
		close(fd);
		if (found)
			return paths[i];
	}
	return NULL;
}

/* clang-format off */
FIXTURE(p9_container) {
	/* clang-format on */
	struct p9_env env;
};

FIXTURE_VARIANT(p9_container)
{
	const struct p9_behaviour *server;
	const char *opts;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_container, handle) {
	/* clang-format on */
	.server = P9S_HANDLE,
	.opts = "cache=none",
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_container, path) {
	/* clang-format on */
	.server = P9S_PATH_QEMU,
	.opts = "cache=none",
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_container, cached) {
	/* clang-format on */
	.server = P9S_HANDLE,
	.opts = "cache=loose",
};

static void make_tree(struct __test_metadata *const _metadata,
		      struct p9_server *const srv, const char *const busybox)
{
	size_t i;

	ASSERT_EQ(0, p9s_build(srv, layout));
	for (i = 0; i < ARRAY_SIZE(owned); i++)
		ASSERT_EQ(0, p9s_chown(srv, owned[i], USER, USER));
	if (!busybox)
		return;

	ASSERT_EQ(0, p9s_import(srv, "bin/busybox", busybox));
	ASSERT_EQ(0, p9s_import(srv, "secret/busybox", busybox));
	for (i = 0; i < ARRAY_SIZE(applets); i++)
		ASSERT_EQ(0, p9s_symlink(srv, p9_path("bin", applets[i]),
					 "busybox"));
}

FIXTURE_SETUP(p9_container)
{
	const char *const busybox = find_busybox();

	if (!busybox)
		SKIP(return, "there is no static busybox");
	if (!p9_start(_metadata, &self->env, variant->server))
		SKIP(return, "9p is not supported");

	make_tree(_metadata, self->env.srv, busybox);
	p9_mount(_metadata, &self->env, variant->opts);
}

FIXTURE_TEARDOWN_PARENT(p9_container)
{
	p9_finish(&self->env);
}

/* Runs a shell on @script: returns its exit code, or another CHILD_*. */
static int shell(struct __test_metadata *const _metadata,
		 const bool no_landlock, const char *const script)
{
	const struct sandbox sandbox = { .no_landlock = no_landlock };
	char *const argv[] = { "sh", "-c", (char *)script, NULL };
	char *const envp[] = { "PATH=/bin", NULL };
	const pid_t pid = fork();
	int err;

	ASSERT_LE(0, pid);
	if (pid == 0) {
		alarm(60);
		err = enter_sandbox(_metadata, &sandbox);
		if (err)
			_exit(err);
		execve("/bin/busybox", argv, envp);
		_exit(errno);
	}
	return p9_wait_child(pid);
}

static const char script_inside[] =
	"set -e\n"
	"[ \"$(cat /work/f)\" = inside ]\n"
	"[ \"$(cat /secret/ruled)\" = ruled ]\n"
	"ls /bin /work /work/sub > /work/list\n"
	"grep -q busybox /work/list\n"
	"echo new > /work/new\n"
	"mkdir /work/d\n"
	"mv /work/new /work/d/moved\n"
	"[ \"$(cat /work/d/moved)\" = new ]\n"
	"echo more >> /work/d/moved\n"
	"mv /work/d /work/sub/d\n"
	"cp /bin/busybox /work/sub/busybox\n"
	"[ \"$(/work/sub/busybox echo executed)\" = executed ]\n"
	"cd /work/sub\n"
	"./busybox cat d/moved > copy\n"
	"rm /work/list busybox\n";

/* Reads, writes, creates, renames and executes. */
TEST_F(p9_container, S26_inside)
{
	struct p9_server *const srv = self->env.srv;

	EXPECT_EQ(0, shell(_metadata, false, script_inside));
	EXPECT_TRUE(p9s_content_is(srv, "work/sub/d/moved", "new\nmore\n"));
	EXPECT_TRUE(p9s_content_is(srv, "work/sub/copy", "new\nmore\n"));
	EXPECT_FALSE(p9s_exists(srv, "work/new"));
	EXPECT_FALSE(p9s_exists(srv, "work/d"));
	EXPECT_FALSE(p9s_exists(srv, "work/list"));
	EXPECT_FALSE(p9s_exists(srv, "work/sub/busybox"));
	EXPECT_EQ(0, p9_umount(_metadata, P9, 0));
	EXPECT_EQ(0, p9s_wait_fids(srv, 0));
	EXPECT_EQ(0, p9s_violations(srv, P9S_V_SPECIAL | P9S_V_PROTOCOL));
}

/* Each is a line of its own: allowed without Landlock, denied with it. */
static const char *const outside[] = {
	"cat /secret/f",
	"ls /",
	"ls /secret",
	"echo x >> /secret/f",
	"echo x > /secret/new",
	"mkdir /secret/dir",
	"/secret/busybox true",
	"mv /secret/f /work/g",
	"mv /work/f /secret/g",
	"rm /secret/f",
	"cd /work/sub && cat ../../secret/f",
};

TEST_F(p9_container, S26_outside)
{
	struct p9_server *const srv = self->env.srv;
	char script[512];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(outside); i++) {
		/* After EXDEV, mv tries to copy, which is denied as well. */
		snprintf(script, sizeof(script),
			 "(%s) > /work/out 2>&1 && exit 1\n"
			 "grep -q 'Permission denied' /work/out || exit 2\n",
			 outside[i]);
		EXPECT_EQ(0, shell(_metadata, false, script))
		{
			TH_LOG("Not denied: %s", outside[i]);
		}
	}
	EXPECT_TRUE(p9s_content_is(srv, "secret/f", "secret"));
	EXPECT_TRUE(p9s_content_is(srv, "work/f", "inside"));
	EXPECT_FALSE(p9s_exists(srv, "secret/new"));
	EXPECT_FALSE(p9s_exists(srv, "secret/dir"));
	EXPECT_FALSE(p9s_exists(srv, "secret/g"));
	EXPECT_FALSE(p9s_exists(srv, "work/g"));

	/* Controls, with the file that some take away */
	for (i = 0; i < ARRAY_SIZE(outside); i++) {
		if (!p9s_exists(srv, "secret/f")) {
			ASSERT_EQ(0, p9s_create(srv, "secret/f", "secret"));
			ASSERT_EQ(0, p9s_chown(srv, "secret/f", USER, USER));
		}
		/* The server's changes are not seen by a cache. */
		if (strstr(variant->opts, "loose"))
			p9_drop_caches(_metadata);
		EXPECT_EQ(0, shell(_metadata, true, outside[i]))
		{
			TH_LOG("Not allowed: %s", outside[i]);
		}
	}
}

/* The filter is there, too: for what is on no list. */
TEST_F(p9_container, S26_filtered)
{
	EXPECT_EQ(0, shell(_metadata, false,
			   "mkfifo /work/fifo 2> /work/out && exit 1\n"
			   "grep -q 'not permitted' /work/out || exit 2\n"));
	EXPECT_FALSE(p9s_exists(self->env.srv, "work/fifo"));
}

/*
 * A task is stopped at a system call, the server changes, and the task goes on:
 * names are looked up afterwards, and judged by what they lead to.
 */

/* clang-format off */
FIXTURE(p9_stopped) {
	/* clang-format on */
	struct p9_env env;
};

FIXTURE_VARIANT(p9_stopped)
{
	const struct p9_behaviour *server;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_stopped, handle) {
	/* clang-format on */
	.server = P9S_HANDLE,
};

/* clang-format off */
FIXTURE_VARIANT_ADD(p9_stopped, path) {
	/* clang-format on */
	.server = P9S_PATH_QEMU,
};

FIXTURE_SETUP(p9_stopped)
{
	if (!p9_start(_metadata, &self->env, variant->server))
		SKIP(return, "9p is not supported");

	make_tree(_metadata, self->env.srv, NULL);
	p9_mount(_metadata, &self->env, "cache=none");
}

FIXTURE_TEARDOWN_PARENT(p9_stopped)
{
	p9_finish(&self->env);
}

struct stopped {
	pid_t pid;
	int notify_fd;
	struct seccomp_notif *req;
	struct seccomp_notif_resp *resp;
};

/*
 * Starts a task that opens @path (@path2 is NULL) or renames it, and returns
 * once it is stopped there.
 */
static void stop_task(struct __test_metadata *const _metadata,
		      struct stopped *const task, const bool no_landlock,
		      const char *const path, const char *const path2)
{
	struct pollfd pfd = { .events = POLLIN };
	int socks[2];
	char c;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks));
	task->pid = fork();
	ASSERT_LE(0, task->pid);
	if (task->pid == 0) {
		const struct sandbox sandbox = {
			.no_landlock = no_landlock,
			.stop_at = path2 ? "renameat2" : "openat",
			.usock = socks[1],
		};
		char buf[8];
		int err, fd;

		alarm(60);
		err = enter_sandbox(_metadata, &sandbox);
		if (err)
			_exit(err);
		if (path2)
			_exit(syscall(__NR_renameat2, AT_FDCWD, path, AT_FDCWD,
				      path2, 0) ?
				      errno :
				      0);
		fd = syscall(__NR_openat, AT_FDCWD, path, O_RDONLY, 0);
		_exit(fd < 0 || read(fd, buf, sizeof(buf)) < 0 ? errno : 0);
	}
	ASSERT_EQ(0, close(socks[1]));
	ASSERT_EQ(1, recv(socks[0], &c, 1, MSG_PEEK))
	{
		TH_LOG("The task ended with %d", p9_wait_child(task->pid));
	}
	task->notify_fd = recv_fd(socks[0]);
	ASSERT_LE(0, task->notify_fd);
	ASSERT_EQ(0, close(socks[0]));

	pfd.fd = task->notify_fd;
	ASSERT_EQ(1, poll(&pfd, 1, 60000));
	ASSERT_EQ(POLLIN, pfd.revents);
	ASSERT_EQ(0, seccomp_notify_alloc(&task->req, &task->resp));
	ASSERT_EQ(0, seccomp_notify_receive(task->notify_fd, task->req));
}

/* Lets the system call go on: returns 0 or errno. */
static int continue_task(struct __test_metadata *const _metadata,
			 struct stopped *const task)
{
	task->resp->id = task->req->id;
	task->resp->error = 0;
	task->resp->val = 0;
	task->resp->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	EXPECT_EQ(0, seccomp_notify_respond(task->notify_fd, task->resp));
	seccomp_notify_free(task->req, task->resp);
	EXPECT_EQ(0, close(task->notify_fd));
	return p9_wait_child(task->pid);
}

/* Without any change: what is allowed and denied */
TEST_F(p9_stopped, S26_unchanged)
{
	struct stopped task;

	stop_task(_metadata, &task, false, "/work/f", NULL);
	EXPECT_EQ(0, continue_task(_metadata, &task));
	stop_task(_metadata, &task, false, "/secret/ruled", NULL);
	EXPECT_EQ(0, continue_task(_metadata, &task));
	stop_task(_metadata, &task, false, "/secret/f", NULL);
	EXPECT_EQ(EACCES, continue_task(_metadata, &task));
	stop_task(_metadata, &task, true, "/secret/f", NULL);
	EXPECT_EQ(0, continue_task(_metadata, &task));
	stop_task(_metadata, &task, false, "/work/f", "/secret/sub/f");
	EXPECT_EQ(EACCES, continue_task(_metadata, &task));
	stop_task(_metadata, &task, false, "/work/f", "/work/sub/f");
	EXPECT_EQ(0, continue_task(_metadata, &task));
	EXPECT_TRUE(p9s_exists(self->env.srv, "work/sub/f"));
}

TEST_F(p9_stopped, S03_move_ruled)
{
	struct p9_server *const srv = self->env.srv;
	struct stopped task;

	/* The ruled file is where it was not. */
	stop_task(_metadata, &task, false, "/secret/sub/ruled", NULL);
	ASSERT_EQ(0, p9s_move(srv, "secret/ruled", "secret/sub/ruled"));
	EXPECT_EQ(0, continue_task(_metadata, &task));
	ASSERT_EQ(0, p9s_move(srv, "secret/sub/ruled", "secret/ruled"));

	/* Another file is where it was. */
	stop_task(_metadata, &task, false, "/secret/ruled", NULL);
	ASSERT_EQ(0, p9s_move(srv, "secret/ruled", "secret/sub/ruled"));
	ASSERT_EQ(0, p9s_move(srv, "secret/f", "secret/ruled"));
	EXPECT_EQ(EACCES, continue_task(_metadata, &task));
}

TEST_F(p9_stopped, S04_move_out)
{
	struct p9_server *const srv = self->env.srv;
	struct stopped task;

	stop_task(_metadata, &task, false, "/secret/sub/f", NULL);
	ASSERT_EQ(0, p9s_move(srv, "work/f", "secret/sub/f"));
	EXPECT_EQ(EACCES, continue_task(_metadata, &task));

	stop_task(_metadata, &task, false, "/work/sub/f", NULL);
	ASSERT_EQ(0, p9s_move(srv, "secret/sub/f", "work/sub/f"));
	EXPECT_EQ(0, continue_task(_metadata, &task));

	stop_task(_metadata, &task, false, "/work/sub/f", NULL);
	ASSERT_EQ(0, p9s_move(srv, "work/sub", "secret/sub/sub"));
	ASSERT_EQ(0, p9s_symlink(srv, "work/sub", "../secret/sub/sub"));
	EXPECT_EQ(EACCES, continue_task(_metadata, &task));
}

/* What replaces a ruled directory is not ruled. */
TEST_F(p9_stopped, S03_replace_ruled_dir)
{
	struct p9_server *const srv = self->env.srv;
	struct stopped task;

	stop_task(_metadata, &task, false, "/work/f", NULL);
	ASSERT_EQ(0, p9s_exchange(srv, "work", "secret"));
	EXPECT_EQ(EACCES, continue_task(_metadata, &task));

	ASSERT_EQ(0, p9s_exchange(srv, "work", "secret"));

	/* It is where it is now. */
	stop_task(_metadata, &task, false, "/secret/f", NULL);
	ASSERT_EQ(0, p9s_exchange(srv, "work", "secret"));
	EXPECT_EQ(0, continue_task(_metadata, &task));
}

/* The destination of a rename leaves the ruled directory. */
TEST_F(p9_stopped, S04_rename)
{
	struct p9_server *const srv = self->env.srv;
	struct stopped task;

	stop_task(_metadata, &task, false, "/work/f", "/work/sub/f");
	ASSERT_EQ(0, p9s_move(srv, "work/sub", "secret/sub/sub"));
	ASSERT_EQ(0, p9s_symlink(srv, "work/sub", "../secret/sub/sub"));
	EXPECT_EQ(EACCES, continue_task(_metadata, &task));
	EXPECT_TRUE(p9s_exists(srv, "work/f"));

	/* The same without Landlock */
	stop_task(_metadata, &task, true, "/work/f", "/work/sub/f");
	EXPECT_EQ(0, continue_task(_metadata, &task));
	EXPECT_TRUE(p9s_exists(srv, "secret/sub/sub/f"));
}

/* The source of a rename leaves it, or comes in. */
TEST_F(p9_stopped, S04_rename_source)
{
	struct p9_server *const srv = self->env.srv;
	struct stopped task;

	stop_task(_metadata, &task, false, "/secret/f", "/work/sub/g");
	EXPECT_EQ(EACCES, continue_task(_metadata, &task));

	stop_task(_metadata, &task, false, "/work/g", "/work/sub/g");
	ASSERT_EQ(0, p9s_move(srv, "secret/f", "work/g"));
	EXPECT_EQ(0, continue_task(_metadata, &task));
	EXPECT_TRUE(p9s_exists(srv, "work/sub/g"));

	stop_task(_metadata, &task, false, "/secret/sub/g", "/work/g");
	ASSERT_EQ(0, p9s_move(srv, "work/sub/g", "secret/sub/g"));
	EXPECT_EQ(EACCES, continue_task(_metadata, &task));
	EXPECT_TRUE(p9s_exists(srv, "secret/sub/g"));
}

TEST_HARNESS_MAIN
