// SPDX-License-Identifier: GPL-2.0-only
/*
 * Landlock - Charges of users for the files that their rules pin
 *
 * A pin makes a server hold a file.  As for descriptors in flight on Unix
 * sockets, the number of pins that a user needs is limited by RLIMIT_NOFILE.
 *
 * A user is charged once for each pin, however many rules, rulesets, and domains
 * need it: each ruleset, and each domain, has one reference to the charges for
 * the rules that it was built from.  A pin that several users need is charged to
 * each of them, hence it does not matter who came first nor who leaves last.
 *
 * The limit is the one of the task that adds a rule.  Nothing is charged, nor
 * may fail for lack of it, when rules are inherited.
 */

#include <kunit/test.h>
#include <linux/capability.h>
#include <linux/cleanup.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/hashtable.h>
#include <linux/lockdep.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/resource.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>

#include "access.h"
#include "charge.h"

#include <trace/events/landlock.h>

/* Number of pins of a user who has at least one */
struct user_pins {
	struct hlist_node node;
	kuid_t uid;
	unsigned long num;
};

/* Lock ordering: users_lock nests inside &landlock_charges.lock. */
static DEFINE_SPINLOCK(users_lock);
static DEFINE_HASHTABLE(users, 6);

static struct user_pins *find_user_pins(const kuid_t uid)
{
	struct user_pins *user;

	lockdep_assert_held(&users_lock);
	hash_for_each_possible(users, user, node, __kuid_val(uid)) {
		if (uid_eq(user->uid, uid))
			return user;
	}
	return NULL;
}

static int count_pin(const kuid_t uid, const unsigned long limit)
{
	struct user_pins *new __free(kfree) = NULL;

	while (true) {
		scoped_guard(spinlock, &users_lock) {
			struct user_pins *user = find_user_pins(uid);

			if ((user ? user->num : 0) >= limit)
				return -EMFILE;
			if (!user && new) {
				user = no_free_ptr(new);
				hash_add(users, &user->node, __kuid_val(uid));
			}
			if (user) {
				user->num++;
				return 0;
			}
		}
		new = kzalloc_obj(*new, GFP_KERNEL_ACCOUNT);
		if (!new)
			return -ENOMEM;
		new->uid = uid;
	}
}

static void uncount_pin(const kuid_t uid)
{
	struct user_pins *user;

	guard(spinlock)
		(&users_lock);
	user = find_user_pins(uid);
	if (WARN_ON_ONCE(!user) || --user->num)
		return;
	hash_del(&user->node);
	kfree(user);
}

static int count_current_pin(void)
{
	const kuid_t uid = current_user()->uid;
	const unsigned long limit = rlimit(RLIMIT_NOFILE);
	int err;

	err = count_pin(uid, limit);
	if (err == -EMFILE) {
		if (capable(CAP_SYS_RESOURCE) || capable(CAP_SYS_ADMIN))
			return count_pin(uid, ULONG_MAX);
		trace_landlock_pin_limit(uid, limit);
	}
	return err;
}

static struct landlock_charge *
find_charge(const struct landlock_charges *const charges, const kuid_t uid)
{
	struct landlock_charge *charge;

	lockdep_assert_held(&charges->lock);
	hlist_for_each_entry(charge, &charges->list, node) {
		if (uid_eq(charge->uid, uid))
			return charge;
	}
	return NULL;
}

/* Gets a reference to the charge of @uid, if there is one. */
static struct landlock_charge *
get_charge(struct landlock_charges *const charges, const kuid_t uid)
{
	struct landlock_charge *charge;

	guard(spinlock)
		(&charges->lock);
	charge = find_charge(charges, uid);
	/* Charges leave the list when their usage drops to zero. */
	if (charge)
		refcount_inc(&charge->usage);
	return charge;
}

/* Makes @new a charge, unless its user already has one, which is returned. */
static struct landlock_charge *
insert_charge(struct landlock_charges *const charges,
	      struct landlock_charge *const new)
{
	struct landlock_charge *charge;

