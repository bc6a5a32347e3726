/* indexer - programs that walk everything without anybody waiting for it; they
 * are served from the cache alone (-o no_fetch_for=).
 * Known by name: the command name that the kernel keeps (/proc/PID/comm, cut to
 * 15 bytes) of the asking thread or of its process.
 * Owns:    a copy of the list; and who asked last, each believed for a second:
 *          looking a process up costs as much as a small request.
 * Threads: any. Errors: who cannot be looked up is no indexer. */
#ifndef ATFS_INDEXER_H
#define ATFS_INDEXER_H

#include <stdbool.h>
#include <sys/types.h>

#define INDEXER_DEFAULT \
	"updatedb:updatedb.plocate:updatedb.mlocate:mlocate:locate:" \
	"tracker-miner-fs:tracker-miner-fs-3:tracker-extract:" \
	"tracker-extract-3:localsearch:localsearch-3:localsearch-extractor-3:" \
	"baloo_file:baloo_file_extractor:recollindex:tumblerd:" \
	"ffmpegthumbnailer:gdk-pixbuf-thumbnailer:evince-thumbnailer:" \
	"totem-video-thumbnailer:glycin-thumbnailer"

struct indexers;

/* names: NAME[:NAME...], NULL = INDEXER_DEFAULT, "" = none. -ENOMEM. */
int indexers_new(const char *names, struct indexers **ret);
void indexers_free(struct indexers *x); /* NULL is fine */
/* pid: as FUSE tells it (a thread's); 0 = nobody that can be seen. */
bool indexers_has(struct indexers *x, pid_t pid);
/* Is a process of this command name one. */
bool indexers_has_name(const struct indexers *x, const char *comm);

#endif
