/* feed: -o live over a fake account, whose webhook tells what a test says. */
#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cache_world.h"
#include "feed.h"

#define TTL_MS 60000
#define DAY_MS (INT64_C(24) * 3600 * 1000)

static struct world w;

#define CALLS(kind) (w.acc.calls[kind])

/* ---- the arrangement ---- */

static void look(unsigned table)
{
	struct cache_stat st;

	(void)cache_lookup_record(w.c, w.tables[table], "no such.json", &st,
				  NULL);
	world_turn(&w);
	world_run(&w, 3000);
}

/* What is written from here on is younger than what was read; and the next
 * look is after ttl. */
static void wait_ttl(void)
{
	world_run(&w, TTL_MS + 1000);
}

static void open_live(void)
{
	w.conf.live = true;
	world_open(&w);
}

static void things(unsigned n)
{
	char name[32];

	world_begin(&w);
	for (unsigned i = 1; i <= n; i++) {
		snprintf(name, sizeof(name), "Item %u", i);
		fake_account_add(&w.acc, 0, name, "note", 1);
	}
}

/* n things, read with live on, a ttl ago; calls are counted from here. */
static void live_things(unsigned n)
{
	things(n);
	open_live();
	world_tables(&w);
	world_read_table(&w, 0);
	wait_ttl();
	fake_account_count_from_now(&w.acc);
	w.told_changed = w.told_new = w.told_gone = 0;
}

static int finish(void **state)
{
	(void)state;
	world_end(&w);
	return 0;
}

static const char *status_of(const char *key)
{
	static char text[300];
	char *all = NULL;
	json_t *j;

	assert_int_equal(cache_status_json(w.c, &all), 0);
	j = json_loads(all, 0, NULL);
	snprintf(text, sizeof(text), "%s",
		 json_string_value(json_object_get(
			 json_array_get(json_object_get(j, "live"), 0), key)));
	json_decref(j);
	free(all);
	return text;
}

static void assert_live(const char *want)
{
	if (strcmp(status_of("state"), want) != 0)
		fail_msg("live is not %s: %s", want, status_of("reason"));
}

/* ---- as somebody else ---- */

static void tell(json_t *change)
{
	fake_hooks_tell_table(&w.acc.hooks, "client", FA_THINGS, change);
}

static void edit(const char *name, const char *field, const char *text)
{
	struct fa_record *r = fake_account_find(&w.acc, 0, name);

	assert_non_null(r);
	fake_account_set(r, field, text);
	r->edited_ms = w.clk.now_wall_ms;
	tell(json_pack("{s:{s:{s:{s:{s:s}}}}}", "changedRecordsById", r->id,
		       "current", "cellValuesByFieldId", field, text));
}

static void erase(const char *name)
{
	struct fa_record *r = fake_account_find(&w.acc, 0, name);

	r->gone = true;
	tell(json_pack("{s:[s]}", "destroyedRecordIds", r->id));
}

static void add(const char *name)
{
	struct fa_record *r = fake_account_add(&w.acc, 0, name, "new", 1);

	tell(json_pack("{s:{s:{s:s, s:{s:s}}}}", "createdRecordsById", r->id,
		       "createdTime", "2024-03-14T18:42:15.000Z",
		       "cellValuesByFieldId", FA_NAME, name));
}

static const char *note_of(const char *name)
{
	return world_cell(&w, world_find(&w, 0, name), "Note");
}

/* ---- what it costs ---- */

static void test_P8_the_hook_comes_first_and_each_table_is_listed_once(
	void **state)
{
	(void)state;
	things(250);
	open_live();
	world_tables(&w);
	world_read_table(&w, 0);
	assert_int_equal(CALLS(FA_HOOKS), 1);
	assert_int_equal(CALLS(FA_HOOK_CREATE), 1);
	assert_int_equal(CALLS(FA_SCHEMA), 1);
	assert_int_equal(CALLS(FA_LIST), 3);
	assert_live("on");
	for (int i = 0; i < 3; i++) {
		wait_ttl();
		look(0);
		assert_int_equal(CALLS(FA_PAYLOADS), i + 1);
	}
	assert_int_equal(w.acc.total, 1 + 1 + 1 + 1 + 1 + 3 + 3); /* whoami */
}

static void test_P8_an_idle_hour_costs_nothing(void **state)
{
	(void)state;
	live_things(3);
	edit("Item 1", FA_NOTE, "unseen");
	world_run(&w, 3600 * 1000);
	assert_int_equal(w.acc.total, 0);
}

static void test_P8_one_poll_in_a_ttl_for_the_whole_base(void **state)
{
	(void)state;
	live_things(3);
	world_read_table(&w, 1);
	wait_ttl();
	fake_account_count_from_now(&w.acc);
	for (int i = 0; i < 5; i++) {
		struct cache_dir d;

		look(0);
		look(1);
		assert_int_equal(cache_lookup_table(w.c, w.base, "Others", &d,
						    NULL), 0);
	}
	assert_int_equal(CALLS(FA_PAYLOADS), 1);
	assert_int_equal(w.acc.total, 1);
}

static void test_an_edit_of_a_small_table(void **state)
{
	(void)state;
	live_things(3);
	edit("Item 2", FA_NOTE, "theirs");
	look(0);
	assert_string_equal(note_of("Item 2.json"), "theirs");
	assert_int_equal(w.told_changed, 1);
	assert_int_equal(CALLS(FA_PAYLOADS), 1);
	assert_int_equal(w.acc.total, 2);
}

