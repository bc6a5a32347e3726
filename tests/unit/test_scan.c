/* scan: rows of the grammar, each fed whole, byte by byte and in every pair of
 * pieces; then thousands of damaged record files, judged as jansson does. */
#include "scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#define T(s) s, sizeof(s) - 1
#define OK SCAN_COMPLETE, 0, 0, NULL
#define MORE(part) SCAN_MORE, 0, 0, part
#define BAD(line, column, part) SCAN_INVALID, line, column, part

static const struct {
	const char *text;
	size_t n;
	enum scan_result want;
	unsigned line, column; /* of a fault */
	const char *reason;    /* a part of it, or of what is missing */
} rows[] = {
	{ T("{}"), OK },
	{ T(" \t\r\n{ \n} \r\n\t "), OK },
	{ T("{\"a\":1}"), OK },
	{ T("{\"a\" : 1 , \"b\" : 2 }"), OK },
	{ T("{\"a\":{}}"), OK },
	{ T("{\"a\":[]}"), OK },
	{ T("{\"a\":[ ]}"), OK },
	{ T("{\"a\":[1,2,[3,{\"b\":[]}]]}"), OK },
	{ T("{\"a\":true,\"b\":false,\"c\":null}"), OK },
	{ T("{\"\":\"\"}"), OK },
	{ T("{\"a\":0}"), OK },
	{ T("{\"a\":-0}"), OK },
	{ T("{\"a\":-12.50e+3}"), OK },
	{ T("{\"a\":1E-9}"), OK },
	{ T("{\"a\":0.1}"), OK },
	{ T("{\"a\":0e0}"), OK },
	{ T("{\"a\":[0,-1,2.5]}"), OK },
	{ T("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}"), OK },
	{ T("{\"a\":\"\\u00e9\\uABCD\\u0000\"}"), OK },
	{ T("{\"a\":\"\\ud83d\\ude00\"}"), OK },
	{ T("{\"a\":\"\x7f \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"}"), OK },
	{ T("{\"\xc3\xa9\":1}"), OK },
	{ T("{\"a\":\"\xee\x80\x80\xed\x9f\xbf\xf4\x8f\xbf\xbf\"}"), OK },
	{ T("{\"a\":1,\"a\":2}"), OK }, /* doubles are not grammar */

	{ T(""), MORE("empty") },
	{ T(" \n "), MORE("empty") },
	{ T("{"), MORE("a key or }") },
	{ T("{\"a"), MORE("inside a string") },
	{ T("{\"a\\"), MORE("inside a string") },
	{ T("{\"a\\u12"), MORE("inside a string") },
	{ T("{\"a\":\"\\ud83d"), MORE("inside a string") },
	{ T("{\"a\":\"\\ud83d\\"), MORE("inside a string") },
	{ T("{\"a\":\"\xf0\x9f"), MORE("inside a string") },
	{ T("{\"a\""), MORE("after a key") },
	{ T("{\"a\":"), MORE("a value") },
	{ T("{\"a\":-"), MORE("a value") },
	{ T("{\"a\":1."), MORE("a value") },
	{ T("{\"a\":1e"), MORE("a value") },
	{ T("{\"a\":1e+"), MORE("a value") },
	{ T("{\"a\":tru"), MORE("a value") },
	{ T("{\"a\":1"), MORE("closing }") },
	{ T("{\"a\":true"), MORE("closing }") },
	{ T("{\"a\":1,"), MORE("a key") },
	{ T("{\"a\":["), MORE("a value") },
	{ T("{\"a\":[1,"), MORE("a value") },
	{ T("{\"a\":[1"), MORE("closing ]") },
	{ T("{\"a\":{}"), MORE("closing }") },

	{ T("\0"), BAD(1, 1, "NUL") },
	{ T("\0\0\0\0"), BAD(1, 1, "NUL") },
	{ T("{\"a\":1\0"), BAD(1, 7, "NUL") },
	{ T("{}\0"), BAD(1, 3, "NUL") },
	{ T("[]"), BAD(1, 1, "begins with {") },
	{ T("\"a\""), BAD(1, 1, "begins with {") },
	{ T("1"), BAD(1, 1, "begins with {") },
	{ T("null"), BAD(1, 1, "begins with {") },
	{ T("Name: x"), BAD(1, 1, "begins with {") },
	{ T("\xef\xbb\xbf{}"), BAD(1, 1, "byte order mark") },
	{ T("// x\n{}"), BAD(1, 1, "comments") },
	{ T("{/**/}"), BAD(1, 2, "comments") },
	{ T("{\"a\":1 # x\n}"), BAD(1, 8, "comments") },
	{ T("{} {}"), BAD(1, 4, "after the end") },
	{ T("{}}"), BAD(1, 3, "after the end") },
	{ T("{}\n\nx"), BAD(3, 1, "after the end") },
	{ T("{,}"), BAD(1, 2, "a key in double quotes") },
	{ T("{a:1}"), BAD(1, 2, "a key in double quotes") },
	{ T("{'a':1}"), BAD(1, 2, "a key in double quotes") },
	{ T("{1:1}"), BAD(1, 2, "a key in double quotes") },
	{ T("{]"), BAD(1, 2, "a key in double quotes") },
	{ T("{\"a\" 1}"), BAD(1, 6, "colon") },
	{ T("{\"a\"=1}"), BAD(1, 5, "colon") },
	{ T("{\"a\"}"), BAD(1, 5, "colon") },
	{ T("{\"a\"::1}"), BAD(1, 6, "not a JSON value") },
	{ T("{\"a\":}"), BAD(1, 6, "a value is missing") },
	{ T("{\"a\":,}"), BAD(1, 6, "a value is missing") },
	{ T("{\"a\":]"), BAD(1, 6, "a value is missing") },
	{ T("{\"a\":'x'}"), BAD(1, 6, "double quotes") },
	{ T("{\"a\":x}"), BAD(1, 6, "not a JSON value") },
	{ T("{\"a\":NaN}"), BAD(1, 6, "not a JSON value") },
	{ T("{\"a\":Infinity}"), BAD(1, 6, "not a JSON value") },
	{ T("{\"a\":-Infinity}"), BAD(1, 7, "digit") },
	{ T("{\"a\":nul}"), BAD(1, 9, "true, false or null") },
	{ T("{\"a\":nulL}"), BAD(1, 9, "true, false or null") },
	{ T("{\"a\":True}"), BAD(1, 6, "not a JSON value") },
	{ T("{\"a\":truex}"), BAD(1, 10, "comma or }") },
	{ T("{\"a\":+1}"), BAD(1, 6, "not a JSON value") },
	{ T("{\"a\":.5}"), BAD(1, 6, "not a JSON value") },
	{ T("{\"a\":01}"), BAD(1, 7, "leading zero") },
	{ T("{\"a\":-01}"), BAD(1, 8, "leading zero") },
	{ T("{\"a\":1.}"), BAD(1, 8, "digit") },
	{ T("{\"a\":1.e3}"), BAD(1, 8, "digit") },
	{ T("{\"a\":1e}"), BAD(1, 8, "digit") },
	{ T("{\"a\":1e+-3}"), BAD(1, 9, "digit") },
	{ T("{\"a\":--1}"), BAD(1, 7, "digit") },
	{ T("{\"a\":1.2.3}"), BAD(1, 9, "comma or }") },
	{ T("{\"a\":0x10}"), BAD(1, 7, "comma or }") },
	{ T("{\"a\":1 2}"), BAD(1, 8, "comma or }") },
	{ T("{\"a\":1]"), BAD(1, 7, "comma or }") },
	{ T("{\"a\":1,}"), BAD(1, 8, "comma before }") },
	{ T("{\"a\":1,,"), BAD(1, 8, "a key") },
	{ T("{\"a\":[1,]}"), BAD(1, 9, "comma before ]") },
	{ T("{\"a\":[,1]}"), BAD(1, 7, "a value is missing") },
	{ T("{\"a\":[1}"), BAD(1, 8, "comma or ]") },
	{ T("{\"a\":[}"), BAD(1, 7, "a value is missing") },
	{ T("{\"a\":[1 2]}"), BAD(1, 9, "comma or ]") },
	{ T("{\"a\":[\"x\":1]}"), BAD(1, 10, "comma or ]") },
	{ T("{\"a\":\"x\ny\"}"), BAD(1, 8, "line break") },
	{ T("{\"a\":\"\t\"}"), BAD(1, 7, "control character") },
	{ T("{\"a\":\"\0\"}"), BAD(1, 7, "control character") },
	{ T("{\"a\":\"\\x\"}"), BAD(1, 8, "escape") },
	{ T("{\"a\":\"\\'\"}"), BAD(1, 8, "escape") },
	{ T("{\"a\":\"\\\0\"}"), BAD(1, 8, "escape") },
	{ T("{\"a\":\"\\u12g4\"}"), BAD(1, 11, "hexadecimal") },
	{ T("{\"a\":\"\\u\"}"), BAD(1, 9, "hexadecimal") },
	{ T("{\"a\":\"\\ud83d\"}"), BAD(1, 13, "surrogate") },
	{ T("{\"a\":\"\\ud83dx\"}"), BAD(1, 13, "surrogate") },
	{ T("{\"a\":\"\\ud83d\\n\"}"), BAD(1, 14, "surrogate") },
	{ T("{\"a\":\"\\ud83d\\u0041\"}"), BAD(1, 18, "surrogate") },
	{ T("{\"a\":\"\\ud83d\\ud83d\"}"), BAD(1, 18, "surrogate") },
	{ T("{\"a\":\"\\ude00\"}"), BAD(1, 12, "surrogate") },
	{ T("{\"a\\u0000\":1}"), BAD(1, 9, "NUL character in a key") },
	{ T("{\"a\":\"\x80\"}"), BAD(1, 7, "UTF-8") },
	{ T("{\"a\":\"\xff\"}"), BAD(1, 7, "UTF-8") },
	{ T("{\"a\":\"\xc0\xaf\"}"), BAD(1, 7, "UTF-8") },
	{ T("{\"a\":\"\xc1\x81\"}"), BAD(1, 7, "UTF-8") },
	{ T("{\"a\":\"\xe0\x80\xaf\"}"), BAD(1, 7, "UTF-8") },
	{ T("{\"a\":\"\xed\xa0\x80\"}"), BAD(1, 7, "UTF-8") },
	{ T("{\"a\":\"\xf0\x80\x80\xaf\"}"), BAD(1, 7, "UTF-8") },
	{ T("{\"a\":\"\xf4\x90\x80\x80\"}"), BAD(1, 7, "UTF-8") },
	{ T("{\"a\":\"\xf5\"}"), BAD(1, 7, "UTF-8") },
	{ T("{\"a\":\"\xc3\"}"), BAD(1, 7, "UTF-8") },
	{ T("{\"a\":\"\xe2\x82\"}"), BAD(1, 7, "UTF-8") },
	{ T("{\xc3\xa9:1}"), BAD(1, 2, "a key") },
	{ T("{\"a\":\xc2\xa0" "1}"), BAD(1, 6, "not a JSON value") },
	/* columns count characters, not bytes; lines count \n alone */
	{ T("{\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\":x}"),
	  BAD(1, 8, "not a JSON value") },
	{ T("{\r\n  \"a\": 1\r\n  \"b\": 2\r\n}"), BAD(3, 3, "comma or }") },
	{ T("{\n\"a\":\n[1,\n\n2 3]}"), BAD(5, 3, "comma or ]") },
};

static void check(size_t row, const char *how, const struct scan *s)
{
	const char *said = s->result == SCAN_INVALID ? s->reason :
		scan_missing(s);

	if (s->result != rows[row].want)
		fail_msg("row %zu '%s' (%s): result %d", row, rows[row].text,
			 how, (int)s->result);
	if (s->result == SCAN_INVALID &&
	    (s->line != rows[row].line || s->column != rows[row].column))
		fail_msg("row %zu '%s' (%s): line %u column %u", row,
			 rows[row].text, how, s->line, s->column);
	if (s->result != SCAN_INVALID && s->bytes != rows[row].n)
		fail_msg("row %zu '%s' (%s): bytes", row, rows[row].text, how);
	if (!rows[row].reason != !said ||
	    (said && !strstr(said, rows[row].reason)))
		fail_msg("row %zu '%s' (%s): said '%s'", row, rows[row].text,
			 how, said ? said : "nothing");
}

/* From a heap copy of just the length, so that reading beyond it shows. */
static void feed(struct scan *s, const char *text, size_t n)
{
	char *copy = malloc(n ? n : 1);

	assert_non_null(copy);
	memcpy(copy, text, n);
	(void)scan_feed(s, copy, n);
	free(copy);
}

static void grammar(void **state)
{
	struct scan s;
	size_t i, cut;

	(void)state;
	assert_true(sizeof(rows) / sizeof(rows[0]) > 60);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		scan_init(&s);
		feed(&s, rows[i].text, rows[i].n);
		check(i, "whole", &s);
		scan_init(&s);
		for (cut = 0; cut < rows[i].n; cut++)
			feed(&s, rows[i].text + cut, 1);
		check(i, "bytes", &s);
		for (cut = 0; cut <= rows[i].n; cut++) {
			scan_init(&s);
			feed(&s, rows[i].text, cut);
			feed(&s, rows[i].text + cut, rows[i].n - cut);
			check(i, "pieces", &s);
		}
	}
}

