/* The facade's calls that change records: each finds the record, applies the
 * change under the lock, and tells and wakes afterwards. */
#include "internal.h"
#include "crash.h"
#include "sqlite.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int may_write_locked(struct cache *c, uint32_t table, struct table **ret)
{
	struct table *t = tree_table_locked(c, table);

	if (!t || !t->listed)
		return -ESTALE;
	*ret = t;
	if (c->conf.read_only)
		return -EROFS;
	return base_is_writable(c, t->base) ? 0 : -EACCES;
}

/* The record as one with local state, made if it has none yet. */
static int live_of_locked(struct cache *c, struct rec_key key,
			  struct live **ret)
{
	struct store_row row;
	int r;

	*ret = live_find(&c->live, key);
	if (*ret)
		return 0;
	r = store_get(c->store, key.table, key.seq, STORE_META, &row);
	if (r < 0)
		return r == -ENOENT ? -ESTALE : r;
	*ret = live_get(&c->live, key, row.id, row.name);
	store_row_release(&row);
	return *ret ? 0 : -ENOMEM;
}

static int find_locked(struct cache *c, uint32_t table, const char *name,
		       struct store_row *row)
{
	char id[18];
	int r = store_find_name(c->store, table, name, STORE_META, row);

	if (r == -ENOENT && name_is_id(name, id))
		r = store_find_id(c->store, table, id, STORE_META, row);
	return r;
}

/* The record that a name stands for, hidden ones included. */
static int live_by_name_locked(struct cache *c, uint32_t table,
			       const char *name, struct live **ret)
{
	struct store_row row;
	struct rec_key key;
	int r = find_locked(c, table, name, &row);

	if (r < 0)
		return r;
	key = (struct rec_key){ table, row.seq };
	*ret = live_get(&c->live, key, row.id, row.name);
	store_row_release(&row);
	return *ret ? 0 : -ENOMEM;
}

static int stat_locked(struct cache *c, struct live *l, struct cache_stat *ret)
{
	struct table *t = tree_table_locked(c, l->key.table);
	struct store_row row;
	int r = store_get(c->store, l->key.table, l->key.seq, STORE_META, &row);

	if (r < 0)
		return r == -ENOENT ? -ESTALE : r;
	r = view_stat_row(c, t, &row, ret);
	store_row_release(&row);
	return r;
}

static void names_moved(struct cache *c, struct table *t)
{
	int64_t now = clock_wall_ms(c->clock);

	t->names_at_ms = now > t->names_at_ms ? now : t->names_at_ms + 1;
}

/* ---- content ---- */

int cache_write(struct cache *c, struct rec_key key, const char *buf, size_t n,
		uint64_t off)
{
	struct after a = { 0 };
	struct table *t;
	struct live *l;
	int r;

	lock_take(&c->mu);
	r = may_write_locked(c, key.table, &t);
	if (r == 0)
		r = live_of_locked(c, key, &l);
	if (r == 0 && l->hidden)
		r = -ESTALE; /* removed: nothing to write to */
	if (r == 0) {
		r = draft_write_locked(c, l, buf, n, off, &a);
		(void)live_settle(&c->live, l);
	}
	lock_drop(&c->mu);
	after_run(c, &a);
	return r;
}

int cache_truncate(struct cache *c, struct rec_key key, uint64_t size)
{
	struct after a = { 0 };
	struct table *t;
	struct live *l;
	int r;

	lock_take(&c->mu);
	r = may_write_locked(c, key.table, &t);
	if (r == 0)
		r = live_of_locked(c, key, &l);
	if (r == 0 && l->hidden)
		r = -ESTALE;
	if (r == 0) {
		r = draft_truncate_locked(c, l, size, &a);
		(void)live_settle(&c->live, l);
	}
	lock_drop(&c->mu);
	after_run(c, &a);
	return r;
}

