/* What there is to send now, and in which batches. */
#include "flush.h"

#include <stdlib.h>
#include <string.h>

#include "save.h"

#define REQUESTS_MAX 12            /* under way at a time; ours */
#define MANY 100                   /* queued in one table: sent early */
#define WAIT_FACTOR 5              /* writeback times an edit waits at most
                                      while others keep coming */
#define HOLD_BASE_MS 60000         /* before a base without calls is tried */
#define DELETE_SLACK_MS 500        /* deletes that fall due so soon go along */

struct pick {
	struct flush *f;
	int64_t now_ms, next_ms;   /* next: when to look again; 0 = never */
	/* per table and kind, what is ready; small and linear */
	struct ready {
		struct table *t;
		enum op_kind kind;
		bool unknown;
		struct rec_key *keys;
		size_t n, cap;
		size_t waiting;    /* not due, but may go along */
		int64_t oldest_ms, newest_ms;
	} *ready;
	size_t ready_n;
	struct after a;
};

static void look_again(struct pick *p, int64_t at_ms)
{
	if (at_ms <= p->now_ms)
		at_ms = p->now_ms + 1;
	if (!p->next_ms || at_ms < p->next_ms)
		p->next_ms = at_ms;
}

static struct ready *ready_for(struct pick *p, struct table *t,
			       enum op_kind kind, bool unknown)
{
	struct ready *r;
	size_t i;

	for (i = 0; i < p->ready_n; i++)
		if (p->ready[i].t == t && p->ready[i].kind == kind &&
		    p->ready[i].unknown == unknown)
			return &p->ready[i];
	r = realloc(p->ready, (p->ready_n + 1) * sizeof(*r));
	if (!r)
		return NULL;
	p->ready = r;
	r = &p->ready[p->ready_n++];
	*r = (struct ready){ .t = t, .kind = kind, .unknown = unknown };
	return r;
}

static void add_ready(struct pick *p, struct live *l, const struct live_op *o)
{
	struct table *t = tree_table_locked(p->f->c, l->key.table);
	struct ready *r = ready_for(p, t, o->kind, o->state == OP_UNKNOWN);

	if (!r)
		return;
	if (r->n == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 16;
		struct rec_key *k = realloc(r->keys, cap * sizeof(*k));

		if (!k)
			return;
		r->keys = k;
		r->cap = cap;
	}
	r->keys[r->n++] = l->key;
	if (!r->oldest_ms || o->due_ms < r->oldest_ms)
		r->oldest_ms = o->due_ms;
	if (o->due_ms > r->newest_ms)
		r->newest_ms = o->due_ms;
}

/* A delete that is due makes what was not sent before it pointless. Returns
 * true if the record is dealt with for now. */
static bool settle_delete(struct pick *p, struct live *l)
{
	struct cache *c = p->f->c;
	struct live_op *last = &l->ops[l->ops_n - 1];

	if (last->kind != OP_DELETE || l->ops_n < 2 ||
	    (last->due_ms > p->now_ms && !p->f->urgent))
		return false;
	if (live_is_local(l) && l->ops[0].kind == OP_CREATE &&
	    !save_op_in_flight(&l->ops[0])) {
		(void)save_forget_local_locked(c, l);
		(void)live_settle(&c->live, l);
		return true;
	}
	while (l->ops_n > 1 && !l->ops[0].busy &&
	       l->ops[0].kind == OP_UPDATE && l->ops[0].state != OP_SENDING &&
	       l->ops[0].state != OP_UNKNOWN) {
		struct flush_item it = { .key = l->key };

		if (journal_get(c->journal, l->ops[0].id, false, &it.op) < 0)
			break;
		it.op.err = OP_ERR_FOLDED;
		(void)flush_move_locked(p->f, &it, OP_DONE);
		op_clear(&it.op);
	}
	return false;
}

/* A delete that waits for a copy, or for what took its content: 1 = not yet,
 * 0 = may go, -1 = that was refused, so the record stays. */
static int waits_for(struct pick *p, const struct live_op *o)
{
	struct op dep = { 0 };
	int r = 0;

	if (o->kind != OP_DELETE || !o->after_id ||
	    journal_get(p->f->c->journal, o->after_id, false, &dep) < 0)
		return 0;
	if (dep.state == OP_REJECTED || dep.state == OP_CONFLICT)
		r = -1;
	else if (dep.state != OP_DONE)
		r = 1;
	op_clear(&dep);
	return r;
}

