/* ops - the handlers of FUSE requests and what they share.
 *
 * Each handler ends in exactly one reply. It may reply later (park.h) only in
 * lookup, readdir, readdirplus and a write to a side room; everything else is
 * answered from the cache or the local disk before it returns. tree is held
 * while things are looked up and changed, never while replying.
 *
 * Threads: FUSE workers; parked ones also the network thread. */
#ifndef ATFS_OPS_H
#define ATFS_OPS_H

#include "atfs_int.h"
#include "park.h"

/* What a name in a directory stands for, whether it exists or not. */
enum slot_kind {
	SLOT_RECORD,  /* NAME.json in a table */
	SLOT_SCRATCH, /* a local file; in root and base perhaps a base/table */
	SLOT_SIDE,    /* .airtable, and all in it */
};

struct slot {
	enum slot_kind kind;
	struct inode_view dir;
	uint32_t table; /* of SLOT_RECORD */
	const char *name;
};

/* -ENOTDIR, -ENAMETOOLONG, -ESTALE, -ENOENT in a directory that is gone. */
int slot_find(struct atfs *fs, fuse_ino_t dir, const char *name,
	      struct slot *ret);
/* Whoever asks is served from the cache alone (indexer.h). FUSE thread only. */
bool op_is_local(fuse_req_t req);
/* 0 if names may come and go there, else -EROFS, -EACCES or -EPERM. */
int slot_check_writable(struct atfs *fs, const struct slot *s);
/* True if a base or table has that name. Does not wait. */
bool slot_is_remote_dir(struct atfs *fs, const struct slot *s);

/* Holds what was found and fills an entry for the kernel. */
int entry_of_record(struct atfs *fs, const struct cache_stat *cs,
		    bool is_alias, struct fuse_entry_param *e, bool *ret_new);
int entry_of_dir(struct atfs *fs, uint64_t parent, enum inode_kind kind,
		 const struct cache_dir *d, struct fuse_entry_param *e);
int entry_of_scratch(struct atfs *fs, uint64_t parent, const char *name,
		     struct stat *st, struct fuse_entry_param *e);
int entry_of_side(struct atfs *fs, const struct inode_key *key,
		  struct fuse_entry_param *e);

/* r is 0 or negative. */
void op_reply(fuse_req_t req, int r);
/* Sends e, which is held, or the error; gives the lookup back if the kernel
 * does not want it. False if it does not. */
bool op_reply_entry(struct atfs *fs, fuse_req_t req, int r,
		    const struct fuse_entry_param *e);

static inline struct rec_key rec_key_of(const struct inode_key *k)
{
	return (struct rec_key){ .table = k->a, .seq = (uint32_t)k->b };
}

static inline struct inode_key inode_key_of(struct rec_key k)
{
	return inode_key_make(INODE_RECORD, k.table, k.seq);
}

/* A change of ours to a record begins; before the cache is asked. */
static inline void op_note_change(struct atfs *fs, struct rec_key k)
{
	changes_note(&fs->changes, k.table, k.seq, CHANGE_BYTES);
}

/* ops_dir.c */
void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup);
void op_forget_multi(fuse_req_t req, size_t n, struct fuse_forget_data *f);
void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name,
	      mode_t mode);
void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
/* ops_list.c */
void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		struct fuse_file_info *fi);
void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi);
/* ops_attr.c */
void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		struct fuse_file_info *fi);
void op_statfs(fuse_req_t req, fuse_ino_t ino);
void op_access(fuse_req_t req, fuse_ino_t ino, int mask);
/* ops_file.c */
void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
	     struct fuse_file_info *fi);
void op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size,
	      off_t off, struct fuse_file_info *fi);
void op_create(fuse_req_t req, fuse_ino_t parent, const char *name,
	       mode_t mode, struct fuse_file_info *fi);
void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync,
		 struct fuse_file_info *fi);
void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync,
	      struct fuse_file_info *fi);
void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
/* ops_name.c */
void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent,
		const char *name);
void op_readlink(fuse_req_t req, fuse_ino_t ino);
void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	      dev_t dev);
void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent,
	     const char *name);
/* ops_rename.c */
void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name,
	       fuse_ino_t newparent, const char *newname, unsigned flags);
/* A record's inode loses its record, which is gone by that name: it goes on as
 * an orphan with these bytes (taken). Caller holds tree exclusive. */
struct op_farewell {
	uint64_t nodeid; /* 0 = the kernel does not hold it */
	char *bytes;
	size_t n;
	struct stat st;
};
void op_farewell_take(struct atfs *fs, struct rec_key key,
		      struct op_farewell *ret);
void op_farewell_apply(struct atfs *fs, struct op_farewell *f);
void op_farewell_release(struct op_farewell *f);

#endif