static void test_P8_of_a_large_table_only_the_changed_rows_are_read(
	void **state)
{
	char name[32];

	(void)state;
	live_things(450);
	for (int i = 1; i <= 150; i++) {
		snprintf(name, sizeof(name), "Item %d", i);
		edit(name, FA_NOTE, "theirs");
	}
	look(0);
	assert_string_equal(note_of("Item 150.json"), "theirs");
	assert_string_equal(note_of("Item 151.json"), "note");
	assert_int_equal(w.told_changed, 150);
	assert_int_equal(CALLS(FA_PAYLOADS), 3);
	assert_int_equal(CALLS(FA_QUERY), 2);
	assert_int_equal(w.acc.total, 5);
}

static void test_many_changes_are_a_listing(void **state)
{
	char name[32];

	(void)state;
	live_things(250);
	for (int i = 1; i <= 201; i++) {
		snprintf(name, sizeof(name), "Item %d", i);
		edit(name, FA_NOTE, "theirs");
	}
	look(0);
	assert_string_equal(note_of("Item 201.json"), "theirs");
	assert_int_equal(CALLS(FA_QUERY), 0);
	assert_int_equal(CALLS(FA_LIST), 3);
	/* and that counts as one */
	wait_ttl();
	look(0);
	assert_int_equal(CALLS(FA_LIST), 3);
}

static void test_names_come_and_go(void **state)
{
	struct cache_stat st;

	(void)state;
	live_things(250);
	add("Fresh");
	erase("Item 7");
	edit("Item 8", FA_NAME, "Eight");
	look(0);
	assert_int_equal(world_try_find(&w, 0, "Fresh.json", &st), 0);
	assert_int_equal(world_try_find(&w, 0, "Eight.json", &st), 0);
	assert_int_equal(world_try_find(&w, 0, "Item 7.json", &st), -ENOENT);
	assert_int_equal(world_try_find(&w, 0, "Item 8.json", &st), -ENOENT);
	assert_int_equal(w.told_new, 2);
	assert_int_equal(w.told_gone, 2);
	assert_int_equal(CALLS(FA_QUERY), 1);
	assert_int_equal(w.acc.total, 2);
}

static void test_a_deletion_costs_no_read(void **state)
{
	struct cache_stat st;

	(void)state;
	live_things(3);
	erase("Item 2");
	look(0);
	assert_int_equal(world_try_find(&w, 0, "Item 2.json", &st), -ENOENT);
	assert_int_equal(w.told_gone, 1);
	assert_int_equal(w.acc.total, 1);
}

static void test_a_deletion_taken_back(void **state)
{
	struct fa_record *r;

	(void)state;
	live_things(250);
	r = fake_account_find(&w.acc, 0, "Item 2");
	erase("Item 2");
	r->gone = false;
	tell(json_pack("{s:{s:{s:{}}}}", "createdRecordsById", r->id,
		       "cellValuesByFieldId"));
	look(0);
	assert_string_equal(note_of("Item 2.json"), "note");
	assert_int_equal(CALLS(FA_QUERY), 1);
}

static void test_full_ttl_still_lists(void **state)
{
	(void)state;
	live_things(3);
	for (int i = 0; i < 65; i++) {
		look(0);
		wait_ttl();
	}
	assert_int_equal(CALLS(FA_LIST), 1);
	assert_in_range(CALLS(FA_PAYLOADS), 60, 66);
}

static void test_a_table_that_nobody_looks_at_is_read_when_he_does(
	void **state)
{
	(void)state;
	live_things(250);
	fake_account_add(&w.acc, 1, "Other", "", 1);
	world_read_table(&w, 1);
	world_run(&w, 1200 * 1000); /* the things are out of sight */
	fake_account_count_from_now(&w.acc);
	edit("Item 1", FA_NOTE, "theirs");
	look(1);
	assert_int_equal(w.acc.total, 1);
	look(0);
	assert_int_equal(CALLS(FA_QUERY), 1);
	assert_int_equal(w.acc.total, 2);
	assert_string_equal(note_of("Item 1.json"), "theirs");
}

/* ---- the schema ---- */

static void test_a_renamed_field_is_shown_without_a_listing(void **state)
{
	(void)state;
	live_things(250);
	w.acc.note_name = "Remark";
	tell(json_pack("{s:{s:{s:{s:s}}}}", "changedFieldsById", FA_NOTE,
		       "current", "name", "Remark"));
	look(0);
	assert_int_equal(CALLS(FA_SCHEMA), 1);
	assert_int_equal(w.acc.total, 2);
	assert_int_equal(w.told_changed, 250);
	assert_string_equal(world_cell(&w, world_find(&w, 0, "Item 250.json"),
				       "Remark"), "note");
}

static void test_a_new_field_is_listed(void **state)
{
	(void)state;
	live_things(250);
	w.acc.with_extra = true;
	for (int i = 0; i < 250; i++)
		fake_account_set(&w.acc.records[i], FA_EXTRA, "x");
	tell(json_pack("{s:{s:{s:s, s:s}}}", "createdFieldsById", FA_EXTRA,
		       "name", "Extra", "type", "singleLineText"));
	look(0);
	assert_string_equal(world_cell(&w, world_find(&w, 0, "Item 250.json"),
				       "Extra"), "x");
	assert_int_equal(CALLS(FA_SCHEMA), 1);
	assert_int_equal(CALLS(FA_LIST), 3);
	assert_int_equal(w.acc.total, 5);
}

