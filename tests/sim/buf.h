/* buf - a growing byte buffer and a JSON writer on top of it.
 * Units:   bytes; the text is always followed by a NUL that n leaves out.
 * Owns:    its bytes, until buf_release or buf_steal.
 * Threads: none inside.
 * Errors:  none (see mem.h).
 * Source:  numbers are written the way JavaScript does (shortest decimal
 *          that reads back the same, 6 and not 6.0): airtable-api.md 9.1. */
#ifndef SIM_BUF_H
#define SIM_BUF_H

#include <jansson.h>
#include <stddef.h>

struct buf {
	char *p;
	size_t n;
	size_t cap;
};

#define BUF_INIT { NULL, 0, 0 }

void buf_release(struct buf *b);
char *buf_steal(struct buf *b);		/* caller frees; never NULL */
void buf_add(struct buf *b, const void *p, size_t n);
void buf_str(struct buf *b, const char *s);
void buf_chr(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Bytes that are no UTF-8 become U+FFFD, so that JSON comes out always. */
void buf_json_str(struct buf *b, const char *s, size_t n);
size_t buf_utf8(const char *s, size_t n);	/* length of the character at
						 * s, 0 if it is none */
void buf_num(struct buf *b, double d);	/* as JavaScript's String(d) */
void buf_json(struct buf *b, const json_t *v);

#endif
