/* load_int - what the parts of the state file's reader share.
 * Owns:    nothing; a loader lives for one load_file.
 * Threads: before the server runs.
 * Errors:  -1, the text in loader.err. */
#ifndef SIM_LOAD_INT_H
#define SIM_LOAD_INT_H

#include "load.h"

struct loader {
	struct sim *sim;
	char path[200];
	char *err;
	uint32_t owner;		/* user for rows that name none */
	size_t dangling;	/* links to rows that are not there */
};

int load_fail(struct loader *l, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* A string under key, an id with that prefix unless NULL. */
int load_need(struct loader *l, const json_t *o, const char *key,
	      const char *prefix, const char **out);
const char *load_str(const json_t *o, const char *key);	/* NULL: none */
/* false: not an ISO 8601 time, *out as it was */
bool load_seconds(const char *s, int64_t *out);

/* load_rows.c; arg is the table */
int load_record(struct loader *l, void *arg, json_t *o);
/* Drops links to rows that are not there and completes the other side. */
void load_mend_links(struct loader *l, struct base *b);

#endif