static void stay(struct pick *p, struct live *l)
{
	struct cache *c = p->f->c;
	char path[3 * NAME_BUF];

	if (save_revive_locked(c, l) < 0)
		return;
	after_new(&p->a, l->key.table, l->name);
	path_of_locked(c, l, path, sizeof(path));
	log_warn("'%s' stays: what it was moved to was refused", path);
	errlog_add(c, path, -ECANCELED, "", 0, 0,
		   "it stays: what it was moved to was refused",
		   "see the errors of the other file");
	(void)live_settle(&c->live, l);
}

int64_t flush_held_ms(struct cache *c, const struct live *l, int64_t now_ms)
{
	const struct table *t = tree_table_locked(c, l->key.table);
	int64_t left = t ? t->base->held_until_ms - now_ms : 0;

	return left > 0 && left <= HOLD_BASE_MS ? left : 0; /* clock set back */
}

void flush_hold_base_locked(struct flush *f, struct base *b)
{
	b->held_until_ms = clock_wall_ms(f->c->clock) + HOLD_BASE_MS;
}

/* A short delay is hardly shortened: the name may be about to come back. */
static int64_t delete_slack_ms(const struct cache *c)
{
	int64_t part = c->conf.delete_delay_ms / 10;

	return part < DELETE_SLACK_MS ? part : DELETE_SLACK_MS;
}

/* Its base takes no writes for now: until then, else 0. */
static int64_t is_off(const struct pick *p, const struct live *l)
{
	struct table *t = tree_table_locked(p->f->c, l->key.table);

	return t ? rights_write_off_until(p->f->c, t->base) : 0;
}

/* The journal could not be written when its answer came (a full disk): as if
 * that answer had been lost. */
static void catch_adrift(struct pick *p, struct live *l)
{
	struct flush_item it = { .key = l->key };
	struct live_op *o = &l->ops[0];

	if (o->due_ms <= p->now_ms &&
	    journal_get(p->f->c->journal, o->id, false, &it.op) == 0)
		flush_lost_locked(p->f, &it);
	op_clear(&it.op);
	look_again(p, o->due_ms);
}

static bool pick_one(void *ctx, struct live *l)
{
	struct pick *p = ctx;
	struct live_op *o;
	int64_t held;
	bool due;
	int wait;

	if (l->ops_n == 0)
		return true;
	held = flush_held_ms(p->f->c, l, p->now_ms);
	if (held > 0) {
		look_again(p, p->now_ms + held);
		return true;
	}
	if (is_off(p, l)) {
		look_again(p, is_off(p, l));
		return true;
	}
	wait = waits_for(p, &l->ops[l->ops_n - 1]);
	if (wait < 0) {
		stay(p, l);
		return true;
	}
	if (wait > 0 && (l->ops_n == 1 || l->ops[0].kind == OP_CREATE)) {
		look_again(p, p->now_ms + 1000);
		return true;
	}
	/* also when a conflict stands before it */
	if (l->ops[l->ops_n - 1].kind == OP_DELETE &&
	    l->ops[l->ops_n - 1].due_ms > p->now_ms)
		look_again(p, l->ops[l->ops_n - 1].due_ms);
	/* what comes before a delete that waits goes as usual */
	if (wait == 0 && (settle_delete(p, l) || l->ops_n == 0))
		return true;
	o = &l->ops[0];
	if (o->adrift) {
		catch_adrift(p, l);
		return true;
	}
	if (o->busy || (o->state != OP_QUEUED && o->state != OP_UNKNOWN))
		return true;
	due = p->f->urgent || o->due_ms <= p->now_ms;
	if (o->kind == OP_DELETE)
		due |= o->due_ms <= p->now_ms + delete_slack_ms(p->f->c);
	if (o->state == OP_UNKNOWN) /* time must pass, urgent or not */
		due = o->due_ms <= p->now_ms;
	if (due || (o->kind != OP_DELETE && o->state == OP_QUEUED && !l->hidden))
		add_ready(p, l, o);
	if (!due)
		look_again(p, o->due_ms);
	return true;
}

/* Saves of a table go together: once the last is writeback old, or the first
 * has waited long enough, or there are many. Returns how many may go. */
static size_t may_go(struct pick *p, const struct ready *r)
{
	int64_t wb = p->f->c->conf.writeback_ms;

	if (p->f->urgent || r->unknown || r->kind == OP_DELETE)
		return r->n;
	if (r->newest_ms <= p->now_ms ||
	    p->now_ms - r->oldest_ms > wb * (WAIT_FACTOR - 1))
		return r->n;
	look_again(p, r->newest_ms);
	return r->n - r->n % MANY;
}

/* ---- making batches ---- */

