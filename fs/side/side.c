#include "side.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../attr.h"

#define FIRST_OFFSET 16
#define OWN_OFFSET (UINT64_C(1) << 32) /* + seq: entries of its own making */
#define SIDE_INO_BIT (UINT64_C(1) << 61)

struct side_text {
	char *text;
	size_t n;
	int64_t mtime_ms;
	int64_t made_ns;
};

static const struct side_room *const rooms[] = {
	&side_room_root,
	&side_room_base,
	&side_room_table,
	&side_room_info,
	&side_room_conflicts,
	&side_room_conflict,
	&side_room_history,
	&side_room_past,
	&side_room_trash,
};

static const struct side_room *room_of(const struct inode_key *key)
{
	return rooms[(key->b >> 40) % (sizeof(rooms) / sizeof(rooms[0]))];
}

static unsigned entry_of(const struct inode_key *key)
{
	return (unsigned)(key->b >> 32) & 0xff;
}

static struct side_where where(struct atfs *fs, const struct inode_key *key)
{
	return (struct side_where){ .fs = fs, .no = key->a,
				    .seq = (uint32_t)key->b };
}

static struct inode_key make_key(const struct side_room *room, unsigned entry,
				 uint32_t no, uint32_t seq)
{
	uint64_t b = ((uint64_t)room->number << 8 | entry) << 32 | seq;

	return inode_key_make(INODE_SIDE, no, b);
}

/* The entry that key names; NULL for a directory or one of its own making. */
static const struct side_entry *find_entry(const struct inode_key *key)
{
	const struct side_room *room = room_of(key);
	unsigned e = entry_of(key);

	return e == 0 || e > room->n ? NULL : &room->entries[e - 1];
}

struct inode_key side_key_in(const struct inode_key *dir)
{
	if (dir->kind == INODE_BASE)
		return make_key(&side_room_base, 0, dir->a, 0);
	if (dir->kind == INODE_TABLE)
		return make_key(&side_room_table, 0, dir->a, 0);
	return make_key(&side_room_root, 0, 0, 0);
}

static struct inode_key entry_key(const struct side_room *room, unsigned i,
				  const struct inode_key *dir)
{
	if (room->entries[i].opens != NULL)
		return make_key(room->entries[i].opens, 0, dir->a, 0);
	return make_key(room, i + 1, dir->a, (uint32_t)dir->b);
}

static struct inode_key own_key(const struct side_room *room, uint32_t no,
				uint32_t seq)
{
	if (room->own_opens != NULL)
		return make_key(room->own_opens, 0, no, seq);
	return make_key(room, SIDE_OWN_ENTRY, no, seq);
}

bool side_is_dir(const struct inode_key *key)
{
	return entry_of(key) == 0;
}

int side_lookup(struct atfs *fs, const struct inode_key *dir, const char *name,
		struct cache_waiter *w, struct inode_key *ret)
{
	const struct side_room *room = room_of(dir);
	struct side_where at = where(fs, dir);
	uint32_t seq;
	int r;

	if (!side_is_dir(dir))
		return -ENOTDIR;
	for (unsigned i = 0; i < room->n; i++) {
		if (strcmp(room->entries[i].name, name) == 0) {
			*ret = entry_key(room, i, dir);
			return 0;
		}
	}
	if (room->lookup == NULL)
		return -ENOENT;
	r = room->lookup(&at, name, w, &seq);
	if (r == 0)
		*ret = own_key(room, dir->a, seq);
	return r;
}

static int list_own(const struct side_room *room, const struct side_where *at,
		    uint64_t after, struct side_listed *ret, size_t max,
		    struct cache_waiter *w)
{
	struct side_name names[16];
	uint32_t seq = after > OWN_OFFSET ? (uint32_t)(after - OWN_OFFSET) : 0;
	int n;

	if (max > sizeof(names) / sizeof(names[0]))
		max = sizeof(names) / sizeof(names[0]);
	n = room->list(at, seq, names, max, w);
	for (int i = 0; i < n; i++) {
		memcpy(ret[i].name, names[i].name, NAME_BUF);
		ret[i].key = own_key(room, at->no, names[i].seq);
		ret[i].offset = OWN_OFFSET + names[i].seq;
	}
	return n;
}

