#include "ratelimit.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

#define SECOND 1000000000

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

static void forget_old(struct rate_window *w, int64_t now_ns)
{
	while (w->n && w->at[w->head] <= now_ns - SECOND) {
		w->head = (w->head + 1) % RATE_USER;
		w->n--;
	}
}

/* Full: starts the penalty. */
static bool has_room(struct ratelimit *r, struct rate_window *w, size_t limit,
		     int64_t now_ns)
{
	int64_t until = now_ns + r->penalty_ms * 1000000;

	if (now_ns < w->blocked_until) {
		if (r->extend)
			w->blocked_until = until;
		return false;
	}
	forget_old(w, now_ns);
	if (w->n < limit)
		return true;
	w->blocked_until = until;
	return false;
}

static void note(struct rate_window *w, int64_t now_ns)
{
	w->at[(w->head + w->n) % RATE_USER] = now_ns;
	w->n++;
}

bool ratelimit_admit(struct ratelimit *r, const char *base, const char *user,
		     int64_t now_ns)
{
	struct rate_window *b = *base ? window(r, base) : NULL;
	struct rate_window *u = window(r, user);

	if (!r->enabled)
		return true;
	if (now_ns < r->last_ns)	/* two threads may pass each other */
		now_ns = r->last_ns;
	r->last_ns = now_ns;
	if ((b && !has_room(r, b, r->per_base, now_ns)) ||
	    !has_room(r, u, RATE_USER, now_ns))
		return false;
	if (b)
		note(b, now_ns);
	note(u, now_ns);
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
