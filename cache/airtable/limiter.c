#include "limiter.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long to wait for a table that somebody else holds. Ours. */
#define BUSY_WAIT_NS (20 * NS_PER_MS)
/* Others may have read the clock after us, much later where we were stopped
 * since. What is further ahead is no time. Ours. */
#define AHEAD_MAX_NS (120 * NS_PER_S)
/* Before every time there is. Not INT64_MIN: clang 14 at -O1 turns
 * "a > b ? a - b : 0" into a difference that then overflows. */
#define LONG_AGO_NS (INT64_MIN / 4)
/* More than requests that run at a time. */
#define OWED_MAX 64

/* What could not be written because the table was busy. */
struct owed {
	struct base_id base;
	int64_t spent_ns; /* of a touch */
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

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static bool has_base(const struct base_id *base)
{
	return base != NULL && base->s[0] != '\0';
}

/* ---- one send ----
 * Whatever process is killed between two stores here: what is left behind is a
 * send that never was, or one that counts a little too long. */

static uint32_t under_way(const struct limiter *l)
{
	return PACE_UNDER_WAY + l->file.owner;
}

static void stamp_set(struct pace_stamp *s, int64_t at_ns, uint32_t state)
{
	s->at_ns = at_ns;
	atomic_signal_fence(memory_order_seq_cst);
	s->state = state;
}

/* Puts right what a dead process left behind and what cannot be. */
static void stamp_look(const struct limiter *l, struct pace_stamp *s,
		       int64_t now_ns)
{
	bool ahead = s->at_ns > now_ns + AHEAD_MAX_NS;
	uint32_t owner = s->state - PACE_UNDER_WAY;

	if (s->state == PACE_NONE)
		return;
	if (s->state == PACE_LEFT) {
		s->at_ns = ahead ? now_ns : later(s->at_ns, LONG_AGO_NS);
		return;
	}
	if (ahead || owner >= PACE_OWNERS ||
	    s->at_ns < now_ns - LIMIT_UNDER_WAY_NS ||
	    !pace_is_alive(&l->file, owner))
		stamp_set(s, now_ns, PACE_LEFT);
}

/* When it counts no more. Looked at before. */
static int64_t stamp_until(const struct pace_stamp *s, int64_t now_ns)
{
	if (s->state == PACE_NONE)
		return LONG_AGO_NS;
	if (s->state == PACE_LEFT)
		return s->at_ns + LIMIT_WINDOW_NS;
	return later(s->at_ns, now_ns) + LIMIT_WINDOW_NS;
}

/* ---- a window: n sends, all that may be within LIMIT_WINDOW_NS ---- */

/* The send that counts the least long: the place of the next one. */
static struct pace_stamp *window_place(const struct limiter *l,
				       struct pace_stamp *w, size_t n,
				       int64_t now_ns)
{
	struct pace_stamp *best = w;

	for (size_t i = 0; i < n; i++) {
		stamp_look(l, &w[i], now_ns);
		if (stamp_until(&w[i], now_ns) < stamp_until(best, now_ns))
			best = &w[i];
	}
	return best;
}

static int64_t window_wait_ns(const struct limiter *l, struct pace_stamp *w,
			      size_t n, int64_t now_ns)
{
	int64_t until = stamp_until(window_place(l, w, n, now_ns), now_ns);

	return until > now_ns ? until - now_ns : 0;
}

/* Moves one send; one that is not there any more is counted anew, unless n
 * newer ones are. */
static void window_touch(const struct limiter *l, struct pace_stamp *w,
			 size_t n, int64_t spent_ns, int64_t at_ns,
			 int64_t now_ns)
{
	struct pace_stamp *s;

	for (size_t i = 0; i < n; i++) {
		if (w[i].state != under_way(l) || w[i].at_ns != spent_ns)
			continue;
		stamp_set(&w[i], at_ns, PACE_LEFT);
		return;
	}
	s = window_place(l, w, n, now_ns);
	if (stamp_until(s, now_ns) < at_ns + LIMIT_WINDOW_NS)
		stamp_set(s, at_ns, PACE_LEFT);
}

/* Gives one that has left another margin. */
static void window_shift(struct pace_stamp *w, size_t n, int64_t sent_ns,
			 int64_t by_ns)
{
	for (size_t i = 0; i < n; i++) {
		if (w[i].state != PACE_LEFT || w[i].at_ns != sent_ns)
			continue;
		w[i].at_ns += by_ns;
		return;
	}
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
	if (*until_ns > now_ns + LIMIT_REST_MAX_NS + AHEAD_MAX_NS)
		*until_ns = now_ns + LIMIT_REST_NS;
	return *until_ns;
}

/* Until when this place is of use to its base. */
static int64_t base_until(const struct limiter *l, struct pace_base *b,
			  int64_t now_ns)
{
	int64_t until = rest_until(&b->rest_until_ns, now_ns);

	if (b->id[0] == '\0')
		return LONG_AGO_NS;
	for (size_t i = 0; i < PACE_PER_BASE; i++) {
		stamp_look(l, &b->sends[i], now_ns);
		until = later(until, stamp_until(&b->sends[i], now_ns));
	}
	return until;
}

/* The place of the base, or the one idle longest. NULL: all are in use, for
 * *ret_wait_ns at least. */
static struct pace_base *base_place(const struct limiter *l,
				    const struct base_id *base, int64_t now_ns,
				    int64_t *ret_wait_ns)
{
	struct pace_base *b = find_base(l, base), *all = l->file.table->bases;
	int64_t least = INT64_MAX, until;

	if (b != NULL)
		return b;
	for (size_t i = 0; i < PACE_BASES && least > LONG_AGO_NS; i++) {
		until = base_until(l, &all[i], now_ns);
		if (until >= least)
			continue;
		least = until;
		b = &all[i];
	}
	if (least <= now_ns)
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
		window_touch(l, b->sends, PACE_PER_BASE, spent_ns, at_ns,
			     now_ns);
	}
	window_touch(l, l->file.table->user, PACE_PER_USER, spent_ns, at_ns,
		     now_ns);
}

