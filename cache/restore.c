/* What earlier mounts left in the journal: operations and drafts find their
 * records again. Where the cache was deleted meanwhile, the table or the row
 * is not known yet; such ones wait as orphans, and the server is asked. The
 * cache may also lag behind the journal, after a kill by one step, after a loss
 * of power by much: what its rows say is believed only once the table was
 * listed in full in this life. */
#include "describe.h"

#include "crash.h"

#include <stdlib.h>
#include <string.h>

#define WANT_AGAIN_NS (10 * NS_PER_S) /* ours */

struct orphan {
	struct base_id base;
	struct table_id table;
	char record[ATFS_ID_MAX];
	char name[NAME_BUF];
	/* an operation, or (id 0) a draft */
	int64_t id;
	enum op_kind kind;
	enum op_state state;
	int64_t due_ms, saved_ms, after_id;
	bool maybe;
	struct draft_row draft;
};

static int add(struct cache *c, const struct orphan *o)
{
	struct orphan *p = realloc(c->orphans,
				   (c->orphans_n + 1) * sizeof(*p));

	if (!p)
		return -ENOMEM;
	c->orphans = p;
	p[c->orphans_n++] = *o;
	return 0;
}

/* Its row may not say so yet. */
static int create_done(struct cache *c, const struct orphan *o)
{
	struct table *t = tree_find_table_locked(c, &o->base, &o->table);
	struct op op = { 0 };
	int r = journal_get(c->journal, o->id, false, &op);

	if (r == 0)
		r = journal_set_state(c->journal, &op, OP_DONE);
	op_clear(&op);
	if (t)
		t->behind = true;
	return r;
}

static int load_op(void *ctx, const struct op *op)
{
	struct orphan o = { .base = op->base, .table = op->table,
			    .id = op->id, .kind = op->kind,
			    .state = op->state, .due_ms = op->not_before_ms,
			    .saved_ms = op->saved_ms };

	struct cache *c = ctx;
	json_t *before;

	/* the server gave it its id: it is done */
	if (o.kind == OP_CREATE && o.record[0] == 'r' && o.state == OP_UNKNOWN)
		return create_done(c, &o);
	before = json_from_text(op->before);
	o.after_id = json_integer_value(json_object_get(before, "after_op"));
	o.maybe = (op->kind == OP_CREATE && json_object_get(before, OP_SENT)) ||
		  (op->kind == OP_DELETE && (json_object_get(before, OP_SENT) ||
					     op->state == OP_UNKNOWN));
	if (json_object_get(before, "copy_of"))
		c->copies++;
	json_decref(before);
	memcpy(o.record, op->record, sizeof(o.record));
	memcpy(o.name, op->name, sizeof(o.name));
	return add(ctx, &o);
}

static int load_draft(void *ctx, const struct draft_row *d)
{
	struct orphan o = { .base = d->base, .table = d->table, .draft = *d };

	o.draft.reason = d->reason ? strdup(d->reason) : NULL;
	memcpy(o.record, d->record, sizeof(o.record));
	memcpy(o.name, d->name, sizeof(o.name));
	return add(ctx, &o);
}

/* A row for a local record that the cache does not have (any more). */
static int make_row(struct cache *c, const struct table *t,
		    const struct orphan *o, uint32_t *seq)
{
	char name[NAME_BUF];
	int r = store_begin(c->store);

	if (r < 0)
		return r;
	r = store_put_local(c->store, t->no, o->record, o->name, o->saved_ms,
			    seq);
	if (r == -EEXIST) {
		char text[NAME_BUF];

		if (name_to_text(o->name, RECORD_SUFFIX, text) < 0)
			text[0] = '\0';
		name_make(text, strlen(text), o->record, true, RECORD_SUFFIX,
			  name);
		r = store_put_local(c->store, t->no, o->record, name,
				    o->saved_ms, seq);
	}
	return r == 0 ? store_commit(c->store) : (store_rollback(c->store), r);
}

static struct live *live_for(struct cache *c, const struct table *t,
			     const struct orphan *o)
{
	struct rec_key key = { t->no, 0 };
	struct store_row row;
	struct live *l;
	int r = store_find_id(c->store, t->no, o->record, STORE_META, &row);

	if (r == 0) {
		key.seq = row.seq;
		l = live_get(&c->live, key, o->record, row.name);
		store_row_release(&row);
		return l;
	}
	if (r != -ENOENT || o->record[0] == 'r' ||
	    make_row(c, t, o, &key.seq) < 0)
		return NULL;
	crash_at(CRASH_RESTORED_ROW);
	r = store_get(c->store, t->no, key.seq, STORE_META, &row);
	if (r < 0)
		return NULL;
	l = live_get(&c->live, key, o->record, row.name);
	store_row_release(&row);
	return l;
}

