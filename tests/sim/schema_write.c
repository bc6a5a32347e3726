#include "schema_write.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "feed.h"
#include "field_options.h"
#include "mem.h"
#include "schema.h"

static const char *str(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static bool blank(const char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	return !*s;
}

static struct field *field_named(const struct table *t, const char *name,
				 const struct field *but)
{
	for (size_t i = 0; i < t->fields_n; i++)
		if (t->fields[i] != but &&
		    !strcasecmp(t->fields[i]->name, name))
			return t->fields[i];
	return NULL;
}

static int table_name_ok(const struct base *b, const struct table *but,
			 const char *name, struct reply *r)
{
	if (!name)
		return reply_error(r, ERR_PARAM);
	if (blank(name))
		return reply_error(r, ERR_TABLE_NAME);
	for (size_t i = 0; b && i < b->tables_n; i++)
		if (b->tables[i] != but &&
		    !strcasecmp(b->tables[i]->name, name))
			return reply_error(r, ERR_TABLE_NAME);
	return 0;
}

static int text_ok(const json_t *o, const char *key, size_t least,
		   struct reply *r)
{
	const json_t *v = json_object_get(o, key);

	if (v && (!json_is_string(v) || json_string_length(v) < least ||
		  json_string_length(v) > SCHEMA_TEXT_MAX))
		return reply_error(r, ERR_PARAM);
	return 0;
}

/* A field as it was asked for, checked but not made yet. */
struct plan {
	const char *name;
	const char *type;
	const char *description;
	json_t *options;
};

static void plans_free(struct plan *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		json_decref(p[i].options);
	free(p);
}

static int link_target_ok(const struct base *b, const struct plan *p,
			  struct reply *r)
{
	const char *id = str(p->options, "linkedTableId");

	if (field_type_of(p->type) != FT_LINKS)
		return 0;
	if (b && id && base_table(b, id) && id_is(id, "tbl"))
		return 0;
	return reply_errorf(r, ERR_FIELD_OPTIONS, "Failed schema validation: "
			    "%s.options is invalid", p->name);
}

static int plan_field(struct state *s, const struct base *b,
		      const char *table, const json_t *o, bool person,
		      struct plan *p, struct reply *r)
{
	static const char *const keys[] = { "name", "type", "description",
					    "options", NULL };
	const json_t *in = json_object_get(o, "options");

	p->name = str(o, "name");
	p->type = str(o, "type");
	p->description = str(o, "description");
	p->options = NULL;
	if (!json_is_object(o) || !call_only_keys(o, keys) || !p->name ||
	    !p->type)
		return reply_error(r, ERR_PARAM);
	if (text_ok(o, "description", 0, r))
		return -1;
	if (blank(p->name))
		return reply_error(r, ERR_FIELD_NAME);
	if (s->quirk.create_formula && str(in, "formula"))
		person |= field_type_of(p->type) == FT_FORMULA;
	if (person && field_is_computed(field_type_of(p->type))) {
		p->options = json_deep_copy(in);
		return 0;
	}
	if (field_options_check(s, table, p->name, p->type, in, &p->options,
				r))
		return -1;
	if (link_target_ok(b, p, r)) {
		json_decref(p->options);
		p->options = NULL;
		return -1;
	}
	return 0;
}

static void free_name(const struct table *t, const char *want, char *out,
		      size_t cap)
{
	snprintf(out, cap, "%s", want);
	for (unsigned i = 2; field_named(t, out, NULL); i++)
		snprintf(out, cap, "%s %u", want, i);
}

static json_t *field_event(const struct field *f)
{
	json_t *o = json_object();

	json_object_set_new(o, "name", json_string(f->name));
	json_object_set_new(o, "type", json_string(f->type_name));
	return o;
}

/* The other side of a link: none for a table linked to itself. */
static void add_inverse(struct state *s, struct field *f)
{
	struct base *b = f->table->base;
	struct table *to = base_table(b, str(f->options, "linkedTableId"));
	char id[ID_CAP], name[300];
	struct field *back;
	json_t *o;

	json_object_set_new(f->options, "isReversed", json_false());
	json_object_set_new(f->options, "prefersSingleRecordLink",
			    json_false());
	if (!to || to == f->table)
		return;
	id_make(&s->rng, "fld", id);
	free_name(to, f->table->name, name, sizeof(name));
	o = json_object();
	json_object_set_new(o, "linkedTableId", json_string(f->table->id));
	json_object_set_new(o, "isReversed", json_false());
	json_object_set_new(o, "prefersSingleRecordLink", json_false());
	json_object_set_new(o, "inverseLinkFieldId", json_string(f->id));
	back = table_add_field(to, id, name, "multipleRecordLinks", o);
	json_object_set_new(f->options, "inverseLinkFieldId",
			    json_string(id));
	feed_event(b, FEED_FIELD_MADE, to->id, id, field_event(back), NULL);
}

static struct field *make_field(struct state *s, struct table *t,
				struct plan *p)
{
	struct field *f;
	char id[ID_CAP];

	id_make(&s->rng, "fld", id);
	f = table_add_field(t, id, p->name, p->type, p->options);
	p->options = NULL;
	if (p->description && *p->description)
		f->description = sim_strdup(p->description);
	if (f->type == FT_LINKS)
		add_inverse(s, f);
	if (f->type == FT_ATTACHMENTS) {
		f->options = json_object();
		json_object_set_new(f->options, "isReversed", json_false());
	}
	return f;
}

/* All fields of a new table; *out holds their plans. */
static int plan_fields(struct state *s, const struct base *b,
		       const char *table, const json_t *list, bool person,
		       struct plan **out, struct reply *r)
{
	size_t n = json_array_size(list);
	struct plan *p;

	if (!json_is_array(list) || !n || n > SCHEMA_FIELDS_MAX)
		return reply_error(r, ERR_PARAM);
	p = sim_alloc(n * sizeof(*p));
	for (size_t i = 0; i < n; i++) {
		int bad = plan_field(s, b, table, json_array_get(list, i),
				     person, &p[i], r);

		for (size_t k = 0; !bad && k < i; k++)
			if (!strcasecmp(p[k].name, p[i].name))
				bad = reply_error(r, ERR_FIELD_NAME);
		if (!bad && !i &&
		    !field_may_be_primary(field_type_of(p[0].type)))
			bad = reply_error(r, ERR_PARAM);
		if (bad) {
			plans_free(p, i + 1);
			return -1;
		}
	}
	*out = p;
	return 0;
}

static struct table *make_table(struct state *s, struct base *b,
				const json_t *o, struct plan *p, size_t n)
{
	const char *text = str(o, "description");
	struct table *t;
	char id[ID_CAP];

	id_make(&s->rng, "tbl", id);
	t = base_add_table(b, id, str(o, "name"));
	if (text && *text)
		t->description = sim_strdup(text);
	for (size_t i = 0; i < n; i++)
		make_field(s, t, &p[i]);
	id_make(&s->rng, "viw", id);
	table_add_view(t, id, "Grid view", "grid");
	return t;
}

static int plan_table(struct state *s, const struct base *b, const json_t *o,
		      bool person, struct plan **p, struct reply *r)
{
	static const char *const keys[] = { "name", "description", "fields",
					    NULL };

	if (!json_is_object(o) || !call_only_keys(o, keys))
		return reply_error(r, ERR_PARAM);
	if (table_name_ok(b, NULL, str(o, "name"), r) ||
	    text_ok(o, "description", 1, r))
		return -1;
	return plan_fields(s, b, str(o, "name"), json_object_get(o, "fields"),
			   person, p, r);
}

static void answer_table(const struct table *t, struct reply *r)
{
	json_t *o = schema_table_json(t, false, false);

	buf_json(&r->body, o);
	json_decref(o);
}

static void note_table(struct table *t)
{
	json_t *o = json_object(), *meta = json_object();
	json_t *fields = json_object();

	json_object_set_new(meta, "name", json_string(t->name));
	if (t->description)
		json_object_set_new(meta, "description",
				    json_string(t->description));
	for (size_t i = 0; i < t->fields_n; i++)
		json_object_set_new(fields, t->fields[i]->id,
				    field_event(t->fields[i]));
	json_object_set_new(o, "metadata", meta);
	json_object_set_new(o, "fieldsById", fields);
	json_object_set_new(o, "recordsById", json_object());
	feed_event(t->base, FEED_TABLE_MADE, t->id, NULL, o, NULL);
}

int schema_create_table(struct sim *s, struct call *c, struct reply *r)
{
	struct plan *p = NULL;
	struct table *t;
	size_t n;

	if (c->query.n)
		return reply_error(r, ERR_PARAM);
	if (call_open(s, c, SC_SCHEMA_WRITE, LV_CREATE, r))
		return -1;
	if (c->base->tables_n >= SCHEMA_TABLES_MAX)
		return reply_error(r, ERR_PARAM);
	if (plan_table(s->state, c->base, c->json, c->as_user, &p, r))
		return -1;
	n = json_array_size(json_object_get(c->json, "fields"));
	t = make_table(s->state, c->base, c->json, p, n);
	plans_free(p, n);
	state_resolve(c->base);
	note_table(t);
	answer_table(t, r);
	return 0;
}

int schema_create_field(struct sim *s, struct call *c, struct reply *r)
{
	struct plan p;
	struct field *f;
	json_t *o;

	if (c->query.n)
		return reply_error(r, ERR_PARAM);
	if (call_open_table(s, c, 4, SC_SCHEMA_WRITE, LV_CREATE, r))
		return -1;
	if (c->table->fields_n >= SCHEMA_FIELDS_MAX)
		return reply_error(r, ERR_PARAM);
	if (plan_field(s->state, c->base, c->table->name, c->json, c->as_user,
		       &p, r))
		return -1;
	if (field_named(c->table, p.name, NULL)) {
		json_decref(p.options);
		return reply_error(r, ERR_FIELD_NAME);
	}
	f = make_field(s->state, c->table, &p);
	state_resolve(c->base);
	feed_event(c->base, FEED_FIELD_MADE, c->table->id, f->id,
		   field_event(f), NULL);
	o = schema_field_json(f, false);
	buf_json(&r->body, o);
	json_decref(o);
	return 0;
}

static int workspace_ok(struct sim *s, struct call *c, struct reply *r)
{
	const char *ws = str(c->json, "workspaceId");
	bool known;

	if (!ws)
		return reply_error(r, ERR_WORKSPACE);
	known = !strcmp(ws, STATE_WORKSPACE);
	for (size_t i = 0; i < s->state->bases_n; i++)
		known |= !strcmp(s->state->bases[i]->workspace, ws);
	if (!known || !(c->token->scopes & SC_SCHEMA_WRITE) ||
	    !c->token->all_bases)
		return reply_error(r, ERR_MODEL);
	return 0;
}

/* Tables of a base to be, planned one after the other. */
static int plan_base(struct sim *s, struct call *c, struct plan **p, size_t *n,
		     struct reply *r)
{
	const json_t *list = json_object_get(c->json, "tables");

	for (*n = 0; *n < json_array_size(list); ++*n) {
		const json_t *o = json_array_get(list, *n);

		for (size_t k = 0; k < *n; k++) {
			const char *name = str(json_array_get(list, k),
					       "name");

			if (str(o, "name") && name &&
			    !strcasecmp(str(o, "name"), name))
				return reply_error(r, ERR_TABLE_NAME);
		}
		if (plan_table(s->state, NULL, o, false, &p[*n], r))
			return -1;
	}
	return 0;
}

int schema_create_base(struct sim *s, struct call *c, struct reply *r)
{
	static const char *const keys[] = { "name", "workspaceId", "tables",
					    NULL };
	const json_t *list = json_object_get(c->json, "tables");
	const char *name = str(c->json, "name");
	size_t n = 0, tables = json_array_size(list);
	struct plan **p;
	struct base *b;
	int ret;

	if (c->query.n || !call_only_keys(c->json, keys) || !name ||
	    blank(name) || !tables || tables > SCHEMA_TABLES_MAX)
		return reply_error(r, ERR_PARAM);
	if (workspace_ok(s, c, r))
		return -1;
	p = sim_alloc(tables * sizeof(struct plan *));
	ret = plan_base(s, c, p, &n, r);
	if (!ret) {
		b = state_add_base(s->state, NULL, name);
		snprintf(b->workspace, sizeof(b->workspace), "%s",
			 str(c->json, "workspaceId"));
		b->created_s = c->actor.now_ms / 1000;
		buf_printf(&r->body, "{\"id\":\"%s\",\"tables\":[", b->id);
		for (size_t i = 0; i < n; i++) {
			const json_t *o = json_array_get(list, i);

			if (i)
				buf_chr(&r->body, ',');
			answer_table(make_table(s->state, b, o, p[i],
				json_array_size(json_object_get(o,
						"fields"))), r);
		}
		buf_str(&r->body, "]}");
		state_resolve(b);
	}
	for (size_t i = 0; i < n; i++)
		plans_free(p[i], json_array_size(json_object_get(
				json_array_get(list, i), "fields")));
	free(p);
	return ret;
}
