/* -o upsert_key: records are made by an upsert on a field that the user declares
 * to be a key, so that what may have arrived can be repeated. Never on an empty
 * key, which makes a new record each time (airtable-api.md 8.3, 15), and never
 * two of one key in a request. */
#include "flush.h"

#include <stdlib.h>
#include <string.h>

static bool may_merge(const struct schema_field *f)
{
	switch ((int)f->type) { /* airtable-api.md 8.3 */
	case FIELD_SINGLE_LINE_TEXT:
	case FIELD_MULTILINE_TEXT:
	case FIELD_NUMBER:
	case FIELD_SINGLE_SELECT:
	case FIELD_MULTIPLE_SELECTS:
	case FIELD_DATE:
		return true;
	default:
		return false;
	}
}

static bool is_empty(const json_t *v)
{
	return !v || json_is_null(v) ||
	       (json_is_string(v) && json_string_length(v) == 0) ||
	       (json_is_array(v) && json_array_size(v) == 0);
}

const struct schema_field *flush_key(const struct flush_batch *b,
				     const struct schema_table *st,
				     const struct flush_item *it)
{
	const char *name = b->f->c->upsert_key;
	const struct schema_field *f;

	if (!name || !st || it->op.kind != OP_CREATE)
		return NULL;
	f = schema_find_field(st, name);
	return f && may_merge(f) &&
			       !is_empty(json_object_get(it->changes,
							 f->id.s)) ?
		       f : NULL;
}

bool flush_goes_with(const struct flush_batch *part,
		     const struct schema_field *key,
		     const struct flush_item *it)
{
	size_t i;

	if (!key)
		return part->merge_on.s[0] == '\0';
	if (strcmp(part->merge_on.s, key->id.s) != 0)
		return false;
	for (i = 0; i < part->n; i++)
		if (json_equal(json_object_get(part->items[i].changes,
					       key->id.s),
			       json_object_get(it->changes, key->id.s)))
			return false;
	return true;
}

/* Still unknown to the user: an earlier try may have arrived. */
static bool repeat_locked(struct flush_batch *b, struct flush_item *it)
{
	struct cache *c = b->f->c;
	struct live *l = live_find(&c->live, it->key);
	struct live_op *o;

	flush_note_sent(c, &it->op);
	if (flush_move_locked(b->f, it, OP_QUEUED) < 0)
		return false;
	o = l ? live_find_op(l, it->op.id) : NULL;
	if (o)
		o->maybe = o->busy = true;
	return o != NULL;
}

void flush_repeat_keyed(struct flush_batch *b)
{
	struct flush_batch *out = calloc(1, sizeof(*out));
	struct cache *c = b->f->c;
	const struct schema_table *st;
	struct schema *s;
	size_t i, left = 0;

	if (out)
		out->items = calloc(b->n, sizeof(*out->items));
	if (!out || !out->items) {
		free(out);
		return; /* looked for instead */
	}
	out->f = b->f;
	out->t = b->t;
	out->kind = b->kind;
	lock_take(&c->mu);
	st = tree_schema_locked(b->t, &s);
	for (i = 0; i < b->n; i++) {
		struct flush_item it = b->items[i];

		if (flush_key(b, st, &it) && repeat_locked(b, &it))
			out->items[out->n++] = it;
		else
			b->items[left++] = it;
	}
	for (i = left; i < b->n; i++)
		memset(&b->items[i], 0, sizeof(b->items[i]));
	b->n = left;
	schema_unref(s);
	lock_drop(&c->mu);
	if (out->n)
		flush_send(out);
	else
		flush_batch_free(out);
}
