/* ratelimit - the sliding window of each base and of each user.
 * Units:   CLOCK_MONOTONIC ns; the penalty in ms.
 * Owns:    its windows.
 * Threads: none inside; under the server's mutex.
 * Errors:  none.
 * Source:  airtable-api.md 6.1: 5 per second and base, 50 per second and
 *          user, then 30 s of refusal which refused calls do not lengthen. */
#ifndef SIM_RATELIMIT_H
#define SIM_RATELIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ids.h"

#define RATE_USER 50
/* Two threads may come in another order than their requests arrived in, the
 * slower one late by as much as the machine is busy. */
#define RATE_KEPT_NS INT64_C(3000000000)
#define RATE_KEPT (4 * RATE_USER)

struct rate_window {
	char id[ID_CAP];
	int64_t at[RATE_KEPT];	/* admitted arrivals of late, ascending */
	size_t n;
	int64_t blocked_from, blocked_until;
};

struct ratelimit {
	bool enabled;
	bool extend;		/* calls in the block lengthen it */
	size_t per_base;	/* calls per second */
	int64_t penalty_ms;
	struct rate_window **v;
	size_t n;
	size_t cap;
};

/* May a call to this base ("" for none) by this user that arrived then be
 * served? */
bool ratelimit_admit(struct ratelimit *r, const char *base, const char *user,
		     int64_t at_ns);
void ratelimit_clear(struct ratelimit *r);
void ratelimit_release(struct ratelimit *r);

#endif
