#include "render_json.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "render.h"

/* An integer of so many digits fits 64 bits, which is what JSON parsers that
 * tell integers from reals can read back. */
#define INTEGER_DIGITS_MAX 18

void json_out_bytes(struct json_out *o, const char *s, size_t n)
{
	size_t room;
	char *more;

	if (o->err < 0)
		return;
	/* one byte more is kept for the NUL at the end */
	if (n >= o->room - o->n || o->room == 0) {
		room = o->room ? o->room : 512;
		while (n >= room - o->n)
			room *= 2;
		more = realloc(o->s, room);
		if (!more) {
			o->err = -ENOMEM;
			return;
		}
		o->s = more;
		o->room = room;
	}
	memcpy(o->s + o->n, s, n);
	o->n += n;
}

void json_out_text(struct json_out *o, const char *s)
{
	json_out_bytes(o, s, strlen(s));
}

void json_out_line(struct json_out *o, unsigned level)
{
	if (!o->pretty)
		return;
	json_out_bytes(o, "\n", 1);
	for (; level > 0; level--)
		json_out_bytes(o, "  ", 2);
}

static void put_escape(struct json_out *o, unsigned char c)
{
	static const char letters[] = "btn\0fr"; /* from 8 on; no \v */
	char buf[8];
	size_t n;

	if (c == '"' || c == '\\')
		n = (size_t)snprintf(buf, sizeof(buf), "\\%c", c);
	else if (c >= 8 && c <= 13 && c != 11)
		n = (size_t)snprintf(buf, sizeof(buf), "\\%c", letters[c - 8]);
	else
		n = (size_t)snprintf(buf, sizeof(buf), "\\u%04x", c);
	json_out_bytes(o, buf, n);
}

void json_out_string(struct json_out *o, const char *s, size_t n)
{
	size_t from = 0, i;

	json_out_bytes(o, "\"", 1);
	for (i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		json_out_bytes(o, s + from, i - from);
		put_escape(o, c);
		from = i + 1;
	}
	json_out_bytes(o, s + from, n - from);
	json_out_bytes(o, "\"", 1);
}

void json_out_key(struct json_out *o, const char *key)
{
	json_out_string(o, key, strlen(key));
	json_out_text(o, o->pretty ? ": " : ":");
}

/* The digits of a positive double and the place of its point: 0.d1d2... times
 * ten to the point. 15 digits always come back as they were, so they are tried
 * first, except for subnormal numbers, which have fewer than that. */
static size_t shortest_digits(double d, char digits[static 20], int *ret_point)
{
	int precision = d < 2.3e-308 ? 1 : 15;
	char buf[40], *e;
	size_t n = 0;
	const char *p;

	for (;; precision++) {
		/* %e has one digit before its point */
		(void)snprintf(buf, sizeof(buf), "%.*e", precision - 1, d);
		if (precision >= 17 || strtod(buf, NULL) == d)
			break;
	}
	e = strchr(buf, 'e');
	*ret_point = (int)strtol(e + 1, NULL, 10) + 1;
	/* whatever the locale's decimal point is, it is not a digit */
	for (p = buf; p < e; p++)
		if (*p >= '0' && *p <= '9')
			digits[n++] = *p;
	while (n > 1 && digits[n - 1] == '0')
		n--;
	return n;
}

static size_t real_text(double d, char out[static NUMBER_TEXT_BUF])
{
	char digits[20], *p = out;
	int point, n, i;

	if (d == 0 || !isfinite(d)) {
		memcpy(out, "0", 2);
		return 1;
	}
	if (d < 0)
		*p++ = '-';
	n = (int)shortest_digits(fabs(d), digits, &point);
	if (point > INTEGER_DIGITS_MAX || point < -5) {
		*p++ = digits[0];
		if (n > 1)
			*p++ = '.';
		memcpy(p, digits + 1, (size_t)n - 1);
		p += n - 1;
		p += snprintf(p, 8, "e%+d", point - 1);
		return (size_t)(p - out);
	}
	if (point <= 0) {
		*p++ = '0';
		*p++ = '.';
		for (i = point; i < 0; i++)
			*p++ = '0';
	}
	for (i = 0; i < n || i < point; i++) {
		if (i == point && i > 0)
			*p++ = '.';
		*p++ = i < n ? digits[i] : '0';
	}
	*p = '\0';
	return (size_t)(p - out);
}

