/* Parked requests, and who may answer them.
 *
 * The right to answer a parked call belongs to exactly one thread at a time:
 *
 *   running   the thread inside drive() has it
 *   parked    the cache has it; it goes to the thread on which wake() comes,
 *             or to whoever gets true from cache_cancel()
 *   reaped    the reaper thread has it
 *
 * An interrupt may come at any of these. libfuse calls on_interrupt() with the
 * request's own lock held, also from inside fuse_req_interrupt_func(), so it
 * cannot reply; it raises `interrupted` and tries to take the waiter back:
 *
 *   parked:   cache_cancel() is true, the call goes to the reaper.
 *   running, not asked yet: drive() sees the flag before it asks.
 *   running, about to be parked: cache_cancel() found no waiter, so it took
 *             the cache's lock before the waiter was queued; then drive(),
 *             which looks at the flag after it was queued, sees it and cancels
 *             in its turn.
 *   woken:    drive() runs again and sees the flag.
 *
 * Lifetime: libfuse may have picked up (func, data) for an interrupt and call
 * it a moment later, even after a reply was sent by another thread. Therefore
 * complete() unregisters the function first: that takes the request's lock, so
 * a running on_interrupt() is over and none comes after. Only then it replies,
 * which frees the request. The struct itself has two references, one of the
 * right to answer and one of drive(), which still looks at it after the cache
 * has parked it and another thread may have answered it already. */
#include "park.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "atfs_int.h"

struct parked {
	struct park_call call;
	struct cache_waiter waiter;
	struct park *park;
	atomic_bool interrupted;
	atomic_uint refs;
	struct parked *next, *prev; /* all that are parked; guarded by mu */
	struct parked *reap_next;   /* guarded by mu */
	char *name;                 /* owned; NULL = none */
};

struct park {
	struct atfs *fs;
	pthread_mutex_t mu;
	pthread_cond_t cond;   /* to_reap, count or stopping changed */
	struct parked all;     /* ring head */
	unsigned count;
	struct parked *to_reap;
	bool stopping, reaper_ends;
	pthread_t reaper;
	bool has_reaper;
};

static void parked_free(struct parked *d)
{
	free(d->name);
	free(d);
}

static void unref(struct parked *d)
{
	if (atomic_fetch_sub(&d->refs, 1) == 1)
		parked_free(d);
}

/* The one reply. The caller has the right to answer. */
static void complete(struct parked *d, int r, struct park_answer *a)
{
	struct park *p = d->park;

	fuse_req_interrupt_func(d->call.req, NULL, NULL);
	d->call.finish(&d->call, r, a);
	pthread_mutex_lock(&p->mu);
	d->prev->next = d->next;
	d->next->prev = d->prev;
	p->count--;
	pthread_cond_broadcast(&p->cond);
	pthread_mutex_unlock(&p->mu);
	unref(d);
}

static void complete_err(struct parked *d, int err)
{
	struct park_answer none = { .data = NULL };

	complete(d, err, &none);
}

/* The caller has the right to answer and hands it on. */
static void drive(struct parked *d)
{
	struct park_answer a = { .data = NULL };
	int r;

	atomic_fetch_add(&d->refs, 1);
	if (atomic_load(&d->interrupted)) {
		complete_err(d, -EINTR);
		unref(d);
		return;
	}
	r = d->call.attempt(&d->call, &d->waiter, &a);
	if (r != CACHE_PARKED)
		complete(d, r, &a);
	else if (atomic_load(&d->interrupted) &&
		 cache_cancel(d->park->fs->cache, &d->waiter))
		complete_err(d, -EINTR);
	unref(d);
}

static void wake(struct cache_waiter *w, int err)
{
	struct parked *d = (struct parked *)((char *)w -
					     offsetof(struct parked, waiter));

	if (err < 0)
		complete_err(d, err);
	else
		drive(d);
}

static void give_to_reaper(struct parked *d)
{
	struct park *p = d->park;

	pthread_mutex_lock(&p->mu);
	d->reap_next = p->to_reap;
	p->to_reap = d;
	pthread_cond_broadcast(&p->cond);
	pthread_mutex_unlock(&p->mu);
}

static void on_interrupt(fuse_req_t req, void *data)
{
	struct parked *d = data;

	(void)req;
	atomic_store(&d->interrupted, true);
	if (cache_cancel(d->park->fs->cache, &d->waiter))
		give_to_reaper(d);
}

