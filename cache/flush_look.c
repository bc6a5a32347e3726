/* Creates whose answer was lost: before any of them is sent again, the records
 * created since are looked at. One whose content is ours is adopted; none,
 * looked for twice, is sent again; more than were sent are a conflict, and so is
 * one that could be ours and was changed there before we looked. */
#include "flush.h"
#include "crash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "render.h"

#define OVERLAP_MS 120000 /* clocks may differ, and createdTime has seconds */
#define LOOKS 2
#define SKEW_MS 10000     /* between our clock and the server's; ours */

static void look_done(void *arg, const struct api_answer *ans);

static int look_submit(struct flush_batch *b)
{
	struct api_call call = { .kind = API_LIST_RECORDS,
				 .priority = API_FLUSH,
				 .base = b->t->base->id, .table = b->t->id,
				 .offset = b->offset, .done = look_done,
				 .arg = b };
	char formula[128], when[25];
	int64_t since = b->items[0].op.sent_ms, id;
	size_t i;

	for (i = 1; i < b->n; i++)
		if (b->items[i].op.sent_ms < since)
			since = b->items[i].op.sent_ms;
	clock_format_iso(since - OVERLAP_MS, when);
	snprintf(formula, sizeof(formula),
		 "IS_AFTER(CREATED_TIME(),DATETIME_PARSE('%s'))", when);
	call.formula = formula;
	id = api_submit(b->f->c->api, &call);
	return id < 0 ? (int)id : 0;
}

static void unpick(struct flush_batch *b, int64_t delay_ms)
{
	size_t i;

	for (i = 0; i < b->n; i++) {
		struct live *l = live_find(&b->f->c->live, b->items[i].key);
		struct live_op *o = l ? live_find_op(l, b->items[i].op.id) :
					NULL;

		if (o) {
			o->busy = false;
			o->due_ms = clock_wall_ms(b->f->c->clock) + delay_ms;
		}
	}
}

static void look_end(struct flush_batch *b)
{
	struct flush *f = b->f;

	f->requests--;
	flush_batch_free(b);
	flush_continue(f);
}

void flush_look(struct flush_batch *b)
{
	if (b->f->c->upsert_key)
		flush_repeat_keyed(b);
	if (b->n == 0) {
		flush_batch_free(b);
		return;
	}
	b->f->requests++;
	if (look_submit(b) < 0) {
		lock_take(&b->f->c->mu);
		unpick(b, FLUSH_SETTLE_MS);
		lock_drop(&b->f->c->mu);
		look_end(b);
	}
	crash_at(CRASH_LOOK_SENT);
}

static bool is_ours(const struct schema_table *st, const struct flush_item *it,
		    const json_t *cells)
{
	const char *key;
	json_t *mine;

	json_object_foreach(it->after, key, mine) {
		const struct schema_field *f = schema_find_field(st, key);
		json_t *now;
		bool same;

		if (!f)
			continue;
		now = render_value(f, json_object_get(cells, key));
		same = value_means_same(mine, now);
		json_decref(now);
		if (!same)
			return false;
	}
	return true;
}

static int seen_create(void *ctx, const struct op *o)
{
	if (o->kind == OP_CREATE && o->state == OP_DONE)
		*(bool *)ctx = true;
	return 0;
}

/* It came out of another of our creates. */
static bool is_taken(struct cache *c, const char *id)
{
	bool taken = false;

	(void)journal_each_of_record(c->journal, id, 100, seen_create, &taken);
	return taken;
}

static json_t *find_match(struct flush_batch *b, const struct schema_table *st,
			  struct flush_item *it, json_t *records)
{
	json_t *rec;
	size_t i;

	json_array_foreach(records, i, rec) {
		const char *id = json_string_value(json_object_get(rec, "id"));

		if (id && is_ours(st, it, json_object_get(rec, "fields")) &&
		    !is_taken(b->f->c, id))
			return rec;
	}
	return NULL;
}

static size_t count_alike(struct flush_batch *b, const struct schema_table *st,
			  struct flush_item *it, json_t *records)
{
	size_t i, n = 0;
	json_t *rec;

	json_array_foreach(records, i, rec) {
		const char *id = json_string_value(json_object_get(rec, "id"));

		if (id && is_ours(st, it, json_object_get(rec, "fields")) &&
		    !is_taken(b->f->c, id))
			n++;
	}
	return n;
}

static size_t count_same_items(const struct flush_batch *b,
			       const struct flush_item *it)
{
	size_t i, n = 0;

	for (i = 0; i < b->n; i++)
		if (!b->items[i].done &&
		    json_equal(b->items[i].after, it->after))
			n++;
	return n;
}

/* Created since it was sent, under the same primary value: somebody may have
 * edited it before we came. */
static bool may_be_ours(const struct flush_batch *b,
			const struct schema_table *st,
			const struct flush_item *it, const json_t *rec)
{
	const char *id = json_string_value(json_object_get(rec, "id"));
	const char *made =
		json_string_value(json_object_get(rec, "createdTime"));
	const struct schema_field *f;
	json_t *mine, *now;
	int64_t made_ms;
	bool same;

	if (st->primary >= st->fields_n || !id || !made ||
	    clock_parse_iso(made, &made_ms) < 0 ||
	    made_ms < it->op.sent_ms - SKEW_MS || is_taken(b->f->c, id))
		return false;
	f = &st->fields[st->primary];
	mine = json_object_get(it->after, f->id.s);
	if (!mine || json_is_null(mine))
		return false;
	now = render_value(f, json_object_get(json_object_get(rec, "fields"),
					      f->id.s));
	same = value_means_same(mine, now);
	json_decref(now);
	return same;
}

