/* The simulator's limits: never more than so many in any 1.0 s. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../sim/ratelimit.h"

#define MS INT64_C(1000000)
#define BASE "appOne00000000001"
#define OTHER "appTwo00000000001"
#define USER "usrOne00000000001"

static struct ratelimit fresh(int64_t penalty_ms)
{
	return (struct ratelimit){ .enabled = true, .penalty_ms = penalty_ms,
				   .per_base = 5 };
}

static void test_window_slides(void **state)
{
	struct ratelimit r = fresh(0);

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_true(ratelimit_admit(&r, BASE, USER, i * 100 * MS));
	assert_false(ratelimit_admit(&r, BASE, USER, 999 * MS));
	assert_false(ratelimit_admit(&r, BASE, USER, 1000 * MS - 1));
	assert_true(ratelimit_admit(&r, OTHER, USER, 1000 * MS - 1));
	assert_true(ratelimit_admit(&r, BASE, USER, 1000 * MS));
	assert_false(ratelimit_admit(&r, BASE, USER, 1100 * MS - 1));
	assert_true(ratelimit_admit(&r, BASE, USER, 1100 * MS));
	ratelimit_release(&r);
}

/* No clock second saves a burst across its edge. */
static void test_no_edge(void **state)
{
	struct ratelimit r = fresh(0);
	int served = 0;

	(void)state;
	for (int i = 0; i < 10; i++)
		served += ratelimit_admit(&r, BASE, USER, (900 + i * 20) * MS);
	assert_int_equal(served, 5);
	ratelimit_release(&r);
}

static void test_block(void **state)
{
	struct ratelimit r = fresh(30000);

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_true(ratelimit_admit(&r, BASE, USER, 0));
	assert_false(ratelimit_admit(&r, BASE, USER, 10 * MS));
	assert_false(ratelimit_admit(&r, BASE, "usrTwo00000000001",
				     20000 * MS));
	assert_false(ratelimit_admit(&r, BASE, USER, 30010 * MS - 1));
	assert_true(ratelimit_admit(&r, BASE, USER, 30010 * MS));
	ratelimit_release(&r);
}

static void test_block_lengthened(void **state)
{
	struct ratelimit r = fresh(1000);

	(void)state;
	r.extend = true;
	r.per_base = 1;
	assert_true(ratelimit_admit(&r, BASE, USER, 0));
	assert_false(ratelimit_admit(&r, BASE, USER, 100 * MS));
	assert_false(ratelimit_admit(&r, BASE, USER, 1000 * MS));
	assert_false(ratelimit_admit(&r, BASE, USER, 1900 * MS));
	assert_true(ratelimit_admit(&r, BASE, USER, 2900 * MS));
	ratelimit_release(&r);
}

static void test_user_over_all_bases(void **state)
{
	struct ratelimit r = fresh(0);

	(void)state;
	for (int i = 0; i < 50; i++) {
		char base[ID_CAP] = "appX0000000000000";

		base[4] = (char)('A' + i / 5);
		assert_true(ratelimit_admit(&r, base, USER, i * MS));
	}
	assert_false(ratelimit_admit(&r, "appLast0000000001", USER, 60 * MS));
	assert_true(ratelimit_admit(&r, "appLast0000000001",
				    "usrTwo00000000001", 60 * MS));
	assert_false(ratelimit_admit(&r, "", USER, 999 * MS));
	assert_true(ratelimit_admit(&r, "", USER, 1000 * MS));
	ratelimit_release(&r);
}

/* A thread that was held up counts by when its request arrived. */
static void test_late_thread(void **state)
{
	struct ratelimit r = fresh(30000);

	(void)state;
	assert_true(ratelimit_admit(&r, BASE, USER, 0));
	for (int i = 0; i < 3; i++)
		assert_true(ratelimit_admit(&r, BASE, USER,
					    (1100 + i) * MS));
	assert_true(ratelimit_admit(&r, BASE, USER, 50 * MS));
	assert_true(ratelimit_admit(&r, BASE, USER, 1103 * MS));
	assert_true(ratelimit_admit(&r, BASE, USER, 1104 * MS));
	/* between two full ends there is no room */
	assert_false(ratelimit_admit(&r, BASE, USER, 1000 * MS));
	assert_true(ratelimit_admit(&r, BASE, USER, 60 * MS));
	ratelimit_release(&r);
}

static int by_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* Whatever comes when: in no 1.0 s more than five were served. Arrivals of
 * two threads may come in the wrong order. */
static void test_any_second(void **state)
{
	struct ratelimit r = fresh(0);
	int64_t served[20000], now = 0;
	uint32_t seed = 7;
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		int64_t at;

		seed = seed * 1664525 + 1013904223;
		now += (seed >> 8) % 400 * MS / 2;
		at = now - (seed >> 20) % 400 * MS;
		if (ratelimit_admit(&r, BASE, USER, at))
			served[n++] = at;
	}
	assert_true(n > 1000);
	qsort(served, n, sizeof(served[0]), by_time);
	for (size_t i = 5; i < n; i++)
		assert_true(served[i] - served[i - 5] >= 1000 * MS);
	ratelimit_release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_window_slides),
		cmocka_unit_test(test_no_edge),
		cmocka_unit_test(test_block),
		cmocka_unit_test(test_block_lengthened),
		cmocka_unit_test(test_user_over_all_bases),
		cmocka_unit_test(test_late_thread),
		cmocka_unit_test(test_any_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
