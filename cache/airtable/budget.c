#include "budget.h"

uint64_t budget_reserve(uint64_t max)
{
	uint64_t n = max / 10;

	if (n < BUDGET_RESERVE_MIN)
		n = BUDGET_RESERVE_MIN;
	return n > max / 2 ? max / 2 : n;
}

enum budget_level budget_level(uint64_t max, uint64_t used)
{
	uint64_t reserve = budget_reserve(max);

	if (max == 0)
		return BUDGET_ALL;
	if (used >= max)
		return BUDGET_NOTHING;
	if (used >= max - reserve)
		return BUDGET_NO_READ;
	if (used >= max - reserve - reserve / 2)
		return BUDGET_NO_REFRESH;
	return used >= max - 2 * reserve ? BUDGET_NO_PREFETCH : BUDGET_ALL;
}
