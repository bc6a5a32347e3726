/* attach - attachment cells: what may be written, by URL and by upload.
 * Owns:    *out is a new reference.
 * Threads: under the server's mutex.
 * Errors:  -1, the reply filled.
 * Source:  airtable-api.md 11; over 5 MB is answered by 413 (a guess). */
#ifndef SIM_ATTACH_H
#define SIM_ATTACH_H

#include "call.h"
#include "cell.h"

#define ATTACH_UPLOAD_MAX (5u * 1000 * 1000)

int attach_check(struct cell_plan *p, const struct record *rec,
		 const struct field *f, const json_t *in, json_t **out,
		 struct reply *rep);

/* POST /{base}/{record}/{field}/uploadAttachment */
int attach_upload(struct sim *s, struct call *c, struct reply *r);

#endif
