#include "recjson.h"

#include <string.h>

#include "cellval.h"
#include "timefmt.h"

/* Plain cells are written where they lie, with no copy. */
static bool write_cell(struct state *s, struct record *r, struct field *f,
		       const struct recjson_opt *o, struct buf *b, bool first)
{
	json_t *v = r->cells[f->index].v;
	const char *text = NULL;

	if (o->look.on) {
		text = celltext(s, r, f, &o->look, &s->arena);
		if (!*text)
			return false;
		v = NULL;
	} else {
		v = field_is_computed(f->type) ||
				    f->type == FT_ATTACHMENTS ?
			    cell_json(s, r, f) :
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
