#include "formula_datefmt.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "timefmt.h"

#define DAY_MS 86400000

static const char *const months[] = {
	"January", "February", "March",	    "April",   "May",	   "June",
	"July",	   "August",   "September", "October", "November", "December",
};
static const char *const days[] = {
	"Sunday",   "Monday", "Tuesday",  "Wednesday",
	"Thursday", "Friday", "Saturday",
};

int fx_day_of_year(int64_t ms)
{
	struct civil c = time_civil(ms);
	struct civil first = { .year = c.year, .mon = 1, .day = 1 };
	int64_t day = (ms - time_from_civil(&first)) / DAY_MS;

	return (int)day;
}

int fx_week(int64_t ms, int first)
{
	int doy = fx_day_of_year(ms);
	int jan1 = time_weekday(ms - (int64_t)doy * DAY_MS);

	return (doy + (jan1 - first + 7) % 7) / 7 + 1;
}

int fx_iso_week(int64_t ms, int64_t *year)
{
	int from_monday = (time_weekday(ms) + 6) % 7;
	int64_t thursday = ms + (int64_t)(3 - from_monday) * DAY_MS;

	*year = time_civil(thursday).year;
	return fx_day_of_year(thursday) / 7 + 1;
}

enum tok {
	T_YYYY, T_YY, T_Q, T_MMMM, T_MMM, T_MM, T_MO, T_M, T_DDDD, T_DDD,
	T_DD, T_DO, T_D, T_dddd, T_ddd, T_dd, T_d, T_E, T_e, T_WW, T_W, T_ww,
	T_w, T_GGGG, T_gggg, T_HH, T_H, T_hh, T_h, T_kk, T_k, T_mm, T_m, T_ss,
	T_s, T_SSS, T_SS, T_S, T_A, T_a, T_ZZ, T_Z, T_X, T_x, T_NONE
};

/* A longer spelling stands before a shorter one it begins with. */
static const struct {
	const char *text;
	enum tok tok;
} toks[] = {
	{ "YYYY", T_YYYY }, { "YY", T_YY },	{ "Q", T_Q },
	{ "MMMM", T_MMMM }, { "MMM", T_MMM },	{ "MM", T_MM },
	{ "Mo", T_MO },	    { "M", T_M },	{ "DDDD", T_DDDD },
	{ "DDD", T_DDD },   { "DD", T_DD },	{ "Do", T_DO },
	{ "D", T_D },	    { "dddd", T_dddd }, { "ddd", T_ddd },
	{ "dd", T_dd },	    { "d", T_d },	{ "E", T_E },
	{ "e", T_e },	    { "WW", T_WW },	{ "W", T_W },
	{ "ww", T_ww },	    { "w", T_w },	{ "GGGG", T_GGGG },
	{ "gggg", T_gggg }, { "HH", T_HH },	{ "H", T_H },
	{ "hh", T_hh },	    { "h", T_h },	{ "kk", T_kk },
	{ "k", T_k },	    { "mm", T_mm },	{ "m", T_m },
	{ "ss", T_ss },	    { "s", T_s },	{ "SSS", T_SSS },
	{ "SS", T_SS },	    { "S", T_S },	{ "A", T_A },
	{ "a", T_a },	    { "ZZ", T_ZZ },	{ "Z", T_Z },
	{ "X", T_X },	    { "x", T_x },
};

static const struct {
	const char *text;
	const char *form;
} shorts[] = {
	{ "LTS", "h:mm:ss A" },
	{ "LT", "h:mm A" },
	{ "LLLL", "dddd, MMMM D, YYYY h:mm A" },
	{ "LLL", "MMMM D, YYYY h:mm A" },
	{ "LL", "MMMM D, YYYY" },
	{ "L", "MM/DD/YYYY" },
	{ "llll", "ddd, MMM D, YYYY h:mm A" },
	{ "lll", "MMM D, YYYY h:mm A" },
	{ "ll", "MMM D, YYYY" },
	{ "l", "M/D/YYYY" },
};

static const char *short_form(const char **f)
{
	for (size_t i = 0; i < sizeof(shorts) / sizeof(shorts[0]); i++) {
		size_t n = strlen(shorts[i].text);

		if (!strncmp(*f, shorts[i].text, n)) {
			*f += n;
			return shorts[i].form;
		}
	}
	return NULL;
}

static enum tok next(const char **f)
{
	for (size_t i = 0; i < sizeof(toks) / sizeof(toks[0]); i++) {
		size_t n = strlen(toks[i].text);

		if (!strncmp(*f, toks[i].text, n)) {
			*f += n;
			return toks[i].tok;
		}
	}
	return T_NONE;
}

