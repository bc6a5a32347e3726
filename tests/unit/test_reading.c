/* reading: a large table in parts, and listings that go wrong. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cache_world.h"
#include "split.h"

#define N 1230   /* 13 pages */
#define PAGES 13

static struct world w;

static int end(void **state)
{
	(void)state;
	world_end(&w);
	return 0;
}

struct waiter {
	struct cache_waiter w; /* first */
	unsigned woken;
	int err;
};

static void wake(struct cache_waiter *cw, int err)
{
	struct waiter *x = (struct waiter *)cw;

	x->woken++;
	x->err = err;
}

#define WAITER { .w = { .wake = wake } }

/* Between the ids of two records: by the first hundred of them there seem to be
 * 6,000, or as many as there are. */
#define SEEM_MANY 38
#define SEEM_FEW 190

/* n things in the order of their ids; created in another order, some in the same
 * second. */
static void many(unsigned n, unsigned step)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz";
	char name[32];

	world_begin(&w);
	for (unsigned i = 0; i < n; i++) {
		struct fa_record *r;

		snprintf(name, sizeof(name), "Item %u", i);
		r = fake_account_add(&w.acc, 0, name, "note", 1);
		snprintf(r->id, sizeof(r->id), "rec%c%c%c00000000000",
			 digits[i * step / 3844 % 62],
			 digits[i * step / 62 % 62], digits[i * step % 62]);
		r->created_ms -= (int64_t)(i * 7919 % n / 3 + 10) * 60000;
	}
	world_open(&w);
	world_tables(&w);
	fake_account_count_from_now(&w.acc);
}

/* Asks for the names; the first page takes ms. */
static void begin(struct waiter *x, int64_t ms)
{
	static struct cache_entry e[128];

	fake_account_fault(&w.acc, (struct fa_fault){ FA_LIST, FA_HELD,
						      .times = 1 });
	assert_int_equal(cache_list_records(w.c, w.tables[0], 0, e, 128, false,
					    &x->w), CACHE_PARKED);
	world_turn(&w);
	w.clk.now_ns += ms * NS_PER_MS;
	w.clk.now_wall_ms += ms;
	fake_account_release(&w.acc);
	world_turn(&w);
}

/* How many names there are, each once; -1 as long as there may be more. */
static int names(void)
{
	static struct cache_entry e[128];
	static char seen[2 * N];
	uint32_t after = 0;
	unsigned i;
	int n, all = 0;

	memset(seen, 0, sizeof(seen));
	while ((n = cache_list_records(w.c, w.tables[0], after, e, 128, false,
				       NULL)) > 0) {
		for (int k = 0; k < n; k++) {
			assert_int_equal(sscanf(e[k].name, "Item %u.json", &i),
					 1);
			assert_true(i < sizeof(seen) && !seen[i]);
			seen[i] = 1;
			after = e[k].st.key.seq;
		}
		all += n;
	}
	return n == 0 ? all : -1;
}

static void a_large_table_is_read_in_parts(void **state)
{
	struct waiter a = WAITER;

	(void)state;
	many(N, SEEM_MANY);
	begin(&a, 300);
	assert_int_equal(a.woken, 1);
	world_run(&w, 10000);
	assert_int_equal(names(), N);
	assert_int_equal(w.acc.calls[FA_LIST], 1);
	assert_in_range(w.acc.calls[FA_QUERY], PAGES, PAGES + 4);
	/* and that was that */
	world_run(&w, 1000);
	assert_int_equal(names(), N);
	assert_in_range(w.acc.total, 1 + PAGES, 1 + PAGES + 4);
}

static void P8_one_cursor_where_parts_do_not_pay(void **state)
{
	struct waiter a = WAITER, b = WAITER;
	struct cache_entry e;

	(void)state;
	many(N, SEEM_MANY);
	begin(&a, 150); /* as fast as the limit */
	world_run(&w, 10000);
	assert_int_equal(names(), N);
	assert_int_equal(w.acc.calls[FA_LIST], PAGES);
	assert_int_equal(w.acc.total, PAGES);
	world_end(&w);

	many(N, SEEM_FEW);
	begin(&a, 300);
	world_run(&w, 10000);
	assert_int_equal(names(), N);
	assert_int_equal(w.acc.total, PAGES);
	world_end(&w);

	many(N, SEEM_MANY);
	for (unsigned i = 0; i < 101; i++)
		fake_account_add(&w.acc, 1, "Other", "", 1);
	fake_account_fault(&w.acc, (struct fa_fault){ FA_LIST, FA_HELD,
						      .times = 1 });
	/* somebody else reads from this base */
	assert_int_equal(cache_list_records(w.c, w.tables[1], 0, &e, 1, false,
					    &b.w), CACHE_PARKED);
	world_turn(&w);
	begin(&a, 300);
	world_run(&w, 10000);
	assert_int_equal(names(), N);
	assert_int_equal(w.acc.calls[FA_QUERY], 0);
	assert_int_equal(w.acc.calls[FA_LIST], PAGES + 2);
}

