/* simctl - the control side, /_sim/: what a test sets and reads.
 * Owns:    nothing.
 * Threads: takes the server's lock itself.
 * Errors:  400 with {"error":reason}. */
#ifndef SIM_SIMCTL_H
#define SIM_SIMCTL_H

#include "server.h"

/* path begins with /_sim/; query may be NULL. */
void simctl_handle(struct server *s, const char *method, const char *target,
		   const char *body, size_t body_n, struct reply *r);

#endif
