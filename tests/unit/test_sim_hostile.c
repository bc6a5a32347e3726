/* The simulator's formula engine against formulas that mean it harm: each
 * must be refused or end soon, within a bounded stack and heap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../sim/formula.h"

static int find(void *ctx, const char *name)
{
	(void)ctx;
	return !strcmp(name, "F") ? 0 : -1;
}

static struct fx_val field(void *ctx, int i, struct fx_arena *a)
{
	(void)ctx;
	(void)i;
	return fx_str(a, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxy", 30);
}

static const struct fx_names names = { NULL, find };

/* head, then middle so many times, then tail */
static char *repeated(const char *head, const char *middle, size_t n,
		      const char *tail)
{
	struct buf b = BUF_INIT;

	buf_str(&b, head);
	while (n--)
		buf_str(&b, middle);
	buf_str(&b, tail);
	return buf_steal(&b);
}

enum { REFUSED, ERROR_VALUE, ANY_VALUE };

static const struct {
	const char *name;
	const char *head;
	const char *middle;
	size_t n;
	const char *tail;
	int want;
} rows[] = {
	{ "open brackets", "", "(", 100000, "1", REFUSED },
	{ "minus signs", "", "-", 100000, "1", REFUSED },
	{ "calls in calls", "", "NOT(", 100000, "1", REFUSED },
	{ "braces", "", "{", 100000, "", REFUSED },
	{ "an open quote", "\"", "x", 1000000, "", REFUSED },
	{ "a name without end", "", "x", 1000000, "", REFUSED },
	{ "a sum without end", "F", "+F", 100000, "", REFUSED },
	{ "a long sum", "F", "+F", 1500, "", ANY_VALUE },
	{ "a long join", "LEN(F", "&F", 1500, ")", ANY_VALUE },
	{ "many arguments", "OR(F", ",F", 50000, ")", ANY_VALUE },
	{ "many names unknown", "OR(F", ",G", 50000, ")", REFUSED },
	{ "comparison chains", "F", "=F", 100000, "", REFUSED },
	{ "a number of many digits", "1", "0", 100000, "", ANY_VALUE },
	{ "nothing repeated for ever", "LEN(REPT(\"\",1000000000000000000))", "", 0, "",
	  ANY_VALUE },
	{ "much repeated", "REPT(F,1000000000)", "", 0, "", ERROR_VALUE },
	{ "repeated in turn", "REPT(REPT(REPT(F,30000),30000),30000)", "", 0, "",
	  ERROR_VALUE },
	{ "substituted in turn",
	  "SUBSTITUTE(REPT(F,30000),\"x\",REPT(F,30000))", "", 0, "",
	  ERROR_VALUE },
	{ "joined in turn", "LEN(REPT(F,30000)", "&REPT(F,30000)", 1000, ")",
	  ERROR_VALUE },
	{ "a replacement that grows",
	  "REGEX_REPLACE(REPT(F,10000),\"x\",REPT(F,30000))", "", 0, "",
	  ERROR_VALUE },
	{ "repeats multiplied",
	  "REGEX_MATCH(F,\"((((x{200}){200}){200}){200})\")", "", 0, "",
	  ERROR_VALUE },
	{ "repeats of nothing", "REGEX_MATCH(F,\"(()*)*\")", "", 0, "",
	  ANY_VALUE },
	{ "a back reference", "REGEX_MATCH(F,\"(x*)*\\\\1y\")", "", 0, "",
	  ERROR_VALUE },
	{ "groups in groups", "REGEX_MATCH(F,\"", "(", 900, "\")",
	  ERROR_VALUE },
	{ "a long pattern", "REGEX_MATCH(F,\"", "x", 100000, "\")",
	  ERROR_VALUE },
	{ "bad patterns", "REGEX_EXTRACT(F,\"[[:\\\\)*+?{\")", "", 0, "",
	  ANY_VALUE },
	{ "working days for ever", "WORKDAY(TODAY(),POWER(10,300))", "", 0, "",
	  ANY_VALUE },
	{ "a date far away", "DATEADD(TODAY(),POWER(10,300),\"years\")", "", 0, "",
	  ANY_VALUE },
	{ "dates far apart",
	  "WORKDAY_DIFF(\"0001-01-01\",\"9999-12-31\")", "", 0, "",
	  ANY_VALUE },
	{ "a format without end", "LEN(DATETIME_FORMAT(TODAY(),\"", "LLLL",
	  20000, "\"))", ANY_VALUE },
	{ "rounding beyond all digits", "ROUND(1.5,POWER(10,300))&ROUND(1.5,-POWER(10,300))",
	  "", 0, "", ANY_VALUE },
	{ "a slice beyond the ends", "ARRAYSLICE(F,-POWER(10,300),POWER(10,300))&\"\"", "", 0,
	  "", ANY_VALUE },
	{ "cuts beyond the ends",
	  "LEFT(F,POWER(10,300))&RIGHT(F,-1)&MID(F,POWER(10,300),POWER(10,300))&"
	  "REPLACE(F,POWER(10,300),POWER(10,300),F)", "", 0, "", ANY_VALUE },
};

