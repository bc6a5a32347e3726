#include "journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "journal_internal.h"

/* Ops handed to a callback are read so many at a time, and the lock is not
 * held while it runs. */
#define EACH_CHUNK 64

#define OP_COLS                                                           \
	"id, kind, state, base, tbl, record, name, changes, before_cells,"\
	" after_cells, bytes_sum, saved_ms, not_before_ms, sent_ms,"      \
	" tries, err, reason, theirs, sum, state_sum"

const char *const journal_text[JS_N] = {
	[JS_BEGIN] = "BEGIN IMMEDIATE",
	[JS_COMMIT] = "COMMIT",
	[JS_NEXT_NUMBER] = "UPDATE counter SET n = n + 1 WHERE what = ?"
			   " RETURNING n",
	[JS_SET_NUMBER] = "UPDATE counter SET n = max(n, ?2) WHERE what = ?1",
	[JS_ADD] = "INSERT INTO op (" OP_COLS ", bytes) VALUES (?, ?, ?, ?, ?,"
		   " ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[JS_REWRITE] =
		"UPDATE op SET kind = ?2, base = ?3, tbl = ?4, record = ?5,"
		" name = ?6, changes = ?7, before_cells = ?8,"
		" after_cells = ?9, bytes_sum = ?10, saved_ms = ?11,"
		" not_before_ms = ?12, sum = ?13,"
		" bytes = CASE WHEN ?14 THEN ?15 ELSE bytes END WHERE id = ?1",
	[JS_MOVE] = "UPDATE op SET state = ?3, sent_ms = ?4, tries = ?5,"
		    " err = ?6, reason = ?7, theirs = ?8, state_sum = ?9"
		    " WHERE id = ?1 AND state = ?2",
	[JS_RETELL] = "SELECT state FROM op WHERE id = ?",
	[JS_GET] = "SELECT " OP_COLS " FROM op WHERE id = ?",
	[JS_GET_BYTES] = "SELECT " OP_COLS ", bytes FROM op WHERE id = ?",
	[JS_NEXT] = "SELECT " OP_COLS ", bytes FROM op WHERE id > ?"
		    " ORDER BY id LIMIT 1",
	/* the state is 4, done, as the index op_open has it */
	[JS_NEXT_OPEN] = "SELECT " OP_COLS " FROM op WHERE state <> 4 AND"
			 " id > ? ORDER BY id LIMIT 1",
	[JS_OF_RECORD] = "SELECT " OP_COLS " FROM op WHERE record = ? AND"
			 " id < ? ORDER BY id DESC LIMIT 1",
	[JS_BYTES_SUM] = "SELECT bytes_sum FROM op WHERE id = ?",
	[JS_MENTION_ADD] = "INSERT OR IGNORE INTO mention (local, op)"
			   " VALUES (?, ?)",
	[JS_MENTION_DROP] = "DELETE FROM mention WHERE op = ?",
	[JS_MENTION_NEXT] = "SELECT op FROM mention WHERE local = ? AND op > ?"
			    " ORDER BY op LIMIT 1",
	[JS_MENTION_MOVE] = "DELETE FROM mention WHERE local = ?",
	[JS_RECORD_NEXT] = "SELECT id FROM op WHERE record = ? AND id > ?"
			   " ORDER BY id LIMIT 1",
	[JS_PRUNE] = "DELETE FROM op WHERE state = 4 AND saved_ms < ?1 AND"
		     " id <= (SELECT id FROM op WHERE state = 4"
		     " ORDER BY id DESC LIMIT 1 OFFSET ?2)",
	[JS_FORGET] = "DELETE FROM op WHERE state = 4 AND id = ?",
	/* kinds 2 create, 3 delete */
	[JS_REMOVED] = "SELECT " OP_COLS " FROM op WHERE state = 4 AND id < ?1"
		       " AND (?2 IS NULL OR tbl = ?2) AND ((kind = 3 AND"
		       " err = 0) OR (kind = 2 AND err = ?3))"
		       " ORDER BY id DESC LIMIT 1",
	[JS_RECENT] = "SELECT " OP_COLS " FROM op WHERE id < ?"
		      " ORDER BY id DESC LIMIT 1",
	[JS_DRAFT_PUT] =
		"INSERT INTO draft (base, tbl, record, name, file, err,"
		" reason, sum) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
		" ON CONFLICT (tbl, record) DO UPDATE SET"
		" base = excluded.base, name = excluded.name,"
		" file = excluded.file, err = excluded.err,"
		" reason = excluded.reason, sum = excluded.sum",
	[JS_DRAFT_DROP] = "DELETE FROM draft WHERE tbl = ? AND record = ?",
	[JS_DRAFT_NEXT] = "SELECT no, base, tbl, record, name, file, err,"
			  " reason, sum FROM draft WHERE no > ?"
			  " ORDER BY no LIMIT 1",
	[JS_DRAFT_GET] = "SELECT no, base, tbl, record, name, file, err,"
			 " reason, sum FROM draft WHERE no = ?",
	[JS_DRAFT_OF_RECORD] =
		"SELECT no, base, tbl, record, name, file, err, reason, sum"
		" FROM draft WHERE record = ? LIMIT 1",
	[JS_DRAFT_RENAME] = "UPDATE OR REPLACE draft SET record = ?2, sum = ?3"
			    " WHERE no = ?1",
};

