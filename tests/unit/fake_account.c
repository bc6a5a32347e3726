#include "fake_account.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PAGE 100
#define BATCH 10

static const char *const table_ids[FA_TABLES] = { FA_THINGS, FA_OTHERS };

/* ---- the account's state ---- */

static struct fa_record *add_record(struct fake_account *f, unsigned table)
{
	struct fa_record *r;

	assert_true(f->n < FA_RECORDS_MAX); /* they never move */
	r = &f->records[f->n++];
	*r = (struct fa_record){
		.table = table, .cells = json_object(),
		/* whole seconds, as the API has it */
		.created_ms = f->clock->now_wall_ms / 1000 * 1000,
	};
	snprintf(r->id, sizeof(r->id), "rec%014zu", f->n);
	return r;
}

void fake_account_set(struct fa_record *r, const char *field, const char *text)
{
	if (strcmp(field, FA_COUNT) == 0)
		json_object_set_new(r->cells, field, json_integer(atoi(text)));
	else if (*text)
		json_object_set_new(r->cells, field, json_string(text));
	else
		json_object_del(r->cells, field);
}

struct fa_record *fake_account_add(struct fake_account *f, unsigned table,
				   const char *name, const char *note,
				   int count)
{
	struct fa_record *r = add_record(f, table);

	fake_account_set(r, FA_NAME, name);
	fake_account_set(r, FA_NOTE, note);
	json_object_set_new(r->cells, FA_COUNT, json_integer(count));
	return r;
}

const char *fake_account_get(const struct fa_record *r, const char *field)
{
	static char text[4][32];
	static unsigned at;
	const json_t *v = json_object_get(r->cells, field);

	if (json_is_string(v))
		return json_string_value(v);
	if (!json_is_number(v))
		return "";
	at = (at + 1) % 4;
	snprintf(text[at], sizeof(text[at]), "%g", json_number_value(v));
	return text[at];
}

struct fa_record *fake_account_by_id(struct fake_account *f, const char *id)
{
	for (size_t i = 0; i < f->n; i++)
		if (!f->records[i].gone && strcmp(f->records[i].id, id) == 0)
			return &f->records[i];
	return NULL;
}

struct fa_record *fake_account_find(struct fake_account *f, unsigned table,
				    const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (!f->records[i].gone && f->records[i].table == table &&
		    strcmp(fake_account_get(&f->records[i], FA_NAME), name) ==
			    0)
			return &f->records[i];
	return NULL;
}

unsigned fake_account_named(struct fake_account *f, unsigned table,
			    const char *name)
{
	unsigned n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += !f->records[i].gone && f->records[i].table == table &&
		     (!name ||
		      strcmp(fake_account_get(&f->records[i], FA_NAME), name) ==
			      0);
	return n;
}

/* ---- answers ---- */

struct reply {
	int status;
	char *body; /* owned */
};

static struct reply reply_text(int status, const char *text)
{
	struct reply r = { status, strdup(text) };

	assert_non_null(r.body);
	return r;
}

static struct reply reply_json(json_t *j)
{
	struct reply r = { 200, json_dumps(j, JSON_COMPACT) };

	assert_non_null(r.body);
	json_decref(j);
	return r;
}

static struct reply reply_error(int status, const char *type, const char *text)
{
	struct reply r = reply_json(json_pack("{s:{s:s, s:s}}", "error", "type",
					      type, "message", text));

	r.status = status;
	return r;
}

static json_t *record_json(const struct fa_record *r)
{
	json_t *cells = json_copy(r->cells);
	json_t *count = json_object_get(cells, FA_COUNT);
	char when[25];

	if (count)
		json_object_set_new(cells, FA_TWICE,
				    json_integer(2 * json_integer_value(count)));
	clock_format_iso(r->created_ms, when);
	return json_pack("{s:s, s:s, s:o}", "id", r->id, "createdTime", when,
			 "fields", cells);
}

static struct reply answer_bases(struct fake_account *f)
{
	return reply_json(json_pack(
		"{s:[{s:s, s:s, s:s}]}", "bases", "id", FA_BASE, "name",
		"Base", "permissionLevel",
		f->read_only ? "read" : f->level ? f->level : "create"));
}

