// SPDX-License-Identifier: GPL-2.0-only
/*
 * Landlock - Objects pinned by the identity of their file
 *
 * A filesystem may make a new inode for each lookup of the same file.  If its
 * superblock has identity operations, then a rule is not tied to an inode but
 * to the identity of the file, and the related object owns a pin that keeps
 * this identity from being given to another file.
 *
 * LOCKING
 *
 * landlock_pins.lock, then landlock_object.lock.  No lock is held while the
 * filesystem creates a pin, because it may wait for a server.
 *
 * LIFETIME
 *
 * A pinned object is shared by all the rules on its identity, which own it.
 * It is in the tree of its superblock from its creation until its last rule is
 * gone or its superblock is deleted, whichever comes first.  It then matches
 * nothing, for good.  Whoever sets landlock_object.underobj (the superblock) to
 * NULL with landlock_object.lock held releases the pin:
 *
 * - release_pinned_object() for the last rule;
 * - landlock_release_pins() for the superblock, which then waits for concurrent
 *   calls to release_pinned_object() (cf. hook_sb_delete()).
 *
 * Contrary to objects tied to inodes, an object whose usage dropped to zero can
 * stay a short time in the tree.  A new object then takes its place, without
 * waiting.
 */

#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/fs_identity.h>
#include <linux/rbtree.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/seqlock.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/stat.h>
#include <linux/wait_bit.h>

#include "fs.h"
#include "object.h"
#include "pin.h"

/**
 * struct landlock_pinned_object - Object tied to the identity of a file
 */
struct landlock_pinned_object {
	/**
	 * @object: The object used as a key by rules.  Must be the first
	 * member because landlock_put_object() frees it.  Its underobj is the
	 * superblock.
	 */
	struct landlock_object object;
	/**
	 * @node: Node in &landlock_pins.root, protected by
	 * &landlock_pins.lock.  Cleared once removed.
	 */
	struct rb_node node;
	/**
	 * @identity: Key of @node.  Immutable.
	 */
	struct fs_identity identity;
	/**
	 * @pin: Owned by this object until its underobj is NULL.
	 */
	struct fs_pin *pin;
};

/* Makes sure that landlock_put_object() frees the whole object. */
static_assert(offsetof(struct landlock_pinned_object, object) == 0);

static int compare_identity(const void *const key,
			    const struct rb_node *const node)
{
	return fs_identity_cmp(
		key,
		&rb_entry(node, struct landlock_pinned_object, node)->identity);
}

static int compare_node(struct rb_node *const new,
			const struct rb_node *const node)
{
	return compare_identity(
		&rb_entry(new, struct landlock_pinned_object, node)->identity,
		node);
}

static struct landlock_pinned_object *
find_pinned(struct landlock_pins *const pins,
	    const struct fs_identity *const identity)
{
	struct rb_node *node;
	unsigned int seq;

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(),
			 "find_pinned() needs RCU protection");

	/* A concurrent rotation may hide a node, but not make one up. */
	do {
		seq = read_seqbegin(&pins->lock);
		node = rb_find_rcu(identity, &pins->root, compare_identity);
	} while (!node && read_seqretry(&pins->lock, seq));

	return rb_entry_safe(node, struct landlock_pinned_object, node);
}

/*
 * Adds @new to the tree, in place of an object that is going away if there is
 * one.
 *
 * Returns @new, or a referenced object with the same identity.
 */
static struct landlock_pinned_object *
insert_pinned(struct landlock_pins *const pins,
	      struct landlock_pinned_object *const new)
{
	struct landlock_pinned_object *old;
	struct rb_node *node;

	write_seqlock(&pins->lock);
	node = rb_find_add_rcu(&new->node, &pins->root, compare_node);
	if (!node) {
		write_sequnlock(&pins->lock);
		return new;
	}

	old = rb_entry(node, struct landlock_pinned_object, node);
	if (refcount_inc_not_zero(&old->object.usage)) {
		write_sequnlock(&pins->lock);
		return old;
	}

