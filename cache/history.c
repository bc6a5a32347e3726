/* What was: earlier contents of a record, from the journal (what was saved
 * here) and from the cache (what the server said before it said otherwise),
 * and who changed what when. */
#include "save.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "describe.h"
#include "render.h"

#define OPS_MAX 200             /* of one record, or of all, that are told */
#define OF_CACHE (1u << 31)     /* numbers of the cache's versions */

struct content {
	struct cache_past past;
	int64_t at_ms;
};

struct contents {
	struct content *v;
	size_t n;
};

static int add_content(struct contents *s, uint32_t no, int64_t at_ms)
{
	struct content *p = realloc(s->v, (s->n + 1) * sizeof(*p));

	if (!p)
		return -ENOMEM;
	s->v = p;
	p[s->n].past.no = no;
	p[s->n++].at_ms = at_ms;
	return 0;
}

static int add_op(void *ctx, const struct op *o)
{
	if (o->kind == OP_DELETE || o->saved_ms <= 0)
		return 0;
	return add_content(ctx, (uint32_t)o->id, o->saved_ms);
}

static int older_first(const void *a, const void *b)
{
	const struct content *x = a, *y = b;

	if (x->at_ms != y->at_ms)
		return x->at_ms < y->at_ms ? -1 : 1;
	return x->past.no < y->past.no ? -1 : x->past.no > y->past.no;
}

static int by_number(const void *a, const void *b)
{
	const struct content *x = a, *y = b;

	return x->past.no < y->past.no ? -1 : x->past.no > y->past.no;
}

/* Times as names: two of the same millisecond are put after each other. */
static void name_all(struct contents *s)
{
	int64_t last = 0;
	char when[25];
	size_t i;

	if (s->n == 0)
		return;
	qsort(s->v, s->n, sizeof(*s->v), older_first);
	for (i = 0; i < s->n; i++) {
		if (s->v[i].at_ms <= last)
			s->v[i].at_ms = last + 1;
		last = s->v[i].at_ms;
		clock_format_iso(last, when);
		snprintf(s->v[i].past.name, NAME_BUF, "%s.json", when);
	}
}

static int record_of(struct cache *c, struct rec_key key,
		     char id[static ATFS_ID_MAX])
{
	struct store_row row;
	int r = store_get(c->store, key.table, key.seq, STORE_META, &row);

	if (r < 0)
		return r == -ENOENT ? -ESTALE : r;
	memcpy(id, row.id, ATFS_ID_MAX);
	store_row_release(&row);
	return 0;
}

static int load(struct cache *c, struct rec_key key, struct contents *s)
{
	struct store_version old[SAVE_RECENT_MAX];
	char id[ATFS_ID_MAX];
	int r, n, i;

	memset(s, 0, sizeof(*s));
	r = record_of(c, key, id);
	if (r == 0)
		r = journal_each_of_record(c->journal, id, OPS_MAX, add_op, s);
	n = r < 0 ? 0 : store_versions(c->store, key.table, key.seq,
				       SAVE_RECENT_MAX, old);
	for (i = 0; i < n; i++) {
		if (r == 0)
			r = add_content(s, OF_CACHE | (uint32_t)old[i].vid,
					old[i].at_ms);
		free(old[i].raw);
	}
	if (r == 0 && n < 0)
		r = n;
	if (r == 0)
		name_all(s);
	else
		free(s->v);
	return r;
}

int cache_list_history(struct cache *c, struct rec_key key, uint32_t after,
		       struct cache_past *ret, size_t max)
{
	struct contents s;
	size_t i, n = 0;
	int r = load(c, key, &s);

	if (r < 0)
		return r;
	if (s.n)
		qsort(s.v, s.n, sizeof(*s.v), by_number);
	for (i = 0; i < s.n && n < max; i++)
		if (s.v[i].past.no > after)
			ret[n++] = s.v[i].past;
	free(s.v);
	return (int)n;
}

int cache_find_history(struct cache *c, struct rec_key key, const char *name,
		       uint32_t *ret_no)
{
	struct contents s;
	size_t i;
	int r = load(c, key, &s);

	if (r < 0)
		return r;
	r = -ENOENT;
	for (i = 0; i < s.n && r < 0; i++) {
		if (strcmp(s.v[i].past.name, name) == 0) {
			*ret_no = s.v[i].past.no;
			r = 0;
		}
	}
	free(s.v);
	return r;
}

/* What was saved, without what the server alone knows. What is no record file
 * (a draft that was refused) stays as it is. */
static int saved_bytes(const struct op *o, char **ret)
{
	json_t *doc = json_loadb(o->bytes ? o->bytes : "", o->bytes_n,
				 JSON_ALLOW_NUL, NULL);

	if (json_is_object(json_object_get(doc, "fields"))) {
		json_object_del(doc, "createdTime");
		json_object_del(doc, "computed");
		return describe_text(doc, ret);
	}
	json_decref(doc);
	*ret = strndup(o->bytes ? o->bytes : "", o->bytes_n);
	return *ret ? 0 : -ENOMEM;
}

