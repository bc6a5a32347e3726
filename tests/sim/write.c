#include "write.h"

#include <stdlib.h>
#include <string.h>

#include "blob.h"
#include "cell.h"
#include "mem.h"
#include "recjson.h"
#include "upsert.h"

/* Shape of the body first (422), then access (403), then the values. */
struct batch {
	struct sim *sim;
	struct call *call;
	struct write_item item[WRITE_BATCH_MAX];
	size_t n;
	bool single;
	bool replace;
	bool by_id;
	const json_t *upsert;
	struct cell_plan plan;
};

static void release(struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		for (size_t k = 0; k < b->item[i].n; k++)
			json_decref(b->item[i].cell[k].v);
		free(b->item[i].cell);
	}
	cell_plan_release(&b->plan);
}

static int flags(struct batch *b, struct reply *r)
{
	static const char *const keys[] = { "fields", "records", "typecast",
					    "returnFieldsByFieldId",
					    "performUpsert", NULL };
	const json_t *o = b->call->json;
	const json_t *cast = json_object_get(o, "typecast");
	const json_t *ids = json_object_get(o, "returnFieldsByFieldId");

	if (b->call->query.n || !call_only_keys(o, keys) ||
	    (cast && !json_is_boolean(cast)) ||
	    (ids && !json_is_boolean(ids)))
		return reply_error(r, ERR_PARAM);
	b->plan.typecast = json_is_true(cast);
	b->by_id = json_is_true(ids);
	return 0;
}

static int single(struct batch *b, const char *id, struct reply *r)
{
	const json_t *f = json_object_get(b->call->json, "fields");

	if (!f)
		return reply_error(r, ERR_MISSING_FIELDS);
	if (!json_is_object(f) || json_object_get(b->call->json, "records") ||
	    json_object_get(b->call->json, "performUpsert"))
		return reply_error(r, ERR_PARAM);
	b->single = true;
	b->n = 1;
	b->item[0].id = id;
	b->item[0].fields = f;
	return 0;
}

static int many(struct batch *b, bool create, struct reply *r)
{
	static const char *const keys[] = { "id", "fields", NULL };
	const json_t *list = json_object_get(b->call->json, "records");
	size_t n = json_array_size(list);

	if (json_object_get(b->call->json, "fields"))
		return reply_error(r, ERR_PARAM);
	if (!json_is_array(list) || !n)
		return reply_error(r, ERR_RECORDS);
	if (n > WRITE_BATCH_MAX && create)
		return reply_errorf(r, ERR_RECORDS, "A maximum of 10 records "
				    "can be created per request but you have "
				    "provided %zu.", n);
	if (n > WRITE_BATCH_MAX)
		return reply_error(r, ERR_RECORDS);
	for (size_t i = 0; i < n; i++) {
		const json_t *e = json_array_get(list, i);
		const json_t *id = json_object_get(e, "id");
		struct write_item *w = &b->item[i];

		w->fields = json_object_get(e, "fields");
		if (!json_is_object(e) || !call_only_keys(e, keys + create) ||
		    !json_is_object(w->fields) ||
		    (!create && !b->upsert && !id) ||
		    (id && (!json_is_string(id) ||
			    !id_is(json_string_value(id), "rec"))))
			return reply_error(r, ERR_RECORDS);
		w->id = json_string_value(id);
	}
	b->n = n;
	return 0;
}

/* One value per field, be it by name or by id, and one record once per
 * batch; sending either twice has no documented meaning, so it is refused. */
static bool twice(const struct write_item *w, const struct field *f)
{
	for (size_t k = 0; k < w->n; k++)
		if (w->cell[k].field == f)
			return true;
	return false;
}

static int check_item(struct batch *b, struct write_item *w, struct reply *r)
{
	struct table *t = b->call->table;
	json_t *o = (json_t *)(uintptr_t)w->fields;

	w->cell = sim_alloc((t->fields_n + json_object_size(o)) *
			    sizeof(*w->cell));
	for (void *it = json_object_iter(o); it;
	     it = json_object_iter_next(o, it)) {
		const char *key = json_object_iter_key(it);
		struct field *f = table_field(t, key);
		json_t *v;

		if (!f)
			return reply_errorf(r, ERR_UNKNOWN_FIELD,
					    "Unknown field name: \"%s\"", key);
		if (twice(w, f))
			return reply_error(r, ERR_PARAM);
		if (call_may_write(b->sim, b->call, f, r) ||
		    cell_check(&b->plan, w->rec, f, json_object_iter_value(it),
			       &v, r))
			return -1;
		w->cell[w->n].field = f;
		w->cell[w->n++].v = v;
	}
	for (size_t i = 0; b->replace && w->rec && i < t->fields_n; i++) {
		struct field *f = t->fields[i];

		if (field_is_computed(f->type) || twice(w, f) ||
		    (f->no_write && !b->call->as_user) ||
		    !w->rec->cells[i].v)
			continue;
		w->cell[w->n].field = f;
		w->cell[w->n++].v = cell_cleared(w->rec, f);
	}
	return 0;
}

static int find_record(struct batch *b, struct write_item *w, struct reply *r)
{
	if (!w->id)
		return 0;
	w->rec = base_record(b->call->base, w->id);
	if (!w->rec || w->rec->table != b->call->table)
		return reply_errorf(r, ERR_ROW, "Record ID %s does not exist "
				    "in this table", w->id);
	for (struct write_item *o = b->item; o < w; o++)
		if (o->rec == w->rec)
			return reply_error(r, ERR_RECORDS);
	return 0;
}

