#include "simctl_int.h"

#include <stdlib.h>
#include <string.h>

#include "iterator.h"
#include "load.h"
#include "route.h"
#include "timefmt.h"

void ctl_fail(struct ctl *c, const char *why)
{
	c->r->status = 400;
	c->r->body.n = 0;
	buf_str(&c->r->body, "{\"error\":");
	buf_json_str(&c->r->body, why, strlen(why));
	buf_chr(&c->r->body, '}');
}

void ctl_ok(struct ctl *c)
{
	buf_str(&c->r->body, "{\"ok\":true}");
}

static const char *query(const struct ctl *c, const char *key)
{
	for (size_t i = 0; i < c->query.n; i++)
		if (!strcmp(c->query.v[i].key, key))
			return c->query.v[i].value;
	return NULL;
}

#define CLOCK_MOST_MS INT64_C(3200000000000)	/* a century from now */

static bool number(struct ctl *c, const char *key, double *out)
{
	const json_t *v = json_object_get(c->body, key);

	if (!json_is_number(v)) {
		ctl_fail(c, "a number is missing in the body");
		return false;
	}
	*out = json_number_value(v);
	return true;
}

static void do_log(struct ctl *c)
{
	const char *since = query(c, "since");
	const char *body = query(c, "body");

	reqlog_write(c->s->log, since ? strtoull(since, NULL, 10) : 0,
		     body && !strcmp(body, "1"), &c->r->body);
}

static void do_counters(struct ctl *c)
{
	reqlog_counters(c->s->log, &c->r->body);
}

static void do_reset(struct ctl *c)
{
	reqlog_reset(c->s->log);
	ctl_ok(c);
}

static void do_latency(struct ctl *c)
{
	double ms;

	if (!number(c, "ms", &ms))
		return;
	c->s->latency_ms = ms < 0 ? 0 : ms > 3600000 ? 3600000 : (int)ms;
	ctl_ok(c);
}

static void do_fault_add(struct ctl *c)
{
	const char *why = "a fault must be an object";

	if (!json_is_object(c->body) || fault_add(c->s->faults, c->body, &why))
		ctl_fail(c, why);
	else
		ctl_ok(c);
}

static void do_fault_clear(struct ctl *c)
{
	faults_clear(c->s->faults);
	ctl_ok(c);
}

static void do_fault_list(struct ctl *c)
{
	faults_write(c->s->faults, &c->r->body);
}

static void do_token(struct ctl *c)
{
	const char *why = "a token must be an object";

	if (!json_is_object(c->body) ||
	    token_set(&c->s->sim.tokens, c->s->sim.state, c->body, &why))
		ctl_fail(c, why);
	else
		ctl_ok(c);
}

static void do_penalty(struct ctl *c)
{
	double sec;

	if (!number(c, "seconds", &sec))
		return;
	sec = sec < 0 ? 0 : sec > 1e6 ? 1e6 : sec;
	c->s->limit.penalty_ms = (int64_t)(sec * 1000);
	c->s->retry_after_429 = (int)call_number(
		json_object_get(c->body, "retry_after"), 0);
	ctl_ok(c);
}

static void do_ratelimit(struct ctl *c)
{
	c->s->limit.enabled = json_is_true(json_object_get(c->body,
							   "enabled"));
	ratelimit_clear(&c->s->limit);
	ctl_ok(c);
}

static void do_expire(struct ctl *c)
{
	iterators_expire(c->s->sim.iterators, INT64_MAX);
	ctl_ok(c);
}

static void do_clock(struct ctl *c)
{
	double ms;

	if (!number(c, "advance_ms", &ms))
		return;
	ms += (double)c->s->sim.state->skew_ms;
	if (!(ms >= -CLOCK_MOST_MS && ms <= CLOCK_MOST_MS)) {
		ctl_fail(c, "more than a century from now");
		return;
	}
	c->s->sim.state->skew_ms = (int64_t)ms;
	ctl_ok(c);
}

static void do_state(struct ctl *c)
{
	save_json(&c->s->sim, &c->r->body);
}

/* A call in the name of any user, as if made in the grid: every scope, the
 * base's own level, no limits, no trace in the log. */
