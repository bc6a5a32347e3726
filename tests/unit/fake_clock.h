/* fake_clock - time and randomness that a test moves by hand.
 * Units: as clock.h. Owns: nothing. Threads: none. Errors: none. */
#ifndef TESTS_FAKE_CLOCK_H
#define TESTS_FAKE_CLOCK_H

#include <stdbool.h>

#include "airtable/clock.h"

struct fake_clock {
	int64_t now_ns;
	int64_t now_wall_ms;
	uint64_t random;      /* handed out as it is, ... */
	bool random_runs;     /* ... or moved on by each question */
	struct clock_source source;
};

static inline int64_t fake_clock_mono_ns(void *ctx)
{
	return ((struct fake_clock *)ctx)->now_ns;
}

static inline int64_t fake_clock_wall_ms(void *ctx)
{
	return ((struct fake_clock *)ctx)->now_wall_ms;
}

static inline uint64_t fake_clock_rand64(void *ctx)
{
	struct fake_clock *c = ctx;

	if (c->random_runs) { /* xorshift64 */
		c->random ^= c->random << 13;
		c->random ^= c->random >> 7;
		c->random ^= c->random << 17;
	}
	return c->random;
}

static inline void fake_clock_init(struct fake_clock *c)
{
	*c = (struct fake_clock){
		.now_ns = 1000 * NS_PER_S,
		.now_wall_ms = INT64_C(1700000000000),
		.source = { .mono_ns = fake_clock_mono_ns,
			    .wall_ms = fake_clock_wall_ms,
			    .rand64 = fake_clock_rand64 },
	};
	c->source.ctx = c;
}

#endif
