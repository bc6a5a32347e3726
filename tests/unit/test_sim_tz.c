/* The simulator's time zones: against the tz database of the machine, so
 * rows lie where no law is likely to change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../sim/timefmt.h"
#include "../sim/tz.h"
#include "../sim/tz_rule.h"

static int64_t ms_of(const char *iso)
{
	bool t, z;
	int64_t ms = 0;

	assert_true(time_parse_iso(iso, strlen(iso), &ms, &t, &z));
	return ms;
}

/* An instant and the wall clock there; both ways. */
static const struct {
	const char *name;
	const char *zone;
	const char *utc;
	const char *local;
} rows[] = {
	{ "utc", "utc", "2024-07-01T10:00:00Z", "2024-07-01T10:00:00Z" },
	{ "client", "client", "2024-07-01T10:00:00Z", "2024-07-01T10:00:00Z" },
	{ "summer", "Europe/Berlin", "2024-07-01T10:00:00Z",
	  "2024-07-01T12:00:00Z" },
	{ "winter", "Europe/Berlin", "2024-01-01T10:00:00Z",
	  "2024-01-01T11:00:00Z" },
	{ "west", "America/New_York", "2024-07-01T10:00:00Z",
	  "2024-07-01T06:00:00Z" },
	{ "half an hour", "Asia/Kolkata", "2024-07-01T10:00:00Z",
	  "2024-07-01T15:30:00Z" },
	{ "summer in the south", "Pacific/Auckland", "2024-01-01T10:00:00Z",
	  "2024-01-01T23:00:00Z" },
	{ "beyond the list", "Europe/Berlin", "2060-07-01T10:00:00Z",
	  "2060-07-01T12:00:00Z" },
	{ "before any clock", "Europe/Berlin", "1950-01-01T10:00:00Z",
	  "1950-01-01T11:00:00Z" },
};

static void test_both_ways(void **state)
{
	int bad = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t utc = ms_of(rows[i].utc);
		int64_t local = ms_of(rows[i].local);
		const struct tz *z;

		if (!tz_find(rows[i].zone, &z)) {
			print_message("%s: no %s in the tz database\n",
				      rows[i].name, rows[i].zone);
			continue;
		}
		if (tz_local_ms(z, utc) != local ||
		    tz_utc_ms(z, local) != utc) {
			print_error("%s: %lld, %lld\n", rows[i].name,
				    (long long)(tz_local_ms(z, utc) - local),
				    (long long)(tz_utc_ms(z, local) - utc));
			bad++;
		}
	}
	assert_int_equal(bad, 0);
}

/* 2024-03-31 02:30 does not exist there, 2024-10-27 02:30 does twice. */
static void test_jumps(void **state)
{
	const struct tz *z;

	(void)state;
	if (!tz_find("Europe/Berlin", &z))
		skip();
	assert_int_equal(tz_utc_ms(z, ms_of("2024-03-31T02:30:00Z")),
			 ms_of("2024-03-31T01:30:00Z"));
	assert_int_equal(tz_utc_ms(z, ms_of("2024-10-27T02:30:00Z")),
			 ms_of("2024-10-27T00:30:00Z"));
}

static void test_names(void **state)
{
	static const char *const bad[] = { "", "Nowhere/Town", "../passwd",
					   "/etc/passwd", "Europe",
					   "Europe/Berlin ", "zone.tab" };
	const struct tz *z;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (tz_find(bad[i], &z))
			fail_msg("'%s' was taken", bad[i]);
}

static const struct {
	const char *name;
	const char *rule;
	const char *utc;
	int64_t offset;		/* -1: no rule */
} rules[] = {
	{ "no summer", "JST-9", "2024-07-01T00:00:00Z", 9 * 3600 },
	{ "quoted", "<+0530>-5:30", "2024-07-01T00:00:00Z", 19800 },
	{ "summer", "CET-1CEST,M3.5.0,M10.5.0/3", "2050-07-01T00:00:00Z",
	  7200 },
	{ "winter", "CET-1CEST,M3.5.0,M10.5.0/3", "2050-12-01T00:00:00Z",
	  3600 },
	{ "south", "NZST-12NZDT,M9.5.0,M4.1.0/3", "2050-01-01T00:00:00Z",
	  13 * 3600 },
	{ "own summer offset", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
	  "2050-01-01T00:00:00Z", 11 * 3600 },
	{ "julian days", "CET-1CEST,J60,J300", "2050-07-01T00:00:00Z", -1 },
	{ "empty", "", "2050-07-01T00:00:00Z", -1 },
	{ "cut", "CET-1CEST,M3.5", "2050-07-01T00:00:00Z", -1 },
};

static void test_rules(void **state)
{
	int bad = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct tz_rule r;
		int64_t got = -1;

		if (tz_rule_parse(&r, rules[i].rule))
			got = tz_rule_offset_s(&r, ms_of(rules[i].utc) / 1000);
		if (got != rules[i].offset) {
			print_error("%s: %lld\n", rules[i].name,
				    (long long)got);
			bad++;
		}
	}
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_jumps),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
