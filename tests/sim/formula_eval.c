#include "formula_int.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "timefmt.h"

#define BLOCK_BYTES 4000

struct fx_block {
	struct fx_block *next;
	size_t cap;
	size_t n;
	char data[];
};

void *fx_arena_get(struct fx_arena *a, size_t n)
{
	struct fx_block *b = a->first;
	size_t cap = n > BLOCK_BYTES ? n : BLOCK_BYTES;
	void *p;

	n = (n + 15) & ~(size_t)15;
	a->work += n;
	cap = (cap + 15) & ~(size_t)15;
	if (!b || b->cap - b->n < n) {
		b = sim_alloc(sizeof(*b) + cap + 16);
		b->cap = cap;
		b->next = a->first;
		a->first = b;
	}
	p = b->data + b->n;
	b->n += n;
	return p;
}

void fx_arena_reset(struct fx_arena *a)
{
	a->work = 0;
	while (a->first && a->first->next) {
		struct fx_block *b = a->first;

		a->first = b->next;
		free(b);
	}
	if (a->first)
		a->first->n = 0;
}

void fx_arena_release(struct fx_arena *a)
{
	fx_arena_reset(a);
	free(a->first);
	a->first = NULL;
}

struct fx_val fx_blank(void)
{
	return (struct fx_val){ .type = FX_BLANK };
}

struct fx_val fx_num(double d)
{
	return (struct fx_val){ .type = FX_NUM, .num = d };
}

struct fx_val fx_bool(bool b)
{
	return (struct fx_val){ .type = FX_BOOL, .truth = b };
}

struct fx_val fx_date(int64_t ms)
{
	return (struct fx_val){ .type = FX_DATE, .ms = ms };
}

struct fx_val fx_error(void)
{
	return (struct fx_val){ .type = FX_ERR };
}

struct fx_val fx_str(struct fx_arena *a, const char *s, size_t n)
{
	struct fx_val v = { .type = FX_STR };
	char *p = fx_arena_get(a, n + 1);

	if (n)
		memcpy(p, s, n);
	p[n] = '\0';
	v.str.s = p;
	v.str.n = n;
	return v;
}

static void text_add(struct buf *b, const struct fx_val *v)
{
	char iso[TIME_CAP];
	size_t i;

	switch (v->type) {
	case FX_NUM:
		buf_num(b, v->num);
		break;
	case FX_STR:
		buf_add(b, v->str.s, v->str.n);
		break;
	case FX_BOOL:
		buf_chr(b, v->truth ? '1' : '0');
		break;
	case FX_DATE:
		time_iso(v->ms, iso);
		buf_str(b, iso);
		break;
	case FX_ARR:
		for (i = 0; i < v->arr.n; i++) {
			if (i)
				buf_str(b, ", ");
			text_add(b, &v->arr.v[i]);
		}
		break;
	case FX_ERR:
		buf_str(b, "#ERROR!");
		break;
	case FX_BLANK:
	default:
		break;
	}
}

struct fx_val fx_text(const struct fx_val *v, struct fx_arena *a)
{
	struct buf b = BUF_INIT;
	struct fx_val out;

	if (v->type == FX_STR)
		return *v;
	text_add(&b, v);
	out = fx_str(a, b.p ? b.p : "", b.n);
	buf_release(&b);
	return out;
}

static double text_number(const char *s)
{
	char *end;
	double d;

	while (*s == ' ')
		s++;
	if (!strchr("+-.0123456789", *s) || !*s)
		return NAN;
	d = strtod(s, &end);
	while (*end == ' ')
		end++;
	return *end ? NAN : d;
}

double fx_number(const struct fx_val *v)
{
	switch (v->type) {
	case FX_NUM:
		return v->num;
	case FX_BOOL:
		return v->truth;
	case FX_STR:
		return v->str.n ? text_number(v->str.s) : 0;
	case FX_ARR:
		if (v->arr.n == 1)
			return fx_number(&v->arr.v[0]);
		return v->arr.n ? NAN : 0;
	case FX_BLANK:
		return 0;
	case FX_DATE:
	case FX_ERR:
	default:
		return NAN;
	}
}

