#include "state.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "buf.h"
#include "mem.h"
#include "timefmt.h"

static const struct {
	const char *name;
	enum field_type type;
} types[] = {
	{ "singleLineText", FT_TEXT },
	{ "multilineText", FT_LONG_TEXT },
	{ "richText", FT_RICH_TEXT },
	{ "email", FT_EMAIL },
	{ "url", FT_URL },
	{ "phoneNumber", FT_PHONE },
	{ "number", FT_NUMBER },
	{ "percent", FT_PERCENT },
	{ "currency", FT_CURRENCY },
	{ "duration", FT_DURATION },
	{ "rating", FT_RATING },
	{ "checkbox", FT_CHECKBOX },
	{ "singleSelect", FT_SELECT },
	{ "multipleSelects", FT_SELECTS },
	{ "date", FT_DATE },
	{ "dateTime", FT_DATETIME },
	{ "singleCollaborator", FT_COLLABORATOR },
	{ "multipleCollaborators", FT_COLLABORATORS },
	{ "multipleRecordLinks", FT_LINKS },
	{ "multipleAttachments", FT_ATTACHMENTS },
	{ "barcode", FT_BARCODE },
	{ "autoNumber", FT_AUTONUMBER },
	{ "count", FT_COUNT },
	{ "formula", FT_FORMULA },
	{ "rollup", FT_ROLLUP },
	{ "multipleLookupValues", FT_LOOKUP },
	{ "lookup", FT_LOOKUP },
	{ "createdTime", FT_CREATED_TIME },
	{ "lastModifiedTime", FT_MODIFIED_TIME },
	{ "createdBy", FT_CREATED_BY },
	{ "lastModifiedBy", FT_MODIFIED_BY },
	{ "button", FT_BUTTON },
	{ "externalSyncSource", FT_SYNC_SOURCE },
	{ "aiText", FT_AI_TEXT },
};

enum field_type field_type_of(const char *name)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(types[i].name, name))
			return types[i].type;
	return FT_UNKNOWN;
}

bool field_is_computed(enum field_type t)
{
	return t >= FT_AUTONUMBER;
}

static const char *const levels[] = { "none", "read", "comment", "edit",
				      "create" };

enum level level_of_name(const char *name)
{
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (!strcmp(levels[i], name))
			return (enum level)i;
	return strcmp(name, "owner") ? LV_NONE : LV_CREATE;
}

const char *level_name(enum level l)
{
	return levels[l];
}

struct state *state_new(uint64_t seed)
{
	struct state *s = sim_alloc(sizeof(*s));

	s->rng.s = seed;
	s->quirk.base_rate = QUIRK_BASE_RATE;
	return s;
}

int64_t state_now_ms(const struct state *s)
{
	return time_now_ms() + s->skew_ms;
}

long state_find_user(const struct state *s, const char *key)
{
	for (size_t i = 0; i < s->users_n; i++) {
		const struct user *u = &s->users[i];

		if (!strcmp(u->id, key) ||
		    (u->email && !strcasecmp(u->email, key)))
			return (long)i;
	}
	return -1;
}

static void id_copy(char to[ID_CAP], const char *id)
{
	size_t n = strnlen(id, ID_CAP - 1);

	memcpy(to, id, n);
	to[n] = '\0';
}

uint32_t state_user(struct state *s, const char *id, const char *email,
		    const char *name)
{
	long at = state_find_user(s, id);
	struct user *u;

	if (at >= 0)
		return (uint32_t)at;
	s->users = sim_grow(s->users, s->users_n, &s->users_cap,
			    sizeof(*s->users));
	u = &s->users[s->users_n];
	memset(u, 0, sizeof(*u));
	id_copy(u->id, id);
	u->email = email ? sim_strdup(email) : NULL;
	u->name = name ? sim_strdup(name) : NULL;
	return (uint32_t)s->users_n++;
}

json_t *state_user_json(const struct state *s, uint32_t user)
{
	const struct user *u = &s->users[user];
	json_t *o = json_object();

	json_object_set_new(o, "id", json_string(u->id));
	if (u->email)
		json_object_set_new(o, "email", json_string(u->email));
	if (u->name)
		json_object_set_new(o, "name", json_string(u->name));
	return o;
}

