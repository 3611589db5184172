// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages of the in-test 9p server: dispatch, session, fids
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "p9_server_int.h"

/* Reader and writer */

uint64_t p9s_get(struct p9s_buf *const buf, const unsigned int bytes)
{
	uint64_t value = 0;
	unsigned int i;

	if (buf->bad || buf->len - buf->pos < bytes) {
		buf->bad = true;
		return 0;
	}
	for (i = 0; i < bytes; i++)
		value |= (uint64_t)buf->data[buf->pos++] << (8 * i);
	return value;
}

void p9s_put(struct p9s_buf *const buf, const uint64_t value,
	     const unsigned int bytes)
{
	unsigned int i;

	if (buf->bad || buf->len - buf->pos < bytes) {
		buf->bad = true;
		return;
	}
	for (i = 0; i < bytes; i++)
		buf->data[buf->pos++] = value >> (8 * i);
}

void p9s_put_data(struct p9s_buf *const buf, const void *const data,
		  const size_t len)
{
	if (buf->bad || buf->len - buf->pos < len) {
		buf->bad = true;
		return;
	}
	if (len)
		memcpy(buf->data + buf->pos, data, len);
	buf->pos += len;
}

void p9s_put_str(struct p9s_buf *const buf, const char *const str)
{
	const size_t len = strlen(str);

	p9s_put(buf, len, 2);
	p9s_put_data(buf, str, len);
}

char *p9s_get_str(struct p9s_call *const call)
{
	const size_t len = p9s_get(&call->in, 2);
	char *str;

	if (call->in.bad || call->in.len - call->in.pos < len ||
	    call->num_strs == sizeof(call->strs) / sizeof(call->strs[0])) {
		call->in.bad = true;
		return NULL;
	}
	str = p9t_alloc(len + 1);
	memcpy(str, call->in.data + call->in.pos, len);
	call->in.pos += len;
	call->strs[call->num_strs++] = str;
	return str;
}

/* Helpers */

struct p9s_qid p9s_qid_of(const struct p9s_state *const srv,
			  const struct p9t_node *const node)
{
	struct p9s_qid qid = {
		.path = node->qid_path,
	};

	if (S_ISDIR(node->mode))
		qid.type = P9_QTDIR;
	else if (S_ISLNK(node->mode))
		qid.type = srv->behaviour.no_symlink_qid ? 0 : P9_QTSYMLINK;
	if (srv->behaviour.qid_version == P9S_QIDV_MTIME)
		qid.version = node->version;
	return qid;
}

static void put_qid(struct p9s_buf *const buf, const struct p9s_qid qid)
{
	p9s_put(buf, qid.type, 1);
	p9s_put(buf, qid.version, 4);
	p9s_put(buf, qid.path, 8);
}

void p9s_put_qid(struct p9s_call *const call, const struct p9t_node *const node)
{
	put_qid(&call->out, p9s_qid_of(call->srv, node));
}

struct p9s_fid *p9s_call_fid(struct p9s_call *const call, const uint32_t number)
{
	struct p9s_fid *const fid = p9s_fid_find(call->srv, call->conn, number);

	if (!fid && !call->in.bad)
		p9s_violation(call->srv, call->type == P9_TCLUNK ?
						 P9S_V_BAD_CLUNK :
						 P9S_V_BAD_FID);
	return fid;
}

int p9s_call_node(struct p9s_call *const call, struct p9s_fid **const fid,
		  struct p9t_node **const node)
{
	*fid = p9s_call_fid(call, p9s_get(&call->in, 4));
	if (!*fid)
		return -EBADF;
	return p9s_fid_node(call->srv, *fid, node);
}

uint32_t p9s_encode_dev(const uint32_t major, const uint32_t minor)
{
	return (minor & 0xff) | (major << 8) | ((minor & ~0xffU) << 12);
}

int p9s_call_create(struct p9s_call *const call, struct p9s_fid *const fid,
		    struct p9t_node *const dir, const char *const name,
		    const mode_t mode, struct p9t_node **const node)
{
	const int err = p9t_create(&call->srv->tree, dir, name, mode, node);

	if (!err)
		(*node)->uid = fid->uid;
	return err;
}

