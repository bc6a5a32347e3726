/* Listing a scratch directory in an order that stays the same while names come
 * and go. */
#include "scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch_int.h"

#define NAMES_MAX 1000000 /* in one directory; ours */

static int64_t name_offset(const char *name)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (; *name != '\0'; name++)
		h = (h ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	h ^= h >> 31;
	return SCRATCH_OFFSET | (int64_t)(h & (SCRATCH_OFFSET - 1));
}

static int compare(const void *a, const void *b)
{
	const struct scratch_name *x = a, *y = b;

	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return strcmp(x->name, y->name);
}

void scratch_names_free(struct scratch_name *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i].name);
	free(names);
}

static int add(struct scratch_name **names, size_t *n, size_t *cap,
	       const char *name)
{
	struct scratch_name *e;

	if (*n == NAMES_MAX)
		return -EOVERFLOW;
	if (*n == *cap) {
		size_t more = *cap == 0 ? 16 : *cap * 2;
		void *p = realloc(*names, more * sizeof(**names));

		if (p == NULL)
			return -ENOMEM;
		*names = p;
		*cap = more;
	}
	e = &(*names)[*n];
	e->name = strdup(name);
	if (e->name == NULL)
		return -ENOMEM;
	e->offset = name_offset(name);
	(*n)++;
	return 0;
}

/* A directory of ours, or NULL with errno. */
static DIR *open_dir(struct scratch *s, uint64_t dir)
{
	char *path;
	DIR *d;
	int fd, r;

	if (dir == INODE_ORPHANAGE) {
		fd = openat(s->fd, SCRATCH_ORPHANS,
			    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	} else {
		r = inode_path(s->inodes, dir, NULL, &path);
		if (r < 0) {
			errno = r == -ESTALE ? ENOENT : -r;
			return NULL;
		}
		fd = openat(s->fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
						 O_CLOEXEC);
		r = errno;
		free(path);
		errno = r;
	}
	if (fd < 0)
		return NULL;
	d = fdopendir(fd);
	if (d == NULL)
		close(fd);
	return d;
}

int scratch_list(struct scratch *s, uint64_t dir, struct scratch_name **ret,
		 size_t *ret_n)
{
	struct scratch_name *names = NULL;
	size_t n = 0, cap = 0;
	struct dirent *e;
	DIR *d = open_dir(s, dir);
	int r = 0;

	*ret = NULL;
	*ret_n = 0;
	if (d == NULL)
		return errno == ENOENT ? 0 : -errno;
	for (errno = 0; r == 0 && (e = readdir(d)) != NULL; errno = 0) {
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = add(&names, &n, &cap, e->d_name);
	}
	if (r == 0 && errno != 0)
		r = -errno;
	closedir(d);
	if (r < 0) {
		scratch_names_free(names, n);
		return r;
	}
	if (n > 1)
		qsort(names, n, sizeof(*names), compare);
	*ret = names;
	*ret_n = n;
	return 0;
}

struct timespec scratch_dir_mtime(struct scratch *s,
				  const struct inode_key *dir)
{
	char path[INODE_STEM_BUF];
	struct stat st;

	if (inode_stem(dir, path) < 0 ||
	    fstatat(s->fd, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return (struct timespec){ .tv_sec = 0 };
	return st.st_mtim;
}
