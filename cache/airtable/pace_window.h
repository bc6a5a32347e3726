/* pace_window - a window of n sends in the shared table: what may be within any
 * LIMIT_WINDOW_NS, and when there is room for one more.
 * Units:   CLOCK_MONOTONIC ns given by the caller.
 * Owns:    nothing; the stamps lie in the table (pace_file.h).
 * Threads: inside pace_enter and pace_leave only. Errors: none.
 * Killed:  whatever process is killed between two stores here, what is left
 *          behind is a send that never was, or one that counts a little too
 *          long. */
#ifndef AIRTABLE_PACE_WINDOW_H
#define AIRTABLE_PACE_WINDOW_H

#include "clock.h"
#include "pace_file.h"

/* Others may have read the clock after us, much later where we were stopped
 * since. What is further ahead is no time. Ours. */
#define PACE_AHEAD_MAX_NS (120 * NS_PER_S)
/* Before every time there is. Not INT64_MIN: clang 14 at -O1 turns
 * "a > b ? a - b : 0" into a difference that then overflows. */
#define PACE_LONG_AGO_NS (INT64_MIN / 4)

static inline int64_t pace_later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* ns until one more may be sent if no more than `may` of the n places are to
 * count at a time (1..n); 0 = now. */
int64_t window_wait_ns(const struct pace_file *f, struct pace_stamp *w,
		       size_t n, size_t may, int64_t now_ns);
/* One more is under way for us; there was room. */
void window_spend(const struct pace_file *f, struct pace_stamp *w, size_t n,
		  int64_t now_ns);
/* Moves the send of ours that was granted at spent_ns: it left at at_ns. One
 * that is not there any more is counted anew, unless n newer ones are. */
void window_touch(const struct pace_file *f, struct pace_stamp *w, size_t n,
		  int64_t spent_ns, int64_t at_ns, int64_t now_ns);
/* The send that left at sent_ns counts from so much later, or (< 0) earlier. */
void window_shift(struct pace_stamp *w, size_t n, int64_t sent_ns,
		  int64_t by_ns);
/* When none of them counts any more. */
int64_t window_until(const struct pace_file *f, struct pace_stamp *w,
		     size_t n, int64_t now_ns);
/* What is under way for our number was that of one who is dead. */
void window_inherit(const struct pace_file *f, struct pace_stamp *w, size_t n,
		    int64_t now_ns);

#endif
