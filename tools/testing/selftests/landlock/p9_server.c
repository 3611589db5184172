// SPDX-License-Identifier: GPL-2.0-only
/*
 * In-test 9p server: transport loop and faults
 *
 * One thread, one poll(2): a control request, a message of a client, and the
 * end of a connection are each handled to the end before the next one.  What a
 * waiter waits for is checked after each of them.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "p9_server_int.h"

#define QID_SIZE 13
#define EXTRA_BYTES 5

int64_t p9s_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

void p9s_log(struct p9s_state *const srv, const char *const fmt, ...)
{
	char *const line = srv->log[srv->log_next++ % P9S_LOG_LINES];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(srv->log[0]), fmt, args);
	va_end(args);
	if (srv->debug)
		dprintf(STDERR_FILENO, "# 9p %s\n", line);
}

void p9s_violation(struct p9s_state *const srv, const enum p9s_violation v)
{
	p9s_log(srv, "violation 0x%x", v);
	srv->violations[__builtin_ctz(v)]++;
}

/* Output */

static void flush_out(struct p9s_state *const srv, struct p9s_conn *const conn)
{
	while (conn->out_len && !srv->frozen && !conn->closing) {
		const ssize_t n = send(conn->fd, conn->out, conn->out_len,
				       MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			/* The end of the connection is seen by the reader. */
			if (errno != EAGAIN)
				conn->out_len = 0;
			return;
		}
		conn->out_len -= n;
		memmove(conn->out, conn->out + n, conn->out_len);
	}
}

static void send_msg(struct p9s_state *const srv, struct p9s_conn *const conn,
		     const uint8_t *const msg, const size_t len)
{
	if (conn->out_len + len > conn->out_capacity) {
		conn->out_capacity = (conn->out_len + len) * 2;
		conn->out = p9t_realloc(conn->out, conn->out_capacity);
	}
	memcpy(conn->out + conn->out_len, msg, len);
	conn->out_len += len;
	flush_out(srv, conn);
}

static uint64_t peek(const uint8_t *const data, const unsigned int bytes)
{
	struct p9s_buf buf = { .data = (uint8_t *)data, .len = bytes };

	return p9s_get(&buf, bytes);
}

static void poke(uint8_t *const data, const uint64_t value,
		 const unsigned int bytes)
{
	struct p9s_buf buf = { .data = data, .len = bytes };

	p9s_put(&buf, value, bytes);
}

static void log_reply(struct p9s_state *const srv,
		      const struct p9s_conn *const conn,
		      const uint8_t *const msg, const size_t len)
{
	const uint16_t tag = peek(msg + 5, 2);

	if (msg[4] == P9_RLERROR && len >= 11)
		p9s_log(srv, "%u.%u   -> error %u", conn->id, tag,
			(unsigned int)peek(msg + 7, 4));
	else if (msg[4] == P9_RERROR)
		p9s_log(srv, "%u.%u   -> Rerror", conn->id, tag);
	else
		p9s_log(srv, "%u.%u   -> R %u, %zu bytes", conn->id, tag,
			msg[4], len);
}

static void send_reply(struct p9s_state *const srv, struct p9s_conn *const conn,
		       const uint8_t *const msg, const size_t len)
{
	log_reply(srv, conn, msg, len);
	send_msg(srv, conn, msg, len);
}

static void send_rflush(struct p9s_state *const srv,
			struct p9s_conn *const conn, const uint16_t tag)
{
	uint8_t msg[P9S_HEADER];

	poke(msg, sizeof(msg), 4);
	msg[4] = P9_TFLUSH + 1;
	poke(msg + 5, tag, 2);
	send_reply(srv, conn, msg, sizeof(msg));
}

/* Faults */

