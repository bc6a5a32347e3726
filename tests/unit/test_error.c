/* The table of error.c row by row, against airtable-api.md 5.3; then, if
 * ATFS_FIXTURES names their folder, the sample answers. */
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

#include "airtable/clock.h"
#include "airtable/error.h"

#define OBJ(type, words) \
	"{\"error\":{\"type\":\"" type "\",\"message\":\"" words "\"}}"
#define BARE(type) "{\"error\":{\"type\":\"" type "\"}}"
#define STR(type) "{\"error\":\"" type "\"}"
#define ARR(type, words) \
	"{\"errors\":[{\"error\":\"" type "\",\"message\":\"" words "\"}]}"

static const struct {
	const char *name;
	int status;
	const char *body;
	int64_t retry_after_s;
	int err;
	enum error_class cls;
	const char *type;
	const char *says; /* part of the text */
	int64_t retry_ns;
} http_rows[] = {
	{ "bad JSON sent", 400, "", -1, -EINVAL, ERROR_INPUT, "", "(400)", 0 },
	{ "no token", 401, OBJ("AUTHENTICATION_REQUIRED", "Authentication required"),
	  -1, -EACCES, ERROR_TOKEN, "AUTHENTICATION_REQUIRED",
	  "Authentication required", 0 },
	{ "bad token", 401, OBJ("UNAUTHORIZED", "Invalid authentication token"),
	  -1, -EACCES, ERROR_TOKEN, "UNAUTHORIZED", "Invalid", 0 },
	{ "401 without a body", 401, "", -1, -EACCES, ERROR_TOKEN, "",
	  "token was refused", 0 },
	{ "no grant or scope", 403,
	  OBJ("INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND", "Invalid permissions, or"),
	  -1, -EACCES, ERROR_ACCESS, "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND",
	  "Invalid permissions", 0 },
	{ "role too low", 403, OBJ("INVALID_PERMISSIONS", "You are not permitted"),
	  -1, -EACCES, ERROR_ACCESS, "INVALID_PERMISSIONS", "You are not", 0 },
	{ "403 in HTML", 403, "<html>Forbidden</html>", -1, -EACCES,
	  ERROR_ACCESS, "", "(403)", 0 },
	{ "no route", 404, STR("NOT_FOUND"), -1, -ENOENT, ERROR_GONE,
	  "NOT_FOUND", "not found", 0 },
	{ "not found, object form", 404, BARE("NOT_FOUND"), -1, -ENOENT,
	  ERROR_GONE, "NOT_FOUND", "", 0 },
	{ "record deleted", 404, OBJ("MODEL_ID_NOT_FOUND", "Record not found"),
	  -1, -ENOENT, ERROR_GONE, "MODEL_ID_NOT_FOUND", "Record not found", 0 },
	{ "table unknown", 404, OBJ("TABLE_NOT_FOUND", "Could not find table X"),
	  -1, -ENOENT, ERROR_GONE, "TABLE_NOT_FOUND", "table X", 0 },
	{ "a 404 that is not the API's", 404, "<html>nginx</html>", -1, -EPROTO,
	  ERROR_PROTOCOL, "", "endpoint", 0 },
	{ "an empty 404", 404, "", -1, -EPROTO, ERROR_PROTOCOL, "", "", 0 },
	{ "request timeout", 408, "", -1, -ETIMEDOUT, ERROR_SERVER, "", "", 0 },
	{ "body too large", 413, "", -1, -EMSGSIZE, ERROR_INPUT, "", "", 0 },
	{ "URL too long", 414, "<h1>Request-URI Too Large</h1>", -1, -EMSGSIZE,
	  ERROR_INPUT, "", "", 0 },
	{ "bad parameter", 422, OBJ("INVALID_REQUEST_UNKNOWN", "Invalid request"),
	  -1, -EINVAL, ERROR_INPUT, "INVALID_REQUEST_UNKNOWN", "", 0 },
	{ "no workspace", 422, OBJ("INVALID_REQUEST", "Server error"), -1,
	  -EINVAL, ERROR_INPUT, "INVALID_REQUEST", "Server error", 0 },
	{ "no fields", 422, OBJ("INVALID_REQUEST_MISSING_FIELDS", "x"), -1,
	  -EINVAL, ERROR_INPUT, "INVALID_REQUEST_MISSING_FIELDS", "", 0 },
	{ "11 records", 422, OBJ("INVALID_RECORDS", "x"), -1, -EINVAL,
	  ERROR_INPUT, "INVALID_RECORDS", "", 0 },
	{ "unknown field", 422,
	  OBJ("UNKNOWN_FIELD_NAME", "Unknown field name: \\\"Nmae\\\""), -1,
	  -EINVAL, ERROR_INPUT, "UNKNOWN_FIELD_NAME", "\"Nmae\"", 0 },
	{ "wrong value", 422, OBJ("INVALID_VALUE_FOR_COLUMN", "x"), -1, -EINVAL,
	  ERROR_INPUT, "INVALID_VALUE_FOR_COLUMN", "", 0 },
	{ "unknown option", 422, OBJ("INVALID_MULTIPLE_CHOICE_OPTIONS", "x"), -1,
	  -EINVAL, ERROR_INPUT, "INVALID_MULTIPLE_CHOICE_OPTIONS", "", 0 },
	{ "row gone", 422,
	  OBJ("ROW_DOES_NOT_EXIST", "Record ID rec1 does not exist"), -1,
	  -ENOENT, ERROR_GONE, "ROW_DOES_NOT_EXIST", "rec1", 0 },
	{ "attachment", 422, BARE("INVALID_ATTACHMENT_OBJECT"), -1, -EINVAL,
	  ERROR_INPUT, "INVALID_ATTACHMENT_OBJECT", "", 0 },
	{ "upload failed", 422, BARE("ATTACHMENTS_FAILED_UPLOADING"), -1,
	  -EINVAL, ERROR_INPUT, "ATTACHMENTS_FAILED_UPLOADING", "", 0 },
	{ "formula", 422, BARE("INVALID_FILTER_BY_FORMULA"), -1, -EINVAL,
	  ERROR_INPUT, "INVALID_FILTER_BY_FORMULA", "", 0 },
	{ "offset malformed", 422, OBJ("INVALID_OFFSET_VALUE", "x"), -1,
	  -EAGAIN, ERROR_RELIST, "INVALID_OFFSET_VALUE", "iterator", 0 },
	{ "iterator expired", 422, BARE("LIST_RECORDS_ITERATOR_NOT_AVAILABLE"),
	  -1, -EAGAIN, ERROR_RELIST, "LIST_RECORDS_ITERATOR_NOT_AVAILABLE",
	  "expired", 0 },
	{ "view", 422, OBJ("VIEW_NAME_NOT_FOUND", "View X not found"), -1,
	  -EINVAL, ERROR_INPUT, "VIEW_NAME_NOT_FOUND", "", 0 },
	{ "view id", 422, BARE("VIEW_ID_NOT_FOUND"), -1, -EINVAL, ERROR_INPUT,
	  "VIEW_ID_NOT_FOUND", "", 0 },
	{ "state check", 422, BARE("FAILED_STATE_CHECK"), -1, -EINVAL,
	  ERROR_INPUT, "FAILED_STATE_CHECK", "", 0 },
	{ "field name taken", 422, BARE("DUPLICATE_OR_EMPTY_FIELD_NAME"), -1,
	  -EINVAL, ERROR_INPUT, "DUPLICATE_OR_EMPTY_FIELD_NAME", "", 0 },
	{ "field type", 422, BARE("UNSUPPORTED_FIELD_TYPE_FOR_CREATE"), -1,
	  -EINVAL, ERROR_INPUT, "UNSUPPORTED_FIELD_TYPE_FOR_CREATE", "", 0 },
	{ "field options", 422, BARE("INVALID_FIELD_TYPE_OPTIONS_FOR_CREATE"),
	  -1, -EINVAL, ERROR_INPUT, "INVALID_FIELD_TYPE_OPTIONS_FOR_CREATE",
	  "", 0 },
	{ "webhooks", 422, BARE("TOO_MANY_WEBHOOKS_IN_BASE"), -1, -EINVAL,
	  ERROR_INPUT, "TOO_MANY_WEBHOOKS_IN_BASE", "", 0 },
	{ "rate, object form", 429, OBJ("RATE_LIMIT_REACHED", "Rate limit"), -1,
	  -EBUSY, ERROR_RATE, "RATE_LIMIT_REACHED", "Rate limit", 0 },
	{ "rate, array form", 429, ARR("RATE_LIMIT_REACHED", "Rate limit"), -1,
	  -EBUSY, ERROR_RATE, "RATE_LIMIT_REACHED", "Rate limit", 0 },
	{ "rate with Retry-After", 429, "", 7, -EBUSY, ERROR_RATE, "", "",
	  7 * NS_PER_S },
	{ "Retry-After without end", 429, "", INT64_MAX, -EBUSY, ERROR_RATE, "",
	  "", 3600 * NS_PER_S },
	{ "month used up, array", 429,
	  ARR("PUBLIC_API_BILLING_LIMIT_EXCEEDED", "limit exceeded"), 5,
	  -EDQUOT, ERROR_QUOTA, "PUBLIC_API_BILLING_LIMIT_EXCEEDED",
	  "monthly", 0 },
	{ "month used up, object", 429,
	  BARE("PUBLIC_API_BILLING_LIMIT_EXCEEDED"), -1, -EDQUOT, ERROR_QUOTA,
	  "PUBLIC_API_BILLING_LIMIT_EXCEEDED", "", 0 },
	{ "server error", 500, OBJ("SERVER_ERROR", "x"), -1, -EREMOTEIO,
	  ERROR_SERVER, "SERVER_ERROR", "", 0 },
	{ "bad gateway", 502, "<html>502</html>", -1, -EREMOTEIO, ERROR_SERVER,
	  "", "(502)", 0 },
	{ "overload", 503, OBJ("RETRIABLE_ERROR", "safe to retry"), 3,
	  -EREMOTEIO, ERROR_SERVER, "RETRIABLE_ERROR", "safe", 3 * NS_PER_S },
	{ "gateway timeout", 504, "", -1, -EREMOTEIO, ERROR_SERVER, "", "", 0 },
	{ "a status of tomorrow", 499, BARE("NEW_TYPE"), -1, -EINVAL,
	  ERROR_INPUT, "NEW_TYPE", "NEW_TYPE", 0 },
	{ "a redirect", 302, "", -1, -EPROTO, ERROR_PROTOCOL, "", "proxy", 0 },
	{ "message without a type", 422, "{\"error\":{\"message\":\"why\"}}", -1,
	  -EINVAL, ERROR_INPUT, "", "why", 0 },
	{ "types of wrong JSON type", 422, "{\"error\":{\"type\":5}}", -1,
	  -EINVAL, ERROR_INPUT, "", "", 0 },
	{ "empty array", 429, "{\"errors\":[]}", -1, -EBUSY, ERROR_RATE, "", "",
	  0 },
	{ "the API's type under another status is not believed", 500,
	  BARE("ROW_DOES_NOT_EXIST"), -1, -EREMOTEIO, ERROR_SERVER,
	  "ROW_DOES_NOT_EXIST", "", 0 },
};

