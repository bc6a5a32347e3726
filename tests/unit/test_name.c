/* name: rows for each rule, then properties over random bytes (P13). */
#include "name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "airtable/ids.h"

#define ID "rec8vAzQ1b2c3d4e5"
#define N(s) s, sizeof(s) - 1
#define A100                                                                  \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"      \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
	const char *row;
	const char *text;
	size_t text_n;
	bool with_id;
	const char *suffix;
	const char *want;
} make_rows[] = {
	{ "plain", N("Hammock Chair"), false, ".json", "Hammock Chair.json" },
	{ "no suffix", N("Furniture"), false, "", "Furniture" },
	{ "taken", N("Chair"), true, ".json", "Chair (" ID ").json" },
	{ "taken table", N("Chair"), true, "", "Chair (" ID ")" },
	{ "empty", N(""), false, ".json", ID ".json" },
	{ "no text", NULL, 0, false, ".json", ID ".json" },
	{ "empty with id", N(""), true, ".json", ID ".json" },
	{ "slash", N("a/b"), false, ".json", "a\u2215b.json" },
	{ "only a slash", N("/"), false, "", "\u2215" },
	{ "dot", N("."), false, "", "\u2024" },
	{ "two dots", N(".."), false, "", "\u2024." },
	{ "leading dot", N(".env"), false, ".json", "\u2024env.json" },
	{ "inner dot", N("v1.2"), false, ".json", "v1.2.json" },
	{ "side room", N(".airtable"), false, "", "\u2024airtable" },
	{ "newline", N("a\nb"), false, ".json", "a\u240ab.json" },
	{ "tab", N("\t"), false, "", "\u2409" },
	{ "NUL", N("a\0b"), false, "", "a\u2400b" },
	{ "DEL", N("a\x7f"), false, "", "a\u2421" },
	{ "C1", N("a\xc2\x9b" "31m"), false, "", "a\ufffd31m" },
	{ "no break space stays", N("a\xc2\xa0" "b"), false, "", "a\u00a0b" },
	{ "bidi control stays", N("a\u202eb"), false, "", "a\u202eb" },
	{ "bad byte", N("a\xff" "b"), false, "", "a\ufffdb" },
	{ "cut character", N("a\xe2\x82"), false, "", "a\ufffd" },
	{ "overlong slash", N("\xc0\xaf"), false, "", "\ufffd\ufffd" },
	{ "surrogate", N("\xed\xa0\x80"), false, "", "\ufffd\ufffd\ufffd" },
	{ "beyond Unicode", N("\xf4\x90\x80\x80"), false, "",
	  "\ufffd\ufffd\ufffd\ufffd" },
	{ "emoji", N("\U0001f600"), false, ".json", "\U0001f600.json" },
	{ "trailing blanks", N("a  "), false, ".json", "a  .json" },
	{ "one blank", N(" "), false, ".json", " .json" },
	{ "like an id", N("recABCDEFGHIJKLMN"), false, ".json",
	  "recABCDEFGHIJKLMN (" ID ").json" },
	{ "like an id, table", N("recABCDEFGHIJKLMN"), false, "",
	  "recABCDEFGHIJKLMN (" ID ")" },
	{ "shorter than an id", N("recABCDEFGHIJKLM"), false, ".json",
	  "recABCDEFGHIJKLM.json" },
	{ "not quite an id", N("rec ABCDEFGHIJKLM"), false, ".json",
	  "rec ABCDEFGHIJKLM.json" },
	{ "has a suffix", N("a.json"), false, ".json", "a.json.json" },
	{ "250 fit", N(A100 A100 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	    "bbbb"), false, ".json",
	  A100 A100 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.json" },
	{ "251 do not", N(A100 A100 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	    "bbbbbbbbb"), false, ".json",
	  A100 A100 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\u2026"
	  ".json" },
	{ "id kept whole", N(A100 A100 A100), true, ".json",
	  A100 A100 "aaaaaaaaaaaaaaaaaaaaaaaaaaa\u2026 (" ID ").json" },
};

static void make(void **state)
{
	char out[NAME_BUF];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(make_rows) / sizeof(make_rows[0]); i++) {
		name_make(make_rows[i].text, make_rows[i].text_n, ID,
			  make_rows[i].with_id, make_rows[i].suffix, out);
		if (strcmp(out, make_rows[i].want) != 0)
			fail_msg("%s: '%s', want '%s'", make_rows[i].row, out,
				 make_rows[i].want);
	}
}

