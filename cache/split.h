/* split - one large table read by several cursors over disjoint ranges of
 * CREATED_TIME(): whether that pays, and where the ranges meet.
 *
 * A cursor gets its next page only when it has the one before, so with a
 * latency above 200 ms it stays below 5 pages a second. Nobody tells how many
 * records a table has nor how their times are spread. But recordings show lists
 * in the order of their ids, and ids are random: then the first page is a
 * sample of the times, and how far it comes in the space of all ids tells how
 * many there are. Where that does not hold, ranges come out uneven and the
 * reading is slower; it is never wrong.
 *
 * What it costs: the first page is read twice, and each range may end with a
 * page that is not full: at most 1 + parts calls more than one cursor needs.
 *
 * Units:   ms of Unix time; records.
 * Owns:    nothing. Threads: any. Errors: none.
 * Source:  order and offsets airtable-api.md 8.1.1, ids 1.1, formulas 10. */
#ifndef ATFS_SPLIT_H
#define ATFS_SPLIT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define SPLIT_MAX 8
/* Ours: below so many records a single cursor reads the table. */
#define SPLIT_RECORDS 5000
#define SPLIT_FORMULA_MAX 192

/* How many records the table may have whose first page this is (not the last
 * one); 0 = the page does not tell. */
uint64_t split_guess(const json_t *records);

/* Into how many ranges (2 to SPLIT_MAX) a table of so many records is split
 * when a page takes so long; 1 = it is not. */
unsigned split_parts(uint64_t guess, int64_t page_ns);

/* The times at which that many ranges meet, ascending, by the times of these
 * records: fewer where many have the same. Returns how many; 0 = no use. */
size_t split_bounds(const json_t *records, unsigned parts,
		    int64_t bounds[static SPLIT_MAX - 1]);

/* Records created at or after from and before until; 0 = no bound there (not
 * both). Of any two neighbours every record is in exactly one, whatever
 * IS_BEFORE() makes of a time. */
void split_formula(int64_t from_ms, int64_t until_ms,
		   char buf[static SPLIT_FORMULA_MAX]);

#endif
