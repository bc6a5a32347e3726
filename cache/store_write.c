/* Writing records into the store. store_put is what a listing of a large table
 * spends its time in: one look-up for a row that is unchanged, and for a new
 * one the name's look-up and two inserts. */
#include "store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store_internal.h"

/* Seq numbers are 32 bits and are not used again. */
#define SEQ_MAX INT64_C(0xfffffffe)

/* A text that is NULL has no sum, and so no place in the index. */
static void prim_args(struct sql_call *c, const char *primary)
{
	sql_text(c, primary);
	if (primary == NULL)
		sql_text(c, NULL);
	else
		sql_int(c, (int64_t)sql_sum_text(SQL_SUM_START, primary));
}

/* ---- names ---- */

/* Is the name another row's? 1, 0 or -errno. pos 0 is nobody's. */
static int is_taken(struct sql *q, uint32_t table_no, const char *name,
		    int64_t pos)
{
	struct sql_call c = sql_call(q, SS_HOLDER);
	int r;

	sql_int(&c, table_no);
	sql_text(&c, name);
	r = sql_step(&c);
	if (r > 0)
		r = sqlite3_column_int64(c.st, 0) != pos;
	sql_end(&c);
	return r;
}

/* Plain, else with the id, else the id alone. A value can be made to look like
 * the second of another record, hardly like the third as well. */
static int choose_name(struct sql *q, uint32_t table_no, int64_t pos,
		       const char *primary, const char *id,
		       struct store_change *ret)
{
	size_t n = primary != NULL ? strlen(primary) : 0;
	char *out = ret->name;
	int r;

	name_make(primary, n, id, false, RECORD_SUFFIX, out);
	r = is_taken(q, table_no, out, pos);
	ret->aside = r > 0;
	if (r > 0) {
		name_make(primary, n, id, true, RECORD_SUFFIX, out);
		r = is_taken(q, table_no, out, pos);
	}
	if (r > 0) {
		name_make(NULL, 0, id, false, RECORD_SUFFIX, out);
		r = is_taken(q, table_no, out, pos);
	}
	return r > 0 ? -EEXIST : r;
}

static int rename_row(struct sql *q, int64_t pos, const char *name,
		      const char *primary)
{
	struct sql_call c = sql_call(q, SS_RENAME);

	sql_int(&c, pos);
	sql_text(&c, name);
	prim_args(&c, primary);
	return sql_run(&c);
}

/* ---- put ---- */

static int write_content(struct sql *q, int64_t pos, const char *body,
			 size_t body_n, const char *raw)
{
	struct sql_call c = sql_call(q, SS_CONTENT);

	sql_int(&c, pos);
	sql_blob(&c, body, body_n);
	sql_text(&c, raw);
	return sql_run(&c);
}

/* Inserts a row under the table's next number. */
static int add_row(struct store *s, struct sql *q, const struct store_row *row,
		   const char *name, const char *primary, int64_t seen,
		   uint32_t *ret_seq)
{
	struct sql_call c;
	int64_t pos;
	int r = store_load_counters(s, row->table_no);

	if (r < 0)
		return r;
	if (s->at.next_seq > SEQ_MAX)
		return -ENOSPC;
	pos = store_pos(row->table_no, (uint32_t)s->at.next_seq);
	c = sql_call(q, SS_ADD);
	sql_int(&c, pos);
	sql_int(&c, row->table_no);
	sql_int(&c, seen);
	sql_int(&c, row->body != NULL ? (int64_t)row->body_n : row->size);
	sql_int(&c, row->mtime_ms);
	sql_int(&c, row->ctime_ms);
	sql_int(&c, row->schema_gen);
	sql_text(&c, row->id);
	sql_text(&c, row->created);
	sql_text(&c, name);
	prim_args(&c, primary);
	r = sql_run(&c);
	if (r == 0 && (row->body != NULL || row->raw != NULL))
		r = write_content(q, pos, row->body, row->body_n, row->raw);
	if (r < 0)
		return r;
	*ret_seq = (uint32_t)s->at.next_seq++;
	s->at.rows++;
	s->at.moved = true;
	return 0;
}

/* How the stored row and the one to be put compare. */
struct diff {
	int64_t pos;
	char name[NAME_BUF];
	int64_t size, mtime, ctime;
	bool same_primary, same_body, same_raw, same_meta;
	bool had_raw;
};

static bool column_is(const struct sql_call *c, int i, const void *p, size_t n)
{
	const void *col = sqlite3_column_blob(c->st, i);

	if (sqlite3_column_type(c->st, i) == SQLITE_NULL)
		return p == NULL;
	return p != NULL && (size_t)sqlite3_column_bytes(c->st, i) == n &&
	       (n == 0 || (col != NULL && memcmp(col, p, n) == 0));
}