static void an_iterator_that_expires_restarts_its_part_alone(void **state)
{
	struct waiter a = WAITER;

	(void)state;
	many(N, SEEM_MANY);
	fake_account_fault(&w.acc, (struct fa_fault){
		FA_QUERY, FA_STATUS, .skip = 9, .times = 1, .status = 422,
		.body = "{\"error\":{\"type\":"
			"\"LIST_RECORDS_ITERATOR_NOT_AVAILABLE\"}}" });
	begin(&a, 300);
	world_run(&w, 15000);
	assert_int_equal(names(), N);
	/* a part has 4 pages at most; 3 of them may have been in vain */
	assert_in_range(w.acc.calls[FA_QUERY], PAGES + 1, PAGES + 4 + 4);
	assert_int_equal(w.acc.calls[FA_LIST], 1);
}

static void a_refused_formula_costs_nothing_but_calls(void **state)
{
	struct waiter a = WAITER;

	(void)state;
	many(N, SEEM_MANY);
	fake_account_fault(&w.acc, (struct fa_fault){
		FA_QUERY, FA_STATUS, .times = 0, .status = 422,
		.body = "{\"error\":{\"type\":"
			"\"INVALID_FILTER_BY_FORMULA\"}}" });
	begin(&a, 300);
	world_run(&w, 15000);
	assert_int_equal(names(), N);
	assert_int_equal(w.acc.calls[FA_LIST], 1 + PAGES);
	assert_in_range(w.acc.calls[FA_QUERY], 1, 4);
}

/* A server whose ranges leave records out is found out. */
static void P14_parts_that_lose_records_are_not_believed(void **state)
{
	struct waiter a = WAITER;

	(void)state;
	many(N, SEEM_MANY);
	fake_account_fault(&w.acc, (struct fa_fault){
		FA_QUERY, FA_STATUS, .times = 1, .status = 200,
		.body = "{\"records\":[]}" });
	begin(&a, 300);
	world_run(&w, 20000);
	assert_int_equal(names(), N);
	assert_int_equal(w.acc.calls[FA_LIST], 1 + PAGES);
}

static void P14_a_part_that_fails_is_no_end(void **state)
{
	struct waiter a = WAITER, b = WAITER;
	static struct cache_entry e[128];
	uint32_t after = 0;
	int n;

	(void)state;
	many(N, SEEM_MANY);
	fake_account_fault(&w.acc, (struct fa_fault){
		FA_QUERY, FA_STATUS, .skip = 3, .times = 0, .status = 403,
		.body = "{\"error\":{\"type\":\"INVALID_PERMISSIONS\"}}" });
	begin(&a, 300);
	world_run(&w, 10000);
	fake_account_heal(&w.acc);
	while ((n = cache_list_records(w.c, w.tables[0], after, e, 128, false,
				       &b.w)) > 0)
		after = e[n - 1].st.key.seq;
	assert_int_equal(n, CACHE_PARKED);
	/* gone meanwhile, before all of it was ever read */
	fake_account_find(&w.acc, 0, "Item 5")->gone = true;
	world_run(&w, 15000);
	assert_true(b.woken);
	assert_int_equal(b.err, 0);
	assert_int_equal(names(), N - 1);
}

static void records_made_meanwhile_are_in_the_last_part(void **state)
{
	struct waiter a = WAITER;
	char name[32];

	(void)state;
	many(N, SEEM_MANY);
	begin(&a, 300);
	for (unsigned i = N; i < N + 40; i++) {
		snprintf(name, sizeof(name), "Item %u", i);
		fake_account_add(&w.acc, 0, name, "", 1);
	}
	world_run(&w, 15000);
	assert_int_equal(names(), N + 40);
}

/* Waits on, as a parked look-up does, until it fails. */
static void wake_and_wait(struct cache_waiter *cw, int err)
{
	struct waiter *x = (struct waiter *)cw;
	struct cache_stat st;

	x->err = err;
	if (err == 0)
		assert_int_equal(cache_lookup_record(w.c, w.tables[0],
						     "No.json", &st, cw),
				 CACHE_PARKED);
}

static void offsets_that_go_round_end_with_an_error(void **state)
{
	struct waiter a = { .w = { .wake = wake_and_wait } };
	struct cache_stat st;

	(void)state;
	many(N, SEEM_MANY);
	fake_account_fault(&w.acc, (struct fa_fault){
		FA_LIST, FA_STATUS, .skip = 2, .times = 0, .status = 200,
		.body = "{\"records\":[],\"offset\":\"itr/300\"}" });
	assert_int_equal(cache_lookup_record(w.c, w.tables[0], "No.json", &st,
					     &a.w), CACHE_PARKED);
	world_run(&w, 5000);
	assert_int_equal(a.err, -EPROTO);
	assert_in_range(w.acc.total, 3, 5);
	/* P14: not ENOENT; and the next one who asks gets it read */
	fake_account_heal(&w.acc);
	assert_int_equal(names(), -1);
	a = (struct waiter)WAITER;
	assert_int_equal(cache_lookup_record(w.c, w.tables[0], "No.json", &st,
					     &a.w), CACHE_PARKED);
	world_run(&w, 10000);
	assert_int_equal(names(), N);
}

#define T(f) cmocka_unit_test_teardown(f, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_large_table_is_read_in_parts),
		T(P8_one_cursor_where_parts_do_not_pay),
		T(an_iterator_that_expires_restarts_its_part_alone),
		T(a_refused_formula_costs_nothing_but_calls),
		T(P14_parts_that_lose_records_are_not_believed),
		T(P14_a_part_that_fails_is_no_end),
		T(records_made_meanwhile_are_in_the_last_part),
		T(offsets_that_go_round_end_with_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