static void *reaper_main(void *arg)
{
	struct park *p = arg;

	pthread_mutex_lock(&p->mu);
	while (!p->reaper_ends || p->to_reap != NULL) {
		struct parked *d = p->to_reap;

		if (d == NULL) {
			pthread_cond_wait(&p->cond, &p->mu);
			continue;
		}
		p->to_reap = d->reap_next;
		pthread_mutex_unlock(&p->mu);
		complete_err(d, -EINTR);
		pthread_mutex_lock(&p->mu);
	}
	pthread_mutex_unlock(&p->mu);
	return NULL;
}

int park_new(struct atfs *fs, struct park **ret)
{
	struct park *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -ENOMEM;
	p->fs = fs;
	p->all.next = p->all.prev = &p->all;
	pthread_mutex_init(&p->mu, NULL);
	pthread_cond_init(&p->cond, NULL);
	*ret = p;
	return 0;
}

/* The reaper is started with the first parked call: a process that daemonises
 * must not have threads before. Caller holds mu. */
static int need_reaper_locked(struct park *p)
{
	if (!p->has_reaper)
		p->has_reaper = pthread_create(&p->reaper, NULL, reaper_main,
					       p) == 0;
	return p->has_reaper ? 0 : -EAGAIN;
}

static int enter(struct park *p, struct parked *d)
{
	int r;

	pthread_mutex_lock(&p->mu);
	r = p->stopping ? -ENOTCONN : need_reaper_locked(p);
	if (r == 0) {
		d->next = &p->all;
		d->prev = p->all.prev;
		d->prev->next = d;
		p->all.prev = d;
		p->count++;
	}
	pthread_mutex_unlock(&p->mu);
	return r;
}

void park_run(struct park *p, const struct park_call *call)
{
	struct park_answer a = { .data = NULL };
	struct parked *d;
	int r = call->attempt(call, call->local ? CACHE_LOCAL : NULL, &a);

	if (r != -EAGAIN || call->local) {
		call->finish(call, r, &a);
		return;
	}
	a = (struct park_answer){ .data = NULL };
	d = calloc(1, sizeof(*d));
	if (d != NULL && call->name != NULL)
		d->name = strdup(call->name);
	if (d == NULL || (call->name != NULL && d->name == NULL)) {
		free(d);
		call->finish(call, -ENOMEM, &a);
		return;
	}
	d->call = *call;
	d->park = p;
	d->waiter.wake = wake;
	atomic_init(&d->refs, 1);
	d->call.name = d->name;
	r = enter(p, d);
	if (r < 0) {
		call->finish(call, r, &a);
		parked_free(d);
		return;
	}
	/* Registered before the cache is asked: afterwards the request may be
	 * answered, and its memory gone, at any moment. */
	fuse_req_interrupt_func(d->call.req, on_interrupt, d);
	drive(d);
}

unsigned park_count(struct park *p)
{
	unsigned n;

	pthread_mutex_lock(&p->mu);
	n = p->count;
	pthread_mutex_unlock(&p->mu);
	return n;
}

static bool is_listed(const struct park *p, const struct parked *d)
{
	const struct parked *x = p->all.next;

	while (x != &p->all && x != d)
		x = x->next;
	return x == d;
}

void park_stop(struct park *p)
{
	pthread_mutex_lock(&p->mu);
	p->stopping = true;
	for (struct parked *d = p->all.next; d != &p->all; d = d->next)
		atomic_store(&d->interrupted, true);
	/* Those that run see the flag and answer; wait until they have. Those
	 * that wait are taken back and answered here. */
	while (p->all.next != &p->all) {
		struct parked *d = p->all.next;

		atomic_fetch_add(&d->refs, 1);
		pthread_mutex_unlock(&p->mu);
		if (cache_cancel(p->fs->cache, &d->waiter))
			complete_err(d, -ENOTCONN);
		pthread_mutex_lock(&p->mu);
		while (is_listed(p, d))
			pthread_cond_wait(&p->cond, &p->mu);
		unref(d);
	}
	p->reaper_ends = true;
	pthread_cond_broadcast(&p->cond);
	pthread_mutex_unlock(&p->mu);
	if (p->has_reaper)
		pthread_join(p->reaper, NULL);
	p->has_reaper = false;
}

void park_free(struct park *p)
{
	if (p == NULL)
		return;
	pthread_cond_destroy(&p->cond);
	pthread_mutex_destroy(&p->mu);
	free(p);
}
