/* A save becomes an operation of the journal, or a part of one that waits. Its
 * content was judged before (save_judge.c). */
#include "save.h"
#include "crash.h"

#include <stdlib.h>
#include <string.h>

#include "render.h"

void path_of_locked(struct cache *c, const struct live *l, char *buf, size_t n)
{
	struct table *t = tree_table_locked(c, l->key.table);

	snprintf(buf, n, "%s/%s/%s", t ? t->base->name : "?",
		 t ? t->name : "?", l->name);
}

void save_refused_locked(struct cache *c, struct live *l,
			 const struct save_error *e)
{
	char path[3 * NAME_BUF];
	bool news = l->error.err != e->err ||
		    strcmp(l->error.reason, e->reason) != 0;

	l->error = *e;
	if (!news)
		return;
	path_of_locked(c, l, path, sizeof(path));
	log_warn("'%s' is not saved: %s", path, e->reason);
	errlog_add(c, path, e->err, e->field, e->line, e->column, e->reason,
		   e->hint);
}

bool save_op_in_flight(const struct live_op *o)
{
	return o->busy || o->maybe || o->state == OP_SENDING ||
	       o->state == OP_UNKNOWN;
}

int64_t save_due_soon(struct cache *c)
{
	return clock_wall_ms(c->clock) + c->conf.writeback_ms;
}

static void op_fill(struct cache *c, struct live *l, struct op *o)
{
	struct table *t = tree_table_locked(c, l->key.table);

	o->base = t->base->id;
	o->table = t->id;
	memcpy(o->record, l->record, sizeof(o->record));
	memcpy(o->name, l->name, sizeof(o->name));
	o->saved_ms = clock_wall_ms(c->clock);
	o->not_before_ms = save_due_soon(c);
}

static int set_json(char **dst, const json_t *j)
{
	free(*dst);
	*dst = json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY);
	return *dst ? 0 : -ENOMEM;
}

int save_set_edit(struct op *o, const struct recfile_edit *e)
{
	int r = set_json(&o->changes, e->changes);

	if (r == 0)
		r = set_json(&o->before, e->before);
	if (r == 0)
		r = set_json(&o->after, e->after);
	return r;
}

/* ---- committing ---- */

/* The live record now stands for these bytes. */
static void presented(struct cache *c, struct live *l, size_t n)
{
	l->size = (int64_t)n;
	l->mtime_ms = clock_wall_ms(c->clock);
	l->error.err = 0;
}

int save_finish_op(struct cache *c, struct live *l, int64_t id, int why)
{
	struct op o = { 0 };
	int r = journal_get(c->journal, id, false, &o);

	if (r == 0 && why)
		o.err = why;
	if (r == 0)
		r = journal_set_state(c->journal, &o, OP_DONE);
	op_clear(&o);
	if (r == 0)
		live_drop_op(l, id);
	return r;
}

/* ---- what is shown of saves that are not confirmed ---- */

static json_t *shown_doc(struct cache *c, struct live *l)
{
	json_t *doc = NULL;
	size_t i;

	for (i = l->ops_n; i-- > 0 && !doc;) {
		struct op o = { 0 };

		if (l->ops[i].kind == OP_DELETE ||
		    journal_get(c->journal, l->ops[i].id, true, &o) < 0)
			continue;
		if (o.bytes)
			doc = json_loadb(o.bytes, o.bytes_n, JSON_ALLOW_NUL,
					 NULL);
		op_clear(&o);
	}
	return doc;
}

/* {"Name": value}: the fields of the bytes saved last; {} if there are none.
 */
json_t *save_shown_fields_locked(struct cache *c, struct live *l)
{
	json_t *doc = shown_doc(c, l);
	json_t *fields = json_object_get(doc, "fields");

	fields = json_is_object(fields) ? json_incref(fields) : json_object();
	json_decref(doc);
	return fields;
}

json_t *save_shown_computed(struct cache *c, struct live *l,
			    const struct schema_table *st)
{
	json_t *doc = shown_doc(c, l), *out = json_object(), *v;
	const char *key;

	json_object_foreach(json_object_get(doc, "computed"), key, v) {
		const struct schema_field *f = schema_find_field(st, key);

		if (f && f->computed && !json_is_null(v))
			json_object_set(out, f->id.s, v);
	}
	json_decref(doc);
	return out;
}

/* ---- what waits ---- */

void save_waiting_release(struct save_waiting *w)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		op_clear(&w->ops[i]);
	free(w->ops);
	json_decref(w->changes);
	json_decref(w->bases);
	json_decref(w->before);
	json_decref(w->after);
}

static void waiting_add(struct save_waiting *w, const struct op *o)
{
	json_t *j = json_from_text(o->changes);

	json_object_update(w->changes, j);
	json_decref(j);
	j = json_from_text(o->after);
	json_object_update(w->after, j);
	json_decref(j);
	if (o->kind != OP_UPDATE)
		return;
	j = json_from_text(o->before);
	json_object_update_missing(w->bases, j);
	/* who saves a field again that was refused or in conflict has seen what
	 * the server holds */
	if (o->state == OP_QUEUED)
		json_object_update_missing(w->before, j);
	json_decref(j);
}

