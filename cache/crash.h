/* crash - the places at which the death of the process makes a difference: one
 * line each, between two steps that are durable on their own. A test defines
 * crash_at() itself and stops there; the program's own does nothing, and a
 * release build (NDEBUG) has not even the calls.
 * Threads: any, mostly with cache.mu held. */
#ifndef ATFS_CRASH_H
#define ATFS_CRASH_H

#define CRASH_POINTS(X)                                                       \
	/* content becomes a save */                                          \
	X(ROW_MADE)         /* a new file: its row, nothing else yet */       \
	X(DRAFT_MADE)       /* the file of a draft, unknown to the journal */ \
	X(DRAFT_NOTED)      /* the journal knows the draft */                 \
	X(DRAFT_WRITTEN)                                                      \
	X(DRAFT_CUT)                                                          \
	X(DRAFT_REFUSED)    /* the journal knows why */                       \
	X(SAVED)            /* an operation; its draft is still there */      \
	X(DRAFT_UNLINKED)   /* the draft's file is gone, its row is not */    \
	X(DRAFT_DROPPED)                                                      \
	X(OP_ADDED)                                                           \
	X(OP_FOLDED)        /* a save went into one that waits */             \
	X(BYTES_KEPT)       /* nothing to send, the bytes alone */            \
	/* names and removals */                                              \
	X(PRIMARY_SAVED)    /* a rename is an operation, not yet a name */    \
	X(NAME_SET)                                                           \
	X(REPLACED)         /* renamed over: the content moved */             \
	X(MOVED_ASIDE)                                                        \
	X(DELETE_ADDED)                                                       \
	X(REVIVED)                                                            \
	X(FORGOT_OPS)       /* never sent: no operation, but still a row */   \
	/* sending */                                                         \
	X(CHECK_SENT)                                                         \
	X(CHECK_ANSWERED)                                                     \
	X(CHECK_ABSORBED)                                                     \
	X(SENDING)          /* the journal says so, nothing has left */       \
	X(SENT)                                                               \
	X(ANSWERED)         /* the server did it, nothing is noted */         \
	X(OP_DONE)          /* done in the journal, not yet in the cache */   \
	X(ABSORBED)         /* and in the cache */                            \
	X(ROW_ADOPTED)      /* in a transaction of the cache */               \
	X(ADOPTED)          /* and in the journal */                          \
	X(DELETE_COMMITTED) /* the row is gone, the operation is not */       \
	X(DELETE_DONE)                                                        \
	X(REJECTED)                                                           \
	X(CONFLICT)                                                           \
	X(LOST)             /* unknown in the journal */                      \
	X(LOST_NOTED)       /* what was sent is in its bases */               \
	X(LOST_QUEUED)                                                        \
	X(LOOK_SENT)                                                          \
	X(LOOK_ANSWERED)                                                      \
	X(LOOK_ADOPTED)                                                       \
	X(LOOK_QUEUED)      /* was not there: may be sent again */            \
	/* the next start */                                                  \
	X(JOURNAL_OPENED)   /* what was being sent is unknown */              \
	X(RESTORED_UNKNOWN) /* and may be repeated */                         \
	X(RESTORED_ROW)

enum crash_point {
#define X(name) CRASH_##name,
	CRASH_POINTS(X)
#undef X
	CRASH_N
};

const char *crash_name(enum crash_point p);

#ifdef NDEBUG
#define crash_at(p) ((void)0)
#else
void crash_at(enum crash_point p);
#endif

#endif
