/* attr - what stat shows of each kind of thing, and for how long the kernel
 * may believe it.
 * Units:   st_size bytes, st_blocks 512 bytes, timeouts seconds.
 * Owns:    nothing. Threads: any; the caller holds tree shared.
 * Errors:  -errno of the cache or the local file system; -ESTALE. */
#ifndef ATFS_ATTR_H
#define ATFS_ATTR_H

#include "atfs_int.h"

/* key: BASE or TABLE (or ROOT). */
void attr_dir(struct atfs *fs, const struct inode_key *key,
	      const struct cache_dir *d, struct stat *ret);
void attr_record(struct atfs *fs, const struct cache_stat *cs,
		 struct stat *ret);
/* st: as scratch_stat gave it. */
void attr_scratch(struct atfs *fs, struct stat *st);
/* Anything; ret_timeout_s may not be NULL; w as for cache_stat_record. */
int attr_get(struct atfs *fs, const struct inode_view *v, struct stat *ret,
	     double *ret_timeout_s, struct cache_waiter *w);
double attr_timeout_s(const struct atfs *fs, enum inode_kind kind);
/* How long a name of such a thing is believed. */
double attr_entry_timeout_s(const struct atfs *fs, enum inode_kind kind);

struct timespec attr_time_of_ms(int64_t ms);

#endif
