/* sample - file contents made up from a name, the same every time.
 * Units:   bytes.
 * Owns:    *out is the caller's to free.
 * Threads: any.    Errors:  none. */
#ifndef SIM_SAMPLE_H
#define SIM_SAMPLE_H

#include <stddef.h>

struct sample {
	char *data;
	size_t n;
	int width;	/* of an image, else 0 */
	int height;
};

/* The media type a file of that name has. */
const char *sample_type(const char *filename);

/* `n` bytes, or as many as fit the type if n is 0: a real PNG for image/png,
 * lines of text for anything else. */
struct sample sample_make(const char *name, const char *type, size_t n);
struct sample sample_png(const char *name, int width, int height);

#endif
