/* Settling by hand: conflicts resolved, the queue retried and cancelled, the
 * trash, the history, undo. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cache_world.h"

static struct world w;
static struct fa_record *rec;
static struct rec_key key;

static int end(void **state)
{
	(void)state;
	world_end(&w);
	return 0;
}

static void begin(void)
{
	world_with_things(&w, 1);
	rec = fake_account_find(&w.acc, 0, "Item 1");
	key = world_find(&w, 0, "Item 1.json");
}

static void conflict(const char *mine, const char *theirs)
{
	begin();
	assert_int_equal(world_save(&w, key, "Note", mine), 0);
	fake_account_set(rec, FA_NOTE, theirs);
	world_flush(&w, 20000);
	assert_string_equal(world_state(&w, key), "conflict");
}

static json_t *json_of(int (*fn)(struct cache *c, char **ret))
{
	char *text = NULL;
	json_t *j;

	assert_int_equal(fn(w.c, &text), 0);
	j = json_loads(text, 0, NULL);
	assert_non_null(j);
	free(text);
	return j;
}

/* The queue_id of the nth in the queue, as text. */
static const char *queue_id(size_t nth)
{
	static char text[32];
	json_t *q = json_of(cache_queue_json);
	json_t *id = json_object_get(json_array_get(q, nth), "queue_id");

	assert_non_null(id);
	if (json_is_string(id))
		snprintf(text, sizeof(text), "%s", json_string_value(id));
	else
		snprintf(text, sizeof(text), "%lld",
			 (long long)json_integer_value(id));
	json_decref(q);
	return text;
}

/* ---- conflicts ---- */

static void P5_resolve(void **state)
{
	static const struct {
		const char *name;
		enum cache_resolution how;
		const char *mine, *theirs, *note;
		unsigned patches;
	} rows[] = {
		{ "mine", CACHE_MINE, "mine", "theirs", "mine", 1 },
		{ "theirs", CACHE_THEIRS, "mine", "theirs", "theirs", 0 },
		/* a single line holds one value alone */
		{ "both", CACHE_BOTH, "mine", "theirs", "mine", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		conflict(rows[i].mine, rows[i].theirs);
		fake_account_count_from_now(&w.acc);
		assert_int_equal(cache_resolve(w.c, key, rows[i].how), 0);
		assert_int_equal(world_flush(&w, 20000), 0);
		if (strcmp(world_state(&w, key), "clean") != 0 ||
		    strcmp(fake_account_get(rec, FA_NOTE), rows[i].note) != 0 ||
		    strcmp(world_cell(&w, key, "Note"), rows[i].note) != 0 ||
		    w.acc.calls[FA_UPDATE] != rows[i].patches)
			fail_msg("%s: %s, '%s', shown '%s'", rows[i].name,
				 world_state(&w, key),
				 fake_account_get(rec, FA_NOTE),
				 world_cell(&w, key, "Note"));
		assert_int_equal(cache_resolve(w.c, key, CACHE_MINE), -ENOENT);
		if (i + 1 < sizeof(rows) / sizeof(*rows))
			world_end(&w);
	}
}

/* What they change after the word is given is a conflict again. */
static void P5_a_word_holds_for_what_was_shown(void **state)
{
	(void)state;
	conflict("mine", "theirs");
	assert_int_equal(cache_resolve(w.c, key, CACHE_MINE), 0);
	fake_account_set(rec, FA_NOTE, "theirs again");
	world_flush(&w, 20000);
	assert_string_equal(world_state(&w, key), "conflict");
	assert_string_equal(fake_account_get(rec, FA_NOTE), "theirs again");
}

static void other_fields_of_the_save_are_sent(void **state)
{
	(void)state;
	begin();
	assert_int_equal(world_save(&w, key, "Note", "mine"), 0);
	assert_int_equal(world_save(&w, key, "Count", "5"), 0);
	fake_account_set(rec, FA_NOTE, "theirs");
	world_flush(&w, 20000);
	assert_int_equal(cache_resolve(w.c, key, CACHE_THEIRS), 0);
	assert_int_equal(world_flush(&w, 20000), 0);
	assert_string_equal(fake_account_get(rec, FA_NOTE), "theirs");
	assert_string_equal(fake_account_get(rec, FA_COUNT), "5");
	assert_string_equal(world_cell(&w, key, "Note"), "theirs");
}

static void three_versions_are_files(void **state)
{
	static const struct {
		enum cache_version which;
		const char *note;
	} rows[] = { { CACHE_V_BASE, "\"Note\": \"note\"" },
		     { CACHE_V_MINE, "\"Note\": \"mine\"" },
		     { CACHE_V_THEIRS, "\"Note\": \"theirs\"" } };
	struct cache_entry e[4];
	char *text;
	json_t *all;

	(void)state;
	conflict("mine", "theirs");
	assert_int_equal(cache_list_conflicts(w.c, w.tables[0], 0, e, 4), 1);
	assert_string_equal(e[0].name, "Item 1.json");
	assert_int_equal(cache_list_conflicts(w.c, w.tables[0], key.seq, e, 4),
			 0);
	all = json_of(cache_conflicts_json);
	assert_int_equal(json_array_size(all), 1);
	json_decref(all);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(cache_read_conflict(w.c, key, rows[i].which,
						     &text), 0);
		assert_non_null(strstr(text, rows[i].note));
		free(text);
	}
	/* saved over the record each is a word, too */
	assert_int_equal(cache_read_conflict(w.c, key, CACHE_V_THEIRS, &text),
			 0);
	assert_int_equal(world_write(&w, key, text), 0);
	free(text);
	assert_int_equal(world_flush(&w, 20000), 0);
	assert_string_equal(world_state(&w, key), "clean");
	assert_string_equal(fake_account_get(rec, FA_NOTE), "theirs");
	assert_int_equal(cache_read_conflict(w.c, key, CACHE_V_MINE, &text),
			 -ENOENT);
}

