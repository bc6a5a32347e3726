/* One batch on its way: the request, and what is done where it fails. */
#include "flush.h"
#include "crash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void send_done(void *arg, const struct api_answer *ans);

void flush_batch_end(struct flush_batch *b)
{
	struct flush *f = b->f;

	flush_batch_free(b);
	f->requests--;
	cache_note_api(f->c);
	flush_continue(f);
}

/* ---- failures ---- */

void flush_requeue_locked(struct flush_batch *b, unsigned batch_max)
{
	size_t i;

	for (i = 0; i < b->n; i++) {
		struct flush_item *it = &b->items[i];
		struct live *l;
		struct live_op *o;

		if (it->done)
			continue;
		if (it->op.state == OP_UNKNOWN || it->op.state == OP_SENDING)
			(void)flush_move_locked(b->f, it, OP_QUEUED);
		flush_unpick_locked(b->f, it);
		l = live_find(&b->f->c->live, it->key);
		o = l ? live_find_op(l, it->op.id) : NULL;
		if (o && batch_max)
			o->batch_max = batch_max;
	}
}

/* The right to write there is missing: all of it waits for that. */
static void wait_for_rights_locked(struct flush_batch *b,
				   const struct atfs_error *err)
{
	size_t i;

	flush_requeue_locked(b, 0);
	for (i = 0; i < b->n; i++) {
		struct live *l = live_find(&b->f->c->live, b->items[i].key);

		if (!l || b->items[i].done)
			continue;
		save_error_set(&l->error, err->err, "%s", err->text);
		snprintf(l->error.hint, sizeof(l->error.hint),
			 "it is kept, and sent once the token has the scope "
			 "data.records:write and you the role of an editor");
	}
}

static void refused_locked(struct flush_batch *b, const struct atfs_error *err,
			   struct after *a)
{
	if (rights_refused_locked(b->f->c, b->t->base, b->kind, err, a)) {
		wait_for_rights_locked(b, err);
		return;
	}
	if (b->n > 1) { /* find the guilty one; the others go through */
		flush_requeue_locked(b, (unsigned)(b->n + 1) / 2);
		return;
	}
	if (b->kind == OP_DELETE && err->cls == ERROR_GONE)
		flush_deleted_locked(b->f, &b->items[0]);
	else
		flush_reject_locked(b->f, &b->items[0], err, a);
}

void flush_failed(struct flush_batch *b, const struct atfs_error *err)
{
	struct cache *c = b->f->c;
	struct after a = { 0 };
	bool hold = true;

	lock_take(&c->mu);
	switch (err->cls) {
	case ERROR_CANCELLED: /* going down: the journal says how far we were */
		break;
	case ERROR_INPUT:
	case ERROR_ACCESS:
	case ERROR_GONE:
	case ERROR_RELIST:
		refused_locked(b, err, &a);
		hold = false;
		break;
	case ERROR_SERVER:
	case ERROR_LOST:
	case ERROR_PROTOCOL:
		flush_lost_all_locked(b);
		break;
	case ERROR_QUOTA:
		flush_hold_base_locked(b->f, b->t->base);
		flush_requeue_locked(b, 0);
		hold = false;
		break;
	case ERROR_NONE:
	case ERROR_TOKEN:
	case ERROR_RATE:
	case ERROR_OFFLINE:
		flush_requeue_locked(b, 0);
		break;
	}
	lock_drop(&c->mu);
	after_run(c, &a);
	if (hold && err->cls != ERROR_CANCELLED) {
		flush_hold(b->f, err->text);
	}
}

/* ---- sending ---- */

static json_t *body_of(const struct flush_batch *b)
{
	json_t *body = json_object(), *list = json_array();
	size_t i;

	for (i = 0; i < b->n; i++) {
		const struct flush_item *it = &b->items[i];
		json_t *rec = json_object();

		if (b->kind == OP_UPDATE)
			json_object_set_new(rec, "id",
					    json_string(it->op.record));
		json_object_set(rec, "fields", it->changes);
		json_array_append_new(list, rec);
	}
	json_object_set_new(body, "records", list);
	json_object_set_new(body, "returnFieldsByFieldId", json_true());
	if (b->merge_on.s[0])
		json_object_set_new(body, "performUpsert",
				    json_pack("{s:[s]}", "fieldsToMergeOn",
					      b->merge_on.s));
	if (b->f->c->conf.typecast)
		json_object_set_new(body, "typecast", json_true());
	return body;
}

