/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * In-memory tree of the in-test 9p server
 *
 * Two directories are below the top: "/export", which clients attach to, and
 * "/outside", the hidden area.  A node is alive while a name or a pin is left:
 * only then its qid.path is taken.  The memory of a dead node stays until the
 * last fid drops its reference.
 */

#ifndef _LANDLOCK_P9_SERVER_TREE_H
#define _LANDLOCK_P9_SERVER_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define P9T_EXPORT "/export"
#define P9T_OUTSIDE "/outside"
#define P9T_PATH_MAX 4096
#define P9T_NAME_MAX 255
#define P9T_SIZE_MAX (64ULL << 20)

struct p9t_node;

/* Name of a node in a directory. */
struct p9t_entry {
	struct p9t_entry *next, **link;
	struct p9t_node *node;
	/* Position for Treaddir: grows, unique in its directory. */
	uint64_t cookie;
	char name[];
};

/* Extended attribute */
struct p9t_xattr {
	struct p9t_xattr *next;
	char *name;
	size_t size;
	uint8_t value[];
};

struct p9t_node {
	/* Of the tree's table, dead ones too. */
	struct p9t_node *next;
	uint64_t qid_path;
	uint64_t generation;
	uint32_t version;
	uint32_t dev;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	/* As new_encode_dev() */
	uint32_t rdev;
	/* Number of entries that lead here. */
	unsigned int links;
	/* Number of descriptors: keep the node alive. */
	unsigned int pins;
	/* Number of fids: keep the memory. */
	unsigned int refs;
	bool dead;
	struct timespec atime, mtime, ctime, btime;
	/* Content of a file, target of a symlink. */
	uint8_t *data;
	size_t size, capacity;
	struct p9t_xattr *xattrs;
	/* Directories only; the parent is NULL once removed. */
	struct p9t_node *parent;
	struct p9t_entry *entries, **last;
	/* The same, see tsearch(3). */
	void *names;
	uint32_t subdirs;
	uint64_t next_cookie;
};

#define P9T_BUCKETS 16384

struct p9t_tree {
	/* By qid.path */
	struct p9t_node *nodes[P9T_BUCKETS];
	struct p9t_node *top, *export;
	uint64_t next_qid_path;
	uint64_t next_generation;
	/* qid.path of dead nodes, the latest last. */
	uint64_t *free_paths;
	size_t free_count;
	/* Take from free_paths. */
	bool recycle;
	/* Set by p9t_set_xattr() */
	bool has_xattrs;
	/* qid.path of the next node, if not 0. */
	uint64_t forced_path;
};

void *p9t_alloc(const size_t size);
void *p9t_realloc(void *const ptr, const size_t size);
char *p9t_strdup(const char *const str);

void p9t_init(struct p9t_tree *const tree);

/* All functions that return an int return 0 or -errno. */
int p9t_lookup(const struct p9t_tree *const tree, const char *const path,
	       struct p9t_node **const node);
/* @name points into @path. */
int p9t_lookup_parent(const struct p9t_tree *const tree, const char *const path,
		      struct p9t_node **const dir, const char **const name);
struct p9t_entry *p9t_entry(const struct p9t_node *const dir,
			    const char *const name);
struct p9t_node *p9t_child(const struct p9t_node *const dir,
			   const char *const name);
bool p9t_valid_name(const char *const name);
void p9t_set_qid_path(struct p9t_tree *const tree, struct p9t_node *const node,
		      const uint64_t qid_path);
/* A living node with this qid.path, or NULL. */
struct p9t_node *p9t_find(const struct p9t_tree *const tree,
			  const uint64_t qid_path);

int p9t_create(struct p9t_tree *const tree, struct p9t_node *const dir,
	       const char *const name, const mode_t mode,
	       struct p9t_node **const node);
int p9t_link(struct p9t_node *const dir, const char *const name,
	     struct p9t_node *const node);
/* As unlink(2) or rmdir(2). */
int p9t_unlink(struct p9t_tree *const tree, struct p9t_node *const dir,
	       const char *const name);
/* With all below. */
int p9t_remove(struct p9t_tree *const tree, struct p9t_node *const dir,
	       const char *const name);
/* As rename(2). */
int p9t_rename(struct p9t_tree *const tree, struct p9t_node *const old_dir,
	       const char *const old_name, struct p9t_node *const new_dir,
	       const char *const new_name);
int p9t_exchange(struct p9t_node *const dir1, const char *const name1,
		 struct p9t_node *const dir2, const char *const name2);
void p9t_set_dev(struct p9t_node *const node, const uint32_t dev);

void p9t_get(struct p9t_node *const node);
void p9t_put(struct p9t_tree *const tree, struct p9t_node *const node);
void p9t_pin(struct p9t_node *const node);
void p9t_unpin(struct p9t_tree *const tree, struct p9t_node *const node);

/* New version, mtime and ctime. */
void p9t_touch(struct p9t_node *const node);
size_t p9t_read(const struct p9t_node *const node, void *const buf,
		const size_t len, const uint64_t offset);
int p9t_write(struct p9t_node *const node, const void *const buf,
	      const size_t len, const uint64_t offset);
int p9t_truncate(struct p9t_node *const node, const uint64_t size);
const struct p9t_xattr *p9t_xattr(const struct p9t_node *const node,
				  const char *const name);
/* Removes the attribute if there is no value. */
void p9t_set_xattr(struct p9t_tree *const tree, struct p9t_node *const node,
		   const char *const name, const void *const value,
		   const size_t size);
/* What st_nlink is. */
uint32_t p9t_nlink(const struct p9t_node *const node);

#endif /* _LANDLOCK_P9_SERVER_TREE_H */
