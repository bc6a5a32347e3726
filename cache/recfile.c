/* recfile - see recfile.h. The order of the checks is the order in which a
 * person would want to hear of them: is it JSON, is it a record, are the keys
 * right, are the values.
 *
 * What the top level means. The keys "id", "createdTime", "fields", "computed"
 * and "commentCount" are those of a record file.
 *   - An object with "fields" that is an object, or with none but those keys,
 *     is a record file. (Exception: "fields" that is no object, in a table
 *     with a field of that name, makes a bare object.)
 *   - Any other object is bare: its keys are fields. There "id",
 *     "createdTime", "computed" and "commentCount" are still the record's own,
 *     unless a field has that name; then they are the field.
 * So a field that is itself called "fields" or "id" is always reached inside
 * "fields", or by its fld id. */
#include "recfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "recfile_internal.h"
#include "render.h"

struct judge {
	const char *bytes;
	size_t n;
	const struct recfile_context *c;
	const struct schema_table *t;
	json_t *doc;          /* owned */
	const char *section;  /* "fields", or NULL in a bare object */
	json_t *fields;       /* borrowed from doc; NULL if there are none */
	bool rounded;         /* see struct value_job */
	bool is_new;
	bool copied;          /* new, from the file of another record */
	bool *seen;           /* by field: a key was there; owned */
	bool filled;          /* the primary field came from the file's name */
	struct recfile_edit edit;
	struct save_error e;
};

static const char *const record_keys[] = { "id", "createdTime", "fields",
					   "computed", "commentCount" };

static bool is_record_key(const char *key)
{
	size_t i;

	for (i = 0; i < sizeof(record_keys) / sizeof(record_keys[0]); i++)
		if (strcmp(key, record_keys[i]) == 0)
			return true;
	return false;
}

static int no_memory(struct judge *j)
{
	save_error_set(&j->e, -ENOMEM, "no memory to check the file");
	return -ENOMEM;
}

static void place_at(struct judge *j, size_t offset)
{
	recfile_line_column(j->bytes, j->n, offset, &j->e.line, &j->e.column);
}

static void place_at_key(struct judge *j, const char *section, const char *key)
{
	struct json_place p;

	if (recfile_locate(j->bytes, j->n, section, key, &p))
		place_at(j, p.key);
}

/* item < 0: the whole value. */
static void place_at_value(struct judge *j, const char *section,
			   const char *key, long item)
{
	struct json_place p;

	if (!recfile_locate(j->bytes, j->n, section, key, &p))
		return;
	place_at(j, item < 0 ? p.value :
		 recfile_locate_item(j->bytes, j->n, p.value, (size_t)item));
}

/* --- is it a record? ------------------------------------------------------ */

static bool is_bare(const struct judge *j)
{
	const json_t *fields = json_object_get(j->doc, "fields");
	const char *key;
	json_t *value;

	if (fields)
		return !json_is_object(fields) &&
		       schema_find_field(j->t, "fields");
	json_object_foreach(j->doc, key, value)
		if (!is_record_key(key))
			return true;
	return false;
}

static int check_shape(struct judge *j)
{
	const char *id, *key;
	json_t *value;
	char cut[100];

	if (is_bare(j)) {
		j->fields = j->doc;
	} else {
		j->section = "fields";
		j->fields = json_object_get(j->doc, "fields");
		if (j->fields && !json_is_object(j->fields)) {
			save_error_set(&j->e, -EINVAL, "\"fields\" is %s, not "
				       "an object", value_kind(j->fields));
			place_at_value(j, NULL, "fields", -1);
			return -EINVAL;
		}
		json_object_foreach(j->doc, key, value) {
			if (is_record_key(key))
				continue;
			text_cut(cut, sizeof(cut), key);
			save_error_set(&j->e, -EINVAL, "unknown key \"%s\" "
				       "beside \"fields\"", cut);
			save_error_hint(&j->e, schema_find_field(j->t, key) ?
					"move it into \"fields\"" :
					"leave it out");
			place_at_key(j, NULL, key);
			return -EINVAL;
		}
	}
	j->is_new = j->c->record_id[0] == '\0';
	id = json_string_value(json_object_get(j->doc, "id"));
	/* in a bare object "id" may be a field */
	j->copied = j->is_new && id && id_is_valid(id, "rec") &&
		(j->section || !schema_find_field(j->t, "id"));
	return 0;
}

/* --- what may not be changed ---------------------------------------------- */

/* Does v hold what the file shows for the field, or has shown lately? 1 or 0,
 * or -ENOMEM. */
