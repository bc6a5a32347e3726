/* limiter - paces requests: a plain value asked "may I, and if not how long".
 * It never sleeps and knows no clock; times are CLOCK_MONOTONIC ns given by
 * the caller.
 * Rule:    at most LIMIT_PER_BASE sends to one base and LIMIT_PER_USER to all
 *          within any LIMIT_WINDOW_NS (a sliding window over real send times,
 *          not a bucket: a bucket with a burst lets 10 through in the first
 *          second). After a 429 that base rests LIMIT_REST_NS.
 * Source:  airtable-api.md 6.1: 5 requests per second per base, 50 per second
 *          per user over all bases, 30 s rest after a 429 (API reference,
 *          "Rate limits", 2026). The window is a little wider than 1 s because
 *          the server counts arrivals and we count departures.
 * Owns:    the table of bases (heap). Threads: none inside; network thread.
 * Errors:  -ENOMEM only. */
#ifndef AIRTABLE_LIMITER_H
#define AIRTABLE_LIMITER_H

#include <stdint.h>

#include "clock.h"
#include "ids.h"

#define LIMIT_PER_BASE 5
#define LIMIT_PER_USER 50
#define LIMIT_WINDOW_NS (INT64_C(1050) * NS_PER_MS)
#define LIMIT_REST_NS (30 * NS_PER_S)

struct limiter;

struct limiter *limiter_new(void);
void limiter_free(struct limiter *l);

/* 0 = may be sent now, else ns to wait. base NULL or "" = a call that belongs
 * to no base (list of bases, whoami). Asks only; nothing is counted. */
int64_t limiter_wait_ns(struct limiter *l, const struct base_id *base,
			int64_t now_ns);
/* Counts one send at now_ns. */
int limiter_spend(struct limiter *l, const struct base_id *base,
		  int64_t now_ns);
/* The last spend on this base left later than thought (a connection was set
 * up first): moves it to now_ns. */
void limiter_touch(struct limiter *l, const struct base_id *base,
		   int64_t spent_ns, int64_t now_ns);
/* A 429 came: the base (or, without a base, everything) rests. */
void limiter_rest(struct limiter *l, const struct base_id *base,
		  int64_t now_ns, int64_t rest_ns);
/* ns until the base's rest ends, 0 if it is not resting. */
int64_t limiter_resting_ns(const struct limiter *l, const struct base_id *base,
			   int64_t now_ns);

#endif
