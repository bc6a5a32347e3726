/* recfile_internal - what the files of recfile share: the place of a key in
 * the bytes, the check of one value by its field's type, dates, and the
 * wording of refusals.
 * Units:   offsets in bytes from 0; line and column from 1, column in
 *          characters.
 * Threads: any, on different inputs. Errors: as in recfile.h. */
#ifndef ATFS_RECFILE_INTERNAL_H
#define ATFS_RECFILE_INTERNAL_H

#include "recfile.h"

/* --- recfile_parse.c ----------------------------------------------------- */

/* One JSON object without double keys; new. rounded: integers beyond 64 bits
 * were there, so all integers were read as doubles. */
int recfile_parse(const char *bytes, size_t n, json_t **ret, bool *ret_rounded,
		  struct save_error *e);

/* --- recfile_locate.c: bytes are one complete JSON object ---------------- */

struct json_place {
	size_t key;   /* offset of the key's quote */
	size_t value; /* offset of the value's first byte */
};

/* The member key of the top level, or of its member section if that is not
 * NULL. */
bool recfile_locate(const char *bytes, size_t n, const char *section,
		    const char *key, struct json_place *ret);
/* The offset of an item of the array that begins at offset; offset itself if
 * there is no such item or no array. */
size_t recfile_locate_item(const char *bytes, size_t n, size_t offset,
			   size_t index);
void recfile_line_column(const char *bytes, size_t n, size_t offset,
			 unsigned *ret_line, unsigned *ret_column);

/* --- recfile_value.c: one check for each type ---------------------------- */

struct value_job {
	/* in */
	const struct schema_field *f;
	const json_t *value; /* as saved; borrowed */
	const json_t *cell;  /* as held now, raw; borrowed, NULL = empty */
	const struct recfile_context *c;
	bool rounded;        /* integers beyond 2^53 were rounded in parsing */
	/* out; both NULL after a failure */
	json_t *write;       /* new: the API's write form; null clears */
	json_t *shown;       /* new: as the file will show it */
	struct save_error *e;/* set after a failure, but for the place */
	long item;           /* the item of an array at fault, or -1 */
};

int recfile_value(struct value_job *j);

/* For recfile_value_list.c, the types that are lists or people: */
int value_refuse(struct value_job *j, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int value_keep(struct value_job *j, json_t *write, json_t *shown);
int value_check_text(struct value_job *j, const json_t *text);
int value_links(struct value_job *j);
int value_attachments(struct value_job *j);
int value_collaborator(struct value_job *j);
int value_collaborators(struct value_job *j);

/* --- recfile_date.c ------------------------------------------------------ */

#define DATE_TEXT_BUF 40

/* YYYY-MM-DD that is in the calendar. */
bool date_is_valid(const char *text);
/* An ISO date, or date and time: with a zone it becomes UTC as the API shows
 * it, without one it stays local to the field's zone. -EINVAL if it is none. */
int date_time_normalise(const char *text, char out[static DATE_TEXT_BUF]);

/* --- recfile_text.c ------------------------------------------------------ */

/* Copies text, cut at a character with an ellipsis if it does not fit. */
void text_cut(char *out, size_t out_n, const char *text);
/* The value as compact JSON, cut to fit. */
void text_of_value(char *out, size_t out_n, const json_t *value);
/* "a string", "true", "an object", ... */
const char *value_kind(const json_t *value);
size_t text_characters(const char *text, size_t n);
void save_error_hint(struct save_error *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Finds what was probably meant: the candidate with the fewest letters to
 * change, if they are few. */
struct nearest {
	const char *wanted, *best; /* best is NULL if nothing is near */
	size_t distance;
};

void nearest_init(struct nearest *n, const char *wanted);
void nearest_try(struct nearest *n, const char *candidate);

/* "a", "b", "c" and how many more, as far as fits. */
struct text_list {
	char text[220];
	size_t used, shown, all;
};

void text_list_add(struct text_list *l, const char *item);
const char *text_list_end(struct text_list *l);

#endif
