/* loop: turned by hand under a clock of our own; then once with its thread. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "airtable/loop.h"
#include "fake_clock.h"

static struct fake_clock clk;
static struct loop *loop;
static char trace[256];

static int set_up(void **state)
{
	(void)state;
	fake_clock_init(&clk);
	trace[0] = '\0';
	return loop_new(&clk.source, &loop);
}

static int tear_down(void **state)
{
	(void)state;
	loop_free(loop);
	return 0;
}

static void note(void *arg)
{
	size_t n = strlen(trace);

	snprintf(trace + n, sizeof(trace) - n, "%s", (const char *)arg);
}

static char *letter(const char *s)
{
	return (char *)(uintptr_t)s;
}

static struct loop_timer timer_of(const char *s)
{
	return (struct loop_timer){ .fn = note, .arg = letter(s) };
}

static void test_tasks_in_order(void **state)
{
	(void)state;
	for (const char *p = "a\0b\0c\0d\0"; *p != '\0'; p += 2)
		assert_int_equal(loop_post(loop, note, letter(p)), 0);
	assert_string_equal(trace, ""); /* never inside loop_post */
	loop_turn(loop, 0);
	assert_string_equal(trace, "abcd");
	loop_turn(loop, 0);
	assert_string_equal(trace, "abcd");
	assert_true(loop_is_thread(loop));
}

static void post_b(void *arg)
{
	(void)arg;
	note(letter("a"));
	loop_post(loop, note, letter("b"));
}

static void test_task_posted_by_task(void **state)
{
	(void)state;
	loop_post(loop, post_b, NULL);
	loop_turn(loop, 1000); /* must not wait: there is work */
	assert_string_equal(trace, "a");
	loop_turn(loop, 0);
	assert_string_equal(trace, "ab");
}

static void test_timers_by_due_time(void **state)
{
	struct loop_timer t[4] = { timer_of("a"), timer_of("b"), timer_of("c"),
				   timer_of("d") };

	(void)state;
	loop_timer_set(loop, &t[0], 30);
	loop_timer_set(loop, &t[1], 10);
	loop_timer_set(loop, &t[2], 20);
	loop_timer_set(loop, &t[3], 10);
	clk.now_ns += 9;
	loop_turn(loop, 0);
	assert_string_equal(trace, "");
	clk.now_ns += 11;
	loop_turn(loop, 0);
	assert_string_equal(trace, "bdc"); /* equal ones as they were set */
	assert_false(t[2].armed);
	assert_true(t[0].armed);
	loop_timer_set(loop, &t[0], 100); /* moved, not doubled */
	clk.now_ns += 50;
	loop_turn(loop, 0);
	assert_string_equal(trace, "bdc");
	clk.now_ns += 50;
	loop_turn(loop, 0);
	loop_turn(loop, 0);
	assert_string_equal(trace, "bdca");
}

static struct loop_timer victim;

static void cancel_victim(void *arg)
{
	note(arg);
	loop_timer_cancel(loop, &victim);
}

static void test_timer_cancels_timer(void **state)
{
	struct loop_timer killer = { .fn = cancel_victim, .arg = letter("k") };

	(void)state;
	victim = timer_of("v");
	loop_timer_set(loop, &killer, 5);
	loop_timer_set(loop, &victim, 5);
	clk.now_ns += 5;
	loop_turn(loop, 0);
	assert_string_equal(trace, "k");
	loop_timer_cancel(loop, &victim); /* again does nothing */
}

static struct loop_timer endless;

static void set_again(void *arg)
{
	note(arg);
	loop_timer_set(loop, &endless, 0);
}

static void test_timer_set_by_itself(void **state)
{
	(void)state;
	endless = (struct loop_timer){ .fn = set_again, .arg = letter("e") };
	loop_timer_set(loop, &endless, -5);
	loop_turn(loop, 1000);
	assert_string_equal(trace, "e"); /* once a turn, clock standing still */
	loop_turn(loop, 1000);
	assert_string_equal(trace, "ee");
	loop_timer_cancel(loop, &endless);
	loop_turn(loop, 0);
	assert_string_equal(trace, "ee");
	loop_timer_set(loop, &endless, INT64_MAX); /* no overflow */
	loop_turn(loop, 0);
	assert_string_equal(trace, "ee");
	loop_timer_cancel(loop, &endless);
}

