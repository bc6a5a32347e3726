/* attach - attachment cells: what may be written and what is kept.
 * Owns:    *out is a new reference.
 * Threads: under the server's mutex.
 * Errors:  -1, the reply filled.
 * Source:  airtable-api.md 11. */
#ifndef SIM_ATTACH_H
#define SIM_ATTACH_H

#include "cell.h"

int attach_check(struct cell_plan *p, const struct record *rec,
		 const struct field *f, const json_t *in, json_t **out,
		 struct reply *rep);

#endif
