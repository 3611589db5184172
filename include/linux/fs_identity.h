/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Identity of files on filesystems that forget their inodes
 *
 * Some filesystems (e.g. 9p without cache) make a new inode for each lookup of
 * the same file.  Their superblocks can have identity operations, thanks to
 * which a user such as an LSM recognizes a file by the name that its server
 * gives it, and keeps this name from being given to another file.
 *
 * LIFETIME
 *
 * &super_block.s_identity_op is set when the superblock is filled, and does not
 * change afterwards.  A pin must be released before the end of
 * security_sb_delete(): it holds neither the superblock, nor an inode, nor a
 * dentry, nor a mount.
 */

#ifndef _LINUX_FS_IDENTITY_H
#define _LINUX_FS_IDENTITY_H

#include <linux/fs.h>
#include <linux/types.h>

struct dentry;

/**
 * struct fs_identity - What makes a file this file, within its superblock
 *
 * Set once per inode, when the inode is made.
 */
struct fs_identity {
	/**
	 * @id: The server's own number for the file.  It may be given to
	 * another file once this one is deleted and not pinned.
	 */
	u64 id;
	/**
	 * @generation: Tells apart successive files with the same @id.  0 if
	 * not @has_generation.
	 */
	u64 generation;
	/**
	 * @type: File type (%S_IFMT bits).
	 */
	umode_t type;
	/**
	 * @has_generation: Whether the server gave a @generation.
	 */
	bool has_generation;
};

/**
 * enum fs_answer - Answer to: is this inode that pinned file?  Is this file
 * beneath that directory?
 */
enum fs_answer {
	/**
	 * @FS_ANSWER_NO: It is not.
	 */
	FS_ANSWER_NO,
	/**
	 * @FS_ANSWER_YES: It is.
	 */
	FS_ANSWER_YES,
	/**
	 * @FS_ANSWER_UNKNOWN: There is no way to tell.  Must never be taken as
	 * a yes, nor as a no where a missing rule widens access rights.
	 */
	FS_ANSWER_UNKNOWN,
	/**
	 * @FS_ANSWER_LOST: It cannot be told anymore, for any inode: the pin
	 * does not hold its file.  Only an answer of
	 * &fs_identity_operations.same.
	 */
	FS_ANSWER_LOST,
};

/**
 * struct fs_pin - Makes the server hold a file, and with it its identity
 *
 * Embedded by the filesystem in its own type.
 */
struct fs_pin {
	/**
	 * @identity: The identity that is pinned.  Immutable.
	 */
	struct fs_identity identity;
};

/**
 * struct fs_identity_operations - Identity operations of a superblock
 *
 * The caller keeps the superblock alive during a call.
 */
struct fs_identity_operations {
	/**
	 * @identify: Copies the identity of @inode to @identity.  Returns
	 * false if the file has none, in which case the inode is the only
	 * identity.
	 *
	 * Context: Any context, including RCU read-side critical sections.
	 * Sends nothing, takes no lock.
	 */
	bool (*identify)(const struct inode *inode,
			 struct fs_identity *identity);
	/**
	 * @memo_offs: Where the unsigned long that the user of pins remembers
	 * of an inode is, from the &struct inode on.  It is 0 for a new inode.
	 */
	ptrdiff_t memo_offs;
	/**
	 * @pin: Makes the server hold the (positive) @dentry's file with the
	 * rights of the caller.
	 *
	 * Returns the pin or:
	 *
	 * - -%EINTR: the caller got killed;
	 * - -%EIO: the server did not answer as it should;
	 * - -%ENFILE: the server cannot hold more files;
	 * - -%ENOMEM: out of memory;
	 * - -%EOPNOTSUPP: the type of the file or its permissions forbid it;
	 * - -%ESTALE: the name now leads to another file or to none.
	 *
	 * Context: Process context, may sleep and wait for a server.  The
	 * caller must not hold any lock.
	 */
	struct fs_pin *(*pin)(struct dentry *dentry);
	/**
	 * @unpin: Releases @pin, without waiting for the server.
	 *
	 * Context: Process context, may be called with spinlocks held.
	 */
	void (*unpin)(struct fs_pin *pin);
	/**
	 * @same: Tells if the file of the (positive) @dentry is the one held by
	 * @pin.
	 *
	 * Context: Process context, may sleep and wait for a server.  Must
	 * take none of the locks of inodes and renames, which the caller may
	 * hold.
	 */
	enum fs_answer (*same)(struct fs_pin *pin, struct dentry *dentry);
	/**
	 * @beneath: Tells if the server leads from @ancestor, through the names
	 * of the dentries below it, to the file of @dentry, and if these two
	 * are still what can be reached through them.  They may be equal.
	 *
	 * With @exact, the answer is only yes if all directories in between are
	 * the ones of their dentries.
	 *
	 * Context: Process context, may sleep and wait for a server.  Must
	 * take none of the locks of inodes and renames, which the caller may
	 * hold.
	 */
	enum fs_answer (*beneath)(struct dentry *ancestor,
				  struct dentry *dentry, bool exact);
};

/**
 * fs_identity_memo - Get what the user of pins remembers of an inode
 *
 * @inode: An inode of a superblock with identity operations.
 *
 * Context: Any context, including RCU read-side critical sections.
 * Return: Where it is.
 */
static inline unsigned long *fs_identity_memo(struct inode *const inode)
{
	return (void *)inode + inode->i_sb->s_identity_op->memo_offs;
}

/**
 * fs_identity_cmp_number - Order identities, whatever their generation
 *
 * @a: An identity.
 * @b: Another identity.
 *
 * Context: Any context.
 * Return: A value lower than, equal to, or greater than 0.
 */
static inline int fs_identity_cmp_number(const struct fs_identity *const a,
					 const struct fs_identity *const b)
{
	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	return 0;
}

/**
 * fs_identity_same - Tell if two identities are the ones of one file
 *
 * @a: An identity.
 * @b: Another identity.
 *
 * Without generations, equal identities only mean one file as long as a pin
 * holds it.
 *
 * Context: Any context.
 * Return: %FS_ANSWER_UNKNOWN if only one of the otherwise equal identities has a
 * generation, %FS_ANSWER_YES or %FS_ANSWER_NO otherwise.
 */
static inline enum fs_answer fs_identity_same(const struct fs_identity *const a,
					      const struct fs_identity *const b)
{
	if (fs_identity_cmp_number(a, b))
		return FS_ANSWER_NO;
	if (a->has_generation != b->has_generation)
		return FS_ANSWER_UNKNOWN;
	return a->generation == b->generation ? FS_ANSWER_YES : FS_ANSWER_NO;
}

#endif /* _LINUX_FS_IDENTITY_H */
