#include "cell.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "attach.h"
#include "mem.h"
#include "timefmt.h"
#include "tz.h"

int cell_refuse(const struct field *f, struct reply *rep)
{
	return reply_errorf(rep, ERR_VALUE,
			    "Field \"%s\" cannot accept the provided value",
			    f->name);
}

json_t *cell_cleared(const struct record *rec, const struct field *f)
{
	if (f->type == FT_RICH_TEXT && rec && rec->cells[f->index].v)
		return json_string("\n");
	return NULL;
}

/* "* " bullets become "- " and the text ends in a newline: the two changes
 * that were recorded (airtable-api.md 9.3). */
static json_t *rich_text(const char *s, size_t n)
{
	struct buf b = BUF_INIT;
	bool start = true;
	json_t *v;

	for (size_t i = 0; i < n; i++) {
		char c = s[i];

		if (start && c == '*' && i + 1 < n && s[i + 1] == ' ')
			c = '-';
		start = c == '\n' || (start && c == ' ');
		buf_chr(&b, c);
	}
	if (!b.n || b.p[b.n - 1] != '\n')
		buf_chr(&b, '\n');
	v = json_stringn(b.p, b.n);
	buf_release(&b);
	return v;
}

/* By switch: CRLF becomes LF, and blanks at the end go. */
static json_t *trimmed(const char *s, size_t n)
{
	struct buf b = BUF_INIT;
	json_t *v;

	for (size_t i = 0; i < n; i++)
		if (s[i] != '\r' || i + 1 == n || s[i + 1] != '\n')
			buf_chr(&b, s[i]);
	while (b.n && (b.p[b.n - 1] == ' ' || b.p[b.n - 1] == '\t'))
		b.n--;
	v = b.n ? json_stringn(b.p, b.n) : NULL;
	buf_release(&b);
	return v;
}

static int check_text(const struct cell_plan *p, const struct record *rec,
		      const struct field *f, const json_t *in, json_t **out,
		      struct reply *rep)
{
	const struct quirks *q = &p->state->quirk;
	size_t n = json_string_length(in);

	if (!json_is_string(in) || (q->max_text && n > (size_t)q->max_text))
		return cell_refuse(f, rep);
	if (!n)
		*out = cell_cleared(rec, f);
	else if (f->type == FT_RICH_TEXT)
		*out = rich_text(json_string_value(in), n);
	else if (q->trim_text)
		*out = trimmed(json_string_value(in), n);
	else
		*out = json_stringn(json_string_value(in), n);
	return 0;
}

static double rounded(const struct field *f, double d)
{
	double scale = pow(10, json_number_value(
		json_object_get(f->options, "precision")));
	double r = round(d * scale) / scale;

	return json_object_get(f->options, "precision") && isfinite(r) ? r : d;
}

static int check_number(const struct cell_plan *p, const struct field *f,
			const json_t *in, json_t **out, struct reply *rep)
{
	const json_t *max = json_object_get(f->options, "max");
	double d = json_number_value(in);

	if (!json_is_number(in) || !isfinite(d))
		return cell_refuse(f, rep);
	if (f->type == FT_RATING &&
	    (d < 1 || d != floor(d) ||
	     d > (max ? json_number_value(max) : 10)))
		return cell_refuse(f, rep);
	*out = json_real(p->state->quirk.round_numbers ? rounded(f, d) : d);
	return 0;
}

bool cell_has_choice(const struct cell_plan *p, const struct field *f,
		     const char *name)
{
	const json_t *list = json_object_get(f->options, "choices");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *c = json_array_get(list, i);
		const char *s = json_string_value(json_object_get(c, "name"));

		if (s && !strcmp(s, name))
			return true;
	}
	for (size_t i = 0; i < p->choices_n; i++)
		if (p->choices[i].field == f &&
		    !strcmp(p->choices[i].name, name))
			return true;
	return false;
}

/* With typecast a creator may add a choice on the fly. */
static int check_choice(struct cell_plan *p, struct field *f, const char *name,
			struct reply *rep)
{
	if (cell_has_choice(p, f, name))
		return 0;
	if (!p->typecast || (p->level < LV_CREATE &&
			     !p->state->quirk.choice_by_editor))
		return reply_errorf(rep, ERR_CHOICE,
				    "Insufficient permissions to create new "
				    "select option \"%s\"", name);
	p->choices = sim_grow(p->choices, p->choices_n, &p->choices_cap,
			      sizeof(*p->choices));
	p->choices[p->choices_n].field = f;
	p->choices[p->choices_n++].name = sim_strdup(name);
	return 0;
}