/* ---- the queue ---- */

static void cancelled_is_as_the_server_has_it(void **state)
{
	struct cache_past past[8];
	char *text;
	int n;

	(void)state;
	begin();
	assert_int_equal(world_save(&w, key, "Note", "mine"), 0);
	assert_int_equal(cache_queue_cancel(w.c, "77777"), -ENOENT);
	assert_int_equal(cache_queue_cancel(w.c, queue_id(0)), 0);
	assert_int_equal(world_unsent(&w).queued, 0);
	assert_string_equal(world_cell(&w, key, "Note"), "note");
	world_run(&w, 20000);
	assert_int_equal(w.acc.total, 0);
	/* and it can still be read */
	n = cache_list_history(w.c, key, 0, past, 8);
	assert_int_equal(n, 1);
	assert_int_equal(cache_read_history(w.c, key.table, past[0].no, &text), 0);
	assert_non_null(strstr(text, "\"Note\": \"mine\""));
	assert_null(strstr(text, "computed"));
	free(text);
}

static void a_cancelled_rename_has_its_name_back(void **state)
{
	struct rec_key over, now;
	struct cache_stat st;

	(void)state;
	begin();
	assert_int_equal(cache_rename(w.c, w.tables[0], "Item 1.json",
				      "Moved.json", &over, &now), 0);
	assert_int_equal(cache_queue_cancel(w.c, queue_id(0)), 0);
	assert_int_equal(world_try_find(&w, 0, "Item 1.json", &st), 0);
	assert_int_equal(world_try_find(&w, 0, "Moved.json", &st), -ENOENT);
	assert_string_equal(world_cell(&w, key, "Name"), "Item 1");
}

static void a_cancelled_delete_is_there_again(void **state)
{
	struct cache_stat st;

	(void)state;
	begin();
	assert_int_equal(cache_unlink(w.c, w.tables[0], "Item 1.json", NULL),
			 0);
	assert_int_equal(cache_queue_cancel(w.c, "all"), 0);
	assert_int_equal(world_try_find(&w, 0, "Item 1.json", &st), 0);
	world_run(&w, 20000);
	assert_int_equal(w.acc.total, 0);
}

static void a_cancelled_create_is_in_the_trash(void **state)
{
	struct cache_past past[4];
	struct cache_stat st;
	char *text;

	(void)state;
	begin();
	assert_int_equal(world_create(&w, "New.json", "{\"Note\": \"n\"}",
				      NULL), 0);
	assert_int_equal(cache_queue_cancel(w.c, queue_id(0)), 0);
	assert_int_equal(world_try_find(&w, 0, "New.json", &st), -ENOENT);
	world_run(&w, 5000);
	assert_int_equal(w.acc.calls[FA_CREATE], 0);
	assert_int_equal(cache_list_trash(w.c, w.tables[0], 0, past, 4), 1);
	assert_string_equal(past[0].name, "New.json");
	assert_int_equal(cache_read_trash(w.c, w.tables[0], past[0].no, &text),
			 0);
	assert_string_equal(text, "{\"Note\": \"n\"}");
	free(text);
}

