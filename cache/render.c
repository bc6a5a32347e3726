#include "render.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "render_json.h"

/* A saved file may be SCAN_DEPTH_MAX (64) deep; what is shown must stay below
 * that, with the levels that the file adds. No type of 2026 has more than 4. */
#define SHOWN_DEPTH_MAX 32
#define EQUAL_DEPTH_MAX 100

/* Deeper than a file may hold? */
static bool too_deep(const json_t *v, unsigned depth)
{
	/* iterating does not change an object */
	json_t *it = (json_t *)v, *item;
	const char *key;
	size_t i;

	if (!json_is_array(v) && !json_is_object(v))
		return false;
	if (depth == 0)
		return true;
	json_array_foreach(v, i, item)
		if (too_deep(item, depth - 1))
			return true;
	json_object_foreach(it, key, item)
		if (too_deep(item, depth - 1))
			return true;
	return false;
}

static bool is_attachment(const struct schema_field *f, const json_t *v)
{
	const char *id = json_string_value(json_object_get(v, "id"));

	if (!id)
		return false;
	/* lookups show the attachments of other tables */
	return f->type == FIELD_ATTACHMENTS ||
	       (strncmp(id, "att", 3) == 0 && json_object_get(v, "url"));
}

/* Without the keys that expire or follow from others. One that has no id is
 * not uploaded yet; its URL is the user's own and stays. */
static json_t *show_attachment(const json_t *v)
{
	static const char *const keys[] = { "id", "filename", "size", "type" };
	json_t *shown = json_object(), *value;
	size_t i;

	for (i = 0; shown && i < sizeof(keys) / sizeof(keys[0]); i++) {
		value = json_object_get(v, keys[i]);
		if (value && json_object_set(shown, keys[i], value) < 0) {
			json_decref(shown);
			shown = NULL;
		}
	}
	return shown;
}

static json_t *show_items(const struct schema_field *f, const json_t *array)
{
	json_t *shown = json_array(), *item;
	size_t i;
	int r = 0;

	json_array_foreach(array, i, item) {
		if (!shown || r < 0)
			break;
		if (is_attachment(f, item))
			r = json_array_append_new(shown, show_attachment(item));
		else
			r = json_array_append(shown, item);
	}
	if (r < 0) {
		json_decref(shown);
		return NULL;
	}
	return shown;
}

static bool has_attachments(const struct schema_field *f, const json_t *array)
{
	json_t *item;
	size_t i;

	json_array_foreach(array, i, item)
		if (is_attachment(f, item))
			return true;
	return false;
}

json_t *render_value(const struct schema_field *f, const json_t *cell)
{
	const char *s = json_string_value(cell);

	if (!cell || json_is_null(cell) || json_is_false(cell) ||
	    (s && json_string_length(cell) == 0) ||
	    (json_is_array(cell) && json_array_size(cell) == 0))
		return json_null();
	if (s && f->type == FIELD_RICH_TEXT && strcmp(s, "\n") == 0 &&
	    json_string_length(cell) == 1)
		return json_null();
	if (too_deep(cell, SHOWN_DEPTH_MAX))
		return json_string("(nested too deeply to be shown)");
	if (json_is_array(cell) && has_attachments(f, cell))
		return show_items(f, cell);
	/* the count is the one thing in it that changes */
	return json_incref((json_t *)cell);
}

static bool equal_at(const json_t *a, const json_t *b, unsigned depth);

static bool equal_items(const json_t *a, const json_t *b, unsigned depth)
{
	size_t n = json_array_size(a), i;

	if (json_array_size(b) != n)
		return false;
	for (i = 0; i < n; i++)
		if (!equal_at(json_array_get(a, i), json_array_get(b, i),
			      depth))
			return false;
	return true;
}

static bool equal_members(const json_t *a, const json_t *b, unsigned depth)
{
	json_t *it = (json_t *)a, *value, *other;
	const char *key;

	if (json_object_size(a) != json_object_size(b))
		return false;
	json_object_foreach(it, key, value) {
		other = json_object_get(b, key);
		if (!other || !equal_at(value, other, depth))
			return false;
	}
	return true;
}

