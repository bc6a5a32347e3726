/* The api where calls run out: the month's own budget, and the server's word
 * that a plan's limit is used up. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "airtable/api.h"
#include "airtable/log.h"
#include "airtable/tally.h"
#include "fake_clock.h"
#include "fake_http.h"

#define S NS_PER_S
#define LIST "{\"records\":[]}"
#define TABLES "{\"tables\":[]}"
#define BASE_A "appAAAAAAAAAAAAAA"
#define BASE_B "appBBBBBBBBBBBBBB"
#define CAP_OBJECT \
	"{\"error\":{\"type\":\"PUBLIC_API_BILLING_LIMIT_EXCEEDED\"," \
	"\"message\":\"API billing limit exceeded\"}}"
#define CAP_ARRAY \
	"{\"errors\":[{\"error\":\"PUBLIC_API_BILLING_LIMIT_EXCEEDED\"," \
	"\"message\":\"API billing plan limit exceeded\"}]}"

static struct fake_clock clk;
static struct fake_http http;
static struct loop *loop;
static struct api *api;
static struct tally *tally;

struct result {
	int calls;
	struct atfs_error err;
};

static void on_done(void *arg, const struct api_answer *a)
{
	struct result *r = arg;

	r->calls++;
	r->err = *a->err;
}

static void quiet(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

static void make_api(uint64_t max)
{
	struct api_config conf = { .endpoint = "https://api.test",
				   .tally = tally, .max_calls_month = max };
	struct atfs_error e;

	conf.token.secret = strdup("pat.secret");
	conf.token.secret_n = 10;
	assert_int_equal(api_new(loop, &http.transport, &conf, &api, &e), 0);
}

static int set_up(void **state)
{
	int64_t ms = 0;

	(void)state;
	log_set_sink(quiet, LOG_LEVEL_ERROR);
	fake_clock_init(&clk);
	assert_int_equal(clock_parse_iso("2026-11-25T16:00:00.000Z", &ms), 0);
	clk.now_wall_ms = ms;
	fake_http_init(&http);
	http.leave_at_once = true;
	return loop_new(&clk.source, &loop) < 0 ||
			       tally_open(NULL, &tally) < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	api_free(api);
	fake_http_release(&http);
	loop_free(loop);
	tally_free(tally);
	return 0;
}

static void advance(int64_t ns)
{
	clk.now_ns += ns;
	clk.now_wall_ms += ns / NS_PER_MS;
	for (int i = 0; i < 4; i++)
		loop_turn(loop, 0);
}

static void submit(enum api_kind kind, const char *base,
		   enum api_priority priority, struct result *r)
{
	struct api_call c = { .kind = kind, .done = on_done, .arg = r,
			      .priority = priority };
	json_t *body = json_pack("{s:[]}", "records");

	id_copy(c.base.s, base);
	id_copy(c.table.s, "tblT");
	if (kind == API_UPDATE)
		c.body = body;
	*r = (struct result){ 0 };
	assert_true(api_submit(api, &c) > 0);
	json_decref(body);
	advance(2 * S);
}

/* Sent and answered; false: it was refused here. */
static bool goes(enum api_kind kind, const char *base,
		 enum api_priority priority, struct result *r)
{
	size_t before = http.n;

	submit(kind, base, priority, r);
	if (http.n == before) {
		assert_int_equal(r->calls, 1);
		assert_int_equal(r->err.err, -EDQUOT);
		assert_int_equal(r->err.cls, ERROR_QUOTA);
		return false;
	}
	assert_int_equal(http.n, before + 1);
	fake_http_answer(&http, before, 200,
			 kind == API_SCHEMA ? TABLES : LIST);
	assert_int_equal(r->calls, 1);
	return true;
}

static void use_up(uint64_t until)
{
	struct base_id b = { BASE_B };

	while (tally_month(tally, clk.now_wall_ms) < until)
		tally_add(tally, &b, clk.now_wall_ms);
}

/* What is least urgent stops first, changes last; another mount's calls, which
 * stand in the same tally, count as well. */
