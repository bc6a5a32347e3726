/* Age: what was read is asked for again when somebody looks at it and it has
 * grown old, or says so. Nothing polls. */
#include "flush.h"

/* An automatic revalidation relists tables up to this many records; of larger
 * ones it asks for what changed, and lists them again after full_ttl. */
#define SMALL_TABLE_RECORDS 500
/* What was changed shortly before the last reading is asked for once more:
 * LAST_MODIFIED_TIME() is exact to a second, and a minute is the least
 * (airtable-api.md 10). */
#define OVERLAP_MS (INT64_C(120) * 1000)

static bool too_old(const struct cache *c, int64_t at_ms, int64_t limit_ms)
{
	int64_t now = clock_wall_ms(c->clock);

	return c->conf.ttl_ms > 0 && (now - at_ms > limit_ms || now < at_ms);
}

static void touch_bases_locked(struct cache *c, int64_t limit_ms)
{
	/* counted from the attempt, or an offline walk asks each time */
	if (c->bases_fetching || !too_old(c, c->bases_at_ms, limit_ms) ||
	    !too_old(c, c->bases_touched_at_ms,
		     c->bases_err == -EACCES ? RIGHTS_AGAIN_MS :
					       c->conf.ttl_ms))
		return;
	c->bases_touched_at_ms = clock_wall_ms(c->clock);
	fetch_want_bases_locked(c, API_REFRESH);
}

void fetch_touch_bases_locked(struct cache *c, bool listed)
{
	touch_bases_locked(c, listed || !c->conf.live ? c->conf.ttl_ms :
							c->conf.full_ttl_ms);
}

void fetch_touch_base_locked(struct cache *c, struct base *b)
{
	bool told = feed_covers_base_locked(c, b);

	/* for one that has no calls left nobody else's are spent either; one
	 * that tells its changes is worth no call beside */
	if (clock_wall_ms(c->clock) >= b->held_until_ms)
		touch_bases_locked(c, told ? c->conf.full_ttl_ms :
					     c->conf.ttl_ms);
	if (told)
		return;
	if (!b->fetching && too_old(c, b->schema_at_ms, c->conf.ttl_ms)) {
		b->schema_at_ms = clock_wall_ms(c->clock);
		fetch_want_schema_locked(c, b, API_REFRESH);
	}
}

static void revalidate_locked(struct cache *c, struct table *t)
{
	int64_t n = 0, since = 0;

	if (!t->reread && store_count(c->store, t->no, &n) == 0 &&
	    n > SMALL_TABLE_RECORDS &&
	    !too_old(c, t->listed_at_ms, c->conf.full_ttl_ms)) {
		if (t->no_since)
			return;
		if (t->server_at_ms > OVERLAP_MS)
			since = t->server_at_ms - OVERLAP_MS;
	}
	fetch_want_since_locked(c, t, API_REFRESH, since);
}

void fetch_touch_table_locked(struct cache *c, struct table *t)
{
	fetch_touch_base_locked(c, t->base);
	if (feed_covers_table_locked(c, t) && !t->reread)
		return;
	if (t->fetch || !t->complete || t->awaits ||
	    (!t->reread && t->listed_at_ms &&
	     !too_old(c, t->fresh_at_ms, c->conf.ttl_ms)) ||
	    !too_old(c, t->touched_at_ms, c->conf.ttl_ms))
		return;
	t->touched_at_ms = clock_wall_ms(c->clock);
	/* the schema first: it says which cells there are to be read */
	if (t->base->fetching)
		t->awaits = AWAITS_TTL;
	else
		revalidate_locked(c, t);
}

static void refresh_locked(struct cache *c, struct table *t)
{
	if (t->fetch)
		t->again = true;
	else
		fetch_want_table_locked(c, t, API_INTERACTIVE);
}

void fetch_schema_came_locked(struct cache *c, const struct base *b)
{
	size_t i;

	for (i = 0; i < c->tables_n; i++) {
		struct table *t = c->tables[i];
		bool all;

		if (!t || t->base != b || !t->awaits)
			continue;
		all = t->awaits == AWAITS_REFRESH;
		t->awaits = AWAITS_NOTHING;
		if (t->listed && all)
			refresh_locked(c, t);
		else if (t->listed && !t->fetch)
			revalidate_locked(c, t);
	}
}

/* Also of bases that were left alone since they said that no calls are left. */
static void ask_again(void *arg)
{
	struct cache *c = arg;

	api_ask_again(c->api);
	lock_take(&c->mu);
	for (size_t i = 0; i < c->bases_n; i++)
		if (c->bases[i])
			c->bases[i]->held_until_ms = 0;
	lock_drop(&c->mu);
	flush_continue(c->flush);
}

int cache_refresh(struct cache *c, uint32_t base, uint32_t table)
{
	struct table *one;
	size_t i;
	int r = loop_post(c->loop, ask_again, c);

	if (r < 0)
		return r;
	lock_take(&c->mu);
	one = tree_table_locked(c, table);
	rights_ask_again_locked(c, one ? one->base->no : base);
	if (!base && !table)
		fetch_want_bases_locked(c, API_INTERACTIVE);
	for (i = 0; i < c->bases_n; i++) {
		struct base *b = c->bases[i];

		if (b && b->listed && b->schema &&
		    (table ? one && one->base == b : !base || b->no == base))
			fetch_want_schema_locked(c, b, API_INTERACTIVE);
	}
	for (i = 0; i < c->tables_n; i++) {
		struct table *t = c->tables[i];

		if (!t || !t->listed || (table && t->no != table) ||
		    (base && !table && t->base->no != base) || !t->complete)
			continue;
		if (t->base->fetching)
			t->awaits = AWAITS_REFRESH;
		else
			refresh_locked(c, t);
	}
	if (table && !one)
		r = -ESTALE;
	lock_drop(&c->mu);
	return r;
}
