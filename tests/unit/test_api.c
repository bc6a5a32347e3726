/* api: over a transport answered by hand and a clock moved by hand. */
#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "airtable/api.h"
#include "airtable/limiter.h"
#include "fake_clock.h"
#include "fake_http.h"

#define MS NS_PER_MS
#define S NS_PER_S
#define LIST "{\"records\":[]}"
#define ROW "{\"id\":\"recA\",\"fields\":{}}"
#define E429 "{\"errors\":[{\"error\":\"RATE_LIMIT_REACHED\"}]}"
#define BASE_A "appAAAAAAAAAAAAAA"
#define BASE_B "appBBBBBBBBBBBBBB"

static struct fake_clock clk;
static struct fake_http http;
static struct loop *loop;
static struct api *api;
/* The test is over: results on its stack are no more. */
static bool ending;

/* What came back of one call. */
struct result {
	int calls; /* of done() */
	struct atfs_error err;
	char json[256];
	int64_t date_wall_ms;
	struct api_call *again; /* submitted from within done() */
};

static void on_done(void *arg, const struct api_answer *a)
{
	struct result *r = arg;
	char *text;

	if (ending)
		return;
	r->calls++;
	r->err = *a->err;
	r->date_wall_ms = a->date_wall_ms;
	assert_true((a->json != NULL) == (a->err->err == 0));
	if (a->json != NULL) {
		text = json_dumps(a->json, JSON_COMPACT);
		snprintf(r->json, sizeof(r->json), "%s", text);
		free(text);
	}
	if (r->again != NULL)
		api_submit(api, r->again);
}

static void make_api(bool read_only, const char *secret)
{
	struct api_config conf = { .endpoint = "https://api.test/",
				   .read_only = read_only };
	struct atfs_error e;

	if (secret != NULL) {
		conf.token.secret = strdup(secret);
		conf.token.secret_n = strlen(secret);
	}
	assert_int_equal(api_new(loop, &http.transport, &conf, &api, &e), 0);
}

static int set_up(void **state)
{
	(void)state;
	ending = false;
	fake_clock_init(&clk);
	fake_http_init(&http);
	if (loop_new(&clk.source, &loop) < 0)
		return -1;
	make_api(false, "pat.secret");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	ending = true;
	api_free(api);
	assert_true(http.freed);
	fake_http_release(&http);
	loop_free(loop);
	return 0;
}

static void turn(void)
{
	for (int i = 0; i < 4; i++)
		loop_turn(loop, 0);
}

static void advance(int64_t ns)
{
	clk.now_ns += ns;
	turn();
}

static struct api_call list_call(const char *base, struct result *r)
{
	struct api_call c = { .kind = API_LIST_RECORDS, .done = on_done,
			      .arg = r };

	id_copy(c.base.s, base);
	id_copy(c.table.s, "tblT");
	id_copy(c.record.s, "recR");
	return c;
}

static struct api_call call_of(enum api_kind kind, struct result *r)
{
	static const struct record_id records[2] = { { "recA" }, { "recB" } };
	struct api_call c = list_call(BASE_A, r);

	c.kind = kind;
	id_copy(c.hook.s, "achH");
	c.cursor = 7;
	if (kind == API_DELETE) {
		c.records = records;
		c.records_n = 2;
	}
	return c;
}

/* Submits a call whose body, if it needs one, is an empty batch. */
static int64_t submit(struct api_call c)
{
	json_t *body = json_pack("{s:[]}", "records");
	int64_t id;

	if (c.kind == API_CREATE || c.kind == API_UPDATE ||
	    c.kind == API_HOOK_CREATE)
		c.body = body;
	id = api_submit(api, &c);
	json_decref(body);
	return id;
}

static void submit_list(const char *base, struct result *r)
{
	assert_true(submit(list_call(base, r)) > 0);
}

/* ---- requests ---- */

static const struct {
	const char *name;
	enum api_kind kind;
	const char *offset, *formula;
	enum http_method method;
	const char *url;
	const char *body;
} request_rows[] = {
	{ "whoami", API_WHOAMI, NULL, NULL, HTTP_GET, "/v0/meta/whoami", NULL },
	{ "bases", API_LIST_BASES, NULL, NULL, HTTP_GET, "/v0/meta/bases",
	  NULL },
	{ "bases, page 2", API_LIST_BASES, "itr1/app2", NULL, HTTP_GET,
	  "/v0/meta/bases?offset=itr1%2Fapp2", NULL },
	{ "schema", API_SCHEMA, NULL, NULL, HTTP_GET,
	  "/v0/meta/bases/" BASE_A "/tables", NULL },
	{ "list", API_LIST_RECORDS, NULL, NULL, HTTP_GET,
	  "/v0/" BASE_A "/tblT?pageSize=100&returnFieldsByFieldId=true", NULL },
	{ "list, page 2", API_LIST_RECORDS, "itr/rec a&b=\xc3\xa4", NULL,
	  HTTP_GET, "/v0/" BASE_A "/tblT?pageSize=100&returnFieldsByFieldId="
	  "true&offset=itr%2Frec%20a%26b%3D%C3%A4", NULL },
	{ "empty offset is none", API_LIST_RECORDS, "", "", HTTP_GET,
	  "/v0/" BASE_A "/tblT?pageSize=100&returnFieldsByFieldId=true", NULL },
	{ "list by formula", API_LIST_RECORDS, NULL, "{a}='\"'", HTTP_POST,
	  "/v0/" BASE_A "/tblT/listRecords", "{\"pageSize\":100,"
	  "\"returnFieldsByFieldId\":true,\"filterByFormula\":"
	  "\"{a}='\\\"'\"}" },
	{ "list by formula, page 2", API_LIST_RECORDS, "i/r", "1", HTTP_POST,
	  "/v0/" BASE_A "/tblT/listRecords", "{\"pageSize\":100,"
	  "\"returnFieldsByFieldId\":true,\"filterByFormula\":\"1\","
	  "\"offset\":\"i/r\"}" },
	{ "get", API_GET_RECORD, NULL, NULL, HTTP_GET,
	  "/v0/" BASE_A "/tblT/recR?returnFieldsByFieldId=true", NULL },
	{ "create", API_CREATE, NULL, NULL, HTTP_POST, "/v0/" BASE_A "/tblT",
	  "{\"records\":[]}" },
	{ "update", API_UPDATE, NULL, NULL, HTTP_PATCH, "/v0/" BASE_A "/tblT",
	  "{\"records\":[]}" },
	{ "delete", API_DELETE, NULL, NULL, HTTP_DELETE,
	  "/v0/" BASE_A "/tblT?records[]=recA&records[]=recB", NULL },
	{ "webhooks", API_HOOKS, NULL, NULL, HTTP_GET,
	  "/v0/bases/" BASE_A "/webhooks", NULL },
	{ "payloads", API_HOOK_PAYLOADS, NULL, NULL, HTTP_GET,
	  "/v0/bases/" BASE_A "/webhooks/achH/payloads?cursor=7", NULL },
	{ "webhook create", API_HOOK_CREATE, NULL, NULL, HTTP_POST,
	  "/v0/bases/" BASE_A "/webhooks", "{\"records\":[]}" },
	{ "webhook refresh", API_HOOK_REFRESH, NULL, NULL, HTTP_POST,
	  "/v0/bases/" BASE_A "/webhooks/achH/refresh", NULL },
	{ "webhook delete", API_HOOK_DELETE, NULL, NULL, HTTP_DELETE,
	  "/v0/bases/" BASE_A "/webhooks/achH", NULL },
};

