#include "powerloss.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The shadow: f/KEY is a file's content, d/KEY a directory's names, a line
 * each: "f KEY NAME" or "d KEY NAME". KEY is inode number and birth time. */
#define PAGE 4096
#define KEY_MAX 64

static char root[PATH_MAX], shadow[PATH_MAX];
static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;

static int key_of(int dirfd, const char *path, char key[KEY_MAX],
		  bool *is_dir)
{
	struct statx st;

	if (statx(dirfd, path, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW,
		  STATX_BASIC_STATS | STATX_BTIME, &st) < 0)
		return -errno;
	if (!(st.stx_mask & STATX_BTIME))
		return -ENOTSUP;
	*is_dir = S_ISDIR(st.stx_mode);
	if (!*is_dir && !S_ISREG(st.stx_mode))
		return -EINVAL;
	snprintf(key, KEY_MAX, "%llx-%llx-%x", (unsigned long long)st.stx_ino,
		 (unsigned long long)st.stx_btime.tv_sec,
		 st.stx_btime.tv_nsec);
	return 0;
}

static int shadow_path(const char *in, char kind, const char *key,
		       char out[PATH_MAX])
{
	int n = snprintf(out, PATH_MAX, "%s/%c/%s", in, kind, key);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* ---- bytes ---- */

struct bytes {
	char *p;
	size_t n;
};

static int read_fd(int fd, struct bytes *b)
{
	struct stat st;
	ssize_t k;

	*b = (struct bytes){ 0 };
	if (fstat(fd, &st) < 0)
		return -errno;
	b->p = malloc((size_t)st.st_size + 1);
	if (!b->p)
		return -ENOMEM;
	while (b->n < (size_t)st.st_size) {
		k = pread(fd, b->p + b->n, (size_t)st.st_size - b->n,
			  (off_t)b->n);
		if (k <= 0)
			break;
		b->n += (size_t)k;
	}
	return 0;
}

static int read_path(const char *path, struct bytes *b)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;

	*b = (struct bytes){ 0 };
	if (fd < 0)
		return -errno;
	r = read_fd(fd, b);
	close(fd);
	return r;
}

static int write_path(const char *path, const void *p, size_t n)
{
	char tmp[PATH_MAX];
	const char *at = p;
	int fd;

	if (snprintf(tmp, sizeof(tmp), "%s~", path) >= (int)sizeof(tmp))
		return -ENAMETOOLONG;
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	while (n > 0) {
		ssize_t k = write(fd, at, n);

		if (k <= 0) {
			close(fd);
			return -EIO;
		}
		at += k;
		n -= (size_t)k;
	}
	close(fd);
	return rename(tmp, path) < 0 ? -errno : 0;
}

/* ---- noting what is durable ---- */

static int note_file(int fd, const char *key)
{
	char path[PATH_MAX];
	struct bytes b;
	int r = shadow_path(shadow, 'f', key, path);

	if (r == 0)
		r = read_fd(fd, &b);
	if (r < 0)
		return r;
	r = write_path(path, b.p, b.n);
	free(b.p);
	return r;
}

static int list_names(const char *dir, char **ret, size_t *ret_n)
{
	FILE *m = open_memstream(ret, ret_n);
	DIR *d = opendir(dir);
	const struct dirent *e;
	char key[KEY_MAX];
	bool is_dir = false;
	int r = 0;

	if (!m || !d)
		r = -errno;
	while (r == 0 && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (key_of(dirfd(d), e->d_name, key, &is_dir) < 0)
			continue; /* gone meanwhile */
		fprintf(m, "%c %s %s\n", is_dir ? 'd' : 'f', key, e->d_name);
	}
	if (d)
		closedir(d);
	if (m && fclose(m) != 0)
		r = -ENOMEM;
	return r;
}