static bool column_is_text(const struct sql_call *c, int i, const char *s)
{
	return column_is(c, i, s, s != NULL ? strlen(s) : 0);
}

/* Compares within the statement, so that nothing is copied: 1, 0 or -errno. */
static int compare_stored(struct sql *q, const struct store_row *row,
			  const char *primary, struct diff *d)
{
	struct sql_call c = sql_call(q, SS_STORED);
	int r;

	sql_int(&c, row->table_no);
	sql_text(&c, row->id);
	r = sql_step(&c);
	if (r > 0) {
		d->pos = sqlite3_column_int64(c.st, 0);
		sql_col_copy(&c, 1, d->name, sizeof(d->name));
		d->same_primary = column_is_text(&c, 2, primary);
		d->size = sqlite3_column_int64(c.st, 3);
		d->mtime = sqlite3_column_int64(c.st, 4);
		d->ctime = sqlite3_column_int64(c.st, 9);
		d->same_meta = sqlite3_column_int64(c.st, 5) ==
				       row->schema_gen &&
			       column_is_text(&c, 6, row->created);
		/* what is not given stays as it is */
		d->same_body = row->body == NULL ||
			       column_is(&c, 7, row->body, row->body_n);
		d->same_raw = row->raw == NULL ||
			      column_is_text(&c, 8, row->raw);
		d->had_raw = sqlite3_column_type(c.st, 8) != SQLITE_NULL;
	}
	sql_end(&c);
	return r;
}

static int keep_version(struct sql *q, int64_t pos, int64_t at_ms)
{
	struct sql_call c = sql_call(q, SS_VERSION_ADD);
	int r;

	sql_int(&c, pos);
	sql_int(&c, at_ms);
	r = sql_run(&c);
	if (r < 0)
		return r;
	c = sql_call(q, SS_VERSION_TRIM);
	sql_int(&c, pos);
	sql_int(&c, STORE_VERSIONS);
	return sql_run(&c);
}

static int mark_seen(struct sql *q, int64_t pos, int64_t seen)
{
	struct sql_call c = sql_call(q, SS_SEEN);

	sql_int(&c, pos);
	sql_int(&c, seen);
	return sql_run(&c);
}

static int update_meta(struct sql *q, const struct store_row *row,
		       const struct diff *d, int64_t seen, bool mtime_moves)
{
	struct sql_call c = sql_call(q, SS_SET);
	bool moved = !d->same_body || !d->same_raw || !d->same_primary;

	sql_int(&c, d->pos);
	sql_int(&c, seen);
	sql_int(&c, row->body != NULL ? (int64_t)row->body_n : d->size);
	sql_int(&c, mtime_moves ? row->mtime_ms : d->mtime);
	sql_int(&c, moved ? row->ctime_ms : d->ctime);
	sql_int(&c, row->schema_gen);
	sql_text(&c, row->created);
	return sql_run(&c);
}

static int update_name(struct sql *q, const struct store_row *row,
		       const char *primary, const struct diff *d,
		       struct store_change *ret)
{
	int r = choose_name(q, row->table_no, d->pos, primary, row->id, ret);

	if (r == 0)
		r = rename_row(q, d->pos, ret->name, primary);
	if (r == 0 && strcmp(ret->name, d->name) != 0) {
		ret->renamed = true;
		memcpy(ret->old_name, d->name, sizeof(ret->old_name));
	}
	return r;
}

static int update_row(struct sql *q, const struct store_row *row,
		      const char *primary, int64_t seen, bool mtime_moves,
		      const struct diff *d, struct store_change *ret)
{
	int r = 0;

	ret->seq = (uint32_t)d->pos;
	memcpy(ret->name, d->name, sizeof(ret->name));
	ret->content = !d->same_body;
	if (d->same_primary && d->same_body && d->same_raw && d->same_meta &&
	    (!mtime_moves || d->mtime == row->mtime_ms))
		return mark_seen(q, d->pos, seen);
	if (!d->same_raw && d->had_raw)
		r = keep_version(q, d->pos, row->ctime_ms);
	if (r == 0 && !(d->same_raw && d->same_body))
		r = write_content(q, d->pos, d->same_body ? NULL : row->body,
				  row->body_n, d->same_raw ? NULL : row->raw);
	if (r == 0)
		r = update_meta(q, row, d, seen, mtime_moves);
	if (r == 0 && !d->same_primary)
		r = update_name(q, row, primary, d, ret);
	return r;
}

