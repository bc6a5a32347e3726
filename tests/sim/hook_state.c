/* The hooks of a base as a part of the state file, and back. */
#include <stdio.h>

#include "mem.h"
#include "timefmt.h"
#include "webhook.h"

static json_t *payloads_json(const struct hook *h)
{
	json_t *all = json_array();

	for (size_t i = 0; i < h->n; i++)
		json_array_append_new(all, json_pack("{s:I,s:O}", "atMs",
						     (json_int_t)h->p[i].at_ms,
						     "payload", h->p[i].v));
	return all;
}

static json_t *hook_json(const struct hook *h)
{
	return json_pack("{s:s,s:O,s:s?,s:b,s:b,s:s?,s:I,s:I,s:o}", "id", h->id,
			 "options", h->options, "notificationUrl", h->url,
			 "areNotificationsEnabled", h->notify, "isHookEnabled",
			 h->enabled, "token",
			 h->owner ? h->owner->secret : NULL, "expiresMs",
			 (json_int_t)h->expires_ms, "firstPayload",
			 (json_int_t)h->first, "payloads", payloads_json(h));
}

json_t *hooks_json(const struct base *b)
{
	json_t *all = json_array();

	for (size_t i = 0; i < b->hooks_n; i++)
		json_array_append_new(all, hook_json(b->hooks[i]));
	return all;
}

int hook_load(struct base *b, const struct tokens *tokens, json_t *o,
	      const char **ret_why)
{
	const char *url = json_string_value(json_object_get(o,
							    "notificationUrl"));
	const char *secret = json_string_value(json_object_get(o, "token"));
	const char *id = "";
	json_t *options = NULL, *payloads = NULL, *p;
	json_int_t expires = 0, first = 1, at;
	int notify = 0, enabled = 1;
	const struct token *owner = NULL;
	struct hook *h;
	size_t i;

	*ret_why = "a webhook needs id, options and expiresMs";
	if (json_unpack(o, "{s:s,s:o,s?b,s?b,s:I,s?I,s?o}", "id", &id,
			"options", &options, "areNotificationsEnabled", &notify,
			"isHookEnabled", &enabled, "expiresMs", &expires,
			"firstPayload", &first, "payloads", &payloads) ||
	    !id_is(id, "ach") || hook_find(b, id) || first < 1)
		return -1;
	if (secret)
		owner = tokens_find(tokens, secret);
	*ret_why = "the webhook's token is not in the file";
	if (secret && !owner)
		return -1;
	h = sim_alloc(sizeof(*h));
	snprintf(h->id, sizeof(h->id), "%s", id);
	h->options = json_deep_copy(options);
	h->url = url ? sim_strdup(url) : NULL;
	h->notify = notify;
	h->enabled = enabled;
	h->owner = owner;
	h->expires_ms = expires;
	h->first = (uint64_t)first;
	b->hooks = sim_grow(b->hooks, b->hooks_n, &b->hooks_cap,
			    sizeof(*b->hooks));
	b->hooks[b->hooks_n++] = h;
	*ret_why = "a payload needs atMs and payload";
	json_array_foreach(payloads, i, p) {
		json_t *v = json_object_get(p, "payload");

		if (json_unpack(p, "{s:I}", "atMs", &at) || !json_is_object(v))
			return -1;
		hook_push(h, json_deep_copy(v), at);
	}
	return 0;
}
