// SPDX-License-Identifier: GPL-2.0-only
/*
 * V9FS identity of files
 *
 * A file is named by its qid, without the version because this one changes
 * with the content.
 */

#include <linux/err.h>
#include <linux/fs.h>
#include <linux/fs_identity.h>
#include <linux/slab.h>
#include <linux/stat.h>
#include <net/9p/9p.h>
#include <net/9p/client.h>

#include "identity.h"
#include "v9fs.h"

/**
 * v9fs_identify - Get the identity of an inode's file
 *
 * @inode: The inode.
 * @identity: Filled.
 *
 * &v9fs_inode.qid, &v9fs_inode.generation and the file type are set before the
 * inode is visible, and never change.
 *
 * Context: Any context.
 * Return: True, as all files have one.
 */
bool v9fs_identify(const struct inode *const inode,
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

/**
 * v9fs_qid_is - Tell if a qid is the one of an inode
 *
 * @qid: What the server answered.
 * @inode: The inode.
 *
 * The other bits of the type (e.g. append only), and the version, may change.
 *
 * Context: Any context.
 * Return: True if it is, false otherwise.
 */
bool v9fs_qid_is(const struct p9_qid *const qid,
		 const struct inode *const inode)
{
	const struct p9_qid *const own = &V9FS_I(inode)->qid;

	/* Some servers do not tell symlinks by their qid. */
	return qid->path == own->path &&
	       !((qid->type ^ own->type) & (P9_QTDIR | P9_QTSYMLINK));
}

/**
 * v9fs_is_file - Tell if a reply is the one of an inode's file
 *
 * @qid: What the server answered.
 * @generation: What the server answered, 0 for none.
 * @inode: The inode.
 *
 * The generation only counts if both have one: who owns the file can take it
 * away from replies (e.g. chmod 0111).
 *
 * Context: Any context.
 * Return: False if it is another file, true otherwise.
 */
bool v9fs_is_file(const struct p9_qid *const qid, const u64 generation,
		  const struct inode *const inode)
{
	return v9fs_qid_is(qid, inode) &&
	       (!generation || !V9FS_I(inode)->has_generation ||
		generation == V9FS_I(inode)->generation);
}

/**
 * v9fs_ask - Ask the server what a fid leads to
 *
 * @v9ses: The session.
 * @fid: The fid.
 * @qid: Set to the qid of the file.
 * @generation: Set to its generation, or to 0 if there is none.
 *
 * Context: Process context, may sleep until the server answers or the caller is
 * killed.
 * Return: 0 or a negative error.
 */
int v9fs_ask(struct v9fs_session_info *const v9ses, struct p9_fid *const fid,
	     struct p9_qid *const qid, u64 *const generation)
{
	if (v9fs_proto_dotl(v9ses)) {
		struct p9_stat_dotl *const st = p9_client_getattr_dotl(
			fid, P9_STATS_BASIC | P9_STATS_GEN);

		if (IS_ERR(st))
			return PTR_ERR(st);
		*qid = st->qid;
		*generation = v9fs_generation(st->st_result_mask, st->st_gen);
		kfree(st);
	} else {
		struct p9_wstat *const st = p9_client_stat(fid);

		if (IS_ERR(st))
			return PTR_ERR(st);
		*qid = st->qid;
		*generation = 0;
		p9stat_free(st);
		kfree(st);
	}
	return 0;
}
