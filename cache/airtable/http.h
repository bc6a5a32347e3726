/* http - one HTTP exchange, and the transport that performs it.
 * The transport is a small vtable so that a test can answer instead of curl.
 * Units:   bytes, ns. Statuses are HTTP's.
 * Owns:    a request's strings belong to the caller until done() is called;
 *          the answer's body is lent for the time of done().
 * Threads: loop thread only.
 * Errors:  a transport failure arrives in done() as answer->failed with
 *          detail; http_submit itself fails only with -ENOMEM/-EINVAL and then
 *          done() is not called.
 * Bounds:  body at most max_body_bytes; redirects are never followed; https
 *          with verification, or http to a loopback address only. */
#ifndef AIRTABLE_HTTP_H
#define AIRTABLE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop.h"

enum http_method { HTTP_GET, HTTP_POST, HTTP_PATCH, HTTP_PUT, HTTP_DELETE };

struct http_request {
	enum http_method method;
	const char *url;           /* whole, encoded */
	const char *bearer;        /* token or NULL for none; never logged;
	                              copied by submit */
	const char *body;          /* JSON or NULL */
	size_t body_n;
	size_t max_body_bytes;     /* of the answer, after decompression */
	int64_t connect_timeout_ns;
	int64_t total_timeout_ns;
	int64_t stall_timeout_ns;  /* no byte for so long = given up */
};

struct http_answer {
	int status;             /* 0 if failed */
	const char *body;       /* NUL-terminated as well; never NULL */
	size_t body_n;
	bool is_json;           /* by its content type */
	int64_t retry_after_s;  /* -1 = no such header */
	int64_t date_wall_ms;   /* the Date header; 0 = none */
	bool failed;            /* no whole answer */
	bool sent;              /* failed, but the request may have arrived */
	bool timed_out;
	bool too_large;         /* failed: it passed max_body_bytes */
	const char *detail;     /* failed: curl's words; never a secret */
};

typedef void http_done_fn(void *arg, const struct http_answer *a);
/* Called once when the request is really about to leave on a connection. It
 * must not submit or cancel. A request leaves once at most: where curl would
 * send it a second time by itself (a kept connection turned out dead), it fails
 * instead, with sent = true. So nothing is doubled behind the limiter's back. */
typedef void http_sent_fn(void *arg);

struct http_transport {
	/* Returns an id > 0 or -errno. */
	int64_t (*submit)(void *ctx, const struct http_request *req,
			  http_sent_fn *sent, http_done_fn *done, void *arg);
	/* Ends it without calling done(). */
	void (*cancel)(void *ctx, int64_t id);
	void (*free)(void *ctx);
	void *ctx;
};

struct http_curl_config {
	const char *ca_file;    /* NULL = system's */
	const char *user_agent;
	unsigned max_connections;      /* to one host */
};

/* The real transport over curl's multi interface; attaches itself to the loop
 * as its poller. */
int http_curl_new(struct loop *loop, const struct http_curl_config *conf,
		  struct http_transport *ret);

/* True if the address (a struct sockaddr) is one of this machine alone. */
struct sockaddr;
bool http_address_is_loopback(const struct sockaddr *sa);

/* Is url something we may talk to at all: https, or http with a host that is
 * a literal loopback address or "localhost". Writes a reason if not. The
 * resolved address of an http url is checked again when the socket is opened. */
bool http_url_is_allowed(const char *url, char reason[static 128]);

#endif
