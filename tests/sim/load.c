#include "load_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "timefmt.h"
#include "webhook.h"

int load_fail(struct loader *l, const char *fmt, ...)
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

const char *load_str(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

int load_need(struct loader *l, const json_t *o, const char *key,
	      const char *prefix, const char **out)
{
	*out = load_str(o, key);
	if (!json_is_object(o))
		return load_fail(l, "must be an object");
	if (!*out)
		return load_fail(l, "'%s' must be a string", key);
	if (prefix && !id_is(*out, prefix))
		return load_fail(l, "'%s' must be an id that begins "
				 "with %s", key, prefix);
	return 0;
}

static int load_list(struct loader *l, const json_t *o, const char *key,
		     void *arg, int (*one)(struct loader *, void *, json_t *))
{
	const json_t *a = json_object_get(o, key);

	if (!a)
		return 0;
	if (!json_is_array(a))
		return load_fail(l, "'%s' must be an array", key);
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
	if (load_need(l, o, "id", "usr", &id))
		return -1;
	state_user(l->sim->state, id, load_str(o, "email"), load_str(o, "name"));
	return 0;
}

static int load_token(struct loader *l, void *arg, json_t *o)
{
	const char *why = "bad token";

	(void)arg;
	if (!json_is_object(o))
		return load_fail(l, "must be an object");
	if (token_set(&l->sim->tokens, l->sim->state, o, &why))
		return load_fail(l, "%s", why);
	return 0;
}

/* "permissions":{"create":false} and the like */
static bool forbidden(const json_t *o, const char *what)
{
	return json_is_false(json_object_get(json_object_get(o, "permissions"),
					     what));
}

static int load_field(struct loader *l, void *arg, json_t *o)
{
	struct table *t = arg;
	json_t *opt = json_object_get(o, "options");
	const char *id, *name, *type;
	struct field *f;

	if (load_need(l, o, "id", "fld", &id) ||
	    load_need(l, o, "name", NULL, &name) ||
	    load_need(l, o, "type", NULL, &type))
		return -1;
	if (opt && !json_is_object(opt) && !json_is_null(opt))
		return load_fail(l, "'options' must be an object");
	if (table_field(t, id))
		return load_fail(l, "field id %s is there already", id);
	if (table_field(t, name))
		return load_fail(l, "field name '%s' is there already", name);
	f = table_add_field(t, id, name, type, json_is_object(opt) ?
			    json_deep_copy(opt) : NULL);
	if (load_str(o, "description"))
		f->description = sim_strdup(load_str(o, "description"));
	f->no_write = forbidden(o, "write");
	return 0;
}

static int load_view(struct loader *l, void *arg, json_t *o)
{
	const char *id, *name;
	const char *type = load_str(o, "type");
	json_t *visible = json_object_get(o, "visibleFieldIds");
	struct view *v;

	if (load_need(l, o, "id", "viw", &id) ||
	    load_need(l, o, "name", NULL, &name))
		return -1;
	v = table_add_view(arg, id, name, type ? type : "grid");
	if (load_str(o, "filterByFormula"))
		v->filter = sim_strdup(load_str(o, "filterByFormula"));
	if (json_is_array(json_object_get(o, "sort")))
		v->sort = json_deep_copy(json_object_get(o, "sort"));
	if (json_is_array(visible))
		v->visible = json_deep_copy(visible);
	return 0;
}

bool load_seconds(const char *s, int64_t *out)
{
	bool t, z;
	int64_t ms;

	if (!s || !time_parse_iso(s, strlen(s), &ms, &t, &z))
		return false;
	*out = ms / 1000;
	return true;
}
static int load_table(struct loader *l, void *arg, json_t *o)
{
	struct base *b = arg;
	const char *id, *name;
	const char *primary = load_str(o, "primaryFieldId");
	json_t *dep = json_object_get(o, "dateDependencySettings");
	json_int_t number;
	struct table *t;

	if (load_need(l, o, "id", "tbl", &id) ||
	    load_need(l, o, "name", NULL, &name))
		return -1;
	if (base_table(b, id))
		return load_fail(l, "table id %s is there already", id);
	t = base_add_table(b, id, name);
	t->sorted = false;
	if (load_str(o, "description"))
		t->description = sim_strdup(load_str(o, "description"));
	t->synced = json_is_true(json_object_get(o, "isSynced"));
	t->no_create = forbidden(o, "create");
	t->no_delete = forbidden(o, "delete");
	if (dep) {
		t->extra = json_object();
		json_object_set(t->extra, "dateDependencySettings", dep);
	}
	if (load_list(l, o, "fields", t, load_field) ||
	    load_list(l, o, "views", t, load_view))
		return -1;
	if (!t->fields_n)
		return load_fail(l, "'fields' must hold at least one field");
	if (primary)
		t->primary = table_field(t, primary);
	if (!t->primary)
		return load_fail(l, "'primaryFieldId' names no field");
	if (!t->views_n) {
		char vid[ID_CAP];

		id_make(&l->sim->state->rng, "viw", vid);
		table_add_view(t, vid, "Grid view", "grid");
	}
	if (load_list(l, o, "records", t, load_record))
		return -1;
	number = json_integer_value(json_object_get(o, "nextNumber"));
	if (number > t->next_number)
		t->next_number = (uint32_t)number;
	return 0;
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
		return load_fail(l, "%s", why);
	return 0;
}

static int load_base(struct loader *l, void *arg, json_t *o)
{
	const char *level = load_str(o, "permissionLevel");
	const char *id, *name;
	struct base *b;

	(void)arg;
	if (load_need(l, o, "id", "app", &id) ||
	    load_need(l, o, "name", NULL, &name))
		return -1;
	if (state_base(l->sim->state, id))
		return load_fail(l, "base id %s is there already", id);
	b = state_add_base(l->sim->state, id, name);
	if (level)
		b->level = level_of_name(level);
	if (load_str(o, "workspaceId"))
		snprintf(b->workspace, sizeof(b->workspace), "%s",
			 load_str(o, "workspaceId"));
	load_seconds(load_str(o, "createdTime"), &b->created_s);
	b->people = people_of(o);
	if (load_list(l, o, "tables", b, load_table))
		return -1;
	state_resolve(b);
	load_mend_links(l, b);
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
		return load_fail(&l, "must be an object with 'bases'");
	}
	if (load_str(o, "random"))
		s->state->rng.s = strtoull(load_str(o, "random"), NULL, 16);
	s->state->skew_ms = json_integer_value(
		json_object_get(o, "clockAheadMs"));
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
