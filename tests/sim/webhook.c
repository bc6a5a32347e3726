#include "webhook.h"

#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "mem.h"
#include "timefmt.h"

struct hook *hook_find(const struct base *b, const char *id)
{
	for (size_t i = 0; i < b->hooks_n; i++)
		if (!strcmp(b->hooks[i]->id, id))
			return b->hooks[i];
	return NULL;
}

static void drop_payloads(struct hook *h, size_t n)
{
	for (size_t i = 0; i < n; i++)
		json_decref(h->p[i].v);
	memmove(h->p, h->p + n, (h->n - n) * sizeof(*h->p));
	h->n -= n;
	h->first += n;
}

static void hook_free(struct hook *h)
{
	if (h->n)
		drop_payloads(h, h->n);
	json_decref(h->options);
	free(h->p);
	free(h->url);
	free(h);
}

static void remove_at(struct base *b, size_t i)
{
	hook_free(b->hooks[i]);
	memmove(&b->hooks[i], &b->hooks[i + 1],
		(b->hooks_n - i - 1) * sizeof(struct hook *));
	b->hooks_n--;
}

void hooks_free_all(struct state *s)
{
	for (size_t i = 0; i < s->bases_n; i++) {
		struct base *b = s->bases[i];

		while (b->hooks_n)
			remove_at(b, b->hooks_n - 1);
		free(b->hooks);
		b->hooks = NULL;
	}
}

/* Seven days after its end a hook is forgotten, and so is a payload seven
 * days after it came. */
static void age(struct base *b, int64_t now_ms)
{
	for (size_t i = b->hooks_n; i--;) {
		struct hook *h = b->hooks[i];
		size_t old = 0;

		if (now_ms > h->expires_ms + HOOK_LIFE_MS) {
			remove_at(b, i);
			continue;
		}
		if (now_ms > h->expires_ms)
			h->enabled = false;
		while (old < h->n && h->p[old].at_ms + HOOK_LIFE_MS < now_ms)
			old++;
		if (old)
			drop_payloads(h, old);
	}
}

void hook_push(struct hook *h, json_t *payload, int64_t now_ms)
{
	h->p = sim_grow(h->p, h->n, &h->cap, sizeof(*h->p));
	h->p[h->n].v = payload;
	h->p[h->n++].at_ms = now_ms;
}

static json_t *iso(int64_t ms)
{
	char t[TIME_CAP];

	time_iso(ms, t);
	return json_string(t);
}

static int open_base(struct sim *s, struct call *c, enum level need,
		     struct reply *r)
{
	if (call_open(s, c, SC_WEBHOOK, need, r))
		return -1;
	age(c->base, c->actor.now_ms);
	return 0;
}

static struct hook *open_hook(struct sim *s, struct call *c, enum level need,
			      struct reply *r)
{
	struct hook *h;

	if (open_base(s, c, need, r))
		return NULL;
	h = hook_find(c->base, c->seg[3]);
	if (h && (!c->token->oauth || h->owner == c->token))
		return h;
	reply_error(r, s->old_missing || s->state->quirk.hook_404 ?
			       ERR_OBJECT : ERR_MODEL);
	return NULL;
}

static int room(struct call *c, struct reply *r)
{
	size_t own = 0;

	for (size_t i = 0; i < c->base->hooks_n; i++)
		own += c->base->hooks[i]->owner == c->token;
	if (c->base->hooks_n >= HOOKS_PER_BASE ||
	    (c->token->oauth && own >= HOOKS_PER_OAUTH))
		return reply_error(r, ERR_WEBHOOKS);
	return 0;
}

static bool public_url(const json_t *v)
{
	const char *s = json_string_value(v);

	return !v || json_is_null(v) || (s && !strncmp(s, "https://", 8)) ||
	       (s && !strncmp(s, "http://", 7));
}

static void answer_created(struct sim *s, const struct hook *h,
			   struct reply *r)
{
	json_t *o = json_object();
	uint64_t key[4];
	char *text;

	for (size_t i = 0; i < 4; i++)
		key[i] = rng_next(&s->state->rng);
	text = base64_encode(key, sizeof(key));
	json_object_set_new(o, "id", json_string(h->id));
	json_object_set_new(o, "macSecretBase64", json_string(text));
	json_object_set_new(o, "expirationTime", iso(h->expires_ms));
	if (s->state->quirk.hook_cursor)
		json_object_set_new(o, "cursorForNextPayload",
				    json_integer(1));
	buf_json(&r->body, o);
	json_decref(o);
	free(text);
}

int webhook_create(struct sim *s, struct call *c, struct reply *r)
{
	static const char *const keys[] = { "specification",
					    "notificationUrl", NULL };
	static const char *const only[] = { "options", NULL };
	const json_t *spec = json_object_get(c->json, "specification");
	json_t *options = json_object_get(spec, "options");
	json_t *url = json_object_get(c->json, "notificationUrl");
	unsigned scopes;
	struct hook *h;
	struct base *b;

	if (c->query.n || !call_only_keys(c->json, keys) ||
	    !json_is_object(spec) || !call_only_keys(spec, only) ||
	    !public_url(url))
		return reply_error(r, ERR_PARAM);
	if (open_base(s, c, LV_CREATE, r))
		return -1;
	b = c->base;
	if (!hook_spec_ok(b, options, &scopes))
		return reply_error(r, ERR_PARAM);
	if ((c->token->scopes & scopes) != scopes)
		return reply_error(r, ERR_MODEL);
	if (room(c, r))
		return -1;
	h = sim_alloc(sizeof(*h));
	id_make(&s->state->rng, "ach", h->id);
	h->options = json_deep_copy(options);
	h->url = json_is_string(url) ? sim_strdup(json_string_value(url)) :
				       NULL;
	h->notify = h->url != NULL;
	h->enabled = true;
	h->owner = c->as_user ? NULL : c->token;
	h->first = 1;
	h->expires_ms = c->actor.now_ms + HOOK_LIFE_MS;
	b->hooks = sim_grow(b->hooks, b->hooks_n, &b->hooks_cap,
			    sizeof(struct hook *));
	b->hooks[b->hooks_n++] = h;
	answer_created(s, h, r);
	return 0;
}

