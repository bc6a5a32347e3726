/* How the api shares its places between classes of calls and between bases,
 * under a load that never ends; and how it slows down after a 429. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "airtable/api.h"
#include "airtable/limiter.h"
#include "fake_clock.h"
#include "fake_http.h"

#define MS NS_PER_MS
#define S NS_PER_S
#define LIST "{\"records\":[]}"
#define E429 "{\"errors\":[{\"error\":\"RATE_LIMIT_REACHED\"}]}"
#define LATENCY_NS (300 * MS)
#define SLOT_NS (LIMIT_WINDOW_NS / LIMIT_PER_BASE)
#define BASES_MAX 32
#define CLASSES 4

static struct fake_clock clk;
static struct fake_http http;
static struct loop *loop;
static struct api *api;
static int64_t sent_at[FAKE_HTTP_MAX];
static size_t seen_n; /* requests that were looked at */
static bool refusing; /* everything is a 429 */
/* By base and class: calls that wait or run, and those that were sent. */
static unsigned queued[BASES_MAX][CLASSES], sent[BASES_MAX][CLASSES];
static bool endless[CLASSES]; /* topped up as they are sent */

static void on_done(void *arg, const struct api_answer *a)
{
	(void)arg;
	(void)a;
}

static int set_up(void **state)
{
	struct api_config conf = { .endpoint = "https://api.test" };
	struct atfs_error e;

	(void)state;
	memset(queued, 0, sizeof(queued));
	memset(sent, 0, sizeof(sent));
	memset(endless, 0, sizeof(endless));
	seen_n = 0;
	refusing = false;
	fake_clock_init(&clk);
	clk.random = 88172645463325252u;
	clk.random_runs = true;
	fake_http_init(&http);
	http.leave_at_once = true;
	conf.token.secret = strdup("pat.secret");
	conf.token.secret_n = 10;
	if (loop_new(&clk.source, &loop) < 0)
		return -1;
	return api_new(loop, &http.transport, &conf, &api, &e);
}

static int tear_down(void **state)
{
	(void)state;
	api_free(api);
	fake_http_release(&http);
	loop_free(loop);
	return 0;
}

/* Base and class stand in the URL, as the offset of the page. */
static void submit(unsigned base, unsigned class)
{
	char offset[32];
	struct api_call c = { .kind = API_LIST_RECORDS, .done = on_done,
			      .priority = (enum api_priority)class,
			      .offset = offset, .max_tries = 100 };

	snprintf(offset, sizeof(offset), "b%uc%u", base, class);
	snprintf(c.base.s, sizeof(c.base.s), "app%u", base);
	id_copy(c.table.s, "tblT");
	assert_true(api_submit(api, &c) > 0);
	queued[base][class]++;
}

static void mark_of(const struct fake_request *q, unsigned *base,
		    unsigned *class)
{
	const char *at = strstr(q->url, "offset=b");

	assert_non_null(at);
	assert_int_equal(sscanf(at, "offset=b%uc%u", base, class), 2);
}

static void note_sent(void)
{
	unsigned base, class;

	for (; seen_n < http.n; seen_n++) {
		sent_at[seen_n] = clk.now_ns;
		mark_of(&http.req[seen_n], &base, &class);
		queued[base][class]--;
		sent[base][class]++;
		if (endless[class])
			submit(base, class);
	}
}

static void step(int64_t ns)
{
	clk.now_ns += ns;
	for (size_t i = 0; i < seen_n; i++)
		if (http.req[i].under_way &&
		    clk.now_ns - sent_at[i] >= LATENCY_NS)
			fake_http_answer(&http, i, refusing ? 429 : 200,
					 refusing ? E429 : LIST);
	for (int i = 0; i < 3; i++)
		loop_turn(loop, 0);
	note_sent();
}

static void run(int64_t ns)
{
	for (int64_t t = 0; t < ns; t += 5 * MS)
		step(5 * MS);
}

static unsigned sent_of(unsigned base)
{
	unsigned n = 0;

	for (unsigned k = 0; k < CLASSES; k++)
		n += sent[base][k];
	return n;
}

/* Calls of these classes to each base, more than can ever be sent. */
static void load(unsigned bases, unsigned first_class)
{
	for (unsigned k = first_class; k < CLASSES; k++)
		endless[k] = true;
	for (unsigned b = 0; b < bases; b++)
		for (unsigned k = first_class; k < CLASSES; k++)
			for (int i = 0; i < 8; i++)
				submit(b, k);
}

/* Who waits has one of the next two places of his base, and within the time of
 * two, whatever has starved meanwhile. */
static void check_interactive(unsigned bases, int rounds, int64_t most_ns)
{
	for (int i = 0; i < rounds; i++) {
		unsigned base = (unsigned)(fake_clock_rand64(&clk) % bases);
		unsigned others = 0, b, class = CLASSES;
		int64_t since;
		size_t from;

		run((int64_t)(fake_clock_rand64(&clk) % 300) * MS);
		since = clk.now_ns;
		from = seen_n;
		submit(base, API_INTERACTIVE);
		while (queued[base][API_INTERACTIVE] > 0)
			step(5 * MS);
		for (; from < seen_n && class != API_INTERACTIVE; from++) {
			mark_of(&http.req[from], &b, &class);
			others += b == base && class != API_INTERACTIVE;
		}
		if (others > 1 || clk.now_ns - since > most_ns)
			fail_msg("round %d: after %u others and %d ms", i,
				 others, (int)((clk.now_ns - since) / MS));
	}
}