/* Position of the (first, or of Rwalk last) qid, or 0. */
static size_t find_qid(const uint8_t *const msg, const size_t len)
{
	size_t pos = P9S_HEADER;

	switch (msg[4]) {
	case P9_TWALK + 1:
		if (len < P9S_HEADER + 2 + QID_SIZE)
			return 0;
		return len - QID_SIZE;
	case P9_TGETATTR + 1:
		pos += 8;
		break;
	case P9_TSTAT + 1:
		pos += 2 + 2 + 2 + 4;
		break;
	case P9_TREADDIR + 1:
		pos += 4;
		break;
	case P9_TATTACH + 1:
	case P9_TLOPEN + 1:
	case P9_TLCREATE + 1:
	case P9_TOPEN + 1:
	case P9_TCREATE + 1:
	case P9_TMKDIR + 1:
	case P9_TMKNOD + 1:
	case P9_TSYMLINK + 1:
		break;
	default:
		return 0;
	}
	return pos + QID_SIZE <= len ? pos : 0;
}

/* Changes a whole reply; the buffer has room for one more qid. */
static size_t corrupt(const struct p9s_rule *const rule,
		      struct p9s_conn *const conn, uint8_t *const msg,
		      size_t len)
{
	size_t pos;

	switch (rule->action) {
	case P9S_BAD_TYPE:
		msg[4] = msg[4] == P9_TSTATFS + 1 ? P9_TCLUNK + 1 :
						    P9_TSTATFS + 1;
		break;
	case P9S_BAD_TAG:
		poke(msg + 5, 0xfffe, 2);
		break;
	case P9S_TRUNCATE:
		len = P9S_HEADER + (len - P9S_HEADER) / 2;
		break;
	case P9S_OVERSIZE:
		poke(msg, conn->msize + 4096, 4);
		return len;
	case P9S_BAD_COUNT:
		if (msg[4] == P9_TWALK + 1 && len >= P9S_HEADER + 2)
			poke(msg + 7, peek(msg + 7, 2) + 1, 2);
		else if (len >= P9S_HEADER + 4)
			poke(msg + 7, peek(msg + 7, 4) + 0x10000, 4);
		break;
	case P9S_BAD_QID:
		pos = find_qid(msg, len);
		if (pos) {
			msg[pos] = rule->qid.type;
			poke(msg + pos + 1, rule->qid.version, 4);
			poke(msg + pos + 5, rule->qid.path, 8);
		}
		break;
	case P9S_EXTRA_QIDS:
		if (msg[4] == P9_TWALK + 1) {
			poke(msg + 7, peek(msg + 7, 2) + 1, 2);
			if (len >= P9S_HEADER + 2 + QID_SIZE)
				memcpy(msg + len, msg + len - QID_SIZE,
				       QID_SIZE);
			else
				memset(msg + len, 1, QID_SIZE);
			len += QID_SIZE;
		}
		break;
	case P9S_MISSING_QIDS:
		if (msg[4] == P9_TWALK + 1 &&
		    len >= P9S_HEADER + 2 + QID_SIZE) {
			poke(msg + 7, peek(msg + 7, 2) - 1, 2);
			len -= QID_SIZE;
		}
		break;
	case P9S_GARBAGE:
		memset(msg + P9S_HEADER, 0xff, len - P9S_HEADER);
		break;
	case P9S_EXTRA_BYTES:
		memset(msg + len, 0xa5, EXTRA_BYTES);
		len += EXTRA_BYTES;
		break;
	case P9S_EMPTY:
		len = P9S_HEADER;
		break;
	default:
		break;
	}
	poke(msg, len, 4);
	return len;
}

static struct p9s_armed *find_rule(struct p9s_state *const srv,
				   struct p9s_conn *const conn,
				   const uint8_t type,
				   const struct p9s_summary *const sum)
{
	const struct p9s_fid *fid = NULL;
	unsigned int i;

	if (sum->has_fid)
		fid = p9s_fid_peek(srv, conn, sum->fid);

	for (i = 0; i < srv->num_rules; i++) {
		struct p9s_armed *const armed = &srv->rules[i];
		const struct p9s_rule *const rule = &armed->rule;

		if (rule->type && rule->type != type)
			continue;
		if (rule->fid_state != P9S_FID_ANY &&
		    (!fid || fid->open != (rule->fid_state == P9S_FID_OPEN)))
			continue;
		if (rule->name && strcmp(armed->name, sum->name) != 0)
			continue;
		if (rule->times != P9S_ALWAYS && armed->hits >= rule->times)
			continue;
		if (++armed->seen < rule->nth)
			continue;
		armed->hits++;
		return armed;
	}
	return NULL;
}

