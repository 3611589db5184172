// SPDX-License-Identifier: GPL-2.0-only
/*
 * Landlock tests - Cost of rules on 9p and on tmpfs
 *
 * usage: fs_9p_open_bench RULES... | -t DEPTH... | -m RULES
 *
 * For each number of rules, prints this number, then for tmpfs and for 9p (from
 * the in-test server, links fresh) by how many nanoseconds a sandbox makes open()
 * slower, ten directories below the ruled one.  This is the one of a FIFO, for
 * which nothing is asked from the server.  To be run where the clock counts
 * instructions (QEMU with -icount shift=0,sleep=off).
 *
 * With -t, prints for each depth how long open() takes on tmpfs in a sandbox, also
 * on kernels that cannot tie rules to files on 9p.
 *
 * With -m, prints how many bytes a rule takes on tmpfs and on 9p, as slabs that
 * cannot be reclaimed.
 */

#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "p9_server.h"

#define DEPTH 10
#define MAX_DEPTH 100
#define NUM_OPENS 1000
#define TMPFS "/tmp/fs_9p_open_bench.tmpfs"
#define P9 "/tmp/fs_9p_open_bench.9p"

static unsigned long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void add_rule(const int ruleset_fd, const char *const path)
{
	const struct landlock_path_beneath_attr attr = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE,
		.parent_fd = open(path, O_PATH | O_CLOEXEC),
	};

	if (attr.parent_fd < 0 ||
	    syscall(__NR_landlock_add_rule, ruleset_fd,
		    LANDLOCK_RULE_PATH_BENEATH, &attr, 0) ||
	    close(attr.parent_fd))
		err(1, "rule on %s", path);
}

static void make(struct p9_server *const srv, const char *const path,
		 const bool is_dir)
{
	int ret;

	if (srv)
		ret = is_dir ? p9s_mkdir(srv, path) : p9s_create(srv, path, "");
	else
		ret = is_dir ? mkdir(path, 0755) :
			       mknod(path, S_IFREG | 0644, 0);
	if (ret)
		errx(1, "cannot make %s", path);
}

static void make_rule_files(struct p9_server *const srv, const int rules)
{
	char name[32];

	make(srv, "r", true);
	for (int i = 0; i < rules; i++) {
		if (i % 256 == 0) {
			snprintf(name, sizeof(name), "r/%d", i / 256);
			make(srv, name, true);
		}
		snprintf(name, sizeof(name), "r/%d/%d", i / 256, i);
		make(srv, name, false);
	}
}

/* Makes the files on the server, or in the working directory. */
static void make_files(struct p9_server *const srv, const int rules,
		       const int depth, char *const path, const size_t size)
{
	make_rule_files(srv, rules);
	*path = '\0';
	for (int i = 0; i < depth; i++) {
		snprintf(path + strlen(path), size - strlen(path), "%sd",
			 i ? "/" : "");
		make(srv, path, true);
	}
	snprintf(path + strlen(path), size - strlen(path), "/f");
	if (srv ? p9s_mknod(srv, path, S_IFIFO | 0644, 0) : mkfifo(path, 0644))
		errx(1, "cannot make %s", path);
}

/*
 * Nanoseconds of an open(), in a child: the least of many, as ticks may be in the
 * way.
 */
static unsigned long long bench(const int ruleset_fd, const char *const path)
{
	unsigned long long result;
	int fds[2], i, fd;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		err(1, "pipe");
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		unsigned long long least = ~0ULL;

		if (ruleset_fd >= 0 &&
		    (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		     syscall(__NR_landlock_restrict_self, ruleset_fd, 0)))
			err(1, "sandbox");
		for (i = 0; i < NUM_OPENS; i++) {
			const unsigned long long start = now();
			unsigned long long end;

			fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
			if (fd < 0)
				err(1, "open");
			end = now();
			if (end - start < least)
				least = end - start;
			close(fd);
		}
		_exit(write(fds[1], &least, sizeof(least)) != sizeof(least));
	}
	if (read(fds[0], &result, sizeof(result)) != sizeof(result) ||
	    waitpid(pid, &i, 0) != pid || i)
		errx(1, "the child failed");
	close(fds[0]);
	close(fds[1]);
	return result;
}

static int make_ruleset(void)
{
	const struct landlock_ruleset_attr attr = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_READ_FILE,
	};
	const int ruleset_fd =
		syscall(__NR_landlock_create_ruleset, &attr, sizeof(attr), 0);

	if (ruleset_fd < 0)
		err(1, "ruleset");
	return ruleset_fd;
}

static void add_rules(const int ruleset_fd, const int first, const int rules)
{
	char name[32];

	for (int i = first; i < rules; i++) {
		snprintf(name, sizeof(name), "r/%d/%d", i / 256, i);
		add_rule(ruleset_fd, name);
	}
}

