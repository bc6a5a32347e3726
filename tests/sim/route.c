#include "route.h"

#include <string.h>

#include "attach.h"
#include "comment.h"
#include "list.h"
#include "list_param.h"
#include "recjson.h"
#include "schema.h"
#include "schema_write.h"
#include "webhook.h"
#include "write.h"

static int get_record(struct sim *s, struct call *c, struct reply *r)
{
	static const char *const keys[] = { "cellFormat", "timeZone",
					    "userLocale",
					    "returnFieldsByFieldId",
					    "includeDateDependencyMetadata",
					    NULL };
	struct recjson_opt o = { .by_id = false };
	json_t *q = params_json(&c->query);
	int by_id = call_flag(q, "returnFieldsByFieldId");
	int dates = call_flag(q, "includeDateDependencyMetadata");
	bool ok = q && call_only_keys(q, keys) && by_id >= 0 &&
		  dates >= 0 &&
		  !list_format(q, &c->query, &o.look);
	struct record *rec;

	o.by_id = by_id > 0;
	o.dates = dates > 0;
	json_decref(q);
	if (!ok)
		return reply_error(r, ERR_PARAM);
	if (call_open_table(s, c, 1, SC_RECORDS_READ, LV_READ, r))
		return -1;
	rec = base_record(c->base, c->seg[2]);	/* in any table of the base */
	if (!rec)
		return reply_error(r, s->old_missing ? ERR_MODEL_ID :
						       ERR_MODEL);
	recjson_write(s->state, rec, &o, &r->body);
	return 0;
}

static int list_get(struct sim *s, struct call *c, struct reply *r)
{
	return list_records(s, c, false, r);
}

static int list_post(struct sim *s, struct call *c, struct reply *r)
{
	return list_records(s, c, true, r);
}

static int patch(struct sim *s, struct call *c, struct reply *r)
{
	return write_update(s, c, false, r);
}

static int put(struct sim *s, struct call *c, struct reply *r)
{
	return write_update(s, c, true, r);
}

/* Calls of enterprise plans: nobody here is on one (airtable-api.md 7.3). */
static int enterprise(struct sim *s, struct call *c, struct reply *r)
{
	(void)s;
	(void)c;
	return reply_error(r, ERR_MODEL);
}

/* A is a base id, R a record's, W a webhook's, C a comment's, T an id or a
 * name; the rest stands for itself. */
static const struct route routes[] = {
	{ "GET", "meta/whoami", KIND_WHOAMI, false, schema_whoami },
	{ "GET", "meta/bases", KIND_BASES, false, schema_bases },
	{ "GET", "meta/bases/A/tables", KIND_SCHEMA, false, schema_tables },
	{ "GET", "meta/bases/A", KIND_BASES, false, schema_base },
	{ "GET", "meta/workspaces", KIND_OTHER, false, enterprise },
	{ "GET", "meta/bases/A/views", KIND_OTHER, false, enterprise },
	{ "GET", "meta/bases/A/views/T", KIND_OTHER, false, enterprise },
	{ "DELETE", "meta/bases/A/views/T", KIND_OTHER, false, enterprise },
	{ "DELETE", "meta/bases/A", KIND_OTHER, false, enterprise },
	{ "POST", "meta/bases", KIND_SCHEMA_WRITE, true, schema_create_base },
	{ "POST", "meta/bases/A/tables", KIND_SCHEMA_WRITE, true,
	  schema_create_table },
	{ "PATCH", "meta/bases/A/tables/T", KIND_SCHEMA_WRITE, true,
	  schema_update_table },
	{ "POST", "meta/bases/A/tables/T/fields", KIND_SCHEMA_WRITE, true,
	  schema_create_field },
	{ "PATCH", "meta/bases/A/tables/T/fields/T", KIND_SCHEMA_WRITE, true,
	  schema_update_field },
	{ "POST", "bases/A/webhooks", KIND_WEBHOOK_WRITE, true,
	  webhook_create },
	{ "GET", "bases/A/webhooks", KIND_WEBHOOKS, false, webhook_list },
	{ "GET", "bases/A/webhooks/W/payloads", KIND_PAYLOADS, false,
	  webhook_payloads },
	{ "POST", "bases/A/webhooks/W/refresh", KIND_WEBHOOK_WRITE, false,
	  webhook_refresh },
	{ "POST", "bases/A/webhooks/W/enableNotifications",
	  KIND_WEBHOOK_WRITE, true, webhook_notify },
	{ "DELETE", "bases/A/webhooks/W", KIND_WEBHOOK_WRITE, false,
	  webhook_delete },
	{ "POST", "A/R/T/uploadAttachment", KIND_UPLOAD, true,
	  attach_upload },
	{ "GET", "A/T/R/comments", KIND_COMMENTS, false, comment_list },
	{ "POST", "A/T/R/comments", KIND_COMMENT_WRITE, true,
	  comment_create },
	{ "PATCH", "A/T/R/comments/C", KIND_COMMENT_WRITE, true,
	  comment_update },
	{ "DELETE", "A/T/R/comments/C", KIND_COMMENT_WRITE, false,
	  comment_delete },
	{ "POST", "A/T/listRecords", KIND_LIST, true, list_post },
	{ "GET", "A/T/R", KIND_GET, false, get_record },
	{ "PATCH", "A/T/R", KIND_UPDATE, true, patch },
	{ "PUT", "A/T/R", KIND_UPDATE, true, put },
	{ "DELETE", "A/T/R", KIND_DELETE, false, write_delete },
	{ "GET", "A/T", KIND_LIST, false, list_get },
	{ "POST", "A/T", KIND_CREATE, true, write_create },
	{ "PATCH", "A/T", KIND_UPDATE, true, patch },
	{ "PUT", "A/T", KIND_UPDATE, true, put },
	{ "DELETE", "A/T", KIND_DELETE, false, write_delete },
};

