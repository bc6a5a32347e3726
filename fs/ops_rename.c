/* rename, between the two sorts of files.
 *
 *   from       to                       what it is
 *   record     record name, same table  cache_rename
 *   record     local name, same table   cache_detach: a backup copy; the record
 *                                       waits for its name to come back
 *   local      record name              cache_replace: the save of an editor
 *                                       that writes a temporary file
 *   local      local name               rename of the local file
 *   record     another directory        EXDEV: mv copies
 *   trash      record name, its table   made again, and out of the trash
 *   any        base, table, .airtable   EPERM
 *
 * The kernel moves its name from one place to the other and goes on using the
 * same inode, so afterwards that inode stands for what has the name now, and
 * the inode of what was there before becomes an orphan. No inval_entry is
 * needed. The content of what moved is invalidated where the cache may show it
 * otherwise from now on. */
#include "ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "closewatch.h"
#include "notifier.h"
#include "side/side.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE (1u << 0)
#endif

struct move {
	struct atfs *fs;
	struct slot from, to;
	bool noreplace;
	/* to invalidate after the reply */
	uint64_t inval;            /* nodeid; 0 = none */
	char listed_from[NAME_BUF]; /* the name that a record was listed by, */
	char listed_to[NAME_BUF];   /* if it is not the one given; or "" */
	bool inval_to;             /* the name given as target */
};

/* A record also opens by its id. What was done by that name leaves the kernel
 * with an outdated notion of the listed one. */
static void note_listed(const struct atfs *fs, struct rec_key key,
			const char *given, char ret[static NAME_BUF])
{
	char name[NAME_BUF];

	if (cache_record_name(fs->cache, key, name) == 0 &&
	    strcmp(name, given) != 0)
		memcpy(ret, name, NAME_BUF);
}

/* Now that the target has its record: is it listed by that name? */
static void note_target(struct move *m, struct rec_key key)
{
	note_listed(m->fs, key, m->to.name, m->listed_to);
	m->inval_to = m->inval_to || m->listed_to[0] != '\0';
}

static int check_record_free(struct move *m)
{
	struct cache_stat cs;

	if (m->noreplace && cache_lookup_record(m->fs->cache, m->to.table,
						m->to.name, &cs, NULL) == 0)
		return -EEXIST;
	return 0;
}

static int check_local_free(struct move *m)
{
	struct stat st;

	if (m->noreplace && scratch_lookup(m->fs->scratch, m->to.dir.nodeid,
					   m->to.name, &st) == 0)
		return -EEXIST;
	return 0;
}

/* The farewell of whatever record has the target's name. Its key, or seq 0. */
static struct rec_key take_target(struct move *m, struct op_farewell *bye)
{
	struct cache_stat cs;

	*bye = (struct op_farewell){ .nodeid = 0 };
	if (cache_lookup_record(m->fs->cache, m->to.table, m->to.name, &cs,
				NULL) < 0)
		return (struct rec_key){ 0, 0 };
	op_farewell_take(m->fs, cs.key, bye);
	return cs.key;
}

/* Content that cannot be taken is EINVAL elsewhere. Of a rename mv would tell
 * that a directory cannot be moved into itself. */
static int refusal(int r)
{
	return r == -EINVAL ? -EBADMSG : r;
}

static int record_to_record(struct move *m)
{
	struct atfs *fs = m->fs;
	struct rec_key over = { 0, 0 }, now = { 0, 0 };
	struct op_farewell bye = { .nodeid = 0 };
	struct inode_key k;
	struct cache_stat cs;
	uint64_t nodeid = 0;
	int r = cache_lookup_record(fs->cache, m->from.table, m->from.name,
				    &cs, NULL);

	if (r == -EAGAIN)
		r = -ENOENT;
	if (r == 0)
		r = check_record_free(m);
	if (r < 0)
		return r;
	k = inode_key_of(cs.key);
	(void)inode_find(fs->inodes, &k, &nodeid);
	if (take_target(m, &bye).seq == cs.key.seq) {
		/* two names of one record: POSIX says do nothing */
		op_farewell_release(&bye);
		return 0;
	}
	note_listed(fs, cs.key, m->from.name, m->listed_from);
	op_note_change(fs, cs.key);
	r = refusal(cache_rename(fs->cache, m->from.table, m->from.name,
				 m->to.name, &over, &now));
	if (r == 0 && over.seq != 0)
		op_farewell_apply(fs, &bye);
	op_farewell_release(&bye);
	if (r < 0)
		return r;
	note_target(m, now.seq != 0 ? now : cs.key);
	m->inval = nodeid;
	if (nodeid != 0 && now.seq != 0 && now.seq != cs.key.seq) {
		k = inode_key_of(now);
		(void)inode_rekey(fs->inodes, nodeid, &k, NULL);
	}
	return 0;
}

