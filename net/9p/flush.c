// SPDX-License-Identifier: GPL-2.0-only
/*
 * 9P client: waits that end before the reply
 *
 * A task that is killed while it waits for a reply leaves its request behind.
 * A worker sends Tflush for it, and reaps it when its reply or that of the
 * Tflush comes, or when the transport ends.  Until then, the request keeps what
 * the server may still use: its tag, its buffers (also the pages of the task
 * for a zero copy), and its fids.  Nothing is allocated for the task.
 *
 * If the reply comes before Rflush, then the request took effect: what it made
 * (e.g. the new fid of a Twalk) is clunked.  A Tclunk is not flushed: as a
 * request without a waiter, it is what it would have been with
 * p9_fid_put_nowait().
 *
 * WAITS
 *
 * A task that was killed before it sent its request cannot be woken up by
 * another kill.  This is the case for what a killed task does on its way out
 * (e.g. to write back dirty pages), which works with a server that answers.
 * With one that does not, the first such wait ends after P9_WAIT_GRACE, and
 * until a reply comes (&p9_client.silent), there is no other one.  The same
 * goes for the Tclunk of any exiting task or kernel thread, which must not
 * depend on a server either.  All other waits of those (e.g. to write back)
 * only end with the reply, a forced unmount, or the transport.
 *
 * A forced unmount ends all waits.
 *
 * LOCKING
 *
 * &p9_client.lock protects the lists @left and @left_done, and the @left* marks
 * of requests.  With this lock, a reply comes either before a request is left
 * or after that, see p9_req_settle().
 *
 * LIFETIME
 *
 * Requests in these lists, hence with a reference, count as
 * p9_pending_get(): they have an end before the client.  A request is only
 * reaped by a worker, because replies are handled with locks of the transport
 * held.  A Tflush holds a reference to its request, because a tag must not be
 * used again before Rflush.
 */

#include <linux/array_size.h>
#include <linux/atomic.h>
#include <linux/errno.h>
#include <linux/fs_context.h>
#include <linux/idr.h>
#include <linux/kstrtox.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/unaligned.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <net/9p/9p.h>
#include <net/9p/client.h>
#include <net/9p/transport.h>

#include "clunk.h"
#include "flush.h"

/* How long a task that cannot be killed waits for a server that is silent. */
#define P9_WAIT_GRACE (3 * HZ)

/* How long others wait for what killed tasks left. */
#define P9_LEFT_GRACE (10 * HZ)

/* As in Tsetattr. */
#define P9_SETATTR_SIZE (1 << 3)

/* Time before sending again when there is no memory or no room in a ring. */
#define P9_FLUSH_RETRY msecs_to_jiffies(20)

/*
 * TIF_SIGPENDING may be cleared, and the signal of a killed task was dequeued
 * once it exits.
 */
static bool p9_task_dying(void)
{
	return __fatal_signal_pending(current) ||
	       ((current->flags & PF_EXITING) && (current->exit_code & 0x7f));
}

static bool p9_task_unkillable(void)
{
	return current->flags & (PF_KTHREAD | PF_EXITING);
}

/**
 * p9_fid_drop - Drop a reference to a fid that the server does not know
 *
 * @fid: The fid.
 *
 * Context: Any context.
 */
void p9_fid_drop(struct p9_fid *const fid)
{
	if (refcount_dec_and_test(&fid->count))
		p9_fid_destroy(fid);
}

/**
 * p9_wait_refused - Tell if there is no point in sending a request
 *
 * @c: The client.
 *
 * Context: Process context.
 * Return: True if the caller is dying and the server let somebody in this case
 * wait for nothing, false otherwise.
 */
bool p9_wait_refused(const struct p9_client *const c)
{
	return READ_ONCE(c->silent) && p9_task_dying();
}

/**
 * p9_clunk_must_not_wait - Tell if a Tclunk must be left to a worker
 *
 * @c: The client.
 *
 * Context: Process context.
 * Return: True if the caller is dying, if the session ends, or if the caller
 * cannot be killed and the server is silent; false otherwise.
 */
