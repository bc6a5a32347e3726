/* generate - believable bases from a seed.
 * Owns:    adds to the state.
 * Threads: before the server runs.
 * Errors:  -1 for a bad specification. The same seed and numbers give the
 *          same ids and values; only createdTime follows the clock given. */
#ifndef SIM_GENERATE_H
#define SIM_GENERATE_H

#include "state.h"

struct generate_spec {
	unsigned bases;
	unsigned tables;	/* per base */
	unsigned records;	/* per table */
	unsigned attachments;	/* a field of them: 1, none: 0 */
	unsigned comments;	/* on some records: 1, none: 0 */
};

/* "bases=2,tables=3,records=100,attachments=1,comments=1"; parts left out
 * are 1, 2, 100, 0 and 0. The last two change nothing of the rest. */
int generate_parse(const char *text, struct generate_spec *spec);
void generate(struct state *s, const struct generate_spec *spec);

#endif
