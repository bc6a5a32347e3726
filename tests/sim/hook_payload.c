#include "webhook.h"

#include <string.h>

#include "timefmt.h"

/* One hook's view of one call. */
struct pack {
	struct hook *h;
	struct feed *feed;
	const json_t *filters;
	const json_t *includes;
	json_t *out;
	bool written;		/* cells that were written */
	bool computed;		/* cells that were computed anew */
};

static bool holds(const json_t *list, const char *s)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!strcmp(json_string_value(json_array_get(list, i)), s))
			return true;
	return false;
}

/* A filter that is absent lets everything through. */
static bool wants(const struct pack *p, const char *key, const char *s)
{
	const json_t *list = json_object_get(p->filters, key);

	return !list || holds(list, s);
}

static json_t *child(json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);

	if (!v) {
		v = json_object();
		json_object_set_new(o, key, v);
	}
	return v;
}

static void append(json_t *o, const char *key, const char *id)
{
	json_t *v = json_object_get(o, key);

	if (!v) {
		v = json_array();
		json_object_set_new(o, key, v);
	}
	json_array_append_new(v, json_string(id));
}

static json_t *or_null(json_t *v)
{
	return v ? v : json_null();
}

static void created_row(struct pack *p, const struct feed_row *w, json_t *to)
{
	json_t *row = child(child(to, "createdRecordsById"), w->r->id);
	json_t *cells = child(row, "cellValuesByFieldId");
	char t[TIME_CAP];

	time_iso(w->r->created_s * 1000, t);
	json_object_set_new(row, "createdTime", json_string(t));
	for (size_t i = 0; i < w->r->table->fields_n; i++) {
		struct field *f = w->r->table->fields[i];
		json_t *v = feed_cell(p->feed->state, w->r, f);

		if (v)
			json_object_set_new(cells, f->id, v);
	}
}

static void unchanged(struct pack *p, const struct feed_row *w, json_t *row)
{
	const json_t *want = json_object_get(p->includes,
					     "includeCellValuesInFieldIds");
	const json_t *now = json_object_get(json_object_get(row, "current"),
					    "cellValuesByFieldId");
	json_t *cells;

	if (!want)
		return;
	cells = child(child(row, "unchanged"), "cellValuesByFieldId");
	for (size_t i = 0; i < w->r->table->fields_n; i++) {
		struct field *f = w->r->table->fields[i];
		json_t *v;

		if ((json_is_array(want) && !holds(want, f->id)) ||
		    json_object_get(now, f->id))
			continue;
		v = feed_cell(p->feed->state, w->r, f);
		if (v)
			json_object_set_new(cells, f->id, v);
	}
}

/* False if no watched cell differs. */
static bool changed_row(struct pack *p, const struct feed_row *w, json_t *to)
{
	bool old = json_is_true(json_object_get(p->includes,
						"includePreviousCellValues"));
	struct table *t = w->r->table;
	json_t *row = NULL;

	for (size_t i = 0; i < t->fields_n && i < w->n; i++) {
		struct field *f = t->fields[i];
		json_t *v;

		if (!(field_is_computed(f->type) ? p->computed : p->written) ||
		    !wants(p, "watchDataInFieldIds", f->id) ||
		    !feed_changed(p->feed, w, i))
			continue;
		if (!row)
			row = child(child(to, "changedRecordsById"),
				    w->r->id);
		v = feed_cell(p->feed->state, w->r, f);
		json_object_set_new(child(child(row, "current"),
					  "cellValuesByFieldId"), f->id,
				    or_null(v));
		if (!old)
			continue;
		v = feed_cell_raw(p->feed->state, f, w->before[i]);
		json_object_set_new(child(child(row, "previous"),
					  "cellValuesByFieldId"), f->id,
				    or_null(v));
	}
	if (row)
		unchanged(p, w, row);
	return row != NULL;
}

/* Where a row's changes belong: its table, or a view of it; NULL outside
 * the hook's scope. */