struct base *state_base(const struct state *s, const char *id)
{
	for (size_t i = 0; i < s->bases_n; i++)
		if (!strcmp(s->bases[i]->id, id))
			return s->bases[i];
	return NULL;
}

struct base *state_add_base(struct state *s, const char *id, const char *name)
{
	struct base *b = sim_alloc(sizeof(*b));

	if (id)
		id_copy(b->id, id);
	else
		id_make(&s->rng, "app", b->id);
	b->name = sim_strdup(name);
	b->level = LV_CREATE;
	b->created_s = STATE_BASE_CREATED_S;
	id_copy(b->workspace, STATE_WORKSPACE);
	s->bases = sim_grow(s->bases, s->bases_n, &s->bases_cap,
			    sizeof(struct base *));
	s->bases[s->bases_n++] = b;
	return b;
}

/* Ids first, then exact names: airtable-api.md 15. */
struct table *base_table(const struct base *b, const char *key)
{
	for (size_t i = 0; i < b->tables_n; i++)
		if (!strcmp(b->tables[i]->id, key))
			return b->tables[i];
	for (size_t i = 0; i < b->tables_n; i++)
		if (!strcmp(b->tables[i]->name, key))
			return b->tables[i];
	return NULL;
}

struct table *base_add_table(struct base *b, const char *id, const char *name)
{
	struct table *t = sim_alloc(sizeof(*t));

	id_copy(t->id, id);
	t->name = sim_strdup(name);
	t->base = b;
	t->sorted = true;
	t->next_number = 1;
	b->tables = sim_grow(b->tables, b->tables_n, &b->tables_cap,
			     sizeof(struct table *));
	b->tables[b->tables_n++] = t;
	return t;
}

struct field *table_field(const struct table *t, const char *key)
{
	for (size_t i = 0; i < t->fields_n; i++)
		if (!strcmp(t->fields[i]->id, key))
			return t->fields[i];
	for (size_t i = 0; i < t->fields_n; i++)
		if (!strcmp(t->fields[i]->name, key))
			return t->fields[i];
	return NULL;
}

struct field *base_field_by_id(const struct base *b, const char *id)
{
	for (size_t i = 0; i < b->tables_n; i++)
		for (size_t j = 0; j < b->tables[i]->fields_n; j++)
			if (!strcmp(b->tables[i]->fields[j]->id, id))
				return b->tables[i]->fields[j];
	return NULL;
}

static char *json_key(const char *s)
{
	struct buf b = BUF_INIT;

	buf_json_str(&b, s, strlen(s));
	buf_chr(&b, ':');
	return buf_steal(&b);
}

static void widen(struct record *r)
{
	size_t n = r->table->fields_n;

	r->cells = sim_realloc(r->cells, n * sizeof(*r->cells));
	r->cells[n - 1] = (struct cell){ 0 };
}

struct field *table_add_field(struct table *t, const char *id,
			      const char *name, const char *type,
			      json_t *options)
{
	struct field *f = sim_alloc(sizeof(*f));

	id_copy(f->id, id);
	f->name = sim_strdup(name);
	f->type_name = sim_strdup(type);
	f->type = field_type_of(type);
	f->options = options;
	f->index = t->fields_n;
	f->table = t;
	f->key_name = json_key(name);
	f->key_id = json_key(id);
	t->fields = sim_grow(t->fields, t->fields_n, &t->fields_cap,
			     sizeof(struct field *));
	t->fields[t->fields_n++] = f;
	if (!t->primary)
		t->primary = f;
	for (size_t i = 0; i < t->rows_n; i++)
		widen(t->rows[i]);
	for (size_t i = 0; i < t->base->trash_n; i++)
		if (t->base->trash[i]->table == t)
			widen(t->base->trash[i]);
	return f;
}

struct view *table_view(const struct table *t, const char *key)
{
	for (size_t i = 0; i < t->views_n; i++)
		if (!strcmp(t->views[i].id, key) ||
		    !strcmp(t->views[i].name, key))
			return &t->views[i];
	return NULL;
}

