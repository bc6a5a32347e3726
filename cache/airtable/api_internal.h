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
#include "tally.h"

#define API_PRIORITIES (API_PREFETCH + 1)

/* Ours. 5 requests a second take more than 5 at a time only if each takes
 * longer than a second. */
#define API_RUNNING_PER_BASE 6
/* Of these, and of API_RUNNING_MAX, what others than interactive calls take. */
#define API_RUNNING_OTHERS_PER_BASE 5
#define API_RUNNING_OTHERS_MAX 20
/* Others than interactive calls go to a base evenly, once so many have gone at
 * once: in a window that was filled in one moment nobody who comes then would
 * have a place for a second. */
#define API_AT_ONCE 2
#define API_EVEN_NS ((NS_PER_S + LIMIT_MARGIN_LEAST_NS) / LIMIT_PER_BASE)
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
	bool is_other;        /* CALL_RUNNING: sent as not interactive */
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
	unsigned passed_lane;            /* grants to more urgent lanes */
	bool out_of_turn;                /* the last grant was to a lower class */
	unsigned running_n, others_n;
	int64_t even_ns;                 /* when all that went would have gone
	                                    if it had gone evenly */
	/* over its plan's monthly limit; api_budget.c */
	int64_t quota_since_ms;          /* 0 = no */
	int64_t quota_ask_ms;            /* one is sent to see, from then on */
	int64_t quota_probe;             /* the call that sees, 0 = none */
	bool proof;                      /* holds the question whose token it
	                                    is, and nothing else */
};

struct lanes {
	struct lane **list;
	size_t n, cap;
	size_t next; /* where the round begins */
	bool out_of_turn; /* the last grant was to a lane passed over often */
	bool only_proof; /* the token is not proven: all other lanes wait */
};

/* Classes as bits. */
#define CLASSES_ALL ((1u << API_PRIORITIES) - 1)
#define CLASS_INTERACTIVE (1u << API_INTERACTIVE)

struct api {
	struct loop *loop;
	struct http_transport transport;
	char *endpoint;
	bool read_only;
	bool closing;
	struct token token;
	uint64_t token_age; /* how often it was replaced */
	api_prove_fn *prove; /* NULL = any token will do */
	void *prove_arg;
	int64_t proof_id;   /* the call that asks whose it is, 0 = none */
	struct atfs_error refusal; /* err != 0: of the wrong user */
	struct limiter *limiter;
	struct punctual punctual[API_KINDS];
	struct tally *tally; /* borrowed; NULL = nothing is counted */
	uint64_t max_calls_month;
	struct breaker breaker;
	int64_t probe_id;   /* the call that probes, 0 = none */
	struct lanes lanes;
	struct call_list waiting; /* for the end of their backoff */
	struct call_list running;
	unsigned running_n, others_n; /* of them not interactive */
	int64_t last_id;
	struct loop_timer timer;
	struct api_status status;
};

static inline bool kind_is_write(enum api_kind k)
{
	return k == API_CREATE || k == API_UPDATE || k == API_DELETE ||
	       k == API_HOOK_CREATE || k == API_HOOK_REFRESH ||
	       k == API_HOOK_DELETE;
}

/* Done twice it would be there twice. */
static inline bool kind_makes(enum api_kind k)
{
	return k == API_CREATE || k == API_HOOK_CREATE;
}

/* api_request.c: checks the parameters; then fills method, url and body.
 * -EINVAL, -ENOMEM. */
int request_build(const char *endpoint, const struct api_call *in,
		  struct call *out);

/* api_submit; proof: into the lane that does not wait for the proof. */
int64_t api_submit_to(struct api *a, const struct api_call *in, bool proof);

/* api_proof.c: asks whose token it is, if that is not known and somebody waits
 * for it; forgets what is known of it. */
void api_proof_ask(struct api *a);
void api_proof_need(struct api *a);

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
void api_stop_probing(struct api *a, struct call *c);
/* Out of whichever list it stands in; the transport is not told. */
void call_unlink(struct api *a, struct call *c);
/* Unlinks c, frees it and tells its owner. e may be changed. */
void call_fail(struct api *a, struct call *c, struct atfs_error *e);
void call_free(struct call *c); /* NULL is fine */

/* api_budget.c */
/* The classes that the month's budget still allows now. */
unsigned budget_classes(struct api *a);
/* Fails what is queued beyond the budget, and at bases over their limit. */
void budget_fail_queued(struct api *a, unsigned classes);
/* May a call of this lane be sent, to see whether the limit still holds. */
bool quota_lets_send(const struct lane *l, int64_t now_ms);
/* c is sent; what its answer says of the limit; it ended without one. */
void quota_note_sent(struct call *c);
void quota_note_answer(struct api *a, struct call *c,
		       const struct atfs_error *e);
void quota_stop_probing(struct call *c);

/* api_queue.c */
/* What is asked of all lanes at a moment. */
struct lanes_view {
	struct limiter *limiter;
	unsigned classes; /* that may be sent */
	int64_t now_ns, now_ms;
};
/* proof: the lane of that one question. */
struct lane *lanes_get(struct lanes *ls, const struct base_id *base,
		       bool proof);
void lanes_free(struct lanes *ls);
/* first: before those that wait already (it has waited before). */
void lane_push(struct call *c, bool first);
void lane_remove(struct call *c);
/* The call to send now, taken out of its lane and granted by the limiter
 * (spent_ns); NULL if there is none. */
struct call *lanes_take(struct lanes *ls, const struct lanes_view *v);
/* ns until lanes_take may have one; INT64_MAX = not without an event. */
int64_t lanes_wait_ns(const struct lanes *ls, const struct lanes_view *v);
/* Any ready call with an id up to last_id; NULL if there is none. */
struct call *lanes_find_until(const struct lanes *ls, int64_t last_id);
struct call *lane_find_until(const struct lane *l, unsigned classes,
			     int64_t last_id);
struct call *lanes_find_id(const struct lanes *ls, int64_t id);

#endif
