/* limiter: rows, then promise P7 over random calls: never more than 5 in any
 * second to one base, nor 50 to all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "airtable/limiter.h"
#include "airtable/punctual.h"

static const struct base_id base_a = { "appAAAAAAAAAAAAAA" };
static const struct base_id base_b = { "appBBBBBBBBBBBBBB" };
static const struct base_id no_base = { "" };

static int64_t resting_ns(struct limiter *l, const struct base_id *base,
			  int64_t now)
{
	struct limiter_state st;

	assert_true(limiter_get_state(l, base, now, &st));
	return st.rest_until_ns > 0 ? st.rest_until_ns - now : 0;
}

/* n requests that leave as soon as they are granted. */
static void spend_n(struct limiter *l, const struct base_id *base, int n,
		    int64_t at_ns)
{
	for (int i = 0; i < n; i++) {
		assert_int_equal(limiter_try(l, base, at_ns), 0);
		limiter_touch(l, base, at_ns, at_ns);
	}
}

static void test_base_window(void **state)
{
	struct limiter *l = limiter_new();

	(void)state;
	assert_non_null(l);
	assert_int_equal(limiter_wait_ns(l, &base_a, 0), 0);
	spend_n(l, &base_a, 2, 0);
	spend_n(l, &base_a, 3, 100);
	assert_int_equal(limiter_wait_ns(l, &base_a, 100),
			 LIMIT_WINDOW_NS - 100);
	assert_int_equal(limiter_wait_ns(l, &base_b, 100), 0);
	assert_int_equal(limiter_wait_ns(l, NULL, 100), 0);
	/* two are out of the window; the other three are not */
	assert_int_equal(limiter_wait_ns(l, &base_a, LIMIT_WINDOW_NS), 0);
	spend_n(l, &base_a, 2, LIMIT_WINDOW_NS);
	assert_int_equal(limiter_wait_ns(l, &base_a, LIMIT_WINDOW_NS), 100);
	limiter_free(l);
}

static void test_user_window(void **state)
{
	struct limiter *l = limiter_new();

	(void)state;
	for (int i = 0; i < 10; i++) {
		struct base_id b = { "" };

		snprintf(b.s, sizeof(b.s), "app%d", i);
		spend_n(l, &b, 4, i);
	}
	spend_n(l, &no_base, 10, 10);
	assert_int_equal(limiter_wait_ns(l, &base_a, 10), LIMIT_WINDOW_NS - 10);
	assert_int_equal(limiter_wait_ns(l, NULL, 10), LIMIT_WINDOW_NS - 10);
	assert_int_equal(limiter_wait_ns(l, NULL, LIMIT_WINDOW_NS), 0);
	limiter_free(l);
}

static void test_touch(void **state)
{
	struct limiter *l = limiter_new();
	const int64_t late = LIMIT_WINDOW_NS / 2;

	(void)state;
	spend_n(l, &base_a, 3, 0);
	assert_int_equal(limiter_try(l, &base_a, 0), 0);
	assert_int_equal(limiter_try(l, &base_a, 0), 0);
	limiter_touch(l, &base_a, 0, late);
	limiter_touch(l, &base_a, 0, late);
	/* three of the five have left the window, two are counted later */
	spend_n(l, &base_a, 3, LIMIT_WINDOW_NS);
	assert_int_equal(limiter_try(l, &base_a, LIMIT_WINDOW_NS), late);
	/* one that is not known (any more) is counted all the same */
	limiter_touch(l, &base_a, 0, LIMIT_WINDOW_NS);
	limiter_touch(l, &base_a, 0, LIMIT_WINDOW_NS);
	assert_int_equal(limiter_wait_ns(l, &base_a, LIMIT_WINDOW_NS),
			 LIMIT_WINDOW_NS);
	limiter_free(l);
}

static void test_under_way(void **state)
{
	struct limiter *l = limiter_new();
	const int64_t w = LIMIT_WINDOW_NS;

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(limiter_try(l, &base_a, i), 0);
	/* what has not left may leave now, whenever now is */
	assert_int_equal(limiter_try(l, &base_a, w), w);
	assert_int_equal(limiter_try(l, &base_a, 5 * w), w);
	limiter_touch(l, &base_a, 2, 5 * w);
	assert_int_equal(limiter_try(l, &base_a, 6 * w - 1), 1);
	assert_int_equal(limiter_try(l, &base_a, 6 * w), 0);
	assert_int_equal(limiter_try(l, &base_a, 6 * w), w);
	/* and what was never heard of again counts once more, then no more */
	assert_int_equal(limiter_try(l, &base_a, 4 + LIMIT_UNDER_WAY_NS), w);
	assert_int_equal(limiter_try(l, &base_a, 5 + LIMIT_UNDER_WAY_NS), w - 1);
	limiter_free(l);
}

