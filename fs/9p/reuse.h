/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * V9FS reuse of inodes in uncached modes
 */

#ifndef FS_9P_REUSE_H
#define FS_9P_REUSE_H

#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/fs_identity.h>
#include <linux/types.h>
#include <net/9p/9p.h>

#include "v9fs.h"

/**
 * struct v9fs_reply - What the server just said of a file
 */
struct v9fs_reply {
	/**
	 * @identity: Identity of the file.
	 */
	struct fs_identity identity;
	/**
	 * @qid: The file's qid, whose path is the one of @identity.
	 */
	struct p9_qid qid;
	/**
	 * @rdev: The device that a device file stands for.
	 */
	dev_t rdev;
	/**
	 * @path: Path by which the file was reached, NULL if there is none or
	 * if the session has no paths.  Kept alive by the dentry.
	 */
	struct v9fs_path *path;
};

struct inode *v9fs_iget_uncached(struct super_block *sb,
				 struct v9fs_reply *reply,
				 enum v9fs_iget_mode mode,
				 struct dentry *dentry);
void v9fs_forget(struct dentry *dentry);
int v9fs_reuse_begin(struct inode *inode);
void v9fs_reuse_end(struct inode *inode);
int v9fs_update_begin(struct inode *inode, u64 size, unsigned int *flags);
void v9fs_update_end(struct inode *inode, unsigned int flags);
void v9fs_update_size(struct inode *inode, u64 size, unsigned int flags,
		      u64 clock);
void v9fs_note_change(struct inode *inode);
bool v9fs_note_written(struct inode *inode);
void v9fs_write_begin(struct inode *inode);
void v9fs_write_end(struct inode *inode);

/**
 * v9fs_clock - Get the time of a request, in changes by this client
 *
 * @v9ses: The session.
 *
 * To be called before the request is sent, see v9fs_is_outdated().
 *
 * Context: Any context.
 * Return: The number of changes so far.
 */
static inline u64 v9fs_clock(struct v9fs_session_info *const v9ses)
{
	return atomic64_read(&v9ses->changes);
}

/**
 * v9fs_is_outdated - Tell if a reply may be older than the inode
 *
 * @inode: The inode of the file.
 * @clock: What v9fs_clock() returned before the request was sent.
 *
 * Context: Any context.  @inode->i_lock must be held.
 * Return: True if this client changed the file since, other than by writing.
 */
static inline bool v9fs_is_outdated(struct inode *const inode, const u64 clock)
{
	lockdep_assert_held(&inode->i_lock);

	return V9FS_I(inode)->changed > clock;
}

/**
 * v9fs_never_reuse - Make sure that lookups do not find an inode anymore
 *
 * @inode: The inode.
 *
 * It stays hashed, because only then its dirty pages are written back.
 *
 * Context: Any context.
 */
static inline void v9fs_never_reuse(struct inode *const inode)
{
	WRITE_ONCE(V9FS_I(inode)->never_reuse, true);
}

#endif /* FS_9P_REUSE_H */
