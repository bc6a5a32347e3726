#include "breaker.h"

enum breaker_verdict breaker_ask(const struct breaker *b, int64_t now_ns)
{
	if (!b->open)
		return BREAKER_GO;
	if (b->probing)
		return BREAKER_HOLD;
	return now_ns < b->probe_at_ns ? BREAKER_FAIL : BREAKER_PROBE;
}

void breaker_probe_begin(struct breaker *b)
{
	b->probing = true;
}

void breaker_probe_end(struct breaker *b)
{
	b->probing = false;
}

void breaker_success(struct breaker *b)
{
	*b = (struct breaker){ 0 };
}

/* Between three quarters and the whole of 1 s, 2 s, 4 s ... 30 s: full jitter
 * would let the next probe go at once. */
static int64_t pause_ns(unsigned openings, uint64_t random)
{
	int64_t most = BREAKER_FIRST_NS;

	while (openings-- > 0 && most < BREAKER_CAP_NS)
		most *= 2;
	if (most > BREAKER_CAP_NS)
		most = BREAKER_CAP_NS;
	return most - (int64_t)(random % (uint64_t)(most / 4));
}

void breaker_failure(struct breaker *b, bool was_probe, int64_t now_ns,
		     uint64_t random)
{
	b->failures++;
	if (was_probe)
		b->probing = false;
	/* Stragglers of the time before it opened change nothing. */
	if (b->open ? !was_probe : b->failures < BREAKER_FAILURES)
		return;
	b->open = true;
	b->probe_at_ns = now_ns + pause_ns(b->openings, random);
	b->openings++;
}