bool p9_clunk_must_not_wait(const struct p9_client *const c)
{
	return READ_ONCE(c->status) != Connected || p9_task_dying() ||
	       (READ_ONCE(c->silent) && p9_task_unkillable());
}

static bool p9_wait_over(const struct p9_client *const c,
			 const struct p9_req_t *const req)
{
	return READ_ONCE(req->status) >= REQ_STATUS_RCVD ||
	       READ_ONCE(c->status) != Connected;
}

/**
 * p9_client_may_block - Tell if a transport may wait before it sends a request
 *
 * @req: The request.
 *
 * Context: Process context.
 * Return: True if the wait (which must be killable) can be ended by a kill,
 * false if the transport must return -EAGAIN instead of waiting.
 */
bool p9_client_may_block(const struct p9_req_t *const req)
{
	if (req->tc.id == P9_TCLUNK && p9_task_unkillable())
		return false;
	return !req->nowait && !p9_task_dying();
}
EXPORT_SYMBOL(p9_client_may_block);

/**
 * p9_client_wait - Wait for a reply
 *
 * @c: The client.
 * @req: The request, which was sent.
 *
 * Context: Process context.  May sleep until the server answers, the caller is
 * killed, or the session ends; with a limit if the caller cannot be killed, see
 * above.
 * Return: 0 if the request has its final status, -ERESTARTSYS if the caller
 * must not wait anymore, -EIO if the session ended.
 */
int p9_client_wait(struct p9_client *const c, struct p9_req_t *const req)
{
	int err = 0;

	if (!fatal_signal_pending(current) &&
	    (p9_task_dying() ||
	     (req->tc.id == P9_TCLUNK && p9_task_unkillable()))) {
		if (!wait_event_timeout(req->wq, p9_wait_over(c, req),
					P9_WAIT_GRACE)) {
			WRITE_ONCE(c->silent, true);
			err = -ERESTARTSYS;
		}
	} else {
		err = io_wait_event_killable(req->wq, p9_wait_over(c, req));
	}

	/* Pairs with p9_req_settle(). */
	if (smp_load_acquire(&req->status) >= REQ_STATUS_RCVD)
		return 0;
	return err ?: -EIO;
}
EXPORT_SYMBOL(p9_client_wait);

/* Keeps a fid in a request, which the task has a reference to. */
static struct p9_fid *p9_left_number(struct p9_client *const c,
				     const u32 number)
{
	struct p9_fid *fid;

	lockdep_assert_held(&c->lock);
	fid = idr_find(&c->fids, number);
	if (!fid || !refcount_inc_not_zero(&fid->count))
		return NULL;
	return fid;
}

static struct p9_fid *p9_left_fid(struct p9_client *const c,
				  const struct p9_req_t *const req,
				  const size_t pos)
{
	if (req->tc.size < pos + sizeof(u32))
		return NULL;
	return p9_left_number(c, get_unaligned_le32(req->tc.sdata + pos));
}

/* The fid of a hard link of 9P2000.u: Tcreate has its number as a string. */
static struct p9_fid *p9_left_link(struct p9_client *const c,
				   const struct p9_req_t *const req)
{
	const u8 *const tc = req->tc.sdata;
	/* After the fid comes the name, then mode bits and a mode. */
	const size_t name = P9_HDRSZ + sizeof(u32);
	const size_t perm = name + sizeof(u16) + get_unaligned_le16(tc + name);
	const size_t link = perm + sizeof(u32) + sizeof(u8);
	char string[12] = {};
	u32 number;

	if (!p9_is_proto_dotu(c) ||
	    !(get_unaligned_le32(tc + perm) & P9_DMLINK))
		return NULL;

	memcpy(string, tc + link + sizeof(u16),
	       min_t(size_t, get_unaligned_le16(tc + link),
		     sizeof(string) - 1));
	/* What v9fs_vfs_link() made of it ends with a newline. */
	return kstrtou32(string, 10, &number) ? NULL :
						p9_left_number(c, number);
}

