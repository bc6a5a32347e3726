/* internal - what the files of cache/ share: the tree of bases and tables, the
 * records with local state, and the lock over both.
 *
 * Lock order: cache.mu > store's writer lock > journal's lock. With mu held
 * nothing is sent, no waiter is woken and no event is told: those are gathered
 * in a struct after and done by after_run() once mu is free.
 * Threads: as each function says; "_locked" means mu is held. */
#ifndef ATFS_INTERNAL_H
#define ATFS_INTERNAL_H

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>

#include "airtable/api.h"
#include "airtable/backoff.h"
#include "airtable/config.h"
#include "airtable/lock.h"
#include "airtable/schema.h"
#include "airtable/tally.h"
#include "cache.h"
#include "journal.h"
#include "live.h"
#include "store.h"

struct waitq {
	struct cache_waiter *head;
};

/* Things to do once the lock is free. */
struct after {
	struct cache_waiter *wake;  /* singly linked by next */
	struct told {
		enum { TOLD_RECORD, TOLD_NEW, TOLD_GONE, TOLD_DIR,
		       TOLD_TABLE } what;
		struct rec_key key;
		uint32_t no;
		char *name;
	} *told;
	size_t told_n, told_cap;
};

struct base_fetch;

struct base {
	uint32_t no;
	struct base_id id;
	char *remote_name;
	char name[NAME_BUF];
	char permission[16];
	bool listed;
	struct schema *schema;     /* NULL until read */
	int64_t schema_at_ms;
	int64_t names_at_ms;
	bool fetching;
	struct base_fetch *fetch;  /* fetch_tree.c's */
	int last_err;              /* of the last schema fetch */
	char last_text[256];
	int64_t write_off_ms;      /* until then a write was refused; 0 = never
	                              was; past: to be tried (rights.c) */
	char write_off[256];
	struct waitq waiters;
	int64_t held_until_ms;     /* its changes wait: no calls are left */
	struct feed *feed;         /* feed.h; NULL = not looked at yet */
};

struct reading;

struct table {
	uint32_t no;
	struct base *base;
	struct table_id id;
	char *remote_name;
	char name[NAME_BUF];
	bool listed;
	bool complete;
	int64_t listed_at_ms, names_at_ms;
	int64_t fresh_at_ms, server_at_ms; /* as in struct store_table */
	int64_t touched_at_ms;     /* when its age was last judged */
	uint32_t schema_gen;
	uint64_t progress;         /* rises with every page committed */
	struct reading *fetch;       /* the listing in progress, or NULL */
	uint64_t fetched;          /* records that it has brought so far */
	bool partial;              /* it asks only for what changed */
	struct own_write *own;     /* confirmed while that listing runs, or
	                              another answer is under way */
	size_t own_n, own_cap;
	bool no_since;             /* the server refused that question */
	bool again;                /* list again once this one is done */
	/* What is to be done once the schema that is asked for has come. */
	enum { AWAITS_NOTHING, AWAITS_TTL, AWAITS_REFRESH } awaits;
	bool reread;               /* cells are to be read that never were */
	bool remake;               /* rows of older schemas; remake.c */
	struct remake {            /* the task for that */
		struct cache *c;
		struct table *t;
		bool posted;
	} remaking;
	uint32_t remade;           /* up to this seq */
	uint32_t *aside;           /* rows whose plain name was taken; absorb.c */
	size_t aside_n, aside_cap;
	/* -o live, feed.h */
	int64_t looked_at_ms;      /* when somebody last came by */
	uint32_t doubts;           /* a listing begun before the last of them
	                              does not count as one */
	uint32_t listing_doubts;   /* as many as there were when it began */
	json_t *marks, *marks_out; /* records to be read, and being read: sets
	                              of ids, NULL = none */
	bool reading;
	uint64_t read_stamp;       /* when they were asked for */
	uint32_t read_doubts;
	unsigned readers;          /* answers under way beside the listing's */
	bool behind;               /* the journal knows of records that its rows
	                              do not show: to be listed in full */
	int last_err;
	char last_text[256];
	struct waitq waiters;
};

struct flush;

#define BASES_ODD 64 /* that status tells to be slow and the like; ours */

/* Who reads table after table; prefetch.c. Times are monotonic. */
struct walk {
	uint32_t bases_who;  /* the process that read the list of bases last */
	int64_t bases_at_ns; /* and when */
	uint32_t base, who;  /* whose list of tables was read last, and by whom */
	int64_t base_at_ns;
	bool from_bases;     /* straight after the list of bases */
	bool into_base;      /* straight from it he went into a table */
	uint32_t into_table; /* this one */
	uint32_t table;      /* the one he reads, 0 = none yet */
	int64_t at_ns;       /* when he was last seen */
	bool seen;           /* it is a walk */
	bool over_bases;     /* that will go on to other bases */
};

