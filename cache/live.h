/* live - records with local state: a draft, open operations, a name that is
 * gone. Everything else about a record is in the store; a record that nobody
 * changed has no struct live.
 * Owns:    its operations' list and draft descriptor.
 * Threads: every call and field under cache.mu. */
#ifndef ATFS_LIVE_H
#define ATFS_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache.h"
#include "journal.h"
#include "scan.h"

#define LIVE_BATCH_MAX 100 /* no limit of its own */

struct live_op {
	int64_t id;
	enum op_kind kind;
	enum op_state state;
	int64_t due_ms;      /* not to be sent before; wall */
	int64_t after_id;    /* a delete that waits for this one to be done */
	unsigned batch_max;  /* after a refused batch: how many may go together */
	bool maybe;          /* a create or delete that is sent again: an
	                        earlier try may have arrived */
	bool busy;           /* flush has it in hand (queued, being checked) */
	bool adrift;         /* what became of it could not be written down */
};

struct live {
	struct rec_key key;
	char record[ATFS_ID_MAX]; /* rec... or local id */
	char name[NAME_BUF];

	struct live_op *ops;  /* open ones, oldest first */
	size_t ops_n;
	int64_t size;         /* of the newest saved bytes; -1 = store's body */
	int64_t mtime_ms;     /* of the last save; 0 = store's */
	bool hidden;          /* removed or renamed away */

	/* draft */
	bool has_draft;
	int fd;               /* -1 = closed */
	char file[64];
	uint64_t draft_size;
	bool unjudged;        /* changed since the last verdict */
	int64_t written_ns;   /* monotonic, last change */
	int64_t emptied_ns;   /* closed with nothing in it; 0 = no */
	struct scan scan;     /* follows content written from the start; after
	                         a save it stands at the end of the content */
	bool scan_valid;      /* scan stands at the end of the content */
	struct save_error error; /* last refusal; err 0 = none */

	struct live *next;    /* hash chain */
};

struct live_map {
	struct live **buckets;
	size_t buckets_n, n;
};

static inline bool live_is_local(const struct live *l)
{
	return l->record[0] != 'r'; /* "new-N", not "rec..." */
}

/* Its removal is queued, which does away with what was refused before it. */
static inline bool live_is_removed(const struct live *l)
{
	return l->ops_n && l->ops[l->ops_n - 1].kind == OP_DELETE;
}

struct live *live_find(struct live_map *m, struct rec_key key);
/* Finds or makes. NULL = out of memory. */
struct live *live_get(struct live_map *m, struct rec_key key,
		      const char *record, const char *name);
/* Frees it if it holds no local state any more; returns true if so. */
bool live_settle(struct live_map *m, struct live *l);
void live_map_free(struct live_map *m);

struct live_op *live_add_op(struct live *l, int64_t id, enum op_kind kind,
			    enum op_state state, int64_t due_ms);
void live_drop_op(struct live *l, int64_t id);
struct live_op *live_find_op(struct live *l, int64_t id);

typedef bool live_each_fn(void *ctx, struct live *l); /* false ends */
void live_each(struct live_map *m, live_each_fn *fn, void *ctx);

#endif