	guard(spinlock)
		(&charges->lock);
	charge = find_charge(charges, new->uid);
	if (charge) {
		refcount_inc(&charge->usage);
		return charge;
	}
	refcount_set(&new->usage, 1);
	new->charges = charges;
	hlist_add_head(&new->node, &charges->list);
	return new;
}

static void put_charge(struct landlock_charge *const charge)
{
	struct landlock_charges *const charges = charge->charges;

	if (!refcount_dec_and_lock(&charge->usage, &charges->lock))
		return;

	hlist_del(&charge->node);
	if (!charges->is_released)
		uncount_pin(charge->uid);
	spin_unlock(&charges->lock);
	kfree(charge);
}

/**
 * landlock_init_charges - Initialize the charges for a new pin
 *
 * @charges: The charges.
 *
 * Context: Any context.
 */
void landlock_init_charges(struct landlock_charges *const charges)
{
	INIT_HLIST_HEAD(&charges->list);
	spin_lock_init(&charges->lock);
	charges->is_released = false;
}

/**
 * landlock_charge_user - Charge the current user for a pin
 *
 * @charges: The charges for the pin, which must not be released before the
 *	caller stored the charge or gave up.
 *
 * Does nothing more than counting if the user is already charged for this pin.
 *
 * Context: Process context, may sleep.
 * Return: A reference to the charge, -EMFILE if the user already needs as many
 * pins as RLIMIT_NOFILE allows, or -ENOMEM.
 */
struct landlock_charge_ref *
landlock_charge_user(struct landlock_charges *const charges)
{
	struct landlock_charge *new __free(kfree) = NULL;
	struct landlock_charge_ref *ref __free(kfree) = NULL;
	int err;

	ref = kzalloc_obj(*ref, GFP_KERNEL_ACCOUNT);
	if (!ref)
		return ERR_PTR(-ENOMEM);

	ref->charge = get_charge(charges, current_user()->uid);
	if (ref->charge)
		return no_free_ptr(ref);

	new = kzalloc_obj(*new, GFP_KERNEL_ACCOUNT);
	if (!new)
		return ERR_PTR(-ENOMEM);

	err = count_current_pin();
	if (err)
		return ERR_PTR(err);

	new->uid = current_user()->uid;
	ref->charge = insert_charge(charges, new);
	if (ref->charge == new)
		retain_and_null_ptr(new);
	else
		uncount_pin(new->uid);
	return no_free_ptr(ref);
}

/**
 * landlock_uncharge - Put a reference to a charge
 *
 * @ref: The reference, freed.  May be NULL.
 *
 * The caller still has a reference to the pinned object.
 *
 * Context: Any context but interrupts.
 */
void landlock_uncharge(struct landlock_charge_ref *const ref)
{
	if (!ref)
		return;
	put_charge(ref->charge);
	kfree(ref);
}

static int compare_charge(const void *const key,
			  const struct rb_node *const node)
{
	const uintptr_t charge = (uintptr_t)key;
	const uintptr_t other =
		(uintptr_t)rb_entry(node, struct landlock_charge_ref, node)
			->charge;

	if (charge == other)
		return 0;
	return charge < other ? -1 : 1;
}

static int compare_ref(struct rb_node *const new,
		       const struct rb_node *const node)
{
	return compare_charge(
		rb_entry(new, struct landlock_charge_ref, node)->charge, node);
}

/**
 * landlock_store_charge - Tie a charge to a ruleset
 *
 * @root: The ruleset's &landlock_rules.charges, to which the rule is already
 *	added, and that no one else modifies.
 * @ref: The reference to the charge, owned by @root from then on.  May be NULL.
 *
 * Context: Process context.
 */
void landlock_store_charge(struct rb_root *const root,
			   struct landlock_charge_ref *const ref)
{
	if (ref && rb_find_add(&ref->node, root, compare_ref))
		landlock_uncharge(ref);
}

/**
 * landlock_copy_charges - Inherit charges
 *
 * @dst: The new domain's &landlock_rules.charges, which already has the rules
 *	related to @src.
 * @src: Charges of the parent domain, or of the ruleset.
 *
 * Context: Process context, may sleep.
 * Return: 0 on success, -ENOMEM otherwise.
 */
