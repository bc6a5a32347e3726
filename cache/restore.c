/* What earlier mounts left in the journal: operations and drafts find their
 * records again. Where the cache was deleted meanwhile, the table or the row
 * is not known yet; such ones wait as orphans, and the server is asked. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

struct orphan {
	struct base_id base;
	struct table_id table;
	char record[ATFS_ID_MAX];
	char name[NAME_BUF];
	/* an operation, or (id 0) a draft */
	int64_t id;
	enum op_kind kind;
	enum op_state state;
	int64_t due_ms, saved_ms;
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

static int load_op(void *ctx, const struct op *op)
{
	struct orphan o = { .base = op->base, .table = op->table,
			    .id = op->id, .kind = op->kind,
			    .state = op->state, .due_ms = op->not_before_ms,
			    .saved_ms = op->saved_ms };

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

	if (state != OP_UNKNOWN || (o->kind == OP_CREATE && o->record[0] != 'r'))
		return state;
	if (journal_get(c->journal, o->id, false, &op) < 0)
		return state;
	/* a create that has its record id already is done */
	state = o->kind == OP_CREATE ? OP_DONE : OP_QUEUED;
	if (journal_set_state(c->journal, &op, state) < 0)
		state = o->state;
	op_clear(&op);
	return state;
}

static void show_saved(struct cache *c, struct live *l, const struct orphan *o)
{
	struct op op = { 0 };

	if (o->kind == OP_DELETE) {
		l->hidden = true;
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

static bool attach(struct cache *c, const struct table *t, struct orphan *o)
{
	struct live *l = live_for(c, t, o);
	enum op_state state;

	if (!l)
		return false;
	if (o->id == 0) {
		(void)draft_attach_locked(c, l, &o->draft);
		free(o->draft.reason);
		(void)live_settle(&c->live, l);
		return true;
	}
	state = settle_unknown(c, o);
	if (state != OP_DONE && live_add_op(l, o->id, o->kind, state,
					    o->due_ms))
		show_saved(c, l, o);
	(void)live_settle(&c->live, l);
	return true;
}

void restore_attach_locked(struct cache *c, const struct table *t)
{
	size_t i, left = 0;
	bool any = false;

	for (i = 0; i < c->orphans_n; i++) {
		struct orphan *o = &c->orphans[i];

		if (strcmp(o->table.s, t->id.s) == 0 && attach(c, t, o))
			any = true;
		else
			c->orphans[left++] = *o;
	}
	c->orphans_n = left;
	if (any && c->flush)
		flush_kick(c, false);
}

int restore_load(struct cache *c)
{
	size_t i;
	int r = journal_each_open(c->journal, load_op, c);

	if (r == 0)
		r = journal_each_draft(c->journal, load_draft, c);
	for (i = 0; r == 0 && i < c->tables_n; i++)
		if (c->tables[i])
			restore_attach_locked(c, c->tables[i]);
	return r;
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
		struct table *t = tree_find_table_locked(c, &o->table);
		struct base *b = base_by_id(c, &o->base);

		if (t && !t->complete)
			fetch_want_table_locked(c, t);
		else if (!t && b && !b->schema)
			fetch_want_schema_locked(c, b);
		else if (!b && !c->bases_known)
			fetch_want_bases_locked(c);
	}
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