static void rest_inside(struct limiter *l, const struct base_id *base,
			int64_t until_ns, int64_t now_ns)
{
	int64_t *rest = &l->file.table->rest_until_ns, wait;
	struct pace_base *b = NULL;

	/* Without a place for the one base all of them rest: too slow is
	 * better than another 429. */
	if (has_base(base))
		b = base_place(l, base, now_ns, &wait);
	if (b != NULL) {
		base_settle(b, base);
		rest = &b->rest_until_ns;
	}
	*rest = later(*rest, until_ns);
}

static int64_t resting_inside(struct limiter *l, const struct base_id *base,
			      int64_t now_ns)
{
	struct pace_base *b = find_base(l, base);
	int64_t until = later(l->rest_until_ns,
			      rest_until(&l->file.table->rest_until_ns,
					 now_ns));

	if (b != NULL)
		until = later(until, rest_until(&b->rest_until_ns, now_ns));
	return until > now_ns ? until - now_ns : 0;
}

/* ret_place: where the base is or may be put, NULL for none. */
static int64_t wait_inside(struct limiter *l, const struct base_id *base,
			   int64_t now_ns, struct pace_base **ret_place)
{
	int64_t wait = later(resting_inside(l, base, now_ns),
			     window_wait_ns(l, l->file.table->user,
					    PACE_PER_USER, now_ns));
	int64_t place_wait = 0;
	struct pace_base *b = NULL;

	if (has_base(base)) {
		b = base_place(l, base, now_ns, &place_wait);
		if (b != NULL && strcmp(b->id, base->s) == 0)
			place_wait = window_wait_ns(l, b->sends, PACE_PER_BASE,
						    now_ns);
	}
	*ret_place = b;
	return later(wait, place_wait);
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
	struct pace_stamp *s;

	for (size_t i = 0; i < PACE_BASES; i++) {
		if (!id_is_whole(&t->bases[i]))
			memset(&t->bases[i], 0, sizeof(t->bases[i]));
		(void)base_until(l, &t->bases[i], now_ns);
	}
	(void)window_place(l, t->user, PACE_PER_USER, now_ns);
	/* What was under way for our number was that of one who is dead. */
	for (size_t i = 0; is_new && i < PACE_BASES + 1; i++) {
		bool user = i == PACE_BASES;

		s = user ? t->user : t->bases[i].sends;
		for (size_t k = user ? PACE_PER_USER : PACE_PER_BASE; k > 0; k--)
			if (s[k - 1].state == under_way(l))
				stamp_set(&s[k - 1], now_ns, PACE_LEFT);
	}
	if (in_doubt)
		t->rest_until_ns = later(t->rest_until_ns,
					 now_ns + LIMIT_WINDOW_NS);
}