static int submit(struct flush_batch *b)
{
	static const enum api_kind kinds[] = { [OP_UPDATE] = API_UPDATE,
					       [OP_CREATE] = API_CREATE,
					       [OP_DELETE] = API_DELETE };
	struct record_id ids[API_BATCH_MAX];
	struct api_call call = { .kind = kinds[b->kind],
				 .priority = API_FLUSH,
				 .base = b->t->base->id, .table = b->t->id,
				 .done = send_done, .arg = b };
	json_t *body = NULL;
	int64_t id;
	size_t i;

	if (b->merge_on.s[0])
		call.kind = API_UPDATE;

	if (b->kind == OP_DELETE) {
		for (i = 0; i < b->n; i++)
			id_copy(ids[i].s, b->items[i].op.record);
		call.records = ids;
		call.records_n = b->n;
	} else {
		body = body_of(b);
		call.body = body;
	}
	id = api_submit(b->f->c->api, &call);
	json_decref(body);
	return id < 0 ? (int)id : 0;
}

/* Everything of b is to be sent, at most a request's worth. */
static void send_now(struct flush_batch *b)
{
	struct cache *c = b->f->c;
	int r = 0;
	size_t i;

	lock_take(&c->mu);
	for (i = 0; i < b->n && r == 0; i++) {
		b->items[i].op.sent_ms = clock_wall_ms(c->clock);
		b->items[i].op.tries++;
		r = flush_move_locked(b->f, &b->items[i], OP_SENDING);
	}
	lock_drop(&c->mu);
	crash_at(CRASH_SENDING);
	b->f->requests++;
	/* else a loss of power would make it one that was never sent */
	if (r == 0)
		r = journal_sync(c->journal);
	if (r == 0)
		r = submit(b);
	crash_at(CRASH_SENT);
	if (r < 0) {
		lock_take(&c->mu);
		flush_requeue_locked(b, 0);
		lock_drop(&c->mu);
		flush_hold(b->f, strerror(-r));
		flush_batch_end(b);
	}
}

/* What may go in one request: at most so many, and alike. */
static struct flush_batch *cut_part(struct flush_batch *b,
				    const struct schema_table *st)
{
	struct flush_batch *part = calloc(1, sizeof(*part));
	size_t i;

	if (part)
		part->items = calloc(API_BATCH_MAX, sizeof(*part->items));
	if (!part || !part->items) {
		free(part);
		return NULL;
	}
	part->f = b->f;
	part->t = b->t;
	part->kind = b->kind;
	for (i = 0; i < b->n && part->n < API_BATCH_MAX; i++) {
		struct flush_item *it = &b->items[i];
		const struct schema_field *key;

		if (it->done)
			continue;
		key = flush_key(b, st, it);
		if (part->n == 0 && key)
			part->merge_on = key->id;
		if (!flush_goes_with(part, key, it))
			continue;
		part->items[part->n++] = *it;
		memset(it, 0, sizeof(*it));
		it->done = true; /* it is in the part now */
	}
	return part;
}

/* Cuts a checked batch into requests. */
void flush_send(struct flush_batch *b)
{
	struct flush_batch *part;
	const struct schema_table *st;
	struct schema *s;
	bool more;

	lock_take(&b->f->c->mu);
	st = tree_schema_locked(b->t, &s);
	lock_drop(&b->f->c->mu);
	do {
		part = cut_part(b, st);
		if (!part)
			break; /* stays busy; sent after a restart */
		more = part->n > 0;
		if (more)
			send_now(part);
		else
			flush_batch_free(part);
	} while (more);
	schema_unref(s);
	flush_batch_free(b);
}

static void send_done(void *arg, const struct api_answer *ans)
{
	struct flush_batch *b = arg;
	struct cache *c = b->f->c;
	struct after a = { 0 };
	json_t *records = json_object_get(ans->json, "records");
	struct atfs_error err = *ans->err;
	size_t i;

	if (!err.err && !json_is_array(records))
		error_set(&err, -EPROTO, ERROR_LOST,
			  "the answer to a write is not as documented");
	if (err.err) {
		flush_failed(b, &err);
		flush_batch_end(b);
		return;
	}
	crash_at(CRASH_ANSWERED);
	backoff_reset(&b->f->backoff);
	if (b->f->held)
		log_info("changes are sent again");
	b->f->held = false;
	cache_prune(c);
	lock_take(&c->mu);
	rights_worked_locked(b->t->base, &a);
	if (b->kind == OP_DELETE) {
		for (i = 0; i < b->n; i++)
			flush_deleted_locked(b->f, &b->items[i]);
	} else {
		flush_written_locked(b, records, &a);
	}
	lock_drop(&c->mu);
	after_run(c, &a);
	flush_batch_end(b);
}
