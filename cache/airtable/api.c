#include "api.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api_internal.h"
#include "lock.h"
#include "log.h"

/* Tries of one call and the waits between them. Ours. */
#define TRIES_DEFAULT 4
#define RETRY_FIRST_NS (250 * NS_PER_MS)
#define RETRY_CAP_NS (30 * NS_PER_S)

int64_t api_submit_to(struct api *a, const struct api_call *in, bool proof)
{
	static const struct base_id no_base;
	struct call *c;
	bool of_base;
	int r;

	lock_assert_none();
	if (a->closing)
		return -ESHUTDOWN;
	if (a->read_only && kind_is_write(in->kind))
		return -EROFS;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	r = request_build(a->endpoint, in, c);
	if (r == 0) {
		of_base = in->kind != API_WHOAMI && in->kind != API_LIST_BASES;
		c->lane = lanes_get(&a->lanes, of_base ? &in->base : &no_base,
				    proof);
		r = c->lane != NULL ? 0 : -ENOMEM;
	}
	if (r < 0) {
		call_free(c);
		return r;
	}
	c->lane->api = a;
	c->id = ++a->last_id;
	c->kind = in->kind;
	c->priority = in->priority;
	c->max_tries = in->max_tries > 0 ? in->max_tries : TRIES_DEFAULT;
	c->backoff = (struct backoff)BACKOFF_INIT(RETRY_FIRST_NS,
						  RETRY_CAP_NS);
	c->done = in->done;
	c->arg = in->arg;
	lane_push(c, false);
	api_pump_soon(a);
	return c->id;
}

int64_t api_submit(struct api *a, const struct api_call *in)
{
	return api_submit_to(a, in, false);
}

static struct call *find_call(struct api *a, int64_t id)
{
	struct call *c;

	TAILQ_FOREACH(c, &a->running, link)
		if (c->id == id)
			return c;
	TAILQ_FOREACH(c, &a->waiting, link)
		if (c->id == id)
			return c;
	return lanes_find_id(&a->lanes, id);
}

void api_cancel(struct api *a, int64_t id)
{
	struct call *c = find_call(a, id);

	if (c == NULL)
		return;
	if (c->state == CALL_RUNNING)
		a->transport.cancel(a->transport.ctx, c->http_id);
	call_unlink(a, c);
	api_stop_probing(a, c);
	call_free(c);
	api_pump_soon(a);
}

void api_raise(struct api *a, int64_t id, enum api_priority priority)
{
	struct call *c = find_call(a, id);

	if (c == NULL || (unsigned)priority >= (unsigned)c->priority)
		return;
	if (c->state == CALL_READY)
		lane_remove(c);
	c->priority = priority;
	if (c->state == CALL_READY)
		lane_push(c, false);
}

void api_set_token(struct api *a, struct token *t)
{
	token_release(&a->token);
	a->token = *t;
	memset(t, 0, sizeof(*t)); /* moved: the bytes live on in a */
	a->token_age++;
	a->status.token_refused = false;
	api_proof_need(a);
	api_pump_soon(a);
}

bool api_has_token(const struct api *a, const struct token *t)
{
	return token_same(&a->token, t);
}

void api_get_status(const struct api *a, struct api_status *ret)
{
	*ret = a->status;
	ret->token_proven = !a->lanes.only_proof;
}

size_t api_get_bases(struct api *a, struct api_base_status *ret, size_t max)
{
	int64_t now = clock_mono_ns(loop_clock(a->loop));
	struct limiter_state st;
	size_t n = 0;

	for (size_t i = 0; i < a->lanes.n && n < max; i++) {
		const struct lane *l = a->lanes.list[i];

		(void)limiter_get_state(a->limiter, &l->base, now, &st);
		if (st.rest_until_ns == 0 && l->quota_since_ms == 0 &&
		    slowdown_fifths(&st.slow, now) == SLOWDOWN_FULL)
			continue;
		ret[n++] = (struct api_base_status){
			.base = l->base,
			.rest_until_ns = st.rest_until_ns,
			.slow = st.slow,
			.quota_since_ms = l->quota_since_ms,
			.quota_ask_ms = l->quota_ask_ms,
		};
	}
	return n;
}

/* A pace of our own is better than no mount. */
static struct limiter *open_limiter(const char *path)
{
	struct limiter *l;
	int r = limiter_open(path, &l);

	if (r == 0)
		return l;
	if (path == NULL)
		return NULL;
	log_warn("other mounts are not counted in the rate limit: '%s': %s",
		 path, strerrordesc_np(-r));
	return limiter_new();
}

/* The endpoint without slashes at its end; only scheme, host and path. */
static char *copy_endpoint(const char *endpoint)
{
	size_t n = strlen(endpoint);

	while (n > 0 && endpoint[n - 1] == '/')
		n--;
	return strndup(endpoint, n);
}

int api_new(struct loop *loop, const struct http_transport *transport,
	    const struct api_config *conf, struct api **ret,
	    struct atfs_error *reterr)
{
	char reason[128];
	struct api *a;

	if (!http_url_is_allowed(conf->endpoint, reason) ||
	    strpbrk(conf->endpoint, "?#") != NULL) {
		error_set(reterr, -EINVAL, ERROR_INPUT,
			  "the endpoint '%s' cannot be used: %s",
			  conf->endpoint, reason[0] != '\0' ? reason :
			  "a query does not belong there");
		return -EINVAL;
	}
	a = calloc(1, sizeof(*a));
	if (a != NULL) {
		a->endpoint = copy_endpoint(conf->endpoint);
		a->limiter = open_limiter(conf->pace_file);
	}
	if (a == NULL || a->endpoint == NULL || a->limiter == NULL) {
		if (a != NULL) {
			free(a->endpoint);
			limiter_free(a->limiter);
		}
		free(a);
		error_set(reterr, -ENOMEM, ERROR_CANCELLED, "out of memory");
		return -ENOMEM;
	}
	a->loop = loop;
	a->transport = *transport;
	a->read_only = conf->read_only;
	a->tally = conf->tally;
	a->max_calls_month = conf->max_calls_month;
	a->token = conf->token;
	a->prove = conf->prove;
	a->prove_arg = conf->prove_arg;
	a->lanes.only_proof = a->prove != NULL;
	a->timer = (struct loop_timer){ .fn = api_pump, .arg = a };
	TAILQ_INIT(&a->waiting);
	TAILQ_INIT(&a->running);
	*ret = a;
	return 0;
}

void api_free(struct api *a)
{
	struct atfs_error e, one;
	struct call *c;

	if (a == NULL)
		return;
	a->closing = true;
	error_set(&e, -ECANCELED, ERROR_CANCELLED, "given up: shutting down");
	while ((c = TAILQ_FIRST(&a->running)) != NULL) {
		a->transport.cancel(a->transport.ctx, c->http_id);
		one = e;
		call_fail(a, c, &one);
	}
	api_fail_queued(a, &e);
	loop_timer_cancel(a->loop, &a->timer);
	a->transport.free(a->transport.ctx);
	lanes_free(&a->lanes);
	limiter_free(a->limiter);
	token_release(&a->token);
	free(a->endpoint);
	free(a);
}