static const struct {
	const char *name, *payload;
} schema_rows[] = {
	{ "table made", "{\"createdTablesById\":{\"tblNew\":{\"metadata\":"
			"{\"name\":\"New\"}}}}" },
	{ "table gone", "{\"destroyedTableIds\":[\"tblGone\"]}" },
	{ "table renamed", "{\"changedTablesById\":{\"" FA_THINGS "\":"
			   "{\"changedMetadata\":{\"current\":{\"name\":"
			   "\"X\"}}}}}" },
	{ "field gone", "{\"changedTablesById\":{\"" FA_THINGS "\":"
			"{\"destroyedFieldIds\":[\"fldX\"]}}}" },
	{ "of a table not known", "{\"changedTablesById\":{\"tblUnheard\":"
				  "{\"changedRecordsById\":{}}}}" },
};

static void test_the_schema_is_read_once(void **state)
{
	(void)state;
	live_things(3);
	for (size_t i = 0; i < sizeof(schema_rows) / sizeof(*schema_rows);
	     i++) {
		fake_account_count_from_now(&w.acc);
		for (int n = 0; n < 2; n++)
			fake_hooks_tell(&w.acc.hooks,
					json_loads(schema_rows[i].payload, 0,
						   NULL));
		look(0);
		if (CALLS(FA_SCHEMA) != 1 || w.acc.total != 2)
			fail_msg("%s: %u of the schema, %u in all",
				 schema_rows[i].name, CALLS(FA_SCHEMA),
				 w.acc.total);
		wait_ttl();
	}
}

static void test_a_schema_that_could_not_be_read_is_read_later(void **state)
{
	(void)state;
	live_things(3);
	w.acc.note_name = "Remark";
	tell(json_pack("{s:{s:{s:{s:s}}}}", "changedFieldsById", FA_NOTE,
		       "current", "name", "Remark"));
	fake_account_fault(&w.acc, (struct fa_fault){ FA_SCHEMA, FA_STATUS,
						      .times = 1,
						      .status = 422 });
	look(0);
	wait_ttl();
	look(0);
	assert_string_equal(world_cell(&w, world_find(&w, 0, "Item 1.json"),
				       "Remark"), "note");
	assert_live("on");
}

/* ---- our own writes come back ---- */

static void test_P8_own_writes_are_not_read_again(void **state)
{
	struct rec_key key;

	(void)state;
	live_things(250);
	key = world_find(&w, 0, "Item 1.json");
	assert_int_equal(world_save(&w, key, "Note", "mine"), 0);
	assert_int_equal(world_create(&w, "Made.json", "{\"Note\":\"here\"}",
				      NULL), 0);
	assert_int_equal(world_flush(&w, 20000), 0);
	wait_ttl();
	fake_account_count_from_now(&w.acc);
	look(0);
	assert_int_equal(CALLS(FA_PAYLOADS), 1);
	assert_int_equal(w.acc.total, 1);
	/* but what another one made of it since is */
	edit("Item 1", FA_NOTE, "theirs");
	wait_ttl();
	look(0);
	assert_string_equal(note_of("Item 1.json"), "theirs");
}

/* ---- local work ---- */

static void test_P4_an_unsent_edit_of_a_deleted_record_is_kept(void **state)
{
	struct rec_key key;
	struct cache_unsent u;

	(void)state;
	w.conf.writeback_ms = 0;
	things(3);
	w.conf.writeback_ms = 600 * 1000;
	open_live();
	world_tables(&w);
	world_read_table(&w, 0);
	wait_ttl();
	key = world_find(&w, 0, "Item 2.json");
	assert_int_equal(world_save(&w, key, "Note", "mine"), 0);
	erase("Item 2");
	wait_ttl();
	look(0);
	assert_int_equal(world_find(&w, 0, "Item 2.json").seq, key.seq);
	assert_string_equal(note_of("Item 2.json"), "mine");
	(void)world_flush(&w, 20000);
	assert_string_equal(world_state(&w, key), "rejected");
	assert_string_equal(world_cell(&w, key, "Note"), "mine");
	u = world_unsent(&w);
	assert_int_equal(u.rejected, 1);
}

static void test_P5_a_local_edit_merges_with_what_is_told(void **state)
{
	struct rec_key key;

	(void)state;
	live_things(3);
	key = world_find(&w, 0, "Item 2.json");
	assert_int_equal(world_save(&w, key, "Note", "mine"), 0);
	edit("Item 2", FA_COUNT, "9");
	look(0);
	assert_int_equal(world_flush(&w, 20000), 0);
	assert_string_equal(world_cell(&w, key, "Note"), "mine");
	assert_string_equal(world_cell(&w, key, "Count"), "9");
}

/* ---- order: an older answer that comes late ---- */

static void test_a_record_read_while_it_changed_back(void **state)
{
	(void)state;
	live_things(250);
	edit("Item 1", FA_NOTE, "between");
	fake_account_fault(&w.acc, (struct fa_fault){ FA_QUERY, FA_STALE,
						      .times = 1 });
	look(0); /* its answer is on its way and says "between" */
	edit("Item 1", FA_NOTE, "note");
	wait_ttl();
	look(0); /* the payload says what we hold: it counts all the same */
	fake_account_release(&w.acc);
	world_run(&w, 3000);
	assert_string_equal(note_of("Item 1.json"), "note");
}

static void test_a_page_asked_for_before_the_change(void **state)
{
	(void)state;
	live_things(250);
	fake_account_fault(&w.acc, (struct fa_fault){ FA_LIST, FA_STALE,
						      .times = 1 });
	assert_int_equal(cache_refresh(w.c, 0, w.tables[0]), 0);
	world_run(&w, 3000);
	edit("Item 1", FA_NOTE, "theirs");
	erase("Item 2");
	look(0);
	assert_string_equal(note_of("Item 1.json"), "theirs");
	fake_account_release(&w.acc);
	world_run(&w, 5000);
	assert_string_equal(note_of("Item 1.json"), "theirs");
	{
		struct cache_stat st;

		assert_int_equal(world_try_find(&w, 0, "Item 2.json", &st),
				 -ENOENT);
	}
}