static int is_as_shown(struct judge *j, const struct schema_field *f,
		       const json_t *v)
{
	json_t *mine = render_value(f, v), *shown;
	int same = mine ? 0 : no_memory(j);
	size_t i;

	for (i = 0; i <= j->c->recent_n && same == 0; i++) {
		const json_t *cells = i == 0 ? j->c->raw : j->c->recent[i - 1];

		shown = render_value(f, json_object_get(cells, f->id.s));
		same = shown ? value_equal(mine, shown) : no_memory(j);
		json_decref(shown);
	}
	json_decref(mine);
	return same;
}

static int refuse_change(struct judge *j, const char *key, const char *is)
{
	save_error_set(&j->e, -EPERM, "\"%s\" cannot be changed", key);
	if (is)
		save_error_hint(&j->e, "it is \"%s\": put it back or leave it "
				"out", is);
	place_at_value(j, NULL, key, -1);
	return -EPERM;
}

/* "id" or "createdTime". is "": not known. */
static int check_own(struct judge *j, const char *key, const char *is)
{
	const json_t *v = json_object_get(j->doc, key);
	const char *s = json_string_value(v);

	if (!v || j->is_new || (!j->section && schema_find_field(j->t, key)))
		return 0;
	if (!is || is[0] == '\0' || (s && strcmp(s, is) == 0))
		return 0;
	return refuse_change(j, key, is);
}

static void hint_field(struct judge *j, const char *key, bool computed)
{
	struct text_list list = { .used = 0 };
	struct nearest near;
	size_t i;

	nearest_init(&near, key);
	for (i = 0; i < j->t->fields_n; i++) {
		const struct schema_field *f = &j->t->fields[i];

		if (f->hidden || f->computed != computed)
			continue;
		nearest_try(&near, f->name);
		text_list_add(&list, f->name);
	}
	if (near.best)
		save_error_hint(&j->e, "did you mean \"%s\"?", near.best);
	else if (list.all > 0)
		save_error_hint(&j->e, "fields: %s", text_list_end(&list));
	else
		save_error_hint(&j->e, "there are none");
}

static int refuse_key(struct judge *j, const char *section, const char *key,
		      bool computed)
{
	char cut[100];

	text_cut(cut, sizeof(cut), key);
	save_error_set(&j->e, -EINVAL, "the table has no %sfield \"%s\"",
		       computed ? "computed " : "", cut);
	text_cut(j->e.field, sizeof(j->e.field), key);
	hint_field(j, key, computed);
	place_at_key(j, section, key);
	return -EINVAL;
}

static int refuse_computed(struct judge *j, const char *section,
			   const char *key, const struct schema_field *f)
{
	char cut[100];

	text_cut(cut, sizeof(cut), f->name);
	save_error_set(&j->e, -EPERM, "field \"%s\" is computed by Airtable "
		       "and cannot be changed", cut);
	text_cut(j->e.field, sizeof(j->e.field), f->name);
	save_error_hint(&j->e, "put it back as it was or leave it out");
	place_at_value(j, section, key, -1);
	return -EPERM;
}

static int check_computed(struct judge *j)
{
	json_t *section = json_object_get(j->doc, "computed"), *value;
	const struct schema_field *f;
	const char *key;
	int same;

	if (!section || j->is_new ||
	    (!j->section && schema_find_field(j->t, "computed")))
		return 0;
	if (!json_is_object(section)) {
		save_error_set(&j->e, -EINVAL, "\"computed\" is %s, not an "
			       "object", value_kind(section));
		save_error_hint(&j->e, "it may be left out");
		place_at_value(j, NULL, "computed", -1);
		return -EINVAL;
	}
	json_object_foreach(section, key, value) {
		f = schema_find_field(j->t, key);
		same = f ? is_as_shown(j, f, value) : 0;
		if (same < 0)
			return same;
		if (same)
			continue;
		if (f && f->computed)
			return refuse_computed(j, "computed", key, f);
		refuse_key(j, "computed", key, true);
		if (f)
			save_error_hint(&j->e, "it can be written: move it "
					"into \"fields\"");
		return -EINVAL;
	}
	return 0;
}

/* --- the fields ----------------------------------------------------------- */

/* Notes the change of one field, unless there is none. before is borrowed,
 * write and shown are stolen. */
static int note_change(struct judge *j, const struct schema_field *f,
		       json_t *before, json_t *write, json_t *shown)
{
	struct recfile_edit *e = &j->edit;
	int r = 0;

	if (!value_equal(before, shown)) {
		if (json_object_set(e->changes, f->id.s, write) < 0 ||
		    json_object_set(e->before, f->id.s, before) < 0 ||
		    json_object_set(e->after, f->id.s, shown) < 0)
			r = no_memory(j);
	}
	json_decref(write);
	json_decref(shown);
	return r;
}

