/* sqlite_sums - a layer under SQLite that keeps a sum in each page of a file, so
 * that damage of any kind is an error and never other content.
 *
 * The last 8 bytes of a page hold a sum of the rest and of its place. It is
 * written with every page that goes into the file, which in WAL mode is when
 * the -wal is folded into it; a -wal has sums of its own, which SQLite proves
 * when it finds one. A page whose sum is wrong fails with SQLITE_IOERR_DATA.
 * Notices accidents, proves nothing against malice.
 *
 * Units:   bytes. A file must be made through this layer and have pages of
 *          SUMS_PAGE bytes, SUMS_RESERVED of them kept free.
 * Threads: any; the layer has no state of its own.
 * Errors:  NULL if it cannot be registered.
 * Source:  sqlite.org/vfs.html, sqlite.org/fileformat2.html (reserved space). */
#ifndef ATFS_SQLITE_SUMS_H
#define ATFS_SQLITE_SUMS_H

#define SUMS_PAGE 4096
#define SUMS_RESERVED 8

/* The layer's name, to be given to sqlite3_open_v2; registers it once. */
const char *sqlite_sums_name(void);

#endif
