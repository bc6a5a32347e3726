/* tz_rule - the rule a zone follows after its last listed transition.
 * Units:   seconds.    Owns: nothing.    Threads: any.
 * Errors:  false, and `known` stays false, for a rule that is not of the
 *          form std offset [dst [offset],Mm.w.d[/time],Mm.w.d[/time]].
 * Source:  POSIX.1 section 8.3 as RFC 9636 uses it. */
#ifndef SIM_TZ_RULE_H
#define SIM_TZ_RULE_H

#include <stdbool.h>
#include <stdint.h>

struct tz_day {
	int mon;	/* 1..12 */
	int week;	/* 1..5, 5 is the last */
	int weekday;	/* 0 = Sunday */
	int64_t time;	/* local seconds of that day */
};

struct tz_rule {
	bool known;
	bool has_dst;
	int64_t std;	/* east of UTC */
	int64_t dst;
	struct tz_day from;
	struct tz_day to;
};

bool tz_rule_parse(struct tz_rule *r, const char *text);
int64_t tz_rule_offset_s(const struct tz_rule *r, int64_t utc_s);

#endif