static void test_a_record_read_before_all_was_listed_again(void **state)
{
	(void)state;
	live_things(250);
	edit("Item 1", FA_NOTE, "first");
	fake_account_fault(&w.acc, (struct fa_fault){ FA_QUERY, FA_STALE,
						      .times = 1 });
	look(0); /* its answer is on its way and says "first" */
	edit("Item 1", FA_NOTE, "second");
	w.acc.hooks.list[0].dropped =
		json_array_size(w.acc.hooks.list[0].payloads);
	wait_ttl();
	look(0);
	assert_string_equal(note_of("Item 1.json"), "second");
	fake_account_release(&w.acc);
	world_run(&w, 3000);
	assert_string_equal(note_of("Item 1.json"), "second");
}

static void test_a_first_page_asked_for_before_a_deletion(void **state)
{
	struct cache_stat st;
	struct cache_dir d;

	(void)state;
	live_things(250);
	fake_account_fault(&w.acc, (struct fa_fault){ FA_LIST, FA_STALE,
						      .times = 1 });
	world_close(&w);
	world_delete_cache_db(&w);
	world_open(&w);
	world_tables(&w);
	look(0); /* its page is on its way */
	erase("Item 2");
	wait_ttl();
	(void)cache_lookup_table(w.c, w.base, "Others", &d, NULL);
	world_run(&w, 3000);
	assert_int_equal(CALLS(FA_PAYLOADS), 1);
	fake_account_release(&w.acc);
	world_run(&w, 5000);
	assert_int_equal(world_try_find(&w, 0, "Item 2.json", &st), -ENOENT);
	(void)world_find(&w, 0, "Item 3.json");
}

static void test_P4_an_own_write_while_marks_are_read(void **state)
{
	struct rec_key key;

	(void)state;
	live_things(250);
	w.conf.no_conflict_check = true;
	key = world_find(&w, 0, "Item 1.json");
	edit("Item 1", FA_COUNT, "5");
	fake_account_fault(&w.acc, (struct fa_fault){ FA_QUERY, FA_STALE,
						      .times = 1 });
	look(0);
	assert_int_equal(world_save(&w, key, "Note", "mine"), 0);
	assert_int_equal(world_flush(&w, 20000), 0);
	fake_account_release(&w.acc);
	world_run(&w, 2000);
	assert_string_equal(world_cell(&w, key, "Note"), "mine");
}

/* ---- mounts come and go ---- */

static void test_a_remount_catches_up_by_one_call(void **state)
{
	(void)state;
	live_things(250);
	world_close(&w);
	edit("Item 1", FA_NOTE, "meanwhile");
	erase("Item 2");
	w.clk.now_wall_ms += 5 * DAY_MS;
	world_open(&w);
	world_run(&w, 1000);
	assert_int_equal(w.acc.total, 0);
	look(0);
	assert_string_equal(note_of("Item 1.json"), "meanwhile");
	assert_int_equal(w.told_gone, 1);
	assert_int_equal(CALLS(FA_PAYLOADS), 1);
	assert_int_equal(CALLS(FA_QUERY), 1);
	/* and whoami, and the list of bases, older than full_ttl */
	assert_int_equal(w.acc.total, 4);
	/* full_ttl is a time of use */
	world_run(&w, 3600 * 1000);
	look(0);
	assert_int_equal(CALLS(FA_LIST), 3);
}

static void test_a_lost_cache_does_not_cost_a_hook(void **state)
{
	(void)state;
	live_things(3);
	edit("Item 1", FA_NOTE, "meanwhile");
	world_close(&w);
	world_delete_cache_db(&w);
	world_open(&w);
	world_tables(&w);
	world_read_table(&w, 0);
	assert_string_equal(note_of("Item 1.json"), "meanwhile");
	assert_int_equal(w.acc.hooks.made, 1);
	assert_int_equal(w.acc.hooks.n, 1);
	assert_live("on");
	/* from the end of what was told before */
	wait_ttl();
	fake_account_count_from_now(&w.acc);
	look(0);
	assert_int_equal(w.acc.total, 1);
}

static void test_killed_between_the_poll_and_the_reading(void **state)
{
	(void)state;
	live_things(250);
	edit("Item 1", FA_NOTE, "theirs");
	fake_account_fault(&w.acc, (struct fa_fault){ FA_QUERY, FA_HELD,
						      .times = 1 });
	look(0);
	assert_int_equal(CALLS(FA_PAYLOADS), 1);
	world_kill(&w, false);
	fake_account_heal(&w.acc);
	fake_account_count_from_now(&w.acc);
	world_open(&w);
	look(0);
	world_run(&w, TTL_MS);
	assert_string_equal(note_of("Item 1.json"), "theirs");
	assert_int_equal(CALLS(FA_LIST), 0);
}

static const struct {
	const char *name;
	enum fa_how how;
	bool kill;
} create_rows[] = {
	{ "lost, and made", FA_LOST_AFTER, false },
	{ "lost, not made", FA_LOST_BEFORE, false },
	{ "garbage, and made", FA_GARBAGE, false },
	{ "killed, and made", FA_HELD, true },
};