static int judge_value(struct judge *j, const char *key,
		       const struct schema_field *f, const json_t *value)
{
	struct value_job job = {
		.f = f, .value = value, .c = j->c, .rounded = j->rounded,
		.cell = json_object_get(j->c->raw, f->id.s), .e = &j->e,
	};
	json_t *before = render_value(f, job.cell);
	json_t *mine = render_value(f, value);
	int r = 0;

	if (!before || !mine) {
		r = no_memory(j);
	} else if (!value_equal(before, mine)) {
		r = recfile_value(&job);
		if (r == 0) {
			r = note_change(j, f, before, job.write, job.shown);
		} else {
			text_cut(j->e.field, sizeof(j->e.field), f->name);
			place_at_value(j, j->section, key, job.item);
		}
	}
	json_decref(before);
	json_decref(mine);
	return r;
}

static int judge_field(struct judge *j, const char *key, const json_t *value)
{
	const struct schema_field *f = schema_find_field(j->t, key);
	size_t index;
	char cut[100];
	int same;

	if (!f) {
		if (j->copied || (!j->section && is_record_key(key)))
			return 0;
		return refuse_key(j, j->section, key, false);
	}
	index = (size_t)(f - j->t->fields);
	if (j->seen[index]) {
		text_cut(cut, sizeof(cut), f->name);
		save_error_set(&j->e, -EINVAL, "field \"%s\" is there twice, "
			       "by name and by id", cut);
		text_cut(j->e.field, sizeof(j->e.field), f->name);
		save_error_hint(&j->e, "keep one of them");
		place_at_key(j, j->section, key);
		return -EINVAL;
	}
	j->seen[index] = true;
	/* an attachment's id is good in its own cell alone */
	if (j->copied && (f->computed || f->type == FIELD_ATTACHMENTS))
		return 0;
	if (!f->computed) {
		if (json_object_set_new(j->edit.said, f->id.s, json_true()) < 0)
			return no_memory(j);
		return judge_value(j, key, f, value);
	}
	same = is_as_shown(j, f, value);
	if (same != 0)
		return same < 0 ? same : 0;
	return refuse_computed(j, j->section, key, f);
}

/* A new record without a primary value takes it from the file's name. */
static int fill_primary(struct judge *j)
{
	const struct schema_field *f;
	struct save_error e;
	json_t *write;
	int r;

	if (!j->is_new || !j->c->primary_text ||
	    j->t->primary >= j->t->fields_n)
		return 0;
	f = &j->t->fields[j->t->primary];
	if (json_object_get(j->edit.changes, f->id.s))
		return 0;
	r = recfile_primary_value(f, j->c->primary_text, &write, &e);
	if (r == -ENOMEM)
		return no_memory(j);
	if (r < 0)
		return 0; /* the name does not fit its type: it stays empty */
	j->filled = true;
	return note_change(j, f, json_null(), write,
			   render_value(f, write));
}

static bool is_complete(const struct judge *j)
{
	size_t i;

	if (j->copied || j->filled)
		return false;
	for (i = 0; i < j->t->fields_n; i++)
		if (!j->t->fields[i].computed && !j->t->fields[i].hidden &&
		    !j->seen[i])
			return false;
	return true;
}

static int judge_all(struct judge *j)
{
	const char *key;
	json_t *value;
	int r;

	r = recfile_parse(j->bytes, j->n, &j->doc, &j->rounded, &j->e);
	if (r == 0)
		r = check_shape(j);
	if (r == 0)
		r = check_own(j, "id", j->c->record_id);
	if (r == 0)
		r = check_own(j, "createdTime", j->c->created_time);
	if (r < 0)
		return r;
	j->seen = calloc(j->t->fields_n + 1, sizeof(*j->seen));
	j->edit.changes = json_object();
	j->edit.before = json_object();
	j->edit.after = json_object();
	j->edit.said = json_object();
	if (!j->seen || !j->edit.changes || !j->edit.before || !j->edit.after ||
	    !j->edit.said)
		return no_memory(j);
	json_object_foreach(j->fields, key, value) {
		r = judge_field(j, key, value);
		if (r < 0)
			return r;
	}
	r = check_computed(j);
	if (r == 0)
		r = fill_primary(j);
	if (r == 0)
		j->edit.complete = is_complete(j);
	return r;
}

int recfile_judge(const char *bytes, size_t n, const struct recfile_context *c,
		  struct recfile_edit *ret, struct save_error *reterr)
{
	struct judge j = { .bytes = bytes, .n = n, .c = c, .t = c->table };
	int r = judge_all(&j);

	if (r == 0)
		*ret = j.edit;
	else
		recfile_edit_release(&j.edit);
	if (r < 0 && reterr)
		*reterr = j.e;
	json_decref(j.doc);
	free(j.seen);
	return r;
}

void recfile_edit_release(struct recfile_edit *e)
{
	json_decref(e->changes);
	json_decref(e->before);
	json_decref(e->after);
	json_decref(e->said);
	memset(e, 0, sizeof(*e));
}
