#include "blob.h"

#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "mem.h"
#include "sample.h"

struct attachments *blobs_new(uint64_t seed)
{
	struct attachments *t = sim_alloc(sizeof(*t));
	struct rng g = { seed ^ 0xa77ac4u };

	t->ttl_ms = BLOB_URL_TTL_MS;
	t->expired_status = 410;
	t->thumbnails = true;
	t->secret = rng_next(&g);
	return t;
}

void blobs_free(struct attachments *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++) {
		free(t->v[i]->data);
		free(t->v[i]->type);
		free(t->v[i]);
	}
	idmap_release(&t->map);
	free(t->v);
	free(t);
}

struct blob *blob_find(const struct attachments *t, const char *id)
{
	return idmap_get(&t->map, id);
}

struct blob *blob_add(struct attachments *t, const char *id, char *data,
		      size_t n, const char *type)
{
	struct blob *b = blob_find(t, id);

	if (b) {
		free(b->data);
		free(b->type);
	} else {
		b = sim_alloc(sizeof(*b));
		memcpy(b->id, id, strnlen(id, ID_CAP - 1));
		t->v = sim_grow(t->v, t->n, &t->cap, sizeof(struct blob *));
		t->v[t->n++] = b;
		idmap_put(&t->map, b->id, b);
	}
	b->data = data;
	b->n = n;
	b->type = sim_strdup(type);
	return b;
}

struct blob *blob_sample(struct attachments *t, const char *id,
			 const char *name, const char *type, size_t n)
{
	struct sample s = sample_make(name, type, n);
	struct blob *b = blob_add(t, id, s.data, s.n, type);

	b->width = s.width;
	b->height = s.height;
	return b;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	struct rng g = { h ^ (v * 0x9e3779b97f4a7c15u) };

	return rng_next(&g);
}

static uint64_t sign(const struct attachments *t, uint64_t expiry,
		     uint64_t nonce, const char *id)
{
	uint64_t h = mix(mix(t->secret, expiry), nonce);

	for (; *id; id++)
		h = mix(h, (unsigned char)*id);
	return h;
}

void blob_url(struct attachments *t, const char *id, const char *thumb,
	      int64_t now_ms, struct buf *b)
{
	uint64_t expiry = (uint64_t)(now_ms + t->ttl_ms);
	uint64_t nonce = mix(t->secret, ++t->nonce);

	buf_printf(b, "http://%s:%u/v3/u/29/29/%llu/%016llx/%s/%016llx%s%s",
		   t->host, t->port, (unsigned long long)expiry,
		   (unsigned long long)nonce, id,
		   (unsigned long long)sign(t, expiry, nonce, id),
		   *thumb ? "/" : "", thumb);
}

struct blob *blob_by_path(const struct attachments *t, const char *path,
			  int64_t now_ms, int *status, const char **thumb)
{
	static const char root[] = "/v3/u/29/29/";
	uint64_t expiry, nonce, sig;
	char id[ID_CAP] = "";
	const char *p;
	char *end;
	size_t n;

	*status = 403;
	*thumb = "";
	if (strncmp(path, root, sizeof(root) - 1) != 0)
		return NULL;
	expiry = strtoull(path + sizeof(root) - 1, &end, 10);
	if (*end != '/')
		return NULL;
	nonce = strtoull(end + 1, &end, 16);
	n = *end == '/' ? strcspn(end + 1, "/") : 0;
	if (!n || n >= ID_CAP)
		return NULL;
	p = end + 1;
	memcpy(id, p, n);
	if (p[n] != '/')
		return NULL;
	sig = strtoull(p + n + 1, &end, 16);
	if ((*end && *end != '/') || sig != sign(t, expiry, nonce, id))
		return NULL;
	if (*end)
		*thumb = end + 1;
	*status = (int64_t)expiry < now_ms ? t->expired_status : 200;
	return blob_find(t, id);
}

static void set_url(struct attachments *t, json_t *o, const char *id,
		    const char *thumb, int64_t now_ms)
{
	struct buf b = BUF_INIT;

	blob_url(t, id, thumb, now_ms, &b);
	json_object_set_new(o, "url", json_stringn(b.p, b.n));
	buf_release(&b);
}

static json_t *thumbnails(struct attachments *t, const struct blob *b,
			  int64_t now_ms)
{
	static const struct {
		const char *name;
		int most;
	} sizes[] = { { "small", 36 }, { "large", 512 }, { "full", 3000 } };
	json_t *all = json_object();

	for (size_t i = 0; i < 3; i++) {
		json_t *o = json_object();
		int h = b->height < sizes[i].most ? b->height : sizes[i].most;
		int w = b->width * h / b->height;

		set_url(t, o, b->id, sizes[i].name, now_ms);
		json_object_set_new(o, "width", json_integer(w ? w : 1));
		json_object_set_new(o, "height", json_integer(h));
		json_object_set_new(all, sizes[i].name, o);
	}
	return all;
}

static struct blob *blob_of(struct attachments *t, const json_t *a)
{
	const char *id = json_string_value(json_object_get(a, "id"));
	const char *name = json_string_value(json_object_get(a, "filename"));
	const char *type = json_string_value(json_object_get(a, "type"));
	long length = call_number(json_object_get(a, "size"), 0);
	struct blob *b = id ? blob_find(t, id) : NULL;

	if (b || !id)
		return b;
	name = name ? name : id;
	b = blob_sample(t, id, name, type ? type : sample_type(name),
			length > 0 ? (size_t)length : 0);
	if (json_is_number(json_object_get(a, "width")) &&
	    json_is_number(json_object_get(a, "height"))) {
		b->width = (int)call_number(json_object_get(a, "width"), 0);
		b->height = (int)call_number(json_object_get(a, "height"), 0);
	}
	return b;
}

static json_t *one(struct attachments *t, const json_t *a, int64_t now_ms)
{
	struct blob *b = blob_of(t, a);
	json_t *o;

	if (!b || now_ms < b->ready_ms)
		return json_incref((json_t *)(uintptr_t)a);
	if (b->failed)
		return NULL;
	o = json_object();
	json_object_set_new(o, "id", json_string(b->id));
	if (b->width > 0 && b->height > 0) {
		json_object_set_new(o, "width", json_integer(b->width));
		json_object_set_new(o, "height", json_integer(b->height));
	}
	set_url(t, o, b->id, "", now_ms);
	json_object_set(o, "filename", json_object_get(a, "filename"));
	json_object_set_new(o, "size", json_integer((json_int_t)b->n));
	json_object_set_new(o, "type", json_string(b->type));
	if (t->thumbnails && b->width > 0 && b->height > 0)
		json_object_set_new(o, "thumbnails",
				    thumbnails(t, b, now_ms));
	return o;
}

json_t *blob_cell_json(struct attachments *t, const json_t *cell,
		       int64_t now_ms)
{
	json_t *list;

	if (!t || !t->port || !json_is_array(cell))
		return json_incref((json_t *)(uintptr_t)cell);
	list = json_array();
	for (size_t i = 0; i < json_array_size(cell); i++) {
		json_t *o = one(t, json_array_get(cell, i), now_ms);

		if (o)
			json_array_append_new(list, o);
	}
	if (json_array_size(list))
		return list;
	json_decref(list);
	return NULL;
}
