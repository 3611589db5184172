// SPDX-License-Identifier: GPL-2.0-only
/*
 * In-test 9p server: the server's side of the control channel
 */

#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "p9_server_int.h"

/* What a control path is in the tree; the caller frees it. */
static char *tree_path(const char *path)
{
	const char *area = P9T_EXPORT;
	size_t len;
	char *full;

	if (path[0] == '@' && path[1] == '/') {
		area = P9T_OUTSIDE;
		path += 2;
	}
	path += strspn(path, "/");
	full = p9s_join(area, path);
	len = strlen(full);
	while (len > 1 && full[len - 1] == '/')
		full[--len] = '\0';
	return full;
}

static int lookup(const struct p9s_state *const srv, const char *const path,
		  struct p9t_node **const node)
{
	char *const full = tree_path(path);
	const int err = p9t_lookup(&srv->tree, full, node);

	free(full);
	return err;
}

/* @name needs P9S_CTL_PATH bytes. */
static int lookup_parent(const struct p9s_state *const srv,
			 const char *const path, struct p9t_node **const dir,
			 char *const name)
{
	char *const full = tree_path(path);
	const char *last;
	int err;

	err = p9t_lookup_parent(&srv->tree, full, dir, &last);
	if (!err)
		snprintf(name, P9S_CTL_PATH, "%s", last);
	free(full);
	/* The names of the two areas are not the test's. */
	if (!err && *dir == srv->tree.top)
		return -EBUSY;
	return err;
}

static int create(struct p9s_state *const srv, const struct p9s_ctl *const req)
{
	const mode_t mode = req->arg[0];
	struct p9t_node *dir, *node;
	char name[P9S_CTL_PATH];
	int err;

	err = lookup_parent(srv, req->path1, &dir, name);
	if (err)
		return err;
	err = p9t_create(&srv->tree, dir, name, mode, &node);
	if (err)
		return err;
	node->rdev = p9s_encode_dev(major(req->arg[1]), minor(req->arg[1]));
	return p9t_write(node, req->data, req->len, 0);
}

static int make_link(struct p9s_state *const srv,
		     const struct p9s_ctl *const req)
{
	struct p9t_node *dir, *node;
	char name[P9S_CTL_PATH];
	int err;

	err = lookup(srv, req->path1, &node);
	if (!err)
		err = lookup_parent(srv, req->path2, &dir, name);
	return err ?: p9t_link(dir, name, node);
}

static int move(struct p9s_state *const srv, const struct p9s_ctl *const req)
{
	struct p9t_node *old_dir, *new_dir, *old, *new;
	char old_name[P9S_CTL_PATH], new_name[P9S_CTL_PATH];
	const struct p9t_node *dir;
	int err;

	err = lookup_parent(srv, req->path1, &old_dir, old_name);
	if (!err)
		err = lookup_parent(srv, req->path2, &new_dir, new_name);
	if (err)
		return err;
	old = p9t_child(old_dir, old_name);
	if (!old)
		return -ENOENT;
	new = p9t_child(new_dir, new_name);
	if (old == new)
		return old_dir == new_dir && strcmp(old_name, new_name) == 0 ?
			       0 :
			       -EEXIST;

	/* Not into itself, and not onto a directory above it. */
	for (dir = new_dir; dir != srv->tree.top; dir = dir->parent) {
		if (dir == old)
			return -EINVAL;
	}
	for (dir = old_dir; dir != srv->tree.top; dir = dir->parent) {
		if (dir == new)
			return -ENOTEMPTY;
	}
	if (new)
		p9t_remove(&srv->tree, new_dir, new_name);
	return p9t_rename(&srv->tree, old_dir, old_name, new_dir, new_name);
}

static int exchange(struct p9s_state *const srv,
		    const struct p9s_ctl *const req)
{
	char name1[P9S_CTL_PATH], name2[P9S_CTL_PATH];
	struct p9t_node *dir1, *dir2;
	int err;

	err = lookup_parent(srv, req->path1, &dir1, name1);
	if (!err)
		err = lookup_parent(srv, req->path2, &dir2, name2);
	return err ?: p9t_exchange(dir1, name1, dir2, name2);
}

static int remove_all(struct p9s_state *const srv,
		      const struct p9s_ctl *const req)
{
	char name[P9S_CTL_PATH];
	struct p9t_node *dir;
	int err;

	err = lookup_parent(srv, req->path1, &dir, name);
	return err ?: p9t_remove(&srv->tree, dir, name);
}

