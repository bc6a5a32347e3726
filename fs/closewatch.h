/* closewatch - hears that files of our own mount were closed after writing.
 *
 * The kernel sends no flush (ops.c), so tables with written records are watched
 * with inotify for IN_CLOSE_WRITE, which it reports on any file system. That
 * comes after the fact: it makes the cache judge what is still incomplete, and
 * cannot fail the close.
 *
 * Adding a watch looks the table's path up through our own mount, so only this
 * thread does it. The first write to a table waits for it, CLOSEWATCH_WAIT_MS
 * at most: a file that is only truncated (`> file`) says nothing but its close.
 * A close before the watch is there is made up for by the cache's quiet time.
 *
 * Units:   at most CLOSEWATCH_MAX tables; the one written longest ago goes.
 * Threads: closewatch_want from any FUSE thread; a leaf lock inside.
 * Errors:  none; without inotify the quiet time does alone. */
#ifndef ATFS_CLOSEWATCH_H
#define ATFS_CLOSEWATCH_H

#include <stdint.h>

#define CLOSEWATCH_MAX 256
#define CLOSEWATCH_WAIT_MS 200

struct atfs;
struct closewatch;

int closewatch_new(struct atfs *fs, struct closewatch **ret);
int closewatch_start(struct closewatch *w);
/* A record of this table is about to be written: returns once closes there are
 * heard, or after CLOSEWATCH_WAIT_MS. */
void closewatch_want(struct closewatch *w, uint32_t table);
/* After the mount is gone or severed: the thread may be in a request to it. */
void closewatch_stop(struct closewatch *w);
void closewatch_free(struct closewatch *w);

#endif
