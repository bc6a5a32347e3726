/* What the server says of a record goes into the store: rendered, named, and
 * compared with what was there, inside one transaction for a whole page. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#include "render.h"

int absorb_begin(struct absorb *a, struct cache *c, struct table *t,
		 int64_t seen, struct after *after)
{
	int r;

	*a = (struct absorb){ .c = c, .t = t, .seen = seen, .after = after,
			      .gen = t->schema_gen,
			      .was_complete = t->complete,
			      .now_ms = clock_wall_ms(c->clock) };
	/* the next listing begins after this: it shows the row, or it is gone */
	if (!seen && !t->fetch)
		a->seen = STORE_UNSEEN;
	a->st = tree_schema_locked(t, &a->schema);
	if (!a->st)
		return -ESTALE;
	r = store_begin(c->store);
	if (r < 0)
		schema_unref(a->schema);
	return r;
}

void absorb_abort(struct absorb *a)
{
	store_rollback(a->c->store);
	schema_unref(a->schema);
	a->schema = NULL;
}

int absorb_commit(struct absorb *a)
{
	struct table *t = a->t;
	struct store_table st;
	int r;

	/* A listing that is read for the first time never "changes": the
	 * kernel may keep what it has read of it so far. */
	if (a->names_moved && a->was_complete)
		/* never the same twice: the kernel goes by it */
		t->names_at_ms = a->now_ms > t->names_at_ms ?
					 a->now_ms : t->names_at_ms + 1;
	st = tree_row_of(t);
	r = store_put_table(a->c->store, &st);
	if (r == 0)
		r = store_commit(a->c->store);
	else
		store_rollback(a->c->store);
	schema_unref(a->schema);
	a->schema = NULL;
	return r;
}

static bool editable_equal(const struct schema_table *st, json_t *x, json_t *y)
{
	size_t i;

	for (i = 0; i < st->fields_n; i++) {
		const struct schema_field *f = &st->fields[i];
		json_t *a, *b;
		bool same;

		if (f->computed || f->hidden)
			continue;
		a = render_value(f, json_object_get(x, f->id.s));
		b = render_value(f, json_object_get(y, f->id.s));
		same = value_equal(a, b);
		json_decref(a);
		json_decref(b);
		if (!same)
			return false;
	}
	return true;
}

/* A lastModifiedTime field is the truth about the last change, if the table
 * has one. */
static int64_t modified_ms(const struct schema_table *st, json_t *cells,
			   int64_t otherwise)
{
	const char *text;
	int64_t ms;

	if (st->last_modified >= st->fields_n)
		return otherwise;
	text = json_string_value(json_object_get(
		cells, st->fields[st->last_modified].id.s));
	return text && clock_parse_iso(text, &ms) == 0 ? ms : otherwise;
}

enum sameness { SAID_OTHER, SAID_SAME_FIELDS, SAID_ALL };

/* Does the file that the user wrote say what the record now holds? */
static enum sameness compare_saved(const char *saved, size_t saved_n,
				   const char *body, size_t body_n)
{
	json_t *mine = json_loadb(saved, saved_n, 0, NULL);
	json_t *full = json_loadb(body, body_n, 0, NULL);
	json_t *mf = json_object_get(mine, "fields"), *v;
	json_t *ff = json_object_get(full, "fields");
	enum sameness said = SAID_OTHER;
	const char *key;

	if (mine && full && value_equal(mine, full)) {
		said = SAID_ALL;
	} else if (mine && full) {
		said = SAID_SAME_FIELDS;
		json_object_foreach(mf ? mf : mine, key, v) {
			json_t *now = json_object_get(ff, key);

			if (now && !value_equal(v, now))
				said = SAID_OTHER;
		}
	}
	json_decref(mine);
	json_decref(full);
	return said;
}

struct incoming {
	const char *id, *created;
	json_t *cells;
	json_t *shown;       /* cells under what is still to be sent */
	struct store_row old;
	bool known;
	bool own;
	struct rec_key key;
	struct live *live;
};

/* While a table is read for the first time nobody had a name before. */
static void note_aside(struct absorb *a, uint32_t seq)
{
	struct table *t = a->t;

	if (!a->was_complete)
		return;
	if (t->aside_n == t->aside_cap) {
		size_t cap = t->aside_cap ? t->aside_cap * 2 : 16;
		uint32_t *p = realloc(t->aside, cap * sizeof(*p));

		if (!p)
			return; /* he keeps the longer name */
		t->aside = p;
		t->aside_cap = cap;
	}
	t->aside[t->aside_n++] = seq;
}

static void tell_renamed(struct absorb *a, const struct store_change *ch,
			 struct live *l)
{
	struct rec_key key = { a->t->no, ch->seq };

	a->names_moved = true;
	after_gone(a->after, a->t->no, ch->old_name, key);
	after_new(a->after, a->t->no, ch->name);
	if (l)
		memcpy(l->name, ch->name, NAME_BUF);
}

int absorb_settle_names(struct absorb *a, bool all)
{
	struct table *t = a->t;
	size_t i, kept = 0;

	for (i = 0; i < t->aside_n; i++) {
		struct rec_key key = { t->no, t->aside[i] };
		struct live *l = live_find(&a->c->live, key);
		struct store_change ch;
		int r;

		if (l && l->hidden)
			continue; /* it may come back by the name it had */
		r = store_name_again(a->c->store, t->no, key.seq, &ch);
		if (r < 0 && r != -ENOENT)
			return r;
		if (r == 0 && ch.renamed)
			tell_renamed(a, &ch, l);
		if (r == 0 && ch.aside && !all)
			t->aside[kept++] = key.seq;
	}
	t->aside_n = kept;
	return 0;
}