static int replace(struct p9s_state *const srv, const struct p9s_ctl *const req)
{
	struct p9t_node *dir, *old, *node;
	char name[P9S_CTL_PATH];
	uid_t uid;
	gid_t gid;
	mode_t mode;
	uint32_t rdev;
	int err;

	err = lookup_parent(srv, req->path1, &dir, name);
	if (err)
		return err;
	old = p9t_child(dir, name);
	if (!old)
		return -ENOENT;
	mode = old->mode;
	uid = old->uid;
	gid = old->gid;
	rdev = old->rdev;

	p9t_remove(&srv->tree, dir, name);
	err = p9t_create(&srv->tree, dir, name, mode, &node);
	if (err)
		return err;
	node->uid = uid;
	node->gid = gid;
	node->rdev = rdev;
	return S_ISDIR(mode) ? 0 : p9t_write(node, req->data, req->len, 0);
}

static int arm(struct p9s_state *const srv, const struct p9s_ctl *const req)
{
	struct p9s_armed *const armed = &srv->rules[srv->num_rules];

	if (req->len != sizeof(armed->rule))
		return -EINVAL;
	if (srv->num_rules == P9S_MAX_RULES)
		return -ENOSPC;

	memset(armed, 0, sizeof(*armed));
	memcpy(&armed->rule, req->data, sizeof(armed->rule));
	/* The pointer is the test's; here it only says whether there is one. */
	if (armed->rule.name)
		snprintf(armed->name, sizeof(armed->name), "%.*s", P9S_NAME_MAX,
			 req->path1);
	if (!armed->rule.nth)
		armed->rule.nth = 1;
	if (!armed->rule.times)
		armed->rule.times = 1;
	return ++srv->num_rules;
}

static void dump(const struct p9s_state *const srv)
{
	const uint64_t end = srv->log_next;
	uint64_t i = end > P9S_LOG_LINES ? end - P9S_LOG_LINES : 0;
	const struct p9s_fid *fid;

	for (; i < end; i++)
		dprintf(STDERR_FILENO, "# 9p %s\n",
			srv->log[i % P9S_LOG_LINES]);
	for (fid = srv->fids; fid; fid = fid->next)
		dprintf(STDERR_FILENO, "# 9p fid %u.%u uid %u %s%s%s\n",
			fid->conn->id, fid->fid, fid->uid, fid->path,
			fid->open ? " open" : "", fid->pinned ? " pinned" : "");
}

static void fill_stat(const struct p9s_state *const srv,
		      const struct p9t_node *const node,
		      struct p9s_stat *const st)
{
	const struct p9s_fid *fid;

	*st = (struct p9s_stat){
		.qid = p9s_qid_of(srv, node),
		.generation = node->generation,
		.size = node->size,
		.rdev = node->rdev,
		.dev = node->dev,
		.mode = node->mode,
		.uid = node->uid,
		.gid = node->gid,
		.nlink = p9t_nlink(node),
		.pins = node->pins,
	};
	for (fid = srv->fids; fid; fid = fid->next)
		st->opens += fid->open && fid->node == node;
}

static uint32_t total(const struct p9s_state *const srv)
{
	uint32_t sum = 0;
	unsigned int i;

	for (i = 0; i < 256; i++)
		sum += srv->counts[i];
	return sum;
}

/* Requests about the object at path1. */
static int64_t control_node(struct p9s_state *const srv,
			    const struct p9s_ctl *const req,
			    struct p9s_ctl *const rep)
{
	struct p9t_node *node, *other;
	int err;

	err = lookup(srv, req->path1, &node);
	if (err)
		return err;

