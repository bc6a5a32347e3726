/* The trash of a table: what the journal still holds of records that were
 * deleted here, and of new ones that were cancelled before they were made. It
 * is emptied with the journal (cache.c says after how long). */
#include "save.h"

#include <stdlib.h>
#include <string.h>

/* All of a table, newest first, each with a name of its own. */
struct trash {
	struct cache_past *v;
	size_t n, room;
};

static bool is_named(const struct trash *t, const char *name)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (strcmp(t->v[i].name, name) == 0)
			return true;
	return false;
}

static void name_it(const struct trash *t, const struct op *o,
		    char out[static NAME_BUF])
{
	char text[NAME_BUF], no[ATFS_ID_MAX];
	size_t n;

	memcpy(out, o->name, NAME_BUF);
	if (!is_named(t, out))
		return;
	if (name_to_text(o->name, RECORD_SUFFIX, text) < 0)
		text[0] = '\0';
	n = strlen(text);
	name_make(text, n, o->record, true, RECORD_SUFFIX, out);
	if (!is_named(t, out))
		return;
	snprintf(no, sizeof(no), "%lld", (long long)o->id);
	name_make(text, n, no, true, RECORD_SUFFIX, out);
}

static int collect(void *ctx, const struct op *o)
{
	struct trash *t = ctx;

	if (t->n == t->room) {
		size_t room = t->room ? 2 * t->room : 64;
		struct cache_past *p = realloc(t->v, room * sizeof(*p));

		if (!p)
			return -ENOMEM;
		t->v = p;
		t->room = room;
	}
	name_it(t, o, t->v[t->n].name);
	t->v[t->n++].no = (uint32_t)o->id;
	return 0;
}

static int load(struct cache *c, uint32_t table, struct trash *ret)
{
	struct table_id id = { "" };
	struct table *t;
	int r;

	memset(ret, 0, sizeof(*ret));
	lock_take(&c->mu);
	t = tree_table_locked(c, table);
	if (t)
		id = t->id;
	lock_drop(&c->mu);
	if (!t)
		return -ESTALE;
	r = journal_each_removed(c->journal, &id, collect, ret);
	if (r < 0)
		free(ret->v);
	return r;
}

int cache_list_trash(struct cache *c, uint32_t table, uint32_t after,
		     struct cache_past *ret, size_t max)
{
	struct trash t;
	size_t i, n = 0;
	int r = load(c, table, &t);

	if (r < 0)
		return r;
	for (i = t.n; i-- > 0 && n < max;)
		if (t.v[i].no > after)
			ret[n++] = t.v[i];
	free(t.v);
	return (int)n;
}

int cache_find_trash(struct cache *c, uint32_t table, const char *name,
		     uint32_t *ret_no)
{
	struct trash t;
	size_t i;
	int r = load(c, table, &t);

	if (r < 0)
		return r;
	r = -ENOENT;
	for (i = 0; i < t.n && r < 0; i++) {
		if (strcmp(t.v[i].name, name) == 0) {
			*ret_no = t.v[i].no;
			r = 0;
		}
	}
	free(t.v);
	return r;
}

static bool is_trash(struct cache *c, uint32_t table, const struct op *o)
{
	struct table *t;
	bool same;

	lock_take(&c->mu);
	t = tree_table_locked(c, table);
	same = t && strcmp(t->id.s, o->table.s) == 0;
	lock_drop(&c->mu);
	return same && o->state == OP_DONE &&
	       ((o->kind == OP_DELETE && o->err == 0) ||
		(o->kind == OP_CREATE && o->err == OP_ERR_CANCELLED));
}

int cache_read_trash(struct cache *c, uint32_t table, uint32_t no, char **ret)
{
	struct op o = { 0 };
	int r = journal_get(c->journal, no, true, &o);

	if (r == 0 && !is_trash(c, table, &o))
		r = -ENOENT;
	if (r == 0) {
		*ret = o.bytes ? strndup(o.bytes, o.bytes_n) : strdup("");
		r = *ret ? 0 : -ENOMEM;
	}
	op_clear(&o);
	return r;
}

int cache_forget_trash(struct cache *c, uint32_t table, uint32_t no)
{
	struct op o = { 0 };
	int r = journal_get(c->journal, no, false, &o);

	if (r == 0 && !is_trash(c, table, &o))
		r = -ENOENT;
	op_clear(&o);
	return r < 0 ? r : journal_forget(c->journal, no);
}
