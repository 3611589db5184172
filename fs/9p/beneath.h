/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * V9FS: where the server has a file
 */

#ifndef FS_9P_BENEATH_H
#define FS_9P_BENEATH_H

#include <linux/atomic.h>
#include <linux/dcache.h>
#include <linux/fs_identity.h>
#include <linux/ktime.h>
#include <linux/time64.h>
#include <linux/types.h>

#include "v9fs.h"

/**
 * struct v9fs_moment - When a request is sent
 */
struct v9fs_moment {
	/**
	 * @time: The time, in ns.
	 */
	u64 time;
	/**
	 * @renames: Number of renames of directories by this client.
	 */
	unsigned int renames;
};

/**
 * v9fs_moment - Get the moment, to be called before a request is sent
 *
 * @v9ses: The session.
 *
 * Context: Any context.
 * Return: The moment.
 */
static inline struct v9fs_moment
v9fs_moment(const struct v9fs_session_info *const v9ses)
{
	return (struct v9fs_moment){
		.renames = atomic_read_acquire(&v9ses->renames),
		.time = ktime_get_ns(),
	};
}

/**
 * v9fs_is_fresh - Tell if what the server said still holds
 *
 * @v9ses: The session.
 * @time: When the server was asked, 0 for never.
 *
 * Context: Any context.
 * Return: True if it was asked less than the freshness bound ago.
 */
static inline bool v9fs_is_fresh(const struct v9fs_session_info *const v9ses,
				 const u64 time)
{
	return time &&
	       ktime_get_ns() - time < (u64)v9ses->freshness_ms * NSEC_PER_MSEC;
}

struct p9_fid *v9fs_walked_fid(struct dentry *dentry);
void v9fs_link_confirm(struct dentry *dentry, const struct v9fs_moment *when);
bool v9fs_has_right_fids(struct dentry *dentry);
void v9fs_link_moved(struct dentry *dentry, const struct v9fs_moment *when);
enum fs_answer v9fs_beneath(struct dentry *ancestor, struct dentry *dentry,
			    bool exact);

#endif /* FS_9P_BENEATH_H */
