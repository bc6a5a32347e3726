/* .airtable/info of a table: one file per record, of the record's name. */
#include "side.h"

#include <string.h>

#define BATCH 16

static int lookup_info(const struct side_where *at, const char *name,
		       struct cache_waiter *w, uint32_t *ret_seq)
{
	return side_find_record(at, name, false, w, ret_seq);
}

static int list_info(const struct side_where *at, uint32_t after,
		     struct side_name *ret, size_t max, struct cache_waiter *w)
{
	struct cache_entry e[BATCH];
	int n;

	n = cache_list_records(at->fs->cache, at->no, after, e,
			       max < BATCH ? max : BATCH, false, w);
	for (int i = 0; i < n; i++) {
		ret[i].seq = e[i].st.key.seq;
		memcpy(ret[i].name, e[i].name, NAME_BUF);
	}
	return n;
}

static int text_info(const struct side_where *at, char **ret)
{
	struct rec_key key = { .table = at->no, .seq = at->seq };

	return cache_describe_record(at->fs->cache, key, ret);
}

const struct side_room side_room_info = {
	.number = 3,
	.lookup = lookup_info,
	.list = list_info,
	.text = text_info,
};
