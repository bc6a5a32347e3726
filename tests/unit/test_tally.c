/* tally: counts by month and base in a file, between objects and processes,
 * and what is left of it after kill -9 and damage. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "airtable/clock.h"
#include "airtable/log.h"
#include "airtable/tally.h"

static const struct base_id base_a = { "appAAAAAAAAAAAAAA" };
static const struct base_id base_b = { "appBBBBBBBBBBBBBB" };

static char dir[64];
static char path[128];

static void quiet(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

static int set_up(void **state)
{
	(void)state;
	log_set_sink(quiet, LOG_LEVEL_ERROR);
	snprintf(dir, sizeof(dir), "/tmp/test_tally.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/calls", dir);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	(void)unlink(path);
	(void)rmdir(path);
	return rmdir(dir);
}

static struct tally *open_tally(void)
{
	struct tally *t = NULL;

	assert_int_equal(tally_open(path, &t), 0);
	return t;
}

static int64_t at(const char *iso)
{
	int64_t ms;

	assert_int_equal(clock_parse_iso(iso, &ms), 0);
	return ms;
}

struct wanted {
	const char *id;
	uint64_t n;
};

static void find(void *ctx, const char *id, uint64_t n)
{
	struct wanted *w = ctx;

	if (strcmp(w->id, id) == 0)
		w->n += n;
}

static uint64_t count_of(struct tally *t, const char *id, int64_t ms)
{
	struct wanted w = { id, 0 };

	tally_each(t, ms, find, &w);
	return w.n;
}

static void test_by_month_and_base(void **state)
{
	int64_t nov = at("2026-11-30T23:59:59.999Z");
	int64_t dec = at("2026-12-01T00:00:00.000Z");
	struct tally *t = open_tally();

	(void)state;
	tally_add(t, &base_a, nov);
	tally_add(t, &base_a, nov);
	tally_add(t, &base_b, nov);
	tally_add(t, NULL, nov);
	tally_add(t, &base_a, dec);
	assert_int_equal(tally_month(t, nov), 4);
	assert_int_equal(tally_month(t, dec), 1);
	tally_free(t);
	t = open_tally();
	assert_int_equal(count_of(t, base_a.s, nov), 2);
	assert_int_equal(count_of(t, base_b.s, nov), 1);
	assert_int_equal(count_of(t, "", nov), 1);
	assert_int_equal(count_of(t, base_b.s, dec), 0);
	tally_free(t);
}

static void test_months(void **state)
{
	(void)state;
	assert_int_equal(tally_next_month_ms(at("2026-11-25T16:00:00.000Z")),
			 at("2026-12-01T00:00:00.000Z"));
	assert_int_equal(tally_next_month_ms(at("2026-12-31T23:59:59.999Z")),
			 at("2027-01-01T00:00:00.000Z"));
	assert_int_equal(tally_month_of(at("2027-01-01T00:00:00.000Z")) -
				 tally_month_of(at("2026-12-31T23:59:59.000Z")),
			 1);
}

/* What is older than a year makes room; the file does not grow for ever. */
static void test_old_months_make_room(void **state)
{
	struct tally *t = open_tally();
	struct stat st;
	off_t size;

	(void)state;
	for (int year = 2020; year < 2040; year++)
		for (int month = 1; month <= 12; month++) {
			char iso[32];

			snprintf(iso, sizeof(iso), "%d-%02d-15T00:00:00.000Z",
				 year, month);
			for (int i = 0; i < month; i++)
				tally_add(t, &base_a, at(iso));
			assert_int_equal(tally_month(t, at(iso)), month);
			assert_int_equal(stat(path, &st), 0);
			if (year == 2022 && month == 1)
				size = st.st_size;
			if (year > 2022)
				assert_int_equal(st.st_size, size);
		}
	/* the year before is still there */
	assert_int_equal(tally_month(t, at("2039-01-01T00:00:00.000Z")), 1);
	tally_free(t);
}

