/* quirk - switches for what no public material settles: 0 is the choice the
 * reference calls safe, anything else the other way the service may be.
 * Units:   as the name says.
 * Owns:    nothing; a plain value, all 0 at the start (base_rate: 5).
 * Threads: under the server's mutex.
 * Errors:  quirks_set returns -1 and a reason, nothing changed.
 * Source:  airtable-api.md 16; the numbers there stand beside the names. */
#ifndef SIM_QUIRK_H
#define SIM_QUIRK_H

#include <jansson.h>

#include "buf.h"

#define QUIRK_BASE_RATE 5

struct quirks {
	int extend_block;	/* 2: calls in the block lengthen it */
	int clamp_page_size;	/* 5: pageSize over 100 is 100 */
	int bad_body_400;	/* 6: status of a body that is no JSON */
	int unauthorized;	/* 9: type UNAUTHORIZED for a bad token */
	int create_formula;	/* 15: formula fields can be created */
	int silent_equal;	/* 16: an equal value stamps nothing */
	int payload_equal;	/* 16: an equal value makes a payload */
	int trim_text;		/* 17: CRLF becomes LF, blanks at the end go */
	int round_numbers;	/* 18: to the field's precision */
	int upload_422;		/* 20: an upload over 5 MB */
	int hook_cursor;	/* 22: in the answer to a webhook's creation */
	int hook_revive;	/* 22: refresh works on a dead hook */
	int hook_old_cursor;	/* 22: a cursor whose payload is gone: 422 */
	int hook_404;		/* 22: unknown hook */
	int max_records;	/* 24: of a base; 0: no limit */
	int max_text;		/* 24: bytes of a text cell; 0: no limit */
	int base_rate;		/* 25: calls per second and base */
	int synced_403;		/* 27: writes to synced tables */
	int dedupe;		/* 28: ids that come twice are taken once */
	int choice_by_editor;	/* 8.5: typecast makes choices for editors */
};

int quirks_set(struct quirks *q, json_t *o, const char **why);
void quirks_write(const struct quirks *q, struct buf *b);

#endif