/* Changes from the server that nobody has read yet: who saves then surely has
 * an older view. */
#define UNSEEN_MAX 256 /* ours; of older ones it is not known */
struct unseen {
	struct rec_key key;  /* seq 0 = free */
	int64_t at_ms;       /* when the first of them came in */
};

struct cache {
	struct cache_config conf;
	char *endpoint, *base_filter, *profile, *mountpoint, *upsert_key;
	char *cache_dir, *state_dir, *scratch_dir, *drafts_dir, *errors_path;
	char *pace_path;               /* shared by all mounts of the user */
	char *calls_path;              /* by those of this profile */
	struct tally *tally;
	int lock_fd;
	const struct clock_source *clock;
	struct store *store;
	struct journal *journal;
	struct loop *loop;
	struct api *api;               /* network thread only */
	struct config settings;        /* of this profile */
	char token_source[128];        /* guarded by mu once started */
	struct identity *identity;     /* network thread */
	char boot[9];                  /* of the machine: tells restarts */

	struct lock mu;
	/* guarded by mu */
	struct base **bases;           /* index no - 1; never shrinks */
	size_t bases_n;
	struct table **tables;         /* index no - 1; never shrinks */
	size_t tables_n;
	bool bases_known, bases_fetching;
	struct base_fetch *bases_fetch;
	int64_t bases_at_ms, bases_names_at_ms;
	int64_t bases_touched_at_ms;   /* when their age was last judged */
	int bases_err;
	struct atfs_error bases_error;
	struct waitq bases_waiters;
	struct live_map live;
	struct waitq flush_waiters;
	struct flush *flush;           /* its fields: network thread */
	struct api_status api_status;  /* copied by the network thread */
	struct api_base_status odd[BASES_ODD]; /* as well */
	size_t odd_n;
	int64_t deletes_window_ms;     /* the brake on mass deletes */
	unsigned deletes_in_window;
	bool deletes_stopped;          /* until cache_allow_deletes */
	unsigned deletes_free;         /* so many are allowed all the same */
	int64_t deletes_free_until_ms;
	struct unseen unseen[UNSEEN_MAX];
	size_t unseen_n, unseen_next;  /* in use, up to; the oldest */
	unsigned copies;               /* creates seen that copy a record */
	uint64_t stamp;                /* rises with each page asked for */
	struct walk walk;
	int64_t pruned_ms;             /* network thread */
	_Atomic bool stopping;         /* read with no lock as well */
	bool quiet_armed;              /* quiet_timer runs or is about to */
	struct loop_timer quiet_timer; /* network thread */
	struct loop_timer want_timer;  /* restore.c; network thread */
	json_t *hooks;                 /* feed_store.c: webhooks by base id */
	struct orphan *orphans;        /* restore.c */
	size_t orphans_n;

	pthread_mutex_t errors_mu;     /* a leaf: the errors file */
};

/* ---- waitq.c ---- */
void waitq_add_locked(struct waitq *q, struct cache_waiter *w);
/* Moves all waiters into a->wake, to be woken with err. */
void waitq_take_locked(struct waitq *q, struct after *a, int err);
void waitq_take_one_locked(struct cache_waiter *w, struct after *a, int err);
void after_record(struct after *a, struct rec_key key);
void after_new(struct after *a, uint32_t table, const char *name);
void after_gone(struct after *a, uint32_t table, const char *name,
		struct rec_key key);
void after_dir(struct after *a, uint32_t base);
void after_table(struct after *a, uint32_t table);
/* Tells, wakes and frees. mu is not held. */
void after_run(struct cache *c, struct after *a);

/* ---- tree.c ---- */
struct base *tree_base_locked(struct cache *c, uint32_t no);
struct table *tree_table_locked(struct cache *c, uint32_t no);
struct table *tree_find_table_locked(struct cache *c,
				     const struct base_id *base,
				     const struct table_id *id);
int tree_load(struct cache *c);            /* from the store, at open */
/* The base or table of that number, made if it is not there, as the store has
 * it now. NULL: no memory. */
struct base *tree_base_at(struct cache *c, const struct store_base *sb);
struct table *tree_table_at(struct cache *c, struct base *b,
			    const struct store_table *st);