int side_list(struct atfs *fs, const struct inode_key *dir, uint64_t after,
	      struct side_listed *ret, size_t max, struct cache_waiter *w)
{
	const struct side_room *room = room_of(dir);
	struct side_where at = where(fs, dir);
	size_t n = 0;

	for (unsigned i = 0; i < room->n && n < max; i++) {
		if (FIRST_OFFSET + i <= after)
			continue;
		strcpy(ret[n].name, room->entries[i].name);
		ret[n].key = entry_key(room, i, dir);
		ret[n].offset = FIRST_OFFSET + i;
		n++;
	}
	if (n > 0 || room->list == NULL)
		return (int)n;
	return list_own(room, &at, after, ret, max, w);
}

static bool can_read(const struct inode_key *key)
{
	const struct side_entry *e = find_entry(key);

	return e != NULL ? e->text != NULL :
			   entry_of(key) == SIDE_OWN_ENTRY;
}

static int make_text(struct atfs *fs, const struct inode_key *key, char **ret)
{
	const struct side_entry *e = find_entry(key);
	struct side_where at = where(fs, key);

	return e != NULL ? e->text(&at, ret) : room_of(key)->text(&at, ret);
}

static int64_t now_ns(void)
{
	return clock_mono_ns(&system_clock);
}

/* Sees to it that the inode has a text, new if fresh or old enough. */
static int renew(struct atfs *fs, const struct inode_view *v, bool fresh)
{
	struct side_text *t = v->data, *own;
	char *text = NULL, *old;
	size_t n;
	bool same;
	int r;

	if (t == NULL) {
		own = calloc(1, sizeof(*own));
		if (own == NULL)
			return -ENOMEM;
		t = inode_set_data(fs->inodes, v->nodeid, own);
		if (t != own)
			free(own);
		if (t == NULL)
			return -ESTALE;
	}
	pthread_mutex_lock(&fs->side_mu);
	same = !fresh && t->text != NULL &&
	       now_ns() - t->made_ns < SIDE_KEEP_MS * NS_PER_MS;
	pthread_mutex_unlock(&fs->side_mu);
	if (same)
		return 0;
	r = make_text(fs, &v->key, &text);
	if (r < 0)
		return r;
	n = strlen(text);
	pthread_mutex_lock(&fs->side_mu);
	t->made_ns = now_ns();
	same = t->text != NULL && t->n == n && memcmp(t->text, text, n) == 0;
	old = same ? text : t->text;
	if (!same) {
		int64_t wall = clock_wall_ms(&system_clock);

		t->text = text;
		t->n = n;
		t->mtime_ms = wall > t->mtime_ms ? wall : t->mtime_ms + 1;
	}
	pthread_mutex_unlock(&fs->side_mu);
	free(old);
	return 0;
}

/* The text after renew(); caller holds side_mu. The inode's data is set once,
 * so a view from before may lack it. */
static struct side_text *text_locked(struct atfs *fs,
				     const struct inode_view *v)
{
	struct inode_view now;

	if (v->data != NULL)
		return v->data;
	return inode_get(fs->inodes, v->nodeid, &now) == 0 ? now.data : NULL;
}

/* A number that stays and is nobody else's: (room, entry), the base or table
 * and seq side by side as far as they fit, the rest folded in. */
static ino_t number_of(const struct inode_key *key)
{
	uint64_t node = key->b >> 32, seq = (uint32_t)key->b, no = key->a;

	return SIDE_INO_BIT | node << 48 | (no & 0xffff) << 32 |
	       ((no >> 16 << 20) ^ seq);
}

int side_stat(struct atfs *fs, const struct inode_view *v, bool fresh,
	      struct stat *ret)
{
	const struct side_entry *e = find_entry(&v->key);
	struct side_text *t;
	int64_t mtime_ms = fs->start_ms;
	int r = 0;

