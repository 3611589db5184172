// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fids of the in-test 9p server
 *
 * On a path server, a fid is a path string, and an open one has a descriptor
 * too (the node).  On a handle server a fid is the node.
 *
 *             | walked fid            | open fid
 *     --------+-----------------------+---------------------------------------
 *     path    | path -> node of today | Tread: node; Tgetattr: node or path
 *             |                       | (open_getattr_by_path); Twalk: path
 *     handle  | node, ESTALE if dead  | node, pinned
 */

#define _GNU_SOURCE
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "p9_server_int.h"

static int compare_fids(const void *const a, const void *const b)
{
	const struct p9s_fid *const x = a, *const y = b;

	if (x->conn != y->conn)
		return x->conn < y->conn ? -1 : 1;
	return x->fid < y->fid ? -1 : x->fid > y->fid;
}

struct p9s_fid *p9s_fid_peek(const struct p9s_state *const srv,
			     const struct p9s_conn *const conn,
			     const uint32_t fid)
{
	const struct p9s_fid key = {
		.conn = (struct p9s_conn *)conn,
		.fid = fid,
	};
	struct p9s_fid *const *const found =
		tfind(&key, &srv->fids_by_number, compare_fids);

	return found ? *found : NULL;
}

struct p9s_fid *p9s_fid_find(struct p9s_state *const srv,
			     const struct p9s_conn *const conn,
			     const uint32_t fid)
{
	struct p9s_fid *const f = p9s_fid_peek(srv, conn, fid);

	if (f)
		f->last_use = ++srv->clock;
	return f;
}

struct p9s_fid *p9s_fid_new(struct p9s_state *const srv,
			    struct p9s_conn *const conn, const uint32_t fid)
{
	struct p9s_fid *const f = p9t_alloc(sizeof(*f));

	f->conn = conn;
	f->fid = fid;
	f->path = p9t_strdup(P9T_EXPORT);
	f->last_use = ++srv->clock;
	f->next = srv->fids;
	if (f->next)
		f->next->link = &f->next;
	f->link = &srv->fids;
	srv->fids = f;
	if (!tsearch(f, &srv->fids_by_number, compare_fids))
		_exit(1);

	if (++srv->num_fids > srv->peak)
		srv->peak = srv->num_fids;
	return f;
}

/* Drops what the fid leads to. */
static void drop_node(struct p9s_state *const srv, struct p9s_fid *const fid)
{
	if (fid->node) {
		if (fid->pinned)
			p9t_unpin(&srv->tree, fid->node);
		p9t_put(&srv->tree, fid->node);
	}
	fid->node = NULL;
	fid->pinned = false;
}

static void drop_parent(struct p9s_state *const srv, struct p9s_fid *const fid)
{
	if (fid->parent)
		p9t_put(&srv->tree, fid->parent);
	fid->parent = NULL;
}

void p9s_fid_free(struct p9s_state *const srv, struct p9s_fid *const fid)
{
	/* A temporary one (p9s_fid_step()) is on no list. */
	if (fid->link) {
		*fid->link = fid->next;
		if (fid->next)
			fid->next->link = fid->link;
		tdelete(fid, &srv->fids_by_number, compare_fids);
		srv->num_fids--;
	}
	drop_node(srv, fid);
	drop_parent(srv, fid);
	free(fid->path);
	free(fid->records);
	free(fid);
}

void p9s_fid_set(struct p9s_state *const srv, struct p9s_fid *const fid,
		 struct p9t_node *const node, struct p9t_node *const parent,
		 const char *const path)
{
	char *const new_path = p9t_strdup(path);

	free(fid->path);
	fid->path = new_path;

	/* First get, then put: they may be the same. */
	if (parent)
		p9t_get(parent);
	drop_parent(srv, fid);
	fid->parent = parent;

	if (srv->behaviour.path) {
		drop_node(srv, fid);
		return;
	}
	p9t_get(node);
	if (srv->behaviour.walked_pins)
		p9t_pin(node);
	drop_node(srv, fid);
	fid->node = node;
	fid->pinned = srv->behaviour.walked_pins;
}

void p9s_fid_clone(struct p9s_state *const srv, struct p9s_fid *const dst,
		   const struct p9s_fid *const src)
{
	dst->uid = src->uid;
	p9s_fid_set(srv, dst, src->node, src->parent, src->path);
}

static void use_descriptor(struct p9s_state *const srv,
			   struct p9s_fid *const fid,
			   struct p9t_node *const node)
{
	const bool pins =
		!(S_ISDIR(node->mode) && srv->behaviour.open_dir_pins_nothing);

	p9t_get(node);
	if (pins)
		p9t_pin(node);
	drop_node(srv, fid);
	fid->node = node;
	fid->pinned = pins;
}

