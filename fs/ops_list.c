/* readdir and readdirplus.
 *
 * Offsets: 1 and 2 are . and .., 3 is .airtable if it is listed; no + 16 a base
 * or table, seq + 16 a record, in the order of their numbers, which only grow;
 * from SCRATCH_OFFSET on local files by a hash of their name. An answer holds
 * what is known; only if that is nothing, and the table is not read to its
 * end, the request is parked. An empty answer is the end. */
#include "ops.h"

#include <stdlib.h>
#include <string.h>

#include "attr.h"
#include "listing.h"
#include "notifier.h"
#include "push.h"
#include "side/side.h"

#define OFFSET_SELF 1
#define OFFSET_PARENT 2
#define OFFSET_SIDE 3
#define OFFSET_FIRST 16
#define BATCH_MAX 256 /* records asked for at once */
#define DIRS_BATCH 32
#define SIDE_BATCH 16

struct walk {
	struct atfs *fs;
	struct listing *l;
	struct inode_view dir;
	uint64_t off;
	struct cache_waiter *w; /* for a call while nothing is listed yet */
	bool full;
};

static struct cache_waiter *waiter_of(const struct walk *k)
{
	return k->l->used == 0 || k->w == CACHE_LOCAL ? k->w : NULL;
}

/* What a call that found nothing more means for the whole. 0 = go on with what
 * comes after; 1 = send what there is. */
static int end_of_part(const struct walk *k, int r)
{
	if (r < 0 && k->l->used > 0)
		return 1;
	return r;
}

/* Adds e, which is held if this is readdirplus; gives it back if it does not
 * fit. */
static void add(struct walk *k, const char *name, struct fuse_entry_param *e,
		uint64_t next, struct rec_key key, char **bytes, size_t n)
{
	if (listing_add(k->l, name, e, (off_t)next, key, bytes, n))
		return;
	k->full = true;
	if (k->l->plus && e->ino != 0)
		inode_forget(k->fs->inodes, e->ino, 1);
}

static void list_dots(struct walk *k)
{
	struct fuse_entry_param e = { .ino = 0 };
	struct rec_key none = { 0, 0 };
	double timeout;

	if (k->off >= OFFSET_PARENT)
		return;
	if (attr_get(k->fs, &k->dir, &e.attr, &timeout, CACHE_LOCAL) < 0)
		e.attr.st_ino = k->dir.nodeid;
	e.attr.st_mode = S_IFDIR;
	if (k->off < OFFSET_SELF)
		add(k, ".", &e, OFFSET_SELF, none, NULL, 0);
	if (!k->full)
		add(k, "..", &e, OFFSET_PARENT, none, NULL, 0);
}

static void list_side_name(struct walk *k)
{
	struct fuse_entry_param e = { .ino = 0 };
	struct inode_key key = side_key_in(&k->dir.key);
	struct rec_key none = { 0, 0 };

	if (!k->fs->opt->side_list || k->full || k->off >= OFFSET_SIDE)
		return;
	if (entry_of_side(k->fs, &key, &e) < 0)
		return;
	if (!k->l->plus)
		inode_forget(k->fs->inodes, e.ino, 1);
	add(k, ATFS_SIDE_NAME, &e, OFFSET_SIDE, none, NULL, 0);
}

static int add_dir(struct walk *k, const struct cache_dir *d,
		   enum inode_kind kind)
{
	struct fuse_entry_param e = { .ino = 0 };
	struct inode_key key = inode_key_make(kind, d->no, 0);
	struct rec_key none = { 0, 0 };
	int r = 0;

	if (k->l->plus)
		r = entry_of_dir(k->fs, k->dir.nodeid, kind, d, &e);
	else
		attr_dir(k->fs, &key, d, &e.attr);
	if (r == 0)
		add(k, d->name, &e, d->no + (uint64_t)OFFSET_FIRST, none, NULL,
		    0);
	return r;
}

static int list_dirs(struct walk *k)
{
	bool root = k->dir.key.kind == INODE_ROOT;
	uint32_t after = k->off > OFFSET_FIRST ?
				 (uint32_t)(k->off - OFFSET_FIRST) : 0;
	struct cache_dir *d = calloc(DIRS_BATCH, sizeof(*d));
	int n, r = 0;

	if (d == NULL)
		return -ENOMEM;
	do {
		if (root)
			n = cache_list_bases(k->fs->cache, after, d,
					     DIRS_BATCH, waiter_of(k));
		else
			n = cache_list_tables(k->fs->cache, k->dir.key.a,
					      after, d, DIRS_BATCH,
					      waiter_of(k));
		for (int i = 0; i < n && !k->full && r == 0; i++) {
			r = add_dir(k, &d[i], root ? INODE_BASE : INODE_TABLE);
			after = d[i].no;
		}
	} while (n > 0 && !k->full && r == 0);
	free(d);
	return r < 0 ? r : end_of_part(k, n < 0 ? n : 0);
}

