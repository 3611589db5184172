// SPDX-License-Identifier: GPL-2.0-only
/*
 * V9FS reuse of inodes in uncached modes
 *
 * In these modes an inode lives as long as something uses it, be it without any
 * dentry: e.g. a mark of inotify or fanotify.  A lookup that leads to the same
 * file must then get the same inode, and bring it up to date with what the
 * server just said.
 *
 * Which file it is comes from the server, whose numbers may not be unique (e.g.
 * several filesystems in one export).  Hence, with inodeident=path, the path
 * must agree too.
 */

#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/err.h>
#include <linux/folio_batch.h>
#include <linux/fs.h>
#include <linux/fs_identity.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/netfs.h>
#include <linux/pagemap.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/stat.h>

#include "identity.h"
#include "path.h"
#include "reuse.h"
#include "v9fs.h"
#include "v9fs_vfs.h"

/*
 * Whether the server may mean the file of this inode.
 *
 * An inode without generation is not the file of a reply that has one, nor the
 * other way around: a server may be made to hide the generation (e.g. QEMU with
 * chmod 0111), which must not lend an identity to another file.
 */
static bool v9fs_is_replied(const struct inode *const inode,
			    const struct v9fs_reply *const reply)
{
	const struct v9fs_inode *const v9inode = V9FS_I(inode);
	struct fs_identity identity;

	v9fs_identify(inode, &identity);
	if (fs_identity_same(&identity, &reply->identity) != FS_ANSWER_YES)
		return false;

	/* The other bits of the type (e.g. append only) may change. */
	if ((v9inode->qid.type ^ reply->qid.type) & (P9_QTDIR | P9_QTSYMLINK))
		return false;

	if ((S_ISCHR(inode->i_mode) || S_ISBLK(inode->i_mode)) &&
	    inode->i_rdev != reply->rdev)
		return false;

	return READ_ONCE(v9inode->path) == reply->path;
}

/*
 * The callbacks are called with the lock of the inode hash table, hence neither
 * sleep nor allocate.  An inode that is being made (I_NEW) already has all that
 * is compared.
 */
static int v9fs_test_reuse(struct inode *const inode, void *const data)
{
	if (!v9fs_is_replied(inode, data) ||
	    READ_ONCE(V9FS_I(inode)->never_reuse))
		return 0;

	/*
	 * The dentry of a directory would be moved here, with all those below
	 * it and their fids, which may name other files by now.
	 */
	if (S_ISDIR(inode->i_mode) && !hlist_empty(&inode->i_dentry))
		return 0;

	/*
	 * Who opens a FIFO, or connects to a socket, gets to the inode whatever
	 * the server has there, and these are not pinned.
	 */
	if ((S_ISFIFO(inode->i_mode) || S_ISSOCK(inode->i_mode)) &&
	    !V9FS_I(inode)->has_generation && !V9FS_I(inode)->path)
		return 0;

	/*
	 * A removed directory, or an inode on its way out: do not wait for
	 * what the server may be told (e.g. late writes).
	 */
	return !IS_DEADDIR(inode) &&
	       !(inode_state_read_once(inode) & (I_FREEING | I_WILL_FREE));
}

/*
 * What looks like a file that was just created was one that is gone, and whose
 * number is recycled: makes sure that it is not found anymore.
 */
static int v9fs_test_new(struct inode *const inode, void *const data)
{
	if (v9fs_is_replied(inode, data))
		v9fs_never_reuse(inode);
	return 0;
}

static int v9fs_set_reuse(struct inode *const inode, void *const data)
{
	struct v9fs_inode *const v9inode = V9FS_I(inode);
	const struct v9fs_reply *const reply = data;

	v9inode->qid = reply->qid;
	v9inode->generation = reply->identity.generation;
	v9inode->has_generation = reply->identity.has_generation;
	v9inode->path = v9fs_path_hold(reply->path);
	/* Set again, with the other attributes, by v9fs_init_inode(). */
	inode->i_mode = reply->identity.type;
	inode->i_rdev = reply->rdev;
	return 0;
}

/**
 * v9fs_iget_uncached - Get the inode of a file
 *
 * @sb: The superblock, whose session reuses inodes.
 * @reply: What the server just said of this file.
 * @mode: %V9FS_IGET_REUSE, or %V9FS_IGET_NEW if the file was just created.
 * @dentry: The dentry that is about to become positive and whose directory is
 *          locked, NULL for the root.
 *
 * Context: Process context, may sleep but does not wait for the server.
 * Return: An inode, which is new if it has I_NEW, or -%ENOMEM.
 */
struct inode *v9fs_iget_uncached(struct super_block *const sb,
				 struct v9fs_reply *const reply,
				 const enum v9fs_iget_mode mode,
				 struct dentry *const dentry)
{
	struct inode *inode;
	int err;