/* The answer comes with the byte that decides it. */
static void early(void **state)
{
	struct scan s;

	(void)state;
	scan_init(&s);
	assert_int_equal(scan_feed(&s, T("{\"a\":1")), SCAN_MORE);
	assert_int_equal(scan_feed(&s, T("}")), SCAN_COMPLETE);
	assert_int_equal(scan_feed(&s, T("\n")), SCAN_COMPLETE);
	assert_int_equal(scan_feed(&s, T("{")), SCAN_INVALID);
	assert_int_equal(s.bytes, 8);
	assert_int_equal(s.line, 2);
	assert_int_equal(scan_feed(&s, T("}}}}\n\n")), SCAN_INVALID);
	assert_int_equal(s.line, 2);
	assert_int_equal(s.bytes, 8);
	scan_init(&s);
	assert_int_equal(scan_feed(&s, T("{\"a\": t")), SCAN_MORE);
	assert_int_equal(scan_feed(&s, T("e")), SCAN_INVALID);
}

static void depth(void **state)
{
	char text[2 * SCAN_DEPTH_MAX + 16];
	struct scan s;
	size_t i, n = 0;

	(void)state;
	/* one object and arrays up to the limit, all closed again */
	n += (size_t)snprintf(text, sizeof(text), "{\"a\":");
	for (i = 1; i < SCAN_DEPTH_MAX; i++)
		text[n++] = '[';
	for (i = 1; i < SCAN_DEPTH_MAX; i++)
		text[n++] = ']';
	text[n++] = '}';
	scan_init(&s);
	feed(&s, text, n);
	assert_int_equal(s.result, SCAN_COMPLETE);
	/* one more */
	text[4 + SCAN_DEPTH_MAX] = '[';
	scan_init(&s);
	feed(&s, text, n);
	assert_int_equal(s.result, SCAN_INVALID);
	assert_non_null(strstr(s.reason, "deeply"));
	assert_int_equal(s.column, 5 + SCAN_DEPTH_MAX);
	/* objects all the way, mixed with arrays: what closes is remembered */
	scan_init(&s);
	for (i = 0; i < SCAN_DEPTH_MAX / 2; i++)
		feed(&s, T("{\"a\":["));
	for (i = 0; i < SCAN_DEPTH_MAX / 2; i++)
		feed(&s, T("]}"));
	assert_int_equal(s.result, SCAN_COMPLETE);
}

