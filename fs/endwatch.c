#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cache/airtable/clock.h"
#include "exits.h"
#include "session_int.h"

/* All ours: how often an ending mount is looked at, how long those who still
 * have files open are served once it is taken off, and how much longer than
 * promised the last steps may take before the process ends regardless. */
#define LOOK_MS 50
#define GRACE_NS (1 * NS_PER_S)
#define STOPPING_NS (10 * NS_PER_S)
#define CLOSING_NS (5 * NS_PER_S)
#define DRAIN_SLACK_NS (15 * NS_PER_S)
#define MOUNTING_NS (5 * NS_PER_S)

/* Interrupts the semaphore on which fuse_session_loop_mt waits. */
#define NUDGE SIGUSR2

struct endwatch {
	struct session *s;
	pthread_t thread;
	int signal_fd, stop_fd;
	unsigned signals_n;  /* heard so far */
	bool taken_off;      /* the mount, by us */
	bool hup_ends;       /* SIGHUP means that our terminal is gone */
};

static enum stage stage_of(struct session *s, int64_t *ret_age_ns)
{
	enum stage stage;

	pthread_mutex_lock(&s->mu);
	stage = s->stage;
	*ret_age_ns = clock_mono_ns(&system_clock) - s->stage_ns;
	pthread_mutex_unlock(&s->mu);
	return stage;
}

static void leave_now(struct session *s)
{
	struct cache_unsent u = { .queued = 0 };
	char words[200];
	unsigned left;

	cache_get_unsent(s->cache, &u);
	left = u.queued + u.conflicts + u.rejected + u.drafts;
	session_left_words(words, sizeof(words), u.queued, left - u.queued);
	if (left > 0)
		log_warn("ended before all was sent; %s", words);
	session_leave_note(s, (int)left);
	_exit(left > 0 ? EXIT_UNSENT : EXIT_DONE);
}

/* Ends every request of the mount, parked ones too, where the control file
 * system of FUSE is mounted; else nothing happens. */
static void abort_connection(struct session *s)
{
	unsigned mi, no;
	char path[80];
	ssize_t n;
	int fd;

	pthread_mutex_lock(&s->mu);
	mi = minor(s->dev);
	/* the kernel's own spelling of a device number */
	no = (mi & 0xff) | (major(s->dev) << 8) | ((mi & ~0xffu) << 12);
	if (!s->dev_known)
		no = 0;
	pthread_mutex_unlock(&s->mu);
	if (no == 0)
		return;
	snprintf(path, sizeof(path), "/sys/fs/fuse/connections/%u/abort", no);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = write(fd, "1", 1);
	(void)n; /* the loop is told to end anyway */
	close(fd);
}

/* The mount is still served while it is taken off: whoever waits in it gets an
 * answer, and if nobody has a file open, the loop ends by itself. */
static void take_off(struct endwatch *w)
{
	int r = session_take_off(w->s);

	w->taken_off = true;
	if (r < 0 && r != -ENOENT)
		log_warn("'%s' cannot be unmounted: %s",
			 w->s->opt->mountpoint, strerror(-r));
}

static void end_loop(struct session *s)
{
	fuse_session_exit(s->se);
	/* Again and again: it may come just before the other one waits. */
	pthread_kill(s->main_thread, NUDGE);
}

static void on_signal(struct endwatch *w, int signo)
{
	struct session *s = w->s;
	char text[96];
	int64_t age;

	if (signo == SIGHUP && !w->hup_ends &&
	    stage_of(s, &age) == STAGE_RUNNING) {
		log_info("signal (%s): the token is read again",
			 strsignal(signo));
		cache_reload_token(s->cache);
		return;
	}
	w->signals_n++;
	switch (stage_of(s, &age)) {
	case STAGE_STARTING:
		snprintf(text, sizeof(text), "stopped by a signal (%s) before "
			 "the mount was ready", strsignal(signo));
		daemon_report(s->daemon, EXIT_FAILED, text);
		_exit(EXIT_FAILED);
	case STAGE_RUNNING:
		log_info("signal (%s): unmounting", strsignal(signo));
		session_set_stage(s, STAGE_ENDING);
		break;
	case STAGE_DRAINING:
		if (w->signals_n > 1)
			leave_now(s);
		break;
	case STAGE_MOUNTING: /* look() comes back to it */
	case STAGE_ENDING:
	case STAGE_STOPPING:
	case STAGE_CLOSING:
		break;
	}
}

