// SPDX-License-Identifier: GPL-2.0-only
/*
 * V9FS pins: private open fids that keep files from being forgotten
 *
 * Only an open fid makes common servers hold a descriptor, hence keeps the
 * number of a file from being given to another one.  A pin's fid is on the list
 * of no inode and of no dentry: it is used for nothing else, and does not
 * depend on what happens to them.
 */

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

#include "fid.h"
#include "identity.h"
#include "v9fs.h"

struct v9fs_pin {
	struct fs_pin pin;
	/* Owned by the pin. */
	struct p9_fid *fid;
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

/* The other bits of the type (e.g. append only) may change. */
static bool v9fs_is_pinned(const struct p9_qid *const qid,
			   const struct inode *const inode)
{
	const u8 type = S_ISDIR(inode->i_mode) ? P9_QTDIR : P9_QTFILE;

	return qid->path == V9FS_I(inode)->qid.path &&
	       (qid->type & (P9_QTDIR | P9_QTSYMLINK)) == type;
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

/*
 * The caller may go on with the inode itself.  Without pin nor generation,
 * nothing tells a later file with the same number apart: makes sure that it
 * never gets this inode.
 */
static struct fs_pin *v9fs_not_pinned(struct inode *const inode, int err)
{
	err = v9fs_pin_error(err);
	if (err == -EOPNOTSUPP && !V9FS_I(inode)->has_generation)
		WRITE_ONCE(V9FS_I(inode)->never_reuse, true);
	return ERR_PTR(err);
}

/**
 * v9fs_pin - Pin a file with an open fid
 *
 * @dentry: The file.
 *
 * Sends Twalk and Tlopen (or Topen), and what it takes to get a first fid of
 * the caller for @dentry if there is none.
 *
 * Context: Process context, may sleep until the server answers or the caller
 * is killed.  No lock must be held.
 * Return: See &fs_identity_operations.pin.
 */
struct fs_pin *v9fs_pin(struct dentry *const dentry)
{
	struct v9fs_session_info *const v9ses = v9fs_dentry2v9ses(dentry);
	struct inode *const inode = d_inode(dentry);
	struct v9fs_pin *pin;
	struct p9_fid *fid;
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

	pin = kzalloc_obj(*pin, GFP_KERNEL_ACCOUNT);
	if (!pin)
		return ERR_PTR(-ENOMEM);

	fid = v9fs_fid_clone(dentry);
	if (IS_ERR(fid)) {
		err = PTR_ERR(fid);
		goto free_pin;
	}

	err = p9_client_open_flags(fid, P9_OREAD, v9fs_pin_flags(inode, v9ses));
	if (err)
		goto put_fid;

	if (!v9fs_is_pinned(&fid->qid, inode)) {
		err = -ESTALE;
		goto put_fid;
	}

	v9fs_identity_ops.identify(inode, &pin->pin.identity);
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
 * Context: Any context.  Only queues a Tclunk to the session, which must still
 * be there but may not have any dentry nor inode anymore.
 */
void v9fs_unpin(struct fs_pin *const pin)
{
	struct v9fs_pin *const v9pin = container_of(pin, struct v9fs_pin, pin);

	p9_fid_put_nowait(v9pin->fid);
	kfree(v9pin);
}