/* What was on its way when the process died: an update or a delete may be
 * repeated, a create has to be looked for. */
static enum op_state settle_unknown(struct cache *c, const struct orphan *o)
{
	enum op_state state = o->state;
	struct op op = { 0 };

	if (state != OP_UNKNOWN || o->kind == OP_CREATE)
		return state;
	if (journal_get(c->journal, o->id, false, &op) < 0)
		return state;
	if (o->kind != OP_CREATE)
		flush_note_sent(c, &op);
	state = OP_QUEUED;
	if (journal_set_state(c->journal, &op, state) < 0)
		state = o->state;
	crash_at(CRASH_RESTORED_UNKNOWN);
	op_clear(&op);
	return state;
}

static void show_saved(struct cache *c, struct live *l, const struct orphan *o)
{
	struct op op = { 0 };

	if (o->kind == OP_DELETE) {
		l->hidden = o->state != OP_REJECTED;
		return;
	}
	if (journal_get(c->journal, o->id, true, &op) < 0)
		return;
	if (op.bytes) {
		l->size = (int64_t)op.bytes_n;
		l->mtime_ms = op.saved_ms;
	}
	if (op.state == OP_REJECTED || op.state == OP_CONFLICT)
		save_error_set(&l->error, op.err ? op.err : -EIO, "%s",
			       op.reason ? op.reason : "refused");
	op_clear(&op);
}

static int set_name(struct cache *c, struct live *l, const char *name,
		    const char *primary)
{
	int r = store_begin(c->store);

	if (r < 0)
		return r;
	r = store_set_name(c->store, l->key.table, l->key.seq, name, primary);
	if (r < 0) {
		store_rollback(c->store);
		return r;
	}
	r = store_commit(c->store);
	if (r == 0)
		memcpy(l->name, name, sizeof(l->name));
	return r;
}

/* A row that came new from the server has the server's name; one that an unsent
 * change of the primary field gave it is known to the journal alone. */
static void name_as_saved(struct cache *c, const struct table *t,
			  struct live *l, const struct orphan *o)
{
	struct op op = { 0 };
	struct schema *s = NULL;
	const struct schema_table *st;
	char name[NAME_BUF] = "", *text = NULL;
	json_t *after = NULL, *v = NULL;

	if (o->id == 0 || o->kind != OP_UPDATE || o->state == OP_CONFLICT ||
	    o->state == OP_REJECTED ||
	    journal_get(c->journal, o->id, false, &op) < 0)
		return;
	st = tree_schema_locked(t, &s);
	after = json_from_text(op.after);
	if (st && st->primary < st->fields_n)
		v = json_object_get(after, st->fields[st->primary].id.s);
	if (v)
		text = recfile_primary_text(st, after);
	if (text)
		name_make(text, strlen(text), l->record, false, RECORD_SUFFIX,
			  name);
	if (text && strcmp(name, l->name) != 0 &&
	    set_name(c, l, name, text) == -EEXIST) {
		name_make(text, strlen(text), l->record, true, RECORD_SUFFIX,
			  name);
		(void)set_name(c, l, name, text);
	}
	free(text);
	json_decref(after);
	schema_unref(s);
	op_clear(&op);
}

/* fresh: the row may just have come from the server. */
static bool attach(struct cache *c, const struct table *t, struct orphan *o,
		   bool fresh)
{
	struct live *l = live_for(c, t, o);
	enum op_state state;

	if (!l)
		return false;
	if (o->id == 0) {
		/* not even an empty file was on the disk */
		if (draft_attach_locked(c, l, &o->draft) == -ENOENT &&
		    live_is_local(l) && l->ops_n == 0)
			(void)save_forget_local_locked(c, l);
		free(o->draft.reason);
		(void)live_settle(&c->live, l);
		return true;
	}
	if (fresh)
		name_as_saved(c, t, l, o);
	state = settle_unknown(c, o);
	/* what another mount left goes out at once; a removal keeps its time */
	if (state != OP_DONE &&
	    live_add_op(l, o->id, o->kind, state,
			o->kind == OP_DELETE ? o->due_ms : 0)) {
		l->ops[l->ops_n - 1].after_id = o->after_id;
		l->ops[l->ops_n - 1].maybe = o->maybe;
		show_saved(c, l, o);
	}
	(void)live_settle(&c->live, l);
	return true;
}

