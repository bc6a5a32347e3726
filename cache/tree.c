/* The bases and tables in memory: loaded from the store at open, changed by
 * what the server says (tree_apply.c), never freed while the cache lives. */
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

struct base *tree_base_at(struct cache *c, const struct store_base *sb)
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

struct table *tree_table_at(struct cache *c, struct base *b,
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

bool tree_base_is_wanted(const struct cache *c, const char *id,
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
	struct base *b = tree_base_at(c, sb);

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

	return tree_table_at(l->c, l->b, st) ? 0 : -ENOMEM;
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
