#include "crash.h"

const char *crash_name(enum crash_point p)
{
	static const char *const names[CRASH_N] = {
#define X(name) [CRASH_##name] = #name,
		CRASH_POINTS(X)
#undef X
	};

	return p < CRASH_N ? names[p] : "?";
}

#ifndef NDEBUG
/* weak: a test has its own */
__attribute__((weak)) void crash_at(enum crash_point p)
{
	(void)p;
}
#endif
