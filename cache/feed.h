/* feed - what a base's webhook tells (-o live): one stored list of changes of
 * the whole base, read by a cursor, so that one call stands for asking after
 * every table. Shared by the files feed*.c; the others see internal.h.
 *
 * The hook is made before what is to be covered is listed, and the cursor is
 * stored in one transaction with what it told: records that changed become
 * marks on their table (read by feed_read.c when somebody looks), whatever
 * cannot be told so exactly becomes a doubt (tree_doubt: listed in full on the
 * next access). So a death at any point repeats, and never skips.
 * A table is covered while its last full listing began after the hook was
 * there: listed_at_ms is 0 for one of which that is not so.
 *
 * Units:   Unix ms, ours unless "server".
 * Owns:    a feed belongs to its base and lives as long.
 * Threads: fields under cache.mu unless marked; a run, from feed_begin to
 *          feed_end, is on the network thread.
 * Errors:  what the network does is trouble: the TTL way goes on, and the next
 *          poll tries again. A refusal switches the feed off, with the reason,
 *          and is asked again after an hour or a remount.
 * Source:  airtable-api.md 13: kept for 7 days; a hook lives 7 days from its
 *          making, refresh or last reading; 10 to a base. */
#ifndef ATFS_FEED_H
#define ATFS_FEED_H

#include "internal.h"

#define FEED_DAY_MS (INT64_C(24) * 3600 * 1000)
#define FEED_KEPT_MS (7 * FEED_DAY_MS - 3600 * 1000) /* less an hour; ours */

enum feed_aim {
	AIM_READ,   /* from the cursor on */
	AIM_JUMP,   /* to the end: all that is cached is in doubt */
	AIM_REMAKE, /* the hook is dead: another one */
};

struct feed {
	struct cache_waiter schema_waiter; /* first */
	struct cache *c;
	struct base *b;
	bool off;             /* refused; reason says why */
	bool trouble;         /* the last run came to no end */
	char reason[256];     /* of either */
	int64_t off_at_ms;
	char hook[ATFS_ID_MAX]; /* "" = none that we know */
	int64_t cursor;       /* the next payload's number, 0 = no place yet */
	int64_t polled_at_ms; /* all is known that was there then */
	int64_t server_at_ms; /* the same by the server's clock, 0 = unknown */
	int64_t check_at_ms;  /* the hook's end is near: look at it */
	int64_t asked_at_ms;  /* the last attempt */
	int64_t since_ms;     /* of this mount, when it was first looked at */
	bool schema_due;      /* it is to be read again */
	bool busy;            /* a run is under way */
	bool making;          /* and what waits to be listed waits for it */
	struct deferred *deferred, **deferred_end;
	bool schema_deferred;

	/* network thread */
	int64_t began_ms;
	unsigned pages;
	enum feed_aim aim;
	bool listed, looked;  /* in this run; looked: for a lost creation */
	bool jumped;          /* a cursor was refused, and none read since */
	int64_t remade_at_ms;
	int schema_err;
	bool schema_again;    /* the one waited for began too early */
};

static inline int64_t feed_now(const struct feed *f)
{
	return clock_wall_ms(f->c->clock);
}

/* ---- feed.c ---- */
/* NULL without -o live. */
struct feed *feed_of_locked(struct cache *c, struct base *b);
/* The hook is there and all up to now was told: what follows of it is done,
 * then the run ends. */
void feed_told(struct feed *f);
/* Ends a run that failed. */
void feed_failed(struct feed *f, const struct atfs_error *e);
/* Ends it for an hour: reason is for people. */
void feed_switch_off(struct feed *f, const char *reason, const char *words);
void feed_end(struct feed *f);
bool feed_is_looked_at(const struct cache *c, const struct table *t);

/* ---- feed_hook.c: the hook's life ---- */
void feed_list_hooks(struct feed *f);
void feed_remake(struct feed *f); /* deletes ours, makes another */
void feed_read_payloads(struct feed *f);

/* ---- feed_apply.c ---- */
/* One page, as far as its last payload, and the new cursor; one transaction.
 * gap: payloads before it were dropped unread. *ret_broken: the hook has told
 * its own end; nothing was applied. mu is held. */
int feed_apply_locked(struct feed *f, json_t *payloads, int64_t cursor,
		      bool gap, struct after *a, bool *ret_broken);
/* Everything cached of the base is in doubt, and the cursor stands at at. In
 * one transaction. mu is held. */
int feed_restart_locked(struct feed *f, const char *hook, int64_t at);
/* Within a transaction. */
int feed_doubt_locked(struct feed *f, struct table *t);
int feed_doubt_all_locked(struct feed *f);

/* ---- feed_cell.c ---- */
/* Does the cell of a payload (V2, airtable-api.md 13.5) say what we hold?
 * False where that cannot be told. NULL or null: empty. */
bool feed_cell_is_held(const struct schema_field *f, json_t *told,
		       json_t *held);

/* ---- feed_read.c ---- */
/* Reads the marked records of t. */
void feed_read_marked_locked(struct feed *f, struct table *t);

/* ---- feed_schema.c ---- */
/* Reads the schema again, then goes on with feed_caught_up (feed.c). */
void feed_read_schema(struct feed *f);
void feed_caught_up(struct feed *f);

/* ---- feed_store.c ---- */
/* What the last mount knew: cursor and marks from cache.db, the hook's id from
 * the state directory as well, which outlives it. */
void feed_load_locked(struct feed *f);
int feed_save_locked(struct feed *f); /* within a transaction or alone */
/* The hook, or (hook NULL) the ids that are there before one is made; both
 * NULL: neither. Not with mu held. */
void feed_remember(struct feed *f, const char *hook, json_t *before);
/* NULL: no creation was left open. Borrowed. */
json_t *feed_before(struct feed *f);

#endif