static int run(size_t i, const char *text)
{
	struct fx_arena a = { 0 };
	struct fx_env env = { .field = field, .record_id = "recX",
			      .arena = &a };
	char err[200];
	struct fx_prog *p = fx_compile(text, &names, err, sizeof(err));
	int got = REFUSED;

	if (p) {
		struct fx_val v = fx_eval(p, &env);

		got = v.type == FX_ERR ? ERROR_VALUE : ANY_VALUE;
		if (rows[i].want == ANY_VALUE)
			got = ANY_VALUE;
	}
	fx_free(p);
	fx_arena_release(&a);
	return got;
}

static void test_bounded(void **state)
{
	int bad = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = repeated(rows[i].head, rows[i].middle, rows[i].n,
				      rows[i].tail);
		clock_t from = clock();
		int got = run(i, text);
		double s = (double)(clock() - from) / CLOCKS_PER_SEC;

		if (got != rows[i].want || s > 5) {
			print_error("%s: %d after %.1f s\n", rows[i].name, got,
				    s);
			bad++;
		}
		free(text);
	}
	assert_int_equal(bad, 0);
}

/* Cut, doubled and swapped pieces of formulas that are fine: whatever comes
 * of it, it must not break. The same pieces every time. */
static void test_mangled(void **state)
{
	static const char *const good[] = {
		"IF(AND({F}=\"a\",NOT(F)),1,SWITCH(F,1,2,3))",
		"DATETIME_FORMAT(DATEADD('2024-02-29',-1,'years'),'LLLL [x]')",
		"REGEX_REPLACE(F,\"(x+)(y?)\",\"$2-$1\")&'\\'\\\\'",
		"ARRAYJOIN(ARRAYSLICE(ARRAYUNIQUE(F,1,2),-2),\"\\n\")",
		"OR(RECORD_ID()='recX',1.5e3<=-2*(F/0))",
		"SUBSTITUTE(UPPER(MID(F,2,3)),\"\xc3\xa9\",\"\xf0\x9f\x98\x80\")",
	};
	uint32_t seed = 12345;

	(void)state;
	for (int k = 0; k < 30000; k++) {
		char text[512];
		size_t n = 0;

		for (int part = 0; part < 4; part++) {
			const char *s = good[(seed >> 8) % 6];
			size_t len = strlen(s), from, take;

			seed = seed * 1664525 + 1013904223;
			from = (seed >> 8) % len;
			seed = seed * 1664525 + 1013904223;
			take = (seed >> 8) % (len - from) + 1;
			memcpy(text + n, s + from, take);
			n += take;
		}
		text[n] = '\0';
		(void)run(0, text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_mangled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