size_t number_text(const json_t *number, char out[static NUMBER_TEXT_BUF])
{
	if (json_is_real(number))
		return real_text(json_real_value(number), out);
	return (size_t)snprintf(out, NUMBER_TEXT_BUF, "%lld",
				(long long)json_integer_value(number));
}

static int compare_keys(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;
	int x_id = strcmp(x, "id") == 0, y_id = strcmp(y, "id") == 0;

	return x_id || y_id ? y_id - x_id : strcmp(x, y);
}

static void put_object(struct json_out *o, const json_t *object,
		       unsigned level)
{
	size_t n = json_object_size(object), i = 0;
	/* iterating does not change an object */
	json_t *it = (json_t *)object, *value;
	const char **keys, *key;

	if (n == 0) {
		json_out_text(o, "{}");
		return;
	}
	keys = calloc(n, sizeof(*keys));
	if (!keys) {
		o->err = -ENOMEM;
		return;
	}
	json_object_foreach(it, key, value)
		keys[i++] = key;
	qsort(keys, n, sizeof(*keys), compare_keys);
	json_out_bytes(o, "{", 1);
	for (i = 0; i < n; i++) {
		if (i > 0)
			json_out_bytes(o, ",", 1);
		json_out_line(o, level + 1);
		json_out_key(o, keys[i]);
		json_out_value(o, json_object_get(object, keys[i]), level + 1);
	}
	json_out_line(o, level);
	json_out_bytes(o, "}", 1);
	free(keys);
}

static void put_array(struct json_out *o, const json_t *array, unsigned level)
{
	size_t n = json_array_size(array), i;

	if (n == 0) {
		json_out_text(o, "[]");
		return;
	}
	json_out_bytes(o, "[", 1);
	for (i = 0; i < n; i++) {
		if (i > 0)
			json_out_bytes(o, ",", 1);
		json_out_line(o, level + 1);
		json_out_value(o, json_array_get(array, i), level + 1);
	}
	json_out_line(o, level);
	json_out_bytes(o, "]", 1);
}

void json_out_value(struct json_out *o, const json_t *value, unsigned level)
{
	char buf[NUMBER_TEXT_BUF];

	if (o->err < 0)
		return;
	if (level > RENDER_DEPTH_MAX) {
		o->err = -E2BIG;
		return;
	}
	if (!value) {
		json_out_text(o, "null");
		return;
	}
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		put_object(o, value, level);
		break;
	case JSON_ARRAY:
		put_array(o, value, level);
		break;
	case JSON_STRING:
		json_out_string(o, json_string_value(value),
				json_string_length(value));
		break;
	case JSON_INTEGER:
	case JSON_REAL:
		json_out_bytes(o, buf, number_text(value, buf));
		break;
	case JSON_TRUE:
		json_out_text(o, "true");
		break;
	case JSON_FALSE:
		json_out_text(o, "false");
		break;
	case JSON_NULL:
		json_out_text(o, "null");
		break;
	}
}

int json_out_take(struct json_out *o, char **ret, size_t *ret_n)
{
	int r = o->err;

	json_out_bytes(o, "", 0); /* there may be no buffer yet */
	if (r == 0)
		r = o->err;
	if (r < 0) {
		json_out_release(o);
		return r;
	}
	o->s[o->n] = '\0';
	*ret = o->s;
	if (ret_n)
		*ret_n = o->n;
	*o = (struct json_out){ .pretty = o->pretty };
	return 0;
}

void json_out_release(struct json_out *o)
{
	free(o->s);
	*o = (struct json_out){ .pretty = o->pretty };
}

int render_json(const json_t *value, bool pretty, char **ret, size_t *ret_n)
{
	struct json_out o = { .pretty = pretty };

	json_out_value(&o, value, 0);
	return json_out_take(&o, ret, ret_n);
}
