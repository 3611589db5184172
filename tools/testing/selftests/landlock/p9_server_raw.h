/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Raw 9p client for the tests of the in-test 9p server
 *
 * Tree of these tests:
 *
 *     /
 *     ├── a (directory)
 *     │   └── f "one"
 *     ├── b (directory)
 *     └── pipe (FIFO)
 */

#ifndef _LANDLOCK_P9_SERVER_RAW_H
#define _LANDLOCK_P9_SERVER_RAW_H

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "p9_server.h"

#define MSG_MAX (128 * 1024 + 24)

#define ROOT 1
#define O_NONBLOCK_9P 04000
#define O_EXCL_9P 0200

static const struct p9s_entry entries[] = {
	{ "a", S_IFDIR, NULL },
	{ "a/f", 0, "one" },
	{ "b", S_IFDIR, NULL },
	{ "pipe", S_IFIFO, NULL },
	{},
};

/* A connection, and the last reply on it. */
struct client {
	int fd;
	uint16_t next_tag;
	uint8_t msg[MSG_MAX];
	uint32_t len;
};

static inline void put(uint8_t *const buf, size_t *const pos, uint64_t value,
		       int bytes)
{
	for (; bytes; bytes--, value >>= 8)
		buf[(*pos)++] = value;
}

static inline uint64_t get(const struct client *const c, const size_t pos,
			   const int bytes)
{
	uint64_t value = 0;
	int i;

	for (i = 0; i < bytes; i++)
		value |= (uint64_t)c->msg[pos + i] << (8 * i);
	return value;
}

/*
 * Sends a request with the fields @fmt: b, w, d, q are numbers of 1, 2, 4 and 8
 * bytes, s is a string.  Returns its tag.
 */
static inline int vsend_msg(struct client *const c, const uint8_t type,
			    const char *const fmt, va_list args)
{
	const uint16_t tag = type == P9_TVERSION ? P9_NOTAG : c->next_tag++;
	static uint8_t buf[MSG_MAX];
	size_t pos = 4, start = 0;
	const char *f, *str;

	put(buf, &pos, type, 1);
	put(buf, &pos, tag, 2);
	for (f = fmt; *f; f++) {
		switch (*f) {
		case 'b':
			put(buf, &pos, va_arg(args, int), 1);
			break;
		case 'w':
			put(buf, &pos, va_arg(args, int), 2);
			break;
		case 'd':
			put(buf, &pos, va_arg(args, uint32_t), 4);
			break;
		case 'q':
			put(buf, &pos, va_arg(args, uint64_t), 8);
			break;
		default:
			str = va_arg(args, const char *);
			put(buf, &pos, strlen(str), 2);
			memcpy(buf + pos, str, strlen(str));
			pos += strlen(str);
		}
	}
	put(buf, &start, pos, 4);
	return send(c->fd, buf, pos, MSG_NOSIGNAL) == (ssize_t)pos ? tag : -1;
}

static inline int send_msg(struct client *const c, const uint8_t type,
			   const char *const fmt, ...)
{
	va_list args;
	int tag;

	va_start(args, fmt);
	tag = vsend_msg(c, type, fmt, args);
	va_end(args);
	return tag;
}

/* Returns the type of the next message, or -errno. */
static inline int recv_msg(struct client *const c)
{
	if (recv(c->fd, c->msg, 7, MSG_WAITALL) != 7)
		return -ECONNRESET;
	c->len = get(c, 0, 4);
	if (c->len < 7 || c->len > MSG_MAX)
		return -EMSGSIZE;
	if (c->len > 7 && recv(c->fd, c->msg + 7, c->len - 7, MSG_WAITALL) !=
				  (ssize_t)c->len - 7)
		return -ECONNRESET;
	return c->msg[4];
}

static inline bool is_quiet(const struct client *const c)
{
	struct pollfd pfd = { .fd = c->fd, .events = POLLIN };

	return poll(&pfd, 1, 0) == 0;
}

/* Returns 0, or -errno as said by the server. */
static inline int rpc(struct client *const c, const uint8_t type,
		      const char *const fmt, ...)
{
	va_list args;
	int tag, reply;

	va_start(args, fmt);
	tag = vsend_msg(c, type, fmt, args);
	va_end(args);
	if (tag < 0)
		return -EPIPE;
	reply = recv_msg(c);
	if (reply < 0)
		return reply;
	if (get(c, 5, 2) != (uint64_t)tag)
		return -EBADMSG;
	if (reply == P9_RLERROR)
		return -(int)get(c, 7, 4);
	if (reply == P9_RERROR)
		return -(int)get(c, c->len - 4, 4);
	return reply == type + 1 ? 0 : -EPROTO;
}

static inline int attach(struct p9_server *const srv, struct client *const c,
			 const char *const version, const uint32_t uid)
{
	int err;

	c->next_tag = 1;
	c->fd = p9s_connect(srv);
	if (c->fd < 0)
		return c->fd;
	err = rpc(c, P9_TVERSION, "ds", MSG_MAX, version);
	if (err)
		return err;
	if (strcmp(version, "9P2000") == 0)
		return rpc(c, P9_TATTACH, "ddss", ROOT, P9_NOFID, "root", "");
	return rpc(c, P9_TATTACH, "ddssd", ROOT, P9_NOFID, "", "", uid);
}

static inline int walk1(struct client *const c, const uint32_t fid,
			const uint32_t newfid, const char *const name)
{
	const int err = rpc(c, P9_TWALK, "ddws", fid, newfid, 1, name);

	/* A full walk only. */
	return err ?: (get(c, 7, 2) == 1 ? 0 : -ENOENT);
}

static inline int walk2(struct client *const c, const uint32_t fid,
			const uint32_t newfid, const char *const name1,
			const char *const name2)
{
	const int err = rpc(c, P9_TWALK, "ddwss", fid, newfid, 2, name1, name2);

	return err ?: (get(c, 7, 2) == 2 ? 0 : -ENOENT);
}

static inline int clone_fid(struct client *const c, const uint32_t fid,
			    const uint32_t newfid)
{
	return rpc(c, P9_TWALK, "ddw", fid, newfid, 0);
}

static inline int lopen(struct client *const c, const uint32_t fid,
			const uint32_t flags)
{
	return rpc(c, P9_TLOPEN, "dd", fid, flags);
}

static inline int clunk(struct client *const c, const uint32_t fid)
{
	return rpc(c, P9_TCLUNK, "d", fid);
}

static inline int getattr(struct client *const c, const uint32_t fid)
{
	return rpc(c, P9_TGETATTR, "dq", fid, 0x3fffULL);
}

/* Of the last Rgetattr */
static inline uint64_t attr_qid_path(const struct client *const c)
{
	return get(c, 7 + 8 + 5, 8);
}

static inline bool attr_generation(const struct client *const c,
				   uint64_t *const gen)
{
	*gen = get(c, 7 + 8 + 13 + 12 + 40 + 64, 8);
	return get(c, 7, 8) & P9_STATS_GEN;
}

/* Of the last Rwalk */
static inline uint64_t walk_qid_path(const struct client *const c, const int i)
{
	return get(c, 7 + 2 + 13 * i + 5, 8);
}

/* The first bytes of an open file */
static inline bool reads(struct client *const c, const uint32_t fid,
			 const char *const content)
{
	return rpc(c, P9_TREAD, "dqd", fid, 0ULL, 100) == 0 &&
	       get(c, 7, 4) == strlen(content) &&
	       memcmp(c->msg + 11, content, strlen(content)) == 0;
}

#endif /* _LANDLOCK_P9_SERVER_RAW_H */
