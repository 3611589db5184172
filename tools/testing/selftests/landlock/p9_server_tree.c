// SPDX-License-Identifier: GPL-2.0-only
/*
 * In-memory tree of the in-test 9p server
 */

#define _GNU_SOURCE
#include <errno.h>
#include <search.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "p9_server_tree.h"

/* The server has nothing better to do than to die without memory. */
void *p9t_alloc(const size_t size)
{
	void *const ptr = calloc(1, size ? size : 1);

	if (!ptr)
		_exit(1);
	return ptr;
}

void *p9t_realloc(void *const ptr, const size_t size)
{
	void *const new = realloc(ptr, size ? size : 1);

	if (!new)
		_exit(1);
	return new;
}

char *p9t_strdup(const char *const str)
{
	const size_t len = strlen(str) + 1;

	return memcpy(p9t_alloc(len), str, len);
}

static struct timespec now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts;
}

static struct p9t_node **bucket(struct p9t_tree *const tree,
				const uint64_t qid_path)
{
	return &tree->nodes[qid_path % P9T_BUCKETS];
}

static void add_node(struct p9t_tree *const tree, struct p9t_node *const node)
{
	struct p9t_node **const link = bucket(tree, node->qid_path);

	node->next = *link;
	*link = node;
}

static void del_node(struct p9t_tree *const tree, struct p9t_node *const node)
{
	struct p9t_node **link = bucket(tree, node->qid_path);

	while (*link != node)
		link = &(*link)->next;
	*link = node->next;
}

void p9t_set_qid_path(struct p9t_tree *const tree, struct p9t_node *const node,
		      const uint64_t qid_path)
{
	del_node(tree, node);
	node->qid_path = qid_path;
	add_node(tree, node);
}

static void free_xattr(struct p9t_xattr **const link)
{
	struct p9t_xattr *const xattr = *link;

	*link = xattr->next;
	free(xattr->name);
	free(xattr);
}

static void free_node(struct p9t_tree *const tree, struct p9t_node *const node)
{
	del_node(tree, node);
	while (node->xattrs)
		free_xattr(&node->xattrs);
	free(node->data);
	free(node);
}

/* Ends the life of a node without names and pins. */
static void check_dead(struct p9t_tree *const tree, struct p9t_node *const node)
{
	if (node->links || node->pins)
		return;

	if (!node->dead) {
		node->dead = true;
		tree->free_paths = p9t_realloc(
			tree->free_paths,
			(tree->free_count + 1) * sizeof(*tree->free_paths));
		tree->free_paths[tree->free_count++] = node->qid_path;
	}
	if (!node->refs)
		free_node(tree, node);
}

struct p9t_node *p9t_find(const struct p9t_tree *const tree,
			  const uint64_t qid_path)
{
	struct p9t_node *node;

	for (node = tree->nodes[qid_path % P9T_BUCKETS]; node;
	     node = node->next) {
		if (!node->dead && node->qid_path == qid_path)
			return node;
	}
	return NULL;
}

static uint64_t new_qid_path(struct p9t_tree *const tree)
{
	uint64_t qid_path = tree->forced_path;

	tree->forced_path = 0;
	if (qid_path)
		return qid_path;

	/* A free number may have been given away by p9s_set_qid_path(). */
	while (tree->recycle && tree->free_count) {
		qid_path = tree->free_paths[--tree->free_count];
		if (!p9t_find(tree, qid_path))
			return qid_path;
	}

	do {
		qid_path = tree->next_qid_path++;
	} while (p9t_find(tree, qid_path));
	return qid_path;
}

static struct p9t_node *new_node(struct p9t_tree *const tree, const mode_t mode)
{
	struct p9t_node *const node = p9t_alloc(sizeof(*node));

	node->qid_path = new_qid_path(tree);
	node->generation = tree->next_generation;
	tree->next_generation += 0x1003;
	node->mode = mode;
	node->version = 1;
	node->next_cookie = 3;
	node->mtime = now();
	node->atime = node->mtime;
	node->ctime = node->mtime;
	node->btime = node->mtime;
	node->last = &node->entries;
	add_node(tree, node);
	return node;
}

