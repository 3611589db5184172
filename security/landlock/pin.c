// SPDX-License-Identifier: GPL-2.0-only
/*
 * Landlock - Objects pinned by the identity of their file
 *
 * A filesystem may make a new inode for each lookup of the same file.  If its
 * superblock has identity operations, then a rule is not tied to an inode but
 * to the identity of the file, and the related object owns a pin that keeps
 * this identity from being given to another file.
 *
 * Several living files may have the same number on the server, e.g. when it was
 * given anew after a deletion that the pin did not prevent.  The objects of such
 * twins are chained, and the filesystem tells which one is which file.
 *
 * LOCKING
 *
 * landlock_pins.lock, then landlock_object.lock.  No lock is held while the
 * filesystem creates a pin, because it may wait for a server.
 *
 * LIFETIME
 *
 * A pinned object is shared by all the rules on its file, which own it.  It is
 * in the tree of its superblock from its creation until its last rule is gone
 * or its superblock is deleted, whichever comes first.  It then matches nothing,
 * for good; and so does one of which the filesystem lost the file, because what
 * has its number from then on may be another file.  Whoever sets
 * landlock_object.underobj (the superblock) to NULL with landlock_object.lock
 * held releases the pin:
 *
 * - release_pinned_object() for the last rule;
 * - landlock_release_pins() for the superblock, which then waits for concurrent
 *   calls to release_pinned_object() (cf. hook_sb_delete()).
 *
 * Contrary to an object tied to an inode, one whose usage dropped to zero does
 * not prevent the creation of a new one: they are twins for a short time.
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
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/seqlock.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/stat.h>
#include <linux/wait_bit.h>

#include "access.h"
#include "charge.h"
#include "domain.h"
#include "fs.h"
#include "object.h"
#include "pin.h"
#include "ruleset.h"

#include <trace/events/landlock.h>

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
	 * @node: Node in &landlock_pins.root if this is the first twin,
	 * cleared otherwise.  Protected by &landlock_pins.lock.
	 */
	struct rb_node node;
	/**
	 * @next_twin: Next object with the same number and type.  Kept when
	 * this object is removed, so that lockless readers reach the end of
	 * the chain.  Modifications are protected by &landlock_pins.lock.
	 */
	struct landlock_pinned_object __rcu *next_twin;
	/**
	 * @identity: Immutable copy of the pin's one, because lockless readers
	 * may outlive the pin.
	 */
	struct fs_identity identity;
	/**
	 * @pin: Owned by this object until its underobj is NULL.
	 */
	struct fs_pin *pin;
	/**
	 * @is_lost: Set once the filesystem lost the file of @pin.  This object
	 * then matches nothing, for good.
	 */
	bool is_lost;
	/**
	 * @charges: Users who are charged for @pin.
	 */
	struct landlock_charges charges;
};

/* Makes sure that landlock_put_object() frees the whole object. */
static_assert(offsetof(struct landlock_pinned_object, object) == 0);

static struct landlock_pinned_object *
node_to_pinned(const struct rb_node *const node)
{
	return rb_entry_safe(node, struct landlock_pinned_object, node);
}

static int compare_number(const void *const key,
			  const struct rb_node *const node)
{
	return fs_identity_cmp_number(key, &node_to_pinned(node)->identity);
}

static int compare_node(struct rb_node *const new,
			const struct rb_node *const node)
{
	return compare_number(&node_to_pinned(new)->identity, node);
}

/* Returns the first of the twins that @identity may be the one of. */
static struct landlock_pinned_object *
find_twins(const struct landlock_pins *const pins,
	   const struct fs_identity *const identity)
{
	struct rb_node *node;
	unsigned int seq;

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(),
			 "find_twins() needs RCU protection");

	/* A concurrent rotation may hide a node, but not make one up. */
	do {
		seq = read_seqbegin(&pins->lock);
		node = rb_find_rcu(identity, &pins->root, compare_number);
	} while (!node && read_seqretry(&pins->lock, seq));

	return node_to_pinned(node);
}

