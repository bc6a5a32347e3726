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
 * When: the kernel refuses a store to an inode that it does not hold yet, and it
 * takes up the entries of an answer only after the answer was sent. Its next
 * readdirplus of that directory says that it did; until then contents are held.
 * Then whoever answers that request helps the notifier (notifier_help), so that
 * contents keep ahead of the reader: where he comes first he sends a READ, for
 * which the kernel later asks for the attributes again.
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
#define PUSH_QUEUE_BYTES (16u << 20)
#define PUSH_HELD_MAX 1000   /* of walks that stopped in mid-directory */
#define PUSH_HELP_ABOVE 256  /* so many the notifier can do by itself */

struct atfs;

struct push {
	struct push *next;
	uint64_t dir, nodeid, mark;
	struct rec_key key;
	bool last; /* of the answer that ended the listing of dir */
	char *bytes;
	size_t n;
};

struct push_list {
	struct push *first, **last;
	size_t count;
};

struct push_queue {
	struct push_list held, ready;
	size_t bytes; /* of both */
};

void push_queue_init(struct push_queue *q);
void push_queue_clear(struct push_queue *q);
/* Queues *p with a copy of its own and takes p->bytes. True if that made any
 * ready to be sent. */
bool push_queue_add(struct push_queue *q, const struct push *p);
/* The kernel holds what was listed of dir. True if all of it was. */
bool push_queue_release(struct push_queue *q, uint64_t dir);
struct push *push_queue_take(struct push_queue *q); /* or NULL */
void push_free(struct push *p);

/* Stores one. True if the inode must be invalidated now. */
bool push_send(struct atfs *fs, const struct push *p);

#endif
