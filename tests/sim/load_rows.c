/* Records of a state file: cells, attachments, links. */
#include "load_int.h"

#include <string.h>

#include "base64.h"
#include "blob.h"
#include "comment.h"
#include "mem.h"

static uint32_t cell_user(struct loader *l, const json_t *v)
{
	const char *id = load_str(v, "id");

	if (!id || !id_is(id, "usr"))
		return l->owner;
	return state_user(l->sim->state, id, load_str(v, "email"), load_str(v, "name"));
}

/* What the file says of an attachment's bytes goes to the file host; one
 * that is still being fetched shows neither size nor type (see save.c). */
static void take_bytes(struct attachments *t, json_t *a, char *data, size_t n)
{
	static const char *const late[] = { "size", "type", "width", "height" };
	const char *type = load_str(a, "type");
	const json_t *ready = json_object_get(a, "readyMs");
	struct blob *b = blob_add(t, load_str(a, "id"), data, n, type ? type :
				  "application/octet-stream");

	b->width = (int)call_number(json_object_get(a, "width"), 0);
	b->height = (int)call_number(json_object_get(a, "height"), 0);
	b->failed = json_is_true(json_object_get(a, "failed"));
	b->ready_ms = call_number(ready, 0);
	for (size_t i = 0; ready && i < 4; i++)
		json_object_del(a, late[i]);
	json_object_del(a, "contentBase64");
	json_object_del(a, "readyMs");
	json_object_del(a, "failed");
}

static int load_files(struct loader *l, struct record *r, struct field *f,
		      const json_t *v)
{
	json_t *list = json_deep_copy(v);

	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *a = json_array_get(list, i);
		const char *text = load_str(a, "contentBase64");
		const char *id = load_str(a, "id");
		char *data;
		size_t n;

		if (!id || !id_is(id, "att")) {
			json_decref(list);
			return load_fail(l, "'%s' holds an attachment without "
					 "id", f->name);
		}
		if (!text)
			continue;
		data = base64_decode(text, strlen(text), &n);
		if (!data) {
			json_decref(list);
			return load_fail(l, "'%s' has bad contentBase64",
					 f->name);
		}
		take_bytes(l->sim->state->files, a, data, n);
	}
	record_put(r, f, list);
	return 0;
}

static bool is_number_type(enum field_type t)
{
	return t == FT_NUMBER || t == FT_PERCENT || t == FT_CURRENCY ||
	       t == FT_DURATION || t == FT_RATING;
}

static int load_cell(struct loader *l, struct record *r, const char *key,
		     json_t *v)
{
	struct field *f = table_field(r->table, key);

	if (!f)
		return load_fail(l, "unknown field '%s'", key);
	if (json_is_null(v) || json_is_false(v) ||
	    (json_is_array(v) && !json_array_size(v)))
		return 0;
	if (f->type == FT_LINKS && !json_is_array(v))
		return load_fail(l, "'%s' must be an array of record ids", key);
	if (f->type == FT_AUTONUMBER && json_is_integer(v)) {
		r->number = (uint32_t)json_integer_value(v);
		if (r->number >= r->table->next_number)
			r->table->next_number = r->number + 1;
	} else if (f->type == FT_CREATED_BY) {
		r->created_by = cell_user(l, v);
	} else if (f->type == FT_MODIFIED_BY) {
		r->modified_by = cell_user(l, v);
	} else if (f->type == FT_MODIFIED_TIME) {
		load_seconds(json_string_value(v), &r->modified_s);
	} else if (f->type == FT_ATTACHMENTS) {
		return load_files(l, r, f, v);
	} else if (is_number_type(f->type) && json_is_integer(v)) {
		/* all numbers are reals here, as those of a body are */
		record_put(r, f, json_real(json_number_value(v)));
	} else {
		if (f->type == FT_COLLABORATOR)
			cell_user(l, v);
		for (size_t i = 0; f->type == FT_COLLABORATORS &&
		     i < json_array_size(v); i++)
			cell_user(l, json_array_get(v, i));
		record_put(r, f, json_incref(v));
	}
	return 0;
}

/* A user's id under key, or who it was before. */
static uint32_t user_of(struct loader *l, const json_t *o, const char *key,
			uint32_t before)
{
	const char *id = load_str(o, key);

	return id && id_is(id, "usr") ?
		       state_user(l->sim->state, id, NULL, NULL) : before;
}

