#include "state.h"

#include <stdlib.h>
#include <string.h>

#include "feed.h"
#include "mem.h"

struct record *base_record(const struct base *b, const char *id)
{
	return idmap_get(&b->records, id);
}

struct record *table_add_record(struct state *s, struct table *t,
				const char *id, const struct actor *a)
{
	struct record *r = sim_alloc(sizeof(*r));
	size_t at = t->rows_n;

	r->table = t;
	if (id) {
		memcpy(r->id, id, strnlen(id, ID_CAP - 1));
	} else {
		do {
			id_make(&s->rng, "rec", r->id);
		} while (base_record(t->base, r->id));
	}
	r->cells = sim_alloc(t->fields_n * sizeof(*r->cells));
	r->created_s = r->modified_s = a->now_ms / 1000;
	r->created_by = r->modified_by = a->user;
	r->number = t->next_number++;
	if (t->sorted && t->rows_n)
		at = table_lower_bound(t, r->id);
	t->rows = sim_grow(t->rows, t->rows_n, &t->rows_cap,
			   sizeof(struct record *));
	t->by_id = sim_grow(t->by_id, t->rows_n, &t->by_id_cap,
			    sizeof(struct record *));
	if (t->sorted)
		memmove(&t->by_id[at + 1], &t->by_id[at],
			(t->rows_n - at) * sizeof(struct record *));
	t->by_id[at] = r;
	t->rows[t->rows_n++] = r;
	idmap_put(&t->base->records, r->id, r);
	feed_made(t->base, r);
	return r;
}

static int by_id(const void *a, const void *b)
{
	const struct record *const *x = a;
	const struct record *const *y = b;

	return strcmp((*x)->id, (*y)->id);
}

struct record *const *table_sorted(struct table *t)
{
	if (!t->rows_n) {
		t->sorted = true;
	} else if (!t->sorted) {
		memcpy(t->by_id, t->rows, t->rows_n * sizeof(*t->rows));
		qsort(t->by_id, t->rows_n, sizeof(*t->by_id), by_id);
		t->sorted = true;
	}
	return t->by_id;
}

size_t table_lower_bound(struct table *t, const char *id)
{
	struct record *const *v = table_sorted(t);
	size_t lo = 0, hi = t->rows_n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(v[mid]->id, id) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void stamp(struct record *r, struct field *f, const struct actor *a)
{
	struct cell *c = &r->cells[f->index];

	c->mod_s = (uint32_t)(a->now_ms / 1000);
	c->mod_by = a->user;
	r->modified_s = a->now_ms / 1000;
	r->modified_by = a->user;
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

/* A cell's list may be shared with an answer in the making, so a changed
 * one is always a new one. */
static void list_change(struct record *r, struct field *f, const char *id,
			bool add, const struct actor *a)
{
	struct cell *c = &r->cells[f->index];
	json_t *list = json_array();

	feed_touch(r->table->base, r, f);
	for (size_t i = 0; i < json_array_size(c->v); i++) {
		json_t *e = json_array_get(c->v, i);
		const char *s = json_string_value(e);

		if (s && strcmp(s, id) != 0)
			json_array_append(list, e);
	}
	if (add)
		json_array_append_new(list, json_string(id));
	json_decref(c->v);
	if (json_array_size(list)) {
		c->v = list;
	} else {
		json_decref(list);
		c->v = NULL;
	}
	stamp(r, f, a);
}

static void other_side(struct record *r, struct field *f, const json_t *from,
		       const json_t *to, bool add, const struct actor *a)
{
	for (size_t i = 0; i < json_array_size(to); i++) {
		const char *id = json_string_value(json_array_get(to, i));
		struct record *o;

		if (!id || holds(from, id))
			continue;
		o = base_record(r->table->base, id);
		if (o && o->table == f->inverse->table)
			list_change(o, f->inverse, r->id, add, a);
	}
}

void record_put(struct record *r, struct field *f, json_t *v)
{
	struct cell *c = &r->cells[f->index];

	json_decref(c->v);
	c->v = v;
}

void record_set(struct record *r, struct field *f, json_t *v,
		const struct actor *a)
{
	struct cell *c = &r->cells[f->index];
	json_t *old = c->v;

	feed_touch(r->table->base, r, f);
	c->v = v;
	stamp(r, f, a);
	if (f->type == FT_LINKS && f->inverse) {
		json_t *keep = json_incref(v);	/* self links may replace it */

		other_side(r, f, keep, old, false, a);
		other_side(r, f, old, keep, true, a);
		json_decref(keep);
	}
	json_decref(old);
}

/* Takes the record's id out of every link cell of the base that has it:
 * through the other side where there is one, else by looking everywhere. */
static void unlink_all(struct record *r, const struct actor *a)
{
	struct table *t = r->table;

	for (size_t i = 0; i < t->fields_n; i++) {
		struct field *f = t->fields[i];

		if (f->type == FT_LINKS && f->inverse && r->cells[i].v)
			other_side(r, f, NULL, r->cells[i].v, false, a);
	}
	for (size_t k = 0; k < t->base->tables_n; k++) {
		struct table *o = t->base->tables[k];

		for (size_t i = 0; i < o->fields_n; i++) {
			struct field *f = o->fields[i];

			if (f->type != FT_LINKS || f->inverse ||
			    f->linked != t)
				continue;
			for (size_t j = 0; j < o->rows_n; j++)
				if (holds(o->rows[j]->cells[i].v, r->id))
					list_change(o->rows[j], f, r->id,
						    false, a);
		}
	}
}

void record_delete(struct state *s, struct record *r, const struct actor *a)
{
	struct table *t = r->table;
	struct base *b = t->base;
	size_t i;

	(void)s;
	feed_gone(b, r);
	unlink_all(r, a);
	if (t->sorted) {
		i = table_lower_bound(t, r->id);
		memmove(&t->by_id[i], &t->by_id[i + 1],
			(t->rows_n - i - 1) * sizeof(struct record *));
	}
	for (i = 0; i < t->rows_n && t->rows[i] != r; i++)
		;
	memmove(&t->rows[i], &t->rows[i + 1],
		(t->rows_n - i - 1) * sizeof(struct record *));
	t->rows_n--;
	idmap_del(&b->records, r->id);
	r->deleted = true;
	b->trash = sim_grow(b->trash, b->trash_n, &b->trash_cap,
			    sizeof(struct record *));
	b->trash[b->trash_n++] = r;
}
