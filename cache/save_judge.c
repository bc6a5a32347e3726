/* Content judged against the schema. One function judges (recfile_judge), with
 * several triggers; here is what it needs to know of the record, and what follows
 * from its verdict. */
#include "save.h"

#include <stdlib.h>
#include <string.h>

struct linking {
	struct cache *c;
	const struct base *base;
};

static int resolve_link(void *ctx, const struct table_id *table,
			const char *name, struct record_id *ret)
{
	struct linking *in = ctx;
	struct cache *c = in->c;
	struct table *t = tree_find_table_locked(c, &in->base->id, table);
	struct store_row row;
	int n;

	if (!t || !t->complete) {
		if (t)
			fetch_want_table_locked(c, t, API_INTERACTIVE);
		return -EAGAIN;
	}
	n = store_find_primary(c->store, t->no, name, ret->s);
	if (n < 0)
		return n;
	/* a file that was written anew shows a record that is still to be made
	 * by its local id */
	if (n == 0 && strncmp(name, "new-", 4) == 0 &&
	    store_find_id(c->store, t->no, name, STORE_META, &row) == 0) {
		id_copy(ret->s, row.id);
		store_row_release(&row);
		return 0;
	}
	return n == 0 ? -ENOENT : n > 1 ? -EEXIST : 0;
}

void save_judging_release(struct save_judging *j)
{
	size_t i;

	for (i = 0; i < j->recent_n; i++)
		json_decref(j->recent[i]);
	json_decref(j->cells);
	schema_unref(j->schema);
	store_row_release(&j->row);
}

int save_judging_begin(struct cache *c, struct live *l, struct save_judging *j)
{
	struct table *t = tree_table_locked(c, l->key.table);
	struct store_version old[SAVE_RECENT_MAX];
	int r, n, i;

	memset(j, 0, sizeof(*j));
	r = store_get(c->store, l->key.table, l->key.seq, STORE_RAW, &j->row);
	if (r < 0)
		return r == -ENOENT ? -ESTALE : r;
	j->st = tree_schema_locked(t, &j->schema);
	j->cells = view_cells_locked(c, &j->row, l, true);
	if (!j->st || !j->cells) {
		r = j->st ? -ENOMEM : -ESTALE;
		save_judging_release(j);
		return r;
	}
	j->recent[j->recent_n++] = json_from_text(j->row.raw);
	if (l->ops_n)
		j->recent[j->recent_n++] = save_shown_computed(c, l, j->st);
	n = store_versions(c->store, l->key.table, l->key.seq, SAVE_RECENT_MAX, old);
	j->versions_from = j->recent_n;
	for (i = 0; i < n; i++) {
		j->recent[j->recent_n++] = json_from_text(old[i].raw);
		j->replaced_ms[i] = old[i].at_ms;
		free(old[i].raw);
	}
	return 0;
}

/* A local record whose create is not on its way yet is still new. */
bool save_is_new(const struct live *l)
{
	size_t i;

	for (i = 0; i < l->ops_n; i++)
		if (l->ops[i].kind == OP_CREATE && save_op_in_flight(&l->ops[i]))
			return false;
	return live_is_local(l);
}

/* A new record made from the file of another one remembers which. */
static void note_copy(struct cache *c, const char *bytes, size_t n,
		      json_t *before)
{
	json_t *doc = json_loadb(bytes, n, JSON_ALLOW_NUL, NULL);
	json_t *id = json_object_get(doc, "id");

	if (json_is_string(id) && id_looks_like_record(json_string_value(id))) {
		json_object_set(before, "copy_of", id);
		c->copies++;
	}
	json_decref(doc);
}

int save_judge_locked(struct cache *c, struct live *l,
		      const struct save_judging *j, const char *bytes, size_t n,
		      struct recfile_edit *e, struct save_error *reterr)
{
	struct linking linking = {
		c, tree_table_locked(c, l->key.table)->base
	};
	char text[NAME_BUF];
	struct recfile_context ctx = { .table = j->st,
				       .record_id = save_is_new(l) ?
							    "" : l->record,
				       .created_time = j->row.created,
				       .raw = j->cells, .recent = j->recent,
				       .recent_n = j->recent_n,
				       .typecast = c->conf.typecast,
				       .resolve_link = resolve_link,
				       .resolve_ctx = &linking };

	if (save_is_new(l) && name_to_text(l->name, RECORD_SUFFIX, text) == 0)
		ctx.primary_text = text;
	return recfile_judge(bytes, n, &ctx, e, reterr);
}

int save_bytes_locked(struct cache *c, struct live *l, const char *bytes,
		      size_t n, struct save_error *reterr, struct after *a)
{
	struct recfile_edit e = { 0 };
	struct save_judging j;
	int r = save_judging_begin(c, l, &j);

	if (r < 0) {
		save_error_set(reterr, r, "the table is not there any more");
		return r;
	}
	r = save_judge_locked(c, l, &j, bytes, n, &e, reterr);
	if (r == 0 && save_is_new(l))
		note_copy(c, bytes, n, e.before);
	if (r == 0) {
		save_base_on_shown(c, l, &j, &e);
		if (!save_is_new(l) && !save_is_stuck(l))
			r = stale_sort_out(c, l, &j, bytes, n, &e);
		if (r == 0)
			r = save_commit_edit(c, l, save_is_new(l) ?
						     OP_CREATE : OP_UPDATE,
					     &e, bytes, n, a);
		if (r < 0)
			save_error_set(reterr, r,
				       "the journal cannot be written: %s",
				       strerror(-r));
	}
	recfile_edit_release(&e);
	save_judging_release(&j);
	return r;
}