static void test_order_of_stopping(void **state)
{
	static const struct {
		uint64_t used;
		const char *goes; /* i f r p */
		enum budget_level level;
	} rows[] = {
		{ 0, "ifrp", BUDGET_ALL },	   { 79, "p", BUDGET_ALL },
		{ 80, "ifr", BUDGET_NO_PREFETCH }, { 85, "if", BUDGET_NO_REFRESH },
		{ 90, "f", BUDGET_NO_READ },	   { 100, "", BUDGET_NOTHING },
	};
	struct api_status st;
	struct result r;

	(void)state;
	make_api(100);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (unsigned p = 0; p < 4; p++) {
			bool want = strchr(rows[i].goes, "ifrp"[p]) != NULL;

			if (rows[i].used == 79 && p < 3)
				continue; /* there is one left before 80 */
			use_up(rows[i].used);
			if (goes(API_LIST_RECORDS, BASE_A,
				 (enum api_priority)p, &r) != want)
				fail_msg("%llu used: class %u: %s",
					 (unsigned long long)rows[i].used, p,
					 r.err.text);
			if (want && p == 0)
				continue;
			if (!want && p == 0)
				assert_non_null(strstr(r.err.text, "1 December"));
		}
		api_get_status(api, &st);
		if (rows[i].used != 79)
			assert_int_equal(st.budget, rows[i].level);
	}
	/* never one more than that */
	assert_int_equal(tally_month(tally, clk.now_wall_ms), 100);
	/* the next month all goes again */
	assert_int_equal(clock_parse_iso("2026-12-01T00:00:00.000Z",
					 &clk.now_wall_ms), 0);
	for (unsigned p = 0; p < 4; p++)
		assert_true(goes(API_LIST_RECORDS, BASE_A,
				 (enum api_priority)p, &r));
}

/* Many at once, on connections that are slow to come up: not one too many. */
static void test_exact_with_many_under_way(void **state)
{
	static struct result r[60];

	(void)state;
	make_api(40);
	http.leave_at_once = false;
	for (int i = 0; i < 60; i++) {
		char base[16];

		snprintf(base, sizeof(base), "app%d", i);
		submit(API_LIST_RECORDS, base, API_FLUSH, &r[i]);
		if (i % 3 == 0)
			while (fake_http_running(&http) > 0) {
				size_t k = fake_http_first(&http);

				fake_http_leave(&http, k);
				fake_http_answer(&http, k, 200, LIST);
			}
	}
	assert_int_equal(tally_month(tally, clk.now_wall_ms), 40);
	assert_int_equal(http.n, 40);
	assert_int_equal(r[59].err.err, -EDQUOT);
}

/* Each try counts, those that were refused too; what never left does not. */
static void test_what_counts(void **state)
{
	static struct result r; /* one is not answered before the end */

	(void)state;
	make_api(0);
	http.leave_at_once = false;
	submit(API_LIST_RECORDS, BASE_A, API_INTERACTIVE, &r);
	fake_http_fail(&http, 0, false, false);
	assert_int_equal(tally_month(tally, clk.now_wall_ms), 0);
	advance(2 * S);
	fake_http_leave(&http, 1);
	fake_http_answer(&http, 1, 429, "{\"errors\":[{\"error\":"
			 "\"RATE_LIMIT_REACHED\"}]}");
	assert_int_equal(tally_month(tally, clk.now_wall_ms), 1);
	advance(40 * S);
	fake_http_leave(&http, 2);
	fake_http_fail(&http, 2, true, false);
	advance(40 * S);
	fake_http_answer(&http, 3, 200, LIST); /* seen by its answer alone */
	assert_int_equal(tally_month(tally, clk.now_wall_ms), 3);
	submit(API_LIST_BASES, BASE_A, API_INTERACTIVE, &r);
	fake_http_leave(&http, 4);
	assert_int_equal(tally_month(tally, clk.now_wall_ms), 4);
}

/* ---- the plan's limit ---- */

static void begin_cap(const char *body)
{
	struct result r;

	make_api(0);
	submit(API_LIST_RECORDS, BASE_A, API_INTERACTIVE, &r);
	fake_http_answer(&http, 0, 429, body);
	assert_int_equal(r.calls, 1);
	assert_int_equal(r.err.err, -EDQUOT);
	advance(300 * S);
	assert_int_equal(http.n, 1); /* it is not tried again */
}

static void check_cap(const char *body)
{
	struct api_base_status st;
	struct result r;

	begin_cap(body);
	for (unsigned p = 0; p < 4; p++) {
		assert_false(goes(API_LIST_RECORDS, BASE_A,
				  (enum api_priority)p, &r));
		assert_false(goes(API_SCHEMA, BASE_A, (enum api_priority)p,
				  &r));
	}
	assert_non_null(strstr(r.err.text, "airtablefs refresh"));
	assert_true(goes(API_LIST_RECORDS, BASE_B, API_PREFETCH, &r));
	assert_int_equal(api_get_bases(api, &st, 1), 1);
	assert_string_equal(st.base.s, BASE_A);
	assert_true(st.quota_since_ms > 0);
	assert_true(st.quota_ask_ms > clk.now_wall_ms);
}

