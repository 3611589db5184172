/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside of the in-test 9p server
 *
 * p9_server.c: process, transport loop and faults; p9_server_ops.c: messages;
 * p9_server_file.c: those on files; p9_server_legacy.c: 9P2000(.u) only;
 * p9_server_xattr.c: extended attributes;
 * p9_server_fid.c: what a fid means; p9_server_tree.c: objects;
 * p9_server_control.c: the server's side of the control channel;
 * p9_server_client.c: the test's side.
 */

#ifndef _LANDLOCK_P9_SERVER_INT_H
#define _LANDLOCK_P9_SERVER_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "p9_server.h"
#include "p9_server_tree.h"

#define P9S_HEADER 7
#define P9S_MSIZE (128 * 1024 + 24)
#define P9S_MAX_RULES 32
#define P9S_MAX_CONNS 64
#define P9S_LOG_LINES 64
#define P9S_NAME_MAX 63
#define P9S_MAX_FLUSHES 4

/* Open flags of 9P2000.L */
#define P9S_O_ACCMODE 03
#define P9S_O_WRONLY 01
#define P9S_O_RDWR 02
#define P9S_O_EXCL 0200
#define P9S_O_NOFOLLOW 0400000
#define P9S_O_TRUNC 01000
#define P9S_O_APPEND 02000
#define P9S_O_NONBLOCK 04000
#define P9S_O_DIRECTORY 0200000

struct p9s_conn;

struct p9s_fid {
	struct p9s_fid *next, **link;
	struct p9s_conn *conn;
	uint32_t fid;
	/* What the attach said. */
	uid_t uid;
	/* Path servers: what the fid is.  Others: how it was walked. */
	char *path;
	/*
	 * Handle servers: what the fid is.  Path servers: the descriptor, or
	 * NULL.  Holds a reference.
	 */
	struct p9t_node *node;
	/* Directory of the last walked name, for a stale "..". */
	struct p9t_node *parent;
	/* The node is pinned. */
	bool pinned;
	bool open;
	/* Is or was opened on a directory. */
	bool dir;
	/* Never closed behind the client's back. */
	bool keep;
	/* 9P2000: remove on clunk. */
	bool rclose;
	/* P9S_O_* */
	uint32_t flags;
	uint64_t last_use;
	/* Made by a Txattrwalk. */
	bool xattr;
	/*
	 * Records of a directory, made by a Tread at offset 0, or the value of
	 * an extended attribute.
	 */
	uint8_t *records;
	size_t records_size;
};

/* A request that waits for p9s_release(), or its Tflush. */
struct p9s_req {
	struct p9s_req *next;
	struct p9s_conn *conn;
	enum p9s_action action;
	enum p9s_flush flush;
	uint16_t tag;
	/* P9S_HOLD: the request; P9S_HOLD_REPLY: the reply. */
	uint8_t *msg;
	size_t len;
	uint16_t flushes[P9S_MAX_FLUSHES];
	unsigned int num_flushes;
};

struct p9s_conn {
	int fd;
	unsigned int id;
	enum p9s_version version;
	uint32_t msize;
	uint8_t *in;
	size_t in_len, in_capacity;
	uint8_t *out;
	size_t out_len, out_capacity;
	/* Where replies are made */
	uint8_t *reply;
	size_t reply_size;
	/* To be closed after the current event. */
	bool closing;
};

struct p9s_armed {
	struct p9s_rule rule;
	char name[P9S_NAME_MAX + 1];
	unsigned int seen, hits;
};

enum p9s_wait_kind {
	P9S_WAIT_NONE = 0,
	P9S_WAIT_HELD,
	P9S_WAIT_FIDS,
	P9S_WAIT_OPEN_FIDS,
	P9S_WAIT_COUNT,
	P9S_WAIT_CLOSED,
};

