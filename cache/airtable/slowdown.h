/* slowdown - how much of the full pace is used after a 429 that our own sends
 * do not explain: somebody else uses the base too, or the plan's month is over
 * and the server slows it down. Each 429 takes a step down at once (5, 4, 2, 1
 * of 5 requests a second, never none); time without one goes up again by one,
 * slower after each 429 that came during the climb, so that a limit that stays
 * is not run into every minute.
 * Units:   CLOCK_MONOTONIC ns given by the caller.
 * Owns:    nothing; a plain value, all zero = full pace. It lies in the file
 *          that all mounts share (pace_file.h), so it may hold anything.
 * Threads: none inside. Errors: none.
 * Source:  airtable-api.md 6.1 and 6.2 (other integrations share a base's 5 a
 *          second; Team plans beyond their month: 2). The steps are ours. */
#ifndef AIRTABLE_SLOWDOWN_H
#define AIRTABLE_SLOWDOWN_H

#include <stdint.h>

#include "clock.h"

#define SLOWDOWN_FULL 5 /* the pace is counted in fifths */
#define SLOWDOWN_STEP_NS (60 * NS_PER_S)
#define SLOWDOWN_DOUBLINGS_MAX 4 /* of the time between two steps up */

struct slowdown {
	int64_t from_ns; /* the pace is `fifths` from here on; climbs later */
	uint32_t fifths; /* 1..4; 0 = full pace */
	uint32_t hits;   /* 429s since it last was at full pace for long */
};

/* 1..SLOWDOWN_FULL. */
unsigned slowdown_fifths(const struct slowdown *s, int64_t now_ns);
/* When it is at full pace again; long ago if it is. */
int64_t slowdown_until_ns(const struct slowdown *s);
/* A 429 came for what was sent at sent_ns; the rest after it ends at from_ns.
 * One of those that had left before the last rest tells nothing new. */
void slowdown_hit(struct slowdown *s, int64_t sent_ns, int64_t from_ns);
/* Puts right what cannot be. */
void slowdown_look(struct slowdown *s, int64_t now_ns);

#endif
