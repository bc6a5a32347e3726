/* clock: ISO 8601 both ways. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "airtable/clock.h"

static const struct {
	const char *text;
	int64_t ms;
	const char *again; /* NULL: the same text */
} good_rows[] = {
	{ "1970-01-01T00:00:00.000Z", 0, NULL },
	{ "2024-03-01T09:30:00.000Z", 1709285400000, NULL },
	{ "2024-02-29T23:59:59.999Z", 1709251199999, NULL },
	{ "2000-02-29T00:00:00.000Z", 951782400000, NULL },
	{ "1969-12-31T23:59:59.999Z", -1, NULL },
	{ "0000-01-01T00:00:00.000Z", -62167219200000, NULL },
	{ "9999-12-31T23:59:59.999Z", 253402300799999, NULL },
	{ "2024-03-01", 1709251200000, "2024-03-01T00:00:00.000Z" },
	{ "2024-03-01T09:30Z", 1709285400000, "2024-03-01T09:30:00.000Z" },
	{ "2024-03-01T09:30:01Z", 1709285401000, "2024-03-01T09:30:01.000Z" },
	{ "2024-03-01 09:30:01.5Z", 1709285401500, "2024-03-01T09:30:01.500Z" },
	{ "2024-03-01T09:30:01.123456+00:00", 1709285401123,
	  "2024-03-01T09:30:01.123Z" },
	{ "2016-12-31T23:59:60Z", 1483228800000, "2017-01-01T00:00:00.000Z" },
};

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good_rows) / sizeof(good_rows[0]); i++) {
		const char *want = good_rows[i].again;
		int64_t ms = -7;
		char out[25];

		if (clock_parse_iso(good_rows[i].text, &ms) != 0 ||
		    ms != good_rows[i].ms)
			fail_msg("%s: %lld", good_rows[i].text, (long long)ms);
		clock_format_iso(ms, out);
		assert_string_equal(out, want != NULL ? want :
							good_rows[i].text);
	}
}

static void test_bad(void **state)
{
	static const char *const rows[] = {
		"", "x", "2024", "2024-3-1", "2024-13-01", "2024-00-01",
		"2023-02-29", "1900-02-29", "2024-02-30", "2024-01-00",
		"2024-01-01T", "2024-01-01T24:00Z", "2024-01-01T09:60Z",
		"2024-01-01T09:30:61Z", "2024-01-01T09:30:00",
		"2024-01-01T09:30:00.Z", "2024-01-01T09:30:00+01:00",
		"2024-01-01T09:30:00Zx", "2024-01-01x", "-024-01-01",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t ms;

		if (clock_parse_iso(rows[i], &ms) != -EINVAL)
			fail_msg("'%s' was taken", rows[i]);
	}
}

static void test_out_of_range(void **state)
{
	char out[25];

	(void)state;
	clock_format_iso(INT64_MIN, out);
	assert_string_equal(out, "0000-01-01T00:00:00.000Z");
	clock_format_iso(INT64_MAX, out);
	assert_string_equal(out, "9999-12-31T23:59:59.999Z");
}

static void test_every_day(void **state)
{
	(void)state;
	for (int64_t day = -200000; day < 200000; day += 3) {
		int64_t ms = day * 86400000 + 12345678, back;
		char out[25];

		clock_format_iso(ms, out);
		assert_int_equal(clock_parse_iso(out, &back), 0);
		assert_int_equal(back, ms);
	}
}

static void test_system(void **state)
{
	int64_t a = clock_mono_ns(&system_clock);

	(void)state;
	assert_true(clock_mono_ns(&system_clock) >= a);
	assert_true(clock_wall_ms(&system_clock) > INT64_C(1700000000000));
	assert_true(clock_rand64(&system_clock) !=
		    clock_rand64(&system_clock));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_out_of_range),
		cmocka_unit_test(test_every_day),
		cmocka_unit_test(test_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
