/* Records with local state: the map, their operations, and when one is let go. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "live.h"

static struct live_map map;

static int end(void **state)
{
	(void)state;
	live_map_free(&map);
	return 0;
}

static struct live *get(uint32_t table, uint32_t seq)
{
	struct live *l = live_get(&map, (struct rec_key){ table, seq },
				  "recA", "A.json");

	assert_non_null(l);
	return l;
}

static void found_where_put(void **state)
{
	struct live *l = get(1, 7);

	(void)state;
	assert_string_equal(l->record, "recA");
	assert_string_equal(l->name, "A.json");
	assert_int_equal(l->size, -1);
	assert_int_equal(l->fd, -1);
	assert_false(live_is_local(l));
	assert_ptr_equal(get(1, 7), l);
	assert_int_equal(map.n, 1);
	assert_null(live_find(&map, (struct rec_key){ 7, 1 }));
	assert_null(live_find(&map, (struct rec_key){ 1, 8 }));
	assert_ptr_equal(live_find(&map, (struct rec_key){ 1, 7 }), l);
}

static void nothing_in_an_empty_map(void **state)
{
	(void)state;
	assert_null(live_find(&map, (struct rec_key){ 1, 1 }));
	live_each(&map, NULL, NULL);
}

static void a_local_one_is_told_by_its_id(void **state)
{
	struct live *l = live_get(&map, (struct rec_key){ 1, 1 }, "new-1", "");

	(void)state;
	assert_true(live_is_local(l));
}

static bool count_one(void *ctx, struct live *l)
{
	(void)l;
	return ++*(unsigned *)ctx < 1500;
}

static bool settle_one(void *ctx, struct live *l)
{
	*(unsigned *)ctx += live_settle(&map, l);
	return true;
}

static void it_grows_and_shrinks(void **state)
{
	unsigned n = 0;

	(void)state;
	for (uint32_t i = 1; i <= 1000; i++) {
		get(1, i);
		get(2, i);
	}
	assert_int_equal(map.n, 2000);
	for (uint32_t i = 1; i <= 1000; i++) {
		struct live *l = live_find(&map, (struct rec_key){ 2, i });

		assert_non_null(l);
		assert_int_equal(l->key.table, 2);
		assert_int_equal(l->key.seq, i);
	}
	live_each(&map, count_one, &n); /* ends where told */
	assert_int_equal(n, 1500);
	live_find(&map, (struct rec_key){ 1, 500 })->hidden = true;
	n = 0;
	live_each(&map, settle_one, &n); /* may free what it is given */
	assert_int_equal(n, 1999);
	assert_int_equal(map.n, 1);
	assert_non_null(live_find(&map, (struct rec_key){ 1, 500 }));
}

static void settled_only_without_local_state(void **state)
{
	static const char *const rows[] = { "nothing", "an operation",
					    "a draft", "a name that is gone",
					    "an error" };

	(void)state;
	for (int i = 0; i < 5; i++) {
		struct live *l = get(1, (uint32_t)i + 1);

		if (i == 1)
			assert_non_null(live_add_op(l, 1, OP_UPDATE, OP_QUEUED,
						    0));
		l->has_draft = i == 2;
		l->hidden = i == 3;
		l->error.err = i == 4 ? -22 : 0;
		if (live_settle(&map, l) != (i == 0))
			fail_msg("%s", rows[i]);
	}
	assert_int_equal(map.n, 4);
}

static void an_open_draft_is_closed(void **state)
{
	struct live *l = get(1, 1);
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	l->fd = fd;
	assert_true(live_settle(&map, l));
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void operations_keep_their_order(void **state)
{
	struct live *l = get(1, 1);
	struct live_op *o;

	(void)state;
	for (int64_t id = 1; id <= 5; id++) {
		o = live_add_op(l, id * 10, OP_UPDATE, OP_QUEUED, id * 1000);
		assert_non_null(o);
		assert_int_equal(o->batch_max, LIVE_BATCH_MAX);
		assert_false(o->busy);
	}
	live_drop_op(l, 10); /* the first, one between, the last, a stranger */
	live_drop_op(l, 30);
	live_drop_op(l, 50);
	live_drop_op(l, 99);
	assert_int_equal(l->ops_n, 2);
	assert_int_equal(l->ops[0].id, 20);
	assert_int_equal(l->ops[0].due_ms, 2000);
	assert_int_equal(l->ops[1].id, 40);
	assert_ptr_equal(live_find_op(l, 40), &l->ops[1]);
	assert_null(live_find_op(l, 30));
}

static void free_leaves_an_empty_map(void **state)
{
	(void)state;
	get(1, 1);
	live_map_free(&map);
	assert_int_equal(map.n, 0);
	assert_null(live_find(&map, (struct rec_key){ 1, 1 }));
	get(1, 1);
	assert_int_equal(map.n, 1);
}

#define T(f) cmocka_unit_test_teardown(f, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(found_where_put), T(nothing_in_an_empty_map),
		T(a_local_one_is_told_by_its_id), T(it_grows_and_shrinks),
		T(settled_only_without_local_state),
		T(an_open_draft_is_closed), T(operations_keep_their_order),
		T(free_leaves_an_empty_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