static uint64_t seed;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % n;
}

static const char *const records[] = {
	("{\n  \"id\": \"rec8vAzQ1b2c3d4e5\",\n  \"createdTime\": "
	"\"2024-03-01T09:30:00.000Z\",\n  \"fields\": {\n    \"Name\": "
	"\"Hammock \xe2\x80\xa6 Chair\",\n    \"Price\": -250.5e2,\n    "
	"\"Notes\": null,\n    \"Tags\": [\n      \"a\\n\",\n      "
	"\"\\ud83d\\ude00\"\n    ]\n  },\n  \"computed\": {\n    \"Total\": "
	"0,\n    \"Ok\": true\n  }\n}\n"),
	("{\"fields\":{\"A\":[{\"id\":\"att1\",\"size\":12}],\"B\":false,"
	"\"C\":{},\"D\":[[]],\"E\":\"\xf0\x9f\x98\x80\\\\\"}}"),
	"{\"Name\":\"\\u00e9\\/\",\"n\":1E+2}",
};

static const char *const bits[] = { "{", "}", "[", "]", ",", ":", "\"", "\\",
	"\\u", "0", "1", "-", ".", "e", "E", "+", "t", "true", "null", " ",
	"\n", "\t", "d8", "dc00", "\\ud83d", "\x80", "\xe2", "\xed\xa0\x80",
	"\xc3\xa9", "\x01", "/", "\x7f", "\"a\":1,", "\r" };