static const char *const state_names[] = {
	[OP_QUEUED] = "queued",	    [OP_SENDING] = "sending",
	[OP_UNKNOWN] = "unknown",   [OP_DONE] = "done",
	[OP_CONFLICT] = "conflict", [OP_REJECTED] = "rejected",
};

#define TO(s) (1u << (s))
static const unsigned moves[] = {
	[OP_QUEUED] = TO(OP_SENDING) | TO(OP_CONFLICT) | TO(OP_DONE),
	[OP_SENDING] = TO(OP_DONE) | TO(OP_QUEUED) | TO(OP_UNKNOWN) |
		       TO(OP_REJECTED),
	[OP_UNKNOWN] = TO(OP_QUEUED) | TO(OP_DONE) | TO(OP_CONFLICT),
	[OP_DONE] = 0,
	[OP_CONFLICT] = TO(OP_QUEUED) | TO(OP_DONE),
	[OP_REJECTED] = TO(OP_QUEUED) | TO(OP_DONE),
};

static bool state_is_known(int s)
{
	return s >= OP_QUEUED && s <= OP_REJECTED;
}

const char *op_state_name(enum op_state s)
{
	return state_is_known((int)s) ? state_names[s] : "?";
}

const char *op_kind_name(enum op_kind k)
{
	switch (k) {
	case OP_UPDATE:
		return "update";
	case OP_CREATE:
		return "create";
	case OP_DELETE:
		return "delete";
	default:
		return "?";
	}
}

bool op_move_allowed(enum op_state from, enum op_state to)
{
	return state_is_known((int)from) && state_is_known((int)to) &&
	       (moves[from] & TO(to)) != 0;
}

void op_clear(struct op *o)
{
	free(o->changes);
	free(o->before);
	free(o->after);
	free(o->bytes);
	free(o->reason);
	free(o->theirs);
	o->changes = o->before = o->after = NULL;
	o->bytes = o->reason = o->theirs = NULL;
	o->bytes_n = 0;
}

/* ---- an operation as a row ---- */

int64_t op_bytes_sum(const struct op *o)
{
	if (o->bytes == NULL)
		return 0;
	return (int64_t)sql_sum(SQL_SUM_START, o->bytes, o->bytes_n);
}

int64_t op_saved_sum(const struct op *o, int64_t sum_of_bytes)
{
	uint64_t s = sql_sum_int(SQL_SUM_START, o->id);

	s = sql_sum_int(s, (int64_t)o->kind);
	s = sql_sum_text(s, o->base.s);
	s = sql_sum_text(s, o->table.s);
	s = sql_sum_text(s, o->record);
	s = sql_sum_text(s, o->name);
	s = sql_sum_text(s, o->changes);
	s = sql_sum_text(s, o->before);
	s = sql_sum_text(s, o->after);
	s = sql_sum_int(s, sum_of_bytes);
	s = sql_sum_int(s, o->saved_ms);
	return (int64_t)sql_sum_int(s, o->not_before_ms);
}

