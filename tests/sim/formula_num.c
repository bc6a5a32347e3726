#include "formula_int.h"

#include <math.h>

struct tally {
	double sum;
	double min;
	double max;
	size_t n;	/* numbers */
	size_t all;	/* values that are not blank */
	size_t any;	/* everything */
	bool err;
};

static struct tally tally(const struct fx_call *c)
{
	struct fx_val list = fx_flatten(c, 0);
	struct tally t = { .min = INFINITY, .max = -INFINITY };

	for (size_t i = 0; i < list.arr.n; i++) {
		struct fx_val *v = &list.arr.v[i];
		double d;

		t.any++;
		if (v->type == FX_ERR)
			t.err = true;
		if (v->type == FX_BLANK || (v->type == FX_STR && !v->str.n))
			continue;
		t.all++;
		if (v->type != FX_NUM && v->type != FX_BOOL)
			continue;
		d = fx_number(v);
		t.n++;
		t.sum += d;
		t.min = d < t.min ? d : t.min;
		t.max = d > t.max ? d : t.max;
	}
	return t;
}

static struct fx_val do_sum(const struct fx_call *c)
{
	struct tally t = tally(c);

	return t.err ? fx_error() : fx_num(t.sum);
}

/* No numbers give NaN, as recorded rollups over no links show. */
static struct fx_val do_average(const struct fx_call *c)
{
	struct tally t = tally(c);

	return t.err ? fx_error() : fx_num(t.n ? t.sum / (double)t.n : NAN);
}

static struct fx_val do_min(const struct fx_call *c)
{
	struct tally t = tally(c);

	return t.err ? fx_error() : fx_num(t.n ? t.min : 0);
}

static struct fx_val do_max(const struct fx_call *c)
{
	struct tally t = tally(c);

	return t.err ? fx_error() : fx_num(t.n ? t.max : 0);
}

static struct fx_val do_count(const struct fx_call *c)
{
	return fx_num((double)tally(c).n);
}

static struct fx_val do_counta(const struct fx_call *c)
{
	return fx_num((double)tally(c).all);
}

static struct fx_val do_countall(const struct fx_call *c)
{
	return fx_num((double)tally(c).any);
}

static struct fx_val do_abs(const struct fx_call *c)
{
	return fx_num(fabs(fx_arg_num(c, 0)));
}

static struct fx_val do_int(const struct fx_call *c)
{
	return fx_num(floor(fx_arg_num(c, 0)));
}

static struct fx_val do_sqrt(const struct fx_call *c)
{
	return fx_num(sqrt(fx_arg_num(c, 0)));
}

static struct fx_val do_exp(const struct fx_call *c)
{
	return fx_num(exp(fx_arg_num(c, 0)));
}

static struct fx_val do_power(const struct fx_call *c)
{
	return fx_num(pow(fx_arg_num(c, 0), fx_arg_num(c, 1)));
}

static struct fx_val do_log(const struct fx_call *c)
{
	double base = c->node->n > 1 ? fx_arg_num(c, 1) : 10;

	if (base == 10)	/* exact for powers of ten */
		return fx_num(log10(fx_arg_num(c, 0)));
	return fx_num(log(fx_arg_num(c, 0)) / log(base));
}

/* The result has the divisor's sign, as in a spreadsheet. */
static struct fx_val do_mod(const struct fx_call *c)
{
	double a = fx_arg_num(c, 0);
	double b = fx_arg_num(c, 1);

	return fx_num(b == 0 ? NAN : a - b * floor(a / b));
}

static struct fx_val do_even(const struct fx_call *c)
{
	double d = fx_arg_num(c, 0);
	double up = ceil(fabs(d) / 2) * 2;

	return fx_num(d < 0 ? -up : up);
}

static struct fx_val do_odd(const struct fx_call *c)
{
	double d = fx_arg_num(c, 0);
	double up = ceil((fabs(d) - 1) / 2) * 2 + 1;

	return fx_num(d < 0 ? -up : up);
}

static struct fx_val to_step(const struct fx_call *c, double (*f)(double))
{
	double step = c->node->n > 1 ? fx_arg_num(c, 1) : 1;

	if (step == 0)
		return fx_num(0);
	return fx_num(f(fx_arg_num(c, 0) / step) * step);
}

static struct fx_val do_ceiling(const struct fx_call *c)
{
	return to_step(c, ceil);
}

static struct fx_val do_floor(const struct fx_call *c)
{
	return to_step(c, floor);
}

static struct fx_val rounded(const struct fx_call *c, double (*f)(double))
{
	double scale = pow(10, trunc(fx_arg_num(c, 1)));

	return fx_num(f(fx_arg_num(c, 0) * scale) / scale);
}

static double half_up(double d)
{
	return d < 0 ? -floor(-d + 0.5) : floor(d + 0.5);
}

static double away(double d)
{
	return d < 0 ? floor(d) : ceil(d);
}

static struct fx_val do_round(const struct fx_call *c)
{
	return rounded(c, half_up);
}

static struct fx_val do_roundup(const struct fx_call *c)
{
	return rounded(c, away);
}

static struct fx_val do_rounddown(const struct fx_call *c)
{
	return rounded(c, trunc);
}

const struct fx_func fx_funcs_num[] = {
	{ "SUM", 1, -1, true, do_sum },
	{ "AVERAGE", 1, -1, true, do_average },
	{ "MIN", 1, -1, true, do_min },
	{ "MAX", 1, -1, true, do_max },
	{ "COUNT", 1, -1, true, do_count },
	{ "COUNTA", 1, -1, true, do_counta },
	{ "COUNTALL", 1, -1, true, do_countall },
	{ "ABS", 1, 1, true, do_abs },
	{ "INT", 1, 1, true, do_int },
	{ "SQRT", 1, 1, true, do_sqrt },
	{ "EXP", 1, 1, true, do_exp },
	{ "POWER", 2, 2, true, do_power },
	{ "LOG", 1, 2, true, do_log },
	{ "MOD", 2, 2, true, do_mod },
	{ "EVEN", 1, 1, true, do_even },
	{ "ODD", 1, 1, true, do_odd },
	{ "CEILING", 1, 2, true, do_ceiling },
	{ "FLOOR", 1, 2, true, do_floor },
	{ "ROUND", 1, 2, true, do_round },
	{ "ROUNDUP", 1, 2, true, do_roundup },
	{ "ROUNDDOWN", 1, 2, true, do_rounddown },
	{ NULL, 0, 0, false, NULL },
};
