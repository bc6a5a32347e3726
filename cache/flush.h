/* flush - the write-back engine: takes queued operations out of the journal's
 * order, checks, sends and settles them. flush_pick.c picks what is due,
 * flush_check.c looks what the server holds before an update, flush_send.c sends
 * a batch, flush_settle.c says what an answer means, flush_look.c finds out
 * about creates whose answer was lost.
 * Owns:    batches, from picking until settled.
 * Threads: network thread, except flush_kick. */
#ifndef ATFS_FLUSH_H
#define ATFS_FLUSH_H

#include "internal.h"

#define FLUSH_SETTLE_MS 3000 /* before an unknown create is looked for */
#define FLUSH_CHECK_MAX 100 /* records whose values one call reads */

struct flush_item {
	struct rec_key key;
	struct op op;           /* owned */
	json_t *changes;        /* what is to be sent */
	json_t *before, *after;
	bool found;             /* the check showed the record */
	bool done;              /* settled by the check or the look */
	unsigned looks;         /* how often an unknown one was looked for */
};

struct flush_batch {
	struct flush *f;
	struct table *t;
	enum op_kind kind;
	struct flush_item *items;
	size_t n;
	struct field_id merge_on; /* of creates: an upsert; "" = none */
	bool by_list;           /* the check asks for a list, however small */
	char *offset;           /* of a check or look that has pages */
	json_t *records;        /* of a look: what was listed */
	struct loop_timer timer;/* of a look: the time between two */
	struct flush_batch *next; /* in flush.looks meanwhile */
};

struct flush {
	struct cache *c;
	struct loop_timer timer;
	struct backoff backoff;
	int64_t not_before_ns;  /* after a failure */
	bool held;              /* said so already */
	struct flush_batch *looks; /* looks that wait for their next time */
	unsigned requests;      /* under way */
	bool urgent;            /* a flush was asked for */
	/* guarded by cache.mu */
	bool kicked;            /* a run is posted */
	bool at_once;           /* it shall not wait out a failure before it */
};

/* ---- flush.c ---- */
/* After a request ended: tells who waits, and goes on. */
void flush_continue(struct flush *f);
/* Nothing can be sent for a while. */
void flush_hold(struct flush *f, const char *why);
void flush_batch_free(struct flush_batch *b);
void flush_item_clear(struct flush_item *it);
/* Moves an operation and its live twin; a done one is dropped. */
int flush_move_locked(struct flush *f, struct flush_item *it, enum op_state to);

/* ---- flush_pick.c ---- */
/* Sends what is due. */
void flush_run(struct flush *f);
/* No calls are left: the base's changes wait, those of others go on. */
void flush_hold_base_locked(struct flush *f, struct base *b);
/* For how long there are no calls for it, however urgent it is. */
int64_t flush_held_ms(struct cache *c, const struct live *l, int64_t now_ms);

/* ---- flush_check.c: takes the batch over, and sends what is left to send ---- */
void flush_check(struct flush_batch *b);

/* ---- flush_send.c ---- */
void flush_send(struct flush_batch *b); /* takes the batch over */
/* The request of a batch came to nothing: what that means for its operations,
 * and the end of the batch. */
void flush_failed(struct flush_batch *b, const struct atfs_error *err);
/* Nothing was done: back into the queue, to go in batches of batch_max. */
void flush_requeue_locked(struct flush_batch *b, unsigned batch_max);
/* Its request is over; frees it. mu is not held. */
void flush_batch_end(struct flush_batch *b);

/* ---- flush_settle.c: what an answer means ---- */
/* Not in any batch any more. */
void flush_unpick_locked(struct flush *f, struct flush_item *it);
/* A refusal for good, by the server or by us. */
void flush_reject_locked(struct flush *f, struct flush_item *it,
			 const struct atfs_error *err, struct after *a);
void flush_conflict_locked(struct flush *f, struct flush_item *it,
			   const json_t *theirs);
/* The answer to it was lost: an update or a delete is simply repeated, a create
 * is looked for. */
void flush_lost_locked(struct flush *f, struct flush_item *it);
void flush_lost_all_locked(struct flush_batch *b);
/* The operation is done; rec is what the server holds now. */
void flush_confirmed_locked(struct flush *f, struct absorb *ab,
			    struct flush_item *it, json_t *rec,
			    struct after *a);
/* A create that turned out to be done: the record is rec now. */
int flush_adopt_locked(struct flush *f, struct table *t, struct flush_item *it,
		       json_t *rec, struct after *a);
/* The answer to a batch of creates or updates, and to one delete. */
void flush_written_locked(struct flush_batch *b, json_t *records,
			  struct after *a);
void flush_deleted_locked(struct flush *f, struct flush_item *it);

/* ---- flush_upsert.c: -o upsert_key ---- */
/* The field that a create is merged on; NULL = it is none that could be. */
const struct schema_field *flush_key(const struct flush_batch *b,
				     const struct schema_table *st,
				     const struct flush_item *it);
/* Could this item go in one request with those of part, which has some? */
bool flush_goes_with(const struct flush_batch *part,
		     const struct schema_field *key,
		     const struct flush_item *it);
/* Takes out of a batch of unknown creates those that may simply be repeated,
 * and sends them. */
void flush_repeat_keyed(struct flush_batch *b);

/* ---- flush_links.c ---- */
enum flush_links {
	FLUSH_LINKS_READY, /* perhaps with another operation behind it now */
	FLUSH_LINKS_WAIT,  /* for a record that it links to */
	FLUSH_LINKS_GONE,  /* that record will never be made */
};
enum flush_links flush_links_locked(struct flush *f, struct table *t,
				    struct live *l, struct flush_item *it);

/* ---- flush_look.c: takes the batch (of unknown creates) over ---- */
void flush_look(struct flush_batch *b);

#endif
