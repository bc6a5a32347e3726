/* Records that exist only here so far: their ids, and what becomes of them in
 * the journal when the server has given a real one. */
#include "journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "journal_internal.h"

/* Links are written as arrays of ids, so only an array's strings are looked
 * at: a text cell that happens to read "new-7" is the user's text. */
static int each_mention(json_t *v, bool in_array,
			int (*fn)(void *ctx, json_t *string), void *ctx)
{
	json_t *e;
	const char *key;
	size_t i;
	int r = 0;

	if (json_is_string(v))
		return in_array && strncmp(json_string_value(v),
					   LOCAL_ID_PREFIX,
					   strlen(LOCAL_ID_PREFIX)) == 0 ?
			       fn(ctx, v) : 0;
	if (json_is_array(v)) {
		json_array_foreach(v, i, e) {
			r = each_mention(e, true, fn, ctx);
			if (r < 0)
				return r;
		}
	} else if (json_is_object(v)) {
		json_object_foreach(v, key, e) {
			r = each_mention(e, in_array, fn, ctx);
			if (r < 0)
				return r;
		}
	}
	return r;
}

static json_t *load_if_mentions(const char *text)
{
	if (text == NULL || strstr(text, "\"" LOCAL_ID_PREFIX) == NULL)
		return NULL;
	return json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
}

struct mention {
	struct journal *j;
	int64_t op;
	const char *local, *real;
};

static int note_mention(void *ctx, json_t *string)
{
	struct mention *m = ctx;
	struct sql_call c = sql_call(&m->j->q, JS_MENTION_ADD);

	sql_text(&c, json_string_value(string));
	sql_int(&c, m->op);
	return sql_run(&c);
}

int journal_note_mentions_locked(struct journal *j, const struct op *o)
{
	struct mention m = { .j = j, .op = o->id };
	json_t *v = load_if_mentions(o->changes);
	int r = v != NULL ? each_mention(v, false, note_mention, &m) : 0;

	json_decref(v);
	return r;
}

static int replace_mention(void *ctx, json_t *string)
{
	const struct mention *m = ctx;

	if (strcmp(json_string_value(string), m->local) != 0)
		return 0;
	return json_string_set(string, m->real) == 0 ? 0 : -ENOMEM;
}

static int replace_mentions(char **text, const char *local, const char *real)
{
	struct mention m = { .local = local, .real = real };
	json_t *v = load_if_mentions(*text);
	char *now = NULL;
	int r = 0;

	if (v == NULL)
		return 0;
	r = each_mention(v, false, replace_mention, &m);
	if (r == 0) {
		now = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
		r = now != NULL ? 0 : -ENOMEM;
	}
	json_decref(v);
	if (r == 0) {
		free(*text);
		*text = now;
	}
	return r;
}

int journal_new_local_id(struct journal *j, char ret[static ATFS_ID_MAX])
{
	int64_t n;
	int r;

	lock_take(&j->mu);
	r = journal_begin_locked(j);
	if (r == 0) {
		r = journal_next_number_locked(j, "local", &n);
		r = journal_end_locked(j, r);
	}
	lock_drop(&j->mu);
	if (r == 0)
		snprintf(ret, ATFS_ID_MAX, LOCAL_ID_PREFIX "%lld",
			 (long long)n);
	return r;
}

/* The next op after the id at that is of, or mentions, the local record. */
static int next_touched(struct journal *j, enum journal_stmt which,
			const char *local_id, int64_t *at)
{
	struct sql_call c = sql_call(&j->q, (size_t)which);
	int r;

	sql_text(&c, local_id);
	sql_int(&c, *at);
	r = sql_step(&c);
	if (r > 0)
		*at = sqlite3_column_int64(c.st, 0);
	sql_end(&c);
	return r;
}

static int adopt_op_locked(struct journal *j, int64_t id, const char *local_id,
			   const char *rec_id)
{
	struct op o;
	int r = journal_next_locked(j, JS_GET, id, &o, NULL);

	if (r <= 0)
		return r;
	if (strcmp(o.record, local_id) == 0)
		id_copy(o.record, rec_id);
	r = replace_mentions(&o.changes, local_id, rec_id);
	/* what is compared with the server's answers must say the same */
	if (r == 0)
		r = replace_mentions(&o.after, local_id, rec_id);
	if (r == 0)
		r = replace_mentions(&o.before, local_id, rec_id);
	if (r == 0)
		r = journal_rewrite_saved_locked(j, &o);
	op_clear(&o);
	return r;
}

static int adopt_locked(struct journal *j, const char *local_id,
			const char *rec_id)
{
	static const enum journal_stmt ways[] = { JS_RECORD_NEXT,
						  JS_MENTION_NEXT };
	struct sql_call c;
	int r = 0;

	for (size_t i = 0; i < 2; i++) {
		int64_t at = 0;

		while ((r = next_touched(j, ways[i], local_id, &at)) > 0) {
			r = adopt_op_locked(j, at, local_id, rec_id);
			if (r < 0)
				return r;
		}
		if (r < 0)
			return r;
	}
	c = sql_call(&j->q, JS_MENTION_MOVE);
	sql_text(&c, local_id);
	r = sql_run(&c);
	return r < 0 ? r : draft_adopt_locked(j, local_id, rec_id);
}

int journal_adopt(struct journal *j, const char *local_id, const char *rec_id)
{
	int r;

	lock_take(&j->mu);
	r = journal_begin_locked(j);
	if (r == 0)
		r = journal_end_locked(j, adopt_locked(j, local_id, rec_id));
	lock_drop(&j->mu);
	return r;
}
