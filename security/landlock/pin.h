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
	 * @root: Tree of &struct landlock_pinned_object ordered by identity.
	 */
	struct rb_root root;
};

void landlock_init_pins(struct landlock_pins *const pins);

struct landlock_object *landlock_get_pinned_object(struct dentry *const dentry);

struct landlock_object *
landlock_find_pinned_object(const struct dentry *const dentry);

bool landlock_is_pinned(const struct landlock_object *const object,
			const struct dentry *const dentry);

void landlock_release_pins(struct super_block *const sb);

/**
 * landlock_may_be_pinned - Tell if there may be a pinned object for a dentry
 *
 * @dentry: The dentry.
 *
 * Context: Any context.
 * Return: False if landlock_find_pinned_object() would find nothing because of
 * the filesystem, true otherwise.
 */
static inline bool landlock_may_be_pinned(const struct dentry *const dentry)
{
	return unlikely(dentry->d_sb->s_identity_op);
}

#endif /* _SECURITY_LANDLOCK_PIN_H */
