/* cache_world - a cache over a fake account and a fake clock, turned by hand,
 * in directories of its own; and the few things that tests do with it.
 * Units:   ms of the fake clock.
 * Owns:    everything in struct world until world_end().
 * Threads: one.
 * Errors:  where not said otherwise the test fails. */
#ifndef TESTS_CACHE_WORLD_H
#define TESTS_CACHE_WORLD_H

#include "cache.h"
#include "fake_account.h"

struct world {
	struct fake_clock clk;
	struct fake_account acc;
	struct cache_config conf; /* may be changed before world_open() */
	struct cache *c;          /* NULL = closed */
	char dir[64];
	unsigned life;            /* directories are DIR/cacheN and DIR/stateN */
	uint32_t base, tables[FA_TABLES]; /* numbers; set by world_tables() */
	/* events since the start */
	unsigned told_changed, told_new, told_gone, told_dir;
};

void world_begin(struct world *w);
void world_end(struct world *w);
void world_open(struct world *w);
/* Ends without sending anything; what is on its way is cancelled. */
void world_close(struct world *w);
/* Death at this very moment: the next world_open() finds the files as they are
 * now. What was on its way stays undone, or is done if done is set. */
void world_kill(struct world *w, bool done);
/* The same in two steps, for a death in the middle of something: world_die()
 * keeps the files and cuts the line, what then still runs has no effect, and
 * world_bury() is called when it has returned. */
void world_die(struct world *w, bool done);
void world_bury(struct world *w);
void world_delete_cache_db(struct world *w); /* closed only */

/* Turns the loop and lets the account answer until nothing moves. */
void world_turn(struct world *w);
/* The same while ms go by. */
void world_run(struct world *w, int64_t ms);
/* Bases, schema and the numbers of both tables are known. */
void world_tables(struct world *w);
/* A table is read completely. */
void world_read_table(struct world *w, unsigned table);
/* begin, n things "Item 1".. with Note "note" and Count 1, open, read. */
void world_with_things(struct world *w, unsigned n);

struct rec_key world_find(struct world *w, unsigned table, const char *name);
/* -ENOENT and the like. */
int world_try_find(struct world *w, unsigned table, const char *name,
		   struct cache_stat *ret);
char *world_bytes(struct world *w, struct rec_key key); /* caller frees */
/* A field as the file shows it, "" for null. Valid until the 4th next call. */
const char *world_cell(struct world *w, struct rec_key key, const char *field);
/* Reads the file, sets a field of it, writes it as > does. */
int world_save(struct world *w, struct rec_key key, const char *field,
	       const char *text);
/* Bytes as > writes them: cut to nothing, written in one piece. */
int world_write(struct world *w, struct rec_key key, const char *bytes);
int world_create(struct world *w, const char *name, const char *bytes,
		 struct rec_key *ret);
/* flush: 0, or what the waiter was woken with. */
int world_flush(struct world *w, int64_t timeout_ms);
/* "clean", "queued" ... as info/ says. */
const char *world_state(struct world *w, struct rec_key key);
struct cache_unsent world_unsent(struct world *w);

#endif