/* It links to what was never made and never will be. */
static void links_to_nothing(struct pick *p, struct flush_item *it)
{
	struct atfs_error err = { 0 };

	error_set(&err, -EINVAL, ERROR_INPUT, "it links to a new record that "
		  "was removed before it was made");
	if (it->op.state == OP_QUEUED &&
	    flush_move_locked(p->f, it, OP_SENDING) == 0)
		flush_reject_locked(p->f, it, &err, &p->a);
}

static bool load_item(struct pick *p, struct table *t, struct rec_key key,
		      struct flush_item *it)
{
	struct flush *f = p->f;
	struct live *l = live_find(&f->c->live, key);

	memset(it, 0, sizeof(*it));
	it->key = key;
	if (!l || !l->ops_n ||
	    journal_get(f->c->journal, l->ops[0].id, false, &it->op) < 0)
		return false;
	it->changes = json_from_text(it->op.changes);
	it->before = json_from_text(it->op.before);
	it->after = json_from_text(it->op.after);
	switch (it->op.state == OP_UNKNOWN ?
			FLUSH_LINKS_READY :
			flush_links_locked(f, t, l, it)) {
	case FLUSH_LINKS_READY:
		l->ops[0].busy = true;
		return true;
	case FLUSH_LINKS_WAIT:
		look_again(p, p->now_ms + 1000);
		break;
	case FLUSH_LINKS_GONE:
		links_to_nothing(p, it);
		break;
	}
	flush_item_clear(it);
	return false;
}

static struct flush_batch *batch_of(struct pick *p, const struct ready *r,
				    size_t from, size_t n)
{
	struct flush *f = p->f;
	struct flush_batch *b = calloc(1, sizeof(*b));
	size_t i;

	if (!b)
		return NULL;
	b->f = f;
	b->t = r->t;
	b->kind = r->kind;
	b->items = calloc(n, sizeof(*b->items));
	for (i = 0; b->items && i < n; i++)
		if (load_item(p, r->t, r->keys[from + i], &b->items[b->n]))
			b->n++;
	if (b->n)
		return b;
	flush_batch_free(b);
	return NULL;
}

static size_t batch_limit(struct flush *f, const struct ready *r, size_t from)
{
	struct live *l = live_find(&f->c->live, r->keys[from]);
	size_t limit = API_BATCH_MAX;

	if (r->unknown || (r->kind == OP_UPDATE &&
			   !f->c->conf.no_conflict_check))
		limit = FLUSH_CHECK_MAX;
	if (l && l->ops_n && l->ops[0].batch_max < limit)
		limit = l->ops[0].batch_max;
	return limit ? limit : 1;
}

struct go {
	struct flush_batch *b;
	bool unknown;
};

static size_t take(struct pick *p, struct ready *r, struct go *go, size_t max)
{
	struct flush *f = p->f;
	size_t n = may_go(p, r), from = 0, made = 0;

	while (from < n && made < max) {
		size_t k = batch_limit(f, r, from);

		if (k > n - from)
			k = n - from;
		go[made].b = batch_of(p, r, from, k);
		go[made].unknown = r->unknown;
		if (go[made].b)
			made++;
		from += k;
	}
	return made;
}

static size_t pick(struct flush *f, struct go *go, size_t max, int64_t *next_ms)
{
	struct cache *c = f->c;
	struct pick p = { .f = f, .now_ms = clock_wall_ms(c->clock) };
	size_t i, n = 0;

	lock_take(&c->mu);
	live_each(&c->live, pick_one, &p);
	for (i = 0; i < p.ready_n; i++) {
		if (n < max)
			n += take(&p, &p.ready[i], go + n, max - n);
		free(p.ready[i].keys);
	}
	free(p.ready);
	lock_drop(&c->mu);
	after_run(c, &p.a);
	*next_ms = p.next_ms ? p.next_ms - p.now_ms : 0;
	return n;
}

static void start(const struct go *go)
{
	if (go->unknown)
		flush_look(go->b);
	else if (go->b->kind == OP_UPDATE &&
		 !go->b->f->c->conf.no_conflict_check)
		flush_check(go->b);
	else
		flush_send(go->b);
}

void flush_run(struct flush *f)
{
	struct go go[REQUESTS_MAX];
	int64_t next_ms = 0, now = loop_now_ns(f->c->loop);
	size_t i, n;

	if (f->c->stopping)
		return;
	if (now < f->not_before_ns) {
		loop_timer_set(f->c->loop, &f->timer, f->not_before_ns - now);
		return;
	}
	if (f->requests >= REQUESTS_MAX)
		return; /* one that ends goes on */
	n = pick(f, go, REQUESTS_MAX - f->requests, &next_ms);
	for (i = 0; i < n; i++)
		start(&go[i]);
	if (next_ms > 0)
		loop_timer_set(f->c->loop, &f->timer, next_ms * NS_PER_MS);
}