/* Of a mount of one base: is it that one? */
bool tree_base_is_wanted(const struct cache *c, const char *id,
			 const char *name);
/* The list of bases has come (all pages): {"bases":[...]} array. */
int tree_apply_bases(struct cache *c, json_t *bases, struct after *a);
int tree_apply_schema(struct cache *c, uint32_t base_no, struct schema *s,
		      struct after *a);
bool base_is_writable(const struct cache *c, const struct base *b);
/* The table as the schema describes it; *ret_s is a reference to be unref'd.
 * NULL if the schema is not (or no longer) known. */
const struct schema_table *tree_schema_locked(const struct table *t,
					      struct schema **ret_s);
/* What the store keeps of it; remote_name is the table's own. */
struct store_table tree_row_of(const struct table *t);
void tree_free(struct cache *c);
/* A stable 63-bit number from an id, for st_ino. */
uint64_t ino_of_id(const char *id);
/* The same for something within a base or table of that number. */
uint64_t ino_below(uint64_t parent, const char *id);

/* ---- fetch.c, fetch_tree.c, age.c: network thread unless "_locked" ---- */
/* Makes sure that a listing is under way, with at least that priority; callers
 * on any thread. */
void fetch_want_bases_locked(struct cache *c, enum api_priority prio);
void fetch_want_schema_locked(struct cache *c, struct base *b,
			      enum api_priority prio);
void fetch_want_table_locked(struct cache *c, struct table *t,
			     enum api_priority prio);
/* Only what changed since that time of the server's; 0 = all. */
void fetch_want_since_locked(struct cache *c, struct table *t,
			     enum api_priority prio, int64_t since_ms);
/* Somebody looked: revalidates in the background what is too old, of a table
 * its base as well, and of a base the list of bases. */
void fetch_touch_table_locked(struct cache *c, struct table *t);
void fetch_touch_base_locked(struct cache *c, struct base *b);
/* listed: they are listed, not passed by; with -o live, where a base tells what
 * changes in it by one call, passing by is worth one after full_ttl only. */
void fetch_touch_bases_locked(struct cache *c, bool listed);
/* The schema has come, or not: tables that waited for it are asked for. */
void fetch_schema_came_locked(struct cache *c, const struct base *b);
void fetch_stop(struct cache *c);
/* That no calls are left is said once, by the api. */
static inline enum log_level fetch_log_level(const struct atfs_error *e)
{
	return e->cls == ERROR_QUOTA ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN;
}
/* What was asked for and never begun; once the api is gone. */
void fetch_free(struct cache *c);
void fetch_tree_free(struct cache *c);
/* Our own write to a record was confirmed: a page of the table asked for
 * before that is older and must not undo it. mu is held. */
void fetch_note_own_locked(struct cache *c, struct table *t,
			   const char *record);
bool fetch_is_older_locked(const struct table *t, uint64_t stamp,
			   const char *record);

/* Before an answer is waited for that absorb.stamp is to judge, and after it;
 * the listing's own is counted already. */
void fetch_reader_locked(struct table *t, int by);
void fetch_forget_own_locked(struct table *t); /* once nobody asks for it */

/* ---- feed.c: -o live ---- */
/* Somebody looked: polls if it is time. True: what changes is told, nothing
 * else need be asked. */
bool feed_covers_table_locked(struct cache *c, struct table *t);
bool feed_covers_base_locked(struct cache *c, struct base *b);
/* What is about to be read for the first time has to wait for the webhook, so
 * that nothing slips between: fn(arg) comes on the network thread, no lock
 * held. False: it need not wait. */
bool feed_first_locked(struct cache *c, struct base *b, bool schema,
		       void (*fn)(void *arg), void *arg);
int feed_open(struct cache *c);
/* Network stopped, api still there: lets go of what waits. */
void feed_stop(struct cache *c);
void feed_free(struct cache *c);
/* {"base","state","reason","polled_at_ms"} for each base; NULL without. */
json_t *feed_status_locked(struct cache *c);

/* ---- rights.c: what was refused with 403 ---- */
#define RIGHTS_AGAIN_MS (INT64_C(5) * 60 * 1000) /* ours */
/* A write was refused. True: for the whole base, which is read-only now; the
 * operation waits. */
bool rights_refused_locked(struct cache *c, struct base *b, enum op_kind kind,
			   const struct atfs_error *err, struct after *a);
