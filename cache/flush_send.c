/* One batch on its way: the check of what the server holds now, the request,
 * and what its answer means for each operation. */
#include "flush.h"
#include "crash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "render.h"

static void check_done(void *arg, const struct api_answer *ans);
static void send_done(void *arg, const struct api_answer *ans);

static void unpick_locked(struct flush *f, struct flush_item *it)
{
	struct live *l = live_find(&f->c->live, it->key);
	struct live_op *o = l ? live_find_op(l, it->op.id) : NULL;

	if (o)
		o->busy = false;
}

static void batch_end(struct flush_batch *b)
{
	struct flush *f = b->f;

	flush_batch_free(b);
	f->requests--;
	cache_note_api(f->c);
	flush_continue(f);
}

/* ---- a refusal by the server, for good ---- */

void flush_reject_locked(struct flush *f, struct flush_item *it,
			 const struct atfs_error *err, struct after *a)
{
	struct live *l = live_find(&f->c->live, it->key);
	char path[3 * NAME_BUF];

	it->op.err = err->err;
	free(it->op.reason);
	it->op.reason = strdup(err->text);
	if (flush_move_locked(f, it, OP_REJECTED) < 0 || !l)
		return;
	crash_at(CRASH_REJECTED);
	if (it->op.kind != OP_DELETE && save_refold_locked(f->c, l) > 0)
		return; /* mended meanwhile: sent again with what came since */
	/* a delete that may not be is given up: what stays is the error */
	if (it->op.kind == OP_DELETE)
		(void)flush_move_locked(f, it, OP_DONE);
	save_error_set(&l->error, err->err, "%s", err->text);
	snprintf(l->error.hint, sizeof(l->error.hint),
		 "the server refused it; the bytes are kept: mend the file "
		 "and save it again, or airtablefs queue retry or cancel %lld",
		 (long long)it->op.id);
	/* a delete that may not be: it is there again */
	if (l->hidden && !live_is_removed(l)) {
		l->hidden = false;
		after_new(a, l->key.table, l->name);
	}
	path_of_locked(f->c, l, path, sizeof(path));
	log_warn("'%s' was refused by the server: %s", path, err->text);
	errlog_add(f->c, path, err->err, "", 0, 0, err->text, l->error.hint);
}

static void conflict_locked(struct flush *f, struct flush_item *it,
			    const json_t *theirs)
{
	static const char reason[] =
		"the same field was changed here and on the server";
	struct live *l = live_find(&f->c->live, it->key);
	char path[3 * NAME_BUF];

	it->op.err = -EBUSY;
	free(it->op.reason);
	it->op.reason = strdup(reason);
	free(it->op.theirs);
	it->op.theirs = json_dumps(theirs, JSON_COMPACT);
	if (flush_move_locked(f, it, OP_CONFLICT) < 0 || !l)
		return;
	crash_at(CRASH_CONFLICT);
	save_error_set(&l->error, -EBUSY, "%s", reason);
	snprintf(l->error.hint, sizeof(l->error.hint),
		 "nothing was overwritten; airtablefs resolve --mine, --theirs "
		 "or --both, or save the file again to keep what you then "
		 "write");
	path_of_locked(f->c, l, path, sizeof(path));
	log_warn("conflict in '%s': %s", path, reason);
	errlog_add(f->c, path, -EBUSY, "", 0, 0, reason, l->error.hint);
}

/* ---- lost ---- */

void flush_note_sent(struct cache *c, struct op *o)
{
	json_t *before = json_from_text(o->before);

	json_object_set_new(before, OP_SENT, json_from_text(o->after));
	free(o->before);
	o->before = json_dumps(before, JSON_COMPACT);
	json_decref(before);
	(void)journal_rewrite(c->journal, o);
}