int store_put(struct store *s, const struct store_row *row, const char *primary,
	      int64_t seen, bool mtime_moves, struct store_change *ret)
{
	struct diff d;
	struct sql *q;
	int r = store_writer(s, &q);

	memset(ret, 0, sizeof(*ret));
	if (r < 0)
		return r;
	r = compare_stored(q, row, primary, &d);
	if (r > 0) {
		r = update_row(q, row, primary, seen, mtime_moves, &d, ret);
	} else if (r == 0) {
		r = choose_name(q, row->table_no, 0, primary, row->id, ret);
		if (r == 0)
			r = add_row(s, q, row, ret->name, primary, seen,
				    &ret->seq);
		ret->inserted = ret->content = r == 0;
	}
	return store_wrote(s, r);
}

/* ---- one thing of a row ---- */

/* Runs an update of one row, which must be there. */
static int set_one(struct store *s, struct sql *q, struct sql_call *c)
{
	int r = sql_run(c);

	if (r == 0 && sqlite3_changes(q->db) == 0)
		r = -ENOENT;
	return store_wrote(s, r);
}

int store_mark_seen(struct store *s, uint32_t table_no, uint32_t seq,
		    int64_t seen)
{
	struct sql_call c;
	struct sql *q;
	int r = store_writer(s, &q);

	if (r < 0)
		return r;
	c = sql_call(q, SS_SEEN);
	sql_int(&c, store_pos(table_no, seq));
	sql_int(&c, seen);
	return set_one(s, q, &c);
}

int store_set_name(struct store *s, uint32_t table_no, uint32_t seq,
		   const char *name, const char *primary)
{
	struct sql_call c;
	struct sql *q;
	int r = store_writer(s, &q);

	if (r < 0)
		return r;
	r = is_taken(q, table_no, name, store_pos(table_no, seq));
	if (r != 0)
		return store_wrote(s, r > 0 ? -EEXIST : r);
	c = sql_call(q, SS_RENAME);
	sql_int(&c, store_pos(table_no, seq));
	sql_text(&c, name);
	prim_args(&c, primary);
	return set_one(s, q, &c);
}

int store_name_again(struct store *s, uint32_t table_no, uint32_t seq,
		     struct store_change *ret)
{
	int64_t pos = store_pos(table_no, seq);
	char id[ATFS_ID_MAX] = "", *primary = NULL;
	struct sql_call c;
	struct sql *q;
	int e = 0, r = store_writer(s, &q);

	*ret = (struct store_change){ .seq = seq };
	if (r < 0)
		return r;
	c = sql_call(q, SS_NAMING);
	sql_int(&c, pos);
	r = sql_step(&c);
	if (r > 0) {
		sql_col_copy(&c, 0, id, sizeof(id));
		sql_col_copy(&c, 1, ret->old_name, NAME_BUF);
		e = sql_col_dup(&c, 2, &primary, NULL);
	}
	sql_end(&c);
	if (r == 0)
		return -ENOENT;
	if (r > 0)
		r = e;
	if (r == 0)
		r = choose_name(q, table_no, pos, primary, id, ret);
	ret->renamed = r == 0 && strcmp(ret->name, ret->old_name) != 0;
	if (ret->renamed)
		r = rename_row(q, pos, ret->name, primary);
	free(primary);
	return store_wrote(s, r);
}

int store_set_times(struct store *s, uint32_t table_no, uint32_t seq,
		    int64_t mtime_ms, int64_t ctime_ms)
{
	struct sql_call c;
	struct sql *q;
	int r = store_writer(s, &q);

	if (r < 0)
		return r;
	c = sql_call(q, SS_SET_TIMES);
	sql_int(&c, store_pos(table_no, seq));
	sql_int(&c, mtime_ms);
	sql_int(&c, ctime_ms);
	return set_one(s, q, &c);
}

int store_set_body(struct store *s, uint32_t table_no, uint32_t seq,
		   const char *body, size_t n, uint32_t schema_gen)
{
	int64_t pos = store_pos(table_no, seq);
	struct sql_call c;
	struct sql *q;
	int r = store_writer(s, &q);

	if (r < 0)
		return r;
	c = sql_call(q, SS_SET_SIZE);
	sql_int(&c, pos);
	sql_int(&c, (int64_t)n);
	sql_int(&c, schema_gen);
	r = set_one(s, q, &c);
	if (r < 0)
		return r;
	return store_wrote(s, write_content(q, pos, n > 0 ? body : "", n,
					    NULL));
}

/* ---- local rows ---- */

