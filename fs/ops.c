#include "ops.h"

#include <string.h>

#include "attr.h"
#include "indexer.h"
#include "notifier.h"
#include "side/side.h"
#include "wire.h"

int slot_find(struct atfs *fs, fuse_ino_t dir, const char *name,
	      struct slot *ret)
{
	int r = inode_get(fs->inodes, dir, &ret->dir);

	if (r < 0)
		return r;
	if (strlen(name) > NAME_BYTES_MAX)
		return -ENAMETOOLONG;
	ret->name = name;
	ret->table = 0;
	ret->kind = SLOT_SCRATCH;
	switch (ret->dir.key.kind) {
	case INODE_TABLE:
		if (name_is_record(name)) {
			ret->kind = SLOT_RECORD;
			ret->table = ret->dir.key.a;
			break;
		}
		if (strcmp(name, ATFS_SIDE_NAME) == 0)
			ret->kind = SLOT_SIDE;
		break;
	case INODE_ROOT:
	case INODE_BASE:
		if (strcmp(name, ATFS_SIDE_NAME) == 0)
			ret->kind = SLOT_SIDE;
		break;
	case INODE_SIDE:
		ret->kind = SLOT_SIDE;
		break;
	case INODE_SCRATCH:
		break;
	case INODE_DEAD:
		return -ENOENT;
	case INODE_RECORD:
	case INODE_ORPHAN:
		return -ENOTDIR;
	}
	return 0;
}

bool op_is_local(fuse_req_t req)
{
	return indexers_has(atfs_of(req)->indexers, fuse_req_ctx(req)->pid);
}

int slot_check_writable(struct atfs *fs, const struct slot *s)
{
	struct inode_key anchor;
	struct cache_dir d;
	int r;

	if (s->kind == SLOT_SIDE)
		return -EPERM;
	if (fs->opt->read_only)
		return -EROFS;
	r = inode_anchor(fs->inodes, s->dir.nodeid, &anchor);
	if (r < 0)
		return r;
	if (anchor.kind == INODE_TABLE)
		r = cache_stat_table(fs->cache, anchor.a, &d);
	else if (anchor.kind == INODE_BASE)
		r = cache_stat_base(fs->cache, anchor.a, &d);
	else
		r = cache_stat_root(fs->cache, &d);
	if (r == 0 && !d.writable)
		r = -EACCES;
	return r;
}

bool slot_is_remote_dir(struct atfs *fs, const struct slot *s)
{
	struct cache_dir d;

	if (s->kind != SLOT_SCRATCH || s->name[0] == '.')
		return false;
	if (s->dir.key.kind == INODE_ROOT)
		return cache_lookup_base(fs->cache, s->name, &d,
					 CACHE_LOCAL) == 0;
	if (s->dir.key.kind == INODE_BASE)
		return cache_lookup_table(fs->cache, s->dir.key.a, s->name, &d,
					  CACHE_LOCAL) == 0;
	return false;
}

int entry_of_record(struct atfs *fs, const struct cache_stat *cs,
		    bool is_alias, struct fuse_entry_param *e, bool *ret_new)
{
	struct inode_key key = inode_key_of(cs->key);

	attr_record(fs, cs, &e->attr);
	e->attr_timeout = attr_timeout_s(fs, INODE_RECORD);
	/* A second name of the same record goes with the first one, and is
	 * not told when that happens. */
	e->entry_timeout =
		is_alias ? 0 : attr_entry_timeout_s(fs, INODE_RECORD);
	return inode_hold(fs->inodes, &key, &e->ino, ret_new);
}

int entry_of_dir(struct atfs *fs, uint64_t parent, enum inode_kind kind,
		 const struct cache_dir *d, struct fuse_entry_param *e)
{
	struct inode_key key = inode_key_make(kind, d->no, 0);

	attr_dir(fs, &key, d, &e->attr);
	e->attr_timeout = attr_timeout_s(fs, kind);
	e->entry_timeout = attr_entry_timeout_s(fs, kind);
	return inode_hold_at(fs->inodes, &key, parent, d->name, &e->ino);
}

int entry_of_scratch(struct atfs *fs, uint64_t parent, const char *name,
		     struct stat *st, struct fuse_entry_param *e)
{
	int r = scratch_hold(fs->scratch, parent, name, st, &e->ino);

