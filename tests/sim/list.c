#include "list.h"

#include <stdlib.h>
#include <string.h>

#include "cellval.h"
#include "iterator.h"
#include "list_param.h"
#include "mem.h"
#include "recjson.h"

struct listing {
	struct sim *sim;
	struct call *call;
	struct list_opt opt;
	struct recjson_opt out;
	struct field **fields;		/* owned; NULL: all */
	struct list_sort sort[LIST_SORTS_MAX];
	size_t sort_n;
	struct view *view;
	struct fx_prog *filter;
	struct fx_arena arena;
	struct buf *body;
	long sent;
	char next[ID_CAP];
};

static int unknown_field(const char *name, struct reply *r)
{
	return reply_errorf(r, ERR_UNKNOWN_FIELD, "Unknown field name: \"%s\"",
			    name);
}

static int resolve_fields(struct listing *l, struct reply *r)
{
	struct table *t = l->call->table;
	size_t n = json_array_size(l->opt.fields);

	if (n) {
		l->fields = sim_alloc(n * sizeof(struct field *));
		l->out.fields = l->fields;
	}
	for (size_t i = 0; i < n; i++) {
		const char *s =
			json_string_value(json_array_get(l->opt.fields, i));
		struct field *f = table_field(t, s);
		size_t k = 0;

		if (!f)
			return unknown_field(s, r);
		while (k < l->out.fields_n && l->fields[k] != f)
			k++;
		if (k == l->out.fields_n)
			l->fields[l->out.fields_n++] = f;
	}
	for (size_t i = 0; i < json_array_size(l->opt.sort); i++) {
		const json_t *e = json_array_get(l->opt.sort, i);
		const char *s = json_string_value(json_object_get(e, "field"));
		const char *d =
			json_string_value(json_object_get(e, "direction"));

		l->sort[i].field = table_field(t, s);
		l->sort[i].desc = d && !strcmp(d, "desc");
		if (!l->sort[i].field)
			return unknown_field(s, r);
		l->sort_n++;
	}
	return 0;
}

static int resolve_view(struct listing *l, struct reply *r)
{
	const struct base *b = l->call->base;
	const char *key = l->opt.view;

	if (!*key)
		return 0;
	l->view = table_view(l->call->table, key);
	if (l->view)
		return 0;
	if (!id_is(key, "viw"))
		return reply_errorf(r, ERR_VIEW_NAME, "View %s not found",
				    key);
	for (size_t i = 0; i < b->tables_n; i++)
		if (table_view(b->tables[i], key))
			return reply_error(r, ERR_STATE_CHECK);
	return reply_errorf(r, ERR_VIEW_ID, "View %s not found", key);
}

static int find_field(void *ctx, const char *name)
{
	const struct field *f = table_field(ctx, name);

	return f ? (int)f->index : -1;
}

static int resolve_filter(struct listing *l, struct reply *r)
{
	struct fx_names names = { l->call->table, find_field };
	char err[1000];

	if (!*l->opt.filter)
		return 0;
	l->filter = fx_compile(l->opt.filter, &names, err, sizeof(err));
	if (l->filter)
		return 0;
	return reply_errorf(r, ERR_FORMULA, "The formula for filtering "
			    "records is invalid: %s", err);
}

static bool meets(struct listing *l, struct record *r,
		  const struct fx_prog *prog)
{
	struct cell_ctx ctx = { l->sim->state, r };
	struct fx_env env;
	struct fx_val v;

	if (!prog)
		return true;
	env = cell_env(&ctx, &l->arena);
	v = fx_eval(prog, &env);
	fx_arena_reset(&l->arena);
	return fx_truthy(&v);
}

static bool passes(struct listing *l, struct record *r)
{
	return meets(l, r, l->filter);
}

static bool in_view(struct listing *l, struct record *r)
{
	return !l->view || meets(l, r, l->view->prog);
}

/* False when the page is full: r is then where the next one begins. */
static bool emit(struct listing *l, struct record *r)
{
	if (l->sent == l->opt.page) {
		memcpy(l->next, r->id, sizeof(l->next));
		return false;
	}
	if (l->sent++)
		buf_chr(l->body, ',');
	recjson_write(l->sim->state, r, &l->out, l->body);
	return true;
}

/* Ascending ids, straight from the table as it is now. */
static void run_live(struct listing *l, const char *from)
{
	struct table *t = l->call->table;
	struct record *const *v = table_sorted(t);
	size_t i = *from ? table_lower_bound(t, from) : 0;

	for (; i < t->rows_n; i++)
		if (passes(l, v[i]) && !emit(l, v[i]))
			return;
}

static int by_id(const void *a, const void *b)
{
	const struct record *const *x = a;
	const struct record *const *y = b;

	return strcmp((*x)->id, (*y)->id);
}

/* Only the named records can pass: no walk over the table. */
static void run_bounded(struct listing *l, const char *from)
{
	const char *const *ids;
	size_t n = fx_id_bound(l->filter, &ids);
	struct record **v = sim_alloc(n * sizeof(struct record *));
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		struct record *r = base_record(l->call->base, ids[i]);

		if (r && r->table == l->call->table)
			v[k++] = r;
	}
	qsort(v, k, sizeof(struct record *), by_id);
	for (size_t i = 0; i < k; i++) {
		if ((i && v[i] == v[i - 1]) || strcmp(v[i]->id, from) < 0)
			continue;
		if (passes(l, v[i]) && !emit(l, v[i]))
			break;
	}
	free(v);
}

