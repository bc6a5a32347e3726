/* A rename within a table: the new name's text becomes the primary field. */
#include "save.h"

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

static int render_with(struct cache *c, struct live *l, struct save_judging *j,
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
		r = edit_over_waiting(c, l, &e);
	}
	if (r == 0)
		r = render_with(c, l, j, &e, &bytes, &n);
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
	save_judging_release(&j);
	return r;
}
