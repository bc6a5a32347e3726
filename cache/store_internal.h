/* store_internal - what the files of the store share: its connections and its
 * statements.
 *
 * A record's row number is pos = table_no * 2^32 + seq, so that the rows of a
 * table lie together in the order of seq. Bodies and raws are in a table of
 * their own, so that walking names and attributes does not walk them.
 * Threads: store_reader hands each caller a connection of its own; the thread
 *          that is between begin and commit reads through the writer, and so
 *          sees what it has written. */
#ifndef ATFS_STORE_INTERNAL_H
#define ATFS_STORE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "sqlite.h"
#include "airtable/lock.h"
#include "store.h"

#define STORE_READERS 4

/* How many former raws of a record are kept. */
#define STORE_VERSIONS 8

/* Values of record.seen that no listing has. */
#define SEEN_SPARED 0 /* survives the next sweep, which makes it SEEN_OLD */
#define SEEN_OLD STORE_UNSEEN

/* The counters of the table that was last written to. */
struct store_counters {
	uint32_t table_no; /* 0: none loaded */
	int64_t next_seq, rows;
	bool moved;        /* differs from what is stored */
};

struct store {
	char *path;
	struct sql writer;
	struct lock write_mu;
	_Atomic pthread_t owner; /* who is between begin and commit, or 0 */
	int txn_err;             /* the first failure within; spoils commit */
	struct store_counters at; /* writer's */

	int wal_pages;           /* writer's: length of the -wal */

	pthread_mutex_t fold_mu;
	pthread_cond_t fold_moved;
	pthread_t folder;
	bool folding;            /* the thread is there; writer's */
	bool fold_wanted, fold_stop; /* guarded by fold_mu */

	pthread_mutex_t pool_mu;
	pthread_cond_t pool_freed;
	struct sql readers[STORE_READERS]; /* each with whoever holds it */
	bool open[STORE_READERS];          /* guarded by pool_mu */
	bool busy[STORE_READERS];          /* guarded by pool_mu */
	bool no_more;                      /* open them; guarded by pool_mu */
	_Atomic bool bad;        /* damage was met: marked for the next open */
};

enum store_stmt {
	SS_BEGIN, SS_COMMIT,
	SS_VALUE, SS_VALUE_SET, SS_VALUE_DROP,
	SS_BASE_NEXT, SS_BASE_FIND, SS_BASE_HOLDER, SS_BASE_RENAME,
	SS_BASE_ADD, SS_BASE_SET,
	SS_TABLE_NEXT, SS_TABLE_FIND, SS_TABLE_HOLDER, SS_TABLE_RENAME,
	SS_TABLE_ADD, SS_TABLE_SET,
	SS_COUNTERS, SS_COUNTERS_SET, SS_COUNT,
	SS_GET, SS_GET_FULL, SS_NAME, SS_NAME_FULL, SS_ID, SS_ID_FULL,
	SS_LOCAL,
	SS_LIST, SS_LIST_FULL, SS_VERSIONS, SS_VERSION, SS_PRIMARY,
	SS_STORED, SS_HOLDER, SS_NAMING, SS_ADD, SS_SET, SS_CONTENT, SS_RENAME,
	SS_SEEN, SS_SET_ID, SS_SET_TIMES, SS_SET_SIZE,
	SS_VERSION_ADD, SS_VERSION_TRIM,
	SS_DROP, SS_DROP_CONTENT, SS_DROP_VERSIONS,
	SS_UNSEEN, SS_AGE,
	SS_N
};
extern const char *const store_text[SS_N];

static inline int64_t store_pos(uint32_t table_no, uint32_t seq)
{
	return (int64_t)((uint64_t)table_no << 32 | seq);
}

/* ---- store.c ---- */
/* Is this thread between begin and commit? */
bool store_is_owner(struct store *s);
/* A connection to read with, given back with store_reader_done. */
int store_reader(struct store *s, struct sql **ret);
void store_reader_done(struct store *s, struct sql *q);
/* The connection to write with: only between begin and commit, by the thread
 * that began, and only while nothing has failed. */
int store_writer(struct store *s, struct sql **ret);
/* Passes r on; a failure that leaves a statement half done spoils the commit,
 * so that a page is written whole or not at all. */
int store_wrote(struct store *s, int r);
/* The counters of the table, loaded into s->at. */
int store_load_counters(struct store *s, uint32_t table_no);
int store_save_counters(struct store *s);

/* ---- store_text.c ---- */
#define STORE_APPLICATION_ID 0x41544353 /* "ATCS" */
#define STORE_VERSION 3
extern const char store_tables[]; /* makes the tables of an empty file */

#endif
