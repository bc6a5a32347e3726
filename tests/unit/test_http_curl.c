/* The real transport against a server on loopback that reads one request and
 * then does what the test tells it. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "airtable/http.h"

#define STEPS_MAX 4
#define CLOSE "" /* instead of an answer: the connection is closed */
#define OK(body) "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" body
#define ANSWER OK("Content-Length: 2\r\n\r\n{}")

/* The server answers the i-th request, on whichever connection it comes, with
 * steps[i]; without a step it closes. */
struct server {
	int listener;
	int port;
	pthread_t thread;
	const char *steps[STEPS_MAX];
	int requests;    /* read after join only */
	int connections;
	char seen[8192]; /* all requests, one after the other */
};

static size_t wanted_body(const char *head)
{
	const char *p = strcasestr(head, "content-length:");

	return p != NULL ? (size_t)strtoul(p + 15, NULL, 10) : 0;
}

/* One request into s->seen; false at the end of the connection. */
static bool read_request(struct server *s, int fd)
{
	size_t from = strlen(s->seen), n = from;
	const char *end;

	for (;;) {
		ssize_t r = read(fd, s->seen + n, sizeof(s->seen) - 1 - n);

		if (r <= 0)
			return false;
		n += (size_t)r;
		s->seen[n] = '\0';
		end = strstr(s->seen + from, "\r\n\r\n");
		if (end != NULL &&
		    strlen(end + 4) >= wanted_body(s->seen + from))
			return true;
	}
}

static void serve_connection(struct server *s, int fd)
{
	while (read_request(s, fd)) {
		const char *step = s->requests < STEPS_MAX ?
					   s->steps[s->requests] : NULL;

		s->requests++;
		if (step == NULL || step[0] == '\0' ||
		    write(fd, step, strlen(step)) < 0)
			return;
		if (strstr(step, "Content-Length: 999") != NULL)
			return; /* a body cut short */
	}
}

static void *serve(void *arg)
{
	struct server *s = arg;

	for (;;) {
		int fd = accept(s->listener, NULL, NULL);

		if (fd < 0)
			return NULL;
		s->connections++;
		serve_connection(s, fd);
		close(fd);
	}
}

static void server_start(struct server *s)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof(a);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(s->listener >= 0);
	assert_int_equal(bind(s->listener, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(s->listener, 8), 0);
	assert_int_equal(getsockname(s->listener, (struct sockaddr *)&a, &n),
			 0);
	s->port = ntohs(a.sin_port);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_stop(struct server *s)
{
	shutdown(s->listener, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->listener);
}

/* ---- the client's side ---- */

static struct loop *loop;
static struct http_transport http;

struct result {
	int done, sent;
	struct http_answer a;
	char body[256];
	char detail[256];
};

static void on_sent(void *arg)
{
	((struct result *)arg)->sent++;
}

static void on_done(void *arg, const struct http_answer *a)
{
	struct result *r = arg;

	r->done++;
	r->a = *a;
	snprintf(r->body, sizeof(r->body), "%s", a->body);
	snprintf(r->detail, sizeof(r->detail), "%s",
		 a->detail != NULL ? a->detail : "");
}

static int set_up(void **state)
{
	struct http_curl_config conf = { .user_agent = "airtablefs/test",
					 .max_connections = 4 };

	(void)state;
	/* the environment must not lead the token away */
	setenv("http_proxy", "http://127.0.0.1:9", 1);
	setenv("no_proxy", "", 1);
	if (loop_new(&system_clock, &loop) < 0)
		return -1;
	return http_curl_new(loop, &conf, &http);
}

static int tear_down(void **state)
{
	(void)state;
	http.free(http.ctx);
	loop_free(loop);
	return 0;
}

static void run(struct server *s, enum http_method m, const char *body,
		size_t max_body, struct result *r)
{
	char url[64];
	struct http_request req = {
		.method = m, .url = url, .bearer = "pat.secret",
		.body = body, .body_n = body != NULL ? strlen(body) : 0,
		.max_body_bytes = max_body, .connect_timeout_ns = 5 * NS_PER_S,
		.total_timeout_ns = 20 * NS_PER_S,
		.stall_timeout_ns = 20 * NS_PER_S,
	};

	memset(r, 0, sizeof(*r));
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/v0/x?y=z", s->port);
	assert_true(http.submit(http.ctx, &req, on_sent, on_done, r) > 0);
	while (r->done == 0)
		loop_turn(loop, 1000);
	assert_int_equal(r->done, 1);
}

static const struct {
	const char *name;
	enum http_method method;
	const char *body;
	const char *first_line;
} method_rows[] = {
	{ "get", HTTP_GET, NULL, "GET /v0/x?y=z HTTP/1.1\r\n" },
	{ "post", HTTP_POST, "{\"a\":1}", "POST /v0/x?y=z HTTP/1.1\r\n" },
	{ "patch", HTTP_PATCH, "{\"a\":1}", "PATCH /v0/x?y=z HTTP/1.1\r\n" },
	{ "put", HTTP_PUT, "{}", "PUT /v0/x?y=z HTTP/1.1\r\n" },
	{ "delete", HTTP_DELETE, NULL, "DELETE /v0/x?y=z HTTP/1.1\r\n" },
};

static void test_methods_and_headers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(method_rows) / sizeof(method_rows[0]);
	     i++) {
		struct server s = { .steps = { ANSWER } };
		const char *body = method_rows[i].body;
		struct result r;

		server_start(&s);
		run(&s, method_rows[i].method, body, 100, &r);
		tear_down(NULL); /* closes the connection: the server ends */
		server_stop(&s);
		set_up(NULL);
		if (strncmp(s.seen, method_rows[i].first_line,
			    strlen(method_rows[i].first_line)) != 0)
			fail_msg("%s: %s", method_rows[i].name, s.seen);
		assert_int_equal(r.a.status, 200);
		assert_true(r.a.is_json);
		assert_int_equal(r.sent, 1);
		assert_string_equal(r.body, "{}");
		assert_non_null(strstr(s.seen,
				       "\r\nAuthorization: Bearer pat.secret\r\n"));
		assert_non_null(strstr(s.seen,
				       "\r\nUser-Agent: airtablefs/test\r\n"));
		assert_non_null(strstr(s.seen, "gzip"));
		assert_null(strstr(s.seen, "Expect:"));
		assert_true((strstr(s.seen, "Content-Type: application/json") !=
			     NULL) == (body != NULL));
		if (body != NULL)
			assert_non_null(strstr(s.seen, body));
	}
}

