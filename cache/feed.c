/* A base's feed (-o live): when it is asked, what a run of asking ends with,
 * and whom it spares the asking. */
#include "feed.h"

#include <stdlib.h>
#include <string.h>

/* Of a table that nobody looked at for so long the marks stay marks. Ours. */
#define LOOKED_AT_MS (INT64_C(600) * 1000)
#define OFF_MS (INT64_C(3600) * 1000) /* a refusal is believed so long */

struct deferred {
	void (*fn)(void *arg);
	void *arg;
	struct deferred *next;
};

/* ---- when ---- */

static bool is_old(const struct cache *c, int64_t at_ms, int64_t limit_ms)
{
	int64_t now = clock_wall_ms(c->clock);

	return now - at_ms > limit_ms || now < at_ms;
}

static bool is_on(const struct feed *f)
{
	return f->cursor > 0 && !f->off && !f->trouble;
}

struct feed *feed_of_locked(struct cache *c, struct base *b)
{
	struct feed *f;

	if (!c->conf.live || c->conf.ttl_ms <= 0)
		return NULL;
	if (b->feed)
		return b->feed;
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->c = c;
	f->b = b;
	f->deferred_end = &f->deferred;
	f->since_ms = feed_now(f);
	feed_load_locked(f);
	b->feed = f;
	return f;
}

static void begin(void *arg)
{
	struct feed *f = arg;
	int64_t now = feed_now(f);

	f->began_ms = now;
	f->pages = 0;
	f->listed = f->looked = false;
	f->aim = AIM_READ;
	if (f->cursor && now - f->polled_at_ms > FEED_KEPT_MS)
		f->aim = AIM_JUMP; /* what it told first is gone */
	if (!f->cursor || f->aim != AIM_READ || now >= f->check_at_ms)
		feed_list_hooks(f);
	else
		feed_read_payloads(f);
}

static void poke_locked(struct feed *f)
{
	const struct cache *c = f->c;

	if (f->busy || c->stopping || !f->b->listed ||
	    !is_old(c, f->polled_at_ms, c->conf.ttl_ms) ||
	    !is_old(c, f->asked_at_ms, c->conf.ttl_ms) ||
	    (f->off && !is_old(c, f->off_at_ms, OFF_MS)))
		return;
	/* counted from the attempt, or an offline walk asks each time */
	f->asked_at_ms = feed_now(f);
	f->busy = true;
	f->making = !f->cursor;
	if (loop_post(c->loop, begin, f) < 0)
		f->busy = f->making = false;
}

bool feed_is_looked_at(const struct cache *c, const struct table *t)
{
	int64_t limit = 2 * c->conf.ttl_ms;

	return t->looked_at_ms &&
	       !is_old(c, t->looked_at_ms,
		       limit > LOOKED_AT_MS ? limit : LOOKED_AT_MS);
}

/* Its last full listing counts still: full_ttl is a time of use, and what came
 * to pass between two mounts is told. */
static bool is_listed(const struct feed *f, const struct table *t)
{
	int64_t at = t->listed_at_ms > f->since_ms ? t->listed_at_ms :
						     f->since_ms;

	return t->listed_at_ms && !is_old(f->c, at, f->c->conf.full_ttl_ms);
}

bool feed_covers_table_locked(struct cache *c, struct table *t)
{
	struct feed *f = feed_of_locked(c, t->base);

	if (!f)
		return false;
	t->looked_at_ms = feed_now(f);
	poke_locked(f);
	if (!is_on(f) || !t->complete)
		return false;
	if (json_object_size(t->marks) && !f->busy && !t->reading &&
	    is_old(c, t->touched_at_ms, c->conf.ttl_ms)) {
		t->touched_at_ms = feed_now(f);
		feed_read_marked_locked(f, t);
	}
	return is_listed(f, t);
}

bool feed_covers_base_locked(struct cache *c, struct base *b)
{
	struct feed *f = feed_of_locked(c, b);

	if (!f)
		return false;
	poke_locked(f);
	return is_on(f);
}

/* ---- what waits for the hook ---- */

bool feed_first_locked(struct cache *c, struct base *b, bool schema,
		       void (*fn)(void *arg), void *arg)
{
	struct feed *f = feed_of_locked(c, b);
	struct deferred *d;

	if (!f)
		return false;
	if (!f->cursor)
		poke_locked(f);
	if (!f->making)
		return false;
	d = calloc(1, sizeof(*d));
	if (!d)
		return false;
	*d = (struct deferred){ .fn = fn, .arg = arg };
	*f->deferred_end = d;
	f->deferred_end = &d->next;
	f->schema_deferred |= schema;
	return true;
}