struct p9s_state {
	struct p9_behaviour behaviour;
	struct p9t_tree tree;
	struct p9s_fid *fids;
	/* The same by connection and number, see tsearch(3). */
	void *fids_by_number;
	uint32_t num_fids;
	struct p9s_req *held;
	struct p9s_conn *conns[P9S_MAX_CONNS];
	unsigned int next_conn;
	bool frozen;
	bool debug;
	int ctl_fd, wait_fd;

	struct p9s_armed rules[P9S_MAX_RULES];
	unsigned int num_rules;

	uint32_t counts[256];
	uint32_t violations[16];
	uint32_t leaked, peak;
	uint64_t clock;

	struct {
		enum p9s_wait_kind kind;
		uint32_t seq;
		uint64_t n;
		uint8_t type;
		/* CLOCK_MONOTONIC, in ms */
		int64_t deadline;
	} wait;

	char log[P9S_LOG_LINES][160];
	uint64_t log_next;
};

/* Little-endian reader and writer of one message. */
struct p9s_buf {
	uint8_t *data;
	size_t len, pos;
	bool bad;
};

struct p9s_call {
	struct p9s_state *srv;
	struct p9s_conn *conn;
	uint8_t type;
	uint16_t tag;
	struct p9s_buf in, out;
	/* Strings of the request. */
	char *strs[P9_MAXWELEM + 8];
	unsigned int num_strs;
};

uint64_t p9s_get(struct p9s_buf *const buf, const unsigned int bytes);
void p9s_put(struct p9s_buf *const buf, const uint64_t value,
	     const unsigned int bytes);
void p9s_put_data(struct p9s_buf *const buf, const void *const data,
		  const size_t len);
void p9s_put_str(struct p9s_buf *const buf, const char *const str);
/* NULL if malformed; freed with the call. */
char *p9s_get_str(struct p9s_call *const call);

/* p9_server_ops.c */
const char *p9s_type_name(const uint8_t type);
/* Does the request, and writes a whole reply to call->out. */
void p9s_do(struct p9s_call *const call);

/*
 * Helpers of the handlers.  A handler returns 0 or -errno, and has appended the
 * payload of its reply to call->out.
 */
struct p9s_fid *p9s_call_fid(struct p9s_call *const call,
			     const uint32_t number);
/* Fid (next in the request) and what it leads to. */
int p9s_call_node(struct p9s_call *const call, struct p9s_fid **const fid,
		  struct p9t_node **const node);
void p9s_put_qid(struct p9s_call *const call,
		 const struct p9t_node *const node);
struct p9s_qid p9s_qid_of(const struct p9s_state *const srv,
			  const struct p9t_node *const node);
/* Creates for the user of the fid. */
int p9s_call_create(struct p9s_call *const call, struct p9s_fid *const fid,
		    struct p9t_node *const dir, const char *const name,
		    const mode_t mode, struct p9t_node **const node);
/* Points the fid at what was just created below it, and opens it. */
void p9s_fid_created(struct p9s_state *const srv, struct p9s_fid *const fid,
		     struct p9t_node *const node, struct p9t_node *const dir,
		     const char *const name, const uint32_t flags);
int p9s_call_open(struct p9s_call *const call, struct p9s_fid *const fid,
		  struct p9t_node *const node, const uint32_t flags);
int p9s_call_rename(struct p9s_call *const call, struct p9s_fid *const fid,
		    struct p9t_node *const new_dir,
		    const char *const new_dir_path, const char *const new_name);
uint32_t p9s_encode_dev(const uint32_t major, const uint32_t minor);

/* p9_server_file.c */
int p9s_do_lopen(struct p9s_call *const call);
int p9s_do_lcreate(struct p9s_call *const call);
int p9s_do_read(struct p9s_call *const call);
int p9s_do_write(struct p9s_call *const call);
int p9s_do_readdir(struct p9s_call *const call);
int p9s_do_fsync(struct p9s_call *const call);
int p9s_do_lock(struct p9s_call *const call);
int p9s_do_getlock(struct p9s_call *const call);
int p9s_do_getattr(struct p9s_call *const call);
int p9s_do_setattr(struct p9s_call *const call);
int p9s_do_statfs(struct p9s_call *const call);
int p9s_do_readlink(struct p9s_call *const call);
int p9s_do_symlink(struct p9s_call *const call);
int p9s_do_mknod(struct p9s_call *const call);
int p9s_do_mkdir(struct p9s_call *const call);
int p9s_do_link(struct p9s_call *const call);
int p9s_do_rename(struct p9s_call *const call);
int p9s_do_renameat(struct p9s_call *const call);
int p9s_do_unlinkat(struct p9s_call *const call);

