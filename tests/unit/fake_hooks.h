/* fake_hooks - the webhooks of the fake account's one base: kept, listed, read
 * by cursor, and dead where a test says so.
 * Units:   ms of the clock given with each call.
 * Owns:    hooks and payloads.
 * Threads: one.
 * Errors:  the test fails where a request is not what the API takes.
 * Source:  airtable-api.md 13. */
#ifndef TESTS_FAKE_HOOKS_H
#define TESTS_FAKE_HOOKS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "airtable/http.h"

#define FAKE_HOOKS_MAX 10

struct fake_hook {
	char id[18];
	bool enabled;
	bool foreign;        /* not of this test's mount */
	int64_t expires_ms;
	json_t *payloads;    /* all there ever were */
	size_t dropped;      /* of them, from the first on */
};

struct fake_hooks {
	struct fake_hook list[FAKE_HOOKS_MAX];
	size_t n;
	unsigned made;       /* since the start */
	size_t page;         /* payloads to an answer; 0 = 50 */
	bool reading_keeps;  /* reading does not extend the life */
	int64_t fixed_cursor;/* what payloads answer as the next; 0 = the truth */
};

void fake_hooks_free(struct fake_hooks *h);
/* Adds one of somebody else. */
struct fake_hook *fake_hooks_add_foreign(struct fake_hooks *h, int64_t now_ms);
/* Tells all that are enabled; steals what. */
void fake_hooks_tell(struct fake_hooks *h, json_t *what);
/* {"changedTablesById":{table: change}}, from user as source; steals change. */
void fake_hooks_tell_table(struct fake_hooks *h, const char *source,
			   const char *table, json_t *change);
/* path: behind /webhooks. Returns the body, *ret_status the status. */
char *fake_hooks_answer(struct fake_hooks *h, enum http_method method,
			const char *path, const char *body, int64_t now_ms,
			int *ret_status);

#endif
