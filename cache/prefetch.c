/* Prefetch: a reader that goes from one table to its next sibling walks the
 * tree, as grep -r does. The tables that he will come to are then read ahead,
 * at the lowest priority, so that the API's rate is used in full although one
 * listing alone is bound by the latency of its pages. */
#include "internal.h"

#define AHEAD_TABLES 4           /* unread ones of a base, at a time */
#define AHEAD_BASES 3            /* once the walk went over to a next base */
#define WALK_NS (60 * NS_PER_S)  /* a walk that stood still so long is over */

static bool is_open(const struct table *t)
{
	return t && t->listed && t->base->listed;
}

/* The table that a walk reads before t; NULL if t is the first of all. Tables
 * are listed by number within a base, bases by theirs. */
static const struct table *before_locked(const struct cache *c,
					 const struct table *t)
{
	const struct table *best = NULL;
	size_t i;

	for (i = 0; i < c->tables_n; i++) {
		const struct table *o = c->tables[i];

		if (!is_open(o) || o->base->no > t->base->no ||
		    (o->base == t->base && o->no >= t->no))
			continue;
		if (!best || o->base->no > best->base->no ||
		    (o->base == best->base && o->no > best->no))
			best = o;
	}
	return best;
}

/* Begins unread tables of b behind number after. Returns how many are unread,
 * AHEAD_TABLES at most. */
static unsigned ahead_locked(struct cache *c, const struct base *b,
			     uint32_t after)
{
	unsigned unread = 0;
	size_t i;

	for (i = after; i < c->tables_n && unread < AHEAD_TABLES; i++) {
		struct table *t = c->tables[i];

		/* one that failed waits for somebody who asks for it */
		if (!is_open(t) || t->base != b || t->complete || t->last_err)
			continue;
		unread++;
		fetch_want_table_locked(c, t, API_PREFETCH);
	}
	return unread;
}

void prefetch_more_locked(struct cache *c)
{
	struct walk *k = &c->walk;
	const struct table *t = tree_table_locked(c, k->table);
	unsigned bases;
	size_t i;

	if (!k->seen || !is_open(t) ||
	    clock_mono_ns(c->clock) - k->at_ns > WALK_NS)
		return;
	bases = ahead_locked(c, t->base, t->no) < AHEAD_TABLES ? 1 : 0;
	if (k->over_bases)
		bases = AHEAD_BASES;
	for (i = t->base->no; i < c->bases_n && bases > 0; i++) {
		struct base *b = c->bases[i];

		if (!b || !b->listed || b->last_err)
			continue;
		bases--;
		if (b->schema)
			ahead_locked(c, b, 0);
		else
			fetch_want_schema_locked(c, b, API_PREFETCH);
	}
}

void prefetch_note_locked(struct cache *c, const struct table *t, bool start)
{
	struct walk *k = &c->walk;
	int64_t now = clock_mono_ns(c->clock);
	const struct table *prev;

	if (k->table == t->no || !start) {
		if (k->table == t->no)
			k->at_ns = now;
		return;
	}
	prev = before_locked(c, t);
	k->seen = prev && prev->no == k->table && now - k->at_ns <= WALK_NS;
	k->over_bases = k->seen && (k->over_bases || prev->base != t->base);
	k->table = t->no;
	k->at_ns = now;
	prefetch_more_locked(c);
}