static void test_requests(void **state)
{
	static const char lead[] = "https://api.test";

	(void)state;
	for (size_t i = 0;
	     i < sizeof(request_rows) / sizeof(request_rows[0]); i++) {
		struct result r = { 0 };
		struct api_call c = call_of(request_rows[i].kind, &r);
		const struct fake_request *q = &http.req[http.n];

		c.offset = request_rows[i].offset;
		c.formula = request_rows[i].formula;
		assert_true(submit(c) > 0);
		advance(2 * S);
		if (strncmp(q->url, lead, strlen(lead)) != 0 ||
		    strcmp(q->url + strlen(lead), request_rows[i].url) != 0 ||
		    q->method != request_rows[i].method ||
		    strcmp(q->bearer, "pat.secret") != 0 ||
		    (q->body == NULL) != (request_rows[i].body == NULL) ||
		    q->asked.max_body_bytes != API_ANSWER_MAX)
			fail_msg("%s: %s", request_rows[i].name, q->url);
		if (q->body != NULL)
			assert_string_equal(q->body, request_rows[i].body);
		fake_http_answer(&http, http.n - 1, 400, "");
		assert_int_equal(r.calls, 1);
	}
}

static void test_refused_calls(void **state)
{
	static const struct record_id eleven[11] = {
		{ "recA" }, { "recA" }, { "recA" }, { "recA" }, { "recA" },
		{ "recA" }, { "recA" }, { "recA" }, { "recA" }, { "recA" },
		{ "recA" } };
	char *long_text = calloc(1, 20000);
	struct result r = { 0 };
	struct api_call c;

	(void)state;
	c = call_of(API_LIST_RECORDS, &r);
	id_copy(c.base.s, "../meta");
	assert_int_equal(submit(c), -EINVAL);
	c = call_of(API_LIST_RECORDS, &r);
	id_copy(c.table.s, "app1");
	assert_int_equal(submit(c), -EINVAL);
	c = call_of(API_GET_RECORD, &r);
	id_copy(c.record.s, "");
	assert_int_equal(submit(c), -EINVAL);
	c = call_of(API_HOOK_DELETE, &r);
	id_copy(c.hook.s, "../ach");
	assert_int_equal(submit(c), -EINVAL);
	c = call_of(API_HOOK_PAYLOADS, &r);
	c.cursor = 0;
	assert_int_equal(submit(c), -EINVAL);
	c = call_of(API_DELETE, &r);
	c.records = eleven;
	c.records_n = 11;
	assert_int_equal(submit(c), -EINVAL);
	c.records_n = 0;
	assert_int_equal(submit(c), -EINVAL);
	c = call_of(API_CREATE, &r);
	assert_int_equal(api_submit(api, &c), -EINVAL); /* no body */
	c = call_of(API_LIST_RECORDS, &r);
	c.done = NULL;
	assert_int_equal(submit(c), -EINVAL);
	c = call_of(API_LIST_RECORDS, &r);
	assert_non_null(long_text);
	memset(long_text, '/', 19999);
	c.offset = long_text;
	assert_int_equal(submit(c), -EINVAL);
	free(long_text);
	c = call_of(API_LIST_RECORDS, &r);
	c.formula = "\xff";
	assert_int_equal(submit(c), -EINVAL);
	turn();
	assert_int_equal(http.n, 0);
	assert_int_equal(r.calls, 0);
}

static void test_endpoints(void **state)
{
	static const char *const wrong[] = { "http://api.airtable.com", "x",
					     "https://a/?b", "https://a/#c" };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct api_config conf = { .endpoint = wrong[i] };
		struct api *none = NULL;
		struct atfs_error e;

		if (api_new(loop, &http.transport, &conf, &none, &e) !=
			    -EINVAL || e.err != -EINVAL || none != NULL)
			fail_msg("%s", wrong[i]);
	}
}

static void test_P11_read_only(void **state)
{
	struct result r = { 0 };

	(void)state;
	api_free(api);
	http.freed = false;
	make_api(true, "pat.secret");
	assert_int_equal(submit(call_of(API_CREATE, &r)), -EROFS);
	assert_int_equal(submit(call_of(API_UPDATE, &r)), -EROFS);
	assert_int_equal(submit(call_of(API_DELETE, &r)), -EROFS);
	assert_int_equal(submit(call_of(API_HOOK_CREATE, &r)), -EROFS);
	assert_int_equal(submit(call_of(API_HOOK_REFRESH, &r)), -EROFS);
	assert_int_equal(submit(call_of(API_HOOK_DELETE, &r)), -EROFS);
	assert_true(submit(call_of(API_GET_RECORD, &r)) > 0);
	turn();
	assert_int_equal(http.n, 1);
	fake_http_answer(&http, 0, 200, ROW);
	assert_int_equal(r.calls, 1);
}

/* ---- answers ---- */

static char *deep_list(size_t depth)
{
	char *text = calloc(1, 2 * depth + 32), *p = text;

	assert_non_null(text);
	p += sprintf(p, "{\"records\":");
	memset(p, '[', depth);
	memset(p + depth, ']', depth);
	strcpy(p + 2 * depth, "}");
	return text;
}

