/* who - what login, logout, whoami and doctor share: their options, and how
 * what is known of an account is printed.
 * Threads: one. Errors: said on stderr. */
#ifndef ATFS_CLI_WHO_H
#define ATFS_CLI_WHO_H

#include <jansson.h>

#include "../../cache/cache.h"
#include "cli.h"

struct who_args {
	struct account_config conf; /* borrowed from argv, but for its paths */
	char *token_file, *ca_file; /* absolute; owned */
	const char *store;          /* "keyring", "file" or NULL */
	bool json, with_token;
};

enum who_takes {
	WHO_TAKES_JSON = 1u << 0,
	WHO_TAKES_STORE = 1u << 1,  /* --with-token, --token-store */
	WHO_TAKES_SOURCE = 1u << 2, /* --token-file */
};

/* False: a usage error was said. */
bool who_parse(struct who_args *a, int argc, char **argv, unsigned takes);
void who_args_release(struct who_args *a);
/* The process shows nothing of itself from now on; opens the account. */
int who_open(const struct who_args *a, struct account **ret);
/* Says it; the exit status that fits. */
int who_failed(int r, const struct atfs_error *e);
void who_print_user(const struct account_facts *f);
void who_print_bases(const struct account_facts *f);
/* What is off, and what could not be found out. */
void who_print_rights(const struct account_facts *f);
const char *who_state_name(enum account_state s);

/* ---- prompt.c ---- */
/* Asks on the terminal without showing what is typed; the terminal is as it was
 * afterwards, also when a signal ends or stops us. Returns the length, or
 * -errno: -ENOTTY no terminal, -EINTR. buf is the caller's to wipe. */
ssize_t prompt_hidden(const char *words, char *buf, size_t n);

#endif
