/* Sending: what leaves when, in how many calls, and that each edit takes effect
 * exactly once whatever becomes of the request and its answer. */
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

static const char *item(unsigned i)
{
	static char name[32];

	snprintf(name, sizeof(name), "Item %u", i);
	return name;
}

static struct rec_key item_key(unsigned i)
{
	char name[40];

	snprintf(name, sizeof(name), "Item %u.json", i);
	return world_find(&w, 0, name);
}

static const char *remote_note(unsigned i)
{
	struct fa_record *r = fake_account_find(&w.acc, 0, item(i));

	assert_non_null(r);
	return fake_account_get(r, FA_NOTE);
}

static void save_notes(unsigned n, const char *text)
{
	for (unsigned i = 1; i <= n; i++)
		assert_int_equal(world_save(&w, item_key(i), "Note", text), 0);
}

static unsigned notes_equal(unsigned n, const char *text)
{
	unsigned same = 0;

	for (unsigned i = 1; i <= n; i++)
		same += strcmp(remote_note(i), text) == 0;
	return same;
}

/* ---- pace and number of calls ---- */

static void P8_batches(void **state)
{
	static const struct {
		const char *name;
		unsigned edits, updates, gets, queries;
	} rows[] = {
		{ "one record", 1, 1, 1, 0 },
		{ "two", 2, 1, 0, 1 },
		{ "ten in one", 10, 1, 0, 1 },
		{ "eleven in two", 11, 2, 0, 1 },
		{ "hundred: one check", 100, 10, 0, 1 },
		{ "one more: two checks", 101, 11, 1, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		world_with_things(&w, 101);
		save_notes(rows[i].edits, "new");
		assert_int_equal(world_flush(&w, 60000), 0);
		if (w.acc.calls[FA_UPDATE] != rows[i].updates ||
		    w.acc.calls[FA_GET] != rows[i].gets ||
		    w.acc.calls[FA_QUERY] != rows[i].queries ||
		    w.acc.total != rows[i].updates + rows[i].gets +
					   rows[i].queries ||
		    notes_equal(101, "new") != rows[i].edits)
			fail_msg("%s: %u updates, %u gets, %u queries, %u in "
				 "all, %u notes", rows[i].name,
				 w.acc.calls[FA_UPDATE], w.acc.calls[FA_GET],
				 w.acc.calls[FA_QUERY], w.acc.total,
				 notes_equal(101, "new"));
		if (i + 1 < sizeof(rows) / sizeof(*rows))
			world_end(&w);
	}
}

static void no_check_when_switched_off(void **state)
{
	(void)state;
	world_with_things(&w, 12);
	world_close(&w);
	w.conf.no_conflict_check = true;
	world_open(&w);
	save_notes(12, "new");
	assert_int_equal(world_flush(&w, 60000), 0);
	assert_int_equal(w.acc.calls[FA_UPDATE], 2);
	/* and once whose token it is, as after each start */
	assert_int_equal(w.acc.total - w.acc.calls[FA_WHOAMI], 2);
	assert_int_equal(w.acc.calls[FA_WHOAMI], 1);
	assert_int_equal(notes_equal(12, "new"), 12);
}

static void an_idle_hour_is_no_call(void **state)
{
	(void)state;
	world_with_things(&w, 3);
	save_notes(1, "new");
	world_run(&w, 3000);
	assert_string_equal(remote_note(1), "new");
	fake_account_count_from_now(&w.acc);
	for (int i = 0; i < 60; i++) { /* hand over hand: one turn a minute */
		w.clk.now_ns += 60 * NS_PER_S;
		w.clk.now_wall_ms += 60000;
		world_turn(&w);
	}
	assert_int_equal(w.acc.total, 0);
}

static void writeback_waits_for_quiet(void **state)
{
	(void)state;
	world_with_things(&w, 3);
	save_notes(1, "new");
	world_run(&w, 900);
	assert_int_equal(w.acc.total, 0);
	assert_int_equal(world_save(&w, item_key(2), "Note", "new"), 0);
	world_run(&w, 900); /* the first is due, but the table is not quiet */
	assert_int_equal(w.acc.total, 0);
	world_run(&w, 200);
	assert_int_equal(w.acc.calls[FA_UPDATE], 1);
	assert_int_equal(notes_equal(3, "new"), 2);
}

static void unquiet_tables_are_sent_in_the_end(void **state)
{
	int i;

	(void)state;
	world_with_things(&w, 40);
	for (i = 0; i < 40 && w.acc.calls[FA_UPDATE] == 0; i++) {
		assert_int_equal(world_save(&w, item_key((unsigned)i + 1),
					    "Note", "new"), 0);
		world_run(&w, 500);
	}
	assert_in_range(i, 5, 14); /* 5 writeback times and a little */
}

static void tables_wait_each_for_itself(void **state)
{
	struct rec_key other;

	(void)state;
	world_with_things(&w, 1);
	fake_account_add(&w.acc, 1, "Other", "note", 1);
	other = world_find(&w, 1, "Other.json");
	fake_account_count_from_now(&w.acc);
	assert_int_equal(world_save(&w, item_key(1), "Note", "new"), 0);
	world_run(&w, 700);
	assert_int_equal(world_save(&w, other, "Note", "new"), 0);
	world_run(&w, 500); /* now only Things has been quiet for a second */
	assert_int_equal(w.acc.calls[FA_UPDATE], 1);
	assert_string_equal(remote_note(1), "new");
	world_run(&w, 700);
	assert_int_equal(w.acc.calls[FA_UPDATE], 2);
}

static void a_hundred_go_at_once(void **state)
{
	(void)state;
	world_with_things(&w, 100);
	save_notes(100, "new");
	world_run(&w, 500); /* half the quiet time */
	assert_int_equal(w.acc.calls[FA_QUERY], 1);
	assert_true(w.acc.calls[FA_UPDATE] > 0);
}

static void P7_at_most_five_a_second(void **state)
{
	unsigned before;

	(void)state;
	world_with_things(&w, 101);
	w.conf.writeback_ms = 0;
	save_notes(101, "new");
	world_run(&w, 1000);
	for (int i = 0; i < 5; i++) {
		before = w.acc.total;
		world_run(&w, 1000);
		assert_in_range(w.acc.total - before, 0, 5);
	}
	assert_int_equal(notes_equal(101, "new"), 101);
}

/* ---- coalescing ---- */

static void saves_coalesce(void **state)
{
	struct rec_key k;

	(void)state;
	world_with_things(&w, 1);
	k = item_key(1);
	assert_int_equal(world_save(&w, k, "Note", "one"), 0);
	assert_int_equal(world_save(&w, k, "Note", "two"), 0);
	assert_int_equal(world_save(&w, k, "Count", "7"), 0);
	assert_int_equal(world_unsent(&w).queued, 1);
	assert_string_equal(world_cell(&w, k, "Note"), "two");
	assert_int_equal(world_flush(&w, 60000), 0);
	assert_int_equal(w.acc.calls[FA_UPDATE], 1);
	assert_string_equal(remote_note(1), "two");
	assert_string_equal(world_cell(&w, k, "Count"), "7");
	assert_string_equal(world_cell(&w, k, "Twice"), "14");
	assert_string_equal(world_state(&w, k), "clean");
}

/* The base of a field is what it was before the first of the saves: a remote
 * change to what the first save was made from is a conflict for the second. */
static void before_is_kept_from_the_first(void **state)
{
	struct rec_key k;

	(void)state;
	world_with_things(&w, 1);
	k = item_key(1);
	assert_int_equal(world_save(&w, k, "Note", "one"), 0);
	assert_int_equal(world_save(&w, k, "Note", "two"), 0);
	fake_account_set(fake_account_find(&w.acc, 0, "Item 1"), FA_NOTE,
			 "one");
	/* Somebody else wrote "one"; ours was "note" -> "two". */
	world_flush(&w, 20000);
	assert_string_equal(world_state(&w, k), "conflict");
	assert_string_equal(remote_note(1), "one");
}

/* An absent field is kept, also one that was saved just before. */
static void P4_saves_of_single_fields_add_up(void **state)
{
	struct rec_key over, k;

	(void)state;
	world_with_things(&w, 2);
	k = item_key(1);
	assert_int_equal(world_write(&w, k, "{\"Note\": \"one\"}"), 0);
	assert_int_equal(world_write(&w, k, "{\"Count\": 5}"), 0);
	assert_int_equal(cache_rename(w.c, w.tables[0], "Item 2.json",
				      "Moved.json", &over, &k), 0);
	assert_int_equal(world_write(&w, k, "{\"Count\": 6}"), 0);
	assert_int_equal(world_flush(&w, 60000), 0);
	assert_string_equal(remote_note(1), "one");
	assert_string_equal(fake_account_get(
		fake_account_find(&w.acc, 0, "Item 1"), FA_COUNT), "5");
	assert_int_equal(fake_account_named(&w.acc, 0, "Moved"), 1);
	assert_string_equal(fake_account_get(
		fake_account_find(&w.acc, 0, "Moved"), FA_COUNT), "6");
}

/* The file shows what was saved here and not yet sent; a listing brings another
 * field's change meanwhile, which the next save does not know of. */
static void P5_a_stale_view_does_not_overwrite(void **state)
{
	struct fa_record *r;
	struct rec_key k;

	(void)state;
	world_with_things(&w, 1);
	k = item_key(1);
	fake_account_fault(&w.acc, (struct fa_fault){ FA_GET, FA_HELD,
						      .times = 1 });
	assert_int_equal(world_save(&w, k, "Note", "one"), 0);
	r = fake_account_find(&w.acc, 0, "Item 1");
	fake_account_set(r, FA_COUNT, "9");
	assert_int_equal(cache_refresh(w.c, 0, w.tables[0]), 0);
	world_run(&w, 300);
	assert_int_equal(world_save(&w, k, "Note", "two"), 0);
	world_run(&w, 2000);
	fake_account_release(&w.acc);
	assert_int_equal(world_flush(&w, 60000), 0);
	assert_string_equal(remote_note(1), "two");
	assert_string_equal(fake_account_get(r, FA_COUNT), "9");
}

/* The server has what we sent though we do not know; that is not theirs. */
static void P4_a_lost_update_is_no_conflict_with_ourselves(void **state)
{
	struct rec_key k;

	(void)state;
	world_with_things(&w, 1);
	k = item_key(1);
	fake_account_fault(&w.acc, (struct fa_fault){ FA_UPDATE, FA_LOST_AFTER,
						      .times = 0 });
	fake_account_fault(&w.acc, (struct fa_fault){ FA_GET, FA_OFFLINE,
						      .skip = 1, .times = 0 });
	assert_int_equal(world_save(&w, k, "Note", "one"), 0);
	for (int i = 0; i < 600 && strcmp(world_state(&w, k), "dirty") == 0;
	     i++)
		world_run(&w, 100);
	for (int i = 0; i < 600 && strcmp(world_state(&w, k), "dirty") != 0;
	     i++)
		world_run(&w, 100);
	fake_account_heal(&w.acc);
	assert_string_equal(remote_note(1), "one");
	assert_int_equal(world_save(&w, k, "Note", "two"), 0);
	world_run(&w, 120000);
	assert_string_equal(world_state(&w, k), "clean");
	assert_string_equal(remote_note(1), "two");
}

/* What is shown of a conflict are our bytes, computed part and all: to save
 * them with a change is no change of the computed part. */
static void what_is_shown_can_be_saved(void **state)
{
	struct fa_record *r;
	struct rec_key k;

	(void)state;
	world_with_things(&w, 1);
	r = fake_account_find(&w.acc, 0, "Item 1");
	assert_int_equal(world_save(&w, item_key(1), "Note", "mine"), 0);
	fake_account_set(r, FA_NOTE, "theirs");
	world_flush(&w, 20000);
	world_close(&w);
	world_delete_cache_db(&w);
	fake_account_set(r, FA_COUNT, "7");
	world_open(&w);
	world_tables(&w);
	k = item_key(1);
	assert_string_equal(world_state(&w, k), "conflict");
	assert_int_equal(world_save(&w, k, "Note", "both"), 0);
	assert_int_equal(world_flush(&w, 20000), 0);
	assert_string_equal(remote_note(1), "both");
	assert_string_equal(fake_account_get(r, FA_COUNT), "7");
}

static void taking_it_back_sends_nothing(void **state)
{
	struct rec_key k;

	(void)state;
	world_with_things(&w, 1);
	k = item_key(1);
	assert_int_equal(world_save(&w, k, "Note", "one"), 0);
	assert_int_equal(world_save(&w, k, "Note", "note"), 0);
	assert_int_equal(world_unsent(&w).queued, 0);
	world_run(&w, 5000);
	assert_int_equal(w.acc.total, 0);
}

static void save_while_sending_queues_behind(void **state)
{
	struct rec_key k;

	(void)state;
	world_with_things(&w, 1);
	k = item_key(1);
	fake_account_fault(&w.acc, (struct fa_fault){ FA_UPDATE, FA_HELD,
						      .times = 1 });
	assert_int_equal(world_save(&w, k, "Note", "one"), 0);
	world_run(&w, 2000);
	assert_int_equal(w.acc.calls[FA_UPDATE], 1);
	assert_int_equal(world_save(&w, k, "Note", "two"), 0);
	assert_int_equal(world_save(&w, k, "Note", "three"), 0);
	assert_int_equal(world_unsent(&w).queued, 2);
	world_run(&w, 3000);
	assert_int_equal(w.acc.calls[FA_UPDATE], 1); /* in order */
	assert_string_equal(world_cell(&w, k, "Note"), "three");
	fake_account_release(&w.acc);
	assert_string_equal(remote_note(1), "one");
	assert_string_equal(world_cell(&w, k, "Note"), "three");
	assert_int_equal(world_flush(&w, 20000), 0);
	assert_int_equal(w.acc.calls[FA_UPDATE], 2);
	assert_string_equal(remote_note(1), "three");
	assert_string_equal(world_state(&w, k), "clean");
}

static void save_during_the_check_queues_behind(void **state)
{
	struct rec_key k;

	(void)state;
	world_with_things(&w, 1);
	k = item_key(1);
	fake_account_fault(&w.acc, (struct fa_fault){ FA_GET, FA_HELD,
						      .times = 1 });
	assert_int_equal(world_save(&w, k, "Note", "one"), 0);
	world_run(&w, 2000);
	assert_int_equal(w.acc.calls[FA_GET], 1);
	assert_int_equal(world_save(&w, k, "Count", "5"), 0);
	fake_account_release(&w.acc);
	assert_int_equal(world_flush(&w, 20000), 0);
	assert_string_equal(remote_note(1), "one");
	assert_string_equal(world_cell(&w, k, "Count"), "5");
	assert_string_equal(fake_account_get(
		fake_account_find(&w.acc, 0, "Item 1"), FA_COUNT), "5");
}

/* Changed while on its way, and changed back: both are sent. */
static void reverting_while_sending(void **state)
{
	struct rec_key k;

	(void)state;
	world_with_things(&w, 1);
	k = item_key(1);
	fake_account_fault(&w.acc, (struct fa_fault){ FA_UPDATE, FA_HELD,
						      .times = 1 });
	assert_int_equal(world_save(&w, k, "Note", "one"), 0);
	world_run(&w, 2000);
	assert_int_equal(world_save(&w, k, "Note", "note"), 0);
	fake_account_release(&w.acc);
	assert_int_equal(world_flush(&w, 20000), 0);
	assert_string_equal(remote_note(1), "note");
	assert_string_equal(world_cell(&w, k, "Note"), "note");
}

/* ---- merge ---- */

static void P5_only_changed_fields_are_sent(void **state)
{
	struct fa_record *r;
	struct rec_key k;

	(void)state;
	world_with_things(&w, 1);
	k = item_key(1);
	r = fake_account_find(&w.acc, 0, "Item 1");
	assert_int_equal(world_save(&w, k, "Note", "mine"), 0);
	fake_account_set(r, FA_COUNT, "9"); /* theirs, another field */
	assert_int_equal(world_flush(&w, 20000), 0);
	assert_string_equal(fake_account_get(r, FA_NOTE), "mine");
	assert_string_equal(fake_account_get(r, FA_COUNT), "9");
	assert_string_equal(world_cell(&w, k, "Count"), "9");
}

static void both_did_the_same(void **state)
{
	struct rec_key k;

	(void)state;
	world_with_things(&w, 1);
	k = item_key(1);
	assert_int_equal(world_save(&w, k, "Note", "same"), 0);
	fake_account_set(fake_account_find(&w.acc, 0, "Item 1"), FA_NOTE,
			 "same");
	assert_int_equal(world_flush(&w, 20000), 0);
	assert_int_equal(w.acc.calls[FA_UPDATE], 0);
	assert_string_equal(world_state(&w, k), "clean");
}

static void P5_conflict_and_saving_again(void **state)
{
	struct fa_record *r;
	struct rec_key k;

	(void)state;
	world_with_things(&w, 2);
	k = item_key(1);
	r = fake_account_find(&w.acc, 0, "Item 1");
	assert_int_equal(world_save(&w, k, "Note", "mine"), 0);
	assert_int_equal(world_save(&w, item_key(2), "Note", "fine"), 0);
	fake_account_set(r, FA_NOTE, "theirs");
	world_flush(&w, 20000);
	assert_int_equal(world_unsent(&w).conflicts, 1);
	assert_string_equal(world_state(&w, k), "conflict");
	assert_string_equal(fake_account_get(r, FA_NOTE), "theirs");
	assert_string_equal(world_cell(&w, k, "Note"), "mine"); /* kept */
	assert_string_equal(remote_note(2), "fine"); /* not held up */
	world_close(&w); /* and it is still one after a restart */
	world_open(&w);
	assert_string_equal(world_state(&w, k), "conflict");
	assert_int_equal(world_save(&w, k, "Note", "both"), 0);
	assert_int_equal(world_flush(&w, 20000), 0);
	assert_string_equal(fake_account_get(r, FA_NOTE), "both");
	assert_string_equal(world_state(&w, k), "clean");
}

/* What else the parked save changed is not forgotten. */
static void P4_a_conflict_ended_by_one_field_keeps_the_others(void **state)
{
	struct rec_key k;

	(void)state;
	world_with_things(&w, 1);
	assert_int_equal(cache_rename(w.c, w.tables[0], "Item 1.json",
				      "Moved.json", NULL, &k), 0);
	assert_int_equal(world_save(&w, k, "Note", "mine"), 0);
	fake_account_set(fake_account_find(&w.acc, 0, "Item 1"), FA_NOTE,
			 "theirs");
	world_flush(&w, 20000);
	assert_string_equal(world_state(&w, k), "conflict");
	assert_int_equal(world_write(&w, k, "{\"Note\": \"both\"}"), 0);
	assert_int_equal(world_flush(&w, 20000), 0);
	assert_int_equal(fake_account_named(&w.acc, 0, "Moved"), 1);
	assert_string_equal(fake_account_get(
		fake_account_find(&w.acc, 0, "Moved"), FA_NOTE), "both");
}

static void conflict_ended_by_taking_theirs(void **state)
{
	struct rec_key k;

	(void)state;
	world_with_things(&w, 1);
	k = item_key(1);
	assert_int_equal(world_save(&w, k, "Note", "mine"), 0);
	fake_account_set(fake_account_find(&w.acc, 0, "Item 1"), FA_NOTE,
			 "theirs");
	world_flush(&w, 20000);
	assert_int_equal(world_save(&w, k, "Note", "theirs"), 0);
	assert_int_equal(world_unsent(&w).conflicts, 0);
	assert_string_equal(world_state(&w, k), "clean");
	assert_string_equal(world_cell(&w, k, "Note"), "theirs");
}

static void edited_here_deleted_there(void **state)
{
	static const char *const names[] = { "404", "403" };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct rec_key k;

		world_with_things(&w, 1);
		w.acc.get_says_403 = i == 1;
		k = item_key(1);
		assert_int_equal(world_save(&w, k, "Note", "mine"), 0);
		fake_account_find(&w.acc, 0, "Item 1")->gone = true;
		world_flush(&w, 20000);
		if (strcmp(world_state(&w, k), "rejected") != 0)
			fail_msg("%s: %s", names[i], world_state(&w, k));
		assert_string_equal(world_cell(&w, k, "Note"), "mine");
		assert_int_equal(w.acc.calls[FA_UPDATE], 0);
		if (i == 0)
			world_end(&w);
	}
}