static void what_may_have_arrived_is_not_cancelled(void **state)
{
	(void)state;
	begin();
	fake_account_fault(&w.acc, (struct fa_fault){ FA_UPDATE, FA_HELD,
						      .times = 1 });
	assert_int_equal(world_save(&w, key, "Note", "mine"), 0);
	world_run(&w, 2000);
	assert_int_equal(cache_queue_cancel(w.c, queue_id(0)), -EBUSY);
	assert_int_equal(cache_queue_cancel(w.c, "all"), -EBUSY);
	fake_account_release(&w.acc);
	assert_int_equal(world_flush(&w, 20000), 0);
	assert_string_equal(fake_account_get(rec, FA_NOTE), "mine");
	/* lost, and about to be repeated: nobody knows */
	fake_account_heal(&w.acc);
	fake_account_fault(&w.acc, (struct fa_fault){ FA_UPDATE, FA_LOST_AFTER,
						      .times = 1 });
	fake_account_fault(&w.acc, (struct fa_fault){ FA_GET, FA_OFFLINE,
						      .skip = 1, .times = 0 });
	assert_int_equal(world_save(&w, key, "Note", "lost"), 0);
	for (int i = 0; i < 100 && strcmp(fake_account_get(rec, FA_NOTE),
					  "lost") != 0; i++)
		world_run(&w, 50);
	assert_int_equal(cache_queue_cancel(w.c, queue_id(0)), -EBUSY);
	assert_int_equal(world_unsent(&w).queued, 1);
}

static void refused_content_can_be_dropped(void **state)
{
	struct cache_past past[4];
	char *text;

	(void)state;
	begin();
	assert_int_equal(world_write(&w, key, "{\"Count\": \"x\"}"), -EINVAL);
	assert_string_equal(world_state(&w, key), "invalid");
	assert_int_equal(queue_id(0)[0], 'd');
	assert_int_equal(cache_queue_cancel(w.c, queue_id(0)), 0);
	assert_string_equal(world_state(&w, key), "clean");
	assert_string_equal(world_cell(&w, key, "Count"), "1");
	assert_int_equal(cache_list_history(w.c, key, 0, past, 4), 1);
	assert_int_equal(cache_read_history(w.c, key.table, past[0].no, &text), 0);
	assert_string_equal(text, "{\"Count\": \"x\"}");
	free(text);
}

static void retry_sends_what_was_refused(void **state)
{
	(void)state;
	begin();
	w.acc.guilty_note = "bad";
	assert_int_equal(world_save(&w, key, "Note", "bad"), 0);
	world_flush(&w, 20000);
	assert_string_equal(world_state(&w, key), "rejected");
	w.acc.guilty_note = NULL;
	assert_int_equal(cache_queue_retry(w.c, queue_id(0)), 0);
	assert_int_equal(world_flush(&w, 20000), 0);
	assert_string_equal(world_state(&w, key), "clean");
	assert_string_equal(fake_account_get(rec, FA_NOTE), "bad");
}

/* Somebody who says retry does not wait for the backoff. */
static void retry_does_not_wait_out_a_failure(void **state)
{
	(void)state;
	begin();
	fake_account_fault(&w.acc, (struct fa_fault){ FA_UPDATE, FA_STATUS,
						      .times = 0, .status = 503,
						      .body = "{}" });
	assert_int_equal(world_save(&w, key, "Note", "new"), 0);
	world_run(&w, 120000); /* until the pauses are long */
	fake_account_heal(&w.acc);
	while (w.c && strcmp(world_state(&w, key), "dirty") != 0)
		world_run(&w, 50);
	assert_int_equal(cache_queue_retry(w.c, "all"), 0);
	world_run(&w, 1500);
	assert_string_equal(fake_account_get(rec, FA_NOTE), "new");
}

static void retry_all_takes_every_refused_one(void **state)
{
	(void)state;
	world_with_things(&w, 3);
	w.acc.guilty_note = "bad";
	for (int i = 1; i <= 3; i++) {
		char name[32];

		snprintf(name, sizeof(name), "Item %d.json", i);
		assert_int_equal(world_save(&w, world_find(&w, 0, name), "Note",
					    "bad"), 0);
	}
	world_flush(&w, 20000);
	assert_int_equal(world_unsent(&w).rejected, 3);
	w.acc.guilty_note = NULL;
	assert_int_equal(cache_queue_retry(w.c, "all"), 0);
	assert_int_equal(world_flush(&w, 20000), 0);
	assert_int_equal(world_unsent(&w).rejected, 0);
}

