/* Rows that were rendered under an older schema are rendered anew from the cells
 * in the store, with no call: after a field was renamed or removed, or another
 * one became the primary field. Until a row is reached its readers render it
 * themselves (view.c).
 *
 * A piece at a time on the network thread, and never while the table is being
 * listed: what a listing has marked as seen must stay marked. */
#include "internal.h"

#include <string.h>

#define PIECE 100 /* rows in one transaction */

static bool is_behind(const struct table *t, const struct store_row *row)
{
	return row->schema_gen != t->schema_gen && row->id[0] == 'r';
}

/* Renders one row as if the server had just said the same of it. */
static int remake_row(struct absorb *a, const struct store_row *row)
{
	json_t *rec = json_pack("{s:s,s:s,s:o}", "id", row->id, "createdTime",
				row->created, "fields",
				json_from_text(row->raw));
	int r = rec ? absorb_record(a, rec, false, NULL, 0) : -ENOMEM;

	json_decref(rec);
	return r;
}

/* How many rows were looked at, 0 = that was all. */
static int piece_locked(struct cache *c, struct table *t, struct after *after)
{
	struct store_row rows[PIECE];
	struct absorb a;
	int r, i, n = store_list(c->store, t->no, t->remade, PIECE, STORE_RAW,
				 rows);

	if (n <= 0)
		return n;
	r = absorb_begin(&a, c, t, STORE_UNSEEN, after);
	for (i = 0; i < n && r == 0; i++) {
		if (is_behind(t, &rows[i]) && rows[i].raw)
			r = remake_row(&a, &rows[i]);
		if (r < 0)
			absorb_abort(&a);
	}
	if (r == 0)
		r = absorb_settle_names(&a, false);
	if (r == 0)
		r = absorb_commit(&a);
	t->remade = rows[n - 1].seq;
	for (i = 0; i < n; i++)
		store_row_release(&rows[i]);
	return r < 0 ? r : n;
}

static void step(void *arg)
{
	struct remake *m = arg;
	struct cache *c = m->c;
	struct table *t = m->t;
	struct after a = { 0 };
	int n = 0;

	lock_take(&c->mu);
	m->posted = false;
	if (!t->fetch && t->remake && !c->stopping) {
		n = piece_locked(c, t, &a);
		/* what cannot be rendered now, readers try for themselves */
		t->remake = n > 0;
		remake_want_locked(c, t);
	}
	lock_drop(&c->mu);
	if (n < 0)
		log_warn("table '%s/%s' cannot be rendered anew: %s",
			 t->base->name, t->name, strerror(-n));
	after_run(c, &a);
}

void remake_want_locked(struct cache *c, struct table *t)
{
	struct remake *m = &t->remaking;

	if (!t->remake || m->posted || t->fetch || !t->listed || c->stopping)
		return;
	m->c = c;
	m->t = t;
	m->posted = loop_post(c->loop, step, m) == 0;
}