/* ---- the server says no ---- */

static void the_guilty_one_is_found(void **state)
{
	(void)state;
	world_with_things(&w, 10);
	w.acc.guilty_note = "bad";
	save_notes(10, "good");
	assert_int_equal(world_save(&w, item_key(7), "Note", "bad"), 0);
	world_run(&w, 30000);
	assert_int_equal(notes_equal(10, "good"), 9);
	assert_string_equal(remote_note(7), "note");
	assert_int_equal(world_unsent(&w).rejected, 1);
	assert_int_equal(world_unsent(&w).queued, 0);
	assert_string_equal(world_state(&w, item_key(7)), "rejected");
	assert_string_equal(world_cell(&w, item_key(7), "Note"), "bad");
	/* 10: 5+5: 5, 3+2 ... and a check before each */
	assert_in_range(w.acc.calls[FA_UPDATE], 5, 12);
	assert_int_equal(world_save(&w, item_key(7), "Note", "good"), 0);
	assert_int_equal(world_flush(&w, 20000), 0);
	assert_int_equal(notes_equal(10, "good"), 10);
}

static void create_batch_is_split(void **state)
{
	char name[40];

	(void)state;
	world_with_things(&w, 1);
	w.acc.guilty_note = "bad";
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "New %d.json", i);
		assert_int_equal(world_create(&w, name, i == 3 ?
						"{\"Note\": \"bad\"}" :
						"{\"Note\": \"good\"}", NULL),
				 0);
	}
	world_run(&w, 30000);
	assert_int_equal(fake_account_named(&w.acc, 0, NULL), 10);
	assert_int_equal(fake_account_named(&w.acc, 0, "New 3"), 0);
	assert_int_equal(world_unsent(&w).rejected, 1);
	assert_int_equal(world_unsent(&w).queued, 0);
}

