#include "attr.h"

#include <string.h>

#include "orphan.h"
#include "side/side.h"

#define BLOCK_BYTES 4096
/* Local numbers and remote ones must not meet. */
#define SCRATCH_INO_BIT (UINT64_C(1) << 62)

struct timespec attr_time_of_ms(int64_t ms)
{
	struct timespec t = { .tv_sec = ms / 1000,
			      .tv_nsec = ms % 1000 * 1000000 };

	if (t.tv_nsec < 0) {
		t.tv_sec--;
		t.tv_nsec += 1000000000;
	}
	return t;
}

static void set_common(const struct atfs *fs, struct stat *st)
{
	st->st_uid = fs->uid;
	st->st_gid = fs->gid;
	st->st_blksize = BLOCK_BYTES;
	st->st_blocks = (st->st_size + 511) / 512;
}

static bool is_later(struct timespec a, struct timespec b)
{
	return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec :
				      a.tv_nsec > b.tv_nsec;
}

void attr_dir(struct atfs *fs, const struct inode_key *key,
	      const struct cache_dir *d, struct stat *ret)
{
	struct timespec local = scratch_dir_mtime(fs->scratch, key);
	bool writable = d->writable && !fs->opt->read_only;

	memset(ret, 0, sizeof(*ret));
	ret->st_ino = d->ino;
	ret->st_mode = S_IFDIR | (writable ? 0755 : 0555);
	ret->st_nlink = 2 + d->subdirs;
	ret->st_size = BLOCK_BYTES;
	ret->st_mtim = attr_time_of_ms(d->mtime_ms);
	/* Names of both sorts are in one listing. */
	if (is_later(local, ret->st_mtim))
		ret->st_mtim = local;
	ret->st_atim = ret->st_ctim = ret->st_mtim;
	set_common(fs, ret);
}

void attr_record(struct atfs *fs, const struct cache_stat *cs,
		 struct stat *ret)
{
	bool writable = cs->writable && !fs->opt->read_only;

	memset(ret, 0, sizeof(*ret));
	ret->st_ino = cs->ino;
	ret->st_mode = S_IFREG | (writable ? 0644 : 0444);
	ret->st_nlink = 1;
	ret->st_size = (off_t)cs->size;
	ret->st_mtim = attr_time_of_ms(cs->mtime_ms);
	ret->st_atim = ret->st_mtim;
	ret->st_ctim = attr_time_of_ms(cs->ctime_ms);
	set_common(fs, ret);
}

void attr_scratch(struct atfs *fs, struct stat *st)
{
	st->st_ino |= SCRATCH_INO_BIT;
	st->st_uid = fs->uid;
	st->st_gid = fs->gid;
	st->st_blksize = BLOCK_BYTES;
}

static int get_dir(struct atfs *fs, const struct inode_key *key,
		   struct stat *ret)
{
	struct cache_dir d;
	int r;

	if (key->kind == INODE_ROOT)
		r = cache_stat_root(fs->cache, &d);
	else if (key->kind == INODE_BASE)
		r = cache_stat_base(fs->cache, key->a, &d);
	else
		r = cache_stat_table(fs->cache, key->a, &d);
	if (r == 0)
		attr_dir(fs, key, &d, ret);
	return r;
}

static void get_dead(struct atfs *fs, const struct inode_view *v,
		     struct stat *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->st_ino = v->nodeid | SCRATCH_INO_BIT;
	ret->st_mode = S_IFDIR | 0755;
	ret->st_mtim = attr_time_of_ms(fs->start_ms);
	ret->st_atim = ret->st_ctim = ret->st_mtim;
	set_common(fs, ret);
}

int attr_get(struct atfs *fs, const struct inode_view *v, struct stat *ret,
	     double *ret_timeout_s, struct cache_waiter *w)
{
	struct cache_stat cs;
	int r = 0;

	*ret_timeout_s = attr_timeout_s(fs, v->key.kind);
	switch (v->key.kind) {
	case INODE_ROOT:
	case INODE_BASE:
	case INODE_TABLE:
		return get_dir(fs, &v->key, ret);
	case INODE_RECORD:
		r = cache_stat_record(fs->cache,
				      (struct rec_key){ v->key.a,
							(uint32_t)v->key.b },
				      &cs, w);
		if (r == 0)
			attr_record(fs, &cs, ret);
		return r;
	case INODE_SCRATCH:
		r = scratch_stat(fs->scratch, v->nodeid, ret);
		if (r == 0)
			attr_scratch(fs, ret);
		return r;
	case INODE_SIDE:
		return side_stat(fs, v, false, ret);
	case INODE_ORPHAN:
		orphan_stat(v->data, ret);
		return 0;
	case INODE_DEAD:
		get_dead(fs, v, ret);
		return 0;
	}
	return -ESTALE;
}

double attr_timeout_s(const struct atfs *fs, enum inode_kind kind)
{
	switch (kind) {
	case INODE_ROOT:
	case INODE_BASE:
	case INODE_TABLE:
	case INODE_RECORD: /* so that a look at it is noticed */
		return fs->opt->ttl_s > 0 ? fs->opt->ttl_s : ATFS_FOREVER_S;
	case INODE_SIDE:
		return 0;
	case INODE_SCRATCH:
	case INODE_ORPHAN:
	case INODE_DEAD:
		break;
	}
	return ATFS_FOREVER_S;
}

double attr_entry_timeout_s(const struct atfs *fs, enum inode_kind kind)
{
	return kind == INODE_RECORD ? ATFS_FOREVER_S : attr_timeout_s(fs, kind);
}
