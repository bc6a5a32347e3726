#include "iterator.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

struct iterators {
	struct rng rng;
	struct iterator **v;
	size_t n;
	size_t cap;
};

struct iterators *iterators_new(uint64_t seed)
{
	struct iterators *t = sim_alloc(sizeof(*t));

	t->rng.s = seed ^ 0x17e2a70u;
	return t;
}

static void drop_at(struct iterators *t, size_t i)
{
	free(t->v[i]->order);
	free(t->v[i]);
	t->v[i] = t->v[--t->n];
}

void iterators_free(struct iterators *t)
{
	if (!t)
		return;
	iterators_expire(t, INT64_MAX);
	free(t->v);
	free(t);
}

struct iterator *iterators_add(struct iterators *t, int64_t now_ns)
{
	struct iterator *it = sim_alloc(sizeof(*it));

	id_make(&t->rng, "itr", it->id);
	it->left = -1;
	it->used_ns = now_ns;
	t->v = sim_grow(t->v, t->n, &t->cap, sizeof(struct iterator *));
	t->v[t->n++] = it;
	return it;
}

struct iterator *iterators_find(struct iterators *t, const char *offset,
				bool *malformed)
{
	const char *slash = strchr(offset, '/');
	size_t n = slash ? (size_t)(slash - offset) : 0;
	char id[ID_CAP];

	*malformed = true;
	if (n < 4 || n >= ID_CAP || !id_is(slash + 1, "rec"))
		return NULL;
	memcpy(id, offset, n);
	id[n] = '\0';
	if (!id_is(id, "itr") || n != 17)
		return NULL;
	*malformed = false;
	for (size_t i = 0; i < t->n; i++)
		if (!strcmp(t->v[i]->id, id))
			return t->v[i];
	return NULL;
}

void iterators_drop(struct iterators *t, struct iterator *it)
{
	for (size_t i = 0; i < t->n; i++) {
		if (t->v[i] == it) {
			drop_at(t, i);
			return;
		}
	}
}

size_t iterators_expire(struct iterators *t, int64_t since_ns)
{
	size_t gone = 0;

	for (size_t i = t->n; i--;) {
		if (t->v[i]->used_ns < since_ns) {
			drop_at(t, i);
			gone++;
		}
	}
	return gone;
}
