// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages of the in-test 9p server: files, attributes, directories
 */

#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "p9_server_int.h"

#define AT_REMOVEDIR_FLAG 0x200

/* Tsetattr */
#define SETATTR_MODE 0x001
#define SETATTR_UID 0x002
#define SETATTR_GID 0x004
#define SETATTR_SIZE 0x008
#define SETATTR_ATIME 0x010
#define SETATTR_MTIME 0x020
#define SETATTR_ATIME_SET 0x080
#define SETATTR_MTIME_SET 0x100

#define LOCK_UNLCK 2

/* Open files */

int p9s_do_lopen(struct p9s_call *const call)
{
	struct p9t_node *node;
	struct p9s_fid *fid;
	uint32_t flags;
	int err;

	err = p9s_call_node(call, &fid, &node);
	flags = p9s_get(&call->in, 4);
	if (!err)
		err = call->in.bad ? -EINVAL :
				     p9s_call_open(call, fid, node, flags);
	if (err)
		return err;

	p9s_put_qid(call, node);
	p9s_put(&call->out, 0, 4);
	return 0;
}

int p9s_do_lcreate(struct p9s_call *const call)
{
	struct p9t_node *dir, *node;
	struct p9s_fid *fid;
	const char *name;
	uint32_t flags, mode, gid;
	int err;

	err = p9s_call_node(call, &fid, &dir);
	name = p9s_get_str(call);
	flags = p9s_get(&call->in, 4);
	mode = p9s_get(&call->in, 4);
	gid = p9s_get(&call->in, 4);
	if (call->in.bad)
		return -EINVAL;
	if (err)
		return err;
	if (fid->open)
		return -EINVAL;
	if (!S_ISDIR(dir->mode))
		return -ENOTDIR;

	node = p9t_child(dir, name);
	if (node) {
		struct p9t_node *const parent = dir;
		char *path;

		if (flags & P9S_O_EXCL)
			return -EEXIST;
		err = p9s_call_open(call, fid, node, flags);
		if (err)
			return err;
		/* Moves the open fid. */
		path = p9s_join(fid->path, name);
		p9s_fid_set(call->srv, fid, node, parent, path);
		free(path);
		p9s_fid_open(call->srv, fid, node, flags);
	} else {
		err = p9s_call_create(call, fid, dir, name,
				      S_IFREG | (mode & 07777), &node);
		if (err)
			return err;
		node->gid = gid;
		/* O_EXCL of a creation says nothing about the descriptor. */
		p9s_fid_created(call->srv, fid, node, dir, name,
				flags & ~P9S_O_EXCL);
	}
	p9s_put_qid(call, node);
	p9s_put(&call->out, 0, 4);
	return 0;
}

static int open_node(struct p9s_call *const call, struct p9s_fid **const fid,
		     struct p9t_node **const node)
{
	*fid = p9s_call_fid(call, p9s_get(&call->in, 4));
	if (!*fid || !(*fid)->open)
		return -EBADF;
	return p9s_fid_io_node(call->srv, *fid, node);
}

static uint32_t limit_count(const struct p9s_call *const call,
			    const uint32_t count)
{
	const uint32_t limit = call->conn->msize - P9S_HEADER - 4;

	return count > limit ? limit : count;
}

int p9s_do_read(struct p9s_call *const call)
{
	struct p9t_node *node;
	struct p9s_fid *fid;
	uint64_t offset;
	uint32_t count;
	uint8_t *buf;
	size_t len;
	int err;

	err = open_node(call, &fid, &node);
	offset = p9s_get(&call->in, 8);
	count = limit_count(call, p9s_get(&call->in, 4));
	if (fid && fid->xattr)
		return p9s_read_xattr(call, fid, offset, count);
	if (err)
		return err;
	if (S_ISDIR(node->mode)) {
		if (call->conn->version == P9S_DOTL)
			return -EISDIR;
		return p9s_read_records(call, fid, node, offset, count);
	}
	if ((fid->flags & P9S_O_ACCMODE) == P9S_O_WRONLY)
		return -EBADF;

	buf = p9t_alloc(count);
	len = p9t_read(node, buf, count, offset);
	p9s_put(&call->out, len, 4);
	p9s_put_data(&call->out, buf, len);
	free(buf);
	return 0;
}

