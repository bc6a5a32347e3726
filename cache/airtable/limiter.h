/* limiter - paces requests: a plain value asked "may I, and if not how long".
 * Times are CLOCK_MONOTONIC ns given by the caller.
 * Rule:    at most LIMIT_PER_BASE sends to one base and LIMIT_PER_USER to all
 *          within any LIMIT_WINDOW_NS (a sliding window over real send times,
 *          not a bucket: a bucket with a burst lets 10 through in the first
 *          second). After a 429 that base rests LIMIT_REST_NS and is slower
 *          for a while (slowdown.h): fewer fit into its window. A request that
 *          was granted and has not left yet counts as leaving at each moment
 *          it is looked at: so whatever order they leave in, no window ever
 *          holds too many.
 * Shared:  the table lies in a file (pace_file.h): the rule holds over all
 *          processes that open the same one, also over those that were killed.
 *          What a dead one had under way counts from when that is noticed.
 * Source:  airtable-api.md 6.1: 5 requests per second per base, 50 per second
 *          per user over all bases, 30 s rest after a 429 (API reference,
 *          "Rate limits", 2026). The window is a little wider than 1 s because
 *          the server counts arrivals and we count departures: by 50 ms as
 *          long as nothing is known of how long a request was on its way, then
 *          by 10 ms and what it may have been late (100 ms at most).
 * Waits:   some 10 ms at most, where another process holds the table; then it
 *          says "later", and keeps what it was told until the table is free.
 * Owns:    its map of the table. Threads: none inside; network thread.
 * Errors:  when opening only. In doubt (no room, a busy table) it brakes. */
#ifndef AIRTABLE_LIMITER_H
#define AIRTABLE_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "ids.h"
#include "pace_file.h"

#define LIMIT_PER_BASE PACE_PER_BASE
#define LIMIT_PER_USER PACE_PER_USER
#define LIMIT_WINDOW_NS (INT64_C(1050) * NS_PER_MS)
/* Ours: of these the margin, and what it becomes for what arrived in time (the
 * quickest may be quicker still another time) and for what was very late. More
 * would be a tax on a server that takes its time now and then. */
#define LIMIT_MARGIN_NS (50 * NS_PER_MS)
#define LIMIT_MARGIN_LEAST_NS (10 * NS_PER_MS)
#define LIMIT_MARGIN_MOST_NS (100 * NS_PER_MS)
#define LIMIT_REST_NS (30 * NS_PER_S)
/* Ours: no rest is longer, whatever a server or a file says. */
#define LIMIT_REST_MAX_NS (3600 * NS_PER_S)
/* Ours: what has not left after so long never will. More than the whole time
 * the api gives a request. */
#define LIMIT_UNDER_WAY_NS (130 * NS_PER_S)
/* The bytes of limiter_file_name's answer. */
#define LIMITER_FILE_NAME_MAX 32

struct limiter;

/* Private to the caller. NULL: no memory. */
struct limiter *limiter_new(void);
/* Shared with all who open this file; it is made if it is not there, its
 * directory must be. path NULL = private. Errors as pace_open. */
int limiter_open(const char *path, struct limiter **ret);
void limiter_free(struct limiter *l);
/* The name of the file for all requests to this endpoint: the same however it
 * is spelt (case, slashes at its end), another for each format of the file. */
void limiter_file_name(const char *endpoint,
		       char out[static LIMITER_FILE_NAME_MAX]);

/* What stands in the name for the endpoint. */
uint64_t limiter_endpoint_hash(const char *endpoint);

/* Asks and counts in one: 0 = granted and counted, else ns to wait. base NULL
 * or "" = a call that belongs to no base (list of bases, whoami). What was
 * granted is under way until limiter_touch. */
int64_t limiter_try(struct limiter *l, const struct base_id *base,
		    int64_t now_ns);
/* The request that was granted at spent_ns leaves now, or will never: from here
 * on it counts as sent at now_ns. */
void limiter_touch(struct limiter *l, const struct base_id *base,
		   int64_t spent_ns, int64_t now_ns);
/* What counts as sent at sent_ns arrived, as its answer shows, no more than
 * late_ns later than the quickest do: it counts accordingly shorter or longer. */
void limiter_arrived(struct limiter *l, const struct base_id *base,
		     int64_t sent_ns, int64_t late_ns, int64_t now_ns);
/* What limiter_try would say. Asks only; nothing is counted, and another process
 * may be faster. */
int64_t limiter_wait_ns(struct limiter *l, const struct base_id *base,
			int64_t now_ns);
/* Somebody waits for this base now, and limiter_try has just said wait_ns: the
 * other mounts leave the next place to us, once in a while. */
void limiter_claim(struct limiter *l, const struct base_id *base,
		   int64_t now_ns, int64_t wait_ns);
/* A 429 came to what was granted at spent_ns: the base (or, without a base,
 * everything) rests, and then goes on more slowly (slowdown.h). */
void limiter_rest(struct limiter *l, const struct base_id *base,
		  int64_t spent_ns, int64_t now_ns, int64_t rest_ns);

struct limiter_state {
	int64_t rest_until_ns; /* 0 = it does not rest */
	struct slowdown slow;  /* base NULL: of all together */
};
/* False: the table is busy. */
bool limiter_get_state(struct limiter *l, const struct base_id *base,
		       int64_t now_ns, struct limiter_state *ret);

#endif