static const struct {
	const char *name;
	enum api_kind kind;
	int status;
	const char *body;
	enum error_class cls;
	int err;
} answer_rows[] = {
	{ "list", API_LIST_RECORDS, 200, LIST, ERROR_NONE, 0 },
	{ "whoami", API_WHOAMI, 200, "{\"id\":\"usr1\"}", ERROR_NONE, 0 },
	{ "bases", API_LIST_BASES, 200, "{\"bases\":[]}", ERROR_NONE, 0 },
	{ "schema", API_SCHEMA, 200, "{\"tables\":[]}", ERROR_NONE, 0 },
	{ "get", API_GET_RECORD, 200, ROW, ERROR_NONE, 0 },
	{ "create", API_CREATE, 200, LIST, ERROR_NONE, 0 },
	{ "create of one", API_CREATE, 200, ROW, ERROR_NONE, 0 },
	{ "delete", API_DELETE, 200, LIST, ERROR_NONE, 0 },
	{ "webhooks", API_HOOKS, 200, "{\"webhooks\":[]}", ERROR_NONE, 0 },
	{ "webhooks {}", API_HOOKS, 200, "{}", ERROR_PROTOCOL, -EPROTO },
	{ "payloads", API_HOOK_PAYLOADS, 200,
	  "{\"payloads\":[],\"cursor\":5,\"mightHaveMore\":false}",
	  ERROR_NONE, 0 },
	{ "payloads without a cursor", API_HOOK_PAYLOADS, 200,
	  "{\"payloads\":[]}", ERROR_PROTOCOL, -EPROTO },
	{ "webhook made", API_HOOK_CREATE, 200, "{\"id\":\"achH\"}",
	  ERROR_NONE, 0 },
	{ "webhook made, cut", API_HOOK_CREATE, 200, "{\"id\":", ERROR_LOST,
	  -EIO },
	{ "webhook made and 500: once", API_HOOK_CREATE, 500, "", ERROR_SERVER,
	  -EREMOTEIO },
	{ "webhook deleted: an empty body", API_HOOK_DELETE, 200, "",
	  ERROR_NONE, 0 },
	{ "P14: empty object is no empty table", API_LIST_RECORDS, 200, "{}",
	  ERROR_PROTOCOL, -EPROTO },
	{ "records no list", API_LIST_RECORDS, 200, "{\"records\":{}}",
	  ERROR_PROTOCOL, -EPROTO },
	{ "a list", API_SCHEMA, 200, "[]", ERROR_PROTOCOL, -EPROTO },
	{ "empty", API_SCHEMA, 200, "", ERROR_PROTOCOL, -EPROTO },
	{ "login page", API_SCHEMA, 200, "<html>", ERROR_PROTOCOL, -EPROTO },
	{ "cut", API_SCHEMA, 200, "{\"tables\":[", ERROR_PROTOCOL, -EPROTO },
	{ "no UTF-8", API_LIST_RECORDS, 200, "{\"records\":[\"\xff\"]}",
	  ERROR_PROTOCOL, -EPROTO },
	{ "204", API_SCHEMA, 204, "", ERROR_PROTOCOL, -EPROTO },
	{ "P4: create cut", API_CREATE, 200, "{\"records\":[", ERROR_LOST, -EIO },
	{ "P4: create garbage", API_CREATE, 200, "ok", ERROR_LOST, -EIO },
	{ "P4: create {}", API_CREATE, 200, "{}", ERROR_LOST, -EIO },
	{ "P4: create 201", API_CREATE, 201, LIST, ERROR_LOST, -EIO },
	{ "redirect", API_CREATE, 302, "", ERROR_PROTOCOL, -EPROTO },
	{ "iterator expired", API_LIST_RECORDS, 422,
	  "{\"error\":{\"type\":\"LIST_RECORDS_ITERATOR_NOT_AVAILABLE\"}}",
	  ERROR_RELIST, -EAGAIN },
	{ "gone", API_GET_RECORD, 404, "{\"error\":\"NOT_FOUND\"}", ERROR_GONE,
	  -ENOENT },
	{ "no access", API_GET_RECORD, 403, "{\"error\":\"X\"}", ERROR_ACCESS,
	  -EACCES },
	{ "bad input", API_UPDATE, 422, "{\"error\":\"X\"}", ERROR_INPUT,
	  -EINVAL },
	{ "P4: create and 500", API_CREATE, 500, "", ERROR_SERVER, -EREMOTEIO },
	{ "P4: create and 503", API_CREATE, 503,
	  "{\"error\":{\"type\":\"RETRIABLE_ERROR\"}}", ERROR_SERVER,
	  -EREMOTEIO },
	{ "quota, after which the base is left alone", API_LIST_RECORDS, 429,
	  "{\"error\":\"PUBLIC_API_BILLING_LIMIT_EXCEEDED\"}", ERROR_QUOTA,
	  -EDQUOT },
};

/* All of these are told at once, after one request. */
static void test_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(answer_rows) / sizeof(answer_rows[0]);
	     i++) {
		struct result r = { 0 };
		size_t before = http.n;

		assert_true(submit(call_of(answer_rows[i].kind, &r)) > 0);
		advance(2 * S);
		assert_int_equal(http.n, before + 1);
		fake_http_answer(&http, before, answer_rows[i].status,
				 answer_rows[i].body);
		advance(100 * S);
		if (r.calls != 1 || r.err.err != answer_rows[i].err ||
		    r.err.cls != answer_rows[i].cls || http.n != before + 1)
			fail_msg("%s: calls %d err %d class %d: %s",
				 answer_rows[i].name, r.calls, r.err.err,
				 (int)r.err.cls, r.err.text);
	}
}

static void answer_list(const char *body, struct result *r)
{
	memset(r, 0, sizeof(*r));
	submit_list(BASE_A, r);
	advance(2 * S);
	fake_http_answer(&http, fake_http_first(&http), 200, body);
	assert_int_equal(r->calls, 1);
}

static void test_answer_bounds(void **state)
{
	struct http_answer large = { .body = "", .retry_after_s = -1,
				     .failed = true, .sent = true,
				     .too_large = true, .detail = "" };
	struct result r;
	char *text;

	(void)state;
	text = deep_list(63);
	answer_list(text, &r);
	assert_int_equal(r.err.cls, ERROR_NONE);
	free(text);
	text = deep_list(64);
	answer_list(text, &r);
	assert_int_equal(r.err.cls, ERROR_PROTOCOL);
	free(text);
	text = deep_list(1000000);
	answer_list(text, &r);
	assert_int_equal(r.err.cls, ERROR_PROTOCOL);
	free(text);
	/* brackets inside strings are not nesting */
	text = calloc(1, 10000);
	assert_non_null(text);
	strcpy(text, "{\"records\":[\"\\\"");
	memset(text + strlen(text), '[', 5000);
	strcat(text, "\"]}");
	answer_list(text, &r);
	assert_int_equal(r.err.cls, ERROR_NONE);
	free(text);

	memset(&r, 0, sizeof(r));
	submit_list(BASE_A, &r);
	advance(2 * S);
	fake_http_answer_with(&http, fake_http_first(&http), &large);
	assert_int_equal(r.err.cls, ERROR_PROTOCOL);
	memset(&r, 0, sizeof(r));
	submit(call_of(API_CREATE, &r));
	advance(2 * S);
	fake_http_answer_with(&http, fake_http_first(&http), &large);
	assert_int_equal(r.err.cls, ERROR_LOST);
}

