/* recfile_value - a changed value checked by its field's type, and put into
 * the form in which the API takes it. A value that was not changed never comes
 * here: a cell may hold what its type would refuse today. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "recfile_internal.h"
#include "render.h"

/* The API's numbers are doubles: beyond this not every integer is one. */
#define INTEGER_EXACT_MAX 9007199254740992

int value_refuse(struct value_job *j, int err, const char *fmt, ...)
{
	char name[100], text[300];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	text_cut(name, sizeof(name), j->f->name);
	save_error_set(j->e, err, "field \"%s\" %s", name, text);
	return err;
}

/* The form that is asked for, and an example of it. */
static int refuse_kind(struct value_job *j, const char *takes,
		       const char *example)
{
	value_refuse(j, -EINVAL, "takes %s, not %s", takes,
		     value_kind(j->value));
	save_error_hint(j->e, "write %s", example);
	return -EINVAL;
}

/* Steals write and shown; either NULL is a failed allocation. */
int value_keep(struct value_job *j, json_t *write, json_t *shown)
{
	if (!write || !shown) {
		json_decref(write);
		json_decref(shown);
		return value_refuse(j, -ENOMEM, "cannot be kept: no memory");
	}
	j->write = write;
	j->shown = shown;
	return 0;
}

/* Steals write, which is shown as it is. */
static int keep(struct value_job *j, json_t *write)
{
	return value_keep(j, write, json_incref(write));
}

/* A string that can be sent: no NUL, not longer than a cell. */
int value_check_text(struct value_job *j, const json_t *text)
{
	const char *s = json_string_value(text);
	size_t n = json_string_length(text);

	if (strlen(s) != n)
		return value_refuse(j, -EINVAL, "holds a NUL character");
	if (n > RECFILE_TEXT_MAX &&
	    text_characters(s, n) > RECFILE_TEXT_MAX) {
		value_refuse(j, -EMSGSIZE, "is longer than %d characters",
			     RECFILE_TEXT_MAX);
		save_error_hint(j->e, "Airtable takes at most %d in one cell",
				RECFILE_TEXT_MAX);
		return -EMSGSIZE;
	}
	return 0;
}

static int check_text(struct value_job *j)
{
	char text[80], example[100];
	int r;

	if (!json_is_string(j->value)) {
		text_of_value(text, sizeof(text), j->value);
		if (json_is_object(j->value) || json_is_array(j->value))
			return refuse_kind(j, "text", "it in double quotes");
		(void)snprintf(example, sizeof(example), "\"%s\" with quotes",
			       text);
		return refuse_kind(j, "text", example);
	}
	r = value_check_text(j, j->value);
	return r < 0 ? r : keep(j, json_incref((json_t *)j->value));
}

/* A string that is one JSON number. */
static bool text_is_number(const char *text, double *ret)
{
	json_t *v = strlen(text) < 40 ?
		json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
	bool is = json_is_number(v);

	if (is)
		*ret = json_number_value(v);
	json_decref(v);
	return is;
}

/* "h:mm" or "h:mm:ss" in seconds. */
static bool text_is_clock(const char *text, long *ret)
{
	long part[3] = { 0, 0, 0 };
	int n = 0;
	char *end;

	if (strlen(text) > 12)
		return false;
	for (; n < 3 && *text >= '0' && *text <= '9'; n++, text = end) {
		part[n] = strtol(text, &end, 10);
		if (n < 2 && *end == ':' && end[1] != '\0')
			end++;
	}
	*ret = part[0] * 3600 + part[1] * 60 + part[2];
	return n >= 2 && *text == '\0' && part[1] < 60 && part[2] < 60;
}

