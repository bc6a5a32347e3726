#include "api_internal.h"

#include <stdlib.h>
#include <string.h>

#include "pace_window.h"

struct lane *lanes_get(struct lanes *ls, const struct base_id *base, bool proof)
{
	struct lane *l, **list;
	size_t cap;

	for (size_t i = 0; i < ls->n; i++)
		if (ls->list[i]->proof == proof &&
		    strcmp(ls->list[i]->base.s, base->s) == 0)
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
	l->proof = proof;
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

/* The most urgent class that has something to send; -1: none. */
static int lane_best(const struct lane *l, unsigned classes)
{
	for (int i = 0; i < API_PRIORITIES; i++)
		if (!TAILQ_EMPTY(&l->ready[i]) && (classes & 1u << i) != 0)
			return i;
	return -1;
}

/* The classes that have been passed over too often. Two turns of theirs never
 * follow each other, so who has just come and is most urgent waits for one
 * other at most. */
static unsigned lane_starved(const struct lane *l)
{
	unsigned classes = 0;

	for (int i = 0; i < API_PRIORITIES && !l->out_of_turn; i++)
		if (!TAILQ_EMPTY(&l->ready[i]) &&
		    l->passed[i] >= API_PASSED_CLASS_MAX)
			classes |= 1u << i;
	return classes;
}

/* The class whose turn it is: the most urgent one, unless there are starved
 * ones; of these the one that was passed over most. */
static int lane_class(const struct lane *l, unsigned classes)
{
	int best = lane_best(l, classes), most = -1;
	unsigned starved = classes & lane_starved(l);

	for (int i = best + 1; best >= 0 && i < API_PRIORITIES; i++)
		if ((starved & 1u << i) != 0 &&
		    (most < 0 || l->passed[i] > l->passed[most]))
			most = i;
	return most >= 0 ? most : best;
}

static struct call *lane_take(struct lane *l, unsigned classes, int64_t now_ns)
{
	int class = lane_class(l, classes);
	struct call *c = TAILQ_FIRST(&l->ready[class]);

	l->out_of_turn = class != lane_best(l, classes);
	for (int i = class + 1; i < API_PRIORITIES; i++)
		if (!TAILQ_EMPTY(&l->ready[i]))
			l->passed[i]++;
	l->passed[class] = 0;
	l->passed_lane = 0;
	l->even_ns = (l->even_ns > now_ns ? l->even_ns : now_ns) + API_EVEN_NS;
	c->spent_ns = now_ns;
	lane_remove(c);
	return c;
}

/* ns until others than interactive calls may go. */
static int64_t even_wait_ns(const struct lane *l, int64_t now_ns)
{
	int64_t at = l->even_ns - (API_AT_ONCE - 1) * API_EVEN_NS;

	return at > now_ns && l->base.s[0] != '\0' ? at - now_ns : 0;
}

/* The classes that this lane may send now, the pace apart. */
static unsigned lane_classes(const struct lane *l, const struct lanes_view *v)
{
	if (l->running_n >= API_RUNNING_PER_BASE ||
	    !quota_lets_send(l, v->now_ms))
		return 0;
	return l->others_n < API_RUNNING_OTHERS_PER_BASE ?
		       v->classes :
		       v->classes & CLASS_INTERACTIVE;
}

/* The same, with an even pace, which does not hold up those that starve. */
static unsigned lane_classes_now(const struct lane *l,
				 const struct lanes_view *v)
{
	unsigned classes = lane_classes(l, v);

	if (even_wait_ns(l, v->now_ns) > 0)
		classes &= CLASS_INTERACTIVE | lane_starved(l);
	return classes;
}

/* The most urgent class that could be sent at this moment; -1: none. */
static int lane_rank(const struct lane *l, const struct lanes_view *v)
{
	int best = lane_best(l, lane_classes_now(l, v));

	if (best < 0 || limiter_wait_ns(v->limiter, &l->base, v->now_ns) > 0)
		return -1;
	return best;
}

/* Whose turn it is: the lane with the most urgent call, by turns where they are
 * equal; or one that was passed over too often, but no two of these in a row. */
static struct lane *lanes_pick(struct lanes *ls, const struct lanes_view *v,
			       size_t *ret_i, bool *ret_out_of_turn)
{
	struct lane *best = NULL;
	int best_rank = API_PRIORITIES;

	for (size_t k = 0; k < ls->n; k++) {
		size_t i = (ls->next + k) % ls->n;
		struct lane *l = ls->list[i];
		int rank = lane_rank(l, v);

		if (ls->only_proof && !l->proof)
			continue;
		if (rank < 0)
			continue;
		if (l->passed_lane >= API_PASSED_LANE_MAX && !ls->out_of_turn)
			rank = -1;
		if (rank >= best_rank)
			continue;
		best = l;
		best_rank = rank;
		*ret_i = i;
	}
	*ret_out_of_turn = best_rank < 0;
	return best;
}

/* l was granted: less urgent lanes that wait have been passed over. */
static void count_passed(struct lanes *ls, const struct lane *l,
			 const struct lanes_view *v)
{
	int class = lane_best(l, v->classes), other;

	for (size_t i = 0; i < ls->n; i++) {
		other = lane_best(ls->list[i], v->classes);
		if (ls->list[i] != l && other > class)
			ls->list[i]->passed_lane++;
	}
}

struct call *lanes_take(struct lanes *ls, const struct lanes_view *v)
{
	bool out_of_turn;
	size_t i = 0;

	/* Between the question and the grant another process may have taken
	 * the place: then the next lane is asked, but not for ever. */
	for (size_t tries = ls->n; tries > 0; tries--) {
		struct lane *l = lanes_pick(ls, v, &i, &out_of_turn);

		if (l == NULL)
			return NULL;
		if (limiter_try(v->limiter, &l->base, v->now_ns) > 0)
			continue;
		ls->next = i + 1;
		ls->out_of_turn = out_of_turn;
		if (!out_of_turn)
			count_passed(ls, l, v);
		return lane_take(l, lane_classes_now(l, v), v->now_ns);
	}
	return NULL;
}

int64_t lanes_wait_ns(const struct lanes *ls, const struct lanes_view *v)
{
	int64_t least = INT64_MAX, wait;

	for (size_t i = 0; i < ls->n; i++) {
		const struct lane *l = ls->list[i];
		int class = lane_best(l, lane_classes(l, v));

		if (ls->only_proof && !l->proof)
			continue;
		if (class < 0)
			continue;
		wait = limiter_wait_ns(v->limiter, &l->base, v->now_ns);
		if (class != API_INTERACTIVE)
			wait = pace_later(wait, even_wait_ns(l, v->now_ns));
		else if (wait > 0)
			limiter_claim(v->limiter, &l->base, v->now_ns, wait);
		if (wait < least)
			least = wait;
	}
	return least;
}

struct call *lane_find_until(const struct lane *l, unsigned classes,
			     int64_t last_id)
{
	struct call *c;

	for (size_t k = 0; k < API_PRIORITIES; k++)
		if ((classes & 1u << k) != 0)
			TAILQ_FOREACH(c, &l->ready[k], link)
				if (c->id <= last_id)
					return c;
	return NULL;
}

struct call *lanes_find_until(const struct lanes *ls, int64_t last_id)
{
	struct call *c = NULL;

	for (size_t i = 0; i < ls->n && c == NULL; i++)
		c = lane_find_until(ls->list[i], CLASSES_ALL, last_id);
	return c;
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