/* The place of a base that counts, or rests, is never given away. */
static void test_many_bases(void **state)
{
	struct limiter *l = limiter_new();
	struct base_id b = { "" };
	int64_t now = 0;

	(void)state;
	limiter_rest(l, &base_a, 0, 0, 600 * NS_PER_S);
	for (int i = 0; i < 3 * PACE_BASES; i++) {
		snprintf(b.s, sizeof(b.s), "app%d", i);
		now += LIMIT_WINDOW_NS / 40;
		spend_n(l, &b, 1, now);
	}
	assert_int_equal(resting_ns(l, &base_a, now),
			 600 * NS_PER_S - now);
	/* all of them rest: one more must wait for the first to end */
	now += LIMIT_WINDOW_NS;
	for (int i = 1; i < PACE_BASES; i++) {
		snprintf(b.s, sizeof(b.s), "app%d", i);
		limiter_rest(l, &b, now, now, 100 * NS_PER_S + i);
	}
	assert_int_equal(limiter_try(l, &base_b, now), 100 * NS_PER_S + 1);
	assert_int_equal(limiter_try(l, &no_base, now), 0);
	limiter_touch(l, &no_base, now, now);
	now += 100 * NS_PER_S + 1;
	assert_int_equal(limiter_try(l, &base_b, now), 0);
	limiter_touch(l, &base_b, now, now);
	/* there is no room for a rest: all rest */
	snprintf(b.s, sizeof(b.s), "appNew");
	limiter_rest(l, &b, now, now, 7);
	assert_int_equal(resting_ns(l, &base_b, now), 7);
	limiter_free(l);
}

static void test_file_name(void **state)
{
	char a[LIMITER_FILE_NAME_MAX], b[LIMITER_FILE_NAME_MAX];

	(void)state;
	limiter_file_name("https://api.airtable.com", a);
	limiter_file_name("https://API.airtable.com//", b);
	assert_string_equal(a, b);
	assert_int_equal(strncmp(a, "pace2-", 6), 0);
	assert_int_equal(strlen(a), 22);
	limiter_file_name("http://127.0.0.1:8000", b);
	assert_string_not_equal(a, b);
}

static void test_rest(void **state)
{
	struct limiter *l = limiter_new();

	(void)state;
	limiter_rest(l, &base_a, 100, 100, LIMIT_REST_NS);
	assert_int_equal(limiter_wait_ns(l, &base_a, 100), LIMIT_REST_NS);
	assert_int_equal(resting_ns(l, &base_a, 200),
			 LIMIT_REST_NS - 100);
	assert_int_equal(limiter_wait_ns(l, &base_b, 100), 0);
	assert_int_equal(resting_ns(l, NULL, 100), 0);
	limiter_rest(l, &base_a, 100, 100, 5); /* a shorter one changes nothing */
	assert_int_equal(limiter_wait_ns(l, &base_a, 100), LIMIT_REST_NS);
	assert_int_equal(limiter_wait_ns(l, &base_a, 100 + LIMIT_REST_NS), 0);
	/* one of no base stops all, also bases never heard of */
	limiter_rest(l, NULL, 0, 0, 50);
	assert_int_equal(limiter_wait_ns(l, &base_b, 10), 40);
	assert_int_equal(limiter_wait_ns(l, &no_base, 10), 40);
	/* and none is endless */
	limiter_rest(l, &base_b, 0, 0, INT64_MAX);
	assert_int_equal(limiter_wait_ns(l, &base_b, 0), LIMIT_REST_MAX_NS);
	limiter_free(l);
	limiter_free(NULL);
}

/* Fewer fit into the window of a base that was told to slow down. */
static void test_slowed_down(void **state)
{
	struct limiter *l = limiter_new();
	const int64_t w = LIMIT_WINDOW_NS, rest = LIMIT_REST_NS;
	int64_t now = 0;

	(void)state;
	spend_n(l, &base_a, 5, now);
	limiter_rest(l, &base_a, now, now, rest);
	limiter_rest(l, &base_a, now, now, rest); /* of the same volley */
	now += rest;
	spend_n(l, &base_a, 4, now);
	assert_int_equal(limiter_try(l, &base_a, now), w);
	spend_n(l, &base_b, 5, now); /* not the others */
	limiter_rest(l, &base_a, now, now, rest);
	now += rest;
	spend_n(l, &base_a, 1, now);
	spend_n(l, &base_a, 1, now + 7);
	assert_int_equal(limiter_try(l, &base_a, now + 7), w - 7);
	assert_int_equal(limiter_try(l, &base_a, now + w - 1), 1);
	spend_n(l, &base_a, 1, now + w);
	assert_int_equal(limiter_try(l, &base_a, now + w), 7);
	/* one of no base slows down all together: 40 in a window */
	limiter_rest(l, NULL, now + w, now + w, rest);
	now += w + rest;
	spend_n(l, &no_base, 40, now);
	assert_int_equal(limiter_try(l, &no_base, now), w);
	limiter_free(l);
}