/* May a path server close this descriptor behind the client's back? */
static bool can_reclaim(const struct p9s_fid *const fid)
{
	return fid->open && fid->pinned && !fid->keep;
}

static void reclaim(struct p9s_state *const srv,
		    const struct p9s_fid *const except)
{
	if (!srv->behaviour.path || !srv->behaviour.reclaim_after)
		return;

	for (;;) {
		struct p9s_fid *oldest = NULL;
		unsigned int num = 0;
		struct p9s_fid *fid;

		for (fid = srv->fids; fid; fid = fid->next) {
			if (!fid->open || !fid->pinned)
				continue;
			num++;
			if (fid == except || !can_reclaim(fid))
				continue;
			if (!oldest || fid->last_use < oldest->last_use)
				oldest = fid;
		}
		if (num <= srv->behaviour.reclaim_after || !oldest)
			return;
		p9s_log(srv, "descriptor of fid %u closed", oldest->fid);
		drop_node(srv, oldest);
	}
}

unsigned int p9s_fid_forget_all(struct p9s_state *const srv)
{
	unsigned int num = 0;
	struct p9s_fid *fid;

	for (fid = srv->fids; fid; fid = fid->next) {
		if (!can_reclaim(fid))
			continue;
		num++;
		if (srv->behaviour.path) {
			drop_node(srv, fid);
		} else {
			fid->pinned = false;
			p9t_unpin(&srv->tree, fid->node);
		}
	}
	return num;
}

void p9s_fid_open(struct p9s_state *const srv, struct p9s_fid *const fid,
		  struct p9t_node *const node, const uint32_t flags)
{
	use_descriptor(srv, fid, node);
	fid->open = true;
	fid->dir = S_ISDIR(node->mode);
	fid->keep = S_ISREG(node->mode) && (flags & P9S_O_EXCL);
	fid->flags = flags;
	reclaim(srv, fid);
}

static int node_by_handle(const struct p9s_fid *const fid,
			  struct p9t_node **const node)
{
	if (fid->node->dead)
		return -ESTALE;
	*node = fid->node;
	return 0;
}

int p9s_fid_node(struct p9s_state *const srv, struct p9s_fid *const fid,
		 struct p9t_node **const node)
{
	if (!srv->behaviour.path)
		return node_by_handle(fid, node);
	return p9t_lookup(&srv->tree, fid->path, node);
}

int p9s_fid_io_node(struct p9s_state *const srv, struct p9s_fid *const fid,
		    struct p9t_node **const node)
{
	int err;

	if (!srv->behaviour.path)
		return node_by_handle(fid, node);

	if (!fid->node) {
		/* It was reclaimed: whatever is there now is opened. */
		err = p9t_lookup(&srv->tree, fid->path, node);
		if (err)
			return err;
		if (fid->dir != S_ISDIR((*node)->mode))
			return fid->dir ? -ENOTDIR : -EISDIR;
		if (!S_ISDIR((*node)->mode) && !S_ISREG((*node)->mode))
			return -ENXIO;
		use_descriptor(srv, fid, *node);
		reclaim(srv, fid);
	}
	*node = fid->node;
	return 0;
}

int p9s_fid_attr_node(struct p9s_state *const srv, struct p9s_fid *const fid,
		      struct p9t_node **const node)
{
	if (fid->open && !srv->behaviour.open_getattr_by_path)
		return p9s_fid_io_node(srv, fid, node);
	return p9s_fid_node(srv, fid, node);
}

/* A handle server looks for any name of the object. */
static bool find_name(struct p9t_node *const dir,
		      const struct p9t_node *const node,
		      struct p9t_node **const found, const char **const name)
{
	const struct p9t_entry *entry;

	for (entry = dir->entries; entry; entry = entry->next) {
		if (entry->node == node) {
			*found = dir;
			*name = entry->name;
			return true;
		}
		if (S_ISDIR(entry->node->mode) &&
		    find_name(entry->node, node, found, name))
			return true;
	}
	return false;
}

int p9s_fid_location(struct p9s_state *const srv, struct p9s_fid *const fid,
		     struct p9t_node **const dir, const char **const name)
{
	struct p9t_node *node;
	int err;

	err = p9s_fid_node(srv, fid, &node);
	if (err)
		return err;
	if (node == srv->tree.export)
		return -EBUSY;

	if (srv->behaviour.path)
		return p9t_lookup_parent(&srv->tree, fid->path, dir, name);

	/* The name of the walk, if it still is this object. */
	*name = p9s_last_name(fid->path);
	if (fid->parent && p9t_child(fid->parent, *name) == node) {
		*dir = fid->parent;
		return 0;
	}
	return find_name(srv->tree.top, node, dir, name) ? 0 : -ESTALE;
}

