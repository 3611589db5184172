/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Landlock - Objects pinned by the identity of their file
 */

#ifndef _SECURITY_LANDLOCK_PIN_H
#define _SECURITY_LANDLOCK_PIN_H

#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/rbtree_types.h>
#include <linux/seqlock.h>

#include "object.h"

struct landlock_domain;
struct landlock_id;

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
};

void landlock_init_pins(struct landlock_pins *const pins);

struct landlock_object *landlock_get_pinned_object(struct dentry *const dentry);

bool landlock_get_pinned_id(const struct landlock_domain *const domain,
			    const struct dentry *const dentry,
			    struct landlock_id *const id);

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

#endif /* _SECURITY_LANDLOCK_PIN_H */