int landlock_copy_charges(struct rb_root *const dst,
			  const struct rb_root *const src)
{
	const struct landlock_charge_ref *ref, *next;

	rbtree_postorder_for_each_entry_safe(ref, next, src, node) {
		struct landlock_charge_ref *new;

		if (rb_find(ref->charge, dst, compare_charge))
			continue;

		new = kzalloc_obj(*new, GFP_KERNEL_ACCOUNT);
		if (!new)
			return -ENOMEM;

		refcount_inc(&ref->charge->usage);
		new->charge = ref->charge;
		rb_find_add(&new->node, dst, compare_ref);
	}
	return 0;
}

/**
 * landlock_free_charges - Put all charges of a ruleset, or of a domain
 *
 * @root: The &landlock_rules.charges, of which the rules are not yet freed.
 *
 * Context: Process context.
 */
void landlock_free_charges(struct rb_root *const root)
{
	struct landlock_charge_ref *ref, *next;

	rbtree_postorder_for_each_entry_safe(ref, next, root, node)
		landlock_uncharge(ref);
	*root = RB_ROOT;
}

/**
 * landlock_release_charges - Give all charges for a pin back
 *
 * @charges: The charges.  Rules may still refer to them.
 *
 * Context: Any context but interrupts.
 */
void landlock_release_charges(struct landlock_charges *const charges)
{
	const struct landlock_charge *charge;

	guard(spinlock)
		(&charges->lock);
	if (charges->is_released)
		return;

	charges->is_released = true;
	hlist_for_each_entry(charge, &charges->list, node)
		uncount_pin(charge->uid);
}

#ifdef CONFIG_SECURITY_LANDLOCK_KUNIT_TEST

static unsigned long test_num_pins(const kuid_t uid)
{
	const struct user_pins *user;

	guard(spinlock)
		(&users_lock);
	user = find_user_pins(uid);
	return user ? user->num : 0;
}

static void test_count_pin(struct kunit *const test)
{
	const kuid_t uid1 = KUIDT_INIT(INT_MAX);
	const kuid_t uid2 = KUIDT_INIT(INT_MAX - 1);

	KUNIT_EXPECT_EQ(test, count_pin(uid1, 0), -EMFILE);
	KUNIT_EXPECT_EQ(test, test_num_pins(uid1), 0);
	KUNIT_EXPECT_EQ(test, count_pin(uid1, 2), 0);
	KUNIT_EXPECT_EQ(test, count_pin(uid1, 2), 0);
	KUNIT_EXPECT_EQ(test, count_pin(uid1, 2), -EMFILE);
	KUNIT_EXPECT_EQ(test, test_num_pins(uid1), 2);
	KUNIT_EXPECT_EQ(test, test_num_pins(uid2), 0);
	KUNIT_EXPECT_EQ(test, count_pin(uid2, 1), 0);
	/* Who is above the limit, e.g. thanks to a capability, is denied. */
	KUNIT_EXPECT_EQ(test, count_pin(uid1, ULONG_MAX), 0);
	KUNIT_EXPECT_EQ(test, count_pin(uid1, 2), -EMFILE);

	uncount_pin(uid1);
	KUNIT_EXPECT_EQ(test, test_num_pins(uid1), 2);
	uncount_pin(uid1);
	uncount_pin(uid1);
	KUNIT_EXPECT_EQ(test, test_num_pins(uid1), 0);
	KUNIT_EXPECT_EQ(test, test_num_pins(uid2), 1);
	uncount_pin(uid2);
	KUNIT_EXPECT_EQ(test, test_num_pins(uid2), 0);
}

/* As landlock_charge_user(), for any user. */
static struct landlock_charge_ref *
test_charge(struct kunit *const test, struct landlock_charges *const charges,
	    const kuid_t uid)
{
	struct landlock_charge_ref *const ref = kzalloc_obj(*ref);
	struct landlock_charge *const new = kzalloc_obj(*new);

	KUNIT_ASSERT_NOT_NULL(test, ref);
	KUNIT_ASSERT_NOT_NULL(test, new);
	KUNIT_ASSERT_EQ(test, count_pin(uid, ULONG_MAX), 0);
	new->uid = uid;
	ref->charge = insert_charge(charges, new);
	if (ref->charge != new) {
		uncount_pin(uid);
		kfree(new);
	}
	return ref;
}

