#include "formula_int.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "formula_datefmt.h"
#include "timefmt.h"

#define DAY_MS 86400000
#define WORKDAYS_MAX 100000	/* steps a formula may ask for */

int fx_first_day(const struct fx_call *c, size_t arg)
{
	if (arg >= c->node->n)
		return 0;
	return !strcasecmp(fx_arg_text(c, arg).str.s, "monday");
}

static bool date_arg(const struct fx_call *c, size_t i, int64_t *ms)
{
	struct fx_val v = fx_arg(c, i);

	return fx_instant(&v, ms);
}

static struct fx_val do_weeknum(const struct fx_call *c)
{
	int64_t ms;

	if (!date_arg(c, 0, &ms))
		return fx_error();
	return fx_num(fx_week(ms, fx_first_day(c, 1)));
}

static struct fx_val do_timestr(const struct fx_call *c)
{
	struct buf b = BUF_INIT;
	struct fx_val v;
	int64_t ms;

	if (!date_arg(c, 0, &ms))
		return fx_error();
	fx_format_date(&b, "HH:mm:ss", ms, NULL);
	v = fx_str(c->env->arena, b.p, b.n);
	buf_release(&b);
	return v;
}

/* Roughly how long ago, or how long until, in words. */
static struct fx_val do_fromnow(const struct fx_call *c)
{
	static const struct {
		double below;		/* seconds */
		double unit;
		const char *text;	/* with %lld: how many */
	} steps[] = {
		{ 45, 1, "a few seconds" },
		{ 90, 60, "a minute" },
		{ 45 * 60, 60, "%lld minutes" },
		{ 90 * 60, 3600, "an hour" },
		{ 22 * 3600, 3600, "%lld hours" },
		{ 36 * 3600, 86400, "a day" },
		{ 26 * 86400.0, 86400, "%lld days" },
		{ 46 * 86400.0, 2629800, "a month" },
		{ 320 * 86400.0, 2629800, "%lld months" },
		{ 548 * 86400.0, 31557600, "a year" },
		{ INFINITY, 31557600, "%lld years" },
	};
	struct buf b = BUF_INIT;
	struct fx_val v;
	size_t i = 0;
	int64_t ms;
	double s;

	if (!date_arg(c, 0, &ms))
		return fx_error();
	s = fabs((double)(c->env->now_ms - ms)) / 1000;
	while (s >= steps[i].below)
		i++;
	if (steps[i].text[0] == '%')
		buf_printf(&b, "%lld%s", (long long)(s / steps[i].unit + 0.5),
			   steps[i].text + 4);
	else
		buf_str(&b, steps[i].text);
	v = fx_str(c->env->arena, b.p, b.n);
	buf_release(&b);
	return v;
}

static bool works(const struct fx_call *c, size_t holidays, int64_t ms)
{
	int wd = time_weekday(ms);
	char day[TIME_CAP];

	if (!wd || wd == 6)
		return false;
	if (holidays >= c->node->n)
		return true;
	time_date(ms, day);
	return !strstr(fx_arg_text(c, holidays).str.s, day);
}

static struct fx_val do_workday(const struct fx_call *c)
{
	double n = fx_arg_num(c, 1);
	int64_t step = n < 0 ? -DAY_MS : DAY_MS;
	int64_t ms;

	if (!date_arg(c, 0, &ms) || !(fabs(n) <= WORKDAYS_MAX))
		return fx_error();
	for (long left = (long)fabs(n); left;) {
		ms += step;
		left -= works(c, 2, ms);
	}
	return fx_date(ms);
}

/* Both ends count; negative if the second lies before the first. */
static struct fx_val do_workday_diff(const struct fx_call *c)
{
	int64_t a, b, step;
	double n = 0;

	if (!date_arg(c, 0, &a) || !date_arg(c, 1, &b) ||
	    llabs(b - a) > WORKDAYS_MAX * (int64_t)DAY_MS)
		return fx_error();
	step = b < a ? -DAY_MS : DAY_MS;
	for (; step > 0 ? a <= b : a >= b; a += step)
		n += works(c, 2, a);
	return fx_num(step > 0 ? n : -n);
}

const struct fx_func fx_funcs_week[] = {
	{ "WEEKNUM", 1, 2, true, do_weeknum },
	{ "TIMESTR", 1, 1, true, do_timestr },
	{ "FROMNOW", 1, 1, false, do_fromnow },
	{ "TONOW", 1, 1, false, do_fromnow },
	{ "WORKDAY", 2, 3, true, do_workday },
	{ "WORKDAY_DIFF", 2, 3, true, do_workday_diff },
	{ NULL, 0, 0, false, NULL },
};
