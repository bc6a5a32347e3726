/* recfile_primary - the primary cell as a file name shows it, and back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "recfile_internal.h"
#include "render.h"
#include "render_json.h"

/* A joined list is cut here: a file name holds 255 bytes of it. */
#define JOINED_BYTES_MAX 4096

/* The JSON value that a person means by the text. New; NULL if the type has no
 * such form, or no memory. */
static json_t *value_of_text(const struct schema_field *f, const char *text)
{
	json_t *v = NULL;

	switch ((int)f->type) {
	case FIELD_SINGLE_LINE_TEXT:
	case FIELD_EMAIL:
	case FIELD_URL:
	case FIELD_PHONE:
	case FIELD_MULTILINE_TEXT:
	case FIELD_RICH_TEXT:
	case FIELD_SINGLE_SELECT:
	case FIELD_DATE:
	case FIELD_DATE_TIME:
		return json_string(text);
	case FIELD_NUMBER:
	case FIELD_PERCENT:
	case FIELD_CURRENCY:
	case FIELD_DURATION:
	case FIELD_RATING:
		if (strlen(text) < NUMBER_TEXT_BUF)
			v = json_loads(text, JSON_DECODE_ANY, NULL);
		if (json_is_number(v))
			return v;
		json_decref(v);
		return NULL;
	case FIELD_BARCODE:
		return json_pack("{s:s}", "text", text);
	default:
		return NULL;
	}
}

int recfile_primary_value(const struct schema_field *f, const char *text,
			  json_t **ret, struct save_error *reterr)
{
	const struct recfile_context none = { .record_id = "" };
	struct save_error e = { 0 };
	struct value_job job = { .f = f, .c = &none, .e = &e };
	json_t *value;
	char cut[80];
	int r;

	if (f->computed) {
		value_refuse(&job, -EPERM, "is computed by Airtable: the name "
			     "cannot be set");
		r = -EPERM;
	} else if (text[0] == '\0' || !(value = value_of_text(f, text))) {
		text_cut(cut, sizeof(cut), text);
		value_refuse(&job, -EINVAL, "cannot hold \"%s\"", cut);
		r = -EINVAL;
	} else {
		job.value = value;
		r = recfile_value(&job);
		json_decref(value);
	}
	if (r < 0) {
		text_cut(e.field, sizeof(e.field), f->name);
		if (reterr)
			*reterr = e;
		return r;
	}
	json_decref(job.shown);
	*ret = job.write;
	return 0;
}

/* Text with a NUL in it would end there for who reads it as a C string. */
static void put_text(struct json_out *o, const json_t *string)
{
	const char *s = json_string_value(string);
	size_t n = json_string_length(string), i, from = 0;

	for (i = 0; i < n; i++) {
		if (s[i] != '\0')
			continue;
		json_out_bytes(o, s + from, i - from);
		json_out_text(o, "\xe2\x90\x80"); /* its picture, U+2400 */
		from = i + 1;
	}
	json_out_bytes(o, s + from, n - from);
}

/* One value that is no list; false if it has no text. */
static bool put_one(struct json_out *o, const json_t *v)
{
	static const char *const keys[] = { "name", "email", "filename",
		"text", "label", "value", "id" };
	char buf[NUMBER_TEXT_BUF];
	size_t i;

	if (json_is_object(v)) {
		const json_t *inner = NULL;

		if (json_object_get(v, "error") ||
		    json_object_get(v, "specialValue"))
			return false;
		for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
			inner = json_object_get(v, keys[i]);
			if (json_string_length(inner) > 0)
				break;
		}
		v = inner;
	}
	if (json_is_string(v) && json_string_length(v) > 0)
		put_text(o, v);
	else if (json_is_number(v))
		json_out_bytes(o, buf, number_text(v, buf));
	else if (json_is_true(v))
		json_out_text(o, "true");
	else
		return false;
	return true;
}

char *recfile_primary_text(const struct schema_table *t, const json_t *raw)
{
	struct json_out o = { .pretty = false };
	json_t *shown, *item;
	char *text = NULL;
	size_t i;

	if (t->primary >= t->fields_n)
		return NULL;
	shown = render_value(&t->fields[t->primary],
			     json_object_get(raw, t->fields[t->primary].id.s));
	if (!shown)
		return NULL;
	if (json_is_array(shown)) {
		json_array_foreach(shown, i, item) {
			size_t before = o.n;

			if (before > JOINED_BYTES_MAX)
				break;
			if (before > 0)
				json_out_text(&o, ", ");
			if (!put_one(&o, item))
				o.n = before;
		}
	} else {
		(void)put_one(&o, shown);
	}
	json_decref(shown);
	if (o.n == 0 || json_out_take(&o, &text, NULL) < 0)
		json_out_release(&o);
	return text;
}