static void one_row(struct pack *p, const struct feed_row *w)
{
	const char *scope = json_string_value(
		json_object_get(p->filters, "recordChangeScope"));
	struct table *t = w->r->table;
	bool was = !w->created, is = !w->destroyed;
	json_t *tables = json_object_get(p->out, "changedTablesById");
	json_t *fresh = json_object();
	json_t *to = fresh;

	if (base_table(p->feed->base, t->id) != t ||
	    (w->direct ? !p->written && (!was || !is) : !p->computed)) {
		json_decref(fresh);	/* went with its table, or is told
					 * in the other payload */
		return;
	}
	if (scope && !strncmp(scope, "viw", 3)) {
		size_t k = 0;

		while (k < t->views_n && strcmp(t->views[k].id, scope) != 0)
			k++;
		if (k == t->views_n) {
			json_decref(fresh);
			return;
		}
		was = was && (w->was_in >> k & 1);
		is = is && (feed_views(p->feed->state, w->r) >> k & 1);
	} else if (scope && strcmp(scope, t->id) != 0) {
		json_decref(fresh);
		return;
	}
	if (!was && is && wants(p, "changeTypes", "add"))
		created_row(p, w, to);
	else if (was && !is && wants(p, "changeTypes", "remove"))
		append(to, "destroyedRecordIds", w->r->id);
	else if (was && is && wants(p, "changeTypes", "update"))
		changed_row(p, w, to);
	if (json_object_size(fresh)) {
		tables = child(child(p->out, "changedTablesById"), t->id);
		if (scope && !strncmp(scope, "viw", 3))
			tables = child(child(tables, "changedViewsById"),
				       scope);
		for (void *it = json_object_iter(fresh); it;
		     it = json_object_iter_next(fresh, it)) {
			const char *key = json_object_iter_key(it);
			json_t *v = json_object_iter_value(it);
			json_t *have = json_object_get(tables, key);

			if (!have)
				json_object_set(tables, key, v);
			else if (json_is_array(have))
				json_array_extend(have, v);
			else
				json_object_update(have, v);
		}
	}
	json_decref(fresh);
}

static bool event_type_wanted(const struct pack *p, enum feed_kind k)
{
	const json_t *types = json_object_get(p->filters, "dataTypes");
	bool of_field = k >= FEED_FIELD_MADE;
	const char *change = k == FEED_TABLE_MADE || k == FEED_FIELD_MADE ?
			     "add" :
			     k == FEED_TABLE_GONE || k == FEED_FIELD_GONE ?
			     "remove" : "update";

	if (!holds(types, of_field ? "tableFields" : "tableMetadata") &&
	    !(k <= FEED_TABLE_GONE && k != FEED_TABLE_CHANGED &&
	      holds(types, "tableFields")))
		return false;
	return wants(p, "changeTypes", change);
}

static void pair(struct pack *p, const struct feed_event *e, json_t *to)
{
	json_object_set(to, "current", e->current);
	if (json_is_true(json_object_get(p->includes,
					 "includePreviousFieldDefinitions")))
		json_object_set(to, "previous", e->previous);
}

static void one_event(struct pack *p, const struct feed_event *e)
{
	const char *scope = json_string_value(
		json_object_get(p->filters, "recordChangeScope"));
	json_t *t;

	if (!event_type_wanted(p, e->kind) ||
	    (scope && !strncmp(scope, "tbl", 3) && strcmp(scope, e->table)) ||
	    (*e->field && e->kind != FEED_FIELD_MADE &&
	     !wants(p, "watchSchemasOfFieldIds", e->field)))
		return;
	if (e->kind == FEED_TABLE_GONE) {
		append(p->out, "destroyedTableIds", e->table);
		return;
	}
	if (e->kind == FEED_TABLE_MADE) {
		json_object_set(child(p->out, "createdTablesById"), e->table,
				e->current);
		return;
	}
	t = child(child(p->out, "changedTablesById"), e->table);
	if (e->kind == FEED_TABLE_CHANGED)
		pair(p, e, child(t, "changedMetadata"));
	else if (e->kind == FEED_FIELD_MADE)
		json_object_set(child(t, "createdFieldsById"), e->field,
				e->current);
	else if (e->kind == FEED_FIELD_CHANGED)
		pair(p, e, child(child(t, "changedFieldsById"), e->field));
	else
		append(t, "destroyedFieldIds", e->field);
}

