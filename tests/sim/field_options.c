#include "field_options.h"

#include <string.h>

static const char *const bright[] = {
	"blueBright", "cyanBright", "tealBright", "greenBright",
	"yellowBright", "orangeBright", "redBright", "pinkBright",
	"purpleBright", "grayBright", NULL,
};
static const char *const check_icons[] = { "check", "xCheckbox", "star",
					   "heart", "thumbsUp", "flag", "dot",
					   NULL };
static const char *const rating_icons[] = { "star", "heart", "thumbsUp",
					    "flag", "dot", NULL };
static const char *const durations[] = { "h:mm", "h:mm:ss", "h:mm:ss.S",
					 "h:mm:ss.SS", "h:mm:ss.SSS", NULL };

struct form {
	const char *name;
	const char *format;
};

static const struct form date_forms[] = {
	{ "local", "l" }, { "friendly", "LL" }, { "us", "M/D/YYYY" },
	{ "european", "D/M/YYYY" }, { "iso", "YYYY-MM-DD" }, { NULL, NULL },
};
static const struct form time_forms[] = {
	{ "12hour", "h:mma" }, { "24hour", "HH:mm" }, { NULL, NULL },
};

static bool one_of(const json_t *o, const char *key,
		   const char *const *names)
{
	const char *s = json_string_value(json_object_get(o, key));

	for (; s && *names; names++)
		if (!strcmp(*names, s))
			return true;
	return false;
}

static bool whole(const json_t *o, const char *key, int lo, int hi)
{
	const json_t *v = json_object_get(o, key);
	double d = json_number_value(v);

	return json_is_number(v) && d >= lo && d <= hi && d == (int)d;
}

static bool only(const json_t *o, size_t n)
{
	return json_object_size(o) == n;
}

static bool form_ok(json_t *o, const char *key, const struct form *forms)
{
	json_t *v = json_object_get(o, key);
	const char *name = json_string_value(json_object_get(v, "name"));
	const json_t *format = json_object_get(v, "format");

	for (; name && forms->name; forms++) {
		if (strcmp(forms->name, name) != 0)
			continue;
		if (format && (!json_is_string(format) ||
			       strcmp(json_string_value(format),
				      forms->format)))
			return false;
		json_object_set_new(v, "format", json_string(forms->format));
		return json_object_size(v) == 2;
	}
	return false;
}

static bool color_ok(const json_t *v)
{
	static const char *const hues[] = { "blue", "cyan", "teal", "green",
					    "yellow", "orange", "red", "pink",
					    "purple", "gray" };
	static const char *const shades[] = { "Light2", "Light1", "Bright",
					      "Dark1" };
	const char *s = json_string_value(v);

	if (!v)
		return true;
	for (size_t i = 0; s && i < 10; i++) {
		size_t n = strlen(hues[i]);

		if (strncmp(s, hues[i], n) != 0)
			continue;
		for (size_t k = 0; k < 4; k++)
			if (!strcmp(s + n, shades[k]))
				return true;
	}
	return false;
}

static bool choices_ok(struct state *s, json_t *o)
{
	json_t *list = json_object_get(o, "choices");

	if (!json_is_array(list) || !only(o, 1))
		return false;
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *c = json_array_get(list, i);
		json_t *name = json_object_get(c, "name");
		json_t *color = json_object_get(c, "color");
		char id[ID_CAP];

		if (!json_is_string(name) || !json_string_length(name) ||
		    !color_ok(color) || !only(c, color ? 2 : 1))
			return false;
		for (size_t k = 0; k < i; k++)
			if (json_equal(name, json_object_get(
					json_array_get(list, k), "name")))
				return false;
		id_make(&s->rng, "sel", id);
		json_object_set_new(c, "id", json_string(id));
	}
	return true;
}

static bool link_ok(json_t *o)
{
	const char *id = json_string_value(json_object_get(o,
							   "linkedTableId"));
	const json_t *view = json_object_get(o, "viewIdForRecordSelection");

	return id && id_is(id, "tbl") && only(o, view ? 2 : 1) &&
	       (!view || json_is_string(view));
}

static bool options_ok(struct state *s, enum field_type t, json_t *o)
{
	switch ((int)t) {
	case FT_CHECKBOX:
		return only(o, 2) && one_of(o, "icon", check_icons) &&
		       one_of(o, "color", bright);
	case FT_RATING:
		return only(o, 3) && one_of(o, "icon", rating_icons) &&
		       one_of(o, "color", bright) && whole(o, "max", 1, 10);
	case FT_NUMBER:
	case FT_PERCENT:
		return only(o, 1) && whole(o, "precision", 0, 8);
	case FT_CURRENCY:
		return only(o, 2) && whole(o, "precision", 0, 7) &&
		       json_is_string(json_object_get(o, "symbol"));
	case FT_DURATION:
		return only(o, 1) && one_of(o, "durationFormat", durations);
	case FT_SELECT:
	case FT_SELECTS:
		return choices_ok(s, o);
	case FT_DATE:
		return only(o, 1) && form_ok(o, "dateFormat", date_forms);
	case FT_DATETIME:
		return only(o, 3) && form_ok(o, "dateFormat", date_forms) &&
		       form_ok(o, "timeFormat", time_forms) &&
		       json_is_string(json_object_get(o, "timeZone"));
	case FT_LINKS:
		return link_ok(o);
	default:
		return only(o, 0);
	}
}

static bool takes_none(enum field_type t)
{
	return t <= FT_PHONE || t == FT_COLLABORATOR ||
	       t == FT_COLLABORATORS || t == FT_ATTACHMENTS ||
	       t == FT_BARCODE;
}

int field_options_check(struct state *s, const char *table, const char *name,
			const char *type, const json_t *in, json_t **out,
			struct reply *r)
{
	enum field_type t = field_type_of(type);

	*out = NULL;
	if (t == FT_UNKNOWN)
		return reply_error(r, ERR_PARAM);
	if (field_is_computed(t))
		return reply_errorf(r, ERR_FIELD_TYPE, "Invalid options for "
				    "%s.%s: Creating %s fields is not "
				    "supported at this time", table, name,
				    type);
	if (!in && takes_none(t))
		return 0;
	if (!in)
		return reply_errorf(r, ERR_FIELD_OPTIONS, "Failed schema "
				    "validation: %s.options is missing",
				    name);
	*out = json_deep_copy(in);
	if (!json_is_object(in) || !options_ok(s, t, *out)) {
		json_decref(*out);
		*out = NULL;
		return reply_errorf(r, ERR_FIELD_OPTIONS, "Failed schema "
				    "validation: %s.options is invalid",
				    name);
	}
	if (takes_none(t)) {
		json_decref(*out);
		*out = NULL;
	}
	return 0;
}

bool field_may_be_primary(enum field_type t)
{
	return (t <= FT_DURATION && t != FT_RICH_TEXT) || t == FT_DATE ||
	       t == FT_DATETIME || t == FT_BARCODE || t == FT_AUTONUMBER ||
	       t == FT_FORMULA;
}
