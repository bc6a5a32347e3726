/* formula_datefmt - dates as text in a given form, both ways.
 * Units:   milliseconds since the epoch; the zone is NULL for UTC.
 * Owns:    nothing.    Threads: any.
 * Errors:  false for a text that does not have the form.
 * Source:  the format specifiers the product documents for DATETIME_FORMAT
 *          (those of Moment.js); English names only. */
#ifndef SIM_FORMULA_DATEFMT_H
#define SIM_FORMULA_DATEFMT_H

#include "buf.h"
#include "tz.h"

#include <stdbool.h>
#include <stdint.h>

void fx_format_date(struct buf *b, const char *form, int64_t ms,
		    const struct tz *zone);
bool fx_parse_date(const char *text, const char *form, int64_t *ms);

/* Days since 1 January, from 0; the ISO week and its year; the week that
 * begins on `first` (0 = Sunday) counted from the one with 1 January. */
int fx_day_of_year(int64_t ms);
int fx_iso_week(int64_t ms, int64_t *year);
int fx_week(int64_t ms, int first);

#endif
