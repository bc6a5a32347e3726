/* Saves whose meaning depends on what the file showed, and removals that may have
 * been done already: what the model of test_model.c found, case by case. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cache_world.h"

static struct world w;

static int begin(void **state)
{
	(void)state;
	world_with_things(&w, 3);
	return 0;
}

static int end(void **state)
{
	(void)state;
	world_end(&w);
	return 0;
}

static struct fa_record *there(const char *name)
{
	return fake_account_find(&w.acc, 0, name);
}

static void hear_of_it(void)
{
	assert_int_equal(cache_refresh(w.c, 0, w.tables[0]), 0);
	world_run(&w, 1000);
}

static void fault(enum fa_call which, enum fa_how how, unsigned times)
{
	fake_account_fault(&w.acc, (struct fa_fault){ .which = which,
						      .how = how,
						      .times = times,
						      .body = "" });
}

static void settle(void)
{
	fake_account_heal(&w.acc);
	fake_account_release(&w.acc);
	world_run(&w, 60000);
}

/* The bytes of a save on its way are shown, not what came in meanwhile. */
static void P5_a_field_was_changed_from_what_the_file_showed(void **state)
{
	struct rec_key key = world_find(&w, 0, "Item 1.json");

	(void)state;
	fault(FA_UPDATE, FA_HELD, 1);
	assert_int_equal(world_save(&w, key, "Note", "mine"), 0);
	world_run(&w, 3000);
	fake_account_set(there("Item 1"), FA_COUNT, "7");
	hear_of_it();
	assert_string_equal(world_cell(&w, key, "Count"), "1");
	assert_int_equal(world_write(&w, key, "{\"Count\": 5}"), 0);
	settle();
	assert_string_equal(world_state(&w, key), "conflict");
	assert_string_equal(fake_account_get(there("Item 1"), FA_COUNT), "7");
	assert_string_equal(fake_account_get(there("Item 1"), FA_NOTE), "mine");
}

/* The file in conflict still has the computed part that it was saved with. */
static void P5_a_conflict_ends_by_a_save_of_its_file(void **state)
{
	struct rec_key key = world_find(&w, 0, "Item 1.json");

	(void)state;
	fake_account_set(there("Item 1"), FA_NOTE, "theirs");
	fake_account_set(there("Item 1"), FA_COUNT, "2");
	assert_int_equal(world_save(&w, key, "Note", "mine"), 0);
	settle();
	assert_string_equal(world_state(&w, key), "conflict");
	assert_int_equal(world_save(&w, key, "Count", "9"), 0);
	settle();
	assert_string_equal(world_state(&w, key), "clean");
	assert_string_equal(fake_account_get(there("Item 1"), FA_NOTE), "mine");
	assert_string_equal(fake_account_get(there("Item 1"), FA_COUNT), "9");
}

/* Of several versions that the save may be a view of, the nearest one. */
static void P5_an_old_buffer_is_a_view_of_the_nearest_version(void **state)
{
	struct rec_key key = world_find(&w, 0, "Item 1.json");
	char *old = world_bytes(&w, key), *at;

	(void)state;
	fake_account_set(there("Item 1"), FA_COUNT, "2");
	hear_of_it();
	free(world_bytes(&w, key));
	fake_account_set(there("Item 1"), FA_NAME, "Named there");
	hear_of_it();
	free(world_bytes(&w, key));
	at = strstr(old, "\"note\"");
	assert_non_null(at);
	memcpy(at, "\"mine\"", 6);
	assert_int_equal(world_write(&w, key, old), 0);
	free(old);
	settle();
	assert_string_equal(world_state(&w, key), "clean");
	assert_non_null(there("Named there"));
	assert_string_equal(fake_account_get(there("Named there"), FA_NOTE),
			    "mine");
	assert_string_equal(fake_account_get(there("Named there"), FA_COUNT),
			    "2");
}

static void P6_a_refusal_outlives_the_answer_to_an_earlier_save(void **state)
{
	struct rec_key key = world_find(&w, 0, "Item 1.json");
	char *bytes;

	(void)state;
	fault(FA_UPDATE, FA_HELD, 1);
	assert_int_equal(world_save(&w, key, "Note", "mine"), 0);
	world_run(&w, 3000);
	assert_int_equal(world_write(&w, key, "[1]"), -EINVAL);
	settle();
	assert_string_equal(fake_account_get(there("Item 1"), FA_NOTE), "mine");
	assert_string_equal(world_state(&w, key), "invalid");
	bytes = world_bytes(&w, key);
	assert_string_equal(bytes, "[1]");
	free(bytes);
}

static void P6_a_refused_replacement_brings_the_record_back(void **state)
{
	struct rec_key key;
	struct cache_stat st;
	char *bytes;
	size_t n;

	(void)state;
	assert_int_equal(cache_detach(w.c, w.tables[0], "Item 1.json", &bytes,
				      &n, &key), 0);
	free(bytes);
	assert_int_equal(cache_replace(w.c, w.tables[0], "Item 1.json", "[1]",
				       3, &st), -EINVAL);
	assert_int_equal(world_find(&w, 0, "Item 1.json").seq, key.seq);
	settle();
	assert_non_null(there("Item 1"));
	assert_int_equal(w.acc.calls[FA_DELETE], 0);
}

