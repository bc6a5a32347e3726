/* schema_write - bases, tables and fields made and changed.
 * Owns:    nothing after the call.
 * Threads: under the server's mutex.
 * Errors:  0, or -1 with the reply filled and nothing changed.
 * Source:  airtable-api.md 7.3 to 7.5. What only people in the grid can do
 *          (computed fields, other options, deleting, renaming a base) is
 *          open to calls in their name alone, see /_sim/as. */
#ifndef SIM_SCHEMA_WRITE_H
#define SIM_SCHEMA_WRITE_H

#include "call.h"

#define SCHEMA_FIELDS_MAX 500
#define SCHEMA_TABLES_MAX 1000
#define SCHEMA_TEXT_MAX 20000

int schema_create_base(struct sim *s, struct call *c, struct reply *r);
int schema_create_table(struct sim *s, struct call *c, struct reply *r);
int schema_update_table(struct sim *s, struct call *c, struct reply *r);
int schema_create_field(struct sim *s, struct call *c, struct reply *r);
int schema_update_field(struct sim *s, struct call *c, struct reply *r);

/* GET /meta/bases/{base}: schema_base.c */
int schema_base(struct sim *s, struct call *c, struct reply *r);
/* In a person's name only: schema_update.c */
int schema_rename_base(struct sim *s, struct call *c, struct reply *r);
int schema_delete_table(struct sim *s, struct call *c, struct reply *r);
int schema_delete_field(struct sim *s, struct call *c, struct reply *r);

#endif
