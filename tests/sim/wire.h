/* wire - the bytes of an answer: packed by gzip, or wrong on purpose in ways
 * that an HTTP library refuses to send.
 * Owns:    nothing.
 * Threads: the connection's own; no lock is held.
 * Errors:  a peer that is gone is not noticed. */
#ifndef SIM_WIRE_H
#define SIM_WIRE_H

#include "serve.h"

bool wire_gzip(struct buf *b);		/* in place; false: left as it was */

/* Is the whole answer, head included, written by wire_send? */
bool wire_is_raw(enum fault_action a);
/* Writes it; the caller closes the connection. */
void wire_send(int fd, struct served *v);

#endif