int p9s_do_write(struct p9s_call *const call)
{
	struct p9t_node *node;
	struct p9s_fid *fid;
	uint64_t offset;
	uint32_t count;
	int err;

	err = open_node(call, &fid, &node);
	offset = p9s_get(&call->in, 8);
	count = p9s_get(&call->in, 4);
	if (call->in.bad || call->in.len - call->in.pos < count) {
		call->in.bad = true;
		return -EINVAL;
	}
	if (err)
		return err;
	if (S_ISDIR(node->mode))
		return -EISDIR;
	if ((fid->flags & P9S_O_ACCMODE) == 0)
		return -EBADF;
	if (fid->flags & P9S_O_APPEND)
		offset = node->size;

	err = p9t_write(node, call->in.data + call->in.pos, count, offset);
	if (err)
		return err;
	call->in.pos += count;
	p9s_put(&call->out, count, 4);
	return 0;
}

static bool put_entry(struct p9s_call *const call, const size_t limit,
		      const struct p9t_node *const node, const uint64_t cookie,
		      const char *const name)
{
	if (call->out.pos + 13 + 8 + 1 + 2 + strlen(name) > limit)
		return false;
	p9s_put_qid(call, node);
	p9s_put(&call->out, cookie, 8);
	p9s_put(&call->out, (node->mode & S_IFMT) >> 12, 1);
	p9s_put_str(&call->out, name);
	return true;
}

int p9s_do_readdir(struct p9s_call *const call)
{
	const struct p9t_entry *entry;
	struct p9t_node *dir, *parent;
	bool full = false;
	struct p9s_fid *fid;
	uint64_t offset;
	size_t start, limit;
	uint32_t count;
	int err;

	err = open_node(call, &fid, &dir);
	offset = p9s_get(&call->in, 8);
	count = limit_count(call, p9s_get(&call->in, 4));
	if (err)
		return err;
	if (!S_ISDIR(dir->mode))
		return -ENOTDIR;
	parent = dir;
	if (dir != call->srv->tree.export && dir->parent)
		parent = dir->parent;

	start = call->out.pos;
	p9s_put(&call->out, 0, 4);
	limit = call->out.pos + count;
	if (offset < 1)
		full = !put_entry(call, limit, dir, 1, ".");
	if (offset < 2 && !full)
		full = !put_entry(call, limit, parent, 2, "..");
	for (entry = dir->entries; entry && !full; entry = entry->next) {
		if (entry->cookie > offset)
			full = !put_entry(call, limit, entry->node,
					  entry->cookie, entry->name);
	}

	count = call->out.pos - start - 4;
	call->out.pos = start;
	p9s_put(&call->out, count, 4);
	call->out.pos += count;
	return 0;
}

int p9s_do_fsync(struct p9s_call *const call)
{
	struct p9t_node *node;
	struct p9s_fid *fid;

	return open_node(call, &fid, &node);
}

int p9s_do_lock(struct p9s_call *const call)
{
	struct p9t_node *node;
	struct p9s_fid *fid;
	const int err = open_node(call, &fid, &node);

	if (err)
		return err;
	p9s_put(&call->out, 0, 1);
	return 0;
}

int p9s_do_getlock(struct p9s_call *const call)
{
	struct p9t_node *node;
	struct p9s_fid *fid;
	const int err = open_node(call, &fid, &node);

	p9s_get(&call->in, 1);
	if (err)
		return err;
	p9s_put(&call->out, LOCK_UNLCK, 1);
	p9s_put(&call->out, p9s_get(&call->in, 8), 8);
	p9s_put(&call->out, p9s_get(&call->in, 8), 8);
	p9s_put(&call->out, p9s_get(&call->in, 4), 4);
	p9s_put_str(&call->out, p9s_get_str(call) ?: "");
	return call->in.bad ? -EINVAL : 0;
}

/* Attributes */

