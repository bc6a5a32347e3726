#include "ratelimit.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

#define SECOND INT64_C(1000000000)

static struct rate_window *window(struct ratelimit *r, const char *id)
{
	struct rate_window *w;

	for (size_t i = 0; i < r->n; i++)
		if (!strcmp(r->v[i]->id, id))
			return r->v[i];
	w = sim_alloc(sizeof(*w));
	memcpy(w->id, id, strnlen(id, ID_CAP - 1));
	r->v = sim_grow(r->v, r->n, &r->cap, sizeof(struct rate_window *));
	r->v[r->n++] = w;
	return w;
}

static void forget_old(struct rate_window *w)
{
	size_t old = 0;

	while (old < w->n && (w->at[old] <= w->at[w->n - 1] - RATE_KEPT_NS ||
			      w->n - old == RATE_KEPT))
		old++;
	w->n -= old;
	memmove(w->at, w->at + old, w->n * sizeof(w->at[0]));
}

/* Where it stands in the order of arrival. */
static size_t place(const struct rate_window *w, int64_t at_ns)
{
	size_t p = w->n;

	while (p > 0 && w->at[p - 1] > at_ns)
		p--;
	return p;
}

/* Would some second, wherever it begins, hold more than limit with it? */
static bool fits(const struct rate_window *w, size_t limit, int64_t at_ns)
{
	size_t p = place(w, at_ns), from = p < limit ? 0 : p - limit;

	for (size_t i = from; i <= p && i + limit <= w->n; i++) {
		size_t last = i + limit; /* of w and the new one together */
		int64_t first_ns = i == p ? at_ns : w->at[i];
		int64_t last_ns = last == p ? at_ns : w->at[last - 1];

		if (last_ns - first_ns < SECOND)
			return false;
	}
	return true;
}

/* Full: starts the penalty. */
static bool has_room(struct ratelimit *r, struct rate_window *w, size_t limit,
		     int64_t at_ns)
{
	int64_t until = at_ns + r->penalty_ms * 1000000;

	if (at_ns >= w->blocked_from && at_ns < w->blocked_until) {
		if (r->extend)
			w->blocked_until = until;
		return false;
	}
	forget_old(w);
	if (fits(w, limit, at_ns))
		return true;
	w->blocked_from = at_ns;
	w->blocked_until = until;
	return false;
}

static void note(struct rate_window *w, int64_t at_ns)
{
	size_t p = place(w, at_ns);

	memmove(w->at + p + 1, w->at + p, (w->n - p) * sizeof(w->at[0]));
	w->at[p] = at_ns;
	w->n++;
}

bool ratelimit_admit(struct ratelimit *r, const char *base, const char *user,
		     int64_t at_ns)
{
	struct rate_window *b = *base ? window(r, base) : NULL;
	struct rate_window *u = window(r, user);

	if (!r->enabled)
		return true;
	if ((b && !has_room(r, b, r->per_base, at_ns)) ||
	    !has_room(r, u, RATE_USER, at_ns))
		return false;
	if (b)
		note(b, at_ns);
	note(u, at_ns);
	return true;
}

void ratelimit_clear(struct ratelimit *r)
{
	for (size_t i = 0; i < r->n; i++) {
		r->v[i]->n = 0;
		r->v[i]->blocked_until = 0;
	}
}

void ratelimit_release(struct ratelimit *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->v[i]);
	free(r->v);
	r->v = NULL;
	r->n = r->cap = 0;
}
