/* name - see name.h. Text is turned character by character into a bounded
 * buffer; what does not fit is cut where a character begins. */
#include "name.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "airtable/ids.h"

#define FULL_STOP_ALIKE 0x2024 /* one dot leader, for a leading dot */
#define SLASH_ALIKE 0x2215     /* division slash */
#define ELLIPSIS "\xe2\x80\xa6"
#define REPLACEMENT 0xfffd
#define PICTURES 0x2400    /* the picture of NUL; others follow in order */
#define PICTURE_DEL 0x2421
#define TEXT_ID_LEN 17     /* "rec" and 14 */

/* The character at s (n > 0 bytes left) and its length; -1 and the number of
 * bytes to step over if it is no UTF-8. Overlong forms, surrogates and what
 * lies beyond U+10FFFF are no UTF-8. */
static int32_t next_char(const unsigned char *s, size_t n, size_t *ret_len)
{
	unsigned char lo = 0x80, hi = 0xbf;
	size_t more, i;
	uint32_t c = s[0];

	*ret_len = 1;
	if (c < 0x80)
		return (int32_t)c;
	if (c >= 0xc2 && c <= 0xdf) {
		more = 1;
		c &= 0x1f;
	} else if (c >= 0xe0 && c <= 0xef) {
		more = 2;
		lo = c == 0xe0 ? 0xa0 : 0x80;
		hi = c == 0xed ? 0x9f : 0xbf;
		c &= 0x0f;
	} else if (c >= 0xf0 && c <= 0xf4) {
		more = 3;
		lo = c == 0xf0 ? 0x90 : 0x80;
		hi = c == 0xf4 ? 0x8f : 0xbf;
		c &= 0x07;
	} else {
		return -1;
	}
	for (i = 1; i <= more; i++) {
		if (i >= n || s[i] < lo || s[i] > hi)
			return -1;
		c = c << 6 | (s[i] & 0x3f);
		lo = 0x80;
		hi = 0xbf;
		*ret_len = i + 1;
	}
	return (int32_t)c;
}