static void make_without_any_id(void **state)
{
	char out[NAME_BUF];

	(void)state;
	name_make("", 0, "", true, ".json", out);
	assert_string_equal(out, "\ufffd.json");
	name_make("", 0, "../x", false, "", out);
	assert_string_equal(out, "\u2024.\u2215x");
}

static const struct {
	const char *row, *name, *suffix;
	const char *want; /* NULL: -EINVAL */
} text_rows[] = {
	{ "plain", "Hammock Chair.json", ".json", "Hammock Chair" },
	{ "no suffix", "Furniture", "", "Furniture" },
	{ "slash", "a\u2215b.json", ".json", "a/b" },
	{ "newline", "a\u240ab.json", ".json", "a\nb" },
	{ "DEL", "a\u2421.json", ".json", "a\x7f" },
	{ "picture of NUL stays", "a\u2400.json", ".json", "a\u2400" },
	{ "leading dot", "\u2024env.json", ".json", ".env" },
	{ "inner one dot leader", "a\u2024.json", ".json", "a\u2024" },
	{ "id taken off", "Chair (" ID ").json", ".json", "Chair" },
	{ "table id taken off", "A (tblABCDEFGHIJKLMN)", "", "A" },
	{ "no id in brackets", "Chair (red).json", ".json", "Chair (red)" },
	{ "only brackets", " (" ID ").json", ".json", " (" ID ")" },
	{ "two suffixes", "a.json.json", ".json", "a.json" },
	{ "blanks stay", " a .json", ".json", " a " },
	{ "suffix missing", "a.txt", ".json", NULL },
	{ "nothing before it", ".json", ".json", NULL },
	{ "empty", "", "", NULL },
	{ "an id", ID ".json", ".json", NULL },
	{ "bad UTF-8", "a\xff.json", ".json", NULL },
	{ "a path", "a/b.json", ".json", NULL },
};

static void to_text(void **state)
{
	char out[NAME_BUF];
	size_t i;
	int r;

	(void)state;
	for (i = 0; i < sizeof(text_rows) / sizeof(text_rows[0]); i++) {
		r = name_to_text(text_rows[i].name, text_rows[i].suffix, out);
		if (r != (text_rows[i].want ? 0 : -EINVAL))
			fail_msg("%s: result %d", text_rows[i].row, r);
		if (r == 0 && strcmp(out, text_rows[i].want) != 0)
			fail_msg("%s: '%s', want '%s'", text_rows[i].row, out,
				 text_rows[i].want);
	}
}

static void to_text_too_long(void **state)
{
	char name[400], out[NAME_BUF];

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(name_to_text(name, "", out), -EINVAL);
}

static const struct {
	const char *name;
	bool record, id;
} kind_rows[] = {
	{ "a.json", true, false },
	{ ID ".json", true, true },
	{ ".json", false, false },
	{ ".a.json", false, false },
	{ ".a.json.swp", false, false },
	{ "a.json~", false, false },
	{ "a.txt", false, false },
	{ "json", false, false },
	{ "", false, false },
	{ "a.JSON", false, false },
	{ " .json", true, false },
	{ "rec8vAzQ1b2c3d4e.json", true, false },
	{ "rec8vAzQ1b2c3d4e56.json", true, false },
	{ "Rec8vAzQ1b2c3d4e5.json", true, false },
	{ ID, false, false },
};

static void kinds(void **state)
{
	char id[18];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(kind_rows) / sizeof(kind_rows[0]); i++) {
		const char *name = kind_rows[i].name;

		if (name_is_record(name) != kind_rows[i].record)
			fail_msg("'%s': is a record?", name);
		if (name_is_id(name, id) != kind_rows[i].id)
			fail_msg("'%s': is an id?", name);
		if (kind_rows[i].id)
			assert_string_equal(id, ID);
	}
}

static uint64_t seed;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % n;
}

