/* What changes an operation in the journal. */
#include "journal.h"

#include <assert.h>
#include <errno.h>

#include "journal_internal.h"

int journal_insert_locked(struct journal *j, const struct op *o)
{
	struct sql_call c = sql_call(&j->q, JS_ADD);
	int64_t b = op_bytes_sum(o);
	int r;

	sql_int(&c, o->id);
	sql_int(&c, (int64_t)o->kind);
	sql_int(&c, (int64_t)o->state);
	sql_text(&c, o->base.s);
	sql_text(&c, o->table.s);
	sql_text(&c, o->record);
	sql_text(&c, o->name);
	sql_text(&c, o->changes);
	sql_text(&c, o->before);
	sql_text(&c, o->after);
	sql_int(&c, b);
	sql_int(&c, o->saved_ms);
	sql_int(&c, o->not_before_ms);
	sql_int(&c, o->sent_ms);
	sql_int(&c, o->tries);
	sql_int(&c, o->err);
	sql_text(&c, o->reason);
	sql_text(&c, o->theirs);
	sql_int(&c, op_saved_sum(o, b));
	sql_int(&c, op_state_sum(o, o->state));
	sql_blob(&c, o->bytes, o->bytes_n);
	r = sql_run(&c);
	return r < 0 ? r : journal_note_mentions_locked(j, o);
}

int journal_next_number_locked(struct journal *j, const char *what, int64_t *ret)
{
	struct sql_call c = sql_call(&j->q, JS_NEXT_NUMBER);
	int r;

	sql_text(&c, what);
	r = sql_step(&c);
	if (r > 0)
		*ret = sqlite3_column_int64(c.st, 0);
	if (r == 0)
		r = -EIO; /* the counters are made with the file */
	/* an UPDATE with RETURNING is complete at its first row */
	sql_end(&c);
	return r < 0 ? r : 0;
}

int journal_add(struct journal *j, struct op *o)
{
	int r;

	if (o->state == 0)
		o->state = OP_QUEUED;
	lock_take(&j->mu);
	r = journal_begin_locked(j);
	if (r == 0) {
		r = journal_next_number_locked(j, "op", &o->id);
		if (r == 0)
			r = journal_insert_locked(j, o);
		r = journal_end_locked(j, r);
	}
	lock_drop(&j->mu);
	if (r < 0)
		o->id = 0;
	return r;
}

static int stored_bytes_sum_locked(struct journal *j, int64_t id, int64_t *ret)
{
	struct sql_call c = sql_call(&j->q, JS_BYTES_SUM);
	int r;

	sql_int(&c, id);
	r = sql_step(&c);
	if (r > 0)
		*ret = sqlite3_column_int64(c.st, 0);
	sql_end(&c);
	return r < 0 ? r : r == 0 ? -ENOENT : 0;
}

int journal_rewrite_saved_locked(struct journal *j, const struct op *o)
{
	struct sql_call c;
	int64_t b;
	int r = stored_bytes_sum_locked(j, o->id, &b);

	if (r < 0)
		return r;
	if (o->bytes != NULL)
		b = op_bytes_sum(o);
	c = sql_call(&j->q, JS_REWRITE);
	sql_int(&c, o->id);
	sql_int(&c, (int64_t)o->kind);
	sql_text(&c, o->base.s);
	sql_text(&c, o->table.s);
	sql_text(&c, o->record);
	sql_text(&c, o->name);
	sql_text(&c, o->changes);
	sql_text(&c, o->before);
	sql_text(&c, o->after);
	sql_int(&c, b);
	sql_int(&c, o->saved_ms);
	sql_int(&c, o->not_before_ms);
	sql_int(&c, op_saved_sum(o, b));
	sql_int(&c, o->bytes != NULL);
	sql_blob(&c, o->bytes, o->bytes_n);
	r = sql_run(&c);
	if (r < 0)
		return r;
	c = sql_call(&j->q, JS_MENTION_DROP);
	sql_int(&c, o->id);
	r = sql_run(&c);
	return r < 0 ? r : journal_note_mentions_locked(j, o);
}

/* Writes what goes with the state, if the op is still in the state from. */
static int move_locked(struct journal *j, const struct op *o,
		       enum op_state from, enum op_state to)
{
	struct sql_call c = sql_call(&j->q, JS_MOVE);
	int r;

