/* Reading from the server: tables page by page, and what age asks for.
 *
 * A thing wanted is fetched once however many wait for it; each page that is
 * committed wakes all who wait for that table, so that names stream. Demands
 * may come from any thread (with mu held); they are handed to the network
 * thread, which does everything else here. */
#include "flush.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An automatic revalidation relists tables up to this many records; of larger
 * ones it asks for what changed, and lists them again after full_ttl. */
#define SMALL_TABLE_RECORDS 500
/* What was changed shortly before the last reading is asked for once more:
 * LAST_MODIFIED_TIME() is exact to a second, and a minute is the least
 * (airtable-api.md 10). */
#define OVERLAP_MS (INT64_C(120) * 1000)
#define RESTARTS_MAX 5          /* of one listing whose iterator expired */
#define PAGES_MAX 20000         /* 2,000,000 records: an endless offset */

/* A write of ours, confirmed while its table is being listed. */
struct own_write {
	char record[ATFS_ID_MAX];
	uint64_t stamp;
};

struct fetch {
	struct cache *c;
	struct table *t;
	enum api_priority priority;
	int64_t call;
	int64_t seen;      /* marks the rows of this listing */
	int64_t began_ms;
	int64_t since_ms;  /* only what changed since, server's time; 0 = all */
	uint32_t gen;      /* of the schema when it began */
	int64_t server_ms; /* its time at the first page, 0 = unknown */
	unsigned pages, restarts;
	uint64_t stamp;    /* when the page under way was asked for */
	char *offset;
};

/* ---- the records of a table ---- */

