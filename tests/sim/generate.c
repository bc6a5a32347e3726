#include "generate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "comment.h"
#include "mem.h"
#include "timefmt.h"
#include "words.h"

#define START_S 1672531200	/* 2023-01-01: the oldest generated record */
#define SPAN_S 63072000		/* two years */

int generate_parse(const char *text, struct generate_spec *spec)
{
	*spec = (struct generate_spec){ 1, 2, 100, 0, 0 };
	while (*text) {
		const struct {
			const char *name;
			unsigned *to;
		} parts[] = {
			{ "bases", &spec->bases },
			{ "tables", &spec->tables },
			{ "records", &spec->records },
			{ "attachments", &spec->attachments },
			{ "comments", &spec->comments },
		};
		size_t n = strcspn(text, "=");
		unsigned *to = NULL;
		char *end;
		unsigned long v;

		for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
			if (n == strlen(parts[i].name) &&
			    !strncmp(text, parts[i].name, n))
				to = parts[i].to;
		if (!to || text[n] != '=')
			return -1;
		v = strtoul(text + n + 1, &end, 10);
		if (end == text + n + 1 || v > 10000000 ||
		    (*end && *end != ','))
			return -1;
		*to = (unsigned)v;
		text = *end ? end + 1 : end;
	}
	return 0;
}

static json_t *choices(struct rng *g, const char *const *names)
{
	static const char *const colors[] = { "blueLight2", "greenBright",
					      "yellowLight1", "redLight2",
					      "tealLight2", "grayBright" };
	json_t *list = json_array();
	char id[ID_CAP];

	for (size_t i = 0; names[i]; i++) {
		json_t *c = json_object();

		id_make(g, "sel", id);
		json_object_set_new(c, "id", json_string(id));
		json_object_set_new(c, "name", json_string(names[i]));
		json_object_set_new(c, "color", json_string(colors[i % 6]));
		json_array_append_new(list, c);
	}
	list = json_pack("{s:o}", "choices", list);
	return list;
}

static struct field *add(struct state *s, struct table *t, const char *name,
			 const char *type, json_t *options)
{
	char id[ID_CAP];

	id_make(&s->rng, "fld", id);
	return table_add_field(t, id, name, type, options);
}

static void add_fields(struct state *s, struct table *t)
{
	add(s, t, "Name", "singleLineText", NULL);
	add(s, t, "Status", "singleSelect", choices(&s->rng, words_status));
	add(s, t, "Tags", "multipleSelects", choices(&s->rng, words_tags));
	add(s, t, "Price", "currency",
	    json_pack("{s:i,s:s}", "precision", 2, "symbol", "$"));
	add(s, t, "In stock", "number", json_pack("{s:i}", "precision", 0));
	add(s, t, "Active", "checkbox", json_pack("{s:s,s:s}", "icon", "check",
						  "color", "greenBright"));
	add(s, t, "Due", "date",
	    json_pack("{s:{s:s,s:s}}", "dateFormat", "name", "iso", "format",
		      "YYYY-MM-DD"));
	add(s, t, "Rating", "rating",
	    json_pack("{s:s,s:i,s:s}", "icon", "star", "max", 5, "color",
		      "yellowBright"));
	add(s, t, "Notes", "multilineText", NULL);
	add(s, t, "Contact", "email", NULL);
	add(s, t, "Number", "autoNumber", NULL);
	add(s, t, "Last modified", "lastModifiedTime",
	    json_pack("{s:b,s:[],s:{s:s}}", "isValid", 1,
		      "referencedFieldIds", "result", "type", "dateTime"));
}

static json_t *link_options(const struct table *to, const char *inverse)
{
	return json_pack("{s:s,s:b,s:b,s:s}", "linkedTableId", to->id,
			 "isReversed", 0, "prefersSingleRecordLink", 0,
			 "inverseLinkFieldId", inverse);
}

static struct field *add_link(struct state *s, struct table *from,
			      struct table *to)
{
	char id[ID_CAP], back[ID_CAP];
	struct field *f;