/* Mended before the refusal arrived: what was saved last is what counts. */
static void mended_while_the_refused_one_was_on_its_way(void **state)
{
	struct rec_key k;

	(void)state;
	world_with_things(&w, 1);
	k = item_key(1);
	w.acc.guilty_note = "bad";
	fake_account_fault(&w.acc, (struct fa_fault){ FA_UPDATE, FA_HELD,
						      .times = 1 });
	assert_int_equal(world_save(&w, k, "Note", "bad"), 0);
	world_run(&w, 2000);
	assert_int_equal(world_save(&w, k, "Note", "good"), 0);
	fake_account_release(&w.acc);
	world_run(&w, 20000);
	assert_string_equal(remote_note(1), "good");
}

static void P10_a_check_that_is_refused_is_not_repeated_for_ever(void **state)
{
	(void)state;
	world_with_things(&w, 30);
	fake_account_fault(&w.acc, (struct fa_fault){
		FA_ANY, FA_STATUS, .status = 403,
		.body = "{\"error\":{\"type\":\"INVALID_PERMISSIONS\","
			"\"message\":\"no\"}}" });
	save_notes(30, "new");
	world_run(&w, 120000);
	/* splitting 30 to single ones costs some 60 calls, not 5 a second */
	assert_in_range(w.acc.total, 1, 100);
	assert_int_equal(notes_equal(30, "note"), 30);
}

