/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * In-test 9p server
 *
 * A forked, single-threaded process that serves 9P2000.L, 9P2000.u and 9P2000
 * from an in-memory tree over socketpairs (trans=fd), with the behaviours (and
 * the lies) that were measured on real servers.  The test drives it over a
 * control channel: when a call returns, what it asks for has happened, and all
 * events of the server have one order.
 *
 *     struct p9_server *srv = p9s_start(P9S_PATH_QEMU);
 *
 *     p9s_mkdir(srv, "d");
 *     p9s_create(srv, "d/f", "hello");
 *     p9s_mount(srv, "/mnt/p9", "cache=none");     needs CAP_SYS_ADMIN
 *     p9s_move(srv, "d/f", "g");                   behind the client's back
 *     umount("/mnt/p9");
 *     EXPECT_EQ(0, p9s_wait_fids(srv, 0));
 *     p9s_stop(srv);
 *
 * Process: the server closes all inherited descriptors but standard error,
 * lives in "/", and never touches a mount.  It ends when the last copy of the
 * control descriptors is closed, when the *thread* that called p9s_start()
 * dies (PR_SET_PDEATHSIG), with p9s_stop(), or by kill(p9s_pid(srv)).  It
 * shares the mount namespace of its creator.  Start it before the test's own
 * unshare(CLONE_NEWNS) and before any sandboxing: if it were the last task of
 * the namespace, it would have to unmount what it serves.
 *
 * Calls: all return 0 or a positive count, or -errno, if not said otherwise:
 * -EPIPE when the server is gone.
 * Forked children and threads may use the same struct p9_server at the same
 * time.  Waits (p9s_wait_*) use a channel of their own, hence the other calls
 * work while one process waits; only one wait at a time.
 *
 * Paths: of the server's tree, relative to the root of the export ("" or "/"
 * is this root, a leading slash is optional).  "@/x" is in a hidden area next
 * to the export: p9s_move(srv, "d", "@/d") moves d out of the export.  Control
 * calls never follow symlinks.
 *
 * P9S_DEBUG=1 in the environment prints each message on standard error.
 */

#ifndef _LANDLOCK_P9_SERVER_H
#define _LANDLOCK_P9_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Message types; a reply is its request plus one. */
enum {
	P9_TLERROR = 6, /* never sent */
	P9_RLERROR = 7,
	P9_TSTATFS = 8,
	P9_TLOPEN = 12,
	P9_TLCREATE = 14,
	P9_TSYMLINK = 16,
	P9_TMKNOD = 18,
	P9_TRENAME = 20,
	P9_TREADLINK = 22,
	P9_TGETATTR = 24,
	P9_TSETATTR = 26,
	P9_TXATTRWALK = 30,
	P9_TXATTRCREATE = 32,
	P9_TREADDIR = 40,
	P9_TFSYNC = 50,
	P9_TLOCK = 52,
	P9_TGETLOCK = 54,
	P9_TLINK = 70,
	P9_TMKDIR = 72,
	P9_TRENAMEAT = 74,
	P9_TUNLINKAT = 76,
	P9_TVERSION = 100,
	P9_TAUTH = 102,
	P9_TATTACH = 104,
	P9_TERROR = 106, /* never sent */
	P9_RERROR = 107,
	P9_TFLUSH = 108,
	P9_TWALK = 110,
	P9_TOPEN = 112,
	P9_TCREATE = 114,
	P9_TREAD = 116,
	P9_TWRITE = 118,
	P9_TCLUNK = 120,
	P9_TREMOVE = 122,
	P9_TSTAT = 124,
	P9_TWSTAT = 126,
};

/* qid.type */
#define P9_QTDIR 0x80
#define P9_QTSYMLINK 0x02
#define P9_QTFILE 0x00

#define P9_NOTAG 0xffffU
#define P9_NOFID 0xffffffffU
#define P9_MAXWELEM 16