static const struct {
	const char *name;
	const char *step;
	size_t max_body;
	int status; /* 0: failed */
	bool too_large;
	const char *body;
	int64_t retry_after_s, date_wall_ms;
} answer_rows[] = {
	{ "at the bound", ANSWER, 2, 200, false, "{}", -1, 0 },
	{ "beyond it", ANSWER, 1, 0, true, "", -1, 0 },
	{ "chunked beyond it", OK("Transfer-Encoding: chunked\r\n\r\n"
	  "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"), 5, 0, true, "", -1, 0 },
	{ "cut", OK("Content-Length: 999\r\n\r\n{"), 1000, 0, false, "", -1, 0 },
	{ "too short a length", OK("Content-Length: 1\r\n\r\n{}"), 100, 200,
	  false, "{", -1, 0 },
	{ "no length that there is", OK("Content-Length: -3\r\n\r\n{}"), 100,
	  0, false, "", -1, 0 },
	{ "said to be gzip", OK("Content-Encoding: gzip\r\n"
	  "Content-Length: 2\r\n\r\n{}"), 100, 0, false, "", -1, 0 },
	{ "closed", CLOSE, 100, 0, false, "", -1, 0 },
	{ "no HTTP at all", "220 mail ready Content-Length: 999\r\n", 100, 0,
	  false, "", -1, 0 },
	{ "headers", "HTTP/1.1 429 Slow\r\nRetry-After: 7\r\n"
	  "Date: Fri, 01 Mar 2024 09:30:00 GMT\r\nContent-Length: 0\r\n\r\n",
	  100, 429, false, "", 7, 1709285400000 },
	{ "a date to wait for", "HTTP/1.1 503 x\r\n"
	  "Retry-After: Fri, 01 Mar 2024 09:30:05 GMT\r\n"
	  "Date: Fri, 01 Mar 2024 09:30:00 GMT\r\nContent-Length: 0\r\n\r\n",
	  100, 503, false, "", 5, 1709285400000 },
	{ "headers of no sense", "HTTP/1.1 503 x\r\nRetry-After: soon\r\n"
	  "Date: today\r\nContent-Length: 0\r\n\r\n", 100, 503, false, "", -1,
	  0 },
	{ "redirect", "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\n"
	  "Content-Length: 0\r\n\r\n", 100, 302, false, "", -1, 0 },
};

