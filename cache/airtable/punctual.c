#include "punctual.h"

int64_t punctual_note(struct punctual *p, int64_t took_ns)
{
	int64_t late_ns;

	if (p->n == 0 || took_ns < p->least_ns) {
		/* all before were slower by that much more */
		p->slower_ns += p->n == 0 ? 0 : p->least_ns - took_ns;
		p->least_ns = took_ns;
	}
	late_ns = took_ns - p->least_ns;
	p->n++;
	p->slower_ns += (late_ns - p->slower_ns) /
			(p->n < PUNCTUAL_LATELY ? p->n : PUNCTUAL_LATELY);
	if (p->n <= PUNCTUAL_ANSWERS)
		return late_ns + PUNCTUAL_UNKNOWN_NS;
	return late_ns + p->slower_ns * PUNCTUAL_CHANGE +
	       p->slower_ns * PUNCTUAL_FEW / p->n;
}
