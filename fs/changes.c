#include "changes.h"

#include <string.h>

void changes_init(struct changes *c)
{
	memset(c, 0, sizeof(*c));
	pthread_mutex_init(&c->mu, NULL);
}

void changes_release(struct changes *c)
{
	pthread_mutex_destroy(&c->mu);
}

uint64_t changes_mark(struct changes *c)
{
	return atomic_load(&c->count);
}

void changes_note(struct changes *c, uint32_t table, uint32_t seq,
		  unsigned flags)
{
	struct change *e;
	uint64_t n;

	pthread_mutex_lock(&c->mu);
	n = atomic_load(&c->count);
	e = &c->ring[n % CHANGES_KEPT];
	e->table = table;
	e->seq = seq;
	e->flags = flags;
	atomic_store(&c->count, n + 1);
	pthread_mutex_unlock(&c->mu);
}

unsigned changes_since(struct changes *c, uint64_t mark, uint32_t table,
		       uint32_t seq)
{
	unsigned flags = 0;
	uint64_t n;

	if (atomic_load(&c->count) == mark)
		return 0;
	pthread_mutex_lock(&c->mu);
	n = atomic_load(&c->count);
	if (n - mark > CHANGES_KEPT)
		flags = CHANGE_BYTES | CHANGE_NAME | CHANGE_NEW;
	for (; mark < n && n - mark <= CHANGES_KEPT; mark++) {
		const struct change *e = &c->ring[mark % CHANGES_KEPT];

		if (e->table == table && e->seq == seq)
			flags |= e->flags;
	}
	pthread_mutex_unlock(&c->mu);
	return flags;
}

/* FNV-1a: spreads names well enough for a bitmap. */
static uint32_t name_bit(uint32_t table, const char *name)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ table;

	for (; *name != '\0'; name++)
		h = (h ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	return (uint32_t)(h ^ (h >> 32)) % CHANGES_NAME_BITS;
}

void changes_told_missing(struct changes *c, uint32_t table, const char *name)
{
	uint32_t bit = name_bit(table, name);

	atomic_fetch_or(&c->missing[bit / 32], UINT32_C(1) << (bit % 32));
}

bool changes_is_missing(struct changes *c, uint32_t table, const char *name)
{
	uint32_t bit = name_bit(table, name);

	return (atomic_load(&c->missing[bit / 32]) >> (bit % 32)) & 1;
}
