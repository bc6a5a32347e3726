/* cell - checks a value a client wants to write and brings it into the form
 * in which it is stored, which is the form in which it is read.
 * Owns:    *out of cell_check is a new reference, NULL for an empty cell.
 *          A plan owns what typecast wants to add; nothing is added before
 *          cell_plan_commit, so a refused batch leaves no trace.
 * Threads: under the server's mutex.
 * Errors:  -1, the reply filled.
 * Source:  airtable-api.md 5.3, 8.5, 9. */
#ifndef SIM_CELL_H
#define SIM_CELL_H

#include "reply.h"
#include "state.h"

struct cell_plan {
	struct state *state;
	struct actor actor;
	enum level level;
	bool typecast;
	struct plan_choice {
		struct field *field;
		char *name;
	} *choices;
	size_t choices_n;
	size_t choices_cap;
	struct plan_row {
		struct table *table;
		char *name;
		char id[ID_CAP];
	} *rows;
	size_t rows_n;
	size_t rows_cap;
};

/* rec is NULL for a record that is about to be made. */
int cell_check(struct cell_plan *p, const struct record *rec, struct field *f,
	       const json_t *in, json_t **out, struct reply *rep);
/* What an emptied cell holds: NULL, or "\n" for rich text that had text. */
json_t *cell_cleared(const struct record *rec, const struct field *f);

bool cell_has_choice(const struct cell_plan *p, const struct field *f,
		     const char *name);
int64_t cell_zoned(const struct field *f, int64_t ms);
int cell_refuse(const struct field *f, struct reply *rep);

void cell_plan_commit(struct cell_plan *p);
void cell_plan_release(struct cell_plan *p);

/* typecast.c: a new reference to the value cell_check should look at; NULL
 * when nothing can be made of it. */
json_t *cell_cast(struct cell_plan *p, struct field *f, const json_t *in);

#endif
