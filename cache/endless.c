#include "endless.h"

static uint64_t hash(const char *s)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (; *s; s++) {
		h ^= (unsigned char)*s;
		h *= UINT64_C(0x100000001b3);
	}
	return h;
}

bool endless_page(struct endless *e, const char *offset, const char *first)
{
	uint64_t at = hash(offset), id = first ? hash(first) : 0;

	e->empty = first ? 0 : e->empty + 1;
	if (++e->pages > ENDLESS_PAGES || e->empty > ENDLESS_EMPTY)
		return true;
	if (e->pages > 1 && at == e->offset)
		return true;
	if (e->pages > 1 && first && id == e->first &&
	    ++e->alike > ENDLESS_ALIKE)
		return true;
	if (e->pages > e->remember_at) {
		e->remember_at = 2 * e->pages;
		e->offset = at;
		e->first = id;
	}
	return false;
}
