// SPDX-License-Identifier: GPL-2.0-only
/*
 * 9P client: clunks that nobody waits for
 *
 * p9_fid_put() sends Tclunk from the task that drops the last reference, and
 * waits for the reply.  A task which does not own the mount (e.g. one that
 * exits, or that frees a security policy) must not depend on the server.
 * p9_fid_put_nowait() only queues the fid to its session.  A worker then sends
 * the clunks without waiting for one reply before it sends the next one, and
 * the transport's reply callback frees the fids.
 *
 * A queued fid is in one of two states: in &p9_client.clunks, or sent (at most
 * P9_CLUNK_WINDOW at once).  &p9_client.clunks_pending counts both, and
 * whatever else has to end before the session, see p9_pending_get().
 *
 * LOCKING
 *
 * &p9_client.lock (taken with IRQs disabled) protects the list, the counters
 * and the orphan mark.  It nests inside transport locks because of
 * p9_clunk_done(), and the locks of workqueues and wait queues nest inside it.
 *
 * LIFETIME
 *
 * Pending clunks do not hold the client: the end of the session first waits for
 * them, see p9_client_drain().  When it must not wait (there is nobody to kill)
 * or was told to stop waiting, there are two cases: either closing the
 * transport ends all requests, or a reply could still come and use the request
 * and the client after they were freed (e.g. virtio).  In the last case, and if
 * it must not wait, p9_client_destroy() leaves the client to the last pending
 * clunk.  The transport stays in use until then: a device cannot be mounted
 * again before its server answered.
 */

#include <linux/errno.h>
#include <linux/fs_context.h>
#include <linux/idr.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <net/9p/9p.h>
#include <net/9p/client.h>
#include <net/9p/transport.h>
#include <trace/events/9p.h>

#include "clunk.h"

/* Leaves most of a transport (e.g. a virtio ring) to the other requests. */
#define P9_CLUNK_WINDOW 16

/* Unsent clunks above which p9_client_throttle() waits. */
#define P9_CLUNK_BACKLOG 64

/* Time before sending again when there is no memory or no room in a ring. */
#define P9_CLUNK_RETRY msecs_to_jiffies(20)

/* How long a forced unmount waits for a server that may still answer. */
#define P9_CLUNK_GRACE HZ

struct workqueue_struct *p9_clunk_wq;

/**
 * p9_client_wake - Let all waiters look at the status of the session
 *
 * @c: The client.
 *
 * Context: Any context.
 */
void p9_client_wake(struct p9_client *const c)
{
	struct p9_req_t *req;
	unsigned long flags;
	int id;

	spin_lock_irqsave(&c->lock, flags);
	/* A request leaves the tree with this lock, before it is freed. */
	idr_for_each_entry(&c->reqs, req, id)
		wake_up(&req->wq);
	spin_unlock_irqrestore(&c->lock, flags);
	wake_up(&c->clunk_wait);
}

/**
 * p9_client_lost - Note that a transport will not get any reply
 *
 * @c: The client.
 *
 * Context: Any context.
 */
void p9_client_lost(struct p9_client *const c)
{
	WRITE_ONCE(c->status, Disconnected);
	p9_client_wake(c);
}
EXPORT_SYMBOL(p9_client_lost);

static struct p9_req_t *p9_clunk_prepare(struct p9_client *const clnt,
					 const char *const fmt, ...)
{
	const uint rsize = clnt->trans_mod->pooled_rbuffers ? clnt->msize : 0;
	struct p9_req_t *req;
	va_list ap;

	va_start(ap, fmt);
	req = p9_client_prepare_req(clnt, P9_TCLUNK, 0, rsize, fmt, ap);
	va_end(ap);
	return req;
}

static int p9_clunk_send(struct p9_client *const clnt, struct p9_fid *const fid)
{
	struct p9_req_t *const req = p9_clunk_prepare(clnt, "d", fid->fid);
	int err;

	if (IS_ERR(req))
		return PTR_ERR(req);

	p9_debug(P9_DEBUG_9P, ">>> TCLUNK fid %d (nowait)\n", fid->fid);
	req->tc.zc = false;
	req->rc.zc = false;
	req->clunk = fid;
	req->nowait = true;
	err = clnt->trans_mod->request(clnt, req);
	if (err < 0) {
		/* The reply will not come, drop the transport's reference. */
		p9_req_put(clnt, req);
		p9_req_put(clnt, req);
		if (err != -EAGAIN)
			p9_client_lost(clnt);
	}
	return err;
}

static struct p9_fid *p9_clunk_next(struct p9_client *const clnt)
{
	struct p9_fid *fid = NULL;

	spin_lock_irq(&clnt->lock);
	if (!list_empty(&clnt->clunks) && clnt->clunks_sent < P9_CLUNK_WINDOW) {
		fid = list_first_entry(&clnt->clunks, struct p9_fid, clunk);
		list_del(&fid->clunk);
		clnt->clunks_sent++;
		if (--clnt->clunks_queued == P9_CLUNK_BACKLOG - 1)
			wake_up(&clnt->clunk_wait);
	}
	spin_unlock_irq(&clnt->lock);
	return fid;
}

