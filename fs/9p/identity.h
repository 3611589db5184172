/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * V9FS identity of files
 */

#ifndef FS_9P_IDENTITY_H
#define FS_9P_IDENTITY_H

#include <linux/fs_identity.h>
#include <linux/types.h>
#include <net/9p/9p.h>

#include "v9fs.h"

extern const struct fs_identity_operations v9fs_identity_ops;

bool v9fs_identify(const struct inode *inode, struct fs_identity *identity);
bool v9fs_qid_is(const struct p9_qid *qid, const struct inode *inode);
bool v9fs_is_file(const struct p9_qid *qid, u64 generation,
		  const struct inode *inode);
int v9fs_ask(struct v9fs_session_info *v9ses, struct p9_fid *fid,
	     struct p9_qid *qid, u64 *generation);

/**
 * v9fs_generation - Get the generation in a reply
 *
 * @result_mask: What the server says that its reply has.
 * @generation: The st_gen of this reply.
 *
 * Servers that always say that they give one (e.g. diod) give 0.
 *
 * Context: Any context.
 * Return: The generation, or 0 if there is none.
 */
static inline u64 v9fs_generation(const u64 result_mask, const u64 generation)
{
	return result_mask & P9_STATS_GEN ? generation : 0;
}

/**
 * v9fs_set_generation - Remember the generation of a new inode
 *
 * @v9inode: The inode that is being made.
 * @result_mask: What the server says that its reply has.
 * @generation: The st_gen of this reply.
 *
 * Kept apart from i_generation, which has 32 bits, is set even if the server
 * did not give one, and changes with each refresh.
 *
 * Context: Any context (called with the lock of the inode hash table).
 */
static inline void v9fs_set_generation(struct v9fs_inode *const v9inode,
				       const u64 result_mask,
				       const u64 generation)
{
	v9inode->generation = v9fs_generation(result_mask, generation);
	v9inode->has_generation = v9inode->generation;
}

#endif /* FS_9P_IDENTITY_H */
