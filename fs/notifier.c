#include "notifier.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "atfs_int.h"
#include "options.h"
#include "push.h"

#define QUIESCE_MS 200
#define NAME_BUCKETS 1024

enum note_kind {
	NOTE_INVAL_INODE,
	NOTE_INVAL_ENTRY,
	NOTE_DELETE,
	NOTE_EXPIRE,
};

struct note {
	struct note *next;
	struct note *name_next; /* chain of names[] */
	enum note_kind kind;
	uint64_t nodeid;        /* the inode, or the directory of the name */
	uint64_t child;
	char name[];
};

/* all but fs guarded by mu */
struct notifier {
	struct atfs *fs;
	pthread_mutex_t mu;
	pthread_cond_t cond;
	struct note *first, **last;
	struct note *names[NAME_BUCKETS]; /* queued notes with a name */
	struct push_queue pushes;
	bool running, stopping;
	bool helped;      /* somebody is in notifier_help */
	unsigned sending; /* threads that are telling the kernel something */
	pthread_t thread;
};

static size_t name_bucket(uint64_t dir, const char *name)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ dir; /* FNV-1a */

	for (; *name != '\0'; name++)
		h = (h ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	return (size_t)((h ^ (h >> 32)) % NAME_BUCKETS);
}

int notifier_new(struct atfs *fs, struct notifier **ret)
{
	struct notifier *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return -ENOMEM;
	n->fs = fs;
	n->last = &n->first;
	push_queue_init(&n->pushes);
	pthread_mutex_init(&n->mu, NULL);
	pthread_cond_init(&n->cond, NULL);
	*ret = n;
	return 0;
}

static void clear_locked(struct notifier *n)
{
	struct note *t;

	while ((t = n->first) != NULL) {
		n->first = t->next;
		free(t);
	}
	n->last = &n->first;
	memset(n->names, 0, sizeof(n->names));
	push_queue_clear(&n->pushes);
}

void notifier_free(struct notifier *n)
{
	if (n == NULL)
		return;
	clear_locked(n);
	pthread_cond_destroy(&n->cond);
	pthread_mutex_destroy(&n->mu);
	free(n);
}

static void put_locked(struct notifier *n, struct note *t)
{
	if (n->stopping) {
		free(t);
		return;
	}
	*n->last = t;
	n->last = &t->next;
	if (t->kind != NOTE_INVAL_INODE) {
		struct note **b = &n->names[name_bucket(t->nodeid, t->name)];

		t->name_next = *b;
		*b = t;
	}
	pthread_cond_broadcast(&n->cond);
}

static struct note *take_locked(struct notifier *n)
{
	struct note *t = n->first;

	if (t == NULL)
		return NULL;
	n->first = t->next;
	if (n->first == NULL)
		n->last = &n->first;
	if (t->kind != NOTE_INVAL_INODE) {
		struct note **p = &n->names[name_bucket(t->nodeid, t->name)];

		while (*p != t)
			p = &(*p)->name_next;
		*p = t->name_next;
	}
	return t;
}

void notifier_inval_inode(struct notifier *n, uint64_t nodeid)
{
	struct note *t;

	if (inode_flag_set(n->fs->inodes, nodeid, INODE_INVAL_QUEUED) &
	    INODE_INVAL_QUEUED)
		return;
	t = calloc(1, sizeof(*t) + 1);
	if (t == NULL) {
		inode_flag_clear(n->fs->inodes, nodeid, INODE_INVAL_QUEUED);
		return;
	}
	t->kind = NOTE_INVAL_INODE;
	t->nodeid = nodeid;
	pthread_mutex_lock(&n->mu);
	put_locked(n, t);
	pthread_mutex_unlock(&n->mu);
}

static void put_name(struct notifier *n, enum note_kind kind, uint64_t dir,
		     uint64_t child, const char *name)
{
	size_t len = strlen(name) + 1;
	struct note *t = calloc(1, sizeof(*t) + len), *same;

	if (t == NULL) {
		notifier_inval_inode(n, dir);
		return;
	}
	t->kind = kind;
	t->nodeid = dir;
	t->child = child;
	memcpy(t->name, name, len);
	pthread_mutex_lock(&n->mu);
	same = n->names[name_bucket(dir, name)];
	while (same != NULL &&
	       (same->nodeid != dir || strcmp(same->name, name) != 0))
		same = same->name_next;
	if (same == NULL) {
		put_locked(n, t);
	} else {
		/* merged: what both want is what an invalidation does */
		if (same->kind != kind || same->child != child)
			same->kind = NOTE_INVAL_ENTRY;
		free(t);
	}
	pthread_mutex_unlock(&n->mu);
}

void notifier_inval_entry(struct notifier *n, uint64_t dir, const char *name)
{
	put_name(n, NOTE_INVAL_ENTRY, dir, 0, name);
}

void notifier_delete(struct notifier *n, uint64_t dir, uint64_t child,
		     const char *name)
{
	put_name(n, NOTE_DELETE, dir, child, name);
}

