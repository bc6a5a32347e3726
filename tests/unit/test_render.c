/* render: whole files as they must stand, then values, numbers and equality. */
#include "render.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <float.h>
#include <locale.h>
#include <math.h>

#include "render_json.h"

#define FIELD(id, name, type) \
	"{\"id\":\"fld" id "\",\"name\":\"" name "\",\"type\":\"" type "\"}"
#define TABLE(fields) "{\"tables\":[{\"id\":\"tblA\",\"name\":\"T\"," \
	"\"primaryFieldId\":\"fldName\",\"fields\":[" fields "]}]}"
#define PLAIN FIELD("Name", "Name", "singleLineText") "," \
	FIELD("Total", "Total", "formula") "," \
	FIELD("Price", "Price", "number") "," \
	FIELD("Sort", "Sort", "manualSort") "," \
	FIELD("Done", "Done", "checkbox")

static struct schema *schema_of(const char *text)
{
	json_t *root = json_loads(text, 0, NULL);
	struct schema *s = NULL;

	assert_non_null(root);
	assert_int_equal(schema_parse(root, &s), 0);
	json_decref(root);
	return s;
}

static const struct {
	const char *row, *schema, *id, *created, *raw;
	bool hide;
	const char *want;
} files[] = {
	{ "as in the manual", TABLE(PLAIN), "rec8vAzQ1b2c3d4e5",
	  "2024-03-01T09:30:00.000Z",
	  "{\"fldPrice\":250,\"fldTotal\":500.0,\"fldName\":\"Chair\"}", false,
	  "{\n"
	  "  \"id\": \"rec8vAzQ1b2c3d4e5\",\n"
	  "  \"createdTime\": \"2024-03-01T09:30:00.000Z\",\n"
	  "  \"fields\": {\n"
	  "    \"Name\": \"Chair\",\n"
	  "    \"Price\": 250,\n"
	  "    \"Done\": null\n"
	  "  },\n"
	  "  \"computed\": {\n"
	  "    \"Total\": 500\n"
	  "  }\n"
	  "}\n" },
	{ "computed hidden", TABLE(PLAIN), "recA", "2024-03-01T09:30:00.000Z",
	  "{\"fldTotal\":500,\"fldSort\":\"aa\"}", true,
	  "{\n"
	  "  \"id\": \"recA\",\n"
	  "  \"createdTime\": \"2024-03-01T09:30:00.000Z\",\n"
	  "  \"fields\": {\n"
	  "    \"Name\": null,\n"
	  "    \"Price\": null,\n"
	  "    \"Done\": null\n"
	  "  }\n"
	  "}\n" },
	{ "not yet created", TABLE(PLAIN), "", "x", NULL, false,
	  "{\n"
	  "  \"fields\": {\n"
	  "    \"Name\": null,\n"
	  "    \"Price\": null,\n"
	  "    \"Done\": null\n"
	  "  },\n"
	  "  \"computed\": {\n"
	  "    \"Total\": null\n"
	  "  }\n"
	  "}\n" },
	{ "nothing computed, time not known",
	  TABLE(FIELD("Name", "N\\\"m", "singleLineText") ","
		FIELD("Sort", "Sort", "manualSort")), "recA", "",
	  "{\"fldName\":\"\"}", false,
	  "{\n"
	  "  \"id\": \"recA\",\n"
	  "  \"fields\": {\n"
	  "    \"N\\\"m\": null\n"
	  "  }\n"
	  "}\n" },
	{ "no fields at all", TABLE(""), "recA", "", "{}", false,
	  "{\n"
	  "  \"id\": \"recA\",\n"
	  "  \"fields\": {}\n"
	  "}\n" },
	{ "all computed", TABLE(FIELD("Name", "F", "formula")), "recA", "",
	  "{\"fldName\":{\"error\":\"#ERROR!\"}}", false,
	  "{\n"
	  "  \"id\": \"recA\",\n"
	  "  \"fields\": {},\n"
	  "  \"computed\": {\n"
	  "    \"F\": {\n"
	  "      \"error\": \"#ERROR!\"\n"
	  "    }\n"
	  "  }\n"
	  "}\n" },
	{ "two fields of one name",
	  TABLE(FIELD("Name", "A", "number") "," FIELD("B", "A", "number")),
	  "recA", "", "{\"fldName\":1,\"fldB\":2}", false,
	  "{\n"
	  "  \"id\": \"recA\",\n"
	  "  \"fields\": {\n"
	  "    \"A\": 1,\n"
	  "    \"fldB\": 2\n"
	  "  }\n"
	  "}\n" },
	{ "nested values",
	  TABLE(FIELD("Name", "\u00dcber", "multilineText") ","
		FIELD("F", "Files", "multipleAttachments") ","
		FIELD("C", "Owner", "singleCollaborator") ","
		FIELD("S", "Tags", "multipleSelects") ","
		FIELD("L", "Look", "multipleLookupValues") ","
		FIELD("X", "New", "someNewType")), "recA", "",
	  "{\"fldName\":\"a\\nb \\u2026 \\\"q\\\" \\\\ \\u0001 \\u007f /\","
	  "\"fldF\":[{\"url\":\"https://x/y\",\"thumbnails\":{\"small\":{}},"
	  "\"type\":\"image/png\",\"size\":12,\"width\":3,\"filename\":"
	  "\"a.png\",\"id\":\"att1\"},{\"id\":\"att2\",\"url\":\"u\"},"
	  "{\"url\":\"https://x/z\",\"filename\":\"b.png\"}],"
	  "\"fldC\":{\"name\":\"Z\",\"email\":\"z@x\",\"id\":\"usr1\"},"
	  "\"fldS\":[\"b\",\"a\"],"
	  "\"fldL\":[{\"id\":\"att9\",\"url\":\"u\",\"size\":1},null,1.5],"
	  "\"fldX\":{\"b\":[],\"a\":{},\"c\":[[1],{}]}}", false,
	  "{\n"
	  "  \"id\": \"recA\",\n"
	  "  \"fields\": {\n"
	  "    \"\u00dcber\": \"a\\nb \xe2\x80\xa6 \\\"q\\\" \\\\ \\u0001 "
	  "\x7f /\",\n"
	  "    \"Files\": [\n"
	  "      {\n"
	  "        \"id\": \"att1\",\n"
	  "        \"filename\": \"a.png\",\n"
	  "        \"size\": 12,\n"
	  "        \"type\": \"image/png\"\n"
	  "      },\n"
	  "      {\n"
	  "        \"id\": \"att2\"\n"
	  "      },\n"
	  "      {\n"
	  "        \"filename\": \"b.png\",\n"
	  "        \"url\": \"https://x/z\"\n"
	  "      }\n"
	  "    ],\n"
	  "    \"Owner\": {\n"
	  "      \"id\": \"usr1\",\n"
	  "      \"email\": \"z@x\",\n"
	  "      \"name\": \"Z\"\n"
	  "    },\n"
	  "    \"Tags\": [\n"
	  "      \"b\",\n"
	  "      \"a\"\n"
	  "    ]\n"
	  "  },\n"
	  "  \"computed\": {\n"
	  "    \"Look\": [\n"
	  "      {\n"
	  "        \"id\": \"att9\",\n"
	  "        \"size\": 1\n"
	  "      },\n"
	  "      null,\n"
	  "      1.5\n"
	  "    ],\n"
	  "    \"New\": {\n"
	  "      \"a\": {},\n"
	  "      \"b\": [],\n"
	  "      \"c\": [\n"
	  "        [\n"
	  "          1\n"
	  "        ],\n"
	  "        {}\n"
	  "      ]\n"
	  "    }\n"
	  "  }\n"
	  "}\n" },
};

