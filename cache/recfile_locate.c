/* recfile_locate - finds a key's value in bytes that are known to be one valid
 * JSON object. Only brackets, strings and commas need to be told apart, and
 * nesting is a count, so nothing recurses. */
#include <string.h>

#include "recfile_internal.h"

struct cursor {
	const char *s;
	size_t n, at;
};

static char peek(const struct cursor *c)
{
	return c->at < c->n ? c->s[c->at] : '\0';
}

static void skip_blanks(struct cursor *c)
{
	while (c->at < c->n && strchr(" \t\r\n", c->s[c->at]) &&
	       c->s[c->at] != '\0')
		c->at++;
}

/* From the opening quote to behind the closing one. */
static void skip_string(struct cursor *c)
{
	for (c->at++; c->at < c->n && c->s[c->at] != '"'; c->at++)
		if (c->s[c->at] == '\\')
			c->at++;
	c->at++;
}

static void skip_value(struct cursor *c)
{
	size_t depth = 0;

	while (c->at < c->n) {
		char ch = peek(c);

		if (depth == 0 && strchr(",]} \t\r\n", ch) && ch != '\0')
			return;
		if (ch == '"') {
			skip_string(c);
			if (depth == 0)
				return;
			continue;
		}
		if (ch == '{' || ch == '[')
			depth++;
		if (ch == '}' || ch == ']')
			depth--;
		c->at++;
		if (depth == 0 && (ch == '}' || ch == ']'))
			return;
	}
}

static unsigned hex_value(const char *s)
{
	unsigned v = 0, i;

	for (i = 0; i < 4; i++) {
		char ch = s[i];

		v = v << 4 | (unsigned)(ch <= '9' ? ch - '0' :
					(ch | 0x20) - 'a' + 10);
	}
	return v;
}

/* One character of a string, escaped or not, as UTF-8; the bytes written. */
static size_t read_char(struct cursor *c, char out[static 4])
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	const char *p;
	unsigned v;

	if (peek(c) != '\\') {
		out[0] = c->s[c->at++];
		return 1;
	}
	c->at++;
	p = strchr(from, peek(c));
	if (peek(c) != 'u') {
		out[0] = p && *p ? to[p - from] : peek(c);
		c->at++;
		return 1;
	}
	if (c->at + 5 > c->n)
		return 0;
	v = hex_value(c->s + c->at + 1);
	c->at += 5;
	if (v >= 0xd800 && v < 0xdc00 && c->at + 6 <= c->n) {
		v = 0x10000 + ((v - 0xd800) << 10) +
		    (hex_value(c->s + c->at + 2) - 0xdc00);
		c->at += 6;
		out[0] = (char)(0xf0 | v >> 18);
		out[1] = (char)(0x80 | (v >> 12 & 0x3f));
		out[2] = (char)(0x80 | (v >> 6 & 0x3f));
		out[3] = (char)(0x80 | (v & 0x3f));
		return 4;
	}
	if (v < 0x80) {
		out[0] = (char)v;
		return 1;
	}
	if (v < 0x800) {
		out[0] = (char)(0xc0 | v >> 6);
		out[1] = (char)(0x80 | (v & 0x3f));
		return 2;
	}
	out[0] = (char)(0xe0 | v >> 12);
	out[1] = (char)(0x80 | (v >> 6 & 0x3f));
	out[2] = (char)(0x80 | (v & 0x3f));
	return 3;
}

/* At an opening quote: is this the string, once its escapes are read? Steps
 * behind it in any case. */
static bool take_key(struct cursor *c, const char *key)
{
	struct cursor in = { c->s, c->n, c->at + 1 };
	size_t key_n = strlen(key), k = 0, n;
	bool same = true;
	char buf[4];

	while (same && in.at < in.n && peek(&in) != '"') {
		n = read_char(&in, buf);
		same = n > 0 && n <= key_n - k && memcmp(key + k, buf, n) == 0;
		if (same)
			k += n;
	}
	skip_string(c);
	return same && k == key_n;
}

/* c stands on the brace of an object; true leaves it on the value. */
static bool find_member(struct cursor *c, const char *key, size_t *ret_key)
{
	bool found;

	if (peek(c) != '{')
		return false;
	c->at++;
	for (;;) {
		skip_blanks(c);
		if (peek(c) == ',') {
			c->at++;
			skip_blanks(c);
		}
		if (peek(c) != '"')
			return false;
		*ret_key = c->at;
		found = take_key(c, key);
		skip_blanks(c);
		c->at++; /* the colon */
		skip_blanks(c);
		if (found)
			return true;
		skip_value(c);
	}
}

bool recfile_locate(const char *bytes, size_t n, const char *section,
		    const char *key, struct json_place *ret)
{
	struct cursor c = { bytes, n, 0 };
	size_t at;

	skip_blanks(&c);
	if (section && !find_member(&c, section, &at))
		return false;
	if (!find_member(&c, key, &at))
		return false;
	*ret = (struct json_place){ .key = at, .value = c.at };
	return true;
}

size_t recfile_locate_item(const char *bytes, size_t n, size_t offset,
			   size_t index)
{
	struct cursor c = { bytes, n, offset };

	if (peek(&c) != '[')
		return offset;
	c.at++;
	skip_blanks(&c);
	for (; index > 0; index--) {
		skip_value(&c);
		skip_blanks(&c);
		if (peek(&c) != ',')
			return offset;
		c.at++;
		skip_blanks(&c);
	}
	return c.at < n ? c.at : offset;
}

void recfile_line_column(const char *bytes, size_t n, size_t offset,
			 unsigned *ret_line, unsigned *ret_column)
{
	unsigned line = 1, column = 1;
	size_t i;

	for (i = 0; i < offset && i < n; i++) {
		if (bytes[i] == '\n') {
			line++;
			column = 1;
		} else if (((unsigned char)bytes[i] & 0xc0) != 0x80) {
			column++;
		}
	}
	*ret_line = line;
	*ret_column = column;
}
