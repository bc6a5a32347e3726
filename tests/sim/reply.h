/* reply - an answer in the making, and the catalogue of error answers.
 * Units:   status is HTTP's.
 * Owns:    body and header strings, until reply_release.
 * Threads: none inside.
 * Errors:  reply_error and reply_errorf return -1 so that a check can end
 *          with `return reply_error(...)`.
 * Source:  airtable-api.md 5.1 and 5.3; types and messages are the samples
 *          there and in fixtures/error_*.json. */
#ifndef SIM_REPLY_H
#define SIM_REPLY_H

#include <stdbool.h>

#include "buf.h"

enum err {
	ERR_ROUTE,		/* 404 {"error":"NOT_FOUND"} */
	ERR_AUTH,
	ERR_UNAUTHORIZED,	/* the other word for it */
	ERR_MODEL,
	ERR_OPERATION,
	ERR_FORBIDDEN,		/* INVALID_PERMISSIONS with other text */
	ERR_OBJECT,		/* 404 {"error":{"type":"NOT_FOUND"}} */
	ERR_MODEL_ID,
	ERR_TABLE,
	ERR_BODY,
	ERR_BODY_400,
	ERR_TOO_LARGE,
	ERR_UPLOAD,		/* the same as 422 */
	ERR_RECORD_LIMIT,
	ERR_URI,
	ERR_PARAM,
	ERR_MISSING_FIELDS,
	ERR_RECORDS,
	ERR_UNKNOWN_FIELD,
	ERR_VALUE,
	ERR_CHOICE,
	ERR_ROW,
	ERR_ATTACHMENT,
	ERR_FORMULA,
	ERR_OFFSET,
	ERR_ITERATOR,
	ERR_VIEW_NAME,
	ERR_VIEW_ID,
	ERR_STATE_CHECK,
	ERR_FIELD_NAME,
	ERR_FIELD_TYPE,
	ERR_FIELD_OPTIONS,
	ERR_WEBHOOKS,
	ERR_WORKSPACE,		/* create base without a workspace */
	ERR_TABLE_NAME,
	ERR_SCHEMA_FORMULA,
	ERR_RATE,
	ERR_RATE_ARRAY,
	ERR_BILLING,		/* as an array */
	ERR_BILLING_OBJECT,
	ERR_RETRIABLE,
	ERR_COUNT_
};

struct reply {
	int status;
	struct buf body;
	const char *content_type;	/* NULL: JSON */
	char *location;
	int retry_after;		/* seconds; 0: no header */
};

#define REPLY_INIT { 200, BUF_INIT, NULL, NULL, 0 }

void reply_release(struct reply *r);
int reply_error(struct reply *r, enum err e);
int reply_errorf(struct reply *r, enum err e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