/* What open() takes in a sandbox and without, in the working directory. */
static void cost(const int rules, const int depth, const char *const path,
		 unsigned long long *const with,
		 unsigned long long *const without)
{
	const int ruleset_fd = make_ruleset();
	int held[MAX_DEPTH + 1];
	char name[2 * MAX_DEPTH + 2];

	add_rule(ruleset_fd, ".");
	add_rules(ruleset_fd, 1, rules);
	/* What is held is not looked up. */
	for (int i = 0; i <= depth; i++) {
		snprintf(name, sizeof(name), "%.*s", 2 * i + 1, path);
		held[i] = open(name, O_PATH | O_CLOEXEC);
		if (held[i] < 0)
			err(1, "%s", name);
	}
	*without = bench(-1, path);
	*with = bench(ruleset_fd, path);
	for (int i = 0; i <= depth; i++)
		close(held[i]);
	close(ruleset_fd);
}

static void enter_tmpfs(void)
{
	if (mount("tmpfs", TMPFS, "tmpfs", 0, "nr_inodes=0") || chdir(TMPFS))
		err(1, "tmpfs");
}

static void enter_9p(struct p9_server *const srv)
{
	if (p9s_mount(srv, P9, "cache=none,freshness=3600000") || chdir(P9))
		err(1, "9p");
}

static void leave(const char *const dir)
{
	if (chdir("/") || umount(dir))
		err(1, "umount");
}

static struct p9_server *start_server(void)
{
	struct p9_server *const srv = p9s_start(P9S_PATH_QEMU);

	if (!srv)
		err(1, "cannot start a server");
	return srv;
}

static void print_costs(const int rules)
{
	unsigned long long with, without, p9_with, p9_without;
	struct p9_server *const srv = start_server();
	char path[64];

	enter_tmpfs();
	make_files(NULL, rules, DEPTH, path, sizeof(path));
	cost(rules, DEPTH, path, &with, &without);
	leave(TMPFS);

	make_files(srv, rules, DEPTH, path, sizeof(path));
	enter_9p(srv);
	cost(rules, DEPTH, path, &p9_with, &p9_without);
	leave(P9);
	p9s_stop(srv);
	printf("%d %lld %lld\n", rules, (long long)(with - without),
	       (long long)(p9_with - p9_without));
}

static void print_tmpfs(const int depth)
{
	unsigned long long with, without;
	char path[2 * MAX_DEPTH + 2];

	if (depth < 1 || depth > MAX_DEPTH)
		errx(1, "the depth is 1 to %d", MAX_DEPTH);
	enter_tmpfs();
	make_files(NULL, 1, depth, path, sizeof(path));
	cost(1, depth, path, &with, &without);
	leave(TMPFS);
	printf("%d %llu %llu\n", depth, with, without);
}

static unsigned long slab_bytes(void)
{
	FILE *const meminfo = fopen("/proc/meminfo", "r");
	unsigned long kib = 0;
	char line[128];

	while (meminfo && fgets(line, sizeof(line), meminfo) &&
	       sscanf(line, "SUnreclaim: %lu", &kib) != 1)
		;
	if (!kib)
		errx(1, "no SUnreclaim in /proc/meminfo");
	fclose(meminfo);
	return kib * 1024;
}

/* In the working directory */
static long rule_bytes(const int rules)
{
	const int ruleset_fd = make_ruleset();
	unsigned long before;
	long bytes;

	/* Slabs that the first ones need. */
	add_rules(ruleset_fd, 0, rules / 4);
	before = slab_bytes();
	add_rules(ruleset_fd, rules / 4, rules);
	bytes = slab_bytes() - before;
	close(ruleset_fd);
	return bytes / (rules - rules / 4);
}

static void print_bytes(const int rules)
{
	struct p9_server *const srv = start_server();
	long bytes;

	enter_tmpfs();
	make_rule_files(NULL, rules);
	bytes = rule_bytes(rules);
	leave(TMPFS);

	make_rule_files(srv, rules);
	enter_9p(srv);
	printf("%d %ld %ld\n", rules, bytes, rule_bytes(rules));
	leave(P9);
	p9s_stop(srv);
}

int main(const int argc, char *const argv[])
{
	const struct rlimit limit = { 1 << 18, 1 << 18 };
	void (*print)(int) = print_costs;
	int opt;

	while ((opt = getopt(argc, argv, "tm")) != -1) {
		if (opt == '?')
			return 1;
		print = opt == 't' ? print_tmpfs : print_bytes;
	}
	if (optind == argc)
		errx(1, "usage: %s RULES... | -t DEPTH... | -m RULES", argv[0]);
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) ||
	    setrlimit(RLIMIT_NOFILE, &limit))
		err(1, "setup");
	if ((mkdir(TMPFS, 0755) || mkdir(P9, 0755)) && errno != EEXIST)
		err(1, "mkdir");
	for (int i = optind; i < argc; i++) {
		print(atoi(argv[i]));
		fflush(stdout);
	}
	return 0;
}
