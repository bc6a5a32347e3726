#include "schema_write.h"

#include <string.h>

#include "timefmt.h"

static const char *const parts[] = { "collaborators", "inviteLinks",
				     "interfaces", NULL };

static int include(const struct call *c, unsigned *want)
{
	*want = 0;
	for (size_t i = 0; i < c->query.n; i++) {
		const char *k = c->query.v[i].key;
		unsigned p = 0;

		if (strncmp(k, "include", 7) != 0 || (k[7] && k[7] != '['))
			return -1;
		while (parts[p] && strcmp(parts[p], c->query.v[i].value))
			p++;
		if (!parts[p])
			return -1;
		*want |= 1u << p;
	}
	return 0;
}

static json_t *iso(int64_t s)
{
	char t[TIME_CAP];

	time_iso(s * 1000, t);
	return json_string(t);
}

/* Everybody there is, with the base's own level. */
static json_t *people(const struct state *st, const struct base *b)
{
	json_t *list = json_array(), *o = json_object();

	for (size_t i = 0; i < st->users_n; i++) {
		const struct user *u = &st->users[i];
		json_t *p = json_object();

		json_object_set_new(p, "createdTime", iso(b->created_s));
		json_object_set_new(p, "userId", json_string(u->id));
		json_object_set_new(p, "grantedByUserId",
				    json_string(st->users[0].id));
		json_object_set_new(p, "permissionLevel",
				    json_string(i ? level_name(b->level) :
						    "create"));
		if (u->email)
			json_object_set_new(p, "email", json_string(u->email));
		json_array_append_new(list, p);
	}
	json_object_set_new(o, "baseCollaborators", list);
	json_object_set_new(o, "workspaceCollaborators", json_array());
	return o;
}

static json_t *no_one(const char *a, const char *b)
{
	json_t *o = json_object();

	json_object_set_new(o, a, json_array());
	json_object_set_new(o, b, json_array());
	return o;
}

static void part(json_t *o, const struct base *b, const char *key,
		 json_t *made_up)
{
	json_t *loaded = json_object_get(b->people, key);

	if (loaded)
		json_object_set(o, key, loaded);
	else
		json_object_set(o, key, made_up);
	json_decref(made_up);
}

int schema_base(struct sim *s, struct call *c, struct reply *r)
{
	const unsigned any = SC_SCHEMA_READ | SC_PEOPLE_READ;
	unsigned want;
	json_t *o;

	if (include(c, &want))
		return reply_error(r, ERR_PARAM);
	if (!(c->token->scopes & any))
		return reply_error(r, ERR_MODEL);
	if (call_open(s, c, 0, LV_READ, r))
		return -1;
	o = json_object();
	json_object_set_new(o, "id", json_string(c->base->id));
	json_object_set_new(o, "name", json_string(c->base->name));
	json_object_set_new(o, "createdTime", iso(c->base->created_s));
	json_object_set_new(o, "permissionLevel",
			    json_string(level_name(c->level)));
	json_object_set_new(o, "workspaceId", json_string(c->base->workspace));
	if (want & 1) {
		part(o, c->base, "individualCollaborators",
		     people(s->state, c->base));
		part(o, c->base, "groupCollaborators",
		     no_one("baseCollaborators", "workspaceCollaborators"));
		json_object_set(o, "collaborators", json_object_get(
			o, "individualCollaborators"));
	}
	if (want & 2)
		part(o, c->base, "inviteLinks",
		     no_one("baseInviteLinks", "workspaceInviteLinks"));
	if (want & 4)
		part(o, c->base, "interfaces", json_object());
	part(o, c->base, "packageInstallations", json_array());
	buf_json(&r->body, o);
	json_decref(o);
	return 0;
}
