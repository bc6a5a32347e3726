/* formula - compiles and evaluates Airtable formulas.
 * Units:   instants in milliseconds since the epoch, UTC.
 * Owns:    a compiled formula owns its tree; values made by fx_eval live in
 *          the arena given and die with fx_arena_reset.
 * Threads: a compiled formula is read-only and may be shared; an arena and
 *          an environment belong to one evaluation.
 * Errors:  fx_compile returns NULL and fills `err`; evaluation never fails,
 *          a wrong operation yields FX_ERR or NaN as the product does.
 * Source:  airtable-api.md 10. */
#ifndef SIM_FORMULA_H
#define SIM_FORMULA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

enum fx_type { FX_BLANK, FX_NUM, FX_STR, FX_BOOL, FX_DATE, FX_ARR, FX_ERR };

struct tz;

struct fx_val {
	enum fx_type type;
	union {
		double num;
		bool truth;
		int64_t ms;
		struct {
			const char *s;	/* NUL-terminated */
			size_t n;
		} str;
		struct {
			struct fx_val *v;
			size_t n;
		} arr;
	};
	const struct tz *zone;	/* of a date; NULL: UTC */
};

struct fx_block;

/* One evaluation may use so much: a byte of values counts 1, a step 16.
 * What goes beyond is an error value, so no formula holds the server. */
#define FX_WORK_MAX (256u << 20)
#define FX_TEXT_MAX (1u << 20)	/* bytes of a text made by repeating */

struct fx_arena {
	struct fx_block *first;
	size_t work;
	size_t errors;	/* arguments of the running call that were one */
};

void *fx_arena_get(struct fx_arena *a, size_t n);
void fx_arena_reset(struct fx_arena *a);	/* keeps one block */
void fx_arena_release(struct fx_arena *a);

/* How names become numbers at compile time. */
struct fx_names {
	void *ctx;
	/* index of the field with this name or id, or -1 */
	int (*find)(void *ctx, const char *name);
};

/* What a formula may ask about the record it runs for. */
struct fx_env {
	void *ctx;
	struct fx_val (*field)(void *ctx, int index, struct fx_arena *a);
	/* newest change of the fields given, of any editable one if n = 0;
	 * negative when there is none */
	int64_t (*modified)(void *ctx, const int *index, size_t n);
	const char *record_id;
	int64_t created_ms;
	int64_t now_ms;
	const struct fx_val *values;	/* what `values` means in a rollup */
	struct fx_arena *arena;
};

struct fx_prog;

struct fx_prog *fx_compile(const char *text, const struct fx_names *names,
			   char *err, size_t err_cap);
void fx_free(struct fx_prog *p);
struct fx_val fx_eval(const struct fx_prog *p, const struct fx_env *env);

/* True for all that filterByFormula lets through. */
bool fx_truthy(const struct fx_val *v);

/* If only records from a fixed set of ids can pass (an OR of comparisons
 * with RECORD_ID(), perhaps inside an AND), the number of those ids, which
 * may repeat; 0 if there is no such bound. The array is the program's. */
size_t fx_id_bound(const struct fx_prog *p, const char *const **ids);

/* Fields the formula reads, in order of appearance; the program's. */
size_t fx_fields(const struct fx_prog *p, const int **index);

/* Conversions, also used to turn a result into a cell. */
struct fx_val fx_blank(void);
struct fx_val fx_num(double d);
struct fx_val fx_bool(bool b);
struct fx_val fx_date(int64_t ms);
struct fx_val fx_error(void);
struct fx_val fx_str(struct fx_arena *a, const char *s, size_t n);
struct fx_val fx_text(const struct fx_val *v, struct fx_arena *a);
double fx_number(const struct fx_val *v);
bool fx_instant(const struct fx_val *v, int64_t *ms);

#endif