void fetch_note_own_locked(struct cache *c, struct table *t, const char *record)
{
	struct own_write *w;

	if (!t || !t->fetch)
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

/* Created counts as well: LAST_MODIFIED_TIME() of a record that was never
 * edited is not documented. */
static void write_formula(int64_t since_ms, char *buf, size_t n)
{
	char when[25];

	clock_format_iso(since_ms, when);
	snprintf(buf, n,
		 "OR(IS_AFTER(LAST_MODIFIED_TIME(),DATETIME_PARSE('%s')),"
		 "IS_AFTER(CREATED_TIME(),DATETIME_PARSE('%s')))",
		 when, when);
}

static void page_done(void *arg, const struct api_answer *ans);

static int page_submit(struct fetch *f)
{
	char formula[192];
	struct api_call call = { .kind = API_LIST_RECORDS,
				 .base = f->t->base->id, .table = f->t->id,
				 .offset = f->offset, .done = page_done,
				 .arg = f };

	if (f->since_ms) {
		write_formula(f->since_ms, formula, sizeof(formula));
		call.formula = formula;
	}
	lock_take(&f->c->mu);
	call.priority = f->priority;
	f->stamp = ++f->c->stamp;
	lock_drop(&f->c->mu);
	f->call = api_submit(f->c->api, &call);
	return f->call < 0 ? (int)f->call : 0;
}

static void table_end(struct fetch *f, const struct atfs_error *err)
{
	struct cache *c = f->c;
	struct table *t = f->t;
	struct after a = { 0 };
	bool again;

	cache_note_api(c);
	lock_take(&c->mu);
	t->fetch = NULL;
	free(t->own);
	t->own = NULL;
	t->own_n = t->own_cap = 0;
	t->last_err = err->err;
	memcpy(t->last_text, err->text, sizeof(t->last_text));
	again = t->again && !err->err;
	t->again = false;
	waitq_take_locked(&t->waiters, &a, err->err);
	if (again)
		fetch_want_table_locked(c, t, API_INTERACTIVE);
	prefetch_more_locked(c);
	lock_drop(&c->mu);
	if (err->err)
		log_msg(fetch_log_level(err), "table '%s/%s' cannot be read: "
			"%s", t->base->name, t->name, err->text);
	after_run(c, &a);
	free(f->offset);
	free(f);
}

static void table_fail(struct fetch *f, int err, const char *text)
{
	struct atfs_error e = { 0 };

	error_set(&e, err, ERROR_PROTOCOL, "%s", text);
	table_end(f, &e);
}

struct sweep_ctx {
	struct cache *c;
	struct table *t;
	struct after *a;
	bool moved;
};

/* A row that the listing did not show: gone, unless something local hangs on
 * it (what was changed here is never dropped because a list lacks it). */
static bool sweep_row(void *ctx, uint32_t seq, const char *name, const char *id)
{
	struct sweep_ctx *s = ctx;
	struct rec_key key = { s->t->no, seq };
	struct live *l = live_find(&s->c->live, key);

	(void)id;
	if (l && (l->ops_n || l->has_draft))
		return false;
	after_gone(s->a, s->t->no, name, key);
	s->moved = true;
	return true;
}

static int page_commit(struct fetch *f, json_t *records, bool last,
		       struct after *a)
{
	struct absorb ab;
	size_t i;
	json_t *rec;
	int r = absorb_begin(&ab, f->c, f->t, f->seen, a);

	if (r < 0)
		return r;
	ab.stamp = f->stamp;
	json_array_foreach(records, i, rec) {
		r = absorb_record(&ab, rec, false, NULL, 0);
		if (r < 0) {
			absorb_abort(&ab);
			return r;
		}
	}
	if (last) {
		f->t->fresh_at_ms = f->began_ms;
		/* what another schema adds to records is no change of them */
		f->t->server_at_ms = f->gen == f->t->schema_gen ? f->server_ms :
								  0;
	}
	if (last && !f->since_ms) {
		struct sweep_ctx s = { f->c, f->t, a, false };

		r = store_sweep(f->c->store, f->t->no, f->seen, sweep_row, &s);
		if (r < 0) {
			absorb_abort(&ab);
			return r;
		}
		ab.names_moved |= s.moved;
		f->t->complete = true;
		f->t->listed_at_ms = f->began_ms;
	}
	r = absorb_commit(&ab);
	if (r < 0 && last && !ab.was_complete)
		f->t->complete = false; /* not known to be all of it */
	return r;
}

/* No error of the table: it is as old as its last full listing says. */
static void since_refused(struct fetch *f, const char *why)
{
	struct atfs_error none = { 0 };

	log_info("table '%s/%s': the server does not tell what changed (%s); "
		 "it is listed in full after full_ttl",
		 f->t->base->name, f->t->name, why);
	lock_take(&f->c->mu);
	f->t->no_since = true;
	lock_drop(&f->c->mu);
	table_end(f, &none);
}

static void page_done(void *arg, const struct api_answer *ans)
{
	struct fetch *f = arg;
	struct cache *c = f->c;
	struct after a = { 0 };
	json_t *records = json_object_get(ans->json, "records");
	const char *offset;
	int r;

	cache_note_api(c);
	if (ans->err->cls == ERROR_RELIST && f->restarts < RESTARTS_MAX) {
		f->restarts++;
		lock_take(&c->mu);
		f->t->fetched = 0;
		lock_drop(&c->mu);
		f->pages = 0;
		free(f->offset);
		f->offset = NULL;
		if (page_submit(f) < 0)
			table_fail(f, -EIO, "stopped");
		return;
	}
	if (f->since_ms && ans->err->cls == ERROR_INPUT) {
		since_refused(f, ans->err->text);
		return;
	}
	if (ans->err->err) {
		struct atfs_error err = *ans->err;

		if (err.cls == ERROR_GONE || err.cls == ERROR_RELIST)
			err.err = err.cls == ERROR_GONE ? -EACCES : -EIO;
		if (err.cls == ERROR_GONE) {
			lock_take(&c->mu);
			fetch_want_schema_locked(c, f->t->base, API_REFRESH);
			lock_drop(&c->mu);
		}
		table_end(f, &err);
		return;
	}
	if (f->pages == 0)
		f->server_ms = ans->date_wall_ms;
	if (!json_is_array(records)) {
		table_fail(f, -EPROTO, "the list of records is not as "
				       "documented");
		return;
	}
	offset = json_string_value(json_object_get(ans->json, "offset"));
	if (offset && !*offset)
		offset = NULL;
	lock_take(&c->mu);
	r = page_commit(f, records, !offset, &a);
	f->t->progress++;
	f->t->fetched += json_array_size(records);
	if (c->orphans_n)
		restore_attach_locked(c, f->t);
	if (c->orphans_n && r == 0 && !offset && !f->since_ms)
		restore_settle_locked(c, f->t);
	if (offset) /* who waits for the end is woken by table_end */
		waitq_take_locked(&f->t->waiters, &a, 0);
	lock_drop(&c->mu);
	after_run(c, &a);
	if (r < 0) {
		table_fail(f, r, "the cache cannot be written");
		return;
	}
	if (!offset) {
		struct atfs_error ok = { 0 };

		table_end(f, &ok);
		return;
	}
	if (++f->pages > PAGES_MAX ||
	    (f->offset && strcmp(f->offset, offset) == 0)) {
		table_fail(f, -EPROTO, "the list of records does not end");
		return;
	}
	free(f->offset);
	f->offset = strdup(offset);
	if (!f->offset || page_submit(f) < 0)
		table_fail(f, -EIO, "stopped");
}

static void table_begin(void *arg)
{
	struct fetch *f = arg;

	f->began_ms = clock_wall_ms(f->c->clock);
	lock_take(&f->c->mu);
	f->gen = f->t->schema_gen;
	lock_drop(&f->c->mu);
	f->seen = (int64_t)(clock_rand64(f->c->clock) >> 1);
	if (page_submit(f) < 0)
		table_fail(f, -EIO, "stopped");
}

struct raise {
	struct cache *c;
	struct table *t;
};

/* The page that is asked for already, too. */
static void table_raise(void *arg)
{
	struct raise *r = arg;
	enum api_priority prio = API_PREFETCH;
	struct fetch *f;

	lock_take(&r->c->mu);
	f = r->t->fetch;
	if (f)
		prio = f->priority;
	lock_drop(&r->c->mu);
	if (f && f->call > 0)
		api_raise(r->c->api, f->call, prio);
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

static void want_locked(struct cache *c, struct table *t,
			enum api_priority prio, int64_t since_ms)
{
	struct fetch *f;

	if (t->fetch) {
		/* somebody waits for what began in the background */
		raise_locked(c, t, prio);
		return;
	}
	if (c->stopping)
		return;
	f = calloc(1, sizeof(*f));
	if (!f)
		return;
	f->c = c;
	f->t = t;
	f->priority = prio;
	f->since_ms = since_ms;
	if (loop_post(c->loop, table_begin, f) < 0) {
		free(f);
		return;
	}
	t->fetch = f;
	t->fetched = 0;
	t->partial = since_ms != 0;
}

void fetch_want_table_locked(struct cache *c, struct table *t,
			     enum api_priority prio)
{
	want_locked(c, t, prio, 0);
}

/* ---- age ---- */

static bool too_old(const struct cache *c, int64_t at_ms, int64_t limit_ms)
{
	int64_t now = clock_wall_ms(c->clock);

	return c->conf.ttl_ms > 0 && (now - at_ms > limit_ms || now < at_ms);
}

void fetch_touch_bases_locked(struct cache *c)
{
	if (!c->bases_fetching &&
	    (c->bases_err != -EACCES ||
	     too_old(c, c->bases_tried_ms, RIGHTS_AGAIN_MS)) &&
	    too_old(c, c->bases_at_ms, c->conf.full_ttl_ms))
		fetch_want_bases_locked(c, API_REFRESH);
}

void fetch_touch_base_locked(struct cache *c, struct base *b)
{
	fetch_touch_bases_locked(c);
	if (!b->fetching && too_old(c, b->schema_at_ms, c->conf.ttl_ms)) {
		/* counted from the attempt, or an offline walk asks each time*/
		b->schema_at_ms = clock_wall_ms(c->clock);
		fetch_want_schema_locked(c, b, API_REFRESH);
	}
}

void fetch_touch_table_locked(struct cache *c, struct table *t)
{
	int64_t n = 0, since = 0;

	if (t->fetch || !t->complete ||
	    !too_old(c, t->fresh_at_ms, c->conf.ttl_ms) ||
	    !too_old(c, t->touched_at_ms, c->conf.ttl_ms))
		return;
	/* an offline walk asks once in a ttl, not each time */
	t->touched_at_ms = clock_wall_ms(c->clock);
	if (store_count(c->store, t->no, &n) == 0 && n > SMALL_TABLE_RECORDS &&
	    !too_old(c, t->listed_at_ms, c->conf.full_ttl_ms)) {
		if (t->no_since)
			return;
		if (t->server_at_ms > OVERLAP_MS)
			since = t->server_at_ms - OVERLAP_MS;
	}
	want_locked(c, t, API_REFRESH, since);
}

/* Also of bases that were left alone since they said that no calls are left. */
static void ask_again(void *arg)
{
	struct cache *c = arg;

	api_ask_again(c->api);
	lock_take(&c->mu);
	for (size_t i = 0; i < c->bases_n; i++)
		if (c->bases[i])
			c->bases[i]->held_until_ms = 0;
	lock_drop(&c->mu);
	flush_continue(c->flush);
}

int cache_refresh(struct cache *c, uint32_t base, uint32_t table)
{
	size_t i;
	int r = loop_post(c->loop, ask_again, c);

	if (r < 0)
		return r;
	lock_take(&c->mu);
	rights_ask_again_locked(c, table && tree_table_locked(c, table) ?
				tree_table_locked(c, table)->base->no : base);
	if (!base && !table)
		fetch_want_bases_locked(c, API_INTERACTIVE);
	for (i = 0; !table && i < c->bases_n; i++) {
		struct base *b = c->bases[i];

		if (b && b->listed && b->schema && (!base || b->no == base))
			fetch_want_schema_locked(c, b, API_INTERACTIVE);
	}
	for (i = 0; i < c->tables_n; i++) {
		struct table *t = c->tables[i];

		if (!t || !t->listed || (table && t->no != table) ||
		    (base && !table && t->base->no != base) || !t->complete)
			continue;
		if (t->fetch)
			t->again = true;
		else
			fetch_want_table_locked(c, t, API_INTERACTIVE);
	}
	if (table && !tree_table_locked(c, table))
		r = -ESTALE;
	lock_drop(&c->mu);
	return r;
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
