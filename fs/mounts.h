/* mounts - which airtablefs mounts this machine (this mount namespace) has, and
 * taking one off.
 * Owns:    a list's strings (mounts_release). Threads: any.
 * Errors:  0 or -errno.
 * Source:  /proc/self/mountinfo as proc(5) describes it. */
#ifndef ATFS_MOUNTS_H
#define ATFS_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

struct mount_entry {
	char *path, *type, *source; /* unescaped */
	dev_t dev;
};
struct mount_list {
	struct mount_entry *v; /* in the order they were made */
	size_t n;
};

int mounts_read(struct mount_list *ret);
int mounts_read_file(FILE *f, struct mount_list *ret);
void mounts_release(struct mount_list *l);

/* Ours, dead or alive. */
bool mount_is_ours(const struct mount_entry *m);
/* What is mounted exactly there, topmost; NULL. Borrowed. */
const struct mount_entry *mounts_at(const struct mount_list *l,
				    const char *path);
/* The mount that path (absolute, without links) lies in; NULL. Borrowed. */
const struct mount_entry *mounts_holding(const struct mount_list *l,
					 const char *path);
/* True if path is dir or below it. Both absolute. */
bool path_is_below(const char *path, const char *dir);

/* The path with links resolved; the last component of a dead mount cannot be
 * asked, so then the directory above it is resolved. NULL with errno. */
char *mounts_resolve(const char *path);

/* Takes off the topmost mount at path. lazy: also when it is busy, or dead.
 * -EBUSY, -EINVAL (nothing is mounted there), -EPERM, ...; say (may be NULL)
 * gets one line of the helper's own words. */
int mounts_take_off(const char *path, bool lazy, char *say, size_t say_n);

#endif
