/* iterator - listings between two pages, named by itr ids.
 * Units:   idle time in seconds of CLOCK_MONOTONIC.
 * Owns:    iterators own their order of records (ids, not records).
 * Threads: under the server's mutex.
 * Errors:  an unknown or expired one is NULL.
 * Source:  airtable-api.md 8.1.2, 8.1.3; idle time is a guess, so an
 *          option. */
#ifndef SIM_ITERATOR_H
#define SIM_ITERATOR_H

#include "state.h"

struct iterator {
	char id[ID_CAP];
	char table[ID_CAP];
	char next[ID_CAP];	/* record the next page begins with */
	char (*order)[ID_CAP];	/* NULL: ascending id, read live */
	size_t order_n;
	size_t at;		/* place in order */
	long left;		/* records still allowed; -1: no maximum */
	int64_t used_ns;
};

struct iterators;

struct iterators *iterators_new(uint64_t seed);
void iterators_free(struct iterators *t);
struct iterator *iterators_add(struct iterators *t, int64_t now_ns);
/* Of "itrX/recY"; *malformed says that the text is no offset at all. */
struct iterator *iterators_find(struct iterators *t, const char *offset,
				bool *malformed);
void iterators_drop(struct iterators *t, struct iterator *it);
/* Those idle since before `since_ns`; all with INT64_MAX. */
size_t iterators_expire(struct iterators *t, int64_t since_ns);

#endif
