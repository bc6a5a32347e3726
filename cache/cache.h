/* cache - an Airtable account as bases, tables and record files: the facade,
 * and the only header that fs/ includes.
 *
 * Objects are named by small numbers that stay the same while cache.db lives:
 * base and table numbers from 1, a record by (table, seq).
 *
 * Waiting: no call here waits for the network. A call that takes a waiter
 * either answers, or returns CACHE_PARKED after queueing the waiter; the
 * network thread later calls waiter->wake() exactly once, with no lock held:
 *   wake(w, 0)     something came in: make the same call again
 *   wake(w, -err)  it will not come: answer the caller with that error
 * unless cache_cancel() took the waiter back first. With waiter NULL such a
 * call returns -EAGAIN instead of parking. With CACHE_LOCAL it is answered from
 * the cache alone and sets nothing off: no reading, no revalidation, nothing
 * ahead; what is not there (yet) is -EBUSY, never -ENOENT or an end.
 *
 * Units:   times are Unix ms; sizes bytes; seq is also a readdir offset.
 * Owns:    strings returned through char ** are the caller's (free).
 * Threads: every call from any thread. Events and wake() come on the network
 *          thread or on the thread of the call that caused them, never with a
 *          lock held; they must not block and must not call back into cache
 *          except from wake().
 * Errors:  0 or negative errno. ENOENT means that the server (or the user, by
 *          rm) said so; network trouble is ENETUNREACH, ETIMEDOUT, EREMOTEIO,
 *          EACCES (token, scope), EDQUOT (monthly cap). */
#ifndef ATFS_CACHE_H
#define ATFS_CACHE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "account.h"
#include "airtable/clock.h"
#include "airtable/error.h"
#include "airtable/lock.h"
#include "airtable/log.h"
#include "name.h"
#include "recfile.h"

#define CACHE_PARKED (-EINPROGRESS)

struct cache;
struct http_transport;

struct rec_key {
	uint32_t table, seq;
};

struct cache_events {
	void *ctx;
	/* Bytes or attributes of a record are no longer what was handed out. */
	void (*record_changed)(void *ctx, struct rec_key key);
	/* A name came or went in a table's directory. */
	void (*name_new)(void *ctx, uint32_t table, const char *name);
	void (*name_gone)(void *ctx, uint32_t table, const char *name,
			  struct rec_key key);
	/* The tables of a base (or, base 0, the bases) changed: a name came,
	 * went, or a permission changed. */
	void (*dir_changed)(void *ctx, uint32_t base);
	/* The modes of a table's directory and of its records are others. */
	void (*modes_changed)(void *ctx, uint32_t table);
};

struct cache_config {
	const char *endpoint;    /* NULL: $AIRTABLE_ENDPOINT_URL, else Airtable */
	const char *base;        /* only this one, by id or name; NULL = all */
	const char *profile;     /* NULL = "default" */
	const char *token_file;  /* NULL = the usual sources (token.h) */
	const char *ca_file;     /* NULL = the system's */
	const char *mountpoint;  /* for messages of a second daemon */
	bool read_only;
	bool names_by_id;        /* -o names=id */
	bool hide_computed;      /* -o computed=hide */
	bool typecast;
	const char *upsert_key;  /* -o upsert_key=: a field's name or id; records
	                            are made by merging on it; NULL = not */
	bool no_conflict_check;  /* -o conflict=off */
	int64_t ttl_ms;          /* 60,000: age after which an access revalidates;
	                            0 = never by itself */
	int64_t full_ttl_ms;     /* 3,600,000: age of its last full listing after
	                            which a large table is listed again */
	bool live;               /* -o live: one webhook a base tells what
	                            changed; ttl_ms is how often it is asked */
	int64_t writeback_ms;    /* 1,000: quiet time before a flush */
	int64_t delete_delay_ms; /* 5,000 */
	unsigned max_deletes;    /* 100 a minute; 0 = no brake */
	uint64_t max_calls_month; /* airtable/budget.h; 0 = no budget */
	struct cache_events events;
	/* For tests; NULL = the system's clock, curl. With a transport given no
	 * thread is started: the test turns the loop (cache_turn). The cache
	 * takes the transport over. */
	const char *boot_id;      /* NULL = the machine's */
	const struct clock_source *clock;
	const struct http_transport *transport;
};