void p9t_init(struct p9t_tree *const tree)
{
	struct p9t_node *node;

	memset(tree, 0, sizeof(*tree));
	tree->next_qid_path = 0x100;
	tree->next_generation = 0x51a7e001;
	tree->top = new_node(tree, S_IFDIR | 0755);
	tree->top->links = 1;
	tree->top->parent = tree->top;
	p9t_create(tree, tree->top, &P9T_EXPORT[1], S_IFDIR | 0755,
		   &tree->export);
	p9t_create(tree, tree->top, &P9T_OUTSIDE[1], S_IFDIR | 0755, &node);
}

bool p9t_valid_name(const char *const name)
{
	return *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	       !strchr(name, '/') && strlen(name) <= P9T_NAME_MAX;
}

static int compare_names(const void *const a, const void *const b)
{
	return strcmp(a, b);
}

struct p9t_entry *p9t_entry(const struct p9t_node *const dir,
			    const char *const name)
{
	char *const *const found = tfind(name, &dir->names, compare_names);

	if (!found)
		return NULL;
	return (void *)(*found - offsetof(struct p9t_entry, name));
}

struct p9t_node *p9t_child(const struct p9t_node *const dir,
			   const char *const name)
{
	const struct p9t_entry *const entry = p9t_entry(dir, name);

	return entry ? entry->node : NULL;
}

/* Never follows symlinks; no "." and "..". */
int p9t_lookup(const struct p9t_tree *const tree, const char *const path,
	       struct p9t_node **const node)
{
	struct p9t_node *cur = tree->top;
	const char *p = path;
	char name[P9T_NAME_MAX + 1];

	for (;;) {
		size_t len;

		p += strspn(p, "/");
		if (!*p)
			break;
		if (!S_ISDIR(cur->mode))
			return -ENOTDIR;
		len = strcspn(p, "/");
		if (len > P9T_NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, p, len);
		name[len] = '\0';
		p += len;
		cur = p9t_child(cur, name);
		if (!cur)
			return -ENOENT;
	}

	*node = cur;
	return 0;
}

int p9t_lookup_parent(const struct p9t_tree *const tree, const char *const path,
		      struct p9t_node **const dir, const char **const name)
{
	const char *const last = strrchr(path, '/');
	char parent[P9T_PATH_MAX];
	int err;

	if (!last)
		return -EINVAL;
	if ((size_t)(last - path) >= sizeof(parent))
		return -ENAMETOOLONG;
	if (!p9t_valid_name(last + 1))
		return -EINVAL;

	memcpy(parent, path, last - path);
	parent[last - path] = '\0';
	err = p9t_lookup(tree, parent, dir);
	if (err)
		return err;
	if (!S_ISDIR((*dir)->mode))
		return -ENOTDIR;
	*name = last + 1;
	return 0;
}

void p9t_touch(struct p9t_node *const node)
{
	node->version++;
	node->mtime = now();
	node->ctime = node->mtime;
}

/* Takes over a link of the node. */
static void add_entry(struct p9t_node *const dir, const char *const name,
		      struct p9t_node *const node)
{
	const size_t len = strlen(name) + 1;
	struct p9t_entry *const entry = p9t_alloc(sizeof(*entry) + len);

	memcpy(entry->name, name, len);
	entry->node = node;
	entry->cookie = dir->next_cookie++;
	entry->link = dir->last;
	*entry->link = entry;
	dir->last = &entry->next;
	if (!tsearch(entry->name, &dir->names, compare_names))
		_exit(1);
	if (S_ISDIR(node->mode)) {
		node->parent = dir;
		dir->subdirs++;
	}
	p9t_touch(dir);
}

/* Gives back the node, with the link that the entry held. */
static struct p9t_node *del_entry(struct p9t_node *const dir,
				  struct p9t_entry *const entry)
{
	struct p9t_node *const node = entry->node;

	*entry->link = entry->next;
	if (entry->next)
		entry->next->link = entry->link;
	else
		dir->last = entry->link;
	tdelete(entry->name, &dir->names, compare_names);
	free(entry);
	if (S_ISDIR(node->mode)) {
		node->parent = NULL;
		dir->subdirs--;
	}
	node->ctime = now();
	p9t_touch(dir);
	return node;
}

