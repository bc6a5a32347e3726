#include "timefmt.h"

#include <stdio.h>
#include <time.h>

#define DAY_MS 86400000

int64_t time_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t time_mono_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void time_sleep_ms(int64_t ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	if (ms > 0)
		nanosleep(&ts, NULL);
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* Days since the epoch in the proleptic Gregorian calendar; the year is
 * taken to begin in March so that the leap day comes last. */
static int64_t days_from(int64_t y, int m, int d)
{
	int64_t era, yoe, doy;

	y -= m <= 2;
	era = floor_div(y, 400);
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

struct civil time_civil(int64_t ms)
{
	int64_t days = floor_div(ms, DAY_MS);
	int64_t rest = ms - days * DAY_MS;
	int64_t z = days + 719468;
	int64_t era = floor_div(z, 146097);
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	struct civil c;

	c.day = (int)(doy - (153 * mp + 2) / 5 + 1);
	c.mon = (int)(mp < 10 ? mp + 3 : mp - 9);
	c.year = yoe + era * 400 + (c.mon <= 2);
	c.hour = (int)(rest / 3600000);
	c.min = (int)(rest / 60000 % 60);
	c.sec = (int)(rest / 1000 % 60);
	c.ms = (int)(rest % 1000);
	return c;
}

int64_t time_from_civil(const struct civil *c)
{
	return days_from(c->year, c->mon, c->day) * DAY_MS +
	       (int64_t)c->hour * 3600000 + (int64_t)c->min * 60000 +
	       (int64_t)c->sec * 1000 + c->ms;
}

int time_month_days(int64_t year, int mon)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30,
				    31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[mon - 1] + (mon == 2 && leap);
}

int time_weekday(int64_t ms)
{
	int64_t d = floor_div(ms, DAY_MS) + 4;	/* 1970-01-01: Thursday */

	return (int)(d - floor_div(d, 7) * 7);
}

void time_iso(int64_t ms, char out[TIME_CAP])
{
	struct civil c = time_civil(ms);

	snprintf(out, TIME_CAP, "%04lld-%02d-%02dT%02d:%02d:%02d.%03dZ",
		 (long long)(c.year % 100000), c.mon, c.day, c.hour, c.min,
		 c.sec, c.ms);
}

void time_date(int64_t ms, char out[TIME_CAP])
{
	struct civil c = time_civil(ms);

	snprintf(out, TIME_CAP, "%04lld-%02d-%02d",
		 (long long)(c.year % 100000), c.mon, c.day);
}

struct scan {
	const char *p;
	const char *end;
};

static bool digits(struct scan *s, int n, int *out)
{
	int v = 0;

	while (n--) {
		if (s->p == s->end || *s->p < '0' || *s->p > '9')
			return false;
		v = v * 10 + (*s->p++ - '0');
	}
	*out = v;
	return true;
}

static bool accept(struct scan *s, char c)
{
	if (s->p == s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

static bool scan_date(struct scan *s, struct civil *c)
{
	int y;

	*c = (struct civil){ 0 };
	if (!digits(s, 4, &y) || !accept(s, '-') || !digits(s, 2, &c->mon) ||
	    !accept(s, '-') || !digits(s, 2, &c->day))
		return false;
	c->year = y;
	return c->mon >= 1 && c->mon <= 12 && c->day >= 1 &&
	       c->day <= time_month_days(y, c->mon);
}

bool time_parse_date(const char *s, size_t n, int64_t *ms)
{
	struct scan sc = { s, s + n };
	struct civil c;

	if (!scan_date(&sc, &c) || sc.p != sc.end)
		return false;
	*ms = time_from_civil(&c);
	return true;
}

static bool scan_zone(struct scan *s, int *minutes, bool *has_zone)
{
	int h, m = 0, sign;

	*minutes = 0;
	*has_zone = false;
	if (s->p == s->end)
		return true;
	*has_zone = true;
	if (accept(s, 'Z') || accept(s, 'z'))
		return true;
	sign = accept(s, '-') ? -1 : accept(s, '+') ? 1 : 0;
	if (!sign || !digits(s, 2, &h))
		return false;
	accept(s, ':');
	if (s->p != s->end && !digits(s, 2, &m))
		return false;
	*minutes = sign * (h * 60 + m);
	return h <= 14 && m < 60;
}

static bool scan_clock(struct scan *s, struct civil *c)
{
	int scale = 100;

	if (!digits(s, 2, &c->hour) || !accept(s, ':') ||
	    !digits(s, 2, &c->min))
		return false;
	if (accept(s, ':') && !digits(s, 2, &c->sec))
		return false;
	if (accept(s, '.')) {
		if (s->p == s->end || *s->p < '0' || *s->p > '9')
			return false;
		while (s->p != s->end && *s->p >= '0' && *s->p <= '9') {
			c->ms += (*s->p++ - '0') * scale;
			scale /= 10;
		}
	}
	return c->hour < 24 && c->min < 60 && c->sec < 60;
}

bool time_parse_iso(const char *s, size_t n, int64_t *ms, bool *has_time,
		    bool *has_zone)
{
	struct scan sc = { s, s + n };
	struct civil c;
	int zone = 0;

	*has_time = *has_zone = false;
	if (!scan_date(&sc, &c))
		return false;
	if (sc.p != sc.end) {
		if (!accept(&sc, 'T') && !accept(&sc, ' '))
			return false;
		if (!scan_clock(&sc, &c) || !scan_zone(&sc, &zone, has_zone))
			return false;
		*has_time = true;
	}
	if (sc.p != sc.end)
		return false;
	*ms = time_from_civil(&c) - (int64_t)zone * 60000;
	return true;
}
