/* name - the one function that turns remote text into a file name, and back.
 * '/' becomes U+2215, control characters (and DEL) their U+24xx pictures, a
 * leading dot U+2024; bytes that are no UTF-8 become U+FFFD; what is longer
 * than 255 bytes with its suffix is cut at a code point with U+2026 before the
 * suffix. A value that looks like a record id ("rec" and 14 letters or digits)
 * and a value that is taken already gets " (ID)" before the suffix; an empty
 * one is named by its id alone.
 * The result is always a valid, single path component: not empty, not "." or
 * "..", no '/', no NUL, valid UTF-8.
 * Units:   bytes. Owns: nothing. Threads: any. Errors: none in name_make;
 *          -EINVAL in name_to_text for a name that stands for no text. */
#ifndef ATFS_NAME_H
#define ATFS_NAME_H

#include <stdbool.h>
#include <stddef.h>

#define NAME_BYTES_MAX 255 /* NAME_MAX of Linux file systems */
#define NAME_BUF (NAME_BYTES_MAX + 1)
#define RECORD_SUFFIX ".json"

/* with_id: add " (id)". suffix is RECORD_SUFFIX or "". text may be NULL. */
void name_make(const char *text, size_t text_n, const char *id, bool with_id,
	       const char *suffix, char out[static NAME_BUF]);

/* A file name that stands for a record: ends in .json, has something before
 * it, and does not begin with a dot. Everything else is a local scratch file.*/
bool name_is_record(const char *name);
/* "recXXXXXXXXXXXXXX.json": writes the id and returns true. */
bool name_is_id(const char *name, char out_id[static 18]);

/* The text that a person means by this file name: the suffix off, the pictures
 * back to what they stand for. out needs NAME_BUF bytes. */
int name_to_text(const char *name, const char *suffix,
		 char out[static NAME_BUF]);

#endif