int store_put_local(struct store *s, uint32_t table_no, const char *local_id,
		    const char *name, int64_t now_ms, uint32_t *ret_seq)
{
	struct store_row row = { .table_no = table_no, .mtime_ms = now_ms,
				 .ctime_ms = now_ms };
	char text[NAME_BUF];
	struct sql *q;
	int r = store_writer(s, &q);

	if (r < 0)
		return r;
	r = is_taken(q, table_no, name, 0);
	if (r != 0)
		return store_wrote(s, r > 0 ? -EEXIST : r);
	/* the text that the name stands for: if the server's is the same when
	 * it comes, the name is kept */
	if (name_to_text(name, RECORD_SUFFIX, text) < 0)
		text[0] = '\0';
	id_copy(row.id, local_id);
	return store_wrote(s, add_row(s, q, &row, name,
				      text[0] != '\0' ? text : NULL,
				      SEEN_SPARED, ret_seq));
}

/* ---- going ---- */

static int remove_row(struct store *s, struct sql *q, int64_t pos)
{
	static const enum store_stmt all[] = { SS_DROP_CONTENT,
					       SS_DROP_VERSIONS, SS_DROP };
	int r = store_load_counters(s, (uint32_t)((uint64_t)pos >> 32));

	for (size_t i = 0; r == 0 && i < 3; i++) {
		struct sql_call c = sql_call(q, all[i]);

		sql_int(&c, pos);
		r = sql_run(&c);
	}
	if (r < 0)
		return r;
	if (sqlite3_changes(q->db) == 0)
		return -ENOENT;
	s->at.rows--;
	s->at.moved = true;
	return 0;
}

int store_remove(struct store *s, uint32_t table_no, uint32_t seq)
{
	struct sql *q;
	int r = store_writer(s, &q);

	if (r < 0)
		return r;
	return store_wrote(s, remove_row(s, q, store_pos(table_no, seq)));
}

int store_adopt(struct store *s, uint32_t table_no, uint32_t seq,
		const char *new_id, struct store_change *ret_gone)
{
	struct store_row other;
	struct sql_call c;
	struct sql *q;
	int r = store_writer(s, &q);

	if (ret_gone != NULL)
		memset(ret_gone, 0, sizeof(*ret_gone));
	if (r < 0)
		return r;
	r = store_find_id(s, table_no, new_id, STORE_META, &other);
	if (r == 0 && other.seq != seq) {
		r = remove_row(s, q, store_pos(table_no, other.seq));
		if (r == 0 && ret_gone != NULL) {
			ret_gone->seq = other.seq;
			memcpy(ret_gone->name, other.name, NAME_BUF);
		}
	}
	if (r < 0 && r != -ENOENT)
		return store_wrote(s, r);
	c = sql_call(q, SS_SET_ID);
	sql_int(&c, store_pos(table_no, seq));
	sql_text(&c, new_id);
	/* a listing that is under way may have passed its place already */
	sql_int(&c, SEEN_SPARED);
	return set_one(s, q, &c);
}

/* The next row that no listing has marked: 1, 0 or -errno. */
static int next_unseen(struct sql *q, uint32_t table_no, int64_t *pos,
		       int64_t seen, struct store_row *ret)
{
	struct sql_call c = sql_call(q, SS_UNSEEN);
	int r;

	sql_int(&c, *pos);
	sql_int(&c, store_pos(table_no, UINT32_MAX));
	sql_int(&c, seen);
	sql_int(&c, SEEN_SPARED);
	r = sql_step(&c);
	if (r > 0) {
		*pos = sqlite3_column_int64(c.st, 0);
		sql_col_copy(&c, 1, ret->name, sizeof(ret->name));
		sql_col_copy(&c, 2, ret->id, sizeof(ret->id));
	}
	sql_end(&c);
	return r;
}

int store_sweep(struct store *s, uint32_t table_no, int64_t seen,
		bool (*fn)(void *ctx, uint32_t seq, const char *name,
			   const char *id), void *ctx)
{
	int64_t pos = store_pos(table_no, 0);
	struct store_row row;
	struct sql_call c;
	struct sql *q;
	int r = store_writer(s, &q);

	if (r < 0)
		return r;
	while ((r = next_unseen(q, table_no, &pos, seen, &row)) > 0) {
		if (fn != NULL && !fn(ctx, (uint32_t)pos, row.name, row.id))
			continue;
		r = remove_row(s, q, pos);
		if (r < 0)
			break;
	}
	if (r < 0)
		return store_wrote(s, r);
	c = sql_call(q, SS_AGE);
	sql_int(&c, store_pos(table_no, 0));
	sql_int(&c, store_pos(table_no, UINT32_MAX));
	sql_int(&c, SEEN_SPARED);
	sql_int(&c, SEEN_OLD);
	return store_wrote(s, sql_run(&c));
}