/* The content is put beside first, so that a full disk leaves the record as it
 * is; then it takes the name, as the record's inode becomes the file's. */
static int record_to_local(struct move *m)
{
	struct atfs *fs = m->fs;
	struct inode_key k;
	struct rec_key key;
	struct cache_stat cs;
	struct stat st;
	char *bytes = NULL, *seen = NULL;
	size_t n = 0, seen_n = 0;
	uint64_t nodeid, to = m->to.dir.nodeid;
	int r = cache_lookup_record(fs->cache, m->from.table, m->from.name,
				    &cs, NULL);

	if (r == -EAGAIN)
		r = -ENOENT;
	if (r == 0)
		r = check_local_free(m);
	if (r == 0)
		r = cache_peek_record(fs->cache, cs.key, &seen, &seen_n);
	if (r == 0)
		r = scratch_stage(fs->scratch, seen, seen_n, cs.mtime_ms);
	if (r == 0)
		r = scratch_check_over(fs->scratch, to, m->to.name);
	if (r == 0) {
		note_listed(fs, cs.key, m->from.name, m->listed_from);
		op_note_change(fs, cs.key);
		r = cache_detach(fs->cache, m->from.table, m->from.name,
				 &bytes, &n, &key);
	}
	if (r == 0 && (n != seen_n || memcmp(bytes, seen, n) != 0))
		r = scratch_stage(fs->scratch, bytes, n, cs.mtime_ms);
	if (r == 0)
		r = scratch_unstage(fs->scratch, to, m->to.name, &st);
	free(seen);
	free(bytes);
	if (r < 0)
		return r;
	k = inode_key_of(key);
	if (!inode_find(fs->inodes, &k, &nodeid))
		return 0;
	k = inode_key_make(INODE_SCRATCH, 0, st.st_ino);
	r = inode_rekey(fs->inodes, nodeid, &k, NULL);
	if (r == 0)
		r = inode_set_place(fs->inodes, nodeid, to, m->to.name);
	return r;
}

static int local_to_record(struct move *m)
{
	struct atfs *fs = m->fs;
	uint64_t dir = m->from.dir.nodeid, nodeid = 0;
	struct op_farewell bye = { .nodeid = 0 };
	struct cache_stat cs;
	struct inode_key k;
	struct stat st;
	char *bytes = NULL;
	bool held = false;
	size_t n = 0;
	int r = scratch_lookup(fs->scratch, dir, m->from.name, &st);

	if (r == 0 && !S_ISREG(st.st_mode))
		r = -EPERM;
	if (r == 0)
		r = check_record_free(m);
	if (r == 0)
		r = scratch_read_all(fs->scratch, dir, m->from.name,
				     RECFILE_BYTES_MAX, &bytes, &n);
	if (r < 0)
		return r;
	k = inode_key_make(INODE_SCRATCH, 0, st.st_ino);
	held = inode_find(fs->inodes, &k, &nodeid) &&
	       inode_is_at(fs->inodes, nodeid, dir, m->from.name);
	(void)take_target(m, &bye);
	r = refusal(cache_replace(fs->cache, m->to.table, m->to.name, bytes, n,
				  &cs));
	free(bytes);
	if (r == 0) {
		/* The inode first: what it goes by is gone in a moment. */
		op_farewell_apply(fs, &bye);
		k = inode_key_of(cs.key);
		if (held && inode_rekey(fs->inodes, nodeid, &k, NULL) == 0)
			m->inval = nodeid;
		else /* a file with other links goes on being that file */
			m->inval_to = true;
		note_target(m, cs.key);
		op_note_change(fs, cs.key);
		(void)scratch_unlink(fs->scratch, dir, m->from.name);
	}
	op_farewell_release(&bye);
	return r;
}

