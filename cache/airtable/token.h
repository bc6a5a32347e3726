/* token - the personal access token: where it is found and how it is kept.
 * A token is opaque; only bytes that cannot stand in a header are refused.
 * The struct has no print function; its memory is wiped by token_release.
 * Sources, first that is set wins: token_file, $AIRTABLE_TOKEN,
 * $AIRTABLE_API_KEY, $AIRTABLE_PAT, $AIRTABLE_API_KEY_FILE,
 * $CREDENTIALS_DIRECTORY/airtable-token. A file that group or others may read
 * is refused.
 * Owns:    its bytes. Threads: none inside; one owner.
 * Errors:  -ENOKEY no source is set, -EACCES file too open, -EINVAL bytes that
 *          cannot be sent, or -errno of the file; err->text says what to do. */
#ifndef AIRTABLE_TOKEN_H
#define AIRTABLE_TOKEN_H

#include <stddef.h>

#include "error.h"

#define TOKEN_MAX 4096 /* bytes; the vendor says lengths may change */

struct token {
	char *secret;      /* NUL-terminated; NULL = none */
	size_t secret_n;
	char source[128];  /* for people: "$AIRTABLE_TOKEN", "file '...'" */
};

struct token_config {
	const char *token_file; /* NULL or a path */
	/* getenv by default; a test may give its own */
	const char *(*env)(const char *name, void *ctx);
	void *env_ctx;
};

int token_load(struct token *t, const struct token_config *conf,
	       struct atfs_error *reterr);
void token_release(struct token *t); /* wipes */
/* After token_load: takes the token variables out of this process's
 * environment, wiping the bytes that /proc/self/environ shows. */
void token_clean_environment(void);

#endif
