#include "formula_int.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "formula_datefmt.h"
#include "timefmt.h"

#define DAY_MS 86400000

enum unit { U_MS, U_SEC, U_MIN, U_HOUR, U_DAY, U_WEEK, U_MONTH, U_QUARTER,
	    U_YEAR, U_BAD };

static enum unit unit_arg(const struct fx_call *c, size_t i, enum unit deflt)
{
	static const struct {
		const char *name;
		enum unit unit;
	} names[] = {
		{ "milliseconds", U_MS }, { "millisecond", U_MS },
		{ "ms", U_MS },		  { "seconds", U_SEC },
		{ "second", U_SEC },	  { "s", U_SEC },
		{ "minutes", U_MIN },	  { "minute", U_MIN },
		{ "m", U_MIN },		  { "hours", U_HOUR },
		{ "hour", U_HOUR },	  { "h", U_HOUR },
		{ "days", U_DAY },	  { "day", U_DAY },
		{ "d", U_DAY },		  { "weeks", U_WEEK },
		{ "week", U_WEEK },	  { "w", U_WEEK },
		{ "months", U_MONTH },	  { "month", U_MONTH },
		{ "quarters", U_QUARTER }, { "quarter", U_QUARTER },
		{ "q", U_QUARTER },	  { "years", U_YEAR },
		{ "year", U_YEAR },	  { "y", U_YEAR },
	};
	struct fx_val v;

	if (i >= c->node->n)
		return deflt;
	v = fx_arg_text(c, i);
	if (!strcmp(v.str.s, "M"))
		return U_MONTH;
	for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
		if (!strcasecmp(names[k].name, v.str.s))
			return names[k].unit;
	return U_BAD;
}

static int64_t unit_ms(enum unit u)
{
	static const int64_t ms[] = { 1, 1000, 60000, 3600000, DAY_MS,
				      7 * (int64_t)DAY_MS };

	return u <= U_WEEK ? ms[u] : 0;
}

static int64_t add_months(int64_t ms, int64_t n)
{
	struct civil c = time_civil(ms);
	int64_t m = c.year * 12 + c.mon - 1 + n;
	int last;

	c.year = m / 12 - (m % 12 < 0);
	c.mon = (int)(m - c.year * 12) + 1;
	last = time_month_days(c.year, c.mon);
	if (c.day > last)
		c.day = last;
	return time_from_civil(&c);
}

static bool date_arg(const struct fx_call *c, size_t i, int64_t *ms)
{
	struct fx_val v = fx_arg(c, i);

	return fx_instant(&v, ms);
}

static struct fx_val do_now(const struct fx_call *c)
{
	return fx_date(c->env->now_ms);
}

static struct fx_val do_today(const struct fx_call *c)
{
	return fx_date(c->env->now_ms - c->env->now_ms % DAY_MS);
}

static struct fx_val do_created(const struct fx_call *c)
{
	return fx_date(c->env->created_ms);
}

static struct fx_val do_modified(const struct fx_call *c)
{
	int index[64];
	size_t n = 0;
	int64_t ms;

	for (size_t i = 0; i < c->node->n && n < 64; i++) {
		if (c->node->arg[i]->kind != ND_FIELD)
			return fx_error();
		index[n++] = c->node->arg[i]->field;
	}
	if (!c->env->modified)
		return fx_blank();
	ms = c->env->modified(c->env->ctx, index, n);
	return ms < 0 ? fx_blank() : fx_date(ms);
}

/* Start of the unit a date lies in, so that IS_SAME can compare. */
static int64_t truncated(int64_t ms, enum unit u)
{
	struct civil c = time_civil(ms);

	if (u == U_WEEK) {
		int64_t day = ms - ((ms % DAY_MS) + DAY_MS) % DAY_MS;

		return day - time_weekday(ms) * (int64_t)DAY_MS;
	}
	c.ms = u > U_MS ? 0 : c.ms;
	c.sec = u > U_SEC ? 0 : c.sec;
	c.min = u > U_MIN ? 0 : c.min;
	c.hour = u > U_HOUR ? 0 : c.hour;
	c.day = u > U_DAY ? 1 : c.day;
	if (u == U_QUARTER)
		c.mon -= (c.mon - 1) % 3;
	if (u == U_YEAR)
		c.mon = 1;
	return time_from_civil(&c);
}

/* -1, 0, 1 by date order; 2 if an operand is no date. */
static int compare(const struct fx_call *c)
{
	enum unit u = unit_arg(c, 2, U_MS);
	int64_t a, b;

	if (u == U_BAD || !date_arg(c, 0, &a) || !date_arg(c, 1, &b))
		return 2;
	a = truncated(a, u);
	b = truncated(b, u);
	return a < b ? -1 : a > b;
}

static struct fx_val do_is_after(const struct fx_call *c)
{
	int r = compare(c);

	return r == 2 ? fx_error() : fx_bool(r > 0);
}

static struct fx_val do_is_before(const struct fx_call *c)
{
	int r = compare(c);

	return r == 2 ? fx_error() : fx_bool(r < 0);
}

static struct fx_val do_is_same(const struct fx_call *c)
{
	int r = compare(c);

	return r == 2 ? fx_error() : fx_bool(r == 0);
}

static struct fx_val do_dateadd(const struct fx_call *c)
{
	enum unit u = unit_arg(c, 2, U_DAY);
	double n = fx_arg_num(c, 1);
	int64_t ms;

	if (u == U_BAD || !(fabs(n) < 1e12) || !date_arg(c, 0, &ms))
		return fx_error();
	if (u == U_MONTH || u == U_QUARTER || u == U_YEAR) {
		int64_t k = u == U_MONTH ? 1 : u == U_QUARTER ? 3 : 12;

		if (fabs(n) > 100000)
			return fx_error();
		return fx_date(add_months(ms, (int64_t)n * k));
	}
	return fx_date(ms + (int64_t)(n * (double)unit_ms(u)));
}