	/*
	 * We are racing with release_pinned_object().  Once out of the tree,
	 * @old is hidden from landlock_release_pins(): makes sure that it is
	 * already counted in inode_refs.
	 */
	spin_lock(&old->object.lock);
	spin_unlock(&old->object.lock);
	rb_replace_node_rcu(node, &new->node, &pins->root);
	RB_CLEAR_NODE(node);
	write_sequnlock(&pins->lock);
	return new;
}

static void erase_pinned(struct landlock_pins *const pins,
			 struct landlock_pinned_object *const pinned)
{
	lockdep_assert_held(&pins->lock.lock);

	if (RB_EMPTY_NODE(&pinned->node))
		return;

	rb_erase(&pinned->node, &pins->root);
	RB_CLEAR_NODE(&pinned->node);
}

static void release_pinned_object(struct landlock_object *const object)
	__releases(object->lock)
{
	struct landlock_pinned_object *const pinned =
		container_of(object, struct landlock_pinned_object, object);
	struct super_block *const sb = object->underobj;
	struct landlock_superblock_security *sb_sec;

	if (!sb) {
		spin_unlock(&object->lock);
		return;
	}

	/* From now on, landlock_release_pins() leaves the pin to us. */
	object->underobj = NULL;
	/*
	 * Makes sure that if the filesystem is concurrently unmounted,
	 * hook_sb_delete() will wait for us to finish with @sb.
	 */
	sb_sec = landlock_superblock(sb);
	atomic_long_inc(&sb_sec->inode_refs);
	spin_unlock(&object->lock);

	write_seqlock(&sb_sec->pins.lock);
	erase_pinned(&sb_sec->pins, pinned);
	write_sequnlock(&sb_sec->pins.lock);
	sb->s_identity_op->unpin(pinned->pin);

	if (atomic_long_dec_and_test(&sb_sec->inode_refs))
		wake_up_var(&sb_sec->inode_refs);
}

static const struct landlock_object_underops landlock_pin_underops = {
	.release = release_pinned_object,
};

static struct landlock_pinned_object *
create_pinned(struct super_block *const sb,
	      const struct fs_identity *const identity)
{
	struct landlock_pinned_object *const new =
		kzalloc_obj(*new, GFP_KERNEL_ACCOUNT);

	if (!new)
		return NULL;
	landlock_init_object(&new->object, &landlock_pin_underops, sb);
	new->identity = *identity;
	return new;
}

/**
 * landlock_get_pinned_object - Get the object tied to a file's identity
 *
 * @dentry: The positive dentry of the file, of which the caller keeps the
 *	superblock alive.
 *
 * If there is no such object, then pins the file and creates the object.
 *
 * Context: Process context, may sleep and wait for a server.
 * Return: A referenced object on success, -EOPNOTSUPP if this file can only be
 * identified by its inode, or another error of &fs_identity_operations.pin.
 */
struct landlock_object *landlock_get_pinned_object(struct dentry *const dentry)
{
	struct super_block *const sb = dentry->d_sb;
	struct landlock_pins *const pins = &landlock_superblock(sb)->pins;
	struct landlock_pinned_object *new, *pinned;
	struct fs_identity identity;
	struct fs_pin *pin;

	might_sleep();

	if (!landlock_may_be_pinned(dentry) ||
	    !sb->s_identity_op->identify(d_backing_inode(dentry), &identity))
		return ERR_PTR(-EOPNOTSUPP);

	scoped_guard(rcu) {
		pinned = find_pinned(pins, &identity);
		if (pinned && refcount_inc_not_zero(&pinned->object.usage))
			return &pinned->object;
	}

	pin = sb->s_identity_op->pin(dentry);
	if (IS_ERR(pin))
		return ERR_CAST(pin);

	new = create_pinned(sb, &pin->identity);
	if (!new) {
		sb->s_identity_op->unpin(pin);
		return ERR_PTR(-ENOMEM);
	}
	new->pin = pin;

	pinned = insert_pinned(pins, new);
	if (pinned != new) {
		/* Someone else just pinned this file. */
		sb->s_identity_op->unpin(pin);
		kfree(new);
	}
	return &pinned->object;
}

/**
 * landlock_find_pinned_object - Find the object with a file's identity
 *
 * @dentry: The positive dentry of the file.
 *
 * Context: Any context.  Does not lock, does not sleep.
 * Return: The object or NULL.  The object may not be dereferenced, unless the
 * caller knows that it is alive, e.g. because a rule of its domain has this
 * object as key.
 */
