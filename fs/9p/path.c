// SPDX-License-Identifier: GPL-2.0-only
/*
 * V9FS paths of files
 *
 * With inodeident=path, an inode is only used again for the path under which it
 * was made.  Such an inode may have lost its dentry, and those above, for long:
 * it remembers a struct v9fs_path instead.
 *
 * REFERENCES
 *
 * A path is a name and a reference to the path of the directory.  Its users are
 * the positive dentries (&v9fs_dentry.path), the inodes (&v9fs_inode.path) and
 * the paths below it.  It is freed with the last one of them: memory is bounded
 * by what is alive, and no path holds a dentry, an inode or a superblock.
 *
 * EQUALITY
 *
 * A path is in the tree of its parent, in which a name is there once.  Hence
 * equal paths are equal pointers, and comparing them neither takes a lock nor
 * reads a name, which suits the callbacks of iget5_locked().  The inverse holds
 * too: when this client renames a file, its path gets another name and another
 * parent, and all paths below follow.
 *
 * A path is detached, i.e. it gets no parent and is in no tree, as soon as its
 * name is known to lead to nothing or to another file.  It can still be used for
 * what is below it (e.g. a working directory), but is never found again: an
 * inode that was made under it does not come back if a server recycles its
 * number for a later file with this name.
 *
 * LOCKING
 *
 * &v9fs_session_info.path_lock protects all paths of a session.  It is a leaf:
 * nothing else is locked, nothing is allocated and nothing sleeps with it held.
 * The name and the parent of a dentry are stable, because the caller holds the
 * lock of the directory (v9fs_vfs_lookup() and whatever changes a directory).
 */

#include <linux/dcache.h>
#include <linux/fs_identity.h>
#include <linux/lockdep.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "path.h"
#include "v9fs.h"
#include "v9fs_vfs.h"

static bool v9fs_has_paths(const struct v9fs_session_info *const v9ses)
{
	return v9ses->inodeident == V9FS_IDENT_PATH;
}

/* Not by hash, which depends on the dentry of the directory. */
static int v9fs_path_cmp(const struct qstr *const name,
			 const struct v9fs_path *const path)
{
	const struct qstr *const other = &path->name.name;

	if (name->len != other->len)
		return name->len < other->len ? -1 : 1;
	return memcmp(name->name, other->name, name->len);
}

static struct v9fs_path *v9fs_path_find(const struct v9fs_path *const parent,
					const struct qstr *const name)
{
	struct rb_node *node = parent ? parent->children.rb_node : NULL;

	while (node) {
		struct v9fs_path *const path =
			rb_entry(node, struct v9fs_path, sibling);
		const int cmp = v9fs_path_cmp(name, path);

		if (!cmp)
			return path;
		node = cmp < 0 ? node->rb_left : node->rb_right;
	}
	return NULL;
}

/*
 * Takes a reference to @parent.  There must be no path with this name in it.
 * Without parent (should not happen), the path stays detached.
 */
static void v9fs_path_attach(struct v9fs_path *const path,
			     struct v9fs_path *const parent)
{
	struct rb_node **link, *above = NULL;

	if (!parent)
		return;

	link = &parent->children.rb_node;
	while (*link) {
		const int cmp = v9fs_path_cmp(&path->name.name,
					      rb_entry(*link, struct v9fs_path,
						       sibling));

		above = *link;
		link = cmp < 0 ? &above->rb_left : &above->rb_right;
	}
	rb_link_node(&path->sibling, above, link);
	rb_insert_color(&path->sibling, &parent->children);
	path->parent = v9fs_path_hold(parent);
}

/*
 * Returns the parent, or NULL.  The reference to it is now the caller's, to be
 * put without the lock.
 */
static struct v9fs_path *__v9fs_path_detach(struct v9fs_path *const path)
{
	struct v9fs_path *const parent = path->parent;

	if (parent) {
		rb_erase(&path->sibling, &parent->children);
		path->parent = NULL;
	}
	return parent;
}

static void v9fs_path_free(struct v9fs_path *const path)
{
	if (!path)
		return;

	WARN_ON_ONCE(!RB_EMPTY_ROOT(&path->children));
	release_dentry_name_snapshot(&path->name);
	kfree(path);
}

static struct v9fs_path *v9fs_path_alloc(struct dentry *const dentry,
					 const struct fs_identity *identity)
{
	struct v9fs_path *const path = kzalloc_obj(*path, GFP_KERNEL_ACCOUNT);

	if (!path)
		return NULL;

	refcount_set(&path->usage, 1);
	path->identity = *identity;
	take_dentry_name_snapshot(&path->name, dentry);
	return path;
}

/* Path of the directory of @dentry, NULL if @dentry is the root. */
static struct v9fs_path *v9fs_path_above(struct v9fs_session_info *const v9ses,
					 const struct dentry *const dentry)
{
	lockdep_assert_held(&v9ses->path_lock);

	if (IS_ROOT(dentry))
		return NULL;
	return to_v9fs_dentry(dentry->d_parent)->path;
}

/**
 * v9fs_path_put - Release a reference to a path
 *
 * @v9ses: The session.
 * @path: A path, may be NULL.
 *
 * Context: Process context.
 */
void v9fs_path_put(struct v9fs_session_info *const v9ses,
		   struct v9fs_path *path)
{
	while (path && refcount_dec_and_lock(&path->usage, &v9ses->path_lock)) {
		struct v9fs_path *const parent = __v9fs_path_detach(path);

		spin_unlock(&v9ses->path_lock);
		v9fs_path_free(path);
		/* The last path of a directory may be its last user. */
		path = parent;
	}
}

/**
 * v9fs_path_get - Get a reference to the path of a dentry
 *
 * @dentry: The dentry.
 *
 * Context: Any context.
 * Return: The path, to be released with v9fs_path_put(), or NULL.
 */
