#include "reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARAM_TEXT                                                    \
	"Invalid request: parameter validation failed. Check your "   \
	"request data."
#define MODEL_TEXT                                                    \
	"Invalid permissions, or the requested model was not found. " \
	"Check that both your user and your token have the required " \
	"permissions, and that the model names and/or ids are correct."
#define RATE_TEXT "Rate limit exceeded. Please try again later"

static const struct {
	int status;
	const char *type;
	const char *message;
} table[ERR_COUNT_] = {
	[ERR_ROUTE] = { 404, "NOT_FOUND", NULL },
	[ERR_AUTH] = { 401, "AUTHENTICATION_REQUIRED",
		       "Authentication required" },
	[ERR_UNAUTHORIZED] = { 401, "UNAUTHORIZED",
			       "Invalid authentication token" },
	[ERR_MODEL] = { 403, "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND",
			MODEL_TEXT },
	[ERR_OPERATION] = { 403, "INVALID_PERMISSIONS",
		"You are not permitted to perform this operation" },
	[ERR_FORBIDDEN] = { 403, "INVALID_PERMISSIONS", NULL },
	[ERR_OBJECT] = { 404, "NOT_FOUND", NULL },
	[ERR_MODEL_ID] = { 404, "MODEL_ID_NOT_FOUND", "Record not found" },
	[ERR_TABLE] = { 404, "TABLE_NOT_FOUND", NULL },
	[ERR_BODY] = { 422, "INVALID_REQUEST_BODY",
		       "Could not parse request body" },
	[ERR_BODY_400] = { 400, "INVALID_REQUEST_BODY",
			   "Could not parse request body" },
	[ERR_UPLOAD] = { 422, "INVALID_REQUEST_UNKNOWN", PARAM_TEXT },
	[ERR_RECORD_LIMIT] = { 422, "RECORD_LIMIT_REACHED",
		"The base has as many records as its plan allows" },
	[ERR_TOO_LARGE] = { 413, "REQUEST_TOO_LARGE",
			    "Request body is too large" },
	[ERR_URI] = { 414, "REQUEST_URI_TOO_LARGE",
		      "Request-URI Too Large" },
	[ERR_PARAM] = { 422, "INVALID_REQUEST_UNKNOWN", PARAM_TEXT },
	[ERR_MISSING_FIELDS] = { 422, "INVALID_REQUEST_MISSING_FIELDS",
		"Could not find field \"fields\" in the request body" },
	[ERR_RECORDS] = { 422, "INVALID_RECORDS",
		"You must provide an array of up to 10 record objects, each "
		"with an \"id\" ID field and a \"fields\" object for cell "
		"values." },
	[ERR_UNKNOWN_FIELD] = { 422, "UNKNOWN_FIELD_NAME", NULL },
	[ERR_VALUE] = { 422, "INVALID_VALUE_FOR_COLUMN", NULL },
	[ERR_CHOICE] = { 422, "INVALID_MULTIPLE_CHOICE_OPTIONS", NULL },
	[ERR_ROW] = { 422, "ROW_DOES_NOT_EXIST", NULL },
	[ERR_ATTACHMENT] = { 422, "INVALID_ATTACHMENT_OBJECT",
			     "Invalid attachment object" },
	[ERR_FORMULA] = { 422, "INVALID_FILTER_BY_FORMULA", NULL },
	[ERR_OFFSET] = { 422, "INVALID_OFFSET_VALUE", NULL },
	[ERR_ITERATOR] = { 422, "LIST_RECORDS_ITERATOR_NOT_AVAILABLE", NULL },
	[ERR_VIEW_NAME] = { 422, "VIEW_NAME_NOT_FOUND", NULL },
	[ERR_VIEW_ID] = { 422, "VIEW_ID_NOT_FOUND", NULL },
	[ERR_STATE_CHECK] = { 422, "FAILED_STATE_CHECK", NULL },
	[ERR_FIELD_NAME] = { 422, "DUPLICATE_OR_EMPTY_FIELD_NAME", NULL },
	[ERR_FIELD_TYPE] = { 422, "UNSUPPORTED_FIELD_TYPE_FOR_CREATE", NULL },
	[ERR_FIELD_OPTIONS] = { 422, "INVALID_FIELD_TYPE_OPTIONS_FOR_CREATE",
				NULL },
	[ERR_WEBHOOKS] = { 422, "TOO_MANY_WEBHOOKS_IN_BASE", NULL },
	[ERR_WORKSPACE] = { 422, "INVALID_REQUEST", "Server error" },
	[ERR_TABLE_NAME] = { 422, "DUPLICATE_TABLE_NAME", NULL },
	[ERR_SCHEMA_FORMULA] = { 422, "INVALID_FORMULA", NULL },
	[ERR_RATE] = { 429, "RATE_LIMIT_REACHED", RATE_TEXT },
	[ERR_RATE_ARRAY] = { 429, "RATE_LIMIT_REACHED", RATE_TEXT },
	[ERR_BILLING] = { 429, "PUBLIC_API_BILLING_LIMIT_EXCEEDED",
			  "API billing plan limit exceeded" },
	[ERR_BILLING_OBJECT] = { 429, "PUBLIC_API_BILLING_LIMIT_EXCEEDED",
				 "API billing plan limit exceeded" },
	[ERR_RETRIABLE] = { 503, "RETRIABLE_ERROR",
		"Server encountered an error while processing your request, "
		"and it is safe to retry the request" },
};

void reply_release(struct reply *r)
{
	buf_release(&r->body);
	free(r->location);
	*r = (struct reply)REPLY_INIT;
}

static void put(struct reply *r, enum err e, const char *message)
{
	struct buf *b = &r->body;
	bool list = e == ERR_RATE_ARRAY || e == ERR_BILLING;

	r->status = table[e].status;
	b->n = 0;
	if (e == ERR_ROUTE) {
		buf_str(b, "{\"error\":\"NOT_FOUND\"}");
		return;
	}
	buf_str(b, list ? "{\"errors\":[{\"error\":" : "{\"error\":{\"type\":");
	buf_json_str(b, table[e].type, strlen(table[e].type));
	if (message) {
		buf_str(b, ",\"message\":");
		buf_json_str(b, message, strlen(message));
	}
	buf_str(b, list ? "}]}" : "}}");
}

int reply_error(struct reply *r, enum err e)
{
	put(r, e, table[e].message);
	return -1;
}

int reply_errorf(struct reply *r, enum err e, const char *fmt, ...)
{
	char text[1200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put(r, e, text);
	return -1;
}
