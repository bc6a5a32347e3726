#include "sqlite_sums.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <sqlite3.h>

#define NAME "atfs-sums"

/* The real file lies behind it in the same memory. */
struct sums_file {
	sqlite3_file base;
	bool has_sums; /* a database, not its -wal or -journal */
};

static sqlite3_vfs *real_vfs;
static sqlite3_vfs sums_vfs;

static sqlite3_file *real_of(sqlite3_file *f)
{
	return (sqlite3_file *)((struct sums_file *)f + 1);
}

/* FNV-1a over words, the place first. */
static uint64_t sum_of(const unsigned char *page, sqlite3_int64 at)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ (uint64_t)at, w;

	for (size_t i = 0; i < SUMS_PAGE - SUMS_RESERVED; i += sizeof(w)) {
		memcpy(&w, page + i, sizeof(w));
		h = (h ^ w) * UINT64_C(0x100000001b3);
		h ^= h >> 32;
	}
	return h;
}

static bool is_page(sqlite3_file *f, int n, sqlite3_int64 at)
{
	return ((struct sums_file *)f)->has_sums && n == SUMS_PAGE &&
	       at % SUMS_PAGE == 0;
}

static int sums_read(sqlite3_file *f, void *buf, int n, sqlite3_int64 at)
{
	int r = real_of(f)->pMethods->xRead(real_of(f), buf, n, at);
	const unsigned char *page = buf;
	uint64_t sum;

	if (r != SQLITE_OK || !is_page(f, n, at))
		return r;
	memcpy(&sum, page + SUMS_PAGE - SUMS_RESERVED, sizeof(sum));
	return sum == sum_of(page, at) ? SQLITE_OK : SQLITE_IOERR_DATA;
}

static int sums_write(sqlite3_file *f, const void *buf, int n,
		      sqlite3_int64 at)
{
	unsigned char page[SUMS_PAGE];
	uint64_t sum;

	if (is_page(f, n, at)) {
		memcpy(page, buf, SUMS_PAGE);
		sum = sum_of(page, at);
		memcpy(page + SUMS_PAGE - SUMS_RESERVED, &sum, sizeof(sum));
		buf = page;
	}
	return real_of(f)->pMethods->xWrite(real_of(f), buf, n, at);
}

/* ---- the rest goes through ---- */

static int sums_close(sqlite3_file *f)
{
	return real_of(f)->pMethods->xClose(real_of(f));
}

static int sums_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	return real_of(f)->pMethods->xTruncate(real_of(f), size);
}

static int sums_sync(sqlite3_file *f, int flags)
{
	return real_of(f)->pMethods->xSync(real_of(f), flags);
}

static int sums_size(sqlite3_file *f, sqlite3_int64 *ret)
{
	return real_of(f)->pMethods->xFileSize(real_of(f), ret);
}

static int sums_lock(sqlite3_file *f, int how)
{
	return real_of(f)->pMethods->xLock(real_of(f), how);
}

static int sums_unlock(sqlite3_file *f, int how)
{
	return real_of(f)->pMethods->xUnlock(real_of(f), how);
}

static int sums_check(sqlite3_file *f, int *ret)
{
	return real_of(f)->pMethods->xCheckReservedLock(real_of(f), ret);
}

static int sums_control(sqlite3_file *f, int op, void *arg)
{
	return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}

static int sums_sector(sqlite3_file *f)
{
	return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int sums_traits(sqlite3_file *f)
{
	return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

static int sums_shm_map(sqlite3_file *f, int page, int size, int extend,
			void volatile **ret)
{
	return real_of(f)->pMethods->xShmMap(real_of(f), page, size, extend,
					     ret);
}

static int sums_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
	return real_of(f)->pMethods->xShmLock(real_of(f), at, n, flags);
}

static void sums_shm_barrier(sqlite3_file *f)
{
	real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static int sums_shm_unmap(sqlite3_file *f, int remove)
{
	return real_of(f)->pMethods->xShmUnmap(real_of(f), remove);
}

/* Version 2: no mapped pages, which would be read past us. */
static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = sums_close,
	.xRead = sums_read,
	.xWrite = sums_write,
	.xTruncate = sums_truncate,
	.xSync = sums_sync,
	.xFileSize = sums_size,
	.xLock = sums_lock,
	.xUnlock = sums_unlock,
	.xCheckReservedLock = sums_check,
	.xFileControl = sums_control,
	.xSectorSize = sums_sector,
	.xDeviceCharacteristics = sums_traits,
	.xShmMap = sums_shm_map,
	.xShmLock = sums_shm_lock,
	.xShmBarrier = sums_shm_barrier,
	.xShmUnmap = sums_shm_unmap,
};

static int sums_open(sqlite3_vfs *v, const char *name, sqlite3_file *f,
		     int flags, int *ret_flags)
{
	struct sums_file *s = (struct sums_file *)f;
	int r;

	(void)v;
	memset(f, 0, (size_t)sums_vfs.szOsFile);
	r = real_vfs->xOpen(real_vfs, name, real_of(f), flags, ret_flags);
	s->has_sums = (flags & SQLITE_OPEN_MAIN_DB) != 0;
	s->base.pMethods = real_of(f)->pMethods != NULL ? &methods : NULL;
	return r;
}

static void make_vfs(void)
{
	real_vfs = sqlite3_vfs_find(NULL);
	if (real_vfs == NULL)
		return;
	/* what is not about open files is the real one's own */
	sums_vfs = *real_vfs;
	sums_vfs.pNext = NULL;
	sums_vfs.zName = NAME;
	sums_vfs.szOsFile = (int)sizeof(struct sums_file) + real_vfs->szOsFile;
	sums_vfs.xOpen = sums_open;
	if (sqlite3_vfs_register(&sums_vfs, 0) != SQLITE_OK)
		real_vfs = NULL;
}

const char *sqlite_sums_name(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_vfs);
	return real_vfs != NULL ? NAME : NULL;
}