/* A base that is slowed down keeps its place while others come and go. */
static void test_slowed_down_is_remembered(void **state)
{
	struct limiter *l = limiter_new();
	struct limiter_state st;
	struct base_id b = { "" };
	int64_t now = 0;

	(void)state;
	limiter_rest(l, &base_a, 0, 0, 1);
	for (int i = 0; i < 2 * PACE_BASES; i++) {
		snprintf(b.s, sizeof(b.s), "app%d", i);
		now += LIMIT_WINDOW_NS / 40;
		spend_n(l, &b, 1, now);
	}
	assert_true(limiter_get_state(l, &base_a, now, &st));
	assert_int_equal(slowdown_fifths(&st.slow, now), 4);
	assert_int_equal(slowdown_fifths(&st.slow, 2 * SLOWDOWN_STEP_NS), 5);
	limiter_free(l);
}

/* ---- the property ---- */

#define SENDS 4000
#define BASES 14

struct send {
	int base; /* -1: of no base */
	int64_t at_ns;     /* granted */
	int64_t leaves_ns; /* really */
	int in_flight;
};

static uint64_t random_state;

static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static struct base_id base_of(int i)
{
	struct base_id b = { "" };

	if (i >= 0)
		snprintf(b.s, sizeof(b.s), "app%dx", i);
	return b;
}

static int by_time(const void *a, const void *b)
{
	int64_t x = ((const struct send *)a)->at_ns;
	int64_t y = ((const struct send *)b)->at_ns;

	return (x > y) - (x < y);
}

/* The most sends to base within any window of one second; -2 = to all. */
static size_t busiest(const struct send *s, size_t n, int base)
{
	size_t most = 0, count = 0, from = 0;

	for (size_t i = 0; i < n; i++) {
		if (base != -2 && s[i].base != base)
			continue;
		count++;
		for (; s[from].at_ns <= s[i].at_ns - NS_PER_S; from++)
			if (base == -2 || s[from].base == base)
				count--;
		if (count > most)
			most = count;
	}
	return most;
}

/* As the api does it: the limiter is told of each that leaves. */
static void settle(struct limiter *l, struct send *s, size_t n, int64_t now)
{
	size_t from = n > 200 ? n - 200 : 0;

	for (size_t i = from; i < n; i++) {
		struct base_id b = base_of(s[i].base);

		if (!s[i].in_flight || s[i].leaves_ns > now)
			continue;
		limiter_touch(l, &b, s[i].at_ns, s[i].leaves_ns);
		s[i].in_flight = 0;
	}
}

static void run_property(uint64_t seed, int slow_connections)
{
	static struct send sends[SENDS];
	struct limiter *l = limiter_new();
	int64_t now = 0;
	size_t n = 0;

	random_state = seed;
	while (n < SENDS) {
		int base = (int)(next_random() % (BASES + 1)) - 1;
		struct base_id b = base_of(base);
		int64_t wait;

		/* bursts, short pauses, and now and then a long one */
		if (next_random() % 3 == 0)
			now += (int64_t)(next_random() % (20 * NS_PER_MS));
		if (next_random() % 500 == 0)
			now += 2 * NS_PER_S;
		settle(l, sends, n, now);
		wait = limiter_wait_ns(l, &b, now);
		if (wait > 0 && next_random() % 4 != 0)
			continue;
		now += wait;
		settle(l, sends, n, now);
		if (limiter_try(l, &b, now) > 0)
			continue;
		sends[n] = (struct send){ .base = base, .at_ns = now,
					  .leaves_ns = now };
		if (slow_connections && next_random() % 2 == 0)
			sends[n].leaves_ns +=
				(int64_t)(next_random() % (3 * NS_PER_S));
		sends[n].in_flight = 1;
		settle(l, sends, ++n, now);
	}
	for (size_t i = 0; i < n; i++)
		sends[i].at_ns = sends[i].leaves_ns;
	qsort(sends, n, sizeof(sends[0]), by_time);
	for (int base = 0; base < BASES; base++)
		if (busiest(sends, n, base) > LIMIT_PER_BASE)
			fail_msg("seed %llu: base %d",
				 (unsigned long long)seed, base);
	if (busiest(sends, n, -2) > LIMIT_PER_USER)
		fail_msg("seed %llu: all bases", (unsigned long long)seed);
	/* and it does not brake more than it must */
	assert_true(slow_connections || busiest(sends, n, -2) > 30);
	limiter_free(l);
}

static void test_P7_never_too_many(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		run_property(seed, 0);
		run_property(seed, 1);
	}
}