/* Validity bits of Rgetattr */
#define P9_STATS_BASIC 0x000007ffULL
#define P9_STATS_BTIME 0x00000800ULL
#define P9_STATS_GEN 0x00001000ULL
#define P9_STATS_DATA_VERSION 0x00002000ULL

struct p9s_qid {
	uint8_t type;
	uint32_t version;
	uint64_t path;
};

/*
 * Behaviour
 */

enum p9s_version {
	P9S_DOTL = 0, /* 9P2000.L */
	P9S_DOTU, /* 9P2000.u */
	P9S_LEGACY, /* 9P2000 */
};

enum p9s_generation {
	P9S_GEN_NONE = 0, /* bit clear in the mask of the reply */
	P9S_GEN_VALID, /* when asked for; regular files and directories */
	P9S_GEN_CLAIMED_ZERO, /* mask of the request echoed, 0 (diod) */
};

enum p9s_fsid {
	P9S_FSID_GIVEN = 0, /* 0x9000000000 + device of the file */
	P9S_FSID_ZERO, /* ganesha */
	P9S_FSID_ENOSYS, /* Tstatfs fails with ENOSYS */
};

enum p9s_qid_version {
	P9S_QIDV_MTIME = 0, /* changes with the content or entries */
	P9S_QIDV_ZERO, /* constant 0 (diod, ganesha) */
};

/**
 * struct p9_behaviour - What a server does
 *
 * All members may be 0: an honest handle server without generations.
 */
struct p9_behaviour {
	/** @name: For logs. */
	const char *name;
	/** @version: Best protocol that is negotiated, and p9s_mount()'s. */
	enum p9s_version version;
	/** @msize: Largest message, 0 for 128 KiB + 24. */
	uint32_t msize;

	/** @path: A fid is a path string.  Otherwise it is the object. */
	bool path;
	/**
	 * @open_getattr_by_path: Tgetattr, Tsetattr and Tstat on an open fid
	 * of a path server go by path (diod 1.0.24, QEMU mapped-file): ENOENT
	 * after a move, the new object after a replace.  Otherwise they use
	 * the descriptor.
	 */
	bool open_getattr_by_path;
	/**
	 * @gen_by_path: The generation of an open fid is read by path: the
	 * one of the replacing object, none if nothing is there (QEMU).
	 */
	bool gen_by_path;
	/**
	 * @rename_moves_fids: A client's rename rewrites the paths of the
	 * fids at and below it (QEMU).  Otherwise only Trename's own fid.
	 */
	bool rename_moves_fids;
	/**
	 * @reclaim_after: Number of open fids above which the least recently
	 * used ones are closed, to be reopened by path when used next; never
	 * regular files opened with O_EXCL (QEMU).  0 for never.
	 */
	unsigned int reclaim_after;

	/**
	 * @walked_pins: The walked fids of a handle server keep the object
	 * (O_PATH).  Otherwise they are ESTALE once it is deleted.
	 */
	bool walked_pins;
	/**
	 * @stale_dotdot: A fid's ".." is the parent under which it was
	 * walked, for ever (ganesha).
	 */
	bool stale_dotdot;
	/**
	 * @open_dir_pins_nothing: Open directories do not keep their qid.path
	 * from being recycled (ganesha).
	 */
	bool open_dir_pins_nothing;

	/** @walk_repeats_last: All qids of Rwalk are the last one (ganesha). */
	bool walk_repeats_last;
	/**
	 * @short_walk_makes_fid: A short walk creates newfid, or moves the
	 * fid if newfid is fid (diod).
	 */
	bool short_walk_makes_fid;
	/** @short_walk_fails: A short walk is ENOENT (ganesha). */
	bool short_walk_fails;
	/** @no_symlink_qid: Qids of symlinks look like those of files. */
	bool no_symlink_qid;
	/** @dotdot_escapes: ".." leaves the export (diod). */
	bool dotdot_escapes;