static void test_charges(struct kunit *const test)
{
	const kuid_t uid1 = KUIDT_INIT(INT_MAX);
	const kuid_t uid2 = KUIDT_INIT(INT_MAX - 1);
	struct rb_root ruleset1 = RB_ROOT, ruleset2 = RB_ROOT, domain = RB_ROOT;
	struct landlock_charges pin1, pin2;

	landlock_init_charges(&pin1);
	landlock_init_charges(&pin2);

	/* Once for each pin, in however many rules and rulesets. */
	landlock_store_charge(&ruleset1, NULL);
	landlock_store_charge(&ruleset1, test_charge(test, &pin1, uid1));
	landlock_store_charge(&ruleset1, test_charge(test, &pin1, uid1));
	landlock_store_charge(&ruleset2, test_charge(test, &pin1, uid1));
	KUNIT_EXPECT_EQ(test, test_num_pins(uid1), 1);
	landlock_store_charge(&ruleset1, test_charge(test, &pin2, uid1));
	KUNIT_EXPECT_EQ(test, test_num_pins(uid1), 2);

	/* Each user for itself */
	landlock_store_charge(&ruleset1, test_charge(test, &pin1, uid2));
	KUNIT_EXPECT_EQ(test, test_num_pins(uid1), 2);
	KUNIT_EXPECT_EQ(test, test_num_pins(uid2), 1);

	/* A domain made of both rulesets */
	KUNIT_EXPECT_EQ(test, landlock_copy_charges(&domain, &ruleset1), 0);
	KUNIT_EXPECT_EQ(test, landlock_copy_charges(&domain, &ruleset2), 0);
	KUNIT_EXPECT_EQ(test, test_num_pins(uid1), 2);
	KUNIT_EXPECT_EQ(test, test_num_pins(uid2), 1);
	landlock_free_charges(&ruleset1);
	KUNIT_EXPECT_EQ(test, test_num_pins(uid1), 2);
	KUNIT_EXPECT_EQ(test, test_num_pins(uid2), 1);
	landlock_free_charges(&domain);
	KUNIT_EXPECT_EQ(test, test_num_pins(uid1), 1);
	KUNIT_EXPECT_EQ(test, test_num_pins(uid2), 0);
	landlock_free_charges(&ruleset2);
	KUNIT_EXPECT_EQ(test, test_num_pins(uid1), 0);
	KUNIT_EXPECT_TRUE(test, hlist_empty(&pin1.list));
	KUNIT_EXPECT_TRUE(test, hlist_empty(&pin2.list));

	/* Nothing is given back twice. */
	landlock_store_charge(&ruleset1, test_charge(test, &pin1, uid1));
	landlock_store_charge(&ruleset1, test_charge(test, &pin1, uid2));
	landlock_store_charge(&ruleset1, test_charge(test, &pin2, uid1));
	landlock_release_charges(&pin1);
	landlock_release_charges(&pin1);
	KUNIT_EXPECT_EQ(test, test_num_pins(uid1), 1);
	KUNIT_EXPECT_EQ(test, test_num_pins(uid2), 0);
	landlock_free_charges(&ruleset1);
	KUNIT_EXPECT_EQ(test, test_num_pins(uid1), 0);
	KUNIT_EXPECT_TRUE(test, hlist_empty(&pin1.list));
}

static struct kunit_case test_cases[] = {
	/* clang-format off */
	KUNIT_CASE(test_count_pin),
	KUNIT_CASE(test_charges),
	{}
	/* clang-format on */
};

static struct kunit_suite test_suite = {
	.name = "landlock_charge",
	.test_cases = test_cases,
};

kunit_test_suite(test_suite);

#endif /* CONFIG_SECURITY_LANDLOCK_KUNIT_TEST */
