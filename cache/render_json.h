/* render_json - the JSON writer under render: a growing buffer and the
 * spelling of strings, numbers and nested values.
 * Numbers are written as ECMAScript does (ECMA-262, Number::toString), which
 * is how the API itself spells them: the fewest digits that read back as the
 * same double, no point in integers, an exponent for very large and small
 * ones: 0.000001, 1e-7, 1e+21. Only from 1e+18 on we use the exponent sooner
 * (ECMAScript: from 1e+21), so that no integer is written that a parser with
 * 64-bit integers could not read. Minus zero is written 0, which is the one
 * value that does not come back.
 * Owns:    the buffer, until json_out_take or json_out_release.
 * Threads: none inside. Errors: kept in the buffer, told by json_out_take;
 *          -ENOMEM, or -E2BIG for a value nested deeper than
 *          RENDER_DEPTH_MAX. */
#ifndef ATFS_RENDER_JSON_H
#define ATFS_RENDER_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define RENDER_DEPTH_MAX 100
#define NUMBER_TEXT_BUF 32 /* -1.2345678901234567e-308 and a NUL */

struct json_out {
	char *s;
	size_t n, room;
	int err;
	bool pretty; /* two spaces a level and a line for each item */
};

void json_out_bytes(struct json_out *o, const char *s, size_t n);
void json_out_text(struct json_out *o, const char *s);
/* A line break and the indentation of a level; a compact buffer ignores it. */
void json_out_line(struct json_out *o, unsigned level);
/* In quotes and escaped. */
void json_out_string(struct json_out *o, const char *s, size_t n);
/* "key": with the blank of a pretty buffer. */
void json_out_key(struct json_out *o, const char *key);
/* The value as it stands on a line that is indented by level. Keys: "id"
 * first, then in byte order. */
void json_out_value(struct json_out *o, const json_t *value, unsigned level);

/* The bytes with a NUL behind them, the caller's to free; or the error. */
int json_out_take(struct json_out *o, char **ret, size_t *ret_n);
void json_out_release(struct json_out *o);

/* The length; "0" for what is no number. */
size_t number_text(const json_t *number, char out[static NUMBER_TEXT_BUF]);

#endif