static void test_interactive_has_the_next_places(void **state)
{
	(void)state;
	load(1, API_FLUSH);
	run(60 * S); /* so that everything has been passed over already */
	check_interactive(1, 60, 2 * SLOT_NS + 10 * MS);
}

/* Also right after a long time in which interactive calls left no room. */
static void test_interactive_after_starvation(void **state)
{
	(void)state;
	load(1, API_FLUSH);
	for (int i = 0; i < 60; i++)
		submit(0, API_INTERACTIVE);
	while (queued[0][API_INTERACTIVE] > 0)
		step(5 * MS);
	check_interactive(1, 20, 5 * SLOT_NS); /* those went all at once */
}

static void test_no_class_starves(void **state)
{
	unsigned all;

	(void)state;
	load(1, API_INTERACTIVE);
	run(60 * S);
	all = sent_of(0);
	assert_in_range(all, 270, 300); /* 5 in each 1.05 s */
	for (unsigned k = 1; k < CLASSES; k++)
		if (sent[0][k] < all / 20)
			fail_msg("class %u: %u of %u", k, sent[0][k], all);
	/* and the order is that of urgency */
	assert_true(sent[0][0] > all / 2);
	assert_true(sent[0][1] >= sent[0][2] && sent[0][2] >= sent[0][3]);
}

/* 20 bases want 100 a second, 50 are to be had: each has its part. */
static void test_20_bases_share(void **state)
{
	unsigned all = 0;

	(void)state;
	load(20, API_FLUSH);
	run(30 * S);
	for (unsigned b = 0; b < 20; b++)
		all += sent_of(b);
	assert_in_range(all, 1300, 1500);
	for (unsigned b = 0; b < 20; b++)
		if (sent_of(b) < all / 20 * 8 / 10 ||
		    sent_of(b) > all / 20 * 12 / 10)
			fail_msg("base %u: %u of %u", b, sent_of(b), all);
	for (unsigned b = 0; b < 20; b++)
		for (unsigned k = 1; k < CLASSES; k++)
			if (sent[b][k] < sent_of(b) / 20)
				fail_msg("base %u class %u: %u of %u", b, k,
					 sent[b][k], sent_of(b));
}

static void test_interactive_among_20_bases(void **state)
{
	(void)state;
	load(20, API_FLUSH);
	run(10 * S);
	check_interactive(20, 60, 2 * SLOT_NS + 10 * MS);
}

/* A base with nothing but prefetch beside many with flushes. */
static void test_a_quiet_base_is_not_forgotten(void **state)
{
	(void)state;
	load(20, API_FLUSH);
	for (int i = 0; i < 10; i++)
		submit(30, API_PREFETCH);
	run(20 * S);
	assert_true(sent[30][API_PREFETCH] >= 10);
}

/* A server so slow that all that may run runs: who waits still gets through. */
static void test_interactive_beside_stalled_ones(void **state)
{
	(void)state;
	for (unsigned b = 0; b < 10; b++)
		for (int i = 0; i < 10; i++)
			submit(b, API_PREFETCH);
	for (int i = 0; i < 100; i++) { /* nothing is answered */
		clk.now_ns += 100 * MS;
		loop_turn(loop, 0);
		loop_turn(loop, 0);
		note_sent();
	}
	assert_int_equal(http.n, 20);
	submit(0, API_INTERACTIVE);
	submit(20, API_INTERACTIVE);
	clk.now_ns += 2 * S;
	for (int i = 0; i < 4; i++)
		loop_turn(loop, 0);
	note_sent();
	assert_int_equal(sent[0][API_INTERACTIVE], 1);
	assert_int_equal(sent[20][API_INTERACTIVE], 1);
}

/* ---- after a 429 ---- */

static unsigned in_seconds(int s)
{
	unsigned before = sent_of(0);

	run(s * S);
	return sent_of(0) - before;
}

static void test_P7_slower_after_a_429(void **state)
{
	struct api_base_status st;

	(void)state;
	endless[API_FLUSH] = true;
	for (int i = 0; i < 8; i++)
		submit(0, API_FLUSH);
	run(3 * S);
	refusing = true;
	run(400 * MS);
	refusing = false;
	run(LATENCY_NS);
	assert_int_equal(in_seconds(28), 0);
	run(2 * S);
	assert_in_range(in_seconds(21), 76, 84); /* 4 in each 1.05 s */
	assert_int_equal(api_get_bases(api, &st, 1), 1);
	assert_string_equal(st.base.s, "app0");
	assert_int_equal(slowdown_fifths(&st.slow, clk.now_ns), 4);
	run(60 * S);
	assert_in_range(in_seconds(21), 95, 105);
	assert_int_equal(api_get_bases(api, &st, 1), 0);
	/* twice in a row: 2 in each 1.05 s */
	for (int i = 0; i < 2; i++) {
		refusing = true;
		run(500 * MS + (i > 0 ? 31 * S : 0));
		refusing = false;
	}
	run(31 * S);
	assert_in_range(in_seconds(21), 38, 42);
	/* other bases do not notice */
	endless[API_REFRESH] = true;
	for (int i = 0; i < 8; i++)
		submit(1, API_REFRESH);
	run(21 * S);
	assert_in_range(sent_of(1), 95, 105);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_interactive_has_the_next_places),
		T(test_interactive_after_starvation),
		T(test_no_class_starves),
		T(test_20_bases_share),
		T(test_interactive_among_20_bases),
		T(test_a_quiet_base_is_not_forgotten),
		T(test_interactive_beside_stalled_ones),
		T(test_P7_slower_after_a_429),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
