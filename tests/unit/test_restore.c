/* P4 over restarts: work is left in each state an operation or a draft can be
 * in, the cache ends in each way it can end, and the next one goes on. */
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

enum ending {
	CLOSED,         /* without sending anything */
	KILLED,         /* what was on its way was not done */
	KILLED_DONE,    /* it was done */
	CLOSED_NO_DB,   /* cache.db is deleted meanwhile */
	KILLED_NO_DB,
	KILLED_DONE_NO_DB,
	ENDINGS
};

static const char *const endings[ENDINGS] = {
	"closed", "killed", "killed, done", "closed, cache.db deleted",
	"killed, cache.db deleted", "killed, done, cache.db deleted"
};

static void reopen(enum ending how)
{
	if (how == CLOSED || how == CLOSED_NO_DB)
		world_close(&w);
	else
		world_kill(&w, how == KILLED_DONE || how == KILLED_DONE_NO_DB);
	if (how >= CLOSED_NO_DB)
		world_delete_cache_db(&w);
	fake_account_heal(&w.acc);
	world_open(&w);
}

static struct rec_key one(void)
{
	return world_find(&w, 0, "Item 1.json");
}

static void hold(enum fa_call which)
{
	fake_account_fault(&w.acc, (struct fa_fault){ which, FA_HELD,
						      .times = 1 });
}

static void fail_once(enum fa_call which, enum fa_how how)
{
	fake_account_fault(&w.acc, (struct fa_fault){ which, how,
						      .times = 1 });
}

static void make(void)
{
	assert_int_equal(world_create(&w, "New.json", "{\"Note\": \"made\"}",
				      NULL), 0);
}

static void rm(const char *name)
{
	assert_int_equal(cache_unlink(w.c, w.tables[0], name, NULL), 0);
}

/* ---- how work is left ---- */

static void queued_update(void)
{
	assert_int_equal(world_save(&w, one(), "Note", "new"), 0);
}

static void checked_update(void)
{
	hold(FA_GET);
	queued_update();
	world_run(&w, 1500);
}

static void sending_update(void)
{
	hold(FA_UPDATE);
	queued_update();
	world_run(&w, 1500);
}

static void update_behind_one_that_is_sent(void)
{
	hold(FA_UPDATE);
	assert_int_equal(world_save(&w, one(), "Note", "before"), 0);
	world_run(&w, 1500);
	queued_update();
}

static void lost_update(void)
{
	fail_once(FA_UPDATE, FA_LOST_AFTER);
	queued_update();
	world_run(&w, 1500);
}

static void queued_create(void)
{
	make();
}

static void sending_create(void)
{
	hold(FA_CREATE);
	make();
	world_run(&w, 1500);
}

static void create_lost_before(void)
{
	fail_once(FA_CREATE, FA_LOST_BEFORE);
	make();
	world_run(&w, 1500);
}

static void create_lost_after(void)
{
	fail_once(FA_CREATE, FA_LOST_AFTER);
	make();
	world_run(&w, 1500);
}

static void create_sent_then_edited(void)
{
	struct rec_key k;

	hold(FA_CREATE);
	assert_int_equal(world_create(&w, "New.json", "{\"Note\": \"x\"}", &k),
			 0);
	world_run(&w, 1500);
	assert_int_equal(world_save(&w, k, "Note", "made"), 0);
}

static void created_then_edited(void)
{
	struct rec_key k;

	assert_int_equal(world_create(&w, "New.json", "{\"Note\": \"x\"}", &k),
			 0);
	world_run(&w, 1500);
	assert_int_equal(world_save(&w, k, "Note", "made"), 0);
}

static void queued_delete(void)
{
	rm("Item 1.json");
}

static void sending_delete(void)
{
	hold(FA_DELETE);
	rm("Item 1.json");
	world_run(&w, 6000);
}

static void edit_then_delete(void)
{
	queued_update();
	rm("Item 1.json");
}

static void create_sent_then_deleted(void)
{
	hold(FA_CREATE);
	make();
	world_run(&w, 1500);
	rm("New.json");
}

static void conflict_then_deleted(void)
{
	assert_int_equal(world_save(&w, one(), "Note", "mine"), 0);
	fake_account_set(fake_account_find(&w.acc, 0, "Item 1"), FA_NOTE,
			 "theirs");
	world_run(&w, 3000);
	assert_string_equal(world_state(&w, one()), "conflict");
	rm("Item 1.json");
	world_run(&w, 1000);
}

static void renamed(void)
{
	struct rec_key k;

	assert_int_equal(cache_rename(w.c, w.tables[0], "Item 1.json",
				      "New.json", NULL, &k), 0);
	assert_int_equal(world_save(&w, k, "Note", "made"), 0);
}

