#include "error.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"

/* An error body is a few hundred bytes; what is longer is some proxy's page. */
#define ERROR_BODY_MAX (64u << 10)
/* A server may ask for a wait, but not for ever. Ours. */
#define RETRY_AFTER_MAX_S 3600

/* The one table: first match wins. type NULL = any, also none. */
static const struct error_rule {
	int status_min, status_max;
	const char *type;
	int err;
	enum error_class cls;
	const char *words;
} error_rules[] = {
	{ 400, 499, "PUBLIC_API_BILLING_LIMIT_EXCEEDED", EDQUOT, ERROR_QUOTA,
	  "the monthly limit of API calls is used up" },
	{ 422, 422, "LIST_RECORDS_ITERATOR_NOT_AVAILABLE", EAGAIN,
	  ERROR_RELIST, "the page iterator has expired" },
	{ 422, 422, "INVALID_OFFSET_VALUE", EAGAIN, ERROR_RELIST,
	  "the page iterator is not known" },
	{ 422, 422, "ROW_DOES_NOT_EXIST", ENOENT, ERROR_GONE,
	  "the record does not exist" },
	{ 401, 401, NULL, EACCES, ERROR_TOKEN, "the token was refused" },
	{ 403, 403, NULL, EACCES, ERROR_ACCESS, "not permitted" },
	{ 404, 404, NULL, ENOENT, ERROR_GONE, "not found" },
	{ 408, 408, NULL, ETIMEDOUT, ERROR_SERVER, "the server gave up waiting" },
	{ 413, 414, NULL, EMSGSIZE, ERROR_INPUT, "the request is too large" },
	{ 429, 429, NULL, EBUSY, ERROR_RATE, "too many requests" },
	{ 400, 499, NULL, EINVAL, ERROR_INPUT, "the request was refused" },
	{ 500, 599, NULL, EREMOTEIO, ERROR_SERVER, "the server failed" },
};

bool error_is_retryable(const struct atfs_error *e)
{
	switch (e->cls) {
	case ERROR_RATE:
	case ERROR_SERVER:
	case ERROR_OFFLINE:
	case ERROR_LOST:
	/* a captive portal or a proxy answered in the server's place */
	case ERROR_PROTOCOL:
	case ERROR_CANCELLED:
		return true;
	case ERROR_NONE:
	case ERROR_TOKEN:
	case ERROR_ACCESS:
	case ERROR_GONE:
	case ERROR_INPUT:
	case ERROR_RELIST:
	case ERROR_QUOTA:
		break;
	}
	return false;
}

/* Bytes of the control or direction-changing character at p, else 0: C0, DEL,
 * C1 (c2 80..9f), U+2028..202E and U+2066..2069. A terminal obeys them, and a
 * text that came from afar must not be able to rewrite the line. */
static size_t control_length(const unsigned char *p)
{
	if (*p < 0x20 || *p == 0x7f)
		return 1;
	if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
		return 2;
	if (p[0] == 0xe2 && p[1] == 0x80 && p[2] >= 0xa8 && p[2] <= 0xae)
		return 3;
	if (p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9)
		return 3;
	return 0;
}

