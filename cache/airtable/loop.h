/* loop - the one network thread: posted calls, timers, and whatever transport
 * is attached to it.
 * Everything that the loop runs (tasks, timers, transport completions) runs on
 * the loop's thread, one at a time, with no lock held by the loop.
 * Units:   ns, CLOCK_MONOTONIC by the clock given.
 * Owns:    its thread, queue and timers. A task's arg belongs to the task.
 * Threads: loop_post and loop_is_thread from any thread; all else on the loop
 *          thread (or before loop_start).
 * Errors:  -ENOMEM, -EAGAIN if no thread can be made.
 * A test runs it without a thread: loop_turn() with a clock of its own. */
#ifndef AIRTABLE_LOOP_H
#define AIRTABLE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"

struct loop;

typedef void loop_fn(void *arg);

/* What the loop waits in: curl_multi_poll in real life. poll() waits at most
 * timeout_ms and drives transfers; wake() makes a poll in progress return and
 * may be called from any thread. Either may be NULL (a condition variable is
 * used instead). */
struct loop_poller {
	void (*poll)(void *ctx, int timeout_ms);
	void (*wake)(void *ctx);
	void *ctx;
};

struct loop_timer {
	/* set by the owner */
	loop_fn *fn;
	void *arg;
	/* the loop's own */
	int64_t due_ns;
	bool armed;
	uint64_t turn; /* in which it was set: it fires in a later one */
	struct loop_timer *next;
};

int loop_new(const struct clock_source *clock, struct loop **ret);
void loop_set_poller(struct loop *l, const struct loop_poller *poller);
int loop_start(struct loop *l);
/* Ends the thread after the current turn; tasks still queued are dropped.
 * Not on the loop thread. */
void loop_stop(struct loop *l);
void loop_free(struct loop *l);

/* Runs fn(arg) on the loop thread, in the order posted. -ENOMEM. */
int loop_post(struct loop *l, loop_fn *fn, void *arg);
bool loop_is_thread(const struct loop *l);
const struct clock_source *loop_clock(const struct loop *l);
int64_t loop_now_ns(const struct loop *l); /* read once per turn */
/* For a poller: reads the clock again after it has waited. */
void loop_now_refresh(struct loop *l);

/* (Re)arms t to fire delay_ns from now; a timer belongs to its owner's
 * storage and must be cancelled before that goes. */
void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t delay_ns);
void loop_timer_cancel(struct loop *l, struct loop_timer *t);

/* One turn by hand: tasks, due timers, one poll of at most timeout_ms. */
void loop_turn(struct loop *l, int timeout_ms);

#endif
