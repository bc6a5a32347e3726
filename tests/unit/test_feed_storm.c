/* -o live as a property: changes there, writes here, faults, dead webhooks and
 * restarts in any order; when calm is restored a look or two show what the
 * account holds, with nothing listed for its age, and whatever the kernel was
 * handed and is now otherwise was told to it. A failure names its seed;
 * TEST_SEED=N runs that one alone, TEST_SEEDS=N that many, TEST_STEPS=1 tells
 * each step. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cache_world.h"

#define STEPS 120
#define SEEDS 40
#define RECORDS 130 /* more than a page: rows are read one by one */
#define OURS 10     /* of them are written here alone */
#define KERNEL_MAX 2048

static struct world w;
static uint64_t seed, rnd;
static unsigned step, values;
/* What the kernel was handed and may keep, by seq. */
static char *kernel[KERNEL_MAX];

static unsigned below(unsigned n)
{
	rnd ^= rnd << 13;
	rnd ^= rnd >> 7;
	rnd ^= rnd << 17;
	return (unsigned)((rnd >> 11) % n);
}

static void say(const char *what, unsigned n)
{
	if (getenv("TEST_STEPS"))
		fprintf(stderr, "# %u: %s %u\n", step, what, n);
}

#define broken(...)                                                          \
	do {                                                                 \
		char text_[256];                                             \
		snprintf(text_, sizeof(text_), __VA_ARGS__);                 \
		fail_msg("TEST_SEED=%llu, step %u: %s",                      \
			 (unsigned long long)seed, step, text_);             \
	} while (0)

static void forget_kernel(void)
{
	for (size_t i = 0; i < KERNEL_MAX; i++) {
		free(kernel[i]);
		kernel[i] = NULL;
	}
}

static void told(void *ctx, struct rec_key key)
{
	(void)ctx;
	if (key.table == w.tables[0] && key.seq < KERNEL_MAX) {
		free(kernel[key.seq]);
		kernel[key.seq] = NULL;
	}
}

static void told_gone(void *ctx, uint32_t table, const char *name,
		      struct rec_key key)
{
	(void)table;
	(void)name;
	told(ctx, key);
}

/* ---- the steps ---- */

static void look(void)
{
	struct cache_stat st;
	struct cache_dir d;

	(void)cache_lookup_base(w.c, "Base", &d, NULL);
	(void)cache_lookup_table(w.c, w.base, "Things", &d, NULL);
	(void)cache_lookup_record(w.c, w.tables[0], "no.json", &st, NULL);
}

static void read_some(void)
{
	char name[32], *bytes;
	struct cache_stat st;
	size_t n;

	snprintf(name, sizeof(name), "Item %u.json", 1 + below(RECORDS));
	if (cache_lookup_record(w.c, w.tables[0], name, &st, NULL) < 0 ||
	    cache_read_record(w.c, st.key, &bytes, &n) < 0)
		return;
	told(NULL, st.key);
	if (st.key.seq < KERNEL_MAX && !st.draft)
		kernel[st.key.seq] = bytes;
	else
		free(bytes);
}

static struct fa_record *any_of_theirs(void)
{
	struct fa_record *r = &w.acc.records[OURS + below((unsigned)w.acc.n -
							  OURS)];

	return r->gone || r->table != 0 ? NULL : r;
}

static void tell(json_t *change)
{
	fake_hooks_tell_table(&w.acc.hooks, "client", FA_THINGS, change);
}

static void edit_there(void)
{
	struct fa_record *r = any_of_theirs();
	const char *field = below(3) ? FA_NOTE : FA_COUNT;
	char text[24];

	if (!r)
		return;
	/* few values, so that they come back */
	snprintf(text, sizeof(text), "%u", below(3));
	fake_account_set(r, field, text);
	say("edited there", (unsigned)(r - w.acc.records));
	tell(json_pack("{s:{s:{s:{s:{s:O}}}}}", "changedRecordsById", r->id,
		       "current", "cellValuesByFieldId", field,
		       json_object_get(r->cells, field)));
}

static void add_there(void)
{
	struct fa_record *r;
	char name[32];

	snprintf(name, sizeof(name), "There %u", ++values);
	r = fake_account_add(&w.acc, 0, name, "", 1);
	say("added there", values);
	tell(json_pack("{s:{s:{s:{s:s}}}}", "createdRecordsById", r->id,
		       "cellValuesByFieldId", FA_NAME, name));
}

