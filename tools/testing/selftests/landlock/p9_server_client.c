// SPDX-License-Identifier: GPL-2.0-only
/*
 * In-test 9p server: the test's side
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "p9_server_int.h"

/* A socket that carries one request at a time, of any process. */
struct channel {
	int fd;
	/* Robust: its holder may be killed. */
	pthread_mutex_t lock;
	/* A reply to somebody who was killed has another one. */
	uint32_t seq;
};

/* Shared with all forked children. */
struct p9_server {
	pid_t pid;
	/* The process that started it. */
	pid_t parent;
	enum p9s_version version;
	struct channel ctl, wait;
};

const struct p9_behaviour p9s_path_qemu = {
	.name = "path_qemu",
	.path = true,
	.gen_by_path = true,
	.rename_moves_fids = true,
	.generation = P9S_GEN_VALID,
	.gen_needs_read = true,
};

const struct p9_behaviour p9s_path_diod = {
	.name = "path_diod",
	.path = true,
	.open_getattr_by_path = true,
	.short_walk_makes_fid = true,
	.dotdot_escapes = true,
	.generation = P9S_GEN_CLAIMED_ZERO,
	.qid_version = P9S_QIDV_ZERO,
	.no_renameat = true,
	.no_unlinkat = true,
};

const struct p9_behaviour p9s_handle = {
	.name = "handle",
	.walked_pins = true,
	.generation = P9S_GEN_VALID,
};

const struct p9_behaviour p9s_liar_ganesha = {
	.name = "liar_ganesha",
	.stale_dotdot = true,
	.open_dir_pins_nothing = true,
	.walk_repeats_last = true,
	.short_walk_fails = true,
	.fsid = P9S_FSID_ZERO,
	.qid_version = P9S_QIDV_ZERO,
	.rerror_dotl = true,
};

static int init_channel(struct channel *const channel, int *const other)
{
	pthread_mutexattr_t attr;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return -1;
	channel->fd = fds[0];
	*other = fds[1];
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&channel->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	return 0;
}

/* Keeps 2 and these, as 0 and 1. */
static void keep_fds(const int fd0, const int fd1)
{
	int max = fd0 > fd1 ? fd0 : fd1;
	int low0, low1;

	/* Away from where they go. */
	low0 = fcntl(fd0, F_DUPFD, max > 3 ? max + 1 : 4);
	low1 = fcntl(fd1, F_DUPFD, max > 3 ? max + 1 : 4);
	if (low0 < 0 || low1 < 0 || dup2(low0, 0) < 0 || dup2(low1, 1) < 0)
		_exit(1);
	if (syscall(__NR_close_range, 3, ~0U, 0)) {
		for (max = sysconf(_SC_OPEN_MAX); max >= 3; max--)
			close(max);
	}
}

