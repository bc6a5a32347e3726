#include "attach.h"

#include <string.h>

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

static json_t *fresh(struct cell_plan *p, const json_t *in, const char *url)
{
	const char *name = json_string_value(json_object_get(in, "filename"));
	const char *slash = strrchr(url, '/');
	json_t *a = json_object();
	char id[ID_CAP];

	if (!name)
		name = slash && slash[1] ? slash + 1 : "file";
	id_make(&p->state->rng, "att", id);
	json_object_set_new(a, "id", json_string(id));
	json_object_set_new(a, "url", json_string(url));
	json_object_set_new(a, "filename", json_string(name));
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
