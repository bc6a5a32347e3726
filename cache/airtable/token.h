/* token - the personal access token: where it is found and how it is kept.
 * A token is opaque; only bytes that cannot stand in a header are refused.
 * The struct has no print function; its memory is wiped by token_release.
 *
 * Sources, the first that is set wins: token_file, $AIRTABLE_TOKEN,
 * $AIRTABLE_API_KEY, $AIRTABLE_PAT, the file $AIRTABLE_API_KEY_FILE,
 * $CREDENTIALS_DIRECTORY/airtable-token, token_command, and what `login` has
 * stored for this profile and endpoint: in a file (token_store.c) or in the
 * keyring (keyring.h). One that is set but broken is an error and not passed
 * over. A file that group or others may read is refused.
 * Owns:    its bytes. Threads: none inside; one owner. token_load may block for
 *          as long as a command or the keyring takes.
 * Errors:  -ENOKEY no source is set, -EACCES file too open, -EINVAL bytes that
 *          cannot be sent, -ETIMEDOUT a command that did not end, or -errno of
 *          the file; err->text says what to do and never shows the token. */
#ifndef AIRTABLE_TOKEN_H
#define AIRTABLE_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "error.h"

#define TOKEN_MAX 4096 /* bytes; the vendor says lengths may change */

struct token {
	char *secret;      /* NUL-terminated; NULL = none */
	size_t secret_n;
	char source[128];  /* for people: "$AIRTABLE_TOKEN", "file '...'" */
};

struct token_config {
	const char *token_file; /* NULL or a path */
	const char *profile;    /* of what login stored; NULL: nothing stored is
	                           asked */
	const char *endpoint;   /* the same; as it is spoken to */
	const char *command;    /* for `sh -c`; NULL = none */
	int command_ms;         /* its time; 0 = 30 s */
	/* getenv by default; a test may give its own */
	const char *(*env)(const char *name, void *ctx);
	void *env_ctx;
};

/* ---- token_source.c ---- */
int token_load(struct token *t, const struct token_config *conf,
	       struct atfs_error *reterr);
/* Says in say where another source, of less weight than the one t came from,
 * holds another token; false: none does. all: also those that take time. */
bool token_disagrees(const struct token *t, const struct token_config *conf,
		     bool all, char *say, size_t say_n);

/* ---- token.c ---- */
void token_release(struct token *t); /* wipes */
bool token_same(const struct token *a, const struct token *b);
/* After token_load: takes the token variables out of this process's
 * environment, wiping the bytes that /proc/self/environ shows. */
void token_clean_environment(void);

/* ---- between the sources ---- */
#define TOKEN_VARS_N 3
/* Variables that hold the token itself, in the order they are asked. */
extern const char *const token_vars[TOKEN_VARS_N];
/* Takes a copy of text[0..n) without the blanks around it. */
int token_take(struct token *t, const char *text, size_t n, const char *source,
	       struct atfs_error *reterr);
/* too_open: the permission bits that must not be set. */
int token_from_file(struct token *t, const char *path, mode_t too_open,
		    struct atfs_error *reterr);
/* token_command.c: the first line that `sh -c command` prints. It gets no
 * terminal and no input, and is ended, with its children, after ms. */
int token_from_command(struct token *t, const char *command, int ms,
		       struct atfs_error *reterr);
/* Fills e (may be NULL) and returns err. */
int token_fail(struct atfs_error *e, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- token_store.c: the file that login writes where there is no keyring,
 * CONFIG/tokens/PROFILE@ENDPOINT (escaped), 0600 in a directory 0700 ---- */
/* -ENOKEY: there is none. */
int token_store_get(const char *profile, const char *endpoint, struct token *t,
		    struct atfs_error *reterr);
int token_store_put(const char *profile, const char *endpoint,
		    const struct token *t, char **ret_path,
		    struct atfs_error *reterr);
int token_store_drop(const char *profile, const char *endpoint,
		     struct atfs_error *reterr);

#endif
