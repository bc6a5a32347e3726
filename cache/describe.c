/* What people and programs want to know: one record, a base, a table, the
 * queue, the whole mount; as JSON or as text. */
#include "describe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "identity.h"
#include "render.h"

#define RECENT_ERRORS 3 /* told by status */

int describe_text(json_t *j, char **ret)
{
	size_t n;
	char *text, *grown;
	int r = j ? render_json(j, true, &text, &n) : -ENOMEM;

	json_decref(j);
	if (r < 0)
		return r;
	grown = realloc(text, n + 2);
	if (!grown) {
		free(text);
		return -ENOMEM;
	}
	if (n == 0 || grown[n - 1] != '\n')
		grown[n++] = '\n';
	grown[n] = '\0';
	*ret = grown;
	return 0;
}

json_t *describe_time(int64_t ms)
{
	char when[25];

	if (ms <= 0)
		return json_null();
	clock_format_iso(ms, when);
	return json_string(when);
}

void describe_draft_id(const struct live *l,
		       char out[static DESCRIBE_DRAFT_ID_BUF])
{
	snprintf(out, DESCRIBE_DRAFT_ID_BUF, "d%u-%u", l->key.table,
		 l->key.seq);
}

/* ---- one record ---- */

static const char *state_of(const struct live *l)
{
	const char *state = "clean";
	size_t i;

	if (!l)
		return state;
	for (i = 0; i < l->ops_n; i++) {
		switch (l->ops[i].state) {
		case OP_CONFLICT:
		case OP_REJECTED:
			return op_state_name(l->ops[i].state);
		case OP_SENDING:
		case OP_UNKNOWN:
			state = op_state_name(l->ops[i].state);
			break;
		case OP_QUEUED:
			if (strcmp(state, "clean") == 0)
				state = "dirty";
			break;
		case OP_DONE:
			break;
		}
	}
	if (l->has_draft && l->error.err)
		return "invalid";
	return l->has_draft ? "dirty" : state;
}

static json_t *error_of(const struct save_error *e)
{
	json_t *j;

	if (!e->err)
		return json_null();
	j = json_object();
	json_object_set_new(j, "errno", json_string(strerrorname_np(-e->err)));
	json_object_set_new(j, "reason", json_string(e->reason));
	if (e->field[0])
		json_object_set_new(j, "field", json_string(e->field));
	if (e->line) {
		json_object_set_new(j, "line", json_integer(e->line));
		json_object_set_new(j, "column", json_integer(e->column));
	}
	if (e->hint[0])
		json_object_set_new(j, "hint", json_string(e->hint));
	return j;
}

/* Field ids as the names that people know. */
json_t *describe_by_name(const struct schema_table *st, const char *text)
{
	json_t *in = json_from_text(text), *out = json_object(), *v;
	const char *key;

	json_object_foreach(in, key, v) {
		const struct schema_field *f =
			st ? schema_find_field(st, key) : NULL;

		if (strncmp(key, "fld", 3) != 0) /* a note of ours */
			continue;
		json_object_set(out, f ? f->name : key, v);
	}
	json_decref(in);
	return out;
}

static json_t *op_json(struct cache *c, const struct live *l,
		       const struct live_op *lo, bool details)
{
	struct table *t = tree_table_locked(c, l->key.table);
	struct schema *s;
	const struct schema_table *st = tree_schema_locked(t, &s);
	struct op o = { 0 };
	json_t *j = json_object();

	json_object_set_new(j, "queue_id", json_integer(lo->id));
	json_object_set_new(j, "kind", json_string(op_kind_name(lo->kind)));
	json_object_set_new(j, "state", json_string(op_state_name(lo->state)));
	if (journal_get(c->journal, lo->id, false, &o) == 0) {
		json_object_set_new(j, "saved_at", describe_time(o.saved_ms));
		json_object_set_new(j, "tries", json_integer(o.tries));
		if (o.reason && o.err)
			json_object_set_new(j, "reason",
					    json_string(o.reason));
		if (details && o.kind != OP_DELETE) {
			json_object_set_new(j, "base", describe_by_name(st, o.before));
			json_object_set_new(j, "mine", describe_by_name(st, o.after));
			if (o.theirs)
				json_object_set_new(j, "theirs",
						    describe_by_name(st, o.theirs));
		}
		op_clear(&o);
	}
	schema_unref(s);
	return j;
}

static json_t *pending_of(struct cache *c, const struct live *l)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; l && i < l->ops_n; i++)
		json_array_append_new(list, op_json(c, l, &l->ops[i], true));
	return list;
}

