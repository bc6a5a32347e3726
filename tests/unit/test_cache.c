/* The facade: reading, waiting, and when content is judged as a save. Sending
 * stands in test_flush.c, restarts in test_restore.c. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cache_world.h"

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

static struct rec_key item_key(unsigned i)
{
	char name[40];

	snprintf(name, sizeof(name), "Item %u.json", i);
	return world_find(&w, 0, name);
}

/* ---- reading ---- */

static void many(unsigned n)
{
	char name[32];

	world_begin(&w);
	for (unsigned i = 1; i <= n; i++) {
		snprintf(name, sizeof(name), "Item %u", i);
		fake_account_add(&w.acc, 0, name, "note", 1);
	}
	world_open(&w);
	world_tables(&w);
	fake_account_count_from_now(&w.acc);
}

static void waiters_share_a_fetch(void **state)
{
	struct waiter a[5] = { WAITER, WAITER, WAITER, WAITER, WAITER };
	struct cache_stat st;

	(void)state;
	many(250);
	for (int i = 0; i < 5; i++)
		assert_int_equal(cache_lookup_record(w.c, w.tables[0],
						     "Item 1.json", &st,
						     &a[i].w), CACHE_PARKED);
	assert_true(cache_cancel(w.c, &a[4].w));
	assert_false(cache_cancel(w.c, &a[4].w));
	world_run(&w, 3000);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(a[i].woken, 1);
		assert_int_equal(a[i].err, 0);
		assert_false(cache_cancel(w.c, &a[i].w));
	}
	assert_int_equal(a[4].woken, 0);
	assert_int_equal(w.acc.calls[FA_LIST], 3); /* P8: ceil(250 / 100) */
	assert_int_equal(w.acc.total, 3);
}

