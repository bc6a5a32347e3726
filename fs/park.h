/* park - requests whose answer may have to come over the network.
 *
 * An operation is a struct park_call with two functions:
 *   attempt(call, w, a)  asks the cache with waiter w. Returns CACHE_PARKED (or
 *                        -EAGAIN if w is NULL) if there is no answer yet, else
 *                        the result, with what belongs to it in *a. It replies
 *                        nothing, and does not write to call: after
 *                        CACHE_PARKED another thread may run it already.
 *   finish(call, r, a)   sends the one reply and releases what a holds.
 * The first attempt is made with no waiter and with everything on the caller's
 * stack. Only if it finds nothing the call is copied to the heap and parked. A
 * local call has that one attempt, with CACHE_LOCAL as its waiter.
 *
 * Owns:    a copy of the call and its name while parked.
 * Threads: attempt and finish run on the FUSE thread that came with the
 *          request, on the cache's network thread, or (finish with -EINTR or
 *          -ENOTCONN) on the thread that answers interrupted requests. None
 *          of them may notify the kernel.
 * Errors:  every call ends in exactly one finish. */
#ifndef ATFS_PARK_H
#define ATFS_PARK_H

#include "atfs.h"
#include "inode.h"

struct atfs;
struct park;

/* What an attempt found; which members count is between it and finish. */
struct park_answer {
	void *data;
	uint64_t n;
	uint64_t mark; /* changes_mark() before the cache was asked */
	struct fuse_entry_param entry;
	struct inode_key key;
	bool missing_for_long; /* a negative answer that stays true */
};

struct park_call {
	struct atfs *fs;
	fuse_req_t req;
	int (*attempt)(const struct park_call *call, struct cache_waiter *w,
		       struct park_answer *a);
	void (*finish)(const struct park_call *call, int r,
		       struct park_answer *a);
	fuse_ino_t ino;
	const char *name; /* or NULL; copied when parked */
	uint64_t size;
	uint64_t off;
	int64_t started_ns; /* when the request came, for those who ask */
	bool plus;
	bool local; /* from the cache alone: never parked */
};

int park_new(struct atfs *fs, struct park **ret);
/* Answers everything that is parked and parks no more. Afterwards nothing
 * that was parked is ever replied to. Not on the network thread. */
void park_stop(struct park *p);
void park_free(struct park *p);

/* Answers call now or later. call may be on the stack. */
void park_run(struct park *p, const struct park_call *call);
/* How many are parked now. */
unsigned park_count(struct park *p);

#endif
