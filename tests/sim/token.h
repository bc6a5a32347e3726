/* token - who may do what: tokens, their scopes and their bases.
 * Owns:    its tokens; a token once given out stays valid until
 *          tokens_free (a changed one is changed in place).
 * Threads: under the server's mutex.
 * Errors:  lookups give NULL; token_set returns -1 and a reason.
 * Source:  airtable-api.md 2, 3, 4. */
#ifndef SIM_TOKEN_H
#define SIM_TOKEN_H

#include "state.h"

enum scope {
	SC_RECORDS_READ = 1u << 0,
	SC_RECORDS_WRITE = 1u << 1,
	SC_COMMENTS_READ = 1u << 2,
	SC_COMMENTS_WRITE = 1u << 3,
	SC_SCHEMA_READ = 1u << 4,
	SC_SCHEMA_WRITE = 1u << 5,
	SC_WEBHOOK = 1u << 6,
	SC_EMAIL = 1u << 7,
	SC_PEOPLE_READ = 1u << 8,
	SC_BLOCKS = 1u << 9,	/* opens nothing here */
	SC_ALL = (1u << 10) - 1
};

struct grant {
	char base[ID_CAP];
	enum level level;
};

struct token {
	char *secret;
	uint32_t user;
	unsigned scopes;
	bool all_bases;
	bool revoked;
	bool oauth;		/* whoami shows its scopes */
	struct grant *grants;
	size_t grants_n;
};

struct tokens {
	struct token **v;
	size_t n;
	size_t cap;
};

struct token *tokens_find(const struct tokens *t, const char *secret);
/* From an Authorization header; NULL: missing, unknown or revoked. */
const struct token *tokens_authenticate(const struct tokens *t,
					const char *header);
/* Makes or changes a token from {"token","user","scopes","bases",
 * "revoked","oauth","new_token"}; absent keys leave what is there. */
int token_set(struct tokens *t, struct state *s, const json_t *o,
	      const char **why);
json_t *token_json(const struct token *k, const struct state *s);
json_t *token_scopes_json(const struct token *k);
enum level token_level(const struct token *k, const struct base *b);
void tokens_free(struct tokens *t);

#endif
