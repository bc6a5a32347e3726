/* logsink - where log lines go: stderr of a mount in the foreground, else
 * syslog where there is one, else $XDG_STATE_HOME/airtablefs/airtablefs.log
 * (at most LOGSINK_FILE_MAX bytes, one older file is kept beside it).
 * Owns:    one open log for the whole process. Threads: any, once opened.
 * Errors:  a log that cannot be written is no reason to fail. */
#ifndef ATFS_LOGSINK_H
#define ATFS_LOGSINK_H

#include <stdbool.h>

#define LOGSINK_FILE_MAX (4 << 20)

void logsink_open(bool foreground, bool debug);
/* Where it went, for messages: "syslog", a path, or "standard error". */
const char *logsink_name(void);

#endif
