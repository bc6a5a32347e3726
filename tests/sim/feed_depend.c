/* Which cells are computed from a cell, in its own row and in rows that look
 * it up. Too many may be named, never too few: the feed compares. */
#include "feed.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

struct spot {
	struct record *r;
	struct field *f;
};

struct front {
	struct feed *feed;
	struct spot *v;		/* to be looked at */
	size_t n;
	size_t cap;
};

static void add(struct front *q, struct record *r, struct field *f)
{
	struct feed_row *w = feed_row(q->feed, r);

	if (f->index >= w->n || w->seen[f->index])
		return;
	w->seen[f->index] = true;
	q->v = sim_grow(q->v, q->n, &q->cap, sizeof(*q->v));
	q->v[q->n++] = (struct spot){ r, f };
}

static bool reads(const struct field *g, const struct field *f)
{
	const int *index;
	size_t n;

	if (g->type != FT_FORMULA || !g->prog)
		return false;
	n = fx_fields(g->prog, &index);
	for (size_t i = 0; i < n; i++)
		if ((size_t)index[i] == f->index)
			return true;
	return false;
}

/* Fields of the row itself: formulas, and what goes through a link. */
static void own_row(struct front *q, const struct spot *s)
{
	struct table *t = s->r->table;

	for (size_t i = 0; i < t->fields_n; i++) {
		struct field *g = t->fields[i];

		if (g->via == s->f || reads(g, s->f) ||
		    (s->f == t->primary && g->type == FT_AI_TEXT))
			add(q, s->r, g);
	}
}

/* A row that links to this one shows f by a lookup or rollup, or, since the
 * primary field is its name, by the link itself. */
static void linking_row(struct front *q, struct record *o, struct field *link,
			const struct field *f)
{
	struct table *t = o->table;

	if (f == f->table->primary)
		add(q, o, link);
	for (size_t i = 0; i < t->fields_n; i++)
		if (t->fields[i]->via == link && t->fields[i]->target == f)
			add(q, o, t->fields[i]);
}

static bool matters(const struct field *link, const struct field *f)
{
	const struct table *t = link->table;

	if (f == f->table->primary)
		return true;
	for (size_t i = 0; i < t->fields_n; i++)
		if (t->fields[i]->via == link && t->fields[i]->target == f)
			return true;
	return false;
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

static void through(struct front *q, struct field *link, const struct spot *s)
{
	struct table *t = link->table;
	const json_t *ids;

	if (link->inverse && link->inverse->table == s->r->table) {
		ids = s->r->cells[link->inverse->index].v;
		for (size_t i = 0; i < json_array_size(ids); i++) {
			const char *id =
				json_string_value(json_array_get(ids, i));
			struct record *o = id ? base_record(t->base, id) :
						NULL;

			if (o && o->table == t)
				linking_row(q, o, link, s->f);
		}
		return;
	}
	for (size_t i = 0; i < t->rows_n; i++)
		if (holds(t->rows[i]->cells[link->index].v, s->r->id))
			linking_row(q, t->rows[i], link, s->f);
}

static void other_rows(struct front *q, const struct spot *s)
{
	const struct base *b = s->r->table->base;

	for (size_t i = 0; i < b->tables_n; i++) {
		struct table *t = b->tables[i];

		for (size_t k = 0; k < t->fields_n; k++) {
			struct field *link = t->fields[k];

			if (link->type == FT_LINKS &&
			    link->linked == s->r->table && matters(link, s->f))
				through(q, link, s);
		}
	}
}

void feed_depend(struct feed *f, struct record *r, struct field *changed)
{
	struct front q = { .feed = f };

	add(&q, r, changed);
	while (q.n) {
		struct spot s = q.v[--q.n];

		own_row(&q, &s);
		other_rows(&q, &s);
	}
	free(q.v);
}