static void p9_clunk_again(struct p9_client *const clnt,
			   struct p9_fid *const fid)
{
	spin_lock_irq(&clnt->lock);
	list_add(&fid->clunk, &clnt->clunks);
	clnt->clunks_queued++;
	clnt->clunks_sent--;
	queue_delayed_work(p9_clunk_wq, &clnt->clunk_work, P9_CLUNK_RETRY);
	spin_unlock_irq(&clnt->lock);
}

static void p9_clunk_work(struct work_struct *const work)
{
	struct p9_client *const clnt = container_of(
		to_delayed_work(work), struct p9_client, clunk_work);
	struct p9_fid *fid;

	while ((fid = p9_clunk_next(clnt))) {
		const int err = p9_clunk_send(clnt, fid);

		if (err == -EAGAIN || err == -ENOMEM) {
			p9_clunk_again(clnt, fid);
			break;
		}
		/* Without a session, there is nothing to clunk. */
		if (err < 0)
			p9_clunk_done(fid);
	}
}

/**
 * p9_pending_get - Make the end of a session wait for something
 *
 * @clnt: The client, whose lock is held.
 *
 * Context: Any context.
 */
void p9_pending_get(struct p9_client *const clnt)
{
	lockdep_assert_held(&clnt->lock);
	clnt->clunks_pending++;
}

/**
 * p9_pending_put - Undo p9_pending_get()
 *
 * @clnt: The client, whose lock is held.  It may go away once this lock is
 * released, unless something waits for the end of the caller.
 *
 * Context: Any context.
 */
void p9_pending_put(struct p9_client *const clnt)
{
	lockdep_assert_held(&clnt->lock);
	if (--clnt->clunks_pending)
		return;
	wake_up(&clnt->clunk_wait);
	if (clnt->clunk_orphan)
		queue_work(p9_clunk_wq, &clnt->clunk_reap);
}

static void p9_clunk_reap(struct work_struct *const work)
{
	p9_client_free(container_of(work, struct p9_client, clunk_reap));
}

/**
 * p9_clunk_done - Free a fid that is clunked, or that cannot be
 *
 * @fid: The fid that was sent.
 *
 * Context: Any context.  Called by p9_client_cb(), possibly with locks of the
 * transport held.  The client may be freed afterwards, unless something waits
 * for the end of the caller (e.g. the transport's close).
 */
void p9_clunk_done(struct p9_fid *const fid)
{
	struct p9_client *const clnt = fid->clnt;
	unsigned long flags;

	p9_fid_destroy(fid);
	spin_lock_irqsave(&clnt->lock, flags);
	clnt->clunks_sent--;
	if (!list_empty(&clnt->clunks))
		queue_delayed_work(p9_clunk_wq, &clnt->clunk_work, 0);
	p9_pending_put(clnt);
	spin_unlock_irqrestore(&clnt->lock, flags);
}

/**
 * p9_clunk_queue - Clunk a fid later
 *
 * @fid: The fid, without any reference.
 *
 * Context: Any context.  Does not allocate memory.
 */
void p9_clunk_queue(struct p9_fid *const fid)
{
	struct p9_client *const clnt = fid->clnt;
	unsigned long flags;

	spin_lock_irqsave(&clnt->lock, flags);
	list_add_tail(&fid->clunk, &clnt->clunks);
	clnt->clunks_queued++;
	p9_pending_get(clnt);
	/*
	 * Still locked: once it is not, the client may go away with its last
	 * clunk.
	 */
	queue_delayed_work(p9_clunk_wq, &clnt->clunk_work, 0);
	spin_unlock_irqrestore(&clnt->lock, flags);
}

/**
 * p9_fid_put_nowait - Drop a reference to a fid, never wait for the server
 *
 * @fid: The fid, may be NULL or an error pointer.
 *
 * Same as p9_fid_put() but if this was the last reference, then the fid, which
 * must not be linked to a dentry, is only queued to be clunked.
 *
 * Context: Any context.  Does not allocate memory.
 */
void p9_fid_put_nowait(struct p9_fid *const fid)
{
	if (IS_ERR_OR_NULL(fid))
		return;

	if (tracepoint_enabled(9p_fid_ref))
		do_trace_9p_fid_put(fid);

	if (!refcount_dec_and_test(&fid->count))
		return;

	WARN_ON_ONCE(!hlist_unhashed(&fid->dlist));
	p9_clunk_queue(fid);
}
EXPORT_SYMBOL(p9_fid_put_nowait);

/**
 * p9_client_throttle - Wait until the server is not far behind with clunks
 *
 * @clnt: The client.
 *
 * To be called by who opens fids that others clunk: what is charged for a fid may
 * be given back before its Tclunk is sent.
 *
 * Context: Process context, may sleep until the server answers or the caller is
 * killed.
 * Return: 0, or -ERESTARTSYS if the caller was killed.
 */
