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
 * Renames hold act_sem for writing until the server replied.  Whoever makes or
 * removes a name, or sets a size, holds it for reading from the check of the fid
 * until the server replied.  As long as the path of the fid is the one of its
 * dentry, the lock of the inode keeps its last name where it is.  Otherwise (e.g. a
 * file that has no name anymore) nobody else must make or remove a name: act_sem is
 * held for writing.  All waits can be killed.
 *
 * A killed task releases its locks while the server may still do what it asked
 * for.  The next ones wait for that with act_sem held for writing, so that nothing
 * more is left meanwhile, and fail if the server does not answer, see
 * p9_client_wait_left().  It is no harm to whoever makes a name, or sets a size, if
 * others are made or removed (&p9_client.harms_left).
 *
 * act_sem is taken with inodes locked.  rename_sem nests inside it: renames hold both
 * for writing, whereas v9fs_fid_lookup() only takes the latter.
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
#include "fresh.h"
#include "identity.h"
#include "v9fs.h"
#include "v9fs_vfs.h"

/**
 * v9fs_rename_begin - Keep all changes by this client away, and fids as they are
 *
 * @v9ses: The session.
 *
 * Context: Process context, may sleep until the server answers or the caller is
 * killed.  On success act_sem and rename_sem are held for writing.
 * Return: 0, -EBUSY if the server does not answer to what a killed task asked for,
 * or -EINTR or -ERESTARTSYS if the caller is killed.
 */
int v9fs_rename_begin(struct v9fs_session_info *const v9ses)
{
	int err = down_write_killable(&v9ses->act_sem);

	if (err)
		return err;
	if (v9ses->inodeident)
		err = p9_client_wait_left(v9ses->clnt, &v9ses->clnt->acts_left);
	if (!err)
		err = down_write_killable(&v9ses->rename_sem);
	if (err)
		up_write(&v9ses->act_sem);
	return err;
}

/**
 * v9fs_rename_end - End what v9fs_rename_begin() began
 *
 * @v9ses: The session.
 *
 * Context: Process context.
 */
void v9fs_rename_end(struct v9fs_session_info *const v9ses)
{
	up_write(&v9ses->rename_sem);
	up_write(&v9ses->act_sem);
}

/* Waits for what is @left. */
static int v9fs_act_lock(struct v9fs_act *const act,
			 struct v9fs_session_info *const v9ses,
			 const bool is_exclusive, const atomic_t *const left)
{
	int err;

	*act = (struct v9fs_act){};
	if (!is_exclusive) {
		err = down_read_killable(&v9ses->act_sem);
		if (err)
			return err;
		if (!p9_client_is_left(v9ses->clnt, left)) {
			act->v9ses = v9ses;
			return 0;
		}
		up_read(&v9ses->act_sem);
	}

	err = down_write_killable(&v9ses->act_sem);
	if (err)
		return err;
	err = p9_client_wait_left(v9ses->clnt, left);
	if (err) {
		up_write(&v9ses->act_sem);
		return err;
	}
	act->v9ses = v9ses;
	act->is_exclusive = true;
	return 0;
}

/**
 * v9fs_act_end - End what v9fs_act_begin(), v9fs_remove_begin() or
 *		  v9fs_truncate_begin() began
 *
 * @act: What they began.
 *
 * Context: Process context.
 */
void v9fs_act_end(struct v9fs_act *const act)
{
	if (!act->v9ses)
		return;
	if (act->is_exclusive)
		up_write(&act->v9ses->act_sem);
	else
		up_read(&act->v9ses->act_sem);
	act->v9ses = NULL;
}

static int v9fs_make_sure(struct dentry *const dentry, struct p9_fid *const fid)
{
	if (v9fs_fid_is_sure(dentry, fid))
		return 0;
	return v9fs_ask_inode(v9fs_dentry2v9ses(dentry), fid, d_inode(dentry));
}