int p9t_create(struct p9t_tree *const tree, struct p9t_node *const dir,
	       const char *const name, const mode_t mode,
	       struct p9t_node **const node)
{
	if (!S_ISDIR(dir->mode))
		return -ENOTDIR;
	if (!dir->links)
		return -ENOENT;
	if (!p9t_valid_name(name))
		return -EINVAL;
	if (p9t_entry(dir, name))
		return -EEXIST;

	*node = new_node(tree, mode);
	(*node)->dev = dir->dev;
	(*node)->links = 1;
	add_entry(dir, name, *node);
	return 0;
}

int p9t_link(struct p9t_node *const dir, const char *const name,
	     struct p9t_node *const node)
{
	if (!S_ISDIR(dir->mode))
		return -ENOTDIR;
	if (S_ISDIR(node->mode))
		return -EPERM;
	if (!dir->links || !node->links)
		return -ENOENT;
	if (!p9t_valid_name(name))
		return -EINVAL;
	if (p9t_entry(dir, name))
		return -EEXIST;
	if (dir->dev != node->dev)
		return -EXDEV;

	node->links++;
	node->ctime = now();
	add_entry(dir, name, node);
	return 0;
}

int p9t_unlink(struct p9t_tree *const tree, struct p9t_node *const dir,
	       const char *const name)
{
	struct p9t_entry *entry;
	struct p9t_node *node;

	if (!S_ISDIR(dir->mode))
		return -ENOTDIR;
	entry = p9t_entry(dir, name);
	if (!entry)
		return -ENOENT;
	if (entry->node->entries)
		return -ENOTEMPTY;
	if (entry->node == tree->export)
		return -EBUSY;

	node = del_entry(dir, entry);
	node->links--;
	check_dead(tree, node);
	return 0;
}

int p9t_remove(struct p9t_tree *const tree, struct p9t_node *const dir,
	       const char *const name)
{
	struct p9t_node *node;

	if (!S_ISDIR(dir->mode))
		return -ENOTDIR;
	node = p9t_child(dir, name);
	if (!node)
		return -ENOENT;
	if (node == tree->export)
		return -EBUSY;

	while (node->entries) {
		const int err = p9t_remove(tree, node, node->entries->name);

		if (err)
			return err;
	}
	return p9t_unlink(tree, dir, name);
}

/* Is @dir @node or below it? */
static bool is_below(const struct p9t_node *dir,
		     const struct p9t_node *const node)
{
	for (; dir; dir = dir->parent) {
		if (dir == node)
			return true;
		if (dir->parent == dir)
			break;
	}
	return false;
}

int p9t_rename(struct p9t_tree *const tree, struct p9t_node *const old_dir,
	       const char *const old_name, struct p9t_node *const new_dir,
	       const char *const new_name)
{
	struct p9t_entry *old, *new;
	struct p9t_node *node;
	int err;

	if (!S_ISDIR(old_dir->mode) || !S_ISDIR(new_dir->mode))
		return -ENOTDIR;
	if (!p9t_valid_name(new_name))
		return -EINVAL;
	old = p9t_entry(old_dir, old_name);
	if (!old || !new_dir->links)
		return -ENOENT;
	if (old->node == tree->export)
		return -EBUSY;
	if (is_below(new_dir, old->node))
		return -EINVAL;

	new = p9t_entry(new_dir, new_name);
	if (new) {
		if (new->node == old->node)
			return 0;
		if (S_ISDIR(new->node->mode) && !S_ISDIR(old->node->mode))
			return -EISDIR;
		if (!S_ISDIR(new->node->mode) && S_ISDIR(old->node->mode))
			return -ENOTDIR;
		err = p9t_unlink(tree, new_dir, new_name);
		if (err)
			return err;
	}

	node = del_entry(old_dir, old);
	add_entry(new_dir, new_name, node);
	return 0;
}

int p9t_exchange(struct p9t_node *const dir1, const char *const name1,
		 struct p9t_node *const dir2, const char *const name2)
{
	struct p9t_entry *const entry1 = p9t_entry(dir1, name1);
	struct p9t_entry *const entry2 = p9t_entry(dir2, name2);
	struct p9t_node *node;

