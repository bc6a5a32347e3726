#include "ids.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

static const char gone[] = "";	/* marks a removed slot */

uint64_t rng_next(struct rng *r)
{
	uint64_t z = (r->s += 0x9e3779b97f4a7c15u);	/* splitmix64 */

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint32_t rng_below(struct rng *r, uint32_t n)
{
	return (uint32_t)((rng_next(r) >> 32) % n);
}

void id_make(struct rng *r, const char *prefix, char out[ID_CAP])
{
	static const char set[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz";
	size_t i;

	memset(out, 0, ID_CAP);
	memcpy(out, prefix, 3);
	for (i = 3; i < 17; i++)
		out[i] = set[rng_below(r, 62)];
}

bool id_is(const char *s, const char *prefix)
{
	size_t n = strlen(s);
	size_t i;

	if (n < 4 || n >= ID_CAP || strncmp(s, prefix, 3) != 0)
		return false;
	for (i = 3; i < n; i++) {
		char c = s[i];

		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
		      (c >= 'a' && c <= 'z')))
			return false;
	}
	return true;
}

static size_t hash(const char *s)
{
	uint64_t h = 1469598103934665603u;	/* FNV-1a */

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 1099511628211u;
	return (size_t)(h ^ (h >> 29));
}

static size_t slot(const struct idmap *m, const char *id)
{
	size_t i = hash(id) & (m->cap - 1);

	while (m->key[i] && strcmp(m->key[i], id) != 0)
		i = (i + 1) & (m->cap - 1);
	return i;
}

void *idmap_get(const struct idmap *m, const char *id)
{
	size_t i;

	if (!m->cap || !*id)
		return NULL;
	i = slot(m, id);
	return m->key[i] ? m->val[i] : NULL;
}

static void grow(struct idmap *m)
{
	struct idmap bigger = { 0 };
	size_t i;

	bigger.cap = m->cap ? m->cap * 2 : 64;
	bigger.key = sim_alloc(bigger.cap * sizeof(*bigger.key));
	bigger.val = sim_alloc(bigger.cap * sizeof(*bigger.val));
	for (i = 0; i < m->cap; i++) {
		if (!m->key[i] || m->key[i] == gone)
			continue;
		idmap_put(&bigger, m->key[i], m->val[i]);
	}
	idmap_release(m);
	*m = bigger;
}

void idmap_put(struct idmap *m, const char *id, void *val)
{
	size_t i;

	if (m->cap * 2 <= m->n * 3 || !m->cap)
		grow(m);
	i = slot(m, id);
	if (!m->key[i])
		m->n++;
	m->key[i] = id;
	m->val[i] = val;
}

void idmap_del(struct idmap *m, const char *id)
{
	size_t i;

	if (!m->cap)
		return;
	i = slot(m, id);
	if (m->key[i]) {
		m->key[i] = gone;
		m->val[i] = NULL;
	}
}

void idmap_release(struct idmap *m)
{
	free(m->key);
	free(m->val);
	*m = (struct idmap){ 0 };
}
