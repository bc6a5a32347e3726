#include "http_transfer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BODY_FIRST 16384u
/* Connections that idle longer are not used again: the server or a NAT box in
 * between may have dropped them without a word. Ours. */
#define IDLE_MAX_S 55L

/* ---- what curl calls during a transfer ---- */

static bool body_reserve(struct transfer *t, size_t need)
{
	size_t cap = t->body_cap > 0 ? t->body_cap : BODY_FIRST;
	char *p;

	if (need <= t->body_cap)
		return true;
	while (cap < need)
		cap *= 2;
	p = realloc(t->body, cap);
	if (p == NULL)
		return false;
	t->body = p;
	t->body_cap = cap;
	return true;
}

static size_t on_body(char *data, size_t one, size_t n, void *arg)
{
	struct transfer *t = arg;

	(void)one; /* always 1 */
	if (n > t->body_max - t->body_n) {
		t->too_large = true;
		return 0;
	}
	if (!body_reserve(t, t->body_n + n + 1)) {
		t->no_memory = true;
		return 0;
	}
	memcpy(t->body + t->body_n, data, n);
	t->body_n += n;
	t->body[t->body_n] = '\0';
	return n;
}

static int on_before_request(void *arg, char *to, char *from, int to_port,
			     int from_port)
{
	struct transfer *t = arg;

	(void)to;
	(void)from;
	(void)to_port;
	(void)from_port;
	if (t->was_sent)
		return CURL_PREREQFUNC_ABORT; /* see http_sent_fn */
	t->was_sent = true;
	if (t->sent != NULL)
		t->sent(t->arg);
	return CURL_PREREQFUNC_OK;
}

/* A name like "localhost" was allowed by its letters; here is what it means. */
static curl_socket_t on_open_socket(void *arg, curlsocktype purpose,
				    struct curl_sockaddr *to)
{
	struct transfer *t = arg;

	(void)purpose;
	if (t->plain && !http_address_is_loopback(&to->addr)) {
		errno = EACCES;
		return CURL_SOCKET_BAD;
	}
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* ---- building ---- */

void transfer_headers_free(struct curl_slist *list)
{
	for (struct curl_slist *h = list; h != NULL; h = h->next)
		explicit_bzero(h->data, strlen(h->data));
	curl_slist_free_all(list);
}

static bool headers_add(struct curl_slist **list, const char *line)
{
	struct curl_slist *more = curl_slist_append(*list, line);

	if (more == NULL)
		return false;
	*list = more;
	return true;
}

static bool headers_add_bearer(struct curl_slist **list, const char *bearer)
{
	static const char lead[] = "Authorization: Bearer ";
	size_t n = sizeof(lead) + strlen(bearer);
	char *line = malloc(n);
	bool ok;

	if (line == NULL)
		return false;
	snprintf(line, n, "%s%s", lead, bearer);
	ok = headers_add(list, line);
	explicit_bzero(line, n);
	free(line);
	return ok;
}

static bool set_headers(struct transfer *t, const struct http_request *req)
{
	bool ok = headers_add(&t->headers, "Accept: application/json");

	if (req->body != NULL) {
		ok = ok && headers_add(&t->headers,
				       "Content-Type: application/json");
		/* no pause for a "100 Continue" before larger bodies */
		ok = ok && headers_add(&t->headers, "Expect:");
	}
	if (req->bearer != NULL)
		ok = ok && headers_add_bearer(&t->headers, req->bearer);
	return ok;
}

#define SET(option, value) \
	(ok = ok && curl_easy_setopt(e, option, value) == CURLE_OK)

static bool set_method(CURL *e, const struct http_request *req)
{
	static const char *const verbs[] = {
		[HTTP_GET] = "GET",	[HTTP_POST] = "POST",
		[HTTP_PATCH] = "PATCH", [HTTP_PUT] = "PUT",
		[HTTP_DELETE] = "DELETE",
	};
	bool ok = true;

	if (req->body != NULL || req->method == HTTP_POST) {
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)(req->body != NULL ? req->body_n : 0));
		SET(CURLOPT_POSTFIELDS, req->body != NULL ? req->body : "");
	}
	if (req->method != HTTP_GET && req->method != HTTP_POST)
		SET(CURLOPT_CUSTOMREQUEST, verbs[req->method]);
	return ok;
}

static long ms_of(int64_t ns)
{
	int64_t ms = (ns + NS_PER_MS - 1) / NS_PER_MS;

	return ms < 1 ? 1 : ms > 86400000 ? 86400000 : (long)ms;
}

/* Limits of time and trust: the same on every handle. */
static bool set_limits(CURL *e, struct transfer *t,
		       const struct http_request *req)
{
	bool ok = true;

	SET(CURLOPT_PROTOCOLS_STR, "https,http");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_NOSIGNAL, 1L);
	/* A name server that does not answer must not hold up the loop when
	 * the transfer is given up. */
	SET(CURLOPT_QUICK_EXIT, 1L);
	SET(CURLOPT_CONNECTTIMEOUT_MS, ms_of(req->connect_timeout_ns));
	SET(CURLOPT_TIMEOUT_MS, ms_of(req->total_timeout_ns));
	SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
	SET(CURLOPT_LOW_SPEED_TIME,
	    (ms_of(req->stall_timeout_ns) + 999L) / 1000L);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_MAXAGE_CONN, IDLE_MAX_S);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (t->http->ca_file != NULL)
		SET(CURLOPT_CAINFO, t->http->ca_file);
	/* An https proxy only forwards what is sealed; an http one would read
	 * the token. */
	if (t->plain)
		SET(CURLOPT_PROXY, "");
	SET(CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	SET(CURLOPT_OPENSOCKETDATA, t);
	return ok;
}

bool transfer_set_up(struct transfer *t, const struct http_request *req)
{
	CURL *e = t->easy;
	bool ok = set_headers(t, req);

	SET(CURLOPT_URL, req->url);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	SET(CURLOPT_ACCEPT_ENCODING, ""); /* all that this curl can read */
	if (t->http->user_agent != NULL)
		SET(CURLOPT_USERAGENT, t->http->user_agent);
	SET(CURLOPT_HTTPHEADER, t->headers);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, t);
	SET(CURLOPT_PREREQFUNCTION, on_before_request);
	SET(CURLOPT_PREREQDATA, t);
	SET(CURLOPT_ERRORBUFFER, t->detail);
	SET(CURLOPT_PRIVATE, t);
	return ok && set_method(e, req) && set_limits(e, t, req);
}

#undef SET
