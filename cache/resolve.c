/* Conflicts: their three versions, and their end by a word of the user. Saving
 * the file ends one as well (save.c); so does a check that finds the server's
 * value back at the base (flush_send.c, after retry). */
#include "save.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "describe.h"
#include "render.h"

#define JOINT "\n\n---\n\n" /* between two texts; a rule in rich text */

static struct live_op *conflict_of(struct live *l)
{
	size_t i;

	for (i = 0; l && i < l->ops_n; i++)
		if (l->ops[i].state == OP_CONFLICT && !l->ops[i].busy)
			return &l->ops[i];
	return NULL;
}

/* ---- both ---- */

static json_t *join_texts(const json_t *theirs, const json_t *mine)
{
	const char *t = json_string_value(theirs), *m = json_string_value(mine);

	if (!t || !m || strstr(m, t)) /* it holds the other one already */
		return m ? json_incref((json_t *)mine) : NULL;
	if (strstr(t, m))
		return json_incref((json_t *)theirs);
	return json_sprintf("%s" JOINT "%s", t, m);
}

/* Makes of mine what holds both, where the field can; else mine stays. */
static void combine(const struct schema_field *f, json_t *changes,
		    json_t *after, const json_t *theirs)
{
	json_t *mine = json_object_get(after, f->id.s), *shown = NULL;
	json_t *write = NULL;

	if (f->type == FIELD_MULTILINE_TEXT || f->type == FIELD_RICH_TEXT) {
		shown = join_texts(theirs, mine);
		write = json_incref(shown);
	} else if (!merge_lists(f, NULL, mine,
				json_object_get(changes, f->id.s), theirs,
				&shown, &write)) {
		return;
	}
	if (shown) {
		json_object_set_new(after, f->id.s, shown);
		json_object_set_new(changes, f->id.s, write);
	}
}

/* ---- the word ---- */

static void settle_fields(const struct schema_table *st,
			  struct recfile_edit *e, json_t *theirs,
			  enum cache_resolution how)
{
	const char *key;
	json_t *v;

	json_object_foreach(theirs, key, v) {
		const struct schema_field *f = schema_find_field(st, key);

		if (how == CACHE_THEIRS) {
			json_object_del(e->changes, key);
			json_object_del(e->before, key);
			json_object_del(e->after, key);
			continue;
		}
		if (how == CACHE_BOTH && f)
			combine(f, e->changes, e->after, v);
		json_object_set(e->before, key, v);
	}
}

/* The operation with what is left of it goes into the queue again. */
static int queue_again(struct cache *c, struct live *l, struct op *o,
		       const struct recfile_edit *e, char *bytes, size_t n)
{
	struct live_op *lo;
	int r = save_set_edit(o, e);

	if (r < 0)
		return r;
	o->err = 0;
	free(o->reason);
	free(o->theirs);
	o->reason = o->theirs = NULL;
	o->not_before_ms = save_due_soon(c);
	free(o->bytes);
	o->bytes = bytes; /* NULL keeps the stored ones */
	o->bytes_n = n;
	r = journal_fold(c->journal, o, NULL, 0);
	lo = live_find_op(l, o->id);
	if (r == 0 && lo) {
		lo->state = OP_QUEUED;
		lo->due_ms = o->not_before_ms;
		if (bytes)
			l->size = (int64_t)n;
		l->mtime_ms = clock_wall_ms(c->clock);
		l->error.err = 0;
	}
	return r;
}

static int resolve_update(struct cache *c, struct live *l, struct op *o,
			  enum cache_resolution how, struct after *a)
{
	struct recfile_edit e = { .changes = json_from_text(o->changes),
				  .before = json_from_text(o->before),
				  .after = json_from_text(o->after) };
	json_t *theirs = json_from_text(o->theirs);
	struct save_judging j;
	char *bytes = NULL;
	size_t n = 0;
	int r = save_judging_begin(c, l, &j);