/* Several processes count at once, and die of kill -9 with the last count. */
static void test_P8_kill_9_loses_nothing(void **state)
{
	const int64_t now = at("2026-11-25T16:00:00.000Z");
	struct tally *t = open_tally();
	pid_t pid[4];

	(void)state;
	for (int i = 0; i < 4; i++) {
		pid[i] = fork();
		assert_true(pid[i] >= 0);
		if (pid[i] == 0) {
			struct tally *own = NULL;

			if (tally_open(path, &own) < 0)
				_exit(1);
			for (int k = 0; k < 500; k++)
				tally_add(own, k % 2 ? &base_a : &base_b, now);
			raise(SIGKILL);
		}
	}
	for (int i = 0; i < 4; i++) {
		int status;

		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_true(WIFSIGNALED(status));
	}
	assert_int_equal(count_of(t, base_a.s, now), 1000);
	assert_int_equal(count_of(t, base_b.s, now), 1000);
	tally_free(t);
}

static const struct {
	const char *name;
	const char *bytes;
	size_t n;
} damage_rows[] = {
	{ "a text", "this is no table of calls, it is a text\n", 40 },
	{ "zeros", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20 },
	{ "short", "tf", 2 },
};

static void test_damage(void **state)
{
	const int64_t now = at("2026-11-25T16:00:00.000Z");

	(void)state;
	for (size_t i = 0; i < sizeof(damage_rows) / sizeof(damage_rows[0]);
	     i++) {
		struct tally *t;
		int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

		assert_true(fd >= 0);
		assert_int_equal(write(fd, damage_rows[i].bytes,
				       damage_rows[i].n),
				 (int)damage_rows[i].n);
		close(fd);
		t = open_tally();
		assert_int_equal(tally_month(t, now), 0);
		tally_add(t, &base_a, now);
		tally_free(t);
		t = open_tally();
		if (tally_month(t, now) != 1)
			fail_msg("%s", damage_rows[i].name);
		tally_free(t);
	}
}

/* Cut while it is open: no crash, and what comes is counted. */
static void test_cut_while_open(void **state)
{
	const int64_t now = at("2026-11-25T16:00:00.000Z");
	struct tally *t = open_tally();

	(void)state;
	tally_add(t, &base_a, now);
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(tally_month(t, now), 0);
	tally_add(t, &base_a, now);
	assert_int_equal(tally_month(t, now), 1);
	tally_free(t);
}

static void test_modes_and_kinds(void **state)
{
	struct tally *t = NULL;
	struct stat st;
	mode_t old = umask(0);

	(void)state;
	t = open_tally();
	umask(old);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	tally_free(t);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(tally_open(path, &t), -ELOOP);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(tally_open(path, &t), -EISDIR);
}

static void test_without_a_file(void **state)
{
	const int64_t now = at("2026-11-25T16:00:00.000Z");
	struct tally *t = NULL;

	(void)state;
	assert_int_equal(tally_open(NULL, &t), 0);
	for (int i = 0; i < 3; i++)
		tally_add(t, &base_a, now);
	tally_add(t, NULL, now);
	assert_int_equal(tally_month(t, now), 4);
	assert_int_equal(count_of(t, base_a.s, now), 3);
	tally_free(t);
	tally_free(NULL);
}

/* No base is left out, however many there are. */
static void test_many_bases(void **state)
{
	const int64_t now = at("2026-11-25T16:00:00.000Z");
	struct tally *t = NULL;
	struct base_id b;

	(void)state;
	assert_int_equal(tally_open(NULL, &t), 0);
	for (int i = 0; i < 9000; i++) {
		snprintf(b.s, sizeof(b.s), "app%d", i);
		tally_add(t, &b, now);
	}
	assert_int_equal(tally_month(t, now), 9000);
	assert_int_equal(count_of(t, "app7", now), 1);
	tally_free(t);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_by_month_and_base), T(test_months),
		T(test_old_months_make_room), T(test_P8_kill_9_loses_nothing),
		T(test_damage), T(test_cut_while_open),
		T(test_modes_and_kinds), T(test_without_a_file),
		T(test_many_bases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
