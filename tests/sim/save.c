#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base64.h"
#include "blob.h"
#include "cellval.h"
#include "schema.h"
#include "webhook.h"
#include "timefmt.h"

/* Attachments with the bytes the file host has for them. */
static json_t *stored_files(struct state *s, const json_t *v)
{
	json_t *list = json_deep_copy(v);

	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *a = json_array_get(list, i);
		const char *id = json_string_value(json_object_get(a, "id"));
		struct blob *b = id ? blob_find(s->files, id) : NULL;
		char *text;

		if (!b)
			continue;
		text = base64_encode(b->data, b->n);
		json_object_set_new(a, "type", json_string(b->type));
		json_object_set_new(a, "size", json_integer((json_int_t)b->n));
		json_object_set_new(a, "contentBase64", json_string(text));
		free(text);
	}
	return list;
}

/* What cannot be computed again from the rest. */
static json_t *stored(struct state *s, struct record *r, struct field *f)
{
	if (f->type == FT_AUTONUMBER || f->type == FT_CREATED_BY ||
	    f->type == FT_MODIFIED_BY)
		return cell_json(s, r, f);
	if (f->type == FT_ATTACHMENTS)
		return stored_files(s, r->cells[f->index].v);
	return json_incref(r->cells[f->index].v);
}

static void save_record(struct state *s, struct record *r, struct buf *b)
{
	char made[TIME_CAP], changed[TIME_CAP];
	const char *sep = "";

	time_iso(r->created_s * 1000, made);
	time_iso(r->modified_s * 1000, changed);
	buf_printf(b, "{\"id\":\"%s\",\"createdTime\":\"%s\","
		   "\"lastModifiedTime\":\"%s\",\"fields\":{", r->id, made,
		   changed);
	for (size_t i = 0; i < r->table->fields_n; i++) {
		struct field *f = r->table->fields[i];
		json_t *v = stored(s, r, f);

		if (!v)
			continue;
		buf_str(b, sep);
		buf_str(b, f->key_name);
		buf_json(b, v);
		json_decref(v);
		sep = ",";
	}
	buf_chr(b, '}');
	if (r->comments) {
		buf_str(b, ",\"comments\":");
		buf_json(b, r->comments);
	}
	buf_chr(b, '}');
}

static void save_table(struct state *s, struct table *t, struct buf *b)
{
	json_t *o = schema_table_json(t, false, true);

	buf_json(b, o);
	json_decref(o);
	b->n--;		/* the closing brace: the records follow */
	buf_str(b, ",\"records\":[");
	for (size_t i = 0; i < t->rows_n; i++) {
		buf_str(b, i ? ",\n" : "\n");
		save_record(s, t->rows[i], b);
	}
	buf_str(b, "]}");
}

/* The members of an object, each followed by a comma. */
static void save_members(json_t *o, struct buf *b)
{
	for (void *it = json_object_iter(o); it;
	     it = json_object_iter_next(o, it)) {
		const char *k = json_object_iter_key(it);

		buf_json_str(b, k, strlen(k));
		buf_chr(b, ':');
		buf_json(b, json_object_iter_value(it));
		buf_chr(b, ',');
	}
}

static void save_base(struct state *s, struct base *base, struct buf *b)
{
	char made[TIME_CAP];

	time_iso(base->created_s * 1000, made);
	buf_printf(b, "{\"id\":\"%s\",\"permissionLevel\":\"%s\","
		   "\"workspaceId\":\"%s\",\"createdTime\":\"%s\",", base->id,
		   level_name(base->level), base->workspace, made);
	save_members(base->people, b);
	buf_str(b, "\"name\":");
	buf_json_str(b, base->name, strlen(base->name));
	buf_str(b, ",\"tables\":[");
	for (size_t i = 0; i < base->tables_n; i++) {
		buf_str(b, i ? ",\n" : "\n");
		save_table(s, base->tables[i], b);
	}
	buf_str(b, "]");
	if (base->transaction)
		buf_printf(b, ",\"transaction\":%llu",
			   (unsigned long long)base->transaction);
	if (base->hooks_n) {
		json_t *hooks = hooks_json(base);

		buf_str(b, ",\"webhooks\":");
		buf_json(b, hooks);
		json_decref(hooks);
	}
	buf_str(b, "}");
}

void save_json(struct sim *s, struct buf *b)
{
	struct state *st = s->state;

	buf_str(b, "{\"users\":[");
	for (size_t i = 0; i < st->users_n; i++) {
		json_t *o = state_user_json(st, (uint32_t)i);

		buf_str(b, i ? ",\n" : "\n");
		buf_json(b, o);
		json_decref(o);
	}
	buf_str(b, "],\n\"tokens\":[");
	for (size_t i = 0; i < s->tokens.n; i++) {
		json_t *o = token_json(s->tokens.v[i], st);

		buf_str(b, i ? ",\n" : "\n");
		buf_json(b, o);
		json_decref(o);
	}
	buf_str(b, "],\n\"bases\":[");
	for (size_t i = 0; i < st->bases_n; i++) {
		buf_str(b, i ? ",\n" : "\n");
		save_base(st, st->bases[i], b);
	}
	buf_str(b, "]}\n");
}

int save_file(struct sim *s, const char *path, char err[LOAD_ERR_CAP])
{
	struct buf text = BUF_INIT;
	struct buf tmp = BUF_INIT;
	FILE *f;
	int r = -1;

	buf_printf(&tmp, "%s.tmp%ld", path, (long)getpid());
	save_json(s, &text);
	f = fopen(tmp.p, "w");
	if (f) {
		bool ok = fwrite(text.p, 1, text.n, f) == text.n;

		if (fclose(f) == 0 && ok && rename(tmp.p, path) == 0)
			r = 0;
	}
	if (r)
		snprintf(err, LOAD_ERR_CAP, "%s", strerror(errno));
	buf_release(&text);
	buf_release(&tmp);
	return r;
}
