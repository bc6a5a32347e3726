/* schema: rows for the types, then what makes an answer no schema. */
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

#include "airtable/schema.h"
#include "airtable/schema_diff.h"

static const struct {
	const char *name; /* as the API writes it */
	enum field_type type;
	bool computed;
} type_rows[] = {
	{ "singleLineText", FIELD_SINGLE_LINE_TEXT, false },
	{ "email", FIELD_EMAIL, false },
	{ "url", FIELD_URL, false },
	{ "phoneNumber", FIELD_PHONE, false },
	{ "multilineText", FIELD_MULTILINE_TEXT, false },
	{ "richText", FIELD_RICH_TEXT, false },
	{ "number", FIELD_NUMBER, false },
	{ "percent", FIELD_PERCENT, false },
	{ "currency", FIELD_CURRENCY, false },
	{ "duration", FIELD_DURATION, false },
	{ "rating", FIELD_RATING, false },
	{ "checkbox", FIELD_CHECKBOX, false },
	{ "singleSelect", FIELD_SINGLE_SELECT, false },
	{ "multipleSelects", FIELD_MULTIPLE_SELECTS, false },
	{ "date", FIELD_DATE, false },
	{ "dateTime", FIELD_DATE_TIME, false },
	{ "singleCollaborator", FIELD_SINGLE_COLLABORATOR, false },
	{ "multipleCollaborators", FIELD_MULTIPLE_COLLABORATORS, false },
	{ "multipleRecordLinks", FIELD_RECORD_LINKS, false },
	{ "multipleAttachments", FIELD_ATTACHMENTS, false },
	{ "barcode", FIELD_BARCODE, false },
	{ "autoNumber", FIELD_AUTO_NUMBER, true },
	{ "count", FIELD_COUNT, true },
	{ "formula", FIELD_FORMULA, true },
	{ "rollup", FIELD_ROLLUP, true },
	{ "multipleLookupValues", FIELD_LOOKUP, true },
	{ "lookup", FIELD_LOOKUP, true },
	{ "createdTime", FIELD_CREATED_TIME, true },
	{ "lastModifiedTime", FIELD_LAST_MODIFIED_TIME, true },
	{ "createdBy", FIELD_CREATED_BY, true },
	{ "lastModifiedBy", FIELD_LAST_MODIFIED_BY, true },
	{ "button", FIELD_BUTTON, true },
	{ "externalSyncSource", FIELD_SYNC_SOURCE, true },
	{ "aiText", FIELD_AI_TEXT, true },
	{ "manualSort", FIELD_MANUAL_SORT, true },
	{ "somethingUnrecognizable", FIELD_UNKNOWN, true },
	{ "SINGLELINETEXT", FIELD_UNKNOWN, true },
};

/* A schema of one table whose fields are given as JSON text. */
static int parse_table_of(const char *fields, struct schema **ret)
{
	json_t *list = json_loads(fields, 0, NULL), *root;
	int r;

	if (list == NULL)
		fail_msg("the test's own JSON is wrong: %s", fields);
	root = json_pack("{s:[{s:s, s:s, s:s, s:o}]}", "tables", "id",
			 "tblAAAAAAAAAAAAAA", "name", "T", "primaryFieldId",
			 "fld1", "fields", list);
	assert_non_null(root);
	r = schema_parse(root, ret);
	json_decref(root);
	return r;
}

static void test_types(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(type_rows) / sizeof(type_rows[0]); i++) {
		struct schema *s = NULL;
		const struct schema_field *f;
		char text[200];

		snprintf(text, sizeof(text),
			 "[{\"id\":\"fld1\",\"name\":\"F\",\"type\":\"%s\","
			 "\"options\":null}]", type_rows[i].name);
		assert_int_equal(parse_table_of(text, &s), 0);
		f = &s->tables[0].fields[0];
		if (f->type != type_rows[i].type ||
		    f->computed != type_rows[i].computed ||
		    f->hidden != (f->type == FIELD_MANUAL_SORT) ||
		    strcmp(f->type_name, type_rows[i].name) != 0)
			fail_msg("%s: type %d computed %d", type_rows[i].name,
				 (int)f->type, f->computed);
		if (f->type != FIELD_UNKNOWN &&
		    strcmp(type_rows[i].name, "lookup") != 0)
			assert_string_equal(field_type_name(f->type),
					    type_rows[i].name);
		schema_unref(s);
	}
	assert_string_equal(field_type_name(FIELD_UNKNOWN), "unknown");
}

