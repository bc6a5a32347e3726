/* Where scratch files are: the part of the inode table that knows names. */
#include "inode.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inode_int.h"

#define DEPTH_MAX 2048 /* directories; ours, below what PATH_MAX allows */

/* Puts i at (parent, name); a parent that this sets free goes to *chain. */
int inode_place_locked(struct inode_tab *t, struct inode *i, uint64_t parent,
			const char *name, struct inode **chain)
{
	struct inode *dir = NULL;
	struct place *p, *old = i->place;
	size_t n = strlen(name) + 1;

	if (parent != INODE_ORPHANAGE) {
		dir = inode_find_id(t, parent);
		if (dir == NULL)
			return -ESTALE;
	}
	if (old != NULL && old->parent == dir && strcmp(old->name, name) == 0)
		return 0;
	p = malloc(sizeof(*p) + n);
	if (p == NULL)
		return -ENOMEM;
	memcpy(p->name, name, n);
	p->parent = dir;
	if (dir != NULL)
		dir->refs++;
	i->place = p;
	if (old != NULL && old->parent != NULL) {
		old->parent->refs--;
		*chain = inode_reap(t, old->parent);
	}
	free(old);
	return 0;
}

int inode_hold_at(struct inode_tab *t, const struct inode_key *key,
		  uint64_t parent, const char *name, uint64_t *ret_nodeid)
{
	struct inode *i, *chain = NULL;
	int r = -ENOMEM;

	pthread_mutex_lock(&t->mu);
	i = inode_find_key(t, key);
	if (i == NULL)
		i = inode_make(t, key);
	if (i != NULL)
		r = inode_place_locked(t, i, parent, name, &chain);
	if (r == 0) {
		i->lookups++;
		*ret_nodeid = i->nodeid;
	} else if (i != NULL) {
		chain = inode_reap(t, i);
	}
	pthread_mutex_unlock(&t->mu);
	inode_drop_chain(t, chain);
	return r;
}

int inode_set_place(struct inode_tab *t, uint64_t nodeid, uint64_t parent,
		    const char *name)
{
	struct inode *i, *chain = NULL;
	int r = -ESTALE;

	pthread_mutex_lock(&t->mu);
	i = inode_find_id(t, nodeid);
	if (i != NULL)
		r = inode_place_locked(t, i, parent, name, &chain);
	pthread_mutex_unlock(&t->mu);
	inode_drop_chain(t, chain);
	return r;
}

bool inode_is_at(struct inode_tab *t, uint64_t nodeid, uint64_t parent,
		 const char *name)
{
	struct inode *i;
	bool r;

	pthread_mutex_lock(&t->mu);
	i = inode_find_id(t, nodeid);
	r = i != NULL && i->place != NULL && i->place->parent != NULL &&
	    i->place->parent->nodeid == parent &&
	    strcmp(i->place->name, name) == 0;
	pthread_mutex_unlock(&t->mu);
	return r;
}

int inode_get_place(struct inode_tab *t, uint64_t nodeid,
		    uint64_t *ret_parent, char **ret_name)
{
	struct inode *i;
	char *name = NULL;
	int r = -ESTALE;

	pthread_mutex_lock(&t->mu);
	i = inode_find_id(t, nodeid);
	if (i != NULL && i->place != NULL && i->place->parent != NULL) {
		name = strdup(i->place->name);
		r = name == NULL ? -ENOMEM : 0;
		if (r == 0) {
			*ret_parent = i->place->parent->nodeid;
			*ret_name = name;
		}
	}
	pthread_mutex_unlock(&t->mu);
	return r;
}

int inode_stem(const struct inode_key *key, char out[static INODE_STEM_BUF])
{
	if (key->kind == INODE_ROOT)
		snprintf(out, INODE_STEM_BUF, "root");
	else if (key->kind == INODE_BASE)
		snprintf(out, INODE_STEM_BUF, "base-%" PRIu32, key->a);
	else if (key->kind == INODE_TABLE)
		snprintf(out, INODE_STEM_BUF, "table-%" PRIu32, key->a);
	else
		return -ESTALE;
	return 0;
}

/* The first component of a path: the folder of i, which is no scratch
 * directory; NULL is the orphanage. */
static int first_part(const struct inode *i, char out[static INODE_STEM_BUF])
{
	struct inode_key key;

	if (i == NULL) {
		snprintf(out, INODE_STEM_BUF, ".orphans");
		return 0;
	}
	key = inode_key_make((enum inode_kind)i->kind, i->a, i->b);
	return inode_stem(&key, out);
}

int inode_anchor(struct inode_tab *t, uint64_t nodeid, struct inode_key *ret)
{
	struct inode *i;
	int r = -ESTALE;

	pthread_mutex_lock(&t->mu);
	i = inode_find_id(t, nodeid);
	while (i != NULL && i->kind == INODE_SCRATCH)
		i = i->place == NULL ? NULL : i->place->parent;
	if (i != NULL) {
		*ret = inode_key_make((enum inode_kind)i->kind, i->a, i->b);
		r = 0;
	}
	pthread_mutex_unlock(&t->mu);
	return r;
}

static int path_locked(const struct inode *i, const char *name, char **ret)
{
	const char *parts[DEPTH_MAX];
	size_t n = 0, len = 0;
	char first[INODE_STEM_BUF], *p;

	if (name != NULL)
		parts[n++] = name;
	while (i != NULL && i->kind == INODE_SCRATCH) {
		if (i->place == NULL)
			return -ESTALE;
		if (n == DEPTH_MAX)
			return -ENAMETOOLONG;
		parts[n++] = i->place->name;
		i = i->place->parent;
	}
	if (first_part(i, first) < 0)
		return -ESTALE;
	for (size_t k = 0; k < n; k++)
		len += strlen(parts[k]) + 1;
	*ret = malloc(strlen(first) + len + 1);
	if (*ret == NULL)
		return -ENOMEM;
	p = stpcpy(*ret, first);
	while (n-- > 0) {
		*p++ = '/';
		p = stpcpy(p, parts[n]);
	}
	return 0;
}

int inode_path(struct inode_tab *t, uint64_t nodeid, const char *name,
	       char **ret)
{
	struct inode *i;
	int r;

	pthread_mutex_lock(&t->mu);
	i = inode_find_id(t, nodeid);
	r = i == NULL ? -ESTALE : path_locked(i, name, ret);
	pthread_mutex_unlock(&t->mu);
	return r;
}

