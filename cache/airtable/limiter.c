#include "limiter.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pace_window.h"

/* How long to wait for a table that somebody else holds. Ours. */
#define BUSY_WAIT_NS (20 * NS_PER_MS)
/* A timer may come so late. Ours. */
#define CLAIM_GRACE_NS (30 * NS_PER_MS)
/* More than requests that run at a time. */
#define OWED_MAX 64

/* What could not be written because the table was busy. */
struct owed {
	struct base_id base;
	int64_t spent_ns; /* when it was granted */
	int64_t at_ns;    /* when it left; of a rest, its end */
	bool is_rest;
};

struct limiter {
	struct pace_file file;
	uint64_t looked_at; /* the file.attached_n that was put right */
	struct owed owed[OWED_MAX];
	size_t owed_n;
	int64_t rest_until_ns; /* our own: rests that owed had no room for */
};

static bool has_base(const struct base_id *base)
{
	return base != NULL && base->s[0] != '\0';
}

/* ---- the bases ---- */

static struct pace_base *find_base(const struct limiter *l,
				   const struct base_id *base)
{
	struct pace_base *b = l->file.table->bases;

	if (!has_base(base))
		return NULL;
	for (size_t i = 0; i < PACE_BASES; i++)
		if (strncmp(b[i].id, base->s, sizeof(b[i].id)) == 0)
			return &b[i];
	return NULL;
}

static int64_t rest_until(int64_t *until_ns, int64_t now_ns)
{
	if (*until_ns > now_ns + LIMIT_REST_MAX_NS + PACE_AHEAD_MAX_NS)
		*until_ns = now_ns + LIMIT_REST_NS;
	return *until_ns;
}

/* Until when this place is of use to its base. */
static int64_t base_until(const struct limiter *l, struct pace_base *b,
			  int64_t now_ns)
{
	int64_t until = rest_until(&b->rest_until_ns, now_ns);

	if (b->id[0] == '\0')
		return PACE_LONG_AGO_NS;
	slowdown_look(&b->slow, now_ns);
	return pace_later(until, window_until(&l->file, b->sends,
					      PACE_PER_BASE, now_ns));
}

/* The place of the base, or the one idle longest: if it can be, of none that is
 * still slowed down. NULL: all are in use, for *ret_wait_ns at least. */
static struct pace_base *base_place(const struct limiter *l,
				    const struct base_id *base, int64_t now_ns,
				    int64_t *ret_wait_ns)
{
	struct pace_base *b = find_base(l, base), *all = l->file.table->bases;
	int64_t least = INT64_MAX, until;
	bool free = false, is_free;

	if (b != NULL)
		return b;
	for (size_t i = 0; i < PACE_BASES && least > PACE_LONG_AGO_NS; i++) {
		until = base_until(l, &all[i], now_ns);
		is_free = until <= now_ns;
		if (is_free)
			until = pace_later(until,
					   slowdown_until_ns(&all[i].slow));
		if (free > is_free || (free == is_free && until >= least))
			continue;
		free = is_free;
		least = until;
		b = &all[i];
	}
	if (free)
		return b;
	*ret_wait_ns = least - now_ns;
	return NULL;
}

/* Two places never have the same id, wherever we are killed: the id is either
 * "" or whole. */
static void base_settle(struct pace_base *b, const struct base_id *base)
{
	struct pace_base blank = { .id = "" };

	if (strncmp(b->id, base->s, sizeof(b->id)) == 0)
		return;
	b->id[0] = '\0';
	atomic_signal_fence(memory_order_seq_cst);
	*b = blank;
	id_copy(blank.id, base->s);
	memcpy(b->id + 1, blank.id + 1, sizeof(b->id) - 1);
	atomic_signal_fence(memory_order_seq_cst);
	b->id[0] = blank.id[0];
}

/* ---- inside: the table is locked ---- */

