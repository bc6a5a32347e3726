#include "cellval.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "blob.h"
#include "timefmt.h"

static json_t *special(const char *key, const char *value)
{
	json_t *o = json_object();

	json_object_set_new(o, key, json_string(value));
	return o;
}

static bool wants_date_only(const struct field *f)
{
	const json_t *res = json_object_get(f->options, "result");
	const char *type = json_string_value(json_object_get(res, "type"));

	return type && !strcmp(type, "date");
}

static json_t *time_json(const struct field *f, int64_t ms)
{
	char t[TIME_CAP];

	if (wants_date_only(f))
		time_date(ms, t);
	else
		time_iso(ms, t);
	return json_string(t);
}

/* A formula's result as it goes out; text "" is an empty cell. */
static json_t *result_json(const struct field *f, const struct fx_val *v)
{
	json_t *list;

	switch (v->type) {
	case FX_NUM:
		if (isnan(v->num))
			return special("specialValue", "NaN");
		if (isinf(v->num))
			return special("specialValue", v->num < 0 ?
						"-Infinity" : "Infinity");
		return json_real(v->num);
	case FX_STR:
		return v->str.n ? json_stringn(v->str.s, v->str.n) : NULL;
	case FX_BOOL:
		return v->truth ? json_true() : NULL;
	case FX_DATE:
		return time_json(f, v->ms);
	case FX_ARR:
		list = json_array();
		for (size_t i = 0; i < v->arr.n; i++) {
			json_t *e = result_json(f, &v->arr.v[i]);

			json_array_append_new(list, e ? e : json_null());
		}
		if (json_array_size(list))
			return list;
		json_decref(list);
		return NULL;
	case FX_ERR:
		return special("error", "#ERROR!");
	case FX_BLANK:
	default:
		return NULL;
	}
}

/* Lists inside are flattened: a lookup of links gives one list of ids. */
static json_t *lookup_json(struct state *s, struct record *r, struct field *f)
{
	const json_t *ids = r->cells[f->via->index].v;
	json_t *out = json_array();

	for (size_t i = 0; i < json_array_size(ids); i++) {
		const char *id = json_string_value(json_array_get(ids, i));
		struct record *o = id ? base_record(r->table->base, id) : NULL;
		json_t *v;

		if (!o || o->table != f->target->table)
			continue;
		v = cell_json(s, o, f->target);
		if (json_is_array(v)) {
			json_array_extend(out, v);
			json_decref(v);
		} else if (v) {
			json_array_append_new(out, v);
		}
	}
	if (json_array_size(out))
		return out;
	json_decref(out);
	return NULL;
}

static json_t *formula_json(struct state *s, struct record *r, struct field *f)
{
	struct fx_arena a = { 0 };
	struct fx_val v = cell_value(s, r, f, &a);
	json_t *out = result_json(f, &v);

	fx_arena_release(&a);
	return out;
}

/* Cells no one wrote: a button is there in every row, an AI text is made
 * from the row's name. */
static json_t *button(const struct record *r, const struct field *f)
{
	json_t *o = json_object();
	char url[80];

	snprintf(url, sizeof(url), "https://example.com/%s", r->id);
	json_object_set_new(o, "label", json_string(f->name));
	json_object_set_new(o, "url", json_string(url));
	return o;
}

static json_t *ai_text(struct state *s, struct record *r,
		       const struct field *f)
{
	struct field *from = r->table->primary;
	struct fx_arena a = { 0 };
	const char *name = from == f ? "" : cell_text(s, r, from, &a);
	json_t *o = json_object();
	struct buf b = BUF_INIT;

	buf_printf(&b, "A few words about %s.", name);
	json_object_set_new(o, "state",
			    json_string(*name ? "generated" : "empty"));
	json_object_set_new(o, "isStale", json_false());
	json_object_set_new(o, "value", *name ? json_stringn(b.p, b.n) :
						json_null());
	buf_release(&b);
	fx_arena_release(&a);
	return o;
}

json_t *cell_json(struct state *s, struct record *r, struct field *f)
{
	json_t *v = r->cells[f->index].v;
	json_t *out;
	uint32_t by;

	switch ((int)f->type) {
	case FT_AUTONUMBER:
		return json_integer(r->number);
	case FT_COUNT:
		if (f->via)
			return json_integer((json_int_t)json_array_size(
				r->cells[f->via->index].v));
		break;
	case FT_FORMULA:
	case FT_ROLLUP:
		if (f->prog)
			return formula_json(s, r, f);
		break;
	case FT_LOOKUP:
		if (!f->via || !f->target)
			break;
		if (f->visiting) {
			out = json_array();
			json_array_append_new(out, special("error",
							   "#ERROR!"));
			return out;
		}
		f->visiting = true;
		out = lookup_json(s, r, f);
		f->visiting = false;
		return out;
	case FT_ATTACHMENTS:
		return v ? blob_cell_json(s->files, v, state_now_ms(s)) : NULL;
	case FT_BUTTON:
		return v ? json_incref(v) : button(r, f);
	case FT_AI_TEXT:
		return v ? json_incref(v) : ai_text(s, r, f);
	case FT_CREATED_TIME:
	case FT_MODIFIED_TIME:
		return formula_json(s, r, f);
	case FT_CREATED_BY:
		return state_user_json(s, r->created_by);
	case FT_MODIFIED_BY:
		return cell_modified(r, f, &by) ? state_user_json(s, by) :
						  NULL;
	default:
		break;
	}
	return json_incref(v);
}
