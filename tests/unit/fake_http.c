#include "fake_http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *copy(const char *s, size_t n)
{
	char *p = s != NULL ? strndup(s, n) : NULL;

	if (s != NULL)
		assert_non_null(p);
	return p;
}

static int64_t fake_submit(void *ctx, const struct http_request *req,
			   http_sent_fn *sent, http_done_fn *done, void *arg)
{
	struct fake_http *f = ctx;
	struct fake_request *r = &f->req[f->n];

	if (f->refuse != 0)
		return f->refuse;
	assert_true(f->n < FAKE_HTTP_MAX);
	*r = (struct fake_request){
		.method = req->method,
		.url = copy(req->url, strlen(req->url)),
		.body = copy(req->body, req->body_n),
		.asked = *req,
		.under_way = true,
		.sent = sent,
		.done = done,
		.arg = arg,
	};
	if (req->bearer != NULL)
		r->bearer = copy(req->bearer, strlen(req->bearer));
	f->n++;
	if (f->leave_at_once)
		fake_http_leave(f, f->n - 1);
	return (int64_t)f->n; /* never 0 */
}

static void fake_cancel(void *ctx, int64_t id)
{
	struct fake_http *f = ctx;

	assert_true(id > 0 && (size_t)id <= f->n);
	assert_true(f->req[id - 1].under_way);
	f->req[id - 1].under_way = false;
	f->req[id - 1].cancelled = true;
}

static void fake_free(void *ctx)
{
	struct fake_http *f = ctx;

	assert_int_equal(fake_http_running(f), 0);
	f->freed = true;
}

void fake_http_init(struct fake_http *f)
{
	memset(f, 0, sizeof(*f));
	f->leave_at_once = true;
	f->transport = (struct http_transport){ .submit = fake_submit,
						.cancel = fake_cancel,
						.free = fake_free,
						.ctx = f };
}

void fake_http_release(struct fake_http *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->req[i].url);
		free(f->req[i].bearer);
		free(f->req[i].body);
	}
	f->n = 0;
}

size_t fake_http_running(const struct fake_http *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += f->req[i].under_way;
	return n;
}

size_t fake_http_first(const struct fake_http *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->req[i].under_way)
			return i;
	fail_msg("no request is under way");
	return 0;
}

void fake_http_leave(struct fake_http *f, size_t i)
{
	assert_true(i < f->n && f->req[i].under_way && !f->req[i].has_left);
	f->req[i].has_left = true;
	if (f->req[i].sent != NULL)
		f->req[i].sent(f->req[i].arg);
}

void fake_http_answer_with(struct fake_http *f, size_t i,
			   const struct http_answer *a)
{
	assert_true(i < f->n && f->req[i].under_way);
	f->req[i].under_way = false;
	f->req[i].done(f->req[i].arg, a);
}

void fake_http_answer(struct fake_http *f, size_t i, int status,
		      const char *body)
{
	struct http_answer a = { .status = status, .body = body,
				 .body_n = strlen(body), .is_json = true,
				 .retry_after_s = -1, .detail = "" };

	fake_http_answer_with(f, i, &a);
}

void fake_http_fail(struct fake_http *f, size_t i, bool sent, bool timed_out)
{
	struct http_answer a = { .body = "", .retry_after_s = -1,
				 .failed = true, .sent = sent,
				 .timed_out = timed_out, .detail = "faked" };

	fake_http_answer_with(f, i, &a);
}
