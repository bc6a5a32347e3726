/* Files: open, read, write, create, fsync, flush, release.
 *
 * The kernel is told to do without open, flush and release (ops.c), so content
 * is judged where it arrives: by cache_write, cache_truncate, cache_fsync. A
 * file handle means nothing here. */
#include "ops.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attr.h"
#include "closewatch.h"
#include "notifier.h"
#include "orphan.h"
#include "side/side.h"

#define SIDE_WRITE_MAX 4096 /* one write to a button */

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	if (!atfs_of(req)->answers_open) {
		op_reply(req, -ENOSYS);
		return;
	}
	fi->keep_cache = 1;
	(void)fuse_reply_open(req, fi);
}

static int read_scratch(struct atfs *fs, uint64_t nodeid, char *buf,
			size_t *n, uint64_t off)
{
	int fd = scratch_open(fs->scratch, nodeid, O_RDONLY);
	ssize_t got;
	int r = 0;

	if (fd < 0)
		return fd;
	got = pread(fd, buf, *n, (off_t)off);
	if (got < 0)
		r = -errno;
	else
		*n = (size_t)got;
	close(fd);
	return r;
}

/* Content of a kind that is read piece by piece into buf of *n bytes. */
static int read_piece(struct atfs *fs, const struct inode_view *v, size_t *n,
		      uint64_t off, char **ret)
{
	char *buf = malloc(*n + 1);
	int r = 0;

	if (buf == NULL)
		return -ENOMEM;
	if (v->key.kind == INODE_SCRATCH)
		r = read_scratch(fs, v->nodeid, buf, n, off);
	else
		*n = orphan_read(v->data, buf, *n, off);
	if (r < 0)
		free(buf);
	else
		*ret = buf;
	return r;
}

/* On success *ret_at..+*n is the answer inside *ret, which the caller frees. */
static int read_any(struct atfs *fs, const struct inode_view *v, size_t *n,
		    uint64_t off, char **ret, const char **ret_at)
{
	size_t want = *n, have = 0;
	int r = -EISDIR;

	switch (v->key.kind) {
	case INODE_RECORD:
		inode_flag_set(fs->inodes, v->nodeid, INODE_WAS_READ);
		r = cache_read_record(fs->cache, rec_key_of(&v->key), ret,
				      &have);
		if (r < 0)
			return r;
		*ret_at = *ret + (off < have ? off : have);
		have = off < have ? have - (size_t)off : 0;
		*n = have < want ? have : want;
		return 0;
	case INODE_SIDE:
		r = side_read(fs, v, want, off, ret, n);
		break;
	case INODE_SCRATCH:
	case INODE_ORPHAN:
		r = read_piece(fs, v, n, off, ret);
		break;
	case INODE_ROOT:
	case INODE_BASE:
	case INODE_TABLE:
	case INODE_DEAD:
		break;
	}
	if (r == 0)
		*ret_at = *ret;
	return r;
}

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
	     struct fuse_file_info *fi)
{
	struct atfs *fs = atfs_of(req);
	struct inode_view v;
	const char *at = NULL;
	char *bytes = NULL;
	int r;

	(void)fi;
	tree_read_lock(fs);
	r = inode_get(fs->inodes, ino, &v);
	if (r == 0)
		r = read_any(fs, &v, &size, (uint64_t)off, &bytes, &at);
	tree_unlock(fs);
	if (r < 0)
		op_reply(req, r);
	else
		(void)fuse_reply_buf(req, at, size);
	free(bytes);
}

static int write_scratch(struct atfs *fs, uint64_t nodeid, const char *buf,
			 size_t n, uint64_t off)
{
	int fd = scratch_open(fs->scratch, nodeid, O_RDWR);
	size_t done = 0;
	int r = 0;

	if (fd < 0)
		return fd;
	while (done < n && r == 0) {
		ssize_t w = pwrite(fd, buf + done, n - done,
				   (off_t)(off + done));

		if (w < 0 && errno != EINTR)
			r = -errno;
		else if (w > 0)
			done += (size_t)w;
	}
	close(fd);
	return r;
}