/* By switch an equal value leaves no trace. */
static bool is_equal(const struct batch *b, const struct write_item *w,
		     size_t k, const json_t *v)
{
	const json_t *old = w->rec->cells[w->cell[k].field->index].v;

	return b->sim->state->quirk.silent_equal &&
	       (old == v || (old && v && json_equal(old, v)));
}

static void commit(struct batch *b)
{
	const struct actor *a = &b->call->actor;

	cell_plan_commit(&b->plan);
	for (size_t i = 0; i < b->n; i++) {
		struct write_item *w = &b->item[i];

		w->created = !w->rec;
		if (w->created)
			w->rec = table_add_record(b->sim->state,
						  b->call->table, NULL, a);
		for (size_t k = 0; k < w->n; k++) {
			json_t *v = w->cell[k].v;

			w->cell[k].v = NULL;
			if (w->created ? !v : is_equal(b, w, k, v))
				json_decref(v);
			else
				record_set(w->rec, w->cell[k].field, v, a);
		}
	}
}

static void ids_of(const struct batch *b, bool created, struct buf *out)
{
	const char *sep = "";

	for (size_t i = 0; i < b->n; i++) {
		if (b->item[i].created != created)
			continue;
		buf_printf(out, "%s\"%s\"", sep, b->item[i].rec->id);
		sep = ",";
	}
}

/* By switch: the note that attachments could not be fetched. */
static void partial(struct batch *b, struct reply *r)
{
	struct attachments *t = b->sim->state->files;

	if (!t->partial)
		return;
	t->partial -= t->partial > 0;
	buf_str(&r->body, ",\"details\":{\"message\":\"partialSuccess\","
		"\"reasons\":[\"attachmentsFailedUploading\"]}");
}

static void answer(struct batch *b, struct reply *r)
{
	struct recjson_opt o = { .by_id = b->by_id };

	if (!b->single)
		buf_str(&r->body, "{\"records\":[");
	for (size_t i = 0; i < b->n; i++) {
		if (i)
			buf_chr(&r->body, ',');
		recjson_write(b->sim->state, b->item[i].rec, &o, &r->body);
	}
	if (b->single)
		return;
	buf_chr(&r->body, ']');
	if (b->upsert) {
		buf_str(&r->body, ",\"createdRecords\":[");
		ids_of(b, true, &r->body);
		buf_str(&r->body, "],\"updatedRecords\":[");
		ids_of(b, false, &r->body);
		buf_chr(&r->body, ']');
	}
	partial(b, r);
	buf_chr(&r->body, '}');
}

static size_t base_size(const struct base *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->tables_n; i++)
		n += b->tables[i]->rows_n;
	return n;
}

/* A table permission may forbid new rows, also those of a typecast. */
static int check_create(struct batch *b, struct reply *r)
{
	size_t most = (size_t)b->sim->state->quirk.max_records;
	size_t fresh = b->plan.rows_n;

	for (size_t i = 0; i < b->n; i++) {
		if (b->item[i].rec)
			continue;
		if (call_may_add(b->call, b->call->table, r))
			return -1;
		fresh++;
	}
	for (size_t i = 0; i < b->plan.rows_n; i++)
		if (call_may_add(b->call, b->plan.rows[i].table, r))
			return -1;
	if (fresh && most && base_size(b->call->base) + fresh > most)
		return reply_error(r, ERR_RECORD_LIMIT);
	return 0;
}

static int apply(struct batch *b, struct reply *r)
{
	b->plan.state = b->sim->state;
	b->plan.actor = b->call->actor;
	b->plan.level = b->call->level;
	for (size_t i = 0; i < b->n; i++)
		if (find_record(b, &b->item[i], r))
			return -1;
	if (b->upsert && upsert_match(&b->plan, b->call->table, b->upsert,
				      b->item, b->n, r))
		return -1;
	for (size_t i = 0; i < b->n; i++)
		if (check_item(b, &b->item[i], r))
			return -1;
	if (check_create(b, r))
		return -1;
	commit(b);
	answer(b, r);
	return 0;
}

int write_create(struct sim *s, struct call *c, struct reply *r)
{
	struct batch b = { .sim = s, .call = c };
	int ret;

	ret = flags(&b, r);
	if (!ret && json_object_get(c->json, "performUpsert"))
		ret = reply_error(r, ERR_PARAM);
	if (!ret)
		ret = json_object_get(c->json, "records") ?
			      many(&b, true, r) : single(&b, NULL, r);
	if (!ret)
		ret = call_open_table(s, c, 1, SC_RECORDS_WRITE, LV_EDIT, r);
	if (!ret)
		ret = apply(&b, r);
	release(&b);
	return ret;
}

int write_update(struct sim *s, struct call *c, bool replace, struct reply *r)
{
	struct batch b = { .sim = s, .call = c, .replace = replace };
	int ret;

	ret = flags(&b, r);
	b.upsert = json_object_get(c->json, "performUpsert");
	if (!ret && b.upsert && !upsert_shape(b.upsert))
		ret = reply_error(r, ERR_PARAM);
	if (!ret)
		ret = c->seg_n == 3 ? single(&b, c->seg[2], r) :
				      many(&b, false, r);
	if (!ret)
		ret = call_open_table(s, c, 1, SC_RECORDS_WRITE, LV_EDIT, r);
	if (!ret)
		ret = apply(&b, r);
	release(&b);
	return ret;
}
