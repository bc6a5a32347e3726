/* clock - where time and randomness come from, so that a test can give both.
 * Units:   mono_ns is CLOCK_MONOTONIC (pacing, ages within a run); wall_ms is
 *          Unix time (stat times, ages across runs); rand64 any 64 bits.
 * Owns:    nothing; a plain value, ctx belongs to whoever made it.
 * Threads: the system clock may be used from any thread.
 * Errors:  none. */
#ifndef AIRTABLE_CLOCK_H
#define AIRTABLE_CLOCK_H

#include <stdint.h>

struct clock_source {
	int64_t (*mono_ns)(void *ctx);
	int64_t (*wall_ms)(void *ctx);
	uint64_t (*rand64)(void *ctx);
	void *ctx;
};

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

extern const struct clock_source system_clock;

static inline int64_t clock_mono_ns(const struct clock_source *c)
{
	return c->mono_ns(c->ctx);
}

static inline int64_t clock_wall_ms(const struct clock_source *c)
{
	return c->wall_ms(c->ctx);
}

static inline uint64_t clock_rand64(const struct clock_source *c)
{
	return c->rand64(c->ctx);
}

/* Writes wall_ms as "2024-03-01T09:30:00.000Z" (25 bytes with the NUL). */
void clock_format_iso(int64_t wall_ms, char out[static 25]);
/* Reads an ISO 8601 UTC time or date; -EINVAL if it is none. */
int clock_parse_iso(const char *text, int64_t *ret_wall_ms);

#endif