struct landlock_object *
landlock_find_pinned_object(const struct dentry *const dentry)
{
	struct super_block *const sb = dentry->d_sb;
	struct landlock_pins *const pins = &landlock_superblock(sb)->pins;
	struct landlock_pinned_object *pinned;
	struct fs_identity identity;

	if (RB_EMPTY_ROOT(&pins->root))
		return NULL;
	if (!sb->s_identity_op->identify(d_backing_inode(dentry), &identity))
		return NULL;

	scoped_guard(rcu)
		pinned = find_pinned(pins, &identity);
	return pinned ? &pinned->object : NULL;
}

/**
 * landlock_is_pinned - Tell if a file is the one for which an object stands
 *
 * @object: An object found by landlock_find_pinned_object(), referenced by a
 *	rule.
 * @dentry: The positive dentry of the file, of which the caller keeps the
 *	superblock alive.
 *
 * Context: Process context, may sleep.
 * Return: True if the filesystem is sure that this is the pinned file, false
 * otherwise.
 */
bool landlock_is_pinned(const struct landlock_object *const object,
			const struct dentry *const dentry)
{
	const struct landlock_pinned_object *const pinned =
		container_of(object, struct landlock_pinned_object, object);

	return dentry->d_sb->s_identity_op->same(
		       pinned->pin, d_backing_inode(dentry)) == FS_SAME_YES;
}

/**
 * landlock_release_pins - Release all pins of a superblock
 *
 * @sb: The superblock, for which no new object can be created.
 *
 * The caller must wait for &landlock_superblock_security.inode_refs.
 *
 * Context: Process context.  Takes &landlock_pins.lock.
 */
void landlock_release_pins(struct super_block *const sb)
{
	struct landlock_pins *const pins = &landlock_superblock(sb)->pins;
	struct rb_node *node;

	if (!sb->s_identity_op)
		return;

	write_seqlock(&pins->lock);
	while ((node = rb_first(&pins->root))) {
		struct landlock_pinned_object *const pinned =
			rb_entry(node, struct landlock_pinned_object, node);

		/*
		 * A concurrent release_pinned_object() needs the tree's lock,
		 * hence @pinned cannot be freed yet.
		 */
		erase_pinned(pins, pinned);
		spin_lock(&pinned->object.lock);
		if (pinned->object.underobj) {
			pinned->object.underobj = NULL;
			sb->s_identity_op->unpin(pinned->pin);
		}
		spin_unlock(&pinned->object.lock);
	}
	write_sequnlock(&pins->lock);
}

/**
 * landlock_init_pins - Initialize the pins of a new superblock
 *
 * @pins: The pins.
 *
 * Context: Any context.
 */
void landlock_init_pins(struct landlock_pins *const pins)
{
	seqlock_init(&pins->lock);
	pins->root = RB_ROOT;
}

#ifdef CONFIG_SECURITY_LANDLOCK_KUNIT_TEST

static void test_identity_cmp(struct kunit *const test)
{
	/* In ascending order. */
	static const struct fs_identity identities[] = {
		{ .id = 0, .type = S_IFDIR },
		{ .id = 1, .type = S_IFDIR },
		{ .id = 1,
		  .type = S_IFDIR,
		  .generation = 1,
		  .has_generation = true },
		{ .id = 1,
		  .type = S_IFDIR,
		  .generation = 1ULL << 32 | 1,
		  .has_generation = true },
		{ .id = 1, .type = S_IFREG },
		{ .id = 1ULL << 32 | 1, .type = S_IFDIR },
		{ .id = ~0ULL, .type = S_IFREG },
	};

	for (size_t i = 0; i < ARRAY_SIZE(identities); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(identities); j++) {
			const int cmp =
				fs_identity_cmp(&identities[i], &identities[j]);

			KUNIT_EXPECT_EQ(test, cmp < 0, i < j);
			KUNIT_EXPECT_EQ(test, cmp > 0, i > j);
		}
	}
}