/* What time alone brings about. Returns how long to wait for the next look. */
static int look(struct endwatch *w)
{
	struct session *s = w->s;
	int64_t age;

	switch (stage_of(s, &age)) {
	case STAGE_STARTING:
		break;
	case STAGE_MOUNTING:
		if (w->signals_n == 0)
			break;
		if (age > MOUNTING_NS)
			session_set_stage(s, STAGE_ENDING);
		return LOOK_MS;
	case STAGE_RUNNING:
		if (w->signals_n == 0)
			break;
		session_set_stage(s, STAGE_ENDING);
		return LOOK_MS;
	case STAGE_ENDING:
		if (!w->taken_off)
			take_off(w);
		if (age > GRACE_NS || w->signals_n > 1) {
			abort_connection(s);
			end_loop(s);
		}
		return LOOK_MS;
	case STAGE_STOPPING:
		if (age > GRACE_NS)
			session_sever(s);
		if (age > STOPPING_NS)
			leave_now(s);
		return 200;
	case STAGE_DRAINING:
		if (age > (int64_t)(s->opt->drain_s * (double)NS_PER_S) +
				  DRAIN_SLACK_NS) {
			log_error("the sending did not stop in time");
			leave_now(s);
		}
		return 1000;
	case STAGE_CLOSING:
		if (age > CLOSING_NS)
			_exit(s->verdict);
		return 1000;
	}
	return -1;
}

static void *endwatch_main(void *arg)
{
	struct endwatch *w = arg;
	struct pollfd fds[2] = {
		{ .fd = w->stop_fd, .events = POLLIN },
		{ .fd = w->signal_fd, .events = POLLIN },
	};
	struct signalfd_siginfo info;
	uint64_t wake;

	for (;;) {
		if (poll(fds, 2, look(w)) < 0 && errno != EINTR)
			return NULL;
		if (fds[0].revents != 0 &&
		    read(w->stop_fd, &wake, sizeof(wake)) == sizeof(wake) &&
		    wake >= UINT32_MAX)
			return NULL;
		if (fds[1].revents != 0 &&
		    read(w->signal_fd, &info, sizeof(info)) == sizeof(info))
			on_signal(w, (int)info.ssi_signo);
	}
}

static void on_nudge(int signo)
{
	(void)signo; /* to have interrupted is all */
}

int endwatch_start(struct session *s)
{
	struct sigaction sa = { .sa_handler = on_nudge };
	struct endwatch *w = calloc(1, sizeof(*w));
	sigset_t set;
	int r;

	if (w == NULL)
		return -ENOMEM;
	w->s = s;
	w->hup_ends = s->daemon->foreground && isatty(STDIN_FILENO) == 1;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	w->stop_fd = eventfd(0, EFD_CLOEXEC);
	w->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	r = w->stop_fd < 0 || w->signal_fd < 0 ? -errno : 0;
	if (r == 0)
		r = -pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (r == 0 && sigaction(NUDGE, &sa, NULL) < 0)
		r = -errno;
	s->watch = w; /* before its thread, which uses it */
	if (r == 0)
		r = -pthread_create(&w->thread, NULL, endwatch_main, w);
	if (r < 0) {
		if (w->stop_fd >= 0)
			close(w->stop_fd);
		if (w->signal_fd >= 0)
			close(w->signal_fd);
		free(w);
		s->watch = NULL;
	}
	return r;
}

static void tell(struct endwatch *w, uint64_t what)
{
	ssize_t n;

	do {
		n = write(w->stop_fd, &what, sizeof(what));
	} while (n < 0 && errno == EINTR);
}

void endwatch_look(struct endwatch *w)
{
	if (w != NULL)
		tell(w, 1);
}

void endwatch_stop(struct endwatch *w)
{
	if (w == NULL)
		return;
	tell(w, UINT32_MAX);
	pthread_join(w->thread, NULL);
	close(w->stop_fd);
	close(w->signal_fd);
	free(w);
}