	if (dentry) {
		err = v9fs_path_set(dentry, &reply->identity);
		if (err)
			return ERR_PTR(err);

		/* Only v9fs_path_set() for this dentry changes its path. */
		reply->path = to_v9fs_dentry(dentry)->path;
	}

	inode = iget5_locked(sb, QID2INO(&reply->qid),
			     mode == V9FS_IGET_REUSE ? v9fs_test_reuse :
						       v9fs_test_new,
			     v9fs_set_reuse, reply);
	return inode ?: ERR_PTR(-ENOMEM);
}

/**
 * v9fs_forget - Forget a file that this client removed
 *
 * @dentry: Its dentry, still positive, whose directory is locked.
 *
 * Context: Process context.
 */
void v9fs_forget(struct dentry *const dentry)
{
	struct inode *const inode = d_inode(dentry);

	v9fs_path_forget(dentry);
	v9fs_note_change(inode);
	if (S_ISDIR(inode->i_mode) || inode->i_nlink <= 1)
		v9fs_never_reuse(inode);
}

/* Whether there may be data that the server does not have yet. */
static bool v9fs_has_unwritten(struct inode *const inode)
{
	struct address_space *const mapping = inode->i_mapping;

	lockdep_assert_held(&inode->i_lock);

	return V9FS_I(inode)->writing ||
	       mapping_tagged(mapping, PAGECACHE_TAG_DIRTY) ||
	       mapping_tagged(mapping, PAGECACHE_TAG_WRITEBACK);
}

static int v9fs_drop_folio(struct address_space *const mapping,
			   struct folio *const folio)
{
	int err = folio_lock_killable(folio);

	if (err)
		return err;

	if (folio->mapping == mapping) {
		err = folio_wait_writeback_killable(folio);
		if (err)
			goto unlock;

		/* Nobody maps nor writes to what is locked. */
		unmap_mapping_pages(mapping, folio->index,
				    folio_nr_pages(folio), false);
		if (!folio_test_dirty(folio))
			generic_error_remove_folio(mapping, folio);
	}

unlock:
	folio_unlock(folio);
	return err;
}

/*
 * Drops all pages that are not dirty, as invalidate_inode_pages2() would do, whose
 * waits for the server cannot be killed.  Returns 0 or -EINTR.
 */
static int v9fs_drop_pages(struct address_space *const mapping)
{
	struct folio_batch batch;
	pgoff_t index = 0;
	unsigned int i;
	int err = 0;

	folio_batch_init(&batch);
	while (!err && filemap_get_folios(mapping, &index, -1, &batch)) {
		for (i = 0; !err && i < folio_batch_count(&batch); i++)
			err = v9fs_drop_folio(mapping, batch.folios[i]);
		folio_batch_release(&batch);
		cond_resched();
	}
	return err;
}

/**
 * v9fs_reuse_begin - Start to bring an inode up to date
 *
 * @inode: An inode that was found, not a new one.
 *
 * Drops the cached content, as if this inode were a new one.  What is dirty
 * stays, and is written as if this inode were not found.
 *
 * No page is read until v9fs_reuse_end(), to be called if this succeeds: one
 * that got its tail from the old size would hide what the file got there.
 * Readers may be waiting for the server, and pages may be on their way to it:
 * a killed task waits for neither.
 *
 * LOCKING
 *
 * The directory is locked by the lookup.  The inode's own lock is not taken: it
 * is held while data goes to the server.  The order is the usual one:
 * &inode.i_rwsem of the directory, &address_space.invalidate_lock, folio locks.
 *
 * Context: Process context, may sleep.
 * Return: 0 or -%EINTR.
 */
int v9fs_reuse_begin(struct inode *const inode)
{
	struct address_space *const mapping = inode->i_mapping;
	int err;

	if (!S_ISREG(inode->i_mode))
		return 0;

	err = down_write_killable(&mapping->invalidate_lock);
	if (err)
		return err;

	err = v9fs_drop_pages(mapping);
	if (err)
		up_write(&mapping->invalidate_lock);
	return err;
}

/**
 * v9fs_reuse_end - Finish to bring an inode up to date
 *
 * @inode: The inode given to v9fs_reuse_begin().
 *
 * Context: Process context.
 */
void v9fs_reuse_end(struct inode *const inode)
{
	if (S_ISREG(inode->i_mode))
		up_write(&inode->i_mapping->invalidate_lock);
}

/**
 * v9fs_update_begin - Start to update the attributes of an inode that is in use
 *
 * @inode: The inode of the file.
 * @size: Size of the file in the server's reply.
 * @flags: Where to store the flags to give to v9fs_stat2inode() and to
 *         v9fs_update_end().
 *
 * Drops the cached content if the server has another size: the page with the
 * end of the file has zeros in place of what it got, and those after the new
 * end must not come back.  With data that is yet to be written, keeps the size.
 *
 * Context: Process context, may sleep.
 * Return: 0 or -%EINTR.
 */
