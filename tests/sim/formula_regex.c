#include "formula_int.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#define GROUPS 10

#define PATTERN_MAX 1000
#define DEPTH_MAX 50
#define REPEATS_MAX 1000	/* RE2's, here of all repeats multiplied */

/* The C library unfolds repeats, follows groups by recursion and takes back
 * references, which RE2 has not: all of that without a limit. */
static bool bounded(const char *s)
{
	unsigned long repeats = 1;
	size_t depth = 0, n = strlen(s);

	if (n > PATTERN_MAX)
		return false;
	for (; *s; s++) {
		if (*s == '\\' && s[1] >= '1' && s[1] <= '9')
			return false;
		if (*s == '\\' && s[1])
			s++;
		else if (*s == '(' && ++depth > DEPTH_MAX)
			return false;
		else if (*s == ')' && depth)
			depth--;
		else if (*s == '{') {
			unsigned long lo = strtoul(s + 1, NULL, 10);
			const char *comma = strpbrk(s, ",}");
			unsigned long hi = comma && *comma == ',' ?
				strtoul(comma + 1, NULL, 10) : lo;

			hi = hi > lo ? hi : lo;
			if (hi > REPEATS_MAX)
				return false;
			repeats *= hi ? hi : 1;
			if (repeats > REPEATS_MAX)
				return false;
		}
	}
	return true;
}

/* The product's syntax is RE2's; here it is the C library's extended one,
 * with what is common beyond that spelled out: \d, \D, (?:...) and a
 * leading (?i). Lazy repeats are taken as greedy ones. */
static bool compile(const char *s, regex_t *re)
{
	struct buf b = BUF_INIT;
	int flags = REG_EXTENDED;
	int r;

	if (!bounded(s))
		return false;
	if (!strncmp(s, "(?i)", 4)) {
		flags |= REG_ICASE;
		s += 4;
	}
	for (bool set = false; *s; s++) {
		if (*s == '\\' && (s[1] == 'd' || s[1] == 'D')) {
			if (set)
				buf_str(&b, "0-9");
			else
				buf_str(&b, s[1] == 'd' ? "[0-9]" : "[^0-9]");
			s++;
		} else if (*s == '\\' && s[1]) {
			buf_chr(&b, *s++);
			buf_chr(&b, *s);
		} else if (!set && !strncmp(s, "(?:", 3)) {
			buf_chr(&b, '(');
			s += 2;
		} else if (!set && *s == '?' && b.n &&
			   strchr("*+?}", b.p[b.n - 1])) {
			continue;
		} else {
			set = set ? *s != ']' || b.p[b.n - 1] == '[' :
				    *s == '[';
			buf_chr(&b, *s);
		}
	}
	r = regcomp(re, b.p ? b.p : "", flags);
	buf_release(&b);
	return r == 0;
}

static bool regex_arg(const struct fx_call *c, regex_t *re)
{
	return compile(fx_arg_text(c, 1).str.s, re);
}

static struct fx_val do_match(const struct fx_call *c)
{
	struct fx_val v = fx_arg_text(c, 0);
	regex_t re;
	bool hit;

	if (!regex_arg(c, &re))
		return fx_error();
	hit = regexec(&re, v.str.s, 0, NULL, 0) == 0;
	regfree(&re);
	return fx_bool(hit);
}

static struct fx_val do_extract(const struct fx_call *c)
{
	struct fx_val v = fx_arg_text(c, 0);
	regmatch_t m[1];
	regex_t re;
	int r;

	if (!regex_arg(c, &re))
		return fx_error();
	r = regexec(&re, v.str.s, 1, m, 0);
	regfree(&re);
	if (r)
		return fx_blank();
	return fx_str(c->env->arena, v.str.s + m[0].rm_so,
		      (size_t)(m[0].rm_eo - m[0].rm_so));
}

/* $1 to $9 stand for what a group matched. */
static void put_new(struct buf *b, const char *to, const char *p,
		    const regmatch_t *m)
{
	for (; *to; to++) {
		if (*to == '$' && to[1] >= '1' && to[1] <= '9') {
			const regmatch_t *g = &m[*++to - '0'];

			if (g->rm_so >= 0)
				buf_add(b, p + g->rm_so,
					(size_t)(g->rm_eo - g->rm_so));
		} else {
			buf_chr(b, *to);
		}
	}
}

static struct fx_val do_replace(const struct fx_call *c)
{
	struct fx_val v = fx_arg_text(c, 0);
	struct fx_val to = fx_arg_text(c, 2);
	const char *p = v.str.s;
	struct buf b = BUF_INIT;
	regmatch_t m[GROUPS];
	regex_t re;
	int flags = 0;

	if (!regex_arg(c, &re))
		return fx_error();
	while (*p && b.n <= FX_TEXT_MAX &&
	       regexec(&re, p, GROUPS, m, flags) == 0) {
		buf_add(&b, p, (size_t)m[0].rm_so);
		put_new(&b, to.str.s, p, m);
		if (m[0].rm_eo == m[0].rm_so && p[m[0].rm_eo])
			buf_chr(&b, p[m[0].rm_eo++]);
		else if (m[0].rm_eo == m[0].rm_so)
			break;
		p += m[0].rm_eo;
		flags = REG_NOTBOL;
	}
	buf_str(&b, p);
	regfree(&re);
	v = b.n > FX_TEXT_MAX ? fx_error() :
				fx_str(c->env->arena, b.p, b.n);
	buf_release(&b);
	return v;
}

const struct fx_func fx_funcs_regex[] = {
	{ "REGEX_MATCH", 2, 2, true, do_match },
	{ "REGEX_EXTRACT", 2, 2, true, do_extract },
	{ "REGEX_REPLACE", 3, 3, true, do_replace },
	{ NULL, 0, 0, false, NULL },
};
