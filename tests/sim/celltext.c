#include "celltext.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cellval.h"
#include "formula_datefmt.h"
#include "timefmt.h"

static const struct {
	const char *locale;
	const char *date;
} locales[] = {
	{ "en", "M/D/YYYY" },	    { "en-us", "M/D/YYYY" },
	{ "en-gb", "DD/MM/YYYY" },  { "en-au", "DD/MM/YYYY" },
	{ "en-ie", "DD-MM-YYYY" },  { "en-nz", "DD/MM/YYYY" },
	{ "en-ca", "YYYY-MM-DD" },  { "de", "D.M.YYYY" },
	{ "de-at", "D.M.YYYY" },    { "fr", "DD/MM/YYYY" },
	{ "fr-ca", "YYYY-MM-DD" },  { "fr-ch", "DD.MM.YYYY" },
	{ "es", "DD/MM/YYYY" },	    { "es-mx", "DD/MM/YYYY" },
	{ "it", "DD/MM/YYYY" },	    { "nl", "DD-MM-YYYY" },
	{ "nl-be", "DD/MM/YYYY" },  { "pt", "DD/MM/YYYY" },
	{ "pt-br", "DD/MM/YYYY" },  { "pl", "DD.MM.YYYY" },
	{ "cs", "DD.MM.YYYY" },	    { "da", "DD.MM.YYYY" },
	{ "nb", "DD.MM.YYYY" },	    { "nn", "DD.MM.YYYY" },
	{ "fi", "D.M.YYYY" },	    { "sv", "YYYY-MM-DD" },
	{ "ru", "DD.MM.YYYY" },	    { "uk", "DD.MM.YYYY" },
	{ "tr", "DD.MM.YYYY" },	    { "hu", "YYYY.MM.DD." },
	{ "el", "DD/MM/YYYY" },	    { "he", "D/M/YYYY" },
	{ "ja", "YYYY/MM/DD" },	    { "ko", "YYYY.MM.DD." },
	{ "zh-cn", "YYYY/MM/DD" },  { "zh-tw", "YYYY/MM/DD" },
	{ "vi", "DD/MM/YYYY" },	    { "th", "DD/MM/YYYY" },
	{ "id", "DD/MM/YYYY" },	    { "ro", "DD.MM.YYYY" },
};

int celltext_look(struct celltext_look *l, const char *zone,
		  const char *locale)
{
	*l = (struct celltext_look){ .on = true };
	if (!zone || !locale || !strcmp(zone, "UTC") ||
	    !tz_find(zone, &l->zone))
		return -1;
	for (size_t i = 0; i < sizeof(locales) / sizeof(locales[0]); i++)
		if (!strcasecmp(locales[i].locale, locale))
			l->date_local = locales[i].date;
	return l->date_local ? 0 : -1;
}

static const char *opt(const json_t *o, const char *a, const char *b)
{
	const json_t *v = json_object_get(o, a);

	return json_string_value(b ? json_object_get(v, b) : v);
}

static const char *keep(struct buf *b, struct fx_arena *a)
{
	struct fx_val v = fx_str(a, b->p ? b->p : "", b->n);

	buf_release(b);
	return v.str.s;
}

/* Field options stand in `result` for computed types. */
static const json_t *look_of(const struct field *f, enum field_type *type)
{
	const json_t *res = json_object_get(f->options, "result");
	const char *t = opt(res, "type", NULL);

	*type = f->type;
	if (!t)
		return f->options;
	*type = field_type_of(t);
	return json_object_get(res, "options");
}

static const char *date_text(const struct celltext_look *l, const json_t *o,
			     enum field_type type, int64_t ms,
			     struct fx_arena *a)
{
	const char *date = opt(o, "dateFormat", "format");
	const char *clock = opt(o, "timeFormat", "format");
	const char *name = opt(o, "timeZone", NULL);
	const struct tz *z = NULL;
	struct buf form = BUF_INIT, out = BUF_INIT;

