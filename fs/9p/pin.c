// SPDX-License-Identifier: GPL-2.0-only
/*
 * V9FS pins: private open fids that keep files from being forgotten
 *
 * Only an open fid makes common servers hold a descriptor, hence keeps the
 * number of a file from being given to another one.  A pin's fid is on the list
 * of no inode and of no dentry: it is used for nothing else, and does not
 * depend on what happens to them.
 *
 * With a generation, a file is known whatever happens to its pin.  Without, the
 * pin must answer for its file: a server may have closed it.
 */

#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/container_of.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/fs_identity.h>
#include <linux/mnt_idmapping.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/stat.h>
#include <net/9p/9p.h>
#include <net/9p/client.h>

#include "beneath.h"
#include "fid.h"
#include "identity.h"
#include "path.h"
#include "reuse.h"
#include "v9fs.h"
#include "v9fs_vfs.h"

struct v9fs_pin {
	struct fs_pin pin;
	/* Outlives the pin. */
	struct v9fs_session_info *v9ses;
	/* Owned by the pin. */
	struct p9_fid *fid;
	/*
	 * Path by which the file was reached, NULL if it is unknown or without
	 * fsid.  Owned by the pin.
	 */
	struct v9fs_path *path;
	/* Filesystem on the server, 0 if there is a generation or no answer. */
	u64 fsid;
	/* When the server was last asked if it holds the file. */
	atomic64_t held;
};

/*
 * A name may lead to another file than the one that was looked up, possibly of
 * a type that must not be opened: never wait for it (FIFO) nor follow it.
 *
 * QEMU closes descriptors of open fids when it is short of them, except for
 * files opened with O_EXCL.
 */
static u32 v9fs_pin_flags(const struct inode *const inode,
			  struct v9fs_session_info *const v9ses)
{
	if (!v9fs_proto_dotl(v9ses))
		return P9_OREAD;
	return P9_DOTL_RDONLY | P9_DOTL_NONBLOCK | P9_DOTL_NOFOLLOW |
	       (S_ISDIR(inode->i_mode) ? P9_DOTL_DIRECTORY : P9_DOTL_EXCL);
}

/*
 * Makes sure that only errors documented for &fs_identity_operations.pin are
 * returned, whatever the server says.
 */
static int v9fs_pin_error(const int err)
{
	switch (err) {
	case -ENOMEM:
		return err;
	case -ERESTARTSYS:
		/* A server may send any number. */
		return fatal_signal_pending(current) ? -EINTR : -EIO;
	case -EACCES:
	case -EPERM:
	/* The file is leased on the server. */
	case -EAGAIN:
	/* Not all servers may like these flags. */
	case -EEXIST:
	case -EINVAL:
	case -ENOSYS:
	case -EOPNOTSUPP:
		return -EOPNOTSUPP;
	case -EMFILE:
	case -ENFILE:
		return -ENFILE;
	case -ENOENT:
	case -ESTALE:
	/* What these flags get when the type is not the expected one. */
	case -ELOOP:
	case -ENOTDIR:
	case -ENXIO:
		return -ESTALE;
	default:
		return -EIO;
	}
}

/* Whether an error is the client's rather than the server's answer. */
static bool v9fs_no_answer(const struct v9fs_session_info *const v9ses,
			   const int err)
{
	return err == -ENOMEM || fatal_signal_pending(current) ||
	       READ_ONCE(v9ses->clnt->status) != Connected;
}

/* Some servers, and the older protocols, give no fsid. */
static int v9fs_ask_fsid(struct v9fs_session_info *const v9ses,
			 struct p9_fid *const fid, u64 *const fsid)
{
	struct p9_rstatfs statfs;
	int err;

	*fsid = 0;
	if (!v9fs_proto_dotl(v9ses))
		return 0;
	err = p9_client_statfs(fid, &statfs);
	switch (err) {
	case 0:
		*fsid = statfs.fsid;
		return 0;
	case -ENOSYS:
	case -EOPNOTSUPP:
	case -EPERM:
		return 0;
	default:
		return err;
	}
}

/*
 * The caller may go on with the inode itself.  Without pin nor generation,
 * nothing tells a later file with the same number apart: makes sure that it
 * never gets this inode.
 */
static struct fs_pin *v9fs_not_pinned(struct inode *const inode, int err)
{
	err = v9fs_pin_error(err);
	if (err == -EOPNOTSUPP && !V9FS_I(inode)->has_generation)
		v9fs_never_reuse(inode);
	return ERR_PTR(err);
}

/**
 * v9fs_pin - Pin a file with an open fid
 *
 * @dentry: The file.
 *
 * Sends Twalk, Tstatfs if the file has no generation or Tgetattr if it has one
 * that is not fresh, and Tlopen (or Topen), and what it takes to get a first fid
 * of the caller for @dentry if there is none.
 *
 * Context: Process context, may sleep until the server answers or the caller
 * is killed.  No lock must be held.
 * Return: See &fs_identity_operations.pin.
 */