	/** @generation: What Rgetattr says of st_gen. */
	enum p9s_generation generation;
	/**
	 * @gen_needs_read: No generation for files which their owner may not
	 * read (QEMU, chmod 0111).
	 */
	bool gen_needs_read;
	/** @fsid: What Rstatfs says. */
	enum p9s_fsid fsid;
	/** @qid_version: What qid.version is. */
	enum p9s_qid_version qid_version;

	/**
	 * @recycle: The qid.path of a deleted object goes to the next object
	 * that is created, as soon as nothing pins it.  Otherwise only
	 * p9s_recycle() does that.
	 */
	bool recycle;
	/**
	 * @enforce_perm: Modes are enforced on opens, for the uid of the
	 * attach (n_uname); 0 may do all.
	 */
	bool enforce_perm;
	/** @no_renameat: Trenameat is EOPNOTSUPP (diod 1.0.24). */
	bool no_renameat;
	/** @no_unlinkat: Tunlinkat is EOPNOTSUPP (diod 1.0.24). */
	bool no_unlinkat;
	/**
	 * @rerror_dotl: Errors of 9P2000.L are Rerror and a number (ganesha).
	 */
	bool rerror_dotl;
};

/* QEMU 10 "local", generations (ext4 below). */
extern const struct p9_behaviour p9s_path_qemu;
/* diod 1.0.24 */
extern const struct p9_behaviour p9s_path_diod;
/* An honest server with one O_PATH descriptor for each fid, generations. */
extern const struct p9_behaviour p9s_handle;
/* ganesha 4.3 */
extern const struct p9_behaviour p9s_liar_ganesha;

/* For variant tables; to change a detail, copy the struct. */
#define P9S_PATH_QEMU (&p9s_path_qemu)
#define P9S_PATH_DIOD (&p9s_path_diod)
#define P9S_HANDLE (&p9s_handle)
#define P9S_LIAR_GANESHA (&p9s_liar_ganesha)

/*
 * Server and connections
 */

struct p9_server;

/* Returns NULL and sets errno on error. */
struct p9_server *p9s_start(const struct p9_behaviour *const behaviour);
/* Kills and reaps the server (if a child), frees @srv.  NULL is fine. */
void p9s_stop(struct p9_server *const srv);
pid_t p9s_pid(const struct p9_server *const srv);

/* New connection: returns a descriptor, to be used as rfdno and wfdno. */
int p9s_connect(struct p9_server *const srv);
/*
 * Connects and mounts on @dir with version (that of the behaviour unless @opts
 * has one) and @opts (may be NULL); with trans=fd unless these have trans=unix or
 * trans=tcp (on the loopback interface).
 */
int p9s_mount(struct p9_server *const srv, const char *const dir,
	      const char *const opts);
/* The server closes all connections. */
int p9s_disconnect(struct p9_server *const srv);
/* A frozen server reads no request and sends no reply; control still works. */
int p9s_freeze(struct p9_server *const srv, const bool frozen);
/* Changes the behaviour of the running server (not of existing fids). */
int p9s_set_behaviour(struct p9_server *const srv,
		      const struct p9_behaviour *const behaviour);

/*
 * The tree, behind the client's back.  New objects: uid 0, gid 0, directories
 * 0755, others 0644 (see p9s_chmod()).  Changes of content or entries change
 * qid.version and times.
 */

int p9s_mkdir(struct p9_server *const srv, const char *const path);
/* @content is a string, or NULL for an empty file. */
int p9s_create(struct p9_server *const srv, const char *const path,
	       const char *const content);
/* Creates @path with mode 0755 from the file @host_path of this system. */
int p9s_import(struct p9_server *const srv, const char *const path,
	       const char *const host_path);
int p9s_symlink(struct p9_server *const srv, const char *const path,
		const char *const target);
