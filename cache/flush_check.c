/* Before a batch of updates is sent: what the server holds of its records now, and
 * what that makes of each (merge.c). */
#include "flush.h"
#include "crash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check_done(void *arg, const struct api_answer *ans);

static char *formula_of(const struct flush_batch *b)
{
	char *text = NULL;
	size_t n, i;
	FILE *m = open_memstream(&text, &n);

	if (!m)
		return NULL;
	fputs("OR(", m);
	for (i = 0; i < b->n; i++)
		fprintf(m, "%sRECORD_ID()='%s'", i ? "," : "",
			b->items[i].op.record);
	fputc(')', m);
	if (fclose(m) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

static int check_submit(struct flush_batch *b)
{
	struct api_call call = { .priority = API_FLUSH,
				 .base = b->t->base->id, .table = b->t->id,
				 .done = check_done, .arg = b };
	char *formula = NULL;
	int64_t id;

	if (b->n == 1 && !b->by_list) {
		call.kind = API_GET_RECORD;
		id_copy(call.record.s, b->items[0].op.record);
	} else {
		call.kind = API_LIST_RECORDS;
		call.offset = b->offset;
		formula = formula_of(b);
		if (!formula)
			return -ENOMEM;
		call.formula = formula;
	}
	id = api_submit(b->f->c->api, &call);
	free(formula);
	return id < 0 ? (int)id : 0;
}

void flush_check(struct flush_batch *b)
{
	b->f->requests++;
	if (check_submit(b) < 0) {
		lock_take(&b->f->c->mu);
		flush_requeue_locked(b, 0);
		lock_drop(&b->f->c->mu);
		flush_hold(b->f, "no memory");
		flush_batch_end(b);
	}
	crash_at(CRASH_CHECK_SENT);
}

/* One record as the server holds it now: merge, and learn from it. */
static void checked_locked(struct flush_batch *b, struct absorb *ab,
			   json_t *rec, struct after *a)
{
	const char *id = json_string_value(json_object_get(rec, "id"));
	json_t *theirs = json_object();
	struct flush_item *it = NULL;
	size_t i;

	for (i = 0; id && i < b->n; i++)
		if (strcmp(b->items[i].op.record, id) == 0)
			it = &b->items[i];
	if (it && !it->found) {
		it->found = true;
		switch (merge_changes(ab->st, it->changes, it->before,
				      it->after,
				      json_object_get(rec, "fields"), theirs)) {
		case MERGE_SEND:
			(void)absorb_record(ab, rec, false, NULL, 0);
			break;
		case MERGE_NOTHING:
			it->done = true;
			flush_confirmed_locked(b->f, ab, it, rec, a);
			break;
		case MERGE_CONFLICT:
			it->done = true;
			(void)absorb_record(ab, rec, false, NULL, 0);
			flush_conflict_locked(b->f, it, theirs);
			break;
		}
	}
	json_decref(theirs);
}

static int apply_check_locked(struct flush_batch *b, json_t *json,
			      struct after *a)
{
	json_t *records = json_object_get(json, "records"), *rec;
	struct absorb ab;
	size_t i;
	int r = absorb_begin(&ab, b->f->c, b->t, 0, a);

	if (r < 0)
		return r;
	if (json_is_array(records)) {
		json_array_foreach(records, i, rec)
			checked_locked(b, &ab, rec, a);
	} else {
		checked_locked(b, &ab, json, a);
	}
	return absorb_commit(&ab);
}

/* A record that the server does not show: it was removed there. */
static void missing_locked(struct flush_batch *b, struct after *a)
{
	struct atfs_error err = { 0 };
	size_t i;

	error_set(&err, -ENOENT, ERROR_GONE,
		  "the record was deleted on the server");
	for (i = 0; i < b->n; i++) {
		struct flush_item *it = &b->items[i];

		if (it->found || it->done)
			continue;
		it->done = true;
		(void)flush_move_locked(b->f, it, OP_SENDING);
		flush_reject_locked(b->f, it, &err, a);
	}
}

/* What a single get answers for a record that is not there (any more). */
static bool says_gone(const struct flush_batch *b, const struct atfs_error *e)
{
	return b->n == 1 && !b->by_list &&
	       (e->cls == ERROR_GONE ||
		(e->cls == ERROR_ACCESS &&
		 strstr(e->type, "MODEL_NOT_FOUND")));
}

static void check_done(void *arg, const struct api_answer *ans)
{
	struct flush_batch *b = arg;
	struct cache *c = b->f->c;
	struct after a = { 0 };
	const char *offset =
		json_string_value(json_object_get(ans->json, "offset"));
	int r = 0;

	/* gone, or not to be read any more? A list can tell. */
	if (!b->by_list && says_gone(b, ans->err) &&
	    ans->err->cls == ERROR_ACCESS) {
		b->by_list = true;
		b->f->requests--;
		flush_check(b);
		return;
	}
	if (ans->err->err && !says_gone(b, ans->err)) {
		struct atfs_error err = *ans->err;

		if (err.cls == ERROR_SERVER || err.cls == ERROR_LOST ||
		    err.cls == ERROR_PROTOCOL)
			err.cls = ERROR_OFFLINE; /* only read: nothing done */
		if (b->n == 1 && err.cls != ERROR_OFFLINE) {
			lock_take(&c->mu);
			(void)flush_move_locked(b->f, &b->items[0], OP_SENDING);
			lock_drop(&c->mu);
		}
		flush_failed(b, &err);
		flush_batch_end(b);
		return;
	}
	crash_at(CRASH_CHECK_ANSWERED);
	lock_take(&c->mu);
	if (!ans->err->err)
		r = apply_check_locked(b, ans->json, &a);
	if (r == 0 && !(offset && *offset))
		missing_locked(b, &a);
	lock_drop(&c->mu);
	after_run(c, &a);
	crash_at(CRASH_CHECK_ABSORBED);
	free(b->offset);
	b->offset = offset && *offset ? strdup(offset) : NULL;
	b->f->requests--;
	if (r < 0) {
		lock_take(&c->mu);
		flush_requeue_locked(b, 0);
		lock_drop(&c->mu);
		flush_hold(b->f, "no memory");
		flush_batch_free(b);
	} else if (b->offset) {
		flush_check(b);
		return;
	} else {
		struct flush *f = b->f;

		flush_send(b);
		flush_continue(f);
		return;
	}
	flush_continue(c->flush);
}
