/* identity - whose cache and journal this is, and the token read again.
 *
 * The first user that a token of this profile and source belongs to is written
 * down beside the journal (STATE/account.json). A token of anybody else is
 * refused like a bad one: nothing of his is read into this cache, and nothing
 * of this journal is sent for him.
 *
 * A token that is refused is read again from its sources, at once and then
 * with growing pauses, and when somebody asks for it (SIGHUP). Reading may take
 * as long as a command or a keyring takes, so a thread of its own does it.
 * Variables of the environment cannot change and are read at the start only.
 * Threads: network thread, except identity_open, identity_free.
 * Errors:  a reading that fails is told in status and tried again. */
#ifndef ATFS_IDENTITY_H
#define ATFS_IDENTITY_H

#include "internal.h"

/* Reads who it was. */
int identity_open(struct cache *c, struct atfs_error *reterr);
void identity_free(struct cache *c); /* the loop has stopped */
/* An api_prove_fn; arg is the cache. */
int identity_prove(void *arg, const char *user, struct atfs_error *reterr);
/* The api's status was just copied: is it time to read the token again? */
void identity_look(struct cache *c);
/* For status, mu held: the user, "" = not known; why the last reading brought
 * nothing, "". Borrowed. */
const char *identity_user_locked(const struct cache *c);
const char *identity_said_locked(const struct cache *c);

#endif
