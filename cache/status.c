/* What people and programs want to know of the whole mount: status, as text and
 * as JSON. */
#include "describe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "identity.h"

#define RECENT_ERRORS 3 /* of errors.ndjson */

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
