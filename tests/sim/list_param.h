/* list_param - the parameters of a record listing, checked.
 * Owns:    the texts and lists in a list_opt are those of `o`.
 * Threads: none inside.    Errors:  -1 for an unknown or malformed one.
 * Source:  airtable-api.md 8.1; pageSize above 100 is refused (16.5). */
#ifndef SIM_LIST_PARAM_H
#define SIM_LIST_PARAM_H

#include "list.h"

/* `body`: o is a JSON body, so numbers are numbers; else it is a query. */
int list_params(json_t *o, bool body, bool clamp, const struct params *query,
		struct list_opt *opt);
/* cellFormat, timeZone and userLocale alone. */
int list_format(const json_t *o, const struct params *query,
		struct celltext_look *look);

#endif
