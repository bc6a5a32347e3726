/* A record is removed, or its name comes back in time. */
#include "save.h"
#include "crash.h"

#include <stdlib.h>
#include <string.h>

#define FREE_MS (INT64_C(5) * 60 * 1000) /* "allowed", if no number was said */

/* Once it has stopped a mass of removals it holds until it is told to let go:
 * whatever runs wild is not let on again by waiting. */
static int brake(struct cache *c)
{
	int64_t now = clock_wall_ms(c->clock);

	if (c->conf.max_deletes == 0 || now < c->deletes_free_until_ms ||
	    c->deletes_free > 0)
		return 0;
	if (c->deletes_stopped)
		return -EPERM;
	if (now - c->deletes_window_ms > 60000 || now < c->deletes_window_ms) {
		c->deletes_window_ms = now;
		c->deletes_in_window = 0;
	}
	c->deletes_stopped = c->deletes_in_window >= c->conf.max_deletes;
	return c->deletes_stopped ? -EPERM : 0;
}

void cache_allow_deletes(struct cache *c, unsigned n)
{
	int64_t now = clock_wall_ms(c->clock);

	lock_take(&c->mu);
	c->deletes_stopped = false;
	c->deletes_in_window = 0;
	c->deletes_free = n;
	c->deletes_free_until_ms = n ? 0 : now + FREE_MS;
	lock_drop(&c->mu);
	if (n)
		log_info("%u more records may be removed", n);
	else
		log_info("any number of records may be removed for %d minutes",
			 (int)(FREE_MS / 60000));
}

int save_forget_local_locked(struct cache *c, struct live *l)
{
	int r = 0;

	while (l->ops_n && r == 0)
		r = save_finish_op(c, l, l->ops[0].id,
				   l->ops[0].kind == OP_DELETE ?
					   0 : OP_ERR_FOLDED);
	draft_drop_locked(c, l);
	crash_at(CRASH_FORGOT_OPS);
	if (r < 0)
		return r;
	r = store_begin(c->store);
	if (r < 0)
		return r;
	r = store_remove(c->store, l->key.table, l->key.seq);
	r = r == 0 ? store_commit(c->store) : (store_rollback(c->store), r);
	l->hidden = false;
	l->error.err = 0;
	return r;
}

/* Never reached the server, and nothing is on its way there. */
bool save_never_sent(const struct live *l)
{
	size_t i;

	for (i = 0; i < l->ops_n; i++)
		if (save_op_in_flight(&l->ops[i]))
			return false;
	return live_is_local(l);
}

/* A copy of this record that is still to be created (mv to another table is a
 * copy and a removal): the record goes only once the copy is there. */
struct copy_search {
	struct cache *c;
	const char *record;
	int64_t found;
};

static bool is_copy(void *ctx, struct live *l)
{
	struct copy_search *s = ctx;
	struct op o = { 0 };
	json_t *from;
	size_t i;

	for (i = 0; i < l->ops_n && live_is_local(l); i++) {
		if (l->ops[i].kind != OP_CREATE ||
		    journal_get(s->c->journal, l->ops[i].id, false, &o) < 0)
			continue;
		from = json_from_text(o.before);
		op_clear(&o);
		if (json_is_string(json_object_get(from, "copy_of")) &&
		    strcmp(json_string_value(json_object_get(from, "copy_of")),
			   s->record) == 0)
			s->found = l->ops[i].id;
		json_decref(from);
	}
	return s->found == 0;
}

static int64_t open_copy(struct cache *c, const struct live *l)
{
	struct copy_search s = { c, l->record, 0 };

	if (c->copies && !live_is_local(l))
		live_each(&c->live, is_copy, &s);
	return s.found;
}

int save_delete_locked(struct cache *c, struct live *l, int64_t after_id)
{
	struct recfile_edit waits = { 0 };
	bool unsent = save_never_sent(l);
	int64_t due = clock_wall_ms(c->clock) + c->conf.delete_delay_ms;
	char *bytes = NULL;
	size_t n = 0, i;
	int r;

	if (live_is_local(l) && l->ops_n == 0) /* a draft and nothing else */
		return save_forget_local_locked(c, l);
	r = unsent ? 0 : brake(c);
	if (r < 0) {
		struct save_error e = { 0 };

		save_error_set(&e, r, "more than %u records removed within a "
			       "minute", c->conf.max_deletes);
		snprintf(e.hint, sizeof(e.hint),
			 "if that is meant: airtablefs allow-deletes%s%s, "
			 "then remove them again",
			 c->mountpoint ? " " : "",
			 c->mountpoint ? c->mountpoint : "");
		save_refused_locked(c, l, &e);
		l->error.err = 0; /* about the command, not the record */
		return r;
	}
	draft_drop_locked(c, l);
	r = view_bytes_locked(c, l->key, &bytes, &n);
	if (!after_id)
		after_id = open_copy(c, l);
	waits.changes = json_object();
	waits.after = json_object();
	waits.before = json_object();
	if (after_id)
		json_object_set_new(waits.before, "after_op",
				    json_integer(after_id));
	if (r == 0)
		r = save_add_op(c, l, OP_DELETE, &waits, bytes, n, due);
	recfile_edit_release(&waits);
	free(bytes);
	if (r < 0)
		return r;
	crash_at(CRASH_DELETE_ADDED);
	l->ops[l->ops_n - 1].after_id = after_id;
	/* what is not sent yet waits as long: it may all be for nothing */
	for (i = 0; i < l->ops_n; i++)
		if (l->ops[i].due_ms < due)
			l->ops[i].due_ms = due;
	l->hidden = true;
	l->error.err = 0;
	if (!unsent && c->deletes_free)
		c->deletes_free--;
	else if (!unsent)
		c->deletes_in_window++;
	flush_kick(c);
	return 0;
}

int save_revive_locked(struct cache *c, struct live *l)
{
	int64_t due = save_due_soon(c);
	size_t i = 0;
	int r;

	for (i = 0; i < l->ops_n; i++)
		if (l->ops[i].kind == OP_DELETE && save_op_in_flight(&l->ops[i]))
			return -EBUSY;
	for (i = 0; i < l->ops_n;) {
		if (l->ops[i].kind == OP_DELETE) {
			r = save_finish_op(c, l, l->ops[i].id,
					   OP_ERR_CANCELLED);
			if (r < 0)
				return r;
			continue;
		}
		if (l->ops[i].due_ms > due)
			l->ops[i].due_ms = due;
		i++;
	}
	crash_at(CRASH_REVIVED);
	l->hidden = false;
	if (c->deletes_in_window)
		c->deletes_in_window--;
	return 0;
}
