/* save - what save.c, rename.c and remove.c share: making operations.
 * Owns:    nothing. Threads: every call with cache.mu held. Errors: -errno of
 *          the journal or the store. */
#ifndef ATFS_SAVE_H
#define ATFS_SAVE_H

#include "internal.h"

#define SAVE_RECENT_MAX 8 /* earlier contents that a save may be a view of */

/* What a save is judged against. */
struct save_judging {
	struct store_row row;
	struct schema *schema;
	const struct schema_table *st;
	json_t *cells;                 /* what is there or on its way */
	json_t *recent[SAVE_RECENT_MAX + 1];
	size_t recent_n;
};

int save_judging_begin(struct cache *c, struct live *l, struct save_judging *j);
void save_judging_release(struct save_judging *j);

/* On its way, or in the flush's hands: not to be rewritten. */
bool save_op_in_flight(const struct live_op *o);
/* A local record whose create is not on its way yet. */
bool save_is_new(const struct live *l);
int64_t save_due_soon(struct cache *c);
/* The one operation of a kind that a new save goes into, or NULL. */
int save_pick_target(struct cache *c, struct live *l, enum op_kind kind,
		     struct live_op **ret);
int save_finish_op(struct cache *c, struct live *l, int64_t id,
		   enum op_state to);
/* e and bytes may be NULL; due_ms 0 = soon. */
int save_add_op(struct cache *c, struct live *l, enum op_kind kind,
		const struct recfile_edit *e, const char *bytes, size_t n,
		int64_t due_ms);
/* Commits a judged edit with the bytes that say it. */
int save_commit_edit(struct cache *c, struct live *l, enum op_kind kind,
		     struct recfile_edit *e, const char *bytes, size_t n,
		     struct after *a);

#endif
