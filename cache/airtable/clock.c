#include "clock.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static int64_t system_mono_ns(void *ctx)
{
	struct timespec ts;

	(void)ctx;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static int64_t system_wall_ms(void *ctx)
{
	struct timespec ts;

	(void)ctx;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static uint64_t system_rand64(void *ctx)
{
	uint64_t v;

	if (getrandom(&v, sizeof(v), GRND_NONBLOCK) == (ssize_t)sizeof(v))
		return v;
	/* Only jitter hangs on this: early at boot the time will do. */
	v = (uint64_t)system_mono_ns(ctx);
	v ^= v >> 31;
	return v * UINT64_C(0x9e3779b97f4a7c15);
}

const struct clock_source system_clock = {
	.mono_ns = system_mono_ns,
	.wall_ms = system_wall_ms,
	.rand64 = system_rand64,
	.ctx = NULL,
};

/* Days from 1970-01-01 to the given day of the proleptic Gregorian calendar.
 * Counting years from March puts the leap day at the end of the year. */
static int64_t days_from_civil(int64_t y, int m, int d)
{
	int64_t era, yoe, doy;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void civil_from_days(int64_t days, int64_t *ret_y, int *ret_m,
			    int *ret_d)
{
	int64_t era, doe, yoe, doy, mp;

	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	doe = days - era * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	*ret_d = (int)(doy - (153 * mp + 2) / 5 + 1);
	*ret_m = (int)(mp < 10 ? mp + 3 : mp - 9);
	*ret_y = yoe + era * 400 + (*ret_m <= 2);
}

static void put_digits(char *out, int64_t v, int n)
{
	for (int i = n - 1; i >= 0; i--) {
		out[i] = (char)('0' + v % 10);
		v /= 10;
	}
}

#define DAY_MS INT64_C(86400000)
/* What four digits of year can say. */
#define ISO_MIN_MS INT64_C(-62167219200000) /* 0000-01-01 */
#define ISO_MAX_MS INT64_C(253402300799999) /* 9999-12-31 */

void clock_format_iso(int64_t wall_ms, char out[static 25])
{
	static const char shape[25] = "0000-00-00T00:00:00.000Z";
	int64_t days, ms, y;
	int m, d;

	if (wall_ms < ISO_MIN_MS)
		wall_ms = ISO_MIN_MS;
	if (wall_ms > ISO_MAX_MS)
		wall_ms = ISO_MAX_MS;
	days = wall_ms / DAY_MS;
	ms = wall_ms % DAY_MS;
	if (ms < 0) {
		ms += DAY_MS;
		days--;
	}
	civil_from_days(days, &y, &m, &d);
	memcpy(out, shape, sizeof(shape));
	put_digits(out, y, 4);
	put_digits(out + 5, m, 2);
	put_digits(out + 8, d, 2);
	put_digits(out + 11, ms / 3600000, 2);
	put_digits(out + 14, ms / 60000 % 60, 2);
	put_digits(out + 17, ms / 1000 % 60, 2);
	put_digits(out + 20, ms % 1000, 3);
}

/* Reads exactly n digits; -1 if they are not there. */
static int take_digits(const char **p, int n)
{
	int v = 0;

	for (int i = 0; i < n; i++) {
		char c = (*p)[i];

		if (c < '0' || c > '9')
			return -1;
		v = v * 10 + (c - '0');
	}
	*p += n;
	return v;
}

static bool take_char(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

static int month_days(int y, int m)
{
	static const signed char days[12] = { 31, 28, 31, 30, 31, 30,
					      31, 31, 30, 31, 30, 31 };
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

	return days[m - 1] + (m == 2 && leap);
}

/* "HH:MM[:SS[.fraction]]" then "Z" or "+00:00"; ms of the day. */
static int parse_time_of_day(const char *p, int64_t *ret_ms)
{
	int h, m, s = 0, ms = 0;

	h = take_digits(&p, 2);
	if (h < 0 || h > 23 || !take_char(&p, ':'))
		return -EINVAL;
	m = take_digits(&p, 2);
	if (m < 0 || m > 59)
		return -EINVAL;
	if (take_char(&p, ':')) {
		s = take_digits(&p, 2);
		if (s < 0 || s > 60) /* 60: a leap second, counted as the next */
			return -EINVAL;
		if (take_char(&p, '.')) {
			int unit = 100;

			if (*p < '0' || *p > '9')
				return -EINVAL;
			for (; *p >= '0' && *p <= '9'; p++) {
				ms += (*p - '0') * unit;
				unit /= 10;
			}
		}
	}
	if (strcmp(p, "Z") != 0 && strcmp(p, "z") != 0 &&
	    strcmp(p, "+00:00") != 0)
		return -EINVAL;
	*ret_ms = (((int64_t)h * 60 + m) * 60 + s) * 1000 + ms;
	return 0;
}

int clock_parse_iso(const char *text, int64_t *ret_wall_ms)
{
	const char *p = text;
	int y, m, d, r;
	int64_t ms = 0;

	y = take_digits(&p, 4);
	if (y < 0 || !take_char(&p, '-'))
		return -EINVAL;
	m = take_digits(&p, 2);
	if (m < 1 || m > 12 || !take_char(&p, '-'))
		return -EINVAL;
	d = take_digits(&p, 2);
	if (d < 1 || d > month_days(y, m))
		return -EINVAL;
	if (*p != '\0') {
		if (!take_char(&p, 'T') && !take_char(&p, ' '))
			return -EINVAL;
		r = parse_time_of_day(p, &ms);
		if (r < 0)
			return r;
	}
	*ret_wall_ms = days_from_civil(y, m, d) * DAY_MS + ms;
	return 0;
}
