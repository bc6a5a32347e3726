/* scan - an incremental scanner of one JSON object: follows content as it is
 * written, piece by piece, and says as early as can be known that no
 * continuation makes it valid, or that the object is complete.
 * It checks JSON's grammar (RFC 8259) with UTF-8, a top level that is an
 * object, nesting of at most SCAN_DEPTH_MAX, and white space only after the
 * end. It keeps nothing of the content.
 * Units:   line and column count from 1, column in characters (code points).
 * Owns:    nothing; a plain value. Threads: none. Errors: a result. */
#ifndef ATFS_SCAN_H
#define ATFS_SCAN_H

#include <stddef.h>
#include <stdint.h>

#define SCAN_DEPTH_MAX 64

enum scan_result { SCAN_MORE, SCAN_COMPLETE, SCAN_INVALID };

struct scan {
	enum scan_result result;
	uint64_t bytes;       /* fed so far; up to the fault if invalid */
	unsigned line, column;/* of the next character; of the fault if invalid */
	const char *reason;   /* static text, set when invalid */
	/* private */
	unsigned depth;
	unsigned char state, sub, utf8_left, utf8_lo, utf8_hi;
	unsigned char hex_left;
	uint16_t hex_value;
	uint64_t in_object;   /* bit n: level n is an object, else an array */
};

void scan_init(struct scan *s);
/* Feeding after SCAN_INVALID changes nothing. */
enum scan_result scan_feed(struct scan *s, const char *buf, size_t n);
/* What a file that ends here lacks, in words; static text. NULL if the result
 * is not SCAN_MORE. */
const char *scan_missing(const struct scan *s);

#endif
