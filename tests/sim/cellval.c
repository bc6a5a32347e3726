#include "cellval.h"

#include <math.h>
#include <string.h>

#include "timefmt.h"

static struct fx_val str_val(struct fx_arena *a, const json_t *v)
{
	const char *s = json_string_value(v);

	return s ? fx_str(a, s, json_string_length(v)) : fx_blank();
}

static struct fx_val date_val(struct fx_arena *a, const json_t *v)
{
	const char *s = json_string_value(v);
	bool t, z;
	int64_t ms;

	if (s && time_parse_iso(s, strlen(s), &ms, &t, &z))
		return fx_date(ms);
	return str_val(a, v);
}

/* Objects show the text a reader would see in the grid. */
static struct fx_val json_val(struct fx_arena *a, const json_t *v)
{
	static const char *const keys[] = { "name", "filename", "text",
					    "label", "value", "email" };
	struct fx_val out = { .type = FX_ARR };

	switch (json_typeof(v)) {
	case JSON_STRING:
		return str_val(a, v);
	case JSON_INTEGER:
	case JSON_REAL:
		return fx_num(json_number_value(v));
	case JSON_TRUE:
		return fx_bool(true);
	case JSON_ARRAY:
		out.arr.n = json_array_size(v);
		out.arr.v = fx_arena_get(a, out.arr.n * sizeof(*out.arr.v));
		for (size_t i = 0; i < out.arr.n; i++)
			out.arr.v[i] = json_val(a, json_array_get(v, i));
		return out;
	case JSON_OBJECT:
		if (json_object_get(v, "error"))
			return fx_error();
		if (json_object_get(v, "specialValue"))
			return fx_num(NAN);
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
			if (json_object_get(v, keys[i]))
				return str_val(a, json_object_get(v, keys[i]));
		return fx_blank();
	case JSON_FALSE:
		return fx_bool(false);
	case JSON_NULL:
	default:
		return fx_blank();
	}
}

/* Links are seen as the linked rows' names, not as ids. */
static struct fx_val links_val(struct state *s, struct record *r,
			       const json_t *ids, struct fx_arena *a)
{
	struct fx_val out = { .type = FX_ARR };
	size_t n = json_array_size(ids);

	out.arr.v = fx_arena_get(a, n * sizeof(*out.arr.v));
	for (size_t i = 0; i < n; i++) {
		const char *id = json_string_value(json_array_get(ids, i));
		struct record *o = id ? base_record(r->table->base, id) : NULL;

		if (o)
			out.arr.v[out.arr.n++] =
				cell_value(s, o, o->table->primary, a);
	}
	return out;
}

static int64_t modified(void *ctx, const int *index, size_t n)
{
	const struct cell_ctx *c = ctx;
	const struct record *r = c->record;
	int64_t newest = -1;

	if (!n)
		return r->modified_s * 1000;
	for (size_t i = 0; i < n; i++) {
		int64_t t = r->cells[index[i]].mod_s;

		if (!t && r->cells[index[i]].v)
			t = r->created_s;
		if (t && t * 1000 > newest)
			newest = t * 1000;
	}
	return newest;
}

static struct fx_val field_of(void *ctx, int index, struct fx_arena *a)
{
	const struct cell_ctx *c = ctx;

	return cell_value(c->state, c->record, c->record->table->fields[index],
			  a);
}

struct fx_env cell_env(struct cell_ctx *ctx, struct fx_arena *a)
{
	return (struct fx_env){
		.ctx = ctx,
		.field = field_of,
		.modified = modified,
		.record_id = ctx->record->id,
		.created_ms = ctx->record->created_s * 1000,
		.now_ms = state_now_ms(ctx->state),
		.arena = a,
	};
}

/* Values of the target field over all linked rows; a rollup counts empty
 * ones too (COUNTALL), a lookup leaves them out. */
static struct fx_val gathered(struct state *s, struct record *r,
			      struct field *f, struct fx_arena *a)
{
	struct fx_val out = { .type = FX_ARR };
	const json_t *ids = r->cells[f->via->index].v;
	size_t n = json_array_size(ids);

	out.arr.v = fx_arena_get(a, n * sizeof(*out.arr.v));
	for (size_t i = 0; i < n; i++) {
		const char *id = json_string_value(json_array_get(ids, i));
		struct record *o = id ? base_record(r->table->base, id) : NULL;
		struct fx_val v;

		if (!o || o->table != f->target->table)
			continue;
		v = cell_value(s, o, f->target, a);
		if (v.type != FX_BLANK || f->type == FT_ROLLUP)
			out.arr.v[out.arr.n++] = v;
	}
	return out;
}

