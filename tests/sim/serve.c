#include "serve.h"

#include <string.h>

#include "mem.h"
#include "route.h"
#include "simctl.h"
#include "timefmt.h"

void server_pause(struct server *s, int64_t ms)
{
	struct timespec ts;

	if (ms <= 0)
		return;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += ms / 1000;
	ts.tv_nsec += ms % 1000 * 1000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&s->sim.mu);
	while (!s->stopping &&
	       pthread_cond_timedwait(&s->wake, &s->sim.mu, &ts) == 0)
		;
	pthread_mutex_unlock(&s->sim.mu);
}

static const char page[] =
	"<!DOCTYPE html><html><head><title>Error</title></head>"
	"<body><h1>Something went wrong</h1></body></html>\n";

/* The body a status usually comes with, where the script gives none. */
static void status_body(struct server *s, int status, struct reply *r)
{
	switch (status) {
	case 401:
		reply_error(r, ERR_AUTH);
		break;
	case 403:
		reply_error(r, ERR_MODEL);
		break;
	case 404:
		reply_error(r, ERR_ROUTE);
		break;
	case 429:
		reply_error(r, s->array_429 ? ERR_RATE_ARRAY : ERR_RATE);
		break;
	case 500:
		buf_str(&r->body, "{\"error\":{\"type\":\"SERVER_ERROR\"}}");
		break;
	case 503:
		reply_error(r, ERR_RETRIABLE);
		break;
	default:
		r->content_type = "text/html";
		buf_str(&r->body, page);
	}
	r->status = status;
}

static void scripted(struct server *s, const struct fault_hit *f,
		     struct reply *r)
{
	r->body.n = 0;
	r->retry_after = f->retry_after;
	if (f->action == FAULT_WRONG_TYPE) {
		r->status = f->status ? f->status : 200;
		r->content_type = "text/html";
		buf_str(&r->body, f->body ? f->body : page);
	} else if (f->action == FAULT_REDIRECT) {
		r->status = f->status;
		r->location = sim_strdup(f->location ? f->location : "/");
	} else {
		if (f->body)
			buf_str(&r->body, f->body);
		else
			status_body(s, f->status, r);
		r->status = f->status;
	}
}

/* Counts the call, also one that gets a 429 (airtable-api.md 16.26). Once the
 * month's calls are used up, /meta/ was still served in one
 * report (airtable-api.md 6.2). */
static bool capped(struct server *s, const struct call *c)
{
	if (!s->capped)
		return false;
	if (s->cap_left > 0) {
		s->cap_left--;
		return false;
	}
	return s->cap_meta || !c->seg_n || strcmp(c->seg[0], "meta") != 0;
}

/* Path shape, token, then the limits: who fails earlier costs nothing. */
static bool admit(struct server *s, struct call *c, const struct route *rt,
		  struct served *v)
{
	const struct quirks *q = &s->sim.state->quirk;
	const char *user;
	bool over;

	if (strlen(c->target) >= SERVER_URI_MAX) {
		reply_error(&v->reply, ERR_URI);
		return false;
	}
	if (!rt) {
		reply_error(&v->reply, ERR_ROUTE);
		return false;
	}
	if (!c->token) {
		reply_error(&v->reply, q->unauthorized ? ERR_UNAUTHORIZED :
							 ERR_AUTH);
		return false;
	}
	user = s->sim.state->users[c->token->user].id;
	over = capped(s, c);
	s->limit.extend = q->extend_block;
	s->limit.per_base = (size_t)q->base_rate;
	if (!ratelimit_admit(&s->limit, c->base_id, user, c->arrival_ns)) {
		reply_error(&v->reply, s->array_429 ? ERR_RATE_ARRAY :
						      ERR_RATE);
		v->reply.retry_after = s->retry_after_429;
		return false;
	}
	if (over) {
		reply_error(&v->reply, s->cap_object ? ERR_BILLING_OBJECT :
						       ERR_BILLING);
		return false;
	}
	return true;
}

static bool runs(enum fault_action a)
{
	return a != FAULT_STATUS && a != FAULT_RESET_BEFORE &&
	       a != FAULT_REDIRECT && a != FAULT_WRONG_TYPE;
}

static void answer(struct server *s, struct call *c, const struct route *rt,
		   struct served *v)
{
	struct fault_hit *f = &v->fault;

	if (runs(f->action)) {
		pthread_mutex_lock(&s->sim.mu);
		route_run(&s->sim, c, rt, &v->reply);
		pthread_mutex_unlock(&s->sim.mu);
	} else if (f->action != FAULT_RESET_BEFORE) {
		scripted(s, f, &v->reply);
	}
	if (f->action == FAULT_GARBAGE) {
		v->reply.body.n = 0;
		buf_str(&v->reply.body, f->body ? f->body :
			"{\"records\":[{\"id\":\"rec\x01,]}\xff");
		if (f->status)
			v->reply.status = f->status;
	}
	v->drop = f->action == FAULT_RESET_BEFORE ||
		  f->action == FAULT_RESET_AFTER;
}

void serve(struct server *s, struct call *c, struct served *v)
{
	const char *user = "";
	const struct route *rt;
	bool admitted;
	int latency;

	*v = (struct served){ .reply = REPLY_INIT };
	if (!strncmp(c->target, "/_sim/", 6)) {
		simctl_handle(s, c->method, c->target, c->body, c->body_n,
			      &v->reply);
		return;
	}
	call_parse(c);
	rt = route_find(c);
	pthread_mutex_lock(&s->sim.mu);
	c->token = tokens_authenticate(&s->sim.tokens, c->authorization);
	if (c->token)
		user = s->sim.state->users[c->token->user].id;
	v->seq = reqlog_arrive(s->log, c, user);
	admitted = admit(s, c, rt, v);
	if (admitted || v->reply.status != 429)
		v->fault = fault_match(s->faults, c);
	latency = s->latency_ms;
	pthread_mutex_unlock(&s->sim.mu);
	server_pause(s, latency);
	if (v->fault.action == FAULT_STALL)
		server_pause(s, v->fault.ms);
	if (admitted)
		answer(s, c, rt, v);
	else if (v->fault.action == FAULT_RESET_BEFORE)
		v->drop = true;
	else if (v->fault.action && !runs(v->fault.action))
		scripted(s, &v->fault, &v->reply);
}

void serve_done(struct server *s, const struct served *v)
{
	if (!v->seq)
		return;
	pthread_mutex_lock(&s->sim.mu);
	reqlog_done(s->log, v->seq, v->reply.status,
		    fault_name(v->fault.action), time_mono_ns());
	pthread_mutex_unlock(&s->sim.mu);
}

void serve_release(struct served *v)
{
	reply_release(&v->reply);
	fault_hit_release(&v->fault);
}
