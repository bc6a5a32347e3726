/* webhook - stored change feeds of a base, read page by page.
 * Units:   milliseconds since the epoch; payloads are numbered from 1.
 * Owns:    a base's hooks and their payloads, until hooks_free_all.
 * Threads: under the server's mutex.
 * Errors:  0, or -1 with the reply filled.
 * Source:  airtable-api.md 13. Guesses: an unknown hook is answered like an
 *          unknown base, a cursor whose payload is gone starts at the oldest
 *          one left, refreshing a dead hook is refused. Pings are not sent:
 *          the simulator calls nobody. */
#ifndef SIM_WEBHOOK_H
#define SIM_WEBHOOK_H

#include "call.h"
#include "feed.h"

#define HOOKS_PER_BASE 10
#define HOOKS_PER_OAUTH 2
#define HOOK_LIFE_MS (7 * 86400 * (int64_t)1000)
#define HOOK_PAGE_MAX 50

struct hook_payload {
	json_t *v;
	int64_t at_ms;
};

struct hook {
	char id[ID_CAP];
	json_t *options;	/* of the specification */
	char *url;		/* NULL: polled only */
	bool notify;
	bool enabled;
	const struct token *owner;
	int64_t expires_ms;
	struct hook_payload *p;
	size_t n;
	size_t cap;
	uint64_t first;		/* number of p[0] */
};

int webhook_create(struct sim *s, struct call *c, struct reply *r);
int webhook_list(struct sim *s, struct call *c, struct reply *r);
int webhook_payloads(struct sim *s, struct call *c, struct reply *r);
int webhook_refresh(struct sim *s, struct call *c, struct reply *r);
int webhook_notify(struct sim *s, struct call *c, struct reply *r);
int webhook_delete(struct sim *s, struct call *c, struct reply *r);

/* hook_spec.c: is this a specification, for which scopes? */
bool hook_spec_ok(const struct base *b, const json_t *options,
		  unsigned *scopes);
/* Names a watched table, view or field that is not there any more. */
bool hook_spec_broken(const struct base *b, const json_t *options);

/* hook_payload.c: tells the base's hooks what a call changed. */
void hooks_note(struct base *b, struct feed *f, const struct actor *a,
		const char *source);
/* Switches a hook off with an error payload. */
void hook_fail(struct state *s, struct base *b, struct hook *h,
	       const char *code);
void hook_push(struct hook *h, json_t *payload, int64_t now_ms);
struct hook *hook_find(const struct base *b, const char *id);
void hooks_free_all(struct state *s);

/* hook_state.c: a base's hooks as they stand in a state file; new reference. */
json_t *hooks_json(const struct base *b);
/* One of them back into b. -1 with *ret_why filled. */
int hook_load(struct base *b, const struct tokens *tokens, json_t *o,
	      const char **ret_why);

#endif
