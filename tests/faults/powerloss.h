/* powerloss - what a disk holds once the power is gone: of each file what it
 * held at its last fsync or fdatasync, of each directory the names that it held
 * at its own. Nothing else is taken for durable, as POSIX has it: a new file
 * that was synced is lost if its directory was not.
 * The shadow of what is durable is itself a directory, kept by the process as
 * it syncs, so it outlives a kill. Two ways in: linked into a test, which calls
 * powerloss_begin(); or preloaded (LD_PRELOAD) into a program with
 * ATFS_POWERLOSS=ROOT:SHADOW in its environment. powerloss-cut does the cut
 * for scripts.
 * Units:   none. Owns: nothing but ROOT's name. Threads: any.
 * Errors:  -errno; -ENOTSUP where files have no birth time, without which a
 *          number that is used again could not be told from the old file. */
#ifndef TESTS_POWERLOSS_H
#define TESTS_POWERLOSS_H

#include <stdint.h>

/* From now on; what is below root now is durable. */
int powerloss_begin(const char *root, const char *shadow);
void powerloss_end(void);
/* Builds the directory `to` as root will be found. seed 0: all that was not
 * synced is gone. Else each page of a file, its length and each directory are as
 * synced or as they were last, by chance: a disk writes when it likes. */
int powerloss_cut(const char *root, const char *shadow, const char *to,
		  uint64_t seed);

#endif
