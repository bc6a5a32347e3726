/* Attributes: getattr, setattr, statfs, access. */
#include "ops.h"

#include <string.h>
#include <unistd.h>

#include "attr.h"
#include "closewatch.h"
#include "notifier.h"
#include "orphan.h"
#include "side/side.h"

#define STATFS_BLOCKS (UINT64_C(1) << 28) /* 1 TiB; nobody knows the truth */
#define STATFS_FILES (UINT64_C(1) << 32)

static int get_attr(struct atfs *fs, fuse_ino_t ino, struct stat *st,
		    double *timeout, struct cache_waiter *w)
{
	struct inode_view v;
	int r = inode_get(fs->inodes, ino, &v);

	return r < 0 ? r : attr_get(fs, &v, st, timeout, w);
}

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct cache_waiter *w = op_is_local(req) ? CACHE_LOCAL : NULL;
	struct atfs *fs = atfs_of(req);
	struct stat st;
	double timeout;
	int r;

	(void)fi;
	tree_read_lock(fs);
	r = get_attr(fs, ino, &st, &timeout, w);
	tree_unlock(fs);
	if (r < 0)
		op_reply(req, r);
	else
		(void)fuse_reply_attr(req, &st, timeout);
}

/* chown to what it is already is fine, everything else is not. */
static int check_owner(const struct atfs *fs, const struct stat *attr,
		       int to_set)
{
	if ((to_set & FUSE_SET_ATTR_UID) && attr->st_uid != fs->uid)
		return -EPERM;
	if ((to_set & FUSE_SET_ATTR_GID) && attr->st_gid != fs->gid)
		return -EPERM;
	return 0;
}

static int64_t ms_of_time(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Modes are what the server allows: chmod succeeds and changes nothing. */
static int set_record(struct atfs *fs, struct rec_key key,
		      const struct stat *attr, int to_set)
{
	if (to_set & FUSE_SET_ATTR_SIZE) {
		op_note_change(fs, key);
		return cache_truncate(fs->cache, key, (uint64_t)attr->st_size);
	}
	if (to_set & FUSE_SET_ATTR_MTIME_NOW)
		return cache_set_mtime(fs->cache, key,
				       clock_wall_ms(&system_clock));
	if (to_set & FUSE_SET_ATTR_MTIME)
		return cache_set_mtime(fs->cache, key,
				       ms_of_time(attr->st_mtim));
	return 0;
}

static void pick_time(struct timespec *t, int to_set, int set, int now,
		      struct timespec value)
{
	*t = (struct timespec){ .tv_nsec = UTIME_OMIT };
	if (to_set & now)
		t->tv_nsec = UTIME_NOW;
	else if (to_set & set)
		*t = value;
}

static int set_scratch(struct atfs *fs, uint64_t nodeid,
		       const struct stat *attr, int to_set)
{
	struct timespec times[2];
	int r = 0;

	if (to_set & FUSE_SET_ATTR_MODE)
		r = scratch_chmod(fs->scratch, nodeid, attr->st_mode);
	if (r == 0 && (to_set & FUSE_SET_ATTR_SIZE))
		r = scratch_truncate(fs->scratch, nodeid,
				     (uint64_t)attr->st_size);
	pick_time(&times[0], to_set, FUSE_SET_ATTR_ATIME,
		  FUSE_SET_ATTR_ATIME_NOW, attr->st_atim);
	pick_time(&times[1], to_set, FUSE_SET_ATTR_MTIME,
		  FUSE_SET_ATTR_MTIME_NOW, attr->st_mtim);
	if (r == 0 && (to_set & (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME |
				 FUSE_SET_ATTR_ATIME_NOW |
				 FUSE_SET_ATTR_MTIME_NOW)))
		r = scratch_utimens(fs->scratch, nodeid, times);
	return r;
}

static int set_attr(struct atfs *fs, const struct inode_view *v,
		    const struct stat *attr, int to_set)
{
	bool size = (to_set & FUSE_SET_ATTR_SIZE) != 0;
	int r = check_owner(fs, attr, to_set);

	if (r < 0)
		return r;
	if (fs->opt->read_only && v->key.kind != INODE_SIDE)
		return -EROFS;
	switch (v->key.kind) {
	case INODE_RECORD:
		return set_record(fs, rec_key_of(&v->key), attr, to_set);
	case INODE_SCRATCH:
		return set_scratch(fs, v->nodeid, attr, to_set);
	case INODE_SIDE:
		return size ? side_truncate(&v->key) : 0;
	case INODE_ORPHAN:
		return size ? orphan_truncate(v->data,
					      (uint64_t)attr->st_size) : 0;
	case INODE_ROOT:
	case INODE_BASE:
	case INODE_TABLE:
	case INODE_DEAD:
		break;
	}
	return size ? -EISDIR : 0;
}

void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		struct fuse_file_info *fi)
{
	struct atfs *fs = atfs_of(req);
	struct inode_view v = { .nodeid = 0 };
	struct stat st;
	double timeout;
	bool sized;
	int r;

	(void)fi;
	tree_read_lock(fs);
	r = inode_get(fs->inodes, ino, &v);
	sized = r == 0 && v.key.kind == INODE_RECORD &&
		(to_set & FUSE_SET_ATTR_SIZE);
	if (r == 0)
		r = set_attr(fs, &v, attr, to_set);
	if (r == 0)
		r = attr_get(fs, &v, &st, &timeout, NULL);
	tree_unlock(fs);
	if (sized) {
		/* The kernel drops the pages itself when this succeeds. */
		inode_flag_clear(fs->inodes, ino, INODE_PUSHED);
		closewatch_want(fs->closewatch, v.key.a);
	}
	if (r < 0)
		op_reply(req, r);
	else
		(void)fuse_reply_attr(req, &st, timeout);
	if (sized && r < 0)
		notifier_inval_inode(fs->notifier, ino);
}

void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct atfs *fs = atfs_of(req);
	size_t held = inode_count(fs->inodes);
	struct statvfs s = {
		.f_bsize = 4096,
		.f_frsize = 4096,
		.f_blocks = STATFS_BLOCKS,
		.f_bfree = STATFS_BLOCKS,
		.f_bavail = STATFS_BLOCKS,
		.f_files = STATFS_FILES,
		.f_ffree = STATFS_FILES - held,
		.f_favail = STATFS_FILES - held,
		.f_namemax = NAME_BYTES_MAX,
	};

	(void)ino;
	(void)fuse_reply_statfs(req, &s);
}

/* Asked only without default_permissions. The mount belongs to one user; what
 * matters is what the server lets that user do. */
void op_access(fuse_req_t req, fuse_ino_t ino, int mask)
{
	struct atfs *fs = atfs_of(req);
	struct stat st;
	double timeout;
	int r;

	tree_read_lock(fs);
	r = get_attr(fs, ino, &st, &timeout, NULL);
	tree_unlock(fs);
	if (r == 0 && (mask & W_OK) && (st.st_mode & S_IWUSR) == 0)
		r = fs->opt->read_only ? -EROFS : -EACCES;
	if (r == 0 && (mask & X_OK) && (st.st_mode & S_IXUSR) == 0)
		r = -EACCES;
	if (r == 0 && (mask & R_OK) && (st.st_mode & S_IRUSR) == 0)
		r = -EACCES;
	op_reply(req, r);
}