	switch (req->op) {
	case P9S_CTL_REWRITE:
		if (S_ISDIR(node->mode))
			return -EISDIR;
		err = p9t_truncate(node, 0);
		return err ?: p9t_write(node, req->data, req->len, 0);
	case P9S_CTL_TOUCH:
		p9t_touch(node);
		return 0;
	case P9S_CTL_CHMOD:
		node->mode = (node->mode & S_IFMT) | (req->arg[0] & 07777);
		clock_gettime(CLOCK_REALTIME, &node->ctime);
		return 0;
	case P9S_CTL_CHOWN:
		if ((uid_t)req->arg[0] != (uid_t)-1)
			node->uid = req->arg[0];
		if ((gid_t)req->arg[1] != (gid_t)-1)
			node->gid = req->arg[1];
		clock_gettime(CLOCK_REALTIME, &node->ctime);
		return 0;
	case P9S_CTL_SET_XATTR:
		p9t_set_xattr(&srv->tree, node, req->path2,
			      req->arg[0] ? req->data : NULL, req->len);
		return 0;
	case P9S_CTL_SET_QID_PATH:
		p9t_set_qid_path(&srv->tree, node, req->arg[0]);
		return 0;
	case P9S_CTL_COLLIDE:
		err = lookup(srv, req->path2, &other);
		if (!err)
			p9t_set_qid_path(&srv->tree, node, other->qid_path);
		return err;
	case P9S_CTL_SET_GENERATION:
		node->generation = req->arg[0];
		return 0;
	case P9S_CTL_SET_DEV:
		p9t_set_dev(node, req->arg[0]);
		return 0;
	case P9S_CTL_STAT:
		rep->len = sizeof(struct p9s_stat);
		fill_stat(srv, node, (void *)rep->data);
		return 0;
	case P9S_CTL_READ:
		if (S_ISDIR(node->mode))
			return -EISDIR;
		if (req->arg[1] > sizeof(rep->data))
			return -EINVAL;
		rep->len = p9t_read(node, rep->data, req->arg[1], req->arg[0]);
		return rep->len;
	case P9S_CTL_WRITE:
		if (S_ISDIR(node->mode))
			return -EISDIR;
		err = p9t_write(node, req->data, req->len, req->arg[0]);
		return err ?: (int64_t)req->len;
	default:
		return -ENOSYS;
	}
}

static int start_wait(struct p9s_state *const srv,
		      const struct p9s_ctl *const req)
{
	srv->wait.kind = req->arg[0];
	srv->wait.n = req->arg[1];
	srv->wait.type = req->arg[2];
	srv->wait.deadline = p9s_now_ms() + (int64_t)req->arg[3];
	srv->wait.seq = req->seq;
	return 0;
}

static int64_t control(struct p9s_state *const srv,
		       const struct p9s_ctl *const req,
		       struct p9s_ctl *const rep, const int passed_fd)
{
	unsigned int i, num;
	int64_t sum = 0;

	switch (req->op) {
	case P9S_CTL_CONNECT:
		if (passed_fd < 0)
			return -EBADF;
		if (p9s_num_conns(srv) == P9S_MAX_CONNS)
			return -EMFILE;
		p9s_conn_add(srv, passed_fd);
		return 0;
	case P9S_CTL_DISCONNECT:
		num = p9s_num_conns(srv);
		for (i = 0; i < P9S_MAX_CONNS; i++) {
			if (srv->conns[i])
				p9s_conn_close(srv, srv->conns[i]);
		}
		return num;
	case P9S_CTL_FREEZE:
		srv->frozen = req->arg[0];
		return 0;
	case P9S_CTL_BEHAVIOUR:
		if (req->len != sizeof(srv->behaviour))
			return -EINVAL;
		/* Fids of the other kind would have no meaning. */
		if (srv->fids &&
		    srv->behaviour.path !=
			    ((const struct p9_behaviour *)req->data)->path)
			return -EBUSY;
		memcpy(&srv->behaviour, req->data, req->len);
		srv->tree.recycle = srv->behaviour.recycle;
		return 0;
	case P9S_CTL_CREATE:
		return create(srv, req);
	case P9S_CTL_LINK:
		return make_link(srv, req);
	case P9S_CTL_MOVE:
		return move(srv, req);
	case P9S_CTL_EXCHANGE:
		return exchange(srv, req);
	case P9S_CTL_REMOVE:
		return remove_all(srv, req);
	case P9S_CTL_REPLACE:
		return replace(srv, req);
	case P9S_CTL_RECYCLE:
		if (p9t_find(&srv->tree, req->arg[0]))
			return -EBUSY;
		srv->tree.forced_path = req->arg[0];
		return 0;
	case P9S_CTL_FORGET_PINS:
		return p9s_fid_forget_all(srv);
	case P9S_CTL_ARM:
		return arm(srv, req);
	case P9S_CTL_RULE_HITS:
		if (req->arg[0] - 1 >= srv->num_rules)
			return -EINVAL;
		return srv->rules[req->arg[0] - 1].hits;
	case P9S_CTL_DISARM:
		srv->num_rules = 0;
		return 0;
	case P9S_CTL_RELEASE:
		return p9s_release_all(srv);
	case P9S_CTL_HELD:
		return p9s_num_held(srv);
	case P9S_CTL_RESET:
		memset(srv->counts, 0, sizeof(srv->counts));
		memset(srv->violations, 0, sizeof(srv->violations));
		srv->leaked = 0;
		srv->peak = 0;
		return 0;
	case P9S_CTL_COUNTS:
		rep->len = sizeof(srv->counts);
		memcpy(rep->data, srv->counts, sizeof(srv->counts));
		return 0;
	case P9S_CTL_TOTAL:
		return total(srv);
	case P9S_CTL_FIDS:
		rep->len = sizeof(struct p9s_fids);
		p9s_fid_stats(srv, (void *)rep->data);
		return 0;
	case P9S_CTL_VIOLATIONS:
		for (i = 0; i < 16; i++) {
			if (req->arg[0] & (1U << i))
				sum += srv->violations[i];
		}
		return sum;
	case P9S_CTL_DUMP:
		dump(srv);
		return 0;
	default:
		return control_node(srv, req, rep);
	}
}

