/* serve - one request from its parts to its answer, without HTTP's bytes.
 * Owns:    the answer's reply and fault texts, until serve_release.
 * Threads: any; takes the server's lock itself.
 * Errors:  the reply. */
#ifndef SIM_SERVE_H
#define SIM_SERVE_H

#include "server.h"

struct served {
	struct reply reply;
	struct fault_hit fault;
	uint64_t seq;		/* in the log; 0: not logged */
	bool drop;		/* close without an answer */
};

void serve(struct server *s, struct call *c, struct served *out);
void serve_done(struct server *s, const struct served *v);
void serve_release(struct served *v);

#endif
