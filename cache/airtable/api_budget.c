/* What stops calls before they are sent: the month's own budget, and the answer
 * that a plan's monthly limit is used up.
 *
 * A base that has given that answer is not asked again but by one call an hour,
 * after the turn of the month, and when somebody says so (api_ask_again); other
 * bases may be of other workspaces and go on. Only calls about records show
 * that it is over: schemas were seen to be answered all the same
 * (airtable-api.md 6.2). */
#include "api_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "log.h"

#define ASK_AGAIN_MS (INT64_C(3600) * 1000) /* ours */

static int64_t wall_ms(const struct api *a)
{
	return clock_wall_ms(loop_clock(a->loop));
}

/* "1 December" */
static void write_next_month(int64_t now_ms, char *buf, size_t n)
{
	static const char *const names[12] = {
		"January", "February", "March", "April", "May", "June", "July",
		"August", "September", "October", "November", "December",
	};
	uint32_t month = tally_month_of(tally_next_month_ms(now_ms));

	snprintf(buf, n, "1 %s", names[month % 12]);
}

/* ---- our own budget ---- */

static uint64_t used(const struct api *a)
{
	uint64_t n = tally_month(a->tally, wall_ms(a));
	const struct call *c;

	TAILQ_FOREACH(c, &a->running, link)
		n += !c->has_left;
	return n;
}

static void say_level(const struct api *a, enum budget_level level)
{
	static const char *const words[] = {
		[BUDGET_ALL] = "nothing is stopped any more",
		[BUDGET_NO_PREFETCH] = "nothing is read ahead any more",
		[BUDGET_NO_REFRESH] = "what is in the cache is not asked for "
				      "again by itself any more",
		[BUDGET_NO_READ] = "reads come from the cache alone; the rest "
				   "is kept for changes",
		[BUDGET_NOTHING] = "changes wait",
	};
	enum log_level how = level < BUDGET_NO_READ ? LOG_LEVEL_INFO :
						      LOG_LEVEL_WARN;

	log_msg(how, "%llu of the month's %llu calls are used: %s",
		 (unsigned long long)tally_month(a->tally, wall_ms(a)),
		 (unsigned long long)a->max_calls_month, words[level]);
}

unsigned budget_classes(struct api *a)
{
	static const unsigned classes[] = {
		[BUDGET_ALL] = CLASSES_ALL,
		[BUDGET_NO_PREFETCH] = CLASSES_ALL & ~(1u << API_PREFETCH),
		[BUDGET_NO_REFRESH] = CLASS_INTERACTIVE | 1u << API_FLUSH,
		[BUDGET_NO_READ] = 1u << API_FLUSH,
		[BUDGET_NOTHING] = 0,
	};
	enum budget_level level = BUDGET_ALL;

	if (a->max_calls_month > 0 && a->tally != NULL)
		level = budget_level(a->max_calls_month, used(a));
	if (level != a->status.budget)
		say_level(a, level);
	a->status.budget = level;
	return classes[level];
}

static void set_over_budget(const struct api *a, enum api_priority p,
			    struct atfs_error *e)
{
	char when[32];

	write_next_month(wall_ms(a), when, sizeof(when));
	error_set(e, -EDQUOT, ERROR_QUOTA,
		  "the monthly budget of %llu calls is used up (%llu sent%s); "
		  "raise max_calls_month or wait until %s",
		  (unsigned long long)a->max_calls_month,
		  (unsigned long long)tally_month(a->tally, wall_ms(a)),
		  p == API_FLUSH       ? "" :
		  p == API_INTERACTIVE ? ", the rest is kept for changes" :
					 ", the rest is kept for what somebody "
					 "waits for",
		  when);
}

/* ---- the limit of a plan ---- */

/* The clock may have been set back. */
static bool quota_is_due(const struct lane *l, int64_t now_ms)
{
	return now_ms >= l->quota_ask_ms || now_ms < l->quota_since_ms;
}

bool quota_lets_send(const struct lane *l, int64_t now_ms)
{
	return l->quota_since_ms == 0 ||
	       (l->quota_probe == 0 && quota_is_due(l, now_ms));
}

static bool shows_quota(const struct call *c)
{
	return c->kind != API_SCHEMA;
}

void quota_note_sent(struct call *c)
{
	if (c->lane->quota_since_ms != 0 && shows_quota(c))
		c->lane->quota_probe = c->id;
}

void quota_stop_probing(struct call *c)
{
	if (c->lane->quota_probe == c->id)
		c->lane->quota_probe = 0;
}

static const char *name_of(const struct lane *l)
{
	return l->base.s[0] != '\0' ? l->base.s : "(none)";
}

static void quota_begin(struct lane *l, int64_t now_ms)
{
	int64_t month = tally_next_month_ms(now_ms);

	if (l->quota_since_ms == 0) {
		log_warn("base %s: the monthly limit of its plan is used up; "
			 "it is read from the cache, changes wait",
			 name_of(l));
		l->quota_since_ms = now_ms;
	}
	l->quota_ask_ms = now_ms + ASK_AGAIN_MS;
	if (month < l->quota_ask_ms)
		l->quota_ask_ms = month;
}

void quota_note_answer(struct api *a, struct call *c,
		       const struct atfs_error *e)
{
	struct lane *l = c->lane;

	quota_stop_probing(c);
	if (e->cls == ERROR_QUOTA) {
		quota_begin(l, wall_ms(a));
		return;
	}
	if (l->quota_since_ms == 0 || !shows_quota(c))
		return;
	/* Other failures show nothing: the next call is sent to see. */
	if (e->err != 0 && e->cls != ERROR_GONE && e->cls != ERROR_INPUT &&
	    e->cls != ERROR_RELIST)
		return;
	l->quota_since_ms = l->quota_ask_ms = 0;
	log_info("base %s: its calls are answered again", name_of(l));
}

void api_ask_again(struct api *a)
{
	for (size_t i = 0; i < a->lanes.n; i++)
		a->lanes.list[i]->quota_ask_ms = 0;
	api_pump_soon(a);
}

static void set_over_quota(const struct lane *l, struct atfs_error *e)
{
	char when[25];

	clock_format_iso(l->quota_ask_ms, when);
	error_set(e, -EDQUOT, ERROR_QUOTA,
		  "the monthly limit of API calls of this base's plan is used "
		  "up; it is asked again at %.16sZ, or by 'airtablefs refresh'",
		  when);
}

/* ---- both ---- */

/* What done() submits meanwhile is judged at the next turn, as elsewhere. */
void budget_fail_queued(struct api *a, unsigned classes)
{
	int64_t last_id = a->last_id, now = wall_ms(a);
	struct atfs_error e;
	struct call *c;

	for (size_t i = 0; i < a->lanes.n; i++) {
		struct lane *l = a->lanes.list[i];

		while (classes != CLASSES_ALL &&
		       (c = lane_find_until(l, CLASSES_ALL & ~classes,
					    last_id)) != NULL) {
			set_over_budget(a, c->priority, &e);
			call_fail(a, c, &e);
		}
		while (l->quota_since_ms != 0 && !quota_is_due(l, now) &&
		       (c = lane_find_until(l, CLASSES_ALL, last_id)) != NULL) {
			set_over_quota(l, &e);
			call_fail(a, c, &e);
		}
	}
}
