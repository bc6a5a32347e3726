/* The rows of drafts. */
#include "journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "journal_internal.h"

void draft_row_release(struct draft_row *d)
{
	free(d->reason);
	d->reason = NULL;
}

static int64_t draft_sum(const struct draft_row *d)
{
	uint64_t s = sql_sum_text(SQL_SUM_START, d->base.s);

	s = sql_sum_text(s, d->table.s);
	s = sql_sum_text(s, d->record);
	s = sql_sum_text(s, d->name);
	s = sql_sum_text(s, d->file);
	s = sql_sum_int(s, d->err);
	return (int64_t)sql_sum_text(s, d->reason);
}

static int draft_read(const struct sql_call *c, int64_t *no,
		      struct draft_row *ret)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	sql_col_copy(c, 1, ret->base.s, sizeof(ret->base.s));
	sql_col_copy(c, 2, ret->table.s, sizeof(ret->table.s));
	sql_col_copy(c, 3, ret->record, sizeof(ret->record));
	sql_col_copy(c, 4, ret->name, sizeof(ret->name));
	sql_col_copy(c, 5, ret->file, sizeof(ret->file));
	ret->err = sqlite3_column_int(c->st, 6);
	r = sql_col_dup(c, 7, &ret->reason, NULL);
	if (r < 0)
		return r;
	if (draft_sum(ret) != sqlite3_column_int64(c->st, 8)) {
		c->q->damaged = true;
		draft_row_release(ret);
		return -EIO;
	}
	*no = sqlite3_column_int64(c->st, 0);
	return 0;
}

int draft_next_locked(struct journal *j, enum journal_stmt which, int64_t *no,
		      struct draft_row *ret)
{
	struct sql_call c = sql_call(&j->q, (size_t)which);
	int r, e;

	sql_int(&c, *no);
	r = sql_step(&c);
	if (r > 0) {
		e = draft_read(&c, no, ret);
		if (e < 0)
			r = e;
	}
	sql_end(&c);
	return r;
}

int draft_put_locked(struct journal *j, const struct draft_row *d)
{
	struct sql_call c = sql_call(&j->q, JS_DRAFT_PUT);

	sql_text(&c, d->base.s);
	sql_text(&c, d->table.s);
	sql_text(&c, d->record);
	sql_text(&c, d->name);
	sql_text(&c, d->file);
	sql_int(&c, d->err);
	sql_text(&c, d->reason);
	sql_int(&c, draft_sum(d));
	return sql_run(&c);
}

/* Local ids are unique over all tables: at most one row has it. */
int draft_adopt_locked(struct journal *j, const char *local_id,
		       const char *rec_id)
{
	struct sql_call c = sql_call(&j->q, JS_DRAFT_OF_RECORD);
	struct draft_row d = { .err = 0 };
	int64_t no = 0;
	int r, e;

	sql_text(&c, local_id);
	r = sql_step(&c);
	if (r > 0) {
		e = draft_read(&c, &no, &d);
		if (e < 0)
			r = e;
	}
	sql_end(&c);
	if (r <= 0)
		return r;
	id_copy(d.record, rec_id);
	c = sql_call(&j->q, JS_DRAFT_RENAME);
	sql_int(&c, no);
	sql_text(&c, d.record);
	sql_int(&c, draft_sum(&d));
	r = sql_run(&c);
	draft_row_release(&d);
	return r;
}

int journal_draft_put(struct journal *j, const struct draft_row *d)
{
	int r;

	lock_take(&j->mu);
	r = draft_put_locked(j, d);
	lock_drop(&j->mu);
	return r;
}

int journal_draft_drop(struct journal *j, const struct table_id *table,
		       const char *record)
{
	struct sql_call c;
	int r;

	lock_take(&j->mu);
	c = sql_call(&j->q, JS_DRAFT_DROP);
	sql_text(&c, table->s);
	sql_text(&c, record);
	r = sql_run(&c);
	lock_drop(&j->mu);
	return r;
}

int journal_each_draft(struct journal *j,
		       int (*fn)(void *ctx, const struct draft_row *d),
		       void *ctx)
{
	struct draft_row d;
	int64_t no = 0;
	int r;

	for (;;) {
		lock_take(&j->mu);
		r = draft_next_locked(j, JS_DRAFT_NEXT, &no, &d);
		lock_drop(&j->mu);
		if (r <= 0)
			return r;
		r = fn(ctx, &d);
		draft_row_release(&d);
		if (r != 0)
			return r;
	}
}
