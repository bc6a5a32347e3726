/* Names that come and go: unlink, symlink, readlink, mknod, link. */
#include "ops.h"

#include <stdlib.h>
#include <string.h>

#include "attr.h"
#include "notifier.h"
#include "orphan.h"
#include "side/side.h"

void op_farewell_take(struct atfs *fs, struct rec_key key,
		      struct op_farewell *ret)
{
	struct inode_key k = inode_key_of(key);
	struct cache_stat cs;

	*ret = (struct op_farewell){ .nodeid = 0 };
	if (!inode_find(fs->inodes, &k, &ret->nodeid))
		return;
	if (cache_stat_record(fs->cache, key, &cs, NULL) == 0)
		attr_record(fs, &cs, &ret->st);
	if (cache_peek_record(fs->cache, key, &ret->bytes, &ret->n) < 0)
		ret->bytes = NULL;
}

void op_farewell_apply(struct atfs *fs, struct op_farewell *f)
{
	struct inode_key k = inode_key_make(INODE_ORPHAN, 0, f->nodeid);
	struct orphan *o;

	if (f->nodeid == 0)
		return;
	o = orphan_new(f->bytes, f->n, &f->st);
	f->bytes = NULL;
	if (o != NULL && inode_rekey(fs->inodes, f->nodeid, &k, o) < 0)
		orphan_free(o);
}

void op_farewell_release(struct op_farewell *f)
{
	free(f->bytes);
	f->bytes = NULL;
}

/* listed: the record's other name, to be invalidated after the reply, or "". */
static int unlink_record(struct atfs *fs, const struct slot *s,
			 char listed[static NAME_BUF])
{
	struct op_farewell bye = { .nodeid = 0 };
	struct cache_stat cs = { .key = { 0, 0 } };
	struct rec_key key = { 0, 0 };
	int r = cache_lookup_record(fs->cache, s->table, s->name, &cs, NULL);

	if (r == 0) {
		op_farewell_take(fs, cs.key, &bye);
		if (cache_record_name(fs->cache, cs.key, listed) < 0 ||
		    strcmp(listed, s->name) == 0)
			listed[0] = '\0';
	}
	r = cache_unlink(fs->cache, s->table, s->name, &key);
	if (r == 0 && key.seq == cs.key.seq)
		op_farewell_apply(fs, &bye);
	op_farewell_release(&bye);
	return r;
}

void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct atfs *fs = atfs_of(req);
	char listed[NAME_BUF] = "";
	struct slot s;
	int r;

	tree_write_lock(fs);
	r = slot_find(fs, parent, name, &s);
	if (r == 0 && s.kind != SLOT_SIDE)
		r = slot_check_writable(fs, &s);
	if (r == 0 && s.kind == SLOT_SIDE)
		r = s.dir.key.kind == INODE_SIDE ?
			    side_unlink(fs, &s.dir.key, name) : -EPERM;
	else if (r == 0 && s.kind == SLOT_RECORD)
		r = unlink_record(fs, &s, listed);
	else if (r == 0 && slot_is_remote_dir(fs, &s))
		r = -EISDIR;
	else if (r == 0)
		r = scratch_unlink(fs->scratch, parent, name);
	tree_unlock(fs);
	op_reply(req, r);
	if (r == 0 && listed[0] != '\0')
		notifier_inval_entry(fs->notifier, parent, listed);
}

/* A place for a new local file or link. */
static int find_new(struct atfs *fs, fuse_ino_t parent, const char *name,
		    struct slot *s)
{
	int r = slot_find(fs, parent, name, s);

	if (r == 0)
		r = slot_check_writable(fs, s);
	if (r == 0 && slot_is_remote_dir(fs, s))
		r = -EEXIST;
	return r;
}

void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent,
		const char *name)
{
	struct atfs *fs = atfs_of(req);
	struct fuse_entry_param e = { .ino = 0 };
	struct stat st;
	struct slot s;
	int r;

	tree_read_lock(fs);
	r = find_new(fs, parent, name, &s);
	if (r == 0 && s.kind == SLOT_RECORD)
		r = -EPERM;
	if (r == 0)
		r = scratch_symlink(fs->scratch, target, parent, name, &st);
	if (r == 0)
		r = entry_of_scratch(fs, parent, name, &st, &e);
	tree_unlock(fs);
	op_reply_entry(fs, req, r, &e);
}

void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct atfs *fs = atfs_of(req);
	char *target = NULL;
	int r;

	tree_read_lock(fs);
	r = scratch_readlink(fs->scratch, ino, &target);
	tree_unlock(fs);
	if (r < 0)
		op_reply(req, r);
	else
		(void)fuse_reply_readlink(req, target);
	free(target);
}

void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	      dev_t dev)
{
	struct atfs *fs = atfs_of(req);
	struct fuse_entry_param e = { .ino = 0 };
	struct cache_stat cs;
	struct stat st;
	struct slot s;
	int r;

	(void)dev;
	tree_read_lock(fs);
	r = find_new(fs, parent, name, &s);
	if (r == 0 && s.kind == SLOT_RECORD) {
		r = S_ISREG(mode) ? cache_create(fs->cache, s.table, name,
						 &cs) : -EPERM;
		if (r == 0)
			r = entry_of_record(fs, &cs, false, &e, NULL);
	} else if (r == 0) {
		r = scratch_mknod(fs->scratch, parent, name, mode, &st);
		if (r == 0)
			r = entry_of_scratch(fs, parent, name, &st, &e);
	}
	tree_unlock(fs);
	op_reply_entry(fs, req, r, &e);
}

/* Local files only: a record has one name. What cannot be linked is answered
 * as by a file system without hard links, so that programs rename instead. */
void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent,
	     const char *name)
{
	struct atfs *fs = atfs_of(req);
	struct fuse_entry_param e = { .ino = 0 };
	struct inode_view v;
	struct stat st;
	struct slot s;
	int r;

	tree_write_lock(fs);
	r = inode_get(fs->inodes, ino, &v);
	if (r == 0)
		r = find_new(fs, parent, name, &s);
	if (r == 0 &&
	    (v.key.kind != INODE_SCRATCH || s.kind == SLOT_RECORD))
		r = -EPERM;
	if (r == 0)
		r = scratch_link(fs->scratch, ino, parent, name, &st);
	if (r == 0)
		r = entry_of_scratch(fs, parent, name, &st, &e);
	tree_unlock(fs);
	op_reply_entry(fs, req, r, &e);
}
