#include "pace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Whoever is inside is out after some microseconds, unless he lost the
 * processor or was stopped. A turn of the loop waits for him some 10 ms, a
 * mount a second. Ours. */
#define TRIES_TURN 50
#define TRIES_OPEN 5000
#define TRY_PAUSE_NS 200000L

/* Where the owners' locks lie: well behind the table. */
#define OWNER_BYTE (INT64_C(1) << 20)

_Static_assert(sizeof(struct pace_stamp) == 16, "the format has no gaps");
_Static_assert(sizeof(struct pace_base) ==
		       ATFS_ID_MAX + 48 + 16 * PACE_PER_BASE,
	       "the format has no gaps");
_Static_assert(sizeof(struct pace_table) ==
		       88 + 16 * PACE_PER_USER +
			       PACE_BASES * sizeof(struct pace_base),
	       "the format has no gaps");

/* ---- locks ---- */

static int lock_byte(int fd, int64_t at, short type)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET,
			   .l_start = at, .l_len = 1 };

	return fcntl(fd, F_OFD_SETLK, &l) == 0 ? 0 : -errno;
}

/* Not the call that waits: a process that was stopped inside would stop all. */
static int lock_table(int fd, int tries)
{
	static const struct timespec pause = { .tv_nsec = TRY_PAUSE_NS };
	int r = lock_byte(fd, 0, F_WRLCK);

	for (; (r == -EAGAIN || r == -EACCES) && tries > 0; tries--) {
		(void)nanosleep(&pause, NULL);
		r = lock_byte(fd, 0, F_WRLCK);
	}
	return r == -EAGAIN || r == -EACCES ? -EBUSY : r;
}

static void unlock_table(int fd)
{
	(void)lock_byte(fd, 0, F_UNLCK);
}

static int lock_owner(struct pace_file *f, int fd)
{
	int r = -EUSERS;

	for (uint32_t i = 0; i < PACE_OWNERS; i++) {
		r = lock_byte(fd, OWNER_BYTE + i, F_WRLCK);
		if (r == 0) {
			f->owner = i;
			return 0;
		}
		if (r != -EAGAIN && r != -EACCES)
			return r;
	}
	return -EUSERS;
}

bool pace_is_alive(const struct pace_file *f, uint32_t owner)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET,
			   .l_start = OWNER_BYTE + owner, .l_len = 1 };

	if (owner == f->owner)
		return true;
	if (f->fd < 0)
		return false;
	/* Where the kernel does not say, he is. */
	return fcntl(f->fd, F_OFD_GETLK, &l) < 0 || l.l_type != F_UNLCK;
}

/* ---- the table ---- */

static void begin_anew(struct pace_table *t, const char *boot, bool doubt)
{
	/* The header comes last: killed in between, it is done once more. */
	memset(t, 0, sizeof(*t));
	atomic_store(&t->trouble, doubt ? PACE_IN_DOUBT : PACE_FINE);
	t->version = PACE_VERSION;
	t->bytes = sizeof(*t);
	memcpy(t->boot, boot, sizeof(t->boot));
	atomic_signal_fence(memory_order_seq_cst);
	t->magic = PACE_MAGIC;
}

static bool header_is_ours(const struct pace_table *t)
{
	return t->magic == PACE_MAGIC && t->version == PACE_VERSION &&
	       t->bytes == sizeof(*t);
}

static void read_boot(char boot[static 40])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, boot, 36) : -1;

	/* Unknown, all boots are one: times from before are put right where
	 * they are looked at. */
	memset(boot + (n > 0 ? n : 0), 0, 40 - (size_t)(n > 0 ? n : 0));
	if (fd >= 0)
		close(fd);
}

/* ---- the file ---- */

static int open_plain(const char *path)
{
	const int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC |
			  O_NONBLOCK | O_NOCTTY;
	struct stat st;
	int fd = open(path, flags, 0600);
	int r = fd < 0 ? -errno : 0;

	/* Made under a narrow umask by somebody who has not come to widen it,
	 * or narrowed by hand. */
	if (r == -EACCES && lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	    chmod(path, 0600) == 0) {
		fd = open(path, flags, 0600);
		r = fd < 0 ? -errno : 0;
	}
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
	else
		return fd;
	close(fd);
	return r;
}

/* The lock is held. Blocks of the disk are there for all of the file, so that
 * storing into the map cannot fail. */
static int make_whole(const struct pace_file *f, int fd, off_t size,
		      struct pace_table **map, bool fresh_is_fine)
{
	const off_t need = (off_t)sizeof(struct pace_table);
	void *p;
	int r;