/* Values at which plain jansson would refuse the whole page. */
static void test_odd_values(void **state)
{
	static const struct {
		const char *name, *body, *want;
	} rows[] = {
		{ "1e20 as JavaScript writes it",
		  "{\"records\":[100000000000000000000,-7,0.5]}",
		  "{\"records\":[1e20,-7,0.5]}" },
		{ "64 bits", "{\"records\":[9223372036854775807]}",
		  "{\"records\":[9.2233720368547758e18]}" },
		{ "digits in a string",
		  "{\"records\":[\"100000000000000000000\"]}",
		  "{\"records\":[\"100000000000000000000\"]}" },
		{ "18 digits stay whole",
		  "{\"records\":[123456789012345678]}",
		  "{\"records\":[123456789012345678]}" },
		{ "NUL in a cell", "{\"records\":[\"a\\u0000b\"]}",
		  "{\"records\":[\"a\\u0000b\"]}" },
	};
	struct result r;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		answer_list(rows[i].body, &r);
		if (r.err.err != 0 || strcmp(r.json, rows[i].want) != 0)
			fail_msg("%s: %s %s", rows[i].name, r.err.text,
				 r.json);
	}
}

static void test_date_is_passed(void **state)
{
	struct http_answer a = { .status = 200, .body = LIST,
				 .body_n = sizeof(LIST) - 1,
				 .retry_after_s = -1, .detail = "",
				 .date_wall_ms = 1234567000 };
	struct result r = { 0 };

	(void)state;
	submit_list(BASE_A, &r);
	assert_int_equal(http.n, 0); /* nothing happens inside api_submit */
	turn();
	fake_http_answer_with(&http, 0, &a);
	assert_int_equal(r.date_wall_ms, 1234567000);
}

/* ---- repeating ---- */

static void test_429_rests_the_base(void **state)
{
	struct result a = { 0 }, b = { 0 }, c = { 0 };
	struct api_base_status base;
	struct api_status st;

	(void)state;
	submit_list(BASE_A, &a);
	turn();
	fake_http_answer(&http, 0, 429, E429);
	assert_int_equal(a.calls, 0);
	submit_list(BASE_A, &c);
	submit_list(BASE_B, &b);
	turn();
	assert_int_equal(http.n, 2); /* the other base goes on */
	assert_non_null(strstr(http.req[1].url, BASE_B));
	fake_http_answer(&http, 1, 200, LIST);
	api_get_status(api, &st);
	assert_int_equal(st.rate_limited, 1);
	assert_int_equal(api_get_bases(api, &base, 1), 1);
	assert_string_equal(base.base.s, BASE_A);
	assert_int_equal(base.rest_until_ns, clk.now_ns + LIMIT_REST_NS);
	advance(LIMIT_REST_NS - 1);
	assert_int_equal(http.n, 2);
	advance(1);
	assert_int_equal(http.n, 4);
	fake_http_answer(&http, 2, 200, LIST);
	fake_http_answer(&http, 3, 200, LIST);
	assert_int_equal(a.calls + b.calls + c.calls, 3);
	assert_int_equal(a.err.err + b.err.err + c.err.err, 0);
}

static void test_429_retry_after_and_create(void **state)
{
	struct http_answer busy = { .status = 429, .body = E429,
				    .body_n = sizeof(E429) - 1,
				    .retry_after_s = 3, .detail = "" };
	struct result r = { 0 };

	(void)state;
	submit(call_of(API_CREATE, &r)); /* nothing was done: it may go again */
	for (size_t i = 0; i < 4; i++) {
		turn();
		assert_int_equal(http.n, i + 1);
		assert_int_equal(r.calls, 0);
		fake_http_answer_with(&http, i, &busy);
		advance(3 * S - 1);
		assert_int_equal(http.n, i + 1);
		advance(1);
	}
	assert_int_equal(http.n, 4); /* the default number of tries */
	assert_int_equal(r.calls, 1);
	assert_int_equal(r.err.cls, ERROR_RATE);
	assert_int_equal(r.err.retry_ns, 3 * S);
}

static void test_5xx_backs_off_with_jitter(void **state)
{
	static const int64_t most[] = { 250 * MS, 500 * MS, 1000 * MS };
	struct result r = { 0 };

	(void)state;
	submit_list(BASE_A, &r);
	turn();
	for (size_t i = 0; i < 3; i++) {
		clk.random = (uint64_t)most[i] - 1;
		fake_http_answer(&http, i, 502, "<html>");
		advance(most[i] - 2);
		assert_int_equal(http.n, i + 1);
		advance(1);
		assert_int_equal(http.n, i + 2);
	}
	fake_http_answer(&http, 3, 502, "<html>");
	assert_int_equal(r.calls, 1);
	assert_int_equal(r.err.cls, ERROR_SERVER);

	/* no jitter at all: at once; and success after that is success */
	clk.random = 0;
	clk.now_ns += 2 * S;
	memset(&r, 0, sizeof(r));
	submit(call_of(API_DELETE, &r));
	turn();
	fake_http_answer(&http, 4, 500, "");
	turn();
	assert_int_equal(http.n, 6);
	fake_http_answer(&http, 5, 200, LIST);
	assert_int_equal(r.err.err, 0);
}

static void test_503_retry_after(void **state)
{
	struct http_answer busy = { .status = 503, .body = "", .detail = "",
				    .retry_after_s = 20 };
	struct result r = { 0 };

	(void)state;
	submit_list(BASE_A, &r);
	turn();
	fake_http_answer_with(&http, 0, &busy);
	advance(20 * S - 1);
	assert_int_equal(http.n, 1);
	advance(1);
	assert_int_equal(http.n, 2);
	busy.retry_after_s = 61; /* better to tell than to wait so long */
	fake_http_answer_with(&http, 1, &busy);
	assert_int_equal(r.calls, 1);
	assert_int_equal(r.err.retry_ns, 61 * S);
}

static void test_max_tries(void **state)
{
	struct result r = { 0 };
	struct api_call c = list_call(BASE_A, &r);

	(void)state;
	c.max_tries = 1;
	submit(c);
	turn();
	fake_http_answer(&http, 0, 500, "");
	assert_int_equal(r.calls, 1);
}

