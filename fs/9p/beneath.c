// SPDX-License-Identifier: GPL-2.0-only
/*
 * V9FS: where the server has a file
 *
 * See fresh.h for what is confirmed, and for how long.
 *
 * What counts as an answer: ".." is never used, as some servers answer with the
 * former directory, and others leave their export.  Open fids are not asked, as
 * some servers answer for the open file, but walk from its path.
 *
 * LOCKING
 *
 * No lock is held while the server is asked, but rename_sem for reading when a
 * fid that is missing or left behind is made by its name (see fid.c).  What was
 * collected before may have changed meanwhile: a name is only confirmed if the
 * sequence of its dentry did not change.
 */

#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/fs_identity.h>
#include <linux/minmax.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/seqlock.h>
#include <linux/slab.h>
#include <net/9p/9p.h>
#include <net/9p/client.h>

#include "beneath.h"
#include "fid.h"
#include "fresh.h"
#include "identity.h"
#include "v9fs.h"
#include "v9fs_vfs.h"

/* Bounds the time to look at dentries. */
#define V9FS_MAX_LINKS 4096

/* Bounds messages (16 names each), hence how old an answer may get, and memory. */
#define V9FS_MAX_WALK 256

/* How often to try again if a rename came, or the bound ended, meanwhile. */
#define V9FS_MAX_TRIES 16

/**
 * struct v9fs_link - A name to confirm
 */
struct v9fs_link {
	/**
	 * @dentry: The dentry, with a reference.
	 */
	struct dentry *dentry;
	/**
	 * @seq: Sequence of @dentry when it had @name.
	 */
	unsigned int seq;
	/**
	 * @name: The name.
	 */
	struct name_snapshot name;
	/**
	 * @qid: What the server has under this name.
	 */
	struct p9_qid qid;
};

/**
 * struct v9fs_chain - What is known of the dentries from a file to an ancestor
 */
struct v9fs_chain {
	/**
	 * @links: Number of links.
	 */
	size_t links;
	/**
	 * @ancestor_fresh: Whether the ancestor itself is confirmed.
	 */
	bool ancestor_fresh;
	/**
	 * @file_fresh: Whether the file itself is confirmed.
	 */
	bool file_fresh;
	/**
	 * @links_fresh: Whether all links, and the directories in between, are
	 * confirmed.
	 */
	bool links_fresh;
};

/**
 * v9fs_asked_fid - Get a fid of a dentry that is not open
 *
 * @dentry: The dentry.
 *
 * Context: Process context, may sleep until the server answers or the caller is
 * killed, if @dentry has no fid (yet) or one that may have been left behind.
 * Return: A referenced fid of the current user if there is one, of another user
 * otherwise, or NULL if the dentry has no fid and gets none.
 */
struct p9_fid *v9fs_asked_fid(struct dentry *const dentry)
{
	struct p9_fid *fid, *listed;

	spin_lock(&dentry->d_lock);
	listed = v9fs_listed_fid(dentry, current_fsuid());
	if (listed)
		p9_fid_get(listed);
	spin_unlock(&dentry->d_lock);
	if ((listed && v9fs_fid_follows(dentry, listed)) || d_unhashed(dentry))
		return listed;

	/* As for an operation. */
	fid = v9fs_fid_lookup(dentry);
	if (IS_ERR(fid))
		return listed;
	p9_fid_put(listed);
	return fid;
}

/**
 * v9fs_nameless_fid - Get a fid of a file that has no name anymore
 *
 * @inode: The inode of the file.
 *
 * Context: Any context.
 * Return: A referenced open fid of the current user if there is one, of another
 * user otherwise, or NULL if there is none.
 */
struct p9_fid *v9fs_nameless_fid(struct inode *const inode)
{
	const kuid_t uid = current_fsuid();

	return v9fs_fid_find_inode(inode, false, uid, false) ?:
		       v9fs_fid_find_inode(inode, false, uid, true);
}

