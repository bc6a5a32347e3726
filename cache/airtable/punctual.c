#include "punctual.h"

/* Older answers weigh less than half from there on. */
#define WEIGHT_MAX 1000

int64_t punctual_note(struct punctual *p, int64_t took_ns)
{
	int64_t slower_ns;

	if (p->n == 0 || took_ns < p->least_ns)
		p->least_ns = took_ns;
	if (p->n == WEIGHT_MAX) {
		p->sum_ns /= 2;
		p->n /= 2;
	}
	p->sum_ns += took_ns;
	p->n++;
	if (p->n <= PUNCTUAL_ANSWERS)
		return INT64_MAX;
	slower_ns = p->sum_ns / p->n - p->least_ns;
	return took_ns - p->least_ns + slower_ns * PUNCTUAL_DOUBT / p->n;
}