static void test_a_creation_is_never_blindly_repeated(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(create_rows) / sizeof(*create_rows);
	     i++) {
		things(3);
		fake_hooks_add_foreign(&w.acc.hooks, w.clk.now_wall_ms);
		fake_account_fault(&w.acc, (struct fa_fault){
						   FA_HOOK_CREATE,
						   create_rows[i].how,
						   .times = 1 });
		open_live();
		world_run(&w, 100);
		if (create_rows[i].kill) {
			struct cache_dir d;

			(void)cache_lookup_base(w.c, "Base", &d, NULL);
			world_run(&w, 2000);
			if (cache_lookup_base(w.c, "Base", &d, NULL) == 0)
				(void)cache_list_tables(w.c, d.no, 0, &d, 1,
							NULL);
			world_run(&w, 5000);
			assert_int_equal(CALLS(FA_HOOK_CREATE), 1);
			world_kill(&w, true);
			fake_account_heal(&w.acc);
			world_open(&w);
		}
		world_tables(&w);
		world_read_table(&w, 0);
		wait_ttl();
		look(0);
		wait_ttl();
		look(0);
		if (w.acc.hooks.n != 2)
			fail_msg("%s: %zu hooks", create_rows[i].name,
				 w.acc.hooks.n);
		assert_live("on");
		world_end(&w);
	}
	world_begin(&w);
}

/* ---- trouble: each costs a listing of all, and skips nothing ---- */

enum trouble {
	EXPIRED, DISABLED, ERR_FILTERS, ERR_HOOK, ERR_INTERNAL, DELETED,
	BARE_404, DROPPED, AHEAD, BACK, TOO_LONG, TOO_MUCH,
};

static const struct {
	const char *name;
	enum trouble what;
	unsigned made; /* hooks in all afterwards */
} trouble_rows[] = {
	{ "expired", EXPIRED, 2 },
	{ "switched off", DISABLED, 2 },
	{ "INVALID_FILTERS", ERR_FILTERS, 2 },
	{ "INVALID_HOOK", ERR_HOOK, 2 },
	{ "INTERNAL_ERROR", ERR_INTERNAL, 2 },
	{ "deleted, 403", DELETED, 2 },
	{ "deleted, 404", BARE_404, 2 },
	{ "payloads dropped unread", DROPPED, 1 },
	{ "cursor refused", AHEAD, 1 },
	{ "cursor goes back", BACK, 1 },
	{ "away for too long, and alive", TOO_LONG, 1 },
	{ "more than a listing costs", TOO_MUCH, 1 },
};

static void error_payload(const char *code)
{
	fake_hooks_tell(&w.acc.hooks,
			json_pack("{s:s, s:b, s:s}", "payloadFormat", "v0",
				  "error", 1, "code", code));
	w.acc.hooks.list[0].enabled = false;
}

static void away(int64_t days)
{
	world_close(&w);
	w.clk.now_wall_ms += days * DAY_MS;
}

static void make_trouble(enum trouble what)
{
	struct fake_hook *k = &w.acc.hooks.list[0];
	char text[16];

	switch (what) {
	case EXPIRED:
		away(8);
		world_open(&w);
		break;
	case DISABLED:
		k->enabled = false;
		w.acc.hooks.reading_keeps = true;
		away(8);
		world_open(&w);
		break;
	case ERR_FILTERS:
		error_payload("INVALID_FILTERS");
		break;
	case ERR_HOOK:
		error_payload("INVALID_HOOK");
		break;
	case ERR_INTERNAL:
		error_payload("INTERNAL_ERROR");
		break;
	case DELETED:
	case BARE_404:
		json_decref(k->payloads);
		w.acc.hooks.n = 0;
		if (what == BARE_404)
			fake_account_fault(&w.acc, (struct fa_fault){
				FA_PAYLOADS, FA_STATUS, .times = 1,
				.status = 404,
				.body = "{\"error\":\"NOT_FOUND\"}" });
		break;
	case DROPPED:
		edit("Item 1", FA_NOTE, "1");
		edit("Item 1", FA_NOTE, "2");
		k->dropped = json_array_size(k->payloads) - 1;
		break;
	case AHEAD:
		json_array_clear(k->payloads);
		fake_account_fault(&w.acc, (struct fa_fault){
			FA_PAYLOADS, FA_STATUS, .times = 1, .status = 422,
			.body = "{\"error\":{\"type\":\"INVALID_REQUEST\"}}" });
		break;
	case BACK:
		edit("Item 1", FA_NOTE, "1");
		wait_ttl();
		look(0);
		wait_ttl();
		w.acc.hooks.fixed_cursor = 1;
		break;
	case TOO_LONG:
		away(8);
		k->expires_ms = w.clk.now_wall_ms + DAY_MS;
		world_open(&w);
		break;
	case TOO_MUCH:
		w.acc.hooks.page = 1;
		for (int i = 0; i < 60; i++) {
			snprintf(text, sizeof(text), "%d", i);
			edit("Item 1", FA_NOTE, text);
		}
		break;
	}
}

