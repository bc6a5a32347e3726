#include "quirk.h"

#include <stddef.h>
#include <string.h>

#define Q(name, lo, hi) { #name, offsetof(struct quirks, name), lo, hi }

static const struct {
	const char *name;
	size_t at;
	int lo;
	int hi;
} all[] = {
	Q(extend_block, 0, 1), Q(clamp_page_size, 0, 1),
	Q(bad_body_400, 0, 1), Q(unauthorized, 0, 1),
	Q(create_formula, 0, 1), Q(silent_equal, 0, 1),
	Q(payload_equal, 0, 1), Q(trim_text, 0, 1),
	Q(round_numbers, 0, 1), Q(upload_422, 0, 1),
	Q(hook_cursor, 0, 1), Q(hook_revive, 0, 1),
	Q(hook_old_cursor, 0, 1), Q(hook_404, 0, 1),
	Q(max_records, 0, 100000000), Q(max_text, 0, 1 << 24),
	Q(base_rate, 1, 50), Q(synced_403, 0, 1), Q(dedupe, 0, 1),
	Q(choice_by_editor, 0, 1),
};

#define ALL (sizeof(all) / sizeof(all[0]))

static int *place(struct quirks *q, size_t i)
{
	return (int *)(void *)((char *)q + all[i].at);
}

static int set_one(struct quirks *q, const char *name, const json_t *v,
		   const char **why)
{
	double d = json_is_boolean(v) ? json_is_true(v) :
					json_number_value(v);
	size_t i = 0;

	while (i < ALL && strcmp(all[i].name, name) != 0)
		i++;
	*why = i == ALL ? "no such quirk" :
			  "a quirk's value is true, false or a number in range";
	if (i == ALL || (!json_is_boolean(v) && !json_is_number(v)) ||
	    !(d >= all[i].lo && d <= all[i].hi))
		return -1;
	*place(q, i) = (int)d;
	return 0;
}

int quirks_set(struct quirks *q, json_t *o, const char **why)
{
	struct quirks fresh = *q;

	*why = "quirks must be an object";
	if (!json_is_object(o))
		return -1;
	for (void *it = json_object_iter(o); it;
	     it = json_object_iter_next(o, it))
		if (set_one(&fresh, json_object_iter_key(it),
			    json_object_iter_value(it), why))
			return -1;
	*q = fresh;
	return 0;
}

void quirks_write(const struct quirks *q, struct buf *b)
{
	struct quirks now = *q;

	for (size_t i = 0; i < ALL; i++)
		buf_printf(b, "%s\"%s\":%d", i ? "," : "{", all[i].name,
			   *place(&now, i));
	buf_chr(b, '}');
}
