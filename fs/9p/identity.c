// SPDX-License-Identifier: GPL-2.0-only
/*
 * V9FS identity of files
 *
 * A file is named by its qid, without the version because this one changes
 * with the content.
 */

#include <linux/fs.h>
#include <linux/fs_identity.h>
#include <linux/stat.h>

#include "identity.h"
#include "v9fs.h"

/*
 * &v9fs_inode.qid, &v9fs_inode.generation and the file type are set before the
 * inode is visible, and never change.
 */
static bool v9fs_identify(const struct inode *const inode,
			  struct fs_identity *const identity)
{
	const struct v9fs_inode *const v9inode = V9FS_I(inode);

	*identity = (struct fs_identity){
		.id = v9inode->qid.path,
		.generation = v9inode->generation,
		.type = inode->i_mode & S_IFMT,
		.has_generation = v9inode->has_generation,
	};
	return true;
}

static enum fs_same v9fs_same(const struct fs_pin *const pin,
			      const struct inode *const inode)
{
	struct fs_identity identity;

	if (!v9fs_identify(inode, &identity))
		return FS_SAME_UNKNOWN;
	return fs_identity_same(&pin->identity, &identity);
}

const struct fs_identity_operations v9fs_identity_ops = {
	.identify = v9fs_identify,
	.pin = v9fs_pin,
	.unpin = v9fs_unpin,
	.same = v9fs_same,
};
