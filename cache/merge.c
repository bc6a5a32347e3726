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

enum merge_result merge_changes(const struct schema_table *t, json_t *changes,
				const json_t *before, const json_t *after,
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
		} else {
			result = MERGE_CONFLICT;
			json_object_set(ret_theirs, key, theirs);
		}
		json_decref(theirs);
	}
	return result;
}