/* p9_server_xattr.c */
int p9s_do_xattrwalk(struct p9s_call *const call);
int p9s_read_xattr(struct p9s_call *const call, const struct p9s_fid *const fid,
		   const uint64_t offset, uint32_t count);

/* p9_server_legacy.c */
int p9s_do_open(struct p9s_call *const call);
int p9s_do_create(struct p9s_call *const call);
int p9s_do_stat(struct p9s_call *const call);
int p9s_do_wstat(struct p9s_call *const call);
/* Appends a count and records of an open directory. */
int p9s_read_records(struct p9s_call *const call, struct p9s_fid *const fid,
		     const struct p9t_node *const dir, const uint64_t offset,
		     const uint32_t count);

void p9s_put_error(const struct p9s_state *const srv,
		   const struct p9s_conn *const conn, struct p9s_buf *const out,
		   const uint16_t tag, const int error);

/* Describes a request for the rules and the log. */
struct p9s_summary {
	uint32_t fid;
	bool has_fid;
	char name[P9S_NAME_MAX + 1];
};

void p9s_summarize(struct p9s_state *const srv, struct p9s_conn *const conn,
		   const uint8_t *const msg, const size_t len,
		   struct p9s_summary *const sum);

/* p9_server_fid.c */
struct p9s_fid *p9s_fid_find(struct p9s_state *const srv,
			     const struct p9s_conn *const conn,
			     const uint32_t fid);
/* Without being a use of the fid. */
struct p9s_fid *p9s_fid_peek(const struct p9s_state *const srv,
			     const struct p9s_conn *const conn,
			     const uint32_t fid);
struct p9s_fid *p9s_fid_new(struct p9s_state *const srv,
			    struct p9s_conn *const conn, const uint32_t fid);
void p9s_fid_free(struct p9s_state *const srv, struct p9s_fid *const fid);
void p9s_fid_clone(struct p9s_state *const srv, struct p9s_fid *const dst,
		   const struct p9s_fid *const src);
/* Points the (walked) fid at a node, which is at this path. */
void p9s_fid_set(struct p9s_state *const srv, struct p9s_fid *const fid,
		 struct p9t_node *const node, struct p9t_node *const parent,
		 const char *const path);
/* What the fid leads to, for walks, opens and changes. */
int p9s_fid_node(struct p9s_state *const srv, struct p9s_fid *const fid,
		 struct p9t_node **const node);
/* What Tgetattr and the like see. */
int p9s_fid_attr_node(struct p9s_state *const srv, struct p9s_fid *const fid,
		      struct p9t_node **const node);
/* What I/O on an open fid sees. */
int p9s_fid_io_node(struct p9s_state *const srv, struct p9s_fid *const fid,
		    struct p9t_node **const node);
/* The name under which the fid's object can be renamed or removed. */
int p9s_fid_location(struct p9s_state *const srv, struct p9s_fid *const fid,
		     struct p9t_node **const dir, const char **const name);
/* One step of a walk; @fid is a temporary one. */
int p9s_fid_step(struct p9s_state *const srv, struct p9s_fid *const fid,
		 const char *const name);
void p9s_fid_open(struct p9s_state *const srv, struct p9s_fid *const fid,
		  struct p9t_node *const node, const uint32_t flags);
/* Closes descriptors; returns how many. */
unsigned int p9s_fid_forget_all(struct p9s_state *const srv);
/*
 * After a client's rename; the last names of the paths are what counts for
 * handle servers.
 */
