// SPDX-License-Identifier: GPL-2.0-only
/*
 * V9FS: what the server confirmed
 */

#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/rculist.h>
#include <linux/spinlock.h>
#include <net/9p/9p.h>
#include <net/9p/client.h>

#include "fid.h"
#include "fresh.h"
#include "v9fs.h"
#include "v9fs_vfs.h"

/**
 * v9fs_now - Get what makes answers fresh now
 *
 * @v9ses: The session.
 *
 * Context: Process context, as it is for the current user.
 * Return: The moment.
 */
struct v9fs_moment v9fs_now(const struct v9fs_session_info *const v9ses)
{
	return (struct v9fs_moment){
		/* What was never asked is not. */
		.since = max(v9fs_fresh_since(v9ses), 0),
		.uid = current_fsuid(),
		.renames = v9fs_follow(v9ses),
	};
}

/**
 * v9fs_fid_follows - Tell if a fid leads to its file, for what this client does
 *
 * @dentry: The dentry that has the fid.
 * @fid: The fid.
 *
 * Context: Any context.
 * Return: False if this client renamed, or may still rename, a directory since the
 * fid was made by its name, which may have left it behind, true otherwise.  That
 * it leads to its file, by whatever path, does not make it follow.
 */
bool v9fs_fid_follows(const struct dentry *const dentry,
		      const struct p9_fid *const fid)
{
	return v9fs_follows_at(dentry, fid,
			       v9fs_follow(v9fs_dentry2v9ses(dentry)));
}

/**
 * v9fs_listed_fid - Find a fid of a dentry
 *
 * @dentry: The dentry.
 * @uid: The user.
 *
 * Context: Any context, with dentry->d_lock held.
 * Return: The fid of @uid if there is one, of another user otherwise, without a
 * reference, or NULL if there is none.
 */
struct p9_fid *v9fs_listed_fid(const struct dentry *const dentry,
			       const kuid_t uid)
{
	struct p9_fid *fid, *found = NULL;

	lockdep_assert_held(&dentry->d_lock);
	hlist_for_each_entry(fid, &to_v9fs_dentry(dentry)->head, dlist) {
		if (uid_eq(fid->uid, uid))
			return fid;
		if (!found)
			found = fid;
	}
	return found;
}

/**
 * v9fs_self_confirm - Note that a fid leads to the file of its dentry
 *
 * @v9dentry: Of the dentry, whose d_lock is held.
 * @fid: The fid.
 * @time: v9fs_time() before the request.
 *
 * Context: Any context.
 */
void v9fs_self_confirm(struct v9fs_dentry *const v9dentry,
		       const struct p9_fid *const fid, const u64 time)
{
	v9dentry->self_time = time;
	v9dentry->self_renames = READ_ONCE(fid->renames);
}

/**
 * v9fs_link_confirm - Note that the server has a file where a dentry is
 *
 * @dentry: A positive dentry that just got its first fid and its name, from a
 *	    reply of the server.  Its directory is locked, or it is the root.
 * @time: v9fs_time() before the request.
 *
 * Context: Any context.
 */
void v9fs_link_confirm(struct dentry *const dentry, const u64 time)
{
	struct v9fs_dentry *const v9dentry = to_v9fs_dentry(dentry);
	const struct p9_fid *fid;

	spin_lock(&dentry->d_lock);
	fid = v9fs_listed_fid(dentry, current_fsuid());
	/* Otherwise, the walk may have been from what took the directory's place. */
	if (fid && v9fs_fid_follows(dentry, fid)) {
		v9dentry->link_time = time;
		v9dentry->link_seq = raw_read_seqcount(&dentry->d_seq);
		v9fs_self_confirm(v9dentry, fid, time);
		v9dentry->file_time = time;
	}
	spin_unlock(&dentry->d_lock);
}

/**
 * v9fs_link_moved - Note that this client moved a file
 *
 * @dentry: The dentry, already moved.  Its directories are locked.
 *
 * The server may have moved another file, which had the name by then: nothing is
 * confirmed, and not all fids of the dentry may have followed.
 *
 * Context: Any context.
 */
void v9fs_link_moved(struct dentry *const dentry)
{
	struct v9fs_dentry *const v9dentry = to_v9fs_dentry(dentry);
	struct inode *const inode = d_inode(dentry);
	struct p9_fid *fid;

	spin_lock(&dentry->d_lock);
	v9dentry->link_time = 0;
	v9dentry->self_time = 0;
	v9dentry->fsid_time = 0;
	v9dentry->file_time = 0;
	hlist_for_each_entry(fid, &v9dentry->head, dlist)
		WRITE_ONCE(fid->renames, 0);
	spin_unlock(&dentry->d_lock);

	/* Those that are open may stay with the old name. */
	spin_lock(&inode->i_lock);
	hlist_for_each_entry(fid, (struct hlist_head *)&inode->i_private, ilist)
		WRITE_ONCE(fid->renames, 0);
	spin_unlock(&inode->i_lock);
}