/* Returns false if @dentry is not (anymore) below @ancestor for this client. */
static bool v9fs_get_chain(struct dentry *const ancestor,
			   struct dentry *const dentry,
			   struct v9fs_chain *const chain)
{
	const struct v9fs_moment now = v9fs_now(v9fs_dentry2v9ses(dentry));
	struct dentry *this = dentry;

	*chain = (struct v9fs_chain){
		.links_fresh = true,
	};

	/* v9fs_dentry and dentry are freed after a grace period. */
	rcu_read_lock();
	while (true) {
		struct dentry *parent;

		spin_lock(&this->d_lock);
		if (this == dentry)
			chain->file_fresh = v9fs_is_self_fresh(this, &now);
		else if (this != ancestor)
			chain->links_fresh &= v9fs_was_self_fresh(this, &now);
		if (this == ancestor) {
			chain->ancestor_fresh = v9fs_is_file_fresh(this, &now);
			spin_unlock(&this->d_lock);
			break;
		}
		chain->links_fresh &= v9fs_is_link_fresh(this, &now);
		parent = this->d_parent;
		spin_unlock(&this->d_lock);

		if (parent == this || chain->links == V9FS_MAX_LINKS) {
			rcu_read_unlock();
			return false;
		}
		chain->links++;
		this = parent;
	}
	rcu_read_unlock();
	return true;
}

static bool v9fs_is_chain_fresh(const struct v9fs_chain *const chain)
{
	return chain->ancestor_fresh && chain->links_fresh && chain->file_fresh;
}

/**
 * v9fs_is_beneath_fresh - Tell if a file is known to be below a directory
 *
 * @ancestor: A directory.
 * @dentry: A positive dentry.
 *
 * Context: Any context.
 * Return: True if v9fs_beneath() has nothing to ask for, false otherwise.
 */
bool v9fs_is_beneath_fresh(struct dentry *const ancestor,
			   struct dentry *const dentry)
{
	const struct v9fs_moment now = v9fs_now(v9fs_dentry2v9ses(dentry));
	struct dentry *this = dentry;
	size_t links = 0;
	bool is_fresh;

	/* As v9fs_get_chain(), but ends with what is not fresh. */
	rcu_read_lock();
	while (true) {
		struct dentry *parent;

		spin_lock(&this->d_lock);
		if (this == ancestor)
			is_fresh = v9fs_is_file_fresh(this, &now);
		else if (this == dentry)
			is_fresh = v9fs_is_self_fresh(this, &now) &&
				   v9fs_is_link_fresh(this, &now);
		else
			is_fresh = v9fs_was_self_fresh(this, &now) &&
				   v9fs_is_link_fresh(this, &now);
		parent = this->d_parent;
		spin_unlock(&this->d_lock);

		if (this == ancestor || !is_fresh)
			break;
		if (parent == this || ++links > V9FS_MAX_LINKS) {
			is_fresh = false;
			break;
		}
		this = parent;
	}
	rcu_read_unlock();
	return is_fresh;
}

static void v9fs_put_links(struct v9fs_link *const links,
			   const size_t num_links)
{
	for (size_t i = 0; i < num_links; i++) {
		if (!links[i].dentry)
			continue;
		release_dentry_name_snapshot(&links[i].name);
		dput(links[i].dentry);
	}
	kvfree(links);
}

/* Returns the links from @ancestor to @dentry, in this order. */
static struct v9fs_link *v9fs_get_links(const struct dentry *const ancestor,
					struct dentry *const dentry,
					const size_t num_links)
{
	struct v9fs_link *links;
	struct dentry *this = dget(dentry);

	links = kvzalloc_objs(*links, num_links, GFP_KERNEL_ACCOUNT);
	if (!links) {
		dput(this);
		return ERR_PTR(-ENOMEM);
	}

	for (size_t i = num_links; i-- && this != ancestor && !IS_ROOT(this);) {
		struct v9fs_link *const link = &links[i];

		/* A later change of the name changes the sequence. */
		link->seq = raw_read_seqcount(&this->d_seq);
		take_dentry_name_snapshot(&link->name, this);
		link->dentry = this;
		this = dget_parent(this);
	}

	/* Something got moved since v9fs_get_chain(). */
	if (this != ancestor || !links[0].dentry) {
		dput(this);
		v9fs_put_links(links, num_links);
		return ERR_PTR(-EAGAIN);
	}
	dput(this);
	return links;
}