static bool generation(struct p9s_call *const call,
		       const struct p9s_fid *const fid, struct p9t_node *node,
		       uint64_t *const gen)
{
	const struct p9_behaviour *const b = &call->srv->behaviour;

	if (b->path && b->gen_by_path && fid->open &&
	    p9t_lookup(&call->srv->tree, fid->path, &node))
		return false;
	if (!S_ISREG(node->mode) && !S_ISDIR(node->mode))
		return false;
	if (b->gen_needs_read && !(node->mode & 0400))
		return false;
	*gen = node->generation;
	return true;
}

static void put_time(struct p9s_buf *const out, const struct timespec *const ts)
{
	p9s_put(out, ts->tv_sec, 8);
	p9s_put(out, ts->tv_nsec, 8);
}

int p9s_do_getattr(struct p9s_call *const call)
{
	static const struct timespec zero;
	struct p9s_state *const srv = call->srv;
	struct p9s_buf *const out = &call->out;
	struct p9s_fid *const fid = p9s_call_fid(call, p9s_get(&call->in, 4));
	const uint64_t asked = p9s_get(&call->in, 8);
	uint64_t valid = P9_STATS_BASIC, gen = 0;
	struct p9t_node *node;
	int err;

	if (!fid)
		return -EBADF;
	err = p9s_fid_attr_node(srv, fid, &node);
	if (err)
		return err;

	switch (srv->behaviour.generation) {
	case P9S_GEN_NONE:
		break;
	case P9S_GEN_VALID:
		if ((asked & P9_STATS_GEN) && generation(call, fid, node, &gen))
			valid |= P9_STATS_GEN;
		break;
	case P9S_GEN_CLAIMED_ZERO:
		valid = asked;
		break;
	}

	p9s_put(out, valid, 8);
	p9s_put_qid(call, node);
	p9s_put(out, node->mode, 4);
	p9s_put(out, node->uid, 4);
	p9s_put(out, node->gid, 4);
	p9s_put(out, p9t_nlink(node), 8);
	p9s_put(out, node->rdev, 8);
	p9s_put(out, S_ISDIR(node->mode) ? 4096 : node->size, 8);
	p9s_put(out, 4096, 8);
	p9s_put(out, (node->size + 511) / 512, 8);
	put_time(out, &node->atime);
	put_time(out, &node->mtime);
	put_time(out, &node->ctime);
	put_time(out, &zero);
	p9s_put(out, gen, 8);
	p9s_put(out, 0, 8);
	return 0;
}

int p9s_do_setattr(struct p9s_call *const call)
{
	struct p9s_fid *const fid = p9s_call_fid(call, p9s_get(&call->in, 4));
	const uint32_t valid = p9s_get(&call->in, 4);
	const uint32_t mode = p9s_get(&call->in, 4);
	const uint32_t uid = p9s_get(&call->in, 4);
	const uint32_t gid = p9s_get(&call->in, 4);
	const uint64_t size = p9s_get(&call->in, 8);
	struct timespec atime, mtime, now;
	struct p9t_node *node;
	int err;

	atime.tv_sec = p9s_get(&call->in, 8);
	atime.tv_nsec = p9s_get(&call->in, 8);
	mtime.tv_sec = p9s_get(&call->in, 8);
	mtime.tv_nsec = p9s_get(&call->in, 8);
	if (call->in.bad)
		return -EINVAL;
	if (!fid)
		return -EBADF;
	err = p9s_fid_attr_node(call->srv, fid, &node);
	if (err)
		return err;

	clock_gettime(CLOCK_REALTIME, &now);
	if (valid & SETATTR_SIZE) {
		if (!S_ISREG(node->mode))
			return -EISDIR;
		err = p9t_truncate(node, size);
		if (err)
			return err;
	}
	if (valid & SETATTR_MODE)
		node->mode = (node->mode & S_IFMT) | (mode & 07777);
	if (valid & SETATTR_UID)
		node->uid = uid;
	if (valid & SETATTR_GID)
		node->gid = gid;
	if (valid & SETATTR_ATIME)
		node->atime = valid & SETATTR_ATIME_SET ? atime : now;
	if (valid & SETATTR_MTIME)
		node->mtime = valid & SETATTR_MTIME_SET ? mtime : now;
	node->ctime = now;
	return 0;
}

