#include "tz_rule.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "timefmt.h"

static bool name(const char **s)
{
	const char *p = *s;

	if (*p == '<') {
		p = strchr(p, '>');
		if (!p)
			return false;
		*s = p + 1;
		return true;
	}
	while (isalpha((unsigned char)*p))
		p++;
	if (p == *s)
		return false;
	*s = p;
	return true;
}

static bool number(const char **s, int max, int *out)
{
	char *end;
	long v;

	if (!isdigit((unsigned char)**s))
		return false;
	v = strtol(*s, &end, 10);
	if (v > max)
		return false;
	*s = end;
	*out = (int)v;
	return true;
}

/* [+-]h[:m[:s]] */
static bool clock_time(const char **s, int64_t *out)
{
	int sign = 1, h, m = 0, sec = 0;

	if (**s == '-' || **s == '+')
		sign = *(*s)++ == '-' ? -1 : 1;
	if (!number(s, 167, &h))
		return false;
	if (**s == ':') {
		(*s)++;
		if (!number(s, 59, &m))
			return false;
	}
	if (**s == ':') {
		(*s)++;
		if (!number(s, 59, &sec))
			return false;
	}
	*out = sign * ((int64_t)h * 3600 + m * 60 + sec);
	return true;
}

static bool day(const char **s, struct tz_day *d)
{
	if (strncmp(*s, ",M", 2) != 0)
		return false;
	*s += 2;
	if (!number(s, 12, &d->mon) || *(*s)++ != '.' ||
	    !number(s, 5, &d->week) || *(*s)++ != '.' ||
	    !number(s, 6, &d->weekday) || d->mon < 1 || d->week < 1)
		return false;
	d->time = 7200;
	if (**s != '/')
		return true;
	(*s)++;
	return clock_time(s, &d->time);
}

bool tz_rule_parse(struct tz_rule *r, const char *s)
{
	*r = (struct tz_rule){ .known = false };
	if (!name(&s) || !clock_time(&s, &r->std))
		return false;
	r->std = -r->std;	/* POSIX counts west of UTC */
	r->dst = r->std + 3600;
	if (*s) {
		if (!name(&s))
			return false;
		if (*s != ',') {
			if (!clock_time(&s, &r->dst))
				return false;
			r->dst = -r->dst;
		}
		if (!day(&s, &r->from) || !day(&s, &r->to) || *s)
			return false;
		r->has_dst = true;
	}
	r->known = true;
	return true;
}

/* Seconds since the epoch of that day's change, on the clock then shown. */
static int64_t change(const struct tz_day *d, int64_t year)
{
	struct civil c = { .year = year, .mon = d->mon, .day = 1 };
	int64_t first = time_from_civil(&c);
	int at = 1 + (d->weekday - time_weekday(first) + 7) % 7;

	at += 7 * (d->week - 1);
	while (at > time_month_days(year, d->mon))
		at -= 7;
	return first / 1000 + (int64_t)(at - 1) * 86400 + d->time;
}

int64_t tz_rule_offset_s(const struct tz_rule *r, int64_t utc_s)
{
	int64_t year, from, to;
	bool dst;

	if (!r->has_dst)
		return r->std;
	year = time_civil((utc_s + r->std) * 1000).year;
	from = change(&r->from, year) - r->std;
	to = change(&r->to, year) - r->dst;
	if (from < to)
		dst = utc_s >= from && utc_s < to;
	else
		dst = utc_s < to || utc_s >= from;
	return dst ? r->dst : r->std;
}
