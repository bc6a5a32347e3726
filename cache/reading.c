#include "reading.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RESTARTS_MAX 5 /* of one cursor whose iterator expired */

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

void reading_free(struct reading *f)
{
	free(f->sample);
	free(f);
}

/* ---- asking ---- */

/* Created counts as well: LAST_MODIFIED_TIME() of a record that was never
 * edited is not documented. */
static void since_formula(int64_t since_ms, char *buf, size_t n)
{
	char when[25];

	clock_format_iso(since_ms, when);
	snprintf(buf, n,
		 "OR(IS_AFTER(LAST_MODIFIED_TIME(),DATETIME_PARSE('%s')),"
		 "IS_AFTER(CREATED_TIME(),DATETIME_PARSE('%s')))",
		 when, when);
}

static void page_done(void *arg, const struct api_answer *ans);

/* One cursor has the reading's priority. The others take what nobody waits
 * for, so that a split does not push other readers of the base aside. */
static enum api_priority priority_locked(const struct cursor *cu)
{
	const struct reading *f = cu->f;
	const struct cursor *first = f->cursors;

	while (first->done)
		first++;
	return cu == first || f->priority > API_REFRESH ? f->priority :
							  API_REFRESH;
}

static int page_submit(struct cursor *cu)
{
	struct reading *f = cu->f;
	char formula[SPLIT_FORMULA_MAX];
	struct api_call call = { .kind = API_LIST_RECORDS,
				 .base = f->t->base->id, .table = f->t->id,
				 .offset = cu->offset, .done = page_done,
				 .arg = cu };

	if (f->since_ms)
		since_formula(f->since_ms, formula, sizeof(formula));
	else if (f->cursors_n > 1)
		split_formula(cu->from_ms, cu->until_ms, formula);
	if (f->since_ms || f->cursors_n > 1)
		call.formula = formula;
	lock_take(&f->c->mu);
	call.priority = priority_locked(cu);
	cu->stamp = ++f->c->stamp;
	lock_drop(&f->c->mu);
	cu->call = api_submit(f->c->api, &call);
	return cu->call < 0 ? (int)cu->call : 0;
}

void reading_raise(struct reading *f)
{
	enum api_priority prio;

	for (unsigned i = 0; i < f->cursors_n; i++) {
		if (f->cursors[i].call <= 0)
			continue;
		lock_take(&f->c->mu);
		prio = priority_locked(&f->cursors[i]);
		lock_drop(&f->c->mu);
		api_raise(f->c->api, f->cursors[i].call, prio);
	}
}

/* ---- the end ---- */

static void cursors_drop(struct reading *f)
{
	for (unsigned i = 0; i < f->cursors_n; i++) {
		if (f->cursors[i].call > 0)
			api_cancel(f->c->api, f->cursors[i].call);
		free(f->cursors[i].offset);
		f->cursors[i] = (struct cursor){ .f = f };
	}
	f->cursors_n = 0;
}

static void reading_end(struct reading *f, const struct atfs_error *err)
{
	struct cache *c = f->c;
	struct table *t = f->t;
	struct after a = { 0 };
	bool again;

	cursors_drop(f);
	cache_note_api(c);
	lock_take(&c->mu);
	t->fetch = NULL;
	fetch_forget_own_locked(t);
	t->last_err = err->err;
	memcpy(t->last_text, err->text, sizeof(t->last_text));
	if (err->err)
		restore_want_later_locked(c);
	again = t->again && !err->err;
	t->again = false;
	waitq_take_locked(&t->waiters, &a, err->err);
	if (again)
		fetch_want_table_locked(c, t, API_INTERACTIVE);
	remake_want_locked(c, t);
	prefetch_more_locked(c);
	lock_drop(&c->mu);
	if (err->err)
		log_msg(fetch_log_level(err), "table '%s/%s' cannot be read: "
			"%s", t->base->name, t->name, err->text);
	after_run(c, &a);
	reading_free(f);
}

static void reading_fail(struct reading *f, int err, const char *text)
{
	struct atfs_error e = { 0 };

	error_set(&e, err, ERROR_PROTOCOL, "%s", text);
	reading_end(f, &e);
}

/* ---- the beginning: one cursor, or ranges that meet at the bounds ---- */

