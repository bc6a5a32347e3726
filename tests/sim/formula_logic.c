#include "formula_int.h"

#include <string.h>

/* How many are true and how many not, so far. */
struct votes {
	size_t yes;
	size_t no;
	struct fx_val err;	/* FX_BLANK: none */
};

static void vote(struct votes *o, const struct fx_val *v)
{
	if (v->type == FX_ERR && o->err.type != FX_ERR)
		o->err = *v;
	else if (fx_truthy(v))
		o->yes++;
	else
		o->no++;
}

/* An argument votes once, the values of a rollup one by one. */
static bool ask(struct votes *o, const struct fx_call *c, size_t i)
{
	struct fx_val v = fx_arg(c, i);

	if (c->node->arg[i]->kind != ND_VALUES || v.type != FX_ARR)
		vote(o, &v);
	else
		for (size_t k = 0; k < v.arr.n; k++)
			vote(o, &v.arr.v[k]);
	return o->err.type != FX_ERR;
}

static struct fx_val do_and(const struct fx_call *c)
{
	struct votes o = { 0 };

	for (size_t i = 0; i < c->node->n && !o.no; i++)
		if (!ask(&o, c, i))
			return o.err;
	return fx_bool(!o.no);
}

static struct fx_val do_or(const struct fx_call *c)
{
	struct votes o = { 0 };

	for (size_t i = 0; i < c->node->n && !o.yes; i++)
		if (!ask(&o, c, i))
			return o.err;
	return fx_bool(o.yes);
}

static struct fx_val do_xor(const struct fx_call *c)
{
	struct votes o = { 0 };

	for (size_t i = 0; i < c->node->n; i++)
		if (!ask(&o, c, i))
			return o.err;
	return fx_bool(o.yes % 2);
}

static struct fx_val do_not(const struct fx_call *c)
{
	struct fx_val v = fx_arg(c, 0);

	return v.type == FX_ERR ? v : fx_bool(!fx_truthy(&v));
}

static struct fx_val do_if(const struct fx_call *c)
{
	struct fx_val v = fx_arg(c, 0);

	if (v.type == FX_ERR)
		return v;
	return fx_arg(c, fx_truthy(&v) ? 1 : 2);
}

static struct fx_val do_switch(const struct fx_call *c)
{
	struct fx_val v = fx_arg(c, 0);
	size_t i;

	for (i = 1; i + 1 < c->node->n; i += 2) {
		struct fx_val w = fx_arg(c, i);

		if (fx_equal(&v, &w, c->env->arena))
			return fx_arg(c, i + 1);
	}
	return i < c->node->n ? fx_arg(c, i) : fx_blank();
}

static struct fx_val do_true(const struct fx_call *c)
{
	(void)c;
	return fx_bool(true);
}

static struct fx_val do_false(const struct fx_call *c)
{
	(void)c;
	return fx_bool(false);
}

static struct fx_val do_blank(const struct fx_call *c)
{
	(void)c;
	return fx_blank();
}

static struct fx_val do_error(const struct fx_call *c)
{
	(void)c;
	return fx_error();
}

static struct fx_val do_iserror(const struct fx_call *c)
{
	/* not fx_arg: this error goes no further */
	struct fx_val v = fx_node_eval(c->node->arg[0], c->env);

	return fx_bool(v.type == FX_ERR ||
		       (v.type == FX_NUM && v.num != v.num));
}

static struct fx_val do_record_id(const struct fx_call *c)
{
	const char *id = c->env->record_id ? c->env->record_id : "";
	struct fx_val v = { .type = FX_STR };

	v.str.s = id;
	v.str.n = strlen(id);
	return v;
}

const struct fx_func fx_funcs_logic[] = {
	{ "AND", 1, -1, true, do_and },
	{ "OR", 1, -1, true, do_or },
	{ "XOR", 1, -1, true, do_xor },
	{ "NOT", 1, 1, true, do_not },
	{ "IF", 2, 3, true, do_if },
	{ "SWITCH", 2, -1, true, do_switch },
	{ "TRUE", 0, 0, true, do_true },
	{ "FALSE", 0, 0, true, do_false },
	{ "BLANK", 0, 0, true, do_blank },
	{ "ERROR", 0, 1, true, do_error },
	{ "ISERROR", 1, 1, true, do_iserror },
	{ "RECORD_ID", 0, 0, false, do_record_id },
	{ NULL, 0, 0, false, NULL },
};
