#include "cell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "timefmt.h"

static json_t *to_text(const json_t *in)
{
	struct buf b = BUF_INIT;
	json_t *v;

	if (json_is_string(in))
		return json_incref((json_t *)(uintptr_t)in);
	if (json_is_array(in)) {
		for (size_t i = 0; i < json_array_size(in); i++) {
			json_t *e = to_text(json_array_get(in, i));

			if (i)
				buf_str(&b, ", ");
			buf_str(&b, json_string_value(e));
			json_decref(e);
		}
	} else {
		buf_json(&b, in);
	}
	v = json_stringn(b.p ? b.p : "", b.n);
	buf_release(&b);
	return v;
}

/* "1:30" and "1:02:03.5": hours, minutes, seconds; as a number, seconds */
static bool clock_text(const char *s, double *out)
{
	double part[3] = { 0 };
	bool minus = *s == '-';
	size_t n = 0;
	char *end;

	for (s += minus; n < 3; s = end + 1) {
		if (*s < '0' || *s > '9')
			return false;
		part[n++] = strtod(s, &end);
		if (*end != ':')
			break;
	}
	if (*end || n < 2)
		return false;
	*out = part[0] * 3600 + part[1] * 60 + part[2];
	*out = minus ? -*out : *out;
	return true;
}

/* "1,234.50", "$12" and "15%" are numbers to typecast. */
static json_t *to_number(const struct field *f, const json_t *in)
{
	const char *s = json_string_value(in);
	char text[64];
	size_t n = 0;
	char *end;
	double d;

	if (json_is_boolean(in))
		return json_real(json_is_true(in));
	if (!s)
		return json_incref((json_t *)(uintptr_t)in);
	if (!*s)
		return json_null();
	if (f->type == FT_DURATION && clock_text(s, &d))
		return json_real(d);
	for (; *s; s++) {
		if (*s == ',' || *s == ' ' || *s == '$' || (*s & 0x80))
			continue;
		if (n + 1 >= sizeof(text))
			return NULL;
		text[n++] = *s;
	}
	text[n] = '\0';
	d = strtod(text, &end);
	if (end == text)
		return NULL;
	if (*end == '%' && f->type == FT_PERCENT) {
		d /= 100;
		end++;
	}
	return *end ? NULL : json_real(d);
}

static json_t *to_bool(const json_t *in)
{
	static const char *const yes[] = { "true", "yes", "y", "1", "on",
					   "checked", "x" };
	const char *s = json_string_value(in);

	if (json_is_number(in))
		return json_boolean(json_number_value(in) != 0);
	if (!s)
		return json_incref((json_t *)(uintptr_t)in);
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (!strcasecmp(s, yes[i]))
			return json_true();
	return json_false();
}

static bool slash_date(const char *s, bool european, int64_t *ms)
{
	struct civil c = { 0 };
	int a, b, y, used = 0;

	if (sscanf(s, "%2d/%2d/%4d%n", &a, &b, &y, &used) != 3 || s[used])
		return false;
	c.year = y;
	c.mon = european ? b : a;
	c.day = european ? a : b;
	if (c.mon < 1 || c.mon > 12 || c.day < 1 || y < 1000 ||
	    c.day > time_month_days(y, c.mon))
		return false;
	*ms = time_from_civil(&c);
	return true;
}

static json_t *to_date(const struct field *f, const json_t *in)
{
	const json_t *fmt = json_object_get(f->options, "dateFormat");
	const char *name = json_string_value(json_object_get(fmt, "name"));
	const char *s = json_string_value(in);
	char text[TIME_CAP];
	bool t, z;
	int64_t ms;

	if (!s)
		return json_incref((json_t *)(uintptr_t)in);
	t = z = false;
	if (!time_parse_iso(s, strlen(s), &ms, &t, &z) &&
	    !slash_date(s, name && !strcmp(name, "european"), &ms))
		return NULL;
	if (f->type == FT_DATETIME && !z)
		ms = cell_zoned(f, ms);
	if (f->type == FT_DATE)
		time_date(ms, text);
	else
		time_iso(ms, text);
	return json_string(text);
}

static json_t *wrapped(const json_t *in)
{
	json_t *list;

	if (json_is_array(in))
		return json_incref((json_t *)(uintptr_t)in);
	list = json_array();
	json_array_append(list, (json_t *)(uintptr_t)in);
	return list;
}

/* A choice that differs in case alone is taken; unknown ones are left for
 * cell_check, which adds them. */
