/* Saves of what was read before the server changed it, row by row: the file as
 * an editor had read it, with its edits, is saved after others changed the
 * record and the change was taken in. */
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

static const struct row {
	const char *name;
	const char *remote;     /* changed there meanwhile */
	const char *edit;       /* made in the old buffer */
	bool bare;              /* only the edit is written, no whole file */
	bool read;              /* somebody has read the record since */
	int64_t wait_ms;        /* between the remote change and the save */
	const char *state;      /* in the end */
	const char *note, *count; /* in the end, on the server */
} rows[] = {
	{ "another field was changed", "Count=2", "Note=mine", false, true, 0,
	  "clean", "mine", "2" },
	{ "nothing was edited: may be a return to the old", "Count=2", "",
	  false, true, 0, "conflict", "note", "2" },
	{ "only the old value, said alone, is meant", "Count=2", "Count=1",
	  true, true, 0, "clean", "note", "1" },
	{ "the same field was edited in a view that is surely old",
	  "Note=theirs Count=2", "Note=mine", false, true, 0, "conflict",
	  "theirs", "2" },
	{ "the same field, nothing tells of the view", "Note=theirs",
	  "Note=mine", false, true, 0, "clean", "mine", "1" },
	{ "both changed it to the same", "Count=2 Note=same", "Note=same",
	  false, true, 0, "clean", "same", "2" },
	{ "two fields changed there, one here", "Count=2 Name=Renamed",
	  "Note=mine", false, true, 0, "clean", "mine", "2" },
	{ "two days later it is an edit", "Count=2", "Note=mine", false, true,
	  INT64_C(2) * 24 * 3600 * 1000, "clean", "mine", "1" },
	/* nobody has read the record since: the view is older */
	{ "unread: another field was changed", "Count=2", "Note=mine", false,
	  false, 0, "clean", "mine", "2" },
	{ "unread: the same field", "Note=theirs", "Note=mine", false, false,
	  0, "conflict", "theirs", "1" },
	{ "unread: the same field to the same", "Note=same", "Note=same",
	  false, false, 0, "clean", "same", "1" },
	{ "unread: two days later", "Count=2", "Note=mine", false, false,
	  INT64_C(2) * 24 * 3600 * 1000, "clean", "mine", "2" },
	{ "unread: said alone it is meant", "Note=theirs", "Note=mine", true,
	  false, 0, "clean", "mine", "1" },
};

static void remote_set(struct fa_record *r, const char *what)
{
	char buf[128], *save = NULL, *one;

	snprintf(buf, sizeof(buf), "%s", what);
	for (one = strtok_r(buf, " ", &save); one;
	     one = strtok_r(NULL, " ", &save)) {
		char *v = strchr(one, '=');

		*v++ = '\0';
		fake_account_set(r, strcmp(one, "Count") == 0 ? FA_COUNT :
				    strcmp(one, "Note") == 0  ? FA_NOTE :
								FA_NAME, v);
	}
}

/* The bytes with the edit made. */
static char *edited(const char *bytes, const char *edit, bool bare)
{
	json_t *doc = json_loads(bytes, 0, NULL), *fields;
	char buf[64], *v, *text;

	if (bare) {
		json_decref(doc);
		doc = json_object();
	}
	fields = bare ? doc : json_object_get(doc, "fields");
	snprintf(buf, sizeof(buf), "%s", edit);
	v = strchr(buf, '=');
	if (v) {
		*v++ = '\0';
		json_object_set_new(fields, buf, strcmp(buf, "Count") == 0 ?
				    json_integer(atoi(v)) : json_string(v));
	}
	text = json_dumps(doc, JSON_INDENT(2));
	json_decref(doc);
	return text;
}

