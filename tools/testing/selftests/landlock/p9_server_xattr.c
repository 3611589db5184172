// SPDX-License-Identifier: GPL-2.0-only
/*
 * Extended attributes of the in-test 9p server
 *
 * Clients can only read them; p9s_set_xattr() sets them on the server.  Until
 * it is used, the server has none: EOPNOTSUPP.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "p9_server_int.h"

int p9s_do_xattrwalk(struct p9s_call *const call)
{
	struct p9s_state *const srv = call->srv;
	const uint32_t number = p9s_get(&call->in, 4);
	const uint32_t new_number = p9s_get(&call->in, 4);
	const char *const name = p9s_get_str(call);
	const struct p9t_xattr *xattr;
	struct p9s_fid *fid, *new_fid;
	struct p9t_node *node;
	int err;

	if (!name || call->in.bad)
		return -EINVAL;
	fid = p9s_call_fid(call, number);
	if (!fid)
		return -EBADF;
	if (p9s_fid_find(srv, call->conn, new_number)) {
		p9s_violation(srv, P9S_V_FID_IN_USE);
		return -EBADF;
	}
	/* No lists. */
	if (!srv->tree.has_xattrs || !*name)
		return -EOPNOTSUPP;
	err = p9s_fid_attr_node(srv, fid, &node);
	if (err)
		return err;
	xattr = p9t_xattr(node, name);
	if (!xattr)
		return -ENODATA;

	new_fid = p9s_fid_new(srv, call->conn, new_number);
	p9s_fid_clone(srv, new_fid, fid);
	new_fid->xattr = true;
	new_fid->records = p9t_alloc(xattr->size);
	memcpy(new_fid->records, xattr->value, xattr->size);
	new_fid->records_size = xattr->size;
	p9s_put(&call->out, xattr->size, 8);
	return 0;
}

int p9s_read_xattr(struct p9s_call *const call, const struct p9s_fid *const fid,
		   const uint64_t offset, uint32_t count)
{
	if (offset >= fid->records_size)
		count = 0;
	else if (count > fid->records_size - offset)
		count = fid->records_size - offset;
	p9s_put(&call->out, count, 4);
	if (count)
		p9s_put_data(&call->out, fid->records + offset, count);
	return 0;
}

int p9s_set_xattr(struct p9_server *const srv, const char *const path,
		  const char *const name, const void *const value,
		  const size_t size)
{
	struct p9s_ctl ctl = {
		.op = P9S_CTL_SET_XATTR,
		.arg[0] = !!value,
		.len = size,
	};

	if (size > sizeof(ctl.data))
		return -E2BIG;
	if (strlen(path) >= sizeof(ctl.path1) ||
	    strlen(name) >= sizeof(ctl.path2))
		return -ENAMETOOLONG;
	strcpy(ctl.path1, path);
	strcpy(ctl.path2, name);
	if (size)
		memcpy(ctl.data, value, size);
	return p9s_rpc(srv, &ctl, -1);
}
