#include "split.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "airtable/api.h"
#include "airtable/limiter.h"

#define ID_DIGITS 8 /* of base 62, behind the prefix: more than a page tells */
/* A page of 100 and more that is split needs this many. */
#define SAMPLE_MIN 50
/* More of the sample than that in one range: it is not worth it. */
#define PART_MAX_PERCENT 70

/* Where an id stands among all, of 62^ID_DIGITS; -1 = not of that form. */
static int64_t place_of(const json_t *record)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz";
	const char *id = json_string_value(json_object_get(record, "id"));
	int64_t n = 0;

	if (!id || strlen(id) < 3 + ID_DIGITS)
		return -1;
	for (size_t i = 3; i < 3 + ID_DIGITS; i++) {
		const char *d = strchr(digits, id[i]);

		if (!d)
			return -1;
		n = n * 62 + (d - digits);
	}
	return n;
}

uint64_t split_guess(const json_t *records)
{
	size_t n = json_array_size(records);
	int64_t all = 1, last = -1, place;

	for (int i = 0; i < ID_DIGITS; i++)
		all *= 62;
	for (size_t i = 0; i < n; i++) {
		place = place_of(json_array_get(records, i));
		if (place < last || place < 0)
			return 0;
		last = place;
	}
	if (n < SAMPLE_MIN)
		return 0;
	return (uint64_t)((double)n * (double)all / (double)(last + 1));
}

unsigned split_parts(uint64_t guess, int64_t page_ns)
{
	/* cursors that together are as fast as the limit, and two more: they
	 * do not end at the same time */
	int64_t n = page_ns * LIMIT_PER_BASE / NS_PER_S + 1 + 2;

	if (guess < SPLIT_RECORDS || page_ns * LIMIT_PER_BASE <= NS_PER_S)
		return 1;
	return n < SPLIT_MAX ? (unsigned)n : SPLIT_MAX;
}

static int by_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Does no range hold too much of the sample? */
static bool is_even(const int64_t *times, size_t n, const int64_t *bounds,
		    size_t bounds_n)
{
	size_t i = 0, from = 0;

	for (size_t k = 0; k <= bounds_n; k++) {
		while (i < n && (k == bounds_n || times[i] < bounds[k]))
			i++;
		if ((i - from) * 100 > n * PART_MAX_PERCENT)
			return false;
		from = i;
	}
	return true;
}

size_t split_bounds(const json_t *records, unsigned parts,
		    int64_t bounds[static SPLIT_MAX - 1])
{
	int64_t times[API_PAGE_MAX], ms;
	size_t n = 0, bounds_n = 0, i;
	const json_t *rec;

	json_array_foreach((json_t *)records, i, rec) {
		const char *text =
			json_string_value(json_object_get(rec, "createdTime"));

		if (n == API_PAGE_MAX || !text ||
		    clock_parse_iso(text, &ms) < 0 || ms <= 0)
			return 0;
		times[n++] = ms;
	}
	qsort(times, n, sizeof(times[0]), by_time);
	for (unsigned k = 1; n > 0 && k < parts && k < SPLIT_MAX; k++) {
		ms = times[n * k / parts];
		if (ms > times[0] &&
		    (bounds_n == 0 || ms > bounds[bounds_n - 1]))
			bounds[bounds_n++] = ms;
	}
	return is_even(times, n, bounds, bounds_n) ? bounds_n : 0;
}

#define BEFORE "IS_BEFORE(CREATED_TIME(),DATETIME_PARSE('%s'))"

void split_formula(int64_t from_ms, int64_t until_ms,
		   char buf[static SPLIT_FORMULA_MAX])
{
	char from[25], until[25];

	clock_format_iso(from_ms, from);
	clock_format_iso(until_ms, until);
	if (!from_ms)
		snprintf(buf, SPLIT_FORMULA_MAX, BEFORE, until);
	else if (!until_ms)
		snprintf(buf, SPLIT_FORMULA_MAX, "NOT(" BEFORE ")", from);
	else
		snprintf(buf, SPLIT_FORMULA_MAX, "AND(NOT(" BEFORE ")," BEFORE
						 ")", from, until);
}
