#include "backoff.h"

#include <limits.h>

int64_t backoff_next_ns(struct backoff *b, uint64_t random)
{
	int64_t most = b->first_ns > 0 ? b->first_ns : 0;

	/* Doubled step by step: a shift by the count could overflow. */
	for (unsigned i = 0; i < b->failures && most < b->cap_ns; i++)
		most = most <= INT64_MAX / 2 ? most * 2 : INT64_MAX;
	if (most > b->cap_ns)
		most = b->cap_ns > 0 ? b->cap_ns : 0;
	if (b->failures < UINT_MAX)
		b->failures++;
	return (int64_t)(random % ((uint64_t)most + 1));
}

void backoff_reset(struct backoff *b)
{
	b->failures = 0;
}
