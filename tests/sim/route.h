/* route - from method and path to the code that answers.
 * Owns:    nothing.
 * Threads: route_find any; route_run under the server's mutex.
 * Errors:  the reply.
 * Source:  airtable-api.md 3, 5.2, 7, 8. */
#ifndef SIM_ROUTE_H
#define SIM_ROUTE_H

#include "call.h"

struct route {
	const char *method;
	const char *path;
	enum kind kind;
	bool body;
	int (*run)(struct sim *s, struct call *c, struct reply *r);
};

/* NULL: no such route, or an id in the path is none. Sets c->base_id and
 * c->kind. */
const struct route *route_find(struct call *c);
void route_run(struct sim *s, struct call *c, const struct route *rt,
	       struct reply *r);

#endif
