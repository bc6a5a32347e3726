/* error - why a call failed, and the one table that turns a server's answer or
 * a transport failure into an errno and a reason.
 * Units:   retry_ns in nanoseconds. Owns: nothing; a plain value without heap,
 *          all zero means "no error". Threads: any.
 * Errors:  ENOENT is produced only when the server said so; a network failure
 *          is never "no such file".
 * Source:  catalogue of error types and statuses, airtable-api.md section 5
 *          (public API reference 2026 and recorded answers 2021-2026). */
#ifndef AIRTABLE_ERROR_H
#define AIRTABLE_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum error_class {
	ERROR_NONE,
	ERROR_TOKEN,    /* 401: stop, read the token again */
	ERROR_ACCESS,   /* 403: scope, grant, role or permission */
	ERROR_GONE,     /* the object is not there (or no longer to be seen) */
	ERROR_INPUT,    /* 400, 413, 422: this request can never work */
	ERROR_RELIST,   /* the page iterator is gone: begin at page 1 */
	ERROR_RATE,     /* 429: rest, then go on */
	ERROR_QUOTA,    /* monthly cap used up */
	ERROR_SERVER,   /* 5xx: the server failed; state of a write unknown */
	ERROR_OFFLINE,  /* never reached the server: nothing was sent */
	ERROR_LOST,     /* sent, but no (whole) answer came: outcome unknown */
	ERROR_PROTOCOL, /* an answer that makes no sense: garbage, too large */
	ERROR_CANCELLED,/* we gave up ourselves (shutdown) */
};

struct atfs_error {
	int err;             /* negative errno for the file system; 0 = none */
	enum error_class cls;
	int http;            /* status, 0 if no answer came */
	int64_t retry_ns;    /* wait the server asked for; 0 = our own backoff */
	char type[64];       /* the API's error type, "" if none */
	char text[256];      /* one line for a person; never a secret */
};

/* True if the same request may work later without anyone changing it. What the
 * api repeats by itself is less: see api.h. */
bool error_is_retryable(const struct atfs_error *e);

/* Fills e from an HTTP answer that is not a success. body may hold any of the
 * three JSON envelopes, HTML, or nothing. retry_after_s < 0 = no such header.
 * A 404 is ERROR_GONE only with one of the envelopes: a bare one was written by
 * a proxy or by some other server, and is ERROR_PROTOCOL. */
void error_from_http(struct atfs_error *e, int status, const char *body,
		     size_t body_n, int64_t retry_after_s);

/* Fills e for a transport failure. sent: the request may have reached the
 * server. timed_out chooses ETIMEDOUT. detail is curl's words. */
void error_from_transport(struct atfs_error *e, bool sent, bool timed_out,
			  const char *detail);

/* Sets an error of our own; all else in e is cleared. */
void error_set(struct atfs_error *e, int err, enum error_class cls,
	       const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
