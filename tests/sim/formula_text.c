#include "formula_int.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

/* Positions and lengths count code points. */
static size_t cp_count(const char *s, size_t n)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		k += ((unsigned char)s[i] & 0xc0) != 0x80;
	return k;
}

static size_t cp_offset(const char *s, size_t n, size_t cps)
{
	size_t i = 0;

	while (i < n && cps) {
		i++;
		while (i < n && ((unsigned char)s[i] & 0xc0) == 0x80)
			i++;
		cps--;
	}
	return i;
}

static size_t count_arg(const struct fx_call *c, size_t i, size_t deflt)
{
	double d;

	if (i >= c->node->n)
		return deflt;
	d = fx_arg_num(c, i);
	return d >= 1 ? d < 1e9 ? (size_t)d : (size_t)1000000000 : 0;
}

static struct fx_val mapped(const struct fx_call *c, int (*f)(int))
{
	struct fx_val v = fx_arg_text(c, 0);
	struct fx_val out = fx_str(c->env->arena, v.str.s, v.str.n);
	char *p = (char *)(uintptr_t)out.str.s;	/* ours, made just above */

	for (size_t i = 0; i < out.str.n; i++)
		if (!((unsigned char)p[i] & 0x80))
			p[i] = (char)f((unsigned char)p[i]);
	return out;
}

static struct fx_val do_lower(const struct fx_call *c)
{
	return mapped(c, tolower);
}

static struct fx_val do_upper(const struct fx_call *c)
{
	return mapped(c, toupper);
}

static struct fx_val do_len(const struct fx_call *c)
{
	struct fx_val v = fx_arg_text(c, 0);

	return fx_num((double)cp_count(v.str.s, v.str.n));
}

static struct fx_val do_trim(const struct fx_call *c)
{
	struct fx_val v = fx_arg_text(c, 0);
	const char *s = v.str.s;
	size_t n = v.str.n;

	while (n && isspace((unsigned char)*s)) {
		s++;
		n--;
	}
	while (n && isspace((unsigned char)s[n - 1]))
		n--;
	return fx_str(c->env->arena, s, n);
}

static struct fx_val do_left(const struct fx_call *c)
{
	struct fx_val v = fx_arg_text(c, 0);

	return fx_str(c->env->arena, v.str.s,
		      cp_offset(v.str.s, v.str.n, count_arg(c, 1, 1)));
}

static struct fx_val do_right(const struct fx_call *c)
{
	struct fx_val v = fx_arg_text(c, 0);
	size_t all = cp_count(v.str.s, v.str.n);
	size_t k = count_arg(c, 1, 1);
	size_t off = k < all ? cp_offset(v.str.s, v.str.n, all - k) : 0;

	return fx_str(c->env->arena, v.str.s + off, v.str.n - off);
}

static struct fx_val do_mid(const struct fx_call *c)
{
	struct fx_val v = fx_arg_text(c, 0);
	size_t start = count_arg(c, 1, 1);
	size_t off = cp_offset(v.str.s, v.str.n, start ? start - 1 : 0);

	return fx_str(c->env->arena, v.str.s + off,
		      cp_offset(v.str.s + off, v.str.n - off,
				count_arg(c, 2, 0)));
}

/* The position after the needle's first place, 0 if it is not there. */
static size_t find_from(const struct fx_call *c, bool fold)
{
	struct fx_val needle = fx_arg_text(c, 0);
	struct fx_val hay = fx_arg_text(c, 1);
	size_t start = count_arg(c, 2, 1);
	size_t off = cp_offset(hay.str.s, hay.str.n, start ? start - 1 : 0);
	const char *at;

	at = fold ? strcasestr(hay.str.s + off, needle.str.s)
		  : strstr(hay.str.s + off, needle.str.s);
	return at ? cp_count(hay.str.s, (size_t)(at - hay.str.s)) + 1 : 0;
}

static struct fx_val do_find(const struct fx_call *c)
{
	return fx_num((double)find_from(c, false));
}

static struct fx_val do_search(const struct fx_call *c)
{
	size_t at = find_from(c, true);

	return at ? fx_num((double)at) : fx_blank();
}

static struct fx_val do_concatenate(const struct fx_call *c)
{
	struct buf b = BUF_INIT;
	struct fx_val v;

