/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * 9P client: waits that end before the reply
 */

#ifndef NET_9P_FLUSH_H
#define NET_9P_FLUSH_H

#include <linux/types.h>

struct p9_client;
struct p9_fid;
struct p9_req_t;

void p9_fid_drop(struct p9_fid *fid);
bool p9_wait_refused(const struct p9_client *c);
bool p9_clunk_must_not_wait(const struct p9_client *c);
bool p9_client_leave(struct p9_client *c, struct p9_req_t *req);
bool p9_req_settle(struct p9_client *c, struct p9_req_t *req, int status);
void p9_flush_setup(struct p9_client *c);
void p9_flush_stop(struct p9_client *c);
void p9_flush_cleanup(struct p9_client *c);

#endif /* NET_9P_FLUSH_H */