/* Held requests */

static struct p9s_req *hold(struct p9s_state *const srv,
			    struct p9s_conn *const conn,
			    const struct p9s_rule *const rule,
			    const uint16_t tag, const uint8_t *const msg,
			    const size_t len)
{
	struct p9s_req **link = &srv->held;
	struct p9s_req *const req = p9t_alloc(sizeof(*req));

	req->conn = conn;
	req->action = rule->action;
	req->flush = rule->flush;
	req->tag = tag;
	req->msg = p9t_alloc(len);
	memcpy(req->msg, msg, len);
	req->len = len;
	while (*link)
		link = &(*link)->next;
	*link = req;
	return req;
}

static struct p9s_req *find_held(struct p9s_state *const srv,
				 const struct p9s_conn *const conn,
				 const uint16_t tag)
{
	struct p9s_req *req;

	for (req = srv->held; req; req = req->next) {
		if (req->conn == conn && req->tag == tag)
			break;
	}
	return req;
}

static void unhold(struct p9s_state *const srv, struct p9s_req *const req)
{
	struct p9s_req **link = &srv->held;

	while (*link != req)
		link = &(*link)->next;
	*link = req->next;
	free(req->msg);
	free(req);
}

unsigned int p9s_num_held(const struct p9s_state *const srv)
{
	const struct p9s_req *req;
	unsigned int num = 0;

	for (req = srv->held; req; req = req->next)
		num += req->action != P9S_DROP;
	return num;
}

/* Does a request; @rule may be NULL. */
static void process(struct p9s_state *const srv, struct p9s_conn *const conn,
		    const uint8_t *const msg, const size_t len,
		    const struct p9s_rule *const rule)
{
	const uint32_t msize = conn->msize > 4096 ? conn->msize : 4096;
	const size_t size = msize + QID_SIZE + EXTRA_BYTES;
	struct p9s_call call = {
		.srv = srv,
		.conn = conn,
		.type = msg[4],
		.tag = peek(msg + 5, 2),
		.in.data = (uint8_t *)msg + P9S_HEADER,
		.in.len = len - P9S_HEADER,
		.out.len = msize,
	};
	size_t out_len;

	if (size > conn->reply_size) {
		conn->reply = p9t_realloc(conn->reply, size);
		conn->reply_size = size;
	}
	call.out.data = conn->reply;
	p9s_do(&call);
	out_len = call.out.len;
	if (rule)
		out_len = corrupt(rule, conn, call.out.data, out_len);
	if (rule &&
	    (rule->action == P9S_HOLD_REPLY || rule->action == P9S_DROP))
		hold(srv, conn, rule, call.tag, call.out.data, out_len);
	else
		send_reply(srv, conn, call.out.data, out_len);
}

/* Does what is left of a held request, and answers its Tflushes. */
static void finish(struct p9s_state *const srv, struct p9s_req *const req)
{
	struct p9s_conn *const conn = req->conn;
	const struct p9s_req copy = *req;
	unsigned int i;

	req->msg = NULL;
	unhold(srv, req);
	if (copy.action == P9S_HOLD)
		process(srv, conn, copy.msg, copy.len, NULL);
	else if (copy.action == P9S_HOLD_REPLY)
		send_reply(srv, conn, copy.msg, copy.len);
	for (i = 0; i < copy.num_flushes; i++)
		send_rflush(srv, conn, copy.flushes[i]);
	free(copy.msg);
}

unsigned int p9s_release_all(struct p9s_state *const srv)
{
	unsigned int num = 0;

	while (srv->held) {
		num += srv->held->action != P9S_DROP;
		finish(srv, srv->held);
	}
	return num;
}