static int put_row(struct absorb *a, struct incoming *in, struct store_row *row,
		   bool mtime_moves)
{
	struct store_change ch;
	const struct schema_table *st = a->st;
	char *primary = recfile_primary_text(st, in->shown);
	struct rec_key key;
	int r;

	r = store_put(a->c->store, row, primary, a->seen, mtime_moves, &ch);
	free(primary);
	if (r < 0)
		return r;
	key = (struct rec_key){ a->t->no, ch.seq };
	/* what was handed out under a schema in between is stored nowhere */
	if (in->known && a->gen - in->old.schema_gen > 1)
		ch.content = true;
	if (ch.inserted) {
		a->names_moved = true;
		if (a->t->complete)
			after_new(a->after, a->t->no, ch.name);
	} else if (ch.renamed) {
		tell_renamed(a, &ch, in->live);
	}
	if (ch.aside)
		note_aside(a, ch.seq);
	/* what is presented is the user's own as long as he has some */
	if (!ch.inserted && ch.content &&
	    !(in->live && (in->live->has_draft || in->live->size >= 0)))
		after_record(a->after, key);
	return 0;
}

static int absorb_changed(struct absorb *a, struct incoming *in, char *raw,
			  const char *saved, size_t saved_n)
{
	struct render_options opt = { a->c->conf.hide_computed };
	struct store_row row = { .table_no = a->t->no, .seq = in->old.seq,
				 .schema_gen = a->gen, .raw = raw,
				 .ctime_ms = a->now_ms };
	enum sameness said = SAID_OTHER;
	bool moves = true;
	char *body;
	size_t n;
	int r = render_record(a->st, in->id, in->created, in->cells, &opt,
			      &body, &n);

	if (r < 0)
		return r;
	id_copy(row.id, in->id);
	strncat(row.created, in->created, sizeof(row.created) - 1);
	row.mtime_ms = in->known ? a->now_ms :
				   modified_ms(a->st, in->cells, a->now_ms);
	if (saved)
		said = compare_saved(saved, saved_n, body, n);
	if (in->own && said != SAID_OTHER && in->live) {
		row.mtime_ms = in->live->mtime_ms;
		moves = row.mtime_ms > 0;
	} else if (in->known && !in->own) {
		json_t *before = json_from_text(in->old.raw);

		moves = !editable_equal(a->st, before, in->cells);
		json_decref(before);
		if (moves)
			stale_unseen_locked(a->c, in->key, a->now_ms);
		if (moves)
			row.mtime_ms =
				modified_ms(a->st, in->cells, a->now_ms);
	}
	row.body = said == SAID_ALL ? (char *)saved : body;
	row.body_n = said == SAID_ALL ? saved_n : n;
	row.size = (int64_t)row.body_n;
	r = put_row(a, in, &row, moves);
	free(body);
	return r;
}

int absorb_record(struct absorb *a, json_t *record, bool own,
		  const char *saved, size_t saved_n)
{
	const char *created =
		json_string_value(json_object_get(record, "createdTime"));
	struct incoming in = {
		.id = json_string_value(json_object_get(record, "id")),
		.created = created ? created : "", .own = own,
		.cells = json_object_get(record, "fields"),
	};
	char *raw;
	int r;

	if (!in.id || !id_is_valid(in.id, "rec") || !json_is_object(in.cells))
		return 0; /* nothing that could be a file */
	if (a->stamp && fetch_is_older_locked(a->t, a->stamp, in.id)) {
		/* gone since, or changed since: what we hold is newer */
		r = store_find_id(a->c->store, a->t->no, in.id, STORE_META,
				  &in.old);
		if (r == -ENOENT)
			return 0;
		if (r == 0)
			r = store_mark_seen(a->c->store, a->t->no, in.old.seq,
					    a->seen);
		store_row_release(&in.old);
		return r;
	}
	raw = json_dumps(in.cells, JSON_COMPACT | JSON_SORT_KEYS);
	if (!raw)
		return -ENOMEM;
	r = store_find_id(a->c->store, a->t->no, in.id, STORE_RAW, &in.old);
	if (r < 0 && r != -ENOENT) {
		free(raw);
		return r;
	}
	in.known = r == 0;
	if (in.known) {
		in.key = (struct rec_key){ a->t->no, in.old.seq };
		in.live = live_find(&a->c->live, in.key);
	}
	if (in.known && !own && in.old.schema_gen == a->gen && in.old.raw &&
	    strcmp(in.old.raw, raw) == 0) {
		r = store_mark_seen(a->c->store, a->t->no, in.old.seq, a->seen);
	} else {
		in.shown = json_incref(in.cells);
		if (in.live && in.live->ops_n) {
			struct store_row now = in.old;

			now.raw = raw;
			json_decref(in.shown);
			in.shown = view_cells_locked(a->c, &now, in.live, false);
		}
		r = absorb_changed(a, &in, raw, saved, saved_n);
		json_decref(in.shown);
	}
	if (in.known)
		store_row_release(&in.old);
	free(raw);
	return r;
}
