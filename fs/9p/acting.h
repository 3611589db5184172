/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * V9FS: fids that change something
 */

#ifndef FS_9P_ACTING_H
#define FS_9P_ACTING_H

#include <linux/dcache.h>
#include <linux/types.h>
#include <net/9p/client.h>

#include "v9fs.h"

/**
 * struct v9fs_act - A change that is being made
 */
struct v9fs_act {
	/**
	 * @v9ses: The session, NULL if nothing is locked.
	 */
	struct v9fs_session_info *v9ses;
	/**
	 * @is_exclusive: Whether act_sem is held for writing.
	 */
	bool is_exclusive;
};

int v9fs_rename_begin(struct v9fs_session_info *v9ses);
void v9fs_rename_end(struct v9fs_session_info *v9ses);
int v9fs_act_begin(struct v9fs_act *act, struct dentry *dentry,
		   struct p9_fid *fid, struct dentry *other,
		   struct p9_fid *other_fid);
int v9fs_remove_begin(struct v9fs_act *act, struct dentry *dir,
		      struct p9_fid *dfid);
int v9fs_truncate_begin(struct v9fs_act *act, struct dentry *dentry,
			struct p9_fid **fid, bool is_open);
int v9fs_act_absent(struct dentry *dentry, struct p9_fid *dfid);
void v9fs_act_end(struct v9fs_act *act);

#endif /* FS_9P_ACTING_H */