static void erase_there(void)
{
	struct fa_record *r = any_of_theirs();

	if (!r)
		return;
	r->gone = true;
	say("erased there", (unsigned)(r - w.acc.records));
	tell(json_pack("{s:[s]}", "destroyedRecordIds", r->id));
}

static void rename_field(void)
{
	w.acc.note_name = w.acc.note_name ? NULL : "Remark";
	say("field renamed", w.acc.note_name != NULL);
	tell(json_pack("{s:{s:{s:{s:s}}}}", "changedFieldsById", FA_NOTE,
		       "current", "name",
		       w.acc.note_name ? w.acc.note_name : "Note"));
}

static void edit_here(void)
{
	char name[32], text[48];
	struct cache_stat st;

	snprintf(name, sizeof(name), "Item %u.json", 1 + below(OURS));
	snprintf(text, sizeof(text), "{\"Count\": %u}", below(4));
	if (cache_lookup_record(w.c, w.tables[0], name, &st, NULL) < 0)
		return;
	say("edited here", st.key.seq);
	if (world_write(&w, st.key, text) < 0)
		broken("'%s' cannot be saved", name);
	told(NULL, st.key); /* the writer's kernel has his bytes */
}

static void misbehave(void)
{
	static const enum fa_call calls[] = {
		FA_ANY, FA_WRITE, FA_QUERY, FA_LIST, FA_HOOKS, FA_PAYLOADS,
		FA_PAYLOADS, FA_SCHEMA, FA_HOOK_CREATE, FA_QUERY, FA_LIST,
	};
	static const enum fa_how hows[] = { FA_STATUS, FA_OFFLINE,
					    FA_LOST_BEFORE, FA_LOST_AFTER,
					    FA_GARBAGE, FA_HELD, FA_STALE };
	static const int statuses[] = { 429, 503, 422, 403 };
	struct fa_fault x = { .which = calls[below(11)], .how = hows[below(7)],
			      .skip = below(2), .times = 1 + below(2),
			      .body = "{\"error\":{\"type\":\"FAKED\"}}" };

	if (w.acc.faults_n > 4)
		return;
	/* a refusal of a write or a table is another test's */
	if (x.how == FA_STATUS)
		x.status = statuses[below(x.which == FA_HOOKS ||
					  x.which == FA_PAYLOADS ? 4 : 2)];
	fake_account_fault(&w.acc, x);
	say("fault", (unsigned)x.which * 100 + (unsigned)x.how);
}

static void hurt_the_hook(void)
{
	struct fake_hook *k = &w.acc.hooks.list[0];
	unsigned how = below(4);

	if (w.acc.hooks.n == 0)
		return;
	say("hook hurt", how);
	if (how == 0) {
		fake_hooks_tell(&w.acc.hooks,
				json_pack("{s:b, s:s}", "error", 1, "code",
					  "INTERNAL_ERROR"));
		k->enabled = false;
	} else if (how == 1) {
		json_decref(k->payloads);
		*k = w.acc.hooks.list[--w.acc.hooks.n];
	} else if (how == 2) {
		k->dropped = json_array_size(k->payloads);
	} else {
		w.acc.hooks.page = 1 + below(3);
	}
}

static void restart(void)
{
	unsigned how = below(4);

	say("restart", how);
	forget_kernel();
	if (how < 2)
		world_kill(&w, how == 1);
	else
		world_close(&w);
	if (how == 3) {
		world_delete_cache_db(&w);
		say("cache.db deleted", 0);
	}
	if (below(3) == 0)
		w.clk.now_wall_ms += (int64_t)below(10) * 24 * 3600 * 1000;
	world_open(&w);
}

static void one_step(void)
{
	switch (below(16)) {
	case 0:
	case 1:
	case 2:
	case 3:
		edit_there();
		break;
	case 4:
		add_there();
		break;
	case 5:
		erase_there();
		break;
	case 6:
		if (below(3) == 0)
			rename_field();
		break;
	case 7:
		edit_here();
		break;
	case 8:
	case 9:
		misbehave();
		break;
	case 10:
		if (below(4) == 0)
			restart();
		break;
	case 11:
		if (below(4) == 0)
			hurt_the_hook();
		break;
	case 12:
		fake_account_release(&w.acc);
		break;
	case 13:
		if (below(4) == 0)
			(void)cache_refresh(w.c, 0, w.tables[0]);
		break;
	default:
		for (unsigned i = 0; i < 10; i++)
			read_some();
		break;
	}
	look();
	world_run(&w, below(4) == 0 ? below(15000) : below(900));
}

