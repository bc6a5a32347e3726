/* schema_diff - what another schema of a table means for the records that were
 * read under the former one.
 * Threads: any; values only.  Errors: none.
 * Source:  cells come keyed by field id, selects by the choice's name
 *          (airtable-api.md 8.1, 9). So another name of a field, or a field
 *          less, changes what a file shows but no cell; a new field, another
 *          type or other options may change cells that were read before. */
#ifndef AIRTABLE_SCHEMA_DIFF_H
#define AIRTABLE_SCHEMA_DIFF_H

#include "schema.h"

enum schema_difference {
	SCHEMA_FILES_DIFFER = 1u << 0, /* record files look different */
	SCHEMA_CELLS_DIFFER = 1u << 1, /* records have to be read again */
};

/* From a to b, a set of the above. */
unsigned schema_diff(const struct schema_table *a,
		     const struct schema_table *b);

#endif
