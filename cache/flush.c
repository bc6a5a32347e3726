/* The write-back engine as a whole: its life, its timer, and who waits until
 * everything is sent. */
#include "flush.h"

#include <stdlib.h>
#include <string.h>

#include "save.h"

#define AGAIN_MS 10000 /* before a journal that could not be written
                        is tried again; ours */

int flush_new(struct cache *c)
{
	struct flush *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->c = c;
	f->backoff = (struct backoff)BACKOFF_INIT(NS_PER_S, 60 * NS_PER_S);
	c->flush = f;
	return 0;
}

void flush_free(struct cache *c)
{
	if (c->flush)
		loop_timer_cancel(c->loop, &c->flush->timer);
	while (c->flush && c->flush->looks) {
		struct flush_batch *b = c->flush->looks;

		c->flush->looks = b->next;
		loop_timer_cancel(c->loop, &b->timer);
		flush_batch_free(b);
	}
	free(c->flush);
	c->flush = NULL;
}

void flush_item_clear(struct flush_item *it)
{
	op_clear(&it->op);
	json_decref(it->changes);
	json_decref(it->before);
	json_decref(it->after);
	memset(it, 0, sizeof(*it));
}

void flush_batch_free(struct flush_batch *b)
{
	size_t i;

	if (!b)
		return;
	for (i = 0; i < b->n; i++)
		flush_item_clear(&b->items[i]);
	json_decref(b->records);
	free(b->items);
	free(b->offset);
	free(b);
}

int flush_move_locked(struct flush *f, struct flush_item *it, enum op_state to)
{
	struct live *l = live_find(&f->c->live, it->key);
	struct live_op *o = l ? live_find_op(l, it->op.id) : NULL;
	int r = 0;

	if (it->op.state != to)
		r = journal_set_state(f->c->journal, &it->op, to);
	if (r < 0) {
		log_error("the journal cannot be written: %s", strerror(-r));
		if (o) { /* looked at again after a while */
			o->busy = false;
			o->due_ms = clock_wall_ms(f->c->clock) + AGAIN_MS;
			o->adrift = o->state == OP_SENDING ||
				    (o->state == OP_UNKNOWN &&
				     o->kind != OP_CREATE);
		}
		return r;
	}
	if (o) {
		o->state = to;
		o->busy = false;
		o->adrift = false;
		if (to == OP_DONE)
			live_drop_op(l, it->op.id);
	}
	return 0;
}

/* ---- who waits for everything to be sent ---- */

unsigned flush_unsent_locked(struct cache *c)
{
	struct cache_unsent u;

	cache_count_unsent_locked(c, &u);
	return u.queued;
}

struct sendable {
	struct cache *c;
	int64_t now_ms;
	bool any;
};

static bool look_sendable(void *ctx, struct live *l)
{
	struct sendable *s = ctx;

	if (l->ops_n > 0 && (live_is_removed(l) ||
			     (l->ops[0].state != OP_CONFLICT &&
			      l->ops[0].state != OP_REJECTED)) &&
	    !flush_held_ms(s->c, l, s->now_ms))
		s->any = true;
	return !s->any;
}

/* Nothing is left to wait for: there are no calls for what is queued. */
static bool no_calls_left_locked(struct flush *f)
{
	struct sendable s = { f->c, clock_wall_ms(f->c->clock), false };

	if (f->requests > 0 || f->looks || f->c->orphans_n > 0)
		return false;
	live_each(&f->c->live, look_sendable, &s);
	return !s.any;
}

static int64_t wake_waiters(struct flush *f)
{
	struct cache *c = f->c;
	struct after a = { 0 };
	struct cache_waiter *w, *next;
	int64_t now = clock_mono_ns(c->clock), soonest = 0;

	lock_take(&c->mu);
	if (c->flush_waiters.head && flush_unsent_locked(c) == 0) {
		waitq_take_locked(&c->flush_waiters, &a, 0);
		f->urgent = false;
	} else if (c->flush_waiters.head && no_calls_left_locked(f)) {
		waitq_take_locked(&c->flush_waiters, &a, -EDQUOT);
	}
	for (w = c->flush_waiters.head; w; w = next) {
		next = w->next;
		if (w->deadline_ns <= now)
			waitq_take_one_locked(w, &a, -ETIMEDOUT);
		else if (!soonest || w->deadline_ns < soonest)
			soonest = w->deadline_ns;
	}
	if (!c->flush_waiters.head)
		f->urgent = false;
	lock_drop(&c->mu);
	after_run(c, &a);
	return soonest ? soonest - now : 0;
}

static void on_timer(void *arg)
{
	struct flush *f = arg;
	int64_t wait = wake_waiters(f);

	flush_run(f);
	if (wait > 0 && (!f->timer.armed || f->timer.due_ns >
						    loop_now_ns(f->c->loop) +
							    wait))
		loop_timer_set(f->c->loop, &f->timer, wait);
}

void flush_continue(struct flush *f)
{
	f->timer.fn = on_timer;
	f->timer.arg = f;
	on_timer(f);
}

void flush_hold(struct flush *f, const char *why)
{
	int64_t wait, now = loop_now_ns(f->c->loop);

	if (now < f->not_before_ns)
		return; /* the other requests of that moment failed as well */
	if (!f->held)
		log_warn("changes wait: %s", why);
	f->held = true;
	wait = backoff_next_ns(&f->backoff, clock_rand64(f->c->clock));
	if (wait < NS_PER_S / 4)
		wait = NS_PER_S / 4;
	f->not_before_ns = now + wait;
}

static void kicked(void *arg)
{
	struct cache *c = arg;

	lock_take(&c->mu);
	c->flush->kicked = false;
	if (c->flush->at_once)
		c->flush->not_before_ns = 0;
	c->flush->at_once = false;
	if (c->flush_waiters.head)
		c->flush->urgent = true;
	lock_drop(&c->mu);
	flush_continue(c->flush);
}

void flush_retry_locked(struct cache *c)
{
	c->flush->at_once = true;
	flush_kick(c);
}

void flush_kick(struct cache *c)
{
	if (c->flush->kicked)
		return;
	c->flush->kicked = loop_post(c->loop, kicked, c) == 0;
}

static bool judge_now(void *ctx, struct live *l)
{
	struct {
		struct cache *c;
		struct after *a;
	} *j = ctx;

	if (l->has_draft && l->unjudged && l->draft_size > 0)
		(void)draft_judge_locked(j->c, l, false, j->a);
	return true;
}

int cache_flush(struct cache *c, int64_t timeout_ms, struct cache_waiter *w)
{
	struct after a = { 0 };
	struct {
		struct cache *c;
		struct after *a;
	} j = { c, &a };
	int r = 0;

	lock_take(&c->mu);
	live_each(&c->live, judge_now, &j);
	if (flush_unsent_locked(c) > 0) {
		r = -EAGAIN;
		if (w) {
			w->deadline_ns = clock_mono_ns(c->clock) +
					 timeout_ms * NS_PER_MS;
			waitq_add_locked(&c->flush_waiters, w);
			flush_kick(c);
			r = CACHE_PARKED;
		}
	}
	lock_drop(&c->mu);
	after_run(c, &a);
	return r;
}