	attr_scratch(fs, st);
	e->attr = *st;
	e->attr_timeout = attr_timeout_s(fs, INODE_SCRATCH);
	e->entry_timeout = attr_entry_timeout_s(fs, INODE_SCRATCH);
	return r;
}

int entry_of_side(struct atfs *fs, const struct inode_key *key,
		  struct fuse_entry_param *e)
{
	struct inode_view v;
	int r = inode_hold(fs->inodes, key, &e->ino, NULL);

	if (r < 0)
		return r;
	r = inode_get(fs->inodes, e->ino, &v);
	if (r == 0)
		r = side_stat(fs, &v, true, &e->attr);
	e->attr_timeout = attr_timeout_s(fs, INODE_SIDE);
	e->entry_timeout = attr_entry_timeout_s(fs, INODE_SIDE);
	if (r < 0)
		inode_forget(fs->inodes, e->ino, 1);
	return r;
}

void op_reply(fuse_req_t req, int r)
{
	lock_assert_none();
	(void)fuse_reply_err(req, r < 0 ? -r : 0);
}

bool op_reply_entry(struct atfs *fs, fuse_req_t req, int r,
		    const struct fuse_entry_param *e)
{
	if (r < 0) {
		op_reply(req, r);
		return false;
	}
	if (fuse_reply_entry(req, e) == 0)
		return true;
	inode_forget(fs->inodes, e->ino, 1);
	return false;
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	struct atfs *fs = userdata;
	const unsigned off = FUSE_CAP_ATOMIC_O_TRUNC |
			     FUSE_CAP_WRITEBACK_CACHE |
			     FUSE_CAP_READDIRPLUS_AUTO |
			     FUSE_CAP_NO_OPENDIR_SUPPORT | /* ops_dir.c */
			     FUSE_CAP_EXPLICIT_INVAL_DATA;
	const unsigned on = FUSE_CAP_READDIRPLUS | FUSE_CAP_NO_OPEN_SUPPORT |
			    FUSE_CAP_PARALLEL_DIROPS |
			    FUSE_CAP_AUTO_INVAL_DATA |
			    FUSE_CAP_CACHE_SYMLINKS | FUSE_CAP_ASYNC_READ |
			    FUSE_CAP_EXPIRE_ONLY;

	conn->want &= ~off;
	conn->want |= on & conn->capable;
	if (conn->want & FUSE_CAP_PARALLEL_DIROPS)
		wire_want_parallel();
	/* A kernel that cannot do without open gets answers to it. */
	fs->answers_open = fs->opt->close_sync ||
			   (conn->capable & FUSE_CAP_NO_OPEN_SUPPORT) == 0;
	fs->can_expire = (conn->capable & FUSE_CAP_EXPIRE_ONLY) != 0;
	fs->can_push = (conn->capable & FUSE_CAP_READDIRPLUS) != 0;
}

/* One answer ENOSYS to any of these is remembered for the whole connection:
 * no request per file, at the price of no extended attributes. */
static void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name,
			size_t size)
{
	(void)ino;
	(void)name;
	(void)size;
	op_reply(req, -ENOSYS);
}

static void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name,
			const char *value, size_t size, int flags)
{
	(void)ino;
	(void)name;
	(void)value;
	(void)size;
	(void)flags;
	op_reply(req, -ENOSYS);
}

static void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	(void)ino;
	(void)size;
	op_reply(req, -ENOSYS);
}

static void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	(void)ino;
	(void)name;
	op_reply(req, -ENOSYS);
}

/* Left out, so that libfuse answers ENOSYS and the kernel does it itself or
 * does without: locks, copy_file_range, lseek, poll, ioctl, bmap. */
const struct fuse_lowlevel_ops atfs_ops = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.access = op_access,
	.statfs = op_statfs,
	.readlink = op_readlink,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.unlink = op_unlink,
	.rmdir = op_rmdir,
	.symlink = op_symlink,
	.rename = op_rename,
	.link = op_link,
	.open = op_open,
	.create = op_create,
	.read = op_read,
	.write = op_write,
	.flush = op_flush,
	.fsync = op_fsync,
	.fsyncdir = op_fsyncdir,
	.release = op_release,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.getxattr = op_getxattr,
	.setxattr = op_setxattr,
	.listxattr = op_listxattr,
	.removexattr = op_removexattr,
};
