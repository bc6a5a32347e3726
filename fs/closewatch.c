#include "closewatch.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "atfs_int.h"

struct watched {
	uint32_t table;   /* 0 = free */
	int wd;           /* -1 = wanted, not yet watched */
	uint64_t used;    /* order of the last write */
};

struct closewatch {
	struct atfs *fs;
	int inotify_fd, event_fd;
	pthread_t thread;
	bool running;
	pthread_mutex_t mu;
	pthread_cond_t added;  /* a wanted watch is there, or cannot be */
	/* guarded by mu */
	struct watched v[CLOSEWATCH_MAX];
	uint64_t count;
	bool stopping;
};

int closewatch_new(struct atfs *fs, struct closewatch **ret)
{
	struct closewatch *w = calloc(1, sizeof(*w));
	pthread_condattr_t attr;

	if (w == NULL)
		return -ENOMEM;
	w->fs = fs;
	w->inotify_fd = w->event_fd = -1;
	pthread_mutex_init(&w->mu, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->added, &attr);
	pthread_condattr_destroy(&attr);
	*ret = w;
	return 0;
}

void closewatch_free(struct closewatch *w)
{
	if (w == NULL)
		return;
	if (w->inotify_fd >= 0)
		close(w->inotify_fd);
	if (w->event_fd >= 0)
		close(w->event_fd);
	pthread_cond_destroy(&w->added);
	pthread_mutex_destroy(&w->mu);
	free(w);
}

static void poke(const struct closewatch *w)
{
	uint64_t one = 1;

	if (write(w->event_fd, &one, sizeof(one)) < 0)
		log_debug("close watcher: %s", strerror(errno));
}

/* With mu held, which it gives up meanwhile. */
static void wait_for(struct closewatch *w, const struct watched *e,
		     uint32_t table)
{
	struct timespec t;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += CLOSEWATCH_WAIT_MS * 1000000L;
	if (t.tv_nsec >= 1000000000L) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000L;
	}
	while (r == 0 && e->table == table && e->wd < 0 && !w->stopping)
		r = pthread_cond_timedwait(&w->added, &w->mu, &t);
}

void closewatch_want(struct closewatch *w, uint32_t table)
{
	struct watched *pick = NULL;
	bool is_new = false;

	pthread_mutex_lock(&w->mu);
	if (!w->running || w->stopping)
		table = 0;
	for (size_t i = 0; i < CLOSEWATCH_MAX && table != 0; i++) {
		if (w->v[i].table == table)
			pick = &w->v[i];
	}
	if (pick == NULL && table != 0) {
		/* A free one has never been used, or not since it was freed. */
		pick = &w->v[0];
		for (size_t i = 1; i < CLOSEWATCH_MAX; i++) {
			if (w->v[i].used < pick->used)
				pick = &w->v[i];
		}
		if (pick->table != 0 && pick->wd >= 0)
			(void)inotify_rm_watch(w->inotify_fd, pick->wd);
		pick->table = table;
		pick->wd = -1;
		is_new = true;
	}
	if (pick != NULL) {
		pick->used = ++w->count;
		if (is_new)
			poke(w);
		wait_for(w, pick, table);
	}
	pthread_mutex_unlock(&w->mu);
}

/* The table's directory as seen through our mount. */
static int path_of(struct atfs *fs, uint32_t table, char **ret)
{
	struct cache_dir t, b;
	int r = cache_stat_table(fs->cache, table, &t);

	if (r == 0)
		r = cache_stat_base(fs->cache, t.parent, &b);
	if (r == 0 && asprintf(ret, "%s/%s/%s", fs->opt->mountpoint, b.name,
			       t.name) < 0)
		r = -ENOMEM;
	return r;
}

/* Runs without the lock: the kernel asks us for the path on the way. */
static int add_watch(struct closewatch *w, uint32_t table)
{
	char *path;
	int wd;

	if (path_of(w->fs, table, &path) < 0)
		return -1;
	wd = inotify_add_watch(w->inotify_fd, path,
			       IN_CLOSE_WRITE | IN_ONLYDIR);
	if (wd < 0)
		log_debug("cannot watch '%s': %s", path, strerror(errno));
	free(path);
	return wd;
}