static int refuse_number(struct value_job *j)
{
	const char *s = json_string_value(j->value);
	char number[40], example[120] = "digits without quotes, such as 12.5";
	size_t n = s ? strlen(s) : 0;
	double d;
	long seconds;

	if (j->f->type == FIELD_PERCENT)
		(void)snprintf(example, sizeof(example), "0.25 for 25 %%");
	if (j->f->type == FIELD_DURATION)
		(void)snprintf(example, sizeof(example),
			       "the seconds: 5400 for 1:30:00");
	if (s && text_is_number(s, &d)) {
		text_cut(number, sizeof(number), s);
		(void)snprintf(example, sizeof(example), "%s without quotes",
			       number);
	} else if (s && j->f->type == FIELD_PERCENT && n > 1 && n < 20 &&
		   s[n - 1] == '%') {
		(void)snprintf(number, sizeof(number), "%.*s", (int)n - 1, s);
		if (text_is_number(number, &d))
			(void)snprintf(example, sizeof(example),
				       "%.12g for %s %%", d / 100, number);
	} else if (s && j->f->type == FIELD_DURATION &&
		   text_is_clock(s, &seconds)) {
		(void)snprintf(example, sizeof(example),
			       "%ld (seconds), no quotes", seconds);
	}
	return refuse_kind(j, j->f->type == FIELD_DURATION ?
			   "a number of seconds" : "a number", example);
}

/* A fraction is rounded as everywhere; an integer that was written out in full
 * (a number of an article, say) must not be. */
static bool is_exact(const struct value_job *j, double d)
{
	if (json_is_integer(j->value))
		/* just below 2^63: the conversion back must fit */
		return d < 9.2e18 &&
		       (json_int_t)d == json_integer_value(j->value);
	return !j->rounded || d != floor(d) || fabs(d) < INTEGER_EXACT_MAX;
}

static int check_number(struct value_job *j)
{
	double d;

	if (!json_is_number(j->value))
		return refuse_number(j);
	d = json_number_value(j->value);
	if (!is_exact(j, d)) {
		value_refuse(j, -EINVAL, "takes at most 15 exact digits");
		save_error_hint(j->e, "Airtable would round it; a text field "
				"keeps all digits");
		return -EINVAL;
	}
	if (d == floor(d) && fabs(d) <= INTEGER_EXACT_MAX)
		return keep(j, json_integer((json_int_t)d));
	return keep(j, json_incref((json_t *)j->value));
}

static int check_rating(struct value_job *j)
{
	/* 10 is the product's own limit (2026) */
	long max = j->f->rating_max > 0 ? j->f->rating_max : 10;
	double d = json_number_value(j->value);

	if (json_is_number(j->value) && d == floor(d) && d >= 1 &&
	    d <= (double)max)
		return keep(j, json_integer((json_int_t)d));
	value_refuse(j, -EINVAL, "takes a whole number from 1 to %ld%s%s", max,
		     json_is_number(j->value) ? "" : ", not ",
		     json_is_number(j->value) ? "" : value_kind(j->value));
	save_error_hint(j->e, "write null for no rating");
	return -EINVAL;
}

static int check_checkbox(struct value_job *j)
{
	if (json_is_true(j->value))
		return keep(j, json_true());
	return refuse_kind(j, "true, false or null", "true without quotes");
}

/* Older answers leave the options out; then the server is the judge. */
static bool knows_choices(const struct schema_field *f)
{
	const json_t *options = json_object_get(f->json, "options");

	return f->choices_n > 0 ||
	       json_is_array(json_object_get(options, "choices"));
}

static int check_choice(struct value_job *j, const json_t *value)
{
	const char *s = json_string_value(value);
	struct text_list list = { .used = 0 };
	struct nearest near;
	char cut[80];
	size_t i;
	int r;

	r = value_check_text(j, value);
	if (r < 0)
		return r;
	if (s[0] == '\0')
		return value_refuse(j, -EINVAL, "has no choice without a name");
	if (j->c->typecast || !knows_choices(j->f))
		return 0;
	nearest_init(&near, s);
	for (i = 0; i < j->f->choices_n; i++) {
		if (strcmp(s, j->f->choices[i]) == 0)
			return 0;
		nearest_try(&near, j->f->choices[i]);
		text_list_add(&list, j->f->choices[i]);
	}
	text_cut(cut, sizeof(cut), s);
	value_refuse(j, -EINVAL, "has no choice \"%s\"", cut);
	if (list.all == 0)
		save_error_hint(j->e, "it has no choices at all yet");
	else if (near.best && list.all > 1)
		save_error_hint(j->e, "did you mean \"%s\"? choices: %s",
				near.best, text_list_end(&list));
	else
		save_error_hint(j->e, "choices: %s", text_list_end(&list));
	return -EINVAL;
}

