/* config - CONFIG/config, what a profile is set to; CONFIG is
 * $XDG_CONFIG_HOME/airtablefs. Lines are `key = value`, comments begin with #,
 * a section [NAME] holds for that profile, what stands before the first section
 * for all. A value ends with its line; there is no quoting.
 *
 *   token_command  printed by it on its first line, the token (sh -c)
 *   endpoint       the API host
 *   token_store    where login puts a token: keyring or file
 *
 * A file that others could have written is refused, for it names a program.
 * Owns:    its strings (config_release). Threads: before the first thread.
 * Errors:  -EACCES, -EINVAL with the line, -errno; no file is no error. */
#ifndef AIRTABLE_CONFIG_H
#define AIRTABLE_CONFIG_H

#include "error.h"

struct config {
	char *token_command, *endpoint, *token_store; /* NULL = not set */
	char *path;                                   /* where it is looked for */
};

/* Fills c whether or not there is a file. */
int config_load(const char *profile, struct config *c,
		struct atfs_error *reterr);
/* The API host: given (NULL = not), else $AIRTABLE_ENDPOINT_URL, else c's, else
 * Airtable's; without slashes at its end. -EINVAL: it cannot be spoken to. */
int config_endpoint(const struct config *c, const char *given, char **ret,
		    struct atfs_error *reterr);
void config_release(struct config *c);
/* The directory, which may not exist; NULL: no home. Caller frees. */
char *config_dir(void);

#endif