	for (size_t i = 0; i < c->node->n; i++) {
		struct fx_val arg = fx_arg(c, i);
		bool each = c->node->arg[i]->kind == ND_VALUES &&
			    arg.type == FX_ARR;	/* a rollup's, one by one */

		for (size_t k = 0; k < (each ? arg.arr.n : 1); k++) {
			v = fx_text(each ? &arg.arr.v[k] : &arg,
				    c->env->arena);
			buf_add(&b, v.str.s, v.str.n);
		}
	}
	v = fx_str(c->env->arena, b.p, b.n);
	buf_release(&b);
	return v;
}

static struct fx_val do_rept(const struct fx_call *c)
{
	struct fx_val v = fx_arg_text(c, 0);
	size_t k = count_arg(c, 1, 0);
	struct buf b = BUF_INIT;

	if (!v.str.n)
		return v;
	if (k > FX_TEXT_MAX / v.str.n)
		return fx_error();
	while (k--)
		buf_add(&b, v.str.s, v.str.n);
	v = fx_str(c->env->arena, b.p, b.n);
	buf_release(&b);
	return v;
}

static struct fx_val do_substitute(const struct fx_call *c)
{
	struct fx_val v = fx_arg_text(c, 0);
	struct fx_val from = fx_arg_text(c, 1);
	struct fx_val to = fx_arg_text(c, 2);
	size_t only = count_arg(c, 3, 0);
	size_t seen = 0;
	struct buf b = BUF_INIT;
	const char *p = v.str.s;
	const char *at;

	if (!from.str.n)
		return v;
	while (b.n <= FX_TEXT_MAX && (at = strstr(p, from.str.s))) {
		buf_add(&b, p, (size_t)(at - p));
		seen++;
		if (!only || only == seen)
			buf_add(&b, to.str.s, to.str.n);
		else
			buf_add(&b, at, from.str.n);
		p = at + from.str.n;
	}
	buf_str(&b, p);
	v = b.n > FX_TEXT_MAX ? fx_error() :
				fx_str(c->env->arena, b.p, b.n);
	buf_release(&b);
	return v;
}

/* REPLACE(text, from, how many, new) */
static struct fx_val do_replace(const struct fx_call *c)
{
	struct fx_val v = fx_arg_text(c, 0);
	struct fx_val to = fx_arg_text(c, 3);
	size_t start = count_arg(c, 1, 1);
	size_t off = cp_offset(v.str.s, v.str.n, start ? start - 1 : 0);
	size_t cut = cp_offset(v.str.s + off, v.str.n - off,
			       count_arg(c, 2, 0));
	struct buf b = BUF_INIT;

	buf_add(&b, v.str.s, off);
	buf_add(&b, to.str.s, to.str.n);
	buf_add(&b, v.str.s + off + cut, v.str.n - off - cut);
	v = fx_str(c->env->arena, b.p, b.n);
	buf_release(&b);
	return v;
}

static struct fx_val do_exact(const struct fx_call *c)
{
	struct fx_val a = fx_arg_text(c, 0);
	struct fx_val b = fx_arg_text(c, 1);

	return fx_bool(!strcmp(a.str.s, b.str.s));
}

static struct fx_val do_t(const struct fx_call *c)
{
	struct fx_val v = fx_arg(c, 0);

	return v.type == FX_STR ? v : fx_blank();
}

static struct fx_val do_value(const struct fx_call *c)
{
	struct fx_val v = fx_arg_text(c, 0);
	char *t = fx_arena_get(c->env->arena, v.str.n + 1);
	size_t k = 0;

	for (size_t i = 0; i < v.str.n; i++)	/* "$1,234.5" is 1234.5 */
		if (strchr("0123456789.-+eE", v.str.s[i]))
			t[k++] = v.str.s[i];
	t[k] = '\0';
	if (!k)
		return fx_error();
	return fx_num(strtod(t, NULL));
}

static struct fx_val do_arrayjoin(const struct fx_call *c)
{
	struct fx_val list = fx_arg(c, 0);
	struct fx_val sep = fx_arg_text(c, 1);
	struct buf b = BUF_INIT;
	struct fx_val v;