static json_t *hook_json(const struct hook *h)
{
	json_t *o = json_object();
	json_t *spec = json_object();

	json_object_set(spec, "options", h->options);
	json_object_set_new(o, "id", json_string(h->id));
	json_object_set_new(o, "areNotificationsEnabled",
			    json_boolean(h->notify));
	json_object_set_new(o, "isHookEnabled", json_boolean(h->enabled));
	json_object_set_new(o, "cursorForNextPayload",
			    json_integer((json_int_t)(h->first + h->n)));
	json_object_set_new(o, "notificationUrl",
			    h->url ? json_string(h->url) : json_null());
	json_object_set_new(o, "expirationTime", iso(h->expires_ms));
	json_object_set_new(o, "lastSuccessfulNotificationTime", json_null());
	json_object_set_new(o, "lastNotificationResult", json_null());
	json_object_set_new(o, "specification", spec);
	return o;
}

int webhook_list(struct sim *s, struct call *c, struct reply *r)
{
	const char *sep = "";

	if (c->query.n)
		return reply_error(r, ERR_PARAM);
	if (open_base(s, c, LV_READ, r))
		return -1;
	buf_str(&r->body, "{\"webhooks\":[");
	for (size_t i = 0; i < c->base->hooks_n; i++) {
		json_t *o;

		if (c->token->oauth && c->base->hooks[i]->owner != c->token)
			continue;
		o = hook_json(c->base->hooks[i]);
		buf_str(&r->body, sep);
		buf_json(&r->body, o);
		json_decref(o);
		sep = ",";
	}
	buf_str(&r->body, "]}");
	return 0;
}

static int range(const struct call *c, uint64_t *cursor, size_t *limit,
		 struct reply *r)
{
	*cursor = 1;
	*limit = HOOK_PAGE_MAX;
	for (size_t i = 0; i < c->query.n; i++) {
		const struct param *p = &c->query.v[i];
		char *end;
		long n = strtol(p->value, &end, 10);

		if (!*p->value)
			continue;
		if (*end || n < 1)
			return reply_error(r, ERR_PARAM);
		if (!strcmp(p->key, "cursor"))
			*cursor = (uint64_t)n;
		else if (!strcmp(p->key, "limit") && n <= HOOK_PAGE_MAX)
			*limit = (size_t)n;
		else
			return reply_error(r, ERR_PARAM);
	}
	return 0;
}

int webhook_payloads(struct sim *s, struct call *c, struct reply *r)
{
	struct hook *h;
	uint64_t cursor, next;
	unsigned scopes;
	size_t limit, sent = 0;

	if (range(c, &cursor, &limit, r))
		return -1;
	h = open_hook(s, c, LV_READ, r);
	if (!h)
		return -1;
	if (hook_spec_ok(c->base, h->options, &scopes) &&
	    (c->token->scopes & scopes) != scopes)
		return reply_error(r, ERR_MODEL);
	next = h->first + h->n;
	if (cursor > next ||
	    (cursor < h->first && s->state->quirk.hook_old_cursor))
		return reply_error(r, ERR_PARAM);
	if (cursor < h->first)
		cursor = h->first;
	buf_str(&r->body, "{\"payloads\":[");
	for (; cursor < next && sent < limit; cursor++) {
		if (sent++)
			buf_chr(&r->body, ',');
		buf_json(&r->body, h->p[cursor - h->first].v);
	}
	buf_printf(&r->body, "],\"cursor\":%llu,\"mightHaveMore\":%s}",
		   (unsigned long long)cursor,
		   cursor < next ? "true" : "false");
	if (h->enabled)
		h->expires_ms = c->actor.now_ms + HOOK_LIFE_MS;
	return 0;
}

int webhook_refresh(struct sim *s, struct call *c, struct reply *r)
{
	struct hook *h;
	char t[TIME_CAP];

	if (c->query.n)
		return reply_error(r, ERR_PARAM);
	h = open_hook(s, c, LV_CREATE, r);
	if (!h)
		return -1;
	if (!h->enabled && !s->state->quirk.hook_revive)
		return reply_error(r, ERR_PARAM);
	h->enabled = true;
	h->expires_ms = c->actor.now_ms + HOOK_LIFE_MS;
	time_iso(h->expires_ms, t);
	buf_printf(&r->body, "{\"expirationTime\":\"%s\"}", t);
	return 0;
}

int webhook_notify(struct sim *s, struct call *c, struct reply *r)
{
	static const char *const keys[] = { "enable", NULL };
	const json_t *v = json_object_get(c->json, "enable");
	struct hook *h;

	if (c->query.n || !call_only_keys(c->json, keys) ||
	    !json_is_boolean(v))
		return reply_error(r, ERR_PARAM);
	h = open_hook(s, c, LV_CREATE, r);
	if (!h)
		return -1;
	if (!h->url)
		return reply_error(r, ERR_PARAM);
	h->notify = json_is_true(v);
	return 0;
}

int webhook_delete(struct sim *s, struct call *c, struct reply *r)
{
	struct hook *h;
	size_t i = 0;

	if (c->query.n)
		return reply_error(r, ERR_PARAM);
	h = open_hook(s, c, LV_CREATE, r);
	if (!h)
		return -1;
	while (c->base->hooks[i] != h)
		i++;
	remove_at(c->base, i);
	return 0;
}