static void test_cap_as_object(void **state)
{
	(void)state;
	check_cap(CAP_OBJECT);
}

static void test_cap_as_array(void **state)
{
	(void)state;
	check_cap(CAP_ARRAY);
}

/* After an hour one call is sent to see; the others wait for what it finds. */
static void test_cap_one_asks(void **state)
{
	struct result r[3];
	size_t before;

	(void)state;
	begin_cap(CAP_ARRAY);
	for (int round = 0; round < 2; round++) {
		advance(3600 * S);
		before = http.n;
		for (int i = 0; i < 3; i++)
			submit(API_LIST_RECORDS, BASE_A, API_FLUSH, &r[i]);
		assert_int_equal(http.n, before + 1);
		assert_int_equal(r[1].calls, 0);
		fake_http_answer(&http, before, round == 0 ? 429 : 200,
				 round == 0 ? CAP_ARRAY : LIST);
		advance(2 * S);
		if (round == 0) {
			assert_int_equal(http.n, before + 1);
			for (int i = 0; i < 3; i++)
				assert_int_equal(r[i].err.err, -EDQUOT);
		} else {
			assert_int_equal(http.n, before + 3);
			fake_http_answer(&http, before + 1, 200, LIST);
			fake_http_answer(&http, before + 2, 200, LIST);
			for (int i = 0; i < 3; i++)
				assert_int_equal(r[i].err.err, 0);
		}
	}
	assert_int_equal(api_get_bases(api, (struct api_base_status[1]){ 0 },
				       1), 0);
}

static void test_cap_ends_with_the_month(void **state)
{
	struct result r;

	(void)state;
	assert_int_equal(clock_parse_iso("2026-11-30T23:50:00.000Z",
					 &clk.now_wall_ms), 0);
	begin_cap(CAP_OBJECT);
	assert_false(goes(API_LIST_RECORDS, BASE_A, API_FLUSH, &r));
	assert_int_equal(clock_parse_iso("2026-12-01T00:00:00.000Z",
					 &clk.now_wall_ms), 0);
	assert_true(goes(API_LIST_RECORDS, BASE_A, API_FLUSH, &r));
	assert_int_equal(r.err.err, 0);
}

/* A schema that is answered shows nothing about records. */
static void test_cap_asked_by_hand(void **state)
{
	struct result r;

	(void)state;
	begin_cap(CAP_ARRAY);
	api_ask_again(api);
	assert_true(goes(API_SCHEMA, BASE_A, API_INTERACTIVE, &r));
	submit(API_LIST_RECORDS, BASE_A, API_INTERACTIVE, &r);
	assert_int_equal(http.n, 3);
	fake_http_answer(&http, 2, 429, CAP_ARRAY);
	assert_false(goes(API_LIST_RECORDS, BASE_A, API_INTERACTIVE, &r));
	api_ask_again(api);
	assert_true(goes(API_LIST_RECORDS, BASE_A, API_INTERACTIVE, &r));
	assert_true(goes(API_LIST_RECORDS, BASE_A, API_INTERACTIVE, &r));
}

/* The one that asks is cancelled, or fails: the next one asks. */
static void test_cap_asker_is_lost(void **state)
{
	struct api_call c = { .kind = API_LIST_RECORDS, .done = on_done,
			      .priority = API_FLUSH };
	struct result r, other;
	int64_t id;

	(void)state;
	begin_cap(CAP_ARRAY);
	api_ask_again(api);
	id_copy(c.base.s, BASE_A);
	id_copy(c.table.s, "tblT");
	c.arg = &other;
	id = api_submit(api, &c);
	advance(2 * S);
	assert_int_equal(http.n, 2);
	submit(API_LIST_RECORDS, BASE_A, API_FLUSH, &r);
	assert_int_equal(http.n, 2);
	api_cancel(api, id);
	advance(2 * S);
	assert_int_equal(http.n, 3);
	fake_http_fail(&http, 2, true, false); /* it will try again itself */
	advance(40 * S);
	assert_int_equal(http.n, 4);
	fake_http_answer(&http, 3, 200, LIST);
	assert_int_equal(r.err.err, 0);
	assert_true(goes(API_LIST_RECORDS, BASE_A, API_PREFETCH, &r));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_order_of_stopping),
		T(test_exact_with_many_under_way),
		T(test_what_counts),
		T(test_cap_as_object),
		T(test_cap_as_array),
		T(test_cap_one_asks),
		T(test_cap_ends_with_the_month),
		T(test_cap_asked_by_hand),
		T(test_cap_asker_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
