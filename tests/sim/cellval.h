/* cellval - what a cell holds, as the API shows it and as a formula sees it.
 * Owns:    cell_json returns a new reference; values of cell_value lie in
 *          the arena.
 * Threads: under the server's mutex.
 * Errors:  a circular formula gives #ERROR!, as a formula error does.
 * Source:  airtable-api.md 9 (read forms), 9.2 (special values), 10. */
#ifndef SIM_CELLVAL_H
#define SIM_CELLVAL_H

#include "state.h"

/* The cell's JSON, computed where the type asks for it; NULL when empty. */
json_t *cell_json(struct state *s, struct record *r, struct field *f);

struct fx_val cell_value(struct state *s, struct record *r, struct field *f,
			 struct fx_arena *a);

/* The cell as text (cellFormat=string, display names); in the arena. */
const char *cell_text(struct state *s, struct record *r, struct field *f,
		      struct fx_arena *a);

/* Seconds of the newest change a lastModified field watches, 0 if none. */
int64_t cell_modified(const struct record *r, const struct field *f,
		      uint32_t *by);

/* Runs a compiled formula for a record. */
struct cell_ctx {
	struct state *state;
	struct record *record;
};

struct fx_env cell_env(struct cell_ctx *ctx, struct fx_arena *a);

#endif
