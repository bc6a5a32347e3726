#include "list.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cellval.h"
#include "mem.h"

struct sort_row {
	struct record *r;
	size_t place;			/* keeps equal rows in order */
	struct fx_val key[LIST_SORTS_MAX];
};

struct sort_ctx {
	const struct list_sort *sort;
	size_t n;
	struct fx_arena arena;
};

/* Selects sort by the place of the choice, not by its name. */
static struct fx_val choice_place(const struct field *f, const json_t *v)
{
	const json_t *list = json_object_get(f->options, "choices");

	for (size_t i = 0; v && i < json_array_size(list); i++) {
		const json_t *c = json_array_get(list, i);

		if (json_equal(json_object_get(c, "name"), v))
			return fx_num((double)i);
	}
	return fx_blank();
}

static int compare_values(const struct fx_val *a, const struct fx_val *b,
			  struct fx_arena *ar)
{
	struct fx_val x, y;
	int64_t m, n;
	double d;

	if (a->type == FX_BLANK || b->type == FX_BLANK)
		return (b->type == FX_BLANK) - (a->type == FX_BLANK);
	if (a->type == FX_DATE && b->type == FX_DATE) {
		m = a->ms;
		n = b->ms;
		return (m > n) - (m < n);
	}
	if ((a->type == FX_NUM || a->type == FX_BOOL) &&
	    (b->type == FX_NUM || b->type == FX_BOOL)) {
		d = fx_number(a) - fx_number(b);
		return isnan(d) ? 0 : (d > 0) - (d < 0);
	}
	x = fx_text(a, ar);
	y = fx_text(b, ar);
	return strcasecmp(x.str.s, y.str.s);
}

static int compare_rows(const void *pa, const void *pb, void *arg)
{
	const struct sort_row *a = *(const struct sort_row *const *)pa;
	const struct sort_row *b = *(const struct sort_row *const *)pb;
	struct sort_ctx *c = arg;

	for (size_t i = 0; i < c->n; i++) {
		int r = compare_values(&a->key[i], &b->key[i], &c->arena);

		if (r)
			return c->sort[i].desc ? -r : r;
	}
	return (a->place > b->place) - (a->place < b->place);
}

void list_sort_rows(struct state *s, struct record **rows, size_t n,
		    const struct list_sort *sort, size_t sort_n)
{
	struct sort_ctx ctx = { sort, sort_n, { 0 } };
	struct sort_row *all = sim_alloc(n * sizeof(*all));
	struct sort_row **order = sim_alloc(n * sizeof(struct sort_row *));

	for (size_t i = 0; i < n; i++) {
		struct sort_row *w = &all[i];

		order[i] = w;
		w->r = rows[i];
		w->place = i;
		for (size_t k = 0; k < sort_n; k++) {
			struct field *f = sort[k].field;

			w->key[k] = f->type == FT_SELECT ?
				choice_place(f, rows[i]->cells[f->index].v) :
				cell_value(s, rows[i], f, &ctx.arena);
		}
	}
	qsort_r(order, n, sizeof(struct sort_row *), compare_rows, &ctx);
	for (size_t i = 0; i < n; i++)
		rows[i] = order[i]->r;
	fx_arena_release(&ctx.arena);
	free(order);
	free(all);
}
