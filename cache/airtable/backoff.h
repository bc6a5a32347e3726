/* backoff - how long to wait after the n-th failure in a row: exponential with
 * full jitter, between nothing and min(cap, first << n).
 * Units: ns. Owns: nothing; plain value. Threads: none. Errors: none. */
#ifndef AIRTABLE_BACKOFF_H
#define AIRTABLE_BACKOFF_H

#include <stdint.h>

#include "clock.h"

struct backoff {
	int64_t first_ns;
	int64_t cap_ns;
	unsigned failures;
};

#define BACKOFF_INIT(first, cap) \
	{ .first_ns = (first), .cap_ns = (cap), .failures = 0 }

/* Counts one more failure and says how long to wait now. random: 64 bits. */
int64_t backoff_next_ns(struct backoff *b, uint64_t random);
void backoff_reset(struct backoff *b);

#endif