static void test_identity_same(struct kunit *const test)
{
	const struct fs_identity none = { .id = 1, .type = S_IFREG };
	const struct fs_identity dir = { .id = 1, .type = S_IFDIR };
	const struct fs_identity gen1 = {
		.id = 1,
		.type = S_IFREG,
		.generation = 1,
		.has_generation = true,
	};
	struct fs_identity gen2 = gen1;

	gen2.generation = 1ULL << 32 | 1;

	KUNIT_EXPECT_EQ(test, fs_identity_same(&none, &none), FS_SAME_YES);
	KUNIT_EXPECT_EQ(test, fs_identity_same(&gen1, &gen1), FS_SAME_YES);
	KUNIT_EXPECT_EQ(test, fs_identity_same(&none, &dir), FS_SAME_NO);
	KUNIT_EXPECT_EQ(test, fs_identity_same(&gen1, &gen2), FS_SAME_NO);
	/* Unknown is never yes, whichever lost its generation. */
	KUNIT_EXPECT_EQ(test, fs_identity_same(&none, &gen1), FS_SAME_UNKNOWN);
	KUNIT_EXPECT_EQ(test, fs_identity_same(&gen1, &none), FS_SAME_UNKNOWN);
}

#define TEST_NUM_PINS 64

static void test_pins(struct kunit *const test)
{
	struct landlock_pinned_object *objects, *again;
	struct landlock_pins pins;

	objects = kunit_kcalloc(test, TEST_NUM_PINS + 1, sizeof(*objects),
				GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, objects);
	again = &objects[TEST_NUM_PINS];
	landlock_init_pins(&pins);

	for (size_t i = 0; i < TEST_NUM_PINS; i++) {
		/* Twins: each id twice, with two generations. */
		objects[i].identity = (struct fs_identity){
			.id = (i / 2) * 7919 % 64,
			.type = S_IFREG,
			.generation = i % 2 + 1,
			.has_generation = true,
		};
		refcount_set(&objects[i].object.usage, 1);
		spin_lock_init(&objects[i].object.lock);
		KUNIT_EXPECT_PTR_EQ(test, insert_pinned(&pins, &objects[i]),
				    &objects[i]);
	}

	rcu_read_lock();
	for (size_t i = 0; i < TEST_NUM_PINS; i++)
		KUNIT_EXPECT_PTR_EQ(test,
				    find_pinned(&pins, &objects[i].identity),
				    &objects[i]);

	/* A living object is shared... */
	again->identity = objects[0].identity;
	KUNIT_EXPECT_PTR_EQ(test, insert_pinned(&pins, again), &objects[0]);
	KUNIT_EXPECT_EQ(test, refcount_read(&objects[0].object.usage), 2);

	/* ...but one that is going away is replaced... */
	refcount_set(&objects[0].object.usage, 0);
	refcount_set(&again->object.usage, 1);
	KUNIT_EXPECT_PTR_EQ(test, insert_pinned(&pins, again), again);
	KUNIT_EXPECT_PTR_EQ(test, find_pinned(&pins, &again->identity), again);
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_NODE(&objects[0].node));

	/* ...and does not take its successor with it. */
	write_seqlock(&pins.lock);
	erase_pinned(&pins, &objects[0]);
	write_sequnlock(&pins.lock);
	KUNIT_EXPECT_PTR_EQ(test, find_pinned(&pins, &again->identity), again);

	write_seqlock(&pins.lock);
	erase_pinned(&pins, again);
	write_sequnlock(&pins.lock);
	KUNIT_EXPECT_NULL(test, find_pinned(&pins, &again->identity));
	KUNIT_EXPECT_PTR_EQ(test, find_pinned(&pins, &objects[1].identity),
			    &objects[1]);
	rcu_read_unlock();
}

static struct kunit_case test_cases[] = {
	/* clang-format off */
	KUNIT_CASE(test_identity_cmp),
	KUNIT_CASE(test_identity_same),
	KUNIT_CASE(test_pins),
	{}
	/* clang-format on */
};

static struct kunit_suite test_suite = {
	.name = "landlock_pin",
	.test_cases = test_cases,
};

kunit_test_suite(test_suite);

#endif /* CONFIG_SECURITY_LANDLOCK_KUNIT_TEST */