static int judge(struct cache *c, struct rec_key key, bool heard, int *ret_fd)
{
	struct after a = { 0 };
	struct live *l;
	int r = 0;

	lock_take(&c->mu);
	l = live_find(&c->live, key);
	if (l) {
		r = draft_judge_locked(c, l, heard, &a);
		if (ret_fd && l->has_draft && l->fd >= 0)
			*ret_fd = dup(l->fd);
		(void)live_settle(&c->live, l);
	}
	lock_drop(&c->mu);
	after_run(c, &a);
	return r;
}

/* A draft's bytes and its file's name; the journal has the rest. */
static int sync_draft(struct cache *c, int fd)
{
	char in[PATH_MAX];
	int r = fsync(fd) < 0 ? -errno : 0;

	if (r == 0 && snprintf(in, sizeof(in), "%s/.", c->drafts_dir) <
			      (int)sizeof(in))
		r = sql_sync_dir(in);
	return r;
}

int cache_fsync(struct cache *c, struct rec_key key)
{
	int fd = -1, r, s;

	r = judge(c, key, false, &fd);
	if (fd >= 0) {
		s = sync_draft(c, fd);
		r = r < 0 ? r : s;
		close(fd);
	}
	s = journal_sync(c->journal);
	return r < 0 ? r : s;
}

int cache_sync_names(struct cache *c)
{
	return journal_sync(c->journal);
}

int cache_closed(struct cache *c, struct rec_key key)
{
	return judge(c, key, true, NULL);
}

/* ---- names ---- */

/* A row and a live record for a file that is new. */
static int new_local_locked(struct cache *c, struct table *t, const char *name,
			    struct live **ret)
{
	int64_t now = clock_wall_ms(c->clock);
	char id[ATFS_ID_MAX], text[NAME_BUF];
	struct rec_key key = { t->no, 0 };
	/* a name that stands for no value makes no record: no UTF-8, or the id
	 * of a record that is not there */
	int r = name_to_text(name, RECORD_SUFFIX, text);

	if (r == 0)
		r = journal_new_local_id(c->journal, id);

	if (r == 0)
		r = store_begin(c->store);
	if (r < 0)
		return r;
	r = store_put_local(c->store, t->no, id, name, now, &key.seq);
	r = r == 0 ? store_commit(c->store) : (store_rollback(c->store), r);
	if (r < 0)
		return r;
	crash_at(CRASH_ROW_MADE);
	*ret = live_get(&c->live, key, id, name);
	names_moved(c, t);
	return *ret ? 0 : -ENOMEM;
}

/* A record whose deletion is on its way gives its name to a newcomer. */
static int move_aside_locked(struct cache *c, struct live *l)
{
	char name[NAME_BUF];
	int r = store_begin(c->store);

	if (r < 0)
		return r;
	snprintf(name, sizeof(name), ".gone-%s", l->record);
	r = store_set_name(c->store, l->key.table, l->key.seq, name, NULL);
	return r == 0 ? store_commit(c->store) : (store_rollback(c->store), r);
}

/* The record of that name: there, come back, or made. *made: it is new. */
static int record_for_locked(struct cache *c, struct table *t, const char *name,
			     struct live **ret, bool *was_hidden, bool *made)
{
	int r = live_by_name_locked(c, t->no, name, ret);

	*was_hidden = r == 0 && (*ret)->hidden;
	*made = false;
	if (*was_hidden) {
		r = save_revive_locked(c, *ret);
		if (r == 0)
			names_moved(c, t);
		if (r == -EBUSY) {
			r = move_aside_locked(c, *ret);
			crash_at(CRASH_MOVED_ASIDE);
			*was_hidden = false;
			if (r == 0)
				r = -ENOENT;
		}
	}
	if (r == -ENOENT) {
		*made = true;
		r = new_local_locked(c, t, name, ret);
	}
	return r;
}

int cache_create(struct cache *c, uint32_t table, const char *name,
		 struct cache_stat *ret)
{
	struct after a = { 0 };
	bool was_hidden, made;
	struct table *t;
	struct live *l;
	int r;