static int check_select(struct cell_plan *p, struct field *f, const json_t *in,
			json_t **out, struct reply *rep)
{
	if (!json_is_string(in))
		return cell_refuse(f, rep);
	if (!json_string_length(in))
		return 0;
	if (check_choice(p, f, json_string_value(in), rep))
		return -1;
	*out = json_string(json_string_value(in));
	return 0;
}

static bool has_string(const json_t *list, const char *s)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!strcmp(json_string_value(json_array_get(list, i)), s))
			return true;
	return false;
}

static int check_selects(struct cell_plan *p, struct field *f,
			 const json_t *in, json_t **out, struct reply *rep)
{
	json_t *list;

	if (!json_is_array(in))
		return cell_refuse(f, rep);
	list = json_array();
	for (size_t i = 0; i < json_array_size(in); i++) {
		const char *s = json_string_value(json_array_get(in, i));
		int r = s && *s ? check_choice(p, f, s, rep) :
				  cell_refuse(f, rep);

		if (r) {
			json_decref(list);
			return r;
		}
		if (!has_string(list, s))
			json_array_append_new(list, json_string(s));
	}
	*out = list;
	return 0;
}

/* A time without zone is one of the field's zone (airtable-api.md 9.1). */
int64_t cell_zoned(const struct field *f, int64_t ms)
{
	const char *name = json_string_value(
		json_object_get(f->options, "timeZone"));
	const struct tz *zone;

	return name && tz_find(name, &zone) ? tz_utc_ms(zone, ms) : ms;
}

static int check_date(const struct field *f, const json_t *in, json_t **out,
		      struct reply *rep)
{
	const char *s = json_string_value(in);
	char text[TIME_CAP];
	bool has_time, has_zone;
	int64_t ms;

	if (f->type == FT_DATE) {
		if (!s || !time_parse_date(s, strlen(s), &ms))
			return cell_refuse(f, rep);
		time_date(ms, text);
	} else if (json_is_number(in)) {
		double d = json_number_value(in);

		if (!(fabs(d) < 8.64e15))	/* JavaScript's last date */
			return cell_refuse(f, rep);
		time_iso((int64_t)d, text);
	} else {
		if (!s || !time_parse_iso(s, strlen(s), &ms, &has_time,
					  &has_zone))
			return cell_refuse(f, rep);
		time_iso(has_zone ? ms : cell_zoned(f, ms), text);
	}
	*out = json_string(text);
	return 0;
}

static json_t *collaborator(const struct cell_plan *p, const json_t *in,
			    bool bare_id)
{
	const char *key = NULL;
	long at;

	if (json_is_object(in)) {
		key = json_string_value(json_object_get(in, "id"));
		if (!key)
			key = json_string_value(json_object_get(in, "email"));
	} else if (bare_id) {
		key = json_string_value(in);
	}
	at = key ? state_find_user(p->state, key) : -1;
	return at < 0 ? NULL : state_user_json(p->state, (uint32_t)at);
}

static int check_collaborators(const struct cell_plan *p,
			       const struct field *f, const json_t *in,
			       json_t **out, struct reply *rep)
{
	json_t *list;

	if (f->type == FT_COLLABORATOR) {
		*out = collaborator(p, in, false);
		return *out ? 0 : cell_refuse(f, rep);
	}
	if (!json_is_array(in))
		return cell_refuse(f, rep);
	list = json_array();
	for (size_t i = 0; i < json_array_size(in); i++) {
		json_t *u = collaborator(p, json_array_get(in, i), true);

		if (!u) {
			json_decref(list);
			return cell_refuse(f, rep);
		}
		json_array_append_new(list, u);
	}
	*out = list;
	return 0;
}

static bool planned_row(const struct cell_plan *p, const char *id)
{
	for (size_t i = 0; i < p->rows_n; i++)
		if (!strcmp(p->rows[i].id, id))
			return true;
	return false;
}

static int check_link(const struct cell_plan *p, const struct field *f,
		      const json_t *list, const char *id, struct reply *rep)
{
	struct record *o;

	if (!id || !id_is(id, "rec") ||
	    (has_string(list, id) && !p->state->quirk.dedupe))
		return cell_refuse(f, rep);
	if (planned_row(p, id))
		return 0;
	o = base_record(f->table->base, id);
	if (!o || (f->linked && o->table != f->linked))
		return reply_errorf(rep, ERR_ROW,
				    "Record ID %s does not exist in this "
				    "table", id);
	return 0;
}

static int check_links(const struct cell_plan *p, const struct field *f,
		       const json_t *in, json_t **out, struct reply *rep)
{
	json_t *list;

	if (!json_is_array(in))
		return cell_refuse(f, rep);
	list = json_array();
	for (size_t i = 0; i < json_array_size(in); i++) {
		const char *id = json_string_value(json_array_get(in, i));

		if (check_link(p, f, list, id, rep)) {
			json_decref(list);
			return -1;
		}
		if (!has_string(list, id))
			json_array_append_new(list, json_string(id));
	}
	*out = list;
	return 0;
}