static void reply(const int fd, const struct p9s_ctl *const rep)
{
	const size_t len = offsetof(struct p9s_ctl, data) + rep->len;

	while (send(fd, rep, len, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

void p9s_control(struct p9s_state *const srv, const int fd)
{
	static struct p9s_ctl req, rep;
	struct iovec iov = { .iov_base = &req, .iov_len = sizeof(req) };
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} cmsg_buf;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &cmsg_buf,
		.msg_controllen = sizeof(cmsg_buf),
	};
	const struct cmsghdr *cmsg;
	int passed_fd = -1;
	ssize_t len;

	do {
		len = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	} while (len < 0 && errno == EINTR);
	if (len < 0 && errno == EAGAIN)
		return;
	/* The last copy of the other end is closed. */
	if (len <= 0)
		_exit(0);

	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg && cmsg->cmsg_type == SCM_RIGHTS)
		memcpy(&passed_fd, CMSG_DATA(cmsg), sizeof(passed_fd));
	if ((size_t)len < offsetof(struct p9s_ctl, data) ||
	    (size_t)len != offsetof(struct p9s_ctl, data) + req.len)
		_exit(1);

	if (req.op == P9S_CTL_WAIT) {
		start_wait(srv, &req);
		return;
	}
	rep.op = req.op;
	rep.seq = req.seq;
	rep.len = 0;
	rep.ret = control(srv, &req, &rep, passed_fd);
	if (passed_fd >= 0 && rep.ret < 0)
		close(passed_fd);
	reply(fd, &rep);
}

void p9s_check_wait(struct p9s_state *const srv)
{
	static struct p9s_ctl rep;
	struct p9s_fids fids;
	bool done = false;

	if (!srv->wait.kind)
		return;

	rep.ret = 0;
	switch (srv->wait.kind) {
	case P9S_WAIT_NONE:
		return;
	case P9S_WAIT_HELD:
		rep.ret = p9s_num_held(srv);
		done = rep.ret > 0;
		break;
	case P9S_WAIT_FIDS:
	case P9S_WAIT_OPEN_FIDS:
		p9s_fid_stats(srv, &fids);
		rep.ret = srv->wait.kind == P9S_WAIT_FIDS ? fids.all :
							    fids.open;
		done = (uint64_t)rep.ret == srv->wait.n;
		break;
	case P9S_WAIT_COUNT:
		rep.ret = srv->wait.type ? srv->counts[srv->wait.type] :
					   total(srv);
		done = (uint64_t)rep.ret >= srv->wait.n;
		break;
	case P9S_WAIT_CLOSED:
		done = p9s_num_conns(srv) == 0;
		break;
	}
	if (!done) {
		if (p9s_now_ms() < srv->wait.deadline)
			return;
		/* Late: the number of fids tells more than an error. */
		if (srv->wait.kind != P9S_WAIT_FIDS &&
		    srv->wait.kind != P9S_WAIT_OPEN_FIDS)
			rep.ret = -ETIMEDOUT;
	}
	rep.op = P9S_CTL_WAIT;
	rep.seq = srv->wait.seq;
	rep.len = 0;
	srv->wait.kind = P9S_WAIT_NONE;
	reply(srv->wait_fd, &rep);
}