static void P8_pages_cost_what_they_must(void **state)
{
	static const unsigned rows[][2] = { { 0, 1 }, { 1, 1 }, { 100, 1 },
					    { 101, 2 }, { 200, 2 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		many(rows[i][0]);
		world_read_table(&w, 0);
		if (w.acc.total != rows[i][1])
			fail_msg("%u records: %u calls", rows[i][0],
				 w.acc.total);
		world_read_table(&w, 0);
		world_run(&w, 100);
		if (w.acc.total != rows[i][1])
			fail_msg("%u records: a warm read calls", rows[i][0]);
		if (i + 1 < sizeof(rows) / sizeof(*rows))
			world_end(&w);
	}
}

static void names_stream_page_by_page(void **state)
{
	struct waiter a = WAITER, b = WAITER;
	struct cache_stat st;
	struct cache_entry *e = calloc(128, sizeof(*e));

	(void)state;
	many(250);
	fake_account_fault(&w.acc, (struct fa_fault){ FA_LIST, FA_HELD,
						      .skip = 1, .times = 0 });
	assert_int_equal(cache_list_records(w.c, w.tables[0], 0, e, 128, false,
					    &a.w), CACHE_PARKED);
	world_run(&w, 1000);
	assert_int_equal(a.woken, 1); /* the first page is here */
	assert_int_equal(cache_list_records(w.c, w.tables[0], 0, e, 128, false,
					    NULL), 100);
	assert_string_equal(e[99].name, "Item 100.json");
	assert_int_equal(cache_lookup_record(w.c, w.tables[0], "Item 7.json",
					     &st, NULL), 0);
	/* P14: not ENOENT, and no end of the directory, before it is known */
	assert_int_equal(cache_lookup_record(w.c, w.tables[0], "Item 101.json",
					     &st, NULL), -EAGAIN);
	a.woken = 0;
	assert_int_equal(cache_list_records(w.c, w.tables[0],
					    e[99].st.key.seq, e, 128, false,
					    &a.w), CACHE_PARKED);
	assert_int_equal(cache_lookup_record(w.c, w.tables[0], "No.json", &st,
					     &b.w), CACHE_PARKED);
	fake_account_release(&w.acc);
	world_run(&w, 1000);
	assert_int_equal(a.woken, 1);
	assert_int_equal(b.woken, 1);
	assert_int_equal(cache_lookup_record(w.c, w.tables[0], "Item 101.json",
					     &st, NULL), 0);
	assert_int_equal(cache_lookup_record(w.c, w.tables[0], "Item 201.json",
					     &st, NULL), -EAGAIN);
	fake_account_release(&w.acc);
	world_run(&w, 1000);
	assert_int_equal(cache_lookup_record(w.c, w.tables[0], "No.json", &st,
					     NULL), -ENOENT);
	free(e);
}

static void P14_trouble_is_never_enoent(void **state)
{
	static const struct {
		const char *name;
		struct fa_fault fault;
		int err;
	} rows[] = {
		{ "offline", { FA_LIST, FA_OFFLINE, .times = 0 },
		  -ENETUNREACH },
		{ "503", { FA_LIST, FA_STATUS, .status = 503, .body = "" },
		  -EREMOTEIO },
		{ "401", { FA_LIST, FA_STATUS, .status = 401, .body = "{}" },
		  -EACCES },
		{ "403", { FA_LIST, FA_STATUS, .status = 403,
			   .body = "{\"error\":{\"type\":"
				   "\"INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND\""
				   "}}" }, -EACCES },
		{ "404", { FA_LIST, FA_STATUS, .status = 404,
			   .body = "{\"error\":\"NOT_FOUND\"}" }, -EACCES },
		{ "garbage", { FA_LIST, FA_GARBAGE, .times = 0 }, 0 },
		{ "an object of another kind", { FA_LIST, FA_STATUS,
			   .status = 200, .body = "{}" }, 0 },
	};
	struct cache_stat st;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct waiter a = WAITER;

		many(3);
		fake_account_fault(&w.acc, rows[i].fault);
		assert_int_equal(cache_lookup_record(w.c, w.tables[0],
						     "Item 1.json", &st,
						     &a.w), CACHE_PARKED);
		world_run(&w, 60000);
		if (a.woken != 1 || a.err == 0 || a.err == -ENOENT ||
		    (rows[i].err && a.err != rows[i].err))
			fail_msg("%s: woken %u times with %d", rows[i].name,
				 a.woken, a.err);
		assert_int_equal(cache_lookup_record(w.c, w.tables[0],
						     "Item 1.json", &st, NULL),
				 -EAGAIN);
		fake_account_heal(&w.acc);
		world_run(&w, 60000);
		world_read_table(&w, 0);
		assert_int_equal(cache_lookup_record(w.c, w.tables[0],
						     "Item 1.json", &st, NULL),
				 0);
		if (i + 1 < sizeof(rows) / sizeof(*rows))
			world_end(&w);
	}
}

static void an_expired_iterator_begins_anew(void **state)
{
	struct cache_entry *e = calloc(128, sizeof(*e));
	unsigned n = 0;
	int k;

	(void)state;
	many(250);
	fake_account_fault(&w.acc, (struct fa_fault){
		FA_LIST, FA_STATUS, .skip = 1, .times = 1, .status = 422,
		.body = "{\"error\":{\"type\":"
			"\"LIST_RECORDS_ITERATOR_NOT_AVAILABLE\"}}" });
	world_read_table(&w, 0);
	for (uint32_t at = 0;
	     (k = cache_list_records(w.c, w.tables[0], at, e, 128, false,
				     NULL)) > 0;
	     at = e[k - 1].st.key.seq)
		n += (unsigned)k;
	assert_int_equal(k, 0);
	assert_int_equal(n, 250);
	assert_int_equal(w.acc.calls[FA_LIST], 5);
	free(e);
}

static void P1_a_restart_reads_offline(void **state)
{
	struct rec_key k;

	(void)state;
	world_with_things(&w, 3);
	k = item_key(2);
	world_close(&w);
	fake_account_fault(&w.acc, (struct fa_fault){ FA_ANY, FA_OFFLINE,
						      .times = 0 });
	world_open(&w);
	world_tables(&w);
	assert_int_equal(item_key(2).seq, k.seq);
	assert_string_equal(world_cell(&w, k, "Note"), "note");
	assert_int_equal(w.acc.total, 0);
}

