/* push - contents that readdirplus has at hand anyway go into the page cache
 * before anyone reads them: a walk over fresh files then makes no READ at all.
 *
 * A store that meets a change may leave older bytes in the page cache for
 * good. Guards: only inodes that the kernel had never held before, without
 * local changes, that it has not read by itself; none whose record changed
 * since the content was read; and if it changed while the store was on its way,
 * the inode is invalidated after. One case remains that this cannot see: the
 * kernel fills a page for a write(2), the store overwrites that page, and only
 * then the WRITE request arrives. So the first WRITE to a pushed inode
 * invalidates it after its reply (ops_file.c, INODE_PUSHED).
 *
 * Units:   bytes. Owns: what is queued, bounded; beyond the bound new ones are
 *          dropped.
 * Threads: none inside; the notifier's lock guards the queue, push_send runs
 *          on its thread without it.
 * Errors:  none. */
#ifndef ATFS_PUSH_H
#define ATFS_PUSH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/cache.h"

#define PUSH_FILE_MAX (256u << 10)
#define PUSH_QUEUE_MAX 2000
#define PUSH_QUEUE_BYTES (64u << 20)

struct atfs;

struct push {
	struct push *next;
	uint64_t nodeid, mark;
	struct rec_key key;
	char *bytes;
	size_t n;
	unsigned tries; /* that found an inode the kernel does not know yet */
};

struct push_queue {
	struct push *first, **last;
	size_t count, bytes;
};

void push_queue_init(struct push_queue *q);
void push_queue_clear(struct push_queue *q);
/* Takes bytes. True if there is something new to send. */
bool push_queue_add(struct push_queue *q, uint64_t nodeid, struct rec_key key,
		    uint64_t mark, char *bytes, size_t n);
struct push *push_queue_take(struct push_queue *q); /* or NULL */
void push_free(struct push *p);

/* An answer is on its way when its contents are queued; until the process that
 * asked has run, the kernel does not know the inodes in it. */
#define PUSH_TRIES 6
#define PUSH_REST_NS (2 * NS_PER_MS)

enum push_result {
	PUSH_DONE,       /* stored, or not to be */
	PUSH_AGAIN,      /* the kernel does not know the inode yet */
	PUSH_INVALIDATE, /* it must be invalidated now */
};
enum push_result push_send(struct atfs *fs, const struct push *p);
/* Back into the queue, at its end. */
void push_queue_return(struct push_queue *q, struct push *p);

#endif
