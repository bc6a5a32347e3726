/* call - one request on its way through the simulator, and what all routes
 * share.
 * Units:   arrival in CLOCK_MONOTONIC ns.
 * Owns:    a call owns its decoded parts; strings of the request are the
 *          server's.
 * Threads: a call belongs to one thread; routes run under sim->mu.
 * Errors:  checks return 0, or -1 with the reply filled.
 * Source:  airtable-api.md 5.2 (order of checks). */
#ifndef SIM_CALL_H
#define SIM_CALL_H

#include <pthread.h>

#include "feed.h"
#include "params.h"
#include "reply.h"
#include "state.h"
#include "token.h"

#define SEGS_MAX 10

enum kind {
	KIND_OTHER, KIND_WHOAMI, KIND_BASES, KIND_SCHEMA, KIND_LIST, KIND_GET,
	KIND_CREATE, KIND_UPDATE, KIND_DELETE, KIND_COMMENTS,
	KIND_COMMENT_WRITE, KIND_WEBHOOKS, KIND_PAYLOADS, KIND_WEBHOOK_WRITE,
	KIND_UPLOAD, KIND_SCHEMA_WRITE, KIND_COUNT_
};

struct call {
	const char *method;
	const char *target;		/* path and query as sent */
	const char *authorization;	/* NULL: none */
	const char *content_type;
	const char *body;
	size_t body_n;
	int64_t arrival_ns;
	bool as_user;			/* from /_sim/as: no limits, no log */
	const char *source;		/* as webhooks name it; NULL: by as_user */

	char *seg[SEGS_MAX];		/* decoded, after /v0 */
	size_t seg_n;
	bool root_v0;
	bool bad_escape;
	struct params query;
	json_t *json;			/* body, NULL if none or bad */
	enum kind kind;
	char base_id[ID_CAP];		/* "" if the path names none */
	const struct token *token;
	struct actor actor;

	struct base *base;		/* set by call_open */
	struct table *table;
	enum level level;
};

struct iterators;

struct sim {
	pthread_mutex_t mu;
	struct state *state;
	struct tokens tokens;
	struct iterators *iterators;
	bool old_missing;		/* answers of 2022 for what is gone */
	bool shuffle;
	bool live_order;		/* sort and view anew for each page */
	int iterator_ttl_s;
	enum feed_computed computed;	/* cells, in webhook payloads */
};

const char *kind_name(enum kind k);

void call_parse(struct call *c);	/* target into segments and query */
void call_release(struct call *c);

/* The body as a JSON object, parameters known and of the right shape. */
int call_body(const struct sim *s, struct call *c, struct reply *r);

/* Access: the token's scope and grant, then the role. */
int call_open(struct sim *s, struct call *c, unsigned scope, enum level need,
	      struct reply *r);
/* The same, and the table named by path segment `seg`. */
int call_open_table(struct sim *s, struct call *c, size_t seg, unsigned scope,
		    enum level need, struct reply *r);

/* Field permissions: only the API is bound by them, not the grid. */
int call_may_write(const struct sim *s, const struct call *c,
		   const struct field *f, struct reply *r);
/* A synced table takes no rows from the API, and loses none by it. */
int call_may_add(const struct call *c, const struct table *t,
		 struct reply *r);

/* Keys of `o` are all in the NULL-terminated list. */
bool call_only_keys(const json_t *o, const char *const *keys);
/* A number cut to +-10^14, or deflt for anything else. */
long call_number(const json_t *v, long deflt);
/* true, false, "true", "1" ...; -1 for anything else, 0 when absent. */
int call_flag(const json_t *o, const char *key);

#endif