static void relist_keeps_names_and_numbers(void **state)
{
	struct rec_key two, three;
	struct fa_record *r;
	struct cache_stat st;

	(void)state;
	world_with_things(&w, 3);
	two = item_key(2);
	three = item_key(3);
	fake_account_find(&w.acc, 0, "Item 1")->gone = true;
	fake_account_add(&w.acc, 0, "Item 4", "", 1);
	r = fake_account_find(&w.acc, 0, "Item 3");
	fake_account_set(r, FA_NAME, "Renamed");
	w.told_changed = w.told_new = w.told_gone = 0;
	assert_int_equal(cache_refresh(w.c, 0, w.tables[0]), 0);
	world_run(&w, 1000);
	assert_int_equal(item_key(2).seq, two.seq);
	assert_int_equal(world_find(&w, 0, "Renamed.json").seq, three.seq);
	assert_true(item_key(4).seq > three.seq);
	assert_int_equal(world_try_find(&w, 0, "Item 1.json", &st), -ENOENT);
	assert_int_equal(world_try_find(&w, 0, "Item 3.json", &st), -ENOENT);
	assert_int_equal(w.told_gone, 2); /* swept, renamed */
	assert_int_equal(w.told_new, 2);  /* added, renamed */
	/* a stable path by id */
	char name[40];

	snprintf(name, sizeof(name), "%s.json", r->id);
	assert_int_equal(world_find(&w, 0, name).seq, three.seq);
	assert_int_equal(w.acc.calls[FA_LIST], 1);
}

static void a_sweep_spares_what_is_local(void **state)
{
	struct rec_key k;

	(void)state;
	world_with_things(&w, 2);
	fake_account_fault(&w.acc, (struct fa_fault){ FA_WRITE, FA_HELD,
						      .times = 0 });
	assert_int_equal(world_create(&w, "New.json", "{}", &k), 0);
	assert_int_equal(cache_refresh(w.c, 0, w.tables[0]), 0);
	world_run(&w, 3000);
	assert_int_equal(world_find(&w, 0, "New.json").seq, k.seq);
}

static void rendered_under_the_present_schema(void **state)
{
	struct cache_stat st;
	char *bytes;

	(void)state;
	world_with_things(&w, 1);
	bytes = world_bytes(&w, item_key(1));
	assert_null(strstr(bytes, "Extra"));
	free(bytes);
	w.acc.with_extra = true;
	assert_int_equal(cache_refresh(w.c, w.base, 0), 0);
	world_run(&w, 1000);
	bytes = world_bytes(&w, item_key(1));
	assert_non_null(strstr(bytes, "\"Extra\": null"));
	assert_int_equal(cache_stat_record(w.c, item_key(1), &st, NULL), 0);
	assert_int_equal(st.size, strlen(bytes)); /* always true */
	free(bytes);
	assert_int_equal(world_save(&w, item_key(1), "Extra", "x"), 0);
	assert_int_equal(world_flush(&w, 20000), 0);
	assert_string_equal(fake_account_get(
		fake_account_find(&w.acc, 0, "Item 1"), FA_EXTRA), "x");
}

static void an_access_revalidates_after_ttl(void **state)
{
	struct cache_stat st;

	(void)state;
	world_with_things(&w, 1);
	world_run(&w, 40000);
	assert_int_equal(world_try_find(&w, 0, "Item 1.json", &st), 0);
	world_run(&w, 1000);
	assert_int_equal(w.acc.total, 0);
	world_run(&w, 30000);
	fake_account_set(fake_account_find(&w.acc, 0, "Item 1"), FA_NOTE,
			 "theirs");
	assert_int_equal(world_try_find(&w, 0, "Item 1.json", &st), 0);
	assert_string_equal(world_cell(&w, st.key, "Note"), "note");
	world_run(&w, 1000);
	assert_int_equal(w.acc.calls[FA_LIST], 1);
	assert_string_equal(world_cell(&w, st.key, "Note"), "theirs");
}

