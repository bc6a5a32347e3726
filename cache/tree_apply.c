/* What the server says of bases and tables: the list of bases, and a base's
 * schema, put into memory and store, with whatever that changes told. */
#include "airtable/schema_diff.h"
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Never the same twice: the kernel goes by it. */
static int64_t later_than(int64_t before, int64_t now)
{
	return now > before ? now : before + 1;
}

static int store_base_of(struct cache *c, const struct base *b,
			 struct store_base *sb)
{
	(void)c;
	*sb = (struct store_base){ .no = b->no, .id = b->id,
				   .remote_name = b->remote_name,
				   .schema_at_ms = b->schema_at_ms,
				   .listed = b->listed };
	memcpy(sb->name, b->name, sizeof(sb->name));
	memcpy(sb->permission, b->permission, sizeof(sb->permission));
	return 0;
}

static int unlist_missing_bases(struct cache *c, const bool *seen, size_t n,
				bool *changed)
{
	size_t i;
	int r;

	for (i = 0; i < c->bases_n; i++) {
		struct base *b = c->bases[i];
		struct store_base sb;

		if (!b || !b->listed || (i < n && seen[i]))
			continue;
		b->listed = false;
		*changed = true;
		store_base_of(c, b, &sb);
		r = store_put_base(c->store, &sb);
		if (r < 0)
			return r;
	}
	return 0;
}

static void tell_modes(const struct cache *c, const struct base *b,
		       struct after *a)
{
	size_t i;

	for (i = 0; i < c->tables_n; i++)
		if (c->tables[i] && c->tables[i]->base == b)
			after_table(a, c->tables[i]->no);
}

static int apply_base(struct cache *c, json_t *j, bool **seen, size_t *seen_n,
		      bool *changed, struct after *a)
{
	const char *id = json_string_value(json_object_get(j, "id"));
	const char *name = json_string_value(json_object_get(j, "name"));
	const char *perm =
		json_string_value(json_object_get(j, "permissionLevel"));
	struct store_base sb = { .listed = true };
	struct base *b;
	int r;

	if (!id || !id_is_valid(id, "app"))
		return 0; /* not ours to name */
	if (!tree_base_is_wanted(c, id, name ? name : ""))
		return 0;
	id_copy(sb.id.s, id);
	sb.remote_name = (char *)(name ? name : "");
	strncat(sb.permission, perm ? perm : "create",
		sizeof(sb.permission) - 1);
	r = store_put_base(c->store, &sb);
	if (r < 0)
		return r;
	b = tree_base_locked(c, sb.no);
	if (!b || !b->listed || strcmp(b->name, sb.name) != 0 ||
	    strcmp(b->permission, sb.permission) != 0)
		*changed = true;
	if (b && strcmp(b->permission, sb.permission) != 0)
		tell_modes(c, b, a);
	if (b)
		sb.schema_at_ms = b->schema_at_ms;
	b = tree_base_at(c, &sb);
	if (!b)
		return -ENOMEM;
	if (b->names_at_ms == 0)
		b->names_at_ms = clock_wall_ms(c->clock);
	if (sb.no > *seen_n) {
		bool *p = realloc(*seen, sb.no * sizeof(*p));

		if (!p)
			return -ENOMEM;
		memset(p + *seen_n, 0, (sb.no - *seen_n) * sizeof(*p));
		*seen = p;
		*seen_n = sb.no;
	}
	(*seen)[sb.no - 1] = true;
	return 0;
}

static json_t *find_base(json_t *bases, const char *id)
{
	size_t i;
	json_t *j;

	json_array_foreach(bases, i, j) {
		const char *x = json_string_value(json_object_get(j, "id"));

		if (x && strcmp(x, id) == 0)
			return j;
	}
	return NULL;
}

/* As free_names() below. */
static int free_base_names(struct cache *c, json_t *bases)
{
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < c->bases_n; i++) {
		struct base *b = c->bases[i];
		const char *name;
		struct store_base sb;

		if (!b || !b->listed)
			continue;
		name = json_string_value(json_object_get(
			find_base(bases, b->id.s), "name"));
		if (name && strcmp(name, b->remote_name) == 0)
			continue;
		store_base_of(c, b, &sb);
		sb.listed = false;
		r = store_put_base(c->store, &sb);
	}
	return r;
}

static int apply_bases_locked(struct cache *c, json_t *bases, bool *changed,
			      struct after *a)
{
	bool *seen = NULL;
	size_t seen_n = 0, i;
	char text[32];
	json_t *j;
	int r = store_begin(c->store);

	if (r < 0)
		return r;
	r = free_base_names(c, bases);
	for (i = 0; r == 0 && i < json_array_size(bases); i++) {
		j = json_array_get(bases, i);
		r = apply_base(c, j, &seen, &seen_n, changed, a);
	}
	if (r == 0)
		r = unlist_missing_bases(c, seen, seen_n, changed);
	free(seen);
	if (r == 0) {
		snprintf(text, sizeof(text), "%lld",
			 (long long)clock_wall_ms(c->clock));
		r = store_set_value(c->store, "bases_at_ms", text);
	}
	if (r < 0) {
		store_rollback(c->store);
		return r;
	}
	return store_commit(c->store);
}

