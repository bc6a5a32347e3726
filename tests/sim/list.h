/* list - answers a record listing: parameters, filter, order, pages.
 * Owns:    nothing after the call.
 * Threads: under the server's mutex.
 * Errors:  0, or -1 with the reply filled.
 * Source:  airtable-api.md 8.1. */
#ifndef SIM_LIST_H
#define SIM_LIST_H

#include "call.h"
#include "celltext.h"

#define LIST_PAGE_MAX 100
#define LIST_SORTS_MAX 20

struct list_sort {
	struct field *field;
	bool desc;
};

struct list_opt {
	long page;
	long max;			/* -1: none */
	const char *offset;		/* "" if none */
	const char *view;
	const char *filter;
	const json_t *fields;		/* array or NULL */
	const json_t *sort;
	bool dates;
	bool by_id;
	bool comments;
	struct celltext_look look;	/* of cellFormat=string */
};

/* GET, or POST .../listRecords with `post`. */
int list_records(struct sim *s, struct call *c, bool post, struct reply *r);

/* sort.c: puts rows into the order asked for; equal ones keep theirs. */
void list_sort_rows(struct state *s, struct record **rows, size_t n,
		    const struct list_sort *sort, size_t sort_n);

#endif