/* A table that was made long before it was read. */
static void world_with_old_things(unsigned n)
{
	world_with_things(&w, n);
	for (size_t i = 0; i < w.acc.n; i++)
		w.acc.records[i].created_ms -= 3600000;
}

static bool is_there(const char *name)
{
	struct cache_stat st;

	return world_try_find(&w, 0, name, &st) == 0;
}

static void P8_of_a_large_table_only_changes_are_asked_for(void **state)
{
	struct fa_record *r;
	struct rec_key k;

	(void)state;
	world_with_old_things(600);
	k = item_key(2);
	world_run(&w, 61000);
	fake_account_find(&w.acc, 0, "Item 1")->gone = true;
	r = fake_account_find(&w.acc, 0, "Item 2");
	fake_account_set(r, FA_NOTE, "theirs");
	r->edited_ms = w.clk.now_wall_ms;
	fake_account_add(&w.acc, 0, "New", "", 1);
	memset(w.acc.calls, 0, sizeof(w.acc.calls));
	assert_false(is_there("New.json"));
	world_run(&w, 1000);
	assert_int_equal(w.acc.calls[FA_QUERY], 1);
	assert_int_equal(w.acc.calls[FA_LIST], 0);
	assert_string_equal(world_cell(&w, k, "Note"), "theirs");
	assert_true(is_there("New.json"));
	assert_true(is_there("Item 1.json")); /* deletions do not show */
	assert_true(is_there("Item 600.json"));

	world_run(&w, 59000);
	assert_true(is_there("New.json")); /* ttl counts from that reading */
	world_run(&w, 1000);
	assert_int_equal(w.acc.calls[FA_QUERY], 1);

	world_run(&w, 3600000);
	assert_true(is_there("New.json"));
	world_run(&w, 2000);
	assert_int_equal(w.acc.calls[FA_QUERY], 1);
	assert_int_equal(w.acc.calls[FA_LIST], 6);
	assert_false(is_there("Item 1.json"));
}

/* Another name of a field, handed out, and the old one again: what is stored
 * never changed, what was handed out did. */
static void what_a_schema_in_between_showed_is_told(void **state)
{
	struct cache_dir d;
	struct rec_key k;

	(void)state;
	world_with_things(&w, 1);
	k = item_key(1);
	for (int i = 0; i < 2; i++) {
		w.acc.note_name = i == 0 ? "Remark" : NULL;
		w.told_changed = 0;
		world_run(&w, 61000);
		assert_int_equal(cache_lookup_table(w.c, w.base, "Things", &d,
						    NULL), 0);
		world_run(&w, 1000);
		assert_string_equal(world_cell(&w, k, i == 0 ? "Remark" :
							       "Note"),
				    "note");
		assert_int_equal(w.told_changed, 1);
	}
}

static void what_changed_survives_a_restart_and_a_refusal(void **state)
{
	struct fa_record *r;

	(void)state;
	world_with_old_things(600);
	world_close(&w);
	w.clk.now_ns += INT64_C(200000) * NS_PER_MS;
	w.clk.now_wall_ms += 200000;
	r = fake_account_find(&w.acc, 0, "Item 2");
	fake_account_set(r, FA_NOTE, "theirs");
	r->edited_ms = w.clk.now_wall_ms;
	world_open(&w);
	world_tables(&w);
	memset(w.acc.calls, 0, sizeof(w.acc.calls));
	assert_true(is_there("Item 2.json"));
	world_run(&w, 1000);
	assert_int_equal(w.acc.calls[FA_QUERY], 1);
	assert_int_equal(w.acc.calls[FA_LIST], 0);
	assert_string_equal(world_cell(&w, item_key(2), "Note"), "theirs");

	/* the server does not know the function: not asked again */
	fake_account_fault(&w.acc, (struct fa_fault){
		FA_QUERY, FA_STATUS, .times = 0, .status = 422,
		.body = "{\"error\":{\"type\":"
			"\"INVALID_FILTER_BY_FORMULA\",\"message\":\"no\"}}" });
	for (int i = 0; i < 3; i++) {
		world_run(&w, 61000);
		assert_true(is_there("Item 2.json"));
		world_run(&w, 1000);
	}
	assert_int_equal(w.acc.calls[FA_QUERY], 2);
	assert_int_equal(w.acc.calls[FA_LIST], 0);
	world_run(&w, 3600000);
	assert_true(is_there("Item 2.json"));
	world_run(&w, 2000);
	assert_int_equal(w.acc.calls[FA_LIST], 6);
}