static void test_P4_create_is_sent_once(void **state)
{
	static const struct {
		const char *name;
		bool sent, timed_out;
		enum error_class cls;
		int err;
	} rows[] = {
		{ "reset", true, false, ERROR_LOST, -EIO },
		{ "no answer", true, true, ERROR_LOST, -ETIMEDOUT },
		{ "refused", false, false, ERROR_OFFLINE, -ENETUNREACH },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct result ok = { 0 }, r = { 0 };

		submit(call_of(API_CREATE, &r));
		advance(2 * S);
		fake_http_fail(&http, fake_http_first(&http), rows[i].sent,
			       rows[i].timed_out);
		if (r.calls != 1 || r.err.cls != rows[i].cls ||
		    r.err.err != rows[i].err)
			fail_msg("%s: %d %s", rows[i].name, r.calls,
				 r.err.text);
		advance(100 * S);
		assert_int_equal(fake_http_running(&http), 0);
		submit_list(BASE_A, &ok); /* so that no breaker opens */
		advance(2 * S);
		fake_http_answer(&http, fake_http_first(&http), 200, LIST);
	}
}

/* A read is repeated; and a write of which an earlier try may have worked never
 * ends as "nothing was sent". */
static void test_P4_doubt_stays(void **state)
{
	struct result r = { 0 }, w = { 0 };

	(void)state;
	submit_list(BASE_A, &r);
	turn();
	fake_http_fail(&http, 0, true, false);
	turn();
	assert_int_equal(http.n, 2);
	fake_http_answer(&http, 1, 200, LIST);
	assert_int_equal(r.err.err, 0);

	submit(call_of(API_DELETE, &w));
	turn();
	fake_http_fail(&http, 2, true, false);
	turn();
	fake_http_fail(&http, 3, false, false);
	turn();
	assert_int_equal(w.calls, 0);
	fake_http_fail(&http, 4, false, false); /* the breaker opens */
	turn();
	assert_int_equal(w.calls, 1);
	assert_int_equal(w.err.cls, ERROR_LOST);
}

/* A delete has the same effect when repeated. */
static void test_unreadable_success_is_repeated(void **state)
{
	struct result r = { 0 };
	size_t before = http.n;

	(void)state;
	submit(call_of(API_DELETE, &r));
	for (size_t k = 0; k < 4; k++) {
		advance(2 * S);
		assert_int_equal(http.n, before + k + 1);
		assert_int_equal(r.calls, 0);
		fake_http_answer(&http, before + k, 200, "{\"rec");
	}
	assert_int_equal(r.calls, 1);
	assert_int_equal(r.err.cls, ERROR_LOST);
}

/* An update has not, if somebody changed the record in between: who sent it
 * looks first. One that surely did nothing goes again. */
static void test_P4_an_update_in_doubt_is_not_repeated(void **state)
{
	struct result r[4] = { 0 };
	size_t at;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		submit(call_of(API_UPDATE, &r[i]));
		advance(2 * S);
		at = http.n - 1;
		if (i == 0)
			fake_http_fail(&http, at, true, false);
		else if (i == 1)
			fake_http_answer(&http, at, 503, "");
		else if (i == 2)
			fake_http_answer(&http, at, 200, "{\"rec");
		else
			fake_http_fail(&http, at, false, false);
		advance(2 * S);
		assert_int_equal(r[i].calls, i < 3);
		assert_int_equal(http.n, at + (i < 3 ? 1 : 2));
	}
	assert_int_equal(r[0].err.cls, ERROR_LOST);
	assert_int_equal(r[1].err.cls, ERROR_SERVER);
	assert_int_equal(r[2].err.cls, ERROR_LOST);
}

/* ---- offline ---- */

static void test_interactive_offline_is_told_soon(void **state)
{
	struct result r = { 0 };
	int64_t from = clk.now_ns;

	(void)state;
	clk.random_runs = true;
	clk.random = 4711;
	submit_list(BASE_A, &r);
	while (r.calls == 0) {
		advance(10 * MS);
		if (fake_http_running(&http) > 0)
			fake_http_fail(&http, fake_http_first(&http), false,
				       false);
		assert_true(clk.now_ns - from < 2 * S);
	}
	assert_int_equal(r.err.cls, ERROR_OFFLINE);
	assert_int_equal(r.err.err, -ENETUNREACH);
	assert_true(http.n > 1);
	assert_true(http.req[0].asked.connect_timeout_ns <= 4 * S);

	/* where even the first try took long there is no second one */
	api_free(api);
	http.freed = false;
	make_api(false, "pat.secret");
	memset(&r, 0, sizeof(r));
	submit_list(BASE_A, &r);
	turn();
	clk.now_ns += 4 * S;
	fake_http_fail(&http, fake_http_first(&http), false, true);
	assert_int_equal(r.calls, 1);
	assert_int_equal(r.err.err, -ETIMEDOUT);
}

static void open_breaker(void)
{
	struct result r = { 0 };

	clk.random = 0;
	submit_list(BASE_A, &r);
	for (int i = 0; i < 3; i++) {
		turn();
		fake_http_fail(&http, fake_http_first(&http), false, false);
	}
	assert_int_equal(r.calls, 1);
}

static void test_breaker(void **state)
{
	struct result a = { 0 }, b = { 0 }, c = { 0 };
	struct api_status st;
	size_t n;

	(void)state;
	open_breaker();
	n = http.n;
	api_get_status(api, &st);
	assert_true(st.offline);
	submit_list(BASE_B, &a);
	assert_int_equal(a.calls, 0); /* not from inside api_submit */
	turn();
	assert_int_equal(a.calls, 1);
	assert_int_equal(a.err.cls, ERROR_OFFLINE);
	assert_int_equal(http.n, n);

	/* one probes, the other waits for what it finds */
	advance(1 * S);
	submit_list(BASE_A, &b);
	submit_list(BASE_B, &c);
	turn();
	assert_int_equal(http.n, n + 1);
	fake_http_fail(&http, n, false, false);
	turn();
	assert_int_equal(b.calls + c.calls, 2);
	assert_int_equal(http.n, n + 1);

	/* the next pause is longer; an answer of any kind ends it */
	memset(&b, 0, sizeof(b));
	memset(&c, 0, sizeof(c));
	advance(2 * S - 1);
	submit_list(BASE_A, &b);
	turn();
	assert_int_equal(b.calls, 1);
	memset(&b, 0, sizeof(b));
	advance(1);
	submit_list(BASE_A, &b);
	submit_list(BASE_B, &c);
	turn();
	assert_int_equal(http.n, n + 2);
	fake_http_answer(&http, n + 1, 404, "{\"error\":\"NOT_FOUND\"}");
	turn();
	assert_int_equal(http.n, n + 3);
	fake_http_answer(&http, n + 2, 200, LIST);
	assert_int_equal(c.err.err, 0);
	api_get_status(api, &st);
	assert_false(st.offline);
}

