#include "json_read.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Whole numbers of so many digits may not fit 64 bits. */
#define BIG_DIGITS 19

struct scan {
	size_t depth, values;
	size_t big_n; /* whole numbers to be read as reals */
};

/* The end of the string whose opening quote stands at i. */
static size_t skip_string(const char *s, size_t n, size_t i)
{
	for (i++; i < n && s[i] != '"'; i++)
		if (s[i] == '\\')
			i++;
	return i < n ? i + 1 : n;
}

static size_t skip_number(const char *s, size_t n, size_t i, bool *ret_big)
{
	size_t digits = 0;
	bool whole = true;

	for (; i < n; i++) {
		if (s[i] >= '0' && s[i] <= '9')
			digits++;
		else if (s[i] == '.' || s[i] == 'e' || s[i] == 'E')
			whole = false;
		else if (s[i] != '-' && s[i] != '+')
			break;
	}
	*ret_big = whole && digits >= BIG_DIGITS;
	return i;
}

/* One pass over the text, which need not be JSON at all. out NULL: counts and
 * checks; else copies, with ".0" after each big whole number. */
static int scan_text(const char *s, size_t n, struct scan *sc, char *out)
{
	size_t i = 0, from, o = 0;
	bool big;

	while (i < n) {
		from = i;
		big = false;
		if (s[i] == '"')
			i = skip_string(s, n, i);
		else if (s[i] == '-' || (s[i] >= '0' && s[i] <= '9'))
			i = skip_number(s, n, i, &big);
		else
			i++;
		if (s[from] == '{' || s[from] == '[')
			sc->depth++;
		else if ((s[from] == '}' || s[from] == ']') && sc->depth > 0)
			sc->depth--;
		if (s[from] == '{' || s[from] == '[' || s[from] == ',')
			sc->values++;
		if (sc->depth > JSON_READ_DEPTH_MAX ||
		    sc->values > JSON_READ_VALUES_MAX)
			return -E2BIG;
		sc->big_n += big;
		if (out == NULL)
			continue;
		memcpy(out + o, s + from, i - from);
		o += i - from;
		if (big) {
			memcpy(out + o, ".0", 2);
			o += 2;
		}
	}
	return 0;
}

static json_t *load(const char *text, size_t n, json_error_t *err)
{
	return json_loadb(text, n, JSON_ALLOW_NUL, err);
}

int json_read_object(const char *text, size_t n, json_t **ret)
{
	struct scan sc = { 0 }, again = { 0 };
	json_error_t err;
	json_t *v;
	char *copy;
	int r;

	r = scan_text(text, n, &sc, NULL);
	if (r < 0)
		return r;
	if (sc.big_n == 0) {
		v = load(text, n, &err);
	} else {
		copy = malloc(n + 2 * sc.big_n);
		if (copy == NULL)
			return -ENOMEM;
		r = scan_text(text, n, &again, copy);
		v = r == 0 ? load(copy, n + 2 * sc.big_n, &err) : NULL;
		free(copy);
		if (r < 0)
			return r;
	}
	if (v == NULL)
		return json_error_code(&err) == json_error_out_of_memory ?
			       -ENOMEM :
			       -EPROTO;
	if (!json_is_object(v)) {
		json_decref(v);
		return -EPROTO;
	}
	*ret = v;
	return 0;
}
