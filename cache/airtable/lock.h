/* lock - mutexes that know their place: in debug builds a thread that takes
 * two in the wrong order, or sends, wakes or notifies while it holds one, is
 * stopped by an assertion. In release builds they are plain mutexes.
 * Units:   ranks, higher ones are taken first. Owns: nothing but the mutex.
 * Threads: any. Errors: none; a wrong order is a bug of ours.
 *
 *   rank           lock
 *   LOCK_TREE      fs: names of scratch files against names of records
 *   LOCK_CACHE     cache.mu: tree, live records, waiters
 *   LOCK_STORE     the store's writer
 *   LOCK_JOURNAL   the journal's connection
 * Locks that are leaves (nothing is taken under them) stay plain mutexes. */
#ifndef AIRTABLE_LOCK_H
#define AIRTABLE_LOCK_H

#include <pthread.h>

enum lock_rank { LOCK_JOURNAL = 1, LOCK_STORE, LOCK_CACHE, LOCK_TREE };

struct lock {
	pthread_mutex_t mu;
	enum lock_rank rank;
};

void lock_init(struct lock *l, enum lock_rank rank);
void lock_release(struct lock *l);
void lock_take(struct lock *l);
void lock_drop(struct lock *l);

/* For locks of another kind (a read-write lock, a writer's turn): says that
 * the calling thread now holds, or no longer holds, one of this rank. */
void lock_note_taken(enum lock_rank rank);
void lock_note_dropped(enum lock_rank rank);
/* Asserts that the calling thread holds none, before anything is sent, woken or
 * replied; or none of this rank or below. */
void lock_assert_none(void);
void lock_assert_free(enum lock_rank rank);

#endif
