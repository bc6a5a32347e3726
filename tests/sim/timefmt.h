/* timefmt - instants as ISO 8601 text and as calendar parts, UTC.
 * Units:   milliseconds since 1970-01-01T00:00:00Z.
 * Owns:    nothing.    Threads: any.
 * Errors:  false when the text is no valid date.
 * Source:  airtable-api.md 1 (form of time stamps) and 9 (dates). */
#ifndef SIM_TIMEFMT_H
#define SIM_TIMEFMT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIME_CAP 32

struct civil {
	int64_t year;
	int mon;	/* 1..12 */
	int day;	/* 1..31 */
	int hour;
	int min;
	int sec;
	int ms;
};

int64_t time_now_ms(void);		/* wall clock */
int64_t time_mono_ns(void);
void time_sleep_ms(int64_t ms);		/* <= 0: not at all */

struct civil time_civil(int64_t ms);
int64_t time_from_civil(const struct civil *c);	/* normalises nothing */
int time_month_days(int64_t year, int mon);
int time_weekday(int64_t ms);		/* 0 = Sunday */

void time_iso(int64_t ms, char out[TIME_CAP]);	/* ...T..:..:...mmmZ */
void time_date(int64_t ms, char out[TIME_CAP]);	/* YYYY-MM-DD */

/* YYYY-MM-DD exactly. */
bool time_parse_date(const char *s, size_t n, int64_t *ms);
/* Date, or date and time with optional seconds, fraction and zone;
 * *has_time and *has_zone say what was there. */
bool time_parse_iso(const char *s, size_t n, int64_t *ms, bool *has_time,
		    bool *has_zone);

#endif
