#include "schema.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	enum field_type type;
} type_names[] = {
	{ "singleLineText", FIELD_SINGLE_LINE_TEXT },
	{ "email", FIELD_EMAIL },
	{ "url", FIELD_URL },
	{ "phoneNumber", FIELD_PHONE },
	{ "multilineText", FIELD_MULTILINE_TEXT },
	{ "richText", FIELD_RICH_TEXT },
	{ "number", FIELD_NUMBER },
	{ "percent", FIELD_PERCENT },
	{ "currency", FIELD_CURRENCY },
	{ "duration", FIELD_DURATION },
	{ "rating", FIELD_RATING },
	{ "checkbox", FIELD_CHECKBOX },
	{ "singleSelect", FIELD_SINGLE_SELECT },
	{ "multipleSelects", FIELD_MULTIPLE_SELECTS },
	{ "date", FIELD_DATE },
	{ "dateTime", FIELD_DATE_TIME },
	{ "singleCollaborator", FIELD_SINGLE_COLLABORATOR },
	{ "multipleCollaborators", FIELD_MULTIPLE_COLLABORATORS },
	{ "multipleRecordLinks", FIELD_RECORD_LINKS },
	{ "multipleAttachments", FIELD_ATTACHMENTS },
	{ "barcode", FIELD_BARCODE },
	{ "autoNumber", FIELD_AUTO_NUMBER },
	{ "count", FIELD_COUNT },
	{ "formula", FIELD_FORMULA },
	{ "rollup", FIELD_ROLLUP },
	{ "multipleLookupValues", FIELD_LOOKUP },
	{ "lookup", FIELD_LOOKUP }, /* the older word; the first one is ours */
	{ "createdTime", FIELD_CREATED_TIME },
	{ "lastModifiedTime", FIELD_LAST_MODIFIED_TIME },
	{ "createdBy", FIELD_CREATED_BY },
	{ "lastModifiedBy", FIELD_LAST_MODIFIED_BY },
	{ "button", FIELD_BUTTON },
	{ "externalSyncSource", FIELD_SYNC_SOURCE },
	{ "aiText", FIELD_AI_TEXT },
	{ "manualSort", FIELD_MANUAL_SORT },
};

#define TYPES_N (sizeof(type_names) / sizeof(type_names[0]))

const char *field_type_name(enum field_type type)
{
	for (size_t i = 0; i < TYPES_N; i++)
		if (type_names[i].type == type)
			return type_names[i].name;
	return "unknown";
}

static enum field_type type_of_name(const char *name)
{
	for (size_t i = 0; i < TYPES_N; i++)
		if (strcmp(type_names[i].name, name) == 0)
			return type_names[i].type;
	return FIELD_UNKNOWN;
}

/* The string member key, or NULL if it is absent, no string, or holds a NUL
 * (which C code below would take for its end). */
static const char *get_string(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	const char *s = json_string_value(v);

	return s != NULL && strlen(s) == json_string_length(v) ? s : NULL;
}

/* id and name: what makes a table or field one. */
static int parse_identity(const json_t *o, const char *prefix,
			  char id[static ATFS_ID_MAX], char **ret_name)
{
	const char *id_text = get_string(o, "id");
	const char *name = get_string(o, "name");

	if (id_text == NULL || name == NULL || !id_is_valid(id_text, prefix))
		return -EPROTO;
	*ret_name = strdup(name);
	if (*ret_name == NULL)
		return -ENOMEM;
	id_copy(id, id_text);
	return 0;
}

static int parse_choices(struct schema_field *f, const json_t *options)
{
	const json_t *list = json_object_get(options, "choices");
	size_t n = json_array_size(list);

	if (n == 0)
		return 0;
	f->choices = calloc(n, sizeof(*f->choices));
	if (f->choices == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const char *s = get_string(json_array_get(list, i), "name");

		if (s != NULL)
			f->choices[f->choices_n++] = s;
	}
	return 0;
}

static int parse_options(struct schema_field *f, const json_t *options)
{
	const char *linked;
	json_int_t max;

	switch ((int)f->type) {
	case FIELD_SINGLE_SELECT:
	case FIELD_MULTIPLE_SELECTS:
		return parse_choices(f, options);
	case FIELD_RECORD_LINKS:
		linked = get_string(options, "linkedTableId");
		if (linked != NULL && id_is_valid(linked, "tbl"))
			id_copy(f->linked_table.s, linked);
		return 0;
	case FIELD_RATING:
		max = json_integer_value(json_object_get(options, "max"));
		/* 1..10 by the product (2026); anything sane is let through. */
		f->rating_max = max > 0 && max <= 1000 ? (long)max : 0;
		return 0;
	default:
		return 0;
	}
}

static int parse_field(json_t *o, struct schema_field *f)
{
	const char *type = get_string(o, "type");
	int r;

	r = parse_identity(o, "fld", f->id.s, &f->name);
	if (r < 0)
		return r;
	f->json = o;
	f->type_name = type != NULL ? type : "";
	f->type = type_of_name(f->type_name);
	f->computed = f->type >= FIELD_FIRST_COMPUTED;
	f->hidden = f->type == FIELD_MANUAL_SORT;
	return parse_options(f, json_object_get(o, "options"));
}

