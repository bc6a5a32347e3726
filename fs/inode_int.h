/* inode_int - the insides of the inode table, for inode.c and place.c alone. */
#ifndef ATFS_INODE_INT_H
#define ATFS_INODE_INT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "inode.h"

#define ROOT_NODEID 1

struct place {
	struct inode *parent; /* counted in its refs; NULL = the orphanage */
	char name[];
};

struct inode {
	uint64_t nodeid;
	uint64_t lookups;     /* the kernel's references */
	struct inode *id_next, *key_next;
	uint64_t b;
	uint32_t a;
	uint32_t refs;        /* places that name it as parent */
	uint8_t kind;
	uint8_t flags;
	bool hashed;          /* in the key table */
	struct place *place;
	void *data;
};

/* all guarded by mu */
struct inode_tab {
	pthread_mutex_t mu;
	inode_drop_fn *drop;
	void *ctx;
	struct inode **by_id, **by_key;
	size_t buckets; /* of each; a power of two */
	size_t n;
	uint64_t next_nodeid;
};

struct inode *inode_find_id(const struct inode_tab *t, uint64_t nodeid);
struct inode *inode_find_key(const struct inode_tab *t,
			     const struct inode_key *k);
/* Takes i and every parent that nothing holds any more out of the table; they
 * are chained by id_next for inode_drop_chain, which wants no lock. */
struct inode *inode_reap(struct inode_tab *t, struct inode *i);
void inode_drop_chain(struct inode_tab *t, struct inode *chain);
struct inode *inode_make(struct inode_tab *t, const struct inode_key *k);
/* Puts i at (parent, name); a parent that this sets free goes to *chain. */
int inode_place_locked(struct inode_tab *t, struct inode *i, uint64_t parent,
		       const char *name, struct inode **chain);

#endif