int64_t op_state_sum(const struct op *o, enum op_state state)
{
	uint64_t s = sql_sum_int(SQL_SUM_START, o->id);

	s = sql_sum_int(s, (int64_t)state);
	s = sql_sum_int(s, o->sent_ms);
	s = sql_sum_int(s, o->tries);
	s = sql_sum_int(s, o->err);
	s = sql_sum_text(s, o->reason);
	return (int64_t)sql_sum_text(s, o->theirs);
}

static int op_read_texts(const struct sql_call *c, bool with_bytes,
			 struct op *ret)
{
	char **const texts[] = { &ret->changes, &ret->before, &ret->after };
	int r = 0;

	for (int i = 0; r == 0 && i < 3; i++)
		r = sql_col_dup(c, 7 + i, texts[i], NULL);
	if (r == 0)
		r = sql_col_dup(c, 16, &ret->reason, NULL);
	if (r == 0)
		r = sql_col_dup(c, 17, &ret->theirs, NULL);
	if (r == 0 && with_bytes)
		r = sql_col_dup(c, 20, &ret->bytes, &ret->bytes_n);
	return r;
}

int op_from_row(const struct sql_call *c, bool with_bytes, struct op *ret,
	    bool *ret_sound)
{
	int64_t sum_of_bytes = sqlite3_column_int64(c->st, 10);
	bool saved_ok, state_ok, bytes_ok;
	int r;

	memset(ret, 0, sizeof(*ret));
	ret->id = sqlite3_column_int64(c->st, 0);
	ret->kind = (enum op_kind)sqlite3_column_int(c->st, 1);
	ret->state = (enum op_state)sqlite3_column_int(c->st, 2);
	sql_col_copy(c, 3, ret->base.s, sizeof(ret->base.s));
	sql_col_copy(c, 4, ret->table.s, sizeof(ret->table.s));
	sql_col_copy(c, 5, ret->record, sizeof(ret->record));
	sql_col_copy(c, 6, ret->name, sizeof(ret->name));
	ret->saved_ms = sqlite3_column_int64(c->st, 11);
	ret->not_before_ms = sqlite3_column_int64(c->st, 12);
	ret->sent_ms = sqlite3_column_int64(c->st, 13);
	ret->tries = (unsigned)sqlite3_column_int64(c->st, 14);
	ret->err = sqlite3_column_int(c->st, 15);
	r = op_read_texts(c, with_bytes, ret);
	if (r < 0) {
		op_clear(ret);
		return r;
	}
	saved_ok = op_saved_sum(ret, sum_of_bytes) ==
		   sqlite3_column_int64(c->st, 18);
	state_ok = state_is_known((int)ret->state) &&
		   op_state_sum(ret, ret->state) ==
			   sqlite3_column_int64(c->st, 19);
	bytes_ok = !with_bytes || op_bytes_sum(ret) == sum_of_bytes;
	if (ret_sound != NULL) {
		/* only salvage looks at rows that may be bad: what was saved
		 * counts; a state in doubt means to look at the server */
		*ret_sound = saved_ok && state_ok && bytes_ok;
		if (saved_ok && !state_ok)
			ret->state = OP_UNKNOWN;
		if (saved_ok && !bytes_ok) {
			free(ret->bytes);
			ret->bytes = NULL;
			ret->bytes_n = 0;
		}
		r = saved_ok ? 0 : -EIO;
	} else if (!saved_ok || !state_ok || !bytes_ok) {
		r = -EIO;
	}
	if (r < 0) {
		c->q->damaged = true;
		op_clear(ret);
	}
	return r;
}

/* ---- reading ---- */