static bool equal_at(const json_t *a, const json_t *b, unsigned depth)
{
	if (a == b)
		return true;
	if (!a || !b || depth == 0)
		return false;
	if (json_is_integer(a) && json_is_integer(b))
		return json_integer_value(a) == json_integer_value(b);
	if (json_is_number(a) && json_is_number(b))
		return json_number_value(a) == json_number_value(b);
	if (json_typeof(a) != json_typeof(b))
		return false;
	if (json_is_string(a))
		return json_string_length(a) == json_string_length(b) &&
		       memcmp(json_string_value(a), json_string_value(b),
			      json_string_length(a)) == 0;
	if (json_is_array(a))
		return equal_items(a, b, depth - 1);
	if (json_is_object(a))
		return equal_members(a, b, depth - 1);
	return true; /* true, false, null */
}

bool value_equal(const json_t *a, const json_t *b)
{
	return equal_at(a, b, EQUAL_DEPTH_MAX);
}

/* Names seen in one half of a file: a few bits of their hash, on the stack,
 * because asking every other name costs more than writing the record. */
struct name_set {
	uint64_t bits[128];
};

static bool seen_before(struct name_set *set, const char *name)
{
	uint32_t hash = 2166136261u, bit; /* FNV-1a */
	bool seen;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619u;
	bit = (hash ^ hash >> 13) % (sizeof(set->bits) * 8);
	seen = set->bits[bit / 64] >> bit % 64 & 1;
	set->bits[bit / 64] |= (uint64_t)1 << bit % 64;
	return seen;
}

/* The server keeps names unique; should two be equal all the same, the later
 * one goes by its id, so that neither is lost. */
static const char *key_of(const struct schema_table *t, size_t index,
			  struct name_set *set)
{
	const struct schema_field *f = &t->fields[index];
	size_t i;

	if (!seen_before(set, f->name))
		return f->name;
	for (i = 0; i < index; i++)
		if (strcmp(t->fields[i].name, f->name) == 0)
			return f->id.s;
	return f->name;
}

static void put_fields(struct json_out *o, const struct schema_table *t,
		       const json_t *raw, bool computed)
{
	struct name_set set = { { 0 } };
	bool any = false;
	size_t i;

	json_out_bytes(o, "{", 1);
	for (i = 0; i < t->fields_n; i++) {
		const struct schema_field *f = &t->fields[i];
		const char *key = key_of(t, i, &set);
		json_t *shown;

		if (f->computed != computed || f->hidden)
			continue;
		if (any)
			json_out_bytes(o, ",", 1);
		any = true;
		json_out_line(o, 2);
		json_out_key(o, key);
		shown = render_value(f, json_object_get(raw, f->id.s));
		if (!shown)
			o->err = -ENOMEM;
		json_out_value(o, shown, 2);
		json_decref(shown);
	}
	if (any)
		json_out_line(o, 1);
	json_out_bytes(o, "}", 1);
}

static bool shows_computed(const struct schema_table *t,
			   const struct render_options *opt)
{
	size_t i;

	if (opt && opt->hide_computed)
		return false;
	for (i = 0; i < t->fields_n; i++)
		if (t->fields[i].computed && !t->fields[i].hidden)
			return true;
	return false;
}

static void put_member(struct json_out *o, const char *key, const char *text)
{
	json_out_line(o, 1);
	json_out_key(o, key);
	json_out_string(o, text, strlen(text));
	json_out_bytes(o, ",", 1);
}

int render_record(const struct schema_table *t, const char *id,
		  const char *created_time, const json_t *raw,
		  const struct render_options *opt, char **ret, size_t *ret_n)
{
	struct json_out o = { .pretty = true };

	json_out_bytes(&o, "{", 1);
	if (id && id[0] != '\0') {
		put_member(&o, "id", id);
		if (created_time && created_time[0] != '\0')
			put_member(&o, "createdTime", created_time);
	}
	json_out_line(&o, 1);
	json_out_key(&o, "fields");
	put_fields(&o, t, raw, false);
	if (shows_computed(t, opt)) {
		json_out_bytes(&o, ",", 1);
		json_out_line(&o, 1);
		json_out_key(&o, "computed");
		put_fields(&o, t, raw, true);
	}
	json_out_line(&o, 0);
	json_out_text(&o, "}\n");
	return json_out_take(&o, ret, ret_n);
}
