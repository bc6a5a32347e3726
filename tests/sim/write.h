/* write - create, update, upsert and delete records, each call all or
 * nothing.
 * Owns:    nothing after the call.
 * Threads: under the server's mutex.
 * Errors:  0, or -1 with the reply filled and nothing changed.
 * Source:  airtable-api.md 8.3 to 8.6. */
#ifndef SIM_WRITE_H
#define SIM_WRITE_H

#include "call.h"

#define WRITE_BATCH_MAX 10

/* POST /{base}/{table} */
int write_create(struct sim *s, struct call *c, struct reply *r);
/* PATCH or PUT (`replace`) /{base}/{table}[/{record}] */
int write_update(struct sim *s, struct call *c, bool replace, struct reply *r);
/* DELETE /{base}/{table}[/{record}] */
int write_delete(struct sim *s, struct call *c, struct reply *r);

#endif
