/* punctual - how much later than the quickest a request may have arrived: a
 * plain value fed with the times from leaving to the answer, one for each kind
 * of request, as some kinds take the server longer than others.
 * Why:     the limit is counted by arrivals, which we do not see. What came
 *          back as soon as the quickest ever did cannot have been held up on
 *          its way; what came back later was, at most, held up by the
 *          difference.
 * Units:   ns. Owns: nothing. Threads: none inside. Errors: none. */
#ifndef AIRTABLE_PUNCTUAL_H
#define AIRTABLE_PUNCTUAL_H

#include <stdint.h>

/* Ours. After so many answers something can be said at all; and the quickest
 * that there is may be quicker than the quickest of n so far by the mean of what
 * they were slower, through n, times this. */
#define PUNCTUAL_ANSWERS 8
#define PUNCTUAL_DOUBT 32

struct punctual {
	int64_t least_ns;
	int64_t sum_ns;
	int64_t n;
};

/* Notes an answer that took so long. Returns by how much its request was late
 * at most; INT64_MAX while too little is known. */
int64_t punctual_note(struct punctual *p, int64_t took_ns);

#endif
