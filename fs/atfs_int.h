/* atfs_int - the insides of struct atfs, for the files of fs/ that serve
 * requests.
 *
 * Lock order: tree > the cache's own > inode table, changes, notifier, park,
 * close watcher (all leaves, never two at once). With any of them held nothing
 * is replied, notified or awaited.
 *
 * tree is the lock of what names and kinds mean: held shared by whoever acts
 * on what an inode stands for (a write must not land in a file that was just
 * renamed over a record), exclusive by unlink, rmdir and rename. It does not
 * cover the network: what may park holds no lock while it waits. Events from
 * the cache come with it held, if a call of ours caused them, and never take
 * it. */
#ifndef ATFS_ATFS_INT_H
#define ATFS_ATFS_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "atfs.h"
#include "changes.h"
#include "inode.h"
#include "scratch.h"

#define ATFS_FOREVER_S (86400.0 * 365) /* entries and contents that we keep
					  right by notification */
#define ATFS_SIDE_NAME ".airtable"

struct notifier;
struct park;
struct closewatch;
struct indexers;

struct atfs {
	const struct options *opt;
	struct cache *cache;
	struct fuse_session *session;
	struct inode_tab *inodes;
	struct scratch *scratch;
	struct notifier *notifier;
	struct park *park;
	struct closewatch *closewatch;
	struct indexers *indexers;
	struct changes changes;
	pthread_rwlock_t tree;
	pthread_mutex_t side_mu; /* texts of the side rooms, see side.c */
	uid_t uid;
	gid_t gid;
	int64_t start_ms;      /* mtime of what has no other */
	unsigned connection;   /* its number in fusectl; 0 = unknown */
	/* set in init, constant afterwards */
	bool answers_open;     /* open, release and perhaps flush are kept */
	bool can_expire;       /* FUSE_CAP_EXPIRE_ONLY */
	bool can_push;
};

static inline struct atfs *atfs_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static inline void tree_read_lock(struct atfs *fs)
{
	lock_note_taken(LOCK_TREE);
	pthread_rwlock_rdlock(&fs->tree);
}

static inline void tree_write_lock(struct atfs *fs)
{
	lock_note_taken(LOCK_TREE);
	pthread_rwlock_wrlock(&fs->tree);
}

static inline void tree_unlock(struct atfs *fs)
{
	pthread_rwlock_unlock(&fs->tree);
	lock_note_dropped(LOCK_TREE);
}

#endif