static void test_options(void **state)
{
	const struct schema_table *t;
	struct schema *s = NULL;

	(void)state;
	assert_int_equal(parse_table_of(
		"[{\"id\":\"fld1\",\"name\":\"Name\",\"type\":\"email\"},"
		"{\"id\":\"fld2\",\"name\":\"Sel\",\"type\":\"singleSelect\","
		"\"options\":{\"choices\":[{\"name\":\"a\"},{\"id\":\"x\"},"
		"{\"name\":\"b\"}]}},"
		"{\"id\":\"fld3\",\"name\":\"L\",\"type\":"
		"\"multipleRecordLinks\",\"options\":{\"linkedTableId\":"
		"\"tblZ\"}},"
		"{\"id\":\"fld4\",\"name\":\"R\",\"type\":\"rating\","
		"\"options\":{\"max\":7}},"
		"{\"id\":\"fld5\",\"name\":\"fld2\",\"type\":\"url\"},"
		"{\"id\":\"fld6\",\"name\":\"L2\",\"type\":"
		"\"multipleRecordLinks\",\"options\":{\"linkedTableId\":"
		"\"../evil\"}}]", &s), 0);
	t = schema_find_table(s, "tblAAAAAAAAAAAAAA");
	assert_non_null(t);
	assert_null(schema_find_table(s, "tblaAAAAAAAAAAAAA"));
	assert_int_equal(t->fields_n, 6);
	assert_int_equal(t->primary, 0);
	assert_int_equal(t->last_modified, 6);
	assert_int_equal(t->fields[1].choices_n, 2);
	assert_string_equal(t->fields[1].choices[1], "b");
	assert_null(t->fields[0].choices);
	assert_string_equal(t->fields[2].linked_table.s, "tblZ");
	assert_string_equal(t->fields[5].linked_table.s, "");
	assert_int_equal(t->fields[3].rating_max, 7);
	/* the id wins over another field's name */
	assert_ptr_equal(schema_find_field(t, "fld2"), &t->fields[1]);
	assert_ptr_equal(schema_find_field(t, "Sel"), &t->fields[1]);
	assert_null(schema_find_field(t, "sel"));
	schema_unref(s);
}

#define LM(id, options) \
	"{\"id\":\"" id "\",\"name\":\"" id "\",\"type\":\"lastModifiedTime\"," \
	"\"options\":" options "}"
#define NAME "{\"id\":\"fld1\",\"name\":\"N\",\"type\":\"url\"}"

static const struct {
	const char *name;
	const char *fields;
	size_t want;
} modified_rows[] = {
	{ "watches all", "[" NAME "," LM("fldA", "{\"referencedFieldIds\":[]}") "]", 1 },
	{ "nothing said", "[" NAME "," LM("fldA", "{}") "]", 1 },
	{ "options null", "[" NAME "," LM("fldA", "null") "]", 1 },
	{ "watches one", "[" NAME ","
	  LM("fldA", "{\"referencedFieldIds\":[\"fld1\"]}") "]", 2 },
	{ "the second watches all", "[" NAME ","
	  LM("fldA", "{\"referencedFieldIds\":[\"fld1\"]}") ","
	  LM("fldB", "{\"referencedFieldIds\":[]}") "]", 2 },
	{ "the first of two", "[" NAME "," LM("fldA", "{}") ","
	  LM("fldB", "{}") "]", 1 },
	{ "broken", "[" NAME "," LM("fldA", "{\"isValid\":false}") "]", 2 },
	{ "a date only", "[" NAME ","
	  LM("fldA", "{\"result\":{\"type\":\"date\"}}") "]", 2 },
	{ "date and time", "[" NAME ","
	  LM("fldA", "{\"result\":{\"type\":\"dateTime\"}}") "]", 1 },
	{ "none", "[" NAME "]", 1 },
};

static void test_last_modified(void **state)
{
	(void)state;
	for (size_t i = 0;
	     i < sizeof(modified_rows) / sizeof(modified_rows[0]); i++) {
		struct schema *s = NULL;

		assert_int_equal(parse_table_of(modified_rows[i].fields, &s),
				 0);
		if (s->tables[0].last_modified != modified_rows[i].want)
			fail_msg("%s: %zu", modified_rows[i].name,
				 s->tables[0].last_modified);
		schema_unref(s);
	}
}

#define TBL(id, fields) \
	"{\"id\":\"" id "\",\"name\":\"n\",\"fields\":" fields "}"