static json_t *table_json(const struct fake_account *f, unsigned t)
{
	json_t *fields = json_pack(
		"[{s:s,s:s,s:s},{s:s,s:s,s:s},{s:s,s:s,s:s,s:{s:i}},"
		"{s:s,s:s,s:s,s:{s:b,s:s,s:[s],s:n}}]",
		"id", FA_NAME, "name", "Name", "type", "singleLineText",
		"id", FA_NOTE, "name", f->note_name ? f->note_name : "Note",
		"type", "singleLineText",
		"id", FA_COUNT, "name", "Count", "type", "number", "options",
		"precision", 0,
		"id", FA_TWICE, "name", "Twice", "type", "formula", "options",
		"isValid", 1, "formula", "{Count} * 2",
		"referencedFieldIds", FA_COUNT, "result");

	assert_non_null(fields);
	if (f->with_extra)
		json_array_append_new(
			fields, json_pack("{s:s,s:s,s:s}", "id", FA_EXTRA,
					  "name", "Extra", "type",
					  "singleLineText"));
	return json_pack("{s:s, s:s, s:s, s:o, s:[]}", "id", table_ids[t],
			 "name", t ? "Others" : "Things", "primaryFieldId",
			 FA_NAME, "fields", fields, "views");
}

static struct reply answer_schema(struct fake_account *f)
{
	return reply_json(json_pack("{s:[o,o]}", "tables", table_json(f, 0),
				    table_json(f, 1)));
}

/* AND(NOT(IS_BEFORE(CREATED_TIME(),a)),IS_BEFORE(CREATED_TIME(),b)), or one of
 * the two. */
static bool is_in_range(const struct fa_record *r, const char *formula)
{
	static const char before[] = "IS_BEFORE(CREATED_TIME(),DATETIME_PARSE('";
	const char *p = formula;
	bool holds = true;
	char iso[64];
	int64_t ms;

	while ((p = strstr(p, before)) != NULL) {
		bool not = p - formula >= 4 && strncmp(p - 4, "NOT(", 4) == 0;

		p += strlen(before);
		assert_int_equal(sscanf(p, "%63[^']", iso), 1);
		assert_int_equal(clock_parse_iso(iso, &ms), 0);
		holds = holds && (r->created_ms < ms) != not;
	}
	return holds;
}

/* Does the formula hold: one of record ids, a range of creation, younger than a
 * time, or edited or created since a time. */
static bool matches(const struct fa_record *r, const char *formula)
{
	const char *p;
	char iso[64];
	int64_t ms, edited_ms = 0;

	if (!formula)
		return true;
	if (strncmp(formula, "OR(RECORD_ID()=", 15) == 0)
		return strstr(formula, r->id) != NULL;
	if (strstr(formula, "IS_BEFORE("))
		return is_in_range(r, formula);
	p = strstr(formula, "IS_AFTER(CREATED_TIME(),DATETIME_PARSE('");
	assert_non_null(p);
	if (strncmp(formula, "OR(IS_AFTER(LAST_MODIFIED_TIME()", 32) == 0)
		edited_ms = r->edited_ms;
	else
		assert_ptr_equal(p, formula);
	assert_int_equal(sscanf(strchr(p, '\'') + 1, "%63[^']", iso), 1);
	assert_int_equal(clock_parse_iso(iso, &ms), 0);
	return r->created_ms > ms || edited_ms > ms;
}

static struct reply answer_list(struct fake_account *f, unsigned table,
				const char *formula, const char *offset)
{
	json_t *list = json_array(), *o = json_object();
	size_t i = offset ? strtoul(offset + 4, NULL, 10) : 0, n = 0;
	char next[32];

	for (; i < f->n && n < PAGE; i++) {
		const struct fa_record *r = &f->records[i];

		if (r->gone || r->table != table || !matches(r, formula))
			continue;
		json_array_append_new(list, record_json(r));
		n++;
	}
	json_object_set_new(o, "records", list);
	for (; i < f->n; i++)
		if (!f->records[i].gone && f->records[i].table == table &&
		    matches(&f->records[i], formula))
			break;
	if (i < f->n) {
		snprintf(next, sizeof(next), "itr/%zu", i);
		json_object_set_new(o, "offset", json_string(next));
	}
	return reply_json(o);
}

static struct reply answer_get(struct fake_account *f, const char *id)
{
	struct fa_record *r = fake_account_by_id(f, id);

	if (r)
		return reply_json(record_json(r));
	if (f->get_says_403)
		return reply_error(403,
				   "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND",
				   "not there, or not for you");
	return reply_error(404, "MODEL_ID_NOT_FOUND", "Record not found");
}

