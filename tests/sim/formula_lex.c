#include "formula_int.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (c & 0x80);
}

static void lex_string(struct fx_lex *l, struct fx_tok *t)
{
	char q = *l->p++;

	t->kind = TK_STR;
	while (*l->p && *l->p != q) {
		char c = *l->p++;

		if (c == '\\' && *l->p) {
			c = *l->p++;
			if (c == 'n')
				c = '\n';
			else if (c == 't')
				c = '\t';
			else if (c == 'r')
				c = '\r';
		}
		buf_chr(&t->text, c);
	}
	if (*l->p != q)
		t->kind = TK_BAD;
	else
		l->p++;
}

static void lex_ref(struct fx_lex *l, struct fx_tok *t)
{
	l->p++;
	t->kind = TK_REF;
	while (*l->p && *l->p != '}') {
		if (*l->p == '\\' && l->p[1])
			l->p++;
		buf_chr(&t->text, *l->p++);
	}
	if (*l->p != '}')
		t->kind = TK_BAD;
	else
		l->p++;
}

static void lex_op(struct fx_lex *l, struct fx_tok *t)
{
	static const struct {
		const char *text;
		enum fx_tok_kind kind;
		enum fx_op op;
	} ops[] = {
		{ "!=", TK_OP, OP_NE },	  { "<=", TK_OP, OP_LE },
		{ ">=", TK_OP, OP_GE },	  { "=", TK_OP, OP_EQ },
		{ "<", TK_OP, OP_LT },	  { ">", TK_OP, OP_GT },
		{ "&", TK_OP, OP_JOIN },  { "+", TK_OP, OP_ADD },
		{ "-", TK_OP, OP_SUB },	  { "*", TK_OP, OP_MUL },
		{ "/", TK_OP, OP_DIV },	  { "(", TK_OPEN, OP_EQ },
		{ ")", TK_CLOSE, OP_EQ }, { ",", TK_COMMA, OP_EQ },
	};
	size_t i;

	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		size_t n = strlen(ops[i].text);

		if (strncmp(l->p, ops[i].text, n) != 0)
			continue;
		t->kind = ops[i].kind;
		t->op = ops[i].op;
		l->p += n;
		return;
	}
	t->kind = TK_BAD;
}

/* Digits with an optional fraction; "1a" is no number but a word. */
static bool lex_number(struct fx_lex *l, struct fx_tok *t)
{
	const char *p = l->p;

	while (isdigit((unsigned char)*p))
		p++;
	if (*p == '.' && isdigit((unsigned char)p[1])) {
		p++;
		while (isdigit((unsigned char)*p))
			p++;
	}
	if (p == l->p || is_word(*p))
		return false;
	t->kind = TK_NUM;
	t->num = strtod(l->p, NULL);
	l->p = p;
	return true;
}

/* Clears t and reads the next token into it. */
void fx_lex_next(struct fx_lex *l, struct fx_tok *t)
{
	buf_release(&t->text);
	while (isspace((unsigned char)*l->p))
		l->p++;
	if (!*l->p) {
		t->kind = TK_END;
	} else if (*l->p == '"' || *l->p == '\'') {
		lex_string(l, t);
	} else if (*l->p == '{') {
		lex_ref(l, t);
	} else if ((isdigit((unsigned char)*l->p) || *l->p == '.') &&
		   lex_number(l, t)) {
		return;
	} else if (is_word(*l->p)) {
		t->kind = TK_WORD;
		while (is_word(*l->p))
			buf_chr(&t->text, *l->p++);
	} else {
		lex_op(l, t);
	}
}