static void test_http_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(http_rows) / sizeof(http_rows[0]); i++) {
		struct atfs_error e;
		const char *body = http_rows[i].body;

		memset(&e, 0x5a, sizeof(e));
		error_from_http(&e, http_rows[i].status, body, strlen(body),
				http_rows[i].retry_after_s);
		if (e.err != http_rows[i].err || e.cls != http_rows[i].cls ||
		    e.http != http_rows[i].status ||
		    e.retry_ns != http_rows[i].retry_ns ||
		    strcmp(e.type, http_rows[i].type) != 0 ||
		    strstr(e.text, http_rows[i].says) == NULL)
			fail_msg("%s: err %d class %d type '%s' retry %lld: %s",
				 http_rows[i].name, e.err, (int)e.cls, e.type,
				 (long long)e.retry_ns, e.text);
	}
}

static const struct {
	const char *name;
	bool sent, timed_out;
	int err;
	enum error_class cls;
} transport_rows[] = {
	{ "refused", false, false, -ENETUNREACH, ERROR_OFFLINE },
	{ "no connection in time", false, true, -ETIMEDOUT, ERROR_OFFLINE },
	{ "reset", true, false, -EIO, ERROR_LOST },
	{ "no answer in time", true, true, -ETIMEDOUT, ERROR_LOST },
};