/*
 * Walks from @fid through @links, with at most @max names a message, and sets
 * their qids.  Returns the fid of the last one.
 */
static struct p9_fid *v9fs_walk_links(struct p9_fid *const fid,
				      struct v9fs_link *const links,
				      const size_t num_links, const size_t max)
{
	const unsigned char *names[P9_MAXWELEM];
	struct p9_qid qids[P9_MAXWELEM];
	struct p9_fid *walked = fid;

	for (size_t done = 0; done < num_links;) {
		const u16 num = min(num_links - done, max);
		struct p9_fid *next;
		u16 num_qids;

		for (size_t i = 0; i < num; i++)
			names[i] = links[done + i].name.name.name;
		next = p9_client_walk_qids(walked, num, names, walked == fid,
					   qids, &num_qids);
		if (IS_ERR(next)) {
			if (walked != fid)
				p9_fid_put_nowait(walked);
			return next;
		}
		walked = next;
		for (size_t i = 0; i < num; i++)
			links[done + i].qid = qids[i];
		done += num;
	}
	return walked;
}

static bool v9fs_link_leads(const struct v9fs_link *const link)
{
	return v9fs_qid_is(&link->qid, d_inode(link->dentry));
}

/* No two directories of a chain are the same file. */
static bool v9fs_qids_repeat(const struct v9fs_link *const links,
			     const size_t num_links)
{
	return num_links > 1 && links[0].qid.path == links[1].qid.path;
}

static void v9fs_confirm_links(struct v9fs_session_info *const v9ses,
			       struct v9fs_link *const links,
			       const size_t num_links, const u64 time)
{
	const struct v9fs_moment now = v9fs_now(v9ses);
	/* The ancestor was asked, or it is confirmed. */
	bool above = true;

	for (size_t i = 0; i < num_links; i++) {
		const struct v9fs_link *const link = &links[i];
		struct v9fs_dentry *const v9dentry =
			to_v9fs_dentry(link->dentry);
		const bool leads = v9fs_link_leads(link);

		if (above && leads) {
			spin_lock(&link->dentry->d_lock);
			v9dentry->link_time = time;
			v9dentry->link_seq = link->seq;
			/* Fids of the names, as the one that was walked from. */
			if (v9fs_fids_follow(link->dentry, &now)) {
				v9dentry->self_time = time;
				v9dentry->self_renames = now.renames;
			}
			spin_unlock(&link->dentry->d_lock);
		}
		above = leads;
	}
}

/* What an error means for the question if a file is there. */
static enum fs_answer v9fs_error_answer(const int err)
{
	switch (err) {
	case 0:
		return FS_ANSWER_YES;
	case -ENOENT:
	case -ENOTDIR:
	case -ESTALE:
		return FS_ANSWER_NO;
	default:
		return FS_ANSWER_UNKNOWN;
	}
}

/*
 * Does @fid lead to the file of @inode?
 *
 * Returns -ESTALE if it does not, -ENODATA if only one of them has a generation.
 */
static int v9fs_ask_file(struct v9fs_session_info *const v9ses,
			 struct p9_fid *const fid,
			 const struct inode *const inode)
{
	struct p9_qid qid;
	u64 generation;
	int err;

	err = v9fs_ask(v9ses, fid, &qid, &generation);
	if (err)
		return err;
	if (!v9fs_qid_is(&qid, inode))
		return -ESTALE;
	if (V9FS_I(inode)->has_generation != !!generation)
		return -ENODATA;
	if (generation != V9FS_I(inode)->generation)
		return -ESTALE;
	return 0;
}

