/* reqlog - what was asked of the API, and how often.
 * Units:   times in ms since the log was made, from CLOCK_MONOTONIC.
 * Owns:    its entries; a ring that forgets the oldest.
 * Threads: none inside; the server's mutex guards it.
 * Errors:  none; a log file that cannot be written is given up. */
#ifndef SIM_REQLOG_H
#define SIM_REQLOG_H

#include <stdio.h>

#include "buf.h"
#include "call.h"

#define REQLOG_ENTRIES 262144
#define REQLOG_BODY_MAX 65536

struct reqlog;

struct reqlog *reqlog_new(FILE *file);	/* takes the file; may be NULL */
void reqlog_free(struct reqlog *l);

/* An arrival; the result names it for reqlog_done. */
uint64_t reqlog_arrive(struct reqlog *l, const struct call *c,
		       const char *user);	/* "": nobody known */
void reqlog_done(struct reqlog *l, uint64_t seq, int status,
		 const char *fault, int64_t now_ns);

/* Entries after `since`, as {"entries":[...],"last":N}. */
void reqlog_write(struct reqlog *l, uint64_t since, bool body, struct buf *b);
void reqlog_counters(struct reqlog *l, struct buf *b);
void reqlog_reset(struct reqlog *l);

#endif