static int write_any(struct atfs *fs, const struct inode_view *v,
		     const char *buf, size_t n, uint64_t off)
{
	struct rec_key key;

	switch (v->key.kind) {
	case INODE_RECORD:
		key = rec_key_of(&v->key);
		op_note_change(fs, key);
		return cache_write(fs->cache, key, buf, n, off);
	case INODE_SCRATCH:
		return write_scratch(fs, v->nodeid, buf, n, off);
	case INODE_ORPHAN:
		return orphan_write(v->data, buf, n, off);
	case INODE_SIDE:
	case INODE_ROOT:
	case INODE_BASE:
	case INODE_TABLE:
	case INODE_DEAD:
		break;
	}
	return -EISDIR;
}

static int attempt_side_write(const struct park_call *c,
			      struct cache_waiter *w, struct park_answer *a)
{
	struct inode_view v;
	int r = inode_get(c->fs->inodes, c->ino, &v);

	(void)a;
	return r < 0 ? r : side_write(c->fs, &v.key, c->name, c->started_ns, w);
}

static void finish_side_write(const struct park_call *c, int r,
			      struct park_answer *a)
{
	(void)a;
	if (r < 0)
		op_reply(c->req, r);
	else
		(void)fuse_reply_write(c->req, c->size);
}

static void write_side(struct atfs *fs, fuse_req_t req, fuse_ino_t ino,
		       const char *buf, size_t n)
{
	struct park_call c = {
		.fs = fs,
		.req = req,
		.attempt = attempt_side_write,
		.finish = finish_side_write,
		.ino = ino,
		.size = n,
		.started_ns = clock_mono_ns(&system_clock),
	};
	char *text = n <= SIDE_WRITE_MAX ? strndup(buf, n) : NULL;

	if (text == NULL) {
		op_reply(req, n > SIDE_WRITE_MAX ? -EMSGSIZE : -ENOMEM);
		return;
	}
	c.name = text;
	park_run(fs->park, &c);
	free(text);
}

void op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size,
	      off_t off, struct fuse_file_info *fi)
{
	struct atfs *fs = atfs_of(req);
	struct inode_view v = { .nodeid = 0 };
	unsigned flags = 0;
	int r;

	(void)fi;
	tree_read_lock(fs);
	r = inode_get(fs->inodes, ino, &v);
	if (r == 0 && v.key.kind == INODE_SIDE) {
		tree_unlock(fs);
		write_side(fs, req, ino, buf, size);
		return;
	}
	if (r == 0)
		r = write_any(fs, &v, buf, size, (uint64_t)off);
	tree_unlock(fs);
	if (v.key.kind == INODE_RECORD) {
		/* after the change was noted: see push.c */
		flags = inode_flag_clear(fs->inodes, ino, INODE_PUSHED);
		closewatch_want(fs->closewatch, v.key.a);
	}
	if (r < 0)
		op_reply(req, r);
	else
		(void)fuse_reply_write(req, size);
	/* Pages that a push may have overwritten, or that hold what was just
	 * refused. */
	if (r < 0 || (flags & INODE_PUSHED))
		notifier_inval_inode(fs->notifier, ino);
}

/* The name was free when the kernel looked; it may be taken by now. */
static int create_record(struct atfs *fs, const struct slot *s, int flags,
			 struct fuse_entry_param *e)
{
	struct cache_stat cs;
	int r = cache_create(fs->cache, s->table, s->name, &cs);

	if (r == -EEXIST && (flags & O_EXCL) == 0) {
		r = cache_lookup_record(fs->cache, s->table, s->name, &cs,
					NULL);
		if (r == -EAGAIN)
			r = -EEXIST;
	}
	if (r == 0 && cs.size > 0 && (flags & O_TRUNC)) {
		op_note_change(fs, cs.key);
		r = cache_truncate(fs->cache, cs.key, 0);
		if (r == 0)
			r = cache_stat_record(fs->cache, cs.key, &cs, NULL);
	}
	if (r < 0)
		return r;
	return entry_of_record(fs, &cs, false, e, NULL);
}

