#include "atfs.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "atfs_int.h"
#include "closewatch.h"
#include "indexer.h"
#include "mounts.h"
#include "notifier.h"
#include "orphan.h"
#include "park.h"
#include "side/side.h"

#define DIRS_TOLD_MAX 5000 /* bases or tables that are held at once */

static void drop_inode(void *ctx, const struct inode_view *v,
		       bool at_orphanage)
{
	struct atfs *fs = ctx;

	if (at_orphanage && fs->scratch != NULL)
		scratch_drop_orphan(fs->scratch, v->nodeid);
	if (v->key.kind == INODE_ORPHAN)
		orphan_free(v->data);
	else if (v->key.kind == INODE_SIDE)
		side_drop(v->data);
}

static void init_tree_lock(pthread_rwlock_t *lock)
{
	pthread_rwlockattr_t a;

	pthread_rwlockattr_init(&a);
	/* A walk by many readers must not keep a rename out for ever. */
	pthread_rwlockattr_setkind_np(
		&a, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(lock, &a);
	pthread_rwlockattr_destroy(&a);
}

int atfs_new(const struct options *opt, struct atfs **ret)
{
	struct atfs *fs = calloc(1, sizeof(*fs));
	int r;

	if (fs == NULL)
		return -ENOMEM;
	fs->opt = opt;
	fs->uid = getuid();
	fs->gid = getgid();
	fs->start_ms = clock_wall_ms(&system_clock);
	changes_init(&fs->changes);
	init_tree_lock(&fs->tree);
	pthread_mutex_init(&fs->side_mu, NULL);
	r = inode_tab_new(drop_inode, fs, &fs->inodes);
	if (r == 0)
		r = notifier_new(fs, &fs->notifier);
	if (r == 0)
		r = park_new(fs, &fs->park);
	if (r == 0)
		r = closewatch_new(fs, &fs->closewatch);
	if (r == 0)
		r = indexers_new(opt->no_fetch_for, &fs->indexers);
	if (r < 0) {
		atfs_free(fs);
		return r;
	}
	*ret = fs;
	return 0;
}

void atfs_free(struct atfs *fs)
{
	if (fs == NULL)
		return;
	closewatch_free(fs->closewatch);
	notifier_free(fs->notifier);
	park_free(fs->park);
	indexers_free(fs->indexers);
	inode_tab_free(fs->inodes);
	scratch_free(fs->scratch);
	changes_release(&fs->changes);
	pthread_rwlock_destroy(&fs->tree);
	pthread_mutex_destroy(&fs->side_mu);
	free(fs);
}

/* ---- events: any thread, perhaps with tree held; they only note and queue */

static void on_record_changed(void *ctx, struct rec_key key)
{
	struct atfs *fs = ctx;
	struct inode_key k = inode_key_make(INODE_RECORD, key.table, key.seq);
	uint64_t nodeid;

	changes_note(&fs->changes, key.table, key.seq, CHANGE_BYTES);
	if (inode_find(fs->inodes, &k, &nodeid))
		notifier_inval_inode(fs->notifier, nodeid);
}

static void on_name_new(void *ctx, uint32_t table, const char *name)
{
	struct atfs *fs = ctx;
	struct inode_key k = inode_key_make(INODE_TABLE, table, 0);
	uint64_t dir;

	changes_note(&fs->changes, table, 0, CHANGE_NEW);
	if (!inode_find(fs->inodes, &k, &dir))
		return;
	notifier_inval_inode(fs->notifier, dir);
	if (changes_is_missing(&fs->changes, table, name))
		notifier_inval_entry(fs->notifier, dir, name);
}

static void on_name_gone(void *ctx, uint32_t table, const char *name,
			 struct rec_key key)
{
	struct atfs *fs = ctx;
	struct inode_key k = inode_key_make(INODE_TABLE, table, 0);
	uint64_t dir, nodeid;

	changes_note(&fs->changes, key.table, key.seq, CHANGE_NAME);
	if (!inode_find(fs->inodes, &k, &dir))
		return;
	notifier_inval_inode(fs->notifier, dir);
	k = inode_key_make(INODE_RECORD, key.table, key.seq);
	if (inode_find(fs->inodes, &k, &nodeid))
		notifier_delete(fs->notifier, dir, nodeid, name);
}

/* The directories of one kind below parent may have other names or modes. */
static void tell_dirs(struct atfs *fs, enum inode_kind kind, uint64_t parent)
{
	uint64_t *ids = calloc(DIRS_TOLD_MAX, sizeof(*ids)), dir;
	size_t n = 0;
	char *name;

	if (ids != NULL)
		n = inode_list(fs->inodes, kind, 0, ids, DIRS_TOLD_MAX);
	for (size_t i = 0; i < n; i++) {
		if (inode_get_place(fs->inodes, ids[i], &dir, &name) < 0)
			continue;
		if (dir == parent) {
			notifier_inval_inode(fs->notifier, ids[i]);
			notifier_expire_entry(fs->notifier, dir, name);
		}
		free(name);
	}
	free(ids);
}

static void on_dir_changed(void *ctx, uint32_t base)
{
	struct atfs *fs = ctx;
	struct inode_key k = inode_key_make(INODE_BASE, base, 0);
	uint64_t nodeid = FUSE_ROOT_ID;

	if (base != 0 && !inode_find(fs->inodes, &k, &nodeid))
		return;
	notifier_inval_inode(fs->notifier, nodeid);
	tell_dirs(fs, base == 0 ? INODE_BASE : INODE_TABLE, nodeid);
}

static void on_modes_changed(void *ctx, uint32_t table)
{
	struct atfs *fs = ctx;
	struct inode_key k = inode_key_make(INODE_TABLE, table, 0);
	size_t max = inode_count(fs->inodes), n = 0;
	uint64_t *ids = calloc(max, sizeof(*ids)), dir;

	if (inode_find(fs->inodes, &k, &dir))
		notifier_inval_inode(fs->notifier, dir);
	if (ids != NULL)
		n = inode_list(fs->inodes, INODE_RECORD, table, ids, max);
	for (size_t i = 0; i < n; i++)
		notifier_inval_inode(fs->notifier, ids[i]);
	free(ids);
}

struct cache_events atfs_events(struct atfs *fs)
{
	return (struct cache_events){
		.ctx = fs,
		.record_changed = on_record_changed,
		.name_new = on_name_new,
		.name_gone = on_name_gone,
		.dir_changed = on_dir_changed,
		.modes_changed = on_modes_changed,
	};
}

void atfs_set_cache(struct atfs *fs, struct cache *c)
{
	fs->cache = c;
}

/* ---- start and stop ---- */

/* The number under which fusectl knows this connection; 0 = not found. */
static void find_connection(struct atfs *fs)
{
	const struct mount_entry *m;
	struct mount_list list;

	if (mounts_read(&list) < 0)
		return;
	m = mounts_at(&list, fs->opt->mountpoint);
	if (m != NULL)
		fs->connection = minor(m->dev);
	mounts_release(&list);
}

int atfs_start(struct atfs *fs, struct fuse_session *se)
{
	int r;

	fs->session = se;
	find_connection(fs);
	r = scratch_new(cache_scratch_dir(fs->cache), fs->inodes,
			&fs->scratch);
	if (r == 0)
		r = notifier_start(fs->notifier);
	if (r == 0)
		r = closewatch_start(fs->closewatch);
	return r;
}

/* A notification may wait for a directory that a process holds whose request
 * nobody will answer any more. Ending the connection frees both. */
static void abort_connection(const struct atfs *fs)
{
	char path[64];
	int fd;

	if (fs->connection == 0)
		return;
	snprintf(path, sizeof(path), "/sys/fs/fuse/connections/%u/abort",
		 fs->connection);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "1", 1) < 0)
		log_debug("cannot abort the connection: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
}

void atfs_stop(struct atfs *fs)
{
	park_stop(fs->park);
	if (!notifier_quiesce(fs->notifier))
		abort_connection(fs);
	closewatch_stop(fs->closewatch);
	notifier_stop(fs->notifier);
}
