/* P3: what was synced is there after a loss of power, also in directories that
 * were made a moment before; what was not is there or not, never half. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../unit/cache_world.h"
#include "powerloss.h"

static struct world w;
static char shadow[96];

static void shell(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

static void shell(const char *fmt, ...)
{
	char cmd[1024];
	va_list ap;

	va_start(ap, fmt);
	assert_in_range(vsnprintf(cmd, sizeof(cmd), fmt, ap), 1,
			(int)sizeof(cmd) - 1);
	va_end(ap);
	assert_int_equal(system(cmd), 0);
}

/* Nothing exists yet but an empty directory, which is durable. */
static void begin(void)
{
	world_begin(&w);
	w.conf.boot_id = "this one";
	fake_account_add(&w.acc, 0, "Item 1", "note", 1);
	fake_account_add(&w.acc, 0, "Item 2", "note", 1);
	snprintf(shadow, sizeof(shadow), "%s.shadow", w.dir);
	assert_int_equal(powerloss_begin(w.dir, shadow), 0);
	world_open(&w);
	world_tables(&w);
	world_read_table(&w, 0);
}

static void power_off(uint64_t chance)
{
	char to[96];

	snprintf(to, sizeof(to), "%s.cut", w.dir);
	assert_int_equal(powerloss_cut(w.dir, shadow, to, chance), 0);
	powerloss_end();
	world_kill(&w, false);
	shell("cd %s && rm -rf state%u cache%u; for d in state cache; do "
	      "if [ -d %s/${d}%u ]; then mv %s/${d}%u ${d}%u; fi; done; "
	      "rm -rf %s", w.dir, w.life, w.life, to, w.life - 1, to,
	      w.life - 1, w.life, to);
	w.conf.boot_id = "another1";
	world_open(&w);
}

static int end(void **state)
{
	(void)state;
	powerloss_end();
	world_end(&w);
	shell("rm -rf %s", shadow);
	return 0;
}

static const char *note_of(const char *name)
{
	const struct fa_record *r = fake_account_find(&w.acc, 0, name);

	return r ? fake_account_get(r, FA_NOTE) : "";
}

static void P3_fsync_lasts_in_new_directories(void **state)
{
	struct rec_key k, n;

	(void)state;
	begin();
	k = world_find(&w, 0, "Item 1.json");
	assert_int_equal(world_save(&w, k, "Note", "new"), 0);
	assert_int_equal(world_create(&w, "New.json", "{\"Note\": \"made\"}",
				      &n), 0);
	assert_int_equal(cache_fsync(w.c, n), 0);
	power_off(0);
	world_run(&w, 60000);
	assert_int_equal(world_unsent(&w).queued, 0);
	assert_string_equal(note_of("Item 1"), "new");
	assert_int_equal(fake_account_named(&w.acc, 0, "New"), 1);
	assert_string_equal(note_of("New"), "made");
}

static void P3_an_empty_file_that_was_synced_lasts(void **state)
{
	struct cache_stat st;

	(void)state;
	begin();
	assert_int_equal(cache_create(w.c, w.tables[0], "New.json", &st), 0);
	assert_int_equal(cache_fsync(w.c, st.key), 0);
	power_off(0);
	world_tables(&w);
	world_read_table(&w, 0);
	assert_int_equal(world_try_find(&w, 0, "New.json", &st), 0);
	assert_int_equal(st.size, 0);
}

static void P3_names_last_once_their_directory_is_synced(void **state)
{
	struct rec_key k;

	(void)state;
	begin();
	assert_int_equal(cache_rename(w.c, w.tables[0], "Item 1.json",
				      "Moved.json", NULL, &k), 0);
	assert_int_equal(cache_unlink(w.c, w.tables[0], "Item 2.json", NULL),
			 0);
	assert_int_equal(cache_sync_names(w.c), 0);
	power_off(0);
	world_run(&w, 60000);
	assert_int_equal(world_unsent(&w).queued, 0);
	assert_int_equal(fake_account_named(&w.acc, 0, "Moved"), 1);
	assert_int_equal(fake_account_named(&w.acc, 0, NULL), 1);
}

