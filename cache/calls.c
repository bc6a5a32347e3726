/* What is told of calls: how many of the month, the budget and what is stopped
 * because of it, and bases that rest, are slowed down or over their plan's
 * limit. */
#include "internal.h"

#include <stdio.h>
#include <string.h>

#include "airtable/pace_file.h"

struct budget_words {
	const char *name;   /* in status.json */
	const char *words;  /* in status */
};

/* What stops at a level, and at all above it. */
static const struct budget_words stops[] = {
	[BUDGET_NO_PREFETCH] = { "prefetch", "reading ahead" },
	[BUDGET_NO_REFRESH] = { "refresh", "revalidation" },
	[BUDGET_NO_READ] = { "read", "reads from the server" },
	[BUDGET_NOTHING] = { "write", "changes" },
};

static enum budget_level level_now(const struct cache *c, uint64_t used)
{
	return budget_level(c->conf.max_calls_month, used);
}

static uint64_t used_now(const struct cache *c)
{
	return tally_month(c->tally, clock_wall_ms(c->clock));
}

void budget_note(struct cache *c, enum budget_level was, enum budget_level now)
{
	uint64_t max = c->conf.max_calls_month;
	char reason[200];

	if (now <= was || now < BUDGET_NO_READ)
		return;
	snprintf(reason, sizeof(reason),
		 "%s of the month's budget of %llu calls is used up: %s",
		 now == BUDGET_NOTHING ? "all" : "all but the reserve for "
		 "changes", (unsigned long long)max,
		 now == BUDGET_NOTHING ? "reads come from the cache, changes "
					 "wait" :
					 "reads come from the cache alone");
	errlog_add(c, "", -EDQUOT, "", 0, 0, reason,
		   "raise max_calls_month, or wait for the next month");
}

/* NULL: it is not of this mount. */
static const struct base *base_of(const struct cache *c, const char *id)
{
	for (size_t i = 0; i < c->bases_n; i++)
		if (c->bases[i] && strcmp(c->bases[i]->id.s, id) == 0)
			return c->bases[i];
	return NULL;
}

static const char *name_of(const struct cache *c, const char *id)
{
	const struct base *b = base_of(c, id);

	return b ? b->name : *id ? id : "of no base";
}

static int64_t wall_of_mono(const struct cache *c, int64_t ns)
{
	return clock_wall_ms(c->clock) +
	       (ns - clock_mono_ns(c->clock)) / NS_PER_MS;
}

static json_t *time_of(int64_t ms)
{
	char when[25];

	clock_format_iso(ms, when);
	return json_string(when);
}

/* ---- JSON ---- */

struct by_base {
	struct cache *c;
	json_t *list;
	FILE *m;
	uint64_t total;
};

static void json_of_base(void *ctx, const char *id, uint64_t n)
{
	struct by_base *by = ctx;
	const struct base *b = base_of(by->c, id);

	by->total += n;
	json_array_append_new(
		by->list,
		json_pack("{s:s?, s:s?, s:I}", "id", *id ? id : NULL, "name",
			  b ? b->name : NULL, "calls", (json_int_t)n));
}

static json_t *budget_json(struct cache *c, uint64_t used)
{
	uint64_t max = c->conf.max_calls_month;
	enum budget_level level = level_now(c, used);
	json_t *list = json_array();

	if (max == 0) {
		json_decref(list);
		return json_null();
	}
	for (unsigned i = BUDGET_NO_PREFETCH; i <= (unsigned)level; i++)
		json_array_append_new(list, json_string(stops[i].name));
	return json_pack("{s:I, s:I, s:o}", "max", (json_int_t)max, "reserve",
			 (json_int_t)budget_reserve(max), "stopped", list);
}

json_t *calls_month_json_locked(struct cache *c)
{
	int64_t now = clock_wall_ms(c->clock);
	struct by_base by = { .c = c, .list = json_array() };
	char when[25];

	tally_each(c->tally, now, json_of_base, &by);
	clock_format_iso(now, when);
	when[7] = '\0'; /* year and month */
	return json_pack("{s:s, s:I, s:o, s:o}", "month", when, "total",
			 (json_int_t)by.total, "by_base", by.list, "budget",
			 budget_json(c, by.total));
}

