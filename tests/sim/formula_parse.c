#include "formula_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mem.h"

#define DEPTH_MAX 100	/* nesting a request may ask for */
#define HEIGHT_MAX 2000	/* of the tree, which 1+1+1 makes high: it is walked
			 * by recursion */

struct parser {
	struct fx_lex lex;
	struct fx_tok tok;
	const struct fx_names *names;
	struct fx_prog *prog;
	struct buf unknown;	/* field names that do not exist */
	bool bad;
	int depth;
};

static struct fx_node *parse_expr(struct parser *p, int level);

void fx_node_free(struct fx_node *n)
{
	size_t i;

	if (!n)
		return;
	for (i = 0; i < n->n; i++)
		fx_node_free(n->arg[i]);
	free(n->arg);
	free(n->text);
	free(n);
}

static struct fx_node *node_new(enum fx_node_kind kind)
{
	struct fx_node *n = sim_alloc(sizeof(*n));

	n->kind = kind;
	return n;
}

static void node_add(struct fx_node *n, struct fx_node *arg)
{
	n->arg = sim_grow(n->arg, n->n, &n->cap, sizeof(*n->arg));
	n->arg[n->n++] = arg;
	if (arg->height >= n->height)
		n->height = arg->height + 1;
}

static void next(struct parser *p)
{
	fx_lex_next(&p->lex, &p->tok);
	if (p->tok.kind == TK_BAD)
		p->bad = true;
}

static struct fx_node *node_text(struct parser *p)
{
	struct fx_node *n = node_new(ND_CONST);

	n->value.type = FX_STR;
	n->value.str.n = p->tok.text.n;
	n->text = buf_steal(&p->tok.text);
	n->value.str.s = n->text;
	return n;
}

static struct fx_node *node_field(struct parser *p, const char *name)
{
	struct fx_node *n = node_new(ND_FIELD);
	struct fx_prog *g = p->prog;
	size_t i;

	n->field = p->names && p->names->find ?
			   p->names->find(p->names->ctx, name) : -1;
	if (n->field < 0) {
		if (p->unknown.n)
			buf_str(&p->unknown, ", ");
		buf_str(&p->unknown, name);
		return n;
	}
	for (i = 0; i < g->fields_n && g->fields[i] != n->field; i++)
		;
	if (i == g->fields_n) {
		g->fields = sim_grow(g->fields, g->fields_n, &g->fields_cap,
				     sizeof(*g->fields));
		g->fields[g->fields_n++] = n->field;
	}
	return n;
}

static bool all_const(const struct fx_node *n)
{
	size_t i;

	for (i = 0; i < n->n; i++)
		if (n->arg[i]->kind != ND_CONST)
			return false;
	return true;
}

/* Work that gives the same for every record is done once, here. */
static struct fx_node *fold(struct fx_node *n)
{
	struct fx_arena a = { 0 };
	struct fx_env env = { .arena = &a };
	struct fx_val v;
	struct fx_node *c;

	if (!all_const(n))
		return n;
	v = fx_node_eval(n, &env);
	if (v.type == FX_ARR) {
		fx_arena_release(&a);
		return n;
	}
	c = node_new(ND_CONST);
	c->value = v;
	if (v.type == FX_STR) {
		c->text = sim_strndup(v.str.s, v.str.n);
		c->value.str.s = c->text;
	}
	fx_arena_release(&a);
	fx_node_free(n);
	return c;
}

static struct fx_node *parse_call(struct parser *p, const char *name)
{
	struct fx_node *n = node_new(ND_CALL);

	n->func = fx_func_find(name);
	next(p);
	if (!n->func)
		p->bad = true;
	while (!p->bad && p->tok.kind != TK_CLOSE) {
		node_add(n, parse_expr(p, 0));
		if (p->tok.kind == TK_COMMA) {
			next(p);
			if (p->tok.kind == TK_CLOSE)
				p->bad = true;
		} else if (p->tok.kind != TK_CLOSE) {
			p->bad = true;
		}
	}
	if (p->bad)
		return n;
	next(p);
	if ((int)n->n < n->func->min ||
	    (n->func->max >= 0 && (int)n->n > n->func->max)) {
		p->bad = true;
		return n;
	}
	return n->func->pure && !p->unknown.n ? fold(n) : n;
}

static struct fx_node *parse_word(struct parser *p)
{
	char *name = buf_steal(&p->tok.text);
	struct fx_node *n;

	next(p);
	if (p->tok.kind == TK_OPEN)
		n = parse_call(p, name);
	else if (!strcasecmp(name, "values") &&
		 (!p->names || !p->names->find))
		n = node_new(ND_VALUES);
	else
		n = node_field(p, name);
	free(name);
	return n;
}

static struct fx_node *parse_primary(struct parser *p)
{
	struct fx_node *n = NULL;

