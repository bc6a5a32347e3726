#include "tally.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "limiter.h"
#include "log.h"

#define TALLY_MAGIC UINT64_C(0x796c6c6174736674)
#define TALLY_VERSION 1
#define KEEP_MONTHS 12
#define LOCK_TRIES 100 /* some 20 ms; ours */
/* More bases and months than anybody has: beyond it they share the last slot
 * of their month. Ours. */
#define SLOTS_MAX 8192

struct header {
	uint64_t magic;
	uint32_t version;
	uint32_t slot_bytes;
};

struct slot {
	char id[ATFS_ID_MAX]; /* "" = calls of no base */
	uint32_t month;       /* 0 = an unused place */
	uint32_t zero;
	uint64_t n;
};

_Static_assert(sizeof(struct slot) == ATFS_ID_MAX + 16, "no gaps");

struct slots {
	struct slot *v;
	size_t n;
};

struct tally {
	int fd;         /* -1 = nothing is kept */
	bool complained;
	unsigned unsynced;
	/* What the file did not take. guarded by mu, a leaf */
	pthread_mutex_t mu;
	struct slots own;
};

/* ---- months ---- */

static struct tm utc_of(int64_t wall_ms)
{
	time_t s = (time_t)(wall_ms / 1000);
	struct tm tm = { .tm_mday = 1 };

	(void)gmtime_r(&s, &tm);
	return tm;
}

uint32_t tally_month_of(int64_t wall_ms)
{
	struct tm tm = utc_of(wall_ms);

	return (uint32_t)((tm.tm_year + 1900) * 12 + tm.tm_mon);
}

int64_t tally_next_month_ms(int64_t wall_ms)
{
	struct tm tm = utc_of(wall_ms);
	struct tm next = { .tm_year = tm.tm_year, .tm_mon = tm.tm_mon + 1,
			   .tm_mday = 1 };

	return (int64_t)timegm(&next) * 1000;
}

/* ---- slots in memory ---- */

/* The slot of base and month; else one that may be taken (that of a year ago,
 * or a new one at *n); else any of the month. SIZE_MAX: there is none. */
static size_t slot_for(const struct slot *v, size_t n, const char *id,
		       uint32_t month)
{
	size_t old = SIZE_MAX, same = SIZE_MAX;

	for (size_t i = 0; i < n; i++) {
		if (v[i].month == month &&
		    strncmp(v[i].id, id, sizeof(v[i].id)) == 0)
			return i;
		if (v[i].month == month)
			same = i;
		else if (old == SIZE_MAX && v[i].month + KEEP_MONTHS < month)
			old = i;
	}
	if (old != SIZE_MAX)
		return old;
	return n < SLOTS_MAX ? n : same;
}

static struct slot slot_new(const char *id, uint32_t month)
{
	struct slot s = { .month = month };

	id_copy(s.id, id);
	return s;
}

static void own_add(struct tally *t, const char *id, uint32_t month)
{
	struct slots *o = &t->own;
	struct slot *v;
	size_t i;

	pthread_mutex_lock(&t->mu);
	i = slot_for(o->v, o->n, id, month);
	if (i == o->n) {
		v = reallocarray(o->v, o->n + 1, sizeof(*v));
		if (v != NULL) {
			o->v = v;
			o->n++;
			v[i] = slot_new(id, month);
		} else {
			i = SIZE_MAX;
		}
	} else if (i != SIZE_MAX && o->v[i].month != month) {
		o->v[i] = slot_new(id, month);
	}
	if (i != SIZE_MAX)
		o->v[i].n++;
	pthread_mutex_unlock(&t->mu);
}

/* ---- the file ---- */

static int lock_file(int fd, short type)
{
	static const struct timespec pause = { .tv_nsec = 200000 };
	struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_len = 1 };
	int r = -EAGAIN;

	/* Not the call that waits: somebody may have been stopped inside. */
	for (int tries = 0; tries < LOCK_TRIES; tries++) {
		r = fcntl(fd, F_OFD_SETLK, &l) == 0 ? 0 : -errno;
		if (r != -EAGAIN && r != -EACCES)
			break;
		(void)nanosleep(&pause, NULL);
	}
	return r;
}

static off_t slot_at(size_t i)
{
	return (off_t)(sizeof(struct header) + i * sizeof(struct slot));
}

static int write_all(int fd, const void *p, size_t n, off_t at)
{
	ssize_t k = pwrite(fd, p, n, at);

	if (k < 0)
		return -errno;
	return (size_t)k == n ? 0 : -EIO;
}

static int write_header(int fd)
{
	const struct header h = { TALLY_MAGIC, TALLY_VERSION,
				  sizeof(struct slot) };

	return write_all(fd, &h, sizeof(h), 0);
}

/* The whole of it, or as much as is there; caller frees. */
static int read_slots(int fd, struct slots *ret)
{
	struct stat st;
	ssize_t k = 0;

	*ret = (struct slots){ .v = NULL };
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size > slot_at(SLOTS_MAX))
		st.st_size = slot_at(SLOTS_MAX);
	if (st.st_size <= slot_at(0))
		return 0;
	ret->n = (size_t)(st.st_size - slot_at(0)) / sizeof(struct slot);
	ret->v = calloc(ret->n + 1, sizeof(struct slot));
	if (ret->v == NULL)
		return -ENOMEM;
	k = pread(fd, ret->v, ret->n * sizeof(struct slot), slot_at(0));
	if (k < 0) {
		free(ret->v);
		return -errno;
	}
	ret->n = (size_t)k / sizeof(struct slot);
	return 0;
}

