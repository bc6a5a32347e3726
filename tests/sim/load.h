/* load - the whole state from and to one JSON file.
 * Owns:    load_file adds to the state and tokens given.
 * Threads: load before the server runs; save under the server's mutex.
 * Errors:  -1 and a text that names the bad element by its path, such as
 *          bases[0].tables[2].fields[1].id.
 * Source:  the schema and record forms of airtable-api.md 7.2 and 8, so an
 *          export of a real account loads as it is. */
#ifndef SIM_LOAD_H
#define SIM_LOAD_H

#include "call.h"

#define LOAD_ERR_CAP 400

int load_file(struct sim *s, const char *path, char err[LOAD_ERR_CAP]);
void save_json(struct sim *s, struct buf *b);
int save_file(struct sim *s, const char *path, char err[LOAD_ERR_CAP]);

#endif
