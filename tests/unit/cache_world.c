#include "cache_world.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define STEP_MS 50

static void quiet(enum log_level level, const char *line)
{
	(void)level;
	if (getenv("TEST_LOG"))
		fprintf(stderr, "# %s\n", line);
}

static void told_changed(void *ctx, struct rec_key key)
{
	(void)key;
	((struct world *)ctx)->told_changed++;
}

static void told_new(void *ctx, uint32_t table, const char *name)
{
	(void)table;
	(void)name;
	((struct world *)ctx)->told_new++;
}

static void told_gone(void *ctx, uint32_t table, const char *name,
		      struct rec_key key)
{
	(void)table;
	(void)name;
	(void)key;
	((struct world *)ctx)->told_gone++;
}

static void told_dir(void *ctx, uint32_t base)
{
	(void)base;
	((struct world *)ctx)->told_dir++;
}

void world_begin(struct world *w)
{
	memset(w, 0, sizeof(*w));
	log_set_sink(quiet, LOG_LEVEL_INFO);
	fake_clock_init(&w->clk);
	w->clk.random = 88172645463325252u; /* any but 0 */
	w->clk.random_runs = true;
	fake_account_init(&w->acc, &w->clk);
	assert_in_range(snprintf(w->dir, sizeof(w->dir), "%s/test_cache.XXXXXX",
				 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp"),
			1, (int)sizeof(w->dir) - 1);
	assert_non_null(mkdtemp(w->dir));
	w->conf = (struct cache_config){
		.endpoint = "http://127.0.0.1:1", .ttl_ms = 60000,
		.full_ttl_ms = 3600000,
		.writeback_ms = 1000, .delete_delay_ms = 5000,
		.max_deletes = 100, .clock = &w->clk.source,
		.transport = &w->acc.transport,
		.events = { w, told_changed, told_new, told_gone, told_dir,
			    NULL },
	};
}

static void shell(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

static void shell(const char *fmt, ...)
{
	char cmd[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(cmd, sizeof(cmd), fmt, ap);
	assert_in_range(n, 1, (int)sizeof(cmd) - 1);
	va_end(ap);
	assert_int_equal(system(cmd), 0);
}

void world_open(struct world *w)
{
	struct atfs_error e = { 0 };
	char path[96];

	assert_null(w->c);
	snprintf(path, sizeof(path), "%s/cache%u", w->dir, w->life);
	assert_int_equal(setenv("XDG_CACHE_HOME", path, 1), 0);
	snprintf(path, sizeof(path), "%s/state%u", w->dir, w->life);
	assert_int_equal(setenv("XDG_STATE_HOME", path, 1), 0);
	assert_int_equal(setenv("XDG_CONFIG_HOME", w->dir, 1), 0);
	/* an open takes it out of the environment */
	assert_int_equal(setenv("AIRTABLE_TOKEN", "pat.test", 1), 0);
	if (cache_open(&w->conf, &w->c, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(cache_start(w->c, 0, &e), 0);
	world_turn(w);
}

void world_close(struct world *w)
{
	cache_free(w->c);
	w->c = NULL;
}

void world_die(struct world *w, bool done)
{
	shell("cp -a %s/state%u %s/state%u && cp -a %s/cache%u %s/cache%u",
	      w->dir, w->life, w->dir, w->life + 1, w->dir, w->life, w->dir,
	      w->life + 1);
	fake_account_hang_up(&w->acc, done);
}

void world_bury(struct world *w)
{
	world_close(w);
	w->acc.deaf = false;
	shell("rm -r %s/state%u %s/cache%u", w->dir, w->life, w->dir, w->life);
	w->life++;
}

void world_kill(struct world *w, bool done)
{
	world_die(w, done);
	world_bury(w);
}

void world_delete_cache_db(struct world *w)
{
	assert_null(w->c);
	shell("rm -r %s/cache%u", w->dir, w->life);
}

void world_end(struct world *w)
{
	world_close(w);
	fake_account_free(&w->acc);
	shell("rm -r %s", w->dir);
}

void world_turn(struct world *w)
{
	for (int idle = 0, i = 0; idle < 3 && i < 100; i++, idle++) {
		cache_turn(w->c);
		if (fake_account_serve(&w->acc) > 0)
			idle = -1;
	}
}

void world_run(struct world *w, int64_t ms)
{
	for (; ms > 0; ms -= STEP_MS) {
		w->clk.now_ns += STEP_MS * NS_PER_MS;
		w->clk.now_wall_ms += STEP_MS;
		world_turn(w);
	}
}

void world_tables(struct world *w)
{
	static const char *const names[FA_TABLES] = { "Things", "Others" };
	struct cache_dir d;
	int r, i;

	for (i = 0; (r = cache_lookup_base(w->c, "Base", &d, NULL)) == -EAGAIN;
	     i++) {
		assert_true(i < 100);
		world_run(w, STEP_MS);
	}
	assert_int_equal(r, 0);
	w->base = d.no;
	for (i = 0; i < FA_TABLES; i++) {
		int n;

		for (n = 0; (r = cache_lookup_table(w->c, w->base, names[i], &d,
						    NULL)) == -EAGAIN; n++) {
			assert_true(n < 100);
			world_run(w, STEP_MS);
		}
		assert_int_equal(r, 0);
		w->tables[i] = d.no;
	}
}

void world_read_table(struct world *w, unsigned table)
{
	struct cache_stat st;

	assert_int_equal(world_try_find(w, table, "no such name.json", &st),
			 -ENOENT);
}

void world_with_things(struct world *w, unsigned n)
{
	char name[32];

	world_begin(w);
	for (unsigned i = 1; i <= n; i++) {
		snprintf(name, sizeof(name), "Item %u", i);
		fake_account_add(&w->acc, 0, name, "note", 1);
	}
	world_open(w);
	world_tables(w);
	world_read_table(w, 0);
	/* what is written later is younger than all of it */
	world_run(w, 5000);
	fake_account_count_from_now(&w->acc);
}

int world_try_find(struct world *w, unsigned table, const char *name,
		   struct cache_stat *ret)
{
	int r, i;

	for (i = 0; (r = cache_lookup_record(w->c, w->tables[table], name, ret,
					     NULL)) == -EAGAIN; i++) {
		assert_true(i < 2000);
		world_run(w, STEP_MS);
	}
	return r;
}

struct rec_key world_find(struct world *w, unsigned table, const char *name)
{
	struct cache_stat st;
	int r = world_try_find(w, table, name, &st);

	if (r < 0)
		fail_msg("'%s' is not found: %d", name, r);
	return st.key;
}

char *world_bytes(struct world *w, struct rec_key key)
{
	char *bytes = NULL;
	size_t n;

	assert_int_equal(cache_read_record(w->c, key, &bytes, &n), 0);
	assert_int_equal(strlen(bytes), n);
	return bytes;
}

const char *world_cell(struct world *w, struct rec_key key, const char *field)
{
	static char text[4][256];
	static unsigned at;
	char *bytes = world_bytes(w, key);
	json_t *doc = json_loads(bytes, 0, NULL);
	json_t *fields = json_object_get(doc, "fields");
	json_t *v = json_object_get(fields ? fields : doc, field);

	at = (at + 1) % 4;
	text[at][0] = '\0';
	if (!v)
		v = json_object_get(json_object_get(doc, "computed"), field);
	if (json_is_string(v))
		snprintf(text[at], sizeof(text[at]), "%s",
			 json_string_value(v));
	else if (json_is_number(v))
		snprintf(text[at], sizeof(text[at]), "%g",
			 json_number_value(v));
	json_decref(doc);
	free(bytes);
	return text[at];
}

int world_write(struct world *w, struct rec_key key, const char *bytes)
{
	int r = cache_truncate(w->c, key, 0);

	return r < 0 ? r : cache_write(w->c, key, bytes, strlen(bytes), 0);
}

int world_save(struct world *w, struct rec_key key, const char *field,
	       const char *text)
{
	char *bytes = world_bytes(w, key), *now;
	json_t *doc = json_loads(bytes, 0, NULL);
	json_t *fields = json_object_get(doc, "fields");
	int r;

	free(bytes);
	if (!fields)
		fields = doc; /* a bare object of fields */
	assert_true(json_is_object(fields));
	if (strcmp(field, "Count") == 0)
		json_object_set_new(fields, field, json_integer(atoi(text)));
	else
		json_object_set_new(fields, field, *text ? json_string(text) :
							   json_null());
	now = json_dumps(doc, JSON_INDENT(2));
	json_decref(doc);
	r = world_write(w, key, now);
	free(now);
	return r;
}

int world_create(struct world *w, const char *name, const char *bytes,
		 struct rec_key *ret)
{
	struct cache_stat st;
	int r = cache_create(w->c, w->tables[0], name, &st);

	if (r < 0)
		return r;
	if (ret)
		*ret = st.key;
	return cache_write(w->c, st.key, bytes, strlen(bytes), 0);
}

struct flush_waiter {
	struct cache_waiter w; /* first */
	bool woken;
	int err;
};

static void flush_woken(struct cache_waiter *cw, int err)
{
	struct flush_waiter *f = (struct flush_waiter *)cw;

	assert_false(f->woken);
	f->woken = true;
	f->err = err;
}

int world_flush(struct world *w, int64_t timeout_ms)
{
	struct flush_waiter f = { .w.wake = flush_woken };
	int r = cache_flush(w->c, timeout_ms, &f.w);

	if (r != CACHE_PARKED)
		return r;
	world_turn(w);
	for (int64_t ms = 0; !f.woken; ms += STEP_MS) {
		assert_true(ms <= timeout_ms + 2 * STEP_MS);
		world_run(w, STEP_MS);
	}
	return f.err;
}

const char *world_state(struct world *w, struct rec_key key)
{
	static char state[32];
	char *text = NULL;
	json_t *j;

	assert_int_equal(cache_describe_record(w->c, key, &text), 0);
	j = json_loads(text, 0, NULL);
	snprintf(state, sizeof(state), "%s",
		 json_string_value(json_object_get(j, "state")));
	json_decref(j);
	free(text);
	return state;
}

struct cache_unsent world_unsent(struct world *w)
{
	struct cache_unsent u;

	cache_get_unsent(w->c, &u);
	return u;
}
