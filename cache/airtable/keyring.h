/* keyring - the token in the desktop's keyring: the Secret Service, by
 * libsecret, schema net.airtablefs.Token, attributes profile and endpoint.
 * No bus is started: without $DBUS_SESSION_BUS_ADDRESS and without a socket
 * "bus" in $XDG_RUNTIME_DIR libsecret is not called at all. Nobody is asked to
 * unlock anything: a locked keyring counts as none. Each call takes at most
 * KEYRING_MS; one that hangs is given up, and its thread with it.
 * Owns:    nothing. Threads: any; each call blocks.
 * Errors:  -ENOKEY nothing is stored; -ENOTCONN no bus, or nobody on it keeps
 *          secrets; -EBUSY locked; -ETIMEDOUT; -EIO with the service's words. */
#ifndef AIRTABLE_KEYRING_H
#define AIRTABLE_KEYRING_H

#include "token.h"

#define KEYRING_MS 3000

int keyring_get(const char *profile, const char *endpoint, struct token *t,
		struct atfs_error *reterr);
/* Takes the place of what was stored. */
int keyring_put(const char *profile, const char *endpoint,
		const struct token *t, struct atfs_error *reterr);
int keyring_drop(const char *profile, const char *endpoint,
		 struct atfs_error *reterr);
/* Could a token be stored now? */
int keyring_check(struct atfs_error *reterr);

#endif
