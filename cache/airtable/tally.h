/* tally - how many requests were sent in each calendar month (UTC), to each
 * base and to none: counted durably over all mounts of a profile and endpoint.
 * Where:   a small file in the state directory, beside the places of the single
 *          mounts, because what is counted is a plan's, not a mount's; not in
 *          the cache, which may be deleted, and not in SQLite, where each count
 *          would be a transaction.
 * Format:  a header, then slots of a base and month, for this kind of machine
 *          alone; it grows by a slot, and those of last year are used again.
 *          What has another header is emptied, with a word in the log.
 * Durable: a count is one write(2) into the page cache, so it survives kill -9;
 *          after a power loss up to TALLY_SYNC_EVERY - 1 of each mount are
 *          missing. A request that leaves in the moment of a kill may be
 *          missing, too; none is ever counted twice.
 * Locks:   an open file description lock around each count, tried for some
 *          20 ms; readers take none.
 * Units:   calls; Unix ms. Owns: a descriptor.
 * Threads: tally_add one at a time; the others any.
 * Errors:  -errno of open and friends; -EINVAL no plain file; -EPERM of another
 *          user. tally_add tells once in the log, and counts on for itself. */
#ifndef AIRTABLE_TALLY_H
#define AIRTABLE_TALLY_H

#include <stdint.h>

#include "ids.h"

#define TALLY_SYNC_EVERY 50
/* The bytes of tally_file_name's answer. */
#define TALLY_FILE_NAME_MAX 32

struct tally;

/* path NULL = this process alone, nothing is kept. */
int tally_open(const char *path, struct tally **ret);
void tally_free(struct tally *t); /* NULL is fine */
void tally_file_name(const char *endpoint, char out[static TALLY_FILE_NAME_MAX]);

/* One request more. base NULL or "" = of no base. */
void tally_add(struct tally *t, const struct base_id *base, int64_t wall_ms);
/* All of the month in which wall_ms lies. */
uint64_t tally_month(const struct tally *t, int64_t wall_ms);
/* The same, each base (id "" = none) with its number. */
void tally_each(const struct tally *t, int64_t wall_ms,
		void (*fn)(void *ctx, const char *base_id, uint64_t n),
		void *ctx);

/* Months since year 0, and when the next one begins (Unix ms). */
uint32_t tally_month_of(int64_t wall_ms);
int64_t tally_next_month_ms(int64_t wall_ms);

#endif
