/* The cache and its calls: who sets none off, and what happens when there are
 * none left. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "cache_world.h"

#define CAP "{\"error\":{\"type\":\"PUBLIC_API_BILLING_LIMIT_EXCEEDED\"}}"

static struct world w;

static int begin(void **state)
{
	(void)state;
	world_begin(&w);
	return 0;
}

static int end(void **state)
{
	(void)state;
	world_end(&w);
	return 0;
}

static void add_things(unsigned n)
{
	char name[32];

	for (unsigned i = 1; i <= n; i++) {
		snprintf(name, sizeof(name), "Item %u", i);
		fake_account_add(&w.acc, 0, name, "note", 1);
	}
}

static void check_calls(const char *when, unsigned want)
{
	unsigned n;

	world_run(&w, 500);
	/* whose token it is is asked once a mount, before all else */
	n = w.acc.total - w.acc.calls[FA_WHOAMI];
	if (n != want || w.acc.calls[FA_WHOAMI] > 1)
		fail_msg("%s: %u calls, not %u", when, n, want);
}

/* Cold it is told to be busy, never to be empty or missing; warm it is all
 * there, however old; and nothing is ever asked for. */
static void P14_local_sets_nothing_off(void **state)
{
	static struct cache_entry e[200];
	struct cache_stat st;
	struct cache_dir d;
	int n;

	(void)state;
	add_things(150);
	world_open(&w);
	assert_int_equal(cache_list_bases(w.c, 0, &d, 1, CACHE_LOCAL), -EBUSY);
	assert_int_equal(cache_lookup_base(w.c, "x", &d, CACHE_LOCAL), -EBUSY);
	check_calls("nothing known", 0);
	assert_int_equal(cache_list_bases(w.c, 0, &d, 1, NULL), -EAGAIN);
	check_calls("the bases", 1);
	assert_int_equal(cache_list_bases(w.c, 0, &d, 1, CACHE_LOCAL), 1);
	assert_int_equal(cache_list_tables(w.c, d.no, 0, &d, 1, CACHE_LOCAL),
			 -EBUSY);
	assert_int_equal(cache_lookup_table(w.c, d.no, "x", &d, CACHE_LOCAL),
			 -EBUSY);
	check_calls("no tables", 1);
	world_tables(&w);
	fake_account_count_from_now(&w.acc);
	assert_int_equal(cache_list_records(w.c, w.tables[0], 0, e, 200, false,
					    CACHE_LOCAL), -EBUSY);
	assert_int_equal(cache_lookup_record(w.c, w.tables[0], "Item 1.json",
					     &st, CACHE_LOCAL), -EBUSY);
	check_calls("no records", 0);
	/* read in half */
	fake_account_fault(&w.acc, (struct fa_fault){ FA_LIST, FA_HELD,
						      .skip = 1 });
	assert_int_equal(cache_list_records(w.c, w.tables[0], 0, e, 1, false,
					    NULL), -EAGAIN);
	world_run(&w, 500);
	n = cache_list_records(w.c, w.tables[0], 0, e, 128, false,
			       CACHE_LOCAL);
	assert_int_equal(n, 100);
	assert_int_equal(cache_list_records(w.c, w.tables[0],
					    e[99].st.key.seq, e, 128, false,
					    CACHE_LOCAL), -EBUSY);
	assert_int_equal(cache_lookup_record(w.c, w.tables[0], "Item 1.json",
					     &st, CACHE_LOCAL), 0);
	assert_int_equal(cache_lookup_record(w.c, w.tables[0], "No.json", &st,
					     CACHE_LOCAL), -EBUSY);
	fake_account_heal(&w.acc);
	fake_account_release(&w.acc);
	world_run(&w, 2000);
	/* read, and old */
	world_run(&w, 2 * 3600 * 1000);
	fake_account_count_from_now(&w.acc);
	assert_int_equal(cache_list_bases(w.c, 0, &d, 1, CACHE_LOCAL), 1);
	assert_int_equal(cache_list_tables(w.c, w.base, 0, &d, 1, CACHE_LOCAL),
			 1);
	assert_int_equal(cache_list_records(w.c, w.tables[0], 0, e, 128, false,
					    CACHE_LOCAL), 128);
	assert_int_equal(cache_lookup_record(w.c, w.tables[0], "Item 1.json",
					     &st, CACHE_LOCAL), 0);
	assert_int_equal(cache_stat_record(w.c, st.key, &st, CACHE_LOCAL), 0);
	assert_int_equal(cache_lookup_record(w.c, w.tables[0], "No.json", &st,
					     CACHE_LOCAL), -ENOENT);
	check_calls("read and old", 0);
	/* the same by anybody else is noticed */
	assert_int_equal(cache_lookup_record(w.c, w.tables[0], "Item 1.json",
					     &st, NULL), 0);
	world_run(&w, 500);
	assert_true(w.acc.total > 0);
}

/* A walk over tables that are read is none for the tables behind them. */
static void local_walk_is_not_read_ahead(void **state)
{
	struct cache_entry e;

	(void)state;
	add_things(1);
	world_open(&w);
	world_tables(&w);
	world_read_table(&w, 0);
	world_run(&w, 1000);
	fake_account_count_from_now(&w.acc);
	(void)cache_list_records(w.c, w.tables[0], 0, &e, 1, false,
				 CACHE_LOCAL);
	(void)cache_list_records(w.c, w.tables[1], 0, &e, 1, false,
				 CACHE_LOCAL);
	check_calls("a walk", 0);
}