static int check_select(struct value_job *j)
{
	int r;

	if (!json_is_string(j->value))
		return refuse_kind(j, "the name of one choice",
				   "it in double quotes");
	r = check_choice(j, j->value);
	return r < 0 ? r : keep(j, json_incref((json_t *)j->value));
}

static int check_selects(struct value_job *j)
{
	json_t *item;
	size_t i, k;
	int r;

	if (!json_is_array(j->value))
		return refuse_kind(j, "an array of choices",
				   "[\"One\", \"Two\"]");
	json_array_foreach(j->value, i, item) {
		j->item = (long)i;
		if (!json_is_string(item))
			return value_refuse(j, -EINVAL, "takes names of "
					    "choices, not %s",
					    value_kind(item));
		r = check_choice(j, item);
		if (r < 0)
			return r;
		for (k = 0; k < i; k++)
			if (value_equal(item, json_array_get(j->value, k)))
				return value_refuse(j, -EINVAL, "names the "
						    "same choice twice");
	}
	return keep(j, json_incref((json_t *)j->value));
}

static int check_date(struct value_job *j)
{
	const char *s = json_string_value(j->value);
	char text[DATE_TEXT_BUF], cut[60];

	if (!s)
		return refuse_kind(j, "a date", "\"2024-12-31\"");
	if (strlen(s) == json_string_length(j->value) && date_is_valid(s))
		return keep(j, json_incref((json_t *)j->value));
	text_cut(cut, sizeof(cut), s);
	if (date_time_normalise(s, text) == 0) {
		value_refuse(j, -EINVAL, "takes a date without a time");
		save_error_hint(j->e, "write \"%.10s\"", s);
		return -EINVAL;
	}
	value_refuse(j, -EINVAL, "takes a date of the calendar, not \"%s\"",
		     cut);
	save_error_hint(j->e, "write year, month and day: \"2024-12-31\"");
	return -EINVAL;
}

static int check_date_time(struct value_job *j)
{
	const char *s = json_string_value(j->value);
	const char *held = json_string_value(j->cell);
	char text[DATE_TEXT_BUF], now[DATE_TEXT_BUF], cut[60];

	if (!s)
		return refuse_kind(j, "a date and time",
				   "\"2024-12-31T23:59:00.000Z\"");
	if (strlen(s) != json_string_length(j->value) ||
	    date_time_normalise(s, text) < 0) {
		text_cut(cut, sizeof(cut), s);
		value_refuse(j, -EINVAL,
			     "takes a date and time, not \"%s\"", cut);
		save_error_hint(j->e, "write \"2024-12-31T23:59:00.000Z\", or "
				"+01:00 in place of Z");
		return -EINVAL;
	}
	/* the same moment in another spelling is no change */
	if (held && date_time_normalise(held, now) == 0 &&
	    strcmp(text, now) == 0)
		return value_keep(j, json_string(text),
				  json_incref((json_t *)j->cell));
	return keep(j, json_string(text));
}

