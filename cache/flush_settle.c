/* What an answer means for each operation of a batch: done, refused, in conflict,
 * or lost. */
#include "flush.h"
#include "crash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "render.h"

void flush_unpick_locked(struct flush *f, struct flush_item *it)
{
	struct live *l = live_find(&f->c->live, it->key);
	struct live_op *o = l ? live_find_op(l, it->op.id) : NULL;

	if (o)
		o->busy = false;
}

/* ---- a refusal by the server, for good ---- */

void flush_reject_locked(struct flush *f, struct flush_item *it,
			 const struct atfs_error *err, struct after *a)
{
	struct live *l = live_find(&f->c->live, it->key);
	char path[3 * NAME_BUF];

	it->op.err = err->err;
	free(it->op.reason);
	it->op.reason = strdup(err->text);
	if (flush_move_locked(f, it, OP_REJECTED) < 0 || !l)
		return;
	crash_at(CRASH_REJECTED);
	if (it->op.kind != OP_DELETE && save_refold_locked(f->c, l) > 0)
		return; /* mended meanwhile: sent again with what came since */
	/* a delete that may not be is given up: what stays is the error */
	if (it->op.kind == OP_DELETE)
		(void)flush_move_locked(f, it, OP_DONE);
	save_error_set(&l->error, err->err, "%s", err->text);
	snprintf(l->error.hint, sizeof(l->error.hint),
		 "the server refused it; the bytes are kept: mend the file "
		 "and save it again, or airtablefs queue retry or cancel %lld",
		 (long long)it->op.id);
	/* a delete that may not be: it is there again */
	if (l->hidden && !live_is_removed(l)) {
		l->hidden = false;
		after_new(a, l->key.table, l->name);
	}
	path_of_locked(f->c, l, path, sizeof(path));
	log_warn("'%s' was refused by the server: %s", path, err->text);
	errlog_add(f->c, path, err->err, "", 0, 0, err->text, l->error.hint);
}

void flush_conflict_locked(struct flush *f, struct flush_item *it,
			   const json_t *theirs)
{
	static const char reason[] =
		"the same field was changed here and on the server";
	struct live *l = live_find(&f->c->live, it->key);
	char path[3 * NAME_BUF];

	it->op.err = -EBUSY;
	free(it->op.reason);
	it->op.reason = strdup(reason);
	free(it->op.theirs);
	it->op.theirs = json_dumps(theirs, JSON_COMPACT);
	if (flush_move_locked(f, it, OP_CONFLICT) < 0 || !l)
		return;
	crash_at(CRASH_CONFLICT);
	save_error_set(&l->error, -EBUSY, "%s", reason);
	snprintf(l->error.hint, sizeof(l->error.hint),
		 "nothing was overwritten; airtablefs resolve --mine, --theirs "
		 "or --both, or save the file again to keep what you then "
		 "write");
	path_of_locked(f->c, l, path, sizeof(path));
	log_warn("conflict in '%s': %s", path, reason);
	errlog_add(f->c, path, -EBUSY, "", 0, 0, reason, l->error.hint);
}

/* ---- lost ---- */

void flush_note_sent(struct cache *c, struct op *o)
{
	json_t *before = json_from_text(o->before);

	json_object_set_new(before, OP_SENT, json_from_text(o->after));
	free(o->before);
	o->before = json_dumps(before, JSON_COMPACT);
	json_decref(before);
	(void)journal_rewrite(c->journal, o);
}

void flush_lost_locked(struct flush *f, struct flush_item *it)
{
	struct live *l = live_find(&f->c->live, it->key);
	struct live_op *o = l ? live_find_op(l, it->op.id) : NULL;

	if (flush_move_locked(f, it, OP_UNKNOWN) < 0)
		return;
	crash_at(CRASH_LOST);
	if (it->op.kind != OP_CREATE)
		flush_note_sent(f->c, &it->op);
	crash_at(CRASH_LOST_NOTED);
	if (o && it->op.kind == OP_DELETE)
		o->maybe = true;
	if (it->op.kind != OP_CREATE)
		(void)flush_move_locked(f, it, OP_QUEUED);
	else if (o) /* the server may still be at it */
		o->due_ms = clock_wall_ms(f->c->clock) + FLUSH_SETTLE_MS;
	crash_at(CRASH_LOST_QUEUED);
}

void flush_lost_all_locked(struct flush_batch *b)
{
	size_t i;

	for (i = 0; i < b->n; i++)
		flush_lost_locked(b->f, &b->items[i]);
}

/* ---- done: the answer is the record's new state ---- */