static void test_breaker_probe_cancelled(void **state)
{
	struct result a = { 0 }, b = { 0 };
	int64_t id;
	size_t n;

	(void)state;
	open_breaker();
	n = http.n;
	advance(1 * S);
	id = submit(list_call(BASE_A, &a));
	submit_list(BASE_A, &b);
	turn();
	assert_int_equal(http.n, n + 1);
	api_cancel(api, id);
	assert_true(http.req[n].cancelled);
	turn();
	assert_int_equal(http.n, n + 2); /* the next one probes */
	fake_http_answer(&http, n + 1, 200, LIST);
	assert_int_equal(a.calls, 0);
	assert_int_equal(b.calls, 1);
}

/* A caller that submits again from done() must not keep us busy for ever. */
static void test_breaker_and_eager_caller(void **state)
{
	struct result r = { 0 };
	struct api_call again = list_call(BASE_A, &r);

	(void)state;
	open_breaker();
	r.again = &again;
	submit(again);
	for (int i = 0; i < 5; i++)
		loop_turn(loop, 0);
	assert_in_range(r.calls, 1, 5);
	r.again = NULL;
	turn();
}

static void test_transport_refuses(void **state)
{
	struct result r = { 0 };

	(void)state;
	http.refuse = -ENOMEM;
	submit_list(BASE_A, &r);
	turn();
	assert_int_equal(r.calls, 1);
	assert_int_equal(r.err.err, -ENOMEM);
}

/* ---- token ---- */

static void set_token(const char *secret)
{
	struct token t = { .secret = strdup(secret),
			   .secret_n = strlen(secret) };

	api_set_token(api, &t);
	assert_null(t.secret);
}

static void test_P10_token_is_replaced(void **state)
{
	struct result r[3] = { { 0 } };
	struct api_status st;

	(void)state;
	submit_list(BASE_A, &r[0]);
	turn();
	fake_http_answer(&http, 0, 401, "{\"error\":\"X\"}");
	assert_int_equal(r[0].err.cls, ERROR_TOKEN);
	assert_int_equal(r[0].err.err, -EACCES);
	api_get_status(api, &st);
	assert_true(st.token_refused);

	/* one at a time shows whether it works again */
	memset(r, 0, sizeof(r));
	for (int i = 0; i < 3; i++)
		submit_list(BASE_A, &r[i]);
	turn();
	assert_int_equal(http.n, 2);
	set_token("pat.new");
	turn();
	assert_int_equal(http.n, 4);
	assert_string_equal(http.req[1].bearer, "pat.secret");
	assert_string_equal(http.req[2].bearer, "pat.new");
	/* the late refusal of the old one is no word about the new one */
	fake_http_answer(&http, 1, 401, "{\"error\":\"X\"}");
	turn();
	assert_int_equal(r[0].calls, 0);
	assert_int_equal(http.n, 5);
	assert_string_equal(http.req[4].bearer, "pat.new");
	api_get_status(api, &st);
	assert_false(st.token_refused);
	for (size_t i = 2; i < 5; i++)
		fake_http_answer(&http, i, 200, LIST);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(r[i].calls, 1);
		assert_int_equal(r[i].err.err, 0);
	}
}

static void test_P9_an_answer_that_repeats_the_token(void **state)
{
	struct result r = { 0 };

	(void)state;
	submit_list(BASE_A, &r);
	turn();
	fake_http_answer(&http, 0, 422, "{\"error\":{\"type\":\"pat.secret\","
			 "\"message\":\"no pat.secret, pat.secret\"}}");
	assert_int_equal(r.calls, 1);
	assert_null(strstr(r.err.text, "pat.secret"));
	assert_null(strstr(r.err.type, "pat.secret"));
	assert_non_null(strstr(r.err.text, "no **********, **********"));
}

/* ---- whose token ---- */

#define ME "{\"id\":\"usrMe\"}"

static int only_me(void *arg, const char *user, struct atfs_error *e)
{
	++*(int *)arg;
	if (strcmp(user, "usrMe") == 0)
		return 0;
	error_set(e, -EACCES, ERROR_TOKEN, "of %s", user);
	return -EACCES;
}

static int proofs;

static void make_proving_api(void)
{
	struct api_config conf = { .endpoint = "https://api.test/",
				   .prove = only_me, .prove_arg = &proofs };
	struct atfs_error e;

	api_free(api);
	http.freed = false;
	proofs = 0;
	conf.token = (struct token){ strdup("pat.secret"), 10, "" };
	assert_int_equal(api_new(loop, &http.transport, &conf, &api, &e), 0);
}

static bool is_whoami(size_t i)
{
	return strstr(http.req[i].url, "/v0/meta/whoami") != NULL;
}

static void test_P10_first_it_is_asked_whose_it_is(void **state)
{
	struct result r[3] = { { 0 } };
	struct api_status st;

	(void)state;
	make_proving_api();
	turn();
	assert_int_equal(http.n, 0); /* nobody wants anything */
	submit_list(BASE_A, &r[0]);
	submit_list(BASE_B, &r[1]);
	advance(S);
	assert_int_equal(http.n, 1);
	assert_true(is_whoami(0));
	/* the server cannot be reached: who waits is told, and the next one
	 * makes it ask again */
	fake_http_fail(&http, 0, false, false);
	for (size_t n = 1; r[0].calls == 0 && n < 8; n++) {
		advance(2 * S);
		if (http.n > n)
			fake_http_fail(&http, n, false, false);
	}
	turn();
	assert_int_equal(r[0].err.cls, ERROR_OFFLINE);
	assert_int_equal(r[1].err.cls, ERROR_OFFLINE);
	size_t n = http.n;

	advance(60 * S);
	submit_list(BASE_A, &r[2]);
	turn();
	assert_int_equal(http.n, n + 1);
	assert_true(is_whoami(n));
	fake_http_answer(&http, n, 200, ME);
	turn();
	assert_int_equal(http.n, n + 2);
	assert_false(is_whoami(n + 1));
	fake_http_answer(&http, n + 1, 200, LIST);
	assert_int_equal(r[2].err.err, 0);
	assert_int_equal(proofs, 1);
	api_get_status(api, &st);
	assert_true(st.token_proven && !st.token_refused);
}

