#include "reading.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RESTARTS_MAX 5          /* of one listing whose iterator expired */
#define PAGES_MAX 20000         /* 2,000,000 records: an endless offset */

struct reading *reading_new(struct cache *c, struct table *t,
			  enum api_priority priority, int64_t since_ms)
{
	struct reading *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->c = c;
	f->t = t;
	f->priority = priority;
	f->since_ms = since_ms;
	return f;
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

static int page_submit(struct reading *f)
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

static void table_end(struct reading *f, const struct atfs_error *err)
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
		log_warn("table '%s/%s' cannot be read: %s", t->base->name,
			 t->name, err->text);
	after_run(c, &a);
	free(f->offset);
	free(f);
}

static void table_fail(struct reading *f, int err, const char *text)
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

static int page_commit(struct reading *f, json_t *records, bool last,
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
static void since_refused(struct reading *f, const char *why)
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
	struct reading *f = arg;
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

void reading_begin(void *arg)
{
	struct reading *f = arg;

	f->began_ms = clock_wall_ms(f->c->clock);
	lock_take(&f->c->mu);
	f->gen = f->t->schema_gen;
	lock_drop(&f->c->mu);
	f->seen = (int64_t)(clock_rand64(f->c->clock) >> 1);
	if (page_submit(f) < 0)
		table_fail(f, -EIO, "stopped");
}

void reading_raise(struct reading *f, enum api_priority prio)
{
	if (f->call > 0)
		api_raise(f->c->api, f->call, prio);
}
