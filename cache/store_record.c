/* Reading records from the store. */
#include "store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store_internal.h"

void store_row_release(struct store_row *r)
{
	free(r->body);
	free(r->raw);
	r->body = r->raw = NULL;
	r->body_n = 0;
}

static int row_read(const struct sql_call *c, enum store_want want,
		    struct store_row *ret)
{
	uint64_t pos = (uint64_t)sqlite3_column_int64(c->st, 0);
	int r = 0;

	memset(ret, 0, sizeof(*ret));
	ret->table_no = (uint32_t)(pos >> 32);
	ret->seq = (uint32_t)pos;
	sql_col_copy(c, 1, ret->id, sizeof(ret->id));
	sql_col_copy(c, 2, ret->name, sizeof(ret->name));
	sql_col_copy(c, 3, ret->created, sizeof(ret->created));
	ret->size = sqlite3_column_int64(c->st, 4);
	ret->mtime_ms = sqlite3_column_int64(c->st, 5);
	ret->ctime_ms = sqlite3_column_int64(c->st, 6);
	ret->schema_gen = (uint32_t)sqlite3_column_int64(c->st, 7);
	if (want & STORE_BODY) {
		r = sql_col_dup(c, 8, &ret->body, &ret->body_n);
		/* asked for and none: empty, as its size says */
		if (r == 0 && ret->body == NULL) {
			ret->body = calloc(1, 1);
			r = ret->body == NULL ? -ENOMEM : 0;
		}
	}
	if (r == 0 && (want & STORE_RAW))
		r = sql_col_dup(c, 9, &ret->raw, NULL);
	if (r < 0)
		store_row_release(ret);
	return r;
}

/* Takes the one row of the call, and ends both. */
static int take_row(struct store *s, struct sql *q, struct sql_call *c,
		    enum store_want want, struct store_row *ret)
{
	int r = sql_step(c);

	if (r > 0)
		r = row_read(c, want, ret);
	else if (r == 0)
		r = -ENOENT;
	sql_end(c);
	store_reader_done(s, q);
	return r;
}

/* The statement for what is wanted, the first argument given if it has it. */
static struct sql_call row_call(struct sql *q, enum store_stmt meta,
				enum store_stmt full, enum store_want want)
{
	struct sql_call c = sql_call(q, want == STORE_META ? meta : full);

	if (want != STORE_META)
		sql_int(&c, (int64_t)want);
	return c;
}

int store_get(struct store *s, uint32_t table_no, uint32_t seq,
	      enum store_want want, struct store_row *ret)
{
	struct sql_call c;
	struct sql *q;
	int r = store_reader(s, &q);

	if (r < 0)
		return r;
	c = row_call(q, SS_GET, SS_GET_FULL, want);
	sql_int(&c, store_pos(table_no, seq));
	return take_row(s, q, &c, want, ret);
}

int store_find_name(struct store *s, uint32_t table_no, const char *name,
		    enum store_want want, struct store_row *ret)
{
	struct sql_call c;
	struct sql *q;
	int r = store_reader(s, &q);

	if (r < 0)
		return r;
	c = row_call(q, SS_NAME, SS_NAME_FULL, want);
	sql_int(&c, table_no);
	sql_text(&c, name);
	return take_row(s, q, &c, want, ret);
}

int store_next_local(struct store *s, uint32_t table_no, const char *after,
		     struct store_row *ret)
{
	struct sql_call c;
	struct sql *q;
	int r = store_reader(s, &q);

	if (r < 0)
		return r;
	c = sql_call(q, SS_LOCAL);
	sql_int(&c, table_no);
	sql_text(&c, strcmp(after, "new-") > 0 ? after : "new-");
	return take_row(s, q, &c, STORE_META, ret);
}

int store_find_id(struct store *s, uint32_t table_no, const char *id,
		  enum store_want want, struct store_row *ret)
{
	struct sql_call c;
	struct sql *q;
	int r = store_reader(s, &q);

	if (r < 0)
		return r;
	c = row_call(q, SS_ID, SS_ID_FULL, want);
	sql_int(&c, table_no);
	sql_text(&c, id);
	return take_row(s, q, &c, want, ret);
}

