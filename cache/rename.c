/* A rename within a table: the new name's text becomes the primary field. */
#include "save.h"
#include "crash.h"

#include <stdlib.h>
#include <string.h>

#include "render.h"

/* Lays the not yet sent changes of the record under the new one. */
static int edit_over_waiting(struct cache *c, struct live *l,
			     struct recfile_edit *e)
{
	struct save_waiting w;
	int r = save_waiting_load(c, l, &w);

	if (r < 0)
		return r;
	json_object_update_missing(e->changes, w.changes);
	json_object_update_missing(e->after, w.after);
	json_object_update(e->before, w.before);
	save_waiting_release(&w);
	return 0;
}

/* Takes all. */
static int render_over(struct cache *c, struct live *l, struct save_judging *j,
		       json_t *all, const struct recfile_edit *e, char **ret,
		       size_t *ret_n)
{
	struct table *t = tree_table_locked(c, l->key.table);
	const char *key;
	json_t *v;
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

int save_render_with(struct cache *c, struct live *l, struct save_judging *j,
		     const struct recfile_edit *e, char **ret, size_t *ret_n)
{
	return render_over(c, l, j, view_cells_locked(c, &j->row, l, false), e,
			   ret, ret_n);
}

int save_render_over(struct cache *c, struct live *l, struct save_judging *j,
		     const struct recfile_edit *e, char **ret, size_t *ret_n)
{
	return render_over(c, l, j, json_from_text(j->row.raw), e, ret, ret_n);
}

int save_render_past(struct cache *c, struct table *t, const char *id,
		     const json_t *cells, char **ret, size_t *ret_n)
{
	struct render_options opt = { .hide_computed = true };
	struct schema *s;
	const struct schema_table *st = tree_schema_locked(t, &s);
	int r = -ESTALE;

	(void)c;
	if (st)
		r = render_record(st, id, "", cells, &opt, ret, ret_n);
	schema_unref(s);
	return r;
}

int save_present_stored(struct cache *c, struct live *l, struct after *a)
{
	struct table *t = tree_table_locked(c, l->key.table);
	struct store_row row;
	struct absorb ab;
	json_t *rec;
	int r;

	if (l->ops_n == 0 && !l->has_draft) {
		l->size = -1;
		l->mtime_ms = 0;
	} else if (l->ops_n) {
		save_presented_by_ops(c, l);
	}
	if (live_is_local(l))
		return 0;
	r = store_get(c->store, l->key.table, l->key.seq, STORE_RAW, &row);
	if (r < 0)
		return r == -ENOENT ? -ESTALE : r;
	rec = json_object();
	json_object_set_new(rec, "id", json_string(row.id));
	json_object_set_new(rec, "createdTime", json_string(row.created));
	json_object_set_new(rec, "fields", json_from_text(row.raw));
	store_row_release(&row);
	r = absorb_begin(&ab, c, t, 0, a);
	if (r == 0) { /* as our own: nothing came from elsewhere */
		r = absorb_record(&ab, rec, true, NULL, 0);
		if (r == 0)
			r = absorb_commit(&ab);
		else
			absorb_abort(&ab);
	}
	json_decref(rec);
	after_record(a, l->key);
	return r;
}

static int set_primary(struct cache *c, struct live *l, struct save_judging *j,
		       const char *text, struct save_error *reterr,
		       struct after *a)
{
	const struct schema_field *f = &j->st->fields[j->st->primary];
	enum op_kind kind = save_is_new(l) ? OP_CREATE : OP_UPDATE;
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
		save_base_on_shown(c, l, j, &e);
		r = edit_over_waiting(c, l, &e);
	}
	if (r == 0)
		r = save_render_with(c, l, j, &e, &bytes, &n);
	if (r == 0)
		r = save_commit_edit(c, l, kind, &e, bytes, n, a);
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
	struct save_judging j;
	int r = name_to_text(name, RECORD_SUFFIX, text);

	if (r < 0) {
		save_error_set(reterr, r, "the name stands for no value");
		return r;
	}
	r = save_judging_begin(c, l, &j);
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
	crash_at(CRASH_PRIMARY_SAVED);
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
		crash_at(CRASH_NAME_SET);
	}
	save_judging_release(&j);
	return r;
}