void flush_lost_locked(struct flush *f, struct flush_item *it)
{
	struct live *l = live_find(&f->c->live, it->key);
	struct live_op *o = l ? live_find_op(l, it->op.id) : NULL;

	if (flush_move_locked(f, it, OP_UNKNOWN) < 0)
		return;
	crash_at(CRASH_LOST);
	if (it->op.kind != OP_CREATE)
		flush_note_sent(f->c, &it->op);
	crash_at(CRASH_LOST_NOTED);
	if (o && it->op.kind == OP_DELETE)
		o->maybe = true;
	if (it->op.kind != OP_CREATE)
		(void)flush_move_locked(f, it, OP_QUEUED);
	else if (o) /* the server may still be at it */
		o->due_ms = clock_wall_ms(f->c->clock) + FLUSH_SETTLE_MS;
	crash_at(CRASH_LOST_QUEUED);
}

static void lost_locked(struct flush_batch *b)
{
	size_t i;

	for (i = 0; i < b->n; i++)
		flush_lost_locked(b->f, &b->items[i]);
}

/* ---- done: the answer is the record's new state ---- */

/* More saves wait: their bytes are what is shown. */
static bool still_local(const struct live *l)
{
	size_t i;

	for (i = 0; i < l->ops_n; i++)
		if (l->ops[i].kind != OP_DELETE)
			return true;
	return false;
}

/* Later saves were made from what this one wrote; where the server made
 * something else of it (rich text, numbers), that is their base now. */
static void rebase_locked(struct flush *f, struct absorb *ab, struct live *l,
			  const struct flush_item *it, json_t *rec)
{
	json_t *cells = json_object_get(rec, "fields");
	size_t i;

	for (i = 0; i < l->ops_n; i++) {
		struct op o = { 0 };
		const char *key;
		json_t *before, *wrote;
		bool moved = false;

		if (l->ops[i].kind != OP_UPDATE ||
		    journal_get(f->c->journal, l->ops[i].id, false, &o) < 0)
			continue;
		before = json_from_text(o.before);
		json_object_foreach(it->after, key, wrote) {
			const struct schema_field *sf =
				schema_find_field(ab->st, key);
			json_t *was = json_object_get(before, key), *now;

			if (!sf || !was || !value_equal(was, wrote))
				continue;
			now = render_value(sf, json_object_get(cells, key));
			moved |= !value_equal(now, was);
			json_object_set_new(before, key, now);
		}
		if (moved) {
			free(o.before);
			o.before = json_dumps(before, JSON_COMPACT);
			(void)journal_rewrite(f->c->journal, &o);
		}
		json_decref(before);
		op_clear(&o);
	}
}

/* The operation is done; rec is what the server holds now. */
static void confirmed_locked(struct flush *f, struct absorb *ab,
			     struct flush_item *it, json_t *rec,
			     struct after *a)
{
	struct live *l = live_find(&f->c->live, it->key);
	struct op full = { 0 };
	bool have;

	have = journal_get(f->c->journal, it->op.id, true, &full) == 0;
	if (flush_move_locked(f, it, OP_DONE) == 0 && l) {
		bool more = still_local(l);

		crash_at(CRASH_OP_DONE);
		if (!more)
			l->size = -1;
		if (!more && !l->has_draft) /* else it is the draft's */
			l->error.err = 0;
		if (absorb_record(ab, rec, true,
				  have && !more ? full.bytes : NULL,
				  full.bytes_n) < 0)
			log_error("the cache cannot be written");
		fetch_note_own_locked(f->c, ab->t, it->op.record);
		rebase_locked(f, ab, l, it, rec);
		if (!more && !l->has_draft)
			l->mtime_ms = 0;
		(void)live_settle(&f->c->live, l);
	}
	(void)a;
	op_clear(&full);
}

/* An upsert met a record that has a file already, and changes of its own. */
static bool is_changed_here(struct cache *c, const struct table *t,
			    const struct flush_item *it, const char *id)
{
	struct store_row row;
	struct live *l;

	if (store_find_id(c->store, t->no, id, STORE_META, &row) < 0)
		return false;
	l = row.seq == it->key.seq ? NULL :
		live_find(&c->live, (struct rec_key){ t->no, row.seq });
	store_row_release(&row);
	return l && (l->ops_n || l->has_draft);
}

