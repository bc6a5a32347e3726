/* Taking back what was sent: the fields of a journal entry get the values that
 * they had before it, as an edit of its own that goes the way of all edits.
 * What it was changed from is what the entry wrote: if the server holds
 * something else by now, the check before sending finds the conflict. */
#include "save.h"

#include <stdlib.h>
#include <string.h>

#include "render.h"

/* {"fields": {"Name": value before}} of the fields that are there and can be
 * written; NULL if there are none. */
static json_t *doc_of(const struct schema_table *st, const struct op *o)
{
	json_t *before = json_from_text(o->before), *fields = json_object(), *v;
	json_t *after = json_from_text(o->after);
	const char *key;

	json_object_foreach(after, key, v) {
		const struct schema_field *f = schema_find_field(st, key);
		json_t *was = json_object_get(before, key);

		if (f && !f->computed)
			json_object_set(fields, f->id.s, was ? was : json_null());
	}
	json_decref(before);
	json_decref(after);
	if (json_object_size(fields))
		return json_pack("{s:o}", "fields", fields);
	json_decref(fields);
	return NULL;
}

/* The user has changed a field again and it is not sent yet: undoing under
 * that would lose the newer edit. */
static bool was_edited_since(struct cache *c, struct live *l,
			     const struct recfile_edit *e)
{
	struct save_waiting w;
	const char *key;
	bool found = false;
	json_t *v;

	if (save_waiting_load(c, l, &w) < 0)
		return true;
	json_object_foreach(e->changes, key, v)
		found |= json_object_get(w.changes, key) != NULL;
	save_waiting_release(&w);
	return found;
}

static int put_back(struct cache *c, struct live *l, struct save_judging *j,
		    const struct op *o, struct save_error *err,
		    struct after *a)
{
	struct recfile_edit e = { 0 };
	json_t *doc = doc_of(j->st, o), *after = json_from_text(o->after), *v;
	char *text = doc ? json_dumps(doc, 0) : NULL, *bytes = NULL;
	const char *key;
	size_t n;
	int r = -EINVAL;

	if (text)
		r = save_judge_locked(c, l, j, text, strlen(text), &e, err);
	else
		save_error_set(err, r, "the fields that entry %lld changed are "
			       "gone", (long long)o->id);
	if (r == 0 && was_edited_since(c, l, &e)) {
		r = -EBUSY;
		save_error_set(err, r, "what entry %lld changed was changed "
			       "again here, and is not sent yet",
			       (long long)o->id);
	}
	if (r == 0) {
		json_object_foreach(e.changes, key, v)
			json_object_set(e.before, key,
					json_object_get(after, key));
		r = save_render_with(c, l, j, &e, &bytes, &n);
	}
	if (r == 0 && json_object_size(e.changes))
		r = save_commit_edit(c, l, OP_UPDATE, &e, bytes, n, a);
	if (r < 0 && !err->err)
		save_error_set(err, r, "the undo cannot be kept: %s",
			       strerror(-r));
	free(bytes);
	free(text);
	json_decref(doc);
	json_decref(after);
	recfile_edit_release(&e);
	return r;
}

static int undo_update(struct cache *c, const struct op *o, struct after *a)
{
	struct table *t = tree_find_table_locked(c, &o->base, &o->table);
	struct save_error err = { 0 };
	struct save_judging j;
	struct store_row row;
	struct live *l;
	int r;

	if (!t)
		return -ESTALE;
	if (!base_is_writable(c, t->base))
		return -EACCES;
	r = store_find_id(c->store, t->no, o->record, STORE_META, &row);
	if (r < 0)
		return r == -ENOENT ? -ESTALE : r;
	l = live_get(&c->live, (struct rec_key){ t->no, row.seq }, row.id,
		     row.name);
	store_row_release(&row);
	if (!l)
		return -ENOMEM;
	if (l->hidden || l->has_draft)
		r = l->hidden ? -ESTALE : -EBUSY;
	else
		r = save_judging_begin(c, l, &j);
	if (r == 0) {
		r = put_back(c, l, &j, o, &err, a);
		save_judging_release(&j);
		if (r < 0) {
			save_refused_locked(c, l, &err);
			l->error.err = 0; /* about the undo, not the record */
		}
		after_record(a, l->key);
	}
	(void)live_settle(&c->live, l);
	return r;
}

int cache_undo(struct cache *c, int64_t id)
{
	struct after a = { 0 };
	struct op o = { 0 };
	int r = journal_get(c->journal, id, false, &o);

	if (r < 0)
		return r;
	lock_take(&c->mu);
	if (c->conf.read_only)
		r = -EROFS;
	else if (o.state == OP_SENDING || o.state == OP_UNKNOWN)
		r = -EBUSY;
	else if (o.state != OP_DONE || o.err)
		r = -EINVAL; /* never sent: cancel is the word for that */
	else if (o.kind != OP_UPDATE)
		r = -EPERM; /* rm what was made, mv what is in the trash */
	else
		r = undo_update(c, &o, &a);
	op_clear(&o);
	lock_drop(&c->mu);
	after_run(c, &a);
	return r;
}
