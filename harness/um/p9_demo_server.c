// SPDX-License-Identifier: GPL-2.0-only
/*
 * In-test 9p server driven by lines of text, for shell scripts
 *
 * Mounts an in-memory tree, then carries out one command per line of its
 * standard input behind the client's back, and answers each with "ok" or with
 * an error.  Unmounting is up to the script; the server ends with its input.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "p9_server.h"

static int run(struct p9_server *const srv, const char *const command,
	       const char *const arg1, const char *const arg2)
{
	if (!strcmp(command, "mkdir"))
		return p9s_mkdir(srv, arg1);
	if (!strcmp(command, "create"))
		return p9s_create(srv, arg1, arg2);
	if (!strcmp(command, "move"))
		return p9s_move(srv, arg1, arg2);
	if (!strcmp(command, "remove"))
		return p9s_remove(srv, arg1);
	if (!strcmp(command, "fids"))
		return p9s_wait_fids(srv, strtoul(arg1, NULL, 10)) ==
				       (int)strtoul(arg1, NULL, 10) ?
			       0 :
			       -ETIMEDOUT;
	return -EINVAL;
}

int main(const int argc, char *const argv[])
{
	struct p9_server *srv;
	char line[512];
	int err;

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: %s DIR [MOUNT-OPTIONS]\n", argv[0]);
		return 2;
	}

	srv = p9s_start(P9S_HANDLE);
	if (!srv) {
		perror("p9_demo_server: cannot start the server");
		return 1;
	}
	err = p9s_mount(srv, argv[1], argc > 2 ? argv[2] : NULL);
	if (err) {
		fprintf(stderr, "p9_demo_server: cannot mount on %s: %s\n",
			argv[1], strerror(-err));
		p9s_stop(srv);
		return 1;
	}
	puts("ok");
	fflush(stdout);

	while (fgets(line, sizeof(line), stdin)) {
		const char *const command = strtok(line, " \n");
		const char *const arg1 = strtok(NULL, " \n");
		const char *const arg2 = strtok(NULL, "\n");

		err = command && arg1 ? run(srv, command, arg1, arg2) : -EINVAL;
		puts(err ? strerror(-err) : "ok");
		fflush(stdout);
	}
	p9s_stop(srv);
	return 0;
}