void notifier_expire_entry(struct notifier *n, uint64_t dir, const char *name)
{
	if (n->fs->can_expire)
		put_name(n, NOTE_EXPIRE, dir, 0, name);
}

void notifier_push(struct notifier *n, const struct push *p)
{
	pthread_mutex_lock(&n->mu);
	if (n->stopping)
		free(p->bytes);
	else if (push_queue_add(&n->pushes, p))
		pthread_cond_broadcast(&n->cond);
	pthread_mutex_unlock(&n->mu);
}

/* The kernel also tells watchers that the file is deleted, and takes its link
 * count away. A record that only has another name is not. */
static void send_delete(struct atfs *fs, const struct note *t)
{
	char other[NAME_BUF];
	struct inode_view v;
	size_t n = strlen(t->name);

	if (inode_get(fs->inodes, t->child, &v) == 0 &&
	    v.key.kind == INODE_RECORD &&
	    cache_record_name(fs->cache,
			      (struct rec_key){ v.key.a, (uint32_t)v.key.b },
			      other) == 0)
		(void)fuse_lowlevel_notify_inval_entry(fs->session, t->nodeid,
						       t->name, n);
	else
		(void)fuse_lowlevel_notify_delete(fs->session, t->nodeid,
						  t->child, t->name, n);
}

static void send_note(struct atfs *fs, const struct note *t)
{
	struct fuse_session *se = fs->session;
	size_t n = strlen(t->name);

	switch (t->kind) {
	case NOTE_INVAL_INODE:
		/* Cleared first: a change from here on queues it again. The
		 * next content may be pushed and the next write is a first. */
		inode_flag_clear(fs->inodes, t->nodeid,
				 INODE_INVAL_QUEUED | INODE_PUSHED);
		(void)fuse_lowlevel_notify_inval_inode(se, t->nodeid, 0, 0);
		break;
	case NOTE_INVAL_ENTRY:
		(void)fuse_lowlevel_notify_inval_entry(se, t->nodeid, t->name,
						       n);
		break;
	case NOTE_DELETE:
		send_delete(fs, t);
		break;
	case NOTE_EXPIRE:
		(void)fuse_lowlevel_notify_expire_entry(
			se, t->nodeid, t->name, n, FUSE_LL_EXPIRE_ONLY);
		break;
	}
}

/* Takes one of the two; the lock is let go meanwhile. */
static void send_unlocked(struct notifier *n, struct note *t, struct push *p)
{
	n->sending++;
	pthread_mutex_unlock(&n->mu);
	if (t != NULL)
		send_note(n->fs, t);
	else if (push_send(n->fs, p))
		notifier_inval_inode(n, p->nodeid);
	free(t);
	push_free(p);
	pthread_mutex_lock(&n->mu);
	n->sending--;
	pthread_cond_broadcast(&n->cond);
}

static void *notifier_main(void *arg)
{
	struct notifier *n = arg;

	pthread_mutex_lock(&n->mu);
	while (!n->stopping) {
		struct note *t = take_locked(n);
		struct push *p = t == NULL ? push_queue_take(&n->pushes) : NULL;

		if (t == NULL && p == NULL) {
			pthread_cond_wait(&n->cond, &n->mu);
			continue;
		}
		send_unlocked(n, t, p);
	}
	pthread_mutex_unlock(&n->mu);
	return NULL;
}

void notifier_help(struct notifier *n, uint64_t dir)
{
	size_t above = PUSH_HELP_ABOVE;
	struct push *p;

	pthread_mutex_lock(&n->mu);
	/* the reader comes to the first file next */
	if (push_queue_release(&n->pushes, dir))
		above = 0;
	if (n->pushes.ready.count > 0)
		pthread_cond_broadcast(&n->cond);
	if (!n->helped && n->fs->opt->max_threads > 1) {
		n->helped = true;
		while (!n->stopping && n->pushes.ready.count > above &&
		       (p = push_queue_take(&n->pushes)) != NULL)
			send_unlocked(n, NULL, p);
		n->helped = false;
	}
	pthread_mutex_unlock(&n->mu);
}

int notifier_start(struct notifier *n)
{
	int r = pthread_create(&n->thread, NULL, notifier_main, n);

	n->running = r == 0;
	return -r;
}

bool notifier_quiesce(struct notifier *n)
{
	struct timespec until;
	bool idle;
	int r = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += QUIESCE_MS * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&n->mu);
	n->stopping = true;
	clear_locked(n);
	pthread_cond_broadcast(&n->cond);
	while (n->sending > 0 && r == 0)
		r = pthread_cond_timedwait(&n->cond, &n->mu, &until);
	idle = n->sending == 0;
	pthread_mutex_unlock(&n->mu);
	return idle;
}

void notifier_stop(struct notifier *n)
{
	(void)notifier_quiesce(n);
	if (n->running)
		pthread_join(n->thread, NULL);
	n->running = false;
}