/* ---- what passes ---- */

static const struct trouble {
	const char *name;
	struct fa_fault fault;
} passing[] = {
	{ "429", { FA_WRITE, FA_STATUS, .times = 2, .status = 429,
		   .body = "{\"errors\":[{\"error\":\"RATE_LIMIT_REACHED\"}]}" } },
	{ "429 for the check", { FA_GET, FA_STATUS, .times = 2, .status = 429,
		   .body = "{\"errors\":[{\"error\":\"RATE_LIMIT_REACHED\"}]}" } },
	{ "offline", { FA_ANY, FA_OFFLINE, .times = 9 } },
	{ "401", { FA_ANY, FA_STATUS, .times = 5, .status = 401,
		   .body = "{\"error\":{\"type\":\"AUTHENTICATION_REQUIRED\","
			   "\"message\":\"Authentication required\"}}" } },
	{ "503", { FA_ANY, FA_STATUS, .times = 6, .status = 503,
		   .body = "{\"error\":{\"type\":\"SERVICE_UNAVAILABLE\"}}" } },
	{ "lost before", { FA_WRITE, FA_LOST_BEFORE, .times = 6 } },
	{ "lost after", { FA_WRITE, FA_LOST_AFTER, .times = 6 } },
	{ "garbage", { FA_WRITE, FA_GARBAGE, .times = 6 } },
	{ "one lost before", { FA_WRITE, FA_LOST_BEFORE, .times = 1 } },
	{ "one lost after", { FA_WRITE, FA_LOST_AFTER, .times = 1 } },
	{ "one of garbage", { FA_WRITE, FA_GARBAGE, .times = 1 } },
	{ "check lost", { FA_GET, FA_LOST_BEFORE, .times = 6 } },
};