static void whole_draft(void)
{
	struct rec_key k = one();
	static const char text[] = "{\"Note\": \"old\"}";

	/* rewritten in the middle: nobody has judged it yet */
	assert_int_equal(world_write(&w, k, text), 0);
	assert_int_equal(cache_write(w.c, k, "new", 3, 10), 0);
}

static const struct {
	const char *name;
	void (*leave)(void);
	const char *note;  /* of Item 1 in the end; NULL = it is gone */
	unsigned made;     /* records named New, with the Note "made" */
} rows[] = {
	{ "queued update", queued_update, "new", 0 },
	{ "update being checked", checked_update, "new", 0 },
	{ "update on its way", sending_update, "new", 0 },
	{ "update behind one on its way", update_behind_one_that_is_sent,
	  "new", 0 },
	{ "update whose answer was lost", lost_update, "new", 0 },
	{ "queued create", queued_create, "note", 1 },
	{ "create on its way", sending_create, "note", 1 },
	{ "create lost before it was done", create_lost_before, "note", 1 },
	{ "create lost after it was done", create_lost_after, "note", 1 },
	{ "create on its way, then edited", create_sent_then_edited, "note",
	  1 },
	{ "created, then edited", created_then_edited, "note", 1 },
	{ "queued delete", queued_delete, NULL, 0 },
	{ "delete on its way", sending_delete, NULL, 0 },
	{ "edited, then deleted", edit_then_delete, NULL, 0 },
	{ "create on its way, then deleted", create_sent_then_deleted, "note",
	  0 },
	{ "conflict, then deleted", conflict_then_deleted, NULL, 0 },
	{ "renamed and edited", renamed, NULL, 1 },
	{ "draft that nobody judged", whole_draft, "new", 0 },
};

/* What is wrong in the end, or NULL. */
static const char *wrong(size_t row)
{
	static char text[160];
	struct fa_record *r = fake_account_find(&w.acc, 0, "Item 1");
	struct fa_record *n = fake_account_find(&w.acc, 0, "New");
	struct cache_unsent u = world_unsent(&w);
	unsigned made = fake_account_named(&w.acc, 0, "New");
	unsigned all = 1u + (rows[row].note ? 1u : 0u) + rows[row].made;
	struct cache_entry e[8];
	int k;

	/* here it looks the same */
	world_tables(&w);
	world_read_table(&w, 0);
	k = cache_list_records(w.c, w.tables[0], 0, e, 8, false, NULL);
	if (u.queued || u.conflicts || u.rejected || u.drafts)
		snprintf(text, sizeof(text), "%u queued, %u conflicts, %u "
			 "rejected, %u drafts", u.queued, u.conflicts,
			 u.rejected, u.drafts);
	else if (!r != !rows[row].note ||
		 (r && strcmp(fake_account_get(r, FA_NOTE), rows[row].note)))
		snprintf(text, sizeof(text), "the note is '%s'",
			 r ? fake_account_get(r, FA_NOTE) : "(gone)");
	else if (made != rows[row].made ||
		 (n && strcmp(fake_account_get(n, FA_NOTE), "made") != 0))
		snprintf(text, sizeof(text), "New is there %u times with '%s'",
			 made, n ? fake_account_get(n, FA_NOTE) : "");
	else if (fake_account_named(&w.acc, 0, NULL) != all || k != (int)all)
		snprintf(text, sizeof(text), "%u records, %d files",
			 fake_account_named(&w.acc, 0, NULL), k);
	else
		return NULL;
	return text;
}

static void P4_restart_in_each_state(void **state)
{
	unsigned bad = 0;
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		for (int how = 0; how < ENDINGS; how++) {
			world_with_things(&w, 2);
			rows[i].leave();
			reopen((enum ending)how);
			world_run(&w, 30000); /* nobody asks for anything */
			why = wrong(i);
			if (why) {
				print_error("%s, %s: %s\n", rows[i].name,
					    endings[how], why);
				bad++;
			}
			world_end(&w);
		}
	}
	world_begin(&w); /* for the teardown */
	assert_int_equal(bad, 0);
}

