/* params - paths and query strings taken apart, and checked JSON bodies.
 * Owns:    a params owns its text, until params_release.
 * Threads: none inside.
 * Errors:  -1 for a malformed escape or body; absent things are NULL.
 * Source:  airtable-api.md 1.2: lists come as a[]=x, a[0]=x or a=x twice;
 *          an empty value counts as absent; `+` is a blank in a query. */
#ifndef SIM_PARAMS_H
#define SIM_PARAMS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct param {
	char *key;
	char *value;
};

struct params {
	struct param *v;
	size_t n;
	size_t cap;
};

char *params_unescape(const char *s, size_t n, bool plus);	/* NULL: bad */
int params_parse(struct params *p, const char *query);
void params_release(struct params *p);

/* The query as the JSON a POST body would hold: "a[]" gives an array,
 * "sort[0][field]" an array of objects, true/false/1/0 and numbers stay
 * strings. NULL for a malformed key. */
json_t *params_json(const struct params *p);

#endif
