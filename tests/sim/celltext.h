/* celltext - a cell as the grid shows it (cellFormat=string).
 * Owns:    results lie in the arena.
 * Threads: under the server's mutex.
 * Errors:  -1 for an unknown zone or locale.
 * Source:  airtable-api.md 8.1: both parameters are required, "UTC" was
 *          refused while "utc" was taken. How a cell is written out is not
 *          documented and may change any day; the forms here follow the
 *          field's options. Local dates follow the locale's usual order. */
#ifndef SIM_CELLTEXT_H
#define SIM_CELLTEXT_H

#include "state.h"
#include "tz.h"

struct celltext_look {
	bool on;
	const struct tz *zone;
	const char *date_local;		/* what the format "l" means */
};

int celltext_look(struct celltext_look *l, const char *zone,
		  const char *locale);
const char *celltext(struct state *s, struct record *r, struct field *f,
		     const struct celltext_look *l, struct fx_arena *a);

#endif