/* Opens (creates) cache and state directories of this profile and source,
 * takes their lock (-EBUSY: another daemon has them, reterr says which), reads
 * the token, replays the journal. No network, no thread. */
int cache_open(const struct cache_config *conf, struct cache **ret,
	       struct atfs_error *reterr);
/* Starts the network thread. If nothing was ever cached, waits (at most
 * timeout_ms) for the list of bases and reports why it cannot be had. */
int cache_start(struct cache *c, int timeout_ms, struct atfs_error *reterr);
/* Sends what is unsent for at most drain_ms, then stops. Returns how many
 * operations remain in the journal (0 = all sent). */
int cache_stop(struct cache *c, int drain_ms);
void cache_free(struct cache *c);

/* Reads the token again from its sources, as it does by itself when it is
 * refused. At once, in the background. */
void cache_reload_token(struct cache *c);

/* One turn of the loop by hand, for tests with a transport of their own. */
void cache_turn(struct cache *c);

/* Where fs may keep local scratch files (exists, 0700). Borrowed. */
const char *cache_scratch_dir(const struct cache *c);

struct cache_waiter {
	void (*wake)(struct cache_waiter *w, int err);
	/* private to cache */
	struct cache_waiter *next;
	struct cache_waiter **pprev;
	void *queue;
	int64_t deadline_ns;
	int wake_err;
};
extern struct cache_waiter cache_local; /* never queued nor woken */
#define CACHE_LOCAL (&cache_local)
/* True: taken back, wake() will not be called. False: it was or will be. */
bool cache_cancel(struct cache *c, struct cache_waiter *w);

/* ---- directories ---- */
struct cache_dir {
	uint32_t no;          /* base or table number */
	uint32_t parent;      /* base of a table; 0 of a base */
	char name[NAME_BUF];
	uint64_t ino;         /* st_ino, from the remote id */
	bool writable;
	int64_t mtime_ms;     /* when a name in it last came or went */
	uint32_t subdirs;     /* tables of a base if known; 0 */
};
/* Entries with no > after, ascending. Returns how many, 0 = end. */
int cache_list_bases(struct cache *c, uint32_t after, struct cache_dir *ret,
		     size_t max, struct cache_waiter *w);
int cache_list_tables(struct cache *c, uint32_t base, uint32_t after,
		      struct cache_dir *ret, size_t max,
		      struct cache_waiter *w);
/* Before a part of a listing is read: by which process (0 = not known), of a
 * table, else of a base, else (both 0) of the root. Who walks is read ahead. */
void cache_note_reader(struct cache *c, uint32_t who, uint32_t base,
		       uint32_t table);
int cache_lookup_base(struct cache *c, const char *name, struct cache_dir *ret,
		      struct cache_waiter *w);
int cache_lookup_table(struct cache *c, uint32_t base, const char *name,
		       struct cache_dir *ret, struct cache_waiter *w);
/* A directory is opened: a table, else a base, else (both 0) the root. What is
 * older than ttl is revalidated in the background. Never waits; w is NULL or
 * CACHE_LOCAL. -ESTALE. */
int cache_open_dir(struct cache *c, uint32_t base, uint32_t table,
		   const struct cache_waiter *w);
int cache_stat_root(struct cache *c, struct cache_dir *ret);
int cache_stat_base(struct cache *c, uint32_t base, struct cache_dir *ret);
int cache_stat_table(struct cache *c, uint32_t table, struct cache_dir *ret);