static json_t *to_choice(const struct field *f, const json_t *in)
{
	const json_t *list = json_object_get(f->options, "choices");
	json_t *text = to_text(in);
	const char *s = json_string_value(text);

	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *c = json_array_get(list, i);
		json_t *n = json_object_get(c, "name");

		if (json_is_string(n) && !strcasecmp(json_string_value(n), s) &&
		    strcmp(json_string_value(n), s) != 0) {
			json_decref(text);
			return json_incref(n);
		}
	}
	return text;
}

static json_t *to_choices(const struct field *f, const json_t *in)
{
	const char *s = json_string_value(in);
	json_t *list = json_array();

	while (s && *s) {
		size_t n = strcspn(s, ",");
		json_t *part = json_stringn(s, n);

		json_array_append_new(list, to_choice(f, part));
		json_decref(part);
		s += n;
		s += strspn(s, ", ");
	}
	for (size_t i = 0; i < json_array_size(in); i++)
		json_array_append_new(list,
				      to_choice(f, json_array_get(in, i)));
	return list;
}

static const char *row_named(struct cell_plan *p, struct table *t,
			     const char *name)
{
	struct plan_row *w;

	for (size_t i = 0; i < t->rows_n; i++) {
		const json_t *v = t->rows[i]->cells[t->primary->index].v;

		if (json_is_string(v) && !strcmp(json_string_value(v), name))
			return t->rows[i]->id;
	}
	for (size_t i = 0; i < p->rows_n; i++)
		if (p->rows[i].table == t && !strcmp(p->rows[i].name, name))
			return p->rows[i].id;
	if (t->primary->type != FT_TEXT && t->primary->type != FT_LONG_TEXT)
		return NULL;
	p->rows = sim_grow(p->rows, p->rows_n, &p->rows_cap,
			   sizeof(*p->rows));
	w = &p->rows[p->rows_n++];
	w->table = t;
	w->name = sim_strdup(name);
	id_make(&p->state->rng, "rec", w->id);
	return w->id;
}

static json_t *to_links(struct cell_plan *p, struct field *f, const json_t *in)
{
	json_t *from = wrapped(in);
	json_t *list = json_array();

	for (size_t i = 0; i < json_array_size(from); i++) {
		const char *s = json_string_value(json_array_get(from, i));
		const char *id = s;

		if (s && f->linked && !base_record(f->table->base, s))
			id = *s ? row_named(p, f->linked, s) : NULL;
		if (id)
			json_array_append_new(list, json_string(id));
	}
	json_decref(from);
	return list;
}

static json_t *to_user(const struct cell_plan *p, const json_t *in)
{
	const char *s = json_string_value(in);
	json_t *o;

	if (!s)
		return json_incref((json_t *)(uintptr_t)in);
	o = json_object();
	for (size_t i = 0; i < p->state->users_n; i++) {
		const struct user *u = &p->state->users[i];

		if (!strcmp(u->id, s) || (u->name && !strcmp(u->name, s)) ||
		    (u->email && !strcasecmp(u->email, s)))
			json_object_set_new(o, "id", json_string(u->id));
	}
	return o;
}

json_t *cell_cast(struct cell_plan *p, struct field *f, const json_t *in)
{
	json_t *list, *out;

	switch ((int)f->type) {
	case FT_TEXT:
	case FT_LONG_TEXT:
	case FT_RICH_TEXT:
	case FT_EMAIL:
	case FT_URL:
	case FT_PHONE:
		return to_text(in);
	case FT_NUMBER:
	case FT_PERCENT:
	case FT_CURRENCY:
	case FT_DURATION:
	case FT_RATING:
		return to_number(f, in);
	case FT_CHECKBOX:
		return to_bool(in);
	case FT_DATE:
	case FT_DATETIME:
		return to_date(f, in);
	case FT_SELECT:
		return to_choice(f, in);
	case FT_SELECTS:
		return to_choices(f, in);
	case FT_LINKS:
		return to_links(p, f, in);
	case FT_COLLABORATOR:
		return to_user(p, in);
	case FT_COLLABORATORS:
		list = wrapped(in);
		out = json_array();
		for (size_t i = 0; i < json_array_size(list); i++)
			json_array_append_new(
				out, to_user(p, json_array_get(list, i)));
		json_decref(list);
		return out;
	case FT_BARCODE:
		return json_is_string(in) ? json_pack("{s:O}", "text", in) :
					    json_incref((json_t *)(uintptr_t)in);
	default:
		return json_incref((json_t *)(uintptr_t)in);
	}
}
