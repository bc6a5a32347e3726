#include "state.h"

#include <string.h>

static const char *opt_str(const struct field *f, const char *key)
{
	return json_string_value(json_object_get(f->options, key));
}

static int find_in_table(void *ctx, const char *name)
{
	const struct field *f = table_field(ctx, name);

	return f ? (int)f->index : -1;
}

/* The API never shows how a rollup adds up, so a file may say it under
 * options.formula ("SUM(values)"); without it numbers are summed and the
 * rest is joined. */
static void compile_rollup(struct field *f)
{
	const char *text = opt_str(f, "formula");
	const json_t *res = json_object_get(f->options, "result");
	const char *type = json_string_value(json_object_get(res, "type"));
	char err[200];

	if (!f->via || !f->target)
		return;
	if (!text)
		text = !type || !strcmp(type, "number") ||
			       !strcmp(type, "currency") ||
			       !strcmp(type, "percent") ||
			       !strcmp(type, "duration") ?
			       "SUM(values)" : "ARRAYJOIN(ARRAYCOMPACT(values))";
	f->prog = fx_compile(text, NULL, err, sizeof(err));
}

static void resolve_field(struct base *b, struct field *f)
{
	const char *id;
	char err[200];

	fx_free(f->prog);
	f->prog = NULL;
	f->linked = NULL;
	f->inverse = f->via = f->target = NULL;
	if (f->type == FT_LINKS) {
		id = opt_str(f, "linkedTableId");
		f->linked = id ? base_table(b, id) : NULL;
		id = opt_str(f, "inverseLinkFieldId");
		f->inverse = id ? base_field_by_id(b, id) : NULL;
		if (f->inverse && f->inverse->type != FT_LINKS)
			f->inverse = NULL;
	}
	if (f->type == FT_COUNT || f->type == FT_LOOKUP ||
	    f->type == FT_ROLLUP) {
		id = opt_str(f, "recordLinkFieldId");
		f->via = id ? table_field(f->table, id) : NULL;
		id = opt_str(f, "fieldIdInLinkedTable");
		f->target = id ? base_field_by_id(b, id) : NULL;
		if (f->via && f->via->type != FT_LINKS)
			f->via = NULL;
	}
	if (f->type == FT_ROLLUP)
		compile_rollup(f);
	if (f->type == FT_FORMULA && opt_str(f, "formula")) {
		struct fx_names names = { f->table, find_in_table };

		f->prog = fx_compile(opt_str(f, "formula"), &names, err,
				     sizeof(err));
	}
}

static void resolve_view(struct table *t, struct view *v)
{
	struct fx_names names = { t, find_in_table };
	char err[200];

	fx_free(v->prog);
	v->prog = v->filter ? fx_compile(v->filter, &names, err, sizeof(err)) :
			      NULL;
}

void state_resolve(struct base *b)
{
	for (size_t i = 0; i < b->tables_n; i++)
		for (size_t j = 0; j < b->tables[i]->fields_n; j++)
			resolve_field(b, b->tables[i]->fields[j]);
	for (size_t i = 0; i < b->tables_n; i++)
		for (size_t j = 0; j < b->tables[i]->views_n; j++)
			resolve_view(b->tables[i], &b->tables[i]->views[j]);
}