static int polled_ms;
static int wakes;

static void fake_poll(void *ctx, int timeout_ms)
{
	(void)ctx;
	polled_ms = timeout_ms;
	clk.now_ns += timeout_ms * NS_PER_MS;
	loop_now_refresh(loop);
}

static void fake_wake(void *ctx)
{
	(void)ctx;
	wakes++;
}

static void test_poller_waits_for_the_timer(void **state)
{
	static const struct {
		const char *name;
		int64_t delay_ns;
		int max_ms;
		int want_ms;
	} rows[] = {
		{ "the timer is sooner", 20 * NS_PER_MS, 100, 20 },
		{ "rounded up", 20 * NS_PER_MS + 1, 100, 21 },
		{ "the limit is sooner", 200 * NS_PER_MS, 100, 100 },
		{ "far away", INT64_MAX, 100, 100 },
	};
	struct loop_poller poller = { .poll = fake_poll, .wake = fake_wake };

	(void)state;
	loop_set_poller(loop, &poller);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct loop_timer t = timer_of("t");
		int64_t before = clk.now_ns;

		loop_timer_set(loop, &t, rows[i].delay_ns);
		polled_ms = -1;
		loop_turn(loop, rows[i].max_ms);
		if (polled_ms != rows[i].want_ms)
			fail_msg("%s: %d", rows[i].name, polled_ms);
		assert_int_equal(loop_now_ns(loop),
				 before + rows[i].want_ms * NS_PER_MS);
		loop_timer_cancel(loop, &t);
	}
	wakes = 0;
	loop_post(loop, note, letter("x"));
	loop_post(loop, note, letter("y"));
	assert_int_equal(wakes, 1); /* the second finds the loop awake */
	loop_turn(loop, 100);
	loop_set_poller(loop, NULL);
}

/* ---- with the thread ---- */

struct meeting {
	pthread_mutex_t mu;
	pthread_cond_t cond;
	struct loop *l;
	int count;
	bool was_thread, timer_fired;
	struct loop_timer timer;
};

static void meet(void *arg)
{
	struct meeting *m = arg;

	pthread_mutex_lock(&m->mu);
	m->count++;
	m->was_thread = loop_is_thread(m->l);
	pthread_cond_broadcast(&m->cond);
	pthread_mutex_unlock(&m->mu);
}

static void on_timer(void *arg)
{
	struct meeting *m = arg;

	pthread_mutex_lock(&m->mu);
	m->timer_fired = true;
	pthread_cond_broadcast(&m->cond);
	pthread_mutex_unlock(&m->mu);
}

static void arm(void *arg)
{
	struct meeting *m = arg;

	loop_timer_set(m->l, &m->timer, NS_PER_MS);
}

static void *poster(void *arg)
{
	struct meeting *m = arg;

	for (int i = 0; i < 1000; i++)
		loop_post(m->l, meet, m);
	return NULL;
}

static void test_thread(void **state)
{
	struct meeting m = { .mu = PTHREAD_MUTEX_INITIALIZER,
			     .cond = PTHREAD_COND_INITIALIZER };
	pthread_t t[2];

	(void)state;
	assert_int_equal(loop_new(&system_clock, &m.l), 0);
	m.timer = (struct loop_timer){ .fn = on_timer, .arg = &m };
	assert_int_equal(loop_start(m.l), 0);
	assert_false(loop_is_thread(m.l));
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&t[i], NULL, poster, &m), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	loop_post(m.l, arm, &m);
	pthread_mutex_lock(&m.mu);
	while (m.count < 2000 || !m.timer_fired)
		pthread_cond_wait(&m.cond, &m.mu);
	assert_int_equal(m.count, 2000);
	assert_true(m.was_thread);
	pthread_mutex_unlock(&m.mu);
	loop_stop(m.l);
	loop_post(m.l, meet, &m); /* dropped, and not leaked */
	loop_free(m.l);
	assert_int_equal(m.count, 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_tasks_in_order),
		T(test_task_posted_by_task),
		T(test_timers_by_due_time),
		T(test_timer_cancels_timer),
		T(test_timer_set_by_itself),
		T(test_poller_waits_for_the_timer),
		cmocka_unit_test(test_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