/* @mode with S_IFIFO, S_IFSOCK, S_IFCHR or S_IFBLK */
int p9s_mknod(struct p9_server *const srv, const char *const path,
	      const mode_t mode, const dev_t rdev);
int p9s_link(struct p9_server *const srv, const char *const old_path,
	     const char *const new_path);
/* What is at @new_path, whatever it is, is removed as by p9s_remove(). */
int p9s_move(struct p9_server *const srv, const char *const old_path,
	     const char *const new_path);
int p9s_exchange(struct p9_server *const srv, const char *const path1,
		 const char *const path2);
/* Recursive; other hard links stay. */
int p9s_remove(struct p9_server *const srv, const char *const path);
/*
 * Removes @path and creates another object there, of the same type; a file
 * gets @content, a directory is empty.
 */
int p9s_replace(struct p9_server *const srv, const char *const path,
		const char *const content);
/* New content of the same file, new version. */
int p9s_rewrite(struct p9_server *const srv, const char *const path,
		const char *const content);
/* New version and times. */
int p9s_touch(struct p9_server *const srv, const char *const path);
int p9s_chmod(struct p9_server *const srv, const char *const path,
	      const mode_t mode);
int p9s_chown(struct p9_server *const srv, const char *const path,
	      const uid_t uid, const gid_t gid);

/* Extended attribute that clients can read.  Removes it if @value is NULL. */
int p9s_set_xattr(struct p9_server *const srv, const char *const path,
		  const char *const name, const void *const value,
		  const size_t size);

/* Entry of a table for p9s_build(), ended by one with a NULL path. */
struct p9s_entry {
	const char *path;
	/* Type and permissions; 0 for a file 0644, S_IFDIR alone for 0755. */
	mode_t mode;
	/* Content of a file, target of a symlink; may be NULL. */
	const char *content;
};

int p9s_build(struct p9_server *const srv,
	      const struct p9s_entry *const entries);

/* Identities */

/* Sets qid.path; nothing checks for collisions. */
int p9s_set_qid_path(struct p9_server *const srv, const char *const path,
		     const uint64_t qid_path);
/* Gives @path1 the qid.path of @path2. */
int p9s_collide(struct p9_server *const srv, const char *const path1,
		const char *const path2);
/*
 * The next created object gets this qid.path.  -EBUSY if a living object has
 * it, in the tree or pinned by a fid.
 */
int p9s_recycle(struct p9_server *const srv, const uint64_t qid_path);
int p9s_set_generation(struct p9_server *const srv, const char *const path,
		       const uint64_t generation);
/*
 * Puts @path and all below on another device (0 at first; new objects are on
 * the one of their directory).  The device is the low half of Rstatfs's fsid.
 */
int p9s_set_dev(struct p9_server *const srv, const char *const path,
		const uint32_t dev);
/*
 * Closes all descriptors behind open fids, but regular files opened with
 * O_EXCL: a path server reopens them by path, a handle server answers ESTALE
 * once the object is deleted.  Returns how many.
 */
int p9s_forget_pins(struct p9_server *const srv);

struct p9s_stat {
	struct p9s_qid qid;
	uint64_t generation;
	uint64_t size;
	uint64_t rdev;
	uint32_t dev;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	uint32_t nlink;
	/* Number of open fids on it, and of those which pin it. */
	uint32_t opens;
	uint32_t pins;
};

int p9s_stat(struct p9_server *const srv, const char *const path,
	     struct p9s_stat *const st);
bool p9s_exists(struct p9_server *const srv, const char *const path);
/* qid.path, or 0 if there is no such object. */
uint64_t p9s_qid_path(struct p9_server *const srv, const char *const path);
/* Content of a file or target of a symlink: returns the number of bytes. */
ssize_t p9s_read(struct p9_server *const srv, const char *const path,
		 void *const buf, const size_t len, const uint64_t offset);
