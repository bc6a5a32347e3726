/* slowdown and budget: values asked with a time and a number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "airtable/budget.h"
#include "airtable/slowdown.h"

#define S NS_PER_S
#define STEP SLOWDOWN_STEP_NS
#define T0 (1000 * S)

/* A 429 at `at`, then 30 s of rest. Returns the rest's end. */
static int64_t hit(struct slowdown *s, int64_t at)
{
	slowdown_hit(s, at, at + 30 * S);
	return at + 30 * S;
}

static void test_full_until_hit(void **state)
{
	struct slowdown s = { .fifths = 0 };

	(void)state;
	assert_int_equal(slowdown_fifths(&s, 0), SLOWDOWN_FULL);
	assert_int_equal(slowdown_fifths(&s, INT64_MAX), SLOWDOWN_FULL);
	assert_true(slowdown_until_ns(&s) < 0);
}

/* One 429: a step down, and a minute after the rest all of it again. */
static void test_one_hit(void **state)
{
	struct slowdown s = { .fifths = 0 };
	int64_t end = hit(&s, T0);

	(void)state;
	assert_int_equal(slowdown_fifths(&s, T0), 4);
	assert_int_equal(slowdown_fifths(&s, end + STEP - 1), 4);
	assert_int_equal(slowdown_fifths(&s, end + STEP), 5);
	assert_int_equal(slowdown_until_ns(&s), end + STEP);
}

/* Those that left together are refused together: that is one 429. */
static void test_a_volley_is_one_hit(void **state)
{
	struct slowdown s = { .fifths = 0 };

	(void)state;
	for (int i = 0; i < 5; i++)
		slowdown_hit(&s, T0 + i, T0 + 30 * S + 1000 * i);
	assert_int_equal(slowdown_fifths(&s, T0 + 30 * S), 4);
}

/* Down to one and never to none; up again by ones. */
static void test_down_and_up(void **state)
{
	static const unsigned want[] = { 4, 2, 1, 1, 1 };
	struct slowdown s = { .fifths = 0 };
	int64_t at = T0, step;

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		at = hit(&s, at);
		assert_int_equal(slowdown_fifths(&s, at), want[i]);
	}
	step = STEP << SLOWDOWN_DOUBLINGS_MAX;
	for (unsigned k = 1; k < 5; k++) {
		assert_int_equal(slowdown_fifths(&s, at + k * step - 1), k);
		assert_int_equal(slowdown_fifths(&s, at + k * step), k + 1);
	}
	/* once it was at full pace for a step a 429 is a new story */
	at = slowdown_until_ns(&s) + step + 1;
	at = hit(&s, at);
	assert_int_equal(slowdown_fifths(&s, at), 4);
	assert_int_equal(slowdown_until_ns(&s), at + STEP);
}

/* A server that takes 2 a second until the month ends is not run into every
 * minute: of an hour less and less is spent resting. */
static void test_a_limit_that_stays(void **state)
{
	struct slowdown s = { .fifths = 0 };
	int64_t now = T0, last = T0;
	unsigned hits = 0, late = 0;

	(void)state;
	while (now < T0 + 4 * 3600 * S) {
		if (slowdown_fifths(&s, now) <= 2) {
			now += S;
			continue;
		}
		hits++;
		late += now > T0 + 3600 * S;
		last = hit(&s, now);
		now = last;
	}
	assert_true(last > T0 + 3600 * S); /* it does go on trying */
	assert_in_range(hits, 5, 40);
	assert_in_range(late, 3, 15); /* in three hours */
}

/* It lies in a shared file: what cannot be is full pace, and no arithmetic
 * overflows. */
static void test_nonsense(void **state)
{
	struct slowdown rows[] = {
		{ INT64_MAX, 1, 1 }, { INT64_MIN, 1, 1 }, { T0, 5, 0 },
		{ T0, UINT32_MAX, UINT32_MAX }, { T0 + 3 * 3600 * S, 2, 1 },
	};
	struct slowdown fine = { T0, 2, UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		slowdown_look(&rows[i], T0);
		assert_int_equal(slowdown_fifths(&rows[i], T0), SLOWDOWN_FULL);
	}
	slowdown_look(&fine, T0);
	assert_int_equal(slowdown_fifths(&fine, T0), 2);
}

static void test_budget_levels(void **state)
{
	static const struct {
		uint64_t max, used;
		enum budget_level want;
	} rows[] = {
		{ 0, UINT64_MAX, BUDGET_ALL }, /* none was set */
		{ 1000, 0, BUDGET_ALL },
		{ 1000, 799, BUDGET_ALL },
		{ 1000, 800, BUDGET_NO_PREFETCH },
		{ 1000, 849, BUDGET_NO_PREFETCH },
		{ 1000, 850, BUDGET_NO_REFRESH },
		{ 1000, 899, BUDGET_NO_REFRESH },
		{ 1000, 900, BUDGET_NO_READ },
		{ 1000, 999, BUDGET_NO_READ },
		{ 1000, 1000, BUDGET_NOTHING },
		{ 1000, UINT64_MAX, BUDGET_NOTHING },
		/* a few are kept in any case, but not all */
		{ 20, 9, BUDGET_ALL },
		{ 20, 10, BUDGET_NO_PREFETCH },
		{ 20, 15, BUDGET_NO_READ },
		{ 4, 0, BUDGET_NO_PREFETCH },
		{ 4, 2, BUDGET_NO_READ },
		{ 1, 0, BUDGET_ALL },
		{ 1, 1, BUDGET_NOTHING },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (budget_level(rows[i].max, rows[i].used) != rows[i].want)
			fail_msg("row %zu: %llu of %llu: %d", i,
				 (unsigned long long)rows[i].used,
				 (unsigned long long)rows[i].max,
				 (int)budget_level(rows[i].max, rows[i].used));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full_until_hit),
		cmocka_unit_test(test_one_hit),
		cmocka_unit_test(test_a_volley_is_one_hit),
		cmocka_unit_test(test_down_and_up),
		cmocka_unit_test(test_a_limit_that_stays),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_budget_levels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