static json_t *record_json(struct cache *c, struct table *t,
			   const struct store_row *row)
{
	struct live *l = live_find(&c->live,
				   (struct rec_key){ t->no, row->seq });
	json_t *j = json_object();
	bool real = row->id[0] == 'r';

	json_object_set_new(j, "id", real ? json_string(row->id) : json_null());
	json_object_set_new(j, "url",
			    real ? json_sprintf("https://airtable.com/%s/%s/%s",
						t->base->id.s, t->id.s,
						row->id) :
				   json_null());
	json_object_set_new(j, "state", json_string(state_of(l)));
	json_object_set_new(j, "synced_at", describe_time(t->fresh_at_ms));
	json_object_set_new(j, "error", l ? error_of(&l->error) : json_null());
	json_object_set_new(j, "pending", pending_of(c, l));
	return j;
}

int cache_describe_record(struct cache *c, struct rec_key key, char **ret)
{
	struct store_row row;
	struct table *t;
	json_t *j = NULL;
	int r = -ESTALE;

	lock_take(&c->mu);
	t = tree_table_locked(c, key.table);
	if (t)
		r = store_get(c->store, key.table, key.seq, STORE_META, &row);
	if (t && r == 0) {
		j = record_json(c, t, &row);
		store_row_release(&row);
	}
	lock_drop(&c->mu);
	return r < 0 ? (r == -ENOENT ? -ESTALE : r) : describe_text(j, ret);
}

/* ---- base and table ---- */

int cache_describe_base(struct cache *c, uint32_t base, char **ret)
{
	json_t *j = NULL;
	struct base *b;

	lock_take(&c->mu);
	b = tree_base_locked(c, base);
	if (b) {
		j = json_object();
		json_object_set_new(j, "id", json_string(b->id.s));
		json_object_set_new(j, "name", json_string(b->remote_name));
		json_object_set_new(j, "permissionLevel",
				    json_string(b->permission));
		json_object_set_new(j, "url",
				    json_sprintf("https://airtable.com/%s",
						 b->id.s));
		json_object_set_new(j, "schema_at", describe_time(b->schema_at_ms));
	}
	lock_drop(&c->mu);
	return j ? describe_text(j, ret) : -ESTALE;
}

int cache_describe_table(struct cache *c, uint32_t table, char **ret)
{
	const struct schema_table *st = NULL;
	struct schema *s = NULL;
	struct table *t;
	int r = -ESTALE;

	lock_take(&c->mu);
	t = tree_table_locked(c, table);
	if (t)
		st = tree_schema_locked(t, &s);
	lock_drop(&c->mu);
	if (st)
		r = describe_text(json_incref(st->json), ret);
	schema_unref(s);
	return r;
}

/* ---- what is unsent ---- */

static bool count_one(void *ctx, struct live *l)
{
	struct cache_unsent *u = ctx;
	size_t i;

	for (i = 0; i < l->ops_n; i++) {
		if (l->ops[i].state == OP_CONFLICT)
			u->conflicts++;
		else if (l->ops[i].state == OP_REJECTED)
			u->rejected++;
		else if (i == 0 || (l->ops[0].state != OP_CONFLICT &&
				    l->ops[0].state != OP_REJECTED))
			u->queued++;
	}
	if (l->has_draft)
		u->drafts++;
	return true;
}

void cache_count_unsent_locked(struct cache *c, struct cache_unsent *ret)
{
	memset(ret, 0, sizeof(*ret));
	live_each(&c->live, count_one, ret);
	restore_count_locked(c, ret);
}

void cache_get_unsent(struct cache *c, struct cache_unsent *ret)
{
	lock_take(&c->mu);
	cache_count_unsent_locked(c, ret);
	lock_drop(&c->mu);
}

struct queue_ctx {
	struct cache *c;
	json_t *list;
};

static bool queue_one(void *ctx, struct live *l)
{
	struct queue_ctx *q = ctx;
	char path[3 * NAME_BUF];
	size_t i;

	path_of_locked(q->c, l, path, sizeof(path));
	for (i = 0; i < l->ops_n; i++) {
		json_t *j = op_json(q->c, l, &l->ops[i], false);

		json_object_set_new(j, "path", json_string(path));
		json_array_append_new(q->list, j);
	}
	if (l->has_draft) {
		char id[DESCRIBE_DRAFT_ID_BUF];

		describe_draft_id(l, id);
		json_array_append_new(
			q->list,
			json_pack("{s:s, s:s, s:s, s:s, s:o}",
				  "queue_id", id, "kind", "draft",
				  "state", l->error.err ? "invalid" : "open",
				  "path", path, "error",
				  error_of(&l->error)));
	}
	return true;
}

int cache_queue_json(struct cache *c, char **ret)
{
	struct queue_ctx q = { c, json_array() };

	lock_take(&c->mu);
	live_each(&c->live, queue_one, &q);
	restore_list_locked(c, q.list);
	lock_drop(&c->mu);
	return describe_text(q.list, ret);
}

/* ---- the whole mount ---- */