/* ---- what must be in the end ---- */

static void calm(void)
{
	fake_account_heal(&w.acc);
	w.acc.hooks.page = 0;
	for (int i = 0; i < 40; i++) {
		fake_account_release(&w.acc);
		world_run(&w, 3000);
	}
	/* what was refused is asked again */
	if (below(2)) {
		world_run(&w, 3700 * 1000);
	} else {
		forget_kernel();
		world_close(&w);
		world_open(&w);
	}
	look();
	world_run(&w, 30000);
	world_tables(&w);
	world_read_table(&w, 0);
	for (int i = 0; i < 3; i++) {
		look();
		world_run(&w, 30000);
	}
}

static void compare(void)
{
	const char *note_field = w.acc.note_name ? w.acc.note_name : "Note";
	struct cache_entry *e = calloc(128, sizeof(*e));
	unsigned listed = 0;
	char name[48];
	int n;

	for (size_t i = 0; i < w.acc.n; i++) {
		const struct fa_record *r = &w.acc.records[i];
		struct rec_key key;
		struct cache_stat st;

		snprintf(name, sizeof(name), "%s.json", r->id);
		n = cache_lookup_record(w.c, w.tables[0], name, &st, NULL);
		if (r->gone && n != -ENOENT)
			broken("%s is there still: %d", name, n);
		if (r->gone)
			continue;
		if (n < 0)
			broken("%s is not there: %d", name, n);
		key = st.key;
		if (strcmp(world_cell(&w, key, note_field),
			   fake_account_get(r, FA_NOTE)) != 0 ||
		    strcmp(world_cell(&w, key, "Count"),
			   fake_account_get(r, FA_COUNT)) != 0)
			broken("%s (%zu): '%s' %s here, '%s' %s there", name,
			       i, world_cell(&w, key, note_field),
			       world_cell(&w, key, "Count"),
			       fake_account_get(r, FA_NOTE),
			       fake_account_get(r, FA_COUNT));
		if (key.seq < KERNEL_MAX && kernel[key.seq]) {
			char *bytes = world_bytes(&w, key);

			if (strcmp(bytes, kernel[key.seq]) != 0)
				broken("%s changed untold:\n%s", name, bytes);
			free(bytes);
		}
	}
	for (uint32_t at = 0;; at = e[n - 1].st.key.seq) {
		n = cache_list_records(w.c, w.tables[0], at, e, 128, false,
				       NULL);
		assert_true(n >= 0);
		if (n == 0)
			break;
		listed += (unsigned)n;
	}
	if (listed != fake_account_named(&w.acc, 0, NULL))
		broken("%u files here, %u records there", listed,
		       fake_account_named(&w.acc, 0, NULL));
	free(e);
}

static void storm(void)
{
	char name[32];

	values = 0;
	rnd = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	world_begin(&w);
	w.conf.live = true;
	w.conf.ttl_ms = 10000;
	/* age must not mend what was not told */
	w.conf.full_ttl_ms = INT64_C(100) * 24 * 3600 * 1000;
	w.conf.events.record_changed = told;
	w.conf.events.name_gone = told_gone;
	for (unsigned i = 1; i <= RECORDS; i++) {
		snprintf(name, sizeof(name), "Item %u", i);
		fake_account_add(&w.acc, 0, name, "0", 1);
	}
	world_open(&w);
	world_tables(&w);
	world_read_table(&w, 0);
	for (step = 1; step <= STEPS; step++)
		one_step();
	calm();
	compare();
	/* one of ours, whatever happened to it and to its making */
	if (w.acc.hooks.n > 3)
		broken("%zu webhooks", w.acc.hooks.n);
	forget_kernel();
	world_end(&w);
}

static void P14_nothing_told_is_missed(void **state)
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
		cmocka_unit_test(P14_nothing_told_is_missed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
