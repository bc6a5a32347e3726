/* describe - what the files that describe things as JSON share.
 * Owns:    results are the caller's. Threads: any. Errors: -ENOMEM. */
#ifndef ATFS_DESCRIBE_H
#define ATFS_DESCRIBE_H

#include <jansson.h>

#include "internal.h"

/* Takes j; its text for people, with a line end. */
int describe_text(json_t *j, char **ret);
/* An ISO time; null for 0. */
json_t *describe_time(int64_t ms);
/* {"fld...": v} as {"Name": v}, without what is not a field's. New. */
json_t *describe_by_name(const struct schema_table *st, const char *text);
/* A record's draft has no number of its own in the queue: "d3-7". */
#define DESCRIBE_DRAFT_ID_BUF 32
void describe_draft_id(const struct live *l,
		       char out[static DESCRIBE_DRAFT_ID_BUF]);

#endif
