/* Death at every point of crash.h, in every story that passes it: by kill -9
 * (all that was written is there) and by loss of power (only what was synced
 * is), with what was on its way done or not, and the next request in trouble
 * or not. Afterwards the account holds what one of the moments of the story
 * says: not less than what had been accepted (after a loss of power: synced),
 * nothing twice, nothing half; nothing is left in the queue, and the files show
 * what the account holds.
 *
 * The points come from the program's own table; one that no story passes fails
 * the test. Half of the combinations are run, TEST_LONG=1 runs all, CRASH=NAME one point alone,
 * STORY=NAME one story. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../unit/cache_world.h"
#include "crash.h"
#include "powerloss.h"

#define STEPS_MAX 8
#define NTH_SHORT 2  /* passes of one point in one story */
#define NTH_LONG 12
#define CALLS_MAX 40 /* after the restart; the bound that is promised */

enum power { KILL, POWER, POWER_CHANCE, POWERS };
static const char *const powers[POWERS] = { "kill -9", "power loss",
					    "power loss, by chance" };

static struct world w;
static struct run {
	enum crash_point at; /* CRASH_N = none: only counts */
	unsigned nth;
	bool done;
	enum power power;
} run;
static unsigned seen[CRASH_N], ever[CRASH_N];
static bool armed, dead;

/* ---- dying ---- */

static void shadow_name(char *buf, size_t n)
{
	snprintf(buf, n, "%s.shadow", w.dir);
}

