#include "feed.h"

#include <stdlib.h>
#include <string.h>

#include "blob.h"
#include "cellval.h"
#include "mem.h"

void feed_begin(struct feed *f, struct state *s, struct base *b)
{
	memset(f, 0, sizeof(*f));
	f->state = s;
	f->base = b;
	b->feed = f;
}

void feed_release(struct feed *f)
{
	for (size_t i = 0; i < f->rows_n; i++) {
		for (size_t k = 0; k < f->rows[i]->n; k++)
			json_decref(f->rows[i]->before[k]);
		free(f->rows[i]->before);
		free(f->rows[i]->seen);
		free(f->rows[i]);
	}
	for (size_t i = 0; i < f->events_n; i++) {
		json_decref(f->events[i].current);
		json_decref(f->events[i].previous);
	}
	idmap_release(&f->by_id);
	free(f->rows);
	free(f->events);
	f->base->feed = NULL;
}

/* Times and people of the last change differ with every write and say
 * nothing new; they stay out of the changes. */
bool feed_watches(const struct field *f)
{
	return f->type != FT_MODIFIED_TIME && f->type != FT_MODIFIED_BY &&
	       f->type != FT_AUTONUMBER && f->type != FT_CREATED_TIME &&
	       f->type != FT_CREATED_BY && f->type != FT_BUTTON;
}

uint64_t feed_views(struct state *s, struct record *r)
{
	struct table *t = r->table;
	uint64_t in = 0;

	for (size_t i = 0; i < t->views_n && i < 64; i++) {
		struct cell_ctx ctx = { s, r };
		struct fx_arena a = { 0 };
		struct fx_env env = cell_env(&ctx, &a);
		struct fx_val v = fx_bool(true);

		if (t->views[i].prog)
			v = fx_eval(t->views[i].prog, &env);
		if (fx_truthy(&v))
			in |= UINT64_C(1) << i;
		fx_arena_release(&a);
	}
	return in;
}

static struct feed_row *row(struct feed *f, struct record *r)
{
	struct feed_row *w = sim_alloc(sizeof(*w));

	w->r = r;
	f->rows = sim_grow(f->rows, f->rows_n, &f->rows_cap,
			   sizeof(struct feed_row *));
	f->rows[f->rows_n++] = w;
	idmap_put(&f->by_id, r->id, w);
	return w;
}

struct feed_row *feed_row(struct feed *f, struct record *r)
{
	struct feed_row *w = idmap_get(&f->by_id, r->id);

	if (w)
		return w;
	w = row(f, r);
	w->was_in = feed_views(f->state, r);
	w->n = r->table->fields_n;
	w->before = sim_alloc(w->n * sizeof(json_t *));
	w->seen = sim_alloc(w->n * sizeof(bool));
	for (size_t i = 0; i < w->n; i++) {
		struct field *fd = r->table->fields[i];

		if (!feed_watches(fd))
			continue;
		w->before[i] = field_is_computed(fd->type) ?
				       feed_cell(f->state, r, fd) :
				       json_incref(r->cells[i].v);
	}
	return w;
}

void feed_touch(struct base *b, struct record *r, struct field *f)
{
	if (!b->feed)
		return;
	feed_row(b->feed, r)->direct = true;
	if (b->feed->computed != FEED_NONE)
		feed_depend(b->feed, r, f);
}

void feed_made(struct base *b, struct record *r)
{
	struct feed_row *w;

	if (!b->feed)
		return;
	w = row(b->feed, r);
	w->created = w->direct = true;
}

void feed_gone(struct base *b, struct record *r)
{
	for (size_t i = 0; b->feed && i < r->table->fields_n; i++)
		feed_touch(b, r, r->table->fields[i]);
	if (b->feed)
		feed_row(b->feed, r)->destroyed = true;
}

void feed_event(struct base *b, enum feed_kind kind, const char *table,
		const char *field, json_t *current, json_t *previous)
{
	struct feed *f = b->feed;
	struct feed_event *e;

	if (!f) {
		json_decref(current);
		json_decref(previous);
		return;
	}
	f->events = sim_grow(f->events, f->events_n, &f->events_cap,
			     sizeof(*f->events));
	e = &f->events[f->events_n++];
	memset(e, 0, sizeof(*e));
	e->kind = kind;
	memcpy(e->table, table, strnlen(table, ID_CAP - 1));
	if (field)
		memcpy(e->field, field, strnlen(field, ID_CAP - 1));
	e->current = current;
	e->previous = previous;
}