static void ordinal(struct buf *b, int n)
{
	const char *end = n % 100 / 10 == 1 ? "th" :
			  n % 10 == 1	    ? "st" :
			  n % 10 == 2	    ? "nd" :
			  n % 10 == 3	    ? "rd" : "th";

	buf_printf(b, "%d%s", n, end);
}

struct moment {
	struct civil c;
	int64_t local;
	int64_t ms;
	int64_t offset_s;
};

static void put_date(struct buf *b, enum tok t, const struct moment *m)
{
	const struct civil *c = &m->c;
	int wd = time_weekday(m->local);
	int64_t year;

	switch ((int)t) {
	case T_YYYY:
		buf_printf(b, "%04lld", (long long)c->year);
		break;
	case T_YY:
		buf_printf(b, "%02d", (int)(c->year % 100));
		break;
	case T_Q:
		buf_printf(b, "%d", (c->mon - 1) / 3 + 1);
		break;
	case T_MMMM:
		buf_str(b, months[c->mon - 1]);
		break;
	case T_MMM:
		buf_printf(b, "%.3s", months[c->mon - 1]);
		break;
	case T_MO:
		ordinal(b, c->mon);
		break;
	case T_DDDD:
	case T_DDD:
		buf_printf(b, t == T_DDD ? "%d" : "%03d",
			   fx_day_of_year(m->local) + 1);
		break;
	case T_DO:
		ordinal(b, c->day);
		break;
	case T_dddd:
		buf_str(b, days[wd]);
		break;
	case T_ddd:
	case T_dd:
		buf_printf(b, "%.*s", t == T_ddd ? 3 : 2, days[wd]);
		break;
	case T_E:
		buf_printf(b, "%d", wd ? wd : 7);
		break;
	case T_WW:
	case T_W:
		buf_printf(b, t == T_W ? "%d" : "%02d",
			   fx_iso_week(m->local, &year));
		break;
	case T_ww:
	case T_w:
		buf_printf(b, t == T_w ? "%d" : "%02d", fx_week(m->local, 0));
		break;
	case T_GGGG:
		fx_iso_week(m->local, &year);
		buf_printf(b, "%lld", (long long)year);
		break;
	case T_gggg:
		buf_printf(b, "%lld", (long long)c->year);
		break;
	default:	/* T_d, T_e */
		buf_printf(b, "%d", wd);
	}
}

static void put_clock(struct buf *b, enum tok t, const struct moment *m)
{
	const struct civil *c = &m->c;
	long off = labs((long)m->offset_s / 60);

	switch ((int)t) {
	case T_SSS:
		buf_printf(b, "%03d", c->ms);
		break;
	case T_SS:
		buf_printf(b, "%02d", c->ms / 10);
		break;
	case T_S:
		buf_printf(b, "%d", c->ms / 100);
		break;
	case T_A:
		buf_str(b, c->hour < 12 ? "AM" : "PM");
		break;
	case T_a:
		buf_str(b, c->hour < 12 ? "am" : "pm");
		break;
	case T_Z:
	case T_ZZ:
		buf_printf(b, t == T_Z ? "%c%02ld:%02ld" : "%c%02ld%02ld",
			   m->offset_s < 0 ? '-' : '+', off / 60, off % 60);
		break;
	case T_X:
		buf_printf(b, "%lld", (long long)(m->ms / 1000));
		break;
	default:	/* T_x */
		buf_printf(b, "%lld", (long long)m->ms);
	}
}

/* The numbers that differ in width alone; false for any other token. */
static bool put_number(struct buf *b, enum tok t, const struct civil *c)
{
	int h12 = c->hour % 12 ? c->hour % 12 : 12;
	int h24 = c->hour ? c->hour : 24;
	const struct {
		enum tok two, one;
		int v;
	} numbers[] = {
		{ T_MM, T_M, c->mon },	{ T_DD, T_D, c->day },
		{ T_HH, T_H, c->hour }, { T_hh, T_h, h12 },
		{ T_kk, T_k, h24 },	{ T_mm, T_m, c->min },
		{ T_ss, T_s, c->sec },
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (t != numbers[i].two && t != numbers[i].one)
			continue;
		buf_printf(b, t == numbers[i].two ? "%02d" : "%d",
			   numbers[i].v);
		return true;
	}
	return false;
}

void fx_format_date(struct buf *b, const char *f, int64_t ms,
		    const struct tz *zone)
{
	struct moment m = { .ms = ms, .local = tz_local_ms(zone, ms) };

	m.offset_s = (m.local - ms) / 1000;
	m.c = time_civil(m.local);
	while (*f) {
		const char *whole = short_form(&f);
		enum tok t;

		if (whole) {
			fx_format_date(b, whole, ms, zone);
			continue;
		}
		if (*f == '[' && strchr(f, ']')) {
			const char *e = strchr(f, ']');

			buf_add(b, f + 1, (size_t)(e - f - 1));
			f = e + 1;
			continue;
		}
		t = next(&f);
		if (t == T_NONE)
			buf_chr(b, *f++);
		else if (t >= T_SSS)
			put_clock(b, t, &m);
		else if (!put_number(b, t, &m.c))
			put_date(b, t, &m);
	}
}