static void cursors_begin(struct reading *f, const int64_t *bounds,
			  unsigned bounds_n)
{
	cursors_drop(f);
	f->seen = (int64_t)(clock_rand64(f->c->clock) >> 1);
	lock_take(&f->c->mu);
	f->t->fetched = 0;
	lock_drop(&f->c->mu);
	f->cursors_n = bounds_n + 1;
	for (unsigned i = 0; i <= bounds_n; i++)
		f->cursors[i] = (struct cursor){
			.f = f,
			.from_ms = i > 0 ? bounds[i - 1] : 0,
			.until_ms = i < bounds_n ? bounds[i] : 0,
		};
	for (unsigned i = 0; i <= bounds_n; i++)
		if (page_submit(&f->cursors[i]) < 0) {
			reading_fail(f, -EIO, "stopped");
			return;
		}
}

void reading_begin(void *arg)
{
	struct reading *f = arg;

	lock_take(&f->c->mu);
	if (feed_first_locked(f->c, f->t->base, false, reading_begin, f)) {
		lock_drop(&f->c->mu);
		return;
	}
	f->began_ms = clock_wall_ms(f->c->clock);
	f->gen = f->t->schema_gen;
	f->t->listing_doubts = f->t->doubts;
	lock_drop(&f->c->mu);
	cursors_begin(f, NULL, 0);
}

/* Ranges are of no use here: one cursor has to read it all. */
static void split_give_up(struct reading *f, const char *why)
{
	log_info("table '%s/%s': it is not read in parts (%s)",
		 f->t->base->name, f->t->name, why);
	free(f->sample);
	f->sample = NULL;
	f->sample_n = 0;
	cursors_begin(f, NULL, 0);
}

static bool base_is_busy_locked(const struct reading *f)
{
	for (size_t i = 0; i < f->c->tables_n; i++) {
		const struct table *t = f->c->tables[i];

		if (t && t != f->t && t->base == f->t->base && t->fetch)
			return true;
	}
	return false;
}

/* After the first page of a table that nobody has read yet, while nobody else
 * makes use of the base's rate. True: the reading goes on in parts. */
static bool split_try(struct reading *f, const json_t *records,
		      int64_t page_ns)
{
	int64_t bounds[SPLIT_MAX - 1];
	unsigned parts = split_parts(split_guess(records), page_ns);
	size_t n = json_array_size(records), bounds_n;
	bool fits;

	if (f->split_tried || f->since_ms)
		return false;
	f->split_tried = true;
	lock_take(&f->c->mu);
	fits = !f->t->complete && !base_is_busy_locked(f);
	lock_drop(&f->c->mu);
	bounds_n = fits && parts > 1 ? split_bounds(records, parts, bounds) : 0;
	if (bounds_n == 0)
		return false;
	f->sample = calloc(n, sizeof(*f->sample));
	if (!f->sample)
		return false;
	f->sample_n = n;
	for (size_t i = 0; i < n; i++)
		id_copy(f->sample[i].id,
			json_string_value(json_object_get(
				json_array_get(records, i), "id")));
	log_debug("table '%s/%s' is read in %zu parts", f->t->base->name,
		  f->t->name, bounds_n + 1);
	cursors_begin(f, bounds, (unsigned)bounds_n);
	return true;
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct sampled *)a)->id,
		      ((const struct sampled *)b)->id);
}

static void sample_meet(struct reading *f, const json_t *records)
{
	struct sampled key, *s;
	const char *id;

	for (size_t i = 0; f->sample_n && i < json_array_size(records); i++) {
		id = json_string_value(json_object_get(
			json_array_get(records, i), "id"));
		if (!id)
			continue;
		id_copy(key.id, id);
		s = bsearch(&key, f->sample, f->sample_n, sizeof(*s), by_id);
		if (s)
			s->met = true;
	}
}

static bool sample_is_met(const struct reading *f)
{
	for (size_t i = 0; i < f->sample_n; i++)
		if (!f->sample[i].met)
			return false;
	return true;
}

/* ---- a page ---- */

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

/* last: no page of any cursor is left. */
static int page_commit(struct reading *f, uint64_t stamp, json_t *records,
		       bool last, struct after *a)
{
	struct absorb ab;
	size_t i;
	json_t *rec;
	int r = absorb_begin(&ab, f->c, f->t, f->seen, a);

	if (r < 0)
		return r;
	ab.stamp = stamp;
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
		f->t->behind = false;
		/* one that began before the last doubt does not count */
		f->t->listed_at_ms = f->t->listing_doubts == f->t->doubts ?
					     f->began_ms :
					     0;
		if (f->gen == f->t->schema_gen)
			f->t->reread = false;
	}
	if (last) {
		r = absorb_settle_names(&ab, !f->since_ms);
		if (r < 0) {
			absorb_abort(&ab);
			return r;
		}
	}
	r = absorb_commit(&ab);
	if (r < 0 && last && !ab.was_complete)
		f->t->complete = false; /* not known to be all of it */
	return r;
}