/* Its name was taken when it was found in the journal, so it had its local id
 * in it, which means nothing any more. */
static int name_anew_locked(struct flush *f, struct table *t, struct live *l,
			    const char *id, const char *primary,
			    struct after *a)
{
	char name[NAME_BUF], was[NAME_BUF];
	size_t n = primary ? strlen(primary) : 0;
	int r;

	memcpy(was, l->name, sizeof(was));
	name_make(primary, n, id, false, RECORD_SUFFIX, name);
	r = store_set_name(f->c->store, t->no, l->key.seq, name, primary);
	if (r == -EEXIST) {
		name_make(primary, n, id, true, RECORD_SUFFIX, name);
		r = store_set_name(f->c->store, t->no, l->key.seq, name,
				   primary);
	}
	if (r < 0)
		return r;
	memcpy(l->name, name, sizeof(l->name));
	after_gone(a, t->no, was, l->key);
	after_new(a, t->no, l->name);
	return 0;
}

int flush_adopt_locked(struct flush *f, struct table *t, struct flush_item *it,
		       json_t *rec, struct after *a)
{
	struct cache *c = f->c;
	const char *id = json_string_value(json_object_get(rec, "id"));
	struct live *l = live_find(&c->live, it->key);
	struct store_change gone = { 0 };
	struct schema *s;
	const struct schema_table *st = tree_schema_locked(t, &s);
	char *primary = NULL, local[ATFS_ID_MAX], made[ATFS_ID_MAX + 4];
	int r;

	if (!id || !id_is_valid(id, "rec") || !l || !st) {
		schema_unref(s);
		return -EPROTO;
	}
	primary = recfile_primary_text(st, json_object_get(rec, "fields"));
	memcpy(local, it->op.record, sizeof(local));
	if (is_changed_here(c, t, it, id)) {
		free(primary);
		schema_unref(s);
		return -EBUSY;
	}
	r = store_adopt(c->store, t->no, it->key.seq, id, &gone);
	snprintf(made, sizeof(made), " (%s)", local);
	if (r == 0 && strstr(l->name, made))
		r = name_anew_locked(f, t, l, id, primary, a);
	else if (r == 0) /* the name that was given stays valid */
		r = store_set_name(c->store, t->no, it->key.seq, l->name,
				   primary);
	if (r == 0 && gone.seq)
		after_gone(a, t->no, gone.name,
			   (struct rec_key){ t->no, gone.seq });
	crash_at(CRASH_ROW_ADOPTED);
	if (r == 0 && strcmp(local, id) != 0)
		r = journal_adopt(c->journal, local, id);
	crash_at(CRASH_ADOPTED);
	if (r == 0 && strcmp(local, id) != 0) {
		/* its inode number is another one now, in listings too */
		after_new(a, t->no, l->name);
		after_record(a, it->key);
	}
	if (r == 0) {
		id_copy(l->record, id);
		id_copy(it->op.record, id);
	}
	free(primary);
	schema_unref(s);
	return r;
}

static json_t *answer_for(json_t *records, const struct flush_item *it,
			  size_t i)
{
	json_t *rec = json_array_get(records, i), *r;
	const char *id;
	size_t k;

	if (it->op.kind == OP_CREATE)
		return rec; /* in the order of the request */
	id = json_string_value(json_object_get(rec, "id"));
	if (id && strcmp(id, it->op.record) == 0)
		return rec;
	json_array_foreach(records, k, r) {
		id = json_string_value(json_object_get(r, "id"));
		if (id && strcmp(id, it->op.record) == 0)
			return r;
	}
	return NULL;
}

static void met_changes_locked(struct flush *f, struct flush_item *it,
			       struct after *a)
{
	struct atfs_error err = { 0 };

	error_set(&err, -EEXIST, ERROR_INPUT, "a record with this key is there "
		  "already, and its own file has changes that are not sent");
	flush_reject_locked(f, it, &err, a);
}

