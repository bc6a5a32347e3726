/* The queue by hand: what was refused is tried again, what is not sent yet is
 * taken back. */
#include "save.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "describe.h"

/* A change whose answer was lost waits to be repeated: it may be there. */
static bool may_have_arrived(const struct op *o)
{
	json_t *before = json_from_text(o->before);
	bool sent = json_object_get(before, OP_SENT) != NULL;

	json_decref(before);
	return sent;
}

static int cancel_create(struct cache *c, struct live *l, int64_t id,
			 struct after *a)
{
	struct rec_key key = l->key;
	char name[NAME_BUF];
	int r;

	memcpy(name, l->name, sizeof(name));
	r = save_finish_op(c, l, id, OP_ERR_CANCELLED);
	if (r == 0)
		r = save_forget_local_locked(c, l);
	if (r == 0)
		after_gone(a, key.table, name, key);
	return r;
}

static int cancel_op(struct cache *c, struct live *l, struct live_op *lo,
		     struct after *a)
{
	int64_t id = lo->id;
	struct op o = { 0 };
	bool sent;
	int r;

	if (save_op_in_flight(lo))
		return -EBUSY;
	if (lo->kind == OP_DELETE) {
		r = save_revive_locked(c, l);
		if (r == 0)
			after_new(a, l->key.table, l->name);
		return r;
	}
	r = journal_get(c->journal, id, false, &o);
	if (r < 0)
		return r;
	sent = may_have_arrived(&o);
	op_clear(&o);
	if (sent)
		return -EBUSY;
	if (lo->kind == OP_CREATE)
		return cancel_create(c, l, id, a);
	r = save_finish_op(c, l, id, OP_ERR_CANCELLED);
	if (r == 0) {
		l->error.err = 0;
		r = save_present_stored(c, l, a);
	}
	return r;
}

/* Content that was never a save goes into the journal as one that was taken
 * back, so that the bytes are not lost. */
static int cancel_draft(struct cache *c, struct live *l, struct after *a)
{
	bool fresh = live_is_local(l) && l->ops_n == 0;
	struct rec_key key = l->key;
	struct recfile_edit nothing = { .changes = json_object(),
					.before = json_object(),
					.after = json_object() };
	char name[NAME_BUF], *bytes = NULL;
	size_t n = 0;
	int r = draft_read_locked(c, l, &bytes, &n);

	memcpy(name, l->name, sizeof(name));
	if (r == 0 && n > 0) {
		r = save_add_op(c, l, fresh ? OP_CREATE : OP_UPDATE, &nothing,
				bytes, n, INT64_MAX);
		if (r == 0)
			r = save_finish_op(c, l, l->ops[l->ops_n - 1].id,
					   OP_ERR_CANCELLED);
	}
	recfile_edit_release(&nothing);
	free(bytes);
	if (r < 0)
		return r;
	if (fresh) {
		r = save_forget_local_locked(c, l);
		if (r == 0)
			after_gone(a, key.table, name, key);
		return r;
	}
	draft_drop_locked(c, l);
	l->error.err = 0;
	after_record(a, key);
	return 0;
}

static int retry_op(struct cache *c, struct live *l, struct live_op *lo)
{
	struct op o = { 0 };
	int r = 0;

	if (save_op_in_flight(lo))
		return lo->state == OP_UNKNOWN ? -EBUSY : 0; /* is under way */
	if (lo->state != OP_QUEUED) {
		r = journal_get(c->journal, lo->id, false, &o);
		o.err = 0;
		free(o.reason);
		free(o.theirs);
		o.reason = o.theirs = NULL;
		if (r == 0)
			r = journal_set_state(c->journal, &o, OP_QUEUED);
		op_clear(&o);
	}
	if (r < 0)
		return r;
	lo->state = OP_QUEUED;
	lo->due_ms = clock_wall_ms(c->clock);
	if (!l->has_draft)
		l->error.err = 0;
	return 0;
}

/* ---- which ---- */

struct wanted {
	struct cache *c;
	struct after *a;
	const char *id;      /* NULL = all */
	bool cancel;
	int err;             /* the first trouble */
	unsigned found;
};

static bool is_wanted(struct wanted *w, const char *id)
{
	return !w->id || strcmp(w->id, id) == 0;
}

static void note(struct wanted *w, int r)
{
	w->found++;
	if (w->err == 0)
		w->err = r;
}

/* Newest first: what is taken back drops out of the list behind us. */
static bool act_on(void *ctx, struct live *l)
{
	struct wanted *w = ctx;
	char id[DESCRIBE_DRAFT_ID_BUF];
	size_t i;

	describe_draft_id(l, id);
	if (l->has_draft && is_wanted(w, id))
		note(w, w->cancel ? cancel_draft(w->c, l, w->a) :
			w->id	  ? -EINVAL :
				    0);
	for (i = l->ops_n; i-- > 0;) {
		if (i >= l->ops_n)
			continue;
		snprintf(id, sizeof(id), "%lld", (long long)l->ops[i].id);
		if (!is_wanted(w, id))
			continue;
		note(w, w->cancel ?
			     cancel_op(w->c, l, &l->ops[i], w->a) :
			     retry_op(w->c, l, &l->ops[i]));
	}
	(void)live_settle(&w->c->live, l);
	return true;
}

static int act(struct cache *c, const char *id, bool cancel)
{
	bool all = strcmp(id, "all") == 0;
	struct after a = { 0 };
	struct wanted w = { c, &a, all ? NULL : id, cancel, 0, 0 };

	if (c->conf.read_only)
		return -EROFS;
	lock_take(&c->mu);
	live_each(&c->live, act_on, &w);
	if (w.err == 0 || all)
		restore_act_locked(c, w.id, cancel, &w.found, &w.err);
	if (cancel)
		flush_kick(c);
	else
		flush_retry_locked(c);
	lock_drop(&c->mu);
	after_run(c, &a);
	if (w.found == 0 && !all)
		return -ENOENT;
	return w.err;
}

int cache_queue_retry(struct cache *c, const char *id)
{
	return act(c, id, false);
}

int cache_queue_cancel(struct cache *c, const char *id)
{
	return act(c, id, true);
}
