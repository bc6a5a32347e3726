/* budget - what a month's number of calls still allows. As it is used up the
 * less urgent stops first: reading ahead, then what age asks for, then reads
 * that somebody waits for; the rest is kept for changes, and stops last.
 * Units:   calls a month. Owns: nothing; plain values. Threads: none inside.
 * Errors:  none. The thresholds are ours. */
#ifndef AIRTABLE_BUDGET_H
#define AIRTABLE_BUDGET_H

#include <stdint.h>

enum budget_level {
	BUDGET_ALL,         /* nothing is stopped */
	BUDGET_NO_PREFETCH, /* from 80 % of it on */
	BUDGET_NO_REFRESH,  /* from 85 % */
	BUDGET_NO_READ,     /* from 90 %: the reserve for changes */
	BUDGET_NOTHING,     /* all is used up */
};

/* Kept for changes: a tenth, at least BUDGET_RESERVE_MIN, at most half. */
#define BUDGET_RESERVE_MIN 5

uint64_t budget_reserve(uint64_t max);
/* max 0 = no budget. used: what was sent this month, and what is about to be. */
enum budget_level budget_level(uint64_t max, uint64_t used);

#endif
