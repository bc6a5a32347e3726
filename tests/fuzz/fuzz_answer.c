/* The reader of HTTP answers: whatever a server or a proxy says is an answer of
 * the promised shape, or an error with a reason. The first two bytes choose the
 * call and the status; the rest is the body. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "airtable/api_internal.h"
#include "airtable/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const int statuses[] = { 200, 200, 200, 201, 302, 400, 401, 403,
					404, 422, 429, 500, 503 };
	struct api a = { .token = { .secret = (char[]){ "pat.secret" },
				    .secret_n = 10 } };
	struct lane lane = { .api = &a };
	struct call c = { .lane = &lane };
	struct http_answer ans = { .retry_after_s = -1, .detail = "",
				   .is_json = true };
	struct schema *s = NULL;
	struct atfs_error e;
	json_t *j = NULL;
	char *body;

	if (n < 2)
		return 0;
	body = malloc(n - 1);
	if (body == NULL)
		return 0;
	memcpy(body, data + 2, n - 2);
	body[n - 2] = '\0';
	c.kind = (enum api_kind)(data[0] % API_KINDS);
	ans.status = statuses[data[1] % (sizeof(statuses) / sizeof(int))];
	ans.body = body;
	ans.body_n = n - 2;
	answer_read(&c, &ans, &e, &j);
	assert((e.err == 0) == (j != NULL));
	assert(e.err == 0 || e.text[0] != '\0');
	assert(strstr(e.text, "pat.secret") == NULL);
	if (j != NULL && c.kind == API_SCHEMA && schema_parse(j, &s) == 0)
		schema_unref(s);
	json_decref(j);
	free(body);
	return 0;
}
