/* recfile_date - ISO 8601 dates and times as the API takes them, checked
 * against the Gregorian calendar. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "recfile_internal.h"

struct moment {
	int year, month, day, hour, minute, second, milli;
};

/* Exactly n digits at *p, stepping over them; -1 if there are fewer. */
static int digits(const char **p, int n)
{
	int v = 0;

	for (; n > 0; n--, (*p)++) {
		if (**p < '0' || **p > '9')
			return -1;
		v = v * 10 + (**p - '0');
	}
	return v;
}

static int month_days(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
				    31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

static bool take(const char **p, const char *any)
{
	if (**p == '\0' || !strchr(any, **p))
		return false;
	(*p)++;
	return true;
}

static bool take_date(const char **p, struct moment *m)
{
	m->year = digits(p, 4);
	if (m->year < 1 || !take(p, "-"))
		return false;
	m->month = digits(p, 2);
	if (m->month < 1 || m->month > 12 || !take(p, "-"))
		return false;
	m->day = digits(p, 2);
	return m->day >= 1 && m->day <= month_days(m->year, m->month);
}

bool date_is_valid(const char *text)
{
	struct moment m;

	return take_date(&text, &m) && *text == '\0';
}

/* hh:mm[:ss[.f...]]; what is finer than a millisecond is left out. */
static bool take_time(const char **p, struct moment *m)
{
	int scale = 100;

	m->hour = digits(p, 2);
	if (m->hour < 0 || m->hour > 23 || !take(p, ":"))
		return false;
	m->minute = digits(p, 2);
	if (m->minute < 0 || m->minute > 59)
		return false;
	m->second = m->milli = 0;
	if (!take(p, ":"))
		return true;
	m->second = digits(p, 2);
	if (m->second < 0 || m->second > 59)
		return false;
	if (!take(p, "."))
		return true;
	if (**p < '0' || **p > '9')
		return false;
	for (; **p >= '0' && **p <= '9'; (*p)++, scale /= 10)
		m->milli += (**p - '0') * scale;
	return true;
}

/* Z, +hh:mm, +hhmm or +hh; minutes east of UTC. */
static bool take_zone(const char **p, int *ret_minutes)
{
	int sign = **p == '-' ? -1 : 1, hours, minutes = 0;

	*ret_minutes = 0;
	if (take(p, "Zz"))
		return true;
	if (!take(p, "+-"))
		return false;
	hours = digits(p, 2);
	if (hours < 0 || hours > 23)
		return false;
	if (**p != '\0') {
		(void)take(p, ":");
		minutes = digits(p, 2);
		if (minutes < 0 || minutes > 59)
			return false;
	}
	*ret_minutes = sign * (hours * 60 + minutes);
	return true;
}

/* At most a day is carried, since an offset is less than 24 hours. */
static bool to_utc(struct moment *m, int offset)
{
	int minutes = m->hour * 60 + m->minute - offset;

	if (minutes < 0) {
		minutes += 24 * 60;
		if (--m->day == 0) {
			if (--m->month == 0) {
				m->month = 12;
				m->year--;
			}
			if (m->year < 1)
				return false;
			m->day = month_days(m->year, m->month);
		}
	} else if (minutes >= 24 * 60) {
		minutes -= 24 * 60;
		if (++m->day > month_days(m->year, m->month)) {
			m->day = 1;
			if (++m->month == 13) {
				m->month = 1;
				m->year++;
			}
		}
	}
	m->hour = minutes / 60;
	m->minute = minutes % 60;
	return m->year <= 9999;
}

int date_time_normalise(const char *text, char out[static DATE_TEXT_BUF])
{
	struct moment m = { 0 };
	const char *p = text, *zone = "";
	int offset;

	if (!take_date(&p, &m))
		return -EINVAL;
	if (*p == '\0') {
		(void)snprintf(out, DATE_TEXT_BUF, "%04d-%02d-%02d", m.year,
			       m.month, m.day);
		return 0;
	}
	if (!take(&p, "Tt ") || !take_time(&p, &m))
		return -EINVAL;
	if (*p != '\0') {
		if (!take_zone(&p, &offset) || *p != '\0' ||
		    !to_utc(&m, offset))
			return -EINVAL;
		zone = "Z";
	}
	(void)snprintf(out, DATE_TEXT_BUF,
		       "%04d-%02d-%02dT%02d:%02d:%02d.%03d%s", m.year, m.month,
		       m.day, m.hour, m.minute, m.second, m.milli, zone);
	return 0;
}
