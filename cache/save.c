/* A save: content judged against the schema becomes an operation of the
 * journal. One function judges (recfile_judge), with several triggers; here is
 * what follows from its verdict. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#include "render.h"

#define RECENT_MAX 8 /* earlier contents that a save may be a view of */

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

static bool op_in_flight(const struct live_op *o)
{
	return o->busy || o->state == OP_SENDING || o->state == OP_UNKNOWN;
}

static int64_t due_soon(struct cache *c)
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
	o->not_before_ms = due_soon(c);
}

static int set_json(char **dst, const json_t *j)
{
	free(*dst);
	*dst = json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY);
	return *dst ? 0 : -ENOMEM;
}

static int op_set_edit(struct op *o, const struct recfile_edit *e)
{
	int r = set_json(&o->changes, e->changes);

	if (r == 0)
		r = set_json(&o->before, e->before);
	if (r == 0)
		r = set_json(&o->after, e->after);
	return r;
}

/* ---- linked records by name ---- */

static int resolve_link(void *ctx, const struct table_id *table,
			const char *name, struct record_id *ret)
{
	struct cache *c = ctx;
	struct table *t = tree_find_table_locked(c, table);
	int n;

	if (!t || !t->complete) {
		if (t)
			fetch_want_table_locked(c, t);
		return -EAGAIN;
	}
	n = store_find_primary(c->store, t->no, name, ret->s);
	if (n < 0)
		return n;
	return n == 0 ? -ENOENT : n > 1 ? -EEXIST : 0;
}

/* ---- committing ---- */

/* The live record now stands for these bytes. */
static void presented(struct cache *c, struct live *l, size_t n)
{
	l->size = (int64_t)n;
	l->mtime_ms = clock_wall_ms(c->clock);
	l->error.err = 0;
}

static int finish_op(struct cache *c, struct live *l, int64_t id,
		     enum op_state to)
{
	struct op o = { 0 };
	int r = journal_get(c->journal, id, false, &o);

	if (r == 0)
		r = journal_set_state(c->journal, &o, to);
	op_clear(&o);
	if (r == 0 && to == OP_DONE)
		live_drop_op(l, id);
	return r;
}

/* The one operation that a new save goes into: the first that is not on its
 * way. Later ones of the kind are done away with, the new content holds them. */
static int pick_target(struct cache *c, struct live *l, enum op_kind kind,
		       struct live_op **ret)
{
	size_t i = 0;

	*ret = NULL;
	while (i < l->ops_n) {
		struct live_op *o = &l->ops[i];
		int r;

		if (o->kind != kind || op_in_flight(o)) {
			i++;
		} else if (!*ret) {
			*ret = o;
			i++;
		} else {
			int64_t keep = (*ret)->id;

			r = finish_op(c, l, o->id, OP_DONE);
			if (r < 0)
				return r;
			*ret = live_find_op(l, keep);
		}
	}
	return 0;
}

static void keep_bases(struct recfile_edit *e, const struct op *o)
{
	json_t *old = json_from_text(o->before), *v;
	const char *key;

	json_object_foreach(e->changes, key, v) {
		json_t *was = json_object_get(old, key);

		(void)v;
		if (was)
			json_object_set(e->before, key, was);
	}
	json_decref(old);
}

static int rewrite_target(struct cache *c, struct live *l,
			  struct live_op *target, struct recfile_edit *e,
			  const char *bytes, size_t n)
{
	struct op o = { 0 };
	int r = journal_get(c->journal, target->id, false, &o);

	if (r < 0)
		return r;
	if (o.kind == OP_UPDATE && o.state == OP_QUEUED)
		keep_bases(e, &o);
	r = op_set_edit(&o, e);
	if (r == 0) {
		op_fill(c, l, &o);
		o.bytes = (char *)bytes;
		o.bytes_n = n;
		r = journal_rewrite(c->journal, &o);
		o.bytes = NULL;
	}
	if (r == 0 && o.state != OP_QUEUED) {
		o.err = 0;
		free(o.reason);
		free(o.theirs);
		o.reason = o.theirs = NULL;
		r = journal_set_state(c->journal, &o, OP_QUEUED);
	}
	if (r == 0) {
		target->state = OP_QUEUED;
		target->due_ms = o.not_before_ms;
	}
	op_clear(&o);
	return r;
}

