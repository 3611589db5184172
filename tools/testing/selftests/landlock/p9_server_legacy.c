// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages of the in-test 9p server: 9P2000 and 9P2000.u only
 */

#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "p9_server_int.h"

#define DMDIR 0x80000000U
#define DMSYMLINK 0x02000000U
#define DMLINK 0x01000000U
#define DMDEVICE 0x00800000U
#define DMNAMEDPIPE 0x00200000U
#define DMSOCKET 0x00100000U
#define DMSETUID 0x00080000U
#define DMSETGID 0x00040000U
#define DMSETVTX 0x00010000U

#define OTRUNC 0x10
#define ORCLOSE 0x40
#define OAPPEND 0x80

/* "Do not touch" in Twstat */
#define NO_CHANGE 0xffffffffU

static bool is_dotu(const struct p9s_call *const call)
{
	return call->conn->version == P9S_DOTU;
}

static uint32_t open_flags(const uint8_t mode)
{
	uint32_t flags = 0;

	/* OEXEC is OREAD here. */
	if ((mode & 3) != 3)
		flags = mode & 3;
	if (mode & OTRUNC)
		flags |= P9S_O_TRUNC;
	if (mode & OAPPEND)
		flags |= P9S_O_APPEND;
	return flags;
}

static uint32_t encode_mode(const struct p9s_call *const call,
			    const struct p9t_node *const node)
{
	uint32_t mode = node->mode & 0777;

	if (S_ISDIR(node->mode))
		mode |= DMDIR;
	if (!is_dotu(call))
		return mode;
	if (S_ISLNK(node->mode))
		mode |= DMSYMLINK;
	if (S_ISFIFO(node->mode))
		mode |= DMNAMEDPIPE;
	if (S_ISSOCK(node->mode))
		mode |= DMSOCKET;
	if (S_ISCHR(node->mode) || S_ISBLK(node->mode))
		mode |= DMDEVICE;
	if (node->mode & S_ISUID)
		mode |= DMSETUID;
	if (node->mode & S_ISGID)
		mode |= DMSETGID;
	if (node->mode & S_ISVTX)
		mode |= DMSETVTX;
	return mode;
}

static mode_t decode_perm(const struct p9s_call *const call,
			  const uint32_t perm)
{
	mode_t mode = perm & 0777;

	if (!is_dotu(call))
		return mode;
	if (perm & DMSETUID)
		mode |= S_ISUID;
	if (perm & DMSETGID)
		mode |= S_ISGID;
	if (perm & DMSETVTX)
		mode |= S_ISVTX;
	return mode;
}

/* The extension of a new device is "c 1 3". */
static int decode_dev(const char *const extension, mode_t *const type,
		      uint32_t *const rdev)
{
	unsigned int major, minor;
	char kind;

	if (sscanf(extension, "%c %u %u", &kind, &major, &minor) != 3)
		return -EINVAL;
	*type = kind == 'b' ? S_IFBLK : S_IFCHR;
	*rdev = p9s_encode_dev(major, minor);
	return 0;
}

static void put_extension(struct p9s_buf *const out,
			  const struct p9t_node *const node)
{
	char dev[32];

	if (S_ISLNK(node->mode)) {
		p9s_put(out, node->size, 2);
		p9s_put_data(out, node->data, node->size);
		return;
	}
	dev[0] = '\0';
	if (S_ISCHR(node->mode) || S_ISBLK(node->mode))
		snprintf(dev, sizeof(dev), "%c %u %u",
			 S_ISCHR(node->mode) ? 'c' : 'b',
			 (node->rdev >> 8) & 0xfff,
			 (node->rdev & 0xff) | ((node->rdev >> 12) & ~0xffU));
	p9s_put_str(out, dev);
}

