// SPDX-License-Identifier: GPL-2.0
/*
 * Runs a command with chosen rights: restrict RIGHTS:PATH... -- COMMAND...
 *
 * RIGHTS are letters: r read, l list, w write, x execute, c create, d remove,
 * m move or link between directories (refer).  The sandboxer sample only knows
 * "read and execute" and "everything".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
	char letter;
	__u64 access;
} rights[] = {
	{ 'r', LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR },
	{ 'l', LANDLOCK_ACCESS_FS_READ_DIR },
	{ 'w', LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE },
	{ 'x', LANDLOCK_ACCESS_FS_EXECUTE },
	{ 'c', LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR |
		       LANDLOCK_ACCESS_FS_MAKE_SYM },
	{ 'd', LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR },
	{ 'm', LANDLOCK_ACCESS_FS_REFER },
};

#define NR_RIGHTS (sizeof(rights) / sizeof(rights[0]))

static int add_rule(const int ruleset_fd, char *const spec)
{
	struct landlock_path_beneath_attr rule = {};
	char *const path = strchr(spec, ':');
	int err;

	if (!path) {
		errno = EINVAL;
		return -1;
	}

	for (size_t i = 0; i < NR_RIGHTS; i++) {
		if (memchr(spec, rights[i].letter, path - spec))
			rule.allowed_access |= rights[i].access;
	}
	rule.parent_fd = open(path + 1, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return -1;

	err = syscall(__NR_landlock_add_rule, ruleset_fd,
		      LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	close(rule.parent_fd);
	return err;
}

int main(int argc, char *argv[])
{
	struct landlock_ruleset_attr attr = {};
	int ruleset_fd, i;

	for (size_t j = 0; j < NR_RIGHTS; j++)
		attr.handled_access_fs |= rights[j].access;
	ruleset_fd =
		syscall(__NR_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (ruleset_fd < 0) {
		perror("landlock_create_ruleset");
		return 125;
	}

	for (i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		if (add_rule(ruleset_fd, argv[i])) {
			perror(argv[i]);
			return 125;
		}
	}
	if (i + 1 >= argc) {
		fprintf(stderr, "usage: restrict RIGHTS:PATH... -- COMMAND\n");
		return 125;
	}

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    syscall(__NR_landlock_restrict_self, ruleset_fd, 0)) {
		perror("landlock_restrict_self");
		return 125;
	}
	execvp(argv[i + 1], argv + i + 1);
	perror(argv[i + 1]);
	return 127;
}
