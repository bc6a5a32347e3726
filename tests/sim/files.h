/* files - the attachment host: a second port that knows no tokens.
 * Units:   milliseconds.
 * Owns:    its daemon and its log, until files_stop.
 * Threads: one per connection; the simulator's mutex guards settings, log
 *          and blobs, and is not held while bytes are sent.
 * Errors:  0 or -errno.
 * Source:  airtable-api.md 11. Range and ETag are a guess, so a switch. */
#ifndef SIM_FILES_H
#define SIM_FILES_H

#include "call.h"

struct MHD_Daemon;

struct files_entry {
	char *method;
	char *path;
	char *range;		/* NULL: none */
	int status;
	bool auth;		/* an Authorization header came along */
};

struct files {
	struct sim *sim;
	struct MHD_Daemon *daemon;
	bool no_ranges;
	int latency_ms;
	int fail_status;	/* for the next fail_left requests */
	long fail_left;		/* -1: for ever */
	long cut_left;		/* requests whose body ends half way */
	uint64_t requests;
	uint64_t with_auth;
	struct files_entry *log;	/* the newest FILES_LOG_MAX */
	size_t log_n;
	size_t log_cap;
};

#define FILES_LOG_MAX 1000

/* Sets host and port of the simulator's attachments. */
int files_start(struct files *f, struct sim *s, const char *addr,
		unsigned port);
void files_stop(struct files *f);

void files_write(const struct files *f, struct buf *b);
void files_reset(struct files *f);
void files_set(struct files *f, const json_t *o);

/* Bytes "/static/NAME?size=N" asks for; 0 if it does not say. */
size_t files_static_size(const char *path);

#endif