static json_t *calls_json(struct cache *c, const struct api_status *s)
{
	static const char *const names[API_KINDS] = {
		"whoami", "bases",  "schema", "list",
		"get",	  "create", "update", "delete",
		"hooks",  "payloads", "hook_create", "hook_refresh",
		"hook_delete", "comments",
	};
	json_t *j = json_object();
	size_t i;

	for (i = 0; i < API_KINDS; i++)
		json_object_set_new(j, names[i],
				    json_integer((json_int_t)s->calls[i]));
	json_object_set_new(j, "total",
			    json_integer((json_int_t)s->calls_total));
	json_object_set_new(j, "rate_limited",
			    json_integer((json_int_t)s->rate_limited));
	json_object_set_new(j, "this_month", calls_month_json_locked(c));
	return j;
}

static json_t *tables_json(struct cache *c)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < c->tables_n; i++) {
		struct table *t = c->tables[i];
		int64_t n = 0;
		json_t *j;

		if (!t || !t->listed)
			continue;
		(void)store_count(c->store, t->no, &n);
		j = json_object();
		json_object_set_new(j, "path",
				    json_sprintf("%s/%s", t->base->name,
						 t->name));
		json_object_set_new(j, "id", json_string(t->id.s));
		json_object_set_new(j, "records", json_integer(n));
		json_object_set_new(j, "complete", json_boolean(t->complete));
		json_object_set_new(j, "fetching",
				    json_boolean(t->fetch != NULL));
		if (t->fetch)
			json_object_set_new(
				j, "fetched",
				json_integer((json_int_t)t->fetched));
		json_object_set_new(j, "read_at", describe_time(t->fresh_at_ms));
		if (t->last_err)
			json_object_set_new(j, "error",
					    json_string(t->last_text));
		json_array_append_new(list, j);
	}
	return list;
}

/* Which bases tell their changes, and how far it is known; NULL without live. */
static json_t *live_json(struct cache *c)
{
	json_t *list = feed_status_locked(c), *j;
	size_t i;

	json_array_foreach(list, i, j) {
		json_object_set_new(j, "polled_at",
				    describe_time(json_integer_value(json_object_get(
					    j, "polled_at_ms"))));
		json_object_del(j, "polled_at_ms");
	}
	return list;
}

static void text_of_live(FILE *m, struct cache *c)
{
	json_t *list = feed_status_locked(c), *j;
	size_t i;

	if (list)
		fprintf(m, "live:\n");
	json_array_foreach(list, i, j) {
		const char *base, *state, *reason;
		json_int_t at = 0;

		if (json_unpack(j, "{s:s, s:s, s:s, s:I}", "base", &base,
				"state", &state, "reason", &reason,
				"polled_at_ms", &at) < 0)
			continue;
		fprintf(m, "  %s: %s", base, state);
		if (reason[0])
			fprintf(m, " (%s)", reason);
		if (at > 0)
			fprintf(m, ", asked %lld s ago",
				(long long)(clock_wall_ms(c->clock) - at) /
					1000);
		fputc('\n', m);
	}
	json_decref(list);
}

static void off_json(void *ctx, const struct rights_off *o)
{
	json_array_append_new(
		ctx, json_pack("{s:s, s:s, s:s, s:s, s:o}", "path", o->path,
			       "what", o->what, "needs", o->needs, "reason",
			       o->why, "again_at", describe_time(o->again_ms)));
}

static void off_text(void *ctx, const struct rights_off *o)
{
	fprintf(ctx, "off: %s%s%s%s: %s; it needs %s\n", o->what,
		*o->path ? " of '" : "", o->path, *o->path ? "'" : "", o->why,
		o->needs);
}

static json_t *unsent_json(const struct cache_unsent *u)
{
	return json_pack("{s:i, s:i, s:i, s:i}", "queued", (int)u->queued,
			 "conflicts", (int)u->conflicts, "rejected",
			 (int)u->rejected, "drafts", (int)u->drafts);
}