/* ---- records ---- */
struct cache_stat {
	struct rec_key key;
	uint64_t ino;        /* st_ino */
	uint64_t size;
	int64_t mtime_ms, ctime_ms;
	bool writable;
	bool draft;          /* holds local changes: never push into page cache */
};
struct cache_entry {
	char name[NAME_BUF];
	struct cache_stat st;
	char *bytes;         /* the content if asked for; caller frees */
};
/* Entries with seq > after, ascending. Returns how many; 0 = end of a table
 * read completely; CACHE_PARKED = nothing more yet. */
int cache_list_records(struct cache *c, uint32_t table, uint32_t after,
		       struct cache_entry *ret, size_t max, bool with_bytes,
		       struct cache_waiter *w);
/* name: as listed, or "recXXXXXXXXXXXXXX.json". -ENOENT once the table is read
 * completely. Names that are no record names are -ENOENT at once. */
int cache_lookup_record(struct cache *c, uint32_t table, const char *name,
			struct cache_stat *ret, struct cache_waiter *w);
/* Local, never wait; w is NULL or CACHE_LOCAL. -ESTALE if the record is gone. A
 * look at a table that is older than ttl, here as above, revalidates it in the
 * background. */
int cache_stat_record(struct cache *c, struct rec_key key,
		      struct cache_stat *ret, struct cache_waiter *w);
int cache_read_record(struct cache *c, struct rec_key key, char **ret,
		      size_t *ret_n);
/* The same where nobody gets to see it: what an editor holds is not newer for
 * that (stale.c). */
int cache_peek_record(struct cache *c, struct rec_key key, char **ret,
		      size_t *ret_n);
/* The present name; -ESTALE if it has none. */
int cache_record_name(struct cache *c, struct rec_key key,
		      char ret[static NAME_BUF]);

/* ---- changes; each is judged as design says and durable before it returns.
 * -EROFS mount or -EACCES base is read-only; else recfile.h's errors ---- */
int cache_write(struct cache *c, struct rec_key key, const char *buf, size_t n,
		uint64_t off);
int cache_truncate(struct cache *c, struct rec_key key, uint64_t size);
int cache_fsync(struct cache *c, struct rec_key key);
/* What was created, renamed or removed so far survives loss of power. */
int cache_sync_names(struct cache *c);
/* A descriptor that was open for writing was closed: judge what is there.
 * The answer is only for -o close=sync; others ignore it. */
int cache_closed(struct cache *c, struct rec_key key);
int cache_set_mtime(struct cache *c, struct rec_key key, int64_t mtime_ms);

/* A new file NAME.json with no content, or, if a record of that name was just
 * removed or renamed away, that record again. -EEXIST. */
int cache_create(struct cache *c, uint32_t table, const char *name,
		 struct cache_stat *ret);
/* rm. The key of what was removed in ret_key (may be NULL). */
int cache_unlink(struct cache *c, uint32_t table, const char *name,
		 struct rec_key *ret_key);
/* Renames a record within its table: sets its primary field; or, when to is an
 * existing record, saves the content over it and removes this one. ret_over
 * (may be NULL): the record that to named before, seq 0 if none; ret_key: the
 * record that to names now. */
int cache_rename(struct cache *c, uint32_t table, const char *from,
		 const char *to, struct rec_key *ret_over,
		 struct rec_key *ret_key);
/* A local file's content takes the place of NAME.json (rename over), creating
 * it if there is none. Refused content leaves everything as it was. */
int cache_replace(struct cache *c, uint32_t table, const char *name,
		  const char *bytes, size_t n, struct cache_stat *ret);
/* NAME.json is renamed to a scratch name: its content goes to the caller and
 * the record waits (delete_delay) for its name to come back, else is deleted. */
int cache_detach(struct cache *c, uint32_t table, const char *name,
		 char **ret, size_t *ret_n, struct rec_key *ret_key);

/* ---- what people and programs want to know; JSON or text, caller frees ---- */
int cache_describe_record(struct cache *c, struct rec_key key, char **ret);
int cache_describe_base(struct cache *c, uint32_t base, char **ret);
int cache_describe_table(struct cache *c, uint32_t table, char **ret);
int cache_status_text(struct cache *c, char **ret);
int cache_status_json(struct cache *c, char **ret);
int cache_queue_json(struct cache *c, char **ret);
int cache_errors_ndjson(struct cache *c, char **ret);