	if (r == 0) {
		settle_fields(j.st, &e, theirs, how);
		if (json_object_size(e.changes) == 0) {
			r = save_finish_op(c, l, o->id, OP_ERR_CANCELLED);
			if (r == 0)
				r = save_present_stored(c, l, a);
		} else {
			if (how != CACHE_MINE)
				r = save_render_over(c, l, &j, &e, &bytes, &n);
			if (r == 0)
				r = queue_again(c, l, o, &e, bytes, n);
		}
		save_judging_release(&j);
	}
	json_decref(theirs);
	recfile_edit_release(&e);
	return r;
}

/* Several records like the one that was to be made are there. */
static int resolve_create(struct cache *c, struct live *l, struct op *o,
			  enum cache_resolution how, struct after *a)
{
	struct rec_key key = l->key;
	char name[NAME_BUF];
	int r;

	if (how == CACHE_THEIRS) {
		memcpy(name, l->name, sizeof(name));
		r = save_finish_op(c, l, o->id, OP_ERR_CANCELLED);
		if (r == 0)
			r = save_forget_local_locked(c, l);
		if (r == 0)
			after_gone(a, key.table, name, key);
		return r;
	}
	free(o->bytes);
	o->bytes = NULL;
	return journal_set_state(c->journal, o, OP_QUEUED);
}

int cache_resolve(struct cache *c, struct rec_key key,
		  enum cache_resolution how)
{
	struct after a = { 0 };
	struct op o = { 0 };
	struct live_op *lo;
	struct live *l;
	int r = -ENOENT;

	lock_take(&c->mu);
	l = live_find(&c->live, key);
	lo = conflict_of(l);
	if (c->conf.read_only)
		r = -EROFS;
	else if (lo)
		r = journal_get(c->journal, lo->id, false, &o);
	if (lo && r == 0) {
		if (o.kind == OP_UPDATE) {
			r = resolve_update(c, l, &o, how, &a);
		} else {
			r = resolve_create(c, l, &o, how, &a);
			if (r == 0 && how != CACHE_THEIRS) {
				lo->state = OP_QUEUED;
				lo->due_ms = save_due_soon(c);
			}
		}
		if (r == 0) {
			l->error.err = 0;
			after_record(&a, key);
			flush_kick(c);
		}
		(void)live_settle(&c->live, l);
	}
	op_clear(&o);
	lock_drop(&c->mu);
	after_run(c, &a);
	return r;
}

/* ---- the three versions ---- */

struct listed {
	struct cache *c;
	uint32_t table, after;
	struct cache_entry *e;
	size_t n, max;
};

/* Keeps the max smallest in order. */
static bool list_one(void *ctx, struct live *l)
{
	struct listed *s = ctx;
	size_t i;

	if (l->key.table != s->table || l->key.seq <= s->after ||
	    !conflict_of(l))
		return true;
	for (i = s->n; i > 0 && s->e[i - 1].st.key.seq > l->key.seq; i--)
		if (i < s->max)
			s->e[i] = s->e[i - 1];
	if (i == s->max)
		return true;
	memset(&s->e[i], 0, sizeof(s->e[i]));
	s->e[i].st.key = l->key;
	memcpy(s->e[i].name, l->name, NAME_BUF);
	if (s->c->conf.names_by_id && !live_is_local(l))
		snprintf(s->e[i].name, NAME_BUF, "%s%s", l->record,
			 RECORD_SUFFIX);
	if (s->n < s->max)
		s->n++;
	return true;
}

int cache_list_conflicts(struct cache *c, uint32_t table, uint32_t after,
			 struct cache_entry *ret, size_t max)
{
	struct listed s = { c, table, after, ret, 0, max };

	lock_take(&c->mu);
	live_each(&c->live, list_one, &s);
	lock_drop(&c->mu);
	return (int)s.n;
}

