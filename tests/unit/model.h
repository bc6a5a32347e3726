/* model - what ought to become of records that are edited on both sides, written
 * without a look at how the cache goes about it. Every value that anybody writes
 * is a number never used before, so that whatever the account holds tells who
 * wrote it and when. The account reports what is done to it (model_watch) and
 * the model says at once what may not be:
 *   - a field is written that nobody edited here, or with what he did not write
 *   - a value is written again after something else took its place
 *   - an older save is written over a newer one
 *   - what was changed there is overwritten, although the values read before the
 *     write showed it and the file did not when the save was made
 *   - a record is made twice, or removed that nobody removed here
 * Units:   values are numbers from 1; 0 = empty. Requests as in fa_watch.
 * Owns:    everything in struct model until model_release().
 * Threads: one.
 * Errors:  model_broken() fails the test, naming seed and step. */
#ifndef TESTS_MODEL_H
#define TESTS_MODEL_H

#include "fake_account.h"

enum { M_NAME, M_NOTE, M_COUNT, M_EXTRA, M_FIELDS };

struct model_field {
	unsigned mine;       /* the last value accepted here; 0 = cleared */
	bool edited;         /* there was one */
	bool arrived;        /* it was written there, or was there already */
	unsigned clears, clears_done;
};

struct model_rec {
	char id[18];         /* "" until it was made there */
	char file[48];       /* the name without .json, as given here last */
	bool here;           /* made here */
	bool known;          /* surely seen here */
	bool removed;        /* here, and its name did not come back */
	bool removed_there, edited_there;
	bool refused;        /* the file holds a save that was refused: */
	char *refused_text;
	char *good;          /* and this was its content before */
	char *opened;        /* what an editor has read of it, or NULL */
	struct model_field f[M_FIELDS];
};

struct model_value {
	unsigned rec, field;
	bool here;
	bool accepted;
	bool shown;          /* the file showed it when a save changed it */
	bool applied;
	bool again;          /* it may be written again: a conflict was ended */
	int64_t checked;     /* when it was read before a write; 0 = never */
};

struct model {
	uint64_t seed, random;
	unsigned step;
	struct fake_account *acc;
	struct model_rec *recs;
	unsigned recs_n;
	struct model_value *values; /* [0] is not used */
	unsigned values_n;
};

extern const char *const model_field_ids[M_FIELDS];
extern const char *const model_field_names[M_FIELDS];

void model_init(struct model *m, uint64_t seed, struct fake_account *acc);
void model_release(struct model *m);
unsigned model_below(struct model *m, unsigned n); /* random, under n */
/* ATFS_STEPS in the environment: told as it goes. */
void model_tell(const struct model *m, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void model_broken(const struct model *m, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), noreturn));

struct model_rec *model_add(struct model *m, bool here);
/* A value for a field, not accepted yet. */
unsigned model_value(struct model *m, const struct model_rec *r,
		     unsigned field, bool here);
/* As the field holds it; the caller's reference. */
json_t *model_json(unsigned field, unsigned value);
unsigned model_number(const json_t *cell); /* 0 = empty */
/* What the account holds now. */
unsigned model_there(const struct model *m, const struct model_rec *r,
		     unsigned field);
/* A save of a field was accepted; shown: what the file had in it until then. */
void model_saved(struct model *m, struct model_rec *r, unsigned field,
		 unsigned value, unsigned shown);
/* Another user writes. */
void model_edit_there(struct model *m, struct model_rec *r, unsigned field,
		      unsigned value);
/* A save of the field is neither there nor superseded. */
bool model_is_open(const struct model *m, const struct model_rec *r,
		   unsigned field);

#endif