static struct landlock_pinned_object *
next_twin(const struct landlock_pinned_object *const pinned)
{
	return rcu_dereference(pinned->next_twin);
}

/* Gets a reference to the next object of @identity in a chain. */
static struct landlock_pinned_object *
get_twin(struct landlock_pinned_object *pinned,
	 const struct fs_identity *const identity)
{
	for (; pinned; pinned = next_twin(pinned)) {
		if (!READ_ONCE(pinned->is_lost) &&
		    fs_identity_same(&pinned->identity, identity) ==
			    FS_ANSWER_YES &&
		    refcount_inc_not_zero(&pinned->object.usage))
			return pinned;
	}
	return NULL;
}

/*
 * Adds @new to the tree, unless objects were added since @num_added was read, one
 * of which may be for the same file.
 */
static bool insert_pinned(struct landlock_pins *const pins,
			  struct landlock_pinned_object *const new,
			  const unsigned long num_added)
{
	struct landlock_pinned_object *first;
	bool is_added;

	write_seqlock(&pins->lock);
	is_added = pins->num_added == num_added;
	if (is_added) {
		first = node_to_pinned(
			rb_find_add_rcu(&new->node, &pins->root, compare_node));
		if (first) {
			RB_CLEAR_NODE(&new->node);
			RCU_INIT_POINTER(new->next_twin, first->next_twin);
			rcu_assign_pointer(first->next_twin, new);
		}
		if (!(num_added + 1))
			WRITE_ONCE(pins->has_wrapped, true);
		/* Whoever sees this number finds @new. */
		/* 0 is for inodes that were not looked up. */
		smp_store_release(&pins->num_added, num_added + 1 ?: 1);
	}
	write_sequnlock(&pins->lock);
	return is_added;
}

static void erase_pinned(struct landlock_pins *const pins,
			 struct landlock_pinned_object *const pinned)
{
	struct landlock_pinned_object *const next = rcu_dereference_protected(
		pinned->next_twin, lockdep_is_held(&pins->lock.lock));
	struct landlock_pinned_object *twin;

	if (!RB_EMPTY_NODE(&pinned->node)) {
		if (next)
			rb_replace_node_rcu(&pinned->node, &next->node,
					    &pins->root);
		else
			rb_erase(&pinned->node, &pins->root);
		RB_CLEAR_NODE(&pinned->node);
		return;
	}

	twin = node_to_pinned(
		rb_find(&pinned->identity, &pins->root, compare_number));
	while (twin) {
		struct landlock_pinned_object *const after =
			rcu_dereference_protected(
				twin->next_twin,
				lockdep_is_held(&pins->lock.lock));

		if (after == pinned) {
			rcu_assign_pointer(twin->next_twin, next);
			return;
		}
		twin = after;
	}
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
	/*
	 * The tree still refers to @object, but its usage is zero: until it is
	 * erased, nobody takes a reference to it.
	 */
	spin_unlock(&object->lock);

	write_seqlock(&sb_sec->pins.lock);
	erase_pinned(&sb_sec->pins, pinned);
	write_sequnlock(&sb_sec->pins.lock);
	trace_landlock_unpin(sb, &pinned->identity, false,
			     READ_ONCE(pinned->is_lost));
	sb->s_identity_op->unpin(pinned->pin);

	if (atomic_long_dec_and_test(&sb_sec->inode_refs))
		wake_up_var(&sb_sec->inode_refs);
}

static const struct landlock_object_underops landlock_pin_underops = {
	.release = release_pinned_object,
};

/*
 * Gets the object of @dentry's file, if there is one.
 *
 * Without a generation, equal identities may be the ones of several files, and
 * the one of a pin may be lost: the filesystem has to tell.
 */