struct view *table_add_view(struct table *t, const char *id, const char *name,
			    const char *type)
{
	struct view *v;

	t->views = sim_grow(t->views, t->views_n, &t->views_cap,
			    sizeof(*t->views));
	v = &t->views[t->views_n++];
	memset(v, 0, sizeof(*v));
	id_copy(v->id, id);
	v->name = sim_strdup(name);
	v->type = sim_strdup(type);
	return v;
}

void field_rename(struct field *f, const char *name)
{
	char *fresh = sim_strdup(name);

	free(f->name);
	free(f->key_name);
	f->name = fresh;
	f->key_name = json_key(fresh);
}

static void free_field(struct field *f)
{
	free(f->name);
	free(f->description);
	free(f->type_name);
	free(f->key_name);
	free(f->key_id);
	json_decref(f->options);
	fx_free(f->prog);
	free(f);
}

static void narrow(struct record *r, size_t at)
{
	json_decref(r->cells[at].v);
	memmove(&r->cells[at], &r->cells[at + 1],
		(r->table->fields_n - at - 1) * sizeof(*r->cells));
}

void table_drop_field(struct table *t, struct field *f)
{
	size_t at = f->index;

	for (size_t i = 0; i < t->rows_n; i++)
		narrow(t->rows[i], at);
	for (size_t i = 0; i < t->base->trash_n; i++)
		if (t->base->trash[i]->table == t)
			narrow(t->base->trash[i], at);
	memmove(&t->fields[at], &t->fields[at + 1],
		(t->fields_n - at - 1) * sizeof(struct field *));
	t->fields_n--;
	for (size_t i = at; i < t->fields_n; i++)
		t->fields[i]->index = i;
	free_field(f);
	state_resolve(t->base);
}

void base_drop_table(struct state *s, struct table *t, const struct actor *a)
{
	struct base *b = t->base;
	size_t i;

	while (t->rows_n)
		record_delete(s, t->rows[t->rows_n - 1], a);
	for (i = 0; b->tables[i] != t; i++)
		;
	memmove(&b->tables[i], &b->tables[i + 1],
		(b->tables_n - i - 1) * sizeof(struct table *));
	b->tables_n--;
	b->gone = sim_grow(b->gone, b->gone_n, &b->gone_cap,
			   sizeof(struct table *));
	b->gone[b->gone_n++] = t;
	state_resolve(b);
}

static void free_record(struct record *r, size_t fields_n)
{
	for (size_t i = 0; i < fields_n; i++)
		json_decref(r->cells[i].v);
	json_decref(r->comments);
	free(r->cells);
	free(r);
}

static void free_table(struct table *t)
{
	for (size_t i = 0; i < t->rows_n; i++)
		free_record(t->rows[i], t->fields_n);
	for (size_t i = 0; i < t->fields_n; i++)
		free_field(t->fields[i]);
	for (size_t i = 0; i < t->views_n; i++) {
		free(t->views[i].name);
		free(t->views[i].type);
		free(t->views[i].filter);
		fx_free(t->views[i].prog);
		json_decref(t->views[i].visible);
		json_decref(t->views[i].sort);
	}
	json_decref(t->extra);
	free(t->rows);
	free(t->by_id);
	free(t->fields);
	free(t->views);
	free(t->name);
	free(t->description);
	free(t);
}

static void free_base(struct base *b)
{
	for (size_t i = 0; i < b->trash_n; i++)
		free_record(b->trash[i], b->trash[i]->table->fields_n);
	for (size_t i = 0; i < b->tables_n; i++)
		free_table(b->tables[i]);
	for (size_t i = 0; i < b->gone_n; i++)
		free_table(b->gone[i]);
	idmap_release(&b->records);
	json_decref(b->people);
	free(b->trash);
	free(b->gone);
	free(b->tables);
	free(b->name);
	free(b);
}

void state_free(struct state *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->bases_n; i++)
		free_base(s->bases[i]);
	for (size_t i = 0; i < s->users_n; i++) {
		free(s->users[i].email);
		free(s->users[i].name);
	}
	fx_arena_release(&s->arena);
	free(s->bases);
	free(s->users);
	free(s);
}