/* {"fld...":["time","usr..."]}: cells that were written since creation */
static int load_touched(struct loader *l, struct record *r, json_t *o)
{
	for (void *it = json_object_iter(o); it;
	     it = json_object_iter_next(o, it)) {
		const json_t *v = json_object_iter_value(it);
		struct field *f = table_field(r->table,
					      json_object_iter_key(it));
		const char *by = json_string_value(json_array_get(v, 1));
		int64_t s;

		if (!f || !by || !id_is(by, "usr") ||
		    !load_seconds(json_string_value(json_array_get(v, 0)), &s))
			return load_fail(l, "'touched' must hold "
					 "field:[time,user]");
		r->cells[f->index].mod_s = (uint32_t)s;
		r->cells[f->index].mod_by = state_user(l->sim->state, by, NULL,
						       NULL);
	}
	return 0;
}

/* What is not a cell: who, when, which number. */
static int load_history(struct loader *l, struct record *r, json_t *o)
{
	json_int_t number = json_integer_value(json_object_get(o, "number"));

	load_seconds(load_str(o, "lastModifiedTime"), &r->modified_s);
	r->created_by = user_of(l, o, "createdBy", r->created_by);
	r->modified_by = user_of(l, o, "lastModifiedBy", r->modified_by);
	if (number > 0) {
		r->number = (uint32_t)number;
		if (r->number >= r->table->next_number)
			r->table->next_number = r->number + 1;
	}
	return load_touched(l, r, json_object_get(o, "touched"));
}

int load_record(struct loader *l, void *arg, json_t *o)
{
	struct actor a = { l->owner, state_now_ms(l->sim->state) };
	json_t *fields = json_object_get(o, "fields");
	const json_t *n = json_object_get(o, "commentCount");
	struct table *t = arg;
	struct record *r;
	const char *id;

	if (load_need(l, o, "id", "rec", &id))
		return -1;
	if (base_record(t->base, id))
		return load_fail(l, "record id %s is there already", id);
	if (fields && !json_is_object(fields))
		return load_fail(l, "'fields' must be an object");
	r = table_add_record(l->sim->state, t, id, &a);
	if (load_str(o, "createdTime") &&
	    !load_seconds(load_str(o, "createdTime"), &r->created_s))
		return load_fail(l, "'createdTime' must be an ISO 8601 time");
	r->modified_s = r->created_s;
	for (void *it = json_object_iter(fields); it;
	     it = json_object_iter_next(fields, it))
		if (load_cell(l, r, json_object_iter_key(it),
			      json_object_iter_value(it)))
			return -1;
	if (load_history(l, r, o))
		return -1;
	if (json_is_array(json_object_get(o, "comments")))
		r->comments = json_deep_copy(json_object_get(o, "comments"));
	else if (json_is_integer(n))
		comment_fill(l->sim->state, r, (size_t)json_integer_value(n));
	return 0;
}

static bool holds(const json_t *list, const char *id)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *s = json_string_value(json_array_get(list, i));

		if (s && !strcmp(s, id))
			return true;
	}
	return false;
}

static void mend_cell(struct loader *l, struct record *r, struct field *f)
{
	json_t *in = r->cells[f->index].v;
	json_t *out = json_array();

	for (size_t i = 0; i < json_array_size(in); i++) {
		const char *id = json_string_value(json_array_get(in, i));
		struct record *o = id ? base_record(r->table->base, id) : NULL;
		json_t *back;

		if (!o || (f->linked && o->table != f->linked)) {
			l->dangling++;
			continue;
		}
		json_array_append_new(out, json_string(id));
		if (!f->inverse || f->inverse->table != o->table)
			continue;
		back = o->cells[f->inverse->index].v;
		if (!back) {
			back = json_array();
			record_put(o, f->inverse, back);
		}
		if (!holds(back, r->id))
			json_array_append_new(back, json_string(r->id));
	}
	if (!json_array_size(out)) {
		json_decref(out);
		out = NULL;
	}
	if (r->cells[f->index].v == in)
		record_put(r, f, out);
	else
		json_decref(out);
}

void load_mend_links(struct loader *l, struct base *b)
{
	for (size_t i = 0; i < b->tables_n; i++) {
		struct table *t = b->tables[i];

		for (size_t j = 0; j < t->fields_n; j++) {
			if (t->fields[j]->type != FT_LINKS)
				continue;
			for (size_t k = 0; k < t->rows_n; k++)
				if (t->rows[k]->cells[j].v)
					mend_cell(l, t->rows[k], t->fields[j]);
		}
	}
}