void rights_worked_locked(struct base *b, struct after *a);
/* Unix ms until which nothing is written there; 0 = it may be tried. */
int64_t rights_write_off_until(const struct cache *c, const struct base *b);
/* base 0: all. */
void rights_ask_again_locked(struct cache *c, uint32_t base);
struct rights_off {
	const char *path;    /* "" = everything; "Base", "Base/Table" */
	const char *what, *needs, *why;
	int64_t again_ms;    /* Unix ms; 0 = with the next look at it */
};
void rights_each_off_locked(struct cache *c,
			    void (*fn)(void *ctx, const struct rights_off *off),
			    void *ctx);

/* ---- prefetch.c ---- */
/* Somebody reads the listing of t, from its start or on. */
void prefetch_note_locked(struct cache *c, const struct table *t, bool start);
/* Something was read: what is next for the walk, if there is one. */
void prefetch_more_locked(struct cache *c);

/* ---- remake.c: rows that were rendered under an older schema ---- */
/* Renders them anew in the background; a listing that is under way goes first
 * and calls this again at its end. */
void remake_want_locked(struct cache *c, struct table *t);

/* ---- absorb.c: what the server says of a record goes into the store ---- */
struct absorb {
	struct cache *c;
	struct table *t;
	const struct schema_table *st;
	struct schema *schema;      /* keeps st alive */
	uint32_t gen;
	uint64_t stamp;             /* when it was asked for; 0 = just now */
	int64_t seen, now_ms;
	struct after *after;
	bool names_moved;
	bool was_complete; /* before this page */
};
int absorb_begin(struct absorb *a, struct cache *c, struct table *t,
		 int64_t seen, struct after *after);
/* One record object of the API, ids as keys. own: it is the answer to our own
 * write, so that mtime stays. saved/saved_n: the bytes that the user wrote, to
 * be kept if they say the same; NULL = none. */
int absorb_record(struct absorb *a, json_t *record, bool own,
		  const char *saved, size_t saved_n);
/* At the end of a listing: who had to take another name because his own was
 * still held by a record that is renamed or gone by now gets his own. all: the
 * listing was a full one, so who does not get it now keeps what he has. */
int absorb_settle_names(struct absorb *a, bool all);
int absorb_commit(struct absorb *a);
void absorb_abort(struct absorb *a);

/* ---- view.c: a record as it is presented ---- */
int view_stat_row(struct cache *c, struct table *t, struct store_row *row,
		  struct cache_stat *ret);
/* The cells as the user knows them: the server's, with the open operations of
 * the record laid over. below: only operations that are on their way. */
json_t *view_cells_locked(struct cache *c, const struct store_row *row,
			  struct live *l, bool in_flight_only);
int view_bytes_locked(struct cache *c, struct rec_key key, char **ret,
		      size_t *ret_n);
/* Renders cells under the table's present schema. */
int view_render_locked(struct cache *c, struct table *t, const char *id,
		       const char *created, const json_t *cells, char **ret,
		       size_t *ret_n);

/* ---- draft.c ---- */
int draft_write_locked(struct cache *c, struct live *l, const char *buf,
		       size_t n, uint64_t off, struct after *a);
int draft_truncate_locked(struct cache *c, struct live *l, uint64_t size,
			  struct after *a);
/* Judges what is there now; heard: the file was closed. */
int draft_judge_locked(struct cache *c, struct live *l, bool heard,
		       struct after *a);
int draft_read_locked(struct cache *c, struct live *l, char **ret,
		      size_t *ret_n);
void draft_drop_locked(struct cache *c, struct live *l);
/* A draft that an earlier mount left behind. */
int draft_attach_locked(struct cache *c, struct live *l,
			const struct draft_row *d);

/* ---- stale.c ---- */
void stale_unseen_locked(struct cache *c, struct rec_key key, int64_t at_ms);
void stale_seen_locked(struct cache *c, struct rec_key key);

/* ---- save.c ---- */
/* Judges bytes as a save of l and commits them. */
int save_bytes_locked(struct cache *c, struct live *l, const char *bytes,
		      size_t n, struct save_error *reterr, struct after *a);
/* What is refused is written down where people look. */
void save_refused_locked(struct cache *c, struct live *l,
			 const struct save_error *e);
int save_set_primary_locked(struct cache *c, struct live *l, const char *name,
			    struct save_error *reterr, struct after *a);
/* after_id: only once that operation is done; 0 = of itself. */
int save_delete_locked(struct cache *c, struct live *l, int64_t after_id);
/* A record that was removed or renamed away comes back under its name. -EBUSY:
 * its deletion is on its way already. */
