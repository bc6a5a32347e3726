/* The facade's calls that read records. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

static bool is_hidden(struct cache *c, uint32_t table, uint32_t seq)
{
	struct live *l = live_find(&c->live, (struct rec_key){ table, seq });

	return l && l->hidden;
}

/* Before the row is looked for: is the table there, and how far is it read. */
static int look_locked(struct cache *c, uint32_t table, struct table **ret_t,
		       uint64_t *progress, bool *complete)
{
	struct table *t = tree_table_locked(c, table);

	if (!t || !t->listed || !t->base->listed)
		return -ESTALE;
	*ret_t = t;
	*progress = t->progress;
	*complete = t->complete;
	return 0;
}

/* Nothing was found. 1 = look once more, something came in meanwhile. */
static int wait_locked(struct cache *c, struct table *t, uint64_t progress,
		       struct cache_waiter *w)
{
	if (t->progress != progress || t->complete)
		return 1;
	if (w == CACHE_LOCAL)
		return -EBUSY;
	fetch_want_table_locked(c, t, API_INTERACTIVE);
	if (!w)
		return -EAGAIN;
	waitq_add_locked(&t->waiters, w);
	return CACHE_PARKED;
}

int cache_lookup_record(struct cache *c, uint32_t table, const char *name,
			struct cache_stat *ret, struct cache_waiter *w)
{
	struct store_row row;
	struct table *t;
	uint64_t progress;
	bool complete;
	char id[18];
	int r;

	if (!name_is_record(name))
		return -ENOENT;
	do {
		lock_take(&c->mu);
		r = look_locked(c, table, &t, &progress, &complete);
		if (r == 0 && complete && w != CACHE_LOCAL)
			fetch_touch_table_locked(c, t);
		lock_drop(&c->mu);
		if (r < 0)
			return r;
		r = store_find_name(c->store, table, name, STORE_META, &row);
		if (r == -ENOENT && name_is_id(name, id))
			r = store_find_id(c->store, table, id, STORE_META,
					  &row);
		if (r < 0 && r != -ENOENT)
			return r;
		lock_take(&c->mu);
		if (r == 0) {
			r = is_hidden(c, table, row.seq) ?
				    -ENOENT :
				    view_stat_row(c, t, &row, ret);
			store_row_release(&row);
		} else if (!complete) {
			r = wait_locked(c, t, progress, w);
		}
		lock_drop(&c->mu);
	} while (r == 1);
	return r;
}

static int fill_entries(struct cache *c, struct table *t,
			struct store_row *rows, int n, struct cache_entry *ret,
			bool with_bytes)
{
	int i, used = 0, r;

	for (i = 0; i < n; i++) {
		struct cache_entry *e = &ret[used];

		if (is_hidden(c, t->no, rows[i].seq))
			continue;
		memcpy(e->name, rows[i].name, sizeof(e->name));
		if (c->conf.names_by_id && rows[i].id[0] == 'r')
			snprintf(e->name, sizeof(e->name), "%s.json",
				 rows[i].id);
		e->bytes = NULL;
		r = view_stat_row(c, t, &rows[i], &e->st);
		if (r < 0)
			continue; /* gone in this very moment */
		if (with_bytes && !e->st.draft &&
		    rows[i].schema_gen == t->schema_gen) {
			e->bytes = rows[i].body;
			rows[i].body = NULL;
			stale_seen_locked(c, e->st.key);
		}
		used++;
	}
	return used;
}

#define LIST_CHUNK 128 /* rows a call looks at, at most */

/* One look at the rows behind *after: entries, 0 at the end, CACHE_PARKED, or
 * -ERESTART when the rows seen were all hidden, or something came in. */
static int list_once(struct cache *c, uint32_t table, uint32_t *after,
		     struct cache_entry *ret, size_t max, bool with_bytes,
		     struct cache_waiter *w)
{
	struct store_row rows[LIST_CHUNK];
	struct table *t = NULL;
	uint64_t progress = 0;
	bool complete = false;
	int r, n, i;