	if (size < need || *map == NULL) {
		r = posix_fallocate(fd, 0, need);
		if (r != 0)
			return -r;
	}
	if (*map == NULL) {
		p = mmap(NULL, sizeof(struct pace_table),
			 PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (p == MAP_FAILED)
			return -errno;
		*map = p;
	}
	if (size < need || !header_is_ours(*map))
		begin_anew(*map, f->boot, size > 0 || !fresh_is_fine);
	else if (memcmp((*map)->boot, f->boot, sizeof(f->boot)) != 0)
		begin_anew(*map, f->boot, false);
	return 0;
}

/* Opens what is at the path now and replaces what f had. The table's lock is
 * held afterwards. */
static int attach(struct pace_file *f, int tries, bool fresh_is_fine)
{
	struct pace_table *map = NULL;
	struct stat st;
	int r, fd = open_plain(f->path);

	if (fd < 0)
		return fd;
	r = lock_table(fd, tries);
	if (r == 0 && fstat(fd, &st) < 0)
		r = -errno;
	if (r == 0)
		r = make_whole(f, fd, st.st_size, &map, fresh_is_fine);
	if (r == 0)
		r = lock_owner(f, fd);
	if (r < 0) {
		if (map != NULL)
			munmap(map, sizeof(*map));
		close(fd);
		return r;
	}
	if (f->table != NULL)
		munmap(f->table, sizeof(*f->table));
	if (f->fd >= 0)
		close(f->fd);
	f->table = map;
	f->fd = fd;
	f->attached_n++;
	return 0;
}

static int open_private(struct pace_file *f)
{
	f->attached_n++;
	f->table = calloc(1, sizeof(*f->table));
	if (f->table == NULL)
		return -ENOMEM;
	begin_anew(f->table, f->boot, false);
	return 0;
}

int pace_open(struct pace_file *f, const char *path)
{
	int r;

	*f = (struct pace_file){ .fd = -1 };
	if (path == NULL)
		return open_private(f);
	read_boot(f->boot);
	f->path = strdup(path);
	r = f->path != NULL ? attach(f, TRIES_OPEN, true) : -ENOMEM;
	if (r < 0) {
		pace_close(f);
		return r;
	}
	unlock_table(f->fd);
	return 0;
}

void pace_close(struct pace_file *f)
{
	if (f->fd >= 0) {
		if (f->table != NULL)
			munmap(f->table, sizeof(*f->table));
		close(f->fd);
	} else {
		free(f->table);
	}
	free(f->path);
	*f = (struct pace_file){ .fd = -1 };
}

/* The lock is held on a file that may have been removed, cut or overwritten
 * meanwhile by somebody who is none of us. */
static int look_after(struct pace_file *f)
{
	struct stat st;
	int r;

	if (fstat(f->fd, &st) < 0)
		return -errno;
	if (st.st_nlink == 0) {
		/* New mounts use another file: there we go, in doubt about
		 * what was sent. Without one the old serves those that have
		 * it; it keeps its size. */
		r = attach(f, TRIES_TURN, false);
		if (r == 0) {
			atomic_store(&f->table->trouble, PACE_IN_DOUBT);
			return 0;
		}
		if (r == -EBUSY)
			return r;
	}
	return make_whole(f, f->fd, st.st_size, &f->table, false);
}

int pace_enter(struct pace_file *f, enum pace_trouble *ret_trouble)
{
	uint32_t trouble;
	int r;

	if (f->fd >= 0) {
		r = lock_table(f->fd, TRIES_TURN);
		if (r < 0)
			return r;
		r = look_after(f);
		if (r < 0) {
			unlock_table(f->fd);
			return r;
		}
	}
	trouble = atomic_load(&f->table->trouble);
	*ret_trouble = trouble == PACE_FINE   ? PACE_FINE :
		       trouble == PACE_INSIDE ? PACE_INSIDE :
						PACE_IN_DOUBT;
	/* Doubt stays until whoever settles it has left. */
	if (trouble == PACE_FINE)
		atomic_store(&f->table->trouble, PACE_INSIDE);
	atomic_signal_fence(memory_order_seq_cst);
	return 0;
}

void pace_leave(struct pace_file *f)
{
	atomic_signal_fence(memory_order_seq_cst);
	atomic_store(&f->table->trouble, PACE_FINE);
	if (f->fd >= 0)
		unlock_table(f->fd);
}
