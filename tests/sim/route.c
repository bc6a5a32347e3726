#include "route.h"

#include <string.h>

#include "list.h"
#include "recjson.h"
#include "schema.h"
#include "write.h"

static int get_record(struct sim *s, struct call *c, struct reply *r)
{
	static const char *const keys[] = { "cellFormat", "timeZone",
					    "userLocale",
					    "returnFieldsByFieldId",
					    "includeDateDependencyMetadata",
					    NULL };
	struct recjson_opt o = { 0 };
	json_t *q = params_json(&c->query);
	const char *fmt = json_string_value(json_object_get(q, "cellFormat"));
	int by_id = call_flag(q, "returnFieldsByFieldId");
	bool ok = q && call_only_keys(q, keys) && by_id >= 0;
	struct record *rec;

	o.by_id = by_id > 0;
	o.strings = fmt && !strcmp(fmt, "string");
	if (fmt && !o.strings && strcmp(fmt, "json") != 0)
		ok = false;
	if (o.strings && (!json_object_get(q, "timeZone") ||
			  !json_object_get(q, "userLocale")))
		ok = false;
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

/* A is a base id, R a record id, T a table's id or name; the rest stands
 * for itself. */
static const struct route routes[] = {
	{ "GET", "meta/whoami", KIND_WHOAMI, false, schema_whoami },
	{ "GET", "meta/bases", KIND_BASES, false, schema_bases },
	{ "GET", "meta/bases/A/tables", KIND_SCHEMA, false, schema_tables },
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

static bool seg_fits(const char *pat, size_t n, const char *seg)
{
	if (n == 1 && *pat == 'A')
		return id_is(seg, "app");
	if (n == 1 && *pat == 'R')
		return id_is(seg, "rec");
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

const struct route *route_find(struct call *c)
{
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
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (!strcmp(routes[i].method, c->method) &&
		    fits(c, routes[i].path)) {
			c->kind = routes[i].kind;
			return &routes[i];
		}
	}
	return NULL;
}

void route_run(struct sim *s, struct call *c, const struct route *rt,
	       struct reply *r)
{
	c->actor.user = c->token->user;
	c->actor.now_ms = state_now_ms(s->state);
	if (rt->body && call_body(c, r))
		return;
	rt->run(s, c, r);
}