static void test_transport_rows(void **state)
{
	(void)state;
	for (size_t i = 0;
	     i < sizeof(transport_rows) / sizeof(transport_rows[0]); i++) {
		struct atfs_error e;

		error_from_transport(&e, transport_rows[i].sent,
				     transport_rows[i].timed_out, "why\n");
		if (e.err != transport_rows[i].err ||
		    e.cls != transport_rows[i].cls || e.http != 0 ||
		    e.err == -ENOENT || strstr(e.text, "why") == NULL)
			fail_msg("%s: err %d class %d: %s",
				 transport_rows[i].name, e.err, (int)e.cls,
				 e.text);
		error_from_transport(&e, transport_rows[i].sent, false, NULL);
		assert_true(e.text[0] != '\0');
	}
}

static void test_retryable(void **state)
{
	static const struct {
		const char *name;
		enum error_class cls;
		bool want;
	} rows[] = {
		{ "none", ERROR_NONE, false },
		{ "token", ERROR_TOKEN, false },
		{ "access", ERROR_ACCESS, false },
		{ "gone", ERROR_GONE, false },
		{ "input", ERROR_INPUT, false },
		{ "relist", ERROR_RELIST, false },
		{ "rate", ERROR_RATE, true },
		{ "quota", ERROR_QUOTA, false },
		{ "server", ERROR_SERVER, true },
		{ "offline", ERROR_OFFLINE, true },
		{ "lost", ERROR_LOST, true },
		{ "protocol", ERROR_PROTOCOL, true },
		{ "cancelled", ERROR_CANCELLED, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct atfs_error e = { .cls = rows[i].cls };

		if (error_is_retryable(&e) != rows[i].want)
			fail_msg("%s", rows[i].name);
	}
}

/* What the server writes ends on a terminal: one line, no controls, bounded,
 * whole code points. */
static void test_text_is_clean(void **state)
{
	static const char evil[] =
		"{\"error\":{\"type\":\"A\\u001b]0;x\",\"message\":"
		"\"a\\nb\\u001b[31mc\\u0085d\\u202eE\\u0000f\\u2066g\"}}";
	struct atfs_error e;
	char body[2048], *p = body;

	(void)state;
	error_from_http(&e, 422, evil, sizeof(evil) - 1, -1);
	assert_string_equal(e.type, "A ]0;x");
	assert_non_null(strstr(e.text, "a b [31mc d E"));
	for (const char *c = e.text; *c != '\0'; c++)
		assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);

	p += sprintf(p, "{\"error\":{\"type\":\"");
	for (int i = 0; i < 100; i++)
		p += sprintf(p, "T");
	p += sprintf(p, "\",\"message\":\"");
	for (int i = 0; i < 300; i++)
		p += sprintf(p, "\xe2\x82\xac");
	sprintf(p, "\"}}");
	error_from_http(&e, 422, body, strlen(body), -1);
	assert_int_equal(strlen(e.type), sizeof(e.type) - 1);
	assert_true(strlen(e.text) < sizeof(e.text));
	for (size_t i = strlen(e.text); i-- > 0;)
		if ((e.text[i] & 0xc0) != 0x80) {
			size_t n = strlen(e.text) - i;

			/* the last character is a whole one */
			assert_true(n == 1 || n == 3);
			break;
		}
}

