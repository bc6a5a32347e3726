/* What people and programs want to know of one record, a base, a table and the
 * queue, as JSON. */
#include "describe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "identity.h"
#include "render.h"

int describe_text(json_t *j, char **ret)
{
	size_t n;
	char *text, *grown;
	int r = j ? render_json(j, true, &text, &n) : -ENOMEM;

	json_decref(j);
	if (r < 0)
		return r;
	grown = realloc(text, n + 2);
	if (!grown) {
		free(text);
		return -ENOMEM;
	}
	if (n == 0 || grown[n - 1] != '\n')
		grown[n++] = '\n';
	grown[n] = '\0';
	*ret = grown;
	return 0;
}

json_t *describe_time(int64_t ms)
{
	char when[25];

	if (ms <= 0)
		return json_null();
	clock_format_iso(ms, when);
	return json_string(when);
}

void describe_draft_id(const struct live *l,
		       char out[static DESCRIBE_DRAFT_ID_BUF])
{
	snprintf(out, DESCRIBE_DRAFT_ID_BUF, "d%u-%u", l->key.table,
		 l->key.seq);
}

/* ---- one record ---- */

static const char *state_of(const struct live *l)
{
	const char *state = "clean";
	size_t i;

	if (!l)
		return state;
	for (i = 0; i < l->ops_n; i++) {
		switch (l->ops[i].state) {
		case OP_CONFLICT:
		case OP_REJECTED:
			return op_state_name(l->ops[i].state);
		case OP_SENDING:
		case OP_UNKNOWN:
			state = op_state_name(l->ops[i].state);
			break;
		case OP_QUEUED:
			if (strcmp(state, "clean") == 0)
				state = "dirty";
			break;
		case OP_DONE:
			break;
		}
	}
	if (l->has_draft && l->error.err)
		return "invalid";
	return l->has_draft ? "dirty" : state;
}

static json_t *error_of(const struct save_error *e)
{
	json_t *j;

	if (!e->err)
		return json_null();
	j = json_object();
	json_object_set_new(j, "errno", json_string(strerrorname_np(-e->err)));
	json_object_set_new(j, "reason", json_string(e->reason));
	if (e->field[0])
		json_object_set_new(j, "field", json_string(e->field));
	if (e->line) {
		json_object_set_new(j, "line", json_integer(e->line));
		json_object_set_new(j, "column", json_integer(e->column));
	}
	if (e->hint[0])
		json_object_set_new(j, "hint", json_string(e->hint));
	return j;
}

/* Field ids as the names that people know. */
json_t *describe_by_name(const struct schema_table *st, const char *text)
{
	json_t *in = json_from_text(text), *out = json_object(), *v;
	const char *key;

	json_object_foreach(in, key, v) {
		const struct schema_field *f =
			st ? schema_find_field(st, key) : NULL;

		if (strncmp(key, "fld", 3) != 0) /* a note of ours */
			continue;
		json_object_set(out, f ? f->name : key, v);
	}
	json_decref(in);
	return out;
}

static json_t *op_json(struct cache *c, const struct live *l,
		       const struct live_op *lo, bool details)
{
	struct table *t = tree_table_locked(c, l->key.table);
	struct schema *s;
	const struct schema_table *st = tree_schema_locked(t, &s);
	struct op o = { 0 };
	json_t *j = json_object();

	json_object_set_new(j, "queue_id", json_integer(lo->id));
	json_object_set_new(j, "kind", json_string(op_kind_name(lo->kind)));
	json_object_set_new(j, "state", json_string(op_state_name(lo->state)));
	if (journal_get(c->journal, lo->id, false, &o) == 0) {
		json_object_set_new(j, "saved_at", describe_time(o.saved_ms));
		json_object_set_new(j, "tries", json_integer(o.tries));
		if (o.reason && o.err)
			json_object_set_new(j, "reason",
					    json_string(o.reason));
		if (details && o.kind != OP_DELETE) {
			json_object_set_new(j, "base", describe_by_name(st, o.before));
			json_object_set_new(j, "mine", describe_by_name(st, o.after));
			if (o.theirs)
				json_object_set_new(j, "theirs",
						    describe_by_name(st, o.theirs));
		}
		op_clear(&o);
	}
	schema_unref(s);
	return j;
}

static json_t *pending_of(struct cache *c, const struct live *l)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; l && i < l->ops_n; i++)
		json_array_append_new(list, op_json(c, l, &l->ops[i], true));
	return list;
}

