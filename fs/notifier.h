/* notifier - the one thread that tells the kernel what changed.
 *
 * A notification about a directory blocks while a readdir of it is parked, one
 * about a file while a request about it is unanswered. So nothing ever waits
 * for this thread, and it takes no lock that a handler holds over a reply.
 *
 * Invalidations are never dropped; they are merged: one per inode, one per
 * directory and name, so that the queue is bounded by what the kernel holds.
 * Pushed contents (push.h) are a courtesy with a bound, sent when nothing else
 * waits.
 *
 * Threads: every call from any thread, also with tree held; none blocks.
 * Errors:  a failed notification is of no consequence (ENOENT: the kernel did
 *          not hold it); without memory a whole inode or directory is told. */
#ifndef ATFS_NOTIFIER_H
#define ATFS_NOTIFIER_H

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

struct atfs;
struct notifier;
struct push;

int notifier_new(struct atfs *fs, struct notifier **ret);
int notifier_start(struct notifier *n);
/* Drops what is queued and takes no more. Waits, but not for ever, until no
 * notification is on its way; true if none is. */
bool notifier_quiesce(struct notifier *n);
/* After quiesce, and after the session is unmounted. */
void notifier_stop(struct notifier *n);
void notifier_free(struct notifier *n);

/* Attributes and content of an inode, the listing of a directory. */
void notifier_inval_inode(struct notifier *n, uint64_t nodeid);
/* What the kernel believes of a name in a directory. */
void notifier_inval_entry(struct notifier *n, uint64_t dir, const char *name);
/* The same, with the message "deleted" to whoever watches the file. */
void notifier_delete(struct notifier *n, uint64_t dir, uint64_t child,
		     const char *name);
/* The name is asked for again at its next use, nothing is cut off. */
void notifier_expire_entry(struct notifier *n, uint64_t dir,
			   const char *name);

/* Content for the page cache; p->bytes is taken. */
void notifier_push(struct notifier *n, const struct push *p);
/* A readdirplus of dir has come, so the kernel holds what the one before listed.
 * Pushes some of it before that request is answered, where the thread is
 * behind. Only on a FUSE worker with no lock held: a store waits for the pages
 * of a READ, which another worker answers. So one worker at a time does it, and
 * none where there is but one. */
void notifier_help(struct notifier *n, uint64_t dir);

#endif
