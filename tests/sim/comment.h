/* comment - the comments of records.
 * Units:   created and edited times in ms.
 * Owns:    a record owns its comments: objects {"id","author":usr id or
 *          object,"createdTime","text",...}, oldest first.
 * Threads: under the server's mutex.
 * Errors:  0, or -1 with the reply filled.
 * Source:  airtable-api.md 12. Guesses: an unknown comment is answered like
 *          an unknown record; a reply to a reply and an empty text are
 *          refused; replies outlive the comment they answer. */
#ifndef SIM_COMMENT_H
#define SIM_COMMENT_H

#include "call.h"

#define COMMENT_PAGE_MAX 100

int comment_list(struct sim *s, struct call *c, struct reply *r);
int comment_create(struct sim *s, struct call *c, struct reply *r);
int comment_update(struct sim *s, struct call *c, struct reply *r);
int comment_delete(struct sim *s, struct call *c, struct reply *r);

/* n made-up comments for a record of which only their number is known. */
void comment_fill(struct state *s, struct record *r, size_t n);

#endif