/* Nothing of a batch is written if one record of it cannot be. */
static bool check_fields(struct fake_account *f, const json_t *fields,
			 struct reply *ret)
{
	const json_t *note = json_object_get(fields, FA_NOTE);
	const char *key;
	json_t *v;

	assert_true(json_is_object(fields));
	json_object_foreach((json_t *)fields, key, v) {
		bool number = strcmp(key, FA_COUNT) == 0;

		if (strcmp(key, FA_NAME) != 0 && strcmp(key, FA_NOTE) != 0 &&
		    !number && !(f->with_extra && strcmp(key, FA_EXTRA) == 0)) {
			*ret = reply_error(422, "UNKNOWN_FIELD_NAME",
					   "Unknown field name");
			return false;
		}
		assert_true(json_is_null(v) ||
			    (number ? json_is_number(v) : json_is_string(v)));
	}
	if (f->guilty_note && json_is_string(note) &&
	    strcmp(json_string_value(note), f->guilty_note) == 0) {
		*ret = reply_error(422, "INVALID_VALUE_FOR_COLUMN",
				   "Field \"Note\" cannot accept that value");
		return false;
	}
	return true;
}

static void put_cells(struct fake_account *f, struct fa_record *r,
		      const json_t *fields, bool create)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)fields, key, v) {
		bool empty = json_is_null(v) || (json_is_string(v) &&
						 json_string_length(v) == 0);

		if (f->watch.wrote && !create)
			f->watch.wrote(f->watch.ctx, f->performing, r, key,
				       json_object_get(r->cells, key),
				       empty ? NULL : v);
		if (empty)
			json_object_del(r->cells, key);
		else
			json_object_set(r->cells, key, v);
	}
	if (create && f->watch.made)
		f->watch.made(f->watch.ctx, r);
}

static void tell_write(struct fake_account *f, unsigned table, bool create,
		       const struct fa_record *r, json_t *fields)
{
	json_t *rec = record_json(r), *now = json_object_get(rec, "fields");
	json_t *all = create ? now : fields, *cells = json_object(), *v;
	const char *key;

	json_object_foreach(all, key, v) {
		json_t *cell = json_object_get(now, key);

		json_object_set_new(cells, key, cell ? json_incref(cell) :
						       json_null());
	}
	if (json_object_get(all, FA_COUNT))
		json_object_set(cells, FA_TWICE,
				json_object_get(now, FA_TWICE));
	fake_hooks_tell_table(
		&f->hooks, "publicApi", table_ids[table],
		create ? json_pack("{s:{s:{s:o}}}", "createdRecordsById", r->id,
				   "cellValuesByFieldId", cells) :
			 json_pack("{s:{s:{s:{s:o}}}}", "changedRecordsById",
				   r->id, "current", "cellValuesByFieldId",
				   cells));
	json_decref(rec);
}

static struct reply answer_write(struct fake_account *f, unsigned table,
				 const char *body, bool create)
{
	json_t *in = json_loads(body, 0, NULL), *out = json_array(), *rec;
	json_t *records = json_object_get(in, "records");
	enum fa_call kind = create ? FA_CREATE : FA_UPDATE;
	size_t n = json_array_size(records), i;
	struct reply r;

	assert_in_range(n, 1, BATCH);
	assert_true(json_is_true(json_object_get(in,
						 "returnFieldsByFieldId")));
	if (n > f->most_records[kind])
		f->most_records[kind] = (unsigned)n;
	json_array_foreach(records, i, rec) {
		const char *id = json_string_value(json_object_get(rec, "id"));

		assert_true(create ? !id : id != NULL);
		if (!check_fields(f, json_object_get(rec, "fields"), &r))
			goto out;
		if (!create && !fake_account_by_id(f, id)) {
			r = reply_error(422, "ROW_DOES_NOT_EXIST",
					"Record ID does not exist");
			goto out;
		}
	}
	json_array_foreach(records, i, rec) {
		struct fa_record *to =
			create ? add_record(f, table) :
				 fake_account_by_id(f, json_string_value(
						json_object_get(rec, "id")));

		put_cells(f, to, json_object_get(rec, "fields"), create);
		tell_write(f, table, create, to,
			   json_object_get(rec, "fields"));
		json_array_append_new(out, record_json(to));
	}
	r = reply_json(json_pack("{s:O}", "records", out));
out:
	json_decref(in);
	json_decref(out);
	return r;
}

