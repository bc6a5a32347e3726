/* stale - is a directory fit to be mounted on? A mount of ours whose daemon
 * died is taken off first.
 * Owns:    nothing. Threads: one, before the mount.
 * Errors:  -errno, and one line for a person in say. */
#ifndef ATFS_STALE_H
#define ATFS_STALE_H

#include <stdbool.h>
#include <stddef.h>

#include "options.h"

/* True if the mount at path has nobody behind it any more. Asks with statfs,
 * which the kernel never answers from its caches. */
bool stale_is_dead(const char *path);

/* Resolves o->mountpoint and clears the way for a mount there. */
int stale_prepare(struct options *o, char *say, size_t say_n);

#endif
