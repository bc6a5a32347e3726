#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base64.h"
#include "blob.h"
#include "schema.h"
#include "webhook.h"
#include "timefmt.h"

/* Attachments with the bytes the file host has for them; `readyMs` marks one
 * that was fetched by URL, so that a fetch under way goes on. */
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
		if (b->width) {
			json_object_set_new(a, "width",
					    json_integer(b->width));
			json_object_set_new(a, "height",
					    json_integer(b->height));
		}
		if (b->ready_ms)
			json_object_set_new(a, "readyMs", json_integer(
				(json_int_t)b->ready_ms));
		if (b->failed)
			json_object_set_new(a, "failed", json_true());
	}
	return list;
}

/* What cannot be computed again from the rest. Numbers, times and people
 * stand beside the cells: a table need not have fields that show them. */
static json_t *stored(struct state *s, struct record *r, struct field *f)
{
	if (f->type == FT_AUTONUMBER || f->type == FT_CREATED_BY ||
	    f->type == FT_MODIFIED_BY)
		return NULL;
	if (f->type == FT_ATTACHMENTS)
		return stored_files(s, r->cells[f->index].v);
	return json_incref(r->cells[f->index].v);
}

static void save_touched(struct state *s, const struct record *r,
			 struct buf *b)
{
	const char *sep = ",\"touched\":{";
	char at[TIME_CAP];

	for (size_t i = 0; i < r->table->fields_n; i++) {
		if (!r->cells[i].mod_s)
			continue;
		time_iso((int64_t)r->cells[i].mod_s * 1000, at);
		buf_printf(b, "%s\"%s\":[\"%s\",\"%s\"]", sep,
			   r->table->fields[i]->id, at,
			   s->users[r->cells[i].mod_by].id);
		sep = ",";
	}
	if (sep[1])
		return;
	buf_chr(b, '}');
}

static void save_record(struct state *s, struct record *r, uint32_t number,
			struct buf *b)
{
	char made[TIME_CAP], changed[TIME_CAP];
	const char *sep = "";

	time_iso(r->created_s * 1000, made);
	time_iso(r->modified_s * 1000, changed);
	buf_printf(b, "{\"id\":\"%s\",\"createdTime\":\"%s\","
		   "\"lastModifiedTime\":\"%s\",", r->id, made, changed);
	if (r->created_by)
		buf_printf(b, "\"createdBy\":\"%s\",",
			   s->users[r->created_by].id);
	if (r->modified_by)
		buf_printf(b, "\"lastModifiedBy\":\"%s\",",
			   s->users[r->modified_by].id);
	if (r->number != number)
		buf_printf(b, "\"number\":%u,", r->number);
	buf_str(b, "\"fields\":{");
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
	save_touched(s, r, b);
	if (r->comments) {
		buf_str(b, ",\"comments\":");
		buf_json(b, r->comments);
	}
	buf_chr(b, '}');
}

static void save_table(struct state *s, struct table *t, struct buf *b)
{
	json_t *o = schema_table_json(t, false, true);
	uint32_t next = 1;

	buf_json(b, o);
	json_decref(o);
	b->n--;		/* the closing brace: the records follow */
	buf_printf(b, ",\"nextNumber\":%u,\"records\":[", t->next_number);
	for (size_t i = 0; i < t->rows_n; i++) {
		buf_str(b, i ? ",\n" : "\n");
		save_record(s, t->rows[i], next, b);
		if (t->rows[i]->number >= next)
			next = t->rows[i]->number + 1;
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

	buf_printf(b, "{\"random\":\"%llx\",\"clockAheadMs\":%lld,"
		   "\"users\":[", (unsigned long long)st->rng.s,
		   (long long)st->skew_ms);
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
