// SPDX-License-Identifier: GPL-2.0-only
/*
 * Landlock - Where a file is on a filesystem that moves files without telling
 */

#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/fs_identity.h>
#include <linux/rbtree.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/spinlock.h>

#include "domain.h"
#include "object.h"
#include "pin.h"
#include "ruleset.h"

/* Rules of a domain on a superblock */
struct sb_rules {
	/* Whether there is one. */
	bool any;
	/* Whether one may be for a directory, but is tied to another inode. */
	bool lost;
};

/*
 * Tells if a file from @dentry up to @root may be the one of the inode @tied, but
 * has another one.
 */
static bool is_twin_above(const struct landlock_domain *const domain,
			  const struct dentry *const root,
			  const struct dentry *const dentry,
			  const struct inode *const tied)
{
	const struct fs_identity_operations *const ops =
		dentry->d_sb->s_identity_op;
	const struct dentry *this = dentry;
	struct fs_identity identity, other;
	bool found = false;

	if (!ops->identify(tied, &identity))
		return true;

	/* What is moved meanwhile is for the filesystem to see. */
	rcu_read_lock();
	while (true) {
		const struct inode *const inode = d_inode_rcu(this);

		/* The server may have moved any of them there since. */
		found = inode && inode != tied &&
			(!ops->identify(inode, &other) ||
			 !fs_identity_cmp_number(&identity, &other));
		/* @this may have lost @inode since. */
		if (found)
			landlock_trace_contradict(domain, inode, false,
						  FS_ANSWER_UNKNOWN);
		if (found || this == root || IS_ROOT(this))
			break;
		this = READ_ONCE(this->d_parent);
	}
	rcu_read_unlock();
	return found;
}

/*
 * Looks for the rules on the superblock of @dir.
 *
 * The rule of what cannot be pinned is lost with its inode: it may be one for
 * @dir or a directory above, up to @root.
 */
static struct sb_rules find_rules_on(const struct landlock_domain *const domain,
				     const struct dentry *const root,
				     const struct dentry *const dir)
{
	const struct super_block *const sb = dir->d_sb;
	struct landlock_rule *rule, *next;
	struct sb_rules found = {};

	/* Rules of a domain do not change. */
	rbtree_postorder_for_each_entry_safe(rule, next,
					     &domain->rules.root_inode, node) {
		struct landlock_object *const object = rule->key.object;
		const struct inode *tied;

		if (landlock_is_pinned(object)) {
			found.any |= READ_ONCE(object->underobj) == sb;
			continue;
		}

		spin_lock(&object->lock);
		tied = object->underobj;
		if (tied && tied->i_sb == sb) {
			found.any = true;
			found.lost = is_twin_above(domain, root, dir, tied);
		}
		spin_unlock(&object->lock);
		if (found.lost)
			break;
		cond_resched();
		if (fatal_signal_pending(current)) {
			found.lost = true;
			break;
		}
	}
	return found;
}

/**
 * landlock_is_mounted - Tell if rules above a mount are for what is below
 *
 * @domain: The domain.
 * @root: The root of the mount, with landlock_may_be_pinned().
 *
 * Context: Process context, may sleep if the filesystem has to.
 * Return: False if @root is not known to lead to the directory that was mounted,
 * true otherwise.
 */
bool landlock_is_mounted(const struct landlock_domain *const domain,
			 struct dentry *const root)
{
	enum fs_answer answer;

	if (IS_ROOT(root))
		return true;

	answer = root->d_sb->s_identity_op->beneath(root, root, false);
	if (answer != FS_ANSWER_YES)
		landlock_trace_contradict(domain, d_backing_inode(root), true,
					  answer);
	return answer == FS_ANSWER_YES;
}

/**
 * landlock_is_child - Tell if a directory has a file, with its type
 *
 * @domain: The domain.
 * @dir: The directory.
 * @child: A positive dentry in this directory.
 *
 * For what gives no file another directory: no rule may be missed.
 *
 * Context: Process context, may sleep if the filesystem has to.
 * Return: True if @dir is known to have @child, including when the filesystem does
 * not forget its inodes, false otherwise.
 */
bool landlock_is_child(const struct landlock_domain *const domain,
		       struct dentry *const dir, struct dentry *const child)
{
	enum fs_answer answer;

	might_sleep();

	if (!landlock_may_be_pinned(dir))
		return true;

	answer = dir->d_sb->s_identity_op->beneath(dir, child, true);
	if (answer != FS_ANSWER_YES)
		landlock_trace_contradict(domain, d_backing_inode(dir), true,
					  answer);
	return answer == FS_ANSWER_YES;
}

/* Gets the highest directory above @dentry, up to @root. */
static struct dentry *get_highest(const struct dentry *const root,
				  struct dentry *const dentry)
{
	struct dentry *this = dget(dentry);

	while (this != root && !IS_ROOT(this)) {
		struct dentry *const parent = dget_parent(this);

		dput(this);
		this = parent;
	}
	return this;
}

/**
 * landlock_is_in_place - Tell if all rules that may be for a directory are known
 *
 * @domain: The domain.
 * @root: The root of the mount by which the directory was reached.
 * @dir: The directory.
 * @child: A positive dentry in this directory to check as well, or @dir.
 *
 * Where a missing rule would widen access rights (i.e. to move or to link a
 * file), the directories above must be the ones that the server has, and none of
 * them may have a rule that was lost with its inode.
 *
 * Context: Process context, may sleep if the filesystem has to.
 * Return: True if the rules, and the type of @child, can be trusted, including
 * when the filesystem does not forget its inodes, false otherwise.
 */
bool landlock_is_in_place(const struct landlock_domain *const domain,
			  const struct dentry *const root,
			  struct dentry *const dir, struct dentry *const child)
{
	const struct super_block *const sb = dir->d_sb;
	struct dentry *highest;
	enum fs_answer answer;
	struct sb_rules rules;

	might_sleep();

	if (!landlock_may_be_pinned(dir))
		return true;

	rules = find_rules_on(domain, root, dir);
	if (rules.lost)
		return false;

	/* Without a rule, only the type of the child matters. */
	highest = rules.any ? get_highest(root, dir) : dget(dir);
	if (!rules.any && child == dir)
		answer = FS_ANSWER_YES;
	else
		answer = sb->s_identity_op->beneath(highest, child, true);
	/* It is the fid of the directory that acts. */
	if (answer == FS_ANSWER_YES && highest != dir && child != dir)
		answer = sb->s_identity_op->beneath(dir, dir, false);
	if (answer != FS_ANSWER_YES)
		landlock_trace_contradict(domain, d_backing_inode(highest),
					  true, answer);
	dput(highest);
	/* A link does not lock the directory of the file. */
	return answer == FS_ANSWER_YES && (child == dir || child == root ||
					   READ_ONCE(child->d_parent) == dir);
}
