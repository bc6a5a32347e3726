#include "inode.h"

#include <errno.h>
#include <stdlib.h>

#include "inode_int.h"

#define FIRST_BUCKETS 256

static size_t mix(uint64_t x)
{
	/* the finaliser of splitmix64: all bits depend on all bits */
	x ^= x >> 30;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	x ^= x >> 27;
	x *= UINT64_C(0x94d049bb133111eb);
	return (size_t)(x ^ (x >> 31));
}

static size_t key_hash(enum inode_kind kind, uint32_t a, uint64_t b)
{
	return mix(b ^ ((uint64_t)a << 24) ^ ((uint64_t)kind << 60));
}

struct inode *inode_find_id(const struct inode_tab *t, uint64_t nodeid)
{
	struct inode *i = t->by_id[mix(nodeid) & (t->buckets - 1)];

	while (i != NULL && i->nodeid != nodeid)
		i = i->id_next;
	return i;
}

struct inode *inode_find_key(const struct inode_tab *t,
			      const struct inode_key *k)
{
	size_t at = key_hash(k->kind, k->a, k->b) & (t->buckets - 1);
	struct inode *i = t->by_key[at];

	while (i != NULL && (i->kind != k->kind || i->a != k->a || i->b != k->b))
		i = i->key_next;
	return i;
}

static void link_key(struct inode_tab *t, struct inode *i)
{
	size_t at = key_hash((enum inode_kind)i->kind, i->a, i->b) &
		    (t->buckets - 1);

	i->key_next = t->by_key[at];
	t->by_key[at] = i;
	i->hashed = true;
}

static void unlink_key(struct inode_tab *t, struct inode *i)
{
	size_t at = key_hash((enum inode_kind)i->kind, i->a, i->b) &
		    (t->buckets - 1);
	struct inode **p = &t->by_key[at];

	if (!i->hashed)
		return;
	while (*p != i)
		p = &(*p)->key_next;
	*p = i->key_next;
	i->hashed = false;
}

static void link_id(struct inode_tab *t, struct inode *i)
{
	size_t at = mix(i->nodeid) & (t->buckets - 1);

	i->id_next = t->by_id[at];
	t->by_id[at] = i;
}

/* Twice the buckets; without memory the chains just get longer. */
static void grow(struct inode_tab *t)
{
	size_t old_n = t->buckets, n = old_n * 2;
	struct inode **id = calloc(n, sizeof(*id));
	struct inode **key = calloc(n, sizeof(*key));
	struct inode **old_id = t->by_id, **old_key = t->by_key;

	if (id == NULL || key == NULL) {
		free(id);
		free(key);
		return;
	}
	t->by_id = id;
	t->by_key = key;
	t->buckets = n;
	for (size_t b = 0; b < old_n; b++) {
		for (struct inode *i = old_id[b], *next; i != NULL; i = next) {
			next = i->id_next;
			link_id(t, i);
			if (i->hashed)
				link_key(t, i);
		}
	}
	free(old_id);
	free(old_key);
}

struct inode *inode_make(struct inode_tab *t, const struct inode_key *k)
{
	struct inode *i = calloc(1, sizeof(*i));

	if (i == NULL)
		return NULL;
	if (t->n >= t->buckets)
		grow(t);
	i->nodeid = t->next_nodeid++;
	i->kind = (uint8_t)k->kind;
	i->a = k->a;
	i->b = k->b;
	link_id(t, i);
	link_key(t, i);
	t->n++;
	return i;
}

struct inode *inode_reap(struct inode_tab *t, struct inode *i)
{
	struct inode *chain = NULL;

	while (i != NULL && i->lookups == 0 && i->refs == 0 &&
	       i->nodeid != ROOT_NODEID) {
		struct inode **p = &t->by_id[mix(i->nodeid) & (t->buckets - 1)];
		struct inode *parent = i->place ? i->place->parent : NULL;

		while (*p != i)
			p = &(*p)->id_next;
		*p = i->id_next;
		unlink_key(t, i);
		t->n--;
		i->id_next = chain;
		chain = i;
		if (parent != NULL)
			parent->refs--;
		i = parent;
	}
	return chain;
}

static void fill_view(const struct inode *i, struct inode_view *v)
{
	v->nodeid = i->nodeid;
	v->key.kind = (enum inode_kind)i->kind;
	v->key.a = i->a;
	v->key.b = i->b;
	v->data = i->data;
}

void inode_drop_chain(struct inode_tab *t, struct inode *chain)
{
	while (chain != NULL) {
		struct inode *i = chain;
		struct inode_view v;

		chain = i->id_next;
		fill_view(i, &v);
		if (t->drop != NULL)
			t->drop(t->ctx, &v, i->place != NULL &&
						    i->place->parent == NULL);
		free(i->place);
		free(i);
	}
}

int inode_tab_new(inode_drop_fn *drop, void *ctx, struct inode_tab **ret)
{
	struct inode_tab *t = calloc(1, sizeof(*t));
	struct inode_key root = { .kind = INODE_ROOT };
	struct inode *i = NULL;

	if (t == NULL)
		return -ENOMEM;
	pthread_mutex_init(&t->mu, NULL);
	t->drop = drop;
	t->ctx = ctx;
	t->buckets = FIRST_BUCKETS;
	t->by_id = calloc(FIRST_BUCKETS, sizeof(struct inode *));
	t->by_key = calloc(FIRST_BUCKETS, sizeof(struct inode *));
	t->next_nodeid = ROOT_NODEID;
	if (t->by_id != NULL && t->by_key != NULL)
		i = inode_make(t, &root);
	if (i == NULL) {
		inode_tab_free(t);
		return -ENOMEM;
	}
	i->lookups = 1;
	*ret = t;
	return 0;
}

