#include "api_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

/* Beyond which wait it is better to tell the caller than to try again. Ours, as
 * are the times below. */
#define RETRY_WAIT_MAX_NS (60 * NS_PER_S)
/* Somebody sits before an interactive call: no second try for a server that
 * cannot be reached once this time is over. */
#define INTERACTIVE_OFFLINE_NS (1500 * NS_PER_MS)
#define INTERACTIVE_CONNECT_NS (4 * NS_PER_S)
#define CONNECT_NS (10 * NS_PER_S)
#define TOTAL_NS (120 * NS_PER_S)
#define STALL_NS (30 * NS_PER_S)
_Static_assert(TOTAL_NS < LIMIT_UNDER_WAY_NS,
	       "the limiter counts a request until it has ended");

static void on_sent(void *arg);
static void on_answer(void *arg, const struct http_answer *a);

/* The clock itself, not the time of the turn: a turn may have parsed megabytes,
 * and the limiter counts by the real time of sending. */
static int64_t now_ns(const struct api *a)
{
	return clock_mono_ns(loop_clock(a->loop));
}

static uint64_t rand64(const struct api *a)
{
	return clock_rand64(loop_clock(a->loop));
}

void api_pump_soon(struct api *a)
{
	loop_timer_set(a->loop, &a->timer, 0);
}

void call_free(struct call *c)
{
	if (c == NULL)
		return;
	free(c->url);
	free(c->body);
	free(c);
}

void api_stop_probing(struct api *a, struct call *c)
{
	quota_stop_probing(c);
	if (a->probe_id != c->id)
		return;
	a->probe_id = 0;
	breaker_probe_end(&a->breaker);
}

/* Out of whichever list it stands in; one that runs stays with the transport. */
void call_unlink(struct api *a, struct call *c)
{
	switch (c->state) {
	case CALL_READY:
		lane_remove(c);
		break;
	case CALL_WAITING:
		TAILQ_REMOVE(&a->waiting, c, link);
		break;
	case CALL_RUNNING:
		/* It never left: the limiter need not wait for it. */
		if (!c->has_left)
			limiter_touch(a->limiter, &c->lane->base, c->spent_ns,
				      now_ns(a));
		TAILQ_REMOVE(&a->running, c, link);
		c->lane->running_n--;
		a->running_n--;
		c->lane->others_n -= c->is_other;
		a->others_n -= c->is_other;
		break;
	}
}

/* ---- the end of a call ---- */

/* "Never sent" and "refused for its rate" speak of the last try only: where an
 * earlier try of a write may have worked, the outcome is unknown. */
static void keep_doubt(const struct call *c, struct atfs_error *e)
{
	if (c->maybe_done &&
	    (e->cls == ERROR_OFFLINE || e->cls == ERROR_RATE ||
	     e->cls == ERROR_QUOTA))
		e->cls = ERROR_LOST;
}

/* The call is linked nowhere any more. done() may submit and cancel. */
static void call_finish(struct api *a, struct call *c, json_t *json,
			int64_t date_wall_ms, struct atfs_error *e)
{
	struct api_answer answer = { .json = json, .err = e,
				     .date_wall_ms = date_wall_ms,
				     .took_ns = c->took_ns };
	api_done_fn *done = c->done;
	void *arg = c->arg;

	keep_doubt(c, e);
	if (e->err == 0)
		a->status.last_ok_wall_ms = clock_wall_ms(loop_clock(a->loop));
	else if (e->cls != ERROR_CANCELLED)
		memcpy(a->status.last_error, e->text,
		       sizeof(a->status.last_error));
	log_debug("call %lld: %s", (long long)c->id,
		  e->err == 0 ? "done" : e->text);
	api_stop_probing(a, c);
	call_free(c);
	done(arg, &answer);
}

void call_fail(struct api *a, struct call *c, struct atfs_error *e)
{
	call_unlink(a, c);
	call_finish(a, c, NULL, 0, e);
}

/* ---- sending ---- */

static int transport_submit(struct api *a, struct call *c)
{
	bool quick = c->priority == API_INTERACTIVE;
	struct http_request req = {
		.method = c->method,
		.url = c->url,
		.bearer = a->token.secret,
		.body = c->body,
		.body_n = c->body_n,
		.max_body_bytes = API_ANSWER_MAX,
		.connect_timeout_ns = quick ? INTERACTIVE_CONNECT_NS :
					      CONNECT_NS,
		.total_timeout_ns = TOTAL_NS,
		.stall_timeout_ns = STALL_NS,
	};
	int64_t id = a->transport.submit(a->transport.ctx, &req, on_sent,
					 on_answer, c);

	if (id < 0)
		return (int)id;
	c->http_id = id;
	return 0;
}