static json_t *choice(const struct field *f, json_t *name)
{
	const json_t *list = json_object_get(f->options, "choices");
	json_t *o;

	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *c = json_array_get(list, i);

		if (json_equal(json_object_get(c, "name"), name))
			return json_incref(c);
	}
	o = json_object();
	json_object_set(o, "name", name);
	return o;
}

static json_t *person(const struct field *f, json_t *v)
{
	json_t *o = json_copy(v);

	json_object_set_new(o, "permissionLevel",
			    json_string(level_name(f->table->base->level)));
	return o;
}

static json_t *link(struct state *s, const struct field *f, json_t *v)
{
	const char *id = json_string_value(v);
	struct record *o = id ? base_record(f->table->base, id) : NULL;
	struct fx_arena a = { 0 };
	json_t *out = json_object();

	json_object_set(out, "id", v);
	json_object_set_new(out, "name", json_string(
		o ? cell_text(s, o, o->table->primary, &a) : ""));
	fx_arena_release(&a);
	return out;
}

static json_t *one(struct state *s, struct field *f, json_t *v)
{
	switch ((int)f->type) {
	case FT_SELECT:
	case FT_SELECTS:
	case FT_SYNC_SOURCE:
		return choice(f, v);
	case FT_COLLABORATOR:
	case FT_COLLABORATORS:
	case FT_CREATED_BY:
	case FT_MODIFIED_BY:
		return person(f, v);
	case FT_LINKS:
		return link(s, f, v);
	default:
		return json_incref(v);
	}
}

json_t *feed_cell_raw(struct state *s, struct field *f, json_t *raw)
{
	json_t *list;

	if (!raw || field_is_computed(f->type))
		return json_incref(raw);
	if (f->type == FT_ATTACHMENTS)
		return blob_cell_json(s->files, raw, state_now_ms(s));
	if (!json_is_array(raw))
		return one(s, f, raw);
	list = json_array();
	for (size_t i = 0; i < json_array_size(raw); i++)
		json_array_append_new(list,
				      one(s, f, json_array_get(raw, i)));
	return list;
}

/* A lookup tells its values row by row. */
static json_t *lookup(struct state *s, struct record *r, struct field *f)
{
	json_t *ids = r->cells[f->via->index].v;
	json_t *values = json_object();
	json_t *out = json_object();

	for (size_t i = 0; i < json_array_size(ids); i++) {
		const char *id = json_string_value(json_array_get(ids, i));
		struct record *o = id ? base_record(r->table->base, id) : NULL;
		json_t *list, *v;

		if (!o || o->table != f->target->table)
			continue;
		list = json_array();
		v = feed_cell(s, o, f->target);
		if (v)
			json_array_append_new(list, v);
		json_object_set_new(values, id, list);
	}
	json_object_set(out, "linkedRecordIds", ids);
	json_object_set_new(out, "valuesByLinkedRecordId", values);
	return out;
}

json_t *feed_cell(struct state *s, struct record *r, struct field *f)
{
	json_t *v;

	if (f->type == FT_LOOKUP && f->via && f->target) {
		if (!json_array_size(r->cells[f->via->index].v))
			return NULL;
		if (f->visiting)
			return NULL;
		f->visiting = true;
		v = lookup(s, r, f);
		f->visiting = false;
		return v;
	}
	if (!field_is_computed(f->type))
		return feed_cell_raw(s, f, r->cells[f->index].v);
	v = cell_json(s, r, f);
	if (v && (f->type == FT_CREATED_BY || f->type == FT_MODIFIED_BY ||
		  f->type == FT_SYNC_SOURCE)) {
		json_t *plain = v;

		v = one(s, f, plain);
		json_decref(plain);
	}
	return v;
}

bool feed_changed(struct feed *f, const struct feed_row *w, size_t i)
{
	struct field *fd = w->r->table->fields[i];
	json_t *now;
	bool same;

	if (i >= w->n || !feed_watches(fd))
		return false;
	if (f->state->quirk.payload_equal && w->direct && w->seen[i] &&
	    !field_is_computed(fd->type))
		return true;
	now = field_is_computed(fd->type) ? feed_cell(f->state, w->r, fd) :
					    json_incref(w->r->cells[i].v);
	same = now == w->before[i] ||
	       (now && w->before[i] && json_equal(now, w->before[i]));
	json_decref(now);
	return !same;
}
