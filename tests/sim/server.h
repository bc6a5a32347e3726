/* server - HTTP around the simulator: reading requests, pacing, faults,
 * compression.
 * Units:   milliseconds where a name says _ms.
 * Owns:    all parts of the running simulator.
 * Threads: one per connection; `mu` guards everything mutable, and no
 *          thread sleeps with it held, so latency never queues requests.
 * Errors:  0 or -errno.
 * Source:  airtable-api.md 1 (transport), 6 (limits). */
#ifndef SIM_SERVER_H
#define SIM_SERVER_H

#include "call.h"
#include "fault.h"
#include "files.h"
#include "ratelimit.h"
#include "reqlog.h"

#define SERVER_BODY_MAX (16u << 20)	/* of a request; the limit of the
					 * real one is not known */
#define SERVER_URI_MAX 16000		/* airtable-api.md 1 */

struct MHD_Daemon;

struct server {
	struct sim sim;			/* sim.mu is the lock of all this */
	struct ratelimit limit;
	struct reqlog *log;
	struct faults *faults;
	struct files files;
	bool array_429;
	int retry_after_429;		/* 0: no header */
	int latency_ms;
	bool capped;			/* the month's calls are used up */
	long cap_left;			/* they will be, after so many */
	bool cap_object;		/* form of that body */
	bool cap_meta;			/* /meta/ is refused too */
	pthread_cond_t wake;		/* ends every sleep at shutdown */
	bool stopping;
	struct MHD_Daemon *daemon;
	int fd;
};

int server_start(struct server *s, const char *bind_addr, unsigned port,
		 unsigned *chosen);
void server_stop(struct server *s);

/* A listening socket and the port it got, or -errno. */
int server_listen(const char *addr, unsigned port, unsigned *chosen);

/* Sleeps without the lock; server_stop ends it early. */
void server_pause(struct server *s, int64_t ms);

#endif