static int v9fs_act_start(struct v9fs_act *const act,
			  struct dentry *const dentry, struct p9_fid *const fid,
			  struct dentry *const other,
			  struct p9_fid *const other_fid,
			  const atomic_t *const left)
{
	struct v9fs_session_info *const v9ses = v9fs_dentry2v9ses(dentry);
	int err;

	err = v9fs_act_lock(act, v9ses, false, left);
	if (err || (v9fs_fid_is_sure(dentry, fid) &&
		    (!other || v9fs_fid_is_sure(other, other_fid))))
		return err;

	if (!act->is_exclusive) {
		v9fs_act_end(act);
		err = v9fs_act_lock(act, v9ses, true, left);
		if (err)
			return err;
	}
	err = v9fs_make_sure(dentry, fid);
	if (!err && other)
		err = v9fs_make_sure(other, other_fid);
	if (err)
		v9fs_act_end(act);
	return err;
}

/**
 * v9fs_act_begin - Keep renames away from what a fid leads to
 *
 * @act: Set, for v9fs_act_end().
 * @dentry: The dentry that has @fid.
 * @fid: What v9fs_fid_lookup() returned for @dentry.
 * @other: Another dentry, or NULL.
 * @other_fid: What v9fs_fid_lookup() returned for @other.
 *
 * Context: Process context, may sleep until the server answers or the caller is
 * killed.  On success act_sem is held, unless the session has a cached mode.
 * Return: 0, -ESTALE if a fid leads to another file or to nothing, the error of a
 * server that does not tell, -EBUSY if it does not answer to what a killed task
 * asked for, or -EINTR or -ERESTARTSYS.
 */
int v9fs_act_begin(struct v9fs_act *const act, struct dentry *const dentry,
		   struct p9_fid *const fid, struct dentry *const other,
		   struct p9_fid *const other_fid)
{
	struct v9fs_session_info *const v9ses = v9fs_dentry2v9ses(dentry);

	*act = (struct v9fs_act){};
	if (!v9ses->inodeident)
		return 0;

	return v9fs_act_start(act, dentry, fid, other, other_fid,
			      &v9ses->clnt->harms_left);
}

/**
 * v9fs_remove_begin - Same as v9fs_act_begin(), to remove a name
 *
 * @act: Set, for v9fs_act_end().
 * @dir: The dentry of the directory.
 * @dfid: What v9fs_fid_lookup() returned for @dir.
 *
 * What a killed task asked for must not be done to what gets the name next.  The
 * lock of the inode that has the name makes sure that it was left before.
 *
 * Context: As v9fs_act_begin().
 * Return: As v9fs_act_begin().
 */
int v9fs_remove_begin(struct v9fs_act *const act, struct dentry *const dir,
		      struct p9_fid *const dfid)
{
	struct v9fs_session_info *const v9ses = v9fs_dentry2v9ses(dir);

	*act = (struct v9fs_act){};
	if (!v9ses->inodeident)
		return 0;

	return v9fs_act_start(act, dir, dfid, NULL, NULL,
			      &v9ses->clnt->acts_left);
}

/**
 * v9fs_act_absent - Make sure that the new name of a file replaces no other one
 *
 * @dentry: A negative dentry, its directory is locked.
 * @dfid: A fid of this directory.
 *
 * Whether a file may be replaced was judged before.
 *
 * Context: Process context with act_sem held, may sleep until the server
 * answers or the caller is killed.
 * Return: 0 if there was nothing less than the freshness bound ago, -ESTALE if
 * there is something, for which @dentry is no hindrance anymore, or the error of
 * a server that does not tell.
 */
int v9fs_act_absent(struct dentry *const dentry, struct p9_fid *const dfid)
{
	const unsigned char *const name = dentry->d_name.name;
	struct p9_fid *fid;

	if (v9fs_is_fresh(v9fs_dentry2v9ses(dentry),
			  to_v9fs_dentry(dentry)->absent_time))
		return 0;

	fid = p9_client_walk(dfid, 1, &name, 1);
	if (fid == ERR_PTR(-ENOENT))
		return 0;
	if (IS_ERR(fid))
		return PTR_ERR(fid);
	p9_fid_put_nowait(fid);
	d_drop(dentry);
	return -ESTALE;
}