/* What the grid can do and the API cannot. */
static const struct route grid_routes[] = {
	{ "PATCH", "meta/bases/A", KIND_SCHEMA_WRITE, true,
	  schema_rename_base },
	{ "DELETE", "meta/bases/A/tables/T", KIND_SCHEMA_WRITE, false,
	  schema_delete_table },
	{ "DELETE", "meta/bases/A/tables/T/fields/T", KIND_SCHEMA_WRITE,
	  false, schema_delete_field },
};

static bool seg_fits(const char *pat, size_t n, const char *seg)
{
	if (n == 1 && *pat == 'A')
		return id_is(seg, "app");
	if (n == 1 && *pat == 'R')
		return id_is(seg, "rec");
	if (n == 1 && *pat == 'W')
		return id_is(seg, "ach");
	if (n == 1 && *pat == 'C')
		return id_is(seg, "com");
	if (n == 1 && *pat == 'T')
		return *seg != '\0';
	return strlen(seg) == n && !strncmp(pat, seg, n);
}

static bool fits(const struct call *c, const char *path)
{
	for (size_t i = 0; i < c->seg_n; i++) {
		size_t n = strcspn(path, "/");

		if (!n || !seg_fits(path, n, c->seg[i]))
			return false;
		path += n;
		path += *path == '/';
	}
	return !*path;
}

static const struct route *search(const struct call *c,
				  const struct route *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(v[i].method, c->method) && fits(c, v[i].path))
			return &v[i];
	return NULL;
}

const struct route *route_find(struct call *c)
{
	const struct route *rt = NULL;

	for (size_t i = 0; i < c->seg_n; i++) {
		if (id_is(c->seg[i], "app") &&
		    (i == 0 || (i == 2 && !strcmp(c->seg[0], "meta")) ||
		     (i == 1 && !strcmp(c->seg[0], "bases")))) {
			memcpy(c->base_id, c->seg[i], strlen(c->seg[i]) + 1);
			break;
		}
	}
	if (!c->root_v0 || c->bad_escape)
		return NULL;
	if (c->as_user)
		rt = search(c, grid_routes,
			    sizeof(grid_routes) / sizeof(routes[0]));
	if (!rt)
		rt = search(c, routes, sizeof(routes) / sizeof(routes[0]));
	if (rt)
		c->kind = rt->kind;
	return rt;
}

void route_run(struct sim *s, struct call *c, const struct route *rt,
	       struct reply *r)
{
	struct base *b;
	struct feed f;

	if (!c->source)
		c->source = c->as_user ? "client" : "publicApi";
	c->actor.user = c->token->user;
	c->actor.now_ms = state_now_ms(s->state);
	if (rt->body && call_body(s, c, r))
		return;
	b = *c->base_id ? state_base(s->state, c->base_id) : NULL;
	if (!b || !b->hooks_n) {
		rt->run(s, c, r);
		return;
	}
	feed_begin(&f, s->state, b);
	f.computed = s->computed;
	if (!rt->run(s, c, r))
		hooks_note(b, &f, &c->actor, c->source);
	feed_release(&f);
}