int save_revive_locked(struct cache *c, struct live *l);
/* A refused operation and the saves made since become one that is sent again.
 * 1 = so it was, 0 = there are none. */
int save_refold_locked(struct cache *c, struct live *l);
bool save_never_sent(const struct live *l);
/* Forgets a record that never reached the server. */
int save_forget_local_locked(struct cache *c, struct live *l);

/* ---- restore.c: what earlier mounts left in the journal ---- */
int restore_load(struct cache *c);         /* at open */
/* A table or a row has come into being: what waited for it is attached. */
void restore_attach_locked(struct cache *c, const struct table *t);
/* The table was read in full: what is still not found was deleted there. */
void restore_settle_locked(struct cache *c, const struct table *t);
/* Operations without a record: still to be found, and refused ones. */
void restore_count_locked(const struct cache *c, struct cache_unsent *u);
/* queue's list, and retry and cancel of it (id NULL = all); cache.h. */
void restore_list_locked(struct cache *c, json_t *list);
void restore_act_locked(struct cache *c, const char *id, bool cancel,
			unsigned *found, int *err);
/* Asks the server for what is still missing; _later: in a while, where it just
 * could not be asked (network thread). */
void restore_want_locked(struct cache *c);
void restore_want_later_locked(struct cache *c);
void restore_free(struct cache *c);

/* ---- flush.c, network thread ---- */
int flush_new(struct cache *c);
void flush_free(struct cache *c);
/* Any thread, mu held: there is something to send; at once if somebody waits. */
void flush_kick(struct cache *c);
/* The same, and what waits after a failure waits no more. */
void flush_retry_locked(struct cache *c);
unsigned flush_unsent_locked(struct cache *c);
void cache_count_unsent_locked(struct cache *c, struct cache_unsent *ret);

/* An update went out and its answer is lost: remembers what it said. */
void flush_note_sent(struct cache *c, struct op *o);

/* ---- merge.c ---- */
/* Beside the bases in op.before: what was sent without an answer, by field id;
 * found on the server it is ours. */
#define OP_SENT "sent"
enum merge_result { MERGE_SEND, MERGE_NOTHING, MERGE_CONFLICT };
/* Per field: base, mine (as shown), theirs (as shown now). changes loses the
 * fields that the server holds already. Lists are sets where both sides changed
 * them: what either took out is out, what either added is in, theirs first;
 * changes and after then hold the result. */
enum merge_result merge_changes(const struct schema_table *t, json_t *changes,
				const json_t *before, json_t *after,
				const json_t *theirs_cells, json_t *ret_theirs);
/* The sets' merge alone: the value as shown and as written, new; false if these
 * are no lists of things that can be told apart, or nothing was taken out or
 * added here. */
bool merge_lists(const struct schema_field *f, const json_t *base,
		 const json_t *mine, const json_t *mine_write,
		 const json_t *theirs, json_t **ret_shown, json_t **ret_write);

/* Equal, or text that differs in line ends at its end alone, which the server
 * adds and drops as it likes. */
bool value_means_same(const json_t *a, const json_t *b);

/* ---- errlog.c: errors.ndjson ---- */
void errlog_add(struct cache *c, const char *path, int err, const char *field,
		unsigned line, unsigned column, const char *reason,
		const char *hint);
int errlog_read(struct cache *c, char **ret);
/* The newest max entries, newest first; new. */
json_t *errlog_recent(struct cache *c, size_t max);

/* ---- calls.c: what is told of calls, budget and pace ---- */
/* The budget's level moved: what stops for the user is an error to be read. */
void budget_note(struct cache *c, enum budget_level was, enum budget_level now);
json_t *calls_month_json_locked(struct cache *c);
json_t *calls_odd_json_locked(struct cache *c);
void calls_text_locked(struct cache *c, FILE *m);

/* ---- dirs.c ---- */
int dirs_open(struct cache *c, struct atfs_error *reterr);
void dirs_close(struct cache *c);
/* .../airtablefs of the state (else the cache) home; the file that all mounts
 * of the user pace by, its directory made. NULL: cannot be had. Caller frees. */
char *dirs_home(bool state);
char *dirs_pace_path(const char *endpoint);

/* ---- cache.c: network thread, after each answer ---- */
void cache_note_api(struct cache *c);
/* Forgets what was done long ago, if it is a day since that was done last. */
void cache_prune(struct cache *c);

/* "Base/Table/NAME.json" for people. */
void path_of_locked(struct cache *c, const struct live *l, char *buf, size_t n);
json_t *json_from_text(const char *text); /* {} for NULL; new reference */

#endif
