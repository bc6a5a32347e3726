/* tz - time zones of the tz database, without the process's own zone.
 * Units:   offsets in seconds east of UTC; instants in ms since the epoch.
 * Owns:    zones, once found, live as long as the process: they are
 *          constants of the machine.
 * Threads: any; the list of known zones has its own lock.
 * Errors:  an unknown name gives false.
 * Source:  RFC 9636 (TZif) under TZDIR or /usr/share/zoneinfo;
 *          airtable-api.md 9.1: IANA names, `utc`, and `client`, which is
 *          taken as UTC where no client's zone is known. */
#ifndef SIM_TZ_H
#define SIM_TZ_H

#include <stdbool.h>
#include <stdint.h>

struct tz;

/* *out is NULL for UTC. */
bool tz_find(const char *name, const struct tz **out);
int64_t tz_offset_s(const struct tz *z, int64_t utc_s);	/* z may be NULL */

/* Between an instant and the wall clock there, both as ms. A time that a
 * jump leaves out lies after it, a doubled one is the first. */
int64_t tz_local_ms(const struct tz *z, int64_t utc_ms);
int64_t tz_utc_ms(const struct tz *z, int64_t local_ms);

#endif