static bool take(const char **s, int max, int *out)
{
	int n = 0;

	*out = 0;
	while (n < max && **s >= '0' && **s <= '9') {
		*out = *out * 10 + (*(*s)++ - '0');
		n++;
	}
	return n > 0;
}

/* A month's name, whole or cut to three letters; 0 if there is none. */
static int month_name(const char **s)
{
	for (int i = 0; i < 12; i++) {
		size_t n = strlen(months[i]);

		if (strncasecmp(*s, months[i], n) != 0)
			n = 3;
		if (!strncasecmp(*s, months[i], n)) {
			*s += n;
			return i + 1;
		}
	}
	return 0;
}

static bool skip_day_name(const char **s)
{
	for (int i = 0; i < 7; i++) {
		size_t n = strlen(days[i]);

		if (strncasecmp(*s, days[i], n) != 0)
			n = 3;
		if (!strncasecmp(*s, days[i], n)) {
			*s += n;
			return true;
		}
	}
	return false;
}

struct parsed {
	struct civil c;
	int half;		/* 1: AM, 2: PM */
	int64_t offset_s;
	bool instant;		/* X or x: ms is the answer */
	int64_t ms;
};

static bool zone(const char **s, struct parsed *p)
{
	int sign, h, m = 0;

	if (**s == 'Z') {
		(*s)++;
		return true;
	}
	sign = **s == '-' ? -1 : **s == '+' ? 1 : 0;
	if (!sign)
		return false;
	(*s)++;
	if (!take(s, 2, &h))
		return false;
	*s += **s == ':';
	if (**s && !take(s, 2, &m))
		return false;
	p->offset_s = sign * (h * 3600 + m * 60);
	return true;
}

static bool read_word(enum tok t, const char **s, struct parsed *p)
{
	char *end;

	switch ((int)t) {
	case T_MMMM:
	case T_MMM:
		p->c.mon = month_name(s);
		return p->c.mon > 0;
	case T_dddd:
	case T_ddd:
		return skip_day_name(s);
	case T_A:
	case T_a:
		p->half = strncasecmp(*s, "am", 2) ?
				  strncasecmp(*s, "pm", 2) ? 0 : 2 : 1;
		*s += 2 * (p->half > 0);
		return p->half > 0;
	case T_Z:
	case T_ZZ:
		return zone(s, p);
	case T_X:
	case T_x:
		p->instant = true;
		p->ms = strtoll(*s, &end, 10) * (t == T_X ? 1000 : 1);
		if (end == *s)
			return false;
		*s = end;
		return true;
	default:
		return false;
	}
}

static bool read_token(enum tok t, const char **s, struct parsed *p)
{
	int v;

	switch ((int)t) {
	case T_YYYY:
		if (!take(s, 4, &v))
			return false;
		p->c.year = v;
		return true;
	case T_YY:
		if (!take(s, 2, &v))
			return false;
		p->c.year = v + (v > 68 ? 1900 : 2000);
		return true;
	case T_MM:
	case T_M:
		return take(s, 2, &p->c.mon);
	case T_DD:
	case T_D:
		return take(s, 2, &p->c.day);
	case T_DO:
		if (!take(s, 2, &p->c.day) || !(*s)[0] || !(*s)[1])
			return false;
		*s += 2;
		return true;
	case T_HH:
	case T_H:
	case T_hh:
	case T_h:
		return take(s, 2, &p->c.hour);
	case T_mm:
	case T_m:
		return take(s, 2, &p->c.min);
	case T_ss:
	case T_s:
		return take(s, 2, &p->c.sec);
	case T_SSS:
		return take(s, 3, &p->c.ms);
	default:
		return read_word(t, s, p);
	}
}

bool fx_parse_date(const char *s, const char *f, int64_t *ms)
{
	struct parsed p = { .c = { .year = 1970, .mon = 1, .day = 1 } };
	struct civil *c = &p.c;

	while (*f && *s) {
		enum tok t = next(&f);

		if (t == T_NONE ? *f++ != *s++ : !read_token(t, &s, &p))
			return false;
	}
	if (p.half)
		c->hour = c->hour % 12 + (p.half == 2 ? 12 : 0);
	*ms = p.ms;
	if (p.instant)
		return !*s;
	if (*s || c->mon < 1 || c->mon > 12 || c->day < 1 ||
	    c->day > time_month_days(c->year, c->mon) || c->hour > 23 ||
	    c->min > 59 || c->sec > 59)
		return false;
	*ms = time_from_civil(c) - p.offset_s * 1000;
	return true;
}