static void golden_files(void **state)
{
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct render_options opt = { files[i].hide };
		struct schema *s = schema_of(files[i].schema);
		json_t *raw = files[i].raw ?
			json_loads(files[i].raw, 0, NULL) : NULL;
		char *out = NULL;
		int r;

		r = render_record(&s->tables[0], files[i].id, files[i].created,
				  raw, &opt, &out, &n);
		assert_int_equal(r, 0);
		if (strcmp(out, files[i].want) != 0 || n != strlen(out))
			fail_msg("%s: got\n%s", files[i].row, out);
		free(out);
		json_decref(raw);
		schema_unref(s);
	}
}

static const struct {
	enum field_type type;
	const char *cell, *want;
} values[] = {
	{ FIELD_SINGLE_LINE_TEXT, "\"\"", "null" },
	{ FIELD_SINGLE_LINE_TEXT, "\" \"", "\" \"" },
	{ FIELD_SINGLE_LINE_TEXT, "\"\\n\"", "\"\\n\"" },
	{ FIELD_RICH_TEXT, "\"\\n\"", "null" },
	{ FIELD_RICH_TEXT, "\"\\n\\n\"", "\"\\n\\n\"" },
	{ FIELD_MULTIPLE_SELECTS, "[]", "null" },
	{ FIELD_CHECKBOX, "false", "null" },
	{ FIELD_CHECKBOX, "true", "true" },
	{ FIELD_NUMBER, "0", "0" },
	{ FIELD_NUMBER, "0.0", "0" },
	{ FIELD_COUNT, "0", "0" },
	{ FIELD_FORMULA, "{\"specialValue\":\"NaN\"}",
	  "{\"specialValue\":\"NaN\"}" },
	{ FIELD_FORMULA, "{}", "{}" },
	{ FIELD_LOOKUP, "[null]", "[null]" },
	{ FIELD_BUTTON, "{\"url\":\"https://x\",\"label\":\"Go\"}",
	  "{\"label\":\"Go\",\"url\":\"https://x\"}" },
	{ FIELD_AI_TEXT, "{\"value\":\"v\",\"state\":\"generated\"}",
	  "{\"state\":\"generated\",\"value\":\"v\"}" },
	{ FIELD_ATTACHMENTS, "[{\"id\":\"x\",\"url\":\"u\"},\"odd\"]",
	  "[{\"id\":\"x\"},\"odd\"]" },
	{ FIELD_UNKNOWN, "{\"b\":1,\"id\":2,\"a\":3}",
	  "{\"id\":2,\"a\":3,\"b\":1}" },
};

