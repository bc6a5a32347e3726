/* Names in directories: lookup, forget, mkdir, rmdir. */
#include "ops.h"

#include <string.h>

#include "attr.h"
#include "notifier.h"
#include "side/side.h"

static int find_record(struct atfs *fs, const struct slot *s,
		       struct cache_waiter *w, struct park_answer *a)
{
	struct cache_stat cs;
	char id[18], listed[NAME_BUF];
	bool alias = false;
	int r = cache_lookup_record(fs->cache, s->table, s->name, &cs, w);

	if (r == -ENOENT) {
		a->missing_for_long = true;
		a->key = inode_key_make(INODE_RECORD, s->table, 0);
	}
	if (r < 0)
		return r;
	if (name_is_id(s->name, id))
		alias = cache_record_name(fs->cache, cs.key, listed) < 0 ||
			strcmp(listed, s->name) != 0;
	a->key = inode_key_of(cs.key);
	return entry_of_record(fs, &cs, alias, &a->entry, NULL);
}

static int find_side(struct atfs *fs, const struct slot *s,
		     struct cache_waiter *w, struct park_answer *a)
{
	struct inode_key key;
	int r = 0;

	if (s->dir.key.kind == INODE_SIDE)
		r = side_lookup(fs, &s->dir.key, s->name, w, &key);
	else
		key = side_key_in(&s->dir.key);
	return r < 0 ? r : entry_of_side(fs, &key, &a->entry);
}

/* In root and base: a base or table of that name, else a local file. */
static int find_dir(struct atfs *fs, const struct slot *s,
		    struct cache_waiter *w, struct park_answer *a)
{
	struct cache_dir d;
	bool root = s->dir.key.kind == INODE_ROOT;
	int r;

	if (root)
		r = cache_lookup_base(fs->cache, s->name, &d, w);
	else
		r = cache_lookup_table(fs->cache, s->dir.key.a, s->name, &d,
				       w);
	if (r == 0)
		r = entry_of_dir(fs, s->dir.nodeid,
				 root ? INODE_BASE : INODE_TABLE, &d,
				 &a->entry);
	return r;
}

static int find_scratch(struct atfs *fs, const struct slot *s,
			struct cache_waiter *w, struct park_answer *a)
{
	bool remote_too = (s->dir.key.kind == INODE_ROOT ||
			   s->dir.key.kind == INODE_BASE) &&
			  s->name[0] != '.';
	struct stat st;
	int found = -ENOENT, r;

	if (remote_too)
		found = find_dir(fs, s, w, a);
	if (found == 0 || found == CACHE_PARKED || found == -EAGAIN)
		return found;
	r = scratch_lookup(fs->scratch, s->dir.nodeid, s->name, &st);
	if (r == 0)
		return entry_of_scratch(fs, s->dir.nodeid, s->name, &st,
					&a->entry);
	a->missing_for_long = !remote_too;
	/* Trouble with the server is not "no such file". */
	return r == -ENOENT ? found : r;
}

static int attempt_lookup(const struct park_call *c, struct cache_waiter *w,
			  struct park_answer *a)
{
	struct atfs *fs = c->fs;
	struct slot s;
	int r;

	a->mark = changes_mark(&fs->changes);
	tree_read_lock(fs);
	r = slot_find(fs, c->ino, c->name, &s);
	if (r == 0) {
		if (s.kind == SLOT_RECORD)
			r = find_record(fs, &s, w, a);
		else if (s.kind == SLOT_SIDE)
			r = find_side(fs, &s, w, a);
		else
			r = find_scratch(fs, &s, w, a);
	}
	tree_unlock(fs);
	return r;
}

static void reply_missing(const struct park_call *c,
			  const struct park_answer *a)
{
	struct fuse_entry_param none = { .ino = 0 };
	bool told = a->missing_for_long && a->key.kind == INODE_RECORD;

	/* A record's name that is missing is asked for again after ttl, or
	 * nobody would notice who waits for it to appear. Bases and tables are
	 * not notified by name, so those not at all. */
	none.entry_timeout = told ? attr_timeout_s(c->fs, INODE_RECORD) :
			     a->missing_for_long ? ATFS_FOREVER_S : 0;
	if (told)
		changes_told_missing(&c->fs->changes, a->key.a, c->name);
	(void)fuse_reply_entry(c->req, &none);
	/* A name that came while this was on its way: see changes.h. */
	if (told && changes_since(&c->fs->changes, a->mark, a->key.a, 0) != 0)
		notifier_inval_entry(c->fs->notifier, c->ino, c->name);
}

