/* changes - what changed lately, so that an answer which was on its way to the
 * kernel when a change came can be taken back.
 *
 * A notification about something that the kernel does not hold yet is lost,
 * and an answer read from the cache before the change would then stay for as
 * long as its timeout says. So whoever answers takes a mark before asking the
 * cache, and asks after the reply what changed since; if it did, it
 * invalidates. Marks are cheap; so is asking when nothing changed.
 *
 * The second half remembers names for which the kernel was told "there is
 * none, for long", so that only those are invalidated when a name appears.
 *
 * Owns:    a ring of the last CHANGES_KEPT changes and a bitmap, both fixed.
 * Threads: any; one mutex inside, a leaf.
 * Errors:  none: what is not known any more counts as changed, and a name may
 *          be taken for remembered by accident. Both cost one notification. */
#ifndef ATFS_CHANGES_H
#define ATFS_CHANGES_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define CHANGES_KEPT 1024
#define CHANGES_NAME_BITS (UINT32_C(1) << 20)

enum change_flags {
	CHANGE_BYTES = 1u << 0, /* content or attributes of a record */
	CHANGE_NAME = 1u << 1,  /* its name is gone */
	CHANGE_NEW = 1u << 2,   /* with seq 0: a name came in the table */
};

struct changes {
	pthread_mutex_t mu;
	_Atomic uint64_t count;
	struct change {
		uint32_t table, seq;
		unsigned flags;
	} ring[CHANGES_KEPT];
	_Atomic uint32_t missing[CHANGES_NAME_BITS / 32];
};

void changes_init(struct changes *c);
void changes_release(struct changes *c);

uint64_t changes_mark(struct changes *c);
void changes_note(struct changes *c, uint32_t table, uint32_t seq,
		  unsigned flags);
/* The flags of all changes of (table, seq) since the mark. */
unsigned changes_since(struct changes *c, uint64_t mark, uint32_t table,
		       uint32_t seq);

void changes_told_missing(struct changes *c, uint32_t table, const char *name);
bool changes_is_missing(struct changes *c, uint32_t table, const char *name);

#endif