static int add_op(struct cache *c, struct live *l, enum op_kind kind,
		  const struct recfile_edit *e, const char *bytes, size_t n,
		  int64_t due_ms)
{
	struct op o = { .kind = kind, .state = OP_QUEUED };
	int r = e ? op_set_edit(&o, e) : 0;

	if (r == 0) {
		op_fill(c, l, &o);
		if (due_ms)
			o.not_before_ms = due_ms;
		o.bytes = (char *)bytes;
		o.bytes_n = n;
		r = journal_add(c->journal, &o);
		o.bytes = NULL;
	}
	if (r == 0 && !live_add_op(l, o.id, kind, OP_QUEUED, o.not_before_ms))
		r = -ENOMEM; /* in the journal: the next mount sends it */
	op_clear(&o);
	return r;
}

/* Nothing differs from what the server holds: the bytes alone are kept, if
 * they say everything. */
static int keep_bytes(struct cache *c, struct live *l, const char *bytes,
		      size_t n, bool complete, struct after *a)
{
	struct table *t = tree_table_locked(c, l->key.table);
	int r;

	if (l->ops_n) {
		/* in flight: its bytes stand until the answer */
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
	return store_commit(c->store);
}

static int commit_edit(struct cache *c, struct live *l, enum op_kind kind,
		       struct recfile_edit *e, const char *bytes, size_t n,
		       struct after *a)
{
	struct live_op *target;
	int r = pick_target(c, l, kind, &target);

	if (r < 0)
		return r;
	if (kind == OP_UPDATE && json_object_size(e->changes) == 0) {
		if (target)
			r = finish_op(c, l, target->id, OP_DONE);
		return r < 0 ? r : keep_bytes(c, l, bytes, n, e->complete, a);
	}
	if (target)
		r = rewrite_target(c, l, target, e, bytes, n);
	else
		r = add_op(c, l, kind, e, bytes, n, 0);
	if (r < 0)
		return r;
	presented(c, l, n);
	flush_kick(c, false);
	return 0;
}

/* ---- judging ---- */

struct judging {
	struct store_row row;
	struct schema *schema;
	const struct schema_table *st;
	json_t *cells;                 /* what is there or on its way */
	json_t *recent[RECENT_MAX + 1];
	size_t recent_n;
};

static void judging_release(struct judging *j)
{
	size_t i;

	for (i = 0; i < j->recent_n; i++)
		json_decref(j->recent[i]);
	json_decref(j->cells);
	schema_unref(j->schema);
	store_row_release(&j->row);
}

static int judging_begin(struct cache *c, struct live *l, struct judging *j)
{
	struct table *t = tree_table_locked(c, l->key.table);
	char *old[RECENT_MAX];
	int r, n, i;

	memset(j, 0, sizeof(*j));
	r = store_get(c->store, l->key.table, l->key.seq, STORE_RAW, &j->row);
	if (r < 0)
		return r == -ENOENT ? -ESTALE : r;
	j->st = tree_schema_locked(t, &j->schema);
	j->cells = view_cells_locked(c, &j->row, l, true);
	if (!j->st || !j->cells) {
		r = j->st ? -ENOMEM : -ESTALE;
		judging_release(j);
		return r;
	}
	j->recent[j->recent_n++] = json_from_text(j->row.raw);
	n = store_versions(c->store, l->key.table, l->key.seq, RECENT_MAX, old);
	for (i = 0; i < n; i++) {
		j->recent[j->recent_n++] = json_from_text(old[i]);
		free(old[i]);
	}
	return 0;
}

/* A local record whose create is not on its way yet is still new. */
static bool is_new(const struct live *l)
{
	size_t i;

	for (i = 0; i < l->ops_n; i++)
		if (l->ops[i].kind == OP_CREATE && op_in_flight(&l->ops[i]))
			return false;
	return live_is_local(l);
}

int save_bytes_locked(struct cache *c, struct live *l, const char *bytes,
		      size_t n, struct save_error *reterr, struct after *a)
{
	struct recfile_edit e = { 0 };
	struct judging j;
	char text[NAME_BUF];
	struct recfile_context ctx = { .typecast = c->conf.typecast,
				       .resolve_link = resolve_link,
				       .resolve_ctx = c };
	int r = judging_begin(c, l, &j);

	if (r < 0) {
		save_error_set(reterr, r, "the table is not there any more");
		return r;
	}
	ctx.table = j.st;
	ctx.record_id = is_new(l) ? "" : l->record;
	ctx.created_time = j.row.created;
	ctx.raw = j.cells;
	ctx.recent = j.recent;
	ctx.recent_n = j.recent_n;
	if (is_new(l) && name_to_text(l->name, RECORD_SUFFIX, text) == 0)
		ctx.primary_text = text;
	r = recfile_judge(bytes, n, &ctx, &e, reterr);
	if (r == 0) {
		r = commit_edit(c, l, is_new(l) ? OP_CREATE : OP_UPDATE, &e,
				bytes, n, a);
		if (r < 0)
			save_error_set(reterr, r,
				       "the journal cannot be written: %s",
				       strerror(-r));
	}
	recfile_edit_release(&e);
	judging_release(&j);
	return r;
}

/* ---- the primary field by rename ---- */

/* Lays the not yet sent changes of the record under the new one. */
static int edit_over_target(struct cache *c, struct live *l, enum op_kind kind,
			    struct recfile_edit *e)
{
	struct live_op *target;
	struct op o = { 0 };
	json_t *j;
	int r = pick_target(c, l, kind, &target);

	if (r < 0 || !target)
		return r;
	r = journal_get(c->journal, target->id, false, &o);
	if (r < 0)
		return r;
	j = json_from_text(o.changes);
	json_object_update(j, e->changes);
	json_decref(e->changes);
	e->changes = j;
	j = json_from_text(o.after);
	json_object_update(j, e->after);
	json_decref(e->after);
	e->after = j;
	j = json_from_text(o.before);
	json_object_update_missing(e->before, j);
	json_decref(j);
	op_clear(&o);
	return 0;
}

static int render_with(struct cache *c, struct live *l, struct judging *j,
		       struct recfile_edit *e, char **ret, size_t *ret_n)
{
	struct table *t = tree_table_locked(c, l->key.table);
	json_t *all = view_cells_locked(c, &j->row, l, false), *v;
	const char *key;
	int r;

	json_object_foreach(e->after, key, v) {
		if (json_is_null(v))
			json_object_del(all, key);
		else
			json_object_set(all, key, v);
	}
	r = view_render_locked(c, t, live_is_local(l) ? "" : l->record,
			       j->row.created, all, ret, ret_n);
	json_decref(all);
	return r;
}

static int set_primary(struct cache *c, struct live *l, struct judging *j,
		       const char *text, struct save_error *reterr,
		       struct after *a)
{
	const struct schema_field *f = &j->st->fields[j->st->primary];
	enum op_kind kind = is_new(l) ? OP_CREATE : OP_UPDATE;
	struct recfile_edit e = { .changes = json_object(),
				  .before = json_object(),
				  .after = json_object() };
	json_t *value = NULL, *shown;
	char *bytes = NULL;
	size_t n = 0;
	int r = recfile_primary_value(f, text, &value, reterr);

	if (r == 0) {
		shown = render_value(f, json_object_get(j->cells, f->id.s));
		json_object_set_new(e.before, f->id.s, shown);
		json_object_set(e.changes, f->id.s, value);
		json_object_set_new(e.after, f->id.s, render_value(f, value));
		r = edit_over_target(c, l, kind, &e);
	}
	if (r == 0)
		r = render_with(c, l, j, &e, &bytes, &n);
	if (r == 0)
		r = commit_edit(c, l, kind, &e, bytes, n, a);
	if (r == 0)
		after_record(a, l->key);
	else if (!reterr->err)
		save_error_set(reterr, r, "the rename cannot be kept: %s",
			       strerror(-r));
	free(bytes);
	json_decref(value);
	recfile_edit_release(&e);
	return r;
}

int save_set_primary_locked(struct cache *c, struct live *l, const char *name,
			    struct save_error *reterr, struct after *a)
{
	char text[NAME_BUF];
	struct judging j;
	int r = name_to_text(name, RECORD_SUFFIX, text);

	if (r < 0) {
		save_error_set(reterr, r, "the name stands for no value");
		return r;
	}
	r = judging_begin(c, l, &j);
	if (r < 0) {
		save_error_set(reterr, r, "the record is not there any more");
		return r;
	}
	if (j.st->primary >= j.st->fields_n) {
		r = -EPERM;
		save_error_set(reterr, r, "the primary field is not known");
	} else if (!live_is_local(l) || l->ops_n) {
		r = set_primary(c, l, &j, text, reterr, a);
	} /* else only a draft so far: its name is all there is */
	if (r == 0) {
		char *primary = l->ops_n ? strdup(text) : NULL;

		memset(l->name, 0, sizeof(l->name));
		strncat(l->name, name, sizeof(l->name) - 1);
		r = store_begin(c->store);
		if (r == 0) {
			r = store_set_name(c->store, l->key.table, l->key.seq,
					   name, primary);
			r = r == 0 ? store_commit(c->store) :
				     (store_rollback(c->store), r);
		}
		free(primary);
	}
	judging_release(&j);
	return r;
}

/* ---- delete and come back ---- */

static int brake(struct cache *c)
{
	int64_t now = clock_wall_ms(c->clock);

	if (c->conf.max_deletes == 0)
		return 0;
	if (now - c->deletes_window_ms > 60000 || now < c->deletes_window_ms) {
		c->deletes_window_ms = now;
		c->deletes_in_window = 0;
	}
	return c->deletes_in_window >= c->conf.max_deletes ? -EPERM : 0;
}

int save_forget_local_locked(struct cache *c, struct live *l)
{
	int r = 0;

	while (l->ops_n && r == 0)
		r = finish_op(c, l, l->ops[0].id, OP_DONE);
	draft_drop_locked(c, l);
	if (r < 0)
		return r;
	r = store_begin(c->store);
	if (r < 0)
		return r;
	r = store_remove(c->store, l->key.table, l->key.seq);
	r = r == 0 ? store_commit(c->store) : (store_rollback(c->store), r);
	l->hidden = false;
	l->error.err = 0;
	return r;
}

int save_delete_locked(struct cache *c, struct live *l)
{
	int64_t due = clock_wall_ms(c->clock) + c->conf.delete_delay_ms;
	char *bytes = NULL;
	size_t n = 0, i;
	int r;

	if (live_is_local(l) && l->ops_n == 0) /* a draft and nothing else */
		return save_forget_local_locked(c, l);
	r = brake(c);
	if (r < 0) {
		struct save_error e = { 0 };

		save_error_set(&e, r, "more than %u records removed within a "
			       "minute", c->conf.max_deletes);
		snprintf(e.hint, sizeof(e.hint),
			 "wait a minute, or mount with -o max_deletes=N");
		save_refused_locked(c, l, &e);
		l->error.err = 0; /* about the command, not the record */
		return r;
	}
	draft_drop_locked(c, l);
	r = view_bytes_locked(c, l->key, &bytes, &n);
	if (r == 0)
		r = add_op(c, l, OP_DELETE, NULL, bytes, n, due);
	free(bytes);
	if (r < 0)
		return r;
	/* what is not sent yet waits as long: it may all be for nothing */
	for (i = 0; i < l->ops_n; i++)
		if (l->ops[i].due_ms < due)
			l->ops[i].due_ms = due;
	l->hidden = true;
	l->error.err = 0;
	c->deletes_in_window++;
	flush_kick(c, false);
	return 0;
}

int save_revive_locked(struct cache *c, struct live *l)
{
	int64_t due = due_soon(c);
	size_t i = 0;
	int r;

	for (i = 0; i < l->ops_n; i++)
		if (l->ops[i].kind == OP_DELETE && op_in_flight(&l->ops[i]))
			return -EBUSY;
	for (i = 0; i < l->ops_n;) {
		if (l->ops[i].kind == OP_DELETE) {
			r = finish_op(c, l, l->ops[i].id, OP_DONE);
			if (r < 0)
				return r;
			continue;
		}
		if (l->ops[i].due_ms > due)
			l->ops[i].due_ms = due;
		i++;
	}
	l->hidden = false;
	if (c->deletes_in_window)
		c->deletes_in_window--;
	return 0;
}