static int read_op(struct cache *c, const struct table_id *table, uint32_t no,
		   char **ret)
{
	struct op o = { 0 };
	int r = journal_get(c->journal, no, true, &o);

	if (r == 0 && strcmp(o.table.s, table->s) != 0)
		r = -ENOENT;
	if (r == 0)
		r = saved_bytes(&o, ret);
	op_clear(&o);
	return r;
}

static int read_version(struct cache *c, uint32_t table, uint32_t no,
			char **ret)
{
	struct rec_key key;
	char id[ATFS_ID_MAX], *raw = NULL;
	struct table *t;
	json_t *cells;
	size_t size;
	int r = store_version_get(c->store, no & ~OF_CACHE, &key.table,
				  &key.seq, &raw);

	if (r == 0 && key.table != table)
		r = -ENOENT;
	if (r == 0)
		r = record_of(c, key, id);
	if (r == 0) {
		cells = json_from_text(raw);
		lock_take(&c->mu);
		t = tree_table_locked(c, table);
		r = t ? save_render_past(c, t, id, cells, ret, &size) :
			-ESTALE;
		lock_drop(&c->mu);
		json_decref(cells);
	}
	free(raw);
	return r;
}

int cache_read_history(struct cache *c, uint32_t table, uint32_t no,
		       char **ret)
{
	struct table_id id = { "" };
	struct table *t;

	if (no & OF_CACHE)
		return read_version(c, table, no, ret);
	lock_take(&c->mu);
	t = tree_table_locked(c, table);
	if (t)
		id = t->id;
	lock_drop(&c->mu);
	return read_op(c, &id, no, ret);
}

/* ---- who, when, what ---- */

struct telling {
	struct cache *c;
	json_t *list;
	json_t *ours; /* {"fld...": [shown, ...]}: what we ever wrote */
};

static const char *state_word(const struct op *o)
{
	if (o->state != OP_DONE)
		return op_state_name(o->state);
	return o->err == OP_ERR_CANCELLED ? "cancelled" :
	       o->err == OP_ERR_FOLDED	  ? "superseded" :
	       o->err			  ? "rejected" :
					    "sent";
}

static json_t *change_json(const json_t *before, const json_t *after)
{
	return json_pack("{s:O, s:O}", "before",
			 before ? before : json_null(), "after",
			 after ? after : json_null());
}

static json_t *op_fields(const struct schema_table *st, const struct op *o)
{
	json_t *before = describe_by_name(st, o->before), *v;
	json_t *after = describe_by_name(st, o->after), *out = json_object();
	const char *key;

	json_object_foreach(after, key, v)
		json_object_set_new(
			out, key, change_json(json_object_get(before, key), v));
	json_decref(before);
	json_decref(after);
	return out;
}

static void note_ours(json_t *ours, const struct op *o)
{
	json_t *after = json_from_text(o->after), *v, *list;
	const char *key;

	json_object_foreach(after, key, v) {
		list = json_object_get(ours, key);
		if (!list) {
			list = json_array();
			json_object_set_new(ours, key, list);
		}
		json_array_append(list, v);
	}
	json_decref(after);
}

static int tell_op(void *ctx, const struct op *o)
{
	struct telling *s = ctx;
	struct schema *sc = NULL;
	const struct schema_table *st = NULL;
	struct table *t;
	json_t *j;

	if (o->state == OP_DONE && o->err == 0)
		note_ours(s->ours, o);
	if (o->state == OP_DONE && o->err == OP_ERR_FOLDED)
		return 0; /* part of another one */
	j = json_object();
	lock_take(&s->c->mu);
	t = tree_find_table_locked(s->c, &o->base, &o->table);
	if (t)
		st = tree_schema_locked(t, &sc);
	json_object_set_new(j, "id", json_integer(o->id));
	json_object_set_new(j, "time", describe_time(o->saved_ms));
	json_object_set_new(j, "by", json_string("here"));
	json_object_set_new(j, "kind", json_string(op_kind_name(o->kind)));
	json_object_set_new(j, "state", json_string(state_word(o)));
	json_object_set_new(j, "path",
			    json_sprintf("%s/%s/%s",
					 t ? t->base->name : o->base.s,
					 t ? t->name : o->table.s, o->name));
	json_object_set_new(j, "record", json_string(o->record));
	if (o->err && o->reason && o->state != OP_DONE)
		json_object_set_new(j, "reason", json_string(o->reason));
	json_object_set_new(j, "fields", op_fields(st, o));
	lock_drop(&s->c->mu);
	schema_unref(sc);
	json_array_append_new(s->list, j);
	return 0;
}

