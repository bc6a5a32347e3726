/* inode - the table of everything the kernel holds a number for.
 *
 * Three kinds of number, never mixed: a nodeid is what FUSE calls an inode, is
 * given once and never reused while mounted; a key says which thing it stands
 * for; st_ino is what stat shows and is not known here.
 *
 * One thing has at most one inode, and an inode stands for one thing at a
 * time; it may come to stand for another (a record renamed to a backup name
 * becomes a scratch file, see ops_name.c).
 *
 *   kind      key.a      key.b                place (parent, name)
 *   ROOT      0          0                    none
 *   BASE      base no    0                    where it was last looked up
 *   TABLE     table no   0                    where it was last looked up
 *   RECORD    table no   seq                  none
 *   SCRATCH   0          local file's st_ino  a path that leads to the file
 *   SIDE      base/table def << 32 | seq      none
 *   ORPHAN    0          nodeid               none; data: its bytes
 *   DEAD      0          nodeid               none; a directory that is gone
 *
 * Units:   counts. About 110 bytes for a record, hash and heap included.
 * Owns:    inodes and their places. data belongs to the inode once set and is
 *          given to the drop function at the end.
 * Threads: any; one mutex inside, a leaf in the lock order. A view is a copy.
 *          data stays valid while the kernel holds the inode, which it does
 *          for as long as a request about it is unanswered.
 * Errors:  -ENOMEM; -ESTALE for a nodeid that is not there. */
#ifndef ATFS_INODE_H
#define ATFS_INODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum inode_kind {
	INODE_ROOT,
	INODE_BASE,
	INODE_TABLE,
	INODE_RECORD,
	INODE_SCRATCH,
	INODE_SIDE,
	INODE_ORPHAN,
	INODE_DEAD,
};

struct inode_key {
	enum inode_kind kind;
	uint32_t a;
	uint64_t b;
};

struct inode_view {
	uint64_t nodeid;
	struct inode_key key;
	void *data;
};

enum inode_flags {
	INODE_INVAL_QUEUED = 1u << 0, /* waits in the notifier's queue */
	INODE_PUSHED = 1u << 1,       /* its bytes were pushed, see push.h */
	INODE_WAS_READ = 1u << 2,     /* the kernel read it by itself */
};

/* The parent of orphaned scratch files; no inode has it. */
#define INODE_ORPHANAGE 0

struct inode_tab;

/* Called without the lock when an inode is gone for good. at_orphanage: its
 * scratch file waits there to be removed. */
typedef void inode_drop_fn(void *ctx, const struct inode_view *v,
			   bool at_orphanage);

/* The root inode (nodeid 1) is there from the start and for ever. */
int inode_tab_new(inode_drop_fn *drop, void *ctx, struct inode_tab **ret);
void inode_tab_free(struct inode_tab *t);

/* Finds or makes the inode of key and adds one lookup. With parent and name
 * (SCRATCH, BASE, TABLE) also sets its place. ret_new (may be NULL): the
 * kernel did not hold it before. */
int inode_hold(struct inode_tab *t, const struct inode_key *key,
	       uint64_t *ret_nodeid, bool *ret_new);
int inode_hold_at(struct inode_tab *t, const struct inode_key *key,
		  uint64_t parent, const char *name, uint64_t *ret_nodeid);
void inode_forget(struct inode_tab *t, uint64_t nodeid, uint64_t lookups);

int inode_get(struct inode_tab *t, uint64_t nodeid, struct inode_view *ret);
/* True if the kernel holds an inode for key. */
bool inode_find(struct inode_tab *t, const struct inode_key *key,
		uint64_t *ret_nodeid);
/* Gives the inode another thing to stand for; its place is forgotten.
 * -EEXIST if that thing has an inode. data may be NULL; it is the caller's
 * again on failure. */
int inode_rekey(struct inode_tab *t, uint64_t nodeid,
		const struct inode_key *key, void *data);
/* Sets data if it has none; returns what it has then. */
void *inode_set_data(struct inode_tab *t, uint64_t nodeid, void *data);

int inode_set_place(struct inode_tab *t, uint64_t nodeid, uint64_t parent,
		    const char *name);
bool inode_is_at(struct inode_tab *t, uint64_t nodeid, uint64_t parent,
		 const char *name);
/* Copies of name and parent of a placed inode; caller frees. */
int inode_get_place(struct inode_tab *t, uint64_t nodeid,
		    uint64_t *ret_parent, char **ret_name);
/* The path below the scratch directory of an inode, or of name in it. Caller
 * frees. -ESTALE for what has no path. */
int inode_path(struct inode_tab *t, uint64_t nodeid, const char *name,
	       char **ret);

/* The folder of a root, base or table below the scratch directory. */
#define INODE_STEM_BUF 32
int inode_stem(const struct inode_key *key, char out[static INODE_STEM_BUF]);
/* The root, base or table that a (scratch) directory is in, or is. */
int inode_anchor(struct inode_tab *t, uint64_t nodeid, struct inode_key *ret);

/* Sets or clears flags; returns what was set before, 0 if it is gone. */
unsigned inode_flag_set(struct inode_tab *t, uint64_t nodeid, unsigned flags);
unsigned inode_flag_clear(struct inode_tab *t, uint64_t nodeid,
			  unsigned flags);

/* The nodeids of one kind that the kernel holds, at most max; a: of one table
 * or base only, 0 = of all. */
size_t inode_list(struct inode_tab *t, enum inode_kind kind, uint32_t a,
		  uint64_t *ret, size_t max);
size_t inode_count(struct inode_tab *t);

static inline struct inode_key inode_key_make(enum inode_kind kind, uint32_t a,
					      uint64_t b)
{
	return (struct inode_key){ .kind = kind, .a = a, .b = b };
}

#endif