/*
 * What would a request on an open fid act on?  A clone of it tells.
 *
 * Returns 0 if this is the file of @inode, -ESTALE if it is another one, -ENOENT
 * if it is nothing, or another error if that is not known.
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
		return err == -ESTALE || err == -ENOTDIR ? -ENOENT : err;
	return v9fs_is_file(&qid, generation, inode) ? 0 : -ESTALE;
}

/* Is the fid of the name known to lead to the file? */
static bool v9fs_is_named_fresh(struct dentry *const dentry)
{
	const struct v9fs_moment now = v9fs_now(v9fs_dentry2v9ses(dentry));
	bool is_fresh;

	spin_lock(&dentry->d_lock);
	is_fresh = v9fs_is_self_fresh(dentry, &now);
	spin_unlock(&dentry->d_lock);
	return is_fresh;
}

/* Same as v9fs_truncate_begin(), for an open fid. */
static int v9fs_truncate_open(struct v9fs_act *const act,
			      struct dentry *const dentry,
			      struct p9_fid **const fid)
{
	struct v9fs_session_info *const v9ses = v9fs_dentry2v9ses(dentry);
	const struct inode *const inode = d_inode(dentry);
	struct p9_fid *const open = *fid;
	bool is_named = !d_unhashed(dentry);
	struct p9_fid *named;
	int err;

	while (true) {
		/* It may have been opened by another name. */
		err = v9fs_act_lock(act, v9ses,
				    !is_named ||
					    !v9fs_fid_follows(dentry, open),
				    is_named ? &v9ses->clnt->harms_left :
					       &v9ses->clnt->acts_left);
		if (err)
			return err;
		/* A rename may have come before. */
		if (!act->is_exclusive && !v9fs_fid_follows(dentry, open)) {
			v9fs_act_end(act);
			continue;
		}
		if (!act->is_exclusive && v9fs_is_named_fresh(dentry))
			break;
		err = v9fs_ask_open(v9ses, open, inode);
		/*
		 * It has no name.  A server that goes by names fails as long as
		 * nobody makes the one under which this was opened, others have
		 * the file.
		 */
		if (err == -ENOENT && !is_named)
			err = 0;
		if (!err)
			break;
		v9fs_act_end(act);
		if (err == -EINTR || !is_named)
			return err;

		/* It may have another name, as it was renamed. */
		named = v9fs_fid_lookup_named(dentry);
		if (!IS_ERR(named)) {
			*fid = named;
			err = v9fs_act_lock(act, v9ses, true,
					    &v9ses->clnt->harms_left);
			if (!err)
				err = v9fs_ask_inode(v9ses, named, inode);
			if (err) {
				v9fs_act_end(act);
				p9_fid_put(named);
			}
			return err;
		}
		if (fatal_signal_pending(current))
			return -EINTR;
		if (err != -ENOENT)
			return err;
		is_named = false;
	}
	*fid = p9_fid_get(open);
	return 0;
}

/**
 * v9fs_truncate_begin - Get a fid to set the size of a file
 *
 * @act: Set, for v9fs_act_end().
 * @dentry: The dentry of the file.
 * @fid: The fid of the open file, or what v9fs_fid_lookup_named() returned for
 *	 @dentry; set to a referenced fid on success.
 * @is_open: Whether @fid is the one of the open file.
 *
 * Many servers truncate what has the name under which the fid was opened, which
 * may be another file by now, be it the one that this client renamed over it.
 *
 * Context: Process context, with the inode locked, may sleep until the server
 * answers or the caller is killed.  Locks as v9fs_act_begin().
 * Return: As v9fs_act_begin().
 */
int v9fs_truncate_begin(struct v9fs_act *const act, struct dentry *const dentry,
			struct p9_fid **const fid, const bool is_open)
{
	struct v9fs_session_info *const v9ses = v9fs_dentry2v9ses(dentry);
	int err;

	if (is_open && v9ses->inodeident)
		return v9fs_truncate_open(act, dentry, fid);

	err = v9fs_act_begin(act, dentry, *fid, NULL, NULL);
	/* Writing back what is dirty may have taken long. */
	if (!err && v9ses->inodeident && !v9fs_is_named_fresh(dentry)) {
		err = v9fs_ask_inode(v9ses, *fid, d_inode(dentry));
		if (err)
			v9fs_act_end(act);
	}
	if (!err)
		p9_fid_get(*fid);
	return err;
}