static void touch_inside(struct limiter *l, const struct base_id *base,
			 int64_t spent_ns, int64_t at_ns, int64_t now_ns)
{
	struct pace_base *b = NULL;
	int64_t wait;

	if (has_base(base))
		b = base_place(l, base, now_ns, &wait);
	if (b != NULL) {
		base_settle(b, base);
		window_touch(&l->file, b->sends, PACE_PER_BASE, spent_ns, at_ns,
			     now_ns);
	}
	window_touch(&l->file, l->file.table->user, PACE_PER_USER, spent_ns,
		     at_ns, now_ns);
}

static void rest_inside(struct limiter *l, const struct base_id *base,
			int64_t spent_ns, int64_t until_ns, int64_t now_ns)
{
	int64_t *rest = &l->file.table->rest_until_ns, wait;
	struct slowdown *slow = &l->file.table->slow;
	struct pace_base *b = NULL;

	/* Without a place for the one base all of them rest: too slow is
	 * better than another 429. */
	if (has_base(base))
		b = base_place(l, base, now_ns, &wait);
	if (b != NULL) {
		base_settle(b, base);
		rest = &b->rest_until_ns;
		slow = &b->slow;
	}
	slowdown_hit(slow, spent_ns, until_ns);
	*rest = pace_later(*rest, until_ns);
}

static int64_t resting_inside(struct limiter *l, const struct base_id *base,
			      int64_t now_ns)
{
	struct pace_base *b = find_base(l, base);
	int64_t until = pace_later(l->rest_until_ns,
			      rest_until(&l->file.table->rest_until_ns,
					 now_ns));

	if (b != NULL)
		until = pace_later(until, rest_until(&b->rest_until_ns, now_ns));
	return until > now_ns ? until - now_ns : 0;
}

/* How long the one who claimed the next place of b has it, if that is not us. */
static int64_t claimed_ns(const struct limiter *l, const struct pace_base *b,
			  int64_t now_ns)
{
	uint32_t owner = b->claim_owner - 1;

	if (b->claim_until_ns <= now_ns || owner == l->file.owner ||
	    owner >= PACE_OWNERS || !pace_is_alive(&l->file, owner))
		return 0;
	return b->claim_until_ns - now_ns;
}

static int64_t base_wait_ns(const struct limiter *l, struct pace_base *b,
			    int64_t now_ns)
{
	return pace_later(claimed_ns(l, b, now_ns),
			  window_wait_ns(&l->file, b->sends, PACE_PER_BASE,
					 slowdown_fifths(&b->slow, now_ns) *
						 PACE_PER_BASE / SLOWDOWN_FULL,
					 now_ns));
}

/* We were granted what we had claimed: others have two in between. */
static void claim_used(struct limiter *l, struct pace_base *b, int64_t now_ns)
{
	if (b->claim_owner != l->file.owner + 1 || b->claim_until_ns == 0)
		return;
	b->claim_until_ns = 0;
	b->claim_next_ns = now_ns + 3 * (LIMIT_WINDOW_NS / PACE_PER_BASE);
}

/* ret_place: where the base is or may be put, NULL for none. */
static int64_t wait_inside(struct limiter *l, const struct base_id *base,
			   int64_t now_ns, struct pace_base **ret_place)
{
	struct pace_table *t = l->file.table;
	unsigned fifths = slowdown_fifths(&t->slow, now_ns);
	int64_t wait = pace_later(resting_inside(l, base, now_ns),
				  window_wait_ns(&l->file, t->user,
						 PACE_PER_USER,
						 fifths * PACE_PER_USER /
							 SLOWDOWN_FULL,
						 now_ns));
	int64_t place_wait = 0;
	struct pace_base *b = NULL;

	if (has_base(base)) {
		b = base_place(l, base, now_ns, &place_wait);
		if (b != NULL && strcmp(b->id, base->s) == 0)
			place_wait = base_wait_ns(l, b, now_ns);
	}
	*ret_place = b;
	return pace_later(wait, place_wait);
}

static bool id_is_whole(const struct pace_base *b)
{
	size_t n = strnlen(b->id, sizeof(b->id));

	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)b->id[i]))
			return false;
	return n < sizeof(b->id);
}