struct v9fs_path *v9fs_path_get(struct dentry *const dentry)
{
	struct v9fs_session_info *const v9ses = v9fs_dentry2v9ses(dentry);
	struct v9fs_path *path;

	spin_lock(&v9ses->path_lock);
	path = v9fs_path_hold(to_v9fs_dentry(dentry)->path);
	spin_unlock(&v9ses->path_lock);
	return path;
}

/**
 * v9fs_path_is - Tell if a dentry has a path
 *
 * @dentry: The dentry.
 * @path: The path, held by the caller, may be NULL.
 *
 * Context: Any context.
 * Return: True if it has, false otherwise or if there is no path.
 */
bool v9fs_path_is(const struct dentry *const dentry,
		  const struct v9fs_path *const path)
{
	struct v9fs_session_info *const v9ses = v9fs_dentry2v9ses(dentry);
	bool is;

	spin_lock(&v9ses->path_lock);
	is = path && to_v9fs_dentry(dentry)->path == path;
	spin_unlock(&v9ses->path_lock);
	return is;
}

/*
 * Returns the path that @dentry has by its name, unless it is known that it was
 * the one of another file.  In this case, the parent of the detached path is
 * stored in @parent, see __v9fs_path_detach().
 */
static struct v9fs_path *
v9fs_path_lookup(struct v9fs_session_info *const v9ses,
		 const struct dentry *const dentry,
		 const struct fs_identity *const identity,
		 struct v9fs_path **const parent)
{
	struct v9fs_path *const path =
		v9fs_path_find(v9fs_path_above(v9ses, dentry), &dentry->d_name);

	if (path &&
	    fs_identity_same(&path->identity, identity) == FS_ANSWER_NO) {
		*parent = __v9fs_path_detach(path);
		return NULL;
	}
	return path;
}

/**
 * v9fs_path_set - Give its path to a dentry
 *
 * @dentry: The root, or a dentry that is about to become positive and whose
 *          directory is locked.
 * @identity: What the server has under this name.
 *
 * Context: Process context, may sleep.
 * Return: 0, also if the session has no paths, or -%ENOMEM.
 */
int v9fs_path_set(struct dentry *const dentry,
		  const struct fs_identity *const identity)
{
	struct v9fs_session_info *const v9ses = v9fs_dentry2v9ses(dentry);
	struct v9fs_path *path, *old, *unused = NULL, *parents[2] = {};

	if (!v9fs_has_paths(v9ses))
		return 0;

	spin_lock(&v9ses->path_lock);
	path = v9fs_path_lookup(v9ses, dentry, identity, &parents[0]);
	if (!path) {
		spin_unlock(&v9ses->path_lock);
		unused = v9fs_path_alloc(dentry, identity);
		spin_lock(&v9ses->path_lock);
		/* The directory may have another dentry (e.g. unhashed). */
		path = v9fs_path_lookup(v9ses, dentry, identity, &parents[1]);
	}
	if (path) {
		v9fs_path_hold(path);
	} else if (unused) {
		path = unused;
		unused = NULL;
		v9fs_path_attach(path, v9fs_path_above(v9ses, dentry));
	}
	old = to_v9fs_dentry(dentry)->path;
	to_v9fs_dentry(dentry)->path = path;
	spin_unlock(&v9ses->path_lock);

	v9fs_path_put(v9ses, old);
	v9fs_path_put(v9ses, parents[0]);
	v9fs_path_put(v9ses, parents[1]);
	v9fs_path_free(unused);
	return path ? 0 : -ENOMEM;
}

/**
 * v9fs_path_forget - Forget a path that the server does not have anymore
 *
 * @dentry: Dentry with the name, whose directory is locked.
 *
 * What is created there next is another file, maybe with a recycled number.
 *
 * Context: Process context.
 */
void v9fs_path_forget(struct dentry *const dentry)
{
	struct v9fs_session_info *const v9ses = v9fs_dentry2v9ses(dentry);
	struct v9fs_path *path, *parent = NULL;

	if (!v9fs_has_paths(v9ses))
		return;

	spin_lock(&v9ses->path_lock);
	path = v9fs_path_find(v9fs_path_above(v9ses, dentry), &dentry->d_name);
	if (path)
		parent = __v9fs_path_detach(path);
	spin_unlock(&v9ses->path_lock);

	v9fs_path_put(v9ses, parent);
}

/**
 * v9fs_path_move - Make the path of a file follow a rename by this client
 *
 * @dentry: The dentry, already moved.  Its directories are locked.
 *
 * All paths below follow, at no cost.  The path of what was replaced, if any,
 * is detached.
 *
 * Context: Process context.
 */
void v9fs_path_move(struct dentry *const dentry)
{
	struct v9fs_session_info *const v9ses = v9fs_dentry2v9ses(dentry);
	struct v9fs_path *path, *above, *replaced, *parents[2] = {};

	if (!v9fs_has_paths(v9ses))
		return;

	spin_lock(&v9ses->path_lock);
	path = to_v9fs_dentry(dentry)->path;
	above = v9fs_path_above(v9ses, dentry);
	replaced = v9fs_path_find(above, &dentry->d_name);
	if (replaced)
		parents[0] = __v9fs_path_detach(replaced);

	/* The second name of a file has no path. */
	if (path) {
		parents[1] = __v9fs_path_detach(path);
		release_dentry_name_snapshot(&path->name);
		take_dentry_name_snapshot(&path->name, dentry);
		v9fs_path_attach(path, above);
	}
	spin_unlock(&v9ses->path_lock);

	v9fs_path_put(v9ses, parents[0]);
	v9fs_path_put(v9ses, parents[1]);
}