static void test_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(answer_rows) / sizeof(answer_rows[0]);
	     i++) {
		struct server s = { .steps = { answer_rows[i].step } };
		struct result r;

		server_start(&s);
		run(&s, HTTP_GET, NULL, answer_rows[i].max_body, &r);
		tear_down(NULL);
		server_stop(&s);
		set_up(NULL);
		if (r.a.status != answer_rows[i].status ||
		    r.a.failed != (answer_rows[i].status == 0) ||
		    r.a.sent != r.a.failed ||
		    r.a.too_large != answer_rows[i].too_large ||
		    r.a.retry_after_s != answer_rows[i].retry_after_s ||
		    r.a.date_wall_ms != answer_rows[i].date_wall_ms ||
		    strcmp(r.body, answer_rows[i].body) != 0)
			fail_msg("%s: status %d retry %lld: %s",
				 answer_rows[i].name, r.a.status,
				 (long long)r.a.retry_after_s, r.detail);
		assert_int_equal(s.requests, 1);
		assert_null(strstr(r.detail, "secret"));
	}
}

/* A kept connection on which the server takes the request and closes without a
 * word: curl would send it again, and a create would be there twice. */
static void test_P4_never_sent_twice(void **state)
{
	static const enum http_method methods[] = { HTTP_POST, HTTP_GET };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct server s = { .steps = { ANSWER, CLOSE, ANSWER } };
		const char *body = i == 0 ? "{}" : NULL;
		struct result r;

		server_start(&s);
		run(&s, methods[i], body, 100, &r);
		assert_int_equal(r.a.status, 200);
		run(&s, methods[i], body, 100, &r);
		assert_true(r.a.failed);
		assert_true(r.a.sent);
		assert_int_equal(r.sent, 1);
		tear_down(NULL);
		server_stop(&s);
		set_up(NULL);
		assert_int_equal(s.requests, 2);
	}
}

/* What a server sends beyond the length it told is no answer to the next. */
static void test_more_than_the_length(void **state)
{
	struct server s = { .steps = { OK("Content-Length: 2\r\n\r\n{}")
				       OK("Content-Length: 4\r\n\r\nevil"),
				       ANSWER } };
	struct result r;

	(void)state;
	server_start(&s);
	for (int i = 0; i < 2; i++) {
		run(&s, HTTP_GET, NULL, 100, &r);
		assert_int_equal(r.a.status, 200);
		assert_string_equal(r.body, "{}");
	}
	tear_down(NULL);
	server_stop(&s);
	set_up(NULL);
	assert_int_equal(s.requests, 2);
	assert_int_equal(s.connections, 2);
}

static void test_connection_is_kept(void **state)
{
	struct server s = { .steps = { ANSWER, ANSWER, ANSWER } };
	struct result r;

	(void)state;
	server_start(&s);
	for (int i = 0; i < 3; i++)
		run(&s, HTTP_GET, NULL, 100, &r);
	tear_down(NULL);
	server_stop(&s);
	set_up(NULL);
	assert_int_equal(s.requests, 3);
	assert_int_equal(s.connections, 1);
}

static void test_refused(void **state)
{
	struct server s = { .steps = { NULL } };
	struct result r;

	(void)state;
	server_start(&s);
	server_stop(&s); /* nobody listens there any more */
	run(&s, HTTP_GET, NULL, 100, &r);
	assert_true(r.a.failed);
	assert_false(r.a.sent);
	assert_int_equal(r.sent, 0);
	assert_true(r.detail[0] != '\0');
}

static void test_P9_url_is_refused(void **state)
{
	struct http_request req = { .url = "http://192.0.2.1/",
				    .bearer = "pat.secret" };
	struct result r = { 0 };

	(void)state;
	assert_int_equal(http.submit(http.ctx, &req, on_sent, on_done, &r),
			 -EINVAL);
	assert_int_equal(r.done, 0);
}

static void test_cancel_and_free(void **state)
{
	struct server s = { .steps = { NULL } };
	struct result r = { 0 };
	char url[64];
	struct http_request req = { .url = url, .max_body_bytes = 10,
				    .connect_timeout_ns = NS_PER_S,
				    .total_timeout_ns = NS_PER_S,
				    .stall_timeout_ns = NS_PER_S };
	int64_t id;

	(void)state;
	server_start(&s);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", s.port);
	id = http.submit(http.ctx, &req, on_sent, on_done, &r);
	assert_true(id > 0);
	http.cancel(http.ctx, id);
	http.cancel(http.ctx, id);
	http.cancel(http.ctx, 999);
	assert_true(http.submit(http.ctx, &req, on_sent, on_done, &r) > 0);
	tear_down(NULL); /* with one under way */
	server_stop(&s);
	set_up(NULL);
	assert_int_equal(r.done, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_methods_and_headers),
		T(test_answers),
		T(test_P4_never_sent_twice),
		T(test_more_than_the_length),
		T(test_connection_is_kept),
		T(test_refused),
		T(test_P9_url_is_refused),
		T(test_cancel_and_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