static void p9_left_fids(struct p9_client *const c, struct p9_req_t *const req)
{
	const size_t first = P9_HDRSZ, second = first + sizeof(u32);
	struct p9_fid **const fids = req->left_fids;

	switch (req->tc.id) {
	case P9_TVERSION:
	case P9_TAUTH:
		return;
	case P9_TATTACH:
		req->left_newfid = p9_left_fid(c, req, first);
		return;
	}

	fids[0] = p9_left_fid(c, req, first);
	switch (req->tc.id) {
	case P9_TWALK:
	case P9_TXATTRWALK:
		req->left_newfid = p9_left_fid(c, req, second);
		break;
	case P9_TLINK:
	case P9_TRENAME:
		fids[1] = p9_left_fid(c, req, second);
		break;
	case P9_TCREATE:
		fids[1] = p9_left_link(c, req);
		break;
	case P9_TRENAMEAT:
		/* After a name. */
		fids[1] = p9_left_fid(
			c, req,
			second + sizeof(u16) +
				get_unaligned_le16(req->tc.sdata + second));
		break;
	}

	/* A walk without a new fid. */
	if (req->left_newfid && req->left_newfid == fids[0]) {
		refcount_dec(&req->left_newfid->count);
		req->left_newfid = NULL;
	}
}

static bool p9_is_rename(const struct p9_req_t *const req)
{
	return req->tc.id == P9_TRENAME || req->tc.id == P9_TRENAMEAT ||
	       req->tc.id == P9_TWSTAT;
}

static bool p9_sets_size(const struct p9_req_t *const req)
{
	/* After the fid. */
	const size_t pos = P9_HDRSZ + sizeof(u32);

	return req->tc.size >= pos + sizeof(u32) &&
	       (get_unaligned_le32(req->tc.sdata + pos) & P9_SETATTR_SIZE);
}

/*
 * Makes or removes a name, or sets a size: for many servers, of what has a path by
 * then.
 */
static bool p9_acts(const struct p9_req_t *const req)
{
	switch (req->tc.id) {
	case P9_TLCREATE:
	case P9_TCREATE:
	case P9_TSYMLINK:
	case P9_TMKNOD:
	case P9_TMKDIR:
	case P9_TLINK:
	case P9_TUNLINKAT:
	case P9_TREMOVE:
		return true;
	case P9_TSETATTR:
		return p9_sets_size(req);
	default:
		return p9_is_rename(req);
	}
}

/* Also sets the size, or takes the name, of what another task made meanwhile. */
static bool p9_harms(const struct p9_req_t *const req)
{
	return req->tc.id == P9_TLCREATE || req->tc.id == P9_TCREATE ||
	       req->tc.id == P9_TSETATTR || p9_is_rename(req);
}

/*
 * What a task does after it saw the end of another one must not be followed by
 * what that one wrote or renamed.  A server that answers to Tflush makes sure of
 * that.
 */
static void p9_left_settled(struct p9_client *const c,
			    struct p9_req_t *const req)
{
	if (req->tc.id != P9_TWRITE && req->tc.id != P9_TSETATTR &&
	    !p9_is_rename(req))
		return;

	if (READ_ONCE(c->silent))
		return;

	if (!wait_event_timeout(req->wq, p9_wait_over(c, req), P9_WAIT_GRACE))
		WRITE_ONCE(c->silent, true);
}

/**
 * p9_client_leave - Leave a request behind
 *
 * @c: The client.
 * @req: The request, which was sent.
 *
 * Context: Process context, may sleep for P9_WAIT_GRACE.
 * Return: True if the caller must not use @req anymore, except to drop its
 * reference; false if the request has its final status.
 */
