/* Scratch files that lose or change their names. */
#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "scratch_int.h"

static void orphan_path(uint64_t nodeid, char buf[static 40])
{
	snprintf(buf, 40, SCRATCH_ORPHANS "/%" PRIu64, nodeid);
}

void scratch_drop_orphan(struct scratch *s, uint64_t nodeid)
{
	char path[40];

	orphan_path(nodeid, path);
	(void)unlinkat(s->fd, path, 0);
}

/* The inode of the file at (parent, name), if the kernel holds it by that
 * name. Of a file with several links only the one that its inode goes by
 * matters: the others are just names. */
static bool held_at(struct scratch *s, uint64_t parent, const char *name,
		    const struct stat *st, uint64_t *ret_nodeid)
{
	struct inode_key key = inode_key_make(INODE_SCRATCH, 0, st->st_ino);

	return inode_find(s->inodes, &key, ret_nodeid) &&
	       inode_is_at(s->inodes, *ret_nodeid, parent, name);
}

/* The name of a file is about to go: gives a held file another one. The old
 * name stays; the caller removes or replaces it. */
static int shelter(struct scratch *s, uint64_t parent, const char *name,
		   const char *path, const struct stat *st)
{
	char orphan[40], number[24];
	uint64_t nodeid;

	if (!held_at(s, parent, name, st, &nodeid))
		return 0;
	orphan_path(nodeid, orphan);
	if (linkat(s->fd, path, s->fd, orphan, 0) != 0 && errno != EEXIST)
		return -errno;
	snprintf(number, sizeof(number), "%" PRIu64, nodeid);
	return inode_set_place(s->inodes, nodeid, INODE_ORPHANAGE, number);
}

/* A directory is gone: what still holds it sees an empty one with no links.*/
static void bury(struct scratch *s, const struct stat *st)
{
	struct inode_key key = inode_key_make(INODE_SCRATCH, 0, st->st_ino);
	struct inode_key dead = { .kind = INODE_DEAD };
	uint64_t nodeid;

	if (!inode_find(s->inodes, &key, &nodeid))
		return;
	dead.b = nodeid;
	(void)inode_rekey(s->inodes, nodeid, &dead, NULL);
}

int scratch_unlink(struct scratch *s, uint64_t parent, const char *name)
{
	struct stat st;
	char *path;
	int r = inode_path(s->inodes, parent, name, &path);

	if (r < 0)
		return r == -ESTALE ? -ENOENT : r;
	r = scratch_stat_path(s, path, &st);
	if (r == 0 && S_ISDIR(st.st_mode))
		r = -EISDIR;
	if (r == 0)
		r = shelter(s, parent, name, path, &st);
	if (r == 0 && unlinkat(s->fd, path, 0) != 0)
		r = -errno;
	free(path);
	return r;
}

int scratch_rmdir(struct scratch *s, uint64_t parent, const char *name)
{
	struct stat st;
	char *path;
	int r = inode_path(s->inodes, parent, name, &path);

	if (r < 0)
		return r == -ESTALE ? -ENOENT : r;
	r = scratch_stat_path(s, path, &st);
	if (r == 0 && unlinkat(s->fd, path, AT_REMOVEDIR) != 0)
		r = -errno;
	if (r == 0)
		bury(s, &st);
	free(path);
	return r;
}

/* What from -> to would do to the target, checked before it is sheltered. */
static int check_target(const struct stat *from, const struct stat *to)
{
	if (S_ISDIR(from->st_mode) && !S_ISDIR(to->st_mode))
		return -ENOTDIR;
	if (!S_ISDIR(from->st_mode) && S_ISDIR(to->st_mode))
		return -EISDIR;
	return 0;
}

static int rename_paths(struct scratch *s, const char *from, uint64_t to_dir,
			const char *to_name, const char *to)
{
	struct stat src, dst;
	bool over;
	int r = scratch_stat_path(s, from, &src);

	if (r < 0)
		return r;
	r = scratch_stat_path(s, to, &dst);
	over = r == 0;
	if (r < 0 && r != -ENOENT)
		return r;
	if (over && src.st_ino == dst.st_ino)
		return 0; /* two links of one file: POSIX says do nothing */
	r = over ? check_target(&src, &dst) : 0;
	if (r == 0 && over && !S_ISDIR(dst.st_mode))
		r = shelter(s, to_dir, to_name, to, &dst);
	if (r == 0 && renameat(s->fd, from, s->fd, to) != 0)
		r = -errno;
	if (r == 0 && over && S_ISDIR(dst.st_mode))
		bury(s, &dst);
	return r;
}

int scratch_rename(struct scratch *s, uint64_t from_dir, const char *from,
		   uint64_t to_dir, const char *to)
{
	struct stat st;
	char *from_path, *to_path;
	uint64_t nodeid;
	bool held;
	int r = inode_path(s->inodes, from_dir, from, &from_path);

	if (r < 0)
		return r == -ESTALE ? -ENOENT : r;
	r = scratch_path_for_new(s, to_dir, to, &to_path);
	if (r < 0) {
		free(from_path);
		return r;
	}
	r = scratch_stat_path(s, from_path, &st);
	held = r == 0 && held_at(s, from_dir, from, &st, &nodeid);
	if (r == 0)
		r = rename_paths(s, from_path, to_dir, to, to_path);
	if (r == 0 && held)
		r = inode_set_place(s->inodes, nodeid, to_dir, to);
	free(from_path);
	free(to_path);
	return r;
}

static int write_all(int fd, const char *bytes, size_t n)
{
	size_t at = 0;

	while (at < n) {
		ssize_t done = write(fd, bytes + at, n - at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		at += (size_t)done;
	}
	return 0;
}

/* No nodeid, so no orphan has this name; removed at start like those. */
static const char staged[] = SCRATCH_ORPHANS "/staged";

int scratch_stage(struct scratch *s, const char *bytes, size_t n,
		  int64_t mtime_ms)
{
	const struct timespec when = { .tv_sec = mtime_ms / 1000,
				       .tv_nsec = mtime_ms % 1000 * 1000000 };
	const struct timespec times[2] = { when, when };
	int fd, r;

	(void)unlinkat(s->fd, staged, 0);
	fd = openat(s->fd, staged, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return -errno;
	r = write_all(fd, bytes, n);
	if (r == 0 && fchmod(fd, 0644) != 0)
		r = -errno;
	if (r == 0)
		(void)futimens(fd, times);
	if (close(fd) != 0 && r == 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(s->fd, staged, 0);
	return r;
}

int scratch_check_over(struct scratch *s, uint64_t parent, const char *name)
{
	struct stat st;
	int r = scratch_lookup(s, parent, name, &st);

	if (r == -ENOENT)
		return 0;
	return r == 0 && S_ISDIR(st.st_mode) ? -EISDIR : r;
}

int scratch_unstage(struct scratch *s, uint64_t parent, const char *name,
		    struct stat *ret)
{
	char *path;
	int r = scratch_path_for_new(s, parent, name, &path);

	if (r < 0)
		return r;
	r = rename_paths(s, staged, parent, name, path);
	if (r == 0)
		r = scratch_stat_path(s, path, ret);
	free(path);
	return r;
}
