/* save - what save.c, rename.c and remove.c share: making operations.
 * Owns:    nothing. Threads: every call with cache.mu held. Errors: -errno of
 *          the journal or the store. */
#ifndef ATFS_SAVE_H
#define ATFS_SAVE_H

#include "internal.h"

/* {"Name": value} of the bytes that are shown and not confirmed; new. */
json_t *save_shown_fields_locked(struct cache *c, struct live *l);
/* Their computed part, by field id: the values may come back in a save. New. */
json_t *save_shown_computed(struct cache *c, struct live *l,
			    const struct schema_table *st);

#define SAVE_RECENT_MAX 8 /* earlier contents that a save may be a view of */

/* What a save is judged against. */
struct save_judging {
	struct store_row row;
	struct schema *schema;
	const struct schema_table *st;
	json_t *cells;                 /* what is there or on its way */
	json_t *recent[SAVE_RECENT_MAX + 2];
	size_t recent_n;
	/* of recent, those that the server had: when each was replaced */
	size_t versions_from;
	int64_t replaced_ms[SAVE_RECENT_MAX];
};

int save_judging_begin(struct cache *c, struct live *l, struct save_judging *j);
void save_judging_release(struct save_judging *j);

/* Judges bytes against j; note says what is wrong, if so. */
int save_judge_locked(struct cache *c, struct live *l,
		      const struct save_judging *j, const char *bytes, size_t n,
		      struct recfile_edit *e, struct save_error *reterr);
int save_set_edit(struct op *o, const struct recfile_edit *e);
/* The record's file with the edit laid over what the server said. */
int save_render_over(struct cache *c, struct live *l, struct save_judging *j,
		     const struct recfile_edit *e, char **ret, size_t *ret_n);
/* The record's file with the edit laid over all that is there. */
int save_render_with(struct cache *c, struct live *l, struct save_judging *j,
		     const struct recfile_edit *e, char **ret, size_t *ret_n);
/* The record as fields alone, the way the past is shown: saved over a record it
 * is what it says, never an old view. id may be "". */
int save_render_past(struct cache *c, struct table *t, const char *id,
		     const json_t *cells, char **ret, size_t *ret_n);
/* The newest operation left says what is shown; there is one. */
void save_presented_by_ops(struct cache *c, struct live *l);
/* What the server said of the record last is presented again. */
int save_present_stored(struct cache *c, struct live *l, struct after *a);

/* On its way, or in the flush's hands: not to be rewritten. */
bool save_op_in_flight(const struct live_op *o);
/* Refused or in conflict: who saves then has seen what the server holds. */
bool save_is_stuck(const struct live *l);
/* A local record whose create is not on its way yet. */
bool save_is_new(const struct live *l);
int64_t save_due_soon(struct cache *c);
/* What is queued (or refused) and not on its way, creates and updates, and what
 * it comes to in all: the later change wins, the earlier base. */
struct save_waiting {
	struct op *ops;
	size_t n;
	json_t *changes, *before, *after;
	json_t *bases;  /* before, of refused and conflicting ones as well */
};
int save_waiting_load(struct cache *c, struct live *l, struct save_waiting *w);
void save_waiting_release(struct save_waiting *w);
/* Done without being sent; why: OP_ERR_CANCELLED, or 0 if it came to nothing. */
int save_finish_op(struct cache *c, struct live *l, int64_t id, int why);
/* e and bytes may be NULL; due_ms 0 = soon. */
int save_add_op(struct cache *c, struct live *l, enum op_kind kind,
		const struct recfile_edit *e, const char *bytes, size_t n,
		int64_t due_ms);
/* While bytes that are not confirmed are shown, the server's later word is not:
 * a field was changed from what those bytes say, if it ever was so. */
void save_base_on_shown(struct cache *c, struct live *l,
			const struct save_judging *j, struct recfile_edit *e);
/* Commits a judged edit with the bytes that say it. */
int save_commit_edit(struct cache *c, struct live *l, enum op_kind kind,
		     struct recfile_edit *e, const char *bytes, size_t n,
		     struct after *a);

/* ---- stale.c ---- */
/* The file may have been read before the server's last changes came in. Takes
 * out of the edit what such a view merely still says, and gives a field that
 * cannot be told apart, or was changed on both sides, the base that the view
 * had, so that the check before sending finds the conflict. */
int stale_sort_out(struct cache *c, struct live *l,
		   const struct save_judging *j, const char *bytes, size_t n,
		   struct recfile_edit *e);

#endif
