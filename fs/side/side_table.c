/* .airtable of a table. */
#include "side.h"

#include <string.h>

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

/* "mine NAME.json", or theirs, or both; a line each. */
static int resolve_line(const struct side_where *at, const char *line,
			size_t n)
{
	static const char *const words[] = { [CACHE_MINE] = "mine ",
					     [CACHE_THEIRS] = "theirs ",
					     [CACHE_BOTH] = "both " };
	char name[NAME_BUF];
	size_t k;
	uint32_t seq;
	int r;

	for (unsigned i = 0; i < 3; i++) {
		k = strlen(words[i]);
		if (n <= k || strncmp(line, words[i], k) != 0)
			continue;
		if (n - k > NAME_BYTES_MAX)
			return -ENAMETOOLONG;
		memcpy(name, line + k, n - k);
		name[n - k] = '\0';
		r = side_find_record(at, name, false, NULL, &seq);
		if (r < 0)
			return r;
		return cache_resolve(at->fs->cache,
				     (struct rec_key){ at->no, seq },
				     (enum cache_resolution)i);
	}
	return -EINVAL;
}

static int write_resolve(const struct side_where *at, const char *text,
			 int64_t started_ns, struct cache_waiter *w)
{
	int r = 0;

	(void)started_ns;
	(void)w;
	while (r == 0 && *text != '\0') {
		size_t n = strcspn(text, "\n");

		r = n > 0 ? resolve_line(at, text, n) : 0;
		text += n + (text[n] == '\n');
	}
	return r;
}

static const struct side_entry entries[] = {
	{ .name = "schema.json", .mode = 0444, .text = text_schema },
	{ .name = "info", .opens = &side_room_info },
	{ .name = "conflicts", .opens = &side_room_conflicts },
	{ .name = "history", .opens = &side_room_history },
	{ .name = "trash", .opens = &side_room_trash },
	{ .name = "resolve", .mode = 0200, .write = write_resolve },
	{ .name = "refresh", .mode = 0200, .write = write_refresh },
};

const struct side_room side_room_table = {
	.number = 2,
	.entries = entries,
	.n = sizeof(entries) / sizeof(entries[0]),
};