static void release_deferred(struct feed *f)
{
	struct deferred *d;

	lock_take(&f->c->mu);
	d = f->deferred;
	f->deferred = NULL;
	f->deferred_end = &f->deferred;
	f->schema_deferred = false;
	f->making = false;
	lock_drop(&f->c->mu);
	while (d) {
		struct deferred *next = d->next;

		d->fn(d->arg);
		free(d);
		d = next;
	}
}

/* ---- how a run ends ---- */

void feed_end(struct feed *f)
{
	cache_note_api(f->c);
	lock_take(&f->c->mu);
	f->busy = false;
	lock_drop(&f->c->mu);
	release_deferred(f);
}

void feed_failed(struct feed *f, const struct atfs_error *e)
{
	struct cache *c = f->c;
	bool news;

	lock_take(&c->mu);
	news = !f->trouble && e->cls != ERROR_CANCELLED;
	f->trouble = true;
	memcpy(f->reason, e->text, sizeof(f->reason));
	lock_drop(&c->mu);
	if (news)
		log_warn("base '%s' does not tell its changes: %s; each table "
			 "is asked for after ttl until it does",
			 f->b->name, e->text);
	feed_end(f);
}

void feed_switch_off(struct feed *f, const char *reason, const char *words)
{
	struct cache *c = f->c;
	struct atfs_error e; /* for its clean cut */
	bool news;

	error_set(&e, -EACCES, ERROR_ACCESS, "%s%s%s", reason,
		  words[0] ? ": " : "", words);
	lock_take(&c->mu);
	news = !f->off;
	f->off = true;
	f->off_at_ms = feed_now(f);
	memcpy(f->reason, e.text, sizeof(f->reason));
	lock_drop(&c->mu);
	if (news)
		log_warn("live is off for base '%s': %s; each table is asked "
			 "for after ttl instead", f->b->name, e.text);
	feed_end(f);
}

void feed_told(struct feed *f)
{
	struct cache *c = f->c;
	bool news, schema;

	lock_take(&c->mu);
	news = f->off || f->trouble;
	f->off = f->trouble = false;
	f->reason[0] = '\0';
	schema = f->schema_due;
	lock_drop(&c->mu);
	if (news)
		log_info("base '%s' tells its changes", f->b->name);
	release_deferred(f);
	if (schema)
		feed_read_schema(f);
	else
		feed_caught_up(f);
}

/* Everything that is told of now: read what somebody looks at. */
static void follow_up_locked(struct feed *f, struct table *t)
{
	bool looked = feed_is_looked_at(f->c, t);

	if (!t->listed || (!t->complete && !t->fetch))
		return;
	if (t->complete && !t->listed_at_ms) {
		if (!looked)
			return;
		if (t->fetch) {
			if (t->partial || t->listing_doubts != t->doubts)
				t->again = true;
		} else {
			t->touched_at_ms = feed_now(f);
			fetch_want_table_locked(f->c, t, API_REFRESH);
		}
	} else if (json_object_size(t->marks)) {
		if (looked)
			feed_read_marked_locked(f, t);
	} else if (t->complete && !t->reading && is_listed(f, t)) {
		t->fresh_at_ms = f->began_ms;
	}
}

void feed_caught_up(struct feed *f)
{
	struct cache *c = f->c;
	size_t i;

	lock_take(&c->mu);
	for (i = 0; i < c->tables_n; i++)
		if (c->tables[i] && c->tables[i]->base == f->b)
			follow_up_locked(f, c->tables[i]);
	lock_drop(&c->mu);
	feed_end(f);
}

/* ---- the end of all ---- */

void feed_stop(struct cache *c)
{
	size_t i;

	for (i = 0; i < c->bases_n; i++)
		if (c->bases[i] && c->bases[i]->feed)
			release_deferred(c->bases[i]->feed);
}

void feed_free(struct cache *c)
{
	size_t i;

	for (i = 0; i < c->bases_n; i++) {
		if (!c->bases[i])
			continue;
		free(c->bases[i]->feed);
		c->bases[i]->feed = NULL;
	}
	json_decref(c->hooks);
}

/* ---- status ---- */

json_t *feed_status_locked(struct cache *c)
{
	json_t *list;
	size_t i;

	if (!c->conf.live)
		return NULL;
	list = json_array();
	for (i = 0; i < c->bases_n; i++) {
		struct base *b = c->bases[i];
		struct feed *f = b ? b->feed : NULL;
		const char *reason = "nobody has looked yet";

		if (!b || !b->listed)
			continue;
		if (c->conf.ttl_ms <= 0)
			reason = "ttl is 0";
		else if (f && f->reason[0])
			reason = f->reason;
		else if (f && f->busy)
			reason = "being set up";
		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:s, s:I}", "base", b->name,
				  "state", f && is_on(f) ? "on" : "off",
				  "reason", f && is_on(f) ? "" : reason,
				  "polled_at_ms",
				  (json_int_t)(f ? f->polled_at_ms : 0)));
	}
	return list;
}
