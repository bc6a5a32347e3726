/* recfile - a saved record file judged: parsed, checked against the schema,
 * and compared with what the record holds. The one parser and differ.
 * Nothing here sends, stores or locks.
 * Units:   line and column from 1; column in characters.
 * Owns:    recfile_edit's json, released by recfile_edit_release.
 * Threads: any, on different inputs.
 * Errors:  0 and an edit (perhaps empty), or -errno and a reason:
 *          EINVAL bad JSON, unknown key, wrong type, unknown choice, empty or
 *          NUL-filled content; EPERM a computed field, id or createdTime
 *          changed by hand; EMSGSIZE longer than the API takes; ENOMEM; and
 *          what resolve_link says beyond its two answers.
 * Source:  write forms of airtable-api.md section 9; 100,000 characters in a
 *          text cell (section 14, unconfirmed). */
#ifndef ATFS_RECFILE_H
#define ATFS_RECFILE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "airtable/ids.h"
#include "airtable/schema.h"

#define RECFILE_BYTES_MAX (8u << 20) /* ours: a whole record file */
#define RECFILE_TEXT_MAX 100000      /* characters in a text cell */

/* Why a save was refused, as shown to a person. */
struct save_error {
	int err;               /* negative errno; 0 = none */
	unsigned line, column; /* 0 = no place */
	char field[128];       /* the field's name or "" */
	char reason[400];
	char hint[300];        /* what would be right, what to do; or "" */
};

struct recfile_context {
	const struct schema_table *table;
	const char *record_id;    /* "" = a new record */
	const char *created_time; /* "" = not known */
	json_t *raw;              /* what the record holds now, by field id;
	                             NULL or {} for a new one; borrowed */
	/* earlier contents that the file may have shown (newest first), each
	 * as raw is: computed values equal to any of them are ignored */
	json_t *const *recent;
	size_t recent_n;
	/* New record: the text of its file name, for a primary field that the
	 * content leaves out; NULL = none. */
	const char *primary_text;
	bool typecast;            /* let the server create choices */
	/* Finds the record of a linked table by its primary value: 0 and the
	 * id, -ENOENT none, -EEXIST more than one (or one that is not known to
	 * be the only one). NULL = names are refused. */
	int (*resolve_link)(void *ctx, const struct table_id *table,
			    const char *name, struct record_id *ret);
	void *resolve_ctx;
};

/* A new record from the file of another one (its "id" is a record's) leaves out
 * what cannot be copied: computed cells, fields this table does not have, and
 * attachments. */
struct recfile_edit {
	json_t *changes; /* {"fld...": value in the API's write form}; {} =
	                    nothing changed */
	json_t *before;  /* {"fld...": the value shown before}; null if empty */
	json_t *after;   /* {"fld...": the value as it will be shown}; what
	                    the record is taken to hold until the answer */
	json_t *said;    /* {"fld...": true}: the editable fields that were
	                    there, changed or not */
	bool complete;   /* every editable field of the schema was there: the
	                    bytes can stand for the record as they are. Never
	                    for a copy of another record's file, nor where the
	                    primary field came from primary_text */
};

int recfile_judge(const char *bytes, size_t n, const struct recfile_context *c,
		  struct recfile_edit *ret, struct save_error *reterr);
void recfile_edit_release(struct recfile_edit *e);

/* A single primary value given as text (a rename, a new file's name) in the
 * write form of that field; -EPERM if it is computed, -EINVAL if the text does
 * not fit its type. New reference. */
int recfile_primary_value(const struct schema_field *f, const char *text,
			  json_t **ret, struct save_error *reterr);

/* The primary cell as text, for the file name: strings as they are, numbers,
 * dates and so on as shown; NULL if empty or an error object. Caller frees. */
char *recfile_primary_text(const struct schema_table *t, const json_t *raw);

void save_error_set(struct save_error *e, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