/* An update, a create and a delete meet each trouble; the end is the same. */
static void P4_troubles_pass(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(passing) / sizeof(*passing); i++) {
		const char *name = passing[i].name;

		world_with_things(&w, 2);
		fake_account_fault(&w.acc, passing[i].fault);
		assert_int_equal(world_save(&w, item_key(1), "Note", "new"), 0);
		assert_int_equal(world_create(&w, "New.json",
					      "{\"Note\": \"made\"}", NULL), 0);
		assert_int_equal(cache_unlink(w.c, w.tables[0], "Item 2.json",
					      NULL), 0);
		/* a minute of rest and backoff at most, each */
		for (int n = 0; n < 60 && world_unsent(&w).queued; n++)
			world_run(&w, 10000);
		if (world_unsent(&w).queued || world_unsent(&w).rejected ||
		    world_unsent(&w).conflicts)
			fail_msg("%s: %u queued, %u rejected, %u conflicts",
				 name, world_unsent(&w).queued,
				 world_unsent(&w).rejected,
				 world_unsent(&w).conflicts);
		if (strcmp(remote_note(1), "new") != 0)
			fail_msg("%s: the note is '%s'", name, remote_note(1));
		if (fake_account_named(&w.acc, 0, "New") != 1)
			fail_msg("%s: made %u times", name,
				 fake_account_named(&w.acc, 0, "New"));
		if (fake_account_named(&w.acc, 0, NULL) != 2)
			fail_msg("%s: %u records", name,
				 fake_account_named(&w.acc, 0, NULL));
		/* the new one is one record here too */
		assert_int_equal(cache_refresh(w.c, 0, w.tables[0]), 0);
		world_run(&w, 2000);
		struct cache_entry e[8];
		int k = cache_list_records(w.c, w.tables[0], 0, e, 8, false,
					   NULL);

		if (k != 2)
			fail_msg("%s: %d entries", name, k);
		if (i + 1 < sizeof(passing) / sizeof(*passing))
			world_end(&w);
	}
}

static void a_new_token_is_used(void **state)
{
	(void)state;
	world_with_things(&w, 1);
	fake_account_fault(&w.acc, (struct fa_fault){
		FA_ANY, FA_STATUS, .status = 401,
		.body = "{\"error\":{\"type\":\"AUTHENTICATION_REQUIRED\","
			"\"message\":\"Authentication required\"}}" });
	save_notes(1, "new");
	world_run(&w, 30000);
	assert_int_equal(world_unsent(&w).queued, 1);
	assert_int_equal(world_unsent(&w).rejected, 0);
	/* a refused token is not hammered with: a call or two a backoff */
	assert_in_range(w.acc.total, 1, 40);
	fake_account_heal(&w.acc);
	world_run(&w, 120000);
	assert_string_equal(remote_note(1), "new");
}

static void flush_times_out_offline(void **state)
{
	(void)state;
	world_with_things(&w, 1);
	fake_account_fault(&w.acc, (struct fa_fault){ FA_ANY, FA_OFFLINE,
						      .times = 0 });
	save_notes(1, "new");
	assert_int_equal(world_flush(&w, 3000), -ETIMEDOUT);
	assert_int_equal(world_unsent(&w).queued, 1);
}

/* ---- creates ---- */

static void create_then_edit_then_delete_unsent(void **state)
{
	struct rec_key k;

	(void)state;
	world_with_things(&w, 1);
	assert_int_equal(world_create(&w, "New.json", "{}", &k), 0);
	assert_int_equal(world_save(&w, k, "Note", "edited"), 0);
	assert_int_equal(world_unsent(&w).queued, 1);
	assert_int_equal(cache_unlink(w.c, w.tables[0], "New.json", NULL), 0);
	world_run(&w, 20000);
	assert_int_equal(w.acc.total, 0);
	assert_int_equal(world_unsent(&w).queued, 0);
	assert_int_equal(fake_account_named(&w.acc, 0, "New"), 0);
}

static void create_and_edit_are_one_call(void **state)
{
	struct rec_key k;

	(void)state;
	world_with_things(&w, 1);
	assert_int_equal(world_create(&w, "New.json", "{}", &k), 0);
	assert_int_equal(world_save(&w, k, "Note", "edited"), 0);
	assert_int_equal(world_flush(&w, 20000), 0);
	assert_int_equal(w.acc.calls[FA_CREATE], 1);
	assert_int_equal(w.acc.total, 1);
	assert_string_equal(fake_account_get(
		fake_account_find(&w.acc, 0, "New"), FA_NOTE), "edited");
}

