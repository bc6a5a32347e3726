/* The bases and tables in memory: loaded from the store at open, changed by
 * what the network thread brings, never freed while the cache lives. */
#include "airtable/schema_diff.h"
#include "internal.h"

#include <stdlib.h>
#include <string.h>

uint64_t ino_of_id(const char *id)
{
	/* FNV-1a, 64 bit (public constants); the top bit stays free for local
	 * files, and the small numbers for the root. */
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *id; id++)
		h = (h ^ (unsigned char)*id) * UINT64_C(0x100000001b3);
	h &= UINT64_C(0x7fffffffffffffff);
	return h < 1024 ? h + 1024 : h;
}

struct base *tree_base_locked(struct cache *c, uint32_t no)
{
	return no >= 1 && no <= c->bases_n ? c->bases[no - 1] : NULL;
}

struct table *tree_table_locked(struct cache *c, uint32_t no)
{
	return no >= 1 && no <= c->tables_n ? c->tables[no - 1] : NULL;
}

uint64_t ino_below(uint64_t parent, const char *id)
{
	uint64_t h = (parent ^ ino_of_id(id)) * UINT64_C(0x9e3779b97f4a7c15);

	h = (h ^ h >> 32) & UINT64_C(0x7fffffffffffffff);
	return h < 1024 ? h + 1024 : h;
}

/* A copied base may keep the ids of its tables, so the base counts. */
struct table *tree_find_table_locked(struct cache *c,
				     const struct base_id *base,
				     const struct table_id *id)
{
	size_t i;

	for (i = 0; i < c->tables_n; i++)
		if (c->tables[i] && strcmp(c->tables[i]->id.s, id->s) == 0 &&
		    strcmp(c->tables[i]->base->id.s, base->s) == 0)
			return c->tables[i];
	return NULL;
}

bool base_is_writable(const struct cache *c, const struct base *b)
{
	if (c->conf.read_only || rights_write_off_until(c, b))
		return false;
	/* airtable-api.md 7.1: none, read, comment, edit, create; owner occurs
	 * elsewhere. An unknown level may write: the server has the last word.
	 */
	return strcmp(b->permission, "none") != 0 &&
	       strcmp(b->permission, "read") != 0 &&
	       strcmp(b->permission, "comment") != 0;
}

const struct schema_table *tree_schema_locked(const struct table *t,
					      struct schema **ret_s)
{
	const struct schema_table *st;

	*ret_s = NULL;
	if (!t->base->schema)
		return NULL;
	st = schema_find_table(t->base->schema, t->id.s);
	if (st)
		*ret_s = schema_ref(t->base->schema);
	return st;
}

/* Makes room so that index no - 1 exists. */
static int slots(void ***array, size_t *n, uint32_t no)
{
	void **p;
	size_t want = no;

	if (want <= *n)
		return 0;
	p = realloc(*array, want * sizeof(*p));
	if (!p)
		return -ENOMEM;
	memset(p + *n, 0, (want - *n) * sizeof(*p));
	*array = p;
	*n = want;
	return 0;
}

static int set_text(char **dst, const char *src)
{
	char *s = strdup(src ? src : "");

	if (!s)
		return -ENOMEM;
	free(*dst);
	*dst = s;
	return 0;
}

static struct base *base_at(struct cache *c, const struct store_base *sb)
{
	struct base *b;

	if (slots((void ***)&c->bases, &c->bases_n, sb->no) < 0)
		return NULL;
	b = c->bases[sb->no - 1];
	if (!b) {
		b = calloc(1, sizeof(*b));
		if (!b)
			return NULL;
		c->bases[sb->no - 1] = b;
	}
	b->no = sb->no;
	b->id = sb->id;
	if (set_text(&b->remote_name, sb->remote_name) < 0)
		return NULL;
	memcpy(b->name, sb->name, sizeof(b->name));
	memcpy(b->permission, sb->permission, sizeof(b->permission));
	b->listed = sb->listed;
	b->schema_at_ms = sb->schema_at_ms;
	return b;
}