/* Strict UTF-8 by another road than the module's. */
static bool is_utf8(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	uint32_t c, least;
	int more;

	while (*s) {
		c = *s++;
		more = c < 0x80 ? 0 : c >> 5 == 6 ? 1 : c >> 4 == 14 ? 2 :
		       c >> 3 == 30 ? 3 : -1;
		if (more < 0)
			return false;
		least = more == 0 ? 0 : more == 1 ? 0x80 : more == 2 ? 0x800 :
			0x10000;
		c = more == 0 ? c : c & (0x3fu >> more);
		for (; more > 0; more--) {
			if ((*s & 0xc0) != 0x80)
				return false;
			c = c << 6 | (*s++ & 0x3f);
		}
		if (c < least || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			return false;
	}
	return true;
}

static size_t random_text(char out[static 700])
{
	static const char *const bits[] = { "/", ".", "..", "\n", "\xc3\xa9",
		"\u2026", "\U0001f600", " ", "rec", " (", ")", ".json",
		"\xc2\x85", "\u202e", "\x7f", "recABCDEFGHIJKLMN" };
	size_t n = 0, want = random_below(2) ? random_below(600) :
		random_below(30);
	bool wild = random_below(3) == 0;

	while (n < want) {
		const char *bit;

		switch (random_below(4)) {
		case 0:
			bit = bits[random_below(sizeof(bits) / sizeof(bits[0]))];
			memcpy(out + n, bit, strlen(bit));
			n += strlen(bit);
			break;
		case 1:
			out[n++] = (char)(wild ? random_below(256) : 'x');
			break;
		default:
			out[n++] = (char)('a' + random_below(26));
			break;
		}
	}
	return n;
}

static void random_names_are_safe_P13(void **state)
{
	char text[700], out[NAME_BUF], tail[64];
	size_t n, i, len, tail_n;
	bool with_id;
	const char *suffix;

	(void)state;
	seed = 20240301;
	for (i = 0; i < 30000; i++) {
		n = random_text(text);
		with_id = random_below(2);
		suffix = random_below(2) ? ".json" : "";
		memset(out, 'Z', sizeof(out));
		name_make(text, n, ID, with_id, suffix, out);
		len = strnlen(out, NAME_BUF);
		if (len == 0 || len > NAME_BYTES_MAX)
			fail_msg("%zu: length %zu", i, len);
		if (out[0] == '.' || strchr(out, '/') || !is_utf8(out))
			fail_msg("%zu: unsafe '%s'", i, out);
		if (strpbrk(out, "\x01\n\r\t\x1b\x7f"))
			fail_msg("%zu: control character", i);
		if (!with_id || n == 0)
			continue;
		tail_n = (size_t)snprintf(tail, sizeof(tail), " (" ID ")%s",
					  suffix);
		if (len < tail_n || strcmp(out + len - tail_n, tail) != 0)
			fail_msg("%zu: id lost in '%s'", i, out);
	}
}

/* Texts of letters, slashes, controls and a leading dot come back. */
static void names_turn_back(void **state)
{
	static const char *const bits[] = { "a", "Z", "/", "\n", "\x1f", "\x7f",
		".", " ", "\xc3\xa9", "\U0001f600", "(", ")" };
	char text[200], name[NAME_BUF], back[NAME_BUF];
	size_t i, n, parts;

	(void)state;
	seed = 7;
	for (i = 0; i < 20000; i++) {
		const char *suffix = random_below(2) ? ".json" : "";

		n = 0;
		for (parts = 1 + random_below(20); parts > 0; parts--) {
			const char *bit = bits[random_below(sizeof(bits) /
							    sizeof(bits[0]))];

			memcpy(text + n, bit, strlen(bit));
			n += strlen(bit);
		}
		text[n] = '\0';
		name_make(text, n, ID, random_below(2), suffix, name);
		if (name_to_text(name, suffix, back) != 0 ||
		    strcmp(back, text) != 0)
			fail_msg("%zu: '%s' came back as '%s'", i, text, back);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(make),
		cmocka_unit_test(make_without_any_id),
		cmocka_unit_test(to_text),
		cmocka_unit_test(to_text_too_long),
		cmocka_unit_test(kinds),
		cmocka_unit_test(random_names_are_safe_P13),
		cmocka_unit_test(names_turn_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
