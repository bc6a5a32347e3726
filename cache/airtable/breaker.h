/* breaker - after some transport failures in a row nothing is tried for a
 * while, then one call at a time probes whether the server can be reached.
 * Units:   CLOCK_MONOTONIC ns given by the caller.
 * Owns:    nothing; a plain value, all zero = closed. Threads: none inside.
 * Errors:  none. All numbers are ours. */
#ifndef AIRTABLE_BREAKER_H
#define AIRTABLE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"

#define BREAKER_FAILURES 3
#define BREAKER_FIRST_NS (1 * NS_PER_S)
#define BREAKER_CAP_NS (30 * NS_PER_S)

enum breaker_verdict {
	BREAKER_GO,    /* closed: send */
	BREAKER_PROBE, /* send one, and call breaker_probe_begin() */
	BREAKER_HOLD,  /* a probe is under way: wait for what it finds */
	BREAKER_FAIL,  /* open: fail without trying */
};

struct breaker {
	unsigned failures; /* in a row */
	unsigned openings; /* in a row: the waits grow with them */
	bool open;
	bool probing;
	int64_t probe_at_ns;
};

enum breaker_verdict breaker_ask(const struct breaker *b, int64_t now_ns);
void breaker_probe_begin(struct breaker *b);
/* The probe was taken back before it found anything. */
void breaker_probe_end(struct breaker *b);
/* The server answered, whatever it said. */
void breaker_success(struct breaker *b);
/* was_probe: it was the probe that failed. random: 64 bits. */
void breaker_failure(struct breaker *b, bool was_probe, int64_t now_ns,
		     uint64_t random);

#endif