static struct landlock_pinned_object *
find_pinned(const struct landlock_pins *const pins, struct dentry *const dentry,
	    const struct fs_identity *const identity)
{
	const struct fs_identity_operations *const ops =
		dentry->d_sb->s_identity_op;
	struct landlock_pinned_object *pinned, *next;
	enum fs_answer answer;

	scoped_guard(rcu)
		pinned = get_twin(find_twins(pins, identity), identity);
	while (pinned && !identity->has_generation) {
		int err = 0;

		answer = ops->same(pinned->pin, dentry);
		if (answer == FS_ANSWER_YES) {
			/* Is the dentry still its own file? */
			answer = ops->beneath(dentry, dentry, false);
			if (answer == FS_ANSWER_YES)
				return pinned;
			err = answer == FS_ANSWER_NO ? -ESTALE : -EIO;
		} else if (answer == FS_ANSWER_UNKNOWN) {
			err = -EIO;
		} else if (answer == FS_ANSWER_LOST) {
			WRITE_ONCE(pinned->is_lost, true);
		}
		if (err) {
			landlock_put_object(&pinned->object);
			return ERR_PTR(fatal_signal_pending(current) ? -EINTR :
								       err);
		}
		/* Chained as long as there is a reference. */
		scoped_guard(rcu)
			next = get_twin(next_twin(pinned), identity);
		landlock_put_object(&pinned->object);
		pinned = next;
	}
	return pinned;
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
 * identified by its inode, -EIO if the filesystem does not tell whether it is
 * already pinned, or another error of &fs_identity_operations.pin.
 */
struct landlock_object *landlock_get_pinned_object(struct dentry *const dentry)
{
	struct super_block *const sb = dentry->d_sb;
	struct landlock_pins *const pins = &landlock_superblock(sb)->pins;
	struct landlock_pinned_object *new = NULL, *pinned;
	struct fs_identity identity;
	struct fs_pin *pin;
	unsigned long num_added;

	might_sleep();

	if (!landlock_may_be_pinned(dentry) ||
	    !sb->s_identity_op->identify(d_backing_inode(dentry), &identity))
		return ERR_PTR(-EOPNOTSUPP);

	while (true) {
		/* Before the search. */
		num_added = smp_load_acquire(&pins->num_added);
		pinned = find_pinned(pins, dentry, &identity);
		if (pinned)
			break;
		if (!new) {
			pin = sb->s_identity_op->pin(dentry);
			if (IS_ERR(pin))
				return ERR_CAST(pin);

			new = kzalloc_obj(*new, GFP_KERNEL_ACCOUNT);
			if (!new) {
				sb->s_identity_op->unpin(pin);
				return ERR_PTR(-ENOMEM);
			}
			landlock_init_object(&new->object,
					     &landlock_pin_underops, sb);
			new->identity = pin->identity;
			new->pin = pin;
			landlock_init_charges(&new->charges);
		}
		if (insert_pinned(pins, new, num_added)) {
			trace_landlock_pin(sb, &new->identity);
			return &new->object;
		}
		/* Someone else may just have pinned this file. */
	}

	if (new) {
		sb->s_identity_op->unpin(new->pin);
		kfree(new);
	}
	return IS_ERR(pinned) ? ERR_CAST(pinned) : &pinned->object;
}

/**
 * landlock_is_pinned - Tell if an object is tied to the identity of a file
 *
 * @object: The object.
 *
 * Context: Any context.
 * Return: False if @object is tied to an inode, true otherwise.
 */
bool landlock_is_pinned(const struct landlock_object *const object)
{
	return object->underops == &landlock_pin_underops;
}

/**
 * landlock_charge_object - Charge the current user for an object's pin
 *
 * @object: The object, of which the caller keeps the superblock alive.
 *
 * Context: Process context, may sleep.
 * Return: See landlock_charge_user(), or NULL if @object is not pinned.
 */
struct landlock_charge_ref *
landlock_charge_object(struct landlock_object *const object)
{
	if (!landlock_is_pinned(object))
		return NULL;

	return landlock_charge_user(
		&container_of(object, struct landlock_pinned_object, object)
			 ->charges);
}

/**
 * landlock_enter_pins - Get ready to look for the pinned files of a superblock
 *
 * @place: The place, updated.
 * @sb: The superblock, with landlock_may_be_pinned().
 *
 * Context: Any context.
 */
void landlock_enter_pins(struct landlock_place *const place,
			 const struct super_block *const sb)
{
	const struct landlock_pins *const pins = &landlock_superblock(sb)->pins;

	place->num_added = smp_load_acquire(&pins->num_added);
	/* It may be the one of long ago. */
	if (unlikely(READ_ONCE(pins->has_wrapped)))
		place->num_added = LANDLOCK_NO_MEMO;
}

/* Tells if a rule grants something that is not granted yet. */
static bool may_rule_grant(const struct landlock_rule *const rule,
			   const struct layer_masks *const masks)
{
	for (size_t i = 0; i < rule->num_layers; i++) {
		const struct landlock_layer *const layer = &rule->layers[i];

		if (masks->layers[layer->level - 1].access & layer->access)
			return true;
	}
	return false;
}

/* Tells if a rule may change @masks. */
static bool is_rule_useful(const struct landlock_rule *const rule,
			   const struct layer_masks *const masks)
{
#ifdef CONFIG_SECURITY_LANDLOCK_LOG
	for (size_t i = 0; i < rule->num_layers; i++) {
		const struct landlock_layer *const layer = &rule->layers[i];

		if (layer->flags.quiet &&
		    !masks->layers[layer->level - 1].quiet)
			return true;
	}
#endif /* CONFIG_SECURITY_LANDLOCK_LOG */
	return may_rule_grant(rule, masks);
}

/**
 * landlock_trace_contradict - Emit a tracepoint for a rule that does not count
 *
 * @domain: The domain.
 * @inode: The inode of the ruled file.
 * @is_beneath: Whether the question was if the file leads to the accessed one.
 * @answer: The filesystem's answer.
 *
 * Context: Any context.
 */
void landlock_trace_contradict(const struct landlock_domain *const domain,
			       const struct inode *const inode,
			       const bool is_beneath,
			       const enum fs_answer answer)
{
	const struct super_block *const sb = inode->i_sb;
	struct fs_identity identity;

	if (!trace_landlock_contradict_enabled())
		return;

	if (!sb->s_identity_op->identify(inode, &identity))
		identity = (struct fs_identity){
			.id = inode->i_ino,
			.type = inode->i_mode & S_IFMT,
		};
	trace_landlock_contradict(domain, sb, &identity, is_beneath, answer);
}

/* Tells if @dentry, which has @rule, leads to where the walk started. */
static bool leads_to_place(const struct landlock_domain *const domain,
			   const struct landlock_rule *const rule,
			   struct dentry *const dentry,
			   struct landlock_place *const place,
			   const struct layer_masks *const masks)
{
	enum fs_answer answer;

	/* A place that is known to be right was only compared by number. */
	answer = dentry->d_sb->s_identity_op->beneath(
		dentry, place->dentry ?: dentry, false);
	if (answer == FS_ANSWER_YES)
		return true;

	place->is_unsure |= may_rule_grant(rule, masks);
	landlock_trace_contradict(domain, d_backing_inode(dentry), true,
				  answer);
	return false;
}

/**
 * landlock_is_rule_effective - Tell if the rule of an inode counts
 *
 * @domain: The domain.
 * @dentry: The positive dentry of the inode, with landlock_may_be_pinned().
 * @place: Where the walk started.
 * @masks: What is not granted yet.
 * @id: The inode's object.
 *
 * Asks the filesystem only if it makes a difference.
 *
 * Context: Process context, may sleep if the filesystem has to.
 * Return: True if @domain has a rule for the inode and the filesystem is sure
 * that @dentry leads to where the walk started, false otherwise.
 */
bool landlock_is_rule_effective(const struct landlock_domain *const domain,
				struct dentry *const dentry,
				struct landlock_place *const place,
				const struct layer_masks *const masks,
				const struct landlock_id id)
{
	const struct landlock_rule *const rule = landlock_find_rule(domain, id);

	return rule && is_rule_useful(rule, masks) &&
	       leads_to_place(domain, rule, dentry, place, masks);
}

/*
 * Tells if a file of @identity, which is the one of @pinned, may also be the one of
 * another rule.  The rule of @pinned keeps it in the chain.
 */
static bool is_twin_unknown(const struct landlock_domain *const domain,
			    const struct landlock_pinned_object *const pinned,
			    const struct fs_identity *const identity,
			    const struct layer_masks *const masks)
{
	const struct landlock_pinned_object *twin;
	bool found = false;

	rcu_read_lock();
	for (twin = next_twin(pinned); twin && !found; twin = next_twin(twin)) {
		const struct landlock_id id = {
			.key.object = (struct landlock_object *)&twin->object,
			.type = LANDLOCK_KEY_INODE,
		};
		const struct landlock_rule *rule;

		if (fs_identity_same(&twin->identity, identity) !=
		    FS_ANSWER_UNKNOWN)
			continue;
		rule = landlock_find_rule(domain, id);
		found = rule && may_rule_grant(rule, masks);
	}
	rcu_read_unlock();
	return found;
}

/**
 * landlock_get_pinned_id - Look up a file's object that a domain has a rule for
 *
 * @domain: The domain.
 * @dentry: The positive dentry of the file, of which the caller keeps the
 *	superblock alive, and with landlock_may_be_pinned().
 * @place: Where the walk started, updated.
 * @masks: What is not granted yet.
 * @id: Filled with the object if there is one, undefined otherwise.
 *
 * Asks the filesystem only if it makes a difference.
 *
 * Context: Process context, may sleep if the filesystem has to.
 * Return: True if @domain has a rule for a pinned file, and the filesystem is
 * sure that @dentry is this file and leads to where the walk started, false
 * otherwise.
 */
bool landlock_get_pinned_id(const struct landlock_domain *const domain,
			    struct dentry *const dentry,
			    struct landlock_place *const place,
			    const struct layer_masks *const masks,
			    struct landlock_id *const id)
{
	struct super_block *const sb = dentry->d_sb;
	const struct fs_identity_operations *const ops = sb->s_identity_op;
	const struct landlock_pins *const pins = &landlock_superblock(sb)->pins;
	struct inode *const inode = d_backing_inode(dentry);
	struct landlock_pinned_object *pinned;
	struct fs_identity identity;

	if (!ops->identify(inode, &identity))
		return false;

	rcu_read_lock();
	pinned = find_twins(pins, &identity);
	if (!pinned && place->num_added != LANDLOCK_NO_MEMO)
		WRITE_ONCE(*fs_identity_memo(inode), place->num_added);
	for (; pinned; pinned = next_twin(pinned)) {
		const struct landlock_rule *rule;
		enum fs_answer answer;

		id->key.object = &pinned->object;
		rule = landlock_find_rule(domain, *id);
		if (!rule || !is_rule_useful(rule, masks))
			continue;

		/*
		 * The rule keeps @pinned in the tree, whereas a twin of another
		 * domain may be freed out of the RCU read-side critical
		 * section.
		 */
		rcu_read_unlock();
		answer = READ_ONCE(pinned->is_lost) ?
				 FS_ANSWER_LOST :
				 ops->same(pinned->pin, dentry);
		switch (answer) {
		case FS_ANSWER_YES:
			if (is_twin_unknown(domain, pinned, &identity, masks))
				place->is_unsure = true;
			return leads_to_place(domain, rule, dentry, place,
					      masks);
		case FS_ANSWER_LOST:
			WRITE_ONCE(pinned->is_lost, true);
			fallthrough;
		case FS_ANSWER_UNKNOWN:
			place->is_unsure |= may_rule_grant(rule, masks);
			break;
		case FS_ANSWER_NO:
			/* Is the dentry still its own file, or this one? */
			if (!place->dentry && may_rule_grant(rule, masks) &&
			    ops->beneath(dentry, dentry, false) !=
				    FS_ANSWER_YES)
				place->is_unsure = true;
			break;
		}
		trace_landlock_contradict(domain, sb, &pinned->identity, false,
					  answer);
		rcu_read_lock();
	}
	rcu_read_unlock();
	return false;
}

/**
 * landlock_release_pins - Release all pins of a superblock
 *
 * @sb: The superblock, for which no new object can be created.
 *
 * The caller must wait for &landlock_superblock_security.inode_refs.
 *
 * Context: Process context, may sleep.
 */
void landlock_release_pins(struct super_block *const sb)
{
	struct landlock_pins *const pins = &landlock_superblock(sb)->pins;

	if (!sb->s_identity_op)
		return;

	while (true) {
		struct landlock_pinned_object *pinned;
		struct fs_pin *pin = NULL;
		bool is_lost;

		write_seqlock(&pins->lock);
		pinned = node_to_pinned(rb_first(&pins->root));
		if (!pinned) {
			write_sequnlock(&pins->lock);
			return;
		}
		erase_pinned(pins, pinned);
		landlock_release_charges(&pinned->charges);
		/*
		 * A concurrent release_pinned_object() needs the tree's lock,
		 * hence @pinned is not freed before we unlock it.
		 */
		spin_lock(&pinned->object.lock);
		if (pinned->object.underobj) {
			pinned->object.underobj = NULL;
			pin = pinned->pin;
			is_lost = READ_ONCE(pinned->is_lost);
		}
		spin_unlock(&pinned->object.lock);
		write_sequnlock(&pins->lock);

		if (pin) {
			trace_landlock_unpin(sb, &pin->identity, true, is_lost);
			sb->s_identity_op->unpin(pin);
		}
		cond_resched();
	}
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
	pins->num_added = 0;
	pins->has_wrapped = false;
}

#ifdef CONFIG_SECURITY_LANDLOCK_KUNIT_TEST

static void test_identity_cmp_number(struct kunit *const test)
{
	/* In ascending order, whatever the generation. */
	static const struct fs_identity identities[] = {
		{ .id = 0, .type = S_IFREG },
		{ .id = 1, .type = S_IFDIR },
		{ .id = 1, .type = S_IFREG },
		{ .id = 1ULL << 32, .type = S_IFDIR },
		{ .id = 1ULL << 32 | 1, .type = S_IFDIR },
		{ .id = ~0ULL, .type = S_IFREG },
	};

	for (size_t i = 0; i < ARRAY_SIZE(identities); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(identities); j++) {
			struct fs_identity other = identities[j];
			int cmp;

			other.generation = 1;
			other.has_generation = true;
			cmp = fs_identity_cmp_number(&identities[i], &other);
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

	KUNIT_EXPECT_EQ(test, fs_identity_same(&none, &none), FS_ANSWER_YES);
	KUNIT_EXPECT_EQ(test, fs_identity_same(&gen1, &gen1), FS_ANSWER_YES);
	KUNIT_EXPECT_EQ(test, fs_identity_same(&none, &dir), FS_ANSWER_NO);
	KUNIT_EXPECT_EQ(test, fs_identity_same(&gen1, &gen2), FS_ANSWER_NO);
	/* Unknown is never yes, whichever lost its generation. */
	KUNIT_EXPECT_EQ(test, fs_identity_same(&none, &gen1),
			FS_ANSWER_UNKNOWN);
	KUNIT_EXPECT_EQ(test, fs_identity_same(&gen1, &none),
			FS_ANSWER_UNKNOWN);
}

#define TEST_NUM_TWINS 3
#define TEST_NUM_PINS (32 * TEST_NUM_TWINS)

static struct landlock_pinned_object *
test_find(struct landlock_pins *const pins,
	  const struct landlock_pinned_object *const wanted)
{
	struct landlock_pinned_object *found;

	rcu_read_lock();
	found = get_twin(find_twins(pins, &wanted->identity),
			 &wanted->identity);
	rcu_read_unlock();
	if (found)
		refcount_dec(&found->object.usage);
	return found;
}

static void test_erase(struct landlock_pins *const pins,
		       struct landlock_pinned_object *const pinned)
{
	write_seqlock(&pins->lock);
	erase_pinned(pins, pinned);
	write_sequnlock(&pins->lock);
}

static void test_pins(struct kunit *const test)
{
	struct landlock_pinned_object *objects, *again;
	struct landlock_pins pins;

	objects = kunit_kcalloc(test, TEST_NUM_PINS + 1, sizeof(*objects),
				GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, objects);
	landlock_init_pins(&pins);

	for (size_t i = 0; i < TEST_NUM_PINS; i++) {
		objects[i].identity = (struct fs_identity){
			.id = (i / TEST_NUM_TWINS) * 7919 % 64,
			.type = S_IFREG,
			.generation = i % TEST_NUM_TWINS,
			.has_generation = i % TEST_NUM_TWINS,
		};
		refcount_set(&objects[i].object.usage, 1);
		KUNIT_EXPECT_TRUE(test, insert_pinned(&pins, &objects[i], i));
	}
	for (size_t i = 0; i < TEST_NUM_PINS; i++)
		KUNIT_EXPECT_PTR_EQ(test, test_find(&pins, &objects[i]),
				    &objects[i]);

	/* What was added meanwhile may be the same... */
	again = &objects[TEST_NUM_PINS];
	again->identity = objects[1].identity;
	KUNIT_EXPECT_FALSE(test,
			   insert_pinned(&pins, again, TEST_NUM_PINS - 1));
	KUNIT_EXPECT_PTR_EQ(test, test_find(&pins, again), &objects[1]);

	/* ...but not what is going away... */
	refcount_set(&objects[1].object.usage, 0);
	KUNIT_EXPECT_NULL(test, test_find(&pins, again));
	refcount_set(&again->object.usage, 1);
	KUNIT_EXPECT_TRUE(test, insert_pinned(&pins, again, TEST_NUM_PINS));
	KUNIT_EXPECT_PTR_EQ(test, test_find(&pins, again), again);

	/* ...which does not take its twins with it, wherever they are. */
	test_erase(&pins, &objects[1]);
	KUNIT_EXPECT_PTR_EQ(test, test_find(&pins, again), again);
	KUNIT_EXPECT_PTR_EQ(test, test_find(&pins, &objects[2]), &objects[2]);
	test_erase(&pins, &objects[0]);
	KUNIT_EXPECT_NULL(test, test_find(&pins, &objects[0]));
	KUNIT_EXPECT_PTR_EQ(test, test_find(&pins, again), again);
	test_erase(&pins, again);
	KUNIT_EXPECT_PTR_EQ(test, test_find(&pins, &objects[2]), &objects[2]);
	test_erase(&pins, &objects[2]);
	KUNIT_EXPECT_NULL(test, test_find(&pins, &objects[2]));

	for (size_t i = TEST_NUM_TWINS; i < TEST_NUM_PINS; i++) {
		KUNIT_EXPECT_PTR_EQ(test, test_find(&pins, &objects[i]),
				    &objects[i]);
		test_erase(&pins, &objects[i]);
		KUNIT_EXPECT_NULL(test, test_find(&pins, &objects[i]));
	}
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_ROOT(&pins.root));
}

static struct kunit_case test_cases[] = {
	/* clang-format off */
	KUNIT_CASE(test_identity_cmp_number),
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