static void call_send(struct api *a, struct call *c)
{
	struct atfs_error e;
	int r;

	c->state = CALL_RUNNING;
	TAILQ_INSERT_TAIL(&a->running, c, link);
	c->is_other = c->priority != API_INTERACTIVE;
	c->lane->running_n++;
	a->running_n++;
	c->lane->others_n += c->is_other;
	a->others_n += c->is_other;
	if (c->tries++ == 0)
		c->first_try_ns = c->spent_ns;
	c->has_left = false;
	c->token_age = a->token_age;
	r = transport_submit(a, c);
	if (r == 0)
		return;
	error_set(&e, r, ERROR_CANCELLED, "the request cannot be started: %s",
		  strerrordesc_np(-r));
	call_fail(a, c, &e);
}

/* From now on the limiter counts it by the time at which it left. */
static void count_sent(struct api *a, struct call *c)
{
	c->left_ns = now_ns(a);
	limiter_touch(a->limiter, &c->lane->base, c->spent_ns, c->left_ns);
	c->has_left = true;
	if (a->tally != NULL)
		tally_add(a->tally, &c->lane->base,
			  clock_wall_ms(loop_clock(a->loop)));
	a->status.calls[c->kind]++;
	a->status.calls_total++;
}

static struct api *api_of(const struct call *c)
{
	return c->lane->api;
}

static void on_sent(void *arg)
{
	struct call *c = arg;

	count_sent(api_of(c), c);
}

/* ---- the pump: what can go now goes, then one timer for the next time ---- */

static void release_waiting(struct api *a)
{
	int64_t now = now_ns(a);
	struct call *c, *next;

	for (c = TAILQ_FIRST(&a->waiting); c != NULL; c = next) {
		next = TAILQ_NEXT(c, link);
		if (c->due_ns > now)
			continue;
		TAILQ_REMOVE(&a->waiting, c, link);
		lane_push(c, true);
	}
}

/* Fails what is queued now; what done() submits meanwhile is judged at the next
 * turn, else a caller that tries again at once would never let go of us. */
void api_fail_queued(struct api *a, const struct atfs_error *why)
{
	int64_t last_id = a->last_id;
	struct atfs_error e;
	struct call *c;

	for (;;) {
		c = lanes_find_until(&a->lanes, last_id);
		if (c == NULL)
			c = TAILQ_FIRST(&a->waiting);
		if (c == NULL)
			return;
		e = *why;
		call_fail(a, c, &e);
	}
}

static bool may_send(struct api *a)
{
	if (a->running_n >= API_RUNNING_MAX)
		return false;
	/* One call at a time shows whether the token works again. */
	if (a->status.token_refused && a->running_n > 0)
		return false;
	switch (breaker_ask(&a->breaker, now_ns(a))) {
	case BREAKER_GO:
	case BREAKER_PROBE:
		return true;
	case BREAKER_HOLD:
	case BREAKER_FAIL:
		break;
	}
	return false;
}

static struct lanes_view view_of(struct api *a, unsigned classes)
{
	if (a->others_n >= API_RUNNING_OTHERS_MAX)
		classes &= CLASS_INTERACTIVE;
	return (struct lanes_view){
		.limiter = a->limiter,
		.classes = classes,
		.now_ns = now_ns(a),
		.now_ms = clock_wall_ms(loop_clock(a->loop)),
	};
}

static void send_ready(struct api *a)
{
	struct lanes_view v;
	unsigned classes;
	struct call *c;

	while (may_send(a)) {
		/* what runs and has not left counts, so each time anew */
		classes = budget_classes(a);
		budget_fail_queued(a, classes);
		v = view_of(a, classes);
		c = lanes_take(&a->lanes, &v);
		if (c == NULL)
			return;
		quota_note_sent(c);
		if (breaker_ask(&a->breaker, now_ns(a)) == BREAKER_PROBE) {
			breaker_probe_begin(&a->breaker);
			a->probe_id = c->id;
		}
		call_send(a, c);
	}
}

static void arm_timer(struct api *a)
{
	int64_t now = now_ns(a), least = INT64_MAX;
	struct lanes_view v;
	struct call *c;

	if (may_send(a)) {
		v = view_of(a, budget_classes(a));
		least = lanes_wait_ns(&a->lanes, &v);
	}
	TAILQ_FOREACH(c, &a->waiting, link)
		if (c->due_ns - now < least)
			least = c->due_ns - now;
	if (least < INT64_MAX)
		loop_timer_set(a->loop, &a->timer, least);
}

