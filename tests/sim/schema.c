#include "schema.h"

#include <stdio.h>
#include <string.h>

#define BASES_PAGE 1000

int schema_whoami(struct sim *s, struct call *c, struct reply *r)
{
	const struct user *u = &s->state->users[c->token->user];
	json_t *o;

	if (c->query.n)
		return reply_error(r, ERR_PARAM);
	o = json_object();
	json_object_set_new(o, "id", json_string(u->id));
	if ((c->token->scopes & SC_EMAIL) && u->email)
		json_object_set_new(o, "email", json_string(u->email));
	if (c->token->oauth)
		json_object_set_new(o, "scopes", token_scopes_json(c->token));
	buf_json(&r->body, o);
	json_decref(o);
	return 0;
}

static void base_json(const struct base *b, enum level l, struct buf *out)
{
	buf_str(out, "{\"id\":");
	buf_json_str(out, b->id, strlen(b->id));
	buf_str(out, ",\"name\":");
	buf_json_str(out, b->name, strlen(b->name));
	buf_printf(out, ",\"permissionLevel\":\"%s\"}", level_name(l));
}

int schema_bases(struct sim *s, struct call *c, struct reply *r)
{
	const struct state *st = s->state;
	const char *from = NULL;
	size_t i = 0, n = 0;

	for (size_t k = 0; k < c->query.n; k++) {
		if (strcmp(c->query.v[k].key, "offset") != 0)
			return reply_error(r, ERR_PARAM);
		if (*c->query.v[k].value)
			from = strchr(c->query.v[k].value, '/');
		if (*c->query.v[k].value && !from)
			return reply_errorf(r, ERR_OFFSET, "The value of "
					    "offset %s is invalid",
					    c->query.v[k].value);
	}
	if (!(c->token->scopes & SC_SCHEMA_READ))
		return reply_error(r, ERR_MODEL);
	while (from && i < st->bases_n && strcmp(st->bases[i]->id, from + 1))
		i++;
	if (from && i == st->bases_n)
		return reply_error(r, ERR_ITERATOR);
	buf_str(&r->body, "{\"bases\":[");
	for (; i < st->bases_n; i++) {
		enum level l = token_level(c->token, st->bases[i]);

		if (l == LV_NONE)
			continue;
		if (n == BASES_PAGE)
			break;
		if (n++)
			buf_chr(&r->body, ',');
		base_json(st->bases[i], l, &r->body);
	}
	buf_chr(&r->body, ']');
	if (i < st->bases_n)
		buf_printf(&r->body, ",\"offset\":\"itrBases0000000000/%s\"",
			   st->bases[i]->id);
	buf_chr(&r->body, '}');
	return 0;
}

json_t *schema_field_json(const struct field *f, bool secret)
{
	json_t *o = json_object();
	json_t *opt;

	json_object_set_new(o, "type", json_string(f->type_name));
	if (f->options) {
		opt = json_copy(f->options);
		if (!secret && f->type == FT_ROLLUP)
			json_object_del(opt, "formula");
		json_object_set_new(o, "options", opt);
	}
	json_object_set_new(o, "id", json_string(f->id));
	json_object_set_new(o, "name", json_string(f->name));
	if (f->description)
		json_object_set_new(o, "description",
				    json_string(f->description));
	if (secret && f->no_write)
		json_object_set_new(o, "permissions",
				    json_pack("{s:b}", "write", 0));
	return o;
}

static json_t *view_json(const struct table *t, const struct view *v,
			 bool visible, bool secret)
{
	json_t *o = json_object();
	json_t *list;

	json_object_set_new(o, "id", json_string(v->id));
	json_object_set_new(o, "name", json_string(v->name));
	json_object_set_new(o, "type", json_string(v->type));
	if (secret && v->filter)
		json_object_set_new(o, "filterByFormula",
				    json_string(v->filter));
	if (secret && v->sort)
		json_object_set(o, "sort", v->sort);
	if (secret && v->visible)
		json_object_set(o, "visibleFieldIds", v->visible);
	if (secret || !visible || strcmp(v->type, "grid") != 0)
		return o;
	if (v->visible) {
		json_object_set(o, "visibleFieldIds", v->visible);
		return o;
	}
	list = json_array();
	for (size_t i = 0; i < t->fields_n; i++)
		json_array_append_new(list, json_string(t->fields[i]->id));
	json_object_set_new(o, "visibleFieldIds", list);
	return o;
}

json_t *schema_table_json(const struct table *t, bool visible, bool secret)
{
	json_t *o = json_object();
	json_t *fields = json_array();
	json_t *views = json_array();

	json_object_set_new(o, "id", json_string(t->id));
	json_object_set_new(o, "name", json_string(t->name));
	if (t->description)
		json_object_set_new(o, "description",
				    json_string(t->description));
	if (t->primary)
		json_object_set_new(o, "primaryFieldId",
				    json_string(t->primary->id));
	for (size_t i = 0; i < t->fields_n; i++)
		json_array_append_new(fields, schema_field_json(t->fields[i],
								secret));
	for (size_t i = 0; i < t->views_n; i++)
		json_array_append_new(views, view_json(t, &t->views[i],
						       visible, secret));
	json_object_set_new(o, "fields", fields);
	json_object_set_new(o, "views", views);
	if (t->extra)
		json_object_update(o, t->extra);
	if (secret && t->synced)
		json_object_set_new(o, "isSynced", json_true());
	if (secret && (t->no_create || t->no_delete))
		json_object_set_new(o, "permissions",
				    json_pack("{s:b,s:b}", "create",
					      !t->no_create, "delete",
					      !t->no_delete));
	return o;
}

static int include(const struct call *c, bool *visible)
{
	*visible = false;
	for (size_t i = 0; i < c->query.n; i++) {
		const char *k = c->query.v[i].key;

		if ((strcmp(k, "include") && strcmp(k, "include[]") &&
		     strcmp(k, "include[0]")) ||
		    strcmp(c->query.v[i].value, "visibleFieldIds") != 0)
			return -1;
		*visible = true;
	}
	return 0;
}

int schema_tables(struct sim *s, struct call *c, struct reply *r)
{
	bool visible;

	if (include(c, &visible))
		return reply_error(r, ERR_PARAM);
	if (call_open(s, c, SC_SCHEMA_READ, LV_READ, r))
		return -1;
	buf_str(&r->body, "{\"tables\":[");
	for (size_t i = 0; i < c->base->tables_n; i++) {
		json_t *o = schema_table_json(c->base->tables[i], visible,
					      false);

		if (i)
			buf_chr(&r->body, ',');
		buf_json(&r->body, o);
		json_decref(o);
	}
	buf_str(&r->body, "]}");
	return 0;
}