static struct reply answer_delete(struct fake_account *f, const char *query)
{
	json_t *out = json_array();
	const char *p;
	unsigned n = 0;
	char id[32];

	for (p = query; (p = strstr(p, "records[]=")) != NULL; n++) {
		p += strlen("records[]=");
		assert_int_equal(sscanf(p, "%31[a-zA-Z0-9]", id), 1);
		if (!fake_account_by_id(f, id)) {
			json_decref(out);
			return reply_error(422, "ROW_DOES_NOT_EXIST",
					   "Record ID does not exist");
		}
	}
	assert_in_range(n, 1, BATCH);
	if (n > f->most_records[FA_DELETE])
		f->most_records[FA_DELETE] = n;
	for (p = query; (p = strstr(p, "records[]=")) != NULL;) {
		p += strlen("records[]=");
		assert_int_equal(sscanf(p, "%31[a-zA-Z0-9]", id), 1);
		if (f->watch.removed)
			f->watch.removed(f->watch.ctx,
					 fake_account_by_id(f, id));
		fake_hooks_tell_table(&f->hooks, "publicApi",
				      table_ids[fake_account_by_id(f, id)
							->table],
				      json_pack("{s:[s]}", "destroyedRecordIds",
						id));
		fake_account_by_id(f, id)->gone = true;
		json_array_append_new(out, json_pack("{s:b, s:s}", "deleted",
						     1, "id", id));
	}
	return reply_json(json_pack("{s:o}", "records", out));
}

/* ---- which call is it ---- */

static const char *after_endpoint(const char *url)
{
	const char *p = strstr(url, "/v0/");

	assert_non_null(p);
	return p;
}

static unsigned table_of(const char *path)
{
	for (unsigned t = 0; t < FA_TABLES; t++)
		if (strstr(path, table_ids[t]))
			return t;
	fail_msg("no table in '%s'", path);
	return 0;
}

static const char *behind_webhooks(const struct fa_pending *p)
{
	const char *at = strstr(p->url, "/webhooks");

	assert_non_null(at);
	return at + strlen("/webhooks");
}

static enum fa_call hook_kind_of(const struct fa_pending *p)
{
	const char *path = behind_webhooks(p);

	if (p->method == HTTP_DELETE)
		return FA_HOOK_DELETE;
	if (p->method == HTTP_POST)
		return *path ? FA_HOOK_REFRESH : FA_HOOK_CREATE;
	return *path ? FA_PAYLOADS : FA_HOOKS;
}

static enum fa_call kind_of(const struct fa_pending *p)
{
	const char *path = after_endpoint(p->url);

	if (strncmp(path, "/v0/bases/", 10) == 0)
		return hook_kind_of(p);
	if (p->method == HTTP_PATCH)
		return FA_UPDATE;
	if (p->method == HTTP_DELETE)
		return FA_DELETE;
	if (strcmp(path, "/v0/meta/whoami") == 0)
		return FA_WHOAMI;
	if (strncmp(path, "/v0/meta/bases", 14) == 0)
		return strstr(path, "/tables") ? FA_SCHEMA : FA_BASES;
	if (p->method == HTTP_POST)
		return strstr(path, "/listRecords") ? FA_QUERY : FA_CREATE;
	return strstr(path, "/rec") ? FA_GET : FA_LIST;
}

static struct reply answer_query(struct fake_account *f, unsigned table,
				 const char *body)
{
	json_t *in = json_loads(body, 0, NULL);
	struct reply r = answer_list(
		f, table,
		json_string_value(json_object_get(in, "filterByFormula")),
		json_string_value(json_object_get(in, "offset")));

	json_decref(in);
	return r;
}

static struct reply answer_whoami(const struct fake_account *f)
{
	char text[80];

	snprintf(text, sizeof(text), "{\"id\":\"%s\"}", f->user);
	return reply_text(200, text);
}

static struct reply perform(struct fake_account *f, const struct fa_pending *p)
{
	const char *path = after_endpoint(p->url), *at;
	char offset[64] = "", id[32];
	struct reply r;