static void shown_values(void **state)
{
	char *text;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct schema_field f = { .type = values[i].type };
		json_t *cell = json_loads(values[i].cell, JSON_DECODE_ANY,
					  NULL);
		json_t *shown = render_value(&f, cell);

		assert_non_null(cell);
		assert_int_equal(render_json(shown, false, &text, NULL), 0);
		if (strcmp(text, values[i].want) != 0)
			fail_msg("%s: %s", values[i].cell, text);
		free(text);
		json_decref(shown);
		json_decref(cell);
	}
	assert_ptr_equal(render_value(&(struct schema_field){ 0 }, NULL),
			 json_null());
}

/* What is nested without end is shown as words and never overflows a stack. */
static void deep_values(void **state)
{
	struct schema_field f = { .type = FIELD_UNKNOWN };
	json_t *deep = json_array(), *shown;
	char *text;
	int i;

	(void)state;
	for (i = 0; i < 2000; i++)
		deep = json_pack("[o]", deep);
	shown = render_value(&f, deep);
	assert_true(json_is_string(shown));
	assert_int_equal(render_json(deep, true, &text, NULL), -E2BIG);
	assert_false(value_equal(deep, json_array_get(deep, 0)));
	assert_true(value_equal(deep, deep));
	json_decref(shown);
	json_decref(deep);
}

static const struct {
	double d;
	const char *want;
} numbers[] = {
	{ 0.0, "0" }, { -0.0, "0" }, { 1, "1" }, { -1, "-1" }, { 250, "250" },
	{ 0.1, "0.1" }, { -0.1, "-0.1" }, { 0.123, "0.123" },
	{ 540.8333333333334, "540.8333333333334" },
	{ 0.30000000000000004, "0.30000000000000004" },
	{ 1.0 / 3, "0.3333333333333333" }, { 2.0 / 3, "0.6666666666666666" },
	{ 100, "100" }, { 120, "120" }, { 1e15, "1000000000000000" },
	{ 123456789012345680.0, "123456789012345680" },
	{ 9007199254740991.0, "9007199254740991" },
	{ 9007199254740992.0, "9007199254740992" },
	{ 1e17, "100000000000000000" }, { 1e18, "1e+18" },
	{ 1e21, "1e+21" }, { 1.5e21, "1.5e+21" }, { -1.25e30, "-1.25e+30" },
	{ 0.001, "0.001" }, { 0.000001, "0.000001" }, { 1.5e-6, "0.0000015" },
	{ 1e-7, "1e-7" }, { 1.25e-7, "1.25e-7" },
	{ DBL_MAX, "1.7976931348623157e+308" },
	{ DBL_MIN, "2.2250738585072014e-308" }, { 5e-324, "5e-324" },
	{ 1e-310, "1e-310" }, { 3.5, "3.5" }, { 99.99, "99.99" },
	{ 4.35, "4.35" }, { 1e23, "1e+23" },
};

static void real_numbers(void **state)
{
	char buf[NUMBER_TEXT_BUF];
	json_t *j;
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		j = json_real(numbers[i].d);
		n = number_text(j, buf);
		if (strcmp(buf, numbers[i].want) != 0 || n != strlen(buf))
			fail_msg("%.17g: %s, want %s", numbers[i].d, buf,
				 numbers[i].want);
		json_decref(j);
	}
	j = json_integer(INT64_MIN);
	number_text(j, buf);
	assert_string_equal(buf, "-9223372036854775808");
	json_decref(j);
}

static uint64_t seed;

static uint64_t random_bits(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed ^ seed >> 29;
}

/* Every double comes back by strtod and, which matters as much, through
 * jansson without JSON_DECODE_INT_AS_REAL. */