	switch (p->tok.kind) {
	case TK_NUM:
		n = node_new(ND_CONST);
		n->value = fx_num(p->tok.num);
		next(p);
		break;
	case TK_STR:
		n = node_text(p);
		next(p);
		break;
	case TK_REF:
		n = node_field(p, p->tok.text.p ? p->tok.text.p : "");
		next(p);
		break;
	case TK_WORD:
		n = parse_word(p);
		break;
	case TK_OPEN:
		next(p);
		n = parse_expr(p, 0);
		if (p->tok.kind != TK_CLOSE)
			p->bad = true;
		else
			next(p);
		break;
	case TK_END:
	case TK_CLOSE:
	case TK_COMMA:
	case TK_OP:
	case TK_BAD:
	default:
		p->bad = true;
		n = node_new(ND_CONST);
	}
	return n;
}

static struct fx_node *parse_unary(struct parser *p)
{
	struct fx_node *n;

	if (p->tok.kind != TK_OP || p->tok.op != OP_SUB)
		return parse_primary(p);
	if (++p->depth > DEPTH_MAX) {
		p->bad = true;
		return node_new(ND_CONST);
	}
	next(p);
	n = node_new(ND_NEG);
	node_add(n, parse_unary(p));
	p->depth--;
	return p->bad ? n : fold(n);
}

static int level_of(enum fx_op op)
{
	switch (op) {
	case OP_JOIN:
		return 1;
	case OP_ADD:
	case OP_SUB:
		return 2;
	case OP_MUL:
	case OP_DIV:
		return 3;
	case OP_EQ:
	case OP_NE:
	case OP_LT:
	case OP_LE:
	case OP_GT:
	case OP_GE:
	default:
		return 0;
	}
}

static struct fx_node *parse_expr(struct parser *p, int level)
{
	struct fx_node *left;

	if (level > 3)
		return parse_unary(p);
	if (++p->depth > DEPTH_MAX * 4) {
		p->bad = true;
		p->depth--;
		return node_new(ND_CONST);
	}
	left = parse_expr(p, level + 1);
	while (!p->bad && p->tok.kind == TK_OP &&
	       level_of(p->tok.op) == level) {
		struct fx_node *n = node_new(ND_OP);

		n->op = p->tok.op;
		next(p);
		node_add(n, left);
		node_add(n, parse_expr(p, level + 1));
		if (n->height > HEIGHT_MAX)
			p->bad = true;
		left = p->bad ? n : fold(n);
	}
	p->depth--;
	return left;
}

/* ids of an OR of RECORD_ID() comparisons; false if it is none */
static bool collect_ids(struct fx_prog *g, const struct fx_node *n)
{
	size_t i;

	if (n->kind == ND_CALL && n->func && !strcmp(n->func->name, "OR")) {
		for (i = 0; i < n->n; i++)
			if (!collect_ids(g, n->arg[i]))
				return false;
		return n->n > 0;
	}
	if (n->kind != ND_OP || n->op != OP_EQ)
		return false;
	for (i = 0; i < 2; i++) {
		const struct fx_node *a = n->arg[i];
		const struct fx_node *b = n->arg[1 - i];

		if (a->kind != ND_CALL || !a->func ||
		    strcmp(a->func->name, "RECORD_ID") != 0 ||
		    b->kind != ND_CONST || b->value.type != FX_STR)
			continue;
		g->ids = sim_grow(g->ids, g->ids_n, &g->ids_cap,
				  sizeof(*g->ids));
		g->ids[g->ids_n++] = b->text;
		return true;
	}
	return false;
}

static void find_bound(struct fx_prog *g, const struct fx_node *n)
{
	size_t i;

	if (collect_ids(g, n))
		return;
	g->ids_n = 0;
	if (n->kind != ND_CALL || !n->func || strcmp(n->func->name, "AND") != 0)
		return;
	for (i = 0; i < n->n; i++) {
		if (collect_ids(g, n->arg[i]))
			return;
		g->ids_n = 0;
	}
}

struct fx_prog *fx_compile(const char *text, const struct fx_names *names,
			   char *err, size_t err_cap)
{
	struct parser p = { .lex = { text }, .names = names };

	p.prog = sim_alloc(sizeof(*p.prog));
	next(&p);
	p.prog->root = parse_expr(&p, 0);
	if (!p.bad && p.tok.kind != TK_END)
		p.bad = true;
	buf_release(&p.tok.text);
	if (p.bad || p.unknown.n) {
		if (p.bad)
			snprintf(err, err_cap, "Invalid formula. Please check "
					       "your formula text.");
		else
			snprintf(err, err_cap, "Unknown field names: %s",
				 p.unknown.p);
		buf_release(&p.unknown);
		fx_free(p.prog);
		return NULL;
	}
	find_bound(p.prog, p.prog->root);
	return p.prog;
}

void fx_free(struct fx_prog *p)
{
	if (!p)
		return;
	fx_node_free(p->root);
	free(p->fields);
	free(p->ids);
	free(p);
}

size_t fx_id_bound(const struct fx_prog *p, const char *const **ids)
{
	*ids = p->ids;
	return p->ids_n;
}

size_t fx_fields(const struct fx_prog *p, const int **index)
{
	*index = p->fields;
	return p->fields_n;
}
