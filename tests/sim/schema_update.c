#include "schema_write.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "feed.h"
#include "mem.h"
#include "schema.h"

static const char *str(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

/* A new name or description in a body: absent, or a text that fits. */
static int texts_ok(const json_t *o, enum err taken, bool in_use,
		    struct reply *r)
{
	const json_t *name = json_object_get(o, "name");
	const json_t *text = json_object_get(o, "description");
	const char *s = json_string_value(name);

	if ((name && !s) || (text && !json_is_string(text)) ||
	    json_string_length(text) > SCHEMA_TEXT_MAX)
		return reply_error(r, ERR_PARAM);
	while (s && isspace((unsigned char)*s))
		s++;
	if (s && (!*s || in_use))
		return reply_error(r, taken);
	return 0;
}

static void note(struct base *b, enum feed_kind kind, const char *table,
		 const char *field, const json_t *now, const char *old_name,
		 const char *old_text)
{
	json_t *current = json_object(), *previous = json_object();
	const char *name = str(now, "name");
	const char *text = str(now, "description");

	if (name) {
		json_object_set_new(current, "name", json_string(name));
		json_object_set_new(previous, "name", json_string(old_name));
	}
	if (text && !field) {	/* of fields only name and type are told */
		json_object_set_new(current, "description",
				    json_string(text));
		json_object_set_new(previous, "description",
				    json_string(old_text ? old_text : ""));
	}
	if (json_object_size(current)) {
		feed_event(b, kind, table, field, current, previous);
		return;
	}
	json_decref(current);
	json_decref(previous);
}

static void set_text(char **to, const char *text)
{
	if (!text)
		return;
	free(*to);
	*to = *text ? sim_strdup(text) : NULL;
}

static bool dependency_ok(const struct table *t, const json_t *o)
{
	static const char *const keys[] = {
		"isEnabled", "startDateFieldId", "endDateFieldId",
		"durationFieldId", "predecessorFieldId", "reschedulingMode",
		"shouldSkipWeekendsAndHolidays", "holidays", "isForwardOnly",
		NULL,
	};

	if (!o)
		return true;
	if (!json_is_object(o) || !call_only_keys(o, keys))
		return false;
	for (size_t i = 1; i < 5; i++) {
		const json_t *v = json_object_get(o, keys[i]);
		const char *id = json_string_value(v);

		if (v && !json_is_null(v) && !(id && table_field(t, id)))
			return false;
	}
	return true;
}

int schema_update_table(struct sim *s, struct call *c, struct reply *r)
{
	static const char *const keys[] = { "name", "description",
					    "dateDependencySettings", NULL };
	json_t *dep = json_object_get(c->json, "dateDependencySettings");
	const char *name = str(c->json, "name");
	bool in_use = false;
	struct table *t;
	json_t *o;

	if (c->query.n || !call_only_keys(c->json, keys) ||
	    !json_object_size(c->json))
		return reply_error(r, ERR_PARAM);
	if (call_open_table(s, c, 4, SC_SCHEMA_WRITE, LV_CREATE, r))
		return -1;
	t = c->table;
	for (size_t i = 0; name && i < c->base->tables_n; i++)
		in_use |= c->base->tables[i] != t &&
			  !strcasecmp(c->base->tables[i]->name, name);
	if (texts_ok(c->json, ERR_TABLE_NAME, in_use, r))
		return -1;
	if (!dependency_ok(t, dep))
		return reply_error(r, ERR_PARAM);
	note(c->base, FEED_TABLE_CHANGED, t->id, NULL, c->json, t->name,
	     t->description);
	if (name)
		set_text(&t->name, name);
	set_text(&t->description, str(c->json, "description"));
	if (dep) {
		if (!t->extra)
			t->extra = json_object();
		json_object_set_new(t->extra, "dateDependencySettings",
				    json_deep_copy(dep));
	}
	o = schema_table_json(t, false, false);
	buf_json(&r->body, o);
	json_decref(o);
	return 0;
}

static int find_in_table(void *ctx, const char *name)
{
	const struct field *f = table_field(ctx, name);

	return f ? (int)f->index : -1;
}

/* Only a formula's text may change; in the grid everything may. */
static int options_ok(const struct call *c, const struct field *f,
		      struct reply *r)
{
	static const char *const keys[] = { "formula", NULL };
	const json_t *o = json_object_get(c->json, "options");
	const char *text = str(o, "formula");
	struct fx_names names = { f->table, find_in_table };
	struct fx_prog *p;
	char err[300];

	if (!o || c->as_user)
		return 0;
	if (f->type != FT_FORMULA || !call_only_keys(o, keys) || !text)
		return reply_error(r, ERR_PARAM);
	p = fx_compile(text, &names, err, sizeof(err));
	if (!p)
		return reply_errorf(r, ERR_SCHEMA_FORMULA, "%s", err);
	fx_free(p);
	return 0;
}

static struct field *open_field(struct sim *s, struct call *c, struct reply *r)
{
	struct field *f;

	if (call_open_table(s, c, 4, SC_SCHEMA_WRITE, LV_CREATE, r))
		return NULL;
	f = table_field(c->table, c->seg[6]);
	if (!f)
		reply_error(r, ERR_MODEL);
	return f;
}

/* A cell of another type is not what it was; text alone stays text. */
static void change_type(struct field *f, const char *type)
{
	enum field_type old = f->type;

	free(f->type_name);
	f->type_name = sim_strdup(type);
	f->type = field_type_of(type);
	if (old <= FT_PHONE && f->type <= FT_PHONE)
		return;
	for (size_t i = 0; i < f->table->rows_n; i++)
		record_put(f->table->rows[i], f, NULL);
}

static void note_type(struct field *f, const char *type)
{
	json_t *current = json_object(), *previous = json_object();

	json_object_set_new(current, "type", json_string(type));
	json_object_set_new(previous, "type", json_string(f->type_name));
	feed_event(f->table->base, FEED_FIELD_CHANGED, f->table->id, f->id,
		   current, previous);
}

int schema_update_field(struct sim *s, struct call *c, struct reply *r)
{
	static const char *const keys[] = { "name", "description", "options",
					    "type", NULL };
	const char *name = str(c->json, "name");
	const char *type = str(c->json, "type");
	json_t *options = json_object_get(c->json, "options");
	bool in_use = false;
	struct field *f;
	json_t *o;

	if (c->query.n || !call_only_keys(c->json, keys) ||
	    !json_object_size(c->json) ||
	    (json_object_get(c->json, "type") && !(c->as_user && type)) ||
	    (options && !json_is_object(options)))
		return reply_error(r, ERR_PARAM);
	f = open_field(s, c, r);
	if (!f)
		return -1;
	for (size_t i = 0; name && i < c->table->fields_n; i++)
		in_use |= c->table->fields[i] != f &&
			  !strcasecmp(c->table->fields[i]->name, name);
	if (texts_ok(c->json, ERR_FIELD_NAME, in_use, r) ||
	    options_ok(c, f, r))
		return -1;
	note(c->base, FEED_FIELD_CHANGED, c->table->id, f->id, c->json,
	     f->name, NULL);
	if (name)
		field_rename(f, name);
	set_text(&f->description, str(c->json, "description"));
	if (type && strcmp(type, f->type_name) != 0) {
		note_type(f, type);
		change_type(f, type);
	}
	if (options && f->options)
		json_object_update(f->options, options);
	else if (options)
		f->options = json_deep_copy(options);
	state_resolve(c->base);
	o = schema_field_json(f, false);
	buf_json(&r->body, o);
	json_decref(o);
	return 0;
}

/* What follows has no route in the API. */
int schema_rename_base(struct sim *s, struct call *c, struct reply *r)
{
	const char *name = str(c->json, "name");

	if (call_open(s, c, 0, LV_CREATE, r))
		return -1;
	if (!name)
		return reply_error(r, ERR_PARAM);
	set_text(&c->base->name, name);
	buf_printf(&r->body, "{\"id\":\"%s\"}", c->base->id);
	return 0;
}

int schema_delete_table(struct sim *s, struct call *c, struct reply *r)
{
	struct table *t;
	char id[ID_CAP];

	if (call_open_table(s, c, 4, 0, LV_CREATE, r))
		return -1;
	t = c->table;
	memcpy(id, t->id, sizeof(id));
	for (size_t i = 0; i < c->base->tables_n; i++) {
		struct table *o = c->base->tables[i];

		for (size_t k = o->fields_n; o != t && k--;) {
			if (o->fields[k]->linked != t)
				continue;
			feed_event(c->base, FEED_FIELD_GONE, o->id,
				   o->fields[k]->id, NULL, NULL);
			table_drop_field(o, o->fields[k]);
		}
	}
	base_drop_table(s->state, t, &c->actor);
	feed_event(c->base, FEED_TABLE_GONE, id, NULL, NULL, NULL);
	buf_printf(&r->body, "{\"id\":\"%s\",\"deleted\":true}", id);
	return 0;
}

int schema_delete_field(struct sim *s, struct call *c, struct reply *r)
{
	struct field *f, *back;
	char id[ID_CAP];

	f = open_field(s, c, r);
	if (!f)
		return -1;
	if (f == c->table->primary)
		return reply_error(r, ERR_PARAM);
	memcpy(id, f->id, sizeof(id));
	back = f->inverse;
	feed_event(c->base, FEED_FIELD_GONE, c->table->id, id, NULL, NULL);
	if (back && back != f && back != back->table->primary) {
		feed_event(c->base, FEED_FIELD_GONE, back->table->id, back->id,
			   NULL, NULL);
		table_drop_field(back->table, back);
	}
	table_drop_field(c->table, f);
	buf_printf(&r->body, "{\"id\":\"%s\",\"deleted\":true}", id);
	return 0;
}
