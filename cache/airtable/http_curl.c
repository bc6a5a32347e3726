#include "http.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http_transfer.h"
#include "log.h"

static pthread_once_t global_once = PTHREAD_ONCE_INIT;
static bool global_ok;

static void global_init(void)
{
	global_ok = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

/* ---- life of a transfer ---- */

static void unlink_transfer(struct transfer *t)
{
	struct transfer **p = &t->http->running;

	while (*p != NULL && *p != t)
		p = &(*p)->next;
	if (*p == t)
		*p = t->next;
}

/* The handle goes back to the pool without anything of this request. */
static void transfer_free(struct transfer *t)
{
	struct http_curl *h = t->http;

	if (t->easy != NULL && h->pool_n < POOL_MAX) {
		curl_easy_reset(t->easy);
		h->pool[h->pool_n++] = t->easy;
	} else {
		curl_easy_cleanup(t->easy);
	}
	transfer_headers_free(t->headers);
	free(t->body);
	free(t);
}

static int64_t curl_submit(void *ctx, const struct http_request *req,
			   http_sent_fn *sent, http_done_fn *done, void *arg)
{
	struct http_curl *h = ctx;
	struct transfer *t;
	char reason[128];

	if (!http_url_is_allowed(req->url, reason)) {
		log_error("a request was not sent: %s", reason);
		return -EINVAL;
	}
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return -ENOMEM;
	t->http = h;
	t->sent = sent;
	t->done = done;
	t->arg = arg;
	t->body_max = req->max_body_bytes;
	t->plain = strncasecmp(req->url, "https:", 6) != 0;
	t->easy = h->pool_n > 0 ? h->pool[--h->pool_n] : curl_easy_init();
	if (t->easy == NULL || !transfer_set_up(t, req) ||
	    curl_multi_add_handle(h->multi, t->easy) != CURLM_OK) {
		transfer_free(t);
		return -ENOMEM;
	}
	t->id = ++h->last_id;
	t->next = h->running;
	h->running = t;
	return t->id;
}

static void curl_cancel(void *ctx, int64_t id)
{
	struct http_curl *h = ctx;
	struct transfer *t = h->running;

	while (t != NULL && t->id != id)
		t = t->next;
	if (t == NULL)
		return;
	unlink_transfer(t);
	curl_multi_remove_handle(h->multi, t->easy);
	transfer_free(t);
}

/* ---- the answer ---- */

static const char *header(const struct transfer *t, const char *name)
{
	struct curl_header *h;

	return curl_easy_header(t->easy, name, 0, CURLH_HEADER, -1, &h) ==
			       CURLHE_OK ?
		       h->value :
		       NULL;
}

/* Seconds, or a date that is counted from the server's own clock. */
static int64_t read_retry_after(const struct transfer *t, int64_t date_s)
{
	const char *v = header(t, "Retry-After");
	int64_t s = 0, until;
	const char *p;

	if (v == NULL || *v == '\0')
		return -1;
	for (p = v; *p >= '0' && *p <= '9'; p++)
		if (s < INT32_MAX)
			s = s * 10 + (*p - '0');
	if (*p == '\0')
		return s;
	until = curl_getdate(v, NULL);
	if (until < 0 || date_s <= 0)
		return -1;
	return until > date_s ? until - date_s : 0;
}

static void read_answer(const struct transfer *t, struct http_answer *a)
{
	const char *type = NULL, *date;
	int64_t date_s = 0;
	long status = 0;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &type);
	date = header(t, "Date");
	if (date != NULL)
		date_s = curl_getdate(date, NULL);
	a->status = (int)status;
	a->date_wall_ms = date_s > 0 ? date_s * 1000 : 0;
	a->retry_after_s = read_retry_after(t, date_s);
	a->is_json = type != NULL &&
		     strncasecmp(type, "application/json", 16) == 0;
	if (t->body != NULL) {
		a->body = t->body;
		a->body_n = t->body_n;
	}
}

static void read_failure(struct transfer *t, CURLcode code,
			 struct http_answer *a)
{
	a->failed = true;
	a->sent = t->was_sent;
	a->timed_out = code == CURLE_OPERATION_TIMEDOUT;
	a->too_large = t->too_large;
	if (t->too_large)
		a->detail = "the answer is larger than allowed";
	else if (t->no_memory)
		a->detail = "out of memory";
	else if (code == CURLE_ABORTED_BY_CALLBACK)
		a->detail = "the connection was closed by the server";
	else
		a->detail = t->detail[0] != '\0' ? t->detail :
						   curl_easy_strerror(code);
}

static void finish(struct transfer *t, CURLcode code)
{
	struct http_answer a = { .body = "", .retry_after_s = -1,
				 .detail = "" };

	if (code == CURLE_OK)
		read_answer(t, &a);
	else
		read_failure(t, code, &a);
	curl_multi_remove_handle(t->http->multi, t->easy);
	unlink_transfer(t);
	t->done(t->arg, &a);
	transfer_free(t);
}

static void drive(struct http_curl *h)
{
	struct transfer *t;
	int left;
	CURLMsg *m;

	curl_multi_perform(h->multi, &left);
	/* done() may submit and cancel: what is read next is asked anew. */
	while ((m = curl_multi_info_read(h->multi, &left)) != NULL) {
		CURLcode code = m->data.result;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
		finish(t, code);
	}
}

static void curl_poll(void *ctx, int timeout_ms)
{
	struct http_curl *h = ctx;

	/* curl shortens the wait where it has something to do itself. */
	curl_multi_poll(h->multi, NULL, 0, timeout_ms, NULL);
	loop_now_refresh(h->loop);
	drive(h);
}

static void curl_wake(void *ctx)
{
	struct http_curl *h = ctx;

	curl_multi_wakeup(h->multi);
}

static void curl_free_all(void *ctx)
{
	struct http_curl *h = ctx;

	if (h == NULL)
		return;
	loop_set_poller(h->loop, NULL);
	while (h->running != NULL)
		curl_cancel(h, h->running->id);
	while (h->pool_n > 0)
		curl_easy_cleanup(h->pool[--h->pool_n]);
	curl_multi_cleanup(h->multi);
	free(h->ca_file);
	free(h->user_agent);
	free(h);
}

static char *copy_or_null(const char *s, bool *ok)
{
	char *p = s != NULL ? strdup(s) : NULL;

	if (s != NULL && p == NULL)
		*ok = false;
	return p;
}

int http_curl_new(struct loop *loop, const struct http_curl_config *conf,
		  struct http_transport *ret)
{
	struct http_curl *h;
	bool ok = true;

	pthread_once(&global_once, global_init);
	h = global_ok ? calloc(1, sizeof(*h)) : NULL;
	if (h == NULL)
		return -ENOMEM;
	h->loop = loop;
	h->ca_file = copy_or_null(conf->ca_file, &ok);
	h->user_agent = copy_or_null(conf->user_agent, &ok);
	h->multi = curl_multi_init();
	if (!ok || h->multi == NULL) {
		curl_free_all(h);
		return -ENOMEM;
	}
	if (conf->max_connections > 0)
		curl_multi_setopt(h->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
				  (long)conf->max_connections);
	loop_set_poller(loop, &(struct loop_poller){ .poll = curl_poll,
						     .wake = curl_wake,
						     .ctx = h });
	*ret = (struct http_transport){ .submit = curl_submit,
					.cancel = curl_cancel,
					.free = curl_free_all,
					.ctx = h };
	return 0;
}