static json_t *record_json(struct cache *c, struct table *t,
			   const struct store_row *row)
{
	struct live *l = live_find(&c->live,
				   (struct rec_key){ t->no, row->seq });
	json_t *j = json_object();
	bool real = row->id[0] == 'r';

	json_object_set_new(j, "id", real ? json_string(row->id) : json_null());
	json_object_set_new(j, "url",
			    real ? json_sprintf("https://airtable.com/%s/%s/%s",
						t->base->id.s, t->id.s,
						row->id) :
				   json_null());
	json_object_set_new(j, "state", json_string(state_of(l)));
	json_object_set_new(j, "synced_at", describe_time(t->fresh_at_ms));
	json_object_set_new(j, "error", l ? error_of(&l->error) : json_null());
	json_object_set_new(j, "pending", pending_of(c, l));
	return j;
}

int cache_describe_record(struct cache *c, struct rec_key key, char **ret)
{
	struct store_row row;
	struct table *t;
	json_t *j = NULL;
	int r = -ESTALE;

	lock_take(&c->mu);
	t = tree_table_locked(c, key.table);
	if (t)
		r = store_get(c->store, key.table, key.seq, STORE_META, &row);
	if (t && r == 0) {
		j = record_json(c, t, &row);
		store_row_release(&row);
	}
	lock_drop(&c->mu);
	return r < 0 ? (r == -ENOENT ? -ESTALE : r) : describe_text(j, ret);
}

/* ---- base and table ---- */

int cache_describe_base(struct cache *c, uint32_t base, char **ret)
{
	json_t *j = NULL;
	struct base *b;

	lock_take(&c->mu);
	b = tree_base_locked(c, base);
	if (b) {
		j = json_object();
		json_object_set_new(j, "id", json_string(b->id.s));
		json_object_set_new(j, "name", json_string(b->remote_name));
		json_object_set_new(j, "permissionLevel",
				    json_string(b->permission));
		json_object_set_new(j, "url",
				    json_sprintf("https://airtable.com/%s",
						 b->id.s));
		json_object_set_new(j, "schema_at", describe_time(b->schema_at_ms));
	}
	lock_drop(&c->mu);
	return j ? describe_text(j, ret) : -ESTALE;
}

int cache_describe_table(struct cache *c, uint32_t table, char **ret)
{
	const struct schema_table *st = NULL;
	struct schema *s = NULL;
	struct table *t;
	int r = -ESTALE;

	lock_take(&c->mu);
	t = tree_table_locked(c, table);
	if (t)
		st = tree_schema_locked(t, &s);
	lock_drop(&c->mu);
	if (st)
		r = describe_text(json_incref(st->json), ret);
	schema_unref(s);
	return r;
}

/* ---- what is unsent ---- */

static bool count_one(void *ctx, struct live *l)
{
	struct cache_unsent *u = ctx;
	bool goes = live_is_removed(l);
	size_t i;

	for (i = 0; i < l->ops_n; i++) {
		if (l->ops[i].state == OP_CONFLICT)
			u->conflicts += !goes;
		else if (l->ops[i].state == OP_REJECTED)
			u->rejected += !goes;
		else if (i == 0 || goes || (l->ops[0].state != OP_CONFLICT &&
				    l->ops[0].state != OP_REJECTED))
			u->queued++;
	}
	if (l->has_draft)
		u->drafts++;
	return true;
}

void cache_count_unsent_locked(struct cache *c, struct cache_unsent *ret)
{
	memset(ret, 0, sizeof(*ret));
	live_each(&c->live, count_one, ret);
	restore_count_locked(c, ret);
}

void cache_get_unsent(struct cache *c, struct cache_unsent *ret)
{
	lock_take(&c->mu);
	cache_count_unsent_locked(c, ret);
	lock_drop(&c->mu);
}

struct queue_ctx {
	struct cache *c;
	json_t *list;
};

static bool queue_one(void *ctx, struct live *l)
{
	struct queue_ctx *q = ctx;
	char path[3 * NAME_BUF];
	size_t i;

	path_of_locked(q->c, l, path, sizeof(path));
	for (i = 0; i < l->ops_n; i++) {
		json_t *j = op_json(q->c, l, &l->ops[i], false);

		json_object_set_new(j, "path", json_string(path));
		json_array_append_new(q->list, j);
	}
	if (l->has_draft) {
		char id[DESCRIBE_DRAFT_ID_BUF];

		describe_draft_id(l, id);
		json_array_append_new(
			q->list,
			json_pack("{s:s, s:s, s:s, s:s, s:o}",
				  "queue_id", id, "kind", "draft",
				  "state", l->error.err ? "invalid" : "open",
				  "path", path, "error",
				  error_of(&l->error)));
	}
	return true;
}

int cache_queue_json(struct cache *c, char **ret)
{
	struct queue_ctx q = { c, json_array() };

	lock_take(&c->mu);
	live_each(&c->live, queue_one, &q);
	restore_list_locked(c, q.list);
	lock_drop(&c->mu);
	return describe_text(q.list, ret);
}
