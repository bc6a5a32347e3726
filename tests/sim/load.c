#include "load.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "blob.h"
#include "comment.h"
#include "mem.h"
#include "timefmt.h"
#include "webhook.h"

struct loader {
	struct sim *sim;
	char path[200];
	char *err;
	uint32_t owner;		/* user for rows that name none */
	size_t dangling;	/* links to rows that are not there */
};

static int fail(struct loader *l, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int fail(struct loader *l, const char *fmt, ...)
{
	va_list ap;
	int n;

	n = snprintf(l->err, LOAD_ERR_CAP, "%s: ", *l->path ? l->path : "file");
	if (n < 0 || n >= LOAD_ERR_CAP)
		return -1;
	va_start(ap, fmt);
	vsnprintf(l->err + n, LOAD_ERR_CAP - (size_t)n, fmt, ap);
	va_end(ap);
	return -1;
}

/* Steps into key[i] of the path; the length to come back to. */
static size_t enter(struct loader *l, const char *key, size_t i)
{
	size_t n = strlen(l->path);

	snprintf(l->path + n, sizeof(l->path) - n, "%s%s[%zu]", n ? "." : "",
		 key, i);
	return n;
}

static void leave(struct loader *l, size_t n)
{
	l->path[n] = '\0';
}

static const char *str(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static int need(struct loader *l, const json_t *o, const char *key,
		const char *prefix, const char **out)
{
	*out = str(o, key);
	if (!json_is_object(o))
		return fail(l, "must be an object");
	if (!*out)
		return fail(l, "'%s' must be a string", key);
	if (prefix && !id_is(*out, prefix))
		return fail(l, "'%s' must be an id that begins with %s", key,
			    prefix);
	return 0;
}

static int load_list(struct loader *l, const json_t *o, const char *key,
		     void *arg, int (*one)(struct loader *, void *, json_t *))
{
	const json_t *a = json_object_get(o, key);

	if (!a)
		return 0;
	if (!json_is_array(a))
		return fail(l, "'%s' must be an array", key);
	for (size_t i = 0; i < json_array_size(a); i++) {
		size_t n = enter(l, key, i);

		if (one(l, arg, json_array_get(a, i)))
			return -1;
		leave(l, n);
	}
	return 0;
}

static int load_user(struct loader *l, void *arg, json_t *o)
{
	const char *id;

	(void)arg;
	if (need(l, o, "id", "usr", &id))
		return -1;
	state_user(l->sim->state, id, str(o, "email"), str(o, "name"));
	return 0;
}

static int load_token(struct loader *l, void *arg, json_t *o)
{
	const char *why = "bad token";

	(void)arg;
	if (!json_is_object(o))
		return fail(l, "must be an object");
	if (token_set(&l->sim->tokens, l->sim->state, o, &why))
		return fail(l, "%s", why);
	return 0;
}

static int load_field(struct loader *l, void *arg, json_t *o)
{
	struct table *t = arg;
	json_t *opt = json_object_get(o, "options");
	const char *id, *name, *type;
	struct field *f;

	if (need(l, o, "id", "fld", &id) || need(l, o, "name", NULL, &name) ||
	    need(l, o, "type", NULL, &type))
		return -1;
	if (opt && !json_is_object(opt) && !json_is_null(opt))
		return fail(l, "'options' must be an object");
	if (table_field(t, id))
		return fail(l, "field id %s is there already", id);
	if (table_field(t, name))
		return fail(l, "field name '%s' is there already", name);
	f = table_add_field(t, id, name, type, json_is_object(opt) ?
			    json_deep_copy(opt) : NULL);
	if (str(o, "description"))
		f->description = sim_strdup(str(o, "description"));
	return 0;
}

static int load_view(struct loader *l, void *arg, json_t *o)
{
	const char *id, *name;
	const char *type = str(o, "type");
	json_t *visible = json_object_get(o, "visibleFieldIds");
	struct view *v;

	if (need(l, o, "id", "viw", &id) || need(l, o, "name", NULL, &name))
		return -1;
	v = table_add_view(arg, id, name, type ? type : "grid");
	if (str(o, "filterByFormula"))
		v->filter = sim_strdup(str(o, "filterByFormula"));
	if (json_is_array(json_object_get(o, "sort")))
		v->sort = json_deep_copy(json_object_get(o, "sort"));
	if (json_is_array(visible))
		v->visible = json_deep_copy(visible);
	return 0;
}

static bool iso_seconds(const char *s, int64_t *out)
{
	bool t, z;
	int64_t ms;

	if (!s || !time_parse_iso(s, strlen(s), &ms, &t, &z))
		return false;
	*out = ms / 1000;
	return true;
}

static uint32_t cell_user(struct loader *l, const json_t *v)
{
	const char *id = str(v, "id");

	if (!id || !id_is(id, "usr"))
		return l->owner;
	return state_user(l->sim->state, id, str(v, "email"), str(v, "name"));
}

/* The bytes of an attachment go to the file host, not into the cell. */
static int load_files(struct loader *l, struct record *r, struct field *f,
		      const json_t *v)
{
	json_t *list = json_deep_copy(v);

	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *a = json_array_get(list, i);
		const char *text = str(a, "contentBase64");
		const char *id = str(a, "id");
		const char *type = str(a, "type");
		char *data;
		size_t n;

		if (!id || !id_is(id, "att")) {
			json_decref(list);
			return fail(l, "'%s' holds an attachment without id",
				    f->name);
		}
		if (!text)
			continue;
		data = base64_decode(text, strlen(text), &n);
		if (!data) {
			json_decref(list);
			return fail(l, "'%s' has bad contentBase64", f->name);
		}
		blob_add(l->sim->state->files, id, data, n,
			 type ? type : "application/octet-stream");
		json_object_del(a, "contentBase64");
	}
	record_put(r, f, list);
	return 0;
}

static int load_cell(struct loader *l, struct record *r, const char *key,
		     json_t *v)
{
	struct field *f = table_field(r->table, key);

	if (!f)
		return fail(l, "unknown field '%s'", key);
	if (json_is_null(v) || json_is_false(v) ||
	    (json_is_array(v) && !json_array_size(v)))
		return 0;
	if (f->type == FT_LINKS && !json_is_array(v))
		return fail(l, "'%s' must be an array of record ids", key);
	if (f->type == FT_AUTONUMBER && json_is_integer(v)) {
		r->number = (uint32_t)json_integer_value(v);
		if (r->number >= r->table->next_number)
			r->table->next_number = r->number + 1;
	} else if (f->type == FT_CREATED_BY) {
		r->created_by = cell_user(l, v);
	} else if (f->type == FT_MODIFIED_BY) {
		r->modified_by = cell_user(l, v);
	} else if (f->type == FT_MODIFIED_TIME) {
		iso_seconds(json_string_value(v), &r->modified_s);
	} else if (f->type == FT_ATTACHMENTS) {
		return load_files(l, r, f, v);
	} else if (f->type == FT_COLLABORATOR) {
		cell_user(l, v);
		record_put(r, f, json_incref(v));
	} else {
		record_put(r, f, json_incref(v));
	}
	return 0;
}

static int load_record(struct loader *l, void *arg, json_t *o)
{
	struct actor a = { l->owner, state_now_ms(l->sim->state) };
	json_t *fields = json_object_get(o, "fields");
	const json_t *n = json_object_get(o, "commentCount");
	struct table *t = arg;
	struct record *r;
	const char *id;

	if (need(l, o, "id", "rec", &id))
		return -1;
	if (base_record(t->base, id))
		return fail(l, "record id %s is there already", id);
	if (fields && !json_is_object(fields))
		return fail(l, "'fields' must be an object");
	r = table_add_record(l->sim->state, t, id, &a);
	if (str(o, "createdTime") &&
	    !iso_seconds(str(o, "createdTime"), &r->created_s))
		return fail(l, "'createdTime' must be an ISO 8601 time");
	r->modified_s = r->created_s;
	for (void *it = json_object_iter(fields); it;
	     it = json_object_iter_next(fields, it))
		if (load_cell(l, r, json_object_iter_key(it),
			      json_object_iter_value(it)))
			return -1;
	iso_seconds(str(o, "lastModifiedTime"), &r->modified_s);
	if (json_is_array(json_object_get(o, "comments")))
		r->comments = json_deep_copy(json_object_get(o, "comments"));
	else if (json_is_integer(n))
		comment_fill(l->sim->state, r, (size_t)json_integer_value(n));
	return 0;
}

static int load_table(struct loader *l, void *arg, json_t *o)
{
	struct base *b = arg;
	const char *id, *name;
	const char *primary = str(o, "primaryFieldId");
	json_t *dep = json_object_get(o, "dateDependencySettings");
	struct table *t;

	if (need(l, o, "id", "tbl", &id) || need(l, o, "name", NULL, &name))
		return -1;
	if (base_table(b, id))
		return fail(l, "table id %s is there already", id);
	t = base_add_table(b, id, name);
	t->sorted = false;
	if (str(o, "description"))
		t->description = sim_strdup(str(o, "description"));
	if (dep) {
		t->extra = json_object();
		json_object_set(t->extra, "dateDependencySettings", dep);
	}
	if (load_list(l, o, "fields", t, load_field) ||
	    load_list(l, o, "views", t, load_view))
		return -1;
	if (!t->fields_n)
		return fail(l, "'fields' must hold at least one field");
	if (primary)
		t->primary = table_field(t, primary);
	if (!t->primary)
		return fail(l, "'primaryFieldId' names no field");
	if (!t->views_n) {
		char vid[ID_CAP];

		id_make(&l->sim->state->rng, "viw", vid);
		table_add_view(t, vid, "Grid view", "grid");
	}
	return load_list(l, o, "records", t, load_record);
}

static bool holds(const json_t *list, const char *id)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!strcmp(json_string_value(json_array_get(list, i)), id))
			return true;
	return false;
}