static void lay_over(json_t *cells, json_t *values, const json_t *only)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)only, key, v) {
		json_t *value = json_object_get(values, key);

		if (!value || json_is_null(value))
			json_object_del(cells, key);
		else
			json_object_set(cells, key, value);
	}
}

static int read_version(struct cache *c, struct live *l, const struct op *o,
			enum cache_version which, char **ret)
{
	json_t *changes = json_from_text(o->changes), *cells, *over;
	struct table *t = tree_table_locked(c, l->key.table);
	struct store_row row;
	size_t n;
	int r = store_get(c->store, l->key.table, l->key.seq, STORE_RAW, &row);

	if (r == 0) {
		cells = json_from_text(row.raw);
		over = json_from_text(which == CACHE_V_THEIRS ? o->theirs :
				      which == CACHE_V_MINE   ? o->after :
								o->before);
		lay_over(cells, over, which == CACHE_V_THEIRS ? over : changes);
		r = save_render_past(c, t, live_is_local(l) ? "" : l->record,
				     cells, ret, &n);
		json_decref(over);
		json_decref(cells);
		store_row_release(&row);
	}
	json_decref(changes);
	return r;
}

int cache_read_conflict(struct cache *c, struct rec_key key,
			enum cache_version which, char **ret)
{
	struct op o = { 0 };
	struct live_op *lo;
	struct live *l;
	int r = -ENOENT;

	lock_take(&c->mu);
	l = live_find(&c->live, key);
	lo = conflict_of(l);
	if (lo)
		r = journal_get(c->journal, lo->id, false, &o);
	if (lo && r == 0)
		r = read_version(c, l, &o, which, ret);
	op_clear(&o);
	lock_drop(&c->mu);
	return r;
}

/* ---- all of them ---- */

struct telling {
	struct cache *c;
	json_t *list;
};

static json_t *fields_json(const struct schema_table *st, const struct op *o)
{
	json_t *theirs = json_from_text(o->theirs), *v;
	json_t *before = json_from_text(o->before);
	json_t *after = json_from_text(o->after), *out = json_object();
	const char *key;

	json_object_foreach(theirs, key, v) {
		const struct schema_field *f =
			st ? schema_find_field(st, key) : NULL;
		json_t *base = json_object_get(before, key);
		json_t *mine = json_object_get(after, key), *one;

		one = json_object();
		json_object_set(one, "base", base ? base : json_null());
		json_object_set(one, "mine", mine ? mine : json_null());
		json_object_set(one, "theirs", v);
		json_object_set_new(out, f ? f->name : key, one);
	}
	json_decref(theirs);
	json_decref(before);
	json_decref(after);
	return out;
}

static bool tell_one(void *ctx, struct live *l)
{
	struct telling *s = ctx;
	struct live_op *lo = conflict_of(l);
	struct table *t = tree_table_locked(s->c, l->key.table);
	char path[3 * NAME_BUF];
	struct op o = { 0 };
	struct schema *sc;
	const struct schema_table *st;
	json_t *j;

	if (!lo || !t || journal_get(s->c->journal, lo->id, false, &o) < 0)
		return true;
	st = tree_schema_locked(t, &sc);
	path_of_locked(s->c, l, path, sizeof(path));
	j = json_object();
	json_object_set_new(j, "path", json_string(path));
	json_object_set_new(j, "queue_id", json_integer(lo->id));
	json_object_set_new(j, "saved_at", describe_time(o.saved_ms));
	json_object_set_new(j, "reason",
			    json_string(o.reason ? o.reason : ""));
	json_object_set_new(j, "fields", fields_json(st, &o));
	json_array_append_new(s->list, j);
	schema_unref(sc);
	op_clear(&o);
	return true;
}

int cache_conflicts_json(struct cache *c, char **ret)
{
	struct telling s = { c, json_array() };

	lock_take(&c->mu);
	live_each(&c->live, tell_one, &s);
	lock_drop(&c->mu);
	return describe_text(s.list, ret);
}