static void a_new_field_needs_the_whole_of_a_large_table(void **state)
{
	(void)state;
	world_with_old_things(600);
	w.acc.with_extra = true;
	fake_account_set(fake_account_find(&w.acc, 0, "Item 2"), FA_EXTRA,
			 "there before");
	memset(w.acc.calls, 0, sizeof(w.acc.calls));
	for (int i = 0; i < 3; i++) {
		struct cache_dir d;

		world_run(&w, 61000);
		(void)cache_lookup_table(w.c, w.base, "Things", &d, NULL);
		assert_true(is_there("Item 2.json"));
		world_run(&w, 2000);
	}
	assert_int_equal(w.acc.calls[FA_LIST], 6);
	assert_string_equal(world_cell(&w, item_key(2), "Extra"),
			    "there before");
}

static void P11_read_only_is_refused_before_it_is_sent(void **state)
{
	struct rec_key k;
	struct cache_stat st;

	(void)state;
	world_with_things(&w, 1);
	k = item_key(1);
	world_close(&w);
	w.conf.read_only = true;
	world_open(&w);
	assert_int_equal(cache_write(w.c, k, "{}", 2, 0), -EROFS);
	assert_int_equal(cache_truncate(w.c, k, 0), -EROFS);
	assert_int_equal(cache_create(w.c, w.tables[0], "N.json", &st),
			 -EROFS);
	assert_int_equal(cache_unlink(w.c, w.tables[0], "Item 1.json", NULL),
			 -EROFS);
	world_close(&w);
	w.conf.read_only = false;
	w.acc.read_only = true;
	world_open(&w);
	assert_int_equal(cache_refresh(w.c, 0, 0), 0);
	world_run(&w, 1000);
	assert_int_equal(cache_write(w.c, k, "{}", 2, 0), -EACCES);
	assert_int_equal(cache_stat_record(w.c, k, &st, NULL), 0);
	assert_false(st.writable);
	world_run(&w, 10000);
	assert_int_equal(w.acc.calls[FA_UPDATE] + w.acc.calls[FA_CREATE] +
				 w.acc.calls[FA_DELETE], 0);
}

/* ---- when content is judged ---- */

static const char whole[] = "{\"Note\": \"saved\"}";
#define WHOLE_N (sizeof(whole) - 1)

static bool is_saved(struct rec_key k)
{
	return strcmp(world_state(&w, k), "dirty") == 0 &&
	       world_unsent(&w).queued == 1;
}

static void a_complete_write_is_judged_at_once(void **state)
{
	struct rec_key k;

	(void)state;
	world_with_things(&w, 1);
	k = item_key(1);
	assert_int_equal(cache_truncate(w.c, k, 0), 0);
	assert_int_equal(world_unsent(&w).queued, 0);
	assert_int_equal(cache_write(w.c, k, whole, WHOLE_N, 0), 0);
	assert_true(is_saved(k));
	char *bytes = world_bytes(&w, k);

	assert_string_equal(bytes, whole); /* reads back as written */
	free(bytes);
}

static void pieces_are_judged_when_complete(void **state)
{
	(void)state;
	for (size_t piece = 1; piece < WHOLE_N; piece += 3) {
		struct rec_key k;

		world_with_things(&w, 1);
		k = item_key(1);
		assert_int_equal(cache_truncate(w.c, k, 0), 0);
		for (size_t at = 0; at < WHOLE_N; at += piece) {
			size_t n = WHOLE_N - at < piece ? WHOLE_N - at : piece;

			assert_int_equal(world_unsent(&w).queued, 0);
			assert_int_equal(cache_write(w.c, k, whole + at, n,
						     at), 0);
		}
		assert_true(is_saved(k));
		if (piece + 3 < WHOLE_N)
			world_end(&w);
	}
}