static void attach_all(struct cache *c, const struct table *t, bool fresh)
{
	size_t i, left = 0;
	bool any = false;

	for (i = 0; i < c->orphans_n; i++) {
		struct orphan *o = &c->orphans[i];

		if (strcmp(o->table.s, t->id.s) == 0 &&
		    strcmp(o->base.s, t->base->id.s) == 0 &&
		    attach(c, t, o, fresh))
			any = true;
		else
			c->orphans[left++] = *o;
	}
	c->orphans_n = left;
	if (any && c->flush)
		flush_kick(c);
}

void restore_attach_locked(struct cache *c, const struct table *t)
{
	attach_all(c, t, true);
}

static int drop_row(struct cache *c, const struct store_row *row)
{
	int r = store_begin(c->store);

	if (r < 0)
		return r;
	r = store_remove(c->store, row->table_no, row->seq);
	return r == 0 ? store_commit(c->store) : (store_rollback(c->store), r);
}

/* Rows of new records of which the journal knows nothing: the process died
 * before there was anything in them, or when they had just got their id. */
static int drop_ghosts(struct cache *c, struct table *t)
{
	char after[ATFS_ID_MAX] = "";
	struct store_row row;
	int r;

	while ((r = store_next_local(c->store, t->no, after, &row)) == 0) {
		struct rec_key key = { t->no, row.seq };

		id_copy(after, row.id);
		if (!live_find(&c->live, key)) {
			r = drop_row(c, &row);
			t->behind = true;
		}
		store_row_release(&row);
		if (r < 0)
			return r;
	}
	return r == -ENOENT ? 0 : r;
}

int restore_load(struct cache *c)
{
	size_t i;
	int r = journal_each_open(c->journal, load_op, c);

	if (r == 0)
		r = journal_each_draft(c->journal, load_draft, c);
	for (i = 0; r == 0 && i < c->tables_n; i++) {
		if (!c->tables[i])
			continue;
		attach_all(c, c->tables[i], false);
		r = drop_ghosts(c, c->tables[i]);
	}
	for (i = 0; i < c->orphans_n; i++) {
		struct orphan *o = &c->orphans[i];
		struct table *t = tree_find_table_locked(c, &o->base,
							 &o->table);

		if (t)
			t->behind = true;
	}
	return r;
}

static void settle_gone(struct cache *c, const struct table *t,
			struct orphan *o)
{
	static const char reason[] = "the record was deleted on the server";
	char path[3 * NAME_BUF];
	struct op op = { 0 };
	int r = journal_get(c->journal, o->id, false, &op);

	if (r < 0)
		return;
	if (op.kind == OP_DELETE) {
		if (op.state == OP_UNKNOWN || op.state == OP_QUEUED)
			r = journal_set_state(c->journal, &op, OP_DONE);
		o->state = op.state;
		op_clear(&op);
		return;
	}
	op.err = -ENOENT;
	free(op.reason);
	op.reason = strdup(reason);
	if (op.state == OP_UNKNOWN)
		r = journal_set_state(c->journal, &op, OP_QUEUED);
	if (r == 0 && op.state == OP_QUEUED)
		r = journal_set_state(c->journal, &op, OP_SENDING);
	if (r == 0 && op.state == OP_SENDING)
		r = journal_set_state(c->journal, &op, OP_REJECTED);
	o->state = op.state;
	snprintf(path, sizeof(path), "%s/%s/%s", t->base->name, t->name,
		 o->name);
	log_warn("'%s' cannot be sent: %s", path, reason);
	errlog_add(c, path, -ENOENT, "", 0, 0, reason,
		   "the bytes are kept in the journal");
	op_clear(&op);
}

void restore_settle_locked(struct cache *c, const struct table *t)
{
	size_t i, left = 0;

	for (i = 0; i < c->orphans_n; i++) {
		struct orphan *o = &c->orphans[i];

		if (o->id && o->record[0] == 'r' && o->state != OP_REJECTED &&
		    o->state != OP_CONFLICT &&
		    strcmp(o->table.s, t->id.s) == 0 &&
		    strcmp(o->base.s, t->base->id.s) == 0)
			settle_gone(c, t, o);
		if (o->id == 0 || o->state != OP_DONE)
			c->orphans[left++] = *o;
	}
	c->orphans_n = left;
	if (c->flush)
		flush_kick(c);
}

void restore_count_locked(const struct cache *c, struct cache_unsent *u)
{
	size_t i;

	for (i = 0; i < c->orphans_n; i++) {
		if (c->orphans[i].id == 0)
			u->drafts++;
		else if (c->orphans[i].state == OP_REJECTED)
			u->rejected++;
		else if (c->orphans[i].state == OP_CONFLICT)
			u->conflicts++;
		else
			u->queued++;
	}
}

