/* schema - what the Metadata API says about a base: tables, fields, types.
 * An immutable value, shared by reference count: a new answer makes a new
 * struct schema, old readers keep theirs until they unref it.
 * Owns:    everything below it, freed by the last schema_unref.
 * Threads: ref/unref from any thread; contents never change.
 * Errors:  -EPROTO for an answer that is no schema, -ENOMEM, -E2BIG beyond
 *          the bounds below.
 * Source:  airtable-api.md sections 7.2, 9, 14 (500 fields per table, 1,000
 *          tables per base by the product limits of 2026; ours are laxer). */
#ifndef AIRTABLE_SCHEMA_H
#define AIRTABLE_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "ids.h"

#define SCHEMA_TABLES_MAX 4000
#define SCHEMA_FIELDS_MAX 2000

enum field_type {
	FIELD_SINGLE_LINE_TEXT, FIELD_EMAIL, FIELD_URL, FIELD_PHONE,
	FIELD_MULTILINE_TEXT, FIELD_RICH_TEXT, FIELD_NUMBER, FIELD_PERCENT,
	FIELD_CURRENCY, FIELD_DURATION, FIELD_RATING, FIELD_CHECKBOX,
	FIELD_SINGLE_SELECT, FIELD_MULTIPLE_SELECTS, FIELD_DATE,
	FIELD_DATE_TIME, FIELD_SINGLE_COLLABORATOR,
	FIELD_MULTIPLE_COLLABORATORS, FIELD_RECORD_LINKS, FIELD_ATTACHMENTS,
	FIELD_BARCODE,
	/* computed from here on: never written */
	FIELD_FIRST_COMPUTED,
	FIELD_AUTO_NUMBER = FIELD_FIRST_COMPUTED, FIELD_COUNT, FIELD_FORMULA,
	FIELD_ROLLUP, FIELD_LOOKUP, FIELD_CREATED_TIME,
	FIELD_LAST_MODIFIED_TIME, FIELD_CREATED_BY, FIELD_LAST_MODIFIED_BY,
	FIELD_BUTTON, FIELD_SYNC_SOURCE, FIELD_AI_TEXT, FIELD_MANUAL_SORT,
	FIELD_UNKNOWN, /* a type this program does not know: read-only */
};

struct schema_field {
	struct field_id id;
	char *name;             /* as the server has it; owned */
	const char *type_name;  /* the API's word; borrowed from json */
	enum field_type type;
	bool computed;          /* read-only for us */
	bool hidden;            /* manualSort: never shown */
	/* of selects: the choice names; of others NULL/0 */
	const char **choices;
	size_t choices_n;
	struct table_id linked_table; /* of links; else "" */
	long rating_max;              /* of ratings; else 0 */
	json_t *json;                 /* the field as answered; borrowed */
};

struct schema_table {
	struct table_id id;
	char *name;
	struct schema_field *fields; /* in schema order */
	size_t fields_n;
	size_t primary;              /* index in fields; fields_n if unknown */
	size_t last_modified;        /* a lastModifiedTime field over the whole
	                                row, or fields_n if there is none */
	json_t *json;                /* the table as answered; borrowed */
};

struct schema {
	int refs; /* atomic */
	struct schema_table *tables;
	size_t tables_n;
	json_t *json; /* the whole answer; owned */
};

/* Parses {"tables":[...]}. Takes its own reference on root. */
int schema_parse(json_t *root, struct schema **ret);
struct schema *schema_ref(const struct schema *s);
void schema_unref(struct schema *s); /* NULL is fine */

/* Borrowed; NULL if absent. */
const struct schema_table *schema_find_table(const struct schema *s,
					     const char *id);
const struct schema_field *schema_find_field(const struct schema_table *t,
					     const char *id_or_name);

/* True if both say the same (key order does not matter). */
bool schema_equal(const struct schema *a, const struct schema *b);

const char *field_type_name(enum field_type type);

#endif
