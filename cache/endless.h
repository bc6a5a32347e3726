/* endless - does a listing go round in circles? A plain value that is shown each
 * page that is not the last. A server that loops its offsets, repeats pages
 * under new ones, or sends empty pages for ever must not keep us busy for ever;
 * rows that move between pages must not look like that.
 * How:     Brent's: each page is compared with one remembered page, which is
 *          replaced after 1, 2, 4, 8 ... pages. A circle of n pages shows after
 *          some 3 n at most.
 * Owns:    nothing. Threads: none inside. Errors: none. */
#ifndef ATFS_ENDLESS_H
#define ATFS_ENDLESS_H

#include <stdbool.h>
#include <stdint.h>

#define ENDLESS_PAGES 20000 /* 2,000,000 records */
#define ENDLESS_EMPTY 100   /* pages in a row without a record */
/* Pages that begin as the remembered one does: rows may move. */
#define ENDLESS_ALIKE 3

struct endless {
	uint64_t offset, first; /* of the remembered page */
	unsigned pages, remember_at, empty, alike;
};

/* offset: where the next page begins; first: the id of the page's first record,
 * NULL if it has none. True: this does not end. */
bool endless_page(struct endless *e, const char *offset, const char *first);

#endif
