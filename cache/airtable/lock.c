#include "lock.h"

#include <assert.h>

#ifndef NDEBUG
/* Bit n: a lock of rank n is held by this thread. */
static _Thread_local unsigned held;
#endif

void lock_note_taken(enum lock_rank rank)
{
#ifndef NDEBUG
	/* every lock held so far is of a higher rank */
	assert((held & ((2u << rank) - 1)) == 0);
	held |= 1u << rank;
#else
	(void)rank;
#endif
}

void lock_note_dropped(enum lock_rank rank)
{
#ifndef NDEBUG
	assert(held & 1u << rank);
	held &= ~(1u << rank);
#else
	(void)rank;
#endif
}

void lock_assert_none(void)
{
#ifndef NDEBUG
	assert(held == 0);
#endif
}

void lock_assert_free(enum lock_rank rank)
{
#ifndef NDEBUG
	assert((held & ((2u << rank) - 1)) == 0);
#else
	(void)rank;
#endif
}

void lock_init(struct lock *l, enum lock_rank rank)
{
	pthread_mutex_init(&l->mu, NULL);
	l->rank = rank;
}

void lock_release(struct lock *l)
{
	pthread_mutex_destroy(&l->mu);
}

void lock_take(struct lock *l)
{
	lock_note_taken(l->rank);
	pthread_mutex_lock(&l->mu);
}

void lock_drop(struct lock *l)
{
	pthread_mutex_unlock(&l->mu);
	lock_note_dropped(l->rank);
}