static void do_flush(struct p9s_state *const srv, struct p9s_conn *const conn,
		     const uint8_t *const msg, const size_t len)
{
	const uint16_t tag = peek(msg + 5, 2);
	struct p9s_req *req;

	if (len < P9S_HEADER + 2) {
		p9s_violation(srv, P9S_V_MALFORMED);
		return;
	}
	req = find_held(srv, conn, peek(msg + 7, 2));
	if (req) {
		switch (req->flush) {
		case P9S_FLUSH_CANCEL:
			unhold(srv, req);
			break;
		case P9S_FLUSH_WAIT:
			if (req->num_flushes < P9S_MAX_FLUSHES)
				req->flushes[req->num_flushes++] = tag;
			return;
		case P9S_FLUSH_LATE:
			finish(srv, req);
			break;
		}
	}
	send_rflush(srv, conn, tag);
}

static void send_error(struct p9s_state *const srv, struct p9s_conn *const conn,
		       const uint16_t tag, const int error)
{
	uint8_t msg[P9S_HEADER + 2 + 64 + 4];
	struct p9s_buf out = {
		.data = msg,
		.len = sizeof(msg),
		.pos = 4,
	};

	p9s_put_error(srv, conn, &out, tag, error);
	poke(msg, out.pos, 4);
	send_reply(srv, conn, msg, out.pos);
}

static void handle_message(struct p9s_state *const srv,
			   struct p9s_conn *const conn,
			   const uint8_t *const msg, const size_t len)
{
	const uint8_t type = msg[4];
	const uint16_t tag = peek(msg + 5, 2);
	const struct p9s_rule *rule = NULL;
	const struct p9s_armed *armed;
	struct p9s_summary sum;

	p9s_summarize(srv, conn, msg, len, &sum);
	srv->counts[type]++;
	if (sum.has_fid)
		p9s_log(srv, "%u.%u %s fid %u \"%s\"", conn->id, tag,
			p9s_type_name(type), sum.fid, sum.name);
	else
		p9s_log(srv, "%u.%u %s", conn->id, tag, p9s_type_name(type));
	if (find_held(srv, conn, tag))
		p9s_violation(srv, P9S_V_TAG_IN_USE);

	armed = find_rule(srv, conn, type, &sum);
	if (armed) {
		rule = &armed->rule;
		p9s_log(srv, "%u.%u   rule %u acts: %u", conn->id, tag,
			(unsigned int)(armed - srv->rules) + 1, rule->action);
	}
	switch (rule ? rule->action : P9S_PASS) {
	case P9S_DISCONNECT:
		conn->closing = true;
		return;
	case P9S_ERROR:
		send_error(srv, conn, tag, rule->error);
		return;
	case P9S_HOLD:
		hold(srv, conn, rule, tag, msg, len);
		return;
	default:
		break;
	}
	if (type == P9_TFLUSH) {
		/* Of the other actions only this makes sense for a Tflush. */
		if (!rule || rule->action != P9S_DROP)
			do_flush(srv, conn, msg, len);
		return;
	}
	process(srv, conn, msg, len, rule);
}

/* Connections */

void p9s_conn_add(struct p9s_state *const srv, const int fd)
{
	struct p9s_conn *const conn = p9t_alloc(sizeof(*conn));
	unsigned int i;

	conn->fd = fd;
	conn->id = ++srv->next_conn;
	conn->version = P9S_DOTL;
	conn->msize = P9S_MSIZE;
	for (i = 0; i < P9S_MAX_CONNS; i++) {
		if (!srv->conns[i]) {
			srv->conns[i] = conn;
			return;
		}
	}
	close(fd);
	free(conn);
}

unsigned int p9s_num_conns(const struct p9s_state *const srv)
{
	unsigned int i, num = 0;

	for (i = 0; i < P9S_MAX_CONNS; i++)
		num += !!srv->conns[i];
	return num;
}

unsigned int p9s_conn_reset(struct p9s_state *const srv,
			    struct p9s_conn *const conn)
{
	struct p9s_fid *fid, *next_fid;
	struct p9s_req *req, *next_req;
	unsigned int num = 0;

	for (req = srv->held; req; req = next_req) {
		next_req = req->next;
		if (req->conn == conn)
			unhold(srv, req);
	}
	for (fid = srv->fids; fid; fid = next_fid) {
		next_fid = fid->next;
		if (fid->conn == conn) {
			p9s_fid_free(srv, fid);
			num++;
		}
	}
	return num;
}

