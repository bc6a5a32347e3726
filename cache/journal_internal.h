/* journal_internal - what the files of the journal share: its connection, its
 * statements and how an operation is a row.
 *
 * Every row carries checksums, so that a torn one is noticed also where the
 * pages around it are sound: `sum` over what was saved, `state_sum` over what
 * the state's moves write, `bytes_sum` over the file's bytes.
 * Threads: _locked functions want j->mu held. journal_open's own helpers run
 *          before anybody else has the journal. */
#ifndef ATFS_JOURNAL_INTERNAL_H
#define ATFS_JOURNAL_INTERNAL_H

#include <pthread.h>

#include "airtable/lock.h"
#include "journal.h"
#include "sqlite.h"

#define JOURNAL_APPLICATION_ID 0x41544a4c /* "ATJL" */
#define JOURNAL_VERSION 1

/* Local ids are this and a number. */
#define LOCAL_ID_PREFIX "new-"

struct journal {
	struct lock mu;
	struct sql q;        /* guarded by mu */
	int wal_fd;          /* for fsync; -1 if the file has no -wal */
	_Atomic bool unsure; /* a sync failed: the next must rewrite */
};

enum journal_stmt {
	JS_BEGIN, JS_COMMIT,
	JS_NEXT_NUMBER, JS_SET_NUMBER,
	JS_ADD, JS_REWRITE, JS_MOVE, JS_RETELL,
	JS_GET, JS_GET_BYTES, JS_NEXT, JS_NEXT_OPEN, JS_OF_RECORD,
	JS_BYTES_SUM,
	JS_MENTION_ADD, JS_MENTION_DROP, JS_MENTION_NEXT, JS_MENTION_MOVE,
	JS_RECORD_NEXT, JS_PRUNE, JS_FORGET, JS_REMOVED, JS_RECENT,
	JS_DRAFT_PUT, JS_DRAFT_DROP, JS_DRAFT_NEXT, JS_DRAFT_GET,
	JS_DRAFT_OF_RECORD, JS_DRAFT_RENAME,
	JS_N
};
extern const char *const journal_text[JS_N];

/* ---- journal_open.c ---- */
/* Runs what brings a file of an older version, or an empty one, to ours. */
int journal_migrate(struct sql *q);
/* Opens path, which exists, into j; no check of its content. */
int journal_attach(const char *path, struct journal *j);
void journal_detach(struct journal *j);
int journal_begin_locked(struct journal *j);
/* Commits if r is 0, else rolls back; returns the first error. */
int journal_end_locked(struct journal *j, int r);

/* ---- journal.c ---- */
int64_t op_bytes_sum(const struct op *o);
int64_t op_saved_sum(const struct op *o, int64_t sum_of_bytes);
int64_t op_state_sum(const struct op *o, enum op_state state);
/* Reads the row under c. A row whose sums do not hold is -EIO; but for a
 * caller that gives ret_sound, who wants what there is: false is written and
 * 0 returned if at least what was saved is whole, the state then read as
 * unknown and bytes as NULL where they are not. */
int op_from_row(const struct sql_call *c, bool with_bytes, struct op *ret,
	    bool *ret_sound);
/* One op of the statement `which` for the id: 1, 0 or -errno. */
int journal_next_locked(struct journal *j, enum journal_stmt which, int64_t id,
			struct op *ret, bool *ret_sound);

/* ---- journal_write.c ---- */
/* Inserts with o->id as it is. */
int journal_insert_locked(struct journal *j, const struct op *o);
int journal_next_number_locked(struct journal *j, const char *what,
			       int64_t *ret);
/* All but id and state and what goes with it. */
int journal_rewrite_saved_locked(struct journal *j, const struct op *o);

/* ---- journal_local.c ---- */
/* Remembers which local records the op's changes mention. */
int journal_note_mentions_locked(struct journal *j, const struct op *o);

/* ---- journal_draft.c ---- */
void draft_row_release(struct draft_row *d);
/* One draft of the statement `which` for the number *no, which it sets: 1, 0
 * or -errno (-EIO if its sum does not hold). */
int draft_next_locked(struct journal *j, enum journal_stmt which, int64_t *no,
		      struct draft_row *ret);
int draft_put_locked(struct journal *j, const struct draft_row *d);
int draft_adopt_locked(struct journal *j, const char *local_id,
		       const char *rec_id);

/* ---- journal_wal.c ---- */
/* Whether the -wal is damaged in its middle; before the journal is opened. */
int journal_wal_look(const char *path, bool *ret_torn);
/* Copies both files to path.damaged-TIME. */
int journal_wal_keep(const char *path, char **ret);
/* Takes over what stands behind the damage, from that copy. */
int journal_wal_take(struct journal *j, const char *path, const char *kept,
		     size_t *lost);

/* ---- journal_salvage.c ---- */
/* Removes a database and its companions. */
int journal_unlink_database(const char *path);
/* From that offset to the end; nothing if there is none. */
int journal_copy_file(const char *from, const char *to, int64_t offset);
/* Sets a damaged journal aside and puts what can be read of it into a new one
 * in its place. *lost gets how many rows could not be read. */
int journal_salvage(const char *path, size_t *lost);
/* Ends a salvage that the death of a process cut short. */
int journal_salvage_finish(const char *path);

#endif
