#include "loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

/* How long an idle thread sleeps at most. Nothing depends on it. */
#define LOOP_IDLE_MS (60 * 60 * 1000)

struct loop_task {
	loop_fn *fn;
	void *arg;
	struct loop_task *next;
};

struct loop {
	const struct clock_source *clock;
	struct loop_poller poller;

	pthread_mutex_t mu;
	pthread_cond_t cond;
	struct loop_task *tasks;       /* guarded by mu; oldest first */
	struct loop_task **tasks_end;  /* guarded by mu */
	bool woken;                    /* guarded by mu; for cond only */

	/* loop thread only */
	struct loop_timer *timers; /* by due time, equal ones as set */
	int64_t now_ns;
	uint64_t turn;

	pthread_t thread;
	atomic_bool started;
	atomic_bool stopping;
};

static int init_sync(struct loop *l)
{
	pthread_condattr_t attr;
	int r;

	r = pthread_mutex_init(&l->mu, NULL);
	if (r != 0)
		return -r;
	r = pthread_condattr_init(&attr);
	if (r == 0) {
		pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
		r = pthread_cond_init(&l->cond, &attr);
		pthread_condattr_destroy(&attr);
	}
	if (r != 0)
		pthread_mutex_destroy(&l->mu);
	return -r;
}

int loop_new(const struct clock_source *clock, struct loop **ret)
{
	struct loop *l = calloc(1, sizeof(*l));
	int r;

	if (l == NULL)
		return -ENOMEM;
	r = init_sync(l);
	if (r < 0) {
		free(l);
		return r;
	}
	l->clock = clock;
	l->tasks_end = &l->tasks;
	l->now_ns = clock_mono_ns(clock);
	*ret = l;
	return 0;
}

void loop_set_poller(struct loop *l, const struct loop_poller *poller)
{
	l->poller = poller != NULL ? *poller : (struct loop_poller){ 0 };
}

static void wake(struct loop *l)
{
	if (l->poller.wake != NULL) {
		l->poller.wake(l->poller.ctx);
		return;
	}
	pthread_mutex_lock(&l->mu);
	l->woken = true;
	pthread_cond_signal(&l->cond);
	pthread_mutex_unlock(&l->mu);
}

static void *thread_main(void *arg)
{
	struct loop *l = arg;

	while (!atomic_load(&l->stopping))
		loop_turn(l, LOOP_IDLE_MS);
	return NULL;
}

int loop_start(struct loop *l)
{
	sigset_t all, old;
	int r;

	atomic_store(&l->stopping, false);
	/* Signals are for the threads that expect them; a broken connection
	 * must not raise SIGPIPE here either. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	/* Held so that the new thread cannot ask who it is too early. */
	pthread_mutex_lock(&l->mu);
	r = pthread_create(&l->thread, NULL, thread_main, l);
	if (r == 0) {
		pthread_setname_np(l->thread, "airtable-net");
		atomic_store(&l->started, true);
	}
	pthread_mutex_unlock(&l->mu);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return r == 0 ? 0 : -EAGAIN;
}

void loop_stop(struct loop *l)
{
	if (!atomic_load(&l->started))
		return;
	atomic_store(&l->stopping, true);
	wake(l);
	pthread_join(l->thread, NULL);
	atomic_store(&l->started, false);
}

void loop_free(struct loop *l)
{
	struct loop_task *t, *next;

	if (l == NULL)
		return;
	loop_stop(l);
	for (t = l->tasks; t != NULL; t = next) {
		next = t->next;
		free(t);
	}
	pthread_cond_destroy(&l->cond);
	pthread_mutex_destroy(&l->mu);
	free(l);
}

int loop_post(struct loop *l, loop_fn *fn, void *arg)
{
	struct loop_task *t = malloc(sizeof(*t));
	bool first;

	if (t == NULL)
		return -ENOMEM;
	*t = (struct loop_task){ .fn = fn, .arg = arg };
	pthread_mutex_lock(&l->mu);
	first = l->tasks == NULL;
	*l->tasks_end = t;
	l->tasks_end = &t->next;
	pthread_mutex_unlock(&l->mu);
	/* A queue that was not empty has woken the loop already: it takes the
	 * whole queue before it waits again. */
	if (first)
		wake(l);
	return 0;
}