/* Appends size[2] and a record. */
static void put_stat(struct p9s_call *const call, struct p9s_buf *const out,
		     const struct p9t_node *const node, const char *const name)
{
	const struct p9s_qid qid = p9s_qid_of(call->srv, node);
	const size_t start = out->pos;
	size_t end;
	char user[16], group[16];

	snprintf(user, sizeof(user), "%u", node->uid);
	snprintf(group, sizeof(group), "%u", node->gid);
	p9s_put(out, 0, 2);
	p9s_put(out, 0, 2);
	p9s_put(out, 0, 4);
	p9s_put(out, qid.type, 1);
	p9s_put(out, qid.version, 4);
	p9s_put(out, qid.path, 8);
	p9s_put(out, encode_mode(call, node), 4);
	p9s_put(out, node->atime.tv_sec, 4);
	p9s_put(out, node->mtime.tv_sec, 4);
	p9s_put(out, S_ISDIR(node->mode) ? 0 : node->size, 8);
	p9s_put_str(out, name);
	p9s_put_str(out, user);
	p9s_put_str(out, group);
	p9s_put_str(out, user);
	if (is_dotu(call)) {
		put_extension(out, node);
		p9s_put(out, node->uid, 4);
		p9s_put(out, node->gid, 4);
		p9s_put(out, node->uid, 4);
	}

	end = out->pos;
	out->pos = start;
	p9s_put(out, end - start - 2, 2);
	out->pos = end;
}

int p9s_do_stat(struct p9s_call *const call)
{
	struct p9s_fid *const fid = p9s_call_fid(call, p9s_get(&call->in, 4));
	struct p9t_node *node;
	size_t start, end;
	int err;

	if (!fid)
		return -EBADF;
	err = p9s_fid_attr_node(call->srv, fid, &node);
	if (err)
		return err;

	start = call->out.pos;
	p9s_put(&call->out, 0, 2);
	put_stat(call, &call->out, node,
		 node == call->srv->tree.export ? "/" :
						  p9s_last_name(fid->path));
	end = call->out.pos;
	call->out.pos = start;
	p9s_put(&call->out, end - start - 2, 2);
	call->out.pos = end;
	return 0;
}

int p9s_do_wstat(struct p9s_call *const call)
{
	struct p9s_state *const srv = call->srv;
	struct p9s_buf *const in = &call->in;
	struct p9s_fid *const fid = p9s_call_fid(call, p9s_get(in, 4));
	uint32_t mode, atime, mtime, uid = NO_CHANGE, gid = NO_CHANGE;
	struct p9t_node *node, *dir;
	const char *name, *old;
	uint64_t length;
	int err;

	/* Sizes, type, dev and qid */
	p9s_get(in, 2);
	p9s_get(in, 2);
	p9s_get(in, 2);
	p9s_get(in, 4);
	p9s_get(in, 1);
	p9s_get(in, 4);
	p9s_get(in, 8);
	mode = p9s_get(in, 4);
	atime = p9s_get(in, 4);
	mtime = p9s_get(in, 4);
	length = p9s_get(in, 8);
	name = p9s_get_str(call);
	p9s_get_str(call);
	p9s_get_str(call);
	p9s_get_str(call);
	if (is_dotu(call)) {
		p9s_get_str(call);
		uid = p9s_get(in, 4);
		gid = p9s_get(in, 4);
		p9s_get(in, 4);
	}
	if (in->bad)
		return -EINVAL;
	if (!fid)
		return -EBADF;
	err = p9s_fid_attr_node(srv, fid, &node);
	if (err)
		return err;

	if (*name) {
		char *dir_path;

		err = p9s_fid_location(srv, fid, &dir, &old);
		if (err)
			return err;
		dir_path = p9t_strdup(fid->path);
		dir_path[p9s_last_name(dir_path) - dir_path - 1] = '\0';
		err = p9s_call_rename(call, fid, dir, dir_path, name);
		free(dir_path);
		if (err)
			return err;
	}
	if (length != ~0ULL) {
		if (!S_ISREG(node->mode))
			return -EISDIR;
		err = p9t_truncate(node, length);
		if (err)
			return err;
	}
	if (mode != NO_CHANGE)
		node->mode = (node->mode & S_IFMT) | decode_perm(call, mode);
	if (uid != NO_CHANGE)
		node->uid = uid;
	if (gid != NO_CHANGE)
		node->gid = gid;
	if (atime != NO_CHANGE)
		node->atime = (struct timespec){ .tv_sec = atime };
	if (mtime != NO_CHANGE)
		node->mtime = (struct timespec){ .tv_sec = mtime };
	return 0;
}

