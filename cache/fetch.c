/* Demands for the records of tables: a thing wanted is fetched once however
 * many wait for it. They may come from any thread (with mu held); the network
 * thread does the reading (reading.c, fetch_tree.c). */
#include "reading.h"

#include <stdlib.h>
#include <string.h>

/* A write of ours, confirmed while its table is being listed. */
struct own_write {
	char record[ATFS_ID_MAX];
	uint64_t stamp;
};

void fetch_note_own_locked(struct cache *c, struct table *t, const char *record)
{
	struct own_write *w;

	if (!t || (!t->fetch && !t->readers))
		return;
	if (t->own_n == t->own_cap) {
		size_t cap = t->own_cap ? t->own_cap * 2 : 16;

		w = realloc(t->own, cap * sizeof(*w));
		if (!w)
			return;
		t->own = w;
		t->own_cap = cap;
	}
	w = &t->own[t->own_n++];
	id_copy(w->record, record);
	w->stamp = c->stamp;
}

bool fetch_is_older_locked(const struct table *t, uint64_t stamp,
			   const char *record)
{
	size_t i;

	for (i = 0; i < t->own_n; i++)
		if (t->own[i].stamp >= stamp &&
		    strcmp(t->own[i].record, record) == 0)
			return true;
	return false;
}

void fetch_forget_own_locked(struct table *t)
{
	if (t->fetch || t->readers)
		return;
	free(t->own);
	t->own = NULL;
	t->own_n = t->own_cap = 0;
}

void fetch_reader_locked(struct table *t, int by)
{
	t->readers += (unsigned)by;
	fetch_forget_own_locked(t);
}

struct raise {
	struct cache *c;
	struct table *t;
};

/* The page that is asked for already, too. */
static void table_raise(void *arg)
{
	struct raise *r = arg;
	struct reading *f;

	lock_take(&r->c->mu);
	f = r->t->fetch;
	lock_drop(&r->c->mu);
	if (f)
		reading_raise(f);
	free(r);
}

static void raise_locked(struct cache *c, struct table *t,
			 enum api_priority prio)
{
	struct raise *r;

	if (prio >= t->fetch->priority)
		return;
	t->fetch->priority = prio;
	r = malloc(sizeof(*r));
	if (!r)
		return; /* the next page will have it */
	*r = (struct raise){ c, t };
	if (loop_post(c->loop, table_raise, r) < 0)
		free(r);
}

void fetch_want_since_locked(struct cache *c, struct table *t,
			     enum api_priority prio, int64_t since_ms)
{
	struct reading *f;

	if (t->fetch) {
		/* somebody waits for what began in the background */
		raise_locked(c, t, prio);
		return;
	}
	if (c->stopping)
		return;
	f = reading_new(c, t, prio, since_ms);
	if (!f)
		return;
	if (loop_post(c->loop, reading_begin, f) < 0) {
		reading_free(f);
		return;
	}
	t->fetch = f;
	t->fetched = 0;
	t->partial = since_ms != 0;
	t->listing_doubts = t->doubts;
}

void fetch_want_table_locked(struct cache *c, struct table *t,
			     enum api_priority prio)
{
	fetch_want_since_locked(c, t, prio, 0);
}

static void end_all_locked(struct cache *c, struct after *a)
{
	size_t i;

	waitq_take_locked(&c->bases_waiters, a, -EIO);
	waitq_take_locked(&c->flush_waiters, a, -EIO);
	for (i = 0; i < c->bases_n; i++)
		if (c->bases[i])
			waitq_take_locked(&c->bases[i]->waiters, a, -EIO);
	for (i = 0; i < c->tables_n; i++)
		if (c->tables[i])
			waitq_take_locked(&c->tables[i]->waiters, a, -EIO);
}

/* Whoever still waits is answered: the mount is going. */
void fetch_stop(struct cache *c)
{
	struct after a = { 0 };

	lock_take(&c->mu);
	end_all_locked(c, &a);
	lock_drop(&c->mu);
	after_run(c, &a);
}

void fetch_free(struct cache *c)
{
	size_t i;

	for (i = 0; i < c->tables_n; i++) {
		if (c->tables[i] && c->tables[i]->fetch) {
			reading_free(c->tables[i]->fetch);
			c->tables[i]->fetch = NULL;
		}
	}
	fetch_tree_free(c);
}
