/* paths - the user's state and cache directories, as the XDG base directory
 * specification says. What is below them belongs to cache/; fs/ wants to know
 * where the log goes and that a mount does not cover them.
 * Owns: nothing. Threads: before the first thread. Errors: NULL with errno. */
#ifndef ATFS_PATHS_H
#define ATFS_PATHS_H

char *paths_state(void); /* .../airtablefs; may not exist. Caller frees */
char *paths_cache(void);
/* Makes it and what is above it, 0700; 0 or -errno. */
int paths_make(const char *dir);

#endif
