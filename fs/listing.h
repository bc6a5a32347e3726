/* listing - the buffer of one readdir answer while it is filled, and what it
 * made the kernel hold.
 * Units:   bytes. Owns: the buffer, and contents that wait to be pushed.
 * Threads: one at a time. Errors: -ENOMEM. */
#ifndef ATFS_LISTING_H
#define ATFS_LISTING_H

#include "atfs_int.h"

struct listing_held {
	uint64_t nodeid;      /* 0 = none: plain readdir, "." and ".." */
	struct rec_key key;   /* seq 0 = no record */
	size_t at;            /* of the entry in buf */
	char *bytes;          /* to push, or NULL */
	size_t n;
};

struct listing {
	bool plus;
	bool ended;           /* nothing is left to list behind it */
	fuse_req_t req;
	char *buf;
	size_t size, used;
	struct listing_held *held;
	size_t held_n, held_cap;
};

int listing_new(fuse_req_t req, size_t size, bool plus, struct listing **ret);
/* Frees; forgets nothing. */
void listing_free(struct listing *l);
/* False if it does not fit: the caller forgets what e holds and stops. With
 * plus e is held by the caller (or e->ino is 0). key.seq 0 = no record.
 * *bytes is taken (set to NULL) if the entry fits. */
bool listing_add(struct listing *l, const char *name,
		 const struct fuse_entry_param *e, off_t next,
		 struct rec_key key, char **bytes, size_t n);
/* The most entries that can still fit. */
size_t listing_room(const struct listing *l);
/* The name of an entry, cut from the buffer; caller frees. NULL = no memory.*/
char *listing_name(const struct listing *l, const struct listing_held *h);

#endif