	f->performing = p->id;
	if (f->secret && strcmp(f->secret, p->bearer) != 0)
		return reply_text(401, "{\"error\":{\"type\":"
				       "\"AUTHENTICATION_REQUIRED\"}}");
	switch (kind_of(p)) {
	case FA_WHOAMI:
		return answer_whoami(f);
	case FA_BASES:
		return answer_bases(f);
	case FA_SCHEMA:
		return answer_schema(f);
	case FA_LIST:
		at = strstr(path, "&offset=");
		if (at)
			snprintf(offset, sizeof(offset), "itr/%s",
				 strstr(at, "%2F") + 3);
		return answer_list(f, table_of(path), NULL,
				   at ? offset : NULL);
	case FA_QUERY:
		return answer_query(f, table_of(path), p->body);
	case FA_GET:
		assert_int_equal(sscanf(strstr(path, "/rec") + 1,
					"%31[a-zA-Z0-9]", id), 1);
		return answer_get(f, id);
	case FA_CREATE:
	case FA_UPDATE:
		return answer_write(f, table_of(path), p->body,
				    p->method == HTTP_POST);
	case FA_DELETE:
		return answer_delete(f, path);
	case FA_HOOKS:
	case FA_PAYLOADS:
	case FA_HOOK_CREATE:
	case FA_HOOK_REFRESH:
	case FA_HOOK_DELETE:
		r.body = fake_hooks_answer(&f->hooks, p->method,
					   behind_webhooks(p), p->body,
					   f->clock->now_wall_ms, &r.status);
		return r;
	case FA_CALLS:
	case FA_ANY:
	case FA_WRITE:
		break;
	}
	fail();
	return reply_text(500, "");
}

/* ---- the transport ---- */

static char *copy(const char *s)
{
	char *p = s ? strdup(s) : NULL;

	assert_true(!s || p);
	return p;
}

static void forget(struct fa_pending *p)
{
	free(p->url);
	free(p->body);
	free(p->bearer);
	free(p->answer);
	memset(p, 0, sizeof(*p));
}

static int64_t account_submit(void *ctx, const struct http_request *req,
			      http_sent_fn *sent, http_done_fn *done, void *arg)
{
	struct fake_account *f = ctx;
	struct fa_pending *p = f->pending;

	if (f->deaf)
		return ++f->last_id;
	while (p < f->pending + FA_PENDING_MAX && p->id)
		p++;
	assert_true(p < f->pending + FA_PENDING_MAX);
	*p = (struct fa_pending){ .id = ++f->last_id, .method = req->method,
				  .url = copy(req->url),
				  .body = copy(req->body),
				  .bearer = copy(req->bearer),
				  .done = done, .arg = arg };
	f->calls[kind_of(p)]++;
	f->total++;
	sent(arg);
	return p->id;
}

static void account_cancel(void *ctx, int64_t id)
{
	struct fake_account *f = ctx;

	for (size_t i = 0; i < FA_PENDING_MAX; i++) {
		struct fa_pending *p = &f->pending[i];

		if (p->id != id || p->only_apply)
			continue;
		forget(p);
	}
}

void fake_account_hang_up(struct fake_account *f, bool done)
{
	for (size_t i = 0; i < FA_PENDING_MAX; i++) {
		struct fa_pending *p = &f->pending[i];

		if (!p->id || p->only_apply)
			continue;
		if (done && !p->answer && kind_of(p) >= FA_CREATE)
			free(perform(f, p).body);
		forget(p);
	}
	f->deaf = true;
}

static void account_free(void *ctx)
{
	(void)ctx; /* the account outlives the connection */
}

void fake_account_init(struct fake_account *f, struct fake_clock *clock)
{
	memset(f, 0, sizeof(*f));
	f->clock = clock;
	f->user = FA_USER;
	f->records = calloc(FA_RECORDS_MAX, sizeof(*f->records));
	assert_non_null(f->records);
	f->transport = (struct http_transport){ .submit = account_submit,
						.cancel = account_cancel,
						.free = account_free,
						.ctx = f };
}

void fake_account_free(struct fake_account *f)
{
	for (size_t i = 0; i < FA_PENDING_MAX; i++)
		forget(&f->pending[i]);
	for (size_t i = 0; i < f->n; i++)
		json_decref(f->records[i].cells);
	fake_hooks_free(&f->hooks);
	free(f->records);
	f->records = NULL;
	f->n = 0;
}

void fake_account_count_from_now(struct fake_account *f)
{
	memset(f->calls, 0, sizeof(f->calls));
	memset(f->most_records, 0, sizeof(f->most_records));
	f->total = 0;
}

void fake_account_fault(struct fake_account *f, struct fa_fault fault)
{
	assert_true(f->faults_n < FA_FAULTS_MAX);
	f->faults[f->faults_n++] = fault;
}

void fake_account_heal(struct fake_account *f)
{
	f->faults_n = 0;
}