/* Drops links to rows that are not there and completes the other side. */
static void mend_cell(struct loader *l, struct record *r, struct field *f)
{
	json_t *in = r->cells[f->index].v;
	json_t *out = json_array();

	for (size_t i = 0; i < json_array_size(in); i++) {
		const char *id = json_string_value(json_array_get(in, i));
		struct record *o = id ? base_record(r->table->base, id) : NULL;
		json_t *back;

		if (!o || (f->linked && o->table != f->linked)) {
			l->dangling++;
			continue;
		}
		json_array_append_new(out, json_string(id));
		if (!f->inverse || f->inverse->table != o->table)
			continue;
		back = o->cells[f->inverse->index].v;
		if (!back) {
			back = json_array();
			record_put(o, f->inverse, back);
		}
		if (!holds(back, r->id))
			json_array_append_new(back, json_string(r->id));
	}
	if (!json_array_size(out)) {
		json_decref(out);
		out = NULL;
	}
	if (r->cells[f->index].v == in)
		record_put(r, f, out);
	else
		json_decref(out);
}

static void mend_links(struct loader *l, struct base *b)
{
	for (size_t i = 0; i < b->tables_n; i++) {
		struct table *t = b->tables[i];

		for (size_t j = 0; j < t->fields_n; j++) {
			if (t->fields[j]->type != FT_LINKS)
				continue;
			for (size_t k = 0; k < t->rows_n; k++)
				if (t->rows[k]->cells[j].v)
					mend_cell(l, t->rows[k], t->fields[j]);
		}
	}
}