static int create_any(struct atfs *fs, fuse_ino_t parent, const char *name,
		      mode_t mode, int flags, struct fuse_entry_param *e)
{
	struct stat st;
	struct slot s;
	int r = slot_find(fs, parent, name, &s);

	if (r == 0)
		r = slot_check_writable(fs, &s);
	if (r < 0)
		return r;
	if (s.kind == SLOT_RECORD)
		return create_record(fs, &s, flags, e);
	if (slot_is_remote_dir(fs, &s))
		return -EISDIR;
	r = scratch_create(fs->scratch, parent, name, mode, flags, &st);
	return r < 0 ? r : entry_of_scratch(fs, parent, name, &st, e);
}

void op_create(fuse_req_t req, fuse_ino_t parent, const char *name,
	       mode_t mode, struct fuse_file_info *fi)
{
	struct atfs *fs = atfs_of(req);
	struct fuse_entry_param e = { .ino = 0 };
	struct inode_view v;
	int r;

	tree_read_lock(fs);
	r = create_any(fs, parent, name, mode, fi->flags, &e);
	tree_unlock(fs);
	if (r < 0) {
		op_reply(req, r);
		return;
	}
	/* early, so that the watch is there when the file is closed */
	if (inode_get(fs->inodes, e.ino, &v) == 0 && v.key.kind == INODE_RECORD)
		closewatch_want(fs->closewatch, v.key.a);
	fi->keep_cache = 1;
	if (fuse_reply_create(req, &e, fi) < 0)
		inode_forget(fs->inodes, e.ino, 1);
}

void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync,
	      struct fuse_file_info *fi)
{
	struct atfs *fs = atfs_of(req);
	struct inode_view v;
	char *path = NULL;
	int fd = -1, r;

	(void)fi;
	tree_read_lock(fs);
	r = inode_get(fs->inodes, ino, &v);
	if (r == 0 && v.key.kind == INODE_RECORD)
		r = cache_fsync(fs->cache, rec_key_of(&v.key));
	if (r == 0 && v.key.kind == INODE_SCRATCH) {
		fd = scratch_open(fs->scratch, ino, O_RDONLY);
		if (inode_path(fs->inodes, ino, NULL, &path) < 0)
			path = NULL; /* removed: no name to keep */
	}
	tree_unlock(fs);
	if (fd >= 0) {
		if ((datasync ? fdatasync(fd) : fsync(fd)) != 0)
			r = -errno;
		close(fd);
	}
	if (r == 0 && path != NULL)
		r = scratch_sync_names(fs->scratch, path);
	free(path);
	op_reply(req, r);
}

/* After a rename: that is how a careful program makes its new file last. */
void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync,
		 struct fuse_file_info *fi)
{
	struct atfs *fs = atfs_of(req);
	char *path = NULL;
	int r;

	(void)datasync;
	(void)fi;
	tree_read_lock(fs);
	if (inode_path(fs->inodes, ino, NULL, &path) < 0)
		path = NULL; /* a side room has none */
	tree_unlock(fs);
	r = cache_sync_names(fs->cache);
	if (r == 0 && path != NULL)
		r = scratch_sync_names(fs->scratch, path);
	free(path);
	op_reply(req, r);
}

static int closed(struct atfs *fs, fuse_ino_t ino)
{
	struct inode_view v;
	int r;

	tree_read_lock(fs);
	r = inode_get(fs->inodes, ino, &v);
	if (r == 0 && v.key.kind == INODE_RECORD)
		r = cache_closed(fs->cache, rec_key_of(&v.key));
	else
		r = 0;
	tree_unlock(fs);
	return r;
}

/* close=sync only. A shell redirection closes its first descriptor before
 * anything is written; the cache knows that an empty file means nothing then.
 * A reader's close has nothing to judge. */
void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct atfs *fs = atfs_of(req);

	(void)fi;
	op_reply(req, fs->opt->close_sync ? closed(fs, ino) : -ENOSYS);
}

/* What a last unmapping wrote after the flush. */
void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct atfs *fs = atfs_of(req);

	if (fs->opt->close_sync && (fi->flags & O_ACCMODE) != O_RDONLY)
		(void)closed(fs, ino);
	op_reply(req, 0);
}