int save_waiting_load(struct cache *c, struct live *l, struct save_waiting *w)
{
	size_t i;
	int r = 0;

	*w = (struct save_waiting){
		.ops = calloc(l->ops_n + 1, sizeof(*w->ops)),
		.changes = json_object(), .before = json_object(),
		.after = json_object(), .bases = json_object(),
	};
	if (!w->ops)
		r = -ENOMEM;
	for (i = 0; r == 0 && i < l->ops_n; i++) {
		if (l->ops[i].kind == OP_DELETE ||
		    save_op_in_flight(&l->ops[i]))
			continue;
		r = journal_get(c->journal, l->ops[i].id, false,
				&w->ops[w->n]);
		if (r == 0)
			waiting_add(w, &w->ops[w->n++]);
	}
	if (r < 0)
		save_waiting_release(w);
	return r;
}

/* The new content holds all that waits: one operation takes it (into, with its
 * edit set; NULL = none is needed), the others are done away with. */
static int fold(struct cache *c, struct live *l, struct save_waiting *w,
		struct op *into)
{
	struct op **drops = calloc(w->n + 1, sizeof(struct op *));
	struct live_op *lo;
	size_t i, n = 0;
	int r;

	if (!drops)
		return -ENOMEM;
	for (i = 0; i < w->n; i++) {
		if (&w->ops[i] == into)
			continue;
		w->ops[i].err = OP_ERR_FOLDED;
		drops[n++] = &w->ops[i];
	}
	r = journal_fold(c->journal, into, drops, n);
	crash_at(CRASH_OP_FOLDED);
	for (i = 0; r == 0 && i < n; i++)
		live_drop_op(l, drops[i]->id);
	lo = into ? live_find_op(l, into->id) : NULL;
	if (r == 0 && lo) {
		lo->state = OP_QUEUED;
		lo->due_ms = into->not_before_ms;
	}
	free(drops);
	return r;
}

static struct op *waiting_first(struct save_waiting *w, enum op_kind kind)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		if (w->ops[i].kind == kind)
			return &w->ops[i];
	return NULL;
}

static int fold_edit(struct cache *c, struct live *l, struct save_waiting *w,
		     struct op *into, struct recfile_edit *e,
		     const char *bytes, size_t n)
{
	const char *key;
	json_t *was;
	int r;

	/* what a field was first changed from stays its base */
	json_object_foreach(w->before, key, was)
		if (json_object_get(e->changes, key) ||
		    strcmp(key, OP_SENT) == 0)
			json_object_set(e->before, key, was);
	r = save_set_edit(into, e);
	if (r < 0)
		return r;
	op_fill(c, l, into);
	into->err = 0;
	free(into->reason);
	free(into->theirs);
	into->reason = into->theirs = NULL;
	into->bytes = (char *)bytes;
	into->bytes_n = n;
	r = fold(c, l, w, into);
	into->bytes = NULL;
	into->bytes_n = 0;
	return r;
}

int save_add_op(struct cache *c, struct live *l, enum op_kind kind,
		  const struct recfile_edit *e, const char *bytes, size_t n,
		  int64_t due_ms)
{
	struct op o = { .kind = kind, .state = OP_QUEUED };
	int r = e ? save_set_edit(&o, e) : 0;

	if (r == 0) {
		op_fill(c, l, &o);
		if (due_ms)
			o.not_before_ms = due_ms;
		o.bytes = (char *)bytes;
		o.bytes_n = n;
		r = journal_add(c->journal, &o);
		o.bytes = NULL;
		crash_at(CRASH_OP_ADDED);
	}
	if (r == 0 && !live_add_op(l, o.id, kind, OP_QUEUED, o.not_before_ms))
		r = -ENOMEM; /* in the journal: the next mount sends it */
	op_clear(&o);
	return r;
}

/* The newest operation left says what is shown. */
void save_presented_by_ops(struct cache *c, struct live *l)
{
	struct op o = { 0 };

	l->size = -1;
	if (journal_get(c->journal, l->ops[l->ops_n - 1].id, true, &o) == 0 &&
	    o.bytes)
		l->size = (int64_t)o.bytes_n;
	op_clear(&o);
}

/* Nothing differs from what the server holds: the bytes alone are kept, if
 * they say everything. */
static int keep_bytes(struct cache *c, struct live *l, const char *bytes,
		      size_t n, bool complete, struct after *a)
{
	struct table *t = tree_table_locked(c, l->key.table);
	int r;

	if (l->ops_n) {
		/* on its way already: these very bytes stand for it */
		save_presented_by_ops(c, l);
		after_record(a, l->key);
		return 0;
	}
	l->size = -1;
	if (!complete) {
		after_record(a, l->key);
		return 0;
	}
	r = store_begin(c->store);
	if (r < 0)
		return r;
	r = store_set_body(c->store, l->key.table, l->key.seq, bytes, n,
			   t->schema_gen);
	if (r == 0)
		r = store_set_times(c->store, l->key.table, l->key.seq,
				    clock_wall_ms(c->clock),
				    clock_wall_ms(c->clock));
	if (r < 0) {
		store_rollback(c->store);
		return r;
	}
	r = store_commit(c->store);
	crash_at(CRASH_BYTES_KEPT);
	return r;
}