void p9s_fid_created(struct p9s_state *const srv, struct p9s_fid *const fid,
		     struct p9t_node *const node, struct p9t_node *const dir,
		     const char *const name, const uint32_t flags)
{
	char *const path = p9s_join(fid->path, name);

	p9s_fid_set(srv, fid, node, dir, path);
	free(path);
	p9s_fid_open(srv, fid, node, flags);
}

/* There are no groups: the group of a user has the same number. */
static bool may_open(const struct p9s_fid *const fid,
		     const struct p9t_node *const node, const uint32_t flags)
{
	unsigned int bits = node->mode & 07;
	unsigned int want;

	if (fid->uid == 0)
		return true;
	if (node->uid == fid->uid)
		bits = (node->mode >> 6) & 07;
	else if (node->gid == fid->uid)
		bits = (node->mode >> 3) & 07;

	switch (flags & P9S_O_ACCMODE) {
	case 0:
		want = 04;
		break;
	case P9S_O_WRONLY:
		want = 02;
		break;
	default:
		want = 06;
	}
	if (flags & P9S_O_TRUNC)
		want |= 02;
	return (bits & want) == want;
}

static int check_special(struct p9s_call *const call,
			 const struct p9t_node *const node,
			 const uint32_t flags)
{
	switch (node->mode & S_IFMT) {
	case S_IFDIR:
	case S_IFREG:
		return 0;
	case S_IFIFO:
		if (flags & P9S_O_NONBLOCK) {
			p9s_violation(call->srv, P9S_V_FIFO);
			return -ENXIO;
		}
		p9s_violation(call->srv, P9S_V_FIFO_BLOCKING);
		return -EIO;
	case S_IFLNK:
		p9s_violation(call->srv, P9S_V_SYMLINK);
		if (!(flags & P9S_O_NOFOLLOW))
			p9s_violation(call->srv, P9S_V_FOLLOWS);
		return -ELOOP;
	case S_IFSOCK:
		p9s_violation(call->srv, P9S_V_SOCKET);
		return -ENXIO;
	default:
		p9s_violation(call->srv, P9S_V_DEVICE);
		return -ENXIO;
	}
}

int p9s_call_open(struct p9s_call *const call, struct p9s_fid *const fid,
		  struct p9t_node *const node, const uint32_t flags)
{
	int err;

	if (fid->open)
		return -EINVAL;
	if ((flags & P9S_O_DIRECTORY) && !S_ISDIR(node->mode))
		return -ENOTDIR;
	err = check_special(call, node, flags);
	if (err)
		return err;
	if (S_ISDIR(node->mode) && (flags & (P9S_O_ACCMODE | P9S_O_TRUNC)) != 0)
		return -EISDIR;
	if (call->srv->behaviour.enforce_perm && !may_open(fid, node, flags))
		return -EACCES;

	if (flags & P9S_O_TRUNC)
		p9t_truncate(node, 0);
	p9s_fid_open(call->srv, fid, node, flags);
	return 0;
}

/* Session */

static const char *const version_names[] = {
	[P9S_DOTL] = "9P2000.L",
	[P9S_DOTU] = "9P2000.u",
	[P9S_LEGACY] = "9P2000",
};

static int do_version(struct p9s_call *const call)
{
	const struct p9_behaviour *const b = &call->srv->behaviour;
	uint32_t msize = p9s_get(&call->in, 4);
	const char *const version = p9s_get_str(call);
	enum p9s_version v;

	if (!version)
		return -EINVAL;

	call->srv->leaked += p9s_conn_reset(call->srv, call->conn);
	if (msize > (b->msize ? b->msize : P9S_MSIZE))
		msize = b->msize ? b->msize : P9S_MSIZE;
	if (msize < 512)
		return -EINVAL;

	for (v = P9S_DOTL; v < P9S_LEGACY; v++) {
		if (v >= b->version && strcmp(version, version_names[v]) == 0)
			break;
		/* Not as good as what is asked for: the best there is. */
		if (v == b->version && strncmp(version, "9P2000", 6) == 0 &&
		    strcmp(version, "9P2000") != 0 &&
		    strcmp(version, "9P2000.u") != 0)
			break;
	}
	call->conn->version = v;
	call->conn->msize = msize;
	p9s_put(&call->out, msize, 4);
	p9s_put_str(&call->out, strncmp(version, "9P2000", 6) ?
					"unknown" :
					version_names[v]);
	return 0;
}