static void test_body_bounds(void **state)
{
	struct atfs_error e;
	size_t n = 1 << 20;
	char *big = malloc(n);

	(void)state;
	assert_non_null(big);
	memset(big, '[', n);
	error_from_http(&e, 500, big, n, -1);
	assert_int_equal(e.cls, ERROR_SERVER);
	error_from_http(&e, 500, big, 60000, -1); /* deep, but in bounds */
	assert_int_equal(e.cls, ERROR_SERVER);
	free(big);
	error_from_http(&e, 500, "\0\0", 2, -1);
	assert_int_equal(e.cls, ERROR_SERVER);
}

static void test_set_takes_its_own_text(void **state)
{
	struct atfs_error e;

	(void)state;
	memset(&e, 0x5a, sizeof(e));
	error_set(&e, -EIO, ERROR_LOST, "first '%s'", "bad\xff\xfe");
	assert_string_equal(e.text, "first 'bad\?\?'");
	assert_int_equal(e.http, 0);
	assert_string_equal(e.type, "");
	error_set(&e, -EIO, ERROR_LOST, "again: %s", e.text);
	assert_string_equal(e.text, "again: first 'bad\?\?'");
}

static enum error_class class_of_fixture(int status, const char *file)
{
	if (strstr(file, "iterator") != NULL || strstr(file, "offset") != NULL)
		return ERROR_RELIST;
	if (strstr(file, "row_does_not_exist") != NULL)
		return ERROR_GONE;
	if (strstr(file, "monthly_cap") != NULL)
		return ERROR_QUOTA;
	switch (status) {
	case 401:
		return ERROR_TOKEN;
	case 403:
		return ERROR_ACCESS;
	case 404:
		return ERROR_GONE;
	case 422:
		return ERROR_INPUT;
	case 429:
		return ERROR_RATE;
	default:
		return ERROR_SERVER;
	}
}