	lock_take(&c->mu);
	r = look_locked(c, table, &t, &progress, &complete);
	if (r == 0 && w != CACHE_LOCAL) {
		prefetch_note_locked(c, t, *after == 0);
		if (complete)
			fetch_touch_table_locked(c, t);
	}
	lock_drop(&c->mu);
	if (r < 0)
		return r;
	n = store_list(c->store, table, *after, max,
		       with_bytes ? STORE_BODY : STORE_META, rows);
	if (n < 0)
		return n;
	lock_take(&c->mu);
	if (n > 0) {
		r = fill_entries(c, t, rows, n, ret, with_bytes);
		*after = rows[n - 1].seq;
	} else if (!complete) {
		r = wait_locked(c, t, progress, w);
		r = r == 1 ? -ERESTART : r;
	}
	lock_drop(&c->mu);
	for (i = 0; i < n; i++)
		store_row_release(&rows[i]);
	return n > 0 && r == 0 ? -ERESTART : r;
}

int cache_list_records(struct cache *c, uint32_t table, uint32_t after,
		       struct cache_entry *ret, size_t max, bool with_bytes,
		       struct cache_waiter *w)
{
	int r;

	if (max > LIST_CHUNK)
		max = LIST_CHUNK;
	do {
		r = list_once(c, table, &after, ret, max, with_bytes, w);
	} while (r == -ERESTART);
	return r;
}

/* ---- by key: local ---- */

static int row_locked(struct cache *c, struct rec_key key, struct table **ret_t,
		      struct store_row *row)
{
	int r;

	*ret_t = tree_table_locked(c, key.table);
	if (!*ret_t)
		return -ESTALE;
	r = store_get(c->store, key.table, key.seq, STORE_META, row);
	return r == -ENOENT ? -ESTALE : r;
}

int cache_stat_record(struct cache *c, struct rec_key key,
		      struct cache_stat *ret, struct cache_waiter *w)
{
	struct store_row row;
	struct table *t;
	int r;

	lock_take(&c->mu);
	r = row_locked(c, key, &t, &row);
	if (r == 0) {
		r = view_stat_row(c, t, &row, ret);
		store_row_release(&row);
		if (w != CACHE_LOCAL)
			fetch_touch_table_locked(c, t);
	}
	lock_drop(&c->mu);
	return r;
}

int cache_read_record(struct cache *c, struct rec_key key, char **ret,
		      size_t *ret_n)
{
	int r;

	lock_take(&c->mu);
	r = view_bytes_locked(c, key, ret, ret_n);
	stale_seen_locked(c, key);
	lock_drop(&c->mu);
	return r;
}

int cache_peek_record(struct cache *c, struct rec_key key, char **ret,
		      size_t *ret_n)
{
	int r;

	lock_take(&c->mu);
	r = view_bytes_locked(c, key, ret, ret_n);
	lock_drop(&c->mu);
	return r;
}

int cache_record_name(struct cache *c, struct rec_key key,
		      char ret[static NAME_BUF])
{
	struct store_row row;
	struct table *t;
	int r;

	lock_take(&c->mu);
	r = row_locked(c, key, &t, &row);
	if (r == 0) {
		if (is_hidden(c, key.table, key.seq))
			r = -ESTALE;
		memcpy(ret, row.name, NAME_BUF);
		store_row_release(&row);
	}
	lock_drop(&c->mu);
	return r;
}

int cache_set_mtime(struct cache *c, struct rec_key key, int64_t mtime_ms)
{
	struct live *l;
	struct store_row row;
	struct table *t;
	int r;

	lock_take(&c->mu);
	l = live_find(&c->live, key);
	r = row_locked(c, key, &t, &row);
	if (r == 0) {
		if (l)
			l->mtime_ms = mtime_ms;
		r = store_begin(c->store);
		if (r == 0) {
			r = store_set_times(c->store, key.table, key.seq,
					    mtime_ms, clock_wall_ms(c->clock));
			if (r == 0)
				r = store_commit(c->store);
			else
				store_rollback(c->store);
		}
		store_row_release(&row);
	}
	lock_drop(&c->mu);
	return r;
}
