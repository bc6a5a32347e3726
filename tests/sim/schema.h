/* schema - whoami, the list of bases and the tables of a base.
 * Owns:    json results are new references.
 * Threads: under the server's mutex.
 * Errors:  0, or -1 with the reply filled.
 * Source:  airtable-api.md 3, 7. */
#ifndef SIM_SCHEMA_H
#define SIM_SCHEMA_H

#include "call.h"

int schema_whoami(struct sim *s, struct call *c, struct reply *r);
int schema_bases(struct sim *s, struct call *c, struct reply *r);
int schema_tables(struct sim *s, struct call *c, struct reply *r);

/* `secret`: with what only a state file shows (a rollup's formula). */
json_t *schema_table_json(const struct table *t, bool visible, bool secret);
json_t *schema_field_json(const struct field *f, bool secret);

#endif