static void P5_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *row = &rows[i];
		struct fa_record *r;
		struct rec_key k;
		char *old, *now;

		world_with_things(&w, 1);
		r = fake_account_find(&w.acc, 0, "Item 1");
		k = world_find(&w, 0, "Item 1.json");
		old = world_bytes(&w, k);
		remote_set(r, row->remote);
		assert_int_equal(cache_refresh(w.c, 0, w.tables[0]), 0);
		world_run(&w, 2000);
		if (row->read)
			free(world_bytes(&w, k));
		w.clk.now_wall_ms += row->wait_ms;
		now = edited(old, row->edit, row->bare);
		assert_int_equal(world_write(&w, k, now), 0);
		world_flush(&w, 20000);
		if (strcmp(world_state(&w, k), row->state) != 0 ||
		    strcmp(fake_account_get(r, FA_NOTE), row->note) != 0 ||
		    strcmp(fake_account_get(r, FA_COUNT), row->count) != 0)
			fail_msg("%s: %s, note '%s', count '%s'", row->name,
				 world_state(&w, k), fake_account_get(r, FA_NOTE),
				 fake_account_get(r, FA_COUNT));
		free(old);
		free(now);
		if (i + 1 < sizeof(rows) / sizeof(*rows))
			world_end(&w);
	}
}

/* What we changed ourselves is not theirs: the last save says how it is. */
static void our_own_change_can_be_taken_back(void **state)
{
	struct fa_record *r;
	struct rec_key k;
	char *old;

	(void)state;
	world_with_things(&w, 1);
	r = fake_account_find(&w.acc, 0, "Item 1");
	k = world_find(&w, 0, "Item 1.json");
	old = world_bytes(&w, k);
	assert_int_equal(world_save(&w, k, "Note", "new"), 0);
	assert_int_equal(world_flush(&w, 20000), 0);
	assert_int_equal(world_write(&w, k, old), 0);
	assert_int_equal(world_flush(&w, 20000), 0);
	assert_string_equal(world_state(&w, k), "clean");
	assert_string_equal(fake_account_get(r, FA_NOTE), "note");
	free(old);
}

/* In a conflict the same save again says that it is meant. */
static void P5_saved_again_it_is_meant(void **state)
{
	struct fa_record *r;
	struct rec_key k;
	char *old;

	(void)state;
	world_with_things(&w, 1);
	r = fake_account_find(&w.acc, 0, "Item 1");
	k = world_find(&w, 0, "Item 1.json");
	old = world_bytes(&w, k);
	fake_account_set(r, FA_COUNT, "2");
	assert_int_equal(cache_refresh(w.c, 0, w.tables[0]), 0);
	world_run(&w, 2000);
	assert_int_equal(world_write(&w, k, old), 0);
	world_flush(&w, 20000);
	assert_string_equal(world_state(&w, k), "conflict");
	assert_string_equal(fake_account_get(r, FA_COUNT), "2");
	assert_int_equal(world_write(&w, k, old), 0);
	assert_int_equal(world_flush(&w, 20000), 0);
	assert_string_equal(world_state(&w, k), "clean");
	assert_string_equal(fake_account_get(r, FA_COUNT), "1");
	free(old);
}

/* What was left out is said where people look. */
static void what_stays_is_told(void **state)
{
	struct fa_record *r;
	struct rec_key k;
	char *old, *now, *errors;

	(void)state;
	world_with_things(&w, 1);
	r = fake_account_find(&w.acc, 0, "Item 1");
	k = world_find(&w, 0, "Item 1.json");
	old = world_bytes(&w, k);
	fake_account_set(r, FA_COUNT, "2");
	assert_int_equal(cache_refresh(w.c, 0, w.tables[0]), 0);
	world_run(&w, 2000);
	now = edited(old, "Note=mine", false);
	assert_int_equal(world_write(&w, k, now), 0);
	assert_int_equal(cache_errors_ndjson(w.c, &errors), 0);
	assert_non_null(strstr(errors, "\"Count\""));
	assert_non_null(strstr(errors, "the server's value stays"));
	free(errors);
	free(old);
	free(now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(P5_rows, end),
		cmocka_unit_test_teardown(our_own_change_can_be_taken_back,
					  end),
		cmocka_unit_test_teardown(P5_saved_again_it_is_meant, end),
		cmocka_unit_test_teardown(what_stays_is_told, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