static const struct {
	const char *name;
	const char *text;
	int want;
	size_t tables_n;
} root_rows[] = {
	{ "empty base", "{\"tables\":[]}", 0, 0 },
	{ "no tables", "{}", -EPROTO, 0 },
	{ "tables no list", "{\"tables\":{}}", -EPROTO, 0 },
	{ "a list", "[]", -EPROTO, 0 },
	{ "table no object", "{\"tables\":[1]}", -EPROTO, 0 },
	{ "table id no id", "{\"tables\":[" TBL("../x", "[]") "]}", -EPROTO, 0 },
	{ "table id of a base", "{\"tables\":[" TBL("appA", "[]") "]}", -EPROTO, 0 },
	{ "table id with NUL", "{\"tables\":[" TBL("tblA\\u0000b", "[]") "]}",
	  -EPROTO, 0 },
	{ "table id too long", "{\"tables\":["
	  TBL("tblAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "[]") "]}",
	  -EPROTO, 0 },
	{ "no fields", "{\"tables\":[{\"id\":\"tblA\",\"name\":\"n\"}]}",
	  -EPROTO, 0 },
	{ "no name", "{\"tables\":[{\"id\":\"tblA\",\"fields\":[]}]}", -EPROTO,
	  0 },
	{ "field without id", "{\"tables\":[" TBL("tblA",
	  "[{\"name\":\"x\",\"type\":\"url\"}]") "]}", -EPROTO, 0 },
	{ "second field bad", "{\"tables\":[" TBL("tblA",
	  "[{\"id\":\"fld1\",\"name\":\"x\",\"type\":\"singleSelect\","
	  "\"options\":{\"choices\":[{\"name\":\"c\"}]}},7]") "]}", -EPROTO, 0 },
	{ "field without type", "{\"tables\":[" TBL("tblA",
	  "[{\"id\":\"fld1\",\"name\":\"x\"}]") "]}", 0, 1 },
	{ "table twice", "{\"tables\":[" TBL("tblA", "[]") "," TBL("tblA",
	  "[{\"id\":\"fld1\",\"name\":\"x\",\"type\":\"url\"}]") ","
	  TBL("tblB", "[]") "]}", 0, 2 },
	{ "empty names", "{\"tables\":[{\"id\":\"tblA\",\"name\":\"\","
	  "\"fields\":[]}]}", 0, 1 },
};

static void test_roots(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(root_rows) / sizeof(root_rows[0]); i++) {
		json_t *root = json_loads(root_rows[i].text, JSON_ALLOW_NUL,
					  NULL);
		struct schema *s = NULL;
		int r;

		if (root == NULL)
			fail_msg("%s: the row is no JSON", root_rows[i].name);
		r = schema_parse(root, &s);
		json_decref(root);
		if (r != root_rows[i].want ||
		    (r == 0 && s->tables_n != root_rows[i].tables_n))
			fail_msg("%s: %d", root_rows[i].name, r);
		schema_unref(s);
	}
}

static void test_field_twice(void **state)
{
	struct schema *s = NULL;

	(void)state;
	assert_int_equal(parse_table_of(
		"[{\"id\":\"fld1\",\"name\":\"first\",\"type\":\"url\"},"
		"{\"id\":\"fld1\",\"name\":\"second\",\"type\":\"url\"},"
		"{\"id\":\"fld2\",\"name\":\"first\",\"type\":\"url\"}]", &s),
		0);
	assert_int_equal(s->tables[0].fields_n, 2);
	assert_string_equal(s->tables[0].fields[0].name, "first");
	assert_string_equal(s->tables[0].fields[1].id.s, "fld2");
	schema_unref(s);
}

static void test_bounds(void **state)
{
	json_t *root = json_object(), *list = json_array();
	struct schema *s = NULL;

	(void)state;
	for (int i = 0; i <= SCHEMA_TABLES_MAX; i++)
		json_array_append_new(list, json_object());
	json_object_set_new(root, "tables", list);
	assert_int_equal(schema_parse(root, &s), -E2BIG);
	json_decref(root);
}

static void test_equal_and_refs(void **state)
{
	struct schema *a = NULL, *b = NULL, *c = NULL, *again;

	(void)state;
	assert_int_equal(parse_table_of("[{\"id\":\"fld1\",\"name\":\"x\","
					"\"type\":\"url\"}]", &a), 0);
	assert_int_equal(parse_table_of("[{\"type\":\"url\",\"name\":\"x\","
					"\"id\":\"fld1\"}]", &b), 0);
	assert_int_equal(parse_table_of("[{\"id\":\"fld1\",\"name\":\"y\","
					"\"type\":\"url\"}]", &c), 0);
	assert_true(schema_equal(a, a));
	assert_true(schema_equal(a, b));
	assert_false(schema_equal(a, c));
	again = schema_ref(a);
	schema_unref(a);
	assert_string_equal(again->tables[0].fields[0].name, "x");
	schema_unref(again);
	schema_unref(b);
	schema_unref(c);
	schema_unref(NULL);
}