/* A table that is new to us, or that somebody left in the middle. */
static void put_right(struct limiter *l, int64_t now_ns, bool in_doubt,
		      bool is_new)
{
	struct pace_table *t = l->file.table;
	struct pace_base *b;

	for (b = t->bases; b < t->bases + PACE_BASES; b++) {
		if (!id_is_whole(b))
			memset(b, 0, sizeof(*b));
		(void)base_until(l, b, now_ns);
		if (b->claim_until_ns > now_ns + PACE_AHEAD_MAX_NS)
			b->claim_until_ns = 0;
		if (b->claim_next_ns > now_ns + PACE_AHEAD_MAX_NS)
			b->claim_next_ns = 0;
		if (is_new)
			window_inherit(&l->file, b->sends, PACE_PER_BASE,
				       now_ns);
	}
	(void)window_until(&l->file, t->user, PACE_PER_USER, now_ns);
	slowdown_look(&t->slow, now_ns);
	if (is_new)
		window_inherit(&l->file, t->user, PACE_PER_USER, now_ns);
	if (in_doubt)
		t->rest_until_ns = pace_later(t->rest_until_ns,
					      now_ns + LIMIT_WINDOW_NS);
}

/* ---- going in ---- */

static void pay_owed(struct limiter *l, int64_t now_ns)
{
	for (size_t i = 0; i < l->owed_n; i++) {
		const struct owed *o = &l->owed[i];

		if (o->is_rest)
			rest_inside(l, &o->base, o->spent_ns, o->at_ns,
				    now_ns);
		else
			touch_inside(l, &o->base, o->spent_ns, o->at_ns,
				     now_ns);
	}
	l->owed_n = 0;
}

/* False: the table is busy. */
static bool enter(struct limiter *l, int64_t now_ns)
{
	enum pace_trouble trouble;
	bool is_new;

	if (pace_enter(&l->file, &trouble) < 0)
		return false;
	is_new = l->looked_at != l->file.attached_n;
	if (trouble != PACE_FINE || is_new)
		put_right(l, now_ns, trouble == PACE_IN_DOUBT, is_new);
	l->looked_at = l->file.attached_n;
	pay_owed(l, now_ns);
	return true;
}

static void leave(struct limiter *l)
{
	pace_leave(&l->file);
}

/* A touch that finds no room is lost: the request then counts as under way for
 * longer than it was. */
static void owe(struct limiter *l, const struct base_id *base, struct owed o)
{
	if (has_base(base))
		o.base = *base;
	if (l->owed_n < OWED_MAX)
		l->owed[l->owed_n++] = o;
	else if (o.is_rest)
		l->rest_until_ns = pace_later(l->rest_until_ns, o.at_ns);
}

/* ---- the interface ---- */

int limiter_open(const char *path, struct limiter **ret)
{
	struct limiter *l = calloc(1, sizeof(*l));
	int r = l != NULL ? pace_open(&l->file, path) : -ENOMEM;

	if (r < 0) {
		free(l);
		return r;
	}
	*ret = l;
	return 0;
}

struct limiter *limiter_new(void)
{
	struct limiter *l;

	return limiter_open(NULL /* path */, &l) == 0 ? l : NULL;
}

void limiter_free(struct limiter *l)
{
	if (l == NULL)
		return;
	pace_close(&l->file);
	free(l);
}

uint64_t limiter_endpoint_hash(const char *endpoint)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
	size_t n = strlen(endpoint);

	while (n > 0 && endpoint[n - 1] == '/')
		n--;
	for (size_t i = 0; i < n; i++) {
		h ^= (uint64_t)tolower((unsigned char)endpoint[i]);
		h *= UINT64_C(0x100000001b3);
	}
	return h;
}

void limiter_file_name(const char *endpoint,
		       char out[static LIMITER_FILE_NAME_MAX])
{
	snprintf(out, LIMITER_FILE_NAME_MAX, "pace%d-%016" PRIx64,
		 PACE_VERSION, limiter_endpoint_hash(endpoint));
}

