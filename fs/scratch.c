#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch_int.h"

mode_t scratch_local_mode(mode_t mode, bool is_dir)
{
	mode_t local = (mode & 0777) | 0600;

	if (is_dir)
		local |= 0700;
	if ((mode & S_IWUSR) == 0)
		local |= S_ISVTX;
	return local;
}

void scratch_show(struct stat *st)
{
	if (st->st_mode & S_ISVTX)
		st->st_mode &= (mode_t)~S_IWUSR;
	st->st_mode &= (mode_t)(S_IFMT | 0777);
}

int scratch_stat_path(struct scratch *s, const char *path, struct stat *ret)
{
	struct stat st;

	if (fstatat(s->fd, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return -errno;
	scratch_show(&st);
	/* The extra link of a file that waits at the orphanage. */
	if (strncmp(path, SCRATCH_ORPHANS, strlen(SCRATCH_ORPHANS)) == 0 &&
	    st.st_nlink > 0)
		st.st_nlink--;
	*ret = st;
	return 0;
}

static void remove_orphans(int fd)
{
	struct scratch s = { .fd = fd };
	struct scratch_name *names;
	size_t n;
	char path[64 + 256];

	if (scratch_list(&s, INODE_ORPHANAGE, &names, &n) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		if (strlen(names[i].name) > 255)
			continue;
		strcpy(stpcpy(path, SCRATCH_ORPHANS "/"), names[i].name);
		(void)unlinkat(fd, path, 0);
	}
	scratch_names_free(names, n);
}

int scratch_new(const char *dir, struct inode_tab *inodes,
		struct scratch **ret)
{
	struct scratch *s = calloc(1, sizeof(*s));
	int r = 0;

	if (s == NULL)
		return -ENOMEM;
	s->inodes = inodes;
	s->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->fd < 0 ||
	    (mkdirat(s->fd, SCRATCH_ORPHANS, 0700) != 0 && errno != EEXIST))
		r = -errno;
	if (r < 0) {
		scratch_free(s);
		return r;
	}
	remove_orphans(s->fd);
	*ret = s;
	return 0;
}

void scratch_free(struct scratch *s)
{
	if (s == NULL)
		return;
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

int scratch_lookup(struct scratch *s, uint64_t parent, const char *name,
		   struct stat *ret)
{
	char *path;
	int r = inode_path(s->inodes, parent, name, &path);

	if (r < 0)
		return r == -ESTALE ? -ENOENT : r;
	r = scratch_stat_path(s, path, ret);
	free(path);
	return r;
}

int scratch_stat(struct scratch *s, uint64_t nodeid, struct stat *ret)
{
	char *path;
	int r = inode_path(s->inodes, nodeid, NULL, &path);

	if (r < 0)
		return r;
	r = scratch_stat_path(s, path, ret);
	free(path);
	return r == -ENOENT ? -ESTALE : r;
}

int scratch_hold(struct scratch *s, uint64_t parent, const char *name,
		 const struct stat *st, uint64_t *ret_nodeid)
{
	struct inode_key key = inode_key_make(INODE_SCRATCH, 0, st->st_ino);

	return inode_hold_at(s->inodes, &key, parent, name, ret_nodeid);
}

int scratch_path_for_new(struct scratch *s, uint64_t parent, const char *name,
			 char **ret)
{
	struct inode_view v;
	char *dir;
	int r = inode_get(s->inodes, parent, &v);

	if (r < 0)
		return r;
	if (v.key.kind != INODE_SCRATCH) {
		r = inode_path(s->inodes, parent, NULL, &dir);
		if (r < 0)
			return r == -ESTALE ? -ENOENT : r;
		if (mkdirat(s->fd, dir, 0700) != 0 && errno != EEXIST)
			r = -errno;
		free(dir);
		if (r < 0)
			return r;
	}
	return inode_path(s->inodes, parent, name, ret);
}

int scratch_create(struct scratch *s, uint64_t parent, const char *name,
		   mode_t mode, int flags, struct stat *ret)
{
	char *path;
	int fd, r = scratch_path_for_new(s, parent, name, &path);

	if (r < 0)
		return r;
	fd = openat(s->fd, path,
		    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0) {
		if (fchmod(fd, scratch_local_mode(mode, false)) != 0)
			r = -errno;
	} else if (errno == EEXIST && (flags & O_EXCL) == 0) {
		fd = openat(s->fd, path,
			    O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC |
				    (flags & O_TRUNC));
	}
	if (fd < 0)
		r = -errno;
	else
		close(fd);
	if (r == 0)
		r = scratch_stat_path(s, path, ret);
	free(path);
	return r;
}

int scratch_mkdir(struct scratch *s, uint64_t parent, const char *name,
		  mode_t mode, struct stat *ret)
{
	char *path;
	int r = scratch_path_for_new(s, parent, name, &path);

	if (r < 0)
		return r;
	if (mkdirat(s->fd, path, 0700) != 0 ||
	    fchmodat(s->fd, path, scratch_local_mode(mode, true), 0) != 0)
		r = -errno;
	if (r == 0)
		r = scratch_stat_path(s, path, ret);
	free(path);
	return r;
}

int scratch_symlink(struct scratch *s, const char *target, uint64_t parent,
		    const char *name, struct stat *ret)
{
	char *path;
	int r = scratch_path_for_new(s, parent, name, &path);

	if (r < 0)
		return r;
	if (symlinkat(target, s->fd, path) != 0)
		r = -errno;
	if (r == 0)
		r = scratch_stat_path(s, path, ret);
	free(path);
	return r;
}

int scratch_mknod(struct scratch *s, uint64_t parent, const char *name,
		  mode_t mode, struct stat *ret)
{
	mode_t type = mode & S_IFMT;
	char *path;
	int r;

	if (type == S_IFREG || type == 0)
		return scratch_create(s, parent, name, mode, O_EXCL, ret);
	if (type != S_IFIFO && type != S_IFSOCK)
		return -EPERM;
	r = scratch_path_for_new(s, parent, name, &path);
	if (r < 0)
		return r;
	if (mknodat(s->fd, path, type | 0600, 0) != 0 ||
	    fchmodat(s->fd, path, scratch_local_mode(mode, false), 0) != 0)
		r = -errno;
	if (r == 0)
		r = scratch_stat_path(s, path, ret);
	free(path);
	return r;
}

int scratch_link(struct scratch *s, uint64_t nodeid, uint64_t parent,
		 const char *name, struct stat *ret)
{
	char *from, *to;
	int r = inode_path(s->inodes, nodeid, NULL, &from);

	if (r < 0)
		return r;
	r = scratch_path_for_new(s, parent, name, &to);
	if (r < 0) {
		free(from);
		return r;
	}
	if (linkat(s->fd, from, s->fd, to, 0) != 0)
		r = -errno;
	if (r == 0)
		r = scratch_stat_path(s, to, ret);
	free(from);
	free(to);
	return r;
}

int scratch_readlink(struct scratch *s, uint64_t nodeid, char **ret)
{
	char *path, buf[4096]; /* a link's target is at most PATH_MAX */
	ssize_t n;
	int r = inode_path(s->inodes, nodeid, NULL, &path);

	if (r < 0)
		return r;
	n = readlinkat(s->fd, path, buf, sizeof(buf));
	r = n < 0 ? -errno : 0;
	free(path);
	if (r < 0)
		return r;
	*ret = strndup(buf, (size_t)n);
	return *ret == NULL ? -ENOMEM : 0;
}

int scratch_open(struct scratch *s, uint64_t nodeid, int flags)
{
	char *path;
	struct stat st;
	int fd, r = inode_path(s->inodes, nodeid, NULL, &path);

	if (r < 0)
		return r;
	fd = openat(s->fd, path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	r = fd < 0 ? -errno : 0;
	free(path);
	if (r < 0)
		return r == -ENOENT ? -ESTALE : r;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return -EINVAL;
	}
	return fd;
}

static int sync_dir(int at, const char *path)
{
	int r = 0, fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
					 O_CLOEXEC);

	if (fd < 0) /* no directory, or renamed or removed meanwhile */
		return errno == ENOTDIR || errno == ENOENT ? 0 : -errno;
	/* some file systems have no sync of directories: EINVAL */
	if (fsync(fd) != 0 && errno != EINVAL)
		r = -errno;
	close(fd);
	return r;
}

int scratch_sync_names(struct scratch *s, const char *path)
{
	char *at = strdup(path), *slash;
	int r = at == NULL ? -ENOMEM : sync_dir(s->fd, at);

	while (r == 0 && (slash = strrchr(at, '/')) != NULL) {
		*slash = '\0';
		r = sync_dir(s->fd, at);
	}
	free(at);
	return r < 0 ? r : sync_dir(s->fd, ".");
}

int scratch_chmod(struct scratch *s, uint64_t nodeid, mode_t mode)
{
	struct stat st;
	char *path;
	int r = inode_path(s->inodes, nodeid, NULL, &path);

	if (r < 0)
		return r;
	r = scratch_stat_path(s, path, &st);
	if (r == 0 && S_ISLNK(st.st_mode))
		r = -EOPNOTSUPP;
	if (r == 0) {
		mode_t local = scratch_local_mode(mode, S_ISDIR(st.st_mode));

		if (fchmodat(s->fd, path, local, 0) != 0)
			r = -errno;
	}
	free(path);
	return r;
}

int scratch_truncate(struct scratch *s, uint64_t nodeid, uint64_t size)
{
	int r = 0, fd = scratch_open(s, nodeid, O_RDWR);

	if (fd < 0)
		return fd;
	if (ftruncate(fd, (off_t)size) != 0)
		r = -errno;
	close(fd);
	return r;
}

int scratch_utimens(struct scratch *s, uint64_t nodeid,
		    const struct timespec times[2])
{
	char *path;
	int r = inode_path(s->inodes, nodeid, NULL, &path);

	if (r < 0)
		return r;
	if (utimensat(s->fd, path, times, AT_SYMLINK_NOFOLLOW) != 0)
		r = -errno;
	free(path);
	return r;
}

int scratch_read_all(struct scratch *s, uint64_t parent, const char *name,
		     size_t max, char **ret, size_t *ret_n)
{
	struct stat st;
	char *path, *buf = NULL;
	size_t n = 0, want;
	int fd, r = inode_path(s->inodes, parent, name, &path);

	if (r < 0)
		return r;
	fd = openat(s->fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	r = fd < 0 ? -errno : 0;
	free(path);
	if (r < 0)
		return r == -ELOOP ? -EPERM : r;
	if (fstat(fd, &st) != 0)
		r = -errno;
	else if (!S_ISREG(st.st_mode))
		r = -EPERM;
	else if ((uint64_t)st.st_size > max)
		r = -EFBIG;
	want = r == 0 ? (size_t)st.st_size : 0;
	if (r == 0 && (buf = malloc(want + 1)) == NULL)
		r = -ENOMEM;
	while (r == 0 && n < want) {
		ssize_t got = pread(fd, buf + n, want - n, (off_t)n);

		if (got < 0 && errno != EINTR)
			r = -errno;
		if (got == 0)
			break;
		if (got > 0)
			n += (size_t)got;
	}
	close(fd);
	if (r < 0) {
		free(buf);
		return r;
	}
	buf[n] = '\0';
	*ret = buf;
	*ret_n = n;
	return 0;
}
