#include "pace_window.h"

#include "limiter.h"

static uint32_t under_way(const struct pace_file *f)
{
	return PACE_UNDER_WAY + f->owner;
}

static void stamp_set(struct pace_stamp *s, int64_t at_ns, uint32_t state)
{
	s->at_ns = at_ns;
	atomic_signal_fence(memory_order_seq_cst);
	s->state = state;
}

/* Puts right what a dead process left behind and what cannot be. */
static void stamp_look(const struct pace_file *f, struct pace_stamp *s,
		       int64_t now_ns)
{
	bool ahead = s->at_ns > now_ns + PACE_AHEAD_MAX_NS;
	uint32_t owner = s->state - PACE_UNDER_WAY;

	if (s->state == PACE_NONE)
		return;
	if (s->state == PACE_LEFT) {
		s->at_ns = ahead ? now_ns : pace_later(s->at_ns, PACE_LONG_AGO_NS);
		return;
	}
	if (ahead || owner >= PACE_OWNERS ||
	    s->at_ns < now_ns - LIMIT_UNDER_WAY_NS ||
	    !pace_is_alive(f, owner))
		stamp_set(s, now_ns, PACE_LEFT);
}

/* When it counts no more. Looked at before. */
static int64_t stamp_until(const struct pace_stamp *s, int64_t now_ns)
{
	if (s->state == PACE_NONE)
		return PACE_LONG_AGO_NS;
	if (s->state == PACE_LEFT)
		return s->at_ns + LIMIT_WINDOW_NS;
	return pace_later(s->at_ns, now_ns) + LIMIT_WINDOW_NS;
}

/* The send that counts the least long: the place of the next one. */
static struct pace_stamp *window_place(const struct pace_file *f,
				       struct pace_stamp *w, size_t n,
				       int64_t now_ns)
{
	struct pace_stamp *best = w;

	for (size_t i = 0; i < n; i++) {
		stamp_look(f, &w[i], now_ns);
		if (stamp_until(&w[i], now_ns) < stamp_until(best, now_ns))
			best = &w[i];
	}
	return best;
}

int64_t window_until(const struct pace_file *f, struct pace_stamp *w,
		     size_t n, int64_t now_ns)
{
	int64_t until = PACE_LONG_AGO_NS;

	for (size_t i = 0; i < n; i++) {
		stamp_look(f, &w[i], now_ns);
		until = pace_later(until, stamp_until(&w[i], now_ns));
	}
	return until;
}

/* How many still count at at_ns. Looked at before. */
static size_t counting(const struct pace_stamp *w, size_t n, int64_t at_ns,
		       int64_t now_ns)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		k += stamp_until(&w[i], now_ns) > at_ns;
	return k;
}

int64_t window_wait_ns(const struct pace_file *f, struct pace_stamp *w,
		       size_t n, size_t may, int64_t now_ns)
{
	int64_t until = stamp_until(window_place(f, w, n, now_ns), now_ns), at;

	/* Fewer places than there are: as many of them must be free. */
	if (may < n && counting(w, n, now_ns, now_ns) >= may) {
		until = INT64_MAX;
		for (size_t i = 0; i < n; i++) {
			at = stamp_until(&w[i], now_ns);
			if (at < until && counting(w, n, at, now_ns) < may)
				until = at;
		}
	}
	return until > now_ns ? until - now_ns : 0;
}

void window_spend(const struct pace_file *f, struct pace_stamp *w, size_t n,
		  int64_t now_ns)
{
	stamp_set(window_place(f, w, n, now_ns), now_ns, under_way(f));
}

void window_inherit(const struct pace_file *f, struct pace_stamp *w, size_t n,
		    int64_t now_ns)
{
	for (size_t i = 0; i < n; i++)
		if (w[i].state == under_way(f))
			stamp_set(&w[i], now_ns, PACE_LEFT);
}

void window_touch(const struct pace_file *f, struct pace_stamp *w, size_t n,
		  int64_t spent_ns, int64_t at_ns, int64_t now_ns)
{
	struct pace_stamp *s;

	for (size_t i = 0; i < n; i++) {
		if (w[i].state != under_way(f) || w[i].at_ns != spent_ns)
			continue;
		stamp_set(&w[i], at_ns, PACE_LEFT);
		return;
	}
	s = window_place(f, w, n, now_ns);
	if (stamp_until(s, now_ns) < at_ns + LIMIT_WINDOW_NS)
		stamp_set(s, at_ns, PACE_LEFT);
}

void window_shift(struct pace_stamp *w, size_t n, int64_t sent_ns,
		  int64_t by_ns)
{
	for (size_t i = 0; i < n; i++) {
		if (w[i].state != PACE_LEFT || w[i].at_ns != sent_ns)
			continue;
		w[i].at_ns += by_ns;
		return;
	}
}
