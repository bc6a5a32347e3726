#include "live.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static size_t slot_of(const struct live_map *m, struct rec_key key)
{
	uint64_t h = ((uint64_t)key.table << 32 | key.seq) *
		     UINT64_C(0x9e3779b97f4a7c15);

	return (size_t)(h >> 20) & (m->buckets_n - 1);
}

struct live *live_find(struct live_map *m, struct rec_key key)
{
	struct live *l;

	if (m->buckets_n == 0)
		return NULL;
	for (l = m->buckets[slot_of(m, key)]; l; l = l->next)
		if (l->key.table == key.table && l->key.seq == key.seq)
			return l;
	return NULL;
}

static int grow(struct live_map *m)
{
	size_t old_n = m->buckets_n, i;
	struct live **old = m->buckets;

	m->buckets_n = old_n ? old_n * 2 : 64;
	m->buckets = calloc(m->buckets_n, sizeof(*m->buckets));
	if (!m->buckets) {
		m->buckets = old;
		m->buckets_n = old_n;
		return old_n ? 0 : -1; /* longer chains are no fault */
	}
	for (i = 0; i < old_n; i++) {
		struct live *l, *next;

		for (l = old[i]; l; l = next) {
			size_t s = slot_of(m, l->key);

			next = l->next;
			l->next = m->buckets[s];
			m->buckets[s] = l;
		}
	}
	free(old);
	return 0;
}

struct live *live_get(struct live_map *m, struct rec_key key,
		      const char *record, const char *name)
{
	struct live *l = live_find(m, key);
	size_t s;

	if (l)
		return l;
	if (m->n >= m->buckets_n && grow(m) < 0)
		return NULL;
	l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	l->key = key;
	id_copy(l->record, record);
	strncat(l->name, name, sizeof(l->name) - 1);
	l->size = -1;
	l->fd = -1;
	s = slot_of(m, key);
	l->next = m->buckets[s];
	m->buckets[s] = l;
	m->n++;
	return l;
}

static void live_free(struct live *l)
{
	if (l->fd >= 0)
		close(l->fd);
	free(l->ops);
	free(l);
}

bool live_settle(struct live_map *m, struct live *l)
{
	struct live **p;

	if (l->ops_n || l->has_draft || l->hidden || l->error.err)
		return false;
	for (p = &m->buckets[slot_of(m, l->key)]; *p; p = &(*p)->next) {
		if (*p == l) {
			*p = l->next;
			m->n--;
			live_free(l);
			return true;
		}
	}
	return false;
}

void live_map_free(struct live_map *m)
{
	size_t i;

	for (i = 0; i < m->buckets_n; i++) {
		struct live *l, *next;

		for (l = m->buckets[i]; l; l = next) {
			next = l->next;
			live_free(l);
		}
	}
	free(m->buckets);
	m->buckets = NULL;
	m->buckets_n = m->n = 0;
}

struct live_op *live_add_op(struct live *l, int64_t id, enum op_kind kind,
			    enum op_state state, int64_t due_ms)
{
	struct live_op *p = realloc(l->ops, (l->ops_n + 1) * sizeof(*p));

	if (!p)
		return NULL;
	l->ops = p;
	p = &p[l->ops_n++];
	*p = (struct live_op){ .id = id, .kind = kind, .state = state,
			       .due_ms = due_ms, .batch_max = LIVE_BATCH_MAX };
	return p;
}

struct live_op *live_find_op(struct live *l, int64_t id)
{
	size_t i;

	for (i = 0; i < l->ops_n; i++)
		if (l->ops[i].id == id)
			return &l->ops[i];
	return NULL;
}

void live_drop_op(struct live *l, int64_t id)
{
	struct live_op *o = live_find_op(l, id);
	size_t i;

	if (!o)
		return;
	i = (size_t)(o - l->ops);
	memmove(o, o + 1, (l->ops_n - i - 1) * sizeof(*o));
	l->ops_n--;
}

void live_each(struct live_map *m, live_each_fn *fn, void *ctx)
{
	size_t i;

	for (i = 0; i < m->buckets_n; i++) {
		struct live *l, *next;

		for (l = m->buckets[i]; l; l = next) {
			next = l->next;
			if (!fn(ctx, l))
				return;
		}
	}
}