int p9s_do_open(struct p9s_call *const call)
{
	struct p9t_node *node;
	struct p9s_fid *fid;
	uint8_t mode;
	int err;

	err = p9s_call_node(call, &fid, &node);
	mode = p9s_get(&call->in, 1);
	if (!err)
		err = call->in.bad ?
			      -EINVAL :
			      p9s_call_open(call, fid, node, open_flags(mode));
	if (err)
		return err;

	fid->rclose = mode & ORCLOSE;
	p9s_put_qid(call, node);
	p9s_put(&call->out, 0, 4);
	return 0;
}

/* A hard link: the extension is the number of a fid. */
static int create_link(struct p9s_call *const call, struct p9t_node *const dir,
		       const char *const name, const char *const extension,
		       struct p9t_node **const node)
{
	struct p9s_fid *const fid =
		p9s_call_fid(call, strtoul(extension, NULL, 10));
	int err;

	if (!fid)
		return -EBADF;
	err = p9s_fid_node(call->srv, fid, node);
	return err ?: p9t_link(dir, name, *node);
}

int p9s_do_create(struct p9s_call *const call)
{
	const char *name, *extension = "";
	struct p9t_node *dir, *node;
	struct p9s_fid *fid;
	uint32_t perm, rdev = 0;
	mode_t type = S_IFREG;
	uint8_t mode;
	int err;

	err = p9s_call_node(call, &fid, &dir);
	name = p9s_get_str(call);
	perm = p9s_get(&call->in, 4);
	mode = p9s_get(&call->in, 1);
	if (is_dotu(call))
		extension = p9s_get_str(call);
	if (call->in.bad)
		return -EINVAL;
	if (err)
		return err;
	if (fid->open)
		return -EINVAL;

	if (!is_dotu(call))
		perm &= DMDIR | 0777;
	if (perm & DMDIR)
		type = S_IFDIR;
	else if (perm & DMSYMLINK)
		type = S_IFLNK;
	else if (perm & DMNAMEDPIPE)
		type = S_IFIFO;
	else if (perm & DMSOCKET)
		type = S_IFSOCK;
	else if (perm & DMDEVICE)
		err = decode_dev(extension, &type, &rdev);
	if (err)
		return err;

	if (perm & DMLINK)
		err = create_link(call, dir, name, extension, &node);
	else
		err = p9s_call_create(call, fid, dir, name,
				      type | decode_perm(call, perm), &node);
	if (err)
		return err;

	if (!(perm & DMLINK)) {
		node->gid = fid->uid;
		node->rdev = rdev;
		if (type == S_IFLNK)
			p9t_write(node, extension, strlen(extension), 0);
	}
	p9s_fid_created(call->srv, fid, node, dir, name, open_flags(mode));
	p9s_put_qid(call, node);
	p9s_put(&call->out, 0, 4);
	return 0;
}

int p9s_read_records(struct p9s_call *const call, struct p9s_fid *const fid,
		     const struct p9t_node *const dir, const uint64_t offset,
		     const uint32_t count)
{
	const struct p9t_entry *entry;
	size_t len = 0;

	/* The records stay the same until the directory is read again. */
	if (offset == 0) {
		struct p9s_buf records = {};

		for (entry = dir->entries; entry; entry = entry->next)
			records.len +=
				256 + strlen(entry->name) +
				entry->node->size * S_ISLNK(entry->node->mode);
		records.data = p9t_alloc(records.len);
		for (entry = dir->entries; entry; entry = entry->next)
			put_stat(call, &records, entry->node, entry->name);
		free(fid->records);
		fid->records = records.data;
		fid->records_size = records.pos;
	}

	/* Whole records only */
	while (offset < fid->records_size &&
	       fid->records_size - offset >= len + 2) {
		const uint8_t *const record = fid->records + offset + len;
		const size_t size = 2 + record[0] + (record[1] << 8);

		if (len + size > count ||
		    len + size > fid->records_size - offset)
			break;
		len += size;
	}
	p9s_put(&call->out, len, 4);
	if (len)
		p9s_put_data(&call->out, fid->records + offset, len);
	return 0;
}