	if (!date || !strcmp(date, "l"))
		date = l->date_local;
	buf_str(&form, !strcmp(date, "LL") ? "MMMM D, YYYY" : date);
	if (type != FT_DATE) {
		buf_str(&form, " ");
		buf_str(&form, clock ? clock : "h:mma");
		if (!name || !strcmp(name, "client") || !tz_find(name, &z))
			z = l->zone;
	}
	fx_format_date(&out, form.p, ms, z);
	buf_release(&form);
	return keep(&out, a);
}

static const char *duration_text(const json_t *o, double d, struct fx_arena *a)
{
	const char *form = opt(o, "durationFormat", NULL);
	const char *dot = form ? strchr(form, '.') : NULL;
	int digits = dot ? (int)strlen(dot + 1) : 0;
	double scale = pow(10, digits);
	double all = floor(fabs(d) * scale + 0.5) / scale;
	int64_t sec = (int64_t)all;
	struct buf b = BUF_INIT;

	buf_printf(&b, "%s%lld:%02d", d < 0 ? "-" : "",
		   (long long)(sec / 3600), (int)(sec / 60 % 60));
	if (form && strlen(form) >= 7)
		buf_printf(&b, ":%02d", (int)(sec % 60));
	if (digits)
		buf_printf(&b, ".%0*d", digits,
			   (int)((all - (double)sec) * scale + 0.5));
	return keep(&b, a);
}

static const char *number_text(const json_t *o, enum field_type type, double d,
			       struct fx_arena *a)
{
	const json_t *p = json_object_get(o, "precision");
	const char *symbol = opt(o, "symbol", NULL);
	int digits = json_is_number(p) ? (int)json_number_value(p) : -1;
	struct buf b = BUF_INIT;

	if (type == FT_DURATION)
		return duration_text(o, d, a);
	if (type == FT_PERCENT)
		d *= 100;
	if (digits >= 0)	/* a half goes up, as in JavaScript */
		d = floor(d * pow(10, digits) + 0.5) / pow(10, digits);
	if (type == FT_CURRENCY)
		buf_printf(&b, "%s%s", d < 0 ? "-" : "", symbol ? symbol :
								  "$");
	if (digits >= 0)
		buf_printf(&b, "%.*f", digits,
			   type == FT_CURRENCY ? fabs(d) : d);
	else
		buf_num(&b, type == FT_CURRENCY ? fabs(d) : d);
	if (type == FT_PERCENT)
		buf_chr(&b, '%');
	return keep(&b, a);
}

/* "a.png (https://...)", as the grid copies attachments. */
static const char *files_text(struct state *s, struct record *r,
			      struct field *f, struct fx_arena *a)
{
	json_t *list = cell_json(s, r, f);
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *o = json_array_get(list, i);
		const char *name = opt(o, "filename", NULL);
		const char *url = opt(o, "url", NULL);

		buf_printf(&b, "%s%s (%s)", i ? ", " : "", name ? name : "",
			   url ? url : "");
	}
	json_decref(list);
	return keep(&b, a);
}

/* A name with a comma is put into quotes where several are joined. */
static const char *list_text(const json_t *list, struct fx_arena *a)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *s = json_string_value(json_array_get(list, i));

		if (i)
			buf_str(&b, ", ");
		if (s && strchr(s, ','))
			buf_printf(&b, "\"%s\"", s);
		else if (s)
			buf_str(&b, s);
	}
	return keep(&b, a);
}

const char *celltext(struct state *s, struct record *r, struct field *f,
		     const struct celltext_look *l, struct fx_arena *a)
{
	enum field_type type;
	const json_t *o = look_of(f, &type);
	struct fx_val v;

	if (f->type == FT_ATTACHMENTS)
		return files_text(s, r, f, a);
	if (f->type == FT_SELECTS)
		return list_text(r->cells[f->index].v, a);
	v = cell_value(s, r, f, a);
	if (v.type == FX_BOOL)
		return v.truth ? "checked" : "";
	if (v.type == FX_DATE)
		return date_text(l, o, type, v.ms, a);
	if (v.type == FX_NUM && isfinite(v.num) && f->type != FT_AUTONUMBER &&
	    f->type != FT_COUNT)
		return number_text(o, type, v.num, a);
	return fx_text(&v, a).str.s;
}
