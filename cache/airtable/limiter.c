#include "limiter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The last times of sending, oldest first; n of cap are set. */
struct window {
	int64_t at[LIMIT_PER_USER];
	size_t n, cap;
};

struct base_window {
	struct base_id base;
	struct window sends;
	int64_t rest_until_ns;
};

struct limiter {
	struct window user;
	int64_t rest_until_ns;
	struct base_window *bases; /* sorted by id */
	size_t bases_n, bases_cap;
};

static void window_init(struct window *w, size_t cap)
{
	memset(w, 0, sizeof(*w));
	w->cap = cap;
}

static int64_t window_wait_ns(const struct window *w, int64_t now_ns)
{
	int64_t free_at;

	if (w->n < w->cap)
		return 0;
	free_at = w->at[0] + LIMIT_WINDOW_NS;
	return free_at > now_ns ? free_at - now_ns : 0;
}

static void window_add(struct window *w, int64_t now_ns)
{
	size_t i;

	if (w->n == w->cap) {
		memmove(&w->at[0], &w->at[1], (w->n - 1) * sizeof(w->at[0]));
		w->n--;
	}
	/* Times nearly always come in order. */
	for (i = w->n; i > 0 && w->at[i - 1] > now_ns; i--)
		w->at[i] = w->at[i - 1];
	w->at[i] = now_ns;
	w->n++;
}

/* Moves one send; one that has been pushed out since is counted anew. */
static void window_touch(struct window *w, int64_t spent_ns, int64_t now_ns)
{
	for (size_t i = 0; i < w->n; i++) {
		if (w->at[i] != spent_ns)
			continue;
		memmove(&w->at[i], &w->at[i + 1],
			(w->n - i - 1) * sizeof(w->at[0]));
		w->n--;
		break;
	}
	window_add(w, now_ns);
}

struct limiter *limiter_new(void)
{
	struct limiter *l = calloc(1, sizeof(*l));

	if (l != NULL)
		window_init(&l->user, LIMIT_PER_USER);
	return l;
}

void limiter_free(struct limiter *l)
{
	if (l == NULL)
		return;
	free(l->bases);
	free(l);
}

static int has_base(const struct base_id *base)
{
	return base != NULL && base->s[0] != '\0';
}

/* The place of the base, or where it belongs. */
static size_t base_index(const struct limiter *l, const char *id)
{
	size_t lo = 0, hi = l->bases_n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (strcmp(l->bases[mid].base.s, id) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct base_window *find_base(const struct limiter *l,
				     const struct base_id *base)
{
	size_t i;

	if (!has_base(base))
		return NULL;
	i = base_index(l, base->s);
	if (i < l->bases_n && strcmp(l->bases[i].base.s, base->s) == 0)
		return &l->bases[i];
	return NULL;
}

static struct base_window *make_base(struct limiter *l,
				     const struct base_id *base)
{
	struct base_window *b = find_base(l, base);
	size_t i, cap;

	if (b != NULL)
		return b;
	if (l->bases_n == l->bases_cap) {
		cap = l->bases_cap > 0 ? 2 * l->bases_cap : 8;
		b = reallocarray(l->bases, cap, sizeof(*b));
		if (b == NULL)
			return NULL;
		l->bases = b;
		l->bases_cap = cap;
	}
	i = base_index(l, base->s);
	b = &l->bases[i];
	memmove(b + 1, b, (l->bases_n - i) * sizeof(*b));
	l->bases_n++;
	*b = (struct base_window){ .base = *base };
	window_init(&b->sends, LIMIT_PER_BASE);
	return b;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int64_t limiter_wait_ns(struct limiter *l, const struct base_id *base,
			int64_t now_ns)
{
	const struct base_window *b = find_base(l, base);
	int64_t wait = later(window_wait_ns(&l->user, now_ns),
			     limiter_resting_ns(l, base, now_ns));

	return b != NULL ? later(wait, window_wait_ns(&b->sends, now_ns)) :
			   wait;
}

int limiter_spend(struct limiter *l, const struct base_id *base,
		  int64_t now_ns)
{
	struct base_window *b;

	if (has_base(base)) {
		b = make_base(l, base);
		if (b == NULL)
			return -ENOMEM;
		window_add(&b->sends, now_ns);
	}
	window_add(&l->user, now_ns);
	return 0;
}

void limiter_touch(struct limiter *l, const struct base_id *base,
		   int64_t spent_ns, int64_t now_ns)
{
	struct base_window *b = find_base(l, base);

	if (b != NULL)
		window_touch(&b->sends, spent_ns, now_ns);
	window_touch(&l->user, spent_ns, now_ns);
}

void limiter_rest(struct limiter *l, const struct base_id *base,
		  int64_t now_ns, int64_t rest_ns)
{
	struct base_window *b = has_base(base) ? make_base(l, base) : NULL;
	int64_t until = now_ns + rest_ns;

	/* Without memory for the one base all of them rest: too slow is
	 * better than another 429. */
	if (b != NULL)
		b->rest_until_ns = later(b->rest_until_ns, until);
	else
		l->rest_until_ns = later(l->rest_until_ns, until);
}

int64_t limiter_resting_ns(const struct limiter *l, const struct base_id *base,
			   int64_t now_ns)
{
	const struct base_window *b = find_base(l, base);
	int64_t until = l->rest_until_ns;

	if (b != NULL)
		until = later(until, b->rest_until_ns);
	return until > now_ns ? until - now_ns : 0;
}