	id_make(&s->rng, "fld", id);
	id_make(&s->rng, "fld", back);
	f = table_add_field(from, id, to->name, "multipleRecordLinks",
			    link_options(to, back));
	table_add_field(to, back, from->name, "multipleRecordLinks",
			link_options(from, id));
	add(s, from, "Linked price", "rollup",
	    json_pack("{s:s,s:s,s:b,s:[],s:s,s:{s:s,s:{s:i}}}",
		      "recordLinkFieldId", id, "fieldIdInLinkedTable",
		      to->fields[3]->id, "isValid", 1, "referencedFieldIds",
		      "formula", "SUM(values)", "result", "type", "number",
		      "options", "precision", 2));
	add(s, from, "Links", "count",
	    json_pack("{s:s,s:b}", "recordLinkFieldId", id, "isValid", 1));
	return f;
}

/* A value list whose elements many records share. */
struct pool {
	json_t *v[32];
	unsigned n;
};

static void pool_fill(struct pool *p, const char *const *names)
{
	for (p->n = 0; names[p->n] && p->n < 32; p->n++)
		p->v[p->n] = json_string(names[p->n]);
}

static void pool_drop(struct pool *p)
{
	while (p->n)
		json_decref(p->v[--p->n]);
}

static json_t *pick(struct rng *g, const struct pool *p)
{
	return json_incref(p->v[rng_below(g, p->n)]);
}

static unsigned count(const char *const *list)
{
	unsigned n = 0;

	while (list[n])
		n++;
	return n;
}

static const char *word(struct rng *g, const char *const *list)
{
	return list[rng_below(g, count(list))];
}

/* Mostly plain names; some rows repeat one, carry a slash or an emoji, or
 * have none, as real tables do. */
static json_t *name(struct rng *g, unsigned i)
{
	const char *a = word(g, words_adjective);
	const char *n = word(g, words_noun);
	uint32_t odd = rng_below(g, 1000);
	char text[120];

	if (odd == 0)
		return NULL;
	if (odd < 4)
		snprintf(text, sizeof(text), "%s/%s %u", a, n, i + 1);
	else if (odd < 8)
		snprintf(text, sizeof(text), "%s %s \xf0\x9f\xaa\x91", a, n);
	else if (odd < 20)
		snprintf(text, sizeof(text), "%s %s", a, n);
	else
		snprintf(text, sizeof(text), "%s %s %u", a, n, i + 1);
	return json_string(text);
}

static json_t *notes(struct rng *g)
{
	struct buf b = BUF_INIT;
	unsigned n = 1 + rng_below(g, 4);
	json_t *v;

	while (n--) {
		buf_str(&b, word(g, words_sentence));
		buf_chr(&b, n ? rng_below(g, 4) ? ' ' : '\n' : '\n');
	}
	v = json_stringn(b.p, b.n - 1);
	buf_release(&b);
	return v;
}

static void fill_record(struct rng *g, struct record *r, unsigned i,
			const struct pool *status, const struct pool *tags)
{
	struct field **f = r->table->fields;
	char text[64];

	record_put(r, f[0], name(g, i));
	record_put(r, f[1], pick(g, status));
	if (rng_below(g, 3)) {
		json_t *list = json_array();
		uint32_t first = rng_below(g, tags->n - 1);

		json_array_append(list, tags->v[first]);
		if (rng_below(g, 2))
			json_array_append(list, tags->v[first + 1]);
		record_put(r, f[2], list);
	}
	record_put(r, f[3], json_real((double)rng_below(g, 100000) / 100));
	record_put(r, f[4], json_integer(rng_below(g, 500)));
	if (rng_below(g, 2))
		record_put(r, f[5], json_true());
	time_date((START_S + (int64_t)rng_below(g, SPAN_S)) * 1000, text);
	if (rng_below(g, 4))
		record_put(r, f[6], json_string(text));
	if (rng_below(g, 3))
		record_put(r, f[7], json_integer(1 + rng_below(g, 5)));
	if (rng_below(g, 5))
		record_put(r, f[8], notes(g));
	snprintf(text, sizeof(text), "%s.%u@example.com",
		 word(g, words_person), i + 1);
	if (rng_below(g, 2))
		record_put(r, f[9], json_string(text));
}

