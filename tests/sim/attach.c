#include "attach.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "blob.h"
#include "cellval.h"
#include "files.h"
#include "mem.h"
#include "sample.h"
#include "timefmt.h"

/* An attachment the cell holds already, by id. */
static json_t *kept(const struct record *rec, const struct field *f,
		    const char *id)
{
	const json_t *list = rec ? rec->cells[f->index].v : NULL;

	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *a = json_array_get(list, i);
		const char *s = json_string_value(json_object_get(a, "id"));

		if (s && !strcmp(s, id))
			return a;
	}
	return NULL;
}

static bool known_keys(const json_t *in)
{
	json_t *o = (json_t *)(uintptr_t)in;	/* iteration takes no const */

	for (void *it = json_object_iter(o); it;
	     it = json_object_iter_next(o, it)) {
		const char *k = json_object_iter_key(it);

		if (strcmp(k, "id") != 0 && strcmp(k, "url") != 0 &&
		    strcmp(k, "filename") != 0)
			return false;
	}
	return true;
}

static bool own_url(const struct attachments *t, const char *url,
		    const char **path)
{
	char root[100];
	int n = snprintf(root, sizeof(root), "http://%s:%u/", t->host,
			 t->port);

	if (!t->port || strncmp(url, root, (size_t)n) != 0)
		return false;
	*path = url + n - 1;
	return true;
}

/* The file behind a URL: a copy of our own, or made up from the URL where
 * it points elsewhere, since nothing is fetched from other hosts. */
static void fetch(struct cell_plan *p, const char *id, const char *url,
		  const char *name)
{
	struct attachments *t = p->state->files;
	const char *path, *thumb;
	struct blob *from = NULL, *b;
	bool own = own_url(t, url, &path);
	int status = 200;

	if (own && !strncmp(path, "/v3/", 4))
		from = blob_by_path(t, path, p->actor.now_ms, &status, &thumb);
	if (from) {
		char *data = sim_alloc(from->n + 1);

		memcpy(data, from->data, from->n);
		b = blob_add(t, id, data, from->n, from->type);
		b->width = from->width;
		b->height = from->height;
	} else {
		b = blob_sample(t, id, url, sample_type(name), own ?
				files_static_size(path) : 0);
	}
	b->failed = status != 200 || (!own && t->foreign_fails);
	b->ready_ms = p->actor.now_ms + t->late_ms + b->failed;
}

static json_t *fresh(struct cell_plan *p, const json_t *in, const char *url)
{
	const char *given = json_string_value(json_object_get(in, "filename"));
	const char *slash = strrchr(url, '/');
	json_t *a = json_object();
	char id[ID_CAP];
	char *name;

	if (!given)
		given = slash && slash[1] ? slash + 1 : "file";
	name = sim_strndup(given, strcspn(given, "?#"));
	id_make(&p->state->rng, "att", id);
	json_object_set_new(a, "id", json_string(id));
	json_object_set_new(a, "url", json_string(url));
	json_object_set_new(a, "filename", json_string(name));
	if (p->state->files)
		fetch(p, id, url, name);
	free(name);
	return a;
}

static json_t *one(struct cell_plan *p, const struct record *rec,
		   const struct field *f, const json_t *in)
{
	const char *id = json_string_value(json_object_get(in, "id"));
	const char *url = json_string_value(json_object_get(in, "url"));

	if (!json_is_object(in) || !known_keys(in))
		return NULL;
	if (id && !json_object_get(in, "filename"))
		return json_incref(kept(rec, f, id));
	if (!id && url && (!strncmp(url, "http://", 7) ||
			   !strncmp(url, "https://", 8)))
		return fresh(p, in, url);
	return NULL;
}

int attach_check(struct cell_plan *p, const struct record *rec,
		 const struct field *f, const json_t *in, json_t **out,
		 struct reply *rep)
{
	json_t *list;

	if (!json_is_array(in))
		return cell_refuse(f, rep);
	list = json_array();
	for (size_t i = 0; i < json_array_size(in); i++) {
		json_t *a = one(p, rec, f, json_array_get(in, i));

		if (!a) {
			json_decref(list);
			return reply_error(rep, ERR_ATTACHMENT);
		}
		json_array_append_new(list, a);
	}
	*out = list;
	return 0;
}

static int upload_body(const struct sim *s, const struct call *c, char **data, size_t *n,
		       struct reply *r)
{
	static const char *const keys[] = { "contentType", "file", "filename",
					    NULL };
	const json_t *file = json_object_get(c->json, "file");

	if (c->query.n || !call_only_keys(c->json, keys) ||
	    !json_is_string(json_object_get(c->json, "contentType")) ||
	    !json_is_string(json_object_get(c->json, "filename")) ||
	    !json_is_string(file))
		return reply_error(r, ERR_PARAM);
	*data = base64_decode(json_string_value(file),
			      json_string_length(file), n);
	if (!*data)
		return reply_error(r, ERR_PARAM);
	if (*n <= ATTACH_UPLOAD_MAX)
		return 0;
	free(*data);
	return reply_error(r, s->state->quirk.upload_422 ? ERR_UPLOAD :
							   ERR_TOO_LARGE);
}

static void upload_answer(struct sim *s, struct record *rec, struct field *f,
			  struct reply *r)
{
	json_t *v = cell_json(s->state, rec, f);
	char made[TIME_CAP];

	time_iso(rec->created_s * 1000, made);
	buf_printf(&r->body, "{\"id\":\"%s\",\"createdTime\":\"%s\","
		   "\"fields\":{%s", rec->id, made, f->key_id);
	buf_json(&r->body, v);
	buf_str(&r->body, "}}");
	json_decref(v);
}

static void append(struct sim *s, struct call *c, struct record *rec,
		   struct field *f, char *data, size_t n)
{
	const char *type =
		json_string_value(json_object_get(c->json, "contentType"));
	json_t *list = json_array();
	json_t *a = json_object();
	char id[ID_CAP];

	id_make(&s->state->rng, "att", id);
	json_object_set_new(a, "id", json_string(id));
	json_object_set_new(a, "url", json_string(""));
	json_object_set(a, "filename", json_object_get(c->json, "filename"));
	json_object_set_new(a, "size", json_integer((json_int_t)n));
	json_object_set_new(a, "type", json_string(type));
	if (rec->cells[f->index].v)
		json_array_extend(list, rec->cells[f->index].v);
	json_array_append_new(list, a);
	blob_add(s->state->files, id, data, n, type);
	record_set(rec, f, list, &c->actor);
}

int attach_upload(struct sim *s, struct call *c, struct reply *r)
{
	struct record *rec;
	struct field *f;
	char *data = NULL;
	size_t n = 0;

	if (upload_body(s, c, &data, &n, r))
		return -1;
	if (call_open(s, c, SC_RECORDS_WRITE, LV_EDIT, r))
		goto fail;
	rec = base_record(c->base, c->seg[1]);
	if (!rec) {
		reply_error(r, s->old_missing ? ERR_MODEL_ID : ERR_MODEL);
		goto fail;
	}
	f = table_field(rec->table, c->seg[2]);
	if (!f) {
		reply_errorf(r, ERR_UNKNOWN_FIELD, "Unknown field name: "
			     "\"%s\"", c->seg[2]);
		goto fail;
	}
	if (f->type != FT_ATTACHMENTS) {
		cell_refuse(f, r);
		goto fail;
	}
	if (call_may_write(s, c, f, r))
		goto fail;
	append(s, c, rec, f, data, n);
	upload_answer(s, rec, f, r);
	return 0;
fail:
	free(data);
	return -1;
}