static void one_trouble(size_t row)
{
	struct fa_record *r;

	live_things(250);
	make_trouble(trouble_rows[row].what);
	/* nobody is told of this one */
	r = fake_account_find(&w.acc, 0, "Item 200");
	fake_account_set(r, FA_NOTE, "untold");
	fake_account_find(&w.acc, 0, "Item 201")->gone = true;
	fake_account_count_from_now(&w.acc);
	look(0);
	w.acc.hooks.fixed_cursor = 0;
	world_run(&w, 20000); /* 5 calls in a second */
	if (strcmp(note_of("Item 200.json"), "untold") != 0 ||
	    CALLS(FA_LIST) != 3 || CALLS(FA_SCHEMA) != 1 ||
	    w.acc.hooks.made != trouble_rows[row].made ||
	    w.acc.hooks.n != 1 || w.told_gone != 1)
		fail_msg("%s: '%s', %u lists, %u of the schema, %u made, %zu "
			 "there, %u gone", trouble_rows[row].name,
			 note_of("Item 200.json"), CALLS(FA_LIST),
			 CALLS(FA_SCHEMA), w.acc.hooks.made, w.acc.hooks.n,
			 w.told_gone);
	assert_live("on");
	/* and it goes on */
	w.acc.hooks.page = 0;
	edit("Item 5", FA_NOTE, "told");
	wait_ttl();
	fake_account_count_from_now(&w.acc);
	look(0);
	if (strcmp(note_of("Item 5.json"), "told") != 0 ||
	    CALLS(FA_QUERY) != 1 || w.acc.total != 2)
		fail_msg("%s, then: '%s', %u calls", trouble_rows[row].name,
			 note_of("Item 5.json"), w.acc.total);
	world_end(&w);
}

static void test_P14_trouble_skips_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(trouble_rows) / sizeof(*trouble_rows);
	     i++)
		one_trouble(i);
	world_begin(&w);
}

static void test_P8_no_listing_begins_before_the_new_hook(void **state)
{
	(void)state;
	live_things(250);
	error_payload("INTERNAL_ERROR");
	fake_account_fault(&w.acc, (struct fa_fault){ FA_HOOKS, FA_HELD,
						      .times = 1 });
	look(0);
	look(0);
	assert_int_equal(CALLS(FA_HOOKS), 1);
	assert_int_equal(CALLS(FA_LIST), 0);
	fake_account_release(&w.acc);
	world_run(&w, 5000);
	assert_int_equal(CALLS(FA_LIST), 3);
	assert_live("on");
}

static void test_P8_a_look_while_the_hook_is_made_anew_lists_once(void **state)
{
	(void)state;
	live_things(250);
	error_payload("INTERNAL_ERROR");
	fake_account_fault(&w.acc, (struct fa_fault){ FA_SCHEMA, FA_HELD,
						      .times = 1 });
	look(0);
	look(0);
	assert_int_equal(CALLS(FA_LIST), 0); /* the schema comes first */
	fake_account_release(&w.acc);
	world_run(&w, 5000);
	assert_int_equal(CALLS(FA_SCHEMA), 1);
	assert_int_equal(CALLS(FA_LIST), 3);
	look(0);
	assert_int_equal(CALLS(FA_LIST), 3);
}

static void test_a_hook_that_dies_again_and_again_is_left(void **state)
{
	(void)state;
	live_things(3);
	for (int i = 0; i < 3; i++) {
		error_payload("INTERNAL_ERROR");
		look(0);
		wait_ttl();
	}
	assert_live("off");
	assert_in_range(w.acc.hooks.made, 2, 3);
}

static void test_a_cursor_refused_again_costs_the_hook(void **state)
{
	(void)state;
	live_things(3);
	fake_account_fault(&w.acc, (struct fa_fault){
		FA_PAYLOADS, FA_STATUS, .times = 2, .status = 422,
		.body = "{\"error\":{\"type\":\"INVALID_REQUEST\"}}" });
	look(0);
	assert_int_equal(w.acc.hooks.made, 1);
	wait_ttl();
	look(0);
	assert_int_equal(w.acc.hooks.made, 2);
	assert_int_equal(w.acc.hooks.n, 1);
	assert_live("on");
}

static void test_more_pages_are_asked_for_at_once(void **state)
{
	(void)state;
	live_things(250);
	w.acc.hooks.page = 2;
	for (int i = 0; i < 4; i++)
		edit("Item 1", FA_NOTE, i % 2 ? "odd" : "even");
	add("Last");
	look(0);
	assert_int_equal(CALLS(FA_PAYLOADS), 3);
	assert_int_equal(CALLS(FA_QUERY), 1);
	assert_string_equal(note_of("Item 1.json"), "odd");
	(void)world_find(&w, 0, "Last.json");
}

static void test_a_hook_that_reading_does_not_keep_is_refreshed(void **state)
{
	(void)state;
	live_things(3);
	w.acc.hooks.reading_keeps = true;
	for (int day = 0; day < 10; day++) {
		w.clk.now_wall_ms += DAY_MS;
		look(0);
	}
	assert_in_range(CALLS(FA_HOOK_REFRESH), 1, 3);
	assert_int_equal(w.acc.hooks.made, 1);
	assert_live("on");
}

/* ---- where it cannot be ---- */

static void assert_ttl_way(void)
{
	struct fa_record *r = fake_account_find(&w.acc, 0, "Item 1");

	fake_account_set(r, FA_NOTE, "by ttl");
	wait_ttl();
	look(0);
	assert_string_equal(note_of("Item 1.json"), "by ttl");
}

static void test_an_eleventh_hook(void **state)
{
	(void)state;
	things(3);
	for (int i = 0; i < 10; i++)
		fake_hooks_add_foreign(&w.acc.hooks, w.clk.now_wall_ms);
	open_live();
	world_tables(&w);
	world_read_table(&w, 0);
	assert_live("off");
	assert_non_null(strstr(status_of("reason"), "as many webhooks"));
	assert_ttl_way();
	assert_int_equal(CALLS(FA_HOOK_CREATE), 1);
	assert_int_equal(w.acc.hooks.n, 10);
}