static void test_arrived(void **state)
{
	const int64_t w = LIMIT_WINDOW_NS, s = NS_PER_S;
	const int64_t least = LIMIT_MARGIN_LEAST_NS;
	struct limiter *l = limiter_new();

	(void)state;
	spend_n(l, &base_a, 1, 0);
	spend_n(l, &base_a, 1, 1);
	spend_n(l, &base_a, 3, 2);
	limiter_arrived(l, &base_a, 0, 0, NS_PER_MS);
	assert_int_equal(limiter_wait_ns(l, &base_a, s), least);
	/* known to be late by so much at most */
	limiter_arrived(l, &base_a, 1, 7 * NS_PER_MS, NS_PER_MS);
	spend_n(l, &base_a, 1, s + least);
	assert_int_equal(limiter_wait_ns(l, &base_a, s + least),
			 7 * NS_PER_MS + 1);
	spend_n(l, &base_a, 1, s + least + 8 * NS_PER_MS);
	/* of no request, or of another base: nothing changes */
	limiter_arrived(l, &base_a, 3, 0, NS_PER_MS);
	limiter_arrived(l, &base_b, 4, 0, NS_PER_MS);
	assert_int_equal(limiter_wait_ns(l, &base_a, s), w - s + 2);
	/* very late: a larger margin, but not any */
	for (int i = 0; i < 3; i++)
		limiter_arrived(l, &base_a, 2, 3 * s, NS_PER_MS);
	assert_int_equal(limiter_wait_ns(l, &base_a, s),
			 LIMIT_MARGIN_MOST_NS + 2);
	limiter_free(l);
}

static int by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Requests to one base that are on their way for there_ns and a little more,
 * answered after the server took its time. Returns how long 1000 took. */
static int64_t run_line(uint64_t seed, int64_t jitter_ns, int64_t unsteady_ns)
{
	static int64_t left[1000], came[1000], answered[1000];
	struct limiter *l = limiter_new();
	struct punctual p = { 0 };
	size_t n = 0, from = 0;
	int64_t now = NS_PER_S;

	random_state = seed;
	while (n < 1000) {
		for (size_t i = from; i < n; i++) {
			if (answered[i] == 0 || answered[i] > now)
				continue;
			limiter_arrived(l, &base_a, left[i],
					punctual_note(&p, answered[i] - left[i]),
					now);
			answered[i] = 0;
		}
		from = n > 20 ? n - 20 : 0;
		if (limiter_try(l, &base_a, now) > 0) {
			now += NS_PER_MS;
			continue;
		}
		limiter_touch(l, &base_a, now, now);
		left[n] = now;
		came[n] = now + 30 * NS_PER_MS;
		if (jitter_ns > 0)
			came[n] += (int64_t)(next_random() %
					     (uint64_t)jitter_ns);
		answered[n] = came[n] + 200 * NS_PER_MS;
		if (unsteady_ns > 0)
			answered[n] += (int64_t)(next_random() %
						 (uint64_t)unsteady_ns);
		n++;
	}
	qsort(came, n, sizeof(came[0]), by_number);
	for (size_t i = LIMIT_PER_BASE; i < n; i++)
		if (came[i] - came[i - LIMIT_PER_BASE] < NS_PER_S)
			fail_msg("seed %llu: arrival %zu",
				 (unsigned long long)seed, i);
	limiter_free(l);
	return left[n - 1] - left[0];
}

/* Counted where it counts: by arrivals, over a line that holds some up. */
static void test_P7_by_arrival(void **state)
{
	const int64_t least = (1000 / LIMIT_PER_BASE - 1) * NS_PER_S;
	int64_t took;

	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		(void)run_line(seed, 49 * NS_PER_MS, 0);
		(void)run_line(seed, 49 * NS_PER_MS, 100 * NS_PER_MS);
		(void)run_line(seed, 12 * NS_PER_MS, 5 * NS_PER_MS);
		(void)run_line(seed, 85 * NS_PER_MS, 0);
	}
	took = run_line(1, 0, 0);
	assert_in_range(took, least, least + least / 50);
	took = run_line(1, 0, 200 * NS_PER_MS);
	assert_in_range(took, least, least + least / 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base_window),
		cmocka_unit_test(test_user_window),
		cmocka_unit_test(test_touch),
		cmocka_unit_test(test_under_way),
		cmocka_unit_test(test_rest),
		cmocka_unit_test(test_many_bases),
		cmocka_unit_test(test_slowed_down),
		cmocka_unit_test(test_slowed_down_is_remembered),
		cmocka_unit_test(test_file_name),
		cmocka_unit_test(test_P7_never_too_many),
		cmocka_unit_test(test_arrived),
		cmocka_unit_test(test_P7_by_arrival),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