static struct fx_val formula_val(struct state *s, struct record *r,
				 struct field *f, struct fx_arena *a)
{
	struct cell_ctx ctx = { s, r };
	struct fx_env env = cell_env(&ctx, a);
	struct fx_val values, v;

	if (f->visiting)
		return fx_error();
	f->visiting = true;
	if (f->type == FT_ROLLUP) {
		values = gathered(s, r, f, a);
		env.values = &values;
	}
	v = fx_eval(f->prog, &env);
	f->visiting = false;
	return v;
}

int64_t cell_modified(const struct record *r, const struct field *f,
		      uint32_t *by)
{
	const json_t *refs = json_object_get(f->options, "referencedFieldIds");
	int64_t newest = 0;

	*by = r->modified_by;
	if (!json_array_size(refs))
		return r->modified_s;
	for (size_t i = 0; i < json_array_size(refs); i++) {
		const char *id = json_string_value(json_array_get(refs, i));
		struct field *o = id ? table_field(r->table, id) : NULL;
		int64_t t;

		if (!o)
			continue;
		t = r->cells[o->index].mod_s;
		if (!t && r->cells[o->index].v)
			t = r->created_s;
		if (t > newest) {
			newest = t;
			*by = r->cells[o->index].mod_s ?
				      r->cells[o->index].mod_by :
				      r->created_by;
		}
	}
	return newest;
}

static struct fx_val lookup_val(struct state *s, struct record *r,
				struct field *f, struct fx_arena *a)
{
	struct fx_val v;

	if (f->visiting)
		return fx_error();
	f->visiting = true;
	v = gathered(s, r, f, a);
	f->visiting = false;
	return v.arr.n ? v : fx_blank();
}

static struct fx_val made_up(struct state *s, struct record *r,
			     struct field *f, struct fx_arena *a)
{
	json_t *v = cell_json(s, r, f);
	struct fx_val out = v ? json_val(a, v) : fx_blank();

	json_decref(v);	/* text was copied into the arena */
	return out;
}

static struct fx_val computed_val(struct state *s, struct record *r,
				  struct field *f, struct fx_arena *a)
{
	const json_t *v = r->cells[f->index].v;
	const char *name;
	uint32_t by;
	int64_t t;

	switch ((int)f->type) {
	case FT_AUTONUMBER:
		return fx_num(r->number);
	case FT_COUNT:
		if (!f->via)
			break;
		return fx_num((double)json_array_size(
			r->cells[f->via->index].v));
	case FT_FORMULA:
	case FT_ROLLUP:
		if (!f->prog)
			break;
		return formula_val(s, r, f, a);
	case FT_LOOKUP:
		if (!f->via || !f->target)
			break;
		return lookup_val(s, r, f, a);
	case FT_CREATED_TIME:
		return fx_date(r->created_s * 1000);
	case FT_MODIFIED_TIME:
		t = cell_modified(r, f, &by);
		return t ? fx_date(t * 1000) : fx_blank();
	case FT_CREATED_BY:
	case FT_MODIFIED_BY:
		by = r->created_by;
		if (f->type == FT_MODIFIED_BY && !cell_modified(r, f, &by))
			return fx_blank();
		name = s->users[by].name;
		name = name ? name : s->users[by].email;
		return name ? fx_str(a, name, strlen(name)) : fx_blank();
	case FT_BUTTON:
	case FT_AI_TEXT:
		return made_up(s, r, f, a);
	default:
		break;
	}
	return v ? json_val(a, v) : fx_blank();
}

struct fx_val cell_value(struct state *s, struct record *r, struct field *f,
			 struct fx_arena *a)
{
	const json_t *v;

	if (field_is_computed(f->type))
		return computed_val(s, r, f, a);
	v = r->cells[f->index].v;
	if (!v)
		return f->type == FT_CHECKBOX ? fx_bool(false) : fx_blank();
	if (f->type == FT_LINKS)
		return links_val(s, r, v, a);
	if (f->type == FT_DATE || f->type == FT_DATETIME)
		return date_val(a, v);
	return json_val(a, v);
}

const char *cell_text(struct state *s, struct record *r, struct field *f,
		      struct fx_arena *a)
{
	struct fx_val v = cell_value(s, r, f, a);
	char date[TIME_CAP];

	if (v.type == FX_BOOL)
		return v.truth ? "checked" : "";
	if (f->type == FT_DATE && v.type == FX_DATE) {
		time_date(v.ms, date);
		return fx_str(a, date, strlen(date)).str.s;
	}
	return fx_text(&v, a).str.s;
}
