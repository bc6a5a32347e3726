#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "recfile_internal.h"
#include "render.h"

#define ELLIPSIS "\xe2\x80\xa6"
#define NEAR_BYTES_MAX 64

/* The longest length up to n at which no character is cut. */
static size_t whole_characters(const char *text, size_t n)
{
	while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	return n;
}

void text_cut(char *out, size_t out_n, const char *text)
{
	size_t n = strlen(text);

	if (n < out_n) {
		memcpy(out, text, n + 1);
		return;
	}
	n = whole_characters(text, out_n - sizeof(ELLIPSIS));
	memcpy(out, text, n);
	memcpy(out + n, ELLIPSIS, sizeof(ELLIPSIS));
}

/* vsnprintf that leaves no half character at the end. */
__attribute__((format(printf, 3, 0)))
static void print_cut(char *out, size_t out_n, const char *fmt, va_list ap)
{
	char *text = NULL;

	if (vasprintf(&text, fmt, ap) < 0)
		out[0] = '\0';
	else
		text_cut(out, out_n, text);
	free(text);
}

void save_error_set(struct save_error *e, int err, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return;
	memset(e, 0, sizeof(*e));
	e->err = err;
	va_start(ap, fmt);
	print_cut(e->reason, sizeof(e->reason), fmt, ap);
	va_end(ap);
}

void save_error_hint(struct save_error *e, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return;
	va_start(ap, fmt);
	print_cut(e->hint, sizeof(e->hint), fmt, ap);
	va_end(ap);
}

void text_of_value(char *out, size_t out_n, const json_t *value)
{
	char *text = NULL;

	if (render_json(value, false, &text, NULL) < 0)
		out[0] = '\0';
	else
		text_cut(out, out_n, text);
	free(text);
}

const char *value_kind(const json_t *value)
{
	if (!value)
		return "nothing";
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
		return "true";
	case JSON_FALSE:
		return "false";
	case JSON_NULL:
		return "null";
	}
	return "something else";
}

size_t text_characters(const char *text, size_t n)
{
	size_t i, count = 0;

	for (i = 0; i < n; i++)
		count += ((unsigned char)text[i] & 0xc0) != 0x80;
	return count;
}

void nearest_init(struct nearest *n, const char *wanted)
{
	size_t len = strlen(wanted);

	/* a quarter of the letters may differ, at least one, but not all */
	*n = (struct nearest){ .wanted = wanted,
			       .distance = (len < 2 ? 0 : 1 + len / 4) + 1 };
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static bool same_letter(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Letters to change, add, leave out or swap with their neighbour between a and
 * b (the distance of Damerau and Levenshtein), upper and lower case being the
 * same. Both at most NEAR_BYTES_MAX bytes. */
static size_t edit_distance(const char *a, size_t a_n, const char *b,
			    size_t b_n)
{
	/* the row of a[i - 1], and the two before it, in turn */
	size_t rows[3][NEAR_BYTES_MAX + 1], i, j;

	for (j = 0; j <= b_n; j++)
		rows[0][j] = j;
	for (i = 1; i <= a_n; i++) {
		size_t *row = rows[i % 3], *above = rows[(i + 2) % 3];
		size_t *second = rows[(i + 1) % 3];

		row[0] = i;
		for (j = 1; j <= b_n; j++) {
			row[j] = least(least(above[j], row[j - 1]) + 1,
				       above[j - 1] +
				       !same_letter(a[i - 1], b[j - 1]));
			if (i > 1 && j > 1 &&
			    same_letter(a[i - 1], b[j - 2]) &&
			    same_letter(a[i - 2], b[j - 1]))
				row[j] = least(row[j], second[j - 2] + 1);
		}
	}
	return rows[a_n % 3][b_n];
}

void nearest_try(struct nearest *n, const char *candidate)
{
	size_t a_n = strlen(n->wanted), b_n = strlen(candidate), d;

	if (a_n > NEAR_BYTES_MAX || b_n > NEAR_BYTES_MAX)
		d = strcasecmp(n->wanted, candidate) == 0 ? 0 : n->distance;
	else if ((a_n > b_n ? a_n - b_n : b_n - a_n) >= n->distance)
		return;
	else
		d = edit_distance(n->wanted, a_n, candidate, b_n);
	if (d >= n->distance)
		return;
	n->distance = d;
	n->best = candidate;
}

void text_list_add(struct text_list *l, const char *item)
{
	char cut[60];
	size_t n;

	l->all++;
	if (l->shown + 1 < l->all)
		return; /* one was left out already */
	text_cut(cut, sizeof(cut), item);
	n = strlen(cut) + strlen(", \"\"");
	/* room for the count of the others */
	if (l->used + n + 32 > sizeof(l->text))
		return;
	l->used += (size_t)snprintf(l->text + l->used,
				    sizeof(l->text) - l->used, "%s\"%s\"",
				    l->used ? ", " : "", cut);
	l->shown++;
}

const char *text_list_end(struct text_list *l)
{
	if (l->shown < l->all)
		(void)snprintf(l->text + l->used, sizeof(l->text) - l->used,
			       " and %zu more", l->all - l->shown);
	return l->text;
}
