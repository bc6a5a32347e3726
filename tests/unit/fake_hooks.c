#include "fake_hooks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "airtable/clock.h"

#define LIFE_MS (INT64_C(7) * 24 * 3600 * 1000)
#define NOT_FOUND "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND"

void fake_hooks_free(struct fake_hooks *h)
{
	for (size_t i = 0; i < h->n; i++)
		json_decref(h->list[i].payloads);
	memset(h, 0, sizeof(*h));
}

static struct fake_hook *add(struct fake_hooks *h, int64_t now_ms)
{
	struct fake_hook *k;

	assert_true(h->n < FAKE_HOOKS_MAX);
	k = &h->list[h->n++];
	*k = (struct fake_hook){ .enabled = true, .payloads = json_array(),
				 .expires_ms = now_ms + LIFE_MS };
	snprintf(k->id, sizeof(k->id), "ach%014u", ++h->made);
	return k;
}

struct fake_hook *fake_hooks_add_foreign(struct fake_hooks *h, int64_t now_ms)
{
	struct fake_hook *k = add(h, now_ms);

	k->foreign = true;
	return k;
}

void fake_hooks_tell(struct fake_hooks *h, json_t *what)
{
	assert_non_null(what);
	for (size_t i = 0; i < h->n; i++)
		if (h->list[i].enabled)
			json_array_append(h->list[i].payloads, what);
	json_decref(what);
}

void fake_hooks_tell_table(struct fake_hooks *h, const char *source,
			   const char *table, json_t *change)
{
	fake_hooks_tell(h, json_pack("{s:s, s:i, s:s, s:{s:s}, s:{s:o}}",
				     "timestamp", "2024-03-14T18:42:14.226Z",
				     "baseTransactionNumber", 4,
				     "payloadFormat", "v0", "actionMetadata",
				     "source", source, "changedTablesById",
				     table, change));
}

static char *reply(int *ret_status, int status, json_t *j)
{
	char *text;

	assert_non_null(j);
	text = json_dumps(j, JSON_COMPACT);
	assert_non_null(text);
	json_decref(j);
	*ret_status = status;
	return text;
}

static char *refuse(int *ret_status, int status, const char *type)
{
	return reply(ret_status, status,
		     json_pack("{s:{s:s}}", "error", "type", type));
}

static json_t *iso(int64_t ms)
{
	char when[25];

	clock_format_iso(ms, when);
	return json_string(when);
}

static size_t next_of(const struct fake_hook *k)
{
	return json_array_size(k->payloads) + 1;
}

static char *answer_list(struct fake_hooks *h, int *ret_status)
{
	json_t *all = json_array();

	for (size_t i = 0; i < h->n; i++) {
		const struct fake_hook *k = &h->list[i];

		json_array_append_new(
			all,
			json_pack("{s:s, s:b, s:b, s:i, s:n, s:o,"
				  " s:{s:{s:{s:[s,s,s]}}}}",
				  "id", k->id, "areNotificationsEnabled", 0,
				  "isHookEnabled", (int)k->enabled,
				  "cursorForNextPayload", (int)next_of(k),
				  "notificationUrl", "expirationTime",
				  iso(k->expires_ms), "specification",
				  "options", "filters", "dataTypes",
				  "tableData", "tableFields",
				  "tableMetadata"));
	}
	return reply(ret_status, 200, json_pack("{s:o}", "webhooks", all));
}

static char *answer_create(struct fake_hooks *h, const char *body,
			   int64_t now_ms, int *ret_status)
{
	json_t *in = json_loads(body, 0, NULL), *types = NULL;
	struct fake_hook *k;

	assert_int_equal(json_unpack(in, "{s:{s:{s:{s:o!}!}!}!}",
				     "specification", "options", "filters",
				     "dataTypes", &types), 0);
	assert_int_equal(json_array_size(types), 3);
	json_decref(in);
	if (h->n == FAKE_HOOKS_MAX)
		return refuse(ret_status, 422, "TOO_MANY_WEBHOOKS_IN_BASE");
	k = add(h, now_ms);
	return reply(ret_status, 200,
		     json_pack("{s:s, s:s, s:o}", "id", k->id,
			       "macSecretBase64", "c29tZQ==", "expirationTime",
			       iso(k->expires_ms)));
}

static char *answer_payloads(struct fake_hooks *h, struct fake_hook *k,
			     const char *path, int64_t now_ms, int *ret_status)
{
	const char *at = strstr(path, "cursor=");
	size_t cursor, n = 0, page = h->page ? h->page : 50;
	json_t *list = json_array();

	assert_non_null(at);
	cursor = strtoul(at + 7, NULL, 10);
	assert_true(cursor >= 1);
	if (cursor > next_of(k)) {
		json_decref(list);
		return refuse(ret_status, 422,
			      "INVALID_REQUEST_UNKNOWN");
	}
	if (cursor <= k->dropped)
		cursor = k->dropped + 1;
	for (; cursor < next_of(k) && n < page; cursor++, n++)
		json_array_append(list, json_array_get(k->payloads,
						       cursor - 1));
	if (k->enabled && !h->reading_keeps)
		k->expires_ms = now_ms + LIFE_MS;
	return reply(ret_status, 200,
		     json_pack("{s:o, s:I, s:b}", "payloads", list, "cursor",
			       (json_int_t)(h->fixed_cursor ? h->fixed_cursor :
							      (int64_t)cursor),
			       "mightHaveMore", cursor < next_of(k)));
}

char *fake_hooks_answer(struct fake_hooks *h, enum http_method method,
			const char *path, const char *body, int64_t now_ms,
			int *ret_status)
{
	struct fake_hook *k = NULL;

	for (size_t i = 0; i < h->n; i++)
		if (h->list[i].expires_ms < now_ms)
			h->list[i].enabled = false;
	if (*path == '\0')
		return method == HTTP_POST ?
			       answer_create(h, body, now_ms, ret_status) :
			       answer_list(h, ret_status);
	assert_int_equal(*path, '/');
	for (size_t i = 0; i < h->n; i++)
		if (strncmp(path + 1, h->list[i].id, 17) == 0)
			k = &h->list[i];
	if (!k)
		return refuse(ret_status, 403, NOT_FOUND);
	assert_false(k->foreign);
	if (method == HTTP_DELETE) {
		json_decref(k->payloads);
		*k = h->list[--h->n];
		*ret_status = 200;
		return strdup("");
	}
	if (strcmp(path + 18, "/refresh") == 0) {
		if (!k->enabled)
			return refuse(ret_status, 422, "INVALID_REQUEST");
		k->expires_ms = now_ms + LIFE_MS;
		return reply(ret_status, 200,
			     json_pack("{s:o}", "expirationTime",
				       iso(k->expires_ms)));
	}
	return answer_payloads(h, k, path, now_ms, ret_status);
}