bool p9_client_leave(struct p9_client *const c, struct p9_req_t *const req)
{
	unsigned long flags;

	/* Still in a queue: the server will not know of it. */
	if (req->tc.id != P9_TCLUNK && !c->trans_mod->cancel(c, req))
		return true;

	spin_lock_irqsave(&c->lock, flags);
	if (READ_ONCE(req->status) >= REQ_STATUS_RCVD) {
		spin_unlock_irqrestore(&c->lock, flags);
		return false;
	}

	p9_req_get(req);
	p9_pending_get(c);
	p9_left_fids(c, req);
	if (p9_is_rename(req))
		atomic_inc(&c->renames_left);
	if (p9_acts(req)) {
		if (atomic_inc_return(&c->acts_left) == 1)
			WRITE_ONCE(c->left_stuck, false);
		if (p9_harms(req))
			atomic_inc(&c->harms_left);
	}
	req->left = true;
	if (req->tc.id == P9_TCLUNK || req->tc.id == P9_TVERSION) {
		list_add_tail(&req->left_list, &c->left);
	} else {
		req->left_flush = true;
		list_add(&req->left_list, &c->left);
		queue_delayed_work(p9_clunk_wq, &c->flush_work, 0);
	}
	spin_unlock_irqrestore(&c->lock, flags);
	p9_left_settled(c, req);
	return true;
}

/**
 * p9_client_is_left - Tell if what killed tasks left may still change something
 *
 * @c: The client.
 * @left: Its &p9_client.acts_left or &p9_client.harms_left.
 *
 * Context: Any context.
 * Return: True if the server may still do it, and the session goes on.
 */
bool p9_client_is_left(const struct p9_client *const c,
		       const atomic_t *const left)
{
	return atomic_read_acquire(left) && READ_ONCE(c->status) == Connected;
}
EXPORT_SYMBOL(p9_client_is_left);

/**
 * p9_client_wait_left - Wait until the server is done with what killed tasks left
 *
 * @c: The client.
 * @left: Its &p9_client.acts_left or &p9_client.harms_left.
 *
 * The caller makes sure that nothing more is left meanwhile.
 *
 * Context: Process context.  May sleep for P9_LEFT_GRACE, until the server answers,
 * the caller is killed, or the session ends.
 * Return: 0 if nothing is left, or if the session ended, -EBUSY if the server does
 * not answer, -ERESTARTSYS if the caller is killed.
 */
int p9_client_wait_left(struct p9_client *const c, const atomic_t *const left)
{
	long ret;

	if (!p9_client_is_left(c, left))
		return 0;
	/* Once is enough. */
	if (READ_ONCE(c->left_stuck))
		return -EBUSY;

	ret = wait_event_killable_timeout(
		c->clunk_wait, !p9_client_is_left(c, left), P9_LEFT_GRACE);
	if (ret < 0)
		return ret;
	if (ret)
		return 0;
	WRITE_ONCE(c->left_stuck, true);
	return -EBUSY;
}
EXPORT_SYMBOL(p9_client_wait_left);

/**
 * p9_req_settle - Set the final status of a request
 *
 * @c: The client.
 * @req: The request.
 * @status: Its status.
 *
 * Context: Any context.  Called by p9_client_cb(), possibly with locks of the
 * transport held.
 * Return: True if the request is reaped by a worker, and the reference of the
 * caller dropped; false if somebody waits for it or if it is a clunk.
 */
bool p9_req_settle(struct p9_client *const c, struct p9_req_t *const req,
		   const int status)
{
	unsigned long flags;
	bool left;

	spin_lock_irqsave(&c->lock, flags);
	if (status == REQ_STATUS_RCVD && READ_ONCE(c->silent))
		WRITE_ONCE(c->silent, false);
	left = req->left;
	if (left) {
		list_move_tail(&req->left_list, &c->left_done);
		queue_delayed_work(p9_clunk_wq, &c->flush_work, 0);
	}
	/* Makes sure that who sees this status also sees the reply. */
	smp_store_release(&req->status, status);
	/*
	 * Still locked: once it is not, the client may go away with its last
	 * request.  The list has another reference.
	 */
	if (left) {
		wake_up(&req->wq);
		refcount_dec(&req->refcount);
	}
	spin_unlock_irqrestore(&c->lock, flags);
	return left;
}

static bool p9_is_refusal(struct p9_req_t *const req)
{
	s8 type;

	if (req->status != REQ_STATUS_RCVD ||
	    p9_parse_header(&req->rc, NULL, &type, NULL, 1))
		return false;
	return type == P9_RERROR || type == P9_RLERROR;
}

/*
 * Frees a request that is not in a list anymore.  @flushed: it did not take
 * effect.  @closed: there is no server anymore.
 */
