/* The inode table: what the kernel holds, and what lets go of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/inode.h"

#define ROOT 1

struct dropped {
	atomic_uint n, at_orphanage;
	_Atomic(void *) data;
};

static void on_drop(void *ctx, const struct inode_view *v, bool at_orphanage)
{
	struct dropped *d = ctx;

	d->n++;
	d->at_orphanage += at_orphanage;
	if (v->data != NULL)
		d->data = v->data;
}

static struct dropped dropped;

static int setup(void **state)
{
	struct inode_tab *t;

	dropped.n = 0;
	dropped.at_orphanage = 0;
	dropped.data = NULL;
	assert_int_equal(inode_tab_new(on_drop, &dropped, &t), 0);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	inode_tab_free(*state);
	return 0;
}

static struct inode_key record(uint32_t table, uint32_t seq)
{
	return inode_key_make(INODE_RECORD, table, seq);
}

static uint64_t hold(struct inode_tab *t, struct inode_key k, bool *is_new)
{
	uint64_t id = 0;

	assert_int_equal(inode_hold(t, &k, &id, is_new), 0);
	return id;
}

static uint64_t hold_at(struct inode_tab *t, uint64_t local, uint64_t parent,
			const char *name)
{
	struct inode_key k = inode_key_make(INODE_SCRATCH, 0, local);
	uint64_t id = 0;

	assert_int_equal(inode_hold_at(t, &k, parent, name, &id), 0);
	return id;
}

static void test_one_thing_has_one_inode(void **state)
{
	struct inode_tab *t = *state;
	bool is_new;
	uint64_t a = hold(t, record(1, 7), &is_new), b, found;
	struct inode_key k = record(1, 7);

	assert_true(is_new);
	b = hold(t, k, &is_new);
	assert_false(is_new);
	assert_true(a == b);
	assert_true(a != hold(t, record(2, 7), NULL));
	assert_true(a != hold(t, inode_key_make(INODE_SIDE, 1, 7), NULL));
	assert_true(inode_find(t, &k, &found));
	assert_true(found == a);
}

static void test_forget_ends_it_and_numbers_never_return(void **state)
{
	struct inode_tab *t = *state;
	uint64_t a = hold(t, record(1, 7), NULL), b;
	struct inode_view v;

	assert_true(a == hold(t, record(1, 7), NULL));
	inode_forget(t, a, 1);
	assert_int_equal(inode_get(t, a, &v), 0);
	inode_forget(t, a, 1);
	assert_int_equal(inode_get(t, a, &v), -ESTALE);
	assert_int_equal(dropped.n, 1);
	b = hold(t, record(1, 7), NULL);
	assert_true(b != a);
	inode_forget(t, b, 1000); /* more than it has is all it has */
	assert_int_equal(inode_get(t, b, &v), -ESTALE);
	inode_forget(t, b, 1);
	assert_int_equal(dropped.n, 2);
}

static void test_root_stays(void **state)
{
	struct inode_tab *t = *state;
	struct inode_view v;

	inode_forget(t, ROOT, 100);
	assert_int_equal(inode_get(t, ROOT, &v), 0);
	assert_int_equal(v.key.kind, INODE_ROOT);
	assert_int_equal(dropped.n, 0);
}

static void test_many_survive_growing(void **state)
{
	enum { N = 20000 };
	struct inode_tab *t = *state;
	struct inode_key k;
	uint64_t id;

	for (uint32_t i = 1; i <= N; i++)
		(void)hold(t, record(3, i), NULL);
	assert_int_equal(inode_count(t), N + 1);
	for (uint32_t i = 1; i <= N; i++) {
		k = record(3, i);
		assert_true(inode_find(t, &k, &id));
		inode_forget(t, id, 1);
	}
	assert_int_equal(inode_count(t), 1);
}

static void test_rekey(void **state)
{
	struct inode_tab *t = *state;
	uint64_t a = hold(t, record(1, 1), NULL), b = hold(t, record(1, 2),
							   NULL), found;
	struct inode_key k = record(1, 2), was = record(1, 1);
	struct inode_key dead = inode_key_make(INODE_ORPHAN, 0, b);
	int data;

	assert_int_equal(inode_rekey(t, a, &k, NULL), -EEXIST);
	assert_int_equal(inode_rekey(t, b, &dead, &data), 0);
	assert_false(inode_find(t, &k, &found));
	assert_int_equal(inode_rekey(t, a, &k, NULL), 0);
	assert_true(inode_find(t, &k, &found));
	assert_true(found == a);
	assert_false(inode_find(t, &was, &found));
	inode_forget(t, b, 1);
	assert_ptr_equal(dropped.data, &data);
	assert_int_equal(inode_rekey(t, 999, &k, NULL), -ESTALE);
}

