/* reading - one reading of a table: all its records, or what changed since a
 * time, page by page; each page that is committed wakes who waits for the
 * table. fetch.c decides that one is wanted, and when.
 *
 * It has one cursor, or after its first page several over disjoint ranges of
 * creation (split.h), where that is faster and nobody else reads from the base.
 * A cursor whose iterator expires begins its range anew; any other error ends
 * them all. Only when the last one is through the table is complete and swept.
 * Ranges are not trusted blindly: unless each record of the first page was met
 * again, or if the server refuses their formula, one cursor reads it all.
 *
 * Units:   ms of wall time where not said otherwise.
 * Owns:    a struct reading is its table's (t->fetch) from the demand until its
 *          end, which frees it.
 * Threads: network thread, but for reading_new.
 * Errors:  of the table: t->last_err, and who waits is woken with it. */
#ifndef ATFS_READING_H
#define ATFS_READING_H

#include "endless.h"
#include "internal.h"
#include "split.h"

struct cursor {
	struct reading *f;
	int64_t from_ms, until_ms; /* created; as split_formula takes them */
	int64_t call;      /* under way, 0 = none */
	uint64_t stamp;    /* when it was asked for */
	uint64_t fetched;  /* records since its beginning */
	unsigned restarts;
	struct endless endless;
	char *offset;
	bool done;
};

/* A record of the first page, of a reading that was split. */
struct sampled {
	char id[ATFS_ID_MAX];
	bool met; /* by one of the cursors */
};

struct reading {
	struct cache *c;
	struct table *t;
	enum api_priority priority;
	int64_t seen;      /* marks the rows of this listing */
	int64_t began_ms;
	int64_t since_ms;  /* only what changed since, server's time; 0 = all */
	uint32_t gen;      /* of the schema when it began */
	int64_t server_ms; /* its time at the first page, 0 = unknown */
	bool split_tried;
	struct cursor cursors[SPLIT_MAX];
	unsigned cursors_n;
	struct sampled *sample; /* ascending ids */
	size_t sample_n;
};

/* Any thread. NULL: no memory. */
struct reading *reading_new(struct cache *c, struct table *t,
			    enum api_priority priority, int64_t since_ms);
/* Of one that has not begun. */
void reading_free(struct reading *f);
/* arg: the struct reading; for loop_post. */
void reading_begin(void *arg);
/* f->priority has risen: also the pages that are asked for already get it. */
void reading_raise(struct reading *f);

#endif