/* True if the content is this string. */
bool p9s_content_is(struct p9_server *const srv, const char *const path,
		    const char *const content);
ssize_t p9s_write(struct p9_server *const srv, const char *const path,
		  const void *const buf, const size_t len,
		  const uint64_t offset);

/*
 * Faults
 */

enum p9s_action {
	/* Does nothing but count (p9s_rule_hits()). */
	P9S_PASS = 0,
	/* Replies .error, without doing the request. */
	P9S_ERROR,
	/*
	 * Breakpoint: the request waits, undone, for p9s_release().  Others
	 * are served.
	 */
	P9S_HOLD,
	/* The request is done, the reply waits for p9s_release(). */
	P9S_HOLD_REPLY,
	/* The request is done, there is no reply. */
	P9S_DROP,
	/* The connection is closed instead. */
	P9S_DISCONNECT,
	/* The request is done, then the reply is changed: */
	P9S_BAD_TYPE, /* type of another reply */
	P9S_BAD_TAG, /* tag that nobody waits for */
	P9S_TRUNCATE, /* half of its payload, correct size field */
	P9S_OVERSIZE, /* size field larger than msize */
	P9S_BAD_COUNT, /* Rwalk, Rread, Rreaddir: larger count than data */
	P9S_BAD_QID, /* first qid (Rwalk: last) is .qid */
	P9S_EXTRA_QIDS, /* Rwalk: more qids than names, all there */
	P9S_MISSING_QIDS, /* Rwalk: one qid less, as a short walk */
	P9S_GARBAGE, /* payload of 0xff bytes */
	P9S_EXTRA_BYTES, /* trailing bytes, correct size field */
	P9S_EMPTY, /* no payload at all */
};

/*
 * What a Tflush for a held or dropped request does.  A request that was done
 * (P9S_HOLD_REPLY, P9S_DROP) and then cancelled leaves what it did, a new fid
 * too, of which the client cannot know: no real server does that, use
 * P9S_FLUSH_LATE to count fids.
 */
enum p9s_flush {
	P9S_FLUSH_CANCEL = 0, /* forgets the request, Rflush */
	P9S_FLUSH_WAIT, /* no Rflush before p9s_release() */
	P9S_FLUSH_LATE, /* the reply, then Rflush */
};

enum p9s_fid_state { P9S_FID_ANY = 0, P9S_FID_WALKED, P9S_FID_OPEN };

/**
 * struct p9s_rule - What to do with chosen messages
 *
 * The first armed rule that matches a message acts on it.
 */
struct p9s_rule {
	/** @type: P9_T*, 0 for any. */
	uint8_t type;
	/** @fid_state: State of the request's (first) fid. */
	enum p9s_fid_state fid_state;
	/**
	 * @name: If not NULL, the last name in the request (Twalk, Tlcreate,
	 * Tmkdir, ...) or, for requests without one, the name under which
	 * their fid was walked.  At most 63 bytes.
	 */
	const char *name;
	/** @nth: First matching message on which the rule acts, 0 as 1. */
	unsigned int nth;
	/** @times: Number of messages on which it acts, 0 as 1. */
	unsigned int times;
	/** @action: What happens. */
	enum p9s_action action;
	/** @error: For P9S_ERROR. */
	int error;
	/** @flush: For P9S_HOLD, P9S_HOLD_REPLY and P9S_DROP. */
	enum p9s_flush flush;
	/** @qid: For P9S_BAD_QID. */
	struct p9s_qid qid;
};

#define P9S_ALWAYS (~0U)

/* Adds a rule: returns its number (> 0).  At most 32 rules. */
int p9s_arm(struct p9_server *const srv, const struct p9s_rule *const rule);
/* Shorthands: acts once, on the next message of @type. */
int p9s_fail_next(struct p9_server *const srv, const uint8_t type,
		  const int error);
