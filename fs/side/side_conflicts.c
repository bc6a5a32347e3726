/* .airtable/conflicts of a table: a directory for each record in conflict, with
 * the record as it was before both changes, as saved here, and as the server
 * has it. */
#include "side.h"

#include <string.h>

#define BATCH 16

static int lookup_conflict(const struct side_where *at, const char *name,
			   struct cache_waiter *w, uint32_t *ret_seq)
{
	struct cache_entry e;
	int r = side_find_record(at, name, true, w, ret_seq);

	if (r == 0 && (cache_list_conflicts(at->fs->cache, at->no,
					    *ret_seq - 1, &e, 1) != 1 ||
		       e.st.key.seq != *ret_seq))
		r = -ENOENT;
	return r;
}

static int list_conflicts(const struct side_where *at, uint32_t after,
			  struct side_name *ret, size_t max,
			  struct cache_waiter *w)
{
	struct cache_entry e[BATCH];
	int n = cache_list_conflicts(at->fs->cache, at->no, after, e,
				     max < BATCH ? max : BATCH);

	(void)w;
	for (int i = 0; i < n; i++) {
		ret[i].seq = e[i].st.key.seq;
		memcpy(ret[i].name, e[i].name, NAME_BUF);
		side_cut_suffix(ret[i].name);
	}
	return n;
}

const struct side_room side_room_conflicts = {
	.number = 4,
	.lookup = lookup_conflict,
	.list = list_conflicts,
	.own_opens = &side_room_conflict,
};

/* ---- of one record ---- */

static int text_of(const struct side_where *at, enum cache_version which,
		   char **ret)
{
	return cache_read_conflict(at->fs->cache,
				   (struct rec_key){ at->no, at->seq }, which,
				   ret);
}

static int text_base(const struct side_where *at, char **ret)
{
	return text_of(at, CACHE_V_BASE, ret);
}

static int text_mine(const struct side_where *at, char **ret)
{
	return text_of(at, CACHE_V_MINE, ret);
}

static int text_theirs(const struct side_where *at, char **ret)
{
	return text_of(at, CACHE_V_THEIRS, ret);
}

static const struct side_entry entries[] = {
	{ .name = "base.json", .mode = 0444, .text = text_base },
	{ .name = "mine.json", .mode = 0444, .text = text_mine },
	{ .name = "theirs.json", .mode = 0444, .text = text_theirs },
};

const struct side_room side_room_conflict = {
	.number = 5,
	.entries = entries,
	.n = sizeof(entries) / sizeof(entries[0]),
};