/* The lock is held. */
static int file_add(int fd, const char *id, uint32_t month)
{
	struct slots s;
	size_t i;
	int r = read_slots(fd, &s);

	if (r < 0)
		return r;
	i = slot_for(s.v, s.n, id, month);
	if (i == SIZE_MAX) {
		r = -ENOSPC;
	} else if (i == s.n || s.v[i].month != month) {
		struct slot fresh = slot_new(id, month);

		fresh.n = 1;
		r = write_all(fd, &fresh, sizeof(fresh), slot_at(i));
	} else {
		uint64_t n = s.v[i].n + 1;

		r = write_all(fd, &n, sizeof(n),
			      slot_at(i) + (off_t)offsetof(struct slot, n));
	}
	free(s.v);
	return r;
}

/* The lock is held. A header of somebody else: nothing behind it is ours. */
static int look_after(int fd, const char *path)
{
	struct header h = { .magic = 0 };
	ssize_t k = pread(fd, &h, sizeof(h), 0);

	if (k < 0)
		return -errno;
	if ((size_t)k == sizeof(h) && h.magic == TALLY_MAGIC &&
	    h.version == TALLY_VERSION &&
	    h.slot_bytes == sizeof(struct slot))
		return 0;
	if (k > 0) {
		log_error("'%s' is damaged: the calls of the month are counted "
			  "from here on", path);
		if (ftruncate(fd, 0) < 0)
			return -errno;
	}
	return write_header(fd);
}

static int open_file(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC |
				    O_NONBLOCK | O_NOCTTY, 0600);
	int r = fd < 0 ? -errno : 0;

	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (!S_ISREG(st.st_mode))
		r = -EINVAL;
	else if (st.st_uid != geteuid())
		r = -EPERM;
	else if ((st.st_mode & 07777) != 0600 && fchmod(fd, 0600) < 0)
		r = -errno;
	if (r == 0)
		r = lock_file(fd, F_WRLCK);
	if (r == 0) {
		r = look_after(fd, path);
		(void)lock_file(fd, F_UNLCK);
	}
	if (r == 0)
		return fd;
	close(fd);
	return r;
}

/* ---- the interface ---- */

int tally_open(const char *path, struct tally **ret)
{
	struct tally *t = calloc(1, sizeof(*t));
	int r = 0;

	if (t == NULL)
		return -ENOMEM;
	t->fd = path != NULL ? open_file(path) : -1;
	if (path != NULL && t->fd < 0)
		r = t->fd;
	if (r < 0) {
		free(t);
		return r;
	}
	pthread_mutex_init(&t->mu, NULL);
	*ret = t;
	return 0;
}

void tally_free(struct tally *t)
{
	if (t == NULL)
		return;
	if (t->fd >= 0) {
		(void)fdatasync(t->fd);
		close(t->fd);
	}
	free(t->own.v);
	pthread_mutex_destroy(&t->mu);
	free(t);
}

void tally_file_name(const char *endpoint, char out[static TALLY_FILE_NAME_MAX])
{
	snprintf(out, TALLY_FILE_NAME_MAX, "calls%d-%016" PRIx64,
		 TALLY_VERSION, limiter_endpoint_hash(endpoint));
}

void tally_add(struct tally *t, const struct base_id *base, int64_t wall_ms)
{
	const char *id = base != NULL ? base->s : "";
	uint32_t month = tally_month_of(wall_ms);
	int r = -EBADF;

	if (t->fd >= 0) {
		r = lock_file(t->fd, F_WRLCK);
		if (r == 0) {
			r = file_add(t->fd, id, month);
			(void)lock_file(t->fd, F_UNLCK);
		}
		if (r < 0 && !t->complained)
			log_error("calls cannot be counted durably: %s",
				  strerrordesc_np(-r));
		t->complained = r < 0;
	}
	if (r < 0) {
		own_add(t, id, month);
	} else if (++t->unsynced >= TALLY_SYNC_EVERY) {
		(void)fdatasync(t->fd);
		t->unsynced = 0;
	}
}

static void each_of(const struct slots *s, uint32_t month,
		    void (*fn)(void *ctx, const char *base_id, uint64_t n),
		    void *ctx)
{
	for (size_t i = 0; i < s->n; i++) {
		char id[ATFS_ID_MAX + 1] = "";

		if (s->v[i].month != month || s->v[i].n == 0)
			continue;
		memcpy(id, s->v[i].id, ATFS_ID_MAX);
		fn(ctx, id, s->v[i].n);
	}
}

void tally_each(const struct tally *t, int64_t wall_ms,
		void (*fn)(void *ctx, const char *base_id, uint64_t n),
		void *ctx)
{
	pthread_mutex_t *mu = (pthread_mutex_t *)&t->mu;
	uint32_t month = tally_month_of(wall_ms);
	struct slots s;

	if (t->fd >= 0 && read_slots(t->fd, &s) == 0) {
		each_of(&s, month, fn, ctx);
		free(s.v);
	}
	pthread_mutex_lock(mu);
	each_of(&t->own, month, fn, ctx);
	pthread_mutex_unlock(mu);
}

static void add_up(void *ctx, const char *base_id, uint64_t n)
{
	(void)base_id;
	*(uint64_t *)ctx += n;
}

uint64_t tally_month(const struct tally *t, int64_t wall_ms)
{
	uint64_t n = 0;

	tally_each(t, wall_ms, add_up, &n);
	return n;
}
