/* log - one line of text to whoever listens.
 * The program installs one sink before the first thread starts; until then
 * warnings and errors go to stderr. Text is bounded, control characters in it
 * are shown escaped, and no caller may ever put a token into it.
 * Threads: any, once the sink is installed. Errors: none. */
#ifndef AIRTABLE_LOG_H
#define AIRTABLE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

typedef void log_sink_fn(enum log_level level, const char *line);

void log_set_sink(log_sink_fn *sink, enum log_level max_level);
bool log_enabled(enum log_level level);
void log_msg(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...) log_msg(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_msg(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_msg(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_msg(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