static bool is_in_doubt(const struct flush_batch *b,
			const struct schema_table *st,
			const struct flush_item *it, const json_t *records)
{
	size_t i;
	json_t *rec;

	json_array_foreach(records, i, rec)
		if (may_be_ours(b, st, it, rec))
			return true;
	return false;
}

static void undecided_locked(struct flush_batch *b, struct flush_item *it,
			     const char *reason, const char *hint)
{
	struct live *l = live_find(&b->f->c->live, it->key);
	char path[3 * NAME_BUF];

	it->op.err = -EBUSY;
	free(it->op.reason);
	it->op.reason = strdup(reason);
	if (flush_move_locked(b->f, it, OP_CONFLICT) < 0 || !l)
		return;
	save_error_set(&l->error, -EBUSY, "%s", reason);
	path_of_locked(b->f->c, l, path, sizeof(path));
	log_warn("'%s': %s", path, reason);
	errlog_add(b->f->c, path, -EBUSY, "", 0, 0, reason, hint);
}

static void adopt_locked(struct flush_batch *b, struct flush_item *it,
			 json_t *rec, struct after *a)
{
	struct absorb ab;
	struct live *l;

	if (absorb_begin(&ab, b->f->c, b->t, 0, a) < 0)
		return;
	if (flush_adopt_locked(b->f, b->t, it, rec, a) == 0 &&
	    flush_move_locked(b->f, it, OP_DONE) == 0) {
		it->done = true;
		l = live_find(&b->f->c->live, it->key);
		if (l && !l->has_draft && l->ops_n == 0)
			l->size = -1;
		(void)absorb_record(&ab, rec, true, NULL, 0);
		fetch_note_own_locked(b->f->c, b->t, it->op.record);
		after_record(a, it->key);
		if (l)
			(void)live_settle(&b->f->c->live, l);
	}
	(void)absorb_commit(&ab);
	crash_at(CRASH_LOOK_ADOPTED);
}

static void not_found_locked(struct flush_batch *b,
			     const struct schema_table *st,
			     struct flush_item *it, const json_t *records)
{
	if (is_in_doubt(b, st, it, records))
		undecided_locked(b, it,
			"the answer to its creation was lost, and a record of "
			"the same name but other content was made there since",
			"if that is this one, remove it here; if not, "
			"airtablefs queue retry sends it again");
	else
		(void)flush_move_locked(b->f, it, OP_QUEUED);
	it->done = true;
	crash_at(CRASH_LOOK_QUEUED);
}

static void judge_locked(struct flush_batch *b, json_t *records,
			 struct after *a)
{
	struct schema *s;
	const struct schema_table *st = tree_schema_locked(b->t, &s);
	size_t i;

	for (i = 0; st && i < b->n; i++) {
		struct flush_item *it = &b->items[i];
		size_t alike = count_alike(b, st, it, records);

		if (alike > count_same_items(b, it)) {
			undecided_locked(b, it,
				"the answer to its creation was lost, and "
				"several records like it are there now",
				"remove it here, or the doubles there");
			it->done = true;
		} else if (alike > 0) {
			adopt_locked(b, it, find_match(b, st, it, records), a);
		}
	}
	/* what is known to be ours by now is no other's */
	for (i = 0; st && i < b->n; i++)
		if (!b->items[i].done && ++b->items[i].looks >= LOOKS)
			not_found_locked(b, st, &b->items[i], records);
	schema_unref(s);
}

/* Those not settled are looked for once more, a while later. */
static void again(void *arg)
{
	struct flush_batch *b = arg, **p;

	for (p = &b->f->looks; *p; p = &(*p)->next) {
		if (*p == b) {
			*p = b->next;
			break;
		}
	}
	json_decref(b->records);
	b->records = NULL;
	flush_look(b);
}

static void look_done(void *arg, const struct api_answer *ans)
{
	struct flush_batch *b = arg;
	struct cache *c = b->f->c;
	struct after a = { 0 };
	json_t *page = json_object_get(ans->json, "records");
	const char *offset =
		json_string_value(json_object_get(ans->json, "offset"));
	size_t i, left = 0;

	crash_at(CRASH_LOOK_ANSWERED);
	if (ans->err->err || !json_is_array(page)) {
		lock_take(&c->mu);
		unpick(b, FLUSH_SETTLE_MS);
		if (ans->err->cls == ERROR_QUOTA)
			flush_hold_base_locked(b->f, b->t->base);
		lock_drop(&c->mu);
		if (ans->err->cls != ERROR_QUOTA)
			flush_hold(b->f, ans->err->err ?
						 ans->err->text :
						 "a list is not as documented");
		look_end(b);
		return;
	}
	if (!b->records)
		b->records = json_array();
	json_array_extend(b->records, page);
	free(b->offset);
	b->offset = offset && *offset ? strdup(offset) : NULL;
	if (b->offset && look_submit(b) == 0)
		return;
	lock_take(&c->mu);
	judge_locked(b, b->records, &a);
	lock_drop(&c->mu);
	after_run(c, &a);
	for (i = 0; i < b->n; i++) {
		struct flush_item *it = &b->items[i], tmp = *it;

		if (it->done)
			continue;
		b->items[i] = b->items[left];
		b->items[left++] = tmp;
	}
	if (left == 0) {
		look_end(b);
		return;
	}
	for (i = left; i < b->n; i++)
		flush_item_clear(&b->items[i]);
	b->n = left;
	b->f->requests--;
	b->next = b->f->looks;
	b->f->looks = b;
	b->timer = (struct loop_timer){ .fn = again, .arg = b };
	loop_timer_set(c->loop, &b->timer, FLUSH_SETTLE_MS * NS_PER_MS);
	flush_continue(b->f);
}
