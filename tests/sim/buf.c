#include "buf.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

static void room(struct buf *b, size_t n)
{
	size_t want = b->n + n + 1;
	size_t cap = b->cap ? b->cap : 64;

	if (want <= b->cap)
		return;
	while (cap < want)
		cap *= 2;
	b->p = sim_realloc(b->p, cap);
	b->cap = cap;
}

void buf_release(struct buf *b)
{
	free(b->p);
	*b = (struct buf)BUF_INIT;
}

char *buf_steal(struct buf *b)
{
	char *p;

	room(b, 0);
	b->p[b->n] = '\0';
	p = b->p;
	*b = (struct buf)BUF_INIT;
	return p;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	room(b, n);
	if (n)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	b->p[b->n] = '\0';
}

void buf_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_chr(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	char probe[1];	/* the first pass only measures */
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(probe, sizeof(probe), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	room(b, (size_t)n);
	va_start(ap, fmt);
	vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)n;
}

size_t buf_utf8(const char *s, size_t n)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t k = *u < 0x80 ? 1 : *u >= 0xc2 && *u < 0xe0 ? 2 :
		   *u >= 0xe0 && *u < 0xf0 ? 3 :
		   *u >= 0xf0 && *u < 0xf5 ? 4 : 0;

	if (k > n || (k > 2 && ((*u == 0xe0 && u[1] < 0xa0) ||
				(*u == 0xed && u[1] > 0x9f) ||
				(*u == 0xf0 && u[1] < 0x90) ||
				(*u == 0xf4 && u[1] > 0x8f))))
		return 0;
	for (size_t i = 1; i < k; i++)
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	return k;
}

void buf_json_str(struct buf *b, const char *s, size_t n)
{
	size_t from = 0;
	size_t i;

	room(b, n + 2);
	buf_chr(b, '"');
	for (i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c >= 0x80) {
			size_t k = buf_utf8(s + i, n - i);

			if (k) {
				i += k - 1;
				continue;
			}
		} else if (c >= 0x20 && c != '"' && c != '\\') {
			continue;
		}
		buf_add(b, s + from, i - from);
		from = i + 1;
		switch (c) {
		case '"':
			buf_str(b, "\\\"");
			break;
		case '\\':
			buf_str(b, "\\\\");
			break;
		case '\n':
			buf_str(b, "\\n");
			break;
		case '\r':
			buf_str(b, "\\r");
			break;
		case '\t':
			buf_str(b, "\\t");
			break;
		default:
			buf_printf(b, "\\u%04x", c);
		}
	}
	buf_add(b, s + from, n - from);
	buf_chr(b, '"');
}

/* JavaScript spells out integers below 1e21 and small decimals from 1e-6. */
static void num_plain(struct buf *b, double d)
{
	char t[64];
	int prec;

	for (prec = 1; prec < 17; prec++) {
		snprintf(t, sizeof(t), "%.*e", prec - 1, d);
		if (strtod(t, NULL) == d)
			break;
	}
	if (fabs(d) >= 1e21 || fabs(d) < 1e-6) {
		char *e;
		long x;

		snprintf(t, sizeof(t), "%.*e", prec - 1, d);
		e = strchr(t, 'e');
		x = e ? strtol(e + 1, NULL, 10) : 0;
		buf_add(b, t, e ? (size_t)(e - t) : strlen(t));
		buf_printf(b, "e%+ld", x);
		return;
	}
	snprintf(t, sizeof(t), "%.*e", prec - 1, d);
	{
		long x = strtol(strchr(t, 'e') + 1, NULL, 10);
		long dec = (long)prec - 1 - x;

		buf_printf(b, "%.*f", dec > 0 ? (int)dec : 0, d);
	}
}

void buf_num(struct buf *b, double d)
{
	if (isnan(d)) {
		buf_str(b, "NaN");
	} else if (isinf(d)) {
		buf_str(b, d < 0 ? "-Infinity" : "Infinity");
	} else if (d == 0) {
		buf_chr(b, '0');
	} else if (fabs(d) < 9e15 && d == (double)(int64_t)d) {
		buf_printf(b, "%lld", (long long)d);
	} else {
		num_plain(b, d);
	}
}

static void json_obj(struct buf *b, const json_t *v)
{
	json_t *o = (json_t *)(uintptr_t)v; /* iteration takes no const */
	void *it;
	const char *sep = "";

	buf_chr(b, '{');
	for (it = json_object_iter(o); it; it = json_object_iter_next(o, it)) {
		const char *k = json_object_iter_key(it);

		buf_str(b, sep);
		buf_json_str(b, k, strlen(k));
		buf_chr(b, ':');
		buf_json(b, json_object_iter_value(it));
		sep = ",";
	}
	buf_chr(b, '}');
}

void buf_json(struct buf *b, const json_t *v)
{
	size_t i;

	switch (json_typeof(v)) {
	case JSON_OBJECT:
		json_obj(b, v);
		break;
	case JSON_ARRAY:
		buf_chr(b, '[');
		for (i = 0; i < json_array_size(v); i++) {
			if (i)
				buf_chr(b, ',');
			buf_json(b, json_array_get(v, i));
		}
		buf_chr(b, ']');
		break;
	case JSON_STRING:
		buf_json_str(b, json_string_value(v), json_string_length(v));
		break;
	case JSON_INTEGER:
		buf_printf(b, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
		break;
	case JSON_REAL:
		buf_num(b, json_real_value(v));
		break;
	case JSON_TRUE:
		buf_str(b, "true");
		break;
	case JSON_FALSE:
		buf_str(b, "false");
		break;
	case JSON_NULL:
	default:
		buf_str(b, "null");
	}
}