static void create_then_edit_then_delete_sent(void **state)
{
	struct rec_key k;

	(void)state;
	world_with_things(&w, 1);
	assert_int_equal(world_create(&w, "New.json", "{}", &k), 0);
	fake_account_fault(&w.acc, (struct fa_fault){ FA_CREATE, FA_HELD,
						      .times = 1 });
	world_run(&w, 2000);
	assert_int_equal(w.acc.calls[FA_CREATE], 1);
	assert_int_equal(world_save(&w, k, "Note", "edited"), 0);
	fake_account_release(&w.acc);
	assert_int_equal(fake_account_named(&w.acc, 0, "New"), 1);
	assert_int_equal(world_flush(&w, 20000), 0);
	assert_string_equal(fake_account_get(
		fake_account_find(&w.acc, 0, "New"), FA_NOTE), "edited");
	assert_int_equal(cache_unlink(w.c, w.tables[0], "New.json", NULL), 0);
	world_run(&w, 10000);
	assert_int_equal(fake_account_named(&w.acc, 0, "New"), 0);
	assert_int_equal(w.acc.calls[FA_CREATE], 1);
	assert_int_equal(w.acc.calls[FA_DELETE], 1);
}

static void deleted_while_the_create_is_on_its_way(void **state)
{
	struct rec_key k;

	(void)state;
	world_with_things(&w, 1);
	assert_int_equal(world_create(&w, "New.json", "{}", &k), 0);
	fake_account_fault(&w.acc, (struct fa_fault){ FA_CREATE, FA_HELD,
						      .times = 1 });
	world_run(&w, 2000);
	assert_int_equal(cache_unlink(w.c, w.tables[0], "New.json", NULL), 0);
	fake_account_release(&w.acc);
	assert_int_equal(fake_account_named(&w.acc, 0, "New"), 1);
	world_run(&w, 20000);
	assert_int_equal(fake_account_named(&w.acc, 0, "New"), 0);
	assert_int_equal(world_unsent(&w).queued, 0);
}

static void lost_creates_are_looked_for(void **state)
{
	static const struct {
		const char *name;
		enum fa_how how;
		unsigned n, creates; /* files of one content; POSTs */
		bool same;
		bool kill;
	} rows[] = {
		{ "one, not done", FA_LOST_BEFORE, 1, 2, false, false },
		{ "one, done", FA_LOST_AFTER, 1, 1, false, false },
		{ "twins, not done", FA_LOST_BEFORE, 2, 2, true, false },
		{ "twins, done", FA_LOST_AFTER, 2, 1, true, false },
		{ "ten, done", FA_LOST_AFTER, 10, 1, false, false },
		{ "one, garbage", FA_GARBAGE, 1, 1, false, false },
		{ "one, killed", FA_LOST_AFTER, 1, 1, false, true },
		{ "twins, killed", FA_LOST_AFTER, 2, 1, true, true },
		{ "one not done, killed", FA_LOST_BEFORE, 1, 2, false, true },
	};
	char name[40], text[80];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		world_with_things(&w, 3);
		fake_account_fault(&w.acc, (struct fa_fault){
			FA_CREATE, rows[i].how, .times = 1 });
		for (unsigned k = 0; k < rows[i].n; k++) {
			snprintf(name, sizeof(name), "New %u.json", k);
			snprintf(text, sizeof(text), "{\"Name\": \"N%u\","
				 " \"Note\": \"same\"}", rows[i].same ? 0 : k);
			assert_int_equal(world_create(&w, name, text, NULL), 0);
		}
		world_run(&w, 1500);
		if (rows[i].kill) {
			world_kill(&w, false);
			world_open(&w);
		}
		world_run(&w, 30000);
		if (world_unsent(&w).queued || world_unsent(&w).conflicts ||
		    world_unsent(&w).rejected)
			fail_msg("%s: %u queued, %u conflicts", rows[i].name,
				 world_unsent(&w).queued,
				 world_unsent(&w).conflicts);
		if (fake_account_named(&w.acc, 0, NULL) != 3 + rows[i].n ||
		    w.acc.calls[FA_CREATE] != rows[i].creates)
			fail_msg("%s: %u records, %u creates", rows[i].name,
				 fake_account_named(&w.acc, 0, NULL),
				 w.acc.calls[FA_CREATE]);
		if (i + 1 < sizeof(rows) / sizeof(*rows))
			world_end(&w);
	}
}

/* The server was still at it when the connection was lost. */
static void a_create_that_is_done_late(void **state)
{
	(void)state;
	world_with_things(&w, 3);
	fake_account_fault(&w.acc, (struct fa_fault){ FA_CREATE, FA_LOST_LATER,
						      .times = 1 });
	assert_int_equal(world_create(&w, "New.json", "{\"Note\": \"x\"}",
				      NULL), 0);
	world_run(&w, 3500);
	assert_int_equal(fake_account_named(&w.acc, 0, "New"), 0);
	fake_account_release(&w.acc);
	world_run(&w, 30000);
	assert_int_equal(fake_account_named(&w.acc, 0, "New"), 1);
	assert_int_equal(w.acc.calls[FA_CREATE], 1);
}

static void edited_while_it_was_looked_for(void **state)
{
	struct rec_key k;

	(void)state;
	world_with_things(&w, 1);
	fake_account_fault(&w.acc, (struct fa_fault){ FA_CREATE, FA_LOST_AFTER,
						      .times = 1 });
	assert_int_equal(world_create(&w, "New.json", "{\"Note\": \"x\"}", &k),
			 0);
	world_run(&w, 2000);
	assert_int_equal(world_save(&w, k, "Note", "edited"), 0);
	assert_int_equal(world_flush(&w, 60000), 0);
	assert_int_equal(fake_account_named(&w.acc, 0, "New"), 1);
	assert_string_equal(fake_account_get(
		fake_account_find(&w.acc, 0, "New"), FA_NOTE), "edited");
	assert_string_equal(world_cell(&w, k, "Note"), "edited");
}