int v9fs_update_begin(struct inode *const inode, const u64 size,
		      unsigned int *const flags)
{
	*flags = 0;
	if (!v9fs_inode2v9ses(inode)->inodeident || !S_ISREG(inode->i_mode))
		return 0;

	spin_lock(&inode->i_lock);
	if (v9fs_has_unwritten(inode))
		*flags = V9FS_STAT2INODE_KEEP_ISIZE;
	else if (size != inode->i_size)
		*flags = V9FS_STAT2INODE_DROPPED;
	spin_unlock(&inode->i_lock);

	return *flags & V9FS_STAT2INODE_DROPPED ? v9fs_reuse_begin(inode) : 0;
}

/**
 * v9fs_update_end - Finish to update the attributes of an inode
 *
 * @inode: The inode given to v9fs_update_begin().
 * @flags: What v9fs_update_begin() stored.
 *
 * Context: Process context.
 */
void v9fs_update_end(struct inode *const inode, const unsigned int flags)
{
	if (flags & V9FS_STAT2INODE_DROPPED)
		v9fs_reuse_end(inode);
}

/**
 * v9fs_update_size - Bring the sizes of an inode up to date
 *
 * @inode: The inode.
 * @size: Size of the file in the server's reply.
 * @flags: %V9FS_STAT2INODE_KEEP_ISIZE, or 0.
 * @clock: What v9fs_clock() returned before the request was sent.
 *
 * In uncached modes, what this client is about to write must neither be cut nor
 * (with a larger size) be followed by zeros in place of what is on the server.
 * There may be data on the server up to @size: it must be asked for it rather
 * than take it as zeros.
 *
 * Context: Any context.  @inode->i_lock must be held.
 */
void v9fs_update_size(struct inode *const inode, const u64 size,
		      const unsigned int flags, const u64 clock)
{
	const struct netfs_inode *const ictx = netfs_inode(inode);

	lockdep_assert_held(&inode->i_lock);

	if (!v9fs_inode2v9ses(inode)->inodeident) {
		netfs_write_remote_i_size(inode, size);
		if (!(flags & V9FS_STAT2INODE_KEEP_ISIZE))
			i_size_write(inode, size);
	} else if ((flags & V9FS_STAT2INODE_KEEP_ISIZE) ||
		   V9FS_I(inode)->written > clock ||
		   v9fs_has_unwritten(inode)) {
		if (size > ictx->_remote_i_size)
			netfs_write_remote_i_size(inode, size);
		if (size > ictx->_zero_point)
			netfs_write_zero_point(inode, size);
	} else {
		netfs_write_sizes(inode, size, size, size);
	}
}

/**
 * v9fs_note_change - Note that this client changed a file
 *
 * @inode: The inode of the file.
 *
 * To be called once the server has the change, and before @inode gets it.  A
 * reply to an older request then does not undo it.
 *
 * Context: Any context.
 */
void v9fs_note_change(struct inode *const inode)
{
	struct v9fs_session_info *const v9ses = v9fs_inode2v9ses(inode);

	spin_lock(&inode->i_lock);
	if (v9ses->inodeident)
		V9FS_I(inode)->changed = atomic64_inc_return(&v9ses->changes);
	spin_unlock(&inode->i_lock);
}

/**
 * v9fs_note_written - Note that data of this client got to the server
 *
 * @inode: The inode of the file.
 *
 * The size in a reply to an older request is then not taken.
 *
 * Context: Any context.  @inode->i_lock must be held.
 * Return: True if the session reuses inodes.
 */
bool v9fs_note_written(struct inode *const inode)
{
	struct v9fs_session_info *const v9ses = v9fs_inode2v9ses(inode);

	lockdep_assert_held(&inode->i_lock);

	if (!v9ses->inodeident)
		return false;
	V9FS_I(inode)->written = atomic64_inc_return(&v9ses->changes);
	return true;
}

/**
 * v9fs_write_begin - Start to write to a file
 *
 * @inode: The inode of the file.
 *
 * The size may grow before a page is dirty: keeps it from being cut until
 * v9fs_write_end().
 *
 * Context: Any context.
 */
void v9fs_write_begin(struct inode *const inode)
{
	spin_lock(&inode->i_lock);
	V9FS_I(inode)->writing++;
	spin_unlock(&inode->i_lock);
}

/**
 * v9fs_write_end - Finish to write to a file
 *
 * @inode: The inode given to v9fs_write_begin().
 *
 * Context: Any context.
 */
void v9fs_write_end(struct inode *const inode)
{
	spin_lock(&inode->i_lock);
	V9FS_I(inode)->writing--;
	spin_unlock(&inode->i_lock);
}
