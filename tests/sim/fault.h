/* fault - scripted trouble: which calls go wrong, how often and how.
 * Units:   milliseconds.
 * Owns:    its rules; a fault_hit owns its texts, until fault_hit_release.
 * Threads: none inside; the server's mutex guards the table.
 * Errors:  fault_add returns -1 and a reason. */
#ifndef SIM_FAULT_H
#define SIM_FAULT_H

#include "call.h"

enum fault_action {
	FAULT_NONE, FAULT_STATUS, FAULT_RESET_BEFORE, FAULT_RESET_AFTER,
	FAULT_STALL, FAULT_CUT, FAULT_GARBAGE, FAULT_DRIP, FAULT_REDIRECT,
	FAULT_WRONG_TYPE,
	/* from here on wire.c writes the answer */
	FAULT_LONG_LENGTH, FAULT_SHORT_LENGTH, FAULT_CHUNKED,
	FAULT_CHUNKED_CUT, FAULT_CHUNKED_BAD, FAULT_GZIP_CUT,
	FAULT_GZIP_GARBAGE, FAULT_NO_HTTP
};

struct fault_hit {
	enum fault_action action;
	int status;
	int ms;
	int retry_after;
	char *body;		/* NULL: the action's own */
	char *location;
};

struct faults;

struct faults *faults_new(void);
void faults_free(struct faults *f);
int fault_add(struct faults *f, const json_t *o, const char **why);
void faults_clear(struct faults *f);
/* The first rule that takes this call; counts it. */
struct fault_hit fault_match(struct faults *f, const struct call *c);
void fault_hit_release(struct fault_hit *h);
const char *fault_name(enum fault_action a);	/* NULL for FAULT_NONE */
void faults_write(const struct faults *f, struct buf *b);

#endif
