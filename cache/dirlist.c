/* The facade's calls about directories: bases and tables. */
#include "internal.h"

#include <string.h>

static void dir_of_base(struct cache *c, const struct base *b,
			struct cache_dir *d)
{
	size_t i;

	*d = (struct cache_dir){ .no = b->no, .ino = ino_of_id(b->id.s),
				 .writable = base_is_writable(c, b),
				 .mtime_ms = b->names_at_ms };
	memcpy(d->name, b->name, sizeof(d->name));
	for (i = 0; i < c->tables_n; i++)
		if (c->tables[i] && c->tables[i]->base == b &&
		    c->tables[i]->listed)
			d->subdirs++;
}

static void dir_of_table(struct cache *c, const struct table *t,
			 struct cache_dir *d)
{
	*d = (struct cache_dir){ .no = t->no, .parent = t->base->no,
				 .ino = ino_below(ino_of_id(t->base->id.s),
						   t->id.s),
				 .writable = base_is_writable(c, t->base),
				 .mtime_ms = t->names_at_ms };
	memcpy(d->name, t->name, sizeof(d->name));
}

/* Parks on q (the fetch behind it is wanted already), or says why not. */
static int park_locked(struct waitq *q, struct cache_waiter *w)
{
	if (!w)
		return -EAGAIN;
	waitq_add_locked(q, w);
	return CACHE_PARKED;
}

static int need_bases_locked(struct cache *c, struct cache_waiter *w)
{
	if (w == CACHE_LOCAL)
		return c->bases_known ? 0 : -EBUSY;
	if (c->bases_known) {
		fetch_touch_bases_locked(c, false);
		return 0;
	}
	fetch_want_bases_locked(c, API_INTERACTIVE);
	return park_locked(&c->bases_waiters, w);
}

static int need_schema_locked(struct cache *c, struct base *b,
			      struct cache_waiter *w)
{
	if (w == CACHE_LOCAL)
		return b->schema ? 0 : -EBUSY;
	if (b->schema) {
		fetch_touch_base_locked(c, b);
		return 0;
	}
	fetch_want_schema_locked(c, b, API_INTERACTIVE);
	return park_locked(&b->waiters, w);
}

int cache_list_bases(struct cache *c, uint32_t after, struct cache_dir *ret,
		     size_t max, struct cache_waiter *w)
{
	size_t i;
	int r, n = 0;

	lock_take(&c->mu);
	r = need_bases_locked(c, w);
	for (i = after; r == 0 && i < c->bases_n && (size_t)n < max; i++)
		if (c->bases[i] && c->bases[i]->listed)
			dir_of_base(c, c->bases[i], &ret[n++]);
	lock_drop(&c->mu);
	return r < 0 ? r : n;
}

int cache_lookup_base(struct cache *c, const char *name, struct cache_dir *ret,
		      struct cache_waiter *w)
{
	size_t i;
	int r;

	lock_take(&c->mu);
	r = need_bases_locked(c, w);
	if (r == 0) {
		r = -ENOENT;
		for (i = 0; i < c->bases_n; i++) {
			struct base *b = c->bases[i];

			if (b && b->listed && strcmp(b->name, name) == 0) {
				dir_of_base(c, b, ret);
				r = 0;
				break;
			}
		}
	}
	lock_drop(&c->mu);
	return r;
}

int cache_list_tables(struct cache *c, uint32_t base, uint32_t after,
		      struct cache_dir *ret, size_t max, struct cache_waiter *w)
{
	struct base *b;
	size_t i;
	int r = -ESTALE, n = 0;

	lock_take(&c->mu);
	b = tree_base_locked(c, base);
	if (b)
		r = need_schema_locked(c, b, w);
	for (i = after; r == 0 && i < c->tables_n && (size_t)n < max; i++) {
		struct table *t = c->tables[i];

		if (t && t->base == b && t->listed)
			dir_of_table(c, t, &ret[n++]);
	}
	lock_drop(&c->mu);
	return r < 0 ? r : n;
}

int cache_lookup_table(struct cache *c, uint32_t base, const char *name,
		       struct cache_dir *ret, struct cache_waiter *w)
{
	struct base *b;
	size_t i;
	int r = -ESTALE;

	lock_take(&c->mu);
	b = tree_base_locked(c, base);
	if (b)
		r = need_schema_locked(c, b, w);
	if (r == 0) {
		r = -ENOENT;
		for (i = 0; i < c->tables_n; i++) {
			struct table *t = c->tables[i];

			if (t && t->base == b && t->listed &&
			    strcmp(t->name, name) == 0) {
				dir_of_table(c, t, ret);
				r = 0;
				break;
			}
		}
	}
	lock_drop(&c->mu);
	return r;
}

int cache_open_dir(struct cache *c, uint32_t base, uint32_t table,
		   const struct cache_waiter *w)
{
	struct table *t;
	struct base *b;
	int r = 0;

	lock_take(&c->mu);
	t = tree_table_locked(c, table);
	b = table ? (t ? t->base : NULL) : tree_base_locked(c, base);
	if ((table || base) && (!b || !b->listed || (t && !t->listed)))
		r = -ESTALE;
	else if (w == CACHE_LOCAL)
		r = 0;
	else if (t)
		fetch_touch_table_locked(c, t);
	else if (b && b->schema)
		fetch_touch_base_locked(c, b);
	else if (c->bases_known)
		fetch_touch_bases_locked(c, true);
	lock_drop(&c->mu);
	return r;
}

int cache_stat_root(struct cache *c, struct cache_dir *ret)
{
	size_t i;

	lock_take(&c->mu);
	*ret = (struct cache_dir){ .ino = 1, .writable = !c->conf.read_only,
				   .mtime_ms = c->bases_names_at_ms };
	for (i = 0; i < c->bases_n; i++)
		if (c->bases[i] && c->bases[i]->listed)
			ret->subdirs++;
	lock_drop(&c->mu);
	return 0;
}

int cache_stat_base(struct cache *c, uint32_t base, struct cache_dir *ret)
{
	struct base *b;

	lock_take(&c->mu);
	b = tree_base_locked(c, base);
	if (b)
		dir_of_base(c, b, ret);
	lock_drop(&c->mu);
	return b && b->listed ? 0 : -ESTALE;
}

int cache_stat_table(struct cache *c, uint32_t table, struct cache_dir *ret)
{
	struct table *t;

	lock_take(&c->mu);
	t = tree_table_locked(c, table);
	if (t)
		dir_of_table(c, t, ret);
	lock_drop(&c->mu);
	return t && t->listed && t->base->listed ? 0 : -ESTALE;
}
