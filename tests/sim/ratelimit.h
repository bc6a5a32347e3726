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

struct rate_window {
	char id[ID_CAP];
	int64_t at[RATE_USER];	/* ring of admitted arrivals */
	size_t head;
	size_t n;
	int64_t blocked_until;
};

struct ratelimit {
	bool enabled;
	bool extend;		/* calls in the block lengthen it */
	size_t per_base;	/* calls per second */
	int64_t penalty_ms;
	int64_t last_ns;	/* newest arrival: time never goes back */
	struct rate_window **v;
	size_t n;
	size_t cap;
};

/* May a call to this base ("" for none) by this user be served? */
bool ratelimit_admit(struct ratelimit *r, const char *base, const char *user,
		     int64_t now_ns);
void ratelimit_clear(struct ratelimit *r);
void ratelimit_release(struct ratelimit *r);

#endif
