#include "call.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mem.h"

static const char *const kinds[KIND_COUNT_] = {
	"other", "whoami", "bases", "schema", "list", "get", "create",
	"update", "delete", "comments", "comment_write", "webhooks",
	"payloads", "webhook_write", "upload", "schema_write",
};

const char *kind_name(enum kind k)
{
	return kinds[k];
}

/* A slash at the end changes nothing (airtable-api.md 1). */
static void parse_path(struct call *c, const char *p, size_t n)
{
	const char *end = p + n;

	while (end > p && end[-1] == '/')
		end--;
	while (p < end) {
		const char *e;
		char *s;

		p++;	/* the slash */
		e = memchr(p, '/', (size_t)(end - p));
		if (!e)
			e = end;
		s = params_unescape(p, (size_t)(e - p), false);
		if (!s || c->seg_n == SEGS_MAX) {
			c->bad_escape = true;
			free(s);
			return;
		}
		c->seg[c->seg_n++] = s;
		p = e;
	}
}

void call_parse(struct call *c)
{
	size_t n = strcspn(c->target, "?");

	if (!strncmp(c->target, "/v0", 3) &&
	    (c->target[3] == '/' || n == 3)) {
		c->root_v0 = true;
		parse_path(c, c->target + 3, n - 3);
	}
	if (c->target[n] == '?' && params_parse(&c->query, c->target + n + 1))
		c->bad_escape = true;
}

void call_release(struct call *c)
{
	for (size_t i = 0; i < c->seg_n; i++)
		free(c->seg[i]);
	params_release(&c->query);
	json_decref(c->json);
}

int call_body(const struct sim *s, struct call *c, struct reply *r)
{
	enum err bad = s->state->quirk.bad_body_400 ? ERR_BODY_400 : ERR_BODY;
	json_error_t e;

	if (!c->as_user &&
	    (!c->content_type ||
	     strncasecmp(c->content_type, "application/json", 16) != 0))
		return reply_error(r, bad);
	json_decref(c->json);
	c->json = json_loadb(c->body ? c->body : "", c->body_n,
			     JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &e);
	if (!json_is_object(c->json))
		return reply_error(r, bad);
	return 0;
}

int call_open(struct sim *s, struct call *c, unsigned scope, enum level need,
	      struct reply *r)
{
	c->base = state_base(s->state, c->base_id);
	if (c->base)
		c->level = token_level(c->token, c->base);
	if (!c->base || c->level == LV_NONE ||
	    (c->token->scopes & scope) != scope)
		return reply_error(r, s->old_missing &&
				      scope == SC_SCHEMA_READ ?
				      ERR_OBJECT : ERR_MODEL);
	if (c->level < need)
		return reply_error(r, ERR_OPERATION);
	return 0;
}

int call_open_table(struct sim *s, struct call *c, size_t seg, unsigned scope,
		    enum level need, struct reply *r)
{
	c->base = state_base(s->state, c->base_id);
	c->level = c->base ? token_level(c->token, c->base) : LV_NONE;
	if (c->level == LV_NONE || (c->token->scopes & scope) != scope)
		return reply_error(r, ERR_MODEL);
	c->table = base_table(c->base, c->seg[seg]);
	if (!c->table && s->old_missing)
		return reply_errorf(r, ERR_TABLE, "Could not find table %s in "
				    "application %s", c->seg[seg],
				    c->base_id);
	if (!c->table)
		return reply_error(r, ERR_MODEL);
	if (c->level < need)
		return reply_error(r, ERR_OPERATION);
	return 0;
}

int call_may_write(const struct sim *s, const struct call *c,
		   const struct field *f, struct reply *r)
{
	if (c->as_user)
		return 0;
	if (f->table->synced && !s->state->quirk.synced_403)
		return reply_errorf(r, ERR_VALUE, "Field \"%s\" cannot accept a "
				    "value because the field is computed",
				    f->name);
	if (!f->no_write && !f->table->synced)
		return 0;
	return reply_errorf(r, ERR_FORBIDDEN, "You are not permitted to write "
			    "cell values in field %s (%s)", f->name, f->id);
}

int call_may_add(const struct call *c, const struct table *t,
		 struct reply *r)
{
	if (c->as_user || (!t->no_create && !t->synced))
		return 0;
	return reply_errorf(r, ERR_FORBIDDEN, "You are not permitted to "
			    "create records in table %s (%s)", t->name, t->id);
}

bool call_only_keys(const json_t *v, const char *const *keys)
{
	json_t *o = (json_t *)(uintptr_t)v;	/* iteration takes no const */

	for (void *it = json_object_iter(o); it;
	     it = json_object_iter_next(o, it)) {
		const char *const *k = keys;

		while (*k && strcmp(*k, json_object_iter_key(it)) != 0)
			k++;
		if (!*k)
			return false;
	}
	return true;
}

long call_number(const json_t *v, long deflt)
{
	double d = json_number_value(v);

	if (!json_is_number(v))
		return deflt;
	return d > 1e14 ? 100000000000000 : d < -1e14 ? -100000000000000 :
							(long)d;
}

int call_flag(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	const char *s = json_string_value(v);

	if (!v)
		return 0;
	if (json_is_boolean(v))
		return json_is_true(v);
	if (s && (!strcmp(s, "true") || !strcmp(s, "1")))
		return 1;
	if (s && (!strcmp(s, "false") || !strcmp(s, "0")))
		return 0;
	return -1;
}
