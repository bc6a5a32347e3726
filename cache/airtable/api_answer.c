#include "api_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json_read.h"

/* A success holds one of these: without it an answer that happens to be JSON,
 * such as {}, would read as an empty table. */
static bool has_shape(enum api_kind kind, const json_t *o)
{
	switch (kind) {
	case API_WHOAMI:
	case API_GET_RECORD:
		return json_is_string(json_object_get(o, "id"));
	case API_LIST_BASES:
		return json_is_array(json_object_get(o, "bases"));
	case API_SCHEMA:
		return json_is_array(json_object_get(o, "tables"));
	case API_LIST_RECORDS:
		return json_is_array(json_object_get(o, "records"));
	case API_CREATE:
	case API_UPDATE:
	case API_DELETE:
		return json_is_array(json_object_get(o, "records")) ||
		       json_is_string(json_object_get(o, "id"));
	case API_HOOKS:
		return json_is_array(json_object_get(o, "webhooks"));
	case API_HOOK_PAYLOADS:
		return json_is_array(json_object_get(o, "payloads")) &&
		       json_is_integer(json_object_get(o, "cursor"));
	case API_HOOK_CREATE:
		return json_is_string(json_object_get(o, "id"));
	case API_HOOK_REFRESH:
	case API_HOOK_DELETE:
		return true;
	case API_COMMENTS:
		return json_is_array(json_object_get(o, "comments"));
	case API_KINDS:
		break;
	}
	return false;
}

/* A success that cannot be read. What it answered has been done, or not:
 * nobody can tell. */
static void set_unreadable(const struct call *c, int status,
			   const char *why, struct atfs_error *e)
{
	if (kind_is_write(c->kind))
		error_set(e, -EIO, ERROR_LOST,
			  "sent, but the answer cannot be read: %s", why);
	else
		error_set(e, -EPROTO, ERROR_PROTOCOL,
			  "the answer cannot be read: %s", why);
	e->http = status;
}

static void read_success(const struct call *c, const struct http_answer *a,
			 struct atfs_error *e, json_t **ret)
{
	json_t *o = NULL;
	int r;

	/* a deleted webhook is answered with an empty body: airtable-api.md 13 */
	if (c->kind == API_HOOK_DELETE && a->body_n == 0) {
		*ret = json_object();
		if (*ret == NULL)
			set_unreadable(c, a->status, "out of memory", e);
		return;
	}
	r = json_read_object(a->body, a->body_n, &o);

	if (r == 0 && has_shape(c->kind, o)) {
		*ret = o;
		return;
	}
	json_decref(o);
	if (r == -ENOMEM)
		set_unreadable(c, a->status, "out of memory", e);
	else if (r == -E2BIG)
		set_unreadable(c, a->status, "it is nested too deep or holds "
			       "too many values", e);
	else if (r < 0)
		set_unreadable(c, a->status, a->is_json ?
			       "it is cut off or no JSON" :
			       "it is no JSON; a proxy or login page may stand "
			       "in between", e);
	else
		set_unreadable(c, a->status,
			       "it is not what the API answers there", e);
}

/* A refusal, or a proxy's page, may repeat the request to us: the token must
 * not come into an error's text by that, nor a part of it. */
static void read_refusal(const struct token *t, const struct http_answer *a,
			 struct atfs_error *e)
{
	char *copy = NULL, *at;

	if (t->secret != NULL && t->secret_n > 0 &&
	    memmem(a->body, a->body_n, t->secret, t->secret_n) != NULL) {
		copy = malloc(a->body_n + 1);
		if (copy == NULL) {
			error_from_http(e, a->status, "", 0, a->retry_after_s);
			return;
		}
		memcpy(copy, a->body, a->body_n);
		copy[a->body_n] = '\0';
		while ((at = memmem(copy, a->body_n, t->secret,
				    t->secret_n)) != NULL)
			memset(at, '*', t->secret_n);
	}
	error_from_http(e, a->status, copy != NULL ? copy : a->body, a->body_n,
			a->retry_after_s);
	free(copy);
}

void answer_read(const struct call *c, const struct http_answer *a,
		 struct atfs_error *e, json_t **ret)
{
	memset(e, 0, sizeof(*e));
	*ret = NULL;
	if (a->failed && a->too_large)
		set_unreadable(c, 0, "it is too large", e);
	else if (a->failed)
		error_from_transport(e, a->sent, a->timed_out, a->detail);
	else if (a->status == 200)
		read_success(c, a, e, ret);
	else if (a->status > 200 && a->status < 300)
		set_unreadable(c, a->status, "its status is not 200", e);
	else
		read_refusal(&c->lane->api->token, a, e);
}