	if (!name_is_record(name))
		return -EINVAL;
	lock_take(&c->mu);
	r = may_write_locked(c, table, &t);
	if (r == 0)
		r = record_for_locked(c, t, name, &l, &was_hidden, &made);
	if (r == 0 && !was_hidden && !made) {
		(void)live_settle(&c->live, l);
		r = -EEXIST;
	}
	if (r == 0) {
		r = draft_truncate_locked(c, l, 0, &a);
		if (r < 0 && made) {
			(void)save_forget_local_locked(c, l);
			(void)live_settle(&c->live, l);
		}
	}
	if (r == 0)
		r = stat_locked(c, l, ret);
	lock_drop(&c->mu);
	after_run(c, &a);
	return r;
}

int cache_unlink(struct cache *c, uint32_t table, const char *name,
		 struct rec_key *ret_key)
{
	struct after a = { 0 };
	struct table *t;
	struct live *l;
	int r;

	lock_take(&c->mu);
	r = may_write_locked(c, table, &t);
	if (r == 0)
		r = live_by_name_locked(c, table, name, &l);
	if (r == 0 && l->hidden)
		r = -ENOENT;
	if (r == 0) {
		if (ret_key)
			*ret_key = l->key;
		r = save_delete_locked(c, l, 0);
		if (r == 0)
			names_moved(c, t);
		(void)live_settle(&c->live, l);
	}
	lock_drop(&c->mu);
	after_run(c, &a);
	return r;
}

int cache_detach(struct cache *c, uint32_t table, const char *name, char **ret,
		 size_t *ret_n, struct rec_key *ret_key)
{
	struct after a = { 0 };
	struct table *t;
	struct live *l;
	int r;

	lock_take(&c->mu);
	r = may_write_locked(c, table, &t);
	if (r == 0)
		r = live_by_name_locked(c, table, name, &l);
	if (r == 0 && l->hidden)
		r = -ENOENT;
	if (r == 0)
		r = view_bytes_locked(c, l->key, ret, ret_n);
	if (r == 0) {
		*ret_key = l->key;
		r = save_delete_locked(c, l, 0);
		if (r < 0)
			free(*ret);
		else
			names_moved(c, t);
		(void)live_settle(&c->live, l);
	}
	lock_drop(&c->mu);
	after_run(c, &a);
	return r;
}

static int replace_locked(struct cache *c, struct table *t, const char *name,
			  const char *bytes, size_t n, struct live **ret,
			  struct after *a)
{
	struct save_error e = { 0 };
	bool was_hidden, made;
	struct live *l;
	int r = record_for_locked(c, t, name, &l, &was_hidden, &made);

	if (r < 0)
		return r;
	r = save_bytes_locked(c, l, bytes, n, &e, a);
	if (r == 0) {
		l->error.err = 0;
		draft_drop_locked(c, l);
		*ret = l;
		return 0;
	}
	save_refused_locked(c, l, &e);
	if (made)
		(void)save_forget_local_locked(c, l);
	else if (was_hidden) /* meant as an edit: it is there again as it was */
		after_new(a, t->no, l->name);
	(void)live_settle(&c->live, l);
	return r;
}

int cache_replace(struct cache *c, uint32_t table, const char *name,
		  const char *bytes, size_t n, struct cache_stat *ret)
{
	struct after a = { 0 };
	struct table *t;
	struct live *l;
	int r;

	if (!name_is_record(name))
		return -EINVAL;
	lock_take(&c->mu);
	r = may_write_locked(c, table, &t);
	if (r == 0)
		r = replace_locked(c, t, name, bytes, n, &l, &a);
	if (r == 0) {
		r = stat_locked(c, l, ret);
		(void)live_settle(&c->live, l);
	}
	lock_drop(&c->mu);
	after_run(c, &a);
	return r;
}

