#include "list_param.h"

#include <stdlib.h>
#include <string.h>

static const char *const known[] = {
	"pageSize", "maxRecords", "offset", "view", "sort", "filterByFormula",
	"fields", "cellFormat", "timeZone", "userLocale",
	"returnFieldsByFieldId", "recordMetadata",
	"includeDateDependencyMetadata",
	"method",	/* airtable.js sends its own option along */
	NULL,
};

/* A whole number from lo on, as JSON number in a body, as digits in a
 * query. */
static int whole(const json_t *o, const char *key, bool body, long lo,
		 long deflt, long *out)
{
	const json_t *v = json_object_get(o, key);
	const char *s = json_string_value(v);
	char *end;

	*out = deflt;
	if (!v)
		return 0;
	if (body != json_is_number(v))
		return -1;
	if (body) {
		double d = json_number_value(v);

		if (d < (double)lo || d > 1e9 || d != (double)(long)d)
			return -1;
		*out = (long)d;
		return 0;
	}
	if (!s || s[strspn(s, "0123456789")] || strlen(s) > 9 || !*s)
		return -1;
	*out = strtol(s, &end, 10);
	return *out < lo ? -1 : 0;
}

static int text(const json_t *o, const char *key, const char **out)
{
	const json_t *v = json_object_get(o, key);

	*out = json_string_value(v);
	if (!*out)
		*out = "";
	return v && !json_is_string(v) ? -1 : 0;
}

static bool all_strings(const json_t *a)
{
	for (size_t i = 0; i < json_array_size(a); i++)
		if (!json_is_string(json_array_get(a, i)))
			return false;
	return true;
}

/* A list, or in a query one bare value, which becomes a list. */
static int list_of(json_t *o, const char *key, bool body, const json_t **out)
{
	json_t *v = json_object_get(o, key);
	json_t *a;

	*out = NULL;
	if (!v)
		return 0;
	if (json_is_string(v) && !body) {
		a = json_array();
		json_array_append(a, v);
		json_object_set_new(o, key, a);
		v = a;
	}
	*out = v;
	return json_is_array(v) && all_strings(v) ? 0 : -1;
}

static int sorts(const json_t *o, const json_t **out)
{
	static const char *const keys[] = { "field", "direction", NULL };
	const json_t *v = json_object_get(o, "sort");

	*out = v;
	if (!v)
		return 0;
	if (!json_is_array(v) || json_array_size(v) > LIST_SORTS_MAX)
		return -1;
	for (size_t i = 0; i < json_array_size(v); i++) {
		const json_t *e = json_array_get(v, i);
		const char *dir;

		if (!json_is_object(e) || !call_only_keys(e, keys) ||
		    !json_is_string(json_object_get(e, "field")) ||
		    text(e, "direction", &dir) ||
		    (*dir && strcmp(dir, "asc") && strcmp(dir, "desc")))
			return -1;
	}
	return 0;
}

/* With `string` both the zone and the locale must be there, and in the
 * query string even when the rest is a body. */
int list_format(const json_t *o, const struct params *query,
		struct celltext_look *look)
{
	const char *f, *zone = NULL, *locale = NULL;

	memset(look, 0, sizeof(*look));
	if (text(o, "cellFormat", &f))
		return -1;
	if (!*f || !strcmp(f, "json"))
		return 0;
	if (strcmp(f, "string") != 0)
		return -1;
	for (size_t i = 0; i < query->n; i++) {
		if (!strcmp(query->v[i].key, "timeZone"))
			zone = query->v[i].value;
		if (!strcmp(query->v[i].key, "userLocale"))
			locale = query->v[i].value;
	}
	return celltext_look(look, zone, locale);
}

static int metadata(json_t *o, bool body, struct list_opt *opt)
{
	const json_t *list;

	if (list_of(o, "recordMetadata", body, &list))
		return -1;
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(json_string_value(json_array_get(list, i)),
			   "commentCount") != 0)
			return -1;
	opt->comments = json_array_size(list) > 0;
	return 0;
}

/* true and false in a body; the query also takes 1 and 0. */
static int flag(const json_t *o, const char *key, bool body)
{
	const json_t *v = json_object_get(o, key);

	return body && v && !json_is_boolean(v) ? -1 : call_flag(o, key);
}

int list_params(json_t *o, bool body, bool clamp, const struct params *query,
		struct list_opt *opt)
{
	int by_id = flag(o, "returnFieldsByFieldId", body);
	int dates = flag(o, "includeDateDependencyMetadata", body);
	const char *method;

	memset(opt, 0, sizeof(*opt));
	if (!o || !call_only_keys(o, known) || by_id < 0 ||
	    dates < 0 ||
	    whole(o, "pageSize", body, 1, LIST_PAGE_MAX, &opt->page) ||
	    (opt->page > LIST_PAGE_MAX && !clamp) ||
	    whole(o, "maxRecords", body, 1, -1, &opt->max) ||
	    text(o, "offset", &opt->offset) || text(o, "view", &opt->view) ||
	    text(o, "filterByFormula", &opt->filter) ||
	    text(o, "method", &method) ||
	    (*method && strcmp(method, "get") && strcmp(method, "post")) ||
	    list_of(o, "fields", body, &opt->fields) ||
	    sorts(o, &opt->sort) || metadata(o, body, opt) ||
	    list_format(o, query, &opt->look))
		return -1;
	opt->by_id = by_id;
	opt->dates = dates;
	if (opt->page > LIST_PAGE_MAX)
		opt->page = LIST_PAGE_MAX;
	return 0;
}
