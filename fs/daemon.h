/* daemon - a mount's process: made by fork, it tells its verdict (the mount
 * answers, or why there is none) to the command that waits for it.
 * In the foreground the same calls work without a second process.
 * Owns:    the pipe. Threads: daemon_report from any, once.
 * Errors:  -errno. */
#ifndef ATFS_DAEMON_H
#define ATFS_DAEMON_H

#include <stdbool.h>

#define DAEMON_TEXT 1024

struct daemon {
	int fd;            /* -1: in the foreground */
	bool foreground;
};

/* Ours from here on: no core dump, no reading of our memory by others, files
 * for the user alone, SIGPIPE ignored. Before a token is read. */
void daemon_harden(void);

/* 1: this is the command; the verdict has come (its line is on stderr) and
 * ret_code is what to exit with. 0: this is the daemon (always so in the
 * foreground). Descriptors above 2 are closed in a daemon. */
int daemon_start(struct daemon *d, bool foreground, int *ret_code);

/* Tells the verdict. text is one line for stderr, "" for none. In a daemon
 * with code 0 standard input, output and error then lead to /dev/null.
 * -EPIPE: the command does not wait any more. */
int daemon_report(struct daemon *d, int code, const char *text);

#endif