int64_t limiter_try(struct limiter *l, const struct base_id *base,
		    int64_t now_ns)
{
	struct pace_base *b;
	int64_t wait;

	if (!enter(l, now_ns))
		return BUSY_WAIT_NS;
	wait = wait_inside(l, base, now_ns, &b);
	if (wait == 0) {
		if (b != NULL) {
			base_settle(b, base);
			window_spend(&l->file, b->sends, PACE_PER_BASE,
				     now_ns);
			claim_used(l, b, now_ns);
		}
		window_spend(&l->file, l->file.table->user, PACE_PER_USER,
			     now_ns);
	}
	leave(l);
	return wait;
}

void limiter_touch(struct limiter *l, const struct base_id *base,
		   int64_t spent_ns, int64_t now_ns)
{
	if (enter(l, now_ns)) {
		touch_inside(l, base, spent_ns, now_ns, now_ns);
		leave(l);
		return;
	}
	owe(l, base, (struct owed){ .spent_ns = spent_ns, .at_ns = now_ns });
}

void limiter_arrived(struct limiter *l, const struct base_id *base,
		     int64_t sent_ns, int64_t late_ns, int64_t now_ns)
{
	int64_t margin = LIMIT_MARGIN_MOST_NS;
	struct pace_base *b;

	if (late_ns < LIMIT_MARGIN_MOST_NS - LIMIT_MARGIN_LEAST_NS)
		margin = LIMIT_MARGIN_LEAST_NS + pace_later(late_ns, 0);
	/* Not written where the table is busy: it keeps the margin it has. */
	if (!enter(l, now_ns))
		return;
	b = find_base(l, base);
	if (b != NULL)
		window_shift(b->sends, PACE_PER_BASE, sent_ns,
			     margin - LIMIT_MARGIN_NS);
	/* All together are not as tight: there the margin stays, lest what
	 * several bases send bunches up. */
	if (margin > LIMIT_MARGIN_NS)
		window_shift(l->file.table->user, PACE_PER_USER, sent_ns,
			     margin - LIMIT_MARGIN_NS);
	leave(l);
}

int64_t limiter_wait_ns(struct limiter *l, const struct base_id *base,
			int64_t now_ns)
{
	struct pace_base *b;
	int64_t wait;

	if (!enter(l, now_ns))
		return BUSY_WAIT_NS;
	wait = wait_inside(l, base, now_ns, &b);
	leave(l);
	return wait;
}

void limiter_claim(struct limiter *l, const struct base_id *base,
		   int64_t now_ns, int64_t wait_ns)
{
	struct pace_base *b;

	if (!enter(l, now_ns))
		return;
	b = find_base(l, base);
	if (b != NULL && claimed_ns(l, b, now_ns) == 0 &&
	    (b->claim_owner != l->file.owner + 1 ||
	     b->claim_next_ns <= now_ns)) {
		b->claim_owner = l->file.owner + 1;
		b->claim_until_ns = now_ns + wait_ns + CLAIM_GRACE_NS;
	}
	leave(l);
}

void limiter_rest(struct limiter *l, const struct base_id *base,
		  int64_t spent_ns, int64_t now_ns, int64_t rest_ns)
{
	int64_t until = now_ns + (rest_ns < LIMIT_REST_MAX_NS ?
					  rest_ns :
					  LIMIT_REST_MAX_NS);

	if (enter(l, now_ns)) {
		rest_inside(l, base, spent_ns, until, now_ns);
		leave(l);
		return;
	}
	owe(l, base, (struct owed){ .spent_ns = spent_ns, .at_ns = until,
				    .is_rest = true });
}

bool limiter_get_state(struct limiter *l, const struct base_id *base,
		       int64_t now_ns, struct limiter_state *ret)
{
	struct pace_base *b;
	int64_t rest;

	*ret = (struct limiter_state){ .rest_until_ns = 0 };
	if (!enter(l, now_ns))
		return false;
	b = find_base(l, base);
	rest = resting_inside(l, base, now_ns);
	if (rest > 0)
		ret->rest_until_ns = now_ns + rest;
	if (b != NULL)
		ret->slow = b->slow;
	else if (!has_base(base))
		ret->slow = l->file.table->slow;
	leave(l);
	return true;
}