static void test_P10_no_scope_is_asked_again_after_an_hour(void **state)
{
	(void)state;
	things(3);
	fake_account_fault(&w.acc, (struct fa_fault){
		FA_HOOKS, FA_STATUS, .status = 403,
		.body = "{\"error\":{\"type\":"
			"\"INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND\"}}" });
	open_live();
	world_tables(&w);
	world_read_table(&w, 0);
	assert_live("off");
	assert_non_null(strstr(status_of("reason"), "webhook:manage"));
	assert_ttl_way();
	assert_int_equal(CALLS(FA_HOOKS), 1);
	fake_account_heal(&w.acc);
	world_run(&w, 3600 * 1000);
	look(0);
	assert_live("on");
}

static void test_P11_no_role_asks_for_nothing(void **state)
{
	(void)state;
	things(3);
	w.acc.level = "edit";
	open_live();
	world_tables(&w);
	world_read_table(&w, 0);
	assert_live("off");
	assert_int_equal(CALLS(FA_HOOK_CREATE), 0);
	assert_ttl_way();
}

static void test_P11_a_read_only_mount_makes_none(void **state)
{
	(void)state;
	things(3);
	w.conf.read_only = true;
	open_live();
	world_tables(&w);
	world_read_table(&w, 0);
	assert_live("off");
	assert_int_equal(CALLS(FA_HOOK_CREATE), 0);
	assert_ttl_way();
}

static void test_P11_a_read_only_mount_reads_the_one_it_has(void **state)
{
	(void)state;
	live_things(3);
	world_close(&w);
	w.conf.read_only = true;
	world_open(&w);
	edit("Item 1", FA_NOTE, "theirs");
	look(0);
	assert_live("on");
	assert_string_equal(note_of("Item 1.json"), "theirs");
}

static void test_P1_offline_is_trouble_and_passes(void **state)
{
	(void)state;
	live_things(3);
	fake_account_fault(&w.acc, (struct fa_fault){ .which = FA_ANY,
						      .how = FA_OFFLINE });
	edit("Item 1", FA_NOTE, "theirs");
	look(0);
	assert_string_equal(note_of("Item 1.json"), "note");
	world_run(&w, 120 * 1000);
	assert_live("off");
	fake_account_heal(&w.acc);
	look(0);
	wait_ttl();
	look(0);
	assert_live("on");
	assert_string_equal(note_of("Item 1.json"), "theirs");
	assert_int_equal(w.acc.hooks.made, 1);
}

static void test_without_live_no_hook_is_touched(void **state)
{
	(void)state;
	things(3);
	world_open(&w);
	world_tables(&w);
	world_read_table(&w, 0);
	assert_ttl_way();
	assert_int_equal(CALLS(FA_HOOKS) + CALLS(FA_HOOK_CREATE), 0);
	assert_string_equal(status_of("state"), "(null)");
}

/* ---- payloads as recorded ---- */

static void tell_fixture(const char *name, const char *inside)
{
	const char *dir = getenv("ATFS_FIXTURES");
	char path[512];
	json_t *j, *list, *v;
	size_t i;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	j = json_load_file(path, 0, NULL);
	if (!j)
		fail_msg("%s cannot be read", path);
	list = json_object_get(j, "payloads");
	if (inside) /* a table's change alone */
		fake_hooks_tell_table(&w.acc.hooks, "client", inside,
				      json_incref(j));
	else if (list)
		json_array_foreach(list, i, v)
			fake_hooks_tell(&w.acc.hooks, json_incref(v));
	else
		fake_hooks_tell(&w.acc.hooks, json_incref(j));
	json_decref(j);
}

static void test_payloads_as_documented(void **state)
{
	static const struct {
		const char *name, *table;
		unsigned schema, hooks;
	} rows[] = {
		{ "webhook_payload_destroyed_tables.json", NULL, 1, 1 },
		{ "webhook_payload_public_api_recorded_2024.json", NULL, 1, 1 },
		{ "webhook_payload_v2_cell_values.json", NULL, 1, 1 },
		{ "webhook_payload_table_changed.json", FA_THINGS, 1, 1 },
		{ "webhook_payloads_mixed_more.json", NULL, 1, 1 },
		{ "webhook_payloads.json", NULL, 0, 1 },
		{ "webhook_payloads_empty.json", NULL, 0, 1 },
		{ "webhook_payload_error_invalid_hook.json", NULL, 1, 2 },
	};

	(void)state;
	if (!getenv("ATFS_FIXTURES")) {
		world_begin(&w);
		skip();
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		live_things(3);
		tell_fixture(rows[i].name, rows[i].table);
		look(0);
		if (CALLS(FA_SCHEMA) != rows[i].schema ||
		    w.acc.hooks.made != rows[i].hooks)
			fail_msg("%s: %u of the schema, %u hooks",
				 rows[i].name, CALLS(FA_SCHEMA),
				 w.acc.hooks.made);
		assert_live("on");
		assert_string_equal(note_of("Item 1.json"), "note");
		world_end(&w);
	}
	world_begin(&w);
}

/* ---- cells ---- */