/* Somebody edits the record before it is looked for: it is not made twice. */
static void edited_there_before_it_was_looked_for(void **state)
{
	struct fa_record *there;

	(void)state;
	world_with_things(&w, 1);
	fake_account_fault(&w.acc, (struct fa_fault){ FA_CREATE, FA_LOST_AFTER,
						      .times = 1 });
	assert_int_equal(world_create(&w, "New.json", "{\"Note\": \"x\"}",
				      NULL), 0);
	for (int i = 0; i < 300 && !fake_account_named(&w.acc, 0, "New"); i++)
		world_run(&w, 10);
	there = fake_account_find(&w.acc, 0, "New");
	assert_non_null(there);
	fake_account_set(there, FA_NOTE, "theirs");
	world_run(&w, 60000);
	assert_int_equal(fake_account_named(&w.acc, 0, "New"), 1);
	assert_int_equal(w.acc.calls[FA_CREATE], 1);
	assert_int_equal(world_unsent(&w).conflicts, 1);
	assert_int_equal(world_unsent(&w).queued, 0);
}

/* A listing sees the record before the look adopts it. */
static void listed_before_it_is_adopted(void **state)
{
	struct cache_entry e[8];
	struct rec_key k;
	int n;

	(void)state;
	world_with_things(&w, 1);
	fake_account_fault(&w.acc, (struct fa_fault){ FA_CREATE, FA_LOST_AFTER,
						      .times = 1 });
	assert_int_equal(world_create(&w, "New.json", "{\"Note\": \"x\"}", &k),
			 0);
	world_run(&w, 1200);
	assert_int_equal(cache_refresh(w.c, 0, w.tables[0]), 0);
	world_run(&w, 1000);
	world_run(&w, 30000);
	n = cache_list_records(w.c, w.tables[0], 0, e, 8, false, NULL);
	assert_int_equal(n, 2);
	assert_int_equal(world_find(&w, 0, "New.json").seq, k.seq);
	assert_int_equal(fake_account_named(&w.acc, 0, "New"), 1);
	assert_string_equal(world_state(&w, k), "clean");
}

/* ---- deletes, names ---- */

static void deletes_wait_and_go_together(void **state)
{
	struct cache_stat st;

	(void)state;
	world_with_things(&w, 11);
	for (unsigned i = 1; i <= 11; i++) {
		char name[40];

		snprintf(name, sizeof(name), "Item %u.json", i);
		assert_int_equal(cache_unlink(w.c, w.tables[0], name, NULL), 0);
	}
	assert_int_equal(cache_lookup_record(w.c, w.tables[0], "Item 3.json",
					     &st, NULL), -ENOENT);
	world_run(&w, 4000);
	assert_int_equal(w.acc.total, 0);
	world_run(&w, 3000);
	assert_int_equal(w.acc.calls[FA_DELETE], 2);
	assert_int_equal(w.acc.most_records[FA_DELETE], 10);
	assert_int_equal(fake_account_named(&w.acc, 0, NULL), 0);
	assert_int_equal(world_unsent(&w).queued, 0);
}

static void a_name_that_comes_back_is_an_edit(void **state)
{
	struct cache_stat st;
	struct rec_key k;

	(void)state;
	world_with_things(&w, 1);
	k = item_key(1);
	assert_int_equal(cache_unlink(w.c, w.tables[0], "Item 1.json", NULL),
			 0);
	world_run(&w, 3000);
	assert_int_equal(cache_create(w.c, w.tables[0], "Item 1.json", &st), 0);
	assert_int_equal(st.key.seq, k.seq);
	assert_int_equal(cache_write(w.c, k, "{\"Note\": \"again\"}", 17, 0),
			 0);
	world_run(&w, 20000);
	assert_int_equal(w.acc.calls[FA_DELETE], 0);
	assert_int_equal(w.acc.calls[FA_CREATE], 0);
	assert_string_equal(remote_note(1), "again");
	assert_string_equal(fake_account_get(
		fake_account_find(&w.acc, 0, "Item 1"), FA_COUNT), "1");
}

static void a_name_that_comes_back_too_late_is_new(void **state)
{
	(void)state;
	world_with_things(&w, 1);
	fake_account_fault(&w.acc, (struct fa_fault){ FA_DELETE, FA_HELD,
						      .times = 1 });
	assert_int_equal(cache_unlink(w.c, w.tables[0], "Item 1.json", NULL),
			 0);
	world_run(&w, 6000);
	assert_int_equal(w.acc.calls[FA_DELETE], 1);
	assert_int_equal(world_create(&w, "Item 1.json",
				      "{\"Note\": \"again\"}", NULL), 0);
	fake_account_release(&w.acc);
	world_run(&w, 20000);
	assert_int_equal(fake_account_named(&w.acc, 0, "Item 1"), 1);
	assert_string_equal(remote_note(1), "again");
}

static void edit_then_delete_sends_the_delete_alone(void **state)
{
	(void)state;
	world_with_things(&w, 1);
	save_notes(1, "pointless");
	assert_int_equal(cache_unlink(w.c, w.tables[0], "Item 1.json", NULL),
			 0);
	world_run(&w, 10000);
	assert_int_equal(w.acc.calls[FA_UPDATE], 0);
	assert_int_equal(w.acc.calls[FA_DELETE], 1);
	assert_int_equal(fake_account_named(&w.acc, 0, NULL), 0);
}

static void deleted_on_both_sides(void **state)
{
	(void)state;
	world_with_things(&w, 2);
	assert_int_equal(cache_unlink(w.c, w.tables[0], "Item 1.json", NULL),
			 0);
	assert_int_equal(cache_unlink(w.c, w.tables[0], "Item 2.json", NULL),
			 0);
	fake_account_find(&w.acc, 0, "Item 1")->gone = true;
	world_run(&w, 20000);
	assert_int_equal(fake_account_named(&w.acc, 0, NULL), 0);
	assert_int_equal(world_unsent(&w).queued, 0);
	assert_int_equal(world_unsent(&w).rejected, 0);
}

static void rename_sets_the_primary_field(void **state)
{
	struct rec_key over, key;
	struct cache_stat st;

	(void)state;
	world_with_things(&w, 1);
	assert_int_equal(cache_rename(w.c, w.tables[0], "Item 1.json",
				      "Renamed.json", &over, &key), 0);
	assert_int_equal(over.seq, 0);
	assert_int_equal(world_find(&w, 0, "Renamed.json").seq, key.seq);
	assert_int_equal(cache_lookup_record(w.c, w.tables[0], "Item 1.json",
					     &st, NULL), -ENOENT);
	assert_int_equal(world_save(&w, key, "Note", "too"), 0);
	assert_int_equal(world_flush(&w, 20000), 0);
	assert_int_equal(w.acc.calls[FA_UPDATE], 1);
	assert_int_equal(fake_account_named(&w.acc, 0, "Renamed"), 1);
	assert_int_equal(fake_account_named(&w.acc, 0, NULL), 1);
	assert_int_equal(world_find(&w, 0, "Renamed.json").seq, key.seq);
}