int p9_client_throttle(struct p9_client *const clnt)
{
	return wait_event_killable(
		clnt->clunk_wait,
		READ_ONCE(clnt->clunks_queued) < P9_CLUNK_BACKLOG ||
			READ_ONCE(clnt->status) != Connected);
}
EXPORT_SYMBOL(p9_client_throttle);

/*
 * Kernel threads (e.g. the shared workqueue that runs a delayed mntput()) and
 * exiting tasks cannot be killed out of a wait.
 */
static bool p9_clunk_may_wait(void)
{
	return !(current->flags & (PF_KTHREAD | PF_EXITING));
}

/**
 * p9_client_drain - Wait until the server knows all fids as clunked
 *
 * @clnt: The client of a session that is about to end.
 *
 * Nothing may be queued to the session anymore.  The wait ends when the server
 * answered to all clunks, when the caller is killed, when the transport dies,
 * or soon after a forced unmount.  There is no wait for callers that cannot be
 * killed.  See p9_client_destroy() for what is left.
 *
 * Context: Process context, may sleep.
 */
void p9_client_drain(struct p9_client *const clnt)
{
	might_sleep();
	if (!p9_clunk_may_wait())
		return;

	/* Not all transports wake up somebody when they die: look at times. */
	while (READ_ONCE(clnt->clunks_pending) &&
	       READ_ONCE(clnt->status) == Connected) {
		if (wait_event_killable_timeout(
			    clnt->clunk_wait,
			    !READ_ONCE(clnt->clunks_pending) ||
				    READ_ONCE(clnt->status) != Connected,
			    HZ) < 0)
			return;
	}

	wait_event_killable_timeout(clnt->clunk_wait,
				    !READ_ONCE(clnt->clunks_pending),
				    P9_CLUNK_GRACE);
}
EXPORT_SYMBOL(p9_client_drain);

/**
 * p9_clunk_detached - Tell if the session outlives its unmount
 *
 * @clnt: The client of a session that is about to end.
 *
 * Context: Process context.
 * Return: True if there are pending clunks that the caller must not wait for,
 * false otherwise.
 */
bool p9_clunk_detached(struct p9_client *const clnt)
{
	return READ_ONCE(clnt->clunks_pending) && !p9_clunk_may_wait();
}

/**
 * p9_clunk_orphan - Leave the client to its last pending clunk, if needed
 *
 * @clnt: The client, not used anymore by the caller if it returns true.
 *
 * Context: Process context.
 * Return: True if p9_client_free() will be called by the last clunk, false if
 * it must be called by the caller.
 */
bool p9_clunk_orphan(struct p9_client *const clnt)
{
	bool orphan;

	spin_lock_irq(&clnt->lock);
	if (!clnt->clunks_pending)
		orphan = false;
	else if (clnt->trans_mod->close_cancels)
		orphan = !p9_clunk_may_wait() && clnt->status == Connected;
	else
		orphan = true;
	clnt->clunk_orphan = orphan;
	spin_unlock_irq(&clnt->lock);
	return orphan;
}

/**
 * p9_clunk_stop - Make sure that no worker uses the client or its transport
 *
 * @clnt: The client, before its transport is closed.
 *
 * Fids which are still queued are freed.
 *
 * Context: Process context, may sleep until the worker is done with sending.
 */
void p9_clunk_stop(struct p9_client *const clnt)
{
	struct p9_fid *fid, *next;

	/* Waits for a concurrent p9_clunk_done() to release the lock. */
	spin_lock_irq(&clnt->lock);
	spin_unlock_irq(&clnt->lock);
	disable_delayed_work_sync(&clnt->clunk_work);
	list_for_each_entry_safe(fid, next, &clnt->clunks, clunk)
		p9_fid_destroy(fid);
	INIT_LIST_HEAD(&clnt->clunks);
}

/**
 * p9_clunk_setup - Initialize what a client needs to queue clunks
 *
 * @clnt: The new client.
 *
 * Context: Process context.
 */
void p9_clunk_setup(struct p9_client *const clnt)
{
	INIT_LIST_HEAD(&clnt->clunks);
	clnt->clunks_queued = 0;
	clnt->clunks_pending = 0;
	clnt->clunks_sent = 0;
	clnt->clunk_orphan = false;
	init_waitqueue_head(&clnt->clunk_wait);
	INIT_DELAYED_WORK(&clnt->clunk_work, p9_clunk_work);
	INIT_WORK(&clnt->clunk_reap, p9_clunk_reap);
}

int __init p9_clunk_init(void)
{
	/*
	 * Not a system workqueue: a worker may be blocked by a transport that
	 * waits for its server.
	 */
	p9_clunk_wq = alloc_workqueue("9p_clunk", WQ_UNBOUND, 0);
	return p9_clunk_wq ? 0 : -ENOMEM;
}

void p9_clunk_exit(void)
{
	destroy_workqueue(p9_clunk_wq);
}
