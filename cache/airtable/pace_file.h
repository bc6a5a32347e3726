/* pace_file - the limiter's table in a file that every mount of this user maps,
 * and the lock around it. What the table means is limiter.c's; here it is made,
 * mapped, locked and, where it was spoilt, begun anew.
 * Format:  struct pace_table as it lies in memory, for this machine alone. A
 *          file that is empty or of another boot (the times are
 *          CLOCK_MONOTONIC) begins empty. One that is too short or has another
 *          header begins empty too, but with doubt: nobody knows what was sent.
 *          It is never shortened nor exchanged, so no map ever loses its file.
 * Locks:   open file description locks: the kernel drops them when the last
 *          descriptor is closed, however the process ended, and a fork keeps
 *          them. Byte 0 is the table. A byte of each owner is held as long as
 *          its file is open, which tells who is alive.
 *          A process killed inside leaves PACE_INSIDE behind; every store is
 *          ordered so that a half of it is harmless.
 * Owns:    descriptor, map, path. Threads: one at a time for one pace_file.
 * Errors:  -errno of open and friends; -EINVAL no plain file; -EPERM of another
 *          user; -EBUSY the lock is held too long; -EUSERS too many mounts. */
#ifndef AIRTABLE_PACE_FILE_H
#define AIRTABLE_PACE_FILE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ids.h"
#include "slowdown.h"

/* Those of airtable-api.md 6.1; limiter.h has the source. */
#define PACE_PER_BASE 5
#define PACE_PER_USER 50
/* Ours. No more than PACE_PER_USER bases can be in use within a second; the
 * others are for those that rest. */
#define PACE_BASES 256
#define PACE_OWNERS 128 /* mounts at a time */

#define PACE_MAGIC UINT64_C(0x65636170736674a1)
#define PACE_VERSION 2

enum pace_stamp_state {
	PACE_NONE,      /* an unused place */
	PACE_LEFT,      /* a request left at at_ns */
	PACE_UNDER_WAY, /* + owner: granted at at_ns, has not left yet */
};

struct pace_stamp {
	int64_t at_ns;
	uint32_t state;
	uint32_t zero;
};

struct pace_base {
	char id[ATFS_ID_MAX]; /* "" = an unused place */
	int64_t rest_until_ns;
	struct slowdown slow;
	/* A mount in which somebody waits has the next place: limiter_claim. */
	int64_t claim_until_ns; /* 0 = nobody */
	int64_t claim_next_ns;  /* not before by the same one */
	uint32_t claim_owner;   /* + 1; whoever claimed last */
	uint32_t zero;
	struct pace_stamp sends[PACE_PER_BASE]; /* in no order */
};

enum pace_trouble {
	PACE_FINE,
	PACE_INSIDE,  /* somebody is inside, or was when he ended */
	PACE_IN_DOUBT /* begun anew; what was sent before is unknown */
};

struct pace_table {
	uint64_t magic;
	uint32_t version;
	uint32_t bytes; /* of all of it */
	char boot[40];
	_Atomic uint32_t trouble; /* an enum pace_trouble */
	uint32_t zero;
	int64_t rest_until_ns; /* of all bases */
	struct slowdown slow;  /* of all together */
	struct pace_stamp user[PACE_PER_USER];
	struct pace_base bases[PACE_BASES];
};

struct pace_file {
	struct pace_table *table;
	int fd;      /* -1: private memory, nothing is locked */
	char *path;
	uint32_t owner;      /* our number in this table */
	uint64_t attached_n; /* changes with the table, and owner with it */
	char boot[40];
};

/* path NULL = private memory. The directory must be there; the file is made
 * with mode 0600 whatever the umask. */
int pace_open(struct pace_file *f, const char *path);
void pace_close(struct pace_file *f); /* NULL members are fine */

/* Locks the table. Returns in *ret_trouble how it was found. -EBUSY: somebody
 * holds the lock longer than he should (he may have been stopped); try later.
 * Between enter and leave nothing may block. */
int pace_enter(struct pace_file *f, enum pace_trouble *ret_trouble);
void pace_leave(struct pace_file *f);

/* Inside: does this owner still have the file open? */
bool pace_is_alive(const struct pace_file *f, uint32_t owner);

#endif
