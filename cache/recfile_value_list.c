/* recfile_value_list - links, attachments and people: the types whose values
 * refer to other things. A value that is held already keeps what is known of
 * it (a person's name, a file's size), so that it shows as before. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "recfile_internal.h"
#include "render.h"

#define URL_BYTES_MAX 8000 /* ours; servers refuse longer ones sooner */

static const char *member(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	const char *s = json_string_value(v);

	return s && strlen(s) == json_string_length(v) ? s : NULL;
}

static const char *text_of(const json_t *v)
{
	const char *s = json_string_value(v);

	return s && strlen(s) == json_string_length(v) ? s : NULL;
}

/* Steals item. */
static int add(struct value_job *j, json_t *list, json_t *item)
{
	if (json_array_append_new(list, item) < 0)
		return value_refuse(j, -ENOMEM, "cannot be kept: no memory");
	return 0;
}

/* --- links ---------------------------------------------------------------- */

static bool holds_text(const json_t *array, const char *text)
{
	json_t *item;
	size_t i;

	json_array_foreach(array, i, item)
		if (json_is_string(item) &&
		    strcmp(json_string_value(item), text) == 0)
			return true;
	return false;
}

static int resolve(struct value_job *j, const char *name,
		   struct record_id *ret)
{
	const struct recfile_context *c = j->c;
	char cut[80];
	int r;

	text_cut(cut, sizeof(cut), name);
	if (!c->resolve_link || j->f->linked_table.s[0] == '\0') {
		value_refuse(j, -EINVAL, "takes record ids, not \"%s\"", cut);
		save_error_hint(j->e, "write \"rec...\", as in the linked "
				"record's \"id\"");
		return -EINVAL;
	}
	r = c->resolve_link(c->resolve_ctx, &j->f->linked_table, name, ret);
	switch (r) {
	case 0:
		return 0;
	case -ENOENT:
		value_refuse(j, -EINVAL, "links to \"%s\", but no record has "
			     "that name", cut);
		save_error_hint(j->e, "write the name of a record of the "
				"linked table, or its id");
		return -EINVAL;
	case -EEXIST:
		value_refuse(j, -EINVAL, "links to \"%s\", which may be more "
			     "than one record", cut);
		save_error_hint(j->e, "write the id of the one you mean: "
				"\"rec...\"");
		return -EINVAL;
	default:
		value_refuse(j, r, "links to \"%s\", which cannot be looked up "
			     "now", cut);
		save_error_hint(j->e, "write the record's id: \"rec...\"");
		return r;
	}
}

static int add_link(struct value_job *j, const json_t *item, json_t *list)
{
	const char *text = text_of(item);
	struct record_id id;
	int r;

	if (!text || text[0] == '\0') {
		value_refuse(j, -EINVAL, "takes names or ids of records, not "
			     "%s", text ? "an empty string" :
			     value_kind(item));
		save_error_hint(j->e, "write [\"rec...\"] or [\"Name\"]");
		return -EINVAL;
	}
	/* ids of other lengths occur; what the cell holds is an id */
	if (id_looks_like_record(text) ||
	    (id_is_valid(text, "rec") && holds_text(j->cell, text))) {
		id_copy(id.s, text);
	} else {
		r = resolve(j, text, &id);
		if (r < 0)
			return r;
	}
	if (holds_text(list, id.s))
		return value_refuse(j, -EINVAL, "links to %s twice", id.s);
	return add(j, list, json_string(id.s));
}

int value_links(struct value_job *j)
{
	json_t *list, *item;
	size_t i;
	int r = 0;

	if (!json_is_array(j->value) && !json_is_string(j->value)) {
		value_refuse(j, -EINVAL, "takes an array of records, not %s",
			     value_kind(j->value));
		save_error_hint(j->e, "write [\"rec...\"] or [\"Name\"]");
		return -EINVAL;
	}
	list = json_array();
	if (json_is_string(j->value))
		r = add_link(j, j->value, list);
	json_array_foreach(j->value, i, item) {
		j->item = (long)i;
		r = add_link(j, item, list);
		if (r < 0)
			break;
	}
	if (r < 0) {
		json_decref(list);
		return r;
	}
	return value_keep(j, list, json_incref(list));
}

/* --- attachments ---------------------------------------------------------- */

static json_t *find_by(const json_t *cell, const char *key, const char *text)
{
	json_t *item;
	size_t i;

	json_array_foreach(cell, i, item) {
		const char *s = member(item, key);

		if (s && strcmp(s, text) == 0)
			return item;
	}
	return NULL;
}

/* Keys that need not be as they are held: a URL is new with every answer, the
 * rest is not shown. */
