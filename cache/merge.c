/* The three-way merge, field by field: what the user's change was made from
 * (before), what he wants (after), what the server holds now (theirs). */
#include "internal.h"

#include <string.h>

#include "render.h"

/* Rich text comes back with a line end added (airtable-api.md 9.3). */
static bool text_equal(const json_t *a, const json_t *b)
{
	const char *x = json_string_value(a), *y = json_string_value(b);
	size_t n, m;

	if (!x || !y)
		return false;
	n = strlen(x);
	m = strlen(y);
	while (n && x[n - 1] == '\n')
		n--;
	while (m && y[m - 1] == '\n')
		m--;
	return n == m && memcmp(x, y, n) == 0;
}

bool value_means_same(const json_t *a, const json_t *b)
{
	return value_equal(a, b) || text_equal(a, b);
}

/* ---- lists ---- */

static bool is_set(const struct schema_field *f)
{
	switch ((int)f->type) {
	case FIELD_MULTIPLE_SELECTS:
	case FIELD_MULTIPLE_COLLABORATORS:
	case FIELD_ATTACHMENTS:
		return true;
	case FIELD_RECORD_LINKS: /* two may not be there */
		return !json_is_true(json_object_get(
			json_object_get(f->json, "options"),
			"prefersSingleRecordLink"));
	default:
		return false;
	}
}

static bool same_member(const json_t *a, const json_t *b, const char *key)
{
	const char *x = json_string_value(json_object_get(a, key));
	const char *y = json_string_value(json_object_get(b, key));

	return x && y && strcmp(x, y) == 0;
}

static bool same_item(const json_t *a, const json_t *b)
{
	return json_equal((json_t *)a, (json_t *)b) ||
	       same_member(a, b, "id") || same_member(a, b, "email");
}

static bool holds(const json_t *list, const json_t *item)
{
	json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
		if (same_item(one, item))
			return true;
	return false;
}

/* A list, or none at all, of things that are the same on both sides if their
 * names or ids are. (A new attachment is known by neither.) */
static bool is_list(const json_t *list)
{
	json_t *one;
	size_t i;

	if (!list || json_is_null(list))
		return true;
	if (!json_is_array(list))
		return false;
	json_array_foreach(list, i, one)
		if (!json_is_string(one) && !json_object_get(one, "id") &&
		    !json_object_get(one, "email"))
			return false;
	return true;
}

static bool same_set(const json_t *a, const json_t *b)
{
	json_t *one;
	size_t i;

	json_array_foreach(a, i, one)
		if (!holds(b, one))
			return false;
	return json_array_size(a) == json_array_size(b);
}

static json_t *write_form(const json_t *shown)
{
	const json_t *id = json_object_get(shown, "id");
	json_t *w;

	if (!json_is_object(shown))
		return json_incref((json_t *)shown);
	w = json_object();
	json_object_set(w, id ? "id" : "email",
			id ? (json_t *)id : json_object_get(shown, "email"));
	return w;
}

bool merge_lists(const struct schema_field *f, const json_t *base,
		 const json_t *mine, const json_t *mine_write,
		 const json_t *theirs, json_t **ret_shown, json_t **ret_write)
{
	json_t *shown, *write, *one;
	size_t i;

	if (!is_set(f) || !is_list(base) || !is_list(mine) ||
	    !is_list(theirs) || same_set(base, mine) ||
	    json_array_size(mine) != json_array_size(mine_write))
		return false;
	shown = json_array();
	write = json_array();
	json_array_foreach(theirs, i, one) {
		if (holds(base, one) && !holds(mine, one))
			continue;
		json_array_append(shown, one);
		json_array_append_new(write, write_form(one));
	}
	json_array_foreach(mine, i, one) {
		if (holds(base, one) || holds(shown, one))
			continue;
		json_array_append(shown, one);
		json_array_append(write, json_array_get(mine_write, i));
	}
	*ret_shown = shown;
	*ret_write = write;
	return true;
}

/* True if the field is settled so: the result stands in changes and after, or
 * is there already. */
static bool merge_sets(const struct schema_field *f, json_t *changes,
		       const json_t *base, json_t *after, const json_t *theirs,
		       bool *ret_there)
{
	const char *key = f->id.s;
	json_t *shown, *write, *as_file;

	if (!merge_lists(f, base, json_object_get(after, key),
			 json_object_get(changes, key), theirs, &shown, &write))
		return false;
	as_file = render_value(f, shown);
	*ret_there = value_equal(as_file, theirs);
	json_object_set(after, key, as_file);
	json_object_set(changes, key, write);
	json_decref(as_file);
	json_decref(shown);
	json_decref(write);
	return true;
}

/* ---- one field after the other ---- */

enum merge_result merge_changes(const struct schema_table *t, json_t *changes,
				const json_t *before, json_t *after,
				const json_t *theirs_cells, json_t *ret_theirs)
{
	enum merge_result result = MERGE_NOTHING;
	const char *key;
	json_t *v;
	void *next;

	json_object_foreach_safe(changes, next, key, v) {
		const struct schema_field *f = schema_find_field(t, key);
		const json_t *cell = json_object_get(theirs_cells, key);
		json_t *base = json_object_get(before, key);
		json_t *mine = json_object_get(after, key);
		json_t *sent = json_object_get(
			json_object_get(before, OP_SENT), key);
		json_t *theirs;
		bool there = false;

		if (!f) { /* gone from the schema: the server shall say so */
			result = result == MERGE_CONFLICT ? result : MERGE_SEND;
			continue;
		}
		theirs = render_value(f, cell);
		if (value_means_same(theirs, mine ? mine : json_null())) {
			json_object_del(changes, key);
		} else if (value_means_same(theirs,
					    base ? base : json_null()) ||
			   (sent && value_means_same(theirs, sent))) {
			if (result == MERGE_NOTHING)
				result = MERGE_SEND;
		} else if (merge_sets(f, changes, base, after, theirs,
				      &there)) {
			if (there)
				json_object_del(changes, key);
			else if (result == MERGE_NOTHING)
				result = MERGE_SEND;
		} else {
			result = MERGE_CONFLICT;
			json_object_set(ret_theirs, key, theirs);
		}
		json_decref(theirs);
	}
	return result;
}
