#include "upsert.h"

#include <string.h>

#define MERGE_MAX 3

bool upsert_shape(const json_t *o)
{
	const json_t *list = json_object_get(o, "fieldsToMergeOn");
	size_t n = json_array_size(list);

	if (!json_is_object(o) || json_object_size(o) != 1 || n < 1 ||
	    n > MERGE_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!json_is_string(json_array_get(list, i)))
			return false;
	return true;
}

static bool may_merge(const struct field *f)
{
	return f->type == FT_NUMBER || f->type == FT_TEXT ||
	       f->type == FT_LONG_TEXT || f->type == FT_SELECT ||
	       f->type == FT_SELECTS || f->type == FT_DATE;
}

/* The value sent for a field, by id or by name; NULL: none. */
static const json_t *sent(const struct table *t, const struct write_item *w,
			  const struct field *f)
{
	json_t *o = (json_t *)(uintptr_t)w->fields;

	for (void *it = json_object_iter(o); it;
	     it = json_object_iter_next(o, it))
		if (table_field(t, json_object_iter_key(it)) == f)
			return json_object_iter_value(it);
	return NULL;
}

static bool same(const struct record *r, struct field *const *key,
		 json_t *const *want, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const json_t *v = r->cells[key[i]->index].v;

		if (!v || json_typeof(v) != json_typeof(want[i]))
			return false;
		if (json_is_number(v) ? json_number_value(v) !=
						json_number_value(want[i]) :
					!json_equal(v, want[i]))
			return false;
	}
	return true;
}

static int search(struct table *t, struct write_item *w,
		  struct field *const *key, json_t *const *want, size_t n,
		  struct reply *r)
{
	for (size_t i = 0; i < n; i++)
		if (!want[i])	/* an empty key always makes a new row */
			return 0;
	for (size_t i = 0; i < t->rows_n; i++) {
		if (!same(t->rows[i], key, want, n))
			continue;
		if (w->rec)
			return reply_errorf(r, ERR_VALUE, "Cannot update more "
					    "than one record with the same "
					    "values of the fields to merge on");
		w->rec = t->rows[i];
	}
	return 0;
}

/* The keys are checked as cells first: by typecast "5" is the number 5. */
static int match_one(struct cell_plan *p, struct table *t,
		     struct write_item *w, struct field *const *key, size_t n,
		     struct reply *r)
{
	json_t *want[MERGE_MAX] = { NULL };
	int ret = 0;

	for (size_t i = 0; !ret && i < n; i++) {
		const json_t *v = sent(t, w, key[i]);

		ret = v ? cell_check(p, NULL, key[i], v, &want[i], r) :
			  reply_error(r, ERR_PARAM);
	}
	if (!ret)
		ret = search(t, w, key, want, n, r);
	for (size_t i = 0; i < n; i++)
		json_decref(want[i]);
	return ret;
}

int upsert_match(struct cell_plan *p, struct table *t, const json_t *o,
		 struct write_item *item, size_t n, struct reply *r)
{
	const json_t *list = json_object_get(o, "fieldsToMergeOn");
	size_t keys = json_array_size(list);
	struct field *key[MERGE_MAX];

	for (size_t i = 0; i < keys; i++) {
		const char *s = json_string_value(json_array_get(list, i));

		key[i] = table_field(t, s);
		if (!key[i])
			return reply_errorf(r, ERR_UNKNOWN_FIELD,
					    "Unknown field name: \"%s\"", s);
		if (!may_merge(key[i]))
			return reply_error(r, ERR_PARAM);
	}
	for (size_t i = 0; i < n; i++) {
		if (!item[i].id && match_one(p, t, &item[i], key, keys, r))
			return -1;
		for (size_t k = 0; item[i].rec && k < i; k++)
			if (item[k].rec == item[i].rec)
				return reply_error(r, ERR_RECORDS);
	}
	return 0;
}
