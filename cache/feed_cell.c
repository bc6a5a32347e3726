/* Cells as payloads spell them (V2) against cells as lists do: options and
 * collaborators are objects there and names or other objects here, links are
 * {id,name} and ids, a lookup is sorted by the record that it comes from. */
#include "feed.h"

#include <string.h>

#include "render.h"

static bool is_empty(const json_t *v)
{
	return !v || json_is_null(v) || json_is_false(v) ||
	       (json_is_string(v) && json_string_length(v) == 0) ||
	       (json_is_array(v) && json_array_size(v) == 0);
}

static json_t *each(json_t *list, const char *key)
{
	json_t *out = json_array(), *v;
	size_t i;

	json_array_foreach(list, i, v)
		json_array_append(out, json_object_get(v, key));
	return out;
}

static json_t *lookup_values(json_t *told)
{
	json_t *by = json_object_get(told, "valuesByLinkedRecordId"), *v;
	json_t *out = json_array();
	size_t i;

	json_array_foreach(json_object_get(told, "linkedRecordIds"), i, v)
		if (json_is_string(v))
			json_array_extend(out,
					  json_object_get(
						  by, json_string_value(v)));
	return out;
}

/* The cell as a list would spell it, a new reference; NULL: not known. */
static json_t *as_listed(const struct schema_field *f, json_t *told)
{
	switch (f->type) {
	case FIELD_SINGLE_SELECT:
	case FIELD_SYNC_SOURCE:
		return json_incref(json_object_get(told, "name"));
	case FIELD_MULTIPLE_SELECTS:
		return json_is_array(told) ? each(told, "name") : NULL;
	case FIELD_RECORD_LINKS:
		return json_is_array(told) ? each(told, "id") : NULL;
	case FIELD_LOOKUP:
		return json_is_object(told) ? lookup_values(told) : NULL;
	case FIELD_SINGLE_LINE_TEXT:
	case FIELD_EMAIL:
	case FIELD_URL:
	case FIELD_PHONE:
	case FIELD_MULTILINE_TEXT:
	case FIELD_RICH_TEXT:
	case FIELD_NUMBER:
	case FIELD_PERCENT:
	case FIELD_CURRENCY:
	case FIELD_DURATION:
	case FIELD_RATING:
	case FIELD_CHECKBOX:
	case FIELD_DATE:
	case FIELD_DATE_TIME:
	case FIELD_AUTO_NUMBER:
	case FIELD_COUNT:
	case FIELD_FORMULA:
	case FIELD_ROLLUP:
	case FIELD_CREATED_TIME:
	case FIELD_LAST_MODIFIED_TIME:
		return json_incref(told);
	case FIELD_SINGLE_COLLABORATOR:
	case FIELD_MULTIPLE_COLLABORATORS:
	case FIELD_ATTACHMENTS:
	case FIELD_BARCODE:
	case FIELD_CREATED_BY:
	case FIELD_LAST_MODIFIED_BY:
	case FIELD_BUTTON:
	case FIELD_AI_TEXT:
	case FIELD_MANUAL_SORT:
	case FIELD_UNKNOWN:
		break;
	}
	return NULL;
}

bool feed_cell_is_held(const struct schema_field *f, json_t *told,
		       json_t *held)
{
	json_t *listed;
	bool same;

	if (is_empty(told))
		return is_empty(held);
	listed = as_listed(f, told);
	same = listed && held && value_equal(listed, held);
	json_decref(listed);
	return same;
}