/* A field that the save leaves out stays as it was saved just before. */
static void keep_unsaid(const struct save_waiting *w, struct recfile_edit *e)
{
	const char *key;
	json_t *v;

	json_object_foreach(w->changes, key, v) {
		if (json_object_get(e->said, key) ||
		    json_object_get(e->changes, key))
			continue;
		json_object_set(e->changes, key, v);
		json_object_set(e->after, key, json_object_get(w->after, key));
		if (json_object_get(w->bases, key))
			json_object_set(e->before, key,
					json_object_get(w->bases, key));
	}
}

/* The file showed the bytes saved last, not what came from the server since: a
 * field that says what those bytes said was not touched. */
static void forget_stale_view(struct cache *c, struct live *l,
			      const struct save_waiting *w,
			      struct recfile_edit *e)
{
	struct table *t = tree_table_locked(c, l->key.table);
	json_t *shown = save_shown_fields_locked(c, l), *v;
	struct schema *s;
	const struct schema_table *st = tree_schema_locked(t, &s);
	const char *key;
	void *next;

	json_object_foreach_safe(e->changes, next, key, v) {
		const struct schema_field *f =
			st ? schema_find_field(st, key) : NULL;
		json_t *was = f ? json_object_get(shown, f->name) : NULL;

		if (!was || json_object_get(w->changes, key) ||
		    !value_equal(was, json_object_get(e->after, key)))
			continue;
		json_object_del(e->before, key);
		json_object_del(e->after, key);
		json_object_del(e->changes, key);
	}
	schema_unref(s);
	json_decref(shown);
}

bool save_is_stuck(const struct live *l)
{
	size_t i;

	for (i = 0; i < l->ops_n; i++)
		if (l->ops[i].state == OP_CONFLICT ||
		    l->ops[i].state == OP_REJECTED)
			return true;
	return false;
}

void save_base_on_shown(struct cache *c, struct live *l,
			const struct save_judging *j, struct recfile_edit *e)
{
	json_t *shown = save_is_stuck(l) ? NULL : save_shown_fields_locked(c, l);
	json_t *then;
	const char *key;
	size_t i;

	for (i = 0; i < j->recent_n && json_object_size(shown); i++) {
		json_object_foreach(e->before, key, then) {
			const struct schema_field *f =
				schema_find_field(j->st, key);
			json_t *was = f ? json_object_get(shown, f->name) :
					  NULL;

			if (!was || value_equal(was, then))
				continue;
			then = render_value(
				f, json_object_get(j->recent[i], key));
			if (value_equal(was, then))
				json_object_set(e->before, key, then);
			json_decref(then);
		}
	}
	json_decref(shown);
}

int save_commit_edit(struct cache *c, struct live *l, enum op_kind kind,
		     struct recfile_edit *e, const char *bytes, size_t n,
		     struct after *a)
{
	struct save_waiting w;
	struct op *into;
	int r = save_waiting_load(c, l, &w);

	if (r < 0)
		return r;
	into = waiting_first(&w, kind);
	forget_stale_view(c, l, &w, e);
	keep_unsaid(&w, e);
	if (kind == OP_UPDATE && json_object_size(e->changes) == 0) {
		r = fold(c, l, &w, NULL);
		if (r == 0)
			r = keep_bytes(c, l, bytes, n, e->complete, a);
	} else {
		if (into)
			r = fold_edit(c, l, &w, into, e, bytes, n);
		else
			r = save_add_op(c, l, kind, e, bytes, n, 0);
		if (r == 0) {
			presented(c, l, n);
			flush_kick(c);
		}
	}
	save_waiting_release(&w);
	return r;
}

int save_refold_locked(struct cache *c, struct live *l)
{
	struct recfile_edit e = { 0 };
	struct save_waiting w;
	struct op *into = NULL, newest = { 0 };
	size_t i;
	int r = save_waiting_load(c, l, &w);

	if (r < 0)
		return r;
	if (w.n >= 2) {
		into = &w.ops[0];
		e.changes = json_incref(w.changes);
		e.after = json_incref(w.after);
		e.before = json_object();
		for (i = w.n; i-- > 0;) { /* the earliest base wins */
			json_t *b = json_from_text(w.ops[i].before);

			json_object_update(e.before, b);
			json_decref(b);
		}
		json_object_clear(w.before); /* all in e.before */
		r = journal_get(c->journal, w.ops[w.n - 1].id, true, &newest);
	}
	if (into && r == 0)
		r = fold_edit(c, l, &w, into, &e, newest.bytes,
			      newest.bytes_n);
	op_clear(&newest);
	recfile_edit_release(&e);
	save_waiting_release(&w);
	return r < 0 ? r : into != NULL;
}