static json_t *envelope(const struct state *s, const struct base *b,
			uint32_t user, const char *source, int64_t now_ms)
{
	json_t *o = json_object();
	json_t *meta = json_object();
	json_t *u = state_user_json(s, user);
	char t[TIME_CAP];

	time_iso(now_ms, t);
	json_object_set_new(o, "timestamp", json_string(t));
	json_object_set_new(o, "baseTransactionNumber",
			    json_integer((json_int_t)b->transaction));
	json_object_set_new(u, "permissionLevel",
			    json_string(level_name(b->level)));
	json_object_set_new(meta, "source", json_string(source));
	if (!strcmp(source, "client") || !strcmp(source, "publicApi")) {
		json_t *in = json_object();

		json_object_set_new(in, "user", u);
		json_object_set_new(meta, "sourceMetadata", in);
	} else {
		json_decref(u);
	}
	json_object_set_new(o, "actionMetadata", meta);
	json_object_set_new(o, "payloadFormat", json_string("v0"));
	return o;
}

static bool has_changes(const json_t *o)
{
	return json_object_get(o, "changedTablesById") ||
	       json_object_get(o, "createdTablesById") ||
	       json_object_get(o, "destroyedTableIds");
}

/* One payload, if there is anything to tell. */
static void tell(struct pack *p, const struct actor *a, const char *source)
{
	struct feed *f = p->feed;
	bool broken = p->written && hook_spec_broken(f->base, p->h->options);

	p->filters = json_object_get(p->h->options, "filters");
	p->includes = json_object_get(p->h->options, "includes");
	if (!p->h->enabled || (!broken && !wants(p, "fromSources", source)))
		return;
	p->out = envelope(f->state, f->base, a->user, source, a->now_ms);
	for (size_t i = 0; p->written && i < f->events_n; i++)
		one_event(p, &f->events[i]);
	if (holds(json_object_get(p->filters, "dataTypes"), "tableData"))
		for (size_t i = 0; i < f->rows_n; i++)
			if (!(f->rows[i]->created && f->rows[i]->destroyed))
				one_row(p, f->rows[i]);
	if (broken) {
		json_object_set_new(p->out, "error", json_true());
		json_object_set_new(p->out, "code",
				    json_string("INVALID_FILTERS"));
		p->h->enabled = false;
	}
	if (broken || has_changes(p->out))
		hook_push(p->h, p->out, a->now_ms);
	else
		json_decref(p->out);
}

void hooks_note(struct base *b, struct feed *f, const struct actor *a,
		const char *source)
{
	if (!f->rows_n && !f->events_n)
		return;
	b->transaction += 1 + b->transaction % 3;	/* rises, not dense */
	for (size_t i = 0; i < b->hooks_n; i++) {
		struct pack p = { .h = b->hooks[i], .feed = f,
				  .written = true,
				  .computed = f->computed != FEED_SYSTEM };

		tell(&p, a, source);
		if (f->computed != FEED_SYSTEM)
			continue;
		p = (struct pack){ .h = b->hooks[i], .feed = f,
				   .computed = true };
		tell(&p, a, "system");
	}
}

void hook_fail(struct state *s, struct base *b, struct hook *h,
	       const char *code)
{
	int64_t now = state_now_ms(s);
	json_t *o = envelope(s, b, 0, "system", now);

	json_object_set_new(o, "error", json_true());
	json_object_set_new(o, "code", json_string(code));
	h->enabled = false;
	hook_push(h, o, now);
}