int p9s_hold_next(struct p9_server *const srv, const uint8_t type);
/* How many messages the rule acted on. */
int p9s_rule_hits(struct p9_server *const srv, const int rule);
/* Forgets all rules; what is held stays held. */
int p9s_disarm(struct p9_server *const srv);
/* Goes on with all that is held: returns how many requests that was. */
int p9s_release(struct p9_server *const srv);
/* Number of requests that are held now. */
int p9s_held(struct p9_server *const srv);

/*
 * Waits.  They sleep until the server sees the event; P9S_TIMEOUT_MS is there
 * to fail (-ETIMEDOUT), not to be waited for.
 */

#define P9S_TIMEOUT_MS 20000

/* Until at least one request is held. */
int p9s_wait_held(struct p9_server *const srv);
/* Until the number of living fids is @n: returns it, what it is if late. */
int p9s_wait_fids(struct p9_server *const srv, const unsigned int n);
/* As above, with @timeout_ms. */
int p9s_wait_fids_timeout(struct p9_server *const srv, const unsigned int n,
			  const int timeout_ms);
/* Same with the number of open fids only. */
int p9s_wait_open_fids(struct p9_server *const srv, const unsigned int n);
/* Until @n or more messages of @type (0: any) came since p9s_reset(). */
int p9s_wait_count(struct p9_server *const srv, const uint8_t type,
		   const unsigned int n);
/* Until no client is connected. */
int p9s_wait_closed(struct p9_server *const srv);

/*
 * Counters
 */

/* Starts all message counters, violations and leaks again at 0. */
int p9s_reset(struct p9_server *const srv);
/* Messages since p9s_reset(), by type. */
int p9s_counts(struct p9_server *const srv, uint32_t counts[256]);
int p9s_count(struct p9_server *const srv, const uint8_t type);
int p9s_total(struct p9_server *const srv);

struct p9s_fids {
	uint32_t all; /* living fids of all connections */
	uint32_t walked; /* all - open */
	uint32_t open;
	uint32_t open_dirs;
	uint32_t open_files;
	uint32_t pinning; /* open ones with a descriptor (not reclaimed) */
	uint32_t leaked; /* not clunked when their connection ended */
	uint32_t peak; /* largest "all" since p9s_reset() */
	uint32_t connections;
};

int p9s_fids(struct p9_server *const srv, struct p9s_fids *const fids);

/* What a client must not do; each Tlopen or Topen counts once. */
enum p9s_violation {
	P9S_V_FIFO_BLOCKING = 0x1, /* FIFO without O_NONBLOCK: EIO */
	P9S_V_FIFO = 0x2, /* FIFO with O_NONBLOCK: ENXIO */
	P9S_V_SYMLINK = 0x4, /* ELOOP */
	P9S_V_SOCKET = 0x8, /* ENXIO */
	P9S_V_DEVICE = 0x10, /* ENXIO */
	P9S_V_SPECIAL = 0x1f, /* all of these */
	P9S_V_BAD_FID = 0x20, /* unknown fid, other than in Tclunk: EBADF */
	P9S_V_BAD_CLUNK = 0x40, /* Tclunk of an unknown fid: EBADF */
	P9S_V_FID_IN_USE = 0x80, /* newfid exists: EBADF */
	P9S_V_TAG_IN_USE = 0x100, /* tag of a held request used again */
	P9S_V_MALFORMED = 0x200, /* message that cannot be parsed: EINVAL */
	P9S_V_PROTOCOL = 0x3e0, /* the last five */
	P9S_V_FOLLOWS = 0x400, /* symlink without O_NOFOLLOW: ELOOP */
};

/* Number of violations of the kinds in @mask, since p9s_reset(). */
int p9s_violations(struct p9_server *const srv, const unsigned int mask);

/* Prints the last 64 messages and all fids as "# 9p ..." on standard error. */
int p9s_dump(struct p9_server *const srv);

#endif /* _LANDLOCK_P9_SERVER_H */
