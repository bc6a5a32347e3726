/* A base's schema that a feed says has changed: read again once, and what its
 * records look like under it shown anew, out of the cells that we hold. */
#include "feed.h"

#include <stdlib.h>
#include <string.h>

#define RENDER_CHUNK 100 /* rows in a turn of the loop */

static void render_some(void *arg);

/* ---- the schema ---- */

static void want(struct feed *f)
{
	struct cache *c = f->c;
	bool wanted;

	lock_take(&c->mu);
	/* what is under way may have been answered before the change */
	f->schema_again = f->b->fetching;
	fetch_want_schema_locked(c, f->b, API_REFRESH);
	wanted = f->b->fetching;
	if (wanted)
		waitq_add_locked(&f->b->waiters, &f->schema_waiter);
	lock_drop(&c->mu);
	if (!wanted)
		feed_end(f);
}

static void schema_read(void *arg)
{
	struct feed *f = arg;
	struct cache *c = f->c;
	struct atfs_error e = { 0 };

	if (f->schema_err) {
		error_set(&e, f->schema_err, ERROR_CANCELLED,
			  "the schema cannot be read");
		feed_failed(f, &e);
		return;
	}
	if (f->schema_again) {
		want(f);
		return;
	}
	lock_take(&c->mu);
	f->schema_due = false;
	(void)feed_save_locked(f); /* else it is read once more */
	lock_drop(&c->mu);
	feed_show_records(f);
}

/* On whatever thread the waiters are woken. */
static void schema_woken(struct cache_waiter *w, int err)
{
	struct feed *f = (struct feed *)w;

	f->schema_err = err;
	if (loop_post(f->c->loop, schema_read, f) == 0)
		return;
	lock_take(&f->c->mu);
	f->busy = false; /* due still: the next run has it */
	lock_drop(&f->c->mu);
}

void feed_read_schema(struct feed *f)
{
	f->schema_waiter.wake = schema_woken;
	want(f);
}

/* ---- its records ---- */

/* The next table whose records were shown under an older schema. One that is
 * listed in full on the next access is shown by that. */
static struct table *next_table_locked(struct feed *f)
{
	struct cache *c = f->c;

	for (; f->render_table < c->tables_n; f->render_table++) {
		struct table *t = c->tables[f->render_table];

		if (!t || t->base != f->b || !t->listed ||
		    t->gen_shown == t->schema_gen)
			continue;
		if (t->fetch)
			continue; /* the next run has it */
		if (t->complete && t->listed_at_ms)
			return t;
		t->gen_shown = t->schema_gen;
	}
	return NULL;
}

static int render_row(struct absorb *a, const struct store_row *row)
{
	json_t *rec;
	int r;

	if (row->id[0] != 'r' || row->schema_gen == a->gen || !row->raw)
		return 0;
	rec = json_pack("{s:s, s:s, s:o}", "id", row->id, "createdTime",
			row->created, "fields", json_from_text(row->raw));
	if (!rec)
		return -ENOMEM;
	r = absorb_record(a, rec, false, NULL, 0);
	json_decref(rec);
	return r;
}

/* A chunk of t: how many rows were looked at, 0 = the end. */
static int render_chunk_locked(struct feed *f, struct table *t,
			       struct after *after)
{
	struct store_row rows[RENDER_CHUNK];
	struct absorb a;
	int n = store_list(f->c->store, t->no, f->render_after, RENDER_CHUNK,
			   STORE_RAW, rows), i, r;

	if (n <= 0)
		return n;
	f->render_after = rows[n - 1].seq;
	r = absorb_begin(&a, f->c, t, STORE_UNSEEN, after);
	for (i = 0; i < n; i++) {
		if (r == 0) {
			r = render_row(&a, &rows[i]);
			if (r < 0)
				absorb_abort(&a);
		}
		store_row_release(&rows[i]);
	}
	if (r == 0)
		r = absorb_commit(&a);
	return r < 0 ? r : n;
}

void feed_show_records(struct feed *f)
{
	f->render_table = 0;
	f->render_after = 0;
	render_some(f);
}

static void render_some(void *arg)
{
	struct feed *f = arg;
	struct cache *c = f->c;
	struct after a = { 0 };
	struct table *t;
	int n = 0;

	lock_take(&c->mu);
	t = next_table_locked(f);
	if (t)
		n = render_chunk_locked(f, t, &a);
	if (t && n <= 0) {
		if (n == 0)
			t->progress++;
		t->gen_shown = t->schema_gen;
		f->render_after = 0;
	}
	lock_drop(&c->mu);
	after_run(c, &a);
	if (!t)
		feed_shown(f);
	else if (loop_post(c->loop, render_some, f) < 0)
		feed_end(f);
}