static bool is_passing_key(const char *key)
{
	return strcmp(key, "url") == 0 || strcmp(key, "thumbnails") == 0 ||
	       strcmp(key, "width") == 0 || strcmp(key, "height") == 0;
}

static int check_kept_attachment(struct value_job *j, const json_t *item,
				 const json_t *held)
{
	json_t *it = (json_t *)item, *value;
	const char *key;
	char cut[60];

	json_object_foreach(it, key, value) {
		if (is_passing_key(key) ||
		    value_equal(value, json_object_get(held, key)))
			continue;
		text_cut(cut, sizeof(cut), key);
		value_refuse(j, -EINVAL, "holds an attachment whose \"%s\" was "
			     "changed", cut);
		save_error_hint(j->e, "the API cannot change attachments: keep "
				"{\"id\"}, or leave the item out and add "
				"{\"url\", \"filename\"}");
		return -EINVAL;
	}
	return 0;
}

static bool is_web_address(const char *url)
{
	size_t skip = strncasecmp(url, "https://", 8) == 0 ? 8 :
		strncasecmp(url, "http://", 7) == 0 ? 7 : 0;
	const char *p;

	if (skip == 0 || url[skip] == '\0' || strchr("/?#:", url[skip]) ||
	    strlen(url) > URL_BYTES_MAX)
		return false;
	for (p = url; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return false;
	return true;
}

/* {"url", "filename"?}: Airtable fetches it. */
static int add_new_attachment(struct value_job *j, const json_t *item,
			      json_t *write, json_t *shown)
{
	const char *url = member(item, "url"), *key;
	json_t *it = (json_t *)item, *value;
	char cut[60];
	int r;

	json_object_foreach(it, key, value) {
		text_cut(cut, sizeof(cut), key);
		if (strcmp(key, "url") != 0 && strcmp(key, "filename") != 0)
			return value_refuse(j, -EINVAL, "takes \"url\" and "
					    "\"filename\" for a new "
					    "attachment, not \"%s\"", cut);
	}
	value = json_object_get(item, "filename");
	if (value && !member(item, "filename"))
		return value_refuse(j, -EINVAL, "takes a file name as a "
				    "string, not %s", value_kind(value));
	if (!url || !is_web_address(url)) {
		value_refuse(j, -EINVAL, "takes attachments with an \"id\" it "
			     "holds, or a web address as \"url\"");
		save_error_hint(j->e, "write {\"url\": \"https://...\"}, or "
				"copy the file into .airtable/attachments/");
		return -EINVAL;
	}
	r = add(j, write, json_copy(it));
	return r < 0 ? r : add(j, shown, json_copy(it));
}

static int add_attachment(struct value_job *j, const json_t *item,
			  json_t *write, json_t *shown)
{
	const char *id = member(item, "id");
	json_t *held;
	char cut[60];
	int r;

	if (!json_is_object(item)) {
		value_refuse(j, -EINVAL, "takes attachments as objects, not %s",
			     value_kind(item));
		save_error_hint(j->e, "write {\"url\": \"https://...\"}");
		return -EINVAL;
	}
	if (!json_object_get(item, "id"))
		return add_new_attachment(j, item, write, shown);
	held = id ? find_by(j->cell, "id", id) : NULL;
	if (!held) {
		text_cut(cut, sizeof(cut), id ? id : "");
		value_refuse(j, -EINVAL, "does not hold the attachment \"%s\"",
			     cut);
		save_error_hint(j->e, "an id is good in its own cell alone: "
				"leave it out and copy the file into "
				".airtable/attachments/, or give {\"url\"}");
		return -EINVAL;
	}
	if (find_by(write, "id", id))
		return value_refuse(j, -EINVAL, "names the attachment %s twice",
				    id);
	r = check_kept_attachment(j, item, held);
	if (r == 0)
		r = add(j, write, json_pack("{s:s}", "id", id));
	return r < 0 ? r : add(j, shown, json_incref(held));
}

/* shown: a list of whole items, which is shown as render_value says. */
static int keep_lists(struct value_job *j, int r, json_t *write, json_t *shown)
{
	if (r < 0) {
		json_decref(write);
		json_decref(shown);
		return r;
	}
	r = value_keep(j, write, shown ? render_value(j->f, shown) : NULL);
	json_decref(shown);
	return r;
}

int value_attachments(struct value_job *j)
{
	json_t *write, *shown, *item;
	size_t i;
	int r = 0;

	if (!json_is_array(j->value)) {
		value_refuse(j, -EINVAL, "takes an array of attachments, not "
			     "%s", value_kind(j->value));
		save_error_hint(j->e, "write [{\"url\": \"https://...\"}]");
		return -EINVAL;
	}
	write = json_array();
	shown = json_array();
	json_array_foreach(j->value, i, item) {
		j->item = (long)i;
		r = add_attachment(j, item, write, shown);
		if (r < 0)
			break;
	}
	return keep_lists(j, r, write, shown);
}

/* --- people --------------------------------------------------------------- */

/* The person as the cell holds it, by id or e-mail address. */
static json_t *find_person(const json_t *cell, const char *key,
			   const char *text)
{
	const char *s = member(cell, key);

	if (s && strcmp(s, text) == 0)
		return (json_t *)cell;
	return find_by(cell, key, text);
}

static int refuse_person(struct value_job *j, const json_t *item)
{
	char cut[80];

	text_of_value(cut, sizeof(cut), item);
	value_refuse(j, -EINVAL, "takes a person, not %s", cut);
	save_error_hint(j->e, "write {\"email\": \"name@example.com\"} or "
			"{\"id\": \"usr...\"}");
	return -EINVAL;
}

/* A held person whose name or address was changed: which one is meant? */
static int check_held_person(struct value_job *j, const json_t *item,
			     const json_t *held)
{
	json_t *it = (json_t *)item, *value;
	const char *key;

	json_object_foreach(it, key, value) {
		if (value_equal(value, json_object_get(held, key)))
			continue;
		value_refuse(j, -EINVAL, "holds a person whose \"id\" and "
			     "\"%.40s\" do not belong together", key);
		save_error_hint(j->e, "to name another person give \"id\" or "
				"\"email\" alone");
		return -EINVAL;
	}
	return 0;
}

/* item in the write form, and as it will be shown. */
static int read_person(struct value_job *j, const json_t *item,
		       json_t **ret_write, json_t **ret_shown)
{
	const char *text = text_of(item), *id = member(item, "id");
	const char *email = member(item, "email"), *key;
	json_t *it = (json_t *)item, *held, *value;
	bool whole = json_is_object(item);

	if (text && strchr(text, '@'))
		email = text;
	else if (text)
		id = text;
	json_object_foreach(it, key, value)
		whole = whole && json_is_string(value) &&
			(strcmp(key, "id") == 0 || strcmp(key, "email") == 0 ||
			 strcmp(key, "name") == 0);
	if ((!text && !whole) || (!id && !email) ||
	    (!id && !strchr(email, '@')))
		return refuse_person(j, item);
	key = id ? "id" : "email";
	held = find_person(j->cell, key, id ? id : email);
	/* groups have other ids than users */
	if (id && !held && !id_is_valid(id, "usr") && !id_is_valid(id, "ugp"))
		return refuse_person(j, item);
	if (held && id && !text && check_held_person(j, item, held) < 0)
		return -EINVAL;
	*ret_write = json_pack("{s:s}", key, id ? id : email);
	*ret_shown = held ? json_incref(held) : whole ? json_copy(it) :
		json_incref(*ret_write);
	return 0;
}

int value_collaborator(struct value_job *j)
{
	json_t *write = NULL, *shown = NULL;
	int r;

	if (json_is_array(j->value)) {
		value_refuse(j, -EINVAL, "takes one person, not an array");
		save_error_hint(j->e, "write {\"email\": \"name@example.com\"}"
				" without brackets");
		return -EINVAL;
	}
	r = read_person(j, j->value, &write, &shown);
	return r < 0 ? r : value_keep(j, write, shown);
}

int value_collaborators(struct value_job *j)
{
	json_t *write, *shown, *item, *one, *one_shown;
	size_t i, k;
	int r = 0;

	if (!json_is_array(j->value)) {
		value_refuse(j, -EINVAL, "takes an array of people, not %s",
			     value_kind(j->value));
		save_error_hint(j->e,
				"write [{\"email\": \"name@example.com\"}]");
		return -EINVAL;
	}
	write = json_array();
	shown = json_array();
	json_array_foreach(j->value, i, item) {
		j->item = (long)i;
		one = one_shown = NULL;
		r = read_person(j, item, &one, &one_shown);
		if (r < 0)
			break;
		for (k = 0; k < json_array_size(shown) && r == 0; k++)
			if (value_equal(one_shown, json_array_get(shown, k)))
				r = value_refuse(j, -EINVAL, "names the same "
						 "person twice");
		if (r == 0)
			r = add(j, write, json_incref(one));
		if (r == 0)
			r = add(j, shown, json_incref(one_shown));
		json_decref(one);
		json_decref(one_shown);
		if (r < 0)
			break;
	}
	return keep_lists(j, r, write, shown);
}