static int add_record(struct walk *k, struct cache_entry *c)
{
	struct fuse_entry_param e = { .ino = 0 };
	uint64_t next = c->st.key.seq + (uint64_t)OFFSET_FIRST;
	bool fresh = false;
	int r = 0;

	if (k->l->plus)
		r = entry_of_record(k->fs, &c->st, false, &e, &fresh);
	else
		attr_record(k->fs, &c->st, &e.attr);
	if (r < 0)
		return r;
	if (!fresh || c->st.draft || c->st.size > PUSH_FILE_MAX) {
		free(c->bytes);
		c->bytes = NULL;
	}
	add(k, c->name, &e, next, c->st.key, &c->bytes, c->st.size);
	return 0;
}

static int list_records(struct walk *k)
{
	uint32_t after = k->off > OFFSET_FIRST ?
				 (uint32_t)(k->off - OFFSET_FIRST) : 0;
	bool with_bytes = k->l->plus && k->fs->can_push;
	size_t max = listing_room(k->l);
	struct cache_entry *e;
	int n, r = 0;

	if (max == 0)
		return 1;
	if (max > BATCH_MAX)
		max = BATCH_MAX;
	e = calloc(max, sizeof(*e));
	if (e == NULL)
		return -ENOMEM;
	do {
		size_t room = listing_room(k->l);

		n = cache_list_records(k->fs->cache, k->dir.key.a, after, e,
				       room < max ? room : max, with_bytes,
				       waiter_of(k));
		for (int i = 0; i < n; i++) {
			if (!k->full && r == 0) {
				r = add_record(k, &e[i]);
				after = e[i].st.key.seq;
			}
			free(e[i].bytes);
			e[i].bytes = NULL;
		}
		k->full = k->full || listing_room(k->l) == 0;
	} while (n > 0 && !k->full && r == 0);
	free(e);
	return r < 0 ? r : end_of_part(k, n < 0 ? n : 0);
}

static int add_scratch(struct walk *k, const struct scratch_name *name)
{
	struct fuse_entry_param e = { .ino = 0 };
	struct rec_key none = { 0, 0 };
	struct slot s = { .kind = SLOT_SCRATCH, .dir = k->dir,
			  .name = name->name };
	struct stat st;
	int r = scratch_lookup(k->fs->scratch, k->dir.nodeid, name->name, &st);

	if (r == -ENOENT || slot_is_remote_dir(k->fs, &s))
		return 0;
	if (r == 0 && k->l->plus) {
		r = entry_of_scratch(k->fs, k->dir.nodeid, name->name, &st,
				     &e);
	} else if (r == 0) {
		attr_scratch(k->fs, &st);
		e.attr = st;
	}
	if (r == 0)
		add(k, name->name, &e, (uint64_t)name->offset, none, NULL, 0);
	return r;
}

static int list_scratch(struct walk *k)
{
	struct scratch_name *names;
	size_t n;
	int r = scratch_list(k->fs->scratch, k->dir.nodeid, &names, &n);

	for (size_t i = 0; r == 0 && i < n && !k->full; i++) {
		if ((uint64_t)names[i].offset > k->off)
			r = add_scratch(k, &names[i]);
	}
	scratch_names_free(names, n);
	return end_of_part(k, r);
}

static int list_side(struct walk *k)
{
	struct side_listed *e = calloc(SIDE_BATCH, sizeof(*e));
	struct rec_key none = { 0, 0 };
	uint64_t after = k->off > OFFSET_PARENT ? k->off : 0;
	int n, r = 0;

	if (e == NULL)
		return -ENOMEM;
	do {
		n = side_list(k->fs, &k->dir.key, after, e, SIDE_BATCH,
			      waiter_of(k));
		for (int i = 0; i < n && !k->full; i++) {
			struct fuse_entry_param p = { .ino = 0 };

			after = e[i].offset;
			/* gone meanwhile: just not listed */
			if (entry_of_side(k->fs, &e[i].key, &p) < 0)
				continue;
			if (!k->l->plus)
				inode_forget(k->fs->inodes, p.ino, 1);
			add(k, e[i].name, &p, e[i].offset, none, NULL, 0);
		}
	} while (n > 0 && !k->full);
	free(e);
	return r < 0 ? r : end_of_part(k, n < 0 ? n : 0);
}