/* Does this field move whenever any editable cell of the row does? It watches
 * all of them if it names none. One that shows a date alone is of no use as a
 * time stamp. */
static bool is_row_modified_time(const struct schema_field *f)
{
	const json_t *options, *refs;
	const char *shows;

	if (f->type != FIELD_LAST_MODIFIED_TIME)
		return false;
	options = json_object_get(f->json, "options");
	refs = json_object_get(options, "referencedFieldIds");
	shows = get_string(json_object_get(options, "result"), "type");
	return !json_is_false(json_object_get(options, "isValid")) &&
	       json_array_size(refs) == 0 &&
	       (shows == NULL || strcmp(shows, "date") != 0);
}

static bool has_field(const struct schema_table *t, const char *id)
{
	for (size_t i = 0; i < t->fields_n; i++)
		if (strcmp(t->fields[i].id.s, id) == 0)
			return true;
	return false;
}

static void release_field(struct schema_field *f)
{
	free(f->name);
	free(f->choices);
	memset(f, 0, sizeof(*f));
}

static int parse_fields(struct schema_table *t, const json_t *list)
{
	size_t n = json_array_size(list);
	int r;

	if (!json_is_array(list))
		return -EPROTO;
	if (n > SCHEMA_FIELDS_MAX)
		return -E2BIG;
	t->fields = calloc(n > 0 ? n : 1, sizeof(*t->fields));
	if (t->fields == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct schema_field *f = &t->fields[t->fields_n];

		r = parse_field(json_array_get(list, i), f);
		if (r < 0 || has_field(t, f->id.s))
			release_field(f);
		else
			t->fields_n++;
		if (r < 0)
			return r;
	}
	return 0;
}

static int parse_table(json_t *o, struct schema_table *t)
{
	const char *primary;
	int r;

	r = parse_identity(o, "tbl", t->id.s, &t->name);
	if (r == 0)
		r = parse_fields(t, json_object_get(o, "fields"));
	if (r < 0)
		return r;
	t->json = o;
	t->primary = t->last_modified = t->fields_n;
	primary = get_string(o, "primaryFieldId");
	for (size_t i = t->fields_n; i-- > 0;) {
		if (primary != NULL && strcmp(primary, t->fields[i].id.s) == 0)
			t->primary = i;
		if (is_row_modified_time(&t->fields[i]))
			t->last_modified = i; /* the first one stays */
	}
	return 0;
}

static void release_table(struct schema_table *t)
{
	for (size_t i = 0; i < t->fields_n; i++)
		release_field(&t->fields[i]);
	free(t->fields);
	free(t->name);
	memset(t, 0, sizeof(*t));
}

static void schema_free(struct schema *s)
{
	for (size_t i = 0; i < s->tables_n; i++)
		release_table(&s->tables[i]);
	free(s->tables);
	json_decref(s->json);
	free(s);
}

static int parse_tables(struct schema *s, const json_t *list)
{
	size_t n = json_array_size(list);
	int r;

	if (!json_is_array(list))
		return -EPROTO;
	if (n > SCHEMA_TABLES_MAX)
		return -E2BIG;
	s->tables = calloc(n > 0 ? n : 1, sizeof(*s->tables));
	if (s->tables == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct schema_table *t = &s->tables[s->tables_n];

		r = parse_table(json_array_get(list, i), t);
		if (r < 0 || schema_find_table(s, t->id.s) != NULL)
			release_table(t);
		else
			s->tables_n++;
		if (r < 0)
			return r;
	}
	return 0;
}

int schema_parse(json_t *root, struct schema **ret)
{
	struct schema *s = calloc(1, sizeof(*s));
	int r;

	if (s == NULL)
		return -ENOMEM;
	s->refs = 1;
	s->json = json_incref(root);
	r = parse_tables(s, json_object_get(root, "tables"));
	if (r < 0) {
		schema_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

struct schema *schema_ref(const struct schema *s)
{
	/* The count is the one thing in it that changes. */
	struct schema *mutable_s = (struct schema *)s;

	__atomic_add_fetch(&mutable_s->refs, 1, __ATOMIC_RELAXED);
	return mutable_s;
}

void schema_unref(struct schema *s)
{
	if (s != NULL && __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) == 0)
		schema_free(s);
}

const struct schema_table *schema_find_table(const struct schema *s,
					     const char *id)
{
	for (size_t i = 0; i < s->tables_n; i++)
		if (strcmp(s->tables[i].id.s, id) == 0)
			return &s->tables[i];
	return NULL;
}

/* An id wins over a name: a field may be named like another one's id. */
const struct schema_field *schema_find_field(const struct schema_table *t,
					     const char *id_or_name)
{
	for (size_t i = 0; i < t->fields_n; i++)
		if (strcmp(t->fields[i].id.s, id_or_name) == 0)
			return &t->fields[i];
	for (size_t i = 0; i < t->fields_n; i++)
		if (strcmp(t->fields[i].name, id_or_name) == 0)
			return &t->fields[i];
	return NULL;
}

bool schema_equal(const struct schema *a, const struct schema *b)
{
	return a == b || json_equal(a->json, b->json) != 0;
}
