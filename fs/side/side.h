/* side - the side rooms: files that no server has, whose text is made when
 * someone looks.
 *
 * ".airtable" is in the root, in every base and every table. A room is a table
 * of entries; an entry is a file with a text or a write function (or both), or
 * a directory that opens another room. A room may also have entries of its
 * own making: files, one per record (info/), or directories, each a room of
 * that record (history/), whose entries then know the record by its seq.
 *
 * A text is made anew by each look-up of its name, and by a stat of it once it
 * is SIDE_KEEP_MS old; reads are served from the text last made, so that one
 * reader sees one version, and its mtime moves when it differs from the one
 * before. The kernel keeps attributes of these files for no time.
 *
 * A node of a room is named by (room, entry, number of the base or table,
 * seq): inode.h's key with a = number, b = (room << 8 | entry) << 32 | seq.
 * Entry 0 is the room's directory, 255 one of its own making.
 *
 * Owns:    texts, with the inode (side_drop).
 * Threads: any. atfs.side_mu guards texts, a leaf; text functions run without
 *          it. They do not wait for the network; write functions may park.
 * Errors:  -EACCES read of a write-only file and the reverse; else what the
 *          cache says. */
#ifndef ATFS_SIDE_H
#define ATFS_SIDE_H

#include "../atfs_int.h"

#define SIDE_KEEP_MS 1000

struct side_room;

struct side_where {
	struct atfs *fs;
	uint32_t no;  /* of the base or table; 0 in the root */
	uint32_t seq; /* of the record, or other thing, in a room with such
	                 entries, and in a room of one */
};

struct side_entry {
	const char *name;
	mode_t mode;                    /* of a file, permissions only */
	const struct side_room *opens;  /* not NULL: a directory */
	int (*text)(const struct side_where *at, char **ret);
	/* text: what one write(2) brought, NUL-terminated. started_ns: when the
	 * request came (monotonic), the same in every attempt. */
	int (*write)(const struct side_where *at, const char *text,
		     int64_t started_ns, struct cache_waiter *w);
};

struct side_name {
	uint32_t seq;
	char name[NAME_BUF];
};

struct side_room {
	unsigned number;
	const struct side_entry *entries;
	unsigned n;
	/* Entries of its own making; all NULL if it has none. They are files
	 * with this text, or directories that open that room. */
	int (*lookup)(const struct side_where *at, const char *name,
		      struct cache_waiter *w, uint32_t *ret_seq);
	int (*list)(const struct side_where *at, uint32_t after,
		    struct side_name *ret, size_t max, struct cache_waiter *w);
	int (*text)(const struct side_where *at, char **ret);
	const struct side_room *own_opens;
	/* Its files may be removed (and so moved into the table); seq says
	 * which. NULL = not. */
	int (*remove)(const struct side_where *at);
};

extern const struct side_room side_room_root, side_room_base, side_room_table,
	side_room_info, side_room_conflicts, side_room_conflict,
	side_room_history, side_room_past, side_room_trash;

#define SIDE_OWN_ENTRY 255u

/* The key of ".airtable" in a root, base or table. */
struct inode_key side_key_in(const struct inode_key *dir);
/* The key of name in the room that dir is. -ENOENT, CACHE_PARKED, -EAGAIN. */
int side_lookup(struct atfs *fs, const struct inode_key *dir, const char *name,
		struct cache_waiter *w, struct inode_key *ret);
/* Entries after offset after, ascending; at most max. Returns how many. */
struct side_listed {
	char name[NAME_BUF];
	struct inode_key key;
	uint64_t offset;
};
int side_list(struct atfs *fs, const struct inode_key *dir, uint64_t after,
	      struct side_listed *ret, size_t max, struct cache_waiter *w);

bool side_is_dir(const struct inode_key *key);
/* v: held by the caller. fresh: makes the text anew however young it is. */
int side_stat(struct atfs *fs, const struct inode_view *v, bool fresh,
	      struct stat *ret);
/* A copy of at most n bytes; *ret is the caller's. */
int side_read(struct atfs *fs, const struct inode_view *v, size_t n,
	      uint64_t off, char **ret, size_t *ret_n);
/* What O_TRUNC and ftruncate do: nothing, where writing is allowed. */
int side_truncate(const struct inode_key *key);
int side_write(struct atfs *fs, const struct inode_key *key, const char *text,
	       int64_t started_ns, struct cache_waiter *w);
/* rm: -EPERM where files come and go by themselves. */
int side_unlink(struct atfs *fs, const struct inode_key *dir, const char *name);
/* A file that may be moved into a table: its text and the table that it is of.
 * -EPERM as above. */
int side_take(struct atfs *fs, const struct inode_key *dir, const char *name,
	      char **ret, uint32_t *ret_table);
void side_drop(void *data);

/* For rooms with one entry per record: names with ".json" or, of directories,
 * without. */
int side_find_record(const struct side_where *at, const char *name, bool dir,
		     struct cache_waiter *w, uint32_t *ret_seq);
void side_cut_suffix(char *name);

#endif