/* It may be gone already: what comes under its name is another one, also after
 * a restart. */
static void P4_a_removal_in_doubt_is_not_taken_back(void **state)
{
	struct rec_key was = world_find(&w, 0, "Item 1.json"), key;

	(void)state;
	for (int again = 0; again < 2; again++) {
		assert_int_equal(cache_unlink(w.c, w.tables[0], "Item 1.json",
					      NULL), 0);
		fault(FA_DELETE, FA_LOST_AFTER, 1);
		fault(FA_DELETE, FA_OFFLINE, 0);
		world_run(&w, 30000);
		assert_null(there("Item 1"));
		if (again) {
			world_kill(&w, false);
			world_open(&w);
		}
		assert_int_equal(world_create(&w, "Item 1.json",
					      "{\"Note\": \"new\"}", &key), 0);
		assert_int_not_equal(key.seq, was.seq);
		settle();
		assert_int_equal(fake_account_named(&w.acc, 0, "Item 1"), 1);
		assert_string_equal(fake_account_get(there("Item 1"), FA_NOTE),
				    "new");
		assert_string_equal(world_state(&w, key), "clean");
		assert_int_equal(world_unsent(&w).rejected, 0);
		was = key;
	}
}

/* A PATCH that was done, and then something else by another one. */
static void P4_an_update_in_doubt_does_not_overwrite(void **state)
{
	struct rec_key key = world_find(&w, 0, "Item 1.json");

	(void)state;
	fault(FA_UPDATE, FA_LOST_AFTER, 1);
	assert_int_equal(world_save(&w, key, "Note", "mine"), 0);
	for (int i = 0; i < 100 &&
	     strcmp(fake_account_get(there("Item 1"), FA_NOTE), "mine") != 0;
	     i++)
		world_run(&w, 50);
	fake_account_set(there("Item 1"), FA_NOTE, "theirs");
	settle();
	assert_string_equal(fake_account_get(there("Item 1"), FA_NOTE),
			    "theirs");
}

/* One listing tells, also of what was written here since the last one. */
static void what_was_written_here_and_deleted_there_is_gone(void **state)
{
	struct rec_key key = world_find(&w, 0, "Item 1.json");
	struct cache_stat st;

	(void)state;
	assert_int_equal(world_save(&w, key, "Note", "mine"), 0);
	settle();
	there("Item 1")->gone = true;
	hear_of_it();
	assert_int_equal(world_try_find(&w, 0, "Item 1.json", &st), -ENOENT);
}

/* An edit that was refused is done away with by a removal, which goes out. */
static void a_removal_after_a_refusal_is_queued(void **state)
{
	struct rec_key key = world_find(&w, 0, "Item 1.json");
	struct cache_unsent u;

	(void)state;
	w.acc.guilty_note = "no";
	assert_int_equal(world_save(&w, key, "Note", "no"), 0);
	settle();
	assert_int_equal(world_unsent(&w).rejected, 1);
	assert_int_equal(cache_unlink(w.c, w.tables[0], "Item 1.json", NULL),
			 0);
	u = world_unsent(&w);
	assert_int_equal(u.rejected, 0);
	assert_int_equal(u.queued, 1);
	assert_int_equal(world_flush(&w, 10000), 0);
	assert_null(there("Item 1"));
}

static void a_removal_stands_when_an_edit_before_it_is_refused(void **state)
{
	struct rec_key key = world_find(&w, 0, "Item 1.json");
	struct cache_stat st;

	(void)state;
	there("Item 1")->gone = true;
	fault(FA_GET, FA_HELD, 1);
	assert_int_equal(world_save(&w, key, "Note", "mine"), 0);
	world_run(&w, 3000);
	assert_int_equal(cache_unlink(w.c, w.tables[0], "Item 1.json", NULL),
			 0);
	assert_int_equal(fake_account_release(&w.acc), 1);
	world_run(&w, 1000);
	assert_int_equal(world_try_find(&w, 0, "Item 1.json", &st), -ENOENT);
	settle();
	assert_int_equal(world_try_find(&w, 0, "Item 1.json", &st), -ENOENT);
	assert_int_equal(world_unsent(&w).rejected, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(P5_a_field_was_changed_from_what_the_file_showed),
		T(P5_a_conflict_ends_by_a_save_of_its_file),
		T(P5_an_old_buffer_is_a_view_of_the_nearest_version),
		T(P6_a_refusal_outlives_the_answer_to_an_earlier_save),
		T(P6_a_refused_replacement_brings_the_record_back),
		T(P4_a_removal_in_doubt_is_not_taken_back),
		T(P4_an_update_in_doubt_does_not_overwrite),
		T(what_was_written_here_and_deleted_there_is_gone),
		T(a_removal_after_a_refusal_is_queued),
		T(a_removal_stands_when_an_edit_before_it_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
