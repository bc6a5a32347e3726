/* P4 as a property: edits here, edits there, faults and restarts in any order;
 * when calm is restored, the account holds what a plain model says. No accepted
 * edit is lost, none takes effect twice, no field changes that nobody edited.
 * A failure names its seed; TEST_SEED=N runs that one alone, TEST_SEEDS=N that
 * many, TEST_STEPS=1 tells each step. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cache_world.h"

#define FILES_MAX 200
#define STEPS 150
#define SEEDS 24

/* What ought to be: a file here, and a record there in the end. */
struct file {
	char name[40];     /* the primary text */
	char note[24];     /* the last one accepted here, or seen there */
	char theirs[24];   /* the last one written there, "" = none */
	int count;         /* only written there; -1 = not known any more */
	bool gone;
	bool edited;       /* note is, or was, an edit of ours */
	bool contested;    /* note, or a conflict of it with theirs */
	bool unclear;      /* contested, or theirs came after ours was sent */
	bool listed;       /* surely known here */
};

static struct world w;
static struct file files[FILES_MAX];
static unsigned files_n, values;
static uint64_t seed, rnd;
static unsigned step;

static uint64_t next_random(void)
{
	rnd ^= rnd << 13;
	rnd ^= rnd >> 7;
	rnd ^= rnd << 17;
	return rnd;
}

static unsigned below(unsigned n)
{
	return (unsigned)((next_random() >> 11) % n);
}

