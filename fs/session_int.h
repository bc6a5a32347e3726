/* session_int - what session.c (start and end of a mount) and endwatch.c (the
 * thread that hears signals) share. */
#ifndef ATFS_SESSION_INT_H
#define ATFS_SESSION_INT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "atfs.h"
#include "session.h"

enum stage {
	STAGE_STARTING, STAGE_MOUNTING, STAGE_RUNNING, STAGE_ENDING,
	STAGE_STOPPING, STAGE_DRAINING, STAGE_CLOSING,
};

struct session {
	const struct options *opt;
	struct daemon *daemon;
	struct atfs *fs;
	struct cache *cache;
	struct fuse_session *se;
	char *state_dir;        /* NULL: not known */
	pthread_t main_thread, ready_thread;
	struct endwatch *watch;

	pthread_mutex_t mu;     /* a leaf */
	/* guarded by mu */
	enum stage stage;
	int64_t stage_ns;       /* since when */
	bool dev_known;
	dev_t dev;              /* of the mount */
	bool severed;
	int verdict;            /* what the mount turned out to be worth */
};

/* Also wakes the end watch. */
void session_set_stage(struct session *s, enum stage stage);
/* Takes the mount off if it is still there and still ours; -ENOENT if not. */
int session_take_off(struct session *s);
/* Ends every request that nobody will answer any more. Once is enough. */
void session_sever(struct session *s);
/* Writes last-exit.json. */
void session_leave_note(struct session *s, int left);

/* ---- endwatch.c ---- */
/* SIGHUP reads the token again, except in the foreground of a terminal, where it
 * ends the mount as SIGTERM and SIGINT do. Blocks SIGTERM, SIGINT and SIGHUP for this and every later thread and starts
 * the one that hears them, s->watch. */
int endwatch_start(struct session *s);
/* The stage has changed: what is to be waited for now? Takes NULL. */
void endwatch_look(struct endwatch *w);
void endwatch_stop(struct endwatch *w); /* joins; takes NULL */

#endif