static int step_up(struct p9s_state *const srv, struct p9s_fid *const fid,
		   struct p9t_node *const node)
{
	const char *const limit = srv->behaviour.dotdot_escapes ? "/" :
								  P9T_EXPORT;
	struct p9t_node *up;
	char *const path = p9t_strdup(fid->path);
	char *const last = strrchr(path, '/');
	int err = 0;

	/* At the limit, ".." is ".". */
	if (last && strcmp(path, limit) != 0)
		last[last == path] = '\0';

	if (srv->behaviour.path) {
		err = p9t_lookup(&srv->tree, path, &up);
	} else if (node == srv->tree.export) {
		up = node;
	} else if (srv->behaviour.stale_dotdot && fid->parent) {
		up = fid->parent;
	} else {
		up = node->parent;
		if (!up)
			err = -ENOENT;
		/* Moved out of the export: no further than to the root. */
		else if (up == srv->tree.top)
			up = srv->tree.export;
	}
	if (!err && up->dead)
		err = -ESTALE;
	if (!err)
		p9s_fid_set(srv, fid, up, NULL, path);
	free(path);
	return err;
}

int p9s_fid_step(struct p9s_state *const srv, struct p9s_fid *const fid,
		 const char *const name)
{
	struct p9t_node *node, *child;
	char *path;
	int err;

	err = p9s_fid_node(srv, fid, &node);
	if (err)
		return err;
	if (!S_ISDIR(node->mode))
		return -ENOTDIR;
	if (strcmp(name, "..") == 0)
		return step_up(srv, fid, node);
	if (strcmp(name, ".") == 0)
		return 0;

	child = p9t_child(node, name);
	if (!child)
		return -ENOENT;
	path = p9s_join(fid->path, name);
	p9s_fid_set(srv, fid, child, node, path);
	free(path);
	return 0;
}

/* The part of the path below @dir, or NULL if it is not there. */
static const char *below(const char *const path, const char *const dir)
{
	const size_t len = strlen(dir);

	if (strncmp(path, dir, len) != 0)
		return NULL;
	return path[len] == '\0' || path[len] == '/' ? path + len : NULL;
}

static void move_handles(struct p9s_state *const srv,
			 struct p9t_node *const old_dir,
			 const char *const old_path,
			 struct p9t_node *const new_dir,
			 const char *const new_path)
{
	struct p9s_fid *fid;

	for (fid = srv->fids; fid; fid = fid->next) {
		if (fid->parent != old_dir ||
		    strcmp(p9s_last_name(fid->path), p9s_last_name(old_path)))
			continue;
		if (p9t_child(new_dir, p9s_last_name(new_path)) != fid->node)
			continue;
		free(fid->path);
		fid->path = p9t_strdup(new_path);
		p9t_get(new_dir);
		drop_parent(srv, fid);
		fid->parent = new_dir;
	}
}

void p9s_fid_moved(struct p9s_state *const srv, struct p9t_node *const old_dir,
		   const char *const old_path, struct p9t_node *const new_dir,
		   const char *const new_path)
{
	struct p9s_fid *fid;

	if (!srv->behaviour.path) {
		move_handles(srv, old_dir, old_path, new_dir, new_path);
		return;
	}
	if (!srv->behaviour.rename_moves_fids)
		return;

	for (fid = srv->fids; fid; fid = fid->next) {
		const char *const rest = below(fid->path, old_path);
		char *path;

		if (!rest)
			continue;
		path = p9t_alloc(strlen(new_path) + strlen(rest) + 1);
		stpcpy(stpcpy(path, new_path), rest);
		free(fid->path);
		fid->path = path;
	}
}

char *p9s_join(const char *const dir, const char *const name)
{
	char *const path = p9t_alloc(strlen(dir) + strlen(name) + 2);

	sprintf(path, "%s/%s", strcmp(dir, "/") ? dir : "", name);
	return path;
}

const char *p9s_last_name(const char *const path)
{
	const char *const last = strrchr(path, '/');

	return last ? last + 1 : path;
}

void p9s_fid_stats(const struct p9s_state *const srv,
		   struct p9s_fids *const fids)
{
	const struct p9s_fid *fid;

	memset(fids, 0, sizeof(*fids));
	for (fid = srv->fids; fid; fid = fid->next) {
		fids->all++;
		if (!fid->open) {
			fids->walked++;
			continue;
		}
		fids->open++;
		if (fid->dir)
			fids->open_dirs++;
		else
			fids->open_files++;
		fids->pinning += fid->pinned;
	}
	fids->leaked = srv->leaked;
	fids->peak = srv->peak;
	fids->connections = p9s_num_conns(srv);
}
