/* ids - identifiers, a seeded generator, and a map from id to thing.
 * Units:   an id is three letters and 14 base62 characters; up to
 *          ID_CAP - 1 bytes are accepted, since the samples hold others.
 * Owns:    idmap owns its slots, neither keys nor values; a key must live
 *          as long as its entry.
 * Threads: none inside.
 * Errors:  none.
 * Source:  airtable-api.md 1.1. */
#ifndef SIM_IDS_H
#define SIM_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ID_CAP 32

struct rng {
	uint64_t s;
};

uint64_t rng_next(struct rng *r);
uint32_t rng_below(struct rng *r, uint32_t n);	/* 0..n-1; n > 0 */

void id_make(struct rng *r, const char *prefix, char out[ID_CAP]);
bool id_is(const char *s, const char *prefix);	/* prefix + alphanumerics */

struct idmap {
	const char **key;
	void **val;
	size_t cap;	/* power of two */
	size_t n;	/* used slots, removed ones too */
};

void *idmap_get(const struct idmap *m, const char *id);
void idmap_put(struct idmap *m, const char *id, void *val);
void idmap_del(struct idmap *m, const char *id);
void idmap_release(struct idmap *m);

#endif
