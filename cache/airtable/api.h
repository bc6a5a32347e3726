/* api - the one door to Airtable: every request passes here and nowhere else.
 * Here and only here live the token, pacing, priorities, retry of what may be
 * repeated, read-only, and the bounds on answers. It knows calls, not records'
 * states.
 * Units:   ns; lists count records.
 * Owns:    token, limiter, transport. A call's parameters are copied. Where
 *          the pace file cannot be used the api says so in the log and paces
 *          this process alone.
 * Threads: loop thread only; done() is called there, never from inside
 *          api_submit.
 * Errors:  in done(): err->err != 0. Reads (and DELETE, which has the same
 *          effect when repeated) are retried on 429, 5xx and transport
 *          failures up to call->max_tries; an update as long as surely nothing
 *          was done, a create only on 429. ERROR_LOST or ERROR_SERVER of a write means
 *          "outcome unknown"; so does ERROR_CANCELLED by api_free of one that
 *          was under way. ERROR_OFFLINE and ERROR_RATE of a write: none of
 *          its tries was done. All other classes tell of the last try.
 * Source:  airtable-api.md sections 1, 5, 6, 7, 8, 13. */
#ifndef AIRTABLE_API_H
#define AIRTABLE_API_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "budget.h"
#include "error.h"
#include "http.h"
#include "ids.h"
#include "loop.h"
#include "slowdown.h"
#include "token.h"

#define API_PAGE_MAX 100  /* records per list page: API reference, 2026 */
#define API_BATCH_MAX 10  /* records per write: API reference, 2026 */
/* Requests at a time, each on a connection of its own where the server speaks
 * HTTP/1.1. Ours: 50 a second keep 15 busy at 300 ms. */
#define API_RUNNING_MAX 24
#define API_ANSWER_MAX (64u << 20) /* bytes; ours */

enum api_priority { API_INTERACTIVE, API_FLUSH, API_REFRESH, API_PREFETCH };

enum api_kind {
	API_WHOAMI,
	API_LIST_BASES,   /* offset */
	API_SCHEMA,       /* base */
	API_LIST_RECORDS, /* base, table, offset, formula; ids as keys; page of
	                     100; POST form when a formula is given */
	API_GET_RECORD,   /* base, table, record; ids as keys */
	API_CREATE,       /* base, table, body */
	API_UPDATE,       /* base, table, body (PATCH) */
	API_DELETE,       /* base, table, records[] */
	API_HOOKS,        /* base: its webhooks */
	API_HOOK_PAYLOADS,/* base, hook, cursor */
	API_HOOK_CREATE,  /* base, body */
	API_HOOK_REFRESH, /* base, hook */
	API_HOOK_DELETE,  /* base, hook; the answer is {} */
	API_COMMENTS,     /* base, table, record: its comments, one page */
	API_KINDS
};

struct api_answer {
	json_t *json;          /* borrowed; NULL on error */
	int64_t date_wall_ms;  /* the server's clock, 0 = unknown */
	int64_t took_ns;       /* from leaving to the answer, 0 = unknown */
	const struct atfs_error *err; /* never NULL; err->err 0 = fine */
};

typedef void api_done_fn(void *arg, const struct api_answer *a);

struct api_call {
	enum api_kind kind;
	enum api_priority priority;
	struct base_id base;
	struct table_id table;
	struct record_id record;
	struct hook_id hook;
	int64_t cursor;          /* number of the first payload wanted, from 1 */
	const char *offset;      /* NULL = first page */
	const char *formula;     /* NULL = none */
	unsigned page_size;      /* API_LIST_RECORDS; 0 = API_PAGE_MAX */
	json_t *body;            /* API_CREATE/UPDATE: {"records":[...], ...},
	                            API_HOOK_CREATE: {"specification":{...}};
	                            borrowed, serialised by api_submit */
	const struct record_id *records; /* API_DELETE */
	size_t records_n;
	unsigned max_tries;      /* 0 = the default (4) */
	api_done_fn *done;
	void *arg;
};

struct api;

/* Is this the user whom the token must belong to? 0, or -errno with the reason
 * in reterr: then nothing more is sent with this token. On the loop thread; it
 * may not submit. user: from whoami, "usr..."; NULL never. */
typedef int api_prove_fn(void *arg, const char *user,
			 struct atfs_error *reterr);

struct api_config {
	const char *endpoint;    /* e.g. https://api.airtable.com ; no /v0 */
	bool read_only;          /* refuse every write with -EROFS */
	const char *pace_file;   /* where all mounts share the limiter (see
	                            limiter_file_name); NULL = not shared */
	struct tally *tally;     /* counts what is sent; borrowed; NULL = none */
	uint64_t max_calls_month; /* see budget.h; 0 = no budget */
	struct token token;      /* moved into the api, if api_new returns 0 */
	/* Asked before anything else is sent with a token, here and after each
	 * api_set_token; NULL = whosever it is. */
	api_prove_fn *prove;
	void *prove_arg;
};

/* The transport, too, is the api's when it returns 0 and the caller's if not. */
int api_new(struct loop *loop, const struct http_transport *transport,
	    const struct api_config *conf, struct api **ret,
	    struct atfs_error *reterr);
/* Cancels what is queued or in flight: their done() gets ERROR_CANCELLED and
 * cannot submit any more. Not to be called from a done(). */
void api_free(struct api *a);

/* Returns an id > 0, or -errno (-EROFS, -EINVAL, -ENOMEM, -ESHUTDOWN): done() is
 * then not called. */
int64_t api_submit(struct api *a, const struct api_call *call);
/* Ends a queued or running call without calling done(). */
void api_cancel(struct api *a, int64_t id);
/* Somebody waits now for what was queued as less urgent. Never lowers; no
 * effect on a request that has left. */
void api_raise(struct api *a, int64_t id, enum api_priority priority);

/* Replaces the token (moved in); queued calls go on with the new one, once it
 * is proven. What is under way with the old one is answered for the old one. */
void api_set_token(struct api *a, struct token *t);
bool api_has_token(const struct api *a, const struct token *t);

/* Asks again at bases that the server refused for their plan's monthly limit,
 * without waiting for the next hour. */
void api_ask_again(struct api *a);

struct api_status {
	bool offline;            /* the last contact failed in transport */
	bool token_refused;      /* the last answer was 401, or there is none,
	                            or it is of the wrong user */
	char token_error[256];   /* why, then */
	bool token_proven;       /* its user is known, or does not matter */
	uint64_t calls[API_KINDS]; /* since start, each HTTP request sent */
	uint64_t calls_total;
	uint64_t rate_limited;   /* 429s seen */
	char last_error[256];
	int64_t last_ok_wall_ms;
	enum budget_level budget; /* when something was last to be sent */
};
void api_get_status(const struct api *a, struct api_status *ret);

/* A base that is not as usual. */
struct api_base_status {
	struct base_id base;     /* "" = calls of no base, and all together */
	int64_t rest_until_ns;   /* after a 429; 0 = does not rest */
	struct slowdown slow;    /* and afterwards */
	int64_t quota_since_ms;  /* over its plan's monthly limit; 0 = no */
	int64_t quota_ask_ms;    /* when it is asked again */
};
/* Those that rest, are slowed down or over their limit; how many. */
size_t api_get_bases(struct api *a, struct api_base_status *ret, size_t max);

#endif