int store_list(struct store *s, uint32_t table_no, uint32_t after, size_t max,
	       enum store_want want, struct store_row *rows)
{
	struct sql_call c;
	struct sql *q;
	size_t n = 0;
	int r = store_reader(s, &q);

	if (r < 0)
		return r;
	if (max > INT32_MAX)
		max = INT32_MAX;
	c = row_call(q, SS_LIST, SS_LIST_FULL, want);
	sql_int(&c, store_pos(table_no, after));
	sql_int(&c, store_pos(table_no, UINT32_MAX));
	sql_int(&c, (int64_t)max);
	while (n < max && (r = sql_step(&c)) > 0) {
		r = row_read(&c, want, &rows[n]);
		if (r < 0)
			break;
		n++;
	}
	sql_end(&c);
	store_reader_done(s, q);
	if (r < 0) {
		while (n > 0)
			store_row_release(&rows[--n]);
		return r;
	}
	return (int)n;
}

int store_count(struct store *s, uint32_t table_no, int64_t *ret)
{
	struct sql_call c;
	struct sql *q;
	int r = store_reader(s, &q);

	if (r < 0)
		return r;
	if (q == &s->writer && s->at.table_no == table_no) {
		*ret = s->at.rows; /* not yet written back */
		return 0;
	}
	c = sql_call(q, SS_COUNT);
	sql_int(&c, table_no);
	r = sql_step(&c);
	if (r > 0)
		*ret = sqlite3_column_int64(c.st, 0);
	sql_end(&c);
	store_reader_done(s, q);
	return r < 0 ? r : r == 0 ? -ENOENT : 0;
}

int store_versions(struct store *s, uint32_t table_no, uint32_t seq,
		   size_t max, struct store_version *ret)
{
	struct sql_call c;
	struct sql *q;
	size_t n = 0;
	int r = store_reader(s, &q);

	if (r < 0)
		return r;
	if (max > STORE_VERSIONS)
		max = STORE_VERSIONS;
	c = sql_call(q, SS_VERSIONS);
	sql_int(&c, store_pos(table_no, seq));
	sql_int(&c, (int64_t)max);
	while (n < max && (r = sql_step(&c)) > 0) {
		ret[n].vid = sqlite3_column_int64(c.st, 0);
		ret[n].at_ms = sqlite3_column_int64(c.st, 1);
		r = sql_col_dup(&c, 2, &ret[n].raw, NULL);
		if (r < 0)
			break;
		n++;
	}
	sql_end(&c);
	store_reader_done(s, q);
	if (r < 0) {
		while (n > 0)
			free(ret[--n].raw);
		return r;
	}
	return (int)n;
}

int store_version_get(struct store *s, int64_t vid, uint32_t *ret_table_no,
		      uint32_t *ret_seq, char **ret_raw)
{
	struct sql_call c;
	struct sql *q;
	uint64_t pos;
	int r = store_reader(s, &q), e;

	if (r < 0)
		return r;
	c = sql_call(q, SS_VERSION);
	sql_int(&c, vid);
	r = sql_step(&c);
	if (r > 0) {
		pos = (uint64_t)sqlite3_column_int64(c.st, 0);
		*ret_table_no = (uint32_t)(pos >> 32);
		*ret_seq = (uint32_t)pos;
		e = sql_col_dup(&c, 1, ret_raw, NULL);
		if (e < 0)
			r = e;
	}
	sql_end(&c);
	store_reader_done(s, q);
	return r < 0 ? r : r == 0 ? -ENOENT : 0;
}

int store_find_primary(struct store *s, uint32_t table_no, const char *text,
		       char ret_id[static ATFS_ID_MAX])
{
	struct sql_call c;
	struct sql *q;
	int n = 0, r = store_reader(s, &q);

	if (r < 0)
		return r;
	c = sql_call(q, SS_PRIMARY);
	sql_int(&c, table_no);
	sql_int(&c, (int64_t)sql_sum_text(SQL_SUM_START, text));
	sql_text(&c, text);
	while ((r = sql_step(&c)) > 0) {
		if (n++ == 0)
			sql_col_copy(&c, 0, ret_id, ATFS_ID_MAX);
	}
	sql_end(&c);
	store_reader_done(s, q);
	return r < 0 ? r : n;
}
