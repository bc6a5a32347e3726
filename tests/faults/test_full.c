/* A disk that is full, from each moment on and for a while: what cannot be kept
 * is refused with ENOSPC, what is on its way has its effect once, and when
 * there is room again all goes on by itself. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "../unit/cache_world.h"

static struct world w;

static int end(void **state)
{
	(void)state;
	world_end(&w);
	return 0;
}

/* No file can be written any more; EFBIG is ENOSPC to a user. */
static void full(bool is)
{
	struct rlimit r;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &r), 0);
	r.rlim_cur = is ? 0 : r.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

static struct rec_key one(void)
{
	return world_find(&w, 0, "Item 1.json");
}

static void update(void)
{
	assert_int_equal(world_save(&w, one(), "Note", "new"), 0);
}

static void create(void)
{
	assert_int_equal(world_create(&w, "New.json", "{\"Note\": \"made\"}",
				      NULL), 0);
}

static void delete(void)
{
	assert_int_equal(cache_unlink(w.c, w.tables[0], "Item 1.json", NULL),
			 0);
}

static void all(void)
{
	create();
	assert_int_equal(world_save(&w, world_find(&w, 0, "Item 2.json"),
				    "Note", "new"), 0);
	delete();
}

static const struct {
	const char *name;
	void (*act)(void);
	const char *notes[3]; /* of Item 1, Item 2, New in the end */
} acts[] = {
	{ "update", update, { "new", "note", NULL } },
	{ "create", create, { "note", "note", "made" } },
	{ "delete", delete, { NULL, "note", NULL } },
	{ "all three", all, { NULL, "new", "made" } },
};

/* The disk is full: */
enum moment {
	QUEUED,          /* before anything was sent */
	CHECKED,         /* while the check is on its way */
	SENT,            /* while the request is, which succeeds */
	SENT_REFUSED,    /* and is refused for the time being */
	SENT_LOST,       /* and its answer is lost, but it was done */
	MOMENTS
};
static const char *const moments[MOMENTS] = {
	"queued", "checked", "sent", "sent, 503", "sent, answer lost"
};

static void hold(enum moment m)
{
	struct fa_fault x = { FA_WRITE, FA_HELD, .times = 0 };

	if (m == QUEUED)
		return;
	if (m == CHECKED)
		x.which = FA_GET;
	if (m == SENT_LOST)
		x.how = FA_STALE;
	fake_account_fault(&w.acc, x);
}

static void let_go(enum moment m)
{
	fake_account_heal(&w.acc);
	if (m == SENT_REFUSED)
		fake_account_fault(&w.acc, (struct fa_fault){
			FA_WRITE, FA_STATUS, .times = 3, .status = 503,
			.body = "" });
	if (m == SENT_LOST) {
		fake_account_hang_up(&w.acc, true);
		w.acc.deaf = false;
	}
	(void)fake_account_release(&w.acc);
}

static const char *wrong(size_t act)
{
	static const char *const names[] = { "Item 1", "Item 2", "New" };
	static char text[160];
	struct cache_unsent u = world_unsent(&w);

	if (u.queued || u.conflicts || u.rejected || u.drafts) {
		snprintf(text, sizeof(text), "%u queued, %u conflicts, %u "
			 "rejected, %u drafts", u.queued, u.conflicts,
			 u.rejected, u.drafts);
		return text;
	}
	for (int i = 0; i < 3; i++) {
		const char *want = acts[act].notes[i];
		unsigned n = fake_account_named(&w.acc, 0, names[i]);

		if (n != (want ? 1 : 0) ||
		    (want && strcmp(want, fake_account_get(fake_account_find(
							&w.acc, 0, names[i]),
							FA_NOTE)) != 0)) {
			snprintf(text, sizeof(text), "%s is there %u times",
				 names[i], n);
			return text;
		}
	}
	return NULL;
}

static void P4_full_for_a_while(void **state)
{
	unsigned bad = 0;
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(acts) / sizeof(*acts); i++)
		for (int m = 0; m < MOMENTS; m++)
			for (int restart = 0; restart < 2; restart++) {
				world_with_things(&w, 2);
				hold((enum moment)m);
				acts[i].act();
				if (m != QUEUED)
					world_run(&w, 8000);
				full(true);
				if (m != SENT_LOST)
					let_go((enum moment)m);
				world_run(&w, 20000);
				full(false);
				if (m == SENT_LOST)
					let_go((enum moment)m);
				if (restart) {
					world_kill(&w, true);
					fake_account_heal(&w.acc);
					world_open(&w);
				} else if (m == SENT_LOST) {
					world_close(&w);
					world_open(&w);
				}
				world_run(&w, 180000);
				why = wrong(i);
				if (why) {
					print_error("%s, full when %s%s: %s\n",
						    acts[i].name, moments[m],
						    restart ? ", restarted" :
							      "", why);
					bad++;
				}
				world_end(&w);
			}
	world_begin(&w);
	assert_int_equal(bad, 0);
}

/* What cannot be kept is not taken, and shows again what it was. */
static void P3_a_save_on_a_full_disk_is_refused(void **state)
{
	struct cache_stat st;
	struct rec_key k;
	char *was, *is;

	(void)state;
	world_with_things(&w, 2);
	k = one();
	was = world_bytes(&w, k);
	full(true);
	assert_int_equal(world_save(&w, k, "Note", "new"), -ENOSPC);
	assert_int_equal(cache_create(w.c, w.tables[0], "New.json", &st),
			 -ENOSPC);
	assert_int_equal(cache_unlink(w.c, w.tables[0], "Item 2.json", NULL),
			 -ENOSPC);
	assert_int_equal(cache_rename(w.c, w.tables[0], "Item 2.json",
				      "Moved.json", NULL, &st.key), -ENOSPC);
	world_run(&w, 5000);
	is = world_bytes(&w, k);
	assert_string_equal(is, was);
	free(is);
	free(was);
	assert_int_equal(world_unsent(&w).queued, 0);
	assert_int_equal(world_unsent(&w).drafts, 0);
	assert_int_equal(world_try_find(&w, 0, "New.json", &st), -ENOENT);
	assert_int_equal(world_try_find(&w, 0, "Moved.json", &st), -ENOENT);
	assert_int_equal(world_try_find(&w, 0, "Item 2.json", &st), 0);
	full(false);
	assert_int_equal(world_save(&w, k, "Note", "new"), 0);
	create();
	assert_int_equal(world_flush(&w, 60000), 0);
	assert_string_equal(fake_account_get(fake_account_find(&w.acc, 0,
							       "Item 1"),
					     FA_NOTE), "new");
	assert_int_equal(fake_account_named(&w.acc, 0, NULL), 3);
}

#define T(f) cmocka_unit_test_teardown(f, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(P4_full_for_a_while), T(P3_a_save_on_a_full_disk_is_refused),
	};

	(void)signal(SIGXFSZ, SIG_IGN);
	if (access("/dev/shm", W_OK) == 0)
		(void)setenv("TMPDIR", "/dev/shm", 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