static void test_cells_in_the_form_of_payloads(void **state)
{
	static const struct {
		const char *name;
		enum field_type type;
		const char *told, *held;
		bool same;
	} rows[] = {
		{ "text", FIELD_SINGLE_LINE_TEXT, "\"a\"", "\"a\"", true },
		{ "other text", FIELD_SINGLE_LINE_TEXT, "\"a\"", "\"b\"",
		  false },
		{ "cleared", FIELD_SINGLE_LINE_TEXT, "null", NULL, true },
		{ "cleared, held", FIELD_SINGLE_LINE_TEXT, "null", "\"b\"",
		  false },
		{ "set, empty here", FIELD_SINGLE_LINE_TEXT, "\"a\"", NULL,
		  false },
		{ "unticked", FIELD_CHECKBOX, "false", NULL, true },
		{ "number", FIELD_NUMBER, "1", "1.0", true },
		{ "zero is no blank", FIELD_NUMBER, "0", NULL, false },
		{ "select", FIELD_SINGLE_SELECT,
		  "{\"id\":\"selA\",\"name\":\"Todo\",\"color\":\"red\"}",
		  "\"Todo\"", true },
		{ "another option", FIELD_SINGLE_SELECT,
		  "{\"id\":\"selA\",\"name\":\"Done\"}", "\"Todo\"", false },
		{ "selects", FIELD_MULTIPLE_SELECTS,
		  "[{\"name\":\"A\"},{\"name\":\"B\"}]", "[\"A\",\"B\"]",
		  true },
		{ "fewer", FIELD_MULTIPLE_SELECTS, "[{\"name\":\"A\"}]",
		  "[\"A\",\"B\"]", false },
		{ "links", FIELD_RECORD_LINKS,
		  "[{\"id\":\"recA\",\"name\":\"x\"}]", "[\"recA\"]", true },
		{ "other links", FIELD_RECORD_LINKS,
		  "[{\"id\":\"recA\",\"name\":\"x\"}]", "[\"recB\"]", false },
		{ "lookup", FIELD_LOOKUP,
		  "{\"linkedRecordIds\":[\"recA\",\"recB\"],"
		  "\"valuesByLinkedRecordId\":{\"recB\":[2],\"recA\":[1]}}",
		  "[1,2]", true },
		{ "lookup of others", FIELD_LOOKUP,
		  "{\"linkedRecordIds\":[\"recA\"],"
		  "\"valuesByLinkedRecordId\":{\"recA\":[{\"id\":\"s\"}]}}",
		  "[\"name\"]", false },
		{ "what is not known is read", FIELD_UNKNOWN, "\"a\"", "\"a\"",
		  false },
		{ "people are read", FIELD_SINGLE_COLLABORATOR,
		  "{\"id\":\"usr1\"}", "{\"id\":\"usr1\"}", false },
		{ "a select that is none", FIELD_SINGLE_SELECT, "\"Todo\"",
		  "\"Todo\"", false },
		{ "links that are none", FIELD_RECORD_LINKS, "5", "5", false },
	};

	(void)state;
	world_begin(&w);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct schema_field f = { .type = rows[i].type };
		json_t *told = json_loads(rows[i].told, JSON_DECODE_ANY, NULL);
		json_t *held = rows[i].held ? json_loads(rows[i].held,
							 JSON_DECODE_ANY,
							 NULL) : NULL;

		assert_non_null(told);
		if (feed_cell_is_held(&f, told, held) != rows[i].same)
			fail_msg("%s", rows[i].name);
		json_decref(told);
		json_decref(held);
	}
}

#define TEST(name) cmocka_unit_test_teardown(name, finish)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_P8_the_hook_comes_first_and_each_table_is_listed_once),
		TEST(test_P8_an_idle_hour_costs_nothing),
		TEST(test_P8_one_poll_in_a_ttl_for_the_whole_base),
		TEST(test_an_edit_of_a_small_table),
		TEST(test_P8_of_a_large_table_only_the_changed_rows_are_read),
		TEST(test_many_changes_are_a_listing),
		TEST(test_names_come_and_go),
		TEST(test_a_deletion_costs_no_read),
		TEST(test_a_deletion_taken_back),
		TEST(test_full_ttl_still_lists),
		TEST(test_a_table_that_nobody_looks_at_is_read_when_he_does),
		TEST(test_a_renamed_field_is_shown_without_a_listing),
		TEST(test_a_new_field_is_listed),
		TEST(test_the_schema_is_read_once),
		TEST(test_a_schema_that_could_not_be_read_is_read_later),
		TEST(test_P8_own_writes_are_not_read_again),
		TEST(test_P4_an_unsent_edit_of_a_deleted_record_is_kept),
		TEST(test_P5_a_local_edit_merges_with_what_is_told),
		TEST(test_a_record_read_while_it_changed_back),
		TEST(test_a_page_asked_for_before_the_change),
		TEST(test_a_record_read_before_all_was_listed_again),
		TEST(test_a_first_page_asked_for_before_a_deletion),
		TEST(test_P4_an_own_write_while_marks_are_read),
		TEST(test_a_remount_catches_up_by_one_call),
		TEST(test_a_lost_cache_does_not_cost_a_hook),
		TEST(test_killed_between_the_poll_and_the_reading),
		TEST(test_a_creation_is_never_blindly_repeated),
		TEST(test_P14_trouble_skips_nothing),
		TEST(test_P8_no_listing_begins_before_the_new_hook),
		TEST(test_P8_a_look_while_the_hook_is_made_anew_lists_once),
		TEST(test_a_hook_that_dies_again_and_again_is_left),
		TEST(test_a_cursor_refused_again_costs_the_hook),
		TEST(test_more_pages_are_asked_for_at_once),
		TEST(test_a_hook_that_reading_does_not_keep_is_refreshed),
		TEST(test_an_eleventh_hook),
		TEST(test_P10_no_scope_is_asked_again_after_an_hour),
		TEST(test_P11_no_role_asks_for_nothing),
		TEST(test_P11_a_read_only_mount_makes_none),
		TEST(test_P11_a_read_only_mount_reads_the_one_it_has),
		TEST(test_P1_offline_is_trouble_and_passes),
		TEST(test_without_live_no_hook_is_touched),
		TEST(test_payloads_as_documented),
		TEST(test_cells_in_the_form_of_payloads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