static void test_P10_nothing_is_sent_for_another_user(void **state)
{
	struct result r[4] = { { 0 } };
	struct api_status st;

	(void)state;
	make_proving_api();
	submit_list(BASE_A, &r[0]);
	turn();
	fake_http_answer(&http, 0, 200, "{\"id\":\"usrYou\"}");
	turn();
	assert_int_equal(r[0].err.cls, ERROR_TOKEN);
	assert_string_equal(r[0].err.text, "of usrYou");
	submit_list(BASE_A, &r[1]);
	advance(60 * S);
	assert_int_equal(r[1].err.cls, ERROR_TOKEN);
	assert_int_equal(http.n, 1);
	api_get_status(api, &st);
	assert_true(st.token_refused);
	assert_string_equal(st.token_error, "of usrYou");

	/* a new one is asked anew, and the answer to an older question is
	 * none about it */
	set_token("pat.second");
	submit_list(BASE_A, &r[2]);
	turn();
	assert_int_equal(http.n, 2);
	assert_string_equal(http.req[1].bearer, "pat.second");
	set_token("pat.third");
	turn();
	assert_true(http.req[1].cancelled);
	assert_int_equal(http.n, 3);
	assert_true(is_whoami(2));
	assert_string_equal(http.req[2].bearer, "pat.third");
	fake_http_answer(&http, 2, 200, ME);
	turn();
	assert_int_equal(http.n, 4);
	fake_http_answer(&http, 3, 200, LIST);
	assert_int_equal(r[2].err.err, 0);

	/* one that is refused altogether */
	set_token("pat.bad");
	submit_list(BASE_A, &r[3]);
	turn();
	fake_http_answer(&http, 4, 401, "{\"error\":\"X\"}");
	turn();
	assert_int_equal(r[3].err.cls, ERROR_TOKEN);
	assert_int_equal(proofs, 2);
}

static void test_no_token(void **state)
{
	struct result r = { 0 };

	(void)state;
	api_free(api);
	http.freed = false;
	make_api(false, NULL);
	submit_list(BASE_A, &r);
	turn();
	assert_int_equal(http.n, 0);
	assert_int_equal(r.calls, 1);
	assert_int_equal(r.err.cls, ERROR_TOKEN);
	set_token("pat.first");
	submit_list(BASE_A, &r);
	turn();
	assert_int_equal(http.n, 1);
	fake_http_answer(&http, 0, 200, LIST);
}

/* ---- queues ---- */

static char urgency_of(const struct fake_request *q)
{
	return q->url[strlen(q->url) - 1];
}

static int64_t submit_marked(enum api_priority p, char mark, struct result *r)
{
	struct api_call c = list_call(BASE_A, r);
	const char offset[2] = { mark, '\0' };

	c.priority = p;
	c.offset = offset;
	return submit(c);
}

/* Answers one after the other and writes down the order of the marks. */
static void run_all(char *order, size_t max)
{
	size_t n = 0;

	for (int i = 0; i < 2000 && n < max; i++) {
		advance(250 * MS);
		while (fake_http_running(&http) > 0 && n < max) {
			size_t k = fake_http_first(&http);

			order[n++] = urgency_of(&http.req[k]);
			fake_http_answer(&http, k, 200, LIST);
		}
	}
	order[n] = '\0';
}

static void test_priorities_are_strict(void **state)
{
	struct result r = { 0 };
	char order[16];

	(void)state;
	submit_marked(API_PREFETCH, 'p', &r);
	submit_marked(API_REFRESH, 'r', &r);
	submit_marked(API_FLUSH, 'f', &r);
	submit_marked(API_INTERACTIVE, 'i', &r);
	submit_marked(API_INTERACTIVE, 'j', &r);
	run_all(order, 5);
	assert_string_equal(order, "ijfrp");
}

static void test_nothing_starves(void **state)
{
	struct result r = { 0 };
	char order[64];

	(void)state;
	submit_marked(API_PREFETCH, 'p', &r);
	submit_marked(API_REFRESH, 'r', &r);
	for (int i = 0; i < 30; i++)
		submit_marked(API_INTERACTIVE, 'i', &r);
	run_all(order, 32);
	assert_non_null(strchr(order, 'p'));
	assert_in_range(strchr(order, 'r') - order, 1, 10);
	assert_in_range(strchr(order, 'p') - order, 1, 12);
}

static void test_raise(void **state)
{
	struct result r = { 0 };
	char order[16];
	int64_t id;

	(void)state;
	submit_marked(API_PREFETCH, 'p', &r);
	submit_marked(API_FLUSH, 'f', &r);
	id = submit_marked(API_PREFETCH, 'q', &r);
	api_raise(api, id, API_INTERACTIVE);
	api_raise(api, id, API_PREFETCH); /* never lowers */
	api_raise(api, 999, API_INTERACTIVE);
	run_all(order, 3);
	assert_string_equal(order, "qfp");
}

static void test_bases_share_fairly(void **state)
{
	struct result r = { 0 };
	struct api_call c;
	bool seen = false;

	(void)state;
	/* 30 bases with urgent work for many seconds, one with a prefetch */
	c = list_call("appQUIET", &r);
	c.priority = API_PREFETCH;
	submit(c);
	for (int i = 0; i < 30; i++) {
		char base[16];

		snprintf(base, sizeof(base), "app%d", i);
		for (int k = 0; k < 40; k++)
			submit_list(base, &r);
	}
	for (int i = 0; i < 100 && !seen; i++) {
		advance(100 * MS);
		while (fake_http_running(&http) > 0) {
			size_t k = fake_http_first(&http);

			seen = seen || strstr(http.req[k].url, "appQUIET");
			fake_http_answer(&http, k, 200, LIST);
			turn();
		}
	}
	assert_true(seen);
	assert_true(http.n < 100);
}

static void test_in_flight_bounds(void **state)
{
	struct result r = { 0 };

	(void)state;
	for (int i = 0; i < 20; i++)
		submit_list(BASE_A, &r);
	for (int i = 0; i < 10; i++)
		advance(2 * S);
	assert_int_equal(http.n, 6);
	for (int b = 0; b < 10; b++)
		for (int i = 0; i < 4; i++) {
			char base[16];

			snprintf(base, sizeof(base), "app%d", b);
			submit_list(base, &r);
		}
	for (int i = 0; i < 10; i++)
		advance(2 * S);
	assert_int_equal(http.n, API_RUNNING_MAX);
	fake_http_answer(&http, API_RUNNING_MAX - 1, 200, LIST);
	turn();
	assert_int_equal(http.n, API_RUNNING_MAX + 1);
}