/* Bytes written, at most 4. */
static size_t put_char(uint32_t c, char out[static 4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* What stands in a file name for a character of the text (-1: no character).
 * C1 controls have no pictures, and terminals may obey them. */
static uint32_t char_for_name(int32_t c, bool first)
{
	if (c < 0 || (c >= 0x80 && c < 0xa0))
		return REPLACEMENT;
	if (c < 0x20)
		return PICTURES + (uint32_t)c;
	if (c == 0x7f)
		return PICTURE_DEL;
	if (c == '/')
		return SLASH_ALIKE;
	if (c == '.' && first)
		return FULL_STOP_ALIKE;
	return (uint32_t)c;
}

/* Writes text as it may stand in a name, without a NUL at the end, cut with an
 * ellipsis to max bytes. */
static size_t put_text(const char *text, size_t text_n, size_t max,
		       char out[static NAME_BUF])
{
	const unsigned char *s = (const unsigned char *)text;
	size_t at = 0, n = 0, fits = 0, len;
	char buf[4];

	while (at < text_n) {
		int32_t c = next_char(s + at, text_n - at, &len);
		size_t w = put_char(char_for_name(c, at == 0), buf);

		if (n + w > max) {
			memcpy(out + fits, ELLIPSIS, strlen(ELLIPSIS));
			return fits + strlen(ELLIPSIS);
		}
		memcpy(out + n, buf, w);
		n += w;
		at += len;
		/* the last place where an ellipsis still has room */
		if (n + strlen(ELLIPSIS) <= max)
			fits = n;
	}
	return n;
}

static bool text_looks_like_record(const char *text, size_t n)
{
	char buf[TEXT_ID_LEN + 1];

	if (n != TEXT_ID_LEN || memchr(text, '\0', n))
		return false;
	memcpy(buf, text, n);
	buf[n] = '\0';
	return id_looks_like_record(buf);
}

void name_make(const char *text, size_t text_n, const char *id, bool with_id,
	       const char *suffix, char out[static NAME_BUF])
{
	size_t id_n = strnlen(id, ATFS_ID_MAX - 1);
	size_t suffix_n = strnlen(suffix, 32);
	size_t tail, n;

	if (!text || text_n == 0) {
		/* an id is letters and digits; the filter is a second fence */
		n = put_text(id, id_n, NAME_BYTES_MAX - suffix_n, out);
		if (n == 0)
			n = put_char(REPLACEMENT, out);
		with_id = false;
	} else {
		if (text_looks_like_record(text, text_n))
			with_id = true;
		tail = suffix_n + (with_id ? id_n + strlen(" ()") : 0);
		n = put_text(text, text_n, NAME_BYTES_MAX - tail, out);
	}
	if (with_id) {
		memcpy(out + n, " (", 2);
		memcpy(out + n + 2, id, id_n);
		out[n + 2 + id_n] = ')';
		n += id_n + strlen(" ()");
	}
	memcpy(out + n, suffix, suffix_n);
	out[n + suffix_n] = '\0';
}

/* Length without the suffix; 0 if there is none or nothing before it. */
static size_t stem_length(const char *name, const char *suffix)
{
	size_t n = strlen(name), suffix_n = strlen(suffix);

	if (n <= suffix_n || strcmp(name + n - suffix_n, suffix) != 0)
		return 0;
	return n - suffix_n;
}

bool name_is_record(const char *name)
{
	return name[0] != '.' && stem_length(name, RECORD_SUFFIX) > 0;
}

bool name_is_id(const char *name, char out_id[static 18])
{
	if (stem_length(name, RECORD_SUFFIX) != TEXT_ID_LEN ||
	    !text_looks_like_record(name, TEXT_ID_LEN))
		return false;
	memcpy(out_id, name, TEXT_ID_LEN);
	out_id[TEXT_ID_LEN] = '\0';
	return true;
}

/* The length without a " (recXXXXXXXXXXXXXX)" at the end: nobody means an id
 * to be part of a title, it is there because the bare name was taken. Bases
 * and tables have their own prefixes. */
static size_t without_id(const char *name, size_t n)
{
	static const char *const prefixes[] = { "rec", "tbl", "app" };
	const size_t tail = TEXT_ID_LEN + strlen(" ()");
	char id[TEXT_ID_LEN + 1];
	size_t i;

	if (n <= tail || memcmp(name + n - tail, " (", 2) != 0 ||
	    name[n - 1] != ')')
		return n;
	memcpy(id, name + n - tail + 2, TEXT_ID_LEN);
	id[TEXT_ID_LEN] = '\0';
	for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (id_is_valid(id, prefixes[i]))
			return n - tail;
	return n;
}

int name_to_text(const char *name, const char *suffix,
		 char out[static NAME_BUF])
{
	const unsigned char *s = (const unsigned char *)name;
	char id[TEXT_ID_LEN + 1], buf[4];
	size_t stem, n, at = 0, w = 0, len;

	if (strnlen(name, NAME_BUF) > NAME_BYTES_MAX || strchr(name, '/'))
		return -EINVAL;
	stem = stem_length(name, suffix);
	if (stem == 0 || name_is_id(name, id))
		return -EINVAL;
	n = without_id(name, stem);
	while (at < n) {
		int32_t c = next_char(s + at, n - at, &len);

		if (c < 0)
			return -EINVAL;
		/* the picture of NUL stays: a C string cannot hold a NUL */
		if (c > PICTURES && c < PICTURES + 0x20)
			c -= PICTURES;
		else if (c == PICTURE_DEL)
			c = 0x7f;
		else if (c == SLASH_ALIKE)
			c = '/';
		else if (c == FULL_STOP_ALIKE && at == 0)
			c = '.';
		at += len;
		/* never more bytes than it was read from, so it fits */
		len = put_char((uint32_t)c, buf);
		memcpy(out + w, buf, len);
		w += len;
	}
	out[w] = '\0';
	return 0;
}
