/* recjson - a record as it stands on the wire.
 * Owns:    nothing; writes into the buffer given.
 * Threads: under the server's mutex.
 * Errors:  none.
 * Source:  airtable-api.md 8: empty cells are left out. */
#ifndef SIM_RECJSON_H
#define SIM_RECJSON_H

#include "celltext.h"

struct recjson_opt {
	bool by_id;			/* keys are field ids */
	bool comments;			/* commentCount where not 0 */
	bool dates;			/* predecessors with metadata */
	struct celltext_look look;	/* cellFormat=string */
	struct field *const *fields;	/* NULL: all */
	size_t fields_n;
};

void recjson_write(struct state *s, struct record *r,
		   const struct recjson_opt *o, struct buf *b);

#endif