/* The fault that a call meets, if any; used up by it. */
static bool meets(struct fake_account *f, enum fa_call kind,
		  struct fa_fault *ret)
{
	for (size_t i = 0; i < f->faults_n; i++) {
		struct fa_fault *x = &f->faults[i];

		if (x->which != kind && x->which != FA_ANY &&
		    !(x->which == FA_WRITE && kind >= FA_CREATE))
			continue;
		if (x->skip > 0) {
			x->skip--;
			continue;
		}
		*ret = *x;
		if (x->times > 0 && --x->times == 0)
			*x = f->faults[--f->faults_n];
		return true;
	}
	return false;
}

/* Frees the slot first: done() may submit. */
static void answer(const struct fake_account *f, struct fa_pending *p,
		   int status, const char *body)
{
	struct http_answer a = { .status = status, .body = body,
				 .body_n = strlen(body), .is_json = true,
				 .date_wall_ms = f->clock->now_wall_ms,
				 .retry_after_s = -1, .detail = "" };
	http_done_fn *done = p->done;
	void *arg = p->arg;

	if (f->watch.checked && status == 200 &&
	    (kind_of(p) == FA_GET ||
	     (kind_of(p) == FA_QUERY && strstr(p->body, "RECORD_ID()"))))
		f->watch.checked(f->watch.ctx, f->last_id, body);
	forget(p);
	done(arg, &a);
}

static void lose(struct fa_pending *p, bool sent)
{
	struct http_answer a = { .body = "", .retry_after_s = -1,
				 .failed = true, .sent = sent,
				 .detail = "faked" };
	http_done_fn *done = p->done;
	void *arg = p->arg;

	forget(p);
	done(arg, &a);
}

static void serve_fine(struct fake_account *f, struct fa_pending *p)
{
	struct reply r = perform(f, p);

	answer(f, p, r.status, r.body);
	free(r.body);
}

static void lose_later(struct fa_pending *p)
{
	struct http_answer a = { .body = "", .retry_after_s = -1,
				 .failed = true, .sent = true,
				 .detail = "faked" };
	http_done_fn *done = p->done;
	void *arg = p->arg;

	p->held = true;
	p->only_apply = true;
	p->done = NULL;
	p->arg = NULL;
	done(arg, &a);
}

static void serve_badly(struct fake_account *f, struct fa_pending *p,
			const struct fa_fault *x)
{
	struct reply r;

	switch (x->how) {
	case FA_STATUS:
		answer(f, p, x->status, x->body ? x->body : "");
		return;
	case FA_OFFLINE:
		lose(p, false);
		return;
	case FA_LOST_BEFORE:
		lose(p, true);
		return;
	case FA_LOST_AFTER:
		free(perform(f, p).body);
		lose(p, true);
		return;
	case FA_LOST_LATER:
		lose_later(p);
		return;
	case FA_GARBAGE:
		free(perform(f, p).body);
		answer(f, p, 200, "<html>");
		return;
	case FA_STALE:
		r = perform(f, p);
		p->status = r.status;
		p->answer = r.body;
		p->held = true;
		return;
	case FA_HELD:
		p->held = true;
		return;
	}
}

static struct fa_pending *oldest(struct fake_account *f, bool held,
				 int64_t until)
{
	struct fa_pending *best = NULL;

	for (size_t i = 0; i < FA_PENDING_MAX; i++) {
		struct fa_pending *p = &f->pending[i];

		if (p->id && p->id <= until && p->held == held &&
		    (!best || p->id < best->id))
			best = p;
	}
	return best;
}

size_t fake_account_serve(struct fake_account *f)
{
	int64_t until = f->last_id;
	struct fa_pending *p;
	struct fa_fault x;
	size_t n = 0;

	while ((p = oldest(f, false, until)) != NULL) {
		if (meets(f, kind_of(p), &x))
			serve_badly(f, p, &x);
		else
			serve_fine(f, p);
		n++;
	}
	return n;
}

size_t fake_account_release(struct fake_account *f)
{
	int64_t until = f->last_id;
	struct fa_pending *p;
	size_t n = 0;

	while ((p = oldest(f, true, until)) != NULL) {
		if (p->only_apply) {
			free(perform(f, p).body);
			forget(p);
		} else if (p->answer) {
			char *text = p->answer;

			p->answer = NULL;
			answer(f, p, p->status, text);
			free(text);
		} else {
			serve_fine(f, p);
		}
		n++;
	}
	return n;
}
