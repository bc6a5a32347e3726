/* What is above the records in the store: bases and tables, rows with a number
 * and a directory name, and small values by key. */
#include "store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store_internal.h"

/* ---- reading ---- */

static int base_read(const struct sql_call *c, struct store_base *b)
{
	int r;

	memset(b, 0, sizeof(*b));
	b->no = (uint32_t)sqlite3_column_int64(c->st, 0);
	sql_col_copy(c, 1, b->id.s, sizeof(b->id.s));
	sql_col_copy(c, 3, b->name, sizeof(b->name));
	sql_col_copy(c, 4, b->permission, sizeof(b->permission));
	b->schema_at_ms = sqlite3_column_int64(c->st, 5);
	b->listed = sqlite3_column_int(c->st, 6) != 0;
	r = sql_col_dup(c, 2, &b->remote_name, NULL);
	return r < 0 ? r : sql_col_dup(c, 7, &b->schema, NULL);
}

/* The first base after the number: 1, 0 or -errno. */
static int base_next(struct store *s, uint32_t after, struct store_base *b)
{
	struct sql_call c;
	struct sql *q;
	int r = store_reader(s, &q), e;

	if (r < 0)
		return r;
	c = sql_call(q, SS_BASE_NEXT);
	sql_int(&c, after);
	r = sql_step(&c);
	if (r > 0) {
		e = base_read(&c, b);
		if (e < 0) {
			free(b->remote_name);
			free(b->schema);
			r = e;
		}
	}
	sql_end(&c);
	store_reader_done(s, q);
	return r;
}

int store_each_base(struct store *s,
		    int (*fn)(void *ctx, const struct store_base *b), void *ctx)
{
	struct store_base b;
	uint32_t at = 0;
	int r;

	while ((r = base_next(s, at, &b)) > 0) {
		at = b.no;
		r = fn(ctx, &b);
		free(b.remote_name);
		free(b.schema);
		if (r != 0)
			return r;
	}
	return r;
}

static int table_read(const struct sql_call *c, struct store_table *t)
{
	memset(t, 0, sizeof(*t));
	t->no = (uint32_t)sqlite3_column_int64(c->st, 0);
	t->base_no = (uint32_t)sqlite3_column_int64(c->st, 1);
	sql_col_copy(c, 2, t->id.s, sizeof(t->id.s));
	sql_col_copy(c, 4, t->name, sizeof(t->name));
	t->listed = sqlite3_column_int(c->st, 5) != 0;
	t->complete = sqlite3_column_int(c->st, 6) != 0;
	t->listed_at_ms = sqlite3_column_int64(c->st, 7);
	t->names_at_ms = sqlite3_column_int64(c->st, 8);
	t->schema_gen = (uint32_t)sqlite3_column_int64(c->st, 9);
	t->fresh_at_ms = sqlite3_column_int64(c->st, 10);
	t->server_at_ms = sqlite3_column_int64(c->st, 11);
	return sql_col_dup(c, 3, &t->remote_name, NULL);
}

static int table_next(struct store *s, uint32_t base_no, uint32_t after,
		      struct store_table *t)
{
	struct sql_call c;
	struct sql *q;
	int r = store_reader(s, &q), e;

	if (r < 0)
		return r;
	c = sql_call(q, SS_TABLE_NEXT);
	sql_int(&c, base_no);
	sql_int(&c, after);
	r = sql_step(&c);
	if (r > 0) {
		e = table_read(&c, t);
		if (e < 0)
			r = e;
	}
	sql_end(&c);
	store_reader_done(s, q);
	return r;
}

int store_each_table(struct store *s, uint32_t base_no,
		     int (*fn)(void *ctx, const struct store_table *t),
		     void *ctx)
{
	struct store_table t;
	uint32_t at = 0;
	int r;

	while ((r = table_next(s, base_no, at, &t)) > 0) {
		at = t.no;
		r = fn(ctx, &t);
		free(t.remote_name);
		if (r != 0)
			return r;
	}
	return r;
}

/* ---- names ---- */

/* What bases and tables have in common when a directory name is looked for. */
struct named {
	enum store_stmt find, holder, rename;
	uint32_t scope; /* the base of a table; 0 for bases */
	const char *id;
	const char *remote_name;
};

struct holder {
	uint32_t no;
	char id[ATFS_ID_MAX];
	char *remote_name;
	bool listed;
};

/* Who has the name: 1, 0 or -errno. */
static int find_holder(struct sql *q, const struct named *n, const char *name,
		       struct holder *ret)
{
	struct sql_call c = sql_call(q, (size_t)n->holder);
	int r, e;

	sql_int(&c, n->scope);
	sql_text(&c, name);
	r = sql_step(&c);
	if (r > 0) {
		ret->no = (uint32_t)sqlite3_column_int64(c.st, 0);
		sql_col_copy(&c, 1, ret->id, sizeof(ret->id));
		ret->listed = sqlite3_column_int(c.st, 3) != 0;
		e = sql_col_dup(&c, 2, &ret->remote_name, NULL);
		if (e < 0)
			r = e;
	}
	sql_end(&c);
	return r;
}

static int rename_holder(struct sql *q, const struct named *n, uint32_t no,
			 const char *name)
{
	struct sql_call c = sql_call(q, (size_t)n->rename);

	sql_int(&c, no);
	sql_text(&c, name);
	return sql_run(&c);
}

/* Makes room at a name: 0 it is free now, 1 it stays taken, or -errno. One
 * that the server lists no more steps aside for one that is there. */