static int list_all(struct walk *k)
{
	int r = 0;

	list_dots(k);
	switch (k->dir.key.kind) {
	case INODE_ROOT:
	case INODE_BASE:
	case INODE_TABLE:
		list_side_name(k);
		if (!k->full && k->off < SCRATCH_OFFSET)
			r = k->dir.key.kind == INODE_TABLE ? list_records(k) :
							     list_dirs(k);
		if (!k->full && r == 0)
			r = list_scratch(k);
		break;
	case INODE_SCRATCH:
		if (!k->full)
			r = list_scratch(k);
		break;
	case INODE_SIDE:
		if (!side_is_dir(&k->dir.key))
			return -ENOTDIR;
		if (!k->full)
			r = list_side(k);
		break;
	case INODE_DEAD:
		break;
	case INODE_RECORD:
	case INODE_ORPHAN:
		return -ENOTDIR;
	}
	return r < 0 ? r : 0;
}

/* Takes back what an answer that is not sent would have held. */
static void give_back(struct atfs *fs, const struct listing *l)
{
	for (size_t i = 0; i < l->held_n; i++) {
		if (l->held[i].nodeid != 0)
			inode_forget(fs->inodes, l->held[i].nodeid, 1);
	}
}

static void note_reader(const struct park_call *c, const struct inode_key *dir)
{
	uint32_t who = (uint32_t)fuse_req_ctx(c->req)->pid;

	if (dir->kind == INODE_ROOT)
		cache_note_reader(c->fs->cache, who, 0, 0);
	else if (dir->kind == INODE_BASE)
		cache_note_reader(c->fs->cache, who, dir->a, 0);
	else if (dir->kind == INODE_TABLE)
		cache_note_reader(c->fs->cache, who, 0, dir->a);
}

static int attempt_list(const struct park_call *c, struct cache_waiter *w,
			struct park_answer *a)
{
	struct walk k = { .fs = c->fs, .off = c->off, .w = w };
	int r = inode_get(c->fs->inodes, c->ino, &k.dir);

	if (r == 0)
		r = listing_new(c->req, c->size, c->plus, &k.l);
	if (r < 0)
		return r;
	a->mark = changes_mark(&c->fs->changes);
	if (!c->local)
		note_reader(c, &k.dir.key);
	tree_read_lock(c->fs);
	r = list_all(&k);
	k.l->ended = !k.full;
	tree_unlock(c->fs);
	if (r < 0) {
		give_back(c->fs, k.l);
		listing_free(k.l);
		return r;
	}
	a->data = k.l;
	return 0;
}

/* Before the reply: the next request, which says that the kernel has taken the
 * entries up, may come as soon as it is out. */
static void queue_contents(const struct park_call *c, struct listing *l,
			   uint64_t mark)
{
	for (size_t i = 0; i < l->held_n; i++) {
		struct listing_held *h = &l->held[i];
		struct push p = { .dir = c->ino, .nodeid = h->nodeid,
				  .mark = mark, .key = h->key,
				  .last = l->ended, .bytes = h->bytes,
				  .n = h->n };

		if (h->nodeid == 0 || h->key.seq == 0 || h->bytes == NULL)
			continue;
		notifier_push(c->fs->notifier, &p);
		h->bytes = NULL;
	}
}

/* After the reply: what changed while it was on its way. */
static void follow_up(const struct park_call *c, struct listing *l,
		      uint64_t mark)
{
	struct atfs *fs = c->fs;

	for (size_t i = 0; i < l->held_n; i++) {
		struct listing_held *h = &l->held[i];
		unsigned changed;

		if (h->nodeid == 0 || h->key.seq == 0)
			continue;
		changed = changes_since(&fs->changes, mark, h->key.table,
					h->key.seq);
		if (changed & CHANGE_BYTES)
			notifier_inval_inode(fs->notifier, h->nodeid);
		if (changed & CHANGE_NAME) {
			char *name = listing_name(l, h);

			if (name != NULL)
				notifier_inval_entry(fs->notifier, c->ino,
						     name);
			free(name);
		}
	}
}

static void finish_list(const struct park_call *c, int r,
			struct park_answer *a)
{
	struct listing *l = a->data;

	if (r < 0) {
		op_reply(c->req, r);
		return;
	}
	queue_contents(c, l, a->mark);
	if (fuse_reply_buf(c->req, l->buf, l->used) == 0)
		follow_up(c, l, a->mark);
	else
		give_back(c->fs, l);
	listing_free(l);
}

static void list(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		 bool plus)
{
	struct park_call c = {
		.fs = atfs_of(req),
		.req = req,
		.attempt = attempt_list,
		.finish = finish_list,
		.ino = ino,
		.size = size,
		.off = (uint64_t)off,
		.plus = plus,
		.local = op_is_local(req),
	};

	if (plus)
		notifier_help(c.fs->notifier, ino);
	park_run(c.fs->park, &c);
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		struct fuse_file_info *fi)
{
	(void)fi;
	list(req, ino, size, off, false);
}

void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	(void)fi;
	list(req, ino, size, off, true);
}
