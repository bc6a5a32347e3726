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

/* Ours. After so many answers something can be said at all. The quickest of n so
 * far may not be as quick as they come, nor may they come as quickly as they did
 * (another way, a machine with too much to do): allowance for that is the mean
 * by which they were slower lately, so that a steady line needs little. */
#define PUNCTUAL_ANSWERS 8
#define PUNCTUAL_UNKNOWN_NS INT64_C(40000000) /* allowance before that */
#define PUNCTUAL_LATELY 16 /* answers that the mean goes back */
#define PUNCTUAL_FEW 32    /* times the mean, through n */
#define PUNCTUAL_CHANGE 2  /* times the mean */

struct punctual {
	int64_t least_ns;
	int64_t slower_ns; /* the mean */
	int64_t n;
};

/* Notes an answer that took so long. Returns by how much its request was late
 * at most, as far as one can tell. */
int64_t punctual_note(struct punctual *p, int64_t took_ns);

#endif