	if (list.type != FX_ARR)
		return fx_text(&list, c->env->arena);
	for (size_t i = 0; i < list.arr.n; i++) {
		if (i)
			buf_str(&b, c->node->n > 1 ? sep.str.s : ", ");
		v = fx_text(&list.arr.v[i], c->env->arena);
		buf_add(&b, v.str.s, v.str.n);
	}
	v = fx_str(c->env->arena, b.p, b.n);
	buf_release(&b);
	return v;
}

static struct fx_val filtered(const struct fx_call *c, bool unique)
{
	struct fx_val in = fx_flatten(c, 0);
	size_t k = 0;

	for (size_t i = 0; i < in.arr.n; i++) {
		struct fx_val *v = &in.arr.v[i];
		bool keep = v->type != FX_BLANK &&
			    (v->type != FX_STR || v->str.n);

		for (size_t j = 0; unique && keep && j < k; j++)
			keep = !fx_equal(&in.arr.v[j], v, c->env->arena);
		if (keep)
			in.arr.v[k++] = *v;
	}
	in.arr.n = k;
	return in;
}

static struct fx_val do_arraycompact(const struct fx_call *c)
{
	return filtered(c, false);
}

static struct fx_val do_arrayunique(const struct fx_call *c)
{
	return filtered(c, true);
}

static struct fx_val do_arrayflatten(const struct fx_call *c)
{
	return fx_flatten(c, 0);
}

/* ARRAYSLICE(list, first, last): places from 1, negative ones from the end */
static struct fx_val do_arrayslice(const struct fx_call *c)
{
	struct fx_val v = fx_arg(c, 0);
	double n, from, to;

	if (v.type != FX_ARR)
		return v;
	n = (double)v.arr.n;
	from = fx_arg_num(c, 1);
	to = c->node->n > 2 ? fx_arg_num(c, 2) : n;
	from = from < 0 ? n + from + 1 : from;
	to = to < 0 ? n + to + 1 : to;
	from = from < 1 ? 1 : from;
	to = to > n ? n : to;
	if (!(from <= to))
		return fx_blank();
	v.arr.v += (size_t)from - 1;
	v.arr.n = (size_t)to - (size_t)from + 1;
	return v;
}

static struct fx_val do_encode_url(const struct fx_call *c)
{
	struct fx_val v = fx_arg_text(c, 0);
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < v.str.n; i++) {
		unsigned char ch = (unsigned char)v.str.s[i];

		if (isalnum(ch) || strchr("-_.!~*'()", ch))
			buf_chr(&b, (char)ch);
		else
			buf_printf(&b, "%%%02X", ch);
	}
	v = fx_str(c->env->arena, b.p, b.n);
	buf_release(&b);
	return v;
}

const struct fx_func fx_funcs_text[] = {
	{ "LOWER", 1, 1, true, do_lower },
	{ "UPPER", 1, 1, true, do_upper },
	{ "LEN", 1, 1, true, do_len },
	{ "TRIM", 1, 1, true, do_trim },
	{ "LEFT", 1, 2, true, do_left },
	{ "RIGHT", 1, 2, true, do_right },
	{ "MID", 3, 3, true, do_mid },
	{ "FIND", 2, 3, true, do_find },
	{ "SEARCH", 2, 3, true, do_search },
	{ "CONCATENATE", 1, -1, true, do_concatenate },
	{ "REPT", 2, 2, true, do_rept },
	{ "SUBSTITUTE", 3, 4, true, do_substitute },
	{ "REPLACE", 4, 4, true, do_replace },
	{ "EXACT", 2, 2, true, do_exact },
	{ "T", 1, 1, true, do_t },
	{ "VALUE", 1, 1, true, do_value },
	{ "ARRAYJOIN", 1, 2, true, do_arrayjoin },
	{ "ARRAYCOMPACT", 1, -1, false, do_arraycompact },
	{ "ARRAYUNIQUE", 1, -1, false, do_arrayunique },
	{ "ARRAYFLATTEN", 1, -1, false, do_arrayflatten },
	{ "ARRAYSLICE", 2, 3, false, do_arrayslice },
	{ "ENCODE_URL_COMPONENT", 1, 1, true, do_encode_url },
	{ NULL, 0, 0, false, NULL },
};
