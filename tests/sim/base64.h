/* base64 - bytes as text and back.
 * Owns:    results are the caller's to free.
 * Threads: any.    Errors:  NULL for text that is no base64.
 * Source:  RFC 4648 section 4; padding is required, blanks are refused. */
#ifndef SIM_BASE64_H
#define SIM_BASE64_H

#include <stddef.h>

char *base64_encode(const void *p, size_t n);
char *base64_decode(const char *text, size_t text_n, size_t *n);

#endif
