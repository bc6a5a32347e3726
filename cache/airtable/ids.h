/* ids - the identifiers of the API, as distinct types so that mixing them does
 * not compile. An id is three letters and normally 14 base62 characters, but
 * shorter and longer ones occur in the vendor's own samples, so only the
 * alphabet and a bound are checked. Ids are case-sensitive.
 * Source:  Airtable Web API reference, "IDs" (state of 2026).
 * Owns:    plain values. Threads: any. */
#ifndef AIRTABLE_IDS_H
#define AIRTABLE_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define ATFS_ID_MAX 40 /* bytes with the NUL; 18 is the usual need */

struct base_id {
	char s[ATFS_ID_MAX];
};
struct table_id {
	char s[ATFS_ID_MAX];
};
struct field_id {
	char s[ATFS_ID_MAX];
};
struct record_id {
	char s[ATFS_ID_MAX];
};
struct hook_id {
	char s[ATFS_ID_MAX];
};

/* True if text is prefix followed by 1..36 ASCII letters or digits. */
static inline bool id_is_valid(const char *text, const char *prefix)
{
	size_t n = strlen(prefix), i = n;

	if (strncmp(text, prefix, n) != 0)
		return false;
	for (; text[i] != '\0'; i++) {
		char c = text[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		      (c >= 'A' && c <= 'Z')))
			return false;
	}
	return i > n && i < ATFS_ID_MAX;
}

/* Copies text into an id member; the caller has checked it with id_is_valid. */
static inline void id_copy(char out[static ATFS_ID_MAX], const char *text)
{
	size_t n = strnlen(text, ATFS_ID_MAX - 1);

	memcpy(out, text, n);
	out[n] = '\0';
}

/* The look of a real record id: "rec" and exactly 14 base62 characters. */
static inline bool id_looks_like_record(const char *text)
{
	return strlen(text) == 17 && id_is_valid(text, "rec");
}

#endif