static int claim(struct sql *q, const struct named *n, const char *name)
{
	struct holder h = { .no = 0 }, other = { .no = 0 };
	char aside[NAME_BUF];
	int r = find_holder(q, n, name, &h);

	if (r > 0 && strcmp(h.id, n->id) == 0) {
		r = 0;
	} else if (r > 0 && !h.listed) {
		name_make(h.remote_name, strlen(h.remote_name), h.id, true, "",
			  aside);
		r = find_holder(q, n, aside, &other);
		if (r == 0)
			r = rename_holder(q, n, h.no, aside);
	}
	free(h.remote_name);
	free(other.remote_name);
	return r;
}

static int choose_name(struct sql *q, const struct named *n,
		       char out[static NAME_BUF])
{
	size_t len = strlen(n->remote_name);
	int r;

	name_make(n->remote_name, len, n->id, false, "", out);
	r = claim(q, n, out);
	if (r > 0) {
		name_make(n->remote_name, len, n->id, true, "", out);
		r = claim(q, n, out);
	}
	if (r > 0) {
		name_make(NULL, 0, n->id, false, "", out);
		r = claim(q, n, out);
	}
	return r > 0 ? -EEXIST : r;
}

/* The stored number and, where the remote name is the same, the stored name;
 * else a new name. *no is 0 for a row that is not there yet. */
static int settle(struct sql *q, const struct named *n, uint32_t *no,
		  char name[static NAME_BUF])
{
	struct sql_call c = sql_call(q, (size_t)n->find);
	char *stored = NULL;
	bool same = false;
	int r, e = 0;

	*no = 0;
	sql_int(&c, n->scope);
	sql_text(&c, n->id);
	r = sql_step(&c);
	if (r > 0) {
		*no = (uint32_t)sqlite3_column_int64(c.st, 0);
		e = sql_col_dup(&c, 1, &stored, NULL);
		same = stored != NULL && strcmp(stored, n->remote_name) == 0;
		if (same)
			sql_col_copy(&c, 2, name, NAME_BUF);
	}
	sql_end(&c);
	free(stored);
	if (r < 0 || e < 0)
		return r < 0 ? r : e;
	return same ? 0 : choose_name(q, n, name);
}

/* ---- writing ---- */

static int write_base(struct sql *q, const struct store_base *b,
		      const char *remote_name)
{
	struct sql_call c = sql_call(q, b->no != 0 ? SS_BASE_SET :
						     SS_BASE_ADD);

	sql_text(&c, b->id.s);
	sql_text(&c, remote_name);
	sql_text(&c, b->name);
	sql_text(&c, b->permission);
	sql_int(&c, b->schema_at_ms);
	sql_int(&c, b->listed);
	sql_text(&c, b->schema);
	return sql_run(&c);
}

int store_put_base(struct store *s, struct store_base *b)
{
	struct named n = { .find = SS_BASE_FIND, .holder = SS_BASE_HOLDER,
			   .rename = SS_BASE_RENAME, .id = b->id.s,
			   .remote_name = b->remote_name != NULL ?
						  b->remote_name : "" };
	struct sql *q;
	int r = store_writer(s, &q);

	if (r == 0)
		r = settle(q, &n, &b->no, b->name);
	if (r == 0)
		r = write_base(q, b, n.remote_name);
	if (r == 0 && b->no == 0)
		b->no = (uint32_t)sqlite3_last_insert_rowid(q->db);
	return store_wrote(s, r);
}

static int write_table(struct sql *q, const struct store_table *t,
		       const char *remote_name)
{
	struct sql_call c = sql_call(q, t->no != 0 ? SS_TABLE_SET :
						     SS_TABLE_ADD);

	sql_int(&c, t->base_no);
	sql_text(&c, t->id.s);
	sql_text(&c, remote_name);
	sql_text(&c, t->name);
	sql_int(&c, t->listed);
	sql_int(&c, t->complete);
	sql_int(&c, t->listed_at_ms);
	sql_int(&c, t->names_at_ms);
	sql_int(&c, t->schema_gen);
	sql_int(&c, t->fresh_at_ms);
	sql_int(&c, t->server_at_ms);
	return sql_run(&c);
}

int store_put_table(struct store *s, struct store_table *t)
{
	struct named n = { .find = SS_TABLE_FIND, .holder = SS_TABLE_HOLDER,
			   .rename = SS_TABLE_RENAME, .scope = t->base_no,
			   .id = t->id.s,
			   .remote_name = t->remote_name != NULL ?
						  t->remote_name : "" };
	struct sql *q;
	int r = store_writer(s, &q);

	if (r == 0)
		r = settle(q, &n, &t->no, t->name);
	if (r == 0)
		r = write_table(q, t, n.remote_name);
	if (r == 0 && t->no == 0)
		t->no = (uint32_t)sqlite3_last_insert_rowid(q->db);
	return store_wrote(s, r);
}

/* ---- values ---- */

int store_get_value(struct store *s, const char *key, char **ret)
{
	struct sql_call c;
	struct sql *q;
	int r = store_reader(s, &q);

	if (r < 0)
		return r;
	c = sql_call(q, SS_VALUE);
	sql_text(&c, key);
	r = sql_step(&c);
	if (r > 0)
		r = sql_col_dup(&c, 0, ret, NULL);
	else if (r == 0)
		r = -ENOENT;
	sql_end(&c);
	store_reader_done(s, q);
	return r;
}

int store_set_value(struct store *s, const char *key, const char *value)
{
	bool inside = store_is_owner(s);
	struct sql_call c;
	int r = inside ? s->txn_err : store_begin(s);

	if (r < 0)
		return r;
	c = sql_call(&s->writer, value != NULL ? SS_VALUE_SET : SS_VALUE_DROP);
	sql_text(&c, key);
	if (value != NULL)
		sql_text(&c, value);
	r = store_wrote(s, sql_run(&c));
	if (inside)
		return r;
	if (r == 0)
		return store_commit(s);
	store_rollback(s);
	return r;
}