/* The content of one record file as another's: what names the first record
 * and what is computed for it stays behind. */
static char *without_identity(const char *bytes, size_t n, const char *primary,
			      size_t *ret_n)
{
	json_t *doc = json_loadb(bytes, n, JSON_REJECT_DUPLICATES, NULL);
	char *text;

	if (json_is_object(json_object_get(doc, "fields"))) {
		json_object_del(doc, "id");
		json_object_del(doc, "createdTime");
		json_object_del(doc, "computed");
		if (primary) /* the name that it is moved to stays */
			json_object_del(json_object_get(doc, "fields"),
					primary);
	}
	text = doc ? json_dumps(doc, JSON_INDENT(2)) : NULL;
	json_decref(doc);
	if (!text)
		text = strndup(bytes, n);
	*ret_n = text ? strlen(text) : 0;
	return text;
}

/* to is a record already: it takes the content, from goes. */
static int rename_over_locked(struct cache *c, struct table *t,
			      struct live *from, const char *to,
			      struct live **ret, struct after *a)
{
	struct rec_key from_key = from->key;
	char *bytes = NULL, *plain;
	const char *primary = NULL;
	const struct schema_table *st;
	struct schema *s;
	int64_t after_id;
	size_t n = 0;
	int r = view_bytes_locked(c, from->key, &bytes, &n);

	if (r < 0)
		return r;
	st = tree_schema_locked(t, &s);
	if (st && st->primary < st->fields_n && !live_is_local(from))
		primary = st->fields[st->primary].name;
	plain = without_identity(bytes, n, primary, &n);
	schema_unref(s);
	free(bytes);
	if (!plain)
		return -ENOMEM;
	r = replace_locked(c, t, to, plain, n, ret, a);
	free(plain);
	if (r < 0)
		return r;
	crash_at(CRASH_REPLACED);
	after_record(a, (*ret)->key);
	from = live_find(&c->live, from_key);
	/* it goes only once its content has arrived */
	after_id = (*ret)->ops_n ? (*ret)->ops[(*ret)->ops_n - 1].id : 0;
	if (from && save_never_sent(from))
		r = save_forget_local_locked(c, from);
	else
		r = from ? save_delete_locked(c, from, after_id) : 0;
	if (from)
		(void)live_settle(&c->live, from);
	return r;
}

int cache_rename(struct cache *c, uint32_t table, const char *from,
		 const char *to, struct rec_key *ret_over,
		 struct rec_key *ret_key)
{
	struct rec_key over = { 0, 0 };
	struct save_error e = { 0 };
	struct after a = { 0 };
	struct store_row row;
	struct live *l, *dst;
	struct table *t;
	int r;

	if (!name_is_record(from) || !name_is_record(to))
		return -EINVAL;
	lock_take(&c->mu);
	r = may_write_locked(c, table, &t);
	if (r == 0)
		r = live_by_name_locked(c, table, from, &l);
	if (r == 0 && l->hidden)
		r = -ENOENT;
	if (r == 0 && find_locked(c, table, to, &row) == 0) {
		dst = live_find(&c->live, (struct rec_key){ table, row.seq });
		if (!dst || !dst->hidden)
			over = (struct rec_key){ table, row.seq };
		store_row_release(&row);
		if (over.seq != l->key.seq) /* else both are its names */
			r = rename_over_locked(c, t, l, to, &dst, &a);
		else
			dst = l;
		l = dst;
	} else if (r == 0) {
		r = save_set_primary_locked(c, l, to, &e, &a);
		if (r < 0) {
			save_refused_locked(c, l, &e);
			l->error.err = 0; /* the content is as good as before */
		}
	}
	if (r == 0) {
		names_moved(c, t);
		if (ret_over)
			*ret_over = over;
		*ret_key = l->key;
		(void)live_settle(&c->live, l);
	}
	lock_drop(&c->mu);
	after_run(c, &a);
	return r;
}
