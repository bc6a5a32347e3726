/* fake_http - a transport that a test answers by hand.
 * It keeps every request it was given, by number from 0, and does nothing until
 * the test says that one has left, answers it or lets it fail.
 * Units:   as http.h.
 * Owns:    copies of the requests, until fake_http_release.
 * Threads: one.
 * Errors:  the test fails where it answers what is not under way. */
#ifndef TESTS_FAKE_HTTP_H
#define TESTS_FAKE_HTTP_H

#include "airtable/http.h"

#define FAKE_HTTP_MAX 4096

struct fake_request {
	enum http_method method;
	char *url;
	char *bearer; /* NULL = none */
	char *body;   /* NULL = none */
	struct http_request asked; /* its numbers; the strings are gone */
	bool under_way;
	bool cancelled;
	bool has_left;
	http_sent_fn *sent;
	http_done_fn *done;
	void *arg;
};

struct fake_http {
	struct fake_request req[FAKE_HTTP_MAX];
	size_t n;
	bool leave_at_once; /* sent() is called from submit() */
	int refuse;         /* submit() returns this, if not 0 */
	bool freed;
	struct http_transport transport;
};

void fake_http_init(struct fake_http *f);
void fake_http_release(struct fake_http *f);

/* How many are under way; the first one of them (fails the test if none). */
size_t fake_http_running(const struct fake_http *f);
size_t fake_http_first(const struct fake_http *f);

void fake_http_leave(struct fake_http *f, size_t i);
/* A whole answer in JSON. */
void fake_http_answer(struct fake_http *f, size_t i, int status,
		      const char *body);
void fake_http_answer_with(struct fake_http *f, size_t i,
			   const struct http_answer *a);
void fake_http_fail(struct fake_http *f, size_t i, bool sent, bool timed_out);

#endif