static void path_of_orphan(struct cache *c, const struct orphan *o, char *buf,
			   size_t n)
{
	const struct table *t = tree_find_table_locked(c, &o->base, &o->table);

	snprintf(buf, n, "%s/%s/%s", t ? t->base->name : o->base.s,
		 t ? t->name : o->table.s, o->name);
}

void restore_list_locked(struct cache *c, json_t *list)
{
	char path[3 * NAME_BUF];
	size_t i;

	for (i = 0; i < c->orphans_n; i++) {
		const struct orphan *o = &c->orphans[i];
		struct op op = { 0 };
		json_t *j;

		if (o->id == 0 || journal_get(c->journal, o->id, false, &op) < 0)
			continue;
		path_of_orphan(c, o, path, sizeof(path));
		j = json_object();
		json_object_set_new(j, "queue_id", json_integer(o->id));
		json_object_set_new(j, "kind",
				    json_string(op_kind_name(op.kind)));
		json_object_set_new(j, "state",
				    json_string(op_state_name(op.state)));
		json_object_set_new(j, "saved_at", describe_time(op.saved_ms));
		json_object_set_new(j, "tries", json_integer(op.tries));
		if (op.err && op.reason)
			json_object_set_new(j, "reason",
					    json_string(op.reason));
		json_object_set_new(j, "path", json_string(path));
		json_array_append_new(list, j);
		op_clear(&op);
	}
}

static int cancel_orphan(struct cache *c, struct orphan *o)
{
	struct op op = { 0 };
	int r = journal_get(c->journal, o->id, false, &op);

	if (r < 0)
		return r;
	op.err = OP_ERR_CANCELLED;
	if (op.state == OP_UNKNOWN || op.state == OP_SENDING)
		r = -EBUSY;
	else
		r = journal_set_state(c->journal, &op, OP_DONE);
	op_clear(&op);
	return r;
}

void restore_act_locked(struct cache *c, const char *id, bool cancel,
			unsigned *found, int *err)
{
	size_t i, left = 0;

	for (i = 0; i < c->orphans_n; i++) {
		struct orphan *o = &c->orphans[i];
		char no[32];
		int r = -EAGAIN; /* its record is not found yet */

		snprintf(no, sizeof(no), "%lld", (long long)o->id);
		if (o->id && (!id || strcmp(id, no) == 0)) {
			if (cancel)
				r = cancel_orphan(c, o);
			(*found)++;
			if (*err == 0)
				*err = r;
		}
		if (r < 0)
			c->orphans[left++] = *o;
	}
	c->orphans_n = left;
}

static struct base *base_by_id(struct cache *c, const struct base_id *id)
{
	size_t i;

	for (i = 0; i < c->bases_n; i++)
		if (c->bases[i] && strcmp(c->bases[i]->id.s, id->s) == 0)
			return c->bases[i];
	return NULL;
}

void restore_want_locked(struct cache *c)
{
	size_t i;

	for (i = 0; i < c->orphans_n; i++) {
		struct orphan *o = &c->orphans[i];
		struct table *t = tree_find_table_locked(c, &o->base,
							 &o->table);
		struct base *b = base_by_id(c, &o->base);

		if (t && (!t->complete || t->behind))
			fetch_want_table_locked(c, t, API_INTERACTIVE);
		else if (!t && b && !b->schema)
			fetch_want_schema_locked(c, b, API_INTERACTIVE);
		else if (!b && !c->bases_known)
			fetch_want_bases_locked(c, API_INTERACTIVE);
	}
	for (i = 0; i < c->tables_n; i++)
		if (c->tables[i] && c->tables[i]->behind)
			fetch_want_table_locked(c, c->tables[i], API_REFRESH);
}

static bool is_missed_locked(const struct cache *c)
{
	for (size_t i = 0; i < c->tables_n; i++)
		if (c->tables[i] && c->tables[i]->behind)
			return true;
	return c->orphans_n > 0;
}

static void want_again(void *arg)
{
	struct cache *c = arg;

	lock_take(&c->mu);
	restore_want_locked(c);
	lock_drop(&c->mu);
}

void restore_want_later_locked(struct cache *c)
{
	if (!is_missed_locked(c) || c->want_timer.armed || c->stopping)
		return;
	c->want_timer.fn = want_again;
	c->want_timer.arg = c;
	loop_timer_set(c->loop, &c->want_timer, WANT_AGAIN_NS);
}

void restore_free(struct cache *c)
{
	size_t i;

	for (i = 0; i < c->orphans_n; i++)
		free(c->orphans[i].draft.reason);
	free(c->orphans);
	c->orphans = NULL;
	c->orphans_n = 0;
}
