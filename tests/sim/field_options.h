/* field_options - what a field that is made by the API must bring along.
 * Owns:    *out is a new reference, NULL for a type without options.
 * Threads: any.    Errors:  -1, the reply filled.
 * Source:  airtable-api.md 7.4, 7.5, 9.1. The messages are samples; the type
 *          for a bad option is the one seen for a missing one. */
#ifndef SIM_FIELD_OPTIONS_H
#define SIM_FIELD_OPTIONS_H

#include "reply.h"
#include "state.h"

/* `table` is for the message. A link's linkedTableId is checked for form
 * only. */
int field_options_check(struct state *s, const char *table, const char *name,
			const char *type, const json_t *in, json_t **out,
			struct reply *r);
bool field_may_be_primary(enum field_type t);

#endif