static json_t *status(void)
{
	char *text = NULL;
	json_t *j;

	assert_int_equal(cache_status_json(w.c, &text), 0);
	j = json_loads(text, 0, NULL);
	assert_non_null(j);
	free(text);
	return j;
}

static unsigned month(void)
{
	json_t *j = status();
	unsigned n = (unsigned)json_integer_value(json_object_get(
		json_object_get(json_object_get(j, "calls"), "this_month"),
		"total"));

	json_decref(j);
	return n;
}

/* Changes go on into the reserve, and when that is used up they wait, without
 * a call and without a busy loop, until the month is over. */
static void P4_changes_wait_for_the_next_month(void **state)
{
	struct rec_key k;
	unsigned saves = 0;
	char text[16];

	(void)state;
	add_things(1);
	w.conf.max_calls_month = 20;
	world_open(&w);
	world_tables(&w);
	world_read_table(&w, 0);
	k = world_find(&w, 0, "Item 1.json");
	while (month() < 20) {
		snprintf(text, sizeof(text), "%u", ++saves);
		assert_int_equal(world_save(&w, k, "Note", text), 0);
		world_run(&w, 3000);
		assert_true(saves < 20);
	}
	assert_true(saves >= 3);
	assert_int_equal(world_save(&w, k, "Note", "the last"), 0);
	fake_account_count_from_now(&w.acc);
	world_run(&w, 120000);
	assert_int_equal(world_flush(&w, 5000), -EDQUOT); /* it does not wait */
	assert_int_equal(w.acc.total, 0);
	assert_int_equal(world_unsent(&w).queued, 1);
	assert_string_equal(world_cell(&w, k, "Note"), "the last");
	/* also after kill -9, and another mount does not begin anew */
	world_kill(&w, false);
	world_open(&w);
	world_run(&w, 120000);
	assert_int_equal(w.acc.total, 0);
	assert_int_equal(month(), 20);
	w.clk.now_wall_ms += INT64_C(31) * 24 * 3600 * 1000;
	world_run(&w, 70000);
	assert_int_equal(world_unsent(&w).queued, 0);
	assert_string_equal(fake_account_get(
		fake_account_find(&w.acc, 0, "Item 1"), FA_NOTE), "the last");
}

/* The same where the server says so, until it is asked by hand. */
static void P4_changes_wait_for_the_plan(void **state)
{
	struct cache_stat st;
	struct rec_key k;

	(void)state;
	add_things(1);
	world_open(&w);
	world_tables(&w);
	world_read_table(&w, 0);
	k = world_find(&w, 0, "Item 1.json");
	fake_account_fault(&w.acc, (struct fa_fault){
		FA_ANY, FA_STATUS, .status = 429, .body = CAP });
	fake_account_count_from_now(&w.acc);
	assert_int_equal(world_save(&w, k, "Note", "kept"), 0);
	world_run(&w, 120000);
	assert_int_equal(w.acc.total, 1);
	assert_int_equal(world_unsent(&w).queued, 1);
	/* reads of what is old come from the cache and ask for nothing */
	assert_int_equal(cache_lookup_record(w.c, w.tables[0], "Item 1.json",
					     &st, NULL), 0);
	world_run(&w, 1000);
	assert_int_equal(w.acc.total, 1);
	/* one call an hour asks */
	world_run(&w, 3 * 3600 * 1000);
	assert_in_range(w.acc.total, 3, 5);
	fake_account_heal(&w.acc);
	assert_int_equal(cache_refresh(w.c, 0, 0), 0);
	world_run(&w, 5000);
	assert_int_equal(world_unsent(&w).queued, 0);
	assert_string_equal(fake_account_get(
		fake_account_find(&w.acc, 0, "Item 1"), FA_NOTE), "kept");
}

static void status_tells_the_pace(void **state)
{
	char *text = NULL;
	json_t *j, *odd;

	(void)state;
	add_things(1);
	world_open(&w);
	world_tables(&w);
	fake_account_fault(&w.acc, (struct fa_fault){
		FA_LIST, FA_STATUS, .times = 1, .status = 429,
		.body = "{\"errors\":[{\"error\":\"RATE_LIMIT_REACHED\"}]}" });
	world_run(&w, 1000);
	(void)cache_refresh(w.c, 0, w.tables[0]);
	world_read_table(&w, 0); /* after the rest */
	j = status();
	odd = json_array_get(json_object_get(j, "odd_bases"), 0);
	assert_string_equal(json_string_value(json_object_get(odd, "id")),
			    FA_BASE);
	assert_int_equal(json_integer_value(json_object_get(odd,
							    "per_second")), 4);
	json_decref(j);
	assert_int_equal(cache_status_text(w.c, &text), 0);
	assert_non_null(strstr(text, "slowed down to 4 requests a second"));
	free(text);
	world_run(&w, 61000);
	j = status();
	assert_int_equal(json_array_size(json_object_get(j, "odd_bases")), 0);
	json_decref(j);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		T(P14_local_sets_nothing_off),
		T(local_walk_is_not_read_ahead),
		T(P4_changes_wait_for_the_next_month),
		T(P4_changes_wait_for_the_plan),
		T(status_tells_the_pace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
