/* Prefetch: the tables that a reader will come to are read ahead, at the lowest
 * priority, so that the API's rate is used in full although one listing alone
 * is bound by the latency of its pages.
 *
 * Two things show that somebody walks the tree, as grep -r does: he goes from
 * one table to its next sibling; or it is one process that lists a base and in
 * the next moment reads one of its tables. He walks over the bases if he went
 * over to a next one, or came into this one straight from the list of bases. */
#include "airtable/limiter.h"
#include "internal.h"

#define AHEAD_TABLES 4           /* unread ones of a base, at a time */
/* As many as may be asked at the full rate of a base, at a time. */
#define AHEAD_BASES (LIMIT_PER_USER / LIMIT_PER_BASE)
#define WALK_NS (60 * NS_PER_S)  /* a walk that stood still so long is over */
#define STEP_NS NS_PER_S /* from a listing into what it lists */

static bool is_just_now(int64_t at_ns, int64_t now_ns)
{
	return at_ns && now_ns - at_ns <= STEP_NS;
}

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

/* Begins unread tables of b: those behind number after, then the others.
 * Returns how many are unread, AHEAD_TABLES at most. */
static unsigned ahead_locked(struct cache *c, const struct base *b,
			     uint32_t after)
{
	unsigned unread = 0;
	size_t i;

	for (i = 0; i < c->tables_n && unread < AHEAD_TABLES; i++) {
		struct table *t = c->tables[(after + i) % c->tables_n];

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
		bases = AHEAD_BASES - 1;
	for (i = 0; i < c->bases_n && bases > 0; i++) {
		struct base *b = c->bases[(t->base->no + i) % c->bases_n];

		if (!b || !b->listed || b->last_err || b == t->base)
			continue;
		if (!b->schema)
			fetch_want_schema_locked(c, b, API_PREFETCH);
		else if (ahead_locked(c, b, 0) == 0)
			continue;
		bases--;
	}
}

static void note_dir_locked(struct cache *c, uint32_t who, uint32_t base)
{
	struct walk *k = &c->walk;
	int64_t now = clock_mono_ns(c->clock);

	if (!base) {
		k->bases_who = who;
		k->bases_at_ns = now;
		return;
	}
	if (k->base != base || k->who != who) {
		k->from_bases = k->bases_who == who &&
				is_just_now(k->bases_at_ns, now);
		k->into_base = false;
	}
	k->base = base;
	k->who = who;
	k->base_at_ns = now;
}

static void note_table_locked(struct cache *c, uint32_t who, uint32_t table)
{
	struct walk *k = &c->walk;
	const struct table *t = tree_table_locked(c, table);
	int64_t now = clock_mono_ns(c->clock);

	if (!t || table == k->table)
		return;
	k->into_base = k->who == who && k->base == t->base->no &&
		       (is_just_now(k->base_at_ns, now) ||
			(k->into_base && now - k->at_ns <= WALK_NS));
	k->into_table = k->into_base ? table : 0;
}

void cache_note_reader(struct cache *c, uint32_t who, uint32_t base,
		       uint32_t table)
{
	if (!who)
		return;
	lock_take(&c->mu);
	if (table)
		note_table_locked(c, who, table);
	else
		note_dir_locked(c, who, base);
	lock_drop(&c->mu);
}

void prefetch_note_locked(struct cache *c, const struct table *t, bool start)
{
	struct walk *k = &c->walk;
	int64_t now = clock_mono_ns(c->clock);
	const struct table *prev;
	bool next, into;

	if (k->table == t->no || !start) {
		if (k->table == t->no)
			k->at_ns = now;
		return;
	}
	prev = before_locked(c, t);
	next = prev && prev->no == k->table && now - k->at_ns <= WALK_NS;
	into = k->into_table == t->no;
	k->over_bases = (next && (k->over_bases || prev->base != t->base)) ||
			(into && k->from_bases);
	k->seen = next || into;
	k->table = t->no;
	k->at_ns = now;
	prefetch_more_locked(c);
}