static void rename_over_is_an_edit_and_a_delete(void **state)
{
	struct rec_key over, key, k2;

	(void)state;
	world_with_things(&w, 2);
	assert_int_equal(world_save(&w, item_key(1), "Note", "from"), 0);
	k2 = item_key(2);
	assert_int_equal(cache_rename(w.c, w.tables[0], "Item 1.json",
				      "Item 2.json", &over, &key), 0);
	assert_int_equal(over.seq, k2.seq);
	assert_int_equal(key.seq, k2.seq);
	world_run(&w, 20000);
	assert_int_equal(fake_account_named(&w.acc, 0, NULL), 1);
	assert_int_equal(world_unsent(&w).queued, 0);
}

static void mass_deletes_are_braked(void **state)
{
	(void)state;
	world_with_things(&w, 4);
	world_close(&w);
	w.conf.max_deletes = 2;
	world_open(&w);
	assert_int_equal(cache_unlink(w.c, w.tables[0], "Item 1.json", NULL),
			 0);
	assert_int_equal(cache_unlink(w.c, w.tables[0], "Item 2.json", NULL),
			 0);
	assert_int_equal(cache_unlink(w.c, w.tables[0], "Item 3.json", NULL),
			 -EPERM);
	world_run(&w, 61000); /* it does not let go by itself */
	assert_int_equal(cache_unlink(w.c, w.tables[0], "Item 3.json", NULL),
			 -EPERM);
	cache_allow_deletes(w.c, 1);
	assert_int_equal(cache_unlink(w.c, w.tables[0], "Item 3.json", NULL),
			 0);
	world_run(&w, 10000);
	assert_int_equal(fake_account_named(&w.acc, 0, NULL), 1);
}

/* A page that was read before our own write arrives after its answer. */
static void a_late_page_does_not_undo_what_was_confirmed(void **state)
{
	struct rec_key k;

	(void)state;
	world_with_things(&w, 1);
	k = item_key(1);
	fake_account_fault(&w.acc, (struct fa_fault){ FA_LIST, FA_STALE,
						      .times = 1 });
	assert_int_equal(cache_refresh(w.c, 0, w.tables[0]), 0);
	world_run(&w, 100);
	assert_int_equal(world_save(&w, k, "Note", "new"), 0);
	assert_int_equal(world_flush(&w, 20000), 0);
	assert_string_equal(remote_note(1), "new");
	fake_account_release(&w.acc);
	world_turn(&w);
	assert_string_equal(world_cell(&w, k, "Note"), "new");
}

static void a_late_page_does_not_revive_what_was_deleted(void **state)
{
	struct cache_stat st;

	(void)state;
	world_with_things(&w, 2);
	fake_account_fault(&w.acc, (struct fa_fault){ FA_LIST, FA_STALE,
						      .times = 1 });
	assert_int_equal(cache_refresh(w.c, 0, w.tables[0]), 0);
	world_run(&w, 100);
	assert_int_equal(cache_unlink(w.c, w.tables[0], "Item 1.json", NULL),
			 0);
	world_run(&w, 8000);
	assert_int_equal(w.acc.calls[FA_DELETE], 1);
	fake_account_release(&w.acc);
	world_turn(&w);
	assert_int_equal(world_try_find(&w, 0, "Item 1.json", &st), -ENOENT);
}

#define T(f) cmocka_unit_test_teardown(f, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(P8_batches), T(no_check_when_switched_off),
		T(an_idle_hour_is_no_call), T(writeback_waits_for_quiet),
		T(unquiet_tables_are_sent_in_the_end),
		T(tables_wait_each_for_itself), T(a_hundred_go_at_once),
		T(P7_at_most_five_a_second), T(saves_coalesce),
		T(before_is_kept_from_the_first),
		T(P4_saves_of_single_fields_add_up),
		T(P5_a_stale_view_does_not_overwrite),
		T(P4_a_lost_update_is_no_conflict_with_ourselves),
		T(what_is_shown_can_be_saved),
		T(taking_it_back_sends_nothing),
		T(save_while_sending_queues_behind),
		T(save_during_the_check_queues_behind),
		T(reverting_while_sending), T(P5_only_changed_fields_are_sent),
		T(both_did_the_same), T(P5_conflict_and_saving_again),
		T(P4_a_conflict_ended_by_one_field_keeps_the_others),
		T(conflict_ended_by_taking_theirs),
		T(edited_here_deleted_there), T(the_guilty_one_is_found),
		T(create_batch_is_split),
		T(mended_while_the_refused_one_was_on_its_way),
		T(P10_a_check_that_is_refused_is_not_repeated_for_ever),
		T(P4_troubles_pass), T(a_new_token_is_used),
		T(flush_times_out_offline),
		T(create_then_edit_then_delete_unsent),
		T(create_and_edit_are_one_call),
		T(create_then_edit_then_delete_sent),
		T(deleted_while_the_create_is_on_its_way),
		T(lost_creates_are_looked_for), T(a_create_that_is_done_late),
		T(edited_while_it_was_looked_for),
		T(edited_there_before_it_was_looked_for),
		T(listed_before_it_is_adopted),
		T(deletes_wait_and_go_together),
		T(a_name_that_comes_back_is_an_edit),
		T(a_name_that_comes_back_too_late_is_new),
		T(edit_then_delete_sends_the_delete_alone),
		T(deleted_on_both_sides), T(rename_sets_the_primary_field),
		T(rename_over_is_an_edit_and_a_delete),
		T(mass_deletes_are_braked),
		T(a_late_page_does_not_undo_what_was_confirmed),
		T(a_late_page_does_not_revive_what_was_deleted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