void p9s_fid_moved(struct p9s_state *const srv, struct p9t_node *const old_dir,
		   const char *const old_path, struct p9t_node *const new_dir,
		   const char *const new_path);
char *p9s_join(const char *const dir, const char *const name);
const char *p9s_last_name(const char *const path);
void p9s_fid_stats(const struct p9s_state *const srv,
		   struct p9s_fids *const fids);

/* p9_server.c */
void p9s_violation(struct p9s_state *const srv, const enum p9s_violation v);
void p9s_log(struct p9s_state *const srv, const char *const fmt, ...)
	__attribute__((format(printf, 2, 3)));
void p9s_conn_add(struct p9s_state *const srv, const int fd);
void p9s_conn_close(struct p9s_state *const srv, struct p9s_conn *const conn);
/* Forgets fids and held requests of the connection. */
unsigned int p9s_conn_reset(struct p9s_state *const srv,
			    struct p9s_conn *const conn);
unsigned int p9s_release_all(struct p9s_state *const srv);
unsigned int p9s_num_held(const struct p9s_state *const srv);
unsigned int p9s_num_conns(const struct p9s_state *const srv);
int64_t p9s_now_ms(void);
void p9s_serve(const struct p9_behaviour *const behaviour, const int ctl_fd,
	       const int wait_fd, const bool debug) __attribute__((noreturn));

/*
 * Control channel: a request or reply is this header, two strings, and data.
 */

enum p9s_ctl_op {
	P9S_CTL_CONNECT = 1,
	P9S_CTL_DISCONNECT,
	P9S_CTL_FREEZE,
	P9S_CTL_BEHAVIOUR,
	P9S_CTL_CREATE,
	P9S_CTL_LINK,
	P9S_CTL_MOVE,
	P9S_CTL_EXCHANGE,
	P9S_CTL_REMOVE,
	P9S_CTL_REPLACE,
	P9S_CTL_REWRITE,
	P9S_CTL_TOUCH,
	P9S_CTL_CHMOD,
	P9S_CTL_CHOWN,
	P9S_CTL_SET_XATTR,
	P9S_CTL_SET_QID_PATH,
	P9S_CTL_COLLIDE,
	P9S_CTL_RECYCLE,
	P9S_CTL_SET_GENERATION,
	P9S_CTL_SET_DEV,
	P9S_CTL_FORGET_PINS,
	P9S_CTL_STAT,
	P9S_CTL_READ,
	P9S_CTL_WRITE,
	P9S_CTL_ARM,
	P9S_CTL_RULE_HITS,
	P9S_CTL_DISARM,
	P9S_CTL_RELEASE,
	P9S_CTL_HELD,
	P9S_CTL_WAIT,
	P9S_CTL_RESET,
	P9S_CTL_COUNTS,
	P9S_CTL_TOTAL,
	P9S_CTL_FIDS,
	P9S_CTL_VIOLATIONS,
	P9S_CTL_DUMP,
};

#define P9S_CTL_PATH 1024
#define P9S_CTL_DATA (16 * 1024)

struct p9s_ctl {
	uint32_t op;
	uint32_t seq;
	int64_t ret;
	uint64_t arg[4];
	uint32_t len;
	char path1[P9S_CTL_PATH];
	char path2[P9S_CTL_PATH];
	/* @len bytes are sent. */
	uint8_t data[P9S_CTL_DATA] __attribute__((aligned(8)));
};

/* Sends a request, of which @ctl gets the reply. */
enum p9s_version p9s_version(const struct p9_server *const srv);
int64_t p9s_rpc(struct p9_server *const srv, struct p9s_ctl *const ctl,
		const int passed_fd);
/* Reads and answers one request; exits at the end of the channel. */
void p9s_control(struct p9s_state *const srv, const int fd);
/* Answers the waiter if what it waits for is there, or too late. */
void p9s_check_wait(struct p9s_state *const srv);

#endif /* _LANDLOCK_P9_SERVER_INT_H */