/* ---- the trash ---- */

static void the_trash_outlives_cache_and_mount(void **state)
{
	struct cache_past past[4];
	struct cache_stat st;
	uint32_t no;
	char *text;

	(void)state;
	begin();
	assert_int_equal(cache_unlink(w.c, w.tables[0], "Item 1.json", NULL),
			 0);
	assert_int_equal(cache_list_trash(w.c, w.tables[0], 0, past, 4), 0);
	world_run(&w, 8000);
	assert_true(rec->gone);
	world_close(&w);
	world_delete_cache_db(&w);
	world_open(&w);
	world_tables(&w);
	world_read_table(&w, 0);
	assert_int_equal(cache_find_trash(w.c, w.tables[0], "Item 1.json",
					  &no), 0);
	assert_int_equal(cache_read_trash(w.c, w.tables[0], no, &text), 0);
	assert_int_equal(cache_replace(w.c, w.tables[0], "Item 1.json", text,
				       strlen(text), &st), 0);
	free(text);
	assert_int_equal(cache_forget_trash(w.c, w.tables[0], no), 0);
	assert_int_equal(cache_forget_trash(w.c, w.tables[0], no), -ENOENT);
	assert_int_equal(world_flush(&w, 20000), 0);
	assert_int_equal(fake_account_named(&w.acc, 0, "Item 1"), 1);
	assert_string_equal(fake_account_get(fake_account_find(&w.acc, 0,
				"Item 1"), FA_NOTE), "note");
	assert_int_equal(cache_list_trash(w.c, w.tables[0], 0, past, 4), 0);
}

static void names_in_the_trash_are_unique(void **state)
{
	struct cache_past past[4];
	int n;

	(void)state;
	begin();
	for (int i = 0; i < 3; i++) {
		assert_int_equal(world_create(&w, "Twin.json",
					      "{\"Note\": \"t\"}", NULL), 0);
		assert_int_equal(world_flush(&w, 20000), 0);
		assert_int_equal(cache_unlink(w.c, w.tables[0], "Twin.json",
					      NULL), 0);
		world_run(&w, 8000);
	}
	n = cache_list_trash(w.c, w.tables[0], 0, past, 4);
	assert_int_equal(n, 3);
	assert_string_equal(past[2].name, "Twin.json"); /* the newest */
	assert_string_not_equal(past[0].name, past[1].name);
	assert_non_null(strstr(past[0].name, "Twin (rec"));
}

static void what_came_back_is_not_in_the_trash(void **state)
{
	struct cache_past past[4];
	struct cache_stat st;

	(void)state;
	begin();
	assert_int_equal(cache_unlink(w.c, w.tables[0], "Item 1.json", NULL),
			 0);
	assert_int_equal(cache_create(w.c, w.tables[0], "Item 1.json", &st), 0);
	world_run(&w, 10000);
	assert_false(rec->gone);
	assert_int_equal(cache_list_trash(w.c, w.tables[0], 0, past, 4), 0);
}

/* ---- history and undo ---- */

static int64_t newest_entry(struct rec_key k, const char *state)
{
	char *text = NULL;
	int64_t id = 0;
	json_t *list, *e;
	size_t i;

	assert_int_equal(cache_history_json(w.c, k, &text), 0);
	list = json_loads(text, 0, NULL);
	free(text);
	json_array_foreach(list, i, e)
		if (!id && strcmp(json_string_value(json_object_get(e, "state")),
				  state) == 0)
			id = json_integer_value(json_object_get(e, "id"));
	json_decref(list);
	return id;
}

static void history_tells_both_sides(void **state)
{
	struct cache_past past[8];
	char *text = NULL;
	json_t *list, *e;
	int n;

	(void)state;
	begin();
	assert_int_equal(world_save(&w, key, "Note", "ours"), 0);
	assert_int_equal(world_flush(&w, 20000), 0);
	world_run(&w, 1000);
	fake_account_set(rec, FA_COUNT, "9");
	assert_int_equal(cache_refresh(w.c, 0, w.tables[0]), 0);
	world_run(&w, 2000);
	assert_int_equal(cache_history_json(w.c, key, &text), 0);
	list = json_loads(text, 0, NULL);
	free(text);
	assert_int_equal(json_array_size(list), 2);
	e = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(e, "by")),
			    "elsewhere");
	assert_non_null(json_object_get(json_object_get(e, "fields"), "Count"));
	assert_null(json_object_get(json_object_get(e, "fields"), "Note"));
	e = json_array_get(list, 1);
	assert_string_equal(json_string_value(json_object_get(e, "by")),
			    "here");
	assert_string_equal(json_string_value(json_object_get(e, "state")),
			    "sent");
	json_decref(list);
	/* each content by itself: ours, the first, the one before theirs */
	n = cache_list_history(w.c, key, 0, past, 8);
	assert_int_equal(n, 3);
	for (int i = 0; i < n; i++) {
		uint32_t no;

		assert_int_equal(cache_find_history(w.c, key, past[i].name,
						    &no), 0);
		assert_int_equal(no, past[i].no);
	}
}

