/* journal - journal.db: what the user changed and the server has not yet
 * confirmed. It is never deleted by the program; a damaged file is set aside
 * and what can be read is taken over record by record.
 *
 * An operation has one named state; who moves it where is this table, checked
 * by journal_set_state:
 *
 *   from      to        moved by
 *   queued    sending   flush picks it for a request
 *   queued    conflict  flush: both sides changed the field
 *   queued    done      flush: the server holds it already; or cancelled
 *   sending   done      flush: the server confirmed it
 *   sending   queued    flush: surely not applied (429, offline, batch split)
 *   sending   unknown   flush: connection lost; open: the process died
 *   sending   rejected  flush: the server refused it
 *   unknown   queued    flush: looked, it was not applied (or may be repeated)
 *   unknown   done      flush: looked, it was applied
 *   unknown   conflict  flush: looked, cannot be told
 *   conflict  queued    user resolves
 *   conflict  done      user gives it up
 *   rejected  queued    user saves again or retries
 *   rejected  done      user gives it up
 *
 * Durable: when a call that writes returns 0 the change survives the death of
 * the process; after journal_sync it survives power loss.
 * Units:   times are Unix ms.
 * Owns:    its connection; ops handed out are the caller's (op_clear).
 * Threads: any; one lock inside, a leaf in the lock order.
 * Errors:  -ENOSPC, -EDQUOT, -EROFS, -EIO, -EBUSY (another process has it),
 *          -ENOENT, -ENOMEM; then nothing was written. A callback's result
 *          other than 0 ends the walk and is returned. */
#ifndef ATFS_JOURNAL_H
#define ATFS_JOURNAL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "airtable/ids.h"
#include "name.h"

/* op.err of one that is done but was not sent: */
#define OP_ERR_CANCELLED (-ECANCELED) /* the user took it back */
#define OP_ERR_FOLDED (-EALREADY)     /* a later save took its place */

enum op_kind { OP_UPDATE = 1, OP_CREATE = 2, OP_DELETE = 3 };
enum op_state {
	OP_QUEUED = 1, OP_SENDING = 2, OP_UNKNOWN = 3, OP_DONE = 4,
	OP_CONFLICT = 5, OP_REJECTED = 6
};

struct op {
	int64_t id;               /* 0 before journal_add; rises */
	enum op_kind kind;
	enum op_state state;
	struct base_id base;
	struct table_id table;
	char record[ATFS_ID_MAX]; /* "rec...", or a local id ("new-7") */
	char name[NAME_BUF];      /* the file's name when saved */
	char *changes;            /* JSON by field id, write form */
	char *before;             /* JSON by field id, shown form: the base */
	char *after;              /* JSON by field id, shown form */
	char *bytes;              /* as saved; NULL if not asked for / none */
	size_t bytes_n;
	int64_t saved_ms;         /* last save */
	int64_t not_before_ms;    /* do not send earlier */
	int64_t sent_ms;          /* server's clock at the last send, 0 never */
	unsigned tries;
	int err;                  /* negative errno of the last trouble */
	char *reason;             /* its words, or NULL */
	char *theirs;             /* JSON by field id, of a conflict, or NULL */
};

struct journal;

/* Opens or creates; operations found in "sending" are moved to "unknown".
 * salvaged (may be NULL) gets how many could not be read from a damaged one,
 * which is kept as path.damaged-TIME. -EPROTONOSUPPORT: the file is of a newer
 * version, or not ours; it is not touched. */
int journal_open(const char *path, struct journal **ret, size_t *salvaged);
void journal_close(struct journal *j);
int journal_sync(struct journal *j);

const char *op_state_name(enum op_state s);
const char *op_kind_name(enum op_kind k);
bool op_move_allowed(enum op_state from, enum op_state to);
void op_clear(struct op *o);

/* Writes a new operation; sets o->id. */
int journal_add(struct journal *j, struct op *o);
/* Rewrites everything of an operation but id and state. bytes NULL keeps the
 * stored ones. */
int journal_rewrite(struct journal *j, const struct op *o);
/* Moves the state; err/reason/theirs/sent_ms/tries of o are stored with it and
 * o->state is set. Asserts that the move is allowed. */
int journal_set_state(struct journal *j, struct op *o, enum op_state to);
/* The same for many in one transaction. */
int journal_set_states(struct journal *j, struct op *const *ops, size_t n,
		       enum op_state to);
/* In one transaction: rewrites into (NULL = none) as journal_rewrite does and
 * queues it, and moves the operations that it takes the place of to done. */
int journal_fold(struct journal *j, struct op *into, struct op *const *drops,
		 size_t n);
int journal_get(struct journal *j, int64_t id, bool with_bytes, struct op *ret);
/* Not yet done, in id order, without bytes. No lock is held while fn runs: it
 * may use the journal. */
int journal_each_open(struct journal *j,
		      int (*fn)(void *ctx, const struct op *o), void *ctx);
/* Every operation of one record, newest first, done ones included. */
int journal_each_of_record(struct journal *j, const char *record, size_t max,
			   int (*fn)(void *ctx, const struct op *o), void *ctx);
/* Of what is done, newest first, those of the table (NULL = all) that removed a
 * record, or made one that was cancelled: their bytes are what the trash holds.
 */
int journal_each_removed(struct journal *j, const struct table_id *table,
			 int (*fn)(void *ctx, const struct op *o), void *ctx);
/* The newest max operations of all records, newest first. */
int journal_each_recent(struct journal *j, size_t max,
			int (*fn)(void *ctx, const struct op *o), void *ctx);
/* Forgets one that is done; -ENOENT if there is none. */
int journal_forget(struct journal *j, int64_t id);
/* A local record now has a real id: rewrites record in all its operations and
 * its draft, and every mention of the local id inside changes, before, after. Links are
 * arrays of ids, so a mention is a string in an array; a text cell that reads
 * "new-7" is the user's and stays. */
int journal_adopt(struct journal *j, const char *local_id, const char *rec_id);
/* Forgets done operations older than before_ms, keeping the newest keep. */
int journal_prune(struct journal *j, int64_t before_ms, size_t keep);

/* A fresh local id "new-N", never given twice. */
int journal_new_local_id(struct journal *j, char ret[static ATFS_ID_MAX]);

/* ---- drafts: content not yet committed, bytes in a file of its own ---- */
struct draft_row {
	struct base_id base;
	struct table_id table;
	char record[ATFS_ID_MAX]; /* or local id */
	char name[NAME_BUF];
	char file[64];            /* name in the drafts directory */
	int err;                  /* why it was refused, 0 = not judged */
	char *reason;             /* owned by the row; NULL = none */
};
int journal_draft_put(struct journal *j, const struct draft_row *d);
int journal_draft_drop(struct journal *j, const struct table_id *table,
		       const char *record);
int journal_each_draft(struct journal *j,
		       int (*fn)(void *ctx, const struct draft_row *d),
		       void *ctx);

#endif
