/* .airtable of a table. */
#include "side.h"

static int text_schema(const struct side_where *at, char **ret)
{
	return cache_describe_table(at->fs->cache, at->no, ret);
}

static int write_refresh(const struct side_where *at, const char *text,
			 int64_t started_ns, struct cache_waiter *w)
{
	(void)text;
	(void)started_ns;
	(void)w;
	return cache_refresh(at->fs->cache, 0, at->no);
}

static const struct side_entry entries[] = {
	{ .name = "schema.json", .mode = 0444, .text = text_schema },
	{ .name = "info", .opens = &side_room_info },
	{ .name = "refresh", .mode = 0200, .write = write_refresh },
};

const struct side_room side_room_table = {
	.number = 2,
	.entries = entries,
	.n = sizeof(entries) / sizeof(entries[0]),
};