void p9s_conn_close(struct p9s_state *const srv, struct p9s_conn *const conn)
{
	unsigned int i, num;

	num = p9s_conn_reset(srv, conn);
	srv->leaked += num;
	p9s_log(srv, "%u closed, %u fids left", conn->id, num);
	for (i = 0; i < P9S_MAX_CONNS; i++) {
		if (srv->conns[i] == conn)
			srv->conns[i] = NULL;
	}
	close(conn->fd);
	free(conn->in);
	free(conn->out);
	free(conn->reply);
	free(conn);
}

static void read_conn(struct p9s_state *const srv, struct p9s_conn *const conn)
{
	size_t done = 0;
	ssize_t n;

	if (conn->in_capacity - conn->in_len < 65536) {
		conn->in_capacity = conn->in_len + 2 * 65536;
		conn->in = p9t_realloc(conn->in, conn->in_capacity);
	}
	n = recv(conn->fd, conn->in + conn->in_len,
		 conn->in_capacity - conn->in_len, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		conn->closing = true;
		return;
	}
	conn->in_len += n;

	while (!conn->closing && conn->in_len - done >= P9S_HEADER) {
		const uint8_t *const msg = conn->in + done;
		const uint32_t len = peek(msg, 4);

		if (len < P9S_HEADER || len > conn->msize) {
			p9s_violation(srv, P9S_V_MALFORMED);
			conn->closing = true;
			break;
		}
		if (conn->in_len - done < len)
			break;
		handle_message(srv, conn, msg, len);
		p9s_check_wait(srv);
		done += len;
	}
	conn->in_len -= done;
	memmove(conn->in, conn->in + done, conn->in_len);
}

/* Handles one round of events. */
static void serve_once(struct p9s_state *const srv)
{
	struct p9s_conn *conns[P9S_MAX_CONNS];
	struct pollfd fds[P9S_MAX_CONNS + 2];
	unsigned int i, num = 0;
	int timeout = -1;

	for (i = 0; i < P9S_MAX_CONNS; i++) {
		struct p9s_conn *const conn = srv->conns[i];

		if (!conn)
			continue;
		fds[num].fd = srv->frozen ? -1 : conn->fd;
		fds[num].events = POLLIN | (conn->out_len ? POLLOUT : 0);
		conns[num++] = conn;
	}
	fds[num] = (struct pollfd){ .fd = srv->ctl_fd, .events = POLLIN };
	fds[num + 1] = (struct pollfd){ .fd = srv->wait_fd, .events = POLLIN };
	if (srv->wait.kind) {
		const int64_t left = srv->wait.deadline - p9s_now_ms();

		timeout = left > 0 ? left : 0;
	}
	if (poll(fds, num + 2, timeout) < 0)
		return;

	/* Messages that are already there come before the test's next step. */
	for (i = 0; i < num; i++) {
		if (fds[i].fd >= 0 && (fds[i].revents & POLLOUT))
			flush_out(srv, conns[i]);
		if (fds[i].fd >= 0 && (fds[i].revents & ~POLLOUT))
			read_conn(srv, conns[i]);
		if (conns[i]->closing)
			p9s_conn_close(srv, conns[i]);
		p9s_check_wait(srv);
	}
	if (fds[num].revents)
		p9s_control(srv, srv->ctl_fd);
	if (fds[num + 1].revents)
		p9s_control(srv, srv->wait_fd);

	for (i = 0; i < P9S_MAX_CONNS; i++) {
		if (srv->conns[i] && srv->conns[i]->closing)
			p9s_conn_close(srv, srv->conns[i]);
		else if (srv->conns[i])
			flush_out(srv, srv->conns[i]);
	}
	p9s_check_wait(srv);
}

void p9s_serve(const struct p9_behaviour *const behaviour, const int ctl_fd,
	       const int wait_fd, const bool debug)
{
	struct p9s_state *const srv = p9t_alloc(sizeof(*srv));

	srv->behaviour = *behaviour;
	srv->ctl_fd = ctl_fd;
	srv->wait_fd = wait_fd;
	srv->debug = debug;
	p9t_init(&srv->tree);
	srv->tree.recycle = behaviour->recycle;
	for (;;)
		serve_once(srv);
}