/* Collaborators, links and interfaces are kept as they are. */
static json_t *people_of(const json_t *o)
{
	static const char *const keys[] = { "individualCollaborators",
					    "groupCollaborators",
					    "interfaces", "inviteLinks",
					    "packageInstallations" };
	json_t *all = json_object();

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (json_object_get(o, keys[i]))
			json_object_set(all, keys[i],
					json_object_get(o, keys[i]));
	return all;
}

static int load_hook(struct loader *l, void *arg, json_t *o)
{
	const char *why;

	if (hook_load(arg, &l->sim->tokens, o, &why))
		return fail(l, "%s", why);
	return 0;
}

static int load_base(struct loader *l, void *arg, json_t *o)
{
	const char *level = str(o, "permissionLevel");
	const char *id, *name;
	struct base *b;

	(void)arg;
	if (need(l, o, "id", "app", &id) || need(l, o, "name", NULL, &name))
		return -1;
	if (state_base(l->sim->state, id))
		return fail(l, "base id %s is there already", id);
	b = state_add_base(l->sim->state, id, name);
	if (level)
		b->level = level_of_name(level);
	if (str(o, "workspaceId"))
		snprintf(b->workspace, sizeof(b->workspace), "%s",
			 str(o, "workspaceId"));
	iso_seconds(str(o, "createdTime"), &b->created_s);
	b->people = people_of(o);
	if (load_list(l, o, "tables", b, load_table))
		return -1;
	state_resolve(b);
	mend_links(l, b);
	b->transaction = (uint64_t)json_integer_value(
		json_object_get(o, "transaction"));
	return load_list(l, o, "webhooks", b, load_hook);
}

int load_file(struct sim *s, const char *path, char err[LOAD_ERR_CAP])
{
	struct loader l = { .sim = s, .err = err };
	json_error_t e;
	json_t *o = json_load_file(path, JSON_ALLOW_NUL, &e);
	int r;

	if (!o) {
		snprintf(err, LOAD_ERR_CAP, "line %d column %d: %s", e.line,
			 e.column, e.text);
		return -1;
	}
	if (!json_is_object(o) || !json_object_get(o, "bases")) {
		json_decref(o);
		return fail(&l, "must be an object with 'bases'");
	}
	r = load_list(&l, o, "users", NULL, load_user);
	if (!r && !s->state->users_n)
		state_user(s->state, "usrSimulator00001", "sim@example.com",
			   "Sim User");
	if (!r)
		r = load_list(&l, o, "tokens", NULL, load_token);
	if (!r)
		r = load_list(&l, o, "bases", NULL, load_base);
	if (!r && l.dangling)
		fprintf(stderr, "airtable-sim: %zu links to missing records "
			"dropped\n", l.dangling);
	json_decref(o);
	return r;
}
