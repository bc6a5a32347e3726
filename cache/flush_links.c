/* Links to records that are still to be made. What is saved names them by their
 * local id; when the server has given the real one journal_adopt writes that in
 * its place. Until then whoever links to them waits, so that records that are
 * made go first.
 *
 * Where new records link to each other in a ring (or one to itself) none could
 * be first: then a record is made without such a link, and an update behind it
 * brings the link. */
#include "flush.h"

#include <stdlib.h>
#include <string.h>

#include "save.h"

#define DEPTH_MAX 32 /* of a chain of new records; a longer one just waits */

static bool is_local_id(const json_t *v)
{
	return json_is_string(v) &&
	       strncmp(json_string_value(v), "new-", 4) == 0;
}

/* ---- whom does it wait for? ---- */

static struct live *linked(struct cache *c, const struct base *base,
			   const struct schema_field *f, const char *id)
{
	struct table *t = tree_find_table_locked(c, &base->id,
						 &f->linked_table);
	struct store_row row;
	struct live *l;

	if (!t || store_find_id(c->store, t->no, id, STORE_META, &row) < 0)
		return NULL;
	l = live_find(&c->live, (struct rec_key){ t->no, row.seq });
	store_row_release(&row);
	return l;
}

/* The create of a new record that is not on its way; into *ret. */
static bool open_create(struct cache *c, const struct live *l, struct op *ret)
{
	size_t i;

	for (i = 0; i < l->ops_n; i++)
		if (l->ops[i].kind == OP_CREATE)
			return journal_get(c->journal, l->ops[i].id, false,
					   ret) == 0;
	return false;
}

/* Does what l is made with lead to the record goal? */
static bool leads_to(struct cache *c, struct live *l, const char *goal,
		     unsigned depth)
{
	struct table *t = tree_table_locked(c, l->key.table);
	const struct schema_table *st;
	struct op o = { 0 };
	struct schema *s;
	json_t *changes, *v, *item;
	const char *key;
	bool found = strcmp(l->record, goal) == 0;
	size_t i;

	if (found || depth == 0 || !t || !open_create(c, l, &o))
		return found;
	changes = json_from_text(o.changes);
	op_clear(&o);
	st = tree_schema_locked(t, &s);
	json_object_foreach(changes, key, v) {
		const struct schema_field *f =
			st ? schema_find_field(st, key) : NULL;

		if (!f || f->type != FIELD_RECORD_LINKS)
			continue;
		json_array_foreach(v, i, item) {
			struct live *next = !is_local_id(item) ? NULL :
				linked(c, t->base, f, json_string_value(item));

			if (!found && next)
				found = leads_to(c, next, goal, depth - 1);
		}
	}
	schema_unref(s);
	json_decref(changes);
	return found;
}

static bool is_stuck(const struct live *l)
{
	return l->ops_n && (l->ops[0].state == OP_REJECTED ||
			    l->ops[0].state == OP_CONFLICT);
}

/* ---- what becomes of it ---- */

static void tell(struct cache *c, struct live *l, int err, const char *reason,
		 const char *hint)
{
	struct save_error e = { 0 };

	save_error_set(&e, err, "%s", reason);
	snprintf(e.hint, sizeof(e.hint), "%s", hint);
	save_refused_locked(c, l, &e);
}

/* A copy of a list of links without those that are in a ring. */
static json_t *without(const json_t *list, const json_t *ring)
{
	json_t *out = json_array(), *item, *r;
	size_t i, k;

	json_array_foreach(list, i, item) {
		bool in = false;

		json_array_foreach(ring, k, r)
			in |= json_equal(item, r);
		if (!in)
			json_array_append(out, item);
	}
	return out;
}

/* The create goes without the links of the ring, an update brings them. */
static int split(struct flush *f, struct live *l, struct flush_item *it,
		 const json_t *rings)
{
	struct recfile_edit rest = { .changes = json_object(),
				     .before = json_object(),
				     .after = json_object() };
	struct cache *c = f->c;
	struct op full = { 0 };
	const char *key;
	json_t *ring, *left;
	int r;

	json_object_foreach((json_t *)rings, key, ring) {
		json_object_set(rest.changes, key,
				json_object_get(it->changes, key));
		json_object_set(rest.after, key,
				json_object_get(it->after, key));
		left = without(json_object_get(it->changes, key), ring);
		json_object_set_new(rest.before, key, json_array_size(left) ?
				    json_incref(left) : json_null());
		json_object_set(it->changes, key, left);
		json_object_set_new(it->after, key, json_array_size(left) ?
				    left : (json_decref(left), json_null()));
	}
	r = journal_get(c->journal, it->op.id, true, &full);
	if (r == 0) /* first: to bring a link twice does no harm */
		r = save_add_op(c, l, OP_UPDATE, &rest, full.bytes,
				full.bytes_n, 0);
	recfile_edit_release(&rest);
	if (r == 0) {
		rest.changes = json_incref(it->changes);
		rest.before = json_incref(it->before);
		rest.after = json_incref(it->after);
		r = save_set_edit(&it->op, &rest);
		if (r == 0)
			r = journal_rewrite(c->journal, &it->op);
		recfile_edit_release(&rest);
	}
	op_clear(&full);
	return r;
}

static enum flush_links judge_item(struct cache *c, struct live *l,
				   const struct flush_item *it,
				   const struct base *base,
				   const struct schema_field *f,
				   const json_t *item, json_t *rings)
{
	struct live *to = linked(c, base, f, json_string_value(item));
	json_t *ring;

	if (!to || (to->ops_n == 0 && !to->has_draft))
		return FLUSH_LINKS_GONE;
	if (it->op.kind == OP_CREATE &&
	    leads_to(c, to, l->record, DEPTH_MAX)) {
		ring = json_object_get(rings, f->id.s);
		if (!ring) {
			ring = json_array();
			json_object_set_new(rings, f->id.s, ring);
		}
		json_array_append(ring, (json_t *)item);
		return FLUSH_LINKS_READY;
	}
	if (is_stuck(to))
		tell(c, l, -EAGAIN, "it links to a new record that could not "
		     "be made", "mend that record, or take the link out");
	return FLUSH_LINKS_WAIT;
}

enum flush_links flush_links_locked(struct flush *f, struct table *t,
				    struct live *l, struct flush_item *it)
{
	enum flush_links all = FLUSH_LINKS_READY, one;
	const struct schema_table *st;
	json_t *rings, *v, *item;
	struct schema *s;
	const char *key;
	size_t i;

	if (it->op.kind == OP_DELETE || !it->op.changes ||
	    !strstr(it->op.changes, "\"new-"))
		return all;
	rings = json_object();
	st = tree_schema_locked(t, &s);
	json_object_foreach(it->changes, key, v) {
		const struct schema_field *fd =
			st ? schema_find_field(st, key) : NULL;

		if (!fd || fd->type != FIELD_RECORD_LINKS)
			continue;
		json_array_foreach(v, i, item) {
			if (!is_local_id(item))
				continue;
			one = judge_item(f->c, l, it, t->base, fd, item, rings);
			if (one > all)
				all = one;
		}
	}
	schema_unref(s);
	if (all == FLUSH_LINKS_READY && json_object_size(rings) &&
	    split(f, l, it, rings) < 0)
		all = FLUSH_LINKS_WAIT;
	json_decref(rings);
	return all;
}
