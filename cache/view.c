/* A record as it is presented: what the user wrote lies over what the server
 * said. A draft comes first, then the bytes of the newest open operation, then
 * the store's rendering. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#include "render.h"

json_t *json_from_text(const char *text)
{
	json_t *j = text ? json_loads(text, 0, NULL) : NULL;

	return j ? j : json_object();
}

int view_render_locked(struct cache *c, struct table *t, const char *id,
		       const char *created, const json_t *cells, char **ret,
		       size_t *ret_n)
{
	struct render_options opt = { c->conf.hide_computed };
	struct schema *s;
	const struct schema_table *st = tree_schema_locked(t, &s);
	int r = -ESTALE;

	if (st)
		r = render_record(st, id, created, cells, &opt, ret, ret_n);
	schema_unref(s);
	return r;
}

json_t *view_cells_locked(struct cache *c, const struct store_row *row,
			  struct live *l, bool in_flight_only)
{
	json_t *cells = json_from_text(row->raw);
	size_t i;

	for (i = 0; cells && l && i < l->ops_n; i++) {
		struct op o = { 0 };
		json_t *after, *v;
		const char *key;

		if (l->ops[i].kind == OP_DELETE)
			continue;
		if (in_flight_only && l->ops[i].state != OP_SENDING &&
		    l->ops[i].state != OP_UNKNOWN && !l->ops[i].busy)
			continue;
		if (journal_get(c->journal, l->ops[i].id, false, &o) < 0)
			continue;
		after = json_from_text(o.after);
		json_object_foreach(after, key, v) {
			if (json_is_null(v))
				json_object_del(cells, key);
			else
				json_object_set(cells, key, v);
		}
		json_decref(after);
		op_clear(&o);
	}
	return cells;
}

/* The size of what view_bytes would give. */
static int64_t live_size(const struct live *l)
{
	if (l->has_draft)
		return (int64_t)l->draft_size;
	return l->size;
}

int view_stat_row(struct cache *c, struct table *t, struct store_row *row,
		  struct cache_stat *ret)
{
	struct rec_key key = { row->table_no, row->seq };
	struct live *l = live_find(&c->live, key);

	*ret = (struct cache_stat){
		.key = key, .ino = ino_below(ino_of_id(t->base->id.s), row->id),
		.size = (uint64_t)row->size, .mtime_ms = row->mtime_ms,
		.ctime_ms = row->ctime_ms,
		.writable = base_is_writable(c, t->base),
	};
	if (l && live_size(l) >= 0) {
		ret->size = (uint64_t)live_size(l);
		ret->draft = true;
		if (l->mtime_ms > 0) {
			ret->mtime_ms = l->mtime_ms;
			if (ret->ctime_ms < l->mtime_ms)
				ret->ctime_ms = l->mtime_ms;
		}
		return 0;
	}
	if (row->schema_gen != t->schema_gen && row->id[0] == 'r') {
		/* rendered under an older schema: the size is another now */
		char *bytes;
		size_t n;
		int r = view_bytes_locked(c, key, &bytes, &n);

		if (r < 0)
			return r;
		free(bytes);
		ret->size = n;
	}
	return 0;
}

static int op_bytes(struct cache *c, struct live *l, char **ret, size_t *ret_n)
{
	size_t i;

	for (i = l->ops_n; i-- > 0;) {
		struct op o = { 0 };
		int r = journal_get(c->journal, l->ops[i].id, true, &o);

		if (r < 0)
			return r;
		if (o.bytes && o.kind != OP_DELETE) {
			*ret = o.bytes;
			*ret_n = o.bytes_n;
			o.bytes = NULL;
			op_clear(&o);
			return 0;
		}
		op_clear(&o);
	}
	return -ENOENT;
}

int view_bytes_locked(struct cache *c, struct rec_key key, char **ret,
		      size_t *ret_n)
{
	struct live *l = live_find(&c->live, key);
	struct table *t = tree_table_locked(c, key.table);
	struct store_row row;
	int r;

	if (l && l->has_draft)
		return draft_read_locked(c, l, ret, ret_n);
	if (l && l->size >= 0) {
		r = op_bytes(c, l, ret, ret_n);
		if (r != -ENOENT)
			return r;
	}
	if (!t)
		return -ESTALE;
	r = store_get(c->store, key.table, key.seq, STORE_BODY, &row);
	if (r < 0)
		return r == -ENOENT ? -ESTALE : r;
	if (row.schema_gen == t->schema_gen || row.id[0] != 'r') {
		*ret = row.body ? row.body : strdup("");
		*ret_n = row.body_n;
		row.body = NULL;
		store_row_release(&row);
		return *ret ? 0 : -ENOMEM;
	}
	store_row_release(&row);
	r = store_get(c->store, key.table, key.seq, STORE_RAW, &row);
	if (r == 0) {
		json_t *cells = json_from_text(row.raw);

		r = view_render_locked(c, t, row.id, row.created, cells, ret,
				       ret_n);
		json_decref(cells);
		store_row_release(&row);
	}
	return r == -ENOENT ? -ESTALE : r;
}