static void test_paths(void **state)
{
	struct inode_tab *t = *state;
	struct inode_key base = inode_key_make(INODE_BASE, 4, 0);
	struct inode_key table = inode_key_make(INODE_TABLE, 9, 0);
	uint64_t b, tb, d, e;
	const struct {
		const char *name;
		const uint64_t *in;
		const char *child, *want;
	} rows[] = {
		{ "base", &b, "x", "base-4/x" },
		{ "table", &tb, ".x.swp", "table-9/.x.swp" },
		{ "table itself", &tb, NULL, "table-9" },
		{ "directory in it", &e, "f", "table-9/.git/objects/f" },
		{ "that directory", &e, NULL, "table-9/.git/objects" },
	};
	char *path;

	assert_int_equal(inode_hold_at(t, &base, ROOT, "B", &b), 0);
	assert_int_equal(inode_hold_at(t, &table, b, "T", &tb), 0);
	d = hold_at(t, 100, tb, ".git");
	e = hold_at(t, 101, d, "objects");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (inode_path(t, *rows[i].in, rows[i].child, &path) != 0)
			fail_msg("%s: no path", rows[i].name);
		if (strcmp(path, rows[i].want) != 0)
			fail_msg("%s: '%s'", rows[i].name, path);
		free(path);
	}
	/* a directory is renamed: what is below goes with it */
	assert_int_equal(inode_set_place(t, d, b, "moved"), 0);
	assert_int_equal(inode_path(t, e, NULL, &path), 0);
	assert_string_equal(path, "base-4/moved/objects");
	free(path);
	assert_int_equal(inode_path(t, hold(t, record(9, 1), NULL), NULL,
				    &path), -ESTALE);
}

static void test_anchor_is_the_base_or_table(void **state)
{
	struct inode_tab *t = *state;
	struct inode_key table = inode_key_make(INODE_TABLE, 9, 0), got;
	uint64_t tb, d, e;

	assert_int_equal(inode_hold_at(t, &table, ROOT, "T", &tb), 0);
	d = hold_at(t, 100, tb, "d");
	e = hold_at(t, 101, d, "e");
	assert_int_equal(inode_anchor(t, e, &got), 0);
	assert_int_equal(got.kind, INODE_TABLE);
	assert_int_equal(got.a, 9);
}

static void test_parent_lives_as_long_as_its_children(void **state)
{
	struct inode_tab *t = *state;
	uint64_t d = hold_at(t, 100, ROOT, "d"), f = hold_at(t, 101, d, "f");
	struct inode_view v;
	char *path;

	inode_forget(t, d, 1);
	assert_int_equal(dropped.n, 0);
	assert_int_equal(inode_path(t, f, NULL, &path), 0);
	assert_string_equal(path, "root/d/f");
	free(path);
	/* but the kernel does not hold it */
	assert_false(inode_find(t, &(struct inode_key){ INODE_SCRATCH, 0, 100 },
				&d));
	inode_forget(t, f, 1);
	assert_int_equal(dropped.n, 2);
	assert_int_equal(inode_get(t, f, &v), -ESTALE);
	assert_int_equal(inode_count(t), 1);
}

static void test_orphanage(void **state)
{
	struct inode_tab *t = *state;
	uint64_t f = hold_at(t, 101, ROOT, "f");
	char *path;

	assert_true(inode_is_at(t, f, ROOT, "f"));
	assert_int_equal(inode_set_place(t, f, INODE_ORPHANAGE, "77"), 0);
	assert_false(inode_is_at(t, f, ROOT, "f"));
	assert_int_equal(inode_path(t, f, NULL, &path), 0);
	assert_string_equal(path, ".orphans/77");
	free(path);
	inode_forget(t, f, 1);
	assert_int_equal(dropped.at_orphanage, 1);
}

static void test_flags_say_what_was_before(void **state)
{
	struct inode_tab *t = *state;
	uint64_t a = hold(t, record(1, 1), NULL);

	assert_int_equal(inode_flag_set(t, a, INODE_PUSHED), 0);
	assert_int_equal(inode_flag_set(t, a, INODE_WAS_READ), INODE_PUSHED);
	assert_int_equal(inode_flag_clear(t, a, INODE_PUSHED),
			 INODE_PUSHED | INODE_WAS_READ);
	assert_int_equal(inode_flag_clear(t, a, INODE_PUSHED), INODE_WAS_READ);
	assert_int_equal(inode_flag_set(t, 999, INODE_PUSHED), 0);
}

/* Lookups and forgets of the same few records from several threads: nothing is
 * lost and nothing is freed twice. */
enum { THREADS = 4, ROUNDS = 20000, KEYS = 8 };

static void *look_and_forget(void *arg)
{
	struct inode_tab *t = arg;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		struct inode_key k = record(1, 1 + i % KEYS);
		struct inode_view v;
		uint64_t id;

		if (inode_hold(t, &k, &id, NULL) < 0 ||
		    inode_get(t, id, &v) < 0 || v.key.b != k.b)
			return (void *)"a held inode is not there";
		inode_forget(t, id, 1);
	}
	return NULL;
}

static void test_forget_against_lookup(void **state)
{
	struct inode_tab *t = *state;
	pthread_t th[THREADS];
	void *said;

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&th[i], NULL, look_and_forget,
						t), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(th[i], &said);
		if (said != NULL)
			fail_msg("%s", (const char *)said);
	}
	assert_int_equal(inode_count(t), 1);
}

#define ROW(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(test_one_thing_has_one_inode),
		ROW(test_forget_ends_it_and_numbers_never_return),
		ROW(test_root_stays),
		ROW(test_many_survive_growing),
		ROW(test_rekey),
		ROW(test_paths),
		ROW(test_anchor_is_the_base_or_table),
		ROW(test_parent_lives_as_long_as_its_children),
		ROW(test_orphanage),
		ROW(test_flags_say_what_was_before),
		ROW(test_forget_against_lookup),
	};

	return cmocka_run_group_tests_name("inode", tests, NULL, NULL);
}