/* Bytes of the UTF-8 sequence at p, 0 if there is no valid one. */
static size_t utf8_length(const unsigned char *p)
{
	size_t n;

	if (*p < 0x80)
		return 1;
	if (*p >= 0xc2 && *p <= 0xdf)
		n = 2;
	else if (*p >= 0xe0 && *p <= 0xef)
		n = 3;
	else if (*p >= 0xf0 && *p <= 0xf4)
		n = 4;
	else
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

/* Copies src as one line: controls become one blank, bytes that are no UTF-8 a
 * question mark, the end is cut at a code point. */
static void copy_clean(char *dst, size_t dst_n, const char *src)
{
	const unsigned char *p = (const unsigned char *)src;
	size_t o = 0, n;

	while (*p != '\0') {
		n = control_length(p);
		if (n > 0) {
			p += n;
			if (o == 0 || dst[o - 1] == ' ')
				continue;
			if (o + 1 >= dst_n)
				break;
			dst[o++] = ' ';
			continue;
		}
		n = utf8_length(p);
		if (o + (n > 0 ? n : 1) >= dst_n)
			break;
		if (n == 0) {
			dst[o++] = '?';
			p++;
			continue;
		}
		memcpy(dst + o, p, n);
		o += n;
		p += n;
	}
	while (o > 0 && dst[o - 1] == ' ')
		o--;
	dst[o] = '\0';
}

static void set_text_va(struct atfs_error *e, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

static void set_text_va(struct atfs_error *e, const char *fmt, va_list ap)
{
	/* Room for the cut to happen in copy_clean, at a code point. */
	char raw[2 * sizeof(e->text)];

	if (vsnprintf(raw, sizeof(raw), fmt, ap) < 0)
		raw[0] = '\0';
	copy_clean(e->text, sizeof(e->text), raw);
}

static void set_text(struct atfs_error *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void set_text(struct atfs_error *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_text_va(e, fmt, ap);
	va_end(ap);
}

/* The three envelopes of airtable-api.md 5.1, in the order given there. The
 * strings are borrowed from root. False: none of them. */
static bool read_envelope(const json_t *root, const char **ret_type,
			  const char **ret_words)
{
	const json_t *e = json_object_get(root, "error");

	*ret_type = *ret_words = NULL;
	if (json_is_string(e)) {
		*ret_type = json_string_value(e);
		*ret_words = json_string_value(json_object_get(root, "message"));
		return true;
	}
	if (json_is_object(e)) {
		*ret_type = json_string_value(json_object_get(e, "type"));
		*ret_words = json_string_value(json_object_get(e, "message"));
		return true;
	}
	e = json_array_get(json_object_get(root, "errors"), 0);
	if (!json_is_object(e))
		return false;
	*ret_type = json_string_value(json_object_get(e, "error"));
	*ret_words = json_string_value(json_object_get(e, "message"));
	return true;
}

static const struct error_rule *find_rule(int status, const char *type)
{
	for (size_t i = 0; i < sizeof(error_rules) / sizeof(error_rules[0]);
	     i++) {
		const struct error_rule *r = &error_rules[i];

		if (status < r->status_min || status > r->status_max)
			continue;
		if (r->type == NULL || strcmp(r->type, type) == 0)
			return r;
	}
	return NULL;
}

void error_from_http(struct atfs_error *e, int status, const char *body,
		     size_t body_n, int64_t retry_after_s)
{
	const char *type = NULL, *said = NULL, *lead;
	const struct error_rule *rule;
	json_auto_t *root = NULL;
	bool known = false;
	char words[200] = "";

	memset(e, 0, sizeof(*e));
	e->http = status;
	if (body_n > 0 && body_n <= ERROR_BODY_MAX)
		root = json_loadb(body, body_n, JSON_ALLOW_NUL, NULL);
	if (root != NULL)
		known = read_envelope(root, &type, &said);
	if (type != NULL)
		copy_clean(e->type, sizeof(e->type), type);
	if (said != NULL)
		copy_clean(words, sizeof(words), said);

	rule = find_rule(status, e->type);
	/* "Not there" is believed of the API only: a 404 without one of its
	 * envelopes was written by somebody in between. */
	if (rule == NULL || (rule->cls == ERROR_GONE && !known)) {
		e->err = -EPROTO;
		e->cls = ERROR_PROTOCOL;
		lead = "an answer that the API does not give; is the endpoint "
		       "right, or does a proxy answer?";
	} else {
		e->err = -rule->err;
		e->cls = rule->cls;
		lead = rule->words;
	}
	if (retry_after_s > 0 &&
	    (e->cls == ERROR_RATE || e->cls == ERROR_SERVER))
		e->retry_ns = NS_PER_S * (retry_after_s < RETRY_AFTER_MAX_S ?
						  retry_after_s :
						  RETRY_AFTER_MAX_S);
	set_text(e, "%s (%d%s%s%s%s)", lead, status,
		 e->type[0] != '\0' ? " " : "", e->type,
		 words[0] != '\0' ? ": " : "", words);
}

void error_from_transport(struct atfs_error *e, bool sent, bool timed_out,
			  const char *detail)
{
	bool has = detail != NULL && detail[0] != '\0';

	if (sent)
		error_set(e, timed_out ? -ETIMEDOUT : -EIO, ERROR_LOST,
			  "sent, but no answer came%s%s", has ? ": " : "",
			  has ? detail : "");
	else
		error_set(e, timed_out ? -ETIMEDOUT : -ENETUNREACH,
			  ERROR_OFFLINE, "the server cannot be reached%s%s",
			  has ? ": " : "", has ? detail : "");
}

void error_set(struct atfs_error *e, int err, enum error_class cls,
	       const char *fmt, ...)
{
	struct atfs_error out = { .err = err, .cls = cls };
	va_list ap;

	va_start(ap, fmt);
	set_text_va(&out, fmt, ap);
	va_end(ap);
	*e = out; /* last: the arguments may point into e */
}
