#include "account.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "airtable/keyring.h"
#include "internal.h"

#define BASE_PAGES_MAX 100
#define TURN_MS 1000

struct account {
	struct config settings;
	char *profile, *endpoint, *token_file, *ca_file;
	struct token token;     /* moved into the api with the first call */
	struct loop *loop;
	struct api *api;
	char source[128], disagreement[300];
	bool looks_cut;
};

/* The order is that of what a person wants to know first. */
static const struct {
	const char *scope, *what, *without;
} rights[ACCOUNT_RIGHTS] = {
	{ "schema.bases:read", "bases and tables",
	  "nothing can be mounted" },
	{ "data.records:read", "reading records", "no record can be read" },
	{ "data.records:write", "writing records", "everything is read-only" },
	{ "data.recordComments:read", "reading comments",
	  "there are no comments" },
	{ "data.recordComments:write", "writing comments",
	  "comments are read-only" },
	{ "schema.bases:write", "making tables and fields",
	  "tables and fields cannot be changed" },
	{ "webhook:manage", "changes as they happen",
	  "what others change is noticed after ttl, not at once" },
	{ "user.email:read", "your mail address", "only your user id is known" },
};
enum { R_SCHEMA, R_READ, R_WRITE, R_COMMENTS, R_COMMENT_WRITE, R_SCHEMA_WRITE,
       R_HOOKS, R_EMAIL };

/* ---- opening ---- */

static int copy(char **dst, const char *src)
{
	*dst = src ? strdup(src) : NULL;
	return src && !*dst ? -ENOMEM : 0;
}

int account_open(const struct account_config *conf, struct account **ret,
		 struct atfs_error *reterr)
{
	struct account *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return -ENOMEM;
	r = copy(&a->profile, conf->profile ? conf->profile : "default");
	if (r == 0)
		r = copy(&a->token_file, conf->token_file);
	if (r == 0)
		r = copy(&a->ca_file, conf->ca_file);
	if (r == 0)
		r = config_load(a->profile, &a->settings, reterr);
	if (r == 0)
		r = config_endpoint(&a->settings, conf->endpoint, &a->endpoint,
				    reterr);
	if (r < 0) {
		account_free(a);
		return r;
	}
	*ret = a;
	return 0;
}

void account_free(struct account *a)
{
	if (!a)
		return;
	if (a->api)
		api_free(a->api);
	loop_free(a->loop);
	token_release(&a->token);
	config_release(&a->settings);
	free(a->profile);
	free(a->endpoint);
	free(a->token_file);
	free(a->ca_file);
	free(a);
}

const char *account_profile(const struct account *a)
{
	return a->profile;
}

const char *account_endpoint(const struct account *a)
{
	return a->endpoint;
}

enum account_store account_default_store(const struct account *a)
{
	return a->settings.token_store &&
	       strcmp(a->settings.token_store, "file") == 0 ?
		       ACCOUNT_FILE : ACCOUNT_KEYRING;
}

/* ---- the token ---- */

static struct token_config sources_of(const struct account *a)
{
	return (struct token_config){
		.token_file = a->token_file,
		.profile = a->profile,
		.endpoint = a->endpoint,
		.command = a->settings.token_command,
	};
}

static void note_token(struct account *a)
{
	memcpy(a->source, a->token.source, sizeof(a->source));
	a->looks_cut = strncmp(a->token.secret, "pat", 3) == 0 &&
		       !strchr(a->token.secret, '.');
}

int account_take_token(struct account *a, const char *bytes, size_t n,
		       struct atfs_error *reterr)
{
	int r = token_take(&a->token, bytes, n, "what was entered", reterr);

	if (r == 0)
		note_token(a);
	return r;
}

int account_find_token(struct account *a, struct atfs_error *reterr)
{
	struct token_config tc = sources_of(a);
	int r = token_load(&a->token, &tc, reterr);

	if (r < 0)
		return r;
	note_token(a);
	(void)token_disagrees(&a->token, &tc, true, a->disagreement,
			      sizeof(a->disagreement));
	token_clean_environment();
	return 0;
}

const char *account_source(const struct account *a)
{
	return a->source;
}

const char *account_disagreement(const struct account *a)
{
	return a->disagreement;
}

bool account_token_looks_cut(const struct account *a)
{
	return a->looks_cut;
}

/* ---- calls, one at a time ---- */

static int start(struct account *a, struct atfs_error *reterr)
{
	struct http_curl_config hc = { .ca_file = a->ca_file,
				       .user_agent = "airtablefs/" ATFS_VERSION,
				       .max_connections = 2 };
	char *pace = dirs_pace_path(a->endpoint);
	struct api_config ac = { .endpoint = a->endpoint, .pace_file = pace };
	struct http_transport transport;
	int r = loop_new(&system_clock, &a->loop);

	if (r == 0)
		r = http_curl_new(a->loop, &hc, &transport);
	if (r == 0) {
		/* a copy: ours is still to be stored */
		r = token_take(&ac.token, a->token.secret, a->token.secret_n,
			       a->token.source, reterr);
		if (r == 0)
			r = api_new(a->loop, &transport, &ac, &a->api, reterr);
		if (r < 0) {
			transport.free(transport.ctx);
			token_release(&ac.token);
		}
	}
	free(pace);
	return r;
}