int p9s_do_statfs(struct p9s_call *const call)
{
	struct p9s_fid *const fid = p9s_call_fid(call, p9s_get(&call->in, 4));
	struct p9t_node *node;
	uint64_t fsid = 0;
	int err;

	if (!fid)
		return -EBADF;
	err = p9s_fid_attr_node(call->srv, fid, &node);
	if (err)
		return err;

	switch (call->srv->behaviour.fsid) {
	case P9S_FSID_ENOSYS:
		return -ENOSYS;
	case P9S_FSID_ZERO:
		break;
	case P9S_FSID_GIVEN:
		fsid = 0x9000000000 + node->dev;
	}
	p9s_put(&call->out, 0x01021997, 4);
	p9s_put(&call->out, 4096, 4);
	p9s_put(&call->out, 1 << 20, 8);
	p9s_put(&call->out, 1 << 19, 8);
	p9s_put(&call->out, 1 << 19, 8);
	p9s_put(&call->out, 1 << 16, 8);
	p9s_put(&call->out, 1 << 15, 8);
	p9s_put(&call->out, fsid, 8);
	p9s_put(&call->out, P9T_NAME_MAX, 4);
	return 0;
}

int p9s_do_readlink(struct p9s_call *const call)
{
	struct p9t_node *node;
	struct p9s_fid *fid;
	const int err = p9s_call_node(call, &fid, &node);

	if (err)
		return err;
	if (!S_ISLNK(node->mode))
		return -EINVAL;
	p9s_put(&call->out, node->size, 2);
	p9s_put_data(&call->out, node->data, node->size);
	return 0;
}

/* Directories */

int p9s_do_symlink(struct p9s_call *const call)
{
	const char *name, *target;
	struct p9t_node *dir, *node;
	struct p9s_fid *fid;
	int err;

	err = p9s_call_node(call, &fid, &dir);
	name = p9s_get_str(call);
	target = p9s_get_str(call);
	if (call->in.bad)
		return -EINVAL;
	if (!err)
		err = p9s_call_create(call, fid, dir, name, S_IFLNK | 0777,
				      &node);
	if (err)
		return err;
	node->gid = p9s_get(&call->in, 4);
	p9t_write(node, target, strlen(target), 0);
	p9s_put_qid(call, node);
	return 0;
}

int p9s_do_mknod(struct p9s_call *const call)
{
	struct p9t_node *dir, *node;
	uint32_t mode, major, minor;
	struct p9s_fid *fid;
	const char *name;
	int err;

	err = p9s_call_node(call, &fid, &dir);
	name = p9s_get_str(call);
	mode = p9s_get(&call->in, 4);
	major = p9s_get(&call->in, 4);
	minor = p9s_get(&call->in, 4);
	if (call->in.bad)
		return -EINVAL;
	if (S_ISDIR(mode) || S_ISLNK(mode))
		return -EINVAL;
	if (!err)
		err = p9s_call_create(call, fid, dir, name, mode, &node);
	if (err)
		return err;
	node->gid = p9s_get(&call->in, 4);
	node->rdev = p9s_encode_dev(major, minor);
	p9s_put_qid(call, node);
	return 0;
}

int p9s_do_mkdir(struct p9s_call *const call)
{
	struct p9t_node *dir, *node;
	struct p9s_fid *fid;
	const char *name;
	uint32_t mode;
	int err;

	err = p9s_call_node(call, &fid, &dir);
	name = p9s_get_str(call);
	mode = p9s_get(&call->in, 4);
	if (call->in.bad)
		return -EINVAL;
	if (!err)
		err = p9s_call_create(call, fid, dir, name,
				      S_IFDIR | (mode & 07777), &node);
	if (err)
		return err;
	node->gid = p9s_get(&call->in, 4);
	p9s_put_qid(call, node);
	return 0;
}