static void fill_table(struct state *s, struct table *t, unsigned records)
{
	struct actor a = { 0, 0 };
	struct pool status, tags;

	pool_fill(&status, words_status);
	pool_fill(&tags, words_tags);
	t->sorted = false;
	for (unsigned i = 0; i < records; i++) {
		int64_t at = START_S + (int64_t)((double)i *
						 SPAN_S / (records + 1.0));

		a.now_ms = at * 1000;
		fill_record(&s->rng, table_add_record(s, t, NULL, &a), i,
			    &status, &tags);
	}
	pool_drop(&status);
	pool_drop(&tags);
}

static void link_to(struct record *r, struct field *f, struct record *o)
{
	json_t *v = r->cells[f->index].v;

	if (!v) {
		v = json_array();
		record_put(r, f, v);
	}
	json_array_append_new(v, json_string(o->id));
}

static void fill_links(struct state *s, struct field *f)
{
	struct table *t = f->table;
	struct table *to = f->linked;

	for (size_t i = 0; i < t->rows_n && to->rows_n; i++) {
		uint32_t n = (uint32_t)to->rows_n;
		uint32_t k = rng_below(&s->rng, 4);
		uint32_t at = rng_below(&s->rng, n);

		for (uint32_t j = 0; j < k && j < n; j++) {
			struct record *o = to->rows[(at + j) % n];

			link_to(t->rows[i], f, o);
			link_to(o, f->inverse, t->rows[i]);
		}
	}
}

static void make_base(struct state *s, const struct generate_spec *spec,
		      unsigned i)
{
	unsigned names = count(words_base);
	char id[ID_CAP];
	char text[120];
	struct base *b;

	snprintf(text, sizeof(text), i < names ? "%s" : "%s %u",
		 words_base[i % names], i / names + 1);
	b = state_add_base(s, NULL, text);
	names = count(words_table);
	for (unsigned k = 0; k < spec->tables; k++) {
		struct table *t;

		id_make(&s->rng, "tbl", id);
		snprintf(text, sizeof(text), k < names ? "%s" : "%s %u",
			 words_table[k % names], k / names + 1);
		t = base_add_table(b, id, text);
		add_fields(s, t);
		id_make(&s->rng, "viw", id);
		table_add_view(t, id, "Grid view", "grid");
		if (k)
			add_link(s, t, b->tables[k - 1]);
	}
	state_resolve(b);
	for (unsigned k = 0; k < spec->tables; k++)
		fill_table(s, b->tables[k], spec->records);
	for (unsigned k = 1; k < spec->tables; k++) {
		struct field *f = table_field(b->tables[k],
					      b->tables[k - 1]->name);

		if (f)
			fill_links(s, f);
	}
}

static json_t *file(struct state *s, const char *name)
{
	json_t *o = json_object();
	char id[ID_CAP];

	id_make(&s->rng, "att", id);
	json_object_set_new(o, "id", json_string(id));
	json_object_set_new(o, "url", json_string(""));
	json_object_set_new(o, "filename", json_string(name));
	return o;
}

/* Attachments in every third record and comments on every fourth. */
static void extras(struct state *s, struct table *t,
		   const struct generate_spec *spec)
{
	struct field *f = spec->attachments ?
		add(s, t, "Files", "multipleAttachments",
		    json_pack("{s:b}", "isReversed", 0)) : NULL;
	char name[40];

	for (size_t i = 0; f && i < t->rows_n; i += 3) {
		json_t *list = json_array();

		snprintf(name, sizeof(name), "photo-%zu.png", i + 1);
		json_array_append_new(list, file(s, name));
		if (i % 2) {
			snprintf(name, sizeof(name), "notes-%zu.txt", i + 1);
			json_array_append_new(list, file(s, name));
		}
		record_put(t->rows[i], f, list);
	}
	for (size_t i = 0; spec->comments && i < t->rows_n; i += 4)
		comment_fill(s, t->rows[i], 1 + i % 3);
}

void generate(struct state *s, const struct generate_spec *spec)
{
	if (!s->users_n)
		state_user(s, "usrSimulator00001", "sim@example.com",
			   "Sim User");
	for (unsigned i = 0; i < spec->bases; i++)
		make_base(s, spec, i);
	for (unsigned i = 0; i < spec->bases; i++) {
		struct base *b = s->bases[s->bases_n - spec->bases + i];

		for (size_t k = 0; k < b->tables_n; k++)
			extras(s, b->tables[k], spec);
	}
}
