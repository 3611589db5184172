// SPDX-License-Identifier: GPL-2.0-only
/*
 * V9FS: fids that change something
 *
 * The reply to Tlopen has the qid of what was opened.  Other requests do not tell
 * what they changed.  For many servers a fid is a path: what has this path must
 * not be exchanged by this client after the fid was found to lead to its file,
 * and before the server is done.
 *
 * LOCKING
 *
 * Renames hold rename_sem for writing until the server replied.  Whoever makes or
 * removes a name, or sets a size, holds it for reading from the check of the fid
 * until the server replied.  To set the size of a file that has no name it is
 * held for writing: nobody makes a name meanwhile.  All waits are killable.
 * rename_sem is taken with inodes locked; nothing is locked below it, and
 * v9fs_fid_lookup() takes it itself.
 */

#include <linux/err.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/rwsem.h>
#include <linux/sched/signal.h>
#include <net/9p/9p.h>
#include <net/9p/client.h>

#include "acting.h"
#include "beneath.h"
#include "fid.h"
#include "identity.h"
#include "v9fs.h"
#include "v9fs_vfs.h"

/**
 * v9fs_act_check - Make sure of another fid between begin and end
 *
 * @dentry: The dentry that has @fid.
 * @fid: The fid.
 *
 * Context: Process context, between v9fs_act_begin() and v9fs_act_end().
 * Return: As v9fs_act_begin().
 */
int v9fs_act_check(struct dentry *const dentry, struct p9_fid *const fid)
{
	struct v9fs_session_info *const v9ses = v9fs_dentry2v9ses(dentry);

	if (v9fs_fid_is_sure(dentry, fid))
		return 0;
	return v9fs_ask_inode(v9ses, fid, d_inode(dentry));
}

/**
 * v9fs_act_begin - Keep renames away from what a fid leads to
 *
 * @dentry: The dentry that has @fid.
 * @fid: What v9fs_fid_lookup() returned for @dentry.
 *
 * On success, to be ended with v9fs_act_end().  No v9fs_fid_lookup() in between.
 *
 * Context: Process context, may sleep until the server answers or the caller is
 * killed.  Takes rename_sem for reading.
 * Return: 0, -ESTALE if @fid leads to another file or to nothing, the error of a
 * server that does not tell, or -EINTR.
 */
int v9fs_act_begin(struct dentry *const dentry, struct p9_fid *const fid)
{
	struct v9fs_session_info *const v9ses = v9fs_dentry2v9ses(dentry);
	int err;

	if (!v9ses->inodeident)
		return 0;
	err = down_read_killable(&v9ses->rename_sem);
	if (err)
		return err;
	err = v9fs_act_check(dentry, fid);
	if (err)
		up_read(&v9ses->rename_sem);
	return err;
}

/**
 * v9fs_act_end - End what v9fs_act_begin() began
 *
 * @v9ses: The session.
 *
 * Context: Process context.
 */
void v9fs_act_end(struct v9fs_session_info *const v9ses)
{
	if (v9ses->inodeident)
		up_read(&v9ses->rename_sem);
}

/*
 * What would a request on an open fid act on?  A clone of it tells.
 *
 * Returns 0 if this is the file of @inode, -ESTALE if it is another one, -ENOENT
 * if it is nothing, or what a server says that does not clone open fids.
 */
static int v9fs_ask_open(struct v9fs_session_info *const v9ses,
			 struct p9_fid *const open,
			 const struct inode *const inode)
{
	struct p9_fid *const fid = clone_fid(open);
	u64 generation = 0;
	struct p9_qid qid;
	int err;

	if (IS_ERR(fid)) {
		err = PTR_ERR(fid);
	} else {
		err = v9fs_ask(v9ses, fid, &qid, &generation);
		p9_fid_put_nowait(fid);
	}
	if (fatal_signal_pending(current))
		return -EINTR;
	if (err)
		return err == -ESTALE ? -ENOENT : err;
	return v9fs_is_file(&qid, generation, inode) ? 0 : -ESTALE;
}

