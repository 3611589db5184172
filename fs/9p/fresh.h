/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * V9FS: what the server confirmed
 *
 * A dentry that something holds (e.g. a working directory) keeps its place after
 * the server moved its file.  What it says is only true as long as the server
 * confirms it: an answer holds for the freshness bound of the session, counted
 * from before the request was sent.
 *
 * Two things are confirmed for each dentry:
 *
 * - its link, i.e. that the directory above has this file under this name
 *   (&v9fs_dentry.link_time);
 * - itself, i.e. that its fids lead to its file (&v9fs_dentry.self_time).  For
 *   most servers a walked fid is a path: once a directory is replaced, its fid
 *   leads to what took its place.
 *
 * A lookup confirms both, as it walks from the fid of the directory.  Hence this
 * link means something as long as the directory itself is confirmed too.  A walk
 * from an ancestor only confirms links, and with it the files themselves unless
 * this client renamed a directory since their fids were made: some servers let
 * the fids below it behind.
 *
 * dentry->d_lock protects the fields of &struct v9fs_dentry.
 */

#ifndef FS_9P_FRESH_H
#define FS_9P_FRESH_H

#include <linux/atomic.h>
#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/seqlock.h>
#include <linux/time64.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <net/9p/client.h>

#include "v9fs.h"
#include "v9fs_vfs.h"

/**
 * struct v9fs_moment - What makes answers fresh, at one moment
 */
struct v9fs_moment {
	/**
	 * @since: What was asked later is fresh.
	 */
	u64 since;
	/**
	 * @uid: The current user.
	 */
	kuid_t uid;
	/**
	 * @renames: What a fid that follows its name has in @renames, none if a
	 * rename was left to the server.
	 */
	u64 renames;
};

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

/**
 * v9fs_follow - Get what a fid that follows its name has in &p9_fid.renames
 *
 * @v9ses: The session.
 *
 * Context: Any context.
 * Return: The number of renames, or one that no fid has if a rename was left to
 * the server.
 */
static inline u64 v9fs_follow(const struct v9fs_session_info *const v9ses)
{
	/* A late rename is in the number before it is not left anymore. */
	const bool is_left = atomic_read_acquire(&v9ses->clnt->renames_left);

	return is_left ? U64_MAX : v9fs_renames(v9ses);
}

static inline bool v9fs_follows_at(const struct dentry *const dentry,
				   const struct p9_fid *const fid,
				   const u64 renames)
{
	return IS_ROOT(dentry) || READ_ONCE(fid->renames) == renames;
}

struct p9_fid *v9fs_listed_fid(const struct dentry *dentry, kuid_t uid);
static inline bool v9fs_fids_follow(const struct dentry *const dentry,
				    const struct v9fs_moment *const now)
{
	const struct p9_fid *const fid = v9fs_listed_fid(dentry, now->uid);

	return fid && v9fs_follows_at(dentry, fid, now->renames);
}

static inline bool v9fs_is_since(const u64 time,
				 const struct v9fs_moment *const now)
{
	return time > now->since;
}

static inline bool v9fs_is_link_fresh(const struct dentry *const dentry,
				      const struct v9fs_moment *const now)
{
	const struct v9fs_dentry *const v9dentry = to_v9fs_dentry(dentry);

	lockdep_assert_held(&dentry->d_lock);
	return !read_seqcount_retry(&dentry->d_seq, v9dentry->link_seq) &&
	       v9fs_is_since(v9dentry->link_time, now);
}

static inline bool v9fs_is_self_fresh(const struct dentry *const dentry,
				      const struct v9fs_moment *const now)
{
	const struct v9fs_dentry *const v9dentry = to_v9fs_dentry(dentry);

	lockdep_assert_held(&dentry->d_lock);
	return v9fs_is_since(v9dentry->self_time, now) &&
	       v9fs_fids_follow(dentry, now);
}

/* Same for the fid by which it was confirmed, whoever has that. */
static inline bool v9fs_was_self_fresh(const struct dentry *const dentry,
				       const struct v9fs_moment *const now)
{
	const struct v9fs_dentry *const v9dentry = to_v9fs_dentry(dentry);

	lockdep_assert_held(&dentry->d_lock);
	return v9fs_is_since(v9dentry->self_time, now) &&
	       (v9dentry->self_renames == now->renames || IS_ROOT(dentry));
}

/* Same for what has a rule: a walk does not tell the generation. */
static inline bool v9fs_is_file_fresh(const struct dentry *const dentry,
				      const struct v9fs_moment *const now)
{
	return v9fs_is_self_fresh(dentry, now) &&
	       (!V9FS_I(d_inode(dentry))->has_generation ||
		v9fs_is_since(to_v9fs_dentry(dentry)->file_time, now));
}

struct v9fs_moment v9fs_now(const struct v9fs_session_info *v9ses);
bool v9fs_fid_follows(const struct dentry *dentry, const struct p9_fid *fid);
void v9fs_self_confirm(struct v9fs_dentry *v9dentry, const struct p9_fid *fid,
		       u64 time);
void v9fs_link_confirm(struct dentry *dentry, u64 time);
void v9fs_link_moved(struct dentry *dentry);

#endif /* FS_9P_FRESH_H */
