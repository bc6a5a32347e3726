/* backoff and breaker: both plain values, so rows of what is asked and said. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "airtable/backoff.h"
#include "airtable/breaker.h"

#define MS NS_PER_MS

static const struct {
	const char *name;
	int64_t first_ns, cap_ns;
	unsigned failures;
	int64_t most_ns; /* with the largest randomness */
} rows[] = {
	{ "first", 250 * MS, 30000 * MS, 0, 250 * MS },
	{ "second", 250 * MS, 30000 * MS, 1, 500 * MS },
	{ "fifth", 250 * MS, 30000 * MS, 4, 4000 * MS },
	{ "capped", 250 * MS, 30000 * MS, 8, 30000 * MS },
	{ "long after", 250 * MS, 30000 * MS, UINT_MAX, 30000 * MS },
	{ "no cap in reach", 1, INT64_MAX, 200, INT64_MAX },
	{ "first above the cap", 50, 10, 0, 10 },
	{ "nothing", 0, 0, 3, 0 },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct backoff b = BACKOFF_INIT(rows[i].first_ns,
						rows[i].cap_ns);
		int64_t least, most;

		b.failures = rows[i].failures;
		least = backoff_next_ns(&b, 0);
		b.failures = rows[i].failures;
		most = backoff_next_ns(&b, (uint64_t)rows[i].most_ns);
		if (least != 0 || most != rows[i].most_ns)
			fail_msg("%s: %lld..%lld", rows[i].name,
				 (long long)least, (long long)most);
		b.failures = rows[i].failures;
		if (backoff_next_ns(&b, UINT64_MAX) > rows[i].most_ns)
			fail_msg("%s: beyond", rows[i].name);
	}
}

static void test_counts_and_resets(void **state)
{
	struct backoff b = BACKOFF_INIT(100, 1000);

	(void)state;
	assert_int_equal(backoff_next_ns(&b, 100), 100);
	assert_int_equal(backoff_next_ns(&b, 200), 200);
	assert_int_equal(backoff_next_ns(&b, 400), 400);
	backoff_reset(&b);
	assert_int_equal(backoff_next_ns(&b, 100), 100);
	b.failures = UINT_MAX;
	backoff_next_ns(&b, 0);
	assert_int_equal(b.failures, UINT_MAX);
}

static void test_jitter_is_full(void **state)
{
	unsigned low = 0, high = 0;
	uint64_t x = 88172645463325252u;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct backoff b = BACKOFF_INIT(1000, 1000);
		int64_t w;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		w = backoff_next_ns(&b, x);
		assert_in_range(w, 0, 1000);
		low += w < 250;
		high += w > 750;
	}
	assert_in_range(low, 180, 320);
	assert_in_range(high, 180, 320);
}

static void test_breaker_opens_and_closes(void **state)
{
	struct breaker b = { 0 };
	int64_t now = 0;

	(void)state;
	for (int i = 0; i < BREAKER_FAILURES; i++) {
		assert_int_equal(breaker_ask(&b, now), BREAKER_GO);
		breaker_failure(&b, false, now, 0);
	}
	assert_int_equal(breaker_ask(&b, now), BREAKER_FAIL);
	now += NS_PER_S - 1;
	assert_int_equal(breaker_ask(&b, now), BREAKER_FAIL);
	now++;
	assert_int_equal(breaker_ask(&b, now), BREAKER_PROBE);
	breaker_probe_begin(&b);
	assert_int_equal(breaker_ask(&b, now), BREAKER_HOLD);
	breaker_failure(&b, false, now, 0); /* a straggler */
	assert_int_equal(breaker_ask(&b, now), BREAKER_HOLD);
	breaker_probe_end(&b); /* cancelled: another may probe */
	assert_int_equal(breaker_ask(&b, now), BREAKER_PROBE);
	breaker_probe_begin(&b);
	breaker_success(&b);
	assert_int_equal(breaker_ask(&b, now), BREAKER_GO);
	breaker_failure(&b, false, now, 0); /* counted from none again */
	breaker_failure(&b, false, now, 0);
	assert_int_equal(breaker_ask(&b, now), BREAKER_GO);
}

static void test_breaker_waits_longer_each_time(void **state)
{
	static const int64_t want_s[] = { 1, 2, 4, 8, 16, 30, 30 };
	struct breaker b = { .failures = BREAKER_FAILURES - 1 };
	int64_t now = 5;

	(void)state;
	for (size_t i = 0; i < sizeof(want_s) / sizeof(want_s[0]); i++) {
		breaker_failure(&b, i > 0, now, 0);
		assert_int_equal(b.probe_at_ns, now + want_s[i] * NS_PER_S);
		now = b.probe_at_ns;
		assert_int_equal(breaker_ask(&b, now), BREAKER_PROBE);
		breaker_probe_begin(&b);
	}
	breaker_failure(&b, true, now, UINT64_MAX);
	assert_true(b.probe_at_ns >= now + 30 * NS_PER_S * 3 / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_counts_and_resets),
		cmocka_unit_test(test_jitter_is_full),
		cmocka_unit_test(test_breaker_opens_and_closes),
		cmocka_unit_test(test_breaker_waits_longer_each_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
