#include "fault.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

struct rule {
	char *method;		/* NULL: any */
	char *path;		/* substring of the target */
	char *kind;
	char *body;		/* substring of the request's body */
	long skip;
	long left;		/* -1: for ever */
	long hits;
	struct fault_hit hit;
};

struct faults {
	struct rule *v;
	size_t n;
	size_t cap;
};

static const char *const names[] = {
	NULL, "status", "reset_before", "reset_after", "stall", "cut",
	"garbage", "drip", "redirect", "wrong_type",
	"long_length", "short_length", "chunked", "chunked_cut",
	"chunked_bad", "gzip_cut", "gzip_garbage", "no_http",
};

const char *fault_name(enum fault_action a)
{
	return names[a];
}

struct faults *faults_new(void)
{
	return sim_alloc(sizeof(struct faults));
}

void faults_clear(struct faults *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->v[i].method);
		free(f->v[i].path);
		free(f->v[i].kind);
		free(f->v[i].body);
		fault_hit_release(&f->v[i].hit);
	}
	f->n = 0;
}

void faults_free(struct faults *f)
{
	if (!f)
		return;
	faults_clear(f);
	free(f->v);
	free(f);
}

void fault_hit_release(struct fault_hit *h)
{
	free(h->body);
	free(h->location);
	h->body = h->location = NULL;
}

static char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? sim_strdup(s) : NULL;
}

static long number(const json_t *o, const char *key, long deflt)
{
	return call_number(json_object_get(o, key), deflt);
}

static enum fault_action action_of(const char *s)
{
	for (size_t i = 1; s && i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], s))
			return (enum fault_action)i;
	return FAULT_NONE;
}

static int default_status(enum fault_action a)
{
	return a == FAULT_STATUS ? 500 : a == FAULT_REDIRECT ? 302 : 0;
}

int fault_add(struct faults *f, const json_t *o, const char **why)
{
	static const char *const keys[] = { "match", "count", "after",
					    "action", "status", "body", "ms",
					    "location", "retry_after", NULL };
	static const char *const match[] = { "method", "path", "kind", "body",
					      NULL };
	const json_t *m = json_object_get(o, "match");
	const json_t *body = json_object_get(o, "body");
	enum fault_action a =
		action_of(json_string_value(json_object_get(o, "action")));
	struct rule *r;

	if (!a || !call_only_keys(o, keys) ||
	    (m && !call_only_keys(m, match))) {
		*why = "unknown action or key";
		return -1;
	}
	f->v = sim_grow(f->v, f->n, &f->cap, sizeof(*f->v));
	r = &f->v[f->n++];
	memset(r, 0, sizeof(*r));
	r->method = text(m, "method");
	r->path = text(m, "path");
	r->kind = text(m, "kind");
	r->body = text(m, "body");
	r->left = number(o, "count", 1);
	r->skip = number(o, "after", 0);
	r->hit.action = a;
	r->hit.status = (int)number(o, "status", default_status(a));
	r->hit.ms = (int)number(o, "ms", a == FAULT_STALL ? 3600000 :
					 a == FAULT_DRIP ? 50 : 0);
	r->hit.retry_after = (int)number(o, "retry_after", 0);
	r->hit.location = text(o, "location");
	if (json_is_string(body)) {
		r->hit.body = text(o, "body");
	} else if (body && !json_is_null(body)) {
		struct buf b = BUF_INIT;

		buf_json(&b, body);
		r->hit.body = buf_steal(&b);
	}
	return 0;
}

static bool takes(const struct rule *r, const struct call *c)
{
	if (r->method && strcmp(r->method, c->method) != 0)
		return false;
	if (r->kind && strcmp(r->kind, kind_name(c->kind)) != 0)
		return false;
	if (r->body && (!c->body || !memmem(c->body, c->body_n, r->body,
					    strlen(r->body))))
		return false;
	return !r->path || strstr(c->target, r->path) != NULL;
}

struct fault_hit fault_match(struct faults *f, const struct call *c)
{
	for (size_t i = 0; i < f->n; i++) {
		struct rule *r = &f->v[i];
		struct fault_hit h;

		if (!r->left || !takes(r, c))
			continue;
		if (r->skip > 0) {
			r->skip--;
			continue;
		}
		if (r->left > 0)
			r->left--;
		r->hits++;
		h = r->hit;
		h.body = h.body ? sim_strdup(h.body) : NULL;
		h.location = h.location ? sim_strdup(h.location) : NULL;
		return h;
	}
	return (struct fault_hit){ .action = FAULT_NONE };
}

void faults_write(const struct faults *f, struct buf *b)
{
	buf_str(b, "{\"faults\":[");
	for (size_t i = 0; i < f->n; i++) {
		const struct rule *r = &f->v[i];

		buf_printf(b, "%s{\"action\":\"%s\",\"left\":%ld,"
			   "\"skip\":%ld,\"hits\":%ld}", i ? "," : "",
			   fault_name(r->hit.action), r->left, r->skip,
			   r->hits);
	}
	buf_str(b, "]}");
}
