#include "sample.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "buf.h"
#include "ids.h"
#include "mem.h"

static uint64_t hash(const char *s)
{
	uint64_t h = 1469598103934665603u;	/* FNV-1a */

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 1099511628211u;
	return h;
}

const char *sample_type(const char *filename)
{
	static const struct {
		const char *end;
		const char *type;
	} types[] = {
		{ ".png", "image/png" },	{ ".jpg", "image/jpeg" },
		{ ".jpeg", "image/jpeg" },	{ ".gif", "image/gif" },
		{ ".txt", "text/plain" },	{ ".md", "text/markdown" },
		{ ".csv", "text/csv" },		{ ".html", "text/html" },
		{ ".json", "application/json" },
		{ ".pdf", "application/pdf" },	{ ".zip", "application/zip" },
	};
	size_t n = strlen(filename);

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		size_t k = strlen(types[i].end);

		if (n >= k && !strcasecmp(filename + n - k, types[i].end))
			return types[i].type;
	}
	return "application/octet-stream";
}

static void big_endian(struct buf *b, uint32_t v)
{
	unsigned char p[4] = { (unsigned char)(v >> 24),
			       (unsigned char)(v >> 16),
			       (unsigned char)(v >> 8), (unsigned char)v };

	buf_add(b, p, 4);
}

static void chunk(struct buf *b, const char *kind, const void *p, size_t n)
{
	size_t at = b->n + 4;

	big_endian(b, (uint32_t)n);
	buf_add(b, kind, 4);
	if (n)
		buf_add(b, p, n);
	big_endian(b, (uint32_t)crc32(0, (const Bytef *)b->p + at,
				      (uInt)(n + 4)));
}

/* A slope from one colour to another, eight bits of grey per point. */
struct sample sample_png(const char *name, int width, int height)
{
	size_t row = (size_t)width + 1;
	unsigned char *raw = sim_alloc(row * (size_t)height);
	uLong cap = compressBound((uLong)(row * (size_t)height));
	unsigned char *packed = sim_alloc(cap);
	struct buf b = BUF_INIT, head = BUF_INIT;
	uint64_t seed = hash(name);
	struct sample s = { .width = width, .height = height };

	for (size_t y = 0; y < (size_t)height; y++)
		for (size_t x = 0; x < (size_t)width; x++)
			raw[y * row + 1 + x] =
				(unsigned char)(seed + x * 2 + y * 3);
	compress2(packed, &cap, raw, (uLong)(row * (size_t)height), 6);
	big_endian(&head, (uint32_t)width);
	big_endian(&head, (uint32_t)height);
	buf_add(&head, "\x08\0\0\0\0", 5);
	buf_add(&b, "\x89PNG\r\n\x1a\n", 8);
	chunk(&b, "IHDR", head.p, head.n);
	chunk(&b, "IDAT", packed, cap);
	chunk(&b, "IEND", NULL, 0);
	buf_release(&head);
	free(packed);
	free(raw);
	s.n = b.n;
	s.data = buf_steal(&b);
	return s;
}

struct sample sample_make(const char *name, const char *type, size_t n)
{
	struct rng g = { hash(name) };
	struct buf b = BUF_INIT;
	struct sample s = { 0 };

	if (!n && !strcmp(type, "image/png"))
		return sample_png(name, 60 + (int)rng_below(&g, 40),
				  40 + (int)rng_below(&g, 40));
	if (!n)
		n = 200 + rng_below(&g, 4000);
	while (b.n < n)
		buf_printf(&b, "%s %016llx\n", name,
			   (unsigned long long)rng_next(&g));
	s.n = n;
	s.data = buf_steal(&b);
	return s;
}
