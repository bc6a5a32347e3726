/* What a rollup may do with the values it gathers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../sim/formula.h"

static struct fx_val text(const char *s)
{
	return (struct fx_val){ .type = FX_STR,
				.str = { s, strlen(s) } };
}

enum set { NUMBERS, TEXTS, FLAGS, NONE };

static const struct {
	const char *formula;
	enum set of;
	const char *want;
} rows[] = {
	{ "SUM(values)", NUMBERS, "3.5" },
	{ "AVERAGE(values)", NUMBERS, "1.75" },	/* the blank one is none */
	{ "MIN(values)", NUMBERS, "1" },
	{ "MAX(values)", NUMBERS, "2.5" },
	{ "COUNT(values)", NUMBERS, "2" },
	{ "COUNTA(values)", NUMBERS, "2" },
	{ "COUNTALL(values)", NUMBERS, "3" },
	{ "MAX(values)-MIN(values)", NUMBERS, "1.5" },
	{ "IF(SUM(values)>3,\"big\",\"small\")", NUMBERS, "big" },
	{ "SUM(values)", NONE, "0" },
	{ "AVERAGE(values)", NONE, "NaN" },
	{ "COUNTALL(values)", NONE, "0" },
	{ "ARRAYJOIN(values)", NONE, "" },
	{ "SUM(values)", TEXTS, "0" },
	{ "COUNT(values)", TEXTS, "0" },
	{ "COUNTA(values)", TEXTS, "3" },
	{ "COUNTALL(values)", TEXTS, "4" },
	{ "CONCATENATE(values)", TEXTS, "bab" },
	{ "ARRAYJOIN(values,\"; \")", TEXTS, "b; a; ; b" },
	{ "ARRAYJOIN(ARRAYCOMPACT(values),\"; \")", TEXTS, "b; a; b" },
	{ "ARRAYJOIN(ARRAYUNIQUE(ARRAYCOMPACT(values)))", TEXTS, "b, a" },
	{ "ARRAYJOIN(ARRAYFLATTEN(values))", TEXTS, "b, a, , b" },
	{ "ARRAYJOIN(ARRAYSLICE(values,2,2))", TEXTS, "a" },
	{ "IF(AND(values),1,0)", FLAGS, "0" },
	{ "IF(OR(values),1,0)", FLAGS, "1" },
	{ "IF(XOR(values),1,0)", FLAGS, "0" },
	{ "COUNTALL(values)", FLAGS, "3" },
};

static void test_rollups(void **state)
{
	int bad = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fx_val sets[][4] = {
			{ fx_num(1), fx_num(2.5), fx_blank() },
			{ text("b"), text("a"), fx_blank(), text("b") },
			{ fx_bool(true), fx_bool(false), fx_bool(true) },
			{ fx_blank() },
		};
		static const size_t size[] = { 3, 4, 3, 0 };
		struct fx_val list = { .type = FX_ARR };
		struct fx_arena a = { 0 };
		struct fx_env env = { .values = &list, .arena = &a };
		char err[200];
		struct fx_prog *p = fx_compile(rows[i].formula, NULL, err,
					       sizeof(err));
		struct fx_val v;

		assert_non_null(p);
		list.arr.v = sets[rows[i].of];
		list.arr.n = size[rows[i].of];
		v = fx_eval(p, &env);
		v = fx_text(&v, &a);
		if (strcmp(v.str.s, rows[i].want) != 0) {
			print_error("%s over %d: '%s'\n", rows[i].formula,
				    rows[i].of, v.str.s);
			bad++;
		}
		fx_free(p);
		fx_arena_release(&a);
	}
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rollups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