static void bytes_that_can_never_be_valid_fail_the_write(void **state)
{
	struct rec_key k;
	char *bytes;

	(void)state;
	world_with_things(&w, 1);
	k = item_key(1);
	assert_int_equal(cache_truncate(w.c, k, 0), 0);
	assert_int_equal(cache_write(w.c, k, "{\"Note\"", 7, 0), 0);
	assert_int_equal(cache_write(w.c, k, " oops", 5, 7), -EINVAL);
	assert_string_equal(world_state(&w, k), "invalid");
	bytes = world_bytes(&w, k);
	assert_string_equal(bytes, "{\"Note\" oops"); /* P6: kept */
	free(bytes);
	assert_int_equal(world_unsent(&w).drafts, 1);
	assert_int_equal(world_write(&w, k, whole), 0);
	assert_true(is_saved(k));
}

static void P6_refusals(void **state)
{
	static const struct {
		const char *name, *text;
		int err;
	} rows[] = {
		{ "an unknown field", "{\"Nope\": 1}", -EINVAL },
		{ "a wrong type", "{\"Count\": \"many\"}", -EINVAL },
		{ "a computed field by hand", "{\"fields\": {}, \"computed\":"
		  " {\"Twice\": 99}}", -EPERM },
		{ "another id", "{\"id\": \"rec00000000000000\", \"fields\":"
		  " {}}", -EPERM },
		{ "no object", "[1]", -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct rec_key k;
		char *text;
		int r;

		world_with_things(&w, 1);
		k = item_key(1);
		r = world_write(&w, k, rows[i].text);
		if (r != rows[i].err)
			fail_msg("%s: %d", rows[i].name, r);
		text = world_bytes(&w, k);
		assert_string_equal(text, rows[i].text);
		free(text);
		assert_int_equal(cache_errors_ndjson(w.c, &text), 0);
		if (!strstr(text, "Item 1.json"))
			fail_msg("%s: not in errors: %s", rows[i].name, text);
		free(text);
		world_run(&w, 10000);
		assert_int_equal(w.acc.total, 0);
		if (i + 1 < sizeof(rows) / sizeof(*rows))
			world_end(&w);
	}
}

/* Rewritten in the middle: no write completes it, something else must. */
static void other_ends_of_a_save(void **state)
{
	static const char *const rows[] = { "fsync", "close", "quiet time",
					    "flush" };

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct rec_key k;
		char *bytes, *at;

		world_with_things(&w, 1);
		k = item_key(1);
		bytes = world_bytes(&w, k);
		at = strstr(bytes, "\"note\"");
		assert_non_null(at);
		assert_int_equal(cache_write(w.c, k, "\"NOTE\"", 6,
					     (uint64_t)(at - bytes)), 0);
		free(bytes);
		if (world_unsent(&w).queued)
			fail_msg("%s: judged too early", rows[i]);
		if (i == 0)
			assert_int_equal(cache_fsync(w.c, k), 0);
		else if (i == 1)
			assert_int_equal(cache_closed(w.c, k), 0);
		else if (i == 2) {
			world_run(&w, 250);
			assert_int_equal(world_unsent(&w).queued, 0);
			world_run(&w, 250);
		} else {
			assert_int_equal(cache_flush(w.c, 1000, NULL),
					 -EAGAIN);
		}
		if (!is_saved(k))
			fail_msg("%s: not judged", rows[i]);
		assert_int_equal(world_flush(&w, 20000), 0);
		assert_string_equal(fake_account_get(
			fake_account_find(&w.acc, 0, "Item 1"), FA_NOTE),
			"NOTE");
		if (i < 3)
			world_end(&w);
	}
}

