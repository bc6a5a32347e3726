/* reading - one reading of a table: all its records, or what changed since a
 * time, page by page; each page that is committed wakes who waits for the
 * table. fetch.c decides that one is wanted, and when.
 * Units:   ms of wall time where not said otherwise.
 * Owns:    a struct reading is its table's (t->fetch) from the demand until its
 *          end, which frees it.
 * Threads: network thread, but for reading_new.
 * Errors:  of the table: t->last_err, and who waits is woken with it. */
#ifndef ATFS_READING_H
#define ATFS_READING_H

#include "internal.h"

struct reading {
	struct cache *c;
	struct table *t;
	enum api_priority priority;
	int64_t call;
	int64_t seen;      /* marks the rows of this listing */
	int64_t began_ms;
	int64_t since_ms;  /* only what changed since, server's time; 0 = all */
	uint32_t gen;      /* of the schema when it began */
	int64_t server_ms; /* its time at the first page, 0 = unknown */
	unsigned pages, restarts;
	uint64_t stamp;    /* when the page under way was asked for */
	char *offset;
};

/* Any thread. NULL: no memory. */
struct reading *reading_new(struct cache *c, struct table *t,
			  enum api_priority priority, int64_t since_ms);
/* arg: the struct reading; for loop_post. */
void reading_begin(void *arg);
/* Also the page that is asked for already gets f->priority. */
void reading_raise(struct reading *f, enum api_priority prio);

#endif