static int check_barcode(struct value_job *j)
{
	static const char example[] = "{\"text\": \"0123456789\"}";
	json_t *text = json_object_get(j->value, "text"), *write;
	json_t *type = json_object_get(j->value, "type");
	json_t *it = (json_t *)j->value, *value;
	const char *key;
	char cut[60];
	int r;

	if (!json_is_object(j->value))
		return refuse_kind(j, "an object with \"text\"", example);
	json_object_foreach(it, key, value) {
		if (strcmp(key, "text") == 0 || strcmp(key, "type") == 0)
			continue;
		text_cut(cut, sizeof(cut), key);
		return value_refuse(j, -EINVAL, "takes \"text\" and \"type\", "
				    "not \"%s\"", cut);
	}
	if (!json_is_string(text) ||
	    (type && !json_is_string(type) && !json_is_null(type))) {
		value_refuse(j, -EINVAL, "takes \"text\" and \"type\" as "
			     "strings");
		save_error_hint(j->e, "write %s", example);
		return -EINVAL;
	}
	r = value_check_text(j, text);
	if (r == 0 && json_is_string(type))
		r = value_check_text(j, type);
	if (r < 0)
		return r;
	if (json_string_length(text) == 0)
		return keep(j, json_null());
	write = json_copy((json_t *)j->value);
	if (json_is_null(type))
		(void)json_object_del(write, "type");
	return keep(j, write);
}

static int (*const checks[FIELD_FIRST_COMPUTED])(struct value_job *j) = {
	[FIELD_SINGLE_LINE_TEXT] = check_text,
	[FIELD_EMAIL] = check_text,
	[FIELD_URL] = check_text,
	[FIELD_PHONE] = check_text,
	[FIELD_MULTILINE_TEXT] = check_text,
	[FIELD_RICH_TEXT] = check_text,
	[FIELD_NUMBER] = check_number,
	[FIELD_PERCENT] = check_number,
	[FIELD_CURRENCY] = check_number,
	[FIELD_DURATION] = check_number,
	[FIELD_RATING] = check_rating,
	[FIELD_CHECKBOX] = check_checkbox,
	[FIELD_SINGLE_SELECT] = check_select,
	[FIELD_MULTIPLE_SELECTS] = check_selects,
	[FIELD_DATE] = check_date,
	[FIELD_DATE_TIME] = check_date_time,
	[FIELD_SINGLE_COLLABORATOR] = value_collaborator,
	[FIELD_MULTIPLE_COLLABORATORS] = value_collaborators,
	[FIELD_RECORD_LINKS] = value_links,
	[FIELD_ATTACHMENTS] = value_attachments,
	[FIELD_BARCODE] = check_barcode,
};

/* null clears every cell; "", [] and false those that would show them. */
static bool clears(const struct schema_field *f, const json_t *value)
{
	switch ((int)f->type) {
	case FIELD_CHECKBOX:
		return json_is_false(value) || json_is_null(value);
	case FIELD_MULTIPLE_SELECTS:
	case FIELD_MULTIPLE_COLLABORATORS:
	case FIELD_ATTACHMENTS:
		return json_is_null(value) ||
		       (json_is_array(value) && json_array_size(value) == 0);
	case FIELD_RECORD_LINKS:
		/* one name may stand without brackets, so none may, too */
		if (json_is_array(value) && json_array_size(value) == 0)
			return true;
		break;
	case FIELD_NUMBER:
	case FIELD_PERCENT:
	case FIELD_CURRENCY:
	case FIELD_DURATION:
	case FIELD_RATING:
		return json_is_null(value);
	default:
		break;
	}
	return json_is_null(value) ||
	       (json_is_string(value) && json_string_length(value) == 0);
}

int recfile_value(struct value_job *j)
{
	int r;

	j->write = j->shown = NULL;
	j->item = -1;
	if (clears(j->f, j->value))
		return keep(j, json_null());
	if (j->f->type == FIELD_RICH_TEXT && json_is_string(j->value) &&
	    strcmp(json_string_value(j->value), "\n") == 0)
		return keep(j, json_null());
	if (j->f->type >= FIELD_FIRST_COMPUTED || !checks[j->f->type])
		return value_refuse(j, -EPERM, "cannot be written");
	r = checks[j->f->type](j);
	if (r == 0)
		j->item = -1;
	return r;
}