	if (!entry1 || !entry2)
		return -ENOENT;
	if (is_below(dir1, entry2->node) || is_below(dir2, entry1->node))
		return -EINVAL;

	node = entry1->node;
	entry1->node = entry2->node;
	entry2->node = node;
	if (S_ISDIR(entry1->node->mode)) {
		entry1->node->parent = dir1;
		dir1->subdirs++;
		dir2->subdirs--;
	}
	if (S_ISDIR(entry2->node->mode)) {
		entry2->node->parent = dir2;
		dir2->subdirs++;
		dir1->subdirs--;
	}
	p9t_touch(dir1);
	p9t_touch(dir2);
	return 0;
}

void p9t_set_dev(struct p9t_node *const node, const uint32_t dev)
{
	const struct p9t_entry *entry;

	node->dev = dev;
	for (entry = node->entries; entry; entry = entry->next)
		p9t_set_dev(entry->node, dev);
}

void p9t_get(struct p9t_node *const node)
{
	node->refs++;
}

void p9t_put(struct p9t_tree *const tree, struct p9t_node *const node)
{
	node->refs--;
	check_dead(tree, node);
}

void p9t_pin(struct p9t_node *const node)
{
	node->pins++;
}

void p9t_unpin(struct p9t_tree *const tree, struct p9t_node *const node)
{
	node->pins--;
	check_dead(tree, node);
}

size_t p9t_read(const struct p9t_node *const node, void *const buf,
		const size_t len, const uint64_t offset)
{
	size_t count;

	if (offset >= node->size)
		return 0;
	count = node->size - offset;
	if (count > len)
		count = len;
	if (count)
		memcpy(buf, node->data + offset, count);
	return count;
}

/* New bytes are 0. */
static int resize(struct p9t_node *const node, const uint64_t size)
{
	if (size > P9T_SIZE_MAX)
		return -EFBIG;
	if (size > node->capacity) {
		const size_t capacity = size * 2;

		node->data = p9t_realloc(node->data, capacity);
		node->capacity = capacity;
	}
	if (size > node->size)
		memset(node->data + node->size, 0, size - node->size);
	node->size = size;
	return 0;
}

int p9t_truncate(struct p9t_node *const node, const uint64_t size)
{
	const int err = resize(node, size);

	if (err)
		return err;
	p9t_touch(node);
	return 0;
}

int p9t_write(struct p9t_node *const node, const void *const buf,
	      const size_t len, const uint64_t offset)
{
	int err;

	if (offset > P9T_SIZE_MAX || len > P9T_SIZE_MAX)
		return -EFBIG;
	if (offset + len > node->size) {
		err = resize(node, offset + len);
		if (err)
			return err;
	}
	if (len)
		memcpy(node->data + offset, buf, len);
	p9t_touch(node);
	return 0;
}

uint32_t p9t_nlink(const struct p9t_node *const node)
{
	if (!S_ISDIR(node->mode))
		return node->links;
	return node->links ? node->subdirs + 2 : 0;
}

static struct p9t_xattr **find_xattr(struct p9t_xattr **link,
				     const char *const name)
{
	while (*link && strcmp((*link)->name, name) != 0)
		link = &(*link)->next;
	return link;
}

const struct p9t_xattr *p9t_xattr(const struct p9t_node *const node,
				  const char *const name)
{
	struct p9t_xattr *first = node->xattrs;

	return *find_xattr(&first, name);
}

void p9t_set_xattr(struct p9t_tree *const tree, struct p9t_node *const node,
		   const char *const name, const void *const value,
		   const size_t size)
{
	struct p9t_xattr **const link = find_xattr(&node->xattrs, name);
	struct p9t_xattr *xattr;

	if (*link)
		free_xattr(link);
	tree->has_xattrs = true;
	node->ctime = now();
	if (!value)
		return;

	xattr = p9t_alloc(sizeof(*xattr) + size);
	xattr->name = p9t_strdup(name);
	xattr->size = size;
	memcpy(xattr->value, value, size);
	xattr->next = *link;
	*link = xattr;
}