static void do_as(struct ctl *c)
{
	const char *user = json_string_value(json_object_get(c->body, "user"));
	const char *method =
		json_string_value(json_object_get(c->body, "method"));
	const char *path = json_string_value(json_object_get(c->body, "path"));
	const json_t *body = json_object_get(c->body, "body");
	const char *source =
		json_string_value(json_object_get(c->body, "source"));
	struct state *st = c->s->sim.state;
	struct token token = { .scopes = SC_ALL, .all_bases = true };
	struct call call = { .as_user = true, .token = &token };
	const struct route *rt;
	struct buf text = BUF_INIT;
	long at = user ? state_find_user(st, user) : 0;

	if (!method || !path) {
		ctl_fail(c, "method and path must be strings");
		return;
	}
	if (at < 0 && id_is(user, "usr"))
		at = (long)state_user(st, user, NULL, NULL);
	if (at < 0) {
		ctl_fail(c, "no such user");
		return;
	}
	if (body)
		buf_json(&text, body);
	token.user = (uint32_t)at;
	call.source = source;
	call.method = method;
	call.target = path;
	call.body = text.p;
	call.body_n = text.n;
	call.arrival_ns = time_mono_ns();
	call_parse(&call);
	rt = route_find(&call);
	if (rt)
		route_run(&c->s->sim, &call, rt, c->r);
	else
		reply_error(c->r, ERR_ROUTE);
	call_release(&call);
	buf_release(&text);
}

static const struct {
	const char *method;
	const char *path;
	void (*run)(struct ctl *c);
} verbs[] = {
	{ "GET", "/_sim/log", do_log },
	{ "GET", "/_sim/counters", do_counters },
	{ "POST", "/_sim/reset", do_reset },
	{ "POST", "/_sim/latency", do_latency },
	{ "GET", "/_sim/fault", do_fault_list },
	{ "POST", "/_sim/fault", do_fault_add },
	{ "DELETE", "/_sim/fault", do_fault_clear },
	{ "POST", "/_sim/as", do_as },
	{ "POST", "/_sim/token", do_token },
	{ "POST", "/_sim/penalty", do_penalty },
	{ "POST", "/_sim/ratelimit", do_ratelimit },
	{ "POST", "/_sim/iterators/expire", do_expire },
	{ "POST", "/_sim/clock", do_clock },
	{ "GET", "/_sim/state", do_state },
	{ "GET", "/_sim/files", ctl_files_log },
	{ "POST", "/_sim/files", ctl_files_set },
	{ "DELETE", "/_sim/files", ctl_files_reset },
	{ "POST", "/_sim/permission", ctl_permission },
	{ "POST", "/_sim/base", ctl_base },
	{ "POST", "/_sim/cap", ctl_cap },
	{ "POST", "/_sim/paging", ctl_paging },
	{ "POST", "/_sim/webhook", ctl_webhook },
	{ "GET", "/_sim/quirk", ctl_quirk },
	{ "POST", "/_sim/quirk", ctl_quirk },
};

void simctl_handle(struct server *s, const char *method, const char *target,
		   const char *body, size_t body_n, struct reply *r)
{
	struct ctl c = { .s = s, .r = r };
	size_t n = strcspn(target, "?");
	size_t i, all = sizeof(verbs) / sizeof(verbs[0]);

	if (target[n])
		params_parse(&c.query, target + n + 1);
	if (body_n)
		c.body = json_loadb(body, body_n, JSON_ALLOW_NUL, NULL);
	for (i = 0; i < all; i++)
		if (!strcmp(verbs[i].method, method) &&
		    strlen(verbs[i].path) == n &&
		    !strncmp(verbs[i].path, target, n))
			break;
	if (body_n && !c.body) {
		ctl_fail(&c, "the body is not JSON");
	} else if (i == all) {
		ctl_fail(&c, "no such control");
		r->status = 404;
	} else {
		pthread_mutex_lock(&s->sim.mu);
		verbs[i].run(&c);
		pthread_mutex_unlock(&s->sim.mu);
	}
	params_release(&c.query);
	json_decref(c.body);
}