static void the_quiet_time_begins_anew_with_each_write(void **state)
{
	struct rec_key k;

	(void)state;
	world_with_things(&w, 1);
	k = item_key(1);
	assert_int_equal(cache_truncate(w.c, k, 0), 0);
	assert_int_equal(cache_write(w.c, k, "{\"Note\":", 8, 0), 0);
	world_run(&w, 200);
	assert_int_equal(cache_write(w.c, k, " \"sav", 5, 8), 0);
	world_run(&w, 200);
	assert_string_equal(world_state(&w, k), "dirty");
	assert_int_equal(cache_write(w.c, k, "ed\"}", 4, 13), 0);
	assert_true(is_saved(k));
}

static void cut_off_content_is_told_when_closed(void **state)
{
	struct rec_key k;

	(void)state;
	world_with_things(&w, 1);
	k = item_key(1);
	assert_int_equal(cache_truncate(w.c, k, 0), 0);
	assert_int_equal(cache_write(w.c, k, "{\"Note\": ", 9, 0), 0);
	assert_int_equal(cache_closed(w.c, k), -EINVAL);
	assert_string_equal(world_state(&w, k), "invalid");
}

static void truncate_judges_what_is_left(void **state)
{
	static const char longer[] = "{\"Note\": \"saved\"}    \n\n\n";
	struct rec_key k;

	(void)state;
	world_with_things(&w, 1);
	k = item_key(1);
	/* written over the old content without cutting it first, then cut */
	assert_int_equal(cache_write(w.c, k, whole, WHOLE_N, 0), 0);
	assert_int_equal(cache_truncate(w.c, k, WHOLE_N), 0);
	assert_true(is_saved(k));
	assert_int_equal(world_write(&w, k, longer), 0);
	assert_int_equal(cache_truncate(w.c, k, WHOLE_N + 1), 0);
	assert_int_equal(cache_truncate(w.c, k, WHOLE_N - 1), -EINVAL);
	assert_int_equal(cache_fsync(w.c, k), -EINVAL);
}

static void an_empty_file_clears_nothing(void **state)
{
	struct rec_key k;

	(void)state;
	world_with_things(&w, 1);
	k = item_key(1);
	assert_int_equal(cache_truncate(w.c, k, 0), 0);
	world_run(&w, 2000); /* a slow writer may take its time */
	assert_int_equal(cache_closed(w.c, k), -EINVAL);
	world_run(&w, 10000);
	assert_string_equal(world_cell(&w, k, "Note"), "note");
	assert_int_equal(w.acc.total, 0);
}

static void append(void **state)
{
	struct cache_stat st;
	struct rec_key k;

	(void)state;
	world_with_things(&w, 1);
	k = item_key(1);
	assert_int_equal(cache_stat_record(w.c, k, &st, NULL), 0);
	assert_int_equal(cache_write(w.c, k, "\n", 1, st.size), 0);
	assert_int_equal(world_unsent(&w).queued, 0); /* space is no edit */
	assert_int_equal(cache_stat_record(w.c, k, &st, NULL), 0);
	assert_int_equal(cache_write(w.c, k, "x", 1, st.size), -EINVAL);
}

static void a_hole_is_no_content(void **state)
{
	struct rec_key k;

	(void)state;
	world_with_things(&w, 1);
	k = item_key(1);
	assert_int_equal(cache_truncate(w.c, k, 0), 0);
	(void)cache_truncate(w.c, k, 64);
	assert_int_not_equal(cache_fsync(w.c, k), 0);
	world_run(&w, 5000);
	assert_int_equal(w.acc.total, 0);
}

static void bounds(void **state)
{
	struct rec_key k;

	(void)state;
	world_with_things(&w, 1);
	k = item_key(1);
	assert_int_equal(cache_write(w.c, k, "x", 1, RECFILE_BYTES_MAX),
			 -EFBIG);
	assert_int_equal(cache_write(w.c, k, "xx", 2, UINT64_MAX), -EFBIG);
	assert_int_equal(cache_truncate(w.c, k, UINT64_MAX), -EFBIG);
	k.seq = 4000;
	assert_int_equal(cache_write(w.c, k, "x", 1, 0), -ESTALE);
	k.table = 99;
	assert_int_equal(cache_write(w.c, k, "x", 1, 0), -ESTALE);
}

