#include "webhook.h"

#include <string.h>

static const char *const data_types[] = { "tableData", "tableFields",
					  "tableMetadata", NULL };
static const char *const change_types[] = { "add", "remove", "update", NULL };
static const char *const sources[] = {
	"client", "publicApi", "formSubmission", "formPageSubmission",
	"automation", "system", "sync", "anonymousUser", "unknown", NULL,
};

static bool listed(const char *s, const char *const *names)
{
	for (; s && *names; names++)
		if (!strcmp(*names, s))
			return true;
	return false;
}

/* An absent key is fine, an empty list is not. */
static bool names_ok(const json_t *o, const char *key,
		     const char *const *names)
{
	const json_t *list = json_object_get(o, key);

	if (!list)
		return true;
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!listed(json_string_value(json_array_get(list, i)),
			    names))
			return false;
	return json_array_size(list) > 0;
}

static bool ids_ok(const struct base *b, const json_t *o, const char *key)
{
	const json_t *list = json_object_get(o, key);

	if (list && !json_is_array(list))
		return false;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *s = json_string_value(json_array_get(list, i));

		if (!s || !base_field_by_id(b, s))
			return false;
	}
	return true;
}

static bool scope_ok(const struct base *b, const json_t *filters)
{
	const json_t *v = json_object_get(filters, "recordChangeScope");
	const char *id = json_string_value(v);

	if (!v)
		return true;
	for (size_t i = 0; id && i < b->tables_n; i++) {
		const struct table *t = b->tables[i];

		if (!strcmp(t->id, id))
			return true;
		for (size_t k = 0; k < t->views_n; k++)
			if (!strcmp(t->views[k].id, id))
				return strcmp(t->views[k].type, "form") != 0 &&
				       strcmp(t->views[k].type, "list") != 0;
	}
	return false;
}

static bool source_options_ok(const json_t *o)
{
	static const char *const keys[] = { "formSubmission",
					    "formPageSubmission", NULL };
	const json_t *v = json_object_get(o, "sourceOptions");

	return !v || (json_is_object(v) && call_only_keys(v, keys));
}

static bool flag_ok(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return !v || json_is_boolean(v);
}

static bool includes_ok(const struct base *b, const json_t *o)
{
	static const char *const keys[] = { "includeCellValuesInFieldIds",
					    "includePreviousCellValues",
					    "includePreviousFieldDefinitions",
					    NULL };
	const json_t *v = json_object_get(o, "includeCellValuesInFieldIds");

	if (!o)
		return true;
	if (!json_is_object(o) || !call_only_keys(o, keys) ||
	    !flag_ok(o, keys[1]) || !flag_ok(o, keys[2]))
		return false;
	if (json_is_string(v))
		return !strcmp(json_string_value(v), "all");
	return ids_ok(b, o, "includeCellValuesInFieldIds");
}

bool hook_spec_ok(const struct base *b, const json_t *options,
		  unsigned *scopes)
{
	static const char *const top[] = { "filters", "includes", NULL };
	static const char *const keys[] = { "dataTypes", "recordChangeScope",
					    "changeTypes", "fromSources",
					    "sourceOptions",
					    "watchDataInFieldIds",
					    "watchSchemasOfFieldIds", NULL };
	const json_t *f = json_object_get(options, "filters");
	const json_t *types = json_object_get(f, "dataTypes");

	if (!json_is_object(options) || !call_only_keys(options, top) ||
	    !json_is_object(f) || !call_only_keys(f, keys) || !types ||
	    !names_ok(f, "dataTypes", data_types) ||
	    !names_ok(f, "changeTypes", change_types) ||
	    !names_ok(f, "fromSources", sources) || !source_options_ok(f) ||
	    !scope_ok(b, f) || !ids_ok(b, f, "watchDataInFieldIds") ||
	    !ids_ok(b, f, "watchSchemasOfFieldIds") ||
	    !includes_ok(b, json_object_get(options, "includes")))
		return false;
	*scopes = SC_WEBHOOK;
	for (size_t i = 0; i < json_array_size(types); i++)
		*scopes |= strcmp(json_string_value(json_array_get(types, i)),
				  "tableData") ? SC_SCHEMA_READ :
						 SC_RECORDS_READ;
	return true;
}

bool hook_spec_broken(const struct base *b, const json_t *options)
{
	const json_t *f = json_object_get(options, "filters");

	return !scope_ok(b, f) || !ids_ok(b, f, "watchDataInFieldIds") ||
	       !ids_ok(b, f, "watchSchemasOfFieldIds");
}
