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
#include <net/9p/client.h>

#include "v9fs.h"

struct v9fs_dentry;

/**
 * v9fs_renames - Get the number of renames of directories by this client
 *
 * @v9ses: The session.
 *
 * Context: Any context.
 * Return: The number, with those that killed tasks left to the server.
 */
static inline u64 v9fs_renames(const struct v9fs_session_info *const v9ses)
{
	/* Whoever sees their effect also sees them in the number. */
	return atomic64_read_acquire(&v9ses->renames) +
	       atomic64_read_acquire(&v9ses->clnt->renames_late);
}

/**
 * v9fs_time - Get the time, to be called before a request is sent
 *
 * Context: Any context.
 * Return: The time in ns, suspended or not.
 */
static inline u64 v9fs_time(void)
{
	return ktime_get_boottime_ns();
}

/**
 * v9fs_fresh_since - Get the time since when answers are fresh
 *
 * @v9ses: The session.
 *
 * Context: Any context.
 * Return: What was asked later still holds.
 */
static inline s64 v9fs_fresh_since(const struct v9fs_session_info *const v9ses)
{
	return v9fs_time() - (u64)v9ses->freshness_ms * NSEC_PER_MSEC;
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
	return time && (s64)time > v9fs_fresh_since(v9ses);
}

struct p9_fid *v9fs_asked_fid(struct dentry *dentry);
void v9fs_self_confirm(struct v9fs_dentry *v9dentry, const struct p9_fid *fid,
		       u64 time);
void v9fs_link_confirm(struct dentry *dentry, u64 time);
bool v9fs_fid_follows(const struct dentry *dentry, const struct p9_fid *fid);
void v9fs_link_moved(struct dentry *dentry);
bool v9fs_fid_is_sure(const struct dentry *dentry, struct p9_fid *fid);
int v9fs_ask_inode(struct v9fs_session_info *v9ses, struct p9_fid *fid,
		   const struct inode *inode);
enum fs_answer v9fs_beneath(struct dentry *ancestor, struct dentry *dentry,
			    bool exact);

#endif /* FS_9P_BENEATH_H */
