#include "recjson.h"

#include <string.h>

#include "cellval.h"
#include "timefmt.h"

/* A predecessor field's links as objects; what stands between two rows is
 * not kept, so it is what a new dependency begins with. */
static json_t *predecessors(const struct record *r, const struct field *f)
{
	const json_t *set = json_object_get(r->table->extra,
					    "dateDependencySettings");
	const char *id = json_string_value(
		json_object_get(set, "predecessorFieldId"));
	const char *mode = json_string_value(
		json_object_get(set, "reschedulingMode"));
	const json_t *ids = r->cells[f->index].v;
	json_t *list;

	if (!ids || !id || strcmp(id, f->id) != 0)
		return NULL;
	list = json_array();
	for (size_t i = 0; i < json_array_size(ids); i++) {
		json_t *o = json_object();

		json_object_set(o, "id", json_array_get(ids, i));
		if (mode && !strcmp(mode, "fixed"))
			json_object_set_new(o, "dateDependencyMetadata",
					    json_pack("{s:s,s:i}",
						      "dependencyType",
						      "finishToStart",
						      "buffer", 0));
		json_array_append_new(list, o);
	}
	return list;
}

/* Plain cells are written where they lie, with no copy. */
static bool write_cell(struct state *s, struct record *r, struct field *f,
		       const struct recjson_opt *o, struct buf *b, bool first)
{
	json_t *v = r->cells[f->index].v;
	json_t *made = NULL;
	const char *text = NULL;

	if (o->look.on) {
		text = celltext(s, r, f, &o->look, &s->arena);
		if (!*text)
			return false;
		v = NULL;
	} else {
		if (o->dates)
			made = predecessors(r, f);
		if (made)
			v = made;
		else if (field_is_computed(f->type) ||
			 f->type == FT_ATTACHMENTS)
			v = cell_json(s, r, f);
		else
			json_incref(v);
		if (!v)
			return false;
	}
	if (!first)
		buf_chr(b, ',');
	buf_str(b, o->by_id ? f->key_id : f->key_name);
	if (text)
		buf_json_str(b, text, strlen(text));
	else
		buf_json(b, v);
	json_decref(v);
	return true;
}

void recjson_write(struct state *s, struct record *r,
		   const struct recjson_opt *o, struct buf *b)
{
	const struct table *t = r->table;
	struct field *const *list = t->fields;
	size_t n = t->fields_n;
	char iso[TIME_CAP];
	bool first = true;

	if (o->fields) {
		list = o->fields;
		n = o->fields_n;
	}
	time_iso(r->created_s * 1000, iso);
	buf_str(b, "{\"id\":\"");
	buf_str(b, r->id);
	buf_str(b, "\",\"createdTime\":\"");
	buf_str(b, iso);
	buf_str(b, "\",\"fields\":{");
	for (size_t i = 0; i < n; i++)
		if (write_cell(s, r, list[i], o, b, first))
			first = false;
	buf_chr(b, '}');
	if (o->comments && json_array_size(r->comments))
		buf_printf(b, ",\"commentCount\":%zu",
			   json_array_size(r->comments));
	buf_chr(b, '}');
	if (o->look.on)
		fx_arena_reset(&s->arena);
}