static void p9_left_end(struct p9_client *const c, struct p9_req_t *const req,
			const bool flushed, const bool closed)
{
	const bool refused = p9_is_refusal(req);
	bool gone = closed;
	size_t i;

	if (p9_is_rename(req)) {
		atomic64_inc_return(&c->renames_late);
		atomic_dec_return(&c->renames_left);
	}
	/* Last, for p9_client_wait_left(). */
	if (p9_acts(req)) {
		WRITE_ONCE(c->left_stuck, false);
		if (p9_harms(req))
			atomic_dec_return(&c->harms_left);
		atomic_dec_return(&c->acts_left);
		wake_up(&c->clunk_wait);
	}

	if (req->left_newfid) {
		if (closed || flushed || refused)
			p9_fid_drop(req->left_newfid);
		else
			p9_fid_put_nowait(req->left_newfid);
	}

	/* These end their fid in any case. */
	if (req->tc.id == P9_TCLUNK)
		gone = true;
	else if (req->tc.id == P9_TREMOVE && !flushed)
		gone = true;
	for (i = 0; i < ARRAY_SIZE(req->left_fids); i++) {
		if (!req->left_fids[i])
			continue;
		if (gone)
			p9_fid_drop(req->left_fids[i]);
		else
			p9_fid_put_nowait(req->left_fids[i]);
	}

	p9_req_put(c, req);
	spin_lock_irq(&c->lock);
	p9_pending_put(c);
	spin_unlock_irq(&c->lock);
}

/* After an Rflush, there is no reply. */
static void p9_flushed(struct p9_client *const c, struct p9_req_t *const req)
{
	bool left;

	/* The transport (e.g. a device) still has it, and gives it back. */
	if (c->trans_mod->cancelled &&
	    READ_ONCE(req->status) < REQ_STATUS_RCVD &&
	    c->trans_mod->cancelled(c, req))
		return;

	spin_lock_irq(&c->lock);
	left = req->left && (READ_ONCE(req->status) < REQ_STATUS_RCVD ||
			     READ_ONCE(req->status) == REQ_STATUS_FLSHD);
	if (left) {
		req->left = false;
		list_del_init(&req->left_list);
		WRITE_ONCE(req->status, REQ_STATUS_FLSHD);
		wake_up(&req->wq);
	}
	spin_unlock_irq(&c->lock);
	if (left)
		p9_left_end(c, req, true, false);
}

static void p9_flush_end(struct p9_client *const c, struct p9_req_t *const req,
			 const bool closed)
{
	struct p9_req_t *const flushes = req->flushes;

	if (!flushes) {
		p9_left_end(c, req, req->status == REQ_STATUS_FLSHD, closed);
		return;
	}

	if (!closed && req->status == REQ_STATUS_RCVD && !p9_is_refusal(req))
		p9_flushed(c, flushes);
	p9_req_put(c, flushes);
	p9_left_end(c, req, false, closed);
}

static struct p9_req_t *p9_flush_prepare(struct p9_client *const c,
					 const char *const fmt, ...)
{
	const uint rsize = c->trans_mod->pooled_rbuffers ? c->msize : 0;
	struct p9_req_t *req;
	va_list ap;

	va_start(ap, fmt);
	req = p9_client_prepare_req(c, P9_TFLUSH, 0, rsize, fmt, ap);
	va_end(ap);
	return req;
}

static int p9_flush_send(struct p9_client *const c,
			 struct p9_req_t *const flushes)
{
	struct p9_req_t *req;
	int err;

	req = p9_flush_prepare(c, "w", flushes->tc.tag);
	if (IS_ERR(req))
		return PTR_ERR(req);

	p9_debug(P9_DEBUG_9P, ">>> TFLUSH tag %d\n", flushes->tc.tag);
	req->tc.zc = false;
	req->rc.zc = false;
	req->nowait = true;
	p9_req_get(flushes);
	req->flushes = flushes;
	spin_lock_irq(&c->lock);
	p9_pending_get(c);
	req->left = true;
	list_add_tail(&req->left_list, &c->left);
	spin_unlock_irq(&c->lock);

