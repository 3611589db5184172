/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Landlock - Charges of users for the files that their rules pin
 */

#ifndef _SECURITY_LANDLOCK_CHARGE_H
#define _SECURITY_LANDLOCK_CHARGE_H

#include <linux/rbtree_types.h>
#include <linux/refcount.h>
#include <linux/spinlock_types.h>
#include <linux/types.h>
#include <linux/uidgid_types.h>

/**
 * struct landlock_charges - Charges for one pin
 */
struct landlock_charges {
	/**
	 * @list: List of &struct landlock_charge, one for each user whose rules
	 * need the pin.  Protected by @lock.
	 */
	struct hlist_head list;
	/**
	 * @lock: Protects @list and @is_released.
	 *
	 * Lock ordering: nests inside &landlock_pins.lock.
	 */
	spinlock_t lock;
	/**
	 * @is_released: Set once the pin is released, hence when the users are
	 * not charged anymore.
	 */
	bool is_released;
};

/**
 * struct landlock_charge - Charge of a user for a pin
 */
struct landlock_charge {
	/**
	 * @usage: Number of &struct landlock_charge_ref.
	 */
	refcount_t usage;
	/**
	 * @uid: The charged user.
	 */
	kuid_t uid;
	/**
	 * @charges: All charges for the pin.  Whoever has a reference to this
	 * charge also has one to the object of which they are a part.
	 */
	struct landlock_charges *charges;
	/**
	 * @node: Node in &landlock_charges.list.
	 */
	struct hlist_node node;
};

/**
 * struct landlock_charge_ref - Reference to a charge
 *
 * In a ruleset, or a domain, with a rule that needs the pin.
 */
struct landlock_charge_ref {
	/**
	 * @node: Node in &landlock_rules.charges.
	 */
	struct rb_node node;
	/**
	 * @charge: The charge, to which the owner of @node has only one
	 * reference.
	 */
	struct landlock_charge *charge;
};

void landlock_init_charges(struct landlock_charges *const charges);

struct landlock_charge_ref *
landlock_charge_user(struct landlock_charges *const charges);

void landlock_uncharge(struct landlock_charge_ref *const ref);

void landlock_store_charge(struct rb_root *const root,
			   struct landlock_charge_ref *const ref);

int landlock_copy_charges(struct rb_root *const dst,
			  const struct rb_root *const src);

void landlock_free_charges(struct rb_root *const root);

void landlock_release_charges(struct landlock_charges *const charges);

#endif /* _SECURITY_LANDLOCK_CHARGE_H */