static int local_to_local(struct move *m)
{
	int r = check_local_free(m);

	/* No directory of one's own beside bases and tables. */
	if (r == 0 && m->to.name[0] != '.' &&
	    (m->to.dir.key.kind == INODE_ROOT ||
	     m->to.dir.key.kind == INODE_BASE)) {
		struct stat st;

		r = scratch_lookup(m->fs->scratch, m->from.dir.nodeid,
				   m->from.name, &st);
		if (r == 0 && S_ISDIR(st.st_mode))
			r = -EPERM;
	}
	if (r == 0)
		r = scratch_rename(m->fs->scratch, m->from.dir.nodeid,
				   m->from.name, m->to.dir.nodeid,
				   m->to.name);
	return r;
}

/* The kernel moves the trash's inode to the record's name; looked up anew, the
 * name leads to the record. */
static int trash_to_record(struct move *m)
{
	struct op_farewell bye = { .nodeid = 0 };
	struct atfs *fs = m->fs;
	struct cache_stat cs;
	char *text = NULL;
	uint32_t table;
	int r = slot_check_writable(fs, &m->to);

	if (r == 0)
		r = side_take(fs, &m->from.dir.key, m->from.name, &text,
			      &table);
	if (r == 0 && table != m->to.table)
		r = -EXDEV;
	if (r == 0)
		r = check_record_free(m);
	if (r == 0) {
		(void)take_target(m, &bye);
		r = cache_replace(fs->cache, m->to.table, m->to.name, text,
				  strlen(text), &cs);
	}
	if (r == 0) {
		op_farewell_apply(fs, &bye);
		op_note_change(fs, cs.key);
		m->inval_to = true;
		note_target(m, cs.key);
		(void)side_unlink(fs, &m->from.dir.key, m->from.name);
	}
	op_farewell_release(&bye);
	free(text);
	return r;
}

static int move_locked(struct move *m)
{
	bool same_dir = m->from.dir.nodeid == m->to.dir.nodeid;
	int r;

	if (m->from.kind == SLOT_SIDE && m->to.kind == SLOT_RECORD &&
	    m->from.dir.key.kind == INODE_SIDE)
		return trash_to_record(m);
	if (m->from.kind == SLOT_SIDE || m->to.kind == SLOT_SIDE)
		return -EPERM;
	r = slot_check_writable(m->fs, &m->from);
	if (r == 0)
		r = slot_check_writable(m->fs, &m->to);
	if (r < 0)
		return r;
	if (slot_is_remote_dir(m->fs, &m->from) ||
	    slot_is_remote_dir(m->fs, &m->to))
		return -EPERM;
	if (m->from.kind == SLOT_RECORD && !same_dir)
		return -EXDEV;
	if (m->from.kind == SLOT_RECORD)
		return m->to.kind == SLOT_RECORD ? record_to_record(m) :
						   record_to_local(m);
	return m->to.kind == SLOT_RECORD ? local_to_record(m) :
					   local_to_local(m);
}

void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name,
	       fuse_ino_t newparent, const char *newname, unsigned flags)
{
	struct atfs *fs = atfs_of(req);
	struct move m = {
		.fs = fs,
		.noreplace = (flags & RENAME_NOREPLACE) != 0,
	};
	int r = (flags & ~(unsigned)RENAME_NOREPLACE) != 0 ? -EINVAL : 0;

	tree_write_lock(fs);
	if (r == 0)
		r = slot_find(fs, parent, name, &m.from);
	if (r == 0)
		r = slot_find(fs, newparent, newname, &m.to);
	if (r == 0)
		r = move_locked(&m);
	tree_unlock(fs);
	op_reply(req, r);
	if (r == 0 && m.inval != 0)
		notifier_inval_inode(fs->notifier, m.inval);
	if (r == 0 && m.listed_from[0] != '\0')
		notifier_inval_entry(fs->notifier, parent, m.listed_from);
	if (r == 0 && m.listed_to[0] != '\0')
		notifier_inval_entry(fs->notifier, newparent, m.listed_to);
	if (r == 0 && m.inval_to)
		notifier_inval_entry(fs->notifier, newparent, newname);
}
