/* account - a token and what it may do, found out without a mount: what login,
 * logout, whoami and doctor need. Each call waits for the network, within the
 * bounds of the api, and is paced together with all mounts of the user.
 * Owns:    its token, which is wiped; strings of facts (account_facts_release).
 * Threads: one.
 * Errors:  0 or negative errno; the class in reterr says whether it is the
 *          token (ERROR_TOKEN) or the network (ERROR_OFFLINE, ERROR_LOST).
 * Source:  airtable-api.md 3 and 4: a token cannot be asked for its scopes, so
 *          reading is tried and writing is not. */
#ifndef ATFS_ACCOUNT_H
#define ATFS_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "airtable/error.h"
#include "airtable/ids.h"

struct account;

struct account_config {      /* NULL: as a mount takes it */
	const char *endpoint, *profile, *token_file, *ca_file;
};

enum account_store { ACCOUNT_KEYRING, ACCOUNT_FILE };
enum account_state { ACCOUNT_ON, ACCOUNT_OFF, ACCOUNT_UNKNOWN };

struct account_right {
	const char *scope;   /* constant, as are the next two */
	const char *what;    /* what it switches on */
	const char *without; /* what is missing without it */
	enum account_state state;
	char why[256];       /* the server's words where it is off */
};
#define ACCOUNT_RIGHTS 8

struct account_base {
	char id[ATFS_ID_MAX];
	char *name;
	char level[16];
};

struct account_facts {
	char user[ATFS_ID_MAX];
	char *email;         /* NULL: not told */
	struct account_base *bases;
	size_t bases_n;
	struct account_right rights[ACCOUNT_RIGHTS];
	int64_t skew_ms;     /* our clock before the server's; 0 also unknown */
};

int account_open(const struct account_config *conf, struct account **ret,
		 struct atfs_error *reterr);
void account_free(struct account *a); /* NULL is fine */
const char *account_profile(const struct account *a);
const char *account_endpoint(const struct account *a);
/* Where a token would be kept if nothing is said: the configuration's word. */
enum account_store account_default_store(const struct account *a);

/* A token that was typed in; bytes are the caller's to wipe. */
int account_take_token(struct account *a, const char *bytes, size_t n,
		       struct atfs_error *reterr);
/* The token that a mount would take. It leaves the environment. */
int account_find_token(struct account *a, struct atfs_error *reterr);
const char *account_source(const struct account *a); /* "" = no token yet */
/* After account_find_token: another source holds another token; else "". */
const char *account_disagreement(const struct account *a);
/* It has the look of the part before the dot alone. */
bool account_token_looks_cut(const struct account *a);

/* Who it is and which bases; with rights: what else it may do, at the price of
 * some calls. Facts are filled as far as it came. */
int account_look(struct account *a, bool rights, struct account_facts *ret,
		 struct atfs_error *reterr);
void account_facts_release(struct account_facts *f);

/* Could a token be stored there now? */
int account_can_keep(struct account *a, enum account_store where,
		     struct atfs_error *reterr);
/* Stores the token, and removes one that the other place has. ret_where, for
 * people, is the caller's. */
int account_keep(struct account *a, enum account_store where, char **ret_where,
		 struct atfs_error *reterr);
/* Removes it from both places. -ENOKEY: none was stored. */
int account_forget(struct account *a, struct atfs_error *reterr);
/* A mount would take another token than the stored one: says which. */
bool account_is_overruled(struct account *a, char *say, size_t say_n);

/* ---- health.c: what doctor finds below the surface ---- */
enum health_level { HEALTH_OK, HEALTH_WARN, HEALTH_FAIL };
typedef void health_fn(void *ctx, enum health_level level, const char *what,
		       const char *text, const char *remedy);
/* Every cache and journal of the user, opened for reading alone. */
void health_of_files(health_fn *fn, void *ctx);

#endif