static int note_dir(const char *dir, const char *key)
{
	char path[PATH_MAX], *text = NULL;
	size_t n = 0;
	int r = shadow_path(shadow, 'd', key, path);

	if (r == 0)
		r = list_names(dir, &text, &n);
	if (r == 0)
		r = write_path(path, text, n);
	free(text);
	return r;
}

static int note_tree(const char *dir)
{
	char path[PATH_MAX], key[KEY_MAX];
	const struct dirent *e;
	bool is_dir = false;
	DIR *d;
	int r = key_of(AT_FDCWD, dir, key, &is_dir), fd;

	if (r == 0)
		r = note_dir(dir, key);
	d = r == 0 ? opendir(dir) : NULL;
	while (r == 0 && d && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
		    key_of(dirfd(d), e->d_name, key, &is_dir) < 0)
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", dir, e->d_name) >=
		    (int)sizeof(path))
			r = -ENAMETOOLONG;
		else if (is_dir)
			r = note_tree(path);
		else if ((fd = open(path, O_RDONLY | O_CLOEXEC)) >= 0) {
			r = note_file(fd, key);
			close(fd);
		}
	}
	if (d)
		closedir(d);
	return r;
}

int powerloss_begin(const char *of, const char *into)
{
	char path[PATH_MAX];
	int r;

	if (!realpath(of, root))
		return -errno;
	(void)mkdir(into, 0700);
	if (!realpath(into, shadow))
		return -errno;
	for (const char *k = "fd"; *k; k++)
		if (shadow_path(shadow, *k, "", path) < 0 ||
		    (mkdir(path, 0700) < 0 && errno != EEXIST))
			return -errno;
	r = note_tree(root);
	if (r < 0)
		root[0] = '\0';
	return r;
}

void powerloss_end(void)
{
	root[0] = '\0';
}

static void synced(int fd)
{
	char link[64], path[PATH_MAX], key[KEY_MAX];
	size_t n = strlen(root);
	bool is_dir = false;
	ssize_t k;
	int keep = errno;

	if (n == 0)
		return;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	k = readlink(link, path, sizeof(path) - 1);
	if (k > 0) {
		path[k] = '\0';
		pthread_mutex_lock(&mu);
		if (strncmp(path, root, n) == 0 &&
		    (path[n] == '/' || path[n] == '\0') &&
		    key_of(fd, "", key, &is_dir) == 0)
			(void)(is_dir ? note_dir(path, key) :
					note_file(fd, key));
		pthread_mutex_unlock(&mu);
	}
	errno = keep;
}

int fsync(int fd)
{
	int r = (int)syscall(SYS_fsync, fd);

	if (r == 0)
		synced(fd);
	return r;
}

int fdatasync(int fd)
{
	int r = (int)syscall(SYS_fdatasync, fd);

	if (r == 0)
		synced(fd);
	return r;
}

/* ---- the cut ---- */

static uint64_t chance(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed >> 11;
}

static bool toss(uint64_t *seed)
{
	return *seed != 0 && chance(seed) % 2 == 1;
}

/* As synced, as written last, or pages of both, as they came. */
static void mix(struct bytes *was, const struct bytes *now, uint64_t *seed)
{
	uint64_t how = chance(seed) % 3;
	size_t at, n;

	if (how == 0)
		return;
	if (how == 1 || toss(seed)) {
		was->p = realloc(was->p, now->n + 1);
		if (was->p && now->n > was->n)
			memset(was->p + was->n, 0, now->n - was->n);
		was->n = now->n;
	}
	for (at = 0; was->p && at < was->n && at < now->n; at += PAGE) {
		n = was->n - at < PAGE ? was->n - at : PAGE;
		if (n > now->n - at)
			n = now->n - at;
		if (how == 1 || toss(seed))
			memcpy(was->p + at, now->p + at, n);
	}
}