/* ---- settling by hand. Refused with -EBUSY: it may be on its way to the
 * server right now, or have arrived there; -ENOENT: there is none. ---- */
/* The brake on mass deletes lets n more through; 0 = any number for a while. */
void cache_allow_deletes(struct cache *c, unsigned n);

enum cache_resolution {
	CACHE_MINE,   /* what was saved here is sent after all */
	CACHE_THEIRS, /* the server's value stays */
	CACHE_BOTH,   /* lists united, long texts one after the other; of what
	                 holds one value alone, mine */
};
int cache_resolve(struct cache *c, struct rec_key key,
		  enum cache_resolution how);
/* Records in conflict with seq > after, ascending, by name alone. */
int cache_list_conflicts(struct cache *c, uint32_t table, uint32_t after,
			 struct cache_entry *ret, size_t max);
/* The record as a file: as it was before both changes, as saved here, as the
 * server has it. -ENOENT: not in conflict. */
enum cache_version { CACHE_V_BASE, CACHE_V_MINE, CACHE_V_THEIRS };
int cache_read_conflict(struct cache *c, struct rec_key key,
			enum cache_version which, char **ret);
int cache_conflicts_json(struct cache *c, char **ret);

/* id: a queue_id of the queue, as text ("12", or "d3-7" of content that was
 * never taken as a save), or "all". Retry: sent again, refused ones too.
 * Cancel: the record is as the server has it again; what was cancelled stays
 * in the history, a record that only was to be made in the trash. Of all,
 * those that may not be cancelled are left, and -EBUSY says so. */
int cache_queue_retry(struct cache *c, const char *id);
int cache_queue_cancel(struct cache *c, const char *id);

/* Things of the past that have a file: its number (from 1), and name. */
struct cache_past {
	uint32_t no;
	char name[NAME_BUF];
};
/* Deleted records of a table with no > after, ascending. */
int cache_list_trash(struct cache *c, uint32_t table, uint32_t after,
		     struct cache_past *ret, size_t max);
int cache_find_trash(struct cache *c, uint32_t table, const char *name,
		     uint32_t *ret_no);
int cache_read_trash(struct cache *c, uint32_t table, uint32_t no, char **ret);
int cache_forget_trash(struct cache *c, uint32_t table, uint32_t no);
/* Earlier contents of a record, by time: saved here, or replaced since. A
 * number says by itself which content it is. */
int cache_list_history(struct cache *c, struct rec_key key, uint32_t after,
		       struct cache_past *ret, size_t max);
int cache_find_history(struct cache *c, struct rec_key key, const char *name,
		       uint32_t *ret_no);
int cache_read_history(struct cache *c, uint32_t table, uint32_t no,
		       char **ret);
/* Who changed what and when, newest first; seq 0: all, what was done here. */
int cache_history_json(struct cache *c, struct rec_key key, char **ret);
/* Takes back a sent edit by its number in that history: a change of its own,
 * with its own queue_id. -EBUSY: the fields were changed here since and are not
 * sent; -EINVAL, -EPERM: there is nothing of it that could be put back. */
int cache_undo(struct cache *c, int64_t id);

struct cache_unsent {
	unsigned queued;    /* will go out by themselves, unknown ones included */
	unsigned conflicts, rejected;
	unsigned drafts;    /* content that could not be taken as a save */
};
void cache_get_unsent(struct cache *c, struct cache_unsent *ret);

/* Sends now. 0 = nothing is queued any more; CACHE_PARKED = wait;
 * wake(w, -ETIMEDOUT) after timeout_ms, or wake(w, -EDQUOT) when no calls are
 * left for what is queued. */
int cache_flush(struct cache *c, int64_t timeout_ms, struct cache_waiter *w);
/* Asks the server again: table, else base, else (both 0) everything known. */
int cache_refresh(struct cache *c, uint32_t base, uint32_t table);

#endif