bool fx_instant(const struct fx_val *v, int64_t *ms)
{
	bool t, z;

	if (v->type == FX_DATE) {
		*ms = v->ms;
		return true;
	}
	if (v->type == FX_STR)
		return time_parse_iso(v->str.s, v->str.n, ms, &t, &z);
	if (v->type == FX_ARR && v->arr.n == 1)
		return fx_instant(&v->arr.v[0], ms);
	return false;
}

bool fx_truthy(const struct fx_val *v)
{
	switch (v->type) {
	case FX_NUM:
		return v->num != 0 && !isnan(v->num);
	case FX_STR:
		return v->str.n > 0;
	case FX_BOOL:
		return v->truth;
	case FX_DATE:
		return true;
	case FX_ARR:
		return v->arr.n > 0;
	case FX_BLANK:
	case FX_ERR:
	default:
		return false;
	}
}

static bool numeric(const struct fx_val *v)
{
	return v->type == FX_NUM || v->type == FX_BOOL || v->type == FX_BLANK;
}

/* BLANK() equals "", 0 and FALSE: airtable-api.md 10. */
bool fx_equal(const struct fx_val *a, const struct fx_val *b,
	      struct fx_arena *ar)
{
	struct fx_val x, y;
	int64_t m, n;

	if (a->type == FX_BLANK && b->type == FX_BLANK)
		return true;
	if (a->type == FX_BLANK || b->type == FX_BLANK) {
		const struct fx_val *o = a->type == FX_BLANK ? b : a;

		return o->type != FX_ERR && !fx_truthy(o);
	}
	if (numeric(a) && numeric(b))
		return fx_number(a) == fx_number(b);
	if ((a->type == FX_DATE || b->type == FX_DATE) && fx_instant(a, &m) &&
	    fx_instant(b, &n))
		return m == n;
	x = fx_text(a, ar);
	y = fx_text(b, ar);
	return x.str.n == y.str.n && !memcmp(x.str.s, y.str.s, x.str.n);
}

static struct fx_val order(enum fx_op op, const struct fx_val *a,
			   const struct fx_val *b, struct fx_arena *ar)
{
	int64_t m, n;
	double d;

	if ((a->type == FX_DATE || b->type == FX_DATE) && fx_instant(a, &m) &&
	    fx_instant(b, &n)) {
		d = m < n ? -1 : m > n;
	} else if ((a->type == FX_STR && a->str.n) ||
		   (b->type == FX_STR && b->str.n)) {
		struct fx_val x = fx_text(a, ar);
		struct fx_val y = fx_text(b, ar);

		d = strcmp(x.str.s, y.str.s);
	} else {
		d = fx_number(a) - fx_number(b);
	}
	if (isnan(d))
		return fx_bool(false);
	return fx_bool(op == OP_LT ? d < 0 :
		       op == OP_LE ? d <= 0 :
		       op == OP_GT ? d > 0 : d >= 0);
}

static struct fx_val join(const struct fx_val *a, const struct fx_val *b,
			  struct fx_arena *ar)
{
	struct fx_val x = fx_text(a, ar);
	struct fx_val y = fx_text(b, ar);
	struct fx_val v = { .type = FX_STR };
	char *p = fx_arena_get(ar, x.str.n + y.str.n + 1);

	memcpy(p, x.str.s, x.str.n);
	memcpy(p + x.str.n, y.str.s, y.str.n + 1);
	v.str.s = p;
	v.str.n = x.str.n + y.str.n;
	return v;
}

static struct fx_val eval_op(const struct fx_node *n, const struct fx_env *env)
{
	struct fx_val a = fx_node_eval(n->arg[0], env);
	struct fx_val b = fx_node_eval(n->arg[1], env);