int cache_status_json(struct cache *c, char **ret)
{
	struct cache_unsent u;
	json_t *errors = errlog_recent(c, RECENT_ERRORS), *j = json_object(), *live;

	lock_take(&c->mu);
	cache_count_unsent_locked(c, &u);
	json_object_set_new(j, "pid", json_integer(getpid()));
	json_object_set_new(j, "mountpoint",
			    json_string(c->mountpoint ? c->mountpoint : ""));
	json_object_set_new(j, "endpoint", json_string(c->endpoint));
	json_object_set_new(j, "profile", json_string(c->profile));
	json_object_set_new(j, "state_dir", json_string(c->state_dir));
	json_object_set_new(j, "cache_dir", json_string(c->cache_dir));
	json_object_set_new(j, "online",
			    json_boolean(!c->api_status.offline));
	json_object_set_new(j, "token",
			    json_string(c->api_status.token_refused ?
						"refused" : "ok"));
	json_object_set_new(j, "token_source", json_string(c->token_source));
	json_object_set_new(j, "user", *identity_user_locked(c) ?
			    json_string(identity_user_locked(c)) : json_null());
	if (c->api_status.token_refused) {
		json_object_set_new(j, "token_error",
				    json_string(c->api_status.token_error));
		json_object_set_new(j, "token_read_again",
				    json_string(identity_said_locked(c)));
	}
	json_object_set_new(j, "last_error",
			    json_string(c->api_status.last_error));
	json_object_set_new(j, "last_contact",
			    describe_time(c->api_status.last_ok_wall_ms));
	json_object_set_new(j, "off", json_array());
	rights_each_off_locked(c, off_json, json_object_get(j, "off"));
	json_object_set_new(j, "unsent", unsent_json(&u));
	json_object_set_new(j, "recent_errors", errors);
	json_object_set_new(j, "calls", calls_json(c, &c->api_status));
	json_object_set_new(j, "odd_bases", calls_odd_json_locked(c));
	json_object_set_new(j, "tables", tables_json(c));
	live = live_json(c);
	if (live)
		json_object_set_new(j, "live", live);
	lock_drop(&c->mu);
	return describe_text(j, ret);
}

static const char *word(const json_t *e, const char *key)
{
	const char *s = json_string_value(json_object_get(e, key));

	return s ? s : "";
}

static void text_of_errors(FILE *m, const json_t *list)
{
	json_t *e;
	size_t i;

	if (json_array_size(list))
		fprintf(m, "last refusals:\n");
	json_array_foreach(list, i, e) {
		fprintf(m, "  %s %s: %s [%s]\n", word(e, "time"),
			word(e, "path"), word(e, "reason"), word(e, "errno"));
		if (word(e, "hint")[0])
			fprintf(m, "      %s\n", word(e, "hint"));
	}
}

static void text_of_table(FILE *m, struct cache *c, struct table *t)
{
	int64_t n = 0, age;
	char when[48] = "not read yet", now[64] = "";

	(void)store_count(c->store, t->no, &n);
	age = (clock_wall_ms(c->clock) - t->fresh_at_ms) / 1000;
	if (t->complete)
		snprintf(when, sizeof(when), "read %lld s ago",
			 (long long)(age < 0 ? 0 : age));
	else if (t->fetch)
		snprintf(when, sizeof(when), "being read");
	if (t->fetch && t->complete && t->partial)
		snprintf(now, sizeof(now), ", changes being read");
	else if (t->fetch && t->complete)
		snprintf(now, sizeof(now), ", being read again (%llu so far)",
			 (unsigned long long)t->fetched);
	fprintf(m, "  %s/%s: %lld records, %s%s%s%s\n", t->base->name,
		t->name, (long long)n, when, now, t->last_err ? "; " : "",
		t->last_err ? t->last_text : "");
}

int cache_status_text(struct cache *c, char **ret)
{
	struct cache_unsent u;
	size_t n = 0, i;
	FILE *m = open_memstream(ret, &n);
	json_t *errors;

	if (!m)
		return -ENOMEM;
	errors = errlog_recent(c, RECENT_ERRORS);
	lock_take(&c->mu);
	cache_count_unsent_locked(c, &u);
	fprintf(m, "%s on %s (process %d)\n", c->endpoint,
		c->mountpoint ? c->mountpoint : "?", (int)getpid());
	fprintf(m, "server: %s\n",
		c->api_status.token_refused ? "refuses the token" :
		c->api_status.offline	    ? "cannot be reached" :
					      "fine");
	if (c->api_status.token_refused)
		fprintf(m, "token (%s): %s; what is unsent waits, and the "
			"token is read again by itself%s%s\n",
			c->token_source, c->api_status.token_error,
			*identity_said_locked(c) ? "; last time: " : "",
			identity_said_locked(c));
	if (c->api_status.last_error[0])
		fprintf(m, "last error: %s\n", c->api_status.last_error);
	rights_each_off_locked(c, off_text, m);
	fprintf(m, "unsent: %u queued, %u in conflict, %u rejected, "
		"%u not valid\n", u.queued, u.conflicts, u.rejected, u.drafts);
	fprintf(m, "calls since the mount: %llu (%llu told to slow down)\n",
		(unsigned long long)c->api_status.calls_total,
		(unsigned long long)c->api_status.rate_limited);
	calls_text_locked(c, m);
	text_of_live(m, c);
	text_of_errors(m, errors);
	fprintf(m, "tables:\n");
	for (i = 0; i < c->tables_n; i++)
		if (c->tables[i] && c->tables[i]->listed)
			text_of_table(m, c, c->tables[i]);
	lock_drop(&c->mu);
	json_decref(errors);
	return fclose(m) == 0 ? 0 : -ENOMEM;
}