static void shell(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

static void shell(const char *fmt, ...)
{
	char cmd[1024];
	va_list ap;

	va_start(ap, fmt);
	assert_in_range(vsnprintf(cmd, sizeof(cmd), fmt, ap), 1,
			(int)sizeof(cmd) - 1);
	va_end(ap);
	assert_int_equal(system(cmd), 0);
}

/* The next life finds what the disk holds. */
static void cut(const char *what, uint64_t chance)
{
	char shadow[96], to[96];

	shadow_name(shadow, sizeof(shadow));
	snprintf(to, sizeof(to), "%s.cut", w.dir);
	assert_int_equal(powerloss_cut(w.dir, shadow, to, chance), 0);
	shell("cd %s && rm -rf %s%u && if [ -d %s/%s%u ]; then "
	      "mv %s/%s%u %s%u; fi && rm -rf %s", w.dir, what, w.life + 1, to,
	      what, w.life, to, what, w.life, what, w.life + 1, to);
}

static void die(void)
{
	dead = true;
	world_die(&w, run.done);
	if (run.power == KILL)
		return;
	cut("state", run.power == POWER ? 0 : 1 + run.nth * 64 + run.at);
	cut("cache", 0);
}

void crash_at(enum crash_point p)
{
	if (!armed || dead)
		return;
	seen[p]++;
	ever[p]++;
	if (p == run.at && seen[p] == run.nth)
		die();
}

/* ---- the acts; each is accepted when it returned before death ---- */

static void go_on(unsigned ms)
{
	for (; ms > 0 && !dead; ms -= 50)
		world_run(&w, 50);
}

static void pass(void)
{
	go_on(4000);
}

static void pass_long(void)
{
	go_on(20000);
}

static struct rec_key key_of(const char *name)
{
	return world_find(&w, 0, name);
}

static void fine(int r)
{
	assert_true(dead || r == 0);
}

static void save_1(void)
{
	fine(world_save(&w, key_of("Item 1.json"), "Note", "new"));
}

static void save_1_again(void)
{
	fine(world_save(&w, key_of("Item 1.json"), "Note", "newer"));
}

static void save_1_back(void)
{
	fine(world_save(&w, key_of("Item 1.json"), "Note", "note"));
}

static void reformat_1(void)
{
	struct rec_key k = key_of("Item 1.json");
	char *bytes = world_bytes(&w, k);
	size_t n = strlen(bytes);
	char *more = malloc(n + 2);

	assert_non_null(more);
	memcpy(more, bytes, n);
	strcpy(more + n, "\n");
	fine(world_write(&w, k, more));
	free(more);
	free(bytes);
}

static void save_both(void)
{
	save_1();
	if (!dead)
		fine(world_save(&w, key_of("Item 2.json"), "Note", "new"));
}

/* In the middle of the file: judged later. */
static void poke_1(void)
{
	struct rec_key k = key_of("Item 1.json");
	char *bytes = world_bytes(&w, k), *at = strstr(bytes, "\"note\"");

	assert_non_null(at);
	fine(cache_write(w.c, k, "half", 4, (uint64_t)(at - bytes) + 1));
	free(bytes);
}

static void poke_1_sync(void)
{
	poke_1();
	if (!dead)
		fine(cache_fsync(w.c, key_of("Item 1.json")));
}

static void create(void)
{
	fine(world_create(&w, "New.json", "{\"Note\": \"made\"}", NULL));
}

static void save_new(void)
{
	fine(world_save(&w, key_of("New.json"), "Note", "edited"));
}

static void sync_new(void)
{
	fine(cache_fsync(w.c, key_of("New.json")));
}

static void sync_1(void)
{
	fine(cache_fsync(w.c, key_of("Item 1.json")));
}

static void rm_1(void)
{
	fine(cache_unlink(w.c, w.tables[0], "Item 1.json", NULL));
}

static void rm_new(void)
{
	fine(cache_unlink(w.c, w.tables[0], "New.json", NULL));
}

static void mv_1(void)
{
	struct rec_key k;

	fine(cache_rename(w.c, w.tables[0], "Item 1.json", "Moved.json", NULL,
			  &k));
}

static void sync_moved(void)
{
	fine(cache_fsync(w.c, key_of("Moved.json")));
}

static void mv_2_over_1(void)
{
	struct rec_key k;

	fine(cache_rename(w.c, w.tables[0], "Item 2.json", "Item 1.json", NULL,
			  &k));
}

static void put_over_1(void)
{
	struct cache_stat st;
	const char *text = "{\"Note\": \"put\"}";

	fine(cache_replace(w.c, w.tables[0], "Item 1.json", text, strlen(text),
			   &st));
}

static void create_1(void)
{
	fine(world_create(&w, "Item 1.json", "{\"Note\": \"back\"}", NULL));
}

static void bad_1(void)
{
	struct rec_key k = key_of("Item 1.json");

	if (world_write(&w, k, "{\"Note\": \"cut") == 0 && !dead)
		(void)cache_closed(w.c, k);
}

static void theirs_1(void)
{
	fake_account_set(fake_account_find(&w.acc, 0, "Item 1"), FA_NOTE,
			 "theirs");
}

static void guilty(void)
{
	w.acc.guilty_note = "new";
}

static void fault(enum fa_call which, enum fa_how how)
{
	fake_account_fault(&w.acc, (struct fa_fault){ which, how,
						      .times = 1 });
}

static void lose_done(void)
{
	fault(FA_WRITE, FA_LOST_AFTER);
}

static void lose_undone(void)
{
	fault(FA_WRITE, FA_LOST_BEFORE);
}

static void hold(void)
{
	fault(FA_WRITE, FA_HELD);
}

static void release(void)
{
	(void)fake_account_release(&w.acc);
}

static void reopen(void)
{
	world_close(&w);
	world_open(&w);
	if (!dead)
		world_tables(&w);
}

static void reopen_killed(void)
{
	world_kill(&w, true);
	reopen();
}

static void reopen_bare(void)
{
	world_close(&w);
	world_delete_cache_db(&w);
	world_open(&w);
	if (!dead)
		world_tables(&w);
	if (!dead)
		world_read_table(&w, 0);
}

/* A story is told by what the account shall hold after each act (in the end,
 * when all is sent); the same as before where the act says nothing new. */
#define START "Item 1=note Item 2=note"

struct step {
	void (*act)(void);
	const char *then; /* NULL = as before */
	bool syncs;       /* what went before survives loss of power */
};

static const struct story {
	const char *name;
	struct step steps[STEPS_MAX];
	unsigned stuck;   /* drafts, conflicts, refusals that may be left */
} stories[] = {
	{ "update", { { save_1, "Item 1=new Item 2=note", 0 },
		      { sync_1, NULL, 1 }, { pass, NULL, 0 } }, 0 },
	{ "update twice", { { save_1, "Item 1=new Item 2=note", 0 },
			    { save_1_again, "Item 1=newer Item 2=note", 0 },
			    { sync_1, NULL, 1 }, { pass, NULL, 0 } }, 0 },
	{ "update while one is sent",
	  { { hold, NULL, 0 }, { save_1, "Item 1=new Item 2=note", 0 },
	    { pass, NULL, 0 }, { save_1_again, "Item 1=newer Item 2=note", 0 },
	    { sync_1, NULL, 1 }, { release, NULL, 0 }, { pass, NULL, 0 } }, 0 },
	{ "update and back", { { save_1, "Item 1=new Item 2=note", 0 },
			       { save_1_back, START, 0 },
			       { pass, NULL, 0 } }, 0 },
	{ "reformatted", { { reformat_1, START, 0 }, { pass, NULL, 0 } }, 0 },
	{ "two updates", { { save_both, "Item 1=new Item 2=new", 0 },
			   { sync_1, NULL, 1 }, { pass, NULL, 0 } }, 0 },
	{ "update lost, done", { { lose_done, NULL, 0 },
				 { save_1, "Item 1=new Item 2=note", 0 },
				 { sync_1, NULL, 1 }, { pass, NULL, 0 } }, 0 },
	{ "update lost, not done",
	  { { lose_undone, NULL, 0 }, { save_1, "Item 1=new Item 2=note", 0 },
	    { sync_1, NULL, 1 }, { pass, NULL, 0 } }, 0 },
	{ "in the middle", { { poke_1, "Item 1=half Item 2=note", 0 },
			     { pass, NULL, 0 } }, 0 },
	{ "in the middle, synced",
	  { { poke_1_sync, "Item 1=half Item 2=note", 1 },
	    { pass, NULL, 0 } }, 0 },
	{ "create", { { create, START " New=made", 0 }, { sync_new, NULL, 1 },
		      { pass, NULL, 0 } }, 0 },
	{ "create, edit", { { create, START " New=made", 0 },
			    { save_new, START " New=edited", 0 },
			    { sync_new, NULL, 1 }, { pass, NULL, 0 } }, 0 },
	{ "create, edit while sent",
	  { { hold, NULL, 0 }, { create, START " New=made", 0 },
	    { pass, NULL, 0 }, { save_new, START " New=edited", 0 },
	    { sync_new, NULL, 1 }, { release, NULL, 0 }, { pass, NULL, 0 } },
	  0 },
	{ "create lost, done", { { lose_done, NULL, 0 },
				 { create, START " New=made", 0 },
				 { sync_new, NULL, 1 },
				 { pass_long, NULL, 0 } }, 0 },
	{ "create lost, not done", { { lose_undone, NULL, 0 },
				     { create, START " New=made", 0 },
				     { sync_new, NULL, 1 },
				     { pass_long, NULL, 0 } }, 0 },
	{ "create, remove", { { create, START " New=made", 0 },
			      { rm_new, START, 0 }, { pass_long, NULL, 0 } },
	  0 },
	{ "create, sent, remove", { { create, START " New=made", 0 },
				    { sync_new, NULL, 1 }, { pass, NULL, 0 },
				    { rm_new, START, 0 },
				    { pass_long, NULL, 0 } }, 0 },
	{ "remove", { { rm_1, "Item 2=note", 0 }, { pass_long, NULL, 0 } }, 0 },
	{ "remove lost, done", { { lose_done, NULL, 0 },
				 { rm_1, "Item 2=note", 0 },
				 { pass_long, NULL, 0 } }, 0 },
	{ "update, remove", { { save_1, "Item 1=new Item 2=note", 0 },
			      { rm_1, "Item 2=note", 0 },
			      { pass_long, NULL, 0 } }, 0 },
	{ "remove, come back", { { rm_1, "Item 2=note", 0 },
				 { create_1, "Item 1=back Item 2=note", 0 },
				 { sync_1, NULL, 1 }, { pass_long, NULL, 0 } },
	  0 },
	{ "remove on its way, come back",
	  { { hold, NULL, 0 }, { rm_1, "Item 2=note", 0 },
	    { pass_long, NULL, 0 },
	    { create_1, "Item 1=back Item 2=note", 0 },
	    { release, NULL, 0 }, { pass_long, NULL, 0 } }, 0 },
	{ "rename", { { mv_1, "Item 2=note Moved=note", 0 },
		      { sync_moved, NULL, 1 }, { pass, NULL, 0 } }, 0 },
	{ "edit, rename", { { save_1, "Item 1=new Item 2=note", 0 },
			    { mv_1, "Item 2=note Moved=new", 0 },
			    { sync_moved, NULL, 1 }, { pass, NULL, 0 } }, 0 },
	{ "rename over", { { save_1, "Item 1=new Item 2=note", 0 },
			   { pass, NULL, 0 },
			   { mv_2_over_1, "Item 1=note", 0 },
			   { sync_1, NULL, 1 }, { pass_long, NULL, 0 } }, 0 },
	{ "put in its place", { { put_over_1, "Item 1=put Item 2=note", 0 },
				{ sync_1, NULL, 1 }, { pass, NULL, 0 } }, 0 },
	{ "cut off", { { bad_1, NULL, 0 }, { pass, NULL, 0 } }, 1 },
	{ "refused", { { guilty, NULL, 0 }, { save_1, NULL, 0 },
		       { pass, NULL, 0 } }, 1 },
	{ "conflict", { { save_1, "Item 1=new Item 2=note", 0 },
			{ theirs_1, "Item 1=theirs Item 2=note", 0 },
			{ pass, NULL, 0 } }, 1 },
	{ "killed while sent, started again",
	  { { hold, NULL, 0 }, { save_1, "Item 1=new Item 2=note", 0 },
	    { pass, NULL, 0 }, { sync_1, NULL, 1 },
	    { reopen_killed, NULL, 0 }, { pass, NULL, 0 } }, 0 },
	{ "cache.db gone", { { create, START " New=made", 0 },
			     { sync_new, NULL, 1 }, { reopen_bare, NULL, 0 },
			     { pass_long, NULL, 0 } }, 0 },
};
#define STORIES (sizeof(stories) / sizeof(*stories))

/* ---- what must be in the end ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "Item 1=note Item 2=note", sorted by name. */
static const char *account(void)
{
	static char text[512];
	char items[16][96];
	const char *p[16];
	size_t n = 0;

	for (size_t i = 0; i < w.acc.n; i++) {
		const struct fa_record *r = &w.acc.records[i];

		if (r->gone || r->table != 0)
			continue;
		assert_true(n < 16);
		snprintf(items[n], sizeof(items[n]), "%s=%s",
			 fake_account_get(r, FA_NAME),
			 fake_account_get(r, FA_NOTE));
		p[n] = items[n];
		n++;
	}
	qsort(p, n, sizeof(*p), by_name);
	text[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		if (i)
			strcat(text, " ");
		strcat(text, p[i]);
	}
	return text;
}

/* A name that was taken for a while may have got the record's id. */
static int plain_length(const char *name)
{
	const char *id = strstr(name, " (rec");

	return (int)(id ? (size_t)(id - name) : strlen(name) - 5);
}

static const char *files(void)
{
	static char text[512];
	struct cache_entry e[16];
	int n = cache_list_records(w.c, w.tables[0], 0, e, 16, false, NULL);
	char items[16][96];
	const char *p[16];

	assert_true(n >= 0);
	for (int i = 0; i < n; i++) {
		snprintf(items[i], sizeof(items[i]), "%.*s=%s",
			 plain_length(e[i].name), e[i].name,
			 world_cell(&w, e[i].st.key, "Note"));
		p[i] = items[i];
	}
	qsort(p, (size_t)n, sizeof(*p), by_name);
	text[0] = '\0';
	for (int i = 0; i < n; i++) {
		if (i)
			strcat(text, " ");
		strcat(text, p[i]);
	}
	return text;
}

struct told {
	const struct story *s;
	unsigned accepted; /* acts that returned */
	unsigned synced;   /* of them, up to the last that syncs */
};

static const char *then(const struct story *s, unsigned acts)
{
	const char *text = START;

	for (unsigned i = 0; i < acts; i++)
		if (s->steps[i].then)
			text = s->steps[i].then;
	return text;
}

/* One more moment, of an act that is done in two. */
static const struct {
	const char *story, *then;
} also[] = {
	{ "two updates", "Item 1=new Item 2=note" },
	/* copied, not yet removed */
	{ "rename over", START },
	/* a name that comes back takes the removal back; then it is written */
	{ "remove, come back", START },
};

static bool is_between(const struct told *t, const char *now)
{
	unsigned from = run.power == KILL ? t->accepted : t->synced;

	for (size_t i = 0; i < sizeof(also) / sizeof(*also); i++)
		if (strcmp(t->s->name, also[i].story) == 0 &&
		    strcmp(also[i].then, now) == 0 &&
		    strcmp(then(t->s, STEPS_MAX), then(t->s, from)) != 0)
			return true;
	return false;
}

static bool is_a_moment(const struct told *t, const char *now)
{
	unsigned from = run.power == KILL ? t->accepted : t->synced;

	for (unsigned i = from; i <= t->accepted + 1; i++)
		if (i <= STEPS_MAX &&
		    (i == t->accepted + 1 ? i < STEPS_MAX &&
						    t->s->steps[i - 1].act :
					    true) &&
		    strcmp(then(t->s, i), now) == 0)
			return true;
	return is_between(t, now);
}

/* open(O_CREAT) was all that came: an empty file, and said to be one. */
static bool may_be_empty(const struct told *t)
{
	void (*act)(void) = t->accepted < STEPS_MAX ?
				    t->s->steps[t->accepted].act : NULL;

	return act == create || act == create_1 || run.power != KILL;
}

static const char *wrong(const struct told *t, unsigned calls)
{
	static char text[512];
	struct cache_unsent u = world_unsent(&w);
	unsigned stuck = u.conflicts + u.rejected + u.drafts;
	unsigned most = t->s->stuck + (u.drafts && may_be_empty(t));

	text[0] = '\0';
	if (u.queued || stuck > most)
		snprintf(text, sizeof(text), "%u queued, %u conflicts, %u "
			 "rejected, %u drafts", u.queued, u.conflicts,
			 u.rejected, u.drafts);
	else if (calls > CALLS_MAX)
		snprintf(text, sizeof(text), "%u calls", calls);
	else if (!is_a_moment(t, account()))
		snprintf(text, sizeof(text), "the account holds '%s' after %u "
			 "acts, %u synced", account(), t->accepted, t->synced);
	else if (!stuck && strcmp(files(), account()) != 0)
		snprintf(text, sizeof(text), "files '%s', account '%s'",
			 files(), account());
	return text[0] ? text : NULL;
}

/* ---- running ---- */

static void tell(const struct story *s, struct told *t)
{
	memset(seen, 0, sizeof(seen));
	dead = false;
	*t = (struct told){ .s = s };
	armed = true;
	for (unsigned i = 0; i < STEPS_MAX && s->steps[i].act && !dead; i++) {
		s->steps[i].act();
		if (dead)
			break;
		t->accepted = i + 1;
		if (s->steps[i].syncs)
			t->synced = i + 1;
	}
	armed = false;
}

static const struct fa_fault troubles[] = {
	{ FA_WRITE, FA_LOST_AFTER, 0, 1, 0, NULL },
	{ FA_WRITE, FA_LOST_BEFORE, 0, 1, 0, NULL },
	{ FA_ANY, FA_STATUS, 0, 2, 429, "" },
	{ FA_ANY, FA_STATUS, 0, 2, 503, "" },
	{ FA_ANY, FA_GARBAGE, 0, 1, 0, NULL },
};
#define TROUBLES (sizeof(troubles) / sizeof(*troubles))
static const char *const trouble_names[] = { "lost after", "lost before",
					     "429", "503", "garbage", "none" };

static void begin(void)
{
	char shadow[96];

	world_with_things(&w, 2);
	if (run.power == KILL)
		return;
	shadow_name(shadow, sizeof(shadow));
	assert_int_equal(powerloss_begin(w.dir, shadow), 0);
}

static void finish(void)
{
	powerloss_end();
	armed = false;
	shell("rm -rf %s.shadow", w.dir);
	world_end(&w);
}

static void recover(size_t trouble)
{
	powerloss_end();
	world_bury(&w);
	fake_account_heal(&w.acc);
	if (trouble < TROUBLES)
		fake_account_fault(&w.acc, troubles[trouble]);
	fake_account_count_from_now(&w.acc);
	world_open(&w);
	for (int i = 0; i < 60; i++) {
		world_run(&w, 5000);
		if (i >= 2 && world_unsent(&w).queued == 0)
			break;
	}
}

/* 0: as it must be; 1: not; -1: death did not come. */
static int crash_once(const struct story *s, size_t trouble)
{
	struct told t;
	const char *why;
	unsigned calls;
	int r = 0;

	begin();
	tell(s, &t);
	if (!dead) {
		finish();
		return -1;
	}
	recover(trouble);
	calls = w.acc.total;
	fake_account_heal(&w.acc);
	if (trouble < TROUBLES && troubles[trouble].status == 429)
		world_run(&w, 61000); /* the base rests */
	world_tables(&w);
	world_read_table(&w, 0);
	(void)cache_refresh(w.c, 0, w.tables[0]);
	world_run(&w, 5000);
	why = wrong(&t, calls);
	if (why) {
		print_error("%s, %s %u, what was under way %s, %s, next "
			    "request: %s: %s\n", s->name, crash_name(run.at),
			    run.nth, run.done ? "done" : "not done",
			    powers[run.power], trouble_names[trouble], why);
		r = 1;
	}
	finish();
	return r;
}

static bool is_wanted(const char *var, const char *name)
{
	const char *v = getenv(var);

	return !v || strcmp(v, name) == 0;
}

static unsigned all_of_point(const struct story *s, unsigned passes)
{
	const bool all = getenv("TEST_LONG") && *getenv("TEST_LONG");
	unsigned bad = 0, most = all ? NTH_LONG : NTH_SHORT;

	for (run.nth = 1; run.nth <= passes && run.nth <= most; run.nth++)
		for (int d = 0; d < 2; d++)
			for (int p = 0; p < POWERS; p++)
				for (size_t i = 0; i <= TROUBLES; i++) {
					/* the short form: one trouble each */
					size_t mine = (run.at + run.nth +
						       (unsigned)d) % TROUBLES;

					if (!all && (i != (p == KILL ? mine :
								TROUBLES)))
						continue;
					if (!all && ((unsigned)run.at +
						     run.nth + (unsigned)d +
						     (unsigned)p) % 2)
						continue;
					run.done = d;
					run.power = (enum power)p;
					bad += crash_once(s, i) == 1;
				}
	return bad;
}

static void P4_death_at_every_point(void **state)
{
	unsigned passes[CRASH_N], bad = 0, runs = 0;
	struct told t;

	(void)state;
	memset(ever, 0, sizeof(ever));
	for (size_t i = 0; i < STORIES; i++) {
		if (!is_wanted("STORY", stories[i].name))
			continue;
		run = (struct run){ .at = CRASH_N };
		begin();
		tell(&stories[i], &t);
		memcpy(passes, seen, sizeof(passes));
		for (int n = 0; n < 30; n++)
			world_run(&w, 1000);
		if (strcmp(account(), then(&stories[i], STEPS_MAX)) != 0) {
			print_error("%s, without a crash: '%s'\n",
				    stories[i].name, account());
			bad++;
		}
		finish();
		for (int p = 0; p < CRASH_N; p++) {
			run.at = (enum crash_point)p;
			if (!passes[p] || !is_wanted("CRASH", crash_name(run.at)))
				continue;
			bad += all_of_point(&stories[i], passes[p]);
			runs++;
		}
	}
	for (int p = 0; p < CRASH_N && !getenv("STORY"); p++)
		if (!ever[p]) {
			print_error("no story passes %s\n",
				    crash_name((enum crash_point)p));
			bad++;
		}
	print_message("# %u points of stories\n", runs);
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(P4_death_at_every_point),
	};

	/* the many small files; and it knows when a file was born */
	if (access("/dev/shm", W_OK) == 0)
		(void)setenv("TMPDIR", "/dev/shm", 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
