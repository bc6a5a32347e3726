#include "slowdown.h"

/* No time further ahead was written by us: the longest rest and some. */
#define AHEAD_MAX_NS (2 * 3600 * NS_PER_S)

static int64_t step_ns(const struct slowdown *s)
{
	unsigned n = s->hits > 1 ? s->hits - 1 : 0;

	if (n > SLOWDOWN_DOUBLINGS_MAX)
		n = SLOWDOWN_DOUBLINGS_MAX;
	return SLOWDOWN_STEP_NS << n;
}

int64_t slowdown_until_ns(const struct slowdown *s)
{
	if (s->fifths == 0)
		return INT64_MIN / 4;
	return s->from_ns + (SLOWDOWN_FULL - (int64_t)s->fifths) * step_ns(s);
}

unsigned slowdown_fifths(const struct slowdown *s, int64_t now_ns)
{
	if (s->fifths == 0 || now_ns >= slowdown_until_ns(s))
		return SLOWDOWN_FULL;
	if (now_ns <= s->from_ns)
		return s->fifths;
	return s->fifths + (unsigned)((now_ns - s->from_ns) / step_ns(s));
}

void slowdown_hit(struct slowdown *s, int64_t sent_ns, int64_t from_ns)
{
	static const uint32_t lower[SLOWDOWN_FULL + 1] = { 1, 1, 1, 2, 2, 4 };

	if (s->fifths != 0 && sent_ns < s->from_ns)
		return;
	/* At full pace for as long as the last climb took a step: a new
	 * story. */
	if (s->fifths == 0 || sent_ns > slowdown_until_ns(s) + step_ns(s))
		s->hits = 0;
	s->fifths = lower[slowdown_fifths(s, sent_ns)];
	s->from_ns = from_ns;
	if (s->hits <= SLOWDOWN_DOUBLINGS_MAX)
		s->hits++;
}

void slowdown_look(struct slowdown *s, int64_t now_ns)
{
	if (s->fifths == 0)
		return;
	if (s->fifths >= SLOWDOWN_FULL || s->from_ns < 0 ||
	    s->from_ns > now_ns + AHEAD_MAX_NS)
		*s = (struct slowdown){ .fifths = 0 };
}
