#include "comment.h"

#include <stdlib.h>
#include <string.h>

#include "timefmt.h"

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static const char *author_id(const json_t *com)
{
	return text_of(json_object_get(com, "author"), "id");
}

static json_t *now_json(int64_t ms)
{
	char t[TIME_CAP];

	time_iso(ms, t);
	return json_string(t);
}

static struct record *open_record(struct sim *s, struct call *c,
				  unsigned scope, enum level need,
				  struct reply *r)
{
	struct record *rec;

	if (call_open_table(s, c, 1, scope, need, r))
		return NULL;
	rec = base_record(c->base, c->seg[2]);
	if (rec && rec->table == c->table)
		return rec;
	reply_error(r, s->old_missing ? ERR_MODEL_ID : ERR_MODEL);
	return NULL;
}

static size_t place(const struct record *rec, const char *id)
{
	size_t n = json_array_size(rec->comments);
	size_t i;

	for (i = 0; i < n; i++)
		if (!strcmp(text_of(json_array_get(rec->comments, i), "id"),
			    id))
			break;
	return i;
}

/* "@[usrX]" and "@[ugpX]" in a text: the map of who is named, or NULL. */
static json_t *mentions(const struct state *s, const char *text)
{
	json_t *all = NULL;
	const char *p = text;

	while ((p = strstr(p, "@["))) {
		size_t n = strcspn(p + 2, "]");
		char id[ID_CAP];
		json_t *o;
		long at;

		p += 2;
		if (n >= sizeof(id) || p[n] != ']')
			continue;
		memcpy(id, p, n);
		id[n] = '\0';
		at = id_is(id, "usr") ? state_find_user(s, id) : -1;
		if (at < 0 && !id_is(id, "ugp"))
			continue;
		o = json_object();
		json_object_set_new(o, "type", json_string(
			at < 0 ? "userGroup" : "user"));
		json_object_set_new(o, "id", json_string(id));
		if (at >= 0 && s->users[at].email)
			json_object_set_new(o, "email", json_string(
				s->users[at].email));
		json_object_set_new(o, "displayName", json_string(
			at >= 0 && s->users[at].name ? s->users[at].name :
						       id));
		if (!all)
			all = json_object();
		json_object_set_new(all, id, o);
	}
	return all;
}

/* Mail addresses in mentions become the user's id. */
static char *with_ids(const struct state *s, const char *text)
{
	struct buf b = BUF_INIT;
	const char *at;

	while ((at = strstr(text, "@["))) {
		size_t n = strcspn(at + 2, "]");
		char mail[200];
		long who = -1;

		buf_add(&b, text, (size_t)(at - text) + 2);
		text = at + 2;
		if (n >= sizeof(mail) || text[n] != ']' ||
		    !memchr(text, '@', n))
			continue;
		memcpy(mail, text, n);
		mail[n] = '\0';
		who = state_find_user(s, mail);
		if (who < 0)
			continue;
		buf_str(&b, s->users[who].id);
		text += n;
	}
	buf_str(&b, text);
	return buf_steal(&b);
}

static json_t *shown(const struct state *s, const json_t *com)
{
	json_t *o = json_copy((json_t *)(uintptr_t)com);
	long at = state_find_user(s, author_id(com));
	json_t *named = mentions(s, text_of(com, "text"));

	if (at >= 0)
		json_object_set_new(o, "author",
				    state_user_json(s, (uint32_t)at));
	if (named)
		json_object_set_new(o, "mentioned", named);
	if (!json_object_get(o, "lastUpdatedTime"))
		json_object_set_new(o, "lastUpdatedTime", json_null());
	return o;
}

static void answer(const struct state *s, const json_t *com, struct reply *r)
{
	json_t *o = shown(s, com);

	buf_json(&r->body, o);
	json_decref(o);
}

static int page_of(const struct call *c, size_t *page, const char **offset,
		   struct reply *r)
{
	*page = COMMENT_PAGE_MAX;
	*offset = NULL;
	for (size_t i = 0; i < c->query.n; i++) {
		const struct param *p = &c->query.v[i];
		char *end;
		long n;

		if (!strcmp(p->key, "offset")) {
			*offset = *p->value ? p->value : NULL;
			continue;
		}
		n = strtol(p->value, &end, 10);
		if (strcmp(p->key, "pageSize") != 0 || !*p->value || *end ||
		    n < 1 || n > COMMENT_PAGE_MAX)
			return reply_error(r, ERR_PARAM);
		*page = (size_t)n;
	}
	return 0;
}

int comment_list(struct sim *s, struct call *c, struct reply *r)
{
	const char *offset;
	struct record *rec;
	size_t page, i;

	if (page_of(c, &page, &offset, r))
		return -1;
	rec = open_record(s, c, SC_COMMENTS_READ, LV_READ, r);
	if (!rec)
		return -1;
	i = json_array_size(rec->comments);
	if (offset) {	/* the comment the page begins with */
		size_t at = place(rec, offset);

		if (at == i)
			return reply_errorf(r, ERR_OFFSET, "The value of "
					    "offset %s is invalid", offset);
		i = at + 1;
	}
	buf_str(&r->body, "{\"comments\":[");
	for (size_t n = 0; i && n < page; n++) {
		if (n)
			buf_chr(&r->body, ',');
		answer(s->state, json_array_get(rec->comments, --i), r);
	}
	buf_str(&r->body, "],\"offset\":");
	if (i)
		buf_printf(&r->body, "\"%s\"}",
			   text_of(json_array_get(rec->comments, i - 1),
				   "id"));
	else
		buf_str(&r->body, "null}");
	return 0;
}