static int do_auth(struct p9s_call *const call)
{
	(void)call;
	return -ENOENT;
}

static int do_attach(struct p9s_call *const call)
{
	struct p9s_state *const srv = call->srv;
	const uint32_t number = p9s_get(&call->in, 4);
	const uint32_t afid = p9s_get(&call->in, 4);
	const char *const uname = p9s_get_str(call);
	const char *const aname = p9s_get_str(call);
	uid_t uid = 65534;
	struct p9t_node *node;
	struct p9s_fid *fid;
	char *path;
	int err;

	if (!uname || !aname)
		return -EINVAL;
	if (call->conn->version != P9S_LEGACY)
		uid = p9s_get(&call->in, 4);
	if (call->in.bad)
		return -EINVAL;
	if (uid == (uid_t)-1 || call->conn->version == P9S_LEGACY)
		uid = strcmp(uname, "root") ? 65534 : 0;
	if (afid != P9_NOFID)
		return -EBADF;
	if (p9s_fid_find(srv, call->conn, number)) {
		p9s_violation(srv, P9S_V_FID_IN_USE);
		return -EBADF;
	}

	path = *aname ? p9s_join(P9T_EXPORT, aname) : p9t_strdup(P9T_EXPORT);
	err = p9t_lookup(&srv->tree, path, &node);
	if (!err) {
		fid = p9s_fid_new(srv, call->conn, number);
		fid->uid = uid;
		p9s_fid_set(srv, fid, node, NULL, path);
		p9s_put_qid(call, node);
	}
	free(path);
	return err;
}

static int do_walk(struct p9s_call *const call)
{
	struct p9s_state *const srv = call->srv;
	struct p9s_qid qids[P9_MAXWELEM];
	const char *names[P9_MAXWELEM];
	struct p9t_node *node = NULL;
	struct p9s_fid *fid, *dst, *tmp;
	unsigned int num, i, done;
	uint32_t number, new_number;
	int err;

	number = p9s_get(&call->in, 4);
	new_number = p9s_get(&call->in, 4);
	num = p9s_get(&call->in, 2);
	if (num > P9_MAXWELEM)
		call->in.bad = true;
	for (i = 0; i < num && !call->in.bad; i++)
		names[i] = p9s_get_str(call);
	if (call->in.bad)
		return -EINVAL;

	fid = p9s_call_fid(call, number);
	if (!fid)
		return -EBADF;
	if (new_number != number && p9s_fid_find(srv, call->conn, new_number)) {
		p9s_violation(srv, P9S_V_FID_IN_USE);
		return -EBADF;
	}
	if (new_number == number && fid->open)
		return -EINVAL;
	err = p9s_fid_node(srv, fid, &node);
	if (err)
		return err;

	/* This one is not in the list of fids. */
	tmp = p9t_alloc(sizeof(*tmp));
	p9s_fid_clone(srv, tmp, fid);
	for (done = 0; done < num; done++) {
		err = p9s_fid_step(srv, tmp, names[done]);
		if (!err)
			err = p9s_fid_node(srv, tmp, &node);
		if (err)
			break;
		qids[done] = p9s_qid_of(srv, node);
	}
	if (done < num && (done == 0 || srv->behaviour.short_walk_fails)) {
		p9s_fid_free(srv, tmp);
		return err;
	}

	if (done == num || srv->behaviour.short_walk_makes_fid) {
		dst = fid;
		if (new_number != number)
			dst = p9s_fid_new(srv, call->conn, new_number);
		p9s_fid_clone(srv, dst, tmp);
	}
	p9s_fid_free(srv, tmp);

	p9s_put(&call->out, done, 2);
	for (i = 0; i < done; i++)
		put_qid(&call->out,
			qids[srv->behaviour.walk_repeats_last ? done - 1 : i]);
	return 0;
}

static int do_clunk(struct p9s_call *const call)
{
	struct p9s_state *const srv = call->srv;
	struct p9s_fid *const fid = p9s_call_fid(call, p9s_get(&call->in, 4));
	struct p9t_node *dir;
	const char *name;

	if (!fid)
		return -EBADF;
	if (fid->rclose && !p9s_fid_location(srv, fid, &dir, &name))
		p9t_unlink(&srv->tree, dir, name);
	p9s_fid_free(srv, fid);
	return 0;
}

