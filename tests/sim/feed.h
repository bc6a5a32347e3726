/* feed - what one call changes in a base, as its webhooks will tell it.
 * Units:   a table's views are numbered; the first 64 are watched.
 * Owns:    what rows looked like before; a base's feed lives for one call.
 * Threads: under the server's mutex.
 * Errors:  none. */
#ifndef SIM_FEED_H
#define SIM_FEED_H

#include "state.h"

struct feed_row {
	struct record *r;
	bool direct;		/* written, and not only computed anew */
	bool created;
	bool destroyed;
	uint64_t was_in;	/* views that showed it before */
	json_t **before;	/* a cell per field, NULL: empty */
	bool *seen;		/* what depends on that cell is known */
	size_t n;
};

/* A change of the schema. */
struct feed_event {
	enum feed_kind {
		FEED_TABLE_MADE, FEED_TABLE_CHANGED, FEED_TABLE_GONE,
		FEED_FIELD_MADE, FEED_FIELD_CHANGED, FEED_FIELD_GONE
	} kind;
	char table[ID_CAP];
	char field[ID_CAP];
	json_t *current;	/* what is so now, {"name":...} */
	json_t *previous;
};

/* Where cells are told that are computed anew: with the call that made it
 * so, in a payload of their own, or nowhere. */
enum feed_computed { FEED_SAME, FEED_SYSTEM, FEED_NONE };

struct feed {
	enum feed_computed computed;
	struct state *state;
	struct base *base;
	struct feed_row **rows;
	size_t rows_n;
	size_t rows_cap;
	struct idmap by_id;
	struct feed_event *events;
	size_t events_n;
	size_t events_cap;
};

void feed_begin(struct feed *f, struct state *s, struct base *b);
void feed_release(struct feed *f);	/* takes it off the base */

/* All of these do nothing for a base without a feed. */
/* f is about to change */
void feed_touch(struct base *b, struct record *r, struct field *f);
void feed_made(struct base *b, struct record *r);
void feed_gone(struct base *b, struct record *r);	/* about to go */
void feed_event(struct base *b, enum feed_kind kind, const char *table,
		const char *field, json_t *current, json_t *previous);

/* The row as it is now, unless it was looked at before. */
struct feed_row *feed_row(struct feed *f, struct record *r);
/* feed_depend.c: the same for every row with cells computed from r's. */
void feed_depend(struct feed *f, struct record *r, struct field *changed);

/* The cell as payloads show it (V2), NULL when empty. `raw` is what is
 * stored; computed cells are taken as they are now. */
json_t *feed_cell(struct state *s, struct record *r, struct field *f);
json_t *feed_cell_raw(struct state *s, struct field *f, json_t *raw);
bool feed_watches(const struct field *f);	/* shown in changes */
uint64_t feed_views(struct state *s, struct record *r);
/* Was there anything, and not only equal values written again? */
bool feed_changed(struct feed *f, const struct feed_row *w, size_t field);

#endif
