/* What a page of payloads means for the cache. Their cells have a form of
 * their own (V2), so a record that changed is marked and read later; one that
 * shows what we hold, as our own writes do that come back, is not. */
#include "feed.h"

#include <stdlib.h>
#include <string.h>

#define MARKS_MAX 50000 /* of a table; beyond it is listed */

struct page {
	struct feed *f;
	struct after *after;
	bool schema;   /* something of it changed */
};

struct one_table {
	struct page *p;
	struct table *t;
	struct schema *schema;
	const struct schema_table *st; /* NULL: not known */
	bool doubt, names_moved;
};

/* ---- doubt ---- */

int feed_doubt_locked(struct feed *f, struct table *t)
{
	struct store_table st;

	t->doubts++; /* a listing under way does not count either */
	json_object_clear(t->marks);
	if (!t->complete || !t->listed_at_ms)
		return 0;
	t->listed_at_ms = 0;
	st = tree_row_of(t);
	return store_put_table(f->c->store, &st);
}

int feed_doubt_all_locked(struct feed *f)
{
	struct cache *c = f->c;
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < c->tables_n; i++)
		if (c->tables[i] && c->tables[i]->base == f->b)
			r = feed_doubt_locked(f, c->tables[i]);
	return r;
}

static int commit(struct feed *f, int r)
{
	if (r == 0)
		r = feed_save_locked(f);
	if (r == 0)
		return store_commit(f->c->store);
	store_rollback(f->c->store);
	return r;
}

int feed_restart_locked(struct feed *f, const char *hook, int64_t at)
{
	struct feed was = *f;
	int r = store_begin(f->c->store);

	if (r < 0)
		return r;
	r = feed_doubt_all_locked(f);
	if (hook != f->hook)
		id_copy(f->hook, hook);
	f->cursor = at;
	f->polled_at_ms = f->began_ms;
	f->schema_due = f->b->schema ||
			(f->b->fetching && !f->schema_deferred);
	r = commit(f, r);
	if (r < 0) {
		f->cursor = was.cursor;
		f->polled_at_ms = was.polled_at_ms;
	}
	return r;
}

/* ---- records ---- */

/* Is what the table holds to be kept up to date? One that is listed in full
 * on the next access anyway is not. */
static bool is_kept(const struct table *t)
{
	return t->fetch || (t->complete && t->listed_at_ms);
}

/* Do we hold what the payload says? While an older answer is under way that
 * may take its place this is not asked. */
static bool holds_all(struct one_table *o, const char *id, json_t *cells)
{
	struct cache *c = o->p->f->c;
	struct store_row row;
	struct live *l;
	json_t *held, *v;
	const char *key;
	bool same = true;

	if (!o->st || !cells || o->t->fetch ||
	    json_object_get(o->t->marks_out, id) ||
	    store_find_id(c->store, o->t->no, id, STORE_RAW, &row) < 0)
		return false;
	l = live_find(&c->live, (struct rec_key){ o->t->no, row.seq });
	held = json_from_text(row.raw);
	store_row_release(&row);
	if (l && l->ops_n)
		same = false;
	json_object_foreach(cells, key, v) {
		const struct schema_field *sf = schema_find_field(o->st, key);

		if (!sf || !feed_cell_is_held(sf, v,
					      json_object_get(held, key))) {
			same = false;
			break;
		}
	}
	json_decref(held);
	return same;
}

static void mark(struct one_table *o, const char *id, json_t *cells)
{
	struct table *t = o->t;

	if (!is_kept(t) || !id_is_valid(id, "rec") || holds_all(o, id, cells))
		return;
	if (!t->marks)
		t->marks = json_object();
	if (json_object_set_new(t->marks, id, json_true()) < 0 ||
	    json_object_size(t->marks) > MARKS_MAX)
		o->doubt = true;
}

static int gone(struct one_table *o, const char *id)
{
	struct cache *c = o->p->f->c;
	struct store_row row;
	struct rec_key key;
	struct live *l;
	int r;

	json_object_del(o->t->marks, id);
	/* what is on its way may show it still, or for the first time */
	fetch_note_own_locked(c, o->t, id);
	r = store_find_id(c->store, o->t->no, id, STORE_META, &row);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	key = (struct rec_key){ o->t->no, row.seq };
	l = live_find(&c->live, key);
	/* what was changed here is never dropped: sending it meets the
	 * deletion, and says so */
	if (!l || (!l->ops_n && !l->has_draft)) {
		r = store_remove(c->store, o->t->no, row.seq);
		after_gone(o->p->after, o->t->no, row.name, key);
		o->names_moved = true;
	}
	store_row_release(&row);
	return r;
}

