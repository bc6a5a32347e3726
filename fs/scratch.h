/* scratch - local files in the tree: editors' swap, backup, lock and temporary
 * files, a .git, whatever is no record. They are never sent.
 *
 * They live as plain files below one directory of the cache, one folder for
 * each directory of the mount: "root", "base-NO", "table-NO", and below those
 * as the user made them. A file that loses its name while the kernel still
 * holds it moves to ".orphans/NODEID" until it is forgotten; what a crash left
 * there is removed at start.
 *
 * Modes: the daemon must be able to open every file, whatever mode the user
 * gave it, so files are kept with their owner's read and write bits on (and
 * search for directories). A local sticky bit stands for "the owner may not
 * write"; setuid, setgid and sticky themselves are not kept.
 *
 * Owns:    a descriptor of that directory. Borrows the inode table.
 * Threads: any. Callers hold the tree lock (atfs_int.h): shared for calls
 *          that leave names alone, exclusive for unlink, rmdir, rename, stage.
 * Errors:  -errno of the local file system. Paths never follow links. */
#ifndef ATFS_SCRATCH_H
#define ATFS_SCRATCH_H

#include <stdint.h>
#include <sys/stat.h>

#include "inode.h"

struct scratch;

int scratch_new(const char *dir, struct inode_tab *inodes,
		struct scratch **ret);
void scratch_free(struct scratch *s);

/* ret is as the user shall see it; ret->st_ino is still the local number. */
int scratch_lookup(struct scratch *s, uint64_t parent, const char *name,
		   struct stat *ret);
int scratch_stat(struct scratch *s, uint64_t nodeid, struct stat *ret);
/* One more lookup of the file that st describes, now at (parent, name). */
int scratch_hold(struct scratch *s, uint64_t parent, const char *name,
		 const struct stat *st, uint64_t *ret_nodeid);

/* flags: O_EXCL and O_TRUNC are looked at. */
int scratch_create(struct scratch *s, uint64_t parent, const char *name,
		   mode_t mode, int flags, struct stat *ret);
int scratch_mkdir(struct scratch *s, uint64_t parent, const char *name,
		  mode_t mode, struct stat *ret);
int scratch_symlink(struct scratch *s, const char *target, uint64_t parent,
		    const char *name, struct stat *ret);
/* Regular files, fifos and sockets; -EPERM for devices. */
int scratch_mknod(struct scratch *s, uint64_t parent, const char *name,
		  mode_t mode, struct stat *ret);
int scratch_link(struct scratch *s, uint64_t nodeid, uint64_t parent,
		 const char *name, struct stat *ret);
/* Caller frees. */
int scratch_readlink(struct scratch *s, uint64_t nodeid, char **ret);

/* A descriptor of a regular file, O_RDONLY or O_RDWR; the caller closes. */
int scratch_open(struct scratch *s, uint64_t nodeid, int flags);
/* The names on the way to path (of inode_path) survive loss of power, and those
 * in it if it is a directory. No lock is needed. */
int scratch_sync_names(struct scratch *s, const char *path);
int scratch_chmod(struct scratch *s, uint64_t nodeid, mode_t mode);
int scratch_truncate(struct scratch *s, uint64_t nodeid, uint64_t size);
/* As utimensat. */
int scratch_utimens(struct scratch *s, uint64_t nodeid,
		    const struct timespec times[2]);

int scratch_unlink(struct scratch *s, uint64_t parent, const char *name);
int scratch_rmdir(struct scratch *s, uint64_t parent, const char *name);
int scratch_rename(struct scratch *s, uint64_t from_dir, const char *from,
		   uint64_t to_dir, const char *to);
/* A new file in two steps: stage writes the bytes aside (what was staged
 * before is dropped), unstage gives it the name, over whatever file had it.
 * check_over: would that be possible? */
int scratch_stage(struct scratch *s, const char *bytes, size_t n,
		  int64_t mtime_ms);
int scratch_check_over(struct scratch *s, uint64_t parent, const char *name);
int scratch_unstage(struct scratch *s, uint64_t parent, const char *name,
		    struct stat *ret);
/* The whole content of a regular file; -EFBIG beyond max, -EPERM if it is no
 * regular file. Caller frees. */
int scratch_read_all(struct scratch *s, uint64_t parent, const char *name,
		     size_t max, char **ret, size_t *ret_n);

/* An inode is gone: its file at the orphanage goes too. Takes no lock. */
void scratch_drop_orphan(struct scratch *s, uint64_t nodeid);

/* Listing. Order and offset are a hash of the name, so an offset stays valid
 * while names come and go. */
#define SCRATCH_OFFSET (INT64_C(1) << 62)

struct scratch_name {
	int64_t offset;       /* of this entry; SCRATCH_OFFSET or more */
	char *name;
};
/* All names of a directory, in order. *ret_n = 0 if it has none; an array
 * that scratch_names_free frees. */
int scratch_list(struct scratch *s, uint64_t dir, struct scratch_name **ret,
		 size_t *ret_n);
void scratch_names_free(struct scratch_name *names, size_t n);
/* When a local name last came or went in a root, base or table; 0 if there
 * never was one. */
struct timespec scratch_dir_mtime(struct scratch *s,
				  const struct inode_key *dir);

#endif
