#include "token.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mem.h"

static const struct {
	const char *name;
	unsigned bit;
} scopes[] = {
	{ "data.records:read", SC_RECORDS_READ },
	{ "data.records:write", SC_RECORDS_WRITE },
	{ "data.recordComments:read", SC_COMMENTS_READ },
	{ "data.recordComments:write", SC_COMMENTS_WRITE },
	{ "schema.bases:read", SC_SCHEMA_READ },
	{ "schema.bases:write", SC_SCHEMA_WRITE },
	{ "webhook:manage", SC_WEBHOOK },
	{ "user.email:read", SC_EMAIL },
	{ "workspacesAndBases:read", SC_PEOPLE_READ },
	{ "block:manage", SC_BLOCKS },
};

struct token *tokens_find(const struct tokens *t, const char *secret)
{
	for (size_t i = 0; i < t->n; i++)
		if (!strcmp(t->v[i]->secret, secret))
			return t->v[i];
	return NULL;
}

const struct token *tokens_authenticate(const struct tokens *t,
					const char *header)
{
	const struct token *k;

	if (!header || strncasecmp(header, "Bearer ", 7) != 0)
		return NULL;
	k = tokens_find(t, header + 7);
	return k && !k->revoked ? k : NULL;
}

static int set_scopes(struct token *k, const json_t *v, const char **why)
{
	if (json_is_string(v)) {
		k->scopes = SC_ALL;
		*why = "scopes: an array or \"all\"";
		return strcmp(json_string_value(v), "all") ? -1 : 0;
	}
	if (!json_is_array(v)) {
		*why = "scopes: an array or \"all\"";
		return -1;
	}
	k->scopes = 0;
	for (size_t i = 0; i < json_array_size(v); i++) {
		const char *s = json_string_value(json_array_get(v, i));
		size_t j, n = sizeof(scopes) / sizeof(scopes[0]);

		for (j = 0; j < n && (!s || strcmp(scopes[j].name, s)); j++)
			;
		if (j == n) {
			*why = "scopes: unknown scope";
			return -1;
		}
		k->scopes |= scopes[j].bit;
	}
	return 0;
}

static int set_bases(struct token *k, json_t *v, const char **why)
{
	free(k->grants);
	k->grants = NULL;
	k->grants_n = 0;
	k->all_bases = json_is_string(v);
	if (k->all_bases)
		return 0;
	if (!json_is_object(v)) {
		*why = "bases: an object or \"all\"";
		return -1;
	}
	k->grants = sim_alloc((json_object_size(v) + 1) * sizeof(*k->grants));
	for (void *it = json_object_iter(v); it;
	     it = json_object_iter_next(v, it)) {
		const char *l = json_string_value(json_object_iter_value(it));
		const char *id = json_object_iter_key(it);
		struct grant *g = &k->grants[k->grants_n++];

		memcpy(g->base, id, strnlen(id, ID_CAP - 1));
		g->level = l ? level_of_name(l) : LV_NONE;
	}
	return 0;
}

static int set_user(struct token *k, struct state *s, const char *user,
		    const char **why)
{
	long at = state_find_user(s, user);

	if (at < 0 && !id_is(user, "usr")) {
		*why = "user: a known user's id or mail, or a new usr id";
		return -1;
	}
	k->user = at < 0 ? state_user(s, user, NULL, NULL) : (uint32_t)at;
	return 0;
}

int token_set(struct tokens *t, struct state *s, const json_t *o,
	      const char **why)
{
	const char *secret = json_string_value(json_object_get(o, "token"));
	const char *user = json_string_value(json_object_get(o, "user"));
	const char *fresh = json_string_value(json_object_get(o, "new_token"));
	const json_t *sc = json_object_get(o, "scopes");
	json_t *bases = json_object_get(o, "bases");
	const json_t *flag;
	struct token *k;

	if (!secret || !*secret) {
		*why = "token: missing";
		return -1;
	}
	k = tokens_find(t, secret);
	if (!k) {
		k = sim_alloc(sizeof(*k));
		k->secret = sim_strdup(secret);
		k->scopes = SC_ALL;
		k->all_bases = true;
		t->v = sim_grow(t->v, t->n, &t->cap, sizeof(struct token *));
		t->v[t->n++] = k;
	}
	if (user && set_user(k, s, user, why))
		return -1;
	if (sc && set_scopes(k, sc, why))
		return -1;
	if (bases && set_bases(k, bases, why))
		return -1;
	flag = json_object_get(o, "revoked");
	if (flag)
		k->revoked = json_is_true(flag);
	flag = json_object_get(o, "oauth");
	if (flag)
		k->oauth = json_is_true(flag);
	if (fresh) {
		free(k->secret);
		k->secret = sim_strdup(fresh);
		k->revoked = false;
	}
	return 0;
}

json_t *token_scopes_json(const struct token *k)
{
	json_t *a = json_array();

	for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++)
		if (k->scopes & scopes[i].bit)
			json_array_append_new(a, json_string(scopes[i].name));
	return a;
}

json_t *token_json(const struct token *k, const struct state *s)
{
	json_t *o = json_object();
	json_t *bases = json_string("all");

	if (!k->all_bases) {
		json_decref(bases);
		bases = json_object();
		for (size_t i = 0; i < k->grants_n; i++)
			json_object_set_new(
				bases, k->grants[i].base,
				json_string(level_name(k->grants[i].level)));
	}
	json_object_set_new(o, "token", json_string(k->secret));
	json_object_set_new(o, "user", json_string(s->users[k->user].id));
	json_object_set_new(o, "scopes", token_scopes_json(k));
	json_object_set_new(o, "bases", bases);
	json_object_set_new(o, "revoked", json_boolean(k->revoked));
	json_object_set_new(o, "oauth", json_boolean(k->oauth));
	return o;
}

enum level token_level(const struct token *k, const struct base *b)
{
	if (k->all_bases)
		return b->level;
	for (size_t i = 0; i < k->grants_n; i++)
		if (!strcmp(k->grants[i].base, b->id))
			return k->grants[i].level;
	return LV_NONE;
}

void tokens_free(struct tokens *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free(t->v[i]->secret);
		free(t->v[i]->grants);
		free(t->v[i]);
	}
	free(t->v);
	*t = (struct tokens){ 0 };
}