static void finish_lookup(const struct park_call *c, int r,
			  struct park_answer *a)
{
	struct atfs *fs = c->fs;
	unsigned changed;

	if (r == -ENOENT) {
		reply_missing(c, a);
		return;
	}
	if (!op_reply_entry(fs, c->req, r, &a->entry) ||
	    a->key.kind != INODE_RECORD)
		return;
	changed = changes_since(&fs->changes, a->mark, a->key.a,
				(uint32_t)a->key.b);
	if (changed & CHANGE_BYTES)
		notifier_inval_inode(fs->notifier, a->entry.ino);
	if (changed & CHANGE_NAME)
		notifier_inval_entry(fs->notifier, c->ino, c->name);
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct atfs *fs = atfs_of(req);
	struct park_call c = {
		.fs = fs,
		.req = req,
		.attempt = attempt_lookup,
		.finish = finish_lookup,
		.ino = parent,
		.name = name,
		.local = op_is_local(req),
	};

	park_run(fs->park, &c);
}

void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
	inode_forget(atfs_of(req)->inodes, ino, nlookup);
	fuse_reply_none(req);
}

void op_forget_multi(fuse_req_t req, size_t n, struct fuse_forget_data *f)
{
	struct atfs *fs = atfs_of(req);

	for (size_t i = 0; i < n; i++)
		inode_forget(fs->inodes, f[i].ino, f[i].nlookup);
	fuse_reply_none(req);
}

static int make_dir(struct atfs *fs, fuse_ino_t parent, const char *name,
		    mode_t mode, struct fuse_entry_param *e)
{
	struct stat st;
	struct slot s;
	int r = slot_find(fs, parent, name, &s);

	if (r == 0)
		r = slot_check_writable(fs, &s);
	if (r == 0 && s.kind == SLOT_RECORD)
		r = -EPERM;
	/* A directory here would be a base or table, which the API has no
	 * call for or this program does not make. */
	if (r == 0 && name[0] != '.' &&
	    (s.dir.key.kind == INODE_ROOT || s.dir.key.kind == INODE_BASE))
		r = slot_is_remote_dir(fs, &s) ? -EEXIST : -EPERM;
	if (r == 0)
		r = scratch_mkdir(fs->scratch, parent, name, mode, &st);
	if (r == 0)
		r = entry_of_scratch(fs, parent, name, &st, e);
	return r;
}

void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name,
	      mode_t mode)
{
	struct atfs *fs = atfs_of(req);
	struct fuse_entry_param e = { .ino = 0 };
	int r;

	tree_read_lock(fs);
	r = make_dir(fs, parent, name, mode, &e);
	tree_unlock(fs);
	op_reply_entry(fs, req, r, &e);
}

void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct atfs *fs = atfs_of(req);
	struct slot s;
	int r;

	tree_write_lock(fs);
	r = slot_find(fs, parent, name, &s);
	if (r == 0)
		r = slot_check_writable(fs, &s);
	if (r == 0 && s.kind == SLOT_RECORD)
		r = -ENOTDIR;
	if (r == 0 && slot_is_remote_dir(fs, &s))
		r = -EPERM;
	if (r == 0)
		r = scratch_rmdir(fs->scratch, parent, name);
	tree_unlock(fs);
	op_reply(req, r);
}

/* Answered although the kernel could do without: a listing that it keeps sends
 * no other word that somebody reads the directory, and what is not heard is not
 * revalidated. It is one request for a directory, not for a file: no slower
 * (grep -r over 50,000 files: 1.12 with it and without). */
void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct atfs *fs = atfs_of(req);
	struct cache_waiter *w = op_is_local(req) ? CACHE_LOCAL : NULL;
	struct inode_view v;
	int r = inode_get(fs->inodes, ino, &v);

	if (r == 0 && (v.key.kind == INODE_ROOT || v.key.kind == INODE_BASE))
		r = cache_open_dir(fs->cache, v.key.a, 0, w);
	else if (r == 0 && v.key.kind == INODE_TABLE)
		r = cache_open_dir(fs->cache, 0, v.key.a, w);
	if (r < 0) {
		op_reply(req, r);
		return;
	}
	/* nobody tells the kernel what comes and goes in a side room */
	fi->keep_cache = r == 0 && v.key.kind != INODE_SIDE;
	fi->cache_readdir = fi->keep_cache;
	(void)fuse_reply_open(req, fi);
}