static int cut_file(const char *live, const char *in, const char *key,
		    const char *to, uint64_t *seed)
{
	struct bytes was = { 0 }, now = { 0 };
	char path[PATH_MAX];
	int r = shadow_path(in, 'f', key, path);

	if (r < 0)
		return r;
	(void)read_path(path, &was); /* never synced: it is empty */
	if (*seed && live && read_path(live, &now) == 0)
		mix(&was, &now, seed);
	r = write_path(to, was.p, was.n);
	free(was.p);
	free(now.p);
	return r;
}

struct entry {
	char type, key[KEY_MAX], name[NAME_MAX + 1];
	bool was, is;
};

struct entries {
	struct entry *v;
	size_t n;
};

static int add_entries(struct entries *e, char *text, bool now)
{
	char *line, *rest = text;
	struct entry x, *p;
	size_t i;

	while ((line = strsep(&rest, "\n")) != NULL) {
		memset(&x, 0, sizeof(x));
		if (sscanf(line, "%c %63s %255[^\n]", &x.type, x.key,
			   x.name) != 3)
			continue;
		for (i = 0; i < e->n; i++)
			if (strcmp(e->v[i].name, x.name) == 0 &&
			    strcmp(e->v[i].key, x.key) == 0)
				break;
		if (i == e->n) {
			p = realloc(e->v, (e->n + 1) * sizeof(*p));
			if (!p)
				return -ENOMEM;
			e->v = p;
			e->v[e->n++] = x;
		}
		e->v[i].was |= !now;
		e->v[i].is |= now;
	}
	return 0;
}

static int cut_dir(const char *live, const char *in, const char *key,
		   const char *to, uint64_t *seed)
{
	char path[PATH_MAX], sub_live[PATH_MAX], sub_to[PATH_MAX];
	struct entries e = { 0 };
	struct bytes b = { 0 };
	char *text = NULL;
	size_t n = 0, i;
	bool now = toss(seed); /* as a whole: renames are not torn apart */
	int r = shadow_path(in, 'd', key, path);

	if (r == 0 && read_path(path, &b) == 0) {
		b.p[b.n] = '\0';
		r = add_entries(&e, b.p, false);
	}
	if (r == 0 && live && list_names(live, &text, &n) == 0)
		r = add_entries(&e, text, true);
	if (r == 0 && mkdir(to, 0700) < 0)
		r = -errno;
	for (i = 0; r == 0 && i < e.n; i++) {
		const struct entry *x = &e.v[i];

		if (!(now ? x->is : x->was))
			continue;
		snprintf(sub_live, sizeof(sub_live), "%.2000s/%s",
			 live ? live : "", x->name);
		snprintf(sub_to, sizeof(sub_to), "%.2000s/%s", to, x->name);
		r = (x->type == 'd' ? cut_dir : cut_file)(
			live && x->is ? sub_live : NULL, in, x->key, sub_to,
			seed);
	}
	free(e.v);
	free(b.p);
	free(text);
	return r;
}

int powerloss_cut(const char *of, const char *into, const char *to,
		  uint64_t seed)
{
	char key[KEY_MAX];
	bool is_dir = false;
	uint64_t s = seed * UINT64_C(0x9e3779b97f4a7c15);
	int r = key_of(AT_FDCWD, of, key, &is_dir);

	return r < 0 ? r : cut_dir(of, into, key, to, &s);
}

/* Preloaded: before anything of the program runs. */
__attribute__((constructor)) static void preloaded(void)
{
	const char *env = getenv("ATFS_POWERLOSS");
	char of[PATH_MAX];
	const char *colon = env ? strchr(env, ':') : NULL;
	int r;

	if (!colon || (size_t)(colon - env) >= sizeof(of))
		return;
	memcpy(of, env, (size_t)(colon - env));
	of[colon - env] = '\0';
	r = powerloss_begin(of, colon + 1);
	if (r < 0) {
		fprintf(stderr, "powerloss: %s: %s\n", of, strerror(-r));
		_exit(99);
	}
}
