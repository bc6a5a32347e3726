#include "orphan.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cache/recfile.h"

struct orphan {
	char *bytes;
	size_t n;
	struct stat st; /* but for size and links */
};

/* One lock and one sum for all: orphans are few and short-lived. */
static pthread_mutex_t orphans_mu = PTHREAD_MUTEX_INITIALIZER;
static size_t orphans_bytes; /* guarded by orphans_mu */

struct orphan *orphan_new(char *bytes, size_t n, const struct stat *st)
{
	struct orphan *o = calloc(1, sizeof(*o));

	if (o == NULL) {
		free(bytes);
		return NULL;
	}
	o->st = *st;
	pthread_mutex_lock(&orphans_mu);
	if (bytes != NULL && n <= ORPHANS_BYTES_MAX - orphans_bytes) {
		o->bytes = bytes;
		o->n = n;
		orphans_bytes += n;
		bytes = NULL;
	}
	pthread_mutex_unlock(&orphans_mu);
	free(bytes);
	return o;
}

void orphan_free(struct orphan *o)
{
	if (o == NULL)
		return;
	pthread_mutex_lock(&orphans_mu);
	orphans_bytes -= o->n;
	pthread_mutex_unlock(&orphans_mu);
	free(o->bytes);
	free(o);
}

void orphan_stat(struct orphan *o, struct stat *ret)
{
	pthread_mutex_lock(&orphans_mu);
	*ret = o->st;
	ret->st_size = (off_t)o->n;
	ret->st_blocks = (blkcnt_t)((o->n + 511) / 512);
	ret->st_nlink = 0;
	pthread_mutex_unlock(&orphans_mu);
}

size_t orphan_read(struct orphan *o, char *buf, size_t n, uint64_t off)
{
	size_t have = 0;

	pthread_mutex_lock(&orphans_mu);
	if (off < o->n) {
		have = o->n - (size_t)off;
		if (have > n)
			have = n;
		memcpy(buf, o->bytes + off, have);
	}
	pthread_mutex_unlock(&orphans_mu);
	return have;
}

static int resize_locked(struct orphan *o, uint64_t size)
{
	char *p;

	if (size > RECFILE_BYTES_MAX)
		return -EFBIG;
	if (size > o->n && size - o->n > ORPHANS_BYTES_MAX - orphans_bytes)
		return -ENOSPC;
	p = realloc(o->bytes, (size_t)size + 1);
	if (p == NULL)
		return -ENOMEM;
	if (size > o->n)
		memset(p + o->n, 0, (size_t)size - o->n);
	orphans_bytes = orphans_bytes - o->n + (size_t)size;
	o->bytes = p;
	o->n = (size_t)size;
	return 0;
}

int orphan_write(struct orphan *o, const char *buf, size_t n, uint64_t off)
{
	int r = 0;

	if (off > RECFILE_BYTES_MAX || n > RECFILE_BYTES_MAX)
		return -EFBIG;
	pthread_mutex_lock(&orphans_mu);
	if (off + n > o->n)
		r = resize_locked(o, off + n);
	if (r == 0)
		memcpy(o->bytes + off, buf, n);
	pthread_mutex_unlock(&orphans_mu);
	return r;
}

int orphan_truncate(struct orphan *o, uint64_t size)
{
	int r;

	pthread_mutex_lock(&orphans_mu);
	r = resize_locked(o, size);
	pthread_mutex_unlock(&orphans_mu);
	return r;
}