struct result {
	bool done;
	json_t *json;
	int64_t date_ms;
	struct atfs_error err;
};

static void on_done(void *arg, const struct api_answer *ans)
{
	struct result *r = arg;

	r->done = true;
	r->json = json_incref(ans->json);
	r->date_ms = ans->date_wall_ms;
	r->err = *ans->err;
}

/* *ret is a new reference; date_ms may be NULL. */
static int call(struct account *a, struct api_call *c, json_t **ret,
		int64_t *date_ms, struct atfs_error *reterr)
{
	struct result res = { .done = false };
	int64_t id;
	int r = a->api ? 0 : start(a, reterr);

	if (r < 0)
		return r;
	c->priority = API_INTERACTIVE;
	c->done = on_done;
	c->arg = &res;
	id = api_submit(a->api, c);
	if (id < 0)
		return (int)id;
	while (!res.done)
		loop_turn(a->loop, TURN_MS);
	*reterr = res.err;
	*ret = res.json;
	if (date_ms)
		*date_ms = res.date_ms;
	return res.err.err;
}

/* ---- who ---- */

static void read_scopes(struct account_facts *f, const json_t *who)
{
	const json_t *scopes = json_object_get(who, "scopes"), *s;
	size_t i, k;

	if (!json_is_array(scopes)) /* a personal token tells none */
		return;
	for (i = 0; i < ACCOUNT_RIGHTS; i++) {
		f->rights[i].state = ACCOUNT_OFF;
		json_array_foreach(scopes, k, s)
			if (json_is_string(s) &&
			    strcmp(json_string_value(s), rights[i].scope) == 0)
				f->rights[i].state = ACCOUNT_ON;
	}
}

static int who(struct account *a, struct account_facts *f,
	       struct atfs_error *e)
{
	struct api_call c = { .kind = API_WHOAMI };
	int64_t before = clock_wall_ms(&system_clock), after, date = 0;
	const char *text;
	json_t *j = NULL;
	int r = call(a, &c, &j, &date, e);

	if (r < 0)
		return r;
	after = clock_wall_ms(&system_clock);
	/* the header has whole seconds, cut off */
	if (date > 0 && before < date - 1000)
		f->skew_ms = before - date;
	else if (date > 0 && after > date + 2000)
		f->skew_ms = after - date - 1000;
	text = json_string_value(json_object_get(j, "id"));
	id_copy(f->user, text ? text : "");
	text = json_string_value(json_object_get(j, "email"));
	if (text)
		f->email = strdup(text);
	f->rights[R_EMAIL].state = text ? ACCOUNT_ON : ACCOUNT_OFF;
	read_scopes(f, j);
	json_decref(j);
	return 0;
}

/* ---- which bases ---- */