static char *read_file(const char *dir, const char *name, size_t *ret_n)
{
	char path[4096];
	char *buf = malloc(65536);
	FILE *f;

	assert_non_null(buf);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "r");
	if (f == NULL)
		fail_msg("%s cannot be read", path);
	*ret_n = fread(buf, 1, 65536, f);
	fclose(f);
	return buf;
}

static void test_fixtures(void **state)
{
	const char *dir = getenv("ATFS_FIXTURES");
	char path[4096];
	size_t i, n, seen = 0;
	json_t *index, *row;

	(void)state;
	if (dir == NULL)
		skip();
	snprintf(path, sizeof(path), "%s/INDEX.json", dir);
	index = json_load_file(path, 0, NULL);
	assert_true(json_is_array(index));
	json_array_foreach(index, i, row) {
		const char *file = json_string_value(
			json_object_get(row, "file"));
		int status = (int)json_integer_value(
			json_object_get(row, "status"));
		struct atfs_error e;
		char *body;

		if (file == NULL || strncmp(file, "error_", 6) != 0)
			continue;
		body = read_file(dir, file, &n);
		error_from_http(&e, status, body, n, -1);
		if (e.cls != class_of_fixture(status, file) || e.err == 0 ||
		    e.type[0] == '\0' || strstr(body, e.type) == NULL)
			fail_msg("%s: class %d type '%s'", file, (int)e.cls,
				 e.type);
		free(body);
		seen++;
	}
	json_decref(index);
	assert_true(seen >= 25);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_http_rows),
		cmocka_unit_test(test_transport_rows),
		cmocka_unit_test(test_retryable),
		cmocka_unit_test(test_text_is_clean),
		cmocka_unit_test(test_body_bounds),
		cmocka_unit_test(test_set_takes_its_own_text),
		cmocka_unit_test(test_fixtures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
