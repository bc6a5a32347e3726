/* Records by id: those that a feed has marked are read, a hundred to a call,
 * and absorbed as a page of a listing is. */
#include "feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void read_next(void *arg);

/* The next of them, out of the marks. */
static void take_locked(struct table *t)
{
	const char *id;
	json_t *v;
	void *tmp;

	if (!t->marks_out)
		t->marks_out = json_object();
	json_object_foreach_safe(t->marks, tmp, id, v) {
		if (json_object_size(t->marks_out) == API_PAGE_MAX)
			break;
		if (json_object_set_new(t->marks_out, id, json_true()) == 0)
			json_object_del(t->marks, id);
	}
}

/* Not read: they are marked still. */
static void put_back_locked(struct table *t)
{
	if (!t->marks)
		t->marks = json_object();
	json_object_update(t->marks, t->marks_out);
	json_object_clear(t->marks_out);
}

static char *formula_of(json_t *ids)
{
	const char *id, *between = "OR(";
	char *text = NULL;
	size_t n;
	json_t *v;
	FILE *m = open_memstream(&text, &n);

	if (!m)
		return NULL;
	json_object_foreach(ids, id, v) {
		fprintf(m, "%sRECORD_ID()='%s'", between, id);
		between = ",";
	}
	fputc(')', m);
	if (fclose(m) == 0)
		return text;
	free(text);
	return NULL;
}

static void read_end(struct table *t)
{
	struct cache *c = t->base->feed->c;

	lock_take(&c->mu);
	put_back_locked(t);
	t->reading = false;
	lock_drop(&c->mu);
}

static int absorb_answer_locked(struct table *t, json_t *records,
				struct after *after)
{
	struct feed *f = t->base->feed;
	struct cache *c = f->c;
	bool listed = t->fetch && !t->partial;
	struct absorb a;
	json_t *rec, *out;
	size_t i;
	int e = absorb_begin(&a, c, t, listed ? 0 : STORE_UNSEEN, after);

	if (e < 0)
		return e;
	a.stamp = t->read_stamp;
	json_array_foreach(records, i, rec) {
		const char *id = json_string_value(json_object_get(rec, "id"));

		e = absorb_record(&a, rec, false, NULL, 0);
		if (e < 0)
			break;
		/* a page asked for before this is older */
		if (id && !fetch_is_older_locked(t, t->read_stamp, id))
			fetch_note_own_locked(c, t, id);
	}
	out = t->marks_out;
	t->marks_out = NULL;
	if (!json_object_size(t->marks) && t->fresh_at_ms < f->polled_at_ms)
		t->fresh_at_ms = f->polled_at_ms;
	if (e == 0)
		e = absorb_settle_names(&a, false);
	if (e == 0)
		e = feed_save_locked(f);
	if (e == 0)
		e = absorb_commit(&a);
	else
		absorb_abort(&a);
	if (e == 0)
		json_decref(out);
	else
		t->marks_out = out;
	return e;
}

static int in_doubt_locked(struct table *t)
{
	struct feed *f = t->base->feed;
	int e = store_begin(f->c->store);

	if (e < 0)
		return e;
	e = feed_doubt_locked(f, t);
	json_object_clear(t->marks_out);
	if (e == 0)
		e = feed_save_locked(f);
	if (e == 0)
		return store_commit(f->c->store);
	store_rollback(f->c->store);
	return e;
}

static void read_done(void *arg, const struct api_answer *ans)
{
	struct table *t = arg;
	struct cache *c = t->base->feed->c;
	struct after a = { 0 };
	int e = ans->err->err;

	cache_note_api(c);
	lock_take(&c->mu);
	if (t->read_doubts != t->doubts)
		json_object_clear(t->marks_out); /* listed since, or to be:
						    this may be older */
	else if (!e)
		e = absorb_answer_locked(t, json_object_get(ans->json,
							    "records"), &a);
	else if (ans->err->cls == ERROR_INPUT || ans->err->cls == ERROR_GONE)
		(void)in_doubt_locked(t); /* not to be had like this */
	fetch_reader_locked(t, -1);
	t->last_err = e;
	snprintf(t->last_text, sizeof(t->last_text), "%s",
		 ans->err->err ? ans->err->text :
		 e	       ? "the cache cannot be written" :
				 "");
	if (!e) {
		t->progress++;
		if (c->orphans_n)
			restore_attach_locked(c, t);
	}
	lock_drop(&c->mu);
	after_run(c, &a);
	if (e) {
		if (ans->err->cls != ERROR_CANCELLED)
			log_warn("what changed in table '%s/%s' cannot be "
				 "read: %s", t->base->name, t->name,
				 t->last_text);
		read_end(t);
	} else {
		read_next(t);
	}
}

static void read_next(void *arg)
{
	struct table *t = arg;
	struct cache *c = t->base->feed->c;
	struct api_call call = { .kind = API_LIST_RECORDS,
				 .priority = API_REFRESH, .done = read_done,
				 .arg = t };
	char *formula = NULL;

	lock_take(&c->mu);
	take_locked(t);
	call.base = t->base->id;
	call.table = t->id;
	if (json_object_size(t->marks_out))
		formula = formula_of(t->marks_out);
	t->read_stamp = ++c->stamp;
	t->read_doubts = t->doubts;
	lock_drop(&c->mu);
	call.formula = formula;
	if (formula) {
		lock_take(&c->mu);
		fetch_reader_locked(t, 1);
		lock_drop(&c->mu);
		if (api_submit(c->api, &call) > 0) {
			free(formula);
			return;
		}
		lock_take(&c->mu);
		fetch_reader_locked(t, -1);
		lock_drop(&c->mu);
	}
	free(formula);
	read_end(t);
}

void feed_read_marked_locked(struct feed *f, struct table *t)
{
	if (t->reading || !json_object_size(t->marks) || f->c->stopping)
		return;
	t->reading = loop_post(f->c->loop, read_next, t) == 0;
}
