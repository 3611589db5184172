/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Landlock - Objects pinned by the identity of their file
 */

#ifndef _SECURITY_LANDLOCK_PIN_H
#define _SECURITY_LANDLOCK_PIN_H

#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/fs_identity.h>
#include <linux/rbtree_types.h>
#include <linux/seqlock.h>

#include "object.h"

struct landlock_charge_ref;
struct landlock_domain;
struct landlock_id;
struct layer_masks;

/**
 * struct landlock_pins - Pinned objects of a superblock
 */
struct landlock_pins {
	/**
	 * @lock: Protects @root against concurrent modifications.  Lookups are
	 * lockless: they are in an RCU read-side critical section and retry
	 * when they find nothing while @root is being modified.
	 *
	 * Lock ordering: &landlock_object.lock nests inside this.
	 */
	seqlock_t lock;
	/**
	 * @root: Tree of &struct landlock_pinned_object ordered by number and
	 * type.
	 */
	struct rb_root root;
	/**
	 * @num_added: How many objects were added to @root, protected by @lock.
	 * This is what fs_identity_memo() is for: the number when the file of
	 * an inode was in vain looked up in @root.
	 */
	unsigned long num_added;
	/**
	 * @has_wrapped: Whether @num_added may have been the same before.
	 */
	bool has_wrapped;
};

/* In place of a number that no inode remembers. */
#define LANDLOCK_NO_MEMO (~0UL)

/**
 * struct landlock_place - Where a walk towards the root started
 *
 * On a filesystem that may move files without telling, the dentries above a
 * file may not be the ones that lead to it.
 */
struct landlock_place {
	/**
	 * @dentry: The rules of this dentry, and of the ones above, only count
	 * as long as they lead to this dentry.  NULL if this is known.
	 */
	struct dentry *dentry;
	/**
	 * @held: An owned reference to @dentry, NULL if the caller has one.
	 */
	struct dentry *held;
	/**
	 * @is_unsure: Set once a rule may be for a file of the walk, without a
	 * way to tell.
	 */
	bool is_unsure;
	/**
	 * @may_be_pinned: What landlock_may_be_pinned() says of where the walk
	 * is.
	 */
	bool may_be_pinned;
	/**
	 * @num_added: &landlock_pins.num_added of this superblock before the
	 * walk, if @may_be_pinned.  The domain has no rule for what was added
	 * since.
	 */
	unsigned long num_added;
};

void landlock_init_pins(struct landlock_pins *const pins);

struct landlock_object *landlock_get_pinned_object(struct dentry *const dentry);

bool landlock_is_pinned(const struct landlock_object *const object);

struct landlock_charge_ref *
landlock_charge_object(struct landlock_object *const object);

bool landlock_is_rule_effective(const struct landlock_domain *const domain,
				struct dentry *const dentry,
				struct landlock_place *const place,
				const struct layer_masks *const masks,
				const struct landlock_id id);

bool landlock_get_pinned_id(const struct landlock_domain *const domain,
			    struct dentry *const dentry,
			    struct landlock_place *const place,
			    const struct layer_masks *const masks,
			    struct landlock_id *const id);

void landlock_enter_pins(struct landlock_place *const place,
			 const struct super_block *const sb);

void landlock_trace_contradict(const struct landlock_domain *const domain,
			       const struct inode *const inode,
			       const bool is_beneath,
			       const enum fs_answer answer);

bool landlock_is_child(const struct landlock_domain *const domain,
		       struct dentry *const dir, struct dentry *const child);

bool landlock_is_in_place(const struct landlock_domain *const domain,
			  const struct dentry *const root,
			  struct dentry *const dir, struct dentry *const child);

bool landlock_is_mounted(const struct landlock_domain *const domain,
			 struct dentry *const root);

void landlock_release_pins(struct super_block *const sb);

/**
 * landlock_may_be_pinned - Tell if there may be a pinned object for a dentry
 *
 * @dentry: The dentry.
 *
 * Context: Any context.
 * Return: False if the filesystem of @dentry has no pinned object, true if it may
 * have some.
 */
static inline bool landlock_may_be_pinned(const struct dentry *const dentry)
{
	return unlikely(dentry->d_sb->s_identity_op);
}

/**
 * landlock_may_have_pin - Tell if a file has to be looked up in the pinned ones
 *
 * @place: Where the walk started, with landlock_place.may_be_pinned.
 * @dentry: The dentry of the file.
 *
 * Context: Any context.
 * Return: False if @dentry is negative, or if it was looked up since the last file
 * was pinned, true otherwise.
 */
static inline bool
landlock_may_have_pin(const struct landlock_place *const place,
		      const struct dentry *const dentry)
{
	return d_is_positive(dentry) &&
	       READ_ONCE(*fs_identity_memo(d_backing_inode(dentry))) !=
		       place->num_added;
}

/**
 * landlock_init_place - Prepare for files of a superblock
 *
 * @place: The place, zeroed, or with landlock_end_place().
 * @dentry: Any dentry of the superblock.
 *
 * Context: Any context.
 */
static inline void landlock_init_place(struct landlock_place *const place,
				       const struct dentry *const dentry)
{
	place->may_be_pinned = landlock_may_be_pinned(dentry);
	if (place->may_be_pinned)
		landlock_enter_pins(place, dentry->d_sb);
}

/**
 * landlock_end_place - End a walk
 *
 * @place: The place, which can be started again.  There must still be a reference
 *	to its superblock.
 *
 * Context: Process context, may sleep.
 */
static inline void landlock_end_place(struct landlock_place *const place)
{
	if (unlikely(place->held))
		dput(place->held);
	place->held = NULL;
	place->dentry = NULL;
}

/**
 * landlock_start_place - Start a walk towards the root
 *
 * @place: The place, with landlock_init_place().
 * @dentry: Where the walk starts, to which the caller keeps a reference.
 *
 * Context: Any context.
 */
static inline void landlock_start_place(struct landlock_place *const place,
					struct dentry *const dentry)
{
	if (place->may_be_pinned)
		place->dentry = dentry;
}

/**
 * landlock_move_place - Go on above a mount, or elsewhere
 *
 * @place: The place.
 * @dentry: Where the walk goes on.
 *
 * Context: Process context, may sleep.
 */
static inline void landlock_move_place(struct landlock_place *const place,
				       struct dentry *const dentry)
{
	landlock_end_place(place);
	landlock_init_place(place, dentry);
	if (place->may_be_pinned) {
		place->held = dget(dentry);
		place->dentry = dentry;
	}
}

#endif /* _SECURITY_LANDLOCK_PIN_H */