void api_pump(void *arg)
{
	struct api *a = arg;
	struct atfs_error e;

	release_waiting(a);
	if (a->token.secret == NULL) {
		a->status.token_refused = true;
		error_set(&e, -EACCES, ERROR_TOKEN, "there is no token");
		memcpy(a->status.token_error, e.text,
		       sizeof(a->status.token_error));
		api_fail_queued(a, &e);
	} else if (a->refusal.err != 0) {
		api_fail_queued(a, &a->refusal);
	} else if (breaker_ask(&a->breaker, now_ns(a)) == BREAKER_FAIL) {
		error_from_transport(&e, false, false,
				     "it did not answer lately");
		api_fail_queued(a, &e);
	}
	if (a->token.secret != NULL && a->refusal.err == 0) {
		api_proof_ask(a);
		send_ready(a);
	}
	/* done() may have asked for a turn at once: that is not undone. */
	if (!a->timer.armed)
		arm_timer(a);
}

/* ---- the answer ---- */

/* ns until the next try, or -1: the caller is told. */
static int64_t retry_wait_ns(struct api *a, struct call *c,
			     const struct atfs_error *e)
{
	int64_t wait;

	if (c->tries >= c->max_tries)
		return -1;
	/* Nothing was done, so also a create may go again. The limiter makes
	 * it wait. */
	if (e->cls == ERROR_RATE)
		return 0;
	/* What may have been done is not done again over what others have
	 * made of it since: who asked looks first. */
	if (kind_makes(c->kind) || (c->kind == API_UPDATE && c->maybe_done))
		return -1;
	if (e->cls != ERROR_SERVER && e->cls != ERROR_LOST &&
	    e->cls != ERROR_OFFLINE)
		return -1;
	if (a->breaker.open && e->cls != ERROR_SERVER)
		return -1;
	wait = backoff_next_ns(&c->backoff, rand64(a));
	if (wait < e->retry_ns)
		wait = e->retry_ns;
	if (wait > RETRY_WAIT_MAX_NS)
		return -1;
	if (e->cls == ERROR_OFFLINE && c->priority == API_INTERACTIVE &&
	    now_ns(a) + wait - c->first_try_ns > INTERACTIVE_OFFLINE_NS)
		return -1;
	return wait;
}

static void note_contact(struct api *a, struct call *c,
			 const struct http_answer *ans)
{
	if (!ans->failed || ans->too_large) {
		a->status.offline = false;
		if (a->probe_id == c->id)
			a->probe_id = 0;
		breaker_success(&a->breaker);
		return;
	}
	a->status.offline = true;
	breaker_failure(&a->breaker, a->probe_id == c->id, now_ns(a),
			rand64(a));
	if (a->probe_id == c->id)
		a->probe_id = 0;
}

/* What an answer says about more than its own call. */
static void note_class(struct api *a, struct call *c,
		       const struct atfs_error *e)
{
	if (e->cls == ERROR_RATE) {
		a->status.rate_limited++;
		limiter_rest(a->limiter, &c->lane->base, c->spent_ns, now_ns(a),
			     e->retry_ns > 0 ? e->retry_ns : LIMIT_REST_NS);
	}
	quota_note_answer(a, c, e);
	if (c->token_age == a->token_age && e->cls == ERROR_TOKEN)
		memcpy(a->status.token_error, e->text,
		       sizeof(a->status.token_error));
	if (c->token_age == a->token_age && e->http > 0)
		a->status.token_refused = e->cls == ERROR_TOKEN;
	/* Also a server that failed may have failed after the act. */
	if (kind_is_write(c->kind) &&
	    (e->cls == ERROR_LOST || e->cls == ERROR_SERVER))
		c->maybe_done = true;
}

static void note_arrival(struct api *a, struct call *c,
			 const struct http_answer *ans)
{
	int64_t now = now_ns(a), late;

	if (ans->failed)
		return;
	c->took_ns = now - c->left_ns;
	late = punctual_note(&a->punctual[c->kind], c->took_ns);
	limiter_arrived(a->limiter, &c->lane->base, c->left_ns, late, now);
}

static void on_answer(void *arg, const struct http_answer *ans)
{
	struct call *c = arg;
	struct api *a = api_of(c);
	struct atfs_error e;
	json_t *json = NULL;
	int64_t wait;

	if (c->has_left)
		note_arrival(a, c, ans);
	if (!c->has_left && (ans->status > 0 || ans->sent))
		count_sent(a, c);
	call_unlink(a, c);
	answer_read(c, ans, &e, &json);
	note_contact(a, c, ans);
	if (e.err == 0 && c->token_age == a->token_age)
		a->status.token_refused = false;
	note_class(a, c, &e);
	if (e.cls == ERROR_TOKEN && c->token_age != a->token_age &&
	    c->tries < c->max_tries) {
		lane_push(c, true); /* the token was replaced meanwhile */
	} else {
		wait = e.err != 0 ? retry_wait_ns(a, c, &e) : -1;
		if (wait < 0) {
			call_finish(a, c, json, ans->date_wall_ms, &e);
		} else {
			c->state = CALL_WAITING;
			c->due_ns = now_ns(a) + wait;
			TAILQ_INSERT_TAIL(&a->waiting, c, link);
		}
	}
	json_decref(json);
	api_pump_soon(a);
}