static void written_locked(struct flush_batch *b, json_t *records,
			   struct after *a)
{
	struct absorb ab;
	size_t i;

	if (absorb_begin(&ab, b->f->c, b->t, 0, a) < 0) {
		log_error("the cache cannot be written");
		lost_locked(b); /* found out about later */
		return;
	}
	for (i = 0; i < b->n; i++) {
		struct flush_item *it = &b->items[i];
		json_t *rec = answer_for(records, it, i);
		int r = rec ? 0 : -EPROTO;

		if (rec && it->op.kind == OP_CREATE)
			r = flush_adopt_locked(b->f, b->t, it, rec, a);
		if (r == -EBUSY)
			met_changes_locked(b->f, it, a);
		else if (r < 0)
			flush_lost_locked(b->f, it);
		else
			confirmed_locked(b->f, &ab, it, rec, a);
	}
	if (absorb_commit(&ab) < 0)
		log_error("the cache cannot be written");
	crash_at(CRASH_ABSORBED);
}

/* The row first: an operation without one is asked about at the next start, a
 * row that stayed would show what is gone. */
static void deleted_locked(struct flush *f, struct flush_item *it)
{
	struct cache *c = f->c;
	struct live *l;
	int r;

	fetch_note_own_locked(c, tree_table_locked(c, it->key.table),
			      it->op.record);
	r = store_begin(c->store);
	if (r == 0) {
		r = store_remove(c->store, it->key.table, it->key.seq);
		if (r == 0)
			r = store_commit(c->store);
		else
			store_rollback(c->store);
	}
	if (r < 0 && r != -ENOENT)
		log_error("the cache cannot be written");
	crash_at(CRASH_DELETE_COMMITTED);
	if (flush_move_locked(f, it, OP_DONE) < 0)
		return;
	crash_at(CRASH_DELETE_DONE);
	l = live_find(&c->live, it->key);
	if (l && l->ops_n == 0) {
		l->hidden = false;
		l->error.err = 0;
		(void)live_settle(&c->live, l);
	}
}

/* ---- failures ---- */

/* Nothing was done: back into the queue. */
static void requeue_locked(struct flush_batch *b, unsigned batch_max)
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
		unpick_locked(b->f, it);
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

	requeue_locked(b, 0);
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
		requeue_locked(b, (unsigned)(b->n + 1) / 2);
		return;
	}
	if (b->kind == OP_DELETE && err->cls == ERROR_GONE)
		deleted_locked(b->f, &b->items[0]);
	else
		flush_reject_locked(b->f, &b->items[0], err, a);
}

static void failed(struct flush_batch *b, const struct atfs_error *err)
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
		lost_locked(b);
		break;
	case ERROR_QUOTA:
		flush_hold_base_locked(b->f, b->t->base);
		requeue_locked(b, 0);
		hold = false;
		break;
	case ERROR_NONE:
	case ERROR_TOKEN:
	case ERROR_RATE:
	case ERROR_OFFLINE:
		requeue_locked(b, 0);
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
		requeue_locked(b, 0);
		lock_drop(&c->mu);
		flush_hold(b->f, strerror(-r));
		batch_end(b);
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
		failed(b, &err);
		batch_end(b);
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
			deleted_locked(b->f, &b->items[i]);
	} else {
		written_locked(b, records, &a);
	}
	lock_drop(&c->mu);
	after_run(c, &a);
	batch_end(b);
}

/* ---- the check ---- */

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
		requeue_locked(b, 0);
		lock_drop(&b->f->c->mu);
		flush_hold(b->f, "no memory");
		batch_end(b);
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
			confirmed_locked(b->f, ab, it, rec, a);
			break;
		case MERGE_CONFLICT:
			it->done = true;
			(void)absorb_record(ab, rec, false, NULL, 0);
			conflict_locked(b->f, it, theirs);
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
		failed(b, &err);
		batch_end(b);
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
		requeue_locked(b, 0);
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