/* Is what the fid of @dentry leads to still its file? */
static int v9fs_ask_self(struct dentry *const dentry, struct p9_fid *const fid)
{
	const unsigned int seq = raw_read_seqcount(&dentry->d_seq);
	const u64 time = v9fs_time();
	int err;

	err = v9fs_ask_file(v9fs_dentry2v9ses(dentry), fid, d_inode(dentry));
	if (err)
		return err;

	spin_lock(&dentry->d_lock);
	/* Says nothing of the other fids otherwise. */
	if (v9fs_fid_follows(dentry, fid) &&
	    !read_seqcount_retry(&dentry->d_seq, seq)) {
		v9fs_self_confirm(to_v9fs_dentry(dentry), fid, time);
		to_v9fs_dentry(dentry)->file_time = time;
	}
	spin_unlock(&dentry->d_lock);
	return 0;
}

static enum fs_answer v9fs_check_self(struct dentry *const dentry,
				      struct p9_fid *const fid)
{
	return v9fs_error_answer(v9fs_ask_self(dentry, fid));
}

/**
 * v9fs_ask_inode - Make sure that a fid leads to the file of an inode
 *
 * @v9ses: The session.
 * @fid: The fid.
 * @inode: The inode.
 *
 * Context: Process context, may sleep until the server answers or the caller is
 * killed.
 * Return: 0, -ESTALE if @fid leads to nothing or to another file, or the error of
 * a server that does not tell.
 */
int v9fs_ask_inode(struct v9fs_session_info *const v9ses,
		   struct p9_fid *const fid, const struct inode *const inode)
{
	struct p9_qid qid;
	u64 generation;
	const int err = v9fs_ask(v9ses, fid, &qid, &generation);

	if (v9fs_error_answer(err) == FS_ANSWER_NO ||
	    (!err && !v9fs_is_file(&qid, generation, inode)))
		return -ESTALE;
	return err;
}

/**
 * v9fs_fid_is_sure - Tell if a fid can be used without asking for its file
 *
 * @dentry: A dentry.
 * @fid: A fid of @dentry, or of its inode.
 *
 * Context: Any context.
 * Return: False if this client may have left the fid behind, true otherwise.
 */
bool v9fs_fid_is_sure(const struct dentry *const dentry,
		      struct p9_fid *const fid)
{
	const struct v9fs_session_info *const v9ses = v9fs_dentry2v9ses(dentry);

	if (!v9ses->inodeident)
		return true;
	if (IS_ROOT(dentry)) {
		/* What is walked from it is sure from now on. */
		WRITE_ONCE(fid->renames, v9fs_renames(v9ses));
		return true;
	}
	/* Open fids are the ones of what has no name anymore. */
	return fid->mode != -1 || d_really_is_negative(dentry) ||
	       v9fs_fid_follows(dentry, fid);
}

static bool v9fs_is_confirmed(struct dentry *const dentry)
{
	const struct v9fs_moment now = v9fs_now(v9fs_dentry2v9ses(dentry));
	bool is_fresh;

	spin_lock(&dentry->d_lock);
	is_fresh = v9fs_is_file_fresh(dentry, &now);
	spin_unlock(&dentry->d_lock);
	return is_fresh;
}

