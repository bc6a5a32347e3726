/* api_internal - what the files api*.c share; nobody else includes it.
 * Threads: loop thread only. */
#ifndef AIRTABLE_API_INTERNAL_H
#define AIRTABLE_API_INTERNAL_H

#include <sys/queue.h>

#include "api.h"
#include "backoff.h"
#include "breaker.h"
#include "limiter.h"
#include "punctual.h"

#define API_PRIORITIES (API_PREFETCH + 1)

/* Ours. 5 requests a second take more than 5 at a time only if each takes
 * longer than a second. */
#define API_RUNNING_PER_BASE 6
/* After so many grants to others a waiting class, or base, has its turn. */
#define API_PASSED_CLASS_MAX 8
#define API_PASSED_LANE_MAX 32
#define API_URL_MAX 16000 /* characters, exclusive: API reference, 2026 */

enum call_state { CALL_READY, CALL_WAITING, CALL_RUNNING };

struct call {
	int64_t id;
	enum api_kind kind;
	enum api_priority priority;
	struct lane *lane;
	enum http_method method;
	char *url;   /* owned */
	char *body;  /* owned; NULL = none */
	size_t body_n;
	unsigned tries, max_tries;
	struct backoff backoff;
	enum call_state state;
	int64_t due_ns;       /* CALL_WAITING: ready again */
	int64_t first_try_ns; /* once tries > 0 */
	int64_t spent_ns;     /* CALL_RUNNING: when the limiter granted it */
	bool has_left;        /* CALL_RUNNING: the transport said so */
	int64_t left_ns;      /* has_left: when */
	int64_t took_ns;      /* from there to its last answer, 0 = none yet */
	bool maybe_done;      /* a write, and an earlier try may have worked */
	uint64_t token_age;   /* CALL_RUNNING: which token it was sent with */
	int64_t http_id;      /* CALL_RUNNING */
	api_done_fn *done;
	void *arg;
	TAILQ_ENTRY(call) link;
};

TAILQ_HEAD(call_list, call);

/* The calls of one base; one lane has no base ("") and holds all other calls. */
struct lane {
	struct api *api;
	struct base_id base;
	struct call_list ready[API_PRIORITIES];
	unsigned passed[API_PRIORITIES]; /* grants to higher classes meanwhile */
	unsigned passed_lane;            /* grants to other lanes meanwhile */
	unsigned running_n;
};

struct lanes {
	struct lane **list;
	size_t n, cap;
	size_t next; /* where the round begins */
};

struct api {
	struct loop *loop;
	struct http_transport transport;
	char *endpoint;
	bool read_only;
	bool closing;
	struct token token;
	uint64_t token_age; /* how often it was replaced */
	struct limiter *limiter;
	struct punctual punctual[API_KINDS];
	struct breaker breaker;
	int64_t probe_id;   /* the call that probes, 0 = none */
	struct lanes lanes;
	struct call_list waiting; /* for the end of their backoff */
	struct call_list running;
	unsigned running_n;
	int64_t last_id;
	struct loop_timer timer;
	struct api_status status;
};

static inline bool kind_is_write(enum api_kind k)
{
	return k == API_CREATE || k == API_UPDATE || k == API_DELETE;
}

/* api_request.c: checks the parameters; then fills method, url and body.
 * -EINVAL, -ENOMEM. */
int request_build(const char *endpoint, const struct api_call *in,
		  struct call *out);

/* api_answer.c: judges an answer to c. Fills e; on success (e->err 0) *ret is a
 * new reference. */
void answer_read(const struct call *c, const struct http_answer *a,
		 struct atfs_error *e, json_t **ret);

/* api_pump.c: what moves the calls. */
/* Sends what may go now and arms the timer for the next time; arg is the api. */
void api_pump(void *arg);
void api_pump_soon(struct api *a); /* at the next turn of the loop */
/* Fails what is queued now, each with a copy of why. */
void api_fail_queued(struct api *a, const struct atfs_error *why);
/* If c probes: the probe is over without a result. */
void api_stop_probing(struct api *a, const struct call *c);
/* Out of whichever list it stands in; the transport is not told. */
void call_unlink(struct api *a, struct call *c);
/* Unlinks c, frees it and tells its owner. e may be changed. */
void call_fail(struct api *a, struct call *c, struct atfs_error *e);
void call_free(struct call *c); /* NULL is fine */

/* api_queue.c */
struct lane *lanes_get(struct lanes *ls, const struct base_id *base);
void lanes_free(struct lanes *ls);
/* first: before those that wait already (it has waited before). */
void lane_push(struct call *c, bool first);
void lane_remove(struct call *c);
/* The call to send now, taken out of its lane and granted by the limiter
 * (spent_ns); NULL if there is none. */
struct call *lanes_take(struct lanes *ls, struct limiter *limiter,
			int64_t now_ns);
/* ns until lanes_take may have one; INT64_MAX = not without an event. */
int64_t lanes_wait_ns(const struct lanes *ls, struct limiter *limiter,
		      int64_t now_ns);
/* Any ready call with an id up to last_id; NULL if there is none. */
struct call *lanes_find_until(const struct lanes *ls, int64_t last_id);
struct call *lanes_find_id(const struct lanes *ls, int64_t id);

#endif