static size_t damage(char text[static 1024])
{
	const char *from = records[random_below(3)];
	size_t n = strlen(from), at, len, times;
	const char *bit;

	memcpy(text, from, n);
	for (times = random_below(4); times > 0; times--) {
		at = random_below((uint32_t)n);
		switch (random_below(4)) {
		case 0: /* leave out */
			len = 1 + random_below(3);
			len = len > n - at ? n - at : len;
			memmove(text + at, text + at + len, n - at - len);
			n -= len;
			break;
		case 1: /* another byte */
			text[at] = (char)(1 + random_below(255));
			break;
		case 2: /* cut off */
			if (random_below(4) == 0)
				n = at;
			break;
		default: /* put in */
			bit = bits[random_below(sizeof(bits) / sizeof(bits[0]))];
			len = strlen(bit);
			memmove(text + at + len, text + at, n - at);
			memcpy(text + at, bit, len);
			n += len;
			break;
		}
		if (n == 0)
			break;
	}
	return n;
}

/* jansson as the judge: an object that reads without JSON_REJECT_DUPLICATES.
 * A number too big for its types is beyond the grammar, so no answer. */
static int jansson_says(const char *text, size_t n)
{
	json_error_t error;
	json_t *j = json_loadb(text, n, JSON_ALLOW_NUL, &error);
	int says = j ? json_is_object(j) : 0;

	if (!j && json_error_code(&error) == json_error_numeric_overflow)
		says = -1;
	json_decref(j);
	return says;
}

