/* render - a record as the bytes of its file: the one place that writes them.
 * The same record and schema always give the same bytes: two spaces, UTF-8
 * unescaped (control characters, quote and backslash escaped), fields in
 * schema order, keys inside values with "id" first and then sorted, numbers as
 * the shortest text that reads back as the same double, final newline.
 * Owns:    the result is the caller's (free). json arguments are borrowed.
 * Threads: any, on different json objects. Errors: -ENOMEM; -E2BIG from
 *          render_json for a value nested deeper than 100. */
#ifndef ATFS_RENDER_H
#define ATFS_RENDER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "airtable/schema.h"

struct render_options {
	bool hide_computed; /* -o computed=hide */
};

/* raw: {"fld...": value}, the server's cells by field id, empty ones absent.
 * id "" leaves out "id" and "createdTime" (a record not yet created). */
int render_record(const struct schema_table *t, const char *id,
		  const char *created_time, const json_t *raw,
		  const struct render_options *opt, char **ret, size_t *ret_n);

/* What the file shows for a cell: attachments without URLs, an empty cell (and
 * "", [], false, a rich text of one newline) as null, the rest as it is. A new
 * reference. */
json_t *render_value(const struct schema_field *f, const json_t *cell);

/* Equality of two values as shown: 250 equals 250.0, key order is nothing. */
bool value_equal(const json_t *a, const json_t *b);

/* One compact line of JSON in the same spelling (for journal, info, logs). */
int render_json(const json_t *value, bool pretty, char **ret, size_t *ret_n);

#endif
