/* http_transfer - one request inside the curl transport: what http_curl.c (its
 * life) and http_transfer.c (its options and callbacks) share.
 * Owns:    see the members. Threads: loop thread only. */
#ifndef AIRTABLE_HTTP_TRANSFER_H
#define AIRTABLE_HTTP_TRANSFER_H

#include <curl/curl.h>

#include "http.h"

/* Handles kept for the next request; a handle is some 10 kB. */
#define POOL_MAX 8

struct transfer {
	int64_t id;
	struct http_curl *http;
	CURL *easy;
	struct curl_slist *headers;
	http_sent_fn *sent;
	http_done_fn *done;
	void *arg;
	char *body;       /* NUL-terminated whenever body_cap > 0 */
	size_t body_n, body_cap, body_max;
	bool plain;       /* http: to loopback addresses only */
	bool was_sent;
	bool too_large;
	bool no_memory;
	char detail[CURL_ERROR_SIZE];
	struct transfer *next;
};

struct http_curl {
	struct loop *loop;
	CURLM *multi;
	char *ca_file;
	char *user_agent;
	struct transfer *running;
	CURL *pool[POOL_MAX];
	size_t pool_n;
	int64_t last_id;
};

/* Sets all options of t->easy for this request. False: no memory. */
bool transfer_set_up(struct transfer *t, const struct http_request *req);
/* Wipes and frees: one of the lines is the token. */
void transfer_headers_free(struct curl_slist *list);

#endif
