/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * 9P client: clunks that nobody waits for
 */

#ifndef NET_9P_CLUNK_H
#define NET_9P_CLUNK_H

#include <linux/stdarg.h>
#include <linux/types.h>

struct p9_client;
struct p9_fid;
struct p9_req_t;

extern struct workqueue_struct *p9_clunk_wq;

/* Provided by client.c */
struct p9_req_t *p9_client_prepare_req(struct p9_client *c, int8_t type,
				       uint t_size, uint r_size,
				       const char *fmt, va_list ap);
void p9_fid_destroy(struct p9_fid *fid);
void p9_client_free(struct p9_client *clnt);

void p9_client_wake(struct p9_client *c);
int p9_clunk_init(void);
void p9_clunk_exit(void);
void p9_clunk_setup(struct p9_client *clnt);
void p9_clunk_done(struct p9_fid *fid);
void p9_clunk_queue(struct p9_fid *fid);
void p9_pending_get(struct p9_client *clnt);
void p9_pending_put(struct p9_client *clnt);
bool p9_clunk_detached(struct p9_client *clnt);
bool p9_clunk_orphan(struct p9_client *clnt);
void p9_clunk_stop(struct p9_client *clnt);

#endif /* NET_9P_CLUNK_H */
