/* orphan - the content of a record file that has lost its name while the
 * kernel still holds it: descriptors that are open go on reading and writing
 * bytes that nobody will ever see again.
 * Units:   bytes. Owns: the bytes, all orphans together at most
 *          ORPHANS_BYTES_MAX; beyond that an orphan is empty.
 * Threads: any; one mutex for all inside, a leaf.
 * Errors:  -ENOMEM, -EFBIG beyond the size of a record file. */
#ifndef ATFS_ORPHAN_H
#define ATFS_ORPHAN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define ORPHANS_BYTES_MAX (256u << 20)

struct orphan;

/* Takes bytes (NULL: empty), also on failure. st: what stat showed. NULL
 * without memory. */
struct orphan *orphan_new(char *bytes, size_t n, const struct stat *st);
void orphan_free(struct orphan *o);
void orphan_stat(struct orphan *o, struct stat *ret);
/* Copies; returns how many bytes. */
size_t orphan_read(struct orphan *o, char *buf, size_t n, uint64_t off);
int orphan_write(struct orphan *o, const char *buf, size_t n, uint64_t off);
int orphan_truncate(struct orphan *o, uint64_t size);

#endif