static struct fx_val do_diff(const struct fx_call *c)
{
	enum unit u = unit_arg(c, 2, U_SEC);
	int64_t a, b, n;
	struct civil x, y;

	if (u == U_BAD || !date_arg(c, 0, &a) || !date_arg(c, 1, &b))
		return fx_error();
	if (u <= U_WEEK)
		return fx_num(trunc((double)(a - b) / (double)unit_ms(u)));
	x = time_civil(a);
	y = time_civil(b);
	n = (x.year - y.year) * 12 + x.mon - y.mon;
	if (n > 0 && add_months(b, n) > a)
		n--;
	else if (n < 0 && add_months(b, n) < a)
		n++;
	return fx_num((double)(n / (u == U_MONTH ? 1 :
				    u == U_QUARTER ? 3 : 12)));
}

static struct fx_val do_parse(const struct fx_call *c)
{
	struct fx_val v = fx_arg(c, 0);
	int64_t ms;

	if (v.type == FX_DATE)
		return v;
	v = fx_text(&v, c->env->arena);
	if (c->node->n > 1)
		return fx_parse_date(v.str.s, fx_arg_text(c, 1).str.s, &ms) ?
			       fx_date(ms) : fx_error();
	return fx_instant(&v, &ms) ? fx_date(ms) : fx_error();
}

static struct fx_val do_format(const struct fx_call *c)
{
	const char *f = "YYYY-MM-DDTHH:mm:ss.SSS";
	struct fx_val v = fx_arg(c, 0);
	const struct tz *zone = v.type == FX_DATE ? v.zone : NULL;
	struct buf b = BUF_INIT;
	int64_t ms;

	if (!fx_instant(&v, &ms))
		return fx_error();
	if (c->node->n > 1)
		f = fx_arg_text(c, 1).str.s;
	fx_format_date(&b, f, ms, zone);
	v = fx_str(c->env->arena, b.p, b.n);
	buf_release(&b);
	return v;
}

enum part { P_YEAR, P_MONTH, P_DAY, P_HOUR, P_MIN, P_SEC, P_WEEKDAY };

static struct fx_val part(const struct fx_call *c, enum part p)
{
	struct civil t;
	int64_t ms;

	if (!date_arg(c, 0, &ms))
		return fx_error();
	t = time_civil(ms);
	switch (p) {
	case P_YEAR:
		return fx_num((double)t.year);
	case P_MONTH:
		return fx_num(t.mon);
	case P_DAY:
		return fx_num(t.day);
	case P_HOUR:
		return fx_num(t.hour);
	case P_MIN:
		return fx_num(t.min);
	case P_SEC:
		return fx_num(t.sec);
	case P_WEEKDAY:
	default:
		return fx_num((time_weekday(ms) - fx_first_day(c, 1) + 7) % 7);
	}
}

#define PART(fn, p)                                       \
	static struct fx_val fn(const struct fx_call *c)  \
	{                                                 \
		return part(c, p);                        \
	}

PART(do_year, P_YEAR)
PART(do_month, P_MONTH)
PART(do_day, P_DAY)
PART(do_hour, P_HOUR)
PART(do_minute, P_MIN)
PART(do_second, P_SEC)
PART(do_weekday, P_WEEKDAY)

static struct fx_val do_datestr(const struct fx_call *c)
{
	char t[TIME_CAP];
	int64_t ms;

	if (!date_arg(c, 0, &ms))
		return fx_error();
	time_date(ms, t);
	return fx_str(c->env->arena, t, strlen(t));
}

/* The zone goes along with the instant, for DATETIME_FORMAT to read. */
static struct fx_val do_timezone(const struct fx_call *c)
{
	struct fx_val v = fx_arg(c, 0);
	const struct tz *zone;
	int64_t ms;

	if (!fx_instant(&v, &ms) || !tz_find(fx_arg_text(c, 1).str.s, &zone))
		return fx_error();
	v = fx_date(ms);
	v.zone = zone;
	return v;
}

/* Names of days and months stay English. */
static struct fx_val do_locale(const struct fx_call *c)
{
	return fx_arg(c, 0);
}

const struct fx_func fx_funcs_date[] = {
	{ "NOW", 0, 0, false, do_now },
	{ "TODAY", 0, 0, false, do_today },
	{ "CREATED_TIME", 0, 0, false, do_created },
	{ "LAST_MODIFIED_TIME", 0, -1, false, do_modified },
	{ "IS_AFTER", 2, 3, true, do_is_after },
	{ "IS_BEFORE", 2, 3, true, do_is_before },
	{ "IS_SAME", 2, 3, true, do_is_same },
	{ "DATEADD", 2, 3, true, do_dateadd },
	{ "DATETIME_DIFF", 2, 3, true, do_diff },
	{ "DATETIME_PARSE", 1, 3, true, do_parse },
	{ "DATETIME_FORMAT", 1, 2, true, do_format },
	{ "YEAR", 1, 1, true, do_year },
	{ "MONTH", 1, 1, true, do_month },
	{ "DAY", 1, 1, true, do_day },
	{ "HOUR", 1, 1, true, do_hour },
	{ "MINUTE", 1, 1, true, do_minute },
	{ "SECOND", 1, 1, true, do_second },
	{ "WEEKDAY", 1, 2, true, do_weekday },
	{ "DATESTR", 1, 1, true, do_datestr },
	{ "SET_TIMEZONE", 2, 2, true, do_timezone },
	{ "SET_LOCALE", 2, 2, true, do_locale },
	{ NULL, 0, 0, false, NULL },
};