static void an_old_content_saved_again_is_meant(void **state)
{
	struct cache_past past[8];
	char *text;
	int n;

	(void)state;
	begin();
	fake_account_set(rec, FA_NOTE, "theirs");
	assert_int_equal(cache_refresh(w.c, 0, w.tables[0]), 0);
	world_run(&w, 2000);
	n = cache_list_history(w.c, key, 0, past, 8);
	assert_int_equal(n, 1);
	assert_int_equal(cache_read_history(w.c, key.table, past[0].no, &text), 0);
	assert_int_equal(world_write(&w, key, text), 0);
	free(text);
	assert_int_equal(world_flush(&w, 20000), 0);
	assert_string_equal(world_state(&w, key), "clean");
	assert_string_equal(fake_account_get(rec, FA_NOTE), "note");
}

static void undo_takes_back_only_its_fields(void **state)
{
	int64_t id;

	(void)state;
	begin();
	assert_int_equal(world_save(&w, key, "Note", "ours"), 0);
	assert_int_equal(world_flush(&w, 20000), 0);
	assert_int_equal(world_save(&w, key, "Count", "5"), 0);
	id = newest_entry(key, "sent");
	assert_int_equal(cache_undo(w.c, 99999), -ENOENT);
	assert_int_equal(cache_undo(w.c, newest_entry(key, "queued")), -EINVAL);
	assert_int_equal(cache_undo(w.c, id), 0);
	assert_int_equal(world_flush(&w, 20000), 0);
	assert_string_equal(fake_account_get(rec, FA_NOTE), "note");
	assert_string_equal(fake_account_get(rec, FA_COUNT), "5");
	assert_string_equal(world_cell(&w, key, "Note"), "note");
}

static void P5_undo_of_what_changed_since_is_a_conflict(void **state)
{
	(void)state;
	begin();
	assert_int_equal(world_save(&w, key, "Note", "ours"), 0);
	assert_int_equal(world_flush(&w, 20000), 0);
	fake_account_set(rec, FA_NOTE, "theirs");
	assert_int_equal(cache_undo(w.c, newest_entry(key, "sent")), 0);
	world_flush(&w, 20000);
	assert_string_equal(world_state(&w, key), "conflict");
	assert_string_equal(fake_account_get(rec, FA_NOTE), "theirs");
}

static void undo_does_not_lose_a_newer_edit(void **state)
{
	(void)state;
	begin();
	assert_int_equal(world_save(&w, key, "Note", "ours"), 0);
	assert_int_equal(world_flush(&w, 20000), 0);
	assert_int_equal(world_save(&w, key, "Note", "newer"), 0);
	assert_int_equal(cache_undo(w.c, newest_entry(key, "sent")), -EBUSY);
	assert_int_equal(world_flush(&w, 20000), 0);
	assert_string_equal(fake_account_get(rec, FA_NOTE), "newer");
}

#define T(fn) cmocka_unit_test_teardown(fn, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(P5_resolve), T(P5_a_word_holds_for_what_was_shown),
		T(other_fields_of_the_save_are_sent),
		T(three_versions_are_files),
		T(cancelled_is_as_the_server_has_it),
		T(a_cancelled_rename_has_its_name_back),
		T(a_cancelled_delete_is_there_again),
		T(a_cancelled_create_is_in_the_trash),
		T(what_may_have_arrived_is_not_cancelled),
		T(refused_content_can_be_dropped),
		T(retry_sends_what_was_refused),
		T(retry_does_not_wait_out_a_failure),
		T(retry_all_takes_every_refused_one),
		T(the_trash_outlives_cache_and_mount),
		T(names_in_the_trash_are_unique),
		T(what_came_back_is_not_in_the_trash),
		T(history_tells_both_sides),
		T(an_old_content_saved_again_is_meant),
		T(undo_takes_back_only_its_fields),
		T(P5_undo_of_what_changed_since_is_a_conflict),
		T(undo_does_not_lose_a_newer_edit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
