/* split: when a table is read in parts, and where they meet. endless: which
 * listings go round in circles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "airtable/clock.h"
#include "endless.h"
#include "split.h"

#define MS NS_PER_MS
#define T0 INT64_C(1700000000000)

static json_t *record(const char *id, int64_t created_ms)
{
	char when[25];

	clock_format_iso(created_ms, when);
	return json_pack("{s:s, s:s}", "id", id, "createdTime", when);
}

/* n records with ids spread over the digits from to until of the first place */
static json_t *page(unsigned n, unsigned from, unsigned until)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz";
	json_t *a = json_array();
	char id[18];

	for (unsigned i = 0; i < n; i++) {
		unsigned at = (from * n + (until - from) * (i + 1)) * 62 / n;

		snprintf(id, sizeof(id), "rec%c%c00000000000%c",
			 digits[at / 62 % 62], digits[at % 62],
			 digits[i % 62]);
		json_array_append_new(a, record(id, T0 + i * 1000));
	}
	return a;
}

static void test_guess(void **state)
{
	json_t *a = page(100, 0, 1), *rec;
	uint64_t n = split_guess(a);

	(void)state;
	/* a hundred in one 62nd of all ids */
	assert_in_range(n, 6000, 6400);
	rec = json_incref(json_array_get(a, 70));
	json_array_remove(a, 70);
	json_array_append_new(a, rec);
	assert_int_equal(split_guess(a), 0); /* in another order */
	json_decref(a);
	a = page(100, 0, 31);
	assert_in_range(split_guess(a), 190, 210);
	json_array_set_new(a, 50, record("rec-", T0));
	assert_int_equal(split_guess(a), 0);
	json_decref(a);
	a = page(20, 0, 1); /* too few to tell anything */
	assert_int_equal(split_guess(a), 0);
	json_decref(a);
	assert_int_equal(split_guess(NULL), 0);
}

static void test_parts(void **state)
{
	static const struct {
		uint64_t guess;
		int64_t page_ms;
		unsigned parts;
	} rows[] = {
		{ 0, 300, 1 }, { 4999, 300, 1 }, { 5000, 150, 1 },
		{ 5000, 200, 1 }, { 5000, 201, 4 }, { 5000, 300, 4 },
		{ 50000, 450, 5 }, { 50000, 60000, SPLIT_MAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (split_parts(rows[i].guess, rows[i].page_ms * MS) !=
		    rows[i].parts)
			fail_msg("row %zu", i);
}

static void test_bounds(void **state)
{
	json_t *a = page(100, 0, 1);
	int64_t b[SPLIT_MAX - 1];

	(void)state;
	assert_int_equal(split_bounds(a, 4, b), 3);
	assert_int_equal(b[0], T0 + 25 * 1000);
	assert_int_equal(b[1], T0 + 50 * 1000);
	assert_int_equal(b[2], T0 + 75 * 1000);
	/* most were made in one go: nothing to be gained */
	for (size_t i = 10; i < 90; i++)
		json_array_set_new(a, i, record("recAAAAAAAAAAAAAA",
						T0 + 10 * 1000));
	assert_int_equal(split_bounds(a, 4, b), 0);
	/* half of them: two parts or three */
	for (size_t i = 10; i < 60; i++)
		json_array_set_new(a, i, record("recAAAAAAAAAAAAAA",
						T0 + 10 * 1000 + (int)i % 2));
	assert_in_range(split_bounds(a, 4, b), 1, 3);
	for (size_t i = 0; i < 100; i++)
		json_array_set_new(a, i, record("recAAAAAAAAAAAAAA", T0));
	assert_int_equal(split_bounds(a, 4, b), 0);
	json_array_set_new(a, 3, json_pack("{s:s}", "id", "recA"));
	assert_int_equal(split_bounds(a, 4, b), 0);
	json_decref(a);
}

static void test_formula(void **state)
{
	char f[SPLIT_FORMULA_MAX];

	(void)state;
	split_formula(0, T0, f);
	assert_string_equal(f, "IS_BEFORE(CREATED_TIME(),DATETIME_PARSE("
			       "'2023-11-14T22:13:20.000Z'))");
	split_formula(T0, 0, f);
	assert_string_equal(f, "NOT(IS_BEFORE(CREATED_TIME(),DATETIME_PARSE("
			       "'2023-11-14T22:13:20.000Z')))");
	split_formula(T0, T0 + 1000, f);
	assert_string_equal(f, "AND(NOT(IS_BEFORE(CREATED_TIME(),"
			       "DATETIME_PARSE('2023-11-14T22:13:20.000Z'))),"
			       "IS_BEFORE(CREATED_TIME(),DATETIME_PARSE("
			       "'2023-11-14T22:13:21.000Z')))");
}

/* ---- endless ---- */

/* Pages until it is said not to end, at most max. Their offsets repeat after
 * offsets pages (0: never), their contents after firsts (-1: they are empty),
 * both from page lead on. */
static unsigned until_noticed(unsigned lead, unsigned offsets, int firsts,
			      unsigned max)
{
	struct endless e = { 0 };
	char offset[32], first[32];

	for (unsigned i = 0; i < max; i++) {
		unsigned k = i < lead ? i : i - lead;

		snprintf(offset, sizeof(offset), "itr/%s%u", i < lead ? "x" : "",
			 i >= lead && offsets > 0 ? k % offsets : k);
		snprintf(first, sizeof(first), "rec%s%u", i < lead ? "x" : "",
			 i >= lead && firsts > 0 ? k % (unsigned)firsts : k);
		if (endless_page(&e, offset,
				 i >= lead && firsts < 0 ? NULL : first))
			return i + 1;
	}
	return 0;
}

static void test_endless(void **state)
{
	(void)state;
	/* no circle: never, up to a table of any size that there is */
	assert_int_equal(until_noticed(0, 0, 0, 10000), 0);
	/* the same offset again, A B A, longer, after a long good start */
	assert_int_equal(until_noticed(0, 1, 0, 100), 2);
	assert_in_range(until_noticed(0, 2, 0, 100), 3, 8);
	assert_in_range(until_noticed(0, 7, 0, 100), 8, 30);
	assert_in_range(until_noticed(500, 7, 0, 5000), 508, 2000);
	/* always a new offset, but the same pages */
	assert_in_range(until_noticed(0, 0, 1, 100), 2, 10);
	assert_in_range(until_noticed(0, 0, 3, 100), 4, 40);
	assert_in_range(until_noticed(200, 0, 5, 5000), 206, 1000);
	/* empty pages: some are fine, for ever is not */
	assert_int_equal(until_noticed(3, 0, -1, 90), 0);
	assert_in_range(until_noticed(3, 0, -1, 200), 100, 110);
	/* whatever else */
	assert_in_range(until_noticed(0, 0, 0, 30000), 1, ENDLESS_PAGES + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_guess),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_formula),
		cmocka_unit_test(test_endless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