static int do_remove(struct p9s_call *const call)
{
	struct p9s_state *const srv = call->srv;
	struct p9s_fid *const fid = p9s_call_fid(call, p9s_get(&call->in, 4));
	struct p9t_node *dir;
	const char *name;
	int err;

	if (!fid)
		return -EBADF;
	err = p9s_fid_location(srv, fid, &dir, &name);
	if (!err)
		err = p9t_unlink(&srv->tree, dir, name);
	p9s_fid_free(srv, fid);
	return err;
}

/* Dispatch */

enum op_names {
	NAME_NONE = 0,
	/* [4] fid, name */
	NAME_AFTER_FID,
	/* fid, fid, name */
	NAME_AFTER_TWO,
	NAME_WALK,
	NAME_RENAMEAT,
	/* Does not begin with a fid. */
	NO_FID,
};

struct op {
	const char *name;
	int (*handle)(struct p9s_call *const call);
	enum op_names names;
	/* In 9P2000.L only, or not there. */
	bool dotl, not_dotl;
};

static const struct op ops[] = {
	[P9_TSTATFS] = { "Tstatfs", p9s_do_statfs, NAME_NONE, true, false },
	[P9_TLOPEN] = { "Tlopen", p9s_do_lopen, NAME_NONE, true, false },
	[P9_TLCREATE] = { "Tlcreate", p9s_do_lcreate, NAME_AFTER_FID, true,
			  false },
	[P9_TSYMLINK] = { "Tsymlink", p9s_do_symlink, NAME_AFTER_FID, true,
			  false },
	[P9_TMKNOD] = { "Tmknod", p9s_do_mknod, NAME_AFTER_FID, true, false },
	[P9_TRENAME] = { "Trename", p9s_do_rename, NAME_AFTER_TWO, true,
			 false },
	[P9_TREADLINK] = { "Treadlink", p9s_do_readlink, NAME_NONE, true,
			   false },
	[P9_TGETATTR] = { "Tgetattr", p9s_do_getattr, NAME_NONE, true, false },
	[P9_TSETATTR] = { "Tsetattr", p9s_do_setattr, NAME_NONE, true, false },
	[P9_TXATTRWALK] = { "Txattrwalk", p9s_do_xattrwalk, NAME_NONE, true,
			    false },
	[P9_TXATTRCREATE] = { "Txattrcreate", NULL, NAME_NONE, true, false },
	[P9_TREADDIR] = { "Treaddir", p9s_do_readdir, NAME_NONE, true, false },
	[P9_TFSYNC] = { "Tfsync", p9s_do_fsync, NAME_NONE, true, false },
	[P9_TLOCK] = { "Tlock", p9s_do_lock, NAME_NONE, true, false },
	[P9_TGETLOCK] = { "Tgetlock", p9s_do_getlock, NAME_NONE, true, false },
	[P9_TLINK] = { "Tlink", p9s_do_link, NAME_AFTER_TWO, true, false },
	[P9_TMKDIR] = { "Tmkdir", p9s_do_mkdir, NAME_AFTER_FID, true, false },
	[P9_TRENAMEAT] = { "Trenameat", p9s_do_renameat, NAME_RENAMEAT, true,
			   false },
	[P9_TUNLINKAT] = { "Tunlinkat", p9s_do_unlinkat, NAME_AFTER_FID, true,
			   false },
	[P9_TVERSION] = { "Tversion", do_version, NO_FID, false, false },
	[P9_TAUTH] = { "Tauth", do_auth, NO_FID, false, false },
	[P9_TATTACH] = { "Tattach", do_attach, NO_FID, false, false },
	/* Tflush is done by the transport loop. */
	[P9_TFLUSH] = { "Tflush", NULL, NO_FID, false, false },
	[P9_TWALK] = { "Twalk", do_walk, NAME_WALK, false, false },
	[P9_TOPEN] = { "Topen", p9s_do_open, NAME_NONE, false, true },
	[P9_TCREATE] = { "Tcreate", p9s_do_create, NAME_AFTER_FID, false,
			 true },
	[P9_TREAD] = { "Tread", p9s_do_read, NAME_NONE, false, false },
	[P9_TWRITE] = { "Twrite", p9s_do_write, NAME_NONE, false, false },
	[P9_TCLUNK] = { "Tclunk", do_clunk, NAME_NONE, false, false },
	[P9_TREMOVE] = { "Tremove", do_remove, NAME_NONE, false, false },
	[P9_TSTAT] = { "Tstat", p9s_do_stat, NAME_NONE, false, true },
	[P9_TWSTAT] = { "Twstat", p9s_do_wstat, NAME_NONE, false, true },
};

