#include "model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RECS_MAX 2000
#define VALUES_MAX 20000

const char *const model_field_ids[M_FIELDS] = { FA_NAME, FA_NOTE, FA_COUNT,
						FA_EXTRA };
const char *const model_field_names[M_FIELDS] = { "Name", "Note", "Count",
						  "Extra" };
static const char *const words[M_FIELDS] = { "Rec", "note", "", "extra" };

unsigned model_below(struct model *m, unsigned n)
{
	m->random ^= m->random << 13;
	m->random ^= m->random >> 7;
	m->random ^= m->random << 17;
	return (unsigned)((m->random >> 11) % n);
}

void model_tell(const struct model *m, const char *fmt, ...)
{
	va_list ap;

	if (!getenv("ATFS_STEPS"))
		return;
	fprintf(stderr, "# %u: ", m->step);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void model_broken(const struct model *m, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fail_msg("ATFS_SEED=%llu, step %u: %s", (unsigned long long)m->seed,
		 m->step, text);
	abort();
}

struct model_rec *model_add(struct model *m, bool here)
{
	struct model_rec *r = &m->recs[m->recs_n];

	assert_true(m->recs_n < RECS_MAX);
	m->recs_n++;
	*r = (struct model_rec){ .here = here };
	return r;
}

unsigned model_value(struct model *m, const struct model_rec *r,
		     unsigned field, bool here)
{
	assert_true(m->values_n + 1 < VALUES_MAX);
	m->values[++m->values_n] = (struct model_value){
		.rec = (unsigned)(r - m->recs), .field = field, .here = here,
		.accepted = !here,
	};
	return m->values_n;
}

json_t *model_json(unsigned field, unsigned value)
{
	if (!value)
		return json_null();
	if (field == M_COUNT)
		return json_integer(value);
	return json_sprintf("%s %u", words[field], value);
}

unsigned model_number(const json_t *cell)
{
	const char *s = json_string_value(cell), *p = s ? strrchr(s, ' ') : s;

	if (json_is_number(cell))
		return (unsigned)json_number_value(cell);
	return p ? (unsigned)strtoul(p, NULL, 10) : 0;
}

unsigned model_there(const struct model *m, const struct model_rec *r,
		     unsigned field)
{
	const struct fa_record *rec = fake_account_by_id(m->acc, r->id);

	return rec ? model_number(json_object_get(rec->cells,
						  model_field_ids[field])) :
		     0;
}

void model_saved(struct model *m, struct model_rec *r, unsigned field,
		 unsigned value, unsigned shown)
{
	struct model_field *f = &r->f[field];

	assert_true(shown <= m->values_n);
	m->values[shown].shown = true;
	f->mine = value;
	f->edited = true;
	f->arrived = false;
	if (value)
		m->values[value].accepted = true;
	else
		f->clears++;
	if (!value && r->id[0] && !model_there(m, r, field))
		f->arrived = true;
}

void model_edit_there(struct model *m, struct model_rec *r, unsigned field,
		      unsigned value)
{
	struct fa_record *rec = fake_account_by_id(m->acc, r->id);

	assert_non_null(rec);
	r->edited_there = true;
	rec->edited_ms = m->acc->clock->now_wall_ms;
	if (value) {
		json_object_set_new(rec->cells, model_field_ids[field],
				    model_json(field, value));
		return;
	}
	json_object_del(rec->cells, model_field_ids[field]);
	if (r->f[field].edited && !r->f[field].mine)
		r->f[field].arrived = true;
}

bool model_is_open(const struct model *m, const struct model_rec *r,
		   unsigned field)
{
	const struct model_field *f = &r->f[field];
	unsigned x;

	if (!f->edited || f->arrived)
		return false;
	if (f->mine)
		return !m->values[f->mine].applied;
	/* what was never seen here was not cleared: it was empty then, and
	 * what was written into it meanwhile is taken back */
	x = model_there(m, r, field);
	return !r->id[0] || !x || m->values[x].here || m->values[x].shown;
}

/* ---- what the account reports ---- */

static struct model_rec *rec_by_id(struct model *m, const char *id)
{
	for (unsigned i = 0; i < m->recs_n; i++)
		if (strcmp(m->recs[i].id, id) == 0)
			return &m->recs[i];
	return NULL;
}

static unsigned field_by_id(const char *id)
{
	unsigned i = 0;

	while (i < M_FIELDS && strcmp(model_field_ids[i], id) != 0)
		i++;
	assert_true(i < M_FIELDS);
	return i;
}

/* A value that was saved in this very field; its record's name may have been
 * another one's before, which is gone. */
static bool is_ours(const struct model *m, const struct model_rec *r,
		    unsigned field, unsigned value)
{
	const struct model_value *v = &m->values[value];

	if (value > m->values_n || !v->here || !v->accepted)
		return false;
	return (&m->recs[v->rec] == r && v->field == field) ||
	       (field == M_NAME && value == r->f[M_NAME].mine);
}

static void wrote(void *ctx, int64_t request, const struct fa_record *rec,
		  const char *id, const json_t *was, const json_t *now)
{
	struct model *m = ctx;
	struct model_rec *r = rec_by_id(m, rec->id);
	unsigned field = field_by_id(id), x = model_number(was),
		 v = model_number(now);
	const char *name = model_field_names[field];
	struct model_field *f;

	assert_non_null(r);
	f = &r->f[field];
	model_tell(m, "  written: %s %s %u over %u", r->file, name, v, x);
	if (v && !is_ours(m, r, field, v))
		model_broken(m, "'%s': %s %u is written, which nobody saved",
			     r->file, name, v);
	if (v && m->values[v].applied && !m->values[v].again && x != v)
		model_broken(m, "'%s': %s %u is written again, over %u",
			     r->file, name, v, x);
	if (!v && x && ++f->clears_done > f->clears)
		model_broken(m, "'%s': %s %u is cleared, which nobody did",
			     r->file, name, x);
	if (v && x && m->values[x].here && v < x)
		model_broken(m, "'%s': %s %u is written over %u, saved later",
			     r->file, name, v, x);
	if (x && x != v && !m->values[x].here && !m->values[x].shown &&
	    m->values[x].checked && request > m->values[x].checked)
		model_broken(m, "'%s': %s %u overwrites %u, which was read "
			     "before and never shown", r->file, name, v, x);
	m->values[v].applied = true;
	if (f->edited && v == f->mine)
		f->arrived = true;
}

/* Whose record is it? The values tell. */
static struct model_rec *whose(struct model *m, const struct fa_record *rec)
{
	static const unsigned order[] = { M_NOTE, M_EXTRA, M_COUNT };
	unsigned i, v;

	for (i = 0; i < 3; i++) {
		v = model_number(json_object_get(rec->cells,
						 model_field_ids[order[i]]));
		if (v && v <= m->values_n)
			return &m->recs[m->values[v].rec];
	}
	v = model_number(json_object_get(rec->cells, FA_NAME));
	for (i = m->recs_n; v && i-- > 0;)
		if (m->recs[i].here && (m->recs[i].f[M_NAME].mine == v ||
					m->values[v].rec == i))
			return &m->recs[i];
	return NULL;
}

static void made(void *ctx, const struct fa_record *rec)
{
	struct model *m = ctx;
	struct model_rec *r = whose(m, rec);
	unsigned i, v;

	if (!r || !r->here)
		model_broken(m, "%s is made, which nobody did", rec->id);
	model_tell(m, "  made: %s", r->file);
	if (r->id[0])
		model_broken(m, "'%s' is made twice: %s and %s", r->file, r->id,
			     rec->id);
	snprintf(r->id, sizeof(r->id), "%s", rec->id);
	for (i = 0; i < M_FIELDS; i++) {
		v = model_number(json_object_get(rec->cells,
						 model_field_ids[i]));
		if (v && !is_ours(m, r, i, v))
			model_broken(m, "'%s' is made with %s %u, which nobody "
				     "saved", r->file, model_field_names[i], v);
		m->values[v].applied = true;
		if (r->f[i].edited && r->f[i].mine == v)
			r->f[i].arrived = true;
	}
}

static void removed(void *ctx, const struct fa_record *rec)
{
	struct model *m = ctx;
	struct model_rec *r = rec_by_id(m, rec->id);

	assert_non_null(r);
	model_tell(m, "  removed: %s", r->file);
	if (!r->removed)
		model_broken(m, "'%s' is deleted, which nobody did", r->file);
}

static void checked_one(struct model *m, int64_t last, const json_t *rec)
{
	json_t *cells = json_object_get(rec, "fields");
	unsigned i, v;

	for (i = 0; i < M_FIELDS; i++) {
		v = model_number(json_object_get(cells, model_field_ids[i]));
		if (v && v <= m->values_n && !m->values[v].checked)
			m->values[v].checked = last;
	}
}

static void checked(void *ctx, int64_t last, const char *body)
{
	json_t *in = json_loads(body, 0, NULL), *rec;
	json_t *list = json_object_get(in, "records");
	size_t i;

	if (json_is_array(list)) {
		json_array_foreach(list, i, rec)
			checked_one(ctx, last, rec);
	} else {
		checked_one(ctx, last, in);
	}
	json_decref(in);
}

void model_init(struct model *m, uint64_t seed, struct fake_account *acc)
{
	*m = (struct model){
		.seed = seed,
		.random = seed * UINT64_C(0x9e3779b97f4a7c15) | 1,
		.acc = acc,
		.recs = calloc(RECS_MAX, sizeof(*m->recs)),
		.values = calloc(VALUES_MAX, sizeof(*m->values)),
	};
	assert_non_null(m->recs);
	assert_non_null(m->values);
	acc->watch = (struct fa_watch){ m, made, wrote, removed, checked };
}

void model_release(struct model *m)
{
	for (unsigned i = 0; i < m->recs_n; i++) {
		free(m->recs[i].refused_text);
		free(m->recs[i].good);
		free(m->recs[i].opened);
	}
	free(m->recs);
	free(m->values);
	memset(&m->acc->watch, 0, sizeof(m->acc->watch));
}
