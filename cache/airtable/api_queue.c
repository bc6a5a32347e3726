#include "api_internal.h"

#include <stdlib.h>
#include <string.h>

struct lane *lanes_get(struct lanes *ls, const struct base_id *base)
{
	struct lane *l, **list;
	size_t cap;

	for (size_t i = 0; i < ls->n; i++)
		if (strcmp(ls->list[i]->base.s, base->s) == 0)
			return ls->list[i];
	if (ls->n == ls->cap) {
		cap = ls->cap > 0 ? 2 * ls->cap : 8;
		list = reallocarray(ls->list, cap, sizeof(struct lane *));
		if (list == NULL)
			return NULL;
		ls->list = list;
		ls->cap = cap;
	}
	l = calloc(1, sizeof(*l));
	if (l == NULL)
		return NULL;
	l->base = *base;
	for (size_t i = 0; i < API_PRIORITIES; i++)
		TAILQ_INIT(&l->ready[i]);
	ls->list[ls->n++] = l;
	return l;
}

void lanes_free(struct lanes *ls)
{
	for (size_t i = 0; i < ls->n; i++)
		free(ls->list[i]);
	free(ls->list);
	*ls = (struct lanes){ 0 };
}

void lane_push(struct call *c, bool first)
{
	c->state = CALL_READY;
	if (first)
		TAILQ_INSERT_HEAD(&c->lane->ready[c->priority], c, link);
	else
		TAILQ_INSERT_TAIL(&c->lane->ready[c->priority], c, link);
}

void lane_remove(struct call *c)
{
	TAILQ_REMOVE(&c->lane->ready[c->priority], c, link);
}

/* The class whose turn it is: the highest one, unless a lower one has been
 * passed over too often. -1: nothing is ready. */
static int lane_class(const struct lane *l)
{
	int best = -1;

	for (int i = 0; i < API_PRIORITIES; i++) {
		if (TAILQ_EMPTY(&l->ready[i]))
			continue;
		if (l->passed[i] >= API_PASSED_CLASS_MAX)
			return i;
		if (best < 0)
			best = i;
	}
	return best;
}

static struct call *lane_take(struct lane *l, int class, int64_t now_ns)
{
	struct call *c = TAILQ_FIRST(&l->ready[class]);

	for (int i = class + 1; i < API_PRIORITIES; i++)
		if (!TAILQ_EMPTY(&l->ready[i]))
			l->passed[i]++;
	l->passed[class] = 0;
	l->passed_lane = 0;
	c->spent_ns = now_ns;
	lane_remove(c);
	return c;
}

static bool lane_can_send(const struct lane *l, struct limiter *limiter,
			  int64_t now_ns)
{
	return l->running_n < API_RUNNING_PER_BASE &&
	       limiter_wait_ns(limiter, &l->base, now_ns) == 0;
}

/* Whose turn it is. lane_take sets passed_lane back for the winner. */
static struct lane *lanes_pick(struct lanes *ls, struct limiter *limiter,
			       int64_t now_ns, int *ret_class, size_t *ret_i)
{
	struct lane *best = NULL;
	int best_rank = API_PRIORITIES;

	for (size_t k = 0; k < ls->n; k++) {
		size_t i = (ls->next + k) % ls->n;
		struct lane *l = ls->list[i];
		int class = lane_class(l), rank;

		if (class < 0 || !lane_can_send(l, limiter, now_ns))
			continue;
		rank = l->passed_lane >= API_PASSED_LANE_MAX ? -1 : class;
		l->passed_lane++;
		if (rank >= best_rank)
			continue;
		best = l;
		best_rank = rank;
		*ret_class = class;
		*ret_i = i;
	}
	return best;
}

struct call *lanes_take(struct lanes *ls, struct limiter *limiter,
			int64_t now_ns)
{
	int class = 0;
	size_t i = 0;

	/* Between the question and the grant another process may have taken
	 * the place: then the next lane is asked, but not for ever. */
	for (size_t tries = ls->n; tries > 0; tries--) {
		struct lane *l = lanes_pick(ls, limiter, now_ns, &class, &i);

		if (l == NULL)
			return NULL;
		if (limiter_try(limiter, &l->base, now_ns) > 0)
			continue;
		ls->next = i + 1;
		return lane_take(l, class, now_ns);
	}
	return NULL;
}

int64_t lanes_wait_ns(const struct lanes *ls, struct limiter *limiter,
		      int64_t now_ns)
{
	int64_t least = INT64_MAX, wait;

	for (size_t i = 0; i < ls->n; i++) {
		const struct lane *l = ls->list[i];

		if (lane_class(l) < 0 || l->running_n >= API_RUNNING_PER_BASE)
			continue;
		wait = limiter_wait_ns(limiter, &l->base, now_ns);
		if (wait < least)
			least = wait;
	}
	return least;
}

struct call *lanes_find_until(const struct lanes *ls, int64_t last_id)
{
	struct call *c;

	for (size_t i = 0; i < ls->n; i++)
		for (size_t k = 0; k < API_PRIORITIES; k++)
			TAILQ_FOREACH(c, &ls->list[i]->ready[k], link)
				if (c->id <= last_id)
					return c;
	return NULL;
}

struct call *lanes_find_id(const struct lanes *ls, int64_t id)
{
	struct call *c;

	for (size_t i = 0; i < ls->n; i++)
		for (size_t k = 0; k < API_PRIORITIES; k++)
			TAILQ_FOREACH(c, &ls->list[i]->ready[k], link)
				if (c->id == id)
					return c;
	return NULL;
}
