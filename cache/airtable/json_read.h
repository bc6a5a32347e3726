/* json_read - the parser for JSON that came from afar, with bounds.
 * It differs from plain jansson in three points: nesting and the number of
 * values are bounded before anything is built; whole numbers beyond 64 bits are
 * read as reals, where jansson would refuse the entire text (one cell holding
 * 1e20 would make a table unreadable); "\u0000" in a string is let through, so
 * a string's length must be asked of jansson where it matters.
 * Owns:    nothing; the result is a new reference.
 * Threads: any.
 * Errors:  -EPROTO no JSON object, -E2BIG beyond a bound, -ENOMEM. */
#ifndef AIRTABLE_JSON_READ_H
#define AIRTABLE_JSON_READ_H

#include <jansson.h>
#include <stddef.h>

#define JSON_READ_DEPTH_MAX 64 /* the API's answers reach some 12; ours */
#define JSON_READ_VALUES_MAX 4000000u /* ours */

int json_read_object(const char *text, size_t n, json_t **ret);

#endif