static void test_fixtures(void **state)
{
	static const struct {
		const char *file;
		size_t tables_n;
		const char *first; /* name of the first table's primary field */
	} rows[] = {
		{ "base_schema.json", 2, "Name" },
		{ "base_schema_recorded_2022.json", 0, NULL },
	};
	const char *dir = getenv("ATFS_FIXTURES");

	(void)state;
	if (dir == NULL)
		skip();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct schema *s = NULL;
		char path[4096];
		json_t *root;

		snprintf(path, sizeof(path), "%s/%s", dir, rows[i].file);
		root = json_load_file(path, 0, NULL);
		if (root == NULL || schema_parse(root, &s) != 0)
			fail_msg("%s", path);
		json_decref(root);
		assert_true(s->tables_n >= 1);
		if (rows[i].tables_n > 0)
			assert_int_equal(s->tables_n, rows[i].tables_n);
		for (size_t t = 0; t < s->tables_n; t++)
			assert_true(s->tables[t].primary <
				    s->tables[t].fields_n);
		if (rows[i].first != NULL)
			assert_string_equal(
				s->tables[0].fields[s->tables[0].primary].name,
				rows[i].first);
		schema_unref(s);
	}
}

#define F(id, name, type) \
	"{\"id\":\"fld" id "AAAAAAAAAAAAA\",\"name\":\"" name \
	"\",\"type\":\"" type "\""
#define A F("A", "A", "singleLineText") "}"
#define CHOICE(id, name) "{\"id\":\"sel" id "\",\"name\":\"" name \
	"\",\"color\":\"" id "\"}"
#define SELECT(c) F("S", "S", "singleSelect") \
	",\"options\":{\"choices\":[" c "]}}"
#define FORMULA(f) F("F", "F", "formula") ",\"options\":{\"formula\":\"" f \
	"\"}}"
#define BOTH (SCHEMA_FILES_DIFFER | SCHEMA_CELLS_DIFFER)

static const struct {
	const char *name, *before, *after, *more;
	unsigned differ;
} diff_rows[] = {
	{ "nothing", A, A, "", 0 },
	{ "a view, a description", A, A,
	  ",\"views\":[{\"id\":\"viw\"}],\"description\":\"x\"", 0 },
	{ "a description of a field", A,
	  F("A", "A", "singleLineText") ",\"description\":\"x\"}", "", 0 },
	{ "another name", A, F("A", "B", "singleLineText") "}", "",
	  SCHEMA_FILES_DIFFER },
	{ "another order", A "," FORMULA("1"), FORMULA("1") "," A, "",
	  SCHEMA_FILES_DIFFER },
	{ "another primary field", A "," F("B", "B", "number") "}",
	  A "," F("B", "B", "number") "}",
	  ",\"primaryFieldId\":\"fldBAAAAAAAAAAAAA\"", SCHEMA_FILES_DIFFER },
	{ "a field less", A "," FORMULA("1"), A, "", SCHEMA_FILES_DIFFER },
	{ "a field more", A, A "," FORMULA("1"), "", BOTH },
	{ "another type", A, F("A", "A", "number") "}", "", BOTH },
	{ "another formula", FORMULA("1"), FORMULA("2"), "", BOTH },
	{ "an option more", SELECT(CHOICE("1", "x")),
	  SELECT(CHOICE("1", "x") "," CHOICE("2", "y")), "", 0 },
	{ "an option less", SELECT(CHOICE("1", "x") "," CHOICE("2", "y")),
	  SELECT(CHOICE("1", "x")), "", BOTH },
	{ "an option renamed", SELECT(CHOICE("1", "x")),
	  SELECT(CHOICE("1", "z")), "", BOTH },
};

static struct schema *one_table(const char *fields, const char *more)
{
	struct schema *s = NULL;
	char text[1024];
	json_t *root;

	snprintf(text, sizeof(text),
		 "{\"tables\":[{\"id\":\"tblAAAAAAAAAAAAAA\",\"name\":\"T\","
		 "\"fields\":[%s]%s}]}", fields, more);
	root = json_loads(text, 0, NULL);
	assert_non_null(root);
	assert_int_equal(schema_parse(root, &s), 0);
	json_decref(root);
	return s;
}

static void test_diff(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(diff_rows) / sizeof(diff_rows[0]); i++) {
		struct schema *a = one_table(diff_rows[i].before,
			",\"primaryFieldId\":\"fldAAAAAAAAAAAAAA\"");
		struct schema *b = one_table(diff_rows[i].after,
			strstr(diff_rows[i].more, "primary") != NULL ?
				diff_rows[i].more :
				",\"primaryFieldId\":\"fldAAAAAAAAAAAAAA\"");
		unsigned d = schema_diff(&a->tables[0], &b->tables[0]);

		if (d != diff_rows[i].differ)
			fail_msg("%s: %u, not %u", diff_rows[i].name, d,
				 diff_rows[i].differ);
		schema_unref(a);
		schema_unref(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_last_modified),
		cmocka_unit_test(test_roots),
		cmocka_unit_test(test_field_twice),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_equal_and_refs),
		cmocka_unit_test(test_diff),
		cmocka_unit_test(test_fixtures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