static int add_base(struct account_facts *f, const json_t *j)
{
	const char *id = json_string_value(json_object_get(j, "id"));
	const char *name = json_string_value(json_object_get(j, "name"));
	const char *level =
		json_string_value(json_object_get(j, "permissionLevel"));
	struct account_base *b;

	if (!id || !id_is_valid(id, "app"))
		return 0;
	b = reallocarray(f->bases, f->bases_n + 1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	f->bases = b;
	b = &f->bases[f->bases_n];
	memset(b, 0, sizeof(*b));
	id_copy(b->id, id);
	b->name = strdup(name ? name : "");
	snprintf(b->level, sizeof(b->level), "%s", level ? level : "?");
	if (!b->name)
		return -ENOMEM;
	f->bases_n++;
	return 0;
}

static int bases(struct account *a, struct account_facts *f,
		 struct atfs_error *e)
{
	char *offset = NULL;
	unsigned pages = 0;
	int r;

	do {
		struct api_call c = { .kind = API_LIST_BASES,
				      .offset = offset };
		const char *next;
		json_t *j = NULL, *b;
		size_t i;

		r = call(a, &c, &j, NULL, e);
		json_array_foreach(json_object_get(j, "bases"), i, b)
			if (r == 0)
				r = add_base(f, b);
		next = json_string_value(json_object_get(j, "offset"));
		free(offset);
		offset = r == 0 && next && *next ? strdup(next) : NULL;
		json_decref(j);
	} while (offset && ++pages < BASE_PAGES_MAX);
	free(offset);
	return r;
}

/* ---- what else: by trying ---- */

static void judge(struct account_right *right, int r,
		  const struct atfs_error *e)
{
	if (r == 0)
		right->state = ACCOUNT_ON;
	else if (e->cls == ERROR_ACCESS || e->cls == ERROR_GONE)
		right->state = ACCOUNT_OFF;
	else
		right->state = ACCOUNT_UNKNOWN;
	if (r < 0)
		memcpy(right->why, e->text, sizeof(right->why));
}

static const char *first_id(json_t *j, const char *list, const char *prefix)
{
	const char *id = json_string_value(json_object_get(
		json_array_get(json_object_get(j, list), 0), "id"));

	return id && id_is_valid(id, prefix) ? id : NULL;
}

static const struct account_base *open_base(const struct account_facts *f)
{
	size_t i;

	for (i = 0; i < f->bases_n; i++)
		if (strcmp(f->bases[i].level, "none") != 0)
			return &f->bases[i];
	return NULL;
}

static void probe(struct account *a, struct account_facts *f)
{
	const struct account_base *b = open_base(f);
	struct api_call c = { .kind = API_SCHEMA, .page_size = 1 };
	struct atfs_error e = { .err = 0 };
	const char *id;
	json_t *j = NULL;
	int r;

	if (!b)
		return;
	id_copy(c.base.s, b->id);
	r = call(a, &c, &j, NULL, &e);
	id = first_id(j, "tables", "tbl");
	if (r == 0 && id) {
		id_copy(c.table.s, id);
		json_decref(j);
		j = NULL;
		c.kind = API_LIST_RECORDS;
		r = call(a, &c, &j, NULL, &e);
		judge(&f->rights[R_READ], r, &e);
		id = first_id(j, "records", "rec");
		if (r == 0 && id) {
			id_copy(c.record.s, id);
			json_decref(j);
			j = NULL;
			c.kind = API_COMMENTS;
			r = call(a, &c, &j, NULL, &e);
			judge(&f->rights[R_COMMENTS], r, &e);
		}
	}
	json_decref(j);
	j = NULL;
	c.kind = API_HOOKS;
	r = call(a, &c, &j, NULL, &e);
	judge(&f->rights[R_HOOKS], r, &e);
	json_decref(j);
}

int account_look(struct account *a, bool with_rights,
		 struct account_facts *ret, struct atfs_error *reterr)
{
	size_t i;
	int r;

	memset(ret, 0, sizeof(*ret));
	for (i = 0; i < ACCOUNT_RIGHTS; i++)
		ret->rights[i] = (struct account_right){
			.scope = rights[i].scope, .what = rights[i].what,
			.without = rights[i].without,
			.state = ACCOUNT_UNKNOWN };
	r = who(a, ret, reterr);
	if (r < 0)
		return r;
	r = bases(a, ret, reterr);
	if (r < 0 && reterr->cls != ERROR_ACCESS)
		return r;
	judge(&ret->rights[R_SCHEMA], r, reterr);
	if (r == 0 && with_rights)
		probe(a, ret);
	reterr->err = 0;
	return 0;
}

void account_facts_release(struct account_facts *f)
{
	size_t i;

	for (i = 0; i < f->bases_n; i++)
		free(f->bases[i].name);
	free(f->bases);
	free(f->email);
	memset(f, 0, sizeof(*f));
}

/* ---- keeping it ---- */

int account_can_keep(struct account *a, enum account_store where,
		     struct atfs_error *reterr)
{
	(void)a;
	return where == ACCOUNT_KEYRING ? keyring_check(reterr) : 0;
}

int account_keep(struct account *a, enum account_store where, char **ret_where,
		 struct atfs_error *reterr)
{
	struct atfs_error e = { .err = 0 };
	int r;

	*ret_where = NULL;
	if (where == ACCOUNT_KEYRING) {
		r = keyring_put(a->profile, a->endpoint, &a->token, reterr);
		if (r == 0)
			(void)token_store_drop(a->profile, a->endpoint, &e);
		if (r == 0)
			*ret_where = strdup("the keyring");
	} else {
		r = token_store_put(a->profile, a->endpoint, &a->token,
				    ret_where, reterr);
		if (r == 0)
			(void)keyring_drop(a->profile, a->endpoint, &e);
	}
	return r == 0 && !*ret_where ? -ENOMEM : r;
}

int account_forget(struct account *a, struct atfs_error *reterr)
{
	struct atfs_error e = { .err = 0 };
	int file = token_store_drop(a->profile, a->endpoint, reterr);
	int ring = keyring_drop(a->profile, a->endpoint, &e);

	if (file < 0 && file != -ENOKEY)
		return file;
	if (ring == 0 || (file == 0 && (ring == -ENOKEY || ring == -ENOTCONN)))
		return 0;
	*reterr = e; /* one that cannot be asked may still hold it */
	return ring == -ENOTCONN ? -ENOKEY : ring;
}

bool account_is_overruled(struct account *a, char *say, size_t say_n)
{
	struct token_config tc = sources_of(a);
	struct atfs_error e = { .err = 0 };
	struct token t;
	bool differs;
	int r = token_load(&t, &tc, &e);

	if (r < 0) {
		snprintf(say, say_n, "%s", e.text);
		return true;
	}
	differs = !token_same(&t, &a->token);
	if (differs)
		snprintf(say, say_n, "%s goes before what is stored, and "
			 "holds another token", t.source);
	token_release(&t);
	return differs;
}
