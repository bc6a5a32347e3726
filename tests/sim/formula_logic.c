#include "formula_int.h"

#include <string.h>

static struct fx_val do_and(const struct fx_call *c)
{
	size_t i;

	for (i = 0; i < c->node->n; i++) {
		struct fx_val v = fx_arg(c, i);

		if (v.type == FX_ERR)
			return v;
		if (!fx_truthy(&v))
			return fx_bool(false);
	}
	return fx_bool(true);
}

static struct fx_val do_or(const struct fx_call *c)
{
	size_t i;

	for (i = 0; i < c->node->n; i++) {
		struct fx_val v = fx_arg(c, i);

		if (v.type == FX_ERR)
			return v;
		if (fx_truthy(&v))
			return fx_bool(true);
	}
	return fx_bool(false);
}

static struct fx_val do_xor(const struct fx_call *c)
{
	bool odd = false;
	size_t i;

	for (i = 0; i < c->node->n; i++) {
		struct fx_val v = fx_arg(c, i);

		if (v.type == FX_ERR)
			return v;
		odd ^= fx_truthy(&v);
	}
	return fx_bool(odd);
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
	struct fx_val v = fx_arg(c, 0);

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