	memset(ret, 0, sizeof(*ret));
	if (can_read(&v->key)) {
		r = renew(fs, v, fresh);
		if (r < 0)
			return r;
		pthread_mutex_lock(&fs->side_mu);
		t = text_locked(fs, v);
		if (t != NULL) {
			ret->st_size = (off_t)t->n;
			mtime_ms = t->mtime_ms;
		}
		pthread_mutex_unlock(&fs->side_mu);
	}
	if (side_is_dir(&v->key))
		ret->st_mode = S_IFDIR |
			       (room_of(&v->key)->remove != NULL ? 0755 : 0555);
	else if (e == NULL)
		ret->st_mode = S_IFREG |
			       (room_of(&v->key)->remove != NULL ? 0644 : 0444);
	else
		ret->st_mode = S_IFREG | e->mode;
	ret->st_nlink = side_is_dir(&v->key) ? 2 : 1;
	ret->st_ino = number_of(&v->key);
	ret->st_mtim = attr_time_of_ms(mtime_ms);
	ret->st_atim = ret->st_ctim = ret->st_mtim;
	ret->st_uid = fs->uid;
	ret->st_gid = fs->gid;
	ret->st_blksize = 4096;
	ret->st_blocks = (ret->st_size + 511) / 512;
	return 0;
}

int side_read(struct atfs *fs, const struct inode_view *v, size_t n,
	      uint64_t off, char **ret, size_t *ret_n)
{
	struct side_text *t = v->data;
	char *buf;
	int r;

	if (side_is_dir(&v->key))
		return -EISDIR;
	if (!can_read(&v->key))
		return -EACCES;
	if (t == NULL) {
		r = renew(fs, v, true);
		if (r < 0)
			return r;
	}
	pthread_mutex_lock(&fs->side_mu);
	t = text_locked(fs, v);
	if (t == NULL || t->text == NULL || off >= t->n)
		n = 0;
	else if (n > t->n - off)
		n = t->n - (size_t)off;
	buf = malloc(n + 1);
	if (buf != NULL && n > 0)
		memcpy(buf, t->text + off, n);
	pthread_mutex_unlock(&fs->side_mu);
	if (buf == NULL)
		return -ENOMEM;
	*ret = buf;
	*ret_n = n;
	return 0;
}

int side_truncate(const struct inode_key *key)
{
	const struct side_entry *e = find_entry(key);

	if (side_is_dir(key))
		return -EISDIR;
	return e != NULL && e->write != NULL ? 0 : -EACCES;
}

int side_write(struct atfs *fs, const struct inode_key *key, const char *text,
	       int64_t started_ns, struct cache_waiter *w)
{
	const struct side_entry *e = find_entry(key);
	struct side_where at = where(fs, key);
	int r = side_truncate(key);

	return r < 0 ? r : e->write(&at, text, started_ns, w);
}

/* The file of its own making that may be taken out of the room. */
static int find_removable(struct atfs *fs, const struct inode_key *dir,
			  const char *name, struct side_where *ret)
{
	const struct side_room *room = room_of(dir);

	if (!side_is_dir(dir) || room->remove == NULL)
		return -EPERM;
	if (fs->opt->read_only)
		return -EROFS;
	*ret = where(fs, dir);
	return room->lookup(ret, name, NULL, &ret->seq);
}

int side_unlink(struct atfs *fs, const struct inode_key *dir, const char *name)
{
	struct side_where at;
	int r = find_removable(fs, dir, name, &at);

	return r < 0 ? r : room_of(dir)->remove(&at);
}

int side_take(struct atfs *fs, const struct inode_key *dir, const char *name,
	      char **ret, uint32_t *ret_table)
{
	struct side_where at;
	int r = find_removable(fs, dir, name, &at);

	*ret_table = dir->a;
	return r < 0 ? r : room_of(dir)->text(&at, ret);
}

int side_find_record(const struct side_where *at, const char *name, bool dir,
		     struct cache_waiter *w, uint32_t *ret_seq)
{
	char full[NAME_BUF + sizeof(RECORD_SUFFIX)];
	struct cache_stat st;
	int r = -ENOENT;

	snprintf(full, sizeof(full), "%s%s", name, dir ? RECORD_SUFFIX : "");
	if (strlen(full) <= NAME_BYTES_MAX && name_is_record(full))
		r = cache_lookup_record(at->fs->cache, at->no, full, &st, w);
	if (r == 0)
		*ret_seq = st.key.seq;
	return r;
}

void side_cut_suffix(char *name)
{
	size_t n = strlen(name), k = strlen(RECORD_SUFFIX);

	if (n > k && strcmp(name + n - k, RECORD_SUFFIX) == 0)
		name[n - k] = '\0';
}

void side_drop(void *data)
{
	struct side_text *t = data;

	if (t == NULL)
		return;
	free(t->text);
	free(t);
}
