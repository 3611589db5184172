// SPDX-License-Identifier: GPL-2.0-only
/*
 * In-test 9p server: connections and mounts
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "p9_server_int.h"

/* In the working directory. */
#define SOCKET "p9_server.socket"

static int serve(struct p9_server *const srv, const int fd)
{
	struct p9s_ctl ctl = {
		.op = P9S_CTL_CONNECT,
	};

	return p9s_rpc(srv, &ctl, fd);
}

int p9s_connect(struct p9_server *const srv)
{
	int fds[2], err;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return -errno;
	err = serve(srv, fds[1]);
	close(fds[1]);
	if (err) {
		close(fds[0]);
		return err;
	}
	return fds[0];
}

static int mount_9p(const char *const source, const char *const dir,
		    const char *const opts)
{
	return mount(source, dir, "9p", 0, opts) ? -errno : 0;
}

static int mount_fd(struct p9_server *const srv, const char *const dir,
		    const char *const opts)
{
	char all[1024];
	int fd, err;

	fd = p9s_connect(srv);
	if (fd < 0)
		return fd;
	if (snprintf(all, sizeof(all), "trans=fd,rfdno=%d,wfdno=%d,%s", fd, fd,
		     opts) >= (int)sizeof(all))
		err = -E2BIG;
	else
		err = mount_9p("p9_server", dir, all);
	close(fd);
	return err;
}

/* The kernel connects, and waits for an answer: somebody else must accept. */
static int mount_listening(struct p9_server *const srv, const int listen_fd,
			   const char *const source, const char *const dir,
			   const char *const opts)
{
	struct pollfd pfds[] = {
		{ .fd = listen_fd, .events = POLLIN },
		{ .events = POLLIN },
	};
	int fd, status, err = 0;
	const pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid)
		_exit(-mount_9p(source, dir, opts));

	pfds[1].fd = syscall(__NR_pidfd_open, pid, 0);
	if (pfds[1].fd < 0 || poll(pfds, 2, -1) < 0)
		err = -errno;
	/* It may also have failed without any connection. */
	if (!err && (pfds[0].revents & POLLIN)) {
		fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
		err = fd < 0 ? -errno : serve(srv, fd);
		close(fd);
	}
	close(pfds[1].fd);
	/* No connection is left to wait for. */
	close(listen_fd);
	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	if (err)
		return err;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

static int mount_unix(struct p9_server *const srv, const char *const dir,
		      const char *const opts)
{
	const struct sockaddr_un addr = {
		.sun_family = AF_UNIX,
		.sun_path = SOCKET,
	};
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(fd, 1)) {
		err = -errno;
		close(fd);
	} else {
		err = mount_listening(srv, fd, SOCKET, dir, opts);
	}
	unlink(SOCKET);
	return err;
}

static int mount_tcp(struct p9_server *const srv, const char *const dir,
		     const char *const opts)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(addr);
	char all[1024];
	int err = 0;

	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&addr, len) || listen(fd, 1) ||
	    getsockname(fd, (struct sockaddr *)&addr, &len))
		err = -errno;
	else if (snprintf(all, sizeof(all), "port=%u,%s", ntohs(addr.sin_port),
			  opts) >= (int)sizeof(all))
		err = -E2BIG;
	if (err) {
		close(fd);
		return err;
	}
	return mount_listening(srv, fd, "127.0.0.1", dir, all);
}

int p9s_mount(struct p9_server *const srv, const char *const dir,
	      const char *const opts)
{
	static const char *const versions[] = {
		[P9S_DOTL] = "version=9p2000.L",
		[P9S_DOTU] = "version=9p2000.u",
		[P9S_LEGACY] = "version=9p2000",
	};
	const char *const more = opts ?: "";
	char all[1024];

	/* Of two versions, the last one counts. */
	if (snprintf(all, sizeof(all), "%s%s%s", versions[p9s_version(srv)],
		     *more ? "," : "", more) >= (int)sizeof(all))
		return -E2BIG;
	if (strstr(more, "trans=unix"))
		return mount_unix(srv, dir, all);
	if (strstr(more, "trans=tcp"))
		return mount_tcp(srv, dir, all);
	return mount_fd(srv, dir, all);
}