static struct table *table_at(struct cache *c, struct base *b,
			      const struct store_table *st)
{
	struct table *t;

	if (slots((void ***)&c->tables, &c->tables_n, st->no) < 0)
		return NULL;
	t = c->tables[st->no - 1];
	if (!t) {
		t = calloc(1, sizeof(*t));
		if (!t)
			return NULL;
		c->tables[st->no - 1] = t;
	}
	t->no = st->no;
	t->base = b;
	t->id = st->id;
	if (set_text(&t->remote_name, st->remote_name) < 0)
		return NULL;
	memcpy(t->name, st->name, sizeof(t->name));
	t->listed = st->listed;
	t->complete = st->complete;
	t->listed_at_ms = st->listed_at_ms;
	t->names_at_ms = st->names_at_ms;
	t->fresh_at_ms = st->fresh_at_ms;
	t->server_at_ms = st->server_at_ms;
	t->schema_gen = st->schema_gen;
	return t;
}

static bool base_is_wanted(const struct cache *c, const char *id,
			   const char *name)
{
	size_t i;

	if (!c->base_filter || strcmp(c->base_filter, id) == 0)
		return true;
	/* the directories are of this source alone: a base that was found once
	 * stays the one, whatever it is called now */
	for (i = 0; i < c->bases_n; i++)
		if (c->bases[i])
			return strcmp(c->bases[i]->id.s, id) == 0;
	return strcmp(c->base_filter, name) == 0;
}

struct load_ctx {
	struct cache *c;
	struct base *b;
};

static int load_base(void *ctx, const struct store_base *sb)
{
	struct cache *c = ctx;
	struct base *b = base_at(c, sb);

	if (!b)
		return -ENOMEM;
	b->names_at_ms = sb->schema_at_ms;
	if (sb->schema) {
		json_t *root = json_loads(sb->schema, 0, NULL);

		/* what cannot be read is simply asked for again */
		if (root && schema_parse(root, &b->schema) < 0)
			b->schema = NULL;
		json_decref(root);
	}
	return 0;
}

static int load_table(void *ctx, const struct store_table *st)
{
	struct load_ctx *l = ctx;

	return table_at(l->c, l->b, st) ? 0 : -ENOMEM;
}

int tree_load(struct cache *c)
{
	char *at = NULL;
	size_t i;
	int r = store_each_base(c->store, load_base, c);

	for (i = 0; r == 0 && i < c->bases_n; i++) {
		struct load_ctx l = { c, c->bases[i] };

		if (l.b)
			r = store_each_table(c->store, l.b->no, load_table, &l);
	}
	if (r < 0)
		return r;
	if (store_get_value(c->store, "bases_at_ms", &at) == 0) {
		c->bases_at_ms = strtoll(at, NULL, 10);
		c->bases_names_at_ms = c->bases_at_ms;
		c->bases_known = c->bases_at_ms > 0;
		free(at);
	}
	return 0;
}

/* ---- what the server says ---- */

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
	if (!base_is_wanted(c, id, name ? name : ""))
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
	b = base_at(c, &sb);
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

struct store_table tree_row_of(const struct table *t)
{
	struct store_table st = { .no = t->no, .base_no = t->base->no,
				  .id = t->id, .remote_name = t->remote_name,
				  .listed = t->listed, .complete = t->complete,
				  .listed_at_ms = t->listed_at_ms,
				  .names_at_ms = t->names_at_ms,
				  .fresh_at_ms = t->fresh_at_ms,
				  .server_at_ms = t->server_at_ms,
				  .schema_gen = t->schema_gen };

	memcpy(st.name, t->name, sizeof(st.name));
	return st;
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
	t = table_at(c, b, &st);
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

void tree_free(struct cache *c)
{
	size_t i;

	for (i = 0; i < c->tables_n; i++) {
		if (c->tables[i]) {
			free(c->tables[i]->remote_name);
			free(c->tables[i]->own);
			free(c->tables[i]->aside);
			json_decref(c->tables[i]->marks);
			json_decref(c->tables[i]->marks_out);
		}
		free(c->tables[i]);
	}
	for (i = 0; i < c->bases_n; i++) {
		if (!c->bases[i])
			continue;
		free(c->bases[i]->remote_name);
		schema_unref(c->bases[i]->schema);
		free(c->bases[i]);
	}
	free(c->tables);
	free(c->bases);
}
