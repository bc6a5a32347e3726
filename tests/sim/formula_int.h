/* formula_int - what the parts of the formula engine share: tokens, the
 * tree, and the function table.
 * Owns:    a node owns its text and children.
 * Threads: as formula.h.    Errors: as formula.h. */
#ifndef SIM_FORMULA_INT_H
#define SIM_FORMULA_INT_H

#include "formula.h"

enum fx_tok_kind {
	TK_END, TK_NUM, TK_STR, TK_REF, TK_WORD, TK_OPEN, TK_CLOSE, TK_COMMA,
	TK_OP, TK_BAD
};

enum fx_op {
	OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_JOIN, OP_ADD, OP_SUB,
	OP_MUL, OP_DIV
};

struct fx_tok {
	enum fx_tok_kind kind;
	enum fx_op op;
	double num;
	struct buf text;	/* of strings, references and words */
};

struct fx_lex {
	const char *p;
};

void fx_lex_next(struct fx_lex *l, struct fx_tok *t);

struct fx_func;

enum fx_node_kind { ND_CONST, ND_FIELD, ND_VALUES, ND_CALL, ND_OP, ND_NEG };

struct fx_node {
	enum fx_node_kind kind;
	enum fx_op op;
	int field;
	const struct fx_func *func;
	struct fx_val value;		/* ND_CONST; text lies in `text` */
	char *text;
	struct fx_node **arg;
	size_t n;
	size_t cap;
	int height;		/* of the tree below */
};

struct fx_call {
	const struct fx_node *node;
	const struct fx_env *env;
};

/* Functions get their arguments unevaluated, so that IF and SWITCH leave
 * the branch not taken alone. */
struct fx_func {
	const char *name;
	int min;
	int max;		/* -1: any number */
	bool pure;		/* constant arguments give a constant */
	struct fx_val (*run)(const struct fx_call *c);
};

const struct fx_func *fx_func_find(const char *name);
extern const struct fx_func fx_funcs_logic[];
extern const struct fx_func fx_funcs_text[];
extern const struct fx_func fx_funcs_regex[];
extern const struct fx_func fx_funcs_num[];
extern const struct fx_func fx_funcs_date[];
extern const struct fx_func fx_funcs_week[];

/* The weekday an argument names as the week's first; 0 = Sunday. */
int fx_first_day(const struct fx_call *c, size_t arg);

struct fx_val fx_node_eval(const struct fx_node *n, const struct fx_env *env);
struct fx_val fx_arg(const struct fx_call *c, size_t i);
double fx_arg_num(const struct fx_call *c, size_t i);
struct fx_val fx_arg_text(const struct fx_call *c, size_t i);
bool fx_equal(const struct fx_val *a, const struct fx_val *b,
	      struct fx_arena *ar);

/* All elements of all arguments from `from` on, lists flattened. */
struct fx_val fx_flatten(const struct fx_call *c, size_t from);

void fx_node_free(struct fx_node *n);

struct fx_prog {
	struct fx_node *root;
	int *fields;
	size_t fields_n;
	size_t fields_cap;
	const char **ids;
	size_t ids_n;
	size_t ids_cap;
};

#endif
