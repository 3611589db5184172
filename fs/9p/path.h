/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * V9FS paths of files
 */

#ifndef FS_9P_PATH_H
#define FS_9P_PATH_H

#include <linux/dcache.h>
#include <linux/fs_identity.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <net/9p/9p.h>

#include "v9fs.h"

/**
 * struct v9fs_path - Path of a file, without its dentries
 *
 * A name below another path: equal paths are one &struct v9fs_path.  See the
 * comment at the top of path.c.
 */
struct v9fs_path {
	/**
	 * @usage: Number of references by &v9fs_dentry.path, &v9fs_inode.path
	 * and the @parent of other paths.  Only gets to 0 with
	 * &v9fs_session_info.path_lock held.
	 */
	refcount_t usage;
	/**
	 * @parent: Reference to the path of the directory, NULL for the root
	 * and for a path that is detached.  Protected by
	 * &v9fs_session_info.path_lock.
	 */
	struct v9fs_path *parent;
	/**
	 * @sibling: Position in the @children of @parent, if there is one.
	 * Protected by &v9fs_session_info.path_lock.
	 */
	struct rb_node sibling;
	/**
	 * @children: The paths that have this one as @parent, ordered by name.
	 * Protected by &v9fs_session_info.path_lock.
	 */
	struct rb_root children;
	/**
	 * @name: Name in @parent.  Protected by &v9fs_session_info.path_lock.
	 */
	struct name_snapshot name;
	/**
	 * @identity: What the server had under this path when it was made.
	 * Immutable.
	 */
	struct fs_identity identity;
};

int v9fs_path_set(struct dentry *dentry, const struct fs_identity *identity);
struct v9fs_path *v9fs_path_get(struct dentry *dentry);
bool v9fs_path_is(const struct dentry *dentry, const struct v9fs_path *path);
void v9fs_path_put(struct v9fs_session_info *v9ses, struct v9fs_path *path);
void v9fs_path_forget(struct dentry *dentry);
void v9fs_path_move(struct dentry *dentry);

/**
 * v9fs_path_hold - Get another reference to a path
 *
 * @path: A path, may be NULL.
 *
 * Context: Any context.  The caller must own a reference, maybe through a
 * dentry.
 * Return: @path.
 */
static inline struct v9fs_path *v9fs_path_hold(struct v9fs_path *const path)
{
	if (path)
		refcount_inc(&path->usage);
	return path;
}

#endif /* FS_9P_PATH_H */