static void replace_is_all_or_nothing(void **state)
{
	struct cache_stat st;
	struct rec_key k;

	(void)state;
	world_with_things(&w, 1);
	k = item_key(1);
	assert_int_equal(cache_replace(w.c, w.tables[0], "Item 1.json", "{", 1,
				       &st), -EINVAL);
	assert_string_equal(world_cell(&w, k, "Note"), "note");
	assert_int_equal(cache_replace(w.c, w.tables[0], "New.json", "{", 1,
				       &st), -EINVAL);
	assert_int_equal(world_try_find(&w, 0, "New.json", &st), -ENOENT);
	assert_int_equal(cache_replace(w.c, w.tables[0], "Item 1.json", whole,
				       WHOLE_N, &st), 0);
	assert_int_equal(st.key.seq, k.seq);
	assert_int_equal(cache_replace(w.c, w.tables[0], "New.json", whole,
				       WHOLE_N, &st), 0);
	assert_int_equal(world_flush(&w, 20000), 0);
	assert_int_equal(fake_account_named(&w.acc, 0, "New"), 1);
	assert_int_equal(fake_account_named(&w.acc, 0, NULL), 2);
}

static void detach_and_come_back(void **state)
{
	struct cache_stat st;
	struct rec_key k, gone;
	char *bytes;
	size_t n;

	(void)state;
	world_with_things(&w, 1);
	k = item_key(1);
	/* vim with a backup: the name goes away and a new file takes it */
	assert_int_equal(cache_detach(w.c, w.tables[0], "Item 1.json", &bytes,
				      &n, &gone), 0);
	assert_int_equal(gone.seq, k.seq);
	assert_non_null(strstr(bytes, "\"note\""));
	free(bytes);
	assert_int_equal(world_try_find(&w, 0, "Item 1.json", &st), -ENOENT);
	assert_int_equal(cache_replace(w.c, w.tables[0], "Item 1.json", whole,
				       WHOLE_N, &st), 0);
	assert_int_equal(st.key.seq, k.seq);
	world_run(&w, 20000);
	assert_int_equal(w.acc.calls[FA_DELETE] + w.acc.calls[FA_CREATE], 0);
	assert_string_equal(fake_account_get(
		fake_account_find(&w.acc, 0, "Item 1"), FA_NOTE), "saved");
}

static void a_second_daemon_is_refused(void **state)
{
	struct atfs_error e = { 0 };
	struct cache *c = NULL;

	(void)state;
	world_with_things(&w, 1);
	assert_int_equal(setenv("AIRTABLE_TOKEN", "pat.test", 1), 0);
	assert_int_equal(cache_open(&w.conf, &c, &e), -EBUSY);
	assert_non_null(strstr(e.text, "mounted already"));
}

#define T(f) cmocka_unit_test_teardown(f, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(waiters_share_a_fetch), T(P8_pages_cost_what_they_must),
		T(names_stream_page_by_page), T(P14_trouble_is_never_enoent),
		T(an_expired_iterator_begins_anew),
		T(P1_a_restart_reads_offline),
		T(relist_keeps_names_and_numbers),
		T(a_sweep_spares_what_is_local),
		T(rendered_under_the_present_schema),
		T(an_access_revalidates_after_ttl),
		T(P8_of_a_large_table_only_changes_are_asked_for),
		T(what_a_schema_in_between_showed_is_told),
		T(what_changed_survives_a_restart_and_a_refusal),
		T(a_new_field_needs_the_whole_of_a_large_table),
		T(P11_read_only_is_refused_before_it_is_sent),
		T(a_complete_write_is_judged_at_once),
		T(pieces_are_judged_when_complete),
		T(bytes_that_can_never_be_valid_fail_the_write),
		T(P6_refusals), T(other_ends_of_a_save),
		T(the_quiet_time_begins_anew_with_each_write),
		T(cut_off_content_is_told_when_closed),
		T(truncate_judges_what_is_left),
		T(an_empty_file_clears_nothing), T(append),
		T(a_hole_is_no_content), T(bounds),
		T(replace_is_all_or_nothing), T(detach_and_come_back),
		T(a_second_daemon_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
