/* Reading from the server: the list of bases, and the schema of a base. Each
 * is fetched once however many wait for it. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#define BASE_PAGES_MAX 100

struct base_fetch {
	struct cache *c;
	uint32_t base_no;  /* 0: the list of bases */
	json_t *bases;
	unsigned pages;
	enum api_priority priority;
};

/* ---- the list of bases ---- */

static void bases_done(void *arg, const struct api_answer *ans);

static int bases_submit(struct base_fetch *f, const char *offset)
{
	struct api_call call = { .kind = API_LIST_BASES,
				 .priority = f->priority, .offset = offset,
				 .done = bases_done, .arg = f };
	int64_t id = api_submit(f->c->api, &call);

	return id < 0 ? (int)id : 0;
}

static void base_fetch_free(struct base_fetch *f)
{
	json_decref(f->bases);
	free(f);
}

static void bases_end(struct base_fetch *f, const struct atfs_error *err)
{
	struct cache *c = f->c;
	struct after a = { 0 };

	cache_note_api(c);
	lock_take(&c->mu);
	c->bases_fetching = false;
	c->bases_fetch = NULL;
	/* not at once: a call may be refused before it is sent */
	if (err->err)
		restore_want_later_locked(c);
	else
		restore_want_locked(c);
	c->bases_err = err->err;
	c->bases_error = *err;
	waitq_take_locked(&c->bases_waiters, &a, err->err);
	lock_drop(&c->mu);
	if (err->err)
		log_msg(fetch_log_level(err), "the list of bases cannot be "
			"read: %s", err->text);
	after_run(c, &a);
	base_fetch_free(f);
}

static void bases_done(void *arg, const struct api_answer *ans)
{
	struct base_fetch *f = arg;
	struct atfs_error err = *ans->err;
	struct after a = { 0 };
	const char *offset;

	if (!err.err) {
		json_t *page = json_object_get(ans->json, "bases");

		if (!json_is_array(page) ||
		    json_array_extend(f->bases, page) < 0)
			error_set(&err, -EPROTO, ERROR_PROTOCOL,
				  "the list of bases is not as documented");
	}
	if (err.err) {
		bases_end(f, &err);
		return;
	}
	offset = json_string_value(json_object_get(ans->json, "offset"));
	if (offset && *offset && ++f->pages < BASE_PAGES_MAX) {
		if (bases_submit(f, offset) == 0)
			return;
		error_set(&err, -EIO, ERROR_CANCELLED, "stopped");
		bases_end(f, &err);
		return;
	}
	if (tree_apply_bases(f->c, f->bases, &a) < 0)
		error_set(&err, -EIO, ERROR_CANCELLED,
			  "the cache cannot be written");
	after_run(f->c, &a);
	bases_end(f, &err);
}

static void bases_begin(void *arg)
{
	struct base_fetch *f = arg;
	struct atfs_error err = { 0 };

	f->bases = json_array();
	if (!f->bases || bases_submit(f, NULL) < 0) {
		error_set(&err, -EIO, ERROR_CANCELLED, "stopped");
		bases_end(f, &err);
	}
}

void fetch_want_bases_locked(struct cache *c, enum api_priority prio)
{
	struct base_fetch *f;

	if (c->bases_fetching || c->stopping)
		return;
	f = calloc(1, sizeof(*f));
	if (!f)
		return;
	f->c = c;
	f->priority = prio;
	if (loop_post(c->loop, bases_begin, f) < 0) {
		free(f);
		return;
	}
	c->bases_fetching = true;
	c->bases_fetch = f;
}

/* ---- the schema of a base ---- */

static void attach_all_locked(struct cache *c, struct base *b)
{
	size_t i;

	if (c->orphans_n == 0)
		return;
	for (i = 0; i < c->tables_n; i++) {
		struct table *t = c->tables[i];

		if (t && t->base == b)
			restore_attach_locked(c, t);
	}
	restore_want_locked(c);
}

static void schema_end(struct base_fetch *f, const struct atfs_error *err)
{
	struct cache *c = f->c;
	struct after a = { 0 };
	struct base *b;

	cache_note_api(c);
	lock_take(&c->mu);
	b = tree_base_locked(c, f->base_no);
	b->fetching = false;
	b->fetch = NULL;
	if (err->err)
		restore_want_later_locked(c);
	else
		attach_all_locked(c, b);
	b->last_err = err->err;
	memcpy(b->last_text, err->text, sizeof(b->last_text));
	waitq_take_locked(&b->waiters, &a, err->err);
	fetch_schema_came_locked(c, b);
	if (!err->err)
		prefetch_more_locked(c);
	lock_drop(&c->mu);
	if (err->err)
		log_msg(fetch_log_level(err), "the tables of base '%s' cannot "
			"be read: %s", b->name, err->text);
	after_run(c, &a);
	base_fetch_free(f);
}

static void schema_done(void *arg, const struct api_answer *ans)
{
	struct base_fetch *f = arg;
	struct atfs_error err = *ans->err;
	struct schema *s = NULL;
	struct after a = { 0 };

	if (!err.err) {
		int r = schema_parse(ans->json, &s);

		if (r == 0)
			r = tree_apply_schema(f->c, f->base_no, s, &a);
		schema_unref(s);
		if (r < 0)
			error_set(&err, r == -ENOMEM ? r : -EPROTO,
				  ERROR_PROTOCOL,
				  "the schema is not as documented");
	}
	after_run(f->c, &a);
	/* a base that is not there is still listed: not ENOENT but refused */
	if (err.cls == ERROR_GONE)
		err.err = -EACCES;
	schema_end(f, &err);
}

static void schema_begin(void *arg)
{
	struct base_fetch *f = arg;
	struct api_call call = { .kind = API_SCHEMA, .priority = f->priority,
				 .done = schema_done, .arg = f };
	struct atfs_error err = { 0 };
	struct base *b;
	bool wait;

	lock_take(&f->c->mu);
	b = tree_base_locked(f->c, f->base_no);
	call.base = b->id;
	wait = feed_first_locked(f->c, b, true, schema_begin, f);
	lock_drop(&f->c->mu);
	if (wait)
		return;
	if (api_submit(f->c->api, &call) < 0) {
		error_set(&err, -EIO, ERROR_CANCELLED, "stopped");
		schema_end(f, &err);
	}
}

void fetch_want_schema_locked(struct cache *c, struct base *b,
			      enum api_priority prio)
{
	struct base_fetch *f;

	if (b->fetching || c->stopping)
		return;
	f = calloc(1, sizeof(*f));
	if (!f)
		return;
	f->c = c;
	f->base_no = b->no;
	f->priority = prio;
	if (loop_post(c->loop, schema_begin, f) < 0) {
		free(f);
		return;
	}
	b->fetching = true;
	b->fetch = f;
}

void fetch_tree_free(struct cache *c)
{
	size_t i;

	if (c->bases_fetch)
		base_fetch_free(c->bases_fetch);
	c->bases_fetch = NULL;
	for (i = 0; i < c->bases_n; i++) {
		if (c->bases[i] && c->bases[i]->fetch) {
			base_fetch_free(c->bases[i]->fetch);
			c->bases[i]->fetch = NULL;
		}
	}
}