json_t *calls_odd_json_locked(struct cache *c)
{
	int64_t now = clock_mono_ns(c->clock);
	json_t *list = json_array(), *j;

	for (size_t i = 0; i < c->odd_n; i++) {
		const struct api_base_status *o = &c->odd[i];
		unsigned full = o->base.s[0] ? PACE_PER_BASE : PACE_PER_USER;
		unsigned fifths = slowdown_fifths(&o->slow, now);

		if (o->rest_until_ns <= now && fifths == SLOWDOWN_FULL &&
		    !o->quota_since_ms)
			continue;
		j = json_pack("{s:s, s:s, s:i}", "id", o->base.s, "name",
			      name_of(c, o->base.s), "per_second",
			      (int)(full * fifths / SLOWDOWN_FULL));
		if (o->rest_until_ns > now)
			json_object_set_new(j, "rests_until",
					    time_of(wall_of_mono(
						    c, o->rest_until_ns)));
		if (fifths < SLOWDOWN_FULL)
			json_object_set_new(
				j, "full_pace_at",
				time_of(wall_of_mono(
					c, slowdown_until_ns(&o->slow))));
		if (o->quota_since_ms) {
			json_object_set_new(j, "over_plan_limit_since",
					    time_of(o->quota_since_ms));
			json_object_set_new(j, "asked_again_at",
					    time_of(o->quota_ask_ms));
		}
		json_array_append_new(list, j);
	}
	return list;
}

/* ---- text ---- */

static void text_of_base(void *ctx, const char *id, uint64_t n)
{
	struct by_base *by = ctx;

	fprintf(by->m, "  %s: %llu\n", name_of(by->c, id),
		(unsigned long long)n);
}

static void text_of_budget(FILE *m, struct cache *c, uint64_t used)
{
	uint64_t max = c->conf.max_calls_month;
	enum budget_level level = level_now(c, used);

	if (max == 0)
		return;
	fprintf(m, " of %llu, %llu of them kept for changes",
		(unsigned long long)max,
		(unsigned long long)budget_reserve(max));
	for (unsigned i = BUDGET_NO_PREFETCH; i <= (unsigned)level; i++)
		fprintf(m, "%s%s",
			i == BUDGET_NO_PREFETCH ? "; stopped: " : ", ",
			stops[i].words);
}

static void text_of_odd(FILE *m, const struct cache *c,
			const struct api_base_status *o)
{
	int64_t now = clock_mono_ns(c->clock);
	unsigned full = o->base.s[0] ? PACE_PER_BASE : PACE_PER_USER;
	unsigned fifths = slowdown_fifths(&o->slow, now);
	const char *name = o->base.s[0] ? name_of(c, o->base.s) : "all bases";
	char since[25], ask[25];

	if (o->quota_since_ms) {
		clock_format_iso(o->quota_since_ms, since);
		clock_format_iso(o->quota_ask_ms, ask);
		fprintf(m, "%s: offline, the monthly limit of its plan is used "
			"up (since %.16sZ): reads come from the cache, changes "
			"wait; asked again at %.16sZ, or by refresh\n", name,
			since, ask);
	}
	if (o->rest_until_ns > now)
		fprintf(m, "%s: rests for %lld s, the server said too many "
			"requests\n", name,
			(long long)((o->rest_until_ns - now) / NS_PER_S + 1));
	if (fifths < SLOWDOWN_FULL)
		fprintf(m, "%s: slowed down to %u requests a second, all of "
			"the %u again in %lld s\n", name,
			full * fifths / SLOWDOWN_FULL, full,
			(long long)((slowdown_until_ns(&o->slow) - now) /
				    NS_PER_S + 1));
}

void calls_text_locked(struct cache *c, FILE *m)
{
	uint64_t used = used_now(c);
	struct by_base by = { .c = c, .m = m };
	char when[25];

	clock_format_iso(clock_wall_ms(c->clock), when);
	fprintf(m, "calls in %.7s: %llu", when, (unsigned long long)used);
	text_of_budget(m, c, used);
	fputc('\n', m);
	tally_each(c->tally, clock_wall_ms(c->clock), text_of_base, &by);
	for (size_t i = 0; i < c->odd_n; i++)
		text_of_odd(m, c, &c->odd[i]);
}