static void test_cancel(void **state)
{
	struct result r = { 0 };
	int64_t queued, waiting, running;

	(void)state;
	queued = submit(list_call(BASE_A, &r));
	api_cancel(api, queued);
	turn();
	assert_int_equal(http.n, 0);

	running = submit(list_call(BASE_A, &r));
	turn();
	assert_int_equal(http.n, 1);
	api_cancel(api, running);
	assert_true(http.req[0].cancelled);

	clk.random = 200 * MS;
	waiting = submit(list_call(BASE_A, &r));
	turn();
	fake_http_answer(&http, 1, 500, "");
	api_cancel(api, waiting);
	api_cancel(api, waiting);
	api_cancel(api, 12345);
	advance(100 * S);
	assert_int_equal(http.n, 2);
	assert_int_equal(r.calls, 0);
}

static void test_free_cancels(void **state)
{
	struct result running = { 0 }, waiting = { 0 }, queued = { 0 };
	struct api_call again = list_call(BASE_A, &queued);

	(void)state;
	clk.random = 200 * MS;
	submit_list(BASE_A, &waiting);
	turn();
	fake_http_answer(&http, 0, 500, "");
	submit_list(BASE_A, &running);
	turn();
	submit_list(BASE_A, &queued);
	running.again = &again; /* refused: we are closing */
	api_free(api);
	http.freed = false;
	assert_int_equal(running.calls, 1);
	assert_int_equal(waiting.calls, 1);
	assert_int_equal(queued.calls, 1);
	assert_int_equal(running.err.cls, ERROR_CANCELLED);
	assert_int_equal(queued.err.cls, ERROR_CANCELLED);
	make_api(false, "pat.secret");
}

static void test_status_counts(void **state)
{
	struct result r = { 0 };
	struct api_status st;

	(void)state;
	http.leave_at_once = false;
	submit_list(BASE_A, &r);
	submit(call_of(API_CREATE, &r));
	turn();
	fake_http_fail(&http, 0, false, false); /* never left: no call */
	turn();
	fake_http_leave(&http, 1);
	api_get_status(api, &st);
	assert_int_equal(st.calls_total, 1);
	assert_int_equal(st.calls[API_CREATE], 1);
	assert_int_equal(st.last_ok_wall_ms, 0);
	fake_http_answer(&http, 1, 200, LIST);
	fake_http_leave(&http, 2); /* the list again */
	fake_http_answer(&http, 2, 422, "{\"error\":\"WHY\"}");
	api_get_status(api, &st);
	assert_int_equal(st.calls_total, 2);
	assert_int_equal(st.calls[API_LIST_RECORDS], 1);
	assert_int_equal(st.last_ok_wall_ms, clk.now_wall_ms);
	assert_non_null(strstr(st.last_error, "WHY"));
}

/* ---- P7 through the whole door, with connections of any slowness ---- */

static void run_pacing(uint64_t seed)
{
	static int64_t left_at[2][400];
	size_t left_n[2] = { 0, 0 };
	struct result r = { 0 };
	int submitted = 0;
	uint64_t slow;

	clk.random_runs = true;
	clk.random = seed;
	http.leave_at_once = false;
	/* from connections that take a second to ones that take none */
	slow = 1 + seed % 8 * 6;
	while (left_n[0] + left_n[1] < 300) {
		uint64_t x = fake_clock_rand64(&clk);

		if (submitted < 330 && x % 3 == 0) {
			submit_list(x % 5 < 4 ? BASE_A : BASE_B, &r);
			submitted++;
		}
		advance((int64_t)(x % (40 * MS)));
		for (size_t i = 0; i < http.n; i++) {
			struct fake_request *q = &http.req[i];
			int base = strstr(q->url, BASE_A) == NULL;

			if (!q->under_way ||
			    fake_clock_rand64(&clk) % slow != 0)
				continue;
			if (q->has_left) {
				fake_http_answer(&http, i, 200, LIST);
				continue;
			}
			clk.now_ns++; /* one after the other */
			fake_http_leave(&http, i);
			left_at[base][left_n[base]++] = clk.now_ns;
		}
	}
	for (int b = 0; b < 2; b++)
		for (size_t i = 5; i < left_n[b]; i++)
			if (left_at[b][i] - left_at[b][i - 5] < NS_PER_S)
				fail_msg("seed %llu: base %d, request %zu",
					 (unsigned long long)seed, b, i);
}

/* Five wait for their connections for long: a sixth would leave with them. */
static void test_P7_slow_connections(void **state)
{
	struct result r = { 0 };

	(void)state;
	http.leave_at_once = false;
	for (int i = 0; i < 6; i++)
		submit_list(BASE_A, &r);
	for (int i = 0; i < 30; i++)
		advance(100 * MS);
	assert_int_equal(http.n, 5);
	for (size_t i = 0; i < 5; i++)
		fake_http_leave(&http, i);
	advance(LIMIT_WINDOW_NS - 1);
	assert_int_equal(http.n, 5);
	advance(1);
	assert_int_equal(http.n, 6);
}

static void test_P7_pacing(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 8; seed++) {
		run_pacing(seed * 7919);
		ending = true;
		api_free(api);
		ending = false;
		http.freed = false;
		fake_http_release(&http);
		make_api(false, "pat.secret");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_requests),
		T(test_refused_calls),
		T(test_endpoints),
		T(test_P11_read_only),
		T(test_answers),
		T(test_answer_bounds),
		T(test_odd_values),
		T(test_date_is_passed),
		T(test_429_rests_the_base),
		T(test_429_retry_after_and_create),
		T(test_5xx_backs_off_with_jitter),
		T(test_503_retry_after),
		T(test_max_tries),
		T(test_P4_create_is_sent_once),
		T(test_P4_doubt_stays),
		T(test_unreadable_success_is_repeated),
		T(test_P4_an_update_in_doubt_is_not_repeated),
		T(test_interactive_offline_is_told_soon),
		T(test_breaker),
		T(test_breaker_probe_cancelled),
		T(test_breaker_and_eager_caller),
		T(test_transport_refuses),
		T(test_P10_token_is_replaced),
		T(test_P9_an_answer_that_repeats_the_token),
		T(test_P10_first_it_is_asked_whose_it_is),
		T(test_P10_nothing_is_sent_for_another_user),
		T(test_no_token),
		T(test_priorities_are_strict),
		T(test_nothing_starves),
		T(test_raise),
		T(test_bases_share_fairly),
		T(test_in_flight_bounds),
		T(test_cancel),
		T(test_free_cancels),
		T(test_status_counts),
		T(test_P7_slow_connections),
		T(test_P7_pacing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