/* One that is wanted and not watched; 0 = none. */
static uint32_t next_wanted(struct closewatch *w)
{
	uint32_t table = 0;

	pthread_mutex_lock(&w->mu);
	for (size_t i = 0; i < CLOSEWATCH_MAX && table == 0; i++) {
		if (w->v[i].table != 0 && w->v[i].wd < 0 && !w->stopping)
			table = w->v[i].table;
	}
	pthread_mutex_unlock(&w->mu);
	return table;
}

static void add_wanted(struct closewatch *w)
{
	uint32_t table;

	while ((table = next_wanted(w)) != 0) {
		int wd = add_watch(w, table);
		bool kept = false;

		pthread_mutex_lock(&w->mu);
		for (size_t i = 0; i < CLOSEWATCH_MAX; i++) {
			struct watched *e = &w->v[i];

			if (e->table != table || e->wd >= 0)
				continue;
			e->wd = wd;
			kept = true;
			if (wd < 0) /* the next write tries again */
				*e = (struct watched){ .table = 0 };
		}
		pthread_cond_broadcast(&w->added);
		pthread_mutex_unlock(&w->mu);
		if (!kept && wd >= 0)
			(void)inotify_rm_watch(w->inotify_fd, wd);
	}
}

static uint32_t table_of(struct closewatch *w, int wd, bool forget)
{
	uint32_t table = 0;

	pthread_mutex_lock(&w->mu);
	for (size_t i = 0; i < CLOSEWATCH_MAX; i++) {
		struct watched *e = &w->v[i];

		if (e->table == 0 || e->wd != wd)
			continue;
		table = e->table;
		if (forget)
			*e = (struct watched){ .table = 0 };
	}
	pthread_mutex_unlock(&w->mu);
	return table;
}

static void on_event(struct closewatch *w, const struct inotify_event *e)
{
	struct cache *c = w->fs->cache;
	struct cache_stat cs;
	/* IN_IGNORED: the directory is gone from the kernel, watch and all */
	uint32_t table = table_of(w, e->wd, (e->mask & IN_IGNORED) != 0);

	if (table == 0 || (e->mask & IN_CLOSE_WRITE) == 0 || e->len == 0 ||
	    !name_is_record(e->name))
		return;
	if (cache_lookup_record(c, table, e->name, &cs, NULL) == 0)
		(void)cache_closed(c, cs.key);
}

static void read_events(struct closewatch *w)
{
	_Alignas(struct inotify_event) char buf[16384];
	ssize_t n = read(w->inotify_fd, buf, sizeof(buf));

	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *e = (const void *)(buf + at);

		on_event(w, e);
		at += (ssize_t)(sizeof(*e) + e->len);
	}
}

static void *closewatch_main(void *arg)
{
	struct closewatch *w = arg;
	struct pollfd fds[2] = {
		{ .fd = w->inotify_fd, .events = POLLIN },
		{ .fd = w->event_fd, .events = POLLIN },
	};
	bool stop = false;

	while (!stop) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		if (fds[1].revents & POLLIN) {
			uint64_t n;

			if (read(w->event_fd, &n, sizeof(n)) < 0)
				continue;
			add_wanted(w);
		}
		if (fds[0].revents & POLLIN)
			read_events(w);
		pthread_mutex_lock(&w->mu);
		stop = w->stopping;
		pthread_mutex_unlock(&w->mu);
	}
	return NULL;
}

int closewatch_start(struct closewatch *w)
{
	int r;

	w->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	w->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->inotify_fd < 0 || w->event_fd < 0) {
		log_warn("closes cannot be heard (%s): incomplete files are "
			 "judged a moment after the last write",
			 strerror(errno));
		return 0;
	}
	r = pthread_create(&w->thread, NULL, closewatch_main, w);
	pthread_mutex_lock(&w->mu);
	w->running = r == 0;
	pthread_mutex_unlock(&w->mu);
	return -r;
}

void closewatch_stop(struct closewatch *w)
{
	bool running;

	pthread_mutex_lock(&w->mu);
	running = w->running;
	w->stopping = true;
	w->running = false;
	pthread_cond_broadcast(&w->added);
	pthread_mutex_unlock(&w->mu);
	if (!running)
		return;
	poke(w);
	pthread_join(w->thread, NULL);
}