static void numbers_come_back(void **state)
{
	char buf[NUMBER_TEXT_BUF], text[80];
	uint64_t bits;
	json_t *j, *back;
	double d;
	int i;

	(void)state;
	seed = 11;
	for (i = 0; i < 30000; i++) {
		bits = random_bits();
		memcpy(&d, &bits, sizeof(d));
		if (i % 3 == 1)
			d = (double)(int64_t)bits;
		if (i % 3 == 2)
			d = (double)(int64_t)(bits >> 34) / 1000;
		if (!isfinite(d))
			continue;
		j = json_real(d);
		number_text(j, buf);
		json_decref(j);
		if (strtod(buf, NULL) != d)
			fail_msg("%.17g: %s", d, buf);
		snprintf(text, sizeof(text), "[%s]", buf);
		back = json_loads(text, 0, NULL);
		if (!back)
			fail_msg("%.17g: jansson refuses %s", d, buf);
		if (json_number_value(json_array_get(back, 0)) != d)
			fail_msg("%.17g: jansson reads %s", d, buf);
		json_decref(back);
	}
}

static void comma_locale(void **state)
{
	static const char *const names[] = { "de_DE.UTF-8", "fr_FR.UTF-8",
					     "de_DE", "fr_FR" };
	char buf[NUMBER_TEXT_BUF];
	json_t *j = json_real(0.1);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (setlocale(LC_NUMERIC, names[i]))
			break;
	number_text(j, buf);
	setlocale(LC_NUMERIC, "C");
	json_decref(j);
	assert_string_equal(buf, "0.1");
}

static const struct {
	const char *a, *b;
	bool equal;
} pairs[] = {
	{ "250", "250.0", true }, { "250", "250.5", false },
	{ "0.1", "1e-1", true }, { "0", "-0.0", true },
	{ "9007199254740993", "9007199254740992", false },
	{ "1", "\"1\"", false }, { "1", "true", false },
	{ "null", "null", true }, { "null", "false", false },
	{ "true", "true", true }, { "true", "false", false },
	{ "\"a\"", "\"a\"", true }, { "\"a\"", "\"A\"", false },
	{ "\"a\"", "\"a\\u0000\"", false },
	{ "\"a\\u0000b\"", "\"a\\u0000c\"", false },
	{ "[1,2]", "[1.0,2]", true }, { "[1,2]", "[2,1]", false },
	{ "[1]", "[1,2]", false }, { "[]", "{}", false },
	{ "{\"a\":1,\"b\":[2]}", "{\"b\":[2.0],\"a\":1}", true },
	{ "{\"a\":1}", "{\"a\":1,\"b\":2}", false },
	{ "{\"a\":1}", "{\"b\":1}", false },
	{ "{\"a\":null}", "{}", false },
};

static void equality(void **state)
{
	const int flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		json_t *a = json_loads(pairs[i].a, (size_t)flags, NULL);
		json_t *b = json_loads(pairs[i].b, (size_t)flags, NULL);

		assert_non_null(a);
		assert_non_null(b);
		if (value_equal(a, b) != pairs[i].equal ||
		    value_equal(b, a) != pairs[i].equal)
			fail_msg("%s and %s", pairs[i].a, pairs[i].b);
		json_decref(a);
		json_decref(b);
	}
	assert_false(value_equal(NULL, json_null()));
	assert_true(value_equal(NULL, NULL));
}

/* Strings of every character below U+0100 read back as they were. */
static void strings_come_back(void **state)
{
	char text[600], *out;
	json_t *j, *back;
	size_t n = 0, out_n;
	int c;

	(void)state;
	for (c = 0; c < 0x80; c++)
		text[n++] = (char)c;
	for (c = 0x80; c < 0x100; c++) {
		text[n++] = (char)(0xc0 | c >> 6);
		text[n++] = (char)(0x80 | (c & 0x3f));
	}
	j = json_pack("[o]", json_stringn(text, n));
	assert_int_equal(render_json(j, false, &out, &out_n), 0);
	assert_int_equal(strlen(out), out_n);
	assert_non_null(strstr(out, "\\u0000\\u0001"));
	assert_non_null(strstr(out, "\\b\\t\\n\\u000b\\f\\r\\u000e"));
	assert_non_null(strstr(out, "\\u001f !\\\"#"));
	back = json_loads(out, JSON_ALLOW_NUL, NULL);
	assert_true(value_equal(j, back));
	free(out);
	json_decref(back);
	json_decref(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_files),
		cmocka_unit_test(shown_values),
		cmocka_unit_test(deep_values),
		cmocka_unit_test(real_numbers),
		cmocka_unit_test(numbers_come_back),
		cmocka_unit_test(comma_locale),
		cmocka_unit_test(equality),
		cmocka_unit_test(strings_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