static enum fs_answer v9fs_check_links(struct dentry *const ancestor,
				       struct p9_fid *const fid,
				       struct dentry *const dentry,
				       const size_t num_links, const bool exact)
{
	struct v9fs_session_info *const v9ses = v9fs_dentry2v9ses(dentry);
	const u64 time = v9fs_time();
	enum fs_answer answer = FS_ANSWER_YES;
	struct p9_fid *walked, *again;
	bool all_lead = true;
	struct v9fs_link *links;

	if (num_links > V9FS_MAX_WALK)
		return FS_ANSWER_UNKNOWN;
	links = v9fs_get_links(ancestor, dentry, num_links);
	/* Something was moved meanwhile: no, until it is asked again. */
	if (links == ERR_PTR(-EAGAIN))
		return FS_ANSWER_NO;
	if (IS_ERR(links))
		return FS_ANSWER_UNKNOWN;

	walked = v9fs_walk_links(fid, links, num_links, P9_MAXWELEM);
	/* Some servers give the last qid for each name. */
	if (!IS_ERR(walked) && exact && v9fs_qids_repeat(links, num_links)) {
		again = v9fs_walk_links(fid, links, num_links, 1);
		p9_fid_put_nowait(walked);
		walked = again;
	}
	if (IS_ERR(walked)) {
		answer = v9fs_error_answer(PTR_ERR(walked));
		goto put_links;
	}

	for (size_t i = 0; i < num_links - 1; i++)
		all_lead &= v9fs_link_leads(&links[i]);
	if ((exact && !all_lead) || !v9fs_link_leads(&links[num_links - 1]))
		answer = FS_ANSWER_NO;
	/* No server should walk through anything else. */
	for (size_t i = 0; i < num_links - 1; i++) {
		if (!(links[i].qid.type & P9_QTDIR) &&
		    !v9fs_qids_repeat(links, num_links))
			answer = FS_ANSWER_NO;
	}
	/* Other directories may have another file with this number. */
	if (answer == FS_ANSWER_YES && !all_lead &&
	    V9FS_I(d_inode(dentry))->has_generation)
		answer = v9fs_error_answer(
			v9fs_ask_file(v9ses, walked, d_inode(dentry)));
	p9_fid_put_nowait(walked);
	/* Both answers must be of one moment, up to the bound. */
	if (answer == FS_ANSWER_YES && !v9fs_is_confirmed(ancestor))
		answer = v9fs_check_self(ancestor, fid);
	/* Otherwise, the names may be those below what took its place. */
	if (answer == FS_ANSWER_YES && v9fs_fid_follows(ancestor, fid))
		v9fs_confirm_links(v9ses, links, num_links, time);

put_links:
	v9fs_put_links(links, num_links);
	return answer;
}

/* Does the fid that will act lead to the file of @dentry? */
static enum fs_answer v9fs_ask_acting(struct dentry *const dentry)
{
	struct p9_fid *const fid = v9fs_asked_fid(dentry);
	const struct v9fs_moment now = v9fs_now(v9fs_dentry2v9ses(dentry));
	enum fs_answer answer = FS_ANSWER_YES;
	bool is_fresh;

	if (!fid)
		return FS_ANSWER_UNKNOWN;
	/* Maybe it was just replaced. */
	spin_lock(&dentry->d_lock);
	is_fresh = v9fs_is_self_fresh(dentry, &now);
	spin_unlock(&dentry->d_lock);
	if (!is_fresh)
		answer = v9fs_check_self(dentry, fid);
	p9_fid_put(fid);
	return answer;
}

/* Does a walk from @fid get to the same file as the fid that will act? */
static bool v9fs_walk_tells(struct dentry *const ancestor,
			    const struct p9_fid *const fid,
			    struct dentry *const dentry)
{
	const struct v9fs_moment now = v9fs_now(v9fs_dentry2v9ses(dentry));
	bool follows;

	spin_lock(&dentry->d_lock);
	follows = v9fs_follows_at(ancestor, fid, now.renames) &&
		  v9fs_fids_follow(dentry, &now);
	spin_unlock(&dentry->d_lock);
	return follows;
}

/*
 * Same as v9fs_beneath(), without care for concurrent renames.  Sets @is_late if
 * the bound of what was fresh ended meanwhile: the answer does not count.
 */