static struct fs_pin *v9fs_pin(struct dentry *const dentry)
{
	struct v9fs_session_info *const v9ses = v9fs_dentry2v9ses(dentry);
	struct inode *const inode = d_inode(dentry);
	struct v9fs_pin *pin;
	struct p9_fid *fid;
	u64 time;
	int err;

	might_sleep();

	/* Opening any other type has side effects on the server. */
	if (!S_ISDIR(inode->i_mode) && !S_ISREG(inode->i_mode))
		return v9fs_not_pinned(inode, -EOPNOTSUPP);

	/* The pin would be the only handle that such a file may have. */
	if (V9FS_I(inode)->qid.type & P9_QTEXCL)
		return v9fs_not_pinned(inode, -EOPNOTSUPP);

	/* The server may run with more rights than the caller. */
	err = inode_permission(&nop_mnt_idmap, inode, MAY_READ);
	if (err)
		return v9fs_not_pinned(inode, err);

	err = p9_client_throttle(v9ses->clnt);
	if (err)
		return v9fs_not_pinned(inode, err);

	pin = kzalloc_obj(*pin, GFP_KERNEL_ACCOUNT);
	if (!pin)
		return ERR_PTR(-ENOMEM);

	fid = v9fs_fid_clone(dentry);
	if (IS_ERR(fid)) {
		err = PTR_ERR(fid);
		goto free_pin;
	}

	/* The reply to Tlopen does not have the generation. */
	if (V9FS_I(inode)->has_generation && v9ses->inodeident &&
	    !v9fs_is_beneath_fresh(dentry, dentry)) {
		err = v9fs_ask_inode(v9ses, fid, inode);
		if (err)
			goto put_fid;
	}

	/*
	 * Many servers answer for what has the name: asks before Tlopen, whose reply
	 * tells if that is the file.
	 */
	v9fs_identify(inode, &pin->pin.identity);
	if (!pin->pin.identity.has_generation && v9ses->inodeident) {
		err = v9fs_ask_fsid(v9ses, fid, &pin->fsid);
		if (err)
			goto put_fid;
	}

	time = v9fs_time();
	err = p9_client_open_flags(fid, P9_OREAD, v9fs_pin_flags(inode, v9ses));
	if (err)
		goto put_fid;

	if (!v9fs_qid_is(&fid->qid, inode)) {
		err = -ESTALE;
		goto put_fid;
	}

	atomic64_set(&pin->held, time);
	pin->v9ses = v9ses;
	if (pin->fsid)
		pin->path = v9fs_path_get(dentry);
	pin->fid = fid;
	return &pin->pin;

put_fid:
	p9_fid_put_nowait(fid);
free_pin:
	kfree(pin);
	return v9fs_not_pinned(inode, err);
}

/**
 * v9fs_unpin - Release a pin
 *
 * @pin: The pin, which is freed.
 *
 * Context: Process context, may be called with spinlocks held.  Only queues a
 * Tclunk to the session, which must still be there but may not have any dentry
 * nor inode anymore.
 */
static void v9fs_unpin(struct fs_pin *const pin)
{
	struct v9fs_pin *const v9pin = container_of(pin, struct v9fs_pin, pin);

	p9_fid_put_nowait(v9pin->fid);
	v9fs_path_put(v9pin->v9ses, v9pin->path);
	kfree(v9pin);
}

/*
 * Does the server still hold the file, i.e. its number?
 *
 * If it does not have the file anymore, then what it may open instead, later, is
 * another one.  Other errors may pass, e.g. if it is short of descriptors: they
 * must not take away a rule for good.
 */
static enum fs_answer v9fs_is_held(struct v9fs_session_info *const v9ses,
				   struct v9fs_pin *const v9pin,
				   const struct inode *const inode)
{
	const u64 time = v9fs_time();
	struct p9_qid qid;
	u64 generation;
	int err;

	if (v9fs_is_fresh(v9ses, atomic64_read(&v9pin->held)))
		return FS_ANSWER_YES;

	err = v9fs_ask(v9ses, v9pin->fid, &qid, &generation);
	if (v9fs_no_answer(v9ses, err))
		return FS_ANSWER_UNKNOWN;
	switch (err) {
	case 0:
		break;
	case -EBADF:
	case -ENOENT:
	case -ESTALE:
		return FS_ANSWER_LOST;
	default:
		return FS_ANSWER_UNKNOWN;
	}
	if (!v9fs_qid_is(&qid, inode))
		return FS_ANSWER_LOST;
	atomic64_set(&v9pin->held, time);
	return FS_ANSWER_YES;
}

/*
 * For many servers, what was asked of a fid is the answer of what has its name by
 * then: was the latter seen to be the file after that?
 */