static int body_text(struct call *c, bool create, const char **text,
		     const char **parent, struct reply *r)
{
	static const char *const keys[] = { "text", "parentCommentId", NULL };
	static const char *const only[] = { "text", NULL };
	const json_t *t = json_object_get(c->json, "text");
	const json_t *p = json_object_get(c->json, "parentCommentId");

	if (c->query.n || !call_only_keys(c->json, create ? keys : only) ||
	    !json_is_string(t) || !json_string_length(t) ||
	    (p && !json_is_string(p)))
		return reply_error(r, ERR_PARAM);
	*text = json_string_value(t);
	*parent = json_string_value(p);
	return 0;
}

int comment_create(struct sim *s, struct call *c, struct reply *r)
{
	const char *text, *parent;
	struct record *rec;
	char id[ID_CAP];
	char *clean;
	json_t *o;

	if (body_text(c, true, &text, &parent, r))
		return -1;
	rec = open_record(s, c, SC_COMMENTS_WRITE, LV_COMMENT, r);
	if (!rec)
		return -1;
	if (parent) {
		size_t at = place(rec, parent);

		if (at == json_array_size(rec->comments))
			return reply_error(r, ERR_MODEL);
		if (json_object_get(json_array_get(rec->comments, at),
				    "parentCommentId"))
			return reply_error(r, ERR_PARAM);
	}
	id_make(&s->state->rng, "com", id);
	clean = with_ids(s->state, text);
	o = json_object();
	json_object_set_new(o, "id", json_string(id));
	json_object_set_new(o, "author",
			    state_user_json(s->state, c->actor.user));
	json_object_set_new(o, "createdTime", now_json(c->actor.now_ms));
	json_object_set_new(o, "lastUpdatedTime", json_null());
	json_object_set_new(o, "text", json_string(clean));
	if (parent)
		json_object_set_new(o, "parentCommentId", json_string(parent));
	free(clean);
	if (!rec->comments)
		rec->comments = json_array();
	json_array_append_new(rec->comments, o);
	answer(s->state, o, r);
	return 0;
}

/* One's own comment, to be changed. */
static struct record *open_own(struct sim *s, struct call *c, size_t *at,
			       struct reply *r)
{
	struct record *rec = open_record(s, c, SC_COMMENTS_WRITE, LV_COMMENT,
					 r);
	const json_t *com;

	if (!rec)
		return NULL;
	*at = place(rec, c->seg[4]);
	com = json_array_get(rec->comments, *at);
	if (!com) {
		reply_error(r, s->old_missing ? ERR_OBJECT : ERR_MODEL);
		return NULL;
	}
	if (strcmp(author_id(com), s->state->users[c->actor.user].id) != 0) {
		reply_error(r, ERR_OPERATION);
		return NULL;
	}
	return rec;
}

int comment_update(struct sim *s, struct call *c, struct reply *r)
{
	const char *text, *parent;
	struct record *rec;
	char *clean;
	size_t at;
	json_t *o;

	if (body_text(c, false, &text, &parent, r))
		return -1;
	rec = open_own(s, c, &at, r);
	if (!rec)
		return -1;
	clean = with_ids(s->state, text);
	o = json_array_get(rec->comments, at);
	json_object_set_new(o, "text", json_string(clean));
	json_object_set_new(o, "lastUpdatedTime", now_json(c->actor.now_ms));
	json_object_del(o, "mentioned");
	free(clean);
	answer(s->state, o, r);
	return 0;
}

int comment_delete(struct sim *s, struct call *c, struct reply *r)
{
	struct record *rec;
	size_t at;

	if (c->query.n)
		return reply_error(r, ERR_PARAM);
	rec = open_own(s, c, &at, r);
	if (!rec)
		return -1;
	buf_printf(&r->body, "{\"id\":\"%s\",\"deleted\":true}",
		   text_of(json_array_get(rec->comments, at), "id"));
	json_array_remove(rec->comments, at);
	return 0;
}

void comment_fill(struct state *s, struct record *r, size_t n)
{
	json_decref(r->comments);
	r->comments = json_array();
	for (size_t i = 0; i < n; i++) {
		json_t *o = json_object();
		struct buf b = BUF_INIT;
		char id[ID_CAP];

		id_make(&s->rng, "com", id);
		buf_printf(&b, "Comment %zu", i + 1);
		json_object_set_new(o, "id", json_string(id));
		json_object_set_new(o, "author",
				    state_user_json(s, r->created_by));
		json_object_set_new(o, "createdTime",
				    now_json((r->created_s + (int64_t)i) *
					     1000));
		json_object_set_new(o, "lastUpdatedTime", json_null());
		json_object_set_new(o, "text", json_string(b.p));
		buf_release(&b);
		json_array_append_new(r->comments, o);
	}
}