	err = c->trans_mod->request(c, req);
	if (err < 0) {
		spin_lock_irq(&c->lock);
		req->left = false;
		list_del_init(&req->left_list);
		p9_pending_put(c);
		spin_unlock_irq(&c->lock);
		p9_req_put(c, flushes);
		/* The reply will not come, drop the transport's reference. */
		p9_req_put(c, req);
		p9_req_put(c, req);
	}
	return err;
}

static struct p9_req_t *p9_left_done(struct p9_client *const c)
{
	struct p9_req_t *req;

	spin_lock_irq(&c->lock);
	req = list_first_entry_or_null(&c->left_done, struct p9_req_t,
				       left_list);
	if (req) {
		req->left = false;
		list_del_init(&req->left_list);
	}
	spin_unlock_irq(&c->lock);
	return req;
}

/* Those that need a Tflush are in front. */
static struct p9_req_t *p9_left_to_flush(struct p9_client *const c)
{
	struct p9_req_t *req;

	spin_lock_irq(&c->lock);
	req = list_first_entry_or_null(&c->left, struct p9_req_t, left_list);
	if (req && req->left_flush && READ_ONCE(c->status) == Connected) {
		req->left_flush = false;
		list_move_tail(&req->left_list, &c->left);
		p9_req_get(req);
	} else {
		req = NULL;
	}
	spin_unlock_irq(&c->lock);
	return req;
}

static void p9_flush_again(struct p9_client *const c,
			   struct p9_req_t *const req)
{
	spin_lock_irq(&c->lock);
	/* The reply may have come. */
	if (req->left && READ_ONCE(req->status) < REQ_STATUS_RCVD) {
		req->left_flush = true;
		list_move(&req->left_list, &c->left);
		queue_delayed_work(p9_clunk_wq, &c->flush_work, P9_FLUSH_RETRY);
	}
	spin_unlock_irq(&c->lock);
}

static void p9_flush_work(struct work_struct *const work)
{
	struct p9_client *const c = container_of(to_delayed_work(work),
						 struct p9_client, flush_work);
	struct p9_req_t *req;
	int err;

	while ((req = p9_left_done(c)))
		p9_flush_end(c, req, false);

	while ((req = p9_left_to_flush(c))) {
		err = p9_flush_send(c, req);
		if (err == -EAGAIN || err == -ENOMEM)
			p9_flush_again(c, req);
		p9_req_put(c, req);
		if (err == -EAGAIN || err == -ENOMEM)
			break;
		/* The transport ends the requests. */
		if (err < 0 && READ_ONCE(c->status) == Connected)
			p9_client_lost(c);
	}
}

/**
 * p9_flush_stop - Make sure that no worker uses the client or its transport
 *
 * @c: The client, before its transport is closed.
 *
 * Context: Process context, may sleep until the worker is done.
 */
void p9_flush_stop(struct p9_client *const c)
{
	disable_delayed_work_sync(&c->flush_work);
}

/**
 * p9_flush_cleanup - Free all requests that were left behind
 *
 * @c: The client, after its transport was closed.
 *
 * Context: Process context.
 */
void p9_flush_cleanup(struct p9_client *const c)
{
	struct p9_req_t *req;

	spin_lock_irq(&c->lock);
	list_splice_tail_init(&c->left, &c->left_done);
	spin_unlock_irq(&c->lock);
	while ((req = p9_left_done(c)))
		p9_flush_end(c, req, true);
}

/**
 * p9_flush_setup - Initialize what a client needs to leave requests behind
 *
 * @c: The new client.
 *
 * Context: Process context.
 */
void p9_flush_setup(struct p9_client *const c)
{
	INIT_LIST_HEAD(&c->left);
	INIT_LIST_HEAD(&c->left_done);
	INIT_DELAYED_WORK(&c->flush_work, p9_flush_work);
	c->silent = false;
	c->left_stuck = false;
	atomic_set(&c->acts_left, 0);
	atomic_set(&c->harms_left, 0);
	atomic_set(&c->renames_left, 0);
	atomic64_set(&c->renames_late, 0);
}