static void tell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void tell(const char *fmt, ...)
{
	va_list ap;

	if (!getenv("TEST_STEPS"))
		return;
	fprintf(stderr, "# %u: ", step);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

#define broken(...)                                                          \
	do {                                                                 \
		char text_[256];                                             \
		snprintf(text_, sizeof(text_), __VA_ARGS__);                 \
		fail_msg("TEST_SEED=%llu, step %u: %s",                      \
			 (unsigned long long)seed, step, text_);             \
	} while (0)

static struct file *any_file(void)
{
	struct file *f = files_n ? &files[below(files_n)] : NULL;

	return f && !f->gone ? f : NULL;
}

static struct file *add_file(const char *what)
{
	struct file *f = &files[files_n];

	assert_true(files_n < FILES_MAX);
	*f = (struct file){ .count = -1 };
	snprintf(f->name, sizeof(f->name), "%s %u", what, ++values);
	files_n++;
	return f;
}

/* The key, if the file can be reached now. */
static bool reach(const struct file *f, struct rec_key *key)
{
	struct cache_stat st;
	struct cache_dir d;
	char name[48];
	int r;

	/* makes the tree known again after cache.db was deleted */
	(void)cache_lookup_base(w.c, "Base", &d, NULL);
	(void)cache_lookup_table(w.c, w.base, "Things", &d, NULL);
	snprintf(name, sizeof(name), "%s.json", f->name);
	r = cache_lookup_record(w.c, w.tables[0], name, &st, NULL);
	if (r == -ENOENT && f->listed)
		broken("'%s' is gone", name);
	if (r < 0 && r != -EAGAIN && r != -ESTALE && r != -ENOENT)
		broken("'%s': %d", name, r);
	*key = st.key;
	return r == 0;
}

/* ---- the steps ---- */

static void edit_here(void)
{
	struct file *f = any_file();
	struct rec_key key;
	char text[48];
	int r;

	if (!f || !reach(f, &key))
		return;
	values++;
	snprintf(text, sizeof(text), "{\"Note\": \"mine %u\"}", values);
	if (below(2) == 0 && !getenv("TEST_WHOLE")) { /* this field alone */
		r = world_write(&w, key, text);
	} else {
		snprintf(text, sizeof(text), "mine %u", values);
		r = world_save(&w, key, "Note", text);
	}
	tell("'%s' gets mine %u: %d", f->name, values, r);
	if (r < 0)
		broken("'%s' cannot be saved: %d", f->name, r);
	snprintf(f->note, sizeof(f->note), "mine %u", values);
	f->contested = f->theirs[0] != '\0';
	f->unclear = false;
	f->edited = true;
	f->listed = true;
}

static void create_here(void)
{
	struct file *f = add_file("Here");
	char text[48], name[48];
	int r;

	snprintf(text, sizeof(text), "{\"Note\": \"made %u\"}", values);
	snprintf(name, sizeof(name), "%s.json", f->name);
	r = world_create(&w, name, text, NULL);
	tell("'%s' made with made %u: %d", f->name, values, r);
	if (r == -ESTALE) {
		files_n--; /* the table is not known at present */
		return;
	}
	if (r < 0)
		broken("'%s' cannot be made: %d", name, r);
	snprintf(f->note, sizeof(f->note), "made %u", values);
	f->edited = true;
	f->listed = true;
}

static void remove_here(void)
{
	struct file *f = any_file();
	struct rec_key key;
	char name[48], text[48];
	int r;

	if (!f || !reach(f, &key))
		return;
	snprintf(name, sizeof(name), "%s.json", f->name);
	r = cache_unlink(w.c, w.tables[0], name, NULL);
	tell("'%s' removed: %d", f->name, r);
	if (r < 0)
		broken("'%s' cannot be removed: %d", name, r);
	f->gone = true;
	if (below(3) > 0)
		return;
	/* and comes back, in time or not */
	world_run(&w, below(8) * 1000);
	values++;
	snprintf(text, sizeof(text), "{\"Note\": \"back %u\"}", values);
	r = world_create(&w, name, text, NULL);
	tell("'%s' is back with back %u: %d", f->name, values, r);
	if (r < 0)
		broken("'%s' cannot come back: %d", name, r);
	snprintf(f->note, sizeof(f->note), "back %u", values);
	f->gone = false;
	f->count = -1;
	f->edited = true;
	f->unclear = false;
	f->contested = f->theirs[0] != '\0';
}

static void rename_here(void)
{
	struct file *f = any_file();
	struct rec_key key, now;
	char from[48], to[48];
	int r;

	if (!f || !reach(f, &key))
		return;
	snprintf(from, sizeof(from), "%s.json", f->name);
	snprintf(f->name, sizeof(f->name), "Moved %u", ++values);
	snprintf(to, sizeof(to), "%s.json", f->name);
	r = cache_rename(w.c, w.tables[0], from, to, NULL, &now);
	tell("'%s' is now '%s': %d", from, to, r);
	if (r < 0 || now.seq != key.seq)
		broken("'%s' cannot be renamed: %d", from, r);
}

static void edit_there(void)
{
	struct file *f = any_file();
	struct fa_record *rec = f ? fake_account_find(&w.acc, 0, f->name) :
				    NULL;
	struct rec_key key;
	char text[24];

	if (!rec)
		return;
	values++;
	snprintf(text, sizeof(text), "%u", values);
	fake_account_set(rec, FA_COUNT, text);
	if (f->count >= 0)
		f->count = (int)values;
	tell("'%s' gets count %u there", f->name, values);
	if (below(4) > 0)
		return;
	snprintf(f->theirs, sizeof(f->theirs), "theirs %u", values);
	fake_account_set(rec, FA_NOTE, f->theirs);
	/* nothing of ours on its way, as far as can be seen: theirs stands */
	f->contested = false;
	if (!f->edited)
		memcpy(f->note, f->theirs, sizeof(f->note));
	else if (!reach(f, &key))
		f->contested = f->unclear = true;
	else if (strcmp(world_state(&w, key), "clean") != 0)
		f->contested = true;
	else
		memcpy(f->note, f->theirs, sizeof(f->note));
	tell("'%s' gets %s there%s", f->name, f->theirs,
	     f->contested ? ", contested" : "");
}

static void add_there(void)
{
	struct file *f = add_file("There");

	f->count = (int)values;
	snprintf(f->note, sizeof(f->note), "added %u", values);
	fake_account_add(&w.acc, 0, f->name, f->note, f->count);
	tell("'%s' added there", f->name);
}

static void misbehave(void)
{
	static const enum fa_call calls[] = { FA_ANY, FA_WRITE, FA_CREATE,
					      FA_UPDATE, FA_DELETE, FA_GET,
					      FA_QUERY, FA_LIST };
	static const enum fa_how hows[] = { FA_STATUS, FA_OFFLINE,
					    FA_LOST_BEFORE, FA_LOST_AFTER,
					    FA_GARBAGE, FA_HELD, FA_STALE };
	struct fa_fault x = { .which = calls[below(8)], .how = hows[below(7)],
			      .skip = below(3), .times = 1 + below(3),
			      .body = "" };

	if (w.acc.faults_n > 6)
		return;
	if (x.how == FA_STATUS)
		x.status = below(2) ? 429 : 503;
	fake_account_fault(&w.acc, x);
	tell("fault %d of call %d, %u times after %u", (int)x.how,
	     (int)x.which, x.times, x.skip);
}

static void restart(void)
{
	unsigned how = below(4);

	tell("restart %u", how);
	if (how < 2)
		world_kill(&w, how == 1);
	else
		world_close(&w);
	if (how == 3 && below(2) == 0) {
		tell("cache.db deleted");
		world_delete_cache_db(&w);
	}
	world_open(&w);
}

static void one_step(void)
{
	switch (below(16)) {
	case 0:
	case 1:
	case 2:
	case 3:
		edit_here();
		break;
	case 4:
	case 5:
		create_here();
		break;
	case 6:
		remove_here();
		break;
	case 7:
		rename_here();
		break;
	case 8:
	case 9:
		edit_there();
		break;
	case 10:
		add_there();
		break;
	case 11:
	case 12:
		misbehave();
		break;
	case 13:
		if (below(3) == 0)
			restart();
		break;
	case 14:
		(void)cache_refresh(w.c, 0, w.tables[0]);
		break;
	default:
		fake_account_release(&w.acc);
		break;
	}
	world_run(&w, below(3) == 0 ? below(8000) : below(800));
}

/* ---- what must be in the end ---- */

static void calm(void)
{
	struct cache_unsent u;

	fake_account_heal(&w.acc);
	for (int i = 0; i < 100; i++) {
		fake_account_release(&w.acc);
		world_run(&w, 5000);
		u = world_unsent(&w);
		if (u.queued == 0)
			break;
	}
	if (u.queued)
		broken("%u are not sent", u.queued);
	if (u.rejected || u.drafts)
		broken("%u rejected, %u drafts", u.rejected, u.drafts);
	world_tables(&w);
	world_read_table(&w, 0);
	assert_int_equal(cache_refresh(w.c, 0, 0), 0);
	world_run(&w, 5000);
}

static void settled(const struct file *f)
{
	unsigned n = fake_account_named(&w.acc, 0, f->name);
	const struct fa_record *rec;
	const char *note, *state;
	struct cache_stat st;
	struct rec_key key;
	char name[48];

	/* a new name waits with a conflict of the note */
	snprintf(name, sizeof(name), "%s.json", f->name);
	if (!f->gone && n == 0 && f->contested &&
	    world_try_find(&w, 0, name, &st) == 0 &&
	    strcmp(world_state(&w, st.key), "conflict") == 0)
		return;
	if (n != (f->gone ? 0 : 1))
		broken("'%s' is there %u times", f->name, n);
	if (f->gone)
		return;
	rec = fake_account_find(&w.acc, 0, f->name);
	note = fake_account_get(rec, FA_NOTE);
	key = world_find(&w, 0, name);
	state = world_state(&w, key);
	if (f->count >= 0 && atoi(fake_account_get(rec, FA_COUNT)) != f->count)
		broken("'%s': count %s, not %d", f->name,
		       fake_account_get(rec, FA_COUNT), f->count);
	if (f->contested && strcmp(state, "conflict") == 0) {
		if (strcmp(note, f->theirs) != 0 ||
		    strcmp(world_cell(&w, key, "Note"), f->note) != 0)
			broken("'%s': conflict, but '%s' there and '%s' here",
			       f->name, note, world_cell(&w, key, "Note"));
		return;
	}
	if (strcmp(state, "clean") != 0)
		broken("'%s' is %s", f->name, state);
	if (strcmp(note, f->note) != 0 &&
	    !(f->unclear && strcmp(note, f->theirs) == 0))
		broken("'%s': '%s' there, not '%s'", f->name, note, f->note);
	if (strcmp(world_cell(&w, key, "Note"), note) != 0)
		broken("'%s': '%s' here, '%s' there", f->name,
		       world_cell(&w, key, "Note"), note);
}

static void storm(void)
{
	struct cache_entry *e = calloc(128, sizeof(*e));
	unsigned alive = 0, listed = 0;
	int n;

	files_n = values = 0;
	rnd = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	world_begin(&w);
	w.conf.max_deletes = 0;
	w.conf.ttl_ms = seed % 2 ? 60000 : 10000;
	for (int i = 0; i < 5; i++)
		add_there();
	world_open(&w);
	world_tables(&w);
	world_read_table(&w, 0);
	for (step = 1; step <= STEPS; step++)
		one_step();
	calm();
	for (unsigned i = 0; i < files_n; i++) {
		settled(&files[i]);
		alive += !files[i].gone;
	}
	if (fake_account_named(&w.acc, 0, NULL) != alive)
		broken("%u records there, not %u",
		       fake_account_named(&w.acc, 0, NULL), alive);
	for (uint32_t at = 0;; at = e[n - 1].st.key.seq) {
		n = cache_list_records(w.c, w.tables[0], at, e, 128, false,
				       NULL);
		assert_true(n >= 0);
		if (n == 0)
			break;
		listed += (unsigned)n;
	}
	if (listed != alive)
		broken("%u files here, not %u", listed, alive);
	free(e);
	world_end(&w);
}

static void P4_no_edit_is_lost_or_doubled(void **state)
{
	const char *one = getenv("TEST_SEED"), *many = getenv("TEST_SEEDS");
	uint64_t last = many ? strtoull(many, NULL, 10) : SEEDS;

	(void)state;
	seed = one ? strtoull(one, NULL, 10) : 1;
	if (one)
		last = seed;
	for (; seed <= last; seed++)
		storm();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(P4_no_edit_is_lost_or_doubled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