static void refused_drafts_stay(void **state)
{
	struct rec_key k;
	char *bytes;

	(void)state;
	for (int how = 0; how < ENDINGS; how++) {
		world_with_things(&w, 1);
		k = one();
		assert_int_equal(world_write(&w, k, "{\"Note\": \"cut"), 0);
		assert_int_equal(cache_closed(w.c, k), -EINVAL);
		reopen((enum ending)how);
		world_tables(&w);
		k = one();
		bytes = world_bytes(&w, k);
		if (strcmp(bytes, "{\"Note\": \"cut") != 0)
			fail_msg("%s: '%s'", endings[how], bytes);
		free(bytes);
		assert_string_equal(world_state(&w, k), "invalid");
		world_run(&w, 5000);
		assert_int_equal(w.acc.calls[FA_UPDATE], 0);
		assert_int_equal(world_write(&w, k, "{\"Note\": \"whole\"}"),
				 0);
		assert_int_equal(world_flush(&w, 20000), 0);
		assert_string_equal(fake_account_get(
			fake_account_find(&w.acc, 0, "Item 1"), FA_NOTE),
			"whole");
		world_end(&w);
	}
	world_begin(&w);
}

static void parked_ones_stay_parked(void **state)
{
	(void)state;
	for (int how = 0; how < ENDINGS; how++) {
		world_with_things(&w, 2);
		w.acc.guilty_note = "bad";
		assert_int_equal(world_save(&w, one(), "Note", "bad"), 0);
		assert_int_equal(world_save(&w, world_find(&w, 0,
							   "Item 2.json"),
					    "Note", "mine"), 0);
		fake_account_set(fake_account_find(&w.acc, 0, "Item 2"),
				 FA_NOTE, "theirs");
		world_run(&w, 10000);
		reopen((enum ending)how);
		world_tables(&w);
		world_read_table(&w, 0);
		fake_account_count_from_now(&w.acc);
		world_run(&w, 10000);
		if (world_unsent(&w).rejected != 1 ||
		    world_unsent(&w).conflicts != 1 || w.acc.total)
			fail_msg("%s: %u rejected, %u conflicts, %u calls",
				 endings[how], world_unsent(&w).rejected,
				 world_unsent(&w).conflicts, w.acc.total);
		assert_string_equal(world_cell(&w, one(), "Note"), "bad");
		world_end(&w);
	}
	world_begin(&w);
}

/* Deleted there while its edit was unsent and nobody here knows the row. */
static void an_edit_of_what_is_gone_is_not_dropped(void **state)
{
	struct cache_unsent u;

	(void)state;
	world_with_things(&w, 2);
	queued_update();
	world_close(&w);
	world_delete_cache_db(&w);
	fake_account_find(&w.acc, 0, "Item 1")->gone = true;
	world_open(&w);
	world_run(&w, 30000);
	u = world_unsent(&w);
	/* it is told as something left, and is nothing that can be sent */
	assert_int_equal(u.queued, 0);
	assert_int_equal(u.rejected + u.conflicts, 1);
}

static unsigned complaints;

static void count_complaint(enum log_level level, const char *line)
{
	(void)level;
	complaints += strstr(line, "cannot be read") != NULL;
}

/* Nobody can be asked for the row: that is tried now and then, not at once
 * again and again, and when it works the edit goes out. */
static void an_unknown_row_is_asked_for_at_ease(void **state)
{
	(void)state;
	world_with_things(&w, 2);
	queued_update();
	world_close(&w);
	world_delete_cache_db(&w);
	fake_account_fault(&w.acc, (struct fa_fault){ FA_ANY, FA_OFFLINE,
						      .times = 0 });
	log_set_sink(count_complaint, LOG_LEVEL_WARN);
	world_open(&w);
	world_run(&w, 120000);
	assert_in_range(complaints, 1, 14);
	fake_account_heal(&w.acc);
	world_run(&w, 60000);
	assert_int_equal(world_unsent(&w).queued, 0);
	assert_int_equal(world_unsent(&w).rejected, 0);
}

/* The new name is the user's, sent or not; only the journal knows it then. */
static void an_unsent_rename_keeps_its_name(void **state)
{
	struct cache_stat st;
	struct rec_key k;

	(void)state;
	for (int how = 0; how < ENDINGS; how++) {
		world_with_things(&w, 2);
		assert_int_equal(cache_rename(w.c, w.tables[0], "Item 1.json",
					      "New.json", NULL, &k), 0);
		reopen((enum ending)how);
		fake_account_fault(&w.acc, (struct fa_fault){
			FA_GET, FA_OFFLINE, .times = 0 });
		world_tables(&w);
		world_read_table(&w, 0);
		if (world_try_find(&w, 0, "New.json", &st) != 0 ||
		    world_try_find(&w, 0, "Item 1.json", &st) != -ENOENT)
			fail_msg("%s: the new name is gone", endings[how]);
		world_end(&w);
	}
	world_begin(&w);
}

#define T(f) cmocka_unit_test_teardown(f, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(P4_restart_in_each_state), T(refused_drafts_stay),
		T(parked_ones_stay_parked),
		T(an_edit_of_what_is_gone_is_not_dropped),
		T(an_unknown_row_is_asked_for_at_ease),
		T(an_unsent_rename_keeps_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
