/* .airtable/trash of a table: the last content of records that were deleted. One
 * that is moved into the table is made again; rm forgets it. */
#include "side.h"

#include <string.h>

#define BATCH 16

static int lookup_trash(const struct side_where *at, const char *name,
			struct cache_waiter *w, uint32_t *ret_seq)
{
	(void)w;
	return cache_find_trash(at->fs->cache, at->no, name, ret_seq);
}

static int list_trash(const struct side_where *at, uint32_t after,
		      struct side_name *ret, size_t max, struct cache_waiter *w)
{
	struct cache_past p[BATCH];
	int n = cache_list_trash(at->fs->cache, at->no, after, p,
				 max < BATCH ? max : BATCH);

	(void)w;
	for (int i = 0; i < n; i++) {
		ret[i].seq = p[i].no;
		memcpy(ret[i].name, p[i].name, NAME_BUF);
	}
	return n;
}

static int text_trash(const struct side_where *at, char **ret)
{
	return cache_read_trash(at->fs->cache, at->no, at->seq, ret);
}

static int remove_trash(const struct side_where *at)
{
	return cache_forget_trash(at->fs->cache, at->no, at->seq);
}

const struct side_room side_room_trash = {
	.number = 8,
	.lookup = lookup_trash,
	.list = list_trash,
	.text = text_trash,
	.remove = remove_trash,
};