bool loop_is_thread(const struct loop *l)
{
	/* Without a thread whoever turns the loop is it. */
	return !atomic_load(&l->started) ||
	       pthread_equal(l->thread, pthread_self());
}

const struct clock_source *loop_clock(const struct loop *l)
{
	return l->clock;
}

int64_t loop_now_ns(const struct loop *l)
{
	return l->now_ns;
}

void loop_now_refresh(struct loop *l)
{
	l->now_ns = clock_mono_ns(l->clock);
}

void loop_timer_cancel(struct loop *l, struct loop_timer *t)
{
	struct loop_timer **p;

	if (!t->armed)
		return;
	for (p = &l->timers; *p != NULL; p = &(*p)->next)
		if (*p == t) {
			*p = t->next;
			break;
		}
	t->armed = false;
	t->next = NULL;
}

void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t delay_ns)
{
	int64_t now = clock_mono_ns(l->clock);
	struct loop_timer **p = &l->timers;

	loop_timer_cancel(l, t);
	if (delay_ns < 0)
		delay_ns = 0;
	t->due_ns = delay_ns > INT64_MAX - now ? INT64_MAX : now + delay_ns;
	t->turn = l->turn;
	t->armed = true;
	while (*p != NULL && (*p)->due_ns <= t->due_ns)
		p = &(*p)->next;
	t->next = *p;
	*p = t;
}

static void run_tasks(struct loop *l)
{
	struct loop_task *t, *next;

	pthread_mutex_lock(&l->mu);
	t = l->tasks;
	l->tasks = NULL;
	l->tasks_end = &l->tasks;
	l->woken = false;
	pthread_mutex_unlock(&l->mu);
	for (; t != NULL; t = next) {
		next = t->next;
		t->fn(t->arg);
		free(t);
	}
}

/* A timer that was set in this turn waits for the next one, so that one that
 * sets itself again with no delay cannot hold up the transport. Any timer may
 * be cancelled by any other: the search begins anew after each. */
static void run_timers(struct loop *l)
{
	struct loop_timer *t;

	for (;;) {
		t = l->timers;
		while (t != NULL && t->due_ns <= l->now_ns &&
		       t->turn == l->turn)
			t = t->next;
		if (t == NULL || t->due_ns > l->now_ns)
			return;
		loop_timer_cancel(l, t);
		t->fn(t->arg);
	}
}

/* The wait until the first timer, rounded up to whole ms so that the loop does
 * not spin through the last fraction. */
static int wait_ms(struct loop *l, int max_ms)
{
	int64_t left, ms;
	bool more;

	pthread_mutex_lock(&l->mu);
	more = l->tasks != NULL;
	pthread_mutex_unlock(&l->mu);
	if (more || max_ms <= 0 || atomic_load(&l->stopping))
		return 0;
	if (l->timers == NULL)
		return max_ms;
	left = l->timers->due_ns - clock_mono_ns(l->clock);
	if (left <= 0)
		return 0;
	ms = left / NS_PER_MS + (left % NS_PER_MS != 0);
	return ms < max_ms ? (int)ms : max_ms;
}

static void wait_cond(struct loop *l, int timeout_ms)
{
	struct timespec until;

	if (timeout_ms == 0)
		return;
	/* Real time, also under a test's clock: the wait is a real one. */
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&l->mu);
	while (l->tasks == NULL && !l->woken)
		if (pthread_cond_timedwait(&l->cond, &l->mu, &until) != 0)
			break;
	l->woken = false;
	pthread_mutex_unlock(&l->mu);
}

void loop_turn(struct loop *l, int timeout_ms)
{
	int ms;

	l->turn++;
	loop_now_refresh(l);
	run_tasks(l);
	loop_now_refresh(l);
	run_timers(l);
	ms = wait_ms(l, timeout_ms);
	if (l->poller.poll != NULL)
		l->poller.poll(l->poller.ctx, ms);
	else
		wait_cond(l, ms);
}
