/* What a feed keeps: cursor and marks in cache.db, in the transaction of what
 * they stand for; the hook's id also in the state directory (webhooks.json),
 * so that a lost cache finds its hook again and does not make another. */
#include "feed.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_BUF (ATFS_ID_MAX + 8)

static void key_of(const struct feed *f, char key[static KEY_BUF])
{
	snprintf(key, KEY_BUF, "feed/%s", f->b->id.s);
}

static void file_of(const struct cache *c, const char *end, char *path)
{
	snprintf(path, PATH_MAX, "%s/webhooks.json%s", c->state_dir, end);
}

int feed_open(struct cache *c)
{
	char path[PATH_MAX];
	int fd;

	if (!c->conf.live)
		return 0;
	file_of(c, "", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		/* what cannot be read costs a hook, until it ends by itself */
		c->hooks = json_loadfd(fd, JSON_REJECT_DUPLICATES, NULL);
		close(fd);
	}
	if (!json_is_object(c->hooks)) {
		json_decref(c->hooks);
		c->hooks = json_object();
	}
	return c->hooks ? 0 : -ENOMEM;
}

static void load_marks_locked(struct feed *f, json_t *marks)
{
	const char *table;
	json_t *ids, *id;
	size_t i;

	json_object_foreach(marks, table, ids) {
		struct table_id tid = { "" };
		struct table *t;

		id_copy(tid.s, table);
		t = tree_find_table_locked(f->c, &f->b->id, &tid);
		if (!t)
			continue;
		if (!t->marks)
			t->marks = json_object();
		json_array_foreach(ids, i, id)
			if (json_is_string(id) &&
			    id_is_valid(json_string_value(id), "rec"))
				json_object_set_new(t->marks,
						    json_string_value(id),
						    json_true());
	}
}

static int64_t number_of(json_t *j, const char *key)
{
	return json_integer_value(json_object_get(j, key));
}

void feed_load_locked(struct feed *f)
{
	json_t *mine = json_object_get(f->c->hooks, f->b->id.s);
	const char *id = json_string_value(json_object_get(mine, "hook"));
	char key[KEY_BUF], *text = NULL;
	json_t *j;

	if (id && id_is_valid(id, "ach"))
		id_copy(f->hook, id);
	key_of(f, key);
	if (store_get_value(f->c->store, key, &text) < 0)
		return;
	j = json_from_text(text);
	free(text);
	id = json_string_value(json_object_get(j, "hook"));
	/* another hook's cursor is none */
	if (id && strcmp(id, f->hook) == 0) {
		f->cursor = number_of(j, "cursor");
		f->polled_at_ms = number_of(j, "polled_at_ms");
		f->server_at_ms = number_of(j, "server_at_ms");
		f->check_at_ms = number_of(j, "check_at_ms");
		f->schema_due =
			json_is_true(json_object_get(j, "schema_due"));
		load_marks_locked(f, json_object_get(j, "marks"));
	}
	json_decref(j);
	if (f->cursor < 0)
		f->cursor = 0;
}

static void add_ids(json_t *list, json_t *set)
{
	const char *id;
	json_t *v;

	json_object_foreach(set, id, v)
		json_array_append_new(list, json_string(id));
}

static json_t *marks_of(struct feed *f)
{
	struct cache *c = f->c;
	json_t *all = json_object();
	size_t i;

	for (i = 0; i < c->tables_n; i++) {
		struct table *t = c->tables[i];
		json_t *list;

		if (!t || t->base != f->b ||
		    json_object_size(t->marks) +
				    json_object_size(t->marks_out) == 0)
			continue;
		list = json_array();
		add_ids(list, t->marks);
		add_ids(list, t->marks_out); /* not read before it is here */
		json_object_set_new(all, t->id.s, list);
	}
	return all;
}

int feed_save_locked(struct feed *f)
{
	json_t *j = json_pack(
		"{s:s, s:I, s:I, s:I, s:I, s:b, s:o}", "hook", f->hook,
		"cursor", (json_int_t)f->cursor, "polled_at_ms",
		(json_int_t)f->polled_at_ms, "server_at_ms",
		(json_int_t)f->server_at_ms, "check_at_ms",
		(json_int_t)f->check_at_ms, "schema_due", (int)f->schema_due,
		"marks", marks_of(f));
	char key[KEY_BUF], *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	int r = -ENOMEM;

	json_decref(j);
	key_of(f, key);
	if (text)
		r = store_set_value(f->c->store, key, text);
	free(text);
	return r;
}

/* ---- webhooks.json ---- */

static int write_all(int fd, const char *text)
{
	size_t n = strlen(text), at = 0;

	while (at < n) {
		ssize_t r = write(fd, text + at, n - at);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		at += (size_t)r;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static int write_file(const struct cache *c, const char *text)
{
	char path[PATH_MAX], fresh[PATH_MAX];
	int fd, r;

	file_of(c, "", path);
	file_of(c, ".new", fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = write_all(fd, text);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(fresh, path) < 0)
		r = -errno;
	return r;
}

void feed_remember(struct feed *f, const char *hook, json_t *before)
{
	struct cache *c = f->c;
	char *text;
	int r = -ENOMEM;

	lock_take(&c->mu);
	if (hook)
		json_object_set_new(c->hooks, f->b->id.s,
				    json_pack("{s:s}", "hook", hook));
	else if (before)
		json_object_set_new(c->hooks, f->b->id.s,
				    json_pack("{s:O}", "making", before));
	else
		json_object_del(c->hooks, f->b->id.s);
	text = json_dumps(c->hooks, JSON_INDENT(2));
	lock_drop(&c->mu);
	if (text)
		r = write_file(c, text);
	free(text);
	if (r < 0)
		log_warn("the webhook of base '%s' cannot be noted in '%s': %s",
			 f->b->name, c->state_dir, strerror(-r));
}

json_t *feed_before(struct feed *f)
{
	/* changed by the network thread alone, which this is */
	return json_object_get(json_object_get(f->c->hooks, f->b->id.s),
			       "making");
}