static int records_of(struct one_table *o, json_t *change)
{
	json_t *created = json_object_get(change, "createdRecordsById");
	json_t *changed = json_object_get(change, "changedRecordsById");
	json_t *lost = json_object_get(change, "destroyedRecordIds"), *v;
	const char *id;
	size_t i;
	int r = 0;

	json_object_foreach(created, id, v)
		mark(o, id, json_object_get(v, "cellValuesByFieldId"));
	json_object_foreach(changed, id, v)
		mark(o, id, json_object_get(json_object_get(v, "current"),
					    "cellValuesByFieldId"));
	json_array_foreach(lost, i, v)
		if (r == 0 && json_is_string(v))
			r = gone(o, json_string_value(v));
	return r;
}

/* ---- fields and tables ---- */

/* Anything but another name or description. */
static bool changes_cells(json_t *field)
{
	json_t *now = json_object_get(field, "current"), *v;
	const char *key;

	json_object_foreach(now, key, v)
		if (strcmp(key, "name") != 0 &&
		    strcmp(key, "description") != 0)
			return true;
	return !json_is_object(now);
}

static void fields_of(struct one_table *o, json_t *change)
{
	json_t *changed = json_object_get(change, "changedFieldsById"), *v;
	const char *id;

	if (changed || json_object_get(change, "changedMetadata") ||
	    json_object_get(change, "createdFieldsById") ||
	    json_object_get(change, "destroyedFieldIds"))
		o->p->schema = true;
	/* a computed field has cells in every record, and nobody says that
	 * each of them is told */
	if (json_object_get(change, "createdFieldsById"))
		o->doubt = true;
	json_object_foreach(changed, id, v)
		if (changes_cells(v))
			o->doubt = true;
}

/* More to read than a listing costs? */
static bool is_cheaper_listed(struct feed *f, const struct table *t)
{
	size_t n = json_object_size(t->marks);
	int64_t rows = 0;

	if (n == 0 || store_count(f->c->store, t->no, &rows) < 0)
		return false;
	return ((int64_t)n + API_PAGE_MAX - 1) / API_PAGE_MAX >=
	       (rows + API_PAGE_MAX - 1) / API_PAGE_MAX;
}

static int table_change(struct page *p, const char *table, json_t *change)
{
	struct feed *f = p->f;
	struct table_id id = { "" };
	struct one_table o = { .p = p };
	int r;

	id_copy(id.s, table);
	o.t = tree_find_table_locked(f->c, &f->b->id, &id);
	if (!o.t) {
		p->schema = true; /* of one that we have not heard of */
		return 0;
	}
	o.st = tree_schema_locked(o.t, &o.schema);
	fields_of(&o, change);
	r = records_of(&o, change);
	schema_unref(o.schema);
	if (r == 0 && o.names_moved) {
		struct store_table st;

		o.t->names_at_ms = feed_now(f);
		st = tree_row_of(o.t);
		r = store_put_table(f->c->store, &st);
	}
	if (r == 0 && o.doubt)
		r = feed_doubt_locked(f, o.t);
	return r;
}

/* ---- a page ---- */

static int payload(struct page *p, json_t *what)
{
	json_t *tables = json_object_get(what, "changedTablesById"), *v;
	const char *id;
	int r = 0;

	if (json_object_get(what, "createdTablesById") ||
	    json_object_get(what, "destroyedTableIds"))
		p->schema = true;
	json_object_foreach(tables, id, v) {
		r = table_change(p, id, v);
		if (r < 0)
			break;
	}
	return r;
}

static bool ends_the_hook(json_t *payloads)
{
	json_t *v;
	size_t i;

	json_array_foreach(payloads, i, v)
		if (json_is_true(json_object_get(v, "error")) ||
		    json_is_string(json_object_get(v, "code")))
			return true;
	return false;
}

static int weigh_marks(struct feed *f)
{
	struct cache *c = f->c;
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < c->tables_n; i++) {
		struct table *t = c->tables[i];

		if (t && t->base == f->b && t->complete &&
		    is_cheaper_listed(f, t))
			r = feed_doubt_locked(f, t);
	}
	return r;
}

int feed_apply_locked(struct feed *f, json_t *payloads, int64_t cursor,
		      bool gap, struct after *a, bool *ret_broken)
{
	struct page p = { .f = f, .after = a };
	int64_t was = f->cursor;
	json_t *v;
	size_t i;
	int r;

	*ret_broken = ends_the_hook(payloads);
	if (*ret_broken)
		return 0;
	r = store_begin(f->c->store);
	if (r < 0)
		return r;
	json_array_foreach(payloads, i, v) {
		r = payload(&p, v);
		if (r < 0)
			break;
	}
	if (r == 0)
		r = weigh_marks(f);
	if (gap)
		log_warn("base '%s': changes were dropped before they were "
			 "read; what is cached is listed again", f->b->name);
	if (r == 0 && gap)
		r = feed_doubt_all_locked(f);
	f->schema_due |= p.schema || gap;
	f->cursor = cursor;
	r = commit(f, r);
	if (r < 0)
		f->cursor = was;
	return r;
}
