/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * V9FS: where the server has a file
 */

#ifndef FS_9P_BENEATH_H
#define FS_9P_BENEATH_H

#include <linux/dcache.h>
#include <linux/fs_identity.h>
#include <linux/types.h>
#include <net/9p/client.h>

#include "fresh.h"
#include "v9fs.h"

struct p9_fid *v9fs_asked_fid(struct dentry *dentry);
bool v9fs_fid_is_sure(const struct dentry *dentry, struct p9_fid *fid);
int v9fs_ask_inode(struct v9fs_session_info *v9ses, struct p9_fid *fid,
		   const struct inode *inode);
struct p9_fid *v9fs_nameless_fid(struct inode *inode);
bool v9fs_is_beneath_fresh(struct dentry *ancestor, struct dentry *dentry);
enum fs_answer v9fs_beneath(struct dentry *ancestor, struct dentry *dentry,
			    bool exact);

#endif /* FS_9P_BENEATH_H */