	sql_int(&c, o->id);
	sql_int(&c, (int64_t)from);
	sql_int(&c, (int64_t)to);
	sql_int(&c, o->sent_ms);
	sql_int(&c, o->tries);
	sql_int(&c, o->err);
	sql_text(&c, o->reason);
	sql_text(&c, o->theirs);
	sql_int(&c, op_state_sum(o, to));
	r = sql_run(&c);
	if (r == 0 && sqlite3_changes(j->q.db) == 0)
		r = -ENOENT;
	return r;
}

int journal_rewrite(struct journal *j, const struct op *o)
{
	struct sql_call c;
	enum op_state state = OP_QUEUED;
	int r;

	lock_take(&j->mu);
	r = journal_begin_locked(j);
	if (r == 0) {
		/* the stored state stays, whatever o believes it to be */
		c = sql_call(&j->q, JS_RETELL);
		sql_int(&c, o->id);
		r = sql_step(&c);
		if (r > 0)
			state = (enum op_state)sqlite3_column_int(c.st, 0);
		sql_end(&c);
		r = r < 0 ? r : r == 0 ? -ENOENT : 0;
		if (r == 0)
			r = journal_rewrite_saved_locked(j, o);
		if (r == 0)
			r = move_locked(j, o, state, state);
		r = journal_end_locked(j, r);
	}
	lock_drop(&j->mu);
	return r;
}

int journal_set_state(struct journal *j, struct op *o, enum op_state to)
{
	return journal_set_states(j, &o, 1, to);
}

int journal_set_states(struct journal *j, struct op *const *ops, size_t n,
		       enum op_state to)
{
	int r;

	for (size_t i = 0; i < n; i++) {
		assert(op_move_allowed(ops[i]->state, to));
		if (!op_move_allowed(ops[i]->state, to))
			return -EINVAL;
	}
	lock_take(&j->mu);
	r = journal_begin_locked(j);
	if (r == 0) {
		for (size_t i = 0; r == 0 && i < n; i++)
			r = move_locked(j, ops[i], ops[i]->state, to);
		r = journal_end_locked(j, r);
	}
	lock_drop(&j->mu);
	for (size_t i = 0; r == 0 && i < n; i++)
		ops[i]->state = to;
	return r;
}

int journal_fold(struct journal *j, struct op *into, struct op *const *drops,
		 size_t n)
{
	int r;

	assert(!into || into->state == OP_QUEUED ||
	       op_move_allowed(into->state, OP_QUEUED));
	for (size_t i = 0; i < n; i++) {
		assert(op_move_allowed(drops[i]->state, OP_DONE));
		if (!op_move_allowed(drops[i]->state, OP_DONE))
			return -EINVAL;
	}
	lock_take(&j->mu);
	r = journal_begin_locked(j);
	if (r == 0) {
		if (into != NULL)
			r = journal_rewrite_saved_locked(j, into);
		if (r == 0 && into != NULL)
			r = move_locked(j, into, into->state, OP_QUEUED);
		for (size_t i = 0; r == 0 && i < n; i++)
			r = move_locked(j, drops[i], drops[i]->state, OP_DONE);
		r = journal_end_locked(j, r);
	}
	lock_drop(&j->mu);
	if (r == 0 && into != NULL)
		into->state = OP_QUEUED;
	for (size_t i = 0; r == 0 && i < n; i++)
		drops[i]->state = OP_DONE;
	return r;
}

int journal_prune(struct journal *j, int64_t before_ms, size_t keep)
{
	struct sql_call c;
	int r;

	lock_take(&j->mu);
	c = sql_call(&j->q, JS_PRUNE);
	sql_int(&c, before_ms);
	sql_int(&c, keep > INT64_MAX ? INT64_MAX : (int64_t)keep);
	r = sql_run(&c);
	lock_drop(&j->mu);
	return r;
}

int journal_forget(struct journal *j, int64_t id)
{
	struct sql_call c;
	int r;

	lock_take(&j->mu);
	c = sql_call(&j->q, JS_FORGET);
	sql_int(&c, id);
	r = sql_run(&c);
	if (r == 0 && sqlite3_changes(j->q.db) == 0)
		r = -ENOENT;
	lock_drop(&j->mu);
	return r;
}
