/* identity: the token read again, and nothing done with another user's. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "cache_world.h"

static struct world w;
static char token_path[128];

static void put_token(const char *text)
{
	int fd = open(token_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

/* A read table of two things, with the token in a file. */
static void begin(void)
{
	world_begin(&w);
	fake_account_add(&w.acc, 0, "Item 1", "note", 1);
	fake_account_add(&w.acc, 0, "Item 2", "note", 1);
	snprintf(token_path, sizeof(token_path), "%s/token", w.dir);
	put_token("pat.old");
	w.acc.secret = "pat.old";
	w.conf.token_file = token_path;
	world_open(&w);
	world_tables(&w);
	world_read_table(&w, 0);
	fake_account_count_from_now(&w.acc);
}

static int end(void **state)
{
	(void)state;
	world_turn(&w); /* what was begun by the last look is under way */
	world_end(&w);
	return 0;
}

static const char *file(const char *name)
{
	static char text[64];

	snprintf(text, sizeof(text), "%s.json", name);
	return text;
}

static void save(const char *name, const char *text)
{
	assert_int_equal(world_save(&w, world_find(&w, 0, file(name)), "Note", text),
			 0);
}

static const char *note(const char *name)
{
	return fake_account_get(fake_account_find(&w.acc, 0, name), FA_NOTE);
}

/* A member of status.json; valid until the next call. */
static const char *status(const char *key)
{
	static char out[300];
	char *text = NULL;
	json_t *j;
	const char *v;

	assert_int_equal(cache_status_json(w.c, &text), 0);
	j = json_loads(text, 0, NULL);
	v = json_string_value(json_object_get(j, key));
	snprintf(out, sizeof(out), "%s", v ? v : "");
	json_decref(j);
	free(text);
	return out;
}

static void P10_a_new_token_is_found_and_all_goes_on(void **state)
{
	(void)state;
	begin();
	w.acc.secret = "pat.new"; /* regenerated */
	save("Item 1", "edited");
	world_run(&w, 20000);
	assert_string_equal(status("token"), "refused");
	assert_string_equal(status("token_read_again"),
			    "the same token is still there");
	assert_int_equal(world_unsent(&w).queued, 1);
	/* what is cached is read, and saved over */
	assert_string_equal(world_cell(&w, world_find(&w, 0, "Item 2.json"),
				       "Note"), "note");
	save("Item 2", "edited");
	put_token("pat.new");
	world_run(&w, 70000);
	assert_string_equal(note("Item 1"), "edited");
	assert_string_equal(note("Item 2"), "edited");
	assert_int_equal(world_unsent(&w).queued, 0);
	assert_string_equal(status("token"), "ok");
	assert_int_equal(w.acc.calls[FA_WHOAMI], 1);
}

static void P10_asked_for_it_is_read_at_once(void **state)
{
	(void)state;
	begin();
	put_token("pat.new");
	w.acc.secret = "pat.new";
	cache_reload_token(w.c);
	world_turn(&w);
	save("Item 1", "edited");
	assert_int_equal(world_flush(&w, 5000), 0);
	assert_string_equal(note("Item 1"), "edited");
}

static void P10_a_source_that_is_broken_is_told(void **state)
{
	(void)state;
	begin();
	w.acc.secret = "pat.new";
	unlink(token_path);
	save("Item 1", "edited");
	world_run(&w, 5000);
	assert_non_null(strstr(status("token_read_again"), "No such file"));
	put_token("pat.new");
	world_run(&w, 70000);
	assert_string_equal(note("Item 1"), "edited");
}

/* Neither sent for him, nor read from him; the first one's goes on. */
static void P10_another_users_token_does_nothing(void **state)
{
	(void)state;
	begin();
	w.acc.secret = "pat.other";
	w.acc.user = "usrOther000000001";
	put_token("pat.other");
	save("Item 1", "edited");
	world_run(&w, 30000);
	assert_string_equal(status("token"), "refused");
	assert_non_null(strstr(status("token_error"), "usrOther000000001"));
	assert_string_equal(status("user"), FA_USER);
	assert_int_equal(world_unsent(&w).queued, 1);
	assert_string_equal(note("Item 1"), "note");
	/* of his nothing was asked, however long it takes */
	fake_account_count_from_now(&w.acc);
	assert_int_equal(cache_refresh(w.c, 0, 0), 0);
	world_run(&w, 300000);
	assert_int_equal(w.acc.total, 0);
	assert_string_equal(world_cell(&w, world_find(&w, 0, "Item 2.json"),
				       "Note"), "note");

	/* after a restart as well */
	world_turn(&w);
	world_kill(&w, false);
	world_open(&w);
	world_tables(&w);
	world_run(&w, 30000);
	assert_int_equal(w.acc.total, w.acc.calls[FA_WHOAMI]);
	assert_string_equal(note("Item 1"), "note");
	assert_string_equal(status("token"), "refused");

	w.acc.secret = "pat.third";
	w.acc.user = FA_USER;
	put_token("pat.third");
	world_run(&w, 70000);
	assert_string_equal(note("Item 1"), "edited");
	assert_string_equal(status("token"), "ok");
}

/* With no cache left, too: the journal is still the first one's. */
static void P10_without_a_cache_it_is_refused_as_well(void **state)
{
	struct cache_dir d;

	(void)state;
	begin();
	world_close(&w);
	world_delete_cache_db(&w);
	w.acc.user = "usrOther000000001";
	world_open(&w);
	fake_account_count_from_now(&w.acc);
	assert_int_equal(cache_list_bases(w.c, 0, &d, 1, NULL), -EAGAIN);
	world_run(&w, 1000);
	assert_string_equal(status("token"), "refused");
	assert_int_equal(cache_list_bases(w.c, 0, &d, 1, NULL), -EAGAIN);
	world_run(&w, 1000);
	assert_in_range(w.acc.calls[FA_WHOAMI], 1, 2);
	assert_int_equal(w.acc.total, w.acc.calls[FA_WHOAMI]);
}

/* What cannot be written down would not be known after a restart. */
static void P10_who_it_was_outlives_a_crash(void **state)
{
	char path[200];

	(void)state;
	begin();
	world_kill(&w, false);
	snprintf(path, sizeof(path), "find %s/state%u -name account.json "
		 "-perm 600 | xargs grep -q " FA_USER, w.dir, w.life);
	assert_int_equal(system(path), 0);
	world_open(&w);
}

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, end)
	const struct CMUnitTest tests[] = {
		T(P10_a_new_token_is_found_and_all_goes_on),
		T(P10_asked_for_it_is_read_at_once),
		T(P10_a_source_that_is_broken_is_told),
		T(P10_another_users_token_does_nothing),
		T(P10_without_a_cache_it_is_refused_as_well),
		T(P10_who_it_was_outlives_a_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
