/* upsert - finds the record each item of an upsert means.
 * Owns:    nothing.    Threads: under the server's mutex.
 * Errors:  0, or -1 with the reply filled.
 * Source:  airtable-api.md 8.3; the type for several matches is a guess. */
#ifndef SIM_UPSERT_H
#define SIM_UPSERT_H

#include "cell.h"

struct write_item {
	const char *id;			/* NULL: none given */
	const json_t *fields;
	struct record *rec;		/* NULL: to be made */
	bool created;
	struct write_cell {
		struct field *field;
		json_t *v;		/* owned; NULL empties the cell */
	} *cell;
	size_t n;
};

bool upsert_shape(const json_t *o);
/* Sets rec of those that mean a row that is there. One row meant by two items
 * is refused (a guess), as an id given twice is. */
int upsert_match(struct cell_plan *p, struct table *t, const json_t *o,
		 struct write_item *item, size_t n, struct reply *r);

#endif