int tree_apply_bases(struct cache *c, json_t *bases, struct after *a)
{
	bool changed = false;
	int r;

	lock_take(&c->mu);
	r = apply_bases_locked(c, bases, &changed, a);
	if (r == 0) {
		c->bases_at_ms = clock_wall_ms(c->clock);
		if (changed || !c->bases_known) {
			c->bases_names_at_ms = later_than(c->bases_names_at_ms,
							  c->bases_at_ms);
			after_dir(a, 0);
		}
		c->bases_known = true;
	}
	lock_drop(&c->mu);
	return r;
}

static int apply_table(struct cache *c, struct base *b,
		       const struct schema_table *nt, struct schema *old,
		       bool *changed)
{
	const struct schema_table *ot = old ? schema_find_table(old, nt->id.s) :
					      NULL;
	struct table *t = tree_find_table_locked(c, &b->id, &nt->id);
	struct store_table st;
	unsigned differs = 0;
	int r;

	if (t)
		st = tree_row_of(t);
	else
		st = (struct store_table){
			.base_no = b->no, .id = nt->id, .schema_gen = 1,
			/* stands while the names are read: nothing moved */
			.names_at_ms = clock_wall_ms(c->clock),
		};
	st.remote_name = nt->name;
	st.listed = true;
	if (t)
		differs = ot ? schema_diff(ot, nt) :
			       SCHEMA_FILES_DIFFER | SCHEMA_CELLS_DIFFER;
	if (differs & SCHEMA_FILES_DIFFER)
		st.schema_gen++;
	if (differs & SCHEMA_CELLS_DIFFER)
		st.server_at_ms = 0; /* a new field is no change of a record */
	r = store_put_table(c->store, &st);
	if (r < 0)
		return r;
	if (!t || !t->listed || strcmp(t->name, st.name) != 0)
		*changed = true;
	t = tree_table_at(c, b, &st);
	if (!t)
		return -ENOMEM;
	if (differs & SCHEMA_CELLS_DIFFER) {
		t->reread = true;
		t->touched_at_ms = 0;
	}
	if (differs & SCHEMA_FILES_DIFFER) {
		t->remake = true;
		t->remade = 0;
		remake_want_locked(c, t);
	}
	return 0;
}

/* Tables that are gone, and those with another name, hold no name any more
 * while the names of the others are chosen. */
static int free_names(struct cache *c, const struct base *b,
		      const struct schema *s)
{
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < c->tables_n; i++) {
		struct table *t = c->tables[i];
		const struct schema_table *nt;
		struct store_table st;

		if (!t || t->base != b || !t->listed)
			continue;
		nt = schema_find_table(s, t->id.s);
		if (nt && strcmp(nt->name, t->remote_name) == 0)
			continue;
		st = tree_row_of(t);
		st.listed = false;
		r = store_put_table(c->store, &st);
	}
	return r;
}

static int apply_schema_locked(struct cache *c, struct base *b,
			       struct schema *s, bool *changed)
{
	struct store_base sb;
	char *text = NULL;
	size_t i;
	int r = store_begin(c->store);

	if (r < 0)
		return r;
	r = free_names(c, b, s);
	for (i = 0; r == 0 && i < s->tables_n; i++)
		r = apply_table(c, b, &s->tables[i], b->schema, changed);
	for (i = 0; r == 0 && i < c->tables_n; i++) {
		struct table *t = c->tables[i];

		if (!t || t->base != b || !t->listed ||
		    schema_find_table(s, t->id.s))
			continue;
		t->listed = false; /* so the store has it since free_names() */
		*changed = true;
	}
	if (r == 0) {
		store_base_of(c, b, &sb);
		sb.schema_at_ms = clock_wall_ms(c->clock);
		text = json_dumps(s->json, JSON_COMPACT);
		sb.schema = text;
		r = text ? store_put_base(c->store, &sb) : -ENOMEM;
	}
	free(text);
	if (r < 0) {
		store_rollback(c->store);
		return r;
	}
	return store_commit(c->store);
}

int tree_apply_schema(struct cache *c, uint32_t base_no, struct schema *s,
		      struct after *a)
{
	struct schema *old = NULL;
	bool changed = false;
	struct base *b;
	int r = -ENOENT;

	lock_take(&c->mu);
	b = tree_base_locked(c, base_no);
	if (b)
		r = apply_schema_locked(c, b, s, &changed);
	if (r == 0) {
		old = b->schema;
		b->schema = schema_ref(s);
		b->schema_at_ms = clock_wall_ms(c->clock);
		if (changed && old)
			b->names_at_ms = later_than(b->names_at_ms,
						    b->schema_at_ms);
		if (changed || !old) /* the first time it is the link count */
			after_dir(a, base_no);
	}
	lock_drop(&c->mu);
	schema_unref(old);
	return r;
}