/* More saves wait: their bytes are what is shown. */
static bool still_local(const struct live *l)
{
	size_t i;

	for (i = 0; i < l->ops_n; i++)
		if (l->ops[i].kind != OP_DELETE)
			return true;
	return false;
}

/* Later saves were made from what this one wrote; where the server made
 * something else of it (rich text, numbers), that is their base now. */
static void rebase_locked(struct flush *f, struct absorb *ab, struct live *l,
			  const struct flush_item *it, json_t *rec)
{
	json_t *cells = json_object_get(rec, "fields");
	size_t i;

	for (i = 0; i < l->ops_n; i++) {
		struct op o = { 0 };
		const char *key;
		json_t *before, *wrote;
		bool moved = false;

		if (l->ops[i].kind != OP_UPDATE ||
		    journal_get(f->c->journal, l->ops[i].id, false, &o) < 0)
			continue;
		before = json_from_text(o.before);
		json_object_foreach(it->after, key, wrote) {
			const struct schema_field *sf =
				schema_find_field(ab->st, key);
			json_t *was = json_object_get(before, key), *now;

			if (!sf || !was || !value_equal(was, wrote))
				continue;
			now = render_value(sf, json_object_get(cells, key));
			moved |= !value_equal(now, was);
			json_object_set_new(before, key, now);
		}
		if (moved) {
			free(o.before);
			o.before = json_dumps(before, JSON_COMPACT);
			(void)journal_rewrite(f->c->journal, &o);
		}
		json_decref(before);
		op_clear(&o);
	}
}

void flush_confirmed_locked(struct flush *f, struct absorb *ab,
			    struct flush_item *it, json_t *rec,
			    struct after *a)
{
	struct live *l = live_find(&f->c->live, it->key);
	struct op full = { 0 };
	bool have;

	have = journal_get(f->c->journal, it->op.id, true, &full) == 0;
	if (flush_move_locked(f, it, OP_DONE) == 0 && l) {
		bool more = still_local(l);

		crash_at(CRASH_OP_DONE);
		if (!more)
			l->size = -1;
		if (!more && !l->has_draft) /* else it is the draft's */
			l->error.err = 0;
		if (absorb_record(ab, rec, true,
				  have && !more ? full.bytes : NULL,
				  full.bytes_n) < 0)
			log_error("the cache cannot be written");
		fetch_note_own_locked(f->c, ab->t, it->op.record);
		rebase_locked(f, ab, l, it, rec);
		if (!more && !l->has_draft)
			l->mtime_ms = 0;
		(void)live_settle(&f->c->live, l);
	}
	(void)a;
	op_clear(&full);
}

/* An upsert met a record that has a file already, and changes of its own. */
static bool is_changed_here(struct cache *c, const struct table *t,
			    const struct flush_item *it, const char *id)
{
	struct store_row row;
	struct live *l;

	if (store_find_id(c->store, t->no, id, STORE_META, &row) < 0)
		return false;
	l = row.seq == it->key.seq ? NULL :
		live_find(&c->live, (struct rec_key){ t->no, row.seq });
	store_row_release(&row);
	return l && (l->ops_n || l->has_draft);
}

/* Its name was taken when it was found in the journal, so it had its local id
 * in it, which means nothing any more. */
static int name_anew_locked(struct flush *f, struct table *t, struct live *l,
			    const char *id, const char *primary,
			    struct after *a)
{
	char name[NAME_BUF], was[NAME_BUF];
	size_t n = primary ? strlen(primary) : 0;
	int r;

	memcpy(was, l->name, sizeof(was));
	name_make(primary, n, id, false, RECORD_SUFFIX, name);
	r = store_set_name(f->c->store, t->no, l->key.seq, name, primary);
	if (r == -EEXIST) {
		name_make(primary, n, id, true, RECORD_SUFFIX, name);
		r = store_set_name(f->c->store, t->no, l->key.seq, name,
				   primary);
	}
	if (r < 0)
		return r;
	memcpy(l->name, name, sizeof(l->name));
	after_gone(a, t->no, was, l->key);
	after_new(a, t->no, l->name);
	return 0;
}