static bool is_ours(const struct telling *s, const char *field,
		    const json_t *now)
{
	json_t *v;
	size_t i;

	json_array_foreach(json_object_get(s->ours, field), i, v)
		if (value_means_same(v, now))
			return true;
	return false;
}

/* What others changed between two answers; NULL if nothing. */
static json_t *step_fields(const struct telling *s,
			   const struct schema_table *st, const json_t *then,
			   const json_t *now)
{
	json_t *out = json_object();
	size_t i;

	for (i = 0; i < st->fields_n; i++) {
		const struct schema_field *f = &st->fields[i];
		json_t *a, *b;

		if (f->computed || f->hidden)
			continue;
		a = render_value(f, json_object_get(then, f->id.s));
		b = render_value(f, json_object_get(now, f->id.s));
		if (!value_equal(a, b) && !is_ours(s, f->id.s, b))
			json_object_set_new(out, f->name, change_json(a, b));
		json_decref(a);
		json_decref(b);
	}
	if (json_object_size(out))
		return out;
	json_decref(out);
	return NULL;
}

static void tell_step(struct telling *s, const struct schema_table *st,
		      const char *path, const char *record, int64_t at_ms,
		      const json_t *then, const json_t *now)
{
	json_t *fields = step_fields(s, st, then, now), *j;

	if (!fields)
		return;
	j = json_object();
	json_object_set_new(j, "id", json_null());
	json_object_set_new(j, "time", describe_time(at_ms));
	json_object_set_new(j, "by", json_string("elsewhere"));
	json_object_set_new(j, "kind", json_string("update"));
	json_object_set_new(j, "state", json_string("seen"));
	json_object_set_new(j, "path", json_string(path));
	json_object_set_new(j, "record", json_string(record));
	json_object_set_new(j, "fields", fields);
	json_array_append_new(s->list, j);
}

static int tell_versions(struct telling *s, struct rec_key key)
{
	struct store_version old[SAVE_RECENT_MAX];
	struct cache *c = s->c;
	char path[3 * NAME_BUF];
	const struct schema_table *st = NULL;
	struct schema *sc = NULL;
	struct store_row row;
	struct table *t;
	json_t *now, *then;
	int n, i, r = store_get(c->store, key.table, key.seq, STORE_RAW, &row);

	if (r < 0)
		return r == -ENOENT ? -ESTALE : r;
	n = store_versions(c->store, key.table, key.seq, SAVE_RECENT_MAX, old);
	lock_take(&c->mu);
	t = tree_table_locked(c, key.table);
	if (t)
		st = tree_schema_locked(t, &sc);
	snprintf(path, sizeof(path), "%s/%s/%s", t ? t->base->name : "?",
		 t ? t->name : "?", row.name);
	lock_drop(&c->mu);
	now = json_from_text(row.raw);
	for (i = 0; i < n; i++) {
		then = json_from_text(old[i].raw);
		if (st)
			tell_step(s, st, path, row.id, old[i].at_ms, then, now);
		json_decref(now);
		now = then;
		free(old[i].raw);
	}
	json_decref(now);
	schema_unref(sc);
	store_row_release(&row);
	return n < 0 ? n : 0;
}

static const char *time_text(const json_t *entry)
{
	const char *s = json_string_value(json_object_get(entry, "time"));

	return s ? s : "";
}

static int newer_first(const void *a, const void *b)
{
	return strcmp(time_text(*(json_t *const *)b),
		      time_text(*(json_t *const *)a));
}

/* Two sorted streams become one. */
static json_t *sorted(json_t *list)
{
	size_t n = json_array_size(list), i;
	json_t **v = calloc(n + 1, sizeof(*v)), *out = json_array();

	for (i = 0; v && i < n; i++)
		v[i] = json_array_get(list, i);
	if (v && n)
		qsort(v, n, sizeof(*v), newer_first);
	for (i = 0; v && i < n; i++)
		json_array_append(out, v[i]);
	free(v);
	json_decref(list);
	return out;
}

int cache_history_json(struct cache *c, struct rec_key key, char **ret)
{
	struct telling s = { c, json_array(), json_object() };
	char id[ATFS_ID_MAX];
	int r = 0;

	if (key.seq == 0) {
		r = journal_each_recent(c->journal, OPS_MAX, tell_op, &s);
	} else {
		r = record_of(c, key, id);
		if (r == 0)
			r = journal_each_of_record(c->journal, id, OPS_MAX,
						   tell_op, &s);
		if (r == 0)
			r = tell_versions(&s, key);
		if (r == 0)
			s.list = sorted(s.list);
	}
	json_decref(s.ours);
	if (r < 0) {
		json_decref(s.list);
		return r;
	}
	return describe_text(s.list, ret);
}
