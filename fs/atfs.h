/* atfs - one mounted file system: the context that every FUSE callback reaches
 * through its userdata.
 * Owns:    inode table, notifier, close watcher, scratch tree. Borrows options
 *          and cache.
 * Threads: made and freed by main; used by all.
 * Stop order (session.c): the session loop ends (unmounted) -> close watcher
 * stops -> cache_stop drains -> notifier stops -> atfs_free -> cache_free. */
#ifndef ATFS_ATFS_H
#define ATFS_ATFS_H

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#include "cache/cache.h"
#include "options.h"

struct atfs;

extern const struct fuse_lowlevel_ops atfs_ops;

int atfs_new(const struct options *opt, struct atfs **ret);
void atfs_free(struct atfs *fs);
/* What cache tells us; give it to cache_open before cache exists. */
struct cache_events atfs_events(struct atfs *fs);
void atfs_set_cache(struct atfs *fs, struct cache *c);
/* After fuse_session_mount: starts notifier and close watcher. */
int atfs_start(struct atfs *fs, struct fuse_session *se);
/* After the session loop: joins the close watcher; the notifier drops what is
 * queued and takes no more. */
void atfs_stop(struct atfs *fs);

#endif