/* ---- going in ---- */

static void pay_owed(struct limiter *l, int64_t now_ns)
{
	for (size_t i = 0; i < l->owed_n; i++) {
		const struct owed *o = &l->owed[i];

		if (o->is_rest)
			rest_inside(l, &o->base, o->at_ns, now_ns);
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
		l->rest_until_ns = later(l->rest_until_ns, o.at_ns);
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

void limiter_file_name(const char *endpoint,
		       char out[static LIMITER_FILE_NAME_MAX])
{
	uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
	size_t n = strlen(endpoint);

	while (n > 0 && endpoint[n - 1] == '/')
		n--;
	for (size_t i = 0; i < n; i++) {
		h ^= (uint64_t)tolower((unsigned char)endpoint[i]);
		h *= UINT64_C(0x100000001b3);
	}
	snprintf(out, LIMITER_FILE_NAME_MAX, "pace%d-%016" PRIx64,
		 PACE_VERSION, h);
}

int64_t limiter_try(struct limiter *l, const struct base_id *base,
		    int64_t now_ns)
{
	struct pace_stamp *user, *send;
	struct pace_base *b;
	int64_t wait;

	if (!enter(l, now_ns))
		return BUSY_WAIT_NS;
	wait = wait_inside(l, base, now_ns, &b);
	if (wait == 0) {
		if (b != NULL) {
			base_settle(b, base);
			send = window_place(l, b->sends, PACE_PER_BASE, now_ns);
			stamp_set(send, now_ns, under_way(l));
		}
		user = window_place(l, l->file.table->user, PACE_PER_USER,
				    now_ns);
		stamp_set(user, now_ns, under_way(l));
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
		margin = LIMIT_MARGIN_LEAST_NS + later(late_ns, 0);
	/* Not written where the table is busy: it keeps the margin it has. */
	if (!enter(l, now_ns))
		return;
	b = find_base(l, base);
	if (b != NULL)
		window_shift(b->sends, PACE_PER_BASE, sent_ns,
			     margin - LIMIT_MARGIN_NS);
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

void limiter_rest(struct limiter *l, const struct base_id *base,
		  int64_t now_ns, int64_t rest_ns)
{
	int64_t until = now_ns + (rest_ns < LIMIT_REST_MAX_NS ?
					  rest_ns :
					  LIMIT_REST_MAX_NS);

	if (enter(l, now_ns)) {
		rest_inside(l, base, until, now_ns);
		leave(l);
		return;
	}
	owe(l, base, (struct owed){ .at_ns = until, .is_rest = true });
}

int64_t limiter_resting_ns(struct limiter *l, const struct base_id *base,
			   int64_t now_ns)
{
	int64_t ret;

	if (!enter(l, now_ns))
		return 0;
	ret = resting_inside(l, base, now_ns);
	leave(l);
	return ret;
}