void inode_tab_free(struct inode_tab *t)
{
	struct inode *chain = NULL;

	if (t == NULL)
		return;
	for (size_t b = 0; t->by_id != NULL && b < t->buckets; b++) {
		struct inode *next;

		for (struct inode *i = t->by_id[b]; i != NULL; i = next) {
			next = i->id_next;
			i->id_next = chain;
			chain = i;
		}
	}
	inode_drop_chain(t, chain);
	free(t->by_id);
	free(t->by_key);
	pthread_mutex_destroy(&t->mu);
	free(t);
}

int inode_hold(struct inode_tab *t, const struct inode_key *key,
	       uint64_t *ret_nodeid, bool *ret_new)
{
	struct inode *i;

	pthread_mutex_lock(&t->mu);
	i = inode_find_key(t, key);
	if (i == NULL)
		i = inode_make(t, key);
	if (i != NULL) {
		if (ret_new != NULL)
			*ret_new = i->lookups == 0;
		i->lookups++;
		*ret_nodeid = i->nodeid;
	}
	pthread_mutex_unlock(&t->mu);
	return i == NULL ? -ENOMEM : 0;
}

void inode_forget(struct inode_tab *t, uint64_t nodeid, uint64_t lookups)
{
	struct inode *i, *chain = NULL;

	pthread_mutex_lock(&t->mu);
	i = inode_find_id(t, nodeid);
	if (i != NULL && i->nodeid != ROOT_NODEID) {
		i->lookups -= lookups < i->lookups ? lookups : i->lookups;
		chain = inode_reap(t, i);
	}
	pthread_mutex_unlock(&t->mu);
	inode_drop_chain(t, chain);
}

int inode_get(struct inode_tab *t, uint64_t nodeid, struct inode_view *ret)
{
	struct inode *i;

	pthread_mutex_lock(&t->mu);
	i = inode_find_id(t, nodeid);
	if (i != NULL)
		fill_view(i, ret);
	pthread_mutex_unlock(&t->mu);
	return i == NULL ? -ESTALE : 0;
}

bool inode_find(struct inode_tab *t, const struct inode_key *key,
		uint64_t *ret_nodeid)
{
	struct inode *i;
	bool held;

	pthread_mutex_lock(&t->mu);
	i = inode_find_key(t, key);
	held = i != NULL && i->lookups > 0;
	if (held)
		*ret_nodeid = i->nodeid;
	pthread_mutex_unlock(&t->mu);
	return held;
}

int inode_rekey(struct inode_tab *t, uint64_t nodeid,
		const struct inode_key *key, void *data)
{
	struct inode *i, *other, *chain = NULL;
	int r = 0;

	pthread_mutex_lock(&t->mu);
	i = inode_find_id(t, nodeid);
	other = inode_find_key(t, key);
	if (i == NULL) {
		r = -ESTALE;
	} else if (other != NULL && other != i) {
		r = -EEXIST;
	} else {
		struct inode *parent = i->place ? i->place->parent : NULL;

		unlink_key(t, i);
		i->kind = (uint8_t)key->kind;
		i->a = key->a;
		i->b = key->b;
		i->data = data;
		link_key(t, i);
		free(i->place);
		i->place = NULL;
		if (parent != NULL) {
			parent->refs--;
			chain = inode_reap(t, parent);
		}
	}
	pthread_mutex_unlock(&t->mu);
	inode_drop_chain(t, chain);
	return r;
}

void *inode_set_data(struct inode_tab *t, uint64_t nodeid, void *data)
{
	struct inode *i;
	void *r = NULL;

	pthread_mutex_lock(&t->mu);
	i = inode_find_id(t, nodeid);
	if (i != NULL) {
		if (i->data == NULL)
			i->data = data;
		r = i->data;
	}
	pthread_mutex_unlock(&t->mu);
	return r;
}

static unsigned change_flags(struct inode_tab *t, uint64_t nodeid,
			     unsigned set, unsigned clear)
{
	struct inode *i;
	unsigned before = 0;

	pthread_mutex_lock(&t->mu);
	i = inode_find_id(t, nodeid);
	if (i != NULL) {
		before = i->flags;
		i->flags = (uint8_t)((before | set) & ~clear);
	}
	pthread_mutex_unlock(&t->mu);
	return before;
}

unsigned inode_flag_set(struct inode_tab *t, uint64_t nodeid, unsigned flags)
{
	return change_flags(t, nodeid, flags, 0);
}

unsigned inode_flag_clear(struct inode_tab *t, uint64_t nodeid, unsigned flags)
{
	return change_flags(t, nodeid, 0, flags);
}

size_t inode_list(struct inode_tab *t, enum inode_kind kind, uint32_t a,
		  uint64_t *ret, size_t max)
{
	size_t n = 0;

	pthread_mutex_lock(&t->mu);
	for (size_t b = 0; b < t->buckets; b++) {
		for (struct inode *i = t->by_id[b]; i != NULL && n < max;
		     i = i->id_next) {
			if (i->kind == kind && i->lookups > 0 &&
			    (a == 0 || i->a == a))
				ret[n++] = i->nodeid;
		}
	}
	pthread_mutex_unlock(&t->mu);
	return n;
}

size_t inode_count(struct inode_tab *t)
{
	size_t n;

	pthread_mutex_lock(&t->mu);
	n = t->n;
	pthread_mutex_unlock(&t->mu);
	return n;
}
