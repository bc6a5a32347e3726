/* .airtable/history of a table: a directory for each record, with its earlier
 * contents by time and log.json, who changed what when. */
#include "side.h"

#include <string.h>

#define BATCH 16

static int lookup_record(const struct side_where *at, const char *name,
			 struct cache_waiter *w, uint32_t *ret_seq)
{
	return side_find_record(at, name, true, w, ret_seq);
}

static int list_records(const struct side_where *at, uint32_t after,
			struct side_name *ret, size_t max,
			struct cache_waiter *w)
{
	struct cache_entry e[BATCH];
	int n = cache_list_records(at->fs->cache, at->no, after, e,
				   max < BATCH ? max : BATCH, false, w);

	for (int i = 0; i < n; i++) {
		ret[i].seq = e[i].st.key.seq;
		memcpy(ret[i].name, e[i].name, NAME_BUF);
		side_cut_suffix(ret[i].name);
	}
	return n;
}

const struct side_room side_room_history = {
	.number = 6,
	.lookup = lookup_record,
	.list = list_records,
	.own_opens = &side_room_past,
};

/* ---- of one record ---- */

static struct rec_key record_of(const struct side_where *at)
{
	return (struct rec_key){ at->no, at->seq };
}

static int lookup_past(const struct side_where *at, const char *name,
		       struct cache_waiter *w, uint32_t *ret_seq)
{
	(void)w;
	return cache_find_history(at->fs->cache, record_of(at), name, ret_seq);
}

static int list_past(const struct side_where *at, uint32_t after,
		     struct side_name *ret, size_t max, struct cache_waiter *w)
{
	struct cache_past p[BATCH];
	int n = cache_list_history(at->fs->cache, record_of(at), after, p,
				   max < BATCH ? max : BATCH);

	(void)w;
	for (int i = 0; i < n; i++) {
		ret[i].seq = p[i].no;
		memcpy(ret[i].name, p[i].name, NAME_BUF);
	}
	return n;
}

/* Here seq is the content's number. */
static int text_past(const struct side_where *at, char **ret)
{
	return cache_read_history(at->fs->cache, at->no, at->seq, ret);
}

static int text_log(const struct side_where *at, char **ret)
{
	return cache_history_json(at->fs->cache, record_of(at), ret);
}

static const struct side_entry entries[] = {
	{ .name = "log.json", .mode = 0444, .text = text_log },
};

const struct side_room side_room_past = {
	.number = 7,
	.entries = entries,
	.n = sizeof(entries) / sizeof(entries[0]),
	.lookup = lookup_past,
	.list = list_past,
	.text = text_past,
};