static enum fs_answer v9fs_ask_beneath(struct dentry *const ancestor,
				       struct dentry *const dentry,
				       const bool exact, bool *const is_late)
{
	struct v9fs_chain chain, now;
	enum fs_answer answer = FS_ANSWER_YES;
	bool is_acting = false;
	struct p9_fid *fid;

	if (!v9fs_get_chain(ancestor, dentry, &chain))
		return FS_ANSWER_NO;
	if (v9fs_is_chain_fresh(&chain))
		return FS_ANSWER_YES;

	fid = v9fs_asked_fid(ancestor);
	/* What has no name anymore only has open fids. */
	if (!fid && ancestor == dentry && d_unhashed(dentry))
		fid = v9fs_nameless_fid(d_inode(dentry));
	if (!fid)
		return FS_ANSWER_UNKNOWN;

	/*
	 * Before the links: the server may take its time to answer, and a fid may
	 * follow its file to wherever this goes meanwhile.
	 */
	if (chain.links && !chain.file_fresh &&
	    (chain.links_fresh || !v9fs_walk_tells(ancestor, fid, dentry))) {
		answer = v9fs_ask_acting(dentry);
		is_acting = true;
		if (answer == FS_ANSWER_YES &&
		    !v9fs_get_chain(ancestor, dentry, &chain))
			answer = FS_ANSWER_NO;
	}
	/* Maybe it was just asked. */
	if (answer == FS_ANSWER_YES && !v9fs_is_confirmed(ancestor))
		answer = v9fs_check_self(ancestor, fid);
	/* The server may have taken its time. */
	if (answer == FS_ANSWER_YES && !v9fs_get_chain(ancestor, dentry, &now))
		answer = FS_ANSWER_NO;
	*is_late = answer == FS_ANSWER_YES &&
		   ((chain.links_fresh && !now.links_fresh) ||
		    (chain.file_fresh && !now.file_fresh));
	if (answer == FS_ANSWER_YES && !*is_late && chain.links &&
	    !chain.links_fresh) {
		answer = v9fs_check_links(ancestor, fid, dentry, chain.links,
					  exact);
		/* Not if this client renamed a directory meanwhile. */
		if (answer == FS_ANSWER_YES && !is_acting &&
		    !chain.file_fresh &&
		    !v9fs_walk_tells(ancestor, fid, dentry))
			answer = FS_ANSWER_NO;
	}
	p9_fid_put(fid);
	return answer;
}

/**
 * v9fs_beneath - Tell if the server has a file below a directory
 *
 * @ancestor: A directory of which @dentry is below for this client, or @dentry.
 * @dentry: A positive dentry.
 * @exact: Whether all directories in between must be the ones of their dentries.
 *
 * If all dentries are confirmed, sends nothing.  Otherwise, sends up to a
 * Tgetattr on a fid of @ancestor, a Twalk from it for each 16 names, and a Tclunk
 * that nobody waits for; another Tgetattr on @ancestor if the bound ends
 * meanwhile, and one on what the walk got to if there are other directories in
 * between.  If this client renamed a directory since the fids were made, sends
 * a Twalk to replace each of them, and a Tgetattr on the one of @dentry.  In
 * cached modes the dcache is right by definition.
 *
 * Context: Process context, may sleep until the server answers or the caller is
 * killed.  Takes d_lock, and rename_sem to wait for a rename by this client.
 * Return: %FS_ANSWER_YES if the server, less than the freshness bound ago, led
 * from @ancestor to @dentry and the fids of both led to their files,
 * %FS_ANSWER_NO if it does not, %FS_ANSWER_UNKNOWN if there is nothing to ask or
 * no answer.
 */
enum fs_answer v9fs_beneath(struct dentry *const ancestor,
			    struct dentry *const dentry, const bool exact)
{
	struct v9fs_session_info *const v9ses = v9fs_dentry2v9ses(dentry);
	enum fs_answer answer;
	unsigned int seq;
	u64 renames;

	might_sleep();

	if (v9ses->inodeident == V9FS_IDENT_NONE ||
	    v9fs_is_beneath_fresh(ancestor, dentry))
		return FS_ANSWER_YES;

	for (int tries = 0; tries < V9FS_MAX_TRIES; tries++) {
		bool is_late = false;

		seq = read_seqbegin(&rename_lock);
		renames = v9fs_renames(v9ses);
		answer = v9fs_ask_beneath(ancestor, dentry, exact, &is_late);
		if (is_late) {
			answer = FS_ANSWER_UNKNOWN;
			continue;
		}
		if (answer != FS_ANSWER_NO)
			break;
		/*
		 * This client may be about to rename what was asked for: the
		 * server may already have the new name.
		 */
		if (down_read_killable(&v9ses->rename_sem))
			return FS_ANSWER_UNKNOWN;
		up_read(&v9ses->rename_sem);
		if (!read_seqretry(&rename_lock, seq) &&
		    renames == v9fs_renames(v9ses))
			break;
	}
	return answer;
}