	if (a.type == FX_ERR || b.type == FX_ERR)
		return fx_error();
	switch (n->op) {
	case OP_EQ:
		return fx_bool(fx_equal(&a, &b, env->arena));
	case OP_NE:
		return fx_bool(!fx_equal(&a, &b, env->arena));
	case OP_LT:
	case OP_LE:
	case OP_GT:
	case OP_GE:
		return order(n->op, &a, &b, env->arena);
	case OP_JOIN:
		return join(&a, &b, env->arena);
	case OP_ADD:
		return fx_num(fx_number(&a) + fx_number(&b));
	case OP_SUB:
		return fx_num(fx_number(&a) - fx_number(&b));
	case OP_MUL:
		return fx_num(fx_number(&a) * fx_number(&b));
	case OP_DIV:
	default:
		return fx_num(fx_number(&a) / fx_number(&b));
	}
}

/* An argument that is an error makes the result one, whatever the function
 * made of it. */
static struct fx_val call(const struct fx_call *c)
{
	struct fx_arena *a = c->env->arena;
	size_t before = a->errors;
	struct fx_val v = c->node->func->run(c);
	bool failed = a->errors != before;

	a->errors = before;
	return failed ? fx_error() : v;
}

struct fx_val fx_node_eval(const struct fx_node *n, const struct fx_env *env)
{
	struct fx_call c = { n, env };
	struct fx_val v;

	env->arena->work += 16;
	if (env->arena->work > FX_WORK_MAX)
		return fx_error();
	switch (n->kind) {
	case ND_FIELD:
		return env->field(env->ctx, n->field, env->arena);
	case ND_VALUES:
		return env->values ? *env->values : fx_blank();
	case ND_CALL:
		return call(&c);
	case ND_OP:
		return eval_op(n, env);
	case ND_NEG:
		v = fx_node_eval(n->arg[0], env);
		return v.type == FX_ERR ? v : fx_num(-fx_number(&v));
	case ND_CONST:
	default:
		return n->value;
	}
}

struct fx_val fx_eval(const struct fx_prog *p, const struct fx_env *env)
{
	return fx_node_eval(p->root, env);
}

struct fx_val fx_arg(const struct fx_call *c, size_t i)
{
	struct fx_val v;

	if (i >= c->node->n)
		return fx_blank();
	v = fx_node_eval(c->node->arg[i], c->env);
	c->env->arena->errors += v.type == FX_ERR;
	return v;
}

double fx_arg_num(const struct fx_call *c, size_t i)
{
	struct fx_val v = fx_arg(c, i);

	return fx_number(&v);
}

struct fx_val fx_arg_text(const struct fx_call *c, size_t i)
{
	struct fx_val v = fx_arg(c, i);

	return fx_text(&v, c->env->arena);
}

struct fx_val fx_flatten(const struct fx_call *c, size_t from)
{
	struct fx_val out = { .type = FX_ARR };
	size_t i, j, cap = 0;

	for (i = from; i < c->node->n; i++) {
		struct fx_val v = fx_arg(c, i);
		size_t n = v.type == FX_ARR ? v.arr.n : 1;
		struct fx_val *src = v.type == FX_ARR ? v.arr.v : &v;

		if (out.arr.n + n > cap) {
			struct fx_val *old = out.arr.v;

			cap = (out.arr.n + n) * 2;
			out.arr.v = fx_arena_get(c->env->arena,
						 cap * sizeof(*out.arr.v));
			if (old)
				memcpy(out.arr.v, old,
				       out.arr.n * sizeof(*old));
		}
		for (j = 0; j < n; j++)
			out.arr.v[out.arr.n++] = src[j];
	}
	return out;
}

static const struct fx_func *find_in(const struct fx_func *t, const char *name)
{
	for (; t->name; t++)
		if (!strcasecmp(t->name, name))
			return t;
	return NULL;
}

const struct fx_func *fx_func_find(const char *name)
{
	const struct fx_func *f = find_in(fx_funcs_logic, name);

	if (!f)
		f = find_in(fx_funcs_text, name);
	if (!f)
		f = find_in(fx_funcs_regex, name);
	if (!f)
		f = find_in(fx_funcs_num, name);
	if (!f)
		f = find_in(fx_funcs_date, name);
	if (!f)
		f = find_in(fx_funcs_week, name);
	return f;
}
