#include "api_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What an offset may be; the known ones have some 35 characters. Ours. */
#define OFFSET_MAX 4096

static bool needs_base(enum api_kind k)
{
	return k != API_WHOAMI && k != API_LIST_BASES;
}

static bool is_of_hooks(enum api_kind k)
{
	return k == API_HOOKS || k == API_HOOK_PAYLOADS ||
	       k == API_HOOK_CREATE || k == API_HOOK_REFRESH ||
	       k == API_HOOK_DELETE;
}

static bool needs_hook(enum api_kind k)
{
	return is_of_hooks(k) && k != API_HOOKS && k != API_HOOK_CREATE;
}

static bool needs_table(enum api_kind k)
{
	return needs_base(k) && k != API_SCHEMA && !is_of_hooks(k);
}

static bool has_body(enum api_kind k)
{
	return k == API_CREATE || k == API_UPDATE || k == API_HOOK_CREATE;
}

static bool records_are_valid(const struct api_call *in)
{
	if (in->records == NULL || in->records_n < 1 ||
	    in->records_n > API_BATCH_MAX)
		return false;
	for (size_t i = 0; i < in->records_n; i++)
		if (!id_is_valid(in->records[i].s, "rec"))
			return false;
	return true;
}

static bool call_is_valid(const struct api_call *in)
{
	if (in->done == NULL || (unsigned)in->kind >= API_KINDS ||
	    (unsigned)in->priority >= API_PRIORITIES)
		return false;
	if (needs_base(in->kind) && !id_is_valid(in->base.s, "app"))
		return false;
	if (needs_table(in->kind) && !id_is_valid(in->table.s, "tbl"))
		return false;
	if (needs_hook(in->kind) && !id_is_valid(in->hook.s, "ach"))
		return false;
	if (in->kind == API_HOOK_PAYLOADS && in->cursor < 1)
		return false;
	if (in->offset != NULL && strlen(in->offset) > OFFSET_MAX)
		return false;
	if (in->kind == API_GET_RECORD || in->kind == API_COMMENTS)
		return id_is_valid(in->record.s, "rec");
	if (has_body(in->kind))
		return json_is_object(in->body);
	if (in->kind == API_DELETE)
		return records_are_valid(in);
	return true;
}

/* Everything but the unreserved characters (RFC 3986, 2.3), also the slash. */
static void put_encoded(FILE *f, const char *s)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~";

	for (; *s != '\0'; s++)
		if (strchr(plain, *s) != NULL)
			fputc(*s, f);
		else
			fprintf(f, "%%%02X", (unsigned)(unsigned char)*s);
}

static bool has_text(const char *s)
{
	return s != NULL && s[0] != '\0';
}

/* Ids as keys, so that a field renamed between two calls changes nothing. */
#define BY_ID "returnFieldsByFieldId=true"

static void put_list_query(FILE *f, const struct api_call *in)
{
	if (has_text(in->formula)) {
		fputs("/listRecords", f);
		return;
	}
	fprintf(f, "?pageSize=%u&" BY_ID,
		in->page_size > 0 ? in->page_size : API_PAGE_MAX);
	if (has_text(in->offset)) {
		fputs("&offset=", f);
		put_encoded(f, in->offset);
	}
}

/* The part after the endpoint: airtable-api.md 3, 7, 8 and 13. */
static void put_path(FILE *f, const struct api_call *in)
{
	if (needs_table(in->kind))
		fprintf(f, "/v0/%s/%s", in->base.s, in->table.s);
	if (is_of_hooks(in->kind))
		fprintf(f, "/v0/bases/%s/webhooks", in->base.s);
	if (needs_hook(in->kind))
		fprintf(f, "/%s", in->hook.s);
	switch (in->kind) {
	case API_WHOAMI:
		fputs("/v0/meta/whoami", f);
		break;
	case API_LIST_BASES:
		fputs("/v0/meta/bases", f);
		if (has_text(in->offset)) {
			fputs("?offset=", f);
			put_encoded(f, in->offset);
		}
		break;
	case API_SCHEMA:
		fprintf(f, "/v0/meta/bases/%s/tables", in->base.s);
		break;
	case API_LIST_RECORDS:
		put_list_query(f, in);
		break;
	case API_GET_RECORD:
		fprintf(f, "/%s?" BY_ID, in->record.s);
		break;
	case API_COMMENTS:
		fprintf(f, "/%s/comments?pageSize=1", in->record.s);
		break;
	case API_DELETE:
		for (size_t i = 0; i < in->records_n; i++)
			fprintf(f, "%crecords[]=%s", i == 0 ? '?' : '&',
				in->records[i].s);
		break;
	case API_HOOK_PAYLOADS:
		fprintf(f, "/payloads?cursor=%lld", (long long)in->cursor);
		break;
	case API_HOOK_REFRESH:
		fputs("/refresh", f);
		break;
	case API_CREATE:
	case API_UPDATE:
	case API_HOOKS:
	case API_HOOK_CREATE:
	case API_HOOK_DELETE:
	case API_KINDS:
		break;
	}
}

static int build_url(const char *endpoint, const struct api_call *in,
		     struct call *out)
{
	size_t n = 0;
	FILE *f = open_memstream(&out->url, &n);
	bool failed;

	if (f == NULL)
		return -ENOMEM;
	fputs(endpoint, f);
	put_path(f, in);
	failed = ferror(f) != 0;
	if (fclose(f) != 0 || failed)
		return -ENOMEM;
	return n < API_URL_MAX ? 0 : -EINVAL;
}

/* All parameters go into the body, on every page: airtable-api.md 8.1. */
static json_t *list_body(const struct api_call *in)
{
	json_t *o = json_pack("{s:i, s:b, s:s}", "pageSize", API_PAGE_MAX,
			      "returnFieldsByFieldId", 1, "filterByFormula",
			      in->formula);

	if (o == NULL || !has_text(in->offset))
		return o;
	if (json_object_set_new(o, "offset", json_string(in->offset)) == 0)
		return o;
	json_decref(o);
	return NULL;
}

static int build_body(const struct api_call *in, struct call *out)
{
	json_t *list = NULL;

	if (in->kind == API_LIST_RECORDS && has_text(in->formula)) {
		list = list_body(in);
		if (list == NULL) /* no memory, or no UTF-8 */
			return -EINVAL;
		out->body = json_dumps(list, JSON_COMPACT);
		json_decref(list);
	} else if (has_body(in->kind)) {
		out->body = json_dumps(in->body, JSON_COMPACT);
	} else {
		return 0;
	}
	if (out->body == NULL)
		return -ENOMEM;
	out->body_n = strlen(out->body);
	return 0;
}

int request_build(const char *endpoint, const struct api_call *in,
		  struct call *out)
{
	int r;

	if (!call_is_valid(in))
		return -EINVAL;
	r = build_body(in, out);
	if (r == 0)
		r = build_url(endpoint, in, out);
	if (r < 0)
		return r;
	if (in->kind == API_UPDATE)
		out->method = HTTP_PATCH;
	else if (in->kind == API_DELETE || in->kind == API_HOOK_DELETE)
		out->method = HTTP_DELETE;
	else if (in->kind == API_HOOK_REFRESH)
		out->method = HTTP_POST;
	else
		out->method = out->body != NULL ? HTTP_POST : HTTP_GET;
	return 0;
}