static void agrees_with_jansson(void **state)
{
	size_t i, n, valid = 0;
	char text[1024];
	struct scan s;
	int want;

	(void)state;
	seed = 42;
	for (i = 0; i < 20000; i++) {
		n = damage(text);
		want = jansson_says(text, n);
		if (want < 0)
			continue;
		scan_init(&s);
		feed(&s, text, n);
		if ((s.result == SCAN_COMPLETE) != (want == 1))
			fail_msg("%zu: '%.*s': result %d, jansson %d", i,
				 (int)n, text, (int)s.result, want);
		valid += want == 1;
	}
	/* both kinds were there */
	assert_in_range(valid, 2000, 18000);
}

/* MORE is said only where some continuation is valid: what was cut off. */
static void every_prefix_is_more(void **state)
{
	size_t i, n;
	struct scan s;

	(void)state;
	for (i = 0; i < 3; i++) {
		scan_init(&s);
		for (n = 0; records[i][n] != '\0'; n++) {
			if (s.result == SCAN_COMPLETE)
				assert_string_equal(records[i] + n, "\n");
			else
				assert_int_equal(s.result, SCAN_MORE);
			feed(&s, records[i] + n, 1);
		}
		assert_int_equal(s.result, SCAN_COMPLETE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grammar),
		cmocka_unit_test(early),
		cmocka_unit_test(depth),
		cmocka_unit_test(agrees_with_jansson),
		cmocka_unit_test(every_prefix_is_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