static int check_barcode(const struct field *f, const json_t *in, json_t **out,
			 struct reply *rep)
{
	const json_t *text = json_object_get(in, "text");
	const json_t *type = json_object_get(in, "type");

	if (!json_is_object(in) || !json_is_string(text) ||
	    (type && !json_is_string(type) && !json_is_null(type)) ||
	    json_object_size(in) != 1 + (type != NULL))
		return cell_refuse(f, rep);
	if (!json_string_length(text))
		return 0;
	*out = json_object();
	json_object_set_new(*out, "text",
			    json_string(json_string_value(text)));
	if (json_is_string(type))
		json_object_set_new(*out, "type",
				    json_string(json_string_value(type)));
	return 0;
}

static int check_typed(struct cell_plan *p, const struct record *rec,
		       struct field *f, const json_t *in, json_t **out,
		       struct reply *rep)
{
	switch ((int)f->type) {
	case FT_TEXT:
	case FT_LONG_TEXT:
	case FT_RICH_TEXT:
	case FT_EMAIL:
	case FT_URL:
	case FT_PHONE:
		return check_text(p, rec, f, in, out, rep);
	case FT_NUMBER:
	case FT_PERCENT:
	case FT_CURRENCY:
	case FT_DURATION:
	case FT_RATING:
		return check_number(p, f, in, out, rep);
	case FT_CHECKBOX:
		if (!json_is_boolean(in))
			return cell_refuse(f, rep);
		*out = json_is_true(in) ? json_true() : NULL;
		return 0;
	case FT_SELECT:
		return check_select(p, f, in, out, rep);
	case FT_SELECTS:
		return check_selects(p, f, in, out, rep);
	case FT_DATE:
	case FT_DATETIME:
		return check_date(f, in, out, rep);
	case FT_COLLABORATOR:
	case FT_COLLABORATORS:
		return check_collaborators(p, f, in, out, rep);
	case FT_LINKS:
		return check_links(p, f, in, out, rep);
	case FT_ATTACHMENTS:
		return attach_check(p, rec, f, in, out, rep);
	case FT_BARCODE:
		return check_barcode(f, in, out, rep);
	default:
		return cell_refuse(f, rep);
	}
}

static bool is_date_type(const struct field *f)
{
	return f->type == FT_DATE || f->type == FT_DATETIME;
}

int cell_check(struct cell_plan *p, const struct record *rec, struct field *f,
	       const json_t *in, json_t **out, struct reply *rep)
{
	json_t *cast = NULL;
	int r;

	*out = NULL;
	if (field_is_computed(f->type))
		return reply_errorf(rep, ERR_VALUE,
				    "Field \"%s\" cannot accept a value "
				    "because the field is computed", f->name);
	if (json_is_null(in) ||
	    (is_date_type(f) && json_is_string(in) &&
	     !json_string_length(in))) {
		*out = cell_cleared(rec, f);
		return 0;
	}
	if (p->typecast) {
		cast = cell_cast(p, f, in);
		if (!cast)
			return cell_refuse(f, rep);
		in = cast;
	}
	if (json_is_null(in))
		r = 0;
	else
		r = check_typed(p, rec, f, in, out, rep);
	json_decref(cast);
	if (json_is_array(*out) && !json_array_size(*out)) {
		json_decref(*out);
		*out = NULL;
	}
	return r;
}

void cell_plan_commit(struct cell_plan *p)
{
	for (size_t i = 0; i < p->choices_n; i++) {
		struct field *f = p->choices[i].field;
		json_t *c = json_object();
		json_t *list;
		char id[ID_CAP];

		id_make(&p->state->rng, "sel", id);
		json_object_set_new(c, "id", json_string(id));
		json_object_set_new(c, "name",
				    json_string(p->choices[i].name));
		if (!f->options)
			f->options = json_object();
		list = json_object_get(f->options, "choices");
		if (!list) {
			list = json_array();
			json_object_set_new(f->options, "choices", list);
		}
		json_array_append_new(list, c);
	}
	for (size_t i = 0; i < p->rows_n; i++) {
		struct plan_row *w = &p->rows[i];
		struct record *r = table_add_record(p->state, w->table, w->id,
						    &p->actor);

		record_put(r, w->table->primary, json_string(w->name));
	}
}

void cell_plan_release(struct cell_plan *p)
{
	for (size_t i = 0; i < p->choices_n; i++)
		free(p->choices[i].name);
	for (size_t i = 0; i < p->rows_n; i++)
		free(p->rows[i].name);
	free(p->choices);
	free(p->rows);
}
