#include "base64.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			     "abcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const void *p, size_t n)
{
	const unsigned char *in = p;
	char *out = sim_alloc((n + 2) / 3 * 4 + 1);
	char *to = out;

	for (size_t i = 0; i < n; i += 3) {
		unsigned v = (unsigned)in[i] << 16;

		if (i + 1 < n)
			v |= (unsigned)in[i + 1] << 8;
		if (i + 2 < n)
			v |= in[i + 2];
		*to++ = digits[v >> 18];
		*to++ = digits[v >> 12 & 63];
		*to++ = i + 1 < n ? digits[v >> 6 & 63] : '=';
		*to++ = i + 2 < n ? digits[v & 63] : '=';
	}
	*to = '\0';
	return out;
}

static int value(char c)
{
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

char *base64_decode(const char *s, size_t text_n, size_t *n)
{
	char *out;
	size_t pad = 0;

	if (text_n % 4)
		return NULL;
	while (pad < 2 && pad < text_n && s[text_n - 1 - pad] == '=')
		pad++;
	out = sim_alloc(text_n / 4 * 3 + 1);
	*n = 0;
	for (size_t i = 0; i < text_n; i += 4) {
		unsigned v = 0;

		for (size_t k = 0; k < 4; k++) {
			bool filler = i + k >= text_n - pad;
			int d = filler ? 0 : value(s[i + k]);

			if (d < 0) {
				free(out);
				return NULL;
			}
			v = v << 6 | (unsigned)d;
		}
		out[(*n)++] = (char)(v >> 16 & 255);
		out[(*n)++] = (char)(v >> 8 & 255);
		out[(*n)++] = (char)(v & 255);
	}
	*n -= pad;
	return out;
}