int flush_adopt_locked(struct flush *f, struct table *t, struct flush_item *it,
		       json_t *rec, struct after *a)
{
	struct cache *c = f->c;
	const char *id = json_string_value(json_object_get(rec, "id"));
	struct live *l = live_find(&c->live, it->key);
	struct store_change gone = { 0 };
	struct schema *s;
	const struct schema_table *st = tree_schema_locked(t, &s);
	char *primary = NULL, local[ATFS_ID_MAX], made[ATFS_ID_MAX + 4];
	int r;

	if (!id || !id_is_valid(id, "rec") || !l || !st) {
		schema_unref(s);
		return -EPROTO;
	}
	primary = recfile_primary_text(st, json_object_get(rec, "fields"));
	memcpy(local, it->op.record, sizeof(local));
	if (is_changed_here(c, t, it, id)) {
		free(primary);
		schema_unref(s);
		return -EBUSY;
	}
	r = store_adopt(c->store, t->no, it->key.seq, id, &gone);
	snprintf(made, sizeof(made), " (%s)", local);
	if (r == 0 && strstr(l->name, made))
		r = name_anew_locked(f, t, l, id, primary, a);
	else if (r == 0) /* the name that was given stays valid */
		r = store_set_name(c->store, t->no, it->key.seq, l->name,
				   primary);
	if (r == 0 && gone.seq)
		after_gone(a, t->no, gone.name,
			   (struct rec_key){ t->no, gone.seq });
	crash_at(CRASH_ROW_ADOPTED);
	if (r == 0 && strcmp(local, id) != 0)
		r = journal_adopt(c->journal, local, id);
	crash_at(CRASH_ADOPTED);
	if (r == 0 && strcmp(local, id) != 0) {
		/* its inode number is another one now, in listings too */
		after_new(a, t->no, l->name);
		after_record(a, it->key);
	}
	if (r == 0) {
		id_copy(l->record, id);
		id_copy(it->op.record, id);
	}
	free(primary);
	schema_unref(s);
	return r;
}

static json_t *answer_for(json_t *records, const struct flush_item *it,
			  size_t i)
{
	json_t *rec = json_array_get(records, i), *r;
	const char *id;
	size_t k;

	if (it->op.kind == OP_CREATE)
		return rec; /* in the order of the request */
	id = json_string_value(json_object_get(rec, "id"));
	if (id && strcmp(id, it->op.record) == 0)
		return rec;
	json_array_foreach(records, k, r) {
		id = json_string_value(json_object_get(r, "id"));
		if (id && strcmp(id, it->op.record) == 0)
			return r;
	}
	return NULL;
}

static void met_changes_locked(struct flush *f, struct flush_item *it,
			       struct after *a)
{
	struct atfs_error err = { 0 };

	error_set(&err, -EEXIST, ERROR_INPUT, "a record with this key is there "
		  "already, and its own file has changes that are not sent");
	flush_reject_locked(f, it, &err, a);
}

void flush_written_locked(struct flush_batch *b, json_t *records,
			  struct after *a)
{
	struct absorb ab;
	size_t i;

	if (absorb_begin(&ab, b->f->c, b->t, 0, a) < 0) {
		log_error("the cache cannot be written");
		flush_lost_all_locked(b); /* found out about later */
		return;
	}
	for (i = 0; i < b->n; i++) {
		struct flush_item *it = &b->items[i];
		json_t *rec = answer_for(records, it, i);
		int r = rec ? 0 : -EPROTO;

		if (rec && it->op.kind == OP_CREATE)
			r = flush_adopt_locked(b->f, b->t, it, rec, a);
		if (r == -EBUSY)
			met_changes_locked(b->f, it, a);
		else if (r < 0)
			flush_lost_locked(b->f, it);
		else
			flush_confirmed_locked(b->f, &ab, it, rec, a);
	}
	if (absorb_commit(&ab) < 0)
		log_error("the cache cannot be written");
	crash_at(CRASH_ABSORBED);
}

/* The row first: an operation without one is asked about at the next start, a
 * row that stayed would show what is gone. */
void flush_deleted_locked(struct flush *f, struct flush_item *it)
{
	struct cache *c = f->c;
	struct live *l;
	int r;

	fetch_note_own_locked(c, tree_table_locked(c, it->key.table),
			      it->op.record);
	r = store_begin(c->store);
	if (r == 0) {
		r = store_remove(c->store, it->key.table, it->key.seq);
		if (r == 0)
			r = store_commit(c->store);
		else
			store_rollback(c->store);
	}
	if (r < 0 && r != -ENOENT)
		log_error("the cache cannot be written");
	crash_at(CRASH_DELETE_COMMITTED);
	if (flush_move_locked(f, it, OP_DONE) < 0)
		return;
	crash_at(CRASH_DELETE_DONE);
	l = live_find(&c->live, it->key);
	if (l && l->ops_n == 0) {
		l->hidden = false;
		l->error.err = 0;
		(void)live_settle(&c->live, l);
	}
}
