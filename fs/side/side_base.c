/* .airtable of a base. */
#include "side.h"

static int text_base(const struct side_where *at, char **ret)
{
	return cache_describe_base(at->fs->cache, at->no, ret);
}

static int write_refresh(const struct side_where *at, const char *text,
			 int64_t started_ns, struct cache_waiter *w)
{
	(void)text;
	(void)started_ns;
	(void)w;
	return cache_refresh(at->fs->cache, at->no, 0);
}

static const struct side_entry entries[] = {
	{ .name = "base.json", .mode = 0444, .text = text_base },
	{ .name = "refresh", .mode = 0200, .write = write_refresh },
};

const struct side_room side_room_base = {
	.number = 1,
	.entries = entries,
	.n = sizeof(entries) / sizeof(entries[0]),
};