static const struct op *find_op(const uint8_t type)
{
	if (type >= sizeof(ops) / sizeof(ops[0]) || !ops[type].name)
		return NULL;
	return &ops[type];
}

const char *p9s_type_name(const uint8_t type)
{
	const struct op *const op = find_op(type);

	return op ? op->name : "T?";
}

void p9s_put_error(const struct p9s_state *const srv,
		   const struct p9s_conn *const conn, struct p9s_buf *const out,
		   const uint16_t tag, const int error)
{
	const bool dotl = conn->version == P9S_DOTL;

	out->pos = 4;
	out->bad = false;
	p9s_put(out,
		dotl && !srv->behaviour.rerror_dotl ? P9_RLERROR : P9_RERROR,
		1);
	p9s_put(out, tag, 2);
	/* The client's table of messages has no ESTALE. */
	if (!dotl)
		p9s_put_str(out, error == ESTALE ? "file not found" :
						   strerror(error));
	if (conn->version != P9S_LEGACY)
		p9s_put(out, error, 4);
}

void p9s_do(struct p9s_call *const call)
{
	const struct op *const op = find_op(call->type);
	struct p9s_buf *const out = &call->out;
	const bool dotl = call->conn->version == P9S_DOTL;
	int err = -EOPNOTSUPP;

	out->pos = 4;
	p9s_put(out, call->type + 1, 1);
	p9s_put(out, call->tag, 2);
	if (op && op->handle && !(op->dotl && !dotl) && !(op->not_dotl && dotl))
		err = op->handle(call);
	if (call->in.bad) {
		p9s_violation(call->srv, P9S_V_MALFORMED);
		err = -EINVAL;
	}
	if (!err && out->bad)
		err = -EIO;
	if (err)
		p9s_put_error(call->srv, call->conn, out, call->tag, -err);

	/* Size, now that it is known. */
	out->len = out->pos;
	out->pos = 0;
	p9s_put(out, out->len, 4);
	while (call->num_strs)
		free(call->strs[--call->num_strs]);
}

/* Reads without a call: nothing here is a violation. */
static bool skip_name(struct p9s_buf *const buf, struct p9s_summary *const sum)
{
	const size_t len = p9s_get(buf, 2);
	size_t copy = len;

	if (buf->bad || buf->len - buf->pos < len)
		return false;
	if (copy > P9S_NAME_MAX)
		copy = P9S_NAME_MAX;
	memcpy(sum->name, buf->data + buf->pos, copy);
	sum->name[copy] = '\0';
	buf->pos += len;
	return true;
}

void p9s_summarize(struct p9s_state *const srv, struct p9s_conn *const conn,
		   const uint8_t *const msg, const size_t len,
		   struct p9s_summary *const sum)
{
	const struct op *const op = find_op(msg[4]);
	struct p9s_buf buf = {
		.data = (uint8_t *)msg,
		.len = len,
		.pos = P9S_HEADER,
	};
	const struct p9s_fid *fid;
	unsigned int num;

	memset(sum, 0, sizeof(*sum));
	if (!op || op->names == NO_FID)
		return;
	sum->fid = p9s_get(&buf, 4);
	sum->has_fid = !buf.bad;

	fid = p9s_fid_peek(srv, conn, sum->fid);
	if (fid)
		strncpy(sum->name, p9s_last_name(fid->path), P9S_NAME_MAX);

	switch (op->names) {
	case NAME_WALK:
		p9s_get(&buf, 4);
		for (num = p9s_get(&buf, 2); num; num--) {
			if (!skip_name(&buf, sum))
				break;
		}
		break;
	case NAME_AFTER_TWO:
		p9s_get(&buf, 4);
		skip_name(&buf, sum);
		break;
	case NAME_AFTER_FID:
		skip_name(&buf, sum);
		break;
	case NAME_RENAMEAT:
		skip_name(&buf, sum);
		p9s_get(&buf, 4);
		skip_name(&buf, sum);
		break;
	default:
		break;
	}
}