static void run_server(const struct p9_behaviour *const behaviour,
		       const pid_t parent, const int ctl_fd, const int wait_fd)
{
	const char *const debug = getenv("P9S_DEBUG");
	unsigned int sig;

	/* Nothing of the test's may run here. */
	for (sig = 1; sig < 32; sig++)
		signal(sig, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	prctl(PR_SET_NAME, "p9_server");
	if (chdir("/"))
		_exit(1);
	keep_fds(ctl_fd, wait_fd);
	p9s_serve(behaviour, 0, 1, debug && *debug && *debug != '0');
}

struct p9_server *p9s_start(const struct p9_behaviour *const behaviour)
{
	int ctl_fd = -1, wait_fd = -1, err;
	struct p9_server *srv;
	pid_t pid;

	srv = mmap(NULL, sizeof(*srv), PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (srv == MAP_FAILED)
		return NULL;
	srv->ctl.fd = -1;
	srv->wait.fd = -1;
	srv->parent = getpid();
	srv->version = behaviour->version;
	if (init_channel(&srv->ctl, &ctl_fd) ||
	    init_channel(&srv->wait, &wait_fd))
		goto err_close;

	/* The child must not write to what is shared. */
	pid = fork();
	if (pid < 0)
		goto err_close;
	if (pid == 0)
		run_server(behaviour, srv->parent, ctl_fd, wait_fd);
	srv->pid = pid;
	close(ctl_fd);
	close(wait_fd);
	return srv;

err_close:
	err = errno;
	close(srv->ctl.fd);
	close(srv->wait.fd);
	close(ctl_fd);
	close(wait_fd);
	munmap(srv, sizeof(*srv));
	errno = err;
	return NULL;
}

void p9s_stop(struct p9_server *const srv)
{
	if (!srv)
		return;
	/* Not by a child: it only gives up its copies. */
	if (srv->parent == getpid()) {
		kill(srv->pid, SIGKILL);
		while (waitpid(srv->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close(srv->ctl.fd);
	close(srv->wait.fd);
	munmap(srv, sizeof(*srv));
}

pid_t p9s_pid(const struct p9_server *const srv)
{
	return srv->pid;
}

static int send_request(const int fd, struct p9s_ctl *const req,
			const int passed_fd)
{
	struct iovec iov = {
		.iov_base = req,
		.iov_len = offsetof(struct p9s_ctl, data) + req->len,
	};
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} cmsg_buf = {};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};

	if (passed_fd >= 0) {
		struct cmsghdr *cmsg;

		msg.msg_control = &cmsg_buf;
		msg.msg_controllen = sizeof(cmsg_buf);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &passed_fd, sizeof(passed_fd));
	}
	while (sendmsg(fd, &msg, MSG_NOSIGNAL) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

/* Sends the request, and overwrites it with the reply. */
int64_t p9s_rpc(struct p9_server *const srv, struct p9s_ctl *const ctl,
		const int passed_fd)
{
	struct channel *const channel = ctl->op == P9S_CTL_WAIT ? &srv->wait :
								  &srv->ctl;
	uint32_t seq;
	int64_t ret;
	ssize_t len;

	if (pthread_mutex_lock(&channel->lock) == EOWNERDEAD)
		pthread_mutex_consistent(&channel->lock);

	seq = ++channel->seq;
	ctl->seq = seq;
	ret = send_request(channel->fd, ctl, passed_fd);
	while (!ret) {
		len = recv(channel->fd, ctl, sizeof(*ctl), 0);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			ret = -errno;
		else if (len == 0)
			ret = -ECONNRESET;
		else if (ctl->seq == seq)
			break;
	}
	pthread_mutex_unlock(&channel->lock);
	/* One error for a server that is gone, whenever that happened. */
	if (ret == -ECONNRESET)
		ret = -EPIPE;
	return ret ?: ctl->ret;
}

static int set_paths(struct p9s_ctl *const ctl, const char *const path1,
		     const char *const path2)
{
	if (strlen(path1) >= sizeof(ctl->path1) ||
	    strlen(path2) >= sizeof(ctl->path2))
		return -ENAMETOOLONG;
	strcpy(ctl->path1, path1);
	strcpy(ctl->path2, path2);
	return 0;
}

static int call_arg(struct p9_server *const srv, const enum p9s_ctl_op op,
		    const uint64_t arg)
{
	struct p9s_ctl ctl = {
		.op = op,
		.arg[0] = arg,
	};

	return p9s_rpc(srv, &ctl, -1);
}

static int call_path(struct p9_server *const srv, const enum p9s_ctl_op op,
		     const char *const path, const uint64_t arg0,
		     const uint64_t arg1)
{
	struct p9s_ctl ctl = {
		.op = op,
		.arg = { arg0, arg1 },
	};

	return set_paths(&ctl, path, "") ?: p9s_rpc(srv, &ctl, -1);
}

static int call_paths(struct p9_server *const srv, const enum p9s_ctl_op op,
		      const char *const path1, const char *const path2)
{
	struct p9s_ctl ctl = {
		.op = op,
	};

	return set_paths(&ctl, path1, path2) ?: p9s_rpc(srv, &ctl, -1);
}

static int call_data(struct p9_server *const srv, const enum p9s_ctl_op op,
		     const char *const path, const uint64_t arg,
		     const void *const data, const size_t len)
{
	struct p9s_ctl ctl = {
		.op = op,
		.arg[0] = arg,
		.len = len,
	};

	if (len > sizeof(ctl.data))
		return -E2BIG;
	if (len)
		memcpy(ctl.data, data, len);
	return set_paths(&ctl, path, "") ?: p9s_rpc(srv, &ctl, -1);
}

static int call_content(struct p9_server *const srv, const enum p9s_ctl_op op,
			const char *const path, const uint64_t arg,
			const char *const content)
{
	return call_data(srv, op, path, arg, content,
			 content ? strlen(content) : 0);
}

enum p9s_version p9s_version(const struct p9_server *const srv)
{
	return srv->version;
}

/* Connections */

int p9s_disconnect(struct p9_server *const srv)
{
	return call_arg(srv, P9S_CTL_DISCONNECT, 0);
}

int p9s_freeze(struct p9_server *const srv, const bool frozen)
{
	return call_arg(srv, P9S_CTL_FREEZE, frozen);
}

int p9s_set_behaviour(struct p9_server *const srv,
		      const struct p9_behaviour *const behaviour)
{
	struct p9_behaviour copy = *behaviour;
	int err;

	/* The server may have been forked before this string was there. */
	copy.name = NULL;
	err = call_data(srv, P9S_CTL_BEHAVIOUR, "", 0, &copy, sizeof(copy));
	if (!err)
		srv->version = behaviour->version;
	return err;
}

/* Tree */

int p9s_mkdir(struct p9_server *const srv, const char *const path)
{
	return call_path(srv, P9S_CTL_CREATE, path, S_IFDIR | 0755, 0);
}

int p9s_create(struct p9_server *const srv, const char *const path,
	       const char *const content)
{
	return call_content(srv, P9S_CTL_CREATE, path, S_IFREG | 0644, content);
}

int p9s_import(struct p9_server *const srv, const char *const path,
	       const char *const host_path)
{
	char buf[P9S_CTL_DATA];
	uint64_t offset = 0;
	ssize_t n;
	int fd, err;

	fd = open(host_path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = call_path(srv, P9S_CTL_CREATE, path, S_IFREG | 0755, 0);
	while (!err) {
		n = read(fd, buf, sizeof(buf));
		if (n <= 0) {
			err = n < 0 ? -errno : 0;
			break;
		}
		n = p9s_write(srv, path, buf, n, offset);
		if (n < 0)
			err = n;
		offset += n;
	}
	close(fd);
	return err;
}

int p9s_symlink(struct p9_server *const srv, const char *const path,
		const char *const target)
{
	return call_content(srv, P9S_CTL_CREATE, path, S_IFLNK | 0777, target);
}

int p9s_mknod(struct p9_server *const srv, const char *const path,
	      const mode_t mode, const dev_t rdev)
{
	const mode_t type = mode & S_IFMT;

	if (type != S_IFIFO && type != S_IFSOCK && type != S_IFCHR &&
	    type != S_IFBLK)
		return -EINVAL;
	return call_path(srv, P9S_CTL_CREATE, path, mode, rdev);
}

int p9s_link(struct p9_server *const srv, const char *const old_path,
	     const char *const new_path)
{
	return call_paths(srv, P9S_CTL_LINK, old_path, new_path);
}

int p9s_move(struct p9_server *const srv, const char *const old_path,
	     const char *const new_path)
{
	return call_paths(srv, P9S_CTL_MOVE, old_path, new_path);
}

int p9s_exchange(struct p9_server *const srv, const char *const path1,
		 const char *const path2)
{
	return call_paths(srv, P9S_CTL_EXCHANGE, path1, path2);
}

int p9s_remove(struct p9_server *const srv, const char *const path)
{
	return call_path(srv, P9S_CTL_REMOVE, path, 0, 0);
}

int p9s_replace(struct p9_server *const srv, const char *const path,
		const char *const content)
{
	return call_content(srv, P9S_CTL_REPLACE, path, 0, content);
}

int p9s_rewrite(struct p9_server *const srv, const char *const path,
		const char *const content)
{
	return call_content(srv, P9S_CTL_REWRITE, path, 0, content);
}

int p9s_touch(struct p9_server *const srv, const char *const path)
{
	return call_path(srv, P9S_CTL_TOUCH, path, 0, 0);
}

int p9s_chmod(struct p9_server *const srv, const char *const path,
	      const mode_t mode)
{
	return call_path(srv, P9S_CTL_CHMOD, path, mode, 0);
}

int p9s_chown(struct p9_server *const srv, const char *const path,
	      const uid_t uid, const gid_t gid)
{
	return call_path(srv, P9S_CTL_CHOWN, path, uid, gid);
}

int p9s_build(struct p9_server *const srv,
	      const struct p9s_entry *const entries)
{
	const struct p9s_entry *entry;
	int err = 0;

	for (entry = entries; entry->path && !err; entry++) {
		mode_t mode = entry->mode;

		if (!(mode & S_IFMT))
			mode |= S_IFREG;
		if (!(mode & 07777))
			mode |= S_ISDIR(mode) ? 0755 : 0644;
		err = call_content(srv, P9S_CTL_CREATE, entry->path, mode,
				   entry->content);
	}
	return err;
}

/* Identities */

int p9s_set_qid_path(struct p9_server *const srv, const char *const path,
		     const uint64_t qid_path)
{
	return call_path(srv, P9S_CTL_SET_QID_PATH, path, qid_path, 0);
}

int p9s_collide(struct p9_server *const srv, const char *const path1,
		const char *const path2)
{
	return call_paths(srv, P9S_CTL_COLLIDE, path1, path2);
}

int p9s_recycle(struct p9_server *const srv, const uint64_t qid_path)
{
	return call_arg(srv, P9S_CTL_RECYCLE, qid_path);
}

int p9s_set_generation(struct p9_server *const srv, const char *const path,
		       const uint64_t generation)
{
	return call_path(srv, P9S_CTL_SET_GENERATION, path, generation, 0);
}

int p9s_set_dev(struct p9_server *const srv, const char *const path,
		const uint32_t dev)
{
	return call_path(srv, P9S_CTL_SET_DEV, path, dev, 0);
}

int p9s_forget_pins(struct p9_server *const srv)
{
	return call_arg(srv, P9S_CTL_FORGET_PINS, 0);
}

int p9s_stat(struct p9_server *const srv, const char *const path,
	     struct p9s_stat *const st)
{
	struct p9s_ctl ctl = {
		.op = P9S_CTL_STAT,
	};
	int err;

	err = set_paths(&ctl, path, "") ?: p9s_rpc(srv, &ctl, -1);
	if (!err)
		memcpy(st, ctl.data, sizeof(*st));
	return err;
}

bool p9s_exists(struct p9_server *const srv, const char *const path)
{
	struct p9s_stat st;

	return p9s_stat(srv, path, &st) == 0;
}

uint64_t p9s_qid_path(struct p9_server *const srv, const char *const path)
{
	struct p9s_stat st;

	return p9s_stat(srv, path, &st) ? 0 : st.qid.path;
}

ssize_t p9s_read(struct p9_server *const srv, const char *const path,
		 void *const buf, const size_t len, const uint64_t offset)
{
	size_t done = 0;

	while (done < len) {
		struct p9s_ctl ctl = {
			.op = P9S_CTL_READ,
			.arg = { offset + done, len - done < P9S_CTL_DATA ?
							len - done :
							P9S_CTL_DATA },
		};
		ssize_t n;

		n = set_paths(&ctl, path, "") ?: p9s_rpc(srv, &ctl, -1);
		if (n < 0)
			return n;
		if (n == 0)
			break;
		memcpy((char *)buf + done, ctl.data, n);
		done += n;
	}
	return done;
}

bool p9s_content_is(struct p9_server *const srv, const char *const path,
		    const char *const content)
{
	const size_t len = strlen(content);
	char buf[P9S_CTL_DATA];

	/* One more byte, to see the end. */
	if (len >= sizeof(buf))
		return false;
	return p9s_read(srv, path, buf, len + 1, 0) == (ssize_t)len &&
	       memcmp(buf, content, len) == 0;
}

ssize_t p9s_write(struct p9_server *const srv, const char *const path,
		  const void *const buf, const size_t len,
		  const uint64_t offset)
{
	size_t done = 0;

	while (done < len) {
		const size_t left = len - done;
		const int n =
			call_data(srv, P9S_CTL_WRITE, path, offset + done,
				  (const char *)buf + done,
				  left < P9S_CTL_DATA ? left : P9S_CTL_DATA);

		if (n < 0)
			return n;
		done += n;
	}
	return done;
}

/* Faults */

int p9s_arm(struct p9_server *const srv, const struct p9s_rule *const rule)
{
	return call_data(srv, P9S_CTL_ARM, rule->name ?: "", 0, rule,
			 sizeof(*rule));
}

int p9s_fail_next(struct p9_server *const srv, const uint8_t type,
		  const int error)
{
	const struct p9s_rule rule = {
		.type = type,
		.action = P9S_ERROR,
		.error = error,
	};

	return p9s_arm(srv, &rule);
}

int p9s_hold_next(struct p9_server *const srv, const uint8_t type)
{
	const struct p9s_rule rule = {
		.type = type,
		.action = P9S_HOLD,
	};

	return p9s_arm(srv, &rule);
}

int p9s_rule_hits(struct p9_server *const srv, const int rule)
{
	return call_arg(srv, P9S_CTL_RULE_HITS, rule);
}

int p9s_disarm(struct p9_server *const srv)
{
	return call_arg(srv, P9S_CTL_DISARM, 0);
}

int p9s_release(struct p9_server *const srv)
{
	return call_arg(srv, P9S_CTL_RELEASE, 0);
}

int p9s_held(struct p9_server *const srv)
{
	return call_arg(srv, P9S_CTL_HELD, 0);
}

/* Waits */

static int call_wait(struct p9_server *const srv, const enum p9s_wait_kind kind,
		     const uint64_t n, const uint8_t type, const int timeout_ms)
{
	struct p9s_ctl ctl = {
		.op = P9S_CTL_WAIT,
		.arg = { kind, n, type, timeout_ms },
	};

	return p9s_rpc(srv, &ctl, -1);
}

int p9s_wait_held(struct p9_server *const srv)
{
	return call_wait(srv, P9S_WAIT_HELD, 0, 0, P9S_TIMEOUT_MS);
}

int p9s_wait_fids(struct p9_server *const srv, const unsigned int n)
{
	return call_wait(srv, P9S_WAIT_FIDS, n, 0, P9S_TIMEOUT_MS);
}

int p9s_wait_fids_timeout(struct p9_server *const srv, const unsigned int n,
			  const int timeout_ms)
{
	return call_wait(srv, P9S_WAIT_FIDS, n, 0, timeout_ms);
}

int p9s_wait_open_fids(struct p9_server *const srv, const unsigned int n)
{
	return call_wait(srv, P9S_WAIT_OPEN_FIDS, n, 0, P9S_TIMEOUT_MS);
}

int p9s_wait_count(struct p9_server *const srv, const uint8_t type,
		   const unsigned int n)
{
	return call_wait(srv, P9S_WAIT_COUNT, n, type, P9S_TIMEOUT_MS);
}

int p9s_wait_closed(struct p9_server *const srv)
{
	return call_wait(srv, P9S_WAIT_CLOSED, 0, 0, P9S_TIMEOUT_MS);
}

/* Counters */

int p9s_reset(struct p9_server *const srv)
{
	return call_arg(srv, P9S_CTL_RESET, 0);
}

int p9s_counts(struct p9_server *const srv, uint32_t counts[256])
{
	struct p9s_ctl ctl = {
		.op = P9S_CTL_COUNTS,
	};
	const int err = p9s_rpc(srv, &ctl, -1);

	if (!err)
		memcpy(counts, ctl.data, 256 * sizeof(counts[0]));
	return err;
}

int p9s_count(struct p9_server *const srv, const uint8_t type)
{
	uint32_t counts[256];

	return p9s_counts(srv, counts) ?: (int)counts[type];
}

int p9s_total(struct p9_server *const srv)
{
	return call_arg(srv, P9S_CTL_TOTAL, 0);
}

int p9s_fids(struct p9_server *const srv, struct p9s_fids *const fids)
{
	struct p9s_ctl ctl = {
		.op = P9S_CTL_FIDS,
	};
	const int err = p9s_rpc(srv, &ctl, -1);

	if (!err)
		memcpy(fids, ctl.data, sizeof(*fids));
	return err;
}

int p9s_violations(struct p9_server *const srv, const unsigned int mask)
{
	return call_arg(srv, P9S_CTL_VIOLATIONS, mask);
}

int p9s_dump(struct p9_server *const srv)
{
	return call_arg(srv, P9S_CTL_DUMP, 0);
}