/* Same as v9fs_truncate_begin(), for an open fid. */
static int v9fs_truncate_open(struct dentry *const dentry,
			      struct p9_fid **const fid,
			      bool *const is_nameless)
{
	struct v9fs_session_info *const v9ses = v9fs_dentry2v9ses(dentry);
	struct inode *const inode = d_inode(dentry);
	struct p9_fid *const open = *fid;
	struct p9_fid *named;
	int err, named_err;

	err = down_read_killable(&v9ses->rename_sem);
	if (err)
		return err;
	err = v9fs_ask_open(v9ses, open, inode);
	if (!err)
		goto use_open;
	up_read(&v9ses->rename_sem);
	if (err == -EINTR)
		return err;

	/* It may have another name, as it was renamed. */
	named = v9fs_fid_lookup_named(dentry);
	if (!IS_ERR(named)) {
		named_err = down_read_killable(&v9ses->rename_sem);
		if (!named_err) {
			named_err = v9fs_ask_inode(v9ses, named, inode);
			if (named_err)
				up_read(&v9ses->rename_sem);
		}
		if (named_err) {
			p9_fid_put(named);
			return named_err == -EINTR ? -EINTR : -ESTALE;
		}
		if (err != -ESTALE && err != -ENOENT) {
			p9_fid_put(named);
			goto use_open;
		}
		*fid = named;
		return 0;
	}
	if (fatal_signal_pending(current))
		return -EINTR;
	if (err == -ESTALE)
		return -ESTALE;

	/*
	 * It has no name.  A server that goes by names fails as long as nobody
	 * makes the one under which this was opened, others have the file.
	 */
	err = down_write_killable(&v9ses->rename_sem);
	if (err)
		return err;
	err = v9fs_ask_open(v9ses, open, inode);
	if (err == -ESTALE || err == -EINTR ||
	    (err && atomic_read_acquire(&v9ses->clnt->names_left))) {
		up_write(&v9ses->rename_sem);
		return err == -EINTR ? -EINTR : -ESTALE;
	}
	*is_nameless = true;

use_open:
	*fid = p9_fid_get(open);
	return 0;
}

/**
 * v9fs_truncate_begin - Get a fid to set the size of a file
 *
 * @dentry: The dentry of the file.
 * @fid: The fid of the open file, or what v9fs_fid_lookup_named() returned for
 *	 @dentry; set to a referenced fid on success.
 * @is_open: Whether @fid is the one of the open file.
 * @is_nameless: Set, for v9fs_truncate_end().
 *
 * Many servers truncate what has the name under which the fid was opened, which
 * may be another file by now, be it the one that this client renamed over it.
 *
 * Context: Process context, with the inode locked, may sleep until the server
 * answers or the caller is killed.  Takes rename_sem.
 * Return: As v9fs_act_begin().
 */
int v9fs_truncate_begin(struct dentry *const dentry, struct p9_fid **const fid,
			const bool is_open, bool *const is_nameless)
{
	int err;

	*is_nameless = false;
	if (is_open && v9fs_dentry2v9ses(dentry)->inodeident)
		return v9fs_truncate_open(dentry, fid, is_nameless);

	err = v9fs_act_begin(dentry, *fid);
	if (!err)
		p9_fid_get(*fid);
	return err;
}

/**
 * v9fs_truncate_end - End what v9fs_truncate_begin() began
 *
 * @v9ses: The session.
 * @is_nameless: What v9fs_truncate_begin() set.
 *
 * Context: Process context.
 */
void v9fs_truncate_end(struct v9fs_session_info *const v9ses,
		       const bool is_nameless)
{
	if (is_nameless)
		up_write(&v9ses->rename_sem);
	else
		v9fs_act_end(v9ses);
}