int journal_next_locked(struct journal *j, enum journal_stmt which,
			int64_t last, struct op *ret, bool *ret_sound)
{
	struct sql_call c = sql_call(&j->q, (size_t)which);
	bool with_bytes = which == JS_NEXT || which == JS_GET_BYTES;
	int r, e;

	sql_int(&c, last);
	r = sql_step(&c);
	if (r > 0) {
		e = op_from_row(&c, with_bytes, ret, ret_sound);
		if (e < 0)
			r = e;
	}
	sql_end(&c);
	return r;
}

int journal_get(struct journal *j, int64_t id, bool with_bytes, struct op *ret)
{
	int r;

	lock_take(&j->mu);
	r = journal_next_locked(j, with_bytes ? JS_GET_BYTES : JS_GET, id, ret,
				NULL);
	lock_drop(&j->mu);
	return r < 0 ? r : r == 0 ? -ENOENT : 0;
}

/* What a walk goes over. */
struct walk_over {
	enum journal_stmt which;
	const char *text; /* the record, or the table */
	int64_t at;
};

static int walk_next_locked(struct journal *j, const struct walk_over *o,
			    struct op *ret)
{
	struct sql_call c = sql_call(&j->q, (size_t)o->which);
	int r, e;

	if (o->which == JS_OF_RECORD)
		sql_text(&c, o->text);
	sql_int(&c, o->at);
	if (o->which == JS_REMOVED) {
		sql_text(&c, o->text);
		sql_int(&c, OP_ERR_CANCELLED);
	}
	r = sql_step(&c);
	if (r > 0) {
		e = op_from_row(&c, false, ret, NULL);
		if (e < 0)
			r = e;
	}
	sql_end(&c);
	return r;
}

/* Up to max ops of the walk. */
static int chunk(struct journal *j, struct walk_over *o, struct op *ops,
		 size_t max)
{
	size_t n = 0;
	int r = 0;

	lock_take(&j->mu);
	while (n < max) {
		r = walk_next_locked(j, o, &ops[n]);
		if (r <= 0)
			break;
		o->at = ops[n++].id;
	}
	lock_drop(&j->mu);
	if (r < 0) {
		while (n > 0)
			op_clear(&ops[--n]);
		return r;
	}
	return (int)n;
}

static int each(struct journal *j, struct walk_over *o, size_t max,
		int (*fn)(void *ctx, const struct op *o), void *ctx)
{
	struct op *ops = calloc(EACH_CHUNK, sizeof(*ops));
	int n, r = 0;

	if (ops == NULL)
		return -ENOMEM;
	while (r == 0 && max > 0) {
		size_t want = max < EACH_CHUNK ? max : EACH_CHUNK;

		n = chunk(j, o, ops, want);
		if (n <= 0) {
			r = n;
			break;
		}
		max -= (size_t)n;
		for (int i = 0; i < n; i++) {
			if (r == 0)
				r = fn(ctx, &ops[i]);
			op_clear(&ops[i]);
		}
	}
	free(ops);
	return r;
}

int journal_each_open(struct journal *j,
		      int (*fn)(void *ctx, const struct op *o), void *ctx)
{
	struct walk_over o = { JS_NEXT_OPEN, NULL, 0 };

	return each(j, &o, SIZE_MAX, fn, ctx);
}

int journal_each_of_record(struct journal *j, const char *record, size_t max,
			   int (*fn)(void *ctx, const struct op *o), void *ctx)
{
	struct walk_over o = { JS_OF_RECORD, record, INT64_MAX };

	return each(j, &o, max, fn, ctx);
}

int journal_each_removed(struct journal *j, const struct table_id *table,
			 int (*fn)(void *ctx, const struct op *o), void *ctx)
{
	struct walk_over o = { JS_REMOVED, table != NULL ? table->s : NULL,
			       INT64_MAX };

	return each(j, &o, SIZE_MAX, fn, ctx);
}

int journal_each_recent(struct journal *j, size_t max,
			int (*fn)(void *ctx, const struct op *o), void *ctx)
{
	struct walk_over o = { JS_RECENT, NULL, INT64_MAX };

	return each(j, &o, max, fn, ctx);
}