static bool v9fs_is_asked_since(struct dentry *const dentry,
				struct p9_fid *const fid, const u64 time)
{
	bool is_asked;

	spin_lock(&dentry->d_lock);
	is_asked = to_v9fs_dentry(dentry)->self_time >= time;
	spin_unlock(&dentry->d_lock);
	return is_asked && v9fs_fid_follows(dentry, fid);
}

/*
 * Several filesystems of a server may have files with the same number: their
 * qids do not tell when the server has one in the place of the other.  If the
 * server just confirmed that this is the place of the pin, it would take a mount on
 * the server.
 */
static enum fs_answer v9fs_same_fs(struct v9fs_session_info *const v9ses,
				   const struct v9fs_pin *const v9pin,
				   struct dentry *const dentry)
{
	struct inode *const inode = d_inode(dentry);
	struct v9fs_dentry *const v9dentry = to_v9fs_dentry(dentry);
	enum fs_answer answer;
	struct p9_fid *fid;
	u64 fsid, time, answered;
	int err;

	if (!v9pin->fsid ||
	    (v9fs_path_is(dentry, v9pin->path) &&
	     v9fs_is_beneath_fresh(dentry->d_sb->s_root, dentry)))
		return FS_ANSWER_YES;

	spin_lock(&dentry->d_lock);
	time = v9dentry->fsid_time;
	fsid = v9dentry->fsid;
	spin_unlock(&dentry->d_lock);
	if (!v9fs_is_fresh(v9ses, time)) {
		fid = v9fs_asked_fid(dentry);
		/* What has no name anymore only has open fids. */
		if (!fid && d_unhashed(dentry))
			fid = v9fs_nameless_fid(inode);
		if (!fid)
			return FS_ANSWER_UNKNOWN;
		time = v9fs_time();
		err = v9fs_ask_fsid(v9ses, fid, &fsid);
		answered = v9fs_time();
		/* Was it asked of this file?  It gave one for the pin. */
		answer = err || !fsid ? FS_ANSWER_UNKNOWN :
					v9fs_beneath(dentry, dentry, false);
		if (answer == FS_ANSWER_YES && !d_unhashed(dentry) &&
		    !v9fs_is_asked_since(dentry, fid, answered) &&
		    v9fs_ask_inode(v9ses, fid, inode))
			answer = FS_ANSWER_UNKNOWN;
		p9_fid_put(fid);
		/* It may be refused for what cannot be read (QEMU). */
		if ((err || !fsid) && v9fs_path_is(dentry, v9pin->path) &&
		    v9fs_beneath(dentry->d_sb->s_root, dentry, true) ==
			    FS_ANSWER_YES)
			return FS_ANSWER_YES;
		if (answer != FS_ANSWER_YES)
			return answer;
		spin_lock(&dentry->d_lock);
		v9dentry->fsid = fsid;
		v9dentry->fsid_time = time;
		spin_unlock(&dentry->d_lock);
	}
	return fsid == v9pin->fsid ? FS_ANSWER_YES : FS_ANSWER_NO;
}

/**
 * v9fs_same - Tell if a dentry's file is the one held by a pin
 *
 * @pin: The pin.
 * @dentry: A positive dentry.
 *
 * Sends nothing if the file has a generation or in cached modes.  Otherwise,
 * sends Tgetattr (or Tstat) on the pin once in the freshness bound, and Tstatfs
 * as often if the file was reached by another path than the pin's, or by names
 * that are not fresh.
 *
 * Context: Process context, may sleep until the server answers or the caller is
 * killed.
 * Return: See &fs_identity_operations.same.
 */
static enum fs_answer v9fs_same(struct fs_pin *const pin,
				struct dentry *const dentry)
{
	struct v9fs_pin *const v9pin = container_of(pin, struct v9fs_pin, pin);
	struct v9fs_session_info *const v9ses = v9pin->v9ses;
	struct fs_identity identity;
	enum fs_answer answer;

	might_sleep();

	v9fs_identify(d_inode(dentry), &identity);
	answer = fs_identity_same(&pin->identity, &identity);
	if (answer != FS_ANSWER_YES || identity.has_generation ||
	    v9ses->inodeident == V9FS_IDENT_NONE)
		return answer;

	answer = v9fs_is_held(v9ses, v9pin, d_inode(dentry));
	if (answer != FS_ANSWER_YES)
		return answer;
	return v9fs_same_fs(v9ses, v9pin, dentry);
}

const struct fs_identity_operations v9fs_identity_ops = {
	.identify = v9fs_identify,
	.memo_offs = (int)offsetof(struct v9fs_inode, memo) -
		     (int)offsetof(struct v9fs_inode, netfs.inode),
	.pin = v9fs_pin,
	.unpin = v9fs_unpin,
	.same = v9fs_same,
	.beneath = v9fs_beneath,
};