static int page_take(struct cursor *cu, json_t *records, bool more, bool last)
{
	struct reading *f = cu->f;
	struct cache *c = f->c;
	struct after a = { 0 };
	size_t n = json_array_size(records);
	int r;

	lock_take(&c->mu);
	r = page_commit(f, cu->stamp, records, last, &a);
	f->t->progress++;
	f->t->fetched += n;
	cu->fetched += n;
	if (c->orphans_n)
		restore_attach_locked(c, f->t);
	if (c->orphans_n && r == 0 && last && !f->since_ms)
		restore_settle_locked(c, f->t);
	if (more || !last) /* who waits for the end is woken by reading_end */
		waitq_take_locked(&f->t->waiters, &a, 0);
	lock_drop(&c->mu);
	after_run(c, &a);
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
	reading_end(f, &none);
}

/* Its iterator is gone: its range once more, and nothing else. */
static void cursor_restart(struct cursor *cu)
{
	struct reading *f = cu->f;

	cu->restarts++;
	if (f->cursors_n == 1) /* what it has shown may be gone since */
		f->seen = (int64_t)(clock_rand64(f->c->clock) >> 1);
	lock_take(&f->c->mu);
	f->t->fetched -= cu->fetched;
	lock_drop(&f->c->mu);
	cu->fetched = 0;
	cu->endless = (struct endless){ 0 };
	free(cu->offset);
	cu->offset = NULL;
	if (page_submit(cu) < 0)
		reading_fail(f, -EIO, "stopped");
}

static void page_failed(struct cursor *cu, const struct atfs_error *e)
{
	struct reading *f = cu->f;
	struct cache *c = f->c;
	struct atfs_error err = *e;

	if (err.cls == ERROR_RELIST && cu->restarts < RESTARTS_MAX) {
		cursor_restart(cu);
		return;
	}
	if (err.cls == ERROR_INPUT && f->since_ms) {
		since_refused(f, err.text);
		return;
	}
	if (err.cls == ERROR_INPUT && f->cursors_n > 1) {
		split_give_up(f, err.text);
		return;
	}
	if (err.cls == ERROR_GONE || err.cls == ERROR_RELIST)
		err.err = err.cls == ERROR_GONE ? -EACCES : -EIO;
	if (err.cls == ERROR_GONE) {
		lock_take(&c->mu);
		fetch_want_schema_locked(c, f->t->base, API_REFRESH);
		lock_drop(&c->mu);
	}
	reading_end(f, &err);
}

/* Goes on behind a page. */
static void page_next(struct cursor *cu, const json_t *records,
		      const char *offset, int64_t took_ns)
{
	struct reading *f = cu->f;
	const char *first = json_string_value(json_object_get(
		json_array_get(records, 0), "id"));

	if (endless_page(&cu->endless, offset, first)) {
		reading_fail(f, -EPROTO, "the list of records does not end");
		return;
	}
	if (split_try(f, records, took_ns))
		return;
	free(cu->offset);
	cu->offset = strdup(offset);
	if (!cu->offset || page_submit(cu) < 0)
		reading_fail(f, -EIO, "stopped");
}

static bool is_last(const struct cursor *cu)
{
	const struct reading *f = cu->f;

	for (unsigned i = 0; i < f->cursors_n; i++)
		if (&f->cursors[i] != cu && !f->cursors[i].done)
			return false;
	return true;
}

static void page_done(void *arg, const struct api_answer *ans)
{
	struct cursor *cu = arg;
	struct reading *f = cu->f;
	json_t *records = json_object_get(ans->json, "records");
	struct atfs_error ok = { 0 };
	const char *offset;
	bool last;
	int r;

	cu->call = 0;
	cache_note_api(f->c);
	if (ans->err->err) {
		page_failed(cu, ans->err);
		return;
	}
	if (!json_is_array(records)) {
		reading_fail(f, -EPROTO, "the list of records is not as "
					 "documented");
		return;
	}
	if (!f->server_ms && !cu->offset)
		f->server_ms = ans->date_wall_ms;
	offset = json_string_value(json_object_get(ans->json, "offset"));
	if (offset && !*offset)
		offset = NULL;
	sample_meet(f, records);
	last = !offset && is_last(cu);
	if (last && !sample_is_met(f)) {
		split_give_up(f, "a record of the first page is in none");
		return;
	}
	r = page_take(cu, records, offset != NULL, last);
	if (r < 0) {
		reading_fail(f, r, "the cache cannot be written");
	} else if (offset) {
		page_next(cu, records, offset, ans->took_ns);
	} else if (last) {
		reading_end(f, &ok);
	} else {
		cu->done = true;
	}
}
