/* session - one mount from its start to its end: cache, FUSE session, signals,
 * the sending of what is left.
 *
 * Threads: the caller's runs the loop; one hears the signals (and sees to it
 *          that nothing hangs at the end); one asks the mount whether it
 *          answers and then reports so to the daemon's parent.
 * Stages:  starting -> mounting -> running -> ending -> stopping -> draining
 *          -> closing. A signal before "mounting" ends the process at once;
 *          while mounting it waits; while running it takes the mount off; a
 *          second one ends the draining at once (the journal keeps the rest).
 * End:     the mount is taken off (ending, only if we do it); the loop ends;
 *          atfs_stop (stopping); the device is closed; cache_stop (draining);
 *          atfs_free, then fuse_session_destroy, so that no thread notifies a
 *          session that is gone: atfs_ops can have no destroy; cache_free.
 * Leaves:  STATE_DIR/last-exit.json with what remained unsent, for
 *          `airtablefs umount`.
 * Errors:  an exit status (exits.h); reasons go to the daemon's verdict before
 *          the mount answers, else to the log. */
#ifndef ATFS_SESSION_H
#define ATFS_SESSION_H

#include <stddef.h>

#include "daemon.h"
#include "options.h"

/* What a daemon leaves in its state directory. */
#define SESSION_LAST_EXIT "last-exit.json"

/* opt->mountpoint is prepared (stale.h), daemon_harden and daemon_start are
 * done. */
int session_run(const struct options *opt, struct daemon *d);

/* What a mount that ends leaves behind, in words: queued operations, and stuck
 * ones (conflicts, refused or unfinished saves). Not both are 0. */
void session_left_words(char *ret, size_t ret_n, unsigned queued,
			unsigned stuck);

#endif
