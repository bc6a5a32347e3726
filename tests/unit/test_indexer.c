/* indexer: who is served from the cache alone. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "indexer.h"

static const struct {
	const char *names, *comm;
	bool want;
} rows[] = {
	{ NULL, "updatedb", true },
	{ NULL, "updatedb.plocat", true }, /* as the kernel cuts it */
	{ NULL, "tracker-miner-f", true },
	{ NULL, "localsearch-ext", true },
	{ NULL, "baloo_file_extr", true },
	{ NULL, "tumblerd", true },
	{ NULL, "grep", false },
	{ NULL, "find", false },
	{ NULL, "updated", false },
	{ NULL, "updatedbx", false },
	{ NULL, "", false },
	{ "", "updatedb", false },
	{ "a:mybackup", "mybackup", true },
	{ "a:mybackup", "a", true },
	{ "a:mybackup", "updatedb", false },
	{ "::a::", "", false },
	{ "::a::", "a", true },
	{ "exactly15bytes.", "exactly15bytes.", true },
};

static void test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct indexers *x = NULL;

		assert_int_equal(indexers_new(rows[i].names, &x), 0);
		if (indexers_has_name(x, rows[i].comm) != rows[i].want)
			fail_msg("row %zu: '%s'", i, rows[i].comm);
		indexers_free(x);
	}
	indexers_free(NULL);
}

static atomic_int thread_id, thread_may_end;

static void *other_thread(void *arg)
{
	(void)arg;
	prctl(PR_SET_NAME, "pool-worker");
	atomic_store(&thread_id, gettid());
	while (!atomic_load(&thread_may_end))
		usleep(1000);
	return NULL;
}

/* By the process, and by a thread of it that has another name. */
static void test_process_and_thread(void **state)
{
	struct indexers *x = NULL, *y = NULL, *none = NULL;
	pthread_t t;

	(void)state;
	assert_int_equal(indexers_new("my-long-indexer-name", &x), 0);
	assert_int_equal(indexers_new("somebody-else", &y), 0);
	assert_int_equal(indexers_new("", &none), 0);
	assert_int_equal(prctl(PR_SET_NAME, "my-long-indexer-name"), 0);
	assert_int_equal(pthread_create(&t, NULL, other_thread, NULL), 0);
	while (atomic_load(&thread_id) == 0)
		usleep(1000);
	for (int i = 0; i < 2; i++) { /* looked up, remembered */
		assert_true(indexers_has(x, getpid()));
		assert_true(indexers_has(x, atomic_load(&thread_id)));
		assert_false(indexers_has(y, getpid()));
		assert_false(indexers_has(y, atomic_load(&thread_id)));
		assert_false(indexers_has(none, getpid()));
		assert_false(indexers_has(x, 0));
		assert_false(indexers_has(x, 1));
	}
	atomic_store(&thread_may_end, 1);
	pthread_join(t, NULL);
	assert_false(indexers_has(x, 1 << 30)); /* nobody */
	indexers_free(x);
	indexers_free(y);
	indexers_free(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_process_and_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