int p9s_do_link(struct p9s_call *const call)
{
	struct p9t_node *dir, *node;
	struct p9s_fid *dir_fid, *fid;
	int err, node_err;
	const char *name;

	err = p9s_call_node(call, &dir_fid, &dir);
	node_err = p9s_call_node(call, &fid, &node);
	name = p9s_get_str(call);
	if (call->in.bad)
		return -EINVAL;
	if (err || node_err)
		return err ?: node_err;
	return p9t_link(dir, name, node);
}

int p9s_call_rename(struct p9s_call *const call, struct p9s_fid *const fid,
		    struct p9t_node *const new_dir,
		    const char *const new_dir_path, const char *const new_name)
{
	struct p9s_state *const srv = call->srv;
	char *const new_path = p9s_join(new_dir_path, new_name);
	struct p9t_node *dir;
	const char *name;
	int err;

	err = p9s_fid_location(srv, fid, &dir, &name);
	if (!err)
		err = p9t_rename(&srv->tree, dir, name, new_dir, new_name);
	if (!err) {
		char *const old_path = p9t_strdup(fid->path);

		p9s_fid_moved(srv, dir, old_path, new_dir, new_path);
		free(old_path);
		/* The fid itself follows, on all servers. */
		free(fid->path);
		fid->path = p9t_strdup(new_path);
		p9t_get(new_dir);
		if (fid->parent)
			p9t_put(&srv->tree, fid->parent);
		fid->parent = new_dir;
	}
	free(new_path);
	return err;
}

int p9s_do_rename(struct p9s_call *const call)
{
	struct p9s_fid *const fid = p9s_call_fid(call, p9s_get(&call->in, 4));
	struct p9s_fid *dir_fid;
	struct p9t_node *dir;
	const char *name;
	int err;

	err = p9s_call_node(call, &dir_fid, &dir);
	name = p9s_get_str(call);
	if (call->in.bad)
		return -EINVAL;
	if (!fid)
		return -EBADF;
	if (err)
		return err;
	return p9s_call_rename(call, fid, dir, dir_fid->path, name);
}

int p9s_do_renameat(struct p9s_call *const call)
{
	struct p9s_fid *old_fid, *new_fid;
	struct p9t_node *old_dir, *new_dir;
	const char *old_name, *new_name;
	char *old_path, *new_path;
	int err, new_err;

	if (call->srv->behaviour.no_renameat)
		return -EOPNOTSUPP;
	err = p9s_call_node(call, &old_fid, &old_dir);
	old_name = p9s_get_str(call);
	new_err = p9s_call_node(call, &new_fid, &new_dir);
	new_name = p9s_get_str(call);
	if (call->in.bad)
		return -EINVAL;
	if (err || new_err)
		return err ?: new_err;

	err = p9t_rename(&call->srv->tree, old_dir, old_name, new_dir,
			 new_name);
	if (err)
		return err;
	old_path = p9s_join(old_fid->path, old_name);
	new_path = p9s_join(new_fid->path, new_name);
	p9s_fid_moved(call->srv, old_dir, old_path, new_dir, new_path);
	free(old_path);
	free(new_path);
	return 0;
}

int p9s_do_unlinkat(struct p9s_call *const call)
{
	struct p9t_node *dir, *node;
	struct p9s_fid *fid;
	const char *name;
	uint32_t flags;
	int err;

	if (call->srv->behaviour.no_unlinkat)
		return -EOPNOTSUPP;
	err = p9s_call_node(call, &fid, &dir);
	name = p9s_get_str(call);
	flags = p9s_get(&call->in, 4);
	if (call->in.bad)
		return -EINVAL;
	if (err)
		return err;
	node = p9t_child(dir, name);
	if (!node)
		return -ENOENT;
	if (S_ISDIR(node->mode) && !(flags & AT_REMOVEDIR_FLAG))
		return -EISDIR;
	if (!S_ISDIR(node->mode) && (flags & AT_REMOVEDIR_FLAG))
		return -ENOTDIR;
	return p9t_unlink(&call->srv->tree, dir, name);
}