/* A text of several pages, so that a part of it could be there alone. */
static void long_note(char *buf, size_t n, char c)
{
	memset(buf, c, n - 1);
	buf[n - 1] = '\0';
}

static void P3_what_was_not_synced_is_never_half(void **state)
{
	enum { LONG = 14000 };
	static char old[LONG], now[LONG];
	unsigned kept = 0;

	(void)state;
	long_note(old, sizeof(old), 'o');
	long_note(now, sizeof(now), 'n');
	for (uint64_t chance = 1; chance <= 24; chance++) {
		struct cache_unsent u;
		struct fa_record *r;
		struct rec_key k;

		begin();
		k = world_find(&w, 0, "Item 1.json");
		assert_int_equal(world_save(&w, k, "Note", old), 0);
		assert_int_equal(cache_fsync(w.c, k), 0);
		assert_int_equal(world_save(&w, k, "Note", now), 0);
		power_off(chance);
		world_run(&w, 60000);
		u = world_unsent(&w);
		r = fake_account_find(&w.acc, 0, "Item 1");
		const char *note = json_string_value(
			json_object_get(r->cells, FA_NOTE));

		if (u.queued || u.rejected || u.conflicts || u.drafts ||
		    (strcmp(note, old) != 0 && strcmp(note, now) != 0))
			fail_msg("chance %u: %u queued, %u rejected, %u "
				 "conflicts, %u drafts, '%.20s...'",
				 (unsigned)chance, u.queued, u.rejected,
				 u.conflicts, u.drafts, note);
		kept += strcmp(note, now) == 0;
		if (chance < 24)
			(void)end(state);
	}
	print_message("# %u of 24 were there\n", kept);
}

/* A rewrite in the middle is judged when it is closed; before that the disk may
 * hold a part of it, which is as valid as the whole. */
static void P3_what_was_being_written_is_not_sent(void **state)
{
	enum { LONG = 14000, TRIES = 80 };
	static char old[LONG], now[LONG];
	unsigned doubted = 0;

	(void)state;
	long_note(old, sizeof(old), 'o');
	long_note(now, sizeof(now), 'n');
	for (uint64_t chance = 1; chance <= TRIES; chance++) {
		struct cache_unsent u;
		struct fa_record *r;
		struct rec_key k;
		char *bytes;

		begin();
		k = world_find(&w, 0, "Item 1.json");
		assert_int_equal(world_save(&w, k, "Note", old), 0);
		assert_int_equal(world_flush(&w, 20000), 0);
		bytes = world_bytes(&w, k);
		assert_int_equal(cache_write(
			w.c, k, now, LONG - 1,
			(uint64_t)(strstr(bytes, "oooo") - bytes)), 0);
		free(bytes);
		power_off(chance);
		world_run(&w, 60000);
		u = world_unsent(&w);
		r = fake_account_find(&w.acc, 0, "Item 1");
		if (u.queued || u.rejected || u.conflicts ||
		    strcmp(json_string_value(json_object_get(r->cells,
							     FA_NOTE)),
			   old) != 0)
			fail_msg("chance %u: '%.20s...'", (unsigned)chance,
				 json_string_value(json_object_get(r->cells,
								   FA_NOTE)));
		doubted += u.drafts;
		if (chance < TRIES)
			(void)end(state);
	}
	assert_in_range(doubted, 1, TRIES); /* and shown to the user */
}

#define T(f) cmocka_unit_test_teardown(f, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(P3_fsync_lasts_in_new_directories),
		T(P3_an_empty_file_that_was_synced_lasts),
		T(P3_names_last_once_their_directory_is_synced),
		T(P3_what_was_not_synced_is_never_half),
		T(P3_what_was_being_written_is_not_sent),
	};

	if (access("/dev/shm", W_OK) == 0)
		(void)setenv("TMPDIR", "/dev/shm", 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