/* The sort of a view holds where none was asked for. */
static void view_sort(struct listing *l)
{
	const json_t *sort = l->view ? l->view->sort : NULL;

	for (size_t i = 0; i < json_array_size(sort) && l->sort_n <
	     LIST_SORTS_MAX; i++) {
		const json_t *e = json_array_get(sort, i);
		const char *s = json_string_value(json_object_get(e, "field"));
		const char *d =
			json_string_value(json_object_get(e, "direction"));
		struct field *f = s ? table_field(l->call->table, s) : NULL;

		if (!f)
			continue;
		l->sort[l->sort_n].field = f;
		l->sort[l->sort_n++].desc = d && !strcmp(d, "desc");
	}
}

static void mix(struct rng *g, struct record **v, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t k = rng_below(g, (uint32_t)i);
		struct record *x = v[k];

		v[k] = v[i - 1];
		v[i - 1] = x;
	}
}

/* The order of a view, a sort or a shuffle is fixed on the first page, or
 * by switch made anew for each, so that rows can move between pages. */
static void fix_order(struct listing *l, struct iterator *it)
{
	struct table *t = l->call->table;
	struct state *s = l->sim->state;
	struct record **v = sim_alloc(t->rows_n * sizeof(struct record *));
	size_t n = 0;

	for (size_t i = 0; i < t->rows_n; i++)
		if (in_view(l, t->rows[i]) && passes(l, t->rows[i]))
			v[n++] = t->rows[i];
	if (!l->sort_n)
		view_sort(l);
	if (l->sort_n)
		list_sort_rows(s, v, n, l->sort, l->sort_n);
	else if (!l->view)
		mix(&s->rng, v, n);
	free(it->order);
	it->order = sim_alloc((n + 1) * sizeof(*it->order));
	for (size_t i = 0; i < n; i++)
		memcpy(it->order[i], v[i]->id, ID_CAP);
	it->order_n = n;
	free(v);
}

static void run_ordered(struct listing *l, struct iterator *it)
{
	size_t first = it->at;

	for (; it->at < it->order_n; it->at++) {
		struct record *r = base_record(l->call->base,
					       it->order[it->at]);

		if (!r || (first && !(in_view(l, r) && passes(l, r))))
			continue;
		if (!emit(l, r))
			return;
	}
}

static int run(struct listing *l, struct reply *r)
{
	struct sim *s = l->sim;
	struct iterator *it = NULL;
	bool ordered = l->sort_n || l->view || s->shuffle;
	const char *const *ids;
	bool bad;

	if (*l->opt.offset) {
		it = iterators_find(s->iterators, l->opt.offset, &bad);
		if (bad)
			return reply_errorf(r, ERR_OFFSET, "The value of "
					    "offset %s is invalid",
					    l->opt.offset);
		if (!it || strcmp(it->table, l->call->table->id) != 0)
			return reply_error(r, ERR_ITERATOR);
		it->used_ns = l->call->arrival_ns;
		if (it->order && s->live_order)
			fix_order(l, it);
	} else {
		it = iterators_add(s->iterators, l->call->arrival_ns);
		memcpy(it->table, l->call->table->id, ID_CAP);
		it->left = l->opt.max;
		if (ordered)
			fix_order(l, it);
	}
	if (it->left >= 0 && l->opt.page > it->left)
		l->opt.page = it->left;
	buf_str(l->body, "{\"records\":[");
	if (it->order)
		run_ordered(l, it);
	else if (l->filter && fx_id_bound(l->filter, &ids))
		run_bounded(l, it->next);
	else
		run_live(l, it->next);
	buf_chr(l->body, ']');
	if (it->left >= 0)
		it->left -= l->sent;
	if (*l->next && it->left) {
		memcpy(it->next, l->next, ID_CAP);
		buf_printf(l->body, ",\"offset\":\"%s/%s\"", it->id, it->next);
	} else {
		iterators_drop(s->iterators, it);
	}
	buf_chr(l->body, '}');
	return 0;
}

int list_records(struct sim *s, struct call *c, bool post, struct reply *r)
{
	struct listing l = { .sim = s, .call = c, .body = &r->body };
	json_t *query = params_json(&c->query);
	json_t *zone = NULL;
	int ret = -1;

	if (post && query) {	/* only these two belong in the query */
		json_object_del(query, "timeZone");
		json_object_del(query, "userLocale");
		if (json_object_size(query))
			zone = query;
	}
	if (!query || zone ||
	    list_params(post ? c->json : query, post,
			s->state->quirk.clamp_page_size, &c->query, &l.opt)) {
		ret = reply_error(r, ERR_PARAM);
		goto out;
	}
	l.out.by_id = l.opt.by_id;
	l.out.comments = l.opt.comments;
	l.out.dates = l.opt.dates;
	l.out.look = l.opt.look;
	if (s->iterator_ttl_s > 0)
		iterators_expire(s->iterators, c->arrival_ns -
				 (int64_t)s->iterator_ttl_s * 1000000000);
	if (!call_open_table(s, c, 1, SC_RECORDS_READ, LV_READ, r) &&
	    !resolve_fields(&l, r) && !resolve_view(&l, r) &&
	    !resolve_filter(&l, r))
		ret = run(&l, r);
out:
	free(l.fields);
	fx_free(l.filter);
	fx_arena_release(&l.arena);
	json_decref(query);
	return ret;
}
