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

int v9fs_act_begin(struct dentry *dentry, struct p9_fid *fid);
int v9fs_act_check(struct dentry *dentry, struct p9_fid *fid);
void v9fs_act_end(struct v9fs_session_info *v9ses);
int v9fs_truncate_begin(struct dentry *dentry, struct p9_fid **fid,
			bool is_open, bool *is_nameless);
void v9fs_truncate_end(struct v9fs_session_info *v9ses, bool is_nameless);

#endif /* FS_9P_ACTING_H */
