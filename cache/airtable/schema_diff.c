#include "schema_diff.h"

#include <string.h>

/* Is every choice of a still there in b, by the same id and name? Its colour
 * is shown nowhere. */
static bool keeps_choices(const json_t *a, const json_t *b)
{
	size_t i, k;
	json_t *x, *y;

	json_array_foreach((json_t *)a, i, x) {
		bool found = false;

		json_array_foreach((json_t *)b, k, y) {
			if (json_equal(json_object_get(x, "id"),
				       json_object_get(y, "id")) &&
			    json_equal(json_object_get(x, "name"),
				       json_object_get(y, "name")))
				found = true;
		}
		if (!found)
			return false;
	}
	return true;
}

static bool is_select(const struct schema_field *f)
{
	return f->type == FIELD_SINGLE_SELECT ||
	       f->type == FIELD_MULTIPLE_SELECTS;
}

/* May the cells of the field be others than they were? */
static bool may_move_cells(const struct schema_field *a,
			   const struct schema_field *b)
{
	const json_t *x = json_object_get(a->json, "options");
	const json_t *y = json_object_get(b->json, "options");

	if (strcmp(a->type_name, b->type_name) != 0)
		return true;
	if (is_select(a))
		return !keeps_choices(json_object_get(x, "choices"),
				      json_object_get(y, "choices"));
	if (!x || !y)
		return x != y;
	return !json_equal(x, y);
}

static const struct schema_field *find_id(const struct schema_table *t,
					  const char *id)
{
	for (size_t i = 0; i < t->fields_n; i++)
		if (strcmp(t->fields[i].id.s, id) == 0)
			return &t->fields[i];
	return NULL;
}

/* The same fields in the same order, by the same names. */
static bool looks_same(const struct schema_table *a,
		       const struct schema_table *b)
{
	if (a->fields_n != b->fields_n || a->primary != b->primary ||
	    a->last_modified != b->last_modified)
		return false;
	for (size_t i = 0; i < a->fields_n; i++) {
		const struct schema_field *x = &a->fields[i];
		const struct schema_field *y = &b->fields[i];

		if (strcmp(x->id.s, y->id.s) != 0 ||
		    strcmp(x->name, y->name) != 0 ||
		    strcmp(x->type_name, y->type_name) != 0)
			return false;
	}
	return true;
}

unsigned schema_diff(const struct schema_table *a, const struct schema_table *b)
{
	unsigned r = looks_same(a, b) ? 0 : SCHEMA_FILES_DIFFER;

	for (size_t i = 0; i < b->fields_n; i++) {
		const struct schema_field *y = &b->fields[i];
		const struct schema_field *x = find_id(a, y->id.s);

		if (!x || may_move_cells(x, y))
			r |= SCHEMA_FILES_DIFFER | SCHEMA_CELLS_DIFFER;
	}
	return r;
}
