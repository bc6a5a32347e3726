#include "logsink.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "cache/airtable/clock.h"
#include "cache/airtable/log.h"
#include "paths.h"

/* The one open log. The sink is called from every thread and gets no context,
 * so this is the process's, like stderr. */
static struct {
	pthread_mutex_t mu;
	char *path, *old;
	int fd;             /* guarded by mu */
} log_file = { PTHREAD_MUTEX_INITIALIZER, NULL, NULL, -1 };

static const char *level_word(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERROR:
		return "error: ";
	case LOG_LEVEL_WARN:
		return "warning: ";
	case LOG_LEVEL_DEBUG:
		return "debug: ";
	case LOG_LEVEL_INFO:
		break;
	}
	return "";
}

static void to_stderr(enum log_level level, const char *line)
{
	/* one call, one line, whatever other threads print */
	fprintf(stderr, "airtablefs: %s%s\n", level_word(level), line);
}

static void to_syslog(enum log_level level, const char *line)
{
	static const int priority[] = {
		[LOG_LEVEL_ERROR] = LOG_ERR,
		[LOG_LEVEL_WARN] = LOG_WARNING,
		[LOG_LEVEL_INFO] = LOG_INFO,
		[LOG_LEVEL_DEBUG] = LOG_DEBUG,
	};

	syslog(priority[level], "%s%s", level_word(level), line);
}

static void open_file_locked(void)
{
	if (log_file.fd >= 0)
		close(log_file.fd);
	log_file.fd = open(log_file.path, O_WRONLY | O_CREAT | O_APPEND |
			   O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
			   0600);
}

/* Several daemons write to one file: the first that finds it full puts it
 * aside, the others see that the name leads elsewhere now and follow. */
static void rotate_locked(void)
{
	struct stat mine, named;

	if (fstat(log_file.fd, &mine) < 0 || mine.st_size < LOGSINK_FILE_MAX)
		return;
	if (stat(log_file.path, &named) == 0 && named.st_ino == mine.st_ino &&
	    named.st_dev == mine.st_dev &&
	    rename(log_file.path, log_file.old) < 0)
		return;
	open_file_locked();
}

static void to_file(enum log_level level, const char *line)
{
	char head[80], stamp[25], end[] = "\n";
	struct iovec v[3];
	ssize_t wrote = 0;
	int n;

	clock_format_iso(clock_wall_ms(&system_clock), stamp);
	n = snprintf(head, sizeof(head), "%s airtablefs[%d] %s", stamp,
		     (int)getpid(), level_word(level));
	if (n < 0)
		return;
	v[0] = (struct iovec){ head, (size_t)n };
	v[1] = (struct iovec){ (char *)(uintptr_t)line, strlen(line) };
	v[2] = (struct iovec){ end, 1 };
	pthread_mutex_lock(&log_file.mu);
	if (log_file.fd >= 0)
		rotate_locked();
	/* O_APPEND and one call: lines of other daemons stay whole. A full
	 * disk must not stop us, so the answer does not matter. */
	if (log_file.fd >= 0)
		wrote = writev(log_file.fd, v, 3);
	(void)wrote;
	pthread_mutex_unlock(&log_file.mu);
}

static bool open_file(void)
{
	char *dir = paths_state();

	if (dir == NULL || paths_make(dir) < 0 ||
	    asprintf(&log_file.path, "%s/airtablefs.log", dir) < 0)
		log_file.path = NULL;
	free(dir);
	if (log_file.path == NULL)
		return false;
	if (asprintf(&log_file.old, "%s.1", log_file.path) < 0) {
		log_file.old = NULL;
		return false;
	}
	pthread_mutex_lock(&log_file.mu);
	open_file_locked();
	pthread_mutex_unlock(&log_file.mu);
	return log_file.fd >= 0;
}

void logsink_open(bool foreground, bool debug)
{
	enum log_level max = debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;

	if (foreground) {
		log_set_sink(to_stderr, max);
	} else if (access("/dev/log", W_OK) == 0) {
		openlog("airtablefs", LOG_PID | LOG_NDELAY, LOG_DAEMON);
		free(log_file.path);
		log_file.path = NULL;
		log_set_sink(to_syslog, max);
	} else if (open_file()) {
		log_set_sink(to_file, max);
	}
	/* else what log.c does by itself: warnings to stderr */
}

const char *logsink_name(void)
{
	if (log_file.path != NULL)
		return log_file.path;
	return access("/dev/log", W_OK) == 0 ? "syslog" : "standard error";
}
